"""Times a month's report, all pages, side by side: the commands a user would pick, our runner, and the floor.

    make bench

Every way runs the same notebooks on the same run folder, in turn, each in processes of its own; the table gives the
shortest of a few rounds. The floor is the notebooks' own code, queries and figures alone, in two processes that have
imported everything already.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import results

HOME = Path(__file__).resolve().parent.parent
MONTH = "2026-10"
COMMANDS = "papermill and nbconvert commands, one page after another"
ANEW = "salesbook, kernels started anew"
FORKED = "salesbook, kernels forked"
FLOOR = "floor: queries and figures alone, in two processes"


def commands(run: Path, notebooks: list[Path], out: Path) -> None:
    """What a user would pick."""
    parameters = ["-p", "month", MONTH, "-p", "run", str(run)]
    for notebook in notebooks:
        done = out / notebook.name
        for command in (
            ["papermill", "--no-progress-bar", str(notebook), str(done), *parameters],
            ["nbconvert", "--to", "html", str(done)],
        ):
            subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)


def ours(run: Path, notebooks: list[Path], out: Path, is_forked: bool) -> None:
    """A month made by salesbook, in a process of its own as by the command line."""
    command = [sys.executable, __file__, "--make", "forked" if is_forked else "anew", str(run), str(out)]
    subprocess.run([*command, *map(str, notebooks)], check=True)


def make(kind: str, run: Path, out: Path, notebooks: list[Path]) -> None:
    """What `ours` runs."""
    from salesbook.report import forked

    if kind == "forked":
        forked.begin()
    from salesbook.report.month import make_month
    from salesbook.report.run import Limits

    make_month(run, notebooks, out, limits=Limits(is_forked=kind == "forked"))


def ready(_: int) -> None:
    """Import what pages import, before the clock starts."""
    from salesbook.cells import MARK
    from salesbook.report import forkserver

    os.environ[MARK] = "bench"
    for name in forkserver.PRELOAD:
        __import__(name)
    time.sleep(1)  # so that each of the two processes takes one


def alone(notebook: Path, run: Path) -> None:
    """The code of a notebook's cells, without a kernel, on a run's folder."""
    import nbformat

    space: dict = {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, notebook.name, "exec"), space)
        if "parameters" in cell.metadata.get("tags", []):
            space |= {"month": MONTH, "run": str(run)}


def floor(run: Path, notebooks: list[Path]) -> float:
    """Seconds of the notebooks' own code in two processes."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=quiet) as pool:
        list(pool.map(ready, range(2)))
        began = time.perf_counter()
        list(pool.map(alone, notebooks, [run] * len(notebooks)))
        return time.perf_counter() - began


def quiet() -> None:
    """Let nothing that pages display reach the terminal."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def timed(work, *arguments) -> float:
    """Seconds of a way, in an empty folder."""
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        work(*arguments[:2], Path(out), *arguments[2:])
        return time.perf_counter() - began


def measured(run: Path, notebooks: list[Path], rounds: int) -> dict[str, list[float]]:
    """Seconds of every way, round by round."""
    seconds: dict[str, list[float]] = {COMMANDS: [], ANEW: [], FORKED: [], FLOOR: []}
    for spot in range(rounds):
        print(f"round {spot + 1} of {rounds}", file=sys.stderr)
        seconds[COMMANDS].append(timed(commands, run, notebooks))
        seconds[ANEW].append(timed(ours, run, notebooks, False))
        seconds[FORKED].append(timed(ours, run, notebooks, True))
        seconds[FLOOR].append(floor(run, notebooks))
    return seconds


def told(seconds: dict[str, list[float]], notebooks: list[Path], figures: int) -> str:
    """The table, as Markdown."""
    naive, least = min(seconds[COMMANDS]), min(seconds[FLOOR])
    rounds = len(seconds[COMMANDS])
    head = ["way", "s", "all rounds", "times faster than the commands", "times the floor"]
    rows = [
        [way, f"{min(each):.1f}", " ".join(f"{one:.1f}" for one in each), f"{naive / min(each):.1f}",
         f"{min(each) / least:.1f}"]
        for way, each in seconds.items()
    ]  # fmt: skip
    what = f"{len(notebooks)} pages with {figures} figures of the sample company; the shortest of {rounds} rounds."
    return f"{what}\n\n{results.table(head, rows)}"


def main() -> None:
    """Build the run, measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--make", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        kind, run, out, *notebooks = asked.make
        return make(kind, Path(run), Path(out), [Path(notebook) for notebook in notebooks])
    from salesbook.build import build
    from salesbook.report.month import chosen
    from salesbook.settings import load

    notebooks = chosen(HOME / "notebooks", ())
    figures = sum(path.read_text(encoding="utf-8").count("page.figure(") for path in notebooks)
    with tempfile.TemporaryDirectory() as place:
        settings = load(HOME)
        source = replace(settings.source, path=str(HOME / "data" / "sample"))
        run = build(replace(settings, home=Path(place), source=source), MONTH, Path(place) / "run")
        text = told(measured(run, notebooks, asked.rounds), notebooks, figures)
    print(text)
    results.put("A month's report", text)
    return None


if __name__ == "__main__":
    main()
