"""The contract that every KPI keeps, held against the whole registry."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salesbook import KPIS
from salesbook.book import Book
from salesbook.errors import WrongUsage
from salesbook.kpi import counts, kpi
from salesbook.query import Question

MEASURES = [made for made in KPIS.values() if made.measure]
WORKED_OUT = [made for made in KPIS.values() if not made.measure]
FLOWS = [made for made in MEASURES if made.measure.on]
BY = ["product", "source", "type", "owner.team", "account.country", "pipeline", "level", "step", "stage", "country",
      "team_group"]  # fmt: skip
SUMS = ["n", "numerator", "denominator"]
LOOSE = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def groups_of(book, made) -> list[str]:
    """The groups of BY that a KPI's fact has."""
    fitting = []
    for name in BY:
        try:
            made(book, by=name)
        except WrongUsage:
            continue
        fitting.append(name)
    return fitting


def sums(rows: pd.DataFrame) -> dict[str, float]:
    return {name: round(float(rows[name].sum()), 6) for name in SUMS if name in rows}


@pytest.mark.parametrize("made", KPIS.values(), ids=lambda made: made.name)
def test_every_kpi_says_what_it_is(made):
    assert made.meaning.endswith(".")
    assert len(made.meaning) <= 120
    assert "Source:" in made.definition
    assert made.definition.index("Rule:") < made.definition.index("Source:")


@pytest.mark.parametrize("made", FLOWS, ids=lambda made: made.name)
@LOOSE
@given(data=st.data())
def test_groups_add_up_to_the_whole(sample_book, made, data):
    by = data.draw(st.lists(st.sampled_from(groups_of(sample_book, made)), max_size=2, unique=True))
    period = data.draw(st.sampled_from([None, "week", "month", "quarter", "year"]))
    last = data.draw(st.integers(1, 14))
    whole = made(sample_book, period=period, last=last)
    parts = made(sample_book, by=by, period=period, last=last)
    assert sums(parts) == pytest.approx(sums(whole))
    assert (parts.columns[: len(by)] == by).all()
    keys = [*by, *(["period"] if period else [])]
    assert len(parts) == (len(parts[keys].drop_duplicates()) if keys else 1)


@pytest.mark.parametrize("made", FLOWS, ids=lambda made: made.name)
def test_months_add_up_to_the_span(sample_book, made):
    assert sums(made(sample_book, period="month", last=12)) == pytest.approx(sums(made(sample_book, last=12)))


@pytest.mark.parametrize("made", KPIS.values(), ids=lambda made: made.name)
def test_a_question_asked_twice_has_one_answer(sample_book, made):
    assert made(sample_book).equals(made(sample_book))


@pytest.mark.parametrize("made", KPIS.values(), ids=lambda made: made.name)
def test_a_value_is_there_or_a_reason_is(sample_book, made):
    rows = made(sample_book)
    assert {"value", "low", "high", "reason"} <= set(rows.columns)
    assert (rows["value"].isna() == (rows["reason"] != "")).all()
    assert not np.isinf(rows["value"]).any()
    bounded = rows.dropna(subset=["low", "value"])
    assert (bounded["low"] <= bounded["value"]).all()
    assert (bounded["value"] <= bounded["high"]).all()


@pytest.mark.parametrize("made", MEASURES, ids=lambda made: made.name)
def test_shares_of_rows_lie_between_zero_and_one(sample_book, made):
    rows = made(sample_book, period="month", last=24) if made.measure.on else made(sample_book)
    if "denominator" in rows and "n" not in rows:
        assert rows["value"].dropna().between(0, 1).all()
        assert (rows["numerator"] <= rows["denominator"]).all()


@pytest.mark.parametrize("made", FLOWS, ids=lambda made: made.name)
def test_an_empty_slice_gives_nothing_and_says_so(sample_book, made):
    column = made.measure.on
    rows = made(sample_book, where={column: "1900-01-01"})
    assert len(rows) == 1
    assert rows["value"].isna().all() or (rows["value"] == 0).all()
    assert made(sample_book, by=column, where={column: "1900-01-01"}).empty


@pytest.mark.parametrize("made", FLOWS, ids=lambda made: made.name)
def test_the_rows_behind_a_number_are_as_many_as_it_counts(sample_book, made):
    rows, value = made.rows(sample_book), made(sample_book).iloc[0]
    counted = value["denominator"] if "denominator" in value and "n" not in value else value["n"]
    assert len(rows) >= counted
    if "n" not in value or made.unit == "count":
        assert len(rows) == counted


@pytest.mark.parametrize(
    ("period", "last"), [("day", "2026-10-31"), ("week", "2026-10-26"), ("month", "2026-10-01"), ("year", "2026-01-01")]
)
def test_the_last_period_is_the_one_that_holds_the_last_day_of_the_month(sample_book, period, last):
    rows = KPIS["deals_won"](sample_book, period=period, last=3)
    assert rows["period"].iloc[-1] == pd.Timestamp(last)
    assert len(rows) == 3


@pytest.mark.parametrize("period", ["month", "quarter", "year"])
def test_a_trend_says_nothing_of_the_time_before_its_fact_begins(sample_book, period):
    begins = sample_book.rows("select min(closed_on) as day from deal_facts")["day"].iloc[0]
    rows = KPIS["deals_won"](sample_book, period=period, last=40)
    ends = (rows["period"] + pd.DateOffset(months={"month": 1, "quarter": 3, "year": 12}[period])).to_numpy()
    is_before = ends <= begins.to_datetime64()
    assert 0 < is_before.sum() < len(rows)
    assert rows["value"].isna().tolist() == is_before.tolist()
    assert set(rows.loc[is_before, "reason"]) == {"before the data begins"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("product", "Analyser"), ("team", "Randstad"), ("territory", "NL-West"), ("channel", "Website form")],
)
def test_a_trend_of_a_slice_has_a_value_or_a_reason_every_month(sample_book, name, value):
    book = Book(sample_book.folder, {name: value})
    answers = {made.name: made.trend(book) for made in FLOWS}
    assert [kpi for kpi, rows in answers.items() if not (rows["value"].notna() | rows["reason"].ne("")).all()] == []
    assert {len(rows) for rows in answers.values()} == {1, 13}


def test_a_stock_has_no_period(sample_book):
    stock = counts("deal_facts", among="is_open")
    from salesbook.kpi import answer

    assert answer(sample_book, stock, Question()).iloc[0]["value"] > 0
    with pytest.raises(WrongUsage, match="stock"):
        answer(sample_book, stock, Question(period="month"))


def test_a_second_kpi_of_one_name_is_refused():
    def win_rate():
        """Another meaning."""
        return counts("deal_facts")

    with pytest.raises(WrongUsage, match="win_rate"):
        kpi("share")(win_rate)


def test_a_kpi_without_meaning_is_refused():
    def nameless():
        return counts("deal_facts")

    with pytest.raises(WrongUsage, match="nameless"):
        kpi("count")(nameless)


def test_win_rate_agrees_with_a_plain_loop_over_the_source(sample_book, project):
    deals = pd.read_csv(project / "data/sample/deals.csv", dtype=str).fillna("")
    history = pd.read_csv(project / "data/sample/stage_history.csv", dtype=str).fillna("")
    last = {}
    for row in history.sort_values(["entered_at"], kind="stable").to_dict("records"):
        if row["stage"] in ("Won", "Lost") or last.get(row["deal_id"], ("", ""))[0] < row["entered_at"]:
            last[row["deal_id"]] = (row["entered_at"], row["stage"])
    won = lost = 0
    for deal in deals.to_dict("records"):
        excluded = deal["merged_into"] or deal["deleted_at"] or deal["is_test"] == "true" or deal["type"] == "renewal"
        at, stage = last.get(deal["deal_id"], (deal["closed_at"], deal["stage"]))
        if excluded or not at:
            continue
        # October in Amsterdam, in UTC; the clock changes on the 25th.
        if "2026-09-30T22:00:00Z" <= at < "2026-10-31T23:00:00Z":
            won += stage == "Won"
            lost += stage == "Lost"
    rate = KPIS["win_rate"](sample_book).iloc[0]
    assert (rate["numerator"], rate["denominator"]) == (won, won + lost)
    assert won > 5
