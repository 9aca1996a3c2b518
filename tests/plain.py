"""The sample company read plainly with pandas, apart from the project's own engine: what independent checks rest on."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import pandas as pd

ZONE = ZoneInfo("Europe/Amsterdam")
AS_OF = pd.Timestamp("2026-10-31T23:00:00")  # the end of October 2026 in Amsterdam
CONTACTS = ("call", "email", "meeting")
# The calendars of the sample's settings: country, and opening and closing by day of the week.
LONG = {day: (time(9), time(17, 30)) for day in range(5)}
CALENDARS = {
    "office": ("NL", LONG | {4: (time(9), time(17))}),
    "nl": ("NL", LONG),
    "dk": ("DK", LONG),
    "uk": ("GB", {day: (time(10), time(18, 30)) for day in range(5)}),
}
# Columns of deals of which a history is kept, by their name in it.
CHANGED = {"amount": "amount", "owner_id": "owner", "expected_close": "expected_close", "forecast_category": "category"}


class Plain:
    """The sample's tables as known at an instant, merged records followed, test and deleted ones out."""

    def __init__(self, folder: Path, as_of: pd.Timestamp = AS_OF):
        self.folder, self.as_of = folder, as_of

    def read(self, name: str) -> pd.DataFrame:
        """A table; instants as naive UTC, those not yet over empty; rows not yet known left out."""
        rows = pd.read_csv(self.folder / f"{name}.csv", dtype=str, keep_default_na=False)
        for column in rows:
            if column.endswith("_at"):
                rows[column] = pd.to_datetime(rows[column], utc=True).dt.tz_localize(None)
        for column in ("recorded_at", "created_at", "occurred_at"):
            if column in rows:
                rows = rows[rows[column].isna() | (rows[column] < self.as_of)]
        for column in rows:
            if column.endswith("_at") and column not in ("recorded_at", "created_at", "occurred_at", "planned_at"):
                rows[column] = rows[column].where(rows[column] < self.as_of)
        return rows

    def survivors(self, name: str) -> dict[str, str]:
        """Leads or deals that were merged, and into which."""
        rows = self.read(name)
        rows = rows[rows["merged_at"].notna()]
        return dict(zip(rows[f"{name.removesuffix('s')}_id"], rows["merged_into"], strict=True))

    @cached_property
    def changes(self) -> dict[tuple[str, str], list[dict]]:
        """Every change of deals, also later ones, by deal and field, in order."""
        rows = pd.read_csv(self.folder / "deal_changes.csv", dtype=str, keep_default_na=False)
        for name in ("changed_at", "recorded_at"):
            rows[name] = pd.to_datetime(rows[name], utc=True).dt.tz_localize(None)
        rows["known_at"] = rows[["changed_at", "recorded_at"]].max(axis=1)
        found: dict[tuple[str, str], list[dict]] = {}
        for row in rows.sort_values("changed_at", kind="stable").to_dict("records"):
            found.setdefault((row["deal_id"], row["field"]), []).append(row)
        return found

    def told(self, deal: dict, name: str, at: pd.Timestamp) -> str:
        """A column of a deal as known at an instant: what its newest known change said, else the first began from."""
        rows = self.changes.get((deal["deal_id"], CHANGED[name]), [])
        known = [row["new_value"] for row in rows if row["known_at"] < at]
        return known[-1] if known else rows[0]["old_value"] if rows else deal[name]

    @cached_property
    def deals(self) -> pd.DataFrame:
        """Deals that count, by id, with the outcome of their latest visit and when it came (`ended`)."""
        rows = self.read("deals")
        keep = rows["merged_at"].isna() & rows["deleted_at"].isna() & (rows["is_test"] != "true")
        rows = rows[keep].set_index("deal_id", drop=False)
        for name in CHANGED:
            rows[name] = [self.told(row, name, self.as_of) for row in rows.to_dict("records")]
        place = {stage: number for number, stage in enumerate(pd.read_csv(self.folder / "stages.csv")["stage"])}
        latest: dict[str, tuple] = {}
        for row in self.read("stage_history").dropna(subset=["entered_at"]).itertuples():
            latest[row.deal_id] = max(latest.get(row.deal_id, (pd.Timestamp.min, -1, "")),
                                      (row.entered_at, place[row.stage], row.stage))  # fmt: skip
        ends = {deal: (stage.lower(), at) for deal, (at, _, stage) in latest.items() if stage in ("Won", "Lost")}
        rows["outcome"] = [ends.get(deal, ("open", pd.NaT))[0] for deal in rows.index]
        rows["ended"] = pd.to_datetime([ends.get(deal, ("open", pd.NaT))[1] for deal in rows.index])
        return rows

    @cached_property
    def leads(self) -> pd.DataFrame:
        """Leads that count, by id."""
        rows = self.read("leads")
        keep = rows["merged_at"].isna() & rows["deleted_at"].isna() & (rows["is_test"] != "true")
        return rows[keep].set_index("lead_id")

    @cached_property
    def contacts(self) -> pd.DataFrame:
        """Human calls, emails and meetings that were done, on the leads that stayed."""
        survivor = self.survivors("leads")
        rows = self.read("activities")
        rows = rows[rows["type"].isin(CONTACTS) & (rows["is_automatic"] != "true") & rows["occurred_at"].notna()]
        rows = rows.assign(lead_id=[survivor.get(lead, lead) for lead in rows["lead_id"]])
        return rows[rows["lead_id"].isin(self.leads.index)].sort_values(["lead_id", "occurred_at", "activity_id"])

    @cached_property
    def attempts(self) -> dict[str, list[dict]]:
        """The attempts of each lead, in order."""
        found: dict[str, list[dict]] = {}
        before: dict[str, tuple] = {}
        for row in self.contacts[self.contacts["direction"] == "outbound"].to_dict("records"):
            lead = row["lead_id"]
            last = before.get(lead)
            talk, known = row["reached_decision_maker"] == "true", row["reached_decision_maker"] != ""
            if last and last[0] == row["type"] and row["occurred_at"] - last[1] <= timedelta(minutes=5):
                found[lead][-1]["talk"] |= talk
                found[lead][-1]["known"] |= known
            else:
                entry = {"at": row["occurred_at"], "channel": row["type"], "talk": talk, "known": known}
                found.setdefault(lead, []).append(entry | {"owner": row["owner_id"]})
            before[lead] = (row["type"], row["occurred_at"])
        return found

    @cached_property
    def first_talk(self) -> pd.Series:
        """The first talk with a decision maker by lead, whoever began."""
        talks = self.contacts[self.contacts["reached_decision_maker"] == "true"]
        return talks.groupby("lead_id")["occurred_at"].min()

    @cached_property
    def tries(self) -> pd.DataFrame:
        """Every attempt as a row: lead, number, at, day, channel, talk, at_risk, reached."""
        rows = []
        for lead, entries in self.attempts.items():
            talk = self.first_talk.get(lead)
            for number, entry in enumerate(entries, start=1):
                at_risk = talk is None or talk >= entry["at"]
                reached = at_risk and entry["talk"]
                rows.append({"lead": lead, "number": number, **entry, "at_risk": at_risk, "reached": reached})
        frame = pd.DataFrame(rows)
        return frame.assign(day=[local(at).date() for at in frame["at"]])

    @cached_property
    def waits(self) -> pd.DataFrame:
        """Inbound leads with their first attempt and whether they were touched before they came in."""
        rows = self.leads[self.leads["is_inbound"] == "true"].copy()
        rows["first"] = [self.attempts[lead][0]["at"] if lead in self.attempts else pd.NaT for lead in rows.index]
        rows["touched_before"] = rows["first"] < rows["created_at"]
        rows["day"] = [local(at).date() for at in rows["created_at"]]
        return rows


def local(at: pd.Timestamp) -> datetime:
    """An instant in Amsterdam."""
    return at.to_pydatetime().replace(tzinfo=UTC).astimezone(ZONE)


def days_of(instants: pd.Series) -> list[date | None]:
    """The local days of instants; none where there is none."""
    return [None if pd.isna(at) else local(at).date() for at in instants]


def open_seconds(start: pd.Timestamp, end: pd.Timestamp, country: str, hours: dict[int, tuple[time, time]]) -> float:
    """Seconds between two instants within opening hours, day by day."""
    total, day = 0.0, local(start).date()
    free = holidays.country_holidays(country, years=range(day.year, local(end).year + 1))
    while day <= local(end).date():
        if day.weekday() in hours and day not in free:
            opens, closes = (datetime.combine(day, clock, ZONE) for clock in hours[day.weekday()])
            begins, ends = max(opens, local(start)), min(closes, local(end))
            # Subtracting two times of one zone is by the wall: no opening hour crosses a change of the clock.
            total += max(0.0, (ends - begins).total_seconds())
        day += timedelta(days=1)
    return total


def median_of(waits: list[tuple[float, bool]]) -> float:
    """Kaplan-Meier's median, by a loop; where half are over to the letter, halfway to the next that ends."""
    still, risk, met = 1.0, len(waits), None
    for wait, ended in sorted(waits, key=lambda pair: (pair[0], not pair[1])):
        if ended:
            if met is not None and wait > met:
                return (met + wait) / 2
            still *= 1 - 1 / risk
            if still < 0.5 - 1e-9:
                return wait
            met = wait if still < 0.5 + 1e-9 else None
        risk -= 1
    return float("nan") if met is None else met


def within(days: pd.Series, first: date, last: date = date(2026, 10, 31)) -> np.ndarray:
    """Which days lie in a span of days, both included."""
    return np.array([first <= day <= last for day in days])
