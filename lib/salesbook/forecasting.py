"""How wrong forecasts were, and what the total of a set of deals may come to.

An error is forecast − actual: above 0 the forecast was too high. Intervals are 95 %.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from salesbook.errors import WrongUsage
from salesbook.stats import wilson

CELLS, CELLS_WITH_SHOCK = 2**17, 2**14
ENUMERATED_DEALS = 14
QUARTERS_FOR_A_SHOCK = 8
SHOCKS = np.linspace(-4, 4, 41)
SHOCK_WEIGHTS = np.exp(-(SHOCKS**2) / 2) / np.exp(-(SHOCKS**2) / 2).sum()
LARGEST_SHOCK, SMALLEST_SHOCK = 3.0, 0.005
NEWTON_STEPS = 6
ROUNDING = 1e-12


class Coverage(NamedTuple):
    """How many of `n` intervals held what came, as a share with its own interval."""

    covered: int
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Total:
    """What a set of deals may come to, in minor units.

    `amounts` and `probability`: the possible totals, ascending, and how likely each is. `mean`, `sd`: exact. `step`:
    width of the grid that amounts were rounded to. `error_bound`: by how much a total, and so a quantile, can be off
    because of it; 0 = exact. `shock`: size of the fate that all deals share; None = not enough history to know.
    """

    amounts: np.ndarray
    probability: np.ndarray
    mean: float
    sd: float
    step: int
    error_bound: int
    shock: float | None

    def quantile(self, share: ArrayLike) -> np.ndarray:
        """The smallest total that is not passed with at least this chance: 0.5 for the median."""
        reached = np.searchsorted(self.probability.cumsum(), np.asarray(share) - ROUNDING)
        return self.amounts[np.minimum(reached, len(self.amounts) - 1)]

    def at_least(self, amount: float) -> float:
        """The chance that the total is this amount or more: a target reached."""
        return float(self.probability[self.amounts >= amount].sum())

    def at_most(self, amount: float) -> float:
        """The chance that the total is this amount or less."""
        return float(self.probability[self.amounts <= amount].sum())


def wape(forecast: ArrayLike, actual: ArrayLike) -> float:
    """The size of forecast errors, for each unit that came.

    Rule: Σ|forecast − actual| ÷ Σ|actual|.
    Returns: 0 or more (0.1 = a tenth off); NaN where all actuals are 0: then only the absolute error says anything.
    Raises: WrongUsage for pairs that do not match or have a missing value.
    Source: Kolassa and Schütz (2007), Foresight 6, 40-43.

    Examples
    --------
    >>> wape([90, 120], [100, 100])
    0.15
    """
    forecast, actual = _pairs(forecast, actual)
    return _ratio(np.abs(forecast - actual).sum(), np.abs(actual).sum())


def bias(forecast: ArrayLike, actual: ArrayLike) -> float:
    """The side on which forecasts err, for each unit that came; above 0 they promise too much.

    Rule: Σ(forecast − actual) ÷ Σ actual.
    Returns: a signed share; NaN where the actuals add up to 0.
    Raises: as `wape`.
    Source: Davydenko and Fildes (2013), Int. J. Forecasting 29, 510-522, for the sign.

    Examples
    --------
    >>> bias([90, 120], [100, 100])
    0.05
    """
    forecast, actual = _pairs(forecast, actual)
    return _ratio((forecast - actual).sum(), actual.sum())


def mean_absolute_error(forecast: ArrayLike, actual: ArrayLike) -> float:
    """The mean size of forecast errors, in the unit of the forecast; NaN without forecasts.

    Rule: mean of |forecast − actual|.
    Raises: as `wape`.

    Examples
    --------
    >>> mean_absolute_error([90, 120], [100, 100])
    15.0
    """
    forecast, actual = _pairs(forecast, actual)
    return _ratio(np.abs(forecast - actual).sum(), len(actual))


def mase(forecast: ArrayLike, actual: ArrayLike, history: ArrayLike, season: int = 1) -> float:
    """Forecast errors beside those of the simplest forecast, the same as one season ago; below 1 is better than that.

    Rule: mean absolute error ÷ mean |history(t) − history(t − season)|.
    Parameters: `history`, the values up to the forecast, in order; `season`, periods in a season (1 = the one before).
    Returns: 0 or more; NaN where the history is too short or never changes.
    Raises: as `wape`.
    Source: Hyndman and Koehler (2006), Int. J. Forecasting 22, 679-688.

    Examples
    --------
    >>> mase([90, 120], [100, 100], history=[80, 90, 110])
    1.0
    """
    history = np.asarray(history, dtype=float)
    steps = np.abs(history[season:] - history[:-season])
    return _ratio(mean_absolute_error(forecast, actual), _ratio(steps.sum(), len(steps)))


def value_added(forecast: ArrayLike, reference: ArrayLike, actual: ArrayLike) -> float:
    """What a forecast adds to a simpler one (naive, or the step before it): how much of the error it takes away.

    Rule: WAPE of the reference − WAPE of the forecast; below 0 the work made it worse.
    Returns: a signed share; NaN where all actuals are 0.
    Raises: as `wape`.
    Source: Gilliland (2010), The Business Forecasting Deal, ch. 4.

    Examples
    --------
    >>> round(value_added([95, 105], [80, 80], [100, 100]), 2)
    0.15
    """
    return wape(reference, actual) - wape(forecast, actual)


def coverage(low: ArrayLike, high: ArrayLike, actual: ArrayLike) -> Coverage:
    """How often forecast intervals held what came.

    Rule: an actual on an end is held. Compare with the level that the intervals were made for.
    Returns: count, n, share and its Wilson interval; NaN without intervals.
    Raises: as `wape`.

    Examples
    --------
    >>> coverage([80, 90], [120, 110], [100, 130]).value
    0.5
    """
    (low, actual), (high, _) = _pairs(low, actual), _pairs(high, actual)
    held = int(((low <= actual) & (actual <= high)).sum())
    ends = wilson(held, len(actual))
    return Coverage(held, len(actual), _ratio(held, len(actual)), float(ends.low), float(ends.high))


def shared_shock(probabilities: ArrayLike, won: ArrayLike, quarters: ArrayLike) -> float | None:
    """How far all deals of a quarter share one fate: the market, the season, the optimism of the house.

    Rule: each quarter moves the log-odds of all its deals by one normal draw, while the mean chance of a deal stays
    what was said; the standard deviation of that draw is the most likely one. What is wrong in the same way every
    quarter counts as shock too.
    Parameters: one entry per deal of past quarters: its chance when forecast, whether it was won in time, its quarter.
    Returns: standard deviation in log-odds, 0 where chance alone explains the past; None under eight quarters.
    Raises: WrongUsage for a chance outside 0 and 1 or lists of unlike length.
    Source: Vasicek (1987, published 2002), Risk 15, for loans; logit-normal: house decision, 2026-10.

    Examples
    --------
    >>> shared_shock([0.5, 0.5], [True, False], ["2026-Q1", "2026-Q2"]) is None
    True
    """
    p, won = _chances(probabilities, won)
    names, quarter = np.unique(np.asarray(quarters), return_inverse=True)
    _chances(probabilities, quarter)
    if len(names) < QUARTERS_FOR_A_SHOCK:
        return None
    open_ended = (p > 0) & (p < 1)
    order = np.flatnonzero(open_ended)[np.argsort(quarter[open_ended], kind="stable")]
    starts = np.flatnonzero(np.diff(quarter[order], prepend=-1))
    sign = np.where(won[order] > 0, 1, -1)

    def surprise(shock: float) -> float:
        likely = special.log_expit(sign * _log_odds(p[order], shock))
        return -float(special.logsumexp(np.add.reduceat(likely, starts, axis=1).T, b=SHOCK_WEIGHTS, axis=1).sum())

    found = optimize.minimize_scalar(surprise, bounds=(0, LARGEST_SHOCK), method="bounded")
    return float(found.x) if found.x > SMALLEST_SHOCK else 0.0


def distribution_of_total(
    amounts: ArrayLike, probabilities: ArrayLike, shock: float | None = None, cells: int | None = None,
    spreads: ArrayLike = 0.0,
) -> Total:  # fmt: skip
    """What a set of deals may come to together, each won whole or not at all.

    Rule: exact: every subset for up to 14 deals, otherwise convolution on a grid of the amounts' greatest common
    divisor. Where that grid would have more than 131,072 cells (16,384 with a shock) amounts are rounded to a coarser
    one, in turn up and down so that their sum stays, and what comes out is moved and stretched to the exact mean and
    standard deviation; the bound of the error is given. What comes out is stretched in the same way where amounts are
    themselves in doubt (`spreads`): Σ chance × spread² is added to the variance, the shape is kept. A shock moves the
    log-odds of all deals together, their own chances kept.
    Parameters: `amounts` in whole minor units, 0 or more; `probabilities`, 0 to 1 (1 = won already); `shock` from
    `shared_shock`, None for independent deals; `cells`, fewer cells than those; `spreads`, the standard deviation of
    each amount where it is only a mean, 0 where it is known.
    Returns: a Total; without deals it is 0 for certain.
    Raises: WrongUsage for an amount that is not a whole number from 0 or a chance outside 0 and 1.
    Source: house decision, 2026-10; probability calculus.

    Examples
    --------
    >>> total = distribution_of_total([100_000, 50_000, 20_000], [0.9, 0.5, 0.2])
    >>> total.mean, round(total.sd), int(total.quantile(0.5)), round(total.at_most(50_000), 2)
    (119000.0, 39862, 120000, 0.09)
    """
    p, amounts = _chances(probabilities, amounts)
    amounts = _minor(amounts)
    in_doubt = float(p @ np.broadcast_to(np.square(spreads), p.shape))
    doubtful = (p > 0) & (p < 1) & (amounts > 0)
    sure = int(amounts[p == 1].sum())
    amounts, p = amounts[doubtful], p[doubtful]
    weights = SHOCK_WEIGHTS if shock else np.ones(1)
    chances = special.expit(_log_odds(p, shock)) if shock else p[None, :]
    step = _step(amounts, cells or (CELLS_WITH_SHOCK if shock else CELLS))
    whole = _rounded(amounts / step, p)
    totals, likely = (_subsets if step == 1 and len(whole) <= ENUMERATED_DEALS else _convolved)(whole, chances)
    probability = weights @ likely
    rounded = amounts - whole * step
    mean, sd = float(p @ amounts), float(np.sqrt(_variance(amounts, chances, weights) + in_doubt))
    found = _moved(totals * step, probability, mean, sd) if rounded.any() or in_doubt else totals * step
    return Total(
        amounts=(found + sure)[probability > 0],
        probability=probability[probability > 0],
        mean=mean + sure,
        sd=sd,
        step=step,
        error_bound=int(max(rounded[rounded > 0].sum(), -rounded[rounded < 0].sum())),
        shock=shock,
    )


def _minor(amounts: np.ndarray) -> np.ndarray:
    if not ((amounts >= 0) & (amounts == np.floor(amounts))).all():
        raise WrongUsage("An amount is a whole number of minor units, from 0.", "Another was given.", "Leave it out.")
    return amounts.astype(np.int64)


def _variance(amounts: np.ndarray, chances: np.ndarray, weights: np.ndarray) -> float:
    means, variances = chances @ amounts, (chances * (1 - chances)) @ amounts.astype(float) ** 2
    return float(weights @ (variances + (means - weights @ means) ** 2))


def _step(amounts: np.ndarray, cells: int) -> int:
    divisor = int(np.gcd.reduce(amounts)) if len(amounts) else 1
    if len(amounts) <= ENUMERATED_DEALS and amounts.sum() > divisor * cells:
        return 1
    return divisor * max(-(-int(amounts.sum()) // (divisor * cells)), 1)


def _rounded(amounts: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Whole numbers near the amounts, whose running sums in the order of the chances are those of the amounts."""
    order = np.argsort(p, kind="stable")
    whole = np.zeros(len(amounts), dtype=np.int64)
    whole[order] = np.diff(np.rint(amounts[order].cumsum()), prepend=0).astype(np.int64)
    return whole


def _moved(totals: np.ndarray, probability: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """Totals moved and stretched to a mean and a standard deviation, not below 0."""
    own = probability @ totals
    spread = np.sqrt(probability @ (totals - own) ** 2)
    stretched = mean + (totals - own) * (sd / spread if spread else 1.0)
    return np.maximum(np.rint(stretched), 0).astype(np.int64)


def _subsets(amounts: np.ndarray, chances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    totals, likely = np.zeros(1, dtype=np.int64), np.ones((len(chances), 1))
    for amount, chance in zip(amounts, chances.T, strict=True):
        totals = np.concatenate([totals, totals + amount])
        likely = np.concatenate([likely * (1 - chance[:, None]), likely * chance[:, None]], axis=1)
    distinct, first = np.unique(np.sort(totals), return_index=True)
    return distinct, np.add.reduceat(likely[:, np.argsort(totals, kind="stable")], first, axis=1)


def _convolved(cells: np.ndarray, chances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    likely = np.zeros((len(chances), int(cells.sum()) + 1))
    likely[:, 0] = 1
    end = 1
    for deal in np.argsort(cells, kind="stable"):
        chance, cell = chances[:, [deal]], cells[deal]
        won = likely[:, :end] * chance
        likely[:, :end] *= 1 - chance
        likely[:, cell : end + cell] += won
        end += cell
    return np.arange(end), likely


def _log_odds(p: np.ndarray, shock: float) -> np.ndarray:
    """The log-odds of each deal (column) under each shock (row), centred so that its mean chance stays `p`."""
    # Newton on the log-odds of the mean chance, which is almost a straight line; on the chance itself it runs away for
    # deals near 0 or 1.
    shift = shock * SHOCKS[:, None]
    centre = wanted = special.logit(p)
    for _ in range(NEWTON_STEPS):
        chance = special.expit(centre + shift)
        mean = SHOCK_WEIGHTS @ chance
        centre = centre - (special.logit(mean) - wanted) * mean * (1 - mean) / (SHOCK_WEIGHTS @ (chance * (1 - chance)))
    return centre + shift


def _ratio(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom != 0 else float("nan")


def _pairs(forecast: ArrayLike, actual: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    forecast, actual = np.asarray(forecast, dtype=float), np.asarray(actual, dtype=float)
    gaps = np.isnan(forecast).sum() + np.isnan(actual).sum()
    if forecast.shape != actual.shape or gaps:
        raise WrongUsage(
            "Every forecast has its actual.",
            f"{forecast.size} forecasts, {actual.size} actuals, {gaps} gaps.",
            "Pair them by period and leave out what has not come yet.",
        )
    return forecast, actual


def _chances(probabilities: ArrayLike, others: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, others = np.asarray(probabilities, dtype=float), np.asarray(others, dtype=float)
    if p.shape != others.shape or not ((p >= 0) & (p <= 1)).all():
        raise WrongUsage(
            "Every deal has a chance from 0 to 1.",
            f"{p.size} chances for {others.size} deals, {(~((p >= 0) & (p <= 1))).sum()} outside 0 and 1.",
            "Divide percentages by 100; leave out deals without a chance.",
        )
    return p, others
