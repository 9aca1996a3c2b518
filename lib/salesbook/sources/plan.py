"""Which column of a file becomes which canonical column: by name, by the map, never by position."""

import difflib
from dataclasses import dataclass

from salesbook.errors import BadData
from salesbook.schema import Column, Table
from salesbook.settings import NAME, Source
from salesbook.sources.files import listed
from salesbook.sources.form import Form
from salesbook.sources.reader import Text, name_key
from salesbook.tables import TABLES


@dataclass(frozen=True)
class Feed:
    """One source of one table: its number, its text, its form, and where each canonical column comes from.

    `positions`: canonical column to column of the text. `constants`: canonical column to one value for every row.
    `unknown`: columns of the text that no canonical column reads. `is_shared`: the file feeds other tables, too.
    """

    table: Table
    source: int
    text: Text
    form: Form
    positions: dict[str, int]
    constants: dict[str, str]
    unknown: tuple[str, ...]
    is_shared: bool = False


def wanted_names(table: Table, source: Source) -> set[str]:
    """The names that a table's columns may have in its file, as `name_key`."""
    mapped = source.columns.get(table.name, {})
    return {name_key(mapped.get(column.name, column.name)) for column in table.columns}


def feed(table: Table, number: int, text: Text, form: Form, source: Source) -> Feed:
    """How a file feeds a table.

    Raises: BadData where a column that the table needs, or that the map names, is not in the file.
    """
    places = {name_key(name): at for at, name in enumerate(text.header) if name}
    mapped = source.columns.get(table.name, {}) if text.name != NAME else {}
    constants = with_currency(table, source, source.constants.get(table.name, {}), mapped, places)
    names = {column.name: mapped.get(column.name, column.name) for column in table.columns}
    positions = {column: places[name_key(name)] for column, name in names.items() if name and name_key(name) in places}
    from_file = {column: at for column, at in positions.items() if column not in constants}
    lacking = [
        column for column in table.columns if column.name not in positions and is_lacking(column, constants, mapped)
    ]
    if lacking:
        raise missing([names[column.name] or column.name for column in lacking], table, text, source)
    used = set(from_file.values())
    unknown = tuple(name for at, name in enumerate(text.header) if name and at not in used)
    return Feed(table, number, text, form, from_file, constants, unknown)


def check_words(source: Source) -> None:
    """Refuse words that are translated into none of the words a column knows.

    Raises: BadData with the nearest word there is.
    """
    for table, columns in source.words.items():
        for name, words in columns.items():
            allowed = TABLES[table].column(name).words
            for old, new in words.items() if allowed else ():
                if new and new.lower() not in allowed:
                    found = f"[words.{table}.{name}] has {old!r} = {new!r}."
                    raise BadData(
                        "The map names a word that does not exist.", found, f"There are: {listed(list(allowed))}."
                    )


def is_lacking(column: Column, constants: dict, mapped: dict) -> bool:
    """Whether a column that the file does not have is one that it must have."""
    return column.name not in constants and bool(column.needed or column.filled or mapped.get(column.name))


def with_currency(table: Table, source: Source, constants: dict, mapped: dict, places: dict) -> dict[str, str]:
    """The constants, with the source's currency for amounts in a file that has no column for it."""
    column = next((c for c in table.columns if c.type == "currency" and c.filled and c.name not in table.key), None)
    if column is None or column.name in constants or not source.currency or mapped.get(column.name):
        return dict(constants)
    return dict(constants) if name_key(column.name) in places else {**constants, column.name: source.currency}


def missing(names: list[str], table: Table, text: Text, source: Source) -> BadData:
    """The error for columns that are not in a file, with the names that are, the nearest first."""
    near = [close for name in names for close in nearest(name, text.header)]
    there = list(dict.fromkeys([*near, *filter(None, text.header)]))
    kind = "column" if len(names) == 1 else "columns"
    todo = f"Map {'it' if len(names) == 1 else 'them'} under [columns.{table.name}] in salesbook.toml"
    if names == ["currency"] and not source.currency:
        todo += ", or set currency under [source]"
    todo += f", or give one value for every row under [constants.{table.name}]."
    return BadData(f"{text.name} has no {kind} {listed(names)}.", f"It has {listed(there)}.", todo)


def nearest(name: str, header: tuple[str, ...]) -> list[str]:
    """The names in a header most like one that is missing."""
    keys = {name_key(column): column for column in header if column}
    holding = [column for key, column in keys.items() if name_key(name) in key]
    return holding + [keys[key] for key in difflib.get_close_matches(name_key(name), keys, 2)]
