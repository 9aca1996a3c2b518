"""The reader's SQL on Spark: its statements as they stand, in the words that Spark has for the same."""

import re
from collections.abc import Callable

from salesbook.sources.dialect import argument

FUNCTIONS = (
    """create or replace temporary function regexp_full_match(t string, p string) returns boolean
      return t rlike concat('(?d)\\\\A(?:', replace(p, '(?i)', '(?iu)'), ')\\\\z')""",
    "create or replace temporary function regexp_matches(t string, p string) returns boolean return t rlike p",
    """create or replace temporary function to_seconds(n bigint) returns interval day to second
      return make_dt_interval(0, 0, 0, n)""",
    # Spark takes no time without seconds where a zone follows it.
    """create or replace temporary function instant_of(t string) returns timestamp_ntz
      return cast(try_cast(regexp_replace(t, '([T ]\\\\d{1,2}:\\\\d\\\\d)([+-])', '$1:00$2') as timestamp_ltz)
        as timestamp_ntz)""",
    """create or replace temporary function time_of(t string) returns timestamp_ntz
      return try_cast(regexp_replace(t, 'Z$', '') as timestamp_ntz)""",
    """create or replace temporary function half_day_time(t string) returns timestamp_ntz
      return coalesce(try_to_timestamp(t, 'yyyy-M-d h:mm:ss a'), try_to_timestamp(t, 'yyyy-M-d h:mm a'),
        try_to_timestamp(t, 'yyyy-M-d h:mm:ssa'), try_to_timestamp(t, 'yyyy-M-d h:mma'))""",
)
NAMES = {"starts_with": "startswith", "ends_with": "endswith", "regexp_split_to_array": "split"}
TYPES = {"varchar": "string", "text": "string", "timestamp": "timestamp_ntz"}
INSIDE = r"(?:[^()]|\([^()]*\))*"
FIRST = re.compile(rf"\(array_agg\(({INSIDE}?) order by ({INSIDE})\)( filter \({INSIDE}\))?\)\[1\]")


def translated(sql: str) -> str:
    r"""A statement of the reader in Spark's words.

    Examples:
    >>> translated("select regexp_replace(x, '(\\d)', '\\1') from t where y::varchar = 'it''s'")
    "select regexp_replace(x, '(\\\\d)', '$1') from t where y::string = 'it\\'s'"
    """
    literals: list[str] = []

    def aside(found: re.Match) -> str:
        literals.append(found[0][1:-1].replace("''", "'"))
        return f"\0{len(literals) - 1}\0"

    text = re.sub(r"'(?:[^']|'')*'", aside, sql)
    text = re.sub(rf"\b({'|'.join(NAMES)})\(", lambda found: f"{NAMES[found[1]]}(", text)
    text = re.sub(r"::(varchar|text)\b", "::string", text, flags=re.IGNORECASE)
    text = re.sub(r" as varchar\)", " as string)", text)
    text = re.sub(r"\[([^][]*,[^][]*)\]", r"array(\1)", text).replace("unnest(", "explode(")
    text = FIRST.sub(r"min_by(\1, struct(\2))\3", text)
    for name, write in REWRITTEN.items():
        text = rewritten(text, name, lambda parts, write=write: write(parts, literals))
    return re.sub("\0(\\d+)\0", lambda found: literal(literals[int(found[1])]), text)


def rewritten(sql: str, name: str, write: Callable[[list[str]], str]) -> str:
    """A statement with each call of a function written another way, the last first, so that inner ones are done."""
    end = len(sql)
    while (found := re.compile(rf".*\b({name}\()", re.DOTALL).match(sql, 0, end)) is not None:
        start = found.start(1)
        inside, after = argument(sql, found.end(1))
        sql, end = sql[:start] + write(parts_of(inside)) + sql[after:], start
    return sql


def parts_of(inside: str) -> list[str]:
    """The arguments of a call.

    Examples:
    >>> parts_of("f(a, b), c")
    ['f(a, b)', 'c']
    """
    parts, depth = [""], 0
    for sign in inside:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def replaced(parts: list[str], literals: list[str]) -> str:
    """A replacement of patterns: groups are $1 in Spark, capitals beyond A to Z are told by (?u); each of ours
    changes one place, or every one is meant."""
    pattern, number = (int(part.strip("\0")) for part in parts[1:3])
    literals[pattern] = literals[pattern].replace("(?i)", "(?iu)")
    literals[number] = re.sub(r"\\(\d)", r"$\1", literals[number])
    return f"regexp_replace({parts[0]}, {parts[1]}, {parts[2]})"


def cast(parts: list[str], literals: list[str]) -> str:
    """A cast that may fail; Spark's own takes fewer forms of a time."""
    value, _, kind = ", ".join(parts).rpartition(" as ")
    made = {"timestamp": "time_of({})", "timestamptz": "instant_of({})"}
    return made.get(kind, f"try_cast({{}} as {kind})").format(value)


REWRITTEN: dict[str, Callable[[list[str], list[str]], str]] = {
    "regexp_replace": replaced,
    "try_cast": cast,
    "trim": lambda parts, literals: f"{'trim' if len(parts) == 1 else 'btrim'}({', '.join(parts)})",
    "epoch_us": lambda parts, literals: parts[0],
    "make_timestamp": lambda parts, literals: parts[0],
    "date_trunc": lambda parts, literals: f"cast(date_trunc({', '.join(parts)}) as timestamp_ntz)",
    "try_strptime": lambda parts, literals: f"half_day_time({parts[0]})",
    "row": lambda parts, literals: f"to_json(struct({', '.join(parts)}))",
}


def quoted(*names: str) -> str:
    """A name in Spark's SQL.

    Examples:
    >>> quoted("crm", "deals")
    '`crm`.`deals`'
    """
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def literal(value: str) -> str:
    """A text as a literal of Spark's SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
