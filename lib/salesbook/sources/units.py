"""Steps on one value: the text of another unit or habit as the canonical text, in the form that the source declares."""

from salesbook.sources.form import Form, matches, number_pattern, plain_number

CLOCK, ZERO = r"\d{1,3}:[0-5]\d(?::[0-5]\d)?", r"-?0+(?:[.,]0+)?"
MIDNIGHT = r"[T ]0?0:00(?::00(?:\.0+)?)?(?:Z|\+00:?00)?$"


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
