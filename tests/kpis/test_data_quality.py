"""Data quality: worked by hand on a tiny company, and held against plain loops on the sample."""

from datetime import date, timedelta
from statistics import median

import pandas as pd
import pytest

from plain import AS_OF, ZONE, Plain
from salesbook.book import Book
from salesbook.kpis import data_quality as kpis
from salesbook.kpis.forecast_accuracy import crm_weighted_pipeline, weighted_forecast
from worked import book_of

REPS = """
owner_id,display_name,team,ended_on
S1,Seller 01,North,
S2,Seller 02,South,2026-09-30
"""
DEALS = """
deal_id,owner_id,pipeline,stage,amount,currency,created_at,expected_close,closed_at,status,type
A,S1,Sales,Proposal,100.00,EUR,2026-10-01T08:00:00Z,2026-12-15,,open,new
B,S1,Sales,Qualification,200.00,EUR,2026-08-01T08:00:00Z,2026-10-31,,open,new
C,S2,Sales,Qualification,0.00,EUR,2026-10-20T08:00:00Z,,,open,new
D,,Sales,Qualification,,EUR,2026-10-25T08:00:00Z,2026-11-01,,open,new
W,S1,Sales,Won,400.00,EUR,2026-09-01T08:00:00Z,2026-10-05,2026-10-05T12:00:00Z,won,new
V,S1,Sales,Won,300.00,EUR,2026-09-01T08:00:00Z,2026-10-06,2026-10-06T12:00:00Z,won,new
L,S1,Sales,Lost,50.00,EUR,2026-09-01T08:00:00Z,2026-10-07,2026-10-07T12:00:00Z,lost,new
O,S1,Sales,Won,900.00,EUR,2025-01-01T08:00:00Z,2025-02-01,2025-02-01T12:00:00Z,won,new
"""
# A skipped nothing; V skipped Proposal; W got Proposal and Demo in one second, half an hour before its win.
HISTORY = """
deal_id,stage,entered_at,exited_at,is_bulk
A,Qualification,2026-10-01T08:00:00Z,2026-10-03T08:00:00Z,
A,Proposal,2026-10-03T08:00:00Z,,
W,Qualification,2026-09-01T08:00:00Z,2026-10-05T11:30:00Z,
W,Demo,2026-10-05T11:30:00Z,2026-10-05T11:30:00Z,
W,Proposal,2026-10-05T11:30:00Z,2026-10-05T12:00:00Z,
W,Won,2026-10-05T12:00:00Z,,
V,Qualification,2026-09-01T08:00:00Z,2026-10-06T12:00:00Z,true
V,Won,2026-10-06T12:00:00Z,,
L,Qualification,2026-09-01T08:00:00Z,2026-10-07T12:00:00Z,
L,Lost,2026-10-07T12:00:00Z,,
"""
CHANGES = """
deal_id,field,old_value,new_value,changed_at
A,amount,,100.00,2026-10-05T08:00:00Z
B,amount,150.00,200.00,2026-08-20T08:00:00Z
"""
# On A two days before the month's end; the contact of W was entered two days late, that of V before it was held.
ACTIVITIES = """
activity_id,type,direction,occurred_at,owner_id,deal_id,recorded_at
1,call,outbound,2026-10-29T08:00:00Z,S1,A,2026-10-29T10:00:00Z
2,call,outbound,2026-10-02T08:00:00Z,S1,W,2026-10-04T08:00:00Z
3,meeting,outbound,2026-10-02T08:00:00Z,S1,V,2026-10-01T08:00:00Z
4,call,outbound,2026-10-02,S1,V,2026-10-03T08:00:00Z
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Book:
    folder = tmp_path_factory.mktemp("data_quality")
    return book_of(folder, deals=DEALS, stage_history=HISTORY, deal_changes=CHANGES, activities=ACTIVITIES, reps=REPS)


def failed(book: Book, rule: str) -> tuple[str, int]:
    """The deals that failed a check, in a row, and how many were put to it."""
    rows = book.rows("select deal_id, is_failed from deal_checks where rule = ? order by deal_id", [rule])
    return "".join(rows["deal_id"][rows["is_failed"]]), len(rows)


@pytest.mark.parametrize(
    ("rule", "deals", "checked"),
    [
        ("past_due", "B", 3),  # of A, B and D, which have a date: the last day of the month is over
        ("month_end_date", "B", 3),
        ("missing_date", "C", 4),
        ("missing_amount", "D", 6),  # open A to D, won W and V; what was lost need not be worth anything
        ("zero_amount", "C", 5),
        ("stale", "B", 4),  # its amount changed in August; C and D are younger than 30 days
        ("missing_owner", "D", 7),  # O closed longer than a year ago
        ("owner_left", "C", 3),
        ("skipped_stage", "V", 4),  # A, L, V, W have a history
        ("at_once", "W", 4),
        ("backfilled", "W", 2),
        ("bulk_edit", "V", 4),
    ],
)
def test_each_check_fails_the_deals_that_it_should(book, rule, deals, checked):
    assert failed(book, rule) == (deals, checked)


def test_every_check_is_in_the_list_of_rules(book):
    rules = book.rows("select distinct rule from deal_checks order by rule")["rule"].tolist()
    assert rules == sorted(kpis.RULES)


def test_the_share_is_checks_passed_of_checks_made_counted_by_deal(book):
    row = kpis.data_quality(book).iloc[0]
    made = 3 + 3 + 4 + 6 + 5 + 4 + 7 + 3 + 4 + 4 + 2 + 4
    assert (row["numerator"], row["denominator"], row["clusters"]) == (made - 12, made, 7)
    assert row["low"] < row["value"] < row["high"]


def test_money_is_at_stake_in_each_check_and_once_in_all(book):
    stake = kpis.amount_at_stake(book, by="rule").set_index("rule")["value"]
    assert stake["past_due"] == stake["stale"] == stake["month_end_date"] == 200
    # B failed three checks; C and D have no amount above zero.
    assert kpis.suspect_pipeline(book).iloc[0][["n", "value"]].tolist() == [1, 200]
    assert kpis.suspect_deals(book).iloc[0][["numerator", "denominator"]].tolist() == [3, 4]


def test_deals_to_mend_say_what_is_wrong_and_the_largest_is_first(book):
    rows = kpis.deals_to_mend(book)
    assert rows["deal_id"].tolist() == ["B", "C", "D"]
    assert rows["rules"].iloc[0] == ("past_due", "stale", "month_end_date")
    assert rows["reason"].tolist() == ["", "no amount", "no amount"]


def test_skipped_is_counted_among_mandatory_stages_gone_through_or_past(book):
    # Qualification and Proposal of A, V and W, Qualification of L: seven, of which V's Proposal was skipped.
    row = kpis.skipped_stages(book, last=3).iloc[0]
    assert (row["numerator"], row["denominator"]) == (1, 7)


def test_a_stage_that_most_won_deals_leave_out_is_optional_in_practice(tmp_path):
    deals = "deal_id,pipeline,stage,currency,created_at,closed_at,status\n"
    history = "deal_id,stage,entered_at\n"
    for number in range(10):
        deals += f"D{number},Sales,Won,EUR,2026-09-01T08:00:00Z,2026-10-05T12:00:00Z,won\n"
        history += f"D{number},Qualification,2026-09-01T08:00:00Z\n"
        history += f"D{number},Proposal,2026-09-11T08:00:00Z\n" if number == 0 else ""
        history += f"D{number},Won,2026-10-05T12:00:00Z\n"
    rows = kpis.optional_stages(book_of(tmp_path, deals=deals, stage_history=history)).set_index("stage")
    # Nine of ten skip Proposal, interval from 0.60; ten of ten Demo; none Qualification.
    assert rows["numerator"].to_dict() == {"Qualification": 0, "Demo": 10, "Proposal": 9}
    assert rows["is_optional"].to_dict() == {"Qualification": False, "Demo": True, "Proposal": True}


def test_days_alone_are_no_jump_and_no_back_filling(tmp_path):
    deals = "deal_id,pipeline,stage,currency,created_at,closed_at,status\nD,Sales,Won,EUR,2026-10-01,2026-10-05,won\n"
    history = "deal_id,stage,entered_at\nD,Qualification,2026-10-05\nD,Proposal,2026-10-05\nD,Won,2026-10-05\n"
    book = book_of(tmp_path, deals=deals, stage_history=history)
    for kpi in (kpis.stages_at_once, kpis.stages_backfilled):
        assert kpi(book).iloc[0]["reason"] == "no times of moves"


def test_five_deals_moved_in_one_second_were_moved_in_bulk_also_where_nobody_says_so(tmp_path):
    deals = "deal_id,pipeline,stage,currency,created_at,status\n"
    history = "deal_id,stage,entered_at\n"
    for number in range(9):
        second = 0 if number < 5 else number
        deals += f"D{number},Sales,Proposal,EUR,2026-09-01T08:00:00Z,open\n"
        history += f"D{number},Proposal,2026-10-05T12:00:0{second}Z\n"
    assert failed(book_of(tmp_path, deals=deals, stage_history=history), "bulk_edit") == ("D0D1D2D3D4", 9)


def test_entries_are_late_by_the_clock_and_those_made_before_are_out(book):
    # The call on A took two hours, that on W two days; V's meeting was entered before it, its call has no hour.
    row = kpis.registration_delay(book).iloc[0]
    assert (row["n"], row["value"]) == (2, (2 + 48) / 2)
    assert kpis.registered_within_day(book).iloc[0][["numerator", "denominator", "clusters"]].tolist() == [1, 2, 2]


def test_without_the_time_of_entry_lateness_is_not_known_and_says_so(tmp_path):
    activities = ACTIVITIES.replace(",recorded_at", "").replace("Z,S1,A,2026-10-29T10:00:00Z", "Z,S1,A")
    lines = [line.rsplit(",", 1)[0] if line.count(",") == 6 else line for line in activities.strip().splitlines()]
    made = book_of(tmp_path, deals=DEALS, stage_history=HISTORY, activities="\n".join(lines))
    for kpi in (kpis.registration_delay, kpis.registered_within_day):
        assert kpi(made).iloc[0]["reason"] == "no times of entry"


def test_days_until_an_amount_count_from_creation_and_watch_those_without(book):
    waits = book.rows("select deal_id, has_had_amount, waited_seconds from deal_amounts order by deal_id")
    waits = waits.set_index("deal_id")
    assert waits.loc["A", "waited_seconds"] == 4 * 86_400
    assert waits.loc["B", "waited_seconds"] == waits.loc["W", "waited_seconds"] == 0
    # D never got one and is watched from 9:00 on 25 October, local time, to midnight of the 31st.
    assert not waits.loc["D", "has_had_amount"]
    assert waits.loc["D", "waited_seconds"] == 7 * 86_400 - 9 * 3600
    # Created in October: A after four days, C (zero is none) and D never: fewer than half got one.
    assert kpis.days_until_amount(book).iloc[0]["reason"] == "fewer than half got one"
    # With August and September: B, L, V and W at once; four of seven have one on the first day.
    assert kpis.days_until_amount(book, last=3).iloc[0][["n", "numerator", "value"]].tolist() == [7, 5, 0]
    curve = kpis.amount_known_by(book, last=3).set_index("t")["value"]
    assert curve[0] == pytest.approx(4 / 7)
    assert curve[6] == pytest.approx(5 / 7)


def test_without_changes_of_deals_the_wait_for_an_amount_needs_them(tmp_path):
    made = book_of(tmp_path, deals=DEALS, stage_history=HISTORY)
    assert kpis.days_until_amount(made).iloc[0]["reason"] == "needs deal_changes"
    assert kpis.amount_known_by(made).iloc[0]["reason"] == "needs deal_changes"


def test_a_company_of_deals_alone_is_put_to_the_checks_that_apply(tmp_path):
    made = book_of(tmp_path, deals=DEALS.replace(",status,type", ",status").replace(",new\n", "\n"))
    rules = set(made.rows("select distinct rule from deal_checks")["rule"])
    assert rules == {
        "past_due",
        "month_end_date",
        "missing_date",
        "missing_amount",
        "zero_amount",
        "missing_owner",
        "stale",
    }
    assert kpis.skipped_stages(made).iloc[0]["reason"] == "needs stage_history"


def test_rows_of_the_import_are_counted_by_table_and_by_rule(tmp_path):
    deals = DEALS + "A,S1,Sales,Proposal,1.00,EUR,2026-10-01T08:00:00Z,2026-12-15,,open,new\nE,,,,,,,,,open,new\n"
    made = book_of(tmp_path, deals=deals, stage_history=HISTORY)
    rows = kpis.rejected_rows(made).set_index("table")
    read = 10
    rejected = made.run["rejected"]["deals"]
    assert rows.loc["deals", "denominator"] == read
    assert rows.loc["deals", "numerator"] == sum(rejected.values()) > 0
    remarks = kpis.import_remarks(made)
    assert dict(zip(remarks["rule"], remarks["rejected"], strict=True)).items() >= rejected.items()


# Held against plain loops over the sample


@pytest.fixture(scope="module")
def plain(project) -> Plain:
    return Plain(project / "data" / "sample")


@pytest.fixture(scope="module")
def deals(plain) -> pd.DataFrame:
    """The sample's deals that count, with their outcome by the visits known at the month's end."""
    rows = plain.read("deals")
    rows = rows[rows["merged_at"].isna() & rows["deleted_at"].isna() & (rows["is_test"] != "true")].set_index("deal_id")
    visits = plain.read("stage_history").sort_values("entered_at", kind="stable")
    rows["visits"] = visits.groupby("deal_id").apply(
        lambda part: list(zip(part["entered_at"], part["stage"], part["is_bulk"] == "true", strict=True)),
        include_groups=False,
    )
    rows["visits"] = [visits if isinstance(visits, list) else [] for visits in rows["visits"]]
    rows["outcome"] = [
        visits[-1][1] if visits and visits[-1][1] in ("Won", "Lost") else "open" for visits in rows["visits"]
    ]
    rows["ended_at"] = [
        visits[-1][0] if outcome != "open" else pd.NaT
        for visits, outcome in zip(rows["visits"], rows["outcome"], strict=True)
    ]
    no_history = (rows["visits"].str.len() == 0) & rows["closed_at"].notna()
    rows.loc[no_history, "outcome"] = rows.loc[no_history, "status"].str.capitalize()
    rows.loc[no_history, "ended_at"] = rows.loc[no_history, "closed_at"]
    return rows


def last_value(plain: Plain, field: str) -> dict[str, str]:
    """The newest known value of a field of deals, by their changes."""
    changes = plain.read("deal_changes")
    changes = changes[changes["field"] == field].sort_values("changed_at", kind="stable")
    return dict(zip(changes["deal_id"], changes["new_value"], strict=True))


def test_open_deals_past_due_at_a_month_s_end_or_without_owner_agree_with_a_plain_loop(sample_book, plain, deals):
    closes = last_value(plain, "expected_close")
    past, month_end, missing, unowned = set(), set(), set(), set()
    for deal, row in deals[deals["outcome"] == "open"].iterrows():
        text = closes.get(deal, row["expected_close"])
        day = date.fromisoformat(text) if text else None
        if day is None:
            missing.add(deal)
        else:
            past |= {deal} if day <= date(2026, 10, 31) else set()
            month_end |= {deal} if (day + timedelta(days=1)).day == 1 else set()
        unowned |= {deal} if not row["owner_id"] else set()
    sql = "select deal_id from deal_checks where rule = ? and is_failed and is_open"
    expected = {"past_due": past, "month_end_date": month_end, "missing_date": missing, "missing_owner": unowned}
    for rule, those in expected.items():
        assert set(sample_book.rows(sql, [rule])["deal_id"]) == those, rule
    assert past


def test_skips_and_jumps_agree_with_a_plain_loop(sample_book, deals):
    chain = {"Qualification": 1, "Needs analysis": 2, "Demo": 3, "Proposal": 4, "Negotiation": 5}
    mandatory = [stage for stage in chain if stage != "Demo"]
    skipped, at_once, backfilled = {}, {}, {}
    for deal, row in deals[deals["type"] != "renewal"].iterrows():
        visits = row["visits"]
        if not visits:
            continue
        entered = {stage for _, stage, _ in visits}
        furthest = 5 if row["outcome"] == "Won" else max((chain.get(stage, 0) for stage in entered), default=0)
        due = [stage for stage in mandatory if chain[stage] <= furthest]
        if due:
            skipped[deal] = any(stage not in entered for stage in due)
        times = [at for at, _, _ in visits]
        at_once[deal] = any(times.count(at) > 1 for at, stage, _ in visits if stage in chain)
        if row["outcome"] == "Won":
            near = [at for at, stage, _ in visits[1:] if stage in chain and row["ended_at"] - at <= timedelta(hours=1)]
            backfilled[deal] = bool(near)
    since = pd.Timestamp("2025-10-31T23:00")
    recent = deals.index[(deals["outcome"] == "open") | (deals["ended_at"] >= since)]
    sql = "select deal_id from deal_checks where rule = ? and is_failed"
    for rule, found in (("skipped_stage", skipped), ("at_once", at_once), ("backfilled", backfilled)):
        expected = {deal for deal in recent if found.get(deal)}
        assert set(sample_book.rows(sql, [rule])["deal_id"]) == expected, rule
        assert expected


def test_stale_deals_agree_with_a_plain_loop(sample_book, plain, deals):
    leads = plain.read("leads")
    of_lead = {row["lead_id"]: row["deal_id"] for row in leads.to_dict("records") if row["deal_id"]}
    signs = {deal: [at for at, _, _ in visits] for deal, visits in deals["visits"].items()}
    contacts = plain.read("activities")
    contacts = contacts[contacts["type"].isin(("call", "email", "meeting")) & (contacts["is_automatic"] != "true")]
    for row in contacts[contacts["occurred_at"].notna()].to_dict("records"):
        deal = row["deal_id"] or of_lead.get(row["lead_id"], "")
        if deal in signs:
            signs[deal].append(row["occurred_at"])
    for row in plain.read("deal_changes").to_dict("records"):
        if row["deal_id"] in signs:
            signs[row["deal_id"]].append(row["changed_at"])
    still = deals[deals["outcome"] == "open"]
    stale = {deal for deal in still.index if AS_OF - max(signs[deal]) > timedelta(days=30)}
    found = sample_book.rows("select deal_id from deal_checks where rule = 'stale' and is_failed")
    assert set(found["deal_id"]) == stale
    assert stale


def test_delays_of_entry_agree_with_a_plain_loop(sample_book, plain):
    everything = plain.read("deals")
    gone = set(everything.loc[everything["deleted_at"].notna() | (everything["is_test"] == "true"), "deal_id"])
    leads = plain.read("leads")
    gone_leads = set(leads.loc[leads["deleted_at"].notna() | (leads["is_test"] == "true"), "lead_id"])
    rows = plain.read("activities")
    rows = rows[rows["type"].isin(("call", "email", "meeting")) & (rows["is_automatic"] != "true")]
    rows = rows[~rows["deal_id"].isin(gone) & ~rows["lead_id"].isin(gone_leads) & rows["occurred_at"].notna()]
    local = rows["occurred_at"].dt.tz_localize("UTC").dt.tz_convert(ZONE)
    rows = rows[(local.dt.year == 2026) & (local.dt.month == 10) & (rows["recorded_at"] >= rows["occurred_at"])]
    hours = (rows["recorded_at"] - rows["occurred_at"]).dt.total_seconds() / 3600
    row = kpis.registration_delay(sample_book).iloc[0]
    assert row["n"] == len(hours)
    assert row["value"] == pytest.approx(median(hours))
    assert kpis.registered_within_day(sample_book).iloc[0]["numerator"] == (hours <= 24).sum()


def test_waits_for_an_amount_agree_with_a_plain_loop(sample_book, plain, deals):
    changes = plain.read("deal_changes")
    changes = changes[changes["field"] == "amount"].sort_values("changed_at", kind="stable")
    first = {deal: part.to_dict("records") for deal, part in changes.groupby("deal_id")}
    at_once = never = 0
    for deal, row in deals[deals["created_at"].notna()].iterrows():
        told = first.get(deal, [])
        has_any = float(row["amount"] or 0) > 0
        if told:
            at_once += float(told[0]["old_value"] or 0) > 0
            never += not float(told[0]["old_value"] or 0) > 0 and not any(float(c["new_value"] or 0) > 0 for c in told)
        else:
            at_once += has_any
            never += not has_any
    waits = sample_book.rows("select has_had_amount, waited_seconds from deal_amounts")
    assert (~waits["has_had_amount"]).sum() == never
    assert (waits["has_had_amount"] & (waits["waited_seconds"] == 0)).sum() == at_once


def test_the_forecast_with_every_deal_is_the_forecast(sample_book):
    rows = kpis.forecast_without_suspects(sample_book).set_index("left_out")
    parts = weighted_forecast(sample_book).iloc[0]
    assert rows.loc["none", ["value", "low", "high"]].tolist() == pytest.approx(
        parts[["value", "low", "high"]].tolist()
    )
    assert rows.loc["none", "crm"] == pytest.approx(crm_weighted_pipeline(sample_book)["value"].iloc[0])


def test_leaving_deals_out_takes_their_part_of_the_forecast_away(sample_book):
    rows = kpis.forecast_without_suspects(sample_book).set_index("left_out")
    single = rows.drop(index=["none", "suspect"])
    assert (single["value"] <= rows.loc["none", "value"] + 1e-6).all()
    assert (rows.loc["suspect", "value"] <= single["value"] + 1e-6).all()
    assert rows.loc["suspect", "amount"] == pytest.approx(kpis.suspect_pipeline(sample_book)["value"].iloc[0])
    weighted = sample_book.rows("select sum(weighted_minor) / 100 as w from checked_deals where not is_suspect")
    assert rows.loc["suspect", "crm"] == pytest.approx(float(weighted["w"].iloc[0]))


def test_a_slice_of_the_company_has_the_checks_of_its_own_deals(sample_book):
    teams = kpis.data_quality(sample_book, by="owner.team")
    for team, denominator in zip(teams["owner.team"], teams["denominator"], strict=True):
        if isinstance(team, str):
            assert kpis.data_quality(Book(sample_book.folder, {"team": team}))["denominator"].iloc[0] == denominator
