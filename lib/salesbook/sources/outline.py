"""The outline of a report, told by what stands there: titles above its header, and what ends it below its last row."""

import csv
import io
import re
from dataclasses import dataclass
from itertools import islice

import duckdb

from salesbook.sources import cast, packed, reader, sheets
from salesbook.sources.closing import FIGURE, MOST_CLOSING, Line, cells_in
from salesbook.sources.copies import Copy
from salesbook.sources.header import DELIMITERS, clean_name, is_header, name_key

FIRST_ROWS = 60  # in which a header is looked for
LONGEST_CLOSING = 1 << 14  # bytes of what ends a report
TOTALS = (
    "total", "totals", "grand total", "grand totals", "subtotal", "sum", "count", "average", "avg", "record count",
    "totaal", "eindtotaal", "subtotaal", "som", "aantal", "gemiddelde", "totalen", "i alt", "ialt", "total i alt",
    "antal", "gennemsnit", "totalt", "summa", "summe", "gesamt", "gesamtsumme", "anzahl", "deltotal",
)  # fmt: skip
NOTICES = re.compile(
    r"(?i)(?:copyright|©|confidential|vertrouwelijk|fortrolig|generated (?:by|on|at)|report (?:generated|created)|"
    r"gegenereerd|genereret|exported (?:by|on)|geëxporteerd|eksporteret|all rights reserved|"
    r"(?:grand )?totals? \(\d+ |\d+ (?:records?|rows?|rijen|records|rækker|poster)\b)"
)


@dataclass(frozen=True)
class Outline:
    """Where a report's rows are: the name of its first column, if titles stand above, and whether these leave no doubt;
    what stands below the last row, with * for each number, and whether that can be nothing else."""

    header: str = ""
    is_header_sure: bool = True
    closing: tuple[str, ...] = ()
    is_closing_sure: bool = True


def header_of(copy: Copy, wanted: set[str]) -> tuple[str, bool]:
    """The name of the first column of a header that stands below titles, and whether they leave no doubt; "" where the
    header is the first line, or none is found.

    Rule: of the first rows the one with the most of the wanted names, and several; above it no row is as wide.
    """
    best, header, above = 1, [], []
    for rows in grids(copy):
        filled = [cells for row in rows if any(cells := [clean_name(cell) for cell in row])]
        for at, cells in enumerate(filled):
            found = len(wanted & {name_key(cell) for cell in cells if cell})
            if found > best:
                best, header, above = found, cells, filled[:at]
    first = next((cell for cell in header if cell), "")
    if not above or any(is_header(cells, first) for cells in above):
        return "", True
    width = sum(map(bool, header))
    widest = max(sum(map(bool, cells)) for cells in above)
    return (first, 2 * widest <= width and 2 * best > width) if widest < width else ("", True)


def grids(copy: Copy) -> list[list[list[str]]]:
    """The first rows of a file as cells: of a text by each of the signs that may stand between its fields."""
    kind = packed.kind_of(copy)
    if kind == "parquet":
        return []
    if kind == "xlsx":
        try:
            rows = sheets.parts_of(copy)[0][:FIRST_ROWS]
        except sheets.DAMAGED:
            return []  # what is wrong is told where it is read
        return [[[str(value) for value in row] for row in rows]]
    with packed.opener(copy, kind)() as file:
        head = file.read(reader.BLOCK)
    if head.startswith((packed.PARQUET, *packed.ZIP)):
        return []
    text = decoded(head)
    found = (csv.reader(io.StringIO(text, newline=""), delimiter=sign.decode()) for sign in DELIMITERS)
    return [list(islice(rows, FIRST_ROWS)) for rows in found]


def decoded(head: bytes) -> str:
    """The beginning of a text, as far as it can be read."""
    told = next((encoding for mark, encoding in reader.MARKS if head.startswith(mark)), "utf-8")
    text = head.decode("utf-8-sig" if told == "utf-8" else told, errors="replace").replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def closing_of(text: reader.Text) -> tuple[tuple[str, ...], bool]:
    """What stands below a file's last row, with * for each number, and whether that can be nothing else.

    Rule: lines of one cell, and of sums; one that is cut off may be a row, so that there are several lines, or one that
    bears the words of a total or a notice.
    """
    found = []
    for line in reversed(last_lines(text)):
        if not line.filled:
            continue
        if not is_end(line, len(text.header)):
            break
        found.insert(0, line)
    n_known = sum(is_known(line) for line in found)
    if not n_known and len(found) < 2:
        return (), True
    return tuple(dict.fromkeys(map(way_of, found))), n_known > 0


def last_lines(text: reader.Text) -> list[Line]:
    """The last records of a file, those that are too short among them."""
    lines = []
    if text.n_bad and text.bad.stat().st_size <= LONGEST_CLOSING:
        with text.bad.open(encoding="utf-8", newline="") as file:
            lines = [
                Line(-1, int(line), rule, cells_in(original.encode(), text.dialect))
                for line, rule, original in csv.reader(file)
            ]
    shift = int(text.shifts[-1, 1])
    with duckdb.connect() as con:
        rows = con.execute(f"from {cast.read_csv(text)} offset {max(0, text.n_good - MOST_CLOSING)}").fetchall()
    first = text.n_good - len(rows)
    lines += [
        Line(first + at, first + at + shift, "", [clean_name(cell or "") for cell in row])
        for at, row in enumerate(rows)
    ]
    return sorted(lines, key=lambda line: line.line)[-2 * MOST_CLOSING :]


def is_end(line: Line, width: int) -> bool:
    """Whether a line looks like the end of a report: one cell, or a total with its sums."""
    if line.rule not in ("", "fields_missing"):
        return False
    filled = line.filled
    if len(filled) == 1:
        return (line.rule != "" and len(line.cells) == 1) or (not line.rule and width > 2)
    words = [cell for cell in filled if not re.fullmatch(FIGURE, cell)]
    is_total = all(is_sum(cell) for cell in words)
    return is_total and (bool(words) or (2 * len(filled) < width and not line.cells[0]))


def is_sum(cell: str) -> bool:
    """Whether a cell bears the word of a total.

    Examples:
    >>> is_sum("Grand Totals (72 records)"), is_sum("Totaal:"), is_sum("Total Energies")
    (True, True, False)
    """
    bare = re.sub(r"\(.*\)|[\d.,:=#]", "", cell).strip().casefold()
    return bare in TOTALS


def is_known(line: Line) -> bool:
    """Whether a line bears the words of a total or of a notice."""
    return any(is_sum(cell) or NOTICES.search(cell) for cell in line.filled)


def way_of(line: Line) -> str:
    """What a closing line says, with * for each number, and for what stands behind a word with a colon: a name."""
    cells = ["*" if re.fullmatch(FIGURE, cell) else re.sub(r"\d+", "*", cell) for cell in line.filled]
    if len(cells) == 1:
        cells[0] = re.sub(r"^([^:]*[^\W\d_]): *.*[^\W\d_].*", r"\1: *", cells[0])
    return " ".join(cells)
