"""What a proposal asks: columns that no name told, by the contents that they must have, and what words mean."""

import re

from salesbook import maps
from salesbook.schema import Column
from salesbook.settings import Source
from salesbook.sources import plan, steps
from salesbook.sources.known import hinted, outcome, parts, told
from salesbook.sources.naming import words_of
from salesbook.sources.proposed import Fed, Match, Proposal, column_of, quoted
from salesbook.sources.reader import name_key
from salesbook.sources.survey import Profile, says_cents

MOST_OFFERED, MOST_WORDS = 8, 12
WAYS_TO_SAY = 3  # how many values of a column may mean one word
MOST_FILLED = 0.95  # of the rows, in a column that every row must have
OF_RECORDS = ("name", "display_name")  # texts that are all different, as those of a class are not
WANTED = {  # of each table, with what tells it as well
    "deals": {
        "status": ("status", "is_won", "stage"), "amount": ("amount",), "created_at": ("created_at",),
        "closed_at": ("closed_at", "close_date", "won_at"), "owner_id": ("owner_id",), "account_id": ("account_id",),
    },
    "activities": {"occurred_at": ("occurred_at", "planned_at")},
}  # fmt: skip
WRITTEN_AS = {"closed_at": "expected_close", "occurred_at": "recorded_at"}  # where some CRMs write it


def ask_for_lacking(made: Proposal, fed: Fed) -> None:
    """Ask for the columns that a table must have and that no column of the file is, or whose values lack."""
    shipped = maps.shipped(made.extends) if made.extends else {}
    source = Source(extends=made.extends, steps=shipped.get("steps", {}) | made.steps)
    given = {*shipped.get("constants", {}).get(fed.name, {}), *made.constants.get(fed.name, {}), "currency"}
    given |= {match.column for match in fed.asked}
    for column in steps.table_for(fed.name, source, []).columns:
        found = fed.source_of(column.name)
        must = column.filled or (column.needed and "-" not in fed.name)
        if must and found is None and column.name not in given:
            ask_for_column(made, fed, column)
        elif column.filled and found is not None and found.filled < MOST_FILLED * found.rows:
            ask = (
                f"{column.name} is empty in {found.rows - found.filled} of {found.rows} rows. One value for every row:"
            )
            value = found.values[0] if len(found.values) == 1 else "..."
            made.ask(f"constants.{fed.name}", ask, f"{column.name} = {quoted(value)}")


def ask_for_column(made: Proposal, fed: Fed, column: Column) -> None:
    """Ask which column of the file is one that the table must have, of those whose values may be it; or, of a word or a
    text, for one value for every row, which is "" where it is not known and need not be. It is not known where no
    column has a hint of it that needs one."""
    may = may_be(fed, column)
    is_constant = column.type in ("word", "text")
    if not may and column.name in told()["hints"]:
        made.constants.setdefault(fed.name, {})[column.name] = ""
        return
    if may or not is_constant:
        ask = f"Which column is {column.name} ({column.meaning})?"
        if not may:
            ask = f"No column may be {column.name} ({column.meaning}). Export one, or choose another file."
        made.ask_which(fed, column.name, ask, may)
    if is_constant:
        name = re.sub(r"[\W_]+", " ", fed.files[0])
        values = [hinted(name, column.words) if column.words else "..."] + [""] * (not column.filled)
        start = f"Or one value of {column.name}"
        if not may:
            start = f"No column is {column.name} ({column.meaning}). One value of it"
        ask = f"{start} for every row" + (":" if column.filled else ', or "" where it is not known:')
        made.ask(f"constants.{fed.name}", ask, *(f"{column.name} = {quoted(value)}" for value in values))


def may_be(fed: Fed, column: Column) -> list[str]:
    """The columns of a file, not read as others, whose values may be those of a canonical one, the likeliest first."""
    there = [fed.profiles[name] for name in fed.unused if fed.profiles[name].filled]
    found = [profile for profile in there if profile.fits(column.type) and is_alike(fed, profile, column)]
    order = {
        "money": lambda profile: not profile.signed,
        "word": lambda profile: profile.distinct,
        "instant": lambda profile: profile.filled * (1 if column.later else -1),
    }
    return [profile.name for profile in sorted(found, key=order.get(column.type, bool))][:MOST_OFFERED]


def is_alike(fed: Fed, profile: Profile, column: Column) -> bool:
    """Whether values that have the form of a column may be its: those of a key are all different, the records that rows
    belong to come again. Numbers may be codes where names tell nothing of a file; no answer says they are cents."""
    if column.name in maps.table(fed.name).key:
        return profile.is_unique
    if column.type == "money":
        return not profile.is_unique and not profile.is_date and not says_cents(profile.name)
    is_text = profile.is_wordy or (fed.is_asked and profile.is_coded)
    if column.type == "id":
        return is_text and 1 < profile.distinct < profile.filled
    if column.type in ("word", "text") and column.name not in OF_RECORDS:
        return is_text and is_class(profile, column) and (profile.is_coded or has_letters(profile))
    return is_text or column.type != "text"


def is_class(profile: Profile, column: Column) -> bool:
    """Whether values may be classes: few, of which each stands for several rows; of a word no more than a few for each
    there is, none of which is a word of something else; of what every row must have, in nearly all."""
    if not profile.values or not (1 < profile.distinct < profile.filled or profile.rows == 1):
        return False
    if column.filled and profile.filled < MOST_FILLED * profile.rows:
        return False
    if not is_hinted(profile, column.name):
        return False
    others = tuple(word for word in told()["words"] if word not in column.words)
    are_others = any(outcome(one, others) and not outcome(one, column.words) for one in profile.values)
    return not column.words or (profile.distinct <= WAYS_TO_SAY * len(column.words) and not are_others)


def is_hinted(profile: Profile, column: str) -> bool:
    """Whether a word of a column's name or values hints at a canonical one, if that has such words."""
    words = {word for text in (profile.name, *profile.values) for word in words_of(text)}
    return column not in told()["hints"] or bool(words.intersection(told()["hints"][column]))


def has_letters(profile: Profile) -> bool:
    """Whether one of few values has a letter, as words do."""
    return any(sign.isalpha() for value in profile.values for sign in value)


def ask_for_wanted(made: Proposal, fed: Fed) -> None:
    """Ask for what most pages rest on and no column of a table was found for, where a column may be it."""
    own = [question for question in made.questions if question.section.endswith(f".{fed.name}")]
    asked = {line.partition(" = ")[0] for question in own for line in question.lines}
    for name, same in WANTED.get(maps.table_name(fed.name), {}).items():
        column, may = column_of(fed, name), may_be(fed, column_of(fed, name))
        other = fed.source_of(WRITTEN_AS.get(name, ""))
        may += [other.name] if other else []
        if may and name not in asked and not any(fed.source_of(one) for one in same):
            ask = f"No column was found for {name} ({column.meaning}). Is it one of these?"
            made.ask_which(fed, name, ask, may, closing_of(made, fed, may) if name == "closed_at" else {})


def closing_of(made: Proposal, fed: Fed, may: list[str]) -> dict[str, str]:
    """Of columns that may be the closing those that open deals have, too, as they are called that are the closing of
    closed deals alone; none where visits to stages would say another."""
    found = {name: "close_date" for name in may if all_have(fed, fed.profiles[name])}
    if made.entered or any(one.name == "stage_history" for one in made.fed) or not found:
        return {}
    made.do("deals", "closed_at_from_history")
    return found


def all_have(fed: Fed, profile: Profile) -> bool:
    """Whether a column has a value in every row that has an id; lines of groups and sums have none."""
    ids = fed.source_of("deal_id")
    return profile.filled >= (ids.filled if ids else profile.rows)


def ask_for_newest(made: Proposal, fed: Fed) -> None:
    """Ask whether of the rows of one deal the newest counts, where each stands several times with the day of a copy."""
    ids = fed.source_of("deal_id")
    if fed.name != "deals" or ids is None or ids.distinct >= ids.rows:
        return
    versions = {name_key(name) for name in parts("versions")}
    days = [name for name in fed.unused if name_key(name) in versions and fed.profiles[name].is_date]
    if days:
        ask = f"{ids.rows} rows are of {ids.distinct} deals: does the one with the latest {days[0]!r} count?"
        made.ask("newest", ask, f"{fed.name} = {quoted(days[0])}")


def ask_for_stages(made: Proposal) -> None:
    """Where deals have no stage at all, ask to leave out the stages that none of them is in, and for a status."""
    stage = next((fed.source_of("stage") for fed in made.fed if fed.name == "deals"), None)
    if made.extends and stage is not None and stage.filled == 0:
        others = [fed.name for fed in made.fed if fed.name in ("stages", "stage_history")]
        made.ask("files", "No deal is in a stage: leave the stages out.", "\n".join(f'{name} = ""' for name in others))
        made.ask("constants.deals", "And what has become of these deals?", 'status = "open"')


def ask_for_words(made: Proposal, fed: Fed) -> None:
    """Translate the words that are known in any language, and ask for the others."""
    for match in fed.matches:
        if column_of(fed, match.column).words:
            translate(made, fed, match)
            ask_for_unknown(made, fed, match)
    for match in fed.asked:
        if column_of(fed, match.column).words:
            ask_if_picked(made, fed, match)


def told_words(made: Proposal, fed: Fed, column: Column) -> dict[str, str]:
    """The words of a column that the proposal, or the map it extends, translates."""
    shipped = maps.shipped(made.extends) if made.extends else {}
    known = plan.words_of(fed.name, Source(words=shipped.get("words", {}))).get(column.name, {})
    return known | made.words.get(fed.name, {}).get(column.name, {})


def unknown_words(made: Proposal, fed: Fed, match: Match) -> list[str]:
    """The values of a column that are no word it knows, and that nothing translates."""
    column = column_of(fed, match.column)
    known = told_words(made, fed, column)
    return [one for one in fed.profiles[match.named].values if one not in known and one.lower() not in column.words]


def translate(made: Proposal, fed: Fed, match: Match) -> None:
    """Translate the words of a column that are known in any language."""
    column = column_of(fed, match.column)
    words = {value: word for value in unknown_words(made, fed, match) if (word := outcome(value, column.words))}
    if words:
        made.words.setdefault(fed.name, {}).setdefault(column.name, {}).update(words)


def ask_for_unknown(made: Proposal, fed: Fed, match: Match) -> None:
    """Ask for the words of a column that are not known, unless all others are told."""
    column, profile = column_of(fed, match.column), fed.profiles[match.named]
    rest = told_words(made, fed, column).get("*")
    if rest or (rest == "" and not column.needed):
        return
    unknown = unknown_words(made, fed, match)
    if profile.distinct > len(profile.values) and rest is None:
        ask = f"{match.named!r} has {profile.distinct} different values. Which are {', '.join(column.words)}?"
        made.ask(f"words.{fed.name}.{column.name}", ask, f'"*" = "{column.words[0]}"')
    elif unknown:
        ask = f'What do these values of {match.named!r} mean? One of {", ".join(column.words)}, or "" for none.'
        if rest == "":
            ask += " Until then they are none."
        elif not (column.filled or column.needed or column.name == "status"):
            made.words.setdefault(fed.name, {}).setdefault(column.name, {})["*"] = ""
            ask += " Until then they are none."
        made.ask(f"words.{fed.name}.{column.name}", ask, meanings(unknown, column))


def ask_if_picked(made: Proposal, fed: Fed, match: Match) -> None:
    """Ask what the few words of a column mean that is itself asked about."""
    column, values = column_of(fed, match.column), unknown_words(made, fed, match)
    if 0 < len(values) <= MOST_WORDS:
        ask = f'If {column.name} is {match.named!r}: what do its values mean? One of {", ".join(column.words)}, or ""'
        made.ask(f"words.{fed.name}.{column.name}", f"{ask} for none.", meanings(values, column))


def meanings(values: list[str], column: Column) -> str:
    """Lines that say of words which of a column's they mean, to be mended."""
    return "\n".join(f"{quoted(value)} = {quoted(hinted(value, column.words))}" for value in values)
