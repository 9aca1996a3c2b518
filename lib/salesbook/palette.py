"""The colours and the fonts that pages and drawings share."""

from pathlib import Path

# The font files lie beside the page template, which embeds the same two.
FONTS = Path(__file__).parent / "report" / "template" / "fonts"
FONT_FILES = {400: FONTS / "salesbook-sans-regular.ttf", 600: FONTS / "salesbook-sans-semibold.ttf"}

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
