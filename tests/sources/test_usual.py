"""What Arrow takes it takes with the value that the SQL gives; rows with anything else it leaves to the SQL."""

from dataclasses import replace
from decimal import Decimal

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesbook import zones
from salesbook.schema import Column, Table
from salesbook.sources.blocks import Blocks, mixed_columns
from salesbook.sources.cast import OTHER, Problems
from salesbook.sources.copies import Copy
from salesbook.sources.files import SourceFile
from salesbook.sources.form import Form
from salesbook.sources.header import Declared
from salesbook.sources.plan import Feed
from salesbook.sources.reader import read
from salesbook.sources.typed import MARKS
from salesbook.sources.units import percent
from salesbook.sources.usual import Usual, distances

PLAIN = Form()
FORMS = (
    PLAIN,
    Form(zone="Europe/Amsterdam", day_zone="America/New_York"),
    Form(decimal=",", thousands=".", zone="UTC", nulls=("-", "N/A")),
    Form("dmy", ",", ".", "Europe/Amsterdam", "Europe/Amsterdam"),
    Form("dmy", ",", " ", "Europe/Copenhagen", "Europe/Copenhagen"),
    Form("mdy", ".", ",", "America/New_York", "America/Sao_Paulo"),
    Form("ymd", ",", "'", "Australia/Lord_Howe", "Africa/Cairo"),
)
# With nights in which clocks move, and days that are none or not of an age.
DAYS = [(2026, 10, 25), (2026, 3, 29), (2026, 11, 1), (2026, 3, 8), (2018, 11, 4), (2026, 12, 31), (2024, 2, 29),
        (1969, 12, 31), (1970, 1, 1), (2099, 12, 31), (2100, 1, 1), (2026, 2, 30), (1899, 1, 1),
        (26, 1, 5)]  # fmt: skip
DATES = ["{0:04}-{1:02}-{2:02}", "{0:04}/{1}/{2}", "{2:02}-{1:02}-{0:04}", "{2}.{1}.{0:04}", "{1:02}/{2:02}/{0:04}",
         "{1}/{2}/{0:04}", "{2:02}-{1:02}-{0:02}", "{2}-{1:02}/{0:04}"]  # fmt: skip
CLOCKS = ["", "T02:30:00", " 01:15:00", " 24:00:00", "T12:00", "T12", "T09:00:00Z", "T09:00:00.789Z", "T09:00:00+02:00",
          "T23:30:00-1130", "T09:00:00.789", " 09:00:00Z", "T09:00Z", " 9:05", " 02.30", " kl. 14.05", ", 14:05 Uhr",
          " om 2:05 uur", " 2:05 PM", " 12:05 AM", ", 12:00:59 PM", " 2:05PM", " 2:05:09PM", " 2:05 am",
          ", 2:05:09\u202fpm", " 13:05 PM", " 0:05 AM",
          " 09:00 UTC", " 09:00:00 +02", " 09:00:00.5 GMT", "T09:00+15:00", " 09:60", " 14.05.30", " 14:05.30",
          "  9:05",
          "T23:59:60", "T09:00:00.1234567891", " 2:05 pm", "T01:30:00.999999999-03:30", " 00:30"]  # fmt: skip
TIMES = st.tuples(st.sampled_from(DATES), st.sampled_from(DAYS), st.sampled_from(CLOCKS)).map(
    lambda told: told[0].format(*told[1]) + told[2]
)
NUMBERS = ["0", "7", "-3.10", "007", "1.5", "1,5", "1.234", "1.234,50", "1E5", "0x1F", "+5", ".5", "5.", "NaN", "42.0",
           "12345678901234567", "123456789012345678", "86401", "1.00000001", "1,234.5", "0.125", "0,125", "0.234,5",
           "1 234,5", "1\u00a0234,5", "1\u2009234,5", "1\u202f234", "1'234,50", "1\u2019234", "12.34.567",
           "-1.234.567,89",
           "999999999999999999", "-0", "42.10", "42,00", "\u0661", "1-5", "5-"]  # fmt: skip
FIGURES = st.one_of(
    st.sampled_from(NUMBERS),
    st.tuples(
        st.integers(-(10**9), 10**9), st.sampled_from(["{:,.2f}", "{:,}", "{}", "{:.1f}"]), st.sampled_from(",. ' ")
    ).map(lambda told: told[1].format(told[0] / 100 if "f" in told[1] else told[0]).replace(",", told[2])),
    st.integers(0, 10**8).map(lambda n: f"{n / 100:,.2f}".translate({44: 46, 46: 44})),
)
TEXTS = ["x", "Ærø & søn", " x", "x\u00a0", "\u2009x", "#N/A", "1E+5", "a\u200bb", "a b", 'say ""no""', "two\nlines",
         "-", "N/A", "thing", "*", "+31 20", "C#", '=""0012""', "Søren", "-1,5e+12", "#VÆRDI!"]  # fmt: skip
WORDS = [
    "call",
    "CALL",
    "belletje",
    "Møde",
    "ja",
    "TRUE",
    "0",
    "waar",
    "EUR",
    "eur",
    "XXX",
    "other",
    "K",
    " ja",
    "Nej",
    "+",
]
COLUMNS = {
    "id": ({}, st.sampled_from(TEXTS)),
    "text": ({}, st.sampled_from(TEXTS)),
    "word": ({"words": ("call", "meeting")}, st.sampled_from(WORDS)),
    "currency": ({}, st.sampled_from(WORDS)),
    "boolean": ({}, st.sampled_from(WORDS)),
    "instant": ({}, TIMES),
    "date": ({}, TIMES),
    "money": ({"low": -1, "high": 1_000_000}, FIGURES),
    "rate": ({"low": 0}, FIGURES),
    "number": ({}, FIGURES),
    "share": ({"low": 0, "high": 1}, FIGURES),
    "integer": ({"low": 0, "high": 86400}, FIGURES),
}
TRANSLATED = {"belletje": "call", "Møde": "meeting", "other": ""}


def feed_of(column: Column, values: list[str], form: Form, folder) -> Feed:
    """How a file with these values in one column, in quotes, feeds a table of an id and that column."""
    table = Table("things", "a thing", ("thing_id",), (Column("thing_id", "id", "the thing", filled=True), column))
    path = folder / "0.copy"
    lines = ['"thing_id","value"', *(f'"T{at}","{value}"' for at, value in enumerate(values))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    copy = Copy(SourceFile("t.csv", path, "", ("things",)), path, "", path.stat().st_size)
    text = read(copy, Declared(delimiter=","), set(), folder)
    return Feed(table, 0, text, form, {"thing_id": 0, "value": 1}, {}, (), name="things")


def by_sql(feed: Feed, words: dict[str, dict[str, str]]):
    """The rows of a feed as the SQL judges them."""
    with duckdb.connect() as con:
        block, _ = next(feed.text.parts())
        return Blocks(con, feed, words, mixed_columns(feed), Problems()).judged(block).combine_chunks()


def taken(feed: Feed, words: dict[str, dict[str, str]]):
    """The rows of a feed as Arrow takes them, if it does."""
    with duckdb.connect() as con:
        rows, is_odd = Usual(con, feed, words, frozenset(mixed_columns(feed))).rows(*next(feed.text.parts()))
    return rows, is_odd


def both(feed: Feed, words: dict[str, dict[str, str]]) -> tuple[list[dict], list[dict]]:
    """The rows that Arrow takes, and the same ones as the SQL gives them; of those it marks none may be among them."""
    rows, is_odd = taken(feed, words)
    unmarked = [row | dict.fromkeys(MARKS, 0) for row in rows.to_pylist()]
    return unmarked, by_sql(feed, words).filter(pa.array(~is_odd)).to_pylist()


CASES = st.sampled_from(list(COLUMNS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(st.one_of(COLUMNS[kind][1], st.just("")), min_size=1, max_size=60))
)
MAPS = st.sampled_from([{}, TRANSLATED, TRANSLATED | {OTHER: ""}, {OTHER: "call"}])


@settings(max_examples=60, deadline=None)
@given(CASES, st.sampled_from(FORMS), st.booleans(), MAPS)
def test_what_is_taken_has_the_value_that_the_sql_gives(tmp_path_factory, case, form, is_filled, words):
    kind, values = case
    column = Column("value", kind, "a value", filled=is_filled, **COLUMNS[kind][0])
    feed = feed_of(column, values, form, tmp_path_factory.mktemp("usual"))
    words = {"value": words} if words and kind in ("word", "currency", "boolean", "text") else {}
    found, expected = both(feed, words)
    assert found == expected


@settings(max_examples=12, deadline=None)
@given(st.lists(TIMES, min_size=100, max_size=200), st.sampled_from(FORMS), st.sampled_from(["instant", "date"]))
def test_times_in_many_forms_have_the_value_that_the_sql_gives(tmp_path_factory, values, form, kind):
    feed = feed_of(Column("value", kind, "a time"), values, form, tmp_path_factory.mktemp("usual"))
    found, expected = both(feed, {})
    assert found == expected


def test_a_night_in_every_zone_has_the_value_that_the_sql_gives(tmp_path):
    values = [f"{day:02}-{month:02}-2026 {hour:02}:{minute:02}" for month, day in ((3, 28), (3, 29), (10, 24), (10, 25))
              for hour in range(24) for minute in (0, 29, 59)]  # fmt: skip
    for zone in ("Europe/Amsterdam", "America/Nuuk", "Africa/Casablanca"):
        feed = feed_of(Column("value", "instant", "a time"), values, Form("dmy", zone=zone), tmp_path)
        found, expected = both(feed, {})
        assert found == expected
        assert not taken(feed, {})[1].all()
        for path in tmp_path.iterdir():
            path.unlink()


DUTCH, AMERICAN, ISO = FORMS[3], FORMS[5], FORMS[1]
USUAL = [
    ("id", PLAIN, ["D1", "a b", "Søren Ørsted", "C#", "+31 20 123"]),
    ("id", FORMS[2], ['=""00123""', "D1 ", "-", '=""-""', '=""""', "\u00a0D2"]),
    ("text", FORMS[2], [" x ", "y", " ", " N/A", "\u00a0z"]),
    ("word", PLAIN, [" call ", "MEETING", " "]),
    ("money", DUTCH, [" 1.234,50 ", " ", "7"]),
    ("instant", DUTCH, [" 31-12-2026 14:05", "31-12-2026 "]),
    ("text", PLAIN, ["x", "Ærø & søn"]),
    ("word", PLAIN, ["call", "CALL", "Møde", ""]),
    ("currency", PLAIN, ["EUR", "DKK"]),
    ("boolean", PLAIN, ["ja", "TRUE", "0", ""]),
    ("instant", ISO, ["2026-01-05T09:00:00Z", "", "2099-12-31T23:59:59Z", "2026-07-05 09:00", "2026-07-05"]),
    ("instant", ISO, ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00.123456+0100", "2026-10-25T02:30:00.000Z"]),
    (
        "instant",
        DUTCH,
        ["31-12-2026 14:05", "31-12-2026 14.05", "1-7-2026 9:05:30", "31-12-2026", "31-12-2026 om 9:05 uur"],
    ),
    ("instant", DUTCH, ["2026-12-31 14:05", "2026-12-31T14:05:00Z"]),
    ("instant", AMERICAN, ["12/31/2026 2:05 PM", "1/5/2026 12:05 AM", "12/1/2026, 10:05:59 AM", "12/31/2026"]),
    ("date", ISO, ["2026-01-05", "", "1950-01-05", "2026-01-05 09:00", "2026-01-05T03:00:00Z"]),
    ("date", DUTCH, ["31-12-2026", "1-7-1950", "31/12/2026", "31.12.2026 14:05"]),
    ("money", PLAIN, ["1234.50", "0", "-0.5", ""]),
    ("money", DUTCH, ["1.234,50", "0", "-0,5", "", "1.234.567", "12345,6"]),
    ("money", AMERICAN, ["1,234.50", "0.99", "-1,234,567"]),
    ("money", FORMS[4], ["1 234,50", "1\u00a0234,50", "1\u2009234 567,5", "1\u202f234"]),
    ("number", PLAIN, ["12.5", "1", "0.125"]),
    ("share", DUTCH, ["0,25", "1", "0"]),
    ("integer", PLAIN, ["42", "0", "", "7.00"]),
    ("integer", DUTCH, ["1.234", "86400"]),
]


@pytest.mark.parametrize(("kind", "form", "values"), USUAL)
def test_values_in_a_declared_form_are_taken(kind, form, values, tmp_path):
    feed = feed_of(Column("value", kind, "a value", words=("call", "meeting")), values, form, tmp_path)
    words = {"value": TRANSLATED} if kind == "word" else {}
    found, expected = both(feed, words)
    assert len(found) == len(values)
    assert found == expected


def test_beside_dates_in_the_declared_form_no_other_is_taken(tmp_path):
    feed = feed_of(Column("value", "instant", "a time"), ["2026-12-31 14:05", "31-12-2026 14:05", ""], DUTCH, tmp_path)
    assert taken(feed, {})[1].tolist() == [True, False, False]


def test_a_step_on_values_is_done_by_its_own_sql_once_for_each_text(tmp_path):
    feed = feed_of(Column("value", "share", "a share"), ["65", "7,5 %", "65", "x", ""], DUTCH, tmp_path)
    feed = replace(feed, forms={"value": (percent,)})
    rows, is_odd = taken(feed, {})
    assert is_odd.tolist() == [False, False, False, True, False]
    assert rows.column("value").to_pylist() == [Decimal("0.65"), Decimal("0.075"), Decimal("0.65"), None]
    found, expected = both(feed, {})
    assert found == expected


def test_one_value_for_every_row_and_columns_that_are_not_there_are_taken(tmp_path):
    feed = feed_of(Column("value", "currency", "a currency"), ["x"], PLAIN, tmp_path)
    more = (Column("made_at", "instant", "a time"), Column("paid", "money", "an amount"))
    table = replace(feed.table, columns=(*feed.table.columns, *more))
    feed = replace(feed, table=table, positions={"thing_id": 0}, constants={"value": "EUR"})
    found, expected = both(feed, {})
    assert found == expected
    assert taken(feed, {})[0].column("value").to_pylist() == ["EUR"]


def test_a_header_that_stands_there_once_more_is_left_to_the_sql(tmp_path):
    feed = feed_of(Column("value", "text", "a text"), ["x", "y"], PLAIN, tmp_path)
    block, traits = next(feed.text.parts())
    with duckdb.connect() as con:
        _, is_odd = Usual(con, feed, {}).rows(block + b'"thing_id","value"\n', traits)
    assert is_odd.tolist() == [False, False, True]


def test_times_of_a_day_that_a_zone_left_out_are_unclear():
    noons = np.array(["2011-12-29T12", "2011-12-30T12", "2011-12-31T12"], "datetime64[s]").astype(np.int64)
    east, is_clear = distances(noons, zones.clock_steps, "Pacific/Apia")
    assert is_clear.tolist() == [True, False, True]
    assert east[[0, 2]].tolist() == [-10 * 3600, 14 * 3600]


LONG_NUMBERS = [
    ("money", DUTCH, ["1.234.567.890.123.456.789", "12.345.678.901.234.567,89", "-1.234.567.890.123.456.789"]),
    ("share", DUTCH, ["1.234.567.890", "1.234,5"]),
    ("rate", AMERICAN, ["12,345,678,901", "12,345,678,901.12345678"]),
    ("number", AMERICAN, ["1,234,567,890,123,456,789,012.5"]),
    ("integer", DUTCH, ["1.234.567.890.123.456.789", "184467440737095516,25"]),
]


@pytest.mark.parametrize(("kind", "form", "values"), LONG_NUMBERS)
def test_a_number_of_more_digits_than_its_kind_has_is_left_to_the_sql_whatever_stands_between_them(
    kind, form, values, tmp_path
):
    feed = feed_of(Column("value", kind, "a value"), values, form, tmp_path)
    assert taken(feed, {})[1].all()
    assert all(row["problem"] for row in by_sql(feed, {}).to_pylist())
