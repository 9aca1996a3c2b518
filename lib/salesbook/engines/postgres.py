"""PostgreSQL: the same fact texts, built where the data may not leave. It works in a schema of its own."""

import io
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
from psycopg import sql as q

from salesbook.engines.duckdb import PARQUET, literal

FUNCTIONS = """
create function seconds_between(a timestamp, b timestamp) returns bigint language sql immutable
  return cast(floor(extract(epoch from b) - extract(epoch from a)) as bigint);
create function ratio(a numeric, b numeric) returns double precision language sql immutable
  return case when b <> 0 then cast(a as double precision) / cast(b as double precision) end;
create function money(minor bigint, rate numeric) returns bigint language sql immutable
  return cast(round(cast(minor as decimal(19, 0)) * rate, 0) as bigint);
create function squash(t text) returns text language sql immutable
  return regexp_replace(lower(t), '[^[:alnum:]]+', '', 'g');
"""

TYPES = {
    "text": (pa.string(), "text"),
    "bigint": (pa.int64(), "bigint"),
    "integer": (pa.int32(), "integer"),
    "boolean": (pa.bool_(), "boolean"),
    "date": (pa.date32(), "date"),
    "timestamp without time zone": (pa.timestamp("us"), "timestamp"),
    "double precision": (pa.float64(), "double precision"),
}
ARROW = {
    pa.string(): "text",
    pa.large_string(): "text",
    pa.int64(): "bigint",
    pa.int32(): "integer",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    pa.timestamp("ns"): "timestamp",
    pa.float64(): "double precision",
}


class Postgres:
    """An engine on a server; everything it makes is in one schema, dropped when it is closed."""

    name = "postgres"

    def __init__(self, connection: str, schema: str = "salesbook_run"):
        self.schema = schema
        self.connection = psycopg.connect(connection, autocommit=True)
        self.execute(f"drop schema if exists {schema} cascade; create schema {schema}; set search_path to {schema}")
        self.execute("set timezone to 'UTC'")

    def execute(self, text: str) -> None:
        """Run statements without parameters."""
        self.connection.execute(text.encode())

    def functions(self, local_time: str) -> None:
        """Define the scalar functions in SQL."""
        declared = "create function local_time(t timestamp) returns timestamp language sql immutable return"
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

    def fact(self, name: str, sql: str, key: tuple[str, ...], parquet: Path) -> None:
        """A table of the statement's rows, and a Parquet file of it in the same form as the other engines'."""
        self.execute(f"create table {name} as {sql}")
        self.execute(f"analyze {name}")
        text = io.BytesIO()
        query = f"copy (select * from {name} order by {', '.join(key)}) to stdout (format csv, force_quote *)"
        with self.connection.cursor() as cursor, cursor.copy(query) as copy:
            for chunk in copy:
                text.write(chunk)
        text.seek(0)
        with duckdb.connect() as local:
            local.register("rows", self.arrow(name, text))
            local.execute(f"copy (select * from rows) to {literal(parquet)} ({PARQUET})")

    def arrow(self, name: str, text: io.BytesIO) -> pa.Table:
        """The rows that PostgreSQL wrote as CSV, with the column types of its table."""
        query = """select column_name, data_type, numeric_precision, numeric_scale from information_schema.columns
          where table_schema = %s and table_name = %s order by ordinal_position"""
        columns = self.connection.execute(query, (self.schema, name)).fetchall()
        types = {
            column: pa.decimal128(digits, scale) if kind == "numeric" else TYPES[kind][0]
            for column, kind, digits, scale in columns
        }
        if not text.getbuffer().nbytes:
            return pa.table({column: pa.array([], kind) for column, kind in types.items()})
        read = pv.ReadOptions(column_names=list(types))
        convert = pv.ConvertOptions(
            column_types=types,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        )
        parse = pv.ParseOptions(newlines_in_values=True)
        return pv.read_csv(text, read, parse, convert)

    def rows(self, sql: str) -> list[tuple]:
        """The rows of a query."""
        return self.connection.execute(sql.encode()).fetchall()

    def close(self) -> None:
        """Drop the schema and let the connection go."""
        self.connection.execute(q.SQL("drop schema if exists {} cascade").format(q.Identifier(self.schema)))
        self.connection.close()


def postgres_type(kind: pa.DataType) -> str:
    """The type of a column in PostgreSQL."""
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    return ARROW[kind]
