"""Bars: steps of a funnel, groups side by side, what was reached of a target."""

import math
from itertools import pairwise

from salesbook.charts.canvas import Canvas, Scale, round_steps, step_labels, widest
from salesbook.charts.style import BOLD, SMALL, TEXT, text_width
from salesbook.words import undefined


def rate(row, words, unit: str = "share") -> tuple[str, str, str]:
    """A value for a label, its interval, and its colour: counts where there are too few for a rate, grey where few.

    Parameters: `row`, with value, low and high, and with numerator and denominator where the value is a share.
    Returns: value, interval and role of colour.
    """
    few = row.get("denominator", math.inf)
    if is_tiny(row, words, unit):
        return words.share(row["numerator"], few), "", "muted"
    paint = "muted" if few < words.grey_below else "ink"
    interval = words.interval(row.get("low"), row.get("high"), unit)
    return words.value_short(row["value"], unit), interval, paint


def name_of(value, words) -> str:
    """The name of a group; one that is not known says so."""
    return words.say("chart.unknown") if undefined(value) or value == "" else str(value)


def funnel(data, words, width: int, highlight: str = "") -> Canvas:
    """Steps of a funnel as bars: how many reached each, and the share of the step before.

    Rule: bars begin at one line and keep the scale of the largest step; a step that may still grow is dashed.
    Parameters: `data`, one row per step in order: step, n, value, low, high (of the step before; empty in the first
    row), `is_open` where a step may still grow; `highlight`, the step in the second colour.
    """
    rows = data.to_dict("records")
    for before, row in pairwise(rows):
        row["denominator"], row["numerator"] = before["n"], row["n"]
    rates = [rate(row, words) if row["value"] == row["value"] else ("", "", "ink") for row in rows]
    side = max(widest([r[0] for r in rates], TEXT + 2, BOLD), widest([r[1] for r in rates], SMALL), 40)
    height = 58
    canvas = Canvas(width, height * len(rows) + 4)
    counts = [words.number(row["n"]) for row in rows]
    scale = Scale(0, max([row["n"] for row in rows] + [1]), 0, width - side - widest(counts, TEXT) - 36)
    head = words.say("chart.before")
    canvas.text(width, 9, head, "muted", SMALL, align="right")
    for place, (row, count, (value, interval, paint)) in enumerate(zip(rows, counts, rates, strict=True)):
        top, end = place * height, max(float(scale(row["n"])), 2.0)
        is_open, is_leak = bool(row.get("is_open", False)), row["step"] == highlight
        room = width - (text_width(head, SMALL) + 16 if place == 0 else side + 16)
        canvas.text(0, top + 9, row["step"], weight=BOLD, room=room)
        fill, edge = ("fill", "axis") if is_open else ("orange" if is_leak else "blue", None)
        canvas.box(0.5 if edge else 0, top + 20, end, top + 50, fill, edge, dashed=is_open)
        canvas.text(end + 8, top + 35, count)
        if is_open:
            spare = width - side - end - 28 - text_width(count)
            open_words = words.say("chart.still_open")
            if spare > text_width(open_words, SMALL):
                canvas.text(end + 18 + text_width(count), top + 35, open_words, "muted", SMALL)
        canvas.text(width, top + 27, value, "orange" if is_leak else paint, TEXT + 2, BOLD, "right")
        canvas.text(width, top + 45, interval, "muted", SMALL, align="right")
    return canvas


def bars(data, words, width: int, unit: str = "share", label: str = "", highlight: str = "", whole: float | None = None,
         whole_label: str = "") -> Canvas:  # fmt: skip
    """Groups side by side as horizontal bars, with intervals and what each rests on.

    Parameters: `data`, one row per group: the label column, value, low, high, and numerator and denominator or n;
    `label`, the column with the groups, the first if left out; `highlight`, a group in the second colour; `whole`, the
    value of all together, drawn as a line.
    """
    label = label or data.columns[0]
    rows = data.to_dict("records")
    names = [name_of(row[label], words) for row in rows]
    rates = [rate(row, words, unit) for row in rows]
    sizes = ["" if is_tiny(row, words, unit) else size_of(row, words) for row in rows]
    left = 0 if width < 480 else min(widest(names) + 14, width * 0.3)
    right = max(widest([r[0] for r in rates], weight=BOLD), widest(sizes, SMALL)) + 14
    step, top = (58, 22) if width < 480 else (42, 8)
    start = 24 if whole is not None else 0
    canvas = Canvas(width, start + step * len(rows) + 4)
    peak = max([extent(row, words, unit) for row in rows] + [whole or 0, 0]) or 1
    scale = Scale(0, peak, left, width - right)
    if whole is not None:
        place = float(scale(whole))
        canvas.post(place, 20, canvas.height, "axis")
        text = f"{whole_label or words.say('chart.whole')} {words.value_short(whole, unit)}"
        reach = text_width(text, SMALL) / 2
        canvas.text(min(max(place, reach), width - reach), 9, text, "muted", SMALL, align="center")
    for place, (row, name, (value, _, paint), size) in enumerate(zip(rows, names, rates, sizes, strict=True)):
        base = start + place * step
        canvas.text(0, base + (top + 11 if left else 9), name, room=(left or width) - 8)
        if not is_tiny(row, words, unit):
            bar(canvas, row, scale, base + top, "orange" if name == highlight else "blue", paint == "muted")
        canvas.text(width, base + top + 4, value, "orange" if name == highlight else paint, weight=BOLD, align="right")
        canvas.text(width, base + top + 20, size, "muted", SMALL, align="right")
    return canvas


def is_tiny(row, words, unit: str) -> bool:
    """Whether there are too few for a rate."""
    return unit == "share" and row.get("denominator", math.inf) < words.counts_below


def extent(row, words, unit: str) -> float:
    """How far the drawing of a row reaches: to the end of its interval where that is drawn."""
    if is_tiny(row, words, unit) or row["value"] != row["value"]:
        return 0.0
    high = row.get("high", math.nan)
    is_drawn = row.get("denominator", math.inf) >= words.grey_below and high == high
    return high if is_drawn else row["value"]


def bar(canvas: Canvas, row, scale: Scale, top: float, paint: str, is_few: bool) -> None:
    """One bar with its interval; grey where it rests on few."""
    if row["value"] != row["value"]:
        return
    canvas.box(float(scale(0)), top, float(scale(row["value"])), top + 22, "other" if is_few else paint)
    low, high = row.get("low", math.nan), row.get("high", math.nan)
    if low == low and high == high and not is_few:
        canvas.line([float(scale(low)), float(scale(high))], [top + 11, top + 11], "paper", 4)
        canvas.line([float(scale(low)), float(scale(high))], [top + 11, top + 11], "ink", 1.6)


def size_of(row, words) -> str:
    """What a value rests on, in words."""
    if row.get("denominator", math.nan) == row.get("denominator"):
        return words.say("chart.out_of", n=row["denominator"])
    if row.get("n", math.nan) == row.get("n"):
        return words.say("chart.n", n=row["n"])
    return ""


def bullet(data, words, width: int, unit: str = "money", label: str = "") -> Canvas:
    """What was reached of a target: a bar, a mark at the target, the share of it.

    Parameters: `data`, one row per group: the label column, actual, target.
    """
    label = label or data.columns[0]
    rows = data.to_dict("records")
    names = [name_of(row[label], words) for row in rows]
    is_narrow = width < 480
    left = 0 if is_narrow else min(widest(names) + 14, width * 0.3)
    right = text_width(words.percent(1.88), TEXT + 2, BOLD) + 18
    step = 58 if is_narrow else 44
    canvas = Canvas(width, step * len(rows) + 30)
    peak = max([v for row in rows for v in (row["actual"], row["target"]) if v == v] + [0]) or 1
    steps = [value for value in round_steps(0, peak, 4) if value <= peak * 1.04]
    scale = Scale(0, peak * 1.04, left, width - right)
    for value, text in zip(steps, step_labels(steps, unit, words), strict=True):
        canvas.post(float(scale(value)), 0, canvas.height - 24)
        align = "left" if value == 0 else "center"
        canvas.text(float(scale(value)), canvas.height - 10, text, "muted", SMALL, align=align)
    for place, (row, name) in enumerate(zip(rows, names, strict=True)):
        top = place * step + (20 if is_narrow else 8)
        canvas.text(0, place * step + 9 if is_narrow else top + 12, name, room=(left or width) - 8)
        if row["actual"] == row["actual"]:
            paint = "blue" if row["target"] != row["target"] or row["actual"] >= row["target"] else "orange"
            canvas.box(float(scale(0)), top + 4, float(scale(row["actual"])), top + 20, paint)
        if row["target"] == row["target"]:
            mark = float(scale(row["target"]))
            canvas.line([mark, mark], [top - 2, top + 26], "paper", 6)
            canvas.line([mark, mark], [top - 2, top + 26], "ink", 3)
            if row["target"] > 0 and row["actual"] == row["actual"]:
                paint = "ink" if row["actual"] >= row["target"] else "orange"
                attained = words.percent(row["actual"] / row["target"])
                canvas.text(width, top + 12, attained, paint, TEXT + 2, BOLD, "right")
    return canvas
