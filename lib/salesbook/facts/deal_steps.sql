-- One row per deal and stage it reached, among the stages that every won deal goes through.
-- key: deal_id, position
-- needs: deals, stages, stage_history
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
--
-- Reached is the highest stage attained: a skipped stage counts as reached when a later one was entered (is_skipped).
-- The last stage leads to won, by the latest outcome. A deal is mature for a step when it reached the stage longer ago
-- than nine in ten deals of the 24 months before needed for the step. A closed deal without any history is out: which
-- stages it went through is not known.
with told as (
  select deal_id from stage_visits where not is_assumed group by deal_id),
chain as (
  select pipeline, stage, position,
    lead(position) over (partition by pipeline order by position) as next_position,
    lead(stage) over (partition by pipeline order by position) as next_stage
  from stages
  where coalesce(is_mandatory, true) and not is_won and not is_lost and position is not null),
entered as (
  select c.pipeline, c.stage, c.position, c.next_position, c.next_stage, f.deal_id, f.is_won,
    min(v.entered_at) as reached_at,
    min(case when v.stage = c.stage then v.entered_at end) is null as is_skipped,
    min(case when v.position >= c.next_position and not v.is_lost then v.entered_at end) as advanced_at,
    max(case when f.is_won and v.is_won and v.is_current then v.entered_at end) as won_at
  from deal_facts f
  join chain c on c.pipeline = f.pipeline
  join stage_visits v on v.deal_id = f.deal_id and not v.is_lost and v.position >= c.position
  left join told on told.deal_id = f.deal_id
  where v.entered_at is not null and f.is_new_business and (told.deal_id is not null or f.is_open)
  group by c.pipeline, c.stage, c.position, c.next_position, c.next_stage, f.deal_id, f.is_won),
steps as (
  select e.*, case when next_position is null then won_at else advanced_at end as next_at from entered e),
timed as (
  select s.*, seconds_between(reached_at, next_at) as step_seconds,
    seconds_between(reached_at, run.as_of) as age_seconds,
    seconds_between(reached_at, run.as_of) <= 730 * 86400 as is_recent
  from steps s cross join run),
windows as (
  select pipeline, position,
    percentile_cont(0.9) within group (order by step_seconds) as window_seconds
  from timed where is_recent and step_seconds is not null
  group by pipeline, position)
select
  t.deal_id, t.position, t.stage, coalesce(t.next_stage, 'Won') as next_stage, f.pipeline,
  f.created_on, cast(local_time(t.reached_at) as date) as reached_on, f.product, f.source, f.type,
  f.account_id, f.owner_id, f.amount_minor, f.has_amount, f.is_open,
  t.is_skipped, t.next_at is not null as is_next_reached,
  t.step_seconds, t.age_seconds, cast(floor(w.window_seconds) as bigint) as window_seconds,
  coalesce(t.age_seconds >= w.window_seconds, false) as is_mature,
  coalesce(t.age_seconds >= w.window_seconds and t.step_seconds <= w.window_seconds, false) as is_next_reached_in_time
from timed t
join deal_facts f on f.deal_id = t.deal_id
left join windows w on w.pipeline = t.pipeline and w.position = t.position
order by t.deal_id, t.position
