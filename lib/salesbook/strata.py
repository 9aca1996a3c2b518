"""Two groups compared within strata, so that what differs between strata does not pass for an effect."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from salesbook.stats import Z, shares_of


@dataclass(frozen=True)
class OddsRatio:
    """The odds of one group ÷ those of another, strata held still; `p` is the chance of data as far from 1 as this.

    `n`: rows in strata that hold both groups and both outcomes; the others say nothing of the ratio.
    """

    value: float
    low: float
    high: float
    p: float
    n: int


def common_odds_ratio(successes: ArrayLike, n: ArrayLike, other_successes: ArrayLike, other_n: ArrayLike) -> OddsRatio:
    """The odds ratio that strata have in common.

    Rule: Mantel-Haenszel; interval on the log scale with the variance of Robins, Breslow and Greenland, which holds for
    many sparse strata; `p` from the Cochran-Mantel-Haenszel test without continuity correction.
    Parameters: one entry per stratum: successes and rows of the group, then of the other.
    Returns: an OddsRatio; without a stratum that holds both all is NaN, where one group never succeeds the interval is.
    Raises: WrongUsage where successes are below 0 or above n.
    Source: Mantel and Haenszel (1959), J. Nat. Cancer Inst. 22, 719-748; Robins, Breslow and Greenland (1986),
    Biometrics 42, 311-323.

    Examples
    --------
    >>> found = common_odds_ratio([20, 10], [50, 20], [10, 5], [50, 20])
    >>> round(found.value, 3), round(found.low, 2), round(found.high, 2)
    (2.765, 1.31, 5.82)
    """
    (a, n1, _), (c, n0, _) = shares_of(successes, n), shares_of(other_successes, other_n)
    b, d, total = n1 - a, n0 - c, n1 + n0
    tells = (n1 > 0) & (n0 > 0) & (a + c > 0) & (b + d > 0)
    a, b, c, d, total = (part[tells] for part in (np.atleast_1d(x) for x in (a, b, c, d, total)))
    with np.errstate(divide="ignore", invalid="ignore"):
        for_it, against = a * d / total, b * c / total
        ratio = for_it.sum() / against.sum()
        agree, differ = (a + d) / total, (b + c) / total
        variance = (
            (agree * for_it).sum() / (2 * for_it.sum() ** 2)
            + (agree * against + differ * for_it).sum() / (2 * for_it.sum() * against.sum())
            + (differ * against).sum() / (2 * against.sum() ** 2)
        )
        width = np.exp(Z * np.sqrt(variance))
        expected = (a + b) * (a + c) / total
        spread = (a + b) * (c + d) * (a + c) * (b + d) / (total**2 * (total - 1))
        score = (a - expected).sum() / np.sqrt(spread.sum())
    is_bounded = np.isfinite(ratio) and ratio > 0
    low, high = (ratio / width, ratio * width) if is_bounded else (np.nan, np.nan)
    value = float(ratio) if np.isfinite(ratio) else np.nan
    return OddsRatio(value, float(low), float(high), float(2 * special.ndtr(-abs(score))), int(total.sum()))


def compared(rows: pd.DataFrame, group: str, outcome: str, strata: list[str]) -> OddsRatio:
    """The odds ratio of an outcome between the rows of a group and the others, within strata.

    Parameters: `rows`, one per case; `group` and `outcome`, columns of true and false; `strata`, columns that name the
    stratum, a missing value being one of its own.
    Returns: an OddsRatio, above 1 where the group has the outcome more often.
    """
    counted = rows.assign(numerator=rows[outcome].astype(int), denominator=1)
    return counts_compared(counted, group, strata)


def counts_compared(rows: pd.DataFrame, group: str, strata: list[str]) -> OddsRatio:
    """The same of counts: rows with a numerator and a denominator, any number of them in a stratum."""
    counted = rows.assign(group=rows[group].astype(bool)).groupby([*strata, "group"], dropna=False)
    sums = counted[["numerator", "denominator"]].sum().unstack("group", fill_value=0)
    cells = [(name, side) for side in (True, False) for name in ("numerator", "denominator")]
    return common_odds_ratio(*sums.reindex(columns=cells, fill_value=0).to_numpy(float).T)
