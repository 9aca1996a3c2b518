-- One row per visit of a deal that counts to an open stage: how long it stood there, or has stood there so far.
-- key: deal_id, visit
-- needs: deals, stage_history
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
--
-- A visit ends when it was left, else when the next one began. Timed are visits that tell how long a deal stood: not
-- those made up for want of history, moved in or out with many others at once, or left in the second they began (a
-- stage that was passed over). A deal's cycle is its product's, renewals apart.
with sequence as (
  select v.*, lead(v.entered_at) over in_order as next_at,
    coalesce(lead(v.is_bulk) over in_order, false) as is_left_in_bulk
  from stage_visits v
  window in_order as (partition by v.deal_id order by v.visit)),
ended as (
  select s.*, coalesce(s.exited_at, s.next_at) as left_at from sequence s where s.is_working)
select
  e.deal_id, e.visit, e.stage, e.position, e.is_current,
  f.pipeline, f.product, f.type, f.source, f.account_id, f.owner_id, f.is_new_business,
  case when f.is_new_business then coalesce(f.product, f.pipeline) else 'renewal' end as cycle,
  cast(local_time(e.entered_at) as date) as entered_on,
  cast(local_time(e.left_at) as date) as left_on,
  greatest(seconds_between(local_time(e.entered_at), local_time(coalesce(e.left_at, run.as_of))), 0) as stage_seconds,
  e.left_at is not null as is_over,
  e.entered_at is not null and not e.is_assumed and not e.is_bulk and not e.is_left_in_bulk
    and (e.left_at is null or e.left_at > e.entered_at) as is_timed,
  coalesce(seconds_between(e.left_at, run.as_of) <= 730 * 86400, false) as is_left_lately,
  f.amount_minor
from ended e
join deal_facts f on f.deal_id = e.deal_id
cross join run
order by e.deal_id, e.visit
