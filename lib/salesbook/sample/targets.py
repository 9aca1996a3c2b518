"""Targets and currency rates of the sample company."""

from datetime import date, timedelta

import numpy as np

from salesbook.sample import effects
from salesbook.sample.deals import DIRECT_PER_LEAD
from salesbook.sample.leads import CONVERTED_OF_QUALIFIED, QUALIFIED_OF_REACHED
from salesbook.sample.noordzee import LIST_PRICE, TERRITORY_WEIGHTS, capacity_shares
from salesbook.sample.plan import EMPTY, Columns, Plan, day_number, first_day, last_day, stack

WON, NEW_LEADS, QUALIFIED_LEADS, WIN_RATE, AVERAGE_DEAL_SIZE = range(5)
ORGANISATION, TEAM, REP, ACCOUNT = range(4)
TRIED_SHARE = 0.87
AMBITION = 1.03
REACHED_WITH_EFFECTS = 0.41
# Mean of the spread of prices, less the mean discount; share of won amounts that count (there, not merged or deleted).
PAID_OF_LIST = 1.107 * 0.927
COUNTING = 0.94
N_ACCOUNTS = 4
EURO_OF = {"DKK": 0.13404, "GBP": 1.1700}
DAILY = {"DKK": 0.00004, "GBP": 0.0030}


def usual_month(plan: Plan) -> dict[int, float]:
    """What a usual month brings before anything planted: the level of each organisation target."""
    leads = plan.leads / sum(effects.volume(plan, month) for month in plan.simulated[-plan.months :])
    mix = np.array(effects.MIX_BEFORE if plan.effects else effects.FLAT_MIX)
    win = np.array(effects.WIN_BEFORE) if plan.effects else np.full(len(mix), effects.FLAT_WIN)
    reached = REACHED_WITH_EFFECTS if plan.effects else effects.REACHED
    qualified = leads * TRIED_SHARE * (reached * QUALIFIED_OF_REACHED + 0.02)
    deals = qualified * CONVERTED_OF_QUALIFIED + leads * DIRECT_PER_LEAD
    won, ambition = mix * win, AMBITION if plan.effects else 1.0
    return {
        WON: ambition * deals * float(won @ LIST_PRICE) * PAID_OF_LIST * COUNTING,
        NEW_LEADS: leads * 0.975,
        QUALIFIED_LEADS: qualified,
        WIN_RATE: float(won.sum()),
        AVERAGE_DEAL_SIZE: float(won @ LIST_PRICE / won.sum()) * PAID_OF_LIST,
    }


def target_rows(plan: Plan, account_ids: np.ndarray) -> Columns:
    """The rows of `targets`: the organisation by month, teams and sellers by quarter, a few accounts by year."""
    usual = usual_month(plan)
    rows = organisation_targets(plan, usual)
    quarters = sorted({month - month % 3 for month in range(plan.first, plan.last + 1)})
    for start in quarters:
        quarter = 3 * usual[WON]
        rows += [
            (WON, TEAM, team, start, start + 2, rounded(quarter * share / sum(TERRITORY_WEIGHTS)))
            for team, share in enumerate(TERRITORY_WEIGHTS)
        ]
        rows += rep_targets(start, quarter)
    years = sorted({start // 12 for start in quarters if start // 12 > plan.first // 12})
    rows += [
        (WON, ACCOUNT, int(account), year * 12, year * 12 + 11, rounded(usual[AVERAGE_DEAL_SIZE]))
        for year in years
        for account in account_ids[:N_ACCOUNTS]
    ]
    kpi, level, level_id, starts, ends, value = (np.array(column) for column in zip(*rows, strict=True))
    return {
        "target_id": np.arange(1, len(rows) + 1),
        "kpi": kpi,
        "level": level,
        "level_id": np.where(level == ORGANISATION, EMPTY, level * 10**9 + level_id),
        "starts_on": np.array([day_number(first_day(month)) for month in starts.tolist()]),
        "ends_on": np.array([day_number(last_day(month)) for month in ends.tolist()]),
        "value": value,
        "currency": np.where(np.isin(kpi, (WON, AVERAGE_DEAL_SIZE)), 0, EMPTY),
        "accepted_by": np.where(level == ORGANISATION, 0, np.where(level == REP, 1, EMPTY)),
    }


def organisation_targets(plan: Plan, usual: dict[int, float]) -> list[tuple]:
    """The organisation's targets, month by month; those that count leads follow the seasons, not the campaign."""
    rows = []
    for month in range(plan.first, plan.last + 1):
        season = effects.SEASONS[month % 12] if plan.effects else 1.0
        for kpi, level in usual.items():
            value = level * (season if kpi in (NEW_LEADS, QUALIFIED_LEADS) else 1.0)
            value = round(value, 2) if kpi == WIN_RATE else rounded(value)
            rows.append((kpi, ORGANISATION, EMPTY, month, month, value))
    return rows


def rep_targets(start: int, quarter: float) -> list[tuple]:
    """The targets of the sellers at work when a quarter starts, by territory and capacity."""
    territories = np.array(TERRITORY_WEIGHTS) / sum(TERRITORY_WEIGHTS)
    shares = territories @ capacity_shares(day_number(first_day(start)))
    return [
        (WON, REP, rep, start, start + 2, rounded(quarter * shares[rep])) for rep in np.flatnonzero(shares).tolist()
    ]


def rounded(value: float) -> float:
    """A target as people set it: two figures."""
    size = 10.0 ** max(0, len(str(int(value))) - 2)
    return round(value / size) * size


def rate_rows(plan: Plan) -> Columns:
    """The rows of `fx_rates`: euros for one krone and one pound, on the days on which banks are open."""
    first = first_day(plan.first) - timedelta(days=31)
    days = [first + timedelta(days=n) for n in range((last_day(plan.last) - first).days + 1)]
    days = [day for day in days if day.weekday() < 5 and (day.month, day.day) not in BANK_HOLIDAYS]
    parts = []
    for number, currency in enumerate(EURO_OF, start=1):
        steps = plan.stream("fx", number).standard_normal(len(days)) * DAILY[currency]
        walk = np.empty(len(days))
        level = 0.0
        for place, step in enumerate(steps.tolist()):
            level = 0.98 * level + step
            walk[place] = level
        rate = np.round(EURO_OF[currency] + walk, 8)
        parts.append({"currency": np.full(len(days), number), "rate_on": numbers(days), "rate": rate})
    return stack(parts, parts[0])


BANK_HOLIDAYS = {(1, 1), (5, 1), (12, 25), (12, 26)}


def numbers(days: list[date]) -> np.ndarray:
    """Days since 1970-01-01."""
    return np.array([day_number(day) for day in days])
