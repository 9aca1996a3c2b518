-- One row per deal that counts (not deleted, merged away or a test), as it stood at the run's instant.
-- key: deal_id
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
-- rows: select count(*) from deals where deleted_at is null and merged_into is null and not is_test
--
-- A deal that ended on a day before that of its creation has no known one; within the day it took no time.
with visited as (
  select deal_id,
    min(case when not is_working then entered_at end) as first_closed_at,
    max(case when is_assumed then 1 else 0 end) = 1 as is_assumed
  from stage_visits
  group by deal_id),
reopened as (
  -- Worked on again after an end: the visits right after one to an end.
  select v.deal_id, count(*) as n_reopened
  from stage_visits v
  join (select deal_id, visit from stage_visits where not is_working and not is_current) ended
    on ended.deal_id = v.deal_id and ended.visit = v.visit - 1
  where v.is_working
  group by v.deal_id),
merged as (select deal_id, merged_into from deals where merged_into is not null),
lead_deals as (
  -- A lead, also one merged into another, and the deal it became, also where that was merged since.
  select own.lead_id, coalesce(m.merged_into, l.deal_id, own.deal_id) as deal_id
  from leads own
  join leads l on l.lead_id = coalesce(own.merged_into, own.lead_id)
  left join merged m on m.deal_id = coalesce(l.deal_id, own.deal_id)
  where l.deal_id is not null or own.deal_id is not null),
talks as (
  select deal_id, min(first_contact_at) as first_contact_at
  from (
    select coalesce(m.merged_into, c.deal_id) as deal_id, c.first_contact_at
    from prospect_contacts c
    left join merged m on m.deal_id = c.deal_id
    where c.deal_id is not null
    union all
    select l.deal_id, c.first_contact_at
    from prospect_contacts c
    join lead_deals l on l.lead_id = c.lead_id) contacts
  group by deal_id),
outcome as (
  select d.*, now.stage as current_stage, now.position as current_position,
    case when not now.is_working then now.entered_at end as ended_at,
    case when now.is_won and now.entered_at is not null then 'won'
      when now.is_lost and now.entered_at is not null then 'lost' else 'open' end as outcome,
    v.first_closed_at, coalesce(r.n_reopened, 0) as n_reopened, coalesce(v.is_assumed, true) as is_assumed,
    case when now.is_working or now.entered_at is null or d.created_at is null
        or cast(local_time(now.entered_at) as date) >= cast(local_time(d.created_at) as date) then d.created_at
      end as began_at,
    case when t.first_contact_at < d.created_at then t.first_contact_at else d.created_at end as contact_at,
    t.first_contact_at is null as is_contact_assumed
  from deals d
  left join stage_visits now on now.deal_id = d.deal_id and now.is_current
  left join visited v on v.deal_id = d.deal_id
  left join reopened r on r.deal_id = d.deal_id
  left join talks t on t.deal_id = d.deal_id
  where d.deleted_at is null and d.merged_into is null and not d.is_test)
select
  o.deal_id, o.account_id, o.contact_id, o.owner_id, o.pipeline, o.product, o.type, o.source,
  o.current_stage as stage, o.current_position as position, o.outcome as status,
  o.outcome = 'won' as is_won, o.outcome = 'lost' as is_lost, o.outcome <> 'open' as is_closed,
  o.outcome = 'open' as is_open,
  coalesce(o.type, '') <> 'renewal' as is_new_business,
  coalesce(o.type = 'new', false) as is_new_customer, coalesce(o.type = 'existing', false) as is_existing_customer,
  coalesce(o.type in ('new', 'existing'), false) as is_customer_known,
  o.owner_id is not null as has_owner, o.began_at is not null as has_created,
  cast(local_time(o.began_at) as date) as created_on,
  cast(local_time(o.ended_at) as date) as closed_on,
  cast(local_time(o.first_closed_at) as date) as first_closed_on,
  o.expected_close as expected_close_on,
  -- Wall-clock time: a span of whole local days is a whole number of days, also where the clock changes.
  seconds_between(local_time(o.began_at), local_time(greatest(o.began_at, coalesce(o.ended_at, run.as_of))))
    as cycle_seconds,
  seconds_between(local_time(o.contact_at), local_time(greatest(o.contact_at, coalesce(o.ended_at, run.as_of))))
    as contact_cycle_seconds,
  case when o.ended_at is not null then cast(
    floor(seconds_between(o.began_at, greatest(o.began_at, o.ended_at)) / 2592000.0) as bigint) end as cycle_months,  -- of 30 days
  o.is_contact_assumed, o.n_reopened, o.n_reopened > 0 as is_reopened, o.is_assumed,
  coalesce(o.amount_minor > 0, false) as has_amount,
  case when o.amount_minor > 0 then o.amount_minor end as own_minor,  -- in its own currency
  money(case when o.amount_minor > 0 then o.amount_minor end, r.rate) as amount_minor,
  coalesce(o.amount_minor > 0, false) and r.rate is null as lacks_rate,
  o.currency, r.day as rate_on, o.discount, o.probability,
  case when o.outcome = 'lost' then o.lost_reason end as lost_reason, o.record_url
from outcome o
cross join run
left join rates r on r.currency = o.currency
  and r.day = cast(local_time(coalesce(o.ended_at, run.as_of)) as date)
order by o.deal_id
