"""What a customer brings: margin, recurring revenue, and lifetime value where no model is fitted."""

import numpy as np
import pandas as pd

from salesbook import economics, stats
from salesbook.kpi import Ask, answer, kpi, per, ratio
from salesbook.kpis.unit_economics.grouping import assumed, framed, groups, scaled, without_trend
from salesbook.query import Question, Unanswerable

YEAR = 12


@kpi("share", better="higher")
def gross_margin():
    """What is left of the price of orders after their cost, of orders whose cost is known, by the day they were made.

    Rule: (amount − cost) ÷ amount, summed first.
    Returns: n (order lines), numerator, denominator, value; no interval.
    Source: kpis.md K34, G12.
    """
    return per("order_facts", "margin_minor", "costed_minor", among="has_cost", on="ordered_on", scale=100,
               empty="no orders")  # fmt: skip


@kpi("share", better="lower")
def customer_churn():
    """Customers that left in a month, of those that paid a subscription at its start, month by month.

    Rule: a customer leaves when nothing recurring is left at the month's end; over several months, their sums, so that
    the figure stays one of a month.
    Returns: numerator (left), denominator (customers at the start of a month), value, low and high (Wilson).
    Source: kpis.md K34, K36, G12.
    """
    return ratio("customer_months", "is_churned", among="was_customer", on="month", empty="no subscribers")


@kpi("money", better="higher")
def arpa(ask: Ask):
    """MRR ÷ customers that pay one: recurring revenue of a customer a month (ARPA).

    Rule: month-ends of the span, summed first; a customer's months count together in the interval.
    Returns: n (customers), numerator, denominator (month-ends), value, low, high.
    Raises: WrongUsage where a trend is asked for.
    Source: kpis.md K34, G12, G19; Cochran 1977.
    """
    rows = paying(ask, ask.question.last or 1)
    names = {"arpa": "value", "arpa_low": "low", "arpa_high": "high", "mrr": "numerator", "months": "denominator"}
    rows = rows.rename(columns=names)[[*ask.question.by, "n", "numerator", "denominator", "value", "low", "high"]]
    return rows.assign(reason=np.where(rows["value"].isna(), "no subscribers", ""))


@kpi("money", better="higher")
def lifetime_value_simple(ask: Ask):
    """Price of a purchase × purchases a year × years a customer stays: the simple lifetime value.

    Rule: orders of the 12 months to the run's end (or the `last` so many); the orders of a customer and day are one
    purchase; purchases a year are those of customers that bought. Years are a setting. No cost is taken off.
    Returns: n (customers), price, purchases_a_year, years, value, low, high (of revenue per customer).
    Source: kpis.md K34: 400 × 1 × 3 = 1,200.
    """
    without_trend(ask)
    months = ask.question.last or YEAR
    columns = ("customer_key", "ordered_on", "amount_minor")
    rows = ask.rows("order_facts", columns, on="ordered_on", last=months)
    years = assumed(ask, "years")
    found = [key | simple_value_of(part, months / YEAR, years) for key, part in groups(rows, ask.question.by)]
    return framed(found, ask, "no orders")


@kpi("money", better="higher")
def lifetime_value_margin(ask: Ask):
    """The simple lifetime value × gross margin.

    Rule: as `lifetime_value_simple`; the gross margin is the setting, without one that of the orders whose cost is
    known.
    Returns: as `lifetime_value_simple`, with margin.
    Source: kpis.md K34.
    """
    margin = margin_of(ask)
    rows = lifetime_value_simple.function(ask)
    rows.insert(list(rows).index("value"), "margin", margin)
    return scaled(rows, margin)


@kpi("money", better="higher")
def lifetime_value_subscription(ask: Ask):
    """Monthly ARPA × gross margin ÷ monthly customer churn: the lifetime value of a subscription.

    Rule: the 12 months to the run's end (or the `last` so many); no lifetime longer than a setting (60 months), which
    is also that of no churn at all.
    Returns: n (customers), arpa, churn, months (expected), margin, value, low, high.
    Source: kpis.md K34; interval: Zou and Donner 2008.
    """
    most = assumed(ask, "most_months")
    return valued(ask, lambda churn: economics.lifetime_months(churn, most))


@kpi("money", better="higher")
def lifetime_value_discounted(ask: Ask):
    """Expected margin of a subscription month by month, each worth less the later it comes.

    Rule: as `lifetime_value_subscription`; Σ of ARPA × gross margin × share still there ÷ (1 + discount)^months, from
    the first month to the longest lifetime; the discount rate is a setting.
    Returns: as `lifetime_value_subscription`, months in today's worth.
    Source: kpis.md K34.
    """
    most, rate = assumed(ask, "most_months"), assumed(ask, "discount_rate")
    return valued(ask, lambda churn: economics.discounted_months(churn, most, rate))


@kpi("ratio", better="higher")
def products_per_customer(ask: Ask):
    """Different products won ÷ customers: how many a customer has.

    Rule: won deals with a product, of all that is known up to the run's instant.
    Returns: n (customers), numerator, value, low, high (t interval).
    Source: kpis.md K34.
    """
    without_trend(ask)
    rows = ask.rows("deal_facts", ("account_id", "product"), among="is_won", period=None, last=None).dropna(
        subset=["account_id", "product"]
    )
    found = []
    for key, part in groups(rows, ask.question.by):
        held = part.groupby("account_id")["product"].nunique()
        low, high = stats.mean_interval(len(held), int(held.sum()), int((held**2).sum()))
        found.append(key | {"n": len(held), "numerator": held.sum(), "value": held.mean(), "low": low, "high": high})
    return framed(found, ask, "no customers known")


def margin_of(ask: Ask) -> float:
    """The gross margin: the setting, without one that of the orders whose cost is known.

    Raises: Unanswerable where there is neither.
    """
    if given := assumed(ask, "gross_margin"):
        return given
    if ask.book.missing("order_facts"):
        raise Unanswerable("no gross margin")
    found = answer(ask.book, gross_margin.measure, Question(last=YEAR))["value"].iloc[0]
    if not found > 0:
        raise Unanswerable("no gross margin")
    return float(found)


def paying(ask: Ask, months: int) -> pd.DataFrame:
    """MRR, month-ends, ARPA and churn of each group over so many months."""
    without_trend(ask)
    columns = ("account_id", "mrr_minor", "is_customer", "was_customer", "is_churned")
    rows = ask.rows("customer_months", columns, on="month", last=months)
    found = [key | paid(part) for key, part in groups(rows, ask.question.by)]
    names = ["n", "mrr", "months", "arpa", "arpa_low", "arpa_high", "churn", "churn_low", "churn_high"]
    return pd.DataFrame(found, columns=[*ask.question.by, *names])


def paid(rows: pd.DataFrame) -> dict[str, float]:
    """MRR, month-ends, ARPA and churn of some customer months."""
    held = rows[rows["is_customer"]].groupby("account_id")["mrr_minor"].agg(["sum", "count"]).astype(object)
    x, y = held["sum"], held["count"]
    low, high = stats.ratio_interval(len(held), sum(x), sum(y), sum(x**2), sum(y**2), sum(x * y))
    left, at_risk = int(rows["is_churned"].sum()), int(rows["was_customer"].sum())
    churn_low, churn_high = stats.wilson(left, at_risk)
    mrr, months = sum(x) / 100, sum(y)
    figures = {"n": len(held), "mrr": mrr, "months": months, "arpa": mrr / months if months else np.nan}
    churn = {"churn": left / at_risk if at_risk else np.nan, "churn_low": churn_low, "churn_high": churn_high}
    return figures | {"arpa_low": low / 100, "arpa_high": high / 100} | churn


def valued(ask: Ask, months_of) -> pd.DataFrame:
    """ARPA × margin × the months that follow from churn, with the interval of both."""
    margin = margin_of(ask)
    rows = paying(ask, ask.question.last or YEAR)
    months, shortest, longest = (months_of(rows[name].astype(float)) for name in ("churn", "churn_high", "churn_low"))
    pay = rows["arpa"], rows["arpa_low"], rows["arpa_high"]
    low, high = economics.product_interval(pay, (months, shortest, longest))
    value = rows["arpa"] * margin * months
    reason = np.where(value.isna(), "no subscribers", "")
    rows = rows[[*ask.question.by, "n", "arpa", "churn"]].assign(months=months, margin=margin)
    return rows.assign(value=value, low=low * margin, high=high * margin, reason=reason)


def simple_value_of(rows: pd.DataFrame, span: float, years: float) -> dict[str, float]:
    """Price, purchases a year and simple lifetime value of the customers of some order lines."""
    bought = rows.groupby("customer_key")["amount_minor"].sum().astype(object)
    purchases = len(rows[["customer_key", "ordered_on"]].drop_duplicates())
    n = len(bought)
    if not n:
        return {"n": 0, "price": np.nan, "purchases_a_year": np.nan, "years": years, "value": np.nan, "low": np.nan,
                "high": np.nan}  # fmt: skip
    price, rate = sum(bought) / 100 / purchases, purchases / n / span
    low, high = (end / 100 / span * years for end in stats.mean_interval(n, sum(bought), sum(bought**2)))
    figures = {"n": n, "price": price, "purchases_a_year": rate, "years": years}
    return figures | {"value": float(economics.simple_value(price, rate, years)), "low": low, "high": high}
