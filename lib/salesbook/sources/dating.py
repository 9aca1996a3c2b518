"""Whether a column's values are dates in a writing that a step must turn: words for months, or figures alone."""

import re

import duckdb

from salesbook.sources import cast, units
from salesbook.sources.form import Form, matches

PART_OF_DAY = r".*[.,]\d{2,}[1-9]\d*"
# How the last word of a name ends that says that a column is a time; those of coded names begin or end with DT or DAT.
OF_TIMES = (
    r"(?:(?<!candi)date|time|timestamp|datum|tijd|tijdstip|dato|tidspunkt|dat|dt)$"
    r"|^(?:created|closed|modified|updated|opened|aangemaakt|gesloten|oprettet|lukket)$|^dt[a-z]"
)


def says_time(name: str) -> bool:
    """Whether a column's name says that it is a time.

    Examples:
    >>> says_time("createdAt"), says_time("close_date"), says_time("Candidate"), says_time("Record ID")
    (True, True, False, False)
    """
    words = re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()) or [""]
    return bool(re.search(OF_TIMES, words[-1])) or (len(words) > 1 and words[-1] in ("at", "on", "ts", "utc", "op"))


def has_months(con: duckdb.DuckDBPyConnection, name: str, column: str) -> bool:
    """Whether some values of a column are dates whose month is a word."""
    query = f"select 1 from rows where {matches(cast.trimmed(column), f'(?i)(?:{units.BY_NAME}).*')} limit 1"
    return con.execute(query).fetchone() is not None


def is_since_1970(con: duckdb.DuckDBPyConnection, name: str, column: str) -> bool:
    """Whether all values of a column are seconds, or all are milliseconds, since 1970, of the years 2000 to 2099, and
    its name says that it is a time."""
    text = cast.trimmed(column)
    is_counted = f"{matches(text, units.SINCE_1970)} and left({text}, 10) between '0946684800' and '4102444799'"
    query = f"select distinct case when {is_counted} then length({text}) else 0 end from rows where {text} <> ''"
    lengths = con.execute(query).fetchall()
    return says_time(name) and len(lengths) == 1 and lengths[0][0] > 0


def is_of_sheet(con: duckdb.DuckDBPyConnection, name: str, column: str) -> bool:
    """Whether all values of a column are days as a spreadsheet counts them, of the years 2000 to 2099: its name says
    that it is a time, or parts of a day stand behind some, which no amount has."""
    text = cast.trimmed(column)
    is_day = f"{matches(text, units.DAYS)} and left({text}, 5) between '36526' and '73050'"
    are_days, has_parts = con.execute(f"""
        select coalesce(bool_and({is_day}), false), coalesce(bool_or({matches(text, PART_OF_DAY)}), false)
        from rows where {text} <> ''""").fetchone()
    return are_days and (has_parts or says_time(name))


def is_of_figures(con: duckdb.DuckDBPyConnection, name: str, column: str) -> bool:
    """Whether all values of a column are days in eight figures, year first: its name says that it is a time, or some
    come again, as numbers of records do not."""
    text = cast.trimmed(column)
    are_days, n_rows, n_different = con.execute(f"""
        select coalesce(bool_and({matches(text, units.EIGHT_FIGURES)}), false), count(*), count(distinct {text})
        from rows where {text} <> ''""").fetchone()
    return are_days and (n_different < n_rows or says_time(name))


TELLS = {
    "months_by_name": has_months,
    "times_since_1970": is_since_1970,
    "days_of_sheets": is_of_sheet,
    "days_in_eight_figures": is_of_figures,
}


def step_of(con: duckdb.DuckDBPyConnection, name: str, column: str) -> str:
    """The step that turns the dates of a column into ones that are read; "" where it needs none."""
    return next((step for step, tells in TELLS.items() if tells(con, name, column)), "")


def turned(step: str, text: str) -> str:
    """SQL of a text as a step turns it."""
    return getattr(units, step)(text, Form()) if step else text
