"""Copies of files: whole or refused, and read while they come just as when they are there."""

import os
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event

import pytest

from salesbook.errors import BadData
from salesbook.sources import copies
from salesbook.sources.copies import BLOCK, Coming
from salesbook.sources.files import SourceFile

EXPORT = "deal_id,pipeline,stage,status,amount,currency\nD1,Sales,Demo,open,5,EUR\n"
LONG = EXPORT + "".join(f"D{n},Sales,Demo,open,{n},EUR\n" for n in range(2, 200_000))


@pytest.fixture
def export(tmp_path):
    """A file of deals."""
    path = tmp_path / "deals.csv"
    path.write_text(EXPORT)
    return SourceFile("deals.csv", path, "", ("deals",))


@pytest.fixture
def growing(monkeypatch):
    """A function after which a path is written to while it is read."""

    def grow(path):
        class Growing:
            def update(self, block):
                time.sleep(0.02)
                os.utime(path, ns=(1, 1))

            def hexdigest(self):
                return ""

        monkeypatch.setattr(copies.hashlib, "sha256", Growing)

    return grow


@pytest.mark.parametrize("read", [copies.hashed, lambda file: copies.copied(file, file.path.with_suffix(".copy"))])
def test_a_file_that_changes_while_it_is_read_is_refused(export, growing, read):
    growing(export.path)
    with pytest.raises(BadData, match="changed while it was read"):
        read(export)


@pytest.mark.parametrize(
    "text", [EXPORT, "deal_id;stage,status\n" * BLOCK], ids=["a table", "none that can be understood"]
)
def test_an_import_of_a_file_that_changes_says_so_before_what_is_wrong_in_it(read, growing, tmp_path, text):
    growing(tmp_path / "source" / "deals.csv")
    with pytest.raises(BadData, match="changed while it was read"):
        read({"deals.csv": text})
    assert list((tmp_path / "store").iterdir()) == []


def test_a_copy_that_nobody_needs_is_not_finished(export, tmp_path):
    stopped = Event()
    stopped.set()
    with pytest.raises(CancelledError):
        copies.copied(export, tmp_path / "0.copy", stopped)


def test_bytes_are_read_while_they_come(tmp_path):
    path, content = tmp_path / "0.copy", os.urandom(3 * BLOCK + 5)

    def write():
        time.sleep(0.02)
        with path.open("wb", buffering=0) as file:
            for at in range(0, len(content), BLOCK // 2):
                file.write(content[at : at + BLOCK // 2])
                time.sleep(0.005)

    with ThreadPoolExecutor(1) as pool, Coming(path, pool.submit(write)) as coming:
        found = list(iter(lambda: coming.read(BLOCK), b""))
    assert [len(block) for block in found] == [BLOCK, BLOCK, BLOCK, 5]
    assert b"".join(found) == content


def test_what_goes_wrong_where_they_are_written_is_told_where_they_are_read(tmp_path):
    (tmp_path / "0.copy").write_bytes(b"half")
    written = Future()
    written.set_exception(OSError(28, "No space left on device"))
    with Coming(tmp_path / "0.copy", written) as coming, pytest.raises(OSError, match="No space left"):
        coming.read(BLOCK)


def test_a_long_file_read_while_it_comes_is_read_whole(read, rows, monkeypatch):
    through = copies.read_through

    def slow(file, take):
        return through(file, lambda block: (time.sleep(0.05), take(block)))

    monkeypatch.setattr(copies, "read_through", slow)
    imported = read({"deals.csv": LONG})
    assert rows(imported, "deals", "count(*), sum(amount_minor)") == [(199_999, 100 * sum(range(2, 200_000)) + 500)]
