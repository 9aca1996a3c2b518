"""What was read, as tables for a terminal: files with their rows, the rules that rejected or flagged some, where, and
what to mend in the CRM. Values never stand here: they are in the quarantine, for the person's eyes only."""

import duckdb
from rich.markup import escape
from rich.table import Table

from salesbook import maps
from salesbook.sources.files import listed
from salesbook.sources.form import literal
from salesbook.sources.imports import Import
from salesbook.sources.mending import to_mend
from salesbook.sources.staged import LEFT_OUT
from salesbook.tables import TABLES

EXAMPLES = 3


def summary(
    imported: Import, month: str = "", warnings: list[str] | None = None, unread: list[str] | None = None
) -> list[Table]:
    """The files of an import with their rows, what was rejected and flagged by rule, and the first lines of each.

    Parameters: `imported`; `month` and `warnings`, what its data lacks for a month, in words; `unread`, files beside
    them that feed no table.
    Returns: rich tables, to be printed in order.
    """
    parts = [files_of(imported, unread or []), columns_aside(imported), rules_of(imported), examples_of(imported)]
    parts.append(made_of(imported))
    if warnings:
        reach = titled(f"The data for {month}", "warning")
        for warning in warnings:
            reach.add_row(escape(warning))
        parts.append(reach)
    return [part for part in parts if part.row_count]


def titled(title: str, *heads: str) -> Table:
    """An empty table; a head that ends with > is of numbers."""
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head.removesuffix(">"), justify="right" if head.endswith(">") else "left")
    return table


def files_of(imported: Import, unread: list[str]) -> Table:
    """The files with their rows, and those that were not read."""
    table = titled("Files", "file", "table", "read>", "loaded>", "rejected>")
    for read in imported.files:
        counts = [f"{read[name]:,}" for name in ("rows_read", "rows_loaded", "rows_rejected")]
        table.add_row(escape(read["name"]), read["table"], *counts)
    for name in dict.fromkeys((*imported.set_aside, *unread)):
        table.add_row(escape(name), "not read", "", "", "")
    return table


def columns_aside(imported: Import) -> Table:
    """The columns of each file that no table has, or that the map does not name."""
    table = titled("Columns that are not read", "file", "columns")
    for name in dict.fromkeys(read["name"] for read in imported.files):
        first, *others = [read["unknown_columns"] for read in imported.files if read["name"] == name]
        if aside := [column for column in first if all(column in some for some in others)]:
            table.add_row(escape(name), escape(listed(aside)))
    return table


def rules_of(imported: Import) -> Table:
    """The rules that rejected or flagged rows, with their share and what to mend."""
    table = titled("Rules", "table", "rule", "rejected>", "flagged>", "share>", "what to mend")
    for name in sorted({*imported.rejected, *imported.flagged}):
        rejected, flagged = imported.rejected.get(name, {}), imported.flagged.get(name, {})
        rows = max(imported.rows_read(name) + imported.rows_made(name), 1)
        for rule in sorted({*rejected, *flagged}, key=lambda rule: (rule in LEFT_OUT, rule)):
            counts = [f"{some[rule]:,}" if rule in some else "" for some in (rejected, flagged)]
            share = f"{(rejected.get(rule, 0) + flagged.get(rule, 0)) / rows:.1%}"
            table.add_row(name, rule, *counts, share, escape(to_mend(name, rule)))
    return table


def examples_of(imported: Import) -> Table:
    """The first lines of each rule: file, line, column and rule."""
    table = titled("First rows of each rule", "table", "rule", "column", "file", "rows")
    for name in sorted({*imported.rejected, *imported.flagged}):
        for rule, column, file, lines in first_lines(imported, name):
            table.add_row(name, rule, column, escape(file), lines)
    return table


def first_lines(imported: Import, table: str) -> list[tuple[str, str, str, str]]:
    """The first lines, or keys, of each rule in a table: rule, column, file, lines; rows only left out are not told."""
    rejected = imported.quarantine(table).with_suffix(".parquet")
    if not (imported.folder / "flags.parquet").is_file():
        return []  # built in place: they stay in the database
    flags = literal((imported.folder / "flags.parquet").as_posix())
    parts = [f"""select rule, "column", file, line, key from read_parquet({flags}) where "table" = '{table}'"""]
    if rejected.is_file():
        parts.append(f'select rule, "column", file, line, key from read_parquet({literal(rejected.as_posix())})')
    left_out = ", ".join(map(literal, LEFT_OUT))
    return duckdb.execute(f"""
        select rule, any_value("column"), file, string_agg(coalesce(line::varchar, key), ', ' order by line, key)
        from (select *, row_number() over (partition by rule order by file, line, key) as place
            from ({" union all ".join(parts)}) where rule not in ({left_out}))
        where place <= {EXAMPLES} group by rule, file order by rule, file""").fetchall()


def made_of(imported: Import) -> Table:
    """The rows that the map's steps added, and those that no step needed."""
    table = titled("Steps", "table", "step", "rows added>", "rows not needed>")
    for name in [name for name in (*TABLES, *maps.RAW) if name in imported.made or name in imported.left_out]:
        for step, count in imported.made.get(name, {}).items():
            table.add_row(name, step, f"{count:,}", "")
        for rule, count in imported.left_out.get(name, {}).items():
            table.add_row(name, LEFT_OUT[rule], "", f"{count:,}")
    return table
