"""Engines hold the tables and build the facts. Each gives the same few operations, so that `build.py` knows none."""

from pathlib import Path
from typing import Protocol


class Engine(Protocol):
    """What a build asks of an engine.

    The fact texts run on it as they stand; beside SQL they use the scalar functions seconds_between(a, b),
    local_time(t), ratio(a, b), money(minor, rate), lowered(text) (in small letters, of any alphabet) and squash(text)
    (the letters a to z, small, and the digits), which each engine defines in its own words.
    """

    name: str

    def functions(self, local_time: str) -> None:
        """Define the scalar functions; `local_time` is SQL over `t`."""

    def table(self, name: str, parquet: Path) -> None:
        """Make the rows of a Parquet file known under a name."""

    def view(self, name: str, sql: str) -> None:
        """Give a query a name."""

    def fact(self, name: str, sql: str, key: tuple[str, ...], parquet: Path) -> tuple[int, int]:
        """Run a fact's statement, write its rows to a Parquet file by key, and make them known under its name.

        Returns: its rows, and how many of them have the key of another.
        """

    def rows(self, sql: str) -> list[tuple]:
        """The rows of a query."""

    def close(self) -> None:
        """Let go of everything."""
