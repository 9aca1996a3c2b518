"""The chance by attempt, and when to stop: worked by hand and held against a published table."""

import numpy as np
import pandas as pd
import pytest

from salesbook.attempts import hazard, stop_rule
from salesbook.errors import WrongUsage


def test_a_lead_is_at_risk_at_every_attempt_up_to_its_last():
    rows = hazard([1, 2, 2, 3], [True, True, False, False])
    # Attempt 1: all four, one succeeded; 2: three, one succeeded; 3: one, none.
    assert rows[["attempt", "numerator", "denominator"]].to_numpy().tolist() == [[1, 1, 4], [2, 1, 3], [3, 0, 1]]
    assert rows["value"].tolist() == [1 / 4, 1 / 3, 0]


def test_the_hazard_of_the_bank_s_contacts_is_the_published_one(real_data):
    file = real_data / "bank-marketing" / "bank-additional-full.csv"
    calls = pd.read_csv(file, sep=";", usecols=["campaign", "y"])
    rows = hazard(calls["campaign"], calls["y"] == "yes")
    # Won at contact k ÷ clients that got contact k, from the file itself by awk: in per cent.
    assert (100 * rows["value"][:5]).round(2).tolist() == [5.58, 5.14, 4.42, 3.26, 2.41]
    assert rows["denominator"].iloc[0] == len(calls)


def test_the_interval_holds_the_chance():
    rows = hazard(np.repeat([1, 2, 3], 20), np.tile([True, False], 30))
    assert ((rows["low"] < rows["value"]) & (rows["value"] < rows["high"])).all()


def test_an_attempt_before_the_first_is_refused():
    with pytest.raises(WrongUsage, match="counted from 1"):
        hazard([0, 1], [False, True])


def test_stopping_later_reaches_more_and_each_further_one_costs_what_its_attempts_cost():
    chances = pd.DataFrame({"attempt": [1, 2, 3], "denominator": [100, 80, 60], "value": [0.2, 0.25, 0.1]})
    rows = stop_rule(chances.assign(low=0.05, high=0.5), cost=12.0)
    assert rows["reached_share"].tolist() == pytest.approx([0.2, 1 - 0.8 * 0.75, 1 - 0.8 * 0.75 * 0.9])
    assert rows["attempts_per_lead"].tolist() == pytest.approx([1, 1 + 0.8, 1 + 0.8 + 0.8 * 0.75])
    assert rows["value"].tolist() == pytest.approx([5, 4, 10])
    assert rows["cost"].tolist() == pytest.approx([60, 48, 120])
    assert rows["mean_cost"].iloc[1] == pytest.approx(12 * 1.8 / 0.4)
    assert (rows[["low", "high"]] == [2, 20]).all().all()


def test_an_attempt_that_reaches_nobody_has_no_price():
    row = stop_rule(hazard([1, 1], [False, False]), cost=10).iloc[0]
    assert np.isnan(row["value"])
    assert np.isnan(row["cost"])
    assert row["reached_share"] == 0
