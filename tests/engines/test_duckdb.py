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


def test_rows_with_the_key_of_another_are_counted_also_across_row_groups_and_where_a_part_of_it_is_empty(tmp_path):
    engine = DuckDB([tmp_path], tmp_path / "spill")
    pairs = "select * from (values (1, null), (1, null), (1, 2), (2, 2), (2, null)) t(a, b) order by a, b"
    assert engine.fact("pairs", pairs, ("a", "b"), tmp_path / "pairs.parquet") == (5, 1)
    # A row group has 122,880 rows: the last number of the first one comes again as the first of the next.
    numbers = "select n - (n // 122880) as number from range(200000) t(n) order by number"
    assert engine.fact("numbers", numbers, ("number",), tmp_path / "numbers.parquet") == (200_000, 1)
    assert engine.fact("none", "select 1 as a where false order by a", ("a",), tmp_path / "none.parquet") == (0, 0)
    engine.close()
