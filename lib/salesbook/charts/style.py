"""How a drawing looks: the house font, the sizes of text. Nothing here happens on import."""

from contextlib import contextmanager
from functools import cache

import matplotlib
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font, LoadFlags

from salesbook.palette import FONT_FILES

FAMILY = "Salesbook Sans"
FALLBACK = "DejaVu Sans"

REGULAR, BOLD = 400, 600
TEXT, SMALL = 13.0, 12.0

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
