"""A notebook that was run, as one HTML file: our own exporter over nbconvert, with our own template.

The page is made from the data that page.py left in the cells' outputs; nothing else of an output is trusted.
"""

import base64
import re
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import mistune
from jinja2 import Environment
from markupsafe import Markup
from nbconvert.exporters import TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode
from traitlets import default

from salesbook.cells import MIME
from salesbook.palette import COLOURS, DARK, FONT_FILES
from salesbook.report.parts import PARTS
from salesbook.sources.staged import LEFT_OUT
from salesbook.words import Words

TEMPLATE = Path(__file__).parent / "template"


@dataclass(frozen=True)
class Link:
    """A link to another page."""

    href: str
    title: str
    is_here: bool = False


@dataclass(frozen=True)
class Navigation:
    """Where a reader can go from a page: the pages of its month, and the months."""

    pages: tuple[Link, ...] = ()
    months: tuple[Link, ...] = ()


@dataclass
class Section:
    """A part of a page under one heading."""

    id: str
    title: str
    parts: list[dict] = field(default_factory=list)


class Exporter(TemplateExporter):
    """nbconvert with our template, and with escaping on."""

    file_extension = ".html"
    output_mimetype = "text/html"

    @default("template_name")
    def our_template(self) -> str:
        """The template's folder."""
        return "salesbook"

    @default("template_extension")
    def our_extension(self) -> str:
        """How the template's file ends."""
        return ".html.j2"

    @default("extra_template_basedirs")
    def our_templates(self) -> list[str]:
        """Where the template's folder is."""
        return [str(TEMPLATE)]

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.autoescape = True
        environment.filters["css_text"] = css_text
        return environment


@cache
def exporter() -> Exporter:
    """One exporter for all pages of a run."""
    return Exporter()


def page_html(notebook: NotebookNode, words: Words, run: dict, *, name: str, status: str = "draft", version: int = 1,
              with_code: bool = False, navigation: Navigation | None = None, comment: str = "",
              failure: list[tuple[str, str]] | None = None) -> str:  # fmt: skip
    """A page of the report.

    Parameters: `notebook`, run to its end unless there is a `failure`; `run`, what run.json says; `name`, the page's;
    `status`, draft or final; `version` of the month; `with_code`, the analyst's version; `navigation`; `comment`, a
    manager's words, as Markdown; `failure`, what failed and where, shown in place of the page's content.
    Returns: HTML, the same to the byte for the same input.
    """
    title, subtitle, sections = content(notebook, words, name, with_code)
    if failure:
        sections = [section for section in sections if section.id == "made"]
    if comment.strip():
        sections.insert(0, Section("comment", words.say("page.comment"), [{"kind": "prose", "html": prose(comment)}]))
    page = {
        "title": title, "subtitle": subtitle, "sections": sections, "failure": failure, "nav": navigation,
        "month": words.heading(run["month"]), "status": edition_name(words, status, version),
        "company": run.get("company", ""),
        "head_title": f"{title} · {words.heading(run['month'])}", "warning": warning(run, words),
    }  # fmt: skip
    resources = {"page": page}
    html, _ = exporter().from_notebook_node(notebook, resources | frame(words, page["head_title"]))
    return html


def edition_name(words: Words, status: str, version: int) -> str:
    """Draft or Final, and from the second version on which one it is."""
    name = words.say(f"page.{status}")
    return name if version == 1 else words.say("page.version", status=name, n=version)


def frame(words: Words, foot: str) -> dict:
    """What every page's frame needs: its words, language, style and the line at the foot of printed pages."""
    return {"words": words, "lang": words.tag, "css": style_sheet(), "foot": foot}


@cache
def style_sheet() -> Markup:
    """The style of all pages, with both fonts and both sets of colours in it."""
    css = (TEMPLATE / "salesbook" / "page.css").read_text(encoding="utf-8")
    for mark, weight in (("%regular%", 400), ("%semibold%", 600)):
        css = css.replace(mark, base64.b64encode(FONT_FILES[weight].with_suffix(".woff2").read_bytes()).decode())
    for mark, colours in (("%light%", COLOURS), ("%dark%", DARK)):
        css = css.replace(mark, " ".join(f"--{role}: {colour};" for role, colour in colours.items()))
    return Markup(css)


def css_text(text: str) -> Markup:
    """A text inside a CSS string: all but letters, digits and spaces as code points."""
    return Markup("".join(c if c.isascii() and (c.isalnum() or c == " ") else f"\\{ord(c):x} " for c in text))


def warning(run: dict, words: Words) -> str:
    """What a reader must know first: rows of the input that could not be read, and data that is stale or half.

    Rows that were only left out, such as older versions of a record, could be read.
    """
    rejected = sum(entry.get("rows_rejected") or 0 for entry in run.get("inputs", []))
    by_rule = [item for rules in run.get("rejected", {}).values() for item in rules.items()]
    rejected -= sum(count for rule, count in by_rule if rule in LEFT_OUT)
    said = [words.say("page.rejected", n=rejected)] if rejected > 0 else []
    for told in run.get("warnings", []):
        values = {name: date.fromisoformat(value) if name == "day" else value for name, value in told["values"].items()}
        said.append(words.say(f"warning.{told['code']}", **values))
    return " ".join(said)


# A notebook's cells as sections


def content(notebook: NotebookNode, words: Words, name: str, with_code: bool) -> tuple[str, Markup, list[Section]]:
    """Title, subtitle and sections of a page.

    Rule: the first heading is the title, what follows it in its cell the subtitle; each heading of the second level
    begins a section; findings and scorecard come first wherever the notebook made them; provenance comes last.
    """
    title, lead = heading(notebook, words, name)
    short, cards = Section("short", words.say("page.in_short")), Section("scorecard", words.say("page.scorecard"))
    made, glossary = Section("made", words.say("made.title")), Section("glossary", words.say("page.glossary"))
    homes = {"findings": short, "scorecard": cards, "provenance": made, "glossary": glossary}
    body = [Section("start", "")]
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            text = words.prose(name, cell.get("id", ""), cell.source)
            is_heading = text.startswith(f"# {title}\n") or text.strip() == f"# {title}"
            add_prose("" if is_heading else text, body)
        elif cell.cell_type == "code":
            if with_code and "injected-parameters" not in cell.metadata.get("tags", []):
                body[-1].parts.append({"kind": "code", "html": highlighted(cell.source)})
            for output in cell.outputs:
                for kind, part in read_output(output, words, with_code, number):
                    homes.get(kind, body[-1]).parts.append(part)
    body = [section for section in body if section.title or section.parts]
    sections = [section for section in (short, cards, *body, glossary, made) if section.parts]
    name_regions(sections, words)
    return title, prose(lead), sections


def name_regions(sections: list[Section], words: Words) -> None:
    """Give every region that scrolls a name that no other has: those who cannot see tell them apart by it."""
    seen: dict[str, int] = {}
    for part in (part for section in sections for part in section.parts):
        told = {"code": words.say("page.code"), "text": words.say("page.output")}
        name = part.get("title") or part.get("headline") or told.get(part["kind"], "")
        seen[name] = seen.get(name, 0) + 1
        part["label"] = f"{name} ({seen[name]})" if seen[name] > 1 else name
        if "listing" in part:
            part["listing"]["label"] = f"{part['label']}: {part['listing']['ask']}"


def heading(notebook: NotebookNode, words: Words, name: str) -> tuple[str, str]:
    """The title of a page, which is its first heading, and the text that follows it in its cell."""
    for cell in notebook.cells:
        text = words.prose(name, cell.get("id", ""), cell.source) if cell.cell_type == "markdown" else ""
        if text.startswith("# "):
            title, _, rest = text.partition("\n")
            return title.removeprefix("# ").strip(), rest.strip()
    return name, ""


def add_prose(text: str, body: list[Section]) -> None:
    """Bring the text of a cell into the sections it begins or belongs to."""
    for piece in re.split(r"(?m)^(?=##? )", text):
        if match := re.match(r"##? (.*)\n?", piece):
            body.append(Section(f"s{len(body)}", match[1].strip()))
            piece = piece[match.end() :]
        if piece.strip():
            body[-1].parts.append({"kind": "prose", "html": prose(piece)})


def prose(text: str) -> Markup:
    """Markdown as HTML: HTML in it is shown as text, links lead only where a browser may go, no picture is fetched."""
    return Markup(markdown()(text).strip())


@cache
def markdown() -> mistune.Markdown:
    """The reader of Markdown."""
    return mistune.create_markdown(renderer=Prose(escape=True), plugins=["table", "strikethrough"])


class Prose(mistune.HTMLRenderer):
    """HTML of Markdown without pictures."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """The text of a picture in its place."""
        return mistune.escape(text)


def read_output(output: NotebookNode, words: Words, with_code: bool, number: int):
    """The parts of a page in one output of a cell: ours, a picture; for the analyst also text."""
    data = output.get("data", {})
    kind = next((kind for kind in PARTS if MIME.format(kind) in data), "")
    if kind:
        yield kind, {"kind": kind, **PARTS[kind](data[MIME.format(kind)], words)}
    elif MIME.format("done") in data:
        return
    elif "image/png" in data:
        alt = f"{words.say('page.figure')} {number}"
        yield "picture", {"kind": "picture", "png": "".join(data["image/png"].split()), "alt": alt}
    elif with_code:
        text = output.get("text", data.get("text/plain", ""))
        if text.strip():
            yield "text", {"kind": "text", "text": text}


def highlighted(source: str) -> Markup:
    """Code in colours."""
    return Markup(Highlight2HTML()(source))
