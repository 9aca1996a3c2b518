"""Blocks of text in which every value has a usual form, made into typed rows by Arrow: many times faster than by SQL.

What is taken here is a part of what `cast` takes, with the same values. A block in which one value is anything else is
not taken at all: the SQL judges it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from salesbook import zones
from salesbook.schema import Column
from salesbook.sources.cast import CURRENCY_CODES, DIGITS, NUMBERS, OTHER, TRIMMED, UNKNOWN
from salesbook.sources.form import FALSE, TRUE, looks_grouped, number_pattern, same_signs
from salesbook.sources.plan import Feed
from salesbook.sources.reader import Text
from salesbook.sources.rows import Traits
from salesbook.sources.typed import schema_of

PIECE = 1 << 21  # the bytes that Arrow parses at a time: what fits in the processor's cache
MOST_WORDS = 1000
WORDS = ("word", "currency", "boolean")
# The usual forms of a time by the length of the text, as in cast.QUICK: whether they bear a zone.
LENGTHS = {10: False, 16: False, 19: False, 20: True, 24: True}
SECOND = 10**6
DAY = 10


class Unusual(Exception):
    """A value has not one of the usual forms."""


@dataclass(frozen=True)
class Usual:
    """Makes typed rows of a file's blocks. `words`: canonical column to value in the file to canonical value."""

    feed: Feed
    words: dict[str, dict[str, str]]

    def rows(self, block: bytes, traits: Traits) -> pa.RecordBatch | None:
        """The typed rows of a block of whole records, with the columns that are stored; None if one is unusual."""
        try:
            texts = self.texts(block)
            self.refuse_header(texts)
            stored: dict[str, pa.ChunkedArray] = {}
            for column in self.feed.table.columns:
                stored |= self.values(column, texts, traits)
        except (Unusual, pa.ArrowInvalid):
            return None
        return pa.table(stored, self.schema).combine_chunks().to_batches()[0]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns that are stored, with their types."""
        return schema_of(self.feed.table)

    @cached_property
    def first(self) -> int:
        """The first column of the file that has a name."""
        return next(at for at, name in enumerate(self.feed.text.header) if name)

    @cached_property
    def kinds(self) -> dict[str, pa.DataType]:
        """The columns of the text that are read: those of few words as a dictionary."""
        columns = [(column, self.feed.positions[column.name]) for column in self.feed.table.columns
                   if column.name in self.feed.positions]  # fmt: skip
        as_text = {at for column, at in columns if not self.is_of_words(column)} | {self.first}
        kinds = {f"c{at}": pa.dictionary(pa.int32(), pa.string()) for _, at in columns if at not in as_text}
        return kinds | {f"c{at}": pa.string() for at in sorted(as_text)}

    def is_of_words(self, column: Column) -> bool:
        """Whether a column is read word by word: it has a list of words, or the map translates some."""
        return column.type in WORDS or column.name in self.words

    def texts(self, block: bytes) -> pa.Table:
        """The columns of a block as text; empty fields and what else is none as null."""
        return parsed(block, self.feed.text, self.kinds, ["", *self.feed.form.nulls])

    def refuse_header(self, texts: pa.Table) -> None:
        """Refuse a block in which the header may stand once more."""
        if is_any(pc.ends_with(texts.column(f"c{self.first}"), self.feed.text.header[self.first])):
            raise Unusual

    def values(self, column: Column, texts: pa.Table, traits: Traits) -> dict[str, pa.ChunkedArray]:
        """The stored columns of a column of the table."""
        if column.name in self.feed.positions:
            text = texts.column(f"c{self.feed.positions[column.name]}")
        elif column.name in self.feed.constants:
            text, traits = self.constant(column, len(texts)), UNKNOWN
        else:
            return {name: absent(name, self.schema.field(name).type, len(texts)) for name in column.stored}
        if not traits.is_trim:
            refuse_edges(text)
        if self.is_of_words(column):
            stored = {next(iter(column.stored)): self.translated(column, text)}
        else:
            stored = CASTS[column.type](text, column, self.feed, traits)
        refuse_failing(column, next(iter(stored.values())))
        return stored

    def constant(self, column: Column, count: int) -> pa.ChunkedArray:
        """The one value that every row has."""
        value = self.feed.constants[column.name]
        is_none = value in ("", *self.feed.form.nulls)
        return pa.chunked_array([pa.repeat(pa.scalar(None if is_none else value, pa.string()), count)])

    def translated(self, column: Column, text: pa.ChunkedArray) -> pa.ChunkedArray:
        """A column of words, each looked up once."""
        if column.type not in (*WORDS, "text"):
            raise Unusual
        kind, chunks = self.schema.field(next(iter(column.stored))).type, []
        text = text if pa.types.is_dictionary(text.type) else text.dictionary_encode()
        value = value_of_word(column, self.words.get(column.name, {}))
        for chunk in text.chunks:
            if len(chunk.dictionary) > MOST_WORDS:
                raise Unusual
            chunks.append(pa.array(map(value, chunk.dictionary.to_pylist()), kind).take(chunk.indices))
        return pa.chunked_array(chunks, kind)


def parsed(block: bytes, text: Text, kinds: dict[str, pa.DataType], nulls: list[str]) -> pa.Table:
    """The fields of a block of whole records, in the columns that are asked for.

    Parameters: `kinds`, column to type; `nulls`, the texts that are null.
    """
    has_quotes = text.dialect.quote in block
    return pcsv.read_csv(
        pa.py_buffer(block),
        pcsv.ReadOptions(
            use_threads=False, block_size=PIECE, column_names=[f"c{at}" for at in range(len(text.header))]
        ),
        pcsv.ParseOptions(
            delimiter=text.dialect.delimiter.decode(),
            quote_char=text.dialect.quote.decode() if has_quotes else False,
            newlines_in_values=has_quotes,
        ),
        pcsv.ConvertOptions(
            check_utf8=False,
            column_types=kinds,
            include_columns=list(kinds),
            null_values=nulls,
            strings_can_be_null=bool(nulls),
        ),
    )


def absent(name: str, kind: pa.DataType, count: int) -> pa.ChunkedArray:
    """The values of a column that the source does not have."""
    value = pa.scalar(False) if name.endswith("_is_date") else pa.scalar(None, kind)
    return pa.chunked_array([pa.repeat(value, count)])


def is_any(tests: pa.ChunkedArray) -> bool:
    """Whether a test is true of any row."""
    return pc.any(tests, min_count=0).as_py()


def is_all(tests: pa.ChunkedArray) -> bool:
    """Whether a test is true of every row that has a value."""
    return pc.all(tests, min_count=0).as_py()


def refuse_edges(text: pa.ChunkedArray) -> None:
    """Refuse texts with white space around them."""
    distinct = text.unique() if pa.types.is_dictionary(text.type) else text
    distinct = distinct.cast(pa.string())
    trimmed = pc.utf8_trim(distinct, TRIMMED)
    if pc.sum(pc.binary_length(trimmed)) != pc.sum(pc.binary_length(distinct)):
        raise Unusual


def refuse_failing(column: Column, values: pa.ChunkedArray) -> None:
    """Refuse values of which one is empty where it may not be, or out of the column's bounds."""
    if column.filled and values.null_count:
        raise Unusual
    if column.low is None and column.high is None:
        return
    unit = 100 if column.type == "money" else 1
    extremes = pc.min_max(values).as_py()
    low, high = extremes["min"], extremes["max"]
    if low is not None and column.low is not None and low < column.low * unit:
        raise Unusual
    if high is not None and column.high is not None and high > column.high * unit:
        raise Unusual


def value_of_word(column: Column, words: dict[str, str]) -> Callable[[str], str | bool | None]:
    """A function that says what a word of a file means in a column."""
    named = {old: new for old, new in words.items() if old != OTHER}
    canonical = {word.lower(): word for word in column.words}
    canonical |= dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False) if column.type == "boolean" else {}
    canonical |= {code: code for code in CURRENCY_CODES} if column.type == "currency" else {}

    def value(text: str) -> str | bool | None:
        if OTHER in words and text not in named and text not in column.words:
            raise Unusual
        told = named.get(text, text)
        if told == "":
            return None
        if column.type in WORDS:
            told = told.lower() if column.type != "currency" and told.isascii() else told
            if told not in canonical:
                raise Unusual
            return canonical[told]
        if "+" in told or "#" in told:
            raise Unusual
        return told

    return value


def exact(text: pa.ChunkedArray, column: Column, feed: Feed, traits: Traits) -> dict[str, pa.ChunkedArray]:
    """Ids: exact text."""
    if feed.positions.get(column.name) in feed.text.dated:
        raise Unusual
    if not (traits.is_plain and traits.is_trim) and not is_all(pc.ascii_is_printable(text)):
        raise Unusual
    if not traits.is_bare and (is_any(pc.match_substring(text, "+")) or is_any(pc.starts_with(text, "#"))):
        raise Unusual
    return {column.name: text}


def plain(text: pa.ChunkedArray, column: Column, feed: Feed, traits: Traits) -> dict[str, pa.ChunkedArray]:
    """Text as it is."""
    if not traits.is_bare and is_any(pc.starts_with(text, "#")):
        raise Unusual
    return {column.name: text}


def number(text: pa.ChunkedArray, column: Column, feed: Feed, traits: Traits) -> dict[str, pa.ChunkedArray]:
    """Numbers of any kind; money as whole hundredths."""
    form, (digits, decimals) = feed.form, DIGITS[column.type]
    refuse_other(text, number_pattern(form, decimals, digits))
    may_be_grouped = column.type == "number" and not form.thousands
    if may_be_grouped and is_any(pc.match_substring_regex(text, f"^(?:{looks_grouped(form)})$")):
        raise Unusual
    for sign in same_signs(form.thousands) if form.thousands else "":
        text = pc.replace_substring(text, sign, "")
    text = text if form.decimal == "." else pc.replace_substring(text, form.decimal, ".")
    values = pc.cast(text, pa.decimal128(digits + max(decimals, 2), max(decimals, 2)))
    if column.type == "money":
        values = pc.multiply(values, pa.scalar(Decimal(100)))
    (name, _), *_ = column.stored.items()
    return {name: values.cast(schema_of(feed.table).field(name).type)}


def refuse_other(text: pa.ChunkedArray, pattern: str) -> None:
    """Refuse texts of which one has not a pattern."""
    if not is_all(pc.match_substring_regex(text, f"^(?:{pattern})$")):
        raise Unusual


def times(text: pa.ChunkedArray, first_year: int) -> tuple[pa.ChunkedArray, int]:
    """The times that texts of one length say, as microseconds since 1970, and that length; of none DAY."""
    lengths = pc.min_max(pc.binary_length(text)).as_py()
    length = lengths["min"] or DAY
    if length not in LENGTHS or lengths["max"] not in (length, None):
        raise Unusual
    if LENGTHS[length] and not is_all(pc.ends_with(text, "Z")):
        raise Unusual
    found = pc.cast(text, pa.timestamp("us", "UTC" if LENGTHS[length] else None)).cast(pa.int64())
    # Without a zone, for Arrow asks the system's list of zones, which small machines lack.
    span = pc.min_max(pc.year(found.cast(pa.timestamp("us")))).as_py()
    if span["min"] is not None and (span["min"] < first_year or span["max"] >= 2100):
        raise Unusual
    return found, length


def instant(text: pa.ChunkedArray, column: Column, feed: Feed, traits: Traits) -> dict[str, pa.ChunkedArray]:
    """Instants as naive UTC in whole seconds; a date alone is the report's local midnight, and flagged."""
    found, length = times(text, 1970)
    is_day, form = length == DAY, feed.form
    if not (LENGTHS[length] or is_day or form.zone):
        raise Unusual
    if length == max(LENGTHS):
        found = pc.multiply(pc.divide(found, SECOND), SECOND)
    if not LENGTHS[length]:
        steps = zones.day_steps(form.day_zone) if is_day else zones.clock_steps(form.zone)
        found = pc.subtract(found, distances(found, steps))
    is_date = pc.is_valid(text) if is_day else pa.chunked_array([pa.repeat(False, len(text))])
    return {column.name: found.cast(pa.timestamp("us")), f"{column.name}_is_date": is_date}


def distances(local: pa.ChunkedArray, steps: zones.Steps) -> pa.Array:
    """Microseconds east of UTC at local times.

    Raises: Unusual for a time that does not exist or happens twice.
    """
    seconds = pc.divide(pc.drop_null(local), SECOND).to_numpy()
    edges = np.array([at for at, _ in steps[1:]], "datetime64[s]").astype(np.int64)
    known = [offset for _, offset in steps]
    at = np.searchsorted(edges, seconds, side="right")
    if any(offset is None for offset in (known[one] for one in np.unique(at))):
        raise Unusual
    found = np.zeros(len(local), np.int64)
    found[pc.is_valid(local).to_numpy()] = np.array([offset or 0 for offset in known], np.int64)[at] * SECOND
    return pa.array(found)


def date(text: pa.ChunkedArray, column: Column, feed: Feed, traits: Traits) -> dict[str, pa.ChunkedArray]:
    """Dates alone."""
    found, length = times(text, 1900)
    if length != DAY:
        raise Unusual
    return {column.name: found.cast(pa.timestamp("us")).cast(pa.date32())}


CASTS = {
    "id": exact,
    "text": plain,
    "instant": instant,
    "date": date,
    **dict.fromkeys(NUMBERS, number),
}
