"""Working time of the three countries as a straight axis: instants laid end to end without nights and days off."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from salesbook.sample.plan import day_number, first_day

ZONES = ("Europe/Amsterdam", "Europe/Copenhagen", "Europe/London")
HOLIDAYS = ({"country": "NL"}, {"country": "DK"}, {"country": "GB", "subdiv": "ENG"})
OPENS_AT = 9 * 3600
WORKING_DAY = 8 * 3600 + 1800
AHEAD = timedelta(days=1300)


@dataclass(frozen=True)
class WorkTime:
    """Working time by country (first axis of each array): 0 Netherlands, 1 Denmark, 2 United Kingdom."""

    first: int
    midnights: np.ndarray
    is_free: np.ndarray
    opens: np.ndarray
    next_open: np.ndarray

    def instant(self, country: np.ndarray, worked: np.ndarray) -> np.ndarray:
        """UTC seconds of a point on the axis of working seconds."""
        day = np.minimum(worked // WORKING_DAY, self.opens.shape[1] - 1).astype(np.int64)
        return self.opens[country, day] + (worked % WORKING_DAY).astype(np.int64)

    def worked(self, country: np.ndarray, instant: np.ndarray) -> np.ndarray:
        """Point on the axis of working seconds of an instant; outside the hours, the next opening."""
        day = self.local_day(country, instant)
        place = self.next_open[country, day - self.first]
        return place * WORKING_DAY + np.clip(instant - self.opens[country, place], 0, WORKING_DAY)

    def local_day(self, country: np.ndarray, instant: np.ndarray) -> np.ndarray:
        """Local day of an instant, in days since 1970."""
        guess = instant // 86_400 - self.first
        return guess + (instant >= self.midnights[country, guess + 1]) + self.first

    def at(self, country: np.ndarray, day: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """UTC seconds of a local time of day."""
        return self.midnights[country, day - self.first] + seconds


@lru_cache(maxsize=8)
def work_time(first_month: int, end: date, with_holidays: bool) -> WorkTime:
    """The working time from a month to well past the end, so that later plans have a place on it.

    Without holidays all months are alike but for their length: then nothing that a report says of one is true.
    """
    start = first_day(first_month) - timedelta(days=20)
    days = [start + timedelta(days=n) for n in range((end + AHEAD - start).days)]
    weekend = np.array([day.weekday() >= 5 for day in days])
    free, midnights = [], []
    for zone, where in zip(ZONES, HOLIDAYS, strict=True):
        off = holidays.country_holidays(**where, years=range(start.year, end.year + 1)) if with_holidays else ()
        free.append(weekend | np.array([day in off for day in days]))
        midnights.append([local_midnight(day, ZoneInfo(zone)) for day in days])
    is_free, midnights = np.array(free), np.array(midnights)
    size = (~is_free).sum(axis=1).min()
    opens = np.array([(midnights[c] + OPENS_AT)[~is_free[c]][:size] for c in range(len(ZONES))])
    next_open = np.minimum((~is_free).cumsum(axis=1) - ~is_free, size - 1)
    return WorkTime(day_number(start), midnights, is_free, opens, next_open)


def local_midnight(day: date, zone: ZoneInfo) -> int:
    """UTC seconds of 0:00 by the offset at noon, so that every later hour of that day is right.

    On the two days a year on which the clock is moved, the hours before that are off by one; nobody works then.
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC)
    return int(noon.timestamp()) - 12 * 3600
