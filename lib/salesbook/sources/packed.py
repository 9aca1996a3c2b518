"""What a file is by its first bytes, and what a packed one holds."""

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from salesbook.errors import BadData
from salesbook.sources.copies import BLOCK, Copy
from salesbook.sources.files import listed, members

LARGE, MOST_PACKED = 1 << 27, 200  # bytes; how many times smaller a workbook may be than what is in it
PARQUET, GZIP, ZIP = b"PAR1", b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
# A part of a packed file that tells what it is.
DOCUMENTS = {
    "content.xml": "an OpenDocument file (.ods)",
    "xl/workbook.bin": "an Excel file in its binary form (.xlsb)",
    "word/document.xml": "a Word document",
}


def unpacked(copy: Copy, folder: Path) -> tuple[Copy, str]:
    """A file, and what it is: text, gzip, zip, xlsx or parquet; a packed workbook or Parquet file is unpacked into a
    file of its own. What is not text is there as a whole.

    Raises: BadData for an empty file, for kinds that are not read, and for what cannot be unpacked.
    """
    kind = kind_of(copy)
    if kind != "text":
        copy = copy.whole()
    if kind not in ("gzip", "zip"):
        return copy, kind
    with unpacking(copy.file.name), opener(copy, kind)() as file:
        head = file.read(BLOCK)
        if not head.startswith((PARQUET, *ZIP)):
            return copy, kind
        path = folder / f"{copy.path.stem}.unpacked"
        with path.open("xb") as target:
            while head:
                target.write(head)
                refuse_bomb(copy, target.tell())
                head = file.read(BLOCK)
    inner = replace(copy, file=replace(copy.file, sheet=""), path=path, bytes=path.stat().st_size)
    held = kind_of(inner)
    return (inner, held) if held in ("xlsx", "parquet") else (copy, kind)


def refuse_bomb(copy: Copy, size: int) -> None:
    """Refuse a workbook or Parquet file that no program has packed so small: unpacked it would fill the machine.

    Parameters: `size`, the bytes that are in it.
    Raises: BadData.
    """
    if size > LARGE and size > MOST_PACKED * copy.bytes:
        found = f"It is {copy.bytes:,} bytes, and {size:,} or more unpacked."
        raise BadData(f"{copy.file.name} is packed too small.", found, "Save it again, or as CSV.")


def kind_of(copy: Copy) -> str:
    """What a file is by its first bytes: text, gzip, zip, xlsx or parquet.

    Raises: BadData for an empty file and for kinds that are not read.
    """
    with copy.opened() as file:
        head = file.read(512)
    if not head:
        raise BadData(f"{copy.file.name} is empty.", "It has no bytes.", "Export it again.")
    if head.startswith(PARQUET):
        return "parquet"
    if head.startswith(GZIP):
        return "gzip"
    if not head.startswith(ZIP):
        return "text"
    try:
        with zipfile.ZipFile(copy.whole().path) as archive:
            parts = archive.namelist()
            if any(member.header_offset < 0 for member in archive.infolist()):
                raise zipfile.BadZipFile("Its beginning is missing")
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        found = f"{error}: it may be cut off."
        raise BadData(f"{copy.file.name} is a broken zip.", found, "Copy or export it again.") from error
    for document in DOCUMENTS.keys() & set(parts):
        raise BadData(f"{copy.file.name} is not a table.", f"It is {DOCUMENTS[document]}.", "Save it as .xlsx or CSV.")
    return "xlsx" if "xl/workbook.xml" in parts else "zip"


def opener(copy: Copy, kind: str) -> Callable:
    """A function that opens a file's text as bytes, unpacked.

    Raises: BadData for a zip that does not hold exactly one file.
    """
    if kind == "gzip":
        return partial(gzip.open, copy.path, "rb")
    if kind == "text":
        return copy.opened
    archive = zipfile.ZipFile(copy.path)
    there, wanted = members(archive), copy.file.sheet
    if wanted and wanted not in there:
        raise BadData(f"{copy.file.name} is not in the zip.", f"It holds {listed(there)}.", "Name one of these.")
    if not wanted and len(there) != 1:
        found = f"It holds {listed(there)}." if there else "It holds none."
        todo = "Name the one to read behind #, as in export.zip#deals.csv, or pack one file alone."
        raise BadData(f"{copy.file.name} does not hold exactly one file.", found, todo)
    return partial(archive.open, wanted or there[0])


@contextmanager
def unpacking(name: str) -> Iterator[None]:
    """What goes wrong while a packed file is read, as an error about that file.

    Raises: BadData where it is broken, has a password, or is packed in a way that is not known.
    """
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        is_locked = "password" in str(error) or "encrypted" in str(error)
        if type(error) is RuntimeError and not is_locked:
            raise
        todo = "Pack it without a password, or not at all." if is_locked else "Copy or export it again, unpacked."
        raise BadData(f"{name} cannot be unpacked.", f"{error}.", todo) from error
