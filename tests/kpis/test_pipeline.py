import pytest

from salesbook.kpis import pipeline
from worked import book_of

DEALS = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
A,Sales,Won,1.00,EUR,2026-10-01,2026-10-11,won
B,Sales,Won,1.00,EUR,2026-10-20,2026-10-31,won
C,Sales,Lost,1.00,EUR,2026-10-01,2026-10-02,lost
D,Sales,Won,1.00,EUR,,2026-10-02,won
E,Sales,Proposal,1.00,EUR,2026-01-02,,open
"""


def test_a_cycle_of_whole_local_days_is_whole_also_where_the_clock_changes(tmp_path):
    cycle = pipeline.sales_cycle(book_of(tmp_path, deals=DEALS)).iloc[0]
    assert (cycle["n"], cycle["value"], cycle["mean"]) == (2, (10 + 11) / 2, (10 + 11) / 2)


def test_the_closing_cycle_has_the_lost_deals_too(tmp_path):
    assert pipeline.closing_cycle(book_of(tmp_path, deals=DEALS)).iloc[0]["value"] == 10


def test_the_first_contact_may_be_with_the_lead(tmp_path):
    leads = """
    lead_id,created_at,source,status,converted_at,deal_id
    L1,2026-09-20,web,converted,2026-10-01,A
    """
    activities = """
    activity_id,type,direction,occurred_at,lead_id,deal_id,is_automatic
    1,email,outbound,2026-09-20,L1,,true
    2,call,outbound,2026-09-21,L1,,false
    3,call,outbound,2026-10-25,,B,false
    """
    book = book_of(tmp_path, deals=DEALS, leads=leads, activities=activities)
    cycle = pipeline.sales_cycle_from_contact(book).iloc[0]
    # A: 21 September to 11 October; B was spoken to only after it was made, so from its creation.
    assert (cycle["n"], cycle["value"]) == (2, (20 + 11) / 2)


def test_the_first_contact_is_found_also_on_what_was_merged(tmp_path):
    deals = DEALS.replace(",status\n", ",status,merged_at,merged_into\n").replace(",won\n", ",won,,\n")
    deals += "Z,Sales,Proposal,1.00,EUR,2026-10-15,,open,2026-10-21,B\n"
    leads = """
    lead_id,created_at,source,status,converted_at,deal_id,merged_at,merged_into
    L0,2026-09-10,web,new,,,2026-09-20,L1
    L1,2026-09-20,web,converted,2026-10-01,A,,
    """
    activities = """
    activity_id,type,direction,occurred_at,lead_id,deal_id
    1,call,outbound,2026-09-11,L0,
    2,call,outbound,2026-10-16,,Z
    """
    book = book_of(tmp_path, deals=deals, leads=leads, activities=activities)
    cycle = pipeline.sales_cycle_from_contact(book).iloc[0]
    # A: 11 September to 11 October; B: 16 October, when it was still Z, to 31 October.
    assert (cycle["n"], cycle["value"]) == (2, (30 + 15) / 2)


def test_a_reopened_deal_runs_from_creation_to_its_last_close(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    A,Sales,Won,1.00,EUR,2026-09-01,2026-10-11,won
    """
    history = """
    deal_id,stage,entered_at,exited_at
    A,Qualification,2026-09-01,2026-09-05
    A,Lost,2026-09-05,2026-09-20
    A,Proposal,2026-09-20,2026-10-11
    A,Won,2026-10-11,
    """
    book = book_of(tmp_path, deals=deals, stage_history=history)
    assert pipeline.sales_cycle(book).iloc[0]["value"] == pytest.approx(40)
    facts = book.rows("select n_reopened, first_closed_on, status from deal_facts").iloc[0]
    assert (facts["n_reopened"], str(facts["first_closed_on"])[:10], facts["status"]) == (1, "2026-09-05", "won")


VELOCITY = """
deal_id,owner_id,pipeline,stage,amount,currency,created_at,closed_at,status,type
A,S1,Sales,Won,300.00,EUR,2026-02-01,2026-02-11,won,new
B,S1,Sales,Won,500.00,EUR,2026-02-01,2026-03-03,won,new
C,S1,Sales,Lost,1.00,EUR,2026-02-01,2026-03-03,lost,new
D,S1,Sales,Lost,1.00,EUR,2026-02-01,2026-03-03,lost,new
E,S1,Sales,Proposal,1.00,EUR,2026-01-02,,open,new
F,S1,Sales,Demo,1.00,EUR,2026-01-02,,open,new
G,S1,Sales,Proposal,1.00,EUR,2026-01-02,,open,new
H,S1,Sales,Qualification,1.00,EUR,2026-01-02,,open,new
I,S1,Sales,Proposal,1.00,EUR,2026-01-02,,open,renewal
J,S1,Sales,Won,9999.00,EUR,2025-01-01,2025-10-31,won,new
"""


def test_velocity_is_qualified_deals_by_win_rate_by_size_by_pace(tmp_path):
    row = pipeline.pipeline_velocity(book_of(tmp_path, deals=VELOCITY)).iloc[0]
    # E, F and G are past the first stage; two of four were won, for 400 on average, in 10 and 30 days.
    assert row["n"] == 3
    assert row["value"] == pytest.approx(3 * (2 / 4) * 400 / 20)
    assert row["low"] < row["value"] < row["high"]


def test_velocity_where_nothing_was_won_is_unknown(tmp_path):
    rows = [line for line in VELOCITY.strip().splitlines() if ",won," not in line]
    row = pipeline.pipeline_velocity(book_of(tmp_path, deals="\n".join(rows))).iloc[0]
    assert row["value"] != row["value"]
    assert (row["n"], row["reason"]) == (3, "nothing won")


def test_velocity_agrees_with_plain_sums_on_the_sample(sample_book):
    deals = sample_book.rows("select * from deal_facts where is_new_business")
    year = deals[(deals["closed_on"] >= "2025-11-01") & (deals["closed_on"] < "2026-11-01")]
    won = year[year["is_won"]]
    size = won.loc[won["has_amount"], "amount_minor"].mean() / 100
    days = won.loc[won["has_created"], "cycle_seconds"].mean() / 86_400
    past_first = deals["is_open"] & (deals["stage"] != "Qualification")
    row = pipeline.pipeline_velocity(sample_book).iloc[0]
    assert row["n"] == past_first.sum()
    assert row["value"] == pytest.approx(past_first.sum() * len(won) / len(year) * size / days)
    products = pipeline.pipeline_velocity(sample_book, by="product")
    assert products["n"].sum() == row["n"]
