"""Excel templates for what sales ops keep by hand: filled in and put beside the export, they are read as its tables."""

from collections.abc import Iterable
from pathlib import Path

import xlsxwriter

from salesbook.errors import WrongUsage
from salesbook.schema import TYPES, Table
from salesbook.tables import TABLES

KEPT_BY_HAND = ("targets", "costs", "reps", "working_hours", "self_reports", "surveys")
ROWS = 1000  # rows with a format and a list of allowed words
FORMATS = {"date": "yyyy-mm-dd", "money": "0.00", "number": "0.00", "share": "0.0000", "id": "@", "text": "@"}


def write(folder: Path, names: Iterable[str] = KEPT_BY_HAND) -> list[Path]:
    """Write an empty template for each table.

    Parameters: `folder`, made where it is not there; `names` of tables.
    Returns: the files, TABLE.xlsx each: the name under which a source folder is searched for them.
    Raises: WrongUsage where a file is there already: what was filled in is never written over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.xlsx" for name in names]
    there = [file.name for file in files if file.exists()]
    if there:
        raise WrongUsage("A template would be written over.", f"{', '.join(there)} is there.", "Take another folder.")
    for file in files:
        write_table(file, TABLES[file.stem])
    return files


def write_table(file: Path, table: Table, rows: Iterable[tuple] = ()) -> None:
    """A workbook with a sheet of the table's columns, and one that says what each means.

    Rule: columns have the form that the reader takes; words are offered as a list; columns that every row needs are
    bold.
    Parameters: `rows`, values in the order of the columns, None where there is none.
    """
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet, meaning = book.add_worksheet(table.name), book.add_worksheet("meaning")
        needed, free = book.add_format({"bold": True, "bottom": 1}), book.add_format({"bottom": 1})
        for place, column in enumerate(table.columns):
            form = book.add_format({"num_format": FORMATS.get(column.type, "General")})
            sheet.write_string(0, place, column.name, needed if column.filled else free)
            sheet.set_column(place, place, max(len(column.name), 12) + 2, form)
            if column.words:
                sheet.data_validation(1, place, ROWS, place, {"validate": "list", "source": list(column.words)})
            told = f"{column.meaning} ({', '.join(column.words)})" if column.words else column.meaning
            demand = "every row" if column.filled else "column" if column.needed else ""
            meaning.write_row(place + 1, 0, [column.name, TYPES[column.type][0], demand, column.unit, told])
        meaning.write_row(0, 0, ["column", "form", "needed", "unit", "meaning"], needed)
        meaning.set_column(0, 4, 24)
        sheet.freeze_panes(1, 0)
        for down, row in enumerate(rows, 1):
            for place, value in enumerate(row):
                if value is not None:
                    sheet.write(down, place, value)
