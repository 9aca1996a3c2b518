"""Local time to UTC and back agrees with zoneinfo, also in the nights the clock moves."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesbook import zones

ZONES = ("Europe/Amsterdam", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "UTC")
SECONDS = st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)).map(lambda moment: moment.replace(microsecond=0))
NEAR_CHANGES = st.builds(
    lambda change, minutes: change[0] + timedelta(minutes=minutes),
    st.sampled_from([change for zone in ("Europe/Amsterdam", "America/New_York") for change in zones.changes(zone)]),
    st.integers(-900, 900),
)
MOMENTS = st.lists(SECONDS | NEAR_CHANGES, min_size=1, max_size=30)


def asked(function, moments: list[datetime], zone: str) -> list[datetime | None]:
    """What the SQL says for some moments."""
    query = f"select {function('moment', zone)} from (select unnest(?::timestamp[]) as moment)"
    return [answer for (answer,) in duckdb.execute(query, [moments]).fetchall()]


def instants_of(local: datetime, zone: str) -> set[datetime]:
    """Every instant at which clocks in a zone show a time, the slow way."""
    days = (timedelta(days=day) for day in (-1, 0, 1))
    offsets = {(local + day).replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() for day in days}
    found = {local - offset for offset in offsets}
    return {one for one in found if one.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local}


NIGHTS = [
    ("2026-03-29 01:59:59", "2026-03-29 00:59:59"),
    ("2026-03-29 02:00:00", None),
    ("2026-03-29 02:59:59", None),
    ("2026-03-29 03:00:00", "2026-03-29 01:00:00"),
    ("2026-10-25 01:59:59", "2026-10-24 23:59:59"),
    ("2026-10-25 02:00:00", None),
    ("2026-10-25 02:59:59", None),
    ("2026-10-25 03:00:00", "2026-10-25 02:00:00"),
]


@pytest.mark.parametrize(("local", "utc"), NIGHTS)
def test_the_hour_that_is_missing_or_doubled_has_no_instant(local, utc):
    expected = datetime.fromisoformat(utc) if utc else None
    assert asked(zones.utc, [datetime.fromisoformat(local)], "Europe/Amsterdam") == [expected]


@settings(max_examples=12, deadline=None)
@given(MOMENTS, st.sampled_from(ZONES))
def test_a_local_time_is_its_only_instant_or_none(moments, zone):
    instants = [instants_of(moment, zone) for moment in moments]
    assert asked(zones.utc, moments, zone) == [only.pop() if len(only) == 1 else None for only in instants]


@settings(max_examples=12, deadline=None)
@given(MOMENTS, st.sampled_from(ZONES))
def test_an_instant_is_shown_as_the_zone_shows_it(moments, zone):
    shown = [one.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for one in moments]
    assert asked(zones.local, moments, zone) == shown


@pytest.mark.parametrize("zone", [*ZONES, "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut"])
def test_every_day_begins_on_that_day_also_where_midnight_is_skipped(zone):
    days = "range(timestamp '2010-01-01', timestamp '2027-01-01', interval 1 day) t(day)"
    starts = f"select day, {zones.utc_of_day('day', zone)} as starts from {days}"
    wrong = f"select day from ({starts}) where cast({zones.local('starts', zone)} as date) <> cast(day as date)"
    assert duckdb.execute(wrong).fetchall() == []
