"""Steps on one value: the text of another unit or habit as the canonical text, in the form that the source declares."""

from salesbook.sources.form import DAY, MONTH, YEAR, Form, literal, matches, number_pattern, plain_number

CLOCK, ZERO = r"\d{1,3}:[0-5]\d(?::[0-5]\d)?", r"-?0+(?:[.,]0+)?"
SINCE_1970 = r"\d{10}(?:\d{3})?"
DAYS = r"\d{5}(?:[.,]\d{1,15})?"  # as spreadsheets count them, of the years from 1927 to 2173
EIGHT_FIGURES = rf"{YEAR}{MONTH}{DAY}"
MIDNIGHT = r"[T ]0?0:00(?::00(?:\.0+)?)?(?:Z|\+00:?00)?$"


# What people write beside an amount, by the currency it may be of: a dollar or a krone is of several.
MONEY_SIGNS = {"euros": "€|EUR|euro", "dollars": r"(?:US|CA|AU|NZ)?\$|USD", "pounds": "£|GBP",
               "kroner": r"kr\.?|DKK|SEK|NOK"}  # fmt: skip
GAP = "[ \u00a0\u202f]?"
# Months as English, Dutch and Danish write them, in full and cut off: each name is of one month alone.
MONTHS = (
    "jan(?:uary|uari|uar)?", "feb(?:ruary|ruari|ruar)?", "mar(?:ch|ts)?|maart|mrt", "apr(?:il)?", "may|mei|maj",
    "june?|juni", "july?|juli", "aug(?:ust|ustus)?", "sept?(?:ember)?", "o[ck]t(?:ober)?", "nov(?:ember)?",
    "dec(?:ember)?",
)  # fmt: skip
DAY_FIRST, DAY_LATER = r"(\d{1,2})\.?[- /](?:%s)\.?[- /](\d{4})", r"(?:%s)\.?[ ](\d{1,2}),?[ ](\d{4})"
BY_NAME = "|".join(way % "|".join(MONTHS) for way in (DAY_FIRST, DAY_LATER))


def written(number: str, form: Form) -> str:
    """SQL of a number as text, with the form's decimal sign."""
    return f"replace(({number})::varchar, '.', '{form.decimal}')"


def divided(text: str, form: Form, quotient: str) -> str:
    """SQL of a number's text divided, as `quotient` says with {} for the number; what is none stays as it is, and is
    rejected when it is cast."""
    number = f"try_cast({plain_number(text, form)} as decimal(24, 6))"
    fits = matches(text, number_pattern(form, 6, 16))
    return f"case when {fits} then {written(quotient.format(number), form)} else {text} end"


def percent(text: str, form: Form) -> str:
    """A percent as a fraction: 65 or 65 % is 0.65."""
    return divided(f"regexp_replace({text}, ' *%* *$', '')", form, "({} / 100)::decimal(18, 6)")


def cents(text: str, form: Form) -> str:
    """An amount in cents or øre as a whole one: 1234 is 12.34; any other than a whole number of them is rejected."""
    fits = matches(text, number_pattern(form, 0, 16))
    return (
        f"case when {fits} then {divided(text, form, '({} / 100)::decimal(18, 2)')} else {text} || ' are no cents' end"
    )


def milliseconds(text: str, form: Form) -> str:
    """Milliseconds as whole seconds."""
    return divided(text, form, "round({} / 1000, 0)::bigint")


def minutes(text: str, form: Form) -> str:
    """Minutes as whole seconds."""
    number = f"try_cast({plain_number(text, form)} as decimal(24, 6))"
    fits = matches(text, number_pattern(form, 6, 16))
    return f"case when {fits} then round({number} * 60, 0)::bigint::varchar else {text} end"


def hours_and_minutes(text: str, form: Form) -> str:
    """HH:MM, or HH:MM:SS, as seconds; any other text is not taken for seconds."""
    parts = [f"coalesce(try_cast(split_part({text}, ':', {part}) as bigint), 0)" for part in (1, 2, 3)]
    seconds = f"({parts[0]} * 3600 + {parts[1]} * 60 + {parts[2]})::varchar"
    return f"case when {matches(text, CLOCK)} then {seconds} else {text} || ' is no HH:MM' end"


def zero_is_missing(text: str, form: Form) -> str:
    """A number that is 0 as none: some CRMs write it where nothing was filled in."""
    return f"case when {matches(text, ZERO)} then null else {text} end"


def first_of_several(text: str, form: Form) -> str:
    """The first of several values with ; between them."""
    return f"nullif(trim(split_part({text}, ';', 1)), '')"


def midnight_is_date(text: str, form: Form) -> str:
    """A date that a program wrote as midnight of the day as the date alone."""
    return f"regexp_replace({text}, '{MIDNIGHT}', '')"


def months_by_name(text: str, form: Form) -> str:
    """A date whose month is a word, with four figures for the year, as 2026-05-05: 5-May-2026, 5 mei 2026, 5. maj 2026
    or May 5, 2026. What stands behind it stays; a year of two figures is not guessed."""
    date = text
    for number, name in enumerate(MONTHS, 1):
        for way in (DAY_FIRST, DAY_LATER):
            figures = literal(rf"\2-{number:02}-0\1")
            date = f"regexp_replace({date}, {literal('(?i)^' + way % name)}, {figures})"
    too_long, rest = literal(r"^(\d{4}-\d\d-)0(\d\d)"), literal(r"\1\2")
    date = f"regexp_replace({date}, {too_long}, {rest})"
    return f"case when {matches(text, f'(?i)(?:{BY_NAME}).*')} then {date} else {text} end"


def times_since_1970(text: str, form: Form) -> str:
    """A time as a program counts it: seconds, in 10 figures, or milliseconds, in 13, since 1970 in UTC; milliseconds
    are cut off, and a number of other figures is no time."""
    counted = f"timestamp '1970-01-01' + to_seconds(try_cast(left({text}, 10) as bigint))"
    return f"case when {matches(text, SINCE_1970)} then cast({counted} as varchar) || 'Z' else {text} end"


def days_of_sheets(text: str, form: Form) -> str:
    """A date or time as a spreadsheet counts it, where its cell is no date: days, and parts of a day, since the end of
    1899, in 5 figures before the point. Parts of a second are rounded; a number of other figures is no date."""
    days = f"try_cast(replace({text}, ',', '.') as decimal(24, 15))"
    counted = f"timestamp '1899-12-30' + to_seconds(cast(round({days} * 86400, 0) as bigint))"
    whole = f"regexp_replace(cast({counted} as varchar), '[T ]00:00:00$', '')"
    return f"case when {matches(text, DAYS)} then {whole} else {text} end"


def days_in_eight_figures(text: str, form: Form) -> str:
    """A date of eight figures, the year first, as 2026-05-05: 20260505."""
    written = f"left({text}, 4) || '-' || substr({text}, 5, 2) || '-' || right({text}, 2)"
    return f"case when {matches(text, EIGHT_FIGURES)} then {written} else {text} end"


def without_sign(text: str, form: Form, signs: str) -> str:
    """An amount without the sign of this currency before or after it, as in € 1.234,50 or 1.234,50 kr; one with another
    sign is rejected."""
    before = f"regexp_replace({text}, '^(-?){GAP}(?:{signs}){GAP}', '\\1')"
    return f"coalesce(nullif(regexp_replace({before}, '{GAP}(?:{signs})$', ''), ''), {text})"


def padded(text: str, form: Form) -> str:
    """An amount with zeros behind its cents without them: databases write 1234.5000, which is 1234.50."""
    return f"regexp_replace({text}, '^(-?[0-9]+[{form.decimal}][0-9]{{2}})00+$', '\\1')"


def salesforce_id(text: str, form: Form) -> str:
    """A Salesforce id of 15 signs, which differ by their case, as the one of 18, as its exports write it elsewhere.

    The last three signs say which of each five are capitals. Reports have 15, the Data Loader and replicas 18.
    """
    capitals = [f"case when ascii(substr({text}, {at}, 1)) between 65 and 90 then {1 << (at - 1) % 5} else 0 end"
                for at in range(1, 16)]  # fmt: skip
    ends = " || ".join(
        f"substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', 1 + {' + '.join(capitals[at : at + 5])}, 1)" for at in (0, 5, 10)
    )
    return f"case when {matches(text, '[a-zA-Z0-9]{15}')} then {text} || {ends} else {text} end"
