"""How the chance to reach a lead goes from attempt to attempt, and when to stop trying."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from salesbook import stats
from salesbook.errors import WrongUsage


def hazard(attempts: ArrayLike, reached: ArrayLike) -> pd.DataFrame:
    """The chance to succeed at each attempt, of those who got it and had not succeeded before.

    Rule: a lead that succeeded did so at its last attempt; one that did not was given up after its last (censored).
    Parameters: one entry per lead: how many attempts it got, and whether the last one succeeded.
    Returns: attempt (from 1), numerator, denominator, value, low, high (Wilson 95 %); attempts nobody got are left out.
    Raises: WrongUsage where a number of attempts is below 1 or not whole.
    Source: kpis.md K11; the discrete-time hazard of Cox (1972), J. Royal Stat. Soc. B 34, 187-220.

    Examples
    --------
    >>> chances = hazard([1, 1, 2, 2, 3], [True, False, True, False, True])
    >>> chances[["attempt", "numerator", "denominator"]].values.tolist()
    [[1, 1, 5], [2, 1, 3], [3, 1, 1]]
    """
    attempts, reached = np.asarray(attempts), np.asarray(reached, dtype=bool)
    wrong = ~((attempts >= 1) & (attempts == np.floor(attempts)))
    if wrong.any():
        found = f"Found {attempts[wrong][0]}."
        raise WrongUsage("Attempts are counted from 1.", found, "Leave out leads that were never tried.")
    ended = np.bincount(attempts.astype(int))
    succeeded = np.bincount(attempts.astype(int)[reached], minlength=len(ended))
    at_risk = ended[::-1].cumsum()[::-1]
    rows = pd.DataFrame({"attempt": np.arange(len(ended)), "numerator": succeeded, "denominator": at_risk})[1:]
    low, high = stats.wilson(rows["numerator"].to_numpy(), rows["denominator"].to_numpy())
    value = rows["numerator"] / rows["denominator"]
    return rows.assign(value=value, low=low, high=high).reset_index(drop=True)


def stop_rule(hazards: pd.DataFrame, cost: float = float("nan")) -> pd.DataFrame:
    """What trying each lead at most k times would reach, and what one more reached lead costs there.

    Rule: the share reached by attempt k is 1 − Π (1 − hazard); attempts a lead takes are Σ of the share not yet reached
    before each. Leads that were given up are taken to be like those that were not: where sellers give up on hopeless
    ones, later attempts would bring less than this says. One more lead reached at k takes 1 ÷ hazard(k) attempts.
    Parameters: `hazards`, from attempt 1 on without a gap: attempt, numerator, denominator, value, low, high; `cost` of
    an attempt, NaN if unknown.
    Returns: attempt, denominator, reached_share, attempts_per_lead, value (attempts per further lead reached), low,
    high, cost (of a further lead reached) with cost_low and cost_high, mean_cost (per lead reached so far).
    Source: kpis.md K11; house decision of 2026-11-21.

    Examples
    --------
    >>> three = hazard([1, 1, 2, 2, 3], [True, False, True, False, True])
    >>> stop_rule(three, cost=10.0)[["attempt", "reached_share", "value", "cost"]].round(2).values.tolist()
    [[1.0, 0.2, 5.0, 50.0], [2.0, 0.47, 3.0, 30.0], [3.0, 1.0, 1.0, 10.0]]
    """
    chance = hazards["value"].to_numpy(float)
    not_reached = np.cumprod(1 - chance)
    before = np.append(1.0, not_reached)[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        needed, low, high = (1 / hazards[name].to_numpy(float) for name in ("value", "high", "low"))
        tried = before.cumsum()
        mean_cost = cost * tried / (1 - not_reached)
    ends = [np.where(np.isfinite(end), end, np.nan) for end in (needed, low, high, mean_cost)]
    needed, low, high, mean_cost = ends
    return pd.DataFrame(
        {
            "attempt": hazards["attempt"].to_numpy(),
            "denominator": hazards["denominator"].to_numpy(),
            "reached_share": 1 - not_reached,
            "attempts_per_lead": tried,
            "value": needed,
            "low": low,
            "high": high,
            "cost": cost * needed,
            "cost_low": cost * low,
            "cost_high": cost * high,
            "mean_cost": mean_cost,
        }
    )
