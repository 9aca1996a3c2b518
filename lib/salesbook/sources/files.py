"""The files of a source: which file feeds which table."""

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from salesbook.errors import BadData
from salesbook.maps import table_name
from salesbook.settings import Settings, Source
from salesbook.tables import TABLES

KINDS = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xlsm")
ENDINGS = (*(kind + packed for kind in KINDS for packed in (".gz", ".zip")), ".gz", ".zip", *KINDS)
# What people export or pack, and nothing here reads.
SHEETS, DATA = (".xls", ".xlsb", ".ods", ".numbers"), (".json", ".jsonl", ".ndjson", ".xml", ".html", ".htm")
PACKED = (".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".tgz")
UNREAD = (*SHEETS, *DATA, *PACKED, ".feather", ".arrow", ".avro", ".orc")


@dataclass(frozen=True)
class SourceFile:
    """A file of the source: its name as the person knows it, its path, a sheet where one is named, its tables.

    `is_canonical`: made by salesbook, with the tables' own names and forms whatever the map says.
    """

    name: str
    path: Path
    sheet: str
    tables: tuple[str, ...]
    is_canonical: bool = False


def located(settings: Settings) -> list[SourceFile]:
    """The files of a source, in order of their names, numbers in them counted as numbers.

    Rule: a table's file is the one the map names (a name, a pattern such as deals-*.csv, or several), else the one
    that a map underneath knows, else the one that bears the table's name. Only deals must have one, or rows in the
    settings, unless the map says that there are none: `deals = ""`.
    Raises: BadData where the folder or a file that the map names is not there, two files bear a table's name, or one of
    a kind that is not read does.
    """
    folder, source = settings.source_path, settings.source
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise BadData("The source is not a folder.", f"{folder} {what}.", "Set path under [source] in salesbook.toml.")
    tables = located_by(source, partial(by_map, folder), partial(by_offer, folder), partial(by_name, folder))
    files = [
        SourceFile(known_as(path, sheet, folder), path, sheet, tuple(fed)) for (path, sheet), fed in tables.items()
    ]
    refuse_unread(folder, source, {name for fed in tables.values() for name in fed})
    has_deals = any(table_name(name) == "deals" for file in files for name in file.tables)
    is_without = source.files.get("deals") == "" and bool(files)
    if not (has_deals or is_without or source.rows.get("deals")):
        raise no_deals(folder)
    return sorted(files, key=lambda file: (*counted(file.name), file.sheet))


def unread(settings: Settings) -> list[str]:
    """Files in the source's folder that may hold a table and feed none, in order of their names."""
    folder = settings.source_path
    if not folder.is_dir():
        return []
    read = {file.path for file in located(settings)}
    there = sorted(path for path in folder.iterdir() if path not in read and not is_aside(path.name))
    return [path.name for path in there if path.name.lower().endswith(ENDINGS + UNREAD)]


def refuse_unread(folder: Path, source: Source, fed: set[str]) -> None:
    """Refuse a file that bears the name of a table, and of a kind that is not read, or a folder of files, where no
    other feeds the table: the report would go without it.

    Raises: BadData.
    """
    lacking = TABLES.keys() - {table_name(name) for name in fed} - {table_name(name) for name in source.files}
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        table, dot, end = name.partition(".")
        if table not in lacking or name.endswith(ENDINGS):
            continue
        is_beside = path.is_dir() and bool(readable(path)) and bool(readable(folder))
        found = f"Files that end in {dot + end!r} are not." if end else "Its name has no ending."
        todo = f'Save it as .xlsx or CSV. If it is not to be read, say so: {table} = "" under [files].'
        if is_beside:
            found = "It is a folder beside files."
            todo = (
                f'If its files are to be read, name them: {table} = "{path.name}/*" under [files]; else {table} = "".'
            )
        if is_beside or path.is_file():
            raise BadData(f"{path.name} is not read.", found, todo)


def counted(name: str) -> tuple[list, str]:
    """What files are put in order by: their names, in which numbers are counted, so that 9 comes before 10.

    Examples:
    >>> sorted(["deals-10.csv", "deals-9.csv"], key=counted)
    ['deals-9.csv', 'deals-10.csv']
    """
    return [int(part) if at % 2 else part for at, part in enumerate(re.split(r"([0-9]+)", name))], name


def located_by(source: Source, by_map: Callable, by_offer: Callable, by_name: Callable) -> dict:
    """What feeds which tables: by the map, else by what a map underneath offers, else by the table's own name.

    Returns: whatever the three give for a table, with the tables it feeds.
    """
    fed: dict = {}
    for table in dict.fromkeys((*TABLES, *source.files, *source.offered)):
        if table in source.files:
            found = by_map(table, source.files[table])
        elif table in source.offered:
            found = by_offer(table, source.offered[table])
        else:
            found = [] if source.extends else by_name(table)
        for one in found:
            fed.setdefault(one, []).append(table)
    return fed


def no_deals(folder: Path) -> BadData:
    """The error for a folder in which nothing is named after the deals."""
    paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    there = [known_as(path, part, folder) for path in paths for part in parts_of(path)]
    found = f"{folder} holds {listed(there)}." if there else f"{folder} is empty."
    todo = 'Put deals.csv or deals.xlsx there, or name yours: deals = "your file.csv" under [files] in salesbook.toml.'
    todo += ' If you have none, say so there: deals = "".'
    return BadData("The source has no file of deals.", found, todo)


def listed(names: list[str], most: int = 12) -> str:
    """Names as a list in words, cut after the first so many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more


def known_as(path: Path, part: str, folder: Path) -> str:
    """A file's name as the person knows it: from the source's folder where it is in there, and of a zip's file both."""
    name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
    return f"{name}#{part}" if part and path.suffix.lower() == ".zip" else name


def entries(folder: Path) -> list[tuple[Path, str]]:
    """What a folder holds that may be read: its files, of a zip of several files each of them; where it has none, those
    of the folders in it, as replicas have one for each table.

    Returns: paths, each with the name of a zip's file, else "", in order.
    """
    paths = readable(folder)
    paths = paths or [path for inner in sorted(folder.iterdir()) if inner.is_dir() for path in readable(inner)]
    return [(path, part) for path in paths for part in parts_of(path)]


def readable(folder: Path) -> list[Path]:
    """What has in a folder a name that ends as those of files do that can be read."""
    return [path for path in sorted(folder.iterdir()) if path.name.lower().endswith(ENDINGS)]


def parts_of(path: Path) -> list[str]:
    """The names of a zip's files, where it has several; else "" alone."""
    found = zipped(path)
    return found if len(found) > 1 else [""]


def zipped(path: Path) -> list[str]:
    """The names of a zip's files; none of another file or a broken one: what it is will be told when it is read."""
    if path.suffix.lower() != ".zip" or not path.is_file():
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            return members(archive)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
        return []


def members(archive: zipfile.ZipFile) -> list[str]:
    """The files of a zip, without what a system puts beside them."""
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
    return [name for name in names if not Path(name).name.startswith(".")]


def stems(name: str) -> list[str]:
    """The names by which a file is known, in small letters and without ending: its own, and that of its folder.

    Examples:
    >>> stems("Deals.csv"), stems("WE_1.ZIP#Lead.csv"), stems("Book.xlsx#Deals"), stems("Task/2026_0.parquet")
    (['deals'], ['lead'], ['book'], ['2026_0', 'task'])
    """
    file, _, part = name.lower().partition("#")
    own = Path((part if part and file.endswith(".zip") else file).replace("\\", "/"))
    bare = next((own.name[: -len(end)] for end in ENDINGS if own.name.endswith(end)), own.name)
    return [bare, own.parent.name] if own.parent.name else [bare]


def by_name(folder: Path, table: str) -> list[tuple[Path, str]]:
    """The file that bears a table's name, if there is one."""
    wanted = {table + ending for ending in ENDINGS}
    found = [(path, part) for path, part in entries(folder) if own_name(path, part).lower() in wanted]
    if len(found) > 1:
        names = listed([known_as(*one, folder) for one in found])
        todo = f"Take one away, or name the one to read: {table} = ... under [files] in salesbook.toml."
        raise BadData(f"Two files bear the name of the table {table}.", f"{folder} holds {names}.", todo)
    return found


def own_name(path: Path, part: str) -> str:
    """The name of a file or of a zip's file: of a zip that bears no table's name that of the only file in it."""
    is_named = part or stems(path.name)[0] in TABLES
    return Path(str(part or path if is_named else next(iter(zipped(path)), path)).replace("\\", "/")).name


def by_offer(folder: Path, table: str, offered: list[str]) -> list[tuple[Path, str]]:
    """The files that bear a name which the map underneath knows for a table: names without ending, in any case.

    Raises: BadData where two of the names are there.
    """
    found: dict[str, list[tuple[Path, str]]] = {}
    for path, part in entries(folder):
        there = stems(known_as(path, part, folder))
        name = next((name for name in offered if any(is_called(stem, name) for stem in there)), None)
        if name:
            found.setdefault(name, []).append((path, part))
    if len(found) > 1:
        names = listed([known_as(*files[0], folder) for files in found.values()])
        todo = f"Name the one to read: {table} = ... under [files] in salesbook.toml."
        raise BadData(f"Two files may be the table {table}.", f"{folder} holds {names}.", todo)
    return [one for files in found.values() for one in files]


def is_called(stem: str, name: str) -> bool:
    """Whether a file's name is one that a map knows, also with the CRM's name before it or `_data` after it.

    Examples:
    >>> is_called("deal", "deal"), is_called("sf_task_data", "task"), is_called("deal_stage", "deal")
    (True, True, False)
    """
    bare = re.sub(r"^(?:sf|hubspot|salesforce|pipedrive|lime|efficy)_|_data$", "", stem)
    return fnmatchcase(stem, name) or fnmatchcase(bare, name)


def is_aside(name: str) -> bool:
    """Whether a file is one that a system, an open Excel or `salesbook sample` has put beside the others: no pattern
    means it."""
    return name.startswith((".", "~$")) or name == "effects.json"


def by_map(folder: Path, table: str, named: str | list[str]) -> list[tuple[Path, str]]:
    """The files that the map names for a table; an empty name means none."""
    names = [named] if isinstance(named, str) else list(named)
    found = []
    for name in filter(None, names):
        name, _, sheet = name.partition("#") if not (folder / name).exists() else (name, "", "")
        if (folder / name).exists():
            found += [(folder / name, part) for part in named_in(folder / name, sheet)]
            continue
        is_pattern = re.search(r"[*?\[]", name) and not Path(name).is_absolute()
        matching = sorted(path for path in folder.glob(name) if not is_aside(path.name)) if is_pattern else []
        if not matching:
            there = listed(sorted(path.name for path in folder.iterdir()))
            todo = f"Mend {table} under [files] in salesbook.toml."
            raise BadData(f"There is no file {name!r} for the table {table}.", f"{folder} holds {there}.", todo)
        found += [(path, part) for path in matching for part in named_in(path, sheet)]
    return list(dict.fromkeys(found))


def named_in(path: Path, part: str) -> list[str]:
    """The names of a zip's files that a pattern means; any other name as it is."""
    there = zipped(path)
    return [name for name in there if part not in there and fnmatchcase(name, part)] or [part]
