-- One row per organisation that a lead or a deal came from.
-- key: organisation_key
-- needs: accounts
with seen as (
  select organisation_key, country, created_on as seen_on from account_facts
  union all
  select a.organisation_key, a.country, l.created_on
  from lead_facts l join account_facts a on a.account_id = l.account_id
  union all
  select a.organisation_key, a.country, d.created_on
  from deal_facts d join account_facts a on a.account_id = d.account_id)
select organisation_key, min(country) as country, min(seen_on) as first_seen_on
from seen
where organisation_key is not null
group by organisation_key
order by organisation_key
