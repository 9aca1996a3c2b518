-- One row per lead that counts (not deleted, merged away or a test), as it stood at the run's instant.
-- key: lead_id
-- needs: leads
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
-- rows: select count(*) from leads where deleted_at is null and merged_into is null and not is_test
--
-- A lead is mature when it came in longer ago than nine in ten of those qualified needed to be, over the leads of the 24
-- months before; qualified in time is within that span.
with windows as (
  select percentile_cont(0.9) within group (
      order by seconds_between(created_at, coalesce(qualified_at, converted_at))) as window_seconds
  from leads cross join run
  where coalesce(qualified_at, converted_at) is not null and deleted_at is null and merged_into is null and not is_test
    and seconds_between(created_at, run.as_of) <= 730 * 86400),
contacted as (
  select coalesce(m.merged_into, c.lead_id) as lead_id, min(c.first_attempt_at) as first_attempt_at,
    min(c.first_talk_at) as first_talk_at, cast(sum(c.n_attempts) as bigint) as n_attempts
  from prospect_contacts c
  left join (select lead_id, merged_into from leads where merged_into is not null) m on m.lead_id = c.lead_id
  where c.lead_id is not null
  group by coalesce(m.merged_into, c.lead_id))
select
  l.lead_id, l.account_id, l.contact_id, l.owner_id, l.owner_id is not null as has_owner, l.source, l.product, coalesce(l.is_inbound, false) as is_inbound,
  cast(local_time(l.created_at) as date) as created_on,
  cast(local_time(coalesce(l.qualified_at, l.converted_at)) as date) as qualified_on,
  cast(local_time(l.converted_at) as date) as converted_on,
  cast(local_time(l.disqualified_at) as date) as disqualified_on,
  cast(local_time(t.first_attempt_at) as date) as first_attempt_on,
  coalesce(t.n_attempts, 0) as n_attempts,
  t.first_attempt_at is not null as is_attempted,
  t.first_talk_at, t.first_talk_at is not null as is_reached,
  coalesce(l.qualified_at, l.converted_at) is not null as is_qualified,
  coalesce(seconds_between(l.created_at, run.as_of) >= w.window_seconds, false) as is_mature,
  coalesce(seconds_between(l.created_at, coalesce(l.qualified_at, l.converted_at)) <= w.window_seconds, false)
    as is_qualified_in_time,
  l.converted_at is not null as is_converted,
  l.disqualified_at is not null and l.converted_at is null as is_disqualified,
  coalesce(d.is_won, false) as is_won,
  coalesce(d.is_open, l.converted_at is null and l.disqualified_at is null) as is_open,
  coalesce(m.merged_into, l.deal_id) as deal_id, d.closed_on, a.organisation_key, l.record_url
from leads l
cross join run
cross join windows w
left join contacted t on t.lead_id = l.lead_id
left join (select deal_id, merged_into from deals where merged_into is not null) m on m.deal_id = l.deal_id
left join deal_facts d on d.deal_id = coalesce(m.merged_into, l.deal_id)
left join account_facts a on a.account_id = l.account_id
where l.deleted_at is null and l.merged_into is null and not l.is_test
order by l.lead_id
