"""Sellers on a page: by name where the settings allow it, else in groups of five or more; drawn towards the whole.

What a seller is shown as is decided once, by the fact seller_facts (`shown_as`): pages group by it and never by a name
or a team of their own. A team of fewer than five tells of people as a name does.
"""

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.book import Book
from salesbook.build import LEAST_PEOPLE
from salesbook.kpi import Ask, reason_of
from salesbook.query import Question
from salesbook.shrinkage import shrink_shares

SHOWN = "owner.shown_as"
TEAM = "owner.team"
OTHER = "other"
TOO_FEW = "groups too small"
FEW_IN_SLICE = "too few sellers"
SEED = 11


def territory(book: Book) -> str:
    """The column by which territories are told apart; where names are off, the groups of sellers in their place."""
    return "owner.territory_id" if book.run["names_of_sellers"] else SHOWN


def team(book: Book) -> str:
    """The column by which teams are told apart; where names are off, the groups of sellers in their place."""
    return TEAM if book.run["names_of_sellers"] else SHOWN


def called(book: Book, shown: pd.Series) -> list[str]:
    """What sellers are shown as, in words; none stays none."""
    together = book.words.say("seller.together")
    return [together if who == OTHER else who for who in shown]


def told_teams(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """An answer by team without the teams that may not be told of alone; the reason where none may."""
    if reason_of(rows):
        return rows
    told = book.rows("select distinct team from seller_facts where is_team_told")["team"]
    kept = rows[rows[TEAM].isna() | rows[TEAM].isin(told)].reset_index(drop=True)
    return kept if kept[TEAM].notna().any() else unshown(TOO_FEW)


def is_of_few(book: Book) -> bool:
    """Whether fewer than five sellers ever had a deal or lead in the book's slice, and names are off."""
    if book.run["names_of_sellers"] or not book.slice:
        return False
    ask, facts = Ask(book, Question()), ("deal_facts", "lead_facts")
    owners = [ask.rows(name, ("owner_id",))["owner_id"] for name in facts if not book.missing(name)]
    return pd.concat(owners).nunique() < LEAST_PEOPLE


def unshown(reason: str) -> pd.DataFrame:
    """An answer by seller that only says why there is none."""
    return pd.DataFrame([{"seller": "", "n": 0, "value": np.nan, "low": np.nan, "high": np.nan, "reason": reason}])


def named(book: Book, rows: pd.DataFrame, by: str = SHOWN) -> pd.DataFrame:
    """An answer by seller with their names in a column `seller`.

    Rule: rows without a seller are left out. Where names are off and there is one group, it would be the whole: the
    answer then says that groups are too small; it says so too where the slice is of fewer than five sellers.
    """
    if reason_of(rows):
        return rows
    if is_of_few(book):
        return unshown(FEW_IN_SLICE)
    rows = rows[rows[by].notna()].rename(columns={by: "seller"}).reset_index(drop=True)
    if not book.run["names_of_sellers"] and rows["seller"].nunique() < 2:
        return unshown(TOO_FEW)
    return rows.assign(seller=called(book, rows["seller"]))


def league(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Shares by seller, drawn towards the whole as far as chance explains the differences, with the interval of ranks.

    Rule: rows that belong together count for as much as the intervals say they are worth.
    Parameters: `rows`, an answer by SHOWN with numerator, denominator, low and high.
    Returns: seller, numerator, denominator, value, low, high (raw), estimate, rank; the highest estimate first.
    """
    rows = named(book, rows)
    if reason_of(rows):
        return rows
    rows = rows[rows["denominator"] > 0]
    effect = stats.design_effect(*(rows[name] for name in ("numerator", "denominator", "low", "high")))
    drawn = shrink_shares(rows["numerator"] / effect, rows["denominator"] / effect, SEED)
    say = book.words.say
    ranks = [say("rank", low=low, high=high) for low, high in zip(drawn.rank_low, drawn.rank_high, strict=True)]
    rows = rows.assign(estimate=drawn.value, rank=ranks)
    kept = ["seller", "numerator", "denominator", "value", "low", "high", "estimate", "rank", "reason"]
    return rows[kept].sort_values("estimate", ascending=False, ignore_index=True, kind="stable")
