"""A source read into a folder of canonical tables, once for the same files and the same map."""

import csv
import hashlib
import json
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from salesbook import maps, memory
from salesbook.disk import STAGING, sweep
from salesbook.errors import BadData, SalesbookError
from salesbook.schema import Table
from salesbook.settings import NAME, Settings
from salesbook.sources import arriving, cast, copies, files, mending, plan, quarantine, reader, snapshots, steps, typed
from salesbook.sources.arriving import Origin
from salesbook.sources.beside import ahead
from salesbook.sources.blocks import Blocks, mixed_and_empty
from salesbook.sources.checks import STATUS, Checks
from salesbook.sources.copies import Copy
from salesbook.sources.files import SourceFile
from salesbook.sources.form import Form, literal
from salesbook.sources.header import Declared
from salesbook.sources.imports import RECORD, Import, counted, newest_instant, opened
from salesbook.sources.staged import Staged
from salesbook.sources.text import Text
from salesbook.tables import TABLES

VERSION = 18
MEMORY = "500MB"
MOST_APART = 100_000  # rows that cannot be cast are kept out of a file that need not be written once more then
NEEDED = ("deals", "stages", *steps.MADE)  # by checks and steps, whatever the source has


@dataclass
class Work:
    """An import while it is made: its connection, and what has been found so far."""

    settings: Settings
    folder: Path
    con: duckdb.DuckDBPyConnection
    copies: list[Copy]
    texts: dict[int, Text] = field(default_factory=dict)
    feeds: dict[str, list[plan.Feed]] = field(default_factory=dict)
    set_aside: list[str] = field(default_factory=list)
    dated: dict[str, list[str]] = field(default_factory=dict)
    problems: cast.Problems = field(default_factory=cast.Problems)
    ascending: set[str] = field(default_factory=set)
    wrote: dict[Path, typed.Written] = field(default_factory=dict)


def load(settings: Settings, store: Path, origin: Origin | None = None) -> Import:
    """The import of the settings' source.

    Rule: files are copied and hashed, and copies alone are read; where the store may hold the import of just these
    bytes, they are hashed first. The same bytes under the same map are read once; a changed file or map makes a new
    import, and the old one stays. An import appears whole or not at all. Rows read = loaded + rejected.
    Parameters: `settings`; `store`, the folder of all imports; `origin`, the settings' folder if left out.
    Returns: Import.
    Raises: BadData for what cannot be read without guessing, or more rows rejected than the settings allow.
    """
    check_map(settings)
    store.mkdir(parents=True, exist_ok=True)
    sweep(store)
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=store))
    try:
        located = [*(origin.located() if origin else files.located(settings)), *snapshots.located(settings)]
        if origin:
            fetched = arriving.fetched(origin, located, staging)
            target = store / key_of(settings, located, [copy.sha256 for copy in fetched])
            if not (target / RECORD).is_file():
                publish(made(settings, fetched, staging), target)
        elif (target := kept(settings, located, store, staging)) is None:
            with arriving.arriving(located, staging) as coming:
                folder = made(settings, coming, staging)
                target = store / key_of(settings, located, [copy.whole().sha256 for copy in coming])
                publish(folder, target)
    finally:
        shutil.rmtree(staging)
    result = opened(target)
    mending.refuse_too_many(result, settings.limits.rejected_share)
    return result


def check_map(settings: Settings) -> None:
    """Refuse a map with words, steps or forms that do not exist."""
    plan.check_words(settings.source)
    steps.check(settings.source)
    reader.check_declared(settings.source.encoding, settings.source.delimiter)


def kept(settings: Settings, located: list[SourceFile], store: Path, staging: Path) -> Path | None:
    """The import that the store has of the bytes that the files have now; None where it has none."""
    if not is_promising(located, store):
        return None
    with ThreadPoolExecutor(2) as pool:
        own = [snapshots.copied(file, staging / "snapshots.kept").sha256 for file in located if file.is_canonical]
        hashes = [*pool.map(copies.hashed, (file for file in located if not file.is_canonical)), *own]
    target = store / key_of(settings, located, hashes)
    return target if (target / RECORD).is_file() else None


def is_promising(located: list[SourceFile], store: Path) -> bool:
    """Whether the store has an import of files of these names and sizes: what they hold only their hashes tell."""
    sizes = {file.name: file.path.stat().st_size for file in located if file.path.is_file()}
    for record in store.glob(f"*/{RECORD}"):
        read = json.loads(record.read_text(encoding="utf-8"))["files"]
        shared = {file["name"]: file["bytes"] for file in read if file["name"] in sizes}
        if shared and all(sizes[name] == size for name, size in shared.items()):
            return True
    return False


def key_of(settings: Settings, located: list[SourceFile], hashes: list[str]) -> str:
    """The import's key: what the result depends on, hashed."""
    read = [(file.name, file.sheet, file.tables, sha256) for file, sha256 in zip(located, hashes, strict=True)]
    rest = [VERSION, repr(TABLES), settings.zone, repr(replace(settings.source, path=""))]
    return hashlib.sha256(json.dumps([read, rest]).encode()).hexdigest()[:24]


def publish(folder: Path, target: Path) -> None:
    """Move a finished import to its place; where another run was first, that one stays."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    try:
        folder.rename(target)
    except OSError:
        if not (target / RECORD).is_file():
            raise


def made(settings: Settings, copies: list[Copy], staging: Path) -> Path:
    """The folder of a new import, in the staging folder."""
    memory.keep_freed()
    folder = staging / "import"
    for part in (folder, folder / "tables", folder / "quarantine"):
        part.mkdir(mode=0o700)
    with connected(staging) as con:
        work = Work(settings, staging, con, [*copies])
        quarantine.prepare(con)
        read_files(work)
        read_rows(work)
        refuse_no_deals(work.feeds.get("deals", []))
        for name in dict.fromkeys((*work.feeds, *NEEDED)):
            cast_table(work, steps.table_for(name, settings.source, list(work.dated)))
        staged = staged_rows(work)
        done = {step for name in work.feeds for step in steps.at_cast(name, settings.source)}
        steps.run(staged, settings.source, done)
        later_file_wins = settings.source.overlap == "later file wins"
        unique = {name for name in work.ascending if staged.is_of_one_file(name)}
        checks = Checks(con, work.feeds, work.problems, provided(staged, settings), later_file_wins, unique)
        checks.run()
        if checks.fills_status:
            staged.derived.setdefault("deals", []).append(STATUS)
        write(work, staged, folder)
    return folder


def connected(staging: Path) -> duckdb.DuckDBPyConnection:
    """A connection that reads and writes in the staging folder and nowhere else."""
    options = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "memory_limit": MEMORY}
    con = duckdb.connect(str(staging / "work.duckdb"), config=options)
    con.execute(f"set temp_directory = {literal((staging / 'spill').as_posix())}")
    con.execute(f"set allowed_directories = [{literal(staging.as_posix() + '/')}]")
    con.execute("set enable_external_access = false")
    con.execute("set lock_configuration = true")
    return con


def form_of(settings: Settings, is_canonical: bool = False) -> Form:
    """The form that the settings declare for the source, or that of the canonical tables."""
    source = settings.source
    if is_canonical:
        return Form(zone=source.zone, day_zone=settings.zone)
    return Form(
        source.date_form, source.decimal, source.thousands, source.zone, day_zone=settings.zone, nulls=source.nulls
    )


def read_files(work: Work) -> None:
    """Read every file, and find which of its columns feed which tables."""
    source = work.settings.source
    for number, copy in enumerate(work.copies):
        wanted = set().union(*(plan.wanted_names(name, source) for name in copy.file.tables))
        work.texts[number] = read(copy, plan.declared(copy.file, source), wanted, work.folder)
        work.copies[number] = copy.whole()
    of_deals = [n for n, copy in enumerate(work.copies) if "deals" in map(maps.table_name, copy.file.tables)]
    work.dated = steps.dated_stages([work.texts[number].header for number in of_deals], source)
    for number, copy in enumerate(work.copies):
        for table in dict.fromkeys(map(maps.table_name, copy.file.tables)):
            feed_table(work, number, table)
        quarantine.know(work.con, number, work.texts[number])


def read(copy: Copy, declared: Declared, wanted: set[str], folder: Path) -> Text:
    """A copy's rows as text, read while it comes: what is wrong with the file as a whole is told before its rows."""
    try:
        return reader.read(copy, declared, wanted, folder)
    except BadData:
        copy.whole()
        raise


def feed_table(work: Work, number: int, table: str) -> None:
    """Find how a file feeds a table: by the first part of the table in the map that the file has the columns of.

    Raises: BadData where it has those of none, and the map asks for the file.
    """
    copy, text = work.copies[number], work.texts[number]
    source = plan.of_file(work.settings.source, copy.file)
    form, errors = form_of(work.settings, copy.file.is_canonical), []
    for name in copy.file.tables:
        if maps.table_name(name) != table:
            continue
        shape = steps.table_for(name, source, list(work.dated))
        try:
            feed = plan.feed(name, shape, number, text, form, source, work.dated)
        except BadData as error:
            errors.append(error)
            continue
        shared = len(set(map(maps.table_name, copy.file.tables))) > 1
        forms = steps.forms_of(name, source, len(work.dated))
        feed = replace(feed, table=written_of(feed), is_shared=shared, forms=forms)
        work.feeds.setdefault(table, []).append(feed)
        return
    if is_asked_for(table, work.settings):
        raise errors[0]
    work.set_aside.append(copy.file.name)


def written_of(feed: plan.Feed) -> Table:
    """A feed's table with the columns that are written: of those that only steps read the ones that the file has."""
    own = TABLES.get(feed.table.name, feed.table).columns
    there = {column.name for column in own} | feed.positions.keys() | feed.constants.keys()
    return replace(feed.table, columns=tuple(column for column in feed.table.columns if column.name in there))


def refuse_no_deals(feeds: list[plan.Feed]) -> None:
    """Refuse a source in which no file that feeds the deals has a row."""
    if feeds and not any(feed.text.n_good + feed.text.n_bad for feed in feeds):
        names = files.listed([feed.text.name for feed in feeds])
        raise BadData("There are no deals.", f"{names} has a header and no rows.", "Export it again.")


def is_asked_for(table: str, settings: Settings) -> bool:
    """Whether the settings ask for a table's file; where they map files, one that only bears its name may not fit."""
    source = settings.source
    asked = {maps.table_name(name) for part in (source.files, source.columns, source.constants) for name in part}
    return not source.files or table in asked


def read_rows(work: Work) -> None:
    """Read the rows that stand in the settings themselves, in canonical form; an entry's number is its line."""
    source = work.settings.source
    form = form_of(work.settings, is_canonical=True)
    for table, entries in source.rows.items():
        number = len(work.copies) + len(work.feeds)
        names = [column.name for column in TABLES[table].columns]
        given = [name for name in names if any(name in entry for entry in entries)]
        path = work.folder / f"{number}-rows.copy"
        with path.open("w", encoding="utf-8", newline="") as written:
            writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(given)
            writer.writerows([inline(entry.get(name, "")) for name in given] for entry in entries)
        content = path.read_bytes()
        copy = Copy(
            SourceFile(NAME, path, "", (table,), is_canonical=True),
            path,
            hashlib.sha256(content).hexdigest(),
            len(content),
        )
        text = reader.read(copy, reader.OURS, set(), work.folder)
        text.shifts[:, 1] -= 1
        work.copies.append(copy)
        work.texts[len(work.copies) - 1] = text
        shape = steps.table_for(table, source, list(work.dated))
        feed = plan.feed(table, shape, len(work.copies) - 1, text, form, plan.of_file(source, copy.file), {})
        work.feeds.setdefault(table, []).append(feed)
        quarantine.know(work.con, len(work.copies) - 1, text)


def inline(value) -> str:
    """A value of the settings as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return str(value)


def cast_table(work: Work, table: Table) -> None:
    """Cast a table's files and put them together in the views `all_TABLE` and `good_TABLE`."""
    parts = []
    for feed in work.feeds.get(table.name, []):
        path = part_of(work.folder, feed)
        words, (mixed, empty) = plan.words_of(feed.name, work.settings.source), mixed_and_empty(feed)
        rows = ahead(Blocks(work.con, feed, words, mixed, work.problems, empty).typed())
        if of_rows := steps.of_rows(table.name, work.settings.source, work.problems):
            rows = ahead(typed.derived(work.con, rows, table, of_rows))
        kept = kept_of(work, feed)
        most_apart = MOST_APART if is_last(work, feed) and not feed.is_shared else 0
        wrote = typed.written(rows, path, kept, most_apart)
        work.wrote[path] = wrote
        if wrote.count != feed.text.n_good:
            raise miscounted(feed.text.name, feed.text.n_good, wrote.count)
        if len(wrote.apart):
            rows_apart = wrote.apart.column("at_row").to_numpy()
            work.texts[feed.source] = work.texts[feed.source].numbered_behind(rows_apart)
            quarantine.know_lines(work.con, feed.source, work.texts[feed.source])
        parts.append(typed.part(work.con, table, feed.source, path, wrote, set(kept.stored)))
        if wrote.is_ascending:
            work.ascending.add(table.name)
    if not parts:
        columns = ", ".join(f'null::{kind} as "{name}"' for name, kind in table.stored.items())
        parts = [f"select {columns}, 0 as problem, 0 as other_word, 0 as in_file, 0::bigint as at_row where false"]
    work.con.execute(f"create view all_{table.name} as {' union all '.join(parts)}")
    same = f"r.table_name = '{table.name}' and r.in_file = a.in_file and r.at_row = a.at_row"
    work.con.execute(
        f"create view good_{table.name} as select * from all_{table.name} a "
        f"where problem = 0 and not exists (select 1 from rejected r where {same})"
    )


def is_last(work: Work, feed: plan.Feed) -> bool:
    """Whether a file's rows will hardly be written once more: by nothing but a row that is rejected."""
    name = feed.table.name
    is_alone = len(work.feeds[name]) == 1 and name != "stages"  # of these the checks may make others
    return is_alone and is_all_kept(work, feed)


def is_all_kept(work: Work, feed: plan.Feed) -> bool:
    """Whether what is written of a file's rows is what the canonical table holds, and nothing for steps alone."""
    name = feed.table.name
    return name in TABLES and list(kept_of(work, feed).stored) == list(TABLES[name].stored)


def kept_of(work: Work, feed: plan.Feed) -> Table:
    """A feed's table with the columns that are still read after it is cast: those for steps alone are not, where the
    steps have been done by then."""
    if not steps.at_cast(feed.table.name, work.settings.source):
        return feed.table
    return replace(feed.table, columns=tuple(c for c in feed.table.columns if steps.is_canonical(c, feed.table)))


def part_of(folder: Path, feed: plan.Feed) -> Path:
    """The Parquet file of the typed rows of a file that feeds a table."""
    return folder / f"{feed.table.name}-{feed.source}.parquet"


def staged_rows(work: Work) -> Staged:
    """The cast rows, for steps to work on."""

    def new_source(source: int) -> int:
        again = max(work.texts) + 1
        work.texts[again] = work.texts[source]
        quarantine.know_again(work.con, source, again)
        return again

    return Staged(work.con, work.feeds, work.problems, work.settings.zone, new_source, list(work.dated))


def provided(staged: Staged, settings: Settings) -> dict[str, set[str]]:
    """The columns that steps may have filled, of every table that a step was asked for or has made rows of."""
    columns = {}
    for table in TABLES:
        if table in staged.made:
            columns[table] = {column.name for column in TABLES[table].columns}
        elif table in staged.feeds and steps.of_table(table, settings.source):
            columns[table] = steps.provided(table, settings.source, staged.feeds[table])
    return columns


def miscounted(name: str, expected: int, found: int) -> SalesbookError:
    """The error for a count that does not come out: a fault in salesbook, never in the data."""
    wrong = f"The rows of {name} do not add up: a fault in salesbook."
    return SalesbookError(wrong, f"{expected} were read, {found} accounted for.", "Report it with the file's header.")


def write(work: Work, staged: Staged, folder: Path) -> None:
    """Write tables, quarantine, flags and the record of an import."""
    con = work.con
    quarantine.find_originals(con, work.texts)
    quarantine.write_problems(con, work.problems)
    for table in TABLES.values():
        if not staged.has(table.name) and table.name != "stages":
            typed.write_empty(table, folder / "tables" / f"{table.name}.parquet")
            continue
        write_table(work, staged, table, folder / "tables" / f"{table.name}.parquet")
    for name in tables_of(staged):
        sources = [feed.source for feed in work.feeds.get(name, [])]
        quarantine.write(con, maps.table(name), sources, folder / "quarantine")
    flagged = [TABLES[name] for name in tables_of(staged) if name in TABLES]
    quarantine.write_flags(con, flagged, folder / "flags.parquet")
    record = recorded(work, staged, folder)
    (folder / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_table(work: Work, staged: Staged, table: Table, target: Path) -> None:
    """Write the good rows of a table, in the order of its files; where all of one file's rows are good, it is there."""
    if not staged.is_row_by_row(table.name):
        columns = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind in table.stored.items())  # steps widen them
        select = f"select {columns} from good_{table.name} order by in_file, at_row"  # the engine keeps no order
        typed.written(typed.batches(work.con, select), target, table)
        return
    (feed,) = work.feeds[table.name]
    as_cast, steps_on_rows = part_of(work.folder, feed), staged.derived.get(table.name, [])
    rejected = rejected_rows(work.con, table.name, work.wrote[as_cast].in_file)
    if len(rejected) or steps_on_rows or not is_all_kept(work, feed):
        rows = typed.without(rejected, as_cast)
        shape = steps.table_for(table.name, work.settings.source, list(work.dated))
        typed.written(ahead(typed.derived(work.con, rows, shape, steps_on_rows)), target, table)
    else:
        typed.link(as_cast, target)


def rejected_rows(con: duckdb.DuckDBPyConnection, table: str, before: int) -> np.ndarray:
    """The numbers below a bound of the rows of a table that were rejected, in order; of one that is of one file."""
    query = "select distinct at_row from rejected where table_name = ? and at_row < ? order by at_row"
    return con.execute(query, [table, before]).fetchnumpy()["at_row"].astype(np.int64)


def tables_of(staged: Staged) -> list[str]:
    """All tables that have a source or rows that a step made."""
    return list(dict.fromkeys((*staged.feeds, *staged.made)))


def recorded(work: Work, staged: Staged, folder: Path) -> dict:
    """What the import's record says; every table's rows are counted once more in the files written."""
    con = work.con
    rejected, flagged = counted(con, "rejected"), counted(con, "flagged")
    (derived,) = con.execute("select count(*) from all_stages where in_file = -1").fetchone()
    read_files = []
    for table in tables_of(staged):
        feeds = work.feeds.get(table, [])
        read_files += [file_record(work, table, feed) for feed in feeds]
        for feed in feeds:
            broken = con.execute("select rule, count(*) from broken where in_file = ? group by 1", [feed.source])
            for rule, count in broken.fetchall():
                rejected.setdefault(table, {})[rule] = rejected.get(table, {}).get(rule, 0) + count
        came = sum(feed.text.n_good + feed.text.n_bad for feed in feeds) + sum(staged.made.get(table, {}).values())
        came += derived if table == "stages" else 0
        held = held_rows(staged, table, folder)
        kept_out = rows_in(folder / "quarantine" / f"{table}.parquet")
        if came != held + kept_out or kept_out != sum(rejected.get(table, {}).values()):
            raise miscounted(table, came, held + kept_out)
    present = [table for table in TABLES if staged.has(table)]
    newest = newest_instant(con, [TABLES[table] for table in present], folder / "tables")
    return {
        "version": VERSION,
        "files": read_files,
        "rejected": rejected,
        "flagged": flagged,
        "made": staged.made,
        "left_out": staged.left_out,
        "present": present,
        "set_aside": work.set_aside,
        "newest": newest.isoformat() if newest else None,
    }


def held_rows(staged: Staged, table: str, folder: Path) -> int:
    """The rows of a table that were loaded; of one for steps those that a step could use, needed or not."""
    if table in TABLES:
        return rows_in(folder / "tables" / f"{table}.parquet")
    (good,) = staged.con.execute(f"select count(*) from good_{table}").fetchone()
    return good + sum(staged.left_out.get(table, {}).values())


def rows_in(path: Path) -> int:
    """The rows of a Parquet file, as its own foot tells."""
    return pq.read_metadata(path).num_rows


def file_record(work: Work, table: str, feed: plan.Feed) -> dict:
    """What became of a file's rows in one table."""
    copy = work.copies[feed.source]
    query = "select count(*) from rejected where table_name = ? and in_file = ?"
    (rejected,) = work.con.execute(query, [table, feed.source]).fetchone()
    rejected += feed.text.n_bad
    read = feed.text.n_good + feed.text.n_bad
    return {
        "name": copy.file.name,
        "sha256": copy.sha256,
        "bytes": copy.bytes,
        "table": table,
        "rows_read": read,
        "rows_loaded": read - rejected,
        "rows_rejected": rejected,
        "unknown_columns": feed.unknown,
    }
