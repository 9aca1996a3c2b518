"""What the pages say, one module a page: candidates for "this month in short", and the words of every figure.

Sentences stand in the catalogues of `words`; here is decided which of them the data bears (see `findings`).
"""

from salesbook.book import Book
from salesbook.findings import Finding


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


def direction(change: float) -> str:
    """Up or down."""
    return "up" if change > 0 else "down"
