"""The summary of an import: every rule says where it struck and what to mend, and no value is shown."""

import io

from rich.console import Console

from salesbook.sources.files import unread
from salesbook.sources.summary import summary


def printed(parts) -> str:
    """Tables as a wide terminal shows them."""
    out = io.StringIO()
    for part in parts:
        Console(file=out, width=220).print(part)
    return out.getvalue()


ROWS = (
    "D1,Sales,Demo,open,SECRET,EUR,,,,",
    "D2,Sales,Demo,open,5,EUR,2026-01-05T09:00:00Z,2025-01-05T09:00:00Z,,",
    "D3,Sales",
)


def test_each_rule_says_its_share_its_first_lines_and_what_to_mend(read, deals_of):
    shown = printed(summary(read({"deals.csv": deals_of(*ROWS, good=17)})))
    for told in (
        "│ deals │ amount_unreadable ", " 5.0% │ Correct amount, or declare its form under [source]",
        "│ deals │ amount_unreadable               │ amount │ deals.csv │ 2 ", "Correct created_at or closed_at",
        "│ deals │ fields_missing                  │        │ deals.csv │ 4 ",
    ):  # fmt: skip
        assert told in shown, shown


def test_no_value_of_the_source_is_shown(read, deals_of):
    assert "SECRET" not in printed(summary(read({"deals.csv": deals_of(*ROWS)})))


def test_only_the_first_lines_of_a_rule_are_told(read, deals_of):
    rows = [f"D{n},Sales,Demo,open,x,EUR,,,," for n in range(9)]
    assert "│ 2, 3, 4 │" in printed(summary(read({"deals.csv": deals_of(*rows)})))


def test_rows_that_are_only_left_out_ask_for_nothing(read, deals_of):
    files = {"e-1.csv": deals_of(good=2), "e-2.csv": deals_of(good=2)}
    shown = printed(summary(read(files, files={"deals": "e-*.csv"})))
    assert "Nothing: another file, or one for several tables, has it before." in shown
    assert "First rows" not in shown


def test_what_a_month_lacks_is_told_last(read, deals_of):
    shown = printed(summary(read({"deals.csv": deals_of(good=2)}), "2026-10", ["3 working days have no activity"]))
    assert "The data for 2026-10" in shown
    assert "3 working days have no activity" in shown


def test_names_of_files_are_no_markup(read, deals_of):
    files = {"e[red]1.csv": deals_of("D1,Sales", good=9)}
    assert "e[red]1.csv" in printed(summary(read(files, files={"deals": "e[red]1.csv"})))


def test_columns_and_files_that_nothing_reads_are_named(read):
    header = "deal_id,pipeline,stage,status,currency,Amount [EUR],Note"
    read.write(
        {"Leads of May.csv": "lead_id\n", "Calls.XLS": "x", "effects.json": "{}", "notes.md": "x", "~$deals.xlsx": "x"}
    )
    imported = read({"deals.csv": f"{header}\nD1,Sales,Demo,open,EUR,5,x\n"})
    shown = printed(summary(imported, unread=unread(read.settings())))
    assert "│ deals.csv │ 'Amount [EUR]', 'Note' │" in shown
    assert [line.split()[1] for line in shown.splitlines() if "not read │" in line] == ["Calls.XLS", "Leads"]


def test_a_column_that_one_of_several_tables_reads_is_not_named(read):
    files, columns = {"deals": "all.csv", "accounts": "all.csv"}, {"accounts": {"name": "company"}}
    content = "deal_id,pipeline,stage,status,currency,account_id,company\nD1,Sales,Demo,open,EUR,A1,Acme\n"
    shown = printed(summary(read({"all.csv": content}, files=files, columns=columns)))
    assert "Columns that are not read" not in shown
