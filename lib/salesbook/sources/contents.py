"""What the contents of a file of deals tell beside the names of its columns: id, currency, status and closing."""

import re

from salesbook.sources import asking, kinds, naming, outcomes
from salesbook.sources.known import currencies, currency_names, outcome, parts, synonyms
from salesbook.sources.naming import KNOWN, words_of
from salesbook.sources.proposed import Fed, Match, Proposal, column_of
from salesbook.sources.reader import name_key
from salesbook.sources.survey import Profile

BY_CONTENTS = "by contents"
STEM = 6  # letters with which two words begin that say the same
ONLY = {"euros": "EUR", "pounds": "GBP"}  # signs that are of one currency alone


def complete_deals(made: Proposal, fed: Fed) -> None:
    """What the contents tell of deals beside the names: their id, a closing date, their status and pipeline."""
    if fed.source_of("deal_id") is None:
        id_of_contents(fed)
    free_pipeline(fed)
    if fed.source_of("pipeline") is None:
        made.constants["deals"] = {"pipeline": "Sales"}
    settle_currency(made, fed)
    outcomes.settle(made, fed)
    if fed.source_of("stage") is None and fed.source_of("status"):
        stage_of_status(made, fed)
    kinds.settle(made, fed)
    stages_entered(made, fed)
    complete_status(made, fed)
    complete_stage(made, fed)
    complete_closing(made, fed)
    if (chance := fed.source_of("probability")) and chance.is_percent:
        made.do("deals", "probability_from_percent")


def id_of_contents(fed: Fed) -> None:
    """Take the only column whose values are all different for the id; titles are that only for want of one."""
    unique = [name for name in fed.unused if fed.profiles[name].is_unique]
    plain = [name for name in unique if not fed.profiles[name].signed] or unique  # a title has signs, an id none
    if len(plain) == 1:
        is_title = " " in fed.profiles[plain[0]].example
        how = "titles that are all different, for want of an id" if is_title else BY_CONTENTS
        fed.matches.append(Match("deal_id", plain[0], how))
        fed.unused.remove(plain[0])


def stages_entered(made: Proposal, fed: Fed) -> None:
    """Take dates for those of coming into stages where their names say the stages, of each one alone.

    Rule: of two stages at least, and no date names two; else that there are such dates is said, and they are not read.
    """
    stage = fed.source_of("stage")
    dates = [name for name in fed.unused if fed.profiles[name].is_date]
    values = [value for value in (stage.values if stage else ()) if not outcome(value, ("won", "lost"))]
    named = {name: [value for value in values if says_stage(name, value)] for name in dates}
    named = {name: stages for name, stages in named.items() if stages}
    stages = [stage for some in named.values() for stage in some]
    if len(named) > 1 and len(set(stages)) == len(stages) == len(named):
        made.entered = {some[0]: name for name, some in named.items()}
        made.do("stage_history", "visits_from_dates_entered")
        fed.unused = [name for name in fed.unused if name not in named]
    elif len(named) > 1:
        told = f"may say when deals came into stages, but not plainly into which: {', '.join(map(repr, named))}"
        made.not_read.append((fed.files[0], told))


def says_stage(name: str, stage: str) -> bool:
    """Whether a column's name says a stage: it has its words, or ones that begin as they do, at most one more beside
    those of dates, and none of another time, as `Last contact` has.

    Examples:
    >>> says_stage("Proposal sent on", "Proposal"), says_stage("Qualified", "Qualification"), says_stage("Demo", "Won")
    (True, True, False)
    """
    words = words_of(stage)
    there = [one for one in words_of(name) if one not in parts("of_dates")]
    if parts("other_times") & {*there} or len(there) > len(words) + 1:
        return False
    return bool(words) and all(any(one[:STEM] == word[:STEM] for one in there) for word in words)


def free_pipeline(fed: Fed) -> None:
    """Take a column of several pipelines for none where no column is the stage: it may be that, as `Sales process`."""
    pipeline = fed.source_of("pipeline")
    if pipeline and pipeline.distinct > 1 and fed.source_of("stage") is None:
        fed.matches = [match for match in fed.matches if match.column != "pipeline"]
        fed.unused.append(pipeline.name)


def stage_of_status(made: Proposal, fed: Fed) -> None:
    """The stage of the status, for want of one; where another column may be the stage, it is asked."""
    status = fed.source_of("status")
    if may := asking.may_be(fed, column_of(fed, "stage")):
        ask = f"No column was found for stage. Is it one of these, or the status {status.name!r} for want of one?"
        made.ask_which(fed, "stage", ask, [*may, status.name])
        made.words.setdefault("deals", {}).update(words_of_ends(status))
    else:
        fed.matches.append(Match("stage", status.name, "the status, for want of a stage"))
        say_of_stage(made, fed)


def complete_status(made: Proposal, fed: Fed) -> None:
    """The status of deals that no column tells: of the columns that say whether they are won, else of the stage."""
    if fed.source_of("status") or "status" in made.constants.get("deals", {}):
        return
    if fed.source_of("is_won") and (fed.source_of("is_lost") or fed.source_of("is_closed")):
        made.do("deals", "status_from_flags")
    else:
        status_of_stage(made, fed)


def complete_stage(made: Proposal, fed: Fed) -> None:
    """Put deals without a stage, as some CRMs have those that are closed, into one of their status."""
    stage, status = fed.source_of("stage"), fed.source_of("status")
    if stage and stage.filled and not asking.all_have(fed, stage) and status and status.name != stage.name:
        made.do("deals", "stage_of_status")


def complete_closing(made: Proposal, fed: Fed) -> None:
    """When deals were closed: of the dates of winning and losing, or of one date that is the expected one before."""
    won, lost = fed.source_of("won_at"), fed.source_of("lost_at")
    if won and lost and won.name != lost.name:
        fed.matches = [m for m in fed.matches if m.column != "closed_at" or m.named not in (won.name, lost.name)]
    closing, expected = fed.source_of("closed_at"), fed.source_of("expected_close")
    if closing and expected and closing.name == expected.name:
        fed.matches = [match for match in fed.matches if match.column != "expected_close"]
        expected = None
    if closing and asking.all_have(fed, closing) and expected is None:
        fed.matches = [m if m.column != "closed_at" else Match("close_date", m.named, BY_CONTENTS) for m in fed.matches]
        if won or lost:
            made.do("deals", "closed_at_from_won_and_lost")
        made.do("deals", "closed_at_from_history")
        names = {name_key(one) for one in ("closed_at", *synonyms()["deals"]["closed_at"])}
        real = [one for one in fed.unused if name_key(one) in names and fed.profiles[one].is_date]
        fed.matches += [Match("closed_at", one, KNOWN) for one in real[:1]]
        fed.unused = [one for one in fed.unused if one not in real[:1]]
    elif closing is None and won and lost:
        made.do("deals", "closed_at_from_won_and_lost")
    else:
        fed.matches = [match for match in fed.matches if match.column not in ("won_at", "lost_at")]
        read = {match.named for match in fed.matches}
        fed.unused += [one.name for one in (won, lost) if one and one.name not in {*read, *fed.unused}]


def status_by_words(fed: Fed) -> str:
    """The only column, not read as another, whose few values say in known words that deals are won and lost, or ""."""
    found = [name for name in fed.unused if ends_of(fed.profiles[name])]
    return found[0] if len(found) == 1 else ""


def status_of_stage(made: Proposal, fed: Fed) -> None:
    """The status of deals that only their stage tells: its words for won and lost where both are known; of another
    column where that has both; else asked."""
    stage = fed.source_of("stage")
    if stage is None:
        return
    if not ends_of(stage) and (name := status_by_words(fed)):
        fed.matches.append(Match("status", name, BY_CONTENTS))
        fed.unused = [one for one in fed.unused if one != name]
        return
    fed.matches.append(Match("status", stage.name, BY_CONTENTS))
    say_of_stage(made, fed)


def ends_of(profile: Profile) -> dict[str, str]:
    """The values of a column with what they say of deals, won, lost or "", where some are won and some lost."""
    ends = {value: outcome(value, ("won", "lost")) for value in profile.values}
    return ends if {"won", "lost"} <= set(ends.values()) else {}


def say_of_stage(made: Proposal, fed: Fed) -> None:
    """Take deals for open that are in no stage which says that they are won or lost, where some are in both."""
    stage, pipelines = fed.source_of("stage"), fed.source_of("pipeline")
    made.words.setdefault("deals", {}).update(words_of_ends(stage))
    made.stages = ends_of(stage) if pipelines is None or len(pipelines.values) == 1 else {}


def words_of_ends(profile: Profile) -> dict[str, dict[str, str]]:
    """The words of a status of a column some of whose values say won and some lost: deals with the others are open."""
    words = {value: word for value, word in ends_of(profile).items() if word}
    return {"status": words | {"*": "open"}} if words else {}


def settle_currency(made: Proposal, fed: Fed) -> None:
    """The currency of deals: the one that the name of the amounts tells, else the only column, whatever its name, all
    of whose values are codes of currencies.

    Rule: where the name tells one, a column of currencies that says another is not of these amounts (`amount_eur`
    beside `currency`).
    """
    code, told = currency_of(fed), fed.source_of("currency")
    if code and (told is None or set(told.values) != {code}):
        made.constants.setdefault("deals", {})["currency"] = code
        fed.matches = [match for match in fed.matches if match.column != "currency"]
        fed.unused += [told.name] if told else []
    if code or told:
        return
    found = [name for name in fed.unused if (values := fed.profiles[name].values) and currencies().issuperset(values)]
    if len(found) == 1:
        fed.matches.append(Match("currency", found[0], BY_CONTENTS))
        fed.unused = [one for one in fed.unused if one != found[0]]
    elif name := naming.unfit(fed).get("currency"):
        currency_by_name(made, fed, fed.profiles[name])


def currency_by_name(made: Proposal, fed: Fed, profile: Profile) -> None:
    """Take a column for the currency all of whose values are names of currencies, as Dynamics writes them."""
    codes = {value: currency_names().get(name_key(value)) for value in profile.values}
    if codes and all(codes.values()):
        fed.matches.append(Match("currency", profile.name, KNOWN))
        fed.unused = [one for one in fed.unused if one != profile.name]
        made.words.setdefault("deals", {})["currency"] = codes


def currency_of(fed: Fed) -> str:
    """The currency that the name of the amounts bears, in brackets or at its end, or their sign where no column tells
    it; "" where none does."""
    amount, has_column = fed.source_of("amount"), fed.source_of("currency") is not None
    if amount is None:
        return ""
    if amount.sign in ONLY and not has_column:
        return ONLY[amount.sign]
    code = re.search(r"[(\[]([A-Z]{3})[)\]]", amount.name)
    if code and code.group(1) in currencies() and not has_column:
        return code.group(1)
    *_, last = words_of(amount.name) or [""]
    return last.upper() if last.upper() in currencies() and last not in parts("no_currencies") else ""
