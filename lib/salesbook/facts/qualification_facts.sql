-- One row per lead that was qualified: how many of the required fields (BANT, GPCT: a setting) are filled.
-- key: lead_id
-- needs: leads
-- follows: account = account_facts.account_id, owner = seller_facts.owner_id, lead = lead_facts.lead_id
--
-- Filled is a field that says the thing is known. The fields are those of the extract: when they were filled is not
-- known. Of fields that no lead of the company has, nothing is known (is_asked).
with asked as (
  select count(coalesce(budget, authority, need, timing, goals, plans, challenges)) > 0 as is_asked from leads),
filled as (
  select f.*,
    case when position(',budget,' in run.qualification) > 0 then 1 else 0 end
      + case when position(',authority,' in run.qualification) > 0 then 1 else 0 end
      + case when position(',need,' in run.qualification) > 0 then 1 else 0 end
      + case when position(',timing,' in run.qualification) > 0 then 1 else 0 end
      + case when position(',goals,' in run.qualification) > 0 then 1 else 0 end
      + case when position(',plans,' in run.qualification) > 0 then 1 else 0 end
      + case when position(',challenges,' in run.qualification) > 0 then 1 else 0 end as n_required,
    case when position(',budget,' in run.qualification) > 0 and l.budget then 1 else 0 end
      + case when position(',authority,' in run.qualification) > 0 and l.authority then 1 else 0 end
      + case when position(',need,' in run.qualification) > 0 and l.need then 1 else 0 end
      + case when position(',timing,' in run.qualification) > 0 and l.timing then 1 else 0 end
      + case when position(',goals,' in run.qualification) > 0 and l.goals then 1 else 0 end
      + case when position(',plans,' in run.qualification) > 0 and l.plans then 1 else 0 end
      + case when position(',challenges,' in run.qualification) > 0 and l.challenges then 1 else 0 end as n_filled
  from lead_facts f
  join leads l on l.lead_id = f.lead_id
  cross join run
  where f.is_qualified)
select f.lead_id, f.qualified_on, a.is_asked, cast(f.n_required as bigint) as n_required,
  cast(f.n_filled as bigint) as n_filled, f.n_filled = f.n_required as is_complete,
  not f.is_open as is_settled, f.is_won,
  f.source, f.product, f.account_id, f.owner_id
from filled f
cross join asked a
order by f.lead_id
