"""Excel sheets and Parquet files written out as text, value by value, in the form the settings declare."""

import csv
import datetime
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import python_calamine

from salesbook.errors import BadData
from salesbook.sources.files import Copy, listed

REFERENCE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def from_excel(copy: Copy, target: Path, decimal: str) -> None:
    """Write a sheet as CSV, a record per row of the sheet.

    Rule: the sheet that the map names, or that bears the table's name, or the only one. Numbers have the 15 digits
    that Excel has; dates are written as 2026-12-31.
    Raises: BadData for a broken workbook, or where the sheet cannot be told.
    """
    name = copy.file.name
    try:
        workbook = python_calamine.load_workbook(str(copy.path))
        sheet = sheet_of(workbook.sheet_names, copy)
        rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, zipfile.BadZipFile) as error:
        raise BadData(f"{name} cannot be read as Excel.", f"{error}.", "Open it in Excel and save it again.") from error
    for (row, column), error in errors_in(copy, sheet).items():
        rows[row][column] = error
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for row in rows:
            cells = [cell(value, decimal) for value in row]
            if any(cells):
                writer.writerow(cells)
            else:
                file.write("\n")


def sheet_of(names: list[str], copy: Copy) -> str:
    """The name of the sheet to read."""
    wanted = [copy.file.sheet] if copy.file.sheet else list(copy.file.tables)
    found = [name for name in names if name.strip().casefold() in {word.casefold() for word in wanted}]
    if len(found) == 1:
        return found[0]
    if len(names) == 1 and not copy.file.sheet:
        return names[0]
    todo = f'Name one in salesbook.toml, as {wanted[0]} = "{copy.file.name}#{names[0]}" under [files].'
    raise BadData(f"The sheet to read in {copy.file.name} cannot be told.", f"It has {listed(names)}.", todo)


def errors_in(copy: Copy, sheet: str) -> dict[tuple[int, int], str]:
    """The error values of a sheet, such as #N/A, by row and column from 0: the library reads them as empty cells."""
    with zipfile.ZipFile(copy.path) as archive:
        content = archive.read(sheet_path(archive, sheet))
    if b't="e"' not in content:
        return {}
    cells = re.findall(rb"<c ([^>]*)>(?:(?!</c>).)*?<v>([^<]*)</v>", content, re.DOTALL)
    found = {}
    for attributes, value in cells:
        place = re.search(rb'\br="([A-Z]+)([0-9]+)"', attributes)
        if b't="e"' in attributes and place:
            found[int(place.group(2)) - 1, column_number(place.group(1).decode())] = value.decode()
    return found


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


def sheet_path(archive: zipfile.ZipFile, sheet: str) -> str:
    """Where a sheet stands in the packed workbook."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    targets = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    reference = next(
        one.get(f"{REFERENCE}id") for one in book.iter() if one.get("name") == sheet and one.get("sheetId")
    )
    target = next(one.get("Target") for one in targets if one.get("Id") == reference)
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def cell(value, decimal: str) -> str:
    """A cell's value as text.

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
    return value.replace("\r\n", "\n") if isinstance(value, str) else str(value)


def from_parquet(copy: Copy, target: Path, decimal: str) -> None:
    """Write a Parquet file as CSV, a record per row; columns of lists and structures are left empty.

    Raises: BadData for a broken file.
    """
    try:
        source = pq.ParquetFile(copy.path)
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(source.schema_arrow.names)
            for batch in source.iter_batches(50_000):
                columns = [texts(column, decimal) for column in batch.columns]
                writer.writerows(zip(*columns, strict=True))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        found = f"{str(error).splitlines()[0]}."
        raise BadData(f"{copy.file.name} cannot be read as Parquet.", found, "Copy or export it again.") from error


def texts(column: pa.Array, decimal: str) -> list[str]:
    """The values of a column as text; times with a zone as UTC with Z, others without a zone."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return texts(column.dictionary_decode(), decimal)
    values = column.to_pylist() if not pa.types.is_nested(kind) else [None] * len(column)
    if pa.types.is_timestamp(kind):
        whole = column.cast(pa.timestamp("s", kind.tz), safe=False).to_pylist()
        suffix = "Z" if kind.tz else ""
        in_utc = (value.astimezone(datetime.UTC) if value is not None and kind.tz else value for value in whole)
        return ["" if v is None else v.replace(tzinfo=None).isoformat(" ") + suffix for v in in_utc]
    if pa.types.is_decimal(kind):
        return ["" if v is None else plain_decimal(v).replace(".", decimal) for v in values]
    if pa.types.is_floating(kind):
        return ["" if v is None else cell(float(v), decimal) for v in values]
    return ["" if value is None else cell(value, decimal) for value in values]


def plain_decimal(value) -> str:
    """A decimal without the zeros that only its type gave it.

    Examples:
    >>> from decimal import Decimal
    >>> plain_decimal(Decimal("1234.5000")), plain_decimal(Decimal("100.00"))
    ('1234.5', '100')
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
