"""The deals or leads behind a number: names in place of keys, and the way back into the CRM."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from salesbook.book import Book
from salesbook.build import fact
from salesbook.errors import WrongUsage
from salesbook.kpi import Kpi
from salesbook.query import Measure, Query, Question, Unanswerable
from salesbook.sellers import called

MOST = 5000  # more than this nobody reads in a sheet: the export itself is the place
KEYS = {"deal_id": "deals", "lead_id": "leads"}
# What is told of a deal or lead, where its fact has it; amounts are in minor units.
TOLD = ("move", "expected_fate", "phase", "account.name", "owner.shown_as", "product", "stage", "source",
        "created_on", "qualified_on", "phase_entered_on", "stage_entered_on", "expected_close_on", "closed_on",
        "amount_minor")  # fmt: skip
WORDED = {"move": "waterfall", "expected_fate": "fates", "phase": "phase"}
NAMED = {"account.name": "organisation", "owner.shown_as": "seller", "amount_minor": "amount"}


@dataclass(frozen=True)
class Listing:
    """Deals or leads (`kind`): how many there are, and `rows` of them, at most so many, the largest or newest first."""

    kind: str
    n: int
    rows: pd.DataFrame


def listing(book: Book, what: Kpi | Measure, where: dict[str, Any] | None = None, last: int | None = None) -> Listing:
    """The deals or leads that a figure counts.

    Rule: each once, however many of its rows count; the largest amount first, leads the newest first. Sellers are told
    as they are shown everywhere: by name, or by group where names are off.
    Parameters: `what`, a KPI that states a measure, or a measure; `where` and `last` as they were asked of it.
    Returns: Listing; its rows have record (deal or lead), what is told of it, and record_url where there is one. None
    where the data has no answer.
    Raises: WrongUsage for a KPI that is worked out from others, or whose rows are neither deals nor leads.
    """
    measure = what.measure if isinstance(what, Kpi) else what
    key = next((name for name in fact(measure.fact).key if name in KEYS), "") if measure else ""
    if not key:
        raise WrongUsage("There is no list of deals or leads behind this.", f"Found {what!r}.", "Give its parts.")
    try:
        query = Query(book, measure, Question(where=dict(where or {}), last=last))
    except Unanswerable:
        return Listing(KEYS[key], 0, pd.DataFrame())
    chosen = {NAMED.get(path, path): query.column(path) for path in TOLD if query.has(path)}
    if query.link:
        chosen["record_url"] = query.column(query.link)
    order = f"{chosen['amount']} desc nulls last, f.{key}" if "amount" in chosen else f"f.created_on desc, f.{key}"
    columns = ", ".join([f"f.{key} as record", *(f'{sql} as "{name}"' for name, sql in chosen.items())])
    joins = " ".join(query.joins.values())
    sql = f"""select *, count(*) over () as n from (
        select {columns}, row_number() over (order by {order}) as place,
          row_number() over (partition by f.{key} order by {order}) as copy
        from {measure.fact} f {joins} where {query.conditions}) listed
      where copy = 1 order by place limit {MOST}"""
    rows = book.rows(sql, query.values)
    n = int(rows["n"].iloc[0]) if len(rows) else 0
    rows = rows.drop(columns=["place", "copy", "n"]).dropna(axis="columns", how="all")
    for name in WORDED.keys() & set(rows):
        rows[name] = [in_words(book, name, value) for value in rows[name]]
    if "seller" in rows:
        rows["seller"] = called(book, rows["seller"])
    return Listing(KEYS[key], n, rows.assign(amount=rows["amount"] / 100) if "amount" in rows else rows)


def in_words(book: Book, name: str, value) -> str | None:
    """A code of the facts as readers say it; one without words stays as it is."""
    key = f"{WORDED[name]}.{value}"
    return book.words.say(key) if book.words.has(key) else value
