"""An edition of a month: what stands in its folder, from the pages that were run."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from salesbook.report import mail, numbers, pdf, site, workbook
from salesbook.report.export import Link, Navigation, heading, page_html
from salesbook.report.launch import SEED
from salesbook.report.left import Left, parts_of
from salesbook.report.parts import card
from salesbook.report.run import Failure, PageRun
from salesbook.words import Words


@dataclass(frozen=True)
class Edition:
    """How a month is told: `language`, in place of the run's; `status`, draft or final; its `version`; `with_code`,
    the analyst's version; `formats`, what is made beside the HTML (pdf, xlsx, eml); `comment`, a manager's words, as
    Markdown; `changes`, the restatement ledger against the version before; `narrowed`, the product, team, territory or
    channel it tells of, empty for the whole company; `left_out`, the notebooks that were not asked for."""

    language: str = ""
    status: str = "draft"
    version: int = 1
    with_code: bool = False
    formats: tuple[str, ...] = ()
    comment: str = ""
    changes: tuple[dict, ...] = ()
    narrowed: dict[str, str] = field(default_factory=dict)
    left_out: tuple[Path, ...] = ()


def write(folder: Path, place: Path, ran: list[PageRun], words: Words, edition: Edition) -> list[str]:
    """Write the pages of a month, its other forms, its index and its facts; `place` is the run's folder.

    Returns: the names of the other forms.
    """
    said = json.loads((place / "run.json").read_text(encoding="utf-8"))
    run = said | {"company": " · ".join(filter(None, [said["company"], *edition.narrowed.values()]))}
    headings = {page.name: heading(page.notebook, words, page.name) for page in ran}
    for page in ran:
        links = tuple(Link(f"{name}.html", title, name == page.name) for name, (title, _) in headings.items())
        navigation = Navigation(links, site.ways(words, run["month"]))
        comment = edition.comment if page is ran[0] else ""
        html = page_html(page.notebook, words, run, name=page.name, status=edition.status, version=edition.version,
                         with_code=edition.with_code, navigation=navigation, comment=comment,
                         failure=told(page.failure, words))  # fmt: skip
        (folder / f"{page.name}.html").write_text(html, encoding="utf-8")
    shown = [Left(p.name, headings[p.name][0], list(parts_of(p.notebook))) for p in ran if not p.failure]
    text = json.dumps(said | told_with(shown), indent=2, sort_keys=True, ensure_ascii=False)
    (folder / "run.json").write_text(text + "\n", encoding="utf-8")
    forms = write_forms(folder, shown, words, run, edition)
    found = {
        page.name: one["headline"] for page in shown for part in page.of("findings") for one in part["findings"][:1]
    }
    facts = {
        "month": run["month"], "status": edition.status, "version": edition.version, "language": words.language,
        "company": run.get("company", ""), "changes": list(edition.changes),
        "cards": cards(shown, words), "forms": forms,
        "pages": [{"file": f"{page.name}.html", "title": headings[page.name][0], "lead": headings[page.name][1],
                   "found": found.get(page.name, ""), "failed": page.failure is not None}
                  for page in ran],
        "left_out": [heading(nbformat.read(path, as_version=4), words, path.stem)[0] for path in edition.left_out],
    }  # fmt: skip
    (folder / site.FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "index.html").write_text(site.month_index(words, facts), encoding="utf-8")
    return [name for names in forms.values() for name in names]


def told_with(shown: list[Left]) -> dict[str, dict]:
    """What the pages were told with: the version of every KPI's definition, the seed of all that draws by chance."""
    found = [part for page in shown for part in page.of("provenance")]
    said = {name: {key: value for part in found for key, value in part[name].items()} for name in ("kpis", "seeds")}
    said["seeds"]["kernel"] = SEED
    return said


def write_forms(folder: Path, shown: list[Left], words: Words, run: dict, edition: Edition) -> dict[str, list[str]]:
    """Write what stands beside the HTML: all numbers always; PDF, Excel and a mail draft where asked for.

    Returns: the names of the files by form; kpis.parquet and kpis.csv are not among them.
    """
    month, made, formats = run["month"], {}, edition.formats
    numbers.write(folder, shown, month)
    if "pdf" in formats:
        made["pdf"] = [f"{page.name}.pdf" for page in shown]
        with ThreadPoolExecutor(2) as printers:
            list(printers.map(lambda p: pdf.print_page(folder / f"{p.name}.html", folder / f"{p.name}.pdf"), shown))
    if "xlsx" in formats:
        made["xlsx"] = [f"salesbook-{month}.xlsx"]
        workbook.write(folder / made["xlsx"][0], shown, words, run, edition.status)
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
