"""Publishing: a month appears whole or not at all, and the last good one stays.

Made in a staging folder, written to disk, listed with its hashes, renamed, and then one link is switched. Whatever
stops it before that switch leaves the published month as it was; what it left behind is swept at the next start.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from salesbook.disk import locked, synced
from salesbook.errors import MissingTool, SalesbookError, WrongUsage

VERSIONS = ".versions"
MANIFEST = "manifest.json"


@contextmanager
def staged(reports: Path, month: str) -> Iterator[Path]:
    """An empty folder to make a month in; published when the block ends well, removed when it does not.

    Rule: one run at a time per month; staging that an earlier run left behind is swept first.
    Parameters: `reports`, the folder of the months; `month`, as 2026-10.
    Raises: WrongUsage where another run makes this month now, or something else stands in the month's place;
    MissingTool where the disk cannot be written.
    """
    versions = reports / VERSIONS
    try:
        versions.mkdir(parents=True, exist_ok=True)
        with locked(versions / f"{month}.lock", month):
            sweep(versions, month)
            folder = versions / f"{month}.staging"
            folder.mkdir()
            try:
                yield folder
                publish(folder, reports, month)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        found = f"{error.strerror}: {error.filename or reports}."
        raise MissingTool("The report could not be written.", found, "Make room or allow writing there.") from error


def sweep(versions: Path, month: str) -> None:
    """Remove what an interrupted run of this month left: its staging, and versions that nothing links to."""
    link = versions.parent / month
    live = Path(os.readlink(link)).name if link.is_symlink() else ""
    for left in versions.glob(f"{month}.*"):
        if left.is_dir() and left.name != live:
            shutil.rmtree(left)
    for left in versions.glob(f"{month}-link*"):
        left.unlink()


def publish(folder: Path, reports: Path, month: str) -> None:
    """Put a finished folder in a month's place.

    Rule: everything is on disk before the name changes; the change is one rename of a link; the version before is
    removed only after it.
    """
    link = reports / month
    if link.exists() and not link.is_symlink():
        raise WrongUsage("A folder stands in the month's place.", f"{link} is no link of ours.", "Move it away.")
    files = {name: sha256(folder / name) for name in listed(folder)}
    (folder / MANIFEST).write_text(json.dumps(files, indent=1) + "\n", encoding="utf-8")
    for path in sorted([*folder.rglob("*"), folder]):
        synced(path)
    version = folder.with_name(f"{month}.{next_number(folder.parent, month)}")
    folder.rename(version)
    synced(version.parent)
    before = Path(os.readlink(link)).name if link.is_symlink() else ""
    switch = version.parent / f"{month}-link"
    switch.symlink_to(Path(VERSIONS) / version.name)  # read from where the link will stand
    os.replace(switch, link)
    synced(reports)
    if before:
        shutil.rmtree(version.parent / before)


def next_number(versions: Path, month: str) -> int:
    """A number that no version of this month has."""
    taken = [int(path.suffix[1:]) for path in versions.glob(f"{month}.*") if path.suffix[1:].isdigit()]
    return max(taken, default=0) + 1


def listed(folder: Path) -> list[str]:
    """The files of a folder, all the way down, in order."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def sha256(path: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def verified(folder: Path) -> list[str]:
    """The files of a published month that its manifest does not know, or knows otherwise; none is what should be.

    Raises: SalesbookError where there is no manifest.
    """
    if not (folder / MANIFEST).is_file():
        raise SalesbookError("This is no published month.", f"{folder} has no {MANIFEST}.", "Make it: make report.")
    known = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    found = {name: sha256(folder / name) for name in listed(folder) if name != MANIFEST}
    return sorted(name for name in known.keys() | found.keys() if known.get(name) != found.get(name))
