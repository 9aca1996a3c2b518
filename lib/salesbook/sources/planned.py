"""A long statement that is planned once and asked of rows that come part by part: to plan it takes longer than a few
rows do."""

import duckdb
import pyarrow as pa


class Given:
    """The rows that a statement reads: those that are there when it is asked."""

    def __init__(self, rows: pa.Table):
        self.rows = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows, as Arrow's protocol hands them on."""
        return self.rows.__arrow_c_stream__(requested_schema)


class Planned:
    """A SELECT over rows that have the name `given`, on a connection of its own.

    Parameters: `rows`, the first of them, whose columns all others have.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, select: str, rows: pa.Table):
        self.con, self.given = con.cursor(), Given(rows)
        self.con.register("given", self.given)
        self.con.execute(f"prepare asked as {select}")

    def of(self, rows: pa.Table) -> pa.Table:
        """What it says of some rows, in any order."""
        self.given.rows = rows
        return self.con.sql("execute asked").to_arrow_table()

    def close(self) -> None:
        """End the connection."""
        self.con.close()
