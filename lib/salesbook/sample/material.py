"""Brochures, cases and price lists: the rows of `collateral_usage`."""

import numpy as np

from salesbook.sample import effects
from salesbook.sample.noordzee import WON, owner_at
from salesbook.sample.plan import Columns, Plan, known, pick
from salesbook.sample.worktime import WorkTime

ASSET_WEIGHTS = (0.4, 0.3, 0.2, 0.1)
SENT = 0.7


def uses(plan: Plan, time: WorkTime, month: int, deals: Columns) -> Columns:
    """The use of material for the deals that began in a month: once or twice for a part of them.

    Rule: how a deal ends stands already, also that of an open one; whether material is used is drawn by it. Nobody
    uses any for a deal without a seller.
    """
    rng, n = plan.stream("material", month), len(deals["deal_id"])
    is_used = rng.random(n) < effects.material_chance(plan, deals["stage_of_place"][:, -1] == WON)
    n_uses = np.where(is_used & (deals["owner_then"] >= 0), 1 + (rng.random(n) < 0.35), 0)
    deal = np.repeat(np.arange(n), n_uses)
    part = 0.05 + 0.9 * rng.random(len(deal))
    at = time.instant(deals["country"][deal], deals["start_work"][deal] + part * deals["span_work"][deal])
    asset, action = pick(rng, len(deal), ASSET_WEIGHTS), (rng.random(len(deal)) >= SENT).astype(int)
    happened = known(at, deals["stop"][deal]) >= 0
    deal, at = deal[happened], at[happened]
    return {
        "asset_id": asset[happened],
        "owner_id": owner_at(deals["owner_then"][deal], at),
        "deal_id": deals["deal_id"][deal],
        "used_at": at,
        "action": action[happened],
    }
