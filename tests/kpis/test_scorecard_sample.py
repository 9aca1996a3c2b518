"""The month's figures on the sample, at its last month and at one before, worked out again by plain loops."""

import statistics
from datetime import date, timedelta
from decimal import Decimal
from math import floor

import holidays
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from plain_company import Company, asked, counted, months_on
from salesbook.kpis import scorecard


def won(company: Company, first: date, last: date, **where) -> list[dict]:
    """Deals won from a day up to another, renewals too."""
    rows = company.ended(first, "Won", new=False)
    return [row for row in rows if row["closed"] < last and all(row[name] == value for name, value in where.items())]


def amount(rows: list[dict]) -> float:
    return sum(row["cents"] or 0 for row in rows) / 100


def open_days(first: date, last: date) -> list[date]:
    """The days from one to another, both included, on which the office is open."""
    days = [first + timedelta(days=place) for place in range((last - first).days + 1)]
    free = holidays.country_holidays("NL", years=range(first.year, last.year + 1))
    return [day for day in days if day.weekday() < 5 and day not in free]


def test_what_was_won_by_team_product_and_type(at_a_month):
    book, company = at_a_month
    first = months_on(company.first, -11)
    rows = won(company, first, company.end)
    for row in rows:
        row["team"] = company.teams.get(row["owner_id"])
    assert asked(scorecard.deals_won(book, by=["product", "type"], last=12), ["product", "type"], "n") == counted(
        rows, "product", "type"
    )
    by = scorecard.won(book, by="owner.team", last=12)
    assert asked(by, ["owner.team"], "value") == pytest.approx(
        {(team,): amount([row for row in rows if row["team"] == team]) for team in {row["team"] for row in rows}}
    )
    whole = scorecard.won(book, last=12).iloc[0]
    assert (whole["n"], whole["value"]) == (sum(row["cents"] is not None for row in rows), amount(rows))
    month = won(company, company.first, company.end)
    assert scorecard.won(book)["value"].iloc[0] == amount(month)
    assert scorecard.deals_won(book)["n"].iloc[0] == len(month) > 5


def test_win_rate_by_month(at_a_month):
    book, company = at_a_month
    found = scorecard.win_rate(book, period="month", last=12)
    for place, row in enumerate(found.to_dict("records")):
        first, last = months_on(company.first, place - 11), months_on(company.first, place - 10)
        ended = [deal for deal in company.ended(first) if deal["closed"] < last]
        wins = sum(deal["outcome"] == "Won" for deal in ended)
        assert (row["numerator"], row["denominator"]) == (wins, len(ended))
        interval = stats.binomtest(wins, len(ended)).proportion_ci(0.95, method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_sizes_of_deals_won(at_a_month):
    book, company = at_a_month
    rows = [row for row in company.ended(months_on(company.first, -11), "Won") if row["cents"]]
    sizes = [row["cents"] / 100 for row in rows]
    mean = scorecard.average_deal_size(book, last=12).iloc[0]
    assert (mean["n"], mean["numerator"]) == (len(sizes), pytest.approx(sum(sizes)))
    assert mean["value"] == pytest.approx(statistics.mean(sizes))
    reach = stats.t.ppf(0.975, len(sizes) - 1) * statistics.stdev(sizes) / len(sizes) ** 0.5
    assert (mean["low"], mean["high"]) == pytest.approx((mean["value"] - reach, mean["value"] + reach))
    middle = scorecard.median_deal_size(book, last=12).iloc[0]
    assert (middle["n"], middle["value"]) == (len(sizes), pytest.approx(statistics.median(sizes)))
    # The ranks that a fair coin leaves out at most one time in forty at either end.
    rank = next(k for k in range(len(sizes)) if stats.binom.cdf(k, len(sizes), 0.5) > 0.025)
    assert middle["low"] == pytest.approx(sorted(sizes)[rank - 1])
    assert middle["high"] == pytest.approx(sorted(sizes)[-rank])
    by = scorecard.average_deal_size(book, by="product", last=12)
    parts = {product: [row["cents"] / 100 for row in rows if row["product"] == product] for product in by["product"]}
    assert by["value"].tolist() == pytest.approx([statistics.mean(parts[product]) for product in by["product"]])


def targets(company: Company, level: str) -> list[dict]:
    """The targets of a level for what is won, each with the part that falls on each day of the run's month."""
    rows = pd.read_csv(company.folder / "targets.csv", dtype=str, keep_default_na=False)
    found = []
    for row in rows[(rows["kpi"] == "won") & (rows["level"] == level)].to_dict("records"):
        first, last = date.fromisoformat(row["starts_on"]), date.fromisoformat(row["ends_on"])
        working, cents, parts = open_days(first, last), int(Decimal(row["value"]) * 100), {}
        for place in range((last - first).days + 1):
            day = first + timedelta(days=place)
            done = [sum(other <= until for other in working) for until in (day - timedelta(days=1), day)]
            parts[day] = floor(cents * done[1] / len(working)) - floor(cents * done[0] / len(working))
        inside = {day: part for day, part in parts.items() if company.first <= day < company.end}
        found += [{"whose": row["level_id"], "parts": inside}] if inside else []
    return found


WHOSE = {
    "team": (scorecard.team_attainment, lambda company, row: company.teams.get(row["owner_id"])),
    "rep": (scorecard.seller_attainment, lambda company, row: row["owner_id"]),
    "account": (scorecard.account_attainment, lambda company, row: row["account_id"]),
}


def test_attainment_of_the_company_and_day_by_day(at_a_month):
    book, company = at_a_month
    (goal,) = targets(company, "organisation")
    rows, target = won(company, company.first, company.end), sum(goal["parts"].values()) / 100
    found = scorecard.attainment(book).iloc[0]
    assert (found["n"], found["numerator"], found["denominator"]) == (len(goal["parts"]), amount(rows), target)
    assert found["value"] == pytest.approx(amount(rows) / target)
    days = scorecard.won_so_far(book).set_index("day")
    working, so_far = open_days(company.first, company.end), 0
    for day, part in goal["parts"].items():
        row, so_far = days.loc[pd.Timestamp(day)], so_far + part
        assert row["value"] == pytest.approx(amount([deal for deal in rows if deal["closed"] <= day]))
        assert row["target"] == pytest.approx(so_far / 100)
        assert (row["is_working_day"], row["working_day"]) == (day in working, sum(one <= day for one in working))


@pytest.mark.parametrize("level", WHOSE)
def test_attainment_of_teams_sellers_and_accounts(at_a_month, level):
    book, company = at_a_month
    kpi, whose = WHOSE[level]
    rows, expected = won(company, company.first, company.end), {}
    for goal in targets(company, level):
        own = [row for row in rows if whose(company, row) == goal["whose"] and row["closed"] in goal["parts"]]
        above, below = expected.get(goal["whose"], (0, 0))
        expected[goal["whose"]] = (above + amount(own), below + sum(goal["parts"].values()) / 100)
    found = kpi(book, by="level_id").set_index("level_id")
    assert found["numerator"].to_dict() == pytest.approx({name: above for name, (above, _) in expected.items()})
    assert found["denominator"].to_dict() == pytest.approx({name: below for name, (_, below) in expected.items()})
    assert found["value"].dropna().to_dict() == pytest.approx(
        {name: above / below for name, (above, below) in expected.items() if below}
    )


def test_growth_on_the_month_the_year_and_the_quarter(at_a_month):
    book, company = at_a_month
    first, end = company.first, company.end
    year = date(first.year, 1, 1)
    quarter = date(first.year, first.month - (first.month - 1) % 3, 1)
    before = months_on(quarter, -3)
    # A quarter that is not over is compared with as many working days of the one before.
    worked = len(open_days(quarter, end - timedelta(days=1)))
    is_over = months_on(quarter, 3) == end
    until = quarter if is_over else open_days(before, quarter)[worked - 1] + timedelta(days=1)
    spans = {
        scorecard.growth: ((first, end), (months_on(first, -1), first)),
        scorecard.growth_on_year: ((first, end), (months_on(first, -12), months_on(end, -12))),
        scorecard.growth_this_year: ((year, end), (months_on(year, -12), months_on(end, -12))),
        (lambda book: scorecard.growth(book, period="quarter")): ((quarter, end), (before, until)),
    }
    for kpi, (now, then) in spans.items():
        row, (above, below) = kpi(book).iloc[0], (amount(won(company, *span)) for span in (now, then))
        assert (row["numerator"], row["denominator"]) == pytest.approx((above, below))
        assert row["value"] == pytest.approx(above / below - 1)
    teams = scorecard.growth(book, by="product")
    for row in teams.to_dict("records"):
        above, below = (amount(won(company, *span, product=row["product"])) for span in spans[scorecard.growth])
        assert (row["numerator"], row["denominator"]) == pytest.approx((above, below))
        assert np.isnan(row["value"]) == (below == 0)
