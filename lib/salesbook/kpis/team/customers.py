"""Whom sellers win, and how well leads are qualified."""

from salesbook.kpi import kpi, ratio
from salesbook.measures import rate, won_and_lost

UNTOLD = "no deals of new or existing customers"


@kpi("share")
def new_customer_share():
    """Deals won with new customers, of those won with new and existing ones, by the day they closed.

    Rule: by count; renewals and deals whose kind is not known are out. High is a hunter, low a farmer; neither is
    better.
    Returns: numerator (with new customers), denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K42; Wilson 1927.
    """
    among = ("is_won", "is_customer_known")
    return ratio("deal_facts", "is_new_customer", among=among, on="closed_on", empty=UNTOLD)


@kpi("share", better="higher")
def new_customer_win_rate():
    """Deals won, of the deals with new customers won or lost, by the day they closed.

    Rule: as `win_rate`.
    Returns: numerator (won), denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K42, K15; Wilson 1927.
    """
    among = ("is_closed", "is_new_customer")
    return won_and_lost(ratio("deal_facts", "is_won", among=among, on="closed_on", empty=UNTOLD))


@kpi("share", better="higher")
def existing_customer_win_rate():
    """Deals won, of the deals with existing customers won or lost, by the day they closed.

    Rule: as `win_rate`; renewals are out.
    Returns: numerator (won), denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K42, K15; Wilson 1927.
    """
    among = ("is_closed", "is_existing_customer")
    return won_and_lost(ratio("deal_facts", "is_won", among=among, on="closed_on", empty=UNTOLD))


@kpi("share", better="higher")
def qualification_filled():
    """Required fields filled, of those required of qualified leads, by the day they were qualified.

    Rule: which fields is a setting (team.qualification: BANT, or GPCT); filled is one that says the thing is known, as
    it stands today. Of a company that fills none of them nothing is known.
    Returns: n (leads), numerator (filled), denominator (required), value, low, high (counted by lead).
    Source: kpis.md K46, G12, G19.
    """
    empty = "fields not kept"
    return rate("qualification_facts", "n_filled", "n_required", among="is_asked", on="qualified_on", empty=empty)


@kpi("share", better="higher")
def qualification_win_rate():
    """Qualified leads that became a won deal, of those that are settled, by the day they were qualified.

    Rule: settled is given up, won or lost. Ask it by n_filled, the number of required fields that are filled. Sellers
    fill more of what goes well: it goes together, and is no proof of a cause.
    Returns: numerator (won), denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K46; Wilson 1927.
    """
    among = ("is_asked", "is_settled")
    return ratio("qualification_facts", "is_won", among=among, on="qualified_on", empty="nothing closed")
