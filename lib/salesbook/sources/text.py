"""The good records of a file as rows of text: in which order they are numbered, and where each stands in the source."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from salesbook.sources.framing import NEW_LINE, Dialect, Frame, structure
from salesbook.sources.rows import Block, Traits


@dataclass(frozen=True)
class Text:
    """A file as rows of text: `header`, and a file of its good records that a strict engine reads without a doubt.

    `skip`, `start`: the lines and bytes of that file before them; `blocks`: the parts in which it can be read;
    `pieces`: bytes and rows of smaller ones, None where not all records stand there as they stand in the source.
    `shifts`: (first row, line minus row) wherever that difference changes, so that a row's line in the source is known.
    `bad`: a CSV file of the records that are none (line, rule, original text). `traits`: what nobody need look for in
    it. `is_table`: rows of a database, which have no line. `others`: columns of the source that are not in the text.
    `is_canonical`: it has the tables' own names and forms. `dated`: columns in which a sheet has dates or times.
    `behind`: good rows, in order, that are numbered behind all others.
    """

    name: str
    header: tuple[str, ...]
    dialect: Dialect
    rows: Path
    bad: Path
    n_good: int
    n_bad: int
    shifts: np.ndarray
    frames: Callable[[], Iterator[Frame]]
    traits: Traits
    skip: int
    start: int = 0
    blocks: tuple[Block, ...] = ()
    pieces: np.ndarray | None = None
    is_table: bool = False
    others: tuple[str, ...] = ()
    is_canonical: bool = False
    dated: frozenset[int] = frozenset()
    behind: np.ndarray = field(default_factory=partial(np.zeros, 0, np.int64))

    def parts(self) -> Iterator[tuple[bytes, Traits]]:
        """The text in parts of whole records, with what each does not hold."""
        with self.rows.open("rb") as file:
            file.seek(self.start)
            for block in self.blocks:
                if block.size:
                    yield file.read(block.size), block.traits

    def ends(self, block: bytes) -> np.ndarray:
        """Where the records of a part end; the last line end of a file may be missing."""
        block = block if block.endswith(b"\n") else block + b"\n"
        if self.dialect.quote not in block:
            return np.flatnonzero(np.frombuffer(block, np.uint8) == NEW_LINE)
        ends, _, _ = structure(block, self.dialect)
        return ends

    def numbered_behind(self, rows: np.ndarray) -> "Text":
        """The text with some good rows, given in order, numbered behind all others."""
        known, shifts = self.shifts.T
        starts = np.setdiff1d(np.concatenate((known, rows + 1)), [*rows, self.n_good])
        there = np.concatenate((starts, rows))
        lines = there + shifts[np.searchsorted(known, there, side="right") - 1]
        n_before = self.n_good - len(rows)
        numbers = np.concatenate((starts - np.searchsorted(rows, starts), n_before + np.arange(len(rows))))
        return replace(self, shifts=np.stack((numbers, lines - numbers), axis=1), behind=rows)

    def originals(self, rows: np.ndarray) -> Iterator[tuple[int, str]]:
        """Some good records, given by their numbers, as they stand in the source; each with its number."""
        n_before = self.n_good - len(self.behind)
        before, after = rows[rows < n_before], rows[rows >= n_before]
        edges = self.behind - np.arange(len(self.behind))
        places = np.concatenate((before + np.searchsorted(edges, before, side="right"), self.behind[after - n_before]))
        numbers, order = np.concatenate((before, after)), np.argsort(places)
        for number, (_, original) in zip(numbers[order], self.standing(places[order]), strict=True):
            yield int(number), original

    def standing(self, rows: np.ndarray) -> Iterator[tuple[int, str]]:
        """Some good records, given in order by where they stand; each with that."""
        if self.pieces is None:
            yield from self.standing_in_frames(rows)
            return
        after = np.cumsum(self.pieces, axis=0)
        edges = np.searchsorted(rows, np.append(0, after[:, 1]))
        with self.rows.open("rb") as file:
            for piece in np.flatnonzero(np.diff(edges)):
                start, first = after[piece] - self.pieces[piece]
                file.seek(self.start + start)
                block = file.read(self.pieces[piece, 0])
                ends = np.append(self.ends(block), -1)
                for row in rows[edges[piece] : edges[piece + 1]]:
                    yield int(row), block[ends[row - first - 1] + 1 : ends[row - first]].decode()

    def standing_in_frames(self, rows: np.ndarray) -> Iterator[tuple[int, str]]:
        """The same, where the source is framed once more for it."""
        first = 0
        for frame in self.frames():
            for row in rows[slice(*np.searchsorted(rows, (first, first + len(frame.lines))))]:
                yield int(row), frame.original(row - first).decode()
            first += len(frame.lines)
            if first > rows[-1]:
                return
