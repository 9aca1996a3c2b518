"""Whether a probability means what it says, and whether a score tells the good from the bad. Intervals are 95 %."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special
from scipy.stats import rankdata

from salesbook.errors import WrongUsage
from salesbook.stats import Z, wilson


@dataclass(frozen=True)
class Calibration:
    """How probabilities and outcomes agree.

    `brier`: mean squared distance, 0 is perfect. `base_rate`: share that came true. `skill`: 1 − Brier ÷ Brier of
    always saying the base rate; 0 is no better than that, below 0 worse. `error`: expected calibration error, the mean
    distance between said and seen, over the bins. `bins`: one row per bin.
    """

    n: int
    brier: float
    base_rate: float
    skill: float
    error: float
    bins: pd.DataFrame


class Auc(NamedTuple):
    """The chance that a success has a higher score than a failure, with its interval."""

    value: float
    low: float
    high: float


def calibration(probabilities: ArrayLike, outcomes: ArrayLike, n_bins: int = 10) -> Calibration:
    """Probabilities set against what came of them.

    Rule: Brier = mean (p − y)²; bins of equal width on 0 to 1, the upper end in the last only; Wilson bars.
    Parameters: `probabilities`, 0 to 1, one per deal and horizon; `outcomes`, 1 or true where it happened; `n_bins`.
    Returns: a Calibration; its bins have `from_p`, `to_p`, `n`, `forecast` (mean p), `numerator`, `value`, `low`,
    `high`, and stay in the table when empty. All is NaN without rows; skill is NaN where all outcomes are alike.
    Raises: WrongUsage for a value outside 0 and 1 (a rank, a score, a percentage) or an outcome not 0 or 1.
    Source: Brier (1950), Monthly Weather Review 78, 1-3; Naeini, Cooper, Hauskrecht (2015), AAAI, for the error.

    Examples
    --------
    >>> found = calibration([0.9, 0.8, 0.3, 0.2], [1, 1, 0, 1])
    >>> round(found.brier, 3), round(found.skill, 3)
    (0.195, -0.04)
    """
    p, y = _probabilities(probabilities), _outcomes(outcomes)
    _same_length(p, y)
    brier, base_rate = _mean((p - y) ** 2), _mean(y)
    base_brier = base_rate * (1 - base_rate)
    position = np.minimum((p * n_bins).astype(int), n_bins - 1)
    n, said, seen = (np.bincount(position, weights, n_bins) for weights in (None, p, y))
    edges = np.arange(n_bins + 1) / n_bins
    bins = pd.DataFrame({"from_p": edges[:-1], "to_p": edges[1:], "n": n})
    some = np.where(n > 0, n, np.nan)
    bins["forecast"], bins["numerator"], bins["value"] = said / some, seen.astype(int), seen / some
    bins["low"], bins["high"] = wilson(seen, n)
    return Calibration(
        n=len(p),
        brier=brier,
        base_rate=base_rate,
        skill=1 - brier / base_brier if base_brier > 0 else float("nan"),
        error=float(np.abs(said - seen).sum() / len(p)) if len(p) else float("nan"),
        bins=bins,
    )


def auc(scores: ArrayLike, outcomes: ArrayLike) -> Auc:
    """The chance that a success has a higher score than a failure; a tie counts half.

    Rule: Mann-Whitney; variance by DeLong, interval on the logit scale. Where the scores part the two altogether there
    is no variance, and Wilson's interval on the smaller of the two groups stands in.
    Parameters: `scores`, any numbers, higher = better; `outcomes`, 1 or true for a success.
    Returns: 0 to 1, 0.5 is no better than a coin; NaN without a success or a failure, no interval under two of each.
    Raises: WrongUsage for a missing score or an outcome that is neither 0 nor 1.
    Source: DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44, 837-845.

    Examples
    --------
    >>> round(auc([3, 7, 9, 5], [0, 1, 1, 1]).value, 3)
    1.0
    """
    scores, y = _scores(scores), _outcomes(outcomes).astype(bool)
    _same_length(scores, y)
    n_good, n_bad = int(y.sum()), int((~y).sum())
    if n_good == 0 or n_bad == 0:
        return Auc(*[float("nan")] * 3)
    ranks = rankdata(scores)
    over_bad = (ranks[y] - rankdata(scores[y])) / n_bad
    under_good = 1 - (ranks[~y] - rankdata(scores[~y])) / n_good
    value = float(over_bad.mean())
    if min(n_good, n_bad) < 2:
        return Auc(value, float("nan"), float("nan"))
    if value in (0, 1):
        low, high = wilson(value * min(n_good, n_bad), min(n_good, n_bad))
        return Auc(value, float(low), float(high))
    error = np.sqrt(over_bad.var(ddof=1) / n_good + under_good.var(ddof=1) / n_bad) / (value * (1 - value))
    return Auc(value, *(float(special.expit(special.logit(value) + side * Z * error)) for side in (-1, 1)))


def lift(scores: ArrayLike, outcomes: ArrayLike, n_groups: int = 10) -> pd.DataFrame:
    """How much richer in successes the highest scores are.

    Rule: cases in order of score, highest first, in groups as equal as ties allow: a tie is never split.
    Parameters: as `auc`; `n_groups`, groups aimed at.
    Returns: one row per group that has cases: `group` (1 = highest scores), `n`, `numerator`, `value`, `low`, `high`,
    `lift` (value ÷ overall share; NaN without successes), `captured` (share of all successes down to here).
    Raises: as `auc`.
    Source: house decision, 2026-10: usual lift table, ties kept together.

    Examples
    --------
    >>> lift([9, 8, 2, 1], [1, 1, 0, 1], n_groups=2)[["group", "n", "value", "captured"]].round(2).values.tolist()
    [[1.0, 2.0, 1.0, 0.67], [2.0, 2.0, 0.5, 1.0]]
    """
    scores, y = _scores(scores), _outcomes(outcomes)
    _same_length(scores, y)
    group = np.ceil(rankdata(-scores) * n_groups / max(len(scores), 1)).astype(int)
    n, good = np.bincount(group, minlength=1), np.bincount(group, y, minlength=1)
    present = np.flatnonzero(n)
    n, good = n[present], good[present]
    total = good.sum() if good.sum() > 0 else np.nan
    low, high = wilson(good, n)
    table = {"group": present, "n": n, "numerator": good.astype(int), "value": good / n, "low": low, "high": high}
    return pd.DataFrame(table | {"lift": good / n * len(y) / total, "captured": good.cumsum() / total})


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _probabilities(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        raise WrongUsage(
            "A probability is a number from 0 to 1.",
            f"Found {values[wrong][0]:g}.",
            "Divide percentages by 100; judge ranks and scores with auc and lift instead.",
        )
    return values


def _scores(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if np.isnan(values).any():
        raise WrongUsage("A score is missing.", f"{np.isnan(values).sum()} are.", "Leave out cases without a score.")
    return values


def _outcomes(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        raise WrongUsage("An outcome is 0 or 1.", f"Found {values[wrong][0]:g}.", "Leave out what is not decided yet.")
    return values


def _same_length(one: np.ndarray, other: np.ndarray) -> None:
    if len(one) != len(other):
        raise WrongUsage("Every case has an outcome.", f"{len(one)} cases, {len(other)} outcomes.", "Pair them first.")
