"""Fixtures that many tests share."""

import dataclasses
from pathlib import Path

import pytest

from plain_company import Company
from postgres import postgres  # noqa: F401
from salesbook.book import Book
from salesbook.build import build
from salesbook.settings import load
from spark import cluster  # noqa: F401

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder of the project."""
    return PROJECT


@pytest.fixture(scope="session")
def sample_settings(tmp_path_factory):
    """The sample company's settings, at home in a temporary folder."""
    loaded = load(PROJECT)
    source = dataclasses.replace(loaded.source, path=str(PROJECT / "data" / "sample"))
    return dataclasses.replace(loaded, home=tmp_path_factory.mktemp("home"), source=source)


@pytest.fixture(scope="session")
def sample_book(sample_settings, tmp_path_factory) -> Book:
    """The sample company's book of October 2026."""
    return Book(build(sample_settings, "2026-10", tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="session")
def june_book(sample_settings, tmp_path_factory) -> Book:
    """The sample company's book of June 2026, made from all its data: what came later is not known in it."""
    return Book(build(sample_settings, "2026-06", tmp_path_factory.mktemp("june")))


@pytest.fixture(scope="session", params=["2026-10", "2026-06"])
def at_a_month(request, sample_book, project) -> tuple[Book, Company]:
    """A book of the sample, of its last month or of one before, and the same read plainly."""
    book = sample_book if request.param == "2026-10" else request.getfixturevalue("june_book")
    return book, Company(project / "data" / "sample", request.param)


@pytest.fixture(scope="session")
def unnamed(sample_settings, tmp_path_factory) -> Book:
    """The same where names of sellers are off."""
    settings = dataclasses.replace(sample_settings, names_of_sellers=False)
    return Book(build(settings, "2026-10", tmp_path_factory.mktemp("unnamed")))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the project; tests that need it are skipped where it is not there."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data is not beside the project")
    return folder
