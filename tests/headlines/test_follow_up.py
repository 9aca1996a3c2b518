"""What the follow-up page claims: planted effects are found, and hardly anything where nothing is planted."""

import numpy as np
import pandas as pd
import pytest

from salesbook import stats
from salesbook.headlines import follow_up as say
from salesbook.kpis import follow_up


def claims(book) -> list[str]:
    return [found.headline for found in say.this_month(book) if found.is_claim]


def test_the_planted_effects_of_following_up_are_found(sample_book):
    headlines = claims(sample_book)
    assert any("within the hour" in headline for headline in headlines)
    assert any("two to four days" in headline for headline in headlines)


def test_what_is_only_counted_claims_nothing(sample_book):
    first = say.this_month(sample_book)[0]
    assert "never tried" in first.headline
    assert not first.is_claim


def test_a_trend_of_shares_is_told_from_chance():
    n = np.full(5, 400.0)
    falling, p = stats.trend_of_shares(np.array([120, 100, 80, 60, 40.0]), n, np.arange(1, 6.0))
    assert falling < 0
    assert p < 0.001
    assert stats.trend_of_shares(np.full(5, 80.0), n, np.arange(1, 6.0)) == (
        pytest.approx(0, abs=1e-9),
        pytest.approx(1),
    )


def test_the_guard_of_the_figures_speaks_of_chance_where_it_may_be(sample_book):
    rows = follow_up.attempt_odds(sample_book, by="weekday", last=24)
    assert "no group stands out" in say.chances(sample_book, rows, "weekday", 24)["headline"]
    rows = follow_up.attempt_odds(sample_book, by="gap_from_days", last=24)
    assert say.chances(sample_book, rows, "gap_from_days", 24)["headline"].startswith("Two to four days stands out")


def test_the_fates_add_up_to_the_inflow(sample_book):
    rows = say.fates(sample_book, follow_up.inflow_leakage(sample_book, by="fate", last=12))
    assert rows["value"].sum() == pytest.approx(1)
    assert rows["numerator"].sum() == rows["denominator"].iloc[0]


def test_an_answer_without_value_has_no_words(sample_book):
    nothing = pd.DataFrame({"value": [np.nan], "reason": ["needs activities"]})
    for words in (say.quick, say.score):
        assert words(sample_book, nothing) == {"headline": "", "subtitle": "", "alt": "", "is_claim": None}
    for words in (say.hazard, say.sales, say.stopping, say.leaking, say.waits, say.sellers):
        assert words(sample_book, nothing, 12)["headline"] == ""


def test_a_last_attempt_at_few_leads_is_not_said_to_cost_less(sample_book):
    # 7 of 20 against 50 of 500: beyond 3 in 1,000 by the normal approximation, not by Fisher's exact test.
    columns = {"attempt": [1, 8], "value": [10, 20 / 7], "denominator": [500, 20], "reached_share": [0.1, 0.5]}
    rows = pd.DataFrame(columns | {"cost": [80.0, 23.0], "reason": ["", ""]})
    few = say.stopping(sample_book, rows, 12)
    many = say.stopping(sample_book, rows.assign(denominator=[500, 100]), 12)
    assert (few["is_claim"], many["is_claim"]) == (False, True)
