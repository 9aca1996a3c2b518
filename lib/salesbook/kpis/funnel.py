"""From lead to customer: what comes in, how far it gets, where it stops."""

from salesbook.kpi import counts, kpi, ratio


@kpi("count", better="higher")
def new_leads():
    """Leads that came in, by the day they came in.

    Rule: deleted, merged-away and test leads are out.
    Returns: n, value.
    Source: kpis.md K07, G8.
    """
    return counts("lead_facts", on="created_on")


@kpi("count", better="higher")
def new_organisations():
    """Organisations seen for the first time, by that day.

    Rule: one organisation is one legal entity (number in the national register and country, else web domain, else
    name); first seen is the earliest of its account, lead or deal.
    Returns: n, value.
    Source: kpis.md K07, G13.
    """
    return counts("organisation_facts", on="first_seen_on")


@kpi("count", better="higher")
def qualified_leads():
    """Leads first qualified (SQL), by that day.

    Rule: a lead that was qualified again counts once; one that became a deal without it counts on the day it did.
    Returns: n, value.
    Source: kpis.md K08.
    """
    return counts("lead_facts", among="is_qualified", on="qualified_on")


@kpi("share", better="higher")
def lead_step_rate():
    """Leads that got to the next step, of those that reached a step, by the day they came in.

    Rule: steps are lead, contacted, qualified, deal, won; reached is the furthest, so a skipped step counts. Leads of
    the month are young: those still open may yet advance.
    Returns: numerator (got further), denominator (reached), value, low and high of the Wilson 95 % interval.
    Source: kpis.md K04, K14, G7; Wilson 1927.
    """
    return ratio("lead_steps", "is_next_reached", on="created_on", empty="nothing reached this step")


@kpi("share", better="higher")
def stage_conversion():
    """Deals that got to the next stage in time, of those that reached a stage, by the day the deal was created.

    Rule: in time is within the span that nine in ten deals of the last 24 months needed for that step; only deals
    that reached the stage at least so long ago are in, so every cohort has had the same chance. Skipped stages count
    as reached, optional ones are outside the chain, the last step leads to won. Renewals are out.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K14, G6, G7, G20; Wilson 1927.
    """
    empty = "cohort too young"
    return ratio("deal_steps", "is_next_reached_in_time", among="is_mature", on="created_on", empty=empty)
