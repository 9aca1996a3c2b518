-- One row per new deal that came to one of the last two open stages of its pipeline and has closed.
-- key: deal_id
-- needs: deals, stages, stage_history, activities
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
--
-- Late begins with the first visit to one of the two stages. Contacts are human calls, emails and meetings on the deal
-- and its lead, ours and theirs, from then until it closed; email-only is one or more, all by email. A deal without any says nothing.
with last_two as (
  select pipeline, stage from (
    select pipeline, stage, row_number() over (partition by pipeline order by position desc nulls last, stage) as place
    from stages where not is_won and not is_lost and position is not null) ranked
  where place <= 2),
late as (
  select f.deal_id, min(v.entered_at) as late_at
  from deal_facts f
  join stage_visits v on v.deal_id = f.deal_id
  join last_two t on t.pipeline = f.pipeline and t.stage = v.stage
  where f.is_closed and f.is_new_business and v.entered_at is not null
  group by f.deal_id),
ended as (
  select l.deal_id, l.late_at, v.entered_at as ended_at
  from late l
  join stage_visits v on v.deal_id = l.deal_id and v.is_current),
contacts as (
  select e.deal_id,
    count(case when t.channel = 'call' then 1 end) as n_calls,
    count(case when t.channel = 'email' then 1 end) as n_emails,
    count(case when t.channel = 'meeting' then 1 end) as n_meetings
  from ended e
  join touches t on t.deal_id = e.deal_id and t.touched_at >= e.late_at and t.touched_at <= e.ended_at
  group by e.deal_id)
select
  f.deal_id, f.closed_on, f.is_won, f.is_lost,
  coalesce(c.n_calls, 0) as n_calls, coalesce(c.n_emails, 0) as n_emails, coalesce(c.n_meetings, 0) as n_meetings,
  c.deal_id is not null as is_contacted,
  coalesce(c.n_calls = 0 and c.n_meetings = 0, false) as is_email_only,
  coalesce(c.n_meetings > 0, false) as is_met,
  case when c.deal_id is null then 'none' when c.n_calls = 0 and c.n_meetings = 0 then 'email only'
    when c.n_meetings = 0 then 'called' else 'met' end as contact,
  f.pipeline, f.product, f.source, f.type, f.account_id, f.owner_id
from ended e
join deal_facts f on f.deal_id = e.deal_id
left join contacts c on c.deal_id = e.deal_id
order by f.deal_id
