"""Which files of a folder are read: those in a zip of several too, and a replica's folder for each table."""

import gzip
import io
import zipfile

import pytest

from salesbook.errors import BadData

OPPORTUNITY = "Id,StageName,Amount,CloseDate,IsWon,IsClosed,OwnerId,CreatedDate,CurrencyIsoCode,ForecastCategory\n"
WON = "006A,Won,5,2026-02-20,true,true,U1,2026-01-05T09:00:00Z,EUR,Closed\n"
TASK = "Id,OwnerId,WhatId,TaskSubtype,CallType,CompletedDateTime,IsDeleted\n"
TASK += "1,U1,006A,Call,Outbound,2026-01-06T09:00:00Z,false\n"
WEEKLY = {"Opportunity.csv": OPPORTUNITY + WON, "Task.csv": TASK, "__MACOSX/Task.csv": "x", "Note.csv": "Id\n1\n"}


def packed(files: dict[str, str]) -> bytes:
    """A zip of files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return held.getvalue()


def test_a_zip_of_several_files_is_read_as_a_folder_of_them(mapped, answered, rows):
    made = mapped({"WE_1.ZIP": packed(WEEKLY)})
    assert made.extends == "salesforce"
    assert {fed.name: fed.files for fed in made.fed} == {
        "deals": ["WE_1.ZIP#Opportunity.csv"], "activities": ["WE_1.ZIP#Task.csv"],
    }  # fmt: skip
    imported = answered(made)
    assert rows(imported, "deals", "deal_id, status") == [("006A", "won")]
    assert rows(imported, "activities", "type, deal_id") == [("call", "006A")]
    assert [file["name"] for file in imported.files] == ["WE_1.ZIP#Opportunity.csv", "WE_1.ZIP#Task.csv"]


def test_a_file_of_a_zip_is_named_behind_its_name(read, deals_of):
    export = {"all.zip": packed({"d.csv": deals_of(good=3), "deals.csv": deals_of(good=2)})}
    assert read(export, files={"deals": "all.zip#d.csv"}).rows_loaded("deals") == 3
    assert read(export).rows_loaded("deals") == 2
    with pytest.raises(BadData, match=r"It holds 'd\.csv', 'deals\.csv'"):
        read(export, files={"deals": "all.zip#e.csv"})
    with pytest.raises(BadData, match=r"no file of deals.* holds 'all\.zip#a\.csv', 'all\.zip#b\.csv'\."):
        read({"all.zip": packed({"a.csv": "x", "b.csv": "x"})})
    with pytest.raises(BadData, match="Name the one to read behind #"):
        read(export, files={"deals": "all.zip"})


def test_files_of_a_zip_are_named_by_a_pattern_unless_one_bears_its_name(read, deals_of):
    months = {"deals-1.csv": deals_of(good=2), "deals-2.csv": deals_of(good=2).replace("D", "E"), "x.csv": "x"}
    imported = read({"all.zip": packed(months)}, files={"deals": "all.zip#deals-*"})
    assert [file["name"] for file in imported.files] == ["all.zip#deals-1.csv", "all.zip#deals-2.csv"]
    odd = {"all.zip": packed({**months, "deals-[12].csv": deals_of(good=1)})}
    assert read(odd, files={"deals": "all.zip#deals-[12].csv"}).rows_loaded("deals") == 1


@pytest.mark.parametrize("name", ["leads.tsv.gz", "LEADS.TXT.ZIP"])
def test_a_packed_text_bears_the_name_of_its_table_whatever_it_ends_in(read, deals_of, name):
    leads = "lead_id,created_at,source,status\nL1,2026-01-05T09:00:00Z,web,new\n"
    content = gzip.compress(leads.encode()) if name.endswith("gz") else packed({"leads.txt": leads})
    assert read({"deals.csv": deals_of(good=1), name: content}).rows_loaded("leads") == 1


def test_a_zip_made_on_windows_may_have_its_folders_behind_backslashes(read, deals_of):
    imported = read({"all.zip": packed({"crm\\Deals.csv": deals_of(good=2), "crm\\x.csv": "x"})})
    assert imported.rows_loaded("deals") == 2


def test_a_zip_whose_list_of_files_is_damaged_is_refused(read, deals_of):
    content = packed({"deals.csv": deals_of(good=1)})
    assert content.count(b"PK\x01\x02") == 1
    with pytest.raises(BadData, match=r"deals\.zip is a broken zip.*Bad magic number"):
        read({"deals.zip": content.replace(b"PK\x01\x02", b"PK\x01\x03")})


def test_the_only_file_of_a_zip_is_known_by_its_own_name_where_the_zips_is_no_tables(read, deals_of):
    leads = "lead_id,created_at,source,status\nL1,2026-01-05T09:00:00Z,web,new\n"
    files = {"deals.zip": packed({"leads.csv": deals_of(good=2)}), "export.zip": packed({"crm/2026/leads.csv": leads})}
    imported = read(files)
    assert (imported.rows_loaded("deals"), imported.rows_loaded("leads")) == (2, 1)
    assert [file["name"] for file in imported.files] == ["deals.zip", "export.zip"]


def test_a_replica_with_a_folder_for_each_table_is_read(mapped, answered, rows, tmp_path):
    for name in ("Opportunity", "Task"):
        (tmp_path / "export" / name).mkdir(parents=True)
    other = OPPORTUNITY + WON.replace("6A", "6B")
    made = mapped({"Opportunity/0.csv": OPPORTUNITY + WON, "Opportunity/1.csv": other, "Task/0.csv": TASK})
    assert [fed.name for fed in made.fed] == ["activities", "deals"]
    assert rows(answered(made), "deals", "deal_id") == [("006A",), ("006B",)]


def test_a_folder_that_bears_the_name_of_a_table_beside_files_is_refused_unless_another_feeds_it(
    read, deals_of, tmp_path
):
    leads = "lead_id,created_at,source,status\nL1,2026-01-05T09:00:00Z,web,new\n"
    (tmp_path / "source" / "leads").mkdir(parents=True)
    export = {"deals.csv": deals_of(good=1), "leads/0.csv": leads}
    with pytest.raises(BadData, match=r'leads is not read.*a folder beside files.*leads = "leads/\*"'):
        read(export)
    assert read(export, files={"leads": "leads/*"}).rows_loaded("leads") == 1
    assert read(export | {"leads.csv": leads + leads.split("\n")[1].replace("L1", "L2")}).rows_loaded("leads") == 2


def test_folders_beside_files_are_not_read(mapped, tmp_path):
    (tmp_path / "export" / "old").mkdir(parents=True)
    made = mapped({"Opportunity.csv": OPPORTUNITY + WON, "old/Opportunity.csv": OPPORTUNITY})
    assert [fed.files for fed in made.fed] == [["Opportunity.csv"]]


@pytest.mark.parametrize("name", ["leads.xls", "Leads.ODS", "leads.csv.bz2", "leads.json", "leads", "leads.csv.part"])
def test_a_table_in_a_kind_of_file_that_is_not_read_is_refused_unless_another_feeds_it(read, deals_of, name):
    export = {"deals.csv": deals_of(good=1), name: b"x", "old_leads.xls": b"x"}
    with pytest.raises(BadData, match=rf'{name} is not read.*Save it as \.xlsx or CSV.*leads = ""'):
        read(export)
    assert read(export, files={"leads": ""}).rows_loaded("deals") == 1
    assert read(export | {"leads.csv": "lead_id,created_at,source,status\n"}).rows_loaded("deals") == 1
