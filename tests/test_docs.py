"""What the documents tell people to type exists."""

import ast
import re

import pytest
from click.testing import CliRunner

from salesbook import settings
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


def settings_in(text: str) -> list[str]:
    """The settings that a document shows, in blocks of code or indented, from the first section on."""
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    blocks += [re.sub(r"(?m)^    ", "", one) for one in re.findall(r"(?m)(?:^    .*\n|^\n)+", text)]
    heads = "|".join(settings.SECTIONS)
    return [one[found.start() :] for one in blocks if (found := re.search(rf"(?m)^\[+(?:{heads})\b", one))]


def test_the_settings_of_the_documents_are_accepted(project, tmp_path):
    shown = [one for page in (project / "docs").glob("*.md") for one in settings_in(page.read_text(encoding="utf-8"))]
    assert any("build_in" in one for one in shown)
    for one in shown:
        (tmp_path / "salesbook.toml").write_text(one, encoding="utf-8")
        settings.load(tmp_path)


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
