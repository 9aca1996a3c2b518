"""What an import read, for the terminal: rows by file, rules by table, and the first rows to mend."""

from collections.abc import Iterator

import duckdb
from rich.table import Table

from salesbook.sources.form import literal
from salesbook.sources.imports import Import

EXAMPLES = 3


def summary(imported: Import) -> Iterator[Table | str]:
    """The parts of a summary, to be printed one after another.

    Parameters: `imported`, an import.
    Returns: tables for the terminal and lines of text. Values of rejected rows are not among them.
    """
    yield by_file(imported)
    for title, counts in (("rejected", imported.rejected), ("flagged", imported.flagged)):
        if counts:
            yield by_rule(imported, title, counts)
    for file in imported.files:
        if file["unknown_columns"]:
            yield f"{file['name']}: columns not read: {', '.join(file['unknown_columns'])}"
    if imported.set_aside:
        yield f"Files not read: {', '.join(imported.set_aside)}"


def by_file(imported: Import) -> Table:
    """Rows read, loaded and rejected by file and table."""
    shown = Table("file", "table", title=f"Read into {imported.folder}")
    for name in ("read", "loaded", "rejected"):
        shown.add_column(name, justify="right")
    for file in imported.files:
        counts = (file["rows_read"], file["rows_loaded"], file["rows_rejected"])
        shown.add_row(file["name"], file["table"], *(f"{count:,}" for count in counts))
    return shown


def by_rule(imported: Import, title: str, counts: dict[str, dict[str, int]]) -> Table:
    """Rows by table and rule, with their share of the rows read and the first lines to look at."""
    shown = Table("table", "rule", title=f"Rows {title}")
    shown.add_column("rows", justify="right")
    shown.add_column("share", justify="right")
    shown.add_column("first at")
    for table, rules in counts.items():
        read = imported.rows_read(table)
        for rule, count in rules.items():
            share = f"{count / read:.1%}" if read else ""
            shown.add_row(table, rule, f"{count:,}", share, first_lines(imported, title, table, rule))
    return shown


def first_lines(imported: Import, title: str, table: str, rule: str) -> str:
    """The first lines of a rule, as deals.csv:17."""
    path = imported.folder / "flags.parquet"
    chosen = f'"table" = {literal(table)}'
    if title == "rejected":
        path, chosen = imported.folder / "quarantine" / f"{table}.parquet", "true"
    rows = duckdb.execute(
        f"select file, line from read_parquet({literal(path.as_posix())}) where {chosen} and rule = ? "
        f"order by file, line limit {EXAMPLES}",
        [rule],
    ).fetchall()
    return ", ".join(f"{file}:{line}" for file, line in rows)
