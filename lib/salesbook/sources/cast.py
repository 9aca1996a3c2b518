"""Text to typed values in one SQL statement per file: by the declared form, then a cast; what fits neither is named."""

from dataclasses import dataclass, field

from salesbook import zones
from salesbook.schema import Column
from salesbook.sources.form import (
    DATES,
    FALSE,
    ISO,
    SAMPLES,
    TRUE,
    Form,
    iso_date,
    literal,
    looks_grouped,
    matches,
    number_pattern,
    plain_number,
)
from salesbook.sources.framing import Dialect
from salesbook.sources.plan import Feed

TRIMMED = " \t\r\n\u00a0"
EDGES, ODD_EDGES = (" ", "\n"), ("\t", "\r", "\u00a0")
DIGITS = {"money": (16, 2), "number": (14, 4), "rate": (10, 8), "share": (3, 6), "integer": (18, 0)}
EXAMPLES = {"money": "1234.50", "number": "12.5", "rate": "0.13401234", "share": "0.25", "integer": "42"}
SHEET_ERROR = r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|N/B|WAARDE!|VERW!|NAAM\?|DEEL/0!|I/T|VÆRDI!|NAVN\?)"
SPOILED = rf"(?i)-?\d(?:[.,]\d+)?E\+\d+|{SHEET_ERROR}"
OTHER = "*"
INVISIBLE = r"[\x00-\x1f\x7f\x{200b}-\x{200f}\x{feff}\x{fffd}]"


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


def read_csv(path: str, width: int, dialect: Dialect) -> str:
    """SQL that reads a file of good records: every field as text, no guess, any fault an error."""
    columns = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(width))
    sign, quote = literal(dialect.delimiter.decode()), literal(dialect.quote.decode())
    return (
        f"read_csv({literal(path)}, auto_detect = false, header = false, delim = {sign}, quote = {quote}, "
        f"escape = {quote}, columns = {{{columns}}}, strict_mode = true, null_padding = false, "
        "new_line = '\\n', max_line_size = 4194304)"
    )


def statement(feed: Feed, words: dict[str, dict[str, str]], mixed: set[str], problems: Problems) -> str:
    """The SELECT that casts a file: the stored columns, `problem` and `other_word`.

    Rule: `problem` is the number of the first failure, `other_word` that of a word that the map counts as another; 0
    where there is none.

    Parameters: `words`, canonical column to value in the file to canonical value; `mixed`, date columns in which the
    declared form occurs, so that no other is taken there.
    """
    texts, parsed, values, cases, notes = {}, {}, {}, header_again(feed, problems), []
    for column in feed.table.columns:
        if column.name not in feed.positions and column.name not in feed.constants:
            values |= {name: absent(name, kind) for name, kind in column.stored.items()}
            continue
        translated = words.get(column.name, {})
        texts[f"t_{column.name}"] = text(column, feed, translated)
        if translated.get(OTHER) == "":
            texts[f"o_{column.name}"] = is_other(column, feed, translated)
            reason = f"{column.name} is a word that the map does not name: counted as none"
            number = problems.number(column.name, f"{column.name}_other", reason)
            notes.append(f"when o_{column.name} then {number}")
        is_id = column.type == "id"
        cast = (
            exact(column, feed.text.is_plain) if is_id else CASTS[column.type](column, feed.form, column.name in mixed)
        )
        parsed, values = parsed | cast.parsed, values | cast.values
        for condition, rule, reason in [*empty(column), *cast.problems, *bounds(column)]:
            number = problems.number(column.name, f"{column.name}_{rule}", f"{column.name} {reason}")
            cases.append(f"when {condition} then {number}")
    source = read_csv(feed.text.rows.as_posix(), len(feed.text.header), feed.text.dialect)
    inner = f"select {named(texts)}, {header_columns(feed)} from {source}"
    middle = f"select *, {named(parsed)} from ({inner})" if parsed else inner
    outer = f"select *, {named(values)} from ({middle})"
    stored = ", ".join(f'"{name}"' for name in feed.table.stored)
    problem, note = (f"case {' '.join(tests)} else 0 end" if tests else "0" for tests in (cases, notes))
    return f"select {stored}, ({problem})::integer as problem, ({note})::integer as other_word from ({outer})"


def named(expressions: dict[str, str]) -> str:
    """Expressions with their names."""
    return ", ".join(f'{sql} as "{name}"' for name, sql in expressions.items())


def absent(name: str, kind: str) -> str:
    """The value of a column that the source does not have."""
    return "false" if name.endswith("_is_date") else f"null::{kind}"


def header_columns(feed: Feed) -> str:
    """SQL that is true for a record that repeats the header, as exports put one behind another have it."""
    first, *others = [(f"c{at}", literal(name)) for at, name in enumerate(feed.text.header) if name]
    same = " and ".join(["true", *(f"{column} is not distinct from {name}" for column, name in others)])
    return f"case when ends_with({first[0]}, {first[1]}) then {same} else false end as is_header"


def header_again(feed: Feed, problems: Problems) -> list[str]:
    """The first case of all: the header once more."""
    return [f"when is_header then {problems.number('', 'header_again', 'the header stands here once more')}"]


def text(column: Column, feed: Feed, words: dict[str, str]) -> str:
    """SQL of a column's text: without spaces around it (ids stay exact), nulls as NULL, words translated."""
    value = untranslated(column, feed)
    for to_text in feed.forms.get(column.name, ()):
        value = to_text(value, feed.form)
    if words:
        pairs = " ".join(f"when {literal(old)} then {literal(new)}" for old, new in words.items() if old != OTHER)
        rest = value
        if OTHER in words:
            rest = f"case when lower({value}) in ({canonical(column)}) then {value} "
            rest += f"when {value} is not null then {literal(words[OTHER])} end"
        value = f"nullif(case {value} {pairs} else {rest} end, '')" if pairs else f"nullif({rest}, '')"
    return value


def untranslated(column: Column, feed: Feed) -> str:
    """SQL of a column's text as the file has it."""
    raw = literal(feed.constants[column.name]) if column.name in feed.constants else f"c{feed.positions[column.name]}"
    value = raw if column.type == "id" else trimmed(raw, feed.text.is_plain)
    value = f"nullif({value}, '')"
    if feed.form.nulls:
        nulls = ", ".join(map(literal, feed.form.nulls))
        value = f"case when {value} in ({nulls}) then null else {value} end"
    return value


def canonical(column: Column) -> str:
    """SQL: the canonical words of a column."""
    return ", ".join(map(literal, column.words)) or "null"


def is_other(column: Column, feed: Feed, words: dict[str, str]) -> str:
    """SQL: the text is a word that neither the map nor the column knows."""
    known = ", ".join(literal(old) for old in words)
    value = untranslated(column, feed)
    return f"coalesce({value} not in ({known}) and lower({value}) not in ({canonical(column)}), false)"


def trimmed(value: str, is_plain: bool = False) -> str:
    """SQL of a text without spaces around it; asked only of texts that have them, for it is slow."""
    ends = [f"ends_with({value}, {literal(edge)})" for edge in EDGES + (() if is_plain else ODD_EDGES)]
    starts = [f"{value} < '!'"] + ([] if is_plain else [f"starts_with({value}, {literal(TRIMMED[-1])})"])
    return f"case when {' or '.join(starts + ends)} then trim({value}, {literal(TRIMMED)}) else {value} end"


def empty(column: Column) -> list[tuple[str, str, str]]:
    """The failure of a column that every row must fill."""
    lacks = f"t_{column.name} is null" + (f" or trim(t_{column.name}) = ''" if column.type == "id" else "")
    return [(lacks, "empty", "is empty, and every row needs it")] if column.filled else []


def bounds(column: Column) -> list[tuple[str, str, str]]:
    """The failure of a value outside a column's bounds."""
    value = f'"{next(iter(column.stored))}"'
    unit = 100 if column.type == "money" else 1
    tests = [f"{value} < {column.low * unit}"] if column.low is not None else []
    tests += [f"{value} > {column.high * unit}"] if column.high is not None else []
    low, high = (f"{bound:g}" if bound is not None else "" for bound in (column.low, column.high))
    reason = f"is not between {low} and {high}" if low and high else f"is below {low}" if low else f"is above {high}"
    return [(" or ".join(tests), "out_of_range", reason)] if tests else []


def exact(column: Column, is_plain: bool) -> Cast:
    """An id: exact text, unless a program has spoiled it."""
    t = f"t_{column.name}"
    may_be_spoiled = f"contains({t}, '+') or starts_with({t}, '#')"
    spoiled = f"case when {may_be_spoiled} then {matches(t, SPOILED)} else false end"
    invisible = f"contains({t}, chr(10))" if is_plain else f"regexp_matches({t}, {literal(INVISIBLE)})"
    problems = [
        (spoiled, "spoiled", "is not an id any more: a spreadsheet has changed it"),
        (invisible, "invisible", "holds an invisible character"),
    ]
    return Cast({}, {column.name: t}, problems)


def plain(column: Column, form: Form, is_mixed: bool) -> Cast:
    """Text as it is."""
    t = f"t_{column.name}"
    is_error = f"case when starts_with({t}, '#') then {matches(t, SHEET_ERROR)} else false end"
    return Cast({}, {column.name: t}, [(is_error, "spoiled", "is a spreadsheet's error")])


def word(column: Column, form: Form, is_mixed: bool) -> Cast:
    """A word of the column's list, in any case."""
    t = f"t_{column.name}"
    pairs = " ".join(f"when {literal(one.lower())} then {literal(one)}" for one in column.words)
    problem = (f"{t} is not null and {column.name} is null", "not_a_word", f"is none of {', '.join(column.words)}")
    return Cast({}, {column.name: f"case lower({t}) {pairs} end"}, [problem])


def currency(column: Column, form: Form, is_mixed: bool) -> Cast:
    """A currency's code."""
    t = f"t_{column.name}"
    problem = (f"not {matches(t, '[A-Z]{3}')}", "unreadable", "is not a currency's code such as EUR")
    return Cast({}, {column.name: t}, [problem])


def boolean(column: Column, form: Form, is_mixed: bool) -> Cast:
    """Yes or no in English, Dutch or Danish."""
    t = f"t_{column.name}"
    yes, no = (", ".join(map(literal, words)) for words in (TRUE, FALSE))
    value = f"case when lower({t}) in ({yes}) then true when lower({t}) in ({no}) then false end"
    problem = (f"{t} is not null and {column.name} is null", "unreadable", "is not true or false")
    return Cast({}, {column.name: value}, [problem])


def number(column: Column, form: Form, is_mixed: bool) -> Cast:
    """A number of any kind; money becomes whole hundredths."""
    t, p = f"t_{column.name}", f"p_{column.name}"
    digits, decimals = DIGITS[column.type]
    kind = "decimal(18, 2)" if column.type in ("money", "integer") else next(iter(column.stored.values()))
    kind = "decimal(20, 2)" if column.type == "integer" else kind
    fits = matches(t, number_pattern(form, decimals, digits))
    if column.type == "number" and not form.thousands:
        fits += f" and not {matches(t, looks_grouped(form))}"
    parsed = {p: f"case when {fits} then try_cast({plain_number(t, form)} as {kind}) end"}
    value = {"money": f"({p}::decimal(20, 2) * 100)::bigint", "integer": f"{p}::bigint"}.get(column.type, p)
    example = EXAMPLES[column.type].replace(".", form.decimal)
    problem = (f"{t} is not null and {p} is null", "unreadable", f"is not a number of the form {example}")
    return Cast(parsed, {next(iter(column.stored)): value}, [problem])


def point_in_time(column: Column, form: Form, is_mixed: bool) -> tuple[dict[str, str], str]:
    """Helping expressions for a date or instant: `p_` the time as written (UTC where it bears a zone), `z_` whether
    it bears one, `d_` whether it is a date alone; and the reason why a text is none."""
    t, p = f"t_{column.name}", f"p_{column.name}"
    forms = [(DATES[form.date_form], iso_date(t, form.date_form))]
    if form.date_form == "ymd" or not is_mixed:
        forms.insert(0, (ISO, t))
    cases = " ".join(f"when {matches(t, pattern)} then {iso}" for pattern, iso in forms)
    halves = f"try_strptime(w_{column.name}, ['%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M%p'])"
    with_offset = f"make_timestamp(epoch_us(try_cast(w_{column.name} as timestamptz)))"
    whole = f"try_cast(w_{column.name} as timestamp)"
    parsed = {
        f"w_{column.name}": f"case {cases} end",
        f"d_{column.name}": f"coalesce(not contains({t}, ':'), false)",
        f"z_{column.name}": f"case when ends_with({t}, 'Z') then true else regexp_matches({t}, ':.*[+-]') end",
        p: f"""date_trunc('second', case when ends_with({t}, 'Z') then {whole} when z_{column.name} then {with_offset}
            when ends_with({t}, 'M') then {halves} else {whole} end)""",
    }
    sample = SAMPLES[form.date_form]
    other = " (the column has dates in the declared form, so no other is taken)" if is_mixed else ""
    return parsed, f"is not a date or time of the form {sample}{other}"


def instant(column: Column, form: Form, is_mixed: bool) -> Cast:
    """An instant as naive UTC in whole seconds; a date alone is the report's local midnight, and flagged."""
    name = column.name
    parsed, reason = point_in_time(column, form, is_mixed)
    from_local = zones.utc(f"p_{name}", form.zone) if form.zone else "null::timestamp"
    day = zones.utc_of_day(f"p_{name}", form.day_zone)
    value = f"case when d_{name} then {day} when z_{name} then p_{name} else {from_local} end"
    unreadable = f"t_{name} is not null and (p_{name} is null or year(p_{name}) not between 1970 and 2099)"
    lost = f"p_{name} is not null and {name} is null"
    if form.zone:
        problem = (lost, "hour_unclear", f"is in the hour that does not exist or happens twice in {form.zone}")
    else:
        problem = (lost, "zone_unknown", "has no time zone, and none is declared")
    values = {name: value, f"{name}_is_date": f"d_{name}"}
    return Cast(parsed, values, [(unreadable, "unreadable", reason), problem])


def date(column: Column, form: Form, is_mixed: bool) -> Cast:
    """A date; of a time its day, for one with a zone the day it is in the report's zone."""
    name = column.name
    parsed, reason = point_in_time(column, form, is_mixed)
    value = f"cast(case when z_{name} then {zones.local(f'p_{name}', form.day_zone)} else p_{name} end as date)"
    return Cast(parsed, {name: value}, [(f"t_{name} is not null and p_{name} is null", "unreadable", reason)])


CASTS = {
    "text": plain,
    "word": word,
    "currency": currency,
    "instant": instant,
    "date": date,
    "money": number,
    "rate": number,
    "number": number,
    "share": number,
    "integer": number,
    "boolean": boolean,
}
