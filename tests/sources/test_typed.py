"""Typed rows are written while they come: none lost, marks beside them, and keys that ascend known as unique."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesbook.schema import Column, Table
from salesbook.sources import typed

THINGS = Table("things", "one row per thing", ("thing_id",), (Column("thing_id", "id", "the thing", filled=True),))


def batches(*parts: list) -> pa.RecordBatchReader:
    """Rows in batches as the engine gives them: (id, problem)."""
    schema = pa.schema([("thing_id", pa.string()), ("problem", pa.int32()), ("other_word", pa.int32())])
    made = [pa.record_batch([[i for i, _ in part], [p for _, p in part], [0] * len(part)], schema) for part in parts]
    return pa.RecordBatchReader.from_batches(schema, made)


def test_marked_rows_are_told_by_their_place_in_all_rows(tmp_path):
    wrote = typed.written(batches([("A", 0), ("B", 3)], [("C", 0), ("D", 7)]), tmp_path / "t.parquet", THINGS)
    assert wrote.count == 4
    assert wrote.marked.to_pylist() == [
        {"at_row": 1, "problem": 3, "other_word": 0},
        {"at_row": 3, "problem": 7, "other_word": 0},
    ]
    assert pq.read_table(tmp_path / "t.parquet").to_pydict() == {"thing_id": ["A", "B", "C", "D"]}


@pytest.mark.parametrize(
    ("parts", "is_ascending"),
    [
        ([["A9", "A10"], ["A11"]], True),
        ([["A9", "A10"], ["A10"]], False),
        ([["A9"], ["A8"]], False),
        ([["A1", "A1"]], False),
        ([["A1"], [], ["A2"]], True),
        ([["A1", None]], False),
    ],
)
def test_keys_that_are_counted_up_are_known_to_ascend(tmp_path, parts, is_ascending):
    made = [[(one, 0) for one in part] for part in parts]
    assert typed.written(batches(*made), tmp_path / "t.parquet", THINGS).is_ascending == is_ascending


@given(st.lists(st.lists(st.text(max_size=3), max_size=4), max_size=4))
def test_no_key_that_stands_there_twice_passes_for_unique(parts):
    key = typed.Key(THINGS)
    for part in parts:
        key.look(pa.record_batch([pa.array(part, pa.string())], ["thing_id"]))
    every = [one for part in parts for one in part]
    assert not key.is_ascending or len(set(every)) == len(every)


def test_a_key_of_several_columns_is_not_judged():
    two = Table("pairs", "one row per pair", ("a", "b"), (Column("a", "id", "a"), Column("b", "id", "b")))
    assert not typed.Key(two).is_ascending


def test_rows_are_left_out_by_their_numbers_in_whatever_batch_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(typed, "BATCH", 10)
    pq.write_table(pa.table({"a": range(35)}), tmp_path / "rows.parquet")
    gone = [0, 9, 10, 11, 34]
    kept = pa.Table.from_batches(typed.without(np.array(gone), tmp_path / "rows.parquet"))
    assert kept.column("a").to_pylist() == [at for at in range(35) if at not in gone]


def test_rows_that_are_kept_apart_are_numbered_behind_those_in_the_file(tmp_path):
    things = [(f"T{at:02}", 5 if at in (0, 3, 4, 9, 21) else 0) for at in range(24)]
    made = [things[first : first + 6] for first in range(0, 24, 6)]
    wrote = typed.written(batches(*made), tmp_path / "t.parquet", THINGS, most_apart=4)
    assert [row["at_row"] for row in wrote.apart.to_pylist()] == [0, 3, 4, 9]
    assert pq.read_metadata(tmp_path / "t.parquet").num_rows == 20
    with duckdb.connect() as con:
        rows = con.execute(
            f"{typed.part(con, THINGS, 0, tmp_path / 't.parquet', wrote, {'thing_id'})} order by at_row"
        ).fetchall()
    order = [*(at for at in range(24) if at not in (0, 3, 4, 9)), 0, 3, 4, 9]
    assert rows == [(f"T{at:02}", 5 if at in (0, 3, 4, 9, 21) else 0, 0, 0, row) for row, at in enumerate(order)]
    assert wrote.in_file == 20


def test_values_that_steps_work_out_of_a_row_alone_stand_in_their_own_rows(monkeypatch):
    monkeypatch.setattr(typed, "put_right", lambda rows, right=typed.put_right: right(rows.sort_by("thing_id")))
    table = Table("things", "", (), (*THINGS.columns, Column("lead_id", "id", "a lead"), Column("who_id", "id", "who")))
    given = pa.record_batch({"thing_id": ["C", "B", "A"], "who_id": ["00Q1", None, "0032"]})
    steps = [{"lead_id": "case when starts_with(t.who_id, '00Q') then t.who_id end"},
             {"thing_id": "concat(t.thing_id, t.lead_id)"}]  # fmt: skip
    with duckdb.connect() as con:
        (made,) = typed.derived(con, iter([given]), table, steps)
    assert made.select(["thing_id", "lead_id", "who_id"]).to_pydict() == {
        "thing_id": ["C00Q1", "B", "A"], "lead_id": ["00Q1", None, None], "who_id": ["00Q1", None, "0032"]
    }  # fmt: skip
