"""The sheet a chart is drawn on: pixels from the top left, painted in the order of the calls."""

import io
import warnings

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from salesbook.charts.style import FALLBACK, FAMILY, REGULAR, TEXT, fitted, is_known, text_width
from salesbook.palette import COLOURS

HATCH = 4  # pixels between slanting lines, across
NARROW = 480  # below this a chart is drawn for a phone


class Canvas:
    """A sheet of so many pixels."""

    def __init__(self, width: int, height: float):
        self.width, self.height = width, height
        self.is_narrow = width < NARROW
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self.painted = 0

    def put(self, artist):
        """Paint an artist above all before it."""
        self.painted += 1
        artist.set_zorder(self.painted)
        artist.set_clip_on(False)
        self.axes.add_artist(artist)

    def box(self, left, top, right, bottom, fill="blue", edge=None, dashed=False):
        """A rectangle between two corners."""
        edge_colour = COLOURS[edge] if edge else "none"
        patch = Rectangle((left, top), right - left, bottom - top, facecolor=colour(fill), edgecolor=edge_colour)
        patch.set_linewidth(1 if edge else 0)
        patch.set_linestyle((0, (4, 3)) if dashed else "-")
        self.put(patch)

    def hatched(self, left, top, right, bottom, paint="other"):
        """A rectangle of slanting lines. Not a pattern: a browser prints each use of one as a picture of its own."""
        across, down = right - left, bottom - top
        points = []
        for start in np.arange(HATCH, across + down, HATCH):
            points.append((left + max(start - down, 0), top + min(start, down)))
            points.append((left + min(start, across), top + max(start - across, 0)))
        path = Path(points, [Path.MOVETO, Path.LINETO] * (len(points) // 2))
        self.put(PathPatch(path, facecolor="none", edgecolor=COLOURS[paint], linewidth=1, capstyle="butt"))

    def line(self, xs, ys, paint="blue", width=2.0, dashed=False):
        """A line through points; where one is NaN, it breaks."""
        dashes = (0, (4, 3)) if dashed else "-"
        self.put(Line2D(xs, ys, color=COLOURS[paint], linewidth=width, linestyle=dashes, solid_capstyle="butt"))

    def rule(self, left, right, y, paint="grid"):
        """A thin horizontal line."""
        self.line([left, right], [y, y], paint, 1)

    def post(self, x, top, bottom, paint="grid"):
        """A thin vertical line."""
        self.line([x, x], [top, bottom], paint, 1)

    def band(self, xs, highs, lows, fill="blue-soft", opacity=1.0):
        """The area between two lines; where one is NaN, it breaks."""
        xs, highs, lows = (np.asarray(values, float) for values in (xs, highs, lows))
        whole = ~(np.isnan(highs) | np.isnan(lows))
        for part in runs(whole):
            if len(part) > 1:
                outline = [
                    *zip(xs[part], highs[part], strict=True),
                    *zip(xs[part][::-1], lows[part][::-1], strict=True),
                ]
                self.put(Polygon(outline, facecolor=colour(fill), edgecolor="none", alpha=opacity))

    def dot(self, x, y, paint="blue", size=6.0, edge="paper"):
        """A round mark."""
        mark = Line2D([x], [y], marker="o", markersize=size, markerfacecolor=COLOURS[paint], linestyle="none")
        mark.set_markeredgecolor(COLOURS[edge])
        mark.set_markeredgewidth(1)
        self.put(mark)

    def text(self, x, y, text, paint="ink", size=TEXT, weight=REGULAR, align="left", room=None, clear=False):
        """A text whose lower-case letters are centred on y; with `room`, shortened to so many pixels; `clear` takes
        away what lies below it."""
        text = fitted(text, self.width if room is None else room, size, weight)
        if clear:
            wide = text_width(text, size, weight)
            left = x - {"left": 0, "center": wide / 2, "right": wide}[align]
            self.box(left - 2, y - size * 0.6, left + wide + 2, y + size * 0.6, "paper")
        # A text with signs that the house font lacks is measured with another; a browser has more fonts than these.
        family, weight = ([FAMILY], weight) if is_known(text) else ([FAMILY, FALLBACK], REGULAR)
        self.axes.text(x, y + 0.36 * size, text, color=COLOURS[paint], size=size, weight=weight, ha=align,
                       va="baseline", family=family, zorder=10_000)  # fmt: skip

    def svg(self) -> str:
        """The drawing as matplotlib's SVG."""
        return self.saved("svg", metadata={"Date": None, "Creator": None}).decode()

    def png(self) -> bytes:
        """The drawing as PNG, at twice the size for sharp screens."""
        return self.saved("png", dpi=144, facecolor=COLOURS["paper"], metadata={"Software": None})

    def saved(self, form: str, **options) -> bytes:
        """The drawing in a file format."""
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a browser has it
            self.figure.savefig(file, format=form, **options)
        return file.getvalue()


def colour(role: str | None) -> str:
    """The colour of a role; none for None."""
    return COLOURS[role] if role else "none"


def runs(flags) -> list[np.ndarray]:
    """The stretches of positions where a flag is true."""
    positions = np.flatnonzero(flags)
    return np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1) if len(positions) else []


class Scale:
    """Values to pixels, evenly or by their logarithm."""

    def __init__(self, low: float, high: float, first: float, last: float, log: bool = False):
        self.turn = np.log10 if log else np.asarray
        self.low, self.high = float(self.turn(low)), float(self.turn(high))
        self.first, self.last = first, last

    def __call__(self, value):
        """Where a value stands."""
        span = self.high - self.low or 1.0
        return self.first + (self.turn(np.asarray(value, float)) - self.low) / span * (self.last - self.first)


def round_steps(low: float, high: float, count: int = 5, whole: bool = False) -> np.ndarray:
    """Round values that hold a range, about so many."""
    if not low < high:
        high = low + 1
    locator = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10], integer=whole)
    return locator.tick_values(low, high)


def step_labels(values, unit: str, words) -> list[str]:
    """The labels of an axis: with as many digits as it takes to round none of them."""
    for digits in range(5):
        labels, finer = ([label(value, unit, digits + more, words) for value in values] for more in (0, 3))
        if list(map(figures, labels)) == list(map(figures, finer)):
            break
    return labels


def label(value: float, unit: str, digits: int, words) -> str:
    """A value at an axis with so many digits."""
    return words.money_short(value, digits) if unit == "money" else words.value(value, unit, digits)


def figures(text: str) -> str:
    """The figures of a number in words, without its signs and the zeros it ends in."""
    return "".join(filter(str.isdigit, text)).rstrip("0")


def apart(places: list[float], gap: float, low: float, high: float) -> list[float]:
    """Places for labels at least a gap from each other and within bounds, near where they belong, in the same order."""
    order = np.argsort(places, kind="stable")
    placed = np.array(places, float)[order]
    for spot in range(len(placed)):
        placed[spot] = max(placed[spot], placed[spot - 1] + gap if spot else low)
    for spot in reversed(range(len(placed))):
        placed[spot] = min(placed[spot], placed[spot + 1] - gap if spot < len(placed) - 1 else high)
    result = np.empty_like(placed)
    result[order] = placed
    return result.tolist()


def widest(texts, size: float = TEXT, weight: int = REGULAR) -> float:
    """The width of the widest of some texts."""
    return max((text_width(str(text), size, weight) for text in texts), default=0.0)
