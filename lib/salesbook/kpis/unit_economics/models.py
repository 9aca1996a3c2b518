"""Lifetime value by fitted models: contracts (sBG) and purchases (BG/NBD with Gamma-Gamma)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from salesbook import economics, lifetime
from salesbook.errors import BadData
from salesbook.kpi import Ask, kpi
from salesbook.kpis.unit_economics.grouping import assumed, framed, groups, without_trend
from salesbook.kpis.unit_economics.worth import YEAR, margin_of, paying

DAYS_A_WEEK = 7
WEEKS_A_YEAR = 365.25 / 7
FEWEST = 20


@kpi("money", better="higher")
def lifetime_value_contracts(ask: Ask):
    """Monthly ARPA × gross margin × months that a new subscriber is expected to stay, by the sBG model.

    Rule: each customer's stay from its first month to its first leaving, over all that is known; the model lets the
    loyal remain, so that later months lose fewer. Up to the longest lifetime. Under 20 that left there is no model.
    Returns: n (customers), arpa, months (expected), margin, value, low, high (delta method).
    Source: kpis.md K34; Fader and Hardie 2007.
    """
    margin, most = margin_of(ask), assumed(ask, "most_months")
    rows, known = paying(ask, ask.question.last or YEAR), dict(groups_of_stays(ask))
    found = [
        contracts_value(row, known.get(tuple(row[name] for name in ask.question.by)), margin, most)
        for row in rows.to_dict("records")
    ]
    columns = [*ask.question.by, "n", "arpa", "months", "margin", "value", "low", "high", "reason"]
    return pd.DataFrame(found, columns=columns)


@kpi("money", better="higher")
def lifetime_value_orders(ask: Ask):
    """Margin that a new customer without a contract is expected to bring, by BG/NBD and Gamma-Gamma.

    Rule: first purchase and those expected over the years of the setting, × expected value of a purchase × gross
    margin; fitted on every order known. Under 20 customers that came back there is no model.
    Returns: n (customers), purchases (expected), price (expected), margin, value, low, high (delta method).
    Source: kpis.md K34; Fader, Hardie and Lee 2005; Fader and Hardie 2013.
    """
    without_trend(ask)
    margin, weeks = margin_of(ask), assumed(ask, "years") * WEEKS_A_YEAR
    histories = purchase_histories(ask)
    found = [key | orders_value(part, margin, weeks) for key, part in groups(histories, ask.question.by)]
    return framed(found, ask, "no orders")


def stays(ask: Ask) -> pd.DataFrame:
    """How long each subscriber stayed: months from the first to the first leaving, or so far.

    Returns: the groups asked for, account_id, first_month, months (renewals of a month made, or the one at which it
    left), has_left; one row per account.
    """
    columns = ("account_id", "first_month", "age_months", "is_churned")
    rows = ask.rows("customer_months", columns, period=None, last=None)
    rows["left_at"] = rows["age_months"].where(rows["is_churned"])
    keys = [*ask.question.by, "account_id", "first_month"]
    grouped = rows.groupby(keys, dropna=False, sort=True)
    found = grouped.agg(left_at=("left_at", "min"), last_age=("age_months", "max")).reset_index()
    months = found["left_at"].fillna(found["last_age"]).astype(int)
    return found.assign(months=months, has_left=found["left_at"].notna()).drop(columns=["left_at", "last_age"])


def groups_of_stays(ask: Ask) -> Iterator[tuple[tuple, pd.DataFrame]]:
    """The stays of each group."""
    for key, part in groups(stays(ask), ask.question.by):
        yield tuple(key.values()), part


def contracts_value(row: dict, known: pd.DataFrame | None, margin: float, most: int) -> dict:
    """ARPA × margin × expected months of one group, by the sBG model."""
    row = row | {"margin": margin, "months": np.nan, "value": np.nan, "low": np.nan, "high": np.nan}
    if known is None or known["has_left"].sum() < FEWEST:
        return row | {"reason": "too few"}
    try:
        fit = lifetime.fit_sbg(known["months"], known["has_left"])
    except BadData:
        return row | {"reason": "model does not fit"}

    def months_of(fit: lifetime.Fit) -> float:
        return 1 + float(lifetime.sbg_periods_left(fit, 0, most - 1))

    months = months_of(fit)
    ends = economics.log_interval(months, lifetime.standard_error(fit, months_of))
    pay = row["arpa"], row["arpa_low"], row["arpa_high"]
    low, high = economics.product_interval(pay, (months, *ends))
    value = row["arpa"] * margin * months
    return row | {"months": months, "value": value, "low": low * margin, "high": high * margin, "reason": ""}


def purchase_histories(ask: Ask) -> pd.DataFrame:
    """What the models of purchases read: one row per customer.

    Rule: the lines of one day are one purchase; a day that adds up to less than nothing (a return) is none. Time runs
    in weeks from the first purchase to the run's last day.
    Returns: the groups asked for, customer_key, purchases (after the first), recency, age (weeks), mean_value (of the
    purchases after the first, report currency).
    Source: Fader, Hardie and Lee 2005.
    """
    columns = ("customer_key", "ordered_on", "amount_minor")
    rows = ask.rows("order_facts", columns, period=None, last=None)
    keys = [*ask.question.by, "customer_key"]
    days = rows.groupby([*keys, "ordered_on"], dropna=False, as_index=False)["amount_minor"].sum()
    days = days[days["amount_minor"] >= 0]
    first = days.groupby(keys, dropna=False)["ordered_on"].transform("min")
    days = days.assign(first=first, again=days["amount_minor"].where(days["ordered_on"] > first))
    grouped = days.groupby(keys, dropna=False)
    found = grouped.agg(first=("first", "min"), last=("ordered_on", "max"), n=("again", "count"), sum=("again", "mean"))
    found = found.reset_index()
    end = pd.Timestamp(ask.book.period.end) - pd.Timedelta(days=1)
    recency = (found["last"] - found["first"]).dt.days / DAYS_A_WEEK
    age = (end - found["first"]).dt.days / DAYS_A_WEEK
    found = found[keys].assign(purchases=found["n"], recency=recency, age=age, mean_value=found["sum"] / 100)
    return found


def orders_value(customers: pd.DataFrame, margin: float, weeks: float) -> dict:
    """Expected margin of a new customer, by BG/NBD and Gamma-Gamma."""
    empty = {"n": len(customers), "purchases": np.nan, "price": np.nan, "margin": margin, "value": np.nan,
             "low": np.nan, "high": np.nan}  # fmt: skip
    again = customers[(customers["purchases"] > 0) & (customers["mean_value"] > 0)]
    if len(again) < FEWEST:
        return empty | {"reason": "too few"}
    try:
        often = lifetime.fit_bg_nbd(*(customers[name] for name in ("purchases", "recency", "age")))
        worth = lifetime.fit_gamma_gamma(again["purchases"], again["mean_value"])
    except BadData:
        return empty | {"reason": "model does not fit"}
    found = []
    for fit, of in ((often, lambda fit: purchases_of_new(fit, weeks)), (worth, price_of_new)):
        value = of(fit)
        found.append((value, *economics.log_interval(value, lifetime.standard_error(fit, of))))
    purchases, price = found[0][0], found[1][0]
    if not price > 0:
        return empty | {"reason": "model does not fit"}
    low, high = economics.product_interval(*found)
    value = purchases * price * margin
    return empty | {"purchases": purchases, "price": price, "value": value, "low": low * margin, "high": high * margin}


def purchases_of_new(fit: lifetime.Fit, weeks: float) -> float:
    """The first purchase of a new customer and those expected after it."""
    return 1 + float(lifetime.expected_purchases(fit, weeks, 0, 0, 0))


def price_of_new(fit: lifetime.Fit) -> float:
    """The expected value of a purchase of a customer of whom nothing is known."""
    return float(lifetime.expected_value(fit, 0, 0))
