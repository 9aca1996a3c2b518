"""A line as small as a word, for a card: no axis, the last value marked."""

from html import escape

WIDTH, HEIGHT, EDGE = 168, 40, 5


def sparkline(values: list[float | None], label: str, target: float | None = None) -> str:
    """Twelve months or so as a small SVG.

    Rule: the line breaks where there is no value; the scale holds the target where there is one.
    Parameters: `values`, oldest first; `label`, what is seen, for those who cannot; `target`, a dashed rule.
    Returns: SVG text, with colours as CSS variables.
    """
    known = [value for value in [*values, target] if value is not None]
    low, high = (min(known), max(known)) if known else (0, 1)
    step = (WIDTH - 2 * EDGE) / max(len(values) - 1, 1)

    def place(spot: int, value: float) -> tuple[str, str]:
        share = (value - low) / (high - low) if high > low else 0.5
        return f"{EDGE + spot * step:.1f}", f"{HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE):.1f}"

    parts, stretch = [], []
    for spot, value in enumerate([*values, None]):
        if value is not None:
            stretch.append(",".join(place(spot, value)))
        elif stretch:
            points = " ".join(stretch if len(stretch) > 1 else stretch * 2)
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="var(--muted)" stroke-width="1.6"></polyline>'
            )
            stretch = []
    if target is not None:
        y = place(0, target)[1]
        rule = f'<line x1="0" x2="{WIDTH}" y1="{y}" y2="{y}" stroke="var(--axis)" stroke-dasharray="3 3"></line>'
        parts.insert(0, rule)
    if values and values[-1] is not None:
        x, y = place(len(values) - 1, values[-1])
        parts.append(f'<circle cx="{x}" cy="{y}" r="3.6" fill="var(--blue)"></circle>')
    frame = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    head = f'<svg {frame} stroke-linejoin="round" stroke-linecap="round" role="img" aria-label="{escape(label)}">'
    return f"{head}{''.join(parts)}</svg>"
