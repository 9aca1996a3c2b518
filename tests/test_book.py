"""A book of a quarter: every figure is that of its three months, held against plain sums."""

import csv
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from salesbook.book import Book, open_book
from salesbook.build import build
from salesbook.clock import Period
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask
from salesbook.kpis import funnel, pipeline, scorecard, team, unit_economics
from salesbook.kpis.unit_economics.acquisition import lagged
from salesbook.query import Question
from worked import only

MONTHS = ["2026-07", "2026-08", "2026-09"]
BEFORE = ["2026-04", "2026-05", "2026-06"]
YEAR_BEFORE = ["2025-07", "2025-08", "2025-09"]
MOVES = ["new", "expansion", "contraction", "churn", "reactivation", "currency"]


@pytest.fixture(scope="module")
def book(sample_settings, tmp_path_factory) -> Book:
    """The sample company's book of the third quarter of 2026."""
    return Book(build(sample_settings, "2026-Q3", tmp_path_factory.mktemp("quarter")))


def fact(book: Book, name: str) -> pd.DataFrame:
    """A fact as it lies in the run's folder."""
    return pd.read_parquet(book.folder / "facts" / f"{name}.parquet")


def won_in(book: Book, months: list[str]) -> int:
    """The amount of the deals won in some months in hundredths, added up deal by deal."""
    deals = fact(book, "deal_facts")
    is_in = pd.to_datetime(deals["closed_on"]).dt.strftime("%Y-%m").isin(months)
    return sum(int(minor) for minor in deals.loc[deals["is_won"] & is_in, "amount_minor"].dropna())


def of(rows: pd.DataFrame, name: str = "value") -> float:
    """A figure of a single row."""
    return float(only(rows)[name])


def cents(amount: float) -> int:
    """An amount in hundredths."""
    return round(amount * 100)


def test_a_book_of_a_quarter_has_its_days_and_three_months(book):
    assert (book.kind, book.months) == ("quarter", 3)
    assert book.period == Period(date(2026, 7, 1), date(2026, 10, 1))
    assert book.last_month == Period(date(2026, 9, 1), date(2026, 10, 1))


def test_what_a_quarter_won_is_the_sum_of_its_deals_and_of_its_months(book):
    assert cents(of(scorecard.won(book))) == won_in(book, MONTHS)
    months = scorecard.won(book, period="month", last=3)
    assert [f"{start:%Y-%m}" for start in months["period"]] == MONTHS
    assert [cents(value) for value in months["value"]] == [won_in(book, [month]) for month in MONTHS]


def test_a_quarter_grows_on_the_quarter_before_and_on_the_same_a_year_before(book):
    now = won_in(book, MONTHS)
    assert of(scorecard.growth(book)) == pytest.approx(now / won_in(book, BEFORE) - 1)
    assert of(scorecard.growth_on_year(book)) == pytest.approx(now / won_in(book, YEAR_BEFORE) - 1)


def test_cards_show_the_quarter_and_the_four_before_it(book):
    trend = scorecard.won.trend(book)
    assert [f"{start:%Y-%m}" for start in trend["period"]] == ["2025-07", "2025-10", "2026-01", "2026-04", "2026-07"]
    assert [cents(value) for value in trend["value"].iloc[[0, 3, 4]]] == [
        won_in(book, months) for months in (YEAR_BEFORE, BEFORE, MONTHS)
    ]


def test_leads_of_a_quarter_are_those_that_came_in_on_its_local_days(book, project):
    zone, ends = ZoneInfo(book.run["zone"]), book.run["as_of"]
    with (project / "data" / "sample" / "leads.csv").open(encoding="utf-8") as file:
        leads = [row for row in csv.DictReader(file) if row["is_test"] == "false" and row["recorded_at"] < ends]
    # Entered after the quarter, a lead was not yet known; merged away or deleted after it, it was still there.
    there = [row for row in leads if all(not row[gone] or row[gone] >= ends for gone in ("merged_at", "deleted_at"))]
    local = [datetime.fromisoformat(row["created_at"]).astimezone(zone).strftime("%Y-%m") for row in there]
    assert of(funnel.new_leads(book)) == sum(month in MONTHS for month in local)


def test_the_target_of_a_quarter_is_the_sum_of_its_days(book):
    days = fact(book, "target_days")
    is_in = pd.to_datetime(days["day"]).dt.strftime("%Y-%m").isin(MONTHS)
    is_own = (days["kpi"] == "won") & (days["level"] == "organisation")
    goal = sum(int(part) for part in days.loc[is_in & is_own, "target_hundredths"])
    assert cents(scorecard.target(book, scorecard.won)) == goal
    assert cents(scorecard.won_so_far(book)["value"].iloc[-1]) == won_in(book, MONTHS)


def test_the_waterfall_of_a_quarter_leads_from_its_start_to_its_end_by_the_steps_of_its_months(book):
    steps = pipeline.pipeline_waterfall(book).set_index("step")["value"].map(cents)
    months = pipeline.pipeline_waterfall(book, period="month", last=3)
    by_month = months.assign(value=months["value"].map(cents)).pivot(index="step", columns="period", values="value")
    moves = [step for step in steps.index if step not in ("start", "end")]
    assert list(steps[moves]) == list(by_month.loc[moves].sum(axis=1))
    assert steps[["start", *moves]].sum() - steps["end"] == 0
    standing = fact(book, "open_deals").groupby("seen_on")["amount_minor"].sum()
    assert (steps["start"], steps["end"]) == (standing[date(2026, 7, 1)], standing[date(2026, 10, 1)])


def test_a_deal_that_moved_in_two_months_is_one_deal_of_the_quarter(book):
    rows = fact(book, "pipeline_moves")
    moved = rows[pd.to_datetime(rows["month"]).dt.strftime("%Y-%m").isin(MONTHS) & (rows["currency_minor"] != 0)]
    steps = pipeline.pipeline_waterfall(book).set_index("step")
    assert steps.loc["currency", "n"] == moved["deal_id"].nunique() < len(moved)


def test_recurring_revenue_of_a_quarter_moves_from_its_start_to_its_end(book):
    rows = fact(book, "customer_months")
    month = pd.to_datetime(rows["month"]).dt.strftime("%Y-%m")
    moved = unit_economics.mrr_movement(book)
    plain = rows[month.isin(MONTHS)]
    assert [cents(of(moved, name)) for name in MOVES] == [int(plain[f"{name}_minor"].sum()) for name in MOVES]
    assert cents(of(moved, "start")) == int(rows.loc[month == MONTHS[0], "start_minor"].sum())
    assert cents(of(unit_economics.mrr(book))) == int(rows.loc[month == MONTHS[-1], "mrr_minor"].sum())
    earlier = int(rows.loc[month == BEFORE[-1], "mrr_minor"].sum())
    assert cents(unit_economics.mrr.trend(book)["value"].iloc[-2]) == earlier


def test_money_is_held_against_the_customers_of_months_later_not_of_quarters_later(book):
    assert lagged(Ask(book, Question())) == book.run["economics"]["lag_months"] == 1
    costs = fact(book, "cost_facts")
    spent = costs[pd.to_datetime(costs["cost_on"]).dt.strftime("%Y-%m").isin(["2026-06", "2026-07", "2026-08"])]
    found = unit_economics.cac(book)
    assert cents(of(found, "numerator")) == int(spent["acquisition_minor"].sum())
    assert of(found, "denominator") == of(unit_economics.new_customers(book))


@pytest.mark.parametrize(
    "kpi", [scorecard.win_rate, team.activities_done, pipeline.pushed_deals, unit_economics.net_revenue_retention]
)
def test_the_quarter_before_is_three_months_back(book, kpi):
    now = kpi(book, last=3, ago=3)
    assert kpi(book, ago=1).equals(now)
    assert kpi.trend(book)[now.columns].iloc[[-2]].reset_index(drop=True).equals(now)


def test_a_run_of_a_quarter_is_not_opened_as_a_month(book):
    with pytest.raises(WrongUsage, match="another period"):
        open_book(book.folder, "2026-09")
