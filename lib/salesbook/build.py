"""A run: source → tables as of an instant → facts, written into the run's folder with run.json.

The engine is handed small tables (the run, opening hours, rates) and views clipped at the run's instant; then each
fact is one statement. Nothing is pasted into a fact's text.
"""

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib import metadata, resources
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from salesbook import __version__, clipping, clock, freshness
from salesbook.clipping import ASSUMED_VISITS, MADE_UP, UNDONE_CHANGES, VISITS, clipped, deals_before
from salesbook.disk import STAGING, sweep
from salesbook.engines import Engine
from salesbook.errors import BadData
from salesbook.freshness import OFFICE
from salesbook.settings import Settings, Source
from salesbook.sources import Import, site
from salesbook.sources.site import Site
from salesbook.tables import TABLES

# In the order in which they are built: a fact may read those before it.
FACTS = (
    "stage_visits",
    "account_facts",
    "seller_facts",
    "prospect_contacts",
    "deal_facts",
    "deal_steps",
    "lead_facts",
    "lead_steps",
    "organisation_facts",
    "target_days",
    "day_facts",
    "attempts",
    "touches",
    "sale_touches",
    "lead_responses",
    "qualified_organisations",
    "new_customers",
    "customer_months",
    "order_facts",
    "cost_facts",
    "price_facts",
    "deal_states",
    "deal_tellings",
    "open_deals",
    "snapshot_facts",
    "stage_times",
    "stage_ages",
    "stage_passages",
    "deal_checks",
    "checked_deals",
    "deal_amounts",
    "pipeline_moves",
    "expected_deals",
    "lead_phases",
    "activity_facts",
    "call_gaps",
    "late_deals",
    "quote_facts",
    "seller_loads",
    "seller_months",
    "worked_days",
    "self_report_facts",
    "crm_days",
    "feature_uses",
    "collateral_uses",
    "collateral_deals",
    "survey_answers",
    "qualification_facts",
    "deal_fields",
)
LEAST_PEOPLE = 5  # no figure about people is given of fewer
PACKAGES = ("duckdb", "matplotlib", "numpy", "pandas", "papermill", "pyarrow", "scipy")


@dataclass(frozen=True)
class Fact:
    """A fact's text and what its first comment declares."""

    name: str
    sql: str
    meaning: str
    key: tuple[str, ...]
    needs: tuple[str, ...]
    follows: dict[str, tuple[str, str]]
    rows: str


@cache
def fact(name: str) -> Fact:
    """A fact by name.

    Rule: its first comment says what a row is, then `key:`, `needs:` (tables), `follows:` (NAME = FACT.COLUMN, by the
    column of that name here) and `rows:`, a query that counts the rows it must have.
    """
    sql = resources.files("salesbook").joinpath("facts", f"{name}.sql").read_text(encoding="utf-8")
    notes = [line.removeprefix("--").strip() for line in sql.splitlines() if line.startswith("--")]
    declared = dict(re.match(r"(key|needs|follows|rows):\s*(.*)", note).groups() for note in notes if is_note(note))
    follows = dict(re.findall(r"(\w+) = (\w+\.\w+)", declared.get("follows", "")))
    return Fact(
        name=name,
        sql=sql,
        meaning=notes[0],
        key=tuple(words(declared["key"])),
        needs=tuple(words(declared.get("needs", ""))),
        follows={path: tuple(target.split(".")) for path, target in follows.items()},
        rows=declared.get("rows", ""),
    )


def is_note(line: str) -> bool:
    """Whether a comment line declares something."""
    return bool(re.match(r"(key|needs|follows|rows):", line))


def words(text: str) -> list[str]:
    """The words of a comma-separated list."""
    return [word.strip() for word in text.split(",") if word.strip()]


def run_of(settings: Settings, month: str) -> Path:
    """The run of a month or quarter: built, or the one built before of the same data, settings and statements.

    Parameters: `month`, as 2026-10 or 2026-Q3.
    Returns: its folder, in .salesbook/runs beside the settings.
    Raises: as `build`.
    """
    with site.opened(settings) as source:
        told = [source.imported.folder.name, month, __version__]
        told += [Path(file).read_text(encoding="utf-8") for file in (__file__, clipping.__file__)]
        told += [repr(replace(settings, home=Path(), source=Source(), folder=""))]
        told += [fact(name).sql for name in FACTS]
        key = hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]
        place = settings.home / ".salesbook" / "runs" / f"{month}-{key}"
        if not (place / "run.json").is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            sweep(place.parent)
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=STAGING) as staging:
                made = build_on(source, settings, month, Path(staging) / "run")
                # Another run may have put the same folder there meanwhile: it holds the same.
                if not place.exists():
                    made.rename(place)
    return place


def build(settings: Settings, month: str, folder: Path) -> Path:
    """Read the source and build every fact of a month or quarter into a folder.

    Parameters: `month`, as 2026-10 or 2026-Q3; `folder`, where facts/*.parquet and run.json are written.
    Returns: the folder.
    Raises: BadData where the source cannot be read, the month holds nothing, or a fact breaks its own declaration.
    """
    with site.opened(settings) as source:
        return build_on(source, settings, month, folder)


def build_on(source: Site, settings: Settings, month: str, folder: Path) -> Path:
    """Build every fact of a month where the source's canonical tables are; the same as `build`."""
    period = clock.named(month, settings.fiscal_year_starts)
    as_of = clock.utc(settings.zone, period.end)
    facts = folder / "facts"
    facts.mkdir(parents=True, exist_ok=True)
    engine = source.engine(folder)
    try:
        warnings = freshness.warnings(settings, engine.rows, month)
        freshness.refuse(settings, warnings, month)
        define(engine, settings, period, as_of, folder)
        check_month(engine, month)
        check_calendars(engine, settings)
        counts = {name: build_fact(engine, name, facts) for name in FACTS}
        check_rates(engine)
    finally:
        engine.close()
    run = described(settings, month, period, as_of, source.imported, counts, facts) | {"warnings": warnings}
    text = json.dumps(run, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / "run.json").write_text(text, encoding="utf-8")
    return folder


def define(engine: Engine, settings: Settings, period: clock.Period, as_of: datetime, folder: Path) -> None:
    """Give the engine its functions, the small tables and the views clipped at the run's instant."""
    calendars = settings.calendars or OFFICE
    engine.functions(clock.local_time_sql(settings.zone, first_instant(engine) or as_of, as_of))
    small = folder / "small"
    small.mkdir(exist_ok=True)

    def give(name: str, table: pa.Table) -> None:
        pq.write_table(table, small / f"{name}.parquet")
        engine.table(name, small / f"{name}.parquet")

    give("run", run_table(period, as_of, next(iter(calendars)), settings))
    engine.fact("undone_changes", UNDONE_CHANGES, ("deal_id",), small / "undone_changes.parquet")
    visit = ("deal_id", "entered_at", "stage")
    engine.fact("assumed_visits", ASSUMED_VISITS, visit, small / "assumed_visits.parquet")
    for name, sql in (("visits", VISITS), ("deals_before", deals_before())):
        engine.view(name, sql)
    for table in TABLES.values():
        engine.view(table.name, clipped(table, MADE_UP.get(table.name, f"loaded_{table.name}")))
    first, last = span_of(engine, settings, period)
    query = f"select currency, rate_on, rate from loaded_fx_rates where rate_on < date '{period.end}' order by 1, 2"
    known = pd.DataFrame(engine.rows(query), columns=["currency", "rate_on", "rate"])
    rates = clock.rates_table(known, settings.currency, first, period.end)
    calendar = clock.calendar_table(calendars, settings.zone, first, last)
    rate = pa.array([str(rate) for rate in rates["rate"]]).cast(pa.decimal128(18, 8))
    give("rates", pa.table({"currency": rates["currency"], "day": rates["day"], "rate": rate}))
    give("calendar", pa.Table.from_pandas(calendar, preserve_index=False))


def run_table(period: clock.Period, as_of: datetime, default_calendar: str, settings: Settings) -> pa.Table:
    """The one row that facts read the run's instant and settings from."""
    follow_up = settings.follow_up
    return pa.table(
        {
            "as_of": pa.array([as_of], pa.timestamp("us")),
            "period_start": pa.array([period.start]),
            "period_end": pa.array([period.end]),
            "default_calendar": [default_calendar],
            "reached_means": [follow_up.reached],
            "same_attempt_seconds": [follow_up.same_attempt_minutes * 60],
            "agreed_seconds": [follow_up.agreed_hours * 3600],
            "quiet_seconds": [follow_up.quiet_days * 86_400],
            "names_of_sellers": [settings.names_of_sellers],
            "least_people": [LEAST_PEOPLE],
            "enps_question": [settings.team.enps_question],
            "qualification": [f",{','.join(settings.team.qualification)},"],
            "required": [f",{','.join(settings.team.required)},"],
        }
    )


def first_instant(engine: Engine) -> datetime | None:
    """The earliest instant of any table."""
    earliest = []
    for table in TABLES.values():
        instants = [f'min("{column.name}")' for column in table.columns if column.is_instant]
        first = f"least({', '.join(instants)})" if len(instants) > 1 else "".join(instants)
        earliest += [f"select {first} as instant from loaded_{table.name}"] if instants else []
    return engine.rows(f"select min(instant) from ({' union all '.join(earliest)}) earliest")[0][0]


def span_of(engine: Engine, settings: Settings, period: clock.Period) -> tuple[date, date]:
    """The first and last local day that the data and the run's year reach."""
    query = """
      select min(instant), max(on_day) from (
        select min(created_at) as instant, cast(null as date) as on_day from deals
        union all select min(entered_at), null from stage_history
        union all select min(created_at), null from leads
        union all select min(occurred_at), null from activities
        union all select null, max(ends_on) from targets
        union all select cast(min(starts_on) as timestamp), null from targets
        union all select cast(min(started_on) as timestamp), null from subscriptions
        union all select min(ordered_at), null from orders
        union all select min(snapshot_at), null from forecast_snapshots
        union all select cast(min(period) as timestamp), null from costs) spans
    """
    first, last = engine.rows(query)[0]
    year = clock.period_of(period.start, "year", settings.fiscal_year_starts)
    start = min(first.date() - timedelta(days=1), year.start) if first else year.start
    return start, max(year.end, last or year.end)


def build_fact(engine: Engine, name: str, folder: Path) -> int:
    """Build one fact and hold it to what it declares.

    Returns: its number of rows.
    Raises: BadData where its key is not unique or rows were lost or multiplied.
    """
    declared = fact(name)
    rows, again = engine.fact(name, declared.sql, declared.key, folder / f"{name}.parquet")
    if again:
        keys = ", ".join(declared.key)
        raise BadData(f"The fact {name} has two rows of one key ({keys}).", f"{again} of {rows} rows.", REPORT)
    if declared.rows:
        expected = int(engine.rows(declared.rows)[0][0])
        if rows != expected:
            raise BadData(f"The fact {name} lost or multiplied rows.", f"{rows} of {expected}.", REPORT)
    return rows


REPORT = "This is a fault of the fact's statement, or of keys in the data; nothing was published."


# Facts with amounts, and the columns that say in which currency and of which day one without a rate is.
RATED = {
    "deal_facts": ("currency", "rate_on"),
    "target_days": ("kpi", "starts_on"),
    "customer_months": ("currency", "month"),
    "order_facts": ("currency", "ordered_on"),
    "cost_facts": ("currency", "cost_on"),
    "snapshot_facts": ("currency", "snapshot_on"),
}


def check_calendars(engine: Engine, settings: Settings) -> None:
    """Refuse a seller whose calendar of opening hours the settings do not have."""
    there = settings.calendars or OFFICE
    query = "select calendar, min(owner_id) from reps where calendar is not null group by calendar order by calendar"
    for calendar, owner in engine.rows(query):
        if calendar not in there:
            raise BadData(
                "A seller has a calendar that the settings do not have.",
                f"Found {calendar!r} for {owner!r}; there are {', '.join(there)}.",
                f"Add [calendars.{calendar}] to salesbook.toml, or mend reps.",
            )


def check_rates(engine: Engine) -> None:
    """Refuse amounts in a currency without a rate for their day."""
    for name, (currency, day) in RATED.items():
        day = f"coalesce({day}, cast(run.period_end - interval '1' day as date))"  # of what is open: the last day
        rows = f"{name} cross join run where lacks_rate"
        missing = engine.rows(f"select {currency}, count(*), min({day}) from {rows} group by {currency} order by 1")
        if missing:
            found = ", ".join(f"{code}: {count} rows, the first for {day:%Y-%m-%d}" for code, count, day in missing)
            raise BadData(
                f"An amount in {name} has no currency rate.",
                f"{found}.",
                f"Add rates to fx_rates for those days; one is carried for {clock.CARRIED_DAYS} days at most. Or set "
                f'currency = "{missing[0][0]}" under [report] in salesbook.toml, where all amounts are in it.',
            )


def check_month(engine: Engine, month: str) -> None:
    """Refuse a month in which nothing happened, and say where the data ends."""
    query = """
      select max(instant), count(case when instant >= run_start then 1 end) from (
        select created_at as instant from deals union all select entered_at from stage_history
        union all select created_at from leads union all select occurred_at from activities
        union all select ordered_at from orders) events
      cross join (select cast(period_start as timestamp) - interval '1' day as run_start from run) r
    """
    newest, count = engine.rows(query)[0]
    if not count:
        seen = f"the newest record before its end is of {newest:%Y-%m-%d}" if newest else "there is no dated record"
        raise BadData(
            f"There is no data in {month}.",
            f"In the source {seen}.",
            f"Ask for a month that has data{f', such as --month {newest:%Y-%m}' if newest else ''}.",
        )


def described(settings, month, period, as_of, imported: Import, counts, facts: Path) -> dict:
    """What run.json says: everything the pages and a later comparison need to know of the run."""
    built = [{"name": name, "rows": rows, "sha256": sha256(facts / f"{name}.parquet")} for name, rows in counts.items()]
    return {
        "month": month,
        "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
        "as_of": as_of.isoformat() + "Z",
        "zone": settings.zone,
        "currency": settings.currency,
        "language": settings.language,
        "company": settings.company,
        "fiscal_year_starts": settings.fiscal_year_starts,
        "names_of_sellers": settings.names_of_sellers,
        "lens": settings.lens,
        "benchmarks": [vars(given) for given in settings.benchmarks],
        "limits": vars(settings.limits),
        "follow_up": vars(settings.follow_up),
        "economics": vars(settings.economics),
        "inputs": [{"file": read["name"]} | {k: v for k, v in read.items() if k != "name"} for read in imported.files],
        "rejected": imported.rejected,
        "flagged": imported.flagged,
        "tables": sorted(imported.present),
        "facts": built,
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "salesbook": __version__,
    }


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
