-- One row per seller and working day since CRM use is logged: whether they used the CRM.
-- key: owner_id, day
-- needs: crm_usage, reps
-- follows: owner = seller_facts.owner_id
--
-- Working days are those of the seller's own calendar on which they were employed and not on long leave. Use on other
-- days is not counted. Sellers of whom no use was ever logged are out: not knowing is not not using.
with logged as (select min(used_on) as first_on from crm_usage),
known as (select distinct owner_id from crm_usage),
used as (
  select owner_id, used_on, count(distinct feature) as n_features, sum(events) as n_events
  from crm_usage where events > 0 group by owner_id, used_on)
select s.owner_id, c.day, u.owner_id is not null as is_active, coalesce(u.n_features, 0) as n_features,
  cast(coalesce(u.n_events, 0) as bigint) as n_events
from seller_facts s
join known k on k.owner_id = s.owner_id
cross join run
cross join logged
join calendar c on c.calendar = s.calendar and c.open_seconds > 0
  and c.day >= logged.first_on and c.day < run.period_end
  and (s.started_on is null or c.day >= s.started_on) and (s.ended_on is null or c.day <= s.ended_on)
  and not (s.leave_starts_on is not null and c.day >= s.leave_starts_on
    and (s.leave_ends_on is null or c.day <= s.leave_ends_on))
left join used u on u.owner_id = s.owner_id and u.used_on = c.day
order by s.owner_id, c.day
