"""The restatement ledger: what changed in a month since it was published, deal by deal and why."""

from pathlib import Path

import duckdb
import pandas as pd

from salesbook.engines.duckdb import literal
from salesbook.errors import WrongUsage
from salesbook.report.kept import told

# Each deal that differs has one reason: the first of these that holds.
COMPARED = """
with before as (select *, is_won and closed_on >= $start and closed_on < $end as is_in from read_parquet({before})),
after as (select *, is_won and closed_on >= $start and closed_on < $end as is_in from read_parquet({after})),
deals as (
  select coalesce(a.deal_id, b.deal_id) as deal_id,
    coalesce(case when a.is_in then a.amount_minor end, 0) - coalesce(case when b.is_in then b.amount_minor end, 0)
      as effect_minor,
    coalesce(cast(a.is_in as integer), 0) - coalesce(cast(b.is_in as integer), 0) as effect_deals,
    case
      when b.deal_id is null then 'late_entry'
      when a.deal_id is null then 'removed'
      when a.n_reopened > b.n_reopened or (b.is_closed and not a.is_closed) then 'reopened'
      when a.status <> b.status then 'outcome'
      when a.closed_on is distinct from b.closed_on then 'closing_day'
      when a.own_minor is not distinct from b.own_minor and a.amount_minor is distinct from b.amount_minor then 'rate'
      when a.amount_minor is distinct from b.amount_minor then 'amount'
      when a.owner_id is distinct from b.owner_id then 'owner'
      when a is distinct from b then 'other' end as reason
  from after a full join before b on b.deal_id = a.deal_id)
select reason, count(*) as n, cast(sum(effect_deals) as bigint) as deals,
  cast(sum(effect_minor) as bigint) as effect_minor
from deals where reason is not null
group by reason order by abs(sum(effect_minor)) desc, reason
"""


def changes(before: Path, after: Path) -> pd.DataFrame:
    """What differs between two runs of one month.

    Rule: a deal that differs counts once, for the first reason that holds: late_entry, removed (merged or deleted),
    reopened, outcome, closing_day, rate, amount, owner, other; then, where the won amount could move by it, a KPI whose
    definition changed, and another start of the fiscal year, which moves quarters. The effects add up to the change of
    the amount won in the month, to the cent.
    Parameters: two run folders; their run.json says which definitions they were told with (`kpis`, name to version).
    Returns: reason, n (deals; KPIs for `definition`, none for `fiscal_year`), deals (change of deals won),
    effect_minor (change of won).
    """
    runs = [told(folder) for folder in (before, after)]
    files = {
        name: literal((folder / "facts" / "deal_facts.parquet").resolve())
        for name, folder in (("before", before), ("after", after))
    }
    period = runs[1]["period"]
    with duckdb.connect() as connection:
        found = connection.execute(COMPARED.format(**files), {"start": period["start"], "end": period["end"]}).df()
    old, new = (run["kpis"] for run in runs)
    redefined = [name for name in old if name in new and old[name] != new[name]]
    if redefined:
        found.loc[len(found)] = ["definition", len(redefined), 0, 0]
    if runs[0]["fiscal_year_starts"] != runs[1]["fiscal_year_starts"]:
        found.loc[len(found)] = ["fiscal_year", 0, 0, 0]
    return found


def refuse_other_days(before: Path, after: Path) -> None:
    """Refuse to make a quarter that was published of other days: it is another quarter under the same name.

    Raises: WrongUsage.
    """
    old, new = (told(folder) for folder in (before, after))
    if old["period"] != new["period"]:
        starts = old["fiscal_year_starts"]
        raise WrongUsage(
            f"{new['month']} was published of other days.",
            f"Published from {old['period']['start']}; with fiscal_year_starts = {new['fiscal_year_starts']} it would "
            f"begin on {new['period']['start']}.",
            f"Set fiscal_year_starts to {starts} again, or write reports into another folder.",
        )


def is_same(before: Path, after: Path) -> bool:
    """Whether two runs hold the same facts and the same definitions, and divide the year alike."""
    runs = [told(folder) for folder in (before, after)]
    return all(runs[0][key] == runs[1][key] for key in ("facts", "kpis", "fiscal_year_starts"))
