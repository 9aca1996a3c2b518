"""The pipeline waterfall: how what stood open at the start became what stands open at the end, to the cent."""

import numpy as np
import pandas as pd

from salesbook.clock import Period
from salesbook.errors import BadData

STEPS = ("start", "new", "pulled_in", "reopened", "transferred_in", "increased", "currency", "won", "lost",
         "pushed_out", "transferred_out", "decreased", "deleted", "end")  # fmt: skip
COLUMNS = ("month", "deal_id", "is_start", "is_end", "is_new", "is_reopened", "is_transferred_in", "is_transferred_out",
           "is_won", "is_lost", "is_deleted", "first_minor", "last_minor", "currency_minor", "increased_minor",
           "decreased_minor", "first_expected_on", "end_expected_on", "was_open", "stays_open")  # fmt: skip


def waterfall(rows: pd.DataFrame, expected: Period | None = None) -> pd.DataFrame:
    """The steps of a waterfall over the months that the rows are of.

    Rule: start and end are those of the first and last month; the steps between are summed. With `expected`, of deals
    expected to close in that period: one that comes to be so, or no longer is, is pulled in or pushed out. A deal that
    changed hands within the group is no transfer.
    Parameters: `rows`, of the fact pipeline_moves (COLUMNS), of one group.
    Returns: position, step, n (deals), value (signed hundredths: all but the end add up to the end).
    Raises: BadData where they do not.
    """
    moves = within(rows, expected) if expected else rows.assign(is_pulled=False, is_pushed=False)
    first, last = moves["month"] == rows["month"].min(), moves["month"] == rows["month"].max()
    entering, leaving = moves["first_minor"].astype(np.int64), moves["last_minor"].astype(np.int64)
    one_way = net_transfers(moves)
    parts = {
        "start": entering.where(moves["is_start"] & first, 0),
        "new": entering.where(moves["is_new"], 0),
        "pulled_in": entering.where(moves["is_pulled"], 0),
        "reopened": entering.where(moves["is_reopened"], 0),
        "transferred_in": leaving.where(moves["is_transferred_in"] & one_way, 0),
        "increased": moves["increased_minor"].astype(np.int64),
        "currency": moves["currency_minor"].astype(np.int64),
        "won": -leaving.where(moves["is_won"], 0),
        "lost": -leaving.where(moves["is_lost"], 0),
        "pushed_out": -leaving.where(moves["is_pushed"], 0),
        "transferred_out": -leaving.where(moves["is_transferred_out"] & one_way, 0),
        "decreased": -moves["decreased_minor"].astype(np.int64),
        "deleted": -leaving.where(moves["is_deleted"], 0),
        "end": leaving.where(moves["is_end"] & last, 0),
    }
    counted = {
        "start": moves["is_start"] & first, "new": moves["is_new"], "pulled_in": moves["is_pulled"],
        "reopened": moves["is_reopened"], "transferred_in": moves["is_transferred_in"] & one_way,
        "won": moves["is_won"], "lost": moves["is_lost"], "pushed_out": moves["is_pushed"],
        "transferred_out": moves["is_transferred_out"] & one_way, "deleted": moves["is_deleted"],
        "end": moves["is_end"] & last,
    }  # fmt: skip
    n = [moves.loc[counted.get(step, parts[step] != 0), "deal_id"].nunique() for step in STEPS]
    value = [int(parts[step].sum()) for step in STEPS]
    balance(value)
    return pd.DataFrame({"position": range(1, len(STEPS) + 1), "step": STEPS, "n": n, "value": value})


def balance(value: list[int]) -> None:
    """Refuse a waterfall whose steps do not add up to its end."""
    residual = sum(value[:-1]) - value[-1]
    if residual:
        raise BadData(
            "The pipeline waterfall does not balance.",
            f"Its steps come to {residual / 100:,.2f} more than its end.",
            "This is a fault of the fact pipeline_moves, or of keys in the data; nothing was published.",
        )


def net_transfers(moves: pd.DataFrame) -> pd.Series:
    """Which transfers cross the group's border: of those that do not, both sides are in it in the same month."""
    moved = moves["is_transferred_in"] | moves["is_transferred_out"]
    sides = moves[moved].groupby(["month", "deal_id"])["deal_id"].transform("size")
    return sides.reindex(moves.index, fill_value=0) == 1


def within(rows: pd.DataFrame, expected: Period) -> pd.DataFrame:
    """The moves of deals expected to close in a period: what was not so at the start, or is not at the end, is cut.

    Rule: a deal that came in the month is in by what was expected at its end, or when it came where it ended; one that
    was open before and ends is in by what was expected at the start.
    """
    begins, ends = (pd.Timestamp(day) for day in (expected.start, expected.end))
    then, now = (pd.to_datetime(rows[name]) for name in ("first_expected_on", "end_expected_on"))
    at_first, at_last = (then >= begins) & (then < ends), (now >= begins) & (now < ends)
    was_in = rows["was_open"] & at_first
    is_in = rows["stays_open"] & at_last
    passes = ~rows["was_open"] & ~rows["stays_open"] & at_first
    kept = rows[was_in | is_in | passes].copy()
    was_in, is_in = was_in[kept.index], is_in[kept.index]
    kept["is_pulled"] = is_in & ~was_in & kept["is_start"]
    kept["is_pushed"] = was_in & ~is_in & kept["is_end"]
    kept["is_start"], kept["is_end"] = kept["is_start"] & was_in, kept["is_end"] & is_in
    return kept
