"""A month's report, from a run's folder to published pages."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from salesbook.build import run_of
from salesbook.errors import PageFailed, WrongUsage
from salesbook.report import mail, numbers, pdf, site, workbook
from salesbook.report.export import Link, Navigation, heading, page_html
from salesbook.report.left import Left, parts_of
from salesbook.report.parts import card
from salesbook.report.publish import locked, staged
from salesbook.report.run import DEFAULT, Failure, Limits, PageRun, run_pages
from salesbook.settings import Settings
from salesbook.words import Words, of_run

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


def make(settings: Settings, month: str, only: tuple[str, ...] = (), formats: tuple[str, ...] = FORMATS) -> list[Path]:
    """Make a month's report from the settings' source, and publish it.

    Parameters: `settings`; `month`, as 2026-10; `only`, names of pages, all if left out; `formats`, what is made beside
    the HTML (pdf, xlsx, eml).
    Returns: the paths of the month's index, its pages and the other forms.
    Raises: BadData as `build`; otherwise as `make_month`.
    """
    notebooks = chosen(notebooks_of(settings), only)
    made = make_month(run_of(settings, month), notebooks, settings.reports, language=settings.language, formats=formats)
    return [made.index, *made.pages, *made.forms]


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


def make_month(run: Path, notebooks: list[Path], reports: Path, *, language: str = "", status: str = "draft",
               with_code: bool = False, publish_failed: bool = False, limits: Limits = DEFAULT,
               formats: tuple[str, ...] = ()) -> Made:  # fmt: skip
    """Run the pages of a month and publish them.

    Rule: where a page fails nothing is published, unless `publish_failed`: then its place shows what failed and where.
    Parameters: `run`, the run's folder; `notebooks`, in the order of the pages; `reports`, where months are published;
    `language`, in place of the run's; `status`, draft or final; `with_code`, the analyst's version; `limits`;
    `formats`, what is made beside the HTML.
    Returns: Made.
    Raises: PageFailed, naming notebook, cell and error, where a page failed and nothing is published; WrongUsage,
    MissingTool as `staged`.
    """
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    words, month = of_run(facts, language), facts["month"]
    with staged(reports, month) as folder:
        ran = run_pages(run, notebooks, month=month, language=language, limits=limits)
        failures = [page.failure for page in ran if page.failure]
        if failures and not publish_failed:
            raise failed(failures, len(ran))
        forms = write(folder, run, ran, words, status, with_code, formats)
    with locked(reports / ".versions" / "site.lock", "The index", patient=True):
        site.refresh(reports, words)
    place = reports / month
    pages = [place / f"{page.name}.html" for page in ran]
    return Made(place / "index.html", pages, [place / name for name in forms], failures)


def failed(failures: list[Failure], total: int) -> PageFailed:
    """The error that names every page that failed."""
    wrong = f"{len(failures)} of {total} pages could not be made; nothing was published."
    return PageFailed(wrong, " ".join(f"{failure}." for failure in failures), "Mend the notebook and run again.")


def write(folder: Path, place: Path, ran: list[PageRun], words: Words, status: str, with_code: bool,
          formats: tuple[str, ...]) -> list[str]:  # fmt: skip
    """Write the pages of a month, its other forms, its index and its facts; `place` is the run's folder.

    Returns: the names of the other forms.
    """
    run = json.loads((place / "run.json").read_text(encoding="utf-8"))
    headings = {page.name: heading(page.notebook, words, page.name) for page in ran}
    for page in ran:
        links = tuple(Link(f"{name}.html", title, name == page.name) for name, (title, _) in headings.items())
        navigation = Navigation(links, site.ways(words, run["month"]))
        html = page_html(page.notebook, words, run, name=page.name, status=status, with_code=with_code,
                         navigation=navigation, failure=told(page.failure, words))  # fmt: skip
        (folder / f"{page.name}.html").write_text(html, encoding="utf-8")
    shutil.copyfile(place / "run.json", folder / "run.json")
    shown = [Left(p.name, headings[p.name][0], list(parts_of(p.notebook))) for p in ran if not p.failure]
    forms = write_forms(folder, shown, words, run, status, formats)
    facts = {
        "month": run["month"], "status": status, "language": words.language, "company": run.get("company", ""),
        "cards": cards(shown, words), "forms": forms,
        "pages": [{"file": f"{page.name}.html", "title": headings[page.name][0], "lead": headings[page.name][1],
                   "failed": page.failure is not None}
                  for page in ran],
    }  # fmt: skip
    (folder / site.FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "index.html").write_text(site.month_index(words, facts), encoding="utf-8")
    return [name for names in forms.values() for name in names]


def write_forms(folder: Path, shown: list[Left], words: Words, run: dict, status: str,
                formats: tuple[str, ...]) -> dict[str, list[str]]:  # fmt: skip
    """Write what stands beside the HTML: all numbers always; PDF, Excel and a mail draft where asked for.

    Returns: the names of the files by form; kpis.parquet and kpis.csv are not among them.
    """
    month, made = run["month"], {}
    numbers.write(folder, shown, month)
    if "pdf" in formats:
        made["pdf"] = [f"{page.name}.pdf" for page in shown]
        with ThreadPoolExecutor(2) as printers:
            list(printers.map(lambda p: pdf.print_page(folder / f"{p.name}.html", folder / f"{p.name}.pdf"), shown))
    if "xlsx" in formats:
        made["xlsx"] = [f"salesbook-{month}.xlsx"]
        workbook.write(folder / made["xlsx"][0], shown, words, run, status)
    if "eml" in formats:
        attached = [folder / name for form in ("pdf", "xlsx") for name in made.get(form, [])]
        made["eml"] = [f"salesbook-{month}.eml"]
        (folder / made["eml"][0]).write_bytes(mail.draft(shown, words, run, attached))
    return made


def told(failure: Failure | None, words: Words) -> list[tuple[str, str]]:
    """A failure for the page in its place: what and where, no traceback and nothing of the data."""
    if failure is None:
        return []
    why = words.say(f"failure.{failure.why}") if failure.why != "error" else words.say(
        "failure.error_raised", name=failure.error)  # fmt: skip
    lines = [("notebook", failure.notebook), ("cell", failure.cell), ("line", failure.line), ("error", why)]
    return [(words.say(f"failure.{name}"), str(value)) for name, value in lines if value]


def cards(shown: list[Left], words: Words) -> list[dict]:
    """The cards of a month, label and value: those of the first page that has any."""
    found = next((part["cards"] for page in shown for part in page.of("scorecard")), [])
    return [{"label": one["label"], "value": one["value"]} for one in (card(entry, words) for entry in found)]
