"""Seeded companies for proofs: each written, read and built as a user's would be."""

import dataclasses
from pathlib import Path

from salesbook import sample
from salesbook.book import Book
from salesbook.build import build
from salesbook.settings import load

PROJECT = Path(__file__).resolve().parent.parent


def books(folder: Path, asked: list[str], **company) -> list[Book]:
    """The books of the months asked for; `company`, as for `sample.write`."""
    settings = load(PROJECT)
    export = folder / "export"
    sample.write(export, **company)
    source = dataclasses.replace(settings.source, path=str(export))
    settings = dataclasses.replace(settings, home=folder, source=source)
    return [Book(build(settings, month, folder / month)) for month in asked]
