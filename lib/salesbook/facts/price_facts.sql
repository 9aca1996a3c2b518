-- One row per closed new-business deal with an amount: its price, its discount and the bands they are in.
-- key: deal_id
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- Discount is what the deal says, else one less amount by list price; in hundredths of a per cent. Its bands: 0 is
-- none, then every 5 points, 5 is over 20. Price bands are the quarters of a product's closed deals by amount, 1 lowest.
with priced as (
  select f.deal_id, f.account_id, f.owner_id, f.product, f.source, f.closed_on, f.is_won, f.amount_minor,
    case when d.discount is not null then cast(round(d.discount * 10000, 0) as bigint)
      when d.list_price_minor > 0 and d.amount_minor <= d.list_price_minor
        then cast(floor(ratio(d.list_price_minor - d.amount_minor, d.list_price_minor) * 10000 + 0.5) as bigint)
      end as discount_hundredths
  from deal_facts f join deals d on d.deal_id = f.deal_id
  where f.is_closed and f.is_new_business and f.has_amount and f.closed_on is not null)
select
  p.deal_id, p.account_id, p.owner_id, p.product, p.source, p.closed_on, p.is_won, p.amount_minor,
  case when p.is_won then p.amount_minor else 0 end as won_minor,
  p.discount_hundredths is not null as has_discount, p.discount_hundredths,
  cast(case when p.discount_hundredths <= 0 then 0 when p.discount_hundredths <= 500 then 1
    when p.discount_hundredths <= 1000 then 2 when p.discount_hundredths <= 1500 then 3
    when p.discount_hundredths <= 2000 then 4 when p.discount_hundredths > 2000 then 5 end as bigint) as discount_band,
  cast(ntile(4) over (partition by p.product order by p.amount_minor, p.deal_id) as bigint) as price_band
from priced p
order by p.deal_id
