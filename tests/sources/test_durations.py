"""How long activities were: read in the unit that the name of the column says, and not where it says none."""

import pytest

DEALS = "Deal ID,Stage,Amount,Currency,Status,Created\nD1,Demo,5,EUR,open,2026-01-05\n"
HEAD = "Activity ID,Type,Direction,Date,Deal ID"


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("Duration (seconds)", "90", 90),
        ("Call Duration (in seconds)", "90", 90),
        ("Duration (minutes)", "2", 120),
        ("Duur in minuten", "2", 120),
        ("Varighed (min.)", "2", 120),
        ("duration_ms", "90000", 90),
        ("Duration", "90", None),
    ],
)
def test_a_duration_is_read_in_the_unit_that_its_name_says(mapped, answered, rows, name, value, seconds):
    made = mapped({"x.csv": DEALS, "y.csv": f"{HEAD},{name}\nA1,call,outbound,2026-01-05,D1,{value}\n"})
    assert made.questions == []
    assert rows(answered(made), "activities", "duration_seconds") == [(seconds,)]
