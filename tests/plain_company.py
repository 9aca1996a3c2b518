"""The sample company read plainly at the end of a month: deals, leads and contacts as rows of Python, loop by loop."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from pathlib import Path

import pandas as pd

from plain import CHANGED, CONTACTS, ZONE, Plain, local

OPEN_STAGES = ("Qualification", "Needs analysis", "Demo", "Proposal", "Negotiation")
CHANCE = dict(zip(OPEN_STAGES, (0.35, 0.45, 0.6, 0.8, 0.95), strict=True))
MANDATORY = tuple(stage for stage in OPEN_STAGES if stage != "Demo")
PLACE = {stage: place for place, stage in enumerate((*OPEN_STAGES, "Won", "Lost"), start=1)}


class Company(Plain):
    """The sample as known at an instant: by default the end of a month in Amsterdam."""

    def __init__(self, folder: Path, month: str):
        self.first = date.fromisoformat(f"{month}-01")
        self.end = months_on(self.first, 1)
        super().__init__(folder, instant(self.end))

    @cached_property
    def rates(self) -> dict[str, dict[str, Decimal]]:
        """Rates by currency and day."""
        rows = pd.read_csv(self.folder / "fx_rates.csv", dtype=str)
        return {
            currency: dict(zip(part["rate_on"], map(Decimal, part["rate"]), strict=True))
            for currency, part in rows.groupby("currency")
        }

    def euro(self, amount: str, currency: str, day: date) -> int | None:
        """Cents of the report currency at the rate of a day, or of the last one up to a week before; None for none."""
        if not amount or Decimal(amount) <= 0:
            return None
        known = {"EUR": {}, **self.rates}[currency]
        days = (min(day, self.end - timedelta(days=1)) - timedelta(days=back) for back in range(8))
        rate = Decimal(1) if currency == "EUR" else next(known[str(one)] for one in days if str(one) in known)
        return int((Decimal(amount) * 100 * rate).quantize(Decimal(1), ROUND_HALF_UP))

    @cached_property
    def history(self) -> dict[str, list[dict]]:
        """The known visits of every deal, in order."""
        rows = self.read("stage_history").dropna(subset=["entered_at"])
        rows = rows.assign(place=rows["stage"].map(PLACE)).sort_values(["deal_id", "entered_at", "place"])
        found: dict[str, list[dict]] = {}
        for row in rows.to_dict("records"):
            found.setdefault(row["deal_id"], []).append(row)
        return found

    @cached_property
    def visits(self) -> dict[str, list[tuple]]:
        """The known visits of every deal, in order: when, which stage, in bulk."""
        return {
            deal: [(row["entered_at"], row["stage"], row["is_bulk"] == "true") for row in rows]
            for deal, rows in self.history.items()
        }

    @cached_property
    def all_deals(self) -> list[dict]:
        """Every known deal, those that do not count too, with what became of it."""
        rows = []
        for row in self.read("deals").to_dict("records"):
            row |= {name: self.told(row, name, self.as_of) for name in CHANGED}
            row |= {"visits": self.visits.get(row["deal_id"], [])}
            last = row["visits"][-1] if row["visits"] else (None, "", False)
            row |= {"outcome": last[1] if last[1] in ("Won", "Lost") else "open", "now_in": last[1]}
            row["ended_at"] = last[0] if row["outcome"] != "open" else None
            row["closed"] = day_of(row["ended_at"])
            row["made"] = day_of(row["created_at"])
            row["cents"] = self.euro(row["amount"], row["currency"], row["closed"] or self.end)
            row["is_new"] = row["type"] != "renewal"
            row["cycle"] = row["product"] if row["is_new"] else "renewal"
            row["counts"] = pd.isna(row["merged_at"]) and pd.isna(row["deleted_at"]) and row["is_test"] != "true"
            rows.append(row)
        return rows

    @cached_property
    def deal_rows(self) -> dict[str, dict]:
        """The deals that count."""
        return {row["deal_id"]: row for row in self.all_deals if row["counts"]}

    def states(self, deal: dict) -> list[tuple]:
        """Where a deal was known to stand: known at, entered at, stage, until; a later visit known sooner hides one."""
        gone = [deal[name] for name in ("deleted_at", "merged_at") if pd.notna(deal[name])]
        known = []
        for row in self.history.get(deal["deal_id"], []):
            told = (row["entered_at"], row["recorded_at"], deal["created_at"], deal["recorded_at"])
            known.append((max(at for at in told if pd.notna(at)), row["entered_at"], row["stage"]))
        found = []
        for place, (at, entered, stage) in enumerate(known):
            until = min([*gone, *(later[0] for later in known[place + 1 :])], default=None)
            if until is None or until >= at:
                found.append((at, entered, stage, until))
        return found

    def ended(self, first: date, *outcomes: str, new: bool = True) -> list[dict]:
        """The deals that ended from a day on, by outcome; renewals only where `new` is false."""
        found = [row for row in self.deal_rows.values() if row["outcome"] in (outcomes or ("Won", "Lost"))]
        return [row for row in found if row["closed"] >= first and (row["is_new"] or not new)]

    def wall_days(self, start: pd.Timestamp, end: pd.Timestamp | None = None) -> float:
        """Days by the wall clock between two instants; without an end up to the run's."""
        end = self.as_of if end is None else end
        return (local(end).replace(tzinfo=None) - local(start).replace(tzinfo=None)).total_seconds() / 86_400

    @cached_property
    def teams(self) -> dict[str, str]:
        """The team of each seller."""
        return pd.read_csv(self.folder / "reps.csv", dtype=str).set_index("owner_id")["team"].to_dict()

    @cached_property
    def lead_rows(self) -> dict[str, dict]:
        """The leads that count, with the deal that they became."""
        rows = {lead: row | {"lead_id": lead} for lead, row in self.leads.to_dict("index").items()}
        for row in rows.values():
            deal = row["deal_id"] if pd.notna(row["converted_at"]) else ""
            row["deal"] = self.deal_rows.get(self.survivor_of.get(deal, deal))
            row["made"] = day_of(row["created_at"])
            at = row["qualified_at"] if pd.notna(row["qualified_at"]) else row["converted_at"]
            row["qualified"] = day_of(at)
            row["is_won"] = bool(row["deal"]) and row["deal"]["outcome"] == "Won"
        return rows

    @cached_property
    def survivor_of(self) -> dict[str, str]:
        """Which lead or deal a merged one became."""
        found = {}
        for name, key in (("deals", "deal_id"), ("leads", "lead_id")):
            rows = self.read(name)
            rows = rows[rows["merged_at"].notna()]
            found |= dict(zip(rows[key], rows["merged_into"], strict=True))
        return found

    @cached_property
    def touches(self) -> list[dict]:
        """Human contacts that were done, both ways, on leads and deals that count, with lead and deal of each."""
        origin: dict[str, str] = {}
        for lead, row in sorted(self.lead_rows.items()):
            if row["deal"]:
                origin.setdefault(row["deal"]["deal_id"], lead)
        rows = self.read("activities")
        rows = rows[rows["type"].isin(CONTACTS) & (rows["is_automatic"] != "true") & rows["occurred_at"].notna()]
        found = []
        for row in rows.to_dict("records"):
            lead, deal = (self.survivor_of.get(row[name], row[name]) for name in ("lead_id", "deal_id"))
            if (lead and lead not in self.lead_rows) or (deal and deal not in self.deal_rows):
                continue
            lead = lead or origin.get(deal, "")
            own = self.lead_rows.get(lead, {}).get("deal")
            deal = deal or (own["deal_id"] if own else "")
            found.append(row | {"lead_id": lead, "deal_id": deal, "day": day_of(row["occurred_at"])})
        return found

    @cached_property
    def organisations(self) -> dict[str, str]:
        """The legal entity of each account: its number and country, else its domain, else its name."""
        own, rows = {}, self.read("accounts").set_index("account_id").to_dict("index")
        for account, row in rows.items():
            number = re.sub(r"[\W_]+", "", row["org_number"].lower())
            name = row["name"].lower().translate(str.maketrans("", "", " .,;:&()/-"))
            own[account] = f"{number}|{row['country'].lower()}" if number else row["domain"].lower() or name
        branch = {account: row["parent_id"] for account, row in rows.items() if not row["org_number"]}
        return {account: own.get(branch.get(account, ""), key) for account, key in own.items()}


def standing(told: list[tuple], at: pd.Timestamp) -> tuple:
    """The state that a deal was known to be in at an instant; an empty one where it was not known, or gone."""
    return next((state for state in told if state[0] < at and (state[3] is None or state[3] >= at)), (None,) * 4)


def day_of(at: pd.Timestamp | None) -> date | None:
    """The day of an instant in Amsterdam."""
    return None if pd.isna(at) else local(at).date()


def instant(day: date) -> pd.Timestamp:
    """Midnight of a day in Amsterdam, as naive UTC."""
    return pd.Timestamp(day, tz=ZONE).tz_convert("UTC").tz_localize(None)


def months_on(day: date, count: int) -> date:
    """The first of the month so many months on."""
    place = day.year * 12 + day.month - 1 + count
    return date(place // 12, place % 12 + 1, 1)


def counted(rows: Iterable, *names: str) -> dict:
    """How many rows there are of each value of some columns; nothing is None."""
    found: dict = {}
    for row in rows:
        key = tuple(row[name] or None for name in names)
        found[key] = found.get(key, 0) + 1
    return found


def asked(frame: pd.DataFrame, keys: list[str], column: str) -> dict:
    """A column of an answer by its keys; nothing is None."""
    values = frame[keys].astype(object).where(frame[keys].notna(), None).itertuples(index=False, name=None)
    return dict(zip(values, frame[column], strict=True))
