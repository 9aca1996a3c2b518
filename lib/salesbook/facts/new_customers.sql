-- One row per organisation that ever bought, at its first won deal, order or subscription.
-- key: customer_key
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- The organisation is the legal entity where accounts are known, else the account itself. Its channel, product and
-- seller are those of its first won deal; without one the channel is that of its first lead. It is acquired then
-- unless that first purchase is known to be of an existing customer.
with purchases as (
  select account_id, closed_on as bought_on, coalesce(type, 'new') = 'new' as is_first
  from deal_facts where is_won and account_id is not null and closed_on is not null
  union all
  select account_id, cast(local_time(ordered_at) as date), true from orders
  union all
  select account_id, started_on, true from subscriptions where mrr_minor > 0),
keyed as (
  select coalesce(a.organisation_key, p.account_id) as customer_key, a.territory_id, p.*
  from purchases p left join account_facts a on a.account_id = p.account_id),
firsts as (
  select k.*,
    row_number() over (partition by customer_key order by bought_on, account_id, is_first) as place,
    min(case when is_first then 1 else 0 end) over (partition by customer_key, bought_on) = 1 as is_acquired
  from keyed k),
deals_won as (
  select coalesce(a.organisation_key, d.account_id) as customer_key, d.source, d.product, d.owner_id,
    row_number() over (partition by coalesce(a.organisation_key, d.account_id) order by d.closed_on, d.deal_id) as place
  from deal_facts d left join account_facts a on a.account_id = d.account_id
  where d.is_won and d.account_id is not null and d.closed_on is not null),
leads_in as (
  select coalesce(organisation_key, account_id) as customer_key, source,
    row_number() over (
      partition by coalesce(organisation_key, account_id) order by created_on, lead_id) as place
  from lead_facts where account_id is not null)
select
  f.customer_key, f.account_id, d.owner_id, coalesce(d.source, l.source) as channel, d.product, f.territory_id,
  f.bought_on as customer_on, f.is_acquired
from firsts f
left join deals_won d on d.customer_key = f.customer_key and d.place = 1
left join leads_in l on l.customer_key = f.customer_key and l.place = 1
where f.place = 1
order by f.customer_key
