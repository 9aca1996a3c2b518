"""The cast rows of an import before the checks, for steps to work on: every row a step adds or leaves out is counted.

Every table is a view `all_TABLE` (its columns, `in_file`, `at_row`, `problem`), and `good_TABLE` of the rows that
nothing has rejected so far. A row that is added bears the file and row that it was made of.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb

from salesbook import maps
from salesbook.sources.cast import NO_ROWS, Problems
from salesbook.sources.plan import Feed

LEFT_OUT = {
    "same_stage": "nothing about the stage changed",
    "other_field": "a field changed of which no history is kept",
    "deleted": "deleted in the CRM",
    "lead": "a lead that stands among the deals",
    "deal": "a deal that stands among the leads",
    "not_sold": "of a deal that is not won, or lacks its organisation or closing",
    "merged": "of a deal that was merged into another",
    "joined": "a further part of a record that is taken as one",
    "superseded": "a later version of the record is taken",
    "title_line": "a title above the header, as the settings say, or between groups of rows",
    "closing_line": "a closing line of a report, as the settings say",
    "repeated": "another file, or one for several tables, has it before",
    **NO_ROWS,
}


@dataclass
class OfRows:
    """Takes the place of `Staged` for steps that look at one row at a time, and writes down what they work out of it.

    `columns`: by name to SQL over the row `t`, in the order of the steps; a row that is left out has that as `problem`.
    """

    problems: Problems
    columns: list[dict[str, str]] = field(default_factory=list)

    def derive(self, table: str, columns: dict[str, str]) -> None:
        """Put other values in a table's columns."""
        self.columns.append(columns)

    def leave_out(self, table: str, rule: str, condition: str) -> None:
        """Leave out the rows for which a condition is true, of those that nothing has rejected."""
        number = self.problems.number("", rule, LEFT_OUT[rule])
        self.columns.append({"problem": f"case when t.problem = 0 and ({condition}) then {number} else t.problem end"})


@dataclass
class Staged:
    """The cast rows of an import.

    `new_source`: takes the number of a file and gives it another, for rows of which a file's row makes more than one.
    `made`: table to step to rows added. `left_out`: table for steps to rule to rows that no step needs. `zone`: the
    report's. `dated`: the stages of which deals say when they came into them. `derived`: table to the columns that
    steps work out of each row alone, by name to SQL, in the order of the steps.
    """

    con: duckdb.DuckDBPyConnection
    feeds: dict[str, list[Feed]]
    problems: Problems
    zone: str
    new_source: Callable[[int], int]
    dated: list[str] = field(default_factory=list)
    made: dict[str, dict[str, int]] = field(default_factory=dict)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    derived: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    versions: int = 0

    def has(self, *tables: str) -> bool:
        """Whether each of the tables has a source or rows that a step made."""
        return all(table in self.feeds or table in self.made for table in tables)

    def is_of_one_file(self, table: str) -> bool:
        """Whether a table's rows are those of one file, and no step put others in their place."""
        return len(self.feeds.get(table, [])) == 1 and table not in self.replaced

    def is_row_by_row(self, table: str) -> bool:
        """Whether each row of a table is worked out of the one that was cast alone; stages may be made of deals."""
        return self.is_of_one_file(table) and table != "stages"

    def set_aside(self, table: str) -> str:
        """Give the view of a table another name, for one that is to take its place."""
        self.versions += 1
        self.con.execute(f"alter view all_{table} rename to told_{table}_{self.versions}")
        return f"told_{table}_{self.versions}"

    def replace(self, table: str, select: str) -> None:
        """Put other rows in a table's place; `select` reads the rows before from `before`."""
        self.replaced.add(table)
        told = self.set_aside(table)
        kept = told.replace("told_", "kept_", 1)
        self.con.execute(f"create table {kept} as with before as (from {told}) {select}")
        self.con.execute(f"create view all_{table} as from {kept}")

    def derive(self, table: str, columns: dict[str, str]) -> None:
        """Put other values in a table's columns, worked out of each row `t` alone whenever it is read: without a copy,
        for a table may be large; `columns`, none of them of the key, name to SQL."""
        self.derived.setdefault(table, []).append(columns)
        values = ", ".join(f'{sql} as "{name}"' for name, sql in columns.items())
        told = self.set_aside(table)
        self.con.execute(f"create view all_{table} as select t.* replace ({values}) from {told} t")

    def change(self, table: str, columns: dict[str, str], joins: str = "") -> None:
        """Put other values in a table's columns; `columns`, name to SQL over the row `t` and what `joins` adds."""
        values = ", ".join(f'{sql} as "{name}"' for name, sql in columns.items())
        self.replace(table, f"select t.* replace ({values}) from before t {joins}")

    def add(self, table: str, step: str, select: str) -> None:
        """Add rows to a table; columns that `select` does not name are empty."""
        self.con.execute(f"create or replace table new_rows as {select}")
        (count,) = self.con.execute("select count(*) from new_rows").fetchone()
        if count:
            self.replace(table, "from before union all by name select *, 0 as problem, 0 as other_word from new_rows")
            made = self.made.setdefault(table, {})
            made[step] = made.get(step, 0) + count

    def leave_out(self, table: str, rule: str, condition: str) -> None:
        """Leave out the good rows `t` for which a condition is true: they are counted, and no fault of the source."""
        if table in maps.RAW:
            which = f"t.problem = 0 and ({condition})"
            (count,) = self.con.execute(f"select count(*) from all_{table} t where {which}").fetchone()
            self.left_out.setdefault(table, {})[rule] = count
            self.replace(table, f"select * from before t where ({which}) is not true")
            return
        number = self.problems.number("", rule, LEFT_OUT[rule])
        self.con.execute(
            f"insert into rejected select '{table}', in_file, at_row, {number} from good_{table} t where {condition}"
        )

    def reject_empty(self, table: str, columns: list[str]) -> None:
        """Reject the good rows in which a column that every row must fill is empty after the steps: by the first."""
        cases = []
        for column in columns:
            number = self.problems.number(column, f"{column}_empty", f"{column} is empty, and every row needs it")
            cases.append(f"when {column} is null then {number}")
        if cases:
            empty = " or ".join(f"{column} is null" for column in columns)
            self.con.execute(
                f"insert into rejected select '{table}', in_file, at_row, case {' '.join(cases)} end "
                f"from good_{table} where {empty}"
            )

    def reject_unread(self, table: str) -> None:
        """Reject the rows of a table for steps that could not be cast."""
        self.con.execute(
            f"insert into rejected select '{table}', in_file, at_row, problem from all_{table} where problem > 0"
        )

    def raw(self) -> list[str]:
        """The tables for steps that have a source."""
        return [table for table in self.feeds if table in maps.RAW]
