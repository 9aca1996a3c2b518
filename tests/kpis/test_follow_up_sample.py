"""Following up on the sample, at its last month and at one before: what the plain loops beside it leave out."""

from datetime import timedelta
from itertools import product

import numpy as np
import pandas as pd
import pytest

from plain import CALENDARS, median_of, open_seconds
from plain_company import asked, day_of, months_on
from salesbook.kpis import follow_up

HOUR = 3600


@pytest.fixture(scope="module")
def waits(at_a_month) -> list[dict]:
    """The inbound leads of four months: seconds to each step by the clock and in opening hours, and whether it came."""
    _, company = at_a_month
    reps = pd.read_csv(company.folder / "reps.csv", dtype=str).set_index("owner_id")["calendar"]
    first, found = months_on(company.first, -3), []
    for lead, row in company.waits.iterrows():
        if not first <= row["day"] < company.end:
            continue
        calendar = CALENDARS[reps.get(row["owner_id"], "office") if row["owner_id"] else "office"]
        answered, given = row["first"], row["assigned_at"]
        spans = {"waited": (row["created_at"], answered), "assigning": (row["created_at"], given)}
        spans |= {"reacting": (given, answered)} if pd.notna(given) else {}
        made = {"lead": lead, "source": row["source"], "before": row["touched_before"], "given": given,
                "came": row["created_at"], "answered": answered}  # fmt: skip
        for name, (start, end) in spans.items():
            until = company.as_of if pd.isna(end) else end
            if until >= start:
                seconds = (until - start).total_seconds(), open_seconds(start, until, *calendar)
                made |= {
                    f"{name}_{clock}": (s, pd.notna(end)) for clock, s in zip(("all", "open"), seconds, strict=True)
                }
        found.append(made)
    return found


def test_waits_for_a_seller_and_for_an_attempt(at_a_month, waits):
    book, _ = at_a_month
    rows = [row for row in waits if not row["before"]]
    kpis = {
        ("waited", "all"): follow_up.response_time, ("waited", "open"): follow_up.response_time_open,
        ("assigning", "all"): follow_up.assigning_time, ("assigning", "open"): follow_up.assigning_time_open,
        ("reacting", "all"): follow_up.reacting_time, ("reacting", "open"): follow_up.reacting_time_open,
    }  # fmt: skip
    for (name, clock), kpi in kpis.items():
        cases = [row[f"{name}_{clock}"] for row in rows if f"{name}_{clock}" in row]
        found = kpi(book, last=4).iloc[0]
        assert (found["n"], found["numerator"]) == (len(cases), sum(ended for _, ended in cases)), kpi.name
        assert found["value"] == pytest.approx(median_of(cases) / HOUR)


def test_answers_within_the_hour_and_by_every_half_hour(at_a_month, waits):
    book, company = at_a_month
    rows = [row for row in waits if not row["before"]]
    old = [row for row in rows if company.as_of - row["came"] >= timedelta(hours=1)]
    for clock, kpi in (("all", follow_up.answered_within_hour), ("open", follow_up.answered_within_open_hour)):
        quick = [row for row in old if row[f"waited_{clock}"][1] and row[f"waited_{clock}"][0] <= HOUR]
        found = kpi(book, by="source", last=4)
        assert asked(found, ["source"], "denominator") == {
            (source,): sum(row["source"] == source for row in old) for source in found["source"]
        }
        assert asked(found, ["source"], "numerator") == {
            (source,): sum(row["source"] == source for row in quick) for source in found["source"]
        }
    curves = follow_up.answered_by(book, last=4).set_index(["clock", "t"])
    for (clock, name), hours in product((("elapsed", "all"), ("open", "open")), (0.5, 4.0, 24.0)):
        cases = [row[f"waited_{name}"] for row in rows]
        assert curves.loc[(clock, hours), "n"] == len(cases)
        assert curves.loc[(clock, hours), "value"] == pytest.approx(ended_by(cases, hours * HOUR))


def ended_by(cases: list[tuple[float, bool]], until: float) -> float:
    """The share over by then: Kaplan-Meier, case by case; at one age the censored leave last."""
    still, risk = 1.0, len(cases)
    for wait, ended in sorted(cases, key=lambda case: (case[0], not case[1])):
        if wait > until:
            break
        still *= 1 - ended / risk
        risk -= 1
    return 1 - still


def common_odds(cells: dict[tuple, list[int]]) -> float:
    """Mantel-Haenszel's odds ratio of strata: group won and n, others won and n."""
    above = below = 0.0
    for won, n, other_won, other_n in cells.values():
        above += won * (other_n - other_won) / (n + other_n)
        below += (n - won) * other_won / (n + other_n)
    return above / below


def test_odds_of_a_quick_answer(at_a_month):
    book, company = at_a_month
    talks: dict[str, list] = {}
    for row in company.contacts[company.contacts["reached_decision_maker"] == "true"].to_dict("records"):
        talks.setdefault(row["lead_id"], []).append(row["occurred_at"])
    first, fortnight = months_on(company.first, -17), timedelta(days=14)
    cells: dict[tuple, list[int]] = {}
    for lead, row in company.waits.iterrows():
        at = row["first"]
        if pd.isna(at) or row["touched_before"] or row["day"] < first or at + fortnight > company.as_of:
            continue
        place = 0 if (at - row["created_at"]).total_seconds() <= HOUR else 2
        hour = row["created_at"].tz_localize("UTC").tz_convert("Europe/Amsterdam").hour
        cell = cells.setdefault((row["source"], hour), [0, 0, 0, 0])
        cell[place] += any(at <= talk <= at + fortnight for talk in talks.get(lead, []))
        cell[place + 1] += 1
    found = follow_up.quick_answer_odds(book, last=18).iloc[0]
    told = found[["quick_k", "quick_n", "later_k", "later_n"]].tolist()
    assert told == np.sum(list(cells.values()), axis=0).tolist()
    assert found["value"] == pytest.approx(common_odds(cells))


def test_odds_of_an_attempt_by_channel(at_a_month):
    book, company = at_a_month
    rows, before = [], {}
    for row in company.tries.to_dict("records"):
        gap = (row["at"] - before[row["lead"]]).total_seconds() / 86_400 if row["lead"] in before else None
        before[row["lead"]] = row["at"]
        rows.append(row | {"gap": gap})
    first = months_on(company.first, -11)
    rows = [row for row in rows if row["at_risk"] and first <= row["day"] < company.end]
    told = follow_up.attempt_odds(book, by="channel", last=12).set_index("channel")
    bands = book.rows("select distinct gap_from_days from attempts where gap_from_days is not null order by 1")
    bands = bands["gap_from_days"].tolist()
    for channel, found in told.iterrows():
        own = [row["reached"] for row in rows if row["channel"] == channel]
        assert (found["numerator"], found["denominator"]) == (sum(own), len(own))
        cells: dict[tuple, list[int]] = {}
        for row in rows:
            band = None if row["gap"] is None else max(day for day in bands if day <= row["gap"])
            cell = cells.setdefault((row["number"], band), [0, 0, 0, 0])
            place = 0 if row["channel"] == channel else 2
            cell[place] += row["reached"]
            cell[place + 1] += 1
        assert found["value"] == pytest.approx(common_odds(cells))


def test_leads_that_leaked_away(at_a_month):
    book, company = at_a_month
    last: dict[str, pd.Timestamp] = {}
    for row in company.touches:
        last[row["lead_id"]] = max(row["occurred_at"], last.get(row["lead_id"], row["occurred_at"]))
    first, fates, untried = months_on(company.first, -11), {}, 0
    for lead, row in company.waits.iterrows():
        if not first <= row["day"] < company.end or company.as_of - row["created_at"] < timedelta(hours=48):
            continue
        is_untried = pd.isna(row["first"])
        untried += is_untried
        if pd.notna(row["converted_at"]):
            fate = "assigned"
        elif pd.notna(row["disqualified_at"]):
            fate = "rejected"
        elif is_untried:
            fate = "never contacted" if row["owner_id"] or pd.notna(row["assigned_at"]) else "unassigned"
        else:
            fate = "dropped" if company.as_of - last[lead] >= timedelta(days=30) else "assigned"
        fates[fate] = fates.get(fate, 0) + 1
    found = follow_up.inflow_leakage(book, by="fate", last=12).set_index("fate")["denominator"]
    assert found.to_dict() == fates
    leaked = follow_up.inflow_leakage(book, last=12).iloc[0]
    assert leaked["numerator"] == sum(fates.get(fate, 0) for fate in ("unassigned", "never contacted", "dropped"))
    assert follow_up.never_contacted_rate(book, last=12).iloc[0]["numerator"] == untried
    tried = [company.lead_rows[lead] for lead, row in company.waits.iterrows()
             if first <= row["day"] < company.end and pd.notna(row["first"])]  # fmt: skip
    wins = [deal["cents"] / 100 for deal in company.ended(first, "Won") if deal["cents"]]
    worth = follow_up.unfollowed_value(book, last=12).iloc[0]
    share = sum(row["is_won"] for row in tried) / len(tried)
    assert worth["value"] == pytest.approx(untried * share * sum(wins) / len(wins))


def test_contacts_before_a_sale(at_a_month):
    book, company = at_a_month
    sales = {deal["deal_id"]: 0 for deal in company.ended(months_on(company.first, -11), "Won")}
    for row in company.touches:
        if row["deal_id"] in sales and row["occurred_at"] <= company.deal_rows[row["deal_id"]]["ended_at"]:
            sales[row["deal_id"]] += 1
    found = follow_up.touch_of_sale(book, last=12).set_index("touch")
    assert found["numerator"].to_dict() == pd.Series(sales).value_counts().to_dict()
    assert set(found["denominator"]) == {len(sales)}


@pytest.fixture(scope="module")
def scores(at_a_month) -> dict[str, float]:
    """The score of every lead, one month at a time: what became of leads alike, as far as known on its first day."""
    _, company = at_a_month
    leads, found = list(company.lead_rows.values()), {}
    for row in leads:
        won = row["deal"]["closed"] if row["is_won"] else None
        row["is_success"] = won is not None and (won - row["made"]).days <= 180
    for month in sorted({row["made"].replace(day=1) for row in leads}):
        past = [row for row in leads if 180 <= (month - row["made"]).days < 545]
        base = (sum(row["is_success"] for row in past) + 0.5) / (len(past) + 1)
        for row in leads if len(past) >= 50 else ():
            if row["made"].replace(day=1) == month:
                score = base
                for trait in ("product", "source"):
                    alike = [one["is_success"] for one in past if one[trait] == row[trait]]
                    score *= (sum(alike) + 50 * base) / (len(alike) + 50) / base if alike else 1
                found[row["lead_id"]] = min(score, 1.0)
    return found


def test_the_score_of_leads(at_a_month, scores):
    """Judged by all pairs of a won and another lead."""
    book, company = at_a_month
    judged = [(scores[lead], row["is_success"]) for lead, row in company.lead_rows.items()
              if lead in scores and (company.end - row["made"]).days >= 180]  # fmt: skip
    found = follow_up.lead_score(book).iloc[0]
    won, others = ([score for score, is_won in judged if is_won == side] for side in (True, False))
    assert (found["n"], found["numerator"]) == (len(judged), len(won))
    if found["reason"]:
        assert min(len(won), len(others)) < 30
        return
    pairs = [(mine > theirs) + (mine == theirs) / 2 for mine in won for theirs in others]
    assert found["value"] == pytest.approx(sum(pairs) / len(pairs))
    said = follow_up.lead_score_calibration(book).iloc[0]
    assert said["brier"] == pytest.approx(np.mean([(score - is_won) ** 2 for score, is_won in judged]))
    lift = follow_up.lead_score_lift(book)
    top = sorted(judged, key=lambda case: -case[0])[: int(lift["denominator"].iloc[0])]
    assert lift["numerator"].iloc[0] == sum(is_won for _, is_won in top)


def test_whom_to_call_first(at_a_month, scores):
    book, company = at_a_month
    rows = follow_up.order_of_work(book)
    assert rows["place"].tolist() == list(range(1, len(rows) + 1))
    tries = company.contacts[company.contacts["direction"] == "outbound"]["lead_id"].value_counts()
    todo = [(scores.get(lead, np.nan), lead not in tries, row["made"], lead)
            for lead, row in company.lead_rows.items()
            if pd.isna(row["converted_at"]) and pd.isna(row["disqualified_at"])
            and (company.end - row["made"]).days <= 90]  # fmt: skip
    # The highest score first, then those never tried, then the newest; without a score last.
    todo.sort(key=lambda row: (np.isnan(row[0]), -np.nan_to_num(row[0]), not row[1], -row[2].toordinal(), row[3]))
    leads = rows[rows["kind"] == "lead"]
    assert leads["id"].tolist() == [lead for *_, lead in todo]
    assert leads["value"].tolist() == pytest.approx([score for score, *_ in todo], nan_ok=True)
    assert leads["n_attempts"].tolist() == [int(tries.get(lead, 0)) for *_, lead in todo]
    assert rows.index[rows["kind"] == "deal"].max() < leads.index.min()


def test_the_deals_to_close_before_leads_are_called(at_a_month):
    """The last stage before won: who stands there no longer than nine in ten needed, by expected amount."""
    book, company = at_a_month
    steps = []
    for deal in company.deal_rows.values():
        there = [at for at, stage, _ in deal["visits"] if stage in ("Negotiation", "Won")]
        if deal["is_new"] and there:
            took = deal["ended_at"] - min(there) if deal["outcome"] == "Won" else None
            steps.append((deal, day_of(min(there)), company.as_of - min(there), took))
    recent = [took.total_seconds() for _, _, age, took in steps if took is not None and age <= timedelta(days=730)]
    window = timedelta(seconds=float(np.quantile(recent, 0.9)))
    old = [took for _, day, age, took in steps if age >= window and day >= months_on(company.end, -12)]
    chance = sum(took is not None and took <= window for took in old) / len(old)
    young = [(-(deal["cents"] or 0), deal["deal_id"]) for deal, _, age, _ in steps
             if deal["outcome"] == "open" and age < window]  # fmt: skip
    found = follow_up.order_of_work(book)
    found = found[found["kind"] == "deal"]
    assert found["id"].tolist() == [deal for _, deal in sorted(young)]
    assert found["value"].tolist() == pytest.approx([chance] * len(young))
    assert found["amount"].fillna(0).tolist() == pytest.approx([-cents / 100 for cents, _ in sorted(young)])
