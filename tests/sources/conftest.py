"""A small source in a folder of its own, and what became of it."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from salesbook.settings import Limits, Settings, Source
from salesbook.settings import load as settings_of
from salesbook.sources import draft, load, proposal
from salesbook.sources.survey import survey
from salesbook.tables import TABLES

DEALS = "deal_id,pipeline,stage,status,amount,currency,created_at,closed_at,owner_id,account_id"
DEAL = "{id},Sales,Demo,open,100.00,EUR,2026-01-05T09:00:00Z,,,"


def deals(*rows: str, good: int = 0, header: str = DEALS) -> str:
    """A file of deals: the rows, then so many good ones."""
    return "\n".join([header, *rows, *(DEAL.format(id=f"G{number}") for number in range(good))]) + "\n"


class Reading:
    """Reads sources written by a test."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.store = folder / "store"

    def settings(self, limit: float = 1.0, report_zone: str = "Europe/Amsterdam", **source) -> Settings:
        """Settings of a source in this folder."""
        form = replace(Source(path="source"), **source)
        return Settings(home=self.folder, zone=report_zone, source=form, limits=Limits(rejected_share=limit))

    def write(self, files: dict[str, str | bytes]) -> Path:
        """Write a source's files."""
        source = self.folder / "source"
        source.mkdir(exist_ok=True)
        for name, content in files.items():
            (source / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return source

    def __call__(self, files: dict[str, str | bytes], /, **settings):
        """Write the files and load them."""
        self.write(files)
        return load(self.settings(**settings), self.store)


@pytest.fixture
def read(tmp_path) -> Reading:
    """Writes a source's files and loads them."""
    return Reading(tmp_path)


@pytest.fixture
def rows():
    """Rows of a loaded table by key, as tuples of the columns asked for."""

    def ask(imported, table: str, columns: str = "*") -> list[tuple]:
        key = ", ".join(TABLES[table].key) or "all"
        query = f"select {columns} from (from read_parquet(?) order by {key})"
        return duckdb.execute(query, [str(imported.table(table))]).fetchall()

    return ask


@pytest.fixture
def quarantined():
    """Rows of a table's quarantine as tuples of the columns asked for."""

    def ask(imported, table: str = "deals", columns: str = "line, rule, original") -> list[tuple]:
        path = imported.folder / "quarantine" / f"{table}.parquet"
        return duckdb.execute(f"select {columns} from read_parquet(?) order by file, line", [str(path)]).fetchall()

    return ask


@pytest.fixture
def deals_of():
    """Text of a file of deals from rows."""
    return deals


@pytest.fixture
def read_crm(read):
    """Writes an export, reads it with a map that ships, own lines after it, and a form of numbers."""

    def run(name: str, files: dict[str, str], more: str = "", form: str = ""):
        read.write(files)
        head = f'[source]\npath = "source"\nextends = "{name}"\nzone = "UTC"\ncurrency = "EUR"\n{form}'
        settings = f"{head}[limits]\nrejected_share = 1.0\n{more}"
        (read.folder / "salesbook.toml").write_text(settings, encoding="utf-8")
        return load(settings_of(read.folder), read.store)

    return run


@pytest.fixture
def mapped(tmp_path):
    """Writes an export and proposes a map for it."""

    def run(files: dict[str, str | bytes]):
        folder = tmp_path / "export"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return proposal.propose(survey(folder, proposal.all_names()))

    return run


@pytest.fixture
def answered(tmp_path):
    """Writes a proposal, takes the "# " away before the answers given, and reads the export with it."""

    def run(made, *answers: str, folder: Path | None = None, limit: float = 0.0):
        target = tmp_path / "salesbook.toml"
        draft.write(made, folder or tmp_path / "export", target)
        text = target.read_text(encoding="utf-8")
        for answer in answers:
            assert f"# {answer}\n" in text, text
            text = text.replace(f"# {answer}\n", f"{answer}\n", 1)
        target.write_text(f"{text}\n[limits]\nrejected_share = {limit}\n", encoding="utf-8")
        return load(settings_of(target), tmp_path / "imports")

    return run
