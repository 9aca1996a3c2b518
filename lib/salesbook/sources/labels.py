"""Stages that deals name by id: their names, where another file has both."""

from salesbook.sources import naming
from salesbook.sources.known import outcome, records
from salesbook.sources.linking import BY_VALUES, shared
from salesbook.sources.proposed import Fed, Match, Proposal, quoted
from salesbook.sources.survey import Profile, Surveyed


def settle(made: Proposal, export: list[Surveyed]) -> None:
    """Take the names of stages of the file of stages, where it has all ids by which deals name them.

    Rule: the file is called by a word for stages; one column, all different, has every stage of the deals, and is not
    that of the names. Which stages are won and lost is what deals say, else the names, where these say both.
    """
    deals = next((fed for fed in made.fed if fed.name == "deals" and not fed.is_asked), None)
    stage = deals.source_of("stage") if deals else None
    if made.extends or stage is None:
        return
    others = {name for fed in made.fed if fed.name != "stages" for name in fed.files}
    for file in export:
        ids, names = (None, None) if file.name in others else of_stages(file, stage)
        if ids and names:
            read_stages(made, deals, file, ids, names)
            return
    leave_out_others(made, stage)


def leave_out_others(made: Proposal, stage: Profile) -> None:
    """Leave out a file of stages that has none of those that deals are in, and say so: every deal would be rejected."""
    some = [fed for fed in made.fed if fed.name == "stages" and stage.filled]
    others = [fed for fed in some if not shared(stage, fed.source_of("stage"))]
    made.fed = [fed for fed in made.fed if fed not in others]
    made.not_read += [(fed.files[0], f"it has none of the stages of deals in {stage.name!r}") for fed in others]


def of_stages(file: Surveyed, stage: Profile) -> tuple[str, str]:
    """The columns of ids and of names of a file of stages; "" for either where it is none."""
    words = naming.words_of(file.name.rpartition("/")[2])
    if not any(word.startswith(one) or word.endswith(one) for word in words for one in records("stage_id")):
        return "", ""
    ids = [name for name, one in file.columns.items() if one.is_unique and shared(stage, one) == 1]
    rest = {name: one for name, one in file.columns.items() if name not in ids and one.is_wordy}
    names = [match.named for match in naming.named("stages", rest)[0] if match.column == "stage"]
    return (ids[0], names[0]) if len(ids) == 1 and names else ("", "")


def read_stages(made: Proposal, deals: Fed, file: Surveyed, ids: str, names: str) -> None:
    """Read a file of stages, and the stages of deals by its names; deals without a pipeline are in the only one."""
    rest = {name: one for name, one in file.columns.items() if name not in (ids, names)}
    matches, unused = naming.named("stages", rest)
    fed = Fed("stages", [file.name], [Match("stage", names, BY_VALUES), *matches], unused, file.columns)
    fed.matches.append(Match("stage_id", ids, BY_VALUES))
    pipeline, given = fed.source_of("pipeline"), made.constants.get("deals", {})
    made.fed = [one for one in made.fed if one.name != "stages"]
    if pipeline and "pipeline" in given and len(pipeline.values) != 1:
        told = f"its stages are of {pipeline.distinct} pipelines, and no column of deals says which is theirs"
        made.not_read.append((file.name, told))
        return
    if "pipeline" in given:
        given["pipeline"] = pipeline.values[0] if pipeline else given["pipeline"]
    if pipeline is None and "pipeline" in given:
        made.constants["stages"] = {"pipeline": given["pipeline"]}
    made.fed.append(fed)
    made.do("stages", "labels_of_stages")
    if (chance := fed.source_of("probability")) and chance.is_percent:
        made.do("stages", "probability_from_percent")
    settle_outcomes(made, deals, fed)


def settle_outcomes(made: Proposal, deals: Fed, stages: Fed) -> None:
    """Which stages are won and lost: what columns say, else their names, where these say both; none, where deals say of
    themselves what became of them; else it is asked."""
    status = deals.source_of("status")
    is_of_stage = status is not None and status.name == deals.source_of("stage").name
    if not (stages.source_of("is_won") and stages.source_of("is_lost")):
        ends = {value: outcome(value, ("won", "lost")) for value in stages.source_of("stage").values}
        if is_of_stage or {"won", "lost"} <= set(ends.values()):
            say_outcomes(made, stages, ends)
        else:
            made.constants.setdefault("stages", {}).update({"is_won": "false", "is_lost": "false"})
            made.do("stages", "won_and_lost_stages")
    if is_of_stage:
        deals.matches = [match for match in deals.matches if match.column != "status"]


def say_outcomes(made: Proposal, stages: Fed, ends: dict[str, str]) -> None:
    """Take for won and lost the stages whose names say so; ask where they do not say both."""
    stages.matches = [match for match in stages.matches if match.column not in ("is_won", "is_lost")]
    for column, end in (("is_won", "won"), ("is_lost", "lost")):
        stages.matches.append(Match(column, stages.source_of("stage").name, "names of stages"))
        words = {value: "yes" if one == end else "no" for value, one in ends.items()}
        if {"won", "lost"} <= set(ends.values()):
            made.words.setdefault("stages", {})[column] = words
        else:
            lines = "\n".join(f"{quoted(value)} = {quoted(word)}" for value, word in words.items())
            made.ask(f"words.stages.{column}", f"In which stages are deals {end}? Say yes of these:", lines)
