"""Real exports through a map give the figures their publisher gives."""

import pytest

from salesbook.book import Book
from salesbook.build import build
from salesbook.kpis import forecast_accuracy, pipeline, scorecard
from salesbook.settings import load

SETTINGS = """
[report]
month = "2017-12"
zone = "UTC"
currency = "USD"
[source]
path = "{path}"
currency = "USD"
date_form = "{date_form}"
[files]
deals = "sales_pipeline.csv"
accounts = "accounts.csv"
reps = "sales_teams.csv"
[columns.deals]
deal_id = "opportunity_id"
owner_id = "sales_agent"
account_id = "account"
stage = "deal_stage"
created_at = "engage_date"
closed_at = "close_date"
amount = "close_value"
[constants.deals]
pipeline = "Sales"
[words.deals.product]
GTXPro = "GTX Pro"
[columns.accounts]
account_id = "account"
name = "account"
[columns.reps]
owner_id = "sales_agent"
display_name = "sales_agent"
team = "regional_office"
"""
STAGES = [
    ("Prospecting", 1, False, False),
    ("Engaging", 2, False, False),
    ("Won", 3, True, False),
    ("Lost", 4, False, True),
]


def rows_of_stages() -> str:
    lines = ['[[rows.stages]]\npipeline = "Sales"\nstage = "{}"\nposition = {}\nis_won = {}\nis_lost = {}']
    return "\n".join(
        lines[0].format(name, place, str(won).lower(), str(lost).lower()) for name, place, won, lost in STAGES
    )


@pytest.fixture(scope="module", params=[("", "ymd"), ("excel-resaved", "mdy")], ids=["as published", "through Excel"])
def crm(request, real_data, tmp_path_factory) -> Book:
    folder, (form, date_form) = tmp_path_factory.mktemp("crm"), request.param
    path = real_data / "crm-sales-opportunities" / form
    text = SETTINGS.format(path=path, date_form=date_form) + rows_of_stages()
    (folder / "salesbook.toml").write_text(text, encoding="utf-8")
    return Book(build(load(folder), "2017-12", folder / "run"))


def value(kpi, book, **question):
    return kpi(book, last=24, **question).iloc[0]


def test_every_opportunity_is_read_and_loaded(crm):
    deals = crm.inputs.set_index("table").loc["deals"]
    assert (deals["rows_read"], deals["rows_loaded"], deals["rows_rejected"]) == (8800, 8800, 0)


def test_won_lost_rate_and_revenue_are_as_published(crm):
    rate = value(scorecard.win_rate, crm)
    assert (rate["numerator"], rate["denominator"] - rate["numerator"]) == (4238, 2473)
    assert round(rate["value"], 4) == 0.6315
    assert value(scorecard.won, crm)["value"] == 10_005_534


def test_the_mean_cycles_are_as_published(crm):
    assert round(value(pipeline.sales_cycle, crm)["mean"], 2) == 51.78
    assert round(value(pipeline.closing_cycle, crm)["mean"], 2) == 47.99


def test_the_quarters_are_as_published(crm):
    quarters = scorecard.won(crm, period="quarter", last=4)["value"]
    assert quarters.tolist() == [1_134_672, 3_086_111, 2_982_255, 2_802_496]


def test_the_best_agent_product_and_region_are_as_published(crm):
    agents = scorecard.won(crm, by="owner_id", last=24).sort_values("value")
    assert agents.iloc[-1][["n", "value"]].tolist() == [349, 1_153_214]
    products = scorecard.won(crm, by="product", last=24).set_index("product")
    assert products.loc["GTX Pro", ["n", "value"]].tolist() == [729, 3_510_578]
    regions = scorecard.won(crm, by="owner.team", last=24).set_index("owner.team")
    assert regions.loc["West", "value"] == 3_568_647


def test_its_open_deals_have_no_amount_and_the_forecast_says_so(crm):
    parts = forecast_accuracy.weighted_forecast(crm)
    # 1,589 engaging and 500 prospecting; none of them has a close value.
    assert parts[["n", "n_without_amount"]].to_numpy().tolist() == [[2089, 2089]] * 2
    assert (parts["from_open"] > 0).all()
