"""What a proposal must settle whatever the export: forms of dates and numbers, outlines, currencies and signs."""

import re
from collections.abc import Iterable

from salesbook import maps
from salesbook.sources import dating, steps
from salesbook.sources.known import parts
from salesbook.sources.naming import words_of
from salesbook.sources.proposed import Fed, Match, Proposal, column_of, quoted
from salesbook.sources.survey import FORMS, Profile, Surveyed, says_cents

DURATIONS = {
    "of_seconds": "",
    "of_minutes": "duration_from_minutes",
    "of_milliseconds": "duration_from_milliseconds",
}  # words for units to the step that they need
DATES, NUMBERS = ("instant", "date"), ("money", "number", "share", "integer", "rate")  # the types written in some form


def decide_forms(made: Proposal, export: list[Surveyed]) -> None:
    """Decide the order of dates, the signs of numbers and the encoding where the columns prove them; ask the rest.

    Columns that are asked about count as well, where they can be read together with those that are taken.
    """
    dates, asked_dates = filled_of(made, DATES), filled_of(made, DATES, are_asked=True)
    decide_dates(made, dates, asked_dates)
    decide_numbers(made, filled_of(made, NUMBERS), filled_of(made, NUMBERS, are_asked=True))
    if any(profile.timed > profile.zoned for profile in (*dates, *asked_dates)):
        lines = ('zone = "UTC"', 'zone = "Europe/Amsterdam"', 'zone = "Europe/Copenhagen"')
        made.ask("source", "Times bear no zone. Which is theirs? A replica's is UTC, an export's the user's.", *lines)
    decide_currency(made)
    if any(lacks_currency(made, fed) for fed in made.fed):
        made.ask("source", "Amounts bear no currency. Which is theirs?", 'currency = "EUR"', 'currency = "DKK"')
    if any(file.encoding != "utf-8" for file in export):
        made.forms["encoding"] = ("cp1252", "not UTF-8: as Excel on Windows writes it; look at names with accents")


def filled_of(made: Proposal, kinds: tuple[str, ...], are_asked: bool = False) -> list[Profile]:
    """The columns with values that are taken for canonical ones of some types, or that are asked about."""
    pairs = [(fed, match) for fed in made.fed for match in (fed.asked if are_asked else fed.matches)]
    found = [fed.profiles[match.named] for fed, match in pairs if column_of(fed, match.column).type in kinds]
    found += [] if are_asked or kinds != DATES else [one for fed in made.fed for one in dates_entered(made, fed)]
    return [profile for profile in found if profile.filled]


def dates_entered(made: Proposal, fed: Fed) -> list[Profile]:
    """The columns that say when deals came into stages."""
    return [fed.profiles[name] for name in made.entered.values()] if maps.table_name(fed.name) == "deals" else []


def read_together(forms: Iterable, taken: list[dict], asked: list[dict]) -> list:
    """The forms, in their order, in which all columns that are taken can be read; of these the ones in which those that
    are asked about can be, too, one after another.

    Parameters: `taken`, `asked`, of each column each form to whether it can be read in it.
    """
    read = [form for form in forms if all(one[form] for one in taken)]
    for one in asked:
        read = [form for form in read if one[form]] or read
    return read


def settle_outlines(made: Proposal, export: list[Surveyed]) -> None:
    """Say where headers stand below titles, and that lines below the last row are the end of a report, to be left out;
    ask where that may be otherwise."""
    found = {file.name: file.outline for file in export}
    for fed in made.fed:
        outlines = [found[name] for name in fed.files if found[name].header]
        if outlines and all(one.is_header_sure for one in outlines):
            made.headers[fed.name] = outlines[0].header
        elif outlines:
            which = ", ".join(fed.files)
            ask = f"Is the line that begins with this the header of {which}, and what stands above it a title?"
            made.ask("headers", ask, f"{fed.name} = {quoted(outlines[0].header)}")
    ends = [file for file in export if file.outline.closing]
    ways = list(dict.fromkeys(way for file in ends for way in file.outline.closing))
    line = f"closing_lines = [{', '.join(map(quoted, ways))}]"
    if ends and all(file.outline.is_closing_sure for file in ends):
        made.closing = ways
    elif ends:
        ask = f"Lines below the last row of {', '.join(file.name for file in ends)} look like the end of a report."
        made.ask("source", f"{ask} Leave such lines out, counted?", line)


def decide_currency(made: Proposal) -> None:
    """The report's currency: the only one that the deals have; of several the person says, and brings the rates."""
    deals = next((fed for fed in made.fed if maps.table_name(fed.name) == "deals"), None)
    profile = deals and deals.source_of("currency")
    codes = profile.values if profile else (made.constants.get("deals", {}).get("currency"),)
    names = made.words.get("deals", {}).get("currency", {})
    codes = [names.get(code, code) for code in codes if code]
    if len(codes) == 1:
        made.report["currency"] = (codes[0], "every deal is in it")
    elif codes:
        ask = f"Deals are in {', '.join(codes)}. Which is the report's? The others need rates: a file fx_rates.csv with"
        lines = [f"currency = {quoted(code)}" for code in codes]
        made.ask("report", f"{ask} currency, rate_on and rate, the report's currency for one of them.", *lines)


def lacks_currency(made: Proposal, fed: Fed) -> bool:
    """Whether a table has amounts, or must say of which currency they are, and does not."""
    columns = maps.table(fed.name).columns
    must = any(column.type == "currency" and column.filled and column.name not in maps.table(fed.name).key
               for column in columns)  # fmt: skip
    has_amounts = any(column_of(fed, match.column).type == "money" for match in fed.matches)
    is_told = fed.source_of("currency") is not None or "currency" in made.constants.get(fed.name, {})
    return (must or has_amounts) and not is_told


def decide_dates(made: Proposal, taken: list[Profile], asked: list[Profile]) -> None:
    """The one order of day, month and year in which all columns can be read."""
    can = [[{form: count == p.filled for form, count in p.dates.items()} for p in some if p.is_date]
           for some in (taken, asked)]  # fmt: skip
    read, dates = read_together(("ymd", "dmy", "mdy"), *can), [*taken, *asked]
    if "ymd" in read:
        why = (
            "a month that is a word needs no order"
            if any(p.dates_by == "months_by_name" for p in dates)
            else "every date begins with its year"
        )
        made.forms["date_form"] = ("ymd", why if dates else "there are no dates")
    elif len(read) == 1:
        form = read[0]
        sample = next(p.name for p in dates if p.is_date and sum(n == p.filled for n in p.dates.values()) == 1)
        made.forms["date_form"] = (form, f"{sample!r} can be read in no other order")
    elif read:
        lines = ('date_form = "dmy"', 'date_form = "mdy"')
        made.ask("source", "No date tells whether the day or the month comes first.", *lines)
    else:
        lines = ('date_form = "dmy"', 'date_form = "mdy"', 'date_form = "ymd"')
        made.ask("source", "Columns of dates are of different orders, which no one setting reads.", *lines)


def decide_numbers(made: Proposal, taken: list[Profile], asked: list[Profile]) -> None:
    """The one decimal sign with which all columns can be read."""
    can = [[{signs: count == p.filled for signs, count in p.numbers.items()} for p in some if p.signed and p.is_number]
           for some in (taken, asked)]  # fmt: skip
    numbers = [*can[0], *can[1]]
    read = read_together(FORMS, *can) if numbers else [(".", "")]
    signs = {decimal for decimal, _ in read}
    if len(signs) == 1:
        decimal, thousands = read[0]
        why = "no number can be read with the other sign" if numbers else "no number has a point or comma"
        made.forms["decimal"] = (decimal, why)
        if thousands:
            made.forms["thousands"] = (thousands, "stands between thousands")
        return
    lines = [f"decimal = {quoted(decimal)}" + (f"\nthousands = {quoted(sign)}" if sign else "")
             for decimal, sign in sorted(dict(reversed(read)).items(), reverse=True)]  # fmt: skip
    lines = lines or ('decimal = "."', 'decimal = ","\nthousands = "."')
    made.ask("source", "No number tells whether the point or the comma is the decimal sign.", *lines)


def complete_amounts(made: Proposal, fed: Fed) -> None:
    """Take away the sign of a currency beside amounts, and the zeros that a database writes behind cents; read amounts
    that are in cents as whole ones."""
    if maps.table_name(fed.name) not in steps.UNITS["zeros_behind_cents"].columns:
        return
    amounts = fed.sources_of("amount")
    for sign in filter(None, (amount.sign for amount in amounts)):
        made.do(fed.name, f"amount_in_{sign}")
    if (taken := fed.source_of("amount")) and says_cents(taken.name):
        made.do(fed.name, "amount_in_cents")
    if any(amount.padded for amount in amounts):
        made.do(fed.name, "zeros_behind_cents")


def complete_durations(made: Proposal, fed: Fed) -> None:
    """Take for the duration of activities the only column whose name says that it is one, and in which unit."""
    if maps.table_name(fed.name) != "activities" or fed.source_of("duration_seconds"):
        return
    found = [(name, step) for name in fed.unused for unit, step in DURATIONS.items() if says_duration(name, unit)]
    found = [(name, step) for name, step in found if fed.profiles[name].fits("integer")]
    if len(found) == 1:
        ((name, step),) = found
        fed.matches.append(Match("duration_seconds", name, "name and unit"))
        fed.unused = [one for one in fed.unused if one != name]
        if step:
            made.do(fed.name, step)


def says_duration(name: str, unit: str) -> bool:
    """Whether a column's name says a duration in a unit, as `Duration (min.)` does."""
    words = set(words_of(re.sub(r"[()]", " ", name)))
    return bool(words & parts("of_durations") and words & parts(unit))


def complete_dates(made: Proposal, fed: Fed) -> None:
    """Ask for the steps that turn dates which are written with words or in figures alone."""
    matches = [*fed.matches, *fed.asked]
    dates = [fed.profiles[one.named] for one in matches if column_of(fed, one.column).type in DATES]
    there = {date.dates_by for date in (*dates, *dates_entered(made, fed))}
    for step in filter(there.__contains__, dating.TELLS):
        made.do(fed.name, step)
