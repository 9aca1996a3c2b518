"""The effects that are planted in the sample company, and their true sizes.

Whatever differs between segments or moves with time stands in this file. Without effects every rate is the same in all
segments and months, and the volume has no seasons: whatever a report then claims is noise.
"""

import numpy as np

PRODUCTS = ("Sensor", "Analyser", "Process system")

# Flat rates, for a company without effects.
FLAT_MIX = (0.40, 0.35, 0.25)
FLAT_WIN = 0.36
FLAT_LOST_AT = (0.25, 0.23, 0.26, 0.26)

# A leaking stage: from this month on, deals are lost at Proposal that used to be lost earlier or later.
LEAK_FROM = 2026 * 12 + 3
LOST_AT = ("Qualification", "Needs analysis", "Proposal", "Negotiation")
LOST_AT_BEFORE = (0.26, 0.24, 0.20, 0.30)
LOST_AT_AFTER = (0.12, 0.13, 0.62, 0.13)

# Simpson: a campaign brings many more leads for the product that wins least, while each product wins more.
CAMPAIGN_FROM = 2026 * 12 + 3
RISE_FROM = 2026 * 12 + 4
MIX_BEFORE = (0.30, 0.42, 0.28)
MIX_AFTER = (0.84, 0.10, 0.06)
CAMPAIGN_VOLUME = 2.4
WIN_BEFORE = (0.10, 0.48, 0.58)
WIN_AFTER = (0.20, 0.58, 0.68)

# Answering an inbound lead within the hour: odds of a talk with a decision maker within 14 days of the first attempt.
REACHED = 0.36
FAST_ODDS_RATIO = 2.5

# Leads by month, January first.
SEASONS = (1.06, 1.04, 1.10, 1.00, 0.97, 1.02, 0.80, 0.78, 1.16, 1.14, 1.10, 0.83)


def volume(plan, month: int) -> float:
    """Leads of a month against those of a usual one."""
    if not plan.effects:
        return 1.0
    return SEASONS[month % 12] * (CAMPAIGN_VOLUME if month >= CAMPAIGN_FROM else 1.0)


def product_mix(plan, month: int) -> tuple[float, ...]:
    """Shares of the products among the leads and deals of a month."""
    if not plan.effects:
        return FLAT_MIX
    return MIX_AFTER if month >= CAMPAIGN_FROM else MIX_BEFORE


def win_chance(plan, product: np.ndarray, month: np.ndarray) -> np.ndarray:
    """Chance that a deal that closes in that month is won."""
    if not plan.effects:
        return np.full(len(product), FLAT_WIN)
    return np.where(month >= RISE_FROM, np.array(WIN_AFTER)[product], np.array(WIN_BEFORE)[product])


def lost_at_edges(plan, month: np.ndarray) -> np.ndarray:
    """Cumulated shares of the stages at which deals that close in that month are lost: one row per deal."""
    if not plan.effects:
        return np.broadcast_to(np.cumsum(FLAT_LOST_AT), (len(month), 4))
    return np.where((month >= LEAK_FROM)[:, None], np.cumsum(LOST_AT_AFTER), np.cumsum(LOST_AT_BEFORE))


def reach_chance(plan, is_fast: np.ndarray) -> np.ndarray:
    """Chance of a talk with a decision maker within 14 days of the first attempt."""
    odds = REACHED / (1 - REACHED) * np.where(is_fast & plan.effects, FAST_ODDS_RATIO, 1.0)
    return odds / (1 + odds)


def passes_proposal(win: float, lost_at: tuple[float, ...]) -> float:
    """Share that goes on from Proposal to Negotiation, of the deals that reach Proposal."""
    goes_on = win + (1 - win) * lost_at[3]
    return goes_on / (goes_on + (1 - win) * lost_at[2])


def month_name(month: int) -> str:
    """A month as 2026-10."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def truth(planted: bool = True) -> dict:
    """The planted effects with their true sizes, as they stand in `effects.json`.

    Rule: sizes are those of the generator, not of the rows drawn; the key `planted` says whether there are any.
    Parameters: `planted`, whether the company is one with effects.
    Returns: a dictionary of plain values.
    Examples:
        >>> truth()["answer_within_the_hour"]["odds_ratio"], truth(planted=False)["odds_ratio"]
        (2.5, 1.0)
    """
    if not planted:
        return {"planted": False, "win_rate": FLAT_WIN, "reached_share": REACHED, "odds_ratio": 1.0}
    return {"planted": True, "leaking_stage": leak(), "mix_shift": mix_shift(), "answer_within_the_hour": fast_answer()}


def leak() -> dict:
    """The leaking stage."""
    return {
        "meaning": "of the deals that reach Proposal, fewer go on to Negotiation, by the month in which they close",
        "from_stage": "Proposal",
        "to_stage": "Negotiation",
        "from_month": month_name(LEAK_FROM),
        "lost_at_proposal_of_lost": {"before": LOST_AT_BEFORE[2], "after": LOST_AT_AFTER[2]},
        "passing_share": {
            product: {
                "before": round(passes_proposal(before, LOST_AT_BEFORE), 4),
                "after": round(passes_proposal(after, LOST_AT_AFTER), 4),
            }
            for product, before, after in zip(PRODUCTS, WIN_BEFORE, WIN_AFTER, strict=True)
        },
    }


def mix_shift() -> dict:
    """The shift of the mix that hides a rise in every product."""
    return {
        "meaning": "the win rate falls as deals shift to the product that wins least, while each product wins more",
        "segment": "product",
        "mix_from_month": month_name(CAMPAIGN_FROM),
        "mix_of_new_leads": {
            product: {"before": before, "after": after}
            for product, before, after in zip(PRODUCTS, MIX_BEFORE, MIX_AFTER, strict=True)
        },
        "win_rate_from_month": month_name(RISE_FROM),
        "win_rate": {
            product: {"before": before, "after": after}
            for product, before, after in zip(PRODUCTS, WIN_BEFORE, WIN_AFTER, strict=True)
        },
        "win_rate_total_at_that_mix": {
            "before": round(float(np.dot(MIX_BEFORE, WIN_BEFORE)), 4),
            "after": round(float(np.dot(MIX_AFTER, WIN_AFTER)), 4),
        },
    }


def fast_answer() -> dict:
    """The effect of answering within the hour."""
    odds = REACHED / (1 - REACHED) * FAST_ODDS_RATIO
    return {
        "meaning": "inbound leads first tried within 60 minutes: a talk with a decision maker within 14 days of it",
        "odds_ratio": FAST_ODDS_RATIO,
        "reached_share": {"later": REACHED, "within_the_hour": round(odds / (1 + odds), 4)},
    }
