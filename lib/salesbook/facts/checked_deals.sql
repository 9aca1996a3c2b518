-- One row per deal open at the run's instant, with what its checks found.
-- key: deal_id
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
-- rows: select count(*) from deal_facts where is_open
--
-- Suspect is a deal that fails a check of it as it stands (is_of_now in deal_checks).
with found as (
  select deal_id, count(*) as n_checks, count(case when is_failed then 1 end) as n_failed,
    max(case when is_failed and is_of_now then 1 else 0 end) = 1 as is_suspect
  from deal_checks where is_open group by deal_id)
select
  f.deal_id, c.n_checks, c.n_failed, coalesce(c.is_suspect, false) as is_suspect, f.stage, f.created_on,
  o.expected_close_on, o.amount_minor, o.weighted_minor, f.is_new_business, f.pipeline, f.product, f.source, f.type,
  f.account_id, f.owner_id
from deal_facts f
left join found c on c.deal_id = f.deal_id
left join open_deals o on o.deal_id = f.deal_id and o.is_now
where f.is_open
order by f.deal_id
