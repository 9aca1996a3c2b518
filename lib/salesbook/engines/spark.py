"""Spark: the same fact texts, built on a cluster that is there already, and written as Parquet where the run is."""

import os
import re
import shutil
import socket
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from salesbook.engines.duckdb import PARQUET, counted, literal
from salesbook.engines.duckdb import connect as connect_duckdb
from salesbook.errors import BadData, MissingTool

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

INSTALL = "Install it: pip install --require-hashes -r requirements-spark.lock."
CLUSTER = "Check the address, that the cluster runs Spark 4, and that it has free cores."
DRIVER = "Where it lacked memory, free some, or add spark.driver.memory=4g to the address as docs/spark.md says."
SHARED = "Run salesbook in a folder that every worker has under the same path, where its user and theirs may write."
WAIT_SECONDS = 15
CONNECT_PORT = "15002"
QUIET = {"spark.log.level": "FATAL", "spark.ui.showConsoleProgress": "false"}
OLDEST = (4, 0)
LOOK_SECONDS, MOST_GONE = 5, 3  # how often a cluster is looked at, and how often in a row it is gone until it is lost
RETRIES = 6  # at longer and longer intervals, in all about three times as long as from look to look
LOST = "CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND"
UNREADABLE, GONE = "FAILED_READ_FILE", {"SPARK_JOB_CANCELLED", "UNAVAILABLE"}
CONNECT_MODE = "SPARK_CONNECT_MODE_ENABLED"
SHUFFLES, PARTS_OF_CORE = "spark.sql.shuffle.partitions", 3
PROBES = 64  # rows, each written by a task of its own: enough that every worker of a usual cluster writes one

TYPES = {
    pa.string(): "string",
    pa.large_string(): "string",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp_ntz",
    pa.timestamp("ns"): "timestamp_ntz",
    pa.float64(): "double",
}

# What the fact texts rely on, whatever the cluster's own settings are: a fault is an error, times have no zone.
CONF = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.caseSensitive": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.cteRecursionRowLimit": "-1",
}

FUNCTIONS = (
    """create or replace temporary function seconds_between(a timestamp_ntz, b timestamp_ntz) returns bigint
      return timestampdiff(second, a, b)""",
    """create or replace temporary function ratio(a double, b double) returns double
      return case when b <> 0 then a / b end""",
    """create or replace temporary function money(minor bigint, rate decimal(18, 8)) returns bigint
      return cast(round(cast(minor as decimal(19, 0)) * rate, 0) as bigint)""",
    # Two letters become small otherwise where they end a word, or become two signs: they are turned apart.
    """create or replace temporary function lowered(t string) returns string
      return lower(translate(t, 'İΣ', 'iσ'))""",
    """create or replace temporary function squash(t string) returns string
      return lower(regexp_replace(t, '[^A-Za-z0-9]+', ''))""",
)


def connect(address: str, conf: dict[str, str]) -> "SparkSession":
    """A session on a cluster, set to what the fact texts rely on.

    Parameters: `address`, spark://host:port of a master, or sc://host:port of Spark Connect; `conf`, settings of Spark.
    Raises: MissingTool where pyspark or Java is not here, or the cluster does not answer.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingTool("pyspark is not there.", f"{error}.", INSTALL) from error
    is_connect = address.startswith("sc://")
    if not is_connect and not shutil.which("java"):
        raise MissingTool("Java is not there.", "A master is reached through it.", "Install a JDK 17, or use sc://.")
    check_answers(address)
    if not is_connect:
        os.environ.pop(CONNECT_MODE, None)  # pyspark leaves it behind after Spark Connect, and reaches no master then
    builder = SparkSession.builder.appName("salesbook")
    builder = builder.remote(address) if is_connect else builder.master(address)
    for name, value in (conf if is_connect else QUIET | conf).items():
        builder = builder.config(name, value)
    with telling("a session"), warnings.catch_warnings():
        # pyspark 4.3 warns of pandas 3; nothing here goes through pandas.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        session = builder.getOrCreate()
        for name, value in CONF.items():
            session.conf.set(name, value)
    check_version(session, OLDEST, "for its facts", CLUSTER)
    if is_connect:
        ask_again_for_seconds(session)
    else:
        Thread(target=watch, args=(session.sparkContext, address), daemon=True).start()
    return session


def ask_again_for_seconds(session: "SparkSession") -> None:
    """Have a server of Spark Connect that does not answer asked again for some seconds, not for ten minutes."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    warnings.filterwarnings("ignore", r"\[RETRIES_EXCEEDED\]", UserWarning)  # the error itself follows
    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES, max_backoff=1000 * LOOK_SECONDS)])


def watch(context: "SparkContext", address: str) -> None:
    """End the work of a session whose master and workers are gone: Spark itself would wait for them for ever."""
    from py4j.protocol import Py4JError

    n_gone = 0
    while n_gone < MOST_GONE and context._jsc is not None:
        time.sleep(LOOK_SECONDS)
        try:
            n_gone = n_gone + 1 if not has_workers(context) and not answers(address) else 0
            if n_gone == MOST_GONE:
                context.cancelAllJobs()
        except (AttributeError, ConnectionError, Py4JError):  # the session was stopped meanwhile
            return


def has_workers(context: "SparkContext") -> bool:
    """Whether any worker works for a session; its driver is told beside them."""
    return context._jsc.sc().getExecutorMemoryStatus().size() > 1


def check_version(session: "SparkSession", least: tuple[int, int], purpose: str, todo: str) -> None:
    """Refuse a cluster of an older version than is needed.

    Raises: MissingTool.
    """
    major, minor = re.match(r"(\d+)\.(\d+)", session.version).groups()
    if (int(major), int(minor)) < least:
        needed = ".".join(map(str, least))
        wrong = f"The Spark cluster is too old: salesbook needs version {needed} {purpose}."
        raise MissingTool(wrong, f"It runs {session.version}.", todo)


def fit_shuffles(session: "SparkSession") -> None:
    """Part the rows that are sorted or joined by the cluster's cores, where nobody has set a number: Spark's own 200
    parts take longer than their work. Asked once tasks have run, for cores come to a session little by little."""
    with telling("its settings"):
        told = session.conf.getAll
        if SHUFFLES not in told and told.get("spark.dynamicAllocation.enabled") != "true":
            parts = session.range(1 << 20).selectExpr("spark_partition_id() as part")
            cores = parts.distinct().count()
            session.conf.set(SHUFFLES, str(PARTS_OF_CORE * cores))


def check_answers(address: str) -> None:
    """Refuse a cluster of which nothing answers: Spark itself would ask for minutes.

    Raises: MissingTool, without the address.
    """
    if not answers(address):
        raise MissingTool("The Spark cluster does not answer.", "Nothing does at its host and port.", CLUSTER)


def answers(address: str) -> bool:
    """Whether anything answers at a host and port of an address."""
    hosts = address.partition("://")[2].partition("/")[0].split(",")
    for host, _, port in (one.rpartition(":") if ":" in one else (one, "", CONNECT_PORT) for one in hosts):
        try:
            socket.create_connection((host.strip("[]"), int(port)), WAIT_SECONDS).close()
            return True
        except (OSError, ValueError):
            continue
    return False


@contextmanager
def telling(what: str, todo: str = CLUSTER) -> Iterator[None]:
    """Tell Spark's errors in our words: of its own only the name of the error, for the rest may hold values."""
    from py4j.protocol import Py4JError, Py4JNetworkError
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except AnalysisException as error:
        found = f"Its error is {error.getCondition() or 'unknown'}."
        raise BadData(f"The Spark cluster cannot give {what}.", found, "Mend the map, or grant the right.") from None
    except (PySparkException, Py4JError, ConnectionError) as error:
        names = list(names_of(error))
        found = f"Its error is {names[-1]}."
        if isinstance(error, ConnectionError) or type(error) in (Py4JError, Py4JNetworkError):
            raise MissingTool(f"Spark's driver, here, ended while it worked on {what}.", found, DRIVER) from None
        if UNREADABLE in names[-1]:
            whole = "Look whether its files are whole, are Parquet, and may be read by the user of the workers."
            raise BadData(f"The Spark cluster cannot read {what}.", found, whole) from None
        if LOST in names:
            wrong = f"A worker of the Spark cluster went away while it worked on {what}."
            again = "Run it again: the rows that the worker kept in its memory are gone with it."
            raise MissingTool(wrong, found, again) from None
        if GONE & {*names}:
            raise MissingTool(f"The Spark cluster went away while it worked on {what}.", found, CLUSTER) from None
        raise MissingTool(f"The Spark cluster failed to give {what}.", found, todo) from None


def let_go(session: "SparkSession") -> None:
    """Stop a session; one whose driver is gone has stopped."""
    from py4j.protocol import Py4JError

    with suppress(ConnectionError, Py4JError):
        session.stop()


def names_of(error: Exception) -> Iterator[str]:
    """What Spark calls an error and what it came of: its own names for them, else of what kind they are."""
    from py4j.protocol import Py4JError

    status = error.getGrpcStatusCode().name if hasattr(error, "getGrpcStatusCode") else None
    yield (error.getCondition() if hasattr(error, "getCondition") else None) or status or type(error).__name__
    cause = getattr(error, "java_exception", None)
    while cause is not None:
        try:
            if condition := cause.getCondition():
                yield condition
        except Py4JError:  # an error of Java's own: it has no such name
            pass
        cause = cause.getCause()


def check_shared(session: "SparkSession", folder: Path) -> None:
    """Refuse a folder that not every worker writes to: rows would be lost without a word."""
    place = folder.resolve() / f".staging-probe-{uuid.uuid4().hex}"
    try:
        with telling(f"what its workers write to {folder}", SHARED):
            session.range(0, PROBES, 1, PROBES).write.parquet(place.as_uri())
        rows = sum(pq.read_metadata(file).num_rows for file in place.glob("*.parquet"))
    except OSError as error:
        wrong = "What the workers of the Spark cluster write cannot be read here."
        raise MissingTool(wrong, f"{str(error).splitlines()[0]}.", SHARED) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    check_came(PROBES, rows, f"to {folder}")


def check_came(written: int, came: int, where: str) -> None:
    """Refuse to go on with fewer or more rows than the workers wrote; `where`, such as "of the table 'deals'".

    Raises: MissingTool.
    """
    if came != written:
        raise MissingTool(
            "The workers of the Spark cluster do not write where salesbook does.",
            f"Of {written} rows {came} came {where}.",
            SHARED,
        )


def put_together(local: duckdb.DuckDBPyConnection, parts: Path, parquet: Path, order: str = "") -> int:
    """One Parquet file of those that workers wrote.

    Parameters: `order`, an ORDER BY; without one the rows stay in the order of the files.
    Returns: its number of rows.
    """
    rows = f"from read_parquet({literal(parts / '*.parquet')}) {order}"
    ((count,),) = local.execute(f"copy ({rows}) to {literal(parquet.resolve())} ({PARQUET})").fetchall()
    return count


class Spark:
    """An engine on a cluster whose workers read and write where the run's folder is (see `check_shared`). What it makes
    is taken away when it is closed; the session is left to whoever gave it. `memory`, such as 2GB, is what putting a
    fact's files together may take here."""

    name = "spark"

    def __init__(self, session: "SparkSession", folder: Path, memory: str = ""):
        self.session, self.parts, self.memory = session, folder.resolve() / "parts", memory
        self.views: list[str] = []

    def functions(self, local_time: str) -> None:
        """Define the scalar functions in SQL."""
        declared = "create or replace temporary function local_time(t timestamp_ntz) returns timestamp_ntz return"
        for statement in (*FUNCTIONS, f"{declared} {local_time}"):
            self.session.sql(statement)

    def table(self, name: str, parquet: Path) -> None:
        """A view on the file. Its columns are told: to find them out, Spark would run a job on the cluster."""
        columns = ", ".join(f"`{field.name}` {spark_type(field.type)}" for field in pq.read_schema(parquet))
        with telling(f"the table {name!r}"):
            self.session.read.schema(columns).parquet(parquet.resolve().as_uri()).createOrReplaceTempView(name)
        self.views.append(name)

    def view(self, name: str, sql: str) -> None:
        """A view."""
        with telling(f"the view {name!r}"):
            self.session.sql(f"create or replace temporary view {name} as {sql}")
        self.views.append(name)

    def fact(self, name: str, sql: str, key: tuple[str, ...], parquet: Path) -> tuple[int, int]:
        """Files of the statement's rows, written by the workers, then put together in one like the other engines'."""
        place, what = self.parts / name, f"the fact {name!r}"
        with telling(what):
            rows = self.session.sql(sql)
            rows.write.parquet(place.as_uri())
            there = self.session.read.schema(rows.schema).parquet(place.as_uri())
            there.createOrReplaceTempView(name)
            written = there.count()
        self.views.append(name)
        with connect_duckdb([place, parquet.parent], self.parts / "spill", self.memory) as local:
            put_together(local, place, parquet, f"order by {', '.join(key)}")
            came, again = counted(local, key, parquet)
        check_came(written, came, f"of {what}")
        return came, again

    def rows(self, sql: str) -> list[tuple]:
        """The rows of a query."""
        with telling("the answer to a query"):
            return [tuple(row) for row in self.session.sql(sql).collect()]

    def close(self) -> None:
        """Take away the views and the workers' files."""
        for name in self.views:
            self.session.catalog.dropTempView(name)
        shutil.rmtree(self.parts, ignore_errors=True)


class InPlace(Spark):
    """In a folder that the workers have, which the run's folder need not be; the canonical tables are known already."""

    def table(self, name: str, parquet: Path) -> None:
        """A view on a copy of the file."""
        self.parts.mkdir(exist_ok=True)
        copy = self.parts / f"{name}.parquet"
        shutil.copyfile(parquet, copy)
        super().table(name, copy)


def spark_type(kind: pa.DataType) -> str:
    """The type of a column in Spark's SQL."""
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    return TYPES[kind]
