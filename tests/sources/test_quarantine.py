"""What was rejected is kept with line, reason and original text, for its owner alone."""

import csv
import stat

HEADER = "deal_id,pipeline,stage,status,amount,currency"
ROWS = [
    'D1,Sales,Demo,open,"1,5",EUR',
    "D2,Sales",
    '"D3","Sales","De""mo","open","x","EUR"',
    'D4,Sales,"Demo',
    "=D5,Sales,Demo,open,secret-value,EUR",
    "D6,Sales,Demo,open,5,EUR",
]
CONTENT = "\r\n".join([HEADER, *ROWS]) + "\r\n"
REJECTED = [(2, "amount_unreadable"), (3, "fields_missing"), (4, "amount_unreadable"), (5, "quotes_not_closed"),
            (6, "amount_unreadable")]  # fmt: skip


def test_each_rejected_row_has_its_line_rule_and_original_text(read, quarantined):
    imported = read({"deals.csv": CONTENT})
    assert quarantined(imported) == [(line, rule, ROWS[line - 2]) for line, rule in REJECTED]
    assert set(quarantined(imported, columns="file")) == {("deals.csv",)}


def test_reasons_name_the_column_and_never_the_value(read, quarantined):
    for column, rule, reason in quarantined(read({"deals.csv": CONTENT}), columns='"column", rule, reason'):
        assert reason
        assert "secret-value" not in rule + reason
        assert reason.startswith(column)


def test_the_files_are_for_their_owner_alone(read):
    folder = read({"deals.csv": CONTENT}).folder / "quarantine"
    assert {path.name for path in folder.iterdir()} == {"deals.csv", "deals.parquet"}
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_text_of_a_rejected_row_stands_anywhere_else(read):
    imported = read({"deals.csv": CONTENT})
    for path in imported.folder.rglob("*"):
        if path.is_file() and path.parent.name != "quarantine":
            assert b"secret-value" not in path.read_bytes()
    assert sorted(path.name for path in read.store.iterdir()) == [imported.folder.name]


def test_the_csv_holds_no_formula_and_the_parquet_the_exact_text(read, quarantined):
    imported = read({"deals.csv": CONTENT})
    with imported.quarantine("deals").open(encoding="utf-8", newline="") as file:
        originals = [row["original"] for row in csv.DictReader(file)]
    assert originals[-1] == "'" + ROWS[4]
    assert quarantined(imported)[-1][2] == ROWS[4]


def test_the_original_is_readable_text_whatever_the_encoding(read, quarantined):
    content = CONTENT.replace("secret-value", "Klep Ø").encode("cp1252")
    assert "Klep Ø" in quarantined(read({"deals.csv": content}, encoding="cp1252"))[-1][2]


def test_the_declared_closing_lines_of_a_report_are_left_out_counted_and_anything_else_below_the_rows_is_rejected(
    read, quarantined
):
    ends = ['"Grand Totals (2 records)"', "Made by: Ada (31-10-2026)", '"The ""Benelux"" report"', "D9"]
    lines = [HEADER, "D1,Sales,Demo,open,5,EUR", ends[1], "D2,Sales,Demo,open,5,EUR", "", *ends]
    declared = ("Grand Totals (* records)", "Made by: *", 'The "Benelux" report')
    imported = read({"deals.csv": "\r\n".join(lines)}, closing_lines=declared)
    assert imported.rejected["deals"] == {"closing_line": 3, "fields_missing": 2}
    assert (imported.rows_read("deals"), imported.rows_loaded("deals")) == (7, 2)
    assert quarantined(imported) == [
        (3, "fields_missing", ends[1]), (6, "closing_line", ends[0]), (7, "closing_line", ends[1]),
        (8, "closing_line", ends[2]), (9, "fields_missing", ends[3]),
    ]  # fmt: skip
    whole = "\r\n".join([*lines[:2], *ends[:3]])
    assert read({"deals.csv": whole}, closing_lines=declared, limit=0.0).rows_loaded("deals") == 1
