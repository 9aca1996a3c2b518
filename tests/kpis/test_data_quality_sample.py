"""The checks of the CRM on the sample, at its last month and at one before, worked out again by plain loops."""

from datetime import date, timedelta

import pandas as pd
import pytest

from plain import median_of
from plain_company import MANDATORY, OPEN_STAGES, PLACE, asked, day_of, instant, months_on
from salesbook.kpis import data_quality as kpis
from salesbook.kpis.forecast_accuracy import crm_weighted_pipeline

HOUR, QUIET = timedelta(hours=1), timedelta(days=30)
OF_NOW = ("past_due", "month_end_date", "missing_date", "missing_amount", "zero_amount", "stale", "missing_owner",
          "owner_left")  # fmt: skip


@pytest.fixture(scope="module")
def signs(at_a_month) -> dict[str, pd.Timestamp]:
    """The last sign of life of each deal: a contact, a move or a change."""
    _, company = at_a_month
    found = [(row["deal_id"], row["occurred_at"]) for row in company.touches]
    found += [(deal, at) for deal, visits in company.visits.items() for at, _, _ in visits]
    found += [(deal, row["changed_at"]) for (deal, _), rows in company.changes.items()
              for row in rows if row["known_at"] < company.as_of]  # fmt: skip
    last: dict[str, pd.Timestamp] = {}
    for deal, at in found:
        last[deal] = max(at, last.get(deal, at))
    return last


@pytest.fixture(scope="module")
def passages(at_a_month) -> list[dict]:
    """Every open stage that a new deal went through or past: how it came there."""
    _, company = at_a_month
    rows = []
    for deal in company.deal_rows.values():
        times = [at for at, _, _ in deal["visits"]]
        furthest = max((PLACE[stage] for _, stage, _ in deal["visits"] if stage != "Lost"), default=0)
        for stage in OPEN_STAGES if deal["is_new"] else ():
            if PLACE[stage] > furthest and deal["outcome"] != "Won":
                continue
            there = [at for at, name, _ in deal["visits"] if name == stage]
            past = [at for at, name, _ in deal["visits"] if name != "Lost" and PLACE[name] >= PLACE[stage]]
            near = [at for at in there if at > times[0] or times.index(at) != 0]
            rows.append({
                "deal": deal, "stage": stage, "reached": day_of(min(past)), "is_skipped": not there,
                "is_at_once": any(times.count(at) > 1 for at in there),
                "is_backfilled": deal["outcome"] == "Won" and any(
                    timedelta(0) <= deal["ended_at"] - at <= HOUR for at in near),
            })  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def checks(at_a_month, signs, passages) -> list[tuple[str, dict, bool]]:
    """Every check that a deal is put to: its rule, the deal, and whether it failed."""
    _, company = at_a_month
    reps = pd.read_csv(company.folder / "reps.csv", dtype=str, keep_default_na=False).set_index("owner_id")["ended_on"]
    together: dict[pd.Timestamp, set] = {}
    for deal, visits in company.visits.items():
        for at, _, _ in visits:
            together.setdefault(at, set()).add(deal)
    ways: dict[str, list[dict]] = {}
    for row in passages:
        ways.setdefault(row["deal"]["deal_id"], []).append(row)
    year = months_on(company.end, -12)
    found = []
    for name, deal in company.deal_rows.items():
        is_open, is_won, way = deal["outcome"] == "open", deal["outcome"] == "Won", ways.get(name, [])
        if not is_open and deal["closed"] < year:
            continue
        due = date.fromisoformat(deal["expected_close"]) if deal["expected_close"] else None
        made = {"missing_owner": not deal["owner_id"]}
        if is_open:
            made |= {"missing_date": due is None, "stale": company.as_of - signs[name] > QUIET}
            made |= {"owner_left": "" < reps[deal["owner_id"]] < str(company.end)} if deal["owner_id"] else {}
        if is_open and due:
            made |= {"past_due": due < company.end, "month_end_date": (due + timedelta(days=1)).day == 1}
        if is_open or is_won:
            made |= {"missing_amount": not deal["amount"]}
            made |= {"zero_amount": float(deal["amount"]) <= 0} if deal["amount"] else {}
        if deal["visits"]:
            made["bulk_edit"] = any(bulk or len(together[at]) >= 5 for at, _, bulk in deal["visits"])
        if way:
            made["skipped_stage"] = any(row["is_skipped"] for row in way if row["stage"] in MANDATORY)
            made["at_once"] = any(row["is_at_once"] for row in way)
            made |= {"backfilled": any(row["is_backfilled"] for row in way)} if is_won else {}
        found += [(rule, deal, is_failed) for rule, is_failed in made.items()]
    return found


def test_every_check_of_every_deal(at_a_month, checks):
    book, company = at_a_month
    rows = book.rows("select deal_id, rule, is_failed from deal_checks")
    told = {(row["deal_id"], row["rule"]): row["is_failed"] for row in rows.to_dict("records")}
    assert told == {(deal["deal_id"], rule): is_failed for rule, deal, is_failed in checks}
    assert {rule for rule, _, _ in checks} == set(kpis.RULES)
    # What a seller who left had open went to others; and in June every amount was above zero.
    seldom = {"owner_left"} | ({"zero_amount"} if company.first.month == 6 else set())
    assert {rule for rule, _, is_failed in checks if is_failed} == set(kpis.RULES) - seldom


def test_checks_passed_and_what_is_at_stake(at_a_month, checks):
    book, _ = at_a_month
    made = kpis.data_quality(book, by=["rule", "product"]).fillna({"product": ""})
    expected = {}
    for rule, deal, is_failed in checks:
        passed, n, deals = expected.get((rule, deal["product"]), (0, 0, set()))
        expected[rule, deal["product"]] = (passed + (not is_failed), n + 1, deals | {deal["deal_id"]})
    told = {(row["rule"], row["product"]): (row["numerator"], row["denominator"], row["clusters"])
            for row in made.to_dict("records")}  # fmt: skip
    assert told == {key: (passed, n, len(deals)) for key, (passed, n, deals) in expected.items()}
    stake: dict[tuple, int] = {}
    for rule, deal, is_failed in checks:
        if is_failed and deal["outcome"] == "open" and deal["cents"]:
            stake[rule,] = stake.get((rule,), 0) + deal["cents"]
    found = asked(kpis.amount_at_stake(book, by="rule"), ["rule"], "value")
    # What is open is worth what it was on the day before; the rate of that day.
    assert {rule: value for rule, value in found.items() if value} == pytest.approx(
        {rule: cents / 100 for rule, cents in stake.items()}, rel=1e-9
    )


def test_suspect_deals_and_what_to_mend(at_a_month, checks):
    book, company = at_a_month
    wrong: dict[str, list[str]] = {}
    for rule, deal, is_failed in checks:
        if is_failed and rule in OF_NOW and deal["outcome"] == "open":
            wrong.setdefault(deal["deal_id"], []).append(rule)
    still = [deal for deal in company.deal_rows.values() if deal["outcome"] == "open"]
    suspect, money = kpis.suspect_deals(book).iloc[0], kpis.suspect_pipeline(book).iloc[0]
    assert (suspect["numerator"], suspect["denominator"]) == (len(wrong), len(still))
    cents = {deal: company.deal_rows[deal]["cents"] for deal in wrong}
    assert money["n"] == sum(value is not None for value in cents.values())
    assert money["value"] == pytest.approx(sum(value or 0 for value in cents.values()) / 100)
    rows = kpis.deals_to_mend(book)
    assert {row["deal_id"]: sorted(row["rules"]) for row in rows.to_dict("records")} == {
        deal: sorted(rules) for deal, rules in wrong.items()
    }
    assert rows["value"].dropna().tolist() == pytest.approx(
        sorted((value / 100 for value in cents.values() if value), reverse=True)
    )
    assert rows["n"].tolist() == [len(wrong[deal]) for deal in rows["deal_id"]]
    left = kpis.forecast_without_suspects(book).set_index("left_out")
    assert left.loc["suspect", ["n", "amount"]].tolist() == pytest.approx([len(wrong), money["value"]])
    assert left.loc["none", "crm"] == pytest.approx(crm_weighted_pipeline(book)["value"].iloc[0])


def test_stages_skipped_entered_at_once_and_back_filled(at_a_month, passages):
    book, company = at_a_month
    year = months_on(company.first, -11)

    def expected(rows: list[dict], column: str, day) -> tuple:
        lately = [row for row in rows if day(row) and year <= day(row) < company.end]
        return sum(row[column] for row in lately), len(lately), len({row["deal"]["deal_id"] for row in lately})

    there = [row for row in passages if not row["is_skipped"]]
    won = [row for row in there if row["deal"]["outcome"] == "Won"]
    cases = {
        kpis.skipped_stages: expected([row for row in passages if row["stage"] in MANDATORY], "is_skipped",
                                      lambda row: row["reached"]),
        kpis.stages_at_once: expected(there, "is_at_once", lambda row: row["reached"]),
        kpis.stages_backfilled: expected(won, "is_backfilled", lambda row: row["deal"]["closed"]),
    }  # fmt: skip
    for kpi, figures in cases.items():
        row = kpi(book, last=12).iloc[0]
        assert (row["numerator"], row["denominator"], row["clusters"]) == figures, kpi.name
        assert row["numerator"] > 0
        assert row["low"] < row["value"] < row["high"]


def test_stages_that_won_deals_leave_out(at_a_month, passages):
    book, company = at_a_month
    year = months_on(company.first, -11)
    found = kpis.optional_stages(book, last=12).set_index("stage")
    for stage in OPEN_STAGES:
        own = [row for row in passages if row["stage"] == stage and row["deal"]["outcome"] == "Won"]
        own = [row for row in own if year <= row["deal"]["closed"] < company.end]
        row = found.loc[stage]
        assert (row["numerator"], row["denominator"]) == (sum(one["is_skipped"] for one in own), len(own))
        assert row["is_optional"] == (row["low"] > 0.5)


def test_waits_for_a_first_amount(at_a_month):
    book, company = at_a_month
    waits = []
    for deal in company.deal_rows.values():
        if not deal["is_new"] or not deal["made"] or not months_on(company.first, -11) <= deal["made"] < company.end:
            continue
        told = [row for row in company.changes.get((deal["deal_id"], "amount"), []) if row["known_at"] < company.as_of]
        at_first = told[0]["old_value"] if told else deal["amount"]
        later = [row["changed_at"] for row in told if float(row["new_value"] or 0) > 0]
        got = deal["created_at"] if float(at_first or 0) > 0 else min(later, default=None)
        until = got or deal["ended_at"] or company.as_of
        waits.append((max(company.wall_days(deal["created_at"], until), 0.0), got is not None))
    row = kpis.days_until_amount(book, last=12).iloc[0]
    assert (row["n"], row["numerator"]) == (len(waits), sum(is_there for _, is_there in waits))
    assert row["value"] == pytest.approx(median_of(waits))
    curve = kpis.amount_known_by(book, last=12).set_index("t")["value"]
    for days in (0, 6, 30, 90):
        still = 1.0
        for end in sorted({wait for wait, is_there in waits if is_there and wait <= days}):
            at_risk = sum(wait >= end for wait, _ in waits)
            still *= 1 - sum(wait == end and is_there for wait, is_there in waits) / at_risk
        assert curve[days] == pytest.approx(1 - still)


def test_rows_of_the_export(at_a_month):
    book, company = at_a_month
    rows = kpis.rejected_rows(book).set_index("table")
    for name, row in rows.iterrows():
        # Every line of a file but its first is a row; no field of the sample holds a line break.
        n = len((company.folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()) - 1
        assert (row["denominator"], row["numerator"]) == (n, 0), name
    deals = pd.read_csv(company.folder / "deals.csv", dtype=str, keep_default_na=False)
    unclosed = int((deals["status"].isin(["won", "lost"]) & (deals["closed_at"] == "")).sum())
    undated = int((deals["created_at"] == "").sum())
    remarks = kpis.import_remarks(book)
    assert sorted(remarks[["table", "rule", "rejected", "flagged"]].to_numpy().tolist()) == [
        ["deals", "closed_has_a_date", 0, unclosed],
        ["deals", "created_at_empty", 0, undated],
    ]
    assert instant(company.end) == company.as_of
