"""The common odds ratio: by hand, against statsmodels, and where strata mislead."""

import numpy as np
import pandas as pd
import pytest

from salesbook.errors import WrongUsage
from salesbook.strata import common_odds_ratio, compared


def test_one_stratum_gives_the_plain_odds_ratio():
    assert common_odds_ratio(20, 50, 10, 50).value == pytest.approx((20 / 30) / (10 / 40))


def test_four_sparse_strata_give_what_statsmodels_gives():
    # StratifiedTable of statsmodels 0.15, run on 2026-11-21: pooled odds ratio, its interval, test without correction.
    found = common_odds_ratio([6, 3, 1, 9], [9, 5, 1, 12], [2, 1, 2, 3], [10, 6, 3, 9])
    assert found.value == pytest.approx(7.246309963099631)
    assert (found.low, found.high) == pytest.approx((2.0699314257789734, 25.367510936530838))
    assert found.p == pytest.approx(0.0017665554083665658)
    assert found.n == 9 + 10 + 5 + 6 + 1 + 3 + 12 + 9


def test_what_differs_between_strata_does_not_pass_for_an_effect():
    # In each stratum both groups do alike; the group is mostly in the stratum that does well.
    rows = pd.DataFrame(
        [(stratum, member, won) for stratum, share, sizes in (("a", 0.8, (80, 20)), ("b", 0.2, (20, 80)))
         for member, size in zip((True, False), sizes, strict=True) for won in np.arange(size) < share * size],
        columns=["stratum", "member", "won"],
    )  # fmt: skip
    assert compared(rows, "member", "won", ["stratum"]).value == pytest.approx(1)
    assert compared(rows.assign(one=1), "member", "won", ["one"]).value > 3


def test_a_stratum_with_one_group_alone_says_nothing():
    found = common_odds_ratio([5, 20], [10, 50], [0, 10], [0, 50])
    assert found.n == 100
    assert found.value == pytest.approx((20 / 30) / (10 / 40))


def test_without_a_stratum_that_tells_there_is_no_ratio():
    found = common_odds_ratio([3], [3], [2], [2])
    assert all(np.isnan(x) for x in (found.value, found.low, found.high, found.p))


def test_more_successes_than_rows_are_refused():
    with pytest.raises(WrongUsage):
        common_odds_ratio([4], [3], [1], [3])


def test_the_interval_covers_the_ratio_as_often_as_it_says():
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        n1, n0 = random.integers(2, 12, 30), random.integers(2, 12, 30)
        base = random.uniform(0.2, 0.6, 30)
        odds = 2.5 * base / (1 - base)
        found = common_odds_ratio(random.binomial(n1, odds / (1 + odds)), n1, random.binomial(n0, base), n0)
        covered += found.low <= 2.5 <= found.high
    assert 0.92 <= covered / 400 <= 0.98
