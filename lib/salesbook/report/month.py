"""A month's report, from a run's folder to published pages."""

import getpass
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from salesbook import memory
from salesbook.book import Book, refuse_few
from salesbook.build import run_of
from salesbook.disk import locked
from salesbook.errors import PageFailed, WrongUsage
from salesbook.report import site
from salesbook.report.edition import Edition, write
from salesbook.report.kept import keep, versions
from salesbook.report.ledger import changes, is_same, refuse_other_days
from salesbook.report.publish import MANIFEST, sha256, staged
from salesbook.report.run import DEFAULT, Failure, Limits, run_pages
from salesbook.settings import Settings
from salesbook.words import of_run

# The order of the pages we bring; a user's own come after them.
ORDER = ("scorecard", "funnel", "follow_up", "pipeline", "forecast_accuracy", "unit_economics", "team", "data_quality")


FORMATS = ("xlsx",)


@dataclass(frozen=True)
class Made:
    """What was published: the index of the month, its pages, its other forms, and what failed."""

    index: Path
    pages: list[Path]
    forms: list[Path] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def make(settings: Settings, month: str, only: tuple[str, ...] = (), formats: tuple[str, ...] = FORMATS,
         final: bool = False, narrowed: dict[str, str] | None = None) -> list[Path]:  # fmt: skip
    """Make a month's report from the settings' source, and publish it.

    Rule: `final` freezes the month as its next version. A month that was frozen stays so while facts and definitions
    are the same; otherwise what is made is the draft of the next version, with a ledger of what changed and why.
    Parameters: `settings`; `month`, as 2026-10; `only`, names of pages, all if left out; `formats`, what is made beside
    the HTML (pdf, xlsx, eml); `final`; `narrowed`, the product, team, territory or channel it tells of: such a report
    has a folder of its own beside the months.
    Returns: the paths of the month's index, its pages and the other forms.
    Raises: BadData as `build`; WrongUsage as `refuse_few` and `refuse_other_days`; otherwise as `make_month`.
    """
    notebooks = chosen(notebooks_of(settings), only)
    reports = settings.reports / folder_of(narrowed or {})
    run, past = run_of(settings, month), versions(reports, month)
    refuse_few(Book(run, narrowed))
    if past:
        refuse_other_days(past[-1] / "run", run)
    is_frozen = bool(past) and is_same(past[-1] / "run", run)
    note = settings.home / "notes" / f"{month}.md"
    edition = Edition(
        language=settings.language,
        # A month of some pages is never final, whatever was frozen of it.
        status="final" if (final or is_frozen) and not only else "draft",
        version=len(past) + (not is_frozen),
        formats=formats,
        comment=note.read_text(encoding="utf-8") if note.is_file() else "",
        changes=tuple(changes(past[-1] / "run", run).to_dict("records")) if past and not is_frozen else (),
        narrowed=narrowed or {},
        left_out=tuple(path for path in chosen(notebooks_of(settings), ()) if path not in notebooks),
    )
    limits = Limits(memory=memory.size_of(settings.memory))
    made = make_month(run, notebooks, reports, edition, limits=limits)
    if final and not is_frozen:
        keep(reports, month, run)
    record(reports, month, edition, run)
    return [made.index, *made.pages, *made.forms]


def folder_of(narrowed: dict[str, str]) -> str:
    """The folder of a narrowed report: what it tells of in small letters, and a mark where letters were lost.

    >>> folder_of({"team": "Randstad"}), folder_of({}), folder_of({"product": "Æ/Ø"})
    ('team-randstad', '', 'product-be01bdcd')
    """
    parts = []
    for name, value in sorted(narrowed.items()):
        plain = "-".join(re.findall(r"[a-z0-9]+", value.lower()))
        is_lossy = plain != value.lower().replace(" ", "-")
        mark = hashlib.sha256(value.encode()).hexdigest()[:8] if is_lossy else ""
        parts.append("-".join(filter(None, [name, plain, mark])))
    return "_".join(parts)


def notebooks_of(settings: Settings) -> Path:
    """The folder of the pages: the one beside the settings, else the one that comes with salesbook."""
    own = settings.home / "notebooks"
    return own if own.is_dir() else Path(__file__).resolve().parents[3] / "notebooks"


def chosen(folder: Path, only: tuple[str, ...]) -> list[Path]:
    """The notebooks of the pages asked for, in the order of the report.

    Raises: WrongUsage where there is no such page, or none at all.
    """
    found = {path.stem: path for path in sorted(folder.glob("[!_]*.ipynb"))}
    names = [name for name in ORDER if name in found] + [name for name in found if name not in ORDER]
    unknown = sorted(set(only) - set(names))
    if unknown or not names:
        there = f"There are: {', '.join(names)}." if names else f"{folder} has no notebook."
        raise WrongUsage("There is no such page.", f"Asked for: {', '.join(unknown) or 'all'}. {there}", "Name one.")
    return [found[name] for name in names if not only or name in only]


def make_month(run: Path, notebooks: list[Path], reports: Path, edition: Edition | None = None, *,
               publish_failed: bool = False, limits: Limits = DEFAULT) -> Made:  # fmt: skip
    """Run the pages of a month and publish them.

    Rule: where a page fails nothing is published, unless `publish_failed`: then its place shows what failed and where.
    Parameters: `run`, the run's folder; `notebooks`, in the order of the pages; `reports`, where months are published;
    `edition`, a first draft if left out; `limits`.
    Returns: Made.
    Raises: PageFailed, naming notebook, cell and error, where a page failed and nothing is published; WrongUsage,
    MissingTool as `staged`.
    """
    edition = edition or Edition()
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    words, month = of_run(facts, edition.language), facts["month"]
    with staged(reports, month) as folder:
        ran = run_pages(
            run, notebooks, month=month, language=edition.language, limits=limits, narrowed=edition.narrowed
        )
        failures = [page.failure for page in ran if page.failure]
        if failures and not publish_failed:
            raise failed(failures, len(ran))
        forms = write(folder, run, ran, words, edition)
    with locked(reports / ".versions" / "site.lock", "The index", patient=True):
        site.refresh(reports, words)
    place = reports / month
    pages = [place / f"{page.name}.html" for page in ran]
    return Made(place / "index.html", pages, [place / name for name in forms], failures)


def failed(failures: list[Failure], total: int) -> PageFailed:
    """The error that names every page that failed."""
    wrong = f"{len(failures)} of {total} pages could not be made; nothing was published."
    return PageFailed(wrong, " ".join(f"{failure}." for failure in failures), "Mend the notebook and run again.")


def record(reports: Path, month: str, edition: Edition, run: Path) -> None:
    """Add a line to the audit trail: who made what when, and of which run."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": getpass.getuser(),
        "month": month,
        "version": edition.version,
        "status": edition.status,
        "language": edition.language,
        "run": run.name,
        "manifest": sha256(reports / month / MANIFEST),
    }
    with (reports / "audit.jsonl").open("a", encoding="utf-8") as trail:
        trail.write(json.dumps(line, ensure_ascii=False) + "\n")
