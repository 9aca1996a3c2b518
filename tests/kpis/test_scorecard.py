import numpy as np
import pytest

from salesbook.errors import WrongUsage
from salesbook.kpis import scorecard
from worked import book_of, only

DEALS = """
deal_id,owner_id,pipeline,stage,product,type,amount,currency,created_at,closed_at,status
D1,S1,Sales,Won,P,new,100.00,EUR,2026-09-01,2026-10-05,won
D2,S1,Sales,Lost,P,new,200.00,EUR,2026-09-02,2026-10-06,lost
D3,S2,Sales,Won,Q,existing,300.00,EUR,2026-09-02,2026-10-31,won
D4,S2,Sales,Won,Q,renewal,1000.00,EUR,2026-09-02,2026-10-30,won
D5,S2,Sales,Won,Q,new,,EUR,2026-09-02,2026-10-30,won
D6,S2,Sales,Proposal,Q,new,700.00,EUR,2026-09-02,,open
D7,S1,Sales,Won,P,new,200.00,EUR,2026-08-02,2026-09-30,won
D8,S1,Sales,Won,P,new,400.00,EUR,2025-08-02,2025-10-30,won
D9,S1,Sales,Won,P,new,0.00,EUR,2026-08-02,2026-10-02,won
"""
REPS = """
owner_id,display_name,team
S1,Seller 01,North
S2,Seller 02,South
"""
TARGETS = """
target_id,kpi,level,level_id,starts_on,ends_on,value,currency
T1,won,organisation,,2026-10-01,2026-10-31,2800,EUR
T2,won,team,North,2026-10-01,2026-12-31,660,EUR
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return book_of(tmp_path_factory.mktemp("scorecard"), deals=DEALS, reps=REPS, targets=TARGETS)


def test_won_adds_up_the_amounts_of_the_deals_that_closed_in_the_month(book):
    assert only(scorecard.won(book))["value"] == 100 + 300 + 1000
    assert only(scorecard.deals_won(book))["value"] == 5


def test_win_rate_leaves_out_open_deals_and_renewals(book):
    rate = only(scorecard.win_rate(book))
    assert (rate["numerator"], rate["denominator"]) == (4, 5)
    assert rate["value"] == 4 / (4 + 1)
    assert rate["low"] < rate["value"] < rate["high"]


def test_average_deal_size_leaves_out_deals_without_amount_and_renewals(book):
    size = only(scorecard.average_deal_size(book))
    assert (size["n"], size["numerator"], size["value"]) == (2, 400, (100 + 300) / 2)


def test_the_median_has_no_interval_under_six_deals(book):
    size = only(scorecard.median_deal_size(book))
    assert size["value"] == (100 + 300) / 2
    assert np.isnan(size["low"])
    assert np.isnan(size["high"])


def test_a_group_follows_the_seller_to_the_team(book):
    rates = scorecard.win_rate(book, by="owner.team")
    assert rates[["owner.team", "numerator", "denominator"]].to_numpy().tolist() == [["North", 2, 3], ["South", 2, 2]]


def test_empty_months_stay_on_the_axis_with_their_reason(book):
    rates = scorecard.win_rate(book, period="month", last=4)
    assert rates["period"].dt.strftime("%Y-%m").tolist() == ["2026-07", "2026-08", "2026-09", "2026-10"]
    assert rates["value"].isna().tolist() == [True, True, False, False]
    assert rates["reason"].tolist() == ["nothing closed", "nothing closed", "", ""]


def test_growth_compares_with_the_month_before_and_the_year_before(book):
    assert only(scorecard.growth(book))["value"] == 1400 / 200 - 1
    assert only(scorecard.growth_on_year(book))["value"] == 1400 / 400 - 1
    assert only(scorecard.growth_this_year(book))["value"] == (1400 + 200) / 400 - 1


def test_growth_from_nothing_has_no_rate(book):
    rows = scorecard.growth(book, by="owner.team")
    south = rows[rows["owner.team"] == "South"].iloc[0]
    assert np.isnan(south["value"])
    assert south["reason"] == "nothing won before"


def test_growth_by_month_matches_each_month_with_the_one_before(book):
    rows = scorecard.growth(book, period="month", last=2)
    assert rows["numerator"].tolist() == [200, 1400]
    assert rows["denominator"].tolist() == [0, 200]


def test_a_part_quarter_is_compared_with_as_many_working_days_of_the_one_before(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    A,Sales,Won,100.00,EUR,2026-06-01,2026-07-30,won
    B,Sales,Won,1000.00,EUR,2026-06-01,2026-07-31,won
    C,Sales,Won,300.00,EUR,2026-06-01,2026-10-30,won
    """
    rows = only(scorecard.growth(book_of(tmp_path, deals=deals), period="quarter"))
    # October 2026 has 22 working days; the 22nd of the quarter before is 30 July.
    assert (rows["numerator"], rows["denominator"]) == (300, 100)


def test_attainment_is_won_over_target(book):
    assert only(scorecard.attainment(book))["value"] == 1400 / 2800


def test_a_target_of_a_quarter_is_spread_over_its_working_days(book):
    north = only(scorecard.team_attainment(book, by="level_id"))
    # 22 of the quarter's 65 working days are in October (Christmas Day is closed).
    assert north["numerator"] == 100
    assert north["denominator"] == pytest.approx(660 * 22 / 65, abs=0.01)


def test_the_running_total_ends_at_the_month_s_totals(book):
    days = scorecard.won_so_far(book)
    assert len(days) == 31
    assert days["value"].iloc[-1] == 1400
    assert days["target"].iloc[-1] == 2800
    assert days["working_day"].iloc[-1] == 22


def test_the_rows_behind_a_number_are_its_deals(book):
    assert scorecard.won.rows(book)["deal_id"].tolist() == ["D1", "D3", "D4", "D5", "D9"]
    assert scorecard.win_rate.rows(book, where={"owner.team": "South"})["deal_id"].tolist() == ["D3", "D5"]


def test_a_column_that_does_not_exist_is_refused_with_the_nearest(book):
    with pytest.raises(WrongUsage, match=r"owner\.team"):
        scorecard.win_rate(book, by="owner.teams")
    with pytest.raises(WrongUsage, match="is_won"):
        scorecard.win_rate(book, where={"is_one": True})


def test_a_value_asked_for_is_never_sql(book):
    assert only(scorecard.win_rate(book, where={"product": "P' or '1'='1"}))["denominator"] == 0


def test_an_amount_in_a_foreign_currency_takes_the_rate_of_its_closing_day(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    A,Sales,Won,100.00,DKK,2026-09-01,2026-10-05,won
    B,Sales,Won,100.05,DKK,2026-09-01,2026-10-10,won
    """
    rates = """
    currency,rate_on,rate
    DKK,2026-10-05,0.13400000
    DKK,2026-10-09,0.13500000
    DKK,2026-10-30,0.13600000
    """
    won = only(scorecard.won(book_of(tmp_path, deals=deals, fx_rates=rates)))
    assert won["value"] == 13.40 + 13.51  # 100.05 × 0.135 = 13.50675: rounded per deal
