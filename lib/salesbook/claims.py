"""The field's folklore held against the user's own data, and the benchmarks that the user gives.

A claim is data: what is claimed, where it stands, how near is near enough, and how the own figure is worked out. The
verdict is a test, not an impression; with too little data it is "cannot tell".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from salesbook import KPIS, stats
from salesbook.book import Book
from salesbook.kpi import Ask, Kpi, ratio, reason_of
from salesbook.kpis.follow_up import quick_answer_odds, touch_of_sale
from salesbook.kpis.team import selling_time
from salesbook.kpis.unit_economics import ltv_to_cac
from salesbook.query import Question, Unanswerable

MONTHS, YEAR = 24, 12
HOUR, DAY = 3600, 86_400
WITHIN_DAYS = 30
SUPPORTS, CONTRADICTS, UNKNOWN = "supports", "contradicts", "cannot tell"
ABOVE, BELOW = "above", "below"


class Estimate(NamedTuple):
    """The own figure with its 95 % interval and what it rests on; `reason` where there is none."""

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Claim:
    """Something that the field says.

    `page`: where it is shown. `value`: what is claimed, in `unit`. `least`, `most`: an own figure between them agrees
    with it. `is_point`: it claims a value, not a bound. `estimate`: from a book to the own figure.
    """

    name: str
    page: str
    value: float
    unit: str
    estimate: Callable[[Book], Estimate]
    least: float = -np.inf
    most: float = np.inf
    is_point: bool = True


def verdict(claim: Claim, own: Estimate) -> str:
    """Whether the own data supports a claim, contradicts it, or cannot tell.

    Rule: it supports a claim where the whole interval lies between `least` and `most` (equivalence), and contradicts it
    where the interval leaves out the claimed value, or for a bound lies wholly on the wrong side. Not to have
    contradicted is no support: everything else cannot tell.
    Source: Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15, 657-680, for equivalence.
    """
    if not (np.isfinite(own.low) and np.isfinite(own.high)):
        return UNKNOWN
    if claim.least <= own.low and own.high <= claim.most:
        return SUPPORTS
    if claim.is_point:
        return UNKNOWN if own.low <= claim.value <= own.high else CONTRADICTS
    return CONTRADICTS if own.high < claim.least or own.low > claim.most else UNKNOWN


# The own figures


def of_answer(rows: pd.DataFrame, n: str = "n") -> Estimate:
    """The estimate that an answer of one row gives."""
    if reason := reason_of(rows):
        return Estimate(reason=reason)
    row = rows.iloc[0]
    return Estimate(*(float(row[name]) for name in ("value", "low", "high")), int(row[n]))


def quick_answers(book: Book) -> Estimate:
    """The odds of a talk when tried within the hour, against later."""
    return of_answer(quick_answer_odds(book, last=MONTHS))


def hours_to_answer(book: Book) -> Estimate:
    """The mean hours to the first attempt, among leads that got one within thirty days: the claim's own population."""
    rows = rows_of(book, "lead_responses", ("waited_seconds",), ("is_clocked", "is_answered"), "created_on")
    waits = rows["waited_seconds"].astype("int64").to_numpy()
    waits = waits[waits <= WITHIN_DAYS * DAY]
    if not len(waits):
        return Estimate(reason="no attempts")
    low, high = stats.mean_interval(len(waits), int(waits.sum()), int((waits.astype(object) ** 2).sum()))
    return Estimate(waits.mean() / HOUR, float(low) / HOUR, float(high) / HOUR, len(waits))


def first_contact(book: Book) -> Estimate:
    """The share of sales that came at the first contact."""
    rows = touch_of_sale(book, last=MONTHS)
    if reason := reason_of(rows):
        return Estimate(reason=reason)
    k, n = int(rows.loc[rows["touch"] <= 1, "numerator"].sum()), int(rows["denominator"].iloc[0])
    low, high = stats.wilson(k, n)
    return Estimate(k / n, float(low), float(high), n)


def contacts_before_yes(book: Book) -> Estimate:
    """The median number of contacts before a sale that did not bring it yet: all but the last."""
    rows = touch_of_sale(book, last=MONTHS)
    if reason := reason_of(rows):
        return Estimate(reason=reason)
    before = np.repeat(np.maximum(rows["touch"] - 1, 0), rows["numerator"]).sort_values().to_numpy(float)
    low, high = stats.median_interval(before)
    return Estimate(float(np.median(before)), float(low), float(high), len(before), "" if low == low else "too few")


def prospects_per_thousand(book: Book) -> Estimate:
    """Different leads called, for a thousand calls."""
    return per_thousand_calls(book, "prospect_id")


def opportunities_per_thousand(book: Book) -> Estimate:
    """Deals that came of leads called, for a thousand calls."""
    return per_thousand_calls(book, "deal_id")


def per_thousand_calls(book: Book, what: str) -> Estimate:
    """How many of something a thousand calls brought, by the prospects they went to: both vary from one to the next."""
    among = ("is_call", "has_prospect", "is_new_business")
    rows = rows_of(book, "touches", ("prospect_id", "deal_id"), among, "touched_on")
    if rows.empty:
        return Estimate(reason="no calls")
    each = rows.groupby("prospect_id").agg(calls=("prospect_id", "size"), has=(what, "count"))
    x, y = (each["has"] > 0).to_numpy(int), each["calls"].to_numpy(int)
    sums = [int(total) for total in (x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum())]
    low, high = stats.ratio_interval(len(each), *sums)
    return Estimate(1000 * sums[0] / sums[1], 1000 * max(float(low), 0.0), 1000 * float(high), sums[1])


def last_stage(book: Book) -> Estimate:
    """Deals that reached the last stage and were won in time, of those that reached it long enough ago."""
    measure = ratio("deal_steps", "is_next_reached_in_time", "is_mature", "reached_on", "cohort too young")
    try:
        rows = Ask(book, Question(last=MONTHS, where={"next_stage": "Won"}))(measure)
    except Unanswerable as error:
        return Estimate(reason=error.reason)
    return of_answer(rows, "denominator")


def time_selling(book: Book) -> Estimate:
    """Hours with customers, of the hours worked."""
    return of_answer(selling_time(book, last=YEAR))


def worth_against_cost(book: Book) -> Estimate:
    """What a customer is worth over what it costs."""
    return of_answer(ltv_to_cac(book))


def rows_of(book: Book, fact: str, columns: tuple[str, ...], among: tuple[str, ...], on: str) -> pd.DataFrame:
    """Rows of a fact over the last two years.

    Raises: Unanswerable where they cannot be had.
    """
    return Ask(book, Question(last=MONTHS)).rows(fact, columns, among, on)


CLAIMS = (
    Claim("seven_times", "follow_up", 7, "ratio", quick_answers, 7 / 1.5, 7 * 1.5),
    Claim("hours_to_answer", "follow_up", 42, "hours", hours_to_answer, 42 / 1.25, 42 * 1.25),
    Claim("first_contact", "follow_up", 0.02, "share", first_contact, 0, 0.04),
    Claim("four_noes", "follow_up", 4, "count", contacts_before_yes, 3, 5),
    Claim("prospects", "funnel", 350, "count", prospects_per_thousand, 350 / 1.25, 350 * 1.25),
    Claim("opportunities", "funnel", 30, "count", opportunities_per_thousand, 30 / 1.25, 30 * 1.25),
    Claim("last_stage", "forecast_accuracy", 0.9, "share", last_stage, 0.85, 0.95),
    Claim("third_selling", "team", 1 / 3, "share", time_selling, 1 / 3 - 0.05, 1 / 3 + 0.05),
    Claim("cac_third", "unit_economics", 3, "ratio", worth_against_cost, 3, is_point=False),
)


def checked(book: Book, page: str) -> pd.DataFrame:
    """The claims of a page, each held against the own figure.

    Returns: claim, claimed, unit, value, low, high, n, verdict, reason.
    """
    rows = []
    for claim in CLAIMS:
        if claim.page == page:
            own = estimated(claim, book)
            told = {"claim": claim.name, "claimed": float(claim.value), "unit": claim.unit} | own._asdict()
            rows.append(told | {"verdict": verdict(claim, own)})
    return pd.DataFrame(rows, columns=["claim", "claimed", "unit", *Estimate._fields, "verdict"])


def estimated(claim: Claim, book: Book) -> Estimate:
    """The own figure of a claim, or why there is none."""
    try:
        return claim.estimate(book)
    except Unanswerable as error:
        return Estimate(reason=error.reason)


# Benchmarks of the user's own


def benchmarked(book: Book, page: str) -> pd.DataFrame:
    """The benchmarks of the settings whose KPI belongs to a page, each beside the own figure of twelve months.

    Rule: above or below where the interval of the own figure leaves the benchmark out; else it cannot tell.
    Returns: kpi, claimed, unit, source, date, value, low, high, n, verdict, reason.
    """
    rows = []
    for given in book.run["benchmarks"]:
        kpi = KPIS[given["kpi"]]
        if kpi.topic == page:
            own = one_figure(book, kpi)
            told = {"kpi": kpi.name, "claimed": given["value"], "unit": kpi.unit}
            told |= {"source": given["source"], "date": given["date"]} | own._asdict()
            rows.append(told | {"verdict": side(given["value"], own)})
    return pd.DataFrame(rows, columns=["kpi", "claimed", "unit", "source", "date", *Estimate._fields, "verdict"])


def side(benchmark: float, own: Estimate) -> str:
    """On which side of a benchmark the own figure lies."""
    if not (np.isfinite(own.low) and np.isfinite(own.high)) or own.low <= benchmark <= own.high:
        return UNKNOWN
    return ABOVE if own.low > benchmark else BELOW


def one_figure(book: Book, kpi: Kpi) -> Estimate:
    """The figure of a KPI over twelve months; of a stock, or one worked out from others, as it stands."""
    rows = kpi(book, last=YEAR if kpi.measure and kpi.measure.on else None)
    if reason := reason_of(rows):
        return Estimate(reason=reason)
    if len(rows) != 1:
        return Estimate(reason="more than one figure")
    counted = next((name for name in ("n", "denominator") if name in rows), None)
    found = of_answer(rows.assign(counted=rows[counted] if counted else 0), "counted")
    return found if np.isfinite(found.low) else found._replace(reason="no interval")


# In words


def told(book: Book, page: str) -> pd.DataFrame:
    """The claims and benchmarks of a page in words.

    Returns: claim, own (the figure), interval, n, verdict, caveat (the source and what to mind); no rows where there
    are none.
    """
    say = book.words.say
    rows = [
        {"claim": say(f"claims.{row['claim']}.claim")} | own_figure(book, row)
        | {"caveat": say(f"claims.{row['claim']}.caveat")}
        for row in checked(book, page).to_dict("records")
    ]  # fmt: skip
    for row in benchmarked(book, page).to_dict("records"):
        claimed = book.words.value(row["claimed"], row["unit"])
        claim = say("benchmark.claim", kpi=book.words.label(row["kpi"]), value=claimed)
        rows.append({"claim": claim} | own_figure(book, row) | {"caveat": f"{row['source']}, {row['date']}"})
    return pd.DataFrame(rows, columns=["claim", "own", "interval", "n", "verdict", "caveat"])


def own_figure(book: Book, row: dict) -> dict:
    """The own figure of a row in words, with its interval and the verdict."""
    words, unit = book.words, row["unit"]
    digits = 1 if unit in ("share", "count", "hours") else None
    own = words.value(row["value"], unit, digits) if row["value"] == row["value"] else words.reason(row["reason"])
    ends = [words.value(row[end], unit, digits) for end in ("low", "high")]
    interval = words.say("share.interval", low=ends[0], high=ends[1]) if row["low"] == row["low"] else ""
    verdict = words.say(f"verdict.{row['verdict'].replace(' ', '_')}")
    return {"own": own, "interval": interval, "n": row["n"], "verdict": verdict}
