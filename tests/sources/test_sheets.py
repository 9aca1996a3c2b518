"""Excel sheets and Parquet files say the same as text would."""

import io
import re
import uuid
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from salesbook.errors import BadData
from salesbook.sources import packed, sheets
from salesbook.sources.copies import Copy
from salesbook.sources.files import SourceFile

HEADER = ["deal_id", "pipeline", "stage", "status", "currency", "amount", "created_at", "is_test", "expected_close"]


def workbook(*rows: list, names: tuple[str, ...] = ("Sheet1",), first_row: int = 0) -> bytes:
    """A workbook with the rows on its first sheet."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
        for at, name in enumerate(names):
            book.add_worksheet(name).write(0, 0, "a note" if at else "")
        sheet = book.worksheets()[0]
        for at, row in enumerate(rows, first_row):
            for column, value in enumerate(row):
                if value == "#N/A":
                    sheet.write_formula(at, column, "=NA()", None, "#N/A")
                elif value is not None:
                    sheet.write(at, column, value)
    return target.getvalue()


def rewritten(content: bytes, *changes: tuple[str, str]) -> bytes:
    """A workbook with other text in its first sheet."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name)
            for before, after in changes if name.endswith("sheet1.xml") else ():
                assert before.encode() in text
                text = text.replace(before.encode(), after.encode())
            new.writestr(name, text)
    return target.getvalue()


def parquet(**columns) -> bytes:
    """A Parquet file of the columns."""
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


ROW = ["D1", "Sales", "Demo", "open", "EUR", 1234.5, datetime(2026, 1, 5, 10, 30), True, date(2026, 3, 4)]
LOADED = [("D1", 123_450, datetime(2026, 1, 5, 9, 30), True, date(2026, 3, 4))]
COLUMNS = "deal_id, amount_minor, created_at, is_test, expected_close"
FORMS = [{"decimal": "."}, {"decimal": ",", "thousands": ".", "date_form": "dmy"}]


@pytest.mark.parametrize("form", FORMS, ids=["points", "commas"])
def test_a_sheet_is_read_exactly_whatever_form_texts_have(read, rows, form):
    imported = read({"deals.xlsx": workbook(HEADER, ROW)}, zone="Europe/Amsterdam", limit=0.0, **form)
    assert rows(imported, "deals", COLUMNS) == LOADED


def test_numbers_of_a_sheet_are_what_excel_shows(read, rows, quarantined):
    made = [[f"D{n}", *ROW[1:5], amount] for n, amount in enumerate([0.1 + 0.2, 100, 0, -2.5, 12.345])]
    large = [[1234567.0, *ROW[1:5], 1], [1.5e17, *ROW[1:5], 1]]
    imported = read({"deals.xlsx": workbook(HEADER[:6], *made, *large)})
    assert rows(imported, "deals", "deal_id, amount_minor") == [
        ("1234567", 100), ("D0", 30), ("D1", 10_000), ("D2", 0), ("D3", -250),
    ]  # fmt: skip
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [
        (6, "amount_unreadable"),
        (8, "deal_id_spoiled"),
    ]


def test_an_error_in_a_cell_is_not_an_empty_cell(read, quarantined):
    rows = [["D1", *ROW[1:5], "#N/A"], ["#N/A", *ROW[1:5], 5], ["D3", *ROW[1:5], 5]]
    imported = read({"deals.xlsx": workbook(HEADER[:6], *rows, names=("Deals & more", "Other"))},
                    files={"deals": "deals.xlsx#deals & more"})  # fmt: skip
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [
        (2, "amount_unreadable"), (3, "deal_id_spoiled"),
    ]  # fmt: skip


RELATIONS, MAIN = "http://schemas.openxmlformats.org/officeDocument/2006/relationships", "spreadsheetml/2006/main"
DRESSES = {
    "the strict form": lambda text: text.replace(RELATIONS, "http://purl.oclc.org/ooxml/officeDocument/relationships")
    .replace(f"http://schemas.openxmlformats.org/{MAIN}", f"http://purl.oclc.org/ooxml/{MAIN}"),
    "tags with a prefix": lambda text: re.sub(r"<(/?)(\w)", r"<\1x:\2", text).replace("xmlns=", "xmlns:x=")
    if "<worksheet" in text else text,
    "single quotes": lambda text: re.sub(r'\b([rt])="(\w+)"', r"\1='\2'", text) if "<worksheet" in text else text,
    "a cell without content before": lambda text: text.replace('<c r="E2"', '<c r="AA2" s="1"/><c r="E2"'),
}  # fmt: skip


@pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES)
def test_an_error_in_a_cell_is_seen_in_whatever_way_the_workbook_is_written(read, rows, quarantined, dress):
    made = workbook(HEADER[:6], ["D1", "Sales", "Demo", "open", "#N/A", 5], ["D2", *ROW[1:5], 5])
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, dress(old.read(name).decode()))
    assert target.getvalue() != made
    imported = read({"deals.xlsx": target.getvalue()})
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [(2, "currency_unreadable")]
    assert rows(imported, "deals", "deal_id, currency") == [("D2", "EUR")]


def test_a_formula_that_nothing_has_worked_out_is_not_an_empty_cell(read, rows, quarantined):
    content = rewritten(
        workbook(HEADER[:6], ["D1", *ROW[1:5], 7], ["D2", *ROW[1:5], 7], ["D3", *ROW[1:4], "EUR", 7]),
        ('<c r="F2"><v>7</v></c>', '<c r="F2"><f>3+4</f><v></v></c>'),
        ('<c r="F3"><v>7</v></c>', '<c r="F3" t="str"><f>""</f><v></v></c>'),
        ('<c r="F4"><v>7</v></c>', '<c r="F4"><f>3+4</f><v>7</v></c>'),
    )
    imported = read({"deals.xlsx": content})
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [(2, "amount_unreadable")]
    assert rows(imported, "deals", "deal_id, amount_minor") == [("D2", None), ("D3", 700)]


def test_an_error_in_a_cell_without_an_address_is_refused_and_plain_cells_without_one_are_read(read, rows):
    whole = workbook(HEADER[:5], ROW[:5], ["D2", *ROW[1:5]])
    bare = [(f'r="{column}{row}"', "") for row in (1, 2, 3) for column in "ABCDE"]
    assert len(rows(read({"deals.xlsx": rewritten(whole, *bare)}, limit=0.0), "deals")) == 2
    spoiled = rewritten(workbook(HEADER[:5], [*ROW[:4], "#N/A"]), *bare[:10])
    with pytest.raises(BadData, match=r"deals\.xlsx does not say where its cells stand"):
        read({"deals.xlsx": spoiled})


def test_a_workbook_with_a_damaged_part_is_refused(read):
    content = workbook(HEADER[:5], ROW[:5])
    with zipfile.ZipFile(io.BytesIO(content)) as whole:
        parts = {name: whole.getinfo(name) for name in ("xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml")}
    for name, part in parts.items():
        spoiled = bytearray(content)
        of_checksum = content.rindex(name.encode()) - 30  # in the list of contents at the end
        assert spoiled[of_checksum : of_checksum + 4] == part.CRC.to_bytes(4, "little")
        spoiled[of_checksum] ^= 1
        with pytest.raises(BadData, match=r"deals\.xlsx cannot be read as Excel"):
            read({"deals.xlsx": bytes(spoiled)})


def test_a_workbook_packed_to_fill_the_memory_is_refused_before_it_is_unpacked(read, monkeypatch):
    monkeypatch.setattr(packed, "LARGE", 1 << 20)
    content = rewritten(workbook(HEADER[:6], ROW[:6]), ("</sheetData>", "</sheetData>" + " " * (8 << 20)))
    with pytest.raises(BadData, match=r"deals\.xlsx is packed too small.*unpacked"):
        read({"deals.xlsx": content})


def test_lines_of_a_sheet_are_its_rows(read, rows, quarantined):
    bad = ["D2", *ROW[1:5], "x"]
    content = workbook(HEADER[:6], ["D\n1", *ROW[1:5], 1], [], ["D3", "Sa\nles", *ROW[2:5], 1], bad, first_row=3)
    imported = read({"deals.xlsx": content})
    assert rows(imported, "deals", "pipeline") == [("Sa\nles",)]
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [
        (5, "deal_id_invisible"),
        (8, "amount_unreadable"),
    ]


def test_dates_of_a_sheet_beside_texts_in_the_declared_form_are_rejected(read, quarantined):
    header = [*HEADER[:5], "created_at"]
    swapped = ["D1", *ROW[1:5], datetime(2026, 4, 3)]
    content = workbook(header, swapped, ["D2", *ROW[1:5], "13-04-2026"])
    imported = read({"deals.xlsx": content}, date_form="dmy")
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [(2, "created_at_unreadable")]


def test_midnight_is_a_time_where_others_of_its_column_are(read, rows):
    header = [*HEADER[:5], "created_at", "deleted_at"]
    first = ["D1", *ROW[1:5], datetime(2026, 7, 5, 9, 30), datetime(2026, 7, 8)]
    content = workbook(header, first, ["D2", *ROW[1:5], datetime(2026, 7, 6), None])
    imported = read({"deals.xlsx": content}, zone="Asia/Tokyo", limit=0.0)
    assert rows(imported, "deals", "created_at, created_at_is_date, deleted_at, deleted_at_is_date") == [
        (datetime(2026, 7, 5, 0, 30), False, datetime(2026, 7, 7, 22), True),
        (datetime(2026, 7, 5, 15), False, None, False),
    ]


def percents(*values: tuple[object, str]) -> bytes:
    """A workbook of deals with probabilities, each with its number format."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*HEADER[:5], "probability"])
        for row, (value, form) in enumerate(values, 1):
            sheet.write_row(row, 0, [f"D{row}", *ROW[1:5]])
            sheet.write(row, 5, value, book.add_format({"num_format": form}))
    return target.getvalue()


MIXED = {
    "a whole number": (12, "General"),
    "one": (1, "0"),
    "a fraction": (0.5, "0.00"),
    "a number as text": ("12,5", "@"),
    "a sign that is only words": (12, '0" %"'),
}


@pytest.mark.parametrize("plain", MIXED.values(), ids=MIXED)
def test_a_column_of_percents_and_plain_numbers_is_refused_where_the_map_names_it(read, rows, plain):
    content = percents((0, "General"), (0.12, "0.0%"), plain)
    with pytest.raises(BadData, match=r"deals\.xlsx mixes.*'probability': row 3 is a percent, row 4 .*one format"):
        read({"deals.xlsx": content})
    imported = read({"deals.xlsx": content}, columns={"deals": {"probability": ["Chance"]}}, limit=0.0)
    assert rows(imported, "deals", "probability") == [(None,)] * 3


def test_a_column_of_percents_is_read_as_fractions(read, rows):
    imported = read({"deals.xlsx": percents((0.12, "0%"), (0, "General"), ("", "General"), (1, "0.00%"))}, limit=0.0)
    assert rows(imported, "deals", "probability::double") == [(0.12,), (0.0,), (None,), (1.0,)]


def test_an_id_that_excel_has_made_a_date_is_rejected(read, rows, quarantined):
    made = [[date(2026, 4, 3), *ROW[1:5]], ["3-4", *ROW[1:5]], ["D3", "Sales", date(2026, 4, 3), *ROW[3:5]]]
    imported = read({"deals.xlsx": workbook(HEADER[:5], *made)})
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [(2, "deal_id_spoiled")]
    assert rows(imported, "deals", "deal_id, stage") == [("3-4", "Demo"), ("D3", "2026-04-03")]
    texts = read({"deals.xlsx": workbook(HEADER[:5], ["2026-04-03", *ROW[1:5]])}, limit=0.0)
    assert rows(texts, "deals", "deal_id") == [("2026-04-03",)]


def test_cells_merged_over_rows_are_refused_and_a_merged_title_is_not(read, rows):
    content = workbook(HEADER[:5], ROW[:5], ["D2", None, *ROW[2:5]], ["D3", *ROW[1:5]])
    merged = '</sheetData><mergeCells count="1"><mergeCell ref="{}"/></mergeCells>'
    with pytest.raises(BadData, match=r"deals\.xlsx has merged cells.*rows 2 to 3 in column B.*Unmerge"):
        read({"deals.xlsx": rewritten(content, ("</sheetData>", merged.format("B2:B3")))})
    content = workbook([], HEADER[:5], ROW[:5])
    imported = read({"deals.xlsx": rewritten(content, ("</sheetData>", merged.format("A1:B2")))}, limit=0.0)
    assert rows(imported, "deals", "deal_id") == [("D1",)]


def test_a_title_above_a_table_is_told_by_its_row(read):
    with pytest.raises(BadData, match=r"no columns.*'Deals of 2026'.*Line 3 has names"):
        read({"deals.xlsx": workbook(["Deals of 2026"], [], HEADER[:5], ROW[:5])})


def test_the_sheet_must_be_told_where_there_are_several(read, rows):
    content = workbook(HEADER[:6], ROW[:6], names=("Deals", "Notes"))
    assert len(rows(read({"deals.xlsx": content}), "deals")) == 1
    other = workbook(HEADER[:6], ROW[:6], names=("Export", "Notes"))
    with pytest.raises(BadData, match=r"'Export', 'Notes'.*deals\.xlsx#Export"):
        read({"deals.xlsx": other})
    with pytest.raises(BadData, match=r'as deals = "deals\.xlsx#Export"'):
        read({"deals.xlsx": other}, files={"deals": "deals.xlsx#Exports"})
    imported = read({"deals.xlsx": other}, files={"deals": "deals.xlsx#Export"})
    assert len(rows(imported, "deals")) == 1


@pytest.mark.parametrize("form", FORMS, ids=["points", "commas"])
def test_a_parquet_file_is_read_exactly_whatever_form_texts_have(read, rows, form):
    content = parquet(
        deal_id=["D1", "D2"],
        pipeline=pa.array(["Sales", "Sales"]).dictionary_encode(),
        stage=["Demo"] * 2, status=["open"] * 2, currency=["EUR"] * 2,
        amount=pa.array([Decimal("1234.5000"), None], pa.decimal128(18, 4)),
        created_at=pa.array([datetime(2026, 1, 5, 9, 30, tzinfo=UTC), None], pa.timestamp("ns", "Europe/Amsterdam")),
        closed_at=pa.array([None, datetime(2026, 1, 5, 10, 30, 0, 999_999)], pa.timestamp("us")),
        is_test=[True, None],
        expected_close=[date(2026, 3, 4), None],
        product=["a\r\nb", "=1"],
        discount=[0.125, None],
        record_url=[b"http://x", None],
        tags=[["x"], []],
    )  # fmt: skip
    imported = read({"deals.parquet": content}, zone="Europe/Amsterdam", limit=0.0, **form)
    assert rows(imported, "deals", COLUMNS) == [*LOADED, ("D2", None, None, None, None)]
    assert rows(imported, "deals", "closed_at, product, discount::double") == [
        (None, "a\r\nb", 0.125), (datetime(2026, 1, 5, 9, 30), "=1", None),
    ]  # fmt: skip
    assert imported.files[0]["unknown_columns"] == ["tags"]


def test_numbers_of_a_parquet_file_bear_no_noise(read, rows):
    amounts = [0.1 + 0.2, 100.0, -0.0, 1e300, float("nan"), 1234567.89]
    count = len(amounts)
    content = parquet(
        deal_id=pa.array(range(count)), pipeline=["Sales"] * count, stage=["Demo"] * count, status=["open"] * count,
        currency=["EUR"] * count, amount=amounts,
    )  # fmt: skip
    imported = read({"deals.parquet": content})
    assert rows(imported, "deals", "deal_id, amount_minor") == [("0", 30), ("1", 10_000), ("2", 0), ("5", 123_456_789)]
    assert imported.rejected == {"deals": {"amount_unreadable": 2}}


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_a_value_that_was_damaged_on_its_way_is_refused_where_the_file_can_tell(read, kind):
    target = io.BytesIO()
    if kind == "xlsx":
        with zipfile.ZipFile(io.BytesIO(workbook(HEADER[:6], ROW[:6]))) as old, zipfile.ZipFile(target, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
    else:
        deal = pa.table({name: [str(value)] for name, value in zip(HEADER[:6], ROW[:6], strict=True)})
        options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
        pq.write_table(deal, target, write_page_checksum=True, **options)
    content = target.getvalue()
    damaged = content.replace(b"Demo", b"Dema")
    assert damaged != content
    with pytest.raises(BadData, match=rf"deals\.{kind} cannot be read as"):
        read({f"deals.{kind}": damaged})


def test_a_parquet_file_with_a_damaged_name_of_a_column_is_refused(read):
    content = parquet(deal_id=["D1"], stage=["Demo"])
    spoiled = content.replace(b"stage", b"st\xffge")
    assert spoiled != content
    with pytest.raises(BadData, match=r"deals\.parquet cannot be read as Parquet"):
        read({"deals.parquet": spoiled})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_full_disk_is_not_said_to_be_a_damaged_file(tmp_path):
    path = tmp_path / "1.parquet"
    path.write_bytes(parquet(deal_id=["D1" * 100_000]))
    copy = Copy(SourceFile("deals.parquet", path, "", ("deals",)), path, "", path.stat().st_size)
    with pytest.raises(OSError, match="No space left"):
        sheets.from_parquet(copy, Path("/dev/full"), ".")


def test_short_fractions_of_a_parquet_file_have_the_digits_they_were_given(read, rows):
    content = parquet(
        deal_id=["D1", "D2"], pipeline=["Sales"] * 2, stage=["Demo"] * 2, status=["open"] * 2, currency=["EUR"] * 2,
        amount=pa.array([0.1, 1234.56], pa.float32()),
    )  # fmt: skip
    assert rows(read({"deals.parquet": content}, limit=0.0), "deals", "amount_minor") == [(10,), (123_456,)]


def test_the_only_sheet_with_cells_that_a_person_sees_is_read(read, rows):
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        hidden, _, shown, _ = (book.add_worksheet(name) for name in ("lists", "Blad1", "Blad2", "Blad3"))
        hidden.write(0, 0, "for the program alone")
        for at, row in enumerate((HEADER[:6], ROW[:6])):
            shown.write_row(at, 0, row)
        shown.activate()
        hidden.hide()
    imported = read({"deals.xlsx": target.getvalue()})
    assert rows(imported, "deals", "deal_id, amount_minor") == [("D1", 123_450)]


def test_bytes_that_are_no_text_are_left_aside_unless_the_map_names_them(read, rows):
    deal = {"deal_id": ["D1"], "pipeline": ["Sales"], "status": ["open"], "currency": ["EUR"]}
    picture = pa.array([b"\xff\xd8\xff"])
    imported = read({"deals.parquet": parquet(**deal, stage=pa.array([b"Demo"]), picture=picture)})
    assert rows(imported, "deals", "deal_id, stage") == [("D1", "Demo")]
    assert imported.files[0]["unknown_columns"] == ["picture"]
    with pytest.raises(BadData, match=r"'stage' holds lists, structures or bytes that are no text"):
        read({"deals.parquet": parquet(**deal, stage=picture)})


def test_uuids_of_a_parquet_file_are_their_text_and_bytes_with_a_nul_are_none(read, rows):
    known = [uuid.UUID(int=at << 120 | 0xB6D << at) for at in range(4)]
    column = pa.array([*known[:2], None, *known[2:]], pa.uuid())
    deals = {name: ["x"] * 5 for name in ("pipeline", "stage")} | {"status": ["open"] * 5, "currency": ["EUR"] * 5}
    content = parquet(deal_id=["A", "B", "C", "D", "E"], owner_id=column, bits=[b"a\0b"] * 5, **deals)
    imported = read({"deals.parquet": content})
    assert rows(imported, "deals", "owner_id") == [(one and str(one),) for one in column.to_pylist()]
    with pytest.raises(BadData, match="'bits' holds lists, structures or bytes that are no text"):
        read({"deals.parquet": content}, columns={"deals": {"product": "bits"}})


def test_a_structure_where_the_map_names_a_value_is_refused(read):
    content = parquet(
        deal_id=["D1"], pipeline=["Sales"], stage=["Demo"], status=["open"], currency=["EUR"], amount=[{"value": 5.0}]
    )
    with pytest.raises(BadData, match=r"deals\.parquet has no plain values.*'amount' holds lists, structures or bytes"):
        read({"deals.parquet": content})
