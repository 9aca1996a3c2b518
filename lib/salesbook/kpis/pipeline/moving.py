"""How the open pipeline moves: the waterfall, and deals that were pushed."""

import numpy as np
import pandas as pd

from salesbook.book import Book
from salesbook.clock import Period
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, counts, kpi, median
from salesbook.kpis.pipeline.covering import quarters_of
from salesbook.measures import clustered
from salesbook.query import Unanswerable
from salesbook.waterfall import COLUMNS, balance, waterfall

DAY = 86_400


@kpi("money")
def pipeline_waterfall(ask: Ask):
    """How the open pipeline of the start of the month became that of its end, in the steps of every deal.

    Rule: start + new + reopened + transferred in + increased + currency − won − lost − transferred out − decreased −
    deleted = end, to the cent. Per deal first the rates, then the amount, then one exit at its exit amount; new and won
    in one month counts in both. All as was known at the start and at the end: a closing entered late leaves then.
    Transfers show in slices by seller or team only. Over several months the steps are summed.
    Returns: by, period (of months, where a trend is asked for), position, step, n (deals), value (signed), in the
    report currency; no interval.
    Raises: BadData where the steps do not add up; WrongUsage for a trend of other periods than months.
    Source: kpis.md K30, G1, G4, G5, G9; house decisions of 2026-11-22.
    """
    rows = moves_of(ask)
    found = [keys | step for keys, part in groups_of(ask, rows) for step in steps_of(part, None)]
    if not (ask.question.by or ask.question.where or ask.question.period or ask.book.slice):
        hold_to_stock(ask, rows, found)
    return pd.DataFrame(found)


@kpi("money")
def expected_waterfall(ask: Ask):
    """How the deals expected to close in this quarter, or the next, changed over the month.

    Rule: as `pipeline_waterfall`, of deals whose expected close lies in the quarter that holds the run's instant, and
    in the one after: one whose expected close moves into it is pulled in, one whose moves out of it pushed out.
    Returns: by, quarter (first day), position, step, n, value.
    Raises: as `pipeline_waterfall`.
    Source: kpis.md K30, K28.
    """
    tells_expected(ask.book)
    rows, found = moves_of(ask), []
    if rows.loc[rows["was_open"], "first_expected_on"].isna().all():
        raise Unanswerable("no history of expected closes")
    for keys, part in groups_of(ask, rows):
        for quarter in quarters_of(ask.book):
            found += [keys | {"quarter": pd.Timestamp(quarter.start)} | step for step in steps_of(part, quarter)]
    return pd.DataFrame(found)


def moves_of(ask: Ask) -> pd.DataFrame:
    """The moves of the months asked for."""
    if ask.question.period not in (None, "month"):
        found = f"Found period={ask.question.period!r}."
        raise WrongUsage("The waterfall goes by months.", found, "Ask period='month', or last months without it.")
    rows = ask.rows("pipeline_moves", COLUMNS, on="month")
    if rows.empty:
        raise Unanswerable("nothing open")
    return rows


def groups_of(ask: Ask, rows: pd.DataFrame) -> list[tuple[dict, pd.DataFrame]]:
    """The rows of each group, and month where a trend is asked for, with its keys."""
    keys = [*ask.question.by, *(["month"] if ask.question.period else [])]
    if not keys:
        return [({}, rows)]
    named = rows.groupby(keys, dropna=False, sort=True)
    names = [*ask.question.by, *(["period"] if ask.question.period else [])]
    return [(dict(zip(names, key, strict=True)), part) for key, part in named]


def steps_of(rows: pd.DataFrame, expected: Period | None) -> list[dict]:
    """The steps as rows of an answer, in the report currency."""
    steps = waterfall(rows, expected)
    return steps.assign(value=steps["value"] / 100, low=np.nan, high=np.nan, reason="").to_dict("records")


def hold_to_stock(ask: Ask, rows: pd.DataFrame, found: list[dict]) -> None:
    """Refuse a waterfall whose start or end is not what stood open by itself."""
    first, last = rows["month"].min(), rows["month"].max() + pd.offsets.MonthBegin(1)
    sql = "select cast(coalesce(sum(amount_minor), 0) as bigint) as minor from open_deals where seen_on = ?"
    for day, step in ((first, found[0]), (last, found[-1])):
        balance([int(ask.book.rows(sql, [day.date()])["minor"].iloc[0]), round(step["value"] * 100)])


def tells_expected(book: Book) -> None:
    """Refuse to tell what was expected where no history of it was kept."""
    if not {"deal_changes", "forecast_snapshots"} & set(book.run["tables"]):
        raise Unanswerable("needs deal_changes or forecast_snapshots")


@kpi("share", better="lower")
def pushed_deals(ask: Ask):
    """Deals pushed past the month, of those open at its start that were expected to close in it.

    Rule: pushed is one that stands open at the month's end and is then expected to close after it; those won, lost,
    deleted or overdue stay in the denominator. What was expected then comes from snapshots and changes of deals. A deal
    may be pushed in several months: the interval counts deals.
    Returns: numerator (pushed), denominator, clusters (deals), value 0 to 1, low, high.
    Source: kpis.md K29, G1, G19.
    """
    tells_expected(ask.book)
    return ask(clustered("expected_deals", "is_pushed", "deal_id", on="month", empty="nothing expected"))


@kpi("count")
def expected_deals(ask: Ask):
    """Deals open at the start of the month that were expected to close in it, by what became of them.

    Rule: as `pushed_deals`; expected_fate is won, lost, pushed, overdue (open, its day gone by) or gone (deleted).
    Returns: by, expected_fate, n, value.
    Source: kpis.md K29.
    """
    tells_expected(ask.book)
    return ask(counts("expected_deals", on="month"), by=(*ask.question.by, "expected_fate"))


@kpi("days", better="lower")
def push_length(ask: Ask):
    """Days by which deals were pushed past the month: the median.

    Rule: as `pushed_deals`, from the close expected at the month's start to the one expected at its end.
    Returns: n, value, low and high (order statistics, none under 6), p90, mean, in days.
    Source: kpis.md K29, G18, G19.
    """
    tells_expected(ask.book)
    among, empty = ("is_pushed",), "nothing pushed"
    return ask(median("expected_deals", "pushed_seconds", among=among, on="month", per=DAY, empty=empty))
