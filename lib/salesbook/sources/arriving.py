"""How copies of a source come: of files by another thread, while they are read already; of a server's tables first."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Protocol

from salesbook.sources import copies, snapshots
from salesbook.sources.copies import Copy
from salesbook.sources.files import SourceFile


class Origin(Protocol):
    """A server whose tables are copied out as files."""

    def located(self) -> list[SourceFile]:
        """The tables that feed ours, in the order in which they are numbered."""

    def copied(self, file: SourceFile, target: Path) -> Copy:
        """A copy of a table, hashed while it is made."""


def fetched(origin: Origin, located: list[SourceFile], folder: Path) -> list[Copy]:
    """Copies of a server's tables and of the snapshots that are kept beside the settings."""
    return [
        (snapshots.copied if file.is_canonical else origin.copied)(file, target_of(folder, number))
        for number, file in enumerate(located)
    ]


@contextmanager
def arriving(located: list[SourceFile], folder: Path) -> Iterator[list[Copy]]:
    """Copies of files, made one after another by another thread until nobody needs them any more."""
    stopped = Event()

    def copied(file: SourceFile, target: Path) -> Copy:
        return snapshots.copied(file, target) if file.is_canonical else copies.copied(file, target, stopped)

    with ThreadPoolExecutor(1) as pool:
        try:
            targets = [target_of(folder, number) for number in range(len(located))]
            yield [
                Copy(file, target, coming=pool.submit(copied, file, target))
                for file, target in zip(located, targets, strict=True)
            ]
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)


def target_of(folder: Path, number: int) -> Path:
    """The path of a copy."""
    return folder / f"{number}.copy"
