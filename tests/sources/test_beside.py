"""Work on other cores: what comes of it is whole, in order, and fails where it is asked for."""

import time

import pytest

from salesbook.sources.beside import ahead, in_order


def test_parts_that_are_worked_on_at_the_same_time_come_in_their_order():
    def work(at: int) -> int:
        time.sleep(0.002 * (3 - at % 3))
        return at

    assert list(in_order(work, iter(range(9)))) == list(range(9))


def test_things_that_are_made_ahead_come_once_each_and_a_fault_after_those_before_it():
    def broken():
        yield from "ab"
        raise ValueError("c")

    things = ahead(broken())
    assert [next(things), next(things)] == ["a", "b"]
    with pytest.raises(ValueError, match="c"):
        next(things)
    assert list(ahead(iter(range(5)))) == list(range(5))
