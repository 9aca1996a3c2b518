-- One row per outbound call of a seller: what came of it, and how long until their next call of the same shift.
-- key: activity_id
-- needs: activities
-- follows: owner = seller_facts.owner_id
--
-- A shift is the calls of one seller and local day without a gap of more than two hours. The streak counts the
-- rejections in a row that end with this call, within the shift; 0 where this call was not rejected. The wait for the
-- next call runs from the end of this one (from its start where its length is not known) and is watched for two hours:
-- the last call of a shift was followed by none in that time. A call dated by the day alone has no hour and is out.
with calls as (
  select a.activity_id, a.owner_id, a.occurred_at, cast(local_time(a.occurred_at) as date) as called_on,
    coalesce(a.duration_seconds, 0) as talk_seconds, coalesce(a.outcome, '') = 'rejected' as is_rejected
  from activities a
  where a.type = 'call' and a.direction = 'outbound' and not a.is_automatic and a.owner_id is not null
    and a.occurred_at is not null and not coalesce(a.occurred_at_is_date, false)),
spaced as (
  select c.*, lag(c.occurred_at) over in_order as before_at, lead(c.occurred_at) over in_order as next_at
  from calls c
  window in_order as (partition by c.owner_id, c.called_on order by c.occurred_at, c.activity_id)),
shifted as (
  select s.*,
    sum(case when before_at is null or seconds_between(before_at, occurred_at) > 7200 then 1 else 0 end) over (
      partition by owner_id, called_on order by occurred_at, activity_id
      rows between unbounded preceding and current row) as shift,
    case when seconds_between(occurred_at, next_at) <= 7200 then seconds_between(occurred_at, next_at) end as gap_seconds
  from spaced s),
broken as (
  select s.*, sum(case when is_rejected then 0 else 1 end) over (
      partition by owner_id, called_on, shift order by occurred_at, activity_id
      rows between unbounded preceding and current row) as run_of_calls
  from shifted s),
counted as (
  select b.*, case when is_rejected then sum(case when is_rejected then 1 else 0 end) over (
      partition by owner_id, called_on, shift, run_of_calls order by occurred_at, activity_id
      rows between unbounded preceding and current row) else 0 end as streak
  from broken b)
select c.activity_id, c.owner_id, c.called_on, cast(c.shift as bigint) as shift, cast(c.streak as bigint) as streak,
  cast(1 as bigint) as n_calls, c.is_rejected, c.gap_seconds is not null as is_followed, c.gap_seconds,
  case when c.gap_seconds is null then 7200
    when c.gap_seconds > c.talk_seconds then c.gap_seconds - c.talk_seconds else 0 end as wait_seconds
from counted c
order by c.activity_id
