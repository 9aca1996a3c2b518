"""What a canonical table is made of: columns, rules, keys."""

from collections.abc import Iterable
from dataclasses import dataclass

# What a column of each type looks like in a canonical file, and what it is once loaded.
TYPES = {
    "id": ("exact text", "VARCHAR"),
    "text": ("text", "VARCHAR"),
    "word": ("one of the words listed", "VARCHAR"),
    "currency": ("ISO 4217 code, three capitals", "VARCHAR"),
    "instant": ("2026-10-25T08:30:00Z, or a date alone", "TIMESTAMP"),
    "date": ("2026-10-25", "DATE"),
    "money": ("1234.50", "BIGINT"),
    "rate": ("0.13401234", "DECIMAL(18,8)"),
    "number": ("12.5", "DECIMAL(18,4)"),
    "share": ("0 to 1", "DECIMAL(9,6)"),
    "integer": ("42", "BIGINT"),
    "boolean": ("true or false", "BOOLEAN"),
}


@dataclass(frozen=True)
class Column:
    """A column of a canonical table.

    `needed`: the source must have it. `filled`: every row must have a value (a filled column is needed).
    `parent`: the table whose key it points to. `words`: the only values allowed. `low`, `high`: bounds, included.
    `later`: an instant that becomes NULL where it is not before the run's as-of. `follows`: the instant that this
    value became known with; it becomes NULL together with it. `is_false_if_empty`: an empty value means no.
    """

    name: str
    type: str
    meaning: str
    unit: str = ""
    needed: bool = False
    filled: bool = False
    parent: str = ""
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    later: bool = False
    follows: str = ""
    is_false_if_empty: bool = False

    @property
    def is_instant(self) -> bool:
        """Whether its values are instants."""
        return self.type == "instant"

    @property
    def stored(self) -> dict[str, str]:
        """The columns it becomes once loaded, with their SQL types: instants are UTC in whole seconds with a flag for
        a source that gave the date alone; money is whole hundredths of the currency's unit."""
        sql_type = TYPES[self.type][1]
        if self.type == "money":
            return {f"{self.name}_minor": sql_type}
        if self.is_instant:
            return {self.name: sql_type, f"{self.name}_is_date": "BOOLEAN"}
        return {self.name: sql_type}


@dataclass(frozen=True)
class Rule:
    """A rule on one row: `holds` is SQL over the loaded columns; where it is false the row is rejected or flagged."""

    name: str
    holds: str
    meaning: str
    rejects: bool = True


@dataclass(frozen=True)
class Table:
    """A canonical table: `grain` says what a row is, `key` what makes it one, `known` when it became known."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    known: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def stored(self) -> dict[str, str]:
        """The loaded columns in order, with their SQL types."""
        return {name: kind for column in self.columns for name, kind in column.stored.items()}

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


def not_before(later: str, earlier: str, *, rejects: bool = True) -> Rule:
    """One instant is never before another; where one of them is a date alone, the day may be the same."""
    same_day = f"({later}_is_date or {earlier}_is_date) and {later} > {earlier} - interval '1' day"
    words = f"{later.removesuffix('_at')} not before {earlier.removesuffix('_at')}"
    return Rule(f"{later}_not_before_{earlier}", f"{later} >= {earlier} or ({same_day})", words, rejects)


def readme(tables: Iterable[Table], row_counts: dict[str, int] | None = None) -> str:
    """The tables as Markdown, as it stands in `data/sample/README.md`.

    Parameters: `tables`; `row_counts`, rows per table, printed beside the grain where given.
    Returns: Markdown text.
    """
    parts = [
        "# The tables",
        "Printed from `lib/salesbook/tables.py` by `salesbook sample`. One CSV file a table, UTF-8, comma, header.",
        "`filled`: every row has a value. `needed`: the column is there. Instants are UTC; money has a point.",
    ]
    for table in tables:
        rows = f" {row_counts[table.name]:,} rows." if row_counts and table.name in row_counts else ""
        key = f" Key: {', '.join(table.key)}." if table.key else " Without key: two rows may be the same."
        known = f" Known from {' and '.join(table.known)}." if table.known else ""
        parts.append(f"## {table.name}\n\n{table.grain.capitalize()}.{key}{known}{rows}")
        lines = ["| column | type | unit | | points to | meaning |", "|---|---|---|---|---|---|"]
        for column in table.columns:
            demand = "filled" if column.filled else "needed" if column.needed else ""
            words = f" ({', '.join(column.words)})" if column.words else ""
            lines.append(
                f"| {column.name} | {column.type} | {column.unit} | {demand} | {column.parent} "
                f"| {column.meaning}{words} |"
            )
        parts.append("\n".join(lines))
        if table.rules:
            rules = [f"- {rule.meaning} ({'rejected' if rule.rejects else 'flagged'})" for rule in table.rules]
            parts.append("\n".join(rules))
    return "\n\n".join(parts) + "\n"
