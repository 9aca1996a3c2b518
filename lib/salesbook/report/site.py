"""The site around the pages: the index of a month, the index of all months, and the way from one to the next."""

import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from salesbook.clock import kind_of
from salesbook.disk import replaced
from salesbook.report.export import TEMPLATE, Link, css_text, edition_name, frame
from salesbook.settings import PERIOD
from salesbook.words import Words

FACTS = "month.json"
WAYS = "months"
NEWEST = {"month": "latest", "quarter": "latest-quarter"}  # fixed names for the newest month and quarter
THREE = 3


@cache
def environment() -> Environment:
    """The templates, with escaping on."""
    made = Environment(loader=FileSystemLoader(TEMPLATE / "salesbook"), autoescape=True)
    made.filters["css_text"] = css_text
    return made


def rendered(template: str, words: Words, head_title: str, **values) -> str:
    """A page of the site."""
    values |= frame(words, head_title) | {"head_title": head_title}
    return environment().get_template(template).render(values)


def ways(words: Words, month: str, is_overview: bool = False) -> tuple[Link, ...]:
    """The links from a page of a month (or quarter) to the others of its kind: earlier, later, all.

    Rule: earlier and later go through a file of the site, which knows what was published last; so a page stays the
    same to the byte when another month is added.
    """
    here = [] if is_overview else [Link("index.html", words.say("page.overview"))]
    steps = [Link(f"../{WAYS}/{month}-{step}.html", words.say(f"page.{step}")) for step in ("earlier", "later")]
    return (*here, steps[0], steps[1], Link("../index.html", words.say("page.all_months")))


def month_index(words: Words, facts: dict) -> str:
    """The index of a month: its pages and three figures.

    Parameters: `facts`, as month.json has them.
    """
    name = words.heading(facts["month"])
    title = words.say("site.overview", month=facts["month"])
    return rendered(
        "month.html.j2", words, title, title=title, month=name, month_id=facts["month"],
        status=edition_name(words, facts["status"], facts["version"]), company=facts["company"],
        months=ways(words, facts["month"], is_overview=True), cards=facts["cards"][:THREE], pages=facts["pages"],
        left_out=facts["left_out"], forms=facts["forms"], changes=facts["changes"], before=facts["version"] - 1,
    )  # fmt: skip


def months_index(words: Words, entries: list[dict]) -> str:
    """The index of all months, and after them of all quarters, newest first."""
    title = words.say("site.title")
    told = {"month": [], "quarter": []}
    for entry in entries:
        status = edition_name(words, entry["status"], entry["version"])
        shown = {"name": words.heading(entry["month"]), "status": status, "cards": entry["cards"][:THREE]}
        told[kind_of(entry["month"])].append(entry | shown)
    company = entries[0]["company"] if entries else ""
    return rendered("months.html.j2", words, title, title=title, months=told["month"], quarters=told["quarter"],
                    company=company)  # fmt: skip


def published(reports: Path) -> list[dict]:
    """What is published: the facts of each month and quarter, newest first."""
    folders = [path for path in reports.iterdir() if PERIOD.fullmatch(path.name) and (path / FACTS).is_file()]
    return [json.loads((path / FACTS).read_text(encoding="utf-8")) for path in sorted(folders, reverse=True)]


def refresh(reports: Path, words: Words) -> Path:
    """Bring the site's own files up to what is published: the index, and the ways from month to month.

    Returns: the path of the index.
    """
    entries = published(reports)
    for kind, newest in NEWEST.items():
        names = [entry["month"] for entry in entries if kind_of(entry["month"]) == kind]
        lead(reports, replace(words, kind=kind), names)
        if names:
            point(reports / newest, names[0])
    replaced(reports / "index.html", months_index(replace(words, kind="month"), entries))
    return reports / "index.html"


def lead(reports: Path, words: Words, names: list[str]) -> None:
    """Write the ways from each month to the one before and after, or from each quarter: names of one kind."""
    for spot, name in enumerate(names):
        later, earlier = names[spot - 1] if spot else "", names[spot + 1] if spot + 1 < len(names) else ""
        for step, goal in (("earlier", earlier), ("later", later)):
            href = f"../{goal}/index.html" if goal else "../index.html"
            replaced(reports / WAYS / f"{name}-{step}.html", way(words, href, words.say(f"page.{step}")))


def point(link: Path, target: str) -> None:
    """Make a link lead to a name beside it, at once."""
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, link)


def way(words: Words, href: str, title: str) -> str:
    """A file that leads on at once."""
    return rendered("way.html.j2", words, title, href=href)
