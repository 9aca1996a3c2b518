"""A grid of cells: conversion by cohort and age."""

import numpy as np

from salesbook.charts.canvas import NARROW, Canvas, widest
from salesbook.charts.style import BOLD, SMALL, text_width
from salesbook.palette import DARK_FROM, HEAT_STEPS

LEAST_SIZE = 11.0
HEAD, ROW = 44, 24


def cohort(data, words, width: int) -> Canvas:
    """Conversion by cohort (down) and age (across), with the size of each cohort.

    Rule: cells too young to compare are hatched, never coloured; a cell of few is grey, of very few given as counts.
    Where numbers do not fit in the cells, none is written.
    Parameters: `data`, one row per cell: period, age, numerator, denominator, value, is_young.
    """
    periods, ages = sorted(data["period"].unique()), sorted(data["age"].unique())
    canvas = Canvas(width, HEAD + ROW * len(periods) + 26)
    left = cohort_names(canvas, data, periods, words)
    cell = (width - left) / len(ages)
    age_heads(canvas, ages, left, cell, words)
    settled = data.loc[~data["is_young"].astype(bool) & (data["denominator"] >= words.grey_below), "value"]
    peak = settled.max() if settled.notna().any() else 1.0
    numbers = [cell_text(entry, words) for entry in data.to_dict("records")]
    longest = max((text for text in numbers if "/" not in text), key=len, default="")
    size = next((size for size in (SMALL, LEAST_SIZE) if text_width(longest, size) + 4 <= cell), 0.0)
    for entry, text in zip(data.to_dict("records"), numbers, strict=True):
        x, y = left + ages.index(entry["age"]) * cell, HEAD + periods.index(entry["period"]) * ROW
        paint_cell(canvas, entry, words, (x, y, x + cell - 1.5, y + ROW - 1.5), peak, text if size else "", size)
    if data["is_young"].any():
        canvas.text(width, canvas.height - 11, words.say("chart.young"), "muted", SMALL, align="right")
    return canvas


def cohort_names(canvas: Canvas, data, periods, words) -> float:
    """The cohorts and their sizes down the left side; gives the edge of what is left."""
    names = [words.month_short(period) for period in periods]
    size = data.groupby("period")["denominator"].max()
    sizes = [words.number(size[period]) for period in periods]
    head = "n" if canvas.width < NARROW else words.say("chart.cohort_size")
    edge = widest(names, SMALL) + 8 + max(widest(sizes, SMALL), text_width(head, SMALL, BOLD))
    canvas.text(edge, 30, head, "muted", SMALL, BOLD, "right")
    for spot, (name, count) in enumerate(zip(names, sizes, strict=True)):
        canvas.text(0, HEAD + (spot + 0.5) * ROW, name, size=SMALL)
        canvas.text(edge, HEAD + (spot + 0.5) * ROW, count, "muted", SMALL, align="right")
    return edge + 8


def age_heads(canvas: Canvas, ages, left: float, cell: float, words) -> None:
    """The ages above the cells, as many as fit."""
    canvas.text(canvas.width, 10, words.say("chart.months_since"), "muted", SMALL, align="right")
    heads = [words.number(age) for age in ages]
    every = max(1, int(np.ceil((widest(heads, SMALL) + 4) / cell)))
    for spot, head in enumerate(heads):
        if spot % every == 0:
            canvas.text(left + (spot + 0.5) * cell, 30, head, "muted", SMALL, align="center")


def cell_text(entry: dict, words) -> str:
    """A cell's number: per cent without its sign, or counts where there are very few."""
    if entry["value"] != entry["value"]:
        return ""
    if entry["denominator"] < words.counts_below:
        return f"{words.number(entry['numerator'])}/{words.number(entry['denominator'])}"
    return words.number(100 * entry["value"])


def paint_cell(canvas: Canvas, entry: dict, words, box: tuple, peak: float, text: str, size: float) -> None:
    """One cell: coloured by its value, hatched where too young, grey where few."""
    value = entry["value"]
    if value != value:
        return
    is_few, is_young = entry["denominator"] < words.grey_below, bool(entry["is_young"])
    step = min(int(HEAT_STEPS * value / peak), HEAT_STEPS - 1) if peak else 0
    if is_young:
        canvas.hatched(*box)
        ink = "ink"
    else:
        canvas.box(*box, "fill" if is_few else f"heat-{step}")
        ink = "muted" if is_few else "on-dark" if step >= DARK_FROM else "on-light"
    if text and text_width(text, size) + 3 <= box[2] - box[0]:
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        canvas.text(*middle, text, ink, size, align="center", clear=is_young)
