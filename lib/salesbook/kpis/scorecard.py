"""How did the month go, against target and against before?"""

import numpy as np
import pandas as pd

from salesbook import clock
from salesbook.book import Book
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, Kpi, counts, divided, kpi, mean, median, per, ratio, total
from salesbook.measures import won_and_lost
from salesbook.query import Unanswerable


@kpi("money", better="higher")
def won():
    """Amount of the deals won, by the day they closed.

    Rule: the latest outcome counts; deleted, merged-away and test deals are out; renewals are in. Each amount is
    converted at the rate of its closing day, rounded to the cent, then summed. A deal without amount adds nothing.
    Returns: n (won deals with an amount), value in the report currency.
    Source: kpis.md K47, G5, G8, G9.
    """
    return total("deal_facts", "amount_minor", among="is_won", on="closed_on", per=100)


@kpi("count", better="higher")
def deals_won():
    """Deals won, by the day they closed.

    Rule: as `won`; deals without amount count.
    Returns: n, value.
    Source: kpis.md K47.
    """
    return counts("deal_facts", among="is_won", on="closed_on")


@kpi("share", better="higher")
def win_rate():
    """Deals won, of the deals won or lost, by the day they closed.

    Rule: by count, not by amount; the latest outcome of a reopened deal counts; "no decision" is lost; open deals and
    renewals are out. Where no deal was ever lost there is no rate: lost deals are not kept, or there is none yet.
    Returns: numerator (won), denominator (won and lost), value 0 to 1, low and high of the Wilson 95 % interval.
    Source: kpis.md K15, G5, G6, G8; Wilson 1927.
    """
    among = ("is_closed", "is_new_business")
    return won_and_lost(ratio("deal_facts", "is_won", among=among, on="closed_on", empty="nothing closed"))


@kpi("money", better="higher")
def average_deal_size():
    """Mean amount of the new deals won, by the day they closed.

    Rule: won amount ÷ deals won; deals without an amount above zero, and renewals, are out.
    Returns: n (deals with an amount), numerator (won amount), value, low and high of the t interval, in the report
    currency.
    Source: kpis.md K23, G12, G19.
    """
    among = ("is_won", "is_new_business", "has_amount")
    return mean("deal_facts", "amount_minor", among=among, on="closed_on", per=100, empty="nothing won")


@kpi("money", better="higher")
def median_deal_size():
    """Median amount of the new deals won, by the day they closed.

    Rule: as `average_deal_size`.
    Returns: n, value, low and high (order statistics), p90, mean, in the report currency.
    Source: kpis.md K23, G18, G19.
    """
    among = ("is_won", "is_new_business", "has_amount")
    return median("deal_facts", "amount_minor", among=among, on="closed_on", per=100, empty="nothing won")


@kpi("share", better="higher")
def attainment():
    """Amount won ÷ the organisation's target for won amount, day by day.

    Rule: a target is spread evenly over the working days of its span, so that a part of it has its own share.
    Returns: n (target days), numerator (won), denominator (target), value (may pass 1); no interval.
    Source: kpis.md K31; targets table.
    """
    return attained("is_won_of_organisation")


@kpi("share", better="higher")
def team_attainment():
    """Amount won by a team ÷ its target.

    Rule: as `attainment`, for targets of teams, by level_id; a deal counts for the team of its owner.
    Source: kpis.md K31.
    """
    return attained("is_won_of_team")


@kpi("share", better="higher")
def seller_attainment():
    """Amount won by a seller ÷ their target.

    Rule: as `attainment`, for targets of sellers, by level_id.
    Source: kpis.md K31.
    """
    return attained("is_won_of_seller")


@kpi("share", better="higher")
def account_attainment():
    """Amount won at an account ÷ its target.

    Rule: as `attainment`, for targets of accounts, by level_id.
    Source: kpis.md K31.
    """
    return attained("is_won_of_account")


def attained(among: str):
    """Won ÷ target over the target days of one level."""
    return per("target_days", "won_minor", "target_hundredths", among=among, on="day", scale=100, empty="no target")


@kpi("share", better="higher")
def growth(ask: Ask):
    """Amount won ÷ amount won in the period before, less one.

    Rule: a period that is not over is compared with the same number of working days of the one before; a base of
    zero or less gives no rate.
    Returns: numerator (now), denominator (before), value; no interval.
    Source: kpis.md K32, G16.
    """
    return change(ask, ask(won), ask(won, ago=ask.question.ago + 1))


@kpi("share", better="higher")
def growth_on_year(ask: Ask):
    """Amount won ÷ amount won in the same period a year before, less one.

    Rule: as `growth`.
    Source: kpis.md K32, G16.
    """
    return change(ask, ask(won), ask(won, years_ago=ask.question.years_ago + 1))


@kpi("share", better="higher")
def growth_this_year(ask: Ask):
    """Amount won in the year so far ÷ amount won in the same span of the year before, less one.

    Rule: the (fiscal) year from its first day to the end of the run's month.
    Raises: WrongUsage where a trend is asked for.
    Source: kpis.md K32.
    """
    if ask.question.period or ask.question.last:
        raise WrongUsage("The year so far has no trend.", "Found period or last.", "Ask growth_on_year instead.")
    months = months_of_year(ask)
    return change(ask, ask(won, last=months), ask(won, last=months, years_ago=1))


def months_of_year(ask: Ask) -> int:
    """Months of the fiscal year up to the end of the run's period."""
    start, month = ask.book.run["fiscal_year_starts"], ask.book.last_month.start.month
    return (month - start) % 12 + 1


def change(ask: Ask, now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Now ÷ before − 1, matched by group and by place in the row of periods."""
    keys = list(ask.question.by)
    if ask.question.period:
        now, before = (rows.assign(place=place_of(rows, keys)) for rows in (now, before))
    joined = now.merge(
        before[[*keys, *(["place"] if ask.question.period else []), "value", "reason"]],
        on=[*keys, *(["place"] if ask.question.period else [])] or None,
        how="outer" if keys else "cross" if not ask.question.period else "left",
        suffixes=("", "_before"),
        sort=bool(keys),
    )
    above, below = joined["value"].fillna(0), joined["value_before"].fillna(0)
    needs = joined["reason"].fillna("").where(joined["reason"].fillna("").str.startswith("needs"), "")
    value = (divided(above, below) - 1).where(below > 0)
    nothing = np.where(below > 0, "", "nothing won before")
    reason = np.where(needs != "", needs, nothing)
    periods = ["period"] if ask.question.period else []
    joined = joined.assign(numerator=above, denominator=below, value=value, low=np.nan, high=np.nan, reason=reason)
    return joined[[*keys, *periods, "numerator", "denominator", "value", "low", "high", "reason"]]


def place_of(rows: pd.DataFrame, keys: list[str]) -> pd.Series:
    """The place of a row among the periods of its group."""
    return rows.groupby(keys, dropna=False).cumcount() if keys else pd.Series(range(len(rows)), index=rows.index)


@kpi("money", better="higher")
def won_so_far(ask: Ask):
    """Amount won since the first day of the month, working day by working day.

    Rule: days without a target are in too; the value of a day includes it. Beside it the organisation's target so far.
    Parameters: a slice is not possible: the target is the organisation's.
    Returns: day, is_working_day, working_day (its number in the month), target (so far), value.
    Source: kpis.md K31.
    """
    return cumulative(ask, ask.book.period)


def target(book: Book, kpi: Kpi) -> float | None:
    """The organisation's target for a KPI in the run's month; None where there is none, or the book is a slice.

    Rule: a target for an amount or a count is spread over the working days of its span and the month's part taken; for
    a share, a size or a duration it holds as it is.
    """
    if book.slice:
        return None
    column = "sum(target_hundredths) / 100.0" if kpi.name in ADDITIVE else "max(target_value)"
    sql = f"""select cast({column} as double) as target from target_days
      where kpi = ? and level = 'organisation' and day >= ? and day < ?"""
    found = book.rows(sql, [kpi.name, book.period.start, book.period.end])["target"].iloc[0]
    return None if pd.isna(found) else float(found)


ADDITIVE = ("won", "deals_won", "new_leads", "new_organisations", "qualified_leads")


def cumulative(ask: Ask, period: clock.Period) -> pd.DataFrame:
    """Won and target, summed from the first day of a period."""
    if ask.book.slice:
        raise Unanswerable(f"not by {' and '.join(ask.book.slice)}")
    if ask.question.by or ask.question.where or ask.question.period:
        raise WrongUsage("The running total takes no groups.", f"Found {ask.question}.", "Use attainment instead.")
    sql = """
      with target as (
        select day, sum(target_hundredths) as target from target_days where is_won_of_organisation group by day),
      won as (
        select closed_on as day, sum(amount_minor) as won from deal_facts where is_won group by closed_on)
      select d.day, d.is_working_day,
        sum(cast(d.is_working_day as integer)) over (order by d.day) as working_day,
        sum(t.target) over (order by d.day) / 100 as target,
        coalesce(sum(w.won) over (order by d.day), 0) / 100 as value
      from day_facts d left join target t on t.day = d.day left join won w on w.day = d.day
      where d.day >= ? and d.day < ?
      order by d.day
    """
    rows = ask.book.rows(sql, [period.start, period.end])
    return rows.assign(low=np.nan, high=np.nan, reason="")
