-- One row per deal and stage that it went through or past, of deals whose stage history is there.
-- key: deal_id, stage
-- needs: deals, stages, stage_history
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
--
-- Past is every stage up to the furthest entered; a won deal went past all. Skipped is a stage that was never entered,
-- at once one that was entered in the same second as another, back-filled one that a won deal entered within the hour
-- before its end, its first left out. Times that are days alone tell no second: they are in neither (is_timed).
with visits as (
  select v.*, count(*) over (partition by v.deal_id, v.entered_at) as n_at_once,
    row_number() over (partition by v.deal_id order by v.visit) = 1 as is_first,
    local_time(v.entered_at) <> cast(cast(local_time(v.entered_at) as date) as timestamp) as is_timed
  from stage_visits v
  where not v.is_assumed and v.entered_at is not null),
furthest as (
  select v.deal_id, max(case when not v.is_lost then v.position end) as position,
    max(case when v.is_current and v.is_won then v.entered_at end) as won_at
  from stage_visits v
  where v.deal_id in (select deal_id from visits)
  group by v.deal_id),
entered as (
  select v.deal_id, v.stage,
    max(case when v.is_timed then 1 else 0 end) = 1 as is_timed,
    max(case when v.is_timed and v.n_at_once > 1 then 1 else 0 end) = 1 as is_at_once,
    max(case when v.is_timed and not v.is_first and v.entered_at <= t.won_at
      and seconds_between(v.entered_at, t.won_at) <= 3600 then 1 else 0 end) = 1 as is_backfilled
  from visits v
  join furthest t on t.deal_id = v.deal_id
  group by v.deal_id, v.stage),
reached as (
  select f.deal_id, s.stage, min(v.entered_at) as reached_at
  from deal_facts f
  join furthest t on t.deal_id = f.deal_id
  join stages s on s.pipeline = f.pipeline and not s.is_won and not s.is_lost
    and (s.position <= t.position or f.is_won)
  join visits v on v.deal_id = f.deal_id and not v.is_lost and (v.position >= s.position or v.is_won)
  group by f.deal_id, s.stage)
select
  r.deal_id, r.stage, s.position, coalesce(s.is_mandatory, true) as is_mandatory,
  cast(local_time(r.reached_at) as date) as reached_on,
  e.stage is not null as is_entered, e.stage is null as is_skipped,
  coalesce(e.is_timed, false) as is_timed, coalesce(e.is_at_once, false) as is_at_once,
  coalesce(e.is_timed, false) and f.is_won as is_won_timed, coalesce(e.is_backfilled, false) as is_backfilled,
  f.is_won, f.closed_on, f.is_new_business, f.pipeline, f.product, f.source, f.type, f.account_id, f.owner_id
from reached r
join deal_facts f on f.deal_id = r.deal_id
join stages s on s.pipeline = f.pipeline and s.stage = r.stage
left join entered e on e.deal_id = r.deal_id and e.stage = r.stage
order by r.deal_id, r.stage
