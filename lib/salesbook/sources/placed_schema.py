"""What an import in place works with: the schema, and the steps and checks where PostgreSQL has other words."""

from dataclasses import dataclass

from psycopg import sql as q

from salesbook.engines.postgres import InPlace
from salesbook.errors import WrongUsage
from salesbook.schema import Table
from salesbook.sources.checks import STAGE_COLUMNS, Checks
from salesbook.sources.database import Database
from salesbook.sources.dialect import FUNCTIONS, translated
from salesbook.sources.files import listed
from salesbook.sources.postgres import COLUMNS
from salesbook.sources.staged import Staged

OURS = "salesbook_made"  # the names of what we have made in the schema: nothing else is ever dropped
RELATIONS = """select c.relname, case c.relkind when 'v' then 'view' else 'table' end
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')"""


@dataclass
class Answer:
    """What a statement gave, in the way that the checks ask for it."""

    rows: list[tuple]

    def fetchone(self) -> tuple | None:
        """The first row."""
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[tuple]:
        """All rows."""
        return self.rows


@dataclass
class Schema:
    """The schema of the database that is salesbook's own; statements of the reader run there in its words."""

    database: Database
    name: str
    versions: int = 0

    def execute(self, sql: str, values: list | None = None) -> Answer:
        """Run a statement of the reader."""
        with self.database.telling(f"what is built in the schema {self.name!r}"):
            cursor = self.database.connection.execute(translated(sql).replace("?", "%s").encode() if values else
                                                      translated(sql).encode(), values)  # fmt: skip
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

    def engine(self) -> InPlace:
        """An engine in this schema."""
        return InPlace(self.database.connection, self.name, OURS, self.database.telling)

    def columns(self, name: str) -> list[str]:
        """The columns of a table or view, in order."""
        return [column for column, _ in self.database.rows(COLUMNS, (self.name, name))]

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

    def mark(self) -> None:
        """Write down everything that is there as ours; within the transaction that made it."""
        for name in dict(self.database.rows(RELATIONS, (self.name,))).keys() - {OURS}:
            self.execute(f"insert into {OURS} values ('{name}') on conflict do nothing")


class PlacedStaged(Staged):
    """The cast rows in the schema, for the steps to work on."""

    def replace(self, table: str, select: str) -> None:
        """Put other rows in a table's place; `select` reads the rows before from `before`."""
        self.con.replace(table, select)

    def change(self, table: str, columns: dict[str, str], joins: str = "") -> None:
        """Put other values in a table's columns; `columns`, name to SQL over the row `t` and what `joins` adds."""
        self.replace(table, changed(self.con.columns(f"all_{table}"), columns, joins))

    def add(self, table: str, step: str, select: str) -> None:
        """Add rows to a table; columns that `select` does not name are empty."""
        self.con.execute(f"create or replace table new_rows as {select}")
        (count,) = self.con.execute("select count(*) from new_rows").fetchone()
        if count:
            there, given = self.con.columns(f"all_{table}"), self.con.columns("new_rows")
            zero = {"problem": "0", "other_word": "0"}
            values = ", ".join(f'"{name}"' if name in given else zero.get(name, "null") for name in there)
            names = ", ".join(f'"{name}"' for name in there)
            self.replace(table, f"select {names} from before union all select {values} from new_rows")
            made = self.made.setdefault(table, {})
            made[step] = made.get(step, 0) + count


def changed(there: list[str], columns: dict[str, str], joins: str) -> str:
    """The SELECT of the rows before, with other values in some columns."""
    values = [f'{columns[name]} as "{name}"' if name in columns else f't."{name}"' for name in there]
    return f"select {', '.join(values)} from before t {joins}"


class PlacedChecks(Checks):
    """The same checks; what PostgreSQL has no words for is said in its own."""

    def reject_unknown_stages(self, table: Table) -> None:
        """Reject what stands in a stage that its pipeline does not have."""
        pipeline = "t.pipeline"
        if table.name == "stage_history":
            pipeline = "(select d.pipeline from good_deals d where d.deal_id = t.deal_id limit 1)"
        there = f"(select 1 from good_stages s where s.pipeline = {pipeline} and s.stage = t.stage)"
        reason = "stage is not one of its pipeline's stages"
        self.record("rejected", table, f"not exists {there}", "stage", "stage_unknown", reason)

    def ranked(self, table: Table) -> str:
        """SQL of the rows that share a key: `best` and `last_best`, what the newest versions say, and `taken`."""
        key, (version, order) = ", ".join(table.key), self.version_of(table)
        return f"""
            with twice as (select row({key})::text as h from good_{table.name} group by 1 having count(*) > 1),
            alike as (
                select in_file, at_row, {key}, md5(row({", ".join(table.stored)})::text) as content,
                    {version} as version_at
                from good_{table.name} where row({key})::text in (select h from twice)),
            standing as (
                select *, dense_rank() over (partition by {key} order by content) as kind,
                    row_number() over (partition by {key} order by in_file, at_row) as place,
                    rank() over (partition by {key} order by {order}) as standing from alike),
            counted as (select *, max(kind) over (partition by {key}) as contents from standing),
            ranked as (
                select *, min(content) filter (where standing = 1) over (partition by {key}) as best,
                    max(content) filter (where standing = 1) over (partition by {key}) as last_best,
                    min(place) filter (where standing = 1 or contents = 1) over (partition by {key}) as taken
                from counted),
            found as (
                select *, min(in_file) filter (where place = taken) over (partition by {key}) as taken_file
                from ranked)"""

    def add_stages(self, made: str) -> None:
        """Put the stages of a table beside those that are there."""
        added = {
            **{name: name for name in STAGE_COLUMNS},
            "problem": "0", "other_word": "0", "in_file": "-1", "at_row": "row_number() over ()",
        }  # fmt: skip
        names = self.con.columns("all_stages")
        columns = ", ".join(f'{added.get(name, "null")} as "{name}"' for name in names)
        before_them = ", ".join(f'"{name}"' for name in names)
        self.con.replace("stages", f"select {before_them} from before union all select {columns} from {made}")

    def derive_status(self) -> None:
        """Fill in the status that a deal's source does not tell from the stage the deal stands in."""
        self.con.execute("""create table stage_outcomes as select pipeline, stage, bool_or(is_won) as won,
            bool_or(is_lost) as lost from good_stages group by pipeline, stage""")
        told = """coalesce(t.status, case when o.won then 'won' when o.lost then 'lost'
            when o.stage is not null then 'open' end)"""
        joins = "left join stage_outcomes o on o.pipeline = t.pipeline and o.stage = t.stage"
        self.con.replace("deals", changed(self.con.columns("all_deals"), {"status": told}, joins))
