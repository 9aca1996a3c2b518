"""The command line: exit codes, messages in three parts, paths on standard output."""

import pytest
from click.testing import CliRunner

from salesbook import KPIS
from salesbook.cli import main, tell
from salesbook.errors import WrongUsage
from worked import SETTINGS, settings_of

DEALS = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
A,Sales,Won,100.00,EUR,2026-09-01,2026-10-05,won
"""

PARTS = ("Error: ", "Found: ", "To do: ")


def run(*words: str):
    return CliRunner().invoke(main, [str(word) for word in words])


def refusal(result, *texts: str) -> tuple[int, str, list[str]]:
    """The exit code, the paths printed, and what the error lacks of its three parts and of the texts."""
    return result.exit_code, result.stdout, [part for part in (*PARTS, *texts) if part not in result.stderr]


def test_kpis_lists_every_kpi_with_its_meaning():
    result = run("kpis")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(KPIS)


def test_help_names_the_exit_codes():
    assert "3 bad data" in run("--help").stdout


def test_an_unknown_command_is_wrong_usage():
    assert run("reprot").exit_code == 2


def test_a_source_that_is_not_there_is_bad_data(tmp_path):
    settings_of(tmp_path, deals=DEALS)
    result = run("report", "--settings", tmp_path, "--source", tmp_path / "nowhere")
    assert refusal(result, "nowhere") == (3, "", [])
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("asked", ["2026-13", "2026-Q5", "2026Q3", "0000-10", "9999-12"])
def test_what_is_no_month_and_no_quarter_is_wrong_usage(tmp_path, asked):
    settings_of(tmp_path, deals=DEALS)
    assert refusal(run("report", "--settings", tmp_path, "--month", asked), asked, "2026-10", "2026-Q3") == (2, "", [])


def test_a_month_without_data_is_bad_data(tmp_path):
    settings_of(tmp_path, deals=DEALS)
    assert refusal(run("report", "--settings", tmp_path, "--month", "2025-01"), "2025-01") == (3, "", [])


def test_a_page_that_does_not_exist_is_wrong_usage(tmp_path):
    settings_of(tmp_path, deals=DEALS)
    assert refusal(run("report", "--settings", tmp_path, "--only", "funnle"), "funnle") == (2, "", [])


def test_a_map_that_names_an_unknown_column_is_bad_data(tmp_path):
    settings_of(tmp_path, deals=DEALS)
    (tmp_path / "salesbook.toml").write_text(SETTINGS + '[columns.deals]\ndeal_idd = "deal_id"\n')
    assert refusal(run("check", "--settings", tmp_path), "deal_idd", "deal_id") == (3, "", [])


def test_a_map_to_a_column_that_the_file_does_not_have_is_bad_data(tmp_path):
    settings_of(tmp_path, deals=DEALS)
    (tmp_path / "salesbook.toml").write_text(SETTINGS + '[columns.deals]\namount = "Value"\n')
    assert refusal(run("check", "--settings", tmp_path), "Value", "deals.csv") == (3, "", [])


def test_too_many_rejected_rows_are_bad_data(tmp_path):
    bad = DEALS + "B,Sales,Won,much,EUR,2026-09-01,2026-10-05,won\n"
    settings_of(tmp_path, SETTINGS.replace("rejected_share = 1.0", "rejected_share = 0.05"), deals=bad)
    assert refusal(run("check", "--settings", tmp_path), "deals", "amount") == (3, "", [])


def test_check_says_what_was_read_and_rejected(tmp_path):
    settings_of(tmp_path, deals=DEALS + "B,Sales,Won,much,EUR,2026-09-01,2026-10-05,won\n")
    result = run("check", "--settings", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert "deals" in result.stdout
    assert "amount" in result.stdout


def test_sample_writes_a_company_of_the_size_asked_for(tmp_path):
    result = run("sample", "--leads", 60, "--months", 3, "--seed", 5, "--no-effects", "--out", tmp_path / "made")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(tmp_path / "made")
    assert (tmp_path / "made" / "leads.csv").read_text().count("\n") > 60


@pytest.mark.parametrize("option", ["--settings", "--source"])
def test_every_reading_command_takes_settings_and_source(option):
    for command in ("report", "check"):
        assert option in run(command, "--help").stdout


def test_what_was_found_is_said_once(capsys):
    with pytest.raises(SystemExit):
        tell(WrongUsage("The month is none.", "Found '2026-13'.", "Write 2026-10."))
    assert "Found: '2026-13'." in capsys.readouterr().err
