"""Companies of random rows that the rules let through: many ties and gaps, times where months end and clocks change."""

import csv
import random
from pathlib import Path

from salesbook.schema import Column, Table
from salesbook.settings import load
from salesbook.tables import TABLES

SETTINGS = """
[report]
month = "2026-10"
zone = "{zone}"
[source]
path = "export"
zone = "{zone}"
[limits]
rejected_share = 1.0
"""
ZONES = ("Europe/Amsterdam", "UTC", "America/New_York")
ROWS = {"activities": 90, "stage_history": 60, "forecast_snapshots": 60, "lead_status_history": 40, "reps": 6}
IDS = {"account_id": "A", "contact_id": "C", "lead_id": "L", "deal_id": "D", "owner_id": "S"}
POINTS_TO = {"parent_id": "account_id", "changed_by": "owner_id", "level_id": "owner_id"}
FEW, MANY = 10, 25
STAGES = (
    ("Sales", "New", 1, 0.1, "true", "false", "false"),
    ("Sales", "Demo", 2, 0.3, "false", "false", "false"),
    ("Sales", "Won", 3, 1, "true", "true", "false"),
    ("Sales", "Lost", 4, 0, "true", "false", "true"),
    ("Other", "New", 1, "", "", "false", "false"),
    ("Other", "Won", 2, "", "", "true", "false"),
    ("Other", "Lost", 3, "", "", "false", "true"),
)
TEXTS = {
    "pipeline": ["Sales", "Sales", "Other"], "stage": ["New", "Demo", "Won", "Lost"], "team": ["T1", "T2"],
    "name": ["Acme", "acme B.V.", "Ærø", "ærø", "ΟΔΟΣ", "οδος"], "domain": ["a.nl", "Ø.dk", "ø.dk"],
    "kpi": ["won", "deals_won", "calls", "Calls"], "question": ["eNPS?", "ÆRLIGT?"], "calendar": ["office"],
    "time_zone": ["Europe/Amsterdam"], "old_value": ["100.00", "S1", "2026-10-31", "commit", ""],
    "new_value": ["50", "S2", "2026-12-31", "pipeline", ""],
}  # fmt: skip
VALUES = {
    "currency": ["EUR", "EUR", "DKK"], "money": ["0", "100.00", "100.01", "99.99", "1000000"], "rate": ["0.13401234"],
    "share": ["0", "0.1", "0.333333", "1"], "integer": ["0", "1", "59", "3600"], "number": ["0", "0.3333", "2.5", "10"],
    "boolean": ["true", "false"],
    "date": ["2025-10-01", "2026-01-01", "2026-07-01", "2026-09-30", "2026-10-01", "2026-10-31", "2026-11-01"],
}  # fmt: skip
EDGES = [
    "2025-12-31T23:00:00Z", "2026-03-29T01:00:00Z", "2026-07-01", "2026-09-30T21:59:59Z", "2026-09-30T22:00:00Z",
    "2026-10-05T07:00:00Z", "2026-10-05T07:04:59Z", "2026-10-05T07:05:00Z", "2026-10-15", "2026-10-25T00:30:00Z",
    "2026-10-25T01:30:00Z", "2026-10-31T22:59:59Z", "2026-10-31T23:00:00Z", "2026-11-03T10:00:00Z",
]  # fmt: skip


class Company:
    """A company of a seed, its rows made table by table."""

    def __init__(self, seed: int):
        self.chance = chance = random.Random(seed)
        often = [f"2026-{chance.randint(1, 10):02}-{chance.randint(1, 28):02}T{hour:02}:30:00Z" for hour in range(20)]
        self.values = VALUES | {"instant": EDGES + often}
        self.zone = chance.choice(ZONES)

    def value(self, column: Column, table: Table) -> str:
        """A value of a column; where it may be empty, it often is."""
        is_rare = column.name in ("deleted_at", "is_test", "merged_into", "merged_at")
        if not column.filled and self.chance.random() < (0.9 if is_rare else 0.3):
            return ""
        if column.type == "id":
            name = table.key[0] if column.name == "merged_into" else POINTS_TO.get(column.name, column.name)
            return IDS.get(name, name[0]) + str(
                self.chance.randint(1, FEW if name in ("account_id", "owner_id") else MANY)
            )
        return self.chance.choice(column.words or self.values.get(column.type) or TEXTS.get(column.name, ["a", "b"]))

    def row(self, table: Table) -> dict[str, str]:
        """A row of a table; what ends does so after it began, and a deal stands in the stage of its status."""
        row = {column.name: self.value(column, table) for column in table.columns}
        for begins, ends in (("entered_at", "exited_at"), ("created_at", "closed_at"), ("starts_on", "ends_on")):
            if ends in row and "" not in (row[begins], row[ends]):
                row[begins], row[ends] = sorted((row[begins], row[ends]))
        if table.name == "deals":
            row["status"] = {"Won": "won", "Lost": "lost"}.get(row["stage"], "open")
            row["closed_at"] = "" if row["status"] == "open" else row["closed_at"]
        return row

    def rows(self, table: Table) -> list[dict[str, str]]:
        """The rows of a table, each of a key of its own."""
        if table.name == "stages":
            return [dict(zip((column.name for column in table.columns), stage, strict=True)) for stage in STAGES]
        if table.name == "fx_rates":
            days = [
                f"{year}-{month:02}-{day:02}"
                for year in (2025, 2026)
                for month in range(1, 13)
                for day in (1, 8, 15, 22, 28)
            ]
            return [{"currency": "DKK", "rate_on": day, "rate": f"0.134{day[5:7]}{day[8:]}"} for day in days]
        made = {}
        for number in range(1, ROWS.get(table.name, MANY) + 1):
            row = self.row(table)
            if len(table.key) == 1:
                row[table.key[0]] = IDS.get(table.key[0], table.key[0][0]) + str(number)
            made[tuple(row[name] for name in table.key) or number] = row
        return list(made.values())


def write(seed: int, folder: Path):
    """Write a company's export twice, the second time in another order of rows; the settings of both."""
    company = Company(seed)
    for order in ("straight", "mixed"):
        (folder / order / "export").mkdir(parents=True)
        (folder / order / "salesbook.toml").write_text(SETTINGS.format(zone=company.zone), encoding="utf-8")
    for table in TABLES.values():
        rows = company.rows(table)
        for order in ("straight", "mixed"):
            with (folder / order / "export" / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, [column.name for column in table.columns])
                writer.writeheader()
                writer.writerows(rows)
            company.chance.shuffle(rows)
    return load(folder / "straight"), load(folder / "mixed")
