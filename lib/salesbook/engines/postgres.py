"""PostgreSQL: the same fact texts, built where the data may not leave. It works in a schema of its own."""

import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
from psycopg import sql as q

from salesbook.engines.duckdb import PARQUET, connect, counted, literal

# Two letters become small otherwise where they end a word, or become two signs: they are turned apart.
FUNCTIONS = """
create or replace function seconds_between(a timestamp, b timestamp) returns bigint language sql immutable
  return cast(floor(extract(epoch from b) - extract(epoch from a)) as bigint);
create or replace function ratio(a numeric, b numeric) returns double precision language sql immutable
  return case when b <> 0 then cast(a as double precision) / cast(b as double precision) end;
create or replace function money(minor bigint, rate numeric) returns bigint language sql immutable
  return cast(round(cast(minor as decimal(19, 0)) * rate, 0) as bigint);
create or replace function lowered(t text) returns text language sql immutable
  return lower(translate(t, 'İΣ', 'iσ') collate "und-x-icu") collate "C";
create or replace function squash(t text) returns text language sql immutable
  return lower(regexp_replace(t, '[^A-Za-z0-9]+', '', 'g') collate "C");
"""

DUCKDB = {
    "text": "varchar",
    "bigint": "bigint",
    "integer": "integer",
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "double precision": "double",
}
# Text is compared by its signs alone, as the other engines do, whatever the database's own order is.
TEXT = 'text collate "C"'
CSV = "auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', allow_quoted_nulls = false"
ARROW = {
    pa.string(): TEXT,
    pa.large_string(): TEXT,
    pa.int64(): "bigint",
    pa.int32(): "integer",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    pa.timestamp("ns"): "timestamp",
    pa.timestamp("ms", "UTC"): "timestamptz",
    pa.float64(): "double precision",
}


class Postgres:
    """An engine on a server; everything it makes is in one schema, dropped when it is closed. `memory`, such as 2GB, is
    what putting a fact's rows in order may take here."""

    name = "postgres"

    def __init__(self, connection: str, schema: str = "salesbook_run", memory: str = ""):
        self.schema, self.memory = schema, memory
        self.connection = psycopg.connect(connection, autocommit=True)
        self.execute(f"drop schema if exists {schema} cascade; create schema {schema}; set search_path to {schema}")
        self.execute("set timezone to 'UTC'")

    def execute(self, text: str) -> None:
        """Run statements without parameters."""
        self.connection.execute(text.encode())

    def functions(self, local_time: str) -> None:
        """Define the scalar functions in SQL."""
        declared = "create or replace function local_time(t timestamp) returns timestamp language sql immutable return"
        self.execute(f"{FUNCTIONS} {declared} {local_time};")

    def table(self, name: str, parquet: Path) -> None:
        """Copy a Parquet file into a table, batch by batch."""
        file = pq.ParquetFile(parquet)
        columns = ", ".join(f'"{field.name}" {postgres_type(field.type)}' for field in file.schema_arrow)
        self.execute(f"create table {name} ({columns})")
        options = pv.WriteOptions(include_header=False, quoting_style="all_valid")
        with self.connection.cursor() as cursor, cursor.copy(f"copy {name} from stdin (format csv)") as copy:
            for batch in file.iter_batches():
                text = io.BytesIO()
                pv.write_csv(pa.Table.from_batches([batch]), text, options)
                copy.write(text.getvalue())
        self.execute(f"analyze {name}")

    def view(self, name: str, sql: str) -> None:
        """A view."""
        self.execute(f"create view {name} as {sql}")

    def fact(self, name: str, sql: str, key: tuple[str, ...], parquet: Path) -> tuple[int, int]:
        """A table of the statement's rows, and a Parquet file of it in the same form as the other engines'."""
        self.execute(f"create table {name} as {sql}")
        self.execute(f"analyze {name}")
        query = f"copy {name} to stdout (format csv, force_quote *)"
        with tempfile.TemporaryDirectory(dir=parquet.resolve().parent) as kept:
            text = Path(kept) / "rows.csv"
            with text.open("xb") as file, self.connection.cursor() as cursor, cursor.copy(query) as copy:
                for chunk in copy:
                    file.write(chunk)
            rows = f"read_csv({literal(text)}, columns = {{{self.columns(name)}}}, {CSV})"
            with connect([Path(kept), parquet.parent], Path(kept) / "spill", self.memory) as local:
                ordered = f"from {rows} order by {', '.join(key)}"
                local.execute(f"copy ({ordered}) to {literal(parquet.resolve())} ({PARQUET})")
                return counted(local, key, parquet)

    def columns(self, name: str) -> str:
        """The columns of a table with DuckDB's types, as it reads them."""
        query = """select column_name, data_type, numeric_precision, numeric_scale from information_schema.columns
          where table_schema = %s and table_name = %s order by ordinal_position"""
        found = self.connection.execute(query, (self.schema, name)).fetchall()
        kinds = {
            column: f"decimal({digits}, {scale})" if kind == "numeric" else DUCKDB[kind]
            for column, kind, digits, scale in found
        }
        return ", ".join(f"'{column}': '{kind}'" for column, kind in kinds.items())

    def rows(self, sql: str) -> list[tuple]:
        """The rows of a query."""
        return self.connection.execute(sql.encode()).fetchall()

    def close(self) -> None:
        """Drop the schema and let the connection go."""
        self.connection.execute(q.SQL("drop schema if exists {} cascade").format(q.Identifier(self.schema)))
        self.connection.close()


class InPlace(Postgres):
    """In a schema that holds the canonical tables already: what is made there stays, and is written down as ours.

    `ours`, the table with the names of what we have made; `telling`, which tells the server's errors in our words;
    `memory`, as for any.
    """

    def __init__(self, connection: psycopg.Connection, schema: str, ours: str, telling: Callable, memory: str):
        self.connection, self.schema, self.ours, self.telling = connection, schema, ours, telling
        self.memory = memory

    def execute(self, text: str) -> None:
        """Run statements without parameters, each with the name of what it makes."""
        names = re.findall(r"\bcreate (?:table|view) (\w+)", text.partition("(")[0].partition(" as ")[0])
        marks = [f"; insert into {self.ours} values ('{name}') on conflict do nothing" for name in names]
        with self.telling(f"what is built in the schema {self.schema!r}"):
            super().execute(text + "".join(marks))

    def table(self, name: str, parquet: Path) -> None:
        """Copy a Parquet file into a table, batch by batch."""
        with self.telling(f"what is built in the schema {self.schema!r}"):
            super().table(name, parquet)

    def fact(self, name: str, sql: str, key: tuple[str, ...], parquet: Path) -> tuple[int, int]:
        """A table of the statement's rows, and a Parquet file of it."""
        with self.telling(f"the fact {name!r}"):
            return super().fact(name, sql, key, parquet)

    def rows(self, sql: str) -> list[tuple]:
        """The rows of a query."""
        with self.telling(f"what is built in the schema {self.schema!r}"):
            return super().rows(sql)

    def close(self) -> None:
        """Everything stays."""


def postgres_type(kind: pa.DataType) -> str:
    """The type of a column in PostgreSQL."""
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    return ARROW[kind]
