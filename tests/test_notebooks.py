"""The house rules of notebooks, held against every one of them."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))
PAGES = [path for path in NOTEBOOKS if path.parent == FOLDER and not path.stem.startswith("_")]
FORBIDDEN = re.compile(r"read_csv|read_parquet|\bopen\(|datetime\.now|date\.today|time\.time|filterwarnings|^\s*[%!]")


def cells(path: Path, kind: str) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def source(path: Path) -> str:
    return "\n".join(cell.source for cell in cells(path, "code"))


def names(path: Path) -> list[str]:
    return [cell.get("id", "") for cell in nbformat.read(path, as_version=4).cells]


def every(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


@every(NOTEBOOKS)
def test_a_notebook_is_stored_without_outputs(path):
    assert [cell for cell in cells(path, "code") if cell.outputs or cell.execution_count] == []
    assert "papermill" not in nbformat.read(path, as_version=4).metadata


@every(NOTEBOOKS)
def test_a_cell_is_short_and_defines_nothing(path):
    for cell in cells(path, "code"):
        assert len(cell.source.splitlines()) <= 15, cell.id
        tree = ast.parse(cell.source)
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)], cell.id


@every(NOTEBOOKS)
def test_a_notebook_reads_no_file_and_no_clock(path):
    assert not FORBIDDEN.search(source(path))


@every(NOTEBOOKS)
def test_prose_states_no_number(path):
    for cell in cells(path, "markdown"):
        assert not re.search(r"\d", re.sub(r"`[^`]*`", "", cell.source)), cell.id


@every(PAGES)
def test_a_page_has_its_parts_in_order(path):
    notebook = nbformat.read(path, as_version=4)
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "?" in first.source
    tags = [cell.id for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert tags == ["parameters"]
    last = [cell.source for cell in cells(path, "code")][-3:]
    assert [text.split("(")[0].splitlines()[-1] for text in last] == ["page.glossary", "page.provenance", "page.done"]
    assert "## How to read this" in "\n".join(cell.source for cell in cells(path, "markdown"))


@every(PAGES)
def test_every_parameter_has_a_comment(path):
    (parameters,) = [cell for cell in cells(path, "code") if "parameters" in cell.metadata.get("tags", [])]
    for line in parameters.source.splitlines():
        assert re.fullmatch(r'\w+ = "[^"]*"  # .+', line), line


@every(NOTEBOOKS)
def test_cells_have_names_of_their_own(path):
    found = names(path)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in found), found
    assert len(set(found)) == len(found)
