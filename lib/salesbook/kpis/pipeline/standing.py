"""What stands open: how old it is, how long it has been in its stage or phase, and what is stuck."""

from salesbook.kpi import counts, kpi, median, ratio, total
from salesbook.measures import wait

DAY = 86_400


@kpi("count")
def open_deals():
    """Deals open at the run's instant.

    Rule: deleted, merged-away and test deals are out; renewals are in.
    Returns: n, value.
    Source: kpis.md K13, G6, G8.
    """
    return counts("open_deals", among="is_now")


@kpi("money")
def open_pipeline():
    """Amount of the deals open at the run's instant.

    Rule: as `open_deals`; amounts as known at the run's instant, at the rate of the day before. One without amount adds
    nothing.
    Returns: n (deals with an amount), value in the report currency.
    Source: kpis.md K24, K28, G9.
    """
    return total("open_deals", "amount_minor", among="is_now", per=100)


@kpi("days", better="lower")
def open_deal_age():
    """Days since the creation of the deals open at the run's instant: the median.

    Rule: as `open_deals`; deals without a creation date are out.
    Returns: n, value, low and high (order statistics, none under 6), p90, mean, in days.
    Source: kpis.md K21, G18, G19.
    """
    return median("deal_facts", "cycle_seconds", among=("is_open", "has_created"), per=DAY, empty="nothing open")


@kpi("days", better="lower")
def time_in_stage():
    """Days that a deal stands in a stage: the median of a visit, those not over counted as long as watched.

    Rule: Kaplan-Meier over visits to open stages, by the day a deal came in; a stage entered again is a visit of its
    own. Visits without history, moved with many others at once, or left in the second they began are out.
    Returns: n (visits), numerator (over), value, low, high, p90, in days; empty where fewer than half are over.
    Source: kpis.md K20, G5, G6, G19; Kaplan and Meier 1958.
    """
    empty = "fewer than half are over"
    return wait("stage_times", "stage_seconds", "is_over", among="is_timed", on="entered_on", per=DAY, empty=empty)


@kpi("count", better="lower")
def stalled_deals():
    """Open deals that have stood in their stage too long.

    Rule: longer than nine in ten visits to the stage that ended in the last 24 months, by pipeline and product
    (renewals apart), where twenty did; else longer than the median days from creation to win over those months ÷ the
    number of open stages: a cycle of 6 to 9 months over 4 stages gives 45.7 to 68.5 days. A deal that entered its stage
    at an unknown time is not judged.
    Returns: n, value.
    Source: kpis.md K21; house decision of 2026-11-22.
    """
    return counts("stage_ages", among="is_stalled")


@kpi("share", better="lower")
def stalled_share():
    """Open deals that have stood in their stage too long, of the open deals that can be judged.

    Rule: as `stalled_deals`. More than one in ten is usual: slow deals are open longer, so more of them are seen.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K21; Wilson 1927.
    """
    return ratio("stage_ages", "is_stalled", among="is_judged", empty="nothing open")


@kpi("money", better="lower")
def stalled_amount():
    """Amount of the open deals that have stood in their stage too long.

    Rule: as `stalled_deals`; at the rate of the run's instant.
    Returns: n (deals with an amount), value in the report currency.
    Source: kpis.md K21, G9.
    """
    return total("stage_ages", "amount_minor", among="is_stalled", per=100)


@kpi("count")
def open_qualified_leads():
    """Qualified leads (SQL) that are open at the run's instant: neither given up nor a deal.

    Rule: by the last status of the lead, which is its phase; deleted, merged-away and test leads are out.
    Returns: n, value.
    Source: kpis.md K48, G8.
    """
    return counts("lead_phases")


@kpi("days", better="lower")
def qualified_lead_days():
    """Days that the open qualified leads (SQL) have been in their phase: the median.

    Rule: as `open_qualified_leads`, since the last status began; leads without a history are out.
    Returns: n, value, low and high (order statistics, none under 6), p90, mean, in days.
    Source: kpis.md K48, G18, G19.
    """
    return median("lead_phases", "phase_seconds", per=DAY, empty="nothing open")
