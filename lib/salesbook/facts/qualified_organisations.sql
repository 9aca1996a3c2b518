-- One row per organisation with a qualified lead: when that first was, and whether it became a customer since.
-- key: organisation_key
-- needs: leads, accounts, deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- Won is the first deal won on or after the day of the first qualified lead; renewals are out. A month's organisations
-- are mature when its last day is longer ago than nine in ten that were won, of the 24 months before, needed.
with firsts as (
  select * from (
    select f.organisation_key, f.lead_id, f.qualified_on, f.source, f.product, f.account_id, f.owner_id, f.is_inbound,
      f.record_url, row_number() over (
        partition by f.organisation_key order by coalesce(l.qualified_at, l.converted_at), f.lead_id) as place
    from lead_facts f
    join leads l on l.lead_id = f.lead_id
    where f.is_qualified and f.organisation_key is not null) ranked
  where place = 1),
wins as (
  select q.organisation_key, min(d.closed_on) as won_on
  from firsts q
  join account_facts a on a.organisation_key = q.organisation_key
  join deal_facts d on d.account_id = a.account_id
  where d.is_won and d.is_new_business and d.closed_on >= q.qualified_on
  group by q.organisation_key),
timed as (
  select q.*, w.won_on,
    seconds_between(cast(q.qualified_on as timestamp), cast(w.won_on as timestamp)) as win_seconds,
    seconds_between(cast(q.qualified_on as timestamp), local_time(run.as_of)) <= 730 * 86400 as is_recent,
    seconds_between(date_trunc('month', cast(q.qualified_on as timestamp)) + interval '1' month, local_time(run.as_of))
      as month_age_seconds
  from firsts q
  cross join run
  left join wins w on w.organisation_key = q.organisation_key),
span as (
  select percentile_cont(0.9) within group (order by win_seconds) as window_seconds
  from timed where is_recent and win_seconds is not null)
select
  t.organisation_key, t.lead_id, t.qualified_on, t.won_on, t.won_on is not null as is_won,
  cast(floor(t.win_seconds / 86400.0) as bigint) as win_days,
  coalesce(t.month_age_seconds >= s.window_seconds, false) as is_mature,
  t.source, t.product, t.is_inbound, t.account_id, t.owner_id, t.record_url
from timed t
cross join span s
order by t.organisation_key
