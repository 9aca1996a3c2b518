"""How much work each seller has, and how many sellers the target needs."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import special
from scipy.stats import chi2

from salesbook import stats
from salesbook.kpi import Ask, divided, kpi, per, total
from salesbook.measures import single

NO_CAPACITY = "no capacity given"
YEAR = 12


@kpi("ratio")
def workload():
    """Open deals and open qualified leads per full-time equivalent, as things stand.

    Rule: those of sellers at work ÷ their capacity. Who left, is on long leave or has no capacity given is out: what is
    open with those that are away is `work_left_behind`. Ask it by owner.territory_id.
    Returns: n (sellers), numerator (open), denominator (FTE), value, low, high (a Poisson count for that capacity).
    Source: kpis.md K13, G19; Garwood 1936.
    """
    loads = per("seller_loads", "n_open", "capacity_hundredths", among="has_capacity", empty=NO_CAPACITY)

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        rows = loads.finish(rows)
        rows = rows.assign(denominator=rows["denominator"] / 100)
        ends = stats.poisson_interval(rows["numerator"].to_numpy())
        divided_ends = {
            name: divided(end, rows["denominator"]) for name, end in zip(("low", "high"), ends, strict=True)
        }
        return rows.assign(value=rows["value"] * 100, **divided_ends)

    return replace(loads, finish=finish)


@kpi("ratio", better="lower")
def workload_spread(ask: Ask):
    """How unevenly work is spread: the coefficient of variation of the load per full-time equivalent over sellers.

    Rule: standard deviation ÷ mean of each seller's open deals and leads ÷ capacity; 0 is even. `p` is the chance of
    counts this uneven were everyone given work by capacity alone.
    Returns: by, n (sellers), mean, value, low, high (large samples), p, reason.
    Source: kpis.md K13; chi-square test of a common rate.
    """
    by = [*ask.question.by]
    columns = ("n_open", "capacity_hundredths")
    rows = ask.rows("seller_loads", columns, among="has_capacity").rename(columns={"n_open": "load"})
    groups = rows.groupby(by, dropna=False) if by else [((), rows)]
    return pd.DataFrame(
        [dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True)) | spread(part) for key, part in groups]
    )


def spread(rows: pd.DataFrame) -> dict:
    """The coefficient of variation of load per capacity, with its interval and the test of even loads."""
    load, fte = rows["load"].to_numpy(float), rows["capacity_hundredths"].to_numpy(float) / 100
    n, each = len(rows), load / fte
    mean = float(each.mean()) if n else np.nan
    if n < 2 or not mean > 0:
        reason = "too few" if n else NO_CAPACITY
        return {"n": n, "mean": mean, "value": np.nan, "low": np.nan, "high": np.nan, "p": np.nan, "reason": reason}
    value = float(each.std(ddof=1) / mean)
    half = float(special.stdtrit(n - 1, 1 - stats.TAIL)) * value * ((0.5 + value**2) / n) ** 0.5
    expected = load.sum() * fte / fte.sum()
    p = float(chi2.sf(((load - expected) ** 2 / expected).sum(), n - 1))
    return {
        "n": n,
        "mean": mean,
        "value": value,
        "low": max(value - half, 0.0),
        "high": value + half,
        "p": p,
        "reason": "",
    }


@kpi("count", better="lower")
def work_left_behind():
    """Open deals and open qualified leads of sellers who left or are on long leave, as things stand.

    Rule: at the run's instant. Deals and leads without a seller are not in: see `inflow_leakage`.
    Returns: n (such sellers), value.
    Source: kpis.md K13.
    """
    return total("seller_loads", "n_open", among="is_away")


@kpi("ratio")
def sellers_needed(ask: Ask):
    """Full-time equivalents that this year's target needs, at what one of them won in the last twelve months.

    Rule: the organisation's target of the year that holds the month ÷ (amount won in twelve months ÷ mean capacity
    employed in them, less long leave). The interval is that of the won amount per capacity, from month to month.
    Returns: n (months), target, won_per_fte (a year), present (FTE over the last month), value, low, high, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K13, G19; house decision of 2026-11-22.
    """
    single(ask, "sellers_needed")
    target = ask(total("target_days", "target_hundredths", among="is_won_of_organisation", on="day", per=100),
                 period="year", last=1)["value"].iloc[0]  # fmt: skip
    won = ask(total("deal_facts", "amount_minor", among="is_won", on="closed_on"), period="month", last=YEAR)
    capacity = ask(total("seller_months", "fte_hundredths", on="month"), period="month", last=YEAR)
    x, y = won["value"].to_numpy(), capacity["value"].to_numpy()
    sums = [int(part.sum()) for part in (x, y, x * x, y * y, x * y)]
    row = {"n": len(won), "target": target, "won_per_fte": np.nan, "present": y[-1] / 100}
    row |= {"value": np.nan, "low": np.nan, "high": np.nan}
    reason = "no target" if not target > 0 else NO_CAPACITY if not sums[1] else "" if sums[0] else "nothing won"
    if not reason:
        per_fte = YEAR * sums[0] / sums[1]
        low, high = (YEAR * float(end) for end in stats.ratio_interval(len(won), *sums))
        row |= {"won_per_fte": per_fte, "value": target / per_fte, "low": target / high}
        row |= {"high": target / low if low > 0 else np.nan}
        row |= {} if low > 0 else {"low": np.nan}
    return pd.DataFrame([row | {"reason": reason}])
