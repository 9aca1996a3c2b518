-- One row per visit of a deal to a stage (tests left out), with the days on which the deal was known to stand there.
-- key: deal_id, visit
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
--
-- What was known on the morning of a day: the rows with known_on before it, and until_on empty or not before it. A visit
-- is known once it happened and it and its deal were recorded; a later visit that was known sooner hides it for good; a
-- deleted or merged deal is known no more. Amounts of ended deals are in the report currency at the rate of their end.
with visits as (
  select h.deal_id, h.stage, h.entered_at, s.position, s.probability, s.is_won, s.is_lost,
    cast(row_number() over (partition by h.deal_id order by h.entered_at nulls first, s.position, h.stage) as bigint)
      as visit,
    coalesce(greatest(h.entered_at, h.recorded_at, d.created_at, d.recorded_at), timestamp '1900-01-01 00:00:00')
      as known_at,
    least(d.deleted_at, d.merged_at) as gone_at
  from stage_history h
  join deals d on d.deal_id = h.deal_id
  join stages s on s.pipeline = d.pipeline and s.stage = h.stage
  where not d.is_test and (d.merged_into is null or d.merged_at is not null)),
spans as (
  select v.*, least(v.gone_at, min(v.known_at) over (
      partition by v.deal_id order by v.visit rows between 1 following and unbounded following)) as until_at
  from visits v),
dated as (
  select s.*, cast(local_time(s.known_at) as date) as known_on, cast(local_time(s.until_at) as date) as until_on,
    cast(local_time(s.entered_at) as date) as entered_on
  from spans s)
select
  t.deal_id, t.visit, t.stage, t.position, t.probability,
  (t.is_won or t.is_lost) and t.entered_at is not null as is_closed,
  t.is_won and t.entered_at is not null as is_won,
  not ((t.is_won or t.is_lost) and t.entered_at is not null) as is_open,
  t.entered_on, t.known_on, t.until_on,
  t.until_on is null or t.until_on > t.known_on as is_known,
  t.until_at is null or t.until_at >= t.known_at as is_shown,  -- be it for less than a day
  cast(local_time(d.created_at) as date) as created_on, d.created_at is not null as has_created,
  d.account_id, d.owner_id, d.pipeline, d.product, d.source, d.type,
  coalesce(d.type, '') <> 'renewal' as is_new_business,
  case when d.type = 'renewal' then 'renewal' else coalesce(d.product, d.pipeline) end as cycle,
  money(case when d.amount_minor > 0 and (t.is_won or t.is_lost) then d.amount_minor end, r.rate) as amount_minor,
  d.record_url
from dated t
join deals d on d.deal_id = t.deal_id
left join rates r on r.currency = d.currency and r.day = t.entered_on
order by t.deal_id, t.visit
