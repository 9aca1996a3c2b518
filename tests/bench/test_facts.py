"""bench/facts.py and bench/importing.py work, small."""

import duckdb

import facts
import importing


def test_a_company_is_written_read_built_and_asked(tmp_path):
    found = {step: facts.one(step, str(tmp_path), *more) for step, more in
             (("write", ("500",)), ("double", ()), ("read", ()), ("build", ()), ("ask", ()))}  # fmt: skip
    assert found["write"]["rows"]["leads"] == 500
    assert found["double"]["activities"] == 2 * found["write"]["rows"]["activities"]
    loaded = duckdb.sql(f"select count(*) from '{found['read']['tables']}/activities.parquet'").fetchall()
    assert loaded == [(found["double"]["activities"],)]
    assert len(facts.QUESTIONS) == 20
    table = facts.steps_table({500: found | {"memory": facts.MEMORY}})
    assert "| 500 | " in table
    line = facts.one("metric", str(tmp_path), "scan", "cohort retention", found["read"]["tables"])
    assert line["shortest"] <= line["seconds"]


def test_both_ways_of_importing_read_every_row(tmp_path):
    importing.write(tmp_path / "source", 1_000)
    ways = enumerate(importing.WAYS)
    found = {way: importing.one(way, tmp_path / "source", tmp_path / str(at), "iso") for at, way in ways}
    rows = {run["rows"] for run in found.values()}
    assert len(rows) == 1
    assert rows.pop() > 500
    assert importing.section(found, 1, "iso").count("\n| ") == 4
