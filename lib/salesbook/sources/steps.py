"""The steps that a map may ask for by name, in the order they are done, whatever the order in the map.

`[steps] deals = ["zero_amount_is_missing"]`: what a CRM's tables need beyond naming a column. A step on a value turns
its text before it is cast; the others work on the cast rows of all files, before the checks.
"""

import inspect
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from salesbook import maps
from salesbook.errors import BadData
from salesbook.schema import Column, Table
from salesbook.settings import Source, unknown
from salesbook.sources import changes, joins, units, visits
from salesbook.sources.cast import Problems
from salesbook.sources.files import listed
from salesbook.sources.form import Form
from salesbook.sources.header import name_key
from salesbook.sources.plan import Feed
from salesbook.sources.staged import OfRows, Staged
from salesbook.tables import TABLES

VERSION_AT = Column("version_at", "instant", "when this version of the record was written")
ToText = Callable[[str, Form], str]


@dataclass(frozen=True)
class Unit:
    """A step on values: the columns, each by its table, whose text it turns."""

    columns: dict[str, tuple[str, ...]]
    to_text: ToText


@dataclass(frozen=True)
class Step:
    """A step on rows: the table it is asked for, what it does, and the columns that need not be in a file then.

    `of`: the columns it fills them from, one of which every file must have for that. `of_row`: it looks at one row at
    a time, and does no more than `OfRows` can write down.
    """

    table: str
    run: Callable[[Staged | OfRows], None]
    provides: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    of_row: bool = False


OF_STAGES = ("deals", "stages", "stage_history")
MOST_NAMED = 4  # tables of a step that are named one by one
MADE = ("stage_history", "deal_changes", "orders")  # tables that steps may make of others alone
TIMES = {
    name: tuple(column.name for column in maps.table(name).columns if column.type in ("instant", "date"))
    for name in (*TABLES, *maps.RAW)
    if any(column.type in ("instant", "date") for column in maps.table(name).columns)
}
UNITS = {
    "probability_from_percent": Unit(dict.fromkeys(("deals", "stages"), ("probability",)), units.percent),
    "duration_from_milliseconds": Unit({"activities": ("duration_seconds",)}, units.milliseconds),
    "duration_from_minutes": Unit({"activities": ("duration_seconds",)}, units.minutes),
    "duration_from_hours_and_minutes": Unit({"activities": ("duration_seconds",)}, units.hours_and_minutes),
    "zero_amount_is_missing": Unit({"deals": ("amount",)}, units.zero_is_missing),
    **{
        f"amount_in_{name}": Unit(
            dict.fromkeys(("deals", "orders", "quotes", "deal_lines"), ("amount",)),
            partial(units.without_sign, signs=signs),
        )
        for name, signs in units.MONEY_SIGNS.items()
    },
    "amount_in_cents": Unit(dict.fromkeys(("deals", "orders", "quotes", "deal_lines"), ("amount",)), units.cents),
    "zeros_behind_cents": Unit(dict.fromkeys(("deals", "orders", "quotes", "deal_lines"), ("amount",)), units.padded),
    "first_of_several": Unit(
        {"deals": ("account_id", "contact_id"), "contacts": ("account_id",)}, units.first_of_several
    ),
    "ids_of_18_signs": Unit(
        {
            name: tuple(
                column.name for column in maps.table(name).columns if column.type == "id" or column.name == "pipeline"
            )
            for name in (*TABLES, *maps.RAW)
            if any(c.type == "id" for c in maps.table(name).columns)
        },
        units.salesforce_id,
    ),
    "months_by_name": Unit(TIMES, units.months_by_name),
    "times_since_1970": Unit(TIMES, units.times_since_1970),
    "days_of_sheets": Unit(TIMES, units.days_of_sheets),
    "days_in_eight_figures": Unit(TIMES, units.days_in_eight_figures),
    "midnight_is_date": Unit(
        {
            "deals": ("close_date",),
            "deal_versions": ("expected_close",),
            "leads": ("converted_at",),
            "activities": ("planned_at",),
        },
        units.midnight_is_date,
    ),
}
STEPS = {
    "names_of_reps": Step("reps", joins.names_of_reps, ("display_name",)),
    "teams_of_reps": Step("reps", joins.teams_of_reps, ("team",)),
    "parts_joined": Step("activities", joins.parts_joined, ("type", "direction")),
    "ids_by_prefix": Step("activities", joins.ids_by_prefix, of_row=True),
    **{
        f"deleted_{table}": Step(table, partial(joins.deleted, table=table), of_row=True)
        for table in ("deals", "leads", "accounts", "contacts", "activities", "stage_history", "orders")
    },
    "leads_left_out": Step("deals", joins.leads_left_out, of_row=True),
    "deals_left_out": Step("leads", joins.deals_left_out, of_row=True),
    "one_pipeline": Step("deals", joins.one_pipeline, ("pipeline",), of_row=True),
    "stages_of_every_pipeline": Step("stages", joins.stages_of_every_pipeline, ("pipeline",)),
    "outcomes_of_stages": Step("stages", joins.outcomes_of_stages, ("position", "is_won", "is_lost")),
    "status_from_flags": Step("deals", joins.status_from_flags, ("status",), of=("is_won",), of_row=True),
    "stage_of_status": Step("deals", joins.stage_of_status, ("stage",), of=("status",), of_row=True),
    "visits_from_dates_entered": Step("stage_history", visits.visits_from_dates_entered),
    "visits_from_history": Step("stage_history", visits.visits_from_history),
    "first_visit": Step("stage_history", visits.first_visit),
    "zero_amounts_are_missing": Step("deal_history", changes.zero_amounts_are_missing),
    "changes_of_deals": Step("deal_changes", changes.changes_of_deals),
    "merged_deals": Step("deals", joins.merged_deals),
    "links_of_deals": Step("deals", joins.links_of_deals),
    "links_of_activities": Step("activities", joins.links_of_activities),
    "deals_by_title": Step("deals", joins.deals_by_title),
    **{
        f"accounts_of_{table}": Step(table, partial(joins.accounts_by_name, table=table))
        for table in ("deals", "leads", "contacts", "activities", "orders", "subscriptions")
    },
    "leads_of_contacts": Step("activities", joins.leads_of_contacts),
    "labels_of_stages": Step("stages", joins.labels_of_stages),
    "won_and_lost_stages": Step("stages", joins.won_and_lost_stages),
    "lost_when_archived": Step("deals", joins.lost_when_archived),
    "closed_at_from_won_and_lost": Step("deals", visits.closed_at_from_won_and_lost),
    "closed_at_from_history": Step("deals", visits.closed_at_from_history),
    "orders_of_won_deals": Step("orders", joins.orders_of_won_deals),
}


def overview() -> str:
    """The steps as a table in Markdown: their names, the tables they are for, and what they do."""
    lines = ["| step | table | what it does |", "|---|---|---|"]
    for name, step in (UNITS | STEPS).items():
        tables = list(step.columns) if isinstance(step, Unit) else [step.table]
        of = ", ".join(tables) if len(tables) <= MOST_NAMED else "any"
        lines.append(f"| `{name}` | {of} | {meaning(step.to_text if isinstance(step, Unit) else step.run)} |")
    return "\n".join(lines)


def meaning(work: Callable) -> str:
    """The first paragraph of what a function says of itself."""
    told = inspect.getdoc(work.func if isinstance(work, partial) else work)
    return " ".join(told.split("\n\n")[0].split())


def check(source: Source) -> None:
    """Refuse steps that do not exist, or that are asked for another table than theirs.

    Raises: BadData with the nearest name there is.
    """
    for name, asked in source.steps.items():
        table = maps.table_name(name)
        mine = [step for step, unit in UNITS.items() if table in unit.columns]
        mine += [step for step in STEPS if STEPS[step].table == table]
        for step in asked:
            if step not in mine:
                raise unknown("step", step, f"steps.{name}", mine)


def of_table(table: str, source: Source) -> list[str]:
    """The steps on rows that are asked for a table or one of its parts, in the order they are done."""
    asked = {step for name, steps in source.steps.items() if maps.table_name(name) == table for step in steps}
    return [step for step in STEPS if step in asked]


def at_cast(table: str, source: Source) -> list[str]:
    """The steps on rows of a table that are done while it is cast, so that it need not be written again: where each of
    them looks at one row at a time. Of the tables of which stages may be made all rows stay to be looked at.
    """
    asked = of_table(table, source)
    return asked if table in TABLES and table not in OF_STAGES and all(STEPS[name].of_row for name in asked) else []


def of_rows(table: str, source: Source, problems: Problems) -> list[dict[str, str]]:
    """What the steps that are done while a table is cast work out of each row, as for `typed.derived`."""
    written_down = OfRows(problems)
    for name in at_cast(table, source):
        STEPS[name].run(written_down)
    return written_down.columns


def table_for(name: str, source: Source, dated: list[str]) -> Table:
    """A table with the columns that steps read; those that steps provide need not be in a file.

    Parameters: `name`, as the map has it; `dated`, the stages of which deals say when they came into them.
    """
    table = maps.table(name)
    asked = of_table(table.name, source) or (table.name == "stages" and of_table("stage_history", source))
    columns = [column for column in table.columns if asked or table.name in maps.RAW or is_canonical(column, table)]
    may_lack = provided(table.name, source)
    columns = [replace(c, filled=False, needed=False) if c.name in may_lack else c for c in columns]
    if any(maps.table_name(part) == table.name for part in source.newest):
        columns.append(VERSION_AT)
    if table.name == "deals":
        columns += [Column(f"entered_{at}", "instant", "when it came into a stage") for at in range(len(dated))]
    return replace(table, columns=tuple(columns))


def is_canonical(column: Column, table: Table) -> bool:
    """Whether a column is one of the canonical table itself."""
    return column not in maps.EXTRA.get(table.name, ())


def dated_stages(headers: list[tuple[str, ...]], source: Source) -> dict[str, list[str]]:
    """The stages of which files of deals say when deals came into them, with the columns; none if no step asks."""
    found: dict[str, list[str]] = {}
    if "visits_from_dates_entered" in of_table("stage_history", source):
        for header in headers:
            for stage, column in (visits.dated_stages(header) | named_stages(header, source)).items():
                found.setdefault(stage, []).append(column)
    return dict(sorted(found.items()))


def named_stages(header: tuple[str, ...], source: Source) -> dict[str, str]:
    """The columns that the map names for when a deal came into a stage: stage to column.

    Raises: BadData where one is not there.
    """
    there = {name_key(name): name for name in header}
    entered = source.entered.get("deals", {})
    for stage, column in entered.items():
        if name_key(column) not in there:
            found = f"Its columns are {listed(list(filter(None, header)))}."
            todo = f"Mend the line of {stage!r} under [entered.deals] in salesbook.toml."
            raise BadData(f"The deals have no column {column!r}.", found, todo)
    return {stage: there[name_key(column)] for stage, column in entered.items()}


def forms_of(name: str, source: Source, n_dated: int = 0) -> dict[str, tuple[ToText, ...]]:
    """What turns the text of each column of a table, or a part of one, into canonical text.

    Parameters: `n_dated`, of how many stages deals say when they came into them.
    """
    entered = tuple(f"entered_{at}" for at in range(n_dated)) if maps.table_name(name) == "deals" else ()
    forms: dict[str, tuple[ToText, ...]] = {}
    for step in source.steps.get(name, []):
        own = UNITS[step].columns if step in UNITS else {}
        for column in own.get(maps.table_name(name), ()) + entered * (own is TIMES):
            forms[column] = (*forms.get(column, ()), UNITS[step].to_text)
    return forms


def run(staged: Staged, source: Source, done: Set[str] = frozenset()) -> None:
    """Do the steps on rows that the map asks for, where their table has rows, and hold the rows to what is filled.

    Parameters: `done`, steps that were done while their table was cast.
    """
    for table in staged.raw():
        staged.reject_unread(table)
    for name, step in STEPS.items():
        if name not in done and name in of_table(step.table, source) and (staged.has(step.table) or step.table in MADE):
            step.run(staged)
    for table in UNITS["probability_from_percent"].columns:
        if any(cast_from_percent(feed) for feed in staged.feeds.get(table, [])):
            refuse_fractions(staged, table)
    for table in list(dict.fromkeys((*staged.feeds, *staged.made))):
        may_lack = provided(table, source)
        filled = [column.name for column in maps.table(table).columns if column.filled and column.name in may_lack]
        staged.reject_empty(table, filled)


def cast_from_percent(feed: Feed) -> bool:
    """Whether a file's probabilities were taken for percents."""
    return "probability" in feed.positions and units.percent in feed.forms.get("probability", ())


def refuse_fractions(staged: Staged, table: str) -> None:
    """Refuse probabilities that were taken for percents and are fractions: 0.5 would be half a percent.

    Raises: BadData where none is above 1 %, and some are below it.
    """
    query = f"select max(probability), count(*) filter (where probability > 0 and probability < 0.01) from good_{table}"
    highest, n_small = staged.con.execute(query).fetchone()
    if n_small and highest <= Decimal("0.01"):
        names = listed(list(dict.fromkeys(feed.text.name for feed in staged.feeds[table])))
        found = f"The highest in {names} is {(highest * 100).normalize():f}, as if all were fractions."
        todo = f'Write {table} = [...] under [steps] in salesbook.toml, without "probability_from_percent".'
        raise BadData(f"The probabilities of {table} are no percents.", found, todo)


def provided(table: str, source: Source, feeds: list[Feed] | None = None) -> set[str]:
    """The columns of a table that steps may fill; with `feeds`, those that they can fill of what the files have."""
    asked = [STEPS[step] for step in of_table(table, source)]
    able = [step for step in asked if all(not step.of or set(step.of) & {*f.positions} for f in feeds or ())]
    return {column for step in able for column in step.provides}
