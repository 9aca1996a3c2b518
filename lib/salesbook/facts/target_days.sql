-- One row per target and day of its span: that day's part of the target, and what was won on it.
-- key: target_id, day
-- needs: targets
--
-- A target is spread evenly over its working days (over all days where it has none); cumulative sums are rounded,
-- so the days add up to the target exactly. Money is in hundredths of the report currency, at the rate of the first
-- day (of the run's instant where that is earlier); counts are in hundredths too.
with spans as (
  select t.target_id, t.kpi, t.level, t.level_id, t.starts_on, t.ends_on, t.value,
    case when t.currency is null then cast(round(t.value * 100, 0) as bigint)
      else money(cast(round(t.value * 100, 0) as bigint), r.rate) end as value_hundredths,
    t.currency is not null and r.rate is null as lacks_rate
  from targets t
  cross join run
  left join rates r on r.currency = t.currency
    and r.day = least(t.starts_on, cast(local_time(run.as_of) as date))),
days as (
  select s.*, c.day, c.open_seconds > 0 as is_working_day,
    sum(case when c.open_seconds > 0 then 1 else 0 end) over span_so_far as working_days_so_far,
    sum(case when c.open_seconds > 0 then 1 else 0 end) over span as working_days,
    row_number() over (partition by s.target_id order by c.day) as days_so_far,
    count(*) over span as days
  from spans s
  cross join run
  join calendar c on c.calendar = run.default_calendar and c.day >= s.starts_on and c.day <= s.ends_on
  window span as (partition by s.target_id),
    span_so_far as (partition by s.target_id order by c.day rows between unbounded preceding and current row)),
parts as (
  select d.*,
    cast(case when working_days > 0 then working_days_so_far else days_so_far end as decimal(18, 0)) as done,
    cast(case when working_days > 0 then working_days else days end as decimal(18, 0)) as whole
  from days d),
summed as (
  select p.*, cast(floor(cast(value_hundredths as decimal(19, 0)) * done / whole) as bigint) as target_so_far
  from parts p),
won as (
  select f.closed_on as day, f.owner_id, f.account_id, s.team, sum(f.amount_minor) as won_minor, count(*) as n_won
  from deal_facts f left join seller_facts s on s.owner_id = f.owner_id
  where f.is_won
  group by f.closed_on, f.owner_id, f.account_id, s.team),
actual as (
  select t.target_id, w.day, sum(w.won_minor) as won_minor
  from spans t
  join won w on w.day >= t.starts_on and w.day <= t.ends_on
    and (t.level = 'organisation'
      or (t.level = 'team' and w.team = t.level_id)
      or (t.level = 'rep' and w.owner_id = t.level_id)
      or (t.level = 'account' and w.account_id = t.level_id))
  where t.kpi = 'won'
  group by t.target_id, w.day)
select
  d.target_id, d.kpi, d.level, d.level_id, d.starts_on, d.ends_on, d.day, d.is_working_day,
  d.kpi = 'won' and d.level = 'organisation' as is_won_of_organisation,
  d.kpi = 'won' and d.level = 'team' as is_won_of_team,
  d.kpi = 'won' and d.level = 'rep' as is_won_of_seller,
  d.kpi = 'won' and d.level = 'account' as is_won_of_account,
  d.value as target_value,
  d.target_so_far - coalesce(lag(d.target_so_far) over (partition by d.target_id order by d.day), 0)
    as target_hundredths,
  cast(coalesce(a.won_minor, 0) as bigint) as won_minor,
  d.lacks_rate
from summed d
left join actual a on a.target_id = d.target_id and a.day = d.day
order by d.target_id, d.day
