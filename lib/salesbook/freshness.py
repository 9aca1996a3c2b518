"""Whether the data reaches the month it tells of: its newest event, its rows, its days without any activity."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from salesbook import clock
from salesbook.errors import BadData
from salesbook.settings import Calendar, Settings
from salesbook.tables import TABLES

Rows = Callable[[str], list[tuple]]
EVENTS = {"deals": "created_at", "leads": "created_at", "activities": "occurred_at", "stage_history": "entered_at"}
CLOSINGS = "select closed_at as moment from loaded_deals"
FEWEST = 20
OFFICE = {"office": Calendar(hours=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"))}


def warnings(settings: Settings, rows: Rows, month: str) -> list[dict]:
    """What a reader of a month (or a quarter: then quarters are compared) must know of its data.

    Rule: `stale`, the newest event before the month's end is older than `stale_days`; `fewer_rows`, a table has a
    smaller number of rows of the month than of the month before, by more than `fewer_rows_share` (tables of fewer than
    20 rows are not compared); `silent_days`, working days without any activity, more than in the month before.
    Parameters: `settings`; `rows`, which answers queries on the canonical tables as loaded_NAME; `month`, as 2026-10 or
    2026-Q3.
    Returns: a list of {"code", "values"}, empty where nothing is wrong.
    Source: house decision, reliability promise 11.
    """
    starts = settings.fiscal_year_starts
    period = clock.named(month, starts)
    earlier = clock.periods_before(period, clock.kind_of(month), 2, starts)[0]
    found = [*stale(rows, settings, period), *fewer_rows(rows, settings, period, earlier)]
    return found + silent_days(rows, settings, period, earlier)


def refuse(settings: Settings, found: list[dict], month: str) -> None:
    """Refuse stale or half data, where the settings say so.

    Raises: BadData that names what was found.
    """
    if found and settings.limits.stale == "refuse":
        told = "; ".join(sentence(warning, clock.kind_of(month)) for warning in found)
        todo = 'Export again, or set stale = "stamp" under [limits] to have it said on every page instead.'
        raise BadData(f"The data does not reach {month} as it should.", f"{told}.", todo)


def sentence(warning: dict, kind: str = "month") -> str:
    """A warning about a month or a quarter in words, for a terminal.

    Examples:
    >>> sentence({"code": "stale", "values": {"n": 9, "day": "2026-10-22"}})
    'the newest event is of 2026-10-22, 9 days before the end of the month'
    """
    return {
        "stale": "the newest event is of {day}, {n} days before the end of the {kind}",
        "fewer_rows": "{table} has {now} rows of the {kind}, and {before} of the {kind} before",
        "silent_days": "{n} working days have no activity, the first {day}",
        "ahead": "{n} rows of {table} are dated after today by {column}, the last {day}: no page counts them before",
    }[warning["code"]].format(kind=kind, **warning["values"])


def instants(settings: Settings, period: clock.Period) -> tuple[datetime, datetime]:
    """The first instant of a period and the first after it."""
    return clock.utc(settings.zone, period.start), clock.utc(settings.zone, period.end)


def newest(rows: Rows, before: datetime) -> datetime | None:
    """The newest event before an instant; None where there is none."""
    told = [f"select {column} from loaded_{name}" for name, column in EVENTS.items()]
    events = " union all ".join([CLOSINGS, *told])
    return rows(f"select max(moment) from ({events}) events where moment < timestamp '{before}'")[0][0]


def ahead(rows: Rows, now: datetime) -> list[dict]:
    """What is dated after now, and so is wrong or a plan; pages leave it out until its day.

    Parameters: `rows`, as for `warnings`; `now`, naive UTC.
    Returns: a list of {"code", "values"}; an hour is left to clocks that differ.
    """
    found = []
    for table, column in dated():
        later = f"{column} > timestamp '{now + timedelta(hours=1):%Y-%m-%d %H:%M:%S}'"
        count, last = rows(f"select count(*), max({column}) from loaded_{table} where {later}")[0]
        if count:
            values = {"n": count, "table": table, "column": column, "day": last.date().isoformat()}
            found.append({"code": "ahead", "values": values})
    return found


def dated() -> list[tuple[str, str]]:
    """The instants of what has happened, by table: when a row became known, and what came later."""
    return [
        (table.name, column.name)
        for table in TABLES.values()
        for column in table.columns
        if column.is_instant and (column.later or column.name in table.known)
    ]


def stale(rows: Rows, settings: Settings, period: clock.Period) -> list[dict]:
    """The warning that the newest event is too old."""
    as_of = instants(settings, period)[1]
    last = newest(rows, as_of)
    if last is None or (as_of - last).days <= settings.limits.stale_days:
        return []
    return [{"code": "stale", "values": {"n": (as_of - last).days, "day": last.date().isoformat()}}]


def fewer_rows(rows: Rows, settings: Settings, period: clock.Period, earlier: clock.Period) -> list[dict]:
    """The warnings that a table has fewer rows than the month before."""
    found = []
    for name, column in EVENTS.items():
        counts = [
            rows(f"select count(*) from loaded_{name} where {within(column, settings, one)}")[0][0]
            for one in (period, earlier)
        ]
        if counts[1] >= FEWEST and counts[0] < (1 - settings.limits.fewer_rows_share) * counts[1]:
            found.append({"code": "fewer_rows", "values": {"table": name, "now": counts[0], "before": counts[1]}})
    return found


def within(column: str, settings: Settings, period: clock.Period) -> str:
    """SQL: an instant is in a period."""
    start, end = instants(settings, period)
    return f"{column} >= timestamp '{start}' and {column} < timestamp '{end}'"


def silent_days(rows: Rows, settings: Settings, period: clock.Period, earlier: clock.Period) -> list[dict]:
    """The warning that working days have no activity; a team that is silent on some days of every month is not told."""
    now, before = (silent_in(rows, settings, one) for one in (period, earlier))
    if not now or len(now) <= len(before):
        return []
    return [{"code": "silent_days", "values": {"n": len(now), "day": now[0].isoformat()}}]


def silent_in(rows: Rows, settings: Settings, period: clock.Period) -> list[date]:
    """The working days of a period without activity, in order; none where the period has no activity at all."""
    calendars = settings.calendars or OFFICE
    first = next(iter(calendars))
    last = date.fromordinal(period.end.toordinal() - 1)
    days = clock.calendar_table({first: calendars[first]}, settings.zone, period.start, last)
    local = clock.local_time_sql(settings.zone, *instants(settings, period))
    of_period = within("occurred_at", settings, period)
    query = f"select distinct cast({local} as date) from (select occurred_at as t from loaded_activities where "
    active = {day for (day,) in rows(f"{query}{of_period}) events")}
    working = [day for day, seconds in zip(days["day"], days["open_seconds"], strict=True) if seconds]
    return [day for day in working if day not in active] if active else []
