"""Forecast methods: what each says by hand, that nothing later is known, and when an interval is drawn."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from salesbook import clock
from salesbook.backtests import histories
from salesbook.errors import WrongUsage
from salesbook.forecasts import (
    LEAST,
    METHODS,
    Forecast,
    History,
    chances,
    months_before,
    number,
    spread,
)
from salesbook.kpi import Ask
from salesbook.query import Question
from salesbook.survival import aalen_johansen
from worked import book_of

QUARTERS = {"2025-01-02": 100, "2025-04-02": 200, "2025-07-02": 300, "2025-10-02": 400, "2026-01-02": 500}


def ends_of(rows: list[tuple]) -> pd.DataFrame:
    """Ended deals from (created, ended, is_won, amount)."""
    frame = pd.DataFrame(rows, columns=["created_on", "entered_on", "is_won", "amount_minor"])
    frame = frame.assign(deal_id=[f"D{place}" for place in range(len(rows))], cycle="Pump", until_on=pd.NaT)
    return frame.assign(known_on=frame["entered_on"])


def open_of(rows: list[tuple]) -> pd.DataFrame:
    """Open deals from (seen, created, amount, probability, expected close)."""
    names = ["seen_on", "created_on", "amount_minor", "probability", "expected_close_on"]
    frame = pd.DataFrame(rows, columns=names).astype({"probability": float, "amount_minor": float})
    return frame.assign(deal_id=[f"O{place}" for place in range(len(rows))], cycle="Pump", stage="Demo", category=None)


def history(open_rows=(), ends=None) -> History:
    ends = ends or [("2024-12-01", day, True, amount) for day, amount in QUARTERS.items()]
    last = clock.period_of(date(2026, 5, 1), "quarter")
    return History(open_of(list(open_rows)), ends_of(ends), last)


def asked(made: History, on: str, method: str, quarter: int = -2) -> Forecast:
    day = number(date.fromisoformat(on))
    return METHODS[method](made.known(day, len(made.quarters) + quarter))


def test_naive_is_the_last_quarter_that_was_over():
    assert asked(history(), "2026-05-01", "naive").value == 500
    # For the quarter after the one that runs it is the same one: the running one is not over.
    assert asked(history(), "2026-05-01", "naive", quarter=-1).value == 500


def test_last_year_is_the_same_quarter_of_the_year_before():
    assert asked(history(), "2026-05-01", "last_year").value == 200
    assert asked(history(), "2026-05-01", "last_year", quarter=-1).value == 300


def test_run_rate_is_won_so_far_and_the_pace_of_ninety_one_days():
    ends = [("2024-12-01", day, True, amount) for day, amount in QUARTERS.items()]
    ends += [("2026-01-01", "2026-03-01", True, 60), ("2026-01-01", "2026-04-20", True, 31)]
    # From 30 January to 30 April 60 + 31 were won, 1 a day; 31 of them this quarter, of which 61 days are left.
    assert asked(history(ends=ends), "2026-05-01", "run_rate").value == pytest.approx(31 + 61)


def test_crm_weighted_takes_the_deals_expected_to_close_in_the_quarter():
    standing = [
        ("2026-05-01", "2026-01-01", 1000, 0.5, "2026-06-30"),
        ("2026-05-01", "2026-01-01", 400, 0.25, "2026-04-01"),
        ("2026-05-01", "2026-01-01", 800, 0.5, "2026-07-01"),
        ("2026-04-01", "2026-01-01", 9999, 1.0, "2026-06-30"),
    ]
    made = history(standing)
    # One that is past its date is still to come; one of the next quarter counts there.
    assert asked(made, "2026-05-01", "crm_weighted").value == 1000 * 0.5 + 400 * 0.25
    assert asked(made, "2026-05-01", "crm_weighted", quarter=-1).value == 800 * 0.5
    assert asked(history(), "2026-05-01", "crm_weighted").reason == "expected close not known then"


def test_the_crm_s_own_sum_has_no_place_for_deals_without_an_amount():
    standing = [
        ("2026-05-01", "2026-01-01", 1000, 0.5, "2026-06-30"),
        ("2026-05-01", "2026-01-01", np.nan, 0.5, "2026-06-30"),
    ]
    assert asked(history(standing), "2026-05-01", "crm_weighted").value == 1000 * 0.5
    assert asked(history(standing[1:]), "2026-05-01", "crm_weighted").reason == "no amounts known then"


def test_the_distribution_of_weighted_deals_is_that_of_independent_ones():
    standing = [
        ("2026-05-01", "2026-01-01", 100, 0.9, "2026-06-30"),
        ("2026-05-01", "2026-01-01", 50, 0.5, "2026-06-30"),
    ]
    total = asked(history(standing), "2026-05-01", "crm_weighted").total
    assert total.amounts.tolist() == [0, 50, 100, 150]
    assert total.probability == pytest.approx([0.05, 0.05, 0.45, 0.45])
    assert asked(history(standing), "2026-05-01", "crm_weighted").interval == (0, 150)


def test_an_interval_needs_three_past_errors_and_has_their_size():
    assert spread(100.0, np.array([10.0, -10.0])) is None
    total = spread(1000.0, np.array([100.0, -100.0, 100.0, -100.0]))
    # Student's t with four degrees of freedom: 2.776 at 97.5 %.
    assert total.quantile([0.025, 0.975]) == pytest.approx([1000 - 277.6, 1000 + 277.6], abs=6)
    assert spread(10.0, np.full(4, 100.0)).amounts.min() == 0


def test_a_quarter_that_was_not_seen_from_its_start_is_no_history():
    late = [("2024-12-01", day, True, amount) for day, amount in QUARTERS.items() if day > "2025-04"]
    late[0] = ("2024-12-01", "2025-05-20", True, 200)
    made = history(ends=late)
    day = number(date(2026, 5, 1))
    assert list(made.known(day, len(made.quarters) - 2).totals.values()) == [300, 400, 500]


def test_what_became_known_later_is_not_known():
    ends = ends_of([("2024-12-01", "2025-01-02", True, 100), ("2024-12-01", "2025-02-02", True, 900)])
    ends.loc[1, "known_on"] = "2025-04-10"
    made = History(open_of([]), ends, clock.period_of(date(2025, 5, 1), "quarter"))
    assert METHODS["naive"](made.known(number(date(2025, 4, 1)), len(made.quarters) - 2)).value == 100
    assert METHODS["naive"](made.known(number(date(2025, 5, 1)), len(made.quarters) - 2)).value == 1000


def test_an_end_that_was_taken_back_counts_until_then():
    ends = ends_of([("2024-12-01", "2025-01-02", True, 100), ("2024-12-01", "2025-02-02", True, 900)])
    ends["until_on"] = [pd.NaT, "2025-04-10"]
    made = History(open_of([]), ends, clock.period_of(date(2025, 5, 1), "quarter"))
    assert METHODS["naive"](made.known(number(date(2025, 4, 1)), len(made.quarters) - 2)).value == 1000
    assert METHODS["naive"](made.known(number(date(2025, 5, 1)), len(made.quarters) - 2)).value == 100


def test_a_history_without_ends_is_refused():
    with pytest.raises(WrongUsage, match="No deal has ended"):
        History(open_of([]), ends_of([]), clock.period_of(date(2025, 5, 1), "quarter"))


# Chances


def test_chances_are_those_of_aalen_johansen_up_to_the_last_age_watched_well():
    random = np.random.default_rng(5)
    ages, causes = random.integers(1, 200, 500), random.integers(0, 3, 500)
    learned, plain = chances(ages, causes), aalen_johansen(ages, causes, n_causes=2)
    age = np.array([0.0, 10.0, 60.0])
    assert learned.within(age, 50) == pytest.approx(plain.chance(age, 50))
    assert plain.at_risk[plain.ages > learned.oldest].max() < LEAST


def test_past_that_age_the_daily_rates_of_the_older_half_hold():
    # Thirty deals are won on day 10, ten lost on day 100, and forty stand open on day 100: twenty and more to the end.
    ages = np.concatenate([np.full(30, 10), np.full(10, 80), np.full(10, 90), np.full(40, 100)])
    causes = np.concatenate([np.full(30, 1), np.full(10, 1), np.full(10, 2), np.zeros(40, int)])
    learned = chances(ages, causes)
    assert learned.oldest == 100
    watched = 10 * 30 + 10 * 40 + 40 * 50
    assert (learned.won_a_day, learned.lost_a_day) == (10 / watched, 10 / watched)
    rate = 20 / watched
    assert learned.within(np.array([100.0, 300.0, np.nan]), 30) == pytest.approx(0.5 * (1 - np.exp(-30 * rate)))
    # Ten days before it: what is left of the watched span (nothing happens there), then the rates.
    assert learned.within(np.array([95.0]), 35) == pytest.approx(0.5 * (1 - np.exp(-30 * rate)))


def old_company(quarters: int) -> History:
    """A company that wins half of what it opens within the quarter, for so many quarters."""
    starts = pd.date_range(end="2026-04-01", periods=quarters + 1, freq="QS")
    ends, standing = [], []
    for start in starts:
        for place in range(12):
            created, ended = start - pd.Timedelta(days=20), start + pd.Timedelta(days=5 + 4 * place)
            if start < starts[-1]:
                ends.append((created, ended, place % 2 == 0, 1000))
            standing.append((start, created, 1000, 0.5, start + pd.Timedelta(days=60)))
    ends.append((starts[0] - pd.Timedelta(days=40), starts[0] - pd.Timedelta(days=30), True, 1))
    made = open_of(standing)
    closing = ends_of(ends)
    made["deal_id"] = [*closing["deal_id"][: 12 * quarters], *(f"X{place}" for place in range(12))]
    return History(made, closing, clock.period_of(date(2026, 4, 1), "quarter"))


def test_a_common_shock_is_known_from_eight_past_quarters_on():
    assert asked(old_company(8), "2026-04-01", "cycle").shock is None
    found = asked(old_company(11), "2026-04-01", "cycle")
    assert found.shock is not None
    assert found.interval[0] <= found.value <= found.interval[1]


def test_open_deals_by_their_stage_go_as_those_before_them_did():
    found = asked(old_company(6), "2026-04-01", "stage")
    assert found.from_open == pytest.approx(12 * 1000 * 0.5)
    assert asked(old_company(1), "2026-04-01", "stage").reason == "too few"
    assert asked(old_company(6), "2026-04-01", "category").reason == "no categories known then"


def unpriced_company() -> History:
    """As `old_company`, with wins of 500 and 1500, and no amount on the twelve deals that stand open."""
    made = old_company(6)
    wins = np.flatnonzero(made.ends["is_won"] & (made.ends["amount"] == 1000))
    made.ends["amount"][wins] = np.where(np.arange(len(wins)) % 2, 1500, 500)
    is_now = made.open["seen"] == number(date(2026, 4, 1))
    made.open["amount"] = np.where(is_now, np.nan, made.open["amount"])
    return made


def test_an_open_deal_without_an_amount_is_taken_at_the_mean_win_and_its_spread_is_in_the_interval():
    made = unpriced_company()
    found = asked(made, "2026-04-01", "stage")
    # Half of the twelve are won, at 1000 each on average: 500 or 1500.
    assert found.from_open == pytest.approx(12 * 0.5 * 1000)
    known = made.known(number(date(2026, 4, 1)), len(made.quarters) - 2)
    assert known.open["is_taken"].sum() == 12
    new = (known.to_come[1] * (1 - known.to_come[1])) @ known.to_come[0] ** 2
    # Of each: E[w²] / 2 − (E[w] / 2)², with E[w²] = (500² + 1500²) / 2.
    assert found.total.sd**2 == pytest.approx(12 * (1_250_000 / 2 - 500**2) + new)
    total = found.total
    mean = total.probability @ total.amounts
    assert total.probability @ (total.amounts - mean) ** 2 == pytest.approx(total.sd**2, rel=0.02)


def test_a_part_of_the_company_takes_its_deals_at_what_the_whole_company_wins():
    whole = unpriced_company()
    own = open_of([("2026-04-01", "2026-03-12", np.nan, 0.5, None)])
    last = clock.period_of(date(2026, 4, 1), "quarter")
    part = History(own, ends_of([("2026-01-01", "2026-02-01", True, 9999)]), last, whole)
    known = part.known(number(date(2026, 4, 1)), len(part.quarters) - 2)
    assert known.open["amount"].tolist() == [1000]


def test_deals_to_come_are_as_many_as_came_and_are_won_at_the_same_pace():
    made = old_company(6)
    known = made.known(number(date(2026, 4, 1)), len(made.quarters) - 2)
    amounts, shares = known.to_come
    learned = known.chances["Pump"]
    ages = known.end - 1 - np.arange(known.on, known.end)
    # Twelve came in over the last 91 days; every win was worth 1000.
    expected = 12 / 91 * learned.won_by(ages).sum()
    assert shares.sum() == pytest.approx(expected)
    assert set(amounts) == {1000.0}
    assert shares.max() <= 0.1
    # As good as a Poisson: its variance is its mean.
    assert (shares * (1 - shares)).sum() == pytest.approx(expected, rel=0.1)


def test_a_backtest_says_what_was_said_at_the_time(sample_book, june_book):
    then = histories(Ask(june_book, Question()))[0][1]
    now = histories(Ask(sample_book, Question()))[0][1]
    on = number(date(2026, 7, 1))
    for start in (on, months_before(on, -3)):
        views = [made.known(on, [quarter[0] for quarter in made.quarters].index(start)) for made in (then, now)]
        for name, method in METHODS.items():
            said, again = (method(view) for view in views)
            assert said.value == pytest.approx(again.value, rel=1e-9, nan_ok=True), name
            assert said.interval == pytest.approx(again.interval, rel=1e-9, nan_ok=True), name
    late = "is_now, is_counted, is_resolved, is_won, closed_on, won_on"  # what came of them since
    sql = f"select * exclude ({late}) from open_deals where seen_on = date '2026-07-01' order by deal_id"
    pd.testing.assert_frame_equal(june_book.rows(sql), sample_book.rows(sql))


def test_what_was_open_on_a_past_morning_is_told_by_the_history(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,deleted_at
    A,Sales,Won,100.00,EUR,2026-06-10,
    B,Sales,Lost,100.00,EUR,2026-06-10,2026-09-20
    C,Sales,Demo,100.00,EUR,2026-09-10,
    """
    visits = """
    deal_id,stage,entered_at,recorded_at
    A,Qualification,2026-06-10,2026-06-10
    A,Demo,2026-06-20,2026-07-05
    A,Won,2026-08-20,2026-08-20
    B,Qualification,2026-06-10,2026-06-10
    B,Lost,2026-07-20,2026-07-20
    B,Demo,2026-08-10,2026-08-10
    C,Demo,2026-09-10,2026-09-10
    """
    changes = """
    deal_id,field,old_value,new_value,changed_at
    A,amount,50.00,70.00,2026-07-10
    A,expected_close,2026-07-31,2026-08-31,2026-07-10
    A,amount,70.00,100.00,2026-08-15
    """
    book = book_of(tmp_path, deals=deals, stage_history=visits, deal_changes=changes)
    rows = book.rows("select seen_on, deal_id, stage, amount_minor, expected_close_on from open_deals")
    seen = [(f"{row.seen_on:%m-%d}", row.deal_id, row.stage, row.amount_minor / 100) for row in rows.itertuples()]
    # The first end that stands is that of A in August. B was lost, then reopened, then deleted.
    assert seen == [("09-01", "B", "Demo", 100), ("10-01", "C", "Demo", 100), ("11-01", "C", "Demo", 100)]
    states = book.rows("select deal_id, stage, known_on, until_on from deal_states where deal_id = 'A' order by visit")
    assert [f"{day:%m-%d}" for day in states["known_on"]] == ["06-10", "07-05", "08-20"]
    assert [f"{day:%m-%d}" for day in states["until_on"].dropna()] == ["07-05", "08-20"]
