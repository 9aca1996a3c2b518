"""League tables that do not mistake luck for skill: each group drawn towards the whole, as far as chance explains.

Empirical Bayes by maximum likelihood: of a grid of spreads between groups, 0 included, the one that makes the data most
likely decides how far a group is drawn; where that is 0, every group is given the figure of the whole. Intervals (95 %)
and ranks come from draws over all spreads, as often as each is likely: with few groups the spread is not known well,
and intervals that take it for known cover far less than they say.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from salesbook.errors import WrongUsage
from salesbook.stats import TAIL, mean_and_deviations, shares_of

DRAWS = 4000
SPREADS = np.linspace(0, 0.95, 191)
NO_SPREAD = 1e-9


@dataclass(frozen=True)
class Shrunken:
    """Groups drawn towards the whole, in the order given.

    `raw`: the group's own figure, NaN without rows. `value`, `low`, `high`: the drawn figure and its interval.
    `rank_low`, `rank_high`: interval of its rank, 1 for the best. `overall`: the figure that groups are drawn to.
    `between_sd`: standard deviation between groups; 0 means that chance explains all of the spread.
    """

    raw: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rank_low: np.ndarray
    rank_high: np.ndarray
    overall: float
    between_sd: float


def shrink_shares(
    successes: ArrayLike, n: ArrayLike, seed: int | np.random.Generator, *, higher_is_better: bool = True
) -> Shrunken:
    """Shares of groups (win rate by seller), drawn towards the overall share.

    Rule: beta-binomial. A group of n rows keeps the part n ÷ (n + (1 − r) ÷ r) of its own share, where r, the
    correlation within a group, is the most likely of a grid; the overall share weighs groups by what they add to it.
    Parameters: one entry per group; `seed` of the draws; `higher_is_better` gives rank 1 to the highest share.
    Returns: shares, 0 to 1; a group without rows gets the overall share.
    Raises: WrongUsage where there are no rows at all, or as `stats.wilson`.
    Source: Kleinman (1973), J. Am. Stat. Assoc. 68, 46-54; ranks: Goldstein and Spiegelhalter (1996), J. Royal Stat.
    Soc. A 159, 385-443.

    Examples
    --------
    >>> reps = shrink_shares([2, 30, 60], [2, 100, 300], seed=1)
    >>> reps.raw.round(2).tolist(), reps.value.round(2).tolist()
    ([1.0, 0.3, 0.2], [0.37, 0.3, 0.2])
    """
    k, n, raw = shares_of(successes, n)
    if n.sum() == 0:
        raise WrongUsage("There is nothing to draw together.", "All groups are empty.", "Show the reason instead.")
    known = np.nan_to_num(raw)
    within = np.maximum(SPREADS**2, NO_SPREAD)[:, None]
    weight = n / (1 + (n - 1) * within)
    size = weight.sum(axis=1, keepdims=True)
    mean = (weight * known).sum(axis=1, keepdims=True) / size
    centre = np.clip(mean, 0.5 / size, 1 - 0.5 / size)
    strength = 1 / within - 1
    alpha, beta = centre * strength, (1 - centre) * strength
    fit = (special.betaln(alpha + k, beta + n - k) - special.betaln(alpha, beta)).sum(axis=1)
    fit += np.log(centre * (1 - centre) / size)[:, 0] / 2
    best = fit.argmax()

    random = np.random.default_rng(seed)
    drawn = _draw_spreads(random, fit)
    centres = random.beta((mean * size + 0.5)[drawn], ((1 - mean) * size + 0.5)[drawn])
    draws = random.beta(centres * strength[drawn] + k, (1 - centres) * strength[drawn] + n - k)
    kept = np.where(best > 0, n / (n + strength[best]), 0.0)
    overall = float(mean[best, 0])
    value = overall + kept * (known - overall)
    between = SPREADS[best] * (overall * (1 - overall)) ** 0.5
    return _shrunken(raw, value, draws, overall, between, higher_is_better)


def shrink_means(
    n: ArrayLike,
    total: ArrayLike,
    total_of_squares: ArrayLike,
    seed: int | np.random.Generator,
    *,
    higher_is_better: bool = True,
) -> Shrunken:
    """Means of groups (days to close by seller), drawn towards the overall mean.

    Rule: normal distributions with one variance within groups, pooled; a group keeps the part b ÷ (b + within ÷ n) of
    its own mean, where b, the variance between groups, is the most likely of a grid (restricted likelihood).
    Parameters: one entry per group, sums exact as in `stats.mean_interval`; `seed`, `higher_is_better` as above.
    Returns: means in the unit of the values; a group without rows gets the overall mean.
    Raises: WrongUsage where no group has two rows or all values are alike, or as `stats.mean_interval`.
    Source: Efron and Morris (1975), J. Am. Stat. Assoc. 70, 311-319.

    Examples
    --------
    >>> reps = shrink_means([2, 40, 50], [40, 400, 400], [810, 4200, 3400], seed=1)
    >>> reps.raw.round(1).tolist(), reps.value.round(1).tolist()
    ([20.0, 10.0, 8.0], [19.6, 10.0, 8.0])
    """
    n = np.asarray(n, dtype=float)
    raw, deviations = mean_and_deviations(n, total, total_of_squares)
    seen = n > 0
    if not np.nansum(deviations) > 0:
        raise WrongUsage("Means need a variance to be drawn together.", "No group has two values.", "Show the values.")
    within = deviations[seen].sum() / (n[seen] - 1).sum()
    known = np.nan_to_num(raw)
    spreads = SPREADS[:, None] * 3 * max(np.std(raw[seen]), np.sqrt(within / n.sum()))
    weight = n / (n * spreads**2 + within)
    size = weight.sum(axis=1, keepdims=True)
    mean = (weight * known).sum(axis=1, keepdims=True) / size
    fit = (np.log(weight[:, seen]) - weight[:, seen] * (known[seen] - mean) ** 2).sum(axis=1)
    fit = (fit - np.log(size[:, 0])) / 2
    best = fit.argmax()

    random = np.random.default_rng(seed)
    drawn = _draw_spreads(random, fit)
    kept = n * spreads**2 / (n * spreads**2 + within)
    centres = random.normal(mean[drawn], size[drawn] ** -0.5)
    draws = random.normal(centres + kept[drawn] * (known - centres), spreads[drawn] * np.sqrt(1 - kept[drawn]))
    value = mean[best] + kept[best] * (known - mean[best])
    return _shrunken(raw, value, draws, float(mean[best, 0]), spreads[best, 0], higher_is_better)


def _draw_spreads(random: np.random.Generator, log_likelihood: np.ndarray) -> np.ndarray:
    # A spread's own size as its weight: all variances alike beforehand. Without it the intervals are too narrow where
    # groups differ a little.
    weight = SPREADS * np.exp(log_likelihood - log_likelihood.max())
    return random.choice(len(SPREADS), DRAWS, p=weight / weight.sum())


def _shrunken(
    raw: np.ndarray, value: np.ndarray, draws: np.ndarray, overall: float, between: float, higher_is_better: bool
) -> Shrunken:
    low, high = np.quantile(draws, [TAIL, 1 - TAIL], axis=0)
    ranks = (-draws if higher_is_better else draws).argsort(axis=1).argsort(axis=1) + 1
    rank_low, rank_high = np.quantile(ranks, [TAIL, 1 - TAIL], axis=0, method="inverted_cdf").astype(np.int64)
    return Shrunken(raw, value, low, high, rank_low, rank_high, overall, float(between))
