"""Where each record of a delimited text begins and ends, strictly: what is not a record is set aside, never mended.

Blocks in which every quote stands where one may stand are framed with numpy; the others record by record with one
pattern. A record that cannot be one costs one line: reading goes on after the next line end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

LONGEST = 1 << 22  # bytes of a record that is loaded
PATIENCE = 1 << 23  # bytes in which the end of a record is looked for: no text of a CRM is longer
NEW_LINE = 10


@dataclass(frozen=True)
class Dialect:
    """Delimiter and quote of a text (one byte each), the fields a record must have, and how lines are numbered.

    `by_record`: a line end inside a field does not count (rows of a sheet, whose cells may hold several lines).
    """

    delimiter: bytes
    quote: bytes
    width: int = 0
    by_record: bool = False

    @cached_property
    def field(self) -> bytes:
        """The pattern of a field: quoted as a whole, or without a delimiter and not beginning with a quote."""
        return self.field_without(rb"\r\n")

    def field_without(self, ends: bytes) -> bytes:
        """The pattern of a field; `ends`, the signs that end a line and stand in a field only between quotes."""
        quote, sign = re.escape(self.quote), re.escape(self.delimiter)
        quoted = rb"%b[^%b]*+(?:%b%b[^%b]*+)*+%b" % (quote, quote, quote, quote, quote, quote)
        spaces = b" \t".replace(self.delimiter, b"")
        return rb"(?:%b|(?![%b]*%b)[^%b%b]*+)" % (quoted, spaces, quote, sign, ends)

    @cached_property
    def record(self) -> re.Pattern:
        """The pattern of a record with its line end."""
        return re.compile(rb"%b(?:%b%b)*+\r?\n" % (self.field, re.escape(self.delimiter), self.field))

    @cached_property
    def with_returns(self) -> re.Pattern:
        """The pattern of what were a record, if no carriage returns stood in its fields without quotes."""
        field = self.field_without(rb"\n")
        return re.compile(rb"%b(?:%b%b)*+\r?\n" % (field, re.escape(self.delimiter), field))

    @cached_property
    def cut_off(self) -> re.Pattern:
        """The pattern of the beginning of a record, with such returns or without, where the text is cut off in it."""
        quote = re.escape(self.quote)
        opened = rb"%b[^%b]*+(?:%b%b[^%b]*+)*+" % (quote, quote, quote, quote, quote)
        field = self.field_without(rb"\n")
        return re.compile(rb"(?:%b%b)*(?:%b|%b)\Z" % (field, re.escape(self.delimiter), opened, field))

    def is_blank(self, record: bytes) -> bool:
        """Whether a line holds nothing but white space, which is no delimiter: there is nothing in it to lose."""
        return len(record) <= LONGEST and not record.strip(b" \t\r".replace(self.delimiter, b""))

    def fields(self, record: bytes) -> list[bytes]:
        """The fields of a record, without its line end, as they are written."""
        found = re.finditer(rb"(?:\A|%b)(%b)" % (re.escape(self.delimiter), self.field), record)
        return [match.group(1) for match in found]

    def value(self, written: bytes) -> bytes:
        """What a written field says."""
        if written.startswith(self.quote) and len(written) > 1:
            return written[1:-1].replace(self.quote * 2, self.quote)
        return written

    def quoted(self, written: bytes) -> bytes:
        """The field as it is written when quotes stand only around fields."""
        if self.quote not in written or written.startswith(self.quote):
            return written
        return self.quote + written.replace(self.quote, self.quote * 2) + self.quote


@dataclass
class Frame:
    """Records of a block: the text of the good ones, their lines, and the bad ones (line, rule, original text)."""

    text: bytes = b""
    originals: list[bytes] | None = None
    starts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    ends: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    lines: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    bad: list[tuple[int, str, bytes]] = field(default_factory=list)

    @property
    def is_original(self) -> bool:
        """Whether the records stand in the text as they stand in the source."""
        return self.originals is None or self.text == joined(self.originals)

    @property
    def endless(self) -> list[int]:
        """Lines so long that their end was not waited for: what follows them may begin anywhere."""
        return [line for line, rule, text in self.bad if rule == "too_long" and len(text) > PATIENCE]

    def original(self, row: int) -> bytes:
        """The text of a good record as it stands in the source."""
        return self.originals[row] if self.originals is not None else self.text[self.starts[row] : self.ends[row]]


def frames(blocks: Iterator[bytes], dialect: Dialect, line: int = 1) -> Iterator[Frame]:
    """The records of a text.

    Rule: records end at \\n or \\r\\n; within quotes both stay as they are. A block in which no record ends is framed
    again once it has doubled, so that a long one costs no more than its length.
    Parameters: `blocks`, the text in pieces of any size, no \\r\\n in two of them; `dialect`; `line`, the number of its
    first.
    Returns: frames in order; together they hold every record once. Blank lines are no records.
    """
    rest, waiting, size, enough = b"", [], 0, 0
    for block in blocks:
        waiting.append(block)
        size += len(block)
        if size < enough:
            continue
        frame, rest, line = framed(b"".join(waiting), dialect, line, last=False)
        enough = 0 if len(rest) < size else 2 * size
        waiting, size = [rest], len(rest)
        yield frame
    rest = b"".join(waiting)
    if rest:
        yield framed(rest if rest.endswith(b"\n") else rest + b"\n", dialect, line, last=True)[0]


def framed(block: bytes, dialect: Dialect, line: int, last: bool) -> tuple[Frame, bytes, int]:
    """A frame of the whole records at the head of a block, the rest of the block, and the line after them."""
    text, dropped, found = with_plain_ends(block, dialect)
    if found is None:
        return one_by_one(block, dialect, line, last)
    ends, counts, inner = found
    if len(ends) == 0 or (last and ends[-1] + 1 < len(text)):
        waiting = not last and len(block) <= PATIENCE
        return (Frame(), block, line) if waiting else one_by_one(block, dialect, line, last)
    used = int(ends[-1]) + 1
    starts = np.concatenate(([0], ends[:-1] + 1))
    lines = line + np.arange(len(ends)) + (0 if dialect.by_record else np.searchsorted(inner, starts))
    after = line + len(ends) + (0 if dialect.by_record else int(np.searchsorted(inner, used)))
    rest = block[used + int(np.searchsorted(dropped, used)) :]
    return sorted_out(text[:used], starts, ends, counts, lines, dialect), rest, after


def with_plain_ends(block: bytes, dialect: Dialect) -> tuple[bytes, np.ndarray, tuple | None]:
    """A block with \\n for each \\r\\n outside quotes, the places in it before which \\r was dropped, its structure."""
    none = np.zeros(0, np.int64)
    if b"\r" not in block or b"\r\n" not in block:  # one sign is found many times faster than two
        return block, none, structure(block, dialect)
    codes = np.frombuffer(block, np.uint8)
    returns = np.flatnonzero((codes[:-1] == 13) & (codes[1:] == NEW_LINE))
    if dialect.quote in block:
        inside = np.cumsum(codes == dialect.quote[0], dtype=np.uint8) & 1
        returns = returns[inside[returns] == 0]
    text = np.delete(codes, returns).tobytes()
    return text, returns - np.arange(len(returns)), structure(text, dialect)


def structure(block: bytes, dialect: Dialect) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Where records end, how many fields each has, and where line ends stand inside quotes.

    Returns: None where quotes or carriage returns are not as they should be.
    """
    text = np.frombuffer(block, np.uint8)
    is_sign, is_end = text == dialect.delimiter[0], text == NEW_LINE
    if dialect.quote not in block:
        return None if b"\r" in block else (*records_of(is_sign, is_end), np.zeros(0, np.int64))
    is_quote = text == dialect.quote[0]
    inside = (np.cumsum(is_quote, dtype=np.uint8) & 1).view(bool)
    ends, counts = records_of(is_sign & ~inside, is_end & ~inside)
    used = int(ends[-1]) + 1 if len(ends) else 0
    quotes = np.flatnonzero(is_quote[:used])
    may_touch = is_sign | is_end | is_quote
    opening, closing = quotes[::2], quotes[1::2]
    stray = not (may_touch[opening[opening > 0] - 1].all() and may_touch[closing + 1].all())
    if stray or bool(((text[:used] == 13) & ~inside[:used]).any()):
        return None
    return ends, counts, np.flatnonzero(is_end & inside)


def records_of(is_sign: np.ndarray, is_end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where records end and how many fields each has, by the delimiters and line ends that end fields."""
    ends = np.flatnonzero(is_end)
    if len(ends) == 0:
        return ends, ends
    marks = (is_sign | is_end)[: ends[-1] + 1].view(np.uint8)
    starts = np.concatenate(([0], ends[:-1] + 1))
    counts = np.add.reduceat(marks, starts, dtype=np.uint8)  # many times faster than in wider numbers
    if counts.sum(dtype=np.int64) != np.count_nonzero(marks):
        counts = np.add.reduceat(marks, starts, dtype=np.int64)
    return ends, counts


def sorted_out(text: bytes, starts, ends, counts, lines, dialect: Dialect) -> Frame:
    """A frame of framed records: good ones have as many fields as the header; blank lines are left out."""
    is_record = ends > starts
    is_good = is_record & (counts == dialect.width) & (ends - starts <= LONGEST)
    bad = [
        (int(lines[at]), fault(counts[at], dialect.width), record)
        for at in np.flatnonzero(is_record & ~is_good)
        if not dialect.is_blank(record := text[starts[at] : ends[at]])
    ]
    if is_good.all():
        return Frame(text, None, starts, ends, lines, bad)
    kept = np.flatnonzero(is_good)
    originals = [text[starts[at] : ends[at]] for at in kept]
    return Frame(joined(originals), originals, lines=lines[kept], bad=bad)


def fault(count: int, width: int) -> str:
    """The rule that a record with so many fields breaks."""
    return "fields_missing" if count < width else "fields_too_many" if count > width else "too_long"


def joined(records: list[bytes]) -> bytes:
    """Records as text."""
    return b"".join(record + b"\n" for record in records)


def one_by_one(block: bytes, dialect: Dialect, line: int, last: bool) -> tuple[Frame, bytes, int]:
    """The same as `framed`, for a block with quotes or carriage returns where none should stand."""
    originals, written, lines, bad, at = [], [], [], [], 0
    while at < len(block):
        match = dialect.record.match(block, at)
        end = match.end() if match else end_of_bad(block, at, dialect, last)
        if end is None:
            break
        record = block[at:end].removesuffix(b"\n").removesuffix(b"\r")
        if dialect.is_blank(record):
            pass
        elif not match and (parts := parted(record, dialect)):
            originals += parts
            written += parts
            lines += [line] * len(parts)
        elif not match:
            bad.append((line, fault_of_unread(record), record))
        else:
            fields = dialect.fields(record)
            if len(fields) == dialect.width and len(record) <= LONGEST:
                originals.append(record)
                written.append(dialect.delimiter.join(map(dialect.quoted, fields)))
                lines.append(line)
            else:
                bad.append((line, fault(len(fields), dialect.width), record))
        line += 1 if dialect.by_record else block.count(b"\n", at, end)
        at = end
    return Frame(joined(written), originals, lines=np.array(lines, np.int64), bad=bad), block[at:], line


def parted(record: bytes, dialect: Dialect) -> list[bytes]:
    """The records of a line in which carriage returns end them: each has as many fields as the header, where a return
    within a text would leave fewer beside it. None of any other line."""
    parts = record.split(b"\r")
    is_told = dialect.width > 1 and dialect.quote not in record and len(record) <= LONGEST
    are_whole = all(part.count(dialect.delimiter) == dialect.width - 1 for part in parts)
    return parts if is_told and len(parts) > 1 and are_whole else []


def fault_of_unread(record: bytes) -> str:
    """The rule that a line breaks which is no record."""
    return "too_long" if len(record) > PATIENCE else "line_end_inside" if b"\r" in record else "quotes_not_closed"


def end_of_bad(block: bytes, at: int, dialect: Dialect, last: bool) -> int | None:
    """Where the line of a record that cannot be read ends; None where more text may still make it one."""
    may_go_on = not last and len(block) - at <= PATIENCE
    if may_go_on and dialect.cut_off.match(block, at):
        return None
    whole = dialect.with_returns.match(block, at)
    end = whole.end() if whole else block.find(b"\n", at) + 1
    if end:
        return end
    return None if may_go_on else len(block)
