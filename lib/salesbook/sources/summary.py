"""What was read, as tables for a terminal: files with their rows, and the rules that rejected or flagged some."""

from rich.table import Table

from salesbook.sources.imports import Import


def summary(imported: Import) -> list[Table]:
    """The files of an import with their rows, and what was rejected and flagged by rule.

    Returns: rich tables, to be printed in order.
    """
    files = Table(title="Files", title_justify="left")
    for name, side in (
        ("file", "left"),
        ("table", "left"),
        ("read", "right"),
        ("loaded", "right"),
        ("rejected", "right"),
    ):
        files.add_column(name, justify=side)
    for read in imported.files:
        counts = [f"{read[name]:,}" for name in ("rows_read", "rows_loaded", "rows_rejected")]
        files.add_row(read["name"], read["table"], *counts)
    rules = Table(title="Rules", title_justify="left")
    for name, side in (
        ("table", "left"),
        ("rule", "left"),
        ("rejected", "right"),
        ("flagged", "right"),
        ("share", "right"),
    ):
        rules.add_column(name, justify=side)
    for table in sorted({*imported.rejected, *imported.flagged}):
        rejected, flagged = imported.rejected.get(table, {}), imported.flagged.get(table, {})
        for rule in sorted({*rejected, *flagged}):
            count = rejected.get(rule, 0) + flagged.get(rule, 0)
            share = f"{count / max(imported.rows_read(table), 1):.1%}"
            rules.add_row(table, rule, str(rejected.get(rule, "")), str(flagged.get(rule, "")), share)
    return [files, rules] if rules.row_count else [files]
