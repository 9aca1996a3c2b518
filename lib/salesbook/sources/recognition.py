"""A map for an export of any system, by the names and contents of its columns: which table each file is."""

import re
from collections.abc import Collection

from salesbook import maps
from salesbook.sources import contents, naming, outcomes
from salesbook.sources.known import records, synonyms
from salesbook.sources.proposed import Fed, Match, Proposal, column_of, quoted
from salesbook.sources.reader import name_key
from salesbook.sources.survey import Surveyed, says_scale
from salesbook.tables import TABLES

MOST_ALIKE = 4  # rows with one amount, on average


def of_names(export: list[Surveyed]) -> Proposal:
    """A map by the names that exports of all kinds have."""
    made, best = Proposal(), {}
    for file in export:
        if fed := best_for(file):
            best[file.name] = fed
    made.fed = together(parted(list(best.values())))
    taken = {maps.table_name(fed.name) for fed in made.fed}
    read = {name for fed in made.fed for name in fed.files}
    others = (best_for(file, tables_told(file.name) - taken) for file in export if file.name not in read)
    made.fed += together(parted([fed for fed in others if fed]))
    for fed in made.fed:
        if fed.name == "deals":
            contents.complete_deals(made, fed)
        ask_for_unfit(made, fed)
        ask_for_alike(made, fed)
    return made


def best_for(file: Surveyed, tables: Collection[str] | None = None) -> Fed | None:
    """The table most of whose names a file has; None where it has too few of any. The file's own name counts as one:
    some systems call deals leads.

    Parameters: `tables`, those that it may be; any if left out.
    """
    may = synonyms() if tables is None else tables
    found = [Fed(table, [file.name], *naming.named(table, file.columns), file.columns) for table in may]
    for fed in found:
        find_key(fed)
    told = tables_told(file.name)
    found = [fed for fed in found if is_enough(fed) and (fed.name in told or is_telling(fed))]
    if told == {"stages"}:
        found = [fed for fed in found if fed.name in ("stages", "deals")]
    return max(found, key=lambda fed: (len(fed.matches) + ({fed.name} == told), {fed.name} == told), default=None)


def tables_told(name: str) -> set[str]:
    """The tables whose records a file's name speaks of.

    Examples:
    >>> tables_told("Leads_2026.csv"), tables_told("crm.xlsx#Aktiviteter")
    ({'leads'}, {'activities'})
    >>> sorted(tables_told("deals and leads.csv"))
    ['deals', 'leads']
    """
    words = naming.words_of(name.rpartition("/")[2])
    of_one = {table: TABLES[table].key[0] for table in synonyms() if len(TABLES[table].key) == 1}
    found = {table for table, key in of_one.items() if speaks_of(words, key)}
    return found or ({"stages"} if speaks_of(words, "stage_id") else set())


def speaks_of(words: list[str], key: str) -> bool:
    """Whether one of several words is one for the records of a key, or begins with it."""
    return any(word == one or (len(one) > 3 and word.startswith(one) and len(word) < len(one) + 4)
               for word in words for one in records(key))  # fmt: skip


def find_key(fed: Fed) -> None:
    """Take the only column whose values are all different for the id of activities or leads, where no name tells it and
    names tell several other columns."""
    key = TABLES[fed.name].key[0]
    unique = [name for name in fed.unused if fed.profiles[name].is_unique and not fed.profiles[name].signed]
    if fed.name in ("activities", "leads") and fed.source_of(key) is None and len(fed.matches) > 3 and len(unique) == 1:
        fed.matches.append(Match(key, unique[0], "by contents"))
        fed.unused.remove(unique[0])


def parted(fed: list[Fed]) -> list[Fed]:
    """Tables of files; activities in files of different headers, as calls and meetings are, as parts by their names."""
    acts = [one for one in fed if one.name == "activities"]
    if len({tuple(one.profiles) for one in acts}) > 1:
        for one in acts:
            one.name = f"activities-{re.sub(r'[^a-z0-9]+', '', one.files[0].lower().rpartition('.')[0])}"
    return fed


def together(fed: list[Fed]) -> list[Fed]:
    """Files of one table as one where they are of one kind; of others the one with the most of its columns, those
    before whose names speak of no other table."""

    def place(one: Fed) -> tuple:
        told = tables_told(one.files[0])
        speaks_of_others = bool(told) and maps.table_name(one.name) not in told
        return not one.is_offered, speaks_of_others, -len(one.matches), one.files

    found: dict[str, Fed] = {}
    for one in sorted(fed, key=place):
        first = found.setdefault(one.name, one)
        if first is not one and are_of_one_kind(first, one):
            join(first, one)
    return [found[name] for name in sorted(found)]


def are_of_one_kind(first: Fed, one: Fed) -> bool:
    """Whether two files of a table have the same columns, in any order; or one has a few more, which no row must have,
    and no record is in both; files whose names say what became of their deals may both have some more."""
    names, others = set(first.profiles), set(one.profiles)
    if names == others:
        return True
    must = {column.name for column in maps.table(first.name).columns if column.filled or column.needed}
    lacking = {match.column for fed in (first, one) for match in fed.matches if match.named not in names & others}
    are_told = all(outcomes.said_by_names([*first.files, *one.files]).values())
    are_alike = names < others or others < names or are_told
    return are_alike and not lacking & must and are_of_different_records(first, one)


def are_of_different_records(first: Fed, one: Fed) -> bool:
    """Whether no record of one file is in the other: by the key, or by any column whose values are all different."""
    key = maps.table(first.name).key[0]
    keys = [fed.source_of(key) for fed in (first, one)]
    both = [(profile, one.profiles[name]) for name, profile in first.profiles.items() if name in one.profiles]
    pairs = [tuple(keys)] if None not in keys else both
    return any(mine.is_unique and other.is_unique and not mine.least & other.least for mine, other in pairs)


def join(first: Fed, one: Fed) -> None:
    """Read another file of the same kind, too."""
    first.partial |= first.profiles.keys() ^ one.profiles.keys()
    first.headers = first.headers or {first.files[0]: set(first.profiles)}
    first.headers[one.files[0]] = set(one.profiles)
    both = {
        name: profile.with_rows_of(one.profiles[name])
        for name, profile in first.profiles.items()
        if name in one.profiles
    }
    first.profiles = first.profiles | one.profiles | both
    there = {match.column for match in first.matches}
    first.matches += [match for match in one.matches if match.column not in there]
    read = {match.named for match in first.matches}
    first.unused = [name for name in first.profiles if name not in read]
    first.files.extend(one.files)
    first.is_offered = first.is_offered and one.is_offered


def ask_for_unfit(made: Proposal, fed: Fed) -> None:
    """Ask what to do with a column that bears the name of a canonical one and has other values than it."""
    for column, place in naming.unfit(fed).items():
        go_on = f'{column} = ""'
        if column_of(fed, column).type == "money" and says_scale(place):
            ask = f"{place!r} seems to be in thousands or millions: export whole amounts. Or go on without them:"
            made.ask(f"columns.{fed.name}", ask, go_on)
            continue
        value = fed.profiles[place].example
        ask = f"{place!r} bears the name of {column}, but not all its values are such ({value!r}). Mend them, or:"
        made.ask(f"columns.{fed.name}", ask, go_on, f"{column} = {quoted(place)}")


def ask_for_alike(made: Proposal, fed: Fed) -> None:
    """Ask which of several columns is a canonical one, where their names are the same but for what is in brackets."""
    for wanted in naming.looked_for(fed.name, naming.KNOWN):
        column = wanted.column.name
        alike = [name for name in fed.unused if name_key(name).partition("(")[0] in wanted.keys]
        if fed.source_of(column) is None and len(alike) > 1:
            made.ask_which(fed, column, f"{len(alike)} columns may be {column}.", alike)


TELLING = {"leads": {"source", "status"}, "activities": {"occurred_at", "direction", "deal_id"}}


def is_telling(fed: Fed) -> bool:
    """Whether a file has a column that tells leads or activities from users, companies and whatever else has an id, an
    owner and a day."""
    return fed.name not in TELLING or bool(TELLING[fed.name] & {match.column for match in fed.matches})


def is_enough(fed: Fed) -> bool:
    """Whether so many columns are found that a file may be the table; two are, if its name speaks of that table."""
    names = {match.column for match in fed.matches} | naming.unfit(fed).keys()
    if fed.name == "deals":
        tells_end = bool({"stage", "status"} & names) or {"is_won", "is_lost"} <= names
        tells_end = tells_end or outcomes.bears_one(fed.files[0])
        return len(names) >= 4 and tells_end and bool({"amount", "created_at"} & names)
    key = {name for name in TABLES[fed.name].key if name != "pipeline"}
    least = 2 if {fed.name} == tables_told(fed.files[0]) else min(3, len(TABLES[fed.name].key) + 2)
    return len({match.named for match in fed.matches}) >= least and key <= names


def of_contents(export: list[Surveyed]) -> Fed | None:
    """The file that is likeliest to hold the deals by what its columns hold, where no name tells one: only a person can
    say that it does; None where none may."""
    found = [Fed("deals", [file.name], *naming.named("deals", file.columns), file.columns, is_asked=True)
             for file in export if may_hold_deals(file)]  # fmt: skip
    return max(found, key=lambda fed: len(fed.matches), default=None)


def may_hold_deals(file: Surveyed) -> bool:
    """Whether a file has what deals have: a column whose values are all different, dates, a class of few, and amounts:
    numbers with a point or comma, or many different ones."""
    columns = [column for column in file.columns.values() if column.filled]
    amounts = (one for one in columns if one.is_number and not one.is_date and not one.is_unique)
    return (
        any(one.is_unique for one in columns)
        and any(one.is_date for one in columns)
        and any((one.is_wordy or one.is_coded) and one.values and one.distinct < one.filled for one in columns)
        and any(one.signed or one.distinct * MOST_ALIKE > one.filled for one in amounts)
    )
