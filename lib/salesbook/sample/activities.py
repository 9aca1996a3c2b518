"""Calls, emails, meetings, notes and tasks: those of leads and those of deals."""

import numpy as np

from salesbook.sample import effects
from salesbook.sample.leads import HAS_AUTOMATIC_REPLY, late_lag
from salesbook.sample.noordzee import EVENT, LOST, PARTNER, REFERRAL, owner_at
from salesbook.sample.plan import EMPTY, Columns, Plan, known, only, pick, stack
from salesbook.sample.worktime import WORKING_DAY, WorkTime
from salesbook.tables import ACTIVITIES

CALL, EMAIL, MEETING, NOTE, TASK = range(5)
WE_BEGAN, THEY_BEGAN = range(2)
CONNECTED, NO_ANSWER, VOICEMAIL, REPLIED, BOUNCED, HELD, NO_SHOW, REJECTED = range(8)
UNKNOWN = 8
# Outcomes in the order above, with an unknown one at the end; by type of activity.
MISSED = np.array([[0.14, 0.52, 0.26, 0, 0, 0, 0, 0.05, 0.03], [0, 0, 0, 0.07, 0.06, 0, 0, 0, 0.87]])
OF_DEALS = np.array(
    [
        [0.55, 0.27, 0.13, 0, 0, 0, 0, 0.02, 0.03],
        [0, 0, 0, 0.35, 0.01, 0, 0, 0, 0.64],
        [0, 0, 0, 0, 0, 0.9, 0.1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 1.0],
        [0, 0, 0, 0, 0, 0, 0, 0, 1.0],
    ]
)
DEAL_TYPES = (0.37, 0.37, 0.17, 0.05, 0.04)
MAX_DEAL_TOUCHES = 8
DEAL_TOUCHES = (0.08, 0.14, 0.18, 0.18, 0.16, 0.12, 0.08, 0.06)
# Shortest and longest, in seconds, by outcome of a call.
SHORTEST = np.array([150, 0, 20, 0, 0, 0, 0, 30, 0])
LONGEST = np.array([1500, 30, 60, 1, 1, 1, 1, 180, 1])
NAMES = tuple(column.name for column in ACTIVITIES.columns)


def outcomes(rng, chances: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """An outcome by the chances of each type of activity."""
    edges = np.cumsum(chances, axis=1)[kind]
    drawn = (rng.random(len(kind))[:, None] >= edges).sum(axis=1).clip(0, UNKNOWN)
    return np.where(drawn == UNKNOWN, EMPTY, drawn)


def durations(rng, kind: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """How long calls and meetings took."""
    n, draw = len(kind), rng.random(len(kind))
    call = SHORTEST[outcome] + draw * (LONGEST - SHORTEST)[outcome]
    meeting = 1800 + np.rint(draw * 6) * 900
    spoken = (outcome != EMPTY) & (rng.random(n) < 0.93)
    lasted = np.select([(kind == CALL) & spoken, (kind == MEETING) & (outcome == HELD)], [call, meeting], EMPTY)
    return lasted.astype(np.int64)


def recorded(rng, plan: Plan, kind: np.ndarray, at: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """When activities are entered: mail by itself, the rest by hand, a few days or weeks late; never before the parent.

    What would have been entered after the last month is entered at once: it would not be in the extract.
    """
    n = len(at)
    case = rng.random(n)
    by_hand = np.select(
        [case < 0.70, case < 0.90], [rng.integers(0, 1800, n), rng.integers(3600, 28_800, n)], late_lag(rng, n)
    )
    lag = np.where(kind == EMAIL, np.where(case > 0.98, late_lag(rng, n), 0), by_hand)
    return np.maximum(np.where(at + lag < plan.end, at + lag, at), parent)


def lead_activities(plan: Plan, time: WorkTime, month: int, leads: Columns) -> Columns:
    """The activities of the leads of a month, in order of time. `leads` holds their attempts and fates too."""
    rng = plan.stream("lead activities", month)
    parts = [
        automatic_replies(rng, plan, leads),
        touched_before(rng, time, leads),
        attempt_rows(rng, leads),
        meetings(rng, leads),
    ]
    parts.append(replies(rng, plan, time, leads, parts[2]))
    rows = stack(parts, ("lead", "type", "direction", "occurred_at", "outcome", "reached_decision_maker", "by_system"))
    lead, is_human = rows.pop("lead"), rows.pop("by_system") != 1
    rows |= {
        "lead_id": leads["lead_id"][lead],
        "contact_id": leads["contact_id"][lead],
        "account_id": leads["account_id"][lead],
        "owner_id": np.where(is_human, owner_at(leads["owner_id"][lead], rows["occurred_at"]), EMPTY),
        "duration_seconds": durations(rng, rows["type"], rows["outcome"]),
        "is_automatic": ~is_human,
        "planned_at": np.where(rows["type"] == MEETING, rows["occurred_at"], EMPTY),
        "recorded_at": recorded(rng, plan, rows["type"], rows["occurred_at"], leads["recorded_at"][lead]),
    }
    return only(rows, np.argsort(rows["occurred_at"], kind="stable"))


def automatic_replies(rng, plan: Plan, leads: Columns) -> Columns:
    """The mail that a form sends back within the minute."""
    sent = leads["created_at"] + rng.integers(15, 60, len(leads["created_at"]))
    lead = np.flatnonzero(np.isin(leads["source"], HAS_AUTOMATIC_REPLY) & (sent < plan.end))
    return rows_of(lead, EMAIL, sent[lead], by_system=1)


def touched_before(rng, time: WorkTime, leads: Columns) -> Columns:
    """Calls with people whose lead was only made afterwards."""
    n = len(leads["created_at"])
    is_known = np.isin(leads["source"], (REFERRAL, EVENT, PARTNER)) & leads["is_real"] & (leads["owner_id"] >= 0)
    before = 0.05 + 0.9 * rng.random(n)
    lead = np.flatnonzero(is_known & (rng.random(n) < 0.04))
    work = time.worked(leads["country"], leads["created_at"]) - before * WORKING_DAY
    return rows_of(lead, CALL, time.instant(leads["country"], work)[lead], outcome=CONNECTED, reached=0)


def attempt_rows(rng, leads: Columns) -> Columns:
    """The attempts; the one that reaches a decision maker is a talk or a reply, the others are not."""
    lead, attempt = np.nonzero(leads["tried_at"] >= 0)
    kind = np.where(rng.random(len(lead)) < 0.62, CALL, EMAIL)
    reaches = attempt == leads["reach"][lead]
    outcome = np.where(reaches, np.where(kind == CALL, CONNECTED, REPLIED), outcomes(rng, MISSED, kind))
    is_unknown = (kind == CALL) & (outcome == EMPTY)
    return rows_of(
        lead, kind, leads["tried_at"][lead, attempt], outcome=outcome, reached=np.where(is_unknown, EMPTY, reaches)
    )


def meetings(rng, leads: Columns) -> Columns:
    """First meetings, before the lead is qualified."""
    lead = np.flatnonzero(leads["meeting_at"] >= 0)
    outcome = np.where(rng.random(len(lead)) < 0.88, HELD, NO_SHOW)
    reached = (outcome == HELD) & (leads["reached_at"][lead] >= 0)
    return rows_of(lead, MEETING, leads["meeting_at"][lead], outcome=outcome, reached=reached)


def replies(rng, plan: Plan, time: WorkTime, leads: Columns, tried: Columns) -> Columns:
    """The mails with which people answer ours."""
    answered = only(tried, (tried["type"] == EMAIL) & (tried["outcome"] == REPLIED))
    country, n = leads["country"][answered["lead"]], len(answered["lead"])
    at = time.instant(country, time.worked(country, answered["occurred_at"]) + (0.03 + rng.random(n)) * WORKING_DAY)
    return rows_of(answered["lead"][at < plan.end], EMAIL, at[at < plan.end], direction=THEY_BEGAN)


def rows_of(lead, kind, at, *, outcome=EMPTY, reached=EMPTY, direction=WE_BEGAN, by_system=0) -> Columns:
    """Activities of leads, with what is the same for all of them filled in."""
    columns = {"lead": lead, "type": kind, "direction": direction, "occurred_at": at, "outcome": outcome}
    columns |= {"reached_decision_maker": reached, "by_system": by_system}
    return {name: np.broadcast_to(np.asarray(values, np.int64), len(lead)) for name, values in columns.items()}


def deal_activities(plan: Plan, time: WorkTime, month: int, deals: Columns) -> Columns:
    """The activities of the deals that began in a month, in order of time; next steps are planned, not done."""
    rng, n = plan.stream("deal activities", month), len(deals["deal_id"])
    n_touches = 1 + pick(rng, n, DEAL_TOUCHES)
    moment = np.where(np.arange(MAX_DEAL_TOUCHES) < n_touches[:, None], rng.random((n, MAX_DEAL_TOUCHES)), 2.0)
    late_from = deals["late_from"]
    moment[:, 0] = np.where(late_from <= 1, late_from + (1 - late_from) * moment[:, 0], moment[:, 0])
    work = deals["start_work"][:, None] + moment * deals["span_work"][:, None]
    at = known(time.instant(deals["country"][:, None], work), deals["stop"][:, None])
    deal, touch = np.nonzero((at >= 0) & (moment < 1.0))
    at, kind = at[deal, touch], pick(rng, len(deal), DEAL_TYPES)
    kind = late_types(plan, month, deals, deal, touch, moment[deal, touch], kind)
    outcome = outcomes(rng, OF_DEALS, kind)
    talks = np.isin(outcome, (CONNECTED, HELD)) & (rng.random(len(deal)) < 0.55)
    theirs = (kind <= EMAIL) & (rng.random(len(deal)) < 0.22)
    rows = {
        "deal": deal,
        "type": kind,
        "direction": np.where(theirs, THEY_BEGAN, WE_BEGAN),
        "occurred_at": at,
        "outcome": np.where(theirs, EMPTY, outcome),
        "reached_decision_maker": np.where(theirs | (kind >= NOTE), EMPTY, talks),
        "duration_seconds": durations(rng, kind, outcome),
        "planned_at": np.where(kind == MEETING, at, EMPTY),
        "recorded_at": recorded(rng, plan, kind, at, deals["recorded_at"][deal]),
    }
    rows = stack([rows, next_steps(rng, plan, deals)], rows)
    deal = rows.pop("deal")
    rows |= {name: deals[name][deal] for name in ("deal_id", "contact_id", "account_id")}
    rows["owner_id"] = owner_at(deals["owner_then"][deal], rows["recorded_at"])
    rows["is_automatic"] = np.zeros(len(deal), int)
    return only(rows, np.argsort(np.where(rows["occurred_at"] >= 0, rows["occurred_at"], plan.end), kind="stable"))


def entered_late(plan: Plan, month: int, rows: Columns) -> np.ndarray:
    """When activities are entered, with those of the seller who is days late; what would be after the end is not."""
    rng, n, at = plan.stream("lateness", month), len(rows["type"]), rows["occurred_at"]
    least, most = effects.LATE_DAYS
    entered = at + (86_400 * (least + (most - least) * rng.random(n))).astype(np.int64)
    is_late = (rows["owner_id"] == effects.LATE_SELLER) & (rng.random(n) < effects.LATE_SHARE) & plan.effects
    is_late &= (at >= 0) & (entered < plan.end)
    return np.where(is_late, np.maximum(entered, rows["recorded_at"]), rows["recorded_at"])


def late_types(plan: Plan, month: int, deals: Columns, deal, touch, moment, kind) -> np.ndarray:
    """The types of touches, so that the deals planted as email-only have no talk in the last two open stages.

    Rule: how a deal ends stands already; whether it is email-only is drawn by it. A deal that comes that far has its
    first touch there: a mail, or else a talk.
    """
    rng, n = plan.stream("late contacts", month), len(deals["deal_id"])
    is_lost_late = (deals["late_from"] <= 1) & (deals["stage_of_place"][:, -1] == LOST)
    email_only = (rng.random(n) < effects.email_only_chance(plan, is_lost_late))[deal]
    is_late, is_talk = moment >= deals["late_from"][deal], np.isin(kind, (CALL, MEETING))
    must_be = is_late & (touch == 0)
    to_mail = is_late & email_only & (is_talk | must_be)
    return np.select([to_mail, must_be & ~email_only & ~is_talk], [EMAIL, CALL], kind)


def next_steps(rng, plan: Plan, deals: Columns) -> Columns:
    """Tasks and meetings planned on open deals, after the last month."""
    n = len(deals["deal_id"])
    draw = rng.random((3, n))
    deal = np.flatnonzero((deals["true_close"] < 0) & (deals["stop"] == plan.end) & (draw[0] < 0.25))
    days = 1 + (draw[1][deal] * 21).astype(np.int64)
    noted = plan.end - 1 - (draw[2][deal] * 10 * 86_400).astype(np.int64)
    return {
        "deal": deal,
        "type": np.where(draw[0][deal] < 0.15, TASK, MEETING),
        "direction": np.full(len(deal), WE_BEGAN),
        "planned_at": plan.end + days * 86_400 + 10 * 3600,
        "recorded_at": np.maximum(noted, deals["recorded_at"][deal]),
    }
