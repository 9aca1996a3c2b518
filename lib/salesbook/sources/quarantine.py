"""What was rejected, with line, reason and original text, for the person's eyes only; and what was flagged."""

import os
from itertools import islice
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from salesbook.schema import Table
from salesbook.sources.cast import Problems
from salesbook.sources.form import literal
from salesbook.sources.staged import LEFT_OUT
from salesbook.sources.text import Text

BROKEN = {
    "fields_missing": "the row has fewer fields than the header",
    "fields_too_many": "the row has more fields than the header",
    "quotes_not_closed": "a quote is not closed, or stands where none may stand",
    "too_long": "the row is longer than four million bytes",
    "line_end_inside": "a carriage return stands within the row",
    **{rule: LEFT_OUT[rule] for rule in ("title_line", "closing_line")},
}
MOST_AT_ONCE = 50_000  # rejected rows whose text is held in memory
ORIGINS = "create table origins (in_file integer, at_row bigint, original varchar)"


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables in which rejected and flagged rows are written down."""
    con.execute("create table rejected (table_name varchar, in_file integer, at_row bigint, number integer)")
    con.execute("create table flagged (table_name varchar, in_file integer, at_row bigint, number integer)")
    con.execute("create table shifts (in_file integer, first bigint, shift bigint)")
    con.execute("create table broken (in_file integer, line bigint, rule varchar, original varchar)")
    con.execute("create table files (in_file integer, name varchar, has_lines boolean)")
    con.execute(ORIGINS)


def know(con: duckdb.DuckDBPyConnection, source: int, text: Text) -> None:
    """Write down a file: its name, where lines and rows part, and its records that are none."""
    con.execute("insert into files values (?, ?, ?)", [source, text.name, not text.is_table])
    know_lines(con, source, text)
    columns = "columns = {'line': 'BIGINT', 'rule': 'VARCHAR', 'original': 'VARCHAR'}"
    form = "auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', new_line = '\\n'"
    con.execute(
        f"insert into broken select {source}, * from "
        f"read_csv({literal(text.bad.as_posix())}, {form}, {columns}, max_line_size = 16777216)"
    )


def know_lines(con: duckdb.DuckDBPyConnection, source: int, text: Text) -> None:
    """Write down where lines and rows of a file part, instead of what was known."""
    con.execute("delete from shifts where in_file = ?", [source])
    shifts = pa.table({"first": text.shifts[:, 0], "shift": text.shifts[:, 1]})
    con.register("new_shifts", shifts)
    con.execute(f"insert into shifts select {source}, first, shift from new_shifts")
    con.unregister("new_shifts")


def know_again(con: duckdb.DuckDBPyConnection, source: int, again: int) -> None:
    """Write down a file under another number as well."""
    con.execute("insert into files select ?, name, has_lines from files where in_file = ?", [again, source])
    con.execute("insert into shifts select ?, first, shift from shifts where in_file = ?", [again, source])


def find_originals(con: duckdb.DuckDBPyConnection, texts: dict[int, Text]) -> None:
    """Read the rejected rows' text again from the copies of the files."""
    for source, text in texts.items():
        wanted = con.execute(
            "select distinct at_row from rejected where in_file = ? order by at_row", [source]
        ).fetchnumpy()
        rows = wanted["at_row"].astype(np.int64)
        found = text.originals(rows) if len(rows) else iter(())
        while some := list(islice(found, MOST_AT_ONCE)):
            numbers, originals = zip(*some, strict=True)
            con.register("found", pa.table({"at_row": numbers, "original": originals}))
            con.execute(f"insert into origins select {source}, at_row, original from found")
            con.unregister("found")


def write_problems(con: duckdb.DuckDBPyConnection, problems: Problems) -> None:
    """Make the table of the ways to fail."""
    con.execute("create table problems (number integer, col varchar, rule varchar, reason varchar)")
    rows = [(number, *way) for way, number in problems.known.items()]
    if rows:
        con.executemany("insert into problems values (?, ?, ?, ?)", rows)


def write(con: duckdb.DuckDBPyConnection, table: Table, sources: list[int], folder: Path) -> None:
    """Write a table's rejected rows to Parquet and CSV, readable by the owner alone.

    Rule: a row of a file has its line, one of a database only its key. In the CSV a text that a spreadsheet would take
    for a formula has a ' before it; Parquet has it exactly.
    """
    reasons = " ".join(f"when {literal(rule)} then {literal(reason)}" for rule, reason in BROKEN.items())
    con.execute(f"""
        create or replace temp table quarantine as
        with keys as (
            select a.in_file, a.at_row, any_value({key_of(table)}) as key
            from all_{table.name} a join rejected r using (in_file, at_row)
            where r.table_name = '{table.name}' group by all)
        select f.name as file, case when f.has_lines then r.at_row + s.shift end as line, coalesce(k.key, '') as key,
            p.col as "column", p.rule, p.reason, o.original
        from rejected r left join keys k using (in_file, at_row)
        join problems p using (number) join files f using (in_file)
        join origins o on o.in_file = r.in_file and o.at_row = r.at_row
        asof join shifts s on s.in_file = r.in_file and r.at_row >= s.first
        where r.table_name = '{table.name}'
        union all
        select f.name, case when f.has_lines then b.line end, '', '', b.rule, case b.rule {reasons} end, b.original
        from broken b join files f using (in_file) where b.in_file in ({", ".join(map(str, sources)) or "-1"})""")
    put(con, table.name, folder)


def put(con: duckdb.DuckDBPyConnection, name: str, folder: Path) -> None:
    """Write the table `quarantine` of a connection as the files of a canonical table."""
    parquet, text = folder / f"{name}.parquet", folder / f"{name}.csv"
    for path in (parquet, text):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    order = "order by file, line, key, rule, original"
    con.execute(f"copy (from quarantine {order}) to {literal(parquet.as_posix())} (format parquet, use_tmp_file false)")
    safe = "case when regexp_matches(original, '^[=+@\\t\\r-]') then '''' || original else original end as original"
    con.execute(
        f"copy (select * replace ({safe}) from quarantine {order}) to {literal(text.as_posix())} "
        "(format csv, header, use_tmp_file false)"
    )


def key_of(table: Table) -> str:
    """SQL of what tells a row `a` from others: its key; where a table has none, the ids that every row has."""
    key = table.key or [column.name for column in table.columns if column.type == "id" and column.filled]
    return f"concat_ws('|', {', '.join(f'a.{name}' for name in key) or repr('')})"


def write_flags(con: duckdb.DuckDBPyConnection, tables: list[Table], path: Path) -> None:
    """Write all flags: table, file, line, key, column, rule and reason."""
    parts = [
        f"""select g.table_name as "table", f.name as file, case when f.has_lines then g.at_row + s.shift end as line,
            {key_of(table)} as key,
            p.col as "column", p.rule, p.reason
        from (select * from flagged where table_name = '{table.name}') g
        join problems p using (number) join files f on f.in_file = g.in_file
        join good_{table.name} a on a.in_file = g.in_file and a.at_row = g.at_row
        asof join shifts s on s.in_file = g.in_file and g.at_row >= s.first"""
        for table in tables
    ]
    con.execute(f"copy ({' union all '.join(parts)} order by all) to {literal(path.as_posix())} (format parquet)")
