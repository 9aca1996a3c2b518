"""Whether the data reaches the month it tells of: its newest event, its rows, its days without any activity."""

from datetime import date, datetime
from pathlib import Path

import duckdb

from salesbook import clock
from salesbook.errors import BadData
from salesbook.settings import Calendar, Settings
from salesbook.sources.form import literal

EVENTS = {"deals": "created_at", "leads": "created_at", "activities": "occurred_at", "stage_history": "entered_at"}
CLOSINGS = "select closed_at as moment from deals"
FEWEST = 20
OFFICE = {"office": Calendar(hours=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"))}


def warnings(settings: Settings, tables: Path, month: str) -> list[dict]:
    """What a reader of a month must know of its data.

    Rule: `stale`, the newest event before the month's end is older than `stale_days`; `fewer_rows`, a table has a
    smaller number of rows of the month than of the month before, by more than `fewer_rows_share` (tables of fewer than
    20 rows are not compared); `silent_days`, working days without any activity, more than in the month before.
    Parameters: `settings`; `tables`, the folder of an import's tables; `month`, as 2026-10.
    Returns: a list of {"code", "values"}, empty where nothing is wrong.
    Source: house decision, reliability promise 11.
    """
    period = clock.period_of(date.fromisoformat(f"{month}-01"), "month")
    earlier = clock.periods_before(period, "month", 2)[0]
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        for name in EVENTS:
            path = literal((tables / f"{name}.parquet").as_posix())
            con.execute(f"create view {name} as from read_parquet({path})")
        found = [*stale(con, settings, period), *fewer_rows(con, settings, period, earlier)]
        return found + silent_days(con, settings, period, earlier)


def refuse(settings: Settings, found: list[dict], month: str) -> None:
    """Refuse stale or half data, where the settings say so.

    Raises: BadData that names what was found.
    """
    if found and settings.limits.stale == "refuse":
        told = "; ".join(sentence(warning) for warning in found)
        todo = 'Export again, or set stale = "stamp" under [limits] to have it said on every page instead.'
        raise BadData(f"The data does not reach {month} as it should.", f"{told}.", todo)


def sentence(warning: dict) -> str:
    """A warning in words, for a terminal.

    Examples:
    >>> sentence({"code": "stale", "values": {"n": 9, "day": "2026-10-22"}})
    'the newest event is of 2026-10-22, 9 days before the end of the month'
    """
    return {
        "stale": "the newest event is of {day}, {n} days before the end of the month",
        "fewer_rows": "{table} has {now} rows of the month, and {before} of the month before",
        "silent_days": "{n} working days have no activity, the first {day}",
    }[warning["code"]].format(**warning["values"])


def instants(settings: Settings, period: clock.Period) -> tuple[datetime, datetime]:
    """The first instant of a period and the first after it."""
    return clock.utc(settings.zone, period.start), clock.utc(settings.zone, period.end)


def stale(con: duckdb.DuckDBPyConnection, settings: Settings, period: clock.Period) -> list[dict]:
    """The warning that the newest event is too old."""
    as_of = instants(settings, period)[1]
    events = " union all ".join([CLOSINGS, *(f"select {column} from {name}" for name, column in EVENTS.items())])
    (newest,) = con.execute(f"select max(moment) from ({events}) events where moment < ?", [as_of]).fetchone()
    if newest is None or (as_of - newest).days <= settings.limits.stale_days:
        return []
    return [{"code": "stale", "values": {"n": (as_of - newest).days, "day": newest.date().isoformat()}}]


def fewer_rows(con, settings: Settings, period: clock.Period, earlier: clock.Period) -> list[dict]:
    """The warnings that a table has fewer rows than the month before."""
    found = []
    for name, column in EVENTS.items():
        query = f"select count(*) from {name} where {column} >= ? and {column} < ?"
        now, before = (con.execute(query, instants(settings, one)).fetchone()[0] for one in (period, earlier))
        if before >= FEWEST and now < (1 - settings.limits.fewer_rows_share) * before:
            found.append({"code": "fewer_rows", "values": {"table": name, "now": now, "before": before}})
    return found


def silent_days(con, settings: Settings, period: clock.Period, earlier: clock.Period) -> list[dict]:
    """The warning that working days have no activity; a team that is silent on some days of every month is not told."""
    now, before = (silent_in(con, settings, one) for one in (period, earlier))
    if not now or len(now) <= len(before):
        return []
    return [{"code": "silent_days", "values": {"n": len(now), "day": now[0].isoformat()}}]


def silent_in(con, settings: Settings, period: clock.Period) -> list[date]:
    """The working days of a period without activity, in order; none where the period has no activity at all."""
    start, end = instants(settings, period)
    calendars = settings.calendars or OFFICE
    first = next(iter(calendars))
    last = date.fromordinal(period.end.toordinal() - 1)
    days = clock.calendar_table({first: calendars[first]}, settings.zone, period.start, last)
    local = clock.local_time_sql(settings.zone, end)
    query = f"""select distinct cast({local} as date) from (
        select occurred_at as t from activities where occurred_at >= ? and occurred_at < ?)"""
    active = {day for (day,) in con.execute(query, [start, end]).fetchall()}
    working = [day for day, seconds in zip(days["day"], days["open_seconds"], strict=True) if seconds]
    return [day for day in working if day not in active] if active else []
