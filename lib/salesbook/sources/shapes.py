"""Times and numbers read from texts by their shape: where digits stand, and which sign stands everywhere else.

Few shapes make up a column, whatever the country: each is looked at once, and its texts are read all together.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from salesbook.sources.form import DATES, ISO, Form, looks_grouped, number_pattern

LONGEST, MOST_SHAPES = 40, 64
MOST_DIGITS = 18  # of more the number may not fit into 64 bits
ZERO, NINE = 48, 9
FIRST_YEAR, LAST_YEAR = 1900, 2100
NO_DAY = np.iinfo(np.int32).min
DAY = 86400
HIGHEST = {"hour": 23, "minute": 59, "second": 59, "east": 14, "east_minutes": 59}
DATE_FIELDS = {
    "ymd": r"(?P<year>\d{4})[-/.](?P<month>\d\d?)[-/.](?P<day>\d\d?)",
    "dmy": r"(?P<day>\d\d?)[-/.](?P<month>\d\d?)[-/.](?P<year>\d{4})",
    "mdy": r"(?P<month>\d\d?)[-/.](?P<day>\d\d?)[-/.](?P<year>\d{4})",
}
TIME_FIELDS = (
    r"(?:[^\d]+(?P<hour>\d\d?)[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:\.\d+)?)?"
    r"(?: uur| Uhr| (?P<half>[AaPp])[Mm])?"
    r"(?P<zone>Z| UTC| GMT| ?(?P<sign>[+-])(?P<east>\d\d)(?::?(?P<east_minutes>\d\d))?)?)?"
)


@dataclass(frozen=True)
class Alike:
    """Texts of one shape: the rows they stand in, their signs (a row of the array for each place), one of them."""

    rows: np.ndarray
    signs: np.ndarray
    sample: bytes

    def number(self, places) -> np.ndarray:
        """The number that the digits at some places make."""
        found = np.zeros(self.signs.shape[1], np.int64 if len(places) > NINE else np.int32)
        for place in places:
            found *= 10
            found += self.signs[place] - ZERO
        return found


def alike(text: pa.Array, by_zero: bool = False) -> Iterator[Alike]:
    """The texts of a column by shape; those of very many shapes, or too long, are left out.

    Parameters: `by_zero`, whether a first digit that is 0 makes another shape.
    """
    offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1].astype(np.int64)
    if offsets[-1] == offsets[0]:
        return
    codes, lengths = np.frombuffer(text.buffers()[2], np.uint8), np.diff(offsets)
    found = np.flatnonzero(np.bincount(np.minimum(lengths, LONGEST + 1)))
    for length in found[(found > 0) & (found <= LONGEST)]:
        rows = np.flatnonzero(lengths == length)
        if offsets[-1] - offsets[0] == len(rows) * length:
            signs = np.ascontiguousarray(codes[offsets[0] : offsets[-1]].reshape(-1, length).T)
        else:
            signs = codes[offsets[rows] + np.arange(length)[:, None]]
        yield from by_shape(rows, signs, by_zero)


def by_shape(rows: np.ndarray, signs: np.ndarray, by_zero: bool) -> Iterator[Alike]:
    """Texts of one length by shape."""
    for _ in range(MOST_SHAPES):
        if not len(rows):
            return
        sample, same = signs[:, 0], np.ones(len(rows), bool)
        is_digit = sample - ZERO <= NINE
        for place, sign in enumerate(sample):
            same &= (signs[place] - ZERO <= NINE) if is_digit[place] else (signs[place] == sign)
        if by_zero and is_digit.any():
            first = int(np.argmax(is_digit))
            same &= (signs[first] == ZERO) == (sample[first] == ZERO)
        if same.all():
            yield Alike(rows, signs, sample.tobytes())
            return
        yield Alike(rows[same], np.compress(same, signs, axis=1), sample.tobytes())
        rows, signs = rows[~same], np.compress(~same, signs, axis=1)


@cache
def days_as_written() -> np.ndarray:
    """Days since 1970 by the number that the signs of a date make: 1231 is the last of the first year; `NO_DAY` where
    there is no such day, and at both ends, which stand for all that is beyond them."""
    days = np.arange(f"{FIRST_YEAR}-01-01", f"{LAST_YEAR}-01-01", dtype="datetime64[D]")
    months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
    year, month, day = (part.astype(np.int64) for part in (years, months - years, days - months))
    found = np.full((LAST_YEAR - FIRST_YEAR) * 10_000, NO_DAY, np.int32)
    found[(year + 1970 - FIRST_YEAR) * 10_000 + (month + 1) * 100 + day + 1] = days.astype(np.int64)
    return found


@dataclass(frozen=True)
class Layout:
    """Where the fields of a time stand in texts of one shape, and what the shape itself says."""

    places: dict[str, range]
    is_day: bool
    has_zone: bool
    half: str
    sign: int

    def seconds(self, texts: Alike) -> tuple[np.ndarray, np.ndarray]:
        """The seconds since 1970 that texts say, in UTC where they bear a zone; and which texts are times."""
        fields = {name: texts.number(places) for name, places in self.places.items()}
        written = (fields["year"] - FIRST_YEAR) * 10_000 + fields["month"] * 100 + fields["day"]
        days = days_as_written().take(written, mode="clip")
        is_time = days != NO_DAY
        for name in fields.keys() & HIGHEST.keys():
            is_time &= fields[name] <= (12 if name == "hour" and self.half else HIGHEST[name])
        found = days * np.int64(DAY)
        if not self.is_day:
            hour = fields["hour"]
            if self.half:
                is_time &= hour > 0
                hour = hour % 12 + (12 if self.half == "P" else 0)
            found += hour * 3600 + fields["minute"] * 60 + fields.get("second", 0)
        if self.sign:
            found -= self.sign * (fields["east"] * 3600 + fields.get("east_minutes", 0) * 60)
        return found, is_time


def layout(sample: bytes, form: Form, is_mixed: bool) -> Layout | None:
    """How a time of the sample's shape is read; None where the declared form has no such shape.

    Parameters: `is_mixed`, whether the declared form occurs in the column, so that no other is taken there.
    """
    shape = re.sub(rb"\d", b"1", sample)
    return layout_of_shape(shape, form.date_form, is_mixed)


@cache
def layout_of_shape(shape: bytes, order: str, is_mixed: bool) -> Layout | None:
    """The layout of a shape, of which every digit is 1."""
    if not shape.isascii():
        return None
    takes_iso = order == "ymd" or not is_mixed
    for pattern, fields in (*[(ISO, "ymd")] * takes_iso, (DATES[order], order)):
        match = re.fullmatch(DATE_FIELDS[fields] + TIME_FIELDS, shape.decode(), re.ASCII)
        if match and re.fullmatch(pattern, valid(match), re.ASCII):
            told = match.groupdict()
            places = {name: range(*match.span(name)) for name, digits in told.items() if digits and digits.isdigit()}
            sign = {"+": 1, "-": -1, None: 0}[told["sign"]]
            return Layout(places, told["hour"] is None, bool(told["zone"]), (told["half"] or "").upper(), sign)
    return None


def valid(match: re.Match) -> str:
    """A text of a shape that is a time, if one of that shape can be: 2001 and 01 in its fields."""
    text = match.string
    for name, digits in match.groupdict().items():
        if digits and digits.isdigit():
            start, end = match.span(name)
            text = text[:start] + ("2001" if name == "year" else "1".zfill(end - start)) + text[end:]
    return text


def scaled(texts: Alike, form: Form, type_: str, digits: int, decimals: int, scale: int) -> tuple | None:
    """The numbers that texts of one shape say, times a power of ten; and which of them are whole then.

    Returns: None where the declared form has no such shape.
    """
    sample = texts.sample.decode(errors="replace")
    if not re.fullmatch(number_pattern(form, decimals, digits), sample, re.ASCII):
        return None
    if type_ == "number" and not form.thousands and re.fullmatch(looks_grouped(form), sample, re.ASCII):
        return None
    places = [place for place, sign in enumerate(texts.sample) if sign - ZERO in range(NINE + 1)]
    point = texts.sample.find(form.decimal.encode())
    n_behind = sum(place > point for place in places) if point >= 0 else 0
    if len(places) - n_behind > digits or len(places) > MOST_DIGITS:
        return None
    found = texts.number(places).astype(np.int64)
    is_whole = np.ones(len(found), bool)
    if n_behind <= scale:
        found *= 10 ** (scale - n_behind)
    else:
        is_whole = found % 10 ** (n_behind - scale) == 0
        found //= 10 ** (n_behind - scale)
    return (-found if texts.sample.startswith(b"-") else found), is_whole
