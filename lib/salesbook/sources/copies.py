"""The copies of a source's files, hashed while they are made; they can be read while they come."""

import hashlib
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import BinaryIO

from salesbook.errors import BadData
from salesbook.sources.files import SourceFile

BLOCK = 1 << 20  # memory of larger ones is given back and asked for again each time
PAUSE = 0.001  # seconds between two looks at what has come


class Coming:
    """The bytes of a file that another thread writes, read as they come."""

    def __init__(self, path: Path, written: Future):
        self.path, self.written = path, written
        self.file: BinaryIO | None = None

    def read(self, size: int) -> bytes:
        """The next bytes: as many as are asked for, fewer at the end alone.

        Raises: what went wrong where they were written.
        """
        found = b""
        while True:
            is_all = self.written.done()
            if self.file is None and self.path.exists():
                self.file = self.path.open("rb")
            found += self.file.read(size - len(found)) if self.file else b""
            if is_all:
                self.written.result()
            if is_all or len(found) == size:
                return found
            wait((self.written,), timeout=PAUSE)

    def __enter__(self) -> "Coming":
        return self

    def __exit__(self, *error) -> None:
        if self.file:
            self.file.close()


@dataclass(frozen=True)
class Copy:
    """A file's copy under a name of our own, with the hash of its bytes.

    `is_table`: rows of a database, written as CSV in UTF-8 with commas: they have a key and no line. `others`: columns
    that it has and that were not copied. `coming`: the copy as it will be, while another thread makes it.
    """

    file: SourceFile
    path: Path
    sha256: str = ""
    bytes: int = 0
    is_table: bool = False
    others: tuple[str, ...] = ()
    coming: "Future[Copy] | None" = None

    def whole(self) -> "Copy":
        """The copy when all of it is there.

        Raises: BadData where it could not be made.
        """
        return self.coming.result() if self.coming else self

    def opened(self) -> BinaryIO | Coming:
        """The bytes of the copy; those that are not there yet as they come."""
        return Coming(self.path, self.coming) if self.coming else self.path.open("rb")


def copied(file: SourceFile, target: Path, stopped: Event | None = None) -> Copy:
    """A copy of a file, hashed while it is made.

    Parameters: `stopped`, set by another thread that needs no copy any more.
    Raises: BadData where the file cannot be read, or changed while it was read.
    """

    def write(block: bytes) -> None:
        if stopped and stopped.is_set():
            raise CancelledError
        copy.write(block)

    with target.open("xb") as copy:
        sha256, size = read_through(file, write)
    return Copy(file, target, sha256, size)


def hashed(file: SourceFile) -> str:
    """The hash of a file where it stands.

    Raises: BadData where the file cannot be read, or changed while it was read.
    """
    return read_through(file, len)[0]


def read_through(file: SourceFile, take: Callable[[bytes], object]) -> tuple[str, int]:
    """Read a file once, hashing each block while it is taken elsewhere; its hash and its size."""
    todo = "Wait until the export is written, then run again."
    if not file.path.is_file():
        raise BadData(f"{file.name} cannot be read.", "It is not a file.", "Take it away, or name another in the map.")
    try:
        before, digest = file.path.stat(), hashlib.sha256()
        with file.path.open("rb") as source, ThreadPoolExecutor(1) as beside:
            block = source.read(BLOCK)
            while block:
                hashing = beside.submit(digest.update, block)
                take(block)
                block = source.read(BLOCK)
                hashing.result()
        after = file.path.stat()
    except OSError as error:
        if error.filename != str(file.path):
            raise
        found = f"{error.strerror}."
        raise BadData(f"{file.name} cannot be read.", found, "Check that it is a file that you may read.") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        is_other = before.st_size != after.st_size
        found = f"{before.st_size} bytes became {after.st_size}." if is_other else "It was written meanwhile."
        raise BadData(f"{file.name} changed while it was read.", found, todo)
    return digest.hexdigest(), after.st_size
