"""Sellers on a page: by name where the settings allow it, else in groups of five or more; drawn towards the whole.

What a seller is shown as is decided once, by the fact seller_facts (`shown_as`): pages group by it and never by a name
or a team of their own.
"""

import numpy as np
import pandas as pd

from salesbook.book import Book
from salesbook.kpi import reason_of
from salesbook.shrinkage import shrink_shares

SHOWN = "owner.shown_as"
OTHER = "other"
TOO_FEW = "groups too small"
SEED = 11


def territory(book: Book) -> str:
    """The column by which territories are told apart; where names are off, the groups of sellers in their place."""
    return "owner.territory_id" if book.run["names_of_sellers"] else SHOWN


def named(book: Book, rows: pd.DataFrame, by: str = SHOWN) -> pd.DataFrame:
    """An answer by seller with their names in a column `seller`.

    Rule: rows without a seller are left out. Where names are off and there is one group, it would be the whole: the
    answer then says that groups are too small.
    """
    if reason_of(rows):
        return rows
    rows = rows[rows[by].notna()].rename(columns={by: "seller"}).reset_index(drop=True)
    if not book.run["names_of_sellers"] and rows["seller"].nunique() < 2:
        return pd.DataFrame([{"seller": "", "n": 0, "value": np.nan, "low": np.nan, "high": np.nan, "reason": TOO_FEW}])
    return rows.assign(seller=[book.words.say("seller.together") if who == OTHER else who for who in rows["seller"]])


def league(book: Book, rows: pd.DataFrame, *, higher_is_better: bool = True) -> pd.DataFrame:
    """Shares by seller, drawn towards the whole as far as chance explains the differences, with the interval of ranks.

    Parameters: `rows`, an answer by SHOWN with numerator and denominator.
    Returns: seller, numerator, denominator, value, low, high (raw), estimate, rank; the highest estimate first.
    """
    rows = named(book, rows)
    if reason_of(rows):
        return rows
    rows = rows[rows["denominator"] > 0]
    drawn = shrink_shares(rows["numerator"], rows["denominator"], SEED, higher_is_better=higher_is_better)
    say = book.words.say
    ranks = [say("rank", low=low, high=high) for low, high in zip(drawn.rank_low, drawn.rank_high, strict=True)]
    rows = rows.assign(estimate=drawn.value, rank=ranks)
    kept = ["seller", "numerator", "denominator", "value", "low", "high", "estimate", "rank", "reason"]
    return rows[kept].sort_values("estimate", ascending=False, ignore_index=True, kind="stable")
