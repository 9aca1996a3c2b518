"""The typed rows of a file, block by block: by Arrow where a value has a known form, by SQL the rows that are odd."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesbook import zones
from salesbook.sources import cast
from salesbook.sources.beside import AHEAD, in_order
from salesbook.sources.form import DATES
from salesbook.sources.plan import Feed
from salesbook.sources.planned import Planned
from salesbook.sources.rows import Traits
from salesbook.sources.typed import BATCH, MARKS, put_right
from salesbook.sources.usual import Usual, parsed

MOST_TRIES = 4  # before no other is made
MOST_EMPTY = 2  # blocks in which a column of dates is looked for
MOST_WAITING, MOST_TEXT = AHEAD, 1 << 26  # blocks and bytes that are judged together, while as many more are tried
MOST_SEARCHED = 1 << 22  # the bytes in which it is worth to look for years
MOST_SLICES = 100  # odd rows of a block that are put between slices of the others: more are sorted in faster
MOST_ODD = 0.5  # of the rows of a block: where more are odd, the SQL judges all of it


@dataclass
class Tried:
    """A block after Arrow has had it: the rows it took, and of those that are odd their text and which they are."""

    rows: pa.Table | None
    is_odd: np.ndarray
    odd: bytes


@dataclass
class Blocks:
    """The blocks of a file that feeds a table, as typed rows.

    `words`, `mixed`, `problems`: as for `cast.statement`. `empty`: date columns of which it is not known whether they
    are mixed, for they were empty so far: they pass for it until a text in one of them must be judged. `judge`: the
    statement for odd rows in which times are of some `years`.
    """

    con: duckdb.DuckDBPyConnection
    feed: Feed
    words: dict[str, dict[str, str]]
    mixed: set[str]
    problems: cast.Problems
    empty: set[str] = field(default_factory=set)
    taken: list[bool] = field(default_factory=list)
    years: zones.Years | None = None
    judge: Planned | None = None

    @cached_property
    def usual(self) -> Usual:
        """What takes the rows that are not odd."""
        return Usual(self.con, self.feed, self.words, frozenset(self.mixed | self.empty))

    def typed(self) -> Iterator[pa.RecordBatch]:
        """The rows in the order of the file; those that SQL has judged with `problem` and `other_word`."""
        waiting: list[Tried] = []
        try:
            for block in in_order(self.tried, self.feed.text.parts()):
                waiting.append(block)
                n_odd = sum(len(one.odd) for one in waiting)
                if n_odd == 0 or n_odd > MOST_TEXT or len(waiting) == MOST_WAITING:
                    yield from self.whole(waiting)
                    waiting = []
            yield from self.whole(waiting)
        finally:
            self.forget()

    def tried(self, part: tuple[bytes, Traits]) -> Tried:
        """A block, with the rows that are not odd. Where most of the first blocks were, no other is tried."""
        block, traits = part
        if len(self.taken) >= MOST_TRIES and not any(self.taken):
            return Tried(None, np.ones(len(self.feed.text.ends(block)), bool), block)
        rows, is_odd = self.usual.rows(block, traits)
        is_usual = np.count_nonzero(is_odd) <= MOST_ODD * len(is_odd)
        self.taken.append(is_usual)
        if not is_usual:
            return Tried(None, np.ones(len(is_odd), bool), block)
        return Tried(rows, is_odd, self.records(block, np.flatnonzero(is_odd)) if is_odd.any() else b"")

    def records(self, block: bytes, rows: np.ndarray) -> bytes:
        """The text of some records of a block."""
        ends = self.feed.text.ends(block)
        starts = np.concatenate(([0], ends[:-1] + 1))
        return b"".join(block[starts[row] : ends[row] + 1] for row in rows)

    def whole(self, blocks: list[Tried]) -> Iterator[pa.RecordBatch]:
        """All rows of some blocks, after one statement has judged those that are odd."""
        text, first = b"".join(block.odd for block in blocks), 0
        judged = self.judged(text) if text else None
        for block in blocks:
            rows = block.rows
            if block.odd:
                n_odd = np.count_nonzero(block.is_odd)
                odd, first = judged.slice(first, n_odd), first + n_odd
                rows = odd if rows is None else merged(rows, odd, block.is_odd)
            yield from rows.combine_chunks().to_batches(BATCH)

    def judged(self, block: bytes) -> pa.Table:
        """The rows of a block, judged by SQL. The engine may give them in any order: their numbers put them right."""
        columns = {f"c{at}": pa.string() for at in range(len(self.feed.text.header))}
        texts = parsed(block, self.feed.text, columns, [], self.feed.text.traits)
        if any(not is_empty(texts.column(f"c{self.feed.positions[name]}")) for name in self.empty):
            self.settle()
        texts = texts.append_column("at_row", pa.array(range(len(texts)), pa.int64()))
        return put_right(self.judging(texts, self.named_years(block)).of(texts)).drop_columns("at_row")

    def judging(self, texts: pa.Table, years: zones.Years) -> Planned:
        """The statement that judges texts with times of some years: the one there is, unless it knows fewer."""
        known = self.years or years
        wider = min(known[0], years[0]), max(known[1], years[1])
        if self.judge is None or wider != self.years:
            self.forget()
            self.years = wider
            feed = replace(self.feed, form=replace(self.feed.form, years=wider))
            select = cast.statement(feed, self.words, self.mixed, self.problems, "given", carried="at_row")
            self.judge = Planned(self.con, select, texts)
        return self.judge

    def forget(self) -> None:
        """Drop the statement there is."""
        if self.judge is not None:
            self.judge.close()
            self.judge = None

    def settle(self) -> None:
        """Look through the whole file for what is not known yet; blocks that come are tried with what is found."""
        self.mixed, self.empty = mixed_columns(self.feed), set()
        self.__dict__.pop("usual", None)
        self.forget()
        self.taken.clear()

    def named_years(self, block: bytes) -> zones.Years:
        """The first and last year that may be named in a block, in a constant, or in a word for another."""
        given = [*self.feed.constants.values(), *(word for words in self.words.values() for word in words.values())]
        if len(block) > MOST_SEARCHED:
            return zones.ALL
        found = re.findall(rb"(?<!\d)(?:19|20)\d\d(?!\d)", b"\n".join([block, *map(str.encode, given)]))
        return (int(min(found)), int(max(found))) if found else zones.ALL


def mixed_columns(feed: Feed) -> set[str]:
    """The date columns of a file in which the declared form occurs, where that is not 2026-12-31.

    The column decides as a whole: beside dates in the declared form no other is taken, for a spreadsheet may have
    turned half of them into dates of its own.
    """
    return mixed_and_empty(feed, len(feed.text.blocks))[0]


def mixed_and_empty(feed: Feed, most: int = MOST_EMPTY) -> tuple[set[str], set[str]]:
    """The same; and the columns that are empty in the first blocks, where the look ends if no other is undecided.

    Parameters: `most`, how many these blocks are.
    """
    if feed.form.date_form == "ymd":
        return set(), set()
    places = {column.name: f"c{feed.positions[column.name]}" for column in feed.table.columns
              if column.type in ("instant", "date") and column.name in feed.positions}  # fmt: skip
    open_, empty, pattern = places, places.keys(), f"^(?:{DATES[feed.form.date_form]})$"
    for at, (block, traits) in enumerate(feed.text.parts()):
        if not open_ or (at >= most and open_.keys() == empty):
            break
        texts = parsed(block, feed.text, dict.fromkeys(open_.values(), pa.string()), [], traits)
        empty = {name for name in open_.keys() & empty if is_empty(texts.column(open_[name]))}
        open_ = {name: place for name, place in open_.items() if not holds(texts.column(place), pattern, traits)}
    return places.keys() - open_.keys(), open_.keys() & empty


def is_empty(text: pa.ChunkedArray) -> bool:
    """Whether no text of a column has a sign."""
    return not pc.any(pc.greater(pc.binary_length(text), 0), min_count=0).as_py()


def holds(text: pa.ChunkedArray, pattern: str, traits: Traits) -> bool:
    """Whether any text has a pattern as a whole, without the white space around it."""
    bare = text if traits.is_trim else pc.utf8_trim(text, cast.TRIMMED)
    return pc.any(pc.match_substring_regex(bare, pattern), min_count=0).as_py()


def merged(rows: pa.Table, odd: pa.Table, is_odd: np.ndarray) -> pa.Table:
    """Rows and the odd ones between them, each where it stood."""
    for mark in MARKS:
        rows = rows.append_column(mark, pa.repeat(pa.scalar(0, pa.int32()), len(rows)))
    odd = odd.select(rows.column_names).cast(rows.schema)
    at = np.flatnonzero(is_odd)
    if len(at) > MOST_SLICES:
        places = np.where(is_odd, len(rows) + np.cumsum(is_odd) - 1, np.cumsum(~is_odd) - 1)
        return pa.concat_tables([rows, odd]).combine_chunks().take(pa.array(places))
    parts, first = [], 0
    for number, end in enumerate(at - np.arange(len(at))):
        parts += [rows.slice(first, end - first), odd.slice(number, 1)]
        first = end
    return pa.concat_tables([*parts, rows.slice(first)])
