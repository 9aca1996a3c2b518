"""Leads: when and where they come in, who gets them, how they are followed up and what becomes of them."""

import numpy as np

from salesbook.sample import effects
from salesbook.sample.market import Market, meet
from salesbook.sample.noordzee import (
    CAMPAIGN,
    CHANNEL_WEIGHTS,
    COUNTRY_OF,
    EVENT,
    OUTBOUND,
    REFERRAL,
    TERRITORY_WEIGHTS,
    WEBSITE,
    sellers,
)
from salesbook.sample.plan import EMPTY, Columns, Plan, day_number, first_day, known, last_day, pick, same_as_next
from salesbook.sample.worktime import WORKING_DAY, WorkTime

MAX_ATTEMPTS = 8
REACHED_AT = (0.38, 0.24, 0.15, 0.09, 0.06, 0.04, 0.02, 0.02)
GIVEN_UP_AFTER = (0.20, 0.21, 0.19, 0.14, 0.10, 0.07, 0.05, 0.04)
QUALIFIED_OF_REACHED = 0.72
CONVERTED_OF_QUALIFIED = 0.82
# Inbound leads by local hour.
HOURS = (1, 1, 0.5, 0.5, 0.5, 1, 2, 4, 7, 10, 11, 11, 8, 9, 10, 10, 8, 6, 4, 4, 5, 5, 4, 2)
NEW, WORKING, QUALIFIED, DISQUALIFIED, CONVERTED = range(5)
FOURTEEN_DAYS = 14 * 86_400
# Gaps between attempts: within a day, after one, two, or four days; by the clock, as far as people work then.
GAP_WEIGHTS = (0.45, 0.10, 0.35, 0.10)
SHORTEST_GAP = np.array([1800, 86_400, 2 * 86_400, 4 * 86_400])
LONGEST_GAP = np.array([86_400, 2 * 86_400, 4 * 86_400, 7 * 86_400])
GAPS_OFFERED = 8


def arrivals(plan: Plan, time: WorkTime, market: Market, month: int) -> tuple[Columns, Columns, Columns]:
    """The leads of a month as they come in, and the accounts and contacts that are new with them."""
    rng, n = plan.stream("leads", month), plan.n_leads[month]
    territory, source = pick(rng, n, TERRITORY_WEIGHTS), pick(rng, n, CHANNEL_WEIGHTS)
    created = arrival_times(rng, plan, time, month, COUNTRY_OF[territory], source)
    order = np.argsort(created, kind="stable")
    territory, source, created = territory[order], source[order], created[order]
    who, accounts, contacts = meet(plan.stream("enquirers", month), market, territory, created, again=0.22, nobody=0.07)
    month_day = day_number(first_day(month))
    leads = who | {
        "created_at": created,
        "territory": territory,
        "country": COUNTRY_OF[territory],
        "source": source,
        "product": pick(rng, n, effects.product_mix(plan, month)),
        "is_inbound": source != OUTBOUND,
        "owner_id": np.where(rng.random(n) < 0.97, sellers(territory, month_day, rng.random(n)), EMPTY),
        "score": 35 + 12 * rng.standard_normal(n),
    }
    leads["recorded_at"] = recorded_leads(rng, plan, leads)
    return mark_records(rng, plan, time, leads), accounts, contacts


def arrival_times(rng, plan: Plan, time: WorkTime, month: int, country, source) -> np.ndarray:
    """When leads come in: at any hour, in a burst at an event, or when a seller enters them."""
    n, days = len(country), np.arange(day_number(first_day(month)), day_number(last_day(month)) + 1)
    usual = np.where(time.is_free[:, days - time.first], 0.3, 1.0).cumsum(axis=1)
    usual = usual / usual[:, -1:]
    day = days[0] + (rng.random(n)[:, None] >= usual[country]).sum(axis=1)
    any_hour = time.at(country, day, pick(rng, n, HOURS) * 3600 + rng.integers(0, 3600, n))
    first = time.next_open[country, days[0] - time.first]
    n_open = time.next_open[country, days[-1] + 1 - time.first] - first
    in_hours = time.instant(country, (first + rng.random(n) * n_open) * WORKING_DAY)
    event_day = first + (n_open * rng.random()).astype(int)
    at_event = time.instant(country, (event_day + 0.1 + 0.85 * rng.random(n)) * WORKING_DAY)
    when = np.select([source == OUTBOUND, (source == EVENT) & plan.effects], [in_hours, at_event], any_hour)
    place = month - plan.simulated.start
    return np.clip(when, plan.month_starts[place], plan.month_starts[place + 1] - 1)


def recorded_leads(rng, plan: Plan, leads: Columns) -> np.ndarray:
    """When leads are entered: event cards the same evening, a few others days or weeks later."""
    n = len(leads["created_at"])
    is_late = np.isin(leads["source"], (REFERRAL, OUTBOUND)) & (rng.random(n) < 0.06)
    lag = np.select([leads["source"] == EVENT, is_late], [rng.integers(600, 30_000, n), late_lag(rng, n)], 0)
    recorded = leads["created_at"] + lag
    return np.where(recorded < plan.end, recorded, leads["created_at"])


def late_lag(rng, n: int) -> np.ndarray:
    """Seconds by which a late entry is late: one to twenty-five days."""
    return (86_400 * (1 + 24 * rng.random(n) ** 3)).astype(np.int64)


def mark_records(rng, plan: Plan, time: WorkTime, leads: Columns) -> Columns:
    """Mark test records, deleted ones, and duplicates of the lead before them that were merged into it."""
    n = len(leads["created_at"])
    case = rng.random(n)
    start = time.worked(leads["country"], leads["created_at"])
    later = time.instant(leads["country"], start + (0.2 + 12 * rng.random(n)) * WORKING_DAY)
    is_merged = (case < 0.013) & (np.arange(n) > 0) & (later < plan.end)
    is_merged[1:] &= ~(case[:-1] < 0.013)
    is_deleted = (case > 0.993) & (later < plan.end)
    for name in ("account_id", "contact_id", "territory", "country", "source", "product", "is_inbound", "owner_id"):
        leads[name] = np.where(is_merged, np.roll(leads[name], 1), leads[name])
    leads["twin"] = np.where(is_merged, np.arange(n) - 1, EMPTY)
    leads["merged_at"] = np.where(is_merged, later, EMPTY)
    leads["deleted_at"] = np.where(is_deleted, later, EMPTY)
    leads["is_test"] = (case > 0.5) & (case < 0.503)
    leads["is_real"] = ~(is_merged | is_deleted | leads["is_test"])
    return leads


def attempts(plan: Plan, time: WorkTime, month: int, leads: Columns) -> Columns:
    """How leads are assigned and tried, as columns by lead; those of attempts have a second axis.

    Returns: assigned_at; n_attempts planned; reach, the attempt that reaches a decision maker or empty; tried_work, the
    working time of each attempt; tried_at, its instant, empty where it is not made or lies after the last month.
    """
    rng, n, country = plan.stream("attempts", month), len(leads["created_at"]), leads["country"]
    assigned = assignment(rng, time, leads)
    quick = rng.random(n) < np.where(leads["is_inbound"], 0.5, 0.1)
    reaction = np.where(quick, -900 * np.log1p(-rng.random(n)), np.exp(9.9 + 1.1 * rng.standard_normal(n)))
    first = time.worked(country, assigned) + np.minimum(reaction, 8 * WORKING_DAY)
    is_tried = leads["is_real"] & (leads["owner_id"] >= 0) & (rng.random(n) < 0.92)
    is_fast = leads["is_inbound"] & (time.instant(country, first) - leads["created_at"] <= 3600)
    is_reached = is_tried & (rng.random(n) < effects.reach_chance(plan, is_fast))
    reach = np.where(is_reached, pick(rng, n, REACHED_AT), EMPTY)
    n_attempts = np.where(is_reached, reach, pick(rng, n, GIVEN_UP_AFTER)) + 1
    tried_work = np.tile(first[:, None], MAX_ATTEMPTS)
    for attempt in range(1, MAX_ATTEMPTS):
        tried_work[:, attempt] = next_attempt(rng, time, country, time.instant(country, tried_work[:, attempt - 1]))
    tried_at = known(time.instant(country[:, None], tried_work), plan.end)
    tried_at[(np.arange(MAX_ATTEMPTS) >= n_attempts[:, None]) | ~is_tried[:, None]] = EMPTY
    last = (np.arange(n), n_attempts - 1)
    is_late = is_tried & ~is_reached & (tried_at[last] > tried_at[:, 0] + FOURTEEN_DAYS) & (rng.random(n) < 0.15)
    reach = np.where(is_late, n_attempts - 1, reach)
    space_the_last(rng, plan, time, country, reach, tried_work, tried_at)
    has_owner = leads["owner_id"] >= 0
    return {
        "assigned_at": np.where(has_owner, known(assigned, plan.end), EMPTY),
        "n_attempts": n_attempts,
        "reach": reach,
        "tried_work": tried_work,
        "tried_at": tried_at,
    }


def next_attempt(rng, time: WorkTime, country: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The working time of an attempt after one at an instant.

    Rule: the length of the gap is drawn first, the same on all weekdays, then a time that fits it.
    """
    kind = pick(rng, before.size, GAP_WEIGHTS).reshape(before.shape)
    low, high = (time.worked(country, before + gap[kind]) for gap in (SHORTEST_GAP, LONGEST_GAP))
    return low + rng.random(before.shape) * (high - low)


def space_the_last(rng, plan: Plan, time: WorkTime, country, reach, tried_work, tried_at) -> None:
    """Draw the gap before the attempt that reaches somebody anew, each kept by the odds of its length.

    Rule: who is reached, and at which attempt, stands already; drawing the gap by it gives the planted odds ratio, and
    leaves every other chance as it was.
    """
    lead = np.flatnonzero(reach >= 1)
    last, n = reach[lead], len(lead)
    where = country[lead][:, None]
    before = np.tile(time.instant(where, tried_work[lead, last - 1][:, None]), GAPS_OFFERED)
    work = next_attempt(rng, time, where, before)
    at = time.instant(where, work)
    is_kept = rng.random((n, GAPS_OFFERED)) < effects.gap_weight(plan, at - before)
    is_kept[:, -1] = True
    chosen = (np.arange(n), is_kept.argmax(axis=1))
    was_made = tried_at[lead, last - 1] >= 0
    tried_work[lead, last] = work[chosen]
    tried_at[lead, last] = np.where(was_made, known(at[chosen], plan.end), EMPTY)


def assignment(rng, time: WorkTime, leads: Columns) -> np.ndarray:
    """When a seller gets the lead: by a rule within minutes, by hand within hours, or at once when it is their own."""
    n = len(leads["created_at"])
    start = time.worked(leads["country"], leads["created_at"])
    by_hand = time.instant(leads["country"], start + np.exp(8.2 + 1.0 * rng.standard_normal(n)))
    by_rule = leads["created_at"] + rng.integers(20, 240, n)
    inbound = np.where(rng.random(n) < 0.65, by_rule, by_hand)
    return np.where(leads["is_inbound"], inbound, leads["created_at"])


def fates(plan: Plan, time: WorkTime, month: int, leads: Columns, tried: Columns) -> Columns:
    """What becomes of leads: reached_at, qualified_at, converted_at, disqualified_at, status, BANT fields, score."""
    rng, n, country = plan.stream("fates", month), len(leads["created_at"]), leads["country"]
    place = (np.arange(n), np.maximum(tried["reach"], 0))
    reached_at = np.where(tried["reach"] >= 0, tried["tried_at"][place], EMPTY)
    last_work = tried["tried_work"][np.arange(n), tried["n_attempts"] - 1]
    was_tried = tried["tried_at"][:, 0] >= 0

    def after(work, days, happens) -> tuple[np.ndarray, np.ndarray]:
        work = work + days * WORKING_DAY
        return work, np.where(happens, known(time.instant(country, work), plan.end), EMPTY)

    chance = np.where(reached_at >= 0, QUALIFIED_OF_REACHED, np.where(was_tried, 0.03, 0.0))
    qualified_work, qualified = after(last_work, 0.05 + 5 * rng.random(n), rng.random(n) < chance)
    converts = (qualified >= 0) & (rng.random(n) < CONVERTED_OF_QUALIFIED)
    _, converted = after(qualified_work, 0.1 + 12 * rng.random(n), converts)
    stops = rng.random(n) < np.where(qualified >= 0, 0.5 * ~converts, np.where(was_tried, 0.8, 0.35 * leads["is_real"]))
    _, disqualified = after(np.where(qualified >= 0, qualified_work, last_work), 1 + 20 * rng.random(n), stops)
    meeting_work = last_work + 0.9 * (qualified_work - last_work)
    meets = (qualified >= 0) & (rng.random(n) < 0.55)
    happened = [converted >= 0, disqualified >= 0, qualified >= 0, was_tried]
    bant = np.where(qualified >= 0, 0.85, np.where(reached_at >= 0, 0.4, 0.08))
    answers = np.where(rng.random((4, n)) < bant, rng.random((4, n)) < np.where(qualified >= 0, 0.85, 0.4), EMPTY)
    return {
        "reached_at": reached_at,
        "meeting_at": np.where(meets, time.instant(country, meeting_work), EMPTY),
        "qualified_at": qualified,
        "converted_at": converted,
        "disqualified_at": disqualified,
        "status": np.select(happened, [CONVERTED, DISQUALIFIED, QUALIFIED, WORKING], NEW),
        "score": np.rint(leads["score"] + 10 * plan.effects * (qualified >= 0)).clip(0, 100),
        **dict(zip(("budget", "authority", "need", "timing"), answers, strict=True)),
    }


def status_visits(leads: Columns) -> Columns:
    """The rows of `lead_status_history`: new from the start, working from the first attempt, then what it became."""
    entered = np.stack(
        [leads["created_at"], leads["tried_at"][:, 0], leads["qualified_at"], leads["disqualified_at"],
         leads["converted_at"]], axis=1,
    )  # fmt: skip
    row, status = np.nonzero(entered >= 0)
    at = entered[row, status]
    return {
        "lead_id": leads["lead_id"][row],
        "status": status,
        "entered_at": at,
        "exited_at": np.where(same_as_next(row), np.roll(at, -1), EMPTY),
    }


HAS_AUTOMATIC_REPLY = (WEBSITE, CAMPAIGN)
