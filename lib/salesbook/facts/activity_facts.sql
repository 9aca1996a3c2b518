-- One row per call, email, meeting, note or task of a person, done or only planned.
-- key: activity_id
-- needs: activities
-- follows: owner = seller_facts.owner_id
-- rows: select count(*) from activities where not is_automatic
--
-- What sellers did, whatever became of the record it was done on: work on a lead that was deleted later was work too.
-- An attempt is an outbound call, email or meeting that was done. With customers (facing) is a call in which somebody
-- was spoken to, as far as is known, and a meeting that took place. Talks are known where anybody ever noted whether a
-- decision maker was reached (has_outcomes).
with outcomes as (select count(reached_decision_maker) > 0 as has_outcomes from activities),
kept_leads as (
  -- What the lead that counts says of a lead, also of one merged into it.
  select l.lead_id as own_id, f.lead_id, f.product, f.source
  from leads l
  join lead_facts f on f.lead_id = coalesce(l.merged_into, l.lead_id)),
kept_deals as (
  select d.deal_id as own_id, f.deal_id, f.product, f.source
  from deals d
  join deal_facts f on f.deal_id = coalesce(d.merged_into, d.deal_id)),
dated as (
  select a.*, cast(local_time(a.occurred_at) as date) as done_on
  from activities a
  where not a.is_automatic)
select
  a.activity_id, a.type, a.owner_id,
  a.done_on is not null as is_done, a.done_on is null as is_planned,
  coalesce(a.done_on is null and a.planned_at < run.as_of, false) as is_overdue,
  a.done_on,
  cast(local_time(coalesce(a.planned_at, a.occurred_at)) as date) as set_for_on,
  a.direction = 'outbound' as is_outbound,
  a.direction = 'outbound' and a.type in ('call', 'email', 'meeting') and a.done_on is not null as is_attempt,
  a.type = 'call' as is_call, a.type = 'email' as is_email, a.type = 'meeting' as is_meeting,
  a.type in ('call', 'email') as is_call_or_email,
  coalesce(a.reached_decision_maker, false) as is_talk, o.has_outcomes,
  a.done_on is not null and (
    (a.type = 'meeting' and coalesce(a.outcome, '') <> 'no_show')
    or (a.type = 'call' and coalesce(a.outcome, '') not in ('no_answer', 'voicemail'))) as is_facing,
  a.duration_seconds, a.duration_seconds is null as lacks_duration,
  a.type in ('call', 'meeting') as is_entered_by_hand,
  a.recorded_at is not null as is_dated_entry,
  case when a.recorded_at >= a.occurred_at then seconds_between(a.occurred_at, a.recorded_at)
    when a.recorded_at is not null then 0 end as entry_seconds,
  coalesce('lead ' || coalesce(l.lead_id, a.lead_id), 'deal ' || coalesce(d.deal_id, a.deal_id),
    'activity ' || a.activity_id) as prospect_id,
  coalesce(d.product, l.product) as product, coalesce(d.source, l.source) as source, a.record_url
from dated a
cross join run
cross join outcomes o
left join kept_leads l on l.own_id = a.lead_id
left join kept_deals d on d.own_id = a.deal_id
order by a.activity_id
