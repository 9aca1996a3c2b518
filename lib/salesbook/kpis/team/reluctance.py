"""Call reluctance: does the next call come later after a no?"""

import numpy as np
import pandas as pd
from scipy import special

from salesbook import stats
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, counts, kpi
from salesbook.measures import rate

LEAST_CALLS = 30
LONGEST_STREAK = 3
HOUR = 3600
SHIFT = ["owner_id", "called_on", "shift"]


@kpi("ratio")
def call_pace():
    """Calls per hour within a shift, by the day of the call.

    Rule: a shift is the calls of one seller and day without a gap of more than two hours; counted are the calls that
    another followed, over the time to it. Ask it by streak, the rejections in a row that came before.
    Returns: n (calls followed), numerator, denominator (hours), value, low, high.
    Source: kpis.md K06, G19.
    """
    return rate("call_gaps", "n_calls", "gap_seconds", among="is_followed", on="called_on", per=HOUR, empty="no calls")


@kpi("ratio", better="higher")
def call_reluctance(ask: Ask):
    """Calls per hour after one, two, three or more rejections in a row ÷ the seller's own pace without one.

    Rule: within a shift, from call to call; sellers with at least 30 calls. The expected number of calls is the hours
    after the rejections × the seller's own calls per hour after a call that was not rejected, so that slow sellers who
    are rejected more do not pass for reluctance. Below 1 is reluctance. The interval leaves out a shift at a time.
    Returns: by, streak (3 is three or more), n (calls), shifts, expected, value, low, high, p, reason.
    Raises: WrongUsage for a trend.
    Source: kpis.md K06; jackknife by shift: Miller 1974, Biometrika 61, 1-15.
    """
    return against_own_pace(ask, "gap_seconds", among="is_followed")


@kpi("ratio", better="higher")
def next_call_pace(ask: Ask):
    """Chance a minute that the next call begins, after rejections in a row ÷ the seller's own after other calls.

    Rule: the hazard of the wait from the end of a call to the next: calls begun ÷ time waited, a wait being watched for
    two hours, so that giving up for the day counts too. Otherwise as `call_reluctance`.
    Returns: as `call_reluctance`; n are the calls that were rejected.
    Raises: WrongUsage for a trend.
    Source: kpis.md K06; as `call_reluctance`.
    """
    return against_own_pace(ask, "wait_seconds")


def against_own_pace(ask: Ask, seconds: str, among: str | None = None) -> pd.DataFrame:
    """Observed ÷ expected calls by streak, for every group asked for."""
    if ask.question.period:
        raise WrongUsage("Call reluctance has no trend.", f"Found period={ask.question.period!r}.", "Ask with last.")
    by = [*ask.question.by]
    columns = (*SHIFT, "streak", "is_followed", seconds)
    rows = ask.rows("call_gaps", tuple(dict.fromkeys(columns)), among=among, on="called_on")
    made = ask(counts("call_gaps", on="called_on"), by=("owner_id",))
    enough = set(made.loc[made["n"] >= LEAST_CALLS, "owner_id"])
    rows = rows[rows["owner_id"].isin(enough)].rename(columns={seconds: "seconds"})
    rows = rows.assign(streak=rows["streak"].clip(upper=LONGEST_STREAK).astype(int))
    groups = rows.groupby(by, dropna=False) if by else [((), rows)]
    found = [
        dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        | {"streak": streak}
        | compared(part, streak)
        for key, part in groups
        for streak in range(1, LONGEST_STREAK + 1)
    ]
    columns = [*by, "streak", "n", "shifts", "expected", "value", "low", "high", "p", "reason"]
    return pd.DataFrame(found, columns=columns)


NOTHING = {"expected": np.nan, "value": np.nan, "low": np.nan, "high": np.nan, "p": np.nan, "reason": "too few"}


def compared(rows: pd.DataFrame, streak: int) -> dict:
    """Calls after so many rejections ÷ those expected by each seller's own pace, with the jackknife by shift."""
    rows = rows.assign(call=rows["is_followed"].astype(float), hours=rows["seconds"].astype(float) / HOUR)
    is_after, is_usual = rows["streak"] == streak, rows["streak"] == 0
    kept = rows[is_after | is_usual]
    parts = {"o": kept["call"].where(is_after, 0), "h": kept["hours"].where(is_after, 0)}
    parts |= {"b": kept["call"].where(is_usual, 0), "t": kept["hours"].where(is_usual, 0), "one": is_after.astype(int)}
    shifts = kept[SHIFT].assign(**parts).groupby(SHIFT).sum().reset_index()
    whole = shifts.groupby("owner_id")[["o", "h", "b", "t"]].transform("sum")
    # Of a seller without any usual pace nothing can be expected.
    shifts, whole = shifts[(whole["b"] > 0) & (whole["t"] > 0)], whole[(whole["b"] > 0) & (whole["t"] > 0)]
    after = shifts["one"] > 0
    counted = {"n": int(shifts["one"].sum()), "shifts": int(after.sum())}
    by_seller = shifts[["owner_id"]].join(whole).drop_duplicates("owner_id")
    expected = float((by_seller["h"] * by_seller["b"] / by_seller["t"]).sum())
    if counted["shifts"] < 2 or not expected > 0:
        return counted | NOTHING
    value = shifts["o"].sum() / expected
    return counted | {"expected": expected, "value": float(value), **interval(shifts, whole, expected), "reason": ""}


def interval(shifts: pd.DataFrame, whole: pd.DataFrame, expected: float) -> dict:
    """The interval of observed ÷ expected and its test against 1, leaving out a shift at a time."""
    own = whole["h"] * whole["b"] / whole["t"]
    with np.errstate(divide="ignore", invalid="ignore"):
        less = (whole["h"] - shifts["h"]) * (whole["b"] - shifts["b"]) / (whole["t"] - shifts["t"])
        log = np.log((shifts["o"].sum() - shifts["o"]) / (expected - own + less)).to_numpy()
        centre = np.log(shifts["o"].sum() / expected)
    if not np.isfinite(log).all() or not np.isfinite(centre):
        return {"low": np.nan, "high": np.nan, "p": np.nan}
    error = np.sqrt((len(log) - 1) / len(log) * ((log - log.mean()) ** 2).sum())
    freedom = int((shifts["one"] > 0).sum()) - 1
    width = special.stdtrit(freedom, 1 - stats.TAIL) * error
    p = float(2 * special.stdtr(freedom, -abs(centre) / error)) if error > 0 else np.nan
    return {"low": float(np.exp(centre - width)), "high": float(np.exp(centre + width)), "p": p}
