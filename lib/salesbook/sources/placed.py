"""A source built in place: canonical tables, checks and facts as SQL in a schema of the database that the data may not
leave. Only facts, and how many rows were read and rejected by which rule, come out.
"""

import hashlib
import json
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from psycopg import sql as q

from salesbook import maps
from salesbook.engines.postgres import InPlace
from salesbook.errors import BadData, WrongUsage
from salesbook.schema import Table
from salesbook.settings import NAME, Settings
from salesbook.sources import cast, intake, plan, quarantine, snapshots, steps
from salesbook.sources.checks import Checks
from salesbook.sources.database import Database
from salesbook.sources.dialect import FUNCTIONS, translated
from salesbook.sources.files import SourceFile, listed
from salesbook.sources.form import DATES, matches
from salesbook.sources.framing import Dialect
from salesbook.sources.imports import RECORD, Import, opened
from salesbook.sources.postgres import COLUMNS, Tables, written
from salesbook.sources.reader import Text
from salesbook.tables import TABLES

OURS = "salesbook_made"  # the names of what we have made in the schema: nothing else is ever dropped
RELATIONS = """select c.relname, case c.relkind when 'v' then 'view' else 'table' end
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')"""
FENCE = " offset 0"
CONTENT = (
    "select count(*), coalesce(sum(hashtextextended(x::text, 0)::numeric), 0)::text, coalesce(sum(length(x::text)), 0)"
)


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

    def mark(self) -> None:
        """Write down everything that is there as ours; within the transaction that made it."""
        for name in dict(self.database.rows(RELATIONS, (self.name,))).keys() - {OURS}:
            self.execute(f"insert into {OURS} values ('{name}') on conflict do nothing")


@dataclass
class Work:
    """An import in place while it is made."""

    settings: Settings
    schema: Schema
    tables: Tables
    feeds: dict[str, list[plan.Feed]] = field(default_factory=dict)
    problems: cast.Problems = field(default_factory=cast.Problems)
    counts: dict[int, tuple[int, str, int]] = field(default_factory=dict)
    set_aside: list[str] = field(default_factory=list)

    @property
    def relations(self) -> int:
        """How many relations have been read."""
        return len(self.counts)


def placed(settings: Settings, database: Database, store: Path) -> "Placed":
    """Read and check the source in the schema that the settings name, all of it in one transaction.

    Returns: the source; its import's folder has the record alone.
    Raises: WrongUsage where a step of the map works on rows, or the schema is not ours; BadData as reading a file does.
    """
    refuse_steps(settings)
    schema = Schema(database, settings.source.build_in)
    schema.prepare()
    database.at_one_instant()
    work = Work(settings, schema, Tables(settings, database))
    for file in work.tables.located():
        read(work, file, settings.source.schema, intake.form_of(settings))
    read_ours(work)
    schema.execute("create table rejected (table_name text, in_file integer, at_row bigint, number integer)")
    schema.execute("create table flagged (table_name text, in_file integer, at_row bigint, number integer)")
    for name in dict.fromkeys((*work.feeds, *intake.NEEDED_BY_CHECKS)):
        cast_table(work, steps.table_for(name, settings.source, []))
    later_file_wins = settings.source.overlap == "later file wins"
    PlacedChecks(schema, work.feeds, work.problems, {}, later_file_wins).run()
    record = loaded(work)
    schema.mark()
    database.connection.commit()
    database.connection.autocommit = True
    return Placed(kept(work, record, store), schema)


def refuse_steps(settings: Settings) -> None:
    """Refuse steps that work on rows: they are done on this machine only."""
    asked = sorted({step for name in settings.source.steps for step in steps.of_table(name, settings.source)})
    if asked:
        todo = "Leave build_in out, or make views with the canonical columns and map those without extends."
        raise WrongUsage("Steps on rows are not done in place.", f"The map asks for {listed(asked)}.", todo)


def read(work: Work, file: SourceFile, schema: str, form) -> None:
    """Find how a relation feeds its tables, and count it."""
    database, number = work.schema.database, work.relations
    columns = dict(database.rows(COLUMNS, (schema, file.name)))
    kept = list(columns) if file.is_canonical else work.tables.wanted(file, list(columns))
    texts = [
        q.SQL('({})::text collate "C" as {}').format(written(name, columns[name], form.decimal), q.Identifier(f"c{at}"))
        for at, name in enumerate(kept or list(columns)[:1])
    ]
    relation = q.SQL("select {} from {}").format(q.SQL(", ").join(texts), q.Identifier(schema, file.name))
    database.run(q.SQL("create view {} as {}").format(q.Identifier(f"texts_{number}"), relation))
    work.counts[number] = work.schema.execute(f"{CONTENT} from texts_{number} x").rows[0]
    others = tuple(name for name in columns if name not in kept)
    n_rows, no_shifts = work.counts[number][0], np.zeros((1, 2), np.int64)
    text = Text(file.name, tuple(kept), Dialect(b",", b'"'), Path(), Path(), n_rows, 0, no_shifts, lambda: iter(()),
                cast.UNKNOWN, 0, True, others, file.is_canonical)  # fmt: skip
    source = work.settings.source
    for table in dict.fromkeys(map(maps.table_name, file.tables)):
        if table not in TABLES:
            continue
        parts = [name for name in file.tables if maps.table_name(name) == table]
        feed = first_feed(work, parts, number, text, form)
        if feed:
            shared = len(set(map(maps.table_name, file.tables))) > 1
            feed = replace(feed, is_placed=True, is_shared=shared, forms=steps.forms_of(feed.name, source))
            work.feeds.setdefault(table, []).append(feed)


def first_feed(work: Work, parts: list[str], number: int, text: Text, form) -> plan.Feed | None:
    """The feed of the first part of a table that a relation has the columns of.

    Raises: BadData where it has those of none, and the map asks for it.
    """
    source, errors = work.settings.source, []
    for name in parts:
        try:
            return plan.feed(name, steps.table_for(name, source, []), number, text, form, source, {})
        except BadData as error:
            errors.append(error)
    if intake.is_asked_for(maps.table_name(parts[0]), work.settings):
        raise errors[0]
    work.set_aside.append(text.name)
    return None


def read_ours(work: Work) -> None:
    """Read what stands beside the settings: rows in them, and kept snapshots; both are taken to the schema."""
    form = intake.form_of(work.settings, is_canonical=True)
    for table, entries in work.settings.source.rows.items():
        given = [column.name for column in TABLES[table].columns if any(column.name in entry for entry in entries)]
        name = f"settings_{table}"
        work.schema.execute(f"create table {name} ({', '.join(f'{column} text' for column in given)})")
        for entry in entries:
            values = [intake.inline(entry.get(column, "")) for column in given]
            insert = q.SQL("insert into {} values ({})").format(
                q.Identifier(name), q.SQL(", ").join(map(q.Literal, values))
            )
            work.schema.database.run(insert)
        read(work, SourceFile(name, Path(), "", (table,), is_canonical=True), work.schema.name, form)
    for file in snapshots.located(work.settings):
        with tempfile.TemporaryDirectory() as folder:
            copy = snapshots.copied(file, Path(folder) / "snapshots.parquet")
            work.schema.engine().table(file.name, copy.path)
        read(work, file, work.schema.name, form)


def cast_table(work: Work, table: Table) -> None:
    """Cast a table's relations into one table `all_TABLE`, and make the view `good_TABLE` of what nothing rejects."""
    parts = []
    for feed in work.feeds.get(table.name, []):
        words = plan.words_of(feed.name, work.settings.source)
        rows = f"texts_{feed.source}"
        select = cast.statement(feed, words, mixed_columns(work, feed), work.problems, rows, FENCE)
        parts.append(f"select a.*, {feed.source} as in_file, row_number() over () as at_row from ({select}) a")
    if not parts:
        columns = ", ".join(f'null::{kind} as "{name}"' for name, kind in table.stored.items())
        parts = [f"select {columns}, 0 as problem, 0 as other_word, 0 as in_file, 0::bigint as at_row where false"]
    work.schema.execute(f"create table cast_{table.name} as {' union all '.join(parts)}")
    work.schema.execute(f"analyze cast_{table.name}")
    work.schema.execute(f"create view all_{table.name} as select * from cast_{table.name}")
    work.schema.execute(good(table.name))


def good(name: str) -> str:
    """The statement that makes the view of a table's rows that nothing has rejected so far."""
    same = f"r.table_name = '{name}' and r.in_file = a.in_file and r.at_row = a.at_row"
    return (
        f"create view good_{name} as select * from all_{name} a where problem = 0 "
        f"and not exists (select 1 from rejected r where {same})"
    )


def mixed_columns(work: Work, feed: plan.Feed) -> set[str]:
    """The date columns in which the declared form occurs, as for a file."""
    if feed.form.date_form == "ymd":
        return set()
    dated = [c.name for c in feed.table.columns if c.type in ("instant", "date") and c.name in feed.positions]
    if not dated:
        return set()
    pattern = DATES[feed.form.date_form]
    tests = ", ".join(f"bool_or({matches(cast.trimmed(f'c{feed.positions[name]}'), pattern)})" for name in dated)
    (found,) = work.schema.execute(f"select {tests} from texts_{feed.source}").rows
    return {name for name, is_there in zip(dated, found, strict=True) if is_there}


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

    def derive_stages(self) -> None:
        """Make the stages from the deals and their history where no source has them: without an order."""
        if "stages" in self.tables and self.has_rows("stages"):
            return
        self.refuse_unknown_outcomes()
        made = {
            "pipeline": "pipeline", "stage": "stage", "problem": "0", "other_word": "0", "in_file": "-1",
            "is_won": "coalesce(bool_and(coalesce(status, 'open') = 'won'), false)",
            "is_lost": "coalesce(bool_and(coalesce(status, 'open') = 'lost'), false)",
            "at_row": "row_number() over ()",
        }  # fmt: skip
        kinds = TABLES["stages"].stored
        names = [*kinds, "problem", "other_word", "in_file", "at_row"]
        columns = ", ".join(f'{made.get(name, f"null::{kinds.get(name)}")} as "{name}"' for name in names)
        self.con.execute(f"""
            insert into cast_stages ({", ".join(f'"{name}"' for name in names)})
            with visited as (
                select pipeline, stage, status from all_deals where problem = 0
                union all
                select d.pipeline, h.stage, 'open' from all_stage_history h join all_deals d on d.deal_id = h.deal_id
                where h.problem = 0 and d.problem = 0 and not exists (
                    select 1 from all_deals e where e.problem = 0 and e.pipeline = d.pipeline and e.stage = h.stage))
            select {columns} from visited group by pipeline, stage""")

    def derive_status(self) -> None:
        """Fill in the status that a deal's source does not tell from the stage the deal stands in."""
        self.con.execute("""create table stage_outcomes as select pipeline, stage, bool_or(is_won) as won,
            bool_or(is_lost) as lost from good_stages group by pipeline, stage""")
        self.con.execute("""update cast_deals d set status =
            case when o.won then 'won' when o.lost then 'lost' when o.stage is not null then 'open' end
            from stage_outcomes o where o.pipeline = d.pipeline and o.stage = d.stage and d.status is null""")


def loaded(work: Work) -> dict:
    """Write the good rows into `loaded_TABLE`, what was rejected beside them, and count everything once more.

    Returns: what the import's record says.
    """
    for table in TABLES.values():
        columns = ", ".join(f'"{name}" {with_collation(kind)}' for name, kind in table.stored.items())
        work.schema.execute(f"create table loaded_{table.name} ({columns})")
        if table.name in work.feeds or table.name in intake.NEEDED_BY_CHECKS:
            names = ", ".join(f'"{name}"' for name in table.stored)
            work.schema.execute(f"insert into loaded_{table.name} select {names} from good_{table.name}")
        work.schema.execute(f"analyze loaded_{table.name}")
    write_quarantine(work)
    counts = {where: counted(work, where) for where in ("rejected", "flagged")}
    for name in work.feeds:
        held = work.schema.execute(f"select count(*) from loaded_{name}").rows[0][0]
        made = work.schema.execute(f"select count(*) from all_{name} where in_file < 0").rows[0][0]
        came = sum(feed.text.n_good for feed in work.feeds[name]) + made
        kept_out = sum(counts["rejected"].get(name, {}).values())
        if came != held + kept_out:
            raise intake.miscounted(name, came, held + kept_out)
    newest = newest_instant(work)
    return {
        "version": intake.VERSION,
        "files": [file_record(work, table, feed) for table, feeds in work.feeds.items() for feed in feeds],
        "made": {}, "left_out": {}, "present": [name for name in TABLES if name in work.feeds],
        "set_aside": work.set_aside, "newest": newest.isoformat() if newest else None, **counts,
    }  # fmt: skip


def with_collation(kind: str) -> str:
    """A column's type in PostgreSQL; text is compared by its signs alone, as everywhere else."""
    return 'text collate "C"' if kind == "VARCHAR" else kind


def write_quarantine(work: Work) -> None:
    """Write the rejected and flagged rows with key, rule and reason: they stay in the schema."""
    work.schema.execute("create table problems (number integer, column_name text, rule text, reason text)")
    for way, number in work.problems.known.items():
        values = q.SQL(", ").join(map(q.Literal, (number, *way)))
        work.schema.database.run(q.SQL("insert into problems values ({})").format(values))
    work.schema.execute("create table sources (in_file integer, name text)")
    for feeds in work.feeds.values():
        for feed in feeds:
            row = q.SQL("insert into sources values ({}, {})").format(q.Literal(feed.source), q.Literal(feed.text.name))
            work.schema.database.run(row)
    for name, where in {"quarantine": "rejected", "flags": "flagged"}.items():
        parts = [
            f"""select r.table_name, s.name as source, {quarantine.key_of(TABLES[table])} as key, p.column_name,
                p.rule, p.reason
            from {where} r join problems p on p.number = r.number
            left join (select distinct in_file, name from sources) s on s.in_file = r.in_file
            join all_{table} a on a.in_file = r.in_file and a.at_row = r.at_row where r.table_name = '{table}'"""
            for table in work.feeds
        ]
        work.schema.execute(f"create table {name} as {' union all '.join(parts)}")


def counted(work: Work, where: str) -> dict[str, dict[str, int]]:
    """Rows by table and rule."""
    found: dict[str, dict[str, int]] = {}
    rows = work.schema.execute(
        f"select w.table_name, p.rule, count(*) from {where} w join problems p on p.number = w.number "
        "group by 1, 2 order by 1, 3 desc, 2"
    ).rows
    for table, rule, count in rows:
        found.setdefault(table, {})[rule] = count
    return found


def file_record(work: Work, table: str, feed: plan.Feed) -> dict:
    """What became of a relation's rows in one table; its hash is of its rows in any order."""
    read, content, size = work.counts[feed.source]
    query = f"select count(*) from rejected where table_name = '{table}' and in_file = {feed.source}"
    (rejected,) = work.schema.execute(query).rows[0]
    return {
        "name": NAME if feed.text.name.startswith("settings_") else feed.text.name,
        "sha256": hashlib.sha256(f"{read} {content}".encode()).hexdigest(),
        "bytes": size,
        "table": table,
        "rows_read": read,
        "rows_loaded": read - rejected,
        "rows_rejected": rejected,
        "unknown_columns": feed.unknown,
    }


def newest_instant(work: Work) -> datetime | None:
    """The newest instant in any table, plans left out."""
    found = []
    for name in work.feeds:
        for column in TABLES[name].columns:
            if column.type == "instant" and column.name != "planned_at":
                found += work.schema.execute(f"select max({column.name}) from loaded_{name}").rows[0]
    return max(filter(None, found), default=None)


def kept(work: Work, record: dict, store: Path) -> Import:
    """The import's record in the store, by what it depends on."""
    source = replace(work.settings.source, path="")
    told = [record["files"], intake.VERSION, repr(TABLES), work.settings.zone, repr(source)]
    folder = store / hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    found = opened(folder)
    place = f"the table {work.schema.name}.quarantine of the database"
    intake.refuse_too_many(found, work.settings.limits.rejected_share, place)
    return found


@dataclass
class Placed:
    """A source whose canonical tables are in the database, where facts are built."""

    imported: Import
    schema: Schema

    def engine(self, folder: Path) -> InPlace:
        """An engine in the schema."""
        return self.schema.engine()

    def close(self) -> None:
        """Let go of the server."""
        self.schema.database.close()
