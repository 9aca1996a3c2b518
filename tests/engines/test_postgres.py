"""Facts of a server are put in order here, within a limit of memory."""

from types import SimpleNamespace

import duckdb
import pytest

from salesbook.engines.postgres import Postgres
from salesbook.sources.placed_schema import Schema

ROWS = "select md5(n::text) as id, repeat('x', 100) as told from generate_series(1, 60000) n"


@pytest.fixture
def ordered(postgres, tmp_path):
    """Builds a fact of rows in no order, with a limit of memory."""

    def run(memory: str) -> tuple[int, int]:
        engine = Postgres(postgres, memory=memory)
        try:
            return engine.fact("mixed", ROWS, ("id",), tmp_path / "mixed.parquet")
        finally:
            engine.close()

    return run


def test_a_fact_is_put_in_order_within_the_limit_and_nothing_stays_beside_it(ordered, tmp_path):
    assert ordered("400MB") == (60_000, 0)
    ids = [found for (found,) in duckdb.execute(f"select id from '{tmp_path / 'mixed.parquet'}'").fetchall()]
    assert ids == sorted(ids)
    with pytest.raises(duckdb.OutOfMemoryException, match=r"1\.9 MiB"):
        ordered("2MB")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_in_its_place_a_server_has_the_limit_of_the_settings():
    database = SimpleNamespace(connection=None, telling=None)
    assert Schema(database, "ours", "2GB").engine(None).memory == "1600MB"
