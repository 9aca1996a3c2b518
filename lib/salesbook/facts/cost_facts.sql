-- One row per cost booking known by the run's month, in the report currency at the rate of the booking's first day.
-- key: booking
-- needs: costs
-- follows: owner = seller_facts.owner_id
-- rows: select count(*) from costs
--
-- Bookings have no name of their own: they are numbered, and two that are the same have two numbers.
select
  cast(row_number() over (
    order by c.period, c.type, c.currency, c.channel nulls last, c.owner_id nulls last, c.amount_minor,
      c.acquisition_share) as bigint) as booking,
  c.period as cost_on, c.type, c.channel, c.owner_id, c.channel is null as is_shared,
  c.type = 'salary' and c.owner_id is not null as is_of_seller, c.type = 'collateral' as is_for_collateral,
  money(c.amount_minor, r.rate) as amount_minor,
  money(money(c.amount_minor, r.rate), c.acquisition_share) as acquisition_minor,
  case when c.type = 'media' then money(money(c.amount_minor, r.rate), c.acquisition_share) else 0 end as media_minor,
  c.currency, r.rate is null as lacks_rate
from costs c
left join rates r on r.currency = c.currency and r.day = c.period
order by booking
