"""What an import holds: its folder, and what was read, loaded, rejected and flagged."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypedDict

import duckdb

from salesbook.schema import Table
from salesbook.sources.form import literal

RECORD = "import.json"


class ReadFile(TypedDict):
    """A file that fed a table: what it was, and what became of its rows.

    `unknown_columns` were in the file and are not loaded.
    """

    name: str
    sha256: str
    bytes: int
    table: str
    rows_read: int
    rows_loaded: int
    rows_rejected: int
    unknown_columns: list[str]


@dataclass(frozen=True)
class Import:
    """A source as it was read once: canonical tables, quarantine and flags in a folder.

    `rejected`, `flagged`: table to rule to number of rows. `made`: table to step to rows that the step added;
    `left_out`: table for steps to rule to rows that no step needed. `present`: tables that had a source. `newest`: the
    newest instant in any table (naive UTC), plans left out; None where there is none. `set_aside`: files of the source
    that were not read.
    """

    folder: Path
    files: tuple[ReadFile, ...]
    rejected: dict[str, dict[str, int]]
    flagged: dict[str, dict[str, int]]
    present: tuple[str, ...]
    set_aside: tuple[str, ...]
    newest: datetime | None
    made: dict[str, dict[str, int]]
    left_out: dict[str, dict[str, int]]

    def table(self, name: str) -> Path:
        """The Parquet file of a canonical table."""
        return self.folder / "tables" / f"{name}.parquet"

    def quarantine(self, name: str) -> Path:
        """The CSV file of a table's rejected rows."""
        return self.folder / "quarantine" / f"{name}.csv"

    def rows_read(self, table: str) -> int:
        """Rows of a table in all files."""
        return sum(file["rows_read"] for file in self.files if file["table"] == table)

    def rows_made(self, table: str) -> int:
        """Rows that steps added to a table."""
        return sum(self.made.get(table, {}).values())

    def rows_loaded(self, table: str) -> int:
        """Rows of a table that were loaded."""
        return sum(file["rows_loaded"] for file in self.files if file["table"] == table)


def opened(folder: Path) -> Import:
    """The import in a folder."""
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return Import(
        folder=folder,
        files=tuple(record["files"]),
        rejected=record["rejected"],
        flagged=record["flagged"],
        present=tuple(record["present"]),
        set_aside=tuple(record["set_aside"]),
        newest=datetime.fromisoformat(record["newest"]) if record["newest"] else None,
        made=record["made"],
        left_out=record["left_out"],
    )


def counted(con: duckdb.DuckDBPyConnection, where: str) -> dict[str, dict[str, int]]:
    """Rows by table and rule."""
    rows = con.execute(
        f"select table_name, rule, count(*) from {where} join problems using (number) "
        "group by 1, 2 order by 1, 3 desc, 2"
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for table, rule, count in rows:
        found.setdefault(table, {})[rule] = count
    return found


def newest_instant(con: duckdb.DuckDBPyConnection, tables: list[Table], folder: Path) -> datetime | None:
    """The newest instant in any table, plans left out."""
    found = []
    for table in tables:
        instants = [column.name for column in table.columns if column.is_instant and column.name != "planned_at"]
        if instants:
            newest = ", ".join(f"max({name})" for name in instants)
            rows = literal((folder / f"{table.name}.parquet").as_posix())
            found += con.execute(f"select {newest} from read_parquet({rows})").fetchone()
    return max(filter(None, found), default=None)
