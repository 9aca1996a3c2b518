"""What ends a report is left out and counted, and no row for it."""

import pytest

HEADER = "deal_id,pipeline,stage,status,amount,currency"
ROW = "{},Sales,Demo,open,5,EUR"


@pytest.mark.parametrize(
    "line",
    ["Total,,,,,", "Total,,,,5,", ",,,,Total,5.00", "Total,,,,€ 5.00,", "Total,,,,EUR 5,"],
)
def test_a_closing_line_with_as_many_fields_as_a_row_is_left_out_counted(read, quarantined, line):
    imported = read(
        {"deals.csv": f"{HEADER}\n{ROW.format('D1')}\n{line}\n"}, closing_lines=("Total", "Total *"), limit=0.0
    )
    assert (imported.rows_loaded("deals"), quarantined(imported)) == (1, [(3, "closing_line", line)])


@pytest.mark.parametrize("line", ["Total 5,Sales,Demo,open,5,EUR", "Total,Energies,Demo,open,5,EUR"])
def test_a_row_that_begins_like_a_closing_line_is_a_row(read, line):
    imported = read({"deals.csv": f"{HEADER}\n{line}\n"}, closing_lines=("Total *", "Total"))
    assert imported.rows_loaded("deals") == 1


def test_a_closing_line_above_the_last_row_is_rejected_as_what_it_lacks(read):
    imported = read({"deals.csv": f"{HEADER}\nTotal,,,,5,\n{ROW.format('D1')}\n"}, closing_lines=("Total *",))
    assert "closing_line" not in imported.rejected["deals"]


def test_empty_lines_between_closing_ones_go_with_them(read):
    text = f"{HEADER}\n{ROW.format('D1')}\n,,,,,\nTotal,,,,5,\n,,,,,\nMade by Ada\n"
    imported = read({"deals.csv": text}, closing_lines=("Total *", "Made by *"), limit=0.0)
    assert imported.rejected["deals"] == {"closing_line": 4}


def test_closing_lines_are_found_however_many_rows_stand_above_them(read):
    rows = "\n".join(f"D{n},Sales,{'Demo' * 50},open,5,EUR" for n in range(3000))
    imported = read({"deals.csv": f"{HEADER}\n{rows}\nCount,,,,3000,\n\"Made by \"\"Ada\"\"\"\n"},
                    closing_lines=("Count *", 'Made by "Ada"'), limit=0.0)  # fmt: skip
    assert (imported.rows_loaded("deals"), imported.rejected["deals"]) == (3000, {"closing_line": 2})
