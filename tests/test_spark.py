"""A Spark cluster of a master and two workers builds the facts that DuckDB builds, of the same company from anywhere.

`engines/spark.py` and `sources/spark.py` are tested in one file: one cluster serves it.
"""

import dataclasses
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest

from salesbook import clock
from salesbook.build import FACTS, build_fact, define, first_instant, run_of
from salesbook.clock import named
from salesbook.engines import spark as engine
from salesbook.engines.duckdb import DuckDB
from salesbook.errors import BadData, MissingTool, WrongUsage
from salesbook.sources import site
from salesbook.sources.connection import Connection
from salesbook.sources.spark import parts_of
from salesbook.tables import TABLES
from spark import SMALL

CANARY = "canary-81f3c0"
VARIABLE = "SALESBOOK_TEST_CLUSTER"
TYPES = {
    "instant": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "money": pa.decimal128(18, 2),
    "rate": pa.decimal128(18, 8),
    "number": pa.decimal128(18, 4),
    "share": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
}


def fill(export: Path, folder: Path) -> None:
    """Write a folder of canonical CSV files as Parquet, each column of its own type; deals as Spark would, in parts."""
    folder.mkdir()
    for file in sorted(export.glob("*.csv")):
        types = {column.name: TYPES.get(column.type, pa.string()) for column in TABLES[file.stem].columns}
        options = pv.ConvertOptions(column_types=types, strings_can_be_null=True, timestamp_parsers=[pv.ISO8601])
        rows = pv.read_csv(file, convert_options=options)
        if file.stem == "deals":
            (folder / "deals").mkdir()
            pq.write_table(rows.slice(0, 500), folder / "deals" / "part-00000.parquet")
            pq.write_table(rows.slice(500), folder / "deals" / "part-00001.parquet")
        else:
            pq.write_table(rows, folder / f"{file.stem}.parquet")


def at(settings, home: Path, monkeypatch, address: str, **source):
    """The settings with a cluster as their source."""
    monkeypatch.setenv(VARIABLE, address)
    there = dataclasses.replace(settings.source, path=f"env:{VARIABLE}", **source)
    return dataclasses.replace(settings, home=home, source=there)


def differences(one: Path, other: Path) -> list[str]:
    """The facts of which types, order or any value differ between two folders of facts."""
    found = []
    for name in FACTS:
        ours, theirs = (f"'{folder / name}.parquet'" for folder in (one, other))
        for query in ("describe select * from {}", "select * from {}"):
            if duckdb.sql(query.format(ours)).fetchall() != duckdb.sql(query.format(theirs)).fetchall():
                found.append(name)
    return found


def test_the_sample_company_on_a_cluster_gives_every_fact_row_by_row(
    sample_settings, sample_book, cluster, tmp_path, monkeypatch
):
    fill(sample_settings.source_path, tmp_path / "crm")
    address = f"{cluster.address}?path=crm&" + "&".join(f"{name}={value}" for name, value in SMALL.items())
    made = run_of(at(sample_settings, tmp_path, monkeypatch, address), "2026-10")
    assert differences(sample_book.folder / "facts", made / "facts") == []
    assert {path.name for path in made.iterdir()} == {"facts", "small", "run.json"}
    assert all(duckdb.sql(f"select * from '{made}/facts/{name}.parquet' limit 1").fetchall() for name in FACTS)


@pytest.fixture(scope="module")
def connected(cluster):
    """The address of a server of Spark Connect on the cluster."""
    return cluster.connect(cluster.address)


EDGES = [
    # Both sides of each change of the clock in 2026, and a time before the first that is listed.
    *(f"local_time(timestamp '{at}')" for at in ("2026-03-29 00:59:59", "2026-03-29 01:00:00", "2026-10-25 00:59:59",
                                                  "2026-10-25 01:00:00", "1971-01-01 00:00:00")),
    "seconds_between(timestamp '2026-03-28 12:00:00', timestamp '2026-03-29 11:59:59')",
    "seconds_between(timestamp '2026-03-29 12:00:00', timestamp '2026-03-28 12:00:01')",
    # A bigint times a rate keeps its last digit, and halves go away from zero.
    *(f"money(cast({minor} as bigint), cast({rate} as decimal(18, 8)))" for minor, rate in (
        ("9007199254740993", "1"), ("12345678901234567", "0.13406537"), ("25", "0.1"), ("-25", "0.1"), ("35", "0.1"))),
    "money(cast(null as bigint), cast(1 as decimal(18, 8)))",
    *(f"ratio({a}, {b})" for a, b in (("1", "3"), ("5", "0"), ("cast(null as bigint)", "2"), ("0.1", "0.3"))),
    "squash('  Roskilde Mejeri A/S-1 ')",
    "cast(row_number() over (order by 1) as bigint)",
    "cast(floor(-7 / 2.0) as bigint)",
    "cast(cast(timestamp '2026-10-31 23:59:59' as date) + interval '1' month as date)",
]  # fmt: skip


def test_tables_over_spark_connect_give_the_same_facts_and_functions_the_same_values(
    sample_settings, sample_book, connected, tmp_path, monkeypatch
):
    fill(sample_settings.source_path, tmp_path / "crm")
    session = engine.connect(connected, {})
    session.sql("create schema crm")
    for path in sorted((tmp_path / "crm").iterdir()):
        session.sql(f"create table crm.{path.stem} using parquet location '{path.as_uri()}'")
    session.stop()
    settings = at(sample_settings, tmp_path, monkeypatch, connected, schema="crm")
    period, run = named("2026-10"), tmp_path / "run"
    (run / "facts").mkdir(parents=True)
    with site.opened(settings) as source:
        assert source.imported.rows_loaded("deals") == pq.read_table(tmp_path / "crm" / "deals").num_rows
        spark, ours = source.engine(run), DuckDB([tmp_path], tmp_path / "spill")
        define(spark, settings, period, clock.utc(settings.zone, period.end), run)
        ours.functions(clock.local_time_sql(settings.zone, first_instant(spark), datetime(2026, 11, 1)))
        edges = "select " + ", ".join(EDGES)
        assert dict(zip(EDGES, spark.rows(edges)[0], strict=True)) == dict(zip(EDGES, ours.rows(edges)[0], strict=True))
        for name in ("stage_visits", "account_facts", "seller_facts", "deal_facts"):
            build_fact(spark, name, run / "facts")
            theirs = f"select * from '{sample_book.folder}/facts/{name}.parquet'"
            assert duckdb.sql(f"select * from '{run}/facts/{name}.parquet'").fetchall() == duckdb.sql(theirs).fetchall()
        with pytest.raises(BadData, match="cannot give the answer to a query") as refused:
            spark.rows(f"select {CANARY.replace('-', '_')} from deal_facts")
        assert CANARY.replace("-", "_") not in str(refused.value)
        with pytest.raises(MissingTool, match="failed to give the answer to a query"):
            spark.rows("select cast(deal_id as bigint) from deal_facts")
        spark.close()
    assert not (run / "parts").exists()


@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_a_cluster_that_does_not_answer_is_told_at_once_and_without_its_address(scheme, monkeypatch):
    monkeypatch.setattr(engine, "WAIT_SECONDS", 2)
    monkeypatch.setattr(engine.shutil, "which", lambda name: name)
    pytest.importorskip("pyspark")
    with pytest.raises(MissingTool, match="does not answer") as refused:
        engine.connect(f"{scheme}://127.0.0.1:1/;token={CANARY}", {})
    assert CANARY not in str(refused.value)


def test_an_address_names_a_folder_and_settings_of_spark_and_nothing_else():
    address = "spark://host:7077?path=/shared/crm%20new&spark.driver.extraJavaOptions=-XX:+UseSerialGC"
    assert parts_of(Connection("CRM", address)) == (
        "spark://host:7077", "/shared/crm new", {"spark.driver.extraJavaOptions": "-XX:+UseSerialGC"}
    )  # fmt: skip
    with pytest.raises(WrongUsage, match="'CRM' holds something else") as refused:
        parts_of(Connection("CRM", f"sc://host:15002?token={CANARY}"))
    assert CANARY not in str(refused.value)


def test_a_schema_to_build_in_is_refused_rather_than_passed_over(sample_settings, tmp_path, monkeypatch):
    settings = at(sample_settings, tmp_path, monkeypatch, "spark://127.0.0.1:1", build_in="salesbook")
    with pytest.raises(WrongUsage, match="no schema to build in"), site.opened(settings):
        pass


class Elsewhere:
    """A session of a cluster whose workers have disks of their own: what they write does not come here."""

    def __getattr__(self, name):
        return self if name == "write" else lambda *told: self


def test_workers_that_write_elsewhere_are_found_out_before_a_row_is_lost(tmp_path):
    pytest.importorskip("pyspark")
    with pytest.raises(MissingTool, match=r"do not write where salesbook does.*Of 64 rows 0 came"):
        engine.check_shared(Elsewhere(), tmp_path)
