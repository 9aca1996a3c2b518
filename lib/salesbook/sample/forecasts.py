"""What was foreseen: open deals as the CRM had them on Fridays and month ends, and what sellers submitted."""

from datetime import UTC, datetime, timedelta

import numpy as np

from salesbook.sample import effects
from salesbook.sample.changes import places_before
from salesbook.sample.deals import IS_WON
from salesbook.sample.noordzee import CATEGORY_OF_STAGE, LEAVES_ON, LOST, SELLERS, UNITS_PER_EURO, WON, owner_at
from salesbook.sample.plan import EMPTY, Columns, Plan, day_number, first_day, only

CRM, REP = range(2)
NAMES = (
    "snapshot_at", "method", "deal_id", "owner_id", "period", "pipeline", "stage", "category", "amount", "currency",
    "probability", "expected_close", "is_rebuilt",
)  # fmt: skip
# Month ends all the time; Fridays only in the last months, for the size of the files.
MONTHS_OF_FRIDAYS = 12
FRIDAY_HOUR = 16
# Spread of what sellers foresee of the rest of a quarter, by months that are left of it.
SPREAD = np.array([0.0, 0.12, 0.20, 0.28])
USUAL_MONTHS = 6


def times(plan: Plan) -> np.ndarray:
    """The instants of the snapshots, in order: the last second of each month, and Fridays in the afternoon."""
    ends = plan.month_starts[plan.first - plan.simulated.start + 1 :] - 1
    since = first_day(max(plan.first, plan.last - MONTHS_OF_FRIDAYS + 1))
    friday = datetime(since.year, since.month, since.day, FRIDAY_HOUR, tzinfo=UTC)
    friday += timedelta(days=(4 - friday.weekday()) % 7)
    fridays = np.arange(int(friday.timestamp()), plan.end, 7 * 86_400)
    return np.union1d(ends, fridays[~np.isin(fridays // 86_400, ends // 86_400)])


def snapshots(plan: Plan, deals: Columns) -> Columns:
    """The deals that stood open in the CRM at each snapshot, with what was entered of them by then."""
    moments = times(plan)
    stop = np.where(deals["stop"] < plan.end, deals["stop"], np.iinfo(np.int64).max)
    first = np.searchsorted(moments, deals["recorded_at"])
    last = np.searchsorted(moments, np.minimum(stop, closing(deals)))
    n = np.maximum(last - first, 0)
    deal = np.repeat(np.arange(len(n)), n)
    at = moments[first[deal] + np.arange(len(deal)) - np.repeat(np.cumsum(n) - n, n)]
    place = places_before(deals["way_recorded"][deal], deals["way"][deal], at)
    stage = deals["stage_of_place"][deal, place]
    rows = standing(plan, deals, deal, at, stage)
    rows = only(rows, (place >= 0) & (stage != WON) & (stage != LOST))
    order = np.lexsort((rows["deal_id"], rows["snapshot_at"]))
    return only(rows, order)


def closing(deals: Columns) -> np.ndarray:
    """When the end of each deal was entered; far off for open ones."""
    is_over = deals["way"][:, -1] >= 0
    return np.where(is_over, deals["way_recorded"][:, -1], np.iinfo(np.int64).max)


def standing(plan: Plan, deals: Columns, deal, at, stage) -> Columns:
    """The snapshot rows of deals at instants."""
    pushed_at = deals["close_moved_at"][deal, :-1]
    n_pushes = ((pushed_at >= 0) & (pushed_at <= at[:, None])).sum(axis=1)
    has_moved = (deals["amount_moved_at"][deal] >= 0) & (deals["amount_moved_at"][deal] <= at)
    has_category = deals["forecast_category"][deal] >= 0
    return {
        "snapshot_at": at,
        "method": np.full(len(deal), CRM),
        "deal_id": deals["deal_id"][deal],
        "owner_id": owner_at(deals["owner_then"][deal], at),
        "period": np.full(len(deal), EMPTY),
        "pipeline": np.zeros(len(deal), int),
        "stage": stage,
        "category": np.where(has_category, CATEGORY_OF_STAGE[stage], EMPTY),
        "amount": np.where(has_moved, deals["amount"][deal], deals["amount_before"][deal]),
        "currency": deals["currency"][deal],
        "probability": effects.crm_probability(plan)[stage],
        "expected_close": deals["close_on"][deal, n_pushes],
    }


def won_by_seller(plan: Plan, deals: Columns) -> np.ndarray:
    """Euros won, by seller and month from the first that is told."""
    is_won = (deals["status"] == IS_WON) & (deals["owner_id"] >= 0) & (deals["amount"] > 0)
    won = only(deals, is_won & (deals["twin"] < 0) & (deals["stop"] == plan.end) & ~deals["is_test"])
    sums = np.zeros((len(SELLERS), plan.months))
    euros = won["amount"] / 100 / UNITS_PER_EURO[won["currency"]]
    np.add.at(sums, (won["owner_id"], plan.month_of(won["true_close"]) - plan.first), euros)
    return sums


def submissions(plan: Plan, won: np.ndarray) -> Columns:
    """What sellers submit at each month's end for the quarter that runs then, or begins: what is won and the rest.

    Rule: they foresee the rest of the quarter with an error that grows with the months left, right on average but for
    the planted optimist. Months after the last one are taken to be like the last half year.
    """
    rng = plan.stream("submissions")
    usual = won[:, -USUAL_MONTHS:].mean(axis=1, keepdims=True)
    won = np.concatenate([won, np.repeat(usual, 3, axis=1)], axis=1)
    rows = []
    for month in range(plan.first, plan.last + 1):
        quarter = month + 1 - (month + 1) % 3
        so_far, left = max(quarter - plan.first, 0), month + 1 - plan.first
        n_left, day = quarter + 3 - (month + 1), day_number(first_day(month + 1))
        error = np.exp(SPREAD[n_left] * rng.standard_normal(len(SELLERS)) - SPREAD[n_left] ** 2 / 2)
        expected = won[:, so_far:left].sum(axis=1) + won[:, left : left + n_left].sum(axis=1) * error
        at = plan.month_starts[month + 1 - plan.simulated.start] - 1
        for seller, (_, _, started, _, _) in enumerate(SELLERS):
            if day_number(started) < day <= LEAVES_ON[seller]:
                submitted = round(expected[seller] * effects.optimism(plan, seller), -2)
                rows.append((at, seller, day_number(first_day(quarter)), submitted * 100))
    at, seller, period, amount = np.array(rows, np.int64).reshape(-1, 4).T
    n = len(at)
    return {
        "snapshot_at": at,
        "method": np.full(n, REP),
        "owner_id": seller,
        "period": period,
        "amount": amount,
        "currency": np.zeros(n, int),
    }
