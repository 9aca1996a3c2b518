"""Files that appear whole or not at all, and locks that end with the process that holds them."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from salesbook.errors import WrongUsage


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
    write(fresh)
    synced(fresh)
    os.replace(fresh, path)
    synced(path.parent)
