"""Now against before: what moved a share, and where a chain leaks. Made of KPI answers; pages and headlines read it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from salesbook import stats
from salesbook.book import Book
from salesbook.findings import LEAST, moved, swing_of
from salesbook.kpi import Kpi, reason_of
from salesbook.kpis.funnel import stage_pass_rate
from salesbook.kpis.scorecard import average_deal_size

NOW, BEFORE = 6, 12


def by_month(book: Book, kpi: Kpi, ago: int = 0, by=()) -> list[pd.DataFrame]:
    """A KPI by month, now and before.

    Parameters: `ago`, the months that are left out as too young; `by`, as a KPI takes it.
    """
    return [kpi(book, period="month", last=last, ago=back, by=by) for last, back in ((NOW, ago), (BEFORE, ago + NOW))]


@dataclass(frozen=True)
class WhyMoved:
    """Why a share moved between two spans: per segment and in total.

    `segments`: segment, before_n, before, after_n, after, mix, rate (shares; mix and rate add up to the change).
    `total`: the statistics of the whole; `change`: the change of the total with its interval and test. `p_mix` and
    `p_rate`: the chance of effects as large were there none.
    """

    segments: pd.DataFrame
    total: stats.MixAndRate
    change: stats.Difference
    p_mix: float
    p_rate: float


def why_moved(book: Book, kpi: Kpi, by: str) -> WhyMoved:
    """Mix against rate: the last three months against the twelve ahead of them, by segment.

    Parameters: `kpi`, a share of rows; `by`, the column whose values are the segments.
    Returns: WhyMoved; effects add up to the change of the total.
    """
    spans = {"after": kpi(book, by=by, last=NOW), "before": kpi(book, by=by, last=BEFORE, ago=NOW)}
    joined = spans["before"].merge(spans["after"], on=by, how="outer", suffixes=("_before", "_after"), sort=True)
    counts = ["denominator_before", "numerator_before", "denominator_after", "numerator_after"]
    joined[counts] = joined[counts].fillna(0)
    total = stats.mix_and_rate(*(joined[name].to_numpy() for name in counts))
    segments = pd.DataFrame(
        {
            "segment": joined[by].fillna(""),
            "before_n": joined["denominator_before"],
            "before": joined["value_before"],
            "after_n": joined["denominator_after"],
            "after": joined["value_after"],
            "mix": total.mix,
            "rate": total.rate,
        }
    )
    change = moved(spans["after"], spans["before"], swing_of(*by_month(book, kpi)))
    return WhyMoved(segments, total, change, p_of_mix(segments, total), p_of_rate(total))


def p_of_mix(segments: pd.DataFrame, total: stats.MixAndRate) -> float:
    """The chance of a mix effect as large, were all deals drawn from one mix: weights multinomial, rates as given."""
    n0, n1 = segments["before_n"].sum(), segments["after_n"].sum()
    if not n0 or not n1:
        return np.nan
    weight = (segments["before_n"] / n0 + segments["after_n"] / n1) / 2
    rate = segments[["before", "after"]].mean(axis=1).fillna(0)
    spread = float((weight * rate**2).sum() - (weight * rate).sum() ** 2)
    error = np.sqrt(max(spread, 0) * (1 / n0 + 1 / n1))
    return float(2 * norm.sf(abs(total.mix_total) / error)) if error > 0 else np.nan


def p_of_rate(total: stats.MixAndRate) -> float:
    """The chance of a rate effect as large, were there none, from its interval."""
    half = (total.rate_high - total.rate_low) / 2 / norm.ppf(0.975)
    return float(2 * norm.sf(abs(total.rate_total) / half)) if half > 0 else np.nan


@dataclass(frozen=True)
class Leak:
    """The step of the stages that lost most against its own past.

    `steps`: every step with now, before, difference and its interval, p and the money lost. `worst`: the row of the
    step that lost most, None where none lost or nothing can be compared. `reason`: why there are no steps.
    """

    steps: pd.DataFrame
    worst: pd.Series | None = None
    reason: str = ""


def leak(book: Book) -> Leak:
    """Which step passes fewer deals than it used to, and what that costs.

    Rule: the share that got to the next stage in time, of deals that reached the stage in the last three months and
    are old enough, against the twelve ahead of them; lost money = the fall × deals that reached the stage ×
    the chance to be won from the next stage then × the mean amount of a won deal over those months.
    Returns: Leak.
    """
    by = ["position", "stage", "next_stage"]
    after = stage_pass_rate(book, by=by, last=NOW)
    earlier = stage_pass_rate(book, by=by, last=BEFORE, ago=NOW)
    if reason := reason_of(after) or reason_of(earlier):
        return Leak(pd.DataFrame({"value": [np.nan], "reason": [reason]}), None, reason)
    size = average_deal_size(book, last=BEFORE, ago=NOW)["value"].iloc[0]
    joined = earlier.merge(after, on=by, suffixes=("_before", ""), how="inner").sort_values("position")
    swing = swing_of(*by_month(book, stage_pass_rate, by=by), by=by)
    rows = []
    for place, row in enumerate(joined.to_dict("records")):
        parts = [joined.iloc[[place]], joined.iloc[[place]].drop(columns=["numerator", "denominator"])]
        past = parts[1].rename(columns={"numerator_before": "numerator", "denominator_before": "denominator"})
        change = moved(parts[0], past, swing)
        onward = float(np.prod(joined["value_before"].iloc[place + 1 :].astype(float)))
        lost = -float(change.value) * row["denominator"] * onward * size
        rows.append(
            {key: row[key] for key in by}
            | {"numerator": row["numerator"], "n": row["denominator"], "before_n": row["denominator_before"]}
            | {"value": row["value"], "low": row["low"], "high": row["high"], "before": row["value_before"]}
            | {"change": float(change.value), "change_low": float(change.low), "change_high": float(change.high)}
            | {"p": float(change.p), "lost": lost}
        )
    steps = pd.DataFrame(rows)
    losing = steps[steps["change"] < 0] if len(steps) else steps
    worst = losing.loc[losing["lost"].idxmax()] if len(losing) and losing["lost"].notna().any() else None
    return Leak(steps, worst)


def against_the_rest(rows: pd.DataFrame) -> pd.DataFrame:
    """Each group's share against that of all others together: rest, change with interval, p (NaN under 20)."""
    k, n = rows["numerator"].to_numpy(float), rows["denominator"].to_numpy(float)
    rest_k, rest_n = k.sum() - k, n.sum() - n
    found = stats.difference_of_shares(k, n, rest_k, rest_n)
    with np.errstate(invalid="ignore"):
        rest = np.where(rest_n > 0, rest_k / np.where(rest_n > 0, rest_n, 1), np.nan)
    p = np.where((n >= LEAST) & (rest_n >= LEAST), found.p, np.nan)
    return rows.assign(rest=rest, change=found.value, change_low=found.low, change_high=found.high, p=p)
