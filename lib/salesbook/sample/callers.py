"""The calls of those who only call: blocks of calls to people who are not leads, one after the other."""

import numpy as np

from salesbook.sample import effects
from salesbook.sample.activities import CALL, CONNECTED, NO_ANSWER, REJECTED, VOICEMAIL, WE_BEGAN
from salesbook.sample.noordzee import CALLERS, CALLING_FROM, SELLERS
from salesbook.sample.plan import EMPTY, Columns, Plan, day_number, first_day, pick
from salesbook.sample.worktime import WorkTime

BLOCKS_A_DAY = 0.2
FEWEST, MOST = 8, 11
OUTCOMES = (REJECTED, NO_ANSWER, VOICEMAIL, CONNECTED)
OUTCOME_WEIGHTS = (0.45, 0.25, 0.12, 0.18)


def calls(plan: Plan, time: WorkTime, month: int) -> Columns:
    """The calls of a month but for their id, in order of time; none without effects, when no team differs.

    Rule: the gap to the next call is drawn by the refusals in a row so far, exponential about the planted pace.
    """
    rng = plan.stream("calling", month)
    caller, starts = blocks(rng, time, month)
    n_calls = rng.integers(FEWEST, MOST + 1, len(caller))
    outcome = np.array(OUTCOMES)[pick(rng, len(caller) * MOST, OUTCOME_WEIGHTS)].reshape(-1, MOST)
    gap = np.zeros(outcome.shape)
    refusals = np.zeros(len(caller), int)
    for place in range(MOST):
        refusals = np.where(outcome[:, place] == REJECTED, refusals + 1, 0)
        gap[:, place] = 3600 / effects.pace(plan, caller, refusals) * rng.standard_exponential(len(caller))
    at = starts[:, None] + np.cumsum(gap, axis=1) - gap
    block, place = np.nonzero((np.arange(MOST) < n_calls[:, None]) & plan.effects)
    at, lasts = at[block, place].astype(np.int64), rng.random(len(block)) * np.minimum(gap[block, place], 600)
    outcome = outcome[block, place]
    is_spoken = np.isin(outcome, (CONNECTED, REJECTED))
    order = np.argsort(at, kind="stable")
    rows = {
        "type": np.full(len(at), CALL),
        "direction": np.full(len(at), WE_BEGAN),
        "occurred_at": at,
        "owner_id": len(SELLERS) + caller[block],
        "outcome": outcome,
        "reached_decision_maker": (outcome == CONNECTED) & (rng.random(len(at)) < 0.4),
        "duration_seconds": np.where(is_spoken, lasts.astype(np.int64), EMPTY),
        "is_automatic": np.zeros(len(at), int),
    }
    return {name: values[order] for name, values in rows.items()}


def blocks(rng, time: WorkTime, month: int) -> tuple[np.ndarray, np.ndarray]:
    """Who calls when in a month: caller and start of each block, from ten to one o'clock on a working day."""
    days = np.arange(day_number(first_day(month)), day_number(first_day(month + 1)))
    calls_then = rng.random((len(days), CALLERS)) < BLOCKS_A_DAY
    calls_then &= ~time.is_free[0, days - time.first][:, None] & (days >= day_number(CALLING_FROM))[:, None]
    day, caller = np.nonzero(calls_then)
    return caller, time.at(0, days[day], (10 * 3600 + 3 * 3600 * rng.random(len(day))).astype(np.int64))
