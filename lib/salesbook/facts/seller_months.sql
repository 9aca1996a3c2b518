-- One row per seller and month of the last 24 in which they were employed: how much of a full-time equivalent.
-- key: owner_id, month
-- needs: reps
-- follows: owner = seller_facts.owner_id
--
-- Capacity in hundredths × the days employed ÷ the days of the month; days of long leave are none. Without a first day
-- they were always there.
with months as (
  select c.day as month, count(e.day) as n_days, cast(c.day + interval '1' month as date) as next_month
  from calendar c
  cross join run
  join calendar e on e.calendar = c.calendar and e.day >= c.day and e.day < c.day + interval '1' month
  where c.calendar = run.default_calendar and extract(day from c.day) = 1
    and c.day < run.period_end and c.day >= run.period_end - interval '24' month
  group by c.day),
there as (
  select s.owner_id, m.month, m.n_days, s.capacity_fte, count(c.day) as n_there
  from months m
  cross join run
  join seller_facts s on (s.started_on is null or s.started_on < m.next_month)
    and (s.ended_on is null or s.ended_on >= m.month)
  join calendar c on c.calendar = run.default_calendar and c.day >= m.month and c.day < m.next_month
    and (s.started_on is null or c.day >= s.started_on) and (s.ended_on is null or c.day <= s.ended_on)
    and not (s.leave_starts_on is not null and c.day >= s.leave_starts_on
      and (s.leave_ends_on is null or c.day <= s.leave_ends_on))
  group by s.owner_id, m.month, m.n_days, s.capacity_fte)
select owner_id, month, n_there, n_days,
  cast(round(capacity_fte * 100 * n_there / n_days, 0) as bigint) as fte_hundredths
from there
order by owner_id, month
