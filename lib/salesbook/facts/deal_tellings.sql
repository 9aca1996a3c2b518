-- One row per deal, field and value that its changes tell of: known from a local day on, until the next is known.
-- key: deal_id, field, place
-- needs: deal_changes
--
-- Fields that forecasts rest on: amount, category, expected close and owner. Place 0 is what stood before the first
-- change. `until_on` is empty for what is told last; where two become known on one day, the earlier is never seen.
with changed as (
  select c.deal_id, c.field, c.old_value, c.new_value,
    cast(local_time(greatest(c.changed_at, c.recorded_at)) as date) as known_on,
    cast(row_number() over (partition by c.deal_id, c.field order by c.changed_at) as bigint) as place
  from deal_changes c
  where c.field in ('amount', 'category', 'expected_close', 'owner'))
select c.deal_id, c.field, c.place, c.new_value as value, c.known_on,
  min(c.known_on) over (partition by c.deal_id, c.field order by c.place
    rows between 1 following and unbounded following) as until_on
from changed c
union all
select deal_id, field, cast(0 as bigint), max(case when place = 1 then old_value end), date '1900-01-01', min(known_on)
from changed
group by deal_id, field
order by deal_id, field, place
