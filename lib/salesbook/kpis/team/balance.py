"""Calls and mail: their balance, and whether deals worked by mail alone are lost late."""

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.kpi import Ask, kpi, ratio
from salesbook.measures import clustered, single


@kpi("share")
def call_share():
    """Calls, of the calls and emails that sellers made, by the day they were done.

    Rule: outbound and by a person, done. The balance is what counts: neither end is good.
    Returns: numerator (calls), denominator, clusters (leads and deals), value, low, high; the interval counts by these.
    Source: kpis.md K38, G17, G19.
    """
    among = ("is_attempt", "is_call_or_email")
    return clustered("activity_facts", "is_call", "prospect_id", among=among, on="done_on", empty="no attempts")


@kpi("share")
def meeting_share():
    """Meetings, of the calls, emails and meetings that sellers made, by the day they were done.

    Rule: as `call_share`; those to which nobody came count.
    Returns: as `call_share`.
    Source: kpis.md K38.
    """
    return clustered("activity_facts", "is_meeting", "prospect_id", "is_attempt", "done_on", "no attempts")


@kpi("share", better="lower")
def late_loss_rate():
    """New deals lost, of those that came to one of the last two open stages and closed, by the day they closed.

    Rule: with a contact from there on; ask it by contact (email only, called, met). Renewals are out.
    Returns: numerator (lost), denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K38; Wilson 1927.
    """
    return ratio("late_deals", "is_lost", among="is_contacted", on="closed_on", empty="nothing closed")


@kpi("share", better="lower")
def email_only_losses(ask: Ask):
    """How much more often deals are lost late where all contact from there on was by mail, in points.

    Rule: `late_loss_rate` of deals with mail alone − that of deals with a call or meeting. The test is Fisher's, exact
    for small groups. Deals may be mailed because they are going badly: it goes together, and is no proof of a cause.
    Returns: n, email_k, email_n, other_k, other_n, value (share of email-only − share of others), low, high (Newcombe),
    p, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K38; Fisher 1922; Newcombe 1998.
    """
    single(ask, "email_only_losses")
    parts = ask(late_loss_rate, by=("is_email_only",)).dropna(subset=["is_email_only"]).set_index("is_email_only")
    (k1, n1), (k0, n0) = (lost_of(parts, is_email) for is_email in (True, False))
    counted = {"n": n1 + n0, "email_k": k1, "email_n": n1, "other_k": k0, "other_n": n0}
    found = stats.difference_of_shares(k1, n1, k0, n0)
    row = {"value": float(found.value), "low": float(found.low), "high": float(found.high)}
    row |= {"p": float(stats.fisher(k1, n1, k0, n0)), "reason": "" if n1 and n0 else "too few"}
    return pd.DataFrame([counted | row])


def lost_of(parts: pd.DataFrame, is_email: bool) -> tuple[int, int]:
    """Deals lost and closed of one kind."""
    if is_email not in parts.index:
        return 0, 0
    return int(parts.loc[is_email, "numerator"]), int(parts.loc[is_email, "denominator"])


@kpi("share")
def late_loss_alarm(ask: Ask):
    """The chance of so many late losses as there were, or more, had deals been lost as often as the year before.

    Rule: deals that closed in the last two open stages; expected is the share lost over the twelve months ahead of the
    days asked for, of all sellers and of the same slice. Two lost of twenty at 90 % is no alarm: the chance is 0.608. A
    chance of a few per cent is; of many groups one will have it by luck.
    Returns: by, numerator (lost), denominator, expected (share), value, low, high (none), reason.
    Raises: WrongUsage for a trend.
    Source: kpis.md K38; binomial distribution.
    """
    rows = ask(late_loss_rate).drop(columns=["value", "low", "high", "reason"])
    asked = ask.in_months.question
    ago = asked.ago + (asked.last or 1)
    before = ask(late_loss_rate, by=(), period=None, last=12, ago=ago)["value"].iloc[0]
    chance = stats.at_least(rows["numerator"].to_numpy(), rows["denominator"].to_numpy(), before)
    chance = np.where(rows["denominator"] > 0, chance, np.nan)
    rows = rows.assign(expected=before, value=chance, low=np.nan, high=np.nan)
    none = "nothing closed before" if np.isnan(before) else "nothing closed"
    return rows.assign(reason=np.where(rows["value"].isna(), none, ""))
