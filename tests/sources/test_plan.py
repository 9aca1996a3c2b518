"""Which file feeds which table, and which column becomes which: by name and by the map, never by position."""

import gzip
from datetime import date

import pytest

from salesbook.errors import BadData

HEADER = "Nr,Fase,Bedrag,Valuta,Pipeline,Status"
EXPORT = f"{HEADER}\nD1,Demo,5,EUR,Sales,open\n"
COLUMNS = {"deals": {"deal_id": "Nr", "stage": "Fase", "amount": "Bedrag", "currency": "Valuta"}}


def test_columns_are_mapped_by_name(read, rows):
    imported = read({"export.csv": EXPORT}, files={"deals": "export.csv"}, columns=COLUMNS)
    assert rows(imported, "deals", "deal_id, stage, amount_minor") == [("D1", "Demo", 500)]


def test_a_column_of_the_file_may_feed_two(read, rows):
    columns = {"deals": COLUMNS["deals"] | {"product": "Fase"}}
    imported = read({"export.csv": EXPORT}, files={"deals": "export.csv"}, columns=columns)
    assert rows(imported, "deals", "stage, product") == [("Demo", "Demo")]


def test_an_empty_name_in_the_map_takes_no_column(read, rows):
    columns = {"deals": COLUMNS["deals"] | {"status": ""}}
    stages = {"stages": [{"pipeline": "Sales", "stage": "Demo", "position": 1, "is_won": True, "is_lost": False}]}
    imported = read({"export.csv": EXPORT}, files={"deals": "export.csv"}, columns=columns, rows=stages)
    assert rows(imported, "deals", "status") == [("won",)]
    assert imported.files[0]["unknown_columns"] == ["Status"]


def test_a_constant_is_the_value_of_every_row(read, rows):
    constants = {"deals": {"pipeline": "New business", "product": "o'clock"}}
    imported = read({"export.csv": EXPORT}, files={"deals": "export.csv"}, columns=COLUMNS, constants=constants)
    assert rows(imported, "deals", "pipeline, product") == [("New business", "o'clock")]


def test_the_currency_of_the_source_is_that_of_amounts_without_one(read, rows):
    content = EXPORT.replace("Valuta", "Note")
    columns = {"deals": {name: column for name, column in COLUMNS["deals"].items() if name != "currency"}}
    imported = read({"export.csv": content}, files={"deals": "export.csv"}, columns=columns, currency="DKK")
    assert rows(imported, "deals", "currency") == [("DKK",)]
    with pytest.raises(BadData, match=r"currency under \[source\]"):
        read({"export.csv": content}, files={"deals": "export.csv"}, columns=columns)


def test_a_missing_column_says_what_is_there_and_how_to_map_it(read):
    content = "Amount (EUR),deal_id,pipeline,status,currency\n"
    with pytest.raises(BadData) as refused:
        read({"deals.csv": content + "5,D1,Sales,open,EUR\n"}, columns={"deals": {"amount": "amount"}})
    assert str(refused.value) == (
        "deals.csv has no columns 'stage', 'amount'. "
        "It has 'Amount (EUR)', 'deal_id', 'pipeline', 'status', 'currency'. "
        "Map them under [columns.deals] in salesbook.toml, "
        "or give one value for every row under [constants.deals]."
    )


def test_rows_of_the_settings_are_checked_like_others(read, rows, quarantined):
    reps = [
        {"owner_id": "S1", "display_name": "Seller 01", "team": "North", "started_on": date(2026, 1, 1)},
        {"owner_id": "S2", "display_name": "Seller 02", "team": "North", "capacity_fte": 1.5},
        {"owner_id": "S3", "display_name": "Seller 03", "team": "North", "capacity_fte": 9},
        {"owner_id": "S2", "display_name": "Other", "team": "South"},
    ]
    imported = read({"export.csv": EXPORT}, files={"deals": "export.csv"}, columns=COLUMNS, rows={"reps": reps})
    assert rows(imported, "reps", "owner_id, started_on") == [("S1", date(2026, 1, 1))]
    found = quarantined(imported, "reps", "file, line, rule")
    assert found == [
        ("salesbook.toml", 2, "key_conflict"),
        ("salesbook.toml", 3, "capacity_fte_out_of_range"),
        ("salesbook.toml", 4, "key_conflict"),
    ]


def test_rows_of_the_settings_are_canonical_whatever_the_form_of_the_files(read, rows):
    targets = [{"target_id": "T1", "kpi": "win_rate", "level": "organisation", "starts_on": date(2026, 1, 2),
                "ends_on": "2026-02-01", "value": 0.25}]  # fmt: skip
    imported = read(
        {"export.csv": EXPORT.replace(",", ";")}, files={"deals": "export.csv"}, columns=COLUMNS,
        rows={"targets": targets}, decimal=",", thousands=".", date_form="dmy",
    )  # fmt: skip
    assert rows(imported, "targets", "starts_on, value::varchar") == [(date(2026, 1, 2), "0.2500")]


def test_months_of_files_are_one_table(read, rows):
    content = {f"export-{month:02}.csv": EXPORT.replace("D1", f"D{month}") for month in (1, 2, 3)}
    imported = read(content, files={"deals": "export-*.csv"}, columns=COLUMNS)
    assert rows(imported, "deals", "deal_id") == [("D1",), ("D2",), ("D3",)]
    assert [file["name"] for file in imported.files] == sorted(content)
    named = read(content, files={"deals": ["export-01.csv", "export-03.csv"]}, columns=COLUMNS)
    assert rows(named, "deals", "deal_id") == [("D1",), ("D3",)]


def test_a_header_of_many_thousand_letters_costs_no_row(read, rows):
    more = ",".join(f"a_field_with_a_long_name_{number}" for number in range(400))
    header = f"deal_id,pipeline,stage,status,amount,currency,{more}"
    text = "\n".join([header, *(f"D{row},Sales,Demo,open,5,EUR{',' * 400}" for row in (1, 2))])
    assert rows(read({"deals.csv": text}), "deals", "deal_id") == [("D1",), ("D2",)]


@pytest.mark.parametrize("name", ["deals.csv", "deals.TXT", "deals.csv.gz", "deals.gz"])
def test_a_table_s_file_is_known_by_any_ending_that_is_read(read, rows, name):
    text = b"deal_id,pipeline,stage,status,amount,currency\nD1,Sales,Demo,open,5,EUR\n"
    assert rows(read({name: gzip.compress(text) if name.endswith("gz") else text}), "deals", "deal_id") == [("D1",)]


def test_monthly_files_may_have_their_columns_in_another_order(read, rows):
    other = "Status,Nr,Fase,Extra,Bedrag,Valuta,Pipeline\nopen,D2,Demo,x,6,EUR,Sales\n"
    imported = read({"e-1.csv": EXPORT, "e-2.csv": other}, files={"deals": "e-*.csv"}, columns=COLUMNS)
    assert rows(imported, "deals", "deal_id, amount_minor") == [("D1", 500), ("D2", 600)]


def test_no_file_of_deals_says_what_is_there(read):
    with pytest.raises(BadData, match=r"no file of deals.*'opportunities\.csv'.*\[files\]"):
        read({"opportunities.csv": EXPORT})
    (read.folder / "source" / "opportunities.csv").unlink()
    with pytest.raises(BadData, match="is empty"):
        read({})
    with pytest.raises(BadData, match=r"no file of deals.* holds 'notes\.md', 'weekly\.ZIP'\."):
        read({"weekly.ZIP": b"PK", "notes.md": "x"})


def test_a_source_that_is_no_folder_is_refused(read, tmp_path):
    (tmp_path / "file").write_text("x")
    for path in ("nowhere", "file"):
        with pytest.raises(BadData, match=r"not a folder.*\[source\]"):
            read({}, path=path)


def test_a_file_that_the_map_names_must_be_there(read):
    with pytest.raises(BadData, match=r"no file 'exprt\.csv'.*'export\.csv'.*\[files\]"):
        read({"export.csv": EXPORT}, files={"deals": "exprt.csv"}, columns=COLUMNS)


def test_two_files_of_one_table_are_refused(read):
    with pytest.raises(BadData, match=r"'deals\.csv', 'deals\.csv\.gz'"):
        read({"deals.csv": EXPORT, "deals.csv.gz": b""}, columns=COLUMNS)


def test_a_file_that_the_map_does_not_speak_of_is_set_aside_where_it_does_not_fit(read):
    content = {"export.csv": EXPORT, "accounts.csv": "Naam\nAcme\n"}
    imported = read(content, files={"deals": "export.csv"}, columns=COLUMNS)
    assert imported.set_aside == ("accounts.csv",)
    with pytest.raises(BadData, match="account_id"):
        read(content, files={"deals": "export.csv"}, columns=COLUMNS | {"accounts": {"name": "Naam"}})
