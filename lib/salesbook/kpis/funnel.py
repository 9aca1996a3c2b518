"""Where do leads and deals stop, and did that change?"""

from datetime import date

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, counts, divided, kpi, ratio


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


@kpi("share", better="higher")
def stage_pass_rate():
    """Deals that got to the next stage in time, of those that reached a stage, by the day they reached it.

    Rule: as `stage_conversion`, by the day the stage was reached: a leak shows here first.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K14; house decision of 2026-11-21.
    """
    empty = "cohort too young"
    return ratio("deal_steps", "is_next_reached_in_time", among="is_mature", on="reached_on", empty=empty)


@kpi("share", better="higher")
def qualification_rate():
    """Leads qualified so far, of the leads that came in, by the day they came in.

    Rule: as `new_leads`; young leads may yet be qualified.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K08, G8; Wilson 1927.
    """
    return ratio("lead_facts", "is_qualified", on="created_on", empty="no leads")


@kpi("share", better="higher")
def cohort_conversion(ask: Ask):
    """Deals won within so many months of their creation, of the deals created, by the month they were created.

    Rule: a month is 30 days; one row per month of creation and age. A cell is young, and not to be compared, where the
    cohort's youngest deal is not yet that old. Renewals are out.
    Returns: period, age (1 is the first 30 days), numerator, denominator, value, low, high, is_young.
    Raises: WrongUsage where groups are asked for.
    Source: kpis.md K14, G6, G20; Wilson 1927.
    """
    if ask.question.by:
        raise WrongUsage("Cohorts take no groups.", f"Found by={ask.question.by}.", "Ask a slice with where.")
    last = ask.question.last or 12
    came = ask(counts("deal_facts", among=CREATED, on="created_on"), period="month", last=last)
    won = counts("deal_facts", among=(*CREATED, "is_won"), on="created_on")
    after = ask(won, by=("cycle_months",), period="month", last=last)
    return cohort_cells(came, after, ask.book.period.end, last)


CREATED = ("has_created", "is_new_business")


def cohort_cells(came: pd.DataFrame, after: pd.DataFrame, as_of: date, ages: int) -> pd.DataFrame:
    """Cohort × age: those that got there by each age, of all of the cohort."""
    sizes = came.set_index("period")["n"]
    counted = after.pivot_table(index="period", columns="cycle_months", values="n", aggfunc="sum")
    reached = counted.reindex(index=sizes.index, columns=range(ages), fill_value=0).fillna(0).cumsum(axis=1)
    cells = reached.stack().rename("numerator").reset_index()
    cells["age"] = cells.pop("cycle_months").astype(int) + 1
    cells["denominator"] = cells["period"].map(sizes)
    youngest = pd.Timestamp(as_of) - (cells["period"] + pd.offsets.MonthBegin(1))
    cells["is_young"] = youngest.dt.days < 30 * cells["age"]
    begun = (pd.Timestamp(as_of) - cells["period"]).dt.days > 30 * (cells["age"] - 1)
    cells = cells[begun].reset_index(drop=True)
    low, high = stats.wilson(cells["numerator"].to_numpy(), cells["denominator"].to_numpy())
    value = divided(cells["numerator"], cells["denominator"])
    reason = np.where(value.isna(), "nothing created", "")
    return cells.assign(value=value, low=low, high=high, reason=reason)
