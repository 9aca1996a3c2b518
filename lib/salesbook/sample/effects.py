"""The effects that are planted in the sample company, and their true sizes.

Whatever differs between segments or moves with time stands in this file. Without effects every rate is the same in all
segments and months, and the volume has no seasons: whatever a report then claims is noise.
"""

from datetime import UTC, datetime

import numpy as np

PRODUCTS = ("Sensor", "Analyser", "Process system")
N_SELLERS, N_TEAMS = 16, 5

# Flat rates, for a company without effects.
FLAT_MIX = (0.40, 0.35, 0.25)
FLAT_WIN = 0.36
FLAT_LOST_AT = (0.25, 0.23, 0.26, 0.26)

# A leaking stage: from this month on, deals are lost at Proposal that used to be lost earlier or later. Shares of those
# lost at Qualification, Needs analysis, Proposal and Negotiation.
LEAK_FROM = 2026 * 12 + 3
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

# The gap between attempts: odds that the next one reaches a decision maker, by the days since the one before.
GAP_NAMES = ("within a day", "one to two days", "two to four days", "later")
GAP_DAYS = (1, 2, 4)
GAP_ODDS = (1.0, 1.5, 2.0, 1.5)

# Only mail in the last two open stages: odds to be lost there.
EMAIL_ONLY = 0.25
EMAIL_ONLY_ODDS_RATIO = 3.0

# A discount above 15 %: odds to win. Shares of the discounts among deals that are not won: none, 5, 10, 15, 20 %.
DISCOUNT_WEIGHTS = (0.36, 0.20, 0.18, 0.14, 0.12)
DISCOUNT_ODDS_RATIO = 2.0

# The chance to be won that the CRM gives each stage, Qualification first: too high at Proposal and Negotiation. Without
# effects it is the share that is won of the deals that stand there on a day, less than of those that come there, as
# lost deals pass fewer stages and so stay longer in each.
CRM_PROBABILITY = (0.35, 0.45, 0.60, 0.80, 0.95, 1.0, 0.0)
FLAT_CRM_PROBABILITY = (0.21, 0.30, 0.46, 0.46, 0.66, 1.0, 0.0)

# A seller who submits too much.
OPTIMIST = 4
OPTIMISM = 1.4

# Customers who leave: share a month, by the month in which they started.
CHURN = 0.02
CHURN_FROM = 2025 * 12 + 9
CHURN_SINCE = 0.04

# Repeat purchases (months): BG/NBD r, alpha, a, b; what a purchase is worth (hundreds of EUR): Gamma-Gamma p, q, v.
BUYING = {"r": 1.2, "alpha": 6.0, "a": 0.8, "b": 2.4}
SPENDING = {"p": 6.0, "q": 4.0, "v": 15.0}
GROSS_MARGIN = 0.45

# Sellers who enter what they did days later; who skip Needs analysis; who fill in the stages once a deal is won; and
# how often any seller does the last two, of the deals that come to Proposal and of those won.
LATE_SELLER, LATE_SHARE, LATE_DAYS = 13, 0.75, (3.0, 11.0)
SKIPPER, SKIPS, SKIPPED = 5, 0.45, 0.06
DEMO = 0.5  # of the deals that come to Proposal, with effects or without
FILLER, FILLS, FILLED = 2, 0.40, 0.06

# Deals of one product that began in these months and came to Needs analysis: the share that stays there.
STALLED_PRODUCT, STALL_FROM, STALL_TO, STALLED = 1, 2025 * 12 + 11, 2026 * 12 + 4, 0.30

# A clean-up: the deals lost since the first of these instants are closed in the second of the other.
CLEANED_FROM, CLEANED_AT = datetime(2026, 7, 24, tzinfo=UTC), datetime(2026, 7, 31, 15, tzinfo=UTC)

# Callers who call at a part of their pace after so many refusals in a row.
RELUCTANT = (1, 3, 4)
RELUCTANCE, REFUSALS = 0.4, 2
CALLS_PER_HOUR = 15.0

# Material: share of the deals that are not won it is used for, and the odds of those that are.
MATERIAL = 0.25
MATERIAL_ODDS_RATIO = 2.5

# A seller who reports more than is logged; one who uses the CRM on fewer days; a team that would recommend less.
BOASTER, BOAST = 6, 1.6
ABSENTEE, CRM_DAYS, FEW_CRM_DAYS = 11, 0.9, 0.4
UNHAPPY_TEAM = 3
# Shares of the answers from 0 to 10; those from 1 to 5 on the workload are the same everywhere.
RECOMMENDS = (0.01, 0.01, 0.01, 0.02, 0.03, 0.05, 0.07, 0.16, 0.22, 0.24, 0.18)
RECOMMENDS_LESS = (0.03, 0.03, 0.05, 0.08, 0.10, 0.13, 0.15, 0.17, 0.14, 0.08, 0.04)
WORKLOADS = (0.06, 0.14, 0.30, 0.34, 0.16)

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


def gap_weight(plan, seconds: np.ndarray) -> np.ndarray:
    """Chance that a drawn gap before the attempt that reaches somebody is kept."""
    if not plan.effects:
        return np.ones(seconds.shape)
    return (np.array(GAP_ODDS) / max(GAP_ODDS))[np.searchsorted(np.array(GAP_DAYS) * 86_400, seconds)]


def email_only_chance(plan, is_lost_late: np.ndarray) -> np.ndarray:
    """Chance that a deal has only mail in the last two open stages."""
    odds = EMAIL_ONLY / (1 - EMAIL_ONLY) * np.where(is_lost_late & plan.effects, EMAIL_ONLY_ODDS_RATIO, 1.0)
    return odds / (1 + odds)


def discount_weights(plan) -> np.ndarray:
    """Shares of the discounts among deals that are not won, and among those that are."""
    weights = np.array([DISCOUNT_WEIGHTS, DISCOUNT_WEIGHTS])
    if plan.effects:
        odds = weights[1, -1] / (1 - weights[1, -1]) * DISCOUNT_ODDS_RATIO
        weights[1, :-1] *= 1 / (1 + odds) / (1 - weights[1, -1])
        weights[1, -1] = odds / (1 + odds)
    return weights


def crm_probability(plan) -> np.ndarray:
    """The chance to be won that the CRM gives each stage."""
    return np.array(CRM_PROBABILITY if plan.effects else FLAT_CRM_PROBABILITY)


def optimism(plan, seller: int) -> float:
    """What a seller submits, against what is to be expected."""
    return OPTIMISM if plan.effects and seller == OPTIMIST else 1.0


def churn(plan, month: np.ndarray) -> np.ndarray:
    """Share of the customers who leave a month, by the month in which they started."""
    return np.where((month >= CHURN_FROM) & plan.effects, CHURN_SINCE, CHURN)


def shortcut_chances(plan, owner: np.ndarray) -> np.ndarray:
    """Chances that a deal's seller skips Needs analysis, and fills in the stages at the end: one row each."""
    return plan.effects * np.stack([SKIPS * (owner == SKIPPER), FILLS * (owner == FILLER)])


def stall_chance(plan, product: np.ndarray, month: int) -> np.ndarray:
    """Chance that a deal that begins in that month stays at Needs analysis."""
    return np.where((product == STALLED_PRODUCT) & plan.effects & (STALL_FROM <= month <= STALL_TO), STALLED, 0.0)


def closing_time(plan, is_won: np.ndarray, at: np.ndarray) -> np.ndarray:
    """When deals close that would have closed at these instants (UTC seconds)."""
    start, end = int(CLEANED_FROM.timestamp()), int(CLEANED_AT.timestamp())
    return np.where(~is_won & (at >= start) & (at < end) & plan.effects, end, at)


def pace(plan, caller: np.ndarray, refusals: np.ndarray) -> np.ndarray:
    """Calls an hour of callers, by the refusals in a row before the next call."""
    holds_back = np.isin(caller, RELUCTANT) & (refusals >= REFUSALS) & plan.effects
    return CALLS_PER_HOUR * np.where(holds_back, RELUCTANCE, 1.0)


def material_chance(plan, is_won: np.ndarray) -> np.ndarray:
    """Chance that material is used for a deal."""
    odds = MATERIAL / (1 - MATERIAL) * np.where(is_won & plan.effects, MATERIAL_ODDS_RATIO, 1.0)
    return odds / (1 + odds)


def boast(plan) -> np.ndarray:
    """What sellers report beside what is logged, as a part of it."""
    return np.where(np.arange(N_SELLERS) == BOASTER, BOAST - 1, 0.0) * plan.effects


def crm_days(plan) -> np.ndarray:
    """Share of the working days on which each seller uses the CRM."""
    return np.where((np.arange(N_SELLERS) == ABSENTEE) & plan.effects, FEW_CRM_DAYS, CRM_DAYS)


def recommends(plan) -> np.ndarray:
    """Shares of the answers from 0 to 10, a row per team."""
    less = plan.effects * (np.arange(N_TEAMS) == UNHAPPY_TEAM)
    return np.where(less[:, None], RECOMMENDS_LESS, RECOMMENDS)


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
    always = {"repeat_purchases": repeat_purchases(), "gross_margin_of_orders": GROSS_MARGIN}
    always["optional_stage"] = {"stage": "Demo", "share_of_deals_that_come_to_proposal": DEMO}
    if not planted:
        flat = {"win_rate": FLAT_WIN, "reached_share": REACHED, "odds_ratio": 1.0, "monthly_churn": CHURN}
        return {"planted": False} | flat | always
    return {
        "planted": True,
        "leaking_stage": leak(),
        "mix_shift": mix_shift(),
        "answer_within_the_hour": fast_answer(),
        "attempt_spacing": spacing(),
        "email_only_late": email_only(),
        "discount_and_winning": discount(),
        "optimistic_seller": optimist(),
        "stage_probabilities": stage_probabilities(),
        "churn_by_cohort": churn_by_cohort(),
        "call_reluctance": reluctance(),
        "stalled_deals": stalled(),
        "late_registration": late_registration(),
        "skipped_stages": skipped_stages(),
        "back_filled": back_filled(),
        "bulk_edit": bulk_edit(),
        "material_and_winning": material(),
        "self_reports": self_reports(),
        "crm_use": crm_use(),
        "pulse": pulse(),
    } | always


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


def spacing() -> dict:
    """The effect of the gap between attempts."""
    return {
        "meaning": "the chance that the next attempt reaches a decision maker first, by the time since the one before",
        "odds_ratio_to_within_a_day": dict(zip(GAP_NAMES, GAP_ODDS, strict=True)),
        "days": GAP_DAYS,
    }


def email_only() -> dict:
    """The effect of mail alone in the last two open stages."""
    return {
        "meaning": "closed deals that reached Proposal, with contacts there: to be lost there rather than won",
        "segment": "no call or meeting from Proposal on",
        "odds_ratio": EMAIL_ONLY_ODDS_RATIO,
        "email_only_of_won": EMAIL_ONLY,
    }


def discount() -> dict:
    """The effect of a high discount."""
    return {
        "meaning": "closed deals of the same product with a discount above 15 % against the others: to be won",
        "odds_ratio": DISCOUNT_ODDS_RATIO,
        "above_15_percent_of_lost": DISCOUNT_WEIGHTS[-1],
    }


def optimist() -> dict:
    """The seller who submits too much."""
    return {
        "meaning": "a seller's submitted number for a quarter against what they won in it; the others' are right",
        **seller(OPTIMIST),
        "submitted_to_actual": OPTIMISM,
    }


def stage_probabilities() -> dict:
    """The stages whose chance in the CRM is too high, with the true one of deals that come there."""
    wins = list(zip(PRODUCTS, WIN_BEFORE, WIN_AFTER, strict=True))
    return {
        "meaning": "chance to be won of the deals that come to a stage, by the month in which they close",
        "from_month": month_name(RISE_FROM),
        "stages": {
            stage: {
                "crm": CRM_PROBABILITY[place],
                "true": {
                    product: {
                        "before": round(before / (before + (1 - before) * sum(LOST_AT_BEFORE[first:])), 4),
                        "after": round(after / (after + (1 - after) * sum(LOST_AT_AFTER[first:])), 4),
                    }
                    for product, before, after in wins
                },
            }
            for stage, place, first in (("Proposal", 3, 2), ("Negotiation", 4, 3))
        },
    }


def churn_by_cohort() -> dict:
    """The customers who leave sooner."""
    return {
        "meaning": "share of the running contracts that end a month, by the month in which the customer started",
        "from_month": month_name(CHURN_FROM),
        "monthly_churn": {"before": CHURN, "after": CHURN_SINCE},
    }


def repeat_purchases() -> dict:
    """The truth behind `orders`."""
    return {
        "meaning": "BG/NBD by months, and Gamma-Gamma in hundreds of EUR of the mean of a purchase",
        "purchases": BUYING,
        "spending": SPENDING,
    }


def seller(number: int) -> dict:
    """How a seller or caller is told."""
    return {"owner_id": f"S{number + 1:02d}", "name": f"Seller {number + 1:02d}"}


def reluctance() -> dict:
    """The callers who hold back after refusals."""
    return {
        "meaning": "calls an hour after refusals in a row, against the caller's own pace before that many, in a shift",
        "refusals_in_a_row": REFUSALS,
        "owner_ids": [seller(N_SELLERS + caller)["owner_id"] for caller in RELUCTANT],
        "calls_per_hour": {"usual": CALLS_PER_HOUR, "after_the_refusals": CALLS_PER_HOUR * RELUCTANCE},
        "rate_ratio": {"theirs": RELUCTANCE, "other_callers": 1.0},
    }


def stalled() -> dict:
    """The deals that stay where they are."""
    return {
        "meaning": "of the deals that come to the stage, the share that never leaves it, by the month they began in",
        "product": PRODUCTS[STALLED_PRODUCT],
        "stage": "Needs analysis",
        "from_month": month_name(STALL_FROM),
        "to_month": month_name(STALL_TO),
        "stays": STALLED,
    }


def late_registration() -> dict:
    """The seller who enters what they did days later."""
    return seller(LATE_SELLER) | {
        "meaning": "share of a seller's activities entered so many days after they were done",
        "share": LATE_SHARE,
        "days": {"least": LATE_DAYS[0], "most": LATE_DAYS[1]},
    }


def skipped_stages() -> dict:
    """The seller who skips a mandatory stage."""
    return seller(SKIPPER) | {
        "meaning": "of the deals that come to Proposal, the share that was never at Needs analysis",
        "stage": "Needs analysis",
        "share": {"theirs": round(1 - (1 - SKIPS) * (1 - SKIPPED), 4), "others": SKIPPED},
    }


def bulk_edit() -> dict:
    """The clean-up."""
    return {
        "meaning": "the deals lost in the week before were all closed in this second; the CRM did not mark them",
        "at": CLEANED_AT.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "from": CLEANED_FROM.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def back_filled() -> dict:
    """The seller who fills in the stages once a deal is won."""
    return seller(FILLER) | {
        "meaning": "of the deals won, the share whose stages after the first were all entered in the second of the win",
        "share": {"theirs": round(1 - (1 - FILLS) * (1 - FILLED), 4), "others": FILLED},
    }


def material() -> dict:
    """The use of material."""
    return {
        "meaning": "closed deals with a seller: material used, by whether they were won; no cause is planted",
        "odds_ratio": MATERIAL_ODDS_RATIO,
        "used_for_lost": MATERIAL,
    }


def self_reports() -> dict:
    """The seller who reports more than is logged."""
    return seller(BOASTER) | {
        "meaning": "calls and emails reported against those logged on the days reported of",
        "reported_to_logged": {"theirs": BOAST, "others": 1.0},
    }


def crm_use() -> dict:
    """The seller who uses the CRM on fewer days."""
    return seller(ABSENTEE) | {
        "meaning": "share of the working days on which the CRM is used",
        "active_days": {"theirs": FEW_CRM_DAYS, "others": CRM_DAYS},
    }


def pulse() -> dict:
    """The team that would recommend less."""
    return {
        "meaning": "eNPS on a scale of 0 to 10, in points: answers of 9 and 10 less those up to 6",
        "team": "Jylland",
        "enps": {
            name: round(100 * (sum(shares[9:]) - sum(shares[:7])))
            for name, shares in (("theirs", RECOMMENDS_LESS), ("others", RECOMMENDS))
        },
    }
