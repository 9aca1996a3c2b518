"""A source built in place: canonical tables, checks and facts as SQL where the data lies, in a schema of a database or
on the cluster. Only facts, and how many rows were read and rejected by which rule, go through this machine.
"""

import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from salesbook import maps, zones
from salesbook.disk import STAGING, replaced
from salesbook.engines import Engine
from salesbook.errors import BadData
from salesbook.schema import Table
from salesbook.settings import NAME, Settings
from salesbook.sources import cast, intake, mending, plan, quarantine, snapshots, steps
from salesbook.sources.files import SourceFile
from salesbook.sources.form import DATES, YEAR, Form, literal, matches
from salesbook.sources.framing import Dialect
from salesbook.sources.imports import RECORD, Import, opened
from salesbook.sources.placed_rules import Held, PlacedChecks, PlacedStaged
from salesbook.sources.relations import Relations
from salesbook.sources.staged import Staged
from salesbook.sources.text import Text
from salesbook.tables import TABLES

OF_A_ROW = {"table_name": "text", "in_file": "integer", "at_row": "bigint", "number": "integer"}
DATED = rf"(?:\d{{1,2}}[-/.]\d{{1,2}}[-/.])?({YEAR})[^\n]*"  # what is no date of this form is none of any


class Place(Held, Protocol):
    """Where a source is built in place.

    `fence`: what keeps its engine from working out an expression again wherever it is used. `row_id`: the column of the
    texts that numbers them, "" where they are numbered as they are cast. `checks`: the checks in its words.
    `quarantined`: where the rejected rows are, "" for the import's folder.
    """

    fence: str
    row_id: str
    checks: type[PlacedChecks]
    quarantined: str

    def copied(self, name: str, parquet: Path) -> None:
        """Take a file of ours there, under a name."""

    def texts(self, number: int, tables: Relations, name: str, kept: list[str], decimal: str, is_ours: bool) -> None:
        """Make the columns of a relation known as text, `c0`, `c1` ... of `texts_NUMBER`; it is one of the source's, or
        one that we took there."""

    def content(self, number: int) -> tuple[int, str, int]:
        """Rows of a relation's texts, what they hold whatever their order, and their size."""

    def keep(self, name: str, select: str) -> None:
        """Keep the rows of a query under a name."""

    def declare(self, name: str, kinds: dict[str, str]) -> None:
        """Make a name known that has no rows yet; `kinds`, its columns and their types in the reader's words."""

    def known(self, table: str, rows: str) -> None:
        """Make known `all_TABLE`, a table's cast rows, and `good_TABLE`, what nothing has rejected so far."""

    def load(self, table: Table, has_rows: bool) -> None:
        """Keep the good rows of a table as `loaded_TABLE`, with exactly its columns."""

    def finish(self) -> None:
        """Let what was made be seen."""

    def take_out(self, folder: Path, tables: list[str], sources: dict[int, int]) -> None:
        """Write the rejected and flagged rows into the import's folder, where they do not stay there.

        Parameters: `tables`, that may have some; `sources`, number of a relation to that of its texts.
        """

    def engine(self, folder: Path) -> Engine:
        """An engine there, for a run written into a folder."""

    def close(self) -> None:
        """Let go of the place."""


@dataclass
class Work:
    """An import in place while it is made."""

    settings: Settings
    place: Place
    tables: Relations
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


def placed(settings: Settings, place: Place, tables: Relations, store: Path) -> "Placed":
    """Read and check the source in a place that is prepared for it.

    Returns: the source; its import's folder has the record, and the rejected rows where they do not stay in the place.
    Raises: BadData as reading a file does.
    """
    work = Work(settings, place, tables)
    for file in tables.located():
        read(work, file, intake.form_of(settings))
    read_ours(work)
    feed_tables(work)
    intake.refuse_no_deals(work.feeds.get("deals", []))
    for where in ("rejected", "flagged"):
        place.declare(where, OF_A_ROW)
    for name in dict.fromkeys((*work.feeds, *intake.NEEDED)):
        cast_table(work, steps.table_for(name, settings.source, list(work.dated)))
    staged = PlacedStaged(place, work.feeds, work.problems, settings.zone, work.new_source, list(work.dated))
    steps.run(staged, settings.source)
    later_file_wins = settings.source.overlap == "later file wins"
    place.checks(place, work.feeds, work.problems, intake.provided(staged, settings), later_file_wins).run()
    record = loaded(work, staged)
    place.finish()
    return Placed(kept(work, record, intake.tables_of(staged), store), place)


def read(work: Work, file: SourceFile, form: Form, is_ours: bool = False) -> None:
    """Make the texts of a relation's columns known, and count them; `is_ours`, one that was taken to the place."""
    place, number = work.place, len(work.counts)
    columns = place.columns(file.name) if is_ours else work.tables.columns(file.name)
    kept = columns if is_ours else work.tables.wanted(file, columns)
    place.texts(number, work.tables, file.name, kept or columns[:1], form.decimal, is_ours)
    work.counts[number] = place.content(number)
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
            feed = first_feed(work, file, parts, number, text, form)
            if feed:
                forms = steps.forms_of(feed.name, source, len(work.dated))
                feed = replace(feed, is_placed=True, is_shared=len(tables) > 1, forms=forms)
                work.feeds.setdefault(table, []).append(feed)


def first_feed(work: Work, file: SourceFile, parts: list[str], number: int, text: Text, form: Form) -> plan.Feed | None:
    """The feed of the first part of a table that a relation has the columns of.

    Raises: BadData where it has those of none, and the map asks for it.
    """
    source, errors = plan.of_file(work.settings.source, file), []
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
    """Read what stands beside the settings: rows in them, and kept snapshots; both are taken to the place."""
    form = intake.form_of(work.settings, is_canonical=True)
    for table, entries in work.settings.source.rows.items():
        given = [column.name for column in TABLES[table].columns if any(column.name in entry for entry in entries)]
        name = f"settings_{table}"
        hold(work.place, name, given, [tuple(intake.inline(entry.get(column, "")) for column in given)
                                       for entry in entries])  # fmt: skip
        read(work, SourceFile(name, Path(), "", (table,), is_canonical=True), form, is_ours=True)
    for file in snapshots.located(work.settings):
        with tempfile.TemporaryDirectory() as folder:
            work.place.copied(file.name, snapshots.copied(file, Path(folder) / "snapshots.parquet").path)
        read(work, file, form, is_ours=True)


def hold(place: Place, name: str, columns: list[str], rows: list[tuple]) -> None:
    """Keep a few rows of texts and whole numbers under a name."""
    values = ", ".join(
        f"({', '.join(str(value) if isinstance(value, int) else literal(value) for value in row)})" for row in rows
    )
    place.keep(name, f"select * from (values {values}) as given ({', '.join(columns)})")


def cast_table(work: Work, table: Table) -> None:
    """Cast a table's relations into one table `cast_TABLE`, and make it known."""
    place, parts = work.place, []
    for feed in work.feeds.get(table.name, []):
        words = plan.words_of(feed.name, work.settings.source)
        rows = f"texts_{feed.source}"
        mixed, years = dates_of(work, feed, words)
        of_years = replace(feed, form=replace(feed.form, years=years))
        select = cast.statement(of_years, words, mixed, work.problems, rows, place.fence, place.row_id)
        row_id = place.row_id or "row_number() over ()"
        names = ", ".join(f'"{name}"' for name in table.stored)
        parts.append(
            f"select {names}, problem, other_word, {feed.source} as in_file, {row_id} as at_row from ({select}) a"
        )
    if parts:
        place.keep(f"cast_{table.name}", " union all ".join(parts))
    else:
        marks = {"problem": "integer", "other_word": "integer", "in_file": "integer", "at_row": "bigint"}
        place.declare(f"cast_{table.name}", table.stored | marks)
    place.known(table.name, f"cast_{table.name}")


def dates_of(work: Work, feed: plan.Feed, words: dict[str, dict[str, str]]) -> tuple[set[str], zones.Years]:
    """The date columns in which the declared form occurs, as for a file; and the first and last year that any has, for
    of few years the SQL of a zone is short. The year is that of the text as it is cast: steps may have turned it."""
    years = [int(year) for year in re.findall(YEAR, " ".join(feed.constants.values()))]
    dated = [c for c in feed.table.columns if c.type in ("instant", "date") and c.name in feed.positions]
    if not dated:
        return set(), (min(years, default=zones.FIRST.year), max(years, default=zones.FIRST.year))
    declared, asked, rows = DATES[feed.form.date_form], [], f"texts_{feed.source}"
    for level in cast.texts(dated, feed, words):
        rows = f"(select *, {cast.named(level)} from {rows}{work.place.fence}) texts"
    for column in dated:
        is_declared = matches(cast.trimmed(f"c{feed.positions[column.name]}"), declared)
        text = f"t_{column.name}"
        year = f"case when {matches(text, DATED)} then regexp_replace({text}, {literal(f'^{DATED}$')}, '\\1') end"
        asked += [f"bool_or({is_declared})", f"min({year})", f"max({year})"]
    (found,) = work.place.execute(f"select {', '.join(asked)} from {rows}").rows
    years += [int(year) for year in (*found[1::3], *found[2::3]) if year]
    mixed = {column.name for column, is_there in zip(dated, found[::3], strict=True) if is_there}
    mixed = mixed if feed.form.date_form != "ymd" else set()
    return mixed, (min(years, default=zones.FIRST.year), max(years, default=zones.FIRST.year))


def loaded(work: Work, staged: Staged) -> dict:
    """Keep the good rows as `loaded_TABLE`, what was rejected beside them, and count everything once more.

    Returns: what the import's record says.
    """
    for table in TABLES.values():
        work.place.load(table, staged.has(table.name) or table.name == "stages")
    names = intake.tables_of(staged)
    write_quarantine(work, names)
    counts = {where: counted(work, where) for where in ("rejected", "flagged")}
    account_for(work, staged, counts["rejected"])
    present = [name for name in TABLES if staged.has(name)]
    newest, rejected = newest_instant(work, present), rejected_of(work)
    return {
        "version": intake.VERSION,
        "files": [file_record(work, table, feed, rejected) for table, feeds in work.feeds.items() for feed in feeds],
        "made": staged.made, "left_out": staged.left_out, "present": present, "set_aside": work.set_aside,
        "newest": newest.isoformat() if newest else None, **counts,
    }  # fmt: skip


def account_for(work: Work, staged: Staged, rejected: dict[str, dict[str, int]]) -> None:
    """Count every table's rows once more where they are.

    Raises: SalesbookError where rows read and made are not those loaded, left out and rejected.
    """
    names = intake.tables_of(staged)
    parts = [f"select '{name}', count(*) from {'loaded' if name in TABLES else 'good'}_{name}" for name in names]
    held = dict(work.place.execute(" union all ".join(parts)).rows)
    ((derived,),) = work.place.execute("select count(*) from all_stages where in_file = -1").rows
    for name in names:
        came = sum(feed.text.n_good for feed in work.feeds.get(name, [])) + sum(staged.made.get(name, {}).values())
        came += derived if name == "stages" else 0
        kept_out = sum(rejected.get(name, {}).values()) + sum(staged.left_out.get(name, {}).values())
        if came != held[name] + kept_out:
            raise intake.miscounted(name, came, held[name] + kept_out)


def write_quarantine(work: Work, tables: list[str]) -> None:
    """Make `quarantine` and `flags`: the rejected and flagged rows with key, rule and reason."""
    ways = [(number, *way) for way, number in work.problems.known.items()]
    hold(work.place, "problems", ["number", "column_name", "rule", "reason"], ways)
    told = {number: name_of(text) for number, (_, text, _) in enumerate(work.found)}
    told |= {again: told[source] for again, source in work.again.items()}
    hold(work.place, "sources", ["in_file", "name"], list(told.items()))
    for name, where in {"quarantine": "rejected", "flags": "flagged"}.items():
        parts = [
            f"""select r.table_name, s.name as source, {quarantine.key_of(maps.table(table))} as key, p.column_name,
                p.rule, p.reason, r.in_file, r.at_row
            from {where} r join problems p on p.number = r.number
            left join (select in_file, name from sources) s on s.in_file = r.in_file
            join all_{table} a on a.in_file = r.in_file and a.at_row = r.at_row where r.table_name = '{table}'"""
            for table in tables
        ]
        work.place.keep(name, " union all ".join(parts))


def counted(work: Work, where: str) -> dict[str, dict[str, int]]:
    """Rows by table and rule."""
    found: dict[str, dict[str, int]] = {}
    rows = work.place.execute(
        f"select w.table_name, p.rule, count(*) from {where} w join problems p on p.number = w.number "
        "group by 1, 2 order by 1, 3 desc, 2"
    ).rows
    for table, rule, count in rows:
        found.setdefault(table, {})[rule] = count
    return found


def rejected_of(work: Work) -> dict[tuple[str, int], int]:
    """Rejected rows by table and relation."""
    rows = work.place.execute("select table_name, in_file, count(*) from rejected group by 1, 2").rows
    return {(table, number): count for table, number, count in rows}


def file_record(work: Work, table: str, feed: plan.Feed, rejected: dict[tuple[str, int], int]) -> dict:
    """What became of a relation's rows in one table; its hash is of its rows in any order."""
    read, content, size = work.counts[feed.source]
    kept_out = rejected.get((table, feed.source), 0)
    return {
        "name": name_of(feed.text),
        "sha256": hashlib.sha256(f"{read} {content}".encode()).hexdigest(),
        "bytes": size,
        "table": table,
        "rows_read": read,
        "rows_loaded": read - kept_out,
        "rows_rejected": kept_out,
        "unknown_columns": feed.unknown,
    }


def name_of(text: Text) -> str:
    """What a relation is called; rows of the settings by their file."""
    return NAME if text.name.startswith("settings_") else text.name


def newest_instant(work: Work, tables: list[str]) -> datetime | None:
    """The newest instant in any table, plans left out."""
    parts = [
        f"select max({column.name}) as newest from loaded_{name}"
        for name in tables
        for column in TABLES[name].columns
        if column.type == "instant" and column.name != "planned_at"
    ]
    found = work.place.execute(" union all ".join(parts)).rows if parts else []
    return max((newest for (newest,) in found if newest), default=None)


def kept(work: Work, record: dict, tables: list[str], store: Path) -> Import:
    """The import in the store, by what it depends on."""
    source = replace(work.settings.source, path="")
    told = [record["files"], intake.VERSION, repr(TABLES), work.settings.zone, repr(source)]
    target = store / hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]
    store.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=store))
    try:
        numbers = {number: number for number in range(len(work.found))} | work.again
        work.place.take_out(staging, tables, numbers)
        replaced(staging / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        intake.publish(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    found = opened(target)
    mending.refuse_too_many(found, work.settings.limits.rejected_share, work.place.quarantined)
    return found


@dataclass
class Placed:
    """A source whose canonical tables are in a place, where facts are built."""

    imported: Import
    place: Place

    def engine(self, folder: Path) -> Engine:
        """An engine in the place."""
        return self.place.engine(folder)

    def close(self) -> None:
        """Let go of the place."""
        self.place.close()
