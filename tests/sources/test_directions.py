"""Who began activities: said by a column of any name, by the words for their kinds, or not known."""

import pytest

DEALS = "Deal ID,Stage,Amount,Currency,Status,Created\nD1,Demo,5,EUR,open,2026-01-05\n"


def acts(head: str, *values: str) -> str:
    """A file of activities with more columns; the first of `head` is their kind."""
    lines = "".join(f"A{n},2026-01-05,D1,{value}\n" for n, value in enumerate(values))
    return f"Activity ID,Date,Deal ID,{head}\n{lines}"


@pytest.mark.parametrize("values", [("Outgoing", "Incoming", ""), ("Udgående", "Indgående", "Missed")])
def test_a_column_that_says_nothing_but_directions_is_the_direction_whatever_its_name(mapped, answered, rows, values):
    made = mapped({"x.csv": DEALS, "y.csv": acts("Type,Kind of call", *(f"call,{value}" for value in values))})
    assert made.questions == []
    told = [direction for (direction,) in rows(answered(made), "activities", "direction")]
    assert told == ["outbound", "inbound", "inbound" if values[2] else None]


def test_the_kind_of_activities_tells_the_direction_where_its_words_do(mapped, answered, rows):
    made = mapped({"x.csv": DEALS, "y.csv": acts("Type", "Inbound call", "Outbound call", "Meeting")})
    assert made.questions == []
    told = rows(answered(made), "activities", "type, direction")
    assert told == [("call", "inbound"), ("call", "outbound"), ("meeting", None)]


def test_where_no_column_may_be_the_direction_it_is_not_known_and_not_asked(mapped, answered, rows):
    values = [f"call,{('High', 'Low')[n % 2]},{('Done', 'Not done')[n % 2]}" for n in range(4)]
    made = mapped({"x.csv": DEALS, "y.csv": acts("Type,Priority,State of it", *values)})
    assert (made.questions, made.constants["activities"]) == ([], {"direction": ""})
    assert rows(answered(made), "activities", "direction") == [(None,)] * 4


def test_a_column_that_may_be_the_direction_is_asked_about(mapped):
    made = mapped({"x.csv": DEALS, "y.csv": acts("Type,Wie", "call,klant", "call,wij", "call,wij")})
    assert made.questions[0].lines == ('direction = "Wie"',)
