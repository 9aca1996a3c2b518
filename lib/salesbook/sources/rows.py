"""The good records of a text: the file in which they stand, and what none of them holds."""

from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from salesbook.sources.framing import NEW_LINE, Dialect, Frame

BLOCK = 1 << 22
SHORT = 1 << 21  # bytes: Arrow parses so many at a time, and no record may stand in more than two such pieces
SPACE, TAB = 32, 9
SPOILERS = (b"#", b"+", b"=")
WIDE = tuple(space.encode() for space in "\u00a0\u2009\u202f")


@dataclass(frozen=True)
class Traits:
    """What a text does not hold, so that nobody need look for it in every field.

    `is_plain`: all of it is ASCII without control characters but line ends. `is_trim`: no field begins or ends with
    white space, nor goes on in another line. `is_bare`: there is no #, + or =, without which no spreadsheet has spoiled
    anything, nor had to be kept from it. `is_short`: no record is longer than `SHORT` bytes.
    """

    is_plain: bool = True
    is_trim: bool = True
    is_bare: bool = True
    is_short: bool = True

    def __and__(self, other: "Traits") -> "Traits":
        """The traits of two texts together."""
        return Traits(*(getattr(self, one.name) and getattr(other, one.name) for one in fields(self)))


def traits_of(text: bytes, n_records: int, dialect: Dialect) -> Traits:
    """The traits of a text of whole records."""
    codes, is_ascii = np.frombuffer(text, np.uint8), text.isascii()
    n_ends = np.count_nonzero(codes == NEW_LINE)
    n_usual = n_ends
    if dialect.delimiter == b"\t" and dialect.quote not in text:
        n_usual += np.count_nonzero(codes == TAB)
    has_controls = np.count_nonzero(codes < SPACE) != n_usual
    is_wide = not is_ascii and any(space[:1] in text and space in text for space in WIDE)  # one sign is found faster
    may_have_edges = has_controls or n_ends != n_records or is_wide
    return Traits(
        is_plain=is_ascii and not has_controls and b"\x7f" not in text,
        is_trim=not may_have_edges and not has_edges(codes, dialect),
        is_bare=not any(sign in text for sign in SPOILERS),
        is_short=len(text) <= SHORT,
    )


def has_edges(codes: np.ndarray, dialect: Dialect) -> bool:
    """Whether a space stands where a field may begin or end: beside a delimiter, a line end or a quote."""
    spaces = np.flatnonzero(codes == SPACE)
    if len(spaces) == 0:
        return False
    beside = np.concatenate((codes[spaces[spaces > 0] - 1], codes[spaces + 1]))
    is_edge = (beside == dialect.delimiter[0]) | (beside == NEW_LINE) | (beside == dialect.quote[0])
    return bool(spaces[0] == 0 or is_edge.any())


@dataclass(frozen=True)
class Block:
    """A part of the good records: so many bytes of whole ones, and what they do not hold."""

    size: int
    traits: Traits


class Rows:
    """Writes a text's good records to a file, unless one that is there holds just these after its first line."""

    def __init__(self, path: Path, copy: Path | None):
        """Parameters: `copy`, the source's copy or, of a sheet, what was written of it; None where it is packed."""
        self.path, self.copy, self.file = path, copy, None
        self.n_same = 0
        self.there = copy.open("rb") if copy else BytesIO()
        self.start = len(self.there.readline())

    def add(self, frame: Frame) -> None:
        """Add a frame's records."""
        if self.file is None and self.stands_there(frame.text):
            self.n_same += len(frame.text)
        else:
            self.begin().write(frame.text)

    def stands_there(self, text: bytes) -> bool:
        """Whether the copy goes on with this text; the last line end of all may be missing in it."""
        found = self.there.read(len(text))
        return found == text or (len(found) < len(text) and found + b"\n" == text)

    def begin(self) -> BinaryIO:
        """The file, with what the copy had so far."""
        if self.file is None:
            self.file = self.path.open("wb")
            self.there.seek(self.start)
            while self.n_same:
                block = self.there.read(min(BLOCK, self.n_same)) or b"\n"
                self.file.write(block)
                self.n_same -= len(block)
        return self.file

    def done(self) -> tuple[Path, int, int]:
        """The file that holds the records, and the lines and bytes to skip in it."""
        if self.copy is None or self.file or self.there.read(1):
            self.begin().flush()
        return (self.path, 0, 0) if self.file else (self.copy, 1, self.start)

    def __enter__(self) -> "Rows":
        return self

    def __exit__(self, *error) -> None:
        self.there.close()
        if self.file:
            self.file.close()
