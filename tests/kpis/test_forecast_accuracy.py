"""How forecasts and chances are judged, by hand on tiny companies and by plain loops on the sample company."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

from salesbook import stats
from salesbook.errors import WrongUsage
from salesbook.forecasts import METHODS
from salesbook.kpis import forecast_accuracy as forecast
from worked import book_of

REPS = """
owner_id,display_name,team
S1,Ann,North
S2,Bob,South
"""
WON = """
deal_id,owner_id,pipeline,stage,amount,currency,created_at,closed_at,status
A,S1,Sales,Won,100.00,EUR,2026-01-02,2026-02-10,won
B,S2,Sales,Won,200.00,EUR,2026-01-02,2026-03-31,won
C,S1,Sales,Won,300.00,EUR,2026-01-02,2026-04-01,won
D,S2,Sales,Lost,900.00,EUR,2026-01-02,2026-04-01,lost
"""
NUMBERS = """
snapshot_at,method,owner_id,period,amount,currency
2026-01-10T12:00:00Z,rep,S1,2026-01-01,999.00,EUR
2026-01-31T12:00:00Z,rep,S1,2026-01-01,150.00,EUR
2026-01-31T12:00:00Z,rep,S2,2026-01-01,210.00,EUR
2026-04-30T12:00:00Z,rep,S1,2026-04-01,240.00,EUR
2026-04-30T12:00:00Z,rep,S2,2026-04-01,30.00,EUR
2026-10-30T12:00:00Z,rep,S2,2026-10-01,30.00,EUR
"""


def submitted(rows: pd.DataFrame, horizon: int) -> pd.DataFrame:
    return rows[(rows["method"] == "rep") & (rows["horizon"] == horizon)]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return book_of(tmp_path_factory.mktemp("numbers"), deals=WON, reps=REPS, forecast_snapshots=NUMBERS)


def test_bias_is_above_zero_where_too_much_was_promised_and_counts_quarters_that_are_over(numbers):
    bias = submitted(forecast.forecast_bias(numbers), 2).iloc[0]
    # First quarter 150 + 210 against 100 + 200, second 240 + 30 against 300; the one that runs is not judged.
    assert (bias["n"], bias["numerator"], bias["denominator"]) == (2, 60 - 30, 600)
    assert bias["value"] == 30 / 600


def test_the_error_takes_every_miss_as_a_miss(numbers):
    assert submitted(forecast.forecast_error(numbers), 2).iloc[0]["value"] == (60 + 30) / 600


def test_each_seller_is_held_to_what_they_won(numbers):
    rows = submitted(forecast.forecast_bias(numbers, by="owner_id"), 2).set_index("owner_id")
    assert rows["numerator"].to_dict() == {"S1": 50 - 60, "S2": 10 + 30}
    assert rows["denominator"].to_dict() == {"S1": 400, "S2": 200}


def test_distances_are_kept_apart_and_the_last_number_at_each_counts(numbers):
    early = submitted(forecast.forecast_bias(numbers), 3).iloc[0]
    assert (early["n"], early["numerator"], early["denominator"]) == (1, 999 - 100, 100)


def test_a_number_for_a_month_is_held_against_that_month(tmp_path):
    monthly = """
    snapshot_at,method,owner_id,period,amount,currency
    2026-02-01T12:00:00Z,rep,S1,2026-02-01,80.00,EUR
    2026-03-01T12:00:00Z,rep,S2,2026-03-01,80.00,EUR
    """
    rows = forecast.forecast_bias(book_of(tmp_path, deals=WON, reps=REPS, forecast_snapshots=monthly))
    row = submitted(rows, 1).iloc[0]
    assert (row["n"], row["numerator"], row["denominator"]) == (2, -20 - 120, 300)


def test_a_number_of_the_company_is_held_against_all_that_was_won(tmp_path):
    whole = """
    snapshot_at,method,owner_id,period,amount,currency
    2026-01-31T12:00:00Z,model,,2026-01-01,330.00,EUR
    """
    rows = forecast.forecast_bias(book_of(tmp_path, deals=WON, reps=REPS, forecast_snapshots=whole))
    row = rows[rows["method"] == "model"].iloc[0]
    assert (row["horizon"], row["value"]) == (2, 30 / 300)


def test_a_forecast_of_a_quarter_without_wins_has_no_bias_and_says_why(tmp_path):
    early = """
    snapshot_at,method,owner_id,period,amount,currency
    2026-07-31T12:00:00Z,rep,S1,2026-07-01,80.00,EUR
    """
    row = submitted(forecast.forecast_bias(book_of(tmp_path, deals=WON, reps=REPS, forecast_snapshots=early)), 2).iloc[
        0
    ]
    assert np.isnan(row["value"])
    assert (row["numerator"], row["reason"]) == (80, "nothing won")


CHANCES = """
snapshot_at,method,deal_id,owner_id,amount,currency,probability
2026-01-05T12:00:00Z,crm,A,S1,1.00,EUR,0.9
2026-01-05T12:00:00Z,crm,B,S2,1.00,EUR,0.8
2026-01-05T12:00:00Z,crm,C,S1,1.00,EUR,0.2
2026-01-05T12:00:00Z,crm,D,S2,1.00,EUR,0.3
2026-01-12T12:00:00Z,crm,A,S1,1.00,EUR,0.1
2026-03-01T12:00:00Z,crm,A,S1,1.00,EUR,0.5
"""


def test_the_brier_score_is_the_mean_squared_distance_one_row_a_deal_and_distance(tmp_path):
    rows = forecast.brier_score(book_of(tmp_path, deals=WON, reps=REPS, forecast_snapshots=CHANCES))
    assert rows["horizon"].tolist() == [3]
    row = rows.iloc[0]
    # A is seen twice at that distance, and once when it had closed: only its first row counts.
    assert (row["n"], row["base_rate"]) == (4, 3 / 4)
    assert row["value"] == pytest.approx((0.1**2 + 0.2**2 + 0.8**2 + 0.3**2) / 4)
    assert row["value"] == pytest.approx(0.195)
    assert row["skill"] == pytest.approx(1 - 0.195 / (3 / 4 * 1 / 4))


def test_the_brier_score_of_one_deal_is_told_whatever_its_chance(tmp_path):
    # As floats the square of their one squared distance is less than their squares allow.
    deals = "\n".join(WON.strip().splitlines()[:2])
    chance = CHANCES.strip().splitlines()
    for share in ("0.3", "0.47"):
        snapshots = "\n".join([chance[0], chance[1].replace("0.9", share)])
        book = book_of(tmp_path / share, deals=deals, reps=REPS, forecast_snapshots=snapshots)
        row = forecast.brier_score(book).iloc[0]
        assert (row["n"], row["value"]) == (1, pytest.approx((1 - float(share)) ** 2))


def open_deals(count: int) -> str:
    lines = "".join(f"O{place},S1,Sales,Demo,1.00,EUR,2026-01-02,,open\n" for place in range(count))
    return WON.lstrip() + lines


def seen(count: int) -> str:
    return CHANCES.lstrip() + "".join(f"2026-01-05T12:00:00Z,crm,O{place},S1,1.00,EUR,0.5\n" for place in range(count))


def test_snapshots_of_a_month_wait_until_nine_in_ten_of_their_deals_are_decided(tmp_path):
    book = book_of(tmp_path, deals=open_deals(1), reps=REPS, forecast_snapshots=seen(1))
    assert forecast.brier_score(book).iloc[0]["reason"] == "cohort too young"
    more = "".join(f"X{place},S1,Sales,Lost,1.00,EUR,2026-01-02,2026-02-01,lost\n" for place in range(5))
    saved = "".join(f"2026-01-05T12:00:00Z,crm,X{place},S1,1.00,EUR,0.5\n" for place in range(5))
    book = book_of(tmp_path / "old", deals=open_deals(1) + more, reps=REPS, forecast_snapshots=seen(1) + saved)
    # Nine of ten are decided; the open one is left out.
    assert forecast.brier_score(book).iloc[0]["n"] == 9


def test_the_bins_hold_every_deal_once(sample_book):
    bins, scores = forecast.reliability(sample_book), forecast.brier_score(sample_book)
    keys = ["method", "horizon"]
    assert bins.groupby(keys)["n"].sum().tolist() == scores.set_index(keys)["n"].tolist()
    found = bins.dropna(subset=["value"])
    assert (found["low"] <= found["value"]).all()
    assert found["forecast"].between(found["from_p"] - 1e-9, found["to_p"] + 1e-9).all()


def test_without_snapshots_the_chances_of_the_stages_are_judged(tmp_path):
    book = book_of(tmp_path / "bare", deals=WON, reps=REPS)
    assert forecast.seller_forecast_bias(book)["reason"].tolist() == ["needs forecast_snapshots"]
    rows = forecast.brier_score(book_of(tmp_path, deals=WON, reps=REPS))
    # Rebuilt on the first days of months: all four stood in Qualification (10 %) on 1 March but A, which had closed.
    assert rows[rows["horizon"] == 1].iloc[0]["n"] == 3
    assert rows[rows["horizon"] == 1].iloc[0]["value"] == pytest.approx((0.9**2 + 0.9**2 + 0.1**2) / 3)


def test_a_percentage_is_refused_as_a_chance(tmp_path):
    bad = CHANCES.replace("0.9", "90")
    book = book_of(tmp_path, deals=WON, reps=REPS, forecast_snapshots=bad)
    assert (
        book.run["rejected"]["forecast_snapshots"] if isinstance(book.run["rejected"], dict) else book.run["rejected"]
    )
    assert forecast.brier_score(book).iloc[0]["n"] == 4


def test_the_weighted_pipeline_is_amount_times_chance(tmp_path):
    deals = """
    deal_id,owner_id,pipeline,stage,amount,currency,created_at
    A,S1,Sales,Qualification,100.00,EUR,2026-09-02
    B,S1,Sales,Proposal,10.01,EUR,2026-09-02
    C,S1,Sales,Proposal,,EUR,2026-09-02
    """
    saved = """
    snapshot_at,method,deal_id,owner_id,amount,currency,probability
    2026-10-20T12:00:00Z,crm,A,S1,500.00,EUR,0.9
    2026-10-26T12:00:00Z,crm,A,S1,200.00,EUR,0.4
    2026-10-24T12:00:00Z,crm,B,S1,900.00,EUR,0.9
    """
    row = forecast.crm_weighted_pipeline(book_of(tmp_path, deals=deals, reps=REPS, forecast_snapshots=saved)).iloc[0]
    # A by its last snapshot; that of B is older than a week, so its own amount and its stage's 50 %.
    assert (row["n"], row["value"]) == (2, pytest.approx(200 * 0.4 + 5.01))


def test_a_company_without_ends_has_no_forecast_and_says_why(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at
    A,Sales,Qualification,100.00,EUR,2026-09-02
    """
    book = book_of(tmp_path, deals=deals)
    assert forecast.weighted_forecast(book)["reason"].tolist() == ["nothing closed"]
    assert forecast.forecast_bias(book)["reason"].tolist() == ["nothing closed"]


def test_a_forecast_takes_no_period(sample_book):
    with pytest.raises(WrongUsage, match="period"):
        forecast.weighted_forecast(sample_book, period="month")


# The sample company, worked out again


@pytest.fixture(scope="module")
def source(sample_settings):
    folder = sample_settings.source_path
    return {name: pd.read_csv(folder / f"{name}.csv", dtype=str).fillna("") for name in
            ("deals", "forecast_snapshots", "fx_rates")}  # fmt: skip


def local(column: pd.Series) -> pd.Series:
    instants = pd.to_datetime(column.where(column != ""), utc=True)
    return instants.dt.tz_convert("Europe/Amsterdam").dt.tz_localize(None)


@pytest.fixture(scope="module")
def won(sample_book) -> pd.DataFrame:
    rows = sample_book.rows("select closed_on, owner_id, amount_minor / 100.0 as amount from deal_facts where is_won")
    return rows.fillna({"amount": 0}).assign(closed_on=pd.to_datetime(rows["closed_on"]))


def won_between(won: pd.DataFrame, start, end) -> float:
    return won.loc[(won["closed_on"] >= start) & (won["closed_on"] < end), "amount"].sum()


QUARTERS = pd.date_range("2025-01-01", "2026-07-01", freq="QS")


def row_of(rows: pd.DataFrame, method: str, horizon: int) -> pd.Series:
    return rows[(rows["method"] == method) & (rows["horizon"] == horizon)].iloc[0]


def test_bias_of_simple_methods_agrees_with_plain_sums(sample_book, won):
    bias = forecast.forecast_bias(sample_book)
    came = {start: won_between(won, start, start + pd.DateOffset(months=3)) for start in QUARTERS}
    errors = [came[before] - came[start] for before, start in pairwise(QUARTERS)]
    naive = row_of(bias, "naive", 3)
    assert naive["n"] == len(errors) == 6
    # Deals reopened or deleted since were won when it was asked: a cent of difference is the least that could be.
    assert naive["value"] == pytest.approx(sum(errors) / sum(came[start] for start in QUARTERS[1:]), abs=0.02)
    assert row_of(bias, "naive", 1)["denominator"] == pytest.approx(sum(came[start] for start in QUARTERS[1:]))
    last_year = [came[QUARTERS[place]] - came[QUARTERS[place + 4]] for place in range(3)]
    assert row_of(bias, "last_year", 2)["numerator"] == pytest.approx(sum(last_year), rel=0.02)


def test_bias_of_the_crm_agrees_with_a_loop_over_the_snapshots(sample_book, source, won):
    rates = source["fx_rates"].assign(day=pd.to_datetime(source["fx_rates"]["rate_on"]))
    saved = source["forecast_snapshots"]
    saved = saved[saved["method"] == "crm"].assign(at=lambda rows: local(rows["snapshot_at"]))
    dropped = source["deals"][(source["deals"]["is_test"] == "true")]["deal_id"]
    total = came = 0.0
    for start in QUARTERS:
        morning, end = start + pd.DateOffset(months=1), start + pd.DateOffset(months=3)
        rows = saved[(saved["at"] < morning) & (saved["at"] >= morning - pd.Timedelta(days=7))]
        rows = rows.sort_values("at", kind="stable").drop_duplicates("deal_id", keep="last")
        rows = rows[~rows["deal_id"].isin(dropped) & (rows["expected_close"] != "") & (rows["amount"] != "")]
        rows = rows[pd.to_datetime(rows["expected_close"]) < end]
        for row in rows.to_dict("records"):
            known = rates[(rates["currency"] == row["currency"]) & (rates["day"] <= morning)]
            rate = 1.0 if row["currency"] == "EUR" else float(known["rate"].iloc[-1])
            total += float(row["amount"]) * rate * float(row["probability"])
        total += won_between(won, start, morning) - won_between(won, start, end)
        came += won_between(won, start, end)
    found = row_of(forecast.forecast_bias(sample_book), "crm_weighted", 2)
    assert found["n"] == len(QUARTERS)
    assert found["denominator"] == pytest.approx(came)
    assert found["value"] == pytest.approx(total / came, abs=0.03)


def test_the_error_is_never_less_than_the_bias(sample_book):
    bias, error = forecast.forecast_bias(sample_book), forecast.forecast_error(sample_book)
    assert (error["value"] >= bias["value"].abs() - 1e-12).all()
    assert (error.loc[error["method"] == "naive", "value_added"].dropna() == 0).all()
    assert set(METHODS) <= set(error["method"])


def test_the_optimistic_seller_is_found_and_the_others_are_not(sample_book):
    rows = forecast.seller_forecast_bias(sample_book)
    last = rows[rows["horizon"] == 1].set_index("owner_id")
    assert last["value"].idxmax() == "S05"
    assert last.loc["S05", "low"] < 0.4 < last.loc["S05", "high"]
    assert (last.drop("S05")["low"] < 0).all()
    assert last["value"].std() < last["raw"].std()


def test_a_seller_s_own_bias_is_errors_over_what_they_won(sample_book, source, won):
    numbers = source["forecast_snapshots"]
    numbers = numbers[numbers["method"] == "rep"].assign(period=lambda rows: pd.to_datetime(rows["period"]))
    # A month before the end of a quarter: submitted in the last second of its second month.
    late = numbers[local(numbers["snapshot_at"]).dt.month == numbers["period"].dt.month + 1]
    drawn = forecast.seller_forecast_bias(sample_book)
    drawn = drawn[drawn["horizon"] == 1].set_index("owner_id")["raw"]
    for owner in ("S01", "S05", "S11"):
        errors = came = 0.0
        for row in late[late["owner_id"] == owner].to_dict("records"):
            if row["period"] > pd.Timestamp("2026-07-01"):
                continue
            own = won[won["owner_id"] == owner]
            actual = won_between(own, row["period"], row["period"] + pd.DateOffset(months=3))
            errors, came = errors + float(row["amount"]) - actual, came + actual
        assert drawn[owner] == pytest.approx(errors / came)


def test_coverage_counts_the_quarters_that_came_inside(sample_book):
    rows = forecast.forecast_coverage(sample_book)
    crm, age = row_of(rows, "crm_weighted", 3), row_of(rows, "cycle", 3)
    assert crm["numerator"] < age["numerator"]
    assert (rows["numerator"] <= rows["denominator"]).all()
    assert row_of(rows, "cycle", 1)["denominator"] == row_of(forecast.forecast_bias(sample_book), "cycle", 1)["n"]


def test_stage_calibration_agrees_with_a_loop(sample_book):
    """Every first day of a month again, from the states alone."""
    sql = """select s.deal_id, s.stage, s.is_open, s.known_on, s.until_on, d.is_closed, d.is_won
      from deal_states s join deal_facts d on d.deal_id = s.deal_id where s.is_known"""
    states = sample_book.rows(sql).to_dict("records")
    first_end = sample_book.rows("select min(closed_on) as day from deal_facts")["day"].iloc[0]
    seen = {}
    for day in pd.date_range(first_end, "2026-11-01", freq="MS")[1:]:
        standing = [
            state for state in states if state["is_open"] and state["known_on"] < day and not state["until_on"] < day
        ]
        if sum(state["is_closed"] for state in standing) >= 0.9 * len(standing):
            for state in standing:
                seen.setdefault(state["stage"], []).append(state)
    found = forecast.stage_calibration(sample_book).set_index("stage")
    assert set(found.index) == set(seen)
    for stage, row in found.iterrows():
        closed = [state for state in seen[stage] if state["is_closed"]]
        assert row["n"] == len({state["deal_id"] for state in closed})
        assert (row["numerator"], row["denominator"]) == (sum(state["is_won"] for state in closed), len(closed))
        assert row["n_open"] == len({state["deal_id"] for state in seen[stage] if not state["is_closed"]})
    assert found.loc[["Proposal", "Negotiation"], "high"].max() < 0.95
    assert (found.loc[["Proposal", "Negotiation"], "p"] < 0.01).all()


def test_a_stage_is_judged_by_its_deals_however_the_open_ones_end(tmp_path):
    deals = "".join(
        f"D{place},S1,Sales,{'Won' if place < 4 else 'Lost'},1.00,EUR,2026-01-10,2026-03-20,"
        f"{'won' if place < 4 else 'lost'}\n"
        for place in range(20)
    )
    visits = "".join(
        f"D{place},Proposal,2026-01-10\nD{place},{'Won' if place < 4 else 'Lost'},2026-03-20\n" for place in range(20)
    )
    early = "E,S1,Sales,Lost,1.00,EUR,2025-12-01,2025-12-05,lost\n"
    book = book_of(
        tmp_path,
        deals=WON.strip().splitlines()[0] + "\n" + early + deals,
        stage_history="deal_id,stage,entered_at\n" + visits,
        reps=REPS,
    )
    row = forecast.stage_calibration(book).set_index("stage").loc["Proposal"]
    # Each of twenty deals stood there on 1 February and 1 March; that they are twenty, not forty, is in the interval.
    assert (row["said"], row["n"], row["numerator"], row["denominator"]) == (0.5, 20, 8, 40)
    low, high = stats.wilson(4, 20)
    assert row["low"] <= low
    assert row["high"] >= high
    assert row["p"] == pytest.approx(2 * norm.sf((0.3 - 0.5 / 20) / np.sqrt(0.5 * 0.5 / 20)))
    assert row["p"] == pytest.approx(2 * binom.cdf(4, 20, 0.5), abs=0.003)


def test_the_chance_of_a_stage_is_found_wrong_as_seldom_as_its_level_says():
    random = np.random.default_rng(20)
    for said in (0.21, 0.46, 0.66):
        days = random.integers(1, 5, size=(4000, 25))
        won = random.random((4000, 25)) < said
        shares = (won * days).sum(axis=1) / days.sum(axis=1)
        found = [
            forecast.chance_of(abs(share - said), said, int(row.sum()), int((row**2).sum()))
            for share, row in zip(shares, days, strict=True)
        ]
        assert (np.array(found) < 0.05).mean() < 0.055
        assert (np.array(found) < 0.005).mean() < 0.009


def chance_by_days(cases: list[tuple], age: float, days: int) -> float:
    """The chance to be won in the next days: Aalen-Johansen day by day, then constant rates; cases are age and fate."""
    oldest = int(max(case[0] for case in cases if sum(other[0] >= case[0] for other in cases) >= 20))
    age = oldest if np.isnan(age) else int(age)
    watched = sum(max(case[0] - oldest / 2, 0) for case in cases)
    won, lost = (sum(case[0] > oldest / 2 and case[1] == fate for case in cases) / watched for fate in ("won", "lost"))
    still, share = 1.0, 0.0
    for day in range(age + 1, min(age + days, oldest) + 1):
        at_risk = sum(case[0] >= day for case in cases)
        share += still * sum(case == (day, "won") for case in cases) / at_risk
        still *= 1 - sum(case[0] == day and case[1] != "open" for case in cases) / at_risk
    beyond = age + days - max(age, oldest)
    return share + (still * won / (won + lost) * (1 - np.exp(-(won + lost) * beyond)) if beyond > 0 else 0)


def test_the_weighted_forecast_agrees_with_a_loop_over_the_deals(sample_book):
    morning, days = pd.Timestamp("2026-11-01"), 61
    sql = "select deal_id, created_on, closed_on, status, type, product, amount_minor from deal_facts"
    rows = sample_book.rows(sql)
    rows["cycle"] = rows["product"].mask(rows["type"] == "renewal", "renewal")
    rows["age"] = (rows["closed_on"].fillna(morning - pd.Timedelta(days=1)) - rows["created_on"]).dt.days
    amounts = sample_book.rows("select deal_id, amount_minor from open_deals where is_now").set_index("deal_id")
    first_end = rows["closed_on"].min()
    expected, unpriced = 0.0, 0
    is_recent = (rows["status"] == "won") & (rows["closed_on"] >= morning - pd.Timedelta(days=365))
    worth = rows[is_recent].fillna({"amount_minor": 0}).groupby("cycle")["amount_minor"].mean()
    for cycle, group in rows.groupby("cycle"):
        old = group[group["created_on"] >= first_end]
        cases = list(zip(old["age"].tolist(), old["status"].tolist(), strict=True))
        for deal in group[group["status"] == "open"].to_dict("records"):
            amount = amounts.loc[deal["deal_id"], "amount_minor"]
            unpriced += pd.isna(amount)
            amount = worth[cycle] if pd.isna(amount) else amount
            expected += amount / 100 * chance_by_days(cases, deal["age"], days)
    found = forecast.weighted_forecast(sample_book).iloc[0]
    assert found["from_open"] == pytest.approx(expected)
    assert found["n_without_amount"] == unpriced > 0
    assert found["value"] == pytest.approx(found["from_won"] + found["from_open"] + found["from_new"])
    assert found["low"] < found["value"] < found["high"]


def test_parts_of_the_forecast_add_up_over_groups(sample_book):
    whole, teams = forecast.weighted_forecast(sample_book), forecast.weighted_forecast(sample_book, by="owner.team")
    parts = ["n", "n_without_amount", "from_won", "from_open"]
    assert teams.groupby("quarter")[parts].sum().to_numpy() == pytest.approx(
        whole.set_index("quarter")[parts].to_numpy()
    )


def test_what_is_won_so_far_is_what_the_month_and_those_before_won(sample_book, won):
    found = forecast.weighted_forecast(sample_book).iloc[0]["from_won"]
    assert found == pytest.approx(won_between(won, "2026-10-01", "2026-11-01"))


def test_every_method_speaks_of_both_quarters(sample_book):
    rows = forecast.method_forecasts(sample_book)
    assert rows.groupby("method").size().to_dict() == dict.fromkeys(METHODS, 2)
    ages = rows[rows["method"] == "cycle"]["value"].tolist()
    assert ages == forecast.weighted_forecast(sample_book)["value"].tolist()


def saved(*numbers: tuple[str, str, str, str, int]) -> str:
    """Forecasts that were saved at noon of a day: day, method, seller, period and euros, as CSV text."""
    rows = (
        f"{day}T12:00:00Z,{method},{seller},{period},{euros}.00,EUR" for day, method, seller, period, euros in numbers
    )
    return "\n".join(["snapshot_at,method,owner_id,period,amount,currency", *rows])


MONTHLY = saved(
    ("2026-02-28", "rep", "S1", "2026-03-01", 80),
    ("2026-03-31", "rep", "S1", "2026-04-01", 270),
    *(("2026-04-30", "model", "S2", week, 70) for week in ("2026-05-04", "2026-05-11")),
    ("2026-01-31", "crm", "S1", "2026-02-10", 70),
    ("2025-01-31", "rep", "S1", "2025-03-01", 70),
)


@pytest.fixture(scope="module")
def errors(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("monthly")
    made = forecast.forecast_error(book_of(folder, deals=WON, reps=REPS, forecast_snapshots=MONTHLY))
    return made[~made["method"].isin(METHODS)].set_index(["method", "horizon"])


def test_what_a_seller_s_number_adds_is_against_repeating_what_that_seller_won_in_the_period_before(errors):
    # S1 won 100 in February, 0 in March and 300 in April. Repeated: 100 off in March, 300 in April; said: 80 and 30.
    row = errors.loc[("rep", 1)]
    assert (row["n"], row["value"], row["mase"]) == (2, (80 + 30) / 300, ((80 + 30) / 2) / 300)
    assert row["value_added"] == pytest.approx((100 + 300) / 300 - (80 + 30) / 300)


def test_numbers_for_weeks_are_held_against_weeks(errors):
    # Saved ten and seventeen days before the week's end: no month and one.
    assert errors.loc["model", "numerator"].to_dict() == {0: 70, 1: 70}
    assert errors.loc["model", "reason"].unique().tolist() == ["nothing won"]


def test_a_number_for_no_known_kind_of_period_or_of_before_the_data_is_not_judged_and_says_so(errors):
    assert errors.loc["crm", ["n", "reason"]].to_numpy().tolist() == [[0, "unknown period"]]
    assert errors.loc[("rep", 2), ["n", "reason"]].tolist() == [0, "nothing closed"]
