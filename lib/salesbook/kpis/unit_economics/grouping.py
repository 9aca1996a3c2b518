"""What the figures per customer share: the run's assumptions, groups of rows, and results made of them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from salesbook.errors import WrongUsage
from salesbook.kpi import Ask


def assumed(ask: Ask, name: str):
    """A setting of [economics] in the run."""
    return ask.book.run["economics"][name]


def without_trend(ask: Ask) -> None:
    """Refuse a trend of a figure that takes a span.

    Raises: WrongUsage where a period is asked for.
    """
    if ask.question.period:
        found = f"Found period={ask.question.period!r}."
        raise WrongUsage("This figure has no trend.", found, "Ask for a span, with last and ago.")


def groups(rows: pd.DataFrame, by: tuple[str, ...]) -> Iterator[tuple[dict, pd.DataFrame]]:
    """The rows of each group, with the group's key columns; without groups all rows are one."""
    if not by:
        yield {}, rows
        return
    for values, part in rows.groupby(list(by), sort=True, dropna=False):
        yield {name: None if pd.isna(value) else value for name, value in zip(by, values, strict=True)}, part


def framed(found: list[dict], ask: Ask, empty: str) -> pd.DataFrame:
    """Answers of groups as a result, with a reason where there is no value."""
    rows = pd.DataFrame(found)
    if rows.empty:
        return pd.DataFrame(columns=[*ask.question.by, "n", "value", "low", "high", "reason"])
    reason = rows.pop("reason") if "reason" in rows else pd.Series("", index=rows.index)
    reason = reason.fillna("").where(reason.fillna("") != "", np.where(rows["value"].isna(), empty, ""))
    ends = [name for name in rows if name in ("value", "low", "high")]
    return rows[[*(name for name in rows if name not in ends), *ends]].assign(reason=reason)


def scaled(rows: pd.DataFrame, by: float) -> pd.DataFrame:
    """Values and their ends times a number."""
    return rows.assign(**{name: rows[name] * by for name in ("value", "low", "high")})
