-- One row per use of a piece of material.
-- key: asset_id, owner_id, deal_id, used_at, action
-- needs: collateral_usage
-- follows: owner = seller_facts.owner_id, deal = deal_facts.deal_id
-- rows: select count(*) from collateral_usage
select u.asset_id, u.owner_id, u.deal_id, u.used_at, u.action, cast(local_time(u.used_at) as date) as used_on,
  f.product, f.source
from collateral_usage u
left join deals d on d.deal_id = u.deal_id
left join deal_facts f on f.deal_id = coalesce(d.merged_into, d.deal_id)
order by u.asset_id, u.owner_id, u.deal_id, u.used_at, u.action
