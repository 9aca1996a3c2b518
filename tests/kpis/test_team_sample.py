"""What the team does, on the sample at two months: each KPI against plain loops over the raw rows."""

import math
from collections import Counter, defaultdict
from datetime import date, timedelta

import holidays
import pandas as pd
import pytest
from scipy import stats

from by_hand import clustered, counted, differing, median, per_counted, poisson, rate, share
from plain import days_of
from salesbook.kpis import team

TYPES = ("call", "email", "meeting")


def by_team(seen, rows) -> dict:
    """Rows by the team of their seller; None where nobody's."""
    return {name or None: part for name, part in rows.groupby([seen.team(owner) for owner in rows["owner_id"]])}


def talks_of(rows) -> list[tuple[str, bool]]:
    """Attempts by prospect, with whether they led to a talk with a decision maker."""
    return list(zip(rows["prospect"], rows["reached_decision_maker"] == "true", strict=True))


def test_what_was_done(seen):
    attempts = seen.attempts
    for by in ("type", "owner_id", "source"):
        assert differing(team.activities_done(seen.book, by=by, last=12), counted(attempts[by]), by) == {}
    held = attempts[(attempts["type"] == "meeting") & (attempts["outcome"] != "no_show")]
    parts = {team.calls_made: attempts[attempts["type"] == "call"], team.meetings_held: held}
    for kpi, rows in (parts | {team.emails_sent: attempts[attempts["type"] == "email"]}).items():
        assert differing(kpi(seen.book, by="owner_id", last=12), counted(rows["owner_id"]), "owner_id") == {}


def test_what_is_planned(seen):
    planned = seen.human[seen.human["occurred_at"].isna()]
    late = planned[planned["planned_at"] < seen.plain.as_of]
    for kpi, rows in {team.planned_activities: planned, team.overdue_activities: late}.items():
        assert differing(kpi(seen.book, by="owner_id"), counted(rows["owner_id"]), "owner_id") == {}
    ours = seen.human[(seen.human["type"] == "meeting") & (seen.human["direction"] == "outbound")]
    ours = ours[seen.inside(days_of(ours["planned_at"].fillna(ours["occurred_at"])))]
    assert (
        differing(team.meetings_booked(seen.book, by="owner_id", last=12), counted(ours["owner_id"]), "owner_id") == {}
    )


def test_talks_and_the_balance_of_channels(seen):
    attempts = by_team(seen, seen.attempts)
    expected = {name: clustered(talks_of(rows)) for name, rows in attempts.items()}
    assert differing(team.contact_effectiveness(seen.book, by="owner.team", last=12), expected, "owner.team") == {}
    meetings = {
        name: clustered(zip(rows["prospect"], rows["type"] == "meeting", strict=True))
        for name, rows in attempts.items()
    }
    assert differing(team.meeting_share(seen.book, by="owner.team", last=12), meetings, "owner.team") == {}
    rows = seen.attempts[seen.attempts["type"] != "meeting"]
    expected = clustered(zip(rows["prospect"], rows["type"] == "call", strict=True))
    assert differing(team.call_share(seen.book, last=12), {(): expected}) == {}


def first_qualified(seen, months: int = 12) -> pd.DataFrame:
    """Leads by the day they were first qualified, in the last so many months."""
    leads = seen.plain.leads
    leads = leads.assign(day=days_of(leads["qualified_at"].fillna(leads["converted_at"])))
    return leads[seen.inside(leads["day"], months)]


def test_leads_by_attempt_and_what_they_cost(seen):
    leads, attempts = Counter(first_qualified(seen)["owner_id"]), Counter(seen.attempts["owner_id"])
    expected = {}
    for owner in leads.keys() | attempts.keys():
        k, n = leads[owner], attempts[owner]
        low, high = poisson(k)
        ends = {"low": low / n, "high": high / n} if n else {"low": math.nan, "high": math.nan}
        value = k / n if n else math.nan
        expected[owner or None] = {"numerator": k, "denominator": n, "value": value, **ends}
    assert differing(team.lead_effectiveness(seen.book, by="owner_id", last=12), expected, "owner_id") == {}

    costs = seen.dated("costs", "period")
    costs = costs[(costs["type"] == "salary") & (costs["owner_id"] != "")]
    paid = defaultdict(float)
    for row in costs.itertuples():
        paid[row.owner_id] += float(seen.euros(row.amount, row.currency, row.day))
    owners = paid.keys() | leads.keys() - {""}
    expected = {owner: per_counted(paid[owner], leads[owner]) for owner in owners}
    assert differing(team.cost_per_result(seen.book, by="owner_id", last=12), expected, "owner_id") == {}


def test_hours_and_what_is_done_in_them(seen):
    hours = seen.dated("working_hours", "worked_on")
    seconds = {(row.owner_id, row.day): float(row.hours) * 3600 for row in hours.itertuples() if float(row.hours) > 0}
    made = seen.made
    facing = made[
        ((made["type"] == "call") & ~made["outcome"].isin(["no_answer", "voicemail"]))
        | ((made["type"] == "meeting") & (made["outcome"] != "no_show"))
    ]
    unknown = {name: share(rows["duration_seconds"] == "") for name, rows in by_team(seen, facing).items()}
    assert differing(team.unknown_durations(seen.book, by="owner.team", last=12), unknown, "owner.team") == {}

    done, talks, spent = Counter(), Counter(), Counter()
    for row in seen.attempts.itertuples():
        done[row.owner_id, row.day] += 1
        talks[row.owner_id, row.day] += row.reached_decision_maker == "true"
    for row in facing.itertuples():
        spent[row.owner_id, row.day] += int(row.duration_seconds or 0)
    days = defaultdict(list)
    for owner, day in seconds:
        days[owner].append((owner, day))
    for kpi, counts, unit in (
        (team.attempts_per_hour, done, 1),
        (team.results_per_hour, talks, 1),
        (team.selling_time, spent, 3600),
    ):
        expected = {
            owner: rate([(counts[key], seconds[key]) for key in keys], unit, 3600) for owner, keys in days.items()
        }
        assert differing(kpi(seen.book, by="owner_id", last=12), expected, "owner_id") == {}
        whole = rate([(counts[key], length) for key, length in seconds.items()], unit, 3600)
        assert differing(kpi(seen.book, last=12), {(): whole}) == {}


# Calls within a shift, and what a no does to the next


@pytest.fixture(scope="module")
def gaps(seen) -> list[tuple]:
    """Every outbound call of a seller over twelve months: seller, shift, streak, seconds to the next, its length."""
    calls = seen.attempts[(seen.attempts["type"] == "call") & (seen.attempts["owner_id"] != "")]
    calls = calls.sort_values(["occurred_at", "activity_id"], kind="stable")
    shifts, before = defaultdict(list), {}
    for row in calls.itertuples():
        key = row.owner_id, row.day
        at, shift = before.get(key, (None, 0))
        if at is None or (row.occurred_at - at).total_seconds() > 7200:
            shift += 1
        before[key] = row.occurred_at, shift
        shifts[row.owner_id, row.day, shift].append(row)
    found = []
    for key, rows in shifts.items():
        streak = 0
        for row, after in zip(rows, [*rows[1:], None], strict=True):
            streak = streak + 1 if row.outcome == "rejected" else 0
            gap = None if after is None else (after.occurred_at - row.occurred_at).total_seconds()
            found.append((key[0], key, streak, gap, int(row.duration_seconds or 0)))
    return found


def test_the_pace_of_calls(seen, gaps):
    streaks = defaultdict(list)
    for _, _, streak, gap, _ in gaps:
        if gap is not None:
            streaks[streak].append((1, gap))
    expected = {streak: rate(pairs, per=3600) for streak, pairs in streaks.items()}
    assert differing(team.call_pace(seen.book, by="streak", last=12), expected, "streak") == {}


def against_own(calls: list[tuple], streak: int) -> dict[str, float]:
    """Calls after so many rejections ÷ those expected at each seller's own pace; the interval leaves out each shift.

    Parameters: `calls`, tuples of seller, shift, streak (3 is three or more), calls that followed, and hours.
    """
    shifts = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0, 0])
    for owner, shift, length, n, hours in calls:
        if length == streak:
            shifts[owner, shift][0] += n
            shifts[owner, shift][1] += hours
            shifts[owner, shift][4] += 1
        elif length == 0:
            shifts[owner, shift][2] += n
            shifts[owner, shift][3] += hours
    whole = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    for (owner, _), sums in shifts.items():
        whole[owner] = [one + other for one, other in zip(whole[owner], sums[:4], strict=True)]
    known = {owner for owner, (_, _, usual, hours) in whole.items() if usual > 0 and hours > 0}
    shifts = {key: sums for key, sums in shifts.items() if key[0] in known}

    def paced(out: tuple | None = None) -> float:
        seen_calls = expected = 0.0
        for owner in known:
            less = shifts[out] if out and out[0] == owner else (0.0, 0.0, 0.0, 0.0)
            made, hours, usual, usual_hours = (a - b for a, b in zip(whole[owner], less, strict=False))
            seen_calls += made
            expected += hours * usual / usual_hours
        return seen_calls / expected

    value, after = paced(), [sums for sums in shifts.values() if sums[4]]
    logs = [math.log(paced(key)) for key in shifts]
    centre, n = sum(logs) / len(logs), len(logs)
    error = math.sqrt((n - 1) / n * sum((one - centre) ** 2 for one in logs))
    width = math.exp(stats.t.isf(0.025, len(after) - 1) * error)
    p = 2 * stats.t.sf(abs(math.log(value)) / error, len(after) - 1)
    figures = {"n": sum(sums[4] for sums in after), "shifts": len(after), "value": value, "p": p}
    return figures | {"low": value / width, "high": value * width}


def test_call_reluctance_by_a_loop(seen, gaps):
    many = Counter(owner for owner, *_ in gaps)
    calls = [(*call[:2], min(call[2], 3), *call[3:]) for call in gaps if many[call[0]] >= 30]
    followed = [(owner, shift, streak, 1, gap / 3600) for owner, shift, streak, gap, _ in calls if gap is not None]
    waited = [
        (owner, shift, streak, gap is not None, (7200 if gap is None else max(gap - length, 0)) / 3600)
        for owner, shift, streak, gap, length in calls
    ]
    for kpi, rows in ((team.call_reluctance, followed), (team.next_call_pace, waited)):
        expected = {streak: against_own(rows, streak) for streak in (1, 2, 3)}
        assert differing(kpi(seen.book, last=12), expected, "streak") == {}


# What is reported, entered and used


def test_reports_against_the_crm(seen):
    logged = Counter((row.owner_id, row.day, f"{row.type}s") for row in seen.attempts.itertuples())
    reports = seen.dated("self_reports", "reported_on")
    rows = [(row.owner_id, row.day, row.kpi, float(row.value)) for row in reports.itertuples()]
    gap, pairs = Counter(), defaultdict(list)
    for owner, day, what, value in rows:
        gap[what] += value - logged[owner, day, what]
        pairs[owner].append((value, logged[owner, day, what]))
    expected = {what: {"n": n, "value": gap[what]} for what, n in Counter(reports["kpi"]).items()}
    assert differing(team.self_report_gap(seen.book, by="what", last=12), expected, "what") == {}
    expected = {owner: rate(p) for owner, p in pairs.items()}
    assert differing(team.self_report_ratio(seen.book, by="owner_id", last=12), expected, "owner_id") == {}
    others = [row for row in rows if row[2] not in ("calls", "emails", "meetings", "opportunities", "quotes", "deals")]
    assert (
        differing(team.incomparable_reports(seen.book, last=12), {(): {"n": len(others), "value": len(others)}}) == {}
    )


def test_days_until_entered(seen):
    rows = seen.made[seen.made["type"].isin(["call", "meeting"]) & seen.made["recorded_at"].notna()]
    days = (rows["recorded_at"] - rows["occurred_at"]).dt.total_seconds().clip(lower=0) / 86_400
    for by, groups in (((), [()] * len(rows)), ("owner_id", rows["owner_id"])):
        expected = {key or (None if by else ()): median(part) for key, part in grouped(groups, days).items()}
        assert differing(team.entry_delay(seen.book, by=by, last=12), expected, by) == {}


def grouped(keys, values) -> dict:
    """Values by key."""
    found = defaultdict(list)
    for key, value in zip(keys, values, strict=True):
        found[key].append(value)
    return found


COUNTRIES = {"nl": "NL", "dk": "DK", "uk": "GB"}


def test_days_on_which_the_crm_was_used(seen):
    used = seen.plain.read("crm_usage")
    used = used.assign(day=[date.fromisoformat(day) for day in used["used_on"]])
    used = used[used["day"] <= seen.last]
    active = {(row.owner_id, row.day) for row in used.itertuples() if int(row.events) > 0}
    days = [used["day"].min() + timedelta(days=n) for n in range((seen.last - used["day"].min()).days + 1)]
    expected = {}
    for owner in set(used["owner_id"]):
        rep = seen.reps.loc[owner]
        free = holidays.country_holidays(COUNTRIES[rep["calendar"]], years=range(2026, 2027))
        mine = [
            day
            for day in days
            if day.weekday() < 5 and day not in free
            and rep["started_on"] <= day <= (rep["ended_on"] or date.max)
        ]  # fmt: skip
        expected[owner] = share((owner, day) in active for day in mine)
    assert differing(team.active_day_rate(seen.book, by="owner_id", last=12), expected, "owner_id") == {}
    features = used[(used["events"].astype(int) > 0) & seen.inside(used["day"])].groupby("owner_id")["feature"]
    expected = {owner: {"n": n, "value": n} for owner, n in features.nunique().items()}
    assert differing(team.used_features(seen.book, by="owner_id", last=12), expected, "owner_id") == {}
