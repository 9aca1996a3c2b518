"""What pages leave in the outputs of their cells: tables as plain data, and how a reader sees them.

Apart from page.py, because the report reads what pages left without drawing anything: charts are slow to import.
"""

from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from salesbook.errors import WrongUsage
from salesbook.words import Words, undefined

MIME = "application/vnd.salesbook.{}+json"
MARK = "SALESBOOK_REPORT"  # set by a report run, to a mark that the last cell hands back

COUNTS = {"n", "numerator", "denominator", "size", "age"}
IN_UNIT = {"value", "low", "high", "target", "actual", "expected", "estimate", "before", "whole", "p90", "mean"}


def plain(x):
    """A value as JSON knows it: no NumPy scalar, nothing undefined, dates as text."""
    if isinstance(x, dict):
        return {str(key): plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(value) for value in x]
    if x is None or x is pd.NaT or x is pd.NA or undefined(x):
        return None
    if isinstance(x, (np.generic, Decimal)):
        return plain(float(x) if isinstance(x, Decimal) else x.item())
    if isinstance(x, (datetime, date)):
        return x.isoformat()[:10] if not isinstance(x, datetime) or x.time() == x.time().min else x.isoformat()
    if isinstance(x, float) and x in (float("inf"), float("-inf")):
        return None
    return x if isinstance(x, (str, int, float, bool)) else str(x)


def column_units(data: pd.DataFrame, unit: str) -> dict[str, str]:
    """The unit of each column, from its name and type."""
    units = {}
    for name, kind in data.dtypes.items():
        if name in COUNTS:
            units[name] = "count"
        elif name in IN_UNIT:
            units[name] = unit
        elif pd.api.types.is_datetime64_any_dtype(kind):
            units[name] = "month" if name == "period" else "date"
        elif pd.api.types.is_bool_dtype(kind):
            units[name] = "flag"
        else:
            units[name] = "number" if pd.api.types.is_numeric_dtype(kind) else "text"
    return units


def table_data(data: pd.DataFrame, units: dict[str, str], words: Words) -> dict:
    """A table as plain data: columns with label and unit, rows of values.

    Rule: a column of remarks without any is left out, and so is one whose name ends in `_key`: those are for code.

    Raises: WrongUsage where a unit is given for a column that is not there.
    """
    unknown = set(units) - set(data.columns)
    if unknown:
        raise WrongUsage("A unit is given for no column.", f"Found {sorted(unknown)}.", f"There are {list(data)}.")
    names = [name for name in data.columns if not str(name).endswith("_key") and (name != "reason" or any_reason(data))]
    columns = [{"name": str(name), "label": words.column(str(name)), "unit": units[name]} for name in names]
    return {"columns": columns, "rows": [[plain(x) for x in row] for row in data[names].itertuples(index=False)]}


def any_reason(data: pd.DataFrame) -> bool:
    """Whether any row says why it has no value."""
    return data["reason"].fillna("").astype(bool).any()


def shown(content: dict, words: Words) -> list[list[dict]]:
    """The cells of a table as a reader sees them.

    Rule: a share of fewer than `counts_below` is given as counts, without interval; of fewer than `grey_below`, grey.
    Returns: rows of cells, each with text, `is_number` and `is_grey`.
    """
    names = [column["name"] for column in content["columns"]]
    units = {column["name"]: column["unit"] for column in content["columns"]}
    rows = []
    for values in content["rows"]:
        row = dict(zip(names, values, strict=True))
        few = row.get("denominator")
        is_few = few is not None and few < words.counts_below
        is_grey = few is not None and few < words.grey_below
        cells = []
        for name in names:
            text = cell_text(row[name], units[name], words, name)
            if is_few and units[name] == "share" and name in IN_UNIT:
                text = words.share(row["numerator"], few) if name == "value" and few else ""
            is_number = units[name] not in ("text", "month", "flag")
            cells.append({"text": text, "is_number": is_number, "is_grey": is_grey and units[name] == "share"})
        rows.append(cells)
    return rows


def cell_text(value, unit: str, words: Words, name: str = "") -> str:
    """One value of a table in words."""
    if unit == "text":
        return words.reason(value) if name == "reason" else words.say("chart.unknown") if value is None else str(value)
    if value is None:
        return words.value(None, "count")
    if unit in ("month", "date", "day"):
        return {"month": words.month_short, "date": words.date, "day": words.day}[unit](value)
    if unit == "flag":
        return words.say("flag.yes" if value else "flag.no")
    if unit in ("duration", "points"):
        return getattr(words, unit)(value)
    return words.value(value, unit, 1) if unit == "share" else words.value(value, unit)
