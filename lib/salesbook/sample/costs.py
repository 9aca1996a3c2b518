"""What selling costs: the rows of `costs`, month by month."""

import numpy as np

from salesbook.sample import effects
from salesbook.sample.noordzee import (
    CAMPAIGN,
    CAPACITY,
    COUNTRY_OF,
    EVENT,
    LEAVES_ON,
    OUTBOUND,
    PARTNER,
    REFERRAL,
    SELLERS,
    UNITS_PER_EURO,
    WEBSITE,
)
from salesbook.sample.plan import EMPTY, Columns, Plan, day_number, first_day
from salesbook.sample.targets import WON, usual_month

SALARY, TOOLS, MEDIA, MEETING_BOOKING, EVENTS, COLLATERAL, OTHER = range(7)
# Salaries against what a usual month brings, and what part of them goes into winning new customers.
SALARIES, NEW_PART = 0.14, 0.60
# type, channel, against what a usual month brings, part for new customers, whether it goes with the volume of leads
BOOKINGS = (
    (TOOLS, EMPTY, 0.012, 0.5, False),
    (MEDIA, WEBSITE, 0.014, 1.0, True),
    (MEDIA, CAMPAIGN, 0.007, 1.0, True),
    (MEETING_BOOKING, OUTBOUND, 0.010, 1.0, False),
    (EVENTS, EVENT, 0.012, 0.9, True),
    (OTHER, PARTNER, 0.008, 1.0, False),
    (OTHER, REFERRAL, 0.002, 1.0, False),
    (OTHER, EMPTY, 0.006, 0.3, False),
)
# Brochures and cases: a stream of their own, so that the other bookings stand as they were.
PRINTED = 0.003
NAMES = ("period", "type", "amount", "currency", "channel", "owner_id", "acquisition_share")


def cost_rows(plan: Plan) -> Columns:
    """The bookings of every month: a salary per seller in the currency of the country, and the rest in euros.

    Rule: they go with what the company sells, so that a new customer costs about the same in a small and a large one.
    """
    usual, rng = usual_month(plan)[WON], plan.stream("costs")
    rows = []
    for month in range(plan.first, plan.last + 1):
        day = day_number(first_day(month))
        rows += salaries(rng, day, usual * SALARIES)
        for kind, channel, part, new, goes_along in BOOKINGS:
            volume = effects.volume(plan, month) ** 0.5 if goes_along else 1.0
            amount = round(usual * part * volume * (0.85 + 0.3 * rng.random()))
            rows.append((day, kind, amount * 100, 0, channel, EMPTY, new))
        amount = round(usual * PRINTED * (0.85 + 0.3 * plan.stream("material costs", month).random()))
        rows.append((day, COLLATERAL, amount * 100, 0, EMPTY, EMPTY, 0.5))
    return {name: np.array(column) for name, column in zip(NAMES, zip(*rows, strict=True), strict=True)}


def salaries(rng, day: int, total: float) -> list[tuple]:
    """What the sellers at work on a day cost that month; all of them together cost `total` euros."""
    rows = []
    for seller, (territory, capacity, started, _, _) in enumerate(SELLERS):
        pay = total * capacity / CAPACITY.sum() * (0.98 + 0.04 * rng.random())
        if day_number(started) <= day < LEAVES_ON[seller]:
            currency = int(COUNTRY_OF[territory])
            rows.append((day, SALARY, round(pay * UNITS_PER_EURO[currency]) * 100, currency, EMPTY, seller, NEW_PART))
    return rows
