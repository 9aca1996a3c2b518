-- One row per won deal: how many contacts there were before it was agreed.
-- key: deal_id
-- needs: deals, activities
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
-- rows: select count(*) from deal_facts where is_won
--
-- Any human contact counts, ours and theirs, on the deal and on the lead it came from, up to the win.
with before_win as (
  select t.deal_id, count(*) as touch
  from touches t
  join stage_visits w on w.deal_id = t.deal_id and w.is_current and w.is_won and t.touched_at <= w.entered_at
  group by t.deal_id)
select
  d.deal_id, coalesce(b.touch, 0) as touch, d.closed_on, d.is_new_business, d.source, d.product, d.type, d.pipeline,
  d.account_id, d.owner_id
from deal_facts d
left join before_win b on b.deal_id = d.deal_id
where d.is_won
order by d.deal_id
