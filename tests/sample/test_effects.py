"""The effects planted in contacts, prices and forecasts, found again by slow loops that know no generator."""

import itertools
import math

import pandas as pd
import pytest

from salesbook import sample
from salesbook.sample.effects import FLAT_CRM_PROBABILITY

TRUTH = sample.truth()
DAY = pd.Timedelta(days=1)
OPEN_STAGES = ["Qualification", "Needs analysis", "Demo", "Proposal", "Negotiation"]
HEARD = ("call", "email", "meeting")
MOST_WIDE = math.exp(6 * 0.3)  # of an interval, high to low: narrow enough to tell twofold from none


def counting(deals):
    return deals[deals.merged_at.isna() & deals.deleted_at.isna() & ~deals.is_test.astype(bool)]


def by(frame, key):
    groups = {}
    for row in frame.itertuples():
        groups.setdefault(getattr(row, key), []).append(row)
    return groups


def pooled_odds_ratio(tables):
    """Mantel and Haenszel's odds ratio over strata of (a, b, c, d), and the error of its logarithm (Robins)."""
    r = s = pr = ps_qr = qs = 0.0
    for a, b, c, d in tables:
        n = a + b + c + d
        if n:
            one, two = a * d / n, b * c / n
            p, q = (a + d) / n, (b + c) / n
            r, s = r + one, s + two
            pr, ps_qr, qs = pr + p * one, ps_qr + p * two + q * one, qs + q * two
    return r / s, math.sqrt(pr / (2 * r * r) + ps_qr / (2 * r * s) + qs / (2 * s * s))


def interval(tables):
    """Three errors to both sides of the pooled odds ratio."""
    ratio, error = pooled_odds_ratio(tables)
    return ratio * math.exp(-3 * error), ratio * math.exp(3 * error)


def reaches(attempt):
    return pd.notna(attempt.reached_decision_maker) and bool(attempt.reached_decision_maker)


def next_attempts(rows):
    """By number of the attempt: first talks with a decision maker after two to four days and within one, and misses."""
    acts = rows["activities"]
    ours = acts[(acts.direction == "outbound") & ~acts.is_automatic.astype(bool) & acts.type.isin(["call", "email"])]
    tables = {}
    for attempts in by(ours[ours.lead_id.notna()].sort_values("occurred_at"), "lead_id").values():
        for number, (before, this) in enumerate(itertools.pairwise(attempts)):
            if reaches(before):
                break
            gap = this.occurred_at - before.occurred_at
            if gap <= DAY or 2 * DAY < gap <= 4 * DAY:
                tables.setdefault(number, [0, 0, 0, 0])[2 * (gap <= DAY) + (not reaches(this))] += 1
    return tables.values()


@pytest.mark.parametrize("effects", [True, False])
def test_the_next_attempt_reaches_twice_as_well_after_two_to_four_days(large, effects):
    true = TRUTH["attempt_spacing"]["odds_ratio_to_within_a_day"]["two to four days"] if effects else 1.0
    low, high = interval(next_attempts(large[effects]))
    assert low < true < high < MOST_WIDE * low


def late_losses(rows):
    """Lost at Proposal or later and won, of deals with mail alone from Proposal on and of those with talks."""
    visits, acts = by(rows["stage_history"], "deal_id"), rows["activities"]
    contacts = by(acts[acts.deal_id.notna() & acts.occurred_at.notna() & acts.type.isin(HEARD)], "deal_id")
    table = [0, 0, 0, 0]
    for deal in counting(rows["deals"]).query("status != 'open'").itertuples():
        late = [visit.entered_at for visit in visits[deal.deal_id] if visit.stage in ("Proposal", "Negotiation")]
        then = [contact.type for contact in contacts.get(deal.deal_id, []) if late and contact.occurred_at >= late[0]]
        if then:
            mail_alone = not {"call", "meeting"} & set(then)
            table[2 * (not mail_alone) + (deal.status == "won")] += 1
    return table


@pytest.mark.parametrize("effects", [True, False])
def test_deals_with_mail_alone_are_lost_late_three_times_as_often(large, effects):
    low, high = interval([late_losses(large[effects])])
    assert low < (TRUTH["email_only_late"]["odds_ratio"] if effects else 1.0) < high < MOST_WIDE * low


def winning_by_discount(rows):
    """By product and by whether the rates had risen: won and lost with more than 15 % off, and with less."""
    tables = {}
    for deal in counting(rows["deals"]).dropna(subset=["discount", "closed_at"]).itertuples():
        key = deal.product, deal.closed_at >= pd.Timestamp("2026-05-01")
        tables.setdefault(key, [0, 0, 0, 0])[2 * (deal.discount <= 0.15) + (deal.status != "won")] += 1
    return tables.values()


@pytest.mark.parametrize("effects", [True, False])
def test_a_high_discount_doubles_the_odds_to_win(large, effects):
    low, high = interval(winning_by_discount(large[effects]))
    assert low < (TRUTH["discount_and_winning"]["odds_ratio"] if effects else 1.0) < high < MOST_WIDE * low


def submitted_against_won(rows):
    """By seller: sum of submitted numbers and sum of what was won in those quarters, for quarters that are over."""
    euros = {"EUR": 1.0, "DKK": 0.13404, "GBP": 1.17}
    won = {}
    for deal in (
        counting(rows["deals"]).query("status == 'won' and amount > 0").dropna(subset=["closed_at"]).itertuples()
    ):
        key = deal.owner_id, (deal.closed_at + pd.Timedelta(hours=1)).to_period("Q")
        won[key] = won.get(key, 0.0) + deal.amount * euros[deal.currency]
    sums = {}
    for said in rows["forecast_snapshots"].query("method == 'rep'").itertuples():
        quarter = said.period.to_period("Q")
        if pd.Period("2025Q1") <= quarter <= pd.Period("2026Q3"):
            submitted, actual = sums.get(said.owner_id, (0.0, 0.0))
            sums[said.owner_id] = submitted + said.amount, actual + won.get((said.owner_id, quarter), 0.0)
    return {seller: submitted / actual for seller, (submitted, actual) in sums.items() if actual}


def test_one_seller_submits_too_much_and_the_others_are_right_on_average(large):
    ratios = submitted_against_won(large[True])
    optimist = TRUTH["optimistic_seller"]
    assert ratios.pop(optimist["owner_id"]) == pytest.approx(optimist["submitted_to_actual"], abs=0.2)
    assert all(abs(ratio - 1) < 0.2 for ratio in ratios.values())
    flat = submitted_against_won(large[False])
    assert all(abs(ratio - 1) < 0.2 for ratio in flat.values())


def test_in_the_stored_sample_the_optimist_stands_out(rows):
    ratios = submitted_against_won(rows)
    assert max(ratios, key=ratios.get) == TRUTH["optimistic_seller"]["owner_id"]


def test_the_sellers_submit_each_month_for_the_quarter_that_runs_or_begins(rows):
    said = rows["forecast_snapshots"].query("method == 'rep'")
    assert said.deal_id.isna().all()
    ahead = (said.period.dt.year - said.snapshot_at.dt.year) * 12 + said.period.dt.month - said.snapshot_at.dt.month
    assert set(ahead) == {1, 0, -1}
    assert said.period.dt.month.isin([1, 4, 7, 10]).all()
    assert said.snapshot_at.nunique() == 24


def test_deals_that_come_to_the_last_stages_are_won_as_often_as_written_down_and_less_than_the_crm_says(large):
    rows = large[True]
    visits = by(rows["stage_history"], "deal_id")
    tally = {}
    for deal in counting(rows["deals"]).dropna(subset=["closed_at"]).itertuples():
        reached = max([*OPEN_STAGES, "Won"].index(v.stage) for v in visits[deal.deal_id] if v.stage != "Lost")
        for stage in ("Proposal", "Negotiation"):
            if reached >= OPEN_STAGES.index(stage) and deal.closed_at.strftime("%Y-%m") not in ("2026-03", "2026-04"):
                when = "after" if deal.closed_at >= pd.Timestamp("2026-04-30T22:00:00") else "before"
                won, n = tally.get((stage, deal.product, when), (0, 0))
                tally[stage, deal.product, when] = won + (deal.status == "won"), n + 1
    for (stage, product, when), (won, n) in tally.items():
        planted = TRUTH["stage_probabilities"]["stages"][stage]
        true = planted["true"][product][when]
        assert abs(won / n - true) < 4 * math.sqrt(true * (1 - true) / n), (stage, product, when, won / n, true)
    for stage in ("Proposal", "Negotiation"):
        won, n = (sum(part) for part in zip(*(tally[key] for key in tally if key[0] == stage), strict=True))
        assert won / n < TRUTH["stage_probabilities"]["stages"][stage]["crm"] - 0.1


def test_without_effects_the_crm_s_chances_are_those_of_the_deals_that_stand_there(large):
    rows = large[False]
    status = counting(rows["deals"]).set_index("deal_id").status
    shots = rows["forecast_snapshots"].query("method == 'crm' and snapshot_at < '2026-01-01'")
    tally = {}
    for shot in shots.itertuples():
        if status.get(shot.deal_id, "open") != "open":
            tally.setdefault(shot.stage, {}).setdefault(shot.deal_id, []).append(status[shot.deal_id] == "won")
    for stage, said in zip(OPEN_STAGES, FLAT_CRM_PROBABILITY, strict=False):
        n = sum(map(len, tally[stage].values()))
        share = sum(map(sum, tally[stage].values())) / n
        error = math.sqrt(sum((sum(won) - len(won) * share) ** 2 for won in tally[stage].values())) / n
        assert error < 0.04
        assert abs(share - said) < 4 * error, stage
