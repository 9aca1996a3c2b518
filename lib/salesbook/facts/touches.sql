-- One row per contact with a prospect or customer: a call, email or meeting by a person, ours or theirs, that was done.
-- key: activity_id
-- needs: activities
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- A contact belongs to its lead and its deal; one on a lead counts for the deal it became, one on a deal for the lead
-- it came from. The prospect is the lead, else the deal. Merged records count for those that stayed; contacts on
-- deleted or test records are out. Entered in the CRM is timed where both times are known by the hour, and not before
-- the contact itself.
with origin as (
  select deal_id, min(lead_id) as lead_id from lead_facts where deal_id is not null group by deal_id),
placed as (
  select a.*, coalesce(ml.merged_into, a.lead_id) as own_lead_id, coalesce(md.merged_into, a.deal_id) as own_deal_id
  from activities a
  left join leads ml on ml.lead_id = a.lead_id
  left join deals md on md.deal_id = a.deal_id
  where a.type in ('call', 'email', 'meeting') and not a.is_automatic and a.occurred_at is not null),
joined as (
  select p.activity_id, p.type, p.direction, p.occurred_at, p.owner_id, p.outcome, p.reached_decision_maker,
    p.duration_seconds, coalesce(f.lead_id, o.lead_id) as lead_id,
    case when not p.occurred_at_is_date and not p.recorded_at_is_date and p.recorded_at >= p.occurred_at
      then seconds_between(p.occurred_at, p.recorded_at) end as entered_seconds,
    coalesce(d.deal_id, became.deal_id) as deal_id,
    coalesce(p.contact_id, f.contact_id, d.contact_id) as contact_id,
    coalesce(p.account_id, f.account_id, d.account_id) as account_id,
    p.record_url
  from placed p
  left join lead_facts f on f.lead_id = p.own_lead_id
  left join deal_facts d on d.deal_id = p.own_deal_id
  left join deal_facts became on became.deal_id = f.deal_id
  left join origin o on o.deal_id = d.deal_id
  where (p.own_lead_id is null or f.lead_id is not null) and (p.own_deal_id is null or d.deal_id is not null)),
named as (
  select j.*, case when lead_id is not null then 'lead ' || lead_id when deal_id is not null then 'deal ' || deal_id end
      as prospect_id,
    type = 'meeting' and coalesce(outcome, '') <> 'no_show' as is_held
  from joined j),
met as (
  select prospect_id, max(case when is_held then 1 else 0 end) = 1 as is_met
  from named where prospect_id is not null group by prospect_id)
select
  n.activity_id, n.lead_id, n.deal_id, n.prospect_id, n.contact_id, n.type as channel,
  n.occurred_at as touched_at, cast(local_time(n.occurred_at) as date) as touched_on,
  n.direction = 'outbound' as is_outbound, n.direction = 'outbound' and n.type = 'call' as is_call,
  coalesce(n.reached_decision_maker, false) as is_talk, n.reached_decision_maker is not null as is_known,
  n.is_held, n.prospect_id is not null as has_prospect, n.contact_id is not null as has_contact, n.duration_seconds,
  n.entered_seconds, n.entered_seconds is not null as is_entry_timed,
  coalesce(n.entered_seconds <= 86400, false) as is_entered_in_a_day,
  -- Won implies met: a sale without a logged meeting went through that step all the same.
  coalesce(m.is_met or coalesce(l.is_won, d.is_won), false) as is_prospect_met,
  coalesce(l.is_won, d.is_won, false) as is_prospect_won,
  coalesce(d.is_new_business, true) as is_new_business,
  coalesce(l.source, d.source) as source, coalesce(d.product, l.product) as product,
  n.account_id, n.owner_id, n.record_url
from named n
left join met m on m.prospect_id = n.prospect_id
left join lead_facts l on l.lead_id = n.lead_id
left join deal_facts d on d.deal_id = n.deal_id
order by n.activity_id
