"""What the pages claim: planted effects are found, and where nothing is planted hardly anything is claimed."""

import pytest

from salesbook.compare import leak, why_moved
from salesbook.headlines import funnel, scorecard
from salesbook.kpis.scorecard import win_rate

PAGES = (scorecard, funnel)


def claims(book) -> list[str]:
    return [found.headline for page in PAGES for found in page.this_month(book) if found.is_claim]


def test_the_planted_leak_is_found_and_named(sample_book):
    found = leak(sample_book)
    assert found.worst["stage"] == "Proposal"
    assert found.worst["change_high"] < 0
    assert found.worst["lost"] > 0
    assert any("Proposal" in headline for headline in claims(sample_book))


def test_the_planted_mix_shift_is_found_as_such(sample_book):
    why = why_moved(sample_book, win_rate, "product")
    assert why.total.simpson
    assert why.total.mix_total < 0 < why.total.rate_total
    assert any("mix" in headline.lower() for headline in claims(sample_book))


def test_the_parts_of_a_move_add_up_to_it(sample_book):
    why = why_moved(sample_book, win_rate, "product")
    parts = why.segments["mix"].sum() + why.segments["rate"].sum()
    assert parts == pytest.approx(why.total.after - why.total.before)
