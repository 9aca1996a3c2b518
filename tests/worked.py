"""Tiny companies for worked tests: tables written as text, built into a book."""

import textwrap
from pathlib import Path

from salesbook.book import Book
from salesbook.build import build
from salesbook.settings import load

SETTINGS = """
[report]
month = "2026-10"
[source]
path = "export"
zone = "UTC"
currency = "EUR"
[limits]
rejected_share = 1.0
[calendars.office]
country = "NL"
hours = { mon = "09:00-17:00", tue = "09:00-17:00", wed = "09:00-17:00", thu = "09:00-17:00", fri = "09:00-17:00" }
"""

STAGES = """
pipeline,stage,position,probability,is_mandatory,is_won,is_lost
Sales,Qualification,1,0.1,true,false,false
Sales,Demo,2,0.3,false,false,false
Sales,Proposal,3,0.5,true,false,false
Sales,Won,4,1,true,true,false
Sales,Lost,5,0,true,false,true
"""

# Something that happened in the month, and that no KPI counts: a month without any data is refused.
NOTE = """
activity_id,type,direction,occurred_at
N,note,outbound,2026-10-15T12:00:00Z
"""


def settings_of(folder: Path, settings: str = SETTINGS, **tables: str):
    """Write an export of the tables given as CSV text, with its settings, and read those."""
    export = folder / "export"
    export.mkdir(parents=True, exist_ok=True)
    (folder / "salesbook.toml").write_text(settings, encoding="utf-8")
    for name, text in ({"stages": STAGES, "activities": NOTE} | tables).items():
        (export / f"{name}.csv").write_text(textwrap.dedent(text).strip() + "\n", encoding="utf-8")
    return load(folder)


def book_of(folder: Path, month: str = "2026-10", settings: str = SETTINGS, **tables: str) -> Book:
    """A book of the tables given as CSV text."""
    return Book(build(settings_of(folder, settings, **tables), month, folder / "run"))


def only(rows):
    """The one row of an answer."""
    (row,) = rows.index
    return rows.loc[row]
