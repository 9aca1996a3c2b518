"""What the notebooks of a month left behind, as plain data: the other forms of the report are made from it."""

from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from salesbook.cells import MIME
from salesbook.report.parts import PARTS


@dataclass(frozen=True)
class Left:
    """A page and what it shows: `parts` are (kind, data) in the order of the notebook."""

    name: str
    title: str
    parts: list[tuple[str, dict]]

    def of(self, kind: str) -> list[dict]:
        """The parts of one kind."""
        return [data for found, data in self.parts if found == kind]

    @property
    def tables(self) -> list[tuple[str, dict]]:
        """Figures and tables that hold numbers, each before the deals or leads behind it: (title, data)."""
        found = []
        for _, data in (part for part in self.parts if part[0] in ("figure", "table")):
            title = data.get("headline") or data.get("title", "")
            found += [(title, data)] + ([(title, data["listing"])] if "listing" in data else [])
        return found


def parts_of(notebook: NotebookNode) -> Iterator[tuple[str, dict]]:
    """The parts that a notebook left, in order."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in PARTS:
                data = output.get("data", {}).get(MIME.format(kind))
                if data is not None:
                    yield kind, data
