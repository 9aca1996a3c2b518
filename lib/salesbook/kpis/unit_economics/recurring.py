"""Recurring revenue: what runs, how it moved, and how much of it stays."""

import pandas as pd

from salesbook import clock, stats
from salesbook.errors import BadData, WrongUsage
from salesbook.kpi import Ask, kpi, total
from salesbook.kpis.unit_economics.grouping import groups
from salesbook.query import Measure

YEAR = 12
MOVEMENTS = ("new", "expansion", "contraction", "churn", "reactivation", "currency")
SIGNS = {"contraction": -1, "churn": -1}


@kpi("money", better="higher")
def mrr(ask: Ask):
    """Monthly recurring revenue: what subscriptions that run on the month's last day bring a month.

    Rule: at the rate of that day; one-off sales are out, a yearly amount counts ÷ 12. Without a trend, that of the
    run's month.
    Returns: n (customers), value in the report currency.
    Raises: WrongUsage for a trend by other periods than months.
    Source: kpis.md K36, G9.
    """
    return month_end(ask, 1)


@kpi("money", better="higher")
def arr(ask: Ask):
    """Annual recurring revenue: MRR × 12.

    Rule: as `mrr`.
    Returns: n (customers), value in the report currency.
    Source: kpis.md K36.
    """
    return month_end(ask, YEAR)


@kpi("money", better="higher")
def mrr_movement(ask: Ask):
    """MRR at the start and the end of a month or span, and every movement between.

    Rule: start + new + expansion − contraction − churn + reactivation ± currency = end, per customer and to the cent.
    A change of plan is expansion or contraction; reactivation is a return after a month or more at nothing; currency
    is what rates did to what was held at the start. Without a trend, over the `last` so many months together.
    Returns: n (customers that moved or stayed), start, new, expansion, contraction, churn, reactivation, currency,
    value (the end), in the report currency.
    Raises: BadData where it does not balance; WrongUsage for a trend by other periods than months.
    Source: kpis.md K36.
    """
    monthly_only(ask)
    rows = ask(MOVED, period="month")
    keys = list(ask.question.by)
    balanced(rows, keys)
    amounts = ["start", *MOVEMENTS, "value"]
    rows[amounts] = rows[amounts] / 100
    return rows if ask.question.period else together(rows, keys)


@kpi("share", better="higher")
def net_revenue_retention(ask: Ask):
    """MRR that the customers of a year before pay now ÷ what they paid then.

    Rule: accounts with MRR at the end of the month 12 months before; expansion counts, new customers do not. It may
    pass 1. In the report currency, so rates move it.
    Returns: n (customers then), numerator (now), denominator (then), value, low, high (delta method, by customer).
    Source: kpis.md K36, G19; Cochran 1977.
    """
    return retained(ask, is_capped=False)


@kpi("share", better="higher")
def gross_revenue_retention(ask: Ask):
    """As much of the MRR of a year before as its customers still pay, expansion left out.

    Rule: as `net_revenue_retention`, of each customer no more than it paid then.
    Returns: n, numerator, denominator, value (0 to 1), low, high.
    Source: kpis.md K36, G19.
    """
    return retained(ask, is_capped=True)


@kpi("share", better="higher")
def customer_retention(ask: Ask):
    """Customers that pay a subscription so many months after their first, by the month of their first.

    Rule: one row per month (or quarter) of the first subscription and age in months, up to the age that the youngest
    of them has; one who came back is there again. A month in which nobody began has none.
    Returns: period, age, numerator (still there), denominator (all of the cohort), value, low, high, is_young (never).
    Raises: WrongUsage where groups are asked for.
    Source: kpis.md K36, G20; Wilson 1927.
    """
    if ask.question.by:
        raise WrongUsage("Cohorts take no groups.", f"Found by={ask.question.by}.", "Ask a slice with where.")
    columns = ("account_id", "first_month", "age_months")
    rows = ask.rows("customer_months", columns, among="is_customer", period=None, last=None)
    return cohort_cells(rows, *cohort_span(ask))


def month_end(ask: Ask, times: int) -> pd.DataFrame:
    """MRR at the ends of months, times a number."""
    monthly_only(ask)
    measure = total("customer_months", "mrr_minor", among="is_customer", on="month", per=100)
    rows = ask.in_months(measure, last=ask.question.last if ask.question.period else 1)
    return rows.assign(value=rows["value"] * times)


def monthly_only(ask: Ask) -> None:
    """Refuse a trend by other periods than months: MRR is a stock at a month's end."""
    if ask.question.period not in (None, "month"):
        raise WrongUsage("MRR has no such trend.", f"Found period={ask.question.period!r}.", "Ask by month.")


SUMS = {"start": "start_minor"} | {name: f"{name}_minor" for name in MOVEMENTS} | {"value": "mrr_minor"}
MOVED = Measure(
    "customer_months",
    {"n": "count(*)"} | {name: f"cast(sum({{{column}}}) as bigint)" for name, column in SUMS.items()},
    lambda rows: (
        rows.fillna(dict.fromkeys(SUMS, 0))
        .astype(dict.fromkeys(SUMS, "int64"))
        .assign(low=float("nan"), high=float("nan"))
    ),
    on="month",
    columns=tuple(SUMS.values()),
)


def balanced(rows: pd.DataFrame, keys: list[str]) -> None:
    """Hold the bridge to the cent: within every month, and from each month to the next.

    Raises: BadData where it does not balance.
    """
    moved = sum(rows[name] * SIGNS.get(name, 1) for name in MOVEMENTS)
    off = rows["start"] + moved - rows["value"]
    before = rows.groupby(keys, dropna=False)["value"].shift() if keys else rows["value"].shift()
    step = (rows["start"] - before).where(before.notna(), 0)
    wrong = rows[(off != 0) | (step != 0)]
    if len(wrong):
        found = f"{len(wrong)} months; in {wrong['period'].iloc[0]:%Y-%m} by {max(abs(off).max(), abs(step).max())}."
        raise BadData("The MRR bridge does not balance.", found, "This is a fault of customer_months; report it.")


def together(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The months of a span as one: the first start, the sum of what moved, the last end."""
    how = {"n": "max", "start": "first"} | dict.fromkeys(MOVEMENTS, "sum")
    how |= {"value": "last", "low": "first", "high": "first", "reason": "first"}
    if keys:
        return rows.groupby(keys, dropna=False, as_index=False).agg(how)
    return rows.groupby(lambda _: 0).agg(how).reset_index(drop=True)


def retained(ask: Ask, is_capped: bool) -> pd.DataFrame:
    """MRR now of the customers of a year before ÷ theirs then, for each group and month-end asked for."""
    monthly_only(ask)
    ask = ask.in_months
    keys, months = list(ask.question.by), (ask.question.last or 1) if ask.question.period else 1
    columns = ("account_id", "month", "mrr_minor")
    rows = ask.rows("customer_months", columns, among="is_customer", on="month", last=months + YEAR)
    then = rows.assign(month=rows["month"] + pd.DateOffset(months=YEAR))
    both = then.merge(rows[["account_id", "month", "mrr_minor"]], on=["account_id", "month"], how="left",
                      suffixes=("_then", "_now"))  # fmt: skip
    both["now"], both["then"] = both["mrr_minor_now"].fillna(0).astype("int64"), both["mrr_minor_then"]
    if is_capped:
        both["now"] = both[["now", "then"]].min(axis=1)
    ends = [pd.Timestamp(period.start) for period in month_ends(ask, months)]
    found = [
        key | ({"period": end} if ask.question.period else {}) | kept(part[part["month"] == end])
        for key, part in groups(both, ask.question.by)
        for end in ends
    ]
    periods = ["period"] if ask.question.period else []
    columns = [*keys, *periods, "n", "numerator", "denominator", "value", "low", "high", "reason"]
    return pd.DataFrame(found, columns=columns)


def month_ends(ask: Ask, count: int) -> list[clock.Period]:
    """The months asked for, oldest first."""
    months = clock.periods_before(ask.book.last_month, "month", count + ask.question.ago)
    return months[:count]


def kept(rows: pd.DataFrame) -> dict:
    """Σ now ÷ Σ then, with its interval by customer."""
    x, y = rows["now"].astype(object), rows["then"].astype(object)
    low, high = stats.ratio_interval(len(rows), sum(x), sum(y), sum(x**2), sum(y**2), sum(x * y))
    is_known = sum(y) > 0
    figures = {"n": len(rows), "numerator": sum(x) / 100, "denominator": sum(y) / 100}
    figures |= {"value": sum(x) / sum(y) if is_known else float("nan"), "low": float(low), "high": float(high)}
    return figures | {"reason": "" if is_known else "no subscribers"}


def cohort_span(ask: Ask) -> tuple[str, list[clock.Period], pd.Timestamp]:
    """The kind of cohort, the cohorts asked for, and the run's last month."""
    kind, starts = ask.question.period or "month", ask.book.run["fiscal_year_starts"]
    if kind not in ("month", "quarter"):
        raise WrongUsage("There are no such cohorts.", f"Found period={kind!r}.", "Ask by month or quarter.")
    last = ask.book.last_month.start
    newest = clock.period_of(last, kind, starts)
    count = (ask.question.last or YEAR) + ask.question.ago
    cohorts = clock.periods_before(newest, kind, count, starts)[: ask.question.last or YEAR]
    return kind, cohorts, pd.Timestamp(last)


def cohort_cells(rows: pd.DataFrame, kind: str, cohorts: list[clock.Period], last: pd.Timestamp) -> pd.DataFrame:
    """Cohort × age: those that pay, of all of the cohort."""
    found = []
    for cohort in cohorts:
        own = rows[(rows["first_month"] >= str(cohort.start)) & (rows["first_month"] < str(cohort.end))]
        size, youngest = own["account_id"].nunique(), pd.Timestamp(cohort.end) - pd.DateOffset(months=1)
        oldest_age = (last.year - youngest.year) * YEAR + last.month - youngest.month
        if not size:
            continue
        there = own.groupby("age_months")["account_id"].nunique()
        found += [
            {"period": pd.Timestamp(cohort.start), "age": age, "numerator": int(there.get(age, 0)), "denominator": size}
            for age in range(1, oldest_age + 1)
        ]
    cells = pd.DataFrame(found, columns=["period", "age", "numerator", "denominator"])
    low, high = stats.wilson(cells["numerator"].to_numpy(), cells["denominator"].to_numpy())
    value = cells["numerator"].astype(float) / cells["denominator"]
    return cells.assign(is_young=False, value=value, low=low, high=high, reason="")
