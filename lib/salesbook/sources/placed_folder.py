"""A folder that every worker of a Spark cluster has, as the place in which a source is built: tables are views in the
session, of Parquet in the folder or of what the workers keep in memory."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from salesbook import memory
from salesbook.disk import STAGING, sweep
from salesbook.engines.duckdb import connect as connect_duckdb
from salesbook.engines.duckdb import literal
from salesbook.engines.spark import InPlace, check_shared, check_version, fit_shuffles, let_go, telling
from salesbook.errors import BadData
from salesbook.schema import Table
from salesbook.sources import intake, quarantine
from salesbook.sources.dialect_spark import FUNCTIONS, TYPES, quoted, translated
from salesbook.sources.placed_kept import InFiles, InMemory
from salesbook.sources.placed_rules import Answer, AtOnce
from salesbook.sources.relations import Relations
from salesbook.sources.sheets import not_plain

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MADE = re.compile(r"\s*create (?:or replace )?table (\w+) as\s(.*)", re.DOTALL)
DECLARED = re.compile(r"\s*create (?:or replace )?table (\w+) \((.*)\)", re.DOTALL)
FILLED = re.compile(r"\s*insert into (\w+)\s(.*)", re.DOTALL)
NESTED = ("array", "map", "struct", "variant")
RECURSIVE = (4, 1)  # the version of Spark that follows a way of any length
WITHOUT = "Ask for that version, or leave build_in under [source] out: merges are followed on this machine then."
FEW = 250_000  # rows of a source: with fewer, each statement takes longer than its rows
USUAL = 1e9  # binary fractions below it are written without the digits that only their sum made


class Folder:
    """A folder of one run's own within that which the settings name; it is gone when the run is over.

    `parts`: name to where its rows are kept; `kinds`: name to its columns and their types; `n_rows`: of the source.
    """

    fence = ""
    row_id = "at_row"
    checks = AtOnce
    quarantined = ""

    def __init__(self, session: "SparkSession", folder: Path, memory_limit: str):
        self.session, self.memory, self.n_rows, self.versions = session, memory_limit, 0, 0
        self.parts: dict[str, list] = {}
        self.kinds: dict[str, dict[str, str]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sweep(folder)
            self.root = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder)).resolve()
        except OSError as error:
            todo = "Name a folder that this machine and every worker may write to: build_in under [source]."
            raise BadData(
                "The folder to build in cannot be written to.", f"{folder}: {error.strerror}.", todo
            ) from None
        try:
            check_shared(session, self.root)
            fit_shuffles(session)
        except BaseException:
            self.take_away()
            raise
        self.in_files, self.in_memory = InFiles(session, self.root), InMemory(session)
        for function in FUNCTIONS:
            session.sql(function)

    def execute(self, sql: str) -> Answer:
        """Run a statement of the reader."""
        if found := MADE.match(sql):
            self.keep(found[1], found[2])
        elif found := DECLARED.match(sql):
            self.declare(found[1], dict(column.split() for column in found[2].split(", ")))
        elif found := FILLED.match(sql):
            self.fill(found[1], found[2])
        else:
            with telling("the answer to a query"):
                return Answer([tuple(row) for row in self.rows(sql).collect()])
        return Answer([])

    def rows(self, sql: str) -> "DataFrame":
        """The rows of a query of the reader."""
        if "with recursive " in sql:
            check_version(self.session, RECURSIVE, "to follow merged records", WITHOUT)
        with telling("the rows of a query"):
            return self.session.sql(translated(sql))

    def keep(self, name: str, select: str) -> None:
        """Keep the rows of a query under a name."""
        self.kept(name, self.rows(select))

    @property
    def way(self) -> InFiles | InMemory:
        """Where rows of this source are kept."""
        return self.in_memory if self.n_rows <= FEW else self.in_files

    def kept(self, name: str, rows: "DataFrame", way: InFiles | InMemory | None = None) -> None:
        """Keep rows under a name; `way`, where they are kept whatever the source."""
        way = way or self.way
        self.kinds[name] = dict(rows.dtypes)
        with telling(f"the rows of {name!r}"):
            self.parts[name] = [way.part(name, rows)]
            way.rows(self.parts[name], self.kinds[name]).createOrReplaceTempView(name)

    def declare(self, name: str, kinds: dict[str, str]) -> None:
        """Make a name known that has no rows yet; `kinds`, its columns and their types in the reader's words."""
        self.kinds[name] = {column: TYPES.get(kind.lower(), kind.lower()) for column, kind in kinds.items()}
        self.parts[name] = []
        columns = ", ".join(f"cast(null as {kind}) as {quoted(column)}" for column, kind in self.kinds[name].items())
        with telling(f"the rows of {name!r}"):
            self.session.sql(f"select {columns} where false").createOrReplaceTempView(name)

    def fill(self, name: str, select: str) -> None:
        """Add the rows of a query, in the order of its columns, to what is known under a name."""
        kinds = self.kinds[name]
        with telling(f"the rows of {name!r}"):
            named = self.rows(select).toDF(*kinds)
            rows = named.selectExpr(*(f"cast({column} as {kind}) as {column}" for column, kind in kinds.items()))
            part = self.way.part(name, rows)
            if self.way.has_rows(part):
                self.parts[name].append(part)
                self.way.rows(self.parts[name], kinds).createOrReplaceTempView(name)

    def copied(self, name: str, parquet: Path) -> None:
        """Take a file of ours to the workers."""
        copy = self.root / f"{name}.parquet"
        shutil.copyfile(parquet, copy)
        with telling(f"the rows of {name!r}"):
            self.session.read.parquet(copy.as_uri()).createOrReplaceTempView(name)

    def columns(self, name: str) -> list[str]:
        """The columns of a table or view, in order."""
        with telling(f"the columns of {name!r}"):
            return self.session.table(name).columns

    def texts(self, number: int, tables: Relations, name: str, kept: list[str], decimal: str, is_ours: bool) -> None:
        """Keep the columns of a relation as text, each row with a number that stays its own."""
        with telling(f"the table {name!r}"):
            rows = self.session.table(name) if is_ours else tables.read(name)
            kinds = dict(rows.dtypes)
            refuse_nested(name, {column: kinds[column] for column in kept})
            texts = [f"{text_of(column, kinds[column], decimal)} as c{at}" for at, column in enumerate(kept)]
            chosen = rows.selectExpr(*texts, "monotonically_increasing_id() as at_row")
        self.kept(f"texts_{number}", chosen, self.in_files)  # a number must stay that of its row

    def content(self, number: int) -> tuple[int, str, int]:
        """Rows of a relation's texts, what they hold whatever their order, and their size."""
        columns = ", ".join(name for name in self.kinds[f"texts_{number}"] if name != "at_row")
        found = self.execute(f"""
            select count(*), coalesce(sum(cast(xxhash64(x) as decimal(38, 0))), 0)::varchar,
                coalesce(sum(length(x)), 0)
            from (select to_json(struct({columns})) as x from texts_{number}) texts""").rows[0]
        self.n_rows += found[0]
        return found

    def load(self, table: Table, has_rows: bool) -> None:
        """Keep the good rows of a table as `loaded_TABLE`, with exactly its columns."""
        self.declare(f"loaded_{table.name}", table.stored)
        if not has_rows:
            return
        kinds = self.kinds[f"loaded_{table.name}"]
        columns = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in kinds.items())
        self.keep(f"loaded_{table.name}", f"select {columns} from good_{table.name}")

    def replace(self, table: str, select: str) -> None:
        """Put other rows in the place of a table's cast ones; `select` reads those before from `before`."""
        self.versions += 1
        kept = f"kept_{table}_{self.versions}"
        self.keep(kept, f"with before as (select * from all_{table}) {select}")
        self.known(table, kept)

    def known(self, table: str, rows: str) -> None:
        """Make the views `all_TABLE`, of a table's cast rows, and `good_TABLE`, of what nothing has rejected so far."""
        same = f"r.table_name = '{table}' and r.in_file = a.in_file and r.at_row = a.at_row"
        good = f"problem = 0 and not exists (select 1 from rejected r where {same})"
        self.rows(f"create or replace temporary view all_{table} as select * from {rows}")
        self.rows(f"create or replace temporary view good_{table} as select * from all_{table} a where {good}")

    def finish(self) -> None:
        """Everything is seen already."""

    def take_out(self, folder: Path, tables: list[str], sources: dict[int, int]) -> None:
        """Write the rejected and flagged rows into the import's folder, as those of files are."""
        told = self.execute("select distinct in_file from quarantine").rows
        texts = [
            f"select {number} as in_file, at_row, {original(self.kinds[f'texts_{sources[number]}'])} as original "
            f"from texts_{sources[number]}" for (number,) in told if number in sources
        ]  # fmt: skip
        texts = texts or ["select 0 as in_file, 0::bigint as at_row, null::varchar as original where false"]
        told = self.files("told", f"""select q.*, o.original from quarantine q left join ({" union all ".join(texts)}) o
            on o.in_file = q.in_file and o.at_row = q.at_row""")  # fmt: skip
        flags = self.files("flags", "select * from flags where source is not null")
        (folder / "quarantine").mkdir(mode=0o700)
        with connect_duckdb([self.root, folder], self.root / "spill", intake.MEMORY) as local:
            for name in tables:
                local.execute(f"""create or replace temp table quarantine as
                    select source as file, null::bigint as line, key, column_name as "column", rule, reason, original
                    from {told} where table_name = '{name}'""")
                quarantine.put(local, name, folder / "quarantine")
            local.execute(f"""copy (select table_name as "table", source as file, null::bigint as line, key,
                column_name as "column", rule, reason from {flags} order by all)
                to {literal((folder / "flags.parquet").resolve())} (format parquet)""")

    def files(self, name: str, select: str) -> str:
        """The rows of a query, written by the workers, as DuckDB reads them here."""
        rows = self.rows(select)
        with telling(f"the rows of {name!r}"):
            return f"read_parquet({literal(self.in_files.part(name, rows) / '*.parquet')})"

    def engine(self, folder: Path) -> InPlace:
        """An engine of the session, whose workers read and write in this folder."""
        return InPlace(self.session, self.root, memory.for_build(self.memory))

    def take_away(self) -> None:
        """Take away what was made."""
        shutil.rmtree(self.root, ignore_errors=True)

    def close(self) -> None:
        """Let go of the cluster, and of what was made."""
        let_go(self.session)
        self.take_away()


def refuse_nested(name: str, kinds: dict[str, str]) -> None:
    """Refuse a column that the map names and that holds lists or structures: its values would be lost.

    Raises: BadData.
    """
    for column, kind in kinds.items():
        if kind.startswith(NESTED):
            raise BadData(*not_plain(name, column))


def text_of(column: str, kind: str, decimal: str) -> str:
    """SQL of a column's value as a file would have it: times with a zone as UTC with Z, others without a zone."""
    value = quoted(column)
    if kind.startswith(("string", "varchar", "char")):
        return value
    if kind == "timestamp":
        return f"concat(cast(cast({value} as timestamp_ntz) as string), 'Z')"
    if kind in ("float", "double"):
        value = f"cast(cast({value} as string) as double)"
        usual = number_text(f"try_cast(round({value}, 9) as decimal(20, 9))", decimal)
        large = number_text(f"try_cast(cast({value} as string) as decimal(38, 18))", decimal)
        return f"""case when abs({value}) < {USUAL:e} then {usual} when abs({value}) < 1e19 then {large}
            else cast({value} as string) end"""
    return number_text(value, decimal) if kind.startswith("decimal") else f"cast({value} as string)"


def number_text(number: str, decimal: str) -> str:
    """SQL of a decimal as text: without zeros at its end, but for a fourth decimal behind three, for nobody then takes
    1.234 for a thousand."""
    text = f"cast({number} as string)"
    for pattern, instead in ((r"(\\.\\d*?)0+$", "$1"), (r"\\.$", ""), (r"(\\.\\d{3})$", "$10")):
        text = f"regexp_replace({text}, '{pattern}', '{instead}')"
    return f"replace({text}, '.', '{decimal}')"


def original(kinds: dict[str, str]) -> str:
    """SQL of a row's texts as one, as the quarantine has it of a table."""
    texts = [f"""case when {name} is null then '' else concat('"', replace({name}, '"', '""'), '"') end"""
             for name in kinds if name != "at_row"]  # fmt: skip
    return f"concat_ws(',', {', '.join(texts)})"
