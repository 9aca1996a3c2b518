-- One row per month and deal that stood open at its start and was expected to close within it: what became of it.
-- key: month, deal_id
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- Pushed is a deal that stands open at the month's end and is then expected to close after it; one whose day went by
-- unchanged is overdue. Pushes are counted up to the month's end: the changes to a later day, or the months it was
-- pushed in where more of them are known.
with stood as (
  select o.seen_on as month, cast(o.seen_on + interval '1' month as date) as next_month, o.deal_id, o.stage, o.position,
    o.account_id, o.owner_id, o.pipeline, o.product, o.source, o.type, o.is_new_business, o.amount_minor,
    o.expected_close_on, o.record_url
  from open_deals o
  where not o.is_now and o.expected_close_on >= o.seen_on
    and o.expected_close_on < o.seen_on + interval '1' month),
later as (
  select s.month, s.deal_id, count(*) as n_pushes
  from stood s
  join deal_changes c on c.deal_id = s.deal_id and c.field = 'expected_close' and c.new_value > c.old_value
    and cast(local_time(greatest(c.changed_at, c.recorded_at)) as date) < s.next_month
  group by s.month, s.deal_id),
ended as (
  select month, deal_id, max(case when is_won then 1 else 0 end) = 1 as is_won,
    max(case when is_lost then 1 else 0 end) = 1 as is_lost
  from pipeline_moves group by month, deal_id),
judged as (
  select s.*, e.expected_close_on as then_expected_on, e.deal_id is not null as is_still_open,
    coalesce(e.expected_close_on >= s.next_month, false) as is_pushed,
    coalesce(x.is_won, false) as is_won, coalesce(x.is_lost, false) as is_lost, coalesce(l.n_pushes, 0) as n_told
  from stood s
  left join open_deals e on e.seen_on = s.next_month and e.deal_id = s.deal_id
  left join ended x on x.month = s.month and x.deal_id = s.deal_id
  left join later l on l.month = s.month and l.deal_id = s.deal_id)
select
  j.month, j.deal_id, j.stage, j.position, j.account_id, j.owner_id, j.pipeline, j.product, j.source, j.type,
  j.is_new_business, j.amount_minor, j.expected_close_on as was_expected_on, j.then_expected_on as expected_close_on,
  j.is_pushed, j.is_still_open and not j.is_pushed as is_overdue, j.is_won, j.is_lost,
  case when j.is_won then 'won' when j.is_lost then 'lost' when j.is_pushed then 'pushed'
    when j.is_still_open then 'overdue' else 'gone' end as expected_fate,
  case when j.is_pushed then seconds_between(cast(j.expected_close_on as timestamp),
    cast(j.then_expected_on as timestamp)) end as pushed_seconds,
  greatest(j.n_told, cast(sum(case when j.is_pushed then 1 else 0 end) over (
    partition by j.deal_id order by j.month rows between unbounded preceding and current row) as bigint)) as n_pushes,
  j.record_url
from judged j
order by j.month, j.deal_id
