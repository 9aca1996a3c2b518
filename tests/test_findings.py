import numpy as np
import pandas as pd
import pytest

from salesbook.findings import Candidate, Finding, chosen, holm, moved, swing_of
from salesbook.headlines import verdict


def candidate(name: str, p: float, weight: float = 0.0) -> Candidate:
    return Candidate(name, p, Finding(f"{name}!", "", True), Finding(f"{name}.", "", False), weight)


def share(k: int, n: int) -> pd.DataFrame:
    return pd.DataFrame({"numerator": [k], "denominator": [n]})


def test_a_claim_that_holds_comes_first_and_the_weightiest_before_others():
    found = chosen([candidate("a", 0.9), candidate("b", 0.001, 1), candidate("c", 0.001, 2)])
    assert [one.headline for one in found] == ["c!", "b!", "a."]


def test_many_tests_raise_the_bar_for_each():
    # Five tests: the smallest p must be under 0.05 ÷ 5.
    assert not holm(np.array([0.011, 0.2, 0.3, 0.4, 0.5]), 0.05).any()
    assert holm(np.array([0.009, 0.2, 0.3, 0.4, 0.5]), 0.05).tolist() == [True, False, False, False, False]


def test_a_candidate_without_a_test_never_claims():
    assert not chosen([candidate("a", np.nan)])[0].is_claim


def test_three_findings_at_most():
    assert len(chosen([candidate(str(number), 0.9) for number in range(5)])) == 3


def test_a_move_of_a_share_under_twenty_has_no_test():
    assert np.isnan(moved(share(10, 19), share(1, 100)).p)
    assert moved(share(18, 20), share(10, 100)).p < 1e-6


def months(k: list[int], n: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"numerator": k, "denominator": n})


def test_months_that_swing_twice_as_far_as_chance_makes_them_count_half():
    # Of 50 a month 10, 20, 30: about 20, each ± 10, (100 + 0 + 100) ÷ (50 × .4 × .6) = 16.67 over 2 degrees.
    before = months([10, 20, 30], [50, 50, 50])
    assert swing_of(before) == pytest.approx(200 / 12 / 2)
    # With a span of two months that do not differ: over 2 + 1 degrees. An empty month says nothing.
    now = months([30, 30, 0], [50, 50, 0])
    assert swing_of(now, before) == pytest.approx(200 / 12 / 3)
    halved, half = moved(now, before, 2), moved(share(30, 50), share(30, 75))
    assert (halved.value, halved.low, halved.high, halved.p) == (half.value, half.low, half.high, half.p)


def test_groups_swing_each_about_their_own_share():
    rows = months([10, 20, 30, 40], [50, 50, 50, 50]).assign(stage=["a", "a", "b", "b"])
    apart = 2 * 5**2 * (1 / (50 * 0.3 * 0.7) + 1 / (50 * 0.7 * 0.3))
    assert swing_of(rows, by=["stage"]) == pytest.approx(apart / 2)
    assert swing_of(rows) > swing_of(rows, by=["stage"])


def test_months_that_lie_closer_than_chance_are_taken_as_chance():
    assert swing_of(months([20, 20], [50, 50])) == swing_of(months([0, 0], [50, 50])) == swing_of(months([], [])) == 1


def test_a_share_that_always_swings_is_said_to_have_moved_no_more_often_than_one_that_does_not():
    random = np.random.default_rng(11)
    judged, naive, runs = 0, 0, 2000
    for _ in range(runs):
        k = random.binomial(60, random.beta(6, 14, size=18))  # shares of 30 % ± 10 points from month to month
        now, before = months(k[:6], [60] * 6), months(k[6:], [60] * 12)
        judged += moved(now, before, swing_of(now, before)).p < 0.05
        naive += moved(now, before).p < 0.05
    assert 0.03 < judged / runs < 0.08 < 0.2 < naive / runs


def test_the_difference_is_now_less_before():
    assert moved(share(60, 100), share(40, 100)).value == pytest.approx(0.2)


def test_chance_alone_makes_a_page_claim_in_at_most_one_of_twenty():
    random = np.random.default_rng(7)
    pages = random.uniform(size=(4000, 4))
    claimed = [
        any(one.is_claim for one in chosen([candidate(str(i), p) for i, p in enumerate(page)])) for page in pages
    ]
    assert 0.02 < np.mean(claimed) < 0.04  # three of a hundred for the findings


def test_a_figure_calls_nothing_chance_that_its_page_may_claim():
    assert [verdict(0.1, p) for p in (0.009, 0.02, 0.2, np.nan)] == ["up", "near", "alike", "alike"]
    assert verdict(-0.1, 0.001) == "down"
