"""What is kept by seller and day: hours worked, use of the CRM, and what sellers say they did."""

import numpy as np

from salesbook.sample import effects
from salesbook.sample.activities import CALL, EMAIL, WE_BEGAN
from salesbook.sample.noordzee import (
    CALLERS,
    CALLING_FROM,
    COUNTRY_OF,
    LEAVES_ON,
    SELLER_TERRITORY,
    SELLERS,
    TERRITORY_WEIGHTS,
    capacity_shares,
)
from salesbook.sample.plan import Columns, Plan, day_number, first_day, stack
from salesbook.sample.worktime import WorkTime

MONTHS_OF_HOURS, MONTHS_KEPT = 6, 3
# Hours of all sellers on a working day, for so many leads a month: selling is one of their tasks.
HOURS_A_DAY, USUAL_LEADS = 23.0, 2600 / 24
MOST_HOURS = 9.0
CALLING_HOURS = 3.0
# How often a feature of the CRM is used on a day on which it is used at all; the first one always is.
FEATURES = (1.0, 0.35, 0.2, 0.1, 0.05)
REPORTED = (CALL, EMAIL)
SAID_CALLS = 5  # place among the KPIs that files.py names
MISTAKES = 0.1


def days_kept(plan: Plan, months: int) -> np.ndarray:
    """The days of the last months, in days since 1970."""
    return np.arange(
        day_number(first_day(max(plan.first, plan.last - months + 1))), day_number(first_day(plan.last + 1))
    )


def at_work(plan: Plan, time: WorkTime, days: np.ndarray) -> np.ndarray:
    """Whether each seller (second axis) works on a day: employed, and it is a working day in their country."""
    started = np.array([day_number(seller[2]) for seller in SELLERS])
    is_there = (started <= days[:, None]) & (days[:, None] < LEAVES_ON)
    return is_there & ~time.is_free[COUNTRY_OF[SELLER_TERRITORY]][:, days - time.first].T


def hour_rows(plan: Plan, time: WorkTime) -> Columns:
    """The rows of `working_hours`.

    Rule: sellers work in proportion to what their territory brings, so that without effects all do as much an hour.
    """
    rng, days = plan.stream("hours"), days_kept(plan, MONTHS_OF_HOURS)
    weights = np.array(TERRITORY_WEIGHTS) / sum(TERRITORY_WEIGHTS)
    shares = np.array([weights @ capacity_shares(day) for day in days.tolist()])
    usual = shares * HOURS_A_DAY * plan.leads / plan.months / USUAL_LEADS
    usual *= min(1.0, MOST_HOURS / usual.max())
    day, seller = np.nonzero(at_work(plan, time, days))
    return stack(
        [hours_of(rng, seller, days[day], usual[day, seller]), *callers_hours(rng, plan, time, days)],
        ("owner_id", "worked_on", "hours"),
    )


def callers_hours(rng, plan: Plan, time: WorkTime, days: np.ndarray) -> list[Columns]:
    """The hours of the callers; without effects there are none."""
    days = days[(days >= day_number(CALLING_FROM)) & ~time.is_free[0, days - time.first]]
    caller = np.tile(np.arange(CALLERS), len(days))
    kept = hours_of(rng, len(SELLERS) + caller, np.repeat(days, CALLERS), np.full(len(caller), CALLING_HOURS))
    return [kept] if plan.effects else []


def hours_of(rng, owner: np.ndarray, day: np.ndarray, usual: np.ndarray) -> Columns:
    """Hours about the usual ones, in quarters."""
    return {"owner_id": owner, "worked_on": day, "hours": np.rint(4 * usual * (0.7 + 0.6 * rng.random(len(day)))) / 4}


def crm_rows(plan: Plan, time: WorkTime) -> Columns:
    """The rows of `crm_usage`."""
    rng, days = plan.stream("crm use"), days_kept(plan, MONTHS_KEPT)
    works = at_work(plan, time, days)
    is_active = works & (rng.random(works.shape) < effects.crm_days(plan))
    used = is_active[:, :, None] & (rng.random((*works.shape, len(FEATURES))) < np.array(FEATURES))
    day, seller, feature = np.nonzero(used)
    events = 1 + rng.poisson(3.0, len(day))
    return {"owner_id": seller, "used_on": days[day], "feature": feature, "events": events}


class Logged:
    """What sellers have logged on the days that they report of: done calls and emails of ours."""

    def __init__(self, plan: Plan):
        self.days = days_kept(plan, MONTHS_KEPT)
        self.counts = np.zeros((len(self.days), len(SELLERS), len(REPORTED)), int)

    def add(self, time: WorkTime, rows: Columns) -> None:
        """Count the activities among these that are reported of."""
        day = time.local_day(0, np.maximum(rows["occurred_at"], time.midnights[0, 0])) - self.days[0]
        is_theirs = (rows["owner_id"] >= 0) & (rows["owner_id"] < len(SELLERS)) & (rows["is_automatic"] != 1)
        counts = is_theirs & (rows["occurred_at"] >= 0) & (rows["direction"] == WE_BEGAN) & (day >= 0)
        counts &= np.isin(rows["type"], REPORTED) & (day < len(self.days))
        np.add.at(self.counts, (day[counts], rows["owner_id"][counts], rows["type"][counts]), 1)


def report_rows(plan: Plan, time: WorkTime, logged: Logged) -> Columns:
    """The rows of `self_reports`: what is logged, with mistakes both ways, and what is planted on top."""
    rng, counts = plan.stream("self reports"), logged.counts
    said = rng.binomial(counts, 1 - MISTAKES) + rng.poisson(MISTAKES * counts)
    said += rng.poisson(counts * effects.boast(plan)[:, None])
    day, seller = np.nonzero(at_work(plan, time, logged.days))
    n = len(day)
    return {
        "owner_id": np.repeat(seller, len(REPORTED)),
        "reported_on": np.repeat(logged.days[day], len(REPORTED)),
        "kpi": SAID_CALLS + np.tile(np.arange(len(REPORTED)), n),
        "value": said[day, seller].reshape(-1),
    }
