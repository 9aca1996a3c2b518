-- One row per lead and attempt to reach it: an outbound call, email or meeting by a person.
-- key: lead_id, attempt
-- needs: leads, activities
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, lead = lead_facts.lead_id
--
-- The next in a row on the same channel within a few minutes (a setting) is the same attempt. What was done on a lead
-- that was merged away counts for the one that stayed. A lead is at risk while it was not reached before; reached is a
-- talk with a decision maker at the attempt, or, by setting, being qualified before the next attempt. Where nobody ever
-- noted whether a decision maker was reached, talks are not known (has_outcomes) and nobody is at risk of one.
with outcomes as (
  select count(*) > 0 as has_outcomes
  from (select activity_id from activities where reached_decision_maker is not null limit 1) noted),
merged as (select lead_id, merged_into from leads where merged_into is not null),
known as (
  -- Contacts are put in order by a number of their lead: with ids of text that takes twice as long.
  select f.lead_id, f.is_inbound, f.created_on, f.source, f.product, f.account_id, l.created_at,
    coalesce(l.qualified_at, l.converted_at) as qualified_at, f.first_talk_at,
    cast(row_number() over (order by f.lead_id) as bigint) as number
  from lead_facts f
  join leads l on l.lead_id = f.lead_id),
contacts as (
  -- Of what was noted of each, how much there is from that contact of the lead on.
  select n.number, a.type as channel, a.owner_id, a.occurred_at, row_number() over in_order as place,
    coalesce(lag(a.type) over in_order = a.type
      and seconds_between(lag(a.occurred_at) over in_order, a.occurred_at) <= run.same_attempt_seconds, false) as is_same,
    count(case when a.reached_decision_maker then 1 end) over from_here as n_talks,
    count(a.reached_decision_maker) over from_here as n_known,
    count(case when a.occurred_at_is_date then 1 end) over from_here as n_dates
  from activities a
  left join merged m on m.lead_id = a.lead_id
  join known n on n.lead_id = coalesce(m.merged_into, a.lead_id)
  cross join run
  where a.type in ('call', 'email', 'meeting') and not a.is_automatic and a.occurred_at is not null
    and a.direction = 'outbound'
  window in_order as (partition by n.number order by a.occurred_at, a.activity_id),
    from_here as (partition by n.number order by a.occurred_at, a.activity_id
      rows between current row and unbounded following)),
begun as (
  -- To an attempt belongs what there is from its first contact on, less what there is from the next attempt on.
  select c.number, c.channel, c.owner_id, c.occurred_at as attempted_at,
    cast(row_number() over in_order as bigint) as attempt,
    lag(c.occurred_at) over in_order as before_at, lead(c.occurred_at) over in_order as after_at,
    c.n_talks > coalesce(lead(c.n_talks) over in_order, 0) as is_talk,
    c.n_known > coalesce(lead(c.n_known) over in_order, 0) as is_known,
    c.n_dates = coalesce(lead(c.n_dates) over in_order, 0) as is_timed
  from contacts c
  where not c.is_same
  window in_order as (partition by c.number order by c.place)),
sequence as (
  select f.lead_id, b.attempt, b.channel, b.attempted_at, b.owner_id, b.before_at, b.after_at,
    local_time(b.attempted_at) as local_at, b.is_talk, b.is_known, b.is_timed, f.first_talk_at,
    f.qualified_at, f.created_at, f.is_inbound, f.created_on, f.source, f.product, f.account_id
  from begun b
  join known f on f.number = b.number),
counted as (
  -- 1900-01-01 was a Monday.
  select s.*, cast(floor(seconds_between(timestamp '1900-01-01 00:00:00', local_at) / 86400.0) as bigint) as day_number,
    cast(floor(seconds_between(timestamp '1900-01-01 00:00:00', local_time(before_at)) / 86400.0) as bigint)
      as day_number_before,
    seconds_between(before_at, attempted_at) as gap_seconds,
    case when run.reached_means = 'qualified' then qualified_at else first_talk_at end as reached_at,
    case when run.reached_means = 'qualified' then qualified_at < after_at or after_at is null
      else is_talk end as is_here, o.has_outcomes, o.has_outcomes or run.reached_means = 'qualified' as is_judged
  from sequence s
  cross join run
  cross join outcomes o)
select
  c.lead_id, c.attempt, c.channel, c.attempted_at, cast(c.local_at as date) as attempted_on,
  case when c.is_timed then cast(floor((seconds_between(timestamp '1900-01-01 00:00:00', c.local_at)
    - c.day_number * 86400) / 3600.0) as bigint) end as hour,
  c.day_number - 7 * cast(floor(c.day_number / 7.0) as bigint) + 1 as weekday,
  c.gap_seconds,
  c.day_number - c.day_number_before as gap_days,
  case when c.gap_seconds < 86400 then 0 when c.gap_seconds < 2 * 86400 then 1 when c.gap_seconds < 4 * 86400 then 2
    when c.gap_seconds < 8 * 86400 then 4 when c.gap_seconds is not null then 8 end as gap_from_days,
  c.attempt > 1 as is_repeat, coalesce(c.day_number = c.day_number_before, false) as is_same_day,
  c.is_judged and (c.reached_at is null or c.reached_at >= c.attempted_at) as is_at_risk,
  coalesce(c.reached_at >= c.attempted_at and c.is_here, false) as is_reached,
  c.is_talk, not c.is_known as is_outcome_unknown, c.has_outcomes, c.is_timed,
  c.attempted_at < c.created_at as is_before_lead,
  c.is_inbound, c.created_on, c.source, c.product, c.account_id, c.owner_id
from counted c
order by c.lead_id, c.attempt
