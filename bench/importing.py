"""Times the import of a large CSV beside DuckDB's own read of the same files: as text, then casts, into Parquet.

    make bench

Both run in turn, each time in a process of its own; the shortest of a few rounds counts, and the most memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

import results
from salesbook.sample import files
from salesbook.sample.plan import Plan
from salesbook.sample.simulate import simulate
from salesbook.schema import Column
from salesbook.settings import Settings, Source
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


def cast(column: Column) -> str:
    """The cast that a column's type asks for, without a look at its form."""
    (name, kind), *_ = column.stored.items()
    if column.type == "money":
        return f"cast(try_cast({column.name} as decimal(18, 2)) * 100 as bigint) as {name}"
    if column.type == "word":
        return f"lower({column.name}) as {name}"
    return f"try_cast({column.name} as {kind}) as {name}"


def own(folder: Path, out: Path) -> int:
    """DuckDB's own read of every file as text, with casts, into Parquet; the rows there are."""
    out.mkdir()
    count = 0
    with duckdb.connect(config={"temp_directory": str(out / "spill")}) as con:
        for name in READ:
            casts = ", ".join(map(cast, TABLES[name].columns))
            rows = f"read_csv('{folder / name}.csv', all_varchar = true, header = true)"
            target = f"'{out / name}.parquet' (format parquet, compression zstd)"
            count += con.execute(f"copy (select {casts} from {rows}) to {target}").fetchone()[0]
    return count


def ours(folder: Path, out: Path) -> int:
    """Our import; the rows that were loaded."""
    imported = load(Settings(home=folder, source=Source(path=str(folder), zone="UTC", currency="EUR")), out)
    return sum(file["rows_loaded"] for file in imported.files)


WAYS: dict[str, Callable[[Path, Path], int]] = {OWN: own, OURS: ours}


def measured(way: str, folder: Path) -> dict:
    """Seconds, megabytes at most and rows of a way, in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        command = [sys.executable, __file__, "--way", way, str(folder), str(Path(out) / "out")]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def one(way: str, folder: Path, out: Path) -> dict:
    """What `measured` runs."""
    began, used = time.perf_counter(), time.process_time()
    rows = WAYS[way](folder, out)
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    return {"seconds": seconds, "processor": processor, "megabytes": results.most_memory(), "rows": rows}


def side_by_side(folder: Path, rounds: int) -> dict[str, dict]:
    """The shortest time and the most memory of each way."""
    taken = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            taken[way].append(measured(way, folder))
    return {
        way: min(runs, key=lambda run: run["seconds"]) | {"megabytes": max(run["megabytes"] for run in runs)}
        for way, runs in taken.items()
    }


def section(found: dict[str, dict], size: int) -> str:
    """What was found, as Markdown."""
    lines = [
        [way, f"{run['seconds']:.1f}", f"{run['seconds'] / found[OWN]['seconds']:.2f}", f"{run['processor']:.1f}",
         f"{run['processor'] / found[OWN]['processor']:.2f}", f"{run['megabytes']:.0f}"]
        for way, run in found.items()
    ]  # fmt: skip
    what = (
        f"{found[OURS]['rows']:,} rows of {', '.join(READ)} in {size / 2**20:,.0f} MB of CSV; to reach: 1.5, 1,000 MB."
    )
    return f"{what}\n\n{results.table(['way', 's', 'ratio', 'processor, s', 'ratio', 'most memory, MB'], lines)}"


def main() -> None:
    """Write the files, run both ways and put the section."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=10_000_000, help="activities")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--way", nargs=3, metavar=("WAY", "FOLDER", "OUT"), help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.way:
        way, folder, out = asked.way
        print(json.dumps(one(way, Path(folder), Path(out))))
        return
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "source"
        write(folder, asked.rows)
        found = side_by_side(folder, asked.rounds)
        text = section(found, sum(path.stat().st_size for path in folder.iterdir()))
    results.put(TITLE, text)
    print(text)


if __name__ == "__main__":
    main()
