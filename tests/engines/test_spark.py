"""A Spark cluster of a master and two workers builds the facts that DuckDB builds. One cluster serves this file."""

import duckdb
import pytest

from salesbook.build import FACTS, build, build_on
from salesbook.engines.spark import Spark, connect
from salesbook.sources import site
from spark import SMALL


@pytest.fixture(scope="module")
def session(cluster):
    session = connect(cluster.address, SMALL)
    yield session
    session.stop()


def test_spark_builds_the_same_facts_row_by_row(sample_settings, session, tmp_path):
    build(sample_settings, "2026-10", tmp_path / "duckdb")
    with site.opened(sample_settings) as source:
        source.engine = lambda folder: source.known_to(Spark(session, folder))
        build_on(source, sample_settings, "2026-10", tmp_path / "spark")
    for name in FACTS:
        ours, theirs = (f"'{tmp_path / engine / 'facts' / name}.parquet'" for engine in ("duckdb", "spark"))
        for query in (f"describe select * from {ours}", f"select * from {ours}"):
            assert duckdb.sql(query).fetchall() == duckdb.sql(query.replace(ours, theirs)).fetchall(), name
    assert not (tmp_path / "spark" / "parts").exists()
