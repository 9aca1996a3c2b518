"""Facts are joined as their statements are written."""

import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from salesbook.engines.duckdb import DuckDB

FEW_FIRST = "select few.id from few join many on many.id = few.id"


def join_of(plan: dict) -> dict:
    """The first join of a plan."""
    return plan if plan["name"] == "HASH_JOIN" else join_of(plan["children"][0])


def rows_held(rows: list[tuple]) -> int:
    """The rows that a plan's join is guessed to hold in memory: those of its second table."""
    held = join_of(json.loads(rows[0][1])[0])["children"][1]
    return int(held["extra_info"]["Estimated Cardinality"])


def test_a_join_holds_the_table_that_is_named_last(tmp_path):
    engine = DuckDB([tmp_path], tmp_path / "spill")
    for name, count in (("few", 10), ("many", 100_000)):
        pq.write_table(pa.table({"id": range(count)}), tmp_path / f"{name}.parquet")
        engine.table(name, tmp_path / f"{name}.parquet")
    assert rows_held(engine.rows(f"explain (format json) {FEW_FIRST}")) == 100_000
    engine.close()
    with duckdb.connect() as planner:
        for name in ("few", "many"):
            planner.execute(f"create view {name} as from '{tmp_path / name}.parquet'")
        assert rows_held(planner.execute(f"explain (format json) {FEW_FIRST}").fetchall()) == 10
