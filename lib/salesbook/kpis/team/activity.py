"""What is done, in how many hours, and what comes of it."""

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.kpi import Ask, counts, divided, keys_of, kpi, ratio, reason_of, total
from salesbook.measures import clustered, rate
from salesbook.query import Unanswerable

HOUR = 3600
ATTEMPT = "is_attempt"
NO_HOURS = "no hours"


@kpi("count")
def activities_done():
    """Calls, emails and meetings that sellers made, by the day they were done.

    Rule: outbound and by a person; done only, what is planned is `planned_activities`. Ask it by type.
    Returns: n, value.
    Source: kpis.md K01, G17.
    """
    return counts("activity_facts", among=ATTEMPT, on="done_on")


@kpi("count")
def calls_made():
    """Outbound calls that were made, by the day they were made.

    Rule: as `activities_done`, answered or not.
    Returns: n, value.
    Source: kpis.md K01, G17.
    """
    return counts("activity_facts", among=(ATTEMPT, "is_call"), on="done_on")


@kpi("count")
def emails_sent():
    """Emails that sellers sent themselves, by the day they were sent.

    Rule: as `activities_done`; automatic mail is out.
    Returns: n, value.
    Source: kpis.md K01, G17.
    """
    return counts("activity_facts", among=(ATTEMPT, "is_email"), on="done_on")


@kpi("count")
def meetings_held():
    """Meetings of sellers with customers that took place, by the day they were held.

    Rule: as `activities_done`; those to which nobody came are out.
    Returns: n, value.
    Source: kpis.md K01, G17.
    """
    return counts("activity_facts", among=(ATTEMPT, "is_meeting", "is_facing"), on="done_on")


@kpi("count")
def planned_activities():
    """Calls, emails, meetings and tasks that are planned and not done, as things stand.

    Rule: without a moment at which it was done, at the run's instant.
    Returns: n, value.
    Source: kpis.md K01.
    """
    return counts("activity_facts", among="is_planned")


@kpi("count", better="lower")
def overdue_activities():
    """Planned activities whose moment has passed without their being done, as things stand.

    Rule: as `planned_activities`, planned for before the run's instant.
    Returns: n, value.
    Source: kpis.md K01.
    """
    return counts("activity_facts", among=("is_planned", "is_overdue"))


@kpi("share", better="higher")
def contact_effectiveness():
    """Calls, emails and meetings that led to a talk with a decision maker, of all made, by the day they were done.

    Rule: effectiveness, to stand beside `attempts_per_hour`: 15 contacts of 100 calls are 15 %. An unknown outcome
    counts as none, unless none was ever noted. On leads, deals and customers alike; `contact_rate` is of leads only.
    Returns: numerator, denominator, clusters (leads and deals), value, low, high; the interval counts by lead or deal.
    Source: kpis.md K02, G19.
    """
    among = (ATTEMPT, "has_outcomes")
    return clustered("activity_facts", "is_talk", "prospect_id", among, "done_on", "no attempts with outcomes")


@kpi("ratio", better="higher")
def lead_effectiveness(ask: Ask):
    """Leads qualified ÷ calls, emails and meetings made, by the day of either.

    Rule: effectiveness by result: 100 calls and no lead are 0 %, 10 calls and one lead 10 %. A lead counts for its
    seller. Two grains, so it is no share; the interval is that of a Poisson count of leads.
    Returns: numerator (leads), denominator (attempts), value, low, high, reason.
    Source: kpis.md K02; Garwood 1936.
    """
    leads = ask(counts("lead_facts", among="is_qualified", on="qualified_on"))
    rows = side_by_side(leads, ask(activities_done.measure), keys_of(ask.question))
    low, high = stats.poisson_interval(rows["numerator"].to_numpy())
    value = divided(rows["numerator"], rows["denominator"])
    ends = {"low": divided(low, rows["denominator"]), "high": divided(high, rows["denominator"])}
    return rows.assign(value=value, **ends, reason=np.where(value.isna(), "no attempts", ""))


def side_by_side(above: pd.DataFrame, below: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Two answers by the same groups as numerator and denominator; where one has no row it counted nothing.

    Raises: Unanswerable where a table lacks that one of them needs.
    """
    if lacking := [reason for rows in (above, below) if (reason := reason_of(rows)).startswith("needs")]:
        raise Unanswerable(lacking[0])
    above = above[[*keys, "value"]].rename(columns={"value": "numerator"})
    below = below[[*keys, "value"]].rename(columns={"value": "denominator"})
    rows = above.merge(below, on=keys, how="outer", sort=True) if keys else above.join(below)
    return rows.fillna({"numerator": 0.0, "denominator": 0.0})


def per_counted(rows: pd.DataFrame, no_count: str, no_cost: str) -> pd.DataFrame:
    """Cost ÷ what was counted, with the Poisson interval of the count; without the one or the other the reason why."""
    fewest, most = stats.poisson_interval(rows["denominator"].to_numpy())
    cost = rows["numerator"].where(rows["numerator"] > 0)
    ends = {"low": divided(cost, most), "high": divided(cost, fewest)}
    rows = rows.assign(value=divided(cost, rows["denominator"]), **ends)
    rows.loc[rows["value"].isna(), ["low", "high"]] = np.nan
    none = np.where(rows["numerator"] > 0, no_count, no_cost)
    return rows.assign(reason=np.where(rows["value"].isna(), none, ""))


@kpi("ratio", better="higher")
def attempts_per_hour():
    """Calls, emails and meetings made per hour worked, by day.

    Rule: efficiency; days with hours only, and what was done on them. Alone it rewards haste: read it beside
    `contact_effectiveness` and `results_per_hour`.
    Returns: n (days of sellers), numerator (attempts), denominator (hours), value, low, high.
    Source: kpis.md K02, G12, G19.
    """
    return rate("worked_days", "n_attempts", "worked_seconds", on="worked_on", per=HOUR, empty=NO_HOURS)


@kpi("ratio", better="higher")
def results_per_hour():
    """Talks with decision makers per hour worked, by day.

    Rule: efficiency × effectiveness: as `attempts_per_hour`, counting talks.
    Returns: n (days of sellers), numerator (talks), denominator (hours), value, low, high.
    Source: kpis.md K02, G12, G19.
    """
    return rate("worked_days", "n_talks", "worked_seconds", on="worked_on", per=HOUR, empty=NO_HOURS)


@kpi("money", better="lower")
def cost_per_result(ask: Ask):
    """What sellers cost ÷ leads they qualified, by month.

    Rule: salary bookings that name the seller, of the months asked for ÷ the leads of those months. Without bookings or
    leads there is none.
    Returns: numerator (cost), denominator (leads), value, low, high (by the Poisson interval of the leads), reason.
    Source: kpis.md K02; Garwood 1936.
    """
    booked = ask(total("cost_facts", "amount_minor", among="is_of_seller", on="cost_on", per=100))
    leads = ask(counts("lead_facts", among=("is_qualified", "has_owner"), on="qualified_on"))
    return per_counted(side_by_side(booked, leads, keys_of(ask.question)), "no results", "no costs of sellers")


@kpi("share", better="higher")
def selling_time():
    """Hours with customers ÷ hours worked, by day.

    Rule: the length of calls in which somebody was spoken to and of meetings that took place, ours and theirs, on days
    with hours. One whose length nobody noted adds nothing: see `unknown_durations`.
    Returns: n (days of sellers), numerator (hours with customers), denominator (hours), value, low, high.
    Source: kpis.md K43, G12, G19.
    """
    spans = {"per": HOUR, "of": HOUR}
    return rate("worked_days", "facing_seconds", "worked_seconds", on="worked_on", empty=NO_HOURS, **spans)


@kpi("share", better="lower")
def unknown_durations():
    """Talks and meetings of which nobody noted the length, of all there were, by the day they were held.

    Rule: calls in which somebody was spoken to, as far as is known, and meetings that took place.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K43; Wilson 1927.
    """
    return ratio("activity_facts", "lacks_duration", among="is_facing", on="done_on", empty="no talks")


@kpi("count", better="higher")
def opportunities_created():
    """New deals opened, by the day they were created.

    Rule: renewals, deleted, merged-away and test deals are out; the seller is the deal's of today.
    Returns: n, value.
    Source: kpis.md K49, G8, G14.
    """
    return counts("deal_facts", among="is_new_business", on="created_on")


@kpi("count", better="higher")
def meetings_booked():
    """Meetings that sellers made, held or not, by the day they are set for.

    Rule: planned, held and missed ones; the day is that of the plan, else the one they were held on.
    Returns: n, value.
    Source: kpis.md K49.
    """
    return counts("activity_facts", among=("is_meeting", "is_outbound"), on="set_for_on")


@kpi("count", better="higher")
def quotes_sent():
    """Quotes sent for new deals, by the day they were sent.

    Rule: on deals that count; the seller is the deal's.
    Returns: n, value.
    Source: kpis.md K49, G8.
    """
    return counts("quote_facts", among="is_new_business", on="sent_on")


@kpi("count", better="higher")
def deals_closed():
    """New deals won or lost, by the day they closed.

    Rule: the latest outcome of a reopened deal counts; renewals are out.
    Returns: n, value.
    Source: kpis.md K49, G5.
    """
    return counts("deal_facts", among=("is_closed", "is_new_business"), on="closed_on")
