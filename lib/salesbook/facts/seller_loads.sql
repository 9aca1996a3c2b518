-- One row per seller: what stands open with them at the run's instant, and their capacity.
-- key: owner_id
-- needs: reps, deals
-- follows: owner = seller_facts.owner_id
-- rows: select count(*) from reps
--
-- Open leads are those that were qualified and have neither become a deal nor been given up. Capacity is in hundredths
-- of a full-time equivalent; one that is not given is not known, who has left or
-- is on long leave has none.
with loads as (
  select owner_id, count(*) as n_deals, cast(0 as bigint) as n_leads from deal_facts where is_open group by owner_id
  union all
  select owner_id, cast(0 as bigint), count(*) from lead_facts
  where is_open and is_qualified and not is_converted and not is_disqualified group by owner_id)
select s.owner_id, cast(coalesce(sum(l.n_deals), 0) as bigint) as n_open_deals,
  cast(coalesce(sum(l.n_leads), 0) as bigint) as n_open_leads,
  cast(coalesce(sum(l.n_deals + l.n_leads), 0) as bigint) as n_open,
  case when s.is_present and not s.is_on_leave then cast(round(s.capacity_fte * 100, 0) as bigint) end
    as capacity_hundredths,
  s.is_present and not s.is_on_leave and coalesce(s.capacity_fte > 0, false) as has_capacity,
  s.is_on_leave or not s.is_present as is_away
from seller_facts s
left join loads l on l.owner_id = s.owner_id
group by s.owner_id, s.is_present, s.is_on_leave, s.capacity_fte
order by s.owner_id
