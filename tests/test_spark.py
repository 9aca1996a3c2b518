"""A Spark cluster of a master and two workers builds the facts that DuckDB builds, and the same company gives the same
report from files, a database and a cluster.

`engines/spark.py` and `sources/spark.py` are tested in one file; `sources/test_placed_folder.py` has the steps of maps.
"""

import csv
import dataclasses
import json
import re
import stat
from pathlib import Path
from threading import Timer
from types import SimpleNamespace
from urllib.parse import urlparse

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest

from postgres import fill as load_into
from salesbook import clock, sample
from salesbook.build import FACTS, build_fact, define, run_of
from salesbook.clock import named
from salesbook.engines import spark as engine
from salesbook.errors import BadData, MissingTool, WrongUsage
from salesbook.report.month import make_month
from salesbook.settings import load
from salesbook.sources import site
from salesbook.sources.connection import Connection
from salesbook.sources.files import SourceFile
from salesbook.sources.imports import Import, opened
from salesbook.sources.placed_folder import refuse_nested
from salesbook.sources.site import Local
from salesbook.sources.spark import Tables, in_folder, parts_of
from salesbook.tables import TABLES
from sources.test_placed import FORM, TEXTS
from spark import SMALL, Cluster

CANARY = "canary-81f3c0"
CLUSTER, DATABASE = "SALESBOOK_TEST_CLUSTER", "SALESBOOK_TEST_DATABASE"
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
# The types of a database's columns as a cluster's files have them.
KINDS = {
    "int4": pa.int32(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "float8": pa.float64(),
    "numeric": pa.decimal128(38, 18),
    "timestamptz": pa.timestamp("us", "UTC"),
}


def fill(export: Path, folder: Path, names: tuple[str, ...] = tuple(TABLES)) -> None:
    """Write a folder of canonical CSV files as Parquet, each column of its own type; deals as Spark would, in parts."""
    folder.mkdir(parents=True)
    for file in sorted(path for path in export.glob("*.csv") if path.stem in names):
        types = {column.name: TYPES.get(column.type, pa.string()) for column in TABLES[file.stem].columns}
        options = pv.ConvertOptions(column_types=types, strings_can_be_null=True, timestamp_parsers=[pv.ISO8601])
        rows = pv.read_csv(file, convert_options=options)
        if file.stem == "deals":
            (folder / "deals").mkdir()
            pq.write_table(rows.slice(0, 50), folder / "deals" / "part-00000.parquet")
            pq.write_table(rows.slice(50), folder / "deals" / "part-00001.parquet")
        else:
            pq.write_table(rows, folder / f"{file.stem}.parquet")


def at(settings, home: Path, patch, variable: str, address: str, **source):
    """The settings with a server as their source, asked with few rows whether its workers write here."""
    patch.setenv(variable, address)
    patch.setattr(engine, "PROBES", 8)
    there = dataclasses.replace(settings.source, path=f"env:{variable}", **source)
    home.mkdir(exist_ok=True)
    return dataclasses.replace(settings, home=home, source=there)


def spoil(export: Path) -> None:
    """Add bad rows to every file: its first once more, one of nobody's, and one without what every row must have."""
    for file in sorted(export.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            row = next(csv.DictReader(lines))
        columns = TABLES[file.stem].columns
        of_nobody = dict.fromkeys((column.name for column in columns if column.type == "id"), f"no_one_{file.stem}")
        emptied = {next(column.name for column in columns if column.filled): ""}
        with file.open("a", encoding="utf-8", newline="") as lines:
            rows = csv.DictWriter(lines, row, lineterminator="\n", extrasaction="ignore")
            rows.writerows((row, row | of_nobody, row | emptied))


@pytest.fixture(scope="module")
def company(project, tmp_path_factory):
    """Settings of a company small enough for a cluster of one machine, yet with rows in every fact, and bad rows in
    every table: in a small one they are more than a share of twentieth."""
    folder = tmp_path_factory.mktemp("company")
    sample.write(folder / "export", leads=300, months=6)
    spoil(folder / "export")
    loaded = load(project)
    source = dataclasses.replace(loaded.source, path=str(folder / "export"))
    limits = dataclasses.replace(loaded.limits, rejected_share=0.5)
    return dataclasses.replace(loaded, home=folder, source=source, limits=limits)


@pytest.fixture(scope="module")
def from_files(company):
    """The company's run, read from files and built here."""
    return run_of(company, "2026-10")


@pytest.fixture(scope="module")
def from_cluster(company, cluster):
    """The same company's run, read from a cluster and built there."""
    fill(company.source_path, company.home / "cluster" / "crm")
    address = f"{cluster.address}?path=crm&" + "&".join(f"{name}={value}" for name, value in SMALL.items())
    with pytest.MonkeyPatch.context() as patch:
        return run_of(at(company, company.home / "cluster", patch, CLUSTER, address), "2026-10")


@pytest.fixture(scope="module")
def from_database(company, postgres):
    """The same company's run, read from a database and built in place; `sources/test_postgres.py` copies out of it."""
    load_into(postgres, company.source_path, "same_company")
    with pytest.MonkeyPatch.context() as patch:
        place = {"schema": "same_company", "build_in": "same_company_ours"}
        return run_of(at(company, company.home / "database", patch, DATABASE, postgres, **place), "2026-10")


def differences(one: Path, other: Path) -> list[str]:
    """The facts of which types, order or any value differ between two folders of facts."""
    found = []
    for name in FACTS:
        ours, theirs = (f"'{folder / name}.parquet'" for folder in (one, other))
        for query in ("describe select * from {}", "select * from {}"):
            if duckdb.sql(query.format(ours)).fetchall() != duckdb.sql(query.format(theirs)).fetchall():
                found.append(name)
    return found


def test_the_same_company_on_a_cluster_gives_every_fact_row_by_row(from_files, from_cluster):
    assert differences(from_files / "facts", from_cluster / "facts") == []
    assert {path.name for path in from_cluster.iterdir()} == {"facts", "small", "run.json"}
    assert all(duckdb.sql(f"select * from '{from_files}/facts/{name}.parquet' limit 1").fetchall() for name in FACTS)


def published(run: Path, reports: Path, project: Path) -> dict[str, bytes]:
    """A page of a month made of a run, and its figures; without endings and hashes of files, which name the source."""
    make_month(run, [project / "notebooks" / "data_quality.ipynb"], reports)
    page = (reports / "2026-10" / "data_quality.html").read_bytes()
    figures = {name: (reports / "2026-10" / name).read_bytes() for name in ("kpis.csv", "kpis.parquet", "index.html")}
    return figures | {"page": re.sub(rb"<td>[0-9a-f]{16}</td>", b"", re.sub(rb"\b([a-z_]+)\.csv\b", rb"\1", page))}


def test_the_same_company_gives_the_same_report_from_files_a_database_and_a_cluster(
    from_files, from_database, from_cluster, project, tmp_path
):
    assert differences(from_files / "facts", from_database / "facts") == []
    asked = {"files": from_files, "database": from_database, "cluster": from_cluster}
    made = {name: published(run, tmp_path / name, project) for name, run in asked.items()}
    assert made["database"] == made["files"]
    assert made["cluster"] == made["files"]
    told = [json.loads((run / "run.json").read_text())["inputs"] for run in asked.values()]
    counts = [[(entry["table"], entry["rows_read"], entry["rows_loaded"]) for entry in inputs] for inputs in told]
    assert counts[0] == counts[1] == counts[2]


def imported(home: Path) -> Import:
    """The one import beside some settings."""
    (record,) = (home / ".salesbook" / "imports").glob("*/import.json")
    return opened(record.parent)


def quarantined(found: Import, table: str) -> list[tuple]:
    """What an import says of the rows of a table that it rejected, but for where they stood."""
    query = (
        f"""select key, "column", rule, reason from '{found.quarantine(table).with_suffix(".parquet")}' order by all"""
    )
    return duckdb.sql(query).fetchall()


def test_bad_rows_of_every_table_are_rejected_and_flagged_alike(company, from_files, from_database, from_cluster):
    files, database, cluster = (imported(company.home / name) for name in ("", "database", "cluster"))
    assert files.rejected.keys() == {path.stem for path in company.source_path.glob("*.csv")}
    assert (files.rejected, files.flagged) == (database.rejected, database.flagged)
    assert (files.rejected, files.flagged) == (cluster.rejected, cluster.flagged)
    for table in files.rejected:
        assert quarantined(cluster, table) == quarantined(files, table)
        rejected = sum(files.rejected[table].values())
        assert files.rows_read(table) == files.rows_loaded(table) + rejected > rejected


def in_files(rows: psycopg.Cursor, folder: Path) -> None:
    """Write the rows of a query as Parquet files of few rows, each column of its own type."""
    schema = pa.schema([(column.name, KINDS.get(column.type_display, pa.string())) for column in rows.description])
    table = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
    folder.mkdir(parents=True)
    for at in range(0, table.num_rows, 30):
        pq.write_table(table.slice(at, 30), folder / f"part-{at:05}.parquet")


@pytest.fixture
def three_ways(cluster, postgres, tmp_path, monkeypatch):
    """Settings of tables with whatever can be wrong: copied out of a database, built in place there, and built in place
    on a cluster that has the same values, each of its own type, in files of few rows."""
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"create schema of_three; set search_path to of_three; {TEXTS}".encode())
        for name in ("deals", "stages", "stage_history", "reps", "costs"):
            in_files(server.execute(f"select * from {name}".encode()), tmp_path / "crm" / name)
    small = "&".join(f"{name}={value}" for name, value in SMALL.items())
    monkeypatch.setattr(engine, "PROBES", 8)
    monkeypatch.setenv(DATABASE, postgres)
    monkeypatch.setenv(CLUSTER, f"{cluster.address}?path=crm&{small}")
    (tmp_path / "salesbook.toml").write_text(f"[source]\n{FORM}[limits]\nrejected_share = 1.0\n", encoding="utf-8")
    settings = load(tmp_path)
    ways = {"copied": {"path": f"env:{DATABASE}", "schema": "of_three"}}
    ways["database"] = ways["copied"] | {"build_in": "of_three_ours"}
    ways["cluster"] = {"path": f"env:{CLUSTER}", "build_in": "shared"}
    yield {way: dataclasses.replace(settings, source=dataclasses.replace(settings.source, **named))
           for way, named in ways.items()}  # fmt: skip
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(b"drop schema of_three cascade; drop schema of_three_ours cascade")


def loaded_rows(source, folder: Path) -> dict[str, list[tuple]]:
    """The rows of every canonical table as an engine knows them, in the order of all columns."""
    made = source.engine(folder)
    columns = {name: ", ".join(f'"{column}"' for column in table.stored) for name, table in TABLES.items()}
    return {name: sorted(made.rows(f"select {columns[name]} from loaded_{name}"), key=repr) for name in TABLES}


def test_whatever_is_wrong_with_a_row_is_found_by_the_workers_as_it_is_here_and_in_a_database(three_ways, tmp_path):
    rows, told, kept = {}, {}, {}
    for way, settings in three_ways.items():
        with site.opened(settings) as source:
            rows[way], kept[way] = loaded_rows(source, tmp_path), source.imported
            told[way] = [getattr(source.imported, name) for name in ("rejected", "flagged", "present", "newest")]
            told[way] += [(file["table"], file["rows_read"], file["rows_loaded"]) for file in source.imported.files]
            if way == "cluster":
                same_in_any_order(source.place, tmp_path)
                facts = build_facts(source, settings, tmp_path / way)
            if way == "copied":
                expected = build_facts(source, settings, tmp_path / way)
    assert told["cluster"] == told["database"] == told["copied"]
    assert rows["cluster"] == rows["database"] == rows["copied"]
    assert facts == expected
    assert len(kept["copied"].rejected["deals"]) > 9
    assert rows["cluster"]["deals"] != []
    for table in kept["copied"].rejected:
        assert quarantined(kept["cluster"], table) == quarantined(kept["copied"], table)
        files = [kept["cluster"].quarantine(table), kept["cluster"].quarantine(table).with_suffix(".parquet")]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    originals, flags = (
        [duckdb.execute(query, [str(kept[way].folder / name)]).fetchall() for way in ("cluster", "copied")]
        for query, name in (
            ("select original from read_parquet(?) where key = 'D4'", "quarantine/deals.parquet"),
            ('select "table", file, key, "column", rule from read_parquet(?) order by all', "flags.parquet"),
        )
    )
    assert originals[0] == originals[1] != []
    assert flags[0] == flags[1] != []
    assert list((tmp_path / "shared").iterdir()) == []


def build_facts(source, settings, folder: Path) -> dict[str, list[tuple]]:
    """Some facts of a source as they come out, by name."""
    folder.mkdir()
    period, made = named("2026-10"), source.engine(folder)
    define(made, settings, period, clock.utc(settings.zone, period.end), folder)
    for name in BUILT:
        build_fact(made, name, folder)
    made.close()
    return {name: duckdb.sql(f"select * from '{folder / name}.parquet'").fetchall() for name in BUILT}


def same_in_any_order(place, folder: Path) -> None:
    """Hold that rows are told to be the same however they lie in files, and to be others where one value is."""
    found = {}
    for number, ids in enumerate((["A", "B", None], [None, "B", "A"], ["A", "B", ""]), 90):
        name, path = f"ids_{number}", folder / f"ids_{number}.parquet"
        pq.write_table(pa.table({"id": ids}), path)
        place.copied(name, path)
        place.texts(number, None, name, ["id"], ".", is_ours=True)
        found[number] = place.content(number)[:2]
    assert found[90] == found[91] != found[92]


@pytest.fixture(scope="module")
def connected(cluster):
    """The address of a server of Spark Connect."""
    return cluster.connect()


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
    "squash('  Roskilde Mejeri A/S-1 ')", "squash('ÆRØ \u212a1')", "lowered('ÆRØ ΟΔΟΣ İI Straße ЖÜ')",
    "cast(row_number() over (order by 1) as bigint)",
    "cast(floor(-7 / 2.0) as bigint)",
    "cast(cast(timestamp '2026-10-31 23:59:59' as date) + interval '1' month as date)",
]  # fmt: skip


NEEDED = ("accounts", "deals", "stage_history", "stages")
BUILT = ("stage_visits", "account_facts")


def test_tables_over_spark_connect_give_the_same_facts_and_functions_the_same_values(
    company, connected, tmp_path, monkeypatch
):
    fill(company.source_path, tmp_path / "crm", NEEDED)
    session = engine.connect(connected, {})
    session.sql("create schema crm")
    for path in sorted((tmp_path / "crm").iterdir()):
        session.sql(f"create table crm.{path.stem} using parquet location '{path.as_uri()}'")
    session.stop()
    settings = at(company, tmp_path, monkeypatch, CLUSTER, connected, schema="crm")
    period = named("2026-10")
    as_of = clock.utc(settings.zone, period.end)
    with site.opened(settings) as source:
        assert source.imported.rows_read("deals") == pq.read_table(tmp_path / "crm" / "deals").num_rows
        spark, ours = source.engine(tmp_path / "spark"), Local(source.imported).engine(tmp_path / "duckdb")
        for made in (spark, ours):
            (tmp_path / made.name).mkdir()
            define(made, settings, period, as_of, tmp_path / made.name)
            for name in BUILT:
                assert build_fact(made, name, tmp_path / made.name) > 0
        edges = "select " + ", ".join(EDGES)
        assert dict(zip(EDGES, spark.rows(edges)[0], strict=True)) == dict(zip(EDGES, ours.rows(edges)[0], strict=True))
        for name in BUILT:
            here, there = (f"select * from '{tmp_path / made.name / name}.parquet'" for made in (ours, spark))
            assert duckdb.sql(there).fetchall() == duckdb.sql(here).fetchall()
        with pytest.raises(BadData, match="cannot give the answer to a query") as refused:
            spark.rows(f"select {CANARY.replace('-', '_')} from stage_visits")
        assert CANARY.replace("-", "_") not in str(refused.value)
        with pytest.raises(MissingTool, match="failed to give the answer to a query"):
            spark.rows("select cast(deal_id as bigint) from stage_visits")
        spark.close()
        ours.close()
    assert not (tmp_path / "spark" / "parts").exists()


def test_columns_of_lists_that_the_map_names_are_refused_for_their_values_would_be_lost():
    refuse_nested("deals", {"deal_id": "bigint", "amount": "decimal(38,18)"})
    for kind in ("array<string>", "struct<amount:int>", "map<string,int>"):
        with pytest.raises(BadData, match="'amount' holds lists, structures or bytes"):
            refuse_nested("deals", {"deal_id": "bigint", "amount": kind})


@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_a_cluster_that_does_not_answer_is_told_at_once_and_without_its_address(scheme, monkeypatch):
    monkeypatch.setattr(engine, "WAIT_SECONDS", 2)
    monkeypatch.setattr(engine.shutil, "which", lambda name: name)
    pytest.importorskip("pyspark")
    with pytest.raises(MissingTool, match="does not answer") as refused:
        engine.connect(f"{scheme}://127.0.0.1:1/;token={CANARY}", {})
    assert CANARY not in str(refused.value)


def test_a_cluster_that_is_gone_in_the_middle_ends_the_work_instead_of_waiting_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "LOOK_SECONDS", 0.5)
    own = Cluster(tmp_path)
    try:
        session = engine.connect(own.master(), SMALL)
        Timer(1, own.stop).start()
        sign = r"went away while it worked on a long sum.*SPARK_JOB_CANCELLED"
        with pytest.raises(MissingTool, match=sign), engine.telling("a long sum"):
            session.sql("select sum(id % 7) from range(1000000000000)").collect()
        session.stop()
    finally:
        own.stop()


def test_an_address_names_a_folder_and_settings_of_spark_and_nothing_else():
    address = "spark://host:7077?path=/shared/crm%20new&spark.driver.extraJavaOptions=-XX:+UseSerialGC"
    assert parts_of(Connection("CRM", address)) == (
        "spark://host:7077", "/shared/crm new", {"spark.driver.extraJavaOptions": "-XX:+UseSerialGC"}
    )  # fmt: skip
    with pytest.raises(WrongUsage, match="'CRM' holds something else") as refused:
        parts_of(Connection("CRM", f"sc://host:15002?token={CANARY}"))
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "log"),
    [
        ("Delta", "_delta_log/00000000000000000000.json"),
        ("Iceberg", "metadata/v1.metadata.json"),
        ("Iceberg", "metadata/00001-1b2c.gz.metadata.json"),
        ("Hudi", ".hoodie/hoodie.properties"),
    ],
)
def test_a_table_whose_parquet_holds_deleted_rows_is_not_read_from_its_folder(company, tmp_path, kind, log):
    plain, lake = tmp_path / "crm" / "deals", tmp_path / "crm" / "accounts"
    for part in (plain / "metadata" / "notes.json", plain / "part-0.parquet", lake / log, lake / "part-0.parquet"):
        part.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    session = SimpleNamespace(read=SimpleNamespace(parquet=str))
    tables = in_folder(company, session, tmp_path / "crm")
    assert str(tables.read("deals")).endswith("/crm/deals")
    with pytest.raises(BadData, match=rf"'accounts' is a table of {kind}.*It holds.*catalogue: schema ="):
        tables.read("accounts")
    with pytest.raises(BadData, match=rf"'accounts' is a table of {kind}"):
        in_folder(company, session, lake)


class Elsewhere:
    """A session of a cluster whose workers have disks of their own: what they write does not come here."""

    def __getattr__(self, name):
        return self if name == "write" else lambda *told: self


def test_workers_that_write_elsewhere_are_found_out_before_a_row_is_lost(tmp_path):
    pytest.importorskip("pyspark")
    with pytest.raises(MissingTool, match=r"do not write where salesbook does.*Of 64 rows 0 came"):
        engine.check_shared(Elsewhere(), tmp_path)


class Written(Elsewhere):
    """Rows of a table as the workers' files hold them here, and how many the cluster counts."""

    columns = ["deal_id"]

    def __init__(self, n_written: int, *files: list[str]):
        self.n_written, self.files = n_written, files

    @property
    def sparkSession(self):
        return self

    @property
    def read(self):
        return self

    def schema(self, columns):
        return self

    def parquet(self, address: str):
        place = Path(urlparse(address).path)
        place.mkdir(parents=True, exist_ok=True)
        for number, ids in enumerate(self.files):
            pq.write_table(pa.table({"deal_id": ids}), place / f"part-{number}.parquet")
        return self

    def count(self) -> int:
        return self.n_written


def test_a_table_of_which_rows_are_lost_on_the_way_is_refused(company, tmp_path):
    pytest.importorskip("pyspark")
    file = SourceFile("deals", Path(), "", ("deals",))
    whole = Tables(company, ["deals"], "", lambda name: Written(3, ["A", "A", "A"])).copied(file, tmp_path / "0.copy")
    assert pq.read_metadata(whole.path).num_rows == 3
    with pytest.raises(MissingTool, match=r"Of 3 rows 2 came of the table 'deals'"):
        Tables(company, ["deals"], "", lambda name: Written(3, ["A", "A"])).copied(file, tmp_path / "1.copy")


def test_a_copied_table_is_the_same_bytes_whichever_worker_wrote_its_rows_first(company, tmp_path):
    pytest.importorskip("pyspark")
    file = SourceFile("deals", Path(), "", ("deals",))
    ways = ((["A", "B"], ["C"]), (["C"], ["B", "A"]), (["B"], ["C"], ["A"]))
    found = set()
    for number, files in enumerate(ways):
        rows = Written(3, *files)
        copy = Tables(company, ["deals"], "", lambda name, rows=rows: rows).copied(file, tmp_path / f"{number}.copy")
        found.add(copy.path.read_bytes())
    assert len(found) == 1


def test_a_fact_of_which_rows_are_lost_on_the_way_is_refused(tmp_path):
    pytest.importorskip("pyspark")
    asked = ("deal_facts", "select deal_id", ("deal_id",), tmp_path / "deal_facts.parquet")
    assert engine.Spark(Written(3, ["A", "A", "A"]), tmp_path).fact(*asked) == (3, 2)
    with pytest.raises(MissingTool, match=r"Of 3 rows 2 came of the fact 'deal_facts'"):
        engine.Spark(Written(3, ["A", "A"]), tmp_path).fact(*asked)
