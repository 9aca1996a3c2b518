"""How the owner, amount, expected close and category of deals came to be what they are: the rows of `deal_changes`."""

import numpy as np

from salesbook.sample.deals import END, OPEN, PLACES
from salesbook.sample.noordzee import CATEGORY_OF_STAGE, CYCLE_DAYS, LEAVES_ON, owner_at
from salesbook.sample.plan import EMPTY, Columns, Plan, pick, same_as_next, stack
from salesbook.sample.worktime import WorkTime

OWNER, AMOUNT, CLOSE, CATEGORY = range(4)
NAMES = ("deal_id", "field", "old_value", "new_value", "changed_at", "recorded_at")
MAX_PUSHES = 7
PUSHES = 0.88
REWRITES = 0.7
PUSH_DAYS = np.array([30, 61, 92])
PUSH_WEIGHTS = (0.5, 0.3, 0.2)
LEFT_AT_MONTH_END = 0.15


def paths(plan: Plan, time: WorkTime, month: int, deals: Columns) -> Columns:
    """What amounts and expected closes were before, and when they changed.

    Returns: close_on by place (second axis: as first said, after each push, after the close) and close_moved_at, empty
    where it did not change; expected_close, the last one; amount_before and amount_moved_at.
    """
    rng = plan.stream("changes", month)
    until = np.minimum(np.where(deals["true_close"] >= 0, deals["true_close"], plan.end), deals["stop"])
    at_month_end = plan.stream("month ends", month).random(len(until)) < LEFT_AT_MONTH_END
    return close_path(rng, time, deals, until, at_month_end) | amount_path(rng, time, deals, until)


def close_path(rng, time: WorkTime, deals: Columns, until: np.ndarray, at_month_end: np.ndarray) -> Columns:
    """Expected closes: too early at first, pushed when their day comes near or has gone, rewritten at the close.

    Parameters: `at_month_end`, the deals whose seller leaves the day at the month's end that the CRM offers.
    """
    n, has_one = len(until), rng.random(len(until)) < 0.96
    began_on = deals["began_at"] // 86_400
    planned = began_on + CYCLE_DAYS[deals["product"]] * 1.4 * (0.5 + 0.6 * rng.random(n))
    close_on = np.full((n, MAX_PUSHES + 2), EMPTY)
    moved = close_on.copy()
    planned = planned.astype(np.int64)
    close_on[:, 0] = latest = np.where(at_month_end, month_end(planned), planned)
    previous, pushes = deals["began_at"], has_one
    for place in range(1, MAX_PUSHES + 1):
        day = latest + rng.integers(-9, 5, n)
        at = np.maximum(day * 86_400 + rng.integers(28_800, 57_600, n), previous + 86_400)
        at = time.instant(deals["country"], time.worked(deals["country"], np.minimum(at, until)))
        pushes = pushes & (at < until) & (rng.random(n) < PUSHES)
        later = np.maximum(latest, at // 86_400) + PUSH_DAYS[pick(rng, n, PUSH_WEIGHTS)]
        later = np.where(at_month_end, month_end(later), later)
        latest, previous = np.where(pushes, later, latest), np.where(pushes, at, previous)
        close_on[:, place], moved[:, place] = latest, np.where(pushes, at, EMPTY)
    closed_on = deals["true_close"] // 86_400
    rewrites = has_one & (deals["status"] != OPEN) & (rng.random(n) < REWRITES) & (closed_on != latest)
    close_on[:, -1] = np.where(rewrites, closed_on, latest)
    moved[:, -1] = np.where(rewrites, deals["true_close"], EMPTY)
    close_on[~has_one] = EMPTY
    return {"close_on": close_on, "close_moved_at": moved, "expected_close": close_on[:, -1]}


def month_end(day: np.ndarray) -> np.ndarray:
    """The last day of each day's month, in days since 1970."""
    month = day.astype("datetime64[D]").astype("datetime64[M]")
    return (month + 1).astype("datetime64[D]").astype(np.int64) - 1


def amount_path(rng, time: WorkTime, deals: Columns, until: np.ndarray) -> Columns:
    """What amounts were before they changed: another amount, or none yet."""
    n, case = len(until), rng.random(len(until))
    before = np.rint(deals["amount"] * np.exp(0.2 * rng.standard_normal(n)) / 1000).astype(np.int64) * 1000
    before = np.where(case < 0.12, EMPTY, before)
    part = np.where(case < 0.12, 0.3, 1.0) * (0.02 + 0.96 * rng.random(n))
    at = (deals["began_at"] + part * (until - deals["began_at"])).astype(np.int64)
    at = time.instant(deals["country"], time.worked(deals["country"], at))
    changes = (case < 0.4) & (deals["amount"] > 0) & (before != deals["amount"]) & (at < until)
    return {
        "amount_before": np.where(changes, before, deals["amount"]),
        "amount_moved_at": np.where(changes, at, EMPTY),
    }


def change_rows(plan: Plan, deals: Columns) -> Columns:
    """The rows of `deal_changes`; the last new value is what the deal has now."""
    parts = [owner_changes(plan, deals), amount_changes(deals), close_changes(deals), category_changes(deals)]
    rows = stack(parts, ("deal", *NAMES[1:]))
    deal = rows.pop("deal")
    order = np.lexsort((rows["field"], rows["changed_at"], deal))
    rows["deal_id"] = deals["deal_id"][deal]
    rows["recorded_at"] = np.maximum.reduce([rows["recorded_at"], rows["changed_at"], deals["recorded_at"][deal]])
    return {name: rows[name][order] for name in NAMES}


def owner_changes(plan: Plan, deals: Columns) -> Columns:
    """Deals of a seller who left go to the one who took over, while they are open."""
    owner = deals["owner_then"]
    left_at = LEAVES_ON[owner] * 86_400
    until = np.where(deals["true_close"] >= 0, deals["true_close"], deals["stop"])
    deal = np.flatnonzero((owner >= 0) & (deals["began_at"] < left_at) & (left_at <= until) & (left_at < plan.end))
    return rows_of(deal, OWNER, owner[deal], owner_at(owner, left_at)[deal], left_at[deal])


def amount_changes(deals: Columns) -> Columns:
    """Amounts that became others."""
    deal = np.flatnonzero(deals["amount_moved_at"] >= 0)
    return rows_of(deal, AMOUNT, deals["amount_before"][deal], deals["amount"][deal], deals["amount_moved_at"][deal])


def close_changes(deals: Columns) -> Columns:
    """Expected closes that were pushed, and rewritten when the deal was entered as closed."""
    deal, place = np.nonzero(deals["close_moved_at"] >= 0)
    old, new = deals["close_on"][deal, place - 1], deals["close_on"][deal, place]
    recorded = np.where(place == MAX_PUSHES + 1, deals["way_recorded"][deal, END], EMPTY)
    return rows_of(deal, CLOSE, old, new, deals["close_moved_at"][deal, place], recorded)


def category_changes(deals: Columns) -> Columns:
    """Categories, which follow the stage; of stages filled in at the same second only the last counts."""
    way, category = deals["way"], CATEGORY_OF_STAGE[deals["stage_of_place"]]
    deal, place = np.nonzero((way >= 0) & (deals["forecast_category"] >= 0)[:, None])
    at, new = way[deal, place], category[deal, place]
    is_last = ~(same_as_next(deal) & same_as_next(at))
    deal, place, at, new = deal[is_last], place[is_last], at[is_last], new[is_last]
    changed = np.flatnonzero(same_as_next(deal) & ~same_as_next(new)) + 1
    deal, place = deal[changed], place[changed]
    return rows_of(deal, CATEGORY, new[changed - 1], new[changed], at[changed], deals["way_recorded"][deal, place])


def rows_of(deal, field: int, old, new, at, recorded=EMPTY) -> Columns:
    """Changes of one field; `deal` is the place of the deal."""
    columns = {"deal": deal, "field": field, "old_value": old, "new_value": new}
    columns |= {"changed_at": at, "recorded_at": recorded}
    return {name: np.broadcast_to(np.asarray(values, np.int64), len(deal)) for name, values in columns.items()}


def places_before(way_recorded: np.ndarray, way: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The last place that was on record at an instant, or empty."""
    is_there = (way >= 0) & (way_recorded <= at[:, None])
    return np.where(is_there.any(axis=1), PLACES - 1 - np.argmax(is_there[:, ::-1], axis=1), EMPTY)
