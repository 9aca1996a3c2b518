"""A book: an opened run. Facts are read with DuckDB from the run's folder; nothing else is touched."""

import json
import os
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import pandas as pd

from salesbook import memory
from salesbook.build import FACTS, LEAST_PEOPLE, fact, run_of
from salesbook.clock import MONTHS, Period, kind_of, period_of
from salesbook.engines.duckdb import DuckDB
from salesbook.errors import WrongUsage
from salesbook.settings import NAME, Settings, load
from salesbook.words import Words, of_run

# What a book may be sliced by, and the columns that know of it; the first that a fact has is taken.
SLICES = {
    "product": ("product",),
    "team": ("owner.team", "team"),
    "territory": ("owner.territory_id", "territory_id"),
    "channel": ("source", "channel"),
}


class Book:
    """An opened run: its facts, its period, its settings.

    `run` is what run.json says; `kind` whether it is of a month or a quarter, which has so many `months`; `period` its
    local days; `slice` what every question is narrowed to (product, team, territory, channel), empty for the whole
    company.
    """

    def __init__(self, folder: Path, slice: dict[str, str] | None = None):
        self.folder = folder
        self.slice = {name: value for name, value in (slice or {}).items() if value}
        self.run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        self.kind = kind_of(self.run["month"])
        self.months = MONTHS[self.kind]
        self.period = Period(*(date.fromisoformat(self.run["period"][side]) for side in ("start", "end")))

    def __repr__(self) -> str:
        return f"<Book {self.run['month']} of {self.run['company']}>"

    @cached_property
    def connection(self):
        """DuckDB with a view on every fact; what does not fit into memory goes where no other process puts its own."""
        engine = DuckDB([self.folder], spill=self.folder / f"spill-{os.getpid()}", memory=memory.for_engine())
        for name in FACTS:
            engine.table(name, self.folder / "facts" / f"{name}.parquet")
        return engine.connection

    def rows(self, sql: str, values: list | None = None) -> pd.DataFrame:
        """The rows of a query on the facts; `values` are bound to its question marks.

        Returns: a DataFrame with the query's columns.
        """
        return self.connection.execute(sql, values or []).df()

    @cached_property
    def columns(self) -> dict[str, list[str]]:
        """The columns of every fact."""
        return {name: [row[0] for row in self.connection.execute(f"describe {name}").fetchall()] for name in FACTS}

    @property
    def inputs(self) -> pd.DataFrame:
        """The input files: rows read, used and rejected."""
        columns = ["file", "table", "rows_read", "rows_loaded", "rows_rejected"]
        return pd.DataFrame(self.run["inputs"]).reindex(columns=columns)

    @cached_property
    def words(self) -> Words:
        """The words of the run's language."""
        return of_run(self.run)

    def as_far(self, period: Period, current: Period) -> Period:
        """As many working days of a period as have gone by of the current one, which the run's period ends."""
        sql = "select day from day_facts where is_working_day and day >= ? and day < ? order by day"
        gone = len(self.rows(sql, [current.start, self.period.end]))
        days = self.rows(sql, [period.start, period.end])["day"]
        return period if gone >= len(days) else Period(period.start, days.iloc[gone].date())

    @property
    def last_month(self) -> Period:
        """The month that ends with the run's period: the run's own, or the last of its quarter."""
        return period_of(self.period.end - timedelta(days=1), "month")

    def missing(self, name: str) -> list[str]:
        """The tables that a fact needs and the source does not have."""
        return [table for table in fact(name).needs if table not in self.run["tables"]]


def open_book(
    run: str | Path | None = None, month: str | None = None, settings: Settings | None = None, **slice: str
) -> Book:
    """Open a run, or make one.

    Rule: with `run`, that folder is opened. Without, the month or quarter is built from the settings' source into
    .salesbook/runs, and its book opened: this is what happens when a notebook is run by hand.
    Parameters: `run`, a run's folder; `month`, as 2026-10 or 2026-Q3, the settings' one if left out; `settings`, those
    of the nearest salesbook.toml above the working folder, else of the sample company; `slice`, product, team,
    territory or channel that every question is narrowed to.
    Returns: Book.
    Raises: WrongUsage where the folder is no run, the run is of another period, or the slice is of too few sellers.
    """
    if run:
        folder = Path(run)
        if not (folder / "run.json").is_file():
            raise WrongUsage("That folder is no run.", f"There is no {folder / 'run.json'}.", "Make one: make report.")
        book = Book(folder, slice)
        if month and book.run["month"] != month:
            raise WrongUsage("The run is of another period.", f"{book.run['month']}, not {month}.", "Leave one out.")
    else:
        settings = settings or load(home())
        book = Book(run_of(settings, month or settings.month), slice)
    refuse_few(book)
    return book


# What a slice of sellers is told by in seller_facts, and whether that may be told of alone.
OF_SELLERS = {"team": ("team", "is_team_told"), "territory": ("territory_id", "is_territory_told")}


def refuse_few(book: Book) -> None:
    """Refuse a slice by team or territory that would tell of people: names are off, and it is of too few sellers.

    Rule: as pages show groups of sellers (see seller_facts): five at work or more, and as many in what is too small to
    be told of alone. A slice that no seller is in says nothing of any.
    Raises: WrongUsage.
    """
    asked = {name: book.slice[name] for name in OF_SELLERS if name in book.slice}
    if book.run["names_of_sellers"] or not asked:
        return
    inside = " and ".join(f"{OF_SELLERS[name][0]} = ?" for name in asked)
    is_told = " and ".join(OF_SELLERS[name][1] for name in asked)
    sql = f"select is_present, {is_told} as is_told from seller_facts where {inside}"
    rows = book.rows(sql, list(asked.values()))
    n = int(rows["is_present"].sum())
    if len(rows) and (n < LEAST_PEOPLE or not rows["is_told"].all()):
        raise WrongUsage(
            "That report would tell of single sellers, and their names are off.",
            f"At work in {' and '.join(f'{name} {value!r}' for name, value in asked.items())}: {n}; told of are groups "
            f"of {LEAST_PEOPLE} or more, where all smaller ones together have as many.",
            "Ask for a larger team or territory, or allow names: names_of_sellers under [report] in salesbook.toml.",
        )


def home() -> Path:
    """The folder of the nearest settings file: of the working folder, of one above it, or of this checkout."""
    here = Path.cwd()
    for folder in (here, *here.parents, *Path(__file__).resolve().parents):
        if (folder / NAME).is_file():
            return folder
    raise WrongUsage("There is no settings file.", f"Looked for {NAME} from {here} up.", "Copy the sample's one.")
