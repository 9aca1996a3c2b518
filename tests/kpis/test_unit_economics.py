"""Worked figures: tiny tables with the arithmetic shown, published parameters, and missing tables."""

import re

import numpy as np
import pandas as pd
import pytest

from salesbook import economics
from salesbook.errors import BadData, WrongUsage
from salesbook.kpi import KPIS, Ask
from salesbook.kpis import unit_economics
from salesbook.kpis.unit_economics import recurring
from salesbook.lifetime import fit_bg_nbd, fit_gamma_gamma, fit_sbg, sbg_periods_left
from salesbook.query import Question
from worked import SETTINGS, book_of, only

ACCOUNTS = "account_id,name\n" + "\n".join(f"A{number},Name {number}" for number in range(1, 10))
DEALS = """
deal_id,account_id,pipeline,stage,product,type,source,amount,currency,created_at,closed_at,status,discount,list_price
D1,A1,Sales,Won,P,new,Web,100.00,EUR,2026-09-01,2026-10-05,won,0.05,
D2,A2,Sales,Won,Q,new,Web,300.00,EUR,2026-09-01,2026-10-06,won,,400
D3,A3,Sales,Won,Q,new,Fair,200.00,EUR,2026-09-01,2026-10-07,won,0,
D4,A4,Sales,Won,Q,existing,Fair,200.00,EUR,2026-09-01,2026-10-08,won,0,
D5,A1,Sales,Won,Q,existing,,50.00,EUR,2026-09-01,2026-10-09,won,0.2,
D6,A5,Sales,Lost,P,new,Fair,100.00,EUR,2026-09-01,2026-10-10,lost,0.25,
D7,A6,Sales,Lost,P,new,Fair,,EUR,2026-09-01,2026-10-11,lost,0.25,
"""
COSTS = """
period,type,amount,currency,channel,owner_id,acquisition_share
2026-10-01,media,333.33,EUR,Web,,0.5
2026-10-01,media,333.33,EUR,Web,,0.5
2026-10-01,event,100.00,EUR,Fair,,1
2026-10-01,salary,1000.00,EUR,,,0.6
2026-11-01,media,9999.00,EUR,Web,,1
"""
SUBSCRIPTIONS = """
subscription_id,account_id,plan,mrr,currency,started_on,ended_on
1,A1,S,100.00,EUR,2026-01-10,2026-03-10
2,A1,M,150.00,EUR,2026-03-10,2026-06-15
3,A1,M,150.00,EUR,2026-08-01,
4,A2,S,1000.00,DKK,2026-02-28,2026-10-31
5,A3,S,10.00,EUR,2026-10-05,2026-10-20
6,A4,S,10.00,EUR,2026-10-31,
"""
MONTHS = [f"2026-{month:02d}" for month in range(1, 11)]
RATES = "currency,rate_on,rate\n" + "\n".join(f"DKK,{m}-25,{0.13 + i / 1000:.8f}" for i, m in enumerate(MONTHS, 1))
ORDERS = """
order_id,account_id,ordered_at,amount,currency,cost
O1,A1,2026-10-03T10:00:00Z,300.00,EUR,100.00
O2,A1,2026-10-03T12:00:00Z,100.00,EUR,
O3,A2,2026-05-03T12:00:00Z,400.00,EUR,300.00
O4,A2,2026-07-03T12:00:00Z,400.00,EUR,
O5,A3,2025-10-30T12:00:00Z,900.00,EUR,
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    tables = {"accounts": ACCOUNTS, "deals": DEALS, "costs": COSTS, "subscriptions": SUBSCRIPTIONS}
    folder = tmp_path_factory.mktemp("unit-economics")
    return book_of(folder, **tables, orders=ORDERS, fx_rates=RATES + "\nDKK,2026-10-31,0.14100000")


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    return book_of(tmp_path_factory.mktemp("bare"), deals=DEALS, accounts=ACCOUNTS)


@pytest.fixture(scope="module")
def spent(tmp_path_factory):
    return book_of(tmp_path_factory.mktemp("spent"), deals=DEALS, accounts=ACCOUNTS, costs=COSTS)


class TestCost:
    def test_a_customer_is_new_at_its_first_purchase_of_any_kind(self, book):
        found = book.rows("select account_id, customer_on, is_acquired, channel from new_customers order by 1")
        days = found["customer_on"].dt.strftime("%m-%d").tolist()
        assert found["account_id"].tolist() == ["A1", "A2", "A3", "A4"]
        assert days == ["01-10", "02-28", "10-30", "10-08"]
        assert found["channel"].tolist() == ["Web", "Web", "Fair", "Fair"]
        # A4's first deal is of an existing customer: it was won before the data begin.
        assert found["is_acquired"].tolist() == [True, True, True, False]

    def test_where_no_purchase_has_an_account_customers_are_not_known(self, tmp_path):
        nobody = re.sub(r"(?m)^(D\d,)A\d", r"\1", DEALS)
        tables = {"deals": nobody, "accounts": ACCOUNTS, "costs": COSTS}
        unknown = book_of(tmp_path / "unknown", **tables)
        for kpi in (unit_economics.new_customers, unit_economics.cac, unit_economics.media_cac):
            row = only(kpi(unknown))
            assert np.isnan(row["value"])
            assert row["reason"] == "no customers known"
        # Orders tell who buys, though deals do not: A1's on 3 October is its first, those of A2 and A3 are earlier.
        assert only(unit_economics.new_customers(book_of(tmp_path / "orders", **tables, orders=ORDERS)))["value"] == 1

    def test_a_company_that_has_won_nothing_yet_has_no_new_customers(self, tmp_path):
        lost = "\n".join(line for line in DEALS.strip().splitlines() if ",Won," not in line)
        row = only(unit_economics.new_customers(book_of(tmp_path, deals=lost, accounts=ACCOUNTS)))
        assert (row["value"], row["reason"]) == (0, "")

    def test_cost_is_the_part_spent_on_winning(self, book):
        assert only(unit_economics.acquisition_cost(book))["value"] == 2 * 166.67 + 100 + 600
        assert only(unit_economics.media_cost(book))["value"] == 2 * 166.67

    def test_by_channel_every_customer_bears_an_equal_part_of_what_is_spent_on_none(self, spent):
        cost = unit_economics.cac(spent, by="channel").set_index("channel")
        # Three new customers: two by Web, one by Fair; 600 on no channel is 200 each.
        assert cost.loc["Web", "numerator"] == pytest.approx(333.34 + 2 * 200)
        assert cost.loc["Fair", "value"] == pytest.approx(100 + 200)
        assert cost["numerator"].sum() == pytest.approx(only(unit_economics.cac(spent))["numerator"])
        low, high = economics.count_interval(2)
        assert cost.loc["Web", "low"] == pytest.approx(733.34 / high)
        assert cost.loc["Web", "high"] == pytest.approx(733.34 / low)

    def test_a_slice_of_one_channel_gives_what_the_table_by_channel_gives(self, spent):
        sliced = type(spent)(spent.folder, {"channel": "Web"})
        row = unit_economics.cac(spent, by="channel").set_index("channel").loc["Web"]
        assert only(unit_economics.cac(sliced))["value"] == row["value"]
        assert only(unit_economics.cac(spent, where={"channel": "Web"}))["value"] == row["value"]

    def test_media_alone_leaves_out_channels_without_any(self, spent):
        cost = unit_economics.media_cac(spent, by="channel").set_index("channel")
        assert cost.loc["Web", "value"] == pytest.approx(333.34 / 2)
        assert cost.loc["Fair", "reason"] == "no costs booked"

    def test_a_lag_takes_the_cost_of_earlier_months(self, tmp_path):
        settings = SETTINGS + "[economics]\nlag_months = 1\n"
        costs = COSTS.replace("2026-10-01", "2026-09-01")
        book = book_of(tmp_path, settings=settings, deals=DEALS, accounts=ACCOUNTS, costs=costs)
        assert only(unit_economics.cac(book))["value"] == pytest.approx(1033.34 / 3)
        trend = unit_economics.cac(book, period="month", last=2)
        assert trend["numerator"].tolist() == pytest.approx([0, 1033.34])
        with pytest.raises(WrongUsage, match="month"):
            unit_economics.cac(book, period="quarter")


class TestWorth:
    def test_revenue_moves_as_the_catalogue_says(self, book):
        moves = unit_economics.mrr_movement(book, period="month", last=10).set_index("period")
        moves.index = moves.index.strftime("%m")
        assert moves["new"].to_dict() | {} == {m[-2:]: {"01": 100, "02": 132, "10": 10}.get(m[-2:], 0) for m in MONTHS}
        assert moves.loc["03", ["expansion", "currency", "value"]].tolist() == [50, 1, 283]
        assert moves.loc["06", ["churn", "currency", "value"]].tolist() == [150, 1, 136]
        assert moves.loc["08", ["reactivation", "value"]].tolist() == [150, 288]
        # A2 held 1,000 DKK at .139 in September, at .141 on the last day of October: it leaves at that rate.
        assert moves.loc["10", ["start", "churn", "currency", "value"]].tolist() == [150 + 139, 141, 2, 160]

    def test_what_began_and_ended_within_a_month_is_in_no_month_end(self, book):
        assert book.rows("select * from customer_months where account_id = 'A3'").empty

    def test_a_span_is_one_bridge(self, book):
        whole = only(unit_economics.mrr_movement(book, last=10))
        amounts = ["start", "new", "expansion", "contraction", "churn", "reactivation", "currency", "value"]
        assert whole[amounts].tolist() == [0, 242, 50, 0, 291, 150, 9, 160]

    def test_mrr_is_a_stock_and_arr_twelve_times_it(self, book):
        assert only(unit_economics.mrr(book, last=12))["value"] == 160
        assert only(unit_economics.arr(book))["value"] == 160 * 12
        with pytest.raises(WrongUsage, match="month"):
            unit_economics.mrr(book, period="year")

    def test_churn_and_arpa_are_sums_over_months(self, book):
        churn = only(unit_economics.customer_churn(book, last=10))
        # At the starts of months: A1 in Feb to Jun and Sep to Oct, A2 in Mar to Oct; each left once.
        assert (churn["numerator"], churn["denominator"]) == (2, 7 + 8)
        arpa = only(unit_economics.arpa(book, last=10))
        assert arpa["denominator"] == 8 + 8 + 1
        held = (100 * 2 + 150 * 6) + sum(130 + month for month in range(2, 10)) + 10
        assert arpa["value"] == pytest.approx(held / 17)

    def test_the_value_of_a_subscription_is_arpa_times_margin_over_churn(self, book):
        value = only(unit_economics.lifetime_value_subscription(book, last=10))
        arpa = only(unit_economics.arpa(book, last=10))["value"]
        assert value["margin"] == pytest.approx((300 - 100 + 400 - 300) / (300 + 400))
        assert value["value"] == pytest.approx(arpa * value["margin"] / (2 / 15))
        assert value["low"] < value["value"] < value["high"]

    def test_the_simple_value_is_price_times_purchases_times_years(self, book):
        value = only(unit_economics.lifetime_value_simple(book))
        # A1 bought once (two lines on one day), A2 twice, A3 on the last day but one of October a year ago: not in it.
        assert (value["n"], value["price"], value["purchases_a_year"]) == (2, (400 + 800) / 3, 3 / 2)
        assert value["value"] == pytest.approx(400 * 1.5 * 3)

    def test_the_golden_simple_value_is_1200(self, tmp_path):
        orders = (
            "order_id,account_id,ordered_at,amount,currency\nO1,A1,2026-10-03,400.00,EUR\nO2,A2,2026-10-04,400.00,EUR"
        )
        book = book_of(tmp_path, accounts=ACCOUNTS, deals=DEALS, orders=orders)
        value = only(unit_economics.lifetime_value_simple(book))
        assert (value["value"], value["low"], value["high"]) == (1200, 1200, 1200)
        assert only(unit_economics.lifetime_value_margin(book))["reason"] == "no gross margin"

    def test_a_setting_of_the_margin_goes_before_that_of_orders(self, tmp_path):
        settings = SETTINGS + "[economics]\ngross_margin = 0.5\nyears = 2.0\n"
        book = book_of(tmp_path, settings=settings, accounts=ACCOUNTS, deals=DEALS, orders=ORDERS)
        assert only(unit_economics.lifetime_value_margin(book))["value"] == pytest.approx(400 * 1.5 * 2 * 0.5)

    def test_products_per_customer_counts_different_ones(self, book):
        # A1 has P and Q, A2, A3 and A4 have Q.
        assert only(unit_economics.products_per_customer(book))["value"] == 5 / 4

    def test_few_leavers_or_repeats_have_no_model(self, book):
        assert only(unit_economics.lifetime_value_contracts(book))["reason"] == "too few"
        assert only(unit_economics.lifetime_value_orders(book))["reason"] == "too few"


class TestRatios:
    def test_value_over_cost_payback_and_highest_cost_agree(self, book):
        value = only(unit_economics.lifetime_value_subscription(book))
        cost = only(unit_economics.cac(book, last=12))["value"]
        ratio, payback = only(unit_economics.ltv_to_cac(book)), only(unit_economics.payback_months(book))
        assert ratio["value"] == pytest.approx(value["value"] / cost)
        assert payback["value"] == pytest.approx(cost / (value["arpa"] * value["margin"]))
        most = only(unit_economics.highest_cac(book))["value"]
        assert most == pytest.approx(min(value["value"] / 3, 12 * value["arpa"] * value["margin"]))

    def test_without_subscriptions_the_simple_value_with_margin_serves(self, tmp_path):
        book = book_of(tmp_path, accounts=ACCOUNTS, deals=DEALS, orders=ORDERS, costs=COSTS)
        row = only(unit_economics.ltv_to_cac(book))
        assert row["variant"] == "simple"
        value = only(unit_economics.lifetime_value_margin(book))["value"]
        assert row["value"] == pytest.approx(value / only(unit_economics.cac(book, last=12))["value"])

    def test_a_missing_table_says_which(self, bare):
        assert only(unit_economics.mrr(bare))["reason"] == "needs subscriptions"
        assert only(unit_economics.lifetime_value_simple(bare))["reason"] == "needs orders"
        assert only(unit_economics.cac(bare))["reason"] == "needs costs"
        assert only(unit_economics.cac(bare, by="channel"))["reason"] == "needs costs"
        for made in KPIS.values():
            if made.topic == "unit_economics":
                rows = made(bare)
                assert (rows["value"].isna() == (rows["reason"] != "")).all()


SPANS = """
subscription_id,account_id,plan,mrr,currency,started_on,ended_on
1,A1,S,100.00,EUR,2025-09-10,2026-10-10
2,A2,S,100.00,EUR,2025-10-10,2026-05-10
3,A2,M,180.00,EUR,2026-05-10,
4,A3,S,200.00,EUR,2025-10-31,2026-02-01
5,A3,S,50.00,EUR,2026-06-01,
6,A4,S,70.00,EUR,2025-11-01,
"""


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    return book_of(tmp_path_factory.mktemp("retention"), accounts=ACCOUNTS, deals=DEALS, subscriptions=SPANS)


class TestRetention:
    def test_net_counts_expansion_and_gross_does_not(self, year):
        net, gross = (
            only(unit_economics.net_revenue_retention(year)),
            only(unit_economics.gross_revenue_retention(year)),
        )
        # October 2025: A1 100, A2 100, A3 200. October 2026: A1 left, A2 180, A3 50.
        assert (net["n"], net["value"]) == (3, (0 + 180 + 50) / 400)
        assert gross["value"] == (0 + 100 + 50) / 400

    def test_a_year_without_customers_has_none(self, year):
        trend = unit_economics.net_revenue_retention(year, period="month", last=3)
        assert trend["reason"].tolist() == ["no subscribers", "", ""]

    def test_a_cohort_counts_who_is_there(self, year):
        cells = unit_economics.customer_retention(year, last=13)
        october = cells[cells["period"] == "2025-10-01"].set_index("age")
        assert (october["denominator"] == 2).all()
        # A3 was away from February to May 2026: ages 4 to 7.
        assert october.loc[[3, 4, 7, 8, 12], "numerator"].tolist() == [2, 1, 1, 2, 2]
        quarter = unit_economics.customer_retention(year, period="quarter", last=5)
        assert quarter[quarter["period"] == "2025-10-01"]["age"].max() == 10

    def test_stays_end_at_the_first_leaving(self, year):
        stays = unit_economics.stays(Ask(year, Question())).set_index("account_id")
        assert stays["months"].to_dict() == {"A1": 13, "A2": 12, "A3": 4, "A4": 11}
        assert stays["has_left"].to_dict() == {"A1": True, "A2": False, "A3": True, "A4": False}

    def test_a_bridge_that_is_off_by_a_cent_fails_the_report(self):
        rows = pd.DataFrame({"period": [pd.Timestamp("2026-10-01")], "start": [100], "value": [101]})
        rows[list(recurring.MOVEMENTS)] = 0
        with pytest.raises(BadData, match=r"2026-10 by 1"):
            recurring.balanced(rows, [])
        recurring.balanced(rows.assign(new=1), [])


class TestPrice:
    def test_bands_of_discount_come_from_the_deal_or_its_list_price(self, book):
        rows = book.rows("select deal_id, discount_hundredths, discount_band from price_facts")
        assert rows["deal_id"].tolist() == ["D1", "D2", "D3", "D4", "D5", "D6"]
        assert rows["discount_hundredths"].tolist() == [500, 2500, 0, 0, 2000, 2500]
        assert rows["discount_band"].tolist() == [1, 5, 0, 0, 4, 5]

    def test_price_bands_are_quarters_of_a_product(self, book):
        rows = book.rows(
            "select deal_id, price_band from price_facts where product = 'Q' order by amount_minor, deal_id"
        )
        assert rows["price_band"].tolist() == [1, 2, 3, 4]

    def test_raw_and_adjusted_differ_by_the_mix_of_products(self, tmp_path):
        # Band 0: 8 of 10 P won, 1 of 10 Q. Band 1: 4 of 5 P, 4 of 40 Q: alike within each product.
        counts = [("P", 0, 8, 10), ("Q", 0, 1, 10), ("P", 0.05, 4, 5), ("Q", 0.05, 4, 40)]
        lines = [
            f"{product}{band}{i},Sales,{'Won' if i < k else 'Lost'},{product},1.00,EUR,2026-10-01,2026-10-05,"
            f"{'won' if i < k else 'lost'},{band}"
            for product, band, k, n in counts
            for i in range(n)
        ]
        head = "deal_id,pipeline,stage,product,amount,currency,created_at,closed_at,status,discount\n"
        book = book_of(tmp_path, deals=head + "\n".join(lines))
        rates = unit_economics.adjusted_win_rate(book, by="discount_band")
        assert rates["raw"].tolist() == [9 / 20, 8 / 45]
        assert rates["raw"].tolist() == unit_economics.price_win_rate(book, by="discount_band")["value"].tolist()
        # P is 15 of the 65 deals.
        assert rates["value"].tolist() == pytest.approx([0.8 * 15 / 65 + 0.1 * 50 / 65] * 2)
        assert only(unit_economics.discount_effect(book))["value"] == pytest.approx(0, abs=1e-9)

    def test_a_deal_brings_what_is_won_over_all_that_closed(self, book):
        assert only(unit_economics.value_per_deal(book))["value"] == (100 + 300 + 200 + 200 + 50) / 6

    def test_too_few_deals_have_no_what_if(self, book):
        rows = unit_economics.what_if(book)
        assert rows["lever"].tolist() == ["deal_value", "price", "conversion", "cycle"]
        assert set(rows["reason"]) == {"too few"}


@pytest.fixture(scope="module")
def histories(real_data, tmp_path_factory):
    file = real_data / "cdnow" / "CDNOW_sample.txt"
    if not file.is_file():
        pytest.skip("CDNOW is not beside the project")
    names = ["master", "customer", "day", "discs", "amount"]
    rows = pd.read_csv(file, sep=r"\s+", header=None, names=names)
    days = pd.to_datetime(rows["day"].astype(str)).dt.strftime("%Y-%m-%d")
    lines = [
        f"O{place},C{customer},{day},{amount:.2f},USD"
        for place, (customer, day, amount) in enumerate(zip(rows["customer"], days, rows["amount"], strict=True))
    ]
    orders = "order_id,account_id,ordered_at,amount,currency\n" + "\n".join(lines)
    accounts = "account_id,name\n" + "\n".join(f"C{one},Customer {one}" for one in rows["customer"].unique())
    note = "activity_id,type,direction,occurred_at\nN,note,outbound,1997-09-15T12:00:00Z"
    deal = "deal_id,pipeline,stage,currency,created_at\nD,Sales,Qualification,USD,1997-09-01"
    settings = SETTINGS.replace("[source]", 'currency = "USD"\n[source]', 1)
    tables = {"orders": orders, "accounts": accounts, "activities": note, "deals": deal}
    book = book_of(tmp_path_factory.mktemp("cdnow"), "1997-09", settings, **tables)
    return unit_economics.purchase_histories(Ask(book, Question()))


class TestCdnow:
    """The path from an orders table to the published parameters: CDNOW's 2,357 customers of 1997."""

    def test_how_often_they_buy_is_as_published(self, histories):
        fit = fit_bg_nbd(histories["purchases"], histories["recency"], histories["age"])
        # Fader, Hardie and Lee (2005), table 2
        assert fit.n == 2357
        assert fit.parameters["r"] == pytest.approx(0.243, abs=0.0005)
        assert fit.parameters["alpha"] == pytest.approx(4.414, abs=0.005)
        assert fit.parameters["a"] == pytest.approx(0.793, abs=0.001)
        assert fit.parameters["b"] == pytest.approx(2.426, abs=0.005)
        assert fit.log_likelihood == pytest.approx(-9582.43, abs=0.02)

    def test_what_they_spend_is_as_published(self, histories):
        again = histories[histories["mean_value"] > 0]
        fit = fit_gamma_gamma(again["purchases"], again["mean_value"])
        # Fader and Hardie (2013)
        assert fit.n == 946
        assert fit.parameters["p"] == pytest.approx(6.25, abs=0.005)
        assert fit.parameters["q"] == pytest.approx(3.74, abs=0.005)


class TestModels:
    def test_the_value_of_contracts_is_that_of_the_fitted_model(self, tmp_path):
        random = np.random.default_rng(4)
        leaves = random.geometric(random.beta(1.0, 9.0, 150))
        lines = []
        for number, months in enumerate(leaves):
            start = pd.Timestamp("2024-01-05") + pd.DateOffset(months=int(random.integers(0, 20)))
            end = start + pd.DateOffset(months=int(months))
            lines.append(
                f"{number},B{number},20.00,EUR,{start:%Y-%m-%d},{f'{end:%Y-%m-%d}' if end.year < 2028 else ''}"
            )
        spans = "subscription_id,account_id,mrr,currency,started_on,ended_on\n" + "\n".join(lines)
        accounts = "account_id,name\n" + "\n".join(f"B{number},B{number}" for number in range(150))
        settings = SETTINGS + "[economics]\ngross_margin = 0.5\n"
        book = book_of(tmp_path, settings=settings, accounts=accounts, deals=DEALS_OF_NOBODY, subscriptions=spans)
        value = only(unit_economics.lifetime_value_contracts(book))
        stays = unit_economics.stays(Ask(book, Question()))
        fit = fit_sbg(stays["months"], stays["has_left"])
        months = 1 + float(sbg_periods_left(fit, 0, 59))
        assert value["value"] == pytest.approx(20 * 0.5 * months)
        # Beta(1, 9): 1 + sum of 9 / (9 + t) to month 59
        truth = 20 * 0.5 * (1 + sum(9 / (9 + t) for t in range(1, 60)))
        assert value["low"] < truth < value["high"]


DEALS_OF_NOBODY = """
deal_id,pipeline,stage,currency,created_at
D,Sales,Qualification,EUR,2026-09-01
"""
