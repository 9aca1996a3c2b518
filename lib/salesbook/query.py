"""What is asked of a fact, as SQL: a question of groups, periods and a slice, put to a measure.

Identifiers are checked against the fact's columns and values are bound, so nothing from data or a user becomes SQL.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import pandas as pd

from salesbook import clock
from salesbook.book import SLICES, Book
from salesbook.build import fact as declared
from salesbook.errors import WrongUsage


class Unanswerable(WrongUsage):
    """A question that the data cannot answer: `reason` stands in the figure's place."""

    def __init__(self, reason: str):
        self.reason = reason
        super().__init__("That cannot be answered from this data.", f"It {reason}.", "Add the table, or ask otherwise.")


class NotKept(Unanswerable):
    """A question about what the company does not keep (see `Kept`)."""


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


class Kept(NamedTuple):
    """Rows that a company which keeps them must have by now: with rows `of` one kind and none of `some`, it does not.

    `some` and `of`: a fact, or a boolean column of one as deal_facts.is_won; `reason`: what stands in the figure's
    place. The whole of the data is looked at, whatever slice or period is asked for.
    """

    some: str
    of: str
    reason: str


@dataclass(frozen=True)
class Measure:
    """A measure on a fact: aggregates named in SQL, and how they become a result.

    `among`: boolean columns of the rows that count; `on`: the date column, none for a stock; `empty`: the reason
    where nothing counts; `finish`: from the aggregates to value, low, high; `kept`: what must be kept to answer it;
    `within`: a column, and aggregates over the rows that share a value of it: `aggregates` are then over those, with
    the value as `cluster`.
    """

    fact: str
    aggregates: dict[str, str]
    finish: Callable[[pd.DataFrame], pd.DataFrame]
    among: tuple[str, ...] = ()
    on: str | None = None
    empty: str = "no rows"
    columns: tuple[str, ...] = ()
    says: str = ""
    kept: Kept | None = None
    within: tuple[str, dict[str, str]] | None = None


def as_tuple(names: str | list | tuple | None) -> tuple[str, ...]:
    """One name, several or none, as a tuple."""
    return (names,) if isinstance(names, str) else tuple(names or ())


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
        self.aggregates = {f"a{i}": self.filled(sql) for i, sql in enumerate(measure.aggregates.values())}
        cluster, each = measure.within or ("", {})
        self.clusters = [f"{self.column(cluster)} as cluster"] if cluster else []
        self.clusters += [f"{self.filled(sql)} as {name}" for name, sql in each.items()]
        joined = f"from {measure.fact} f {' '.join(self.joins.values())}"
        self.conditions = " and ".join(conditions) or "true"
        self.source, self.nothing = f"{joined} where {self.conditions}", f"{joined} where false"
        self.sql = self.spined()

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

    @property
    def link(self) -> str:
        """The path of a row's way back into the CRM: its own, or that of the deal or lead it is about; empty: none."""
        paths = ("record_url", "deal.record_url", "lead.record_url")
        return next((path for path in paths if self.has(path)), "")

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

    def tallied(self, source: str, groups: dict[str, str]) -> str:
        """The aggregates over a source's rows by groups (name to SQL), or over its clusters."""
        tallies = [f"{sql} as {name}" for name, sql in self.aggregates.items()]
        named = [f"{sql} as {name}" for name, sql in groups.items()]
        if self.clusters:
            source = f"from (select {', '.join([*named, *self.clusters])} {source} {by_first(len(named) + 1)}) clusters"
            named = list(groups)
        return f"select {', '.join([*named, *tallies])} {source} {by_first(len(named))}"

    def spined(self) -> str:
        """Groups × periods, with the aggregates beside them: where there are no rows, those over nothing."""
        groups = {f"g{i}": sql for i, sql in enumerate(self.groups)}
        bucket = self.bucket()
        if not bucket:
            order = ", ".join(f"{key} nulls last" for key in groups) or "1"
            return f"with found as ({self.tallied(self.source, groups)}) select * from found order by {order}"
        periods = ", ".join(f"(date '{period.start}')" for period in self.windows)
        spine = f"select distinct {', '.join(groups)} from found" if groups else "select 1 as one"
        on = " and ".join([*(f"k.{key} is not distinct from found.{key}" for key in groups), "s.p = found.p"])
        values = [f"case when found.p is null then nothing.{name} else found.{name} end" for name in self.aggregates]
        chosen = ", ".join([*(f"k.{key}" for key in groups), "cast(s.p as timestamp)", *values])
        return (
            f"with found as ({self.tallied(self.source, groups | {'p': bucket})}), "
            f"nothing as ({self.tallied(self.nothing, {})}) "
            f"select {chosen} from ({spine}) k cross join (values {periods}) s(p) cross join nothing "
            f"left join found on {on} order by {', '.join([*(f'k.{key} nulls last' for key in groups), 's.p'])}"
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


def by_first(count: int) -> str:
    """SQL that groups by the first so many columns."""
    return f"group by {', '.join(str(place + 1) for place in range(count))}" if count else ""
