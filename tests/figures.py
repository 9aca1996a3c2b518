"""The figures that a page shows of a book, without drawing them: its notebook runs, and what it says is kept."""

from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import nbformat

import salesbook
from salesbook import page

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SHOWS = ("findings", "scorecard", "table", "lens", "claims", "glossary", "provenance", "done")


@dataclass(frozen=True)
class Told:
    """The headline of a figure, and whether it claims something: None where nothing is tested."""

    headline: str
    is_claim: bool | None


def figures_of(name: str, book) -> list[Told]:
    """What the figures of a page say of a book."""
    told = []

    def kept(book, chart, data, *, headline, is_claim=None, **more):
        told.append(Told(headline, is_claim))

    unseen = dict.fromkeys(SHOWS, lambda *shown, **options: None)
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    with patch.multiple(page, figure=kept, **unseen), patch.object(salesbook, "open_book", lambda *asked, **more: book):
        space = {}
        for cell in cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{name}, {cell.id}", "exec"), space)
    return told
