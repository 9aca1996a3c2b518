"""What the benches found: each keeps a section of its own in RESULTS.md and leaves the others as they are."""

import os
import platform
import re
import resource
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = """# How fast, and against what

`make bench` writes this file. Times vary from run to run: figures of one section were measured in one run, and only
their ratios count.
"""


def put(title: str, text: str, path: Path = RESULTS) -> None:
    """Write a section, in place of the one of the same title; a new one comes last.

    Parameters: `title`, its heading; `text`, Markdown without headings of the second level; `path`, the file.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else HEAD
    head, *sections = re.split(r"^(?=## )", before, flags=re.MULTILINE)
    section = f"## {title}\n\n{machine()}\n\n{text.strip()}\n"
    kept = [one.strip() + "\n" for one in sections]
    place = next((at for at, one in enumerate(kept) if one.startswith(f"## {title}\n")), len(kept))
    kept[place : place + 1] = [section]
    path.write_text("\n".join([head.strip() + "\n", *kept]), encoding="utf-8")


def machine() -> str:
    """The machine in general terms."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = ".".join(platform.python_version_tuple()[:2])
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB, {platform.system()}, Python {version}."


def most_memory() -> float:
    """The most memory that this process has held, in MB: its own, not what the process that began it had held."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))[1]) / 1024


def table(head: list[str], rows: list[list]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
