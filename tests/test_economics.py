import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesbook import economics
from salesbook.errors import WrongUsage

SURE = economics.Slope(0.0, 0.0, np.nan)


def test_the_simple_value_of_the_catalogue_is_1200_and_may_cost_400():
    assert economics.simple_value(400, 1, 3) == 1200
    assert economics.highest_cac(1200, 1000, 12) == 400
    assert economics.highest_cac(1200, 20, 12) == 20 * 12


def test_no_churn_is_the_longest_lifetime_and_none_is_longer():
    assert economics.lifetime_months([0, 0.001, 0.5], 60).tolist() == [60, 60, 2]


def test_discounted_months_are_a_sum_over_months():
    kept, rate = 0.9, 1.1 ** (1 / 12)
    slow = sum((kept / rate) ** month for month in range(24))
    assert economics.discounted_months(0.1, 24, 0.1) == pytest.approx(slow)
    assert economics.discounted_months(0.0, 24, 0.0) == 24


def test_the_interval_of_a_count_is_that_of_the_tables():
    # Garwood's limits as printed in the usual tables: 0 [0, 3.69], 1 [0.03, 5.57], 10 [4.80, 18.39], 100 [81.4, 121.6]
    low, high = economics.count_interval([0, 1, 10, 100])
    assert low.round(2).tolist() == [0, 0.03, 4.80, 81.36]
    assert high.round(2).tolist() == [3.69, 5.57, 18.39, 121.63]


def test_counts_are_covered_as_often_as_they_say():
    counts = np.random.default_rng(5).poisson(30, 4000)
    low, high = economics.count_interval(counts)
    assert 0.95 <= ((low <= 30) & (high >= 30)).mean() <= 0.97


@given(st.floats(0.1, 10), st.floats(1.0, 3), st.floats(1.0, 3))
def test_a_product_with_a_sure_figure_keeps_the_other_s_interval(value, down, up):
    low, high = economics.product_interval((value, value / down, value * up), (2, 2, 2))
    assert low == pytest.approx(2 * value / down)
    assert high == pytest.approx(2 * value * up)


def test_a_standardised_share_weighs_its_strata_as_all_are():
    value, low, high = economics.standardised_share([9, 10], [10, 100], [0.5, 0.5])
    assert value == pytest.approx((0.9 + 0.1) / 2)
    assert low < value < high
    # A stratum that the group has nothing in is left out of the weights.
    assert economics.standardised_share([9, 0], [10, 0], [0.5, 0.5])[0] == pytest.approx(0.9)
    assert np.isnan(economics.standardised_share([0], [0], [1.0])[0])


def test_a_slope_within_strata_is_not_misled_by_what_they_differ_in():
    random = np.random.default_rng(1)
    strata = np.repeat([0, 1], 500)
    x = random.random(1000) + strata
    y = 3.0 * strata - 0.5 * x + 0.1 * random.standard_normal(1000)
    slope = economics.within_slope(x, y, strata, np.arange(1000))
    assert slope.value == pytest.approx(-0.5, abs=0.05)
    assert slope.p < 1e-6
    assert np.polyfit(x, y, 1)[0] > 0


def test_rows_of_one_cluster_said_twice_say_no_more():
    random = np.random.default_rng(2)
    x, y = random.random(200), random.random(200)
    once = economics.within_slope(x, y, np.zeros(200, int), np.arange(200))
    twice = economics.within_slope(*(np.repeat(part, 2) for part in (x, y, np.zeros(200, int), np.arange(200))))
    assert twice.value == pytest.approx(once.value)
    assert twice.error == pytest.approx(once.error)


def test_a_slope_finds_nothing_where_nothing_is_as_often_as_it_says():
    random = np.random.default_rng(3)
    found = []
    for _ in range(400):
        x, y, strata = random.integers(0, 5, 300) / 20, random.random(300) < 0.4, random.integers(0, 3, 300)
        found.append(economics.within_slope(x, y, strata, np.arange(300)).p < 0.05)
    assert 0.02 <= np.mean(found) <= 0.08


def test_few_rows_or_one_price_have_no_slope():
    assert np.isnan(economics.within_slope([0.1] * 50, [1.0] * 50, [0] * 50, range(50)).value)
    assert np.isnan(economics.within_slope([0.1, 0.2], [1.0, 0.0], [0, 0], [0, 1]).value)


class TestWhatIf:
    sales = economics.Sales(closed=400, won=160, mean=1000.0, error=50.0, slope=economics.Slope(-0.5, 0.2, 0.01))

    def test_nothing_changed_is_the_year_as_it_was(self):
        found = economics.what_if(self.sales, "deal_value", 0.0)
        assert found["value"] == 160 * 1000
        assert (found["gain"], found["gain_low"], found["gain_high"]) == (0, 0, 0)

    def test_its_interval_is_that_of_the_delta_method(self):
        found = economics.what_if(self.sales, "deal_value", 0.1)
        relative = np.hypot(np.sqrt(0.6 / 160), 50 / 1000)
        assert found["value"] == pytest.approx(176_000)
        assert (found["high"] - found["low"]) / 2 == pytest.approx(1.96 * relative * 176_000, rel=0.05)

    def test_ten_per_cent_less_time_is_a_ninth_more_deals(self):
        assert economics.what_if(self.sales, "cycle", -0.1)["value"] == pytest.approx(160_000 / 0.9)

    def test_a_win_rate_never_passes_one(self):
        most = economics.Sales(100, 95, 10.0, 1.0, SURE)
        assert economics.what_if(most, "conversion", 0.5)["value"] == pytest.approx(100 * 10)

    def test_a_price_moves_the_amount_and_the_win_rate(self):
        # 10 % more a deal; 0.4 - 0.5 x 0.1 = 0.35 won of 400
        found = economics.what_if(self.sales, "price", 0.1)
        assert found["value"] == pytest.approx(400 * 0.35 * 1100)
        assert found["gain_low"] < found["gain"] < found["gain_high"]

    def test_a_less_sure_slope_makes_a_wider_gain(self):
        unsure = economics.Sales(400, 160, 1000.0, 50.0, economics.Slope(-0.5, 1.0, 0.6))
        wide, narrow = (economics.what_if(sales, "price", 0.1) for sales in (unsure, self.sales))
        assert wide["gain_high"] - wide["gain_low"] > 2 * (narrow["gain_high"] - narrow["gain_low"])

    def test_without_a_slope_there_is_no_what_if_of_a_price(self):
        unknown = economics.Sales(400, 160, 1000.0, 50.0, economics.Slope(np.nan, np.nan, np.nan))
        assert np.isnan(economics.what_if(unknown, "price", 0.1)["value"])
        assert economics.what_if(unknown, "conversion", 0.1)["value"] == pytest.approx(176_000)

    def test_the_same_seed_gives_the_same_figures(self):
        assert economics.what_if(self.sales, "price", 0.1) == economics.what_if(self.sales, "price", 0.1)

    def test_what_cannot_be_changed_is_refused(self):
        with pytest.raises(WrongUsage, match="weather"):
            economics.what_if(self.sales, "weather", 0.1)
        with pytest.raises(WrongUsage, match="-1"):
            economics.what_if(self.sales, "price", -1)
