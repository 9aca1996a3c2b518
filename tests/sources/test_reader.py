"""Bytes that are not a table are refused with the file, the cause and the way out; others are read exactly."""

import bz2
import gzip
import io
import lzma
import os
import re
import zipfile

import pytest

from salesbook.errors import BadData, WrongUsage
from salesbook.sources import reader
from salesbook.sources.rows import SHORT

HEADER = "deal_id,pipeline,stage,status,currency,product"
ROW = "D1,Sales,Demo,open,EUR,"
GOOD = f"{HEADER}\n{ROW}Pipe\nD2,Sales,Demo,open,EUR,Valve\n"


def zipped(**members: bytes) -> bytes:
    """A zip that holds some files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def changed(archive: bytes, local: int, local_byte: int, central: int, central_byte: int) -> bytes:
    """A zip of one file with another byte in the file's own head and in its entry of the directory."""
    entry = archive.index(b"PK\1\2") + central
    head = archive[:local] + bytes([local_byte]) + archive[local + 1 : entry]
    return head + bytes([central_byte]) + archive[entry + 1 :]


REFUSED = {
    "empty": (b"", "is empty"),
    "blank": (b"\n\n  \n", "is empty"),
    "a NUL byte": (GOOD.encode().replace(b"Valve", b"Va\0lve"), "Line 3 .*NUL"),
    "a NUL byte far in": (f"{HEADER}\n".encode() + f"{ROW}{'x' * 90}\n".encode() * 60_000 + b"\0", "Line 60002 .*NUL"),
    "UTF-16 without its mark": (GOOD.encode("utf-16-le"), "UTF-16 without the mark"),
    "UTF-16 cut in half": (GOOD.encode("utf-16")[:-1], "not utf-16"),
    "a web page": (b"\n <!DOCTYPE html><html><body>Log in</body></html>", "HTML"),
    "JSON": (b'\xef\xbb\xbf[{"deal_id": 1}]', "JSON"),
    "an old Excel file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "xls"),
    "a PDF": (b"%PDF-1.7\n", "PDF"),
    "Windows text": (GOOD.replace("Valve", "Klep Ø").encode("cp1252"), "Line 3 holds the byte 0xD8.*cp1252"),
    "text cut in a letter": (f"{GOOD}D9,Ø".encode()[:-1], r"It ends on line \d in the middle of a letter.*cut off"),
    "a gzip in a gzip": (gzip.compress(gzip.compress(GOOD.encode())), "packed twice"),
    "a zip in a zip": (zipped(a=zipped(a=GOOD.encode())), "packed twice"),
    "a bzip2": (bz2.compress(GOOD.encode()), "packed"),
    "an xz": (lzma.compress(GOOD.encode()), "packed"),
    "a database": (b"SQLite format 3\0" + bytes(100), "a database"),
    "a zip with a password": (changed(zipped(a=GOOD.encode()), 6, 1, 8, 1), "cannot be unpacked.*(password|encrypted)"),
    "a zip with a password as newer programs set it": (
        changed(zipped(a=GOOD.encode()), 8, 99, 10, 99),
        "cannot be unpacked.*compression",
    ),
    "a broken gzip": (gzip.compress(GOOD.encode() * 50)[:-30], "cannot be unpacked"),
    "a gzip of something else": (gzip.compress(b"<html>"), "HTML"),
    "a broken zip": (zipped(a=GOOD.encode())[:-30], "broken zip"),
    "a zip that lacks a piece": ((lambda z: z[:40] + z[49:])(zipped(**{"deals.csv": GOOD.encode()})), "broken zip"),
    "a zip of two": (zipped(a=GOOD.encode(), b=b""), "exactly one file"),
    "a zip of none": (zipped(), "zip|exactly one"),
    "a broken Parquet": (b"PAR1" + GOOD.encode(), "Parquet"),
    "a broken workbook": (zipped(**{"xl/workbook.xml": b"<"}), "Excel"),
    "an encrypted Parquet": (b"PARE" + bytes(100), "encrypted Parquet"),
    "a gzip of a line without end": (
        gzip.compress(GOOD.encode() + b" " * (70 << 20)),
        "Line 4 goes on for more than 8",
    ),
    "two columns of one name but for a sign nobody sees": (
        GOOD.replace("product", "stage\u200b").encode(),
        "'stage' and",
    ),
    "two columns of one name": (GOOD.replace("product", "Stage").encode(), "'stage' and 'Stage'"),
    "a header alone": (f"{HEADER}\n".encode(), "no rows"),
    "a header of an open quote": (b'deal_id,"pipeline\nD1,Sales\n', "header"),
    "a needed column missing": (GOOD.replace("stage", "Fase").encode(), "no column 'stage'.*'Fase'.*columns.deals"),
    "a title above the header": (b"Deals of 2026\n\n" + GOOD.encode(), "no columns.*Line 3 has names"),
    "a title as wide as the table": (b"Deals;;;;;\n;;;;;\n" + GOOD.replace(",", ";").encode(), "Line 3 has names"),
    "a delimiter that is not usual": (GOOD.replace(",", "~").encode(), r"set delimiter = '~'"),
    "each line in quotes": (re.sub("(?m)^(.+)$", r'"\1"', GOOD).encode(), "Each line stands in quotes"),
    "no header": (GOOD.split("\n", 1)[1].encode(), "If the first line is no header"),
    "a command of a database": (b"INSERT INTO deals VALUES ('D1', 5);\n", "no columns.*no header"),
    "a text document": (rb"{\rtf1\ansi deal_id,stage}", "RTF"),
    "an OpenDocument": (zipped(**{"mimetype": b"x", "content.xml": b"<x/>"}), r"\.ods"),
    "a binary workbook": (zipped(**{"xl/workbook.bin": b"x"}), r"\.xlsb"),
    "a tape archive": (b"deals.csv" + bytes(503) + GOOD.encode(), "Line 1 holds a NUL"),
    "UTF-16 that is cut off": (GOOD.encode("utf-16")[:-1], "is not utf-16.*cut off"),
    "two delimiters alike": (b"deal_id;pipeline,stage\n", "delimiter|no columns"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_cannot_be_read_is_refused(read, content, said):
    with pytest.raises(BadData, match=said) as refused:
        read({"deals.csv": content})
    assert "deals.csv" in str(refused.value)
    assert refused.value.todo


def test_a_file_of_far_more_than_a_table_is_refused_once_that_is_clear(read, monkeypatch):
    monkeypatch.setattr(reader, "MOST_BAD", 1 << 20)
    with pytest.raises(BadData, match=r"deals.csv.*1 MB have other fields than the header, up to line \d+"):
        read({"deals.csv": gzip.compress(GOOD.encode() + b"x\n" * (1 << 21))})


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", [HEADER, ",".join(f'"{name}"' for name in HEADER.split(","))])
def test_line_ends_within_a_text_stay_as_they_are(read, rows, quarantined, end, header):
    said, bad = "first\r\nsecond\nthird", ROW.replace("open", "opn").replace("D1", "D2")
    imported = read({"deals.csv": f'{end}{header}{end}{ROW}"{said}"{end}{bad}"x"{end}'})
    assert rows(imported, "deals", "product") == [(said,)]
    assert quarantined(imported) == [(6, "status_not_a_word", f'{bad}"x"')]


PRODUCT = 'Pæn, "stor" 5€\u00a0pipe'
FIELD = '"Pæn, ""stor"" 5€\u00a0pipe"'
TEXT = f"{HEADER}\n{ROW}{FIELD}\n"
READ = {
    "UTF-8": TEXT.encode(),
    "a UTF-8 mark": TEXT.encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16 of the other order": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "Windows line ends": TEXT.replace("\n", "\r\n").encode(),
    "old Mac line ends": TEXT.replace("\n", "\r").encode(),
    "no last line end": TEXT.rstrip("\n").encode(),
    "empty lines": TEXT.replace("\n", "\n\n").encode(),
    "empty lines before": b"\n\n" + TEXT.encode(),
    "semicolons": TEXT.replace(",", ";").replace("Pæn;", "Pæn,").encode(),
    "tabs": TEXT.replace(",", "\t").replace("Pæn\t", "Pæn,").encode(),
    "bars": TEXT.replace(",", "|").replace("Pæn|", "Pæn,").encode(),
    "a line that says sep=": b"sep=;\r\n" + TEXT.replace(",", ";").replace("Pæn;", "Pæn,").encode(),
    "a line that says sep= as a sheet writes it": (
        b"SEP=;;;;;;\n\n" + TEXT.replace(",", ";").replace("Pæn;", "Pæn,").encode()
    ),
    "all quoted": (
        ",".join(f'"{name}"' for name in HEADER.split(",")) + f'\n"D1","Sales","Demo","open","EUR",{FIELD}\n'
    ).encode(),
    "single quotes": (
        ",".join(f"'{name}'" for name in HEADER.split(",")) + "\n'D1','Sales','Demo','open','EUR','" + PRODUCT + "'\n"
    ).encode(),
    "gzip": gzip.compress(TEXT.encode()),
    "gzip of two members": gzip.compress(TEXT.encode()[:20]) + gzip.compress(TEXT.encode()[20:]),
    "zip": zipped(**{"anything.csv": TEXT.encode()}),
    "signs that nobody sees": TEXT.replace("deal_id", "\ufeffdeal_id").replace("stage", "st\u00adage\u200b").encode(),
    "zip of macOS": zipped(**{"a.csv": TEXT.encode(), "__MACOSX/._a.csv": b"\0", ".DS_Store": b"\0"}),
    "other case and spaces": TEXT.replace("deal_id", "  Deal ID").replace("stage", "STAGE").encode(),
    "columns in another order": (
        f"product,currency,status,stage,pipeline,deal_id\n{FIELD},EUR,open,Demo,Sales,D1\n".encode()
    ),
    "unknown columns": TEXT.replace("product", "product,Note,,").replace(FIELD, f"{FIELD},hello,,").encode(),
    "spaces around values": TEXT.replace("Sales,Demo", " Sales ,\tDemo\u00a0").encode(),
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_a_text_in_another_dress_is_read_exactly(read, rows, content):
    imported = read({"deals.csv": content}, limit=0.0)
    columns = "deal_id, pipeline, stage, status, currency, product"
    assert rows(imported, "deals", columns) == [("D1", "Sales", "Demo", "open", "EUR", PRODUCT)]


def test_windows_text_is_read_when_declared(read, rows):
    imported = read({"deals.csv": TEXT.encode("cp1252")}, encoding="cp1252")
    assert rows(imported, "deals", "product") == [(PRODUCT,)]


def test_windows_text_declared_as_latin_1_is_refused_for_signs_that_it_does_not_have(read, rows):
    with pytest.raises(BadData, match=r"not latin-1.*Line 2 holds the byte 0x80.*cp1252"):
        read({"deals.csv": TEXT.encode("cp1252")}, encoding="latin-1")
    imported = read({"deals.csv": TEXT.replace("€", "").encode("latin-1")}, encoding="latin-1")
    assert rows(imported, "deals", "product") == [(PRODUCT.replace("€", ""),)]


def test_utf8_declared_as_windows_text_is_refused(read):
    with pytest.raises(BadData, match=r"All of it is UTF-8.*encoding = .utf-8."):
        read({"deals.csv": TEXT.encode()}, encoding="cp1252")


def test_a_mark_is_believed_before_the_declared_encoding(read, rows):
    imported = read({"deals.csv": TEXT.encode("utf-8-sig")}, encoding="cp1252")
    assert rows(imported, "deals", "product") == [(PRODUCT,)]


def test_a_declared_delimiter_is_taken(read, rows):
    imported = read({"deals.csv": TEXT.replace(",", "~").replace("Pæn~", "Pæn,")}, delimiter="~")
    assert rows(imported, "deals", "product") == [(PRODUCT,)]


@pytest.mark.parametrize("wrong", [{"encoding": "klingon"}, {"delimiter": ";;"}, {"delimiter": '"'}])
def test_a_dialect_that_cannot_be_is_wrong_usage(read, wrong):
    with pytest.raises(WrongUsage):
        read({"deals.csv": TEXT}, **wrong)


def test_unknown_columns_are_named(read):
    content = TEXT.replace("product", "product,Contact e-mail,").replace(FIELD, f"{FIELD},jo@example.org,")
    imported = read({"deals.csv": content})
    assert imported.files[0]["unknown_columns"] == ["Contact e-mail"]
    for path in imported.folder.rglob("*"):
        assert path.is_dir() or b"jo@example.org" not in path.read_bytes()


def test_several_lines_in_a_field_are_one_value_and_lines_are_still_right(read, rows, quarantined):
    content = f'{HEADER}\n{ROW}"one\r\ntwo\nthree"\n\nD2,Sales,,open,EUR,x\n'
    imported = read({"deals.csv": content})
    assert rows(imported, "deals", "product") == [("one\r\ntwo\nthree",)]
    assert quarantined(imported) == [(6, "stage_empty", "D2,Sales,,open,EUR,x")]


@pytest.mark.parametrize("name", ["deals[1].csv", "de'als; --.csv", "*.csv", "déals 2026 (final).csv", "-rf.csv"])
def test_a_file_may_have_any_name(read, rows, name):
    imported = read({name: GOOD}, files={"deals": name})
    assert len(rows(imported, "deals")) == 2
    assert imported.files[0]["name"] == name


def test_a_folder_may_have_any_name(read, tmp_path, rows):

    folder = tmp_path / "it's [1] *"
    folder.mkdir()
    assert len(rows(type(read)(folder)({"deals.csv": GOOD}), "deals")) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(read):
    (read.write({"deals.csv": GOOD}) / "deals.csv").chmod(0)
    with pytest.raises(BadData, match="Permission denied"):
        read({})


def test_a_folder_named_like_a_file_is_refused(read):
    (read.write({}) / "deals.csv").mkdir()
    with pytest.raises(BadData, match=r"deals\.csv cannot be read"):
        read({})


def test_a_pipe_named_like_a_file_is_refused(read):
    os.mkfifo(read.write({}) / "deals.csv")
    with pytest.raises(BadData, match="not a file"):
        read({})


def test_wide_text_without_its_mark_is_read_when_declared(read, rows):
    imported = read({"deals.csv": TEXT.encode("utf-16-le")}, encoding="utf-16-le")
    assert rows(imported, "deals", "product") == [(PRODUCT,)]


def test_wide_text_that_is_declared_to_have_a_mark_and_has_none_is_refused(read):
    with pytest.raises(BadData, match=r"deals\.csv is not utf-16\..*mark.*utf-16-le"):
        read({"deals.csv": TEXT.encode("utf-16-le")}, encoding="utf-16")


@pytest.mark.parametrize("encoding", ["utf8mb5", "base64", "rot13"])
def test_an_encoding_that_is_not_one_of_texts_is_refused(read, encoding):
    with pytest.raises(WrongUsage, match="is not an encoding"):
        read({"deals.csv": TEXT}, encoding=encoding)


def test_names_in_square_brackets_are_no_json(read):
    with pytest.raises(BadData, match=r"deal_id.*\[deal_id\]"):
        read({"deals.csv": GOOD.replace("deal_id", "[deal_id]")})


def test_a_row_too_long_to_be_one_is_rejected(read, rows, quarantined):
    imported = read({"deals.csv": GOOD + f'D3,Sales,Demo,open,EUR,"{"x" * 4_200_000}"\nD4,Sales,Demo,open,EUR,\n'})
    assert quarantined(imported, columns="line, rule, length(original)") == [(4, "too_long", 4_200_025)]
    assert len(rows(imported, "deals")) == 3


def test_a_text_that_is_longer_than_what_is_parsed_at_a_time_is_loaded_whole(read, rows):
    sizes = {"x": SHORT + 3, "é": SHORT // 2 + 4}  # two bytes a sign
    long = [f"D{at},Sales,Demo,open,EUR,{sign * size}\n" for at, (sign, size) in enumerate(sizes.items(), 3)]
    bad = f"D5,Sales,Demo,opn,EUR,{'x' * SHORT}\n"
    imported = read({"deals.csv": GOOD + "".join([*long, bad])})
    found = rows(imported, "deals", "deal_id, length(product), right(product, 1)")
    assert found[2:] == [(f"D{at}", size, sign) for at, (sign, size) in enumerate(sizes.items(), 3)]


def test_a_row_with_a_lone_carriage_return_is_kept_as_it_was(read, quarantined):
    imported = read({"deals.csv": GOOD + "D3,Sales,Demo,open,EUR,a\rb\n"})
    assert quarantined(imported) == [(4, "line_end_inside", "D3,Sales,Demo,open,EUR,a\rb")]
