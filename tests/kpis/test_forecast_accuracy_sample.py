"""Forecasts of past quarters and the CRM's chances on the sample, at two months, worked out again by plain loops."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from plain_company import CHANCE, day_of, instant, months_on, standing
from salesbook.kpis import forecast_accuracy as forecast


@pytest.fixture(scope="module")
def told(at_a_month) -> list[tuple[dict, list[tuple]]]:
    """Every deal that is no test, with where it was known to stand."""
    _, company = at_a_month
    return [(deal, company.states(deal)) for deal in company.all_deals if deal["is_test"] != "true"]


@pytest.fixture(scope="module")
def wins(at_a_month, told) -> list[tuple]:
    """Every win that was ever known: known on, until, the day, cents."""
    _, company = at_a_month
    return [
        (day_of(known), day_of(until), day_of(entered), company.euro(deal["amount"], deal["currency"], day_of(entered)))
        for deal, states in told
        for known, entered, stage, until in states
        if stage == "Won" and (until is None or day_of(until) > day_of(known))
    ]


def won(wins: list[tuple], on: date, first: date, last: date) -> int:
    """Cents won from a day up to another, as known on a morning."""
    return sum(cents or 0 for known, until, day, cents in wins
               if known < on and (until is None or until >= on) and first <= day < last)  # fmt: skip


def begins(told) -> date:
    """The day of the first end that stands."""
    return min(day_of(entered) for _, states in told for _, entered, stage, until in states
               if stage in ("Won", "Lost") and until is None)  # fmt: skip


def expected_in(company, told, on: date, first: date, last: date) -> float:
    """Amount × the stage's chance of deals open on a morning and then expected to close in a quarter, in cents."""
    at, total = instant(on), 0.0
    for deal, states in told:
        stage = standing(states, at)[2]
        day = company.told(deal, "expected_close", at) if stage in CHANCE else ""
        if day and date.fromisoformat(day) < last and (date.fromisoformat(day) >= first or first <= on):
            amount = company.told(deal, "amount", at)
            total += (company.euro(amount, deal["currency"], on - timedelta(days=1)) or 0) * CHANCE[stage]
    return total


def said(company, told, wins, since: date, on: date, first: date) -> dict[str, float]:
    """What the methods without a model said of the quarter from a day, on a morning; NaN where they could not."""
    last, nothing = months_on(first, 3), float("nan")
    quarters = [months_on(first, -3 * back) for back in range(9)]
    over = [day for day in quarters if months_on(day, 3) <= on and day + timedelta(days=7) > since]
    totals = {day: won(wins, on, day, months_on(day, 3)) for day in over}
    so_far = won(wins, on, first, last)
    pace = won(wins, on, on - timedelta(days=91), on) / 91 * (last - max(on, first)).days
    return {
        "naive": totals[max(over)] if over else nothing,
        "last_year": totals.get(months_on(first, -12), nothing),
        "run_rate": so_far + pace if (on - since).days >= 91 else nothing,
        "crm_weighted": so_far + expected_in(company, told, on, first, last),
    }


def test_what_methods_said_of_past_quarters_and_how_far_off_they_were(at_a_month, told, wins):
    book, company = at_a_month
    pairs, since = forecast.past_forecasts(book), begins(told)
    pairs = pairs[pairs["method"].isin(["naive", "last_year", "run_rate", "crm_weighted"]) & (pairs["horizon"] < 5)]
    known: dict[tuple, dict] = {}
    for row in pairs.to_dict("records"):
        first = row["quarter"].date()
        on = months_on(first, 3 - row["horizon"])
        if (first, on) not in known:
            known[first, on] = said(company, told, wins, since, on, first)
        assert row["value"] == pytest.approx(known[first, on][row["method"]] / 100, nan_ok=True), row
        assert row["actual"] == pytest.approx(won(wins, company.end, first, months_on(first, 3)) / 100)
    assert pairs["value"].notna().sum() > 50
    bias, error = forecast.forecast_bias(book), forecast.forecast_error(book)
    for (method, horizon), part in pairs.dropna(subset=["value"]).groupby(["method", "horizon"]):
        off = part["value"] - part["actual"]
        for frame, total in ((bias, off.sum()), (error, off.abs().sum())):
            row = frame[(frame["method"] == method) & (frame["horizon"] == horizon)].iloc[0]
            assert (row["n"], row["value"]) == (len(part), pytest.approx(total / part["actual"].sum()))


def test_intervals_that_held(at_a_month):
    book, _ = at_a_month
    pairs = forecast.past_forecasts(book).dropna(subset=["low", "high"])
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
