-- One row per lead and step it reached: lead, contacted, qualified, deal, won.
-- key: lead_id, position
-- needs: leads
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, lead = lead_facts.lead_id
--
-- Reached is the furthest step: a lead that was qualified without a logged attempt counts as contacted. After the last
-- step there is no next one (has_next).
with reached as (
  select f.*,
    case when is_won then 5 when is_converted then 4 when is_qualified then 3 when is_attempted then 2
      else 1 end as furthest
  from lead_facts f),
steps as (
  select 1 as position, 'lead' as step union all select 2, 'contacted' union all select 3, 'qualified'
  union all select 4, 'deal' union all select 5, 'won')
select r.lead_id, s.position, s.step, s.position < 5 as has_next, r.furthest > s.position as is_next_reached,
  r.furthest = s.position and r.is_open as is_waiting,
  r.created_on, r.source, r.product, r.is_inbound, r.account_id, r.owner_id
from reached r
join steps s on s.position <= r.furthest
order by r.lead_id, s.position
