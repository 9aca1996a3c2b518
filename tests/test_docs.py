"""What the documents tell people to type exists."""

import ast
import re

import pytest
from click.testing import CliRunner

from salesbook.cli import EXIT_CODES, main
from salesbook.kpi import answer, ratio
from salesbook.query import Question
from salesbook.sources import steps


@pytest.mark.parametrize("page", ["docs/schedule.md", "docs/sources.md"])
def test_every_command_and_option_of_the_documents_exists(project, page):
    text = (project / page).read_text(encoding="utf-8").replace("\n--", " --")
    told = re.findall(r"salesbook ([a-z]+)((?: --[a-z]+ (?:[^\s`|]+))*)", text)
    commands = [(name, options) for name, options in told if name in main.commands or options]
    assert len(commands) > 2
    for name, options in commands:
        there = {option for parameter in main.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z]+", options)) <= there, name


def test_the_exit_codes_of_the_documents_are_those_of_the_command(project):
    text = (project / "docs" / "schedule.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d) \|", text, re.MULTILINE) == re.findall(r"\d", EXIT_CODES)


def test_the_steps_of_the_documents_are_those_a_map_may_ask_for_as_the_command_lists_them(project):
    listed = CliRunner().invoke(main, ["steps"]).stdout
    assert listed.count("\n| `") == len(steps.UNITS) + len(steps.STEPS)
    assert listed in (project / "docs" / "maps.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_measure_that_a_document_shows_can_be_asked(project, sample_book, page):
    (shown,) = re.findall(r"return (ratio\(.*\))", (project / page).read_text(encoding="utf-8"))
    call = ast.parse(shown, mode="eval").body
    told = {part.arg: ast.literal_eval(part.value) for part in call.keywords}
    rows = answer(sample_book, ratio(*map(ast.literal_eval, call.args), **told), Question())
    assert rows["denominator"].iloc[0] > 0
