"""The columns of a file by their names: known ones, ones that say the same in their core, and ones like them."""

import difflib
import re
from collections import Counter
from dataclasses import dataclass

from salesbook import maps
from salesbook.schema import Column
from salesbook.sources.known import of_amounts, outcome, parts, records, synonyms, told
from salesbook.sources.proposed import Fed, Match
from salesbook.sources.reader import name_key
from salesbook.sources.survey import Profile, says_scale
from salesbook.tables import TABLES

SIMILAR = 0.86
KNOWN, CORE, LIKE = "known name", "core of a known name", "similar name"


@dataclass(frozen=True)
class Wanted:
    """A canonical column that is looked for: its table, and the names that it may have, its own first."""

    table: str
    column: Column
    names: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        """The names as `name_key`."""
        return [name_key(name) for name in self.names]


def named(table: str, columns: dict[str, Profile]) -> tuple[list[Match], list[str]]:
    """The columns of a table that a file has, and the file's columns that are none of them.

    Rule: the ways of finding a column are tried in the order in which they are trusted, each for all columns before the
    next. Of several columns the first is taken that has values, and such as it must have. A column feeds two canonical
    ones only where both have its very name.
    """
    found: dict[str, Match] = {}
    for how in WAYS:
        for wanted in looked_for(table, how):
            used = set() if how == KNOWN else {match.named for match in found.values()}
            there = {key: one for key, one in called(columns, used).items() if one.fits(wanted.column.type)}
            if wanted.column.name not in found and (name := found_in(there, wanted, how)):
                found[wanted.column.name] = Match(wanted.column.name, name, how)
    used = {match.named for match in found.values()}
    return list(found.values()), [name for name in columns if name not in used]


def unfit(fed: Fed) -> dict[str, str]:
    """The canonical columns whose name a column of the file bears that has other values: column to the file's.

    An amount in thousands bears it in its core, too: `Amount in k` is one.
    """
    free = called(fed.profiles, {match.named for match in fed.matches})
    found = {}
    for how in (KNOWN, CORE):
        for wanted in looked_for(fed.name, how):
            may = (key for key, one in free.items() if how == KNOWN or says_scale(one.name))
            others = {key: free[key] for key in may if not free[key].fits(wanted.column.type)}
            if fed.source_of(wanted.column.name) is None and (name := WAYS[how](wanted, others)):
                found.setdefault(wanted.column.name, name)
    return found


def looked_for(table: str, how: str) -> list[Wanted]:
    """The columns that are looked for in a way: by name those that names are told for, and canonical ones by their own;
    else canonical ones that names are told for, but for times in a unit: a name like theirs may say another."""
    table = maps.table_name(table)
    own, known = {column.name for column in TABLES[table].columns}, synonyms()[table].keys()
    names = own | known if how == KNOWN else own & known
    return [
        Wanted(table, column, (column.name, *synonyms()[table].get(column.name, ())))
        for column in maps.table(table).columns
        if column.name in names and (how == KNOWN or column.unit != "seconds")
    ]


def found_in(there: dict[str, Profile], wanted: Wanted, how: str) -> str:
    """The name of the column that is the wanted one, of those with values before those without; "" if none is."""
    filled = {key: profile for key, profile in there.items() if profile.filled}
    return WAYS[how](wanted, filled) or WAYS[how](wanted, there)


def by_name(wanted: Wanted, there: dict[str, Profile]) -> str:
    """The first of the names that is there."""
    return next((there[key].name for key in wanted.keys if key in there), "")


def by_core(wanted: Wanted, there: dict[str, Profile]) -> str:
    """The only one of a file's names that says, in its core, what a known name of a column says; "" if none does.

    A core must tell something: `Name` is no `pipeline name`.
    """
    column, profiles = wanted.column, {profile.name: profile for profile in there.values()}
    if column.type == "id" and column.name != "owner_id":
        found = [name for name in profiles if is_id_of(name, column.name)]
        if column.name == maps.table(wanted.table).key[0]:
            found = found or [name for name in profiles if is_id_of(name, "any") and profiles[name].is_unique]
        return found[0] if len(found) == 1 else ""
    dates = column.type in ("instant", "date")
    of_words = parts("of_names") if column.words else frozenset()
    rest = parts("of_dates") if dates else of_amounts() if column.type == "money" else of_words
    of = parts("of_deals") if wanted.table == "deals" else records(maps.table(wanted.table).key[0])
    cores: dict[str, list[str]] = {}
    for name, profile in profiles.items():
        if says_a_word(profile, column):
            cores.setdefault(core(name, rest, of), []).append(name)
    empty = parts("of_dates") | parts("of_ids") | parts("of_names")
    known = [core(name, rest, of) for name in wanted.names]
    return next((cores[one][0] for one in known if one not in empty and len(cores.get(one, [])) == 1), "")


def by_likeness(wanted: Wanted, there: dict[str, Profile]) -> str:
    """The name most like one of the wanted, of those of some length; of a key, whose values are all different, and of
    another id, whose values are not yes and no."""
    if wanted.column.name in maps.table(wanted.table).key:
        there = {key: profile for key, profile in there.items() if profile.is_unique}
    there = {key: profile for key, profile in there.items() if says_a_word(profile, wanted.column)}
    if wanted.column.type == "id":
        there = {key: profile for key, profile in there.items() if profile.booleans < max(1, profile.filled)}
    close = (difflib.get_close_matches(key, there, 1, SIMILAR) for key in wanted.keys if len(key) > 4)
    return next((there[near[0]].name for near in close if near), "")


def says_a_word(profile: Profile, column: Column) -> bool:
    """Whether one value at least is known, if a column is one of words: `State` may be a part of a country."""
    return not column.words or any(outcome(value, column.words) for value in profile.values)


WAYS = {KNOWN: by_name, CORE: by_core, LIKE: by_likeness}  # in which a column is found, the most trusted first


def called(columns: dict[str, Profile], used: set[str]) -> dict[str, Profile]:
    """A file's columns that are not used, by their names as `name_key`, and by these without what most of them begin
    with, as in `Deal - Stage` and `Deal - Value`, or without a unit in brackets, as in `Amount (EUR)`."""
    starts = Counter(start.group() for name in columns if (start := re.match(r".*?(?: - |: |\.)", name)))
    start, count = starts.most_common(1)[0] if starts else ("", 0)
    start = start if 2 * count > len(columns) else ""
    free = {name: profile for name, profile in columns.items() if name not in used}
    short = {name_key(name.removeprefix(start)): one for name, one in free.items() if name.startswith(start)}
    bare = Counter(map(bare_key, short))
    alone = {bare_key(key): one for key, one in short.items() if bare[bare_key(key)] == 1}
    return alone | short | {name_key(name): one for name, one in free.items()}


def bare_key(key: str) -> str:
    """A name without a unit in brackets, and without signs around it, as in `Won?`, `Stage *` and `Created ↑`."""
    return re.sub(r"^[^\w(]+|\W+$", "", key.partition("(")[0]) or key


def is_id_of(name: str, column: str) -> bool:
    """Whether a name says that it is the id of a record, as `Activity ref`, `Lead #` and `opportunityNumber` do.

    Examples:
    >>> is_id_of("Opportunity ref", "deal_id"), is_id_of("Deal value", "deal_id"), is_id_of("ref", "deal_id")
    (True, False, False)
    """
    *rest, last = words_of(name.replace("#", " no ")) or [""]
    return last in parts("of_ids") and "".join(rest) in records(column)


def words_of(name: str) -> list[str]:
    """The words of a name, without what stands in brackets."""
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-zæøåäöü])(?=[A-ZÆØÅÄÖÜ])", " ", name.partition("(")[0]).lower())


def core(name: str, rest: frozenset[str] = frozenset(), of: frozenset[str] = frozenset()) -> str:
    """A name without what it is of (`of`: a deal, a sale, the current one), and without the words at its ends that say
    only what kind of value it has: `rest`, that it is a date, or the currency of an amount.

    Examples:
    >>> core("createdDateTime", parts("of_dates")), core("Current stage", of=parts("of_deals")), core("Salgsfase")
    ('created', 'stage', 'fase')
    >>> core("amount_eur", of_amounts()), core("Waarde in K", of_amounts()), core("Lead-Ejer", of=records("lead_id"))
    ('amount', 'waarde', 'ejer')
    """
    words = words_of(name)
    while len(words) > 1 and words[0] in of:
        words = words[1:]
    while len(words) > 1 and words[-1] in rest:
        words = words[:-1]
    while len(words) > 1 and words[0] in rest:
        words = words[1:]
    return re.sub(rf"^(?:{'|'.join(told()['parts']['joined'])})(?=\w{{4}})", "", "".join(words))
