"""What the scorecard says."""

import numpy as np
import pandas as pd

from salesbook.book import Book
from salesbook.clock import period_of
from salesbook.compare import BEFORE, NOW, WhyMoved, why_moved
from salesbook.findings import HELD, Candidate, Finding, chosen
from salesbook.headlines import NO_WORDS, asked, direction, figure, finding
from salesbook.kpi import Kpi, reason_of
from salesbook.kpis.scorecard import average_deal_size, deals_won, target, win_rate, won
from salesbook.lens import SPAN


def this_month(book: Book) -> list[Finding]:
    """The month in short: what was won against target, whether the win rate moved, and whether mix explains it."""
    why = why_moved(book, win_rate, "product")
    moves = [win_rate_moved(book, why)] + ([mix_moved(book, why)] if np.isfinite(why.total.mix_total) else [])
    return [won_against_target(book), *chosen(moves, most=2)]


def won_against_target(book: Book) -> Finding:
    """What was won, and how much of the target that is: counted, not inferred."""
    amount, deals = won(book)["value"].iloc[0], deals_won(book)["value"].iloc[0]
    goal = target(book, won)
    values = {"won": amount, "n": deals, "month": book.run["month"]}
    if not goal:
        return finding(book, "say.won_without_target", **values)
    return finding(book, "say.won_against_target", share=amount / goal, target=goal, **values)


def spans(why: WhyMoved) -> dict:
    """The numbers that sentences on a moved share use."""
    return {
        "now": why.total.after,
        "before": why.total.before,
        "change": float(why.change.value),
        "low": float(why.change.low),
        "high": float(why.change.high),
        "n": int(why.segments["after_n"].sum()),
        "n_before": int(why.segments["before_n"].sum()),
        "months": NOW,
        "months_before": BEFORE,
    }


def win_rate_moved(book: Book, why: WhyMoved) -> Candidate:
    """Whether the win rate of the last months differs from before."""
    values = spans(why)
    claim = finding(book, f"say.win_rate_{direction(values['change'])}", True, **values)
    neutral = "say.win_rate_level" if values["n"] and values["n_before"] else "say.win_rate_unknown"
    return Candidate("win_rate", float(why.change.p), claim, finding(book, neutral, **values), weight=2)


def mix_moved(book: Book, why: WhyMoved) -> Candidate:
    """Whether the total moved against every product's own rate: then the mix moved it.

    Rule: claimed only where both hold, the mix moved it and the products' own rates moved the other way; the test is
    the weaker of the two.
    """
    values = spans(why) | {"mix": why.total.mix_total, "rate": why.total.rate_total}
    p = max(why.p_mix, why.p_rate) if why.total.simpson and np.isfinite(why.change.p) else np.nan
    claim = finding(book, f"say.mix_{direction(values['change'])}", True, **values)
    return Candidate("mix", p, claim, finding(book, "say.mix_none", **values), weight=3)


@asked
def running_total(book: Book, days: pd.DataFrame) -> dict[str, str]:
    """The words of won against target by working day."""
    last = days.iloc[-1]
    values = {"won": last["value"], "month": book.run["month"], "n": int(last["working_day"])}
    if pd.isna(last["target"]) or not last["target"]:
        return figure(book, "figures.running_total", "without_target", **values)
    key = "reached" if last["value"] >= last["target"] else "short"
    values |= {"share": last["value"] / last["target"], "target": last["target"]}
    return figure(book, "figures.running_total", key, **values)


@asked
def pace(book: Book, days: pd.DataFrame) -> pd.DataFrame:
    """The running total as a chart takes it: actual, and the target up to each day."""
    return days.rename(columns={"value": "actual"})[["day", "actual", "target"]]


@asked
def attained(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Attainment as a bullet chart takes it: the group, actual and target."""
    names = {"level_id": "team", "numerator": "actual", "denominator": "target"}
    return rows.rename(columns=names)[["team", "actual", "target", "value"]]


SEGMENT_UNITS = {"before_n": "count", "after_n": "count", "before": "share", "after": "share"} | dict.fromkeys(
    ("mix", "rate"), "points"
)


def segments_title(book: Book) -> str:
    """The title of the table behind the bridge."""
    return book.words.say("figures.win_rate_bridge.table", months=NOW, months_before=BEFORE)


@asked
def teams(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of attainment by team: how many reached their target."""
    reached = int((rows["actual"] >= rows["target"]).sum())
    return figure(book, "figures.teams", reached=reached, n=len(rows), month=book.run["month"])


def win_rate_bridge(book: Book, why: WhyMoved) -> dict[str, str]:
    """The words of why the win rate moved."""
    values = spans(why) | {"mix": why.total.mix_total, "rate": why.total.rate_total}
    if not np.isfinite(values["change"]):
        return NO_WORDS
    is_mix = why.total.simpson and max(why.p_mix, why.p_rate) <= HELD
    key = "simpson" if is_mix else direction(values["change"]) if why.change.p <= HELD else "level"
    return figure(book, "figures.win_rate_bridge", key, key != "level", **values)


def bridge_rows(book: Book, why: WhyMoved) -> pd.DataFrame:
    """The change of the win rate as steps of a bridge: before, mix, each product's own rate, now."""
    say = book.words.say
    rates = [
        (say("figures.win_rate_bridge.rate", segment=s), r) for s, r in why.segments[["segment", "rate"]].to_numpy()
    ]
    if not np.isfinite(why.total.after - why.total.before):
        return pd.DataFrame({"value": [np.nan], "reason": ["nothing closed"]})
    steps = [(say("figures.win_rate_bridge.mix"), why.total.mix_total), *rates]
    rows = [(say("figures.win_rate_bridge.before"), why.total.before, True)]
    rows += [(label, value, False) for label, value in steps]
    rows += [(say("figures.win_rate_bridge.now"), why.total.after, True)]
    return pd.DataFrame(rows, columns=["step", "value", "is_total"])


@asked
def trend(book: Book, rows: pd.DataFrame, kpi: Kpi) -> dict[str, str]:
    """The words of a KPI's months: its range and where it stands."""
    known, label = rows.dropna(subset=["value"]), book.words.label(kpi.name)
    if known.empty:
        return figure(book, "figures.trend", "empty", label=label, months=len(rows), low="", high="", now="", n=0)
    ends = {"low": known["value"].min(), "high": known["value"].max(), "now": known["value"].iloc[-1]}
    shown = {name: book.words.value_short(x, kpi.unit) for name, x in ends.items()}
    counted = int(known["denominator"].sum() if "denominator" in known else known["n"].sum())
    return figure(book, "figures.trend", label=label, months=len(known), n=counted, **shown)


QUARTERS = 5
BY_QUARTER = (won, deals_won, average_deal_size, win_rate)
QUARTER_UNITS = {kpi.name: kpi.unit for kpi in BY_QUARTER} | {"closed": "count"}


def by_quarter(book: Book) -> pd.DataFrame:
    """The KPIs of a deal's end by quarter of the fiscal year: the last one as far as the month's end.

    Rule: a win rate of fewer deals than shares are told of is left out; what it rests on stands beside it.
    """
    answers = {kpi.name: kpi(book, period="quarter", last=QUARTERS) for kpi in BY_QUARTER}
    for rows in answers.values():
        if "period" not in rows or reason_of(answers["deals_won"]):
            return rows
    columns = {name: rows.set_index("period")["value"] for name, rows in answers.items()}
    closed = answers["win_rate"].set_index("period")["denominator"].where(columns["deals_won"].notna())
    closed = closed.where(closed > 0) if reason_of(answers["win_rate"]) else closed
    rows = pd.DataFrame(columns).assign(closed=closed)
    rows["win_rate"] = rows["win_rate"].where(closed >= book.words.counts_below)
    return rows.assign(quarter=[quarter_so_far(book, start) for start in rows.index])[["quarter", *QUARTER_UNITS]]


def quarter_so_far(book: Book, start: pd.Timestamp) -> str:
    """A quarter's name, which says so where the quarter is not over."""
    name, starts = book.words.quarter(start), book.run["fiscal_year_starts"]
    is_over = period_of(start.date(), "quarter", starts).end <= book.period.end
    return name if is_over else book.words.say("quarter.so_far", quarter=name)


def quarters(book: Book) -> dict[str, str]:
    """The title of the table by quarter, and the remark below it."""
    say = book.words.say
    return {"title": say("figures.by_quarter.table", n=QUARTERS), "note": say("figures.by_quarter.note")}


def lens_title(book: Book) -> str:
    """The title of the table of the win rate as others define it."""
    return book.words.say("lens.win_rate.table", months=SPAN)
