"""Tables of a small team for worked tests, and a book of them."""

from datetime import datetime, timedelta

from worked import SETTINGS
from worked import book_of as built

REPS = """
owner_id,display_name,team,territory_id,capacity_fte,started_on,ended_on,leave_starts_on,leave_ends_on
S1,Ann,North,N,1,2020-01-01,,,
S2,Bo,North,N,0.5,2020-01-01,,,
S3,Cas,South,S,1,2020-01-01,,2026-09-01,
S4,Dee,South,S,1,2020-01-01,2026-06-30,,
"""
ACTIVITY = (
    "activity_id,type,direction,occurred_at,owner_id,lead_id,deal_id,outcome,reached_decision_maker,duration_seconds"
)
ACTIVITY += ",is_automatic,planned_at,recorded_at"
DEAL = (
    "deal_id,owner_id,pipeline,stage,product,type,amount,currency,created_at,closed_at,status,contact_id,expected_close"
)
NAMES = SETTINGS.replace("[report]", "[report]\nnames_of_sellers = true")


def book_of(folder, **tables):
    """A book of tables, with a deal that nothing here counts: a source must have deals."""
    return built(folder, **({"deals": OLD} | tables))


OLD = """
deal_id,pipeline,stage,type,currency,created_at,closed_at,status
OLD,Sales,Lost,renewal,EUR,2024-01-01T09:00:00Z,2024-02-01T09:00:00Z,lost
"""


def lines(head: str, rows: list[dict]) -> str:
    """A table as CSV text: what a row does not name is empty."""
    columns = head.split(",")
    return "\n".join([head, *(",".join(str(row.get(name, "")) for name in columns) for row in rows)])


def calls(owner: str, day: str, minutes: list[int], outcomes: str, start: int = 0, **more) -> list[dict]:
    """Calls of a seller on a day, at minutes after nine in Amsterdam; outcomes as letters: c, n (no answer), r."""
    names = {"c": "connected", "n": "no_answer", "r": "rejected"}
    nine = datetime.fromisoformat(f"{day}T07:00:00")
    return [
        {"activity_id": f"{owner}-{day}-{start + place}", "type": "call", "direction": "outbound", "owner_id": owner}
        | {"occurred_at": f"{nine + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}", "outcome": names[letter]}
        | more
        for place, (minute, letter) in enumerate(zip(minutes, outcomes, strict=True))
    ]
