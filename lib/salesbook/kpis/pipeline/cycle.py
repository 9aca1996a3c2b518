"""How long deals take, and what that pace earns."""

import numpy as np

from salesbook.kpi import Ask, counts, kpi, mean, median, ratio
from salesbook.measures import wait, won_and_lost

DAY = 86_400
YEAR = 12


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


@kpi("days", better="lower")
def time_to_outcome():
    """Days from the creation of a new deal to its win or loss: the median, open deals counted as long as watched.

    Rule: Kaplan-Meier, by the day the deal was created; renewals and deals without a creation date are out. The time to
    a win alone is `cohort_win_rate`, in which losing is a rival.
    Returns: n, numerator (closed), value, low, high, p90, in days; empty where fewer than half have closed.
    Source: kpis.md K19, G6, G19; Kaplan and Meier 1958.
    """
    among = ("has_created", "is_new_business")
    empty = "fewer than half are over"
    return wait("deal_facts", "cycle_seconds", "is_closed", among=among, on="created_on", per=DAY, empty=empty)


@kpi("money", better="higher")
def pipeline_velocity(ask: Ask):
    """What the open pipeline brings in a day, won as often, as large and as fast as over the last twelve months.

    Rule: new deals open at the run's instant past the first stage of their pipeline (qualified) × win rate × mean
    amount of a won deal ÷ mean days from creation to win; the last three over the twelve months to the instant, without
    renewals. The interval adds the relative half-widths of the three in squares, on the logarithm; the count is exact.
    Returns: by, n (open deals), win_rate, deal_size, days, value, low, high, in the report currency a day.
    Raises: WrongUsage where a period is asked for.
    Source: kpis.md K24, G10; parts as K15, K23 and K19.
    """
    keys, won = list(ask.question.by), ("is_won", "is_new_business")
    standing = ("is_now", "is_past_first_stage", "is_counted", "is_new_business")
    found = ask(counts("open_deals", among=standing))[[*keys, "n"]]
    parts = {
        "win_rate": won_and_lost(ratio("deal_facts", "is_won", among=("is_closed", "is_new_business"), on="closed_on")),
        "deal_size": mean("deal_facts", "amount_minor", among=(*won, "has_amount"), on="closed_on", per=100),
        "days": mean("deal_facts", "cycle_seconds", among=(*won, "has_created"), on="closed_on", per=DAY),
    }
    spread = 0.0
    for name, measure in parts.items():
        part = ask(measure, last=YEAR)
        part["half"] = (part["high"] - part["low"]) / 2 / part["value"].where(part["value"] > 0)
        part = part[[*keys, "value", "half"]].rename(columns={"value": name})
        found = found.merge(part, on=keys or None, how="left" if keys else "cross")
        spread = spread + found.pop("half") ** 2
    value = found["n"] * found["win_rate"] * found["deal_size"] / found["days"].where(found["days"] > 0)
    width = np.exp(np.sqrt(spread))
    found = found.assign(value=value, low=value / width, high=value * width)
    return found.assign(reason=np.where(value.isna(), "nothing won", ""))
