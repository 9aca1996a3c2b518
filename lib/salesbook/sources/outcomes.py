"""What became of deals, told by the names of their files alone: `deals-won.csv` beside `deals-lost.csv`."""

import re
import unicodedata

from salesbook.sources.known import outcome
from salesbook.sources.naming import words_of
from salesbook.sources.proposed import Fed, Match, Proposal, value_of

WORDS = ("won", "lost", "open")


def settle(made: Proposal, fed: Fed) -> None:
    """Take for the status of deals what the names of their files say, where no column says which are won and lost.

    Rule: the names differ just by such words. Where those of some files have none, it is asked what their deals are.
    """
    told = said_by_names(fed.files)
    if len({*filter(None, told.values())}) < 2 or is_told(fed):
        return
    if not all(told.values()):
        ask = "The names of some files say what became of their deals. Is this so, and true of the others?"
        likely = {name: word or "open" for name, word in told.items()}
        made.ask("constants.deals", ask, f"status = {value_of(likely)}")
        return
    given = made.constants.setdefault("deals", {})
    given["status"] = told
    if status := fed.source_of("status"):
        fed.matches = [match for match in fed.matches if match.column != "status"]
        fed.unused.append(status.name)
    if status and fed.source_of("stage") is None:
        fed.matches.append(Match("stage", status.name, "by contents"))
        fed.unused.remove(status.name)
    if without := without_stage(fed):
        given["stage"] = {name: told[name] for name in without}


def without_stage(fed: Fed) -> list[str]:
    """The files that have no column of the stage."""
    stage = fed.source_of("stage")
    return [name for name in fed.files if stage is None or stage.name not in fed.headers.get(name, {stage.name})]


def is_told(fed: Fed) -> bool:
    """Whether a column says of deals which are won and lost: the status one of both, the stage both, or a flag."""
    status, stage = fed.source_of("status"), fed.source_of("stage")
    ends = [{outcome(value, ("won", "lost")) for value in (one.values if one else ())} for one in (status, stage)]
    return bool(ends[0] - {""}) or {"won", "lost"} <= ends[1] or fed.source_of("is_won") is not None


def said_by_names(names: list[str]) -> dict[str, str]:
    """What the names of files say of their deals, each by the words that not all of them have; "" for none.

    Examples:
    >>> said_by_names(["deals-won.csv", "open_deals_2026.csv"]), said_by_names(["2025.csv", "2026.csv"])
    ({'deals-won.csv': 'won', 'open_deals_2026.csv': 'open'}, {'2025.csv': '', '2026.csv': ''})
    """
    words = {name: words_in(name) for name in names}
    common = set.intersection(*map(set, words.values()))
    return {name: outcome(" ".join(one for one in own if one not in common), WORDS) for name, own in words.items()}


def bears_one(name: str) -> bool:
    """Whether a word of a file's name says what became of deals."""
    return any(outcome(word, WORDS) for word in words_in(name))


def words_in(name: str) -> list[str]:
    """The words of a file's name, without numbers."""
    return words_of(re.sub(r"[()\d]", " ", unicodedata.normalize("NFC", name)))
