"""Lines over time: a trend with its interval, actual against target, small multiples, survival."""

import math

import numpy as np

from salesbook.charts.canvas import Canvas, Scale, apart, round_steps, step_labels, widest
from salesbook.charts.style import BOLD, SMALL, TEXT, text_width

PAINTS = ("blue", "orange")


def value_scale(canvas: Canvas, values, unit: str, words, top: float, bottom: float, right: float = 0) -> tuple:
    """The scale of values and the widths it needs: rules across the sheet, labels at the left.

    Rule: the axis holds zero unless the values lie far above it.
    Returns: the scale and the left edge of the drawing.
    """
    values = np.asarray([v for v in values if v == v] or [0, 1], float)
    low, high = values.min(), values.max()
    low = min(low, 0) if low < 0.4 * high or low < 0 else low
    whole = unit == "count"
    steps = round_steps(low, high, 4, whole)
    scale = Scale(steps[0], steps[-1], bottom, top)
    labels = step_labels(steps, unit, words)
    edge = widest(labels, SMALL) + 10
    for value, text in zip(steps, labels, strict=True):
        y = float(scale(value))
        canvas.rule(edge, canvas.width - right, y, "axis" if value == 0 else "grid")
        canvas.text(edge - 8, y, text, "muted", SMALL, align="right")
    return scale, edge


def month_axis(canvas: Canvas, months, places, words, y: float) -> None:
    """Months below a drawing: as many as fit, the last always, the year where it begins."""
    names = [words.month_name(month) for month in months]
    gap = places[1] - places[0] if len(places) > 1 else canvas.width
    every = max(1, math.ceil((widest(names, SMALL) + 8) / gap))
    every = next((n for n in (1, 2, 3, 4, 6, 12) if n >= every), every)
    shown = list(range(len(months) - 1, -1, -every))[::-1]
    year = None
    for spot in shown:
        half = text_width(names[spot], SMALL) / 2
        x = min(max(places[spot], half), canvas.width - half)
        canvas.text(x, y, names[spot], "muted", SMALL, align="center")
        if months[spot].year != year:
            year = months[spot].year
            half = text_width(str(year), SMALL) / 2
            canvas.text(min(x, canvas.width - half), y + 16, str(year), "muted", SMALL, align="center")


def line(data, words, width: int, unit: str = "share", group: str = "", target: float | None = None,
         young: int = 0) -> Canvas:  # fmt: skip
    """A trend over months, one line or two, with its interval.

    Parameters: `data`, one row per month (and group): period, value, low, high; `group`, the column that tells the
    two lines apart; `target`, drawn as a dashed line; `young`, so many last months are dashed as not yet settled.
    """
    canvas = Canvas(width, 300 if width >= 480 else 250)
    series = [(str(name), part) for name, part in data.groupby(group, sort=False)] if group else [("", data)]
    months = sorted(data["period"].unique())
    labels = [end_label(name, part, unit, words) for name, part in series]
    right = 0 if canvas.is_narrow and group else min(widest(labels, weight=BOLD) + 14, width * 0.35)
    top, bottom = (36 if canvas.is_narrow and group else 14), canvas.height - 46
    every = [*data["value"], *data.get("low", []), *data.get("high", []), *([target] if target is not None else [])]
    scale, left = value_scale(canvas, every, unit, words, top, bottom, right)
    x = Scale(0, max(len(months) - 1, 1), left + 6, width - max(right, 10))
    places = dict(zip(months, [float(x(spot)) for spot in range(len(months))], strict=True))
    for paint, (_, part) in zip(PAINTS, series, strict=False):
        if "low" in part and len(series) < 3:
            xs = [places[month] for month in part["period"]]
            canvas.band(xs, scale(part["high"]), scale(part["low"]), f"{paint}-soft", 0.7)
    if target is not None:
        y = float(scale(target))
        canvas.line([left, width - right], [y, y], "muted", 1.4, dashed=True)
        canvas.text(left + 6, y - 9, f"{words.say('chart.target')} {words.value_short(target, unit)}", "muted", SMALL)
    ends = []
    for paint, (_, part) in zip(PAINTS, series, strict=False):
        xs, ys = np.array([places[month] for month in part["period"]]), scale(part["value"])
        settled = len(xs) - young if young else len(xs)
        canvas.line(xs[:settled], ys[:settled], paint, 2.2)
        if young:
            canvas.line(xs[settled - 1 :], ys[settled - 1 :], paint, 2.2, dashed=True)
        ends.append(float(ys[-1]))
        canvas.dot(xs[-1], ys[-1], paint, 8)
    name_ends(canvas, labels, ends, width - right + 10, (top, bottom), left)
    month_axis(canvas, list(months), list(places.values()), words, canvas.height - 32)
    return canvas


def end_label(name: str, part, unit: str, words) -> str:
    """The last value of a line, and its name."""
    few = part.get("denominator")
    last = part.iloc[-1]
    is_few = few is not None and unit == "share" and last["denominator"] < words.counts_below
    value = words.share(last["numerator"], last["denominator"]) if is_few else words.value_short(last["value"], unit)
    return f"{value} {name}".strip()


def name_ends(canvas: Canvas, labels, ends, x: float, bounds, left: float) -> None:
    """The names of lines: at their ends, apart; on a narrow sheet above the drawing, where there are two."""
    paints = PAINTS[: len(labels)]
    if canvas.is_narrow and len(labels) > 1:
        for place, (text, paint) in enumerate(zip(labels, paints, strict=True)):
            align, at = ("left", 0) if place == 0 else ("right", canvas.width)
            canvas.text(at, 10, text, paint, TEXT, BOLD, align, room=canvas.width / 2 - 6)
        return
    for text, paint, y in zip(labels, paints, apart(ends, 18, *bounds), strict=True):
        canvas.text(x, y, text, paint, TEXT, BOLD, room=canvas.width - x)


def cumulative(data, words, width: int, unit: str = "money") -> Canvas:
    """Actual against target, added up over the days of a period.

    Parameters: `data`, one row per day in order: day (a date, or the number of the working day), actual (empty after
    as-of), and expected, the pace that the target needs, or target, added up day by day.
    """
    canvas = Canvas(width, 300 if width >= 480 else 260)
    actual = data["actual"].to_numpy(float)
    done = int(np.flatnonzero(~np.isnan(actual))[-1]) if (~np.isnan(actual)).any() else 0
    lines = [("actual", actual, done)]
    pace = next((name for name in ("expected", "target") if name in data and data[name].notna().any()), None)
    if pace:
        lines.append((pace, data[pace].to_numpy(float), len(data) - 1))
    labels = [f"{words.value_short(values[at], unit)} {words.say(f'chart.{name}')}" for name, values, at in lines]
    right = 0 if canvas.is_narrow else min(widest(labels, weight=BOLD) + 14, width * 0.35)
    top, bottom = (36 if canvas.is_narrow else 14), canvas.height - 30
    scale, left = value_scale(
        canvas, [0, *(v for _, values, _ in lines for v in values)], unit, words, top, bottom, right
    )
    x = Scale(0, max(len(data) - 1, 1), left + 4, width - max(right, 8))
    places = x(np.arange(len(data)))
    if len(lines) > 1:
        canvas.line(places, scale(lines[1][1]), "muted", 1.6, dashed=True)
    canvas.line(places[: done + 1], scale(actual[: done + 1]), "blue", 2.6)
    canvas.dot(places[done], float(scale(actual[done])) if len(actual) else bottom, "blue", 8)
    ends = [float(scale(values[at])) for _, values, at in lines]
    paints = ("blue", "muted")
    if canvas.is_narrow:
        for text, paint, align, at in zip(labels, paints, ("left", "right"), (0, width), strict=False):
            canvas.text(at, 10, text, paint, TEXT, BOLD, align, room=width / 2 - 6)
    else:
        for text, paint, y in zip(labels, paints, apart(ends, 18, top, bottom), strict=False):
            canvas.text(width - right + 10, y, text, paint, TEXT, BOLD)
    day_axis(canvas, list(data["day"]), places, words, canvas.height - 12)
    return canvas


def day_axis(canvas: Canvas, days, places, words, y: float) -> None:
    """Days below a drawing: first and last, and as many between as fit."""
    names = [str(day) if isinstance(day, (int, np.integer)) else words.day(day) for day in days]
    fits = max(2, int((places[-1] - places[0]) // (widest(names, SMALL) + 24)))
    for spot in sorted(set(np.linspace(0, len(days) - 1, min(fits, 6)).round().astype(int).tolist())):
        half = text_width(names[spot], SMALL) / 2
        at = min(max(float(places[spot]), half), canvas.width - half)
        canvas.text(at, y, names[spot], "muted", SMALL, align="center")
