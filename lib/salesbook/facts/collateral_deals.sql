-- One row per new deal that has closed: whether material was used for it before it closed, as far as is known.
-- key: deal_id
-- needs: collateral_usage, deals
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, deal = deal_facts.deal_id
--
-- Not knowing is not not-using: of a deal without use it is known only where its seller noted a use for another deal
-- while it was open.
with uses as (
  select f.deal_id, min(u.used_at) as first_used_at
  from collateral_usage u
  join deals d on d.deal_id = u.deal_id
  join deal_facts f on f.deal_id = coalesce(d.merged_into, d.deal_id)
  group by f.deal_id),
closed as (
  select f.*, d.created_at, v.entered_at as ended_at
  from deal_facts f
  join deals d on d.deal_id = f.deal_id
  join stage_visits v on v.deal_id = f.deal_id and v.is_current
  where f.is_closed and f.is_new_business),
-- In one pass over each seller's deals and uses: the first use at or after a deal came in.
followed as (
  select deal_id, ended_at, min(used_at) over (partition by owner_id order by happened_at, is_use
    rows between current row and unbounded following) as next_used_at
  from (
    select owner_id, used_at as happened_at, 1 as is_use, used_at, cast(null as varchar(255)) as deal_id,
      cast(null as timestamp) as ended_at
    from collateral_usage where deal_id is not null and owner_id is not null
    union all
    select owner_id, coalesce(created_at, ended_at), 0, cast(null as timestamp), deal_id, ended_at
    from closed where owner_id is not null) events),
noted as (select deal_id from followed where deal_id is not null and next_used_at < ended_at)
select c.deal_id, c.closed_on, c.is_won, coalesce(u.first_used_at < c.ended_at, false) as is_used,
  coalesce(u.first_used_at < c.ended_at, false) or n.deal_id is not null as is_known,
  c.pipeline, c.product, c.source, c.type, c.account_id, c.owner_id
from closed c
left join uses u on u.deal_id = c.deal_id
left join noted n on n.deal_id = c.deal_id
order by c.deal_id
