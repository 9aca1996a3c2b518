"""The declared forms: what a text must look like before it is cast; another form is rejected, never guessed."""

from dataclasses import dataclass

YEAR = r"(?:19\d\d|20\d\d)"
MONTH, DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
LOOSE_MONTH, LOOSE_DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
SECONDS = r"(?::[0-5]\d(?:\.\d{1,9})?)?"
CLOCK = rf"(?:[01]?\d|2[0-3]):[0-5]\d{SECONDS}"
HALF_DAY_CLOCK = r"(?:0?[1-9]|1[0-2]):[0-5]\d(?::[0-5]\d)? ?[AP]M"
OFFSET = r"(?:Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)"
TIME = rf"(?:(?:[T ]{CLOCK}{OFFSET}?)|(?: {HALF_DAY_CLOCK}))?"
ISO = rf"{YEAR}-{MONTH}-{DAY}{TIME}"
DATES = {
    "ymd": rf"{YEAR}(?:/{LOOSE_MONTH}/{LOOSE_DAY}|\.{LOOSE_MONTH}\.{LOOSE_DAY}|-{LOOSE_MONTH}-{LOOSE_DAY}){TIME}",
    "dmy": "(?:" + "|".join(rf"{LOOSE_DAY}{sign}{LOOSE_MONTH}{sign}{YEAR}" for sign in ("-", "/", r"\.")) + f"){TIME}",
    "mdy": "(?:" + "|".join(rf"{LOOSE_MONTH}{sign}{LOOSE_DAY}{sign}{YEAR}" for sign in ("-", "/", r"\.")) + f"){TIME}",
}
PARTS = {"ymd": r"\1-\2-\3", "dmy": r"\3-\2-\1", "mdy": r"\3-\1-\2"}
SAMPLES = {"ymd": "2026-12-31", "dmy": "31-12-2026", "mdy": "12/31/2026"}
TRUE, FALSE = ("true", "1", "yes", "ja", "waar", "sand"), ("false", "0", "no", "nee", "nej", "onwaar", "falsk")
SPACES = " \u00a0\u2009\u202f"


@dataclass(frozen=True)
class Form:
    """The form that values have in a source, as the settings declare it.

    `zone` is the zone of times that do not bear their own ("" where none is declared); `day_zone` the report's zone,
    whose midnight a date alone becomes, so that it stays that date on the pages.
    """

    date_form: str = "ymd"
    decimal: str = "."
    thousands: str = ""
    zone: str = ""
    day_zone: str = "UTC"
    nulls: tuple[str, ...] = ()


def literal(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def matches(text: str, pattern: str) -> str:
    """SQL: the text as a whole has the pattern."""
    return f"regexp_full_match({text}, {literal(pattern)})"


def number_pattern(form: Form, decimals: int, digits: int) -> str:
    """The pattern of a number with at most so many decimals and digits before them, in the declared signs."""
    tail = rf"(?:\{form.decimal}\d{{1,{decimals}}})?" if decimals else rf"(?:\{form.decimal}0{{1,2}})?"
    plain = rf"\d{{1,{digits}}}"
    if not form.thousands:
        return f"-?{plain}{tail}"
    sign = f"[{SPACES}]" if form.thousands in SPACES else rf"\{form.thousands}"
    return rf"-?(?:{plain}|\d{{1,3}}(?:{sign}\d{{3}})+){tail}"


def looks_grouped(form: Form) -> str:
    """The pattern of a number such as 1.234 that may be a thousand or a little over one: only a declared sign tells."""
    return rf"-?[1-9]\d{{0,2}}\{form.decimal}\d{{3}}"


def plain_number(text: str, form: Form) -> str:
    """SQL: the number's text with a point for decimals and nothing between thousands."""
    signs = SPACES if form.thousands and form.thousands in SPACES else form.thousands
    for sign in signs:
        text = f"replace({text}, {literal(sign)}, '')"
    return text if form.decimal == "." else f"replace({text}, {literal(form.decimal)}, '.')"


def iso_date(text: str, order: str) -> str:
    """SQL: the text of a date in a declared order, with the date written as 2026-12-31 and the rest as it is."""
    pieces = r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" if order == "ymd" else r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})"
    return f"regexp_replace({text}, {literal('^' + pieces)}, {literal(PARTS[order])})"
