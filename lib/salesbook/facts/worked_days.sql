-- One row per seller and day with hours worked: what was done on it.
-- key: owner_id, worked_on
-- needs: working_hours, activities
-- follows: owner = seller_facts.owner_id
-- rows: select count(*) from working_hours where hours > 0
--
-- Attempts are outbound calls, emails and meetings; a talk is one that reached a decision maker; leads are those of the
-- seller that were qualified that day. What was done on days without hours is not in: nothing can be set against it.
with done as (
  select owner_id, done_on as day,
    count(case when is_attempt then 1 end) as n_attempts,
    count(case when is_attempt and is_talk then 1 end) as n_talks,
    count(case when is_facing then 1 end) as n_facing,
    count(case when is_facing and lacks_duration then 1 end) as n_unknown,
    sum(case when is_facing then duration_seconds end) as facing_seconds,
    cast(0 as bigint) as n_leads
  from activity_facts where is_done and owner_id is not null group by owner_id, done_on
  union all
  select owner_id, qualified_on, cast(0 as bigint), cast(0 as bigint), cast(0 as bigint), cast(0 as bigint),
    cast(0 as bigint), count(*)
  from lead_facts where is_qualified and owner_id is not null group by owner_id, qualified_on)
select w.owner_id, w.worked_on, cast(round(w.hours * 3600, 0) as bigint) as worked_seconds,
  cast(coalesce(sum(d.n_attempts), 0) as bigint) as n_attempts,
  cast(coalesce(sum(d.n_talks), 0) as bigint) as n_talks,
  cast(coalesce(sum(d.n_leads), 0) as bigint) as n_leads,
  cast(coalesce(sum(d.n_facing), 0) as bigint) as n_facing,
  cast(coalesce(sum(d.n_unknown), 0) as bigint) as n_unknown,
  cast(coalesce(sum(d.facing_seconds), 0) as bigint) as facing_seconds
from working_hours w
left join done d on d.owner_id = w.owner_id and d.day = w.worked_on
where w.hours > 0
group by w.owner_id, w.worked_on, w.hours
order by w.owner_id, w.worked_on
