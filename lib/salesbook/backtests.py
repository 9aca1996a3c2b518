"""What was forecast of past quarters and what came: every method asked again, and the numbers that were submitted."""

from datetime import timedelta
from functools import wraps
from itertools import product
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from salesbook import clock
from salesbook.book import Book
from salesbook.errors import WrongUsage
from salesbook.forecasts import METHODS, MOST_QUARTERS, Forecast, History, months_before, number
from salesbook.kpi import Ask
from salesbook.query import Unanswerable

OPEN = ("seen_on", "deal_id", "cycle", "stage", "category", "created_on", "amount_minor", "probability",
        "expected_close_on")  # fmt: skip
ENDS = ("deal_id", "cycle", "is_won", "created_on", "entered_on", "known_on", "until_on", "amount_minor")
ENDED = ("is_closed", "is_known")
NUMBERS = ("snapshot_at", "snapshot_on", "method", "owner_id", "period", "amount_minor")
PAIR = ("method", "horizon", "quarter", "forecast", "low", "high", "actual", "repeated", "reason")
SPAN = ("ends", "last_period", "last_ends", "horizon")
KINDS = ("year", "quarter", "month", "week")
HORIZONS = (6, 5, 4, 3, 2, 1)
MONTH_DAYS = 365.25 / 12
# An opened run never changes: what was made of it for one KPI serves the next.
REMEMBERED: WeakKeyDictionary[Book, dict] = WeakKeyDictionary()


def remembered(made):
    """What is made of a question, made once for each opened run."""

    @wraps(made)
    def answer(ask: Ask):
        known = REMEMBERED.setdefault(ask.book, {})
        key = f"{made.__name__} {ask.question}"
        if key not in known:
            known[key] = made(ask)
        return known[key]

    return answer


def histories(ask: Ask) -> list[tuple[dict, History]]:
    """A history per group asked for; chances are learned from all deals of the book's slice.

    Raises: WrongUsage where a period is asked for; Unanswerable where no deal has ended.
    """
    question = ask.question
    if question.period or question.last or question.ago or question.years_ago:
        found = f"Found period={question.period}, last={question.last}, ago={question.ago}."
        raise WrongUsage("Forecasts take no period: they are of the run's instant.", found, "Leave it out.")
    return made_of(ask)


@remembered
def made_of(ask: Ask) -> list[tuple[dict, History]]:
    """The histories of a question."""
    by, where = ask.question.by, ask.question.where
    open_deals, ends = deals_of(ask, by, where)
    everything = deals_of(ask, (), {}) if by or where else (open_deals, ends)
    if everything[1].empty:
        raise Unanswerable("nothing closed")
    starts = ask.book.run["fiscal_year_starts"]
    last = clock.period_of(ask.book.period.end, "quarter", starts)
    pool = History(*everything, last, fiscal_year_starts=starts)
    if not by:
        return [({}, History(open_deals, ends, last, pool, starts) if where else pool)]
    groups = pd.concat([open_deals[list(by)], ends[list(by)]]).drop_duplicates().sort_values(list(by))
    named = [dict(zip(by, values, strict=True)) for values in groups.itertuples(index=False, name=None)]
    parts = [(keys, of_group(open_deals, keys), of_group(ends, keys)) for keys in named]
    return [(keys, History(some_open, some_ends, last, pool, starts)) for keys, some_open, some_ends in parts]


def deals_of(ask: Ask, by: tuple[str, ...], where: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The deals that stood open, and those that ended, with their groups."""
    changes = {"by": by, "where": where, "period": None, "last": None}
    return ask.rows("open_deals", OPEN, **changes), ask.rows("deal_states", ENDS, among=ENDED, **changes)


def of_group(rows: pd.DataFrame, keys: dict) -> pd.DataFrame:
    """The rows of one group; nothing equals nothing."""
    mask = np.ones(len(rows), dtype=bool)
    for name, value in keys.items():
        mask &= (rows[name].isna() if pd.isna(value) else rows[name] == value).to_numpy()
    return rows[mask].reset_index(drop=True)


@remembered
def backtest(ask: Ask) -> pd.DataFrame:
    """Every method at every distance from the end of the last eight whole quarters, beside what came.

    Returns: by, method, horizon, quarter, forecast, low, high (NaN where it has none), actual, repeated (what the last
    period that was over then came to), reason; minor units.
    """
    rows = []
    today = number(ask.book.period.end)
    for keys, history in histories(ask):
        actual = history.known(today, len(history.quarters) - 2, deep=False).totals
        places = {start: place for place, (start, _) in enumerate(history.quarters)}
        for start, horizon in product(list(actual)[-MOST_QUARTERS:], HORIZONS):
            on = months_before(history.quarters[places[start]][1], horizon)
            if on > history.begins:
                known = history.known(on, places[start])
                made = {name: method(known) for name, method in METHODS.items()}
                came = {"actual": actual[start], "repeated": made["naive"].value}
                quarter = {"horizon": horizon, "quarter": day_of(start), **came}
                rows += [keys | quarter | said(*one) for one in made.items()]
    rows = pd.concat([pd.DataFrame(rows), submitted(ask)], ignore_index=True)
    if rows.empty:
        raise Unanswerable("too few")
    order = [*ask.question.by, *PAIR]
    known = [*METHODS, *sorted(set(rows["method"]) - set(METHODS))]
    rank = rows["method"].map({name: place for place, name in enumerate(known)})
    keys = [*ask.question.by, "rank", "horizon", "quarter"]
    return rows.assign(rank=rank).sort_values(keys, ignore_index=True, kind="stable")[order]


def said(name: str, made: Forecast) -> dict:
    """A forecast as a row."""
    low, high = made.interval
    return {"method": name, "forecast": made.value, "low": low, "high": high, "reason": made.reason}


@remembered
def submitted(ask: Ask) -> pd.DataFrame:
    """Numbers submitted for periods that are over, beside what came: the last number at each distance.

    Rule: periods as `with_spans`; the distance is the time left in whole months. What came is what the sellers who
    submitted won; without a seller, what all won.
    Returns: as `backtest`; no rows where nothing was saved or the question is not about sellers. Numbers of no known
    kind of period are one row that says so.
    """
    by = ask.question.by
    numbers = submissions(ask)
    keys = ["method", "period", "owner_id", "horizon"]
    numbers = numbers.drop_duplicates(keys, keep="last")
    if numbers.empty:
        return pd.DataFrame(columns=[*by, *PAIR])
    numbers = numbers.assign(actual=won_between(ask, numbers["period"], numbers["ends"], numbers["owner_id"]))
    numbers["repeated"] = won_between(ask, numbers["last_period"], numbers["last_ends"], numbers["owner_id"])
    sums = {"forecast": "amount_minor", "actual": "actual", "repeated": "repeated"}
    groups = numbers.rename(columns={"period": "quarter"}).groupby([*by, "method", "horizon", "quarter"], dropna=False)
    found = groups[list(sums.values())].agg(lambda part: part.sum(skipna=False)).reset_index()
    found = found.rename(columns={old: new for new, old in sums.items()})
    is_known, has_end = found["actual"].notna(), found["quarter"].isin(numbers["period"][numbers["ends"].notna()])
    reason = np.where(is_known, "", np.where(has_end, "nothing closed", "unknown period"))
    found = found.assign(forecast=found["forecast"].where(is_known), low=np.nan, high=np.nan, reason=reason)
    return found[[*by, *PAIR]]


def submissions(ask: Ask) -> pd.DataFrame:
    """All numbers submitted for periods that are over, in the order in which they were saved.

    Returns: by, the columns of NUMBERS, and those of `with_spans`; no rows where nothing was saved or the question is
    not about sellers.
    """
    by, where = ask.question.by, ask.question.where
    columns = tuple(name for name in NUMBERS if name not in by)
    nothing = pd.DataFrame(columns=[*by, *columns, *SPAN])
    is_of_sellers = all(path == "owner_id" or path.startswith("owner.") for path in (*by, *where))
    if ask.book.missing("snapshot_facts") or not is_of_sellers:
        return nothing
    numbers = ask.rows("snapshot_facts", columns, among=("is_number",), period=None, last=None)
    return with_spans(numbers, ask) if len(numbers) else nothing


def with_spans(numbers: pd.DataFrame, ask: Ask) -> pd.DataFrame:
    """Numbers of periods that are over, with when those end, the months left, and the last period over by then.

    Rule: a method's periods are years, quarters, months or ISO weeks: the longest that all of them begin (years need
    two). Where they begin none of these there are no ends to judge by.
    Returns: the numbers with `ends` and `last_ends` (first days after), `last_period` and `horizon`.
    """
    starts = ask.book.run["fiscal_year_starts"]
    days, saved = pd.to_datetime(numbers["period"]), pd.to_datetime(numbers["snapshot_on"])
    kinds = {method: kind_of(part, starts) for method, part in days.groupby(numbers["method"])}
    rows = zip(numbers["method"], days, saved + pd.Timedelta(days=1), strict=True)
    spans = pd.DataFrame([span_of(kinds[name], day, morning, starts) for name, day, morning in rows], columns=SPAN[:3])
    spans = spans.apply(pd.to_datetime).set_index(numbers.index)
    horizon = months_left(saved, spans["ends"].fillna(saved))
    numbers = numbers.assign(period=days, amount_minor=numbers["amount_minor"].astype(float), horizon=horizon)
    is_over = (spans["ends"] <= pd.Timestamp(ask.book.period.end)) & (spans["ends"] > saved)
    return numbers.join(spans)[is_over | spans["ends"].isna()]


def kind_of(periods: pd.Series, starts: int) -> str | None:
    """The longest kind of period that all days begin."""
    days = [day.date() for day in periods.unique()]
    kinds = KINDS if len(days) > 1 else KINDS[1:]
    return next((kind for kind in kinds if all(clock.period_of(day, kind, starts).start == day for day in days)), None)


def span_of(kind: str | None, day: pd.Timestamp, morning: pd.Timestamp, starts: int) -> tuple:
    """When a period ends, and the first days of the last one that was over on a morning and after it."""
    if kind is None:
        return None, None, None
    last_ends = clock.period_of(morning.date(), kind, starts).start
    last = clock.period_of(last_ends - timedelta(days=1), kind, starts)
    return clock.period_of(day.date(), kind, starts).end, last.start, last_ends


def months_left(saved: pd.Series, ends: pd.Series) -> pd.Series:
    """Whole months from the morning after something was saved to the end of a period."""
    days = (pd.to_datetime(ends) - pd.to_datetime(saved)).dt.days - 1
    return np.maximum(np.round(days / MONTH_DAYS), 0).astype(int)


def won_between(ask: Ask, starts: pd.Series, ends: pd.Series, owners: pd.Series) -> np.ndarray:
    """What each seller, or all where none is named, won from a day up to another; NaN where no deal had ended yet."""
    columns = ("owner_id", "closed_on", "is_won", "amount_minor")
    closed = ask.rows("deal_facts", columns, among=("is_closed",), by=(), period=None, last=None)
    closed = closed.assign(day=pd.to_datetime(closed["closed_on"])).sort_values("day", kind="stable")
    amounts = closed["amount_minor"].fillna(0).astype(float).where(closed["is_won"].astype(bool), 0.0)
    found = pd.Series(np.nan, index=starts.index)
    for owner in owners.unique():
        own = closed["owner_id"].eq(owner) if pd.notna(owner) else pd.Series(True, index=closed.index)
        running, days = np.append(0.0, amounts[own].cumsum()), closed["day"][own]
        rows = owners.eq(owner) if pd.notna(owner) else owners.isna()
        until, since = (running[days.searchsorted(edge[rows])] for edge in (ends, starts))
        found[rows] = until - since
    return found.where(ends > closed["day"].min()).to_numpy()


def day_of(day: int) -> pd.Timestamp:
    """A day number as a date."""
    return pd.Timestamp("1970-01-01") + pd.Timedelta(days=int(day))
