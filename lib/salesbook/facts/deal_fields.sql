-- One row per deal that counts: how many of the fields that every deal should have (a setting) are filled.
-- key: deal_id
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
-- rows: select count(*) from deal_facts
with fields as (
  select d.deal_id,
    case when position(',account_id,' in run.required) > 0 then case when d.account_id is null then 0 else 1 end end as f1,
    case when position(',contact_id,' in run.required) > 0 then case when d.contact_id is null then 0 else 1 end end as f2,
    case when position(',product,' in run.required) > 0 then case when d.product is null then 0 else 1 end end as f3,
    case when position(',source,' in run.required) > 0 then case when d.source is null then 0 else 1 end end as f4,
    case when position(',type,' in run.required) > 0 then case when d.type is null then 0 else 1 end end as f5,
    case when position(',amount,' in run.required) > 0 then case when d.amount_minor > 0 then 1 else 0 end end as f6,
    case when position(',expected_close,' in run.required) > 0
      then case when d.expected_close is null then 0 else 1 end end as f7
  from deals d cross join run)
select f.deal_id, f.created_on, f.is_open,
  cast(coalesce(f1, 0) + coalesce(f2, 0) + coalesce(f3, 0) + coalesce(f4, 0) + coalesce(f5, 0) + coalesce(f6, 0)
    + coalesce(f7, 0) as bigint) as n_filled,
  cast(case when f1 is null then 0 else 1 end + case when f2 is null then 0 else 1 end
    + case when f3 is null then 0 else 1 end + case when f4 is null then 0 else 1 end
    + case when f5 is null then 0 else 1 end + case when f6 is null then 0 else 1 end
    + case when f7 is null then 0 else 1 end as bigint) as n_required,
  f.pipeline, f.product, f.source, f.type, f.account_id, f.owner_id
from deal_facts f
join fields x on x.deal_id = f.deal_id
order by f.deal_id
