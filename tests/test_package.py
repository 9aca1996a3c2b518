"""The built wheel stands on its own: it finds its SQL, words, templates and fonts without the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "lib" / "salesbook"
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
        shutil.copy(PACKAGE.parent.parent / name, source)
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
