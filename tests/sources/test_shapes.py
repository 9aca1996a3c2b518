"""Texts are told apart by their shape: where digits stand, and which sign stands everywhere else."""

import pyarrow as pa
import pytest

from salesbook.sources.form import Form
from salesbook.sources.shapes import LONGEST, MOST_SHAPES, alike, layout

DUTCH, ISO = Form("dmy"), Form()


def rows_by_shape(texts: list, by_zero: bool = False) -> dict[bytes, list[int]]:
    """The rows of each shape, by a text of it."""
    return {one.sample: one.rows.tolist() for one in alike(pa.array(texts, pa.string()), by_zero)}


def test_texts_of_one_shape_come_together_whatever_their_digits():
    found = rows_by_shape(["1-2", "34", None, "9-9", "", "12", "1/2", "ø1"])
    assert found == {b"34": [1, 5], b"1-2": [0, 3], b"1/2": [6], "ø1".encode(): [7]}


def test_a_slice_of_a_column_has_its_own_rows():
    texts = pa.array(["1", "22", "3", "44", "5"], pa.string()).slice(1, 3)
    assert [(one.sample, one.rows.tolist()) for one in alike(texts)] == [(b"3", [1]), (b"22", [0, 2])]


def test_a_first_digit_that_is_zero_makes_another_shape_where_it_is_asked():
    assert rows_by_shape(["1.234", "0.234"]) == {b"1.234": [0, 1]}
    assert rows_by_shape(["1.234", "0.234"], by_zero=True) == {b"1.234": [0], b"0.234": [1]}


def test_long_texts_and_those_of_very_many_shapes_are_left_out():
    assert rows_by_shape(["x" * LONGEST, "x" * (LONGEST + 1)]) == {b"x" * LONGEST: [0]}
    assert len(rows_by_shape([f"{chr(0x4E00 + at)}" for at in range(MOST_SHAPES * 2)])) == MOST_SHAPES


def test_numbers_are_read_from_the_places_of_their_digits():
    (texts,) = alike(pa.array(["1.234", "5.678"]))
    assert texts.number([0, 2, 3, 4]).tolist() == [1234, 5678]


@pytest.mark.parametrize(
    ("sample", "form", "is_mixed", "fields"),
    [
        (b"31-12-2026 9.05", DUTCH, True, {"day": 31, "month": 12, "year": 2026, "hour": 9, "minute": 5}),
        (b"31-12-26", DUTCH, True, None),
        (b"2026-12-31", DUTCH, True, None),
        (b"2026-12-31", DUTCH, False, {"year": 2026, "month": 12, "day": 31}),
        (b"2026-12-31T9.05", ISO, False, None),
        (b"99-99-2026", DUTCH, True, {"day": 99, "month": 99, "year": 2026}),
    ],
)
def test_a_shape_is_read_only_where_a_time_of_the_declared_form_can_have_it(sample, form, is_mixed, fields):
    way = layout(sample, form, is_mixed)
    (texts,) = alike(pa.array([sample.decode()]))
    found = way and {name: int(texts.number(places)[0]) for name, places in way.places.items()}
    assert found == fields
    assert way is None or way.seconds(texts)[1].tolist() == [sample != b"99-99-2026"]
