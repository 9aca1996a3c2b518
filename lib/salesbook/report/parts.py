"""What the template shows of each kind of data that a notebook leaves."""

import hashlib
import xml.etree.ElementTree as ET
from datetime import date, timedelta

from markupsafe import Markup

from salesbook.cells import shown
from salesbook.errors import PageFailed
from salesbook.report.sparkline import sparkline
from salesbook.words import Words, readable, undefined

# Else a drawing is written as <ns0:svg>, which no browser draws.
ET.register_namespace("", "http://www.w3.org/2000/svg")
DRAWN = {"svg", "g", "defs", "path", "text", "tspan", "use", "clipPath", "pattern", "rect", "line", "circle"}
UP, DOWN, LEVEL = "▲", "▼", ""
LONGEST = 80
MOST_LISTED = 40  # deals or leads on a page; a workbook has room for more
PHONE = 358  # pixels across a phone's page
LETTER, PADDING, TEXT_COLUMN = 7.3, 12, 78  # pixels of a table's letter, between columns, of a text that wraps
LONG_TEXT, LONG_COLUMN, MOST_STACKED = 20, 210, 8
SHORT_TEXT = 14  # letters that are kept on one line


def findings(data: dict, words: Words) -> dict:
    """Findings, as they are."""
    return data


def scorecard(data: dict, words: Words) -> dict:
    """Cards in words, beside the data they were made of."""
    return {"cards": [card(entry, words) for entry in data["cards"]], "data": data["cards"]}


def card(entry: dict, words: Words) -> dict:
    """A card in words.

    Rule: a share of few is given as counts, without interval or change, unless it is one of amounts; a change of a
    share is in points, of anything else in per cent of the value before.
    """
    unit, value = entry["unit"], entry["value"]
    total = rows_of(entry) if unit == "share" else None
    is_small = total is not None and total < words.counts_below and entry["n"] is None
    arrow, change = change_of(entry, words)
    low, high = range_of(entry)
    months = [month for month, _ in entry["series"]]
    has_range = not undefined(low)
    spoken = {"label": entry["label"], "first": months[0], "last": months[-1], "low": card_value(low, unit, words),
              "high": card_value(high, unit, words), "now": card_value(value, unit, words)}  # fmt: skip
    return {
        "label": entry["label"], "value": counted(entry, words) if is_small else card_value(value, unit, words),
        "is_grey": total is not None and total < words.grey_below, "arrow": arrow, "change": change,
        "before": words.say("card.before", day=entry["before_period"]) if change else words.reason(entry["reason"]),
        "spark": spark(entry, spoken, words) if has_range else "",
        "range": words.say("card.range", **spoken | {"months": len(months)}) if has_range else "",
        "state": words.say(f"card.{entry['state']}") if entry["state"] and not is_small else "",
        "state_class": entry["state"], "ask": words.say("card.definition"), "meaning": entry["meaning"],
        "target": target_of(entry, words),
        "basis": "" if undefined(value) else basis(entry, words, is_small),
    }  # fmt: skip


def spark(entry: dict, spoken: dict, words: Words) -> Markup:
    """The months of a card as a line, and in words."""
    return Markup(
        sparkline([value for _, value in entry["series"]], words.say("card.spark", **spoken), entry["target"])
    )


def target_of(entry: dict, words: Words) -> str:
    """The target of a card, said with its word where no state says it."""
    if entry["target"] is None:
        return ""
    target = card_value(entry["target"], entry["unit"], words)
    return target if entry["state"] else words.say("card.target", target=target)


def card_value(value: float | None, unit: str, words: Words) -> str:
    """A value as large type has room for."""
    if unit == "share":
        return words.percent(value, 1)
    return words.value_short(value, unit)


def counted(entry: dict, words: Words) -> str:
    """A share as counts, where there are any."""
    total = entry["denominator"]
    return words.share(entry["numerator"], total) if total else words.value(None, "share")


def change_of(entry: dict, words: Words) -> tuple[str, str]:
    """The arrow and the change on the month before; empty where either month lacks a value or rests on few."""
    value, before = entry["value"], entry["before"]
    few = [n for n in (entry["denominator"], entry["before_denominator"]) if n is not None]
    if (
        undefined(value)
        or undefined(before)
        or (entry["unit"] == "share" and min(few, default=99) < words.counts_below)
    ):
        return "", ""
    if entry["unit"] == "share":
        size, text = value - before, words.points(value - before)
    elif before == 0:
        return "", ""
    else:
        size, text = value / before - 1, words.change(value / before - 1)
    if abs(size) < 0.0005:
        return LEVEL, words.say("card.same")
    return (UP if size > 0 else DOWN), text


def range_of(entry: dict) -> tuple[float | None, float | None]:
    """The lowest and highest value of the months shown."""
    known = [value for _, value in entry["series"] if value is not None]
    return (min(known), max(known)) if known else (None, None)


def rows_of(entry: dict) -> float | None:
    """How many rows a card's value rests on: a share of amounts says so beside its amounts."""
    return entry["denominator"] if entry["n"] is None else entry["n"]


def basis(entry: dict, words: Words, is_small: bool) -> str:
    """What a card's value rests on: counts, interval."""
    said, unit = [], entry["unit"]
    parts = {"k": entry["numerator"], "n": entry["denominator"]}
    if unit == "share" and entry["n"] is None and None not in parts.values():
        said.append(words.say("card.out_of", **parts))
    elif unit == "ratio" and None not in parts.values():
        said.append(words.say("card.divided", **parts))
    elif unit != "count" and rows_of(entry) is not None:
        said.append(words.say("card.n", n=rows_of(entry)))
    interval = words.interval(entry["low"], entry["high"], entry["unit"])
    if interval and not is_small:
        said.append(words.say("card.interval", interval=interval))
    if is_small:
        said.append(words.say("card.small", n=words.counts_below))
    return " ".join(said)


def grid(table: dict, words: Words) -> dict:
    """The columns and cells of a table in words."""
    text = ("text", "month", "flag")
    columns = [{"label": column["label"], "is_number": column["unit"] not in text} for column in table["columns"]]
    rows = [[cell | {"text": readable(cell["text"])} for cell in row] for row in shown(table, words)]
    for place, column in enumerate(columns):
        column["is_short"] = all(len(row[place]["text"]) <= SHORT_TEXT for row in rows)
    return {"columns": columns, "rows": rows, "is_stacked": is_stacked(columns, rows)}


def is_stacked(columns: list[dict], rows: list[list[dict]]) -> bool:
    """Whether a phone shows a table row under row, each cell under its heading, for it has no room side by side.

    Rule: a table of many rows and of numbers alone scrolls under its first column: it would become too long to read.
    """
    texts = [[cell["text"] for cell in row] for row in rows]
    has_prose = any(len(text) > LONG_TEXT for row in texts for text in row[1:])
    return (len(rows) <= MOST_STACKED or has_prose) and phone_width(columns, texts) > PHONE


def phone_width(columns: list[dict], texts: list[list[str]]) -> float:
    """About how many pixels a table needs where headings and texts wrap at words and numbers do not."""
    wide = -PADDING
    for place, column in enumerate(columns):
        letters = max((len(row[place]) for row in texts), default=0)
        wrapped = LONG_COLUMN if place and letters > LONG_TEXT else min(letters * LETTER, TEXT_COLUMN)
        head = max(len(word) for word in [*column["label"].split(), ""]) * LETTER
        wide += max(head, letters * LETTER if column["is_number"] else wrapped) + PADDING
    return wide


def listing(data: dict, words: Words) -> dict:
    """The deals or leads behind a figure: the first of them, each with its way back into the CRM.

    Rule: a link leads to a web address; any other text in its place is none.
    """
    if "listing" not in data:
        return {}
    told = data["listing"]
    few = told | {"table": told["table"] | {"rows": told["table"]["rows"][:MOST_LISTED]}}
    cells = grid(few["table"], words)
    for row, link in zip(cells["rows"], told["links"], strict=False):
        for cell in row:
            cell["text"] = shorten(cell["text"])
        row[0]["href"] = link if is_web_address(link) else ""
    n, shown_here = told["n"], len(cells["rows"])
    note = words.say("listing.more", shown=shown_here, kept=len(told["links"])) if n > shown_here else ""
    return {"listing": cells | {"ask": words.say(f"listing.{told['kind']}", n=n), "note": note}}


def shorten(text: str) -> str:
    """A text of a list, cut where it is longer than a line; the workbook has it whole."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def is_web_address(link) -> bool:
    """Whether a text from the data is an address that a browser may open."""
    return isinstance(link, str) and link.startswith(("https://", "http://")) and not set(link) & set(' \t\n<>"')


def figure(data: dict, words: Words) -> dict:
    """A figure with its two drawings, its numbers and the deals or leads behind it."""
    drawings = {size: drawing(data[size], data["alt"]) for size in ("wide", "narrow")}
    source = " ".join(filter(None, [data["source"], interval_note(data["table"], words)]))
    return data | drawings | grid(data["table"], words) | {"source": source} | listing(data, words)


def interval_note(table: dict, words: Words) -> str:
    """The remark on intervals, where there are any."""
    return words.say("figure.interval") if has_intervals(table) else ""


def has_intervals(table: dict) -> bool:
    """Whether any row of a table has an interval."""
    names = [column["name"] for column in table["columns"]]
    return {"low", "high"} <= set(names) and any(row[names.index("low")] is not None for row in table["rows"])


def table(data: dict, words: Words) -> dict:
    """A table of its own, and the deals or leads behind it."""
    return data | grid(data["table"], words) | listing(data, words)


def gap(data: dict, words: Words) -> dict:
    """Why there is no figure, as it is."""
    return data


def glossary(data: dict, words: Words) -> dict:
    """What the figures mean, as it is."""
    return data


def provenance(run: dict, words: Words) -> dict:
    """How this report was made: what holds for the page, and the table of its inputs."""
    say = words.say
    facts = [
        (say("made.period"), say("made.days", start=run["period"]["start"], end=last_day(run))),
        (say("made.as_of"), f"{words.instant(run['as_of'], run['zone'])}. {say('made.nothing_later')}"),
        (say("made.zone"), run["zone"]),
        (say("made.currency"), run["currency"]),
        (say("made.settings"), say("made.small", few=words.counts_below, some=words.grey_below)),
        (say("made.flagged"), tally(run.get("flagged"), words)),
        (say("made.kpis"), say("made.versions", n=len(run["kpis"]), mark=mark(run["kpis"]))),
        (say("made.software"), ", ".join(f"{name} {v}" for name, v in software(run).items())),
    ]
    heads = [("file", False), ("table", False), ("read", True), ("loaded", True), ("rejected", True),
             ("fingerprint", False)]  # fmt: skip
    columns = [{"label": say(f"made.{name}"), "is_number": is_number} for name, is_number in heads]
    rows = []
    for entry in run["inputs"]:
        numbers = [words.number(entry[f"rows_{name}"]) for name in ("read", "loaded", "rejected")]
        texts = [entry["file"], entry["table"] or "", *numbers, str(entry["sha256"] or "")[:16]]
        rows.append([{"text": text, "is_number": head[1]} for text, head in zip(texts, heads, strict=True)])
    table = {"columns": columns, "rows": rows}
    return {"kind": "facts", "facts": [fact for fact in facts if fact[1]], "title": say("made.inputs"), "table": table}


def mark(versions: dict[str, str]) -> str:
    """A short mark of all versions of definitions: another one where any of them changed."""
    return hashlib.sha256(repr(sorted(versions.items())).encode()).hexdigest()[:12]


def last_day(run: dict) -> date:
    """The last day of the run's period, whose end is the first day after it."""
    return date.fromisoformat(run["period"]["end"]) - timedelta(days=1)


def tally(found, words: Words) -> str:
    """Rows flagged, by table and rule."""
    if not isinstance(found, dict):
        return ""
    rules = [(table, rule, n) for table, each in found.items() for rule, n in each.items() if n]
    return "; ".join(f"{table}: {words.remark(rule)} ({words.number(n)})" for table, rule, n in rules)


def software(run: dict) -> dict[str, str]:
    """The versions that made a run, our own first."""
    return {"salesbook": run.get("salesbook", ""), **run.get("packages", {})}


def drawing(svg: str, label: str) -> Markup:
    """A drawing from a cell's output, if it holds nothing but shapes and text.

    Raises: PageFailed where it holds anything else.
    """
    root = ET.fromstring(svg)
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        links = [value for name, value in element.attrib.items() if name.endswith("href") and not value.startswith("#")]
        if tag not in DRAWN or links or any(name.lower().startswith("on") for name in element.attrib):
            raise PageFailed("A drawing holds what no chart draws.", f"Found <{tag}>.", "Draw it with page.figure.")
    root.set("role", "img")
    root.set("aria-label", label)
    return Markup(ET.tostring(root, encoding="unicode"))


PARTS = {
    "findings": findings,
    "scorecard": scorecard,
    "figure": figure,
    "table": table,
    "gap": gap,
    "glossary": glossary,
    "provenance": provenance,
}
