"""The canonical tables as they were known at the run's instant: what facts read."""

from salesbook.tables import TABLES, Table

# A deal without history has visits made up from what the deal itself says: they are marked is_assumed. A closed one
# went from its pipeline's first stage to its end; one whose history lacks the end gets that visit alone. A closing that
# is a date alone is not put before the creation of the same day. They are few, and made once for all facts.
ASSUMED_VISITS = """
with first_stage as (
  select pipeline, min(stage) as stage from (
    select pipeline, stage, row_number() over (partition by pipeline order by position nulls last, stage) as place
    from loaded_stages where not is_won and not is_lost) ranked
  where place = 1 group by pipeline),
last_stage as (
  select d.deal_id, min(s.stage) as stage
  from loaded_deals d
  join loaded_stages s on s.pipeline = d.pipeline
    and (s.stage = d.stage or not exists (
      select 1 from loaded_stages t where t.pipeline = d.pipeline and t.stage = d.stage and (t.is_won or t.is_lost)))
    and ((d.status = 'won' and s.is_won) or (d.status = 'lost' and s.is_lost))
  where d.closed_at is not null
  group by d.deal_id),
seen as (
  select h.deal_id, max(case when s.is_won or s.is_lost then 1 else 0 end) as has_end
  from loaded_stage_history h
  join loaded_deals d on d.deal_id = h.deal_id
  join loaded_stages s on s.pipeline = d.pipeline and s.stage = h.stage
  group by h.deal_id)
select d.deal_id, case when e.stage is null then d.stage else coalesce(f.stage, d.stage) end as stage,
  d.created_at as entered_at, case when e.stage is not null then greatest(d.closed_at, d.created_at) end as exited_at,
  d.recorded_at
from loaded_deals d
left join first_stage f on f.pipeline = d.pipeline
left join last_stage e on e.deal_id = d.deal_id
where not exists (select 1 from seen where seen.deal_id = d.deal_id)
union all
select d.deal_id, e.stage, greatest(d.closed_at, d.created_at), cast(null as timestamp), d.recorded_at
from loaded_deals d
join last_stage e on e.deal_id = d.deal_id
left join seen on seen.deal_id = d.deal_id
where coalesce(seen.has_end, 0) = 0
order by deal_id, entered_at, stage
"""
VISITS = """
select deal_id, stage, entered_at, exited_at, is_bulk, recorded_at, false as is_assumed from loaded_stage_history
union all
select deal_id, stage, entered_at, exited_at, false, recorded_at, true from assumed_visits
"""

# Of a change that became known at the run's instant or later, what stood before it: the first such one after the last
# that was known. The extract has what came of it; the run may not.
UNDONE_CHANGES = """
with later as (
  select c.deal_id, c.field, c.old_value, c.changed_at
  from loaded_deal_changes c cross join run
  where (c.changed_at >= run.as_of or c.recorded_at >= run.as_of)
    and c.field in ('amount', 'owner', 'expected_close', 'category')),
known as (
  select c.deal_id, c.field, max(c.changed_at) as changed_at
  from loaded_deal_changes c
  join (select distinct deal_id, field from later) l on l.deal_id = c.deal_id and l.field = c.field
  cross join run
  where c.changed_at < run.as_of and (c.recorded_at is null or c.recorded_at < run.as_of)
  group by c.deal_id, c.field),
undone as (
  select l.deal_id, l.field, l.old_value,
    row_number() over (partition by l.deal_id, l.field order by l.changed_at) as place
  from later l
  left join known k on k.deal_id = l.deal_id and k.field = l.field
  where k.changed_at is null or l.changed_at > k.changed_at)
select deal_id,
  max(case when field = 'amount' then 1 else 0 end) = 1 as is_amount_undone,
  max(case when field = 'amount' then cast(round(cast(old_value as decimal(18, 4)) * 100, 0) as bigint) end)
    as amount_minor,
  max(case when field = 'owner' then 1 else 0 end) = 1 as is_owner_undone,
  max(case when field = 'owner' then old_value end) as owner_id,
  max(case when field = 'expected_close' then 1 else 0 end) = 1 as is_expected_undone,
  max(case when field = 'expected_close' then cast(old_value as date) end) as expected_close,
  max(case when field = 'category' then 1 else 0 end) = 1 as is_category_undone,
  max(case when field = 'category' then old_value end) as forecast_category
from undone where place = 1
group by deal_id
order by deal_id
"""

# Tables that are not taken as loaded, and what stands for them.
MADE_UP = {"stage_history": "visits", "deals": "deals_before"}
UNDOES = {
    "amount_minor": "is_amount_undone",
    "owner_id": "is_owner_undone",
    "expected_close": "is_expected_undone",
    "forecast_category": "is_category_undone",
}


def deals_before() -> str:
    """SQL for the deals without the changes that became known at the run's instant or later."""
    stored = [name for column in TABLES["deals"].columns for name in column.stored]
    columns = [
        f"case when u.{UNDOES[name]} then u.{name} else d.{name} end as {name}" if name in UNDOES else f"d.{name}"
        for name in stored
    ]
    undone = "undone_changes u on u.deal_id = d.deal_id"
    return f"select {', '.join(columns)} from loaded_deals d left join {undone}"


def clipped(table: Table, rows: str) -> str:
    """SQL for a table as it was known at the run's instant.

    Rule: rows known later are left out; a later instant, and what became known with it, is NULL.
    """
    columns = []
    for column in table.columns:
        for name in column.stored:
            if column.later or column.follows:
                instant = column.follows or column.name
                kept = f"{instant} < run.as_of" if column.later else f"{instant} is null or {instant} < run.as_of"
                columns.append(f"case when {kept} then {name} end as {name}")
            elif column.is_false_if_empty:
                columns.append(f"coalesce({name}, false) as {name}")
            else:
                columns.append(name)
    if table.name == "stage_history":
        columns = [name for name in columns if not name.startswith(("changed_by", "entered_at_is", "recorded_at_is"))]
        columns = [name for name in columns if "exited_at_is_date" not in name] + ["is_assumed"]
    if table.name == "fx_rates":
        return f"select {', '.join(columns)} from {rows}, run where rate_on < cast(local_time(run.as_of) as date)"
    known = [f"({name} is null or {name} < {as_of_like(table, name)})" for name in table.known]
    return f"select {', '.join(columns)} from {rows} cross join run where {' and '.join(known) or 'true'}"


def as_of_like(table: Table, name: str) -> str:
    """The run's instant as a column's type: for a date, the first local day that is not over."""
    return "cast(local_time(run.as_of) as date)" if table.column(name).type == "date" else "run.as_of"
