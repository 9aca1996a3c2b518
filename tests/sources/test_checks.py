"""Rules within a row, between rows and between tables."""

import duckdb
import pytest

from salesbook.errors import BadData

HEADER = "deal_id,pipeline,stage,status,amount,currency,created_at,closed_at,owner_id,account_id"
DAY = "2026-01-05T09:00:00Z"


def deal(deal_id: str, stage: str = "Demo", status: str = "open", more: str = f"5,EUR,{DAY},,,") -> str:
    """A row of deals."""
    return f"{deal_id},Sales,{stage},{status},{more}"


def table(header: str, *rows: str) -> str:
    """A file's text."""
    return "\n".join([header, *rows]) + "\n"


def flags(imported) -> set[tuple]:
    """Table, key and rule of what was flagged."""
    path = str(imported.folder / "flags.parquet")
    return set(duckdb.execute('select "table", key, rule from read_parquet(?)', [path]).fetchall())


def keys(rows, imported, name: str, key: str) -> list[str]:
    """The keys of a loaded table."""
    return [one for (one,) in rows(imported, name, key)]


STAGES = table(
    "pipeline,stage,position,is_won,is_lost",
    "Sales,Demo,1,false,false", "Sales,Won,2,true,false", "Sales,Lost,3,false,true", "Other,Trial,1,false,false",
)  # fmt: skip


def test_of_equal_rows_the_first_is_loaded(read, rows, quarantined):
    imported = read({"deals.csv": table(HEADER, deal("D1"), deal("D2"), deal("D1"), deal("D1"))})
    assert keys(rows, imported, "deals", "deal_id") == ["D1", "D2"]
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [(4, "duplicate"), (5, "duplicate")]


def test_of_rows_with_one_key_that_differ_none_is_loaded(read, rows, quarantined):
    other = deal("D1", more=f"6,EUR,{DAY},,,")
    imported = read({"deals.csv": table(HEADER, deal("D1"), deal("D2"), other, deal("D1"))})
    assert keys(rows, imported, "deals", "deal_id") == ["D2"]
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [(n, "key_conflict") for n in (2, 4, 5)]


def test_records_merged_in_a_circle_are_rejected_and_a_chain_is_flagged(read, rows, quarantined):
    into = {"D1": "D2", "D2": "D3", "D3": "D1", "D4": "D4", "D5": "D6", "D6": "D7", "D7": ""}
    merged = [deal(one, more=f"5,EUR,{DAY},,,,{other}") for one, other in into.items()]
    imported = read({"deals.csv": table(f"{HEADER},merged_into", *merged)})
    assert keys(rows, imported, "deals", "deal_id") == ["D5", "D6", "D7"]
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [(n, "merged_in_circle") for n in (2, 3, 4, 5)]
    assert flags(imported) == {("deals", "D5", "merged_onward")}


def test_rows_that_a_later_export_repeats_do_not_count_as_too_many(read, rows):
    monthly = {
        "deals-01.csv": table(HEADER, deal("D1"), deal("D2")),
        "deals-02.csv": table(HEADER, deal("D1"), deal("D3")),
    }
    imported = read(monthly, files={"deals": "deals-*.csv"}, limit=0.0)
    assert keys(rows, imported, "deals", "deal_id") == ["D1", "D2", "D3"]
    assert imported.rejected == {"deals": {"repeated": 1}}


def test_a_table_made_of_another_tables_file_takes_each_row_once(read, rows):
    imported = read(
        {"export.csv": table(HEADER, *(deal(f"D{n}", more=f"5,EUR,{DAY},,,Acme {n % 2}") for n in range(6)))},
        files={"deals": "export.csv", "accounts": "export.csv"},
        columns={"accounts": {"name": "account_id"}},
        limit=0.0,
    )
    assert keys(rows, imported, "accounts", "account_id") == ["Acme 0", "Acme 1"]


def test_ids_are_exact(read, rows):
    imported = read({"deals.csv": table(HEADER, deal("007"), deal("7"), deal("d7"), deal("D7"), deal("7.0"))})
    assert keys(rows, imported, "deals", "deal_id") == ["007", "7", "7.0", "D7", "d7"]


def test_an_id_with_a_space_is_flagged_and_stays(read, rows):
    imported = read({"deals.csv": table(HEADER, deal("D1 "), deal("D1"), deal("D1\u00a0"))})
    assert keys(rows, imported, "deals", "deal_id") == ["D1", "D1 ", "D1\u00a0"]
    assert flags(imported) == {("deals", f"D1{space}", "deal_id_has_space") for space in " \u00a0"}


def test_an_id_of_spaces_of_any_kind_is_empty(read, quarantined):
    imported = read({"deals.csv": table(HEADER, *map(deal, [" ", "\u00a0", "\u202f ", "D1"]))})
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [(n, "deal_id_empty") for n in (2, 3, 4)]


def test_closed_before_created_is_rejected_but_a_day_is_a_day(read, rows, quarantined):
    imported = read({"deals.csv": table(
        HEADER,
        deal("D1", "Won", "won", "5,EUR,2026-01-05T09:00:00Z,2026-01-04T09:00:00Z,,"),
        deal("D2", "Won", "won", "5,EUR,2026-01-05T09:00:00Z,2026-01-05,,"),
        deal("D3", "Won", "won", "5,EUR,2026-01-05T09:00:00Z,2026-01-05T09:00:00Z,,"),
    )})  # fmt: skip
    assert [rule for _, rule, _ in quarantined(imported)] == ["closed_at_not_before_created_at"]
    assert keys(rows, imported, "deals", "deal_id") == ["D2", "D3"]


def test_won_without_a_date_and_a_negative_amount_are_flagged(read):
    imported = read({"deals.csv": table(HEADER, deal("D1", "Won", "won"), deal("D2", more=f"-5,EUR,{DAY},,,"))})
    assert flags(imported) == {("deals", "D1", "closed_has_a_date"), ("deals", "D2", "amount_not_negative")}


def test_a_deal_without_the_day_it_was_opened_is_flagged_where_others_have_one(read):
    undated = deal("D2", more="5,EUR,,,,")
    assert flags(read({"deals.csv": table(HEADER, deal("D1"), undated)})) == {("deals", "D2", "created_at_empty")}
    header = HEADER.replace("created_at", "opened")
    assert flags(read({"deals.csv": table(header, deal("D1"), undated)})) == set()


def test_a_day_that_programs_write_for_none_is_flagged_and_the_row_stays(read, rows):
    header = f"{HEADER},expected_close"
    of_none = [deal("D1", more="5,EUR,1970-01-01,,,,"), deal("D2", more="5,EUR,1970-01-01T00:00:00Z,,,,1970-01-01")]
    of_some = [deal("D3", more=f"5,EUR,{DAY},,,,1900-01-01"), deal("D4", more="5,EUR,1970-01-03,,,,1970-01-02")]
    imported = read({"deals.csv": table(header, *of_none, *of_some)})
    opened, expected = "created_at_is_no_day", "expected_close_is_no_day"
    found = [("D1", opened), ("D2", opened), ("D2", expected), ("D3", expected)]
    assert flags(imported) == {("deals", key, rule) for key, rule in found}
    assert keys(rows, imported, "deals", "deal_id") == ["D1", "D2", "D3", "D4"]


def test_a_closing_date_of_an_open_deal_is_flagged_and_the_deal_stays_open(read, rows):
    imported = read({"deals.csv": table(HEADER, deal("D1", more=f"5,EUR,{DAY},{DAY},,"), deal("D2"))})
    assert flags(imported) == {("deals", "D1", "open_has_no_close")}
    assert keys(rows, imported, "deals", "deal_id") == ["D1", "D2"]


def test_a_duration_beyond_its_bounds_is_rejected(read, quarantined):
    header = "activity_id,type,direction,duration_seconds"
    activities = table(header, "A1,call,outbound,86400", "A2,call,outbound,86401", "A3,call,outbound,-1")
    imported = read({"deals.csv": table(HEADER, deal("D1")), "activities.csv": activities})
    assert [r for _, r, _ in quarantined(imported, "activities")] == ["duration_seconds_out_of_range"] * 2


def test_an_unknown_parent_that_may_be_missing_is_flagged_and_stays(read, rows):
    owners = table("owner_id,display_name,team", "S1,One,North")
    deals = table(HEADER, deal("D1", more=f"5,EUR,{DAY},,S1,"), deal("D2", more=f"5,EUR,{DAY},,S9,A9"))
    imported = read({"deals.csv": deals, "reps.csv": owners})
    assert flags(imported) == {("deals", "D2", "owner_id_unknown")}
    assert rows(imported, "deals", "owner_id, account_id") == [("S1", None), ("S9", "A9")]


def test_a_visit_of_an_unknown_or_rejected_deal_is_rejected(read, rows, quarantined):
    history = table("deal_id,stage,entered_at", f"D1,Demo,{DAY}", f"D2,Demo,{DAY}", f"D9,Demo,{DAY}")
    deals = table(HEADER, deal("D1"), deal("D2", more=f"x,EUR,{DAY},,,"))
    imported = read({"deals.csv": deals, "stage_history.csv": history})
    assert keys(rows, imported, "stage_history", "deal_id") == ["D1"]
    assert [r for _, r, _ in quarantined(imported, "stage_history")] == ["deal_id_unknown"] * 2


def test_a_stage_that_its_pipeline_does_not_have_is_rejected(read, quarantined):
    history = table("deal_id,stage,entered_at", f"D1,Demo,{DAY}", f"D1,Trial,{DAY}", f"D1,Nowhere,{DAY}")
    deals = table(HEADER, deal("D1"), deal("D2", "Trial"))
    imported = read({"deals.csv": deals, "stage_history.csv": history, "stages.csv": STAGES})
    assert [rule for _, rule, _ in quarantined(imported)] == ["stage_unknown"]
    assert [rule for _, rule, _ in quarantined(imported, "stage_history")] == ["stage_unknown"] * 2


def test_a_status_that_no_column_tells_comes_from_the_stage(read, rows):
    deals = table("deal_id,pipeline,stage,currency", "D1,Sales,Demo,EUR", "D2,Sales,Won,EUR", "D3,Sales,Lost,EUR")
    imported = read({"deals.csv": deals, "stages.csv": STAGES})
    assert rows(imported, "deals", "deal_id, status") == [("D1", "open"), ("D2", "won"), ("D3", "lost")]


def test_a_status_against_the_stage_is_flagged(read):
    deals = table(HEADER, deal("D1", "Won", "open"), deal("D2", "Demo", "won", f"5,EUR,{DAY},{DAY},,"))
    assert flags(read({"deals.csv": deals, "stages.csv": STAGES})) == {("deals", "D1", "status_not_of_stage")}


def test_stages_that_no_source_has_come_from_deals_and_history(read, rows):
    closed = f"5,EUR,{DAY},{DAY},,"
    deals = table(HEADER, deal("D1"), deal("D2", "Done", "won", closed), deal("D3", "Gone", "lost", closed),
                  deal("D4", "Talk", "won", closed), deal("D5", "Talk"))  # fmt: skip
    history = table("deal_id,stage,entered_at", f"D1,Intake,{DAY}", f"D1,Demo,{DAY}")
    imported = read({"deals.csv": deals, "stage_history.csv": history})
    assert rows(imported, "stages", "pipeline, stage, position, is_won, is_lost") == [
        ("Sales", "Demo", None, False, False), ("Sales", "Done", None, True, False),
        ("Sales", "Gone", None, False, True), ("Sales", "Intake", None, False, False),
        ("Sales", "Talk", None, False, False),
    ]  # fmt: skip
    assert imported.rejected == {}
    assert imported.present == ("deals", "stage_history")


def test_deals_won_and_lost_in_the_stages_where_they_stood_have_a_won_and_a_lost_stage_of_their_own(read, rows):
    closed = f"5,EUR,{DAY},{DAY},,"
    deals = table(HEADER, deal("D1"), deal("D2", "Demo", "won", closed), deal("D3", "Talk", "won", closed),
                  deal("D4", "Talk"), deal("D5", "Talk", "won", closed), deal("D6", "Lost"),
                  deal("D7", "Lost", "lost", closed), deal("D8", "Once", "won", closed))  # fmt: skip
    imported = read({"deals.csv": deals})
    ends = [("Sales", "Lost (status)", False, True), ("Sales", "Won", True, False)]
    assert [row for row in rows(imported, "stages", "pipeline, stage, is_won, is_lost") if row[2] or row[3]] == ends


def test_stages_without_a_won_one_for_deals_that_are_won_are_refused(read):
    deals = table(HEADER, deal("D1"), deal("D2", "Trial", "won", f"5,EUR,{DAY},{DAY},,"))
    with pytest.raises(BadData, match="The stages have none for won deals"):
        read({"deals.csv": deals, "stages.csv": STAGES.replace("Won,2,true", "Won,2,false")})


def test_deals_of_which_nothing_tells_whether_they_are_won_are_refused(read):
    with pytest.raises(BadData, match="no status, and there are no stages"):
        read({"deals.csv": table("deal_id,pipeline,stage,currency", "D1,Sales,Demo,EUR")})


def test_a_stage_both_won_and_lost_is_rejected(read, quarantined):
    stages = STAGES.replace("Trial,1,false,false", "Trial,1,true,true")
    imported = read({"deals.csv": table(HEADER, deal("D1")), "stages.csv": stages})
    assert [rule for _, rule, _ in quarantined(imported, "stages")] == ["one_outcome"]


def test_a_table_without_a_key_keeps_rows_that_are_the_same(read, rows):
    costs = table("period,type,amount,currency,acquisition_share", *["2026-01-01,tools,5,EUR,1"] * 2)
    imported = read({"deals.csv": table(HEADER, deal("D1")), "costs.csv": costs})
    assert len(rows(imported, "costs")) == 2
