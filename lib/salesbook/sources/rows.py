"""The good records of a text: the file in which they stand, and what none of them holds."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from salesbook.sources.framing import NEW_LINE, Dialect, Frame

BLOCK = 1 << 22
SPACE = 32


@dataclass
class Traits:
    """What a text does not hold, so that nobody need look for it in every field.

    `is_plain`: all of it is ASCII without control characters. `is_trim`: no field begins or ends with white space.
    `is_bare`: there is no # or +, without which no spreadsheet has spoiled anything.
    """

    is_plain: bool = True
    is_trim: bool = True
    is_bare: bool = True

    def look(self, text: bytes, dialect: Dialect) -> None:
        """Take another part of the text into account: whole records."""
        codes = np.frombuffer(text, np.uint8)
        if self.is_plain:
            n_usual = text.count(b"\n") + (text.count(b"\t") if dialect.delimiter == b"\t" else 0)
            self.is_plain = text.isascii() and b"\x7f" not in text and np.count_nonzero(codes < SPACE) == n_usual
        self.is_bare = self.is_bare and b"#" not in text and b"+" not in text
        if self.is_trim:
            self.is_trim = self.is_plain and dialect.quote not in text and not has_edges(codes, dialect)


def has_edges(codes: np.ndarray, dialect: Dialect) -> bool:
    """Whether a field begins or ends with a space, in whole records without quotes."""
    spaces = np.flatnonzero(codes == SPACE)
    if len(spaces) == 0:
        return False
    beside = np.concatenate((codes[spaces[spaces > 0] - 1], codes[spaces + 1]))
    return bool(spaces[0] == 0 or ((beside == dialect.delimiter[0]) | (beside == NEW_LINE)).any())


class Rows:
    """Writes a text's good records to a file, unless the source's copy holds just these after its first line."""

    def __init__(self, path: Path, copy: Path | None):
        """Parameters: `copy`, None where it is packed or no text."""
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

    def done(self) -> tuple[Path, int]:
        """The file that holds the records, and the lines to skip in it."""
        if self.copy is None or self.file or self.there.read(1):
            self.begin().flush()
        return (self.path, 0) if self.file else (self.copy, 1)

    def __enter__(self) -> "Rows":
        return self

    def __exit__(self, *error) -> None:
        self.there.close()
        if self.file:
            self.file.close()
