"""What the pages say, one module a page: candidates for "this month in short", and the words of every figure.

Sentences stand in the catalogues of `words`; here is decided which of them the data bears (see `findings`).
"""

import functools

import numpy as np
import pandas as pd

from salesbook import stats
from salesbook.book import Book
from salesbook.compare import BEFORE, NOW, against_the_rest, by_month
from salesbook.findings import ALPHA, HELD, PAGE_ALPHA, Candidate, Finding, moved, swing_of
from salesbook.kpi import Kpi, reason_of


def finding(book: Book, key: str, is_claim: bool = False, **values) -> Finding:
    """The two sentences of a key as a Finding."""
    say = book.words.say
    return Finding(say(f"{key}.headline", **values), say(f"{key}.detail", **values), is_claim)


def figure(book: Book, key: str, headline: str = "headline", is_claim: bool | None = None, **values) -> dict:
    """Headline, subtitle and alternative text of a figure, as `page.figure` takes them, and whether they claim a thing.

    Parameters: `headline`, the name of the sentence the guard chose; `is_claim`, whether that is what a test bears
    (True), its neutral twin (False), or something counted that needs no test (None).
    """
    say = book.words.say
    return {
        "is_claim": is_claim,
        "headline": say(f"{key}.{headline}", **values),
        "subtitle": say(f"{key}.subtitle", **values),
        "alt": say(f"{key}.alt", **values),
    }


def asked(function):
    """Mark a function of a book and an answer: where the answer holds no value, neither do its words.

    Rule: a function of words then gives a figure without headline, whose place shows the reason; a function that
    prepares rows gives them back as they are.
    """

    @functools.wraps(function)
    def said(book: Book, rows: pd.DataFrame, *more, **options):
        if not reason_of(rows):
            return function(book, rows, *more, **options)
        return rows if function.__annotations__.get("return") is pd.DataFrame else NO_WORDS

    return said


NO_WORDS = {"headline": "", "subtitle": "", "alt": "", "is_claim": None}


def repeating(book: Book, key: str, change: float, p: float, **values) -> dict:
    """The words of a figure that repeats the test of a finding: up or down where it holds, else its neutral twin."""
    return figure(book, key, verdict(change, p), bool(p <= HELD), **values)


def verdict(change: float, p: float) -> str:
    """Up or down where a figure claims it, near where its page's findings may claim it all the same, else alike."""
    if p <= HELD:
        return direction(change)
    return "near" if p <= PAGE_ALPHA else "alike"


def direction(change: float) -> str:
    """Up or down."""
    return "up" if change > 0 else "down"


def sides(row: pd.Series, **groups: str) -> dict:
    """The numbers that sentences on two sides of a comparison use: share and n of each, the size, its interval and p.

    Parameters: `row`, of a KPI on two groups with columns `GROUP_k` and `GROUP_n`; `groups`, the group by its name in
    the sentences.
    """
    shares = {name: row[f"{group}_k"] / max(row[f"{group}_n"], 1) for name, group in groups.items()}
    counts = {f"n_{name}": row[f"{group}_n"] for name, group in groups.items()}
    return shares | counts | {"size": row["value"], "low": row["low"], "high": row["high"], "p": float(row["p"])}


def compared(book: Book, name: str, rows: pd.DataFrame, values, change, weight: float) -> Candidate | None:
    """Whether one side of a comparison does better; nothing where there is no answer.

    Parameters: `values`, the function from the answer's row to the sentences' numbers, with p; `change`, from them to
    a number above or below zero.
    """
    if reason_of(rows):
        return None
    told = values(rows.iloc[0])
    claim = finding(book, f"say.{name}_{direction(change(told))}", True, **told)
    return Candidate(name, told["p"], claim, finding(book, f"say.{name}_alike", **told), weight=weight)


def rate_moved(book: Book, name: str, kpi: Kpi, weight: float, ago: int = 0) -> Candidate | None:
    """Whether a share rose or fell in the last months; nothing where there is no answer.

    Parameters: `ago`, the months that are too young to count.
    """
    spans = by_month(book, kpi, ago=ago)
    if reason_of(spans[0]):
        return None
    change = moved(*spans, swing_of(*spans))
    counted = [[span[column].sum() for span in spans] for column in ("numerator", "denominator")]
    _, n, share = stats.shares_of(*counted)
    values = {"now": share[0], "before": share[1], "n": int(n[0]), "months": NOW, "months_before": BEFORE}
    values |= {"change": float(change.value), "low": float(change.low), "high": float(change.high)}
    claim = finding(book, f"say.{name}_{direction(values['change'])}", True, **values)
    neutral = f"say.{name}_level" if np.isfinite(values["change"]) else f"say.{name}_unknown"
    return Candidate(name, float(change.p), claim, finding(book, neutral, **values), weight=weight)


def standing_out(book: Book, key: str, rows: pd.DataFrame, by: str, months: int) -> dict[str, str]:
    """The words of a share by group: the group that stands out after correction, or that none does."""
    tested = against_the_rest(rows)
    clear = tested[stats.benjamini_hochberg(tested["p"].to_numpy(float)) < ALPHA]
    values = {"by": book.words.column(by), "months": months, "n": int(rows["denominator"].sum()), "k": len(rows)}
    if clear.empty:
        return figure(book, key, "alike", False, group="", share=np.nan, rest=np.nan, **values)
    first = clear.loc[clear["p"].idxmin()]
    values |= {"group": first[by], "share": first["value"], "rest": first["rest"]}
    return figure(book, key, direction(first["change"]), True, **values)
