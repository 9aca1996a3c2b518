"""Where a source's canonical tables are once they are read and checked, and so where facts are built: here, of copies,
or on the server that the data may not leave.

A server is known by the scheme of its connection string. Its module has `opened(settings, connection, store)`, which
gives a `Site`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from salesbook import memory
from salesbook.engines import Engine
from salesbook.engines.duckdb import DuckDB
from salesbook.errors import WrongUsage
from salesbook.settings import Settings
from salesbook.sources import intake
from salesbook.sources.connection import connection_of, is_connection
from salesbook.sources.imports import Import
from salesbook.tables import TABLES

SERVERS = {
    "postgresql": "salesbook.sources.postgres",
    "postgres": "salesbook.sources.postgres",
    "spark": "salesbook.sources.spark",
    "sc": "salesbook.sources.spark",
}


class Site(Protocol):
    """A source that has been read and checked.

    `imported`: what was read, loaded and rejected; its folder's name is the key of the data and its map.
    """

    imported: Import

    def engine(self, folder: Path) -> Engine:
        """An engine that knows every canonical table as `loaded_NAME`, for a run written into a folder; whoever asks
        for it closes it."""

    def close(self) -> None:
        """Let go of the server."""


@dataclass
class Local:
    """Canonical tables as Parquet in an import's folder, built on by DuckDB."""

    imported: Import
    memory: str = ""

    def engine(self, folder: Path) -> Engine:
        """DuckDB, with views on the import's files."""
        most = memory.for_build(self.memory)
        return self.known_to(DuckDB([self.imported.folder, folder], spill=folder / "spill", memory=most))

    def known_to(self, engine: Engine) -> Engine:
        """An engine to which the import's tables are known."""
        for name in TABLES:
            engine.table(f"loaded_{name}", self.imported.table(name))
        return engine

    def close(self) -> None:
        """Nothing is held."""


def store_of(settings: Settings) -> Path:
    """The folder of all imports, beside the settings."""
    return settings.home / ".salesbook" / "imports"


@contextmanager
def opened(settings: Settings, store: Path | None = None) -> Iterator[Site]:
    """The settings' source, read and checked.

    Parameters: `store`, the folder of all imports; the settings' one if left out.
    Returns: a Site, let go of at the end.
    Raises: WrongUsage where the source is on a server of no known kind; BadData, MissingTool as reading raises them.
    """
    store = store or store_of(settings)
    if not is_connection(settings.source.path):
        site: Site = Local(intake.load(settings, store), settings.memory)
    else:
        connection = connection_of(settings.source.path)
        if connection.scheme not in SERVERS:
            found = f"The address in the environment variable {connection.variable!r} begins with none of them."
            todo = f"Write an address that begins with {', '.join(f'{scheme}://' for scheme in SERVERS)}."
            raise WrongUsage("The source is on a server of no known kind.", found, todo)
        site = import_module(SERVERS[connection.scheme]).opened(settings, connection, store)
    try:
        yield site
    finally:
        site.close()
