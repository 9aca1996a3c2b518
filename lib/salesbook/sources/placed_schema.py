"""A schema of a PostgreSQL database as the place in which a source is built."""

from dataclasses import dataclass
from pathlib import Path

from psycopg import sql as q

from salesbook import memory
from salesbook.engines.postgres import InPlace
from salesbook.errors import WrongUsage
from salesbook.schema import Table
from salesbook.sources.database import Database
from salesbook.sources.dialect import FUNCTIONS, translated
from salesbook.sources.files import listed
from salesbook.sources.placed_rules import Answer, PlacedChecks
from salesbook.sources.postgres import COLUMNS, Tables, refuse_nested, written

OURS = "salesbook_made"  # the names of what we have made in the schema: nothing else is ever dropped
RELATIONS = """select c.relname, case c.relkind when 'v' then 'view' else 'table' end
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')"""
CONTENT = (
    "select count(*), coalesce(sum(hashtextextended(x::text, 0)::numeric), 0)::text, coalesce(sum(length(x::text)), 0)"
)


@dataclass
class Schema:
    """The schema of the database that is salesbook's own; statements of the reader run there in its words.

    `memory`, the limit of the settings, for what is put in order here.
    """

    database: Database
    name: str
    memory: str
    versions: int = 0

    fence = " offset 0"
    row_id = ""
    checks = PlacedChecks

    @property
    def quarantined(self) -> str:
        """Where the rejected rows are."""
        return f"the table {self.name}.quarantine of the database"

    def execute(self, sql: str) -> Answer:
        """Run a statement of the reader."""
        with self.database.telling(f"what is built in the schema {self.name!r}"):
            cursor = self.database.connection.execute(translated(sql).encode())
            return Answer(cursor.fetchall() if cursor.description else [])

    def prepare(self) -> None:
        """Take the schema for this run alone, and clear what an earlier run has made there.

        Raises: WrongUsage where it holds something that salesbook has not made; BadData where a right is missing.
        """
        self.execute(f"select pg_advisory_lock(hashtext('salesbook {self.name}'))")
        if not self.database.rows("select 1 from pg_namespace where nspname = %s", (self.name,)):
            self.database.run(q.SQL("create schema {}").format(q.Identifier(self.name)))
        self.database.rows("select set_config('search_path', %s, false)", (f'"{self.name}", pg_catalog',))
        there = dict(self.database.rows(RELATIONS, (self.name,)))
        made = {name for (name,) in self.database.rows(f"select name from {OURS}")} if OURS in there else set()
        foreign = sorted(there.keys() - made - {OURS})
        if foreign:
            todo = "Name a schema for salesbook alone: build_in under [source] in salesbook.toml."
            raise WrongUsage(
                "The schema to build in holds what is not salesbook's.", f"{self.name!r} has {listed(foreign)}.", todo
            )
        self.execute(f"create table if not exists {OURS} (name text primary key)")
        for name in sorted(made & there.keys()):
            if name in dict(self.database.rows(RELATIONS, (self.name,))):
                self.execute(f'drop {there[name]} "{name}" cascade')
        self.execute(f"delete from {OURS}")
        self.execute(FUNCTIONS)

    def copied(self, name: str, parquet: Path) -> None:
        """Take a file of ours to the schema."""
        self.engine(parquet.parent).table(name, parquet)

    def columns(self, name: str) -> list[str]:
        """The columns of a table or view, in order."""
        return [column for column, _ in self.database.rows(COLUMNS, (self.name, name))]

    def texts(self, number: int, tables: Tables, name: str, kept: list[str], decimal: str, is_ours: bool) -> None:
        """A view of a relation's columns as text."""
        schema = self.name if is_ours else tables.schema
        kinds = dict(self.database.rows(COLUMNS, (schema, name)))
        refuse_nested(name, {column: kinds[column] for column in kept})
        texts = [
            q.SQL('({})::text collate "C" as {}').format(
                written(column, kinds[column], decimal), q.Identifier(f"c{at}")
            )
            for at, column in enumerate(kept)
        ]
        relation = q.SQL("select {} from {}").format(q.SQL(", ").join(texts), q.Identifier(schema, name))
        self.database.run(q.SQL("create view {} as {}").format(q.Identifier(f"texts_{number}"), relation))

    def content(self, number: int) -> tuple[int, str, int]:
        """Rows of a relation's texts, what they hold whatever their order, and their size."""
        return self.execute(f"{CONTENT} from texts_{number} x").rows[0]

    def keep(self, name: str, select: str) -> None:
        """Keep the rows of a query as a table."""
        self.execute(f"create table {name} as {select}")
        self.execute(f"analyze {name}")

    def declare(self, name: str, kinds: dict[str, str]) -> None:
        """Make a table without rows; `kinds`, its columns and their types in the reader's words."""
        columns = ", ".join(f'"{column}" {with_collation(kind)}' for column, kind in kinds.items())
        self.execute(f"create table {name} ({columns})")

    def load(self, table: Table, has_rows: bool) -> None:
        """Keep the good rows of a table as `loaded_TABLE`, with exactly its columns."""
        self.declare(f"loaded_{table.name}", table.stored)
        if has_rows:
            names = ", ".join(f'"{name}"' for name in table.stored)
            self.execute(f"insert into loaded_{table.name} select {names} from good_{table.name}")
        self.execute(f"analyze loaded_{table.name}")

    def replace(self, table: str, select: str) -> None:
        """Put other rows in the place of a table's cast ones; `select` reads those before from `before`."""
        self.versions += 1
        kept = f"kept_{table}_{self.versions}"
        self.execute(f"create table {kept} as with before as (select * from all_{table}) {select}")
        self.execute(f"drop view good_{table}; drop view all_{table}")
        self.known(table, kept)

    def known(self, table: str, rows: str) -> None:
        """Make the views `all_TABLE`, of a table's cast rows, and `good_TABLE`, of what nothing has rejected so far."""
        self.execute(f"create view all_{table} as select * from {rows}")
        same = f"r.table_name = '{table}' and r.in_file = a.in_file and r.at_row = a.at_row"
        self.execute(
            f"create view good_{table} as select * from all_{table} a where problem = 0 "
            f"and not exists (select 1 from rejected r where {same})"
        )

    def finish(self) -> None:
        """Write down everything that is there as ours, within the transaction that made it, and let it be seen."""
        for name in dict(self.database.rows(RELATIONS, (self.name,))).keys() - {OURS}:
            self.execute(f"insert into {OURS} values ('{name}') on conflict do nothing")
        with self.database.telling(f"what is built in the schema {self.name!r}"):
            self.database.connection.commit()
        self.database.connection.autocommit = True

    def take_out(self, folder: Path, tables: list[str], sources: dict[int, int]) -> None:
        """Nothing: rejected and flagged rows stay in the schema."""

    def engine(self, folder: Path) -> InPlace:
        """An engine in this schema."""
        most = memory.for_build(self.memory)
        return InPlace(self.database.connection, self.name, OURS, self.database.telling, most)

    def close(self) -> None:
        """Let go of the server."""
        self.database.close()


def with_collation(kind: str) -> str:
    """A column's type in PostgreSQL; text is compared by its signs alone, as everywhere else."""
    return 'text collate "C"' if kind == "VARCHAR" else kind
