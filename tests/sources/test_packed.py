"""What a file is by its first bytes, and what a packed one holds."""

import gzip
import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from salesbook.errors import BadData
from salesbook.sources import packed

DEAL = {"deal_id": "D1", "pipeline": "Sales", "stage": "Demo", "status": "open", "amount": "5", "currency": "EUR"}


def workbook() -> bytes:
    """A workbook with a deal."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, list(DEAL))
        sheet.write_row(1, 0, list(DEAL.values()))
    return target.getvalue()


def parquet() -> bytes:
    """A Parquet file with a deal."""
    target = io.BytesIO()
    pq.write_table(pa.table({name: [value] for name, value in DEAL.items()}), target)
    return target.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip of files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


@pytest.mark.parametrize("made", [workbook, parquet])
@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("deals.zip", lambda content: zipped({"deals.data": content})),
        ("deals.csv.gz", gzip.compress),
        ("all.zip", lambda content: zipped({"deals.xlsx": content, "notes.txt": b"x"})),
    ],
)
def test_a_packed_workbook_or_parquet_file_is_read_as_the_file_within(read, rows, made, name, pack):
    imported = read({name: pack(made())})
    assert rows(imported, "deals", "deal_id, amount_minor") == [("D1", 500)]


def test_what_is_packed_twice_is_refused(read):
    with pytest.raises(BadData, match="packed twice"):
        read({"deals.zip": zipped({"inner.zip": zipped({"deals.csv": b"deal_id\n"})})})


def test_a_parquet_file_that_was_packed_to_do_harm_is_refused(read, monkeypatch):
    monkeypatch.setattr(packed, "LARGE", 1 << 20)
    with pytest.raises(BadData, match=r"deals\.zip is packed too small.*2,097,152 or more unpacked"):
        read({"deals.zip": zipped({"deals.parquet": b"PAR1" + bytes(1 << 22)})})


def test_a_zip_with_a_password_asks_for_one_without(read):
    content = bytearray(zipped({"deals.csv": b"deal_id\n"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    with pytest.raises(BadData, match=r"password required.*Pack it without a password"):
        read({"deals.zip": bytes(content)})
