"""What price has to do with winning, and what a change would bring. Nobody set prices by lot: this is observed."""

import numpy as np
import pandas as pd

from salesbook import economics, stats, strata
from salesbook.kpi import Ask, kpi, mean, ratio
from salesbook.kpis.unit_economics.grouping import assumed, framed, groups, without_trend
from salesbook.measures import won_and_lost

YEAR = 12
STEP = 0.1
DEEP_DISCOUNT = 1500
FEWEST, FEWEST_WON = 20, 6


@kpi("share", better="higher")
def price_win_rate():
    """New-business deals won, of those that closed with a price, by the day they closed.

    Rule: as `win_rate`, of deals with an amount. By `discount_band` (0 none, then every 5 points, 5 over 20) or
    `price_band` (quarters of a product's deals by amount, 1 lowest). As it is: bands differ in products too.
    Returns: numerator, denominator, value, low and high (Wilson).
    Source: kpis.md K37.
    """
    return won_and_lost(ratio("price_facts", "is_won", on="closed_on", empty="nothing closed"))


@kpi("share", better="higher")
def adjusted_win_rate(ask: Ask):
    """Win rate by price, as it would be with every product in the same part of every band.

    Rule: the band's win rate in each product, weighted by the product's part of all deals asked for; products that a
    band has no deals in are left out of its weights. It takes away what products explain, nothing else: it is observed,
    not tried.
    Returns: numerator and denominator (deals), raw, value, low, high.
    Source: kpis.md K37; Zou and Donner 2008.
    """
    without_trend(ask)
    rows = ask.rows("price_facts", ("product", "is_won"), on="closed_on")
    rows["product"] = rows["product"].fillna("")
    parts = rows["product"].value_counts(normalize=True).sort_index()
    found = [key | adjusted(part, parts) for key, part in groups(rows, ask.question.by)]
    return framed(found, ask, "nothing closed")


@kpi("money", better="higher")
def value_per_deal():
    """Amount won ÷ new-business deals closed with a price: what a deal brings before one knows whether it is won.

    Rule: a lost deal brings nothing; by `discount_band` or `price_band` as `price_win_rate`.
    Returns: n (deals), numerator (won), value, low and high (t interval).
    Source: kpis.md K37, G12, G19.
    """
    return mean("price_facts", "won_minor", on="closed_on", per=100, empty="nothing closed")


@kpi("ratio")
def deep_discount_odds(ask: Ask):
    """Odds of winning with a discount over 15 % ÷ those of other deals of the same product.

    Rule: closed deals of the 12 months to the run's end (or the `last` so many) whose discount, or that there is none,
    is known; products are strata. Above 1 they are won more often. Observed, not tried: sellers choose whom to give a
    discount.
    Returns: n (deals of products that hold both), value, low, high, p.
    Source: kpis.md K37; Mantel and Haenszel 1959; the mark of 15 %: house decision of 2026-11-21.
    """
    found = []
    for key, part in groups(discounted_deals(ask), ask.question.by):
        is_deep = part["discount_hundredths"].astype(float) > DEEP_DISCOUNT
        odds = strata.compared(part.assign(is_deep=is_deep), "is_deep", "is_won", ["product"])
        is_known = np.isfinite([odds.value, odds.low, odds.high]).all()
        names = {name: getattr(odds, name) if is_known else np.nan for name in ("value", "low", "high", "p")}
        found.append(key | {"n": odds.n} | names)
    return framed(found, ask, "no discounts")


@kpi("share")
def discount_effect(ask: Ask):
    """Win rate with 10 points more discount, less the one without, of deals of the same product.

    Rule: least squares within products over the 12 months to the run's end (or the `last` so many); deals of one
    customer count together. Observed, not tried: sellers choose whom to give a discount.
    Returns: n (deals), value, low, high (points of win rate), p.
    Source: kpis.md K37; Liang and Zeger 1986.
    """
    found = [key | effect(part) for key, part in groups(discounted_deals(ask), ask.question.by)]
    return framed(found, ask, "no discounts")


@kpi("money", better="higher")
def what_if(ask: Ask):
    """What a year like the last would bring if deal value, price, conversion or cycle changed a little.

    Rule: as `economics.what_if`: new business closed over the 12 months to the run's end (or the `last` so many); each
    alone, 10 % more (a setting), the cycle as much less; under 20 deals or 6 won there is none. The price moves the win
    rate as discounts did within products.
    Returns: lever, change, n (deals), value, low, high (amount), gain, gain_low, gain_high.
    Source: kpis.md K23, K24, K37; simulated with a fixed seed.
    """
    change = assumed(ask, "what_if_change")
    found = []
    for key, part in groups(closed_deals(ask), ask.question.by):
        sales = sales_of(part)
        for lever in economics.LEVERS:
            moved = -change if lever == "cycle" else change
            found.append(key | {"lever": lever, "change": moved, "n": len(part)} | scenario(sales, lever, moved))
    return framed(found, ask, "too few")


def adjusted(rows: pd.DataFrame, parts: pd.Series) -> dict[str, float]:
    """Raw and adjusted win rate of one band."""
    counted = rows.groupby("product")["is_won"].agg(["sum", "count"]).reindex(parts.index, fill_value=0)
    value, low, high = economics.standardised_share(counted["sum"], counted["count"], parts)
    won, closed = int(counted["sum"].sum()), int(counted["count"].sum())
    raw = won / closed if closed else np.nan
    return {"numerator": won, "denominator": closed, "raw": raw, "value": value, "low": low, "high": high}


def closed_deals(ask: Ask) -> pd.DataFrame:
    """Closed deals with what a price effect is read from."""
    without_trend(ask)
    columns = ("discount_hundredths", "is_won", "amount_minor", "product", "account_id", "deal_id")
    return ask.rows("price_facts", columns, on="closed_on", last=ask.question.last or YEAR)


def discounted_deals(ask: Ask) -> pd.DataFrame:
    """Closed deals of which the discount, or that there is none, is known."""
    return closed_deals(ask).dropna(subset=["discount_hundredths"])


def discount_slope(rows: pd.DataFrame) -> economics.Slope:
    """How much the win rate moves per unit of discount, within products."""
    rows = rows.dropna(subset=["discount_hundredths"])
    products = pd.factorize(rows["product"].fillna(""), sort=True)[0]
    clusters = pd.factorize(rows["account_id"].fillna(rows["deal_id"]), sort=True)[0]
    discount = rows["discount_hundredths"].astype(float) / 10_000
    return economics.within_slope(discount, rows["is_won"].astype(float), products, clusters)


def effect(rows: pd.DataFrame) -> dict[str, float]:
    """The win rate's move for 10 points of discount."""
    slope = discount_slope(rows)
    value, reach = slope.value * STEP, stats.Z * slope.error * STEP
    return {"n": len(rows), "value": value, "low": value - reach, "high": value + reach, "p": slope.p}


def sales_of(rows: pd.DataFrame) -> economics.Sales:
    """What a what-if reads of a year of deals; a higher price is a smaller discount."""
    won = rows.loc[rows["is_won"], "amount_minor"].astype(float) / 100
    slope = discount_slope(rows)
    turned = economics.Slope(-slope.value, slope.error, slope.p)
    error = float(won.std(ddof=1) / np.sqrt(len(won))) if len(won) > 1 else np.nan
    return economics.Sales(len(rows), len(won), float(won.mean()) if len(won) else np.nan, error, turned)


def scenario(sales: economics.Sales, lever: str, change: float) -> dict:
    """One what-if; nothing where too few closed or were won."""
    if sales.closed < FEWEST or sales.won < FEWEST_WON:
        return dict.fromkeys(("value", "low", "high", "gain", "gain_low", "gain_high"), np.nan)
    reason = "no discounts" if lever == "price" and np.isnan(sales.slope.value) else ""
    return economics.what_if(sales, lever, change) | {"reason": reason}
