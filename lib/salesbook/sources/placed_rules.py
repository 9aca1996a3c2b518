"""The steps and checks of an import in place, where the engine there has no words for what DuckDB does."""

from dataclasses import dataclass
from typing import Protocol

from salesbook.schema import Table
from salesbook.sources.checks import STAGE_COLUMNS, Checks
from salesbook.sources.staged import Staged


@dataclass
class Answer:
    """What a statement gave, in the way that the checks ask for it."""

    rows: list[tuple]

    def fetchone(self) -> tuple | None:
        """The first row."""
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[tuple]:
        """All rows."""
        return self.rows


class Held(Protocol):
    """What holds the cast rows: it runs statements of the reader in its own words."""

    def execute(self, sql: str) -> Answer:
        """Run a statement."""

    def columns(self, name: str) -> list[str]:
        """The columns of a table or view, in order."""

    def replace(self, table: str, select: str) -> None:
        """Put other rows in the place of a table's cast ones; `select` reads those before from `before`."""


class PlacedStaged(Staged):
    """The cast rows in the schema, for the steps to work on."""

    def replace(self, table: str, select: str) -> None:
        """Put other rows in a table's place; `select` reads the rows before from `before`."""
        self.con.replace(table, select)

    def change(self, table: str, columns: dict[str, str], joins: str = "") -> None:
        """Put other values in a table's columns; `columns`, name to SQL over the row `t` and what `joins` adds."""
        self.replace(table, changed(self.con.columns(f"all_{table}"), columns, joins))

    def derive(self, table: str, columns: dict[str, str]) -> None:
        """Put other values in a table's columns, worked out of each row `t` alone; `columns`, name to SQL."""
        self.change(table, columns)

    def add(self, table: str, step: str, select: str) -> None:
        """Add rows to a table; columns that `select` does not name are empty."""
        self.con.execute(f"create or replace table new_rows as {select}")
        (count,) = self.con.execute("select count(*) from new_rows").fetchone()
        if count:
            there, given = self.con.columns(f"all_{table}"), self.con.columns("new_rows")
            zero = {"problem": "0", "other_word": "0"}
            values = ", ".join(f'"{name}"' if name in given else zero.get(name, "null") for name in there)
            names = ", ".join(f'"{name}"' for name in there)
            self.replace(table, f"select {names} from before union all select {values} from new_rows")
            made = self.made.setdefault(table, {})
            made[step] = made.get(step, 0) + count


def changed(there: list[str], columns: dict[str, str], joins: str) -> str:
    """The SELECT of the rows before, with other values in some columns."""
    values = [f'{columns[name]} as "{name}"' if name in columns else f't."{name}"' for name in there]
    return f"select {', '.join(values)} from before t {joins}"


class PlacedChecks(Checks):
    """The same checks; what other engines have no words for is said in words they share."""

    def reject_unknown_stages(self, table: Table) -> None:
        """Reject what stands in a stage that its pipeline does not have."""
        deal, own = "", "s.pipeline = t.pipeline"
        if table.name == "stage_history":
            deal, own = "join good_deals d on d.pipeline = s.pipeline", "d.deal_id = t.deal_id"
        there = f"(select 1 from good_stages s {deal} where {own} and s.stage = t.stage)"
        reason = "stage is not one of its pipeline's stages"
        self.record("rejected", table, f"not exists {there}", "stage", "stage_unknown", reason)

    def ranked(self, table: Table) -> str:
        """SQL of the rows that share a key: `best` and `last_best`, what the newest versions say, and `taken`."""
        key, (version, order) = ", ".join(table.key), self.version_of(table)
        return f"""
            with twice as (select row({key})::text as h from good_{table.name} group by 1 having count(*) > 1),
            alike as (
                select in_file, at_row, {key}, md5(row({", ".join(table.stored)})::text) as content,
                    {version} as version_at
                from good_{table.name} where row({key})::text in (select h from twice)),
            standing as (
                select *, dense_rank() over (partition by {key} order by content) as kind,
                    row_number() over (partition by {key} order by in_file, at_row) as place,
                    rank() over (partition by {key} order by {order}) as standing from alike),
            counted as (select *, max(kind) over (partition by {key}) as contents from standing),
            ranked as (
                select *, min(case when standing = 1 then content end) over (partition by {key}) as best,
                    max(case when standing = 1 then content end) over (partition by {key}) as last_best,
                    min(case when standing = 1 or contents = 1 then place end) over (partition by {key}) as taken
                from counted),
            found as (
                select *, min(case when place = taken then in_file end) over (partition by {key}) as taken_file,
                    min(case when place = taken then version_at end) over (partition by {key}) as taken_version
                from ranked)"""

    def add_stages(self, made: str) -> None:
        """Put the stages of a table beside those that are there."""
        added = {
            **{name: name for name in STAGE_COLUMNS},
            "problem": "0", "other_word": "0", "in_file": "-1",
            "at_row": "row_number() over (order by pipeline, stage)",
        }  # fmt: skip
        names = self.con.columns("all_stages")
        columns = ", ".join(f'{added.get(name, "null")} as "{name}"' for name in names)
        before_them = ", ".join(f'"{name}"' for name in names)
        self.con.replace("stages", f"select {before_them} from before union all select {columns} from {made}")

    def derive_status(self) -> None:
        """Fill in the status that a deal's source does not tell from the stage the deal stands in."""
        self.con.execute("""create table stage_outcomes as select pipeline, stage, bool_or(is_won) as won,
            bool_or(is_lost) as lost from good_stages group by pipeline, stage""")
        told = """coalesce(t.status, case when o.won then 'won' when o.lost then 'lost'
            when o.stage is not null then 'open' end)"""
        joins = "left join stage_outcomes o on o.pipeline = t.pipeline and o.stage = t.stage"
        self.con.replace("deals", changed(self.con.columns("all_deals"), {"status": told}, joins))


class AtOnce(PlacedChecks):
    """The same checks asked of a table in one statement, where each statement is a job of its own on a cluster.

    A row is rejected by the first condition that is true for it, as when each is asked of what is left by those before.
    """

    def __init__(self, *told, **named):
        super().__init__(*told, **named)
        self.asked: dict[str, list[tuple[str, str]]] = {"rejected": [], "flagged": []}
        self.with_rows: dict[str, bool] = {}

    def record(self, where: str, table: Table, condition: str, column: str, rule: str, reason: str) -> None:
        """Keep a condition until the table's others are known."""
        self.asked[where].append((condition, str(self.problems.number(column, rule, reason))))

    def reject_unread(self, table: Table) -> None:
        """Keep what could not be cast as the first condition."""
        self.asked["rejected"].append(("problem > 0", "problem"))

    def flag_other_words(self, table: Table) -> None:
        """Keep words that the map does not name as a condition."""
        self.asked["flagged"].append(("other_word > 0", "other_word"))

    def flag_spaces(self, table: Table) -> None:
        """Keep ids with a space before or after them as conditions."""
        self.asked["flagged"] += [(condition, str(number)) for number, condition in self.spaced(table).items()]

    def reject_repeated_keys(self, table: Table) -> None:
        """Reject what the conditions are true for, then what repeats a key."""
        self.reject_asked(table)
        super().reject_repeated_keys(table)

    def reject_rows(self, table: Table) -> None:
        """Reject a table's rows."""
        super().reject_rows(table)
        self.reject_asked(table)
        self.with_rows[table.name] = self.has_rows(table.name)

    def in_circle(self, table: Table) -> str:
        """SQL: the row's merges lead back to it; found before it is asked, for Spark follows no way in a condition.

        Each round follows twice as many merges as the one before, and rows of which the way ends drop out. Once none
        does, and no fewer merges are followed than rows are left, every row has come into its circle.
        """
        (key,), followed, before = table.key, 1, -1
        first = f"select {key} as origin, merged_into as reached from good_{table.name} where merged_into is not null"
        left = self.made(f"ways_{table.name}_1", first)
        while left and not left == before <= followed:
            ways, followed, before = f"ways_{table.name}_{followed}", 2 * followed, left
            further = f"select w.origin, n.reached from {ways} w join {ways} n on n.origin = w.reached"
            left = self.made(f"ways_{table.name}_{followed}", further)
        return f"t.{key} in (select reached from ways_{table.name}_{followed})"

    def made(self, name: str, select: str) -> int:
        """Keep the rows of a query, and count them."""
        self.con.execute(f"create or replace table {name} as {select}")
        (count,) = self.con.execute(f"select count(*) from {name}").fetchone()
        return count

    def reject_asked(self, table: Table) -> None:
        """Reject the rows for which a condition that was kept is true."""
        if cases := " ".join(f"when {condition} then {number}" for condition, number in self.taken("rejected")):
            same = "r.in_file = t.in_file and r.at_row = t.at_row"
            there = f"(select 1 from rejected r where r.table_name = '{table.name}' and {same})"
            self.con.execute(f"""insert into rejected select '{table.name}', in_file, at_row, number from (
                select in_file, at_row, case {cases} end as number
                from all_{table.name} t where not exists {there}) tested where number is not null""")

    def flag_rows(self, table: Table) -> None:
        """Flag a table's rows: each by every condition that is true for it."""
        super().flag_rows(table)
        asked = self.taken("flagged")
        cases = [f"case when {condition} then {number} end as n{at}" for at, (condition, number) in enumerate(asked)]
        numbers = ", ".join(f"n{at}" for at in range(len(cases)))
        self.con.execute(f"""insert into flagged select '{table.name}', in_file, at_row, number from (
            select in_file, at_row, unnest([{numbers}, null]) as number from (
                select in_file, at_row, {", ".join(cases)} from good_{table.name} t) tested) told
            where number is not null""")

    def taken(self, where: str) -> list[tuple[str, str]]:
        """The conditions that were kept, to be asked now."""
        asked, self.asked[where] = self.asked[where], []
        return asked

    def has_rows(self, table: str) -> bool:
        """Whether a table has a good row; asked once of a table whose rows are rejected already."""
        return self.with_rows[table] if table in self.with_rows else super().has_rows(table)
