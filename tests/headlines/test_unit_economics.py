"""What the page of unit economics claims: what was planted is found, with its size; without a plant nothing is said."""

import numpy as np
import pandas as pd
import pytest

from companies import books
from salesbook.errors import BadData
from salesbook.findings import Candidate
from salesbook.headlines import unit_economics as say
from salesbook.kpis import unit_economics
from salesbook.sample.effects import CHURN, CHURN_SINCE
from worked import book_of

DEALS = """
deal_id,account_id,pipeline,stage,product,amount,currency,created_at,closed_at,status
D1,A1,Sales,Won,P,100.00,EUR,2026-09-01,2026-10-05,won
"""


def claims(book) -> list[str]:
    return [found.headline for found in say.this_month(book) if found.is_claim]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    (book,) = books(tmp_path_factory.mktemp("large"), ["2026-10"], leads=9000, seed=13)
    return book


def test_the_planted_churn_of_newer_customers_is_found_with_its_size(large):
    found = say.newer_leave(large)
    assert found.p < 0.05
    assert any("leave sooner" in headline for headline in claims(large))
    newer, earlier = say.newer_and_earlier(large)
    rates = [part["has_left"].sum() / part["months"].sum() for part in (newer, earlier)]
    errors = [np.sqrt(rate / part["months"].sum()) for rate, part in zip(rates, (newer, earlier), strict=True)]
    assert abs(rates[0] - CHURN_SINCE) < 3 * errors[0]
    assert abs(rates[1] - CHURN) < 3 * errors[1]


def test_the_planted_effect_of_deep_discounts_is_found_with_its_size(large):
    row = unit_economics.deep_discount_odds(large, last=24).iloc[0]
    assert row["low"] <= 2.0 <= row["high"]
    assert any("15% discount" in headline for headline in claims(large))


def test_the_first_sentence_is_counted_and_claims_nothing(sample_book):
    first = say.this_month(sample_book)[0]
    assert not first.is_claim
    assert str(int(unit_economics.mrr(sample_book)["n"].iloc[0])) in first.detail


def test_the_bridge_s_steps_lead_from_start_to_end(sample_book):
    moves = unit_economics.mrr_movement(sample_book)
    steps = say.bridge_rows(sample_book, moves)
    totals = steps.loc[steps["is_total"], "value"].tolist()
    assert steps.loc[~steps["is_total"], "value"].sum() == pytest.approx(totals[1] - totals[0])


def test_a_cost_that_doubled_is_claimed_and_one_that_held_is_not(tmp_path):
    def company(folder, spent):
        months = [f"{2025 + place // 12}-{place % 12 + 1:02d}" for place in range(22)]
        days = [f"{month}-10" for month in months for _ in range(5)]
        deals = [f"D{i},A{i},Sales,Won,P,100.00,EUR,{day},{day},won" for i, day in enumerate(days)]
        accounts = [f"A{i},Name {i}" for i in range(len(days))]
        costs = [f"{month}-01,media,{spent if month > '2026-04' else 100},EUR,Web,1" for month in months]
        head = "deal_id,account_id,pipeline,stage,product,amount,currency,created_at,closed_at,status\n"
        return book_of(
            folder,
            deals=head + "\n".join(deals),
            accounts="account_id,name\n" + "\n".join(accounts),
            costs="period,type,amount,currency,channel,acquisition_share\n" + "\n".join(costs),
        )

    assert claims(company(tmp_path / "dear", 250)) == ["A new customer costs more: €50"]
    assert claims(company(tmp_path / "level", 105)) == []


def test_months_that_scatter_or_lack_costs_make_a_difference_less_sure():
    months = pd.DataFrame({"numerator": [100.0] * 12 + [200.0] * 6, "denominator": [10.0] * 18})
    assert say.customers_for_money(months, 6) < 0.001
    scattered = months.assign(denominator=[1.0, 19.0] * 9)
    assert say.customers_for_money(scattered, 6) > 0.05
    assert np.isnan(say.customers_for_money(months.assign(numerator=[0.0] + [100.0] * 17), 6))


def test_a_missing_table_is_named_in_the_sentence(tmp_path):
    book = book_of(tmp_path, deals=DEALS)
    found = say.this_month(book)
    assert not any(one.is_claim for one in found)
    assert "subscriptions" in found[0].detail
    assert isinstance(say.cost_moved(book), Candidate)
    assert "costs" in say.cost_moved(book).neutral.detail


def test_a_channel_stands_out_only_after_all_are_compared(sample_book):
    rows = unit_economics.cac(sample_book, by="channel", last=12)
    alike = rows.assign(denominator=20.0, numerator=1000.0, value=50.0)
    assert say.apart(alike) is None
    dear = alike.assign(numerator=np.where(alike["channel"] == "Event", 9000.0, 1000.0))
    assert say.apart(dear)["channel"] == "Event"


def test_an_unbalanced_bridge_never_reaches_the_page(sample_book, monkeypatch):
    columns = dict(unit_economics.recurring.SUMS) | {"churn": "contraction_minor"}
    wrong = {name: f"cast(sum({{{column}}}) as bigint)" for name, column in columns.items()}
    measure = unit_economics.recurring.MOVED
    changed = measure.__class__(**{**measure.__dict__, "aggregates": {"n": "count(*)"} | wrong})
    monkeypatch.setattr(unit_economics.recurring, "MOVED", changed)
    with pytest.raises(BadData, match="does not balance"):
        say.this_month(sample_book)
