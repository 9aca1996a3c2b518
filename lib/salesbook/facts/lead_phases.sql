-- One row per qualified lead that is open at the run's instant: neither given up nor a deal. Its phase, and since when.
-- key: lead_id
-- needs: leads, lead_status_history
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, lead = lead_facts.lead_id
--
-- The phase is the status it came into last; a lead without any history has none, and is open by its own dates.
with visits as (
  select h.lead_id, h.status, h.entered_at,
    row_number() over (partition by h.lead_id order by h.entered_at desc, h.status desc) as place,
    max(case when h.status = 'qualified' then 1 else 0 end) over (partition by h.lead_id) = 1 as was_qualified
  from lead_status_history h)
select
  f.lead_id, f.account_id, f.owner_id, f.owner_id is not null as has_owner, f.source, f.product, f.is_inbound,
  v.status as phase, f.created_on, f.qualified_on,
  cast(local_time(v.entered_at) as date) as phase_entered_on,
  seconds_between(v.entered_at, run.as_of) as phase_seconds
from lead_facts f
cross join run
left join visits v on v.lead_id = f.lead_id and v.place = 1
where (f.is_qualified or coalesce(v.was_qualified, false))
  and case when v.status is null then not f.is_converted and not f.is_disqualified
    else v.status not in ('converted', 'disqualified') end
order by f.lead_id
