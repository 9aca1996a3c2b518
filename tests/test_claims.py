"""The claim checker: verdicts are tests, own figures agree with plain loops, benchmarks come from the settings."""

import numpy as np
import pytest

from salesbook import claims
from salesbook.book import Book
from salesbook.claims import CLAIMS, Claim, Estimate
from salesbook.errors import WrongUsage
from salesbook.kpis.forecast_accuracy import stage_calibration
from salesbook.kpis.scorecard import win_rate
from salesbook.words import Words
from worked import SETTINGS, book_of, settings_of

SEVEN = Claim("seven", "follow_up", 7, "ratio", lambda book: Estimate(), 5, 10)
BOUND = Claim("third", "unit_economics", 3, "ratio", lambda book: Estimate(), 3, is_point=False)
BENCHMARK = """
[[benchmarks]]
kpi = "win_rate"
value = 0.25
source = "survey"
date = 2026-01-15
"""
DEALS = "deal_id,pipeline,stage,amount,currency,created_at,closed_at,status\n"


@pytest.mark.parametrize(
    ("claim", "low", "high", "expected"),
    [
        (SEVEN, 6.0, 8.0, "supports"),
        (SEVEN, 7.2, 7.5, "supports"),  # not seven exactly, and near enough
        (SEVEN, 1.7, 2.8, "contradicts"),
        (SEVEN, 5.5, 6.9, "supports"),
        (SEVEN, 3.0, 6.0, "contradicts"),  # leaves 7 out, and is not all near it
        (SEVEN, 2.0, 12.0, "cannot tell"),  # holds 7, and much else
        (SEVEN, np.nan, np.nan, "cannot tell"),
        (BOUND, 3.1, 5.0, "supports"),
        (BOUND, 1.0, 2.9, "contradicts"),
        (BOUND, 2.5, 4.0, "cannot tell"),
    ],
)
def test_the_verdict_is_a_test_of_the_interval_against_the_claim(claim, low, high, expected):
    assert claims.verdict(claim, Estimate((low + high) / 2, low, high, 100)) == expected


def test_every_claim_is_checked_on_the_sample_with_its_n_and_interval(sample_book):
    for page in {claim.page for claim in CLAIMS}:
        rows = claims.checked(sample_book, page)
        assert len(rows) == sum(claim.page == page for claim in CLAIMS)
        assert (rows["n"] > 0).all()
        assert ((rows["low"] <= rows["value"]) & (rows["value"] <= rows["high"])).all()


def test_the_planted_advantage_of_quick_answers_is_no_seven(sample_book):
    rows = claims.checked(sample_book, "follow_up").set_index("claim")
    # Planted is an odds ratio of 2.5.
    assert rows.loc["seven_times", "low"] < 2.5 < rows.loc["seven_times", "high"]
    assert rows.loc["seven_times", "verdict"] == "contradicts"


def test_hours_and_first_contacts_agree_with_plain_queries(sample_book):
    rows = claims.checked(sample_book, "follow_up").set_index("claim")
    sql = """select avg(waited_seconds) / 3600.0 as v, count(*) as n from lead_responses
      where is_clocked and is_answered and waited_seconds <= 30 * 86400 and created_on >= '2024-11-01'"""
    plain = sample_book.rows(sql).iloc[0]
    assert rows.loc["hours_to_answer", ["value", "n"]].tolist() == pytest.approx(plain.tolist())
    sql = """select avg(cast(touch <= 1 as integer)) as v, median(greatest(touch - 1, 0)) as m, count(*) as n
      from sale_touches where is_new_business and closed_on >= '2024-11-01'"""
    plain = sample_book.rows(sql).iloc[0]
    assert rows.loc["first_contact", ["value", "n"]].tolist() == pytest.approx([plain["v"], plain["n"]])
    assert rows.loc["four_noes", "value"] == plain["m"]


def test_calls_are_counted_by_the_prospects_they_went_to(sample_book):
    rows = claims.checked(sample_book, "funnel").set_index("claim")
    sql = """select count(*) as calls, count(distinct prospect_id) as prospects,
        count(distinct case when deal_id is not null then prospect_id end) as deals
      from touches where is_call and has_prospect and is_new_business and touched_on >= '2024-11-01'"""
    plain = sample_book.rows(sql).iloc[0]
    assert rows.loc["prospects", "value"] == pytest.approx(1000 * plain["prospects"] / plain["calls"])
    assert rows.loc["opportunities", "value"] == pytest.approx(1000 * plain["deals"] / plain["calls"])
    assert (rows["n"] == plain["calls"]).all()


def test_the_chance_of_the_last_stage_is_far_from_the_crm_s(sample_book):
    row = claims.checked(sample_book, "forecast_accuracy").iloc[0]
    standing = stage_calibration(sample_book).sort_values("position").iloc[-1]
    assert row["value"] == pytest.approx(standing["value"], abs=0.15)
    assert row["verdict"] == "contradicts"


def test_without_data_a_claim_cannot_be_told_and_says_why(tmp_path):
    lonely = book_of(tmp_path, deals=DEALS + "A,Sales,Won,5,EUR,2026-10-01,2026-10-05,won\n")
    for page in {claim.page for claim in CLAIMS}:
        rows = claims.checked(lonely, page)
        unknown = rows[rows["verdict"] == "cannot tell"]
        assert len(unknown) >= len(rows) - 1
        assert ((rows["value"].notna()) | (rows["reason"] != "")).all()
        assert len(claims.told(lonely, page)) == len(rows)


def test_every_claim_has_its_words_in_every_language():
    for claim in CLAIMS:
        for language in ("en", "nl", "da"):
            for part in ("claim", "caveat"):
                assert Words(language, "EUR").say(f"claims.{claim.name}.{part}")


def benchmarked(book: Book, value: float) -> str:
    book.run["benchmarks"] = [{"kpi": "win_rate", "value": value, "source": "survey", "date": "2026-01-15"}]
    (row,) = claims.benchmarked(book, "scorecard").to_dict("records")
    return row["verdict"]


def test_a_benchmark_stands_beside_the_own_figure_of_twelve_months(sample_book):
    book = Book(sample_book.folder)
    own = win_rate(book, last=12).iloc[0]
    assert benchmarked(book, own["low"] - 0.01) == "above"
    assert benchmarked(book, own["high"] + 0.01) == "below"
    assert benchmarked(book, own["value"]) == "cannot tell"
    (row,) = claims.told(book, "scorecard").to_dict("records")
    assert row["caveat"] == "survey, 2026-01-15"
    assert row["n"] == own["denominator"]
    assert claims.told(book, "pipeline").empty


def test_benchmarks_are_read_from_the_settings(tmp_path):
    (given,) = settings_of(tmp_path, SETTINGS + BENCHMARK).benchmarks
    assert (given.kpi, given.value, given.source, given.date) == ("win_rate", 0.25, "survey", "2026-01-15")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kpi = "win_rate"', 'kpi = "win_ratio"', "Did you mean 'win_rate'"),
        ('source = "survey"\n', "", "no source"),
        ("2026-01-15", '"last year"', "not a day"),
        ("0.25", '"a quarter"', "wrong kind"),
        ("[[benchmarks]]", "[benchmarks]", "not a list"),
    ],
)
def test_a_benchmark_that_cannot_be_meant_is_refused(tmp_path, old, new, message):
    with pytest.raises(WrongUsage, match=message):
        settings_of(tmp_path, SETTINGS + BENCHMARK.replace(old, new))
