"""Where the header of a text stands, below titles if the settings say so, and what the names in it are."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from salesbook.errors import BadData
from salesbook.sources.framing import Dialect

LONGEST_HEADER = 1 << 18  # bytes in which a line's end is looked for
DELIMITERS = (b",", b";", b"\t", b"|")
MOST_ABOVE = 100  # lines of titles


@dataclass(frozen=True)
class Declared:
    """What the settings say of how a file is written.

    Its encoding; its delimiter ("": the header tells it); the sign in which numbers of a sheet are written out; the
    name of its first column, where titles stand above the header; and what lines below the last row say.
    """

    encoding: str = "utf-8"
    delimiter: str = ""
    decimal: str = "."
    header: str = ""
    closing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Start:
    """How a text starts: its header, the line after it, the rest of the text, and the titles above (line, text)."""

    header: bytes
    line: int
    rest: Iterator[bytes]
    titles: tuple[tuple[int, bytes], ...] = ()


def name_key(name: str) -> str:
    """A column's name without what may differ: case, spaces and underscores.

    Examples:
    >>> name_key(" Deal ID ") == name_key("deal_id")
    True
    """
    return re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", name)).casefold()


def clean_name(name: str) -> str:
    """A column's name in one line without spaces around it, nor signs that nobody sees."""
    return " ".join("".join(sign for sign in name if unicodedata.category(sign) != "Cf").split())


def is_header(cells: Iterable[str], declared: str) -> bool:
    """Whether a line is the header that the settings declare by the name of its first column; a title stands alone.

    Examples:
    >>> is_header(["", "Deal  ID", "Stage"], "Deal ID"), is_header(["Deal ID", ""], "Deal ID")
    (True, False)
    """
    filled = [name for cell in cells if (name := clean_name(cell))]
    return len(filled) > 1 and name_key(filled[0]) == name_key(declared)


def started(blocks: Iterator[bytes], name: str, declared: str, delimiter: str, by_record: bool) -> Start:
    """How a text starts.

    Rule: the header is the first line, or the first that begins with the declared name and has others beside it.
    Parameters: `by_record`, a line end inside a field does not count.
    Raises: BadData for an empty text, or where none of its first lines is the declared header.
    """
    start = first_record(blocks, 1, by_record)
    if not start.header.strip():
        raise BadData(f"{name} is empty.", "It holds no text.", "Export it again.")
    above = []
    while declared and not is_read_as(start.header, declared, delimiter):
        if not start.header.strip() or len(above) == MOST_ABOVE:
            raise no_such_header(name, declared, above[0][1])
        n_inner = 0 if by_record else start.header.count(b"\n")
        above.append((start.line - 1 - n_inner, start.header))
        start = first_record(start.rest, start.line, by_record)
    return replace(start, titles=tuple(above))


def first_record(blocks: Iterator[bytes], line: int, by_record: bool) -> Start:
    """The first line with something in it, the number of the next one, and the rest of the text.

    A line that says `sep=;`, as Excel writes it, is part of what is returned.
    """
    text, at = b"", 0
    for block in blocks:
        text += block
        at = record_end(text)
        if at or len(text) > LONGEST_HEADER:
            break
    at = at or len(text)
    head = text[:at].replace(b"\r\n", b"\n")
    header = head.lstrip(b"\n").rstrip(b"\n")
    after = line + head.count(b"\n") - (header.count(b"\n") if by_record else 0)
    return Start(header, after, itertools.chain([text[at:]], blocks))


def record_end(text: bytes) -> int:
    """Where the text after the first line begins; 0 where that has not ended yet."""
    start = len(text) - len(text.lstrip(b"\r\n"))
    if told := re.match(rb'"?sep=[^\n]*(\n[\r\n]*|)', text[start:], re.IGNORECASE):
        start = start + told.end() if told.group(1) else len(text)
    at = start
    while end := text.find(b"\n", at) + 1:
        if text.count(b'"', start, end) % 2 == 0:
            return end
        at = end
    return 0


def is_read_as(record: bytes, declared: str, delimiter: str) -> bool:
    """Whether a line is the declared header, whatever sign it has between its names."""
    signs = [delimiter.encode()] if delimiter else DELIMITERS
    return any(is_header(cells_of(record, Dialect(sign, b'"')), declared) for sign in signs)


def cells_of(record: bytes, dialect: Dialect) -> list[str]:
    """The cells of a line; none where it is no record."""
    if not dialect.record.fullmatch(record + b"\n"):
        return []
    return [dialect.value(field).decode() for field in dialect.fields(record)]


def no_such_header(name: str, declared: str, first: bytes) -> BadData:
    """The error for a text in which no line begins as the settings say that its header does."""
    found = f"Its first line is {first[:80].decode(errors='replace')!r}."
    todo = "Write the name of its first column under [headers] in salesbook.toml, or take the line there away."
    return BadData(f"{name} has no header that begins with {declared!r}.", found, todo)
