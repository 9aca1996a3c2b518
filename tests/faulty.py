"""Faults on purpose to the real command: the home of a tiny company with one light page, and what is done to it.

Small in tests/report/test_faults.py, large in `make prove`.
"""

import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat

from companies import PROJECT
from fake_book import LIGHT, LIGHT_DONE, notebook
from salesbook.report.publish import verified
from worked import settings_of

MONTH = "2026-10"
MONTHS = [f"2026-{number:02d}" for number in range(3, 11)]
SECONDS = 180
SURROUNDINGS = (
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"},
    {"TZ": "Asia/Tokyo", "LC_ALL": "da_DK.UTF-8", "PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "4"},
)


def home_in(place: Path) -> Path:
    """The home of a company that wins a deal a month."""
    rows = [f"{month},Sales,Won,100.00,EUR,{month}-01,{month}-05,won" for month in MONTHS]
    settings_of(place, deals="deal_id,pipeline,stage,amount,currency,created_at,closed_at,status\n" + "\n".join(rows))
    (place / "notebooks").mkdir()
    nbformat.write(notebook(LIGHT, LIGHT_DONE, title="# The page"), place / "notebooks" / "scorecard.ipynb")
    return place


def change(home: Path, mark: str) -> None:
    """Make the next report another one: a manager's comment, and a deal more."""
    (home / "notes").mkdir(exist_ok=True)
    (home / "notes" / f"{MONTH}.md").write_text(f"This is {mark}.", encoding="utf-8")
    with (home / "export" / "deals.csv").open("a", encoding="utf-8") as deals:
        deals.write(f"{mark.replace(' ', '-')},Sales,Won,100.00,EUR,2026-10-01,2026-10-05,won\n")


def begin(home: Path, *more: str, **variables: str) -> subprocess.Popen:
    """Begin a report, with variables of the environment."""
    command = [sys.executable, "-m", "salesbook", "report", "--settings", str(home), *more]
    env = os.environ | variables
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def report(home: Path, *more: str) -> tuple[int, str]:
    """Make a report; its exit code and what it said on standard error."""
    process = begin(home, *more)
    _, said = process.communicate(timeout=SECONDS)
    return process.returncode, said


def stands(home: Path, *marks: str) -> bool:
    """Whether the month is whole and bears one of the marks."""
    folder = home / "reports" / MONTH
    page = (folder / "scorecard.html").read_text(encoding="utf-8")
    return verified(folder) == [] and any(f"This is {mark}." in page for mark in marks)


def await_staging(home: Path) -> None:
    """Wait until a report is being made: its staging is there, and nothing of it is published yet."""
    until = time.monotonic() + SECONDS
    while is_swept(home):
        if time.monotonic() > until:
            raise TimeoutError("No report was begun.")
        time.sleep(0.01)


def is_swept(home: Path) -> bool:
    """Whether no staging of a report is left."""
    return not list((home / "reports" / ".versions").glob("*.staging"))


def is_told(said: str, *texts: str) -> bool:
    """Whether an error was told in its three parts and without a traceback."""
    return "Traceback" not in said and all(text in said for text in ("Error: ", "Found: ", "To do: ", *texts))


def differing(place: Path, *more: str) -> tuple[int, list[str]]:
    """Make the sample company's month in different folders and surroundings, and compare the bytes of every file.

    Returns: how many files there are in all but the first, and those that differ from the first's.
    """
    files, wrong = [], []
    for number, variables in enumerate(SURROUNDINGS):
        home = place / ("home" if number == 0 else f"another home, number {number}")
        shutil.copytree(PROJECT / "data" / "sample", home / "data" / "sample")
        shutil.copytree(PROJECT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
        shutil.copyfile(PROJECT / "salesbook.toml", home / "salesbook.toml")
        _, said = begin(home, "--format", "xlsx", "--format", "eml", *more, **variables).communicate(
            timeout=5 * SECONDS
        )
        folder = home / "reports" / MONTH
        files.append({path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()})
        names = files[0].keys() | files[-1].keys()
        wrong += [f"{variables}: {name} {said}" for name in sorted(names) if files[0].get(name) != files[-1].get(name)]
    return sum(map(len, files[1:])), wrong


def kill_points(home: Path, attempts: int, seed: int = 1) -> list[str]:
    """Kill a report at random moments; after each the last whole report must stand, and the next one be made.

    Returns: what went wrong, attempt by attempt.
    """
    change(home, "kill 0")
    began = time.monotonic()
    code, said = report(home)
    seconds, moments = time.monotonic() - began, random.Random(seed)
    wrong = [] if code == 0 else [said]
    for attempt in range(1, attempts + 1):
        change(home, f"kill {attempt}")
        process, moment = begin(home), moments.uniform(0, seconds)
        time.sleep(moment)
        process.kill()
        process.communicate()
        is_whole = stands(home, f"kill {attempt - 1}", f"kill {attempt}")
        code, said = report(home)
        if not (is_whole and code == 0 and stands(home, f"kill {attempt}") and is_swept(home)):
            wrong.append(f"killed after {moment:.2f} of {seconds:.2f} s: {is_whole=} {code=} {said}")
    return wrong


def full_disks(home: Path, levels: list[float]) -> list[str]:
    """Make a report on a disk with a share of the room that it needs; the last whole report must stand.

    Returns: what went wrong, level by level.
    """
    change(home, "room 0")
    before = free(home)
    code, said = report(home)
    need, wrong = before - free(home), [] if code == 0 else [said]
    for number, level in enumerate(levels, 1):
        change(home, f"room {number}")
        with filled(home, int(need * level)):
            code, said = report(home)
            is_right = code == 0 or (code == 4 and is_told(said) and stands(home, f"room {number - 1}"))
        again, more = report(home)
        if not (is_right and again == 0 and stands(home, f"room {number}") and is_swept(home)):
            wrong.append(f"{level:.0%} of {need} bytes: {code=} {is_right=} {said} then {again=} {more}")
    return wrong


def free(place: Path) -> int:
    """Bytes that are free on a disk."""
    return os.statvfs(place).f_bavail * os.statvfs(place).f_frsize


@contextmanager
def filled(place: Path, left: int):
    """A disk with so many bytes left."""
    filler = place / "filler"
    try:
        with filler.open("wb") as file:
            while (room := free(place) - left) > 0:
                file.write(bytes(min(room, 2**20)))
                file.flush()
        yield
    finally:
        filler.unlink()


@contextmanager
def small_disk(place: Path, size: str = "24m"):
    """A disk of its own at a folder.

    Raises: PermissionError where this user may not mount one.
    """
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)],
                          capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        raise PermissionError(f"a disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
