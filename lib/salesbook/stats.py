"""Intervals and comparisons: how sure a share, a median, a mean or a ratio is, and what moved a rate.

Every function takes scalars or arrays (one entry per group) and returns the same shape; all intervals are 95 %.
Survival is in `survival.py`, forecasts in `forecasting.py`, customers' lifetimes in `lifetime.py`.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special, stats

from salesbook.errors import BadData, WrongUsage

TAIL = 0.025
Z = float(special.ndtri(1 - TAIL))
EXACT_RANKS_UP_TO = 1000
LARGEST_EXACT_FLOAT = 2**53


class Interval(NamedTuple):
    """The ends of a 95 % interval; NaN where there is none."""

    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Difference:
    """A difference with its interval, and the chance of one as large were there none (`p`)."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray


@dataclass(frozen=True)
class MixAndRate:
    """Why a rate moved: `mix` and `rate` per segment, which add up to `after` − `before`.

    `rate_low`, `rate_high`: interval of the total rate effect. `simpson`: the total moved against every segment.
    """

    before: float
    after: float
    mix: np.ndarray
    rate: np.ndarray
    mix_total: float
    rate_total: float
    rate_low: float
    rate_high: float
    simpson: bool


def wilson(successes: ArrayLike, n: ArrayLike) -> Interval:
    """The interval of a share of `n`.

    Rule: Wilson's score interval without continuity correction; 0 of n starts at exactly 0, n of n ends at exactly 1.
    Parameters: `successes` and `n`, counts (they need not be whole: a clustered sample has an effective size).
    Returns: an interval within 0 and 1; NaN where n is 0.
    Raises: WrongUsage where successes are below 0 or above n: a ratio that may pass 1 is not a share.
    Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212.

    Examples
    --------
    >>> [round(float(end), 4) for end in wilson(350, 1000)]
    [0.3211, 0.3801]
    """
    k, n, share = shares_of(successes, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = share + Z**2 / (2 * n)
        half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
        low, high = (centre - half) / (1 + Z**2 / n), (centre + half) / (1 + Z**2 / n)
    low = np.where((k == 0) & (n > 0), 0.0, low)
    high = np.where((k == n) & (n > 0), 1.0, high)
    return Interval(low[()], high[()])


def median_ranks(n: ArrayLike) -> Interval:
    """Which of `n` sorted values, counted from 1, bound the median.

    Rule: the narrowest symmetric pair of ranks that covers at least 95 %, from the binomial distribution up to
    n = 1000, above it from the normal approximation with continuity correction.
    Parameters: `n`, whole numbers.
    Returns: two ranks, whole numbers; 0 for both where n is under 6, for which no pair covers 95 %.
    Source: Conover (1999), Practical Nonparametric Statistics, 3.2.

    Examples
    --------
    >>> ranks = median_ranks([5, 6, 100])
    >>> ranks.low.tolist(), ranks.high.tolist()
    ([0, 1, 40], [0, 6, 61])
    """
    n = np.asarray(n, dtype=np.int64)
    exact = stats.binom.ppf(TAIL, np.clip(n, 0, EXACT_RANKS_UP_TO), 0.5)
    approximate = np.floor((n + 1 - Z * np.sqrt(n)) / 2)
    low = np.where(n <= EXACT_RANKS_UP_TO, exact, approximate).astype(np.int64)
    high = np.where(low > 0, n + 1 - low, 0)
    return Interval(low[()], high[()])


def median_interval(sorted_values: ArrayLike) -> Interval:
    """The interval of the median of one sample.

    Rule: the values at `median_ranks`. No shape is assumed; with ties it covers more than 95 %.
    Parameters: `sorted_values`, ascending, without gaps.
    Returns: an interval in the unit of the values; NaN under 6 values.
    Raises: WrongUsage where the values are not ascending or one is missing.
    Source: Conover (1999), Practical Nonparametric Statistics, 3.2.

    Examples
    --------
    >>> [float(end) for end in median_interval([1, 2, 3, 5, 8, 13, 21])]
    [1.0, 21.0]
    """
    values = np.asarray(sorted_values, dtype=float)
    if not (values[1:] >= values[:-1]).all() or np.isnan(values).any():
        raise WrongUsage(
            "The values of a median's interval are not in ascending order.",
            f"{len(values)} values were given, unsorted or with a missing one.",
            "Leave out missing values and sort the others first.",
        )
    low, high = median_ranks(len(values))
    return Interval(values[low - 1], values[high - 1]) if low else Interval(np.float64("nan"), np.float64("nan"))


def mean_interval(n: ArrayLike, total: ArrayLike, total_of_squares: ArrayLike) -> Interval:
    """The interval of a mean, from sums.

    Rule: Student's t with n − 1 degrees of freedom. The variance is worked out in whole numbers or fractions, because
    squared cents overflow 64 bits and the difference of two large floats is noise.
    Parameters: `n`, `total` and `total_of_squares`; sums as ints or decimals (floats only below 2^53).
    Returns: an interval in the unit of the values; NaN where n is under 2.
    Raises: WrongUsage for a float that has lost digits; BadData where no values can have these sums.
    Source: Student (1908), Biometrika 6, 1-25.

    Examples
    --------
    >>> [round(float(end), 3) for end in mean_interval(5, 15, 55)]
    [1.037, 4.963]
    """
    n = np.asarray(n, dtype=float)
    mean, deviations = mean_and_deviations(n, total, total_of_squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = special.stdtrit(n - 1, 1 - TAIL) * np.sqrt(deviations / (n * (n - 1)))
    return Interval((mean - half)[()], (mean + half)[()])


def ratio_interval(n: ArrayLike, x: ArrayLike, y: ArrayLike, xx: ArrayLike, yy: ArrayLike, xy: ArrayLike) -> Interval:
    """The interval of Σx ÷ Σy, where both vary from one unit to the next (revenue per hour, cost per win).

    Rule: delta method: the variance of x − ratio × y over the units, with Student's t on n − 1 degrees of freedom.
    Parameters: `n` units; `x`, `y`, their sums; `xx`, `yy`, `xy`, the sums of squares and of products; exact as in
    `mean_interval`.
    Returns: an interval of the ratio; NaN where n is under 2 or Σy is 0.
    Raises: as `mean_interval`.
    Source: Cochran (1977), Sampling Techniques, 6.3.

    Examples
    --------
    >>> [round(float(end), 3) for end in ratio_interval(3, 12, 6, 56, 14, 28)]
    [2.0, 2.0]
    """
    ratio, error = np.vectorize(_ratio_and_error, otypes=[float, float])(n, x, y, xx, yy, xy)
    half = special.stdtrit(np.maximum(np.asarray(n, dtype=float) - 1, 1), 1 - TAIL) * error
    return Interval((ratio - half)[()], (ratio + half)[()])


def clustered_share(
    clusters: ArrayLike, successes: ArrayLike, n: ArrayLike, kk: ArrayLike, nn: ArrayLike, kn: ArrayLike
) -> Interval:
    """The interval of a share whose rows come in clusters (attempts of one lead), which say less than as many leads.

    Rule: the variance between clusters gives an effective n, never above n, lowered for few clusters by (z ÷ t)²;
    Wilson's interval on that. A share of 0 or 1 has no variance: each cluster then counts once.
    Parameters: `clusters`, their number; sums over clusters of the successes k, the rows n, and of k², n² and k × n.
    Returns: an interval within 0 and 1; NaN under 2 clusters.
    Raises: as `wilson` and `mean_interval`.
    Source: Korn and Graubard (1998), Survey Methodology 24, 193-201; with Wilson: Dean and Pagano (2015), J. Survey
    Statistics and Methodology 3, 484-503.

    Examples
    --------
    >>> [round(float(end), 3) for end in clustered_share(50, 60, 200, 240, 800, 240)]
    [0.188, 0.443]
    """
    k, rows, share = shares_of(successes, n)
    _, error = np.vectorize(_ratio_and_error, otypes=[float, float])(clusters, successes, n, kk, nn, kn)
    clusters = np.asarray(clusters, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where((k == 0) | (k == rows), clusters, share * (1 - share) / error**2)
    few = (Z / special.stdtrit(np.maximum(clusters - 1, 1), 1 - TAIL)) ** 2
    effective = np.where(clusters > 1, np.minimum(effective * few, rows), 0.0)
    return wilson(np.where(effective > 0, share * effective, 0.0), effective)


def poisson_interval(n: ArrayLike) -> Interval:
    """The interval of what a count is an instance of, where events come one by one (leads in a month).

    Rule: exact, from the chi-square distribution; a count of 0 starts at 0.
    Parameters: `n`, whole numbers from 0.
    Source: Garwood (1936), Biometrika 28, 437-442.

    Examples
    --------
    >>> [round(float(end), 3) for end in poisson_interval(10)]
    [4.795, 18.39]
    """
    n = np.asarray(n, dtype=float)
    low = np.where(n > 0, stats.chi2.ppf(TAIL, 2 * np.maximum(n, 1)) / 2, 0.0)
    return Interval(low[()], stats.chi2.ppf(1 - TAIL, 2 * n + 2)[()] / 2)


def difference_of_shares(
    successes: ArrayLike, n: ArrayLike, other_successes: ArrayLike, other_n: ArrayLike
) -> Difference:
    """How far one share is above another.

    Rule: value = share − other share; interval from the two Wilson intervals; `p` from the two-sided test of equal
    proportions with pooled variance (1 where both are 0 or both are 1).
    Parameters: counts of two independent groups.
    Returns: a difference between −1 and 1; NaN where a group is empty.
    Raises: as `wilson`.
    Source: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.

    Examples
    --------
    >>> found = difference_of_shares(56, 70, 48, 80)
    >>> round(float(found.value), 4), round(float(found.low), 4), round(float(found.high), 4)
    (0.2, 0.0524, 0.3339)
    """
    (k1, n1, share1), (k2, n2, share2) = shares_of(successes, n), shares_of(other_successes, other_n)
    (low1, high1), (low2, high2) = wilson(k1, n1), wilson(k2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (k1 + k2) / (n1 + n2)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        score = np.where(error == 0, 0.0, (share1 - share2) / error)
    value = share1 - share2
    low = value - np.hypot(share1 - low1, high2 - share2)
    high = value + np.hypot(high1 - share1, share2 - low2)
    return Difference(value[()], low[()], high[()], 2 * special.ndtr(-np.abs(score)))


def swing(successes: ArrayLike, n: ArrayLike) -> tuple[float, int]:
    """How far the shares of groups (the months of a span) lie apart, in what chance alone makes of one share.

    Rule: Pearson's chi-square of the groups about their common share: about its degrees of freedom where chance is
    all, above it where something else moves the groups too (a campaign, a holiday, a new team).
    Parameters: counts by group; empty groups count for nothing.
    Returns: the chi-square and its degrees of freedom; both 0 where the common share is 0, 1 or of nothing.
    Raises: as `wilson`.
    Source: Pearson (1900), Philosophical Magazine 50, 157-175.

    Examples
    --------
    >>> found, free = swing([10, 20, 30], [50, 50, 50])
    >>> round(found, 3), free
    (16.667, 2)
    """
    k, n, _ = shares_of(successes, n)
    k, n = k[n > 0], n[n > 0]
    share = k.sum() / n.sum() if len(n) else 0.0
    if not 0 < share < 1:
        return 0.0, 0
    return float(((k - n * share) ** 2 / (n * share * (1 - share))).sum()), len(n) - 1


def fisher(successes: ArrayLike, n: ArrayLike, other_successes: ArrayLike, other_n: ArrayLike) -> np.ndarray:
    """The chance of two shares this far apart, were they the same: for small groups.

    Rule: Fisher's exact test, two-sided.
    Parameters: counts of two independent groups.
    Returns: p, 0 to 1; NaN where a group is empty.
    Raises: as `wilson`.
    Source: Fisher (1922), J. Royal Stat. Soc. 85, 87-94, as in SciPy.

    Examples
    --------
    >>> round(float(fisher(3, 4, 1, 4)), 4)
    0.4857
    """
    (k1, n1, _), (k2, n2, _) = shares_of(successes, n), shares_of(other_successes, other_n)
    return np.vectorize(_fisher, otypes=[float])(k1, n1, k2, n2)[()]


def at_least(successes: ArrayLike, n: ArrayLike, share: ArrayLike) -> np.ndarray:
    """The chance of at least so many successes of `n`, each with the chance `share`: is this an alarm?

    Rule: binomial distribution.
    Returns: a chance, 0 to 1.
    Source: house decision, 2026-10: two deals lost of twenty at 90 % is no alarm.

    Examples
    --------
    >>> round(float(at_least(2, 20, 0.1)), 3)
    0.608
    """
    return stats.binom.sf(np.asarray(successes) - 1, n, share)[()]


def trend_of_shares(successes: ArrayLike, n: ArrayLike, x: ArrayLike) -> tuple[float, float]:
    """Whether shares rise or fall with x: the score of the Cochran-Armitage test, and the chance of one as far from 0.

    Parameters: one entry per group: counts, and the group's place on the scale.
    Returns: score (above 0: rising) and p; 0 and 1 where nothing varies.
    Raises: as `wilson`.
    Source: Armitage (1955), Biometrics 11, 375-386.

    Examples
    --------
    >>> score, p = trend_of_shares([10, 20, 30], [100, 100, 100], [1, 2, 3])
    >>> round(score, 3), round(p, 4)
    (3.536, 0.0004)
    """
    k, n, _ = shares_of(successes, n)
    x = np.asarray(x, dtype=float)
    share, centre = k.sum() / n.sum(), (n * x).sum() / n.sum()
    spread = share * (1 - share) * (n * (x - centre) ** 2).sum()
    score = (k * (x - centre)).sum() / np.sqrt(spread) if spread > 0 else 0.0
    return float(score), float(2 * special.ndtr(-abs(score)))


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """The p of many comparisons made at once, adjusted: below 0.05 means that of all called so, 5 % are by chance.

    Rule: Benjamini-Hochberg; comparisons without a p (NaN) stay so and do not count.
    Returns: adjusted p, 0 to 1, in the order given.
    Source: Benjamini and Hochberg (1995), J. Royal Stat. Soc. B 57, 289-300, as in SciPy.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.02, 0.03, 0.5]).round(3).tolist()
    [0.04, 0.04, 0.04, 0.5]
    """
    adjusted = np.array(p, dtype=float)
    known = ~np.isnan(adjusted)
    adjusted[known] = stats.false_discovery_control(adjusted[known])
    return adjusted


def mix_and_rate(before_n: ArrayLike, before_k: ArrayLike, after_n: ArrayLike, after_k: ArrayLike) -> MixAndRate:
    """Why the total rate moved: the segments' own rates, or what the total is made of.

    Rule: rate effect = mean weight × change of the segment's rate; mix effect = change of weight × (mean rate of the
    segment − mean rate of the total); a weight is a segment's part of n. Together they are the change of the total. A
    segment that exists in one period only has no rate effect: its arrival or departure is mix. The interval of the
    rate effect adds the segments' Wilson distances in squares, weights taken as given. `simpson` needs two or more
    segments in both periods, all of which moved against the total.
    Parameters: one entry per segment: `n` and the successes `k`, before and after.
    Returns: shares (0.02 is two points); all NaN where a period is empty.
    Raises: as `wilson`.
    Source: Kitagawa (1955), J. Am. Stat. Assoc. 50, 1168-1194; the interval: Zou and Donner (2008), Statistics in
    Medicine 27, 1693-1702.

    Examples
    --------
    >>> why = mix_and_rate([200, 100], [80, 10], [100, 200], [42, 24])
    >>> round(why.rate_total, 4), round(why.mix_total, 4), why.simpson
    (0.02, -0.1, True)
    """
    (k0, n0, rate0), (k1, n1, rate1) = shares_of(before_k, before_n), shares_of(after_k, after_n)
    (*_, total0), (*_, total1) = shares_of(k0.sum(), n0.sum()), shares_of(k1.sum(), n1.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        weight0, weight1 = n0 / n0.sum(), n1 / n1.sum()
    in_both = (n0 > 0) & (n1 > 0)
    known0, known1 = np.where(n0 > 0, rate0, rate1), np.where(n1 > 0, rate1, rate0)
    excess = np.nan_to_num((known0 + known1) / 2) - (total0 + total1) / 2
    moved, weight = np.where(in_both, rate1 - rate0, 0.0), (weight0 + weight1) / 2
    mix, rate = (weight1 - weight0) * excess, weight * moved
    change = difference_of_shares(k1[in_both], n1[in_both], k0[in_both], n0[in_both])
    down = weight[in_both] * (change.value - change.low)
    up = weight[in_both] * (change.high - change.value)
    against = np.sign(change.value) == -np.sign(total1 - total0)
    return MixAndRate(
        before=float(total0),
        after=float(total1),
        mix=mix,
        rate=rate,
        mix_total=float(mix.sum()),
        rate_total=float(rate.sum()),
        rate_low=float(rate.sum() - np.sqrt((down**2).sum())),
        rate_high=float(rate.sum() + np.sqrt((up**2).sum())),
        simpson=bool(total1 != total0 and len(against) > 1 and against.all()),
    )


def shares_of(successes: ArrayLike, n: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Successes, n and their share as arrays of one shape; the share is NaN where n is 0.

    Raises: WrongUsage where successes are below 0 or above n.
    """
    k, n = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    wrong = (k < 0) | (k > n)
    if wrong.any():
        raise WrongUsage(
            "A share has successes from 0 to n.",
            f"Found {k[wrong].flat[0]:g} of {n[wrong].flat[0]:g}.",
            "Count both on the same rows; a ratio that may pass 1 has no Wilson interval.",
        )
    return k, n, np.divide(k, n, out=np.full(n.shape, np.nan), where=n > 0)


def mean_and_deviations(n: ArrayLike, total: ArrayLike, total_of_squares: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the sum of squared deviations from it, worked out exactly from sums; NaN where n is 0.

    Raises: as `mean_interval`.
    """
    return np.vectorize(_mean_and_deviations, otypes=[float, float])(n, total, total_of_squares)


def _fisher(k1: float, n1: float, k2: float, n2: float) -> float:
    if n1 == 0 or n2 == 0:
        return float("nan")
    return stats.fisher_exact([[k1, n1 - k1], [k2, n2 - k2]]).pvalue


def _exact(value) -> Fraction:
    if pd.isna(value):
        raise BadData("A sum is missing.", "The group has rows.", "Sum the values that are there, and count those.")
    if isinstance(value, float | np.floating):
        if abs(value) >= LARGEST_EXACT_FLOAT:
            raise WrongUsage(
                "A sum came as a float too large to be exact.",
                f"Found {value:g}.",
                "Pass it as an int or a decimal: in SQL cast the sum to decimal(38,0) or text, not to double.",
            )
        return Fraction(float(value))
    return Fraction(int(value)) if isinstance(value, np.integer) else Fraction(value)


def _ratio_and_error(n, x, y, xx, yy, xy) -> tuple[float, float]:
    if n < 2 or y == 0:
        return float("nan"), float("nan")
    n, x, y, xx, yy, xy = int(n), *map(_exact, (x, y, xx, yy, xy))
    ratio = x / y
    deviations = _not_negative(n, xx - 2 * ratio * xy + ratio**2 * yy)
    return float(ratio), float(deviations / (n * (n - 1))) ** 0.5 / abs(float(y / n))


def _mean_and_deviations(n, total, squares) -> tuple[float, float]:
    if n < 1:
        return float("nan"), float("nan")
    mean = _exact(total) / int(n)
    return float(mean), float(_not_negative(n, _exact(squares) - mean**2 * int(n)))


def _not_negative(n: int, squared_deviations: Fraction) -> Fraction:
    if squared_deviations < 0:
        raise BadData(
            "No values can have these sums.",
            f"The squared deviations of {n:g} values add up to {float(squared_deviations):g}.",
            "Take n, the total and the total of squares from the same rows.",
        )
    return squared_deviations


def shares_alike(k: ArrayLike, n: ArrayLike) -> float:
    """The chance of shares this far apart in several groups, were they the same (chi-square over all groups).

    Parameters: `k` of `n` in each group; of clustered rows, as many as they are worth (see `design_effect`).
    Returns: p; 1 where there are no two groups, or all or none of the rows count.
    """
    k, n = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    share = k.sum() / n.sum()
    if not 0 < share < 1 or len(n) < 2:
        return 1.0
    return float(stats.chi2.sf(((k - n * share) ** 2 / (n * share * (1 - share))).sum(), len(n) - 1))


def design_effect(k: ArrayLike, n: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """How many rows of several groups are worth one that is independent of the others; one at least.

    Rule: the variance of the total by the intervals of the groups, which count by cluster, over that of as many
    independent rows.
    Parameters: `k` of `n` in each group, and its 95 % interval.
    Source: Kish (1965), Survey Sampling, chapter 5: the design effect.
    """
    k, n, low, high = (np.asarray(x, dtype=float) for x in (k, n, low, high))
    known = (k > 0) & (k < n) & np.isfinite(low) & np.isfinite(high)
    clustered = (n * (high - low) / (2 * Z))[known] ** 2
    independent = (k * (n - k) / np.maximum(n, 1))[known]
    return max(1.0, float(clustered.sum() / independent.sum())) if known.any() else 1.0
