"""Rows of text in which every value has a known form, made into typed rows by Arrow: many times faster than by SQL.

What is taken here is a part of what `cast` takes, with the same values. A row in which one value is anything else is
odd: it is left to the SQL.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from salesbook import zones
from salesbook.schema import Column
from salesbook.sources.cast import CURRENCY_CODES, DIGITS, INVISIBLE, NUMBERS, OTHER, SPOILED, TRIMMED, UNKNOWN, WRAPPED
from salesbook.sources.form import FALSE, SPACES, TRUE
from salesbook.sources.plan import Feed
from salesbook.sources.rows import SHORT, Traits
from salesbook.sources.shapes import DAY, Alike, Layout, alike, layout, scaled
from salesbook.sources.text import Text
from salesbook.sources.typed import schema_of

MOST_WORDS = 1000
WORDS = ("word", "currency", "boolean")
MICROSECONDS = 10**6
FIRST_DATE, LAST = (int(np.datetime64(day, "s").astype(np.int64)) for day in ("1900-01-01", "2100-01-01"))
SPACE, HASH, PLUS, EQUALS, TILDE = b" #+=~"
NONE = np.zeros(0, bool)
CHANGES = np.iinfo(np.int64).min
Stored = tuple[dict[str, pa.Array], np.ndarray]  # a column's stored values, and which rows are odd in it


@dataclass(frozen=True)
class Usual:
    """Makes typed rows of a file's blocks.

    `con`: for what only SQL can turn; `words`: canonical column to value in the file to canonical value; `mixed`: date
    columns in which the declared form occurs, so that no other is taken there.
    """

    con: duckdb.DuckDBPyConnection
    feed: Feed
    words: dict[str, dict[str, str]]
    mixed: frozenset[str] = frozenset()

    def rows(self, block: bytes, traits: Traits) -> tuple[pa.Table, np.ndarray]:
        """The typed rows of a block of whole records, with the columns that are stored; and which rows are odd."""
        texts = parsed(block, self.feed.text, self.kinds, ["", *self.feed.form.nulls], traits)
        batches, odd = [], [NONE]
        for batch in texts.to_batches():
            stored, is_odd = self.values(batch, traits)
            rows = pa.RecordBatch.from_pydict(stored, self.schema)
            batches.append(rows.filter(pa.array(~is_odd)) if is_odd.any() else rows)
            odd.append(is_odd)
        return pa.Table.from_batches(batches, self.schema), np.concatenate(odd)

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

    def values(self, texts: pa.RecordBatch, traits: Traits) -> tuple[dict[str, pa.Array], np.ndarray]:
        """The stored columns of some rows, and which of these are odd: the header once more among them."""
        stored, n_rows = {}, len(texts)
        is_odd = is_true(pc.ends_with(texts.column(f"c{self.first}"), self.feed.text.header[self.first]))
        for column in self.feed.table.columns:
            if column.name in self.feed.positions:
                text, held = texts.column(f"c{self.feed.positions[column.name]}"), traits
            elif column.name in self.feed.constants:
                text, held = self.constant(column, n_rows), UNKNOWN
            else:
                kinds = {name: self.schema.field(name).type for name in column.stored}
                stored |= {name: absent(name, kind, n_rows) for name, kind in kinds.items()}
                continue
            text = self.turned(column, self.bare(column, text, held))
            values, is_odd_here = self.cast(column, text, held)
            stored |= values
            is_odd |= is_odd_here
            if column.filled:
                is_odd |= is_true(next(iter(values.values())).is_null())
        return stored, is_odd

    def bare(self, column: Column, text: pa.Array, traits: Traits) -> pa.Array:
        """A column's text without what stands around it: white space, or of an id, which stays exact, a formula."""
        words = text.dictionary if pa.types.is_dictionary(text.type) else text
        is_wrapped = column.type == "id" and not traits.is_bare and (signs_of(words) == EQUALS).any()
        is_spaced = column.type != "id" and not traits.is_trim
        if not is_wrapped and not is_spaced:
            return text
        whole = text.cast(pa.string())
        whole = pc.utf8_trim(whole, TRIMMED) if is_spaced else pc.replace_substring_regex(whole, WRAPPED, r"\1")
        is_none = pc.is_in(whole, pa.array(["", *self.feed.form.nulls]))
        bare = pc.if_else(is_none, pa.scalar(None, pa.string()), whole)
        return bare.dictionary_encode() if pa.types.is_dictionary(text.type) else bare

    def cast(self, column: Column, text: pa.Array, traits: Traits) -> Stored:
        """A column's text as it is stored."""
        if self.is_of_words(column):
            return self.translated(column, text)
        return CASTS[column.type](text, column, self, traits)

    def constant(self, column: Column, count: int) -> pa.Array:
        """The one value that every row has."""
        value = self.feed.constants[column.name]
        is_none = value in ("", *self.feed.form.nulls)
        return pa.repeat(pa.scalar(None if is_none else value, pa.string()), count)

    def turned(self, column: Column, text: pa.Array) -> pa.Array:
        """A column's text in its canonical unit: each distinct one is turned by the SQL of the steps that are asked."""
        if column.name not in self.feed.forms:
            return text
        words = text if pa.types.is_dictionary(text.type) else text.dictionary_encode()
        value = "word"
        for to_text in self.feed.forms[column.name]:
            value = to_text(value, self.feed.form)
        known = pa.table({"at_row": pa.array(range(len(words.dictionary)), pa.int64()), "word": words.dictionary})
        with self.con.cursor() as apart:
            apart.register("known", known)
            found = apart.sql(f"select nullif({value}, '') as told from known order by at_row").to_arrow_table()
        return found.column("told").combine_chunks().cast(pa.string()).take(words.indices)

    def translated(self, column: Column, text: pa.Array) -> Stored:
        """A column of words, each looked up once; of too many words all are odd."""
        name = next(iter(column.stored))
        kind = self.schema.field(name).type
        text = text if pa.types.is_dictionary(text.type) else text.dictionary_encode()
        if column.type not in (*WORDS, "text") or len(text.dictionary) > MOST_WORDS:
            return {name: pa.nulls(len(text), kind)}, np.ones(len(text), bool)
        told = list(map(value_of_word(column, self.words.get(column.name, {})), text.dictionary.to_pylist()))
        values = pa.array([None if one is Odd else one for one in told], kind).take(text.indices)
        if Odd not in told:
            return {name: values}, np.zeros(len(text), bool)
        return {name: values}, is_true(pa.array([one is Odd for one in told], pa.bool_()).take(text.indices))


class Odd:
    """Stands for a word that only the SQL can judge."""


def parsed(block: bytes, text: Text, kinds: dict[str, pa.DataType], nulls: list[str], traits: Traits) -> pa.Table:
    """The fields of a block of whole records, in the columns that are asked for.

    Parameters: `kinds`, column to type; `nulls`, the texts that are null.
    """
    has_quotes = text.dialect.quote in block
    piece = SHORT if traits.is_short else len(block)
    return pcsv.read_csv(
        pa.py_buffer(block),
        pcsv.ReadOptions(
            use_threads=False, block_size=piece, column_names=[f"c{at}" for at in range(len(text.header))]
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


def absent(name: str, kind: pa.DataType, count: int) -> pa.Array:
    """The values of a column that the source does not have."""
    value = pa.scalar(False) if name.endswith("_is_date") else pa.scalar(None, kind)
    return pa.repeat(value, count)


def is_true(tests: pa.Array) -> np.ndarray:
    """Where a test is true; of a null it is not."""
    return pc.fill_null(tests, False).to_numpy(zero_copy_only=False)


def signs_of(text: pa.Array) -> np.ndarray:
    """The bytes of all texts together."""
    offsets = np.frombuffer(text.buffers()[1], np.int32)
    first, last = offsets[text.offset], offsets[text.offset + len(text)]
    return np.frombuffer(text.buffers()[2] or b"", np.uint8)[first:last]


def value_of_word(column: Column, words: dict[str, str]) -> Callable[[str], str | bool | type[Odd] | None]:
    """A function that says what a word of a file means in a column."""
    named = {old: new for old, new in words.items() if old != OTHER}
    canonical = {word.lower(): word for word in column.words}
    canonical |= dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False) if column.type == "boolean" else {}
    canonical |= {code: code for code in CURRENCY_CODES} if column.type == "currency" else {}

    def value(text: str) -> str | bool | type[Odd] | None:
        told = named.get(text, text)
        if OTHER in words and text not in named and not (text.isascii() and text.lower() in column.words):
            if words[OTHER] == "" or not text.isascii():
                return Odd
            told = words[OTHER]
        if told == "":
            return None
        if column.type in WORDS:
            told = told.lower() if column.type != "currency" and told.isascii() else told
            return canonical.get(told, Odd)
        return Odd if "+" in told or "#" in told else told

    return value


def exact(text: pa.Array, column: Column, usual: Usual, traits: Traits) -> Stored:
    """Ids: exact text."""
    is_odd = np.zeros(len(text), bool)
    if usual.feed.positions.get(column.name) in usual.feed.text.dated:
        return {column.name: text}, ~is_odd
    signs = signs_of(text) if not (traits.is_plain and traits.is_trim and traits.is_bare) else NONE
    if (signs - SPACE > TILDE - SPACE).any():
        refuse(is_odd, text, pc.invert(pc.ascii_is_printable(text)), INVISIBLE)
    if (signs == PLUS).any() or (signs == HASH).any():
        refuse(is_odd, text, pc.match_substring_regex(text, "[+#]"), f"^(?:{SPOILED})$")
    if not traits.is_trim:
        is_odd |= is_true(pc.equal(pc.utf8_trim(text, SPACES), ""))
    if (signs == EQUALS).any():
        is_odd |= is_true(pc.starts_with(text, "="))
    return {column.name: text}, is_odd


def refuse(is_odd: np.ndarray, text: pa.Array, may_be: pa.Array, pattern: str) -> None:
    """Mark as odd the texts that have a pattern, which is asked of those alone that may have it."""
    rows = np.flatnonzero(is_true(may_be))
    is_odd[rows] |= is_true(pc.match_substring_regex(text.take(pa.array(rows)), pattern))


def plain(text: pa.Array, column: Column, usual: Usual, traits: Traits) -> Stored:
    """Text as it is."""
    is_odd = np.zeros(len(text), bool) if traits.is_bare else is_true(pc.starts_with(text, "#"))
    return {column.name: text}, is_odd


def number(text: pa.Array, column: Column, usual: Usual, traits: Traits) -> Stored:
    """Numbers of any kind; money as whole hundredths."""
    digits, decimals = DIGITS[column.type]
    (name, _), *_ = column.stored.items()
    kind, form = usual.schema.field(name).type, usual.feed.form
    is_known, values = np.zeros(len(text), bool), np.zeros(len(text), np.int64)
    for texts in alike(text, by_zero=True):
        read = scaled(texts, form, column.type, digits, decimals, decimals)
        if read is not None:
            values[texts.rows], is_known[texts.rows] = read
    if column.low is not None:
        is_known &= values >= column.low * 10**decimals
    if column.high is not None:
        is_known &= values <= column.high * 10**decimals
    is_null = is_true(text.is_null())
    return {name: whole_numbers(values, kind, is_null)}, ~(is_known | is_null)


def whole_numbers(values: np.ndarray, kind: pa.DataType, is_null: np.ndarray) -> pa.Array:
    """Whole numbers as a column: of decimals they are the digits without the point."""
    if not pa.types.is_decimal(kind):
        return pa.array(values, kind, mask=is_null)
    wide = np.stack((values, values >> 63), axis=1)
    found = pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(wide)])
    return pc.if_else(pa.array(is_null), pa.scalar(None, kind), found) if is_null.any() else found


def instant(text: pa.Array, column: Column, usual: Usual, traits: Traits) -> Stored:
    """Instants as naive UTC in whole seconds; a date alone is the report's local midnight, and flagged."""
    form, is_known = usual.feed.form, np.zeros(len(text), bool)
    seconds, is_day = np.zeros(len(text), np.int64), np.zeros(len(text), bool)
    for texts, way in laid_out(text, column, usual):
        if not (way.has_zone or way.is_day or form.zone):
            continue
        found, is_time = way.seconds(texts)
        is_time &= (found >= 0) & (found < LAST)
        if not way.has_zone:
            told = (zones.day_steps, form.day_zone) if way.is_day else (zones.clock_steps, form.zone)
            east, is_clear = distances(found, *told)
            found, is_time = found - east, is_time & is_clear
        seconds[texts.rows], is_known[texts.rows], is_day[texts.rows] = found, is_time, way.is_day
    is_null = is_true(text.is_null())
    values = pa.array(seconds * MICROSECONDS, pa.timestamp("us"), mask=is_null)
    return {column.name: values, f"{column.name}_is_date": pa.array(is_day)}, ~(is_known | is_null)


def date(text: pa.Array, column: Column, usual: Usual, traits: Traits) -> Stored:
    """Dates; of a time its day, for one with a zone the day it is in the report's zone."""
    is_known, days = np.zeros(len(text), bool), np.zeros(len(text), np.int32)
    for texts, way in laid_out(text, column, usual):
        found, is_time = way.seconds(texts)
        is_time &= (found >= FIRST_DATE) & (found < LAST)
        if way.has_zone:
            found = found + distances(found, zones.instant_steps, usual.feed.form.day_zone)[0]
        days[texts.rows], is_known[texts.rows] = found // DAY, is_time
    is_null = is_true(text.is_null())
    return {column.name: pa.array(days, pa.date32(), mask=is_null)}, ~(is_known | is_null)


def laid_out(text: pa.Array, column: Column, usual: Usual) -> Iterator[tuple[Alike, Layout]]:
    """The texts of a column of times by shape, of those shapes that can be read."""
    for texts in alike(text):
        way = layout(texts.sample, usual.feed.form, column.name in usual.mixed)
        if way is not None:
            yield texts, way


def distances(seconds: np.ndarray, steps_of: Callable[[str], zones.Steps], zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Seconds east of UTC at times, and where that is clear: a time may not exist, or happen twice."""
    east = by_day(steps_of, zone).take(seconds // DAY - FIRST_DATE // DAY, mode="clip")
    is_clear = np.ones(len(seconds), bool)
    within = np.flatnonzero(east == CHANGES)
    if len(within):
        edges, easts, are_clear = steps(steps_of, zone)
        at = np.searchsorted(edges, seconds[within], side="right")
        east[within], is_clear[within] = easts[at], are_clear[at]
    return east, is_clear


@cache
def by_day(steps_of: Callable[[str], zones.Steps], zone: str) -> np.ndarray:
    """Seconds east of UTC on each day that can be written; `CHANGES` where it changes, or the day does not exist."""
    edges, east, is_clear = steps(steps_of, zone)
    days = np.arange(FIRST_DATE, LAST, DAY)
    first, last = (np.searchsorted(edges, at, side="right") for at in (days, days + DAY - 1))
    return np.where((first == last) & is_clear[first], east[first], CHANGES)


@cache
def steps(steps_of: Callable[[str], zones.Steps], zone: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps of a zone: the seconds from which each but the first holds, its distance, and whether it has one."""
    told = steps_of(zone)
    edges = np.array([at for at, _ in told[1:]], "datetime64[s]").astype(np.int64)
    return edges, np.array([east or 0 for _, east in told]), np.array([east is not None for _, east in told])


CASTS = {
    "id": exact,
    "text": plain,
    "instant": instant,
    "date": date,
    **dict.fromkeys(NUMBERS, number),
}
