"""What an export's files hold: their headers, and for each column what its values as a whole prove."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import duckdb
import python_calamine

from salesbook.errors import BadData
from salesbook.sources import cast, copies, dating, files, outline, reader
from salesbook.sources.copies import Copy
from salesbook.sources.files import SourceFile
from salesbook.sources.form import DATES, FALSE, ISO, SPACES, TRUE, Form, literal, matches, number_pattern
from salesbook.sources.known import parts
from salesbook.sources.outline import Outline
from salesbook.sources.reader import Declared
from salesbook.sources.units import GAP, MONEY_SIGNS, without_sign

FORMS = {
    (decimal, thousands): Form(decimal=decimal, thousands=thousands)
    for decimal, thousands in ((".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", "'"))
}
MOST_VALUES = 40
MOST_HASHES = 100
MOST_DECIMALS = 12  # of a number as databases and programs write it
COUNTS = ("rows", "filled", "distinct", "signed", "timed", "zoned", "booleans", "currencies", "percents", "above_one",
          "padded", "of_15", "of_18")  # fmt: skip


@dataclass(frozen=True)
class Beside:
    """The rows of a file in which a column says one thing, and in how many of them each column is filled."""

    rows: int
    filled: dict[str, int]

    def with_rows_of(self, other: "Beside") -> "Beside":
        """The same rows of two files as one."""
        return Beside(self.rows + other.rows, {name: n + other.filled.get(name, 0) for name, n in self.filled.items()})


@dataclass(frozen=True)
class Profile:
    """A column of a file: its name, rows, rows filled, different values (the values themselves where they are few), and
    how many of the filled have the form of each kind.

    `dates`: form of a date to rows; `numbers`: (decimal sign, sign between thousands) to rows; `signed`: rows with a
    point or comma; `timed`, `zoned`: rows with a time, with a zone; `booleans`: rows that are yes or no;
    `percents`: rows with a number and %; `above_one`: rows with a number above 1, with % or without; `signs`: rows with
    the sign of a currency beside a number; `padded`: rows
    with zeros behind cents; `of_15`, `of_18`: rows with so many letters and digits, as Salesforce's ids;
    `beside`: of a column of yes and no, if its name is a known one, "yes" and "no" to the rows of each and of each
    other column with values those filled there; `example`: the first of its values in their order;
    `dates_by`: the step that turns dates which are written with words or in figures alone, or ""; `least`: of a column
    that is no date the smallest hashes of its values, of which two columns that have values in common have some in
    common.
    """

    name: str
    rows: int
    filled: int
    distinct: int
    values: tuple[str, ...]
    dates: dict[str, int]
    numbers: dict[tuple[str, str], int]
    signed: int
    timed: int
    zoned: int
    booleans: int
    currencies: int
    percents: int = 0
    above_one: int = 0
    signs: dict[str, int] = field(default_factory=dict)
    padded: int = 0
    of_15: int = 0
    of_18: int = 0
    beside: dict[str, "Beside"] = field(default_factory=dict)
    example: str = ""
    dates_by: str = ""
    least: frozenset[int] = frozenset()

    @property
    def sign(self) -> str:
        """The one currency sign that amounts bear, as `units.MONEY_SIGNS` names it; "" for none, or for several."""
        found = [name for name, count in self.signs.items() if count]
        return found[0] if len(found) == 1 else ""

    @property
    def is_date(self) -> bool:
        """Whether every value is a date or time in one order of day, month and year."""
        return 0 < self.filled == max(self.dates.values())

    @property
    def is_wordy(self) -> bool:
        """Whether the values are words or names: no dates, no numbers, not all yes and no."""
        return not (self.is_date or self.is_number or self.booleans == self.filled)

    @property
    def is_coded(self) -> bool:
        """Whether the values are whole numbers, as codes are."""
        return self.is_number and not self.signed and not self.is_date

    @property
    def is_number(self) -> bool:
        """Whether every value is a number in one form."""
        return 0 < self.filled == max(self.numbers.values())

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own, that is neither a date nor an amount."""
        return self.rows == self.distinct > 0 and not self.is_date and not (self.signed and self.is_number)

    def with_rows_of(self, other: "Profile") -> "Profile":
        """The profile of a column of two files as one: counts are added, few values put together."""
        added = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        for name in ("dates", "numbers", "signs"):
            one, two = getattr(self, name), getattr(other, name)
            added[name] = {key: one.get(key, 0) + two.get(key, 0) for key in {**one, **two}}
        values = tuple(sorted({*self.values, *other.values}))
        are_few = len(self.values) == self.distinct and len(other.values) == other.distinct
        added |= (
            {"values": values, "distinct": len(values)} if are_few and len(values) <= MOST_VALUES else {"values": ()}
        )
        beside = {answer: one.with_rows_of(other.beside[answer]) for answer, one in self.beside.items() if other.beside}
        example = min(filter(None, (self.example, other.example)), default="")
        least = frozenset(sorted(self.least | other.least)[:MOST_HASHES])
        dates_by = self.dates_by or other.dates_by
        return replace(self, **added, beside=beside, example=example, dates_by=dates_by, least=least)

    def fits(self, kind: str) -> bool:
        """Whether the values may be of a canonical type; amounts in thousands may not."""
        if not self.filled or kind in ("id", "text", "word"):
            return True
        if kind in ("instant", "date"):
            return self.is_date
        if kind == "boolean":
            return self.booleans == self.filled
        if kind == "currency":
            return self.currencies == self.filled
        if kind != "money" and any(self.signs.values()):
            return kind == "share" and self.percents == self.filled
        if sum(count > 0 for count in self.signs.values()) > 1 or (kind == "money" and says_scale(self.name)):
            return False
        return self.is_number or (kind == "share" and self.percents == self.filled)

    @property
    def is_percent(self) -> bool:
        """Whether shares are written as percents."""
        return self.percents > 0 or self.above_one > 0


@dataclass(frozen=True)
class Surveyed:
    """A file, or a sheet of one: its name, that of the map (with the sheet), its columns; or why it cannot be read.

    `outline`: where its header and its last row are, if it is a report.
    """

    name: str
    columns: dict[str, Profile]
    refusal: str = ""
    encoding: str = "utf-8"
    outline: Outline = field(default_factory=Outline)

    @property
    def rows(self) -> int:
        """Its rows."""
        return max((column.rows for column in self.columns.values()), default=0)


def survey(folder: Path, wanted: set[str]) -> list[Surveyed]:
    """All files of an export.

    Parameters: `folder`; `wanted`, names of columns (as `name_key`) by which a delimiter is told where two may be it.
    Returns: one entry a file or sheet, in order of their names; one that cannot be read says why.
    Raises: BadData where there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise BadData("The export is not a folder.", f"{folder} is none.", "Name the folder that holds the files.")
    found = files.entries(folder)
    if not found:
        there = files.listed(sorted(path.name for path in folder.iterdir())) or "nothing"
        todo = f"Put files there: {', '.join(files.ENDINGS)}."
        raise BadData("There is no export.", f"{folder} holds {there}.", todo)
    with tempfile.TemporaryDirectory() as work:
        parts = (part for path, packed in found for part in sheets_of(path, packed, folder))
        return [surveyed(part, Path(work), number, wanted) for number, part in enumerate(parts)]


def sheets_of(path: Path, packed: str, folder: Path) -> Iterator[SourceFile]:
    """A file, or the sheets of an Excel file with several; `packed`, the name of one in a zip, or ""."""
    names = [packed]
    if path.suffix.lower() == ".xlsx":
        try:
            found = python_calamine.load_workbook(str(path)).sheet_names
        except python_calamine.CalamineError:
            found = []
        names = found if len(found) > 1 else names
    for name in names:
        file = files.known_as(path, packed, folder)
        yield SourceFile(f"{file}#{name}" if name and not packed else file, path, name, ())


def surveyed(file: SourceFile, work: Path, number: int, wanted: set[str]) -> Surveyed:
    """A file with what its columns prove: those of its rows, without titles above them or the end of a report."""
    try:
        copy = copies.copied(file, work / f"{number}.copy")
        header, is_sure = outline.header_of(copy, wanted)
        text, encoding = text_of(copy, Declared(header=header), work, wanted)
        closing, is_closing_sure = outline.closing_of(text)
        if closing:
            text = reader.read(copy, Declared(encoding, header=header, closing=closing), wanted, work)
    except BadData as error:
        return Surveyed(file.name, {}, refusal=f"{error.wrong} {error.found} {error.todo}")
    found = outline.Outline(header, is_sure, closing, is_closing_sure)
    return Surveyed(file.name, profiles(text, wanted), "", encoding, found)


def text_of(copy: Copy, declared: Declared, work: Path, wanted: set[str]) -> tuple[reader.Text, str]:
    """A file's rows, and the encoding they were read in: one that is no UTF-8 is read as cp1252, as Excel on Windows
    writes it."""
    try:
        return reader.read(copy, declared, wanted, work), "utf-8"
    except BadData as error:
        if not error.wrong.endswith("is not utf-8."):
            raise
    return reader.read(copy, replace(declared, encoding="cp1252"), wanted, work), "cp1252"


def profiles(text: reader.Text, wanted: set[str]) -> dict[str, Profile]:
    """The columns of a file that have a name; beside those of yes and no whose name is wanted, what is filled there."""
    rows = cast.read_csv(text)
    with duckdb.connect() as con:
        con.execute(f"create table rows as from {rows}")
        places = {name: f"c{at}" for at, name in enumerate(text.header) if name}
        found = {name: profile(con, name, column) for name, column in places.items()}
        flags = [name for name, one in found.items() if one.booleans == one.filled > 0 and last_name(name) in wanted]
        there = {name: places[name] for name, one in found.items() if one.filled}
        return found | {name: replace(found[name], beside=beside(con, name, there)) for name in flags}


def last_name(name: str) -> str:
    """What a column's name ends with, as `name_key`: `active` of `Deal - Active`."""
    return reader.name_key(re.split(r" - |: |\.", name)[-1].partition("(")[0])


def beside(con: duckdb.DuckDBPyConnection, flag: str, places: dict[str, str]) -> dict[str, Beside]:
    """What stands in the rows in which a column of yes and no says either.

    Parameters: `flag`, its name; `places`, the names of columns with values to those of the table.
    """
    counts = ", ".join(f"count(nullif({cast.trimmed(column)}, ''))" for column in places.values())
    found = {}
    for answer, words in (("yes", TRUE), ("no", FALSE)):
        is_said = f"lower({cast.trimmed(places[flag])}) in ({', '.join(map(literal, words))})"
        rows, *filled = con.execute(f"select count(*), {counts} from rows where {is_said}").fetchone()
        found[answer] = Beside(rows, dict(zip(places, filled, strict=True)))
    return found


def profile(con: duckdb.DuckDBPyConnection, name: str, column: str) -> Profile:
    """One column."""
    dates_by = dating.step_of(con, name, column)
    dates = {form: f"{matches('d', pattern)} or {matches('d', ISO)}" for form, pattern in DATES.items()}
    numbers = {signs: matches("m", number_pattern(form, MOST_DECIMALS, 16)) for signs, form in FORMS.items()}
    there = signs_in(con, column)
    bare = "v"
    for sign in there:
        bare = without_sign(bare, Form(), MONEY_SIGNS[sign])
    beside = {sign: f"{without_sign('v', Form(), MONEY_SIGNS[sign])} <> v and regexp_matches(m, '^-?[0-9.,]')"
              for sign in there}  # fmt: skip
    words = ", ".join(f"'{word}'" for word in (*TRUE, *FALSE))
    tests = [
        *dates.values(), *numbers.values(), "regexp_matches(m, '[.,]')", "regexp_matches(d, '\\d[T ,]')",
        "regexp_matches(d, ':.*(?:Z|UTC|GMT|[+-]\\d\\d)')", f"lower(v) in ({words})", matches("v", "[A-Z]{3}"),
        matches("v", r"[0-9]+(?:[.,][0-9]+)? ?%"), "try_cast(replace(rtrim(v, '% '), ',', '.') as double) > 1",
        *beside.values(), f"ends_with(m, '00') and {matches('m', '-?[0-9]+[.,][0-9]{2}00+')}",
        *(f"length(v) = {length} and {matches('v', '[a-zA-Z0-9]+')}" for length in (15, 18)),
    ]  # fmt: skip
    counts = ", ".join(f"count(*) filter ({test})" for test in tests)
    total, filled, distinct, example, *found = con.execute(f"""
        select count(*), count(v), count(distinct v), min(v), {counts}
        from (select v, {bare} as m, {dating.turned(dates_by, "v")} as d
            from (select nullif({cast.trimmed(column)}, '') as v from rows))""").fetchone()
    values = ()
    if distinct <= MOST_VALUES:
        text = cast.trimmed(column)
        query = f"select distinct {text} from rows where {text} <> '' order by 1"
        values = tuple(value for (value,) in con.execute(query).fetchall())
    least = least_of(con, column) if filled > max(found[: len(dates)]) else frozenset()
    of_dates, rest = found[: len(dates)], found[len(dates) :]
    of_numbers, more = rest[: len(numbers)], rest[len(numbers) :]
    return Profile(
        name, total, filled, distinct, values, dict(zip(dates, of_dates, strict=True)),
        dict(zip(numbers, of_numbers, strict=True)), *more[: -len(beside) - 3],
        signs=dict(zip(beside, more[-len(beside) - 3 : -3], strict=True)), padded=more[-3],
        of_15=more[-2], of_18=more[-1], example=example or "", dates_by=dates_by, least=least,
    )  # fmt: skip


@cache
def says_scale(name: str) -> bool:
    """Whether a column's name says that its numbers are thousands or millions.

    Examples:
    >>> says_scale("Amount (k€)"), says_scale("Bedrag (x 1.000)"), says_scale("Amount (EUR)"), says_scale("Beløb kr.")
    (True, True, False, False)
    """
    money = f"(?:{'|'.join(MONEY_SIGNS.values())})"
    letter, words = "[ktm]", "|".join(sorted(parts("of_scales")))
    scaled = rf"{letter}\.? ?{money}(?!\w)|{money} ?{letter}(?!\w)|{letter}(?!\w)|{words}"
    return re.search(rf"(?i)(?<![^\W\d_])(?:{scaled})|\b1[.,' ]?000\b|'000", name) is not None


def least_of(con: duckdb.DuckDBPyConnection, column: str) -> frozenset[int]:
    """The smallest hashes of a column's different values."""
    text = cast.trimmed(column)
    query = f"select distinct hash({text}) as least from rows where {text} <> '' order by least limit {MOST_HASHES}"
    return frozenset(least for (least,) in con.execute(query).fetchall())


def says_cents(name: str) -> bool:
    """Whether a column's name says that its numbers are hundredths.

    Examples:
    >>> says_cents("amount_cents"), says_cents("priceInCents"), says_cents("Beløb (øre)"), says_cents("Percent")
    (True, True, True, False)
    """
    words = re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return bool(parts("of_cents").intersection(words))


def signs_in(con: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    """The signs of currencies that stand beside a number in a column."""
    number = f"-?[0-9][0-9.,'{SPACES}]*"
    return [name for name, signs in MONEY_SIGNS.items()
            if has_value(con, column, f"-?(?:{signs}){GAP}{number}|{number}(?:{signs})")]  # fmt: skip


def has_value(con: duckdb.DuckDBPyConnection, column: str, pattern: str) -> bool:
    """Whether a column has a value of a pattern."""
    return (
        con.execute(f"select 1 from rows where {matches(cast.trimmed(column), pattern)} limit 1").fetchone() is not None
    )
