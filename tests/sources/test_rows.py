"""Where a text's good records stand, and what is looked for only where it may be."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesbook.sources import reader
from salesbook.sources.copies import Copy
from salesbook.sources.files import SourceFile
from salesbook.sources.framing import Dialect
from salesbook.sources.header import Declared
from salesbook.sources.reader import read
from salesbook.sources.rows import Traits, traits_of

COMMA = Dialect(b",", b'"', 2)
IN_PLACE = {
    "lines": b"a,b\n1,2\n3,4\n",
    "a quoted header": b'"a","b"\n1,2\n',
    "quotes with a line end inside": b'a,b\n"1\n1",2\n3,4\n',
    "no line end at the end": b"a,b\n1,2\n3,4",
    "a mark": b"\xef\xbb\xbfa,b\n1,2\n",
    "nothing but a header": b"a,b\n",
}
WRITTEN = {
    "Windows' line ends": b"a,b\r\n1,2\r\n3,4\r\n",
    "an empty line": b"a,b\n1,2\n\n3,4\n",
    "a bad record in the middle": b"a,b\n1,2\n1,2,3\n3,4\n",
    "a bad record at the end": b"a,b\n1,2\n3,4\n1,2,3\n",
    "a line that names the delimiter": b"sep=,\na,b\n1,2\n",
    "an empty line first": b"\na,b\n1,2\n",
    "a stray quote": b'a,b\n1"x,2\n',
    "UTF-16": "a,b\n1,2\n".encode("utf-16"),
}


def text_of(content: bytes, tmp_path):
    """The text of a file with this content, and what DuckDB would read of it."""
    path = tmp_path / "0.copy"
    path.write_bytes(content)
    copy = Copy(SourceFile("t.csv", path, "", ("t",)), path, "", len(content))
    text = read(copy, Declared(delimiter=","), set(), tmp_path)
    kept = text.rows.read_bytes().split(b"\n", text.skip)[-1]
    return text, kept if kept.endswith(b"\n") or not kept else kept + b"\n"


@pytest.mark.parametrize("kind", IN_PLACE)
def test_good_records_are_read_where_they_stand(kind, tmp_path):
    text, kept = text_of(IN_PLACE[kind], tmp_path)
    assert text.rows.name == "0.copy"
    assert kept == b"".join(frame.text for frame in text.frames())


@pytest.mark.parametrize("kind", WRITTEN)
def test_good_records_are_written_where_the_file_holds_anything_else(kind, tmp_path):
    text, kept = text_of(WRITTEN[kind], tmp_path)
    assert text.rows.name == "0.rows"
    assert kept == b"".join(frame.text for frame in text.frames())
    assert text.skip == 0


def test_the_rows_of_a_parquet_file_are_written_out_once(tmp_path):
    path = tmp_path / "0.copy"
    pq.write_table(pa.table({"a": ["1", 'two\n"lines"', None], "b": [0.5, None, 2.0]}), path)
    text = read(Copy(SourceFile("t.parquet", path, "", ("t",)), path, "", 0), Declared(), set(), tmp_path)
    assert (text.rows.name, text.skip, text.n_good) == ("0.sheet", 1, 3)
    kept = text.rows.read_bytes().split(b"\n", text.skip)[-1]
    assert kept == b"".join(frame.text for frame in text.frames())


fields = st.text(alphabet=" a#+\té\u00a0\u2009", max_size=3)


@given(st.lists(st.tuples(fields, fields), min_size=1, max_size=4), st.booleans())
def test_what_is_said_of_a_text_holds_for_every_field_of_it(records, is_quoted):
    pattern = '"{}","{}"\n' if is_quoted else "{},{}\n"
    found = Traits()
    for record in records:
        found &= traits_of(pattern.format(*record).encode(), 1, COMMA)
    every = [field for record in records for field in record]
    assert found.is_plain == (not any(sign in field for field in every for sign in "\té\u00a0\u2009"))
    assert found.is_bare == (not any(sign in field for field in every for sign in "#+"))
    if found.is_trim:
        assert all(field == field.strip() for field in every)
    elif not any(sign in field for field in every for sign in "\t\u00a0\u2009"):
        assert any(field != field.strip() for field in every)


def test_a_text_with_quotes_may_have_line_ends_and_tabs_within_them():
    assert not traits_of(b'"a\n",b\n', 1, COMMA).is_trim
    tabs = Dialect(b"\t", b'"', 2)
    assert traits_of(b"a\tb\n", 1, tabs) == Traits()
    assert not traits_of(b'"\ta"\tb\n', 1, tabs).is_plain
    assert not traits_of(b'"\ta"\tb\n', 1, tabs).is_trim


def test_the_parts_of_a_text_are_all_of_its_good_records(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK", 1 << 8)
    monkeypatch.setattr(reader, "LARGE_BLOCK", 1 << 10)
    for content in (
        b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(999)),
        b"a,b\r\n" + b"".join(b'%d,"x\r\n"\r\n' % n for n in range(999)) + b"1,2,3",
    ):
        text, kept = text_of(content, tmp_path)
        parts = [part for part, _ in text.parts()]
        assert len(parts) > 4
        assert b"".join(parts) == kept
