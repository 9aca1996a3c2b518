-- One row per lead and deal that contacts were logged on: how many, and when.
-- key: lead_id, deal_id
-- needs: activities
--
-- A contact is a call, email or meeting by a person, ours or theirs, that was done; it is on a lead, a deal or both.
-- They are as they were logged: also those that were merged or deleted since.
select
  lead_id, deal_id,
  min(occurred_at) as first_contact_at, max(occurred_at) as last_contact_at,
  min(case when direction = 'outbound' then occurred_at end) as first_attempt_at,
  min(case when reached_decision_maker then occurred_at end) as first_talk_at,
  count(case when direction = 'outbound' then 1 end) as n_attempts,
  max(case when type = 'meeting' and coalesce(outcome, '') <> 'no_show' then 1 else 0 end) = 1 as is_met
from activities
where type in ('call', 'email', 'meeting') and not is_automatic and occurred_at is not null
  and (lead_id is not null or deal_id is not null)
group by lead_id, deal_id
order by lead_id, deal_id
