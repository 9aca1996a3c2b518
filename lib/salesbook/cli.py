"""The command line. Standard output carries paths and tables only; messages and progress go to standard error."""

import contextlib
import dataclasses
import functools
import signal
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from salesbook import __version__, disk, memory
from salesbook.errors import SalesbookError

SIGNALLED = 128  # as a shell says of a command that a signal ended
ONLY = (
    "A page to make, such as funnel; may be given more than once. The month then has these pages alone, as a draft, "
    "and its index names the others."
)
MONTH = (
    "Month as 2026-10, or quarter of the fiscal year as 2026-Q3; the settings' one, or the last month that is over, if "
    "left out."
)
FORMS = ("html", "pdf", "xlsx", "eml")
EXIT_CODES = "Exit codes: 0 done, 1 a report failed, 2 wrong usage, 3 bad data, 4 something is missing on this machine."


def says_errors(command):
    """End a command with the three parts of an error and its exit code, without a traceback."""

    @functools.wraps(command)
    def run(*args, **options):
        try:
            with stopping():
                return command(*args, **options)
        except SalesbookError as error:
            tell(error)
        except (*disk.errors(), MemoryError) as error:
            told = disk.refused(error) or memory.refused(error)
            if told is None:
                raise
            tell(told)

    return run


def tell(error: SalesbookError) -> None:
    """Say an error and end with its exit code."""
    click.echo(f"Error: {error.wrong}\n  Found: {error.found.removeprefix('Found ')}\n  To do: {error.todo}", err=True)
    sys.exit(error.exit_code)


@contextlib.contextmanager
def stopping():
    """Let Ctrl-C and SIGTERM end a command as an error does, whatever is under way, and say so."""
    stopped: list[int] = []

    def stop(number: int, _) -> None:
        stopped.append(number)
        sys.exit(SIGNALLED + number)

    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)} if is_main else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if stopped:  # what was under way may have made another error of it
            click.echo("Stopped. What was published before stands as it was.", err=True)
            sys.exit(SIGNALLED + stopped[0])


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Salesbook: a CRM export in, a month's sales report out."""


def with_settings(command):
    """The options that say which settings and which data."""
    command = click.option("--source", type=click.Path(), help="Folder of the export, or env:NAME of a connection.")(
        command
    )
    return click.option("--settings", type=click.Path(), help="Settings file; the nearest salesbook.toml if left out.")(
        command
    )


def settings_of(settings: str | None, source: str | None, **changes):
    """The settings file named or found, with what the command line changes."""
    from salesbook.book import home
    from salesbook.settings import check, load
    from salesbook.sources.connection import is_connection

    loaded = load(settings or home())
    if source:
        path = source if is_connection(source) else str(Path(source).resolve())
        loaded = dataclasses.replace(loaded, source=dataclasses.replace(loaded.source, path=path))
    loaded = dataclasses.replace(loaded, **{name: value for name, value in changes.items() if value})
    check(loaded)
    return loaded


def month_of(settings, month: str | None) -> str:
    """The month or quarter asked for, the settings' one, or the last month that is over."""
    from datetime import datetime

    from salesbook.settings import check, last_complete_month, zone_of

    asked = month or settings.month or last_complete_month(datetime.now(zone_of(settings)).date())
    check(dataclasses.replace(settings, month=asked))
    return asked


@main.command()
@with_settings
@click.option("--month", help=MONTH)
@click.option("--language", help="en, nl or da.")
@click.option("--only", multiple=True, help=ONLY)
@click.option("--format", "formats", multiple=True, type=click.Choice(FORMS), help="Beside HTML; xlsx if left out.")
@click.option("--product", help="Tell of one product.")
@click.option("--team", help="Tell of one team.")
@click.option("--territory", help="Tell of one territory.")
@click.option("--channel", help="Tell of one channel.")
@says_errors
def report(settings, source, month, language, only, formats, **slices) -> None:
    """Make the report of a month or a quarter and print where its pages are."""
    from salesbook.report import forked

    forked.begin()  # it imports what pages import while we import what a report needs
    from salesbook.report.month import make

    loaded = settings_of(settings, source, language=language)
    narrowed = {name: value for name, value in slices.items() if value}
    for path in make(loaded, month_of(loaded, month), only, formats or ("xlsx",), narrowed=narrowed):
        click.echo(path)


@main.command()
@with_settings
@click.option("--month", help=MONTH)
@click.option("--language", help="en, nl or da.")
@click.option("--format", "formats", multiple=True, type=click.Choice(FORMS), help="Beside HTML; xlsx if left out.")
@says_errors
def publish(settings, source, month, language, formats) -> None:
    """Make a month or a quarter and freeze it as Final; a later run makes the next version and says what changed."""
    from salesbook.report import forked

    forked.begin()  # it imports what pages import while we import what a report needs
    from salesbook.report.month import make

    loaded = settings_of(settings, source, language=language)
    for path in make(loaded, month_of(loaded, month), (), formats or ("xlsx",), final=True):
        click.echo(path)


@main.command()
@with_settings
@says_errors
def check(settings, source) -> None:
    """Read the export and hold it to the rules, without a report."""
    from datetime import UTC, datetime

    from rich.console import Console

    from salesbook import freshness
    from salesbook.clock import kind_of
    from salesbook.sources import site
    from salesbook.sources.files import unread
    from salesbook.sources.summary import summary

    loaded = settings_of(settings, source)
    month = month_of(loaded, None)
    with site.opened(loaded) as source, TemporaryDirectory() as folder:
        imported, engine = source.imported, source.engine(Path(folder))
        found = freshness.warnings(loaded, engine.rows, month)
        ahead = freshness.ahead(engine.rows, datetime.now(UTC).replace(tzinfo=None))
        engine.close()
    said = [freshness.sentence(warning, kind_of(month)) for warning in found + ahead]
    for part in summary(imported, month, said, unread(loaded)):
        Console().print(part)
    freshness.refuse(loaded, found, month)


@main.command()
@with_settings
@says_errors
def snapshot(settings, source) -> None:
    """Keep the open deals as they stand today, beside the settings; once a day is enough, twice does no harm."""
    from datetime import UTC, datetime

    from salesbook.snapshot import take

    taken = take(settings_of(settings, source), datetime.now(UTC))
    if taken.warning:
        click.echo(f"Warning: {taken.warning}", err=True)
    if taken.rebuilt:
        click.echo(f"Rebuilt from history: {len(taken.rebuilt)} month ends.", err=True)
    if taken.was_there:
        click.echo("The snapshot of today was taken before; it stays.", err=True)
    click.echo(taken.file)


@main.command("map")
@click.argument("export", type=click.Path(path_type=Path))
@click.option("--out", default="salesbook.toml", show_default=True, type=click.Path(path_type=Path))
@says_errors
def map_export(export, out) -> None:
    """Look at the files of an export, propose a map and write it as a new settings file."""
    from rich.console import Console

    from salesbook.sources import draft, proposal
    from salesbook.sources.survey import survey

    made = proposal.propose(survey(export, proposal.all_names()))
    draft.write(made, export, out)
    for part in draft.shown(made):
        Console().print(part)
    click.echo(out)
    to_answer = len(made.questions) + bool(made.stages)
    what = "question" if to_answer == 1 else f"{to_answer} questions"
    first = f'answer the {what} behind "?" in it, then ' if to_answer else ""
    click.echo(f"Next: {first}salesbook check --settings {out}", err=True)


@main.command()
@says_errors
def steps() -> None:
    """List the steps that a map may ask for, as a table."""
    from salesbook.sources.steps import overview

    click.echo(overview())


@main.command()
@click.option("--definitions", is_flag=True, help="The whole definition of each.")
@click.option("--table", is_flag=True, help="As the README's table: question, page, KPIs.")
@says_errors
def kpis(definitions, table) -> None:
    """List the KPIs with their meaning."""
    from salesbook import KPIS
    from salesbook.kpis import overview

    if table:
        click.echo(overview())
        return
    width = max(map(len, KPIS))
    for made in KPIS.values():
        click.echo(f"{made.name.ljust(width)}  {made.unit.ljust(6)} {made.meaning}")
        if definitions:
            click.echo("\n".join(f"    {line}" for line in made.definition.splitlines()[1:]) + "\n")


@main.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write to.")
@says_errors
def templates(out) -> None:
    """Write Excel templates for what is kept by hand: targets, costs, sellers, their hours and reports, surveys.

    Filled in, they are read beside the export.
    """
    from salesbook import templates as made

    for path in made.write(out):
        click.echo(path)


@main.command()
@click.option("--leads", default=None, type=click.IntRange(50), help="Leads that come in.")
@click.option("--months", default=24, show_default=True, type=click.IntRange(1), help="Months of history.")
@click.option("--seed", default=1, show_default=True, help="Another seed gives another company.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write to.")
@click.option("--no-effects", is_flag=True, help="Plant nothing: whatever is found is chance.")
@says_errors
def sample(leads, months, seed, out, no_effects) -> None:
    """Write a sample company: its tables, their description and what is planted in it."""
    from salesbook import sample as company

    size = {"leads": leads} if leads else {}
    company.write(out, months=months, seed=seed, effects=not no_effects, **size)
    click.echo(out)


@main.command()
@click.option("--settings", type=click.Path(), help="Settings file; the nearest salesbook.toml if left out.")
@says_errors
def doctor(settings) -> None:
    """Say what this machine can do, what is missing and how to get it."""

    from rich.console import Console
    from rich.table import Table

    from salesbook.book import home
    from salesbook.doctor import examined

    found = examined(Path(settings).parent if settings and Path(settings).is_file() else Path(settings or home()))
    table = Table("what", "state", "found", "to do")
    for one in found:
        table.add_row(one.what, one.state, one.found, "" if one.state == "ok" else one.todo)
    Console().print(table)
    if any(one.state == "broken" for one in found):
        sys.exit(4)


@main.command()
@click.argument("name")
@click.option("--settings", type=click.Path(), help="Settings file; the nearest salesbook.toml if left out.")
@says_errors
def new(name, settings) -> None:
    """Begin a page: a notebook from the template."""
    import re

    from salesbook.errors import WrongUsage
    from salesbook.report.month import notebooks_of

    folder = notebooks_of(settings_of(settings, None))
    path = folder / f"{name}.ipynb"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise WrongUsage("That is no name for a page.", f"Found {name!r}.", "Small letters and underscores: win_loss.")
    if path.exists():
        raise WrongUsage("There is such a page.", f"{path} is there.", "Take another name.")
    path.write_bytes((folder / "_template.ipynb").read_bytes())
    click.echo(path)
