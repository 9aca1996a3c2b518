"""What a notebook calls to show something: findings, scorecard, figure, table, glossary, provenance, done.

Each leaves data in the cell's output, under a MIME type of our own, from which the page, the Excel sheet and the index
are made; beside it something good for JupyterLab (a PNG, a plain table, a text). Sentences come in spoken: from
`book.words.say(...)`, or in a Finding.
"""

import base64
import os
import re
import sys
from dataclasses import dataclass
from html import escape
from typing import Protocol

import pandas as pd
from IPython.display import display

from salesbook import charts
from salesbook.cells import MARK, MIME, column_units, plain, shown, table_data
from salesbook.errors import WrongUsage
from salesbook.kpi import reason_of
from salesbook.words import Words, undefined

LEAST_ALT = 40
MOST_FINDINGS = 3


class Finding(Protocol):
    """What a guarded headline hands over: two sentences, and whether they claim something."""

    headline: str
    detail: str
    is_claim: bool


class Listing(Protocol):
    """What a page needs to know of the deals or leads behind a figure."""

    kind: str
    n: int
    rows: pd.DataFrame


class Kpi(Protocol):
    """What a page needs to know of a KPI."""

    name: str
    unit: str
    better: str | None
    meaning: str


@dataclass(frozen=True)
class Card:
    """A KPI on the scorecard: `trend` is its answer by month, oldest first, the last row being this month's."""

    kpi: Kpi
    trend: pd.DataFrame
    target: float | None = None


# What notebooks call


def findings(book, found: list[Finding]) -> None:
    """Show this month in short: three findings at most.

    Raises: WrongUsage where there are more.
    """
    if len(found) > MOST_FINDINGS:
        raise WrongUsage("There are too many findings.", f"Found {len(found)}.", f"Choose {MOST_FINDINGS} at most.")
    entries = [{"headline": one.headline, "detail": one.detail, "is_claim": bool(one.is_claim)} for one in found]
    lines = [f"<li><b>{escape(entry['headline'])}</b> {escape(entry['detail'])}</li>" for entry in entries]
    text = "\n".join(f"- {entry['headline']} {entry['detail']}" for entry in entries)
    leave("findings", {"findings": entries}, text, f"<ul>{''.join(lines)}</ul>")


def scorecard(book, cards: list[Card]) -> None:
    """Show KPIs as cards: value, change on the month before, twelve months, target."""
    entries = [card_data(card, book.words) for card in cards]
    columns = ("label", "value", "before", "target")
    rows = [[entry["label"], *(book.words.value(entry[k], entry["unit"]) for k in columns[1:])] for entry in entries]
    frame = pd.DataFrame(rows, columns=[book.words.column(name) for name in columns])
    leave("scorecard", {"cards": entries}, frame.to_string(index=False), plain_html(frame.columns, rows))


def figure(book, chart: str, data: pd.DataFrame, *, headline: str, subtitle: str, alt: str, note: str = "",
           is_claim: bool | None = None, unit: str = "share", units: dict[str, str] | None = None,
           tables: tuple[str, ...] = (), rows: Listing | None = None, **options) -> None:  # fmt: skip
    """Show a chart with its headline, its numbers and its source.

    Parameters: `chart`, one of charts.CHARTS; `data`, a DataFrame as that chart's docstring says; `headline`, the
    finding; `subtitle`, what is drawn, with unit and n; `alt`, what is seen, in at least 40 characters; `note`, a
    remark below; `is_claim`, whether the headline claims something (True), is the neutral twin of a claim (False), or
    states what was counted (None); `unit` of the values; `units` of other columns, by column; `tables`, the canonical
    tables it rests on, for the source line; `rows`, the deals or leads behind it; `options` of the chart.
    Raises: WrongUsage where there is no such chart or the alternative text is too short.
    """
    if reason := reason_of(data):
        return gap(book, headline, reason)
    if len(alt) < LEAST_ALT:
        raise WrongUsage("The alternative text is too short.", f"Found {alt!r}.", f"Say it in {LEAST_ALT} characters.")
    if "unit" in charts.options_of(chart):
        options["unit"] = unit
    if is_claim is False and "is_plain" in charts.options_of(chart):
        options["is_plain"] = True
    numbers = table_data(data, column_units(data, unit) | (units or {}), book.words)
    content = {"chart": chart, "headline": headline, "is_claim": is_claim, "subtitle": subtitle, "alt": alt,
               "note": note, "source": source(book, tables), "table": numbers, **behind(book, rows)}  # fmt: skip
    if reporting():
        content["wide"] = charts.svg(chart, data, book.words, charts.WIDE, **options)
        content["narrow"] = charts.svg(chart, data, book.words, charts.NARROW, **options)
        leave("figure", content, alt)
    else:
        image = charts.png(chart, data, book.words, **options)
        leave("figure", content, f"{headline}\n{subtitle}\n{alt}", png=image)


def table(book, data: pd.DataFrame, *, title: str, units: dict[str, str] | None = None, note: str = "",
          unit: str = "share", tables: tuple[str, ...] | None = (), rows: Listing | None = None) -> None:  # fmt: skip
    """Show a table.

    Parameters: `data`; `title`; `units` by column; `unit` of the values of a KPI's answer; `note`, `tables`, `rows` as
    for a figure; `tables` None where the rows say themselves what they rest on.
    """
    if reason := reason_of(data):
        return gap(book, title, reason)
    content = table_data(data, column_units(data, unit) | (units or {}), book.words)
    heads = [column["label"] for column in content["columns"]]
    texts = [[cell["text"] for cell in row] for row in shown(content, book.words)]
    text = pd.DataFrame(texts, columns=heads).to_string(index=False)
    content = {"title": title, "note": note, "source": source(book, tables), "table": content, **behind(book, rows)}
    leave("table", content, f"{title}\n{text}", f"<b>{escape(title)}</b>{plain_html(heads, texts)}")


def lens(book, rows: pd.DataFrame, **options) -> None:
    """Show, as a table, how others define a KPI: nothing where the settings do not ask for it ([report] lens).

    Rule: a column `interval` without any is left out.
    Parameters: `rows`, as `salesbook.lens` tells them, or a table of the page's own; `options`, those of `table`.
    """
    if book.run["lens"]:
        is_empty = "interval" in rows and not rows["interval"].astype(bool).any()
        table(book, rows.drop(columns="interval") if is_empty else rows, **options)


def claims(book, rows: pd.DataFrame) -> None:
    """Show what the field says, and the user's own benchmarks, held against the own data: nothing where there is none.

    Parameters: `rows`, as `salesbook.claims` tells them.
    """
    if len(rows):
        table(book, rows, title=book.words.say("claims.title"), note=book.words.say("claims.note"), tables=None)


def behind(book, listing: Listing | None) -> dict:
    """The deals or leads behind a figure as plain data, each with its link; nothing where there are none."""
    if listing is None or not listing.n:
        return {}
    rows = listing.rows
    links = rows["record_url"].tolist() if "record_url" in rows else [None] * len(rows)
    rows = rows.drop(columns="record_url", errors="ignore")
    units = column_units(rows, "share") | ({"amount": "money"} if "amount" in rows else {})
    told = {"kind": listing.kind, "n": listing.n, "links": plain(links)}
    return {"listing": told | {"table": table_data(rows, units, book.words)}}


def gap(book, headline: str, reason: str) -> None:
    """Show why there is nothing to show, in the place of a figure or table."""
    said = book.words.say("page.gap", reason=book.words.reason(reason))
    leave("gap", {"headline": headline, "reason": said}, f"{headline}\n{said}")


def glossary(book, kpis: list[Kpi]) -> None:
    """Show what the KPIs of this page mean, as the registry says."""
    entries = [
        {"name": kpi.name, "label": book.words.label(kpi.name), "meaning": book.words.meaning(kpi.name, kpi.meaning)}
        for kpi in kpis
    ]
    rows = [[entry["label"], entry["meaning"]] for entry in entries]
    leave("glossary", {"entries": entries}, "\n".join(": ".join(row) for row in rows), plain_html([], rows))


def provenance(book) -> None:
    """Show how this report was made: inputs, rows, as-of, zone, settings, versions, seeds. No time of the run, no path.

    Rule: the version of every KPI, whatever this page shows; the seeds of all that draws here.
    """
    from salesbook import KPIS  # after all topics: this module is one that they may import

    run = book.run
    kept = ("month", "period", "as_of", "zone", "currency", "limits", "rejected", "flagged", "packages", "salesbook")
    content = {key: plain(run[key]) for key in kept if key in run}
    content["kpis"] = {name: kpi.version for name, kpi in sorted(KPIS.items())}
    content["seeds"] = seeds()
    content["inputs"] = [
        {key: plain(entry.get(key)) for key in ("table", "rows_read", "rows_loaded", "rows_rejected", "sha256")}
        | {"file": os.path.basename(str(entry.get("file", "")))}
        for entry in run.get("inputs", [])
    ]
    rows = [[entry["file"], entry["rows_read"], entry["rows_loaded"]] for entry in content["inputs"]]
    text = "\n".join(f"{file}: {read} rows read, {loaded} used" for file, read, loaded in rows)
    leave("provenance", content, f"As of {run.get('as_of')}\n{text}")


def seeds() -> dict[str, int]:
    """The seed of every KPI and headline that draws by chance and is in use here."""
    ours = [name for name in sorted(sys.modules) if re.match(r"salesbook\.(?!report\.)", name)]
    seeded = [name for name in ours if hasattr(sys.modules[name], "SEED")]
    return {name.removeprefix("salesbook."): sys.modules[name].SEED for name in seeded}


def done(book) -> None:
    """Leave the run's own mark: the page came to its end."""
    leave("done", {"mark": os.environ.get(MARK, ""), "month": book.run["month"]}, "")


# How it is left


def reporting() -> bool:
    """Whether a report run, not a person, is looking."""
    return bool(os.environ.get(MARK))


def leave(kind: str, content: dict, text: str, html: str = "", png: bytes = b"") -> None:
    """Display data with what JupyterLab can show of it; a report run is left the data alone."""
    bundle = {MIME.format(kind): content, "text/plain": text}
    if html and not reporting():
        bundle["text/html"] = html
    if png:
        bundle["image/png"] = base64.b64encode(png).decode()
    display(bundle, raw=True)


def plain_html(heads, rows) -> str:
    """A plain table for JupyterLab, escaped."""
    head = "".join(f"<th>{escape(str(text))}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(text))}</td>" for text in row) + "</tr>" for row in rows)
    return (
        f"<table>{f'<thead><tr>{head}</tr></thead>' if heads is not None and head else ''}<tbody>{body}</tbody></table>"
    )


def source(book, tables: tuple[str, ...] | None) -> str:
    """The source line: files and rows that a figure rests on, all where none are named."""
    if tables is None:
        return ""
    inputs = [entry for entry in book.run.get("inputs", []) if not tables or entry.get("table") in tables]
    words = book.words
    files = [
        words.say("figure.file", file=os.path.basename(str(entry["file"])), n=entry["rows_loaded"])
        for entry in inputs[:3]
    ]
    more = [words.say("figure.more_files", n=len(inputs) - 3)] if len(inputs) > 3 else []
    return words.say("figure.source", files=", ".join(files + more)) if files else ""


# Cards


def card_data(card: Card, words: Words) -> dict:
    """A card as plain data.

    Rule: where less than the limit lies under a share, the card gives counts; the state compares with the target in
    the direction that is better.
    """
    kpi, trend = card.kpi, card.trend
    last = {key: plain(value) for key, value in trend.iloc[-1].items()}
    earlier = trend.iloc[-2] if len(trend) > 1 else None
    value, target = last["value"], plain(card.target)
    months = trend.tail(12)
    return {
        "name": kpi.name, "label": words.label(kpi.name), "unit": kpi.unit, "better": kpi.better or "",
        "meaning": words.meaning(kpi.name, kpi.meaning), "value": value,
        **{key: last.get(key) for key in ("numerator", "denominator", "n", "low", "high")},
        "reason": last.get("reason") or "", "period": last["period"],
        "before": None if earlier is None else plain(earlier["value"]),
        "before_period": None if earlier is None else plain(earlier["period"]),
        "before_denominator": None if earlier is None else plain(earlier.get("denominator")),
        "series": [[plain(p), plain(v)] for p, v in zip(months["period"], months["value"], strict=True)],
        "target": target, "state": state(value, target, kpi.better),
    }  # fmt: skip


def state(value: float | None, target: float | None, better: str | None) -> str:
    """How a value stands to its target: met, behind, or empty where one of them or a direction is lacking."""
    if undefined(value) or undefined(target) or not better:
        return ""
    return "met" if (value >= target if better == "higher" else value <= target) else "behind"
