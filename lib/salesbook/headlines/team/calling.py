"""Call reluctance: of all, and by seller."""

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.book import Book
from salesbook.findings import ALPHA, HELD, Candidate
from salesbook.headlines import asked, figure, finding
from salesbook.headlines.team.figures import FEWEST, YEARS, by_seller, listed
from salesbook.kpi import reason_of
from salesbook.kpis import team as kpis
from salesbook.sellers import SHOWN


def reluctance(book: Book) -> Candidate | None:
    """Whether calls come slower after a no; of the streaks the clearest, its test paying for all.

    Only slower is claimed: a rejected call is short, so that the next may begin sooner for that alone.
    """
    rows = kpis.call_reluctance(book, last=YEARS)
    if reason_of(rows):
        return None
    tested = rows.dropna(subset=["p"])
    tested = tested[tested["n"] >= FEWEST]
    if tested.empty:
        neutral = finding(book, "say.reluctance_unknown", months=YEARS)
        return Candidate("reluctance", np.nan, neutral, neutral)
    first = tested.loc[tested["p"].idxmin()]
    values = {"streak": book.words.say(f"streak.{int(first['streak'])}"), "months": YEARS, "n": int(first["n"])}
    values |= {"pace": first["value"], "low": first["low"], "high": first["high"]}
    p = min(1.0, first["p"] * len(tested)) if first["value"] < 1 else np.nan
    claim, neutral = (
        finding(book, "say.reluctance_down", True, **values),
        finding(book, "say.reluctance_alike", **values),
    )
    return Candidate("reluctance", p, claim, neutral, weight=3)


@asked
def streaks(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The pace after rejections in a row, named in words, beside the chance a minute that the next call begins."""
    begins = kpis.next_call_pace(book, last=YEARS)[["streak", "value"]].rename(columns={"value": "begins"})
    rows = rows.merge(begins, on="streak").rename(columns={"expected": "expected_calls"})
    rows = rows[rows["value"].notna()].reset_index(drop=True)
    names = [book.words.say(f"streak.{int(streak)}") for streak in rows["streak"]]
    shown = ["streak", "n", "shifts", "expected_calls", "value", "low", "high", "p", "begins"]
    return rows.assign(streak=names)[shown]


def reluctant_rows(book: Book) -> pd.DataFrame:
    """The pace of each seller after two rejections in a row, the slowest first."""
    rows = kpis.call_reluctance(book, by=SHOWN, last=YEARS)
    rows = rows if reason_of(rows) else rows[(rows["streak"] == 2) & (rows["n"] >= LEAST_ROWS)]
    if rows.empty:
        return pd.DataFrame([{"seller": "", "n": 0, **NONE, "reason": "too few"}])
    rows = by_seller(book, rows)
    return rows if reason_of(rows) else rows.drop(columns="streak").iloc[::-1].reset_index(drop=True)


@asked
def reluctant(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of call reluctance by seller: who is clearly slower, after all have been looked at."""
    clear = rows[(stats.benjamini_hochberg(rows["p"].to_numpy(float)) < ALPHA) & (rows["value"] < 1)]
    values = {"k": len(rows), "n": int(rows["n"].sum()), "months": YEARS, "sellers": listed(book, clear["seller"])}
    return figure(book, "figures.reluctant", "some" if len(clear) else "none", len(clear) > 0, **values)


LEAST_ROWS = 5
NONE = {"value": np.nan, "low": np.nan, "high": np.nan}


@asked
def pace(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of call reluctance: the clearest streak where it holds, else that there is no clear difference."""
    tested = rows[(rows["n"] >= FEWEST)].dropna(subset=["p"])
    usual = kpis.call_pace(book, where={"streak": 0}, last=months)["value"].iloc[0]
    values = {"months": months, "n": int(rows["n"].sum()), "usual": usual}
    if tested.empty:
        return figure(book, "figures.pace", "few", pace=np.nan, streak="", **values)
    first = tested.loc[tested["p"].idxmin()]
    is_clear = first["value"] < 1 and first["p"] * len(tested) <= HELD
    values |= {"pace": first["value"], "streak": book.words.say(f"streak.{int(first['streak'])}")}
    return figure(book, "figures.pace", "down" if is_clear else "alike", bool(is_clear), **values)


PACE_UNITS = {"expected_calls": "number", "shifts": "count", "p": "score", "begins": "ratio"}
