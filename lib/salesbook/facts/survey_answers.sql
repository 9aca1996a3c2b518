-- One row per answer to a question of a survey, by the group of its team.
-- key: survey_id, respondent_hash, question
-- needs: surveys
-- rows: select count(*) from surveys
--
-- Groups are made once for all surveys: a team stands alone where each question of each survey that it answered has
-- five answers of it or more; the others go together, and with them the smallest that could stand alone where they are
-- fewer than five in some survey. Where that does not suffice there is one group. So no total of a table tells what a
-- few have answered. eNPS is asked by a question that holds this word or
-- the one of the settings, on a scale of 0 or 1 to 10.
with counted as (
  select survey_id, question, team, count(*) as n from surveys group by survey_id, question, team),
sized as (select team, min(n) as n_least, sum(n) as n_all from counted group by team),
ranked as (
  select team, n_least, n_least >= run.least_people as is_large,
    row_number() over (order by case when n_least >= run.least_people then 0 else 1 end, n_least, n_all,
      team nulls last) as place
  from sized cross join run),
left_over as (
  select c.survey_id, c.question,
    sum(case when k.is_large then 0 else c.n end) as n_small,
    sum(case when k.is_large and k.place > 1 then 0 else c.n end) as n_joined
  from counted c join ranked k on k.team = c.team
  group by c.survey_id, c.question),
judged as (
  select min(case when n_small > 0 then n_small end) as n_small, min(case when n_joined > 0 then n_joined end) as n_joined
  from left_over),
apart as (
  select k.team
  from ranked k cross join judged j cross join run
  where k.is_large and (j.n_small is null or j.n_small >= run.least_people
    or (k.place > 1 and j.n_joined >= run.least_people)))
select s.survey_id, s.respondent_hash, s.question, cast(local_time(s.answered_at) as date) as answered_on,
  coalesce(a.team, 'other') as team_group, s.score, s.scale_min, s.scale_max,
  s.is_recommending and s.scale_max = 10 and s.scale_min in (0, 1) as is_enps, not s.is_recommending as is_pulse,
  cast(case when s.score >= 9 then 100 when s.score <= 6 then -100 else 0 end as bigint) as enps_points,
  cast(round(10000 * (s.score - s.scale_min) / (s.scale_max - s.scale_min), 0) as bigint) as pulse_points
from (select q.*, lowered(q.question) like '%enps%'
    or position(lowered(run.enps_question) in lowered(q.question)) > 0 as is_recommending
  from surveys q cross join run) s
left join apart a on a.team = s.team
order by s.survey_id, s.respondent_hash, s.question
