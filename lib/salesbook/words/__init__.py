"""The words of the pages: one catalogue per language, numbers and dates through Babel.

Every sentence that a reader sees stands in `en.yaml`, `nl.yaml` and `da.yaml` under the same key, with the same
placeholders. A placeholder may say how its value is written: `{rate:percent}`, `{amount:money}`, `{month:month}`.
"""

import copy
import hashlib
import math
import os
import re
import string
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_compact_currency

from salesbook.clock import kind_of, month_after, named
from salesbook.errors import WrongUsage

LOCALES = {"en": "en_GB", "nl": "nl_NL", "da": "da_DK"}
PLURALS = {"zero", "one", "two", "few", "many", "other"}
NOTHING = "–"
MINUS = "−"
LANGUAGE = "SALESBOOK_LANGUAGE"
TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
LONG_WORD = re.compile(r"(\S{60})\S+")
# CLDR's short thousand is no Dutch or Danish: "K", and a lone "t", which readers take for tons.
IN_FULL = ("nl", "da")
# A word joiner keeps a line from ending after the hyphen of "95%-interval".
UNBROKEN = {
    r"n = \{": "n\u00a0=\u00a0{", r'(?<="\{x\}) ': "\u00a0", r"(?<=\d) (?=%)": "\u00a0", r"(?<=%-)(?=[a-z])": "\u2060",
    r"(?<=95%) (?=interval)": "\u00a0",
}  # fmt: skip


@cache
def catalogue(language: str) -> dict[str, str | dict[str, str]]:
    """The words of a language by key; a key with plural forms has one text per form.

    Rule: LANGUAGE.yaml holds what all pages share, TOPIC.LANGUAGE.yaml what one page says; no key stands in two.
    Raises: WrongUsage where there is no such language, or a key stands in two files.
    """
    if language not in LOCALES:
        raise WrongUsage("There is no such language.", f"Found {language!r}.", f"There are: {', '.join(LOCALES)}.")
    words = {}
    for file in sorted(Path(__file__).parent.glob(f"*{language}.yaml")):
        text = file.read_text(encoding="utf-8")
        more = dict(flat(yaml.load(unbroken(text), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))))
        if twice := sorted(words.keys() & more.keys()):
            raise WrongUsage("Words stand in two files.", f"Found {twice[0]!r} again in {file.name}.", "Keep one.")
        words |= more
    return words


def unbroken(text: str) -> str:
    """A text whose lines never end within what is one word to a reader: "n = 40", "95% interval", "−0.7 pp"."""
    for broken, whole in UNBROKEN.items():
        text = re.sub(broken, whole, text)
    return text


def flat(tree: dict, path: str = ""):
    """The leaves of a tree of words, each with its dotted key."""
    for name, node in tree.items():
        key = f"{path}.{name}" if path else name
        if isinstance(node, dict) and not PLURALS.issuperset(node):
            yield from flat(node, key)
        else:
            yield key, node


def hash_of(text: str) -> str:
    """The mark of an English text that stands beside its translations: they are stale once it changes."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class Speech(string.Formatter):
    """Fills a template; the part after a colon names the method of Words that writes the value."""

    def __init__(self, words: "Words"):
        self.words = words

    def filled(self, template: str, values: dict) -> str:
        """A template with its values; a sentence that ends in an abbreviation ("€ 2 mln.") has one full stop."""
        text = ""
        for words, name, form, _ in self.parse(template):
            text += words[1:] if text.endswith(".") and words.startswith(".") else words
            if name is not None:
                text += self.format_field(self.get_field(name, (), values)[0], form)
        return text

    def format_field(self, value, format_spec: str) -> str:
        """A value in words: `{x:percent}`, `{x:percent.1}`, or as it is."""
        if not format_spec:
            return readable(str(value))
        name, _, digits = format_spec.partition(".")
        return getattr(self.words, name)(value, *([int(digits)] if digits else []))


@dataclass(frozen=True)
class Words:
    """How a page speaks: its language, its currency, and which groups are too small to give a share of.

    `kind`: what it speaks of, a month or a quarter; `year_starts`: the month in which the fiscal year starts.
    """

    language: str
    currency: str
    counts_below: int = 5
    grey_below: int = 20
    kind: str = "month"
    year_starts: int = 1

    @property
    def locale(self) -> Locale:
        """The locale of numbers and dates."""
        return Locale.parse(LOCALES[self.language])

    @property
    def tag(self) -> str:
        """The language as a page names it: en-GB."""
        return LOCALES[self.language].replace("_", "-")

    def has(self, key: str) -> bool:
        """Whether there are words for a key."""
        return key in catalogue(self.language)

    def say(self, key: str, **values) -> str:
        """The words of a key, filled with values.

        Rule: a key with plural forms is chosen by the value `n`. Of a quarter, the words that the key has under
        `of_quarter` are said in its place.
        Parameters: `key`, as in the catalogues; `values`, one per placeholder, as numbers and dates or as text.
        Returns: text.
        Raises: WrongUsage where the key or a value is missing.
        Examples:
            >>> Words("en", "EUR").say("unit.points", x="0.7")
            '0.7\\xa0pp'
        """
        words = catalogue(self.language)
        if key not in words:
            raise WrongUsage(
                "There are no such words.", f"Looked for {key!r}.", f"Add it to words/{self.language}.yaml."
            )
        template = words.get(f"of_{self.kind}.{key}", words[key])
        if isinstance(template, dict):
            template = template.get(self.locale.plural_form(values["n"]), template["other"])
        try:
            return Speech(self).filled(template, values)
        except KeyError as error:
            raise WrongUsage(f"The words {key!r} lack a value.", f"Not given: {error}.", "Give it to say().") from error

    # Numbers

    def number(self, x: float | None, digits: int = 0) -> str:
        """A number with the language's signs: 1,275."""
        return self.written(x, copy.copy(self.locale.decimal_formats[None]), digits)

    def percent(self, x: float | None, digits: int = 0) -> str:
        """A share of 0 to 1 in per cent: 47%."""
        return self.written(x, copy.copy(self.locale.percent_formats[None]), digits)

    def points(self, x: float | None, digits: int = 1) -> str:
        """A difference of shares in percentage points, with its sign: +0.7 pp."""
        if undefined(x):
            return NOTHING
        return self.say("unit.points", x=self.signed(100 * x, digits))

    def signed(self, x: float, digits: int = 0) -> str:
        """A number with its sign, plus too."""
        return ("+" if round(x, digits) > 0 else "") + self.number(x, digits)

    def change(self, x: float, digits: int = 0) -> str:
        """A relative change in per cent, with its sign: −12%."""
        return ("+" if round(x, digits + 2) > 0 else "") + self.percent(x, digits)

    def money(self, x: float | None, digits: int = 0) -> str:
        """An amount in full: €388,120."""
        pattern = copy.copy(self.locale.currency_formats["standard"])
        pattern.prefix = (pattern.prefix[0], "-" + pattern.prefix[0])  # the minus first, as in the short form
        return self.written(x, pattern, digits, currency=self.currency, currency_digits=False)

    def money_short(self, x: float | None, digits: int | None = None) -> str:
        """An amount as short as can be, in three figures where `digits` are not given: €1.92M, €530K."""
        if undefined(x):
            return NOTHING
        if abs(x) < 1000:
            # Babel gives amounts under a thousand in full, whatever the digits asked for.
            return self.money(x)
        if self.language in IN_FULL and abs(x) < 1_000_000:
            return self.money(float(f"{x:.3g}") if digits is None else x)
        if digits is None:
            digits = 2 - math.floor(math.log10(abs(x))) % 3
        text = format_compact_currency(x, self.currency, locale=self.locale, fraction_digits=digits)
        return text.replace("-", MINUS)

    def written(self, x: float | None, pattern, digits: int, **options) -> str:
        """A number by a CLDR pattern of which only the digits are changed; nothing is a dash."""
        if undefined(x):
            return NOTHING
        pattern.frac_prec = (digits, digits)
        rounded = round(float(x), digits + 2) + 0.0
        text = pattern.apply(rounded, self.locale, **options)
        return text.replace("-", MINUS) if any(c in text for c in "123456789") else text.replace("-", "")

    def share(self, k: float, n: float, digits: int = 0) -> str:
        """A share k of n; of fewer than `counts_below`, the counts instead of the rate.

        Examples:
            >>> Words("en", "EUR").share(3, 4), Words("en", "EUR").share(30, 40)
            ('3 of 4', '75%')
        """
        if undefined(n) or n == 0:
            return NOTHING
        if n < self.counts_below:
            return self.say("share.counts", k=self.number(k), n=self.number(n))
        return self.percent(k / n, digits)

    def interval(self, low: float | None, high: float | None, unit: str) -> str:
        """An interval: 69% to 74%, 2.5 to 3.1 days, or nothing."""
        if undefined(low) or undefined(high):
            return ""
        ends = [self.value_short(end, unit) for end in (low, high)]
        (first, _, its_unit), last = ends[0].partition("\u00a0"), ends[1]
        is_same = unit in ("days", "hours") and last.endswith(f"\u00a0{its_unit}")
        return self.say("share.interval", low=first if is_same else ends[0], high=last)

    def duration(self, seconds: float | None, digits: int | None = None) -> str:
        """A length of time in the unit that reads best: 45 min, 2.5 h, 3 days."""
        if undefined(seconds):
            return NOTHING
        sizes = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
        whole = next(unit for unit, size in sizes.items() if seconds % size == 0 or size == 1)
        most = {"seconds": 90, "minutes": 5400, "hours": 129_600, "days": math.inf}
        near = next(unit for unit, limit in most.items() if abs(seconds) < limit)
        unit = whole if seconds and sizes[whole] > sizes[near] else near
        amount = seconds / sizes[unit]
        if digits is None:
            digits = 0 if amount >= 10 or amount == round(amount) or unit == "seconds" else 1
        return self.say(f"unit.{unit}", x=self.number(amount, digits), n=amount)

    def value(self, x: float | None, unit: str, digits: int | None = None) -> str:
        """A value of a KPI in its unit.

        Rule: hours under one are told in minutes.
        Parameters: `x`; `unit`, one of share, days, hours, money, count, ratio, score, index; `digits` behind the
        decimal sign, where the unit's own do not serve.
        Returns: text, a dash for nothing.
        """
        own = {
            "share": 0,
            "days": 1,
            "hours": 1,
            "money": 0,
            "count": 0,
            "ratio": 2,
            "score": 3,
            "index": 0,
            "number": 1,
        }
        if unit not in own:
            raise WrongUsage("There is no such unit.", f"Found {unit!r}.", f"There are: {', '.join(own)}.")
        if undefined(x):
            return NOTHING
        digits = own[unit] if digits is None else digits
        if unit in ("share", "money"):
            return self.percent(x, digits) if unit == "share" else self.money(x, digits)
        if unit == "hours" and 0 < abs(x) < 1:
            return self.say("unit.minutes", x=self.number(60 * x))
        number = self.number(x, digits)
        return self.say(f"unit.{unit}", x=number, n=round(x, digits)) if unit in ("days", "hours") else number

    def value_short(self, x: float | None, unit: str) -> str:
        """A value as short as can be, for labels in drawings."""
        return self.money_short(x) if unit == "money" else self.value(x, unit)

    # Dates

    def month(self, x) -> str:
        """A month in full: October 2026; by its name a quarter too, as in a sentence: the third quarter of 2026."""
        if isinstance(x, str) and kind_of(x) == "quarter":
            return self.say("quarter.in_text", name=self.quarter_in_full(x))
        return format_skeleton("yMMMM", day_of(x), locale=self.locale)

    def heading(self, name: str) -> str:
        """The name of a month or quarter where it stands alone: Third quarter of 2026.

        Rule: beside a quarter of a fiscal year that is no calendar year stand its months.
        """
        if kind_of(name) == "month":
            return self.month(name)
        text = self.quarter_in_full(name)
        months = f" ({self.quarter(named(name, self.year_starts).start)})" if self.year_starts > 1 else ""
        return text[0].upper() + text[1:] + months

    def month_short(self, x) -> str:
        """A month with its year, short: Oct 2026."""
        return format_skeleton("yMMM", day_of(x), locale=self.locale)

    def month_name(self, x) -> str:
        """A month without its year, short: Oct."""
        return format_date(day_of(x), "LLL", locale=self.locale)

    def quarter(self, x) -> str:
        """A quarter by its first day, short: Q3 2026; of a fiscal year that is no calendar year, by its months."""
        first = day_of(x)
        if self.year_starts == 1:
            return self.say("quarter.calendar", quarter=(first.month + 2) // 3, year=first.year)
        return self.say("quarter.fiscal", first=first, last=month_after(first, 2))

    def quarter_in_full(self, name: str) -> str:
        """A quarter by its name: third quarter of 2026; of another fiscal year, third quarter of 2025/26."""
        year = name[:4] if self.year_starts == 1 else f"{int(name[:4]) - 1}/{name[2:4]}"
        return self.say(f"quarter.name.{name[-1]}", year=year)

    def date(self, x) -> str:
        """A day: 5 October 2026."""
        return format_date(day_of(x), "long", locale=self.locale)

    def day(self, x) -> str:
        """A day without its year: 5 Oct."""
        return format_skeleton("MMMd", day_of(x), locale=self.locale)

    def instant(self, x: str, zone: str) -> str:
        """A point in time, told in a zone: 1 November 2026, 00:00."""
        moment = datetime.fromisoformat(x.replace("Z", "+00:00")).astimezone(ZoneInfo(zone))
        return f"{self.date(moment.date())}, {format_time(moment.time(), 'HH:mm', locale=self.locale)}"

    # KPIs and prose

    def label(self, name: str) -> str:
        """The name of a KPI for readers; a KPI that the catalogue does not know keeps its own name."""
        key = f"kpi.{name}.label"
        return self.say(key) if self.has(key) else name.replace("_", " ").capitalize()

    def meaning(self, name: str, english: str) -> str:
        """What a KPI means: its docstring's first line, or the translation made of just that line."""
        return self.translation(f"kpi.{name}", "meaning", english)

    def prose(self, notebook: str, cell: str, english: str) -> str:
        """The text of a notebook's cell: its source, or the translation made of just that source."""
        return self.translation(f"notebook.{notebook}.{cell}", "text", english)

    def translation(self, key: str, part: str, english: str) -> str:
        """A translation if it was made of this English text, that of a quarter first; a stale one is never shown."""
        words, mark = catalogue(self.language), hash_of(english)
        made = [one for one in (f"of_{self.kind}.{key}", key) if str(words.get(f"{one}.of", "")) == mark]
        return words[f"{made[0]}.{part}"] if made else english

    def reason(self, code: str | None) -> str:
        """Why there is no value: the words for a code such as "nothing closed"."""
        if not code or undefined(code):
            return ""
        for start in ("needs ", "not by "):
            if code.startswith(start):
                return self.say(f"reason.{start.strip().replace(' ', '_')}", what=code.removeprefix(start))
        key = f"reason.{code.replace(' ', '_').replace('-', '_')}"
        return self.say(key) if self.has(key) else code

    def remark(self, rule: str) -> str:
        """What a rule on rows found; one that the catalogue does not know keeps its own name."""
        for end in ("has_space", "unknown"):
            if rule.endswith(f"_{end}"):
                return self.say(f"remark.{end}", column=rule.removesuffix(f"_{end}"))
        key = f"remark.{rule}"
        return self.say(key) if self.has(key) else rule.replace("_", " ")

    def column(self, name: str) -> str:
        """The heading of a column; one that the catalogue does not know keeps its own name."""
        last = name.rpartition(".")[2]
        key = f"column.{last}"
        return self.say(key) if self.has(key) else last.replace("_", " ").capitalize()


def of_run(run: dict, language: str = "") -> Words:
    """The words of a run: its language, or another, its currency and its limits.

    Rule: a report in another language than the run's tells the kernels of its pages by a variable of theirs.
    Parameters: `run`, what run.json says; `language`, in place of the run's own.
    """
    language = language or os.environ.get(LANGUAGE, "") or run["language"]
    limits = run.get("limits", {})
    small = {name: limits[name] for name in ("counts_below", "grey_below") if name in limits}
    told = {"kind": kind_of(run["month"]), "year_starts": run.get("fiscal_year_starts", 1)}
    return Words(language, run["currency"], **small, **told)


def readable(text: str) -> str:
    """A text from the data as a sentence or cell can hold it.

    Rule: no sign turns the text that follows around, no word is longer than a line; the workbook has it whole.
    """
    return LONG_WORD.sub("\\1…", text.translate(TURNING))


def undefined(x) -> bool:
    """Whether there is no value: None, NaN or NaT."""
    return x is None or x != x


def day_of(x) -> date:
    """A day from a date, an instant, 2026-10-05 or 2026-10."""
    if isinstance(x, str):
        return date.fromisoformat(x if len(x) > 7 else f"{x}-01")
    return x.date() if hasattr(x, "date") else x


def stale(meanings: dict[str, str], language: str) -> list[str]:
    """The translations of KPIs that are missing, or made of an English meaning that has changed since.

    Parameters: `meanings`, the English meaning by name of KPI; `language`.
    Returns: for each, the lines to bring into the language's file.
    """
    words = catalogue(language)
    lines = []
    for name, english in meanings.items():
        needed = [f"kpi.{name}.label"] + ([f"kpi.{name}.meaning"] if language != "en" else [])
        mark = str(words.get(f"kpi.{name}.of", ""))
        if any(key not in words for key in needed) or (language != "en" and mark != hash_of(english)):
            lines.append(f"{name}: {{label: ..., meaning: ..., of: '{hash_of(english)}'}}  # {english}")
    return lines


def stale_prose(notebook: str, cells: dict[str, str], language: str) -> list[str]:
    """The cells of a notebook whose translation is missing, or made of an English text that has changed since.

    Parameters: `notebook`, its name; `cells`, the English text by id of the cell; `language`.
    Returns: for each, the lines to bring into the language's file.
    """
    words, lines = catalogue(language), []
    for cell, english in cells.items():
        key = f"notebook.{notebook}.{cell}"
        if language != "en" and (f"{key}.text" not in words or words.get(f"{key}.of") != hash_of(english)):
            lines.append(f"{key}: {{of: '{hash_of(english)}', text: ...}}  # {english.splitlines()[0]}")
    return lines
