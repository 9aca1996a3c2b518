"""A score for leads by a rule: what became of leads alike, as far as that was known when the lead came in."""

import numpy as np
import pandas as pd

TRAITS = ("product", "source")
WITHIN_DAYS = 180
PAST_DAYS = 365
PRIOR_LEADS = 50
LEAST_PAST = 50
LEAST_OUTCOMES = 30


def scored(leads: pd.DataFrame) -> pd.DataFrame:
    """Leads with their score: the chance to be won within 180 days, of leads alike in the past.

    Rule: leads are scored on the first of their month. The past are leads that came in over the 365 days up to 180 days
    before that: all was known of them then, so nothing that happened later is in a score. The chance is the past's
    share won, times, for product and for channel, how much more often leads of that product or channel were won than
    all; each is drawn towards all by 50 leads. Fewer than 50 leads in the past give no score.
    Parameters: `leads`, one row per lead: created_on, won_on (empty where not won), product, source.
    Returns: the leads in their order with `score` (0 to 1, NaN without a past) and `is_success` (won within 180 days).
    Source: kpis.md K41; house decision of 2026-11-21.
    """
    created, won = pd.to_datetime(leads["created_on"]), pd.to_datetime(leads["won_on"])
    leads = leads.assign(is_success=((won - created).dt.days <= WITHIN_DAYS))
    month = created.dt.to_period("M").dt.start_time
    score = pd.Series(np.nan, index=leads.index)
    for start in sorted(month.dropna().unique()):
        age = (start - created).dt.days
        past = leads[(age >= WITHIN_DAYS) & (age < WITHIN_DAYS + PAST_DAYS)]
        if len(past) >= LEAST_PAST:
            new = month == start
            score[new] = chance(leads[new], past)
    return leads.assign(score=score)


def chance(new: pd.DataFrame, past: pd.DataFrame) -> np.ndarray:
    """The chance of new leads by what became of past ones of their product and channel."""
    base = (past["is_success"].sum() + 0.5) / (len(past) + 1)
    found = np.full(len(new), base)
    for trait in TRAITS:
        known = past.assign(kind=past[trait].fillna("")).groupby("kind")["is_success"].agg(["sum", "count"])
        drawn = (known["sum"] + PRIOR_LEADS * base) / (known["count"] + PRIOR_LEADS) / base
        found *= new[trait].fillna("").map(drawn).fillna(1.0).to_numpy(float)
    return np.minimum(found, 1.0)


def settled(leads: pd.DataFrame, as_of) -> pd.DataFrame:
    """The scored leads of which the outcome is known: those that came in 180 days or longer ago."""
    age = (pd.Timestamp(as_of) - pd.to_datetime(leads["created_on"])).dt.days
    return leads[(age >= WITHIN_DAYS) & leads["score"].notna()]


def is_enough(leads: pd.DataFrame) -> bool:
    """Whether there are outcomes enough to judge a score by: 30 won and 30 not."""
    won = int(leads["is_success"].sum())
    return min(won, len(leads) - won) >= LEAST_OUTCOMES
