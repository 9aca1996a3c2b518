-- One row per number that a seller reports of a day, beside what the CRM holds of it.
-- key: owner_id, reported_on, kpi
-- needs: self_reports, activities
-- follows: owner = seller_facts.owner_id
-- rows: select count(*) from self_reports
--
-- Held against the CRM are calls, emails and meetings that sellers made themselves (outbound), opportunities created,
-- quotes sent and deals closed; another KPI has nothing to be held against (is_comparable).
with logged as (
  select owner_id, done_on as day, case when is_call then 'calls' when is_email then 'emails' else 'meetings' end as what
  from activity_facts where is_attempt
  union all select owner_id, created_on, 'opportunities' from deal_facts where is_new_business
  union all select owner_id, sent_on, 'quotes' from quote_facts
  union all select owner_id, closed_on, 'deals' from deal_facts where is_closed and is_new_business),
counted as (select owner_id, day, what, count(*) as n from logged group by owner_id, day, what),
named as (
  select s.*, case when lowered(s.kpi) in ('calls', 'calls_made') then 'calls'
    when lowered(s.kpi) in ('emails', 'emails_sent') then 'emails'
    when lowered(s.kpi) in ('meetings', 'meetings_held') then 'meetings'
    when lowered(s.kpi) in ('opportunities', 'opportunities_created') then 'opportunities'
    when lowered(s.kpi) in ('quotes', 'quotes_sent') then 'quotes'
    when lowered(s.kpi) in ('deals', 'deals_closed') then 'deals' end as what
  from self_reports s)
select n.owner_id, n.reported_on, n.kpi, coalesce(n.what, n.kpi) as what, n.what is not null as is_comparable,
  n.what is null as is_incomparable,
  cast(round(n.value, 0) as bigint) as n_reported,
  case when n.what is not null then coalesce(c.n, 0) end as n_logged,
  case when n.what is not null then cast(round(n.value, 0) as bigint) - coalesce(c.n, 0) end as gap
from named n
left join counted c on c.owner_id = n.owner_id and c.day = n.reported_on and c.what = n.what
order by n.owner_id, n.reported_on, n.kpi
