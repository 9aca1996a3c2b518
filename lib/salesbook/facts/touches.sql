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
kept_leads as (
  -- A lead, also one merged into another, and the one that counts.
  select l.lead_id as own_id, f.lead_id
  from leads l
  join lead_facts f on f.lead_id = coalesce(l.merged_into, l.lead_id)),
kept_deals as (
  -- A deal, also one merged into another, the one that counts, and the lead that came from.
  select d.deal_id as own_id, f.deal_id, o.lead_id
  from deals d
  join deal_facts f on f.deal_id = coalesce(d.merged_into, d.deal_id)
  left join firsts o on o.deal_id = f.deal_id),
held as (
  select coalesce(l.lead_id, d.lead_id) as lead_id, d.deal_id
  from prospect_contacts c
  left join kept_leads l on l.own_id = c.lead_id
  left join kept_deals d on d.own_id = c.deal_id
  where c.is_met and (l.lead_id is not null or c.lead_id is null) and (d.deal_id is not null or c.deal_id is null)),
met_leads as (select lead_id from held where lead_id is not null group by lead_id),
met_deals as (select deal_id from held where lead_id is null and deal_id is not null group by deal_id),
prospect_leads as (
  -- With what the deal it became says.
  select k.own_id, f.lead_id, f.contact_id, f.account_id, f.source, f.product, b.deal_id, b.is_new_business,
    b.source as deal_source, b.product as deal_product, f.is_won, m.lead_id is not null as is_met
  from kept_leads k
  join lead_facts f on f.lead_id = k.lead_id
  left join deal_facts b on b.deal_id = f.deal_id
  left join met_leads m on m.lead_id = f.lead_id),
prospect_deals as (
  -- With what the lead it came from says.
  select k.own_id, d.deal_id, d.contact_id, d.account_id, d.source, d.product, f.lead_id, d.is_new_business,
    f.source as lead_source, f.product as lead_product, coalesce(f.is_won, d.is_won) as is_won,
    ml.lead_id is not null or md.deal_id is not null as is_met
  from kept_deals k
  join deal_facts d on d.deal_id = k.deal_id
  left join lead_facts f on f.lead_id = k.lead_id
  left join met_leads ml on ml.lead_id = k.lead_id
  left join met_deals md on md.deal_id = d.deal_id and k.lead_id is null),
named as (
  select a.activity_id, a.type, a.direction, a.occurred_at, a.owner_id, a.reached_decision_maker, a.duration_seconds,
    a.record_url, a.type = 'meeting' and coalesce(a.outcome, '') <> 'no_show' as is_held,
    case when not a.occurred_at_is_date and not a.recorded_at_is_date and a.recorded_at >= a.occurred_at
      then seconds_between(a.occurred_at, a.recorded_at) end as entered_seconds, a.recorded_at,
    coalesce(f.lead_id, d.lead_id) as lead_id, coalesce(d.deal_id, f.deal_id) as deal_id,
    coalesce(a.contact_id, f.contact_id, d.contact_id) as contact_id,
    coalesce(a.account_id, f.account_id, d.account_id) as account_id,
    case when f.lead_id is not null then f.is_won else d.is_won end as is_won,
    case when f.lead_id is not null then f.is_met else d.is_met end as is_met,
    coalesce(case when d.deal_id is not null then d.is_new_business else f.is_new_business end, true)
      as is_new_business,
    coalesce(case when f.lead_id is not null then f.source else d.lead_source end,
      case when d.deal_id is not null then d.source else f.deal_source end) as source,
    coalesce(case when d.deal_id is not null then d.product else f.deal_product end,
      case when f.lead_id is not null then f.product else d.lead_product end) as product
  from activities a
  left join prospect_leads f on f.own_id = a.lead_id
  left join prospect_deals d on d.own_id = a.deal_id
  where a.type in ('call', 'email', 'meeting') and not a.is_automatic and a.occurred_at is not null
    and (f.lead_id is not null or a.lead_id is null) and (d.deal_id is not null or a.deal_id is null))
select
  n.activity_id, n.lead_id, n.deal_id,
  case when n.lead_id is not null then 'lead ' || n.lead_id when n.deal_id is not null then 'deal ' || n.deal_id end
    as prospect_id,
  n.contact_id, n.type as channel,
  n.occurred_at as touched_at, cast(local_time(n.occurred_at) as date) as touched_on,
  n.direction = 'outbound' as is_outbound, n.direction = 'outbound' and n.type = 'call' as is_call,
  coalesce(n.reached_decision_maker, false) as is_talk, n.reached_decision_maker is not null as is_known,
  n.is_held, n.lead_id is not null or n.deal_id is not null as has_prospect, n.contact_id is not null as has_contact,
  n.duration_seconds,
  n.entered_seconds, n.entered_seconds is not null as is_entry_timed,
  coalesce(n.entered_seconds <= 86400, false) as is_entered_in_a_day,
  case when n.entered_seconds is not null then cast(local_time(n.recorded_at) as date) end as entered_on,
  -- Won implies met: a sale without a logged meeting went through that step all the same.
  coalesce(n.is_met, false) or coalesce(n.is_won, false) as is_prospect_met,
  coalesce(n.is_won, false) as is_prospect_won,
  n.is_new_business, n.source, n.product, n.account_id, n.owner_id, n.record_url
from named n
order by n.activity_id
