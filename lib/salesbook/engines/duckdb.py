"""DuckDB: the embedded engine, the default."""

from pathlib import Path

import duckdb

# What a fact's Parquet file is written with: fixed, so that the same rows give the same bytes. A dictionary of more
# values than this makes a column no smaller, and costs a fifth of the writing to find out; so does pressing harder,
# which makes a file a twentieth smaller.
PARQUET = "format parquet, compression zstd, compression_level 1, row_group_size 122880, dictionary_size_limit 1000"

# Facts' statements name the many rows first and join the fewer to them, and are joined as they are written: where a
# join's size is guessed too low, the planner would hold the many in memory instead.
AS_WRITTEN = "join_order,build_side_probe_side"

# Money as all engines work it out takes integers of 128 bits; what fits into 64 is worked out in those, many times
# faster and to the same unit.
FUNCTIONS = """
create macro seconds_between(a, b) as date_diff('second', a, b);
create macro ratio(a, b) as case when b <> 0 then cast(a as double) / b end;
create macro money(minor, rate) as case
  when minor between -999999999 and 999999999 and rate between -9 and 9
    then cast(round(cast(minor as decimal(9, 0)) * cast(rate as decimal(9, 8)), 0) as bigint)
  else cast(round(cast(minor as decimal(19, 0)) * rate, 0) as bigint) end;
create macro lowered(t) as lower(t);
create macro squash(t) as lower(regexp_replace(t, '[^A-Za-z0-9]+', '', 'g'));
"""


def literal(path: Path) -> str:
    """A path as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def connect(
    folders: list[Path], spill: Path, memory: str = "", threads: int = 0, as_written: bool = False
) -> duckdb.DuckDBPyConnection:
    """A connection in memory that reads and writes files in these folders only.

    Rule: no extension is installed or loaded by itself and the configuration is locked.
    Parameters: `spill`, where it may put what does not fit into memory; `memory`, such as 2GB; `threads`, 0 for all;
    `as_written`, whether tables are joined in the order in which a statement names them.
    """
    config = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": str(spill),
    }
    if memory:
        config["memory_limit"] = memory
    if threads:
        config["threads"] = threads
    if as_written:
        config["disabled_optimizers"] = AS_WRITTEN
    connection = duckdb.connect(":memory:", config=config)
    allowed = ", ".join(literal(folder.resolve()) for folder in [*folders, spill])
    connection.execute(f"set allowed_directories = [{allowed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def counted(connection: duckdb.DuckDBPyConnection, key: tuple[str, ...], parquet: Path) -> tuple[int, int]:
    """The rows of a file in the order of its key, and how many have the key of the row before.

    Rule: each is compared with its neighbour as the file is read; grouping the keys would hold them all in memory.
    """
    same = " and ".join(f"{column} is not distinct from lag({column}) over ()" for column in key)
    rows = f"select row_number() over () > 1 and {same} as is_again from read_parquet({literal(parquet.resolve())})"
    query = f"select count(*), count(case when is_again then 1 end) from ({rows})"
    return connection.execute(query).fetchall()[0]


class DuckDB:
    """An engine of this process, reading Parquet where it lies."""

    name = "duckdb"

    def __init__(self, folders: list[Path], spill: Path, memory: str = "", threads: int = 0):
        self.connection = connect(folders, spill, memory, threads, as_written=True)

    def functions(self, local_time: str) -> None:
        """Define the scalar functions as macros."""
        self.connection.execute(FUNCTIONS + f"create macro local_time(t) as {local_time};")

    def table(self, name: str, parquet: Path) -> None:
        """A view on the file."""
        self.connection.execute(f'create view "{name}" as select * from read_parquet({literal(parquet.resolve())})')

    def view(self, name: str, sql: str) -> None:
        """A view."""
        self.connection.execute(f'create view "{name}" as {sql}')

    def fact(self, name: str, sql: str, key: tuple[str, ...], parquet: Path) -> tuple[int, int]:
        """Straight to the file, without a copy in memory."""
        self.connection.execute(f"copy ({sql}) to {literal(parquet.resolve())} ({PARQUET})")
        self.table(name, parquet)
        return counted(self.connection, key, parquet)

    def rows(self, sql: str) -> list[tuple]:
        """The rows as Python tuples."""
        return self.connection.execute(sql).fetchall()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
