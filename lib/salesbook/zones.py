"""Local time to UTC and back as SQL, made from the zone's own changes: exact, also in the nights the clock moves."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

Steps = list[tuple[datetime | None, int | None]]  # from when on, which distance to UTC; None for none
Years = tuple[int, int]
ALL = (1900, 2100)
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@cache
def changes(zone: str) -> tuple[tuple[datetime, int, int], ...]:
    """The instants from 1970 to 2100 at which a zone's distance to UTC changes.

    Returns: (instant as naive UTC, seconds east of UTC before it, seconds after it), in order.
    Examples:
    >>> [(str(at), before, after) for at, before, after in changes("Europe/Amsterdam") if at.year == 2026]
    [('2026-03-29 01:00:00', 3600, 7200), ('2026-10-25 01:00:00', 7200, 3600)]
    """
    found, day, offset = [], FIRST, offset_at(FIRST, zone)
    while day < LAST:
        following = day + timedelta(days=1)
        after = offset_at(following, zone)
        if after != offset:
            found.append((first_with(after, day, following, zone).replace(tzinfo=None), offset, after))
        day, offset = following, after
    return tuple(found)


def offset_at(instant: datetime, zone: str) -> int:
    """Seconds east of UTC at an instant."""
    return int(instant.astimezone(ZoneInfo(zone)).utcoffset().total_seconds())


def first_with(offset: int, before: datetime, after: datetime, zone: str) -> datetime:
    """The first second between two instants that has this distance to UTC."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        before, after = (before, middle) if offset_at(middle, zone) == offset else (middle, after)
    return after


def utc(local: str, zone: str, years: Years = ALL) -> str:
    """SQL for the instant of a local time: NULL where that time does not exist or happens twice.

    Parameters: `local`, SQL of a naive local TIMESTAMP; `zone`, an IANA name; `years`, the first and last in which
    such a time may be: of few years the SQL is short, and planned many times faster.
    Returns: SQL of a naive UTC TIMESTAMP.
    """
    return f"({local} - to_seconds({tree(local, within(clock_steps(zone), years))}))"


def utc_of_day(midnight: str, zone: str, years: Years = ALL) -> str:
    """SQL for the first instant of a local day, also where midnight itself is skipped or happens twice."""
    return f"({midnight} - to_seconds({tree(midnight, within(day_steps(zone), years))}))"


def local(instant: str, zone: str, years: Years = ALL) -> str:
    """SQL for the local time at an instant of naive UTC."""
    return f"({instant} + to_seconds({tree(instant, within(instant_steps(zone), years))}))"


def instant_steps(zone: str) -> Steps:
    """Seconds east of UTC by the instant they hold from."""
    return [(None, first_offset(zone)), *((at, after) for at, _, after in changes(zone))]


def clock_steps(zone: str) -> Steps:
    """Seconds east of UTC by the local time they hold from; None where that time does not exist or happens twice."""
    steps: Steps = [(None, first_offset(zone))]
    for at, before, after in changes(zone):
        edges = sorted((at + timedelta(seconds=before), at + timedelta(seconds=after)))
        steps += [(edges[0], None), (edges[1], after)]
    return steps


def day_steps(zone: str) -> Steps:
    """Seconds east of UTC at the first instant of a local day, by the midnight they hold from."""
    found = [(at + timedelta(seconds=max(before, after)), after) for at, before, after in changes(zone)]
    return [(None, first_offset(zone)), *found]


def within(steps: Steps, years: Years) -> Steps:
    """The steps that matter in some years, and within a day of them."""
    first, last = datetime(years[0], 1, 1) - timedelta(days=1), datetime(years[1], 12, 31) + timedelta(days=2)
    held = [at for at, (since, _) in enumerate(steps) if since is None or since <= first]
    return steps[held[-1] :][: 1 + sum(since is not None and first < since <= last for since, _ in steps)]


def first_offset(zone: str) -> int:
    """Seconds east of UTC before the first change."""
    return changes(zone)[0][1] if changes(zone) else offset_at(FIRST, zone)


def tree(value: str, steps: Steps) -> str:
    """A search tree of CASEs: the number that holds from the last step not after the value."""
    if len(steps) == 1:
        return "null::bigint" if steps[0][1] is None else f"{steps[0][1]}"
    half = len(steps) // 2
    low, high = tree(value, steps[:half]), tree(value, steps[half:])
    return f"case when {value} < timestamp '{steps[half][0]}' then {low} else {high} end"
