"""Leads and deals on their way, on the sample at its last month and at one before, worked out again by plain loops."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from by_hand import differing, share
from plain_company import MANDATORY, PLACE, asked, counted, day_of, instant, months_on
from salesbook.kpis import funnel

DAY = 86_400


def inside(company, rows, column: str, months: int = 12) -> list[dict]:
    """The rows whose day lies in so many months up to the run's."""
    first = months_on(company.first, 1 - months)
    return [row for row in rows if row[column] and first <= row[column] < company.end]


def test_leads_that_came_in_and_were_qualified(at_a_month):
    book, company = at_a_month
    leads = list(company.lead_rows.values())
    came, qualified = inside(company, leads, "made"), inside(company, leads, "qualified")
    assert asked(funnel.new_leads(book, by="source", last=12), ["source"], "n") == counted(came, "source")
    by = ["owner_id", "source"]
    assert asked(funnel.qualified_leads(book, by=by, last=12), by, "n") == counted(qualified, *by)
    rates = funnel.qualification_rate(book, by="source", last=12)
    assert asked(rates, ["source"], "denominator") == counted(came, "source")
    ours = {key: n for key, n in asked(rates, ["source"], "numerator").items() if n}
    assert ours == counted([row for row in came if row["qualified"]], "source")
    assert funnel.new_leads(book)["n"].iloc[0] == len(inside(company, leads, "made", 1))


def test_leads_qualified_in_the_time_that_nine_in_ten_need(at_a_month):
    book, company = at_a_month
    ages, spans = {}, {}
    for lead, row in company.lead_rows.items():
        at = row["qualified_at"] if pd.notna(row["qualified_at"]) else row["converted_at"]
        ages[lead] = (company.as_of - row["created_at"]).total_seconds()
        if pd.notna(at):
            spans[lead] = (at - row["created_at"]).total_seconds()
    window = np.quantile([span for lead, span in spans.items() if ages[lead] <= 730 * 86_400], 0.9)
    came = [row for row in inside(company, company.lead_rows.values(), "made") if ages[row["lead_id"]] >= window]
    expected = {}
    for source in {row["source"] for row in came}:
        expected[source or None] = share(spans.get(row["lead_id"], np.inf) <= window for row in came
                                         if row["source"] == source)  # fmt: skip
    assert differing(funnel.qualified_in_time(book, by="source", last=12), expected, "source") == {}


def test_steps_of_leads(at_a_month):
    book, company = at_a_month
    furthest = []
    for lead, row in company.lead_rows.items():
        if inside(company, [row], "made"):
            got = [True, lead in company.attempts, row["qualified"], pd.notna(row["converted_at"]), row["is_won"]]
            furthest.append(max(place for place, is_there in enumerate(got) if is_there))
    found = funnel.lead_step_rate(book, by="position", last=12)
    assert found["denominator"].tolist() == [sum(step >= place for step in furthest) for place in range(4)]
    assert found["numerator"].tolist() == [sum(step > place for step in furthest) for place in range(4)]


def test_organisations_seen_for_the_first_time(at_a_month):
    book, company = at_a_month
    accounts = company.read("accounts").to_dict("records")
    seen = [(row["account_id"], day_of(row["created_at"])) for row in accounts]
    seen += [(row["account_id"], row["made"]) for row in (*company.lead_rows.values(), *company.deal_rows.values())]
    first: dict[str, date] = {}
    for account, day in seen:
        key = company.organisations.get(account)
        if key and day:
            first[key] = min(first.get(key, day), day)
    trend = funnel.new_organisations(book, period="month", last=6)
    for place, n in enumerate(trend["n"]):
        month = months_on(company.first, place - 5)
        assert n == sum(month <= day < months_on(month, 1) for day in first.values())
    # More accounts than organisations: some are branches, or the same by number.
    assert len(set(company.organisations.values())) < len(accounts)


@pytest.fixture(scope="module")
def steps(at_a_month) -> list[dict]:
    """Every mandatory stage that a new deal reached, entered or passed over, with when it got to the next."""
    _, company = at_a_month
    rows = []
    for deal in company.deal_rows.values():
        visits = [(at, PLACE[stage]) for at, stage, _ in deal["visits"] if stage != "Lost"]
        for stage, following in zip(MANDATORY, (*MANDATORY[1:], None), strict=True):
            reached = min((at for at, place in visits if place >= PLACE[stage]), default=None)
            if reached is None or not deal["is_new"]:
                continue
            further = min((at for at, place in visits if following and place >= PLACE[following]), default=None)
            left = further if following else deal["ended_at"] if deal["outcome"] == "Won" else None
            rows.append({"stage": stage, "made": deal["made"], "reached": day_of(reached), "at": reached, "left": left})
    for stage in MANDATORY:
        own = [row for row in rows if row["stage"] == stage]
        lately = [row for row in own if row["at"] >= company.as_of - timedelta(days=730) and row["left"] is not None]
        window = np.percentile([(row["left"] - row["at"]).total_seconds() for row in lately], 90)
        for row in own:
            row["is_mature"] = (company.as_of - row["at"]).total_seconds() >= window
            row["in_time"] = row["left"] is not None and (row["left"] - row["at"]).total_seconds() <= window
    return rows


def test_conversion_of_stages_by_creation_and_by_arrival(at_a_month, steps):
    book, company = at_a_month
    for kpi, column in ((funnel.stage_conversion, "made"), (funnel.stage_pass_rate, "reached")):
        mature = [row for row in inside(company, steps, column, 18) if row["is_mature"]]
        found = kpi(book, by="stage", last=18)
        assert asked(found, ["stage"], "denominator") == counted(mature, "stage")
        assert asked(found, ["stage"], "numerator") == counted([row for row in mature if row["in_time"]], "stage")
        assert len(mature) > 100


def test_cohorts_by_age(at_a_month):
    book, company = at_a_month
    new = [deal for deal in company.deal_rows.values() if deal["is_new"]]
    rows = funnel.cohort_conversion(book, last=12)
    for row in rows.to_dict("records"):
        month = row["period"].date()
        cohort = [deal for deal in new if deal["made"] and month <= deal["made"] < months_on(month, 1)]
        won = [deal for deal in cohort if deal["outcome"] == "Won"]
        quick = [deal for deal in won if (deal["ended_at"] - deal["created_at"]) < timedelta(days=30 * row["age"])]
        assert (row["numerator"], row["denominator"]) == (len(quick), len(cohort))
        assert row["is_young"] == ((company.end - months_on(month, 1)).days < 30 * row["age"])
    assert len(rows) == sum(-(-(company.end - months_on(company.first, place - 11)).days // 30) if place else 12
                            for place in range(12))  # fmt: skip


def rivals(ages: list[tuple[float, str]], until: float) -> tuple[float, float]:
    """Shares won and lost by an age, deal by deal: Aalen-Johansen; at one age the open ones leave last."""
    still, shares, risk = 1.0, {"Won": 0.0, "Lost": 0.0, "open": 0.0}, len(ages)
    for age, outcome in sorted(ages, key=lambda case: (case[0], case[1] == "open")):
        if age > until:
            break
        if outcome != "open":
            shares[outcome] += still / risk
            still *= 1 - 1 / risk
        risk -= 1
    return shares["Won"], shares["Lost"]


def test_rival_outcomes_by_age(at_a_month):
    book, company = at_a_month
    first = months_on(company.first, -11)
    cohort = [deal for deal in company.deal_rows.values() if deal["is_new"] and deal["made"] and deal["made"] >= first]
    ages = [(company.wall_days(deal["created_at"], deal["ended_at"]), deal["outcome"]) for deal in cohort]
    found = funnel.cohort_win_rate(book, last=12).set_index("age_days")
    for age in (30, 90, 180):
        won, lost = rivals(ages, age)
        row = found.loc[age]
        assert (row["n"], row["value"], row["lost_share"]) == (len(cohort), pytest.approx(won), pytest.approx(lost))
        assert row["low"] < row["value"] < row["high"]
    curves = funnel.outcome_curves(book, last=12).set_index(["outcome", "t"])
    for days in (7, 91, 203):
        assert tuple(curves.loc[(name, days), "value"] for name in ("won", "lost")) == pytest.approx(rivals(ages, days))


def test_organisations_qualified_that_became_customers(at_a_month):
    book, company = at_a_month
    first: dict[str, tuple] = {}
    for lead in sorted(company.lead_rows):
        row = company.lead_rows[lead]
        key = company.organisations.get(row["account_id"])
        if key and row["qualified"]:
            at = row["qualified_at"] if pd.notna(row["qualified_at"]) else row["converted_at"]
            first[key] = min(first.get(key, (at, lead)), (at, lead))
    wins: dict[str, list[date]] = {}
    for deal in company.ended(date(2000, 1, 1), "Won"):
        wins.setdefault(company.organisations.get(deal["account_id"], ""), []).append(deal["closed"])
    rows = []
    for key, (at, _) in first.items():
        day = day_of(at)
        later = [won for won in wins.get(key, []) if won >= day]
        rows.append({"day": day, "won": min(later, default=None)})
    needed = [(row["won"] - row["day"]).days for row in rows
              if row["won"] and (company.end - row["day"]).days <= 730]  # fmt: skip
    window = np.percentile(needed, 90)
    mature = [row for row in rows if (company.end - months_on(row["day"].replace(day=1), 1)).days >= window]
    found = funnel.sql_to_customer(book, period="month", last=18)
    for row in found.to_dict("records"):
        month = row["period"].date()
        own = [one for one in mature if one["day"].replace(day=1) == month]
        assert (row["numerator"], row["denominator"]) == (sum(one["won"] is not None for one in own), len(own))
        assert (row["reason"] == "") == bool(own)
    assert found["denominator"].sum() > 50


def test_sales_by_persons_contacted(at_a_month):
    book, company = at_a_month
    persons = set()
    for row in inside(company, company.touches, "day", 12):
        sides = company.lead_rows.get(row["lead_id"]), company.deal_rows.get(row["deal_id"])
        person = row["contact_id"] or next((side["contact_id"] for side in sides if side and side["contact_id"]), "")
        persons |= {person} if row["direction"] == "outbound" and person else set()
    wins = company.ended(months_on(company.first, -11), "Won")
    found = funnel.hit_rate(book, last=12).iloc[0]
    assert (found["numerator"], found["denominator"]) == (len(wins), len(persons))
    assert found["value"] == pytest.approx(len(wins) / len(persons))


def test_from_calls_to_sales(at_a_month):
    book, company = at_a_month
    met, rows = set(), []
    for row in company.touches:
        lead, deal = company.lead_rows.get(row["lead_id"]), company.deal_rows.get(row["deal_id"])
        prospect = row["lead_id"] or row["deal_id"]
        met |= {prospect} if row["type"] == "meeting" and row["outcome"] != "no_show" else set()
        is_won = lead["is_won"] if lead else bool(deal) and deal["outcome"] == "Won"
        is_call = row["type"] == "call" and row["direction"] == "outbound" and prospect
        if is_call and (not deal or deal["is_new"]):
            rows.append({"day": row["day"], "prospect": prospect, "is_won": is_won})
    calls = inside(company, rows, "day", 12)
    called = {row["prospect"] for row in calls}
    won = {row["prospect"] for row in calls if row["is_won"]}
    found = funnel.call_to_sale(book, last=12)
    assert found["numerator"].tolist() == [len(calls), len(called), len(called & (met | won)), len(won)]
    assert instant(company.end) == company.as_of
