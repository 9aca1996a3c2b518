-- One row per lead and attempt to reach it: an outbound call, email or meeting by a person.
-- key: lead_id, attempt
-- needs: leads, activities
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- The next in a row on the same channel within a few minutes (a setting) is the same attempt. What was done on a lead
-- that was merged away counts for the one that stayed. A lead is at risk while it was not reached before; reached is a
-- talk with a decision maker at the attempt, or, by setting, being qualified before the next attempt. Where nobody ever
-- noted whether a decision maker was reached, talks are not known (has_outcomes) and nobody is at risk of one.
with outcomes as (select count(reached_decision_maker) > 0 as has_outcomes from activities),
kept as (
  -- A lead, also one merged into another, and the one that counts.
  select l.lead_id as own_id, f.lead_id
  from leads l
  join lead_facts f on f.lead_id = coalesce(l.merged_into, l.lead_id)),
contacts as (
  select k.lead_id, a.activity_id, a.type as channel, a.owner_id, a.occurred_at, a.occurred_at_is_date,
    a.direction = 'outbound' as is_outbound, coalesce(a.reached_decision_maker, false) as is_talk,
    a.reached_decision_maker is not null as is_known
  from activities a
  join kept k on k.own_id = a.lead_id
  where a.type in ('call', 'email', 'meeting') and not a.is_automatic and a.occurred_at is not null),
marked as (
  select c.*, case
      when lag(channel) over in_order = channel
        and seconds_between(lag(occurred_at) over in_order, occurred_at) <= run.same_attempt_seconds then 0
      else 1 end as is_new
  from contacts c
  cross join run
  where is_outbound
  window in_order as (partition by lead_id order by occurred_at, activity_id)),
begun as (
  select m.lead_id, m.activity_id, m.channel, m.owner_id, m.occurred_at as attempted_at, m.occurred_at_is_date,
    m.is_talk, m.is_known, cast(row_number() over in_order as bigint) as attempt,
    lag(m.occurred_at) over in_order as before_at, lead(m.occurred_at) over in_order as after_at,
    lead(m.activity_id) over in_order as after_id
  from marked m
  where m.is_new = 1
  window in_order as (partition by m.lead_id order by m.occurred_at, m.activity_id)),
went_on as (
  select b.lead_id, b.attempt, max(case when c.is_talk then 1 else 0 end) = 1 as is_talk,
    max(case when c.is_known then 1 else 0 end) = 1 as is_known,
    max(case when c.occurred_at_is_date then 1 else 0 end) = 1 as is_date
  from begun b
  join marked c on c.lead_id = b.lead_id and c.is_new = 0
    and (b.attempted_at < c.occurred_at or (b.attempted_at = c.occurred_at and b.activity_id < c.activity_id))
    and (b.after_at is null or c.occurred_at < b.after_at
      or (c.occurred_at = b.after_at and c.activity_id < b.after_id))
  group by b.lead_id, b.attempt),
talks as (
  select lead_id, min(occurred_at) as first_talk_at from contacts where is_talk group by lead_id),
known as (
  select f.lead_id, f.is_inbound, f.created_on, f.source, f.product, f.account_id, f.record_url, l.created_at,
    coalesce(l.qualified_at, l.converted_at) as qualified_at, k.first_talk_at
  from lead_facts f
  join leads l on l.lead_id = f.lead_id
  left join talks k on k.lead_id = f.lead_id),
sequence as (
  select b.lead_id, b.attempt, b.channel, b.attempted_at, b.owner_id, b.before_at, b.after_at, f.first_talk_at,
    local_time(b.attempted_at) as local_at, b.is_talk or coalesce(w.is_talk, false) as is_talk,
    b.is_known or coalesce(w.is_known, false) as is_known,
    not coalesce(b.occurred_at_is_date, false) and not coalesce(w.is_date, false) as is_timed,
    f.qualified_at, f.created_at, f.is_inbound, f.created_on, f.source, f.product, f.account_id, f.record_url
  from begun b
  join known f on f.lead_id = b.lead_id
  left join went_on w on w.lead_id = b.lead_id and w.attempt = b.attempt),
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
  c.is_inbound, c.created_on, c.source, c.product, c.account_id, c.owner_id, c.record_url
from counted c
order by c.lead_id, c.attempt
