"""Lifetime models: published estimates, recovery of planted parameters, and what they must refuse."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from scipy.special import hyp2f1

from salesbook.errors import BadData, WrongUsage
from salesbook.lifetime import (
    Fit,
    chance_alive,
    expected_purchases,
    expected_value,
    fit_bg_nbd,
    fit_gamma_gamma,
    fit_sbg,
    sbg_periods_left,
    sbg_survival,
    standard_error,
)

CDNOW = Path(__file__).resolve().parents[2] / "shared" / "data" / "cdnow"
needs_cdnow = pytest.mark.skipif(not CDNOW.is_dir(), reason="the CDNOW data of Fader and Hardie is not here")

# Fader and Hardie (2007), table 1: customers of 1,000 still there after one to seven renewals
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


def contracts(still_there):
    return [*range(1, 8), 7], [True] * 7 + [False], [*-np.diff(still_there), still_there[-1]]


def shoppers(n, r, alpha, a, b, age, later, seed):
    """Customers drawn one by one as the BG/NBD model says: history up to `age`, purchases in the time after it."""
    rng = np.random.default_rng(seed)
    rows = []
    for rate, leaving in zip(rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n), strict=True):
        times, now = [], 0.0
        while (now := now + rng.exponential(1 / rate)) <= age + later:
            times.append(now)
            if rng.random() < leaving:
                break
        seen = [time for time in times if time <= age]
        rows.append((len(seen), seen[-1] if seen else 0.0, age, len(times) - len(seen)))
    return np.array(rows).T


def made_up(**parameters):
    return Fit("any", parameters, {}, np.eye(len(parameters)), 0.0, 0)


class TestContracts:
    @pytest.mark.parametrize(
        ("still_there", "a", "b", "log_likelihood"),
        [(HIGH_END, 0.668, 3.806, -1611.2), (REGULAR, 0.704, 1.182, -1680.3)],
    )
    def test_it_gives_the_published_estimates(self, still_there, a, b, log_likelihood):
        fit = fit_sbg(*contracts(still_there))
        assert fit.parameters["a"] == pytest.approx(a, abs=0.0005)
        assert fit.parameters["b"] == pytest.approx(b, abs=0.0005)
        assert fit.log_likelihood == pytest.approx(log_likelihood, abs=0.1)
        assert fit.n == 1000

    def test_its_curve_runs_through_the_customers_seen(self):
        fit = fit_sbg(*contracts(HIGH_END))
        assert (1000 * sbg_survival(fit, range(8))).tolist() == pytest.approx(HIGH_END, rel=0.03)

    def test_retention_grows_with_the_renewals_behind(self):
        fit = made_up(a=1.0, b=1.0)  # then S(t) = 1 ÷ (1 + t)
        assert sbg_survival(fit, [0, 1, 3]).tolist() == pytest.approx([1, 1 / 2, 1 / 4])
        assert sbg_periods_left(fit, 0, horizon=3) == pytest.approx(1 / 2 + 1 / 3 + 1 / 4)
        assert sbg_periods_left(fit, 1, horizon=2) == pytest.approx(2 * (1 / 3 + 1 / 4))
        assert sbg_periods_left(fit, 0, horizon=2, discount=0.1) == pytest.approx(1 / 2 / 1.1 + 1 / 3 / 1.1**2)

    def test_planted_parameters_lie_within_two_standard_errors_as_often_as_they_should(self):
        inside = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            left_at = rng.geometric(rng.beta(1.0, 3.0, 1500))
            fit = fit_sbg(np.minimum(left_at, 8), left_at <= 8)
            inside.append(abs(fit.parameters["a"] - 1.0) < 1.96 * fit.errors["a"])
        assert np.mean(inside) >= 0.85

    @pytest.mark.parametrize(("periods", "left"), [([0], [True]), ([1.5], [False]), ([-1], [False]), ([], [])])
    def test_it_refuses_what_is_no_contract(self, periods, left):
        with pytest.raises(WrongUsage, match="no customer"):
            fit_sbg(periods, left)

    def test_customers_who_all_leave_at_once_are_no_basis(self):
        with pytest.raises(BadData, match="sBG model does not fit"):
            fit_sbg([1] * 50, [True] * 50)


class TestPurchases:
    @needs_cdnow
    def test_cdnow_gives_the_published_estimates(self):
        rows = pd.read_csv(CDNOW / "cdnow_customers_summary.csv")
        fit = fit_bg_nbd(rows["frequency"], rows["recency"], rows["T"])
        # Fader, Hardie and Lee (2005), table 2
        assert {name: round(value, 3) for name, value in fit.parameters.items()} == {
            "r": 0.243,
            "alpha": 4.414,
            "a": 0.793,
            "b": 2.426,
        }
        assert round(fit.log_likelihood, 2) == -9582.43
        # the customer of the authors' spreadsheet: 2 repeats, the last in week 30.43 of 38.86; 39 weeks to come
        assert expected_purchases(fit, 39, 2, 30.43, 38.86) == pytest.approx(1.226, abs=0.0005)

    def test_planted_parameters_are_found_and_the_next_purchases_foretold(self):
        x, recency, age, later = shoppers(4000, r=0.8, alpha=6.0, a=0.7, b=2.5, age=40, later=40, seed=1)
        fit = fit_bg_nbd(x, recency, age)
        for name, truth in {"r": 0.8, "alpha": 6.0, "a": 0.7, "b": 2.5}.items():
            assert abs(fit.parameters[name] - truth) < 2.5 * fit.errors[name]
            assert fit.errors[name] < 0.25 * truth
        foretold = expected_purchases(fit, 40, x, recency, age)
        assert foretold.sum() == pytest.approx(later.sum(), rel=0.05)
        busy = x >= 5
        assert foretold[busy].sum() == pytest.approx(later[busy].sum(), rel=0.07)

    def test_a_new_customer_is_expected_what_the_formula_for_all_says(self):
        # equation 9 of Fader, Hardie and Lee (2005), which has another hypergeometric function
        r, alpha, a, b, t = 0.243, 4.414, 0.793, 2.426, 52
        fit = made_up(r=r, alpha=alpha, a=a, b=b)
        tail = (alpha / (alpha + t)) ** r * hyp2f1(r, b, a + b - 1, t / (alpha + t))
        assert expected_purchases(fit, t, 0, 0, 0) == pytest.approx((a + b - 1) / (a - 1) * (1 - tail))

    def test_nothing_breaks_where_a_is_one_or_purchases_are_many(self):
        near, exact = made_up(r=1.0, alpha=5.0, a=1.001, b=2.0), made_up(r=1.0, alpha=5.0, a=1.0, b=2.0)
        assert expected_purchases(exact, 10, 3, 20, 30) == pytest.approx(
            expected_purchases(near, 10, 3, 20, 30), rel=0.01
        )
        assert 0 < expected_purchases(near, 10, 2000, 100, 100) < 10 * 2001 / 105

    def test_the_chance_to_be_alive_falls_with_silence_and_is_one_before_a_second_purchase(self):
        fit = made_up(r=0.243, alpha=4.414, a=0.793, b=2.426)
        falling = chance_alive(fit, 5, 30, [30, 40, 60, 100])
        assert falling.tolist() == sorted(falling, reverse=True)
        assert falling[0] == pytest.approx(1 / (1 + 0.793 / (2.426 + 4)))
        assert chance_alive(fit, 0, 0, 50) == 1

    @pytest.mark.parametrize("customer", [(1, 5, 4), (0, 3, 9), (1.5, 1, 2), (-1, 0, 2), (np.nan, 1, 2)])
    def test_it_refuses_what_is_no_customer(self, customer):
        with pytest.raises(WrongUsage, match="no customer"):
            fit_bg_nbd(*([value, value] for value in customer))

    def test_customers_who_never_come_back_are_no_basis(self):
        with pytest.raises(BadData, match="BG/NBD model does not fit"):
            fit_bg_nbd([0] * 30, [0] * 30, range(1, 31))


class TestValue:
    @needs_cdnow
    def test_cdnow_gives_the_published_estimates(self):
        names = ["id", "customer", "day", "discs", "amount"]
        rows = pd.read_csv(CDNOW / "CDNOW_sample.txt", sep=r"\s+", header=None, names=names)
        days = rows[rows["day"] <= 19970930].groupby(["customer", "day"], as_index=False)["amount"].sum()
        repeats = days[days.groupby("customer").cumcount() > 0].groupby("customer")["amount"].agg(["size", "mean"])
        repeats = repeats[repeats["mean"] > 0]
        fit = fit_gamma_gamma(repeats["size"], repeats["mean"])
        # Fader and Hardie (2013): 946 customers; printed v is 15.45, at the highest point it is 15.4435
        assert fit.n == 946
        assert fit.parameters["p"] == pytest.approx(6.25, abs=0.005)
        assert fit.parameters["q"] == pytest.approx(3.74, abs=0.005)
        assert fit.parameters["v"] == pytest.approx(15.45, abs=0.01)

    def test_planted_parameters_are_found(self):
        rng = np.random.default_rng(3)
        x = rng.integers(1, 12, 1500)
        value = rng.gamma(6.0 * x, 1 / rng.gamma(4.0, 1 / 15.0, 1500)) / x
        fit = fit_gamma_gamma(x, value)
        for name, truth in {"p": 6.0, "q": 4.0, "v": 15.0}.items():
            assert abs(fit.parameters[name] - truth) < 2.5 * fit.errors[name]
            assert fit.errors[name] < 0.6 * truth

    def test_a_customer_is_drawn_to_the_mean_of_all_the_less_the_more_he_bought(self):
        fit = made_up(p=6.0, q=4.0, v=15.0)
        assert expected_value(fit, 0, 0) == 6 * 15 / 3
        assert expected_value(fit, 2, 60) == pytest.approx(6 * (15 + 120) / (12 + 3))
        assert expected_value(fit, 1000, 60) == pytest.approx(60, rel=0.01)
        assert np.isnan(expected_value(made_up(p=6.0, q=0.9, v=15.0), 0, 0))

    def test_it_refuses_a_value_of_nothing_and_values_all_alike(self):
        with pytest.raises(WrongUsage, match="no customer"):
            fit_gamma_gamma([1, 2], [0, 5])
        with pytest.raises(BadData, match="Gamma-Gamma model does not fit"):
            fit_gamma_gamma([1] * 20, [5] * 20)


class TestSearch:
    def test_one_that_was_cut_short_gives_an_error_and_no_figure(self, monkeypatch):
        hurried = partial(optimize.minimize, options={"maxiter": 2})
        monkeypatch.setattr(optimize, "minimize", hurried)
        with pytest.raises(BadData, match="stopped short"):
            fit_sbg(*contracts(HIGH_END))


class TestStandardError:
    def test_that_of_a_parameter_is_the_one_of_the_fit(self):
        fit = fit_sbg(*contracts(REGULAR))
        assert standard_error(fit, lambda fit: fit.parameters["b"]) == pytest.approx(fit.errors["b"], rel=1e-4)

    def test_a_first_renewal_is_about_as_sure_as_its_share(self):
        fit = fit_sbg(*contracts(REGULAR))
        binomial = np.sqrt(0.631 * 0.369 / 1000)
        assert 0.7 * binomial < standard_error(fit, lambda fit: sbg_survival(fit, 1)) < 1.1 * binomial
