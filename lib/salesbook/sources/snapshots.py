"""The snapshots of open deals that `salesbook snapshot` keeps beside the settings, read back with every source."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from salesbook.errors import BadData
from salesbook.settings import Settings
from salesbook.sources.copies import Copy
from salesbook.sources.files import SourceFile

FOLDER = "snapshots"
TABLE = "forecast_snapshots"
SCHEMA = pa.schema(
    [
        ("snapshot_at", pa.timestamp("s", "UTC")),
        ("method", pa.string()),
        ("deal_id", pa.string()),
        ("owner_id", pa.string()),
        ("pipeline", pa.string()),
        ("stage", pa.string()),
        ("category", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("currency", pa.string()),
        ("probability", pa.decimal128(9, 6)),
        ("expected_close", pa.date32()),
        ("is_rebuilt", pa.bool_()),
    ]
)


def folder_of(settings: Settings) -> Path:
    """The folder of the snapshots: one file a day, such as snapshots/2026-10-31.parquet."""
    return settings.home / FOLDER


def days_of(folder: Path) -> list[Path]:
    """The files of a folder of snapshots, in the order of their days."""
    return sorted(folder.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].parquet"))


def located(settings: Settings) -> list[SourceFile]:
    """All snapshots as one file of the source; none where none are kept."""
    folder = folder_of(settings)
    return [SourceFile(FOLDER, folder, "", (TABLE,), is_canonical=True)] if days_of(folder) else []


def copied(file: SourceFile, target: Path) -> Copy:
    """The snapshots of all days put together in one file, hashed.

    Raises: BadData where a file is not one that salesbook has written.
    """
    with pq.ParquetWriter(target, SCHEMA) as writer:
        for day in days_of(file.path):
            try:
                writer.write_table(pq.read_table(day, schema=SCHEMA))
            except (pa.ArrowException, OSError) as error:
                todo = "Take it away, or put back the copy that your backup has."
                raise BadData(f"{FOLDER}/{day.name} is no snapshot.", f"{str(error).splitlines()[0]}.", todo) from error
    with target.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return Copy(file, target, digest, target.stat().st_size, is_table=True)
