"""How long do deals take?"""

from salesbook.kpi import kpi, median

DAY = 86_400


@kpi("days", better="lower")
def sales_cycle():
    """Days from the creation of a new deal to its win: the median.

    Rule: won deals by the day they closed; from first creation to the final close, in local wall-clock time. Renewals
    and deals without a creation date are out.
    Returns: n, value, low and high (order statistics, none under 6), p90, mean, in days.
    Source: kpis.md K19, G5, G18, G19.
    """
    among = ("is_won", "is_new_business", "has_created")
    return median("deal_facts", "cycle_seconds", among=among, on="closed_on", per=DAY, empty="nothing won")


@kpi("days", better="lower")
def sales_cycle_from_contact():
    """Days from the first contact to the win of a new deal: the median.

    Rule: as `sales_cycle`, from the first human call, email or meeting on the deal or its lead; a deal without one
    counts from its creation and is flagged (`is_contact_assumed`).
    Returns: n, value, low and high, p90, mean, in days.
    Source: kpis.md K19, G17, G18, G19.
    """
    among = ("is_won", "is_new_business", "has_created")
    return median("deal_facts", "contact_cycle_seconds", among=among, on="closed_on", per=DAY, empty="nothing won")


@kpi("days", better="lower")
def closing_cycle():
    """Days from the creation of a new deal to its close, won or lost: the median.

    Rule: as `sales_cycle`, over all closed deals.
    Returns: n, value, low and high, p90, mean, in days.
    Source: kpis.md K19.
    """
    among = ("is_closed", "is_new_business", "has_created")
    return median("deal_facts", "cycle_seconds", among=among, on="closed_on", per=DAY, empty="nothing closed")
