"""A report made elsewhere, killed, starved of disk, made eight times at once: the proofs of the tests, large.

    python bench/prove_report.py --kills 100 --levels 40

Prints `identical files N/N` (another zone, locale, hash seed, folder), `kill points N/N`, `months at once N/N` and
`disk full N/N`; ends with 1 where one failed. A disk of its own is mounted for the last, which needs root.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from faulty import MONTHS, SECONDS, begin, differing, full_disks, home_in, kill_points, small_disk


def at_once(home: Path) -> list[str]:
    """Make eight months at the same time.

    Returns: what went wrong, month by month.
    """
    processes = [begin(home, "--month", month) for month in MONTHS]
    said = [(month, process.communicate(timeout=SECONDS)[1], process.returncode)
            for month, process in zip(MONTHS, processes, strict=True)]  # fmt: skip
    return [f"{month}: {code} {text}" for month, text, code in said if code]


def told(what: str, tried: int, wrong: list[str]) -> bool:
    """Print a proof's figure, and what went wrong; whether all was right."""
    print(f"{what} {tried - len(wrong)}/{tried}", flush=True)
    print("\n".join(wrong), file=sys.stderr)
    return not wrong


def main() -> None:
    """Prove, and end with 1 where a proof failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--levels", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    levels = [number / asked.levels for number in range(asked.levels)]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "killed").mkdir()
        (place / "at_once").mkdir()
        many, wrong = differing(place / "same")
        same = told("identical files", many, wrong)
        right = [
            same,
            told("kill points", asked.kills, kill_points(home_in(place / "killed"), asked.kills, asked.seed)),
        ]
        right.append(told("months at once", len(MONTHS), at_once(home_in(place / "at_once"))))
        with small_disk(place / "disk", "64m") as disk:
            right.append(told("disk full", asked.levels, full_disks(home_in(disk), levels)))
    sys.exit(not all(right))


if __name__ == "__main__":
    main()
