"""The same KPI as others define it, so that a reader sees why another system shows another number."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from salesbook.book import Book
from salesbook.kpi import Kpi

OURS = "ours"
SPAN = 12
UNITS = {"counted": "count"}


def otherwise(kpi: Kpi, system: str, unit: str = "") -> Callable[[Callable], Kpi]:
    """Register a further measure of a KPI: the same thing as another system, or another writer, defines it.

    Rule: it is stated or worked out as a KPI is, and is no KPI of its own: it is in no glossary and on no card.
    Parameters: `system`, its name in the words `lens.KPI.SYSTEM`; `unit`, that of the KPI if left out.
    """

    def register(function: Callable) -> Kpi:
        made = Kpi(function, unit or kpi.unit, kpi.better)
        kpi.others[system] = made
        return made

    return register


def side_by_side(kpi: Kpi, book: Book, **question) -> pd.DataFrame:
    """A KPI as it is defined here, and as each of the others defines it.

    Parameters: `question`, as a KPI is asked.
    Returns: definition (ours, or the system), then the columns of each answer.
    """
    answers = {OURS: kpi(book, **question)} | {name: other(book, **question) for name, other in kpi.others.items()}
    found = pd.concat([rows.assign(definition=name) for name, rows in answers.items()], ignore_index=True)
    return found[["definition", *(name for name in found if name != "definition")]]


def told(book: Book, kpi: Kpi, **question) -> pd.DataFrame:
    """A KPI and what others make of it, in words, with why they differ.

    Rule: of an answer of several rows the first.
    Returns: definition, value and interval as text, counted (what a share is of), differs.
    """
    words = book.words
    rows = side_by_side(kpi, book, **question).drop_duplicates("definition")
    units = {OURS: kpi.unit} | {name: other.unit for name, other in kpi.others.items()}
    found = []
    for row in rows.to_dict("records"):
        system = row["definition"]
        unit, key = units[system], f"lens.{kpi.name}.{system}"
        reason = "" if row["value"] == row["value"] else words.reason(row["reason"])
        found.append(
            {
                "definition": words.say(f"{key}.name"),
                "figure": reason or words.value(row["value"], unit, 1 if unit == "share" else None),
                "interval": words.interval(row["low"], row["high"], unit),
                "counted": row["n"] if row.get("n", np.nan) == row.get("n", np.nan) else row.get("denominator"),
                "differs": words.say(f"{key}.why"),
            }
        )
    return pd.DataFrame(found)
