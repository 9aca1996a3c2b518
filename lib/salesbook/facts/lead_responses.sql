-- One row per inbound lead: how long it waited for a seller, and for a first attempt, by the clock and by opening hours.
-- key: lead_id
-- needs: leads, activities
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, lead = lead_facts.lead_id
-- rows: select count(*) from lead_facts where is_inbound
--
-- Who was not answered keeps waiting, also once closed: the wait is then up to the run's instant (it is censored). A
-- lead with a contact before it came in is flagged, and one whose times are dates alone has no clock: both are in no
-- response time. Opening hours are those of the seller's calendar, else of the first one. Where no lead bears the time
-- at which a seller got it, none has a clock of assigning.
with given as (select count(assigned_at) > 0 as has_times from leads),
talks as (
  select coalesce(m.merged_into, a.lead_id) as lead_id, a.occurred_at
  from activities a
  left join (select lead_id, merged_into from leads where merged_into is not null) m on m.lead_id = a.lead_id
  where a.type in ('call', 'email', 'meeting') and not a.is_automatic and a.reached_decision_maker
    and a.occurred_at is not null and a.lead_id is not null),
last_touches as (
  select lead_id, max(touched_at) as last_touch_at from touches where lead_id is not null group by lead_id),
firsts as (
  select lead_id, attempted_at, is_timed, hour from attempts where attempt = 1),
reached as (
  select t.lead_id
  from talks t
  join firsts a on a.lead_id = t.lead_id and t.occurred_at >= a.attempted_at
    and t.occurred_at <= a.attempted_at + interval '14' day
  group by t.lead_id),
waited as (
  select f.lead_id, f.created_on, f.source, f.product, f.account_id, f.is_qualified, f.is_won, f.is_open,
    l.created_at, run.as_of, f.is_converted, f.is_disqualified, f.owner_id, l.assigned_at,
    coalesce(s.calendar, run.default_calendar) as calendar,
    a.attempted_at as first_attempt_at, t.last_touch_at,
    case when l.assigned_at >= l.created_at then l.assigned_at end as given_at,
    case when a.attempted_at >= l.created_at then a.attempted_at end as answered_at,
    case when a.attempted_at >= l.created_at then a.hour end as answered_hour,
    coalesce(a.attempted_at >= l.created_at, false) and r.lead_id is not null as is_reached,
    coalesce(l.created_at_is_date, false) = false and coalesce(a.is_timed, true) as is_timed,
    g.has_times and coalesce(l.assigned_at_is_date, false) = false
      and (l.assigned_at is null or l.assigned_at >= l.created_at) as is_given_timed,
    run.agreed_seconds, run.quiet_seconds
  from lead_facts f
  cross join run
  cross join given g
  join leads l on l.lead_id = f.lead_id
  left join firsts a on a.lead_id = f.lead_id
  left join reached r on r.lead_id = f.lead_id
  left join last_touches t on t.lead_id = f.lead_id
  left join seller_facts s on s.owner_id = f.owner_id
  where f.is_inbound),
opened as (
  -- Opening seconds from the calendar's first day to each instant: their differences are what was open between.
  select w.*,
    oc.open_seconds_before + greatest(0, least(oc.open_seconds, seconds_between(oc.opens_at, w.created_at)))
      as created_open,
    og.open_seconds_before + greatest(0, least(og.open_seconds, seconds_between(og.opens_at, w.given_at)))
      as given_open,
    oa.open_seconds_before + greatest(0, least(oa.open_seconds, seconds_between(oa.opens_at, w.answered_at)))
      as answered_open,
    oe.open_seconds_before + greatest(0, least(oe.open_seconds, seconds_between(oe.opens_at, w.as_of))) as end_open
  from waited w
  left join calendar oc on oc.calendar = w.calendar and oc.day = cast(local_time(w.created_at) as date)
  left join calendar og on og.calendar = w.calendar and og.day = cast(local_time(w.given_at) as date)
  left join calendar oa on oa.calendar = w.calendar and oa.day = cast(local_time(w.answered_at) as date)
  left join calendar oe on oe.calendar = w.calendar and oe.day = cast(local_time(w.as_of) as date)),
judged as (
  select o.*, o.first_attempt_at < o.created_at as is_before,
    case when o.is_converted then 'assigned' when o.is_disqualified then 'rejected'
      when o.first_attempt_at is null and o.owner_id is null and o.assigned_at is null then 'unassigned'
      when o.first_attempt_at is null then 'never contacted'
      when seconds_between(o.last_touch_at, o.as_of) >= o.quiet_seconds then 'dropped'
      else 'assigned' end as fate
  from opened o)
select
  j.lead_id, j.created_on,
  cast(floor(seconds_between(cast(j.created_on as timestamp), local_time(j.created_at)) / 3600.0) as bigint)
    as arrival_hour,
  cast(local_time(j.answered_at) as date) as answered_on,
  j.answered_hour,
  j.answered_at is not null as is_answered,
  coalesce(j.is_timed and j.is_before, false) as is_touched_before,
  j.is_timed and not coalesce(j.is_before, false) as is_clocked,
  j.is_timed and not coalesce(j.is_before, false) and seconds_between(j.created_at, j.as_of) >= 3600
    as is_clocked_an_hour,
  j.is_timed and j.is_given_timed and not coalesce(j.is_before, false) as is_assigning_clocked,
  j.is_timed and j.is_given_timed and j.given_at is not null and not coalesce(j.is_before, false)
    and not coalesce(j.answered_at < j.given_at, false) as is_reacting_clocked,
  j.given_at is not null as is_assigned,
  seconds_between(j.created_at, coalesce(j.answered_at, j.as_of)) as waited_seconds,
  coalesce(j.answered_open, j.end_open) - j.created_open as waited_open_seconds,
  seconds_between(j.created_at, coalesce(j.given_at, j.as_of)) as assigning_seconds,
  coalesce(j.given_open, j.end_open) - j.created_open as assigning_open_seconds,
  seconds_between(j.given_at, coalesce(j.answered_at, j.as_of)) as reacting_seconds,
  coalesce(j.answered_open, j.end_open) - j.given_open as reacting_open_seconds,
  coalesce(seconds_between(j.created_at, j.answered_at) <= 3600, false) as is_within_hour,
  coalesce(j.answered_open - j.created_open <= 3600, false) as is_within_open_hour,
  j.is_reached as is_reached_in_14_days,
  coalesce(j.answered_at + interval '14' day <= j.as_of, false) as is_followed_14_days,
  seconds_between(j.created_at, j.as_of) >= j.agreed_seconds as is_due,
  j.fate, j.fate in ('unassigned', 'never contacted', 'dropped') as is_leaked, j.fate = 'rejected' as is_rejected,
  j.first_attempt_at is null as is_never_contacted,
  j.source, j.product, j.account_id, j.owner_id, j.is_qualified, j.is_won, j.is_open
from judged j
order by j.lead_id
