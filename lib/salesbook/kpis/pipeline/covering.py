"""Whether the open pipeline covers what is still to be won."""

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.book import Book
from salesbook.clock import Period, month_after, period_of
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, kpi
from salesbook.query import Unanswerable


@kpi("ratio", better="higher")
def pipeline_coverage(ask: Ask):
    """Open deals expected to close in this quarter, or the next, ÷ what is still to be won for its target.

    Rule: the quarter that holds the run's instant, and the one after; target − won so far. Expected closes that have
    passed within the quarter count, those of earlier quarters do not. There is no ratio where the target is met, or is
    set for a part of the quarter only. The organisation's own target, or where it has none for the whole quarter the
    sum of its teams'; by team or seller their own. Whether that is enough the past tells: `past_share` is what was won
    in time of the amount expected in a quarter, as many months before its end, summed over the last eight quarters that
    are over; none under three with anything expected. `needed`, 1 ÷ that, is the coverage at which it would be just
    enough, had deals opened later brought nothing.
    Returns: by, quarter (first day), n (deals expected), numerator (their amount), denominator (target − won), target,
    won, past_n (quarters), past_share, past_low, past_high (by quarter), needed, value; no interval of the value: all
    of it is counted.
    Raises: WrongUsage where a period is asked for.
    Source: kpis.md K28, G10, G12; Cochran 1977; house decisions of 2026-11-22.
    """
    question = ask.question
    if question.period or question.last or question.ago or question.years_ago:
        raise WrongUsage("Coverage is of the run's instant.", "Found a period.", "Leave out period, last and ago.")
    goals = targets_of(ask)
    seen = ask.rows("open_deals", ("seen_on", "is_now", "expected_close_on", "amount_minor", "won_on"))
    ended = ask.rows("deal_facts", ("closed_on", "amount_minor"), among="is_won")
    rows = [
        keys
        | {"quarter": pd.Timestamp(quarter.start)}
        | covered(quarter, standing[standing["is_now"]], *parts)
        | past_yield(quarter, ask.book.period, standing)
        for keys, (standing, *parts) in by_group(question.by, seen, ended, goals)
        for quarter in quarters_of(ask.book)
    ]
    found = pd.DataFrame(rows)
    last = ["value", "low", "high", "reason"]
    return found[[*found.columns.drop(last), *last]]


def quarters_of(book: Book) -> list[Period]:
    """The quarter that holds the run's instant, and the one after."""
    starts = book.run["fiscal_year_starts"]
    this = period_of(book.period.end, "quarter", starts)
    return [this, period_of(this.end, "quarter", starts)]


LEVELS = {"owner.team": "team", "team": "team", "owner_id": "rep"}


def targets_of(ask: Ask) -> pd.DataFrame:
    """The targets for won amounts at the level of the question: level, level_id, day, target.

    Raises: Unanswerable where there are no targets by such a group.
    """
    asked = dict.fromkeys(ask.question.by) | ask.question.where | ask.book.slice
    unknown = [path for path in asked if path not in LEVELS]
    if unknown or len(asked) > 1:
        raise Unanswerable(f"not by {' and '.join(unknown or asked)}")
    path, whose = next(iter(asked.items()), ("", None))
    levels = [LEVELS[path]] if asked else ["organisation", "team"]
    sql = """select level, level_id, day, cast(sum(target_hundredths) as bigint) as target from target_days
      where kpi = 'won' and list_contains(?, level) and (? is null or level_id = ?)
      group by level, level_id, day order by all"""
    return ask.book.rows(sql, [levels, whose, whose])


PAST, LEAST = 8, 3  # quarters


def past_yield(quarter: Period, now: Period, seen: pd.DataFrame) -> dict:
    """What was won in time of the amount expected in past quarters, as many months before their end."""
    pairs = []
    for back in range(1, PAST + 1):
        first, end, on = (month_after(day, -3 * back) for day in (quarter.start, quarter.end, now.end))
        then = seen[(pd.to_datetime(seen["seen_on"]) == pd.Timestamp(on))]
        expected = then[within(then["expected_close_on"], Period(first, end))]
        amounts = expected["amount_minor"].fillna(0).astype("int64")
        if end <= now.end and amounts.sum() > 0:
            pairs.append((int(amounts[within(expected["won_on"], Period(first, end))].sum()), int(amounts.sum())))
    won, all_of_it = (sum(pair[place] for pair in pairs) for place in (0, 1))
    squares = [sum(pair[one] * pair[other] for pair in pairs) for one, other in ((0, 0), (1, 1), (0, 1))]
    is_told = len(pairs) >= LEAST
    low, high = stats.ratio_interval(len(pairs), won, all_of_it, *squares) if is_told else (np.nan, np.nan)
    share = won / all_of_it if is_told else np.nan
    figures = {"past_n": len(pairs), "past_share": share, "past_low": max(low, 0.0), "past_high": float(high)}
    return figures | {"needed": 1 / share if share > 0 else np.nan}


def by_group(by: tuple[str, ...], standing: pd.DataFrame, ended: pd.DataFrame, goals: pd.DataFrame):
    """Open deals, won deals and targets of each group: of those that have a target or an open deal.

    Raises: Unanswerable where there is no such group.
    """
    if not by:
        return [({}, (standing, ended, goals))]
    (key,) = by
    groups = sorted({*standing[key].dropna(), *goals["level_id"].dropna()})
    if not groups:
        raise Unanswerable("nothing open")
    parts = [(standing[standing[key] == g], ended[ended[key] == g], goals[goals["level_id"] == g]) for g in groups]
    return [({key: group}, part) for group, part in zip(groups, parts, strict=True)]


def covered(quarter: Period, standing: pd.DataFrame, ended: pd.DataFrame, goals: pd.DataFrame) -> dict:
    """The coverage of one quarter."""
    expected = standing[within(standing["expected_close_on"], quarter)]
    won = int(ended.loc[within(ended["closed_on"], quarter), "amount_minor"].fillna(0).sum())
    is_whole, goal = goal_of(quarter, goals)
    target, amount = int(goal["target"].sum()), int(expected["amount_minor"].fillna(0).sum())
    reason = "" if is_whole and target > won else "target met" if is_whole else "target of a part only"
    value = amount / (target - won) if not reason else np.nan
    goals_known = {"denominator": target - won, "target": target} if len(goal) else {}
    figures = {"numerator": amount, "denominator": np.nan, "target": np.nan, "won": won} | goals_known
    shown = {name: minor / 100 for name, minor in figures.items()} | {"value": value, "low": np.nan, "high": np.nan}
    return {"n": len(expected)} | shown | {"reason": reason if len(goal) else "no target"}


def goal_of(quarter: Period, goals: pd.DataFrame) -> tuple[bool, pd.DataFrame]:
    """The targets of a quarter's days at the first level that has them for all, and whether one has."""
    inside = goals[within(goals["day"], quarter)]
    levels = [inside[inside["level"] == level] for level in ("organisation", "team", "rep")]
    whole = [level for level in levels if level["day"].nunique() == (quarter.end - quarter.start).days]
    return bool(whole), (whole or [level for level in levels if len(level)] or [inside])[0]


def within(days: pd.Series, period: Period) -> pd.Series:
    """Which days lie in a period."""
    days = pd.to_datetime(days)
    return (days >= pd.Timestamp(period.start)) & (days < pd.Timestamp(period.end))
