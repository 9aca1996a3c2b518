-- One row per contact with a prospect or customer: a call, email or meeting by a person, ours or theirs, that was done.
-- key: activity_id
-- needs: activities
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- A contact belongs to its lead and its deal; one on a lead counts for the deal it became, one on a deal for the lead
-- it came from. The prospect is the lead, else the deal. Merged records count for those that stayed; contacts on
-- deleted or test records are out. Entered in the CRM is timed where both times are known by the hour, and not before
-- the contact itself.
with firsts as (
  select deal_id, min(lead_id) as lead_id from lead_facts where deal_id is not null group by deal_id),
origin as (
  select o.deal_id, f.lead_id, f.is_won, f.source, f.product
  from firsts o
  join lead_facts f on f.lead_id = o.lead_id),
prospect_leads as (
  -- A lead with what the deal it became says.
  select f.lead_id, f.contact_id, f.account_id, f.is_won, f.source, f.product, b.deal_id, b.is_won as is_deal_won,
    b.is_new_business, b.source as deal_source, b.product as deal_product
  from lead_facts f
  left join deal_facts b on b.deal_id = f.deal_id),
prospect_deals as (
  -- A deal with what the lead it came from says.
  select d.deal_id, d.contact_id, d.account_id, d.is_won, d.is_new_business, d.source, d.product, o.lead_id,
    o.is_won as is_lead_won, o.source as lead_source, o.product as lead_product
  from deal_facts d
  left join origin o on o.deal_id = d.deal_id),
named as (
  select a.activity_id, a.type, a.direction, a.occurred_at, a.owner_id, a.reached_decision_maker, a.duration_seconds,
    a.record_url, a.type = 'meeting' and coalesce(a.outcome, '') <> 'no_show' as is_held,
    case when not a.occurred_at_is_date and not a.recorded_at_is_date and a.recorded_at >= a.occurred_at
      then seconds_between(a.occurred_at, a.recorded_at) end as entered_seconds, a.recorded_at,
    coalesce(f.lead_id, d.lead_id) as lead_id, coalesce(d.deal_id, f.deal_id) as deal_id,
    case when coalesce(f.lead_id, d.lead_id) is not null then 'lead ' || coalesce(f.lead_id, d.lead_id)
      when coalesce(d.deal_id, f.deal_id) is not null then 'deal ' || coalesce(d.deal_id, f.deal_id) end as prospect_id,
    coalesce(a.contact_id, f.contact_id, d.contact_id) as contact_id,
    coalesce(a.account_id, f.account_id, d.account_id) as account_id,
    case when f.lead_id is not null then f.is_won else d.is_lead_won end as is_lead_won,
    case when f.lead_id is not null then f.source else d.lead_source end as lead_source,
    case when f.lead_id is not null then f.product else d.lead_product end as lead_product,
    case when d.deal_id is not null then d.is_won else f.is_deal_won end as is_deal_won,
    case when d.deal_id is not null then d.is_new_business else f.is_new_business end as is_new_business,
    case when d.deal_id is not null then d.source else f.deal_source end as deal_source,
    case when d.deal_id is not null then d.product else f.deal_product end as deal_product
  from activities a
  left join leads ml on ml.lead_id = a.lead_id
  left join deals md on md.deal_id = a.deal_id
  left join prospect_leads f on f.lead_id = coalesce(ml.merged_into, a.lead_id)
  left join prospect_deals d on d.deal_id = coalesce(md.merged_into, a.deal_id)
  -- As one condition it is asked after the joins, and those stay joins of many contacts with fewer leads and deals.
  where case when a.type in ('call', 'email', 'meeting') and not a.is_automatic and a.occurred_at is not null
    then (f.lead_id is not null or coalesce(ml.merged_into, a.lead_id) is null)
      and (d.deal_id is not null or coalesce(md.merged_into, a.deal_id) is null) else false end),
met as (
  select prospect_id from named where is_held and prospect_id is not null group by prospect_id)
select
  n.activity_id, n.lead_id, n.deal_id, n.prospect_id, n.contact_id, n.type as channel,
  n.occurred_at as touched_at, cast(local_time(n.occurred_at) as date) as touched_on,
  n.direction = 'outbound' as is_outbound, n.direction = 'outbound' and n.type = 'call' as is_call,
  coalesce(n.reached_decision_maker, false) as is_talk, n.reached_decision_maker is not null as is_known,
  n.is_held, n.prospect_id is not null as has_prospect, n.contact_id is not null as has_contact, n.duration_seconds,
  n.entered_seconds, n.entered_seconds is not null as is_entry_timed,
  coalesce(n.entered_seconds <= 86400, false) as is_entered_in_a_day,
  case when n.entered_seconds is not null then cast(local_time(n.recorded_at) as date) end as entered_on,
  -- Won implies met: a sale without a logged meeting went through that step all the same.
  m.prospect_id is not null or coalesce(n.is_lead_won, n.is_deal_won, false) as is_prospect_met,
  coalesce(n.is_lead_won, n.is_deal_won, false) as is_prospect_won,
  coalesce(n.is_new_business, true) as is_new_business,
  coalesce(n.lead_source, n.deal_source) as source, coalesce(n.deal_product, n.lead_product) as product,
  n.account_id, n.owner_id, n.record_url
from named n
left join met m on m.prospect_id = n.prospect_id
order by n.activity_id
