-- One row per deal with a creation date: how long it was without an amount above zero.
-- key: deal_id
-- needs: deals, deal_changes
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
-- rows: select count(*) from deal_facts where has_created
--
-- The changes of the amount tell when it was first set; a deal whose first change had one before, or that has an amount
-- and no change of it, had it from the start. One without is watched until it closed, or the run's instant.
with changed as (
  select deal_id, changed_at, coalesce(cast(old_value as decimal(18, 4)), 0) as was,
    coalesce(cast(new_value as decimal(18, 4)), 0) as became,
    row_number() over (partition by deal_id order by changed_at) as place
  from deal_changes where field = 'amount'),
first_set as (
  select deal_id, max(case when place = 1 and was > 0 then 1 else 0 end) = 1 as is_from_start,
    min(case when became > 0 then changed_at end) as set_at
  from changed group by deal_id),
told as (
  select f.deal_id, d.created_at, s.deal_id is null and coalesce(d.amount_minor > 0, false) as is_unchanged,
    coalesce(s.is_from_start, false) as is_from_start, s.set_at, v.entered_at as ended_at
  from deal_facts f
  join deals d on d.deal_id = f.deal_id
  left join first_set s on s.deal_id = f.deal_id
  left join stage_visits v on v.deal_id = f.deal_id and v.is_current and not v.is_working
  where f.has_created),
timed as (
  select t.deal_id, is_unchanged or is_from_start or set_at is not null as has_had_amount,
    case when is_unchanged or is_from_start then created_at else coalesce(set_at, ended_at, run.as_of) end as until_at,
    created_at
  from told t cross join run)
select
  t.deal_id, t.has_had_amount,
  seconds_between(local_time(t.created_at), local_time(greatest(t.created_at, t.until_at))) as waited_seconds,
  f.created_on, f.is_new_business, f.pipeline, f.product, f.source, f.type, f.account_id, f.owner_id
from timed t
join deal_facts f on f.deal_id = t.deal_id
order by t.deal_id
