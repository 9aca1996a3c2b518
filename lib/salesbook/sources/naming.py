"""A map for an export of any system, by the names and contents of its columns."""

import difflib
import re
from collections import Counter

from babel.numbers import list_currencies

from salesbook import maps
from salesbook.sources.proposed import Fed, Match, Proposal, column_of, outcome, quoted, synonyms
from salesbook.sources.reader import name_key
from salesbook.sources.survey import Profile, Surveyed
from salesbook.tables import TABLES

SIMILAR = 0.86
CORE = "core of a known name"
OF_DEALS = (
    "deal", "deals", "opportunity", "opp", "sales", "pipeline", "current", "crm", "verkoopkans", "huidige", "nuværende",
    "aftale",
)  # fmt: skip
OF_DATES = (
    "date", "time", "datetime", "timestamp", "at", "on", "datum", "tijd", "op", "dato", "tid", "den", "am", "utc",
)  # fmt: skip
MONEY = r"(?:€|\$|£|eur|usd|gbp|dkk|sek|nok|kr\b)"
SCALED = re.compile(
    rf"(?i)(?<![^\W\d_])(?:[ktm]\.? ?{MONEY}|{MONEY} ?[ktm](?!\w)|[ktm](?!\w)|thousand|duizend|tusind|tusen|tausend|"
    r"tsd|mln|mio|miljoen|million|milj)|\b1[.,' ]?000\b|'000"
)
OF_IDS = ("id", "ref", "reference", "number", "nr", "no", "key", "guid", "uuid", "code", "nummer", "identifier", "ids")
EMPTY_CORES = {*OF_DATES, *OF_IDS, "name", "naam", "navn", "namn", "title", "titel", "label"}  # tell nothing
RECORDS = {
    "deal_id": ("deal", "opportunity", "opp", "verkoopkans", "salgsmulighed", "aftale"),
    "lead_id": ("lead", "kundeemne"),
    "activity_id": ("activity", "activiteit", "aktivitet", "task", "call", "meeting", "event", "engagement"),
    "contact_id": ("contact", "person", "contactpersoon", "kontaktperson"),
}
JOINED = (  # with the word behind them, as in `Salgsfase`
    "offerte", "angebots", "tilbuds", "salgs", "affärs", "handels", "aftale", "deal", "verkoop", "sales", "vertriebs",
    "verkaufs", "avtale", "sälj",
)  # fmt: skip
CURRENCIES = ("eur", "usd", "gbp", "dkk", "sek", "nok", "chf", "pln")
OF_MONEY = (*CURRENCIES, "kr", "euro")
ONLY = {"euros": "EUR", "pounds": "GBP"}  # signs that are of one currency alone


def of_names(export: list[Surveyed]) -> Proposal:
    """A map by the names that exports of all kinds have."""
    made, best = Proposal(), {}
    for file in export:
        if fed := best_for(file):
            best[file.name] = fed
    made.fed = together(parted(list(best.values())))
    for fed in made.fed:
        if fed.name == "deals":
            complete_deals(made, fed)
        ask_for_unfit(made, fed)
    return made


def best_for(file: Surveyed) -> Fed | None:
    """The table most of whose names a file has; None where it has too few of any."""
    found = [Fed(table, [file.name], *named(table, file), file.columns) for table in TABLES if table in synonyms()]
    found = [fed for fed in found if is_enough(fed)]
    return max(found, key=lambda fed: (len(fed.matches) / len(fed.profiles), len(fed.matches)), default=None)


def parted(fed: list[Fed]) -> list[Fed]:
    """Tables of files; activities in files of different headers, as calls and meetings are, as parts by their names."""
    acts = [one for one in fed if one.name == "activities"]
    if len({tuple(one.profiles) for one in acts}) > 1:
        for one in acts:
            one.name = f"activities-{re.sub(r'[^a-z0-9]+', '', one.files[0].lower().rpartition('.')[0])}"
    return fed


def together(fed: list[Fed]) -> list[Fed]:
    """Files of one table with the same header as one; of others the one with the most of its columns."""
    found: dict[str, Fed] = {}
    for one in sorted(fed, key=lambda one: (not one.is_offered, -len(one.matches), one.files)):
        first = found.setdefault(one.name, one)
        if first is not one and list(first.profiles) == list(one.profiles):
            first.files.extend(one.files)
            first.profiles = {
                name: profile.with_rows_of(one.profiles[name]) for name, profile in first.profiles.items()
            }
            first.is_offered = first.is_offered and one.is_offered
    return [found[name] for name in sorted(found)]


def unfit(fed: Fed) -> dict[str, str]:
    """The canonical columns whose name a column of the file bears that has other values: column to the file's."""
    there = called(Surveyed("", fed.profiles), {match.named for match in fed.matches})
    found = {column: best_of(keys, there, "known name") for column, keys in keys_of(fed.name, "known name").items()}
    kinds = {column: column_of(fed, column).type for column, place in found.items() if place}
    return {column: found[column] for column, kind in kinds.items()
            if fed.source_of(column) is None and not fed.profiles[found[column]].fits(kind)
            and not (kind == "money" and is_scaled(found[column]))}  # fmt: skip


def ask_for_unfit(made: Proposal, fed: Fed) -> None:
    """Ask what to do with a column that bears the name of a canonical one and has other values than it."""
    for column, place in unfit(fed).items():
        value = fed.profiles[place].example
        ask = f"{place!r} bears the name of {column}, but not all its values are such ({value!r}). Mend them, or:"
        made.ask(f"columns.{fed.name}", ask, f'{column} = ""', f"{column} = {quoted(place)}")
    for column, keys in keys_of(fed.name, "known name").items():
        alike = [name for name in fed.unused if name_key(name).partition("(")[0] in keys]
        if fed.source_of(column) is None and len(alike) > 1:
            made.ask_which(fed, column, f"{len(alike)} columns may be {column}.", alike)


def named(table: str, file: Surveyed) -> tuple[list[Match], list[str]]:
    """The columns of a table that a file has, by name or a name like it, and the file's columns that are none of them.

    Of several names that are there the first is taken whose column has values, and such as it must have. A column feeds
    two canonical ones only where both have its very name.
    """
    found: dict[str, Match] = {}
    for how in ("known name", "similar name"):
        for column, keys in keys_of(table, how).items():
            used = {match.named for match in found.values()} if how == "similar name" else set()
            kind = maps.table(table).column(column).type
            fitting = {key: name for key, name in called(file, used).items()
                       if file.columns[name].fits(kind) and not (kind == "money" and is_scaled(name))}  # fmt: skip
            filled = {key: name for key, name in fitting.items() if file.columns[name].filled}
            place = ""
            if how == "similar name":
                place = by_core(table, column, {name: file.columns[name] for name in fitting.values()})
                if column in maps.table(table).key:
                    filled = fitting = {key: name for key, name in filled.items() if file.columns[name].is_unique}
            is_core = place != ""
            place = place or best_of(keys, filled, how) or best_of(keys, fitting, how)
            if column not in found and place:
                found[column] = Match(column, place, CORE if is_core else how)
    used = {match.named for match in found.values()}
    return list(found.values()), [name for name in file.columns if name not in used]


def is_scaled(name: str) -> bool:
    """Whether a column's name says that its numbers are thousands or millions.

    Examples:
    >>> is_scaled("Amount (k€)"), is_scaled("Bedrag (x 1.000)"), is_scaled("Amount (EUR)"), is_scaled("Beløb kr.")
    (True, True, False, False)
    """
    return SCALED.search(name) is not None


def keys_of(table: str, how: str) -> dict[str, list[str]]:
    """The names, as `name_key`, that each column of a table may have; its own alone is taken for no similar one."""
    table = maps.table_name(table)
    told = synonyms()[table]
    columns = [column.name for column in maps.table(table).columns if is_looked_for(column.name, table, how)]
    return {column: [name_key(name) for name in (column, *told.get(column, ()))] for column in columns}


def is_looked_for(column: str, table: str, how: str) -> bool:
    """Whether a column is looked for: one that names are told for, or a canonical one by its own name."""
    is_own = any(column == one.name for one in TABLES[table].columns)
    return (column in synonyms()[table] and (is_own or how == "known name")) or (is_own and how == "known name")


def called(file: Surveyed, used: set[str]) -> dict[str, str]:
    """A file's columns that are not used, by their names as `name_key`, and by these without what most of them begin
    with, as in `Deal - Stage` and `Deal - Value`, or without a unit in brackets, as in `Amount (EUR)`."""
    starts = Counter(start.group() for name in file.columns if (start := re.match(r".*?(?: - |: |\.)", name)))
    start, count = starts.most_common(1)[0] if starts else ("", 0)
    start = start if 2 * count > len(file.columns) else ""
    names = [name for name in file.columns if name not in used]
    short = {name_key(name.removeprefix(start)): name for name in names if name.startswith(start)}
    bare = Counter(map(bare_key, short))
    alone = {bare_key(key): name for key, name in short.items() if bare[bare_key(key)] == 1}
    return alone | short | {name_key(name): name for name in names}


def bare_key(key: str) -> str:
    """A name without a unit in brackets, and without signs around it, as in `Won?`, `Stage *` and `Created ↑`."""
    return re.sub(r"^[^\w(]+|\W+$", "", key.partition("(")[0]) or key


def best_of(keys: list[str], there: dict[str, str], how: str) -> str:
    """The first of the names that is one of the keys, the keys in order, or the one most like one; "" if none is."""
    if how == "known name":
        return next((there[key] for key in keys if key in there), "")
    near = [close for key in keys if len(key) > 4 for close in difflib.get_close_matches(key, there, 1, SIMILAR)]
    return there[near[0]] if near else ""


def by_core(table: str, column: str, profiles: dict[str, Profile]) -> str:
    """The only one of a file's names that says, in its core, what a known name of a column says; "" if none does.

    Of a column of words one value at least must be known: `State` may be a part of a country; and a core must tell
    something: `Name` is no `pipeline name`.
    """
    table = maps.table_name(table)
    kind, words = maps.table(table).column(column).type, maps.table(table).column(column).words
    if kind == "id" and column != "owner_id":
        found = [name for name in profiles if is_id_of(name, column)]
        return found[0] if len(found) == 1 else ""
    rest = OF_DATES if kind in ("instant", "date") else OF_MONEY if kind == "money" else ()
    there: dict[str, list[str]] = {}
    for name, profile in profiles.items():
        if not words or any(outcome(value, words) for value in profile.values):
            there.setdefault(core(name, rest), []).append(name)
    known = [core(name, rest) for name in (column, *synonyms()[table].get(column, ()))]
    return next((there[one][0] for one in known if one not in EMPTY_CORES and len(there.get(one, [])) == 1), "")


def is_id_of(name: str, column: str) -> bool:
    """Whether a name says that it is the id of a record, as `Activity ref` and `opportunityNumber` do.

    Examples:
    >>> is_id_of("Opportunity ref", "deal_id"), is_id_of("Deal value", "deal_id"), is_id_of("ref", "deal_id")
    (True, False, False)
    """
    *rest, last = words_of(name) or [""]
    return last in OF_IDS and "".join(rest) in RECORDS.get(column, ())


def words_of(name: str) -> list[str]:
    """The words of a name, without what stands in brackets."""
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-zæøåäöü])(?=[A-ZÆØÅÄÖÜ])", " ", name.partition("(")[0]).lower())


def core(name: str, rest: tuple[str, ...] = ()) -> str:
    """A name without what it is of (a deal, a sale, the current one), and without the words at its ends that say only
    what kind of value it has: `rest`, that it is a date, or the currency of an amount.

    Examples:
    >>> core("createdDateTime", OF_DATES), core("Current stage"), core("Salgsfase"), core("amount_eur", OF_MONEY)
    ('created', 'stage', 'fase', 'amount')
    """
    words = words_of(name)
    while len(words) > 1 and words[0] in OF_DEALS:
        words = words[1:]
    while len(words) > 1 and words[-1] in rest:
        words = words[:-1]
    while len(words) > 1 and words[0] in rest:
        words = words[1:]
    return re.sub(rf"^(?:{'|'.join(JOINED)})(?=\w{{4}})", "", "".join(words))


def is_enough(fed: Fed) -> bool:
    """Whether so many columns are found that a file may be the table."""
    names = {match.column for match in fed.matches} | unfit(fed).keys()
    if fed.name == "deals":
        tells_end = bool({"stage", "status"} & names) or {"is_won", "is_lost"} <= names
        return len(names) >= 4 and tells_end and bool({"amount", "created_at"} & names)
    key = {name for name in TABLES[fed.name].key if name != "pipeline"}
    return len({match.named for match in fed.matches}) >= min(3, len(TABLES[fed.name].key) + 2) and key <= names


def complete_deals(made: Proposal, fed: Fed) -> None:
    """What the contents tell of deals beside the names: their id, a closing date, their status and pipeline."""
    if fed.source_of("deal_id") is None:
        unique = [name for name in fed.unused if fed.profiles[name].is_unique]
        plain = [name for name in unique if not fed.profiles[name].signed] or unique  # a title has signs, an id none
        if len(plain) == 1:
            fed.matches.append(Match("deal_id", plain[0], "by contents"))
            fed.unused.remove(plain[0])
    if fed.source_of("pipeline") is None:
        made.constants["deals"] = {"pipeline": "Sales"}
    settle_currency(made, fed)
    if fed.source_of("stage") is None and fed.source_of("status"):
        fed.matches.append(Match("stage", fed.source_of("status").name, "the status, for want of a stage"))
        say_of_stage(made, fed)
    settle_leads(made, fed)
    complete_status(made, fed)
    complete_closing(made, fed)
    if (chance := fed.source_of("probability")) and chance.is_percent:
        made.do("deals", "probability_from_percent")


def settle_leads(made: Proposal, fed: Fed) -> None:
    """Leave out the leads that a file of deals holds, too, and that would be counted as open deals (Odoo).

    Rule: a column called type that says lead or opportunity of every row tells them. Of another with these words among
    its own it is asked what they mean, and no row that has one is read before that is answered.
    """
    taken = {match.named for match in fed.matches if match.column != "type"}
    for name, profile in fed.profiles.items():
        kinds = {value: outcome(value, ("lead", "opportunity")) for value in profile.values if name not in taken}
        if not {"lead", "opportunity"} <= set(kinds.values()):
            continue
        words = {value: "yes" if kind == "lead" else "no" for value, kind in kinds.items()}
        if "" not in kinds.values() and fed.source_of("type") is profile:
            made.words["deals"] = {"is_lead": words, "type": dict.fromkeys(words, "")}
        else:
            ways = (words, dict.fromkeys(words, "no"))
            lines = ["\n".join(f"{quoted(value)} = {quoted(word)}" for value, word in way.items()) for way in ways]
            ask = (
                f"Which rows are leads by {name!r}, and no deals? As the first lines say, or the second, where none is."
            )
            made.ask("words.deals.is_lead", ask, *lines)
        fed.matches.append(Match("is_lead", name, "by contents"))
        fed.unused = [one for one in fed.unused if one != name]
        made.do("deals", "leads_left_out")
        return


def complete_status(made: Proposal, fed: Fed) -> None:
    """The status of deals that no column tells: of the columns that say whether they are won, else of the stage."""
    if fed.source_of("status"):
        return
    if fed.source_of("is_won") and (fed.source_of("is_lost") or fed.source_of("is_closed")):
        made.do("deals", "status_from_flags")
    else:
        status_of_stage(made, fed)


def complete_closing(made: Proposal, fed: Fed) -> None:
    """When deals were closed: of the dates of winning and losing, or of one date that is the expected one before."""
    won, lost = fed.source_of("won_at"), fed.source_of("lost_at")
    if won and lost and won.name != lost.name:
        fed.matches = [m for m in fed.matches if m.column != "closed_at" or m.named not in (won.name, lost.name)]
    closing, expected = fed.source_of("closed_at"), fed.source_of("expected_close")
    if closing and expected and closing.name == expected.name:
        fed.matches = [match for match in fed.matches if match.column != "expected_close"]
        expected = None
    if closing and closing.filled == closing.rows and expected is None:
        fed.matches = [
            m if m.column != "closed_at" else Match("close_date", m.named, "by contents") for m in fed.matches
        ]
        if won or lost:
            made.do("deals", "closed_at_from_won_and_lost")
        made.do("deals", "closed_at_from_history")
        names = keys_of("deals", "known name")["closed_at"]
        real = [one for one in fed.unused if name_key(one) in names and fed.profiles[one].is_date]
        fed.matches += [Match("closed_at", one, "known name") for one in real[:1]]
        fed.unused = [one for one in fed.unused if one not in real[:1]]
    elif closing is None and won and lost:
        made.do("deals", "closed_at_from_won_and_lost")
    else:
        fed.matches = [match for match in fed.matches if match.column not in ("won_at", "lost_at")]
        read = {match.named for match in fed.matches}
        fed.unused += [one.name for one in (won, lost) if one and one.name not in {*read, *fed.unused}]


def status_by_words(fed: Fed) -> str:
    """The only column, not read as another, whose few values say in known words that deals are won and lost, or ""."""
    found = [name for name in fed.unused if ends_of(fed.profiles[name])]
    return found[0] if len(found) == 1 else ""


def status_of_stage(made: Proposal, fed: Fed) -> None:
    """The status of deals that only their stage tells: its words for won and lost where both are known; of another
    column where that has both; else asked."""
    stage = fed.source_of("stage")
    if stage is None:
        return
    if not ends_of(stage) and (name := status_by_words(fed)):
        fed.matches.append(Match("status", name, "by contents"))
        fed.unused = [one for one in fed.unused if one != name]
        return
    fed.matches.append(Match("status", stage.name, "by contents"))
    say_of_stage(made, fed)


def ends_of(profile: Profile) -> dict[str, str]:
    """The values of a column with what they say of deals, won, lost or "", where some are won and some lost."""
    ends = {value: outcome(value, ("won", "lost")) for value in profile.values}
    return ends if {"won", "lost"} <= set(ends.values()) else {}


def say_of_stage(made: Proposal, fed: Fed) -> None:
    """Take deals for open that are in no stage which says that they are won or lost, where some are in both."""
    if ends := ends_of(fed.source_of("stage")):
        words = {value: word for value, word in ends.items() if word} | {"*": "open"}
        made.words.setdefault("deals", {})["status"] = words
        pipelines = fed.source_of("pipeline")
        made.stages = ends if pipelines is None or len(pipelines.values) == 1 else {}


def settle_currency(made: Proposal, fed: Fed) -> None:
    """The currency of deals: the one that the name of the amounts tells, else the only column, whatever its name, all
    of whose values are codes of currencies.

    Rule: where the name tells one, a column of currencies that says another is not of these amounts (`amount_eur`
    beside `currency`).
    """
    code, told = currency_of(fed), fed.source_of("currency")
    if code and (told is None or set(told.values) != {code}):
        made.constants.setdefault("deals", {})["currency"] = code
        fed.matches = [match for match in fed.matches if match.column != "currency"]
        fed.unused += [told.name] if told else []
    if code or told:
        return
    known = set(list_currencies())
    found = [name for name in fed.unused if (values := fed.profiles[name].values) and known.issuperset(values)]
    if len(found) == 1:
        fed.matches.append(Match("currency", found[0], "by contents"))
        fed.unused = [one for one in fed.unused if one != found[0]]


def currency_of(fed: Fed) -> str:
    """The currency that the name of the amounts bears, in brackets or at its end, or their sign where no column tells
    it; "" where none does."""
    amount, has_column = fed.source_of("amount"), fed.source_of("currency") is not None
    if amount is None:
        return ""
    if amount.sign in ONLY and not has_column:
        return ONLY[amount.sign]
    code = re.search(r"[(\[]([A-Z]{3})[)\]]", amount.name)
    if code and code.group(1) in list_currencies() and not has_column:
        return code.group(1)
    last = (words_of(amount.name) or [""])[-1]
    return last.upper() if last in CURRENCIES else ""
