"""Files that appear whole or not at all, locks that end with the process that holds them, disks that refuse."""

import errno
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from salesbook.errors import MissingTool, WrongUsage

STAGING = ".staging-"
DAY_SECONDS = 86_400
# What a disk says that is full, read-only or not ours.
REFUSALS = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM))


@contextmanager
def locked(file: Path, what: str, patient: bool = False) -> Iterator[None]:
    """A lock that ends with the process that holds it; who is `patient` waits for it.

    Raises: WrongUsage where another process holds it.
    """
    with file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if patient else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise WrongUsage(f"{what} is being made by another run.", f"{file} is held.", "Wait for it.") from error
        yield


def synced(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replaced(path: Path, text: str) -> None:
    """Write a file of text whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, lambda fresh: fresh.write_text(text, encoding="utf-8"))


def put(path: Path, write: Callable[[Path], object]) -> None:
    """Put a file in its place whole or not at all; `write` writes it under another name beside it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(fresh)
        synced(fresh)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    synced(path.parent)


def sweep(store: Path) -> None:
    """Take away what runs that were cut off have left for more than a day."""
    for staging in store.glob(f"{STAGING}*"):
        if time.time() - staging.stat().st_mtime > DAY_SECONDS:
            shutil.rmtree(staging, ignore_errors=True)


def errors() -> tuple[type[Exception], ...]:
    """The errors with which a disk refuses: the system's, and DuckDB's where it is in use."""
    duckdb = sys.modules.get("duckdb")
    return (OSError, duckdb.Error) if duckdb else (OSError,)


def refused(error: Exception) -> MissingTool | None:
    """The error of a disk that is full, read-only or not ours, in three parts; None for any other."""
    told = str(error)
    why = next((refusal for refusal in REFUSALS if refusal in told), "")
    if not why:
        return None
    place = getattr(error, "filename", None)
    found = f"{why}: {place}." if place else f"{why}."
    return MissingTool("A disk or folder cannot be used.", found, "Make room there, or allow reading and writing.")
