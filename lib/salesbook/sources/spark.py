"""Tables of a Spark cluster, or a folder of Parquet that its workers see, as a source: what the map names of them is
copied out by the workers and read like files; facts are built on the cluster."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from salesbook import memory
from salesbook.engines import spark as engine
from salesbook.engines.duckdb import connect as connect_duckdb
from salesbook.engines.spark import Spark, check_came, check_shared, connect, fit_shuffles, put_together, telling
from salesbook.errors import BadData, WrongUsage
from salesbook.settings import Settings, Source
from salesbook.sources import intake
from salesbook.sources.connection import Connection
from salesbook.sources.copies import Copy
from salesbook.sources.dialect_spark import quoted
from salesbook.sources.files import SourceFile
from salesbook.sources.relations import Relations
from salesbook.sources.site import Local, Site

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ENDING = ".parquet"
# What stands beside the Parquet of a table where some of the files, or of their rows, are no longer of it.
LOGS = {"Delta": "_delta_log", "Iceberg": "metadata/*.metadata.json*", "Hudi": ".hoodie"}


def opened(settings: Settings, connection: Connection, store: Path) -> Site:
    """The source: its canonical columns copied out and checked here, or checked by the workers in a folder that the
    settings name; its facts built on the cluster.

    Raises: WrongUsage, MissingTool and BadData as connecting and reading raise them.
    """
    address, folder, conf = parts_of(connection)
    session = connect(address, conf)
    try:
        tables = tables_of(settings, session, folder)
        if settings.source.build_in:
            return built_in(settings, session, tables, store)
        store.mkdir(parents=True, exist_ok=True)
        check_shared(session, store)
        fit_shuffles(session)
        return Cluster(intake.load(settings, store, tables), settings.memory, session)
    except BaseException:
        engine.let_go(session)
        raise


def built_in(settings: Settings, session: "SparkSession", tables: "Tables", store: Path) -> Site:
    """The source read, checked and built on by the workers, in the folder that the settings name."""
    from salesbook.sources.placed import placed
    from salesbook.sources.placed_folder import Folder

    intake.check_map(settings)
    place = Folder(session, settings.home / settings.source.build_in, settings.memory)
    try:
        return placed(settings, place, tables, store)
    except BaseException:
        place.take_away()
        raise


def parts_of(connection: Connection) -> tuple[str, str, dict[str, str]]:
    """The cluster's address, the folder of Parquet where one is named, and settings of Spark.

    Rule: spark://host:7077?path=/shared/crm&spark.executor.memory=4g, likewise sc://host:15002.
    Raises: WrongUsage where something else stands there; its content is not shown.
    """
    address, _, query = connection.text.partition("?")
    pairs = (part.partition("=") for part in query.split("&") if part)
    told = {unquote(name): unquote(value) for name, _, value in pairs}
    folder = told.pop("path", "")
    if not all(name.startswith("spark.") for name in told):
        found = f"The environment variable {connection.variable!r} holds something else behind the question mark."
        raise WrongUsage(
            "The address of the cluster cannot be read.", found, "Only path= and spark.NAME= may stand there."
        )
    return address, folder, told


@dataclass
class Cluster(Local):
    """Canonical tables as Parquet in an import's folder, built on by a cluster."""

    session: "SparkSession | None" = None

    def engine(self, folder: Path) -> Spark:
        """Spark, with views on the import's files."""
        return self.known_to(Spark(self.session, folder, memory.for_build(self.memory)))

    def close(self) -> None:
        """Let go of the cluster."""
        engine.let_go(self.session)


class Tables(Relations):
    """The tables of one place of the cluster; `read` gives the rows of one by its name."""

    def __init__(self, settings: Settings, names: list[str], place: str, read: "Callable[[str], DataFrame]"):
        super().__init__(settings, names, place)
        self.read = read

    def columns(self, name: str) -> list[str]:
        """The columns of a table, in order."""
        with telling(f"the table {name!r}"):
            return self.read(name).columns

    def copied(self, file: SourceFile, target: Path) -> Copy:
        """The columns of a table that the map names, as Parquet, hashed; the cluster counts what it wrote."""
        parts, what = target.with_suffix(".parts").resolve(), f"the table {file.name!r}"
        with telling(what):
            rows = self.read(file.name)
            kept = self.wanted(file, rows.columns) or rows.columns[:1]
            written = rows.select([quoted(name) for name in kept])
            written.write.parquet(parts.as_uri())
            count = written.sparkSession.read.schema(written.schema).parquet(parts.as_uri()).count()
        with connect_duckdb([parts, target.parent], target.parent / "spill", intake.MEMORY) as local:
            # Workers write in any order; the same rows must be the same bytes.
            check_came(count, put_together(local, parts, target, "order by all"), f"of {what}")
        shutil.rmtree(parts)
        with target.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        others = tuple(name for name in rows.columns if name not in kept)
        return Copy(file, target, digest, target.stat().st_size, is_table=True, others=others)


def tables_of(settings: Settings, session: "SparkSession", folder: str) -> Tables:
    """The tables of a folder where one is named, else those of the settings' schema.

    Raises: BadData where the folder or the schema is not there.
    """
    return in_folder(settings, session, settings.home / folder) if folder else in_schema(settings, session)


def in_schema(settings: Settings, session: "SparkSession") -> Tables:
    """The tables and views of a schema of the cluster's catalogue; of its own first one where none is named."""
    is_named = settings.source.schema != Source.schema
    schema = quoted(*(settings.source.schema if is_named else session.catalog.currentDatabase()).split("."))
    with telling(f"the tables of the schema {schema}"):
        listed = session.sql(f"show tables in {schema}").collect()
    names = [row.tableName for row in listed if not row.isTemporary]
    return Tables(settings, names, f"The schema {schema}", lambda name: session.table(f"{schema}.{quoted(name)}"))


def in_folder(settings: Settings, session: "SparkSession", folder: Path) -> Tables:
    """The Parquet files and folders of a folder, each a table by its name without ending.

    Raises: BadData where the folder is not there, or is itself a table that is more than its Parquet; the tables raise
    it when one that is so is read.
    """
    if not folder.is_dir():
        todo = "Name one that this machine and every worker have under the same path, as ?path= in the address."
        raise BadData("The folder of the source is not there.", f"Looked for {folder}.", todo)
    check_plain(folder)
    entries = [path for path in sorted(folder.resolve().iterdir()) if path.suffix == ENDING or path.is_dir()]
    there = {path.name.removesuffix(ENDING): path for path in entries}

    def read(name: str) -> "DataFrame":
        check_plain(there[name])
        return session.read.parquet(there[name].as_uri())

    return Tables(settings, list(there), f"The folder {folder.name!r}", read)


def check_plain(folder: Path) -> None:
    """Refuse the folder of a table with a log of its own: read as plain Parquet it has the deleted rows as well.

    Raises: BadData with the way to read it.
    """
    for kind, log in LOGS.items():
        if found := next(folder.glob(log), None):
            raise BadData(
                f"The folder {folder.name!r} is a table of {kind}: its Parquet files hold more than its rows.",
                f"It holds {found.relative_to(folder).as_posix()}.",
                'Read it through the catalogue: schema = "..." under [source], and no path= in the address.',
            )
