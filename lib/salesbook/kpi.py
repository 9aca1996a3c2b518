"""KPIs: a registered function states a measure on a fact, or works something out from answers.

A measure says which fact, what counts, among what, by which date; everything else (groups, periods, the rows behind a
number, the printed definition) comes from that statement. Identifiers are checked against the fact's columns and
values are bound, so nothing from data or a user becomes SQL.
"""

import difflib
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from salesbook import clock, stats
from salesbook.book import SLICES, Book
from salesbook.build import fact as declared
from salesbook.errors import WrongUsage

YEAR = 12
UNITS = ("share", "days", "hours", "money", "count", "ratio", "score", "index")
KPIS: dict[str, "Kpi"] = {}


class Unanswerable(WrongUsage):
    """A question that the data cannot answer: `reason` stands in the figure's place."""

    def __init__(self, reason: str):
        self.reason = reason
        super().__init__("That cannot be answered from this data.", f"It {reason}.", "Add the table, or ask otherwise.")


@dataclass(frozen=True)
class Question:
    """What is asked of a KPI: groups, periods, a slice, and how many periods (or years) ago.

    Without `period` and `last` it is of the run's own period: a month, or a quarter.
    """

    by: tuple[str, ...] = ()
    period: str | None = None
    last: int | None = None
    where: dict[str, Any] = field(default_factory=dict)
    ago: int = 0
    years_ago: int = 0


@dataclass(frozen=True)
class Measure:
    """A measure on a fact: aggregates named in SQL, and how they become a result.

    `among`: boolean columns of the rows that count; `on`: the date column, none for a stock; `empty`: the reason
    where nothing counts; `finish`: from the aggregates to value, low, high.
    """

    fact: str
    aggregates: dict[str, str]
    finish: Callable[[pd.DataFrame], pd.DataFrame]
    among: tuple[str, ...] = ()
    on: str | None = None
    empty: str = "no rows"
    columns: tuple[str, ...] = ()
    says: str = ""


def as_tuple(names: str | list | tuple | None) -> tuple[str, ...]:
    """One name, several or none, as a tuple."""
    return (names,) if isinstance(names, str) else tuple(names or ())


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


def total(fact: str, column: str, among=None, on: str | None = None, per: int = 1) -> Measure:
    """The sum of a column over rows `among`, divided by `per` (100 turns hundredths into units), without an interval.

    Returns: n, the rows that have a value, and value; the sum of nothing is 0.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        value = rows["total"].fillna(0).astype(float) / per
        return rows.drop(columns="total").assign(value=value, low=np.nan, high=np.nan)

    sums = {"n": f"count({{{column}}})", "total": f"sum({{{column}}})"}
    return Measure(fact, sums, finish, as_tuple(among), on, "", (column,), f"sum of {column} {said(among)}")


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
        run's last day, empty ones kept.
        Parameters: `by`, columns of the fact or dotted paths such as account.country; `period`, day, week, month,
        quarter or year; `where`, column = value or list of values; `ago` and `years_ago` move the whole window back.
        Returns: `by`, `period` (first day), numerator and denominator or n, value, low, high, reason; sorted.
        Raises: WrongUsage for a name that does not exist, or a period asked of a stock.
        """
        question = Question(as_tuple(by), period, last, dict(where or {}), ago, years_ago)
        return self.answer(book, question)

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
        return pd.concat(named, ignore_index=True)

    def answer(self, book: Book, question: Question) -> pd.DataFrame:
        """The figures for a question; where they cannot be had, one row that says why."""
        try:
            if self.is_worked_out:
                return self.function(Ask(book, question))
            return answer(book, self.measure, question)
        except Unanswerable as error:
            counted = self.measure.aggregates if self.measure else ("n",)
            return unanswered(keys_of(question), counted, error.reason)

    def as_others_say(self, book: Book, **question) -> pd.DataFrame:
        """The figures as they are defined here, and as others define them: `definition`, then as called."""
        from salesbook.lens import side_by_side

        return side_by_side(self, book, **question)

    def rows(self, book: Book, where: dict[str, Any] | None = None, last: int | None = None) -> pd.DataFrame:
        """The fact's rows behind the figure of the run's own period (or the `last` so many months), slice applied.

        Raises: WrongUsage for a KPI that is worked out from others: ask those.
        """
        measure = self.measure
        if measure is None:
            found = f"{self.name} is worked out from other KPIs."
            raise WrongUsage("This KPI has no rows of its own.", found, f"See {self.topic}.{self.name}.")
        query = Query(book, measure, Question(where=dict(where or {}), last=last))
        return book.rows(f"select f.* {query.source} order by all", query.values)


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
    query = Query(book, measure, question)
    rows = book.rows(query.sql, query.values)
    rows.columns = [*keys, *measure.aggregates]
    rows = measure.finish(rows)
    is_empty = rows["value"].isna()
    rows["reason"] = np.where(is_empty, measure.empty, "")
    rest = [name for name in rows if name not in keys and name not in ("value", "low", "high", "reason", "p90", "mean")]
    more = [name for name in ("p90", "mean") if name in rows]
    return rows[[*keys, *rest, "value", "low", "high", *more, "reason"]]


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


class Query:
    """The SQL of a measure and a question: `sql`, `source` (from and where) and the `values` to bind."""

    def __init__(self, book: Book, measure: Measure, question: Question):
        self.book, self.measure, self.question = book, measure, question
        self.joins: dict[str, str] = {}
        self.values: list = []
        self.windows = self.periods()
        conditions = [self.column(name) for name in measure.among]
        if self.windows:
            on = self.column(measure.on)
            conditions.append(f"{on} >= ? and {on} < ?")
            self.values += [self.windows[0].start, self.windows[-1].end]
        for name, value in (self.slice() | question.where).items():
            conditions.append(self.condition(name, value))
        self.groups = [self.column(name) for name in question.by]
        aggregates = [self.filled(sql) for sql in measure.aggregates.values()]
        joins = " ".join(self.joins.values())
        self.conditions = " and ".join(conditions) or "true"
        self.source = f"from {measure.fact} f {joins} where {self.conditions}"
        self.sql = self.spined(aggregates)

    def periods(self) -> list[clock.Period]:
        """The periods asked for, oldest first; none for a stock."""
        question, run = self.question, self.book.run
        if self.measure.on is None:
            if question.period or question.last:
                found = f"{self.measure.fact} is what stands open at the run's instant."
                raise WrongUsage("A stock has no period.", found, "Leave out period and last.")
            return []
        own = "month" if question.last else self.book.kind
        kind, starts = question.period or own, run["fiscal_year_starts"]
        end = clock.period_of(self.book.period.end - timedelta(days=1), kind, starts)
        count = (question.last or 1) + question.ago
        found = clock.periods_before(end, kind, count, starts)[: question.last or 1]
        found = [clock.years_before(period, question.years_ago) for period in found]
        is_earlier = question.ago or question.years_ago
        if is_earlier and end.end > self.book.period.end:
            found[-1] = self.book.as_far(found[-1], end)
        return found

    def slice(self) -> dict[str, Any]:
        """The book's slice by this fact's columns.

        Raises: Unanswerable where the fact knows nothing of it.
        """
        found = {}
        for name, value in self.book.slice.items():
            fitting = [path for path in SLICES[name] if self.has(path)]
            if not fitting:
                raise Unanswerable(f"not by {name}")
            found[fitting[0]] = value
        return found

    def has(self, path: str) -> bool:
        """Whether the fact has a column, itself or by a key it follows."""
        name, _, last = path.partition(".")
        target, _ = declared(self.measure.fact).follows.get(name, ("", ""))
        columns = self.book.columns
        return last in columns.get(target, ()) if last else name in columns[self.measure.fact]

    def column(self, path: str) -> str:
        """A column as SQL; a dotted path follows a key that the fact declares.

        Raises: WrongUsage where it does not exist.
        """
        name, _, last = path.partition(".")
        follows = declared(self.measure.fact).follows
        if last:
            target, key = follows.get(name, ("", ""))
            if last in self.book.columns.get(target, ()):
                self.joins[name] = f'left join {target} as "{name}" on "{name}".{key} = f.{key}'
                return f'"{name}"."{last}"'
        elif name in self.book.columns[self.measure.fact]:
            return f'f."{name}"'
        paths = [f"{n}.{c}" for n, (target, _) in follows.items() for c in self.book.columns[target]]
        allowed = [*self.book.columns[self.measure.fact], *paths]
        near = difflib.get_close_matches(path, allowed, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(allowed)}."
        raise WrongUsage(f"{self.measure.fact} has no such column.", f"Found {path!r}.", hint)

    def condition(self, path: str, value) -> str:
        """A column equal to a value, to one of several, or empty."""
        column = self.column(path)
        several = list(value) if isinstance(value, (list, tuple, set)) else [value]
        given = [one for one in several if one is not None]
        self.values += given
        parts = [f"{column} in ({', '.join('?' * len(given))})"] if given else []
        parts += [f"{column} is null"] if len(given) < len(several) else []
        return f"({' or '.join(parts) or 'false'})"

    def filled(self, sql: str) -> str:
        """An aggregate with its column names checked and quoted."""
        return sql.format(**{name: self.column(name) for name in self.measure.columns})

    def spined(self, aggregates: list[str]) -> str:
        """Groups × periods, empty ones kept, with the aggregates beside them."""
        groups = [f"{sql} as g{i}" for i, sql in enumerate(self.groups)]
        named = [f"{sql} as a{i}" for i, sql in enumerate(aggregates)]
        keys = [f"g{i}" for i in range(len(groups))]
        bucket = self.bucket()
        grouped = [*groups, *([f"{bucket} as p"] if bucket else [])]
        by = f"group by {', '.join(str(i + 1) for i in range(len(grouped)))}" if grouped else ""
        sql = f"with found as (select {', '.join([*grouped, *named])} {self.source} {by})"
        if not bucket:
            return f"{sql} select * from found order by {', '.join([f'{k} nulls last' for k in keys]) or '1'}"
        periods = ", ".join(f"(date '{period.start}')" for period in self.windows)
        spine = f"select distinct {', '.join(keys)} from found" if keys else "select 1 as one"
        on = " and ".join([*(f"k.{key} is not distinct from found.{key}" for key in keys), "s.p = found.p"])
        values = [counted(f"found.a{i}", text) for i, text in enumerate(self.measure.aggregates.values())]
        chosen = ", ".join([*(f"k.{key}" for key in keys), "cast(s.p as timestamp)", *values])
        order = ", ".join([*(f"k.{key} nulls last" for key in keys), "s.p"])
        return (
            f"{sql} select {chosen} from ({spine}) k cross join (values {periods}) s(p) "
            f"left join found on {on} order by {order}"
        )

    def bucket(self) -> str:
        """SQL for the first day of the period that holds the date, or nothing where no trend is asked for."""
        kind = self.question.period
        if not kind:
            return ""
        on, shift = self.column(self.measure.on), self.book.run["fiscal_year_starts"] - 1
        if kind in ("quarter", "year") and shift:
            moved = f"date_trunc('{kind}', {on} - interval '{shift}' month) + interval '{shift}' month"
            return f"cast({moved} as date)"
        return f"cast(date_trunc('{kind}', {on}) as date)"


def counted(column: str, aggregate: str) -> str:
    """A count of an empty period is 0; other aggregates stay empty."""
    return f"coalesce({column}, 0)" if aggregate.startswith("count(") else column
