"""What Arrow takes it takes with the value that the SQL gives; anything else it leaves to the SQL."""

from dataclasses import replace

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesbook.schema import Column, Table
from salesbook.sources.blocks import Blocks
from salesbook.sources.cast import OTHER, Problems
from salesbook.sources.files import Copy, SourceFile
from salesbook.sources.form import Form
from salesbook.sources.plan import Feed
from salesbook.sources.reader import read
from salesbook.sources.typed import MARKS
from salesbook.sources.usual import Usual

AMSTERDAM, PLAIN = Form(zone="Europe/Amsterdam", day_zone="America/New_York"), Form()
DUTCH = Form(decimal=",", thousands=".", zone="UTC", nulls=("-", "N/A"))
DAYS = ["2026-10-25", "2026-03-29", "1969-12-31", "2100-01-01", "2026-02-30", "2026-1-05", "1899-01-01"]
CLOCKS = ["", "T02:30:00", " 01:15:00", " 24:00:00", "T12:00", "T12", "T09:00:00Z", "T09:00:00.789Z", "T09:00:00+02:00",
          "T09:00:00+0200", "T09:00:00.789", " 09:00:00Z", "T09:00Z"]  # fmt: skip
TIMES = [day + clock for day in DAYS[:2] for clock in CLOCKS] + DAYS
NUMBERS = ["0", "7", "-3.10", "007", "1.5", "1,5", "1.234", "1.234,50", "1E5", "0x1F", "+5", ".5", "5.", "NaN", "42.0",
           "12345678901234567", "123456789012345678", "86401", "1.00000001"]  # fmt: skip
TEXTS = ["x", "Ærø & søn", " x", "x\u00a0", "#N/A", "1E+5", "a\u200bb", "a b", 'say ""no""', "two\nlines", "-", "N/A",
         "thing", "*"]  # fmt: skip
WORDS = ["call", "CALL", "belletje", "Møde", "ja", "TRUE", "0", "waar", "EUR", "eur", "XXX", "other", "", "K"]
EMPTY = [""]
COLUMNS = {
    "id": ({}, TEXTS),
    "text": ({}, TEXTS),
    "word": ({"words": ("call", "meeting")}, WORDS),
    "currency": ({}, WORDS),
    "boolean": ({}, WORDS),
    "instant": ({}, TIMES),
    "date": ({}, TIMES),
    "money": ({"low": -1, "high": 1_000_000}, NUMBERS),
    "rate": ({"low": 0}, NUMBERS),
    "number": ({}, NUMBERS),
    "share": ({"low": 0, "high": 1}, NUMBERS),
    "integer": ({"low": 0, "high": 86400}, NUMBERS),
}
TRANSLATED = {"belletje": "call", "Møde": "meeting", "other": ""}


def feed_of(column: Column, values: list[str], form: Form, folder) -> Feed:
    """How a file with these values in one column, in quotes, feeds a table of an id and that column."""
    table = Table("things", "a thing", ("thing_id",), (Column("thing_id", "id", "the thing", filled=True), column))
    path = folder / "0.copy"
    lines = ['"thing_id","value"', *(f'"T{at}","{value}"' for at, value in enumerate(values))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    copy = Copy(SourceFile("t.csv", path, "", ("things",)), path, "", path.stat().st_size)
    text = read(copy, "utf-8", ",", ".", set(), folder)
    return Feed(table, 0, text, form, {"thing_id": 0, "value": 1}, {}, (), name="things")


def by_sql(feed: Feed, words: dict[str, dict[str, str]]):
    """The rows of a feed as the SQL judges them."""
    with duckdb.connect() as con:
        block, _ = next(feed.text.parts())
        (rows,) = Blocks(con, feed, words, set(), Problems()).judged(block)
    return rows


def taken(feed: Feed, words: dict[str, dict[str, str]]):
    """The rows of a feed as Arrow takes them, if it does."""
    return Usual(feed, words).rows(*next(feed.text.parts()))


CASES = st.sampled_from(list(COLUMNS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(st.sampled_from(COLUMNS[kind][1] + EMPTY), min_size=1, max_size=3))
)
MAPS = st.sampled_from([{}, TRANSLATED, TRANSLATED | {OTHER: ""}, {OTHER: "call"}])


@settings(max_examples=80, deadline=None)
@given(CASES, st.sampled_from([PLAIN, AMSTERDAM, DUTCH]), st.booleans(), MAPS)
def test_what_is_taken_has_the_value_that_the_sql_gives(tmp_path_factory, case, form, is_filled, words):
    kind, values = case
    column = Column("value", kind, "a value", filled=is_filled, **COLUMNS[kind][0])
    feed = feed_of(column, values, form, tmp_path_factory.mktemp("usual"))
    words = {"value": words} if words and kind in ("word", "currency", "boolean", "text") else {}
    rows = taken(feed, words)
    if rows is not None:
        expected = by_sql(feed, words)
        assert not any(sum(expected.column(mark).to_pylist()) for mark in MARKS)
        assert rows.equals(expected.drop_columns(list(MARKS)))


USUAL = {
    "id": ["D1", "a b"],
    "text": ["x", "Ærø & søn"],
    "word": ["call", "CALL", "Møde", ""],
    "currency": ["EUR", "DKK"],
    "boolean": ["ja", "TRUE", "0", ""],
    "instant": ["2026-01-05T09:00:00Z", "", "2099-12-31T23:59:59Z"],
    "date": ["2026-01-05", "", "1950-01-05"],
    "money": ["1234.50", "0", "-0.5", ""],
    "number": ["12.5", "1"],
    "integer": ["42", "0", ""],
}


@pytest.mark.parametrize("kind", USUAL)
def test_the_usual_forms_are_taken(kind, tmp_path):
    feed = feed_of(Column("value", kind, "a value", words=("call", "meeting")), USUAL[kind], AMSTERDAM, tmp_path)
    words = {"value": TRANSLATED} if kind == "word" else {}
    rows = taken(feed, words)
    assert rows is not None
    assert rows.equals(by_sql(feed, words).drop_columns(list(MARKS)))


@pytest.mark.parametrize("text", ["2026-01-05T09:00:00.789Z", "2026-07-05 09:00:00", "2026-07-05T09:00", "2026-07-05"])
def test_times_of_every_usual_length_are_taken(text, tmp_path):
    feed = feed_of(Column("value", "instant", "a time"), [text, "", text], AMSTERDAM, tmp_path)
    assert taken(feed, {}).equals(by_sql(feed, {}).drop_columns(list(MARKS)))


def test_one_value_for_every_row_and_columns_that_are_not_there_are_taken(tmp_path):
    feed = feed_of(Column("value", "currency", "a currency"), ["x"], PLAIN, tmp_path)
    more = (Column("made_at", "instant", "a time"), Column("paid", "money", "an amount"))
    table = replace(feed.table, columns=(*feed.table.columns, *more))
    feed = replace(feed, table=table, positions={"thing_id": 0}, constants={"value": "EUR"})
    assert taken(feed, {}).equals(by_sql(feed, {}).drop_columns(list(MARKS)))
    assert taken(feed, {}).column("value").to_pylist() == ["EUR"]


def test_a_header_that_stands_there_once_more_is_left_to_the_sql(tmp_path):
    feed = feed_of(Column("value", "text", "a text"), ["x", "y"], PLAIN, tmp_path)
    block, traits = next(feed.text.parts())
    assert Usual(feed, {}).rows(block, traits) is not None
    assert Usual(feed, {}).rows(block + b'"thing_id","value"\n', traits) is None
