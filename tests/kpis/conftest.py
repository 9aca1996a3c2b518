"""What the independent checks on the sample share: a month as the book tells it, and as the raw rows do."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property

import numpy as np
import pandas as pd
import pytest

from plain import AS_OF, Plain, days_of, local, within
from salesbook.book import Book
from salesbook.build import build

SUMMER = pd.Timestamp("2026-08-31T22:00:00")  # the end of August 2026 in Amsterdam


@dataclass
class Seen:
    """A month of the sample: `book` as built, `plain` the raw rows as known at its end."""

    book: Book
    plain: Plain

    @cached_property
    def last(self) -> date:
        """The month's last day."""
        return local(self.plain.as_of - pd.Timedelta(seconds=1)).date()

    def first(self, months: int) -> date:
        """The first day of so many months that end with this one."""
        since = self.last.year * 12 + self.last.month - months
        return date(since // 12, since % 12 + 1, 1)

    def inside(self, days, months: int = 12) -> np.ndarray:
        """Which days lie in the last so many months; one that is not known does not."""
        return within([day if day == day and day else date.min for day in days], self.first(months), self.last)

    def dated(self, name: str, column: str, months: int = 12) -> pd.DataFrame:
        """The rows of a table that lie in the last so many months by a column of days, which becomes `day`."""
        rows = self.plain.read(name)
        rows = rows.assign(day=[date.fromisoformat(day) for day in rows[column]])
        return rows[self.inside(rows["day"], months)]

    @cached_property
    def reps(self) -> pd.DataFrame:
        """Sellers by id, days as dates."""
        rows = self.plain.read("reps").set_index("owner_id")
        days = ("started_on", "ended_on", "leave_starts_on", "leave_ends_on")
        return rows.assign(**{name: [date.fromisoformat(day) if day else None for day in rows[name]] for name in days})

    def team(self, owner: str) -> str:
        """The team of a seller; empty for none."""
        return self.reps["team"].get(owner, "")

    @cached_property
    def human(self) -> pd.DataFrame:
        """What people did or plan: with its local `day`, its `prospect` and the channel (`source`) it came through."""
        rows = self.plain.read("activities")
        rows = rows[rows["is_automatic"] != "true"]
        leads, deals = self.plain.survivors("leads"), self.plain.survivors("deals")
        prospects, sources = [], []
        for row in rows.itertuples():
            lead, deal = leads.get(row.lead_id, row.lead_id), deals.get(row.deal_id, row.deal_id)
            prospects.append(f"lead {lead}" if lead else f"deal {deal}" if deal else row.activity_id)
            sources.append(self.plain.deals["source"].get(deal) or self.plain.leads["source"].get(lead) or "")
        return rows.assign(day=days_of(rows["occurred_at"]), prospect=prospects, source=sources)

    @cached_property
    def made(self) -> pd.DataFrame:
        """What people did over twelve months."""
        return self.human[self.inside(self.human["day"])]

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """Outbound calls, emails and meetings over twelve months."""
        return self.made[(self.made["direction"] == "outbound") & self.made["type"].isin(["call", "email", "meeting"])]

    @cached_property
    def rates(self) -> dict[tuple[str, date], Decimal]:
        """Currency rates by day; EUR is 1."""
        rows = self.plain.read("fx_rates")
        return {(row.currency, date.fromisoformat(row.rate_on)): Decimal(row.rate) for row in rows.itertuples()}

    def euros(self, amount: str, currency: str, day: date) -> Decimal:
        """An amount in euros at the rate of a day, or the last one known before it; in whole cents."""
        while currency != "EUR" and (currency, day) not in self.rates:
            day -= timedelta(days=1)
        rate = Decimal(1) if currency == "EUR" else self.rates[currency, day]
        return (Decimal(amount) * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.fixture(scope="session")
def earlier_book(sample_settings, tmp_path_factory) -> Book:
    """The sample company's book of August 2026, two months before its data ends: what came later must not count."""
    return Book(build(sample_settings, "2026-08", tmp_path_factory.mktemp("earlier")))


@pytest.fixture(scope="session", params=[("earlier_book", SUMMER), ("sample_book", AS_OF)], ids=["2026-08", "2026-10"])
def seen(request, project) -> Seen:
    """A month of the sample: one that ends in summer time, with two months of data after it, and the last."""
    book, as_of = request.param
    return Seen(request.getfixturevalue(book), Plain(project / "data" / "sample", as_of))
