"""Intervals against published values and exact arithmetic, and their coverage by simulation."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from salesbook.errors import BadData, WrongUsage
from salesbook.stats import (
    Z,
    at_least,
    benjamini_hochberg,
    clustered_share,
    design_effect,
    difference_of_shares,
    fisher,
    mean_interval,
    median_interval,
    median_ranks,
    mix_and_rate,
    ratio_interval,
    shares_alike,
    wilson,
)

WILSON = [  # design/kpis.md, section 3, worked out by hand from Wilson (1927)
    (350, 1000, 0.3211, 0.3801),
    (30, 1000, 0.0211, 0.0425),
    (30, 350, 0.0607, 0.1197),
    (10, 100, 0.0552, 0.1744),
    (2, 10, 0.0567, 0.5098),
    (0, 100, 0.0, 0.0370),
    (3, 3, 0.4385, 1.0),
]


def sums_of(x, y):
    return len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()


class TestWilson:
    @pytest.mark.parametrize(("k", "n", "low", "high"), WILSON)
    def test_it_gives_the_golden_values(self, k, n, low, high):
        found = wilson(k, n)
        assert round(float(found.low), 4) == low
        assert round(float(found.high), 4) == high

    def test_a_whole_column_is_the_same_as_one_by_one(self):
        k, n, *_ = zip(*WILSON, strict=True)
        together = wilson(k, n)
        assert together.low.tolist() == [float(wilson(*pair).low) for pair in zip(k, n, strict=True)]

    def test_nothing_to_divide_by_has_no_interval(self):
        assert np.isnan(wilson([0], [0])).all()

    def test_none_and_all_touch_the_ends_to_the_letter(self):
        n = np.arange(1, 500)
        assert (wilson(0, n).low == 0).all()
        assert (wilson(n, n).high == 1).all()

    @pytest.mark.parametrize(("k", "n"), [(5, 4), (-1, 4)])
    def test_it_refuses_what_is_not_a_share(self, k, n):
        with pytest.raises(WrongUsage, match="from 0 to n"):
            wilson(k, n)

    def test_it_covers_95_percent_on_average_over_n(self):
        sizes = np.arange(30, 331)
        for share in (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95):
            covered = []
            for n in sizes:
                k = np.arange(n + 1)
                low, high = wilson(k, n)
                covered.append(scipy_stats.binom.pmf(k, n, share)[(low <= share) & (share <= high)].sum())
            assert 0.94 < np.mean(covered) < 0.965


class TestMedian:
    def test_ranks_are_those_of_the_binomial_table(self):
        # Conover (1999), table A3: for n = 10, ranks 2 and 9; n = 20, ranks 6 and 15.
        ranks = median_ranks([10, 20])
        assert ranks.low.tolist() == [2, 6]
        assert ranks.high.tolist() == [9, 15]

    def test_ranks_are_the_narrowest_that_cover(self):
        for n in range(6, 1001):
            low = int(median_ranks(n).low)
            assert 2 * scipy_stats.binom.cdf(low - 1, n, 0.5) <= 0.05
            assert 2 * scipy_stats.binom.cdf(low, n, 0.5) > 0.05

    def test_above_a_thousand_the_normal_ranks_are_the_binomial_ones_or_next_to_them(self):
        n = np.arange(1001, 6000)
        off = median_ranks(n).low - scipy_stats.binom.ppf(0.025, n, 0.5)
        assert np.abs(off).max() <= 1
        assert (off == 0).mean() > 0.98
        assert (2 * scipy_stats.binom.cdf(median_ranks(n).low - 1, n, 0.5)).max() < 0.0502

    def test_under_six_values_there_is_none(self):
        assert median_ranks(range(6)).low.tolist() == [0] * 6
        assert median_ranks(range(6)).high.tolist() == [0] * 6
        assert np.isnan(median_interval([1, 2, 3, 4, 5])).all()

    def test_six_values_are_bounded_by_the_smallest_and_the_largest(self):
        assert median_interval([1, 1, 2, 3, 9, 40]) == (1, 40)

    @pytest.mark.parametrize("values", [[3, 1, 2, 4, 5, 6], [1, 2, 3, 4, 5, float("nan")]])
    def test_it_refuses_values_out_of_order_or_missing(self, values):
        with pytest.raises(WrongUsage, match="ascending"):
            median_interval(values)

    @pytest.mark.parametrize("n", [8, 30, 101, 1200])
    def test_it_covers_93_percent_or_more(self, n):
        values = np.sort(np.random.default_rng(n).lognormal(0, 1.5, (3000, n)), axis=1)
        low, high = median_ranks(n)
        covered = (values[:, low - 1] <= 1) & (values[:, high - 1] >= 1)
        assert 0.93 <= covered.mean() < 0.995


class TestMean:
    def test_it_is_the_t_interval_of_the_values(self):
        values = np.array([3, 1, 4, 1, 5, 9, 2, 6])
        expected = scipy_stats.t.interval(0.95, 7, loc=values.mean(), scale=scipy_stats.sem(values))
        assert mean_interval(8, values.sum(), (values**2).sum()) == pytest.approx(expected)

    def test_sums_beyond_64_bits_keep_their_last_digit(self):
        # 10^12, 10^12 + 1 and 10^12 + 2 cents: their variance is 1, lost altogether in floats.
        values = [10**12, 10**12 + 1, 10**12 + 2]
        total, squares = sum(values), sum(value**2 for value in values)
        half = scipy_stats.t.ppf(0.975, 2) * (1 / 3) ** 0.5
        for kind in (int, Decimal, Fraction):
            low, high = mean_interval(3, kind(total), kind(squares))
            assert high - low == pytest.approx(2 * half, rel=1e-3)

    def test_groups_go_together(self):
        found = mean_interval([5, 1, 0], [15, 1, None], [55, 1, None])
        assert found.low[0] == mean_interval(5, 15, 55).low
        assert np.isnan(found.low[1:]).all()

    def test_a_float_that_lost_its_digits_is_refused(self):
        with pytest.raises(WrongUsage, match="too large to be exact"):
            mean_interval(3, 3e12, 3e24)

    def test_sums_that_no_values_have_are_bad_data(self):
        with pytest.raises(BadData, match="No values can have these sums"):
            mean_interval(2, 10, 1)

    def test_a_missing_sum_is_bad_data(self):
        with pytest.raises(BadData, match="missing"):
            mean_interval(2, None, 1)

    @pytest.mark.parametrize("n", [30, 200])
    def test_it_covers_95_percent(self, n):
        values = np.random.default_rng(n).integers(0, 2001, (2000, n))
        low, high = mean_interval(n, values.sum(axis=1), (values**2).sum(axis=1))
        assert 0.935 < ((low <= 1000) & (high >= 1000)).mean() < 0.965


class TestRatio:
    def test_it_is_the_delta_method(self):
        x, y = np.array([2.0, 5, 9, 4, 7]), np.array([1.0, 2, 3, 3, 4])
        ratio = x.sum() / y.sum()
        error = np.std(x - ratio * y, ddof=1) / np.sqrt(5) / y.mean()
        half = scipy_stats.t.ppf(0.975, 4) * error
        assert ratio_interval(*sums_of(x, y)) == pytest.approx((ratio - half, ratio + half))

    def test_a_denominator_of_ones_gives_the_interval_of_the_mean(self):
        x = np.array([3, 1, 4, 1, 5])
        assert ratio_interval(*sums_of(x, np.ones(5, int))) == pytest.approx(mean_interval(5, 14, 52))

    def test_nothing_to_divide_by_has_no_interval(self):
        assert np.isnan(ratio_interval(3, 1, 0, 1, 0, 0)).all()

    def test_it_covers_95_percent(self):
        rng = np.random.default_rng(7)
        hours = rng.integers(4, 12, (1500, 60))
        revenue = rng.poisson(10 * hours)
        sums = (part.sum(axis=1) for part in (revenue, hours, revenue**2, hours**2, revenue * hours))
        low, high = ratio_interval(60, *sums)
        assert 0.935 < ((low <= 10) & (high >= 10)).mean() < 0.965


class TestTwoShares:
    def test_it_gives_the_interval_that_newcombe_printed(self):
        # Newcombe (1998), table II, row 10: 56/70 - 48/80 is 0.2000 [0.0524, 0.3339].
        found = difference_of_shares(56, 70, 48, 80)
        assert [round(float(part), 4) for part in (found.value, found.low, found.high)] == [0.2, 0.0524, 0.3339]

    def test_p_is_that_of_the_chi_square_test(self):
        expected = scipy_stats.chi2_contingency([[56, 14], [48, 32]], correction=False).pvalue
        assert difference_of_shares(56, 70, 48, 80).p == pytest.approx(expected)

    def test_an_empty_group_has_no_difference_and_two_zeros_have_none_to_find(self):
        found = difference_of_shares([3, 0], [9, 9], [0, 0], [0, 5])
        assert np.isnan([found.value[0], found.low[0], found.p[0]]).all()
        assert found.p[1] == 1

    def test_it_covers_95_percent(self):
        rng = np.random.default_rng(5)
        found = difference_of_shares(rng.binomial(40, 0.3, 4000), 40, rng.binomial(60, 0.15, 4000), 60)
        assert 0.93 < ((found.low <= 0.15) & (found.high >= 0.15)).mean() < 0.97

    def test_fisher_gives_the_tea_taster_her_p(self):
        # Fisher (1935): three of four cups right, two-sided 34/70.
        assert fisher([3, 0], [4, 0], [1, 2], [4, 5])[0] == pytest.approx(34 / 70)
        assert np.isnan(fisher(0, 0, 2, 5))

    def test_two_lost_of_twenty_is_no_alarm(self):
        assert round(float(at_least(2, 20, 0.1)), 3) == 0.608
        assert at_least(0, 20, 0.1) == 1


class TestMixAndRate:
    def test_both_segments_gain_two_points_and_the_total_loses_eight(self):
        why = mix_and_rate([200, 100], [80, 10], [100, 200], [42, 24])
        assert (why.before, why.after) == (pytest.approx(0.30), pytest.approx(0.22))
        assert why.rate_total == pytest.approx(0.02)
        assert why.mix_total == pytest.approx(-0.10)
        # inbound: half the weight x 2 points; its weight falls by a third, and it is 15 points above the total
        assert why.rate.tolist() == pytest.approx([0.5 * 0.02, 0.5 * 0.02])
        assert why.mix.tolist() == pytest.approx([-1 / 3 * 0.15, 1 / 3 * -0.15])
        assert why.simpson

    def test_without_a_move_against_every_segment_it_is_no_paradox(self):
        assert not mix_and_rate([100, 100], [10, 20], [100, 100], [20, 30]).simpson
        assert not mix_and_rate([100, 100], [10, 20], [100, 100], [10, 20]).simpson
        assert not mix_and_rate([200, 100, 50], [80, 10, 20], [100, 200, 50], [42, 24, 15]).simpson

    def test_a_segment_that_arrives_is_mix(self):
        why = mix_and_rate([100, 0], [20, 0], [100, 100], [20, 60])
        assert why.rate.tolist() == [0, 0]
        assert why.mix_total == pytest.approx(0.40 - 0.20)

    def test_an_empty_period_explains_nothing(self):
        why = mix_and_rate([0, 0], [0, 0], [10, 10], [1, 2])
        assert np.isnan([why.before, why.mix_total]).all()
        assert not why.simpson

    @given(st.lists(st.tuples(*[st.integers(0, 50)] * 4), min_size=1, max_size=6))
    def test_the_effects_add_up_to_the_change(self, rows):
        k0, lost0, k1, lost1 = np.array(rows).T
        if (k0 + lost0).sum() and (k1 + lost1).sum():
            why = mix_and_rate(k0 + lost0, k0, k1 + lost1, k1)
            assert why.mix.sum() + why.rate.sum() == pytest.approx(why.after - why.before, abs=1e-12)
            assert why.rate_low <= why.rate_total <= why.rate_high

    def test_the_interval_of_the_rate_effect_covers_95_percent(self):
        rng = np.random.default_rng(11)
        n0, n1, share = np.array([60, 90]), np.array([90, 60]), np.array([0.4, 0.1])
        draws = [mix_and_rate(n0, rng.binomial(n0, share), n1, rng.binomial(n1, share)) for _ in range(1500)]
        covered = [draw.rate_low <= 0 <= draw.rate_high for draw in draws]
        assert 0.93 < np.mean(covered) < 0.975


class TestClusteredShare:
    def test_clusters_of_one_row_give_wilson_with_t(self):
        k = np.array([1] * 30 + [0] * 70)
        found = clustered_share(*sums_of(k, np.ones(100, int)))
        assert found.low == pytest.approx(float(wilson(30, 100).low), abs=0.002)
        assert found.high == pytest.approx(float(wilson(30, 100).high), abs=0.002)

    def test_rows_that_repeat_their_cluster_count_as_clusters(self):
        k, n = np.array([4] * 15 + [0] * 35), np.full(50, 4)
        effective = 49 * (1.959964 / scipy_stats.t.ppf(0.975, 49)) ** 2  # share x (1 - share) / (variance / 50)
        assert clustered_share(*sums_of(k, n)) == pytest.approx(wilson(0.3 * effective, effective), abs=1e-6)

    def test_none_of_the_rows_is_none_of_the_clusters(self):
        found = clustered_share(*sums_of(np.zeros(20, int), np.full(20, 10)))
        assert found.low == 0
        assert wilson(0, 200).high < wilson(0, 20).high < found.high

    def test_clusters_more_alike_than_chance_count_no_more_than_their_rows(self):
        k, n = np.full(50, 2), np.full(50, 4)
        assert clustered_share(*sums_of(k, n)) == wilson(100, 200)

    def test_one_cluster_says_nothing(self):
        assert np.isnan(clustered_share(1, 3, 10, 9, 100, 30)).all()

    def test_it_covers_95_percent_where_wilson_on_rows_does_not(self):
        rng = np.random.default_rng(8)
        rates = rng.beta(0.6, 1.4, (1500, 60))
        n = rng.integers(1, 9, (1500, 60))
        k = rng.binomial(n, rates)
        low, high = clustered_share(60, *(part.sum(axis=1) for part in (k, n, k * k, n * n, k * n)))
        naive = wilson(k.sum(axis=1), n.sum(axis=1))
        assert 0.935 < ((low <= 0.3) & (high >= 0.3)).mean() < 0.975
        assert ((naive.low <= 0.3) & (naive.high >= 0.3)).mean() < 0.85


class TestManyComparisons:
    def test_the_smallest_of_four_counts_four_times(self):
        # 0.01 x 4/1, 0.04 x 4/2 and so on, never above the next larger one; in the order given
        found = benjamini_hochberg([0.9, 0.01, 0.04, 0.05])
        assert found == pytest.approx([0.9, 0.01 * 4, 0.05 * 4 / 3, 0.05 * 4 / 3])

    def test_what_has_no_p_does_not_count(self):
        found = benjamini_hochberg([0.01, np.nan, 0.5])
        assert found[0] == pytest.approx(0.02)
        assert np.isnan(found[1])

    def test_none_at_all_is_none_at_all(self):
        assert benjamini_hochberg([]).size == 0


class TestSeveralGroups:
    def test_shares_alike_is_the_chi_square_test_of_all_groups(self):
        expected = scipy_stats.chi2_contingency([[12, 20, 9], [88, 60, 51]], correction=False).pvalue
        assert shares_alike([12, 20, 9], [100, 80, 60]) == pytest.approx(expected)
        assert shares_alike([5], [10]) == shares_alike([0, 0], [5, 9]) == 1

    def test_rows_that_come_in_fours_are_worth_a_quarter(self):
        k, n = np.array([40, 60]), np.array([100, 100])
        half = Z * np.sqrt(k / n * (1 - k / n) / (n / 4))
        assert design_effect(k, n, k / n - half, k / n + half) == pytest.approx(4)

    def test_rows_are_never_worth_more_than_one(self):
        assert design_effect([5, 0], [10, 10], [0.49, np.nan], [0.51, np.nan]) == 1
