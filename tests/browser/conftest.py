"""What the tests in a real browser need: Node with its packages, Chromium, and months to look at."""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import hostile
from salesbook import sample
from salesbook.build import run_of
from salesbook.errors import MissingTool
from salesbook.report.month import chosen, make_month
from salesbook.report.pdf import browser
from salesbook.settings import load

HERE = Path(__file__).parent
OLDEST_NODE = 18
SECONDS = 300


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    try:
        return browser()
    except MissingTool as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def modules() -> Path:
    """The folder of the packages of package-lock.json: in the user's cache, fetched once for each lock."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not here: apt install nodejs npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node is {version}, older than {OLDEST_NODE}")
    mark = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "salesbook"
    place = caches / f"browser-tests-{mark}"
    if not place.is_dir():
        fetch(npm, place)
    return place


def fetch(npm: str, place: Path) -> None:
    """Fetch the packages into a folder, whole or not at all."""
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, fresh / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        shutil.rmtree(fresh)
        pytest.skip(f"npm ci did not fetch the packages: {done.stderr.strip()[-300:]}")
    try:
        fresh.rename(place)
    except OSError:  # another run of the tests was first
        shutil.rmtree(fresh)


@pytest.fixture(scope="session")
def drive(modules, chromium):
    """Run a script of this folder with Node; it is given Chromium's path and writes JSON."""

    def run(script: str, *arguments) -> dict | list:
        command = ["node", HERE / script, chromium, *map(str, arguments)]
        env = os.environ | {"MODULES": str(modules)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def home(project, tmp_path_factory) -> Path:
    """A home of the sample company as a user has it: settings, data, notebooks and the run of its month."""
    place = tmp_path_factory.mktemp("home")
    shutil.copyfile(project / "salesbook.toml", place / "salesbook.toml")
    shutil.copytree(project / "notebooks", place / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(project / "data" / "sample", place / "data" / "sample")
    run_of(load(place), "2026-10")
    return place


def published(home: Path, **changes) -> list[Path]:
    """The published pages of a home's month, its index among them."""
    settings = dataclasses.replace(load(home), **changes)
    made = make_month(run_of(settings, "2026-10"), chosen(home / "notebooks", ()), settings.reports)
    return [made.index, *made.pages]


@pytest.fixture(scope="session")
def pages(home) -> list[Path]:
    """The published pages of the sample company."""
    return published(home)


@pytest.fixture(scope="session")
def hostile_pages(home, tmp_path_factory) -> list[Path]:
    """The published pages of a company that means harm."""
    place = tmp_path_factory.mktemp("hostile")
    sample.write(place / "whole", leads=900, months=20, seed=3)
    hostile.company(place / "whole", place / "data" / "sample")
    shutil.copyfile(home / "salesbook.toml", place / "salesbook.toml")
    shutil.copytree(home / "notebooks", place / "notebooks")
    return published(place, company=hostile.PAYLOADS[0] + "Trading")
