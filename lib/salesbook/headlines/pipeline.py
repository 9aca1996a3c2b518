"""What the pipeline page says."""

import numpy as np
import pandas as pd

from salesbook import survival
from salesbook.book import Book
from salesbook.compare import BEFORE, NOW, against_the_rest
from salesbook.findings import HELD, LEAST, Candidate, Finding, chosen
from salesbook.headlines import asked, direction, figure, finding
from salesbook.kpi import Ask, Question, reason_of
from salesbook.kpis import pipeline as kpis

YEARS = 24
DAY = 86_400
STAGE = ["position", "stage"]
GROUPS = ("product", "owner.team", "stage")
UNITS = {"n": "count", "amount": "money", "age_days": "days", "p90_days": "days", "before_n": "count",
         "before": "days"}  # fmt: skip


def this_month(book: Book) -> list[Finding]:
    """The month in short: whether a stage holds deals longer than it did, and what is stuck, where."""
    found = [stuck(book), slower(book)]
    return chosen([candidate for candidate in found if candidate])


def units(rows: pd.DataFrame) -> dict[str, str]:
    """The units of a table's columns."""
    return {name: unit for name, unit in UNITS.items() if name in rows}


# What is open


def open_rows(book: Book) -> pd.DataFrame:
    """The open deals by stage: how many, what they are worth, how old they are."""
    counted = kpis.open_deals(book, by=STAGE)
    if reason_of(counted):
        return counted
    amounts = kpis.open_pipeline(book, by=STAGE)[[*STAGE, "value"]].rename(columns={"value": "amount"})
    ages = kpis.open_deal_age(book, by=STAGE)[[*STAGE, "value", "p90"]]
    ages = ages.rename(columns={"value": "age_days", "p90": "p90_days"})
    rows = counted[[*STAGE, "n"]].merge(amounts, on=STAGE, how="left").merge(ages, on=STAGE, how="left")
    return rows.drop(columns="position")


def open_title(book: Book) -> str:
    """The title of the table of open deals."""
    counted, amount = (kpi(book)["value"].iloc[0] for kpi in (kpis.open_deals, kpis.open_pipeline))
    return book.words.say("figures.open.table", n=0 if np.isnan(counted) else int(counted), amount=amount)


# What is stuck


def stuck(book: Book) -> Candidate | None:
    """How many deals stand too long, and whether one product, team or stage holds more of them than the others."""
    rows = kpis.stalled_share(book)
    if reason_of(rows):
        return None
    values = stuck_values(book, rows.iloc[0])
    neutral = finding(book, "say.stuck" if values["n"] else "say.none_stuck", **values)
    first, n_tests = most_stuck(book)
    if first is None:
        return Candidate("stuck", np.nan, neutral, neutral)
    values |= {"group": first["group"], "share": first["value"], "rest": first["rest"], "n": int(first["denominator"])}
    values |= {"change": first["change"], "low": first["change_low"], "high": first["change_high"]}
    claim = finding(book, f"say.stuck_{direction(first['change'])}", True, **values)
    return Candidate("stuck", min(1.0, first["p"] * n_tests), claim, neutral, weight=3)


def stuck_values(book: Book, row: pd.Series) -> dict:
    """The numbers that sentences on stalled deals use."""
    amount = kpis.stalled_amount(book)["value"].iloc[0]
    return {"n": int(row["numerator"]), "total": int(row["denominator"]), "amount": amount, "share": row["value"]}


def most_stuck(book: Book) -> tuple[pd.Series | None, int]:
    """The group that differs most from the others, of all products, teams and stages, and how many were looked at."""
    parts = []
    for by in GROUPS:
        rows = kpis.stalled_share(book, by=by)
        if not reason_of(rows) and rows[by].notna().any():
            parts.append(against_the_rest(rows).assign(group=rows[by]).dropna(subset=["group", "p"]))
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return (rows.loc[rows["p"].idxmin()], len(rows)) if len(rows) else (None, 0)


def stuck_bars(book: Book) -> pd.DataFrame:
    """The share of open deals that stand too long, by product."""
    return kpis.stalled_share(book, by="product")


@asked
def stuck_words(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of what is stuck: how many and how much, and the group that stands out where one does."""
    candidate = stuck(book)
    values = stuck_values(book, kpis.stalled_share(book).iloc[0]) | {"k": len(rows)}
    if not candidate.p <= HELD:
        return figure(book, "figures.stuck", "headline" if values["n"] else "none", group="", rest=np.nan, **values)
    first, _ = most_stuck(book)
    values |= {"group": first["group"], "share": first["value"], "rest": first["rest"]}
    return figure(book, "figures.stuck", direction(first["change"]), **values)


# How long deals stand in a stage


def slower(book: Book) -> Candidate | None:
    """Whether deals stay longer in a stage than they did: products apart, the stage picked after looking at all."""
    stages = stage_changes(book)
    if stages is None:
        return None
    tested = stages.dropna(subset=["p"])
    values = {"months": NOW, "months_before": BEFORE, "n": int(stages["n"].sum())}
    neutral = finding(book, "say.stage_level" if len(tested) else "say.stage_unknown", **values)
    if tested.empty:
        return Candidate("slower", np.nan, neutral, neutral)
    first = tested.loc[tested["p"].idxmin()]
    values |= {"stage": first["stage"], "n": int(first["n"])}
    values |= {"now": first["value"] * DAY, "before": first["before"] * DAY, "missing": abs(first["missing"])}
    key = "say.stage_slower" if first["missing"] > 0 else "say.stage_faster"
    return Candidate("slower", min(1.0, first["p"] * len(tested)), finding(book, key, True, **values), neutral, 2)


def stage_changes(book: Book) -> pd.DataFrame | None:
    """Each stage now against before: medians, and the log-rank test of visits with products held still.

    Returns: position, stage, n, value, low, high, before_n, before (days), missing, p (NaN under 20 visits in either);
    None where there is nothing to tell.
    """
    now = kpis.time_in_stage(book, by=STAGE, last=NOW)
    before = kpis.time_in_stage(book, by=STAGE, last=BEFORE, ago=NOW)
    if "n" not in now or now["n"].sum() == 0 or reason_of(now).startswith(("needs", "not by")):
        return None
    earlier = before[[*STAGE, "n", "value"]].rename(columns={"n": "before_n", "value": "before"})
    rows = now[[*STAGE, "n", "value", "low", "high"]].merge(earlier, on=STAGE, how="left")
    tests = pd.DataFrame(pace(book), columns=["stage", "missing", "p"])
    rows = rows.merge(tests, on="stage", how="left")
    is_few = (rows["n"] < LEAST) | ~(rows["before_n"] >= LEAST)
    return rows.assign(p=rows["p"].mask(is_few))


def pace(book: Book) -> list[tuple[str, float, float]]:
    """By stage: how many visits fewer have ended than by the pace of before, and the chance of as many."""
    columns, spans = ("stage", "cycle", "stage_seconds", "is_over"), ((NOW, 0), (BEFORE, NOW))
    visits = []
    for last, ago in spans:
        ask = Ask(book, Question(last=last, ago=ago))
        visits.append(ask.rows("stage_times", columns, among="is_timed", on="entered_on").assign(is_now=ago == 0))
    found = []
    for stage, rows in pd.concat(visits).groupby("stage"):
        parts = [rows[rows["cycle"] == cycle] for cycle in rows["cycle"].unique()]
        cases = [(part["stage_seconds"], part["is_over"], part["is_now"]) for part in parts]
        found.append((stage, *survival.stratified_log_rank(cases)))
    return found


def stage_bars(book: Book) -> pd.DataFrame:
    """How long deals stand in each stage."""
    rows = kpis.time_in_stage(book, by=STAGE, last=YEARS)
    return rows if reason_of(rows) else rows.drop(columns="position")


@asked
def stage_words(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the time in stage: the longest, or the stage that has slowed."""
    longest = rows.loc[rows["value"].idxmax()]
    values = {"stage": longest["stage"], "days": longest["value"] * DAY, "n": int(rows["n"].sum()), "k": len(rows)}
    return figure(book, "figures.stage_time", months=YEARS, **values)


def change_rows(book: Book) -> pd.DataFrame:
    """The stages now against before."""
    rows = stage_changes(book)
    if rows is None:
        return kpis.time_in_stage(book, last=NOW)
    return rows[["stage", "n", "value", "low", "high", "before_n", "before"]]


def change_title(book: Book) -> str:
    """The title of the table of stages now against before."""
    return book.words.say("figures.stage_time.table", months=NOW, months_before=BEFORE)
