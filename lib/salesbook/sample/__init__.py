"""The sample company: Noordzee Instruments, a Dutch-Danish-British seller of measuring instruments, made by chance.

`plan` says how large and how long, `simulate` goes through the months; `leads`, `deals`, `changes`, `forecasts`,
`activities`, `callers`, `material`, `customers`, `costs`, `market`, `noordzee`, `targets`, `workdays` and `surveys`
make the rows; `effects` holds all that is planted; `files` gives the rows their form.
"""

import json
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from salesbook.sample import files
from salesbook.sample.effects import truth
from salesbook.sample.plan import Plan, stack
from salesbook.sample.simulate import simulate
from salesbook.schema import readme
from salesbook.tables import TABLES

MADE = (
    "accounts", "contacts", "leads", "activities", "deals", "stage_history", "stages", "targets", "reps", "fx_rates",
    "deal_changes", "lead_status_history", "quotes", "forecast_snapshots", "orders", "subscriptions", "costs",
    "collateral_usage", "crm_usage", "self_reports", "working_hours", "surveys",
)  # fmt: skip
LEADS = 2_600
MONTHS = 24
LAST_MONTH = "2026-10"


def company(
    leads: int = LEADS, months: int = MONTHS, seed: int = 1, effects: bool = True, last_month: str = LAST_MONTH
) -> dict[str, pd.DataFrame]:
    """A sample company as data frames: one per table of `MADE`.

    Rule: the same arguments give the same rows, on any machine. Without effects all segments and months have the same
    rates. Nothing happens after the last month; deals that were open when the first began are there, without a lead.
    Parameters: `leads`, how many in all; `months`, how many up to `last_month` (as 2026-10); `seed`, from 0.
    Returns: frames by table, with the columns of `tables.TABLES`: text, instants in UTC, money in the row's currency.
    Raises: WrongUsage where there is no such size or month.
    Examples:
        >>> rows = company(leads=100, months=3)
        >>> len(rows["leads"]), rows["leads"].lead_id[0]
        (100, 'L1')
    """
    blocks = list(simulate(Plan(leads, months, seed, effects, last_month)))
    frames = {}
    for name in MADE:
        parts = [block[name] for block in blocks if name in block]
        frames[name] = files.frame(files.encode(TABLES[name], stack(parts, parts[0])))
    return frames


def write(
    folder: str | Path,
    leads: int = LEADS,
    months: int = MONTHS,
    seed: int = 1,
    effects: bool = True,
    last_month: str = LAST_MONTH,
) -> dict[str, int]:
    """Write a sample company as canonical CSV files, with README.md and effects.json.

    Rule: as `company`; the same arguments give the same bytes. Rows are made and written a month at a time, so that
    memory does not grow with the number of months.
    Parameters: `folder`, made where it is not there; files of the same name are written over; others as `company`.
    Returns: the number of rows by table.
    Raises: WrongUsage where there is no such size or month.
    """
    folder, plan = Path(folder), Plan(leads, months, seed, effects, last_month)
    folder.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(MADE, 0)
    with ExitStack() as opened:
        open_files = {name: opened.enter_context((folder / f"{name}.csv").open("wb")) for name in MADE}
        for name, file in open_files.items():
            file.write(files.header(TABLES[name]))
        for block in simulate(plan):
            for name in block:
                rows = files.encode(TABLES[name], block[name])
                files.append(open_files[name], rows)
                counts[name] += len(rows)
    (folder / "README.md").write_text(readme(TABLES.values(), counts), encoding="utf-8", newline="\n")
    sizes = json.dumps(truth(plan.effects), indent=2, ensure_ascii=False)
    (folder / "effects.json").write_text(sizes + "\n", encoding="utf-8", newline="\n")
    return counts
