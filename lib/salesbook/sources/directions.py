"""Who began activities, where no name of a column tells it: what a column says, or the words for their kinds."""

from salesbook import maps
from salesbook.sources.known import outcome
from salesbook.sources.naming import words_of
from salesbook.sources.proposed import Fed, Match, Proposal

WORDS = ("outbound", "inbound")
BY_CONTENTS = "by contents"


def settle(made: Proposal, fed: Fed) -> None:
    """Take for the direction of activities the only column that says nothing else, or that of their kinds where these
    say it, as `Inbound call` and `Outbound call`: both directions must be there."""
    kinds = fed.source_of("type")
    if made.extends or maps.table_name(fed.name) != "activities" or fed.source_of("direction"):
        return
    said = {name: [outcome(value, WORDS) for value in fed.profiles[name].values] for name in fed.unused}
    plain = [name for name, words in said.items() if set(words) == set(WORDS)]
    if len(plain) == 1:
        fed.matches.append(Match("direction", plain[0], BY_CONTENTS))
        fed.unused = [name for name in fed.unused if name != plain[0]]
        return
    words = {value: direction_in(value) for value in (kinds.values if kinds else ())}
    if set(WORDS) <= set(words.values()):
        fed.matches.append(Match("direction", kinds.name, BY_CONTENTS))
        made.words.setdefault(fed.name, {})["direction"] = words


def direction_in(value: str) -> str:
    """The one direction that words of a value say; "" where none does, or both."""
    found = {outcome(word, WORDS) for word in words_of(value)} - {""}
    return found.pop() if len(found) == 1 else ""
