"""A grid of cells: conversion by cohort and age."""

import numpy as np

from salesbook.charts.canvas import Canvas, widest
from salesbook.charts.style import BOLD, DARK_FROM, HEAT_STEPS, SMALL, text_width


def cohort(data, words, width: int) -> Canvas:
    """Conversion by cohort (down) and age (across), with the size of each cohort.

    Rule: cells too young to compare are hatched, never coloured; a cell of few is grey, of very few given as counts.
    Parameters: `data`, one row per cell: period, age, numerator, denominator, value, is_young.
    """
    periods, ages = sorted(data["period"].unique()), sorted(data["age"].unique())
    names = [words.month_short(period) for period in periods]
    size = data.groupby("period")["denominator"].max()
    sizes = [words.number(size[period]) for period in periods]
    heads = [words.number(age) for age in ages]
    first = widest(names, SMALL) + 8
    left = first + max(widest(sizes, SMALL), text_width(words.say("chart.cohort_size"), SMALL, BOLD)) + 10
    cell, row = (width - left) / max(len(ages), 1), 24
    canvas = Canvas(width, 44 + row * len(periods) + 26)
    canvas.text(left - 10, 30, words.say("chart.cohort_size"), "muted", SMALL, BOLD, "right")
    canvas.text(width, 10, words.say("chart.months_since"), "muted", SMALL, align="right")
    every = max(1, int(np.ceil((widest(heads, SMALL) + 4) / cell)))
    for spot, head in enumerate(heads):
        if spot % every == 0:
            canvas.text(left + (spot + 0.5) * cell, 30, head, "muted", SMALL, align="center")
    settled = data.loc[~data["is_young"].astype(bool) & (data["denominator"] >= words.grey_below), "value"]
    peak = settled.max() if settled.notna().any() else 1.0
    for spot, (name, count) in enumerate(zip(names, sizes, strict=True)):
        canvas.text(0, 44 + (spot + 0.5) * row, name, size=SMALL)
        canvas.text(left - 10, 44 + (spot + 0.5) * row, count, "muted", SMALL, align="right")
    for entry in data.to_dict("records"):
        across, down = ages.index(entry["age"]), periods.index(entry["period"])
        corner = left + across * cell, 44 + down * row
        paint_cell(canvas, entry, words, (*corner, corner[0] + cell - 1.5, corner[1] + row - 1.5), peak)
    if data["is_young"].any():
        canvas.text(width, canvas.height - 11, words.say("chart.young"), "muted", SMALL, align="right")
    return canvas


def paint_cell(canvas: Canvas, entry: dict, words, box: tuple, peak: float) -> None:
    """One cell: coloured by its value, hatched where too young, grey where few."""
    value, total = entry["value"], entry["denominator"]
    if value != value:
        return
    is_few = total < words.grey_below
    step = min(int(HEAT_STEPS * value / peak), HEAT_STEPS - 1) if peak else 0
    fill, ink = f"heat-{step}", "on-dark" if step >= DARK_FROM else "on-light"
    if entry["is_young"]:
        canvas.box(*box, None, "other", hatch="////")
        ink = "ink"
    else:
        canvas.box(*box, "fill" if is_few else fill)
        ink = "muted" if is_few else ink
    text = f"{words.number(100 * value)}"
    if total < words.counts_below:
        text = f"{words.number(entry['numerator'])}/{words.number(total)}"
    if text_width(text, SMALL) + 4 < box[2] - box[0]:
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        canvas.text(*middle, text, ink, SMALL, align="center", clear=bool(entry["is_young"]))
