"""Forecasts of past quarters and the CRM's chances on the sample, at two months, worked out again by plain loops."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from by_hand import rate
from plain_company import day_of, months_on
from plain_forecasts import Past, interval
from salesbook.kpis import data_quality
from salesbook.kpis import forecast_accuracy as forecast

METHODS = ("naive", "last_year", "run_rate", "crm_weighted", "category", "stage", "cycle")
PER, DAY = 100, timedelta(days=1)


@pytest.fixture(scope="module")
def past(at_a_month) -> Past:
    """What was known on any morning, from the raw rows."""
    _, company = at_a_month
    return Past(company)


def test_what_every_method_said_of_past_quarters(at_a_month, past):
    book, company = at_a_month
    pairs = forecast.past_forecasts(book)
    pairs = pairs[pairs["method"].isin(METHODS)]
    quarters = [day.date() for day in pairs["quarter"]]
    mornings = [months_on(first, 3 - left) for first, left in zip(quarters, pairs["horizon"], strict=True)]
    said = [past.said(*asked)["value"] / PER for asked in zip(pairs["method"], mornings, quarters, strict=True)]
    came = [past.won(company.end, first, months_on(first, 3)) / PER for first in quarters]
    assert pairs["value"].tolist() == pytest.approx(said, nan_ok=True)
    assert pairs["actual"].tolist() == pytest.approx(came)
    assert pairs.groupby("method")["value"].count().min() >= 12


def test_what_every_method_says_of_this_quarter_and_the_next(at_a_month, past):
    book, company = at_a_month
    rows = forecast.method_forecasts(book)
    assert list(zip(rows["method"], rows["quarter"].dt.date, strict=True)) == [
        (method, first) for first in past.quarters[-2:] for method in METHODS
    ]
    for row in rows.to_dict("records"):
        made = past.said(row["method"], company.end, row["quarter"].date())
        low, high = interval(made)
        reach = np.nan_to_num((high - low) / 40)
        assert row["value"] * PER == pytest.approx(made["value"]), row
        # Distributions are drawn on four hundred steps or more: an end lies within one of them.
        assert [row["low"] * PER, row["high"] * PER] == pytest.approx([low, high], abs=reach, nan_ok=True), row


def test_the_parts_of_the_forecast(at_a_month, past):
    book, company = at_a_month
    rows = forecast.weighted_forecast(book)
    for row, first in zip(rows.to_dict("records"), past.quarters[-2:], strict=True):
        made = past.said("cycle", company.end, first)
        assert row["n"] == len(made["deals"])
        assert row["n_without_amount"] == sum(not deal["cents"] for deal in past.morning(company.end)[0]) > 0
        for name in ("from_won", "from_open", "from_new", "value"):
            assert row[name] * PER == pytest.approx(made[name]), name
        assert row["shock"] == pytest.approx(made["shock"], abs=0.01)


def test_the_forecast_without_the_deals_that_failed_a_check(at_a_month, past):
    book, company = at_a_month
    rows = book.rows("select deal_id, rule from deal_checks where is_failed and is_at_stake and is_of_now")
    failed = list(rows.itertuples(index=False, name=None))
    made = past.said("cycle", company.end, past.quarters[-2])
    deals = list(zip(past.morning(company.end)[0], made["deals"], made["may"], strict=True))
    for row in data_quality.forecast_without_suspects(book).to_dict("records"):
        out = {deal for deal, rule in failed if row["left_out"] in (rule, "suspect")}
        gone = [(deal["cents"], cents * chance) for deal, (cents, chance), _ in deals if deal["deal"] in out]
        left = made["value"] - sum(expected for _, expected in gone)
        crm = sum(round(deal["cents"] * deal["said"]) for deal, *_ in deals if deal["deal"] not in out)
        assert row["value"] * PER == pytest.approx(left), row
        assert (row["n"], row["amount"] * PER) == (len(out), pytest.approx(sum(cents for cents, _ in gone)))
        assert row["crm"] * PER == pytest.approx(crm, abs=len(deals))
        if row["left_out"] in ("none", "suspect"):
            kept = [(pair, may) for deal, pair, may in deals if deal["deal"] not in out]
            low, high = interval(made | {"deals": [pair for pair, _ in kept], "may": [may for _, may in kept]})
            assert [row["low"] * PER, row["high"] * PER] == pytest.approx([low, high], abs=(high - low) / 40)


def test_how_far_off_methods_were(at_a_month):
    book, _ = at_a_month
    pairs = forecast.past_forecasts(book).dropna(subset=["value"])
    for kpi, size in ((forecast.forecast_bias, float), (forecast.forecast_error, abs)):
        found = kpi(book).set_index(["method", "horizon"])
        for key, part in pairs.groupby(["method", "horizon"]):
            off = [(size(row["value"] - row["actual"]), row["actual"]) for row in part.to_dict("records")]
            expected = {name: rate(off)[name] for name in ("n", "numerator", "denominator", "value")}
            assert found.loc[key, list(expected)].to_dict() == pytest.approx(expected), key


def test_what_methods_and_sellers_add_to_repeating_the_last_quarter(at_a_month, past):
    book, company = at_a_month
    error = forecast.forecast_error(book).set_index(["method", "horizon"])["value_added"]
    saved = [row for row in company.read("forecast_snapshots").to_dict("records") if not row["deal_id"]]
    for key, part in forecast.past_forecasts(book).dropna(subset=["value"]).groupby(["method", "horizon"]):
        gained = of = 0.0
        for row in part.to_dict("records"):
            first = row["quarter"].date()
            on = months_on(first, 3 - key[1])
            told = {one["owner_id"] for one in saved
                    if one["period"] == str(first) and day_of(one["snapshot_at"]) == on - DAY}  # fmt: skip
            again = past.naive(on, first) if key[0] in METHODS else won_by(company, told, last_over(on))
            if not np.isnan(again):
                gained += abs(again / PER - row["actual"]) - abs(row["value"] - row["actual"])
                of += row["actual"]
        assert error[key] == pytest.approx(gained / of if of else np.nan, nan_ok=True), key


def last_over(on: date) -> date:
    """The first day of the last quarter that was over on a day."""
    return months_on(date(on.year, (on.month - 1) // 3 * 3 + 1, 1), -3)


def won_by(company, sellers: set[str], first: date) -> float:
    """Cents that some sellers are now known to have won in a quarter; nothing where no deal had ended by then."""
    last, ended = months_on(first, 3), [row for row in company.deal_rows.values() if row["closed"]]
    wins = [row["cents"] or 0 for row in ended
            if row["outcome"] == "Won" and row["owner_id"] in sellers and first <= row["closed"] < last]  # fmt: skip
    return float(sum(wins)) if min(row["closed"] for row in ended) < last else np.nan


def test_intervals_of_past_forecasts_and_how_many_held(at_a_month, past):
    book, _ = at_a_month
    pairs = forecast.past_forecasts(book).dropna(subset=["low", "high"])
    for row in pairs[pairs["quarter"] == pairs["quarter"].max()].to_dict("records"):
        first = row["quarter"].date()
        low, high = interval(past.said(row["method"], months_on(first, 3 - row["horizon"]), first))
        reach = (high - low) / 40
        assert [row["low"] * PER, row["high"] * PER] == pytest.approx([low, high], abs=reach, nan_ok=True), row
    rows = forecast.forecast_coverage(book).set_index(["method", "horizon"])
    assert len(rows) == pairs.groupby(["method", "horizon"]).ngroups
    for key, part in pairs.groupby(["method", "horizon"]):
        inside = sum(low <= came <= high for low, came, high in part[["low", "actual", "high"]].to_numpy())
        assert rows.loc[key, ["numerator", "denominator"]].tolist() == [inside, len(part)]


@pytest.fixture(scope="module")
def chances(at_a_month) -> list[dict]:
    """The CRM's chance of each deal at each distance to its quarter's end, where its month is nine in ten decided."""
    _, company = at_a_month
    saved = company.read("forecast_snapshots").dropna(subset=["snapshot_at"])
    saved = saved[(saved["method"] == "crm") & (saved["deal_id"] != "") & (saved["probability"] != "")]
    rows = []
    for row in saved.sort_values("snapshot_at", kind="stable").to_dict("records"):
        deal = company.deal_rows.get(row["deal_id"])
        if not deal or (deal["outcome"] != "open" and deal["ended_at"] <= row["snapshot_at"]):
            continue
        day = day_of(row["snapshot_at"])
        morning = day + timedelta(days=1)
        end = months_on(date(morning.year, morning.month - (morning.month - 1) % 3, 1), 3)
        left = round(((end - day).days - 1) / (365.25 / 12))
        rows.append({"deal": row["deal_id"], "month": (day.year, day.month), "left": left,
                     "p": float(row["probability"]), "outcome": deal["outcome"]})  # fmt: skip
    decided: dict[tuple, dict[str, bool]] = {}
    for row in rows:
        decided.setdefault(row["month"], {})[row["deal"]] = row["outcome"] != "open"
    old = [row for row in rows if np.mean(list(decided[row["month"]].values())) >= 0.9 and row["outcome"] != "open"]
    first: dict[tuple, dict] = {}
    for row in old:
        first.setdefault((row["left"], row["deal"]), row)
    return list(first.values())


def test_the_crm_s_chances_against_what_came(at_a_month, chances):
    book, _ = at_a_month
    scores, bins = forecast.brier_score(book).set_index("horizon"), forecast.reliability(book)
    assert set(scores.index) == {row["left"] for row in chances}
    for left, score in scores.iterrows():
        own = [(row["p"], row["outcome"] == "Won") for row in chances if row["left"] == left]
        base = np.mean([is_won for _, is_won in own])
        squares = np.mean([(p - is_won) ** 2 for p, is_won in own])
        assert score[["n", "base_rate", "value"]].tolist() == pytest.approx([len(own), base, squares])
        assert score["skill"] == pytest.approx(1 - squares / (base * (1 - base)))
        for group in bins[(bins["horizon"] == left) & (bins["n"] > 0)].to_dict("records"):
            inside = [
                case for case in own if group["from_p"] <= case[0] < group["to_p"] or case[0] == group["to_p"] == 1
            ]
            assert (group["n"], group["numerator"]) == (len(inside), sum(is_won for _, is_won in inside))
            assert group["forecast"] == pytest.approx(np.mean([p for p, _ in inside]))
    assert pd.notna(scores["value"]).all()
