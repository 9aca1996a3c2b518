-- One row per month, deal that stood open in it, and seller who held it: how it moved the open pipeline.
-- key: month, deal_id, part
-- needs: deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id
--
-- A deal stands at the start and at the end of a month as open_deals has it: as was known then. One that came and went
-- within the month is new (or reopened) and ends too. In this order: what the rates did to the amount it came in with,
-- what became of the amount, then one exit at its exit amount (won and lost at the rate of the day it closed, unless it
-- closed before it was known to be there). A deal that changed hands is two parts: the first goes as far as the change
-- of amount and is transferred out, the second is transferred in and ends. Entry amounts are those of the changes, else
-- of the month's end, else those extracted.
with months as (
  select c.day as month, cast(c.day + interval '1' month as date) as next_month
  from calendar c cross join run cross join (select min(seen_on) as day from open_deals) first_seen
  where c.calendar = run.default_calendar and extract(day from c.day) = 1 and c.day < run.period_end
    and (c.day >= first_seen.day or c.day >= run.period_start)),
held as (
  select seen_on, deal_id, case when own_minor > 0 then own_minor end as own_minor, currency, amount_minor,
    owner_id as held_by, expected_close_on
  from open_deals),
starts as (select m.month, h.* from months m join held h on h.seen_on = m.month),
ends as (select m.month, h.* from months m join held h on h.seen_on = m.next_month),
shown as (
  select distinct m.month, t.deal_id
  from months m
  join deal_states t on t.is_open and t.is_shown and t.known_on >= m.month and t.known_on < m.next_month),
stood as (
  select coalesce(s.month, e.month) as month, coalesce(s.deal_id, e.deal_id) as deal_id,
    s.deal_id is not null as is_start, e.deal_id is not null as is_end,
    s.own_minor as start_own, s.currency as start_currency, s.amount_minor as start_minor, s.held_by as start_held_by,
    s.expected_close_on as start_expected_on, e.own_minor as end_own, e.currency as end_currency,
    e.amount_minor as end_minor, e.held_by as end_held_by, e.expected_close_on as end_expected_on
  from starts s
  full join ends e on e.month = s.month and e.deal_id = s.deal_id),
joined as (
  select coalesce(b.month, h.month) as month, coalesce(b.deal_id, h.deal_id) as deal_id,
    coalesce(b.is_start, false) as is_start, coalesce(b.is_end, false) as is_end, b.start_own, b.start_currency,
    b.start_minor, b.start_held_by, b.start_expected_on, b.end_own, b.end_currency, b.end_minor, b.end_held_by,
    b.end_expected_on
  from stood b
  full join shown h on h.month = b.month and h.deal_id = b.deal_id),
closings as (
  select j.month, j.deal_id, t.is_won, t.entered_on, t.known_on
  from joined j
  join months m on m.month = j.month
  join deal_states t on t.deal_id = j.deal_id and t.is_closed and t.known_on < m.next_month
    and (t.until_on is null or t.until_on >= m.next_month)
  where not j.is_end),
comings as (
  select j.month, j.deal_id, min(t.entered_on) as entered_on, min(t.known_on) as known_on
  from joined j
  join months m on m.month = j.month
  join deal_states t on t.deal_id = j.deal_id and t.is_open and t.is_shown
    and t.known_on >= m.month and t.known_on < m.next_month
  where not j.is_start
  group by j.month, j.deal_id),
returns as (
  select distinct j.month, j.deal_id
  from joined j
  join deal_states t on t.deal_id = j.deal_id and t.is_closed and t.known_on < j.month
    and (t.until_on is null or t.until_on >= j.month)
  where not j.is_start),
leavings as (
  select t.deal_id, max(t.until_on) as gone_on from deal_states t group by t.deal_id),
framed as (
  select j.*, m.next_month, d.currency, d.owner_id as own_owner_id, d.amount_minor as extracted_minor, d.expected_close,
    c.deal_id is not null as is_closed, coalesce(c.is_won, false) as is_won, r.deal_id is not null as is_return,
    coalesce(cast(greatest(i.entered_on, j.month) as date), j.month) as came_on, i.known_on as came_known_on,
    -- The day whose rate the last amount has: the closing's, the removal's, or the last of the month.
    case when j.is_end then cast(m.next_month - interval '1' day as date)
      else coalesce(c.entered_on, l.gone_on, j.month) end as last_on,
    case when j.is_end then cast(m.next_month - interval '1' day as date)
      else coalesce(c.known_on, l.gone_on, j.month) end as last_known_on
  from joined j
  join months m on m.month = j.month
  join deals d on d.deal_id = j.deal_id
  left join closings c on c.month = j.month and c.deal_id = j.deal_id
  left join comings i on i.month = j.month and i.deal_id = j.deal_id
  left join returns r on r.month = j.month and r.deal_id = j.deal_id
  left join leavings l on l.deal_id = j.deal_id
  where j.is_start or j.is_end or c.deal_id is null or c.entered_on >= j.month),
coming_told as (
  select f.month, f.deal_id, max(case when t.field = 'amount' then 1 else 0 end) = 1 as has_amount,
    max(case when t.field = 'amount' then t.value end) as amount,
    max(case when t.field = 'expected_close' then t.value end) as expected_close
  from framed f
  join deal_tellings t on t.deal_id = f.deal_id and t.known_on <= f.came_known_on
    and (t.until_on is null or t.until_on > f.came_known_on)
  where not f.is_start
  group by f.month, f.deal_id),
leaving_told as (
  select f.month, f.deal_id, max(case when t.field = 'amount' then 1 else 0 end) = 1 as has_amount,
    max(case when t.field = 'amount' then t.value end) as amount,
    max(case when t.field = 'owner' then t.value end) as owner_id
  from framed f
  join deal_tellings t on t.deal_id = f.deal_id and t.known_on <= f.last_known_on
    and (t.until_on is null or t.until_on > f.last_known_on)
  where not f.is_end
  group by f.month, f.deal_id),
owned as (
  select f.*,
    case when f.is_start then f.start_own
      when a.has_amount then cast(round(cast(a.amount as decimal(18, 4)) * 100, 0) as bigint)
      when f.is_end then f.end_own else f.extracted_minor end as first_own,
    case when f.is_start then f.start_currency when f.is_end and not coalesce(a.has_amount, false) then f.end_currency
      else f.currency end as first_currency,
    case when f.is_end then f.end_own
      when b.has_amount then cast(round(cast(b.amount as decimal(18, 4)) * 100, 0) as bigint)
      else f.extracted_minor end as last_own,
    case when f.is_end then f.end_currency else f.currency end as last_currency,
    coalesce(case when f.is_end then f.end_held_by else b.owner_id end, f.own_owner_id) as last_owner_id,
    case when f.is_start then f.start_expected_on
      else coalesce(cast(a.expected_close as date), f.end_expected_on, f.expected_close) end as first_expected_on
  from framed f
  left join coming_told a on a.month = f.month and a.deal_id = f.deal_id
  left join leaving_told b on b.month = f.month and b.deal_id = f.deal_id),
rated as (
  select o.*,
    case when o.is_start then coalesce(o.start_minor, 0)
      else coalesce(money(case when o.first_own > 0 then o.first_own end, coalesce(ra.rate, rb.rate)), 0)
      end as first_minor,
    money(case when o.first_own > 0 then o.first_own end, rb.rate) as first_at_last_rate,
    case when o.is_end then coalesce(o.end_minor, 0)
      else coalesce(money(case when o.last_own > 0 then o.last_own end, rc.rate), o.start_minor, 0) end as last_minor
  from owned o
  left join rates ra on ra.currency = o.first_currency and ra.day = o.came_on
  left join rates rb on rb.currency = o.first_currency and rb.day = o.last_on
  left join rates rc on rc.currency = o.last_currency and rc.day = o.last_on),
parted as (
  select r.*, p.part, coalesce(r.first_at_last_rate, r.first_minor) as moved_minor,
    r.is_start and coalesce(r.start_held_by, '') <> coalesce(r.last_owner_id, '') as is_transferred
  from rated r
  cross join (select 1 as part union all select 2) p
  where p.part = 1 or (r.is_start and coalesce(r.start_held_by, '') <> coalesce(r.last_owner_id, '')))
select
  p.month, p.deal_id, p.part,
  case when not p.is_end and p.is_closed and p.is_won then 'won' when not p.is_end and p.is_closed then 'lost'
    when not p.is_end then 'deleted' when not p.is_start and p.is_return then 'reopened'
    when not p.is_start then 'new' end as move,
  not p.is_end or not p.is_start as has_come_or_gone, p.last_minor as amount_minor,
  case when p.part = 1 and p.is_start then p.start_held_by else p.last_owner_id end as owner_id,
  d.account_id, d.pipeline, d.product, d.source, d.type, coalesce(d.type, '') <> 'renewal' as is_new_business,
  p.is_start and p.part = 1 as is_start,
  p.is_end and (p.part = 2 or not p.is_transferred) as is_end,
  p.part = 1 and not p.is_start and not p.is_return as is_new,
  p.part = 1 and not p.is_start and p.is_return as is_reopened,
  p.is_transferred and p.part = 1 as is_transferred_out, p.part = 2 as is_transferred_in,
  not p.is_end and (p.part = 2 or not p.is_transferred) and p.is_closed and p.is_won as is_won,
  not p.is_end and (p.part = 2 or not p.is_transferred) and p.is_closed and not p.is_won as is_lost,
  not p.is_end and (p.part = 2 or not p.is_transferred) and not p.is_closed as is_deleted,
  p.first_minor, p.last_minor,
  case when p.part = 1 then p.moved_minor - p.first_minor else 0 end as currency_minor,
  case when p.part = 1 then greatest(p.last_minor - p.moved_minor, 0) else 0 end as increased_minor,
  case when p.part = 1 then greatest(p.moved_minor - p.last_minor, 0) else 0 end as decreased_minor,
  p.first_expected_on, p.end_expected_on, p.is_start as was_open, p.is_end as stays_open, d.record_url
from parted p
join deals d on d.deal_id = p.deal_id
order by p.month, p.deal_id, p.part
