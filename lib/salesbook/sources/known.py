"""What is known of exports of any system: names of columns, what parts of names say, and words of their values."""

import re
import tomllib
from functools import cache
from importlib import resources

from babel import Locale
from babel.numbers import get_territory_currencies

from salesbook.sources.header import name_key
from salesbook.tables import TABLES

TONGUES = ("fr", "nb", "sv", "de", "da", "nl", "en")  # of exports; where two have one name the later counts


@cache
def told() -> dict[str, dict[str, list[str]]]:
    """The sections of names.toml."""
    text = resources.files("salesbook").joinpath("sources", "crm", "names.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def synonyms() -> dict[str, dict[str, list[str]]]:
    """The names under which any export may have each column of each table; behind them those of the same column of
    deals, where a table has it under such names, too."""
    of_deals = told()["deals"]
    shared = {table: {name: of_deals[name] for name in names} for table, names in told()["as_of_deals"].items()}
    found = {}
    for table in TABLES.keys() & told().keys():
        own, more = told()[table], shared.get(table, {})
        found[table] = {name: [*own.get(name, []), *more.get(name, [])] for name in {**own, **more}}
    return {table: found[table] for table in TABLES if table in found}


@cache
def records(key: str) -> frozenset[str]:
    """Words for the records of a table, told by the first column of its key."""
    return frozenset(told()["records"].get(key, ()))


def parts(of: str) -> frozenset[str]:
    """Words in names of columns that say only of what a column is, or of what kind."""
    return frozenset(told()["parts"][of])


@cache
def currencies() -> frozenset[str]:
    """The codes of the currencies that are in use."""
    countries = [name for name in Locale("en").territories if len(name) == 2]
    return frozenset(code for country in countries for code in get_territory_currencies(country))


@cache
def currency_names() -> dict[str, str]:
    """The names of the currencies that are in use, as `name_key`, in the languages of exports, to their codes."""
    names = ((name, code) for tongue in TONGUES for code, name in Locale(tongue).currencies.items())
    return {name_key(name): code for name, code in names if code in currencies()}


@cache
def of_amounts() -> frozenset[str]:
    """Words at the end of a name that say of an amount in which currency it is, or that it is in cents or thousands; a
    code of a currency that is a word, too, says neither."""
    codes = {code.lower() for code in currencies()} - parts("no_currencies")
    return parts("of_money") | parts("of_cents") | parts("of_scales") | codes


def outcome(value: str, words: tuple[str, ...]) -> str:
    """The canonical word that a value says in any language; "" where it is none of them."""
    key = word_key(value)
    return next((word for word in words if key in map(word_key, (word, *told()["words"].get(word, [])))), "")


def hinted(value: str, words: tuple[str, ...]) -> str:
    """The canonical word that one of a value's words says, as in `Affär vunnen (2026)`: only a hint; else the first."""
    parts = re.findall(r"\w+", value)
    return next((found for part in parts if (found := outcome(part, words))), words[0])


def word_key(value: str) -> str:
    """A word without what may differ: case, spaces and signs.

    Examples:
    >>> word_key("Closed - Won") == word_key("closedwon")
    True
    """
    return re.sub(r"[\W_]+", "", name_key(value))
