"""Facts are joined as their statements are written."""

import json
from decimal import ROUND_HALF_UP, Decimal

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


def test_money_is_rounded_half_away_from_zero_whatever_its_size(tmp_path):
    engine = DuckDB([tmp_path], tmp_path / "spill")
    engine.functions("t")
    # Around the most that 64 bits are used for, halves of a unit up and down, and a rate of the smallest step.
    amounts = [0, 1, -1, 3, 999_999_999, 1_000_000_000, -999_999_999, 10**15 + 1]
    rates = ["0.5", "-0.5", "1", "0.00000001", "8.99999999", "9.00000001", "160.5"]
    pairs = [(minor, rate) for minor in amounts for rate in rates]
    asked = ", ".join(f"money({minor}, cast({rate} as decimal(18, 8)))" for minor, rate in pairs)
    exact = [int((minor * Decimal(rate)).quantize(Decimal(1), ROUND_HALF_UP)) for minor, rate in pairs]
    assert list(engine.rows(f"select {asked}")[0]) == exact
    assert engine.rows("select money(null, 1), money(1, null)") == [(None, None)]
    engine.close()
