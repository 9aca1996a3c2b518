"""Forecasts of what a quarter comes to: a registry of methods, and what was known when each had to say it.

A method is a function from what was known on the morning of a day (`Known`) to a distribution of the quarter's total
(`Forecast`). Days are numbers (days since 1970), money is in minor units. Nothing that became known later is in a
`Known`, so that a method can be asked about the past and set against what happened.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import t as student

from salesbook import clock
from salesbook.errors import WrongUsage
from salesbook.forecasting import QUARTERS_FOR_A_SHOCK, Total, distribution_of_total, shared_shock
from salesbook.stats import TAIL
from salesbook.survival import Incidence, aalen_johansen
from salesbook.worth import Rows, past_amounts, valued

LEAST = 20  # cases under which nothing is learned from
LEAST_ERRORS = 3  # past errors under which an interval is not drawn from them
MOST_QUARTERS = 8
RECENT = 91  # days: how often deals came in
WEEK = 7
CELLS, CELLS_WITH_SHOCK = 4000, 500
RAREST = 0.1  # chance of each stand-in for a deal to come
QUANTILES = (np.arange(400) + 0.5) / 400
EPOCH = date(1970, 1, 1)
NOTHING = (np.zeros(0), np.zeros(0))

METHODS: dict[str, Callable[["Known"], "Forecast"]] = {}


@dataclass(frozen=True)
class Forecast:
    """What a quarter may come to.

    `value`: the mean. `reason`: why there is none. `from_won`, `from_open`, `from_new`: its parts, where it has parts.
    `draw` gives the distribution; it is worked out only when asked for.
    """

    value: float = np.nan
    reason: str = ""
    from_won: float = np.nan
    from_open: float = np.nan
    from_new: float = np.nan
    shock: float | None = None
    draw: Callable[[], Total | None] = field(default=lambda: None, repr=False, compare=False)

    @cached_property
    def total(self) -> Total | None:
        """The distribution of the quarter's total; None where too little is known for one."""
        return self.draw()

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the 95 % interval; NaN where there is no distribution."""
        if self.total is None:
            return np.nan, np.nan
        low, high = self.total.quantile([TAIL, 1 - TAIL])
        return float(min(low, self.value)), float(max(high, self.value))


@dataclass(frozen=True)
class Chances:
    """When the deals of one cycle are won or lost, by days since creation.

    Up to `oldest`, the last age at which twenty deals were still open, Aalen-Johansen decides. Past it too few were
    watched: from there on deals are won and lost at the daily rates seen past half that age.
    """

    incidence: Incidence
    oldest: float
    won_a_day: float
    lost_a_day: float

    def within(self, age: np.ndarray, days: float) -> np.ndarray:
        """The chance to be won within so many days, for deals open at an age; one of unknown age counts as the oldest.

        Rule: [F(age + days) − F(age)] ÷ S(age) up to `oldest`, then the daily rates.
        """
        age = np.where(np.isnan(age), self.oldest, age)
        near = np.minimum(age, self.oldest)
        inside = np.nan_to_num(self.incidence.chance(near, np.clip(self.oldest - near, 0, days)))
        left = np.where(age < self.oldest, self.still_open(self.oldest) / self.still_open(near), 1.0)
        beyond = np.maximum(age + days - np.maximum(age, self.oldest), 0)
        rate = self.won_a_day + self.lost_a_day
        tail = self.won_a_day / rate * -np.expm1(-rate * beyond) if rate > 0 else np.zeros_like(age)
        return np.clip(inside + np.where(np.isfinite(left), left, 0) * tail, 0, 1)

    def still_open(self, age: np.ndarray) -> np.ndarray:
        """The share of deals that are open at an age."""
        share = 1 - self.incidence.at(age, cause=1) - self.incidence.at(age, cause=2)
        return np.maximum(share, 1e-12)

    def won_by(self, age: np.ndarray) -> np.ndarray:
        """The share of new deals that is won by an age; before the day of creation none."""
        share = self.incidence.at(np.clip(age, 0, self.oldest), cause=1)
        return np.where(age < 0, 0.0, share)


def chances(ages: np.ndarray, causes: np.ndarray) -> Chances:
    """Chances from deals followed since their creation.

    Parameters: `ages` in days at the end of watching; `causes`, 0 still open, 1 won, 2 lost.
    Source: Aalen and Johansen (1978); the rates past the oldest age watched: house decision of 2026-11-21.
    """
    incidence = aalen_johansen(ages, causes, n_causes=2)
    trusted = incidence.ages[incidence.at_risk >= LEAST]
    oldest = float(trusted[-1]) if len(trusted) else 0.0
    watched = np.maximum(ages - oldest / 2, 0).sum()
    late = ages > oldest / 2
    won, lost = (float((late & (causes == cause)).sum() / watched) if watched else 0.0 for cause in (1, 2))
    return Chances(incidence, oldest, won, lost)


@dataclass(frozen=True)
class Known:
    """What was known on the morning of the day `on` about the quarter from `start` up to `end`.

    `open`: columns of the deals open then (deal, cycle, stage, category, created, probability, expected, and amount,
    is_taken and spread as `worth.valued` makes them).
    `ends`: of those won and lost by then (deal, cycle, is_won, created, ended, amount). `totals`: what whole quarters
    that were over came to, by their first day, oldest first. `chances` by cycle; `begins`: the day from which all is
    known. `before`: what was known as long before the end of each of the quarters that were over.
    """

    on: int
    start: int
    end: int
    open: Rows
    ends: Rows
    totals: dict[int, float]
    chances: dict[str, Chances]
    begins: int
    before: tuple["Known", ...] = ()

    @cached_property
    def to_come(self) -> tuple[np.ndarray, np.ndarray]:
        """Deals to come: amounts and chances (see `new_deals`)."""
        return new_deals(self)

    @cached_property
    def won(self) -> np.ndarray:
        """The amounts won in the quarter so far."""
        return self.ends["amount"][self.ends["is_won"] & between(self.ends["ended"], self.start, self.end)]

    def won_in(self, quarter: "Known") -> np.ndarray:
        """Which of the deals open in an earlier `quarter`'s view are known by now to have been won in that quarter."""
        inside = self.ends["is_won"] & between(self.ends["ended"], quarter.start, quarter.end)
        return np.isin(quarter.open["deal"], self.ends["deal"][inside])

    @cached_property
    def open_chances(self) -> np.ndarray:
        """The chance of each open deal to be won in the quarter, given its age and that it is still open."""
        cycles, age = self.open["cycle"], self.on - 1 - self.open["created"]
        found = np.zeros(len(cycles))
        for name in set(cycles):
            rows, learned = cycles == name, self.chances.get(name, self.chances[""])
            until = learned.within(age[rows], self.end - self.on)
            found[rows] = np.maximum(until - learned.within(age[rows], max(self.start - self.on, 0)), 0)
        return found


def method(function: Callable[[Known], Forecast]) -> Callable[[Known], Forecast]:
    """Register a forecast method under its function's name."""
    METHODS[function.__name__] = function
    return function


# Methods that look at past quarters alone


def from_past(point: Callable[[Known], float], known: Known, reason: str) -> Forecast:
    """A forecast whose spread is that of its own past errors at the same distance from the quarter's end.

    Rule: Student's t around the value, scaled by the root mean square of past errors; under three errors no interval.
    """
    value = point(known)
    if not np.isfinite(value):
        return Forecast(reason=reason)
    errors = np.array([known.totals[past.start] - point(past) for past in known.before])
    errors = errors[np.isfinite(errors)]
    return Forecast(value, draw=lambda: spread(value, errors))


def spread(value: float, errors: np.ndarray) -> Total | None:
    """The distribution around a value that past errors suggest; nothing below 0."""
    if len(errors) < LEAST_ERRORS:
        return None
    size = float(np.sqrt((errors**2).mean()))
    amounts = np.maximum(value + size * student.ppf(QUANTILES, len(errors)), 0)
    share = np.full(len(QUANTILES), 1 / len(QUANTILES))
    return Total(amounts, share, mean=value, sd=size, step=1, error_bound=0, shock=None)


@method
def naive(known: Known) -> Forecast:
    """The last quarter that was over, again."""
    return from_past(lambda k: total_of(k, max(k.totals, default=0)), known, "no earlier quarter")


@method
def last_year(known: Known) -> Forecast:
    """The same quarter of the year before, again."""
    return from_past(lambda k: total_of(k, year_before(k.start)), known, "no quarter a year before")


@method
def run_rate(known: Known) -> Forecast:
    """Won so far, and for each day left what was won a day over the last three months."""
    return from_past(paced, known, "no earlier quarter")


def total_of(known: Known, start: float) -> float:
    """What the whole quarter that began on a day came to; NaN where it was not known."""
    return float(known.totals.get(start, np.nan))


def year_before(start: int) -> int:
    """The same day a year before."""
    day = EPOCH + timedelta(days=start)
    return number(day.replace(year=day.year - 1))


def paced(known: Known) -> float:
    """Won so far plus the pace of the last three months for the days left; NaN before there were three months."""
    if known.on - known.begins < RECENT:
        return np.nan
    is_recent = known.ends["is_won"] & between(known.ends["ended"], known.on - RECENT, known.on)
    recent = known.ends["amount"][is_recent].sum()
    return float(known.won.sum() + recent / RECENT * (known.end - max(known.on, known.start)))


# Methods that look at the open deals


@method
def crm_weighted(known: Known) -> Forecast:
    """Won so far, and each deal with an amount expected to close in the quarter by the CRM's own chance."""
    expected, share, is_taken = known.open["expected"], known.open["probability"], known.open["is_taken"]
    if np.isnan(expected).all():
        return Forecast(reason="expected close not known then")
    if is_taken.all():
        return Forecast(reason="no amounts known then")
    is_in = (expected < known.end) & ((expected >= known.start) | (known.start <= known.on)) & np.isfinite(share)
    return added(known, is_in & ~is_taken, share)


@method
def category(known: Known) -> Forecast:
    """Won so far, open deals by what became of their category in past quarters, and deals to come."""
    return by_share(known, "category", "no categories known then")


@method
def stage(known: Known) -> Forecast:
    """Won so far, open deals by what became of their stage in past quarters, and deals to come."""
    return by_share(known, "stage", "no stages known then")


@method
def cycle(known: Known) -> Forecast:
    """Won so far, open deals by their age and how long deals of their product take, and deals to come.

    Rule: p = [F(age + h) − F(age)] ÷ S(age), Aalen-Johansen of the deal's product (renewals apart). All deals of a
    quarter share one fate more, where eight past quarters can tell how large that is.
    """
    return cycle_of(known, np.ones(len(known.open["deal"]), dtype=bool))


def cycle_of(known: Known, kept: np.ndarray) -> Forecast:
    """As `cycle`, where of the open deals only those of a mask may still be won; as many new ones come in."""
    if "" not in known.chances:
        return Forecast(reason="too few")
    return added(known, kept, known.open_chances, known.to_come, past_shock(known))


def by_share(known: Known, column: str, reason: str) -> Forecast:
    """Open deals by the share that was won in time of those of one kind, in past quarters at the same distance."""
    kinds, has_kind = known.open[column], (known.open[column] != "").any()
    if not has_kind or "" not in known.chances:
        return Forecast(reason="too few" if has_kind else reason)
    past = [view for view in known.before if (view.open[column] != "").any()]
    seen = np.concatenate([np.zeros(0, object), *(view.open[column] for view in past)])
    won = np.concatenate([np.zeros(0, bool), *(known.won_in(view) for view in past)])
    if len(seen) < LEAST:
        return Forecast(reason="too few")
    shares = {kind: won[seen == kind].mean() for kind in set(seen)}
    chance = np.array([shares.get(kind, won.mean()) for kind in kinds], dtype=float)
    return added(known, np.ones(len(kinds), dtype=bool), chance, known.to_come)


def new_deals(known: Known) -> tuple[np.ndarray, np.ndarray]:
    """Deals that will come in and be won in the quarter, as many small chances to win what past deals were worth.

    Rule: deals come in as often as in the last three months, and are won at the pace of their cycle. Each win of the
    last year stands in for them with an equal chance, in as many copies that none has more than one in ten: their sum
    is close to a compound Poisson.
    Returns: amounts and chances.
    """
    days = max(min(RECENT, known.on - known.begins), 1)
    cycles, created = (np.concatenate([known.open[name], known.ends[name]]) for name in ("cycle", "created"))
    names, counts = np.unique(cycles[between(created, known.on - days, known.on)], return_counts=True)
    amounts, shares = [np.zeros(0)], [np.zeros(0)]
    births = np.arange(known.on, known.end)
    for name, count in zip(names, counts, strict=True):
        learned = known.chances.get(name, known.chances[""])
        won = learned.won_by(known.end - 1 - births) - learned.won_by(known.start - 1 - births)
        wins = count / days * won.sum()
        worth = past_amounts(known.ends, known.on, name)
        copies = max(int(np.ceil(wins / max(len(worth), 1) / RAREST)), 1)
        amounts.append(np.tile(worth, copies))
        shares.append(np.full(len(worth) * copies, wins / max(len(worth) * copies, 1)))
    return np.concatenate(amounts), np.concatenate(shares)


def past_shock(known: Known) -> float | None:
    """How far the deals of past quarters shared one fate; None under eight quarters."""
    before = [past for past in known.before if "" in past.chances and len(past.open["deal"])]
    if len(before) < QUARTERS_FOR_A_SHOCK:
        return None
    said = np.concatenate([past.open_chances for past in before])
    won = np.concatenate([known.won_in(past) for past in before])
    return shared_shock(said, won, np.concatenate([np.full(len(past.open["deal"]), past.start) for past in before]))


def between(days: np.ndarray, start: float, end: float) -> np.ndarray:
    """Which days lie from a start up to an end."""
    return (days >= start) & (days < end)


def added(known: Known, kept: np.ndarray, chance: np.ndarray, new=NOTHING, shock: float | None = None) -> Forecast:
    """Won so far plus the open deals of a mask and new ones, each won or not with its chance."""
    won, amounts, shares = float(known.won.sum()), known.open["amount"][kept], chance[kept]
    parts = float(amounts @ shares), float(new[0] @ new[1])

    def draw() -> Total:
        every, likely = np.concatenate([amounts, new[0], [won]]), np.concatenate([shares, new[1], [1.0]])
        spreads = np.concatenate([known.open["spread"][kept], np.zeros(len(new[0]) + 1)])
        return distribution_of_total(np.rint(every), likely, shock, CELLS_WITH_SHOCK if shock else CELLS, spreads)

    return Forecast(won + sum(parts), "", won, *parts, shock, draw)


# What was known when


class History:
    """What a company's deals tell, day by day: makes the `Known` of any first day of a month.

    Parameters: `open_deals`, rows of the fact open_deals (seen_on, deal_id, cycle, stage, category, created_on,
    amount_minor, probability, expected_close_on); `ends`, the closed rows of deal_states (deal_id, cycle, is_won,
    created_on, entered_on, known_on, until_on, amount_minor); `last`, the quarter that holds the run's instant;
    `pool`, the history that chances and the worth of deals without an amount are learned from, its own if
    left out.
    """

    def __init__(self, open_deals: pd.DataFrame, ends: pd.DataFrame, last: clock.Period, pool: "History | None" = None,
                 fiscal_year_starts: int = 1):  # fmt: skip
        codes = pd.factorize(pd.concat([open_deals["deal_id"], ends["deal_id"]]))[0]
        self.open = columns_of(open_deals, codes[: len(open_deals)], OPEN_DAYS)
        self.ends = columns_of(ends, codes[len(open_deals) :], END_DAYS)
        self.ends |= {"is_won": ends["is_won"].to_numpy(bool), "amount": np.nan_to_num(self.ends["amount"])}
        self.pool = pool or self
        self.begins = self.pool.begins if pool else first_end(self.ends)
        periods = clock.periods_before(last, "quarter", 4 + 2 * MOST_QUARTERS, fiscal_year_starts)
        following = clock.period_of(last.end, "quarter", fiscal_year_starts)
        self.quarters = [(number(p.start), number(p.end)) for p in [*periods, following]]
        self.at: dict[tuple[int, int, bool], Known] = {}
        self.views: dict[int, tuple[Rows, Rows]] = {}
        self.learned: dict[int, dict[str, Chances]] = {}

    def view(self, on: int) -> tuple[Rows, Rows]:
        """The deals known on a morning to stand open, and those known to have ended."""
        if on not in self.views:
            until = self.ends["until"]
            has_ended = (self.ends["known"] < on) & (np.isnan(until) | (until >= on))
            self.views[on] = rows_of(self.open, self.open["seen"] == on), rows_of(self.ends, has_ended)
        return self.views[on]

    def whole(self, on: int) -> list[tuple[int, int]]:
        """The quarters that were over on a day and wholly known, oldest first.

        Rule: the first is the one in whose first week, or before which, the first deal ended.
        """
        return [(start, end) for start, end in self.quarters if end <= on and start + WEEK > self.begins]

    def known(self, on: int, quarter: int, deep: bool = True) -> Known:
        """What was known on a morning about the quarter at a place in `quarters`.

        Parameters: `deep`, with what was known before the end of earlier quarters.
        """
        key = (on, quarter, deep)
        if key not in self.at:
            made = replace(self.known(on, quarter, False), before=self.earlier(on, quarter)) if deep else None
            self.at[key] = made or self.seen(on, *self.quarters[quarter])
        return self.at[key]

    def seen(self, on: int, start: int, end: int) -> Known:
        """What was known on a morning, without what was known before."""
        standing, ends = self.view(on)
        won = {name: ends[name][ends["is_won"]] for name in ("ended", "amount")}
        totals = {
            first: float(won["amount"][between(won["ended"], first, last)].sum()) for first, last in self.whole(on)
        }
        standing = valued(standing, self.pool.view(on)[1], on)
        return Known(on, start, end, standing, ends, totals, self.pool.chances(on), self.begins)

    def earlier(self, on: int, quarter: int) -> tuple[Known, ...]:
        """What was known as many months before the end of each quarter that was over."""
        whole = {start for start, _ in self.whole(on)}
        months = months_between(on, self.quarters[quarter][1])
        places = [place for place in range(quarter) if self.quarters[place][0] in whole]
        days = [(months_before(self.quarters[place][1], months), place) for place in places]
        return tuple(self.known(day, place, deep=False) for day, place in days if day > self.begins)

    def chances(self, on: int) -> dict[str, Chances]:
        """Chances by cycle, and of all together under "", from deals created since the history begins.

        Rule: deals made before are in the data only because they lasted, so they are left out. A cycle in which fewer
        than twenty deals have ended goes with all.
        """
        if on not in self.learned:
            still, ends = self.view(on)
            ages = np.concatenate([ends["ended"] - ends["created"], on - 1 - still["created"]])
            causes = np.concatenate([np.where(ends["is_won"], 1, 2), np.zeros(len(still["deal"]), dtype=int)])
            cycles = np.concatenate([ends["cycle"], still["cycle"]])
            created = np.concatenate([ends["created"], still["created"]])
            rows = (created >= self.begins) & (ages >= 0)
            groups = {name: rows & (cycles == name) for name in set(cycles)} | {"": rows}
            self.learned[on] = {
                name: chances(ages[mask], causes[mask])
                for name, mask in groups.items()
                if (mask & (causes > 0)).sum() >= LEAST
            }
        return self.learned[on]


OPEN_DAYS = {"seen_on": "seen", "created_on": "created", "expected_close_on": "expected"}
END_DAYS = {"created_on": "created", "entered_on": "ended", "known_on": "known", "until_on": "until"}


def columns_of(rows: pd.DataFrame, deals: np.ndarray, days: dict[str, str]) -> Rows:
    """The rows as arrays: deals as numbers, dates as day numbers, text without gaps, unknown numbers NaN."""
    found: Rows = {"deal": deals, "amount": rows["amount_minor"].to_numpy("float64", na_value=np.nan)}
    for name, new in days.items():
        dates = pd.to_datetime(rows[name]).to_numpy("datetime64[D]")
        found[new] = np.where(np.isnat(dates), np.nan, dates.astype("int64"))
    for name in {"cycle", "stage", "category"} & set(rows):
        found[name] = rows[name].fillna("").to_numpy(object)
    if "probability" in rows:
        found["probability"] = rows["probability"].to_numpy("float64", na_value=np.nan)
    return found


def rows_of(rows: Rows, mask: np.ndarray) -> Rows:
    """The rows of a mask."""
    return {name: values[mask] for name, values in rows.items()}


def first_end(ends: Rows) -> int:
    """The day of the first end that still stands.

    Raises: WrongUsage where no deal has ended.
    """
    stands = ends["ended"][np.isnan(ends["until"])]
    if not len(stands):
        raise WrongUsage("There is nothing to learn a forecast from.", "No deal has ended.", "Ask once some have.")
    return int(stands.min())


def number(day: date) -> int:
    """A day as a number: days since 1970."""
    return (day - EPOCH).days


def months_between(on: int, end: int) -> int:
    """Months from the first day of a month to another."""
    first, last = (EPOCH + timedelta(days=day) for day in (on, end))
    return (last.year - first.year) * 12 + last.month - first.month


def months_before(end: int, months: int) -> int:
    """The first day of the month so many months before."""
    return number(clock.month_after(EPOCH + timedelta(days=end), -months))
