"""What the forecast page claims: the planted errors are found with their size, and nothing where none is planted."""

import numpy as np
import pandas as pd
import pytest

from salesbook.headlines import forecast_accuracy as say
from salesbook.kpis import forecast_accuracy as kpis
from worked import book_of


@pytest.fixture(scope="module")
def found(sample_book):
    return say.this_month(sample_book)


def test_the_planted_stage_and_the_planted_seller_are_named(found):
    claims = [one.headline for one in found if one.is_claim]
    assert len(claims) == 2
    assert "CRM promises too much" in claims[0]
    assert claims[0].split(":")[0] in ("Proposal", "Negotiation")
    assert "Seller 05 promises" in claims[1]


def test_the_size_of_the_planted_optimism_lies_in_the_interval(sample_book):
    rows = say.seller_rows(sample_book).set_index("seller")
    assert rows.loc["Seller 05", "low"] < 0.4 < rows.loc["Seller 05", "high"]


def test_the_quarter_is_told_with_its_parts_and_how_such_intervals_did(found):
    assert found[0].headline.startswith("Q4 2026 comes to about €1.")
    assert not found[0].is_claim
    assert "past intervals held" in found[0].detail


def stage(**more) -> pd.DataFrame:
    usual = {"stage": "Demo", "said": 0.5, "value": 0.3, "low": 0.2, "high": 0.4, "n": 90, "p": 0.001, "reason": ""}
    return pd.DataFrame([usual | more])


def test_a_stage_is_named_with_the_side_on_which_the_crm_errs(sample_book):
    assert say.stage_off(sample_book, stage()).claim.headline == "Demo: the CRM promises too much"
    assert say.stage_off(sample_book, stage(said=0.1)).claim.headline == "Demo: the CRM promises too little"


def test_a_small_difference_or_a_small_stage_is_not_tested(sample_book):
    assert np.isnan(say.stage_off(sample_book, stage(said=0.34)).p)
    assert np.isnan(say.stage_off(sample_book, stage(n=10)).p)


def test_the_test_of_a_stage_pays_for_all_that_were_looked_at(sample_book):
    many = pd.concat([stage(p=0.01), *[stage(p=0.5)] * 4], ignore_index=True)
    assert say.stage_off(sample_book, many).p == pytest.approx(5 * 0.01)


def seller(**more) -> pd.DataFrame:
    usual = {"owner_id": "S01", "method": "rep", "horizon": 1, "n": 8, "raw": 0.3, "p": 0.001, "value": 0.25}
    return pd.DataFrame([usual | {"low": 0.1, "high": 0.4, "reason": ""} | more])


def test_a_seller_is_named_only_for_a_bias_that_matters(sample_book):
    assert say.seller_off(sample_book, seller()).claim.headline.startswith("Seller 01 promises about 25% too much")
    assert say.seller_off(sample_book, seller(raw=-0.3, value=-0.25, low=-0.4, high=-0.1)).claim.headline.endswith(
        "too little"
    )
    assert np.isnan(say.seller_off(sample_book, seller(value=0.05)).p)
    assert np.isnan(say.seller_off(sample_book, seller(low=-0.01)).p)
    assert say.seller_off(sample_book, pd.concat([seller(), seller(owner_id="S02", value=0.01)])).p == 0.002


def test_where_names_are_off_no_seller_is_named(sample_book, monkeypatch):
    monkeypatch.setitem(sample_book.run, "names_of_sellers", False)
    assert np.isnan(say.seller_off(sample_book, seller()).p)


def test_methods_stand_side_by_side_with_how_they_did_at_the_same_distance(sample_book):
    side = say.side_by_side(sample_book, kpis.method_forecasts(sample_book)).set_index("method")
    biases = kpis.forecast_bias(sample_book)
    crm = biases[(biases["method"] == "crm_weighted") & (biases["horizon"] == 2)].iloc[0]
    assert side.loc["CRM's weighted sum", "bias"] == crm["value"]
    assert side.loc["CRM's weighted sum", "held"] == 0
    assert (side["held"] <= side["of_quarters"]).all()


def test_distances_stand_side_by_side_the_farthest_first(sample_book):
    rows = say.by_distance(sample_book, kpis.forecast_bias(sample_book))
    assert rows.columns.tolist() == ["method", *(f"months_{months}" for months in range(6, 0, -1))]
    assert rows["method"].iloc[0] == "Last quarter again"


def test_a_company_in_which_nothing_has_ended_says_so_everywhere(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at
    A,Sales,Qualification,100.00,EUR,2026-09-02
    """
    book = book_of(tmp_path, deals=deals)
    found = say.this_month(book)
    assert not any(one.is_claim for one in found)
    assert "nothing closed" in found[0].detail
    assert ["cannot be judged yet" in one.headline for one in found] == [False, True, True]
    parts, now = kpis.weighted_forecast(book), kpis.method_forecasts(book)
    assert say.parts_rows(book, parts)["reason"].tolist() == ["nothing closed"]
    assert say.methods(book, say.side_by_side(book, now), parts)["headline"] == ""
    assert say.naive_error(book, say.error_rows(book, kpis.forecast_error(book))) is None
