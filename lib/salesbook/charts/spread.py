"""Spread: how long things take, and segments against the whole."""

import numpy as np

from salesbook.charts.bars import name_of
from salesbook.charts.canvas import Canvas, Scale, round_steps, step_labels, widest
from salesbook.charts.style import BOLD, SMALL, TEXT, text_width

SPANS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 86_400, 3 * 86_400, 7 * 86_400, 14 * 86_400,
         30 * 86_400, 90 * 86_400, 365 * 86_400)  # fmt: skip


def quantiles(data, words, width: int, label: str = "") -> Canvas:
    """How long it takes, by group, on a logarithmic axis: the middle half dark, 10th to 90th percentile light, the
    median a dot.

    Parameters: `data`, one row per group: the label column, n, p10, p25, p50, p75, p90, in seconds.
    """
    label = label or data.columns[0]
    rows = data.to_dict("records")
    names = [name_of(row[label], words) for row in rows]
    sizes = [words.say("chart.n", n=row["n"]) for row in rows]
    is_narrow = width < 480
    left = 0 if is_narrow else min(max(widest(names), widest(sizes, SMALL)) + 16, width * 0.3)
    row, top = (66, 36) if is_narrow else (52, 22)
    canvas = Canvas(width, row * len(rows) + 62)
    known = [v for entry in rows for v in (entry["p10"], entry["p90"]) if v == v and v > 0] or [60, 3600]
    scale = Scale(min(known) * 0.85, max(known) * 1.15, left + 4, width - 24, log=True)
    shown_spans(canvas, scale, words, row * len(rows) + 4)
    for place, (entry, name, size) in enumerate(zip(rows, names, sizes, strict=True)):
        base = place * row
        if is_narrow:
            canvas.text(0, base + 10, name, room=width - text_width(size, SMALL) - 12)
            canvas.text(width, base + 10, size, "muted", SMALL, align="right")
        else:
            canvas.text(0, base + top + 1, name, room=left - 10)
            canvas.text(0, base + top + 18, size, "muted", SMALL)
        if entry["p50"] == entry["p50"]:
            quantile_bar(canvas, entry, scale, base + top, words)
    legend(canvas, words, canvas.height - 10)
    return canvas


def quantile_bar(canvas: Canvas, entry: dict, scale: Scale, y: float, words) -> None:
    """One group: two bars, a dot, and the median in words above it."""
    at = {name: float(scale(max(entry[name], 1))) for name in ("p10", "p25", "p50", "p75", "p90")}
    canvas.box(at["p10"], y + 2, at["p90"], y + 14, "blue-soft")
    canvas.box(at["p25"], y + 2, at["p75"], y + 14, "blue")
    canvas.dot(at["p50"], y + 8, "paper", 7, "blue")
    text = words.duration(entry["p50"])
    half = text_width(text, TEXT, BOLD) / 2
    canvas.text(min(max(at["p50"], half), canvas.width - half), y - 9, text, weight=BOLD, align="center")


def shown_spans(canvas: Canvas, scale: Scale, words, bottom: float) -> None:
    """Rules at spans of time that people think in, as many as have room for their names."""
    low, high = 10**scale.low, 10**scale.high
    edge = 0.0
    for span in SPANS:
        text = words.duration(span)
        x, half = float(scale(span)), text_width(text, SMALL) / 2
        if low <= span <= high and x - half > edge and x + half < canvas.width:
            canvas.post(x, 0, bottom)
            canvas.text(x, bottom + 14, text, "muted", SMALL, align="center")
            edge = x + half + 18


def legend(canvas: Canvas, words, y: float) -> None:
    """What the two shades and the dot are."""
    marks = [("blue", words.say("chart.middle_half")), ("blue-soft", words.say("chart.most"))]
    x = 0.0
    for fill, text in marks:
        canvas.box(x, y - 5, x + 16, y + 5, fill)
        canvas.text(x + 22, y, text, "muted", SMALL)
        x += 40 + text_width(text, SMALL)
    canvas.dot(x + 6, y, "paper", 7, "blue")
    canvas.text(x + 16, y, words.say("chart.median"), "muted", SMALL)


def forest(data, words, width: int, unit: str = "share", label: str = "", whole: float | None = None,
           whole_label: str = "", better: str = "higher", is_plain: bool = False) -> Canvas:  # fmt: skip
    """Segments against the whole: each with its interval, what it rests on, and its shrunk estimate.

    Rule: a segment whose interval leaves out the whole is in colour, orange where it is worse; the others are grey. Of
    many segments some leave it out by chance: where no test found a difference, all are grey.
    Parameters: `data`, one row per segment: the label column, value, low, high, numerator and denominator or n, and
    `estimate` where values are shrunk; `whole`, the value of all together, or another to compare with, which
    `whole_label` names; `better`, whether higher or lower values are; `is_plain`, whether all are grey.
    """
    label = label or data.columns[0]
    rows = data.to_dict("records")
    names = [name_of(row[label], words) for row in rows]
    totals = [row.get("denominator", row.get("n")) for row in rows]
    sizes = [words.say("chart.n", n=total) for total in totals]
    is_narrow = width < 480
    left = 0 if is_narrow else min(widest(names) + 16, width * 0.3)
    right = max(widest(sizes, SMALL), widest([words.value_short(row["value"], unit) for row in rows], TEXT, BOLD)) + 14
    row, middle = (52, 32) if is_narrow else (36, 18)
    canvas = Canvas(width, row * len(rows) + 52)
    values = [row[name] for row in rows for name in ("value", "low", "high") if row[name] == row[name]]
    values += [whole] if whole is not None else []
    steps = round_steps(min(values, default=0), max(values, default=1), 4)
    scale = Scale(steps[0], steps[-1], left + 8, width - right)
    for value, text in zip(steps, step_labels(steps, unit, words), strict=True):
        canvas.post(float(scale(value)), 22, canvas.height - 26)
        canvas.text(float(scale(value)), canvas.height - 12, text, "muted", SMALL,
                    align="left" if is_narrow and value == steps[0] else "center")  # fmt: skip
    if whole is not None:
        x, text = float(scale(whole)), f"{whole_label or words.say('chart.whole')} {words.value_short(whole, unit)}"
        bases = [24 + place * row for place, name in enumerate(names) if is_narrow and text_width(name, TEXT) + 4 > x]
        whole_line(canvas, x, bases)
        half = text_width(text, SMALL, BOLD) / 2
        canvas.text(min(max(x, half), width - half), 10, text, weight=BOLD, size=SMALL, align="center")
    for place, (entry, name, size) in enumerate(zip(rows, names, sizes, strict=True)):
        base = 24 + place * row
        canvas.text(0, base + (10 if is_narrow else middle), name, room=(left or width - right) - 10)
        forest_row(canvas, entry, scale, base + middle, None if is_plain else whole, better)
        canvas.text(width, base + middle - 7, words.value_short(entry["value"], unit), weight=BOLD, align="right")
        canvas.text(width, base + middle + 8, size, "muted", SMALL, align="right")
    return canvas


def whole_line(canvas: Canvas, x: float, bases: list[float]) -> None:
    """The line of the whole, from top to bottom; it lets the labels through that begin at `bases` and reach it."""
    ends = [22, *(end for base in bases for end in (base + 1, base + 19)), canvas.height - 26]
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        canvas.line([x, x], [start, end], "ink", 1.4)


def forest_row(canvas: Canvas, entry: dict, scale: Scale, y: float, whole: float | None, better: str) -> None:
    """One segment: its interval, its value, its shrunk estimate as a ring."""
    if entry["value"] != entry["value"]:
        return
    has_interval = entry["low"] == entry["low"] and entry["high"] == entry["high"]
    is_apart = whole is not None and has_interval and not entry["low"] <= whole <= entry["high"]
    paint = ("blue" if (entry["value"] > whole) == (better == "higher") else "orange") if is_apart else "muted"
    if has_interval:
        canvas.line(scale(np.array([entry["low"], entry["high"]])), [y, y], paint, 2)
    estimate = entry.get("estimate", np.nan)
    if estimate == estimate:
        canvas.dot(float(scale(estimate)), y, "paper", 9, paint)
    canvas.dot(float(scale(entry["value"])), y, paint, 8)
