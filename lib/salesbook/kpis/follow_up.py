"""Following up: how fast leads are answered, how often and when they are tried, what leaks, who to call first."""

import numpy as np
import pandas as pd

from salesbook import attempts, calibration, scoring, stats
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, counts, divided, kpi, mean, ratio
from salesbook.measures import clustered, outcomes, single, wait
from salesbook.query import Unanswerable
from salesbook.strata import compared

HOUR = 3600
UNTRIED = "no attempts with outcomes"
CLOCKED = "is_clocked"


@kpi("share", better="higher")
def contact_rate():
    """Attempts with a worthwhile talk with a decision maker, of all attempts, by the day of the attempt.

    Rule: an attempt is an outbound call, email or meeting by a person on a lead; the next in a row on the same channel
    within five minutes (a setting) is the same one. One whose outcome is unknown counts as none, see
    `unknown_outcome_rate`; where none was ever noted there is no rate. Deleted and test leads are out; attempts on a
    merged-away lead count for the one that stayed.
    Returns: numerator, denominator, clusters (leads), value, low, high; the interval counts by lead.
    Source: kpis.md K03, G8, G17, G19.
    """
    return clustered("attempts", "is_talk", "lead_id", "has_outcomes", "attempted_on", UNTRIED)


@kpi("share", better="lower")
def unknown_outcome_rate():
    """Attempts of which nobody noted whether a decision maker was reached, by the day of the attempt.

    Rule: as `contact_rate`.
    Returns: as `contact_rate`.
    Source: kpis.md K03.
    """
    return clustered("attempts", "is_outcome_unknown", "lead_id", on="attempted_on", empty="no attempts")


@kpi("hours", better="lower")
def response_time():
    """Hours from an inbound lead to the first attempt to reach it: the median, by the day the lead came in.

    Rule: clock time, nights and weekends included; an automatic reply is no attempt. Who was never tried keeps waiting,
    also once closed, and counts as long as it was watched (Kaplan-Meier). Leads touched before they came in, and those
    dated by the day alone, are out.
    Returns: n, numerator (answered), value, low, high, p90, in hours.
    Source: kpis.md K10, G17, G18; Kaplan and Meier 1958.
    """
    return wait("lead_responses", "waited_seconds", "is_answered", CLOCKED, "created_on", HOUR, FEW)


@kpi("hours", better="lower")
def response_time_open():
    """Opening hours from an inbound lead to the first attempt to reach it: the median, by the day the lead came in.

    Rule: as `response_time`, in opening hours of the seller's calendar without its national holidays; a lead answered
    outside them waited zero.
    Returns: as `response_time`.
    Source: kpis.md K10, G3.
    """
    return wait("lead_responses", "waited_open_seconds", "is_answered", CLOCKED, "created_on", HOUR, FEW)


@kpi("hours", better="lower")
def assigning_time():
    """Hours from an inbound lead to its being given to a seller: the median, by the day the lead came in.

    Rule: clock time; a lead without a seller keeps waiting. Leads given before they came in are out.
    Returns: n, numerator (given), value, low, high, p90, in hours.
    Source: kpis.md K10.
    """
    return wait("lead_responses", "assigning_seconds", "is_assigned", ASSIGNING, "created_on", HOUR, FEW_GIVEN)


@kpi("hours", better="lower")
def assigning_time_open():
    """Opening hours from an inbound lead to its being given to a seller: the median, by the day the lead came in.

    Rule: as `assigning_time`, in opening hours.
    Returns: as `assigning_time`.
    Source: kpis.md K10, G3.
    """
    return wait("lead_responses", "assigning_open_seconds", "is_assigned", ASSIGNING, "created_on", HOUR, FEW_GIVEN)


@kpi("hours", better="lower")
def reacting_time():
    """Hours from a lead's being given to a seller to the first attempt: the median, by the day the lead came in.

    Rule: clock time; a lead never tried keeps waiting. Leads without a seller, and those tried before they were given
    to one, are out.
    Returns: n, numerator (answered), value, low, high, p90, in hours.
    Source: kpis.md K10.
    """
    return wait("lead_responses", "reacting_seconds", "is_answered", REACTING, "created_on", HOUR, FEW)


@kpi("hours", better="lower")
def reacting_time_open():
    """Opening hours from a lead's being given to a seller to the first attempt: the median, by the day it came in.

    Rule: as `reacting_time`, in opening hours.
    Returns: as `reacting_time`.
    Source: kpis.md K10, G3.
    """
    return wait("lead_responses", "reacting_open_seconds", "is_answered", REACTING, "created_on", HOUR, FEW)


FEW, FEW_GIVEN = "fewer than half", "fewer than half assigned"
ASSIGNING, REACTING = "is_assigning_clocked", "is_reacting_clocked"


@kpi("share", better="higher")
def answered_within_hour():
    """Inbound leads tried within the hour, of those at least an hour old, by the day they came in.

    Rule: sixty minutes by the clock; never tried counts as not within it. As `response_time` otherwise.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K10; Wilson 1927.
    """
    return ratio("lead_responses", "is_within_hour", among="is_clocked_an_hour", on="created_on", empty="no leads")


@kpi("share", better="higher")
def answered_within_open_hour():
    """Inbound leads tried within an opening hour, of those at least an hour old, by the day they came in.

    Rule: as `answered_within_hour`, by opening hours of the seller's calendar.
    Returns: as `answered_within_hour`.
    Source: kpis.md K10, G3.
    """
    among = "is_clocked_an_hour"
    return ratio("lead_responses", "is_within_open_hour", among=among, on="created_on", empty="no leads")


@kpi("share", better="higher")
def answered_by(ask: Ask):
    """Share of inbound leads tried within so many hours of coming in, by the clock and by opening hours.

    Rule: as `response_time` and `response_time_open`, every half hour of two days; who was never tried counts.
    Returns: clock (elapsed, open), t (hours), n, value, low, high, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K10; Kaplan and Meier 1958.
    """
    single(ask, "answered_by")
    parts = []
    for clock, seconds in (("elapsed", "waited_seconds"), ("open", "waited_open_seconds")):
        found = ask(outcomes("lead_responses", seconds, "is_answered", CLOCKED, "created_on")).iloc[0]
        if found["cases"] is not None:
            value, ends = found["cases"].at(HOURS * HOUR), found["cases"].interval(HOURS * HOUR)
            curve = {"clock": clock, "t": HOURS, "n": found["n"], "value": value, "low": ends.low, "high": ends.high}
            parts.append(pd.DataFrame(curve).dropna(subset=["value"]))
    if not parts:
        return pd.DataFrame([{"clock": "elapsed", "t": 0.0, "n": 0, **NOTHING, "reason": "no leads"}])
    return pd.concat(parts, ignore_index=True).assign(reason="")


HOURS = np.arange(0, 48.5, 0.5)
NOTHING = {"value": np.nan, "low": np.nan, "high": np.nan}


@kpi("ratio", better="higher")
def quick_answer_odds(ask: Ask):
    """Odds of a talk with a decision maker when tried within the hour ÷ the odds when tried later.

    Rule: inbound leads that were tried; the clock starts at the first attempt, and a talk within 14 days of it counts,
    so that slow answers are not blamed for the days before they came; attempts younger than 14 days are out. Compared
    within channel and hour of arrival (Mantel-Haenszel). It is what goes together, not proof of a cause.
    Returns: n, quick_k, quick_n, later_k, later_n, value (1 is no difference), low, high, p, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K10 and section 3; Mantel and Haenszel 1959.
    """
    single(ask, "quick_answer_odds")
    columns = ("is_within_hour", "is_reached_in_14_days", "source", "arrival_hour")
    among = (CLOCKED, "is_answered", "is_followed_14_days")
    rows = ask.rows("lead_responses", columns, among=among, on="created_on")
    found = compared(rows, "is_within_hour", "is_reached_in_14_days", ["source", "arrival_hour"])
    quick = rows.loc[rows["is_within_hour"].astype(bool), "is_reached_in_14_days"].astype(bool)
    later = rows.loc[~rows["is_within_hour"].astype(bool), "is_reached_in_14_days"].astype(bool)
    counted = {"n": len(rows), "quick_k": quick.sum(), "quick_n": len(quick), "later_k": later.sum()}
    row = counted | {"later_n": len(later), "value": found.value, "low": found.low, "high": found.high, "p": found.p}
    return pd.DataFrame([row | {"reason": "" if np.isfinite(found.value) else "too few"}])


@kpi("share", better="lower")
def inflow_leakage():
    """Inbound leads that leaked away, of those that came in, by the day they came in.

    Rule: inflow is assigned, rejected or leaked (`fate`). Leaked is, as things stand: without a seller (unassigned),
    without an attempt (never contacted), or contacted, still open and without any contact for 30 days (dropped). A
    disqualified lead is rejected, a converted one assigned. Leads younger than the agreed 48 hours are out; both spans
    are settings.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K09.
    """
    return ratio("lead_responses", "is_leaked", among="is_due", on="created_on", empty="no leads")


@kpi("share", better="lower")
def never_contacted_rate():
    """Inbound leads that nobody tried to reach, of those that came in, by the day they came in.

    Rule: as `inflow_leakage`; leads that were closed untried count.
    Returns: as `inflow_leakage`.
    Source: kpis.md K09, K10.
    """
    return ratio("lead_responses", "is_never_contacted", among="is_due", on="created_on", empty="no leads")


@kpi("money", better="lower")
def unfollowed_value(ask: Ask):
    """What the inbound leads that nobody tried would bring, were they won as often as those that were tried.

    Rule: their number × the share won so far of the tried inbound leads of the same days × the mean amount of the new
    deals won in those days. Leads that were tried may have been the better ones: an upper guess, not a loss booked.
    Returns: n (leads nobody tried), share (won of the tried), deal_size (mean amount), value, low and high (from the
    share's interval), reason.
    Source: kpis.md K09; house decision of 2026-11-21.
    """
    keys = [*ask.question.by, *(["period"] if ask.question.period else [])]
    left = ask(counts("lead_responses", among=("is_due", "is_never_contacted"), on="created_on"))
    tried = ratio("lead_facts", "is_won", among=("is_inbound", "is_attempted"), on="created_on", empty="nothing tried")
    size = mean("deal_facts", "amount_minor", ("is_won", "is_new_business", "has_amount"), "closed_on", 100)
    one_size = ask(size, by=(), period=None)["value"].iloc[0]
    shares = ask(tried)[[*keys, "value", "low", "high"]]
    rows = left[[*keys, "n"]].merge(shares, on=keys or None, how="left" if keys else "cross")
    rows = rows.assign(share=rows["value"], deal_size=one_size)
    rows = rows.assign(**{name: rows["n"] * rows[name] * one_size for name in ("value", "low", "high")})
    return rows[[*keys, "n", "share", "deal_size", "value", "low", "high"]].assign(
        reason=np.where(rows["value"].isna(), "nothing won", "")
    )


@kpi("share", better="higher")
def attempt_hazard():
    """Leads first reached at an attempt, of those that got it and were not reached before, by the attempt's day.

    Rule: reached is a talk with a decision maker at the attempt, or being qualified before the next one (a setting);
    giving up censors. Ask it by attempt, gap_from_days, hour, weekday, channel or owner_id. Sellers choose whom they
    try again and when: differences between groups are not proof of a cause.
    Returns: as `contact_rate`.
    Source: kpis.md K11, G19; Cox 1972.
    """
    return clustered("attempts", "is_reached", "lead_id", "is_at_risk", "attempted_on", UNTRIED)


@kpi("ratio", better="higher")
def attempt_odds(ask: Ask):
    """Odds that an attempt of a group reaches the lead first ÷ the odds of all other attempts.

    Rule: as `attempt_hazard`, compared among attempts of the same number and, unless that is the group, the same time
    since the one before (Mantel-Haenszel): what is tried on a Monday had a weekend before it. By one column:
    gap_from_days (second attempts and later), hour, weekday, channel or owner_id. Groups under 20 attempts have no
    test. Sellers choose whom they try when: no proof of a cause.
    Returns: the group, numerator, denominator, share, share_low, share_high (by lead), value (1 is no difference), low,
    high, p, reason.
    Raises: WrongUsage where not exactly one group is asked for, or a trend is.
    Source: kpis.md K11; Mantel and Haenszel 1959.
    """
    by = ask.question.by or ("channel",)
    if len(by) != 1 or ask.question.period:
        raise WrongUsage("attempt_odds takes one group and no trend.", f"Found by={by}.", "Ask by='gap_from_days'.")
    shares = ask(attempt_hazard.measure, by=by).dropna(subset=[by[0]])
    if shares.empty:
        raise Unanswerable(UNTRIED)
    strata = [name for name in ("attempt", "gap_from_days") if name != by[0]]
    rows = ask.rows("attempts", (*strata, "is_reached"), among="is_at_risk", on="attempted_on", by=by)
    rows = rows.dropna(subset=[by[0]])
    found = [against(rows, by[0], value, strata) for value in shares[by[0]]]
    renamed = shares.rename(columns={"value": "share", "low": "share_low", "high": "share_high"})
    odds = pd.DataFrame(found, columns=["value", "low", "high", "p"], index=shares.index)
    few = renamed["denominator"] < LEAST
    odds.loc[few, "p"] = np.nan
    rows = renamed.drop(columns=["clusters", "reason"]).join(odds)
    return rows.assign(reason=np.where(rows["value"].isna(), "too few", "")).reset_index(drop=True)


LEAST = 20


def against(rows: pd.DataFrame, by: str, value, strata: list[str]) -> tuple[float, float, float, float]:
    """One group's odds against all others', within strata."""
    found = compared(rows.assign(is_group=rows[by] == value), "is_group", "is_reached", strata)
    return found.value, found.low, found.high, found.p


@kpi("ratio", better="lower")
def attempts_per_reached(ask: Ask):
    """Attempts that one more reached lead takes, if leads are tried up to so many times.

    Rule: 1 ÷ `attempt_hazard`, attempt by attempt, with the share reached up to there and what it costs; the cost of an
    attempt is a setting (follow_up.attempt_cost). Leads given up are taken to be like the others.
    Returns: attempt, denominator, reached_share, attempts_per_lead, value, low, high, cost, cost_low, cost_high,
    mean_cost, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K11.
    """
    single(ask, "attempts_per_reached")
    chances = ask(attempt_hazard.measure, by=("attempt",))
    unbroken = chances[(chances["attempt"] == np.arange(1, len(chances) + 1)) & (chances["denominator"] > 0)]
    if unbroken.empty:
        raise Unanswerable(UNTRIED)
    cost = ask.book.run["follow_up"]["attempt_cost"] or np.nan
    rows = attempts.stop_rule(unbroken, cost)
    return rows.assign(reason=np.where(rows["value"].isna(), "nobody reached", ""))


@kpi("share")
def touch_of_sale(ask: Ask):
    """Sales agreed after so many contacts, of all sales, by the day they closed.

    Rule: contacts are human calls, emails and meetings, ours and theirs, on the deal and its lead up to the win; a sale
    without any counts under 0. Renewals are out. A share of sales is not the chance of a contact: most sales come after
    the number of contacts that most deals get. See `attempt_hazard` for the chance.
    Returns: touch, numerator, denominator (sales), value, low and high of the Wilson 95 % interval.
    Source: kpis.md K12; Wilson 1927.
    """
    keys = [*ask.question.by, *(["period"] if ask.question.period else [])]
    sales = counts("sale_touches", among="is_new_business", on="closed_on")
    rows = ask(sales, by=(*ask.question.by, "touch"))
    whole = rows.groupby(keys, dropna=False)["n"].transform("sum") if keys else rows["n"].sum()
    rows = rows.assign(numerator=rows["n"], denominator=whole)
    low, high = stats.wilson(rows["numerator"].to_numpy(), rows["denominator"].to_numpy())
    rows = rows.assign(value=divided(rows["numerator"], rows["denominator"]), low=low, high=high)
    rows["reason"] = np.where(rows["value"].isna(), "nothing won", "")
    return rows[[*ask.question.by, "touch", *keys[len(ask.question.by) :], "numerator", "denominator", *VALUES]]


VALUES = ("value", "low", "high", "reason")


@kpi("score", better="higher")
def lead_score(ask: Ask):
    """How well the score of leads tells those that are won: the chance that a won lead had the higher score.

    Rule: the score is a rule (`scoring.scored`): what leads of the same product and channel came to, as far as known on
    the first of the lead's month. Judged on leads that came in 180 days or longer ago, by whether they were won within
    180 days; 0.5 is no better than a coin. Under 30 won or 30 not won it refuses.
    Returns: n, numerator (won), value (AUC), low, high (DeLong), reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K41; DeLong, DeLong and Clarke-Pearson 1988.
    """
    judged = judged_leads(ask, "lead_score")
    if not scoring.is_enough(judged):
        return pd.DataFrame([{"n": len(judged), "numerator": int(judged["is_success"].sum()), **TOO_FEW}])
    found = calibration.auc(judged["score"], judged["is_success"])
    row = {"n": len(judged), "numerator": int(judged["is_success"].sum()), **found._asdict(), "reason": ""}
    return pd.DataFrame([row])


TOO_FEW = {"value": np.nan, "low": np.nan, "high": np.nan, "reason": "too few outcomes"}


@kpi("share")
def lead_score_lift(ask: Ask):
    """Leads won within 180 days, by fifth of the score they had when they came in, the highest first.

    Rule: as `lead_score`; equal scores are kept in one group.
    Returns: group, denominator (leads), numerator, value, low, high, lift (value ÷ that of all), captured, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K41; Wilson 1927.
    """
    judged = judged_leads(ask, "lead_score_lift")
    if not scoring.is_enough(judged):
        return pd.DataFrame([{"group": 1, "denominator": len(judged), "numerator": 0, **TOO_FEW}])
    rows = calibration.lift(judged["score"], judged["is_success"], GROUPS).rename(columns={"n": "denominator"})
    return rows.assign(reason="")


@kpi("share")
def lead_score_calibration(ask: Ask):
    """Leads won within 180 days, by the chance that their score gave them when they came in.

    Rule: as `lead_score`; groups of equal width on the scores there are.
    Returns: forecast (mean score), n, numerator, value, low, high, brier, skill (of all), reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K41, K27; Brier 1950.
    """
    judged = judged_leads(ask, "lead_score_calibration")
    if not scoring.is_enough(judged):
        return pd.DataFrame([{"forecast": np.nan, "n": len(judged), "numerator": 0, **TOO_FEW}])
    # Bins as narrow as the scores are high, so that small chances do not all fall into one.
    bins = int(np.ceil(BINS / max(judged["score"].max(), 0.1)))
    found = calibration.calibration(judged["score"], judged["is_success"], bins)
    rows = found.bins[found.bins["n"] > 0][["forecast", "n", "numerator", "value", "low", "high"]]
    return rows.assign(brier=found.brier, skill=found.skill, reason="").reset_index(drop=True)


GROUPS, BINS = 5, 5
OF_SCORE = ("created_on", "source", "product", "is_won", "closed_on")


def scored_leads(ask: Ask, *more: str) -> pd.DataFrame:
    """All leads of the slice with their score, and more of their columns."""
    rows = ask.rows("lead_facts", ("lead_id", *OF_SCORE, *more))
    return scoring.scored(rows.assign(won_on=rows["closed_on"].where(rows["is_won"].astype(bool))))


def judged_leads(ask: Ask, name: str) -> pd.DataFrame:
    """The leads by which a score can be judged."""
    single(ask, name)
    return scoring.settled(scored_leads(ask), ask.book.period.end)


@kpi("share")
def order_of_work(ask: Ask):
    """Whom to call first as things stand: deals that can close, then leads by their score.

    Rule: first the open deals in the last stage before won that have not stood there longer than nine in ten that went
    on, by chance × amount; then open leads, not yet a deal, that came in within 90 days, by score, those never tried
    before others, the newest first. The chance of a deal is the share of deals that went on from its stage in time,
    over twelve months; that of a lead is its score.
    Returns: place, kind (deal, lead), id, owner_id, seller (as shown), product, source, day (it came in or got there),
    why (last stage, qualified, reached, never tried, tried), n_attempts, amount (report currency), value (chance), low,
    high, reason, record_url.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K41; house decision of 2026-11-21.
    """
    single(ask, "order_of_work")
    rows = pd.concat([closeable(ask), promising(ask)], ignore_index=True)
    rows = rows.assign(place=np.arange(1, len(rows) + 1), low=np.nan, high=np.nan)
    return rows.assign(reason=np.where(rows["value"].isna(), "no past to judge by", ""))[WORK]


WORK = ["place", "kind", "id", "owner_id", "seller", "product", "source", "day", "why", "n_attempts", "amount",
        "value", "low", "high", "reason", "record_url"]  # fmt: skip
FRESH_DAYS = 90


def closeable(ask: Ask) -> pd.DataFrame:
    """Open deals in the last stage that have not stood there too long, the largest expected amount first."""
    columns = ("deal_id", "pipeline", "position", "next_stage", "reached_on", "is_open", "is_mature", "amount_minor")
    rows = ask.rows("deal_steps", (*columns, "owner_id", "owner.shown_as", "product", "source", "deal.record_url"))
    rows = rows[(rows["next_stage"] == "Won") & rows["is_open"].astype(bool) & ~rows["is_mature"].astype(bool)]
    passing = ratio("deal_steps", "is_next_reached_in_time", among="is_mature", on="reached_on")
    chances = ask(passing, by=("pipeline", "position"), last=12)[["pipeline", "position", "value"]]
    rows = rows.merge(chances, on=["pipeline", "position"], how="left")
    amount = rows["amount_minor"].astype(float) / 100
    rows = rows.assign(
        amount=amount, expected=amount.fillna(0) * rows["value"].fillna(0), kind="deal", why="last stage"
    )
    rows = rows.sort_values(["expected", "deal_id"], ascending=[False, True])
    names = {"deal_id": "id", "reached_on": "day", "owner.shown_as": "seller", "deal.record_url": "record_url"}
    return rows.rename(columns=names).assign(n_attempts=0).reindex(columns=WORK)


def promising(ask: Ask) -> pd.DataFrame:
    """Open leads that are no deal yet, by score."""
    state = (
        "is_open",
        "is_converted",
        "is_qualified",
        "is_reached",
        "n_attempts",
        "owner_id",
        "owner.shown_as",
    )
    rows = scored_leads(ask, *state, "record_url")
    age = (pd.Timestamp(ask.book.period.end) - pd.to_datetime(rows["created_on"])).dt.days
    is_todo = rows["is_open"].astype(bool) & ~rows["is_converted"].astype(bool) & (age <= FRESH_DAYS)
    rows = rows[is_todo]
    states = [rows["is_qualified"].astype(bool), rows["is_reached"].astype(bool), rows["n_attempts"] == 0]
    why = np.select(states, ["qualified", "reached", "never tried"], "tried")
    rows = rows.assign(kind="lead", why=why, is_untried=rows["n_attempts"] == 0, amount=np.nan)
    keys = ["score", "is_untried", "created_on", "lead_id"]
    rows = rows.sort_values(keys, ascending=[False, False, False, True], na_position="last")
    names = {"lead_id": "id", "created_on": "day", "owner.shown_as": "seller", "score": "value"}
    return rows.rename(columns=names).reindex(columns=WORK)
