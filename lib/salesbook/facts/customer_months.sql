-- One row per account and month in which it pays a subscription at the month's start or end: how its MRR moved.
-- key: account_id, month
-- needs: subscriptions
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- MRR is what runs on the month's last day, at the rate of that day. Of its change, what the rates did to the amounts
-- held at the start comes first (currency); the rest, at the rates of the end, is one movement: new, expansion,
-- contraction, churn or reactivation. So start + new + expansion - contraction - churn + reactivation + currency = end.
with ends as (
  select cast(date_trunc('month', c.day) as date) as month, max(c.day) as ends_on
  from calendar c cross join run
  where c.calendar = run.default_calendar and c.day < run.period_end
  group by cast(date_trunc('month', c.day) as date)),
months as (select e.*, row_number() over (order by month) as place from ends e),
held as (
  select s.account_id, s.currency, m.place, cast(sum(s.mrr_minor) as bigint) as held_minor
  from subscriptions s
  join months m on s.started_on <= m.ends_on and (s.ended_on is null or s.ended_on > m.ends_on)
  where s.mrr_minor > 0
  group by s.account_id, s.currency, m.place),
sides as (
  select account_id, currency, place, held_minor, cast(0 as bigint) as before_minor from held
  union all
  select account_id, currency, place + 1, cast(0 as bigint), held_minor from held),
paired as (
  select account_id, currency, place, cast(sum(held_minor) as bigint) as held_minor,
    cast(sum(before_minor) as bigint) as before_minor
  from sides group by account_id, currency, place),
valued as (
  select p.account_id, p.currency, p.place, m.month, p.held_minor > 0 as is_held, p.before_minor > 0 as was_held,
    case when p.held_minor > 0 then money(p.held_minor, r.rate) else 0 end as end_minor,
    case when p.before_minor > 0 then money(p.before_minor, b.rate) else 0 end as start_minor,
    case when p.before_minor > 0 then money(p.before_minor, r.rate) else 0 end as start_at_end_minor,
    r.rate is null or (p.before_minor > 0 and b.rate is null) as lacks_rate
  from paired p
  join months m on m.place = p.place
  left join months e on e.place = p.place - 1
  left join rates r on r.currency = p.currency and r.day = m.ends_on
  left join rates b on b.currency = p.currency and b.day = e.ends_on),
moved as (
  select account_id, month, place, min(currency) as currency,
    max(case when is_held then 1 else 0 end) = 1 as is_customer,
    max(case when was_held then 1 else 0 end) = 1 as was_customer,
    cast(sum(start_minor) as bigint) as start_minor, cast(sum(end_minor) as bigint) as mrr_minor,
    cast(sum(start_at_end_minor - start_minor) as bigint) as currency_minor,
    cast(sum(end_minor - start_at_end_minor) as bigint) as change_minor,
    max(case when lacks_rate then 1 else 0 end) = 1 as lacks_rate
  from valued group by account_id, month, place),
named as (
  select m.*,
    case when is_customer and not was_customer and month = first_month then 'new'
      when is_customer and not was_customer then 'reactivation'
      when not is_customer then 'churn'
      when change_minor > 0 then 'expansion' when change_minor < 0 then 'contraction'
      when currency_minor <> 0 then 'currency' else 'none' end as movement
  from (select v.*, min(month) over (partition by account_id) as first_month from moved v) m)
select
  n.account_id, n.month, c.owner_id, c.channel, c.product, a.territory_id, n.first_month, n.movement,
  cast((extract(year from n.month) - extract(year from n.first_month)) * 12
    + extract(month from n.month) - extract(month from n.first_month) as bigint) as age_months,
  n.is_customer, n.was_customer, n.was_customer and not n.is_customer as is_churned,
  n.start_minor,
  case when n.movement = 'new' then n.change_minor else 0 end as new_minor,
  case when n.movement = 'expansion' then n.change_minor else 0 end as expansion_minor,
  case when n.movement = 'contraction' then -n.change_minor else 0 end as contraction_minor,
  case when n.movement = 'churn' then -n.change_minor else 0 end as churn_minor,
  case when n.movement = 'reactivation' then n.change_minor else 0 end as reactivation_minor,
  n.currency_minor, n.mrr_minor, n.currency, n.lacks_rate
from named n
left join account_facts a on a.account_id = n.account_id
left join new_customers c on c.customer_key = coalesce(a.organisation_key, n.account_id)
order by n.account_id, n.month
