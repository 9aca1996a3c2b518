"""The KPIs that systems disagree on, as others define them: each beside ours by `KPI.as_others_say(book)`."""

import numpy as np
import pandas as pd

from salesbook import clock, stats
from salesbook.backtests import submissions, won_between
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, divided, keys_of, ratio, total
from salesbook.kpis.forecast_accuracy import forecast_error
from salesbook.kpis.pipeline import pipeline_coverage
from salesbook.kpis.scorecard import win_rate
from salesbook.lens import otherwise
from salesbook.measures import won_and_lost
from salesbook.query import Measure, Unanswerable

PER = 100


@otherwise(win_rate, "salesforce")
def win_rate_of_all_closed():
    """Deals won, of all deals won or lost, renewals too, by the day they closed.

    Rule: closed won ÷ closed; the type of a deal is not asked.
    Returns: as `win_rate`.
    Source: the opportunity win rate of Salesforce reports.
    """
    return won_and_lost(ratio("deal_facts", "is_won", among="is_closed", on="closed_on", empty="nothing closed"))


@otherwise(win_rate, "by_value")
def win_rate_by_value():
    """Amount of the deals won, of the amount of those won or lost, by the day they closed.

    Rule: as `win_rate`, each deal weighing as much as its amount; deals without one weigh nothing.
    Returns: n (deals with an amount), numerator and denominator (amounts, in the report currency), value, low and high
    of the delta method by deal.
    Source: the win rate by value of most CRMs; Cochran 1977 for the interval.
    """
    exact = "cast(sum(cast({amount_minor} as decimal(38, 0)) * {amount_minor}) as varchar)"
    won = " filter (where {is_won})"
    sums = {
        "n": "count({amount_minor})",
        "numerator": f"cast(sum({{amount_minor}}){won} as varchar)",
        "denominator": "cast(sum({amount_minor}) as varchar)",
        "squares_won": exact.replace(" as varchar)", f"{won} as varchar)"),
        "squares": exact,
    }
    among, columns = ("is_closed", "is_new_business", "has_amount"), ("amount_minor", "is_won")
    says = "amount won ÷ amount closed"
    return won_and_lost(Measure("deal_facts", sums, of_amounts, among, "closed_on", "nothing closed", columns, says))


def of_amounts(rows: pd.DataFrame) -> pd.DataFrame:
    """From exact sums of amounts to their ratio with its interval."""
    names = ["numerator", "denominator", "squares_won", "squares"]
    x, y, xx, yy = ([0 if pd.isna(text) else int(text) for text in rows[name]] for name in names)
    low, high = stats.ratio_interval(rows["n"].to_numpy(), x, y, xx, yy, xx) if len(rows) else ([], [])
    rows = rows.assign(numerator=np.array(x, float) / PER, denominator=np.array(y, float) / PER)
    value = divided(rows["numerator"], rows["denominator"])
    low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
    return rows.drop(columns=["squares_won", "squares"]).assign(value=value, low=low, high=high)


@otherwise(win_rate, "hubspot")
def win_rate_with_open(ask: Ask):
    """Deals won in the period, of those won or lost in it and those still open at its end.

    Rule: as `win_rate`, with the deals that stood open when the period was over below the line: the more there are, the
    lower the rate. Known at the ends of months.
    Returns: by, period, numerator, denominator, value, low and high of the Wilson 95 % interval.
    Raises: WrongUsage for days and weeks.
    Source: HubSpot's sales glossary: deals won ÷ all deals of the period.
    """
    question = ask.question
    if question.period in ("day", "week"):
        found = f"Found period={question.period!r}."
        raise WrongUsage("Open deals are known at the ends of months.", found, "Ask month, quarter or year.")
    keys = keys_of(question)
    rows = ask(win_rate.measure)
    still = ask.rows("open_deals", ("seen_on",), among=("is_counted", "is_new_business"), period=None, last=None)
    starts = ask.book.run["fiscal_year_starts"]
    if question.period:
        ends = {start: clock.period_of(start.date(), question.period, starts).end for start in rows["period"].unique()}
        rows["seen_on"] = pd.to_datetime(rows["period"].map(ends)).clip(upper=pd.Timestamp(ask.book.period.end))
    else:
        months = ask.in_months.question.ago + 12 * question.years_ago
        rows["seen_on"] = pd.Timestamp(ask.book.period.end) - pd.DateOffset(months=months)
    by = [*question.by, "seen_on"]
    counted = still.assign(seen_on=pd.to_datetime(still["seen_on"])).groupby(by, dropna=False).size().rename("open")
    rows = rows.merge(counted.reset_index(), on=by, how="left")
    below = rows["denominator"] + rows["open"].fillna(0).astype(int)
    low, high = stats.wilson(rows["numerator"].to_numpy(), below.to_numpy())
    value = divided(rows["numerator"], below)
    found = rows.assign(denominator=below, value=value, low=low, high=high)
    reason = np.where(value.isna(), "no deals", "")
    return found[[*keys, "numerator", "denominator", "value", "low", "high"]].assign(reason=reason)


@otherwise(win_rate, "created")
def win_rate_of_created():
    """Deals won so far, of all deals created, open ones too, by the day they were created.

    Rule: new deals with a creation date; young ones are still open, so the last months are always low.
    Returns: as `win_rate`.
    Source: won ÷ opportunities created, as in many sales glossaries.
    """
    among = ("has_created", "is_new_business")
    return won_and_lost(ratio("deal_facts", "is_won", among=among, on="created_on", empty="nothing created"))


@otherwise(pipeline_coverage, "salesforce", unit="share")
def share_to_be_won(ask: Ask):
    """What is still to be won of the target ÷ the open deals expected to close in this quarter, or the next.

    Rule: `pipeline_coverage` the other way round, so lower is better: the share of the open amount that must be won.
    Returns: by, quarter, n (deals expected), numerator (target − won), denominator (their amount), target, won, value.
    Source: pipeline coverage as Salesforce writes it: (target − won) ÷ open.
    """
    rows = ask(pipeline_coverage)
    if "denominator" not in rows or "quarter" not in rows:
        return rows
    turned = rows.rename(columns={"numerator": "denominator", "denominator": "numerator"})[rows.columns]
    value = divided(turned["numerator"], turned["denominator"]).where(turned["numerator"] > 0)
    reason = np.where(value.notna(), "", np.where(rows["reason"] != "", rows["reason"], "nothing expected"))
    return turned.assign(value=value, reason=reason)


@otherwise(pipeline_coverage, "whole")
def whole_pipeline_coverage(ask: Ask):
    """All open deals, whenever they may close, ÷ the whole target of this quarter, or the next.

    Rule: as `pipeline_coverage`; neither the date that a deal is expected nor what is won already is asked.
    Returns: by, quarter, n (open deals with an amount), numerator, denominator (target), target, won, value.
    Source: the rule of thumb of three times the target.
    """
    rows = ask(pipeline_coverage)
    if "target" not in rows:
        return rows
    keys = list(ask.question.by)
    standing = ask(total("open_deals", "amount_minor", among="is_now", per=PER))[[*keys, "n", "value"]]
    standing = standing.rename(columns={"value": "standing", "n": "n_open"})
    rows = rows.merge(standing, on=keys or None, how="left" if keys else "cross")
    value = divided(rows["standing"], rows["target"])
    reason = np.where(value.isna(), np.where(rows["reason"] != "", rows["reason"], "no target"), "")
    told = rows.assign(n=rows["n_open"].fillna(0).astype(int), numerator=rows["standing"], denominator=rows["target"])
    return told.drop(columns=["standing", "n_open"]).assign(value=value, reason=reason)


@otherwise(forecast_error, "hubspot")
def accuracy_of_submissions(ask: Ask):
    """One less the distance of what was won from the mean of all numbers submitted, for each period that is over.

    Rule: 1 − |A − F| ÷ A, and 0 where that is below it. F is the mean of all numbers that a seller saved for the period
    before its end, added up over sellers; A what those sellers won in it. A is 0: no accuracy.
    Returns: by, method, quarter (first day of the period), n (numbers saved), forecast, actual (in the report
    currency), value (0 to 1, higher is better).
    Source: HubSpot knowledge base, Track the accuracy of forecasts.
    """
    numbers = submissions(ask).dropna(subset=["ends"])
    if numbers.empty:
        raise Unanswerable("too few")
    numbers = numbers.assign(won_minor=won_between(ask, numbers["period"], numbers["ends"], numbers["owner_id"]))
    by = [*ask.question.by, "method", "period"]
    sums = {"n": ("amount_minor", "size"), "forecast": ("amount_minor", "mean"), "actual": ("won_minor", "first")}
    each = numbers.groupby([*by, *({"owner_id"} - set(by))], dropna=False).agg(**sums).reset_index()
    rows = each.groupby(by, dropna=False)[["n", "forecast", "actual"]].sum().reset_index()
    error = divided((rows["forecast"] - rows["actual"]).abs(), rows["actual"].where(rows["actual"] > 0, 0))
    rows = rows.assign(forecast=rows["forecast"] / PER, actual=rows["actual"] / PER)
    value = (1 - error).clip(lower=0)
    reason = np.where(value.isna(), "nothing won", "")
    return rows.rename(columns={"period": "quarter"}).assign(value=value, low=np.nan, high=np.nan, reason=reason)
