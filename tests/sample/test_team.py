"""The effects planted in how sellers work, found again by slow loops that know no generator."""

import math
from itertools import pairwise

import pandas as pd
import pytest

from salesbook import sample

TRUTH = sample.truth()
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)


def near(share, true, n):
    """Within four standard errors of a share."""
    return abs(share - true) < 4 * math.sqrt(true * (1 - true) / n)


def shares(pairs):
    """Share of true and n, by key."""
    tally = {}
    for key, is_so in pairs:
        held = tally.setdefault(key, [0, 0])
        held[0] += bool(is_so)
        held[1] += 1
    return {key: (k / n, n) for key, (k, n) in tally.items() if n >= 20}


def far_off(found, planted, *, effects):
    """Who has not the share planted: the seller named theirs, everybody else the usual one."""
    true = {key: planted["theirs" if effects and key == planted["owner_id"] else "others"] for key in found}
    return {key: (share, true[key], n) for key, (share, n) in found.items() if not near(share, true[key], n)}


# Call reluctance


def paces(rows):
    """Gaps between the calls of a shift and their hours, by caller and by whether two refusals came just before."""
    calls = rows["activities"].query("type == 'call' and direction == 'outbound'").dropna(subset="occurred_at")
    calls = calls[calls.lead_id.isna() & calls.deal_id.isna()].sort_values("occurred_at")
    tally = {}
    for (caller, _), of_day in calls.groupby(["owner_id", calls.occurred_at.dt.date]):
        refusals = 0
        for call, following in pairwise(of_day.itertuples()):
            refusals = refusals + 1 if call.outcome == "rejected" else 0
            gap = following.occurred_at - call.occurred_at
            if gap < 2 * HOUR:
                held = tally.setdefault((caller, refusals >= TRUTH["call_reluctance"]["refusals_in_a_row"]), [0, 0.0])
                held[0] += 1
                held[1] += gap / HOUR
    return tally


def test_some_callers_call_slower_after_two_refusals_in_a_row(rows):
    planted, tally = TRUTH["call_reluctance"], paces(rows)
    callers = {caller for caller, _ in tally}
    assert len(callers) == 5
    for caller in callers:
        (n, hours), (usual_n, usual_hours) = tally[caller, True], tally[caller, False]
        assert n + usual_n > 150
        ratio = (n / hours) / (usual_n / usual_hours)
        true = planted["rate_ratio"]["theirs" if caller in planted["owner_ids"] else "other_callers"]
        assert abs(math.log(ratio / true)) < 3.5 * math.sqrt(1 / n + 1 / usual_n), (caller, ratio)
        assert usual_n / usual_hours == pytest.approx(planted["calls_per_hour"]["usual"], rel=0.3)


def test_without_effects_nobody_only_calls(large):
    assert set(large[False]["reps"].team) == set(large[False]["surveys"].team)
    assert paces(large[False]) == {}


# Deals that stand still


def stayed(rows):
    """Of the deals that came to Needs analysis: those that never left it, by product and whether begun in the months
    planted, for deals old enough to have left."""
    planted = TRUTH["stalled_deals"]
    began = rows["stage_history"].groupby("deal_id").entered_at.min().dt.strftime("%Y-%m")
    deals = rows["deals"].set_index("deal_id")
    for visit in rows["stage_history"].query("stage == @planted['stage']").itertuples():
        deal = deals.loc[visit.deal_id]
        is_real = pd.isna(deal.merged_at) and pd.isna(deal.deleted_at)
        if is_real and "2025-01" < began[visit.deal_id] <= planted["to_month"] and deal["product"] != "Process system":
            is_then = began[visit.deal_id] >= planted["from_month"]
            yield (deal["product"], is_then), pd.isna(visit.exited_at)


@pytest.mark.parametrize("effects", [True, False])
def test_deals_of_one_product_and_half_a_year_stand_still(large, effects):
    planted = TRUTH["stalled_deals"]
    for (product, is_then), (share, n) in shares(stayed(large[effects])).items():
        is_planted = effects and is_then and product == planted["product"]
        # The slowest of the others are still there, too.
        assert near(share, planted["stays"] + 0.01, n) if is_planted else share < 0.06, (product, is_then, share, n)


# What is entered, when


def lateness(rows):
    mails = rows["activities"].query("type == 'email' and occurred_at < '2026-10-01'")
    for mail in mails.dropna(subset=["owner_id", "recorded_at"])[
        ["owner_id", "occurred_at", "recorded_at"]
    ].itertuples():
        lag = (mail.recorded_at - mail.occurred_at) / DAY
        yield mail.owner_id, TRUTH["late_registration"]["days"]["least"] <= lag


@pytest.mark.parametrize("effects", [True, False])
def test_one_seller_enters_most_of_it_days_late(large, effects):
    planted = TRUTH["late_registration"]
    for seller, (share, n) in shares(lateness(large[effects])).items():
        is_theirs = effects and seller == planted["owner_id"]
        assert near(share, planted["share"], n) if is_theirs else share < 0.03, (seller, share)


def owned(rows):
    """Visits of each deal that counts, by its first seller."""
    changes = rows["deal_changes"].query("field == 'owner'").groupby("deal_id").old_value.first()
    visits = {}
    for visit in rows["stage_history"].itertuples():
        visits.setdefault(visit.deal_id, []).append(visit)
    for deal in rows["deals"].itertuples():
        if pd.isna(deal.merged_at) and pd.notna(deal.owner_id):
            yield changes.get(deal.deal_id, deal.owner_id), deal, visits[deal.deal_id]


def skipping(rows):
    for seller, _, visits in owned(rows):
        stages = {visit.stage for visit in visits}
        if stages & {"Proposal", "Negotiation", "Won"}:
            yield seller, TRUTH["skipped_stages"]["stage"] not in stages


def filling(rows):
    for seller, deal, visits in owned(rows):
        if deal.status == "won":
            yield seller, sum(visit.entered_at == visits[-1].entered_at for visit in visits) >= 3


@pytest.mark.parametrize("effects", [True, False])
def test_one_seller_skips_a_mandatory_stage(large, effects):
    found = shares(skipping(large[effects]))
    assert not far_off(found, TRUTH["skipped_stages"] | TRUTH["skipped_stages"]["share"], effects=effects)
    assert len(found) == 16


@pytest.mark.parametrize("effects", [True, False])
def test_one_seller_fills_in_the_stages_at_the_close(large, effects):
    found = shares(filling(large[effects]))
    assert not far_off(found, TRUTH["back_filled"] | TRUTH["back_filled"]["share"], effects=effects)
    assert len(found) >= 14


def lost_in_one_second(rows):
    """How many deals were lost in each second in which any was."""
    lost = rows["stage_history"].query("stage == 'Lost'")
    return lost[lost.exited_at.isna()].entered_at.value_counts()


@pytest.mark.parametrize("size", ["stored", "large"])
def test_the_deals_lost_in_a_week_are_closed_in_one_second(rows, large, size):
    planted = TRUTH["bulk_edit"]
    together = lost_in_one_second(rows if size == "stored" else large[True])
    at, start = (pd.Timestamp(planted[name]).tz_localize(None) for name in ("at", "from"))
    assert together[at] >= 5
    assert together.drop(at).max() < 5
    assert not ((together.index >= start) & (together.index < at)).any()


def test_without_effects_no_deals_are_lost_in_one_second(large):
    assert lost_in_one_second(large[False]).max() < 5


def test_half_of_the_deals_pass_the_optional_stage(large):
    share = TRUTH["optional_stage"]["share_of_deals_that_come_to_proposal"]
    passed = [{visit.stage for visit in visits} for _, _, visits in owned(large[True])]
    reached = [stages for stages in passed if "Proposal" in stages]
    assert near(
        sum(TRUTH["optional_stage"]["stage"] in stages for stages in reached) / len(reached), share, len(reached)
    )


def test_some_sellers_leave_the_expected_close_at_the_month_s_end(rows):
    at_end = rows["deals"].query("status == 'open'").dropna(subset="expected_close").expected_close.dt.is_month_end
    assert 0.08 < at_end.mean() < 0.3


# Material, hours, the CRM, what is said


@pytest.mark.parametrize("effects", [True, False])
def test_material_is_used_more_for_deals_that_are_won(large, effects):
    used = set(large[effects]["collateral_usage"].deal_id)
    table = {True: [0, 0], False: [0, 0]}
    for _, deal, _ in owned(large[effects]):
        if deal.status != "open":
            table[deal.status == "won"][deal.deal_id in used] += 1
    (no, yes), (lost_no, lost_yes) = table[True], table[False]
    error = math.sqrt(sum(1 / n for n in (no, yes, lost_no, lost_yes)))
    true = TRUTH["material_and_winning"]["odds_ratio"] if effects else 1.0
    assert error < 0.1
    assert abs(math.log(yes * lost_no / (no * lost_yes) / true)) < 4 * error


@pytest.mark.parametrize("effects", [True, False])
def test_one_seller_uses_the_crm_on_fewer_days(large, effects):
    used = {(row.owner_id, row.used_on) for row in large[effects]["crm_usage"].itertuples()}
    worked = [(row.owner_id, row.worked_on) for row in large[effects]["working_hours"].itertuples()]
    recent = [key for key in worked if key[0] <= "S16" and key[1] >= pd.Timestamp("2026-08-01")]
    found = shares((seller, (seller, day) in used) for seller, day in recent)
    assert not far_off(found, TRUTH["crm_use"] | TRUTH["crm_use"]["active_days"], effects=effects)
    assert len(found) == 14


@pytest.mark.parametrize("effects", [True, False])
def test_one_seller_reports_more_than_is_logged(large, effects):
    acts = large[effects]["activities"]
    ours = acts[(acts.direction == "outbound") & ~acts.is_automatic.astype(bool) & acts.occurred_at.notna()]
    day = ours.occurred_at.dt.tz_localize("UTC").dt.tz_convert("Europe/Amsterdam").dt.tz_localize(None).dt.normalize()
    logged = ours.groupby([ours.owner_id, day, ours.type + "s"]).size().to_dict()
    sums = {}
    for report in large[effects]["self_reports"].itertuples():
        held = sums.setdefault(report.owner_id, [0.0, 0])
        held[0] += report.value
        held[1] += logged.get((report.owner_id, report.reported_on, report.kpi), 0)
    assert len(sums) == 14
    for seller, (said, done) in sums.items():
        planted = TRUTH["self_reports"]
        true = planted["reported_to_logged"]["theirs" if effects and seller == planted["owner_id"] else "others"]
        assert said / done == pytest.approx(true, abs=4 / math.sqrt(done)), seller


def test_without_effects_every_seller_tries_as_much_an_hour(large):
    hours = large[False]["working_hours"]
    acts = large[False]["activities"]
    ours = acts[(acts.direction == "outbound") & ~acts.is_automatic.astype(bool) & acts.lead_id.notna()]
    recent = ours[ours.occurred_at >= pd.Timestamp("2026-05-01")]
    rates = recent.groupby("owner_id").size() / hours.groupby("owner_id").hours.sum()
    assert rates.dropna().std() < 0.12 * rates.mean()


@pytest.mark.parametrize("effects", [True, False])
def test_one_team_would_recommend_less(large, effects):
    answers = large[effects]["surveys"]
    planted = TRUTH["pulse"]
    for team, scores in answers.query("scale_max == 10").groupby("team").score:
        enps = 100 * ((scores >= 9).mean() - (scores <= 6).mean())
        true = planted["enps"]["theirs" if effects and team == planted["team"] else "others"]
        assert enps == pytest.approx(true, abs=4 * 80 / math.sqrt(len(scores)))


def test_deals_and_leads_show_the_way_back_into_the_crm(rows):
    for name in ("deals", "leads"):
        assert (rows[name].record_url.str.rpartition("/")[2] == rows[name].iloc[:, 0]).all()
