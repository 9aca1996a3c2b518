"""Bytes in, rows of text out: what kind of file it is, its encoding, its header, its records; nothing is guessed."""

import codecs
import csv
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial, reduce
from operator import and_
from pathlib import Path

import numpy as np

from salesbook.errors import BadData, WrongUsage
from salesbook.sources import closing, sheets
from salesbook.sources.copies import Copy
from salesbook.sources.framing import NEW_LINE, PATIENCE, Dialect, Frame, frames
from salesbook.sources.header import DELIMITERS, Declared, Start, clean_name, name_key, started
from salesbook.sources.packed import opener, unpacked, unpacking
from salesbook.sources.rows import Block, Rows, Traits, traits_of
from salesbook.sources.text import Text

BLOCK, LARGE_BLOCK = 1 << 20, 1 << 22
MOST_BAD = 1 << 26  # bytes of records that are none: beyond it a file is no table, or packed to do harm
LONGEST_SKIPPED = 4096  # DuckDB skips a row too many behind a header of more than some 8,000 bytes
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
REFUSED = (
    (rb"\xd0\xcf\x11\xe0", "an old Excel file (.xls), or has a password", "Save it as .xlsx without one, or as CSV."),
    (rb"\s*<", "HTML or XML", "Export it as CSV: some systems send a web page, or a page of log-in, named .csv."),
    (rb"{\\rtf", "a text document (RTF)", "Save it as CSV."),
    (rb"\s*(?:\{|\[\s*(?:[\[{\"\]\d-]|true|false|null))", "JSON", "Export it as CSV."),
    (rb"%PDF", "a PDF", "Export it as CSV."),
    (rb"PARE", "an encrypted Parquet file", "Export it without encryption."),
    (rb"SQLite format 3\0", "a database", "Export its table as CSV."),
    (rb"PK\x03\x04|PAR1|\x1f\x8b|BZh[1-9]1AY|7z\xbc\xaf|Rar!|\xfd7zXZ|\x28\xb5\x2f\xfd", "packed, or packed twice",
     "Unpack it first: one file packed once as gzip or zip is read."),
)  # fmt: skip


def check_declared(encoding: str, delimiter: str) -> None:
    """Refuse an encoding that is not known, or a delimiter that cannot be one.

    Raises: WrongUsage.
    """
    try:
        codecs.getincrementaldecoder(encoding)
        with suppress(UnicodeError):  # the sign may be none of it
            b" ".decode(encoding)
    except LookupError as error:
        todo = 'Write "utf-8", "cp1252" or another that Python knows.'
        raise WrongUsage("source.encoding is not an encoding.", f"Found {encoding!r}.", todo) from error
    if delimiter and (len(delimiter) > 1 or not delimiter.isascii() or delimiter.isalnum() or delimiter in "\r\n\"'"):
        todo = 'Write one sign, such as ";" or "\\t" for a tab.'
        raise WrongUsage("source.delimiter cannot be one.", f"Found {delimiter!r}.", todo)


OURS = Declared(delimiter=",")


def read(copy: Copy, declared: Declared, wanted: set[str], folder: Path) -> Text:
    """A file's rows as text.

    Parameters: `wanted`, the names (as `name_key`) that the map looks for; `folder`, where the rows are written.
    Raises: BadData for a file that cannot be read without guessing.
    """
    name, stem = copy.file.name, copy.path.stem
    if copy.is_table or copy.file.is_canonical:
        declared = replace(OURS, decimal="." if copy.file.is_canonical else declared.decimal)
    copy, kind = unpacked(copy, folder)
    by_record, told = kind in ("xlsx", "parquet"), sheets.Told()
    plain = copy.path if kind == "text" else None
    if by_record:
        plain = folder / f"{stem}.sheet"
        told = written_out(copy, kind, plain, declared)
        refuse_doubtful(told, wanted)
        blocks = partial(text_blocks, partial(plain.open, "rb"), name, "utf-8")
        declared = replace(declared, delimiter=",")
    else:
        blocks = partial(text_blocks, opener(copy, kind), name, declared.encoding)
    start = started(blocks(), name, declared.header, declared.delimiter, by_record)
    header, dialect = understood(start.header, name, declared.delimiter, wanted)
    dialect = replace(dialect, width=len(header), by_record=by_record)

    def framing(start: Start) -> Iterator[Frame]:
        return closing.left_out(frames(start.rest, dialect, start.line), start, dialect, header, declared)

    def again() -> Iterator[Frame]:
        return framing(started(blocks(), name, declared.header, declared.delimiter, by_record))

    is_there = len(start.header) <= LONGEST_SKIPPED and not start.titles
    with Rows(folder / f"{stem}.rows", plain if is_there else None) as rows:
        text = framed(name, header, dialect, framing(start), again, rows)
    is_ours = copy.file.is_canonical
    return replace(text, is_table=copy.is_table, others=copy.others, is_canonical=is_ours, dated=told.dated)


def written_out(copy: Copy, kind: str, target: Path, declared: Declared) -> sheets.Told:
    """Write a sheet or Parquet file out as CSV."""
    if kind == "parquet":
        return sheets.from_parquet(copy, target, declared.decimal)
    return sheets.from_excel(copy, target, declared.decimal, declared.header)


def framed(name, header, dialect, framing: Iterator[Frame], again, rows: Rows) -> Text:
    """The good records of a text written to one file, where need be, the bad ones to another."""
    bad = rows.path.with_suffix(".bad")
    n_good, n_bad, shifts, blocks = 0, 0, [], [Block(0, Traits())]
    bad_bytes, pieces, are_original = 0, [], True
    with bad.open("w", encoding="utf-8", newline="") as bad_file:
        bad_rows = csv.writer(bad_file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for frame in framing:
            rows.add(frame)
            pieces.append((len(frame.text), len(frame.lines)))
            are_original = are_original and frame.is_original
            add_to(blocks, Block(len(frame.text), traits_of(frame.text, len(frame.lines), dialect)))
            bad_rows.writerows((line, rule, text.decode()) for line, rule, text in frame.bad)
            bad_bytes += sum(len(text) for _, _, text in frame.bad)
            if bad_bytes > MOST_BAD or frame.endless:
                found = f"{bad_bytes >> 20} MB have other fields than the header, up to line {frame.bad[-1][0]}."
                found = (
                    f"Line {frame.endless[0]} goes on for more than {PATIENCE >> 20} MB." if frame.endless else found
                )
                raise BadData(f"{name} is not a table.", found, "Export it again.")
            shift = frame.lines - (n_good + np.arange(len(frame.lines)))
            changed = np.flatnonzero(np.diff(shift, prepend=shifts[-1][-1, 1] if shifts else -1))
            if len(changed):
                shifts.append(np.stack([n_good + changed, shift[changed]], axis=1))
            n_good, n_bad = n_good + len(frame.lines), n_bad + len(frame.bad)
    shifts = np.concatenate(shifts) if shifts else np.zeros((1, 2), np.int64)
    path, skip, start = rows.done()
    traits = reduce(and_, (block.traits for block in blocks))
    told = Text(name, header, dialect, path, bad, n_good, n_bad, shifts, again, traits, skip, start, tuple(blocks))
    return replace(told, pieces=np.array(pieces, np.int64) if pieces and are_original else None)


def add_to(blocks: list[Block], frame: Block) -> None:
    """Add what a frame holds to the last block, or as another where that would become large."""
    last = blocks[-1]
    if last.size + frame.size > LARGE_BLOCK:
        blocks.append(frame)
    else:
        blocks[-1] = Block(last.size + frame.size, last.traits & frame.traits)


def refuse_doubtful(told: sheets.Told, wanted: set[str]) -> None:
    """Refuse a column that the map names and whose values would be lost, or read in one of two ways.

    Raises: BadData.
    """
    for column, (wrong, found, todo) in told.doubts.items():
        if name_key(column) in wanted:
            raise BadData(wrong, found, todo)


def text_blocks(open_file: Callable, name: str, encoding: str) -> Iterator[bytes]:
    """A text as UTF-8 in blocks, with \\n at line ends.

    Raises: BadData where the bytes are not the declared text, or a packed file is broken.
    """
    with unpacking(name), open_file() as file:
        head = file.read(BLOCK)
        encoding, head = marked(head, name, encoding)
        yield from normalised(decoded(itertools.chain([head], iter(partial(file.read, BLOCK), b"")), name, encoding))


def marked(head: bytes, name: str, encoding: str) -> tuple[str, bytes]:
    """The encoding that a byte order mark tells, or the declared one, and the text after the mark.

    Raises: BadData for what is not text.
    """
    for mark, told in MARKS:
        if head.startswith(mark):
            if told == "utf-8":
                return told, refuse_kinds(head[len(mark) :], name)
            return told, head
    refuse_kinds(head, name)
    if b"\0" in head and not encoding.lower().startswith(("utf-16", "utf_16", "utf-32", "utf_32")):
        pairs = head[:512]
        is_wide = (pairs[::2].count(0) * 3 > len(pairs)) != (pairs[1::2].count(0) * 3 > len(pairs))
        if not is_wide:
            raise holds_nul(name, 1 + head[: head.index(b"\0")].count(b"\n"))
        found = "It looks like UTF-16 without the mark that says so."
        raise BadData(f"{name} is not text.", found, "Save it as CSV UTF-8 and try again.")
    return encoding, head


def refuse_kinds(head: bytes, name: str) -> bytes:
    """The text itself, unless it is of a kind that is not read."""
    if not head.strip():
        raise BadData(f"{name} is empty.", "It holds no text.", "Export it again.")
    for pattern, kind, todo in REFUSED:
        if re.match(pattern, head):
            raise BadData(f"{name} is not a table.", f"It is {kind}.", todo)
    return head


def decoded(blocks: Iterator[bytes], name: str, encoding: str) -> Iterator[bytes]:
    """The blocks as UTF-8, strictly decoded.

    Raises: BadData with the line of the first byte that does not fit, for NUL, and for UTF-8 declared to be another.
    """
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    is_single = not encoding.lower().replace("_", "-").startswith("utf")
    as_utf8 = codecs.getincrementaldecoder("utf-8")() if is_single else None
    seen_wide, could_be_utf8 = False, is_single
    is_utf8 = codecs.lookup(encoding).name == "utf-8"
    is_latin = codecs.lookup(encoding).name.startswith("iso8859")  # where Windows has signs, it has controls
    for block in itertools.chain(blocks, [None]):
        data = block or b""
        before = decoder.getstate()[0]
        try:
            text = decoder.decode(data, final=block is None)
        except UnicodeDecodeError as error:
            raise undecodable(error, data, name, line, encoding) from error
        except UnicodeError as error:
            found = "It does not begin with the mark that says in which order its bytes stand."
            todo = 'Set encoding = "utf-16-le" or "utf-16-be" under [source], or save it as CSV UTF-8.'
            raise BadData(f"{name} is not {encoding}.", found, todo) from error
        if is_latin and (control := re.search("[\x80-\x9f]", text)):
            raise not_of(name, line + text[: control.start()].count("\n"), ord(control.group()), encoding)
        if could_be_utf8:
            seen_wide = seen_wide or not data.isascii()
            could_be_utf8 = fits(as_utf8, data, block is None)
        whole = (before + data).removesuffix(decoder.getstate()[0]) if is_utf8 else text.encode()
        if b"\0" in whole:
            raise holds_nul(name, line + whole[: whole.index(b"\0")].count(b"\n"))
        line += int(np.count_nonzero(np.frombuffer(whole, np.uint8) == NEW_LINE))
        yield whole
    if could_be_utf8 and seen_wide:
        todo = 'Set encoding = "utf-8" under [source] in salesbook.toml.'
        raise BadData(f"{name} is declared as {encoding}.", "All of it is UTF-8, with letters beyond ASCII.", todo)


def holds_nul(name: str, line: int) -> BadData:
    """The error for a byte that no text has."""
    return BadData(f"{name} is not text.", f"Line {line} holds a NUL byte.", "Export it again.")


def fits(decoder, data: bytes, is_last: bool) -> bool:
    """Whether the text so far is also of the decoder's encoding."""
    try:
        decoder.decode(data, final=is_last)
    except UnicodeDecodeError:
        return False
    return True


def undecodable(error: UnicodeDecodeError, data: bytes, name: str, line: int, encoding: str) -> BadData:
    """The error for bytes that are not of the encoding."""
    line += data[: error.start].count(b"\n")
    if error.reason == "unexpected end of data":
        todo = "It may be cut off: copy or export it again."
        return BadData(f"{name} is not {encoding}.", f"It ends on line {line} in the middle of a letter.", todo)
    return not_of(name, line, error.object[error.start] if error.start < len(error.object) else 0, encoding)


def not_of(name: str, line: int, byte: int, encoding: str) -> BadData:
    """The error for a byte that is no sign of the encoding."""
    known = codecs.lookup(encoding).name
    todo = 'If it comes from Excel on Windows, set encoding = "cp1252" under [source]; else save it as CSV UTF-8.'
    if known.startswith(("utf-16", "utf-32")):
        todo = "It may be cut off: export it again, as CSV UTF-8 where there is a choice."
    elif known == "cp1252":
        todo = "Set the encoding in which it was written under [source], or save it as CSV UTF-8."
    return BadData(f"{name} is not {encoding}.", f"Line {line} holds the byte 0x{byte:02X}.", todo)


def normalised(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks with \\n at line ends: from \\r where the first line ends with it alone, else from \\r\\n as long as
    there was no quote: within quotes it may be part of a text. No \\r\\n stands in two blocks."""
    held, alone, quoted = b"", None, False
    for block in blocks:
        block = held + block
        held = b""
        if block.endswith(b"\r"):
            block, held = block[:-1], b"\r"
        if alone is None and (end := re.search(rb"\r\n|\r|\n", block)):
            alone = end.group() == b"\r"
        quoted = quoted or b'"' in block or b"'" in block
        if b"\r" in block:
            block = block if quoted and not alone else block.replace(b"\r\n", b"\n")
            block = block.replace(b"\r", b"\n") if alone else block
        yield block
    if held:
        yield b"\n"


def understood(head: bytes, name: str, delimiter: str, wanted: set[str]) -> tuple[tuple[str, ...], Dialect]:
    """The names in a header, and the dialect it is written in.

    Raises: BadData where no delimiter reads it, two read it equally well, or two columns have one name.
    """
    told = re.match(rb'"?sep=(.)"?\1*\n+', head, re.IGNORECASE)
    head = head[told.end() :] if told else head
    quote = b"'" if head.startswith(b"'") and head.endswith(b"'") else b'"'
    signs = [delimiter.encode()] if delimiter else [told.group(1)] if told else DELIMITERS
    readings = []
    for sign in signs:
        dialect = Dialect(sign, quote)
        if dialect.record.fullmatch(head + b"\n"):
            names = tuple(clean_name(dialect.value(field).decode()) for field in dialect.fields(head))
            readings.append((len(wanted & set(map(name_key, names))), len(names), names, dialect))
    readings.sort(key=lambda reading: reading[:2], reverse=True)
    if not readings:
        found = f"Its first line is {head[:80].decode(errors='replace')!r}."
        raise BadData(f"The header of {name} cannot be read.", found, "Mend the quotes in its first line.")
    is_known = readings[0][0] > 0 or not wanted
    if is_known and len(readings) > 1 and readings[0][:2] == readings[1][:2] and readings[0][1] > 1:
        found = f"Both {readings[0][3].delimiter.decode()!r} and {readings[1][3].delimiter.decode()!r} may be it."
        raise BadData(f"The delimiter of {name} cannot be told.", found, "Set delimiter under [source].")
    refuse_twins(readings[0][2], name)
    return readings[0][2], readings[0][3]


def refuse_twins(names: tuple[str, ...], name: str) -> None:
    """Refuse two columns of one name. Columns without a name cannot be asked for and do no harm."""
    seen: dict[str, str] = {}
    for column in filter(None, names):
        key = name_key(column)
        if key in seen:
            found = f"{seen[key]!r} and {column!r} stand in its header."
            raise BadData(f"{name} has two columns of one name.", found, "Rename or remove one of them.")
        seen[key] = column
