-- One row per seller.
-- key: owner_id
-- needs: reps
-- rows: select count(*) from reps
select owner_id, display_name as name, team, territory_id, capacity_fte, started_on, ended_on,
  coalesce(calendar, (select default_calendar from run)) as calendar
from reps
order by owner_id
