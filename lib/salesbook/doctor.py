"""What this machine can do, what is missing, and how to get it."""

import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from salesbook.errors import MissingTool
from salesbook.report.pdf import browser
from salesbook.settings import LANGUAGES
from salesbook.words import LOCALES

NEEDED = ("duckdb", "pandas", "papermill", "nbconvert", "matplotlib", "jupyterlab", "pyarrow", "xlsxwriter")
LEAST_FREE, LEAST_MEMORY = 2 * 2**30, 2 * 2**30
LEAST_JAVA = 17


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `state` is ok, missing (something cannot be done) or broken (nothing can)."""

    what: str
    state: str
    found: str
    todo: str = ""


def examined(home: Path) -> list[Finding]:
    """Everything the doctor looks at.

    Parameters: `home`, the folder of the settings, where reports and the cache are written.
    Returns: Findings, what every report needs first.
    """
    checks: tuple[Callable[[], Finding], ...] = (
        python, packages, lambda: writable(home), disk_of(home), memory, cores, fonts, languages,
        printing, notebooks_in_browser, postgres, spark, java,
    )  # fmt: skip
    return [check() for check in checks]


def python() -> Finding:
    """The interpreter."""
    is_new = sys.version_info >= (3, 11)
    return Finding("Python", "ok" if is_new else "broken", platform.python_version(), "Install Python 3.11 or newer.")


def packages() -> Finding:
    """The packages that every report needs."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return Finding("Packages", "broken", f"not there: {', '.join(missing)}", "Run: make report.")
    return Finding("Packages", "ok", ", ".join(f"{name} {metadata.version(name)}" for name in NEEDED[:4]))


def writable(home: Path) -> Finding:
    """Whether reports can be written."""
    is_fine = os.access(home, os.W_OK)
    return Finding("Folder", "ok" if is_fine else "broken", str(home), "Allow writing there, or move salesbook.toml.")


def disk_of(home: Path) -> Callable[[], Finding]:
    """Room on the disk of the settings."""

    def disk() -> Finding:
        free = shutil.disk_usage(home).free
        return Finding("Disk", "ok" if free > LEAST_FREE else "missing", f"{free / 2**30:.1f} GiB free", "Make room.")

    return disk


def memory() -> Finding:
    """Memory of the machine."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return Finding("Memory", "ok", "not known on this system")
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    state = "ok" if size >= LEAST_MEMORY else "missing"
    return Finding("Memory", state, f"{size / 2**30:.1f} GiB", "Pages of large companies need 2 GiB or more.")


def cores() -> Finding:
    """Cores: pages are made side by side."""
    return Finding("Cores", "ok", str(os.cpu_count()))


def fonts() -> Finding:
    """The house font, which comes with salesbook."""
    from salesbook.palette import FONT_FILES

    missing = [str(path) for path in FONT_FILES.values() if not path.is_file()]
    return Finding("Font", "broken" if missing else "ok", ", ".join(missing) or "Salesbook Sans", "Install again.")


def languages() -> Finding:
    """The languages of the pages."""
    return Finding("Languages", "ok", ", ".join(LOCALES[language] for language in LANGUAGES))


def printing() -> Finding:
    """A browser that prints PDF."""
    try:
        return Finding("PDF", "ok", browser())
    except MissingTool as error:
        return Finding("PDF", "missing", error.found, error.todo)


def notebooks_in_browser() -> Finding:
    """JupyterLab keeps its history in SQLite."""
    is_there = find_spec("jupyterlab") is not None
    found = f"JupyterLab, SQLite {sqlite3.sqlite_version}" if is_there else "no JupyterLab"
    return Finding("JupyterLab", "ok" if is_there else "missing", found, "Run: make lab.")


def postgres() -> Finding:
    """The driver for PostgreSQL as a source."""
    if find_spec("psycopg") is None:
        return Finding("PostgreSQL driver", "missing", "no psycopg", "Install psycopg[binary].")
    return Finding("PostgreSQL driver", "ok", f"psycopg {metadata.version('psycopg')}")


def spark() -> Finding:
    """The driver for Spark as a source and an engine."""
    if find_spec("pyspark") is None:
        return Finding("Spark driver", "missing", "no pyspark", "Run: pip install -r requirements-spark.lock.")
    found = f"pyspark {metadata.version('pyspark')}"
    if find_spec("grpc") is None:
        return Finding("Spark driver", "missing", f"{found}, no grpcio", "sc:// needs requirements-spark.lock.")
    return Finding("Spark driver", "ok", f"{found}; rows are checked on this machine, facts built on the cluster")


def java() -> Finding:
    """Java, through which Spark's spark:// is reached; sc:// needs none here."""
    found = shutil.which("java")
    if not found:
        return Finding("Java, for Spark", "missing", "no java", "Install a JRE 17 or newer; sc:// needs none.")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    version = re.search(r'version "(\d+)[^"]*"', told)
    is_new = bool(version) and int(version[1]) >= LEAST_JAVA
    told = version[0] if version else "of an unknown version"
    return Finding("Java, for Spark", "ok" if is_new else "missing", f"{found}, {told}", "Install a JRE 17 or newer.")
