"""Where do leads and deals stop, and did that change?"""

from datetime import date

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, counts, divided, kpi, ratio
from salesbook.measures import by_row, distinct, outcomes, single, won_and_lost
from salesbook.query import Measure


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

    Rule: steps are lead, contacted, qualified, deal, won; reached is the furthest, so a skipped step counts; from won
    there is no next. Leads of the month are young: those still open may yet advance.
    Returns: numerator (got further), denominator (reached), value, low and high of the Wilson 95 % interval.
    Source: kpis.md K04, K14, G7; Wilson 1927.
    """
    return ratio("lead_steps", "is_next_reached", among="has_next", on="created_on", empty="nothing reached this step")


@kpi("share", better="higher")
def stage_conversion():
    """Deals that got to the next stage in time, of those that reached a stage, by the day the deal was created.

    Rule: in time is within the span that nine in ten deals of the last 24 months needed for that step; only deals
    that reached the stage at least so long ago are in, so every cohort has had the same chance. Skipped stages count
    as reached, optional ones are outside the chain, the last step leads to won. Renewals are out. As `win_rate`, none
    where no deal was ever lost.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K14, G6, G7, G20; Wilson 1927.
    """
    empty = "cohort too young"
    return won_and_lost(ratio("deal_steps", "is_next_reached_in_time", among="is_mature", on="created_on", empty=empty))


@kpi("share", better="higher")
def stage_pass_rate():
    """Deals that got to the next stage in time, of those that reached a stage, by the day they reached it.

    Rule: as `stage_conversion`, by the day the stage was reached: a leak shows here first.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K14; house decision of 2026-11-21.
    """
    empty = "cohort too young"
    return won_and_lost(ratio("deal_steps", "is_next_reached_in_time", among="is_mature", on="reached_on", empty=empty))


@kpi("share", better="higher")
def qualification_rate():
    """Leads qualified so far, of the leads that came in, by the day they came in.

    Rule: as `new_leads`; young leads may yet be qualified: compare cohorts by `qualified_in_time`.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K08, G8; Wilson 1927.
    """
    return ratio("lead_facts", "is_qualified", on="created_on", empty="no leads")


@kpi("share", better="higher")
def qualified_in_time():
    """Leads qualified in time, of the leads old enough to tell, by the day they came in.

    Rule: in time is within the span that nine in ten of those qualified needed, over the leads of the last 24 months;
    only leads that came in at least so long ago are in, so every cohort has had the same chance. As `new_leads`.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K08, G8, G20; Wilson 1927.
    """
    return ratio("lead_facts", "is_qualified_in_time", among="is_mature", on="created_on", empty="cohort too young")


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
    won = won_and_lost(counts("deal_facts", among=(*CREATED, "is_won"), on="created_on"))
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


AGES = (30, 60, 90, 180, 270, 365)
DAY, WEEK = 86_400, 7


@kpi("share", better="higher")
def cohort_win_rate(ask: Ask):
    """Share of deals won within so many days of creation, with lost ones as rivals, by the day they were created.

    Rule: Aalen-Johansen: open deals count for as long as they were watched; won, lost and open add up to all. At 30,
    60, 90, 180, 270 and 365 days; an age that no deal of the cohort has been watched to is too young. Renewals are out.
    Returns: age_days, n (deals created), value (won), low, high, lost_share, open_share, reason.
    Source: kpis.md K16, G6, G8; Aalen and Johansen 1978.
    """
    found = ask(won_and_lost(outcomes("deal_facts", "cycle_seconds", ("is_won", "is_lost"), CREATED, "created_on")))
    keys = [*ask.question.by, *(["period"] if ask.question.period else [])]
    rows = [key | at_age(row["cases"], age) | {"n": row["n"]} for key, row in by_row(found, keys) for age in AGES]
    columns = [*keys, "age_days", "n", "value", "low", "high", "lost_share", "open_share", "reason"]
    return pd.DataFrame(rows, columns=columns)


def at_age(cases, age: int) -> dict:
    """Won, lost and open of a cohort at an age in days."""
    if cases is None:
        nothing = dict.fromkeys(("value", "low", "high", "lost_share", "open_share"), np.nan)
        return {"age_days": age, **nothing, "reason": "nothing created"}
    won, lost = (float(cases.at(age * DAY, cause)) for cause in (1, 2))
    low, high = (float(end) for end in cases.interval(age * DAY))
    is_known = np.isfinite(won)
    ends = {"low": low, "high": high} if is_known else {"low": np.nan, "high": np.nan}
    reason = "" if is_known else "cohort too young"
    return {"age_days": age, "value": won, **ends, "lost_share": lost, "open_share": 1 - won - lost, "reason": reason}


@kpi("share", better="higher")
def outcome_curves(ask: Ask):
    """Share of deals won, and lost, by days since they were created.

    Rule: as `cohort_win_rate`, week by week up to the last one watched.
    Returns: outcome (won, lost), t (days), n, value, low, high, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K16; Aalen and Johansen 1978.
    """
    single(ask, "outcome_curves")
    cases = outcomes("deal_facts", "cycle_seconds", ("is_won", "is_lost"), CREATED, "created_on")
    found = ask(won_and_lost(cases)).iloc[0]
    if found["cases"] is None:
        return pd.DataFrame([{"outcome": "won", "t": 0, "n": 0, **NOTHING, "reason": "nothing created"}])
    days = np.arange(0, int(found["cases"].ages[-1] // DAY) + 1, WEEK)
    parts = []
    for cause, outcome in enumerate(("won", "lost"), start=1):
        value, ends = found["cases"].at(days * DAY, cause), found["cases"].interval(days * DAY, cause)
        curve = {"outcome": outcome, "t": days, "n": found["n"], "value": value, "low": ends.low, "high": ends.high}
        parts.append(pd.DataFrame(curve).dropna(subset=["value"]))
    return pd.concat(parts, ignore_index=True).assign(reason="")


NOTHING = {"value": np.nan, "low": np.nan, "high": np.nan}


@kpi("share", better="higher")
def sql_to_customer():
    """Organisations that became a customer, of those with a first qualified lead (SQL), by the day of that lead.

    Rule: a customer by a new deal won on or after that day; renewals and leads without an organisation are out. Only
    months whose last day is longer ago than nine in ten that were won needed are in.
    Returns: numerator (won), denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K17, G13, G20; Wilson 1927.
    """
    empty = "cohort too young"
    return ratio("qualified_organisations", "is_won", among="is_mature", on="qualified_on", empty=empty)


@kpi("ratio", better="higher")
def hit_rate(ask: Ask):
    """New deals won ÷ the different persons contacted, by the day of either.

    Rule: persons with a call, email or meeting from us in the same days as the deals closed. Deals and persons are two
    grains, so the ratio may pass 1 and has no interval; its inverse is the persons to contact for one sale.
    Returns: numerator (deals won), denominator (persons), value, needed (persons for one sale), reason.
    Source: kpis.md K18.
    """
    keys = [*ask.question.by, *(["period"] if ask.question.period else [])]
    won = ask(counts("deal_facts", among=("is_won", "is_new_business"), on="closed_on"))
    persons = ask(distinct("touches", "contact_id", ("is_outbound", "has_contact"), "touched_on"))
    rows = paired(won, persons, keys)
    value = divided(rows["numerator"], rows["denominator"])
    needed = divided(rows["denominator"], rows["numerator"])
    reason = np.where(value.isna(), "nobody contacted", "")
    return rows.assign(value=value, low=np.nan, high=np.nan, needed=needed, reason=reason)


def paired(above: pd.DataFrame, below: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Two counts side by side by group; where one has no row it counted nothing."""
    above = above[[*keys, "n"]].rename(columns={"n": "numerator"})
    below = below[[*keys, "n"]].rename(columns={"n": "denominator"})
    rows = above.merge(below, on=keys, how="outer", sort=True) if keys else above.join(below)
    return rows.fillna({"numerator": 0, "denominator": 0}).astype({"numerator": int, "denominator": int})


@kpi("share", better="higher")
def call_to_sale(ask: Ask):
    """From calls to leads to meetings to sales: those at a step ÷ those at the step before, by the day of the call.

    Rule: outbound calls on leads and new deals; leads are the different leads called (a deal without a lead counts as
    one), meetings and sales those of them that met, and won, so far; a sale went through a meeting. Many are still
    open: the last steps grow.
    Returns: step (call, lead, meeting, sale), position, numerator (at the step), denominator (at the step before),
    value, low, high (Wilson 95 %), of_calls (share of the calls), needed (of this step for one sale), reason.
    Source: kpis.md K04, G7; Wilson 1927.
    """
    keys = [*ask.question.by, *(["period"] if ask.question.period else [])]
    chain = ask(chained())
    rows = [key | step for key, row in by_row(chain, keys) for step in steps_of([row[name] for name in CHAIN])]
    return pd.DataFrame(
        rows, columns=[*keys, "position", "step", "numerator", "denominator", *NOTHING, "of_calls", "needed", "reason"]
    )


CHAIN = ("call", "lead", "meeting", "sale")


def chained() -> Measure:
    """Calls, and the different leads called, met and won."""
    sums = {
        "call": "count(*)",
        "lead": "count(distinct {prospect_id})",
        "meeting": "count(distinct {prospect_id}) filter (where {is_prospect_met})",
        "sale": "count(distinct {prospect_id}) filter (where {is_prospect_won})",
    }
    among, columns = (
        ("is_call", "has_prospect", "is_new_business"),
        ("prospect_id", "is_prospect_met", "is_prospect_won"),
    )

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**NOTHING)

    return Measure("touches", sums, finish, among, "touched_on", "no calls", columns, "calls, leads, meetings, sales")


def steps_of(reached: list[int]) -> list[dict]:
    """The steps of a chain by how many are at each: rate on the step before, and how many one at the end takes.

    >>> [(row["step"], row["value"], row["needed"]) for row in steps_of([100, 10, 2, 1])]
    [('call', 1.0, 100.0), ('lead', 0.1, 10.0), ('meeting', 0.2, 2.0), ('sale', 0.5, 1.0)]
    """
    before = [reached[0], *reached[:-1]]
    low, high = stats.wilson(reached, before)
    rows = pd.DataFrame({"position": range(1, len(CHAIN) + 1), "step": CHAIN, "numerator": reached})
    rows = rows.assign(denominator=before, value=divided(reached, before), low=low, high=high)
    rows = rows.assign(
        of_calls=divided(reached, [reached[0]] * len(CHAIN)), needed=divided(reached, [reached[-1]] * len(CHAIN))
    )
    return rows.assign(reason=np.where(rows["value"].isna(), "nothing reached this step", "")).to_dict("records")
