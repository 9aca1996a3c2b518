"""Whether a customer is worth what it costs."""

from dataclasses import replace

import numpy as np
import pandas as pd

from salesbook import economics
from salesbook.kpi import Ask, kpi
from salesbook.kpis.unit_economics.acquisition import cac
from salesbook.kpis.unit_economics.grouping import assumed
from salesbook.kpis.unit_economics.worth import (
    YEAR,
    lifetime_value_margin,
    lifetime_value_subscription,
    margin_of,
    paying,
)

ENDS = ("value", "low", "high")


@kpi("ratio", better="higher")
def ltv_to_cac(ask: Ask):
    """Lifetime value ÷ cost of a new customer; 3 or more is sound.

    Rule: the subscription's lifetime value, without subscriptions the simple one with margin (`variant` says which),
    over CAC with all costs; both of the 12 months to the run's end, or the `last` so many. CAC 0: none.
    Returns: variant, n (new customers), lifetime_value, cac, value, low, high.
    Source: kpis.md K35; interval: Zou and Donner 2008.
    """
    rows = worth_and_cost(ask)
    low, high = economics.product_interval(ends(rows, "worth"), inverse(ends(rows, "cac")))
    value = rows["worth_value"] / rows["cac_value"]
    named = rows.rename(columns={"worth_value": "lifetime_value", "cac_value": "cac"})
    return stated(named, ask, ("variant", "n", "lifetime_value", "cac"), value, low, high)


@kpi("ratio", better="lower")
def payback_months(ask: Ask):
    """Cost of a new customer ÷ margin that one brings a month: months until it has earned itself back.

    Rule: CAC with all costs ÷ (monthly ARPA × gross margin), without subscriptions ÷ a month of the simple lifetime
    value with margin; spans as `ltv_to_cac`.
    Returns: variant, n (new customers), cac, monthly_margin, value, low, high, in months.
    Source: kpis.md K35.
    """
    rows = worth_and_cost(ask)
    low, high = economics.product_interval(ends(rows, "cac"), inverse(ends(rows, "month")))
    value = rows["cac_value"] / rows["month_value"]
    named = rows.rename(columns={"month_value": "monthly_margin", "cac_value": "cac"})
    return stated(named, ask, ("variant", "n", "cac", "monthly_margin"), value, low, high)


@kpi("money", better="higher")
def highest_cac(ask: Ask):
    """The most that a new customer may cost.

    Rule: the smaller of lifetime value ÷ 3 and monthly margin × allowed payback months (a setting); lifetime value and
    monthly margin as in `ltv_to_cac` and `payback_months`.
    Returns: variant, lifetime_value, monthly_margin, value, low, high.
    Source: kpis.md K35: 1,200 → 400.
    """
    rows, months = worth(ask), assumed(ask, "payback_months")
    value, low, high = (economics.highest_cac(rows[f"worth_{end}"], rows[f"month_{end}"], months) for end in ENDS)
    named = rows.rename(columns={"worth_value": "lifetime_value", "month_value": "monthly_margin"})
    return stated(named, ask, ("variant", "lifetime_value", "monthly_margin"), value, low, high)


def worth(ask: Ask) -> pd.DataFrame:
    """Lifetime value (worth) and margin a month of each group, with their ends, and which variant it is."""
    keys = list(ask.question.by)
    has_subscriptions = not ask.book.missing("customer_months")
    kpi_of = lifetime_value_subscription if has_subscriptions else lifetime_value_margin
    rows = kpi_of.function(ask)
    found = rows[[*keys, "reason"]].assign(variant="subscription" if has_subscriptions else "simple")
    if has_subscriptions:
        pay, margin = paying(ask, ask.question.last or YEAR), margin_of(ask)
        monthly = {end: pay[name] * margin for end, name in zip(ENDS, ("arpa", "arpa_low", "arpa_high"), strict=True)}
    else:
        monthly = {end: rows[end] / (assumed(ask, "years") * 12) for end in ENDS}
    return found.assign(**{f"worth_{end}": rows[end] for end in ENDS}, **{f"month_{end}": monthly[end] for end in ENDS})


def worth_and_cost(ask: Ask) -> pd.DataFrame:
    """As `worth`, with CAC beside it; a group that is in one of the two only has no figure."""
    keys, found = list(ask.question.by), worth(ask)
    cost = cac.function(Ask(ask.book, asked_over(ask)))
    cost = cost.rename(columns={end: f"cac_{end}" for end in ENDS} | {"denominator": "n"}).drop(columns="numerator")
    found, cost = (part.astype(dict.fromkeys(keys, object)) for part in (found, cost))
    rows = found.merge(cost, on=keys or None, how="outer" if keys else "cross", suffixes=("", "_cost"), sort=bool(keys))
    rows["reason"] = rows["reason"].fillna("no subscribers").where(rows["worth_value"].isna(), rows["reason_cost"])
    return rows.assign(reason=rows["reason"].fillna("no new customers"), n=rows["n"].fillna(0))


def asked_over(ask: Ask):
    """The question over a year where no other span is asked for."""
    return replace(ask.question, last=ask.question.last or YEAR)


def ends(rows: pd.DataFrame, name: str) -> tuple:
    """Value, low and high of a figure."""
    return tuple(rows[f"{name}_{end}"].astype(float) for end in ENDS)


def inverse(factor: tuple) -> tuple:
    """What to multiply by in order to divide."""
    value, low, high = factor
    return 1 / value, 1 / high, 1 / low


def stated(rows: pd.DataFrame, ask: Ask, columns: tuple[str, ...], value, low, high) -> pd.DataFrame:
    """The result: groups, what it rests on, value and ends, and why there is none."""
    value, low, high = (pd.Series(end, index=rows.index).astype(float) for end in (value, low, high))
    low, high = low.clip(lower=0), high.where(np.isfinite(high))
    reason = np.where(value.isna(), rows["reason"].replace("", "no subscribers"), "")
    return rows[[*ask.question.by, *columns]].assign(value=value, low=low, high=high, reason=reason)
