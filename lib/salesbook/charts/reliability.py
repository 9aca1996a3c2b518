"""How well forecasts came true: what was forecast against what happened."""

import numpy as np

from salesbook.charts.canvas import Canvas, Scale
from salesbook.charts.style import SMALL, text_width

LEAST = 25  # deals in a group, below which it is not drawn
COUNTS = 64


def reliability(data, words, width: int) -> Canvas:
    """Forecast chance against the share that was won, with intervals, and how many there were below.

    Rule: a group of fewer than 25 is not drawn; its count still is.
    Parameters: `data`, one row per group of forecasts: forecast (their mean), n, value, low, high.
    """
    canvas = Canvas(width, 400 if width >= 480 else 350)
    bottom = canvas.height - COUNTS - 48
    ends = [words.percent(share) for share in (0, 0.25, 0.5, 0.75, 1)]
    left = text_width(ends[-1], SMALL) + 10
    across, up = Scale(0, 1, left, width - 18), Scale(0, 1, bottom, 10)
    for share, text in zip((0, 0.25, 0.5, 0.75, 1), ends, strict=True):
        canvas.rule(left, width - 18, float(up(share)), "axis" if share == 0 else "grid")
        canvas.text(left - 8, float(up(share)), text, "muted", SMALL, align="right")
        canvas.text(float(across(share)), canvas.height - 26, text, "muted", SMALL, align="center")
    canvas.line(across(np.array([0, 1])), up(np.array([0, 1])), "axis", 1.4, dashed=True)
    shown = data[data["n"] >= LEAST]
    canvas.line(across(shown["forecast"]), up(shown["value"]), "blue", 1.6)
    for row in shown.to_dict("records"):
        x = float(across(row["forecast"]))
        canvas.line([x, x], up(np.array([row["low"], row["high"]])), "blue", 2.4)
        canvas.dot(x, float(up(row["value"])), "blue", 8)
    say_sides(canvas, across, up, shown, words)
    counts(canvas, data, across, words)
    canvas.text((left + width - 18) / 2, canvas.height - 9, words.say("chart.forecast_axis"), "muted", SMALL,
                align="center")  # fmt: skip
    return canvas


def say_sides(canvas: Canvas, across: Scale, up: Scale, shown, words) -> None:
    """What the dashed line is, and what it means to lie on the side where most are."""
    canvas.text(float(across(0.04)), float(up(0.93)), words.say("chart.above_forecast"), "muted", SMALL)
    below = words.say("chart.below_forecast")
    canvas.text(float(across(0.99)), float(up(0.06)), below, "muted", SMALL, align="right")


def counts(canvas: Canvas, data, across: Scale, words) -> None:
    """How many forecasts each group holds, as small bars below."""
    floor = canvas.height - 38
    tall = Scale(0, max(data["n"].max(), 1), floor, floor - COUNTS + 26)
    gap = (across.last - across.first) / max(len(data), 1)
    every = 1 + int(max(text_width(words.number(n), SMALL) for n in data["n"]) + 4 > gap)
    for spot, row in enumerate(data.to_dict("records")):
        x, top = float(across(row["forecast"])), float(tall(row["n"]))
        canvas.box(x - gap * 0.36, top, x + gap * 0.36, floor, "fill")
        if spot % every == 0:
            canvas.text(x, top - 8, words.number(row["n"]), "muted", SMALL, align="center")
