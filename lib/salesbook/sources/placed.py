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
from salesbook.disk import replaced
from salesbook.engines.postgres import InPlace
from salesbook.errors import BadData
from salesbook.schema import Table
from salesbook.settings import NAME, Settings
from salesbook.sources import cast, intake, plan, quarantine, snapshots, steps
from salesbook.sources.database import Database
from salesbook.sources.files import SourceFile
from salesbook.sources.form import DATES, Form, matches
from salesbook.sources.framing import Dialect
from salesbook.sources.imports import RECORD, Import, opened
from salesbook.sources.placed_schema import PlacedChecks, PlacedStaged, Schema
from salesbook.sources.postgres import COLUMNS, Tables, written
from salesbook.sources.reader import Text
from salesbook.sources.staged import Staged
from salesbook.tables import TABLES

FENCE = " offset 0"
CONTENT = (
    "select count(*), coalesce(sum(hashtextextended(x::text, 0)::numeric), 0)::text, coalesce(sum(length(x::text)), 0)"
)


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
    found: list[tuple[SourceFile, Text, Form]] = field(default_factory=list)
    again: dict[int, int] = field(default_factory=dict)
    dated: dict[str, list[str]] = field(default_factory=dict)

    def new_source(self, source: int) -> int:
        """Another number for a relation of whose rows more than one is made."""
        number = len(self.counts) + len(self.again)
        self.again[number] = source
        return number


def placed(settings: Settings, database: Database, store: Path) -> "Placed":
    """Read and check the source in the schema that the settings name, all of it in one transaction.

    Returns: the source; its import's folder has the record alone.
    Raises: WrongUsage where the schema holds what is not ours; BadData as reading a file does.
    """
    schema = Schema(database, settings.source.build_in)
    schema.prepare()
    database.at_one_instant()
    work = Work(settings, schema, Tables(settings, database))
    for file in work.tables.located():
        read(work, file, settings.source.schema, intake.form_of(settings))
    read_ours(work)
    feed_tables(work)
    schema.execute("create table rejected (table_name text, in_file integer, at_row bigint, number integer)")
    schema.execute("create table flagged (table_name text, in_file integer, at_row bigint, number integer)")
    for name in dict.fromkeys((*work.feeds, *intake.NEEDED)):
        cast_table(work, steps.table_for(name, settings.source, list(work.dated)))
    staged = PlacedStaged(schema, work.feeds, work.problems, settings.zone, work.new_source, list(work.dated))
    steps.run(staged, settings.source)
    later_file_wins = settings.source.overlap == "later file wins"
    PlacedChecks(schema, work.feeds, work.problems, intake.provided(staged, settings), later_file_wins).run()
    record = loaded(work, staged)
    schema.mark()
    database.connection.commit()
    database.connection.autocommit = True
    return Placed(kept(work, record, store), schema)


def read(work: Work, file: SourceFile, schema: str, form: Form) -> None:
    """Make the texts of a relation's columns known, and count them."""
    database, number = work.schema.database, len(work.counts)
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
                cast.UNKNOWN, 0, is_table=True, others=others, is_canonical=file.is_canonical)  # fmt: skip
    work.found.append((file, text, form))


def feed_tables(work: Work) -> None:
    """Find how every relation feeds its tables."""
    source = work.settings.source
    of_deals = [text.header for file, text, _ in work.found if "deals" in map(maps.table_name, file.tables)]
    work.dated = steps.dated_stages(of_deals, source)
    for number, (file, text, form) in enumerate(work.found):
        tables = dict.fromkeys(map(maps.table_name, file.tables))
        for table in tables:
            parts = [name for name in file.tables if maps.table_name(name) == table]
            feed = first_feed(work, parts, number, text, form)
            if feed:
                forms = steps.forms_of(feed.name, source)
                feed = replace(feed, is_placed=True, is_shared=len(tables) > 1, forms=forms)
                work.feeds.setdefault(table, []).append(feed)


def first_feed(work: Work, parts: list[str], number: int, text: Text, form: Form) -> plan.Feed | None:
    """The feed of the first part of a table that a relation has the columns of.

    Raises: BadData where it has those of none, and the map asks for it.
    """
    source, errors = work.settings.source, []
    for name in parts:
        try:
            shape = steps.table_for(name, source, list(work.dated))
            return plan.feed(name, shape, number, text, form, source, {} if text.is_canonical else work.dated)
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
    work.schema.known(table.name, f"cast_{table.name}")


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


def loaded(work: Work, staged: Staged) -> dict:
    """Write the good rows into `loaded_TABLE`, what was rejected beside them, and count everything once more.

    Returns: what the import's record says.
    """
    for table in TABLES.values():
        columns = ", ".join(f'"{name}" {with_collation(kind)}' for name, kind in table.stored.items())
        work.schema.execute(f"create table loaded_{table.name} ({columns})")
        if staged.has(table.name) or table.name == "stages":
            names = ", ".join(f'"{name}"' for name in table.stored)
            work.schema.execute(f"insert into loaded_{table.name} select {names} from good_{table.name}")
        work.schema.execute(f"analyze loaded_{table.name}")
    write_quarantine(work, intake.tables_of(staged))
    counts = {where: counted(work, where) for where in ("rejected", "flagged")}
    for name in intake.tables_of(staged):
        feeds, derived = work.feeds.get(name, []), work.schema.execute(
            f"select count(*) from all_{name} where in_file = -1").rows[0][0]  # fmt: skip
        came = sum(feed.text.n_good for feed in feeds) + sum(staged.made.get(name, {}).values()) + derived
        held = work.schema.execute(f"select count(*) from {'loaded' if name in TABLES else 'good'}_{name}").rows[0][0]
        held += sum(staged.left_out.get(name, {}).values())
        kept_out = sum(counts["rejected"].get(name, {}).values())
        if came != held + kept_out:
            raise intake.miscounted(name, came, held + kept_out)
    present = [name for name in TABLES if staged.has(name)]
    newest = newest_instant(work, present)
    return {
        "version": intake.VERSION,
        "files": [file_record(work, table, feed) for table, feeds in work.feeds.items() for feed in feeds],
        "made": staged.made, "left_out": staged.left_out, "present": present, "set_aside": work.set_aside,
        "newest": newest.isoformat() if newest else None, **counts,
    }  # fmt: skip


def with_collation(kind: str) -> str:
    """A column's type in PostgreSQL; text is compared by its signs alone, as everywhere else."""
    return 'text collate "C"' if kind == "VARCHAR" else kind


def write_quarantine(work: Work, tables: list[str]) -> None:
    """Write the rejected and flagged rows with key, rule and reason: they stay in the schema."""
    work.schema.execute("create table problems (number integer, column_name text, rule text, reason text)")
    for way, number in work.problems.known.items():
        values = q.SQL(", ").join(map(q.Literal, (number, *way)))
        work.schema.database.run(q.SQL("insert into problems values ({})").format(values))
    work.schema.execute("create table sources (in_file integer, name text)")
    told = {number: text.name for number, (_, text, _) in enumerate(work.found)}
    told |= {again: told[source] for again, source in work.again.items()}
    for number, name in told.items():
        row = q.SQL("insert into sources values ({}, {})").format(q.Literal(number), q.Literal(name))
        work.schema.database.run(row)
    for name, where in {"quarantine": "rejected", "flags": "flagged"}.items():
        parts = [
            f"""select r.table_name, s.name as source, {quarantine.key_of(maps.table(table))} as key, p.column_name,
                p.rule, p.reason
            from {where} r join problems p on p.number = r.number
            left join (select in_file, name from sources) s on s.in_file = r.in_file
            join all_{table} a on a.in_file = r.in_file and a.at_row = r.at_row where r.table_name = '{table}'"""
            for table in tables
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


def newest_instant(work: Work, tables: list[str]) -> datetime | None:
    """The newest instant in any table, plans left out."""
    found = []
    for name in tables:
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
    replaced(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
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
