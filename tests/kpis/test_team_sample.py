"""The team's KPIs on the sample, each against a plain computation apart from the project's own engine."""

from collections import Counter, defaultdict
from datetime import date

import numpy as np
import pandas as pd
import pytest

from plain import AS_OF, Plain, local, within
from salesbook.kpis import team

YEAR = date(2025, 11, 1)


@pytest.fixture(scope="module")
def plain(project) -> Plain:
    return Plain(project / "data" / "sample")


@pytest.fixture(scope="module")
def made(plain) -> pd.DataFrame:
    """What people did over twelve months, with its local day."""
    rows = plain.read("activities")
    rows = rows[(rows["is_automatic"] != "true") & rows["occurred_at"].notna()]
    rows = rows.assign(day=[local(at).date() for at in rows["occurred_at"]])
    return rows[within(rows["day"], YEAR)]


@pytest.fixture(scope="module")
def attempts(made) -> pd.DataFrame:
    return made[(made["direction"] == "outbound") & made["type"].isin(["call", "email", "meeting"])]


def value(kpi, book, **asked) -> float:
    return kpi(book, **asked)["value"].iloc[0]


def test_what_was_done(sample_book, attempts):
    found = team.activities_done(sample_book, by="type", last=12).set_index("type")["value"].to_dict()
    assert found == Counter(attempts["type"])
    assert value(team.call_share, sample_book, last=12) == found["call"] / (found["call"] + found["email"])
    assert value(team.meeting_share, sample_book, last=12) == found["meeting"] / len(attempts)
    assert value(team.calls_made, sample_book, last=12) == found["call"]
    assert value(team.emails_sent, sample_book, last=12) == found["email"]
    held = attempts[(attempts["type"] == "meeting") & (attempts["outcome"] != "no_show")]
    assert value(team.meetings_held, sample_book, last=12) == len(held)


def test_what_came_of_it(sample_book, attempts, plain):
    talks = (attempts["reached_decision_maker"] == "true").sum()
    assert value(team.contact_effectiveness, sample_book, last=12) == talks / len(attempts)
    first = plain.leads[["qualified_at", "converted_at"]].bfill(axis=1)["qualified_at"].dropna()
    leads = within(pd.Series([local(at).date() for at in first]), YEAR).sum()
    assert value(team.lead_effectiveness, sample_book, last=12) == leads / len(attempts)


def test_hours_and_time_with_customers(sample_book, attempts, made, plain):
    hours = plain.read("working_hours")
    hours = hours[within(pd.to_datetime(hours["worked_on"]).dt.date, YEAR)]
    worked = {(row.owner_id, date.fromisoformat(row.worked_on)): float(row.hours) for row in hours.itertuples()}
    worked = {key: length for key, length in worked.items() if length > 0}
    total = sum(worked.values())
    done = sum((row.owner_id, row.day) in worked for row in attempts.itertuples())
    assert value(team.attempts_per_hour, sample_book, last=12) == pytest.approx(done / total)
    spoken = made[
        ((made["type"] == "call") & ~made["outcome"].isin(["no_answer", "voicemail"]))
        | ((made["type"] == "meeting") & (made["outcome"] != "no_show"))
    ]
    seconds = sum(int(row.duration_seconds or 0) for row in spoken.itertuples() if (row.owner_id, row.day) in worked)
    assert value(team.selling_time, sample_book, last=12) == pytest.approx(seconds / 3600 / total)
    assert value(team.unknown_durations, sample_book, last=12) == (spoken["duration_seconds"] == "").mean()


def test_call_reluctance_by_a_loop(sample_book, attempts):
    calls = attempts[(attempts["type"] == "call") & (attempts["owner_id"] != "")]
    days = defaultdict(list)
    for row in calls.sort_values(["occurred_at", "activity_id"], kind="stable").itertuples():
        days[row.owner_id, row.day].append((row.occurred_at, row.outcome == "rejected"))
    spans, many = defaultdict(list), Counter(calls["owner_id"])
    for (owner, _), entries in days.items():
        streak, before = 0, None
        for at, is_rejected in entries:
            gap = None if before is None else (at - before).total_seconds()
            if gap is not None and gap <= 7200:
                spans[owner, min(streak, 3)].append(gap)
            else:
                streak = 0
            streak, before = (streak + 1 if is_rejected else 0), at
    for streak, found in team.call_reluctance(sample_book, last=12).set_index("streak").iterrows():
        done = expected = 0.0
        for owner, count in many.items():
            usual = spans[owner, 0]
            if count >= 30 and usual:
                done += len(spans[owner, streak])
                expected += sum(spans[owner, streak]) * len(usual) / sum(usual)
        assert found["n"] == done
        assert found["value"] == pytest.approx(done / expected)


def test_reports_against_the_crm(sample_book, attempts, plain):
    logged = Counter((row.owner_id, row.day, f"{row.type}s") for row in attempts.itertuples())
    reports = plain.read("self_reports")
    rows = [
        (row.owner_id, date.fromisoformat(row.reported_on), row.kpi, float(row.value)) for row in reports.itertuples()
    ]
    said = sum(value for *_, value in rows)
    held = sum(logged[owner, day, what] for owner, day, what, _ in rows)
    assert value(team.self_report_ratio, sample_book, last=12) == pytest.approx(said / held)
    assert value(team.self_report_gap, sample_book, last=12) == said - held


def test_days_until_entered(sample_book, made):
    rows = made[made["type"].isin(["call", "meeting"]) & made["recorded_at"].notna()]
    days = (rows["recorded_at"] - rows["occurred_at"]).dt.total_seconds().clip(lower=0) / 86_400
    assert value(team.entry_delay, sample_book, last=12) == pytest.approx(days.median())


def test_features_and_material(sample_book, plain):
    used = plain.read("crm_usage")
    assert (
        value(team.used_features, sample_book, last=12) == used.loc[used["events"].astype(int) > 0, "feature"].nunique()
    )
    uses = plain.read("collateral_usage")
    uses = uses[within(pd.Series([local(at).date() for at in uses["used_at"]]), YEAR)]
    assert value(team.collateral_uses, sample_book, last=12) == len(uses)


def test_enps_and_pulse(sample_book, plain):
    rows = plain.read("surveys")
    rows = rows[
        (rows["answered_at"] < AS_OF) & within(pd.Series([local(at).date() for at in rows["answered_at"]]), YEAR)
    ]
    scores = rows["score"].astype(float)
    asked = rows["question"].str.contains("recommend")
    points = 100 * ((scores[asked] >= 9).mean() - (scores[asked] <= 6).mean())
    assert value(team.enps, sample_book, last=12) == pytest.approx(points)
    low, high = rows["scale_min"].astype(float), rows["scale_max"].astype(float)
    place = ((scores - low) / (high - low))[~asked]
    assert value(team.pulse, sample_book, last=12) == pytest.approx(place.mean())


def test_qualification(sample_book, plain):
    leads = plain.leads
    qualified = leads[leads["qualified_at"].notna() | leads["converted_at"].notna()]
    first = qualified["qualified_at"].fillna(qualified["converted_at"])
    kept = qualified[within(pd.Series([local(at).date() for at in first]), YEAR)]
    share = np.mean([(kept[name] == "true").mean() for name in ("budget", "authority", "need", "timing")])
    assert value(team.qualification_filled, sample_book, last=12) == pytest.approx(share)
