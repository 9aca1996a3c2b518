"""The sample company: the same for the same seed, sound in every row, and with the planted effects really in it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from salesbook import sample
from salesbook.errors import WrongUsage
from salesbook.schema import readme
from salesbook.tables import TABLES

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
END = pd.Timestamp("2026-10-31T23:00:00")  # 1 November, 0:00 in Amsterdam
PAIRS = [
    (table.name, column.name, column.parent) for table in TABLES.values() for column in table.columns if column.parent
]
STAGE_ORDER = ["Qualification", "Needs analysis", "Demo", "Proposal", "Negotiation", "Won", "Lost"]


@pytest.fixture(scope="module")
def rows():
    return sample.company()


@pytest.fixture(scope="module")
def large():
    """Two large companies, so that the noise is small against the effects: with them and without."""
    return {effects: sample.company(leads=9_000, seed=11, effects=effects) for effects in (True, False)}


def digests(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def counting(deals):
    """The deals that count."""
    return deals[deals.merged_at.isna() & deals.deleted_at.isna() & ~deals.is_test.astype(bool)]


def margin(share, n):
    """Four standard errors of a share."""
    return 4 * np.sqrt(share * (1 - share) / n)


# The same for the same arguments


def test_the_same_arguments_write_the_same_bytes_in_another_zone_and_with_another_hash_seed(tmp_path):
    sample.write(tmp_path / "here", leads=150, months=4, seed=3)
    code = f"from salesbook import sample; sample.write({str(tmp_path / 'there')!r}, leads=150, months=4, seed=3)"
    elsewhere = os.environ | {"TZ": "America/New_York", "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=elsewhere)
    assert digests(tmp_path / "here") == digests(tmp_path / "there")


def test_another_seed_writes_other_leads(tmp_path):
    for seed in (1, 2):
        sample.write(tmp_path / str(seed), leads=60, months=2, seed=seed)
    one, two = digests(tmp_path / "1"), digests(tmp_path / "2")
    assert all(one[name] != two[name] for name in ("leads.csv", "deals.csv", "activities.csv", "fx_rates.csv"))


def test_the_stored_sample_is_what_the_generator_writes_now(tmp_path):
    sample.write(tmp_path)
    assert digests(tmp_path) == digests(SAMPLE)


def test_the_stored_sample_stays_small():
    assert sum(file.stat().st_size for file in SAMPLE.iterdir()) <= 5_000_000


def test_the_frames_hold_what_the_files_hold(rows):
    for name in sample.MADE:
        texts = pd.read_csv(SAMPLE / f"{name}.csv", dtype=str, keep_default_na=False)
        assert list(texts) == list(rows[name]) == [column.name for column in TABLES[name].columns]
        for column in TABLES[name].columns:
            assert is_as_written(texts[column.name], rows[name][column.name], column.type), column.name


def is_as_written(texts, values, kind):
    """Whether a column of a frame is what its file says, empty where that is."""
    written, held = texts[texts != ""], values.dropna()
    if kind in ("instant", "date"):
        held = held.dt.strftime("%Y-%m-%dT%H:%M:%SZ" if kind == "instant" else "%Y-%m-%d")
    elif kind == "money":
        held = held.map("{:.2f}".format)
    elif kind == "boolean":
        held = held.map({True: "true", False: "false"})
    elif kind in ("rate", "number", "share", "integer"):
        written, held = written.astype(float), held.astype(float)
    return ((texts == "") == values.isna()).all() and (held == written).all()


def test_the_readme_of_the_sample_is_printed_from_the_tables(rows):
    counts = {name: len(frame) for name, frame in rows.items()}
    assert (SAMPLE / "README.md").read_text(encoding="utf-8") == readme(TABLES.values(), counts)


def test_the_sizes_of_the_effects_stand_beside_the_sample():
    assert json.loads((SAMPLE / "effects.json").read_text()) == json.loads(json.dumps(sample.truth()))


@pytest.mark.parametrize("wrong", [{"leads": 0}, {"months": 0}, {"seed": -1}, {"last_month": "2026-13"}])
def test_a_size_or_month_that_cannot_be_is_refused(wrong):
    with pytest.raises(WrongUsage, match=r"Found .*="):
        sample.company(**wrong)


@pytest.mark.parametrize(("leads", "months"), [(1, 1), (3, 30), (40, 2)])
def test_the_smallest_companies_can_be_made(leads, months):
    assert len(sample.company(leads=leads, months=months, seed=5)["leads"]) == leads


# Sound in every row


@pytest.mark.parametrize("table", [name for name in sample.MADE if TABLES[name].key])
def test_every_key_is_there_once(rows, table):
    assert not rows[table].duplicated(list(TABLES[table].key)).any()


@pytest.mark.parametrize("table", sample.MADE)
def test_every_column_keeps_to_its_vocabulary_and_bounds(rows, table):
    for column in TABLES[table].columns:
        values = rows[table][column.name]
        assert not (column.filled and values.isna().any()), column.name
        values = values.dropna()
        assert not column.words or set(values) <= set(column.words)
        assert column.low is None or (values >= column.low).all()
        assert column.high is None or (values <= column.high).all()


@pytest.mark.parametrize(("table", "column", "parent"), [pair for pair in PAIRS if pair[0] in sample.MADE])
def test_every_parent_is_there(rows, table, column, parent):
    children = rows[table][column].dropna()
    assert children.isin(rows[parent][TABLES[parent].key[0]]).all()


@pytest.mark.parametrize(
    ("table", "later", "earlier"),
    [
        ("leads", "assigned_at", "created_at"),
        ("leads", "qualified_at", "created_at"),
        ("leads", "converted_at", "qualified_at"),
        ("leads", "disqualified_at", "created_at"),
        ("leads", "merged_at", "created_at"),
        ("leads", "deleted_at", "created_at"),
        ("leads", "recorded_at", "created_at"),
        ("activities", "recorded_at", "occurred_at"),
        ("deals", "closed_at", "created_at"),
        ("deals", "merged_at", "created_at"),
        ("deals", "deleted_at", "created_at"),
        ("deals", "recorded_at", "created_at"),
        ("stage_history", "exited_at", "entered_at"),
        ("stage_history", "recorded_at", "entered_at"),
        ("targets", "ends_on", "starts_on"),
    ],
)
def test_nothing_happens_before_what_must_come_first(rows, table, later, earlier):
    both = rows[table].dropna(subset=[later, earlier])
    assert len(both)
    assert (both[later] >= both[earlier]).all()


@pytest.mark.parametrize("table", sample.MADE)
def test_every_rule_of_the_tables_holds_but_for_a_handful_of_flags(rows, table):
    stored = rows[table].copy()
    for column in TABLES[table].columns:
        if column.type == "money":
            stored[f"{column.name}_minor"] = stored[column.name] * 100
        if column.type == "instant":
            stored[f"{column.name}_is_date"] = False
    with duckdb.connect() as connection:
        connection.register("stored", stored)
        for rule in TABLES[table].rules:
            (broken,) = connection.execute(f"select count(*) from stored where not ({rule.holds})").fetchone()
            assert broken <= (0 if rule.rejects else 10), rule.name


@pytest.mark.parametrize("table", sample.MADE)
def test_nothing_has_happened_after_the_last_month(rows, table):
    plans = ("planned_at", "expected_close", "ends_on")
    for column in TABLES[table].columns:
        if column.type in ("instant", "date") and column.name not in plans and rows[table][column.name].notna().any():
            assert rows[table][column.name].max() < END, column.name


def test_no_record_is_entered_before_the_one_it_belongs_to(rows):
    for table, parent in (("activities", "leads"), ("activities", "deals"), ("stage_history", "deals")):
        key = TABLES[parent].key[0]
        both = rows[table].merge(rows[parent], on=key, suffixes=("", "_of_parent"))
        assert len(both)
        assert (both.recorded_at >= both.recorded_at_of_parent).all()


def test_visits_to_stages_follow_one_another_and_end_where_the_deal_stands(rows):
    deals, history = rows["deals"].set_index("deal_id"), rows["stage_history"]
    for deal_id, visits in history.groupby("deal_id", sort=False):
        entered, exited = visits.entered_at.tolist(), visits.exited_at.tolist()
        assert exited[:-1] == entered[1:]
        assert pd.isna(exited[-1])
        assert visits.recorded_at.is_monotonic_increasing
        assert visits.stage.iloc[-1] == deals.stage[deal_id]
    assert set(history.deal_id) == set(deals.index)


def test_the_outcome_of_a_deal_is_that_of_its_stage(rows):
    deals = rows["deals"]
    outcome = deals.stage.map({"Won": "won", "Lost": "lost"}).fillna("open")
    assert (deals.status == outcome).all()
    assert deals.closed_at[deals.status == "open"].isna().all()
    last = rows["stage_history"].groupby("deal_id").entered_at.max()
    closed = deals[deals.closed_at.notna()]
    assert (closed.closed_at == closed.deal_id.map(last)).all()


def test_a_converted_lead_and_its_deal_begin_together(rows):
    both = rows["leads"].merge(rows["deals"], on="deal_id", suffixes=("", "_of_deal"))
    assert len(both) == rows["leads"].converted_at.notna().sum()
    assert (both.converted_at == both.created_at_of_deal).all()
    assert (both["product"] == both.product_of_deal).all()


def test_amounts_are_list_prices_less_the_discount(rows):
    deals = rows["deals"][rows["deals"].list_price.notna() & (rows["deals"].amount > 0)]
    assert np.allclose(deals.amount, deals.list_price * (1 - deals.discount), atol=0.01)


def test_records_are_merged_into_older_ones_of_the_same_organisation(rows):
    for table in ("leads", "deals"):
        frame = rows[table]
        key = TABLES[table].key[0]
        merged = frame[frame.merged_into.notna()].merge(frame, left_on="merged_into", right_on=key)
        assert len(merged) >= 3
        assert merged.merged_into_y.isna().all()
        assert (merged.account_id_x.fillna("") == merged.account_id_y.fillna("")).all()
        assert not (merged.created_at_x < merged.created_at_y).any()
        assert (merged.merged_at_x > merged.created_at_y.fillna(merged.recorded_at_y)).all()


def test_currency_rates_have_no_gap_over_a_week_and_cover_the_months(rows):
    for _, rates in rows["fx_rates"].groupby("currency"):
        assert rates.rate_on.diff().dropna().max() <= pd.Timedelta(days=5)
        assert rates.rate_on.min() < pd.Timestamp("2024-11-01") - pd.Timedelta(days=7)
        assert rates.rate_on.max() >= pd.Timestamp("2026-10-30")
        assert (rates.rate_on.dt.day_of_week < 5).all()
    assert set(rows["deals"].currency) == {"EUR", "DKK", "GBP"}


def test_people_work_in_the_opening_hours_of_their_own_country_summer_and_winter(rows):
    zones = rows["reps"].set_index("owner_id").time_zone
    calls = rows["activities"].query("type == 'call'").dropna(subset=["owner_id", "occurred_at"])
    for zone, of_zone in calls.groupby(calls.owner_id.map(zones)):
        local = of_zone.occurred_at.dt.tz_localize("UTC").dt.tz_convert(zone)
        minutes = local.dt.hour * 60 + local.dt.minute
        assert minutes.min() < 9 * 60 + 15
        assert minutes.min() >= 9 * 60
        assert minutes.max() <= 17 * 60 + 30
        assert (local.dt.day_of_week < 5).all()
        assert not ((local.dt.month == 12) & (local.dt.day == 25)).any()


def test_a_seller_who_left_does_nothing_more(rows):
    left = rows["reps"].dropna(subset=["ended_on"]).set_index("owner_id").ended_on + pd.Timedelta(days=1)
    assert len(left)
    done = rows["activities"][rows["activities"].owner_id.isin(left.index)]
    assert (done.occurred_at < done.owner_id.map(left)).all()


def test_the_products_take_three_weeks_three_months_and_seven_months(large):
    deals = counting(large[False]["deals"])
    won = deals[deals.status.eq("won") & deals.created_at.notna() & deals.closed_at.notna()]
    days = (won.closed_at - won.created_at).dt.days.groupby(won["product"]).median()
    assert days["Sensor"] == pytest.approx(21, abs=3)
    assert days["Analyser"] == pytest.approx(91, abs=8)
    assert days["Process system"] == pytest.approx(213, abs=16)


# What real CRMs hold


def flaws(rows):
    """How often each flaw of a real CRM is there."""
    deals, leads, acts, history = (rows[name] for name in ("deals", "leads", "activities", "stage_history"))
    human = acts[(acts.direction == "outbound") & ~acts.is_automatic.astype(bool)]
    first = leads.lead_id.map(human.groupby("lead_id").occurred_at.min())
    visited = history.groupby("deal_id").stage.agg(set)
    won = deals[deals.status == "won"].deal_id.map(visited)
    late = [frame.recorded_at - frame[at] for frame, at in ((acts, "occurred_at"), (history, "entered_at"))]
    per_day = leads[leads.source == "Event"].created_at.dt.date.value_counts()
    return {
        "reopened": (history.stage.eq("Lost") & history.exited_at.notna()).sum(),
        "mandatory stage skipped": won.map(lambda stages: not {"Needs analysis", "Negotiation"} <= stages).sum(),
        "optional stage passed": won.map(lambda stages: "Demo" in stages).sum(),
        "optional stage left out": won.map(lambda stages: "Demo" not in stages).sum(),
        "stages filled in at closing": (history.entered_at == history.exited_at).sum(),
        "moved in bulk": history.is_bulk.sum(),
        "deal without owner": deals.owner_id.isna().sum(),
        "deal without amount": deals.amount.isna().sum(),
        "deal of zero": (deals.amount == 0).sum(),
        "deal without creation": deals.created_at.isna().sum(),
        "deal without expected close": deals.expected_close.isna().sum(),
        "closed without a date": (deals.status.ne("open") & deals.closed_at.isna()).sum(),
        "past-due open deal": (deals.status.eq("open") & (deals.expected_close < END)).sum(),
        "deal without lead": (~deals.deal_id.isin(leads.deal_id)).sum(),
        "deal of a customer": deals.type.eq("existing").sum(),
        "renewal": deals.type.eq("renewal").sum(),
        "deleted": deals.deleted_at.notna().sum() + leads.deleted_at.notna().sum(),
        "test record": leads.is_test.sum(),
        "lead without owner": leads.owner_id.isna().sum(),
        "unanswered lead": (leads.is_inbound.astype(bool) & first.isna()).sum(),
        "closed unanswered": (first.isna() & leads.disqualified_at.notna()).sum(),
        "touched before creation": (first < leads.created_at).sum(),
        "automatic reply": acts.is_automatic.sum(),
        "planned only": acts.occurred_at.isna().sum(),
        "late by days": sum((lag > pd.Timedelta(days=1)).sum() for lag in late),
        "late by weeks": sum((lag > pd.Timedelta(days=14)).sum() for lag in late),
        "burst at an event": (per_day > 3).sum(),
        "duplicate organisation": rows["accounts"].org_number.dropna().duplicated().sum(),
        "branch": rows["accounts"].parent_id.notna().sum(),
        "no register number": rows["accounts"].org_number.isna().sum(),
    }


def test_the_sample_has_the_flaws_that_real_crms_have(rows):
    missing = {name: int(n) for name, n in flaws(rows).items() if n < 2}
    assert missing == {}


def test_the_sample_has_targets_at_every_level(rows):
    targets = rows["targets"]
    assert set(targets.level) == {"organisation", "team", "rep", "account"}
    monthly = targets[targets.level == "organisation"].groupby("kpi").size()
    assert dict(monthly) == dict.fromkeys(("won", "new_leads", "qualified_leads", "win_rate", "average_deal_size"), 24)
    ids = {"team": rows["reps"].team, "rep": rows["reps"].owner_id, "account": rows["accounts"].account_id}
    for level, known in ids.items():
        assert targets[targets.level == level].level_id.isin(known).all()


def test_without_effects_a_usual_month_meets_its_target_on_average(large):
    rows = large[False]
    won = counting(rows["deals"])[lambda deals: deals.status == "won"]
    euros = (won.amount * won.currency.map({"EUR": 1.0, "DKK": 0.134, "GBP": 1.17})).sum()
    target = rows["targets"].query("level == 'organisation' and kpi == 'won'").value.sum()
    assert euros / target == pytest.approx(1.0, abs=0.15)


# The planted effects, by slow loops


def closed_rates(rows, kind, late):
    """Win rates of deals closed from May 2026 on, or in the months before April 2026, by `kind` and in total."""
    tally = {}
    for deal in counting(rows["deals"]).itertuples():
        closed = deal.closed_at
        if pd.isna(closed) or closed.month in (4,) or (closed >= pd.Timestamp("2026-05-01")) != late:
            continue
        for group in (getattr(deal, kind), "total"):
            won, n = tally.get(group, (0, 0))
            tally[group] = (won + (deal.status == "won"), n + 1)
    return {group: (won / n, n) for group, (won, n) in tally.items()}


def test_the_win_rate_falls_while_that_of_every_product_rises(large):
    before, after = (closed_rates(large[True], "product", late) for late in (False, True))
    for product, true in sample.truth()["mix_shift"]["win_rate"].items():
        assert before[product][0] == pytest.approx(true["before"], abs=margin(true["before"], before[product][1]))
        assert after[product][0] == pytest.approx(true["after"], abs=margin(true["after"], after[product][1]))
        assert after[product][0] > before[product][0]
    assert after["total"][0] < before["total"][0] - 0.04


def test_the_stored_sample_shows_the_paradox_too(rows):
    before, after = (closed_rates(rows, "product", late) for late in (False, True))
    assert all(after[product][0] > before[product][0] for product in ("Sensor", "Analyser", "Process system"))
    assert after["total"][0] < before["total"][0]


@pytest.mark.parametrize("kind", ["product", "currency"])
def test_without_effects_every_segment_has_the_same_win_rate_all_the_time(large, kind):
    true = sample.truth(planted=False)["win_rate"]
    for late in (False, True):
        for share, n in closed_rates(large[False], kind, late).values():
            assert share == pytest.approx(true, abs=margin(true, n))


def passing(rows):
    """Share going on to Negotiation or to a win, and n, of the closed deals that reached Proposal.

    By product, and by whether they closed since the leak.
    """
    furthest = {}
    for visit in rows["stage_history"].itertuples():
        place = -1 if visit.stage == "Lost" else STAGE_ORDER.index(visit.stage)
        furthest[visit.deal_id] = max(furthest.get(visit.deal_id, -1), place)
    tally = {}
    for deal in counting(rows["deals"]).itertuples():
        if pd.notna(deal.closed_at) and furthest[deal.deal_id] >= STAGE_ORDER.index("Proposal"):
            group = deal.product, deal.closed_at >= pd.Timestamp("2026-03-31T22:00:00")
            passed, reached = tally.get(group, (0, 0))
            tally[group] = (passed + (furthest[deal.deal_id] > STAGE_ORDER.index("Proposal")), reached + 1)
    return {group: (passed / reached, reached) for group, (passed, reached) in tally.items()}


def test_fewer_deals_pass_from_proposal_to_negotiation_since_the_leak(large):
    found = passing(large[True])
    for product, true in sample.truth()["leaking_stage"]["passing_share"].items():
        (before, n), (after, m) = found[product, False], found[product, True]
        assert before == pytest.approx(true["before"], abs=margin(true["before"], n))
        # In the leak's first month deals still close at the old win rates: fewer pass than later.
        assert after == pytest.approx(true["after"], abs=margin(true["after"], m) + 0.02)
        assert after < before - 0.05


def test_without_effects_no_stage_leaks(large):
    found = passing(large[False])
    for product in ("Sensor", "Analyser", "Process system"):
        (before, n), (after, m) = found[product, False], found[product, True]
        assert abs(after - before) < 4 * np.sqrt(before * (1 - before) * (1 / n + 1 / m))


def reached_by_speed(rows):
    """Reached within 14 days of the first attempt and tried, of leads answered within the hour and of later ones."""
    acts = rows["activities"]
    human = acts[(acts.direction == "outbound") & ~acts.is_automatic.astype(bool) & acts.lead_id.notna()]
    by_lead = {}
    for touch in human.itertuples():
        reached = pd.notna(touch.reached_decision_maker) and touch.reached_decision_maker
        by_lead.setdefault(touch.lead_id, []).append((touch.occurred_at, reached))
    tally = {True: [0, 0], False: [0, 0]}
    for lead in rows["leads"].itertuples():
        touches = sorted(by_lead.get(lead.lead_id, []), key=lambda touch: touch[0])
        if not lead.is_inbound or not touches or touches[0][0] < lead.created_at:
            continue
        first = touches[0][0]
        if first > END - pd.Timedelta(days=14):
            continue
        within = any(reached and at <= first + pd.Timedelta(days=14) for at, reached in touches)
        fast = first - lead.created_at <= pd.Timedelta(hours=1)
        tally[fast][0] += within
        tally[fast][1] += 1
    return tally


@pytest.mark.parametrize("effects", [True, False])
def test_answering_within_the_hour_multiplies_the_odds_as_written_down(large, effects):
    tally = reached_by_speed(large[effects])
    (a, n), (b, m) = tally[True], tally[False]
    ratio = (a / (n - a)) / (b / (m - b))
    error = np.sqrt(1 / a + 1 / (n - a) + 1 / b + 1 / (m - b))
    truth = sample.truth()["answer_within_the_hour"] if effects else sample.truth(planted=False)
    assert min(n, m) > 1000
    assert abs(np.log(ratio / truth["odds_ratio"])) < 3 * error
    assert error < 0.12


@pytest.mark.parametrize("kind", ["source", "product"])
def test_without_effects_every_segment_qualifies_the_same_share(large, kind):
    leads = large[False]["leads"]
    qualified = leads.qualified_at.notna()
    for _, of_group in qualified.groupby(leads[kind]):
        assert of_group.mean() == pytest.approx(qualified.mean(), abs=margin(qualified.mean(), len(of_group)))


def test_without_effects_the_months_bring_about_as_many_leads_and_the_same_mix(large):
    leads = large[False]["leads"]
    month = leads.created_at.dt.tz_localize("UTC").dt.tz_convert("Europe/Amsterdam").dt.strftime("%Y-%m")
    counts = month.value_counts()
    assert len(counts) == 24
    assert (counts - 375).abs().max() < 4 * np.sqrt(375)
    shares = pd.crosstab(month, leads["product"], normalize="index")
    assert (shares - [0.35, 0.25, 0.40]).abs().max().max() < 4 * 0.5 / np.sqrt(300)
