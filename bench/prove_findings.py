"""How often a page claims something where nothing is planted, in its findings or its figures: one month of twenty.

    python bench/prove_findings.py --companies 200 --months 12 [--first 1000] [--page team]

Prints, per page, the months that carried any claim, and those with one in a finding; ends with 1 where a page passes
5 % beyond chance.
"""

import argparse
import importlib
import multiprocessing
import os
import pkgutil
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from scipy.stats import binom

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from companies import books
from figures import figures_of
from salesbook import headlines

LEADS = 900
ALLOWED = 0.05


def pages() -> list[str]:
    """The pages that claim things: those with headlines of their own."""
    return sorted(module.name for module in pkgutil.iter_modules(headlines.__path__))


def months_before(last: str, count: int) -> list[str]:
    """So many months, ending with the one given."""
    year, month = map(int, last.split("-"))
    numbers = range(year * 12 + month - count, year * 12 + month)
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in numbers]


def claims(seed: int, months: list[str], pages: list[str]) -> Counter:
    """The months of a company without effects that carry a claim, by page and in what; the headlines are printed."""
    found = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for book in books(Path(folder), months, leads=LEADS, seed=seed, effects=False):
            for page in pages:
                module = importlib.import_module(f"salesbook.headlines.{page}")
                told = {"finding": module.this_month(book), "figure": figures_of(page, book)}
                claimed = {kind: [one.headline for one in each if one.is_claim] for kind, each in told.items()}
                found[page] += any(claimed.values())
                found[page, "finding"] += bool(claimed["finding"])
                for kind, headlines_told in claimed.items():
                    for headline in headlines_told:
                        print(f"  {page} {book.run['month']} seed {seed}, {kind}: {headline}", flush=True)
    return found


def on_one_core(numbers) -> None:
    """Keep a worker, and the threads that its engine starts, on a core of its own."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {numbers.get()})


def workers() -> ProcessPoolExecutor:
    """One worker for each core."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count())
    numbers = multiprocessing.Queue()
    for core in cores:
        numbers.put(core)
    return ProcessPoolExecutor(len(cores), initializer=on_one_core, initargs=(numbers,))


def main() -> int:
    """Run the proof and print its figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--companies", type=int, default=200)
    options.add_argument("--months", type=int, default=12)
    options.add_argument("--first", type=int, default=1000, help="the first company's seed")
    options.add_argument("--page", action="append", choices=pages(), help="this page only; may be given again")
    asked = options.parse_args()
    proven = asked.page or pages()
    months, total = months_before("2026-10", asked.months), asked.companies * asked.months
    found = Counter()
    seeds = range(asked.first, asked.first + asked.companies)
    with workers() as pool:
        for seed, counted in zip(seeds, pool.map(claims, seeds, repeat(months), repeat(proven)), strict=True):
            found += counted
            told = ", ".join(f"{page} {found[page]}" for page in proven)
            print(f"{seed - asked.first + 1} of {asked.companies} companies: {told}", flush=True)
    worst = 0.0
    for page in proven:
        share, in_findings = found[page] / total, found[page, "finding"] / total
        print(f"{page}: {found[page]} of {total} months carry a claim, {share:.1%}; in findings {in_findings:.1%}")
        worst = max(worst, found[page])
    # Months of one company overlap; the bound is the one for independent companies.
    return int(worst / asked.months > binom.ppf(0.999, asked.companies, ALLOWED))


if __name__ == "__main__":
    sys.exit(main())
