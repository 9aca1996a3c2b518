"""Where the workers of a cluster keep rows between the statements of an import: in files of their folder, or in their
own memory. What is kept of some rows is a part; the rows of a name are in one part or several."""

from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from salesbook.engines.spark import SHUFFLES
from salesbook.sources.dialect_spark import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class InFiles:
    """Parquet: columns are read apart from others, and what a worker wrote is there when the worker is gone."""

    def __init__(self, session: "SparkSession", root: Path):
        self.session, self.root, self.versions = session, root, 0

    def part(self, name: str, rows: "DataFrame") -> Path:
        """A new folder in which the workers have written rows of a name."""
        self.versions += 1
        place = self.root / f"{name}-{self.versions}"
        rows.write.parquet(place.as_uri())
        return place

    def has_rows(self, part: Path) -> bool:
        """Whether anything was written into a folder."""
        return any(pq.read_metadata(file).num_rows for file in part.glob("*.parquet"))

    def rows(self, parts: list[Path], kinds: dict[str, str]) -> "DataFrame":
        """The rows of folders; their columns are told, for Spark would run a job to find them out."""
        schema = ", ".join(f"{quoted(column)} {kind}" for column, kind in kinds.items())
        return self.session.read.schema(schema).parquet(*(part.as_uri() for part in parts))


class InMemory:
    """The workers' memory, and their disks where it is full: of few rows, writing and reading a file takes several
    times as long as the work. With a worker that goes its rows are gone, and the import ends."""

    def __init__(self, session: "SparkSession"):
        self.n_parts = int(session.conf.get(SHUFFLES))

    def part(self, name: str, rows: "DataFrame") -> "DataFrame":
        """The rows worked out, in no more parts than a join makes of them: each is a task wherever they are read."""
        return rows.coalesce(self.n_parts).localCheckpoint()

    def has_rows(self, part: "DataFrame") -> bool:
        """Whether there are any."""
        return not part.isEmpty()

    def rows(self, parts: list["DataFrame"], kinds: dict[str, str]) -> "DataFrame":
        """The rows of all parts."""
        return reduce(lambda one, other: one.union(other), parts)
