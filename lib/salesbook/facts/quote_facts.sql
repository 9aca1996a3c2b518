-- One row per quote sent on a deal that counts; its seller is the deal's.
-- key: quote_id
-- needs: quotes
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
select q.quote_id, f.deal_id, cast(local_time(q.sent_at) as date) as sent_on, f.pipeline, f.product, f.source, f.type,
  f.is_new_business, f.account_id, f.owner_id
from quotes q
join deals d on d.deal_id = q.deal_id
join deal_facts f on f.deal_id = coalesce(d.merged_into, d.deal_id)
order by q.quote_id
