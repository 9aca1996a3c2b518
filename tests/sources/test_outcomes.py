"""What became of deals, where the names of their files alone say it."""

import pytest

from salesbook.errors import BadData

HEAD = "Deal ID,Stage,Amount,Currency,Created,Closed"


def file_of(number: int, more: str = "", head: str = HEAD) -> str:
    """A file of one deal."""
    return f"{head}\nD{number},Offer,5,EUR,2026-01-05,{'2026-02-05' if number else ''}{more}\n"


@pytest.mark.parametrize(
    "names",
    [
        ("deals-won.csv", "open_deals.csv", "deals-lost (1).csv"),
        ("Verkoopkansen gewonnen 2026.csv", "Verkoopkansen open 2026.csv", "Verkoopkansen verloren 2026.csv"),
        ("vundne-salg.csv", "a\u030abne-salg.csv", "tabte-salg.csv"),
    ],
)
def test_files_whose_names_differ_by_what_became_of_deals_say_their_status(mapped, answered, rows, names):
    made = mapped({name: file_of(number) for number, name in zip((1, 0, 2), names, strict=True)})
    assert made.questions == []
    told = rows(answered(made), "deals", "deal_id, stage, status")
    assert told == [("D0", "Offer", "open"), ("D1", "Offer", "won"), ("D2", "Offer", "lost")]


def test_such_files_may_each_have_columns_of_their_own_and_no_stage(mapped, answered, rows):
    head = "Deal ID,Owner,Amount,Currency,Created"
    made = mapped({
        "won.csv": f"{head},Won on,Product\nD1,Ada,5,EUR,2026-01-05,2026-02-01,Pump\n",
        "lost.csv": f"{head},Lost on,Lost reason\nD2,Ada,6,EUR,2026-01-05,2026-02-02,Price\n",
        "open.csv": f"{head},Expected close\nD3,Ada,7,EUR,2026-01-05,2026-03-02\n",
    })  # fmt: skip
    assert made.not_read == made.questions == []
    told = rows(answered(made), "deals", "deal_id, stage, status, closed_at::date::varchar, lost_reason")
    assert told == [
        ("D1", "won", "won", "2026-01-31", None),
        ("D2", "lost", "lost", "2026-02-01", "Price"),
        ("D3", "open", "open", None, None),
    ]


def test_a_column_of_that_name_that_says_nothing_of_it_is_the_stage(mapped, answered, rows):
    head = HEAD.replace("Stage", "Status")
    made = mapped({"deals-won.csv": file_of(1, head=head), "deals-open.csv": file_of(0, head=head)})
    assert rows(answered(made), "deals", "stage, status") == [("Offer", "open"), ("Offer", "won")]


def test_a_stage_that_only_some_of_the_files_have_is_what_became_of_the_deals_in_the_others(mapped, answered, rows):
    head = "Deal ID,Amount,Currency,Created"
    made = mapped({
        "won.csv": f"{head},Won on\nD1,5,EUR,2026-01-05,2026-02-01\n",
        "open.csv": f"{head},Status\nD2,7,EUR,2026-01-05,Demo\n",
    })  # fmt: skip
    assert rows(answered(made), "deals", "stage, status") == [("won", "won"), ("Demo", "open")]


@pytest.mark.parametrize(("head", "value"), [("Status", "Lost"), ("Is won", "no")])
def test_a_column_that_says_it_goes_before_the_names(mapped, head, value):
    deal = file_of(1, f",{value}", f"{HEAD},{head}")
    assert mapped({"open.csv": deal, "won.csv": deal}).constants == {"deals": {"pipeline": "Sales"}}


def test_where_the_name_of_one_file_says_nothing_it_is_asked(mapped, answered, rows):
    made = mapped({"deals.csv": file_of(0), "deals-won.csv": file_of(1), "deals-lost.csv": file_of(2)})
    answer = 'status = { "deals.csv" = "open", "deals-lost.csv" = "lost", "deals-won.csv" = "won" }'
    assert answer in next(question.lines for question in made.questions if question.section == "constants.deals")
    assert [status for (status,) in rows(answered(made, answer), "deals", "status")] == ["open", "won", "lost"]


def test_names_of_months_or_of_one_outcome_say_no_status(mapped):
    made = mapped({"won-jan.csv": file_of(1), "won-feb.csv": file_of(2)})
    assert made.constants == {"deals": {"pipeline": "Sales"}}


def test_a_file_of_which_the_settings_tell_no_status_is_refused(mapped, answered, tmp_path):
    made = mapped({"deals-won.csv": file_of(1), "deals-open.csv": file_of(0)})
    made.constants["deals"]["status"] = {"deals-w*": "won"}
    with pytest.raises(BadData, match=r"deals-open\.csv has no value of status"):
        answered(made)
