"""Calibration, AUC and lift against hand arithmetic, slow loops and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesbook.calibration import auc, calibration, lift
from salesbook.errors import WrongUsage
from salesbook.stats import wilson


class TestCalibration:
    def test_five_deals_by_hand(self):
        found = calibration([0.9, 0.9, 0.5, 0.1, 0.1], [1, 1, 0, 0, 1])
        assert found.brier == pytest.approx((0.01 + 0.01 + 0.25 + 0.01 + 0.81) / 5)
        assert found.base_rate == 3 / 5
        assert found.skill == pytest.approx(1 - found.brier / (0.6 * 0.4))
        # bins .9 (2 deals: 2 won), .5 (1: 0), .1 (2: 1)
        assert found.error == pytest.approx((2 * 0.1 + 1 * 0.5 + 2 * 0.4) / 5)

    def test_a_bin_holds_its_lower_end_and_the_last_one_both(self):
        bins = calibration([0.0, 0.1, 0.19, 1.0], [0, 0, 1, 1]).bins
        assert bins["n"].tolist() == [1, 2, 0, 0, 0, 0, 0, 0, 0, 1]
        assert bins["numerator"].tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
        assert bins.loc[1, "forecast"] == pytest.approx(0.145)
        assert (bins.loc[1, "low"], bins.loc[1, "high"]) == wilson(1, 2)

    def test_an_empty_bin_stays_and_has_no_value(self):
        bins = calibration([0.05], [0]).bins
        assert len(bins) == 10
        assert bins.loc[5, ["forecast", "value", "low", "high"]].isna().all()

    def test_saying_the_base_rate_has_no_skill_and_certainty_that_is_right_has_all(self):
        assert calibration([0.25] * 4, [1, 0, 0, 0]).skill == pytest.approx(0)
        assert calibration([1, 0, 0, 0], [1, 0, 0, 0]).skill == 1
        assert calibration([0, 1, 1, 1], [1, 0, 0, 0]).skill < -3

    def test_outcomes_all_alike_leave_no_skill_to_measure(self):
        assert np.isnan(calibration([0.9, 0.8], [1, 1]).skill)

    def test_no_rows_no_figure(self):
        found = calibration([], [])
        assert found.n == 0
        assert np.isnan([found.brier, found.skill, found.error]).all()

    @pytest.mark.parametrize("value", [1.01, -0.1, 7, float("nan")])
    def test_it_refuses_ranks_and_percentages(self, value):
        with pytest.raises(WrongUsage, match="number from 0 to 1"):
            calibration([0.5, value], [0, 1])

    def test_it_refuses_outcomes_not_decided_and_unlike_lengths(self):
        with pytest.raises(WrongUsage, match="An outcome is 0 or 1"):
            calibration([0.5], [0.5])
        with pytest.raises(WrongUsage, match="Every case has an outcome"):
            calibration([0.5, 0.5], [1])

    def test_chances_that_are_true_show_no_error_but_noise(self):
        rng = np.random.default_rng(1)
        p = rng.random(40_000)
        found = calibration(p, rng.random(40_000) < p)
        inside = (found.bins["low"] <= found.bins["forecast"]) & (found.bins["forecast"] <= found.bins["high"])
        assert found.error < 0.015
        assert inside.sum() >= 9


class TestAuc:
    @given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=25))
    def test_it_counts_the_pairs_in_order(self, cases):
        good = [score for score, won in cases if won]
        bad = [score for score, won in cases if not won]
        if good and bad:
            pairs = [(g > b) + 0.5 * (g == b) for g in good for b in bad]
            assert auc(*zip(*cases, strict=True)).value == pytest.approx(np.mean(pairs))

    def test_a_score_that_parts_them_is_still_not_sure(self):
        found = auc(range(20), [0] * 10 + [1] * 10)
        assert found.value == found.high == 1
        assert found.low == wilson(10, 10).low

    def test_without_two_of_each_there_is_no_interval_and_without_one_no_figure(self):
        assert auc([1, 2, 3], [0, 0, 1]).value == 1
        assert np.isnan(auc([1, 2, 3], [0, 0, 1]).low)
        assert np.isnan(auc([1, 2, 3], [1, 1, 1]).value)

    def test_it_refuses_a_missing_score(self):
        with pytest.raises(WrongUsage, match="score is missing"):
            auc([1, np.nan], [0, 1])

    def test_its_interval_covers_95_percent(self):
        rng = np.random.default_rng(2)
        truth = 0.76025  # two normals one standard deviation apart: Φ(1 ÷ √2)
        outcomes = np.repeat([0, 1], [80, 40])
        draws = [auc(rng.normal(outcomes, 1), outcomes) for _ in range(1500)]
        assert 0.93 < np.mean([draw.low <= truth <= draw.high for draw in draws]) < 0.97


class TestLift:
    def test_the_highest_half_by_hand(self):
        table = lift([9, 8, 7, 3, 2, 1], [1, 1, 0, 0, 0, 1], n_groups=2)
        assert table["numerator"].tolist() == [2, 1]
        assert table["lift"].tolist() == pytest.approx([(2 / 3) / (3 / 6), (1 / 3) / (3 / 6)])
        assert table["captured"].tolist() == pytest.approx([2 / 3, 1])

    def test_a_tie_is_never_split(self):
        table = lift([5, 5, 5, 5, 1, 1], [1, 0, 1, 0, 0, 0], n_groups=3)
        assert table["n"].tolist() == [4, 2]

    def test_without_successes_there_is_no_lift(self):
        table = lift([1, 2, 3], [0, 0, 0], n_groups=3)
        assert table["value"].tolist() == [0, 0, 0]
        assert table["lift"].isna().all()

    def test_no_rows_no_groups(self):
        assert lift([], []).empty
