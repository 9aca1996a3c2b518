"""A bridge: how one total became another, step by step."""

import numpy as np

from salesbook.charts.canvas import Canvas, Scale, round_steps, step_labels, widest
from salesbook.charts.style import BOLD, SMALL, TEXT, text_width

ROW = 38


def bridge(data, words, width: int, unit: str = "share") -> Canvas:
    """How one total became another: floating bars for the steps, thin marks for the totals.

    Rule: a total is a mark, not a bar, because the axis need not begin at zero; an increase is blue, a decrease orange.
    Parameters: `data`, one row per step in order: step, value (of a total, or the change), `is_total`.
    """
    rows = data.to_dict("records")
    names = [str(row["step"]) for row in rows]
    texts = [label(row, unit, words) for row in rows]
    starts, ends = spans(rows)
    is_narrow = width < 480
    left = 0 if is_narrow else min(widest(names) + 16, width * 0.32)
    row, top = (ROW + 18, 20) if is_narrow else (ROW, 6)
    canvas = Canvas(width, row * len(rows) + 34)
    scale = fitted_scale(starts, ends, texts, left, width)
    draw_axis(canvas, scale, [*starts, *ends], unit, words)
    for place, at in enumerate(ends[:-1]):
        canvas.post(float(scale(at)), place * row + top + 26, (place + 1) * row + top, "axis")
    for place, (entry, name, text) in enumerate(zip(rows, names, texts, strict=True)):
        base = place * row
        first, last = float(scale(starts[place])), float(scale(ends[place]))
        canvas.text(0, base + (9 if is_narrow else top + 13), name, weight=BOLD if entry["is_total"] else 400,
                    room=(left or width) - 10, clear=True)  # fmt: skip
        paint = "blue" if entry["value"] >= 0 else "orange"
        if entry["is_total"]:
            canvas.line([last, last], [base + top, base + top + 26], "ink", 4)
            paint = "ink"
        else:
            canvas.box(min(first, last), base + top, max(first, last, min(first, last) + 1), base + top + 26, paint)
        canvas.text(max(first, last) + 8, base + top + 13, text, paint, TEXT, BOLD)
    return canvas


def spans(rows: list[dict]) -> tuple[list[float], list[float]]:
    """Where each step begins and ends."""
    starts, ends, at = [], [], 0.0
    for row in rows:
        starts.append(row["value"] if row["is_total"] else at)
        at = row["value"] if row["is_total"] else at + row["value"]
        ends.append(at)
    return starts, ends


def label(row: dict, unit: str, words) -> str:
    """The value of a step: a total as it is, a change with its sign."""
    if row["is_total"]:
        return words.percent(row["value"], 1) if unit == "share" else words.value_short(row["value"], unit)
    if unit == "share":
        return words.points(row["value"])
    text = words.value_short(row["value"], unit)
    return f"+{text}" if row["value"] > 0 else text


def fitted_scale(starts, ends, texts, left: float, width: int) -> Scale:
    """A scale on which every bar and the label at its right end have room."""
    low, high = min([*starts, *ends]), max([*starts, *ends])
    low, high = low - 0.04 * (high - low), high if high > low else low + 1
    right = width
    for _ in range(4):
        scale = Scale(low, high, left + 6, right)
        over = max(
            float(scale(max(pair))) + 16 + text_width(text, TEXT, BOLD) - width
            for *pair, text in zip(starts, ends, texts, strict=True)
        )
        if over <= 0:
            break
        right -= over
    return Scale(low, high, left + 6, right)


def draw_axis(canvas: Canvas, scale: Scale, values, unit: str, words) -> None:
    """Thin rules at round values, their labels below."""
    low, high = min(values), max(values)
    steps = np.array([x for x in round_steps(low, high, 3) if low <= x <= high])
    edge = 0.0
    for value, text in zip(steps, step_labels(steps, unit, words), strict=True):
        x, half = float(scale(value)), text_width(text, SMALL) / 2
        canvas.post(x, 0, canvas.height - 26)
        if x - half > edge and x + half < canvas.width:
            canvas.text(x, canvas.height - 10, text, "muted", SMALL, align="center")
            edge = x + half + 10
