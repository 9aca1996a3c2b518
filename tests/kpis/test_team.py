"""The team: worked by hand on tiny companies."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from salesbook.errors import WrongUsage
from salesbook.kpis import team
from worked import SETTINGS
from worked import book_of as built

REPS = """
owner_id,display_name,team,territory_id,capacity_fte,started_on,ended_on,leave_starts_on,leave_ends_on
S1,Ann,North,N,1,2020-01-01,,,
S2,Bo,North,N,0.5,2020-01-01,,,
S3,Cas,South,S,1,2020-01-01,,2026-09-01,
S4,Dee,South,S,1,2020-01-01,2026-06-30,,
"""
ACTIVITY = (
    "activity_id,type,direction,occurred_at,owner_id,lead_id,deal_id,outcome,reached_decision_maker,duration_seconds"
)
ACTIVITY += ",is_automatic,planned_at,recorded_at"
DEAL = (
    "deal_id,owner_id,pipeline,stage,product,type,amount,currency,created_at,closed_at,status,contact_id,expected_close"
)
NAMES = SETTINGS.replace("[report]", "[report]\nnames_of_sellers = true")


def book_of(folder, **tables):
    """A book of tables, with a deal that nothing here counts: a source must have deals."""
    return built(folder, **({"deals": OLD} | tables))


OLD = """
deal_id,pipeline,stage,type,currency,created_at,closed_at,status
OLD,Sales,Lost,renewal,EUR,2024-01-01T09:00:00Z,2024-02-01T09:00:00Z,lost
"""


def lines(head: str, rows: list[dict]) -> str:
    """A table as CSV text: what a row does not name is empty."""
    columns = head.split(",")
    return "\n".join([head, *(",".join(str(row.get(name, "")) for name in columns) for row in rows)])


def calls(owner: str, day: str, minutes: list[int], outcomes: str, start: int = 0, **more) -> list[dict]:
    """Calls of a seller on a day, at minutes after nine in Amsterdam; outcomes as letters: c, n (no answer), r."""
    names = {"c": "connected", "n": "no_answer", "r": "rejected"}
    nine = datetime.fromisoformat(f"{day}T07:00:00")
    return [
        {"activity_id": f"{owner}-{day}-{start + place}", "type": "call", "direction": "outbound", "owner_id": owner}
        | {"occurred_at": f"{nine + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}", "outcome": names[letter]}
        | more
        for place, (minute, letter) in enumerate(zip(minutes, outcomes, strict=True))
    ]


def only(rows: pd.DataFrame) -> pd.Series:
    assert len(rows) == 1
    return rows.iloc[0]


# What is done, and what comes of it


def test_fifteen_contacts_of_a_hundred_calls_are_fifteen_per_cent(tmp_path):
    made = calls("S1", "2026-10-05", list(range(100)), "n" * 85 + "c" * 15)
    for place, call in enumerate(made):
        call["reached_decision_maker"] = "true" if place >= 85 else "false"
    book = book_of(tmp_path, reps=REPS, activities=lines(ACTIVITY, made))
    share = only(team.contact_effectiveness(book))
    assert (share["numerator"], share["denominator"], share["value"]) == (15, 100, 15 / 100)
    assert only(team.calls_made(book))["value"] == 100


@pytest.mark.parametrize(("n_calls", "n_leads", "share"), [(100, 0, 0.0), (10, 1, 0.1)])
def test_effectiveness_by_lead_is_leads_of_calls(tmp_path, n_calls, n_leads, share):
    made = calls("S1", "2026-10-05", list(range(n_calls)), "n" * n_calls)
    lead = {"lead_id": "L1", "created_at": "2026-10-01T00:00:00Z", "source": "web", "owner_id": "S1", "status": "new"}
    lead |= {"qualified_at": "2026-10-06T09:00:00Z"} if n_leads else {}
    leads = lines("lead_id,created_at,source,owner_id,status,qualified_at", [lead])
    book = book_of(tmp_path, reps=REPS, activities=lines(ACTIVITY, made), leads=leads)
    found = only(team.lead_effectiveness(book))
    assert (found["numerator"], found["denominator"], found["value"]) == (n_leads, n_calls, share)
    assert found["low"] <= share <= found["high"]


WORK = [
    {"activity_id": "1", "type": "call", "direction": "outbound", "occurred_at": "2026-10-05T08:00:00Z",
     "owner_id": "S1", "outcome": "connected", "reached_decision_maker": "true", "duration_seconds": 1800},
    {"activity_id": "2", "type": "email", "direction": "outbound", "occurred_at": "2026-10-05T09:00:00Z",
     "owner_id": "S1"},
    {"activity_id": "3", "type": "call", "direction": "outbound", "occurred_at": "2026-10-05T22:30:00Z",
     "owner_id": "S1", "outcome": "no_answer", "duration_seconds": 60},
    {"activity_id": "4", "type": "meeting", "direction": "outbound", "occurred_at": "2026-10-06T10:00:00Z",
     "owner_id": "S1", "outcome": "held", "duration_seconds": 5400, "planned_at": "2026-09-30T10:00:00Z"},
    {"activity_id": "5", "type": "meeting", "direction": "outbound", "occurred_at": "2026-10-06T12:00:00Z",
     "owner_id": "S1", "outcome": "no_show", "planned_at": "2026-10-06T12:00:00Z"},
    {"activity_id": "6", "type": "call", "direction": "inbound", "occurred_at": "2026-10-06T13:00:00Z",
     "owner_id": "S1", "reached_decision_maker": "true"},
    {"activity_id": "7", "type": "call", "direction": "outbound", "occurred_at": "2026-10-07T09:00:00Z",
     "owner_id": "S1", "outcome": "connected", "duration_seconds": 600},
    {"activity_id": "8", "type": "email", "direction": "outbound", "occurred_at": "2026-10-05T09:00:00Z",
     "is_automatic": "true"},
    {"activity_id": "9", "type": "meeting", "direction": "outbound", "owner_id": "S1",
     "planned_at": "2026-10-20T09:00:00Z"},
    {"activity_id": "10", "type": "task", "direction": "outbound", "owner_id": "S1",
     "planned_at": "2026-11-20T09:00:00Z"},
    {"activity_id": "11", "type": "meeting", "direction": "inbound", "owner_id": "S1",
     "planned_at": "2026-10-21T09:00:00Z"},
]  # fmt: skip
HOURS = """
owner_id,worked_on,hours
S1,2026-10-05,8
S1,2026-10-06,4
S1,2026-10-08,0
"""


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("team")
    return book_of(folder, settings=NAMES, reps=REPS, activities=lines(ACTIVITY, WORK), working_hours=HOURS)


def test_done_is_apart_from_planned_and_what_a_system_sent_is_not_in(worked):
    done = team.activities_done(worked, by="type").set_index("type")["value"]
    assert done.to_dict() == {"call": 3, "email": 1, "meeting": 2}
    assert only(team.emails_sent(worked))["value"] == 1
    assert only(team.meetings_held(worked))["value"] == 1
    assert only(team.planned_activities(worked))["value"] == 3
    assert only(team.overdue_activities(worked))["value"] == 2
    # One was set for September though it was held in October, one is theirs.
    assert only(team.meetings_booked(worked))["value"] == 2


def test_efficiency_is_attempts_by_the_hours_of_the_days_that_have_them(worked):
    pace = only(team.attempts_per_hour(worked))
    # Monday two attempts in eight hours, Tuesday three (a call, a meeting, one to which nobody came) in four.
    assert (pace["n"], pace["numerator"], pace["denominator"]) == (2, 5, 12)
    assert pace["value"] == 5 / 12
    assert only(team.results_per_hour(worked))["value"] == 1 / 12


def test_without_hours_there_is_no_efficiency(worked, tmp_path):
    book = book_of(tmp_path, reps=REPS, activities=lines(ACTIVITY, WORK))
    assert only(team.attempts_per_hour(book))["reason"] == "needs working_hours"
    early = team.attempts_per_hour(worked, ago=1)
    assert only(early)["reason"] == "no hours"


def test_selling_time_is_the_length_of_talks_and_meetings_by_the_hours(worked):
    time = only(team.selling_time(worked))
    # 30 minutes of a call and 90 of a meeting; unanswered, missed and of unknown length add nothing.
    assert time["value"] == pytest.approx(2 / 12)
    assert (time["numerator"], time["denominator"]) == (2, 12)
    unknown = only(team.unknown_durations(worked))
    # Talks: calls 1, 6 and 7, the meeting; of call 6 nobody noted the length.
    assert (unknown["numerator"], unknown["denominator"]) == (1, 4)


def test_cost_per_result_is_salary_by_leads(tmp_path):
    leads = lines(
        "lead_id,created_at,source,owner_id,status,qualified_at",
        [
            {
                "lead_id": f"L{n}",
                "created_at": "2026-10-01T00:00:00Z",
                "source": "web",
                "owner_id": "S1",
                "status": "new",
            }
            | {"qualified_at": "2026-10-06T09:00:00Z"}
            for n in range(4)
        ],
    )
    costs = """
    period,type,amount,currency,owner_id,acquisition_share
    2026-10-01,salary,5000.00,EUR,S1,1
    2026-10-01,tools,900.00,EUR,,1
    2026-10-01,salary,3000.00,EUR,S2,1
    """
    book = book_of(tmp_path, settings=NAMES, reps=REPS, leads=leads, costs=costs)
    found = team.cost_per_result(book, by="owner.shown_as").set_index("owner.shown_as")
    assert found.loc["Ann", "value"] == 5000 / 4
    assert found.loc["Ann", "low"] < 1250 < found.loc["Ann", "high"]
    assert found.loc["Bo", "reason"] == "no results"


# Calls and mail


def late_deals(n: int, lost: int, day: str, start: int = 0) -> tuple[list[dict], list[dict], list[dict]]:
    """Deals that came to Proposal and closed on a day, with one mail there; the first `lost` of them lost."""
    deals, visits, mails = [], [], []
    begun, late, mailed, ended = "2025-01-06T09:00:00Z", f"{day}T08:00:00Z", f"{day}T10:00:00Z", f"{day}T12:00:00Z"
    for place in range(n):
        name, end = f"D{start + place}", "Lost" if place < lost else "Won"
        deal = {
            "deal_id": name,
            "owner_id": "S1",
            "pipeline": "Sales",
            "stage": end,
            "status": end.lower(),
            "type": "new",
        }
        deals.append(deal | {"amount": "100.00", "currency": "EUR", "created_at": begun, "closed_at": ended})
        visits.append({"deal_id": name, "stage": "Qualification", "entered_at": begun, "exited_at": late})
        visits.append({"deal_id": name, "stage": "Proposal", "entered_at": late, "exited_at": ended})
        visits.append({"deal_id": name, "stage": end, "entered_at": ended})
        mail = {"activity_id": f"M{name}", "type": "email", "direction": "outbound", "owner_id": "S1"}
        mails.append(mail | {"deal_id": name, "occurred_at": mailed})
    return deals, visits, mails


def book_of_late(folder, *groups, more=()):
    deals, visits, mails = ([row for group in groups for row in group[part]] for part in range(3))
    history = lines("deal_id,stage,entered_at,exited_at", visits)
    return book_of(
        folder, reps=REPS, deals=lines(DEAL, deals), stage_history=history, activities=lines(ACTIVITY, [*mails, *more])
    )


def test_two_lost_of_twenty_at_ninety_per_cent_is_no_alarm(tmp_path):
    before, now = late_deals(100, 10, "2026-05-12"), late_deals(20, 2, "2026-10-13", start=100)
    found = only(team.late_loss_alarm(book_of_late(tmp_path, before, now)))
    assert (found["numerator"], found["denominator"], found["expected"]) == (2, 20, 0.1)
    # P(X >= 2), X binomial with n = 20 and a chance of 0.1: 1 - 0.9^20 - 20 x 0.1 x 0.9^19.
    assert found["value"] == pytest.approx(1 - 0.9**20 - 20 * 0.1 * 0.9**19)
    assert round(found["value"], 3) == 0.608


def test_a_deal_is_email_only_where_nobody_called_or_met_from_the_last_two_stages_on(tmp_path):
    parts = late_deals(5, 3, "2026-10-13")
    contact = {"direction": "outbound", "owner_id": "S1"}
    more = [
        {"activity_id": "a", "type": "call", "deal_id": "D0", "occurred_at": "2026-10-13T09:00:00Z"} | contact,
        {"activity_id": "b", "type": "meeting", "deal_id": "D3", "occurred_at": "2026-10-13T11:00:00Z"} | contact,
        # Before the last two stages, and after the end: neither counts.
        {"activity_id": "c", "type": "call", "deal_id": "D1", "occurred_at": "2026-10-01T09:00:00Z"} | contact,
        {"activity_id": "d", "type": "call", "deal_id": "D4", "occurred_at": "2026-10-14T09:00:00Z"} | contact,
    ]
    # Proposal is the last open stage of the pipeline and Demo, which may be left out, the one before it.
    book = book_of_late(tmp_path, parts, more=more)
    rows = team.late_loss_rate(book, by="contact").set_index("contact")
    assert rows["denominator"].to_dict() == {"called": 1, "email only": 3, "met": 1}
    found = only(team.email_only_losses(book))
    assert (found["email_k"], found["email_n"], found["other_k"], found["other_n"]) == (2, 3, 1, 2)
    assert found["value"] == pytest.approx(2 / 3 - 1 / 2)
    # Fisher by hand: 3 lost of 5; P(2 of 3 lost) = 6/10 is the largest, so every table counts.
    assert found["p"] == pytest.approx(1)


def test_the_balance_is_calls_of_calls_and_mails(worked):
    share = only(team.call_share(worked))
    assert (share["numerator"], share["denominator"]) == (3, 4)
    assert only(team.meeting_share(worked))["value"] == 2 / 6


# Call reluctance


def test_a_shift_ends_after_two_hours_and_a_streak_with_the_next_call_that_is_not_rejected(tmp_path):
    made = calls("S1", "2026-10-05", [0, 10, 20, 50, 60, 190, 200], "crrncrc")
    book = book_of(tmp_path, reps=REPS, activities=lines(ACTIVITY, made))
    rows = book.rows("select shift, streak, gap_seconds, wait_seconds, is_followed from call_gaps order by activity_id")
    assert rows["streak"].tolist() == [0, 1, 2, 0, 0, 1, 0]
    # From 10:00 to 12:10 are 130 minutes: another shift begins.
    assert rows["shift"].tolist() == [1, 1, 1, 1, 1, 2, 2]
    assert rows["gap_seconds"].fillna(0).tolist() == [600, 600, 1800, 600, 0, 600, 0]
    assert rows["wait_seconds"].tolist() == [600, 600, 1800, 600, 7200, 600, 7200]


def reluctant(factor: int) -> list[dict]:
    """Two sellers of their own pace, 10 and 20 minutes, who wait so many times as long after two rejections."""
    rows = []
    for seller, pace in (("S1", 10), ("S2", 20)):
        for day in ("05", "06", "07", "08", "09"):
            outcomes, minute, minutes = "nnrrnnn", 0, []
            for place in range(len(outcomes)):
                minutes.append(minute)
                minute += pace * (factor if outcomes[max(0, place - 1) : place + 1] == "rr" else 1)
            rows += calls(seller, f"2026-10-{day}", minutes, outcomes)
    return rows


def test_after_two_rejections_the_pace_is_set_against_the_seller_s_own(tmp_path):
    book = book_of(tmp_path, reps=REPS, activities=lines(ACTIVITY, reluctant(3)))
    found = team.call_reluctance(book).set_index("streak")
    # One rejection: six calls an hour and three, as always. Two: a third of it, for each of the two sellers.
    assert found.loc[1, "value"] == pytest.approx(1)
    assert found.loc[2, "value"] == pytest.approx(1 / 3)
    assert (found.loc[2, "n"], found.loc[2, "shifts"]) == (10, 10)
    # Ten waits of 30 and 60 minutes at 6 and 3 calls an hour: 5 x 0.5 x 6 + 5 x 1 x 3 = 30 calls expected.
    assert found.loc[2, "expected"] == pytest.approx(30)
    assert found.loc[3, "reason"] == "too few"


def test_a_seller_under_thirty_calls_is_out(tmp_path):
    made = [row for row in reluctant(3) if not row["activity_id"].startswith("S2-2026-10-09")]
    book = book_of(tmp_path, reps=REPS, activities=lines(ACTIVITY, made))
    assert team.call_reluctance(book).set_index("streak").loc[2, "n"] == 5


def test_the_wait_for_the_next_call_runs_from_the_end_of_the_call_and_counts_giving_up(tmp_path):
    made = calls("S1", "2026-10-05", [10 * n for n in range(30)], "n" * 30, duration_seconds=300)
    made += calls("S1", "2026-10-06", [0, 10, 20], "nnr") + calls("S1", "2026-10-07", [0, 10, 20, 30], "nnrn")
    book = book_of(tmp_path, reps=REPS, activities=lines(ACTIVITY, made))
    found = team.next_call_pace(book).set_index("streak").loc[1]
    # Usual: 29 waits of 5 minutes and 2 + 2 of 10, and two shifts' last calls of 120: 33 calls in 425 minutes.
    usual = 33 / (29 * 5 + 4 * 10 + 2 * 120)
    # After a rejection: one call after 10 minutes, and none in 120.
    assert found["value"] == pytest.approx((1 / 130) / usual)
    assert found["n"] == 2


def test_call_reluctance_has_no_trend(worked):
    with pytest.raises(WrongUsage, match="trend"):
        team.call_reluctance(worked, period="month")


# How work is shared out


def test_workload_is_open_deals_and_leads_by_capacity_of_those_at_work(tmp_path):
    owners = ["S1"] * 4 + ["S2"] * 2 + ["S3"] * 3 + ["S4"]
    deals = [
        {
            "deal_id": f"D{n}",
            "owner_id": owner,
            "pipeline": "Sales",
            "stage": "Demo",
            "currency": "EUR",
            "status": "open",
        }
        | {"created_at": "2026-09-01T09:00:00Z"}
        for n, owner in enumerate(owners)
    ]
    leads = """
    lead_id,created_at,source,owner_id,status,qualified_at,disqualified_at
    L1,2026-10-01T00:00:00Z,web,S1,qualified,2026-10-02T00:00:00Z,
    L2,2026-10-01T00:00:00Z,web,S1,working,,
    L3,2026-10-01T00:00:00Z,web,S1,disqualified,2026-10-02T00:00:00Z,2026-10-03T00:00:00Z
    """
    book = book_of(tmp_path, reps=REPS, deals=lines(DEAL, deals), leads=leads)
    rows = team.workload(book, by="owner_id").set_index("owner_id")
    # Ann: four deals and one lead, full time. Bo: two deals, half time. Cas is on leave, Dee has left.
    assert rows["value"].to_dict() == {"S1": 5.0, "S2": 4.0}
    whole = only(team.workload(book))
    assert (whole["numerator"], whole["denominator"]) == (7, 1.5)
    left = only(team.work_left_behind(book))
    assert (left["n"], left["value"]) == (2, 4)
    spread = only(team.workload_spread(book))
    # Loads of 5 and 4: mean 4.5, standard deviation 1 / sqrt(2).
    assert spread["value"] == pytest.approx(0.5**0.5 / 4.5)


def test_sellers_needed_are_the_target_by_what_one_won(tmp_path):
    deals = [
        {"deal_id": f"D{n}", "owner_id": "S1", "pipeline": "Sales", "stage": "Won", "currency": "EUR", "status": "won"}
        | {"amount": "1000.00", "created_at": "2025-01-01T09:00:00Z", "closed_at": f"{month}-15T09:00:00Z"}
        for n, month in enumerate([f"2025-{m:02d}" for m in (11, 12)] + [f"2026-{m:02d}" for m in range(1, 11)])
    ]
    reps = """
    owner_id,display_name,team,capacity_fte,started_on,ended_on,leave_starts_on,leave_ends_on
    S1,Ann,North,1,2020-01-01,,,
    S2,Bo,North,0.5,2020-01-01,,2026-05-01,2026-10-31
    """
    targets = """
    target_id,kpi,level,level_id,starts_on,ends_on,value,currency
    T,won,organisation,,2026-01-01,2026-12-31,24000,EUR
    """
    book = book_of(tmp_path, reps=reps, deals=lines(DEAL, deals), targets=targets)
    found = only(team.sellers_needed(book))
    # 12,000 in twelve months with 12 months of one and 6 of a half: 15 months, so 9,600 a year and FTE; 24,000 by it.
    assert found["won_per_fte"] == pytest.approx(12_000 / 15 * 12)
    assert found["value"] == pytest.approx(24_000 / 9_600)
    assert found["present"] == 1
    assert found["low"] < found["value"] < found["high"]


# Systems


def test_reports_stand_against_what_the_crm_holds_of_the_same_day(tmp_path):
    reports = """
    owner_id,reported_on,kpi,value
    S1,2026-10-05,calls,3
    S1,2026-10-05,emails,1
    S1,2026-10-06,calls,1
    S1,2026-10-06,visits,4
    S1,2026-10-09,calls,2
    """
    book = book_of(tmp_path, reps=REPS, activities=lines(ACTIVITY, WORK), self_reports=reports)
    ratio = only(team.self_report_ratio(book))
    # Reported 3 + 1 + 1 + 2; logged one call and one mail on Monday, one call on Tuesday, none on Friday.
    assert (ratio["numerator"], ratio["denominator"]) == (7, 3)
    assert only(team.self_report_gap(book))["value"] == 4
    assert only(team.incomparable_reports(book))["value"] == 1
    by_day = team.self_report_ratio(book, by="reported_on").set_index("reported_on")
    assert by_day["reason"].iloc[-1] == "nothing logged"
    # The call of half past midnight is Tuesday's in Amsterdam, and Monday's in UTC.
    assert by_day["denominator"].tolist() == [2, 1, 0]


def test_adoption_is_active_days_of_working_days_without_leave(tmp_path):
    reps = """
    owner_id,display_name,team,started_on,ended_on,leave_starts_on,leave_ends_on
    S1,Ann,North,2020-01-01,,,
    S2,Bo,North,2026-10-12,,2026-10-19,2026-10-25
    S3,Cas,North,2020-01-01,2026-10-09,,
    """
    use = """
    owner_id,used_on,feature,events
    S1,2026-10-05,deals,3
    S1,2026-10-05,mail,1
    S1,2026-10-06,deals,0
    S1,2026-10-10,deals,2
    S2,2026-10-13,mail,5
    S3,2026-10-09,mail,1
    """
    book = book_of(tmp_path, reps=reps, crm_usage=use)
    rows = team.active_day_rate(book, by="owner_id").set_index("owner_id")
    # Use is logged from Monday the 5th: 20 working days for Ann, one of them active (a Saturday counts for nothing);
    # Bo came on the 12th and was on leave for a week: 10 days.
    assert rows.loc["S1", ["numerator", "denominator"]].tolist() == [1, 20]
    assert rows.loc["S2", ["numerator", "denominator"]].tolist() == [1, 10]
    assert rows.loc["S3", ["numerator", "denominator"]].tolist() == [1, 5]  # left on the 9th, which still counts
    assert only(team.used_features(book))["value"] == 2


def test_the_delay_of_entering_is_the_median_of_what_is_entered_by_hand(tmp_path):
    made = calls("S1", "2026-10-05", [0, 1, 2], "ccc")
    for call, entered in zip(
        made, ("2026-10-05T07:00:00Z", "2026-10-06T07:01:00Z", "2026-10-10T07:02:00Z"), strict=True
    ):
        call["recorded_at"] = entered
    mail = {"activity_id": "m", "type": "email", "direction": "outbound", "owner_id": "S1"}
    mail |= {"occurred_at": "2026-10-05T09:00:00Z", "recorded_at": "2026-10-25T09:00:00Z"}
    book = book_of(tmp_path, reps=REPS, activities=lines(ACTIVITY, [*made, mail]))
    assert only(team.entry_delay(book))["value"] == 1


def test_required_fields_are_those_of_the_settings(tmp_path):
    deals = [
        {"deal_id": "D1", "pipeline": "Sales", "stage": "Demo", "currency": "EUR", "created_at": "2026-10-05T09:00:00Z",
         "amount": "5.00", "product": "P", "status": "open"},
        {"deal_id": "D2", "pipeline": "Sales", "stage": "Demo", "currency": "EUR", "created_at": "2026-10-05T09:00:00Z",
         "amount": "0.00", "expected_close": "2026-12-01", "status": "open"},
    ]  # fmt: skip
    usual = book_of(tmp_path / "usual", reps=REPS, deals=lines(DEAL, deals))
    # Amount, expected close, product and contact: two of four, and one of four.
    assert only(team.fields_filled(usual))["value"] == 3 / 8
    asked = SETTINGS + '[team]\nrequired = ["product"]\n'
    book = book_of(tmp_path / "asked", settings=asked, reps=REPS, deals=lines(DEAL, deals))
    assert only(team.fields_filled(book))["value"] == 1 / 2


def test_not_knowing_is_not_not_using(tmp_path):
    deals = [
        {"deal_id": f"D{n}", "owner_id": owner, "pipeline": "Sales", "stage": stage, "product": "P", "currency": "EUR",
         "created_at": "2026-10-01T09:00:00Z", "closed_at": "2026-10-20T09:00:00Z", "status": stage.lower()}
        for n, (owner, stage) in enumerate([("S1", "Won"), ("S1", "Lost")] * 2 + [("S2", "Won")])
    ]  # fmt: skip
    use = """
    asset_id,owner_id,deal_id,used_at,action
    A,S1,D0,2026-10-05T09:00:00Z,sent
    A,S1,D1,2026-10-06T09:00:00Z,sent
    B,S1,D2,2026-10-25T09:00:00Z,sent
    B,S2,,2026-10-06T09:00:00Z,viewed
    """
    costs = """
    period,type,amount,currency,acquisition_share
    2026-10-01,collateral,100.00,EUR,1
    """
    book = book_of(tmp_path, reps=REPS, deals=lines(DEAL, deals), collateral_usage=use, costs=costs)
    found = only(team.collateral_odds(book))
    # Used before the close: D0 (won), D1 (lost). Known not to be: D2 (won; used afterwards), D3 (lost). D4: not known.
    assert (found["used_k"], found["used_n"], found["other_k"], found["other_n"]) == (1, 2, 1, 2)
    assert found["unknown"] == 1
    assert found["value"] == pytest.approx(1)
    reach = only(team.collateral_reach(book))
    # Ann, Bo and Cas are employed; Dee has left.
    assert (reach["numerator"], reach["denominator"]) == (2, 3)
    assert only(team.collateral_cost_per_use(book))["value"] == 100 / 4
    assert team.collateral_uses(book, by="asset_id")["value"].tolist() == [2, 2]


# Customers, qualification


def test_hunters_win_new_customers_and_farmers_existing_ones(tmp_path):
    kinds = [("new", "Won"), ("new", "Lost"), ("new", "Lost"), ("existing", "Won"), ("renewal", "Won"), ("", "Won")]
    deals = [
        {"deal_id": f"D{n}", "owner_id": "S1", "pipeline": "Sales", "stage": stage, "type": kind, "currency": "EUR",
         "created_at": "2026-10-01T09:00:00Z", "closed_at": "2026-10-20T09:00:00Z", "status": stage.lower()}
        for n, (kind, stage) in enumerate(kinds)
    ]  # fmt: skip
    book = book_of(tmp_path, reps=REPS, deals=lines(DEAL, deals))
    share = only(team.new_customer_share(book))
    assert (share["numerator"], share["denominator"]) == (1, 2)
    assert only(team.new_customer_win_rate(book))["value"] == 1 / 3
    assert only(team.existing_customer_win_rate(book))["value"] == 1


LEADS = """
lead_id,created_at,source,owner_id,status,qualified_at,disqualified_at,budget,authority,need,timing,goals
L1,2026-10-01T00:00:00Z,web,S1,qualified,2026-10-02T00:00:00Z,2026-10-20T00:00:00Z,true,true,true,true,
L2,2026-10-01T00:00:00Z,web,S1,qualified,2026-10-02T00:00:00Z,2026-10-20T00:00:00Z,true,false,,,true
L3,2026-10-01T00:00:00Z,web,S1,new,,,true,true,,,
"""


def test_qualification_is_what_is_known_of_what_should_be(tmp_path):
    book = book_of(tmp_path / "bant", reps=REPS, leads=LEADS)
    filled = only(team.qualification_filled(book))
    # Four of four, and one of four: a field that says no is not known.
    assert (filled["n"], filled["value"]) == (2, 5 / 8)
    gpct = SETTINGS + '[team]\nqualification = ["goals", "plans", "challenges", "timing"]\n'
    book = book_of(tmp_path / "gpct", settings=gpct, reps=REPS, leads=LEADS)
    assert only(team.qualification_filled(book))["value"] == 2 / 8
    rates = team.qualification_win_rate(book, by="n_filled").set_index("n_filled")
    assert rates["denominator"].to_dict() == {1: 2}


def test_a_field_that_no_lead_can_have_is_refused(tmp_path):
    with pytest.raises(WrongUsage, match="'bugdet'"):
        book_of(tmp_path, settings=SETTINGS + '[team]\nqualification = ["bugdet"]\n', leads=LEADS)


# People


def answers(groups: dict[str, list[int]], survey: str = "Q3", question: str = "eNPS", low: int = 0) -> list[dict]:
    return [
        {
            "survey_id": survey,
            "respondent_hash": f"{team_name}{n}",
            "team": team_name,
            "question": question,
            "score": score,
        }
        | {"answered_at": "2026-10-10T09:00:00Z", "scale_min": low, "scale_max": 10}
        for team_name, scores in groups.items()
        for n, score in enumerate(scores)
    ]


SURVEY = "survey_id,respondent_hash,team,answered_at,question,score,scale_min,scale_max"


def enps_of(folder, rows: list[dict]) -> dict:
    book = book_of(folder, reps=REPS, surveys=lines(SURVEY, rows))
    found = team.enps(book, by="team_group")
    return {group: (n, value) for group, n, value in found[["team_group", "n", "value"]].itertuples(index=False)}


def test_enps_is_promoters_less_detractors_of_a_hundred(tmp_path):
    scores = [10, 9, 9, 8, 7, 6, 0, 9]
    book = book_of(tmp_path, reps=REPS, surveys=lines(SURVEY, answers({"North": scores})))
    found = only(team.enps(book))
    # Four of eight promote (9, 10), two detract (6 and lower).
    assert (found["n"], found["value"]) == (8, 100 * (4 - 2) / 8)
    assert found["low"] < 25 < found["high"]


def test_under_five_answers_nothing_is_said(tmp_path):
    book = book_of(tmp_path, reps=REPS, surveys=lines(SURVEY, answers({"North": [10, 9, 9, 1]})))
    found = only(team.enps(book))
    assert found["reason"] == "fewer than five answers"
    assert found[["value", "low", "high"]].isna().all()


def test_small_teams_go_together_and_take_another_along_where_their_total_would_tell(tmp_path):
    whole = {"A": [9] * 6, "B": [5] * 7, "C": [9] * 3, "D": [9] * 2}
    assert enps_of(tmp_path / "five", answers(whole)) == {"A": (6, 100), "B": (7, -100), "other": (5, 100)}
    fewer = {"A": [9] * 6, "B": [5] * 7, "C": [9] * 3}
    # C's three could be had from the total less A and B: the smallest of these goes with them.
    assert enps_of(tmp_path / "three", answers(fewer)) == {"B": (7, -100), "other": (9, 100)}
    assert enps_of(tmp_path / "two", answers({"A": [9] * 6, "C": [9] * 3})) == {"other": (9, 100)}


def test_groups_are_made_once_for_all_surveys(tmp_path):
    first = {"A": [9] * 6, "B": [5] * 7, "C": [5] * 8}
    rows = answers(first, "Q2") + answers({"A": [9] * 4, "B": [5] * 7, "C": [5] * 8}, "Q3")
    # A has four answers in the second: it stands alone in neither, and takes B along.
    assert enps_of(tmp_path, rows) == {"C": (16, -100), "other": (24, pytest.approx(100 * (10 - 14) / 24))}


def test_the_pulse_is_where_answers_lie_on_their_scale(tmp_path):
    rows = answers({"North": [1, 3, 3, 5, 5, 7]}, question="I have what I need", low=0)
    book = book_of(tmp_path, reps=REPS, surveys=lines(SURVEY, rows))
    assert only(team.pulse(book))["value"] == pytest.approx(24 / 6 / 10)
    assert only(team.enps(book))["reason"] == "fewer than five answers"
