-- One row per account.
-- key: account_id
-- needs: accounts
-- rows: select count(*) from accounts
--
-- The organisation is the legal entity: its number in the national register with the country, else its web domain,
-- else its name without signs. A branch without a number counts for its parent.
with own as (
  select account_id, parent_id, name, country, industry, territory_id, employees, created_at, record_url,
    case
      when squash(org_number) <> '' then squash(org_number) || '|' || coalesce(lowered(country), '')
      when squash(domain) <> '' then lowered(domain)
      else translate(lowered(name), ' .,;:&()/-', '') end as organisation_key,
    squash(coalesce(org_number, '')) <> '' as has_org_number,
    squash(coalesce(org_number, '')) = '' and squash(coalesce(domain, '')) = '' as is_matched_by_name
  from accounts)
select
  a.account_id, a.name, a.country, a.industry, a.territory_id, a.employees,
  cast(local_time(a.created_at) as date) as created_on,
  case when not a.has_org_number and p.account_id is not null then p.organisation_key
    else a.organisation_key end as organisation_key,
  a.is_matched_by_name, a.record_url
from own a
left join own p on p.account_id = a.parent_id
order by a.account_id
