"""How the pipeline moved and how long deals took, on the sample at two months, worked out again by plain loops."""

import statistics
from datetime import date, timedelta

import pandas as pd
import pytest

from plain_company import CHANCE, asked, counted, day_of, instant, months_on, standing
from salesbook.kpis import forecast_accuracy, pipeline


def test_cycles_from_creation_and_from_the_first_contact(at_a_month):
    book, company = at_a_month
    first: dict[str, pd.Timestamp] = {}
    for row in company.touches:
        first[row["deal_id"]] = min(row["occurred_at"], first.get(row["deal_id"], row["occurred_at"]))
    won = [deal for deal in company.ended(months_on(company.first, -11), "Won") if deal["made"]]
    spans: dict[str, list[tuple]] = {}
    for deal in won:
        began = min(first.get(deal["deal_id"], deal["created_at"]), deal["created_at"])
        pair = company.wall_days(deal["created_at"], deal["ended_at"]), company.wall_days(began, deal["ended_at"])
        spans.setdefault(deal["product"], []).append(pair)
    for place, kpi in enumerate((pipeline.sales_cycle, pipeline.sales_cycle_from_contact)):
        rows = kpi(book, by="product", last=12).set_index("product")
        assert rows["n"].to_dict() == {product: len(pairs) for product, pairs in spans.items()}
        expected = {product: statistics.median(pair[place] for pair in pairs) for product, pairs in spans.items()}
        assert rows["value"].to_dict() == pytest.approx(expected)
    assert any(pair[0] < pair[1] for pairs in spans.values() for pair in pairs)


def test_velocity_is_of_deals_past_the_first_stage(at_a_month):
    book, company = at_a_month
    ended = company.ended(months_on(company.first, -11))
    won = [deal for deal in ended if deal["outcome"] == "Won"]
    still = [deal for deal in company.deal_rows.values() if deal["outcome"] == "open" and deal["is_new"]]
    n = sum(deal["now_in"] not in ("", "Qualification") for deal in still)
    size = statistics.mean(deal["cents"] / 100 for deal in won if deal["cents"])
    days = statistics.mean(company.wall_days(deal["created_at"], deal["ended_at"]) for deal in won if deal["made"])
    row = pipeline.pipeline_velocity(book).iloc[0]
    assert (row["n"], row["win_rate"]) == (n, pytest.approx(len(won) / len(ended)))
    assert row["value"] == pytest.approx(n * len(won) / len(ended) * size / days)


def test_what_is_open_by_stage_and_what_the_crm_gives_for_it(at_a_month):
    book, company = at_a_month
    still = [deal for deal in company.deal_rows.values() if deal["outcome"] == "open" and deal["visits"]]
    assert asked(pipeline.open_deals(book, by="stage"), ["stage"], "n") == counted(still, "now_in")
    by_product: dict[tuple, int] = {}
    weighted = 0
    for deal in still:
        by_product[deal["product"],] = by_product.get((deal["product"],), 0) + (deal["cents"] or 0)
        weighted += round((deal["cents"] or 0) * CHANCE[deal["now_in"]])
    assert asked(pipeline.open_pipeline(book, by="product"), ["product"], "value") == pytest.approx(
        {product: cents / 100 for product, cents in by_product.items()}
    )
    found = forecast_accuracy.crm_weighted_pipeline(book).iloc[0]
    assert (found["n"], found["value"]) == (sum(deal["cents"] is not None for deal in still),
                                            pytest.approx(weighted / 100, rel=1e-6))  # fmt: skip


# Moves of a month, deal by deal


def move(company, deal: dict, month: date) -> dict | None:
    """What a deal did to the open pipeline of a month: entry and last amount, and what happened between."""
    start, end, told = instant(month), instant(months_on(month, 1)), company.states(deal)
    then, left = standing(told, start), standing(told, end)
    before, after = then[2] or "", left[2] or ""
    was_open, stays = (stage not in ("", "Won", "Lost") for stage in (before, after))
    came = [state for state in told if state[2] not in ("Won", "Lost") and start <= state[0] < end]
    if not was_open and not came:
        return None
    if not was_open and not stays and after and left[1] < start:
        return None  # it had ended before it was known to be there
    gone = max((until for *_, until in told if until is not None), default=None)
    known_on = day_of(end) - timedelta(days=1) if stays else day_of(left[0] if after else gone)
    rate_on = known_on if stays else day_of(left[1]) if after else known_on
    came_on = month if was_open else max(day_of(min(state[1] for state in came)), month)
    came_known = start if was_open else instant(day_of(min(state[0] for state in came)) + timedelta(days=1))
    by_end = instant(known_on + timedelta(days=1))
    own, last_own = (company.told(deal, "amount", at) for at in (came_known, by_end))
    entry_rate = month - timedelta(days=1) if was_open else came_on
    entry, at_last_rate, last = (
        company.euro(amount, deal["currency"], day) or 0
        for amount, day in ((own, entry_rate), (own, rate_on), (last_own, rate_on))
    )
    expected = [company.told(deal, "expected_close", at) for at in (came_known, end)]
    return {"before": before, "after": after, "was_open": was_open, "stays": stays, "entry": entry, "last": last,
            "currency": at_last_rate - entry, "change": last - at_last_rate, "expected": expected, "deal": deal,
            "owners": [company.told(deal, "owner_id", at) for at in (start, by_end)]}  # fmt: skip


def moves_of(company, month: date) -> list[dict]:
    rows = [move(company, deal, month) for deal in company.all_deals if deal["is_test"] != "true"]
    return [row for row in rows if row]


def steps(rows: list[dict]) -> dict[str, tuple[int, int]]:
    """Deals and cents of every step of the waterfall; each row says whether it comes in, and how, and goes out."""
    found: dict[str, list[int]] = {}
    for row in rows:
        parts = {row["way_in"]: row["entry"], "currency": row["currency"], "increased": max(row["change"], 0),
                 "decreased": min(row["change"], 0),
                 row["way_out"]: row["last"] if row["way_out"] == "end" else -row["last"]}  # fmt: skip
        for step, cents in parts.items():
            if cents or step in (row["way_in"], row["way_out"]):
                found.setdefault(step, []).append(cents)
    return {step: (len(cents), sum(cents)) for step, cents in found.items()}


def ways(row: dict) -> tuple[str, str]:
    """How a deal came into a month's pipeline, and how it went."""
    way_in = "start" if row["was_open"] else "reopened" if row["before"] in ("Won", "Lost") else "new"
    return way_in, "end" if row["stays"] else {"Won": "won", "Lost": "lost"}.get(row["after"], "deleted")


def told_steps(frame: pd.DataFrame) -> dict[str, tuple[int, int]]:
    rows = frame[(frame["n"] > 0) | (frame["value"] != 0)]
    return {row["step"]: (row["n"], round(row["value"] * 100)) for row in rows.to_dict("records")}


def test_every_step_of_the_waterfall(at_a_month):
    book, company = at_a_month
    trend = pipeline.pipeline_waterfall(book, period="month", last=4)
    for month, frame in trend.groupby("period"):
        rows = [row | dict(zip(("way_in", "way_out"), ways(row), strict=True)) for row in
                moves_of(company, month.date())]  # fmt: skip
        assert told_steps(frame) == steps(rows), month
    year = {step for step, row in trend.set_index("step").iterrows() if row["n"]}
    assert {"new", "won", "lost", "increased", "decreased", "currency", "end"} <= year


def test_every_step_of_the_deals_expected_in_a_quarter(at_a_month):
    book, company = at_a_month
    found = pipeline.expected_waterfall(book)
    moves = moves_of(company, company.first)
    this = months_on(company.end, -((company.end.month - 1) % 3))
    for begins in (this, months_on(this, 3)):
        ends, rows = str(months_on(begins, 3)), []
        for row in moves:
            is_in = [str(begins) <= day < ends for day in row["expected"]]
            way_in, way_out = ways(row)
            if row["was_open"] and row["stays"]:
                way_in, way_out = "start" if is_in[0] else "pulled_in", "end" if is_in[1] else "pushed_out"
                is_kept = any(is_in)
            else:
                # One that came is in by what was expected at the month's end, one that went by what was at its start.
                is_kept = is_in[1] if row["stays"] else is_in[0]
            rows += [row | {"way_in": way_in, "way_out": way_out}] if is_kept else []
        assert told_steps(found[found["quarter"] == pd.Timestamp(begins)]) == steps(rows)
        assert rows


def test_what_became_of_deals_expected_in_the_month(at_a_month):
    book, company = at_a_month
    fates, lengths = [], []
    for row in moves_of(company, company.first):
        then, now = row["expected"]
        if row["was_open"] and str(company.first) <= then < str(company.end):
            is_pushed = row["stays"] and now >= str(company.end)
            lengths += [(date.fromisoformat(now) - date.fromisoformat(then)).days] if is_pushed else []
            left = {"Won": "won", "Lost": "lost"}.get(row["after"], "gone")
            fates.append({"fate": "pushed" if is_pushed else "overdue" if row["stays"] else left})
    found = pipeline.expected_deals(book)
    assert {key: n for key, n in asked(found, ["expected_fate"], "n").items() if n} == counted(fates, "fate")
    length = pipeline.push_length(book).iloc[0]
    assert (length["n"], length["value"]) == (len(lengths), pytest.approx(statistics.median(lengths)))
    share = pipeline.pushed_deals(book).iloc[0]
    assert (share["numerator"], share["denominator"]) == (len(lengths), len(fates))


def test_transfers_between_sellers(at_a_month):
    book, company = at_a_month
    rows = pipeline.pipeline_waterfall(book, by="owner_id", period="month", last=9)
    out, n = rows[rows["step"] == "transferred_out"].set_index("period"), 0
    # Months in which a deal changed hands; in the others none may be told of.
    changed = {row["known_at"] for (_, field), told in company.changes.items() if field == "owner" for row in told}
    for month in sorted(set(out.index)):
        is_changed = any(instant(month.date()) <= at < instant(months_on(month.date(), 1)) for at in changed)
        moved = [row for row in (moves_of(company, month.date()) if is_changed else [])
                 if row["was_open"] and row["owners"][0] != row["owners"][1]]  # fmt: skip
        assert out.loc[month, "n"].sum() == len(moved)
        assert round(out.loc[month, "value"].sum() * 100) == -sum(row["last"] for row in moved)
        n += len(moved)
    assert n > 0


def test_coverage_and_what_was_won_of_it_in_past_quarters(at_a_month):
    book, company = at_a_month
    rows = pipeline.pipeline_coverage(book).to_dict("records")
    told = [(deal, company.states(deal)) for deal in company.all_deals if deal["is_test"] != "true"]
    for row in rows:
        first = row["quarter"].date()
        won = sum(deal["cents"] or 0 for deal in company.ended(first, "Won", new=False)) / 100
        pairs = [expected_and_won(company, told, months_on(first, -3 * back), months_on(company.end, -3 * back))
                 for back in range(9) if not back or months_on(first, 3 - 3 * back) <= company.end]  # fmt: skip
        now, past = pairs[0], [pair for pair in pairs[1:] if pair[0]]
        assert (row["numerator"], row["won"]) == (pytest.approx(now[0] / 100), pytest.approx(won))
        if not row["reason"]:
            assert row["value"] == pytest.approx(now[0] / 100 / (row["target"] - won))
        assert row["past_n"] == len(past) > 3
        assert row["past_share"] == pytest.approx(sum(pair[1] for pair in past) / sum(pair[0] for pair in past))
        assert row["needed"] == pytest.approx(1 / row["past_share"])


def expected_and_won(company, told: list[tuple], first: date, on: date) -> tuple[int, int]:
    """Cents of deals open on a morning that were expected to close in a quarter, and those of them won in it."""
    at, last, total, won = instant(on), months_on(first, 3), 0, 0
    begins = min(day_of(entered) for _, states in told for _, entered, stage, until in states
                 if stage in ("Won", "Lost") and until is None)  # fmt: skip
    for deal, states in told if on > begins else ():
        day = company.told(deal, "expected_close", at)
        if standing(states, at)[2] not in CHANCE or not day or not str(first) <= day < str(last):
            continue
        amount = company.told(deal, "amount", at)
        cents = company.euro(amount, deal["currency"], on - timedelta(days=1)) or 0
        is_in_time = deal["counts"] and deal["outcome"] == "Won" and first <= deal["closed"] < last
        total, won = total + cents, won + cents * is_in_time
    return total, won
