-- One row per deal open at the run's instant: how long it has stood in its stage, and how long is too long there.
-- key: deal_id
-- needs: deals, stage_history
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
-- rows: select count(*) from deal_facts where is_open
--
-- Too long is longer than nine in ten visits to the stage that ended in the last 24 months, in the pipeline and for the
-- product (renewals apart), where there are twenty; else longer than an even part of the cycle: the median days from
-- creation to win over those months, of the product or where it has none of the pipeline, by the number of open stages.
-- A deal whose stage began at an unknown time is not judged.
with usual as (
  select pipeline, cycle, stage, count(*) as n_visits,
    percentile_cont(0.9) within group (order by stage_seconds) as p90_seconds
  from stage_times
  where is_timed and is_over and is_left_lately
  group by pipeline, cycle, stage),
won as (
  select f.pipeline, case when f.is_new_business then coalesce(f.product, f.pipeline) else 'renewal' end as cycle,
    f.cycle_seconds
  from deal_facts f cross join run
  where f.is_won and f.has_created and f.closed_on >= run.period_end - interval '730' day),
cycles as (
  select pipeline, cycle, percentile_cont(0.5) within group (order by cycle_seconds) as cycle_seconds
  from won group by pipeline, cycle),
pipeline_cycles as (
  select pipeline, percentile_cont(0.5) within group (order by cycle_seconds) as cycle_seconds
  from won where cycle <> 'renewal' group by pipeline),
working as (
  select pipeline, count(*) as n_stages from stages where not is_won and not is_lost group by pipeline),
standing as (
  select f.*, t.entered_on as stage_entered_on, coalesce(t.is_timed, false) as has_stage_time,
    case when t.is_timed then t.stage_seconds end as stage_seconds,
    case when f.is_new_business then coalesce(f.product, f.pipeline) else 'renewal' end as cycle
  from deal_facts f
  left join stage_times t on t.deal_id = f.deal_id and t.is_current
  where f.is_open),
limited as (
  select s.*, coalesce(u.n_visits, 0) as n_visits, w.n_stages,
    coalesce(u.n_visits, 0) >= 20 as is_limit_of_stage,
    cast(floor(case when u.n_visits >= 20 then u.p90_seconds
      else coalesce(c.cycle_seconds, p.cycle_seconds) / w.n_stages end) as bigint) as limit_seconds
  from standing s
  left join usual u on u.pipeline = s.pipeline and u.cycle = s.cycle and u.stage = s.stage
  left join cycles c on c.pipeline = s.pipeline and c.cycle = s.cycle
  left join pipeline_cycles p on p.pipeline = s.pipeline
  left join working w on w.pipeline = s.pipeline)
select
  l.deal_id, l.account_id, l.owner_id, l.pipeline, l.stage, l.position, l.product, l.type, l.source, l.cycle,
  l.is_new_business, l.created_on, o.expected_close_on, l.stage_entered_on, l.stage_seconds,
  case when l.has_created then l.cycle_seconds end as age_seconds,
  l.limit_seconds, l.is_limit_of_stage, l.n_visits, l.n_stages,
  l.has_stage_time and l.limit_seconds is not null as is_judged,
  coalesce(l.stage_seconds > l.limit_seconds, false) as is_stalled,
  coalesce(o.expected_close_on < run.period_end, false) as is_past_due,
  o.amount_minor
from limited l
cross join run
left join open_deals o on o.deal_id = l.deal_id and o.is_now
order by l.deal_id
