"""Where a text's good records stand, and what is looked for only where it may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesbook.sources.files import Copy, SourceFile
from salesbook.sources.framing import Dialect
from salesbook.sources.reader import read
from salesbook.sources.rows import Traits

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
    text = read(Copy(SourceFile("t.csv", path, "", ("t",)), path, "", len(content)), "utf-8", ",", ".", set(), tmp_path)
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


fields = st.text(alphabet=" a#+\té", max_size=3)


@given(st.lists(st.tuples(fields, fields), min_size=1, max_size=4))
def test_what_is_said_of_a_text_holds_for_every_field_of_it(records):
    found = Traits()
    for record in records:
        found.look((",".join(record) + "\n").encode(), COMMA)
    every = [field for record in records for field in record]
    assert found.is_plain == (not any(sign in field for field in every for sign in "\té"))
    assert found.is_bare == (not any(sign in field for field in every for sign in "#+"))
    assert found.is_trim == (found.is_plain and all(field == field.strip() for field in every))


def test_a_text_with_quotes_may_have_spaces_and_line_ends_within_them():
    found = Traits()
    found.look(b'"a\n",b\n', COMMA)
    assert not found.is_trim
