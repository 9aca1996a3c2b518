"""What was forecast of past quarters and what came: every method asked again, and the numbers that were submitted."""

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

    Returns: by, method, horizon, quarter, forecast, low, high (NaN where it has none), actual, reason; minor units.
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
                quarter = {"horizon": horizon, "quarter": day_of(start), "actual": actual[start]}
                rows += [keys | quarter | said(name, method(known)) for name, method in METHODS.items()]
    rows = pd.concat([pd.DataFrame(rows), submitted(ask)], ignore_index=True)
    if rows.empty:
        raise Unanswerable("too few")
    order = [*ask.question.by, "method", "horizon", "quarter", "forecast", "low", "high", "actual", "reason"]
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

    Rule: a period is a quarter, or a month where any number's period does not begin a quarter; the distance is the time
    left in whole months. What came is what the sellers who submitted won; without a seller, what all won.
    Returns: as `backtest`; no rows where nothing was saved or the question is not about sellers.
    """
    by = ask.question.by
    names = ["method", "horizon", "quarter", "forecast", "low", "high", "actual", "reason"]
    numbers = submissions(ask)
    if numbers.empty:
        return pd.DataFrame(columns=[*by, *names])
    keys = ["method", "period", "owner_id", "horizon"]
    numbers = numbers.drop_duplicates(keys, keep="last")
    won = won_by_period(ask, numbers)
    numbers = numbers.merge(won, on=["period", "owner_id"], how="left")
    groups = [*by, "method", "horizon", "period"]
    sums = {"forecast": ("amount_minor", "sum"), "actual": ("won_minor", "sum")}
    found = numbers.groupby(groups, dropna=False).agg(**sums).reset_index().rename(columns={"period": "quarter"})
    return found.assign(low=np.nan, high=np.nan, reason="")[[*by, *names]]


def submissions(ask: Ask) -> pd.DataFrame:
    """All numbers submitted for periods that are over, in the order in which they were saved.

    Returns: by, the columns of NUMBERS, ends (first day after the period), horizon (months left); no rows where nothing
    was saved or the question is not about sellers.
    """
    by, where = ask.question.by, ask.question.where
    columns = tuple(name for name in NUMBERS if name not in by)
    nothing = pd.DataFrame(columns=[*by, *columns, "ends", "horizon"])
    is_of_sellers = all(path == "owner_id" or path.startswith("owner.") for path in (*by, *where))
    if ask.book.missing("snapshot_facts") or not is_of_sellers:
        return nothing
    numbers = ask.rows("snapshot_facts", columns, among=("is_number",), period=None, last=None)
    return with_ends(numbers, ask) if len(numbers) else nothing


def with_ends(numbers: pd.DataFrame, ask: Ask) -> pd.DataFrame:
    """Numbers of periods that are over, with the end of the period and the months that were left."""
    starts = ask.book.run["fiscal_year_starts"]
    days = pd.to_datetime(numbers["period"])
    begun = {day: clock.period_of(day.date(), "quarter", starts) for day in days.unique()}
    kind = "quarter" if all(period.start == day.date() for day, period in begun.items()) else "month"
    ends = {day: pd.Timestamp(clock.period_of(day.date(), kind, starts).end) for day in begun}
    numbers = numbers.assign(period=days, ends=days.map(ends), amount_minor=numbers["amount_minor"].astype(float))
    numbers = numbers.assign(horizon=months_left(numbers["snapshot_on"], numbers["ends"]))
    is_in_time = numbers["ends"] > pd.to_datetime(numbers["snapshot_on"])
    return numbers[(numbers["ends"] <= pd.Timestamp(ask.book.period.end)) & is_in_time]


def months_left(saved: pd.Series, ends: pd.Series) -> pd.Series:
    """Whole months from the morning after something was saved to the end of a period."""
    days = (pd.to_datetime(ends) - pd.to_datetime(saved)).dt.days - 1
    return np.maximum(np.round(days / MONTH_DAYS), 0).astype(int)


def won_by_period(ask: Ask, numbers: pd.DataFrame) -> pd.DataFrame:
    """What each seller, and all together, won in each period."""
    ends = ask.rows("deal_facts", ("owner_id", "closed_on", "amount_minor"), among=("is_won",), by=(), period=None,
                    last=None)  # fmt: skip
    closed, amounts = pd.to_datetime(ends["closed_on"]), ends["amount_minor"].fillna(0).astype(float)
    rows = []
    for period, until, owner in numbers[["period", "ends", "owner_id"]].drop_duplicates().itertuples(index=False):
        mask = (closed >= period) & (closed < until) & (pd.isna(owner) | (ends["owner_id"] == owner))
        rows.append((period, owner, float(amounts[mask].sum())))
    return pd.DataFrame(rows, columns=["period", "owner_id", "won_minor"])


def day_of(day: int) -> pd.Timestamp:
    """A day number as a date."""
    return pd.Timestamp("1970-01-01") + pd.Timedelta(days=int(day))
