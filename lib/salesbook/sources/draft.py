"""A proposed map as a settings file, and as tables for a terminal."""

import os
import re
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from salesbook import maps
from salesbook.errors import WrongUsage
from salesbook.sources.naming import KNOWN
from salesbook.sources.proposed import Proposal, column_of, quoted, value_of
from salesbook.tables import TABLES

HEAD = """# Settings proposed by `salesbook map`. Lines with "?" are questions that the export does not answer: choose
# one of the lines below each, take the "# " away before it, and run `salesbook check`.
"""


def write(made: Proposal, folder: Path, target: Path) -> None:
    """Write a proposal as a new settings file.

    Raises: WrongUsage where the file is there already.
    """
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text(made, os.path.relpath(folder, target.parent)))
    except FileExistsError as error:
        todo = "Name another with --out, or move it away."
        raise WrongUsage("The settings file is there already.", f"Found {target}.", todo) from error
    except FileNotFoundError as error:
        raise WrongUsage("The settings file cannot be written.", f"There is no {target.parent}.", "Make it.") from error


def text(made: Proposal, path: str) -> str:
    """A proposal as the text of a settings file."""
    parts = [HEAD, '[company]\nname = ""\n', "\n".join(source_lines(made, path))]
    if lines := [f"{name} = {quoted(value)}   # {why}" for name, (value, why) in made.report.items()]:
        parts.append("[report]\n" + "\n".join(lines))
    for section, lines in sections_of(made).items():
        parts.append(f"[{section}]\n" + "\n".join(lines))
    if made.stages:
        parts.append("\n".join(stage_lines(made)))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def source_lines(made: Proposal, path: str) -> list[str]:
    """The section [source]."""
    lines = ["[source]", f"path = {quoted(Path(path).as_posix())}"]
    if made.extends:
        lines.append(f"extends = {quoted(made.extends)}")
    lines += [f"{name} = {quoted(value)}   # {why}" for name, (value, why) in made.forms.items()]
    if made.closing:
        ways = ", ".join(map(quoted, made.closing))
        lines.append(f"closing_lines = [{ways}]   # the end of a report, left out, counted")
    return lines + asked(made, "source")


def sections_of(made: Proposal) -> dict[str, list[str]]:
    """The other sections, each with its lines and the questions about it."""
    found: dict[str, list[str]] = {}
    for fed in made.fed:
        if not (fed.is_offered or fed.is_asked):
            names = fed.files[0] if len(fed.files) == 1 else None
            value = quoted(names) if names else "[" + ", ".join(map(quoted, fed.files)) + "]"
            found.setdefault("files", []).append(f"{fed.name} = {value}")
    for fed in made.fed:
        own = made.extends or fed.is_offered
        matches = [match for match in fed.matches if not own or match.how != KNOWN]
        if matches:
            found[f"columns.{fed.name}"] = [f"{m.column} = {fed.written(m.named)}   # {m.how}" for m in matches]
    for name, constants in made.constants.items():
        found[f"constants.{name}"] = [f"{column} = {value_of(value)}" for column, value in constants.items()]
    for name, columns in made.words.items():
        for column, words in columns.items():
            found[f"words.{name}.{column}"] = [f"{quoted(old)} = {quoted(new)}" for old, new in words.items()]
    if made.headers:
        found["headers"] = [f"{name} = {quoted(first)}   # below titles" for name, first in made.headers.items()]
    if made.entered:
        found["entered.deals"] = [f"{quoted(stage)} = {quoted(name)}" for stage, name in made.entered.items()]
    if made.steps:
        found["steps"] = [f"{name} = [{', '.join(map(quoted, some))}]" for name, some in made.steps.items()]
    for section in dict.fromkeys(question.section for question in made.questions if question.section != "source"):
        found.setdefault(section, []).extend(asked(made, section))
    return {section: found[section] for section in sorted(found, key=place_of)}


def stage_lines(made: Proposal) -> list[str]:
    """The stages as rows of the settings, to be put in order."""
    lines = [
        "# ? In which order do deals go through the stages? Without one, pages about stages have none. Mend and use:"
    ]
    pipelines = next(fed.source_of("pipeline") for fed in made.fed if maps.table_name(fed.name) == "deals")
    pipeline = pipelines.values[0] if pipelines else made.constants["deals"]["pipeline"]
    ends = ["", "won", "lost"]
    for place, (stage, status) in enumerate(sorted(made.stages.items(), key=lambda pair: ends.index(pair[1])), 1):
        is_won, is_lost = (str(status == word).lower() for word in ("won", "lost"))
        lines += ["# [[rows.stages]]", f"# pipeline = {quoted(pipeline)}", f"# stage = {quoted(stage)}",
                  f"# position = {place}", f"# is_won = {is_won}", f"# is_lost = {is_lost}"]  # fmt: skip
    return lines


def place_of(section: str) -> tuple[int, int, str]:
    """Where a section stands: by its kind, then by the order of the tables."""
    kind, _, rest = section.partition(".")
    kinds = ("source", "report", "files", "headers", "columns", "constants", "words", "entered", "steps", "newest")
    tables = list(TABLES)
    table = re.split(r"[.-]", rest)[0]
    return kinds.index(kind), tables.index(table) if table in tables else len(tables), section


def asked(made: Proposal, section: str) -> list[str]:
    """The questions about a section, with the lines to choose from behind "# "."""
    lines = []
    for question in made.questions:
        if question.section == section:
            lines.append(f"# ? {question.ask}")
            lines += [f"# {line}" for several in question.lines for line in several.splitlines()]
    return lines


def shown(made: Proposal) -> list[Table]:
    """A proposal as tables for a terminal: each table's file and columns, and what could not be decided."""
    title = f"Recognised: {made.extends}" if made.extends else "Proposed by names and contents"
    columns = Table(title=title, title_justify="left")
    for head in ("table", "file", "column", "taken from", "how sure"):
        columns.add_column(head)
    for fed in made.fed:
        for at, match in enumerate(fed.matches):
            first = (fed.name, ", ".join(fed.files)) if at == 0 else ("", "")
            profile = fed.profiles[match.named]
            wrong = "" if profile.fits(column_of(fed, match.column).type) else ", but not all values fit"
            columns.add_row(*map(escape, (*first, match.column, match.named, match.how + wrong)))
        if fed.unused:
            columns.add_row("", "", "", escape(", ".join(fed.unused[:12])), "not read")
    report = [(f"report.{name}", told) for name, told in made.report.items()]
    forms = Table(title="Forms", title_justify="left")
    for head in ("setting", "value", "because"):
        forms.add_column(head)
    outline = [(f"headers.{name}", (first, "titles stand above it")) for name, first in made.headers.items()]
    outline += [("closing_lines", (", ".join(made.closing), "the end of a report"))] * bool(made.closing)
    for name, (value, why) in (*made.forms.items(), *report, *outline):
        forms.add_row(name, escape(quoted(value)), escape(why))
    open_questions = Table(title="To be answered in the file", title_justify="left")
    open_questions.add_column("section")
    open_questions.add_column("question")
    for question in sorted(made.questions, key=lambda question: place_of(question.section)):
        open_questions.add_row(escape(f"[{question.section}]"), escape(question.ask))
    if made.stages:
        open_questions.add_row(escape("[[rows.stages]]"), "In which order do deals go through the stages?")
    for name, why in made.not_read:
        open_questions.add_row(escape(name), escape(f"not read: {why}"))
    return [table for table in (columns, forms, open_questions) if table.row_count]
