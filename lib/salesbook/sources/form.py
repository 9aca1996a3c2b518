"""The declared forms: what a text must look like before it is cast; another form is rejected, never guessed."""

from dataclasses import dataclass

from salesbook import zones

YEAR = r"(?:19\d\d|20\d\d)"
MONTH, DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
LOOSE_MONTH, LOOSE_DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
SECONDS = r"(?::[0-5]\d(?:\.\d{1,9})?)?"
CLOCK = rf"(?:[01]?\d|2[0-3]):[0-5]\d{SECONDS}"
SPACE = "[ \u00a0\u202f]"  # browsers write the last one before PM
HALF_DAY_CLOCK = rf"(?:0?[1-9]|1[0-2]):[0-5]\d(?::[0-5]\d)?{SPACE}?(?:[AaPp][Mm]|[ap]\.m\.)"
OFFSET = r"(?:Z| UTC| GMT| ?[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)"
TIME = rf"(?:(?:[T ]{CLOCK}{OFFSET}?)|(?: {HALF_DAY_CLOCK}))?"
# As people write a time behind a date: 14.30 in Danish, `kl. 14.30`, `om 14:30 uur`, `, 14:30 Uhr`, `, 2:30 PM`.
DOTTED_CLOCK = r"(?:[01]?\d|2[0-3])\.[0-5]\d(?:\.[0-5]\d)?"
WRITTEN_TIME = rf"(?:,? (?:kl\.? |om )?(?:{CLOCK}|{DOTTED_CLOCK})(?: uur| Uhr)?|, {HALF_DAY_CLOCK})"
ISO = rf"{YEAR}-{MONTH}-{DAY}{TIME}"
ORDERS = {
    "ymd": (YEAR, LOOSE_MONTH, LOOSE_DAY),
    "dmy": (LOOSE_DAY, LOOSE_MONTH, YEAR),
    "mdy": (LOOSE_MONTH, LOOSE_DAY, YEAR),
}
DATES = {
    order: f"(?:{'|'.join(sign.join(parts) for sign in ('-', '/', chr(92) + '.'))})(?:{WRITTEN_TIME}|{TIME})"
    for order, parts in ORDERS.items()
}
PARTS = {"ymd": r"\1-\2-\3", "dmy": r"\3-\2-\1", "mdy": r"\3-\1-\2"}
SAMPLES = {"ymd": "2026-12-31", "dmy": "31-12-2026", "mdy": "12/31/2026"}
TRUE = ("true", "t", "1", "yes", "y", "ja", "j", "waar", "sand", "wahr")
FALSE = ("false", "f", "0", "no", "n", "nee", "nej", "nein", "onwaar", "falsk", "falsch")
SPACES = " \u00a0\u2009\u202f"
APOSTROPHES = "'\u2019"


@dataclass(frozen=True)
class Form:
    """The form that values have in a source, as the settings declare it.

    `zone` is the zone of times that do not bear their own ("" where none is declared); `day_zone` the report's zone,
    whose midnight a date alone becomes, so that it stays that date on the pages; `years`, the first and last in which a
    time of some rows may be.
    """

    date_form: str = "ymd"
    decimal: str = "."
    thousands: str = ""
    zone: str = ""
    day_zone: str = "UTC"
    nulls: tuple[str, ...] = ()
    years: zones.Years = zones.ALL


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
    return rf"-?(?:{plain}|[1-9]\d{{0,2}}(?:[{same_signs(form.thousands)}]\d{{3}})+){tail}"


def same_signs(thousands: str) -> str:
    """The signs between thousands that are one to the eye: Excel writes some of them for others."""
    return next((signs for signs in (SPACES, APOSTROPHES) if thousands in signs), thousands)


def looks_grouped(form: Form) -> str:
    """The pattern of a number such as 1.234 that may be a thousand or a little over one: only a declared sign tells."""
    return rf"-?[1-9]\d{{0,2}}\{form.decimal}\d{{3}}"


def plain_number(text: str, form: Form) -> str:
    """SQL: the number's text with a point for decimals and nothing between thousands."""
    for sign in same_signs(form.thousands) if form.thousands else "":
        text = f"replace({text}, {literal(sign)}, '')"
    return text if form.decimal == "." else f"replace({text}, {literal(form.decimal)}, '.')"


def iso_date(text: str, order: str) -> str:
    """SQL: the text of a date in a declared order, with the date written as 2026-12-31 and the rest as it is."""
    pieces = r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" if order == "ymd" else r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})"
    return f"regexp_replace({iso_time(text)}, {literal('^' + pieces)}, {literal(PARTS[order])})"


def iso_time(text: str) -> str:
    """SQL: the text of a date and time with the time as ISO writes it, whatever people write around and within it."""
    changes = (
        (r",? (?:kl\.? |om )?(\d)", r" \1"),
        (r" (?:uur|Uhr)$", ""),
        (r" (\d{1,2})\.(\d\d)", r" \1:\2"),
        (r"( \d{1,2}:\d\d)\.(\d\d)$", r"\1:\2"),
        (r" (?:UTC|GMT)$", "Z"),
        (r" ([+-]\d\d:?\d?\d?)$", r"\1"),
        (rf"{SPACE}?[Aa]\.?[Mm]\.?$", " AM"),
        (rf"{SPACE}?[Pp]\.?[Mm]\.?$", " PM"),
    )
    written = text
    for pattern, iso in changes:
        written = f"regexp_replace({written}, {literal(pattern)}, {literal(iso)})"
    return f"case when contains({text}, ' ') then {written} else {text} end"
