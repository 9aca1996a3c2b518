"""Charts: a result in, a drawing out.

`svg(name, data, words, width)` gives a drawing for a page, `png(name, data, words)` one for JupyterLab. One family a
file: bars.py, bridge.py, trends.py, panels.py, grid.py, spread.py, reliability.py; canvas.py is the sheet they are
drawn on, style.py the look, svg.py the form in a page.
"""

import hashlib
import inspect

from salesbook.charts.bars import bars, bullet, funnel
from salesbook.charts.bridge import bridge
from salesbook.charts.canvas import Canvas
from salesbook.charts.grid import cohort
from salesbook.charts.panels import multiples, survival
from salesbook.charts.reliability import reliability
from salesbook.charts.spread import forest, quantiles
from salesbook.charts.style import house_style
from salesbook.charts.svg import page_svg
from salesbook.charts.trends import cumulative, line
from salesbook.errors import WrongUsage

CHARTS = {
    chart.__name__: chart
    for chart in (
        funnel,
        bars,
        bullet,
        bridge,
        line,
        cumulative,
        cohort,
        multiples,
        survival,
        quantiles,
        forest,
        reliability,
    )
}
WIDE, NARROW = 720, 360


def draw(name: str, data, words, width: int, **options) -> Canvas:
    """A chart on its sheet: one that says so where there are no rows.

    Parameters: `name`, one of CHARTS; `data`, a DataFrame as that chart's docstring says; `words`; `width` in pixels;
    `options` of that chart.
    Returns: Canvas.
    Raises: WrongUsage where there is no such chart or option.
    """
    unknown = set(options) - options_of(name)
    if unknown:
        raise WrongUsage(f"The chart {name} has no such option.", f"Found {sorted(unknown)}.", "See its docstring.")
    with house_style():
        if data.empty:
            return blank(words, width)
        return CHARTS[name](data.reset_index(drop=True), words, width, **options)


def blank(words, width: int) -> Canvas:
    """A sheet that says there is nothing to draw."""
    canvas = Canvas(width, 60)
    canvas.text(0, 30, words.say("chart.no_data"), "muted")
    return canvas


def svg(name: str, data, words, width: int, **options) -> str:
    """A chart as SVG for a page: real text, colours as CSS variables, ids that no other drawing has."""
    with house_style():
        raw = draw(name, data, words, width, **options).svg()
    return page_svg(raw, f"d{hashlib.sha256(raw.encode()).hexdigest()[:8]}-")


def png(name: str, data, words, **options) -> bytes:
    """A chart as PNG, for JupyterLab."""
    with house_style():
        return draw(name, data, words, WIDE, **options).png()


def options_of(name: str) -> set[str]:
    """The options that a chart has.

    Raises: WrongUsage where there is no such chart.
    """
    if name not in CHARTS:
        raise WrongUsage("There is no such chart.", f"Found {name!r}.", f"There are: {', '.join(CHARTS)}.")
    return set(inspect.signature(CHARTS[name]).parameters) - {"data", "words", "width"}
