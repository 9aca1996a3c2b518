"""What a deal is worth of which no amount is known: what past wins of its kind were."""

import numpy as np

YEAR = 365  # days: how far back wins say what a win is worth

Rows = dict[str, np.ndarray]


def past_amounts(ends: Rows, on: int, name: str) -> np.ndarray:
    """The amounts of the wins of a cycle in the year before a day; of all cycles where it had none.

    Parameters: `ends`, deals won and lost by that day (is_won, ended, cycle, amount).
    """
    is_recent = ends["is_won"] & (ends["ended"] >= on - YEAR)
    own = is_recent & (ends["cycle"] == name)
    return ends["amount"][own if own.any() else is_recent]


def valued(deals: Rows, ends: Rows, on: int) -> Rows:
    """Open deals with an amount each: one without is taken at the mean of `past_amounts` of its cycle.

    Rule: where nothing was won in the year before, the mean of all earlier wins; before the first win nothing can be
    said to be won either, and the amount is 0.
    Returns: the deals, with `is_taken` (had no amount) and `spread` (the standard deviation of those wins; 0 where the
    amount is known).
    """
    is_taken = np.isnan(deals["amount"])
    amount, spread = deals["amount"].copy(), np.zeros(len(is_taken))
    for name in set(deals["cycle"][is_taken]):
        rows, worth = is_taken & (deals["cycle"] == name), past_amounts(ends, on, name)
        worth = worth if len(worth) else ends["amount"][ends["is_won"]]
        amount[rows], spread[rows] = (worth.mean(), worth.std()) if len(worth) else (0.0, 0.0)
    return deals | {"amount": amount, "is_taken": is_taken, "spread": spread}
