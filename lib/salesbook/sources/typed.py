"""The typed rows of a table: one Parquet file for each file that feeds it, written in one pass over its text."""

import shutil
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salesbook.schema import Table
from salesbook.sources.beside import ahead
from salesbook.sources.cast import absent
from salesbook.sources.form import literal
from salesbook.sources.planned import Planned

MARKS = ("problem", "other_word")
MARKED = pa.schema([("at_row", pa.int64()), ("problem", pa.int32()), ("other_word", pa.int32())])
BATCH = 122_880
ARROW = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "DATE": pa.date32(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
}


@dataclass(frozen=True)
class Written:
    """What was written: how many rows; `at_row`, `problem` and `other_word` of those where one of these is not 0; and
    whether every key comes after the one before, so that none can stand there twice.

    `apart`: whole rows that could not be cast and are not in the file, for it to stay as it is, each with the `at_row`
    that it had; they are counted, and numbered behind those in the file.
    """

    count: int
    marked: pa.Table
    is_ascending: bool
    apart: pa.Table

    @property
    def in_file(self) -> int:
        """How many rows are in the file."""
        return self.count - len(self.apart)


def batches(con: duckdb.DuckDBPyConnection, select: str) -> Iterator[pa.RecordBatch]:
    """The rows of a query while they come."""
    with con.cursor() as apart:
        yield from ahead(apart.sql(select).to_arrow_reader(BATCH))


def written(rows: Iterator[pa.RecordBatch], path: Path, table: Table, most_apart: int = 0) -> Written:
    """Rows written to Parquet while they come; `problem` and `other_word`, where they have them, are told beside it.

    Parameters: `most_apart`, how many rows that could not be cast may be kept apart.
    """
    schema = schema_of(table)
    count, marked, key, n_apart = 0, [MARKED.empty_table()], Key(table), 0
    apart = [pa.schema([*schema, *MARKED]).empty_table()]
    options = {"use_dictionary": repeated(table), "write_statistics": ordered(schema)}
    with pq.ParquetWriter(path, schema, compression="lz4", **options) as file:
        for batch in rows:
            first, count = count, count + len(batch)
            if MARKS[0] in batch.schema.names:
                failed = np.flatnonzero(batch.column("problem").to_numpy())
                if 0 < len(failed) <= most_apart - n_apart:
                    told = batch.append_column("at_row", pa.array(range(first, count))).take(pa.array(failed))
                    apart.append(pa.table(told.select(apart[0].column_names)).cast(apart[0].schema))
                    batch = batch.filter(pc.equal(batch.column("problem"), 0))
                marked.append(marks(batch, first - n_apart))
                n_apart = sum(map(len, apart))
            file.write_batch(batch.select(schema.names))
            key.look(batch)
    return Written(count, pa.concat_tables(marked), key.is_ascending, pa.concat_tables(apart))


def without(rejected: np.ndarray, path: Path) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file but some, given by their numbers in order."""
    first = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            here = rejected[slice(*np.searchsorted(rejected, (first, first + len(batch))))] - first
            is_good = np.ones(len(batch), bool)
            is_good[here] = False
            yield batch if len(here) == 0 else batch.filter(pa.array(is_good))
            first += len(batch)


def put_right(rows: pa.Table) -> pa.Table:
    """Rows in the order of `at_row`. The engine's threads give long runs of them, each in order: those are moved."""
    at = rows.column("at_row").to_numpy()
    if len(at) == 0:
        return rows
    firsts = np.flatnonzero(np.diff(at, prepend=-2) != 1)
    runs = zip(firsts, np.append(firsts[1:], len(at)), strict=True)
    return pa.concat_tables(rows.slice(first, end - first) for first, end in sorted(runs, key=lambda run: at[run[0]]))


def derived(
    con: duckdb.DuckDBPyConnection, rows: Iterator[pa.RecordBatch], table: Table, steps: list[dict[str, str]]
) -> Iterator[pa.RecordBatch]:
    """Rows with other values in some columns, that each step works out of the row `t` alone, in one pass.

    Parameters: `table`, the columns that steps may read, of which the rows lack those that are empty; `steps`, each
    column to SQL, in the order they are done; they may mark rows by another `problem`.
    """
    names, planned = list(dict.fromkeys(name for columns in steps for name in columns)), None
    if not names:
        yield from rows
        return
    try:
        for batch in rows:
            if MARKS[0] in names and MARKS[0] not in batch.schema.names:
                for mark in MARKS:
                    batch = batch.append_column(mark, pa.repeat(pa.scalar(0, pa.int32()), len(batch)))
            numbered = pa.table(batch.append_column("at_row", pa.array(range(len(batch)), pa.int64())))
            read = numbered if MARKS[0] in names else numbered.drop_columns([*set(MARKS) & set(numbered.column_names)])
            if planned is None:
                planned = Planned(con, of_row(names, read.column_names, table, steps), read)
            found = put_right(planned.of(read))
            columns = {name: batch.column(name) for name in batch.schema.names if name not in names}
            columns |= {name: found.column(name).combine_chunks() for name in names}
            yield pa.RecordBatch.from_pydict(columns)
    finally:
        if planned is not None:
            planned.close()


def of_row(names: list[str], there: list[str], table: Table, steps: list[dict[str, str]]) -> str:
    """SQL of the columns that steps work out of the rows `given`, with the number of each row.

    Parameters: `there`, the columns that the rows have.
    """
    kinds = table.stored | dict.fromkeys(MARKS, "INTEGER")
    given = [f'"{name}"' if name in there else f'{absent(name, kind)} as "{name}"' for name, kind in kinds.items()]
    select = f"select {', '.join(given)}, at_row from given"
    for columns in steps:
        values = ", ".join(f'{sql} as "{name}"' for name, sql in columns.items())
        select = f"select t.* replace ({values}) from ({select}) t"
    told = ", ".join(f'"{name}"::{kinds[name]} as "{name}"' for name in names)
    return f"select {told}, at_row from ({select}) told"


class Key:
    """Whether the ids that are a table's key ascend: by length, then by letters, as numbers that are counted up do."""

    def __init__(self, table: Table):
        self.name = table.key[0] if len(table.key) == 1 and table.column(table.key[0]).type == "id" else ""
        self.is_ascending, self.last = bool(self.name), pa.array([], pa.string())

    def look(self, batch: pa.RecordBatch) -> None:
        """Take the next rows into account."""
        if not self.is_ascending or not len(batch):
            return
        ids = batch.column(self.name)
        self.is_ascending = ids.null_count == 0 and ascend(self.last, ids[:1]) and ascend(ids[:-1], ids[1:])
        self.last = ids[-1:]


def ascend(before: pa.Array, after: pa.Array) -> bool:
    """Whether each id comes after the one before it."""
    n_before, n_after = pc.binary_length(before), pc.binary_length(after)
    if len(before) != len(after):
        return True
    is_after = pc.or_(pc.less(n_before, n_after), pc.and_(pc.equal(n_before, n_after), pc.less(before, after)))
    return pc.all(is_after, min_count=0).as_py()


def marks(batch: pa.RecordBatch, first: int) -> pa.Table:
    """The marked rows of a batch, counted on from `first`."""
    problem, other = (batch.column(name).to_numpy() for name in MARKS)
    at = np.flatnonzero((problem > 0) | (other > 0))
    return pa.table({"at_row": at + first, "problem": problem[at], "other_word": other[at]}, schema=MARKED)


def repeated(table: Table) -> list[str]:
    """The columns in which few values stand in many rows: worth a dictionary."""
    return [
        name
        for column in table.columns
        if column.type in ("word", "currency", "text") or column.parent == "reps"
        for name in column.stored
    ]


def ordered(schema: pa.Schema) -> list[str]:
    """The columns of which the least and greatest value are worth writing down: of texts nobody asks for them."""
    return [
        field.name for field in schema if not pa.types.is_string(field.type) and not pa.types.is_boolean(field.type)
    ]


def part(con: duckdb.DuckDBPyConnection, table: Table, source: int, path: Path, wrote: Written, there: Set[str]) -> str:
    """SQL of the rows of a file that feeds a table: its columns, its marks, and which file and row it was.

    Parameters: `there`, the columns that were written; the others are empty.
    """
    read = f"read_parquet({literal(path.as_posix())}, file_row_number = true)"
    rows = f"(select * exclude file_row_number, file_row_number as at_row from {read})"
    given = {name: f'r."{name}"' if name in there else absent(name, kind) for name, kind in table.stored.items()}
    names = ", ".join(f'{sql} as "{name}"' for name, sql in given.items())
    if len(wrote.marked):
        marked = keep(con, f"marks_{table.name}_{source}", wrote.marked)
        told = ", ".join(f"coalesce(m.{mark}, 0) as {mark}" for mark in MARKS)
        rows += f" r left join {marked} m on m.at_row = r.at_row"
    else:
        told, rows = ", ".join(f"0 as {mark}" for mark in MARKS), f"{rows} r"
    select = f"select {names}, {told}, {source} as in_file, r.at_row from {rows}"
    if len(wrote.apart):
        behind = pa.array(range(wrote.in_file, wrote.count), pa.int64())
        numbered = wrote.apart.drop_columns("at_row").append_column("at_row", behind)
        kept = keep(con, f"apart_{table.name}_{source}", numbered)
        select += f" union all select {names}, {', '.join(MARKS)}, {source} as in_file, r.at_row from {kept} r"
    return select


def keep(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> str:
    """A table of the engine with some rows, by its name."""
    con.register("given", rows)
    con.execute(f"create table {name} as from given")
    con.unregister("given")
    return name


def write_empty(table: Table, path: Path) -> None:
    """Write a table that the source does not have: present and empty."""
    pq.write_table(schema_of(table).empty_table(), path)


def schema_of(table: Table) -> pa.Schema:
    """The stored columns of a table with their types."""
    return pa.schema([(name, ARROW.get(kind) or decimal_type(kind)) for name, kind in table.stored.items()])


def decimal_type(kind: str) -> pa.DataType:
    """The type of DECIMAL(18,4) and the like."""
    return pa.decimal128(*map(int, kind.removeprefix("DECIMAL(").removesuffix(")").split(",")))


def link(path: Path, target: Path) -> None:
    """Give a file another name, or copy it where the disk knows but one."""
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)
