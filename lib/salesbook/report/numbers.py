"""Every number on the pages as one long table: for whoever wants to compute with them, or hold two months together."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from salesbook.report.left import Left

SCHEMA = pa.schema(
    {
        "month": pa.string(),
        "page": pa.string(),
        "part": pa.int64(),
        "title": pa.string(),
        "row": pa.int64(),
        "group": pa.string(),
        "measure": pa.string(),
        "unit": pa.string(),
        "value": pa.float64(),
    }
)
TEXTS = ("text", "month", "date", "day", "flag")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def numbers(pages: list[Left], month: str) -> pa.Table:
    """One row per number on a page.

    Returns: month, page, part (its place on the page), title, row, group (the row's texts and dates, joined), measure
    (the column), unit, value.
    """
    rows = []
    for page in pages:
        for part, (kind, data) in enumerate(page.parts):
            if kind == "scorecard":
                for place, card in enumerate(data["cards"]):
                    measures = ("value", "low", "high", "numerator", "denominator", "n", "before", "target")
                    rows += [
                        (
                            month,
                            page.name,
                            part,
                            card["label"],
                            place,
                            card["name"],
                            name,
                            card["unit"],
                            float(card[name]),
                        )
                        for name in measures
                        if card.get(name) is not None
                    ]
            elif kind in ("figure", "table"):
                rows += table_rows(month, page.name, part, data)
    columns = zip(*rows, strict=True) if rows else [[] for _ in SCHEMA]
    return pa.table([pa.array(list(column), kind) for column, kind in zip(columns, SCHEMA.types, strict=True)], SCHEMA)


def table_rows(month: str, page: str, part: int, data: dict) -> list[tuple]:
    """The numbers of a figure's or table's table."""
    columns, found = data["table"]["columns"], []
    title = data.get("headline") or data.get("title", "")
    for place, row in enumerate(data["table"]["rows"]):
        group = " | ".join(str(x) for x, c in zip(row, columns, strict=True) if c["unit"] in TEXTS and x is not None)
        for value, column in zip(row, columns, strict=True):
            if column["unit"] not in TEXTS and isinstance(value, (int, float)):
                found.append((month, page, part, title, place, group, column["name"], column["unit"], float(value)))
    return found


def write(folder: Path, pages: list[Left], month: str) -> None:
    """Write kpis.parquet and kpis.csv; in the CSV a text that a spreadsheet would take for a formula is quoted."""
    table = numbers(pages, month)
    pq.write_table(table, folder / "kpis.parquet", compression="zstd")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SCHEMA.names)
    for row in table.to_pylist():
        writer.writerow([harmless(value) if isinstance(value, str) else value for value in row.values()])
    (folder / "kpis.csv").write_text(text.getvalue(), encoding="utf-8")


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("won")
    ("'=1+1", 'won')
    """
    return f"'{text}" if text.startswith(DANGEROUS) else text
