"""The team at work: worked by hand on tiny companies."""

import pytest

from salesbook.errors import WrongUsage
from salesbook.kpis import team
from team_tables import ACTIVITY, DEAL, NAMES, REPS, book_of, calls, lines
from worked import SETTINGS, only

# What is done, and what comes of it


@pytest.fixture(scope="module")
def phoned(tmp_path_factory):
    """Calls of tests that have a month each."""
    hundred = calls("S1", "2026-05-05", list(range(100)), "n" * 85 + "c" * 15)
    for place, call in enumerate(hundred):
        call["reached_decision_maker"] = "true" if place >= 85 else "false"
    made = [*hundred, *calls("S1", "2026-04-06", list(range(10)), "n" * 10)]
    made += calls("S1", "2026-02-05", [0, 10, 20, 50, 60, 190, 200], "crrncrc")
    made += reluctant(3, "2026-10")
    made += [row for row in reluctant(3, "2026-01") if not row["activity_id"].startswith("S2-2026-01-09")]
    made += calls("S1", "2025-12-05", [10 * n for n in range(30)], "n" * 30, duration_seconds=300)
    made += calls("S1", "2025-12-06", [0, 10, 20], "nnr") + calls("S1", "2025-12-07", [0, 10, 20, 30], "nnrn")
    leads = """
    lead_id,created_at,source,owner_id,status,qualified_at
    L1,2026-05-01T00:00:00Z,web,S1,new,
    L2,2026-04-01T00:00:00Z,web,S1,new,2026-04-07T09:00:00Z
    """
    return book_of(tmp_path_factory.mktemp("phoned"), reps=REPS, activities=lines(ACTIVITY, made), leads=leads)


def test_fifteen_contacts_of_a_hundred_calls_are_fifteen_per_cent(phoned):
    share = only(team.contact_effectiveness(phoned, ago=5))
    assert (share["numerator"], share["denominator"], share["value"]) == (15, 100, 15 / 100)
    assert only(team.calls_made(phoned, ago=5))["value"] == 100


@pytest.mark.parametrize(("ago", "n_calls", "n_leads", "share"), [(5, 100, 0, 0.0), (6, 10, 1, 0.1)])
def test_effectiveness_by_lead_is_leads_of_calls(phoned, ago, n_calls, n_leads, share):
    found = only(team.lead_effectiveness(phoned, ago=ago))
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


def by_day(head: str, *rows: tuple) -> str:
    """A table of what sellers did by day of October, as CSV text."""
    return "\n".join([head, *(f"{owner},2026-10-{day:02d},{rest}" for owner, day, rest in rows)])


HOURS = by_day("owner_id,worked_on,hours", ("S1", 5, 8), ("S1", 6, 4), ("S1", 8, 0))
REPORTS = by_day(
    "owner_id,reported_on,kpi,value",
    *(("S1", 5, "calls,3"), ("S1", 5, "emails,1"), ("S1", 6, "calls,1"), ("S1", 6, "visits,4"), ("S1", 9, "calls,2")),
)
USERS = """
U1,Una,North,,,2020-01-01,,,
U2,Udo,North,,,2026-10-12,,2026-10-19,2026-10-25
U3,Uma,North,,,2020-01-01,2026-10-09,,
"""
USE = by_day(
    "owner_id,used_on,feature,events",
    *(("U1", 5, "deals,3"), ("U1", 5, "mail,1"), ("U1", 6, "deals,0"), ("U1", 10, "deals,2")),
    *(("U2", 13, "mail,5"), ("U3", 9, "mail,1")),
)
COSTS = """
period,type,amount,currency,owner_id,acquisition_share
2026-08-01,salary,5000.00,EUR,S1,1
2026-08-01,tools,900.00,EUR,,1
2026-08-01,salary,3000.00,EUR,S2,1
"""
COSTLY = """
lead_id,created_at,source,owner_id,status,qualified_at
L0,2026-08-01T00:00:00Z,web,S1,new,2026-08-06T09:00:00Z
L1,2026-08-01T00:00:00Z,web,S1,new,2026-08-06T09:00:00Z
L2,2026-08-01T00:00:00Z,web,S1,new,2026-08-06T09:00:00Z
L3,2026-08-01T00:00:00Z,web,S1,new,2026-08-06T09:00:00Z
"""


def entered() -> list[dict]:
    """Three calls of June, entered at once, a day and five days after; a mail that a day told is out."""
    made = calls("S1", "2026-06-05", [0, 1, 2], "ccc")
    for call, at in zip(made, ("05T07:00:00Z", "06T07:01:00Z", "10T07:02:00Z"), strict=True):
        call["recorded_at"] = f"2026-06-{at}"
    mail = {"activity_id": "m", "type": "email", "direction": "outbound", "owner_id": "S1"}
    return [*made, mail | {"occurred_at": "2026-06-05T09:00:00Z", "recorded_at": "2026-06-25T09:00:00Z"}]


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """Work of October, entries of June, costs of August."""
    tables = {"activities": lines(ACTIVITY, WORK + entered()), "working_hours": HOURS, "self_reports": REPORTS}
    tables |= {"reps": REPS + USERS.lstrip(), "crm_usage": USE, "leads": COSTLY, "costs": COSTS}
    return book_of(tmp_path_factory.mktemp("team"), settings=NAMES, **tables)


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


def test_cost_per_result_is_salary_by_leads(worked):
    found = team.cost_per_result(worked, by="owner.shown_as", ago=2).set_index("owner.shown_as")
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


def book_of_late(folder, *groups, more=(), month="2026-10"):
    deals, visits, mails = ([row for group in groups for row in group[part]] for part in range(3))
    history = lines("deal_id,stage,entered_at,exited_at", visits)
    tables = {"deals": lines(DEAL, deals), "stage_history": history, "activities": lines(ACTIVITY, [*mails, *more])}
    return book_of(folder, month=month, reps=REPS, **tables)


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    """Deals that came late and closed in May and October 2026, and five that did in March 2025."""
    contact = {"direction": "outbound", "owner_id": "S1"}
    more = [
        {"activity_id": "a", "type": "call", "deal_id": "D200", "occurred_at": "2025-03-11T09:00:00Z"} | contact,
        {"activity_id": "b", "type": "meeting", "deal_id": "D203", "occurred_at": "2025-03-11T11:00:00Z"} | contact,
        # Before the last two stages, and after the end: neither counts.
        {"activity_id": "c", "type": "call", "deal_id": "D201", "occurred_at": "2025-03-01T09:00:00Z"} | contact,
        {"activity_id": "d", "type": "call", "deal_id": "D204", "occurred_at": "2025-03-12T09:00:00Z"} | contact,
    ]
    before, now = late_deals(100, 10, "2026-05-12"), late_deals(20, 2, "2026-10-13", start=100)
    parts = late_deals(5, 3, "2025-03-11", start=200)
    return book_of_late(tmp_path_factory.mktemp("late"), before, now, parts, more=more)


def test_two_lost_of_twenty_at_ninety_per_cent_is_no_alarm(late):
    found = only(team.late_loss_alarm(late))
    assert (found["numerator"], found["denominator"], found["expected"]) == (2, 20, 0.1)
    # P(X >= 2), X binomial with n = 20 and a chance of 0.1: 1 - 0.9^20 - 20 x 0.1 x 0.9^19.
    assert found["value"] == pytest.approx(1 - 0.9**20 - 20 * 0.1 * 0.9**19)
    assert round(found["value"], 3) == 0.608


def test_the_alarm_of_a_quarter_expects_what_was_lost_before_the_quarter(tmp_path):
    before, now = late_deals(10, 1, "2026-05-12"), late_deals(4, 4, "2026-07-14", start=100)
    found = only(team.late_loss_alarm(book_of_late(tmp_path, before, now, month="2026-Q3")))
    assert (found["numerator"], found["denominator"], found["expected"]) == (4, 4, 0.1)


def test_a_deal_is_email_only_where_nobody_called_or_met_from_the_last_two_stages_on(late):
    # Proposal is the last open stage of the pipeline and Demo, which may be left out, the one before it.
    rows = team.late_loss_rate(late, by="contact", ago=19).set_index("contact")
    assert rows["denominator"].to_dict() == {"called": 1, "email only": 3, "met": 1}
    found = only(team.email_only_losses(late, ago=19))
    assert (found["email_k"], found["email_n"], found["other_k"], found["other_n"]) == (2, 3, 1, 2)
    assert found["value"] == pytest.approx(2 / 3 - 1 / 2)
    # Fisher by hand: 3 lost of 5; P(2 of 3 lost) = 6/10 is the largest, so every table counts.
    assert found["p"] == pytest.approx(1)


def test_the_balance_is_calls_of_calls_and_mails(worked):
    share = only(team.call_share(worked))
    assert (share["numerator"], share["denominator"]) == (3, 4)
    assert only(team.meeting_share(worked))["value"] == 2 / 6


# Call reluctance


def test_a_shift_ends_after_two_hours_and_a_streak_with_the_next_call_that_is_not_rejected(phoned):
    # February: at 0, 10, 20, 50, 60, 190 and 200 minutes; the second, third and sixth are rejected.
    rows = phoned.rows("select * from call_gaps where called_on = date '2026-02-05' order by activity_id")
    assert rows["streak"].tolist() == [0, 1, 2, 0, 0, 1, 0]
    # From 10:00 to 12:10 are 130 minutes: another shift begins.
    assert rows["shift"].tolist() == [1, 1, 1, 1, 1, 2, 2]
    assert rows["gap_seconds"].fillna(0).tolist() == [600, 600, 1800, 600, 0, 600, 0]
    assert rows["wait_seconds"].tolist() == [600, 600, 1800, 600, 7200, 600, 7200]


def reluctant(factor: int, month: str) -> list[dict]:
    """Two sellers of their own pace, 10 and 20 minutes, who wait so many times as long after two rejections."""
    rows = []
    for seller, pace in (("S1", 10), ("S2", 20)):
        for day in ("05", "06", "07", "08", "09"):
            outcomes, minute, minutes = "nnrrnnn", 0, []
            for place in range(len(outcomes)):
                minutes.append(minute)
                minute += pace * (factor if outcomes[max(0, place - 1) : place + 1] == "rr" else 1)
            rows += calls(seller, f"{month}-{day}", minutes, outcomes)
    return rows


def test_after_two_rejections_the_pace_is_set_against_the_seller_s_own(phoned):
    found = team.call_reluctance(phoned).set_index("streak")
    # One rejection: six calls an hour and three, as always. Two: a third of it, for each of the two sellers.
    assert found.loc[1, "value"] == pytest.approx(1)
    assert found.loc[2, "value"] == pytest.approx(1 / 3)
    assert (found.loc[2, "n"], found.loc[2, "shifts"]) == (10, 10)
    # Ten waits of 30 and 60 minutes at 6 and 3 calls an hour: 5 x 0.5 x 6 + 5 x 1 x 3 = 30 calls expected.
    assert found.loc[2, "expected"] == pytest.approx(30)
    assert found.loc[3, "reason"] == "too few"


def test_a_seller_under_thirty_calls_is_out(phoned):
    # In January the second seller made the calls of four days only: 28.
    assert team.call_reluctance(phoned, ago=9).set_index("streak").loc[2, "n"] == 5


def test_the_wait_for_the_next_call_runs_from_the_end_of_the_call_and_counts_giving_up(phoned):
    # December: 30 calls of five minutes every ten, then three and four calls, the third of each rejected.
    found = team.next_call_pace(phoned, ago=10).set_index("streak").loc[1]
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


def test_reports_stand_against_what_the_crm_holds_of_the_same_day(worked):
    ratio = only(team.self_report_ratio(worked))
    # Reported 3 + 1 + 1 + 2; logged one call and one mail on Monday, one call on Tuesday, none on Friday.
    assert (ratio["numerator"], ratio["denominator"]) == (7, 3)
    assert only(team.self_report_gap(worked))["value"] == 4
    assert only(team.incomparable_reports(worked))["value"] == 1
    by_day = team.self_report_ratio(worked, by="reported_on").set_index("reported_on")
    assert by_day["reason"].iloc[-1] == "nothing logged"
    # The call of half past midnight is Tuesday's in Amsterdam, and Monday's in UTC.
    assert by_day["denominator"].tolist() == [2, 1, 0]


def test_adoption_is_active_days_of_working_days_without_leave(worked):
    rows = team.active_day_rate(worked, by="owner_id").set_index("owner_id")
    # Use is logged from Monday the 5th: 20 working days for Una, one of them active (a Saturday counts for nothing);
    # Udo came on the 12th and was on leave for a week: 10 days.
    assert rows.loc["U1", ["numerator", "denominator"]].tolist() == [1, 20]
    assert rows.loc["U2", ["numerator", "denominator"]].tolist() == [1, 10]
    assert rows.loc["U3", ["numerator", "denominator"]].tolist() == [1, 5]  # left on the 9th, which still counts
    assert only(team.used_features(worked))["value"] == 2


def test_the_delay_of_entering_is_the_median_of_what_is_entered_by_hand(worked):
    assert only(team.entry_delay(worked, ago=4))["value"] == 1


def test_leads_alone_give_no_effectiveness_in_any_month_and_say_why(tmp_path):
    leads = "lead_id,created_at,source,owner_id,status,qualified_at\nL2,2026-04-01T00:00:00Z,web,S1,new,"
    alone = f'{SETTINGS}\n[files]\ndeals = ""\nactivities = ""\n'
    trend = team.lead_effectiveness.trend(book_of(tmp_path, month="2026-04", settings=alone, reps=REPS, leads=leads))
    assert set(trend["reason"]) == {"needs activities"}
