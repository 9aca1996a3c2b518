"""What is asked of the sample company, and the random streams and dates that follow from it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from salesbook.errors import WrongUsage
from salesbook.sample import effects
from salesbook.settings import MONTH

ZONE = ZoneInfo("Europe/Amsterdam")
EMPTY = -1
# Months before the first one that are simulated but not told: without them the first year would show a young pipeline
# filling up, and every rate by closing month would drift.
WARM_UP = 15
EARLIEST = 1989 * 12
# Every subject draws from streams of its own, so that a new one leaves the others' data as it was.
TOPICS = (
    "volume", "leads", "enquirers", "attempts", "fates", "deals", "buyers", "ways", "standing", "visits",
    "lead activities", "deal activities", "fx", "late contacts", "recording", "changes", "quotes", "orders",
    "contracts", "costs", "submissions", "calling", "shortcuts", "stalls", "month ends", "lateness", "material",
    "hours", "crm use", "self reports", "surveys", "material costs",
)  # fmt: skip

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """Size, time and seed of a sample company. Months are counted from year 0: 2026-10 is 2026 * 12 + 9."""

    leads: int
    months: int
    seed: int
    effects: bool
    last_month: str

    def __post_init__(self):
        if self.leads < 1 or self.months < 1 or self.seed < 0:
            found = f"Found leads={self.leads}, months={self.months}, seed={self.seed}."
            raise WrongUsage(
                "The sample company cannot have that size.", found, "Ask for 1 or more, and a seed from 0."
            )
        if not MONTH.fullmatch(self.last_month) or self.simulated.start < EARLIEST:
            found = f"Found last_month={self.last_month!r}, months={self.months}."
            raise WrongUsage("The months are not ones that can be told.", found, "Write 2026-10; begin after 1990.")

    @cached_property
    def last(self) -> int:
        """The last month."""
        year, month = map(int, self.last_month.split("-"))
        return year * 12 + month - 1

    @cached_property
    def first(self) -> int:
        """The first month that is told."""
        return self.last - self.months + 1

    @cached_property
    def simulated(self) -> range:
        """The months that are simulated, warm-up included."""
        return range(self.first - WARM_UP, self.last + 1)

    @cached_property
    def month_starts(self) -> np.ndarray:
        """Start of every played month and of the one after the last, UTC seconds."""
        return np.array([month_start(month) for month in range(self.simulated.start, self.last + 2)])

    @cached_property
    def start(self) -> int:
        """Start of the first month that is told, UTC seconds."""
        return month_start(self.first)

    @cached_property
    def end(self) -> int:
        """Start of the month after the last, UTC seconds: nothing has happened at or after it."""
        return month_start(self.last + 1)

    @cached_property
    def n_leads(self) -> dict[int, int]:
        """Leads of each simulated month; those of the told months add up to `leads`."""
        weights = np.array([effects.volume(self, month) for month in self.simulated])
        told = weights[WARM_UP:] / weights[WARM_UP:].sum()
        before = np.rint(weights[:WARM_UP] / weights[WARM_UP:].sum() * self.leads).astype(int)
        counts = self.stream("volume").multinomial(self.leads, told)
        return dict(zip(self.simulated, [*before.tolist(), *counts.tolist()], strict=True))

    def stream(self, topic: str, month: int = 0) -> np.random.Generator:
        """The random stream of a subject and month."""
        key = (TOPICS.index(topic), month)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))

    def month_of(self, instant: np.ndarray) -> np.ndarray:
        """The month of each instant in the report's time zone; after the last month, the last one."""
        place = np.searchsorted(self.month_starts, instant, "right") - 1
        return self.simulated.start + np.clip(place, 0, len(self.simulated) - 1)


def month_start(month: int) -> int:
    """Start of a month in the report's time zone, UTC seconds."""
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=ZONE).timestamp())


def first_day(month: int) -> date:
    """First day of a month."""
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    """Last day of a month."""
    return first_day(month + 1) - timedelta(days=1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days


def pick(rng: np.random.Generator, n: int, weights) -> np.ndarray:
    """`n` places drawn with these weights, which need not add up to 1."""
    edges = np.cumsum(weights, dtype=float)
    return np.searchsorted(edges / edges[-1], rng.random(n), "right").clip(0, len(edges) - 1)


def known(instant: np.ndarray, end) -> np.ndarray:
    """The instants before `end`; the others are empty, for they have not happened yet."""
    return np.where((instant >= 0) & (instant < end), instant, EMPTY)


def same_as_next(values: np.ndarray) -> np.ndarray:
    """Whether each value is the same as the one after it; the last one is not."""
    same = np.zeros(len(values), bool)
    same[:-1] = values[1:] == values[:-1]
    return same


def only(columns: Columns, kept: np.ndarray) -> Columns:
    """The rows that are kept."""
    return {name: values[kept] for name, values in columns.items()}


def stack(parts: list[Columns], names) -> Columns:
    """Parts below one another, with the columns of those names; a column that a part lacks is empty there."""
    sizes = [len(next(iter(part.values()))) for part in parts]
    return {
        name: np.concatenate([part.get(name, np.full(n, EMPTY)) for part, n in zip(parts, sizes, strict=True)])
        for name in names
    }
