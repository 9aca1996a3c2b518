"""Published months, frozen: what a final month was made of and looked like stays, version after version."""

import json
import shutil
from pathlib import Path

from salesbook.errors import WrongUsage

FOLDER = ".published"


def definitions() -> dict[str, str]:
    """The version of every KPI's definition."""
    from salesbook import KPIS  # slow, and asked for only where a month was frozen

    return {name: made.version for name, made in KPIS.items()}


def versions(reports: Path, month: str) -> list[Path]:
    """The frozen versions of a month, oldest first."""
    found = (reports / FOLDER).glob(f"{month}-v*")
    return sorted(found, key=lambda path: int(path.name.rpartition("-v")[2]))


def told(run: Path) -> dict:
    """What run.json says of a run, with the definitions of today where it does not bear its own."""
    said = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return {"kpis": definitions()} | said


def keep(reports: Path, month: str, run: Path) -> Path:
    """Freeze what is published of a month as its next version: pages, facts, run.json.

    Returns: the folder of the version.
    Raises: WrongUsage where the month is not published.
    """
    place = reports / month
    if not place.is_dir():
        raise WrongUsage("There is nothing to publish.", f"{place} is not there.", f"Make it: report --month {month}.")
    version = reports / FOLDER / f"{month}-v{len(versions(reports, month)) + 1}"
    staging = version.with_name(f".{version.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(place, staging)
    shutil.copytree(run / "facts", staging / "run" / "facts")
    text = json.dumps(told(run), indent=2, sort_keys=True, ensure_ascii=False)
    (staging / "run" / "run.json").write_text(text + "\n", encoding="utf-8")
    staging.rename(version)
    return version
