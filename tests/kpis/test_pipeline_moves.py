"""The waterfall to the cent, pushed deals and coverage: worked cases, random companies, plain loops over the sample."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from plain import ZONE, Plain
from salesbook.clock import Period, month_after
from salesbook.errors import BadData, WrongUsage
from salesbook.kpis import pipeline
from salesbook.kpis.pipeline.covering import past_yield
from salesbook.waterfall import STEPS, balance, waterfall
from worked import SETTINGS, book_of

DEALS = """
deal_id,owner_id,pipeline,stage,amount,currency,created_at,expected_close,closed_at,status,deleted_at
A,S2,Sales,Proposal,150.00,EUR,2026-08-01,2026-11-20,,open,
B,S1,Sales,Won,200.00,EUR,2026-08-01,2026-10-15,2026-10-12,won,
C,S1,Sales,Won,300.00,EUR,2026-10-05,2026-10-25,2026-10-20,won,
D,S1,Sales,Lost,350.00,EUR,2026-08-01,2026-10-10,2026-10-15,lost,
E,S1,Sales,Proposal,60.00,EUR,2026-10-07,2027-02-01,,open,
F,S1,Sales,Proposal,70.00,EUR,2026-08-01,2026-12-01,,open,
G,S1,Sales,Proposal,80.00,EUR,2026-08-01,2026-10-30,,open,2026-10-09
H,S1,Sales,Proposal,1000.00,DKK,2026-08-01,2026-10-20,,open,
"""
HISTORY = """
deal_id,stage,entered_at,exited_at
F,Qualification,2026-08-01,2026-09-01
F,Lost,2026-09-01,2026-10-08
F,Proposal,2026-10-08,
"""
CHANGES = """
deal_id,field,old_value,new_value,changed_at
A,amount,100.00,150.00,2026-10-10
A,owner,S1,S2,2026-10-10
A,expected_close,2026-09-25,2026-11-20,2026-10-10
D,amount,400.00,350.00,2026-10-03
H,expected_close,2026-10-20,2027-01-10,2026-10-19
"""
RATES = """
currency,rate_on,rate
DKK,2026-09-30,0.13
DKK,2026-10-31,0.14
"""
REPS = """
owner_id,display_name,team
S1,Seller 01,North
S2,Seller 02,South
"""
COMPANY = {"deals": DEALS, "stage_history": HISTORY, "deal_changes": CHANGES, "fx_rates": RATES, "reps": REPS}


def steps(rows: pd.DataFrame) -> dict[str, float]:
    return {row["step"]: row["value"] for row in rows.to_dict("records") if row["value"]}


def test_every_step_of_the_waterfall_is_its_deals(tmp_path):
    found = pipeline.pipeline_waterfall(book_of(tmp_path, **COMPANY))
    assert steps(found) == {
        "start": 100 + 200 + 400 + 80 + 130,  # A, B, D, G, and H at 0.13
        "new": 300 + 60,  # C and E
        "reopened": 70,
        "increased": 150 - 100,
        "currency": 140 - 130,
        "won": -(200 + 300),  # C is new and won in one month
        "lost": -350,
        "decreased": -(400 - 350),
        "deleted": -80,
        "end": 150 + 60 + 70 + 140,
    }
    assert found["step"].tolist() == list(STEPS)
    assert found.set_index("step")["n"][["start", "new", "won", "end"]].tolist() == [5, 2, 2, 4]


def test_a_deal_that_changes_hands_leaves_one_seller_and_comes_to_the_other(tmp_path):
    book = book_of(tmp_path, **COMPANY)
    found = pipeline.pipeline_waterfall(book, by="owner_id")
    one, other = (steps(found[found["owner_id"] == owner]) for owner in ("S1", "S2"))
    assert (one["increased"], one["transferred_out"]) == (50, -150)
    assert other == {"transferred_in": 150, "end": 150}
    assert "transferred_in" not in steps(pipeline.pipeline_waterfall(book))


def test_deals_expected_in_a_quarter_are_pulled_in_and_pushed_out(tmp_path):
    found = pipeline.expected_waterfall(book_of(tmp_path, **COMPANY))
    this, following = (steps(part) for _, part in found.groupby("quarter"))
    # At the start A was expected in September; H is now expected in January. E came for February.
    assert this == {"start": 200 + 400 + 80 + 130, "new": 300, "pulled_in": 100, "reopened": 70, "increased": 50,
                    "currency": 10, "won": -500, "lost": -350, "pushed_out": -140, "decreased": -50, "deleted": -80,
                    "end": 150 + 70}  # fmt: skip
    assert following == {"new": 60, "pulled_in": 130, "currency": 10, "end": 60 + 140}


def test_what_was_expected_needs_a_history(tmp_path):
    book = book_of(tmp_path, deals=DEALS, stage_history=HISTORY, fx_rates=RATES)
    for kpi in (pipeline.expected_waterfall, pipeline.pushed_deals, pipeline.push_length, pipeline.expected_deals):
        assert kpi(book)["reason"].iloc[0] == "needs deal_changes or forecast_snapshots"
    assert steps(pipeline.pipeline_waterfall(book))["end"] == 420


def test_a_win_recorded_after_the_month_it_closed_in_leaves_the_pipeline_when_it_is_known(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    A,Sales,Won,100.00,EUR,2026-08-01,2026-09-28,won
    B,Sales,Lost,900.00,EUR,2026-08-01,2026-09-10,lost
    """
    history = """
    deal_id,stage,entered_at,exited_at,recorded_at
    A,Qualification,2026-08-01,2026-09-28,2026-08-01
    A,Won,2026-09-28,,2026-10-02
    B,Qualification,2026-08-01,2026-09-10,2026-08-01
    B,Lost,2026-09-10,,2026-09-10
    """
    book = book_of(tmp_path, deals=deals, stage_history=history)
    assert steps(pipeline.pipeline_waterfall(book)) == {"start": 100, "won": -100}


def test_steps_that_do_not_add_up_fail_the_report():
    with pytest.raises(BadData, match=r"does not balance.*0\.01"):
        balance([100, 5, 104])
    balance([100, 5, 105])


def test_the_waterfall_goes_by_months(sample_book):
    with pytest.raises(WrongUsage, match="months"):
        pipeline.pipeline_waterfall(sample_book, period="week")


def test_every_month_of_the_sample_balances_and_begins_where_the_one_before_ended(sample_book):
    for by in (None, "owner.team", "product"):
        found = pipeline.pipeline_waterfall(sample_book, by=by, period="month", last=30)
        parts = found[found["step"] != "end"].groupby([*([by] if by else []), "period"], dropna=False)["value"].sum()
        ends = found[found["step"] == "end"]["value"]
        assert np.allclose(parts.to_numpy(), ends.to_numpy(), atol=1e-6)
    whole = pipeline.pipeline_waterfall(sample_book, period="month", last=30)
    at = {step: part["value"].round(2).tolist() for step, part in whole.groupby("step")}
    assert at["start"][1:] == at["end"][:-1]
    assert len(at["start"]) == 23
    year = pipeline.pipeline_waterfall(sample_book, last=12).set_index("step")["value"]
    assert year["won"] == pytest.approx(sum(at["won"][-12:]))
    assert year["start"] == at["start"][-12]


def random_company(seed: int) -> dict[str, str]:
    """Deals that open, move, close, reopen, are entered late, deleted, merged, and change hands, amounts and dates."""
    random = np.random.default_rng(seed)
    deals, history, changes = [], [], []
    for number in range(60):
        begun, amount = random.uniform(0, 260), int(random.integers(0, 9000))
        path = random_path(random, begun)
        last = path[-1][0]
        ended = at(path[-1][1]) if last in ("Won", "Lost") else ""
        gone = at(begun + random.uniform(1, 90)) if random.random() < 0.15 else ""
        merged = gone if random.random() < 0.4 and number else ""
        recorded = at(begun + random.exponential(3) * (random.random() < 0.5))
        status, owner = {"Won": "won", "Lost": "lost"}.get(last, "open"), f"S{random.integers(3)}"
        deals.append([number, owner, "Sales", last, amount or "", ("EUR", "DKK")[random.integers(2)], at(begun),
                      at(begun + 60)[:10], ended, status, "" if merged else gone, 0 if merged else "", merged,
                      recorded])  # fmt: skip
        for (stage, entered), following in zip(path, [*path[1:], None], strict=True):
            late = entered + random.choice([0, 0, 2, 40]) * random.random()
            history.append([number, stage, at(entered), at(following[1]) if following else "", at(late)])
        now = {"amount": amount, "owner": owner, "expected_close": at(begun + 60)[:10]}
        then = {"amount": 9000 - amount, "owner": "S0", "expected_close": at(begun + 20)[:10]}
        for field in [field for field in now if random.random() < 0.5 and now[field]]:
            changes.append([number, field, then[field], now[field], at(begun + random.uniform(0, 80))])
    rates = [["DKK", at(day)[:10], round(random.uniform(0.1, 0.2), 6)] for day in range(-40, 280)]
    return {
        "deals": text("deal_id,owner_id,pipeline,stage,amount,currency,created_at,expected_close,closed_at,status,"
                      "deleted_at,merged_into,merged_at,recorded_at", deals),
        "stage_history": text("deal_id,stage,entered_at,exited_at,recorded_at", history),
        "deal_changes": text("deal_id,field,old_value,new_value,changed_at", changes),
        "fx_rates": text("currency,rate_on,rate", rates),
    }  # fmt: skip


def random_path(random: np.random.Generator, begun: float) -> list[tuple[str, float]]:
    """Stages with the days they were entered: forwards, backwards, over the end and back, some within the hour."""
    stages, day, path = ("Qualification", "Demo", "Proposal"), begun, []
    for _ in range(int(random.integers(1, 5))):
        is_end = random.random() < 0.3
        path.append((("Won", "Lost")[random.integers(2)] if is_end else stages[random.integers(3)], day))
        day += random.choice([0.0, 0.2, 20.0]) * random.random() + 0.001
    return [visit for visit in path if visit[1] < 272]


def at(day: float) -> str:
    """An instant, by days from February."""
    return (pd.Timestamp("2026-02-01") + pd.Timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ")


def text(columns: str, rows: list) -> str:
    """A table as text."""
    return "\n".join([columns, *(",".join(str(value) for value in row) for row in rows)])


@pytest.mark.parametrize("seed", range(3))
def test_the_waterfall_of_any_company_balances_in_every_month_and_slice(tmp_path, seed):
    book = book_of(tmp_path, **random_company(seed))
    whole = pipeline.pipeline_waterfall(book, period="month", last=9)
    at = {step: part["value"].round(2).tolist() for step, part in whole.groupby("step")}
    assert len(at["start"]) >= 6
    assert at["start"][1:] == at["end"][:-1]
    moved = {step for step, values in at.items() if any(values)}
    assert {"new", "increased", "decreased", "currency", "won", "lost", "deleted"} <= moved
    by_owner = pipeline.pipeline_waterfall(book, by="owner_id", last=6)
    alone = pipeline.pipeline_waterfall(book, last=6)
    sides = by_owner.groupby("step")["value"].sum().round(2)
    for step in ("start", "new", "won", "lost", "deleted", "currency", "end"):
        assert sides[step] == pytest.approx(alone.set_index("step")["value"][step], abs=0.005)
    assert sides["transferred_in"] == -sides["transferred_out"]
    expected = pipeline.expected_waterfall(book, last=6)
    assert len(expected) == 2 * len(STEPS)


def test_a_stock_that_the_moves_do_not_lead_to_is_refused(sample_book):
    rows = sample_book.rows("select * from pipeline_moves where month = date '2026-10-01'")
    assert waterfall(rows)["value"].iloc[-1] > 0
    broken = rows.assign(last_minor=rows["last_minor"].where(rows.index != rows.index[rows["is_end"]][0], 1))
    with pytest.raises(BadData, match="does not balance"):
        waterfall(broken)


# Pushed deals

PUSHES = """
deal_id,pipeline,stage,amount,currency,created_at,expected_close,closed_at,status
A,Sales,Proposal,1.00,EUR,2026-08-01,2026-11-20,,open
B,Sales,Proposal,1.00,EUR,2026-08-01,2026-10-20,,open
C,Sales,Won,1.00,EUR,2026-08-01,2026-10-05,2026-10-06,won
D,Sales,Lost,1.00,EUR,2026-08-01,2026-12-05,2026-10-09,lost
E,Sales,Proposal,1.00,EUR,2026-08-01,2026-12-24,,open
F,Sales,Proposal,1.00,EUR,2026-10-02,2026-11-24,,open
"""
MOVES = """
deal_id,field,old_value,new_value,changed_at
A,expected_close,2026-09-10,2026-10-10,2026-09-09
A,expected_close,2026-10-10,2026-11-20,2026-10-10
D,expected_close,2026-10-08,2026-12-05,2026-10-08
E,expected_close,2026-11-30,2026-12-24,2026-10-08
F,expected_close,2026-10-12,2026-11-24,2026-10-12
"""


def test_pushed_are_those_open_and_later_of_those_expected_at_the_start(tmp_path):
    book = book_of(tmp_path, deals=PUSHES, deal_changes=MOVES)
    row = pipeline.pushed_deals(book).iloc[0]
    # Expected in October when it began: A (pushed), B (overdue), C (won), D (put off, then lost). E and F were not.
    assert (row["numerator"], row["denominator"], row["value"]) == (1, 4, 1 / 4)
    fates = pipeline.expected_deals(book).set_index("expected_fate")["n"].to_dict()
    assert fates == {"pushed": 1, "overdue": 1, "won": 1, "lost": 1}
    assert pipeline.push_length(book).iloc[0]["value"] == 41  # 10 October to 20 November
    pushes = book.rows("select deal_id, n_pushes from expected_deals order by deal_id")
    assert pushes["n_pushes"].tolist() == [2, 0, 0, 1]


def test_snapshots_alone_tell_what_was_pushed(tmp_path):
    snapshots = """
    snapshot_at,method,deal_id,owner_id,stage,category,amount,currency,expected_close
    2026-09-30T20:00:00Z,crm,A,,Proposal,,1.00,EUR,2026-10-10
    2026-09-30T20:00:00Z,crm,B,,Proposal,,1.00,EUR,2026-10-20
    2026-10-30T20:00:00Z,crm,A,,Proposal,,1.00,EUR,2026-11-20
    2026-10-30T20:00:00Z,crm,B,,Proposal,,1.00,EUR,2026-10-20
    """
    row = pipeline.pushed_deals(book_of(tmp_path, deals=PUSHES, forecast_snapshots=snapshots)).iloc[0]
    assert (row["numerator"], row["denominator"]) == (1, 2)


def test_a_change_known_after_a_snapshot_goes_before_it(tmp_path):
    snapshots = """
    snapshot_at,method,deal_id,owner_id,stage,category,amount,currency,expected_close
    2026-10-27T20:00:00Z,crm,A,,Proposal,,1.00,EUR,2026-11-05
    """
    deals = PUSHES.replace("A,Sales,Proposal,1.00", "A,Sales,Proposal,9.00")
    changes = MOVES + "A,amount,1.00,9.00,2026-10-29\n"
    book = book_of(tmp_path, deals=deals, deal_changes=changes, forecast_snapshots=snapshots)
    row = book.rows("select amount_minor, expected_close_on from open_deals where is_now and deal_id = 'A'").iloc[0]
    assert (row["amount_minor"], str(row["expected_close_on"])[:10]) == (900, "2026-11-05")


# Coverage

QUARTER = """
deal_id,owner_id,pipeline,stage,amount,currency,created_at,expected_close,closed_at,status
A,S1,Sales,Won,100.00,EUR,2026-08-01,2026-10-20,2026-10-20,won
B,S1,Sales,Proposal,500.00,EUR,2026-08-01,2026-12-20,,open
C,S2,Sales,Proposal,40.00,EUR,2026-08-01,2027-03-31,,open
D,S2,Sales,Proposal,7.00,EUR,2026-08-01,2026-09-30,,open
E,S2,Sales,Proposal,1.00,EUR,2026-08-01,2026-10-02,,open
"""
TARGETS = """
target_id,kpi,level,level_id,starts_on,ends_on,value,currency
T1,won,organisation,,2026-10-01,2026-12-31,300,EUR
T2,won,team,North,2026-10-01,2026-12-31,90,EUR
T3,won,rep,S2,2027-01-01,2027-02-28,90,EUR
"""


def test_coverage_is_what_is_expected_by_what_is_left_of_the_target(tmp_path):
    book = book_of(tmp_path, deals=QUARTER, targets=TARGETS, reps=REPS)
    this, following = pipeline.pipeline_coverage(book).to_dict("records")
    # B and the overdue E of this quarter; D was expected in the last one.
    assert (this["n"], this["value"]) == (2, pytest.approx((500 + 1) / (300 - 100)))
    assert (following["n"], following["numerator"], following["reason"]) == (1, 40, "no target")
    teams = pipeline.pipeline_coverage(book, by="owner.team")
    assert teams[teams["owner.team"] == "North"]["reason"].tolist() == ["target met", "no target"]
    sellers = pipeline.pipeline_coverage(book, by="owner_id")
    assert sellers[sellers["owner_id"] == "S2"]["reason"].tolist() == ["no target", "target of a part only"]
    assert pipeline.pipeline_coverage(book, by="product")["reason"].iloc[0] == "not by product"
    with pytest.raises(WrongUsage, match="instant"):
        pipeline.pipeline_coverage(book, last=2)


def test_coverage_by_team_of_sellers_without_one_says_so(tmp_path):
    book = book_of(tmp_path, deals=QUARTER, reps="owner_id,display_name,team\nS1,Ann,")
    assert pipeline.pipeline_coverage(book, by="owner.team")["reason"].tolist() == ["nothing open"]


def test_beside_coverage_stands_what_was_won_in_time_of_the_same_in_past_quarters(tmp_path):
    # Two months before the end of each of four quarters 100 and 300 were expected in it: once both were won in time,
    # once one, once none, and once one was won a day too late. With 800 expected now and 500 to win that is 1.6.
    wins = {"2025-12": ("12-20", "12-31"), "2026-03": ("03-01", ""), "2026-06": ("", ""), "2026-09": ("10-01", "")}
    rows = ["O,S1,Sales,Won,1.00,EUR,2025-01-01,2025-09-01,2025-09-01,won"]
    rows += ["N,S1,Sales,Proposal,800.00,EUR,2026-08-01,2026-12-20,,open"]
    for quarter, days in wins.items():
        for amount, day in zip((100, 300), days, strict=True):
            closed = f"{quarter[:4]}-{day}" if day else "2026-10-05"
            end = f"Won,{amount}.00,EUR,2025-07-01,{quarter}-15,{closed},won" if day else \
                f"Lost,{amount}.00,EUR,2025-07-01,{quarter}-15,{closed},lost"  # fmt: skip
            rows.append(f"{quarter}-{amount},S1,Sales,{end}")
    deals = QUARTER.strip().splitlines()[0] + "\n" + "\n".join(rows)
    changes = "deal_id,field,old_value,new_value,changed_at\nN,expected_close,2026-11-30,2026-12-20,2026-09-09"
    targets = TARGETS.replace("300,EUR", "600,EUR")
    book = book_of(tmp_path, deals=deals, targets=targets, reps=REPS, deal_changes=changes)
    this, following = pipeline.pipeline_coverage(book).to_dict("records")
    assert (this["won"], this["value"]) == (100, 800 / 500)
    assert (this["past_n"], this["past_share"]) == (4, (400 + 100 + 0 + 0) / 1600)
    assert this["needed"] == 1600 / 500
    assert this["past_low"] <= this["past_share"] < this["past_high"]
    # Five months before their end three of them were seen, and of those the 100 of March was won in time.
    assert (following["past_n"], following["past_share"]) == (3, 100 / 1200)


def test_without_an_own_target_that_of_the_teams_serves(tmp_path):
    targets = TARGETS.replace("organisation,,2026-10-01,2026-12-31", "organisation,,2026-10-01,2026-10-31")
    book = book_of(tmp_path, deals=QUARTER.replace("100.00", "50.00"), targets=targets, reps=REPS)
    this = pipeline.pipeline_coverage(book).iloc[0]
    assert (this["target"], this["value"]) == (90, pytest.approx(501 / (90 - 50)))


def test_coverage_at_the_end_of_a_quarter_is_of_the_one_that_begins(tmp_path):
    note = "activity_id,type,direction,occurred_at\nN,note,outbound,2026-09-15T12:00:00Z"
    settings = SETTINGS.replace("2026-10", "2026-09")
    book = book_of(tmp_path, "2026-09", settings, deals=QUARTER, targets=TARGETS, activities=note)
    changes = pipeline.pipeline_coverage(book)
    assert [str(day)[:10] for day in changes["quarter"]] == ["2026-10-01", "2027-01-01"]
    assert changes["won"].iloc[0] == 0


# The sample, by plain loops


@pytest.fixture(scope="module")
def plain(project) -> Plain:
    return Plain(project / "data" / "sample")


def known_state(visits: pd.DataFrame, deal: dict, at: pd.Timestamp) -> str:
    """The stage a deal was known to stand in at an instant; empty where it was not known, or gone."""
    gone = [deal[name] for name in ("deleted_at", "merged_at") if pd.notna(deal[name])]
    if gone and min(gone) < at:
        return ""
    stage = ""
    for visit in visits.itertuples():
        known = max(x for x in (visit.entered_at, visit.recorded_at, deal["created_at"], deal["recorded_at"]) if x == x)
        if known < at:
            stage = visit.stage
    return stage


def known_value(changes: pd.DataFrame, now: str, at: pd.Timestamp) -> str:
    """A field of a deal as it was known at an instant, from the changes of it."""
    value = changes["old_value"].iloc[0] if len(changes) else now
    for change in changes.itertuples():
        if max(change.changed_at, change.recorded_at) < at:
            value = change.new_value
    return value


@pytest.fixture(scope="module")
def standing(plain, project) -> dict[str, dict[str, tuple[int, str]]]:
    """What stood open at the start and end of October, by deal: amount in cents, and expected close."""
    deals = pd.read_csv(project / "data/sample/deals.csv", dtype=str, keep_default_na=False)
    for name in ("created_at", "recorded_at", "deleted_at", "merged_at"):
        deals[name] = pd.to_datetime(deals[name], utc=True).dt.tz_localize(None)
    order = {stage: place for place, stage in enumerate(pd.read_csv(project / "data/sample/stages.csv")["stage"])}
    visits = plain.read("stage_history").assign(place=lambda rows: rows["stage"].map(order))
    visits = dict(list(visits.sort_values(["deal_id", "entered_at", "place"]).groupby("deal_id")))
    changes = dict(list(plain.read("deal_changes").sort_values("changed_at").groupby(["deal_id", "field"])))
    rates = pd.read_csv(project / "data/sample/fx_rates.csv").sort_values("rate_on")
    found = {}
    for name, day in (("start", date(2026, 10, 1)), ("end", date(2026, 11, 1))):
        at = pd.Timestamp(day, tz=ZONE).tz_convert("UTC").tz_localize(None)
        # The rate of the day before, or the last one before it.
        rate = {"EUR": 1.0} | rates[rates["rate_on"] < str(day)].groupby("currency")["rate"].last().to_dict()
        found[name] = {}
        for deal in deals.to_dict("records"):
            mine = visits.get(deal["deal_id"])
            if mine is None or deal["is_test"] == "true" or known_state(mine, deal, at) in ("", "Won", "Lost"):
                continue
            told = {name: changes.get((deal["deal_id"], name), pd.DataFrame()) for name in ("amount", "expected_close")}
            amount, expected = (known_value(rows, deal[name], at) for name, rows in told.items())
            cents = round(float(amount or 0) * 100) * rate[deal["currency"]]
            found[name][deal["deal_id"]] = (max(int(cents + 0.5), 0), expected)
    return found


def test_what_stood_open_agrees_with_a_plain_loop_over_the_history(sample_book, standing):
    found = pipeline.pipeline_waterfall(sample_book).set_index("step")
    for name in ("start", "end"):
        assert found["n"][name] == len(standing[name])
        total = sum(cents for cents, _ in standing[name].values()) / 100
        assert found["value"][name] == pytest.approx(total, rel=1e-6)
    came = standing["end"].keys() - standing["start"].keys()
    assert found["n"]["new"] + found["n"]["reopened"] >= len(came)
    gone = standing["start"].keys() - standing["end"].keys()
    assert found["n"]["won"] + found["n"]["lost"] + found["n"]["deleted"] >= len(gone)


def test_pushed_deals_agree_with_a_plain_loop_over_the_history(sample_book, standing):
    expected = {deal: day for deal, (_, day) in standing["start"].items() if "2026-10-01" <= day < "2026-11-01"}
    pushed = [deal for deal in expected if deal in standing["end"] and standing["end"][deal][1] >= "2026-11-01"]
    row = pipeline.pushed_deals(sample_book).iloc[0]
    assert (row["numerator"], row["denominator"]) == (len(pushed), len(expected))


def test_coverage_agrees_with_a_plain_loop(sample_book, standing, project):
    targets = pd.read_csv(project / "data/sample/targets.csv", dtype=str, keep_default_na=False)
    team = targets[(targets["kpi"] == "won") & (targets["level"] == "team") & (targets["starts_on"] == "2026-10-01")]
    open_now = sum(cents for cents, day in standing["end"].values() if "2026-10-01" <= day < "2027-01-01") / 100
    row = pipeline.pipeline_coverage(sample_book).iloc[0]
    assert row["numerator"] == pytest.approx(open_now, rel=1e-6)
    assert row["target"] == team["value"].astype(float).sum()
    assert row["value"] == pytest.approx(open_now / (row["target"] - row["won"]), rel=1e-6)


BEGINNERS = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
A,Sales,Proposal,100.00,EUR,2026-08-05,,open
B,Sales,Won,200.00,EUR,2026-08-10,2026-09-05,won
"""


def test_a_quarter_in_which_a_company_began_has_all_of_its_months(tmp_path):
    found = pipeline.pipeline_waterfall(book_of(tmp_path, month="2026-Q3", deals=BEGINNERS))
    assert steps(found) == {"new": 100 + 200, "won": -200, "end": 100}


def test_what_was_won_of_the_expected_is_told_of_three_past_quarters_and_not_of_two():
    now, quarter = Period(date(2026, 10, 1), date(2026, 11, 1)), Period(date(2026, 10, 1), date(2027, 1, 1))
    begins = [month_after(quarter.start, -3 * back) for back in (1, 2, 3)]
    seen = pd.DataFrame({"seen_on": [month_after(now.end, -3 * back) for back in (1, 2, 3)]})
    seen = seen.assign(expected_close_on=begins, won_on=begins, amount_minor=100)
    assert past_yield(quarter, now, seen)["past_share"] == 1
    assert np.isnan(past_yield(quarter, now, seen.head(2))["past_share"])
