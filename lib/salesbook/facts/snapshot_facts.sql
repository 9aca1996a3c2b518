-- One row per saved row of a forecast: a deal as it stood open on a day, or a number that was submitted for a period.
-- key: snapshot_at, method, owner_id, deal_id, period
-- needs: forecast_snapshots
-- follows: owner = seller_facts.owner_id, deal = deal_facts.deal_id
-- rows: select count(*) from forecast_snapshots
--
-- What came of it (is_resolved, won_on) is as known at the run's instant. A deal that does not count any more, or that
-- had ended when the row was saved, has no outcome to be judged by (is_judged). Money is in the report currency at the
-- rate of the day (where there is none, at the one of the deal's own end).
with ends as (
  select f.deal_id, f.product, f.source, f.pipeline, f.is_open, f.is_closed, f.is_won, f.closed_on, f.rate_on,
    v.entered_at
  from deal_facts f
  left join stage_visits v on v.deal_id = f.deal_id and v.is_current),
saved as (
  select s.*, cast(local_time(s.snapshot_at) as date) as snapshot_on from forecast_snapshots s)
select
  s.snapshot_at, s.method, s.owner_id, s.deal_id, s.period,
  s.snapshot_on,
  s.deal_id is not null as is_deal,
  s.deal_id is null and s.period is not null and s.amount_minor is not null as is_number,
  coalesce(s.pipeline, f.pipeline) as pipeline, f.product, f.source, s.stage, s.category,
  s.probability, s.probability is not null as has_probability,
  s.expected_close as expected_close_on, s.is_rebuilt,
  money(s.amount_minor, coalesce(r.rate, e.rate)) as amount_minor,
  s.currency, s.amount_minor is not null and coalesce(r.rate, e.rate) is null as lacks_rate,
  f.deal_id is not null and (f.is_open or f.entered_at is null or f.entered_at > s.snapshot_at) as is_judged,
  coalesce(f.is_closed, false) as is_resolved, coalesce(f.is_won, false) as is_won,
  f.closed_on, case when f.is_won then f.closed_on end as won_on
from saved s
left join ends f on f.deal_id = s.deal_id
left join rates r on r.currency = s.currency and r.day = s.snapshot_on
left join rates e on e.currency = s.currency and e.day = f.rate_on
order by s.snapshot_at, s.method, s.owner_id, s.deal_id, s.period
