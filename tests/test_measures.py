"""Measures beyond sums: clustered shares, waits with open ends, rival outcomes, distinct values."""

import numpy as np
import pytest

from salesbook import stats
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, answer
from salesbook.kpis import elsewhere, funnel, pipeline, scorecard, unit_economics
from salesbook.measures import clustered, distinct, outcomes, single, wait
from salesbook.query import Question
from worked import book_of

ATTEMPTS = ("attempts", "is_talk", "lead_id")


def test_the_interval_of_a_clustered_share_is_that_of_its_clusters(sample_book):
    found = answer(sample_book, clustered(*ATTEMPTS, on="attempted_on"), Question(last=12)).iloc[0]
    rows = sample_book.rows("select lead_id, is_talk from attempts where attempted_on >= date '2025-11-01'")
    sums = rows.astype({"is_talk": int}).groupby("lead_id")["is_talk"].agg(["sum", "count"])
    k, n = sums["sum"].to_numpy(int), sums["count"].to_numpy(int)
    low, high = stats.clustered_share(len(k), k.sum(), n.sum(), (k**2).sum(), (n**2).sum(), (k * n).sum())
    assert (found["numerator"], found["denominator"], found["clusters"]) == (k.sum(), n.sum(), len(k))
    assert (found["low"], found["high"]) == pytest.approx((low, high))


def test_one_row_a_cluster_gives_nearly_wilson_s_interval(sample_book):
    question = Question(last=24, where={"attempt": 1})
    found = answer(sample_book, clustered(*ATTEMPTS, on="attempted_on"), question).iloc[0]
    low, high = stats.wilson(found["numerator"], found["denominator"])
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=1e-4)


def test_rows_of_no_cluster_count_but_are_no_cluster(tmp_path):
    head = "deal_id,owner_id,pipeline,stage,amount,currency,created_at,closed_at,status\n"
    rest = "1.00,EUR,2026-09-01,2026-10-05"
    owners = [("S1", "won"), ("S1", "lost"), ("S2", "won"), ("S2", "won"), ("", "lost"), ("", "won")]
    rows = "\n".join(
        f"D{at},{owner},Sales,{status.title()},{rest},{status}" for at, (owner, status) in enumerate(owners)
    )
    book = book_of(tmp_path, deals=head + rows)
    found = answer(book, clustered("deal_facts", "is_won", "owner_id", on="closed_on"), Question()).iloc[0]
    assert (found["numerator"], found["denominator"], found["clusters"]) == (4, 6, 2)
    low, high = stats.clustered_share(2, 4, 6, 1**2 + 2**2, 2**2 + 2**2, 2 * 1 + 2 * 2)
    assert (found["low"], found["high"]) == pytest.approx((low, high))


def test_a_single_cluster_has_no_interval(sample_book):
    lead = sample_book.rows("select lead_id from attempts group by 1 having count(*) > 2 order by 1 limit 1")
    question = Question(last=24, where={"lead_id": lead["lead_id"].iloc[0]})
    found = answer(sample_book, clustered(*ATTEMPTS, on="attempted_on"), question).iloc[0]
    assert found["clusters"] == 1
    assert np.isnan(found["low"])
    assert np.isfinite(found["value"])


def test_a_wait_without_open_ends_has_the_ordinary_median(sample_book):
    among = ("is_clocked", "is_answered")
    measure = wait("lead_responses", "waited_seconds", "is_answered", among, "created_on", 3600)
    found = answer(sample_book, measure, Question(last=12)).iloc[0]
    rows = sample_book.rows("select waited_seconds as s from lead_responses where is_clocked and is_answered "
                            "and created_on >= date '2025-11-01'")  # fmt: skip
    assert found["value"] == pytest.approx(rows["s"].median() / 3600)
    assert found["low"] < found["value"] < found["high"] < found["p90"]


def test_months_without_cases_stay_with_their_reason(sample_book):
    measure = wait("lead_responses", "waited_seconds", "is_answered", "is_clocked", "created_on", empty="no leads")
    rows = answer(sample_book, measure, Question(period="month", last=30))
    assert len(rows) == 30
    empty = rows[rows["n"] == 0]
    assert len(empty) == 6
    assert (empty["reason"] == "no leads").all()


def test_outcomes_by_group_and_period_hold_every_case_once(sample_book):
    measure = outcomes("deal_facts", "cycle_seconds", ("is_won", "is_lost"), "has_created", "created_on")
    rows = answer(sample_book, measure, Question(by=("product",), period="quarter", last=4))
    for row in rows.to_dict("records"):
        if row["cases"] is not None:
            assert row["cases"].at_risk[0] == row["n"]
            ends = row["cases"]
            assert ends.value[:, -1].sum() + ends.open[-1] == pytest.approx(1)
    # The quarter that holds October is not over: the four begin in January.
    whole = answer(sample_book, measure, Question(last=10)).iloc[0]
    assert rows["n"].sum() == whole["n"]


def test_distinct_values_are_counted_once(sample_book):
    found = answer(sample_book, distinct("attempts", "lead_id", on="attempted_on"), Question(last=24)).iloc[0]
    assert found["value"] == sample_book.rows("select count(distinct lead_id) as n from attempts "
                                              "where attempted_on >= date '2024-11-01'")["n"].iloc[0]  # fmt: skip


def test_one_figure_takes_no_groups(sample_book):
    with pytest.raises(WrongUsage, match="no trend"):
        single(Ask(sample_book, Question(period="month")), "a figure")


WON = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
A,Sales,Won,100.00,EUR,2026-09-01,2026-10-05,won
B,Sales,Won,300.00,EUR,2026-09-01,2026-10-06,won
"""
VISITS = """
deal_id,stage,entered_at
A,Qualification,2026-09-01
A,Won,2026-10-05
"""
LOST = "C,Sales,Lost,100.00,EUR,2024-09-01,2024-10-05,lost\n"
WANT_BOTH = (
    scorecard.win_rate, elsewhere.win_rate_of_all_closed, elsewhere.win_rate_by_value, funnel.stage_conversion,
    funnel.cohort_conversion, funnel.cohort_win_rate, pipeline.pipeline_velocity, unit_economics.price_win_rate,
)  # fmt: skip


def test_where_no_deal_was_ever_lost_there_is_no_share_of_those_won_and_it_says_why(tmp_path):
    book = book_of(tmp_path, deals=WON, stage_history=VISITS)
    for kpi in WANT_BOTH:
        rows = kpi(book)
        assert rows["value"].isna().all(), kpi
        assert set(rows["reason"]) == {"no lost deals"}, kpi
    months = scorecard.win_rate(book, period="month", last=2)
    assert months["period"].dt.month.tolist() == [9, 10]
    assert months["reason"].tolist() == ["no lost deals"] * 2
    # What needs no lost deal stays.
    assert scorecard.won(book)["value"].iloc[0] == 400


def test_a_month_without_a_loss_in_a_company_that_lost_one_before_has_a_win_rate(tmp_path):
    row = scorecard.win_rate(book_of(tmp_path, deals=WON.lstrip() + LOST)).iloc[0]
    assert (row["numerator"], row["denominator"], row["value"], row["reason"]) == (2, 2, 1, "")
