"""What the pages say, one module a page: candidates for "this month in short", and the words of every figure.

Sentences stand in the catalogues of `words`; here is decided which of them the data bears (see `findings`).
"""

import functools

import pandas as pd

from salesbook.book import Book
from salesbook.findings import Finding
from salesbook.kpi import reason_of


def finding(book: Book, key: str, is_claim: bool = False, **values) -> Finding:
    """The two sentences of a key as a Finding."""
    say = book.words.say
    return Finding(say(f"{key}.headline", **values), say(f"{key}.detail", **values), is_claim)


def figure(book: Book, key: str, headline: str = "headline", **values) -> dict[str, str]:
    """Headline, subtitle and alternative text of a figure, as `page.figure` takes them.

    Parameters: `headline`, the name of the sentence the guard chose.
    """
    say = book.words.say
    return {
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


NO_WORDS = {"headline": "", "subtitle": "", "alt": ""}


def quarter_name(book: Book, start) -> str:
    """A quarter in words: by its number in a calendar year, else by its months."""
    if book.run["fiscal_year_starts"] == 1:
        return book.words.say("quarter.calendar", quarter=(start.month + 2) // 3, year=start.year)
    last = start + pd.DateOffset(months=2)
    return book.words.say("quarter.fiscal", first=start, last=last)


def direction(change: float) -> str:
    """Up or down."""
    return "up" if change > 0 else "down"
