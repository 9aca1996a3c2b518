"""Who works at Noordzee Instruments, what it sells, and where: the parts that do not depend on chance."""

from datetime import date

import numpy as np

from salesbook.sample.plan import EMPTY, Columns, day_number

PIPELINE = "Sales"
# stage, mandatory, won, lost; the chance to be won stands in effects
STAGES = (
    ("Qualification", True, False, False),
    ("Needs analysis", True, False, False),
    ("Demo", False, False, False),
    ("Proposal", True, False, False),
    ("Negotiation", True, False, False),
    ("Won", True, True, False),
    ("Lost", False, False, True),
)
STAGE_NAMES = tuple(stage[0] for stage in STAGES)
QUALIFICATION, NEEDS, DEMO, PROPOSAL, NEGOTIATION, WON, LOST = range(7)
CATEGORY_OF_STAGE = np.array([0, 0, 0, 1, 2, 3, 4])

LIST_PRICE = np.array([4_200.0, 26_000.0, 88_000.0])  # EUR, the usual order
CYCLE_DAYS = np.array([15.0, 63.0, 147.0])  # working days: three weeks, three months, seven months

COUNTRIES = ("NL", "DK", "GB")
TERRITORIES = ("NL-West", "NL-East", "DK-East", "DK-West", "UK")
TEAMS = ("Randstad", "Oost-Nederland", "Sjælland", "Jylland", "United Kingdom")
COUNTRY_OF = np.array([0, 0, 1, 1, 2])
TERRITORY_WEIGHTS = (0.27, 0.20, 0.18, 0.13, 0.22)
CURRENCIES = ("EUR", "DKK", "GBP")
UNITS_PER_EURO = np.array([1.0, 7.46, 0.855])

CHANNELS = ("Website form", "Referral", "Event", "Outbound", "Partner", "Email campaign")
WEBSITE, REFERRAL, EVENT, OUTBOUND, PARTNER, CAMPAIGN = range(6)
CHANNEL_WEIGHTS = (0.33, 0.12, 0.12, 0.20, 0.10, 0.13)

# territory, capacity, first day, last day, who takes over
SELLERS = (
    (0, 1.0, date(2021, 3, 1), None, None),
    (0, 1.0, date(2022, 9, 1), None, None),
    (0, 0.8, date(2019, 5, 1), None, None),
    (0, 1.0, date(2020, 1, 1), date(2026, 2, 28), 0),
    (1, 1.0, date(2018, 6, 1), None, None),
    (1, 0.6, date(2023, 1, 1), None, None),
    (1, 1.0, date(2023, 9, 1), None, None),
    (2, 1.0, date(2020, 8, 1), None, None),
    (2, 1.0, date(2022, 2, 1), None, None),
    (2, 0.8, date(2025, 6, 1), None, None),
    (3, 1.0, date(2019, 11, 1), None, None),
    (3, 1.0, date(2023, 4, 1), None, None),
    (4, 1.0, date(2021, 10, 1), None, None),
    (4, 1.0, date(2022, 5, 1), None, None),
    (4, 1.0, date(2018, 2, 1), date(2025, 9, 30), 12),
    (4, 0.9, date(2025, 9, 1), None, None),
)
# People who only call: an agency's, of another team, without leads or deals of their own.
CALLERS = 5
CALLING_TEAM = len(TEAMS)
CALLING_FROM = date(2026, 5, 1)
SELLER_IDS = tuple(f"S{number:02d}" for number in range(1, len(SELLERS) + CALLERS + 1))
SELLER_TERRITORY = np.array([seller[0] for seller in SELLERS])
CAPACITY = np.array([seller[1] for seller in SELLERS])
LEAVES_ON = np.array([day_number(seller[3]) + 1 if seller[3] else 10**6 for seller in SELLERS])
HEIR = np.array([number if seller[4] is None else seller[4] for number, seller in enumerate(SELLERS)])


def capacity_shares(day: int) -> np.ndarray:
    """Shares of the sellers (columns) in the capacity of each territory (rows) on a day, in days since 1970."""
    started = np.array([day_number(seller[2]) <= day for seller in SELLERS])
    is_theirs = np.arange(len(TEAMS))[:, None] == SELLER_TERRITORY
    at_work = is_theirs & started & (day < LEAVES_ON)
    at_work |= is_theirs & ~at_work.any(axis=1, keepdims=True)  # years before anyone was hired
    capacity = np.where(at_work, CAPACITY, 0.0)
    return capacity / capacity.sum(axis=1, keepdims=True)


def sellers(territory: np.ndarray, day: int, draw: np.ndarray) -> np.ndarray:
    """The seller who gets each record, by capacity, among those of the territory at work on a day.

    Parameters: `draw`, one number from 0 to 1 per record.
    """
    edges = np.cumsum(capacity_shares(day), axis=1)[territory]
    return (draw[:, None] >= edges).sum(axis=1).clip(0, len(SELLERS) - 1)


def owner_at(owner: np.ndarray, instant: np.ndarray) -> np.ndarray:
    """Who has a record at an instant: its seller, or the one who took over."""
    has_left = (owner >= 0) & (instant >= LEAVES_ON[owner] * 86_400)
    return np.where(has_left, HEIR[owner], owner)


def stage_rows(probability: np.ndarray) -> Columns:
    """The rows of `stages`, with the chance to be won that the CRM gives each."""
    n = len(STAGES)
    return {
        "pipeline": np.zeros(n, int),
        "stage": np.arange(n),
        "position": np.arange(1, n + 1),
        "probability": probability,
        "is_mandatory": np.array([stage[1] for stage in STAGES]),
        "is_won": np.array([stage[2] for stage in STAGES]),
        "is_lost": np.array([stage[3] for stage in STAGES]),
    }


def rep_rows() -> Columns:
    """The rows of `reps` who sell."""
    numbers = np.arange(len(SELLERS))
    return {
        "owner_id": numbers,
        "display_name": numbers,
        "team": SELLER_TERRITORY,
        "territory_id": SELLER_TERRITORY,
        "capacity_fte": CAPACITY,
        "started_on": np.array([day_number(seller[2]) for seller in SELLERS]),
        "ended_on": np.where(LEAVES_ON < 10**6, LEAVES_ON - 1, EMPTY),
        "time_zone": COUNTRY_OF[SELLER_TERRITORY],
        "calendar": COUNTRY_OF[SELLER_TERRITORY],
    }


def caller_rows() -> Columns:
    """The rows of `reps` who only call."""
    numbers, dutch = len(SELLERS) + np.arange(CALLERS), np.zeros(CALLERS, int)
    return {
        "owner_id": numbers,
        "display_name": numbers,
        "team": np.full(CALLERS, CALLING_TEAM),
        "started_on": np.full(CALLERS, day_number(CALLING_FROM)),
        "time_zone": dutch,
        "calendar": dutch,
    }
