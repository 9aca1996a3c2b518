"""How long customers stay, how often they come back and what they spend: three fitted models.

sBG for contracts, where leaving is seen (it shifts a geometric distribution by a beta one); BG/NBD for purchases, where
it is not; Gamma-Gamma for the value of a purchase. All by maximum likelihood from several starts. A fit that did not
settle is an error, never a figure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from salesbook.errors import BadData, WrongUsage

STARTS = (-1.0, 0.0, 1.5, 3.0)
LOG_BOUND = 12.0
STEP = 1e-3
SETTLED = 1e-4


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    `parameters`: by name. `errors`: their standard errors. `covariance`: of the logarithms of the parameters, in the
    order of `parameters`. `log_likelihood`: of the data. `n`: customers.
    """

    model: str
    parameters: dict[str, float]
    errors: dict[str, float]
    covariance: np.ndarray
    log_likelihood: float
    n: int


def fit_sbg(periods: ArrayLike, left: ArrayLike, counts: ArrayLike | None = None) -> Fit:
    """How the chance to leave differs between customers under contract.

    Rule: shifted beta-geometric: each customer leaves at each renewal with an own, constant chance, Beta-distributed.
    Parameters: `periods`, the renewal at which a customer left (1 = the first), or renewals made if still there (0 for
    the youngest); `left`, true for those who left; `counts`, customers per entry (1 each if left out).
    Returns: a Fit with `a` and `b`.
    Raises: WrongUsage for what is not such a customer; BadData where the fit does not settle.
    Source: Fader and Hardie (2007), J. Interactive Marketing 21(1), 76-90.

    Examples
    --------
    >>> fit = fit_sbg([1, 2, 3, 4, 5, 6, 7, 7], [True] * 7 + [False], [131, 126, 90, 60, 42, 34, 26, 491])
    >>> {name: round(value, 3) for name, value in fit.parameters.items()}
    {'a': 0.668, 'b': 3.806}
    """
    periods, left = np.asarray(periods, dtype=float), np.asarray(left, dtype=bool)
    counts = np.ones(len(periods)) if counts is None else np.asarray(counts, dtype=float)
    fine = (periods >= left) & (periods == np.floor(periods)) & (counts >= 0)
    _refuse(fine, "Renewals are whole numbers from 0, from 1 for those who left.")
    (periods, left), entry = np.unique(np.array([periods, left]), axis=1, return_inverse=True)
    counts = np.bincount(entry.ravel(), counts)

    def log_likelihood(a: float, b: float) -> float:
        gone = special.betaln(a + 1, b + periods - 1) - special.betaln(a, b)
        stayed = special.betaln(a, b + periods) - special.betaln(a, b)
        return float(counts @ np.where(left > 0, gone, stayed))

    return _fit("sBG", ("a", "b"), log_likelihood, int(counts.sum()))


def sbg_survival(fit: Fit, periods: ArrayLike) -> np.ndarray:
    """The share of new customers still there after so many renewals.

    Rule: B(a, b + t) ÷ B(a, b). Returns: shares, 0 to 1. Source: as `fit_sbg`, equation 6.

    Examples
    --------
    >>> fit = fit_sbg([1, 2, 3, 4, 5, 6, 7, 7], [True] * 7 + [False], [131, 126, 90, 60, 42, 34, 26, 491])
    >>> sbg_survival(fit, [0, 1, 12]).round(2).tolist()
    [1.0, 0.85, 0.38]
    """
    a, b = fit.parameters["a"], fit.parameters["b"]
    return np.exp(special.betaln(a, b + np.asarray(periods, dtype=float)) - special.betaln(a, b))


def sbg_periods_left(fit: Fit, renewed: ArrayLike, horizon: int, discount: float = 0.0) -> np.ndarray:
    """Renewals that a customer who renewed so many times is still expected to make.

    Rule: Σ over t = 1 to horizon of S(renewed + t) ÷ S(renewed) ÷ (1 + discount)^t.
    Parameters: `renewed`, renewals so far; `horizon`, renewals looked ahead; `discount` per period.
    Returns: 0 to horizon. It grows with the renewals behind: those who stay are the loyal ones.
    Source: Fader and Hardie (2010), Marketing Science 29, 85-93, cut off at the horizon.

    Examples
    --------
    >>> fit = fit_sbg([1, 2, 3, 4, 5, 6, 7, 7], [True] * 7 + [False], [131, 126, 90, 60, 42, 34, 26, 491])
    >>> sbg_periods_left(fit, [0, 3], horizon=12).round(2).tolist()
    [6.53, 7.93]
    """
    ahead, renewed = np.arange(1, horizon + 1), np.asarray(renewed, dtype=float)
    later = sbg_survival(fit, renewed[..., None] + ahead) / sbg_survival(fit, renewed)[..., None]
    return (later / (1 + discount) ** ahead).sum(axis=-1)


def fit_bg_nbd(purchases: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Fit:
    """How often customers without a contract come back, and how they fall silent.

    Rule: BG/NBD: each buys at an own, constant rate (Gamma with shape r, scale α) and leaves after any purchase with an
    own, constant chance (Beta with a, b).
    Parameters: one entry per customer: `purchases` after the first; `recency`, the time from the first purchase to the
    last (0 without repeats); `age`, the time from the first purchase to the end of watching; one unit of time.
    Returns: a Fit with `r`, `alpha`, `a`, `b`.
    Raises: WrongUsage for what is not such a customer; BadData where the fit does not settle.
    Source: Fader, Hardie and Lee (2005), Marketing Science 24, 275-284, equation 6.
    """
    x, recency, age = _customers(purchases, recency, age)
    (x, recency, age), counts = np.unique(np.array([x, recency, age]), axis=1, return_counts=True)
    again = x > 0

    def log_likelihood(r: float, alpha: float, a: float, b: float) -> float:
        start = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
        start += special.betaln(a, b + x) - special.betaln(a, b)
        alive = -(r + x) * np.log(alpha + age)
        gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency)
        return float(counts @ (start + np.where(again, np.logaddexp(alive, gone), alive)))

    return _fit("BG/NBD", ("r", "alpha", "a", "b"), log_likelihood, int(counts.sum()))


def chance_alive(fit: Fit, purchases: ArrayLike, recency: ArrayLike, age: ArrayLike) -> np.ndarray:
    """The chance that a customer has not left.

    Rule: 1 ÷ (1 + a ÷ (b + x − 1) × ((α + age) ÷ (α + recency))^(r + x)); 1 without repeats: in this model nobody
    leaves before a second purchase.
    Parameters: as `fit_bg_nbd`. Returns: 0 to 1. Raises: as `fit_bg_nbd`.
    Source: Fader, Hardie and Lee (2008), "Computing P(alive) using the BG/NBD model".
    """
    x, recency, age = _customers(purchases, recency, age)
    r, alpha, a, b = fit.parameters.values()
    odds = np.log(a / (b + np.maximum(x, 1) - 1)) + (r + x) * np.log((alpha + age) / (alpha + recency))
    return np.where(x > 0, special.expit(-odds), 1.0)[()]


def expected_purchases(
    fit: Fit, within: ArrayLike, purchases: ArrayLike, recency: ArrayLike, age: ArrayLike
) -> np.ndarray:
    """Purchases that a customer is expected to make in the time to come.

    Rule: equation 10 of the source, with Euler's transformation of its hypergeometric function, which keeps it exact
    for customers with hundreds of purchases.
    Parameters: `within`, the time to come; the rest as `fit_bg_nbd`.
    Returns: 0 or more. Raises: as `fit_bg_nbd`.
    Source: Fader, Hardie and Lee (2005), Marketing Science 24, 275-284.
    """
    x, recency, age = _customers(purchases, recency, age)
    r, alpha, a, b = fit.parameters.values()
    a = a if abs(a - 1) > 1e-6 else 1 + 1e-6  # the formula divides 0 by 0 at a = 1, where it has a limit
    within = np.asarray(within, dtype=float)
    share = within / (alpha + age + within)
    left = (1 - share) ** (a - 1) * special.hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, share)
    return (a + b + x - 1) / (a - 1) * (1 - left) * chance_alive(fit, x, recency, age)


def fit_gamma_gamma(purchases: ArrayLike, mean_value: ArrayLike) -> Fit:
    """How the value of a purchase differs between customers, and within one.

    Rule: Gamma-Gamma: a customer's purchases are Gamma-distributed (shape p) around an own mean, whose scale is itself
    Gamma-distributed (shape q, scale v); value does not depend on how often one buys.
    Parameters: one entry per customer with repeats: `purchases`, how many values the mean rests on; `mean_value`,
    above 0.
    Returns: a Fit with `p`, `q`, `v`.
    Raises: WrongUsage for a customer without purchases or value; BadData where the fit does not settle.
    Source: Fader and Hardie (2013), "The Gamma-Gamma model of monetary value", equation 1a.
    """
    x, value = np.asarray(purchases, dtype=float), np.asarray(mean_value, dtype=float)
    _refuse((x > 0) & (value > 0), "A customer has one purchase or more, of a value above 0.")

    def log_likelihood(p: float, q: float, v: float) -> float:
        parts = -special.betaln(p * x, q) + q * np.log(v) - (p * x + q) * np.log(x * value + v)
        return float((parts + (p * x - 1) * np.log(value) + p * x * np.log(x)).sum())

    return _fit("Gamma-Gamma", ("p", "q", "v"), log_likelihood, len(x))


def expected_value(fit: Fit, purchases: ArrayLike, mean_value: ArrayLike) -> np.ndarray:
    """The value that a customer's next purchases are expected to have.

    Rule: p × (v + x × mean) ÷ (p × x + q − 1): the customer's own mean, drawn to that of all.
    Parameters: as `fit_gamma_gamma`; `purchases` may be 0: then it is the mean of all (NaN if q ≤ 1: there is none).
    Returns: in the unit of the values. Source: as `fit_gamma_gamma`, equation 5.
    """
    x, value = np.asarray(purchases, dtype=float), np.asarray(mean_value, dtype=float)
    p, q, v = fit.parameters.values()
    weight = p * x + q - 1
    known = np.where(x > 0, x * value, 0.0)
    return np.divide(p * (v + known), weight, out=np.full(weight.shape, np.nan), where=weight > 0)[()]


def standard_error(fit: Fit, of: Callable[[Fit], float]) -> float:
    """The standard error of any figure that follows from a fit.

    Rule: delta method on the logarithms of the parameters. Parameters: `of`, from a fit to the figure.
    Returns: in the unit of the figure.

    Examples
    --------
    >>> fit = fit_sbg([1, 2, 3, 4, 5, 6, 7, 7], [True] * 7 + [False], [131, 126, 90, 60, 42, 34, 26, 491])
    >>> round(standard_error(fit, lambda fit: sbg_survival(fit, 1)), 4)
    0.0095
    """
    logs = np.log(list(fit.parameters.values()))

    def figure(logs: np.ndarray) -> float:
        moved = dict(zip(fit.parameters, np.exp(logs), strict=True))
        return float(of(Fit(fit.model, moved, fit.errors, fit.covariance, fit.log_likelihood, fit.n)))

    steps = STEP * np.eye(len(logs))
    slope = np.array([(figure(logs + step) - figure(logs - step)) / (2 * STEP) for step in steps])
    return float(np.sqrt(slope @ fit.covariance @ slope))


def _fit(model: str, names: Sequence[str], log_likelihood: Callable[..., float], n: int) -> Fit:
    """The highest point of a likelihood over positive parameters, from several starts on a log scale."""

    def surprise(logs: np.ndarray) -> float:
        return -log_likelihood(*np.exp(logs)) / max(n, 1)

    bounds = [(-LOG_BOUND, LOG_BOUND)] * len(names)
    tries = [
        optimize.minimize(surprise, np.full(len(names), start), method="L-BFGS-B", jac="3-point", bounds=bounds)
        for start in STARTS
    ]
    best = min(tries, key=lambda found: found.fun)
    slope, curve = _slope_and_curve(lambda logs: surprise(logs) * n, best.x)
    inside = np.abs(best.x).max() < LOG_BOUND - 1
    if not inside or not np.isfinite(best.fun) or np.linalg.eigvalsh(curve)[0] <= 0:
        raise _no_fit(model, n, "the likelihood has no highest point inside")
    covariance = np.linalg.inv(curve)
    if slope @ covariance @ slope > SETTLED:
        raise _no_fit(model, n, "the search stopped short of the highest point")
    values = np.exp(best.x)
    errors = values * np.sqrt(np.diag(covariance))
    return Fit(
        model=model,
        parameters=dict(zip(names, values.tolist(), strict=True)),
        errors=dict(zip(names, errors.tolist(), strict=True)),
        covariance=covariance,
        log_likelihood=-best.fun * n,
        n=n,
    )


def _slope_and_curve(function: Callable[[np.ndarray], float], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    steps = STEP * np.eye(len(at))
    slope = np.array([(function(at + step) - function(at - step)) / (2 * STEP) for step in steps])
    curve = np.array(
        [
            [sum(i * j * function(at + i * one + j * other) for i in (1, -1) for j in (1, -1)) for other in steps]
            for one in steps
        ]
    )
    return slope, curve / (4 * STEP**2)


def _no_fit(model: str, n: int, why: str) -> BadData:
    return BadData(
        f"The {model} model does not fit these customers.",
        f"With {n} of them {why}.",
        "Take a longer period or more customers, or show the simple lifetime value.",
    )


def _customers(purchases: ArrayLike, recency: ArrayLike, age: ArrayLike) -> tuple[np.ndarray, ...]:
    x, recency, age = np.broadcast_arrays(*(np.asarray(part, dtype=float) for part in (purchases, recency, age)))
    fine = (x >= 0) & (x == np.floor(x)) & (recency >= 0) & (recency <= age) & ((x > 0) | (recency == 0))
    _refuse(fine, "Purchases are whole numbers, 0 <= recency <= age, and recency is 0 without repeats.")
    return x, recency, age


def _refuse(fine: np.ndarray, rule: str) -> None:
    if not fine.size or not fine.all():
        raise WrongUsage(
            "A model of customers was given what is no customer.",
            f"{(~fine).sum()} of {fine.size} entries are not: {rule}",
            "Correct or leave out those customers.",
        )
