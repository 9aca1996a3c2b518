"""How often a page claims something where nothing is planted, in its findings or its figures: one month of twenty.

    python bench/prove_findings.py --companies 200 --months 12 [--first 1000] [--page team]

Prints, per page, the months that carried a claim in a finding and, of one month of each company, those that carried
one in a finding or a figure (figures take six times as long); ends with 1 where a page passes 5 % beyond chance.
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
FINDINGS, ALL = "findings", "findings or figures"


def pages() -> list[str]:
    """The pages that claim things: those with headlines of their own."""
    return sorted(module.name for module in pkgutil.iter_modules(headlines.__path__))


def months_before(last: str, count: int) -> list[str]:
    """So many months, ending with the one given."""
    year, month = map(int, last.split("-"))
    numbers = range(year * 12 + month - count, year * 12 + month)
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in numbers]


def claims(seed: int, months: list[str], pages: list[str]) -> Counter:
    """The months of a company without effects that carry a claim, by page: in findings, and in one month in all."""
    found = Counter()
    looked = months[seed % len(months)]
    with tempfile.TemporaryDirectory() as folder:
        for book in books(Path(folder), months, leads=LEADS, seed=seed, effects=False):
            for page in pages:
                findings = importlib.import_module(f"salesbook.headlines.{page}").this_month(book)
                figures = figures_of(page, book) if book.run["month"] == looked else []
                claimed = [[one.headline for one in told if one.is_claim] for told in (findings, figures)]
                found[page, FINDINGS] += bool(claimed[0])
                found[page, ALL] += book.run["month"] == looked and any(claimed)
                for headline in [*claimed[0], *claimed[1]]:
                    print(f"  {page} {book.run['month']} seed {seed}: {headline}", flush=True)
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
    months, found = months_before("2026-10", asked.months), Counter()
    seeds = range(asked.first, asked.first + asked.companies)
    with workers() as pool:
        for seed, counted in zip(seeds, pool.map(claims, seeds, repeat(months), repeat(proven)), strict=True):
            found += counted
            told = ", ".join(f"{page} {found[page, FINDINGS]}" for page in proven)
            print(f"{seed - asked.first + 1} of {asked.companies} companies: {told}", flush=True)
    # Months of one company overlap; the bound is the one for independent companies.
    most = binom.ppf(0.999, asked.companies, ALLOWED)
    for page in proven:
        for what, each in ((FINDINGS, asked.months), (ALL, 1)):
            total, claimed = asked.companies * each, found[page, what]
            print(f"{page}: {claimed} of {total} months carry a claim in {what}, {claimed / total:.1%}")
    return int(any(found[page, FINDINGS] / asked.months > most or found[page, ALL] > most for page in proven))


if __name__ == "__main__":
    sys.exit(main())
