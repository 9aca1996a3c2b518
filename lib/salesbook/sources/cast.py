"""Text to typed values in one SQL statement per file: by the declared form, then a cast; what fits neither is named."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from babel.numbers import list_currencies

from salesbook import zones
from salesbook.schema import Column
from salesbook.sources.form import (
    DATES,
    FALSE,
    ISO,
    SAMPLES,
    SPACES,
    TRUE,
    iso_date,
    iso_time,
    literal,
    looks_grouped,
    matches,
    number_pattern,
    plain_number,
)
from salesbook.sources.plan import Feed
from salesbook.sources.rows import Traits
from salesbook.sources.text import Text
from salesbook.tables import TABLES

UNKNOWN = Traits(is_plain=False, is_trim=False, is_bare=False, is_short=False)
TRIMMED = " \t\r\n\u00a0"
EDGES, ODD_EDGES = (" ", "\n"), ("\t", "\r", "\u00a0")
DIGITS = {"money": (16, 2), "number": (14, 4), "rate": (10, 8), "share": (3, 6), "integer": (18, 0)}
# The usual forms of a time by the length of the text: with so many signs every digit must be there.
QUICK = {
    "ymd": {
        10: ("%Y-%m-%d",),
        16: ("%Y-%m-%d %H:%M",),
        19: ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"),
        20: ("%Y-%m-%dT%H:%M:%SZ",),
        24: ("%Y-%m-%dT%H:%M:%S.%gZ",),
    },
    **{
        order: {
            length: tuple(sign.join(parts) + clock for sign in "-/." for clock in clocks)
            for length, clocks in ((10, ("",)), (16, (" %H:%M", " %H.%M")), (19, (" %H:%M:%S", " %H.%M.%S")))
        }
        for order, parts in (("dmy", ("%d", "%m", "%Y")), ("mdy", ("%m", "%d", "%Y")))
    },
}
EXAMPLES = {"money": "1234.50", "number": "12.5", "rate": "0.13401234", "share": "0.25", "integer": "42"}
# What Excel writes for an error in English, Dutch, Danish, German and Swedish, and where a column is too narrow.
SHEET_ERROR = (
    r"#(?:N/A|N/B|I/T|NV|SAKNAS!|REF!|VERW!|REFERENCE!|BEZUG!|REFERENS!|VALUE!|WAARDE!|VÆRDI!|WERT!|VÄRDEFEL!"
    r"|NAME\?|NAAM\?|NAVN\?|NAMN\?|DIV/0!|DEEL/0!|DIVISION/0!|NUM!|GETAL!|ZAHL!|OGILTIGT!|NULL!|LEEG!|NUL!|SKÄRNING!"
    r"|SPILL!|CALC!|#{2,})"
)
MADE_DATE = rf"{ISO}|\d+:[0-5]\d:[0-5]\d"
WRAPPED = r"""^="([^"]*)"$"""
SPOILED = rf"(?i)-?\d(?:[.,]\d+)?E\+\d+|{SHEET_ERROR}"
CURRENCY_CODES = sorted(list_currencies() - {"XTS", "XXX"})  # without those that mean none
CURRENCIES = ", ".join(map(literal, CURRENCY_CODES))
OTHER = "*"
# Records that tell of nothing, which exports and spreadsheets leave among the rows.
NO_ROWS = {"header_again": "the header stands here once more", "row_empty": "all fields of the row are empty"}
# Helping expressions by the first letter of their names; each reads those before it.
LEVELS = (("q",), ("w", "d", "z"), ("p",))
INVISIBLE = r"[\x00-\x1f\x7f\x{00ad}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}\x{fffd}]"


@dataclass
class Problems:
    """The ways in which rows of a table can fail: each (column, rule, reason) has a number."""

    known: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def number(self, column: str, rule: str, reason: str) -> int:
        """The number of a way to fail."""
        return self.known.setdefault((column, rule, reason), len(self.known) + 1)


@dataclass(frozen=True)
class Cast:
    """A column's SQL: helping expressions, the values stored, and conditions under which a row fails.

    `problems`: (condition, rule, reason) in the order they are asked.
    """

    parsed: dict[str, str]
    values: dict[str, str]
    problems: list[tuple[str, str, str]]


def read_csv(text: Text) -> str:
    """SQL that reads a text's good records: every field as text, no guess, any fault an error."""
    columns = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(text.header)))
    sign, quote = literal(text.dialect.delimiter.decode()), literal(text.dialect.quote.decode())
    return (
        f"read_csv({literal(text.rows.as_posix())}, auto_detect = false, header = false, skip = {text.skip}, "
        f"delim = {sign}, quote = {quote}, escape = {quote}, columns = {{{columns}}}, strict_mode = true, "
        "null_padding = false, "
        "new_line = '\\n', max_line_size = 8388608)"
    )


def statement(
    feed: Feed, words: dict[str, dict[str, str]], mixed: set[str], problems: Problems, rows: str, fence: str = "",
    carried: str = "",
) -> str:  # fmt: skip
    """The SELECT that casts a file: the stored columns, `problem` and `other_word`.

    Rule: `problem` is the number of the first failure, `other_word` that of a word that the map counts as another; 0
    where there is none.

    Parameters: `words`, canonical column to value in the file to canonical value; `mixed`, date columns in which the
    declared form occurs, so that no other is taken there; `rows`, SQL of the texts; `fence`, what keeps an engine that
    does so from working out an expression again wherever it is used; `carried`, a column of the texts to hand on.
    """
    told, others, parsed, values, cases, notes = [], {}, {}, {}, no_rows(problems), []
    for column in feed.table.columns:
        if column.name not in feed.positions and column.name not in feed.constants:
            values |= {name: absent(name, kind) for name, kind in column.stored.items()}
            continue
        told.append(column)
        if words.get(column.name, {}).get(OTHER) == "":
            others[f"o_{column.name}"] = is_other(column, feed, words[column.name])
            reason = f"{column.name} is a word that the map does not name: counted as none"
            number = problems.number(column.name, f"{column.name}_other", reason)
            notes.append(f"when o_{column.name} then {number}")
        cast = CASTS[column.type](column, feed, column.name in mixed)
        parsed, values = parsed | cast.parsed, values | cast.values
        called = known_as(column, feed)
        for condition, rule, reason in [*empty(column), *cast.problems, *bounds(column)]:
            number = problems.number(called, f"{column.name}_{rule}", f"{called} {reason}")
            cases.append(f"when {condition} then {number}")
    levels = LEVELS if feed.is_placed else (tuple("qwdzp"),)
    also = f", {carried}" if carried else ""
    first, *further = texts(told, feed, words)
    middle = f"select {named(first | others)}, {no_row_columns(feed)}{also} from {rows}{fence}"
    for level in [*further, *({name: sql for name, sql in parsed.items() if name[0] in of} for of in levels), values]:
        middle = f"select *, {named(level)} from ({middle}) texts{fence}" if level else middle
    stored = ", ".join(f'"{name}"' for name in feed.table.stored)
    problem, note = (f"case {' '.join(tests)} else 0 end" if tests else "0" for tests in (cases, notes))
    marks = f"({problem})::integer as problem, ({note})::integer as other_word"
    return f"select {stored}, {marks}{also} from ({middle}) texts"


def known_as(column: Column, feed: Feed) -> str:
    """A column's name for a person: its own, of one that only the reader names the file's."""
    own = {one.name for one in TABLES[feed.table.name].columns} if feed.table.name in TABLES else set()
    is_own = column.name in own or column.name not in feed.positions
    return column.name if is_own else feed.text.header[feed.positions[column.name]]


def named(expressions: dict[str, str]) -> str:
    """Expressions with their names."""
    return ", ".join(f'{sql} as "{name}"' for name, sql in expressions.items())


def absent(name: str, kind: str) -> str:
    """The value of a column that the source does not have."""
    return "false" if name.endswith("_is_date") else f"null::{kind}"


def no_row_columns(feed: Feed) -> str:
    """SQL that is true for a record that repeats the header, as exports put one behind another have it, and SQL that is
    true for one that is empty, as spreadsheets write them below the last row."""
    first, *others = [(f"c{at}", literal(name)) for at, name in enumerate(feed.text.header) if name]
    same = " and ".join(["true", *(f"{column} is not distinct from {name}" for column, name in others)])
    is_header = f"case when ends_with({first[0]}, {first[1]}) then {same} else false end as is_header"
    blank, *rest = [f"coalesce(trim(c{at}), '') = ''" for at in range(len(feed.text.header))]
    return f"{is_header}, case when {blank} then {' and '.join(['true', *rest])} else false end as is_empty"


def no_rows(problems: Problems) -> list[str]:
    """The first cases of all: records that tell of nothing."""
    again, empty_row = (problems.number("", rule, reason) for rule, reason in NO_ROWS.items())
    return [f"when is_header then {again}", f"when is_empty then {empty_row}"]


def texts(columns: list[Column], feed: Feed, words: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """SQL of columns' texts `t_COLUMN`: without spaces around them (ids stay exact), nulls as NULL, words translated.

    In levels, each of which reads those before it: what turns a text names it more than once, so that one written into
    the other they would be longer than a server can read. On this machine they are all in the first.
    """
    levels: list[dict[str, str]] = []
    for column in columns:
        value, at = untranslated(column, feed), 0
        for way in ways_to_turn(column, feed, words.get(column.name, {})):
            if feed.is_placed:
                put(levels, at, f"t{at}_{column.name}", value)
                value, at = f"t{at}_{column.name}", at + 1
            value = way(value)
        put(levels, at, f"t_{column.name}", value)
    return levels


def put(levels: list[dict[str, str]], at: int, name: str, sql: str) -> None:
    """Put an expression into a level, which is the next where it is not there."""
    levels += [{}] if at == len(levels) else []
    levels[at][name] = sql


def ways_to_turn(column: Column, feed: Feed, words: dict[str, str]) -> list[Callable[[str], str]]:
    """What turns a column's text into canonical text, in order."""
    ways = [partial(to_text, form=feed.form) for to_text in feed.forms.get(column.name, ())]
    return [*ways, partial(translated, column=column, words=words)] if words else ways


def translated(value: str, column: Column, words: dict[str, str]) -> str:
    """SQL of a text with the words that the map names in the column's own."""
    pairs = " ".join(f"when {literal(old)} then {literal(new)}" for old, new in words.items() if old != OTHER)
    rest = value
    if OTHER in words:
        rest = f"case when lower({value}) in ({canonical(column)}) then {value} "
        rest += f"when {value} is not null then {literal(words[OTHER])} end"
    return f"nullif(case {value} {pairs} else {rest} end, '')" if pairs else f"nullif({rest}, '')"


def untranslated(column: Column, feed: Feed) -> str:
    """SQL of a column's text as the file has it."""
    raw = literal(feed.constants[column.name]) if column.name in feed.constants else f"c{feed.positions[column.name]}"
    value = unwrapped(raw, feed.text.traits) if column.type == "id" else trimmed(raw, feed.text.traits)
    value = f"nullif({value}, '')"
    if feed.form.nulls:
        nulls = ", ".join(map(literal, feed.form.nulls))
        value = f"case when {value} in ({nulls}) then null else {value} end"
    return value


def unwrapped(value: str, traits: Traits) -> str:
    """SQL of an id without the formula ="00123" in which exports wrap it so that a spreadsheet leaves it as it is."""
    if traits.is_bare:
        return value
    inner = f"regexp_replace({value}, {literal(WRAPPED)}, {literal(chr(92) + '1')})"
    return f"case when starts_with({value}, '=') then {inner} else {value} end"


def canonical(column: Column) -> str:
    """SQL: the canonical words of a column."""
    return ", ".join(map(literal, column.words)) or "null"


def is_other(column: Column, feed: Feed, words: dict[str, str]) -> str:
    """SQL: the text is a word that neither the map nor the column knows."""
    known = ", ".join(literal(old) for old in words)
    value = untranslated(column, feed)
    return f"coalesce({value} not in ({known}) and lower({value}) not in ({canonical(column)}), false)"


def trimmed(value: str, traits: Traits = UNKNOWN) -> str:
    """SQL of a text without spaces around it; asked only of texts that have them, for it is slow."""
    if traits.is_trim:
        return value
    ends = [f"ends_with({value}, {literal(edge)})" for edge in EDGES + (() if traits.is_plain else ODD_EDGES)]
    starts = [f"{value} < '!'"] + ([] if traits.is_plain else [f"starts_with({value}, {literal(TRIMMED[-1])})"])
    return f"case when {' or '.join(starts + ends)} then trim({value}, {literal(TRIMMED)}) else {value} end"


def empty(column: Column) -> list[tuple[str, str, str]]:
    """The failure of a column that every row must fill."""
    t = f"t_{column.name}"
    may_be_blank, spaces = f"{t} < '!' or {t} > '~'", literal(SPACES)
    is_blank = f" or case when {may_be_blank} then trim({t}, {spaces}) = '' else false end"
    is_blank = is_blank if column.type == "id" else ""
    return [(f"{t} is null{is_blank}", "empty", "is empty, and every row needs it")] if column.filled else []


def bounds(column: Column) -> list[tuple[str, str, str]]:
    """The failure of a value outside a column's bounds."""
    value = f'"{next(iter(column.stored))}"'
    unit = 100 if column.type == "money" else 1
    tests = [f"{value} < {column.low * unit}"] if column.low is not None else []
    tests += [f"{value} > {column.high * unit}"] if column.high is not None else []
    low, high = (f"{bound:g}" if bound is not None else "" for bound in (column.low, column.high))
    reason = f"is not between {low} and {high}" if low and high else f"is below {low}" if low else f"is above {high}"
    return [(" or ".join(tests), "out_of_range", reason)] if tests else []


def exact(column: Column, feed: Feed, is_mixed: bool) -> Cast:
    """An id: exact text, unless a program has spoiled it."""
    t, traits, problems = f"t_{column.name}", traits_of(column, feed), []
    if not traits.is_bare:
        may_be_spoiled = f"contains({t}, '+') or starts_with({t}, '#')"
        spoiled = f"case when {may_be_spoiled} then {matches(t, SPOILED)} else false end"
        problems.append((spoiled, "spoiled", "is not an id any more: a spreadsheet has changed it"))
    if feed.positions.get(column.name) in feed.text.dated:
        problems.append((matches(t, MADE_DATE), "spoiled", "is not an id any more: a spreadsheet has made it a date"))
    if not (traits.is_plain and traits.is_trim):
        invisible = f"contains({t}, chr(10))" if traits.is_plain else f"regexp_matches({t}, {literal(INVISIBLE)})"
        problems.append((invisible, "invisible", "holds an invisible character"))
    return Cast({}, {column.name: t}, problems)


def plain(column: Column, feed: Feed, is_mixed: bool) -> Cast:
    """Text as it is."""
    t = f"t_{column.name}"
    if traits_of(column, feed).is_bare:
        return Cast({}, {column.name: t}, [])
    is_error = f"case when starts_with({t}, '#') then {matches(t, SHEET_ERROR)} else false end"
    return Cast({}, {column.name: t}, [(is_error, "spoiled", "is a spreadsheet's error")])


def traits_of(column: Column, feed: Feed) -> Traits:
    """What a column's text does not hold; of a constant that is not known."""
    return UNKNOWN if column.name in feed.constants else feed.text.traits


def word(column: Column, feed: Feed, is_mixed: bool) -> Cast:
    """A word of the column's list, in any case."""
    t = f"t_{column.name}"
    pairs = " ".join(f"when {literal(one.lower())} then {literal(one)}" for one in column.words)
    problem = (f"{t} is not null and {column.name} is null", "not_a_word", f"is none of {', '.join(column.words)}")
    return Cast({}, {column.name: f"case lower({t}) {pairs} end"}, [problem])


def currency(column: Column, feed: Feed, is_mixed: bool) -> Cast:
    """A currency's code."""
    t = f"t_{column.name}"
    problem = (f"{t} not in ({CURRENCIES})", "unreadable", "is not a currency's code such as EUR")
    return Cast({}, {column.name: t}, [problem])


def boolean(column: Column, feed: Feed, is_mixed: bool) -> Cast:
    """Yes or no in English, Dutch or Danish."""
    t = f"t_{column.name}"
    yes, no = (", ".join(map(literal, words)) for words in (TRUE, FALSE))
    value = f"case when lower({t}) in ({yes}) then true when lower({t}) in ({no}) then false end"
    problem = (f"{t} is not null and {column.name} is null", "unreadable", "is not true or false")
    return Cast({}, {column.name: value}, [problem])


def number(column: Column, feed: Feed, is_mixed: bool) -> Cast:
    """A number of any kind; money becomes whole hundredths."""
    t, p, form = f"t_{column.name}", f"p_{column.name}", feed.form
    digits, decimals = DIGITS[column.type]
    kind = "decimal(18, 2)" if column.type in ("money", "integer") else next(iter(column.stored.values()))
    kind = "decimal(20, 2)" if column.type == "integer" else kind
    fits = matches(t, number_pattern(form, decimals, digits))
    if column.type == "number" and not form.thousands:
        fits += f" and not {matches(t, looks_grouped(form))}"
    # A whole number that is written as the engine would write it needs no pattern.
    quick = f"when try_cast({t} as bigint)::varchar = {t} and strlen({t}) <= {digits} then try_cast({t} as {kind})"
    quick = "" if feed.is_placed else quick
    parsed = {p: f"case {quick} when {fits} then try_cast({plain_number(t, form)} as {kind}) end"}
    value = {"money": f"({p}::decimal(20, 2) * 100)::bigint", "integer": f"{p}::bigint"}.get(column.type, p)
    example = EXAMPLES[column.type].replace(".", form.decimal)
    problem = (f"{t} is not null and {p} is null", "unreadable", f"is not a number of the form {example}")
    return Cast(parsed, {next(iter(column.stored)): value}, [problem])


def point_in_time(column: Column, feed: Feed, is_mixed: bool) -> tuple[dict[str, str], str]:
    """Helping expressions for a date or instant: `p_` the time as written (UTC where it bears a zone), `z_` whether
    it bears one, `d_` whether it is a date alone; and the reason why a text is none."""
    t, p, q, form = f"t_{column.name}", f"p_{column.name}", f"q_{column.name}", feed.form
    forms = [(DATES[form.date_form], iso_date(t, form.date_form))]
    if form.date_form == "ymd" or not is_mixed:
        forms.insert(0, (ISO, iso_time(t)))
    cases = " ".join(f"when {matches(t, pattern)} then {iso}" for pattern, iso in forms)
    halves = f"try_strptime(w_{column.name}, ['%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M %p'])"
    with_offset = f"make_timestamp(epoch_us(try_cast(w_{column.name} as timestamptz)))"
    whole = f"try_cast(w_{column.name} as timestamp)"
    parsed = {
        q: "null::timestamp" if feed.is_placed else quick_time(t, form.date_form if is_mixed else "ymd"),
        f"w_{column.name}": f"case when {q} is null then case {cases} end end",
        f"d_{column.name}": f"coalesce(not contains({t}, ':') and not contains({t}, ' '), false)",
        f"z_{column.name}": f"case when ends_with({t}, 'Z') then true when {q} is not null then false "
        f"else regexp_matches({t}, ':.*(?:[+-]|UTC|GMT)') end",
        p: f"""case when {q} is not null then {q} else date_trunc('second',
            case when ends_with(w_{column.name}, 'Z') then {whole} when z_{column.name} then {with_offset}
                when ends_with(w_{column.name}, 'M') then {halves} else {whole} end) end""",
    }
    sample = SAMPLES[form.date_form]
    other = " (the column has dates in the declared form, so no other is taken)" if is_mixed else ""
    return parsed, f"is not a date or time of the form {sample}{other}"


def quick_time(text: str, date_form: str) -> str:
    """SQL of the time that a text in one of the usual forms says; NULL for any other text, which the patterns judge.

    The engine takes several spaces for one: there is a digit on both sides of the only one.
    """
    cases = []
    for length, forms in QUICK[date_form].items():
        known = literal(forms[0]) if len(forms) == 1 else f"[{', '.join(map(literal, forms))}]"
        is_one_space = f" and {text}[10] >= '0' and {text}[12] >= '0'" if " " in forms[0] else ""
        cases.append(f"when strlen({text}) = {length}{is_one_space} then try_strptime({text}, {known})")
    return f"date_trunc('second', case {' '.join(cases)} end)"


def instant(column: Column, feed: Feed, is_mixed: bool) -> Cast:
    """An instant as naive UTC in whole seconds; a date alone is the report's local midnight, and flagged."""
    name, form = column.name, feed.form
    parsed, reason = point_in_time(column, feed, is_mixed)
    from_local = zones.utc(f"p_{name}", form.zone, form.years) if form.zone else "null::timestamp"
    day = zones.utc_of_day(f"p_{name}", form.day_zone, form.years)
    value = f"case when z_{name} then p_{name} when d_{name} then {day} else {from_local} end"
    out = outside(f"p_{name}", 1970)
    unreadable = f"t_{name} is not null and (p_{name} is null or {out})"
    lost = f"p_{name} is not null and {name} is null"
    if form.zone:
        problem = (lost, "hour_unclear", f"is in the hour that does not exist or happens twice in {form.zone}")
    else:
        problem = (lost, "zone_unknown", "has no time zone, and none is declared")
    values = {name: value, f"{name}_is_date": f"d_{name}"}
    return Cast(parsed, values, [(unreadable, "unreadable", reason), problem])


def date(column: Column, feed: Feed, is_mixed: bool) -> Cast:
    """A date; of a time its day, for one with a zone the day it is in the report's zone."""
    name = column.name
    parsed, reason = point_in_time(column, feed, is_mixed)
    local = zones.local(f"p_{name}", feed.form.day_zone, feed.form.years)
    value = f"cast(case when z_{name} then {local} else p_{name} end as date)"
    unreadable = f"t_{name} is not null and (p_{name} is null or {outside(f'p_{name}', 1900)})"
    return Cast(parsed, {name: value}, [(unreadable, "unreadable", reason)])


def outside(time: str, first_year: int) -> str:
    """SQL: a time before that year, or of the year 2100 or later."""
    return f"{time} < timestamp '{first_year}-01-01' or {time} >= timestamp '2100-01-01'"


# Kinds of columns that hold a number.
NUMBERS = ("money", "rate", "number", "share", "integer")
CASTS = {
    "id": exact,
    "text": plain,
    "word": word,
    "currency": currency,
    "instant": instant,
    "date": date,
    **dict.fromkeys(NUMBERS, number),
    "boolean": boolean,
}
