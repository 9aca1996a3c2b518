-- One row per seller.
-- key: owner_id
-- needs: reps
-- rows: select count(*) from reps
--
-- What a page calls a seller (shown_as) is their name where the settings allow names. Else it is their team, those of
-- fewer than five sellers together as "other"; where these are fewer than five too, the smallest other team joins them,
-- so that no total of the same table tells. Counted are the sellers present at the run's instant. By the same rule a
-- team, or a territory, may be told of alone (is_team_told, is_territory_told).
with people as (
  select r.*, coalesce(r.display_name, r.owner_id) as name,
    count(*) over (partition by coalesce(r.display_name, r.owner_id)) as n_namesakes,
    (r.started_on is null or r.started_on < run.period_end)
      and (r.ended_on is null or r.ended_on >= run.period_end) as is_present
  from reps r cross join run),
sized as (
  select kind, part, count(case when is_present then 1 end) as n_present
  from (
    select 'team' as kind, team as part, is_present from people
    union all select 'territory', territory_id, is_present from people) parts
  group by kind, part),
ranked as (
  select kind, part, n_present, part is not null and n_present >= run.least_people as is_large,
    row_number() over (partition by kind order by
      case when part is not null and n_present >= run.least_people then 0 else 1 end, n_present, part nulls last) as place
  from sized cross join run),
rest as (
  select kind, sum(case when is_large then 0 else n_present end) as n_present,
    count(case when not is_large then 1 end) as n_parts
  from ranked group by kind),
apart as (
  select k.kind, k.part
  from ranked k join rest on rest.kind = k.kind cross join run
  where k.is_large and (rest.n_parts = 0 or rest.n_present >= run.least_people or k.place > 1))
select p.owner_id, p.name, p.team, p.territory_id, p.capacity_fte, p.started_on, p.ended_on, p.is_present,
  p.leave_starts_on, p.leave_ends_on,
  coalesce(p.leave_starts_on < run.period_end and (p.leave_ends_on is null or p.leave_ends_on >= run.period_end), false)
    as is_on_leave,
  coalesce(p.calendar, run.default_calendar) as calendar,
  run.names_of_sellers or t.part is not null as is_team_told,
  run.names_of_sellers or d.part is not null as is_territory_told,
  case when run.names_of_sellers and p.n_namesakes > 1 then concat(p.name, ' (', p.owner_id, ')')
    when run.names_of_sellers then p.name
    when t.part is not null then p.team
    else 'other' end as shown_as
from people p
cross join run
left join apart t on t.kind = 'team' and t.part = p.team
left join apart d on d.kind = 'territory' and d.part = p.territory_id
order by p.owner_id
