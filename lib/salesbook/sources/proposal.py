"""A map proposed for an export, by the names and contents of its columns; what they do not prove is asked."""

import re

from salesbook import maps
from salesbook.settings import Source
from salesbook.sources import (
    archived,
    asking,
    contents,
    directions,
    files,
    labels,
    linking,
    naming,
    outcomes,
    plan,
    recognition,
    settling,
    steps,
)
from salesbook.sources.known import synonyms
from salesbook.sources.proposed import Fed, Match, Proposal, column_of, quoted
from salesbook.sources.reader import name_key
from salesbook.sources.survey import Surveyed
from salesbook.tables import TABLES

FLAGS = {column.name for column in maps.EXTRA["deals"]}
ASKED_LATER = ("currency", "pipeline", "status")


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
    made = own_tables(readable) or of_crm(readable) or recognition.of_names(readable)
    if not any(maps.table_name(fed.name) == "deals" for fed in made.fed):
        ask_for_deals(made, readable)
    labels.settle(made, readable)
    read = {name for fed in made.fed for name in fed.files}
    fed = {one.name: one.files[0] for one in made.fed}
    told = {name for name, _ in made.not_read}
    made.not_read += [(file.name, why_not(file, fed)) for file in export if file.name not in read | told]
    linking.settle_accounts(made)
    for fed in made.fed:
        archived.settle(made, fed)
        linking.settle(made, fed)
        directions.settle(made, fed)
        asking.ask_for_lacking(made, fed)
        asking.ask_for_wanted(made, fed)
        asking.ask_for_newest(made, fed)
        asking.ask_for_words(made, fed)
        settling.complete_amounts(made, fed)
        settling.complete_durations(made, fed)
        settling.complete_dates(made, fed)
    taken = [file for file in readable if file.name in read]
    settling.decide_forms(made, taken)
    settling.settle_outlines(made, taken)
    asking.ask_for_stages(made)
    return made


def ask_for_deals(made: Proposal, export: list[Surveyed]) -> None:
    """Ask which file holds the deals, and of the one that may, which of its columns is which."""
    read = {name for fed in made.fed for name in fed.files}
    likely = recognition.of_contents([file for file in export if file.name not in read])
    ask = "Which file holds the deals?" + " Without them, pages about leads and activities have figures." * bool(
        made.fed
    )
    if likely:
        ask += f" What is asked of columns of deals is asked of {likely.files[0]}."
    lines = [f"deals = {quoted(file.name)}" for file in export] + ['deals = ""'] * bool(made.fed)
    made.ask("files", ask, *lines)
    if likely:
        made.fed.append(likely)
        contents.complete_deals(made, likely)


def why_not(file: Surveyed, fed: dict[str, str]) -> str:
    """Why a file is not read; `fed`, the tables that are, to their first files."""
    rival = recognition.best_for(file) if file.columns else None
    if rival and rival.name in fed:
        return f"the table {rival.name} is taken from {fed[rival.name]}, and this file has other columns"
    return file.refusal or "no table has its columns"


def is_called(file: Surveyed, name: str) -> bool:
    """Whether a file bears a name that a map knows, or its folder does."""
    return any(files.is_called(stem, name) for stem in files.stems(file.name))


def own_tables(export: list[Surveyed]) -> Proposal | None:
    """Salesbook's own tables, where the file of deals is one."""
    made = Proposal()
    for file in export:
        table = TABLES.get(files.stems(file.name)[0])
        there = {column.name for column in table.columns} & set(file.columns) if table else set()
        if table and {column.name for column in table.columns if column.filled} - {"currency"} <= there:
            matches = [Match(name, name, "known name") for name in there]
            unused = [name for name in file.columns if name not in there]
            made.fed.append(Fed(table.name, [file.name], matches, unused, file.columns, is_offered=True))
    return made if any(fed.name == "deals" for fed in made.fed) else None


# A CRM that a map ships for


def of_crm(export: list[Surveyed]) -> Proposal | None:
    """The map of the CRM that the deals bear marks of, else whose names the files have the most of; None where the file
    of deals is of none."""
    found = [(crm, fed_by(crm, export)) for crm in maps.KNOWN]
    found = [(crm, fed) for crm, fed in found if any(is_deals(crm, one, export) for one in fed)]
    if not found:
        return None
    crm, fed = max(found, key=lambda pair: (is_marked(*pair), sum(len(one.matches) for one in pair[1])))
    made = Proposal(extends=crm, fed=fed)
    complete_crm(made)
    if crm == "salesforce":
        complete_ids(made)
    for one in fed:
        ask_for_twins(made, one, maps.shipped(crm)["columns"][one.name])
    return made


def complete_crm(made: Proposal) -> None:
    """What the contents tell beside the map: the status where only the stage tells it, and chances that are other than
    the map has them."""
    shipped = maps.shipped(made.extends)
    deals = next(one for one in made.fed if maps.table_name(one.name) == "deals")
    there = {match.column for match in deals.matches} | shipped.get("constants", {}).get(deals.name, {}).keys()
    if not there & {"status", "is_won", "is_lost", "is_closed"} and not any(fed.name == "stages" for fed in made.fed):
        outcomes.settle(made, deals)
        contents.complete_status(made, deals)
    step, chance = "probability_from_percent", deals.source_of("probability")
    told = shipped.get("steps", {}).get("deals", [])
    if chance and chance.is_number and chance.distinct > 1 and chance.is_percent != (step in told):
        made.steps["deals"] = [one for one in told if one != step] if step in told else [*told, step]


def complete_ids(made: Proposal) -> None:
    """Ids of Salesforce as those of 18 signs, where some files have them with 15: the same record has both."""
    ids = [profile for fed in made.fed for match in fed.matches if column_of(fed, match.column).type == "id"
           and (profile := fed.profiles[match.named]).filled]  # fmt: skip
    if any(one.of_15 == one.filled for one in ids) and any(one.of_18 == one.filled for one in ids):
        for fed in made.fed:
            made.do(fed.name, "ids_of_18_signs")


def is_marked(crm: str, fed: list[Fed]) -> bool:
    """Whether the deals of an export have headers that are a CRM's alone."""
    there = {name_key(name) for one in fed if maps.table_name(one.name) == "deals" for name in one.profiles}
    return any(set(map(name_key, names)) <= there for names in maps.shipped(crm).get("marks", []))


def is_deals(crm: str, fed: Fed, export: list[Surveyed]) -> bool:
    """Whether a table is that of deals, and has marks of the CRM, or its names find more of the columns than those of
    any system."""
    names = {match.column for match in fed.matches}
    if maps.table_name(fed.name) != "deals" or len(names) < 5 or not {"deal_id", "stage"} <= names:
        return False
    if is_marked(crm, [fed]):
        return True
    file = next(file for file in export if file.name == fed.files[0])
    of_any = {m.named for m in naming.named("deals", file.columns)[0] if m.column not in FLAGS and m.how != naming.CORE}
    return len({match.named for match in fed.matches}) > len(of_any)


def fed_by(crm: str, export: list[Surveyed]) -> list[Fed]:
    """The tables that a CRM's map finds in an export: by the names of files, else by those of columns."""
    shipped, found = maps.shipped(crm), {}
    source = Source(extends=crm, steps=shipped.get("steps", {}), constants=shipped.get("constants", {}))
    for name, columns in shipped["columns"].items():
        for file in export:
            offered = any(is_called(file, one) for one in shipped["files"][name])
            matches = matched(columns, file)
            names = {match.column for match in matches}
            lacking = required(name, source) - names
            if lacking or not (offered or (is_distinct(columns, names) and not is_called_otherwise(file, shipped))):
                continue
            key = (maps.table_name(name), file.name)
            if key not in found or len(found[key].matches) < len(matches):
                unused = [one for one in file.columns if one not in {match.named for match in matches}]
                found[key] = Fed(name, [file.name], matches, unused, file.columns, is_offered=offered)
    return recognition.together(list(found.values()))


def is_called_otherwise(file: Surveyed, shipped: dict) -> bool:
    """Whether a file bears the name of one of the map's tables."""
    return any(is_called(file, one) for names in shipped["files"].values() for one in names)


def is_distinct(columns: dict, names: set[str]) -> bool:
    """Whether so many of a table's columns are there that a file of another name is taken for it."""
    return len(names) >= max(5, len(columns) // 3)


def required(name: str, source: Source) -> set[str]:
    """The columns that a file must have to be a table of a CRM; one asked for later may be missing."""
    table = steps.table_for(name, source, [])
    given = {*source.constants.get(name, {}), *ASKED_LATER}
    return {column.name for column in table.columns if column.filled and column.name not in given}


def matched(columns: dict, file: Surveyed) -> list[Match]:
    """The columns of a map that a file has, each by the first of its names that is there; also as a program writes the
    parts of a record, `user_id.id` for `user_id_id`."""
    there = {name_key(name): name for name in file.columns}
    parts = {name_key(re.sub(r"[./\[\]]+", "_", name).strip("_")): name for name in file.columns}
    found = []
    for column, named in columns.items():
        known = [name_key(one) for same in plan.alternatives(named) for one in same]
        for names, how in ((there, naming.KNOWN), (parts, "parts of a known name")):
            if first := next((names[key] for key in known if key in names), ""):
                found.append(Match(column, first, how))
                break
    return found


def ask_for_twins(made: Proposal, fed: Fed, columns: dict) -> None:
    """Ask which of two columns is meant, where the file has two alternatives of the map."""
    there = {name_key(name): name for name in fed.profiles}
    for column, named in columns.items():
        known = [[there[name_key(one)] for one in same if name_key(one) in there] for same in plan.alternatives(named)]
        both = [same[0] for same in known if same]
        if len(both) > 1:
            made.ask_which(fed, column, f"{fed.files[0]} has {len(both)} columns that may be {column}.", both)
