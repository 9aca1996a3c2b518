"""The deals or leads behind a number: each once, named as the settings allow, with the way back into the CRM."""

import pytest

from salesbook.book import Book
from salesbook.errors import WrongUsage
from salesbook.kpis import follow_up, funnel, pipeline, scorecard
from salesbook.listing import listing
from worked import SETTINGS, book_of

DEALS = """
deal_id,account_id,owner_id,pipeline,stage,product,amount,currency,created_at,closed_at,status,record_url
A,O1,S1,Sales,Won,X,100.00,EUR,2026-09-01,2026-10-05,won,https://crm.example/A
B,O1,S1,Sales,Won,Y,300.00,EUR,2026-09-01,2026-10-06,won,
C,,,Sales,Lost,Y,900.00,EUR,2026-09-01,2026-10-07,lost,
D,,,Sales,Won,Y,50.00,EUR,2026-09-01,2026-09-07,won,
"""
ACCOUNTS = """
account_id,name
O1,Acme
"""
REPS = """
owner_id,display_name,team
S1,Seller 01,North
"""


@pytest.fixture
def book(tmp_path) -> Book:
    return book_of(tmp_path, deals=DEALS, accounts=ACCOUNTS, reps=REPS)


def test_the_deals_won_are_listed_the_largest_first(book):
    found = listing(book, scorecard.deals_won)
    assert (found.kind, found.n, found.rows["record"].tolist()) == ("deals", 2, ["B", "A"])
    assert found.rows["amount"].tolist() == [300, 100]
    assert found.rows["organisation"].tolist() == ["Acme", "Acme"]
    assert found.rows["record_url"].tolist()[1] == "https://crm.example/A"


def test_a_slice_and_more_months_are_those_of_the_figure(book):
    assert listing(book, scorecard.win_rate, where={"product": "Y"}, last=2).rows["record"].tolist() == ["C", "B", "D"]
    assert listing(Book(book.folder, {"product": "X"}), scorecard.deals_won).rows["record"].tolist() == ["A"]


def test_a_seller_is_named_only_where_the_settings_allow_it(book, tmp_path):
    together = book.words.say("seller.together")
    assert listing(book, scorecard.deals_won).rows["seller"].tolist() == [together, together]
    settings = SETTINGS.replace("[report]", "[report]\nnames_of_sellers = true")
    named = book_of(tmp_path / "named", settings=settings, deals=DEALS, accounts=ACCOUNTS, reps=REPS)
    assert listing(named, scorecard.deals_won).rows["seller"].tolist() == ["Seller 01", "Seller 01"]


def test_a_deal_of_which_several_rows_count_is_listed_once(sample_book):
    found = listing(sample_book, pipeline.time_in_stage, last=24)
    assert found.n == len(found.rows) == found.rows["record"].nunique()
    assert found.n < pipeline.time_in_stage(sample_book, last=24)["n"].iloc[0]


@pytest.mark.parametrize(("kpi", "key"), [(pipeline.time_in_stage, "deal_id"), (follow_up.attempt_hazard, "lead_id")])
def test_rows_of_a_fact_without_links_of_its_own_lead_to_their_deal_or_lead(sample_book, kpi, key):
    listed, behind = listing(sample_book, kpi).rows, kpi.rows(sample_book)
    assert listed["record_url"].str.rpartition("/")[2].tolist() == listed["record"].tolist()
    assert behind["record_url"].str.rpartition("/")[2].tolist() == behind[key].tolist()


def test_a_list_is_as_long_as_the_figure_counts(sample_book):
    for kpi in (funnel.new_leads, funnel.qualified_leads, scorecard.deals_won, pipeline.stalled_deals):
        assert listing(sample_book, kpi).n == kpi(sample_book)["n"].iloc[0]
    leaked = listing(sample_book, follow_up.inflow_leakage, where={"is_leaked": True}, last=12)
    assert (leaked.kind, leaked.n) == ("leads", follow_up.inflow_leakage(sample_book, last=12)["numerator"].iloc[0])


def test_where_the_data_has_no_answer_there_is_no_list(book):
    assert listing(Book(book.folder, {"channel": "Web"}), scorecard.deals_won).n == 0
    assert listing(book, pipeline.stalled_deals).n == 0


def test_what_counts_neither_deals_nor_leads_has_no_list(book):
    for what in (scorecard.growth, scorecard.attainment):
        with pytest.raises(WrongUsage, match="no list"):
            listing(book, what)
