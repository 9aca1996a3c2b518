"""KPIs: a registered function states a measure on a fact, or works something out from answers.

A measure says which fact, what counts, among what, by which date; everything else (groups, periods, the rows behind a
number, the printed definition) comes from that statement.
"""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from salesbook import clock, stats
from salesbook.book import Book
from salesbook.build import fact as declared
from salesbook.errors import WrongUsage
from salesbook.query import Kept, Measure, NotKept, Query, Question, Unanswerable, as_tuple

YEAR = 12
UNITS = ("share", "days", "hours", "money", "count", "ratio", "score", "index")
KPIS: dict[str, "Kpi"] = {}


def ratio(fact: str, counts: str, among=None, on: str | None = None, empty: str = "no rows") -> Measure:
    """Rows where `counts` holds ÷ rows `among`: a share with its Wilson interval.

    Returns: numerator, denominator, value (0 to 1), low, high.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        low, high = stats.wilson(rows["numerator"].to_numpy(), rows["denominator"].to_numpy())
        value = divided(rows["numerator"], rows["denominator"])
        return rows.assign(value=value, low=low, high=high)

    sums = {"numerator": f"count(*) filter (where {{{counts}}})", "denominator": "count(*)"}
    return Measure(fact, sums, finish, as_tuple(among), on, empty, (counts,), f"{counts} ÷ {said(among)}")


def counts(fact: str, among=None, on: str | None = None) -> Measure:
    """Rows `among`: a count, without an interval. Nothing counted is 0.

    Returns: n, value.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(value=rows["n"].astype(float), low=np.nan, high=np.nan)

    return Measure(fact, {"n": "count(*)"}, finish, as_tuple(among), on, "", (), f"rows {said(among)}")


def total(
    fact: str, column: str, among=None, on: str | None = None, per: int = 1, unknown: str | None = None
) -> Measure:
    """The sum of a column over rows `among`, divided by `per` (100 turns hundredths into units), without an interval.

    Parameters: `unknown`, the reason where there are rows and none has a value; left out: their sum is 0.
    Returns: n, the rows that have a value, and value; the sum of no rows is 0.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        value = rows["total"].fillna(0).astype(float) / per
        is_unknown = (rows["among"] > 0) & (rows["n"] == 0) & (unknown is not None)
        return rows.drop(columns=["total", "among"]).assign(value=value.mask(is_unknown), low=np.nan, high=np.nan)

    sums = {"n": f"count({{{column}}})", "among": "count(*)", "total": f"sum({{{column}}})"}
    says = f"sum of {column} {said(among)}"
    return Measure(fact, sums, finish, as_tuple(among), on, unknown or "", (column,), says)


def mean(fact: str, column: str, among=None, on: str | None = None, per: int = 1, empty: str = "no rows") -> Measure:
    """The sum of a column ÷ the rows that have a value, with the t interval from exact sums.

    Returns: n, numerator (the sum ÷ `per`), value, low, high.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        low, high = stats.mean_interval(rows["n"], rows["total"], rows["squares"])
        numerator = rows["total"].astype(float).fillna(0) / per
        rows = rows.assign(numerator=numerator, value=divided(numerator, rows["n"]))
        return rows.drop(columns=["total", "squares"]).assign(low=np.asarray(low) / per, high=np.asarray(high) / per)

    # As text: sums of squared cents overflow 64 bits, and floats lose digits.
    sums = {
        "n": f"count({{{column}}})",
        "total": f"cast(sum({{{column}}}) as varchar)",
        "squares": f"cast(sum(cast({{{column}}} as decimal(38, 0)) * {{{column}}}) as varchar)",
    }
    return Measure(fact, sums, finish, as_tuple(among), on, empty, (column,), f"mean of {column} {said(among)}")


def median(fact: str, column: str, among=None, on: str | None = None, per: int = 1, empty: str = "no rows") -> Measure:
    """The median of a column with its order-statistic interval (none under 6), beside it p90 and the mean.

    Returns: n, value, low, high, p90, mean, in units of `per`.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        low_rank, high_rank = stats.median_ranks(rows["n"].to_numpy())
        low = [nth(values, rank) for values, rank in zip(rows["sorted"], low_rank, strict=True)]
        high = [nth(values, rank) for values, rank in zip(rows["sorted"], high_rank, strict=True)]
        rows = rows.drop(columns="sorted").assign(low=low, high=high)
        measured = ["value", "low", "high", "p90", "mean"]
        return rows.assign(**{name: rows[name].astype(float) / per for name in measured})

    sums = {
        "n": f"count({{{column}}})",
        "value": f"quantile_cont({{{column}}}, 0.5)",
        "p90": f"quantile_cont({{{column}}}, 0.9)",
        "mean": f"avg({{{column}}})",
        "sorted": f"list({{{column}}} order by {{{column}}}) filter (where {{{column}}} is not null)",
    }
    return Measure(fact, sums, finish, as_tuple(among), on, empty, (column,), f"median of {column} {said(among)}")


def per(
    fact: str, numerator: str, denominator: str, among=None, on: str | None = None, scale: int = 1, empty="no rows"
) -> Measure:
    """The sum of one column ÷ the sum of another over the same rows; sums are shown divided by `scale`.

    Returns: n (rows), numerator, denominator, value; no interval.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows.assign(numerator=rows["numerator"].fillna(0).astype(float) / scale)
        rows = rows.assign(denominator=rows["denominator"].fillna(0).astype(float) / scale)
        value = divided(rows["numerator"], rows["denominator"])
        return rows.assign(value=value, low=np.nan, high=np.nan)

    sums = {"n": "count(*)", "numerator": f"sum({{{numerator}}})", "denominator": f"sum({{{denominator}}})"}
    says = f"sum of {numerator} ÷ sum of {denominator} {said(among)}"
    return Measure(fact, sums, finish, as_tuple(among), on, empty, (numerator, denominator), says)


def said(among) -> str:
    """The population in words of the fact's columns."""
    return "among " + " and ".join(as_tuple(among)) if among else "of all rows"


def divided(above, below) -> pd.Series:
    """A division that gives NaN where there is nothing to divide by."""
    above, below = pd.Series(above).astype(float), pd.Series(below).astype(float)
    return above / below.where(below != 0)


def nth(values, rank: int) -> float:
    """The value at a rank counted from 1; NaN at rank 0, which stands for none."""
    return float(values[rank - 1]) if rank else np.nan


class Kpi:
    """A registered KPI: call it with a book to get its figures.

    `name`, `meaning` (the first line of the docstring), `unit`, `better` (higher, lower or empty), `topic` (the module
    it stands in), `definition` (the whole docstring), `version` (a hash of its source).
    """

    def __init__(self, function: Callable, unit: str, better: str):
        self.function, self.unit, self.better = function, unit, better
        self.name = self.__name__ = function.__name__
        self.__doc__ = self.definition = inspect.getdoc(function) or ""
        self.meaning = self.definition.split("\n")[0]
        inside = function.__module__.partition(".kpis.")[2]
        self.topic = inside.partition(".")[0] or function.__module__.rsplit(".", 1)[-1]
        self.__module__ = function.__module__
        self.version = hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]
        self.is_worked_out = bool(inspect.signature(function).parameters)
        self.others: dict[str, Kpi] = {}

    def __repr__(self) -> str:
        return f"<KPI {self.name}: {self.meaning}>"

    @property
    def measure(self) -> Measure | None:
        """The statement, or None where the KPI is worked out from other answers."""
        return None if self.is_worked_out else self.function()

    def __call__(
        self,
        book: Book,
        by: str | list[str] | None = None,
        period: str | None = None,
        last: int | None = None,
        where: dict[str, Any] | None = None,
        ago: int = 0,
        years_ago: int = 0,
    ) -> pd.DataFrame:
        """The figures.

        Rule: without `period` one figure over the run's own period, a month or a quarter (or the `last` so many months
        to its end); with `period` a trend of the `last` so many (1 if left out) ending with the one that holds the
        run's last day, empty ones kept; what ends before the fact's first row is not known, and no zero.
        Parameters: `by`, columns of the fact or dotted paths such as account.country; `period`, day, week, month,
        quarter or year; `where`, column = value or list of values; `ago` and `years_ago` move the whole window back.
        Returns: `by`, `period` (first day), numerator and denominator or n, value, low, high, reason; sorted.
        Raises: WrongUsage for a name that does not exist, or a period asked of a stock.
        """
        question = Question(as_tuple(by), period, last, dict(where or {}), ago, years_ago)
        rows = self.answer(book, question)
        return self.since_known(book, rows, period) if period else rows

    def since_known(self, book: Book, rows: pd.DataFrame, period: str) -> pd.DataFrame:
        """A trend without the zeros of the time before its fact begins: nothing is known of it."""
        measure = self.measure
        if measure is None or "period" not in rows or reason_of(rows):
            return rows
        first = book.rows(f'select min("{measure.on}") as day from {measure.fact}')["day"].iloc[0]
        starts = book.run["fiscal_year_starts"]
        ends = [clock.period_of(start.date(), period, starts).end for start in rows["period"]]
        is_before = np.array([pd.notna(first) and end <= first.date() for end in ends], dtype=bool)
        is_unknown = is_before & rows["value"].notna()
        reason = rows["reason"].mask(is_unknown, "before the data begins")
        return rows.assign(value=rows["value"].mask(is_unknown), reason=reason)

    def trend(self, book: Book) -> pd.DataFrame:
        """The figures of the run's own period and of those before it: a year of them and one more, as cards show them.

        Returns: `period` (first day) and what a call returns; one row a period, oldest first.
        """
        if book.kind == "month":
            return self(book, period="month", last=YEAR + 1)
        back = range(YEAR // book.months, -1, -1)
        spans = [self(book, last=book.months, ago=book.months * n) for n in back]
        starts = clock.periods_before(book.period, book.kind, len(spans), book.run["fiscal_year_starts"])
        named = [rows.assign(period=pd.Timestamp(one.start)) for rows, one in zip(spans, starts, strict=True)]
        return self.since_known(book, pd.concat(named, ignore_index=True), book.kind)

    def answer(self, book: Book, question: Question) -> pd.DataFrame:
        """The figures for a question; where they cannot be had, one row that says why."""
        try:
            if self.is_worked_out:
                return self.function(Ask(book, question))
            return answer(book, self.measure, question)
        except NotKept as error:
            return self.emptied(book, question, error.reason)
        except Unanswerable as error:
            counted = self.measure.aggregates if self.measure else ("n",)
            return unanswered(keys_of(question), counted, error.reason)

    def emptied(self, book: Book, question: Question, reason: str) -> pd.DataFrame:
        """The groups and periods of a question with nothing in them but why; one row for a KPI that is worked out."""
        if self.is_worked_out:
            return unanswered(keys_of(question), ("n",), reason)
        rows = answer(book, replace(self.measure, kept=None), question)
        counted = {name: 0 for name in ("n", "numerator", "denominator") if name in rows}
        return rows.assign(**counted, value=np.nan, low=np.nan, high=np.nan, reason=reason)

    def as_others_say(self, book: Book, **question) -> pd.DataFrame:
        """The figures as they are defined here, and as others define them: `definition`, then as called."""
        from salesbook.lens import side_by_side

        return side_by_side(self, book, **question)

    def rows(self, book: Book, where: dict[str, Any] | None = None, last: int | None = None) -> pd.DataFrame:
        """The fact's rows behind the figure of the run's own period (or the `last` so many months), slice applied.

        Rule: a row of a fact about deals or leads has the record's way back into the CRM as `record_url`.
        Raises: WrongUsage for a KPI that is worked out from others: ask those.
        """
        measure = self.measure
        if measure is None:
            found = f"{self.name} is worked out from other KPIs."
            raise WrongUsage("This KPI has no rows of its own.", found, f"See {self.topic}.{self.name}.")
        query = Query(book, measure, Question(where=dict(where or {}), last=last))
        added = f", {query.column(query.link)} as record_url" if "." in query.link else ""
        source = f"from {measure.fact} f {' '.join(query.joins.values())} where {query.conditions}"
        return book.rows(f"select f.*{added} {source} order by all", query.values)


@dataclass(frozen=True)
class Ask:
    """Handed to a KPI that is worked out: asks another KPI or measure the same question, or a changed one."""

    book: Book
    question: Question

    def __call__(self, what: "Kpi | Measure", **changes) -> pd.DataFrame:
        asked = self.in_months if changes.get("period") == "month" else self
        question = replace(asked.question, **changes)
        return what.answer(self.book, question) if isinstance(what, Kpi) else answer(self.book, what, question)

    @property
    def in_months(self) -> "Ask":
        """The same question told in months: of the run's own period, so many months to its end."""
        question, months = self.question, self.book.months
        if question.period or question.last:
            return self
        return Ask(self.book, replace(question, last=months, ago=question.ago * months))

    def rows(self, fact: str, columns: tuple[str, ...], among=None, on: str | None = None, **changes) -> pd.DataFrame:
        """Columns of a fact's rows that the question is about, for what no sum can tell (survival, distributions).

        Parameters: `fact`; `columns`, names or dotted paths; `among` and `on` as for a measure; `changes` to the
        question; its `by` columns come first, `period` is passed over.
        Returns: the rows in the order of the fact's key.
        Raises: Unanswerable where a table is missing or the fact knows nothing of the slice.
        """
        question = replace(self.question, **changes)
        count = question.last or (1 if question.period else None)
        span = replace(question, period=None, last=count) if on else question
        measure = Measure(fact, {}, lambda rows: rows, as_tuple(among), on)
        if missing := self.book.missing(fact):
            raise Unanswerable(f"needs {', '.join(missing)}")
        query = Query(self.book, measure, span)
        chosen = [f'{query.column(path)} as "{path}"' for path in (*question.by, *columns)]
        joins = " ".join(query.joins.values())
        keys = ", ".join(f"f.{key}" for key in declared(fact).key)
        sql = f"select {', '.join(chosen)} from {fact} f {joins} where {query.conditions} order by {keys}"
        return self.book.rows(sql, query.values)


def kpi(unit: str, better: str = "") -> Callable[[Callable], Kpi]:
    """Register a function as a KPI.

    Parameters: `unit`, one of share, days, hours, money, count, ratio, score, index (of 100); `better`, higher, lower
    or empty.
    Raises: WrongUsage for another unit, a name used twice, or a function without docstring.
    """

    def register(function: Callable) -> Kpi:
        made = Kpi(function, unit, better)
        other = KPIS.get(made.name)
        taken = other is not None and other.function.__module__ != function.__module__
        if unit not in UNITS or better not in ("", "higher", "lower") or taken or not made.meaning:
            found = f"{made.name}: unit {unit!r}, better {better!r}"
            raise WrongUsage("A KPI cannot be registered.", found, "Give a known unit, a new name and a docstring.")
        KPIS[made.name] = made
        return made

    return register


def answer(book: Book, measure: Measure, question: Question) -> pd.DataFrame:
    """The result of a measure for a question (see `Kpi.__call__`)."""
    keys, missing = keys_of(question), book.missing(measure.fact)
    if missing:
        raise Unanswerable(f"needs {', '.join(missing)}")
    if measure.kept and not keeps(book, measure.kept):
        raise NotKept(measure.kept.reason)
    query = Query(book, measure, question)
    rows = book.rows(query.sql, query.values)
    rows.columns = [*keys, *measure.aggregates]
    rows = measure.finish(rows)
    is_empty = rows["value"].isna()
    rows["reason"] = np.where(is_empty, measure.empty, "")
    rest = [name for name in rows if name not in keys and name not in ("value", "low", "high", "reason", "p90", "mean")]
    more = [name for name in ("p90", "mean") if name in rows]
    return rows[[*keys, *rest, "value", "low", "high", *more, "reason"]]


def keeps(book: Book, kept: Kept) -> bool:
    """Whether the data has rows of some kind, or none yet of those without which there could be none."""

    def has(rows: str) -> bool:
        fact, _, column = rows.partition(".")
        return not book.rows(f"select 1 from {fact} where {column or 'true'} limit 1").empty

    return has(kept.some) or not has(kept.of)


def reason_of(rows: pd.DataFrame) -> str:
    """Why an answer holds nothing to show: the first reason where no row has a value; empty where one has.

    >>> reason_of(pd.DataFrame({"value": [np.nan], "reason": ["needs leads"]}))
    'needs leads'
    """
    if "value" in rows and rows["value"].notna().any():
        return ""
    said = rows["reason"][rows["reason"].fillna("") != ""] if "reason" in rows else rows.index[:0]
    if len(said):
        return str(said.iloc[0])
    return "no data" if rows.empty or "value" in rows else ""


def keys_of(question: Question) -> list[str]:
    """The key columns of an answer."""
    return [*question.by, *(["period"] if question.period else [])]


def unanswered(keys: list[str], aggregates, reason: str) -> pd.DataFrame:
    """One row that says why there is no figure."""
    counted = [name for name in aggregates if name in ("n", "numerator", "denominator")]
    values = {name: [None] for name in keys} | {name: [0] for name in counted}
    return pd.DataFrame(values | {name: [np.nan] for name in ("value", "low", "high")} | {"reason": [reason]})
