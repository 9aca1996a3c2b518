"""Where records begin and end: the same for any size of blocks, and what is none is set aside with its line."""

import csv
import io
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from salesbook.sources.framing import LONGEST, Dialect, frames

DIALECT = Dialect(b";", b'"', 3)


def pieces_of(text: bytes, size: int) -> list[bytes]:
    """A text in pieces of a size, or one more where a line end would be cut in two."""
    return re.findall(rb"(?s).{1,%d}(?:(?<=\r)\n)?" % size, text)


def framed(text: bytes, size: int, dialect: Dialect = DIALECT) -> tuple:
    """Text, lines and originals of the good records, and the bad ones, read in blocks of a size."""
    found = list(frames(pieces_of(text, size), dialect))
    lines = [int(line) for frame in found for line in frame.lines]
    originals = [frame.original(row) for frame in found for row in range(len(frame.lines))]
    return b"".join(frame.text for frame in found), lines, originals, [bad for frame in found for bad in frame.bad]


CASES = {
    "plain": (b"1;2;3\n4;5;6\n", [1, 2], []),
    "no line end at the end": (b"1;2;3\n4;5;6", [1, 2], []),
    "empty lines": (b"1;2;3\n\n\n4;5;6\n", [1, 4], []),
    "returns between records": (b"1;2;3\r4;5;6\r\n7;8;9\n", [1, 1, 2], []),
    "returns within a text": (b"1;2;3\r4;5\n7;8;9\n", [2], [(1, "line_end_inside", b"1;2;3\r4;5")]),
    "blank lines": (b'1;2;3\n  \n \t\n4;5;6\n"7";8;9\n \n', [1, 4, 5], []),
    "too few": (b"1;2\n4;5;6\n", [2], [(1, "fields_missing", b"1;2")]),
    "too many": (b"1;2;3;4\n4;5;6\n", [2], [(1, "fields_too_many", b"1;2;3;4")]),
    "quoted signs": (b'"1;a";"2 ""b""";"3\nc"\n4;5;6\n', [1, 3], []),
    "an open quote": (b'"un;2;3\n5;6;7\n8;9;0\n', [2, 3], [(1, "quotes_not_closed", b'"un;2;3')]),
    "an open quote among quoted": (b'"a;2;3\n"5";"6";"7"\n', [2], [(1, "quotes_not_closed", b'"a;2;3')]),
    "text after a quote": (b'"a"b;2;3\n4;5;6\n', [2], [(1, "quotes_not_closed", b'"a"b;2;3')]),
    "a backslash before a quote": (b'"a\\"b";2;3\n4;5;6\n', [2], [(1, "quotes_not_closed", b'"a\\"b";2;3')]),
    "a space before a quote": (b'1; "2";3\n4;5;6\n', [2], [(1, "quotes_not_closed", b'1; "2";3')]),
    "line ends of Windows": (b"1;2;3\r\n\r\n4;5;6\r\n", [1, 3], []),
    "those of Windows around a stray quote": (b'1;5" a;3\r\n4;5;6\r\n7;8\r\n', [1, 2], [(3, "fields_missing", b"7;8")]),
    "those of Windows after an open quote": (b'"a;2;3\r\n4;5;6\r\n', [2], [(1, "quotes_not_closed", b'"a;2;3')]),
    "a line of carriage returns alone": (b"1;2;3\n\r\r\n4;5;6\n", [1, 3], []),
    "one before a text of two lines": (
        b'1;a\rb;"3\n4"\r\n4;5;6\r\n',
        [3],
        [(1, "line_end_inside", b'1;a\rb;"3\n4"')],
    ),
    "more than 256 too many": (
        b"1;2;3\n" + b"4;" * 258 + b"5\n6;7;8\n",
        [1, 3],
        [(2, "fields_too_many", b"4;" * 258 + b"5")],
    ),
    "a lone carriage return": (b"1;a\rb;3\n4;5;6\n", [2], [(1, "line_end_inside", b"1;a\rb;3")]),
}


@pytest.mark.parametrize(("text", "lines", "bad"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_records_are_found_and_others_set_aside(text, lines, bad, size):
    found = framed(text, size)
    assert (found[1], found[3]) == (lines, bad)


def test_a_quote_within_a_field_is_a_letter_like_others():
    text, lines, originals, bad = framed(b'1;5" pipe;3\n4;5;6\n', 7)
    assert text == b'1;"5"" pipe";3\n4;5;6\n'
    assert (lines, originals, bad) == ([1, 2], [b'1;5" pipe;3', b"4;5;6"], [])


def test_rows_of_a_sheet_count_as_lines_whatever_their_cells_hold():
    assert framed(b'"a\nb";2;3\n4;5;6\n', 1000, Dialect(b";", b'"', 3, by_record=True))[1] == [1, 2]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("other", [b'"4";5;6', b'4;5" a;6'])
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_line_end_of_windows_within_quotes_is_part_of_the_text(end, other, size):
    text, lines, originals, bad = framed(b'1;"a\r\nb\nc";3' + end + other + end, size)
    assert text.startswith(b'1;"a\r\nb\nc";3\n')
    assert originals[0] == b'1;"a\r\nb\nc";3'
    assert (lines, bad) == ([1, 4], [])


LINES_LIKE_RECORDS = b"7;8;9\n" * (LONGEST // 6 + 1)


@pytest.mark.parametrize("long", [b"x" * (LONGEST + 1), b'"' + LINES_LIKE_RECORDS + b'"'], ids=["bare", "quoted"])
def test_a_record_that_is_too_long_is_one_and_nothing_of_it_is_another(long):
    text, lines, _, bad = framed(long + b';2;3\n"4";5;6\n', 1 << 18)
    assert text == b'"4";5;6\n'
    assert lines == [2 + long.count(b"\n")]
    assert [(line, rule) for line, rule, _ in bad] == [(1, "too_long")]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='a;"\n\r \tx', max_size=60), st.integers(1, 12))
@example('a;a;a\ra;";x\r x; ;x\n"a";;', 4)
@example("a;a;a\ra;a;x\r x; ;x\na;;", 4)
def test_any_text_is_framed_alike_in_blocks_of_any_size_and_nothing_is_lost(text, size):
    content = text.encode()
    whole, pieces = framed(content, 1000), framed(content, size)
    assert whole == pieces
    kept = sorted(whole[2] + [original for _, _, original in whole[3]])
    without_ends = re.sub(rb"(?m)^[ \t\r]+$|\r?\n|\r\Z", b"", content)
    n_parted = len(whole[1]) - len(set(whole[1]))  # each by a carriage return that is in neither record
    assert sum(len(re.sub(rb"(?m)^[ \t\r]+$|\r?\n", b"", one)) for one in kept) + n_parted == len(without_ends)


FIELDS = st.text(alphabet='ab;"\n é', max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(FIELDS, min_size=3, max_size=3), min_size=1, max_size=8), st.sampled_from([0, 1]))
def test_what_the_standard_writer_writes_is_read_whole(records, quoting):
    target = io.StringIO()
    csv.writer(target, delimiter=";", quoting=quoting, lineterminator="\n").writerows(records)
    text, _, _, bad = framed(target.getvalue().encode(), 5)
    spaced = [row for row in csv.reader(io.StringIO(target.getvalue()), delimiter=";") if row]
    assert len(framed(target.getvalue().encode(), 1000)[1]) + len(bad) == len(spaced)
    assert bad == []
    assert [row for row in csv.reader(io.StringIO(text.decode()), delimiter=";") if row] == records


def test_an_empty_field_before_a_quoted_one_is_read_when_tabs_part_them():
    dialect = Dialect(b"\t", b'"', 3)
    assert framed(b'1\t\t"a"\n4"\t5\t6\n', 1000, dialect)[1] == [1, 2]
