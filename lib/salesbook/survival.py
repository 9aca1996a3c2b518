"""How long it takes, and what comes of it, when part of the cases are still open.

Ages are in whatever unit they are given in and never below 0. At one age, what happened comes before what was cut off
by the end of watching (censored). Intervals are 95 %.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from salesbook.errors import WrongUsage
from salesbook.stats import Interval, Z, wilson

ROUNDING = 1e-9


@dataclass(frozen=True)
class Incidence:
    """The share to which each cause has happened, by age.

    `ages`: the distinct ages, ascending. `at_risk`: cases still open just before each. `events`, `value`, `variance`:
    one row per cause, one column per age. `known`: cases whose state at the age is known (all but those censored
    before it). `open`: the share to which nothing has happened yet.
    """

    ages: np.ndarray
    at_risk: np.ndarray
    known: np.ndarray
    events: np.ndarray
    value: np.ndarray
    variance: np.ndarray
    open: np.ndarray

    def at(self, age: ArrayLike, cause: int = 1) -> np.ndarray:
        """The share to which the cause has happened at an age; NaN past the last age watched unless none is open."""
        return self._look_up(age, self.value[cause - 1], start=0.0)

    def interval(self, age: ArrayLike, cause: int = 1) -> Interval:
        """The interval of `at`.

        Rule: log(−log(1 − share)) plus or minus its standard error; where the share is 0 or 1 the variance says
        nothing, and Wilson's interval on the cases whose state is known stands in. Before the first age watched every
        case counts.
        """
        ends = _log_log(self.value[cause - 1], self.variance[cause - 1], self.known)
        nothing = wilson(0, self.known[0])
        return Interval(*(self._look_up(age, end, start=first) for end, first in zip(ends, nothing, strict=True)))

    def chance(self, age: ArrayLike, within: ArrayLike, cause: int = 1) -> np.ndarray:
        """The chance that the cause happens in the next `within`, for a case still open at `age`.

        Rule: [share at age + within − share at age] ÷ share open at age. What would happen past the last age watched
        is not in it. NaN where no case was still open and watched after `age`.
        """
        age, within = np.broadcast_arrays(np.asarray(age, dtype=float), np.asarray(within, dtype=float))
        later = np.minimum(age + within, self.ages[-1])
        still_open = self._look_up(age, self.open, start=1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = (self.at(later, cause) - self.at(age, cause)) / still_open
        return np.where((age < self.ages[-1]) & (still_open > ROUNDING), chance, np.nan)[()]

    def _look_up(self, age: ArrayLike, steps: np.ndarray, start: float) -> np.ndarray:
        age = np.asarray(age, dtype=float)
        found = np.append(start, steps)[np.searchsorted(self.ages, age, side="right")]
        unknown = (age > self.ages[-1]) & (self.open[-1] > ROUNDING) | (age < 0) | np.isnan(age)
        return np.where(unknown, np.nan, found)[()]


@dataclass(frozen=True)
class Survival:
    """The share still open by age (Kaplan-Meier), seen from its one cause, `incidence`."""

    incidence: Incidence

    def at(self, age: ArrayLike) -> np.ndarray:
        """The share still open at an age; NaN past the last age watched unless none is open."""
        return 1 - self.incidence.at(age)

    def interval(self, age: ArrayLike) -> Interval:
        """The interval of `at`: log(−log) of the share, with Greenwood's variance."""
        low, high = self.incidence.interval(age)
        return Interval(1 - high, 1 - low)

    def quantile(self, share: float = 0.5) -> float:
        """The age by which a share of the cases is over; the median for 0.5. NaN where it is not reached.

        Rule: the first age at which that share is over; where it is met to the letter, halfway to the next age at
        which something happens, which without censoring is the ordinary median.
        """
        over, ages = self.incidence.value[0], self.incidence.ages
        reached, passed = over >= share - ROUNDING, over > share + ROUNDING
        if not reached.any():
            return float("nan")
        first = ages[reached.argmax()]
        return float((first + ages[passed.argmax()]) / 2 if passed.any() else first)

    def quantile_interval(self, share: float = 0.5) -> Interval:
        """The interval of `quantile`: the ages whose own interval holds the share (Brookmeyer and Crowley 1982).

        An end that is not reached is NaN: the figure may be longer than anything watched.
        """
        low, high = _log_log(self.incidence.value[0], self.incidence.variance[0], self.incidence.known)
        return Interval(_first(self.incidence.ages, high >= share), _first(self.incidence.ages, low >= share))


def aalen_johansen(ages: ArrayLike, causes: ArrayLike, counts: ArrayLike | None = None, n_causes: int = 1) -> Incidence:
    """The share of cases to which each of several rival causes has happened, by age.

    Rule: Aalen-Johansen cumulative incidence. A case of one cause can no longer have another; a censored case counts
    while it was watched. Variance by the delta method (Marubini and Valsecchi 1995, 10.2), which is share × (1 − share)
    ÷ n when nothing is censored and Greenwood's with one cause.
    Parameters: `ages`, at the event or at the end of watching; `causes`, 0 = censored, 1 to k; `counts`, how many cases
    each entry stands for (1 each if left out); `n_causes`, how many to report at least, seen or not.
    Returns: an Incidence; look up figures with `at`, `interval` and `chance`.
    Raises: WrongUsage for no cases, an age below 0 or missing, a cause or count that is not a whole number from 0.
    Source: Aalen and Johansen (1978), Scand. J. Statistics 5, 141-150.

    Examples
    --------
    >>> deals = aalen_johansen([10, 20, 20, 30, 40, 50, 60, 70, 80, 90], [1, 2, 2, 1, 0, 2, 1, 0, 2, 0])
    >>> round(float(deals.at(90, cause=1)), 3), round(float(deals.at(90, cause=2)), 3)
    (0.32, 0.5)
    """
    ages, causes, counts = _cases(ages, causes, counts)
    distinct, position = np.unique(ages, return_inverse=True)
    n_causes = max(int(causes.max()), n_causes)
    cells = np.bincount(causes * len(distinct) + position, counts, (n_causes + 1) * len(distinct))
    censored, *events = cells.reshape(n_causes + 1, len(distinct))
    events, left = np.array(events), cells.reshape(n_causes + 1, -1).sum(axis=0)
    at_risk = counts.sum() - np.append(0.0, left.cumsum()[:-1])
    still_open = np.cumprod(1 - events.sum(axis=0) / at_risk)
    before = np.append(1.0, still_open[:-1])
    value = np.cumsum(before * events / at_risk, axis=1)
    return Incidence(
        ages=distinct,
        at_risk=at_risk,
        known=counts.sum() - np.append(0.0, censored.cumsum()[:-1]),
        events=events,
        value=value,
        variance=_variance(at_risk, events, before, value),
        open=still_open,
    )


def kaplan_meier(ages: ArrayLike, observed: ArrayLike) -> Survival:
    """The share still open by age, where nothing competes with the event.

    Rule: Kaplan-Meier with Greenwood's variance; it is Aalen-Johansen with one cause.
    Parameters: `ages`; `observed`, true where the event happened, false where watching ended.
    Returns: a Survival; look up figures with `at`, `interval`, `quantile` and `quantile_interval`.
    Raises: as `aalen_johansen`.
    Source: Kaplan and Meier (1958), J. Am. Stat. Assoc. 53, 457-481.

    Examples
    --------
    >>> waits = kaplan_meier([1, 2, 3, 4, 5], [True, True, False, True, True])
    >>> round(float(waits.at(2)), 3), waits.quantile()
    (0.6, 4.0)
    """
    return Survival(aalen_johansen(ages, np.asarray(observed, dtype=bool).astype(int)))


def log_rank(ages: ArrayLike, observed: ArrayLike, other_ages: ArrayLike, other_observed: ArrayLike) -> float:
    """The chance of two survival curves this far apart, were they the same.

    Rule: the log-rank test, two-sided.
    Parameters: ages and whether the event happened, of two independent groups.
    Returns: p, 0 to 1.
    Raises: as `aalen_johansen`.
    Source: Mantel (1966), Cancer Chemotherapy Reports 50, 163-170, as in SciPy.

    Examples
    --------
    >>> round(log_rank([1, 2, 3, 4], [True] * 4, [5, 6, 7, 8], [True] * 4), 4)
    0.0067
    """
    samples = []
    for group_ages, happened in ((ages, observed), (other_ages, other_observed)):
        group_ages, happened, _ = _cases(group_ages, np.asarray(happened, dtype=bool).astype(int), None)
        samples.append(stats.CensoredData.right_censored(group_ages, happened == 0))
    return float(stats.logrank(*samples).pvalue)


def stratified_log_rank(cases: Iterable[tuple[ArrayLike, ArrayLike, ArrayLike]]) -> tuple[float, float]:
    """How much slower one group ends than another, strata held still, and the chance of as much were there nothing.

    Rule: the log-rank test summed over strata: ends of the first group expected less ends seen, which is above 0 where
    it is slower, and a two-sided p. A stratum that holds one group alone says nothing.
    Parameters: per stratum: ages, whether the end came, and which cases are of the first group.
    Returns: ends missing, and p, NaN where no stratum says anything.
    Source: Mantel (1966), Cancer Chemotherapy Reports 50, 163-170.

    Examples
    --------
    >>> missing, p = stratified_log_rank([([1, 2, 3, 4, 5, 6, 7, 8], [True] * 8, [False] * 4 + [True] * 4)])
    >>> round(missing, 3), round(p, 4)
    (2.538, 0.0067)
    """
    missing = spread = 0.0
    for ages, ended, first in cases:
        ages, ended, first = np.asarray(ages, dtype=float), np.asarray(ended, bool), np.asarray(first, bool)
        distinct, place = np.unique(ages, return_inverse=True)
        left, left_first = np.bincount(place), np.bincount(place, first, len(distinct))
        ends, ends_first = np.bincount(place, ended, len(distinct)), np.bincount(place, ended & first, len(distinct))
        at_risk = len(ages) - np.append(0, left.cumsum()[:-1])
        share = (first.sum() - np.append(0.0, left_first.cumsum()[:-1])) / at_risk
        missing += float((ends * share - ends_first).sum())
        several = at_risk > 1
        part = ends * share * (1 - share) * (at_risk - ends)
        spread += float((part[several] / (at_risk[several] - 1)).sum())
    return missing, float(2 * special.ndtr(-abs(missing) / np.sqrt(spread))) if spread > 0 else float("nan")


def _cases(ages: ArrayLike, causes: ArrayLike, counts: ArrayLike | None) -> tuple[np.ndarray, ...]:
    ages, causes = np.asarray(ages, dtype=float), np.asarray(causes)
    counts = np.ones(len(ages)) if counts is None else np.asarray(counts, dtype=float)
    if len(ages) == 0 or counts.sum() == 0:
        raise WrongUsage("There are no cases to follow.", "The list is empty.", "Show the reason instead of a figure.")
    if not (ages >= 0).all() or np.isinf(ages).any():
        raise WrongUsage(
            "An age is a number from 0.",
            f"{(~(ages >= 0)).sum()} of {len(ages)} ages are missing or below 0.",
            "Leave out cases whose end is before their start, and count them in the data check.",
        )
    for name, whole in (("cause", causes), ("count", counts)):
        if not ((whole >= 0) & (whole == np.floor(whole))).all():
            raise WrongUsage(f"A {name} is a whole number from 0.", "Another was given.", f"Number every {name}.")
    keep = counts > 0
    return ages[keep], causes[keep].astype(np.int64), counts[keep]


def _variance(at_risk: np.ndarray, events: np.ndarray, before: np.ndarray, value: np.ndarray) -> np.ndarray:
    # Σ over ages s up to t of (F(t) − F(s))²·a + b − 2·(F(t) − F(s))·c, with the square written out, so that one
    # cumulative sum per power of F(t) serves every t. Where the last case leaves, F(t) − F(s) is 0 from there on.
    gone = events.sum(axis=0)
    survivors = at_risk - gone
    a = np.divide(gone, at_risk * survivors, out=np.zeros_like(gone), where=survivors > 0)
    b = before**2 * events * (at_risk - events) / at_risk**3
    c = before * events / at_risk**2
    square = np.cumsum(a)
    linear = np.cumsum(value * a + c, axis=1)
    constant = np.cumsum(value**2 * a + b + 2 * value * c, axis=1)
    return np.maximum(value**2 * square - 2 * value * linear + constant, 0)


def _log_log(share: np.ndarray, variance: np.ndarray, known: np.ndarray) -> Interval:
    inside = (share > ROUNDING) & (share < 1 - ROUNDING) & (variance > 0)
    rest = np.where(inside, 1 - share, 0.5)
    width = np.exp(Z * np.sqrt(variance) / (rest * -np.log(rest)))
    edge = wilson(np.where(share < 0.5, 0, known), known)
    low = np.where(inside, 1 - rest ** (1 / width), edge.low)
    high = np.where(inside, 1 - rest**width, edge.high)
    return Interval(low, high)


def _first(ages: np.ndarray, holds: np.ndarray) -> float:
    return float(ages[holds.argmax()]) if holds.any() else float("nan")
