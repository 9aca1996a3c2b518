-- One row per first day of a month (the last 48, and the run's instant) and deal that stood open when it began.
-- key: seen_on, deal_id
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- As it stood then: a saved snapshot of the CRM of at most seven days before says amount, probability, category,
-- expected close and who held it, unless a change of the deal was known later; else the changes do; else amount and
-- seller are those extracted, the probability the stage's, and expected close and category are known at the run's
-- instant only. Amounts at the rate of the day before (where there
-- is none, at the one of the deal's own end). Days begin with the first end of a deal: before it nothing can be learned.
-- What came of it (is_resolved, won_on) is as known at the run's instant.
with first_end as (select min(known_on) as day from deal_states where is_closed and until_on is null),
days as (
  select c.day as seen_on
  from calendar c cross join run cross join first_end
  where c.calendar = run.default_calendar and extract(day from c.day) = 1
    and c.day <= run.period_end and c.day > run.period_end - interval '49' month
    and (c.day > first_end.day or c.day >= run.period_start)),
working as (
  select pipeline, min(position) as first_position, count(*) as n_stages
  from stages where not is_won and not is_lost group by pipeline),
standing as (
  select y.seen_on, t.deal_id, t.stage, t.position, t.probability as stage_probability, t.created_on, t.has_created,
    t.account_id, t.pipeline, t.product, t.source, t.type, t.is_new_business, t.cycle, t.record_url
  from days y
  join deal_states t on t.is_open and t.is_known and t.known_on < y.seen_on
    and (t.until_on is null or t.until_on >= y.seen_on)),
saved as (
  select y.seen_on, s.deal_id, s.amount_minor, s.currency, s.probability, s.category, s.expected_close, s.owner_id,
    s.snapshot_on,
    row_number() over (partition by y.seen_on, s.deal_id order by s.snapshot_at desc, s.owner_id, s.period) as place
  from (select f.*, cast(local_time(f.snapshot_at) as date) as snapshot_on from forecast_snapshots f
    where f.method = 'crm' and f.deal_id is not null and not f.is_rebuilt) s
  join days y on s.snapshot_on < y.seen_on and s.snapshot_on >= y.seen_on - interval '7' day),
then_told as (
  select y.seen_on, t.deal_id,
    count(case when t.field = 'amount' then 1 end) > 0 as has_amount,
    max(case when t.field = 'amount' then cast(round(cast(t.value as decimal(18, 4)) * 100, 0) as bigint) end)
      as amount_minor,
    max(case when t.field = 'amount' then t.known_on end) as amount_known_on,
    max(case when t.field = 'category' then t.value end) as category,
    max(case when t.field = 'category' then t.known_on end) as category_known_on,
    max(case when t.field = 'expected_close' then t.value end) as expected_close,
    max(case when t.field = 'expected_close' then t.known_on end) as expected_known_on,
    max(case when t.field = 'owner' then t.value end) as owner_id,
    max(case when t.field = 'owner' then t.known_on end) as owner_known_on
  from standing y
  join deal_tellings t on t.deal_id = y.deal_id and t.known_on < y.seen_on
    and (t.until_on is null or t.until_on >= y.seen_on)
  group by y.seen_on, t.deal_id),
tells as (
  select count(case when field = 'category' then 1 end) > 0 as has_categories,
    count(case when field = 'expected_close' then 1 end) > 0 as has_expected
  from deal_tellings),
stood as (
  select t.*, d.created_at, p.deal_id is null as is_rebuilt,
    t.seen_on = run.period_end as is_now,
    case when p.amount_minor is not null and coalesce(c.amount_known_on <= p.snapshot_on, true) then p.currency
      else d.currency end as currency,
    case when c.amount_known_on > p.snapshot_on then c.amount_minor
      when p.amount_minor is not null then p.amount_minor
      when c.has_amount then c.amount_minor else d.amount_minor end as minor,  -- a change may tell that it had none
    coalesce(p.probability, t.stage_probability) as probability,
    coalesce(case when c.category_known_on > p.snapshot_on then c.category end, p.category, c.category,
      case when k.has_categories or t.seen_on = run.period_end then d.forecast_category end) as category,
    coalesce(case when c.expected_known_on > p.snapshot_on then cast(c.expected_close as date) end,
      p.expected_close, cast(c.expected_close as date),
      case when k.has_expected or t.seen_on = run.period_end then d.expected_close end) as expected_close_on,
    coalesce(case when c.owner_known_on > p.snapshot_on then c.owner_id end, p.owner_id, c.owner_id, d.owner_id)
      as owner_id
  from standing t
  cross join run
  cross join tells k
  join deals d on d.deal_id = t.deal_id
  left join saved p on p.seen_on = t.seen_on and p.deal_id = t.deal_id and p.place = 1
  left join then_told c on c.seen_on = t.seen_on and c.deal_id = t.deal_id),
priced as (
  select o.*, f.deal_id is not null as is_counted, coalesce(f.is_closed, false) as is_resolved,
    coalesce(f.is_won, false) as is_won, case when f.is_won then f.closed_on end as won_on, f.closed_on,
    money(case when o.minor > 0 then o.minor end, coalesce(r.rate, e.rate)) as amount_minor
  from stood o
  left join deal_facts f on f.deal_id = o.deal_id
  left join rates r on r.currency = o.currency and r.day = cast(o.seen_on - interval '1' day as date)
  left join rates e on e.currency = o.currency and e.day = f.rate_on)
select
  o.seen_on, o.deal_id, o.is_now, o.stage, o.position,
  coalesce(o.position > w.first_position or w.n_stages = 1, false) as is_past_first_stage,
  o.created_on, o.has_created,
  seconds_between(local_time(o.created_at), cast(o.seen_on as timestamp)) as age_seconds,
  o.account_id, o.owner_id, o.pipeline, o.product, o.source, o.type, o.is_new_business, o.cycle,
  o.minor as own_minor, o.amount_minor, o.probability,
  money(o.amount_minor, o.probability) as weighted_minor,
  o.category, o.expected_close_on, o.is_rebuilt, o.currency,
  o.is_counted, o.is_resolved, o.is_won, o.closed_on, o.won_on, o.record_url
from priced o
left join working w on w.pipeline = o.pipeline
order by o.seen_on, o.deal_id
