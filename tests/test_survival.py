"""Survival against hand-worked deals, closed forms, SciPy and slow loops; coverage by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from salesbook.errors import WrongUsage
from salesbook.stats import wilson
from salesbook.survival import aalen_johansen, kaplan_meier, log_rank, stratified_log_rank

# design/kpis.md, section 3: W10 L20 L20 W30 C40 L50 W60 C70 L80 C90 (1 = won, 2 = lost, 0 = still open)
TEN_DAYS = [10, 20, 20, 30, 40, 50, 60, 70, 80, 90]
TEN_CAUSES = [1, 2, 2, 1, 0, 2, 1, 0, 2, 0]


def slow_incidence(ages, causes, age, cause):
    """The sums as a textbook writes them, one age at a time: share and variance."""
    times = sorted({a for a, c in zip(ages, causes, strict=True) if c and a <= age})
    share, still_open, steps = 0.0, 1.0, []
    for time in times:
        n = sum(a >= time for a in ages)
        gone = sum(a == time and c > 0 for a, c in zip(ages, causes, strict=True))
        here = sum(a == time and c == cause for a, c in zip(ages, causes, strict=True))
        share += still_open * here / n
        steps.append((n, gone, here, still_open, share))
        still_open *= 1 - gone / n
    variance = 0.0
    for n, gone, here, before, then in steps:
        if n > gone:
            variance += (share - then) ** 2 * gone / (n * (n - gone))
        variance += before**2 * here * (n - here) / n**3 - 2 * (share - then) * before * here / n**2
    return share, variance


class TestAalenJohansen:
    def test_ten_deals_by_hand(self):
        deals = aalen_johansen(TEN_DAYS, TEN_CAUSES)
        # won: 1/10 + .7 x 1/7 + .48 x 1/4; lost: .9 x 2/9 + .6 x 1/5 + .36 x 1/2
        assert deals.at(90, cause=1) == pytest.approx(0.10 + 0.10 + 0.12)
        assert deals.at(90, cause=2) == pytest.approx(0.20 + 0.12 + 0.18)
        assert deals.open[-1] == pytest.approx(0.18)

    def test_losses_taken_for_censoring_would_say_more(self):
        naive = kaplan_meier(TEN_DAYS, np.equal(TEN_CAUSES, 1))
        assert round(1 - float(naive.at(90)), 4) == 0.4214

    def test_without_censoring_it_is_the_share_with_the_binomial_variance(self):
        rng = np.random.default_rng(2)
        ages, causes = rng.integers(0, 40, 200), rng.integers(1, 4, 200)
        found = aalen_johansen(ages, causes)
        for age in (0, 7, 39):
            share = np.mean((ages <= age) & (causes == 2))
            column = np.searchsorted(found.ages, age)
            assert found.at(age, cause=2) == pytest.approx(share)
            assert found.variance[1, column] == pytest.approx(share * (1 - share) / 200)

    @given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), min_size=1, max_size=30), st.integers(0, 8))
    def test_it_agrees_with_the_slow_sums(self, cases, age):
        ages, causes = zip(*cases, strict=True)
        found = aalen_johansen(ages, causes, n_causes=2)
        age = min(age, max(ages))
        column = np.searchsorted(found.ages, age, side="right") - 1
        if column >= 0:
            for cause in (1, 2):
                share, variance = slow_incidence(ages, causes, age, cause)
                assert found.at(age, cause) == pytest.approx(share, abs=1e-12)
                assert found.variance[cause - 1, column] == pytest.approx(variance, abs=1e-12)
            assert found.value[:, column].sum() + found.open[column] == pytest.approx(1)

    def test_a_count_is_that_many_cases(self):
        counted = aalen_johansen([3, 5, 5, 9], [1, 2, 0, 1], [2, 3, 4, 0])
        written_out = aalen_johansen([3] * 2 + [5] * 7, [1] * 2 + [2] * 3 + [0] * 4)
        assert counted.at(5, 2) == written_out.at(5, 2)
        assert counted.variance.tolist() == written_out.variance.tolist()

    def test_past_the_last_age_watched_nothing_is_known_unless_all_is_over(self):
        assert np.isnan(aalen_johansen([1, 2], [1, 0]).at(3))
        assert aalen_johansen([1, 2], [1, 1]).at(3) == 1

    def test_before_the_first_event_the_interval_is_that_of_none_of_the_cases_known(self):
        found = aalen_johansen([1, 4, 5, 6], [0, 1, 1, 0])
        assert found.interval(0.5) == wilson(0, 4)
        assert found.interval(1).high == wilson(0, 4).high
        assert found.interval(5).low > 0

    def test_when_all_is_over_the_interval_is_that_of_all_cases_known(self):
        found = aalen_johansen([1, 2, 3, 4, 4], [0, 1, 1, 1, 1])
        assert found.interval(4) == wilson(4, 4)

    def test_a_cause_never_seen_has_share_zero(self):
        assert aalen_johansen([1, 2], [1, 0], n_causes=2).at(2, cause=2) == 0

    def test_the_chance_from_now_on_is_that_of_the_cases_still_open(self):
        deals = aalen_johansen(TEN_DAYS, TEN_CAUSES)
        assert deals.chance(20, within=40) == pytest.approx((0.32 - 0.10) / 0.70)
        assert deals.chance(60, within=1000) == 0
        assert np.isnan(deals.chance([90, 91], within=5)).all()

    @pytest.mark.parametrize(
        ("ages", "causes", "counts", "words"),
        [
            ([], [], None, "no cases"),
            ([-1, 2], [0, 1], None, "number from 0"),
            ([np.nan, 2], [0, 1], None, "number from 0"),
            ([1, 2], [0, -1], None, "cause is a whole number"),
            ([1, 2], [0, 0.5], None, "cause is a whole number"),
            ([1, 2], [0, 1], [1, 0.5], "count is a whole number"),
        ],
    )
    def test_it_refuses_what_is_no_case(self, ages, causes, counts, words):
        with pytest.raises(WrongUsage, match=words):
            aalen_johansen(ages, causes, counts)

    @pytest.mark.parametrize(("n", "age"), [(30, 60), (100, 30), (100, 120)])
    def test_its_interval_covers_95_percent(self, n, age):
        # won at rate .004 a day, lost at .006, watched between 0 and 200 days
        rng = np.random.default_rng(n + age)
        truth = 0.4 * (1 - np.exp(-0.01 * age))
        covered = []
        for _ in range(1500):
            event, end = rng.exponential(100, n), rng.uniform(0, 200, n)
            causes = np.where(event <= end, np.where(rng.random(n) < 0.4, 1, 2), 0)
            low, high = aalen_johansen(np.minimum(event, end), causes).interval(age)
            covered.append(low <= truth <= high)
        assert 0.93 <= np.mean(covered) <= 0.98


class TestKaplanMeier:
    def test_it_is_scipys_curve_and_log_log_interval(self):
        rng = np.random.default_rng(3)
        ages, observed = rng.exponential(50, 120).round(), rng.random(120) < 0.6
        curve = scipy_stats.ecdf(scipy_stats.CensoredData.right_censored(ages, ~observed)).sf
        with pytest.warns(RuntimeWarning, match="undefined at some observations"):  # where the curve is 1 or 0
            bands = curve.confidence_interval(method="log-log")
        inside = (curve.probabilities > 0) & (curve.probabilities < 1)
        found = kaplan_meier(ages, observed)
        assert found.at(curve.quantiles).tolist() == pytest.approx(curve.probabilities.tolist())
        low, high = found.interval(curve.quantiles[inside])
        assert low.tolist() == pytest.approx(bands.low.probabilities[inside].tolist())
        assert high.tolist() == pytest.approx(bands.high.probabilities[inside].tolist())

    @given(st.lists(st.integers(0, 50), min_size=1, max_size=40))
    def test_without_censoring_its_median_is_the_median(self, ages):
        assert kaplan_meier(ages, [True] * len(ages)).quantile() == np.median(ages)

    def test_a_median_not_reached_is_not_made_up(self):
        waits = kaplan_meier([1, 2, 3, 4], [True, False, False, False])
        assert np.isnan(waits.quantile())
        assert np.isnan(waits.quantile_interval().high)

    def test_the_ages_of_its_interval_are_those_whose_band_holds_one_half(self):
        rng = np.random.default_rng(4)
        waits = kaplan_meier(rng.exponential(10, 60), rng.random(60) < 0.8)
        ages = waits.incidence.ages
        low, high = waits.interval(ages)
        inside = ages[(low <= 0.5) & (high > 0.5)]
        assert waits.quantile_interval().low == inside[0]
        assert waits.quantile_interval().high > inside[-1]

    @pytest.mark.parametrize("n", [30, 100])
    def test_the_interval_of_its_median_and_of_its_share_cover_95_percent(self, n):
        rng = np.random.default_rng(n)
        median, share = [], []
        for _ in range(1500):
            event, end = rng.exponential(100, n), rng.uniform(0, 400, n)
            waits = kaplan_meier(np.minimum(event, end), event <= end)
            low, high = waits.quantile_interval()
            median.append(low <= 100 * np.log(2) <= (np.inf if np.isnan(high) else high))
            low, high = waits.interval(80)
            share.append(low <= np.exp(-0.8) <= high)
        assert 0.93 <= np.mean(median) <= 0.98
        assert 0.93 <= np.mean(share) <= 0.97


class TestLogRank:
    def test_it_finds_a_planted_difference_and_none_where_there_is_none(self):
        rng = np.random.default_rng(6)
        fast, slow, same = rng.exponential(10, 80), rng.exponential(30, 80), rng.exponential(10, 80)
        seen = rng.random(80) < 0.7
        assert log_rank(fast, seen, slow, seen) < 0.001
        assert log_rank(fast, seen, same, seen) > 0.05

    def test_it_refuses_an_empty_group(self):
        with pytest.raises(WrongUsage, match="no cases"):
            log_rank([1, 2], [True, True], [], [])


def test_with_one_stratum_the_stratified_test_is_the_plain_one():
    random = np.random.default_rng(4)
    ages, ended, first = random.integers(1, 30, 80), random.random(80) < 0.7, random.random(80) < 0.4
    plain = log_rank(ages[first], ended[first], ages[~first], ended[~first])
    assert stratified_log_rank([(ages, ended, first)])[1] == pytest.approx(plain)


def test_a_mix_of_strata_is_no_difference_between_groups():
    quick, slow = np.arange(1, 31), np.arange(31, 61)
    strata = [(quick, [True] * 30, quick % 6 > 0), (slow, [True] * 30, slow % 6 == 0)]
    together = (np.concatenate([quick, slow]), [True] * 60, np.concatenate([quick % 6 > 0, slow % 6 == 0]))
    assert stratified_log_rank(strata)[1] > 0.3
    assert stratified_log_rank([together])[1] < 0.05
    assert np.isnan(stratified_log_rank([(quick, [True] * 30, [True] * 30)])[1])
