"""Files of one table: those of one kind are read together, whatever the order of their columns."""

import pytest

HEAD = "Deal ID,Stage,Amount,Currency,Status,Created"


def test_files_of_a_table_are_read_together_in_whatever_order_their_columns_are(mapped, answered, rows):
    made = mapped(
        {
            "2026-01.csv": f"{HEAD}\nD1,Demo,5,EUR,open,2026-01-05\n",
            "2026-02.csv": "Amount,Currency,Created,Status,Deal ID,Stage\n6,EUR,2026-02-05,won,D2,Demo\n",
        }
    )
    assert made.not_read == made.questions == []
    assert rows(answered(made), "deals", "deal_id, amount_minor, status") == [("D1", 500, "open"), ("D2", 600, "won")]


def test_a_file_with_a_column_more_is_read_with_those_before_it(mapped, answered, rows):
    later = f"{HEAD},Owner,Remark\nD2,Demo,6,EUR,won,2026-02-05,Ada,x\n"
    made = mapped({"2026-01.csv": f"{HEAD}\nD1,Demo,5,EUR,open,2026-01-05\n", "2026-02.csv": later})
    assert made.not_read == []
    assert rows(answered(made), "deals", "deal_id, owner_id") == [("D1", None), ("D2", "Ada")]


@pytest.mark.parametrize(
    "other",
    [f"{HEAD},Owner\nD1,Demo,5,EUR,open,2026-01-05,Ada\n", "Deal ID,Amount,Status,Created\nD2,5,open,2026-01-05\n"],
)
def test_a_file_with_a_record_of_another_or_without_what_every_row_must_have_is_not_read_with_it(mapped, other):
    made = mapped({"x.csv": f"{HEAD}\nD1,Demo,5,EUR,open,2026-01-05\n", "y.csv": other})
    assert len(made.fed[0].files) == len(made.not_read) == 1
