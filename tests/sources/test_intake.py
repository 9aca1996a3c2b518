"""The import as a whole: whole or not at all, once for the same bytes, every row accounted for."""

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from salesbook.errors import BadData
from salesbook.settings import load as settings_of
from salesbook.sources import intake, load
from salesbook.tables import TABLES

DEAL = "{id},Sales,Demo,open,100.00,EUR,2026-01-05T09:00:00Z,,,"
SAMPLE = Path(__file__).parents[2] / "salesbook.toml"
CRM = Path(__file__).parents[3] / "shared" / "data" / "crm-sales-opportunities"
STAGES = [
    {"pipeline": "Sales", "stage": name, "position": place, "is_won": name == "Won", "is_lost": name == "Lost"}
    for place, name in enumerate(("Prospecting", "Engaging", "Won", "Lost"), 1)
]
CRM_MAP = {
    "zone": "America/New_York",
    "currency": "USD",
    "files": {"deals": "sales_pipeline.csv", "accounts": "accounts.csv", "reps": "sales_teams.csv"},
    "columns": {
        "deals": {
            "deal_id": "opportunity_id",
            "owner_id": "sales_agent",
            "account_id": "account",
            "stage": "deal_stage",
            "created_at": "engage_date",
            "closed_at": "close_date",
            "amount": "close_value",
        },
        "accounts": {"account_id": "account", "name": "account", "industry": "sector", "parent_id": "subsidiary_of"},
        "reps": {"owner_id": "sales_agent", "display_name": "sales_agent", "team": "manager"},
    },
    "constants": {"deals": {"pipeline": "Sales"}},
    "words": {"deals": {"product": {"GTXPro": "GTX Pro"}}},
    "rows": {"stages": STAGES},
}


def test_the_sample_company_loads_whole(tmp_path):
    settings = settings_of(SAMPLE)
    if not settings.source_path.is_dir():
        pytest.skip("the sample company is not written yet")
    imported = load(settings, tmp_path / "imports")
    assert imported.rejected == {}
    for file in imported.files:
        assert file["rows_read"] == file["rows_loaded"] > 0


def test_every_table_is_there_with_its_columns_and_types(read, deals_of):
    imported = read({"deals.csv": deals_of(good=2)})
    for name, table in TABLES.items():
        described = duckdb.execute("describe select * from read_parquet(?)", [str(imported.table(name))]).fetchall()
        assert {column: kind for column, kind, *_ in described} == table.stored
    assert imported.present == ("deals",)


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        ([DEAL.format(id=at) for at in range(9)], 1),
        ([DEAL.format(id=at).replace("100.00", "?" if at % 2 else "1") for at in range(9)], 1),
        ([DEAL.format(id=at).replace("open", "" if at == 5 else "won") for at in range(9)], 2),
        ([DEAL.format(id=at % 7) for at in range(9)], 2),
    ],
    ids=["all good", "some cannot be cast", "a status is filled in", "a key twice"],
)
def test_rows_are_written_once_unless_the_checks_change_or_reject_some(read, deals_of, rows, monkeypatch, lines, times):
    write, targets = intake.typed.written, []

    def written(some, path, *given, **told):
        targets.append(path.stem)
        return write(some, path, *given, **told)

    monkeypatch.setattr(intake.typed, "written", written)
    stages = "pipeline,stage,position,is_won,is_lost\nSales,Demo,1,true,false\nSales,Lost,2,false,true\n"
    imported = read({"deals.csv": deals_of(*lines), "stages.csv": stages})
    assert sum(stem.startswith("deals") for stem in targets) == times
    assert imported.rows_read("deals") == 9
    assert {status for (status,) in rows(imported, "deals", "status")} <= {"open", "won"}


def test_the_order_of_rows_does_not_matter(read, deals_of, rows):
    lines = deals_of(good=50).splitlines()
    forward = rows(read({"deals.csv": "\n".join(lines)}), "deals")
    backward = rows(read({"deals.csv": "\n".join(lines[:1] + lines[:0:-1])}), "deals")
    assert forward == backward
    assert len(forward) == 50


def test_the_same_files_are_read_once_and_changed_ones_again(read, deals_of):
    first = read({"deals.csv": deals_of(good=2)})
    record = (first.folder / "import.json").stat().st_mtime_ns
    again = read({"deals.csv": deals_of(good=2)})
    assert again == first
    assert (again.folder / "import.json").stat().st_mtime_ns == record
    changed = read({"deals.csv": deals_of(good=3)})
    assert changed.folder != first.folder
    assert first.folder.is_dir()


def test_files_whose_import_is_kept_are_hashed_where_they_stand(read, deals_of, monkeypatch):
    first = read({"deals.csv": deals_of(good=2)})
    monkeypatch.setattr(intake.copies, "copied", None)
    assert read({"deals.csv": deals_of(good=2)}).folder == first.folder


def test_a_changed_file_of_the_same_size_and_time_is_read_again(read, deals_of):
    first = read({"deals.csv": deals_of(DEAL.format(id="D1"))})
    path = read.folder / "source" / "deals.csv"
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_text(deals_of(DEAL.format(id="D2")))
    os.utime(path, ns=times)
    again = load(read.settings(), read.store)
    assert again.folder != first.folder
    assert [file["bytes"] for file in again.files] == [file["bytes"] for file in first.files]


def test_another_map_makes_another_import(read, deals_of):
    first = read({"deals.csv": deals_of(good=2)})
    other = read({"deals.csv": deals_of(good=2)}, nulls=("Demo",))
    assert first.folder != other.folder
    assert other.rejected == {"deals": {"stage_empty": 2}}


def test_nothing_is_left_of_an_import_that_was_refused(read):
    with pytest.raises(BadData):
        read({"deals.csv": "deal_id\nD1\n"})
    assert list(read.store.iterdir()) == []


def test_rejected_and_loaded_rows_are_recorded(read, deals_of):
    imported = read({"deals.csv": deals_of("D1,Sales,Demo,open,abc,EUR,,,,", "D2,Sales", good=3)})
    record = json.loads((imported.folder / "import.json").read_text())
    assert [(f["rows_read"], f["rows_loaded"], f["rows_rejected"]) for f in record["files"]] == [(5, 3, 2)]
    assert record["rejected"] == {"deals": {"amount_unreadable": 1, "fields_missing": 1}}


def test_the_newest_instant_leaves_plans_out(read, deals_of):
    activities = "activity_id,type,direction,occurred_at,planned_at\nA1,call,outbound,2026-03-01T10:00:00Z,2027-01-01\n"
    imported = read({"deals.csv": deals_of(good=1), "activities.csv": activities})
    assert imported.newest == datetime(2026, 3, 1, 10)


@pytest.mark.skipif(not CRM.is_dir(), reason="the CRM export for tests is not there")
@pytest.mark.parametrize(("folder", "date_form"), [(CRM, "ymd"), (CRM / "excel-resaved", "mdy")])
def test_a_real_export_loads_to_its_known_numbers(read, rows, folder, date_form):
    settings = read.settings(path=str(folder), date_form=date_form, limit=0.0, **CRM_MAP)
    imported = load(settings, read.store)
    assert imported.rows_read("deals") == imported.rows_loaded("deals") == 8800
    won = rows(imported, "deals", "count(*) filter (status = 'won'), count(*) filter (status = 'lost')")
    assert won == [(4238, 2473)]
    assert rows(imported, "deals", "sum(amount_minor) filter (status = 'won')") == [(1_000_553_400,)]
    assert rows(imported, "deals", "count(*) filter (product = 'GTX Pro' and status = 'won')") == [(729,)]
    assert imported.flagged == {"deals": {"created_at_empty": 500}}


@pytest.mark.skipif(not CRM.is_dir(), reason="the CRM export for tests is not there")
def test_a_real_export_read_with_the_wrong_order_of_day_and_month_is_refused(read):
    settings = read.settings(path=str(CRM / "excel-resaved"), date_form="dmy", limit=0.05, **CRM_MAP)
    with pytest.raises(BadData, match="created_at is not a date or time of the form 31-12-2026"):
        load(replace(settings), read.store)


def test_of_two_runs_at_once_the_first_import_stays(tmp_path):
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "import.json").write_text(name)
    intake.publish(tmp_path / "mine", tmp_path / "theirs")
    assert (tmp_path / "theirs" / "import.json").read_text() == "theirs"


def test_what_cut_off_runs_left_is_swept_after_a_day(read, deals_of):
    read.store.mkdir()
    old, young = read.store / ".staging-old", read.store / ".staging-young"
    for staging in (old, young):
        staging.mkdir()
    os.utime(old, (0, 0))
    read({"deals.csv": deals_of(good=1)})
    assert not old.exists()
    assert young.exists()
