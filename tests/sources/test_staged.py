"""Steps that look at one row at a time are done while a table is cast: it comes to the same, and is written once."""

import shutil

import pytest

from salesbook.sources import intake, steps

OPPORTUNITY = """Id,AccountId,OwnerId,StageName,Amount,CreatedDate,CloseDate,IsWon,IsClosed,Probability,IsDeleted
006A,001A,005A,Closed Won,1000,2026-01-05T09:00:00.000Z,2026-03-31 00:00:00,true,true,100,false
006B,001A,005A,Proposal,500,2026-01-06T09:00:00.000Z,2026-06-30 00:00:00,false,false,65,true
"""
TASKS = """Id,WhoId,WhatId,TaskSubtype,CallType,CompletedDateTime,ActivityDate,IsDeleted
T1,00QA,,Call,Outbound,2026-01-08T10:00:00Z,2026-01-08,false
T2,003A,006A,Task,,,2026-01-09,true
T3,003A,006A,Task,,yesterday,2026-01-09,true
T4,,001A,Email,Outbound,2026-01-09T10:00:00Z,,
T5,003A,006A,Task,,tomorrow,2026-01-09,false
"""


@pytest.mark.parametrize(
    "files",
    [
        {"Task.csv": TASKS},
        {"Task.csv": TASKS, "Event.csv": "Id,WhatId,StartDateTime,IsDeleted\nE1,006A,2026-01-10T10:00:00Z,true\n"},
        {"Task.csv": TASKS, "Account.csv": "Id,Name,IsDeleted\n001A,One,false\n001B,Two,true\n"},
    ],
    ids=["one file", "two parts", "two tables"],
)
def test_steps_on_one_row_at_a_time_come_to_the_same_while_a_table_is_cast_as_after_it(
    read_crm, rows, quarantined, monkeypatch, files
):
    def found() -> tuple:
        imported = read_crm("salesforce", {"Opportunity.csv": OPPORTUNITY, **files})
        tables = [(rows(imported, name), quarantined(imported, name)) for name in imported.present if name in read]
        shutil.rmtree(imported.folder)
        return imported.rejected, imported.flagged, imported.files, tables

    read = ("activities", "accounts", "deals")
    at_once = found()
    assert at_once[0]["activities"] == {"deleted": 1 + ("Event.csv" in files), "occurred_at_unreadable": 2}
    monkeypatch.setattr(steps, "at_cast", lambda *asked: [])
    assert found() == at_once


def test_rows_of_which_steps_look_at_one_at_a_time_are_written_once(read_crm, monkeypatch):
    write, targets = intake.typed.written, []

    def written(some, path, *given, **told):
        targets.append(path.stem)
        return write(some, path, *given, **told)

    monkeypatch.setattr(intake.typed, "written", written)
    read_crm("salesforce", {"Opportunity.csv": OPPORTUNITY, "Task.csv": TASKS})
    assert [stem for stem in targets if stem.startswith("activities")] == ["activities-1"]
