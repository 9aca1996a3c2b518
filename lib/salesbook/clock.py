"""Time and money as small tables: the changes of a zone, opening hours and holidays, dense currency rates.

Engines differ in their zone databases and date functions, so each gets the same small tables, made here once.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pandas as pd

from salesbook import zones
from salesbook.errors import BadData, WrongUsage
from salesbook.settings import DAYS, PERIOD, Calendar, opening

CARRIED_DAYS = 7
PERIODS = ("day", "week", "month", "quarter", "year")
MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Period:
    """A span of local days: from `start` up to, not including, `end`."""

    start: date
    end: date


def utc(zone: str, day: date, seconds: int = 0) -> datetime:
    """The UTC instant of a local day's midnight plus so many wall-clock seconds, without zone.

    >>> utc("Europe/Amsterdam", date(2026, 10, 26))
    datetime.datetime(2026, 10, 25, 23, 0)
    """
    local = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def local_time_sql(zone: str, first: datetime, last: datetime) -> str:
    """SQL over `t` that gives local wall-clock time: a CASE over the zone's changes, the newest first.

    Rule: it holds for instants from `first` to `last`; only the changes of those years are listed, for
    every fact pays for each.
    """
    span = range(first.year, last.year + 1)
    changes = zones.changes(zone)
    before = [after for at, _, after in changes if at.year < span.start]
    newest_first = [(at, after) for at, _, after in reversed(changes) if at.year in span]
    newest_first.append((datetime(1, 1, 1), before[-1] if before else zones.first_offset(zone)))
    whens = [f"when t >= timestamp '{at}' then t + interval '{seconds}' second" for at, seconds in newest_first]
    return f"case {' '.join(whens)} end"


def period_of(day: date, kind: str, fiscal_year_starts: int = 1) -> Period:
    """The day, ISO week, month, quarter or fiscal year that holds a day.

    Parameters: `kind`, one of day, week, month, quarter, year; quarters and years follow the fiscal year.
    Raises: WrongUsage for another kind.

    >>> period_of(date(2026, 2, 3), "quarter", fiscal_year_starts=4)
    Period(start=datetime.date(2026, 1, 1), end=datetime.date(2026, 4, 1))
    """
    if kind == "day":
        return Period(day, day + timedelta(days=1))
    if kind == "week":
        start = day - timedelta(days=day.weekday())
        return Period(start, start + timedelta(days=7))
    months = MONTHS.get(kind)
    if months is None:
        raise WrongUsage("That is not a period.", f"Found {kind!r}.", f"There are: {', '.join(PERIODS)}.")
    start = month_after(day, -((day.month - fiscal_year_starts) % months))
    return Period(start, month_after(start, months))


def kind_of(name: str) -> str:
    """The kind of a period by its name: month or quarter.

    >>> kind_of("2026-10"), kind_of("2026-Q3")
    ('month', 'quarter')
    """
    return "quarter" if "Q" in name else "month"


def named(name: str, fiscal_year_starts: int = 1) -> Period:
    """The days of a month or a quarter by its name.

    Rule: a quarter is one of the fiscal year, and a fiscal year bears the number of the year in which it ends.
    Parameters: `name`, a month as 2026-10 or a quarter as 2026-Q3.
    Raises: WrongUsage for another name.
    Source: fiscal years by their end: house decision of 2026-11-22.

    >>> named("2026-Q3"), named("2026-Q3", fiscal_year_starts=4).start
    (Period(start=datetime.date(2026, 7, 1), end=datetime.date(2026, 10, 1)), datetime.date(2025, 10, 1))
    """
    if not PERIOD.fullmatch(name):
        raise WrongUsage("That is no month and no quarter.", f"Found {name!r}.", "Write 2026-10, or 2026-Q3.")
    year, _, part = name.partition("-")
    if kind_of(name) == "month":
        return period_of(date(int(year), int(part), 1), "month")
    first = date(int(year) - (fiscal_year_starts > 1), fiscal_year_starts, 1)
    start = month_after(first, 3 * (int(part[1]) - 1))
    return Period(start, month_after(start, 3))


def month_after(day: date, count: int) -> date:
    """The first day of the month so many months after that of a day, or before it.

    >>> month_after(date(2026, 11, 30), 2), month_after(date(2026, 1, 1), -1)
    (datetime.date(2027, 1, 1), datetime.date(2025, 12, 1))
    """
    months = day.year * 12 + day.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def periods_before(last: Period, kind: str, count: int, fiscal_year_starts: int = 1) -> list[Period]:
    """So many periods of a kind, ending with the given one, oldest first."""
    found = [last]
    while len(found) < count:
        found.insert(0, period_of(found[0].start - timedelta(days=1), kind, fiscal_year_starts))
    return found


def calendar_table(calendars: dict[str, Calendar], zone: str, first: date, last: date) -> pd.DataFrame:
    """Opening hours of every day.

    Rule: a national holiday of the calendar's country is closed; hours are local wall-clock time, so a day on which
    the clock changes counts its real seconds.
    Parameters: `calendars` by name; `zone`, IANA name; `first` and `last`, local days, both included.
    Returns: calendar, day, opens_at (UTC), open_seconds, open_seconds_before (since the first day), sorted.
    """
    rows = []
    for name, calendar in sorted(calendars.items()):
        years = range(first.year, last.year + 1)
        closed = holidays.country_holidays(calendar.country, years=years) if calendar.country else {}
        before = 0
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            hours = calendar.hours.get(DAYS[day.weekday()])
            opens, closes = opening(hours) if hours and day not in closed else (0, 0)
            opens_at, closes_at = utc(zone, day, opens), utc(zone, day, closes)
            open_seconds = int((closes_at - opens_at).total_seconds())
            rows.append((name, day, opens_at, open_seconds, before))
            before += open_seconds
    table = pd.DataFrame(rows, columns=["calendar", "day", "opens_at", "open_seconds", "open_seconds_before"])
    return table.astype({"opens_at": "datetime64[us]"})


def rates_table(known: pd.DataFrame, report_currency: str, first: date, last: date) -> pd.DataFrame:
    """A rate for every currency and day.

    Rule: the last known rate is carried for at most a week; days without one are left out, and a deal that needs one
    of them fails the build. The report currency is 1.
    Parameters: `known`, columns currency, rate_on, rate (report currency for one unit).
    Returns: currency, day, rate, sorted.
    Raises: BadData where the source gives a rate other than 1 for the report currency.
    """
    own = known[known["currency"] == report_currency]
    if not own.empty and not (own["rate"].astype(float) == 1).all():
        raise BadData(
            "fx_rates has another rate than 1 for the report currency.",
            f"Found {own['rate'].iloc[0]} for {report_currency}.",
            "Give rates as report currency for one unit of the other currency.",
        )
    days = pd.DataFrame({"day": pd.date_range(first, last, freq="D")})
    parts = [days.assign(currency=report_currency, rate=1)]
    week = pd.Timedelta(days=CARRIED_DAYS)
    for currency, rows in known[known["currency"] != report_currency].groupby("currency"):
        rates = rows.assign(rate_on=pd.to_datetime(rows["rate_on"])).sort_values("rate_on")[["rate_on", "rate"]]
        dense = pd.merge_asof(days, rates, left_on="day", right_on="rate_on", tolerance=week).dropna()
        parts.append(dense.assign(currency=currency))
    table = pd.concat(parts, ignore_index=True).sort_values(["currency", "day"], ignore_index=True)
    return table.assign(day=table["day"].dt.date)[["currency", "day", "rate"]]


def years_before(period: Period, years: int) -> Period:
    """The same span of days so many years before; 29 February becomes the 28th."""
    if not years:
        return period

    def moved(day):
        is_leap_day = (day.month, day.day) == (2, 29)
        return day.replace(year=day.year - years, day=28 if is_leap_day else day.day)

    return Period(moved(period.start), moved(period.end))
