"""What a deal without an amount is taken at."""

import numpy as np
import pytest

from salesbook.worth import valued


def test_a_deal_without_an_amount_is_worth_what_was_known_of_its_kind_then():
    deals = {"amount": np.array([np.nan, np.nan, 70.0]), "cycle": np.array(["Pump", "Valve", "Pump"], object)}
    ends = {
        "is_won": np.array([True, True, True, False]),
        "ended": np.array([900, 950, 100, 960]),
        "amount": np.array([10.0, 30.0, 999.0, 500.0]),
        "cycle": np.array(["Pump", "Pump", "Pump", "Valve"], object),
    }
    found = valued(deals, ends, on=1000)
    # Pump won 10 and 30 within the year, Valve nothing: it goes by all wins of the year, the same two.
    assert found["amount"].tolist() == [20, 20, 70]
    assert found["spread"].tolist() == [10, 10, 0]
    assert found["is_taken"].tolist() == [True, True, False]
    # Two years on nothing was won in the year before: all wins there ever were.
    assert valued(deals, ends, on=2000)["amount"][0] == pytest.approx((10 + 30 + 999) / 3)
    assert valued(deals, ends | {"is_won": np.zeros(4, bool)}, on=1000)["amount"].tolist() == [0, 0, 70]
