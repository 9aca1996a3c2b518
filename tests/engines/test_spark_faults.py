"""What goes wrong on a cluster is told soon, in our words, and leaves nothing behind."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from urllib.parse import urlparse

import pytest

from salesbook.engines import spark as engine
from salesbook.errors import MissingTool
from spark import SMALL, Cluster


class Writing:
    """A session of a cluster, by what its workers do where they are to write."""

    def __init__(self, do: Callable[[Path], None]):
        self.do = do

    def range(self, *told) -> "Writing":
        return self

    @property
    def write(self) -> "Writing":
        return self

    def parquet(self, address: str) -> None:
        self.do(Path(urlparse(address).path))


def test_a_server_of_spark_connect_that_dies_in_the_middle_is_told_in_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "RETRIES", 3)
    own = Cluster(tmp_path)
    try:
        session = engine.connect(own.connect(), {})
        Timer(1, own.daemons[0].kill).start()
        began = time.monotonic()
        sign = r"went away while it worked on a long sum.*UNAVAILABLE"
        with pytest.raises(MissingTool, match=sign), engine.telling("a long sum"):
            session.sql("select sum(id % 7) from range(1000000000000)").collect()
        session.stop()
        assert time.monotonic() - began < 60
    finally:
        own.stop()


KILLED = """
import sys
from threading import Timer
from salesbook.engines import spark as engine
from salesbook.errors import MissingTool
session = engine.connect(sys.argv[1], dict(part.split("=", 1) for part in sys.argv[2:]))
Timer(1, session.sparkContext._gateway.proc.kill).start()
try:
    with engine.telling("a long sum"):
        session.sql("select sum(id % 7) from range(1000000000000)").collect()
except MissingTool as error:
    print(error)
engine.let_go(session)
"""


def test_a_driver_that_is_killed_in_the_middle_is_told_as_such(cluster):
    conf = ("=".join(item) for item in SMALL.items())
    command = [sys.executable, "-c", KILLED, cluster.address, *conf]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # a driver of its own
    assert done.stdout.startswith("Spark's driver, here, ended while it worked on a long sum.")
    assert "spark.driver.memory" in done.stdout


def test_a_worker_that_is_lost_with_the_rows_in_its_memory_is_told_as_such():
    pyspark_errors = pytest.importorskip("pyspark.errors")

    class Lost(pyspark_errors.PySparkException):
        def getCondition(self) -> str:
            return "CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND"

    with pytest.raises(MissingTool, match=r"A worker .* on the rows.* Run it again"), engine.telling("the rows"):
        raise Lost("Block rdd_1 not found")


def test_a_folder_that_the_workers_may_not_write_to_is_told_in_our_words_and_left_as_it_was(tmp_path):
    pyspark_errors = pytest.importorskip("pyspark.errors")

    def forbidden(place: Path):
        place.mkdir()
        raise pyspark_errors.PySparkException("Mkdirs failed")

    def unreadable(place: Path):
        (place / "part-0.parquet").mkdir(parents=True)

    with pytest.raises(MissingTool, match=r"failed to give what its workers write to .* where its user and theirs may"):
        engine.check_shared(Writing(forbidden), tmp_path)
    with pytest.raises(MissingTool, match=r"cannot be read here.* where its user and theirs may"):
        engine.check_shared(Writing(unreadable), tmp_path)
    assert list(tmp_path.iterdir()) == []
