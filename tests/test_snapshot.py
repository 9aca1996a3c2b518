"""Snapshots of open deals: once a day, whole or not at all, read back with the source, rebuilt where history tells."""

import dataclasses
import re
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from salesbook.build import build
from salesbook.cli import main
from salesbook.errors import BadData
from salesbook.settings import load
from salesbook.snapshot import take
from salesbook.sources import site
from worked import SETTINGS, STAGES, settings_of

NOW = datetime(2026, 10, 15, 23, 30, tzinfo=UTC)  # in Amsterdam the day after
DEALS = """
deal_id,owner_id,pipeline,stage,amount,currency,created_at,closed_at,status,expected_close,is_test,deleted_at
A,S1,Sales,Demo,100.05,EUR,2026-09-01T08:00:00Z,,open,2026-11-30,,
B,S1,Sales,Proposal,,EUR,2026-10-02T08:00:00Z,,open,,,
C,S1,Sales,Won,9.00,EUR,2026-07-01T08:00:00Z,2026-08-05T08:00:00Z,won,,,
T,S1,Sales,Demo,9.00,EUR,2026-09-01T08:00:00Z,,open,,true,
X,S1,Sales,Demo,9.00,EUR,2026-09-01T08:00:00Z,,open,,,2026-10-03T08:00:00Z
"""
HISTORY = """
deal_id,stage,entered_at,exited_at
A,Qualification,2026-09-01T08:00:00Z,2026-10-01T08:00:00Z
A,Demo,2026-10-01T08:00:00Z,
C,Demo,2026-07-01T08:00:00Z,2026-08-05T08:00:00Z
C,Won,2026-08-05T08:00:00Z,
X,Demo,2026-09-01T08:00:00Z,
"""
CHANGES = """
deal_id,field,old_value,new_value,changed_at
A,amount,80.00,100.05,2026-10-02T08:00:00Z
A,expected_close,2026-10-31,2026-11-30,2026-09-02T08:00:00Z
A,owner,S0,S1,2026-10-03T08:00:00Z
"""


def rows(file: Path) -> list[tuple]:
    """The rows of a day's file without its instant."""
    return [tuple(row.values())[1:] for row in pq.read_table(file).to_pylist()]


def loaded(settings) -> list[tuple]:
    """The snapshots as the source has them once read."""
    with site.opened(settings) as source:
        path = str(source.imported.table("forecast_snapshots"))
        query = (
            "select snapshot_at, deal_id, amount_minor, coalesce(is_rebuilt, false) from read_parquet(?) order by all"
        )
        return duckdb.execute(query, [path]).fetchall()


def test_a_snapshot_holds_the_open_deals_as_they_stand_and_no_others(tmp_path):
    taken = take(settings_of(tmp_path, deals=DEALS), NOW)
    assert (taken.file.name, taken.was_there, taken.warning) == ("2026-10-16.parquet", False, "")
    assert rows(taken.file) == [
        ("crm", "A", "S1", "Sales", "Demo", None, Decimal("100.05"), "EUR", Decimal("0.3"), date(2026, 11, 30), False),
        ("crm", "B", "S1", "Sales", "Proposal", None, None, "EUR", Decimal("0.5"), None, False),
    ]
    assert pq.read_table(taken.file)["snapshot_at"].to_pylist() == [NOW, NOW]


def test_a_second_snapshot_of_a_day_changes_nothing(tmp_path):
    first = take(settings_of(tmp_path, deals=DEALS), NOW)
    content = first.file.read_bytes()
    again = take(settings_of(tmp_path, deals=DEALS.replace("100.05", "7.00")), NOW.replace(hour=22))
    assert (again.file, again.was_there, again.file.read_bytes()) == (first.file, True, content)


def test_snapshots_are_read_back_in_their_own_form_beside_those_of_the_export(tmp_path):
    exported = 'wanneer,method,deal_id,owner_id,amount,currency\n1-9-2026,crm,A,S1,"1.000,50",EUR\n'
    deals = DEALS.replace("100.05", '"100,05"').replace("9.00", '"9,00"').replace("2026-11-30", "30-11-2026")
    form = '[source]\ndate_form = "dmy"\ndecimal = ","\nthousands = "."\n'
    stages = re.sub(r"0\.(\d)", r'"0,\1"', STAGES)
    more = '[columns.forecast_snapshots]\nsnapshot_at = "wanneer"\n'
    settings = SETTINGS.replace("[source]\n", form) + more
    company = settings_of(tmp_path, settings, stages=stages, deals=deals, forecast_snapshots=exported)
    take(company, NOW)
    assert loaded(company) == [
        (datetime(2026, 8, 31, 22), "A", 100050, False),
        (datetime(2026, 10, 15, 23, 30), "A", 10005, False),
        (datetime(2026, 10, 15, 23, 30), "B", None, False),
    ]


def test_month_ends_are_rebuilt_from_history_as_the_deals_stood_then_and_marked(tmp_path):
    company = settings_of(tmp_path, deals=DEALS, stage_history=HISTORY, deal_changes=CHANGES)
    taken = take(company, NOW)
    assert [file.name for file in taken.rebuilt] == ["2026-09-30.parquet"]
    assert rows(taken.rebuilt[0]) == [
        ("crm", "A", "S0", "Sales", "Qualification", None, Decimal("80.00"), "EUR", Decimal("0.1"),
         date(2026, 11, 30), True),
        ("crm", "X", "S1", "Sales", "Demo", None, Decimal("9.00"), "EUR", Decimal("0.3"), None, True),
    ]  # fmt: skip
    assert [row[-1] for row in loaded(company)] == [True, True, False, False]


def test_a_rebuilt_snapshot_never_takes_the_place_of_a_kept_one(tmp_path):
    september = take(settings_of(tmp_path, deals=DEALS), datetime(2026, 9, 30, 12, tzinfo=UTC))
    content = september.file.read_bytes()
    taken = take(settings_of(tmp_path, deals=DEALS, stage_history=HISTORY), NOW)
    assert (taken.rebuilt, september.file.read_bytes()) == ([], content)


def test_what_the_export_has_of_a_month_s_last_week_is_not_rebuilt(tmp_path):
    exported = "snapshot_at,method,deal_id,owner_id,amount,currency\n2026-09-25T16:00:00Z,crm,A,S1,1.00,EUR\n"
    company = settings_of(tmp_path, deals=DEALS, stage_history=HISTORY, forecast_snapshots=exported)
    assert take(company, NOW).rebuilt == []


def test_rebuilt_snapshots_say_nothing_about_what_facts_work_out_from_history(tmp_path):
    company = settings_of(tmp_path, deals=DEALS, stage_history=HISTORY, deal_changes=CHANGES)
    before = build(company, "2026-10", tmp_path / "before")
    take(company, NOW)
    after = build(company, "2026-10", tmp_path / "after")
    open_deals = "facts/open_deals.parquet"
    rebuilt = "select * from read_parquet(?) where seen_on < date '2026-11-01' order by all"
    told = [duckdb.execute(rebuilt, [str(run / open_deals)]).fetchall() for run in (before, after)]
    assert told[0] == told[1] != []
    marked = "select count(*), count(*) filter (is_rebuilt) from read_parquet(?)"
    assert duckdb.execute(marked, [str(after / "facts/snapshot_facts.parquet")]).fetchall() == [(4, 2)]


def test_what_is_rebuilt_of_the_sample_company_is_what_its_crm_showed(sample_settings, tmp_path):
    export = tmp_path / "export"
    export.mkdir()
    for name in ("deals", "stages", "stage_history", "deal_changes", "reps"):
        (export / f"{name}.csv").write_bytes((sample_settings.source_path / f"{name}.csv").read_bytes())
    source = dataclasses.replace(sample_settings.source, path=str(export))
    take(dataclasses.replace(sample_settings, home=tmp_path, source=source), datetime(2026, 10, 31, 20, tzinfo=UTC))
    kept = str(sample_settings.source_path / "forecast_snapshots.csv")
    ((n, there, *same),) = duckdb.execute(
        """select count(*), count(r.deal_id), count(*) filter (r.stage = k.stage),
            count(*) filter (r.amount is not distinct from k.amount),
            count(*) filter (r.expected_close is not distinct from k.expected_close)
        from read_csv(?) k left join read_parquet(?) r
            on r.deal_id = k.deal_id and epoch(r.snapshot_at) = epoch(k.snapshot_at)
        where k.method = 'crm' and k.deal_id is not null
            and epoch(k.snapshot_at) in (select epoch(snapshot_at) from read_parquet(?))""",
        [kept, *[str(tmp_path / "snapshots" / "*.parquet")] * 2],
    ).fetchall()
    assert n > 2000
    # Deals that were merged since, and a few that were entered late, stood in the CRM and are not in history.
    assert min(there, *same) > 0.96 * n


def settings_folder(tmp_path: Path) -> Path:
    """A company whose newest record is of today, for the command line."""
    today = datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
    settings_of(tmp_path, deals=DEALS.replace("2026-10-02T08:00:00Z", today))
    return tmp_path


def command(folder: Path, before: str = "") -> subprocess.Popen:
    """`salesbook snapshot` in a process of its own; `before` is run in it first."""
    code = f"import sys; {before}\nfrom salesbook.cli import main; main(['snapshot', '--settings', sys.argv[1]])"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], **pipes)


def test_two_runs_at_once_leave_one_whole_snapshot(tmp_path):
    folder = settings_folder(tmp_path)
    both = [command(folder), command(folder)]
    said = [run.communicate(timeout=120) for run in both]
    assert [run.returncode for run in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert sum("it stays" in errors for _, errors in said) == 1
    (file,) = (folder / "snapshots").glob("*.parquet*")
    assert [row[1] for row in rows(file)] == ["A", "B"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_run_that_is_killed_leaves_no_half_snapshot_and_the_next_one_takes_it(tmp_path, step):
    folder = settings_folder(tmp_path)
    # The import writes files of its own: only what happens to the snapshot counts.
    fake = f"type('Os', (), dict(vars(os), {step}=lambda *a: os.kill(os.getpid(), signal.SIGKILL)))"
    killed = command(folder, f"import os, signal, salesbook.disk as disk; disk.os = {fake}")
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert list((folder / "snapshots").glob("2*")) == []
    assert list((folder / "snapshots").glob(".2*")) != []
    again = command(folder)
    assert (again.communicate(timeout=120)[1], again.returncode) == ("", 0)
    (file,) = [path for path in (folder / "snapshots").iterdir() if path.name != ".lock"]
    assert [row[1] for row in rows(file)] == ["A", "B"]


def test_old_data_is_told_or_refused_as_the_settings_say(tmp_path):
    later = datetime(2026, 12, 1, tzinfo=UTC)
    assert "2026-10-15, 46 days ago" in take(settings_of(tmp_path, deals=DEALS), later).warning
    strict = settings_of(tmp_path, SETTINGS.replace("[limits]", '[limits]\nstale = "refuse"'), deals=DEALS)
    with pytest.raises(BadData, match="A snapshot of today would hold old deals"):
        take(strict, datetime(2026, 12, 2, tzinfo=UTC))


def test_a_file_among_the_snapshots_that_is_none_is_named(tmp_path):
    company = settings_of(tmp_path, deals=DEALS)
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "2026-10-01.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadData, match=r"snapshots/2026-10-01.parquet is no snapshot"), site.opened(company):
        pass


def test_the_command_prints_where_the_snapshot_is(tmp_path, capsys):
    folder = settings_folder(tmp_path)
    main(["snapshot", "--settings", str(folder)], standalone_mode=False)
    file = Path(capsys.readouterr().out.strip())
    assert file.is_file()
    assert load(folder).home / "snapshots" == file.parent
