"""Times the facts at size: building them, twenty questions, and seven reference metrics beside pandas and Polars.

    make bench                                          (1M leads, 10M activities; and a tenth of that)
    python bench/facts.py --growth 100000 10000000      (100M activities too: an hour, and 60 GB of disk)

Everything runs in a process of its own, which tells its time and the most memory it held. The sample company has about
5 activities a lead; the one measured has each of them twice, the second a few days later, so 10.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import duckdb

import results

HOME = Path(__file__).resolve().parent.parent
MONTH, ROUNDS = "2026-10", 2
MEMORY, MANY, MORE_MEMORY = "2GB", 1_000_000, "8GB"  # of a company of many leads; one of more gets more
DAYS_LATER = 3
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
FIVE = ("stage_visits", "deal_facts", "lead_facts", "attempts", "lead_responses")
READ = ("account_facts", "seller_facts", "prospect_contacts", "touches")
WAYS = ("scan", "facts", "polars", "pandas")
YEAR = {"period": "month", "last": 12}
QUESTIONS = [
    ("won", YEAR), ("won", {"by": "owner.team", "last": 12}), ("deals_won", YEAR | {"by": "product"}),
    ("win_rate", {}), ("win_rate", YEAR | {"by": "product"}), ("win_rate", {"by": "account.country", "last": 12}),
    ("average_deal_size", YEAR), ("median_deal_size", {"by": "product", "last": 12}),
    ("sales_cycle", {"by": "product", "last": 12}), ("closing_cycle", YEAR), ("open_deals", {"by": "stage"}),
    ("open_pipeline", {"by": "owner.team"}), ("new_leads", YEAR | {"by": "source"}), ("qualified_leads", YEAR),
    ("lead_step_rate", {"by": ["step", "source"], "last": 12}), ("stage_conversion", {"by": "stage", "last": 12}),
    ("answered_within_hour", YEAR | {"by": "source"}), ("inflow_leakage", YEAR), ("contact_rate", YEAR),
    ("mrr", YEAR),
]  # fmt: skip


def settings_of(folder: Path, memory: str = MEMORY):
    """The sample company's settings, for an export in a folder."""
    from salesbook.settings import load

    loaded = load(HOME)
    return replace(loaded, home=folder, memory=memory, source=replace(loaded.source, path=str(folder / "export")))


def write(folder: Path, leads: str) -> dict:
    """Write the company."""
    from salesbook import sample

    return {"rows": sample.write(folder / "export", leads=int(leads))}


def double(folder: Path, memory: str = MEMORY) -> dict:
    """Write every activity a second time, of another id, a few days later."""
    once, twice = folder / "export" / "activities.csv", folder / "activities.csv"
    later = ", ".join(
        f"strftime(strptime({name}, '{INSTANT}') + interval {DAYS_LATER} day, '{INSTANT}') as {name}"
        for name in ("occurred_at", "planned_at", "recorded_at")
    )
    again = f"select * replace (activity_id || '-2' as activity_id, {later}) from rows"
    with duckdb.connect(config={"memory_limit": memory, "temp_directory": str(folder / "spill")}) as con:
        con.execute(f"create view rows as from read_csv('{once}', all_varchar = true, header = true)")
        ((count,),) = con.execute(f"copy (from rows union all {again}) to '{twice}' (format csv, header)").fetchall()
    twice.replace(once)
    return {"activities": count}


def read(folder: Path, memory: str = MEMORY) -> dict:
    """Import it."""
    from salesbook import sources

    imported = sources.load(settings_of(folder, memory), folder / ".salesbook" / "imports")
    return {"tables": str(imported.folder / "tables")}


def build(folder: Path, memory: str = MEMORY) -> dict:
    """Build all its facts."""
    from salesbook import build as made

    taken, busy, build_fact = {}, {}, made.build_fact

    def timed(engine, name, path):
        began, used = time.perf_counter(), time.process_time()
        rows = build_fact(engine, name, path)
        taken[name], busy[name] = time.perf_counter() - began, time.process_time() - used
        return rows

    made.build_fact = timed
    made.build(settings_of(folder, memory), MONTH, folder / "run")
    return {"facts": taken, "busy": busy}


def ask(folder: Path) -> dict:
    """Ask twenty questions."""
    from salesbook import KPIS
    from salesbook.book import Book

    book = Book(folder / "run")
    book.rows("select 1")
    began = time.perf_counter()
    for name, question in QUESTIONS:
        KPIS[name](book, **question)
    return {"asked": time.perf_counter() - began}


def metric(folder: Path, way: str, name: str, tables: str) -> dict:
    """Work out a metric in one way: the shortest of a few rounds."""
    from metrics import METRICS
    from salesbook.book import Book

    one, taken = METRICS[name], []
    book = Book(folder / "run")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        if way == "scan":
            scan(one.columns, Path(tables))
        elif way == "facts":
            one.facts(book)
        else:
            getattr(one, way)(Path(tables))
        taken.append(time.perf_counter() - began)
    return {"shortest": min(taken)}


def scan(columns: dict[str, tuple[str, ...]], tables: Path) -> None:
    """Read a metric's columns and do nothing with them: what no engine can go below."""
    with duckdb.connect() as con:
        for table, names in columns.items():
            most = ", ".join(f"max({name})" for name in names)
            con.execute(f"select {most} from read_parquet('{tables / table}.parquet')").fetchall()


STEPS = {step.__name__: step for step in (write, double, read, build, ask, metric)}


def run(step: str, folder: Path, *more: str) -> dict:
    """A step in a process of its own: what it tells, with `seconds` and `megabytes`."""
    command = [sys.executable, __file__, "--step", step, str(folder), *more]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def one(step: str, folder: str, *more: str) -> dict:
    """What `run` runs."""
    began = time.perf_counter()
    told = STEPS[step](Path(folder), *more)
    told |= {"seconds": time.perf_counter() - began, "megabytes": results.most_memory()}
    os.sync()  # or the disk would still be writing this step's files while the next is timed
    return told


def made(folder: Path, leads: int) -> dict[str, dict]:
    """A company written, read, built and asked."""
    memory = MEMORY if leads <= MANY else MORE_MEMORY
    found = {"write": run("write", folder, str(leads))}
    found |= {step: run(step, folder, memory) for step in ("double", "read", "build")}
    return found | {"ask": run("ask", folder), "memory": memory}


def seconds_of(names: tuple[str, ...], found: dict[str, dict]) -> float:
    """Seconds that facts took to build."""
    return sum(found["build"]["facts"][name] for name in names)


def steps_table(sizes: dict[int, dict[str, dict]]) -> str:
    """How cost grows, as Markdown."""
    head = ["leads", "activities", "deals", "written, s", "MB", "read, s", "MB", "five facts, s",
            "with those they read, s", "all facts, s", "s per million activities",
            "processor s per million activities", "MB", "limit", "twenty questions, s", "MB"]  # fmt: skip
    lines = []
    for leads, found in sizes.items():
        activities = found["double"]["activities"]
        facts, busy = (sum(found["build"][one].values()) for one in ("facts", "busy"))
        line = [f"{leads:,}", f"{activities:,}", f"{found['write']['rows']['deals']:,}"]
        for step in ("write", "read"):
            line += [f"{found[step]['seconds']:.0f}", f"{found[step]['megabytes']:.0f}"]
        line += [f"{seconds_of(FIVE, found):.1f}", f"{seconds_of(FIVE + READ, found):.1f}", f"{facts:.1f}"]
        line += [f"{each / activities * 1e6:.1f}" for each in (facts, busy)]
        line += [f"{found['build']['megabytes']:.0f}", found["memory"], f"{found['ask']['asked']:.2f}"]
        lines.append([*line, f"{found['ask']['megabytes']:.0f}"])
    return results.table(head, lines)


def metrics_table(folder: Path, tables: str) -> str:
    """The seven metrics side by side, as Markdown."""
    from metrics import METRICS

    lines, sums, most = [], dict.fromkeys(WAYS, 0.0), dict.fromkeys(WAYS, 0.0)
    for name in METRICS:
        found = {way: run("metric", folder, way, name, tables) for way in WAYS}
        for way in WAYS:
            sums[way] += found[way]["shortest"]
            most[way] = max(most[way], found[way]["megabytes"])
        lines.append([name, *(f"{found[way]['shortest']:.2f}" for way in WAYS)])
    lines.append(["all, s", *(f"{sums[way]:.2f}" for way in WAYS)])
    lines.append(["as many times as from the facts", *(f"{sums[way] / sums['facts']:.1f}" for way in WAYS)])
    lines.append(["most memory, MB", *(f"{most[way]:.0f}" for way in WAYS)])
    return results.table(["s", "bare scan of the columns", "salesbook, from the facts", "Polars", "pandas"], lines)


def main() -> None:
    """Make the companies, measure, and put the sections."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--leads", type=int, default=1_000_000)
    options.add_argument("--growth", type=int, nargs="*", default=[100_000], help="other sizes, in leads")
    options.add_argument("--folder", type=Path, help="where the companies are kept; left out: nowhere")
    options.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.step:
        print(json.dumps(one(*asked.step)))
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as home:
        sizes = {leads: made(Path(home) / str(leads), leads) for leads in sorted({asked.leads, *asked.growth})}
        compared = metrics_table(Path(home) / str(asked.leads), sizes[asked.leads]["read"]["tables"])
    note = f"Each activity of the sample company is there twice, the second {DAYS_LATER} days later. Facts are built"
    note += f" under the limit given. To reach, at 1M leads and 10M activities: five facts ({', '.join(FIVE)}) in"
    note += " 12 s and 2 GB, twenty questions in 2.5 s, writing the company in 600 s and 2 GB. Beside the five stands"
    note += f" what they take with the other facts that they read ({', '.join(READ)})."
    results.put("Facts at size", f"{note}\n\n{steps_table(sizes)}")
    note = f"At {asked.leads:,} leads; the canonical tables are Parquet for all. The answers are the same."
    results.put("Seven metrics", f"{note}\n\n{compared}")
    print(results.RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
