"""Every export of the steps' tests once more as tables of a database: built in place they give the same rows."""

import csv
import dataclasses
import io
import uuid

import duckdb
import psycopg
import pytest
from psycopg import sql as q

from salesbook.errors import BadData
from salesbook.settings import load as settings_of
from salesbook.sources import load, site
from salesbook.tables import TABLES
from sources.test_changes import *  # noqa: F403
from sources.test_joins import *  # noqa: F403
from sources.test_steps import *  # noqa: F403
from sources.test_units import *  # noqa: F403

del test_a_text_of_another_unit_becomes_the_canonical_text  # noqa: F821  it is about DuckDB's SQL alone
del test_two_files_that_a_map_knows_are_refused_until_one_is_named  # noqa: F821  it is about names of files

VARIABLE = "SALESBOOK_TEST_DATABASE"
HELD: set[str] = set()  # the exports that were held already: several tests look at one


def filled(server: psycopg.Connection, schema: str, files: dict[str, str]) -> None:
    """Write files as tables of text in a new schema."""
    server.execute(q.SQL("create schema {}").format(q.Identifier(schema)))
    for name, text in files.items():
        header, *rows = csv.reader(io.StringIO(text.decode() if isinstance(text, bytes) else text))
        table = q.Identifier(schema, name.removesuffix(".csv"))
        columns = q.SQL(", ").join(q.SQL("{} text").format(q.Identifier(column)) for column in header)
        server.execute(q.SQL("create table {} ({})").format(table, columns))
        for row in filter(None, rows):
            server.execute(q.SQL("insert into {} values ({})").format(table, q.SQL(", ").join(map(q.Literal, row))))


def unlike(here, settings) -> list[str]:
    """What is not the same of what is built in place and what was read from files."""
    with site.opened(settings) as there, duckdb.connect() as local:
        told = ("rejected", "flagged", "made", "left_out", "present", "newest")
        found = [name for name in told if getattr(there.imported, name) != getattr(here, name)]
        engine = there.engine(settings.home)
        for name in TABLES:
            columns = ", ".join(f'"{column}"' for column in TABLES[name].stored)
            ours = local.execute(f"select {columns} from read_parquet(?)", [str(here.table(name))]).fetchall()
            theirs = engine.rows(f"select {columns} from loaded_{name}")
            if sorted(theirs, key=repr) != sorted(ours, key=repr):
                found.append(name)
    return found


@pytest.fixture
def read_crm(read, postgres, monkeypatch):
    """Reads an export from files, and holds to it what is built in place of the same in a database."""
    monkeypatch.setenv(VARIABLE, postgres)
    made, there = [], {}

    def run(name: str, files: dict[str, str], more: str = "", form: str = ""):
        read.write(files)
        there.update(files)
        head = f'[source]\npath = "source"\nextends = "{name}"\nzone = "UTC"\ncurrency = "EUR"\n{form}'
        settings = f"{head}[limits]\nrejected_share = 1.0\n{more}"
        (read.folder / "salesbook.toml").write_text(settings, encoding="utf-8")
        settings = settings_of(read.folder)
        export = repr((name, sorted(there.items()), more, form))
        if export in HELD:
            return load(settings, read.store)
        HELD.add(export)
        schema = f"s_{uuid.uuid4().hex[:8]}"
        made.append(schema)
        place = {"path": f"env:{VARIABLE}", "schema": schema, "build_in": f"{schema}_ours"}
        placed = dataclasses.replace(settings, source=dataclasses.replace(settings.source, **place))
        with psycopg.connect(postgres, autocommit=True) as server:
            filled(server, schema, there)
        try:
            here = load(settings, read.store)
        except BadData:
            with pytest.raises(BadData), site.opened(placed):
                pass
            raise
        assert unlike(here, placed) == []
        return here

    yield run
    with psycopg.connect(postgres, autocommit=True) as server:
        for schema in made:
            server.execute(
                f"drop schema if exists {schema} cascade; drop schema if exists {schema}_ours cascade".encode()
            )
