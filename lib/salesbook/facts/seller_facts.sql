-- One row per seller.
-- key: owner_id
-- needs: reps
-- rows: select count(*) from reps
--
-- What a page calls a seller (shown_as) is their name where the settings allow names. Else it is their team, those of
-- fewer than five sellers together as "other"; where these are fewer than five too, the smallest other team joins them,
-- so that no total of the same table tells. Counted are the sellers present at the run's instant.
with people as (
  select r.*, coalesce(r.display_name, r.owner_id) as name,
    count(*) over (partition by coalesce(r.display_name, r.owner_id)) as n_namesakes,
    (r.started_on is null or r.started_on < run.period_end)
      and (r.ended_on is null or r.ended_on >= run.period_end) as is_present
  from reps r cross join run),
sized as (
  select team, count(case when is_present then 1 end) as n_present
  from people group by team),
ranked as (
  select team, n_present, team is not null and n_present >= run.least_people as is_large,
    row_number() over (order by case when team is not null and n_present >= run.least_people then 0 else 1 end,
      n_present, team nulls last) as place
  from sized cross join run),
rest as (
  select sum(case when is_large then 0 else n_present end) as n_present, count(case when not is_large then 1 end) as n_teams
  from ranked),
apart as (
  select k.team
  from ranked k cross join rest cross join run
  where k.is_large and (rest.n_teams = 0 or rest.n_present >= run.least_people or k.place > 1))
select p.owner_id, p.name, p.team, p.territory_id, p.capacity_fte, p.started_on, p.ended_on, p.is_present,
  p.leave_starts_on, p.leave_ends_on,
  coalesce(p.leave_starts_on < run.period_end and (p.leave_ends_on is null or p.leave_ends_on >= run.period_end), false)
    as is_on_leave,
  coalesce(p.calendar, run.default_calendar) as calendar,
  case when run.names_of_sellers and p.n_namesakes > 1 then concat(p.name, ' (', p.owner_id, ')')
    when run.names_of_sellers then p.name
    when a.team is not null then a.team
    else 'other' end as shown_as
from people p
cross join run
left join apart a on a.team = p.team
order by p.owner_id
