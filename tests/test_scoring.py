"""The rule score of leads: what it may know, and what it says."""

import numpy as np
import pandas as pd
import pytest

from salesbook.scoring import is_enough, scored, settled


def leads(n: int = 600, seed: int = 5) -> pd.DataFrame:
    """Leads of two years; product A is won five times as often as B."""
    random = np.random.default_rng(seed)
    created = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(random.integers(0, 730, n)), unit="D")
    product = random.choice(["A", "B"], n)
    won = random.random(n) < np.where(product == "A", 0.4, 0.08)
    after = pd.to_timedelta(random.integers(10, 170, n), unit="D")
    frame = pd.DataFrame({"created_on": created, "won_on": pd.Series(created + after).where(won)})
    return frame.assign(product=product, source="web")


def test_leads_of_a_product_that_was_won_more_often_score_higher():
    rows = scored(leads()).dropna(subset=["score"])
    means = rows.groupby("product")["score"].mean()
    assert means["A"] > 2 * means["B"]


def test_a_score_does_not_change_with_what_happened_after_the_lead_came_in():
    rows = leads()
    before = scored(rows)
    cut = pd.Timestamp("2025-09-01")
    later = rows.assign(won_on=rows["won_on"].where(rows["won_on"] < cut))
    later = later[later["created_on"] < "2025-10-01"]
    then = before["score"][later.index]
    assert scored(later)["score"].equals(then)


def test_the_score_is_the_share_of_the_past_when_all_leads_are_alike():
    created = pd.date_range("2024-01-01", "2024-04-09", periods=100).normalize()
    past = pd.DataFrame({"created_on": created, "won_on": pd.NaT, "product": "A", "source": "web"})
    past.loc[:19, "won_on"] = past.loc[:19, "created_on"] + pd.Timedelta(days=30)
    new = pd.DataFrame({"created_on": [pd.Timestamp("2024-11-15")], "won_on": pd.NaT, "product": "A", "source": "web"})
    score = scored(pd.concat([past, new], ignore_index=True))["score"].iloc[-1]
    base = 20.5 / 101
    # Product and channel hold all leads: each says (20 + 50 × base) ÷ (100 + 50), nearly the base.
    assert score == pytest.approx(base * ((20 + 50 * base) / 150 / base) ** 2)


def test_without_a_past_there_is_no_score():
    assert scored(leads()).query("created_on < '2024-06-01'")["score"].isna().all()


def test_a_win_after_180_days_is_no_success():
    rows = pd.DataFrame({"created_on": ["2025-01-01"] * 2, "won_on": ["2025-06-30", "2025-07-01"]})
    assert scored(rows.assign(product="A", source="web"))["is_success"].tolist() == [True, False]


def test_only_leads_whose_outcome_is_known_are_judged():
    rows = settled(scored(leads()), "2026-01-01")
    assert rows["created_on"].max() <= pd.Timestamp("2026-01-01") - pd.Timedelta(days=180)
    assert rows["score"].notna().all()
    assert is_enough(rows)
    assert not is_enough(rows.head(40))
