"""Which column of a file becomes which canonical column: by name, by the map, never by position."""

import difflib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from salesbook import maps
from salesbook.errors import BadData
from salesbook.schema import Column, Table
from salesbook.settings import Source
from salesbook.sources.files import SourceFile, listed
from salesbook.sources.form import Form
from salesbook.sources.framing import Frame
from salesbook.sources.reader import Declared, name_key
from salesbook.sources.text import Text
from salesbook.tables import TABLES

FIRST_LINES = 30


@dataclass(frozen=True)
class Feed:
    """One source of one table: its number, its text, its form, and where each canonical column comes from.

    `positions`: canonical column to column of the text. `constants`: canonical column to one value for every row.
    `unknown`: columns of the text that no canonical column reads. `is_shared`: the file feeds other tables, too.
    `name`: the table, or the part of it, as the map has it. `forms`: canonical column to what turns its text into the
    canonical unit. `is_placed`: its texts are in a database, whose SQL lacks the quick ways of the engine here.
    """

    table: Table
    source: int
    text: Text
    form: Form
    positions: dict[str, int]
    constants: dict[str, str]
    unknown: tuple[str, ...]
    is_shared: bool = False
    name: str = ""
    forms: dict[str, tuple[Callable[[str, Form], str], ...]] = field(default_factory=dict)
    is_placed: bool = False


def names_of(name: str, source: Source) -> dict[str, list[list[str]]]:
    """The names that each column of a table, or of a part of one, may have in its file.

    Rule: those of the map; a column the map does not speak of has its own name, unless a map that ships lies under it.
    Returns: column to alternatives, each of them names for one thing, of which the first that is there is meant.
    """
    mapped = source.columns.get(name, {})
    own = not source.extends and "-" not in name and name in TABLES
    found = {}
    for column in maps.table(name).columns:
        named = mapped.get(column.name, column.name if own and column in TABLES[name].columns else "")
        found[column.name] = alternatives(named)
    return found


def alternatives(named: str | list) -> list[list[str]]:
    """The alternatives that a map names, as lists.

    Examples:
    >>> alternatives("Amount"), alternatives(["Bedrag", ["amount", "value"]]), alternatives("")
    ([['Amount']], [['Bedrag'], ['amount', 'value']], [])
    """
    several = [named] if isinstance(named, str) else named
    return [[one] if isinstance(one, str) else list(one) for one in several if one]


def wanted_names(name: str, source: Source) -> set[str]:
    """The names that a table's columns may have in its file, as `name_key`."""
    found = [*names_of(name, source).values(), alternatives(source.newest.get(name, []))]
    return {name_key(one) for several in found for same in several for one in same}


def declared(file: SourceFile, source: Source) -> Declared:
    """What the settings say of how a file is written.

    Raises: BadData where they say two things of its header, as the tables that it feeds have different ones.
    """
    names = list(dict.fromkeys(source.headers[name] for name in file.tables if source.headers.get(name)))
    if len(names) > 1:
        todo = "Mend them under [headers] in salesbook.toml: a file has one header."
        raise BadData(f"The header of {file.name} is declared in two ways.", f"Found {listed(names)}.", todo)
    header = names[0] if names else ""
    return Declared(source.encoding, source.delimiter, source.decimal, header, source.closing_lines)


def feed(
    name: str, table: Table, number: int, text: Text, form: Form, source: Source, dated: dict[str, list[str]]
) -> Feed:
    """How a file feeds a table.

    Parameters: `name`, the table or the part of it in the map; `table`, its columns, with those that steps read;
    `dated`, stage to the columns that say when deals came into it.
    Raises: BadData where a column that the table needs, or that the map names, is not in the file, or two are.
    """
    places = {name_key(column): at for at, column in enumerate(text.header) if column}
    is_ours = text.is_canonical
    names = {column.name: [[column.name]] for column in table.columns} if is_ours else names_of(name, source)
    names = {column.name: names.get(column.name, []) for column in table.columns}
    names |= {f"entered_{at}": [columns] for at, columns in enumerate(dated.values()) if f"entered_{at}" in names}
    mapped = source.columns.get(name, {}) if not is_ours else {}
    if not is_ours and name in source.newest:
        names["version_at"], mapped = alternatives(source.newest[name]), mapped | {"version_at": source.newest[name]}
    constants = with_currency(table, source, given_constants(name, source), mapped, places, names)
    found = {column: place(column, wanted, places, name, text) for column, wanted in names.items()
             if column not in constants}  # fmt: skip
    positions = {column: at for column, at in found.items() if at >= 0}
    lacking = [
        column.name
        for column in table.columns
        if column.name not in {*positions, *constants, *told_unknown(name, source)}
        and is_lacking(column, mapped, is_part="-" in name)
    ]
    if lacking:
        raise missing([names[column][0][0] if names[column] else column for column in lacking], name, text, source)
    unknown = tuple(column for at, column in enumerate(text.header) if column and at not in positions.values())
    unknown += text.others
    return Feed(table, number, text, form, positions, constants, unknown, name=name)


def of_file(source: Source, file: SourceFile) -> Source:
    """The settings as they are of one file: of constants that are told file by file those of this one.

    Rule: where they are told of other files alone, the column is read that the map names.
    Raises: BadData where it names none.
    """
    constants = {table: dict(told) for table, told in source.constants.items() if table in file.tables}
    for table, told in constants.items():
        for column, value in list(told.items()):
            own = own_value(value, file)
            if own is None and column not in source.columns.get(table, {}):
                todo = f"Add it to {column} under [constants.{table}] in salesbook.toml."
                raise BadData(f"{file.name} has no value of {column}.", f"It is told of {listed(list(value))}.", todo)
            told[column] = own
        constants[table] = {column: own for column, own in told.items() if own is not None}
    return replace(source, constants=source.constants | constants)


def own_value(told: str | dict[str, str], file: SourceFile) -> str | None:
    """The value that is told of every file, or of those of a name; a name may be a pattern, the first is taken. None
    where it is told of other files alone."""
    if isinstance(told, str):
        return told
    names = (file.name, f"{file.name}#{file.sheet}")
    found = (value for one, value in told.items() if any(name == one or fnmatchcase(name, one) for name in names))
    return next(found, None)


def given_constants(name: str, source: Source) -> dict[str, str]:
    """The constants of a table or part; an empty one takes away that of the map underneath."""
    return {column: value for column, value in source.constants.get(name, {}).items() if value != ""}


def told_unknown(name: str, source: Source) -> set[str]:
    """The columns of a table whose values the map says are not known: `direction = ""`; none that must be filled."""
    told = {column for column, value in source.constants.get(name, {}).items() if value == ""}
    return {column.name for column in maps.table(name).columns if column.name in told and not column.filled}


def place(column: str, names: list[list[str]], places: dict[str, int], name: str, text: Text) -> int:
    """Where the file has the column; -1 where it does not.

    Raises: BadData where it has more than one of its alternatives.
    """
    found = [[places[name_key(one)] for one in same if name_key(one) in places] for same in names]
    there = list(dict.fromkeys(same[0] for same in found if same))
    if len(there) > 1:
        both = [text.header[at] for at in there]
        todo = f"Name the one to take: {column} = {both[0]!r} under [columns.{name}] in salesbook.toml."
        raise BadData(f"{text.name} has two columns for {name}.{column}.", f"It has {listed(both)}.", todo)
    return there[0] if there else -1


def words_of(name: str, source: Source) -> dict[str, dict[str, str]]:
    """The words of a table; a part has those of its table, and its own before them.

    Each is there with its accents as signs of their own, too: a Mac writes them so, and nobody sees it.
    """
    words = maps.merged(source.words.get(maps.table_name(name), {}), source.words.get(name, {}))
    return {
        column: {unicodedata.normalize(form, old): new for form in ("NFD", "NFC") for old, new in pairs.items()} | pairs
        for column, pairs in words.items()
    }


def check_words(source: Source) -> None:
    """Refuse words that are translated into none of the words a column knows.

    Raises: BadData with the nearest word there is.
    """
    for table, columns in source.words.items():
        for name, words in columns.items():
            allowed = maps.table(table).column(name).words
            for old, new in words.items() if allowed else ():
                if new and new.lower() not in allowed:
                    found = f"[words.{table}.{name}] has {old!r} = {new!r}."
                    raise BadData(
                        "The map names a word that does not exist.", found, f"There are: {listed(list(allowed))}."
                    )


def is_named(column: Column, mapped: dict) -> bool:
    """Whether the map names one column of the file, which must then be there; one that a list names need not be."""
    return isinstance(mapped.get(column.name), str) and mapped[column.name] != ""


def is_lacking(column: Column, mapped: dict, is_part: bool) -> bool:
    """Whether a column that the file does not have is one that it must have; other parts may have what is needed."""
    return column.filled or is_named(column, mapped) or (column.needed and not is_part)


def with_currency(
    table: Table, source: Source, constants: dict, mapped: dict, places: dict, names: dict
) -> dict[str, str]:
    """The constants, with the source's currency for amounts in a file that has no column for it."""
    column = next((c for c in table.columns if c.type == "currency" and c.filled and c.name not in table.key), None)
    if column is None or column.name in constants or not source.currency:
        return constants
    is_there = any(name_key(one) in places for same in names[column.name] for one in same)
    return constants if is_named(column, mapped) or is_there else {**constants, column.name: source.currency}


def missing(names: list[str], name: str, text: Text, source: Source) -> BadData:
    """The error for columns that are not in a file, with the names that are, the nearest first."""
    header = text.header + text.others
    near = [close for lacking in names for close in nearest(lacking, header)]
    there = list(dict.fromkeys([*near, *filter(None, header)]))
    kind = "column" if len(names) == 1 else "columns"
    todo = f"Map {'it' if len(names) == 1 else 'them'} under [columns.{name}] in salesbook.toml"
    if names == ["currency"] and not source.currency:
        todo += ", or set currency under [source]"
    todo += f", or give one value for every row under [constants.{name}]."
    if set(names) <= {same[0] for same in alternatives(source.newest.get(name, []))}:
        todo = f"Mend {name} under [newest] in salesbook.toml: it names the column by which the newest version wins."
    if not text.is_table:
        todo = no_header(name, wanted_names(name, source), text, todo)
    return BadData(f"{text.name} has no {kind} {listed(names)}.", f"It has {listed(there)}.", todo)


def no_header(name: str, wanted: set[str], text: Text, todo: str) -> str:
    """What to do where a file's first line is no header: its names stand lower, or in one field, or nowhere; else
    what is given."""
    if line := later_header(wanted, text):
        todo = f'say under [headers] in salesbook.toml with which name it begins, as {maps.table_name(name)} = "...".'
        return f"Line {line} has names that are looked for: if it is the header, {todo}"
    first, *others = list(filter(None, text.header)) or [""]
    for sign in sorted(set(re.findall(r"[^\w\s\"']", first))) if not others else ():
        if len(wanted & set(map(name_key, first.split(sign)))) > 1:
            if sign == text.dialect.delimiter.decode():
                return "Each line stands in quotes as a whole: export it again, or take these quotes away."
            return f"All names stand in one field: set delimiter = {sign!r} under [source] in salesbook.toml."
    if not wanted & set(map(name_key, text.header)):
        return f"{todo} If the first line is no header, put one above it."
    return todo


def later_header(wanted: set[str], text: Text) -> int:
    """The first of a file's first lines with more of some names than its header has, and several; 0 for none.

    Exports and sheets may have a title and a date above the header.
    Parameters: `wanted`, the names as `name_key`.
    """
    most = max(1, len(wanted & set(map(name_key, text.header))))
    frame = next(text.frames(), Frame())
    lines = [(int(line), frame.original(row)) for row, line in enumerate(frame.lines[:FIRST_LINES])]
    lines += [(line, record) for line, _, record in frame.bad[:FIRST_LINES]]
    for line, record in sorted(lines):
        names = {name_key(one) for one in re.split(r"[,;\t|\"]", record.decode())}
        if len(wanted & names) > most:
            return line
    return 0


def nearest(name: str, header: tuple[str, ...]) -> list[str]:
    """The names in a header most like one that is missing."""
    keys = {name_key(column): column for column in header if column}
    holding = [column for key, column in keys.items() if name_key(name) in key]
    return holding + [keys[key] for key in difflib.get_close_matches(name_key(name), keys, 2)]
