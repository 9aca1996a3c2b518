"""What a customer is worth and costs, and what would change it: formulas with their intervals. No data is read here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from salesbook.errors import WrongUsage
from salesbook.stats import TAIL, Interval, Z, wilson

DRAWS = 20_000
SEED = 20_261_121


@dataclass(frozen=True)
class Slope:
    """How much a figure moves per unit of another, within strata: value, its standard error, p of none."""

    value: float
    error: float
    p: float


def simple_value(price: ArrayLike, purchases_a_year: ArrayLike, years: float) -> np.ndarray:
    """Price × purchases a year × years.

    Examples
    --------
    >>> float(simple_value(400, 1, 3))
    1200.0
    """
    return np.asarray(price, dtype=float) * purchases_a_year * years


def lifetime_months(churn: ArrayLike, most: int) -> np.ndarray:
    """How long a customer stays: 1 ÷ monthly churn, at most so many months; without churn, those.

    Parameters: `churn`, share of customers lost a month. Returns: months; NaN where churn is.

    Examples
    --------
    >>> lifetime_months([0.05, 0.01, 0.0], 60).tolist()
    [20.0, 60.0, 60.0]
    """
    churn = np.asarray(churn, dtype=float)
    with np.errstate(divide="ignore"):
        return np.minimum(1 / churn, most)


def discounted_months(churn: ArrayLike, most: int, yearly_rate: float) -> np.ndarray:
    """Months a customer is expected to pay, each worth less the later it comes.

    Rule: Σ over t = 0 to most − 1 of ((1 − churn) ÷ (1 + d))^t, with (1 + d)^12 = 1 + the yearly rate.
    Returns: months of today's worth; NaN where churn is.

    Examples
    --------
    >>> float(discounted_months(0.5, 2, 0.0))
    1.5
    """
    kept = (1 - np.asarray(churn, dtype=float)) / (1 + yearly_rate) ** (1 / 12)
    return (kept[..., None] ** np.arange(most)).sum(axis=-1)


def highest_cac(value: ArrayLike, monthly_margin: ArrayLike, payback_months: int) -> np.ndarray:
    """The most that a new customer may cost: a third of the lifetime value, and no more than comes back in time.

    Examples
    --------
    >>> float(highest_cac(1200, 50, 12))
    400.0
    """
    return np.minimum(np.asarray(value, dtype=float) / 3, np.asarray(monthly_margin, dtype=float) * payback_months)


def count_interval(count: ArrayLike) -> Interval:
    """The interval of an expected count, from one that was seen.

    Rule: Garwood's exact interval of a Poisson mean.
    Source: Garwood (1936), Biometrika 28, 437-442.

    Examples
    --------
    >>> [round(float(end), 2) for end in count_interval(10)]
    [4.8, 18.39]
    """
    count = np.asarray(count, dtype=float)
    low = np.where(count > 0, special.gammaincinv(np.maximum(count, 1), TAIL), 0.0)
    return Interval(low[()], special.gammaincinv(count + 1, 1 - TAIL)[()])


def product_interval(*factors: tuple[ArrayLike, ArrayLike, ArrayLike]) -> Interval:
    """The interval of a product of independent figures above zero, each given as value, low, high.

    Rule: the distances of the ends on a log scale add up in squares; an end below zero counts as zero. To divide by a
    figure, give 1 ÷ value, 1 ÷ high, 1 ÷ low.
    Source: Zou and Donner (2008), Statistics in Medicine 27, 1693-1702 (MOVER).

    Examples
    --------
    >>> [round(float(end), 3) for end in product_interval((2, 1, 4), (3, 3, 3))]
    [3.0, 12.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.maximum([np.broadcast_arrays(*factor) for factor in factors], 0.0))
        value = logs[:, 0].sum(axis=0)
        down = np.sqrt(((logs[:, 0] - logs[:, 1]) ** 2).sum(axis=0))
        up = np.sqrt(((logs[:, 2] - logs[:, 0]) ** 2).sum(axis=0))
        return Interval(np.exp(value - down)[()], np.exp(value + up)[()])


def standardised_share(successes: ArrayLike, n: ArrayLike, weight: ArrayLike) -> tuple[float, float, float]:
    """The share a group would have with the strata in given parts, and its interval.

    Rule: Σ weight × share over the strata in which the group has rows, weights made to add up to 1; the strata's Wilson
    distances add up in squares.
    Parameters: one entry per stratum: counts of the group, weight of the stratum among all.
    Returns: value, low, high; NaN where the group has no rows.
    Source: Zou and Donner (2008), as above.

    Examples
    --------
    >>> [round(end, 3) for end in standardised_share([1, 30], [10, 60], [0.5, 0.5])]
    [0.3, 0.226, 0.464]
    """
    k, n, weight = (np.asarray(part, dtype=float) for part in (successes, n, weight))
    seen = n > 0
    if not seen.any():
        return np.nan, np.nan, np.nan
    share, weight = k[seen] / n[seen], weight[seen] / weight[seen].sum()
    low, high = wilson(k[seen], n[seen])
    value = float(weight @ share)
    down, up = (float(np.sqrt((weight**2) @ (share - end) ** 2)) for end in (low, high))
    return value, value - down, value + up


def within_slope(x: ArrayLike, y: ArrayLike, strata: ArrayLike, clusters: ArrayLike) -> Slope:
    """How much y moves per unit of x, compared only within strata (products).

    Rule: least squares with a level of its own per stratum; the error counts rows of one cluster (customer) together.
    Parameters: one entry per row; `strata` and `clusters`, whole numbers from 0.
    Returns: a Slope; NaN where x does not vary within any stratum or there are under 20 rows.
    Source: Liang and Zeger (1986), Biometrika 73, 13-22.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    strata, clusters = np.asarray(strata), np.asarray(clusters)
    if len(x) < 20:
        return Slope(np.nan, np.nan, np.nan)
    size = np.bincount(strata)[strata]
    x, y = (values - np.bincount(strata, values)[strata] / size for values in (x, y))
    spread = x @ x
    if not spread > 1e-12:
        return Slope(np.nan, np.nan, np.nan)
    slope = float(x @ y / spread)
    scores = np.bincount(clusters, x * (y - slope * x))
    many = np.unique(clusters).size
    error = float(np.sqrt(scores @ scores * many / max(many - 1, 1)) / spread)
    p = float(2 * stats.t.sf(abs(slope) / error, max(many - 1, 1))) if error > 0 else np.nan
    return Slope(slope, error, p)


LEVERS = ("deal_value", "price", "conversion", "cycle")


@dataclass(frozen=True)
class Sales:
    """A year of closed deals, as a what-if reads it: how many closed and were won, the won amounts, the price slope."""

    closed: int
    won: int
    mean: float
    error: float
    slope: Slope


def what_if(sales: Sales, lever: str, change: float) -> dict[str, float]:
    """What a year like the last would bring if one thing changed by a share, with what is not sure carried through.

    Rule: expected amount = deals closed × win rate × mean won amount. `deal_value` and `conversion` multiply it;
    `cycle` divides it: the same people handle as many more deals as each takes less time; `price` multiplies the amount
    and moves the win rate by the price slope. Win rate, mean and slope are drawn from what is known of each; nothing
    is drawn for how many deals close.
    Parameters: `lever`, one of deal_value, price, conversion, cycle; `change`, 0.1 for 10 % more.
    Returns: value, low, high of the amount; gain, gain_low, gain_high against no change.
    Raises: WrongUsage for another lever, or a change that leaves nothing.
    Source: house decision of 2026-11-21.
    """
    if lever not in LEVERS or change <= -1:
        raise WrongUsage("That cannot be changed.", f"Found {lever!r} by {change}.", f"Change {', '.join(LEVERS)}.")
    random = np.random.default_rng(SEED)
    rate = random.beta(sales.won + 0.5, sales.closed - sales.won + 0.5, DRAWS)
    mean = np.maximum(sales.mean + sales.error * random.standard_t(max(sales.won - 1, 1), DRAWS), 0)
    slope = sales.slope.value + sales.slope.error * random.standard_normal(DRAWS)
    base, best = sales.closed * rate * mean, sales.won * sales.mean
    drawn = base * factor(lever, change, rate, slope)
    value = best * float(factor(lever, change, sales.won / sales.closed, sales.slope.value))
    if np.isnan(value):
        return dict.fromkeys(("value", "low", "high", "gain", "gain_low", "gain_high"), np.nan)
    (low, high), (gain_low, gain_high) = (np.quantile(draws, [TAIL, 1 - TAIL]) for draws in (drawn, drawn - base))
    names = ("value", "low", "high", "gain", "gain_low", "gain_high")
    return dict(zip(names, map(float, (value, low, high, value - best, gain_low, gain_high)), strict=True))


def factor(lever: str, change: float, rate: ArrayLike, slope: ArrayLike) -> np.ndarray:
    """What a change multiplies the expected amount by; no win rate passes 1."""
    rate = np.asarray(rate, dtype=float)
    if lever == "cycle":
        return 1 / (1 + change) + 0 * rate
    if lever == "conversion":
        return np.minimum(rate * (1 + change), 1) / rate
    if lever == "price":
        return (1 + change) * np.clip(rate + np.asarray(slope) * change, 0, 1) / rate
    return 1 + change + 0 * rate


def log_interval(value: float, error: float) -> tuple[float, float]:
    """The interval of a figure above zero from its standard error, by way of its logarithm."""
    reach = np.exp(Z * error / value) if value > 0 else np.nan
    return value / reach, value * reach
