-- One row per visit of a deal to a stage, known before the run's instant.
-- key: deal_id, visit
-- needs: deals
-- rows: select count(*) from stage_history h where exists (select 1 from deals d where d.deal_id = h.deal_id)
select
  h.deal_id,
  cast(row_number() over in_order as bigint) as visit,
  lead(h.deal_id) over in_order is null as is_current,
  h.stage, s.position,
  coalesce(s.is_mandatory, true) as is_mandatory,
  s.is_won, s.is_lost,
  not s.is_won and not s.is_lost as is_working,
  h.entered_at, h.exited_at,
  coalesce(h.is_bulk, false) as is_bulk,
  h.is_assumed
from stage_history h
join deals d on d.deal_id = h.deal_id
join stages s on s.pipeline = d.pipeline and s.stage = h.stage
window in_order as (partition by h.deal_id order by h.entered_at nulls first,
  case when s.is_won or s.is_lost then 1 else 0 end, s.position nulls last, h.stage)
order by h.deal_id, visit
