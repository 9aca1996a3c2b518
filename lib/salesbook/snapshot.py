"""Snapshots of the open deals: no CRM keeps what its pipeline looked like, so one a night is kept beside the settings.

A day's file is written once, whole or not at all. Where the source has the history of deals, the ends of months before
are rebuilt from it and marked so; a rebuilt snapshot never takes the place of one that was kept.
"""

import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from salesbook import clock, freshness
from salesbook.disk import locked, put
from salesbook.engines import Engine
from salesbook.errors import BadData
from salesbook.settings import Settings
from salesbook.sources import site
from salesbook.sources.snapshots import SCHEMA, days_of, folder_of

MONTHS = 48  # as far back as the facts look
OPEN = """
select '{at}', 'crm', d.deal_id, d.owner_id, d.pipeline, d.stage, d.forecast_category, d.amount_minor, d.currency,
  coalesce(d.probability, s.probability), d.expected_close, false
from loaded_deals d left join loaded_stages s on s.pipeline = d.pipeline and s.stage = d.stage
where coalesce(d.status, 'open') = 'open' and d.deleted_at is null and d.merged_into is null
  and coalesce(d.is_test, false) = false
order by d.deal_id
"""
FIRST_END = """
select min(h.entered_at) from loaded_stage_history h join loaded_deals d on d.deal_id = h.deal_id
join loaded_stages s on s.pipeline = d.pipeline and s.stage = h.stage where s.is_won or s.is_lost
"""
SAVED = "select snapshot_at from loaded_forecast_snapshots where method = 'crm' and deal_id is not null group by 1"

# A deal as it stood: in the stage of its visit then; with what its last change before said, else what its first change
# after replaced, else what is known today. A field whose changes nobody keeps is known of today alone: amounts and
# owners are taken for what they were, an expected close or a category is not.
REBUILT = """
with changes as (
  select deal_id, field, case when changed_at <= timestamp '{at}' then new_value else old_value end as value,
    row_number() over (partition by deal_id, field order by
      case when changed_at <= timestamp '{at}' then 0 else 1 end,
      case when changed_at <= timestamp '{at}' then changed_at end desc nulls last, changed_at, new_value) as place
  from loaded_deal_changes),
told as (
  select deal_id,
    max(case when field = 'amount' then value end) as amount,
    max(case when field = 'owner' then value end) as owner_id,
    max(case when field = 'category' then value end) as category,
    max(case when field = 'expected_close' then value end) as expected_close
  from changes where place = 1 group by deal_id),
tells as (
  select count(case when field = 'category' then 1 end) > 0 as has_categories,
    count(case when field = 'expected_close' then 1 end) > 0 as has_expected
  from loaded_deal_changes),
visits as (
  select deal_id, stage, row_number() over (partition by deal_id order by entered_at desc, stage) as place
  from loaded_stage_history
  where entered_at <= timestamp '{at}' and (recorded_at is null or recorded_at <= timestamp '{at}'))
select '{at}', 'crm', d.deal_id, coalesce(t.owner_id, d.owner_id), d.pipeline, v.stage,
  coalesce(t.category, case when k.has_categories then d.forecast_category end),
  coalesce(cast(round(cast(t.amount as decimal(18, 4)) * 100, 0) as bigint), d.amount_minor), d.currency,
  s.probability,
  coalesce(cast(t.expected_close as date), case when k.has_expected then d.expected_close end), true
from visits v
join loaded_deals d on d.deal_id = v.deal_id
join loaded_stages s on s.pipeline = d.pipeline and s.stage = v.stage and not s.is_won and not s.is_lost
cross join tells k
left join told t on t.deal_id = d.deal_id
where v.place = 1 and (d.created_at is null or d.created_at <= timestamp '{at}')
  and (d.recorded_at is null or d.recorded_at <= timestamp '{at}')
  and (d.deleted_at is null or d.deleted_at > timestamp '{at}')
  and (d.merged_into is null or d.merged_at > timestamp '{at}') and coalesce(d.is_test, false) = false
order by d.deal_id
"""


@dataclass(frozen=True)
class Taken:
    """What a run of the command did: the day's file, whether it was there already, files rebuilt, and a warning."""

    file: Path
    was_there: bool
    rebuilt: list[Path]
    warning: str = ""


def take(settings: Settings, now: datetime) -> Taken:
    """Keep the open deals as they stand now, and rebuild the ends of months before where there is history.

    Rule: the first snapshot of a day stays. Only one run writes at a time, the others wait for it.
    Parameters: `now`, an instant with its zone.
    Raises: BadData as reading the source does, or where the data is stale and the settings refuse that.
    """
    folder = folder_of(settings)
    today = now.astimezone(ZoneInfo(settings.zone)).date()
    with site.opened(settings) as source, tempfile.TemporaryDirectory() as place:
        engine = source.engine(Path(place))
        try:
            warning = stale(settings, engine, now)
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / ".lock", "The snapshot", patient=True):
                return written(settings, engine, now, today, warning)
        finally:
            engine.close()


def written(settings: Settings, engine: Engine, now: datetime, today: date, warning: str) -> Taken:
    """Write the day's file and those of months before that are not there."""
    folder = folder_of(settings)
    for left in folder.glob(".*.parquet.*"):
        left.unlink()  # of a run that was cut off: the lock says that no other runs
    file = folder / f"{today}.parquet"
    was_there = file.is_file()
    if not was_there:
        keep(file, engine.rows(OPEN.format(at=now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))))
    rebuilt = []
    for day, at in lacking(settings, engine, today).items():
        rows = engine.rows(REBUILT.format(at=at))
        if rows:
            keep(folder / f"{day}.parquet", rows)
            rebuilt.append(folder / f"{day}.parquet")
    return Taken(file, was_there, rebuilt, warning)


def keep(file: Path, rows: list[tuple]) -> None:
    """Write a day's rows as Parquet, whole or not at all."""
    columns = list(zip(*rows, strict=True)) or [[] for _ in SCHEMA]
    values = dict(zip(SCHEMA.names, map(list, columns), strict=True))
    values["snapshot_at"] = [datetime.fromisoformat(f"{at}+00:00") for at in values["snapshot_at"]]
    values["amount"] = [None if minor is None else Decimal(minor).scaleb(-2) for minor in values["amount"]]
    table = pa.table({field.name: pa.array(values[field.name], field.type) for field in SCHEMA}, schema=SCHEMA)
    put(file, lambda fresh: pq.write_table(table, fresh, compression="zstd"))


def stale(settings: Settings, engine: Engine, now: datetime) -> str:
    """What is wrong with the age of the data, in words; nothing where it is fresh.

    Raises: BadData where the settings refuse stale data.
    """
    moment = now.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    newest = freshness.newest(engine.rows, moment)
    days = (moment - newest).days if newest else 0
    if days <= settings.limits.stale_days:
        return ""
    found = f"Its newest event is of {newest:%Y-%m-%d}, {days} days ago."
    if settings.limits.stale == "refuse":
        todo = 'Export again, or set stale = "stamp" under [limits].'
        raise BadData("A snapshot of today would hold old deals.", found, todo)
    return f"The snapshot holds old deals. {found}"


def lacking(settings: Settings, engine: Engine, today: date) -> dict[date, datetime]:
    """The last days of months before that history tells of and no snapshot does, with their last second.

    Rule: from the first closing in the history on, for before it only deals that lasted are known; a month is told
    where a snapshot, kept or exported, is of its last week.
    """
    first = engine.rows(FIRST_END)[0][0]
    if first is None:
        return {}
    zone = ZoneInfo(settings.zone)
    told = {at.replace(tzinfo=UTC).astimezone(zone).date() for (at,) in engine.rows(SAVED)}
    told |= {date.fromisoformat(file.stem) for file in days_of(folder_of(settings))}
    months = clock.periods_before(clock.period_of(today, "month"), "month", MONTHS)
    found = {}
    for month in months:
        last, at = month.end - timedelta(days=1), clock.utc(settings.zone, month.end) - timedelta(seconds=1)
        week = {month.end - timedelta(days=days) for days in range(1, 8)}
        if month.end <= today and at > first and not week & told:
            found[last] = at
    return found
