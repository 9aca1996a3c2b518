"""What the documents tell people to type exists."""

import re

import pytest

from salesbook.cli import EXIT_CODES, main


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
