"""What the scorecard says by quarter of the fiscal year; the one that is not over as far as the end of the month."""

import pytest

from salesbook.headlines import scorecard as say
from worked import SETTINGS, book_of

DEALS = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
A,Sales,Won,100.00,EUR,2026-01-01,2026-06-30,won
B,Sales,Won,200.00,EUR,2026-01-01,2026-07-01,won
C,Sales,Won,400.00,EUR,2026-01-01,2026-09-30,won
D,Sales,Lost,1.00,EUR,2026-01-01,2026-09-30,lost
E,Sales,Won,800.00,EUR,2026-01-01,2026-10-05,won
F,Sales,Won,1600.00,EUR,2026-01-01,2026-11-05,won
"""


@pytest.mark.parametrize(
    ("starts", "won"),
    [
        (1, {"Q2 2026": 100, "Q3 2026": 200 + 400, "Q4 2026, so far": 800}),
        (2, {"May 2026 to Jul 2026": 100 + 200, "Aug 2026 to Oct 2026": 400 + 800}),
    ],
)
def test_a_quarter_follows_the_fiscal_year_and_says_when_it_is_not_over(tmp_path, starts, won):
    settings = SETTINGS.replace("[source]", f"fiscal_year_starts = {starts}\n[source]", 1)
    rows = say.by_quarter(book_of(tmp_path, settings=settings, deals=DEALS)).set_index("quarter")
    assert rows["won"].tail(len(won)).to_dict() == won


def test_a_win_rate_of_few_deals_is_left_out_and_what_it_rests_on_stands_beside_it(tmp_path):
    rows = say.by_quarter(book_of(tmp_path, deals=DEALS)).set_index("quarter")
    assert rows.loc["Q3 2026", "closed"] == 2 + 1
    assert rows["win_rate"].isna().all()


def test_quarters_in_which_nothing_closed_have_no_win_rate(tmp_path):
    still_open = DEALS.splitlines()[1] + "\nA,Sales,Demo,100.00,EUR,2026-01-01,,open"
    rows = say.by_quarter(book_of(tmp_path, deals=still_open))
    assert rows["win_rate"].isna().all()
