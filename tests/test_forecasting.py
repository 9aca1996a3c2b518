"""Forecast errors against slow loops; totals against enumeration and simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from scipy.special import expit

from salesbook.errors import WrongUsage
from salesbook.forecasting import (
    bias,
    coverage,
    distribution_of_total,
    mase,
    mean_absolute_error,
    shared_shock,
    value_added,
    wape,
)
from salesbook.stats import wilson

PAIRS = st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 1000)), min_size=1, max_size=20)


def slow_total(amounts, chances):
    """Every subset of deals, one by one."""
    likely = {}
    for won in product([0, 1], repeat=len(amounts)):
        total = sum(a for a, w in zip(amounts, won, strict=True) if w)
        chance = np.prod([p if w else 1 - p for p, w in zip(chances, won, strict=True)])
        likely[total] = likely.get(total, 0) + chance
    return {total: chance for total, chance in sorted(likely.items()) if chance > 0}


def quarters_with_a_shock(shock, n_quarters, seed):
    """Fifty deals a quarter, said with their true mean chance, and what came of them under the quarter's fate."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-0.5, 1, (n_quarters, 50))
    fates = shock * scipy_stats.norm.ppf((np.arange(100) + 0.5) / 100)[:, None, None]
    said = expit(log_odds + fates).mean(axis=0)
    won = rng.random((n_quarters, 50)) < expit(log_odds + rng.normal(0, shock, (n_quarters, 1)))
    return said.ravel(), won.ravel(), np.repeat(np.arange(n_quarters), 50)


class TestErrors:
    @given(PAIRS)
    def test_they_agree_with_the_loops(self, pairs):
        forecast, actual = zip(*pairs, strict=True)
        off = whole = signed = 0
        for said, came in pairs:
            off += abs(said - came)
            signed += said - came
            whole += came
        assert mean_absolute_error(forecast, actual) == pytest.approx(off / len(pairs))
        assert wape(forecast, actual) == pytest.approx(off / whole)
        assert bias(forecast, actual) == pytest.approx(signed / whole)

    def test_bias_is_above_zero_where_the_forecast_promised_too_much(self):
        assert bias([120, 130], [100, 100]) == 0.25
        assert bias([80, 70], [100, 100]) == -0.25

    def test_actuals_of_zero_leave_the_absolute_error_only(self):
        assert mean_absolute_error([10, 20], [0, 0]) == 15
        assert np.isnan([wape([10, 20], [0, 0]), bias([10, 20], [0, 0]), value_added([1], [2], [0])]).all()

    def test_without_forecasts_there_is_no_figure(self):
        assert np.isnan([mean_absolute_error([], []), wape([], []), coverage([], [], []).value]).all()

    @pytest.mark.parametrize("season", [1, 4])
    def test_mase_agrees_with_the_loop(self, season):
        history = np.random.default_rng(season).integers(50, 90, 16)
        naive = [abs(history[t] - history[t - season]) for t in range(season, 16)]
        expected = ((5 + 15) / 2) / (sum(naive) / len(naive))
        assert mase([95, 115], [100, 100], history, season) == pytest.approx(expected)

    def test_mase_without_a_change_to_learn_from_is_none(self):
        assert np.isnan(mase([1], [2], history=[5, 5, 5]))
        assert np.isnan(mase([1], [2], history=[5, 6], season=4))

    def test_work_that_made_it_worse_adds_less_than_nothing(self):
        assert value_added([130], [90], [100]) == pytest.approx(0.10 - 0.30)

    def test_coverage_counts_the_ends(self):
        found = coverage([10, 20, 30], [20, 30, 40], [20, 31, 30])
        assert (found.covered, found.n) == (2, 3)
        assert (found.low, found.high) == wilson(2, 3)

    def test_gaps_and_unlike_lengths_are_refused(self):
        for forecast, actual in (([1, np.nan], [1, 2]), ([1, 2], [1])):
            with pytest.raises(WrongUsage, match="Every forecast has its actual"):
                wape(forecast, actual)


class TestTotal:
    def test_three_deals_by_hand(self):
        # design/kpis.md, section 3; .1 x .5 x .8 = .04 for nothing, up to 50,000: .04 + .01 + .04
        total = distribution_of_total([10_000_000, 5_000_000, 2_000_000], [0.9, 0.5, 0.2])
        assert total.mean == 11_900_000
        assert round(total.sd / 100) == 39_862
        assert total.at_most(5_000_000) == pytest.approx(0.09)
        assert total.quantile([0.09, 0.5]).tolist() == [5_000_000, 12_000_000]
        assert total.error_bound == 0
        assert total.shock is None

    @given(st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from([0, 0.1, 0.5, 0.75, 1])), max_size=7))
    def test_it_is_exact_for_few_deals(self, deals):
        amounts, chances = zip(*deals, strict=True) if deals else ((), ())
        found, expected = distribution_of_total(amounts, chances), slow_total(amounts, chances)
        assert found.amounts.tolist() == list(expected)
        assert found.probability.tolist() == pytest.approx(list(expected.values()))
        assert found.error_bound == 0

    def test_deals_alike_are_a_binomial(self):
        found = distribution_of_total([700] * 60, [0.3] * 60)
        assert found.probability.tolist() == pytest.approx(scipy_stats.binom.pmf(range(61), 60, 0.3).tolist())
        assert found.at_least(700 * 20) == pytest.approx(scipy_stats.binom.sf(19, 60, 0.3))

    @pytest.mark.parametrize("shock", [None, 0.5])
    def test_a_coarse_grid_stays_within_its_bound(self, shock):
        rng = np.random.default_rng(3)
        amounts, chances = rng.integers(10**6, 10**8, 14), rng.uniform(0.1, 0.9, 14)
        exact = distribution_of_total(amounts, chances, shock)
        # thirty crumbs of one cent each turn the same deals into a case for the grid
        coarse = distribution_of_total([*amounts, *[1] * 30], [*chances, *[0.5] * 30], shock)
        assert exact.error_bound == 0
        assert 0 < coarse.error_bound < 0.001 * amounts.sum()
        q = np.linspace(0.01, 0.99, 50)
        inside = exact.quantile(q - 1e-9) - coarse.error_bound <= coarse.quantile(q)
        assert inside.all()
        assert (coarse.quantile(q) <= exact.quantile(q + 1e-9) + coarse.error_bound + 30).all()

    def test_crumbs_that_the_grid_drops_are_in_the_bound(self):
        total = distribution_of_total([131_071 * 5000, *[1] * 20], [0.5] * 21)
        assert (total.step, total.error_bound) == (5000, 20)

    def test_its_mean_and_sd_are_those_of_its_probabilities(self):
        rng = np.random.default_rng(4)
        for shock in (None, 0.6):
            total = distribution_of_total(rng.integers(1, 500, 40) * 100, rng.uniform(0, 1, 40), shock)
            mean = total.probability @ total.amounts
            assert total.probability.sum() == pytest.approx(1)
            assert total.mean == pytest.approx(mean)
            assert total.sd == pytest.approx(np.sqrt(total.probability @ (total.amounts - mean) ** 2))

    def test_a_shock_widens_the_total_and_keeps_its_mean(self):
        amounts, chances = [100] * 200, np.linspace(0.001, 0.999, 200)
        alone = distribution_of_total(amounts, chances)
        for shock in (0.5, 2.5):
            shaken = distribution_of_total(amounts, chances, shock)
            assert shaken.mean == alone.mean
            assert shaken.probability @ shaken.amounts == pytest.approx(alone.mean)
            assert shaken.sd > 2 * alone.sd
            assert shaken.shock == shock

    def test_near_certain_deals_keep_their_chance_under_a_large_shock(self):
        total = distribution_of_total([100, 100], [1e-6, 1 - 1e-6], shock=3.0)
        assert total.probability @ total.amounts == pytest.approx(100)
        assert total.at_most(0) == pytest.approx(0, abs=1e-5)

    def test_no_deals_come_to_nothing_for_certain(self):
        nothing = distribution_of_total([], [])
        assert (nothing.mean, nothing.sd, nothing.quantile(0.9), nothing.at_least(1)) == (0, 0, 0, 0)

    def test_it_refuses_what_is_no_amount_and_no_chance(self):
        for amounts in ([10.5], [-1], [np.nan]):
            with pytest.raises(WrongUsage, match="whole number of minor units"):
                distribution_of_total(amounts, [0.5])
        for chances in ([1.5], [np.nan], [0.5, 0.5]):
            with pytest.raises(WrongUsage, match="chance from 0 to 1"):
                distribution_of_total([10], chances)


class TestSharedShock:
    def test_under_eight_quarters_it_is_not_known(self):
        assert shared_shock(*quarters_with_a_shock(0.5, 7, seed=1)) is None
        assert shared_shock(*quarters_with_a_shock(0.5, 8, seed=1)) is not None

    def test_a_planted_shock_is_found(self):
        assert shared_shock(*quarters_with_a_shock(0.8, 60, seed=2)) == pytest.approx(0.8, abs=0.2)

    def test_the_order_of_deals_is_irrelevant(self):
        deals = quarters_with_a_shock(0.8, 10, seed=4)
        order = np.random.default_rng(1).permutation(len(deals[0]))
        assert shared_shock(*(part[order] for part in deals)) == pytest.approx(shared_shock(*deals), abs=1e-4)

    def test_without_one_it_is_about_zero(self):
        assert shared_shock(*quarters_with_a_shock(0, 40, seed=3)) < 0.15

    def test_chance_alone_gives_zero_to_the_letter(self):
        # every quarter wins exactly what was said: less spread than chance
        won = [True, False] * 10
        assert shared_shock([0.5] * 160, won * 8, np.repeat(range(8), 20)) == 0.0

    def test_eighty_percent_intervals_hold_eighty_percent_of_quarters_only_with_it(self):
        p, won, quarter = quarters_with_a_shock(0.8, 300, seed=5)
        amounts = np.full(50, 1000)
        held = {}
        for shock in (None, 0.8):
            totals = [distribution_of_total(amounts, p[quarter == q], shock) for q in range(300)]
            low, high = np.array([total.quantile([0.1, 0.9]) for total in totals]).T
            held[shock] = coverage(low, high, np.bincount(quarter, won * 1000.0)).value
        assert held[None] < 0.7
        assert 0.76 < held[0.8] < 0.90


@pytest.mark.parametrize("shock", [None, 0.4])
def test_many_small_deals_on_a_coarse_grid_keep_their_mean_and_spread(shock):
    # Each is far smaller than a cell of the grid: rounded one by one they would all be nothing.
    amounts, chances = np.full(8000, 1037), np.full(8000, 0.05)
    total = distribution_of_total(amounts, chances, shock, cells=500)
    assert total.probability @ total.amounts == pytest.approx(total.mean, rel=0.001)
    low, high = total.quantile([0.025, 0.975])
    assert low < total.mean < high
    assert (high - low) / total.sd == pytest.approx(3.92, rel=0.03)
