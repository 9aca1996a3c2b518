"""Work on other cores: what comes of it is whole, in order, and fails where it is asked for."""

import threading
import time

import pytest

from salesbook.sources.beside import AHEAD, ahead, in_order


def test_parts_that_are_worked_on_at_the_same_time_come_in_their_order():
    def work(at: int) -> int:
        time.sleep(0.002 * (3 - at % 3))
        return at

    assert list(in_order(work, iter(range(9)))) == list(range(9))


def test_a_fault_comes_after_the_parts_before_it_though_later_ones_are_done():
    done = threading.Event()

    def work(at: int) -> int:
        if at == 2:
            assert done.wait(10)
            raise ValueError("part 2")
        if at == 3:
            done.set()
        return at

    results = in_order(work, iter(range(9)))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="part 2"):
        next(results)
    assert done.is_set()
    assert list(results) == []


def test_no_more_parts_are_taken_than_may_be_worked_on_ahead():
    taken = []
    parts = (taken.append(at) or at for at in range(4 * AHEAD))
    for at, _ in enumerate(in_order(lambda part: part, parts)):
        assert len(taken) <= at + 1 + AHEAD


def test_things_that_are_made_ahead_come_once_each_and_a_fault_after_those_before_it():
    def broken():
        yield from "ab"
        raise ValueError("c")

    things = ahead(broken())
    assert [next(things), next(things)] == ["a", "b"]
    with pytest.raises(ValueError, match="c"):
        next(things)
    assert list(ahead(iter(range(5)))) == list(range(5))
