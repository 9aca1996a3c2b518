"""What belongs to what, where no name tells: activities to deals by ids or titles, deals to organisations by names.

Columns of two files are held together by their values.
"""

from salesbook import maps
from salesbook.sources import steps
from salesbook.sources.proposed import Fed, Match, Proposal
from salesbook.sources.survey import MOST_HASHES, Profile

NEARLY_ALL = 0.95  # of the different values
MOST_BY_CHANCE = 9  # different whole numbers, as minutes and prices are, that may be ids by chance
BY_VALUES = "values of deals"


def settle(made: Proposal, fed: Fed) -> None:
    """Settle which deals activities are about, by what the files hold.

    Rule: a column nearly all of whose values are ids of deals is taken; else one whose values are titles of deals, none
    of which two deals bear. Of several columns, or where few numbers may be ids by chance, the person is asked.
    """
    deals = next((one for one in made.fed if one.name == "deals" and not one.is_asked), None)
    if made.extends or deals is None or maps.table_name(fed.name) != "activities" or deals.source_of("deal_id") is None:
        return
    ids, told = deals.source_of("deal_id"), fed.source_of("deal_id")
    if told and shared(told, ids):
        return
    names = [told.name] if told else fed.unused
    found = [] if told else [name for name in names if shared(fed.profiles[name], ids) >= NEARLY_ALL]
    if found:
        if len(found) == 1 and is_certain(fed.profiles[found[0]]):
            take(fed, "deal_id", found[0])
        else:
            ask = "Which column is deal_id (deal it was about)? These have ids of deals."
            made.ask_which(fed, "deal_id", ask, found)
        return
    titles = [one.name for one in deals.profiles.values() if one.is_unique and one.is_wordy]
    pairs = [(name, title) for name in names for title in titles
             if shared(fed.profiles[name], deals.profiles[title]) >= NEARLY_ALL]  # fmt: skip
    if len(pairs) == 1:
        ((name, title),) = pairs
        take(fed, "deal_id", name)
        take(deals, "title", title)
        made.do("deals", "deals_by_title")


def settle_accounts(made: Proposal) -> None:
    """Settle by what records belong to organisations: their ids, another column of theirs, or their names.

    Rule: where no table says an id, and all say values of one column of the organisations that are all different (the
    names before others), these are their ids. Else a table that says no id says names, or nothing that can be used.
    """
    accounts = next((fed for fed in made.fed if fed.name == "accounts"), None)
    ids = accounts.source_of("account_id") if accounts else None
    tables = [(fed, one) for fed in made.fed if fed is not accounts and (one := fed.source_of("account_id"))]
    if made.extends or not (ids and tables):
        return
    others = [(fed, one) for fed, one in tables if one.filled and not shared(one, ids)]
    if len(others) == len(tables) and (key := key_of_all(accounts, [one for _, one in others])):
        by_values = Match("account_id", key.name, "values, by which others belong to it")
        accounts.matches = [by_values if match.column == "account_id" else match for match in accounts.matches]
        accounts.unused = [name for name in accounts.unused if name != key.name] + [ids.name]
        return
    for fed, one in others:
        settle_names(made, accounts, fed, one, is_alone=len(others) == len(tables))


def key_of_all(accounts: Fed, others: list[Profile]) -> Profile | None:
    """The column of organisations, all different, that has nearly all values of others: the names, else the first."""
    name = accounts.source_of("name")
    keys = [one for one in (name, *accounts.profiles.values()) if one and one.is_unique]
    are = (key for key in keys if all(shared(one, key) >= NEARLY_ALL for one in others))
    return next((key for key in are if key is name or all(map(is_certain, others))), None)


def settle_names(made: Proposal, accounts: Fed, fed: Fed, said: Profile, is_alone: bool) -> None:
    """Take what a table says of organisations, and what is no id, for their names where it is that of some; else leave
    it out and say so, where others say ids (not `is_alone`)."""
    name, table = accounts.source_of("name"), maps.table_name(fed.name)
    if name and shared(said, name) and f"accounts_of_{table}" in steps.STEPS:
        made.do(fed.name, f"accounts_of_{table}")
    elif said.is_wordy and not is_alone:
        fed.matches = [match for match in fed.matches if match.column != "account_id"]
        fed.unused.append(said.name)
        told = f"{said.name!r} has no organisation of {accounts.files[0]}, neither by id nor by name"
        made.not_read.append((fed.files[0], told))


def take(fed: Fed, column: str, name: str) -> None:
    """Take a column for a canonical one that no name told."""
    if not any(match.column == column for match in fed.matches):
        fed.matches.append(Match(column, name, BY_VALUES))
        fed.unused = [one for one in fed.unused if one != name]


def is_certain(profile: Profile) -> bool:
    """Whether values cannot be ids by chance: they are no numbers, or many."""
    return profile.is_wordy or profile.distinct > MOST_BY_CHANCE


def shared(profile: Profile, whole: Profile) -> float:
    """The share of a column's different values that another has, too, by their smallest hashes; 0 for no values."""
    known_to = max(whole.least) if len(whole.least) == MOST_HASHES else float("inf")
    seen = [one for one in profile.least if one <= known_to]
    return sum(one in whole.least for one in seen) / len(seen) if seen else 0.0
