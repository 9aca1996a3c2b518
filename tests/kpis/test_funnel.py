import pytest

from salesbook.kpis import funnel
from worked import book_of

LEADS = """
lead_id,created_at,source,account_id,status,qualified_at,converted_at,deal_id,disqualified_at,merged_into,is_test
L1,2026-10-01,web,A1,converted,2026-10-02,2026-10-03,D1,,,
L2,2026-10-01,web,A2,qualified,2026-10-02,,,,,
L3,2026-10-01,fair,A2,new,,,,,,
L4,2026-09-30,fair,A3,qualified,2026-10-09,,,,,
L5,2026-10-05,fair,,disqualified,,,,2026-10-07,,
L6,2026-10-05,fair,,new,,,,,L5,
L7,2026-10-05,fair,,new,,,,,,true
"""
ACCOUNTS = """
account_id,name,org_number,country,domain,created_at
A1,Alfa,1234.5678,NL,,2026-10-01
A2,Beta,12345678,NL,beta.nl,2026-10-01
A3,Gamma,,NL,gamma.nl,2026-09-01
"""
DEALS = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
D1,Sales,Won,100.00,EUR,2026-10-03,2026-10-20,won
"""
ACTIVITIES = """
activity_id,type,direction,occurred_at,lead_id
1,call,outbound,2026-10-01T12:00:00Z,L1
2,call,outbound,2026-10-06T12:00:00Z,L6
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("funnel")
    return book_of(folder, deals=DEALS, leads=LEADS, accounts=ACCOUNTS, activities=ACTIVITIES)


def test_new_leads_leave_out_merged_and_test_records(book):
    assert funnel.new_leads(book).iloc[0]["value"] == 4


def test_two_accounts_with_one_number_are_one_organisation(book):
    assert funnel.new_organisations(book).iloc[0]["value"] == 1


def test_qualified_leads_count_by_the_day_they_were_first_qualified(book):
    assert funnel.qualified_leads(book).iloc[0]["value"] == 3
    by_source = funnel.qualified_leads(book, by="source")
    assert by_source[["source", "value"]].to_numpy().tolist() == [["fair", 1], ["web", 2]]


def test_a_step_counts_those_that_skipped_it(book):
    steps = funnel.lead_step_rate(book, by=["position", "step"])
    assert steps["step"].tolist() == ["lead", "contacted", "qualified", "deal", "won"]
    # L1 got to won, L2 to qualified (so through contacted), L5 was tried on its merged twin, L3 stayed a lead.
    assert steps["denominator"].tolist() == [4, 3, 2, 1, 1]
    assert steps["numerator"].tolist() == [3, 2, 1, 1, 0]


def history(*visits: str) -> str:
    return "deal_id,stage,entered_at\n" + "\n".join(visits)


def deals(*names: str) -> str:
    lines = [f"{name},Sales,Qualification,1.00,EUR,2026-06-01" for name in names]
    return "deal_id,pipeline,stage,amount,currency,created_at\n" + "\n".join(lines)


def test_a_skipped_stage_counts_as_reached_and_an_optional_one_is_no_step(tmp_path):
    visits = history(
        "A,Qualification,2026-06-01", "A,Demo,2026-06-03", "A,Proposal,2026-06-05", "A,Won,2026-06-09",
        "B,Qualification,2026-06-01", "B,Won,2026-06-09",
        "C,Qualification,2026-06-01", "C,Lost,2026-06-09",
    )  # fmt: skip
    book = book_of(tmp_path, deals=deals("A", "B", "C"), stage_history=visits)
    steps = funnel.stage_conversion(book, by=["position", "stage"], last=12)
    assert steps["stage"].tolist() == ["Qualification", "Proposal"]
    assert steps["denominator"].tolist() == [3, 2]
    rows = book.rows("select deal_id, stage, is_skipped from deal_steps where is_skipped")
    assert rows.to_numpy().tolist() == [["B", "Proposal", True]]


def test_a_deal_that_has_not_had_the_time_is_in_no_conversion(tmp_path):
    old = [f"O{number}" for number in range(9)]
    visits = [f"{name},Qualification,2026-06-01\n{name},Proposal,2026-07-01" for name in old]
    visits += ["Y,Qualification,2026-10-20"]
    book = book_of(tmp_path, deals=deals(*old, "Y"), stage_history=history(*visits))
    step = funnel.stage_conversion(book, by="stage", last=12).iloc[0]
    assert (step["stage"], step["denominator"]) == ("Proposal", 0) or step["denominator"] == 9


def test_moving_back_does_not_lower_what_was_reached(tmp_path):
    visits = history("A,Qualification,2026-06-01", "A,Proposal,2026-06-05", "A,Qualification,2026-06-09")
    book = book_of(tmp_path, deals=deals("A"), stage_history=visits)
    rows = book.rows("select stage, is_next_reached from deal_steps order by position")
    assert rows.to_numpy().tolist() == [["Qualification", True], ["Proposal", False]]
