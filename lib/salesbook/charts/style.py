"""How a drawing looks: the house font, the roles of colours, the sizes of text. Nothing here happens on import."""

from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font, LoadFlags

# The font files lie beside the page template, which embeds the same two.
FONTS = Path(__file__).parent.parent / "report" / "template" / "fonts"
FONT_FILES = {400: FONTS / "salesbook-sans-regular.ttf", 600: FONTS / "salesbook-sans-semibold.ttf"}
FAMILY = "Salesbook Sans"
FALLBACK = "DejaVu Sans"

REGULAR, BOLD = 400, 600
TEXT, SMALL = 13.0, 12.0

# One colour, one role: a page replaces each by the CSS variable of that name, so no two roles may share a colour.
COLOURS = {
    "ink": "#17202d",
    "muted": "#566070",
    "axis": "#97a1af",
    "grid": "#e4e8ed",
    "paper": "#ffffff",
    "blue": "#0b5cad",
    "orange": "#b5470a",
    "blue-soft": "#d5e5f6",
    "orange-soft": "#f8dfcd",
    "blue-mid": "#86b4e0",
    "other": "#c2cad4",
    "fill": "#dde3eb",
    "heat-0": "#eef4fb",
    "heat-1": "#d9e8f7",
    "heat-2": "#b6d3ef",
    "heat-3": "#8ab8e4",
    "heat-4": "#5898d4",
    "heat-5": "#2c75bb",
    "heat-6": "#0f5299",
    "heat-7": "#083a70",
    "on-light": "#17202e",
    "on-dark": "#fffffe",
}
DARK = {
    "ink": "#e9edf2",
    "muted": "#a3aebb",
    "axis": "#687484",
    "grid": "#2a333f",
    "paper": "#12181f",
    "blue": "#6fb1f5",
    "orange": "#ff9a5a",
    "blue-soft": "#1c3a5a",
    "orange-soft": "#4a2c18",
    "blue-mid": "#3a6ea5",
    "other": "#4b5766",
    "fill": "#333e4b",
    "heat-0": "#172534",
    "heat-1": "#1a3149",
    "heat-2": "#1d4164",
    "heat-3": "#22568a",
    "heat-4": "#2b6aaa",
    "heat-5": "#5b9de0",
    "heat-6": "#8bbff2",
    "heat-7": "#bcdcfa",
    "on-light": "#e9edf2",
    "on-dark": "#0b1118",
}
HEAT_STEPS = 8
DARK_FROM = 5  # heat steps from here on bear light text

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "salesbook",
    "text.parse_math": False,
    "text.usetex": False,
    "font.family": [FAMILY, FALLBACK],
    "font.size": TEXT,
    "path.simplify": True,
}


@contextmanager
def house_style():
    """The look of every drawing, for the length of a with block."""
    known_fonts()
    with matplotlib.rc_context(STYLE):
        yield


@cache
def known_fonts() -> None:
    """Tell matplotlib where the house font is, once."""
    for file in FONT_FILES.values():
        font_manager.fontManager.addfont(file)


@cache
def face(weight: int) -> FT2Font:
    """The font of a weight, to measure with."""
    return FT2Font(str(FONT_FILES[weight]))


@cache
def text_width(text: str, size: float = TEXT, weight: int = REGULAR) -> float:
    """How wide a text will be, in pixels; a sign that the font lacks counts as one em."""
    font = face(weight)
    known = font.get_charmap()
    inside = "".join(sign for sign in text if ord(sign) in known)
    font.set_size(size, 72)
    font.set_text(inside, 0, flags=LoadFlags.NO_HINTING)
    return font.get_width_height()[0] / 64 + (len(text) - len(inside)) * size


def is_known(text: str) -> bool:
    """Whether the house font has every sign of a text."""
    return face(REGULAR).get_charmap().keys() >= set(map(ord, text))


def fitted(text: str, width: float, size: float = TEXT, weight: int = REGULAR) -> str:
    """A text on one line and no wider than that, shortened with an ellipsis where it must be."""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)[:400]).split())
    if text_width(text, size, weight) <= width:
        return text
    while text and text_width(text + "…", size, weight) > width:
        text = text[:-1].rstrip()
    return text + "…"
