"""Many small drawings on one scale, and curves of what happens with time."""

import math

import numpy as np

from salesbook.charts.bars import name_of
from salesbook.charts.canvas import Canvas, Scale, apart, round_steps, step_labels, widest
from salesbook.charts.style import BOLD, SMALL, TEXT, fitted, text_width
from salesbook.charts.trends import PAINTS

PANEL = 128


def multiples(data, words, width: int, unit: str = "share", group: str = "") -> Canvas:
    """One small drawing per group on shared axes: its line in colour with its interval, the others in grey.

    Parameters: `data`, one row per group and month: the group column, period, value, low, high; `group`, the column
    with the groups, the first if left out.
    """
    group = group or data.columns[0]
    series = list(data.groupby(group, sort=False, dropna=False))
    months = sorted(data["period"].unique())
    across = 2 if width < 480 else min(4, len(series))
    down = math.ceil(len(series) / across)
    values = np.concatenate([data["value"], data.get("high", data["value"])]).astype(float)
    steps = round_steps(0, np.nanmax(values), 3) if np.isfinite(values).any() else np.array([0.0, 1.0])
    labels = step_labels(steps, unit, words)
    left = widest(labels, SMALL) + 10
    size = (width - left) / across
    canvas = Canvas(width, down * (PANEL + 30) + 22)
    lines = [part.set_index("period")["value"].reindex(months).to_numpy(float) for _, part in series]
    for spot, (name, part) in enumerate(series):
        corner = left + (spot % across) * size, (spot // across) * (PANEL + 30)
        x = Scale(0, max(len(months) - 1, 1), corner[0] + 4, corner[0] + size - 16)
        y = Scale(steps[0], steps[-1], corner[1] + PANEL + 14, corner[1] + 34)
        canvas.text(corner[0] + 4, corner[1] + 10, name_of(name, words), weight=BOLD, room=size - 20)
        for value, text in zip(steps, labels, strict=True):
            canvas.rule(corner[0], corner[0] + size - 12, float(y(value)), "axis" if value == 0 else "grid")
            if spot % across == 0:
                canvas.text(left - 8, float(y(value)), text, "muted", SMALL, align="right")
        places = x(np.arange(len(months)))
        for other in lines[:spot] + lines[spot + 1 :]:
            canvas.line(places, y(other), "other", 1)
        own = part.set_index("period").reindex(months)
        if "low" in own:
            canvas.band(places, y(own["high"].astype(float)), y(own["low"].astype(float)), "blue-soft", 0.8)
        canvas.line(places, y(lines[spot]), "blue", 2.2)
        mark_last(canvas, words, unit, places, lines[spot], y)
        if spot >= len(series) - across:
            last = words.month_name(months[-1])
            canvas.text(corner[0] + 4, corner[1] + PANEL + 28, words.month_short(months[0]), "muted", SMALL)
            if text_width(words.month_short(months[0]) + last, SMALL) + 30 < size:
                canvas.text(corner[0] + size - 16, corner[1] + PANEL + 28, last, "muted", SMALL, align="right")
    return canvas


def mark_last(canvas: Canvas, words, unit: str, places, values, y: Scale) -> None:
    """The last value of a line, above the highest point near it."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return
    last = known[-1]
    canvas.dot(float(places[last]), float(y(values[last])), "blue", 7)
    near = values[max(0, last - 2) : last + 1]
    canvas.text(float(places[last]) + 4, float(y(np.nanmax(near))) - 12, words.value_short(values[last], unit), "blue",
                TEXT, BOLD, "right", clear=True)  # fmt: skip


def survival(data, words, width: int, group: str = "", axis: str = "") -> Canvas:
    """The share to which something has happened by so many days, for one group or two, with its interval.

    Rule: what is not yet over counts as long as it is known (censored); the last value stands at the line's end.
    Parameters: `data`, one row per group and step: the group column, t (days), value, low, high; `group`, the column
    with the groups, none if left out; `axis`, the words below the axis.
    """
    canvas = Canvas(width, 320 if width >= 480 else 290)
    series = [(str(name), part) for name, part in data.groupby(group, sort=False)] if group else [("", data)]
    labels = [f"{words.percent(part['value'].iloc[-1])} {name}".strip() for name, part in series]
    right = 8 if canvas.is_narrow else min(widest(labels, TEXT, BOLD) + 14, width * 0.36)
    top, bottom = (38 if canvas.is_narrow else 12), canvas.height - 48
    steps = round_steps(0, float(data["high"].max()), 4)
    y = Scale(0, steps[-1], bottom, top)
    marks = step_labels(steps, "share", words)
    left = widest(marks, SMALL) + 10
    x = Scale(0, float(data["t"].max()), left, width - right)
    for value, text in zip(steps, marks, strict=True):
        canvas.rule(left, width - right, float(y(value)), "axis" if value == 0 else "grid")
        canvas.text(left - 8, float(y(value)), text, "muted", SMALL, align="right")
    for value in round_steps(0, float(data["t"].max()), 5, whole=True):
        if value <= data["t"].max():
            canvas.text(float(x(value)), bottom + 14, words.number(value), "muted", SMALL, align="center")
    canvas.text((left + width - right) / 2, bottom + 34, axis or words.say("chart.days_since"), "muted", SMALL,
                align="center")  # fmt: skip
    curves(canvas, series, x, y)
    ends = [float(y(part["value"].iloc[-1])) for _, part in series]
    name_curves(canvas, labels, ends, width - right + 10, top, bottom)
    return canvas


def curves(canvas: Canvas, series, x: Scale, y: Scale) -> None:
    """The steps of each group, intervals below lines."""
    stairs = []
    for _, part in series:
        t = np.repeat(part["t"].to_numpy(float), 2)[1:]
        stairs.append((t, {name: np.repeat(part[name].to_numpy(float), 2)[:-1] for name in ("value", "low", "high")}))
    for paint, (t, part) in zip(PAINTS, stairs, strict=False):
        canvas.band(x(t), y(part["high"]), y(part["low"]), f"{paint}-soft", 0.7)
    for paint, (t, part) in zip(PAINTS, stairs, strict=False):
        canvas.line(x(t), y(part["value"]), paint, 2.2)


def name_curves(canvas: Canvas, labels, ends, x: float, top: float, bottom: float) -> None:
    """The names of curves: at their ends, apart; on a narrow sheet above the drawing."""
    if canvas.is_narrow:
        for place, (text, paint) in enumerate(zip(labels, PAINTS, strict=False)):
            canvas.text(0, 8 + 16 * place, fitted(text, canvas.width, TEXT, BOLD), paint, TEXT, BOLD)
        return
    for text, paint, y in zip(labels, PAINTS, apart(ends, 18, top, bottom), strict=False):
        canvas.text(x, y, text, paint, TEXT, BOLD, room=canvas.width - x)
