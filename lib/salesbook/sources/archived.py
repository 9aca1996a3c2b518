"""Columns that say whether records are put away or deleted: what becomes of them is proved, or asked."""

from salesbook import maps
from salesbook.sources import naming, steps
from salesbook.sources.known import outcome, synonyms
from salesbook.sources.proposed import Fed, Match, Proposal, quoted
from salesbook.sources.reader import name_key
from salesbook.sources.survey import Beside, Profile

OF_REASONS = 0.9  # of the reasons for losing, the share that must stand at archived deals to prove these lost
OF_ARCHIVED = 0.5  # of the archived deals, the share that must have a reason for that
DELETED = ("is_deleted", "is_gone")
PUT_AWAY = {"is_archived": "yes", "is_active": "no"}


def settle(made: Proposal, fed: Fed) -> None:
    """Settle what the columns of a table mean that say whether its records are put away or deleted.

    Rule: archived deals are lost where none is lost otherwise and the reasons for losing stand at them; else it is
    asked. Deleted records are left out.
    """
    table = maps.table_name(fed.name)
    if f"deleted_{table}" in steps.STEPS:
        settle_deleted(made, fed)
    if table == "deals":
        settle_archived(made, fed)


def settle_deleted(made: Proposal, fed: Fed) -> None:
    """Leave out the records that a column of that name says are deleted, where no map that ships reads it."""
    there = [column for column in DELETED if fed.source_of(column)]
    for column in DELETED:
        flag = flag_of(fed, column)
        if flag and flag.beside and column not in there:
            take(fed, column, flag.name)
    if (made.extends and there) or not any(fed.source_of(column) for column in DELETED):
        return
    made.do(fed.name, f"deleted_{maps.table_name(fed.name)}")


def settle_archived(made: Proposal, fed: Fed) -> None:
    """Take archived deals for lost where the export proves it; else ask what they are."""
    fed.unused += [match.named for match in fed.matches if match.column in PUT_AWAY]
    fed.matches = [match for match in fed.matches if match.column not in PUT_AWAY]
    found = {column: flag for column in PUT_AWAY if (flag := flag_of(fed, column))}
    if not found:
        return
    column, flag = next(iter(found.items()))
    if flag.beside and says_closed(fed, flag.beside[PUT_AWAY[column]], flag.beside[other_of(column)]):
        return
    made.do(fed.name, "lost_when_archived")
    if not flag.beside:
        ask_for_mending(made, fed, column, flag)
    elif not is_lost_told(fed) and proves_lost(fed, flag.beside[PUT_AWAY[column]]):
        take(fed, column, flag.name)
        won_of_stage(made, fed)
    else:
        ask_for_archived(made, fed, column, flag)


def flag_of(fed: Fed, column: str) -> Profile | None:
    """The column of a file, not read as another and not empty, that bears a name of a flag; None if none does."""
    there = naming.called(fed.profiles, {match.named for match in fed.matches})
    found = next((there[key] for one in synonyms()["deals"][column] if (key := name_key(one)) in there), None)
    return found if found and found.filled else None


def take(fed: Fed, column: str, name: str) -> None:
    """Take a column for a canonical one."""
    fed.matches.append(Match(column, name, "by contents"))
    fed.unused = [one for one in fed.unused if one != name]


def is_lost_told(fed: Fed) -> bool:
    """Whether deals say without a flag of archiving that they are lost: a column for it, or a word of status."""
    status = fed.source_of("status")
    flags = any(fed.source_of(column) for column in ("is_lost", "is_closed"))
    return flags or (status is not None and any(outcome(value, ("lost",)) for value in status.values))


def other_of(column: str) -> str:
    """What a flag says of deals that are not put away."""
    return "no" if PUT_AWAY[column] == "yes" else "yes"


def says_closed(fed: Fed, put_away: Beside, kept: Beside) -> bool:
    """Whether a flag says no more than that deals are closed, which their status does: all that are put away, and no
    others, have a closing date, or one of winning or losing."""
    status = fed.source_of("status")
    if status is None or not {"won", "lost"} <= {outcome(value, ("won", "lost")) for value in status.values}:
        return False
    dates = [date.name for column in ("closed_at", "won_at", "lost_at") if (date := fed.source_of(column))]
    whole = [name for name in dates if put_away.filled[name] == put_away.rows]
    return bool(whole) and put_away.rows > 0 and not any(kept.filled[name] for name in dates)


def proves_lost(fed: Fed, put_away: Beside) -> bool:
    """Whether nearly all reasons for losing stand at archived deals, and most of these have one."""
    reason = fed.source_of("lost_reason")
    if reason is None or not reason.filled:
        return False
    there = put_away.filled[reason.name]
    return there >= OF_REASONS * reason.filled and there >= OF_ARCHIVED * put_away.rows


def won_of_stage(made: Proposal, fed: Fed) -> None:
    """The status of deals that are not archived of their stage, where a known word there says that they are won."""
    status, stage = fed.source_of("status"), fed.source_of("stage")
    if status is None or stage is None or status.name != stage.name:
        return
    won = {value: "won" for value in stage.values if outcome(value, ("won",))}
    if won:
        made.words.setdefault(fed.name, {})["status"] = won | {"*": "open"}


def ask_for_mending(made: Proposal, fed: Fed, column: str, flag: Profile) -> None:
    """Ask for yes or no in a column that tells which deals are archived in other words, unless that is asked."""
    line = f"{column} = {quoted(flag.name)}"
    if not any(line in question.lines for question in made.questions):
        told = ", ".join(map(repr, flag.values[:4])) or f"{flag.distinct} different values"
        ask = f"{flag.name!r} may tell which deals are archived, and says {told}. Make it yes and no, or:"
        made.ask(f"columns.{fed.name}", ask, f'{column} = ""', line)


def ask_for_archived(made: Proposal, fed: Fed, column: str, flag: Profile) -> None:
    """Ask whether archived deals are lost, to be left out, or what their stage or status says."""
    count = flag.beside[PUT_AWAY[column]].rows
    ask = f"{flag.name!r} says that {count} of {flag.rows} deals are archived. Those that are not won: are they lost"
    lines = [f"{column} = {quoted(flag.name)}", f'{column} = ""']
    if column == "is_archived":
        ask += " (first line), are all archived deals to be left out (second)"
        lines.insert(1, f"is_deleted = {quoted(flag.name)}")
        made.do(fed.name, "deleted_deals")
    else:
        ask += " (first line)"
    ask += ", or is what their stage or status says true of them (last)?"
    if not count:
        ask += " If this CRM archives lost deals, they are not in this export: export the archived ones too."
    made.ask(f"columns.{fed.name}", ask, *lines)
