"""What customers bring after the deal, and what selling costs."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from salesbook import sample
from salesbook.lifetime import fit_bg_nbd, fit_gamma_gamma
from salesbook.settings import load

EUROS = {"EUR": 1.0, "DKK": 1 / 7.46, "GBP": 1 / 0.855}
END = pd.Timestamp("2026-11-01")


def by_account(frame):
    groups = {}
    for row in frame.itertuples():
        groups.setdefault(row.account_id, []).append(row)
    return groups


# Contracts


def test_spans_of_a_customer_follow_one_another_or_leave_a_gap_of_a_month(rows):
    moves, gaps = 0, 0
    for spans in by_account(rows["subscriptions"].sort_values("started_on")).values():
        for one, two in pairwise(spans):
            if two.started_on == one.ended_on:
                assert two.mrr != one.mrr
                moves += 1
            else:
                assert two.started_on >= one.ended_on + pd.Timedelta(days=28)
                gaps += 1
        assert len({(span.currency, span.plan) for span in spans}) == 1
    assert moves > 15
    assert gaps >= 2


def test_contracts_begin_after_the_account_s_first_win(rows):
    won = rows["deals"].query("status == 'won'").groupby("account_id").created_at.min()
    for account, spans in by_account(rows["subscriptions"]).items():
        assert won[account] < spans[0].started_on + pd.Timedelta(days=1)
    assert set(rows["subscriptions"].currency) == {"EUR", "DKK", "GBP"}


def test_yearly_contracts_cost_a_whole_amount_a_year_and_change_only_at_its_end(rows):
    yearly = rows["subscriptions"].query("plan == 'Yearly service'")
    assert len(yearly) > 15
    a_year = yearly.mrr * 12
    assert ((a_year - a_year.round(0)).abs() < 0.07).all()
    for spans in by_account(yearly.sort_values("started_on")).values():
        start = spans[0].started_on
        for span in spans:
            if pd.notna(span.ended_on) and span.started_on == start:
                months = (span.ended_on.year - start.year) * 12 + span.ended_on.month - start.month
                assert months % 12 == 0


def left_by_cohort(rows):
    """Months at risk and customers who left, of monthly contracts, by whether they started since October 2025."""
    tally = {True: [0, 0], False: [0, 0]}
    for spans in by_account(
        rows["subscriptions"].query("plan == 'Monthly service'").sort_values("started_on")
    ).values():
        since = spans[0].started_on
        for place, span in enumerate(spans):
            end = span.ended_on if pd.notna(span.ended_on) else END - pd.Timedelta(days=1)
            goes_on = place + 1 < len(spans) and spans[place + 1].started_on == span.ended_on
            months = (end.year - span.started_on.year) * 12 + end.month - span.started_on.month
            tally[since >= pd.Timestamp("2025-10-01")][0] += months
            tally[since >= pd.Timestamp("2025-10-01")][1] += pd.notna(span.ended_on) and not goes_on
    return tally


@pytest.mark.parametrize("effects", [True, False])
def test_customers_leave_as_often_as_written_down_by_cohort(large, effects):
    planted = sample.truth()["churn_by_cohort"]["monthly_churn"]
    for is_late, (months, left) in left_by_cohort(large[effects]).items():
        true = planted["after" if is_late and effects else "before"]
        assert left / months == pytest.approx(true, abs=4 * math.sqrt(true / months))
        assert months > 2000


# Orders


def test_customers_buy_again_as_the_planted_model_says(large):
    end = pd.Timestamp("2026-10-31T23:00:00")
    repeats, recency, age, values, n_values = [], [], [], [], []
    for orders in by_account(large[True]["orders"].sort_values("ordered_at")).values():
        at = [order.ordered_at for order in orders]
        month = pd.Timedelta(days=365.25 / 12)
        repeats.append(len(at) - 1)
        recency.append((at[-1] - at[0]) / month)
        age.append((end - at[0]) / month)
        values.append(np.mean([order.amount * EUROS[order.currency] for order in orders]) / 100)
        n_values.append(len(orders))
    planted = sample.truth()["repeat_purchases"]
    bought = fit_bg_nbd(repeats, recency, age)
    rate, gone = (lambda p: p["r"] / p["alpha"]), (lambda p: p["a"] / (p["a"] + p["b"]))
    assert rate(bought.parameters) == pytest.approx(rate(planted["purchases"]), rel=0.12)
    assert gone(bought.parameters) == pytest.approx(gone(planted["purchases"]), abs=0.05)
    spent = fit_gamma_gamma(n_values, values)
    mean = lambda p: p["p"] * p["v"] / (p["q"] - 1)  # noqa: E731
    assert mean(spent.parameters) == pytest.approx(mean(planted["spending"]), rel=0.08)


def test_orders_leave_the_planted_margin(large):
    orders = large[False]["orders"]
    margin = 1 - orders.cost.sum() / orders.amount.sum()
    assert margin == pytest.approx(sample.truth()["gross_margin_of_orders"], abs=0.005)
    assert (orders.cost < orders.amount).all()


def test_nobody_orders_before_the_first_win(rows):
    won = rows["deals"].query("status == 'won'").groupby("account_id").created_at.min()
    first = rows["orders"].groupby("account_id").ordered_at.min()
    assert len(first) > 150
    assert (first > first.index.map(won)).all()


# Costs and calendars


def test_the_settings_of_the_sample_hold_the_calendar_of_every_seller(rows):
    calendars = load(Path(__file__).parents[2]).calendars
    sellers = rows["reps"].dropna(subset="territory_id")
    reps = sellers.assign(country=sellers.territory_id.str[:2].replace("UK", "GB"))
    assert [calendars[name].country for name in reps.calendar] == reps.country.tolist()
    assert next(iter(calendars)) == "office"


def test_every_month_books_a_salary_for_each_seller_at_work_and_the_rest(rows):
    costs, reps = rows["costs"], rows["reps"].dropna(subset="territory_id")
    for month, booked in costs.groupby("period"):
        at_work = reps[(reps.started_on <= month) & ~(reps.ended_on < month)].owner_id
        assert sorted(booked.owner_id.dropna()) == sorted(at_work)
        assert set(booked.type) == {"salary", "tools", "media", "meeting_booking", "event", "collateral", "other"}
        assert set(booked.channel.dropna()) == set(rows["leads"].source)
    assert costs.period.nunique() == 24
    assert set(costs[costs.type == "media"].channel) == {"Website form", "Email campaign"}


@pytest.mark.parametrize("size", ["stored", "large"])
def test_a_new_customer_costs_less_than_the_margin_of_a_deal_and_not_next_to_nothing(rows, large, size):
    company = rows if size == "stored" else large[True]
    costs, deals = company["costs"], company["deals"].query("status == 'won' and amount > 0")
    spent = (costs.amount * costs.currency.map(EUROS) * costs.acquisition_share).sum()
    cac = spent / deals[deals.type == "new"].account_id.nunique()
    margin = (deals.amount * deals.currency.map(EUROS)).mean() * sample.truth()["gross_margin_of_orders"]
    assert 0.2 < cac / margin < 1.0
