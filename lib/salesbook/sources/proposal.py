"""A map proposed for an export, by the names and contents of its columns; what they do not prove is asked."""

import difflib
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from babel.numbers import list_currencies

from salesbook import maps
from salesbook.schema import Column
from salesbook.settings import Source
from salesbook.sources import files, plan, steps
from salesbook.sources.reader import name_key
from salesbook.sources.survey import Profile, Surveyed
from salesbook.tables import TABLES

SIMILAR = 0.86
ASKED_LATER = ("currency", "pipeline", "status")


@dataclass(frozen=True)
class Match:
    """A canonical column, the file's column it is taken from, and how sure that is."""

    column: str
    named: str
    how: str


@dataclass(frozen=True)
class Question:
    """What the export does not tell: in which section of the settings, what to know, and the lines to choose from."""

    section: str
    ask: str
    lines: tuple[str, ...]


@dataclass
class Fed:
    """A table of the proposal: its name or part, its files, its columns, and those that are not read."""

    name: str
    files: list[str]
    matches: list[Match]
    unused: list[str]
    profiles: dict[str, Profile]
    is_offered: bool = False

    def source_of(self, column: str) -> Profile | None:
        """The profile of the file's column that a canonical one is taken from."""
        return next((self.profiles[match.named] for match in self.matches if match.column == column), None)


@dataclass
class Proposal:
    """A proposed map: `extends`, a map that ships, or ""; tables; constants and words; forms; stages with what became
    of deals in them, whose order nothing tells; what is asked; and files that are not read, with why."""

    extends: str = ""
    fed: list[Fed] = field(default_factory=list)
    forms: dict[str, tuple[str, str]] = field(default_factory=dict)
    constants: dict[str, dict[str, str]] = field(default_factory=dict)
    words: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    steps: dict[str, list[str]] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    not_read: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, section: str, ask: str, *lines: str) -> None:
        """Write down what the export does not tell."""
        self.questions.append(Question(section, ask, lines))


@cache
def synonyms() -> dict[str, dict[str, list[str]]]:
    """The names under which any export may have each column, and the words for each outcome."""
    text = resources.files("salesbook").joinpath("sources", "crm", "names.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def all_names() -> set[str]:
    """Every name that any map knows, as `name_key`."""
    found = {name_key(name) for columns in synonyms().values() for names in columns.values() for name in names}
    for crm in maps.KNOWN:
        for columns in maps.shipped(crm)["columns"].values():
            found |= {name_key(one) for named in columns.values() for same in plan.alternatives(named) for one in same}
    return found


def propose(export: list[Surveyed]) -> Proposal:
    """A map for an export.

    Rule: salesbook's own tables are taken as they are; else the CRM whose names its files have; else each file is the
    table most of whose names it has, and each column the one of its name, of a name like it, or the only one whose
    contents can be it. Forms of dates and numbers are decided where all columns together prove them.
    """
    readable = [file for file in export if file.columns]
    made = own_tables(readable) or of_crm(readable) or of_names(readable)
    read = {name for fed in made.fed for name in fed.files}
    made.not_read = [(file.name, why_not(file)) for file in export if file.name not in read]
    decide_forms(made, [file for file in readable if file.name in read])
    for fed in made.fed:
        ask_for_lacking(made, fed)
        ask_for_words(made, fed)
    ask_for_stages(made)
    if not any(maps.table_name(fed.name) == "deals" for fed in made.fed):
        made.ask("files", "Which file holds the deals?", *(f'deals = "{file.name}"' for file in readable))
    return made


def why_not(file: Surveyed) -> str:
    """Why a file is not read."""
    if file.later_header:
        return f"line {file.later_header} looks like its header: take away what stands before it"
    return file.refusal or "no table has its columns"


def stem_of(name: str) -> str:
    """A file's name without sheet and ending, in small letters."""
    bare = name.partition("#")[0].lower()
    return next((bare[: -len(end)] for end in files.ENDINGS if bare.endswith(end)), bare)


def own_tables(export: list[Surveyed]) -> Proposal | None:
    """Salesbook's own tables, where the file of deals is one."""
    made = Proposal()
    for file in export:
        table = TABLES.get(stem_of(file.name))
        there = {column.name for column in table.columns} & set(file.columns) if table else set()
        if table and {column.name for column in table.columns if column.filled} - {"currency"} <= there:
            matches = [Match(name, name, "known name") for name in there]
            unused = [name for name in file.columns if name not in there]
            made.fed.append(Fed(table.name, [file.name], matches, unused, file.columns, is_offered=True))
    return made if any(fed.name == "deals" for fed in made.fed) else None


# A CRM that a map ships for


def of_crm(export: list[Surveyed]) -> Proposal | None:
    """The map of the CRM whose names the files have the most of; None where the file of deals is of none."""
    found = [(crm, fed_by(crm, export)) for crm in maps.KNOWN]
    found = [(crm, fed) for crm, fed in found if any(is_deals(one, export) for one in fed)]
    if not found:
        return None
    crm, fed = max(found, key=lambda pair: sum(len(one.matches) for one in pair[1]))
    made = Proposal(extends=crm, fed=fed)
    for one in fed:
        ask_for_twins(made, one, maps.shipped(crm)["columns"][one.name])
    return made


def is_deals(fed: Fed, export: list[Surveyed]) -> bool:
    """Whether a table is that of deals, and the CRM's names find more of its columns than those of any system."""
    names = {match.column for match in fed.matches}
    if maps.table_name(fed.name) != "deals" or len(names) < 5 or not {"deal_id", "stage"} <= names:
        return False
    file = next(file for file in export if file.name == fed.files[0])
    return len({match.named for match in fed.matches}) > len({match.named for match in named("deals", file)[0]})


def fed_by(crm: str, export: list[Surveyed]) -> list[Fed]:
    """The tables that a CRM's map finds in an export: by the names of files, else by those of columns."""
    shipped, found = maps.shipped(crm), {}
    source = Source(extends=crm, steps=shipped.get("steps", {}), constants=shipped.get("constants", {}))
    for name, columns in shipped["columns"].items():
        for file in export:
            offered = any(files.is_called(stem_of(file.name), one) for one in shipped["files"][name])
            matches = matched(columns, file)
            names = {match.column for match in matches}
            lacking = required(name, source) - names
            if lacking or not (offered or (is_distinct(columns, names) and not is_called_otherwise(file, shipped))):
                continue
            key = (maps.table_name(name), file.name)
            if key not in found or len(found[key].matches) < len(matches):
                unused = [one for one in file.columns if one not in {match.named for match in matches}]
                found[key] = Fed(name, [file.name], matches, unused, file.columns, is_offered=offered)
    return together(list(found.values()))


def is_called_otherwise(file: Surveyed, shipped: dict) -> bool:
    """Whether a file bears the name of one of the map's tables."""
    return any(files.is_called(stem_of(file.name), one) for names in shipped["files"].values() for one in names)


def is_distinct(columns: dict, names: set[str]) -> bool:
    """Whether so many of a table's columns are there that a file of another name is taken for it."""
    return len(names) >= max(5, len(columns) // 3)


def required(name: str, source: Source) -> set[str]:
    """The columns that a file must have to be a table of a CRM; one asked for later may be missing."""
    table = steps.table_for(name, source, [])
    given = {*source.constants.get(name, {}), *ASKED_LATER}
    return {column.name for column in table.columns if column.filled and column.name not in given}


def matched(columns: dict, file: Surveyed) -> list[Match]:
    """The columns of a map that a file has, each by the first of its names that is there."""
    there = {name_key(name): name for name in file.columns}
    found = []
    for column, named in columns.items():
        known = (one for same in plan.alternatives(named) for one in same)
        first = next((there[name_key(one)] for one in known if name_key(one) in there), "")
        if first:
            found.append(Match(column, first, "known name"))
    return found


def together(fed: list[Fed]) -> list[Fed]:
    """Files of one table with the same header as one; of others the one with the most of its columns."""
    found: dict[str, Fed] = {}
    for one in sorted(fed, key=lambda one: (not one.is_offered, -len(one.matches), one.files)):
        first = found.setdefault(one.name, one)
        if first is not one and list(first.profiles) == list(one.profiles):
            first.files.extend(one.files)
            first.is_offered = first.is_offered and one.is_offered
    return [found[name] for name in sorted(found)]


def ask_for_twins(made: Proposal, fed: Fed, columns: dict) -> None:
    """Ask which of two columns is meant, where the file has two alternatives of the map."""
    there = {name_key(name): name for name in fed.profiles}
    for column, named in columns.items():
        known = [[there[name_key(one)] for one in same if name_key(one) in there] for same in plan.alternatives(named)]
        both = [same[0] for same in known if same]
        if len(both) > 1:
            lines = [f"{column} = {quoted(name)}" for name in both]
            made.ask(f"columns.{fed.name}", f"{fed.files[0]} has {len(both)} columns that may be {column}.", *lines)


# An export of any other system


def of_names(export: list[Surveyed]) -> Proposal:
    """A map by the names that exports of all kinds have."""
    made, best = Proposal(), {}
    for file in export:
        found = [Fed(table, [file.name], *named(table, file), file.columns) for table in TABLES if table in synonyms()]
        found = [fed for fed in found if is_enough(fed)]
        if found:
            fed = max(found, key=lambda fed: (len(fed.matches) / len(fed.profiles), len(fed.matches)))
            best[file.name] = fed
    made.fed = together(list(best.values()))
    for fed in made.fed:
        if fed.name == "deals":
            complete_deals(made, fed)
        ask_for_unfit(made, fed)
    return made


def unfit(fed: Fed) -> dict[str, str]:
    """The canonical columns whose name a column of the file bears that has other values: column to the file's."""
    there = called(Surveyed("", fed.profiles), {match.named for match in fed.matches})
    found = {column: best_of(keys, there, "known name") for column, keys in keys_of(fed.name, "known name").items()}
    return {column: place for column, place in found.items() if place and fed.source_of(column) is None}


def ask_for_unfit(made: Proposal, fed: Fed) -> None:
    """Ask what to do with a column that bears the name of a canonical one and has other values than it."""
    for column, place in unfit(fed).items():
        value = next(iter(fed.profiles[place].values), "")
        ask = f"{place!r} bears the name of {column}, but not all its values are such ({value!r}). Mend them, or:"
        made.ask(f"columns.{fed.name}", ask, f'{column} = ""', f"{column} = {quoted(place)}")
    for column, keys in keys_of(fed.name, "known name").items():
        alike = [name for name in fed.unused if name_key(name).partition("(")[0] in keys]
        if fed.source_of(column) is None and len(alike) > 1:
            lines = [f"{column} = {quoted(name)}" for name in alike]
            made.ask(f"columns.{fed.name}", f"{len(alike)} columns may be {column}.", *lines)


def named(table: str, file: Surveyed) -> tuple[list[Match], list[str]]:
    """The columns of a table that a file has, by name or a name like it, and the file's columns that are none of them.

    A column feeds two canonical ones only where both have its very name.
    """
    found: dict[str, Match] = {}
    for how in ("known name", "similar name"):
        for column, keys in keys_of(table, how).items():
            used = {match.named for match in found.values()} if how == "similar name" else set()
            place = best_of(keys, called(file, used), how)
            if column not in found and place and file.columns[place].fits(TABLES[table].column(column).type):
                found[column] = Match(column, place, how)
    used = {match.named for match in found.values()}
    return list(found.values()), [name for name in file.columns if name not in used]


def keys_of(table: str, how: str) -> dict[str, list[str]]:
    """The names, as `name_key`, that each column of a table may have; its own alone is taken for no similar one."""
    told = synonyms()[table]
    columns = [column.name for column in TABLES[table].columns if column.name in told or how == "known name"]
    return {column: [name_key(name) for name in (column, *told.get(column, ()))] for column in columns}


def called(file: Surveyed, used: set[str]) -> dict[str, str]:
    """A file's columns that are not used, by their names as `name_key`, and by these without what most of them begin
    with, as in `Deal - Stage` and `Deal - Value`, or without a unit in brackets, as in `Amount (EUR)`."""
    starts = Counter(start.group() for name in file.columns if (start := re.match(r".*?(?: - |: |\.)", name)))
    start, count = starts.most_common(1)[0] if starts else ("", 0)
    start = start if 2 * count > len(file.columns) else ""
    names = [name for name in file.columns if name not in used]
    short = {name_key(name.removeprefix(start)): name for name in names if name.startswith(start)}
    bare = Counter(key.partition("(")[0] for key in short)
    alone = {key.partition("(")[0]: name for key, name in short.items() if bare[key.partition("(")[0]] == 1}
    return alone | short | {name_key(name): name for name in names}


def best_of(keys: list[str], there: dict[str, str], how: str) -> str:
    """The first of the names that is one of the keys, the keys in order, or the one most like one; "" if none is."""
    if how == "known name":
        return next((there[key] for key in keys if key in there), "")
    near = [close for key in keys if len(key) > 4 for close in difflib.get_close_matches(key, there, 1, SIMILAR)]
    return there[near[0]] if near else ""


def is_enough(fed: Fed) -> bool:
    """Whether so many columns are found that a file may be the table."""
    names = {match.column for match in fed.matches} | unfit(fed).keys()
    if fed.name == "deals":
        return len(names) >= 4 and bool({"stage", "status"} & names) and bool({"amount", "created_at"} & names)
    key = {name for name in TABLES[fed.name].key if name != "pipeline"}
    return len({match.named for match in fed.matches}) >= min(3, len(TABLES[fed.name].key) + 2) and key <= names


def complete_deals(made: Proposal, fed: Fed) -> None:
    """What the contents tell of deals beside the names: their id, a closing date, their status and pipeline."""
    if fed.source_of("deal_id") is None or fed.source_of("deal_id").distinct < fed.source_of("deal_id").rows:
        unique = [name for name in fed.unused if is_unique(fed.profiles[name])]
        fed.matches = [match for match in fed.matches if match.column != "deal_id"]
        fed.matches += [Match("deal_id", name, "by contents") for name in unique if len(unique) == 1]
    if fed.source_of("pipeline") is None:
        made.constants["deals"] = {"pipeline": "Sales"}
    if code := currency_of(fed):
        made.constants.setdefault("deals", {})["currency"] = code
    if fed.source_of("stage") is None and fed.source_of("status"):
        fed.matches.append(Match("stage", fed.source_of("status").name, "the status, for want of a stage"))
    if fed.source_of("status") is None and (stage := fed.source_of("stage")):
        fed.matches.append(Match("status", stage.name, "by contents"))
        ends = {value: outcome(value, ("won", "lost")) for value in stage.values}
        if {"won", "lost"} <= set(ends.values()):
            made.words["deals"] = {"status": {value: word for value, word in ends.items() if word} | {"*": "open"}}
            made.stages = ends if "pipeline" in made.constants.get("deals", {}) else {}
    closing = fed.source_of("closed_at")
    if closing and closing.filled == closing.rows and fed.source_of("expected_close") is None:
        fed.matches = [
            m if m.column != "closed_at" else Match("close_date", m.named, "by contents") for m in fed.matches
        ]
        made.steps["deals"] = ["closed_at_from_history"]
    if (chance := fed.source_of("probability")) and chance.is_percent:
        made.steps.setdefault("deals", []).append("probability_from_percent")


def currency_of(fed: Fed) -> str:
    """The currency that the name of the amounts bears in brackets, where no column tells it; "" where it bears none."""
    amount = fed.source_of("amount")
    code = re.search(r"[(\[]([A-Z]{3})[)\]]", amount.name) if amount and fed.source_of("currency") is None else None
    return code.group(1) if code and code.group(1) in list_currencies() else ""


def is_unique(profile: Profile) -> bool:
    """Whether every row has a value of its own, that is neither a date nor an amount."""
    return profile.rows == profile.distinct > 0 and not profile.is_date and not profile.signed


def outcome(value: str, words: tuple[str, ...]) -> str:
    """The canonical word that a value says in any language; "" where it is none of them."""
    key = name_key(value)
    return next((word for word in words if key in map(name_key, (word, *synonyms()["words"].get(word, [])))), "")


# What both kinds must settle


def column_of(fed: Fed, name: str) -> Column:
    """A canonical column of a table of the proposal."""
    return maps.table(fed.name).column(name)


def decide_forms(made: Proposal, export: list[Surveyed]) -> None:
    """Decide the order of dates, the signs of numbers and the encoding where the columns prove them; ask the rest."""
    typed = [(column_of(fed, m.column).type, fed.profiles[m.named]) for fed in made.fed for m in fed.matches]
    dates = [profile for kind, profile in typed if kind in ("instant", "date") and profile.filled]
    numbers = [p for kind, p in typed if kind in ("money", "number", "share", "integer", "rate") and p.filled]
    decide_dates(made, dates)
    decide_numbers(made, [profile for profile in numbers if profile.signed and profile.is_number])
    if any(profile.timed > profile.zoned for profile in dates):
        lines = ('zone = "UTC"', 'zone = "Europe/Amsterdam"', 'zone = "Europe/Copenhagen"')
        made.ask("source", "Times bear no zone. Which is theirs? A replica's is UTC, an export's the user's.", *lines)
    with_amounts = [fed for fed in made.fed if any(column_of(fed, m.column).type == "money" for m in fed.matches)]
    if any(fed.source_of("currency") is None and "currency" not in made.constants.get(fed.name, {})
           for fed in with_amounts):  # fmt: skip
        made.ask("source", "Amounts bear no currency. Which is theirs?", 'currency = "EUR"', 'currency = "DKK"')
    if any(file.encoding != "utf-8" for file in export):
        made.forms["encoding"] = ("cp1252", "not UTF-8: as Excel on Windows writes it; look at names with accents")


def decide_dates(made: Proposal, dates: list[Profile]) -> None:
    """The one order of day, month and year in which all columns can be read."""
    read = {form for form in ("ymd", "dmy", "mdy") if all(p.dates[form] == p.filled for p in dates if p.is_date)}
    if not dates or "ymd" in read:
        made.forms["date_form"] = ("ymd", "every date begins with its year" if dates else "there are no dates")
    elif len(read) == 1:
        form = next(iter(read))
        sample = next(p.name for p in dates if p.is_date and sum(n == p.filled for n in p.dates.values()) == 1)
        made.forms["date_form"] = (form, f"{sample!r} can be read in no other order")
    elif read:
        lines = ('date_form = "dmy"', 'date_form = "mdy"')
        made.ask("source", "No date tells whether the day or the month comes first.", *lines)
    else:
        lines = ('date_form = "dmy"', 'date_form = "mdy"', 'date_form = "ymd"')
        made.ask("source", "Columns of dates are of different orders, which no one setting reads.", *lines)


def decide_numbers(made: Proposal, numbers: list[Profile]) -> None:
    """The one decimal sign with which all columns can be read."""
    read = [signs for signs in next(iter(numbers)).numbers if all(p.numbers[signs] == p.filled for p in numbers)] if (
        numbers
    ) else [(".", "")]  # fmt: skip
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


def ask_for_lacking(made: Proposal, fed: Fed) -> None:
    """Ask for the columns that a table must have and that no column of the file is, or whose values lack."""
    shipped = maps.shipped(made.extends) if made.extends else {}
    source = Source(extends=made.extends, steps=shipped.get("steps", {}) | made.steps)
    given = {*shipped.get("constants", {}).get(fed.name, {}), *made.constants.get(fed.name, {}), "currency"}
    for column in steps.table_for(fed.name, source, []).columns:
        found = fed.source_of(column.name)
        must = column.filled or (column.needed and "-" not in fed.name)
        if must and found is None and column.name not in given:
            lines = [f"{column.name} = {quoted(name)}" for name in fed.unused if fed.profiles[name].fits(column.type)]
            made.ask(f"columns.{fed.name}", f"Which column is {column.name} ({column.meaning})?", *lines[:8])
            example = column.words[0] if column.words else "..."
            made.ask(f"constants.{fed.name}", f"Or one value of {column.name} for every row:",
                     f'{column.name} = "{example}"')  # fmt: skip
        elif column.filled and found is not None and found.filled < 0.95 * found.rows:
            ask = (
                f"{column.name} is empty in {found.rows - found.filled} of {found.rows} rows. One value for every row:"
            )
            made.ask(f"constants.{fed.name}", ask, f'{column.name} = "..."')


def ask_for_stages(made: Proposal) -> None:
    """Where deals have no stage at all, ask to leave out the stages that none of them is in, and for a status."""
    stage = next((fed.source_of("stage") for fed in made.fed if fed.name == "deals"), None)
    if made.extends and stage is not None and stage.filled == 0:
        others = [fed.name for fed in made.fed if fed.name in ("stages", "stage_history")]
        made.ask("files", "No deal is in a stage: leave the stages out.", "\n".join(f'{name} = ""' for name in others))
        made.ask("constants.deals", "And what has become of these deals?", 'status = "open"')


def ask_for_words(made: Proposal, fed: Fed) -> None:
    """Translate the words that are known in any language, and ask for the others."""
    shipped = maps.shipped(made.extends) if made.extends else {}
    known = plan.words_of(fed.name, Source(words=shipped.get("words", {})))
    for match in fed.matches:
        column, profile = column_of(fed, match.column), fed.profiles[match.named]
        told = known.get(column.name, {}) | made.words.get(fed.name, {}).get(column.name, {})
        if not column.words or "*" in told:
            continue
        open_words = [value for value in profile.values if value not in told and value.lower() not in column.words]
        translated = {value: outcome(value, column.words) for value in open_words}
        words = {value: word for value, word in translated.items() if word}
        if words:
            made.words.setdefault(fed.name, {}).setdefault(column.name, {}).update(words)
        unknown = [value for value, word in translated.items() if not word]
        if profile.distinct > len(profile.values):
            ask = f"{match.named!r} has {profile.distinct} different values. Which are {', '.join(column.words)}?"
            made.ask(f"words.{fed.name}.{column.name}", ask, f'"*" = "{column.words[0]}"')
        elif unknown:
            ask = f'What do these values of {match.named!r} mean? One of {", ".join(column.words)}, or "" for none.'
            lines = [f"{quoted(value)} = {quoted(column.words[0])}" for value in unknown]
            made.ask(f"words.{fed.name}.{column.name}", ask, "\n".join(lines))


def quoted(text: str) -> str:
    """A text as TOML has it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
