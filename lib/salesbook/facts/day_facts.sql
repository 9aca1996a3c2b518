-- One row per local day, from the first that matters to the end of the run's year.
-- key: day
-- needs:
select day, open_seconds > 0 as is_working_day, open_seconds
from calendar
cross join run
where calendar.calendar = run.default_calendar
order by day
