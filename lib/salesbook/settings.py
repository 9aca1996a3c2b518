"""The settings: one TOML file, read once, checked to the last key."""

import difflib
import re
import tomllib
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from salesbook import maps, memory
from salesbook.errors import BadData, WrongUsage
from salesbook.tables import TABLES

NAME = "salesbook.toml"
LANGUAGES = ("en", "nl", "da")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YEAR = "(?:19|20)[0-9]{2}"
MONTH = re.compile(rf"{YEAR}-(0[1-9]|1[0-2])")
PERIOD = re.compile(rf"{MONTH.pattern}|{YEAR}-Q[1-4]")  # what a report may be of
DATE_FORMS = ("ymd", "dmy", "mdy")


OVERLAPS = ("", "later file wins")


@dataclass(frozen=True)
class Source:
    """Where the data is and in which form: the map from a CRM's export to the canonical tables.

    `extends`: the map that ships and lies under this one. `overlap`: which version of a record that stands in several
    files is taken where `newest` does not tell. `newest`: table = the column by which the newest version is told.
    `offered`: files that the map underneath knows and that need not be there. A column may be named by a list: the
    one of its names that the file has is taken, and there need be none. `schema`: where the tables of a database are;
    `build_in`: where everything is built, if the data may not leave its place or is too much for one machine: a schema
    of the database, or a folder that every worker of a Spark cluster has. `closing_lines`: what stands in lines below
    the last row that are none, as who made a report and when; * is anything, in a line of several cells a number.
    `headers`: table = the name of the first column of its files, where titles stand above their header. `entered`:
    deals = stage = the column that says when a deal came into it, for the step visits_from_dates_entered.
    """

    path: str = "data/sample"
    date_form: str = "ymd"
    decimal: str = "."
    thousands: str = ""
    zone: str = ""
    currency: str = ""
    encoding: str = "utf-8"
    nulls: tuple[str, ...] = ()
    closing_lines: tuple[str, ...] = ()
    delimiter: str = ""
    extends: str = ""
    overlap: str = ""
    schema: str = "public"
    build_in: str = ""
    files: dict[str, str | list[str]] = field(default_factory=dict)
    columns: dict[str, dict[str, str | list[str]]] = field(default_factory=dict)
    constants: dict[str, dict[str, str | dict[str, str]]] = field(default_factory=dict)
    words: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    rows: dict[str, list[dict]] = field(default_factory=dict)
    steps: dict[str, list[str]] = field(default_factory=dict)
    newest: dict[str, str | list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    entered: dict[str, dict[str, str]] = field(default_factory=dict)
    offered: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What is too much rejected, which groups are too small, and what data is too old or too little.

    `stale_days`: older than so many days before the end of the month is the newest event stale. `fewer_rows_share`: by
    more than this share may a table not have fewer rows than the month before. `stale`: what becomes of a report of
    such data: "stamp", every page says so, or "refuse".
    """

    rejected_share: float = 0.05
    counts_below: int = 5
    grey_below: int = 20
    stale_days: int = 7
    fewer_rows_share: float = 0.3
    stale: str = "stamp"


@dataclass(frozen=True)
class Economics:
    """What the figures per customer assume.

    `gross_margin`: share of the price that is left after the cost of what was sold; 0 = not given, then that of the
    orders whose cost is known. `lag_months`: months between spending and the customers it won. `years`: how long a
    customer stays, for the simple lifetime value. `discount_rate`: a year's. `most_months`: no lifetime is counted as
    longer. `payback_months`: the longest allowed. `what_if_change`: by what share a what-if changes a thing.
    """

    gross_margin: float = 0.0
    lag_months: int = 0
    years: float = 3.0
    discount_rate: float = 0.1
    most_months: int = 60
    payback_months: int = 12
    what_if_change: float = 0.1


@dataclass(frozen=True)
class Calendar:
    """Opening hours of a week, and the country whose national holidays are closed days."""

    country: str = ""
    hours: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FollowUp:
    """How following up is counted.

    `reached`: a lead is reached by a talk with a decision maker, or once qualified. `same_attempt_minutes`: the next
    contact on the same channel within so many minutes is the same attempt. `agreed_hours`: a lead without seller or
    attempt after so long has leaked; `quiet_days`: one without contact for so long was dropped. `attempt_cost`: what
    an attempt costs in the report currency; 0 if unknown.
    """

    reached: str = "talk"
    same_attempt_minutes: int = 5
    agreed_hours: int = 48
    quiet_days: int = 30
    attempt_cost: float = 0.0


@dataclass(frozen=True)
class Benchmark:
    """A figure to compare with, of the user's own choice: of which KPI, its value in the KPI's unit (a share 0 to 1),
    where it comes from and of which day it is."""

    kpi: str = ""
    value: float = 0.0
    source: str = ""
    date: str = ""


@dataclass(frozen=True)
class Team:
    """What is asked of records and of people.

    `qualification`: what must be known of a qualified lead (BANT, or GPCT). `required`: the fields that every deal
    should have. `enps_question`: what the question of a survey whether one would recommend working here contains.
    """

    qualification: tuple[str, ...] = ("budget", "authority", "need", "timing")
    required: tuple[str, ...] = ("amount", "expected_close", "product", "contact_id")
    enps_question: str = "recommend"


@dataclass(frozen=True)
class Settings:
    """The settings of a company. `home` is the folder of the file: paths are relative to it. `lens`: the pages show how
    others define a KPI, too. `memory`, what DuckDB and all pages run at once may hold: a matter of the machine, so it
    stands in no run.json and changes no run."""

    home: Path
    company: str = ""
    month: str = ""
    zone: str = "Europe/Amsterdam"
    currency: str = "EUR"
    language: str = "en"
    fiscal_year_starts: int = 1
    folder: str = "reports"
    names_of_sellers: bool = False
    lens: bool = False
    source: Source = Source()
    memory: str = field(default="", repr=False)
    limits: Limits = Limits()
    economics: Economics = Economics()
    follow_up: FollowUp = FollowUp()
    team: Team = Team()
    calendars: dict[str, Calendar] = field(default_factory=dict)
    benchmarks: tuple[Benchmark, ...] = ()

    @property
    def reports(self) -> Path:
        """The folder where the months are published."""
        return self.home / self.folder

    @property
    def source_path(self) -> Path:
        """The folder of the source."""
        return self.home / self.source.path


REPORT_KEYS = ("month", "zone", "currency", "language", "fiscal_year_starts", "folder", "names_of_sellers", "lens")
SOURCE_KEYS = tuple(f.name for f in fields(Source) if f.name not in (*maps.SECTIONS, "offered"))
SECTIONS = (
    "company",
    "report",
    "source",
    *maps.SECTIONS,
    "limits",
    "economics",
    "follow_up",
    "team",
    "calendars",
    "benchmarks",
)


def load(path: str | Path) -> Settings:
    """The settings in a file.

    Rule: every key must be known and of the right kind; nothing is passed over. The report's currency is the one that
    the source declares for its amounts, where [report] names none.
    Parameters: `path`, the file or its folder.
    Returns: Settings.
    Raises: WrongUsage where the file is missing, is not TOML, or has a key or value that does not exist.
    """
    path = Path(path)
    path = path / NAME if path.is_dir() else path
    if not path.is_file():
        raise WrongUsage("There is no settings file.", f"Looked for {path}.", "Copy the sample's salesbook.toml.")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path.name} cannot be read.", f"{error}.", "Mend that line.") from error
    known(raw, SECTIONS, "section")
    maps.check_shapes(raw)
    raw = maps.extended(raw)
    report, source = table_of(raw, "report", REPORT_KEYS), table_of(raw, "source", SOURCE_KEYS)
    limits = table_of(raw, "limits", (*(f.name for f in fields(Limits)), "memory"))
    settings = Settings(
        home=path.resolve().parent,
        company=str(table_of(raw, "company", ("name",)).get("name", "")),
        source=build(Source, source | {name: raw.get(name, {}) for name in (*maps.SECTIONS, "offered")}, "source"),
        limits=build(Limits, {name: value for name, value in limits.items() if name != "memory"}, "limits"),
        memory=checked(Settings, {"memory": limits.get("memory", "")}, "limits")["memory"],
        economics=build(Economics, table_of(raw, "economics", tuple(f.name for f in fields(Economics))), "economics"),
        follow_up=build(FollowUp, table_of(raw, "follow_up", tuple(f.name for f in fields(FollowUp))), "follow_up"),
        team=build(Team, table_of(raw, "team", tuple(f.name for f in fields(Team))), "team"),
        calendars={
            name: build(Calendar, table_of(raw["calendars"], name, ("country", "hours")), f"calendars.{name}")
            for name in raw.get("calendars", {})
        },
        benchmarks=tuple(benchmark(entry) for entry in entries_of(raw, "benchmarks")),
        **checked(Settings, {"currency": source.get("currency") or Settings.currency} | report, "report"),
    )
    check(settings)
    return settings


def known(found, allowed, what: str) -> None:
    """Refuse a name that does not exist, with the nearest one that does."""
    for name in found:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(allowed)}."
            raise WrongUsage("The settings name something that does not exist.", f"Found {what} {name!r}.", hint)


def table_of(raw: dict, name: str, keys: tuple[str, ...]) -> dict:
    """A section of the file, with only known keys."""
    section = raw.get(name, {})
    if not isinstance(section, dict):
        raise WrongUsage(f"[{name}] is not a section.", f"Found {section!r}.", f"Write [{name}] and keys below it.")
    known(section, keys, f"in [{name}] the key")
    return section


def entries_of(raw: dict, name: str) -> list:
    """The entries of a section that may stand several times."""
    entries = raw.get(name, [])
    if not isinstance(entries, list):
        raise WrongUsage(f"[{name}] is not a list.", f"Found {entries!r}.", f"Write [[{name}]] above each entry.")
    return entries


def benchmark(entry: dict) -> Benchmark:
    """A benchmark of the settings: all its keys are given, its KPI exists, its day is one.

    Raises: WrongUsage that says which is not so.
    """
    from salesbook import KPIS  # only where there are benchmarks: the registry takes a second to import

    needed = tuple(f.name for f in fields(Benchmark))
    known(entry, needed, "in [[benchmarks]] the key")
    if missing := [name for name in needed if name not in entry]:
        found = f"There is no {', '.join(missing)} in {entry!r}."
        raise WrongUsage("A benchmark is not whole.", found, f"Give each benchmark {', '.join(needed)}.")
    given = build(Benchmark, entry | {"date": str(entry["date"])}, "benchmarks")
    known([given.kpi], KPIS, "in [[benchmarks]] the kpi")
    try:
        date.fromisoformat(given.date)
    except ValueError as error:
        raise WrongUsage("A benchmark's date is not a day.", f"Found {given.date!r}.", "Write 2026-01-15.") from error
    return given


def checked(kind, values: dict, section: str) -> dict:
    """The values, each of the type of its default."""
    defaults = {f.name: f.default for f in fields(kind)}
    right = {}
    for name, value in values.items():
        default = defaults[name]
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        wanted = (int, float) if isinstance(default, float) else type(default)
        is_plain = isinstance(default, (str, bool, int, float, tuple))
        is_list = isinstance(value, tuple)
        if is_plain and (
            not isinstance(value, wanted)
            or isinstance(value, bool) != isinstance(default, bool)
            or (is_list and not all(isinstance(one, str) for one in value))
        ):
            example = (list(default) or ["text"]) if isinstance(default, tuple) else default
            todo = f"An example: {name} = {example!r}."
            raise WrongUsage(f"[{section}] {name} is of the wrong kind.", f"Found {values[name]!r}.", todo)
        right[name] = value
    return right


def build(kind, values: dict, section: str):
    """A settings object of checked values."""
    return kind(**checked(kind, values, section))


def check(settings: Settings) -> None:
    """Refuse values that cannot be meant.

    Raises: WrongUsage, or BadData where the map names a table or column that does not exist.
    """
    source = settings.source
    choices = [
        ("report.zone", settings.zone, available_timezones()),
        ("source.zone", source.zone or "UTC", available_timezones()),
        ("report.language", settings.language, LANGUAGES),
        ("source.date_form", source.date_form, DATE_FORMS),
        ("source.decimal", source.decimal, (".", ",")),
        ("limits.stale", settings.limits.stale, ("stamp", "refuse")),
        ("source.overlap", source.overlap, OVERLAPS),
        ("source.thousands", source.thousands, ("", ".", ",", " ", "'", "\u2019", "\u00a0", "\u202f")),
        ("report.fiscal_year_starts", settings.fiscal_year_starts, range(1, 13)),
        ("follow_up.reached", settings.follow_up.reached, ("talk", "qualified")),
    ]
    for name, value, allowed in choices:
        if value not in allowed:
            some = ", ".join(map(repr, sorted(allowed)[:8]))
            raise WrongUsage(f"{name} has a value that does not exist.", f"Found {value!r}.", f"Allowed: {some} ...")
    if source.decimal == source.thousands:
        raise WrongUsage("The decimal sign is also the sign of thousands.", repr(source.decimal), "Change one of them.")
    for name, code in [("report.currency", settings.currency), ("source.currency", source.currency or "EUR")]:
        if not re.fullmatch(r"[A-Z]{3}", code):
            raise WrongUsage(f"{name} is not a currency.", f"Found {code!r}.", "Write three capitals, such as EUR.")
    if settings.month and not PERIOD.fullmatch(settings.month):
        todo = "Write a month as 2026-10, or a quarter of the fiscal year as 2026-Q3."
        raise WrongUsage("report.month is no month and no quarter.", f"Found {settings.month!r}.", todo)
    for name in ("rejected_share", "fewer_rows_share"):
        share = getattr(settings.limits, name)
        if not 0 <= share <= 1:
            raise WrongUsage(f"limits.{name} is not a share.", f"Found {share}.", "Write 0.05 for 5 %.")
    memory.size_of(settings.memory)
    check_economics(settings.economics)
    for name, calendar in settings.calendars.items():
        known(calendar.hours, DAYS, f"in [calendars.{name}] the day")
        for hours in calendar.hours.values():
            opening(hours)
    check_follow_up(settings.follow_up)
    check_team(settings.team)
    check_map(source)


def check_economics(economics: Economics) -> None:
    """Refuse what cannot be assumed of a customer."""
    bounds = {
        "gross_margin": (0, 1, "0.7 for 70 %"),
        "lag_months": (0, 36, "whole months, such as 2"),
        "years": (0, 50, "years, such as 3"),
        "discount_rate": (0, 1, "0.1 for 10 % a year"),
        "most_months": (1, 600, "whole months, such as 60"),
        "payback_months": (1, 120, "whole months, such as 12"),
        "what_if_change": (0.01, 0.9, "0.1 for 10 %"),
    }
    for name, (low, high, example) in bounds.items():
        value = getattr(economics, name)
        if not low <= value <= high:
            found = f"Found {value}."
            raise WrongUsage(f"economics.{name} is not between {low} and {high}.", found, f"Write {example}.")


def check_follow_up(follow_up: FollowUp) -> None:
    """Refuse spans and a cost below zero."""
    for name in ("same_attempt_minutes", "agreed_hours", "quiet_days", "attempt_cost"):
        value = getattr(follow_up, name)
        if value < 0:
            raise WrongUsage(f"follow_up.{name} is below zero.", f"Found {value}.", "Write a number from 0.")


QUALIFICATION = ("budget", "authority", "need", "timing", "goals", "plans", "challenges")
REQUIRED = ("account_id", "contact_id", "product", "source", "type", "amount", "expected_close")


def check_team(team: Team) -> None:
    """Refuse fields that cannot be asked of a lead or a deal."""
    for field_name, allowed in (("qualification", QUALIFICATION), ("required", REQUIRED)):
        known(getattr(team, field_name), allowed, f"in [team] {field_name}")


def check_map(source: Source) -> None:
    """Refuse a map that names a table or column that the canonical tables, and those for steps, do not have."""
    for section in (*maps.SECTIONS, "offered"):
        for name, content in getattr(source, section).items():
            table = maps.table(name)
            if table is None or (section == "rows" and name not in TABLES):
                raise unknown("table", name, section, TABLES | maps.RAW)
            columns = [column.name for column in table.columns]
            named = content if section in ("columns", "constants", "words") else []
            for column in named if section != "rows" else [key for row in content for key in row]:
                if column not in columns:
                    raise unknown("column", column, f"{section}.{name}", columns)


def unknown(what: str, name: str, section: str, allowed) -> BadData:
    """The error for a name in the map that the canonical tables do not have."""
    near = difflib.get_close_matches(name, list(allowed), 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(allowed)}."
    return BadData(f"The map names a {what} that does not exist.", f"Found {name!r} in [{section}].", hint)


def opening(hours: str) -> tuple[int, int]:
    """Opening and closing time as seconds after local midnight, from a text like 09:00-17:30."""
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", hours)
    if match:
        opens, closes = (int(h) * 3600 + int(m) * 60 for h, m in (match.group(1, 2), match.group(3, 4)))
        if opens < closes <= 86_400:
            return opens, closes
    raise WrongUsage("Opening hours cannot be read.", f"Found {hours!r}.", "Write them as 09:00-17:30.")


def last_complete_month(today: date) -> str:
    """The month before the one that holds this day, as 2026-10."""
    year, month = (today.year - 1, 12) if today.month == 1 else (today.year, today.month - 1)
    return f"{year:04d}-{month:02d}"


def zone_of(settings: Settings) -> ZoneInfo:
    """The report's time zone."""
    return ZoneInfo(settings.zone)
