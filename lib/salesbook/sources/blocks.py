"""The typed rows of a file, block by block: by Arrow where every value has a usual form, by SQL where one has not."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import duckdb
import numpy as np
import pyarrow as pa

from salesbook.sources import cast
from salesbook.sources.plan import Feed
from salesbook.sources.rows import Traits
from salesbook.sources.typed import BATCH
from salesbook.sources.usual import Usual, parsed

WORKERS, AHEAD = 2, 3
TOGETHER = 4  # blocks that one statement judges, for it takes long to plan; and tries before no other is made


@dataclass
class Blocks:
    """The blocks of a file that feeds a table, as typed rows.

    `words`, `mixed`, `problems`: as for `cast.statement`.
    """

    con: duckdb.DuckDBPyConnection
    feed: Feed
    words: dict[str, dict[str, str]]
    mixed: set[str]
    problems: cast.Problems
    taken: list[bool] = field(default_factory=list)

    def typed(self) -> Iterator[pa.RecordBatch]:
        """The rows in the order of the file; those that SQL has judged with `problem` and `other_word`."""
        waiting: list[bytes] = []
        for block, rows in in_order(self.tried, self.feed.text.parts()):
            if rows is None:
                waiting.append(block)
            if waiting and (rows is not None or len(waiting) == TOGETHER):
                yield from self.judged(b"".join(waiting))
                waiting = []
            if rows is not None:
                yield rows
        if waiting:
            yield from self.judged(b"".join(waiting))

    def tried(self, part: tuple[bytes, Traits]) -> tuple[bytes, pa.RecordBatch | None]:
        """A block, and its rows where all is usual. Where none of the first was, no other is tried."""
        block, traits = part
        is_hopeless = self.feed.forms or self.mixed or (len(self.taken) >= TOGETHER and not any(self.taken))
        rows = None if is_hopeless else Usual(self.feed, self.words).rows(block, traits)
        self.taken.append(rows is not None)
        return block, rows

    def judged(self, block: bytes) -> Iterator[pa.RecordBatch]:
        """The rows of a block, judged by SQL. The engine may give them in any order: their numbers put them right."""
        columns = {f"c{at}": pa.string() for at in range(len(self.feed.text.header))}
        texts = parsed(block, self.feed.text, columns, [])
        texts = texts.append_column("at_row", pa.array(range(len(texts)), pa.int64()))
        select = cast.statement(self.feed, self.words, self.mixed, self.problems, "texts", carried="at_row")
        with self.con.cursor() as apart:
            apart.register("texts", texts)
            rows = apart.sql(select).to_arrow_table()
        return iter(put_right(rows).drop_columns("at_row").combine_chunks().to_batches(BATCH))


def put_right(rows: pa.Table) -> pa.Table:
    """Rows in the order of `at_row`. The engine's threads give long runs of them, each in order: those are moved."""
    at = rows.column("at_row").to_numpy()
    firsts = np.flatnonzero(np.diff(at, prepend=-2) != 1)
    runs = zip(firsts, np.append(firsts[1:], len(at)), strict=True)
    return pa.concat_tables(rows.slice(first, end - first) for first, end in sorted(runs, key=lambda run: at[run[0]]))


def in_order(work: Callable, parts: Iterator) -> Iterator:
    """What comes of parts that are worked on at the same time, in their order."""
    with ThreadPoolExecutor(WORKERS) as pool:
        coming = deque(pool.submit(work, part) for part in islice(parts, AHEAD))
        while coming:
            result = coming.popleft().result()
            coming.extend(pool.submit(work, part) for part in islice(parts, 1))
            yield result
