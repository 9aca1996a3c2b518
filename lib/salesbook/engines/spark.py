"""Spark: the same fact texts, built on a cluster that is there already, and written as Parquet where the run is."""

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq

from salesbook.engines.duckdb import PARQUET, literal
from salesbook.errors import MissingTool

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INSTALL = "Install it: pip install --require-hashes -r requirements-spark.lock."
CLUSTER = "Check the address, that the cluster runs Spark 4, and that it has free cores."
PROBES = 64  # rows, each written by a task of its own: enough that every worker of a usual cluster writes one

# What the fact texts rely on, whatever the cluster's own settings are: a fault is an error, times have no zone.
CONF = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.caseSensitive": "false",
}

FUNCTIONS = (
    """create or replace temporary function seconds_between(a timestamp_ntz, b timestamp_ntz) returns bigint
      return timestampdiff(second, a, b)""",
    """create or replace temporary function ratio(a double, b double) returns double
      return case when b <> 0 then a / b end""",
    """create or replace temporary function money(minor bigint, rate decimal(18, 8)) returns bigint
      return cast(round(cast(minor as decimal(19, 0)) * rate, 0) as bigint)""",
    """create or replace temporary function squash(t string) returns string
      return regexp_replace(lower(t), '[^a-z0-9]+', '')""",
)


def connect(address: str, conf: dict[str, str]) -> "SparkSession":
    """A session of its own on a cluster.

    Parameters: `address`, spark://host:port of a master, or sc://host:port of Spark Connect; `conf`, settings of Spark.
    Raises: MissingTool where pyspark or Java is not here, or the cluster does not answer.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingTool("pyspark is not there.", f"{error}.", INSTALL) from error
    is_connect = address.startswith("sc://")
    if not is_connect and not shutil.which("java"):
        raise MissingTool("Java is not there.", "A master is reached through it.", "Install a JDK 17, or use sc://.")
    builder = SparkSession.builder.appName("salesbook")
    builder = builder.remote(address) if is_connect else builder.master(address)
    for name, value in ({"spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false"} | conf).items():
        builder = builder.config(name, value)
    try:
        with warnings.catch_warnings():
            # pyspark 4.3 warns of pandas 3; nothing here goes through pandas.
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
            return builder.getOrCreate()
    except PySparkException as error:
        raise MissingTool("The Spark cluster does not answer.", f"{type(error).__name__}.", CLUSTER) from error


class Spark:
    """An engine on a cluster. Its workers read and write where the run's folder is; what it makes is taken away when
    it is closed, and the session is left to whoever gave it."""

    name = "spark"

    def __init__(self, session: "SparkSession", folder: Path):
        self.session, self.parts = session, folder.resolve() / "parts"
        self.views: list[str] = []
        for name, value in CONF.items():
            session.conf.set(name, value)
        self.check_shared()

    def check_shared(self) -> None:
        """Refuse a folder that not every worker writes to: rows would be lost without a word."""
        place = self.parts / "probe"
        self.session.range(0, PROBES, 1, PROBES).write.parquet(place.as_uri())
        rows = sum(pq.read_metadata(file).num_rows for file in place.glob("*.parquet"))
        if rows != PROBES:
            raise MissingTool(
                "The workers of the Spark cluster do not write where the run is.",
                f"Of {PROBES} rows {rows} came to {self.parts.parent}.",
                "Run salesbook in a folder on storage that every worker has under the same path.",
            )

    def functions(self, local_time: str) -> None:
        """Define the scalar functions in SQL."""
        declared = "create or replace temporary function local_time(t timestamp_ntz) returns timestamp_ntz return"
        for statement in (*FUNCTIONS, f"{declared} {local_time}"):
            self.session.sql(statement)

    def table(self, name: str, parquet: Path) -> None:
        """A view on the file."""
        self.session.read.parquet(parquet.resolve().as_uri()).createOrReplaceTempView(name)
        self.views.append(name)

    def view(self, name: str, sql: str) -> None:
        """A view."""
        self.session.sql(f"create or replace temporary view {name} as {sql}")
        self.views.append(name)

    def fact(self, name: str, sql: str, key: tuple[str, ...], parquet: Path) -> None:
        """Files of the statement's rows, written by the workers, then put together in one like the other engines'."""
        place = self.parts / name
        rows = self.session.sql(sql)
        rows.write.parquet(place.as_uri())
        self.session.read.schema(rows.schema).parquet(place.as_uri()).createOrReplaceTempView(name)
        self.views.append(name)
        with duckdb.connect() as local:
            written = f"select * from read_parquet({literal(place / '*.parquet')}) order by {', '.join(key)}"
            local.execute(f"copy ({written}) to {literal(parquet.resolve())} ({PARQUET})")

    def rows(self, sql: str) -> list[tuple]:
        """The rows of a query."""
        return [tuple(row) for row in self.session.sql(sql).collect()]

    def close(self) -> None:
        """Take away the views and the workers' files."""
        for name in self.views:
            self.session.catalog.dropTempView(name)
        shutil.rmtree(self.parts)
