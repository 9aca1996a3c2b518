"""Lines of a report that are no rows: titles, what parts its groups, and its end. They are left out and counted.

Each keeps its line and text under a rule of its own, beside the records that are none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from salesbook.sources.framing import Dialect, Frame, structure
from salesbook.sources.header import Declared, Start, clean_name, name_key

TITLE, CLOSING = "title_line", "closing_line"
MOST_CLOSING = 20  # closing lines that have as many fields as rows
# What * stands for in a line with several cells: a number, with its sign or currency. Words there are those of a row.
CODE = r"(?:[A-Z]{3}|[Kk]r\.?)"
FIGURE = rf"\W*(?:{CODE}\W*)?\d[\d\W]*{CODE}?"


@dataclass(frozen=True)
class Line:
    """A record: its place among a frame's good ones, or -1; its line, its rule where it is none, and its cells."""

    place: int
    line: int
    rule: str
    cells: list[str]

    @property
    def filled(self) -> list[str]:
        """The cells that are not empty."""
        return [cell for cell in self.cells if cell]


def left_out(
    framing: Iterator[Frame], start: Start, dialect: Dialect, header: tuple[str, ...], declared: Declared
) -> Iterator[Frame]:
    """The frames of a text, with the lines that the settings say are no rows under their rules."""
    if start.titles:
        yield Frame(bad=[(line, TITLE, text) for line, text in start.titles])
    if declared.header:
        framing = (without_groups(frame, dialect, header) for frame in framing)
    yield from without_closing(framing, dialect, declared.closing) if declared.closing else framing


def lines_of(frame: Frame, dialect: Dialect) -> list[Line]:
    """The records of a frame in the order of their lines, those that are too short among them."""
    found = [Line(at, int(line), "", cells_in(frame.original(at), dialect)) for at, line in enumerate(frame.lines)]
    short = [(line, text) for line, rule, text in frame.bad if rule == "fields_missing"]
    found += [Line(-1, line, "fields_missing", cells_in(text, dialect)) for line, text in short]
    return sorted(found, key=lambda one: one.line)


def cells_in(record: bytes, dialect: Dialect) -> list[str]:
    """What the cells of a record say, in one line each."""
    return [clean_name(dialect.value(field).decode()) for field in dialect.fields(record)]


def without(frame: Frame, dialect: Dialect, lines: list[Line], rule: str) -> Frame:
    """A frame in which some lines are no rows, by a rule."""
    if not lines:
        return frame
    gone = {one.line for one in lines}
    bad = [(line, rule if line in gone else old, text) for line, old, text in frame.bad]
    places = [one.place for one in lines if one.place >= 0]
    if not places:
        return replace(frame, bad=bad)
    bad += [(int(frame.lines[at]), rule, frame.original(at)) for at in places]
    kept = np.setdiff1d(np.arange(len(frame.lines)), places)
    ends, _, _ = structure(frame.text, dialect)
    starts = np.append(0, ends[:-1] + 1)
    text = b"".join(frame.text[starts[at] : ends[at] + 1] for at in kept)
    originals = [frame.original(at) for at in kept]
    return Frame(text, originals, lines=frame.lines[kept], bad=sorted(bad, key=lambda one: one[0]))


def without_groups(frame: Frame, dialect: Dialect, header: tuple[str, ...]) -> Frame:
    """A frame without the header once more, and without the lines that stand between two groups of rows: those above
    it that have one cell alone, or sums."""
    names = [name_key(name) for name in header]
    first = next(at for at, name in enumerate(header) if name)
    if header[first].split()[0].encode() not in frame.text:
        return frame
    lines, gone = lines_of(frame, dialect), []
    for at, one in enumerate(lines):
        if [name_key(cell) for cell in one.cells] == names:
            gone.append(one)
            above = at - 1
            while above >= 0 and is_between(lines[above], first):
                gone.append(lines[above])
                above -= 1
    return without(frame, dialect, gone, TITLE)


def is_between(line: Line, first: int) -> bool:
    """Whether a line above the header once more is no row: it has one cell alone, or sums of a few columns."""
    n_filled = len(line.filled)
    return n_filled < 2 or (not line.cells[first] and 2 * n_filled < len(line.cells))


def without_closing(framing: Iterator[Frame], dialect: Dialect, ways: tuple[str, ...]) -> Iterator[Frame]:
    """The frames, the last of them without closing lines: frames wait until so many rows follow them that they hold
    none."""
    waiting: list[Frame] = []
    for frame in framing:
        if len(frame.lines) > MOST_CLOSING:
            yield from waiting
            waiting = []
        waiting.append(frame)
    ended = False
    done: list[Frame] = []
    for frame in reversed(waiting):
        lines = [] if ended else closing_of(lines_of(frame, dialect), dialect.width, ways)
        ended = ended or len(frame.lines) > sum(one.place >= 0 for one in lines)
        done.append(without(frame, dialect, lines, CLOSING))
    yield from reversed(done)


def closing_of(lines: list[Line], width: int, ways: tuple[str, ...]) -> list[Line]:
    """The closing lines below the last row of some lines: those that say one of the ways."""
    found = []
    for one in reversed(lines):
        if is_closing(one, width, ways):
            found.append(one)
        elif not one.rule:
            break
    return found


def is_closing(line: Line, width: int, ways: tuple[str, ...]) -> bool:
    """Whether a line says one of the ways in which reports end; * is anything in a line of one cell, and a number in
    one of several; an empty line of many fields is one, too."""
    filled = line.filled
    if not filled:
        return width > 1
    said = " ".join(filled)
    for way in ways:
        is_free = (len(filled) == 1 and re.search(r"[^\W\d_]", way)) or line.rule
        star = ".*" if is_free else FIGURE
        if re.fullmatch(star.join(map(re.escape, clean_name(way).split("*"))), said):
            return True
    return False
