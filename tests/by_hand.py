"""Figures with their intervals from plain rows, apart from the project's own statistics: what checks expect.

Each gives the columns of an answer; `differing` holds an answer to them.
"""

from collections import Counter
from math import comb, isnan, nan, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import brentq

TAIL = 0.025
Z = stats.norm.isf(TAIL)


def differing(found: pd.DataFrame, expected: dict, by: str | tuple[str, ...] = ()) -> dict:
    """Where an answer is not as expected: by group, the figures found and expected; a group that one lacks is None."""
    keys = (by,) if isinstance(by, str) else by
    rows = {}
    for row in found.to_dict("records"):
        key = tuple(None if pd.isna(row[name]) else row[name] for name in keys)
        rows[key[0] if len(key) == 1 else key] = row
    wrong = {key: (rows.get(key), expected.get(key)) for key in rows.keys() ^ expected.keys()}
    for key in rows.keys() & expected.keys():
        figures = {name: rows[key][name] for name in expected[key]}
        if figures != pytest.approx(expected[key], rel=1e-9, nan_ok=True):
            wrong[key] = (figures, expected[key])
    return wrong


def counted(keys) -> dict:
    """Counts by group, from the group of every row."""
    return {key or None: {"n": n, "value": n} for key, n in Counter(keys).items()}


def ends_of(share: float, n: float) -> tuple[float, float]:
    """Wilson's interval: the shares from which the one seen lies just z standard errors away."""
    if not n:
        return nan, nan
    low, high = sorted(np.roots([1 + Z**2 / n, -(2 * share + Z**2 / n), share**2]).real)
    return max(low, 0.0), min(high, 1.0)


def share(holds) -> dict[str, float]:
    """A share of rows, given whether it holds of each."""
    holds = [bool(one) for one in holds]
    k, n = sum(holds), len(holds)
    low, high = ends_of(k / n, n) if n else (nan, nan)
    return {"numerator": k, "denominator": n, "value": k / n if n else nan, "low": low, "high": high}


def clustered(rows) -> dict[str, float]:
    """A share of rows that come in clusters, from pairs of cluster and whether it holds."""
    rows = [(cluster, bool(holds)) for cluster, holds in rows]
    sizes, hits = Counter(cluster for cluster, _ in rows), Counter(cluster for cluster, holds in rows if holds)
    figures = share(holds for _, holds in rows)
    p, clusters = figures["value"], len(sizes)
    off = [hits[cluster] - p * size for cluster, size in sizes.items()]
    error = sqrt(sum(one**2 for one in off) * clusters / (clusters - 1)) / len(rows)
    effective = (p * (1 - p) / error**2 if 0 < p < 1 else clusters) * (Z / stats.t.isf(TAIL, clusters - 1)) ** 2
    low, high = ends_of(p, min(effective, len(rows)))
    return figures | {"clusters": clusters, "low": low, "high": high}


def rate(pairs, of: float = 1, per: float = 1) -> dict[str, float]:
    """Sum of x ÷ sum of y over rows of both, in units of `of` and `per`, with the interval of a ratio of sums."""
    x, y = (np.array([pair[side] for pair in pairs], float) / unit for side, unit in ((0, of), (1, per)))
    n, above, below = len(x), x.sum(), y.sum()
    figures = {"n": n, "numerator": above, "denominator": below}
    if not below:
        return figures | {"value": nan, "low": nan, "high": nan}
    off = x - above / below * y
    half = stats.t.isf(TAIL, n - 1) * sqrt((off**2).sum() / (n - 1) / n) / (below / n) if n > 1 else nan
    value = above / below
    return figures | {"value": value, "low": nan if isnan(half) else max(value - half, 0), "high": value + half}


def mean(values) -> dict[str, float]:
    """A mean with Student's interval."""
    values = np.array(values, float)
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    return {"n": len(values), "value": values.mean(), "low": low, "high": high}


def median(values) -> dict[str, float]:
    """A median with the ranks that hold it with 95 %, found by adding up the chances of each rank; none under six."""
    values, n = sorted(values), len(values)
    rank = 0
    while n <= 1000 and 40 * sum(comb(n, place) for place in range(rank + 1)) < 2**n:
        rank += 1
    if n > 1000:
        rank = int((n + 1 - Z * sqrt(n)) / 2)
    low, high = (values[rank - 1], values[n - rank]) if rank else (nan, nan)
    return {"n": n, "value": np.median(values), "low": low, "high": high, "p90": np.quantile(values, 0.9),
            "mean": sum(values) / n}  # fmt: skip


def poisson(n: int) -> tuple[float, float]:
    """The means from which a count as low, and as high, as this comes once in forty times."""
    low = brentq(lambda mean: stats.poisson.sf(n - 1, mean) - TAIL, 1e-9, n + 1) if n else 0.0
    return low, brentq(lambda mean: stats.poisson.cdf(n, mean) - TAIL, n, 5 * n + 20)


def per_counted(cost: float, n: int) -> dict[str, float]:
    """What was spent ÷ what was counted, with the interval of the count."""
    figures = {"numerator": cost, "denominator": n}
    if not n or not cost:
        return figures | {"value": nan, "low": nan, "high": nan}
    low, high = poisson(n)
    return figures | {"value": cost / n, "low": cost / high, "high": cost / low if low else nan}
