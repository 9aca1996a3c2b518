"""Memory: how much a process may hold. A report run gives each page's kernel its part, in an environment variable."""

import ctypes
import os
import re
import sys

from salesbook.errors import MissingTool, WrongUsage

PAGE = "SALESBOOK_MEMORY"  # the bytes a page's kernel may hold
ENGINE_SHARE = 0.5  # what DuckDB may take of that: beside it stand pandas, the drawings and the libraries
BUILD_SHARE = 0.8  # what DuckDB may take of the whole while facts are built: beside it stands little
LEAST = 500 * 10**6  # a kernel with all that pages import holds half of this before it begins
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # what mallopt(3) calls M_MMAP_THRESHOLD and M_TRIM_THRESHOLD
LARGEST_KEPT, MOST_KEPT = 1 << 25, 1 << 26  # bytes of freed memory: of one piece, and at the end of the heap
UNITS = {"MB": 10**6, "GB": 10**9}
ERRORS = {"MemoryError", "_ArrayMemoryError", "ArrowMemoryError", "OutOfMemoryException"}


def size_of(text: str) -> int:
    """The bytes that a text like 4GB or 1500MB means; none for an empty one.

    Raises: WrongUsage where it cannot be read.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(MB|GB)", text)
    if text and not match:
        raise WrongUsage("limits.memory cannot be read.", f"Found {text!r}.", "Write it as 4GB or 1500MB.")
    return int(float(match[1]) * UNITS[match[2]]) if match else 0


def part(total: int, pages: int) -> int:
    """What each of the pages run at once may hold; 0 where there is no limit.

    Raises: WrongUsage where that is less than a page needs to begin.
    """
    if total and total // pages < LEAST:
        found = f"{total // 10**6} MB for {pages} pages at once."
        raise WrongUsage("limits.memory is too little.", found, f"Give each page {LEAST // 10**6} MB or more.")
    return total // pages


def for_engine() -> str:
    """What DuckDB may hold in this process, such as 950MB; empty, for DuckDB's own limit, outside a report run."""
    size = int(os.environ.get(PAGE, "0"))
    return f"{int(size * ENGINE_SHARE) // 10**6}MB" if size else ""


def for_build(text: str) -> str:
    """What DuckDB may hold while it builds facts, of the limit of the settings; empty where there is none."""
    size = size_of(text)
    return f"{int(size * BUILD_SHARE) // 10**6}MB" if size else ""


def limit() -> None:
    """Hold this process to its part.

    Rule: RLIMIT_DATA, which counts what a process writes to; RLIMIT_AS would also count what libraries but reserve.
    Windows has neither: there only DuckDB keeps to the limit.
    """
    size = int(os.environ.get(PAGE, "0"))
    if size and sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def refused(error: Exception) -> MissingTool | None:
    """The error of a process that may hold no more, in three parts; None for any other."""
    if type(error).__name__ not in ERRORS:
        return None
    told = str(error).partition("\n")[0].strip()
    todo = "Give memory under [limits] more, or leave it out for what the machine has; other programs may hold it."
    return MissingTool("There is too little memory.", f"{told or type(error).__name__}.", todo)


def keep_freed() -> None:
    """Have the C library keep memory that is freed for what is asked for next.

    Rule: of itself glibc gives larger pieces back to the system each time, which clears every page of the next one
    anew: framing a file took twice as long. Other C libraries, and what DuckDB and Arrow hold, stay as they are.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(MMAP_THRESHOLD, LARGEST_KEPT)
        libc.mallopt(TRIM_THRESHOLD, MOST_KEPT)
