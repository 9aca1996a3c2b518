"""What figures by seller have in common: KPIs side by side, each against the others, who stands out."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from salesbook import sellers, stats
from salesbook.book import Book
from salesbook.findings import ALPHA
from salesbook.headlines import asked, figure
from salesbook.kpi import reason_of
from salesbook.sellers import SHOWN

YEAR, YEARS = 12, 24
FEWEST = 20
TINY = 0.01


def beside(book: Book, columns: dict, stocks: tuple[str, ...] = ()) -> pd.DataFrame:
    """Several KPIs side by side by seller: column = KPI, or KPI and column of its answer.

    Returns: seller and the columns; the reason where all of them have one.
    """
    answers, found = {}, None
    for name, what in columns.items():
        kpi, column = what if isinstance(what, tuple) else (what, "value")
        answer = answers.get(kpi.name)
        if answer is None:
            answer = answers[kpi.name] = kpi(book, by=SHOWN, **({} if name in stocks else {"last": YEAR}))
        if reason_of(answer):
            continue
        part = answer[[SHOWN, column]].rename(columns={column: name})
        found = part if found is None else found.merge(part, on=SHOWN, how="outer", sort=True)
    if found is None:
        return next(iter(answers.values()))
    missing = [name for name in columns if name not in found]
    found = found.assign(**dict.fromkeys(missing, np.nan))[[SHOWN, *columns]]
    return sellers.named(book, found)


def by_seller(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """An answer by seller, the highest value first."""
    rows = sellers.named(book, rows)
    kept = rows.drop(columns=["clusters"], errors="ignore")
    return rows if reason_of(rows) else kept.sort_values("value", ascending=False, ignore_index=True, kind="stable")


def clear_of(rows: pd.DataFrame, rest: pd.DataFrame) -> pd.DataFrame:
    """The groups that clearly differ from all others together, after all have been looked at.

    Parameters: `rows`, an answer by group, and `rest`, the answer of all others beside each; with intervals.
    """
    error = np.hypot(*(((part["high"] - part["low"]) / (2 * stats.Z)).to_numpy(float) for part in (rows, rest)))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * norm.sf(np.abs(rows["value"].to_numpy(float) - rest["value"].to_numpy(float)) / error)
    adjusted = stats.benjamini_hochberg(p)
    return rows.assign(rest=rest["value"].to_numpy(float), p=p, adjusted=adjusted)


def against_others(book: Book, kpi, rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Each group beside the others together, with the chance of such a difference (see `clear_of`)."""
    groups = list(rows[by])
    others = [kpi(book, where={by: [one for one in groups if one != group]}, last=YEAR) for group in groups]
    return clear_of(rows, pd.concat(others, ignore_index=True))


REPORTED = {"numerator": "reported", "denominator": "logged"}


def compared_rows(book: Book, kpi) -> pd.DataFrame:
    """A KPI by seller against all other sellers together, the highest first."""
    rows = kpi(book, by=SHOWN, last=YEAR)
    if reason_of(rows):
        return rows
    rows = against_others(book, kpi, rows[rows["value"].notna() & rows[SHOWN].notna()], SHOWN)
    return by_seller(book, rows.drop(columns=["reason"])).rename(columns=REPORTED if kpi.unit == "ratio" else {})


COMPARED_UNITS = dict.fromkeys(("reported", "logged"), "count") | dict.fromkeys(("p", "adjusted"), "score")


@asked
def apart(book: Book, rows: pd.DataFrame, key: str, is_worse_high: bool) -> dict[str, str]:
    """The words of a KPI by seller: who clearly lies on the worse side once all have been looked at, or nobody."""
    side = rows["value"] > rows["rest"] if is_worse_high else rows["value"] < rows["rest"]
    clear = rows[(rows["adjusted"] < ALPHA) & side].sort_values("p", kind="stable")
    values = {"k": len(rows), "months": YEAR, "sellers": listed(book, clear["seller"])}
    first = clear.iloc[0] if len(clear) else pd.Series({"value": np.nan, "rest": np.nan})
    values |= {"value": first["value"], "rest": first["rest"]}
    return figure(book, f"figures.{key}", "some" if len(clear) else "none", len(clear) > 0, **values)


def listed(book: Book, names: pd.Series) -> str:
    """Names in a row: three at most, and how many more."""
    first = ", ".join(names.iloc[:3].astype(str))
    return book.words.say("and_more", names=first, n=len(names) - 3) if len(names) > 3 else first


def title(book: Book, name: str, months: int = YEAR) -> str:
    """The title of a table."""
    return book.words.say(f"figures.{name}.table", months=months)


def units(rows: pd.DataFrame, named: dict[str, str]) -> dict[str, str]:
    """The units of the columns that a table has: one that shows a reason in its place has none of them."""
    return {name: unit for name, unit in named.items() if name in rows}
