"""Every figure per customer, worked out again apart from the project, by plain loops over the sample's files."""

import math

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize
from scipy import stats as scipy_stats

from salesbook.build import fact
from salesbook.engines.duckdb import FUNCTIONS
from salesbook.kpi import Ask
from salesbook.kpis import unit_economics
from salesbook.query import Question
from worked import only

START, END = pd.Timestamp("2025-10-31 23:00"), pd.Timestamp("2026-10-31 23:00")  # November to October, in UTC
MARGIN, LAG, YEARS = 0.7, 1, 3


@pytest.fixture(scope="module")
def tables(project):
    folder = project / "data" / "sample"
    names = ("subscriptions", "orders", "costs", "fx_rates", "accounts", "leads")
    read = {name: pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False) for name in names}
    rates = read["fx_rates"].assign(rate=read["fx_rates"]["rate"].astype(float))
    read["rates"] = {key: rows.set_index("rate_on")["rate"].to_dict() for key, rows in rates.groupby("currency")}
    return read


def rate_of(tables, currency: str, day: str) -> float:
    """The rate of a day, or of one of the week before."""
    if currency == "EUR":
        return 1.0
    known = tables["rates"][currency]
    back = (str((pd.Timestamp(day) - pd.Timedelta(days=days)).date()) for days in range(8))
    return next(known[one] for one in back if one in known)


def cents(amount: str, rate: float) -> int:
    """Half away from zero, as money is rounded."""
    return math.floor(round(float(amount) * 100) * rate + 0.5)


def held_at(tables, month: pd.Period) -> dict[str, int]:
    """MRR by account on the last day of a month, in cents."""
    last = str(month.end_time.date())
    by_currency: dict = {}
    for row in tables["subscriptions"].to_dict("records"):
        if row["started_on"] <= last and (not row["ended_on"] or row["ended_on"] > last):
            key = row["account_id"], row["currency"]
            by_currency[key] = by_currency.get(key, 0) + round(float(row["mrr"]) * 100)
    held: dict = {}
    for (account, currency), own in by_currency.items():
        held[account] = held.get(account, 0) + cents(str(own / 100), rate_of(tables, currency, last))
    return held


def months(count: int, last: str = "2026-10") -> list[pd.Period]:
    return [pd.Period(last, "M") - back for back in reversed(range(count))]


@pytest.fixture(scope="module")
def held(tables):
    return {month: held_at(tables, month) for month in months(25)}


@pytest.fixture(scope="module")
def organisation(sample_book) -> dict[str, str]:
    rows = sample_book.rows("select account_id, organisation_key from account_facts")
    return dict(rows.itertuples(index=False))


def test_mrr_and_arr_at_every_month_end(sample_book, held):
    trend = unit_economics.mrr(sample_book, period="month", last=24)
    assert trend["value"].tolist() == [sum(held[month].values()) / 100 for month in months(24)]
    assert trend["n"].tolist() == [len(held[month]) for month in months(24)]
    assert only(unit_economics.arr(sample_book))["value"] == pytest.approx(trend["value"].iloc[-1] * 12)
    assert len(held[months(1)[0]]) > 20


def test_what_moved_in_every_month(sample_book, held):
    moves = unit_economics.mrr_movement(sample_book, period="month", last=24)
    seen: set = set(held[months(25)[0]])
    for month, row in zip(months(24), moves.to_dict("records"), strict=True):
        before, now = held[month - 1], held[month]
        new = sum(value for account, value in now.items() if account not in before and account not in seen)
        back = sum(value for account, value in now.items() if account not in before and account in seen)
        assert row["new"] == pytest.approx(new / 100)
        assert row["reactivation"] == pytest.approx(back / 100)
        seen |= set(now)
        assert round(row["start"] * 100) == sum(before.values())
        signed = row["start"] + row["new"] + row["expansion"] - row["contraction"] - row["churn"]
        assert signed + row["reactivation"] + row["currency"] == pytest.approx(row["value"], abs=1e-6)
    euros = moves[["expansion", "contraction", "churn", "reactivation"]].sum()
    assert (euros > 0).all()


def test_churn_and_arpa_of_a_year(sample_book, held):
    year = months(12)
    starts = [(set(held[month - 1]), set(held[month])) for month in year]
    left, at_risk = sum(len(before - now) for before, now in starts), sum(len(before) for before, _ in starts)
    churn = only(unit_economics.customer_churn(sample_book, last=12))
    assert (churn["numerator"], churn["denominator"]) == (left, at_risk)
    total, ends = sum(sum(held[m].values()) for m in year) / 100, sum(len(held[m]) for m in year)
    assert only(unit_economics.arpa(sample_book, last=12))["value"] == pytest.approx(total / ends)
    value = only(unit_economics.lifetime_value_subscription(sample_book))
    assert value["value"] == pytest.approx(total / ends * MARGIN * min(at_risk / left, 60))
    kept = (1 - left / at_risk) / 1.1 ** (1 / 12)
    discounted = total / ends * MARGIN * (1 - kept**60) / (1 - kept)
    assert only(unit_economics.lifetime_value_discounted(sample_book))["value"] == pytest.approx(discounted)


def test_retention_of_revenue_over_a_year(sample_book, held):
    then, now = held[months(13)[0]], held[months(1)[0]]
    net = sum(now.get(account, 0) for account in then) / sum(then.values())
    gross = sum(min(now.get(account, 0), value) for account, value in then.items()) / sum(then.values())
    found = only(unit_economics.net_revenue_retention(sample_book))
    assert (found["n"], found["value"]) == (len(then), pytest.approx(net))
    assert only(unit_economics.gross_revenue_retention(sample_book))["value"] == pytest.approx(gross)
    ratios = [now.get(account, 0) - net * value for account, value in then.items()]
    error = math.sqrt(sum(r**2 for r in ratios) * len(then) / (len(then) - 1)) / sum(then.values())
    reach = scipy_stats.t.ppf(0.975, len(then) - 1) * error
    assert found["high"] - found["value"] == pytest.approx(reach)


def test_retention_of_customers_by_cohort(sample_book, held):
    firsts: dict = {}
    for month in months(25):
        for account in held[month]:
            firsts.setdefault(account, month)
    cells = unit_economics.customer_retention(sample_book, last=12)
    assert len(cells) > 30
    for row in cells.to_dict("records"):
        cohort = pd.Period(row["period"], "M")
        members = [account for account, first in firsts.items() if first == cohort]
        there = sum(account in held[cohort + row["age"]] for account in members)
        assert (row["numerator"], row["denominator"]) == (there, len(members))
    stays = unit_economics.stays(Ask(sample_book, Question())).set_index("account_id")
    for account, first in firsts.items():
        age = 0
        while first + age < months(1)[0] and account in held[first + age]:
            age += 1
        assert stays.loc[account, "months"] == age
        assert stays.loc[account, "has_left"] == (account not in held[first + age])


def test_costs_and_new_customers(sample_book, tables):
    costs, won = tables["costs"], first_purchases(sample_book, tables)
    spent = {"all": 0, "media": 0}
    shared, own = 0, {}
    for row in costs.to_dict("records"):
        if not "2025-10-01" <= row["period"] <= "2026-09-01":  # a month before the customers
            continue
        amount = cents(row["amount"], rate_of(tables, row["currency"], row["period"]))
        part = cents(str(amount / 100), float(row["acquisition_share"]))
        spent["all"] += part
        spent["media"] += part * (row["type"] == "media")
        shared += part * (row["channel"] == "")
        own[row["channel"]] = own.get(row["channel"], 0) + part
    gained = [channel for day, channel in won.values() if "2025-11-01" <= day <= "2026-10-31"]
    loaded, media = only(unit_economics.cac(sample_book, last=12)), only(unit_economics.media_cac(sample_book, last=12))
    assert loaded["denominator"] == len(gained)
    assert loaded["value"] == pytest.approx(spent["all"] / 100 / len(gained))
    assert media["value"] == pytest.approx(spent["media"] / 100 / len(gained))
    channels = unit_economics.cac(sample_book, by="channel", last=12).dropna(subset=["channel", "value"])
    assert len(channels) >= 4
    for row in channels.to_dict("records"):
        n = gained.count(row["channel"])
        assert row["value"] == pytest.approx((own.get(row["channel"], 0) / n + shared / len(gained)) / 100)
    for made, kind in ((unit_economics.acquisition_cost, "all"), (unit_economics.media_cost, "media")):
        assert made(sample_book, last=12, ago=LAG)["value"].iloc[0] == pytest.approx(spent[kind] / 100)
    assert only(unit_economics.new_customers(sample_book, last=12))["value"] == len(gained)


def first_purchases(book, tables) -> dict[str, tuple[str, str]]:
    """Day of the first purchase and channel of each organisation that was new then."""
    keys = book.rows("select account_id, organisation_key from account_facts").set_index("account_id").squeeze()
    deals = book.rows("select * from deal_facts where is_won order by closed_on, deal_id")
    bought: dict = {}
    channel: dict = {}
    for row in deals.to_dict("records"):
        if isinstance(row["account_id"], str):
            day = str(row["closed_on"].date())
            bought.setdefault(keys[row["account_id"]], []).append((day, row["type"] in ("new", None)))
            channel.setdefault(keys[row["account_id"]], row["source"])
    for row in tables["orders"].to_dict("records"):
        day = pd.Timestamp(row["ordered_at"]).tz_convert("Europe/Amsterdam").date()
        bought.setdefault(keys[row["account_id"]], []).append((str(day), True))
    for row in tables["subscriptions"].to_dict("records"):
        bought.setdefault(keys[row["account_id"]], []).append((row["started_on"], True))
    leads = book.rows("select * from lead_facts where organisation_key is not null order by created_on, lead_id")
    for row in leads.to_dict("records"):
        if not isinstance(channel.get(row["organisation_key"]), str):
            channel[row["organisation_key"]] = row["source"]
    found = {}
    for key, purchases in bought.items():
        first = min(day for day, _ in purchases)
        if all(is_first for day, is_first in purchases if day == first):
            found[key] = first, channel.get(key)
    return found


def test_values_of_orders(sample_book, tables, organisation):
    orders = tables["orders"]
    at = pd.to_datetime(orders["ordered_at"], utc=True).dt.tz_localize(None)
    year = orders[(at >= START) & (at < END)]
    local = pd.to_datetime(year["ordered_at"], utc=True).dt.tz_convert("Europe/Amsterdam").dt.strftime("%Y-%m-%d")
    rates = [rate_of(tables, *pair) for pair in zip(year["currency"], local, strict=True)]
    amounts = [cents(amount, rate) for amount, rate in zip(year["amount"], rates, strict=True)]
    customers = year["account_id"].map(organisation)
    n = customers.nunique()
    found = only(unit_economics.lifetime_value_simple(sample_book))
    assert found["n"] == n > 10
    assert found["value"] == pytest.approx(sum(amounts) / 100 / n * YEARS)
    purchases = len(set(zip(customers, local, strict=True)))
    assert found["price"] == pytest.approx(sum(amounts) / 100 / purchases)
    assert found["purchases_a_year"] == pytest.approx(purchases / n)
    assert only(unit_economics.lifetime_value_margin(sample_book))["value"] == pytest.approx(found["value"] * MARGIN)
    costs = [cents(cost, rate) if cost else None for cost, rate in zip(year["cost"], rates, strict=True)]
    known = [(amount, cost) for amount, cost in zip(amounts, costs, strict=True) if cost is not None]
    margin = 1 - sum(cost for _, cost in known) / sum(amount for amount, _ in known)
    assert only(unit_economics.gross_margin(sample_book, last=12))["value"] == pytest.approx(margin)


@pytest.fixture(scope="module")
def customers(tables, organisation) -> list[tuple]:
    """Purchases after the first, weeks to the last and to the end, and their mean value, customer by customer."""
    orders, bought = tables["orders"], {}
    days = pd.to_datetime(orders["ordered_at"], utc=True).dt.tz_convert("Europe/Amsterdam").dt.date
    for row, day in zip(orders.to_dict("records"), days, strict=True):
        own = bought.setdefault(organisation[row["account_id"]], {})
        own[day] = own.get(day, 0) + cents(row["amount"], rate_of(tables, row["currency"], str(day)))
    last, found = pd.Timestamp("2026-10-31").date(), []
    for own in bought.values():
        first, *again = sorted(own)
        worth = sum(own[day] for day in again) / len(again) / 100 if again else math.nan
        found.append((len(again), (max(own) - first).days / 7, (last - first).days / 7, worth))
    return sorted(found)


def test_purchase_histories(sample_book, customers):
    rows = unit_economics.purchase_histories(Ask(sample_book, Question()))
    found = sorted(rows[["purchases", "recency", "age", "mean_value"]].itertuples(index=False, name=None))
    assert np.array(found, float) == pytest.approx(np.array(customers, float), nan_ok=True)


def test_the_value_of_a_customer_with_orders_is_that_of_the_most_likely_models(sample_book, customers):
    def bg_nbd(r: float, alpha: float, a: float, b: float) -> float:
        total = 0.0
        for x, last, age, _ in customers:
            alive = lbeta(a, b + x) - lbeta(a, b) - (r + x) * math.log(alpha + age)
            gone = lbeta(a + 1, b + x - 1) - lbeta(a, b) - (r + x) * math.log(alpha + last) if x else -math.inf
            both = max(alive, gone) + math.log1p(math.exp(-abs(alive - gone)))
            total += math.lgamma(r + x) - math.lgamma(r) + r * math.log(alpha) + both
        return total

    def gamma_gamma(p: float, q: float, v: float) -> float:
        # A mean of x values: Gamma with shape p·x and rate x·ν, where ν is Gamma with shape q and rate v.
        return sum(
            p * x * math.log(x) + (p * x - 1) * math.log(mean) - lbeta(p * x, q) + q * math.log(v)
            - (p * x + q) * math.log(v + x * mean)
            for x, _, _, mean in customers if x
        )  # fmt: skip

    found, weeks = only(unit_economics.lifetime_value_orders(sample_book)), YEARS * 365.25 / 7
    r, alpha, a, b = highest(bg_nbd, (1, 10, 1, 3))
    # Who buys at rate λ and leaves with chance p after each: (1 − e^(−λpt)) ÷ p, averaged over λ and then over p.
    again, _ = integrate.quad(
        lambda p: (1 - (alpha / (alpha + p * weeks)) ** r) / p * scipy_stats.beta.pdf(p, a, b), 0, 1
    )
    p, q, v = highest(gamma_gamma, (2, 3, 3000))
    assert found["n"] == len(customers)
    assert found["purchases"] == pytest.approx(1 + again, rel=1e-3)
    assert found["price"] == pytest.approx(p * v / (q - 1), rel=1e-3)
    assert found["value"] == pytest.approx((1 + again) * p * v / (q - 1) * MARGIN, rel=2e-3)
    assert found["low"] < found["value"] < found["high"]


def lbeta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def highest(likelihood, start: tuple) -> np.ndarray:
    """The parameters of the highest likelihood, found by walking a simplex."""
    options = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 5000, "maxfev": 5000}
    found = optimize.minimize(lambda logs: -likelihood(*np.exp(logs)), np.log(start), method="Nelder-Mead",
                              options=options)  # fmt: skip
    return np.exp(found.x)


def test_contracts_that_all_end_alike_have_no_model_of_differences(sample_book):
    rows = unit_economics.stays(Ask(sample_book, Question()))
    periods = list(zip(rows["months"], rows["has_left"], strict=True))

    def likelihood(mean: float, sameness: float) -> float:
        a, b = mean * sameness, (1 - mean) * sameness
        return sum(
            lbeta(a + 1, b + months - 1) - lbeta(a, b) if left else lbeta(a, b + months) - lbeta(a, b)
            for months, left in periods
        )

    # The more alike customers are taken to be, the likelier is what happened: nothing to tell them apart by.
    churn = sum(left for _, left in periods) / sum(months for months, _ in periods)
    steps = [likelihood(churn, sameness) for sameness in (1, 10, 100, 1000, 10_000)]
    assert steps == sorted(steps)
    assert only(unit_economics.lifetime_value_contracts(sample_book))["reason"] == "model does not fit"


def test_ratios_are_made_of_their_parts(sample_book):
    value = only(unit_economics.lifetime_value_subscription(sample_book))
    cost = only(unit_economics.cac(sample_book, last=12))["value"]
    monthly = value["arpa"] * MARGIN
    assert only(unit_economics.ltv_to_cac(sample_book))["value"] == pytest.approx(value["value"] / cost)
    assert only(unit_economics.payback_months(sample_book))["value"] == pytest.approx(cost / monthly)
    highest = min(value["value"] / 3, monthly * 12)
    assert only(unit_economics.highest_cac(sample_book))["value"] == pytest.approx(highest)
    by = unit_economics.ltv_to_cac(sample_book, by="channel")
    costs = unit_economics.cac(sample_book, by="channel", last=12).set_index("channel")["value"]
    for row in by.dropna(subset=["channel", "value"]).to_dict("records"):
        assert row["cac"] == costs[row["channel"]]


@pytest.fixture(scope="module")
def closed(sample_book):
    """New-business deals with an amount that closed in the year, told apart from price_facts."""
    deals = sample_book.rows("select * from deal_facts")
    amount = deals["amount_minor"].astype(float).fillna(0)
    inside = (deals["closed_on"] >= "2025-11-01") & (deals["closed_on"] < "2026-11-01")
    return deals[inside & (deals["status"] != "open") & (amount > 0) & (deals["type"] != "renewal")]


def band_of(discount) -> float:
    if discount != discount or discount is None:
        return -1
    return 0 if discount == 0 else min(math.ceil(round(float(discount) * 100, 6) / 5), 5)


def test_prices_and_winning(sample_book, closed):
    bands = closed["discount"].astype(float).map(band_of)
    raw = unit_economics.price_win_rate(sample_book, by="discount_band", last=12)
    fixed = unit_economics.adjusted_win_rate(sample_book, by="discount_band", last=12)
    parts = closed["product"].value_counts(normalize=True)
    for row, other in zip(raw.to_dict("records"), fixed.to_dict("records"), strict=True):
        own = closed[bands == (-1 if pd.isna(row["discount_band"]) else row["discount_band"])]
        assert (row["numerator"], row["denominator"]) == (own["is_won"].sum(), len(own))
        rates = own.groupby("product")["is_won"].mean()
        weights = parts[rates.index] / parts[rates.index].sum()
        assert other["value"] == pytest.approx((rates * weights).sum())
        assert other["raw"] == pytest.approx(row["value"])
    won = closed.loc[closed["is_won"], "amount_minor"].astype(float).sum() / 100
    assert only(unit_economics.value_per_deal(sample_book, last=12))["value"] == pytest.approx(won / len(closed))
    quarters = unit_economics.price_win_rate(sample_book, by="price_band", last=12)
    assert quarters["denominator"].sum() == len(closed)


def test_the_effect_of_discounts_is_least_squares_within_products(sample_book, closed):
    known = closed.dropna(subset=["discount"])
    columns = pd.get_dummies(known["product"]).astype(float).assign(discount=known["discount"].astype(float))
    slope = np.linalg.lstsq(columns.to_numpy(), known["is_won"].to_numpy(float), rcond=None)[0][-1]
    found = only(unit_economics.discount_effect(sample_book))
    assert found["n"] == len(known)
    assert found["value"] == pytest.approx(slope / 10)
    whatif = unit_economics.what_if(sample_book).set_index("lever")
    won = closed.loc[closed["is_won"], "amount_minor"].astype(float) / 100
    rate = len(won) / len(closed)
    assert whatif.loc["deal_value", "value"] == pytest.approx(1.1 * won.sum())
    assert whatif.loc["conversion", "value"] == pytest.approx(1.1 * won.sum())
    assert whatif.loc["cycle", "value"] == pytest.approx(won.sum() / 0.9)
    assert whatif.loc["price", "value"] == pytest.approx(len(closed) * (rate - slope * 0.1) * won.mean() * 1.1)


def test_odds_with_a_deep_discount_are_compared_within_products(sample_book, closed):
    known = closed.dropna(subset=["discount"])
    above, below, agree, mixed, differ, seen = 0.0, 0.0, 0.0, 0.0, 0.0, 0
    for _, part in known.groupby("product"):
        table = dict.fromkeys(((True, True), (True, False), (False, True), (False, False)), 0)
        for row in part.to_dict("records"):
            table[float(row["discount"]) > 0.15, row["is_won"]] += 1
        a, b, c, d = table.values()
        n = a + b + c + d
        if (a + b) * (c + d) * (a + c) * (b + d) == 0:
            continue
        above, below, seen = above + a * d / n, below + b * c / n, seen + n
        agree += (a + d) / n * a * d / n
        mixed += (a + d) / n * b * c / n + (b + c) / n * a * d / n
        differ += (b + c) / n * b * c / n
    # Robins, Breslow and Greenland's variance of the logarithm.
    error = math.sqrt(agree / above**2 / 2 + mixed / above / below / 2 + differ / below**2 / 2)
    found = only(unit_economics.deep_discount_odds(sample_book))
    reach = math.exp(scipy_stats.norm.isf(0.025) * error)
    expected = [seen, above / below, above / below / reach, above / below * reach]
    assert found[["n", "value", "low", "high"]].tolist() == pytest.approx(expected)


def test_products_per_customer(sample_book):
    deals = sample_book.rows("select account_id, product from deal_facts where is_won")
    held: dict = {}
    for account, product in deals.dropna().itertuples(index=False):
        held.setdefault(account, set()).add(product)
    mean = sum(map(len, held.values())) / len(held)
    assert only(unit_economics.products_per_customer(sample_book))["value"] == pytest.approx(mean)


SPANS = st.lists(
    st.tuples(
        st.sampled_from(["A1", "A2", "A3"]),
        st.sampled_from(["EUR", "DKK"]),
        st.integers(0, 50_000),
        st.integers(0, 300),
        st.one_of(st.none(), st.integers(0, 200)),
    ),
    min_size=1,
    max_size=12,
)
RATES = st.lists(st.integers(10_000, 90_000), min_size=11, max_size=11)


@settings(max_examples=60, deadline=None)
@given(spans=SPANS, rates=RATES)
def test_the_bridge_of_any_company_balances_to_the_cent(spans, rates):
    first, ends = pd.Timestamp("2025-12-15"), pd.date_range("2025-12-31", periods=11, freq="ME")
    by_day = dict(zip(ends.strftime("%Y-%m-%d"), rates, strict=True))
    rows = months_of(spans, first, ends, by_day)
    moves = rows.groupby("month").sum(numeric_only=True)
    held = [sum(by_hand(spans, first, end, by_day).values()) for end in by_day]
    found = moves["mrr_minor"].reindex(ends.to_period("M").to_timestamp(), fill_value=0)
    assert found.tolist() == held
    starts = moves["start_minor"].reindex(found.index, fill_value=0)
    assert starts.tolist() == [0, *held[:-1]]
    signed = rows["new_minor"] + rows["expansion_minor"] + rows["reactivation_minor"] + rows["currency_minor"]
    residual = rows["start_minor"] + signed - rows["contraction_minor"] - rows["churn_minor"] - rows["mrr_minor"]
    assert (residual == 0).all()
    amounts = rows[[name for name in rows if name.endswith("_minor") and name != "currency_minor"]]
    assert (amounts >= 0).all().all()
    moved = amounts.drop(columns=["start_minor", "mrr_minor"])
    assert ((moved > 0).sum(axis=1) <= 1).all()
    assert not rows["lacks_rate"].any()


def months_of(spans, first, ends, by_day) -> pd.DataFrame:
    """The fact's rows of some spans, from its own statement on tables made here."""
    lines = []
    for account, currency, mrr, start, length in spans:
        began = first + pd.Timedelta(days=start)
        lines.append((account, currency, mrr, began, None if length is None else began + pd.Timedelta(days=length)))
    columns = ["account_id", "currency", "mrr_minor", "started_on", "ended_on"]
    known = [("DKK", day, rate / 100_000) for day, rate in by_day.items()] + [("EUR", day, 1) for day in by_day]
    frames = {
        "spans": pd.DataFrame(lines, columns=columns).astype({"ended_on": "datetime64[us]"}),
        "known": pd.DataFrame(known, columns=["currency", "day", "rate"]),
        "days": pd.DataFrame({"day": pd.date_range(first, ends[-1])}),
    }
    with duckdb.connect() as connection:
        for name, frame in frames.items():
            connection.register(name, frame)
        connection.execute(FUNCTIONS + WORLD)
        return connection.execute(fact("customer_months").sql).df()


WORLD = """
create table subscriptions as select * replace (cast(started_on as date) as started_on,
  cast(ended_on as date) as ended_on) from spans;
create table rates as select currency, cast(day as date) as day, cast(rate as decimal(18, 8)) as rate from known;
create table calendar as select 'office' as calendar, cast(day as date) as day from days;
create table run as select 'office' as default_calendar, date '2026-11-01' as period_end;
create table account_facts as select * from (values ('', '', '')) a(account_id, organisation_key, territory_id);
create table new_customers as select * from (values ('', '', '', '')) c(customer_key, owner_id, channel, product);
"""


def by_hand(spans, first, end: str, rates: dict[str, int]) -> dict[tuple[str, str], int]:
    """Cents held on a day by account and currency, in the report currency."""
    held: dict = {}
    for account, currency, mrr, start, length in spans:
        began = first + pd.Timedelta(days=start)
        is_over = length is not None and began + pd.Timedelta(days=length) <= pd.Timestamp(end)
        if began <= pd.Timestamp(end) and not is_over:
            held[account, currency] = held.get((account, currency), 0) + mrr
    return {
        key: (own if key[1] == "EUR" else (own * rates[end] + 50_000) // 100_000) for key, own in held.items() if own
    }
