"""Times the import of a large CSV beside DuckDB's own read of the same files: as text, then casts, into Parquet.

    make bench

Both run in turn, each time in a process of its own; the shortest of a few rounds counts, and the most memory.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

import results
from forms import FORMS, Form, reading, rewrite, tables_of
from salesbook.sample import files
from salesbook.sample.plan import Plan
from salesbook.sample.simulate import simulate
from salesbook.settings import load as settings_of
from salesbook.sources import load
from salesbook.tables import TABLES

READ = ("activities", "deals", "stages")
ACTIVITIES_PER_LEAD = 5.1
OWN, OURS = "DuckDB: read as text, cast", "salesbook: copy, hash, read strictly, check, quarantine"
TITLE = "Importing a CSV"


def write(folder: Path, rows: int) -> None:
    """Write the sample company's activities, about so many rows, with its deals and stages."""
    plan = Plan(max(50, int(rows / ACTIVITIES_PER_LEAD)), 24, 1, True, "2026-10")
    folder.mkdir(parents=True)
    for name in READ:
        (folder / f"{name}.csv").write_bytes(files.header(TABLES[name]))
    for block in simulate(plan):
        for name in set(READ) & set(block):
            with (folder / f"{name}.csv").open("ab") as file:
                files.append(file, files.encode(TABLES[name], block[name]))


def own(folder: Path, out: Path, form: Form) -> int:
    """DuckDB's own read of every file as text, with casts, into Parquet; the rows there are."""
    out.mkdir()
    count = 0
    with duckdb.connect(config={"temp_directory": str(out / "spill")}) as con:
        for name in tables_of(form):
            rows = f"read_csv('{folder / name}.csv', all_varchar = true, header = true, delim = '{form.delimiter}')"
            target = f"'{out / name}.parquet' (format parquet, compression zstd)"
            count += con.execute(f"copy (select {reading(name, form)} from {rows}) to {target}").fetchone()[0]
    return count


def settings_text(form: Form, folder: Path) -> str:
    """The settings of a source, as salesbook.toml has them; JSON's texts are TOML's, too."""
    source = form.settings | {"path": str(folder)}
    words = source.pop("words", {})
    lines = ["[source]", *(f"{name} = {json.dumps(value)}" for name, value in source.items())]
    for table, columns in words.items():
        for column, known in columns.items():
            lines += [f"[words.{table}.{column}]", *(f"{json.dumps(a)} = {json.dumps(b)}" for a, b in known.items())]
    return "\n".join(lines) + "\n"


def ours(folder: Path, out: Path, form: Form) -> int:
    """Our import; the rows that were read."""
    out.mkdir()
    (out / "salesbook.toml").write_text(settings_text(form, folder), encoding="utf-8")
    imported = load(settings_of(out), out / "store")
    return sum(file["rows_read"] for file in imported.files)


WAYS: dict[str, Callable[[Path, Path, Form], int]] = {OWN: own, OURS: ours}


def measured(way: str, folder: Path, form: str) -> dict:
    """Seconds, megabytes at most and rows of a way, in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        command = [sys.executable, __file__, "--way", way, str(folder), str(Path(out) / "out"), "--form", form]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def one(way: str, folder: Path, out: Path, form: str) -> dict:
    """What `measured` runs."""
    began, used = time.perf_counter(), time.process_time()
    rows = WAYS[way](folder, out, FORMS[form]())
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    return {"seconds": seconds, "processor": processor, "megabytes": results.most_memory(), "rows": rows}


def side_by_side(folder: Path, form: str, rounds: int) -> dict[str, dict]:
    """The shortest time and the most memory of each way."""
    taken = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            taken[way].append(measured(way, folder, form))
    return {
        way: min(runs, key=lambda run: run["seconds"]) | {"megabytes": max(run["megabytes"] for run in runs)}
        for way, runs in taken.items()
    }


def section(found: dict[str, dict], size: int, form: str) -> str:
    """What was found, as Markdown."""
    lines = [
        [way, f"{run['seconds']:.1f}", f"{run['seconds'] / found[OWN]['seconds']:.2f}", f"{run['processor']:.1f}",
         f"{run['processor'] / found[OWN]['processor']:.2f}", f"{run['megabytes']:.0f}"]
        for way, run in found.items()
    ]  # fmt: skip
    what = f"Form {form!r}: {found[OURS]['rows']:,} rows in {size / 2**20:,.0f} MB of CSV; to reach: 1.5, 1,000 MB."
    return f"{what}\n\n{results.table(['way', 's', 'ratio', 'processor, s', 'ratio', 'most memory, MB'], lines)}"


def main() -> None:
    """Write the files in each form, run both ways and put the section."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=10_000_000, help="activities")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--form", choices=FORMS, nargs="+", default=["iso", "dutch"], help="how the files are written")
    options.add_argument("--source", type=Path, help="a folder that has the files already, in canonical form")
    options.add_argument("--way", nargs=3, metavar=("WAY", "FOLDER", "OUT"), help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.way:
        way, folder, out = asked.way
        print(json.dumps(one(way, Path(folder), Path(out), *asked.form)))
        return
    texts = []
    with tempfile.TemporaryDirectory() as home:
        source = asked.source or Path(home) / "source"
        if not asked.source:
            write(source, asked.rows)
        for name in asked.form:
            folder = Path(home) / name
            rewrite(source, folder, FORMS[name]())
            found = side_by_side(folder, name, asked.rounds)
            texts.append(section(found, sum(path.stat().st_size for path in folder.iterdir()), name))
            print(texts[-1])
            shutil.rmtree(folder)
    if not asked.source:
        results.put(TITLE, "\n\n".join(texts))


if __name__ == "__main__":
    main()
