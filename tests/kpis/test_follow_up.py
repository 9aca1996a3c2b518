"""Following up: worked by hand on tiny companies, and held against plain loops on the sample."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from plain import AS_OF, CALENDARS, Plain, median_of, open_seconds, within
from salesbook.errors import WrongUsage
from salesbook.kpis import follow_up
from worked import SETTINGS, book_of

REPS = """
owner_id,display_name,team,calendar
S1,Seller 01,North,office
"""
LEADS = """
lead_id,created_at,source,owner_id,assigned_at,status,disqualified_at,is_inbound,merged_into,merged_at,product
L1,2026-10-02T15:30:00Z,web,S1,2026-10-02T15:31:00Z,working,,true,,,P
L2,2026-10-06T08:00:00Z,web,S1,2026-10-06T08:10:00Z,working,,true,,,P
L3,2026-10-07T22:00:00Z,fair,S1,2026-10-07T22:00:00Z,working,,true,,,P
L4,2026-10-10T08:00:00Z,fair,S1,2026-10-10T08:00:00Z,disqualified,2026-10-12T08:00:00Z,true,,,P
L5,2026-10-12T08:00:00Z,fair,S1,2026-10-12T08:00:00Z,working,,true,,,P
L6,2026-10-12T08:00:00Z,cold,S1,2026-10-12T08:00:00Z,working,,false,,,P
L7,2026-10-06T09:00:00Z,web,S1,2026-10-06T09:00:00Z,new,,true,L2,2026-10-07T00:00:00Z,P
L8,2026-10-13T08:00:00Z,web,,,new,,true,,,P
L9,2026-08-13T08:00:00Z,web,S1,2026-08-13T08:00:00Z,working,,true,,,P
"""
ACTIVITIES = """
activity_id,type,direction,occurred_at,owner_id,lead_id,reached_decision_maker,is_automatic
1,email,outbound,2026-10-02T15:30:20Z,,L1,,true
2,call,outbound,2026-10-05T07:30:00Z,S1,L1,false,
3,call,outbound,2026-10-06T08:40:00Z,S1,L2,,
4,call,outbound,2026-10-06T08:44:00Z,S1,L2,false,
5,call,outbound,2026-10-06T08:48:00Z,S1,L2,false,
6,email,outbound,2026-10-06T08:49:00Z,S1,L2,false,
7,call,outbound,2026-10-06T10:00:00Z,S1,L7,true,
8,call,outbound,2026-10-09T10:00:00Z,S1,L2,true,
9,call,outbound,2026-10-08T06:00:00Z,S1,L3,false,
10,call,inbound,2026-10-08T09:00:00Z,S1,L3,true,
11,call,outbound,2026-10-09T06:00:00Z,S1,L3,true,
12,call,outbound,2026-10-11T08:00:00Z,S1,L5,false,
13,call,outbound,2026-10-12T09:00:00Z,S1,L6,false,
14,call,outbound,2026-08-13T09:30:00Z,S1,L9,false,
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("follow_up")
    return book_of(folder, leads=LEADS, activities=ACTIVITIES, reps=REPS, deals=DEALS)


DEALS = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
D1,Sales,Won,100.00,EUR,2026-10-03,2026-10-20,won
"""


def attempts_of(book, lead: str) -> list[tuple]:
    rows = book.rows("select channel, is_at_risk, is_reached from attempts where lead_id = ? order by attempt", [lead])
    return [tuple(row) for row in rows.to_numpy().tolist()]


def test_calls_in_a_row_within_five_minutes_are_one_attempt_and_another_channel_begins_a_new_one(book):
    # Calls at :40, :44 and :48 are one; the email a minute later is another; the merged lead's call counts here.
    assert attempts_of(book, "L2") == [
        ("call", True, False), ("email", True, False), ("call", True, True), ("call", False, False)
    ]  # fmt: skip


def test_a_lead_that_called_back_is_no_longer_at_risk(book):
    assert attempts_of(book, "L3") == [("call", True, False), ("call", False, False)]


def test_an_automatic_reply_is_no_attempt(book):
    assert len(attempts_of(book, "L1")) == 1


def test_hour_and_weekday_are_local_and_the_gap_is_by_the_clock(book):
    rows = book.rows(
        "select hour, weekday, gap_seconds, gap_from_days from attempts where lead_id = 'L2' order by attempt"
    )
    # Tuesday the 6th, 10:40 in Amsterdam; then 9 minutes, 71 minutes, and three days to Friday noon.
    assert rows["hour"].tolist() == [10, 10, 12, 12]
    assert rows["weekday"].tolist() == [2, 2, 2, 5]
    assert rows["gap_seconds"].tolist()[1:] == [9 * 60, 71 * 60, 3 * 86400]
    assert rows["gap_from_days"].tolist()[1:] == [0, 0, 2]


def test_contact_rate_counts_unknown_outcomes_as_none_and_shows_them(book):
    rate = follow_up.contact_rate(book).iloc[0]
    # October: L1 1, L2 4 (two talks), L3 2 (one talk), L5 1, L6 1.
    assert (rate["numerator"], rate["denominator"], rate["clusters"]) == (3, 9, 5)
    unknown = follow_up.unknown_outcome_rate(book).iloc[0]
    assert unknown["numerator"] == 0
    assert rate["low"] < 3 / 9 < rate["high"]


def test_waits_by_the_clock_and_in_opening_hours(book):
    sql = "select lead_id, waited_seconds, waited_open_seconds from lead_responses where is_answered order by lead_id"
    waits = {row[0]: (row[1], row[2]) for row in book.rows(sql).to_numpy().tolist()}
    # L1: Friday 17:30 to Monday 9:30 = 64 h, half an opening hour. L3: midnight to 8:00, before opening: zero.
    assert waits["L1"] == (64 * 3600, 1800)
    assert waits["L2"] == (40 * 60, 40 * 60)
    assert waits["L3"] == (8 * 3600, 0)


def test_the_wait_parts_into_assigning_and_reacting(book):
    row = book.rows("select * from lead_responses where lead_id = 'L2'").iloc[0]
    assert row["assigning_seconds"] + row["reacting_seconds"] == row["waited_seconds"]
    assert (row["assigning_seconds"], row["reacting_seconds"]) == (600, 1800)


def test_who_was_never_tried_keeps_waiting_also_when_closed(book):
    row = book.rows("select * from lead_responses where lead_id = 'L4'").iloc[0]
    assert not row["is_answered"]
    assert (
        row["waited_seconds"] == (pd.Timestamp("2026-10-31T23:00") - pd.Timestamp("2026-10-10T08:00")).total_seconds()
    )


def test_the_median_counts_the_unanswered_and_leaves_out_the_touched_before(book):
    waited = follow_up.response_time(book).iloc[0]
    # Of L1 64 h, L2 40 min, L3 8 h, L4 and L8 never: three of five are answered, half of them by the third, at 64 h.
    assert (waited["n"], waited["numerator"], waited["value"]) == (5, 3, 64)
    touched = book.rows("select is_touched_before, is_clocked from lead_responses where lead_id = 'L5'").iloc[0]
    assert touched.tolist() == [True, False]


def test_where_fewer_than_half_are_answered_there_is_no_median(book):
    row = follow_up.response_time(book, where={"lead_id": ["L1", "L4", "L8"]}).iloc[0]
    assert np.isnan(row["value"])
    assert row["reason"] == "fewer than half"


def test_answered_within_the_hour_is_of_all_leads_an_hour_old(book):
    assert follow_up.answered_within_hour(book).iloc[0][["numerator", "denominator"]].tolist() == [1, 5]
    # In opening hours L1 waited 30 minutes, L2 40, L3 none.
    assert follow_up.answered_within_open_hour(book).iloc[0]["numerator"] == 3


def test_inflow_is_assigned_rejected_or_leaked(book):
    fates = book.rows("select lead_id, fate from lead_responses order by lead_id").set_index("lead_id")["fate"]
    assert fates.to_dict() == {
        "L1": "assigned", "L2": "assigned", "L3": "assigned", "L4": "rejected", "L5": "assigned",
        "L8": "unassigned", "L9": "dropped",
    }  # fmt: skip
    assert follow_up.inflow_leakage(book, last=3).iloc[0][["numerator", "denominator"]].tolist() == [2, 7]
    # L4 was closed untried: rejected, not leaked, and still never contacted.
    assert follow_up.never_contacted_rate(book).iloc[0][["numerator", "denominator"]].tolist() == [2, 6]


def test_a_holiday_is_closed_in_its_own_country_only(tmp_path):
    # 27 April 2026, a Monday, is King's Day in the Netherlands.
    two = (
        SETTINGS
        + """
[calendars.danish]
country = "DK"
hours = { mon = "09:00-17:00", tue = "09:00-17:00", wed = "09:00-17:00", thu = "09:00-17:00", fri = "09:00-17:00" }
"""
    )
    reps = "owner_id,display_name,team,calendar\nN,Nel,A,office\nD,Dorte,B,danish"
    leads = "lead_id,created_at,source,owner_id,status,is_inbound\n" + "\n".join(
        f"{owner},2026-04-24T14:00:00Z,web,{owner},working,true" for owner in "ND"
    )
    acts = "activity_id,type,direction,occurred_at,lead_id\n" + "\n".join(
        f"{owner},call,outbound,2026-04-28T08:00:00Z,{owner}" for owner in "ND"
    )
    book = book_of(tmp_path, "2026-04", two, leads=leads, activities=acts, reps=reps, deals=DEALS)
    sql = "select lead_id, waited_open_seconds from lead_responses"
    waited = dict(book.rows(sql).to_numpy().tolist())
    # Friday 16:00 to 17:00, Monday in Denmark alone, Tuesday 9:00 to 10:00.
    assert waited == {"N": 2 * 3600, "D": (2 + 8) * 3600}


def test_reached_may_mean_qualified(tmp_path):
    settings = SETTINGS + '\n[follow_up]\nreached = "qualified"\n'
    leads = """
    lead_id,created_at,source,status,qualified_at,is_inbound
    A,2026-10-01T08:00:00Z,web,qualified,2026-10-03T08:00:00Z,true
    """
    acts = """
    activity_id,type,direction,occurred_at,lead_id,reached_decision_maker
    1,call,outbound,2026-10-01T09:00:00Z,A,true
    2,call,outbound,2026-10-02T09:00:00Z,A,false
    3,call,outbound,2026-10-04T09:00:00Z,A,false
    """
    book = book_of(tmp_path, settings=settings, leads=leads, activities=acts, deals=DEALS)
    assert attempts_of(book, "A") == [("call", True, False), ("call", True, True), ("call", False, False)]


def test_touches_of_a_sale_count_both_ways_on_lead_and_deal_up_to_the_win(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    W,Sales,Won,1.00,EUR,2026-10-02,2026-10-20T12:00:00Z,won
    V,Sales,Won,1.00,EUR,2026-10-02,2026-10-21T12:00:00Z,won
    """
    leads = """
    lead_id,created_at,source,status,converted_at,deal_id
    A,2026-10-01T08:00:00Z,web,converted,2026-10-02T08:00:00Z,W
    """
    acts = """
    activity_id,type,direction,occurred_at,lead_id,deal_id,is_automatic
    1,call,outbound,2026-10-01T09:00:00Z,A,,
    2,email,inbound,2026-10-03T09:00:00Z,A,,
    3,meeting,outbound,2026-10-10T09:00:00Z,,W,
    4,email,outbound,2026-10-11T09:00:00Z,,W,true
    5,note,outbound,2026-10-12T09:00:00Z,,W,
    6,call,outbound,2026-10-20T13:00:00Z,,W,
    """
    book = book_of(tmp_path, deals=deals, leads=leads, activities=acts)
    rows = follow_up.touch_of_sale(book)
    assert rows[["touch", "numerator", "denominator", "value"]].to_numpy().tolist() == [[0, 1, 2, 0.5], [3, 1, 2, 0.5]]


def test_without_activities_the_page_says_what_it_needs(tmp_path):
    book = book_of(tmp_path, deals=DEALS, leads=LEADS)
    missing = dict.fromkeys(["activities"])
    book.run["tables"] = [table for table in book.run["tables"] if table not in missing]
    assert follow_up.contact_rate(book)["reason"].iloc[0] == "needs activities"
    assert follow_up.answered_by(book)["reason"].iloc[0] == "needs activities"


def test_groups_are_refused_where_one_figure_is_all_there_is(sample_book):
    for kpi in (follow_up.quick_answer_odds, follow_up.attempts_per_reached, follow_up.lead_score):
        with pytest.raises(WrongUsage, match="no groups"):
            kpi(sample_book, by="source")
    with pytest.raises(WrongUsage, match="one group"):
        follow_up.attempt_odds(sample_book, by=["hour", "weekday"])


# The sample company, by plain loops


@pytest.fixture(scope="module")
def plain(project):
    return Plain(project / "data" / "sample")


YEAR, TWO_YEARS = date(2025, 11, 1), date(2024, 11, 1)


def test_contact_rate_of_the_sample(sample_book, plain):
    tries = plain.tries[within(plain.tries["day"], YEAR)]
    rate = follow_up.contact_rate(sample_book, last=12).iloc[0]
    assert (rate["numerator"], rate["denominator"]) == (tries["talk"].sum(), len(tries))
    unknown = follow_up.unknown_outcome_rate(sample_book, last=12).iloc[0]
    assert unknown["numerator"] == (~tries["known"]).sum()
    assert rate["clusters"] == tries["lead"].nunique()


def test_the_chance_by_attempt_of_the_sample(sample_book, plain):
    tries = plain.tries[plain.tries["at_risk"] & within(plain.tries["day"], TWO_YEARS)]
    expected = tries.groupby("number")["reached"].agg(["sum", "count"])
    rows = follow_up.attempt_hazard(sample_book, by="attempt", last=24).set_index("attempt")
    assert rows["numerator"].to_dict() == expected["sum"].to_dict()
    assert rows["denominator"].to_dict() == expected["count"].to_dict()
    stops = follow_up.attempts_per_reached(sample_book, last=24)
    first = expected.loc[1]
    assert stops["value"].iloc[0] == pytest.approx(first["count"] / first["sum"])
    assert stops["cost"].iloc[0] == pytest.approx(12.5 * first["count"] / first["sum"])


def test_response_times_of_the_sample_by_clock_and_opening_hours(sample_book, plain, project):
    reps = pd.read_csv(project / "data/sample/reps.csv").set_index("owner_id")["calendar"].to_dict()
    rows = plain.waits[~plain.waits["touched_before"] & within(plain.waits["day"], date(2026, 4, 1))]
    elapsed, opening, quick = [], {}, 0
    for lead, row in rows.iterrows():
        ended = row["first"] == row["first"]
        until = row["first"] if ended else AS_OF
        elapsed.append(((until - row["created_at"]).total_seconds(), ended))
        quick += ended and elapsed[-1][0] <= 3600
        country, hours = CALENDARS[reps.get(row["owner_id"], "office")]
        opening[lead] = (open_seconds(row["created_at"], until, country, hours), ended)
    found = follow_up.response_time(sample_book, last=7).iloc[0]
    assert (found["n"], found["value"]) == (len(elapsed), pytest.approx(median_of(elapsed) / 3600))
    assert follow_up.answered_within_hour(sample_book, last=7).iloc[0]["numerator"] == quick
    sql = "select lead_id, waited_open_seconds from lead_responses where is_clocked and created_on >= date '2026-04-01'"
    facts = sample_book.rows(sql)
    assert dict(facts.to_numpy().tolist()) == {lead: seconds for lead, (seconds, _) in opening.items()}
    asked = follow_up.response_time_open(sample_book, last=7).iloc[0]
    assert asked["value"] == pytest.approx(median_of(list(opening.values())) / 3600)


def test_assigning_and_reacting_of_the_sample(sample_book, plain):
    rows = plain.waits[~plain.waits["touched_before"] & within(plain.waits["day"], YEAR)]
    rows = rows[rows["assigned_at"].isna() | (rows["assigned_at"] >= rows["created_at"])]
    given = rows["assigned_at"].notna()
    wait = (rows["assigned_at"].fillna(AS_OF) - rows["created_at"]).dt.total_seconds()
    found = follow_up.assigning_time(sample_book, last=12).iloc[0]
    assert found["value"] == pytest.approx(median_of(list(zip(wait, given, strict=True))) / 3600)
    later = rows[given & ~(rows["first"] < rows["assigned_at"])]
    react = (later["first"].fillna(AS_OF) - later["assigned_at"]).dt.total_seconds()
    found = follow_up.reacting_time(sample_book, last=12).iloc[0]
    assert found["n"] == len(later)
    assert found["value"] == pytest.approx(median_of(list(zip(react, later["first"].notna(), strict=True))) / 3600)


def test_leakage_of_the_sample(sample_book, plain):
    rows = plain.waits[within(plain.waits["day"], YEAR)]
    rows = rows[(AS_OF - rows["created_at"]) >= pd.Timedelta(hours=48)]
    untried = rows["first"].isna()
    assert follow_up.never_contacted_rate(sample_book, last=12).iloc[0][["numerator", "denominator"]].tolist() == [
        untried.sum(), len(rows)
    ]  # fmt: skip
    open_ = rows["converted_at"].isna() & rows["disqualified_at"].isna()
    by_fate = follow_up.inflow_leakage(sample_book, by="fate", last=12).set_index("fate")["denominator"]
    no_seller = (rows["owner_id"] == "") & rows["assigned_at"].isna()
    assert by_fate["unassigned"] == (open_ & untried & no_seller).sum()
    assert by_fate["never contacted"] == (open_ & untried & ~no_seller).sum()
    assert by_fate["rejected"] == (rows["converted_at"].isna() & rows["disqualified_at"].notna()).sum()
    assert by_fate.sum() == len(rows)


def test_the_odds_of_a_quick_answer_hold_the_planted_ratio(sample_book, plain):
    found = follow_up.quick_answer_odds(sample_book, last=24).iloc[0]
    assert found["low"] <= 2.5 <= found["high"]
    assert found["p"] < 0.001
    rows = plain.waits[plain.waits["first"].notna() & ~plain.waits["touched_before"]]
    fortnight = pd.Timedelta(days=14)
    rows = rows[(rows["first"] + fortnight <= AS_OF) & within(rows["day"], TWO_YEARS)]
    talks = plain.contacts[plain.contacts["reached_decision_maker"] == "true"]
    reached = [
        bool(((talks["occurred_at"][talks["lead_id"] == lead] - first).between(pd.Timedelta(0), fortnight)).any())
        for lead, first in rows["first"].items()
    ]
    quick = (rows["first"] - rows["created_at"]).dt.total_seconds() <= 3600
    assert (found["quick_n"], found["later_n"]) == (quick.sum(), (~quick).sum())
    assert found["quick_k"] + found["later_k"] == sum(reached)


def test_the_planted_distance_between_attempts_stands_out(sample_book):
    rows = follow_up.attempt_odds(sample_book, by="gap_from_days", last=24).set_index("gap_from_days")
    assert rows["value"].idxmax() == 2
    assert rows.loc[2, "low"] > 1
    assert rows.loc[0, "value"] < 1
    # Two to four days against within a day alone: the planted odds ratio is two.
    two = follow_up.attempt_odds(sample_book, by="gap_from_days", last=24, where={"gap_from_days": [0, 2]})
    planted = two.set_index("gap_from_days").loc[2]
    assert planted["low"] <= 2.0 <= planted["high"]


def test_a_weekday_is_compared_among_attempts_that_waited_as_long(sample_book):
    # What is tried on a Monday had a weekend before it: the planted distance must not pass for a good day.
    rows = follow_up.attempt_odds(sample_book, by="weekday", last=24)
    assert (rows["p"] > 0.05).all()


def test_the_odds_of_two_groups_are_each_other_s_inverse(sample_book):
    rows = follow_up.attempt_odds(sample_book, by="channel", last=24, where={"channel": ["call", "email"]})
    assert rows["value"].prod() == pytest.approx(1)
    assert rows["p"].iloc[0] == pytest.approx(rows["p"].iloc[1])


def test_sales_by_contact_add_up_to_all_sales(sample_book):
    rows = follow_up.touch_of_sale(sample_book, last=24)
    assert rows["numerator"].sum() == rows["denominator"].iloc[0]
    won = sample_book.rows("select count(*) as n from deal_facts where is_won and is_new_business and closed_on >= ?",
                           [TWO_YEARS])["n"].iloc[0]  # fmt: skip
    assert rows["denominator"].iloc[0] == won


def test_the_value_of_untried_leads_is_their_number_times_share_times_size(sample_book):
    row = follow_up.unfollowed_value(sample_book, last=12).iloc[0]
    left = follow_up.never_contacted_rate(sample_book, last=12).iloc[0]["numerator"]
    facts = sample_book.rows("select * from lead_facts where is_inbound and is_attempted and created_on >= ?", [YEAR])
    deals = sample_book.rows(
        "select avg(amount_minor) / 100 as size from deal_facts where is_won and is_new_business and has_amount "
        "and closed_on >= ?", [YEAR])  # fmt: skip
    assert row["n"] == left
    assert row["value"] == pytest.approx(left * facts["is_won"].mean() * deals["size"].iloc[0])
    assert row["low"] < row["value"] < row["high"]


def test_answered_by_an_hour_is_the_share_answered_within_the_hour(sample_book):
    rows = follow_up.answered_by(sample_book, last=12).set_index(["clock", "t"])
    # All these leads have been watched for an hour or more but the very youngest.
    whole = follow_up.answered_within_hour(sample_book, last=12).iloc[0]
    assert rows.loc[("elapsed", 1.0), "value"] == pytest.approx(whole["value"], abs=0.002)
    assert (rows["low"] <= rows["value"]).all()
    assert (rows.groupby("clock")["value"].diff().dropna() >= 0).all()


def test_the_score_s_quality_is_the_share_of_pairs_in_the_right_order(sample_book):
    lift = follow_up.lead_score_lift(sample_book)
    found = follow_up.lead_score(sample_book).iloc[0]
    said = follow_up.lead_score_calibration(sample_book)
    assert lift["numerator"].sum() == said["numerator"].sum() == found["numerator"]
    assert lift["denominator"].sum() == said["n"].sum() == found["n"]
    assert lift["captured"].iloc[-1] == pytest.approx(1)
    assert found["low"] < found["value"] < found["high"]


def test_the_score_of_a_few_leads_is_refused(tmp_path):
    book = book_of(tmp_path, leads=LEADS, activities=ACTIVITIES, deals=DEALS)
    for kpi in (follow_up.lead_score, follow_up.lead_score_lift, follow_up.lead_score_calibration):
        assert kpi(book)["reason"].iloc[0] == "too few outcomes"


def test_closeable_deals_come_before_leads_and_each_in_its_order(sample_book):
    rows = follow_up.order_of_work(sample_book)
    kinds = rows["kind"].tolist()
    assert kinds == sorted(kinds)  # deals, then leads
    assert rows["place"].tolist() == list(range(1, len(rows) + 1))
    deals, leads = rows[rows["kind"] == "deal"], rows[rows["kind"] == "lead"]
    assert (deals["amount"].fillna(0) * deals["value"]).is_monotonic_decreasing
    assert leads["value"].dropna().is_monotonic_decreasing
    state = sample_book.rows("select lead_id, is_open, is_converted, n_attempts from lead_facts").set_index("lead_id")
    assert state.loc[leads["id"], "is_open"].all()
    assert not state.loc[leads["id"], "is_converted"].any()
    assert (state.loc[leads.loc[leads["why"] == "never tried", "id"], "n_attempts"] == 0).all()
    last = sample_book.rows("select deal_id from deal_steps where next_stage = 'Won' and is_open and not is_mature")
    assert set(deals["id"]) == set(last["deal_id"])
