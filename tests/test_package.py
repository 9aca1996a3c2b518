"""The built wheel stands on its own: it finds its SQL, words, templates and fonts without the checkout; and the code
keeps the house rules that a program can check."""

import ast
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from salesbook.errors import BadData
from salesbook.query import Unanswerable

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "lib" / "salesbook"
LONGEST_FILE, LONGEST_FUNCTION = 500, 50  # lines
CODE = """
import salesbook, pathlib
from salesbook.build import FACTS, fact
from salesbook.report.export import style_sheet
from salesbook.words import catalogue
assert pathlib.Path(salesbook.__file__).is_relative_to(pathlib.Path({folder!r})), salesbook.__file__
assert all(fact(name).sql for name in FACTS)
assert all(catalogue(language) for language in ("en", "nl", "da"))
print(len(style_sheet()), len(salesbook.KPIS))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(PACKAGE, source / "lib" / "salesbook", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, folder, source], check=True, stdout=subprocess.DEVNULL)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    ours = {
        path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    theirs = {path.relative_to(wheel / "salesbook") for path in (wheel / "salesbook").rglob("*") if path.is_file()}
    assert ours == theirs


def test_the_wheel_works_without_the_checkout(wheel, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(wheel)}
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", CODE.format(folder=str(wheel))]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 10_000


def functions(folder: str, names: str) -> list[tuple[str, ast.FunctionDef]]:
    """The functions in the modules of a folder, each with where it stands."""
    return [
        (f"{path.relative_to(PROJECT)}:{node.lineno} {node.name}", node)
        for path in sorted((PROJECT / folder).rglob(names))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]


EXPECTED = ("pytest.raises", "pytest.warns")


def is_assertion(node: ast.AST) -> bool:
    """Whether a node of a test lets it fail: an assert, or an error or warning that must come."""
    return isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and ast.unparse(node.func) in EXPECTED)


def test_every_test_asserts_in_the_open():
    tests = [(place, node) for place, node in functions("tests", "test_*.py") if node.name.startswith("test_")]
    assert not [place for place, node in tests if not any(map(is_assertion, ast.walk(node)))]
    assert len(tests) > 1000


@pytest.mark.parametrize("folder", ["lib", "tests", "bench"])
def test_no_function_and_no_file_is_too_long(folder):
    sizes = {place: node.end_lineno - node.lineno + 1 for place, node in functions(folder, "*.py")}
    assert not {place: size for place, size in sizes.items() if size > LONGEST_FUNCTION}
    sizes = {path: len(path.read_bytes().splitlines()) for path in (PROJECT / folder).rglob("*.py")}
    assert not {path: size for path, size in sizes.items() if size > LONGEST_FILE}


@pytest.mark.parametrize("error", [BadData("Wrong.", "Found.", "Do."), Unanswerable("needs activities")])
def test_an_error_of_a_worker_process_reaches_its_parent_whole(error):
    handed = pickle.loads(pickle.dumps(error))
    assert (type(handed), str(handed), vars(handed)) == (type(error), str(error), vars(error))
