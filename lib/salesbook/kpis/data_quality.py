"""What is wrong in the CRM, whose is it to mend, and what does it do to the figures?"""

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.backtests import day_of, histories
from salesbook.forecasts import Known, cycle_of, number
from salesbook.kpi import Ask, divided, kpi, median, ratio, total
from salesbook.measures import clustered, outcomes, single, wait
from salesbook.query import Unanswerable

DAY, HOUR, PER = 86_400, 3600, 100
RULES = ("past_due", "stale", "month_end_date", "missing_date", "zero_amount", "missing_amount", "missing_owner",
         "owner_left", "skipped_stage", "at_once", "backfilled", "bulk_edit")  # fmt: skip
DAYS = np.arange(0, 181, 3)
MOST = 0.5


@kpi("share", better="higher")
def data_quality():
    """Checks that deals passed, of the checks they were put to, as things stand.

    Rule: every deal open at the run's instant and every one closed in the twelve months before is put to each check
    that applies to it (`rule`); all checks count alike, there are no weights. Open deals: past_due (expected close
    before the instant), month_end_date (expected close on a month's last day, as CRMs fill it in), missing_date, stale
    (no contact, move or change for 30 days, the setting quiet_days), owner_left. Open and won ones: missing_amount,
    zero_amount. All: missing_owner. With a stage history: skipped_stage (a mandatory stage never entered), at_once (two
    stages entered in the same second), bulk_edit (marked so, or five deals and more moved in the same second),
    backfilled (won; a later stage entered within the hour before the win). Skips and jumps leave renewals out.
    Returns: numerator, denominator (checks), clusters (deals), value, low, high; the interval counts by deal.
    Source: kpis.md K45, G19; the rules: house decisions of 2026-11-22.
    """
    return clustered("deal_checks", "is_passed", "deal_id", empty="no deals")


@kpi("money", better="lower")
def amount_at_stake():
    """Amount of the open deals that failed a check, check by check.

    Rule: as `data_quality`; a deal that failed several counts in each, see `suspect_pipeline` for once.
    Returns: n (failed checks of open deals with an amount), value, in the report currency.
    Source: kpis.md K45.
    """
    return total("deal_checks", "at_stake_minor", among="is_at_stake", per=PER)


@kpi("share", better="lower")
def suspect_deals():
    """Open deals that failed a check of them as they stand, of all open deals.

    Rule: the checks of `data_quality` on date, amount, owner and signs of life; how a deal came where it is (skipped
    stages, moves at once or in bulk) does not make it suspect.
    Returns: numerator, denominator, value, low and high of the Wilson 95 % interval.
    Source: kpis.md K45; Wilson 1927.
    """
    return ratio("checked_deals", "is_suspect", empty="nothing open")


@kpi("money", better="lower")
def suspect_pipeline():
    """Amount of the open deals that failed a check of them as they stand, each counted once.

    Rule: as `suspect_deals`.
    Returns: n (suspect deals with an amount), value, in the report currency.
    Source: kpis.md K45.
    """
    return total("checked_deals", "amount_minor", among="is_suspect", per=PER)


@kpi("money")
def forecast_without_suspects(ask: Ask):
    """What the quarter comes to with every open deal, and with those left out that failed a check.

    Rule: the forecast of the quarter that holds the run's instant (`weighted_forecast`), made again without the open
    deals that failed each check, and without all suspect ones (`suspect_deals`): as if they were lost. Which of them
    truly are is not known: the truth lies between. `crm` is Σ amount × the CRM's probability of what is left.
    Returns: left_out (none, suspect, or a rule), quarter, n (deals left out), amount (theirs), crm, value, low and high
    (95 %, for none and suspect), in the report currency.
    Raises: WrongUsage where groups or a period are asked for.
    Source: kpis.md K45, K25.
    """
    single(ask, "forecast_without_suspects")
    deals = ask.rows("checked_deals", ("deal_id", "is_suspect", "amount_minor", "weighted_minor"))
    failed = ask.rows("deal_checks", ("deal_id", "rule"), among=("is_at_stake", "is_of_now"))
    left_out = {"none": set(), "suspect": set(deals["deal_id"][deals["is_suspect"].astype(bool)])}
    left_out |= {rule: set(failed["deal_id"][failed["rule"] == rule]) for rule in RULES if rule in set(failed["rule"])}
    ((_, history),) = histories(ask)
    known = history.known(number(ask.book.period.end), len(history.quarters) - 2)
    # In the order of the fact's key, as the history holds the deals of that morning.
    standing = ask.rows("open_deals", ("deal_id",), among="is_now")["deal_id"]
    deals = deals.set_index("deal_id").reindex(standing)
    rows = [{"left_out": name} | without(known, deals, some) for name, some in left_out.items()]
    has_ends = pd.Series([row["left_out"] in ("none", "suspect") for row in rows])
    found = pd.DataFrame(rows)
    return found.assign(low=found["low"].where(has_ends), high=found["high"].where(has_ends))


def without(known: Known, deals: pd.DataFrame, some: set) -> dict:
    """The forecast of a quarter without some of its open deals; `deals` are all of them, in the order of `known`."""
    is_out = deals.index.isin(some)
    made = cycle_of(known, ~is_out)
    amount, crm = deals.loc[is_out, "amount_minor"].sum() / PER, deals.loc[~is_out, "weighted_minor"].sum() / PER
    low, high = made.interval
    figures = {"value": made.value / PER, "low": low / PER, "high": high / PER, "reason": made.reason}
    return {"quarter": day_of(known.start), "n": len(some), "amount": float(amount), "crm": float(crm)} | figures


@kpi("share", better="lower")
def skipped_stages():
    """Mandatory stages that deals skipped, of those they went through or past, by the day they got past it.

    Rule: every stage up to the furthest one that a deal entered; a won deal went past all. A stage that may be left out
    (stages.is_mandatory) does not count, nor do renewals and deals without history.
    Returns: numerator, denominator (deals × stages), clusters (deals), value, low, high; the interval counts by deal.
    Source: kpis.md K22, G7, G8.
    """
    among = ("is_mandatory", "is_new_business")
    return clustered("stage_passages", "is_skipped", "deal_id", among, "reached_on", "nothing reached this step")


@kpi("share")
def optional_stages(ask: Ask):
    """Won deals that never entered a stage, stage by stage, by the day they were won.

    Rule: new deals with a stage history. A stage is optional in practice where more than half of the won deals skip it,
    beyond chance (the interval lies above a half), whatever the list of stages says (`is_mandatory`).
    Returns: by, pipeline, position, stage, is_mandatory, numerator, denominator (won deals), is_optional, value, low,
    high (Wilson 95 %).
    Source: kpis.md K22, G7; the half: house decision of 2026-11-22; Wilson 1927.
    """
    by = (*ask.question.by, "pipeline", "position", "stage", "is_mandatory")
    measure = ratio("stage_passages", "is_skipped", ("is_won", "is_new_business"), "closed_on", "nothing won")
    rows = ask(measure, by=by)
    if rows.empty:
        raise Unanswerable("nothing won")
    rows.insert(rows.columns.get_loc("value"), "is_optional", (rows["low"] > MOST).fillna(False))
    return rows


@kpi("share", better="lower")
def stages_at_once():
    """Stages that a deal entered in the same second as another, of those it entered, by the day it got there.

    Rule: nobody sells two stages in a second: they were filled in together. Stages entered on a day without a time are
    out, and so are renewals.
    Returns: numerator, denominator (deals × stages), clusters (deals), value, low, high; the interval counts by deal.
    Source: kpis.md K22.
    """
    among = ("is_timed", "is_new_business")
    return clustered("stage_passages", "is_at_once", "deal_id", among, "reached_on", "no times of moves")


@kpi("share", better="lower")
def stages_backfilled():
    """Stages of won deals entered within the hour before the win, of those entered, by the day of the win.

    Rule: the first stage of a deal is never back-filled; otherwise as `stages_at_once`.
    Returns: as `stages_at_once`.
    Source: kpis.md K22; the hour: house decision of 2026-11-22.
    """
    among = ("is_won_timed", "is_new_business")
    return clustered("stage_passages", "is_backfilled", "deal_id", among, "closed_on", "no times of moves")


@kpi("hours", better="lower")
def registration_delay():
    """Hours from a contact to its being entered in the CRM: the median, by the day of the contact.

    Rule: calls, emails and meetings by a person that were done, ours and theirs, where the CRM says when they were
    entered (`recorded_at`); without it lateness cannot be known. Those entered before they happened, or dated by the
    day alone, are out.
    Returns: n, value, low and high (order statistics, none under 6), p90, mean, in hours.
    Source: kpis.md K22, G3, G18.
    """
    among = "is_entry_timed"
    return median("touches", "entered_seconds", among, "touched_on", HOUR, "no times of entry")


@kpi("share", better="higher")
def registered_within_day():
    """Contacts entered in the CRM within a day of their happening, by the day of the contact.

    Rule: as `registration_delay`; a day is 24 hours by the clock.
    Returns: numerator, denominator, clusters (days of entry), value, low, high; the interval counts by day of entry,
    for what is entered late is entered together.
    Source: kpis.md K22, G19.
    """
    return clustered(
        "touches", "is_entered_in_a_day", "entered_on", "is_entry_timed", "touched_on", "no times of entry"
    )


@kpi("days", better="lower")
def days_until_amount():
    """Days from the creation of a new deal until it has an amount: the median, by the day it was created.

    Rule: from the changes of the amount; zero is none. A deal that had one from its start waited no day; one that never
    got one counts as long as it was watched, up to its close (Kaplan-Meier).
    Returns: n, numerator (got an amount), value, low, high, p90, in days.
    Source: kpis.md K45; Kaplan and Meier 1958.
    """
    measured = ("waited_seconds", "has_had_amount", "is_new_business", "created_on", DAY)
    return wait("deal_amounts", *measured, "fewer than half got one")


@kpi("share", better="higher")
def amount_known_by(ask: Ask):
    """Share of new deals that have an amount so many days after their creation.

    Rule: as `days_until_amount`, every three days of half a year.
    Returns: t (days), n, value, low, high, reason.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K45; Kaplan and Meier 1958.
    """
    single(ask, "amount_known_by")
    measure = outcomes("deal_amounts", "waited_seconds", "has_had_amount", "is_new_business", "created_on")
    found = ask(measure).iloc[0]
    if found["cases"] is None:
        raise Unanswerable("nothing created")
    value, ends = found["cases"].at(DAYS * DAY), found["cases"].interval(DAYS * DAY)
    curve = {"t": DAYS, "n": found["n"], "value": value, "low": ends.low, "high": ends.high}
    return pd.DataFrame(curve).dropna(subset=["value"], ignore_index=True).assign(reason="")


@kpi("share", better="lower")
def rejected_rows(ask: Ask):
    """Rows of the export that could not be read, of those read, by table.

    Rule: as the import counted them; a rejected row is in no figure. It is of the whole export, whatever is asked for.
    Returns: table, n_files, numerator (rejected), denominator (rows read), flagged (loaded, with a remark), value, low
    and high of the Wilson 95 % interval.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K45, G1; Wilson 1927.
    """
    single(ask, "rejected_rows")
    run = ask.book.run
    read = pd.DataFrame(run["inputs"], columns=["table", "file", "rows_read", "rows_rejected"])
    sums = {"n_files": ("file", "size"), "numerator": ("rows_rejected", "sum"), "denominator": ("rows_read", "sum")}
    rows = read.groupby("table", as_index=False).agg(**sums)
    flagged = {table: sum(rules.values()) for table, rules in run["flagged"].items()}
    low, high = stats.wilson(rows["numerator"].to_numpy(), rows["denominator"].to_numpy())
    rows = rows.assign(flagged=rows["table"].map(flagged).fillna(0).astype(int))
    rows = rows.assign(value=divided(rows["numerator"], rows["denominator"]), low=low, high=high)
    return rows.assign(reason=np.where(rows["value"].isna(), "no rows", ""))


@kpi("count", better="lower")
def import_remarks(ask: Ask):
    """Rows of the export that a rule rejected or flagged, rule by rule.

    Rule: a rejected row is left out, a flagged one is used as the rule says. Of the whole export.
    Returns: table, rule, rejected, flagged, value (both).
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K45.
    """
    single(ask, "import_remarks")
    run = ask.book.run
    kinds = {kind: {(table, rule): n for table, rules in run[kind].items() for rule, n in rules.items()}
             for kind in ("rejected", "flagged")}  # fmt: skip
    struck = sorted({*kinds["rejected"], *kinds["flagged"]})
    rows = [{"table": key[0], "rule": key[1]} | {kind: kinds[kind].get(key, 0) for kind in kinds} for key in struck]
    rows = pd.DataFrame(rows, columns=["table", "rule", "rejected", "flagged"])
    value = (rows["rejected"] + rows["flagged"]).astype(float)
    return rows.assign(value=value, low=np.nan, high=np.nan, reason="")


@kpi("money")
def deals_to_mend(ask: Ask):
    """Open deals that failed a check of them as they stand, the largest first, with what to mend.

    Rule: as `suspect_deals`; a deal without an amount comes last.
    Returns: deal_id, rules (the checks it failed), n (how many), stage, owner_id, seller (as shown), expected_close_on,
    value (amount, in the report currency; missing: no amount), low, high, reason, record_url.
    Raises: WrongUsage where groups or a trend are asked for.
    Source: kpis.md K45.
    """
    single(ask, "deals_to_mend")
    columns = ("deal_id", "rule", "stage", "owner_id", "owner.shown_as", "expected_close_on", "amount_minor")
    rows = ask.rows("deal_checks", (*columns, "deal.record_url"), among=("is_at_stake", "is_of_now"))
    if rows.empty:
        raise Unanswerable("nothing to mend")
    order = rows["rule"].map({rule: place for place, rule in enumerate(RULES)})
    rows = rows.assign(order=order).sort_values(["deal_id", "order"])
    told = rows.groupby("deal_id")["rule"].agg(["size", tuple])
    deals = rows.drop_duplicates("deal_id").set_index("deal_id").join(told).reset_index()
    deals = deals.rename(
        columns={"size": "n", "tuple": "rules", "owner.shown_as": "seller", "deal.record_url": "record_url"}
    )
    deals = deals.assign(value=deals["amount_minor"].astype(float) / PER, low=np.nan, high=np.nan)
    deals["reason"] = np.where(deals["value"].isna(), "no amount", "")
    return deals.sort_values(["value", "deal_id"], ascending=[False, True], ignore_index=True)[TO_MEND]


TO_MEND = ["deal_id", "rules", "n", "stage", "owner_id", "seller", "expected_close_on", "value", "low", "high",
           "reason", "record_url"]  # fmt: skip
