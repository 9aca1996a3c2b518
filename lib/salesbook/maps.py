"""Maps that ship: how known CRMs name what the canonical tables hold, and what a map may name beside those tables.

A map is data, in the sections of salesbook.toml; `extends = "hubspot"` under [source] takes one, and the lines of the
settings add to it or replace it.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import resources
from types import UnionType
from typing import get_args, get_origin

from salesbook.errors import WrongUsage
from salesbook.schema import Column, Table
from salesbook.tables import FORECAST_CATEGORIES, TABLES

SECTIONS = ("files", "columns", "constants", "words", "rows", "steps", "newest", "headers", "entered")
# A section's levels of tables, what stands in the last of them, and an example.
SHAPES = {
    "files": (1, str | list[str], 'deals = "deals.csv"'),
    "columns": (2, str | list[str | list[str]], 'stage = "Deal Stage"'),
    "constants": (2, str | dict[str, str], 'pipeline = "Sales"'),
    "words": (3, str, 'Gewonnen = "won"'),
    "rows": (1, list[dict], 'stages = [{ stage = "New" }]'),
    "steps": (1, list[str], 'deals = ["months_by_name"]'),
    "newest": (1, str | list[str | list[str]], 'deals = "Last Modified"'),
    "headers": (1, str, 'deals = "Deal ID"'),
    "entered": (2, str, 'Demo = "Demo held on"'),
}
KNOWN = ("hubspot", "salesforce", "pipedrive", "lime", "efficy")


def raw(name: str, grain: str, *columns: Column) -> Table:
    """A table that no page reads: steps make canonical rows and values of it."""
    return Table(name, grain, (), columns)


RAW = {
    table.name: table
    for table in (
        raw("pipelines", "one row per pipeline", Column("pipeline_id", "id", "the pipeline", filled=True),
            Column("label", "text", "its name", filled=True)),
        raw("teams", "one row per team", Column("team_id", "id", "the team", filled=True),
            Column("name", "text", "its name", filled=True)),
        raw("owner_teams", "one row per seller and team", Column("owner_id", "id", "seller", filled=True),
            Column("team_id", "id", "team", filled=True), Column("is_primary", "boolean", "the seller's main team")),
        raw("merged_deals", "one row per deal that was merged into another",
            Column("deal_id", "id", "the deal that stayed", filled=True),
            Column("merged_id", "id", "the deal that went into it", filled=True)),
        raw("deal_links", "one row per link of a deal", Column("deal_id", "id", "the deal", filled=True),
            Column("account_id", "id", "organisation"), Column("contact_id", "id", "person"),
            Column("is_primary", "boolean", "the main one")),
        raw("activity_links", "one row per link of an activity",
            Column("activity_id", "id", "the activity", filled=True), Column("deal_id", "id", "deal"),
            Column("lead_id", "id", "lead"), Column("contact_id", "id", "person"),
            Column("account_id", "id", "organisation")),
        raw("deal_history", "one row per change of a field of a deal",
            Column("deal_id", "id", "the deal", filled=True), Column("field", "text", "what changed", filled=True),
            Column("old_value", "text", "value before"), Column("value", "text", "value after"),
            Column("changed_at", "instant", "when", filled=True), Column("changed_by", "id", "who"),
            Column("is_bulk", "boolean", "changed with many others at once")),
        raw("deal_versions", "one row per version of a deal", Column("deal_id", "id", "the deal", filled=True),
            Column("changed_at", "instant", "since when", filled=True), Column("amount", "number", "amount then"),
            Column("expected_close", "date", "expected close then"), Column("owner_id", "id", "seller then"),
            Column("category", "word", "forecast category then", words=FORECAST_CATEGORIES)),
        raw("deal_lines", "one row per product of a deal", Column("line_id", "id", "the line", filled=True),
            Column("deal_id", "id", "the deal"), Column("product", "text", "product"),
            Column("quantity", "number", "quantity"), Column("amount", "money", "amount of the line, discounts off"),
            Column("currency", "currency", "its currency"), Column("unit_cost", "money", "cost of one"),
            Column("is_deleted", "boolean", "deleted in the CRM")),
        raw("line_links", "one row per link of a line and a deal", Column("line_id", "id", "the line", filled=True),
            Column("deal_id", "id", "the deal", filled=True)),
    )
}  # fmt: skip

IS_DELETED = Column("is_deleted", "boolean", "deleted in the CRM")
IS_GONE = Column("is_gone", "boolean", "no more there when the warehouse copied the CRM")
SEEN_AT = Column("seen_at", "instant", "when the record was last written: a deletion is known from then")
EXTRA = {
    "deals": (
        Column("is_won", "boolean", "won"),
        Column("is_lost", "boolean", "lost"),
        Column("is_closed", "boolean", "won or lost"),
        Column("is_archived", "boolean", "put away in the CRM"),
        Column("is_active", "boolean", "not put away in the CRM"),
        Column("is_lead", "boolean", "a lead that stands among the deals"),
        Column("close_date", "instant", "expected closing while open, closing once closed"),
        Column("won_at", "instant", "when it was won"),
        Column("lost_at", "instant", "when it was lost"),
        Column("merged_ids", "text", "deals that were merged into it"),
        Column("title", "text", "its title, by which other records may name it"),
        IS_DELETED,
        IS_GONE,
        SEEN_AT,
    ),
    "leads": (IS_DELETED, IS_GONE, SEEN_AT, Column("is_lead", "boolean", "a lead, where deals stand among them")),
    "accounts": (IS_DELETED, IS_GONE),
    "contacts": (IS_DELETED, IS_GONE),
    "activities": (
        IS_DELETED,
        IS_GONE,
        Column("who_id", "id", "person or lead, told by how the id begins"),
        Column("what_id", "id", "deal or organisation, told by how the id begins"),
    ),
    "orders": (IS_DELETED, IS_GONE),
    "stages": (
        IS_DELETED,
        IS_GONE,
        Column("stage_id", "id", "the id that deals name it by"),
        Column("is_closed", "boolean", "deals in it are won or lost"),
    ),
    "stage_history": (IS_DELETED, IS_GONE),
    "reps": (
        Column("first_name", "text", "first name"),
        Column("last_name", "text", "last name"),
        Column("team_id", "id", "team"),
    ),
}


def table_name(name: str) -> str:
    """The table that a name in a map is of: what stands before the hyphen of a part.

    Examples:
    >>> table_name("activities-calls"), table_name("deals")
    ('activities', 'deals')
    """
    return name.partition("-")[0]


def table(name: str) -> Table | None:
    """The table a map means, with the columns that only steps read; None where there is none.

    Parameters: `name`, a canonical table, a table for steps, or a part of one, such as activities-calls.
    """
    found = TABLES.get(table_name(name)) or RAW.get(table_name(name))
    return found and replace(found, columns=found.columns + EXTRA.get(found.name, ()))


@cache
def shipped(name: str) -> dict:
    """The map that ships for a CRM.

    Raises: WrongUsage where there is none of that name.
    """
    if name not in KNOWN:
        todo = f"There are: {', '.join(KNOWN)}."
        raise WrongUsage("source.extends names no map that ships.", f"Found {name!r}.", todo)
    text = resources.files("salesbook").joinpath("sources", "crm", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def check_shapes(given: dict) -> None:
    """Refuse sections of a map in which something else stands than names and words.

    Raises: WrongUsage that says where, and shows an example.
    """
    for section, (depth, kind, example) in SHAPES.items():
        for place, value in leaves(given.get(section, {}), depth):
            if not is_of(value, kind):
                wrong = f"[{'.'.join((section, *place[:-1]))}] {''.join(place[-1:])} is of the wrong kind."
                raise WrongUsage(wrong, f"Found {value!r}.", f"An example: {example}.")


def leaves(value, depth: int, *place: str) -> Iterator[tuple[tuple[str, ...], object]]:
    """What stands below so many levels of tables, and what stands in their stead, each with the keys that lead there.

    Examples:
    >>> list(leaves({"deals": {"stage": "Fase"}, "leads": 3}, 2))
    [(('deals', 'stage'), 'Fase'), (('leads',), 3)]
    """
    if depth == 0 or not isinstance(value, dict):
        yield place, value
        return
    for key, inner in value.items():
        yield from leaves(inner, depth - 1, *place, key)


def is_of(value, kind) -> bool:
    """Whether a value is of a kind, of a list or a table to the last of its values.

    Examples:
    >>> is_of("a", str | list[str]), is_of(["a", 1], list[str]), is_of(["a", ["b"]], list[str | list[str]])
    (True, False, True)
    """
    if isinstance(kind, UnionType):
        return any(is_of(value, one) for one in get_args(kind))
    if get_origin(kind) is list:
        return isinstance(value, list) and all(is_of(one, *get_args(kind)) for one in value)
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    return isinstance(value, kind)


def extended(given: dict) -> dict:
    """Settings with the map they extend under them.

    Rule: the settings' own line replaces the map's, key by key; a list or the rows of a table as a whole. Files that
    the map knows are only offered: they need not be there.
    Parameters: `given`, the settings as TOML gives them.
    Returns: the same with the sections of the map; `offered` holds the names of its files.
    Raises: WrongUsage where it extends a map that there is not.
    """
    source = given.get("source", {})
    name = source.get("extends", "") if isinstance(source, dict) else ""
    if not name:
        return given
    base = shipped(name)
    sections = {section: merged(base.get(section, {}), given.get(section, {})) for section in SECTIONS[1:]}
    offered = {key: names for key, names in base.get("files", {}).items() if key not in given.get("files", {})}
    return given | sections | {"source": base.get("source", {}) | source, "offered": offered}


def merged(under: dict, over: dict) -> dict:
    """Two tables as one, key by key; where both have a key, tables are merged and anything else is the second's.

    Examples:
    >>> merged({"a": {"x": 1, "y": 1}, "b": [1]}, {"a": {"y": 2}, "b": [2]})
    {'a': {'x': 1, 'y': 2}, 'b': [2]}
    """
    both = {key: merged(under[key], over[key]) for key in under.keys() & over.keys() if isinstance(under[key], dict)}
    both = {key: value for key, value in both.items() if isinstance(over[key], dict)}
    return under | over | both
