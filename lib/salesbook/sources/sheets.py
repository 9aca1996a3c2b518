"""Excel sheets and Parquet files written out as text, value by value, in the form the settings declare."""

import csv
import datetime
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import python_calamine

from salesbook.errors import BadData
from salesbook.sources.copies import Copy
from salesbook.sources.files import listed
from salesbook.sources.header import is_header
from salesbook.sources.packed import refuse_bomb

BATCH = 50_000
# A cell's tags, with whatever name its writer gives the format's space; a cell without content closes itself.
OPEN, CLOSED = rb"<(?:\w+:)?c (?P<attributes>[^>]*)(?<!/)>", rb"</(?:\w+:)?c>"
VALUE = rb"<(?:\w+:)?v>([^<]*)</(?:\w+:)?v>"
FORMULA = rb"<(?:\w+:)?f(?:[^>]*/|[^>]*>[^<]*</(?:\w+:)?f)>"
IS_ERROR = re.compile(rb"""\bt=["']e["']""")
IS_TEXT = re.compile(rb"""\bt=["']str["']""")
ERROR = re.compile(OPEN + rb"(?:(?!" + CLOSED + rb").)*?" + VALUE, re.DOTALL)
EMPTY_FORMULA = re.compile(
    OPEN + rb"\s*" + FORMULA + rb"\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>|" + CLOSED + rb")"
)
PLACE = re.compile(rb"""\br=["']([A-Z]+)([0-9]+)["']""")
NO_RESULT = b"#N/A"
DAMAGED = (
    python_calamine.CalamineError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, ElementTree.ParseError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
# The formats of percents that every workbook has, and what in the code of another is not shown as a sign of its own.
PERCENTS, NOT_SHOWN = {"9", "10"}, re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
# The signs of a UUID's text, 0 for those that its bytes tell, of which two stand for each.
UUID = np.array([45 if at in (8, 13, 18, 23) else 0 for at in range(36)], np.uint8)
HEX = np.array([list(b"%02x" % code) for code in range(256)], np.uint8)
NUMBER = re.compile(r"[ \u00a0]*-?[\d.,]*[1-9][\d.,]*[ \u00a0]*")


@dataclass(frozen=True)
class Told:
    """What a sheet or Parquet file tells beside its text.

    `dated`: columns, counted from 0, in which a sheet has dates or times. `doubts`: a column's name to the parts of the
    error that it is if the map names it.
    """

    dated: frozenset[int] = frozenset()
    doubts: dict[str, tuple[str, str, str]] = field(default_factory=dict)


def from_excel(copy: Copy, target: Path, decimal: str, declared: str) -> Told:
    """Write a sheet as CSV, a record per row of the sheet.

    Rule: the sheet that the map names, or that bears the table's name, or the only one with cells that is not hidden.
    Numbers have the 15 digits that Excel has; dates are written as 2026-12-31, with 00:00:00 where others of the column
    bear a time.
    Parameters: `declared`, the name of the first column where titles stand above the header.
    Returns: the columns with dates or times; doubts about those that mix percents with plain numbers.
    Raises: BadData for a broken workbook, for cells merged over rows, or where the sheet cannot be told.
    """
    name = copy.file.name
    refuse_bomb(copy, unpacked_size(copy))
    try:
        rows, merged, content, percents = parts_of(copy)
    except DAMAGED as error:
        raise BadData(f"{name} cannot be read as Excel.", f"{error}.", "Open it in Excel and save it again.") from error
    top = top_of(rows, declared)
    refuse_merged(top, merged, name)
    errors = errors_in(content)
    if None in errors or None in percents:
        found = "It has errors or percents in cells that bear no address."
        raise BadData(f"{name} does not say where its cells stand.", found, "Open it in Excel and save it again.")
    for (row, column), error in errors.items():
        rows[row][column] = error
    timed = {at for row in rows[top:] for at, value in enumerate(row) if isinstance(value, datetime.datetime)}
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for row in rows:
            cells = [cell(value, decimal, at in timed) for at, value in enumerate(row)]
            if any(cells):
                writer.writerow(cells)
            else:
                file.write("\n")
    is_time = (datetime.date, datetime.time, datetime.timedelta)
    dated = frozenset(at for row in rows[top:] for at, value in enumerate(row) if isinstance(value, is_time))
    return Told(dated, mixed_percents(rows, percents, top, name))


def parts_of(copy: Copy) -> tuple[list[list], list[tuple], bytes, set[tuple[int, int] | None]]:
    """Of the sheet to read its rows, the cells merged in it, its text, and the cells that are shown as percents."""
    workbook = python_calamine.load_workbook(str(copy.path))
    sheet = sheet_of(workbook, copy)
    read = workbook.get_sheet_by_name(sheet)
    with zipfile.ZipFile(copy.path) as archive:
        if damaged := archive.testzip():  # the library that reads the cells does not look
            raise zipfile.BadZipFile(f"The checksum of {damaged!r} is another")
        content = archive.read(sheet_path(archive, sheet))
        percents = percents_in(content, percent_formats(archive))
    return read.to_python(skip_empty_area=False), read.merged_cell_ranges or [], content, percents


def top_of(rows: list[list], declared: str) -> int:
    """The row of the header: the first with something in it, or the one that the settings declare."""
    filled = [at for at, row in enumerate(rows) if any(value != "" for value in row)]
    return next((at for at in filled if not declared or is_header(map(str, rows[at]), declared)), 0)


def mixed_percents(
    rows: list[list], percents: set[tuple[int, int]], first: int, name: str
) -> dict[str, tuple[str, str, str]]:
    """The columns in which some numbers are percents and others are not, by name: 12% is 0.12, and what stands beside
    it as 12 or 0.5 may have been meant either way. 0 is the same in both."""
    doubts = {}
    for column in sorted({column for _, column in percents}):
        numbers = [at for at, row in enumerate(rows) if at > first and is_number(row[column])]
        shown = [at for at in numbers if (at, column) in percents]
        plain = [at for at in numbers if (at, column) not in percents]
        if shown and plain:
            found = f"{rows[first][column]!r}: row {shown[0] + 1} is a percent, row {plain[0] + 1} a plain number."
            todo = "Give the whole column one format in Excel, and see that each value still says what is meant."
            doubts[str(rows[first][column])] = (f"{name} mixes percents and plain numbers in a column.", found, todo)
    return doubts


def is_number(value) -> bool:
    """Whether a cell holds a number other than 0, be it as text."""
    if isinstance(value, str):
        return NUMBER.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and value != 0


def refuse_merged(header: int, merged: list[tuple], name: str) -> None:
    """Refuse cells merged over several rows below the header: all of these rows mean the value that one of them has.

    Raises: BadData.
    """
    for (first, column), (last, _) in merged:
        if last > max(first, header):
            found = f"Those of rows {first + 1} to {last + 1} in column {column_letters(column)}."
            todo = "Unmerge them in Excel and fill in each row, or export the table without its layout."
            raise BadData(f"{name} has merged cells.", found, todo)


def unpacked_size(copy: Copy) -> int:
    """The bytes of all parts of a workbook together."""
    with zipfile.ZipFile(copy.path) as archive:
        return sum(member.file_size for member in archive.infolist())


def sheet_of(workbook: python_calamine.CalamineWorkbook, copy: Copy) -> str:
    """The name of the sheet to read."""
    names, wanted = workbook.sheet_names, [copy.file.sheet] if copy.file.sheet else list(copy.file.tables)
    found = [name for name in names if name.strip().casefold() in {word.casefold() for word in wanted}]
    if len(found) == 1:
        return found[0]
    only = [name for name in names if is_shown(workbook, name)] if len(names) > 1 else names
    if len(only) == 1 and not copy.file.sheet:
        return only[0]
    todo = f'Name one in salesbook.toml, as {copy.file.tables[0]} = "{copy.file.name}#{names[0]}" under [files].'
    raise BadData(f"The sheet to read in {copy.file.name} cannot be told.", f"It has {listed(names)}.", todo)


def is_shown(workbook: python_calamine.CalamineWorkbook, name: str) -> bool:
    """Whether a sheet has cells and a person sees it: Excel adds empty sheets, and CRMs hide one for themselves."""
    (told,) = [sheet for sheet in workbook.sheets_metadata if sheet.name == name]
    return told.visible == python_calamine.SheetVisibleEnum.Visible and workbook.get_sheet_by_name(name).height > 0


def errors_in(content: bytes) -> dict[tuple[int, int] | None, str]:
    """The error values of a sheet, such as #N/A, by row and column from 0 (None where a cell does not say them), and
    formulas that no program has worked out yet: the library reads them as empty cells."""
    cells = []
    if IS_ERROR.search(content):
        cells += [(attributes, value) for attributes, value in ERROR.findall(content) if IS_ERROR.search(attributes)]
    empty = EMPTY_FORMULA.findall(content)
    cells += [(attributes, NO_RESULT) for attributes in empty if not IS_TEXT.search(attributes)]
    return {place_of(attributes): value.decode() for attributes, value in cells}


def percents_in(content: bytes, formats: list[int]) -> set[tuple[int, int] | None]:
    """The cells of a sheet that are shown as percents, by row and column from 0; None where one does not say."""
    if not formats:
        return set()
    numbers = "|".join(map(str, formats)).encode()
    shown = re.findall(rb"""<(?:\w+:)?c ([^>]*\bs=["'](?:%b)["'][^>]*)>(?!</)""" % numbers, content)
    return {place_of(attributes) for attributes in shown if not attributes.endswith(b"/")}


def percent_formats(archive: zipfile.ZipFile) -> list[int]:
    """The numbers of the workbook's cell formats that show a number as a percent."""
    if "xl/styles.xml" not in archive.namelist():
        return []
    styles = ElementTree.fromstring(archive.read("xl/styles.xml"))
    codes = {one.get("numFmtId"): one.get("formatCode", "") for one in styles.iter() if one.tag.endswith("}numFmt")}
    percents = PERCENTS | {number for number, code in codes.items() if "%" in NOT_SHOWN.sub("", code)}
    of_cells = next((one for one in styles if one.tag.endswith("}cellXfs")), ())
    return [at for at, one in enumerate(of_cells) if one.get("numFmtId") in percents]


def place_of(attributes: bytes) -> tuple[int, int] | None:
    """A cell's row and column from 0, by its attributes; None where they do not say."""
    place = PLACE.search(attributes)
    return (int(place.group(2)) - 1, column_number(place.group(1).decode())) if place else None


def column_number(letters: str) -> int:
    """A column's number from 0.

    Examples:
    >>> column_number("A"), column_number("AB")
    (0, 27)
    """
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def column_letters(number: int) -> str:
    """A column's letters, by its number from 0.

    Examples:
    >>> column_letters(0), column_letters(27)
    ('A', 'AB')
    """
    before, at = divmod(number, 26)
    return (column_letters(before - 1) if before else "") + chr(ord("A") + at)


def sheet_path(archive: zipfile.ZipFile, sheet: str) -> str:
    """Where a sheet stands in the packed workbook."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    targets = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    entry = next(one for one in book.iter() if one.get("name") == sheet and one.get("sheetId"))
    reference = next(value for name, value in entry.items() if name.endswith("}id"))  # its space is not the same in all
    target = next(one.get("Target") for one in targets if one.get("Id") == reference)
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def cell(value, decimal: str, is_timed: bool = False) -> str:
    """A cell's value as text; in a column with times a date is its midnight.

    Examples:
    >>> cell(12.0, ","), cell(12.5, ","), cell(True, "."), cell(datetime.date(2026, 10, 25), ".")
    ('12', '12,5', 'true', '2026-10-25')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}".replace(".", decimal)
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, datetime.date) and is_timed:
        return f"{value} 00:00:00"
    return str(value)


def from_parquet(copy: Copy, target: Path, decimal: str) -> Told:
    """Write a Parquet file as CSV, a record per row; columns of lists, structures and bytes that are no text are left
    empty.

    Returns: no columns with dates, for what is a date there was never anything else; doubts about those left empty.
    Raises: BadData for a broken file.
    """
    lost = set()
    try:
        source = pq.ParquetFile(copy.path, page_checksum_verification=True)
        schema = pa.schema([(name, pa.string()) for name in source.schema_arrow.names])
        with pcsv.CSVWriter(target, schema, write_options=pcsv.WriteOptions(quoting_style="all_valid")) as writer:
            for batch in source.iter_batches(BATCH):
                columns = [as_stored(column) for column in batch.columns]
                lost |= {name for name, column in zip(schema.names, columns, strict=True) if not is_plain(column)}
                writer.write(pa.record_batch([texts(column, decimal) for column in columns], schema=schema))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # of the disk, not of what the file holds
        found = f"{str(error).splitlines()[0].rstrip('.')}."
        raise BadData(f"{copy.file.name} cannot be read as Parquet.", found, "Copy or export it again.") from error
    lost |= {column.name for column in source.schema_arrow if pa.types.is_nested(column.type)}
    return Told(doubts={column: not_plain(copy.file.name, column) for column in lost})


def as_stored(column: pa.Array) -> pa.Array:
    """A column of an extended type as what is stored, of UUIDs their text; any other as it is."""
    if not isinstance(column.type, pa.BaseExtensionType):
        return column
    return uuid_texts(column.storage) if column.type.extension_name == "arrow.uuid" else column.storage


def uuid_texts(column: pa.Array) -> pa.Array:
    """UUIDs of 16 bytes as text: a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11."""
    count, size = len(column), len(UUID)
    codes = np.frombuffer(column.buffers()[1], np.uint8)[16 * column.offset :][: 16 * count].reshape(count, 16)
    text = np.tile(UUID, (count, 1))
    text[:, UUID == 0] = HEX[codes].reshape(count, 32)
    offsets = np.arange(0, size * (count + 1), size, dtype=np.int32)
    told = pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(text)])
    return pc.if_else(column.is_valid(), told, pa.scalar(None, pa.string()))


def is_plain(column: pa.Array) -> bool:
    """Whether the values of a column can be written as text: not lists, structures, or bytes that are no text."""
    if pa.types.is_nested(column.type):
        return False
    try:
        return not is_bytes(column.type) or not pc.any(pc.match_substring(column.cast(pa.string()), "\0")).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a column's type says nothing of what its values are."""
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests) or pa.types.is_interval(kind)


def not_plain(name: str, column: str) -> tuple[str, str, str]:
    """The parts of the error for a column of lists, structures or bytes: its values would be lost."""
    todo = "Write the value that is meant as a column of its own, and name that in the map."
    found = f"{column!r} holds lists, structures or bytes that are no text."
    return f"{name} has no plain values in a column of the map.", found, todo


def texts(column: pa.Array, decimal: str) -> pa.Array:
    """The values of a column as text: times with a zone as UTC with Z, others without a zone."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return texts(column.dictionary_decode(), decimal)
    if not is_plain(column):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_timestamp(kind):
        text = column.cast(pa.timestamp("s"), safe=False).cast(pa.string())
        return pc.binary_join_element_wise(text, "Z", "") if kind.tz else text
    if pa.types.is_floating(kind):
        if kind != pa.float64():
            column = column.cast(pa.string())  # the few digits that a short fraction has
        column = without_noise(column.cast(pa.float64()))
    text = column.cast(pa.string())
    if pa.types.is_decimal(kind):
        text = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
        text = pc.replace_substring_regex(text, r"\.$", "")
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return pc.replace_substring(text, ".", decimal)
    return text


def without_noise(column: pa.Array) -> pa.Array:
    """Binary fractions without the digits that only their sum made: 0.30000000000000004 is 0.3."""
    is_usual = pc.less(pc.abs(column), 1e9)
    usual = pc.if_else(is_usual, column, pa.scalar(None, pa.float64()))
    return pc.coalesce(pc.round(usual, 9), column)
