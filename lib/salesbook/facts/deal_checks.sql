-- One row per deal and check that it can be put to: of deals open at the run's instant and those closed in the year before.
-- key: deal_id, rule
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
--
-- A check that a deal cannot be put to has no row: no history, no stages to skip; no activities at all, nothing stale;
-- no deal with an expected close, an amount or an owner at all, none that lacks one.
-- Expected close and amount of open deals are those of the run's instant. `is_of_now`: the check is of the deal as it
-- stands, on which a forecast rests, not of how it came there. At stake is the amount of an open deal that failed.
with signs as (
  select deal_id, max(touched_at) as sign_at from touches where deal_id is not null group by deal_id
  union all select deal_id, max(entered_at) from stage_visits group by deal_id
  union all select deal_id, max(changed_at) from deal_changes group by deal_id),
last_sign as (select deal_id, max(sign_at) as sign_at from signs group by deal_id),
known as (
  select a.has_activities, d.has_amounts, d.has_owners, o.has_dates or d.has_dates as has_dates
  from (select count(*) > 0 as has_activities from activities) a
  cross join (select count(amount_minor) > 0 as has_amounts, count(owner_id) > 0 as has_owners,
    count(expected_close) > 0 as has_dates from deals) d
  cross join (select count(expected_close_on) > 0 as has_dates from open_deals) o),
moved_at_once as (
  select entered_at, count(distinct deal_id) >= 5 as is_mass
  from stage_visits
  where not is_assumed and local_time(entered_at) <> cast(cast(local_time(entered_at) as date) as timestamp)
  group by entered_at),
told as (
  select v.deal_id, max(case when v.is_bulk or m.is_mass then 1 else 0 end) = 1 as is_bulk
  from stage_visits v left join moved_at_once m on m.entered_at = v.entered_at
  where not v.is_assumed group by v.deal_id),
passed as (
  select deal_id,
    max(case when is_mandatory and is_skipped then 1 else 0 end) = 1 as is_skipping,
    max(case when is_timed then 1 else 0 end) = 1 as is_timed,
    max(case when is_at_once then 1 else 0 end) = 1 as is_at_once,
    max(case when is_backfilled then 1 else 0 end) = 1 as is_backfilled
  from stage_passages where is_new_business group by deal_id),
stood as (
  select f.deal_id, f.is_open, f.owner_id, o.expected_close_on,
    case when f.is_open then o.own_minor else d.amount_minor end as own_minor,
    case when f.is_open then o.amount_minor else f.amount_minor end as amount_minor,
    f.is_open or f.is_won as is_worth, f.is_won, t.is_bulk, p.is_skipping, p.is_timed, p.is_at_once, p.is_backfilled,
    w.owner_id is not null as is_seller_known, w.ended_on, k.has_activities,
    k.has_amounts, k.has_owners, k.has_dates,
    coalesce(s.sign_at, d.created_at) as sign_at, run.as_of, run.period_end, run.quiet_seconds
  from deal_facts f
  join deals d on d.deal_id = f.deal_id
  cross join run
  cross join known k
  left join open_deals o on o.deal_id = f.deal_id and o.is_now
  left join seller_facts w on w.owner_id = f.owner_id
  left join last_sign s on s.deal_id = f.deal_id
  left join told t on t.deal_id = f.deal_id
  left join passed p on p.deal_id = f.deal_id
  where f.is_open or f.closed_on >= run.period_end - interval '12' month),
checks as (
  select deal_id, 'past_due' as rule, true as is_of_now, expected_close_on >= period_end as is_passed
    from stood where is_open and expected_close_on is not null
  union all select deal_id, 'month_end_date', true, extract(day from expected_close_on + interval '1' day) <> 1
    from stood where is_open and expected_close_on is not null
  union all select deal_id, 'missing_date', true, expected_close_on is not null from stood where is_open and has_dates
  union all select deal_id, 'missing_amount', true, own_minor is not null from stood where is_worth and has_amounts
  union all select deal_id, 'zero_amount', true, own_minor > 0 from stood where is_worth and own_minor is not null
  union all select deal_id, 'stale', true, coalesce(seconds_between(sign_at, as_of) <= quiet_seconds, false)
    from stood where is_open and has_activities
  union all select deal_id, 'missing_owner', true, owner_id is not null from stood where has_owners
  union all select deal_id, 'owner_left', true, ended_on is null or ended_on >= period_end
    from stood where is_open and is_seller_known
  union all select deal_id, 'skipped_stage', false, not is_skipping from stood where is_skipping is not null
  union all select deal_id, 'at_once', false, not is_at_once from stood where is_timed
  union all select deal_id, 'backfilled', false, not is_backfilled from stood where is_timed and is_won
  union all select deal_id, 'bulk_edit', false, not is_bulk from stood where is_bulk is not null)
select
  c.deal_id, c.rule, c.is_of_now, c.is_passed, not c.is_passed as is_failed, t.is_open,
  t.is_open and not c.is_passed as is_at_stake, t.amount_minor, t.expected_close_on,
  case when t.is_open and not c.is_passed then t.amount_minor end as at_stake_minor,
  f.stage, f.closed_on, f.is_new_business, f.pipeline, f.product, f.source, f.type, f.account_id, f.owner_id
from checks c
join stood t on t.deal_id = c.deal_id
join deal_facts f on f.deal_id = c.deal_id
order by c.deal_id, c.rule
