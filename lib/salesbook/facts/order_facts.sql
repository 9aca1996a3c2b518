-- One row per order line known before the run's instant, in the report currency at the rate of its day.
-- key: order_id
-- needs: orders
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
-- rows: select count(*) from orders
select
  o.order_id, o.account_id, c.customer_key, c.owner_id, c.channel, o.product, a.territory_id,
  cast(local_time(o.ordered_at) as date) as ordered_on,
  money(o.amount_minor, r.rate) as amount_minor,
  o.cost_minor is not null as has_cost,
  money(o.cost_minor, r.rate) as cost_minor,
  case when o.cost_minor is not null then money(o.amount_minor, r.rate) end as costed_minor,
  money(o.amount_minor, r.rate) - money(o.cost_minor, r.rate) as margin_minor,
  o.currency, r.rate is null as lacks_rate
from orders o
left join rates r on r.currency = o.currency and r.day = cast(local_time(o.ordered_at) as date)
left join account_facts a on a.account_id = o.account_id
left join new_customers c on c.customer_key = coalesce(a.organisation_key, o.account_id)
order by o.order_id
