"""What sellers report, and how they use the CRM and the material that is there for them."""

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, counts, keys_of, kpi, median, ratio, total
from salesbook.kpis.team.activity import per_counted, side_by_side
from salesbook.measures import distinct, rate, single
from salesbook.strata import compared

DAY = 86_400


@kpi("count")
def self_report_gap():
    """What sellers report − what the CRM holds of it, by the day it is about.

    Rule: calls, emails, meetings, opportunities, quotes and deals, of days with a report; above 0 more is reported than
    was logged. Work that is not logged and work that was not done look alike. Ask it by what.
    Returns: n (reports), value.
    Source: kpis.md K05.
    """
    return total("self_report_facts", "gap", among="is_comparable", on="reported_on")


@kpi("ratio")
def self_report_ratio():
    """What sellers report ÷ what the CRM holds of it, by the day it is about.

    Rule: as `self_report_gap`; 1 is alike. Nothing logged: none.
    Returns: n (reports), numerator (reported), denominator (logged), value, low, high (from report to report).
    Source: kpis.md K05, G10, G19.
    """
    among = "is_comparable"
    return rate("self_report_facts", "n_reported", "n_logged", among=among, on="reported_on", empty="nothing logged")


@kpi("count", better="lower")
def incomparable_reports():
    """Reports of sellers on something that the CRM does not count, by the day they are about.

    Rule: any KPI other than those of `self_report_gap`.
    Returns: n, value.
    Source: kpis.md K05.
    """
    return counts("self_report_facts", among="is_incomparable", on="reported_on")


@kpi("share", better="higher")
def active_day_rate():
    """Working days on which a seller used the CRM, of their working days, by day.

    Rule: days on which the seller's calendar is open, employed and not on long leave, since use is logged. Sellers of
    whom no use was ever logged are out.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K40, G3; Wilson 1927.
    """
    return ratio("crm_days", "is_active", on="day", empty="no working days")


@kpi("count", better="higher")
def used_features(ask: Ask):
    """Different features of the CRM that were used, by day.

    Rule: at least once in the days asked for; what two sellers use, or two months, does not add up.
    Returns: n, value.
    Source: kpis.md K40.
    """
    return ask(distinct("feature_uses", "feature", on="used_on"))


@kpi("days", better="lower")
def entry_delay():
    """Days from a call or meeting to its being entered in the CRM: the median, by the day it was held.

    Rule: what a person enters by hand, so mail is out; entered ahead of time counts as 0. Where the CRM does not keep
    when it was entered, nothing is known. The youngest are flattered: who enters late has not entered yet.
    Returns: n, value, low and high (order statistics), p90, mean, in days.
    Source: kpis.md K40, G18.
    """
    among = ("is_done", "is_dated_entry", "is_entered_by_hand")
    return median("activity_facts", "entry_seconds", among=among, on="done_on", per=DAY, empty="not known")


@kpi("share", better="higher")
def fields_filled():
    """Required fields filled, of those that deals should have, by the day the deal was created.

    Rule: which fields is a setting (team.required); an amount of zero is none. As the deals stand today.
    Returns: n (deals), numerator (filled), denominator (required), value, low, high (counted by deal).
    Source: kpis.md K40, G12, G19.
    """
    return rate("deal_fields", "n_filled", "n_required", on="created_on", empty="nothing created")


@kpi("count", better="higher")
def collateral_uses():
    """Uses of material noted by sellers, by the day of use.

    Rule: every noted use, of every piece. Ask it by asset_id.
    Returns: n, value.
    Source: kpis.md K39.
    """
    return counts("collateral_uses", on="used_on")


@kpi("share", better="higher")
def collateral_reach(ask: Ask):
    """Sellers who noted a use of material, of the sellers at work, by day.

    Rule: at least one use in the days asked for; at work are those employed at the run's instant, on leave or not. Who
    notes nothing may use it all the same.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K39; Wilson 1927.
    """
    single(ask, "collateral_reach")
    users = set(ask.rows("collateral_uses", ("owner_id",), on="used_on")["owner_id"])
    there = set(ask.rows("seller_facts", ("owner_id",), among="is_present", last=None)["owner_id"])
    k, n = len(users & there), len(there)
    low, high = stats.wilson(k, n)
    row = {"numerator": k, "denominator": n, "value": k / n if n else np.nan, "low": float(low), "high": float(high)}
    return pd.DataFrame([row | {"reason": "" if n else "no sellers"}])


@kpi("money", better="lower")
def collateral_cost_per_use(ask: Ask):
    """What material cost ÷ the uses of it that sellers noted, by month.

    Rule: cost bookings of the type collateral of the months asked for ÷ uses in them. Uses that nobody noted make it
    look dearer than it is.
    Returns: numerator (cost), denominator (uses), value, low, high (by the Poisson interval of the uses), reason.
    Raises: WrongUsage where groups are asked for: costs are not kept by them.
    Source: kpis.md K39; Garwood 1936.
    """
    if ask.question.by:
        found = f"Found by={ask.question.by}."
        raise WrongUsage("collateral_cost_per_use takes no groups.", found, "Ask a slice with where.")
    booked = ask(total("cost_facts", "amount_minor", among="is_for_collateral", on="cost_on", per=100))
    rows = side_by_side(booked, ask(collateral_uses), keys_of(ask.question))
    return per_counted(rows, "nothing used", "no costs of material")


@kpi("ratio")
def collateral_odds(ask: Ask):
    """Odds that a deal with material is won ÷ the odds of one without, compared within product.

    Rule: new deals closed, of which it is known: material was used for it before it closed, or its seller noted a use
    for another deal while it was open. Not knowing is not not-using: the others are left out and counted (unknown).
    Within product by Mantel-Haenszel. What goes well is sent material: it goes together, and is no proof of a cause.
    Returns: n, used_k, used_n, other_k, other_n, unknown, value (1 is no difference), low, high, p, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K39; Mantel and Haenszel 1959.
    """
    single(ask, "collateral_odds")
    rows = ask.rows("collateral_deals", ("is_used", "is_known", "is_won", "product"), on="closed_on")
    is_known = rows["is_known"].astype(bool)
    known = rows[is_known]
    found = compared(known, "is_used", "is_won", ["product"])
    used, other = (
        known.loc[known["is_used"].astype(bool) == is_used, "is_won"].astype(bool) for is_used in (True, False)
    )
    counted = {"n": len(known), "used_k": int(used.sum()), "used_n": len(used), "other_k": int(other.sum())}
    counted |= {"other_n": len(other), "unknown": int((~is_known).sum())}
    row = counted | {"value": found.value, "low": found.low, "high": found.high, "p": found.p}
    return pd.DataFrame([row | {"reason": "" if np.isfinite(found.value) else "too few"}])
