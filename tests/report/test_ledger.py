"""A published month stays as it was; a later run says what changed and why, to the cent."""

import json

import pytest

from salesbook.build import run_of
from salesbook.errors import WrongUsage
from salesbook.report.kept import keep, versions
from salesbook.report.ledger import changes, is_same, refuse_other_days
from worked import book_of, settings_of

HEAD = "deal_id,owner_id,pipeline,stage,amount,currency,created_at,closed_at,status,merged_into,merged_at\n"
BEFORE = {
    "A": "A,S1,Sales,Won,100.00,EUR,2026-09-01,2026-10-05,won,,",
    "B": "B,S1,Sales,Won,200.00,EUR,2026-09-01,2026-10-06,won,,",
    "C": "C,S1,Sales,Won,400.00,EUR,2026-09-01,2026-10-07,won,,",
    "D": "D,S1,Sales,Won,1000.00,DKK,2026-09-01,2026-10-08,won,,",
    "E": "E,S1,Sales,Won,800.00,EUR,2026-09-01,2026-10-09,won,,",
    "F": "F,S1,Sales,Won,50.00,EUR,2026-09-01,2026-10-09,won,,",
}
RATES = "currency,rate_on,rate\nDKK,2026-10-05,{}\nDKK,2026-10-31,0.134\n"


def run(folder, deals: dict, rate: str = "0.134"):
    book = book_of(folder, deals=HEAD + "\n".join(deals.values()), fx_rates=RATES.format(rate))
    return book.folder


@pytest.fixture
def before(tmp_path):
    return run(tmp_path / "before", BEFORE)


def test_every_changed_deal_has_one_reason_and_the_effects_add_up(before, tmp_path):
    deals = BEFORE | {
        "B": "B,S1,Sales,Won,250.00,EUR,2026-09-01,2026-10-06,won,,",  # another amount: + 50
        "C": "C,S1,Sales,Won,400.00,EUR,2026-09-01,2026-10-07,won,A,2026-10-20",  # merged away: - 400
        "E": "E,S1,Sales,Proposal,800.00,EUR,2026-09-01,,open,,",  # open again: - 800
        "F": "F,S2,Sales,Won,50.00,EUR,2026-09-01,2026-10-09,won,,",  # another seller
        "G": "G,S1,Sales,Won,70.00,EUR,2026-10-01,2026-10-30,won,,",  # entered later: + 70
    }
    found = changes(before, run(tmp_path / "after", deals, "0.135")).set_index("reason")
    effects = {"amount": 5_000, "removed": -40_000, "reopened": -80_000, "owner": 0, "late_entry": 7_000, "rate": 100}
    assert found["effect_minor"].to_dict() == effects
    assert found["deals"].to_dict() == {
        "amount": 0, "removed": -1, "reopened": -1, "owner": 0, "late_entry": 1, "rate": 0
    }  # fmt: skip
    assert found["n"].eq(1).all()


def test_nothing_changed_is_an_empty_ledger(before, tmp_path):
    again = run(tmp_path / "again", BEFORE)
    assert changes(before, again).empty
    assert is_same(before, again)


def test_another_start_of_the_fiscal_year_restates_a_month_and_a_quarter_of_other_days_is_refused(before, tmp_path):
    again = run(tmp_path / "again", BEFORE)
    said = json.loads((before / "run.json").read_text())
    (before / "run.json").write_text(json.dumps(said | {"fiscal_year_starts": 4}))
    assert changes(before, again)["reason"].tolist() == ["fiscal_year"]
    assert not is_same(before, again)
    refuse_other_days(before, again)
    other = said["period"] | {"start": "2026-07-01"}
    (before / "run.json").write_text(json.dumps(said | {"fiscal_year_starts": 4, "period": other}))
    with pytest.raises(WrongUsage, match="Set fiscal_year_starts to 4 again"):
        refuse_other_days(before, again)


def test_a_definition_that_changed_is_named(before):
    said = json.loads((before / "run.json").read_text())
    (before / "run.json").write_text(json.dumps(said | {"kpis": {"won": "another"}}))
    found = changes(before, before)
    assert found.to_dict("records") == []
    other = before.parent / "other"
    other.mkdir()
    (other / "facts").symlink_to(before / "facts")
    (other / "run.json").write_text(json.dumps(said))
    assert changes(before, other).to_dict("records") == [
        {"reason": "definition", "n": 1, "deals": 0, "effect_minor": 0}
    ]
    assert not is_same(before, other)


def test_a_frozen_version_is_whole_and_numbered(before, tmp_path):
    reports = tmp_path / "reports"
    with pytest.raises(WrongUsage, match="nothing to publish"):
        keep(reports, "2026-10", before)
    (reports / "2026-10").mkdir(parents=True)
    (reports / "2026-10" / "funnel.html").write_text("a page")
    assert keep(reports, "2026-10", before).name == "2026-10-v1"
    assert keep(reports, "2026-10", before).name == "2026-10-v2"
    kept = versions(reports, "2026-10")
    assert [path.name for path in kept] == ["2026-10-v1", "2026-10-v2"]
    assert (kept[0] / "funnel.html").read_text() == "a page"
    assert is_same(kept[0] / "run", before)


def test_a_run_is_built_once_for_the_same_data_and_settings(tmp_path):
    settings = settings_of(tmp_path, deals=HEAD + BEFORE["A"])
    first = run_of(settings, "2026-10")
    made = (first / "run.json").stat().st_mtime_ns
    assert run_of(settings, "2026-10") == first
    assert (first / "run.json").stat().st_mtime_ns == made
    other = settings_of(tmp_path, deals=HEAD + BEFORE["A"].replace("100.00", "101.00"))
    assert run_of(other, "2026-10") != first
