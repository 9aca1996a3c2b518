from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

from salesbook import clock
from salesbook.errors import BadData, WrongUsage
from salesbook.settings import Calendar

AMSTERDAM = "Europe/Amsterdam"
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sun"), "00:00-24:00")


def local(instants: list[str], zone: str = AMSTERDAM) -> list[str]:
    """Local times as the SQL of the project gives them."""
    sql = clock.local_time_sql(zone, *map(datetime.fromisoformat, (min(instants), max(instants))))
    values = ", ".join(f"(timestamp '{instant}')" for instant in instants)
    rows = duckdb.sql(f"select cast({sql} as varchar) from (values {values}) v(t)").fetchall()
    return [row[0] for row in rows]


def test_local_time_jumps_an_hour_in_spring_and_repeats_one_in_autumn():
    assert local(["2026-03-29 00:59:59", "2026-03-29 01:00:00"]) == ["2026-03-29 01:59:59", "2026-03-29 03:00:00"]
    assert local(["2026-10-25 00:59:59", "2026-10-25 01:00:00"]) == ["2026-10-25 02:59:59", "2026-10-25 02:00:00"]


@pytest.mark.parametrize("first_year", [1970, 1995, 2024])
@pytest.mark.parametrize("zone", [AMSTERDAM, "Europe/London", "America/New_York", "Asia/Kolkata", "UTC"])
def test_local_time_agrees_with_zoneinfo_hour_by_hour(zone, first_year):
    instants = [datetime(first_year, 12, 30) + timedelta(hours=7 * number) for number in range(2200)]
    expected = [at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S") for at in instants]
    assert local([str(at) for at in instants], zone) == expected


def test_days_on_which_the_clock_changes_are_23_and_25_hours_long():
    table = clock.calendar_table({"all": Calendar(hours=WEEK)}, AMSTERDAM, date(2026, 3, 28), date(2026, 10, 26))
    hours = table.set_index("day")["open_seconds"] / 3600
    assert hours[date(2026, 3, 29)] == 23
    assert hours[date(2026, 10, 25)] == 25
    assert hours[date(2026, 10, 26)] == 24
    assert hours[date(2026, 3, 28)] == 0


def test_open_seconds_before_is_the_sum_of_the_days_before():
    table = clock.calendar_table({"all": Calendar(hours=WEEK)}, AMSTERDAM, date(2026, 3, 1), date(2026, 4, 30))
    assert (table["open_seconds_before"] == table["open_seconds"].cumsum().shift(fill_value=0)).all()


def test_a_national_holiday_is_a_closed_day():
    calendars = {
        "nl": Calendar(country="NL", hours={"mon": "09:00-17:00"}),
        "dk": Calendar(country="DK", hours={"mon": "09:00-17:00"}),
    }
    table = clock.calendar_table(calendars, AMSTERDAM, date(2026, 4, 27), date(2026, 4, 27)).set_index("calendar")
    assert table["open_seconds"].to_dict() == {"nl": 0, "dk": 8 * 3600}


def test_a_fiscal_year_that_starts_in_july_has_its_own_quarters():
    assert clock.period_of(date(2026, 8, 9), "quarter", 7) == clock.Period(date(2026, 7, 1), date(2026, 10, 1))
    assert clock.period_of(date(2026, 6, 30), "year", 7) == clock.Period(date(2025, 7, 1), date(2026, 7, 1))


def test_an_unknown_period_is_refused():
    with pytest.raises(WrongUsage, match="decade"):
        clock.period_of(date(2026, 1, 1), "decade")


def test_a_rate_is_carried_for_a_week_and_no_longer():
    known = pd.DataFrame({"currency": ["DKK"], "rate_on": [date(2026, 10, 1)], "rate": [0.134]})
    table = clock.rates_table(known, "EUR", date(2026, 10, 1), date(2026, 10, 20))
    days = table.loc[table["currency"] == "DKK", "day"].tolist()
    assert days == [date(2026, 10, day) for day in range(1, 9)]
    assert len(table[table["currency"] == "EUR"]) == 20


def test_a_rate_known_before_the_first_day_is_carried_into_it():
    known = pd.DataFrame({"currency": ["DKK"], "rate_on": [date(2026, 9, 28)], "rate": [0.134]})
    table = clock.rates_table(known, "EUR", date(2026, 10, 1), date(2026, 10, 20))
    assert table.loc[table["currency"] == "DKK", "day"].tolist() == [date(2026, 10, day) for day in range(1, 6)]


def test_a_rate_of_the_report_currency_other_than_one_is_refused():
    known = pd.DataFrame({"currency": ["EUR"], "rate_on": [date(2026, 10, 1)], "rate": [1.1]})
    with pytest.raises(BadData, match="report currency"):
        clock.rates_table(known, "EUR", date(2026, 10, 1), date(2026, 10, 2))


def test_a_quarter_is_one_of_the_fiscal_year_that_bears_the_year_in_which_it_ends():
    named = {starts: clock.named("2026-Q3", starts) for starts in (1, 4, 10)}
    assert named[1] == clock.Period(date(2026, 7, 1), date(2026, 10, 1))
    assert named[4] == clock.Period(date(2025, 10, 1), date(2026, 1, 1))
    assert named[10] == clock.Period(date(2026, 4, 1), date(2026, 7, 1))


@pytest.mark.parametrize("starts", range(1, 13))
def test_the_quarters_of_a_fiscal_year_are_those_that_a_trend_by_quarter_has(starts):
    for name in ("2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"):
        found = clock.named(name, starts)
        assert clock.period_of(found.start, "quarter", starts) == found
    year = clock.period_of(clock.named("2026-Q1", starts).start, "year", starts)
    assert year.end == clock.named("2026-Q4", starts).end
    assert (year.end - timedelta(days=1)).year == 2026


@pytest.mark.parametrize("name", ["2026-Q5", "2026Q3", "2026-q3", "Q3", "2026-13", "2026-10-01", "2026-Q3 "])
def test_a_name_of_no_month_and_no_quarter_is_refused_with_the_way_out(name):
    with pytest.raises(WrongUsage, match="2026-Q3"):
        clock.named(name)
