"""A header stands where the settings say, and what stands above it is counted."""

import io

import pytest
import xlsxwriter

from salesbook.errors import BadData, WrongUsage
from salesbook.settings import load as settings_of

HEADER = "deal_id,pipeline,stage,status,amount,currency"
ROW = "D1,Sales,Demo,open,5,EUR"
ABOVE = ['"Deals of ""2026"""', "made,by,Ada", "deal_id", ""]
LINES = [*ABOVE, HEADER, ROW, "D2,Sales"]


def sheet(*rows: list, merged: str = "") -> bytes:
    """A workbook of one sheet."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        page = book.add_worksheet()
        for at, row in enumerate(rows):
            page.write_row(at, 0, row)
        if merged:
            page.merge_range(merged, "A title")
    return target.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_above_a_declared_header_are_left_out_counted_with_their_lines(read, quarantined, end):
    imported = read({"deals.csv": end.join(LINES)}, headers={"deals": " Deal ID"})
    assert imported.rejected["deals"] == {"title_line": 3, "fields_missing": 1}
    assert (imported.rows_read("deals"), imported.rows_loaded("deals")) == (5, 1)
    assert quarantined(imported) == [
        *((at, "title_line", text) for at, text in enumerate(ABOVE[:3], 1)), (7, "fields_missing", "D2,Sales"),
    ]  # fmt: skip


def test_titles_of_a_report_do_not_count_as_rejected_rows(read):
    assert read({"deals.csv": "\n".join(LINES[:-1])}, headers={"deals": "deal_id"}, limit=0.0).rows_loaded("deals") == 1


def test_titles_of_several_lines_and_other_signs_are_read_like_any(read, quarantined):
    text = '"Deals;\nof all"\n\nx;y\n' + f"{HEADER}\n{ROW}\nD2,Sales,Demo,open,x,EUR\n".replace(",", ";")
    imported = read({"deals.csv": text}, headers={"deals": "deal_id"})
    assert [row[:2] for row in quarantined(imported)] == [
        (1, "title_line"),
        (4, "title_line"),
        (7, "amount_unreadable"),
    ]


def test_a_header_in_the_first_line_needs_no_titles(read):
    assert read({"deals.csv": f"{HEADER}\n{ROW}\n"}, headers={"deals": "deal_id"}).rejected == {}


@pytest.mark.parametrize("declared", ["pipeline", "made by", "stage"])
def test_a_header_that_is_not_there_is_refused_with_what_was_found(read, declared):
    with pytest.raises(BadData, match=f"no header that begins with '{declared}'") as refused:
        read({"deals.csv": "\n".join(LINES)}, headers={"deals": declared})
    assert "Deals of" in refused.value.found
    assert "[headers]" in refused.value.todo


def test_two_headers_of_one_file_are_refused(read):
    with pytest.raises(BadData, match="declared in two ways"):
        read(
            {"x.csv": "\n".join(LINES)},
            files={"deals": "x.csv", "leads": "x.csv"},
            headers={"deals": "a", "leads": "b"},
        )


def test_a_header_is_declared_by_one_name(tmp_path):
    (tmp_path / "salesbook.toml").write_text("[headers]\ndeals = 5\n", encoding="utf-8")
    with pytest.raises(WrongUsage, match="deals is of the wrong kind"):
        settings_of(tmp_path)


def test_titles_of_a_sheet_stand_above_a_shifted_header_and_may_be_merged(read, quarantined):
    rows = [
        ["", "Pipeline"],
        [],
        ["", "Filter"],
        ["", *HEADER.split(",")],
        ["", "D1", "Sales", "Demo", "open", 5, "EUR"],
    ]
    imported = read({"deals.xlsx": sheet(*rows, merged="D1:E2")}, headers={"deals": "deal_id"})
    assert (imported.rows_loaded("deals"), imported.rejected["deals"]) == (1, {"title_line": 2})
    assert quarantined(imported, columns="line") == [(1,), (3,)]


def test_the_header_once_more_and_what_stands_between_groups_are_titles(read, quarantined):
    group = [",,,,,", "Won,,,,,", HEADER, ROW.replace("D1", "D3")]
    lines = ["Board,,,,,", HEADER, ROW, ",,,,5,", *group, "Lost,,,,,", ROW.replace("D1", "D4")]
    imported = read({"deals.csv": "\n".join(lines)}, headers={"deals": "deal_id"})
    assert imported.rows_loaded("deals") == 3
    assert [line for line, rule, _ in quarantined(imported) if rule == "title_line"] == [1, 4, 5, 6, 7]
    assert [line for line, rule, _ in quarantined(imported) if rule != "title_line"] == [9]
