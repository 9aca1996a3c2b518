"""Rows read = rows loaded + rows rejected, whatever happens to a file's bytes; an independent count agrees."""

import csv
import io
import re

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from salesbook.errors import BadData

HEADER = "deal_id;pipeline;stage;status;currency;amount;product"
ROWS = [f"D{n};Sales;Demo;open;EUR;{n}.50;Pipe {n}" for n in range(12)]
ROWS[3] = 'D3;Sales;Demo;open;EUR;3.50;"Pipe ""3""; long\nand wide"'
ROWS[8] = 'D8;"Sales";Demo;open;EUR;;""'
CONTENT = "\n".join([HEADER, *ROWS]) + "\n"
AFTER_HEADER, WIDE = len(HEADER) + 1, CONTENT.index(ROWS[3])
PIECES = st.sampled_from([";", ";;", "\n", "\r\n", "D1", "x", " ", "é", "1E5", "-", "Sales", '""', ";x;y"])
MUTATIONS = st.lists(st.tuples(st.integers(AFTER_HEADER, len(CONTENT)), st.integers(0, 9), PIECES), max_size=4)


def mutated(changes: list[tuple[int, int, str]]) -> str:
    """The content with pieces cut out and others put in."""
    text = CONTENT
    for at, length, piece in changes:
        text = text[:at] + piece + text[at + length :]
    return text


def counted(text: str) -> int:
    """Records after the header, as the standard library counts them: a lone carriage return is a sign like any other,
    except in a line that holds nothing else, which is empty.

    Raises: csv.Error where quotes are wrong, or one stands behind a space: it may open a field or be part of its text.
    """
    if re.search('(?:^|;)[ \t]+"', text, re.MULTILINE):
        raise csv.Error("a quote behind a space")
    text = re.sub("\r(?!\n)", "x", re.sub("^\r+\n", "\n", text, flags=re.MULTILINE))
    records = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    return sum(1 for record in records if record) - 1


def accounted(read, text: str) -> tuple[tuple, tuple] | None:
    """Rows read and loaded, as told and as counted in the files written; None for a file refused as a whole."""
    try:
        imported = read({"deals.csv": text})
    except BadData:
        return None
    rejected = pq.read_metadata(imported.folder / "quarantine" / "deals.parquet").num_rows
    loaded = pq.read_metadata(imported.table("deals")).num_rows
    return (imported.rows_read("deals"), imported.rows_loaded("deals")), (loaded + rejected, loaded)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MUTATIONS)
@example([(AFTER_HEADER, 0, "\r\n"), (AFTER_HEADER + 1, 0, "\r\n")])  # a line of a carriage return alone
@example([(WIDE, 0, "\r\n"), (WIDE + 1, 1, "D1")])  # one before a text of two lines, in the same record
def test_every_row_is_loaded_or_rejected(read, changes):
    text = mutated(changes)
    told, found = accounted(read, text) or (None, None)
    assert told == found
    try:
        expected = counted(text)
    except csv.Error:
        return
    assert found is None or found[0] == expected


def test_the_count_is_of_every_row_where_nothing_is_wrong(read):
    assert accounted(read, CONTENT) == ((len(ROWS), len(ROWS)), (counted(CONTENT), len(ROWS)))


@pytest.mark.parametrize("stage", ["", "Sales,Demo,x,0.5,false,false\n"])
def test_stages_made_of_deals_where_those_of_a_file_are_none_are_accounted_for(read, deals_of, rows, stage):
    head = "pipeline,stage,position,probability,is_won,is_lost\n"
    imported = read({"deals.csv": deals_of(good=2), "stages.csv": head + stage}, limit=1.0)
    assert rows(imported, "stages", "stage") == [("Demo",)]
    assert imported.rows_loaded("deals") == 2
