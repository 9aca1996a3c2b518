"""Deals: from leads and from customers, their way through the stages, what they are worth and how they end."""

import numpy as np

from salesbook.sample import effects
from salesbook.sample.leads import late_lag
from salesbook.sample.market import Market, drawn_in, meet
from salesbook.sample.noordzee import (
    CATEGORY_OF_STAGE,
    CHANNEL_WEIGHTS,
    COUNTRY_OF,
    CYCLE_DAYS,
    DEMO,
    LIST_PRICE,
    LOST,
    NEEDS,
    NEGOTIATION,
    PROPOSAL,
    QUALIFICATION,
    TERRITORY_WEIGHTS,
    UNITS_PER_EURO,
    WON,
    owner_at,
    sellers,
)
from salesbook.sample.plan import EMPTY, Columns, Plan, day_number, first_day, known, only, pick, stack
from salesbook.sample.worktime import WORKING_DAY, WorkTime

DIRECT_PER_LEAD = 0.18
NEW_BUSINESS, EXISTING, RENEWAL = range(3)
OPEN, IS_WON, IS_LOST = range(3)
LOST_AT_STAGE = np.array([QUALIFICATION, NEEDS, PROPOSAL, NEGOTIATION])
# A deal's way has eight places: five stages, a loss that was undone, the stage it came back to, the end.
PLACES = 8
UNDONE, AGAIN, END = 5, 6, 7
TIME_SHARES = np.array([0.15, 0.22, 0.12, 0.24, 0.27, 0.15, 0.25, 0.0])
CYCLE_SPREAD = np.array([0.50, 0.45, 0.40])
BEGUN = (
    "account_id", "contact_id", "territory", "owner_id", "product", "source", "created_at", "recorded_at", "type",
    "lead",
)  # fmt: skip
DISCOUNTS = np.array([0.0, 0.05, 0.1, 0.15, 0.2])


def begun(plan: Plan, time: WorkTime, market: Market, month: int, leads: Columns) -> tuple[Columns, Columns, Columns]:
    """The deals that begin with the leads of a month, and those that sellers open without a lead.

    Returns: the deals, new accounts, new contacts. `lead` is the place of the deal's lead, or empty.
    """
    rng = plan.stream("deals", month)
    month_start = plan.month_starts[month - plan.simulated.start]
    customers = market.customers(month_start)
    place = np.flatnonzero(leads["converted_at"] >= 0)
    from_leads = only(leads, place) | {"lead": place, "created_at": leads["converted_at"][place]}
    from_leads["recorded_at"] = from_leads["created_at"]
    is_customer = np.isin(from_leads["account_id"], customers["account_id"])
    from_leads["type"] = np.where(is_customer, EXISTING, NEW_BUSINESS)
    direct, accounts, contacts = direct_deals(rng, plan, time, market, customers, month)
    deals = stack([from_leads, direct], BEGUN)
    deals["country"] = COUNTRY_OF[deals["territory"]]
    return deals, accounts, contacts


def direct_deals(rng, plan: Plan, time: WorkTime, market: Market, customers: Columns, month: int):
    """The deals without a lead: customers who buy again or renew, and new business that a seller brought in."""
    n = int(rng.poisson(DIRECT_PER_LEAD * plan.n_leads[month]))
    territory, case = pick(rng, n, TERRITORY_WEIGHTS), rng.random(n)
    country, month_day = COUNTRY_OF[territory], day_number(first_day(month))
    first = time.next_open[country, month_day - time.first]
    n_open = time.next_open[country, day_number(first_day(month + 1)) - time.first] - first
    created = np.sort(time.instant(country, (first + rng.random(n) * n_open) * WORKING_DAY))
    created = np.minimum(created, plan.end - 1)
    customer = drawn_in(customers["territory"], territory, rng.random(n))
    is_customer = (customer >= 0) & (case < 0.7)
    who = {name: np.where(is_customer, pad(customers[name])[customer], EMPTY) for name in ("account_id", "contact_id")}
    others = np.flatnonzero(~is_customer)
    met, accounts, contacts = meet(
        plan.stream("buyers", month), market, territory[others], created[others], again=0.1, nobody=0.02
    )
    for name in who:
        who[name][others] = met[name]
    recorded = created + np.where(rng.random(n) < 0.07, late_lag(rng, n), 0)
    deals = who | {
        "territory": territory,
        "owner_id": np.where(rng.random(n) < 0.94, sellers(territory, month_day, rng.random(n)), EMPTY),
        "product": pick(rng, n, effects.product_mix(plan, month)),
        "source": np.where(is_customer, EMPTY, pick(rng, n, CHANNEL_WEIGHTS)),
        "created_at": created,
        "recorded_at": np.where(recorded < plan.end, recorded, created),
        "type": np.where(is_customer, np.where(case < 0.12, RENEWAL, EXISTING), NEW_BUSINESS),
    }
    return deals, accounts, contacts


def pad(values: np.ndarray) -> np.ndarray:
    """The values with an empty one at the end, so that place -1 is empty."""
    return np.append(values, EMPTY)


def ways(plan: Plan, time: WorkTime, month: int, deals: Columns) -> Columns:
    """The way of each deal through the stages, place by place (second axis).

    Rule: how long a deal takes does not depend on how it ends, and how it ends depends on its product and on the month
    in which it ends: so the planted rates by closing month are exact.
    Returns: stage and entered_at by place, empty where it has not been; stop, when the record ceased to live;
    late_from, the part of its span after which it stands in the last two open stages (2 for none).
    """
    rng, n = plan.stream("ways", month), len(deals["created_at"])
    start = time.worked(deals["country"], deals["created_at"])
    days = CYCLE_DAYS[deals["product"]] * np.exp(CYCLE_SPREAD[deals["product"]] * rng.standard_normal(n))
    days = np.minimum(days * np.where(rng.random(n) < 0.03, 3.0, 1.0), 700)
    ends = plan.month_of(time.instant(deals["country"], start + days * WORKING_DAY))
    is_won = rng.random(n) < effects.win_chance(plan, deals["product"], ends)
    lost_at = LOST_AT_STAGE[(rng.random(n)[:, None] >= effects.lost_at_edges(plan, ends)).sum(axis=1).clip(0, 3)]
    last = np.where(is_won, NEGOTIATION, lost_at)
    shortcuts = plan.stream("shortcuts", month).random((2, n)) < effects.shortcut_chances(plan, deals["owner_id"])
    stage, is_there, is_filled = path(rng, is_won, last, *shortcuts)
    shares = TIME_SHARES * (0.3 + rng.random((n, PLACES))) * is_there
    shares[is_filled, 1:] = 0.0
    shares /= shares.sum(axis=1, keepdims=True)
    passed = np.cumsum(shares, axis=1) - shares
    passed[:, END] = 1.0
    entered = time.instant(deals["country"][:, None], start[:, None] + passed * (days * WORKING_DAY)[:, None])
    entered[:, 0] = deals["created_at"]
    entered[:, END] = effects.closing_time(plan, is_won, entered[:, END])
    stalls = plan.stream("stalls", month).random(n) < effects.stall_chance(plan, deals["product"], month)
    stalls &= is_there[:, NEEDS] & ~is_filled
    entered[stalls, DEMO:] = plan.end
    stop = ceased(rng, plan, time, deals, start)
    return stop | {
        "way": np.where(is_there, known(entered, stop["stop"][:, None]), EMPTY),
        "stage_of_place": stage,
        "late_from": np.where((last >= PROPOSAL) & ~stalls, passed[:, PROPOSAL], 2.0),
        "start_work": start,
        "span_work": days * WORKING_DAY,
    }


def path(rng, is_won, last, skips_needs, fills_in) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which places deals pass: optional and skipped stages, losses undone, stages filled in when the deal is won.

    Parameters: `skips_needs` and `fills_in`, the deals whose seller would skip Needs analysis, or fill in at the end,
    beside those of any seller.
    Returns: the stage of each place, whether the deal comes there, and whether its stages were filled in at the end.
    """
    n = len(is_won)
    case, demo, undone = rng.random(n), rng.random(n) < effects.DEMO, rng.random(n) < 0.04
    stage = np.tile(np.array([QUALIFICATION, NEEDS, DEMO, PROPOSAL, NEGOTIATION, LOST, NEGOTIATION, LOST]), (n, 1))
    stage[:, AGAIN] = last
    stage[:, END] = np.where(is_won, WON, LOST)
    is_there = np.arange(PLACES) <= last[:, None]
    is_there[:, DEMO] &= demo & (last >= PROPOSAL)
    is_there[:, NEEDS] &= ~(((case < effects.SKIPPED) | skips_needs) & (last >= PROPOSAL))
    is_there[:, NEGOTIATION] &= ~((case > 0.95) & is_won)
    is_filled = is_won & ((case > 0.95 - effects.FILLED) & (case < 0.95) | fills_in)
    is_there[:, [UNDONE, AGAIN]] = (undone & ~is_filled)[:, None]
    is_there[:, END] = True
    return stage, is_there, is_filled


def ceased(rng, plan: Plan, time: WorkTime, deals: Columns, start: np.ndarray) -> Columns:
    """Test records, deleted deals, and duplicates of another deal of the same month that were merged into it."""
    n = len(start)
    case = rng.random(n)
    later = time.instant(deals["country"], start + (2 + 25 * rng.random(n)) * WORKING_DAY)
    is_direct = deals["lead"] < 0
    is_merged = is_direct & (case < 0.025) & (later < plan.end)
    is_merged[0:1] = False
    is_merged[1:] &= ~is_merged[:-1] & (deals["created_at"][:-1] <= deals["created_at"][1:])
    is_deleted = ~is_merged & (case > 0.993) & (later < plan.end)
    for name in ("account_id", "contact_id", "territory", "country", "product", "type", "source", "owner_id"):
        deals[name] = np.where(is_merged, np.roll(deals[name], 1), deals[name])
    return {
        "twin": np.where(is_merged, np.arange(n) - 1, EMPTY),
        "merged_at": np.where(is_merged, later, EMPTY),
        "deleted_at": np.where(is_deleted, later, EMPTY),
        "is_test": (case > 0.5) & (case < 0.503),
        "stop": np.where(is_merged | is_deleted, later, plan.end),
    }


def standing(plan: Plan, month: int, deals: Columns) -> Columns:
    """Deals as the extract shows them: stage, outcome, amount, forecast; with the gaps that real records have."""
    rng, n = plan.stream("standing", month), len(deals["created_at"])
    place = PLACES - 1 - np.argmax(deals["way"][:, ::-1] >= 0, axis=1)
    rows = np.arange(n)
    stage, since = deals["stage_of_place"][rows, place], deals["way"][rows, place]
    status = np.select([stage == WON, stage == LOST], [IS_WON, IS_LOST], OPEN)
    closed = np.where(status != OPEN, since, EMPTY)
    gap = rng.random((4, n))
    has_reason = (status == IS_LOST) & (gap[0] < 0.88)
    owner = owner_at(deals["owner_id"], np.where(closed >= 0, closed, deals["stop"]))
    undated = (deals["lead"] < 0) & (gap[1] < 0.03)
    return {
        "pipeline": np.zeros(n, int),
        "stage": stage,
        "status": status,
        "closed_at": np.where(gap[2] < 0.003, EMPTY, closed),
        "true_close": closed,
        "created_at": np.where(undated, EMPTY, deals["created_at"]),
        "owner_id": owner,
        "probability": effects.crm_probability(plan)[stage],
        "forecast_category": np.where(gap[3] < 0.97, CATEGORY_OF_STAGE[stage], EMPTY),
        "lost_reason": np.where(has_reason, pick(rng, n, (0.27, 0.2, 0.22, 0.12, 0.1, 0.09)), EMPTY),
        **worth(rng, plan, deals, status),
    }


def worth(rng, plan: Plan, deals: Columns, status: np.ndarray) -> Columns:
    """Currency, list price, discount and amount in hundredths; some amounts are empty or zero.

    Rule: how a deal ends stands already, also that of an open one; the discount is drawn by it, which gives the planted
    odds ratio and leaves the win rates as they were.
    """
    n = len(status)
    currency = np.where(rng.random(n) < 0.88, deals["country"], 0)
    units = UNITS_PER_EURO[currency]
    price = np.rint(LIST_PRICE[deals["product"]] * np.exp(0.45 * rng.standard_normal(n)) * units / 10) * 10
    edges = np.cumsum(effects.discount_weights(plan), axis=1)[(deals["stage_of_place"][:, END] == WON).astype(int)]
    discount = DISCOUNTS[(rng.random(n)[:, None] >= edges).sum(axis=1).clip(0, len(DISCOUNTS) - 1)]
    gap = rng.random(n)
    amount = np.rint(price * 100 * (1 - discount)).astype(np.int64)
    amount = np.select([gap < np.where(status == OPEN, 0.09, 0.015), gap > 0.99], [EMPTY, 0], amount)
    is_listed = rng.random(n) < 0.85
    return {
        "currency": currency,
        "amount": amount,
        "list_price": np.where(is_listed, price * 100, EMPTY).astype(np.int64),
        "discount": np.where(is_listed, discount, EMPTY),
    }


def visits(plan: Plan, month: int, deals: Columns) -> Columns:
    """The rows of `stage_history`: one per place that a deal has come to."""
    rng = plan.stream("visits", month)
    entered, stage = deals["way"], deals["stage_of_place"]
    later = np.where(entered >= 0, entered, np.iinfo(np.int64).max)
    following = np.minimum.accumulate(later[:, ::-1], axis=1)[:, ::-1]
    exited = np.concatenate([following[:, 1:], np.full((len(entered), 1), np.iinfo(np.int64).max)], axis=1)
    row, place = np.nonzero(entered >= 0)
    at, left = entered[row, place], exited[row, place]
    owner = owner_at(deals["owner_then"][row], at)
    return {
        "deal_id": deals["deal_id"][row],
        "stage": stage[row, place],
        "entered_at": at,
        "exited_at": np.where(left < np.iinfo(np.int64).max, left, EMPTY),
        "changed_by": owner,
        "is_bulk": (stage[row, place] == LOST) & (rng.random(len(row)) < 0.03),
        "recorded_at": deals["way_recorded"][row, place],
    }


def recorded_visits(plan: Plan, month: int, deals: Columns) -> np.ndarray:
    """When visits are entered: some days or weeks late, then no later one is entered before them."""
    rng, entered = plan.stream("recording", month), deals["way"]
    n = entered.size
    lag = np.where(rng.random(n) < 0.04, late_lag(rng, n), 0).reshape(entered.shape)
    lag[:, 0] = 0
    recorded = np.where((entered >= 0) & (entered + lag < plan.end), entered + lag, entered)
    recorded[:, 0] = deals["recorded_at"]
    return np.maximum.accumulate(recorded, axis=1)


def quotes(plan: Plan, time: WorkTime, month: int, deals: Columns) -> Columns:
    """The rows of `quotes` but for their id: one or two while a deal stands at Proposal, near what it is worth."""
    rng = plan.stream("quotes", month)
    deals = only(deals, (deals["way"][:, PROPOSAL] >= 0) & (deals["amount"] > 0))
    entered = deals["way"]
    later = np.where(entered[:, NEGOTIATION:] >= 0, entered[:, NEGOTIATION:], deals["stop"][:, None]).min(axis=1)
    work = time.worked(deals["country"], entered[:, PROPOSAL])[:, None]
    work = work + np.cumsum(0.2 + 4 * rng.random((len(work), 2)), axis=1) * WORKING_DAY
    sent = time.instant(deals["country"][:, None], work)
    is_sent = rng.random(sent.shape) < np.array([0.9, 0.3])
    is_sent &= sent < later[:, None]
    deal, place = np.nonzero(is_sent)
    near = np.array([1.05, 1.0])[place] * np.exp(0.05 * rng.standard_normal(len(deal)))
    return {
        "deal_id": deals["deal_id"][deal],
        "sent_at": sent[deal, place],
        "amount": np.rint(deals["amount"][deal] * near / 1000).astype(np.int64) * 1000,
        "currency": deals["currency"][deal],
    }
