"""Stale and half data: found, stamped or refused as the settings say, and silent where nothing is wrong."""

import contextlib
import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from salesbook import freshness
from salesbook.build import build
from salesbook.errors import BadData, WrongUsage
from salesbook.report.export import warning
from salesbook.settings import check
from salesbook.sources import site
from salesbook.words import Words
from worked import settings_of

DEALS = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
A,Sales,Won,100.00,EUR,2026-09-01,2026-10-05,won
"""


def activities(days: list[date], each: int = 2) -> str:
    """So many activities on each of the days."""
    rows = [f"A{day}-{n},call,outbound,{day}T10:00:00Z" for day in days for n in range(each)]
    return "\n".join(["activity_id,type,direction,occurred_at", *rows])


def working(first: date, last: date) -> list[date]:
    """The days from Monday to Friday."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in days if day.weekday() < 5]


SEPTEMBER, OCTOBER = working(date(2026, 9, 1), date(2026, 9, 30)), working(date(2026, 10, 1), date(2026, 10, 31))


def warnings_of(settings, folder) -> list[dict]:
    """The warnings about October 2026."""
    with site.opened(settings) as source, contextlib.closing(source.engine(folder)) as engine:
        return freshness.warnings(settings, engine.rows, "2026-10")


@pytest.fixture
def found(tmp_path):
    """The warnings about October 2026 in a company with activities on the days given."""

    def run(days: list[date], **limits):
        settings = settings_of(tmp_path, deals=DEALS, activities=activities(days))
        settings = replace(settings, limits=replace(settings.limits, **limits))
        return warnings_of(settings, tmp_path)

    return run


def test_what_is_dated_after_now_is_told_by_table_and_column(tmp_path):
    settings = settings_of(tmp_path, deals=DEALS, activities=activities([date(2026, 10, 20), date(2099, 1, 1)]))
    with site.opened(settings) as source, contextlib.closing(source.engine(tmp_path)) as engine:
        late, early = (freshness.ahead(engine.rows, datetime(2026, month, 3)) for month in (12, 10))
        within_the_hour = freshness.ahead(engine.rows, datetime(2099, 1, 1, 9, 30))
    assert not within_the_hour
    activity = {"n": 2, "table": "activities", "column": "occurred_at", "day": "2099-01-01"}
    assert late == [{"code": "ahead", "values": activity}]
    assert [(one["values"]["column"], one["values"]["n"]) for one in early] == [("occurred_at", 4), ("closed_at", 1)]
    assert freshness.sentence(late[0]).startswith("2 rows of activities are dated after today by occurred_at")


def test_what_came_later_is_told_too_where_it_is_dated_after_now_but_a_plan_is_none():
    told = freshness.dated()
    assert {("leads", "converted_at"), ("deals", "closed_at"), ("activities", "recorded_at")} <= set(told)
    assert not {("activities", "planned_at"), ("deals", "expected_close")} & set(told)


def test_whole_and_fresh_data_has_no_warning(found):
    assert found(SEPTEMBER + OCTOBER) == []


def test_the_sample_company_has_no_warning(sample_book):
    assert sample_book.run["warnings"] == []


def test_a_newest_event_older_than_the_limit_is_stale(found):
    early = [day for day in SEPTEMBER + OCTOBER if day < date(2026, 10, 23)]
    warnings = {warning["code"]: warning["values"] for warning in found(early)}
    assert warnings["stale"] == {"n": 9, "day": "2026-10-22"}
    assert "stale" not in {warning["code"] for warning in found(early, stale_days=9)}


def test_a_closing_is_an_event(tmp_path):
    settings = settings_of(tmp_path, deals=DEALS.replace("2026-10-05", "2026-10-30"), activities=activities(SEPTEMBER))
    found = warnings_of(settings, tmp_path)
    assert "stale" not in {warning["code"] for warning in found}


def test_what_comes_after_the_month_does_not_make_it_fresh(found):
    later = working(date(2026, 11, 1), date(2026, 11, 20))
    assert "stale" in {warning["code"] for warning in found([*SEPTEMBER, *later])}


def test_a_table_with_much_fewer_rows_than_the_month_before_is_told(found):
    half = found(SEPTEMBER + OCTOBER[:10] + OCTOBER[-2:])
    assert {"code": "fewer_rows", "values": {"table": "activities", "now": 24, "before": 44}} in half
    assert "fewer_rows" not in {w["code"] for w in found(SEPTEMBER + OCTOBER[:10], fewer_rows_share=0.6)}


def test_a_working_day_without_activity_is_told(found):
    assert found(SEPTEMBER + [day for day in OCTOBER if day != date(2026, 10, 14)]) == [
        {"code": "silent_days", "values": {"n": 1, "day": "2026-10-14"}}
    ]


def test_a_team_that_is_silent_on_some_days_of_every_month_is_not_told_each_time(found):
    without = [day for day in SEPTEMBER + OCTOBER if day.day != 14]
    assert found(without) == []


def test_the_run_carries_the_warnings_and_every_page_says_them(tmp_path):
    settings = settings_of(tmp_path, deals=DEALS, activities=activities(SEPTEMBER + OCTOBER[:8]))
    run = json.loads((build(settings, "2026-10", tmp_path / "run") / "run.json").read_text())
    assert [one["code"] for one in run["warnings"]] == ["stale", "fewer_rows", "silent_days"]
    for language in ("en", "nl", "da"):
        said = warning(run, Words(language, "EUR"))
        assert "activities" in said
        assert "44" in said
    assert "12 October 2026" in warning(run, Words("en", "EUR"))


def test_rows_that_are_only_left_out_are_not_said_to_be_unreadable():
    run = {"inputs": [{"rows_rejected": 5}], "rejected": {"deals": {"superseded": 3, "amount_unreadable": 2}}}
    assert warning(run, Words("en", "EUR")).startswith("2 rows")
    assert warning(run | {"inputs": [{"rows_rejected": 3}], "rejected": {"deals": {"superseded": 3}}},
                   Words("en", "EUR")) == ""  # fmt: skip


def test_stale_data_is_refused_where_the_settings_say_so(tmp_path):
    settings = settings_of(tmp_path, deals=DEALS, activities=activities(SEPTEMBER))
    settings = replace(settings, limits=replace(settings.limits, stale="refuse"))
    with pytest.raises(BadData, match=r"2026-10.*newest event.*stale = \"stamp\""):
        build(settings, "2026-10", tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()


def test_another_word_for_stale_is_refused(tmp_path):
    settings = settings_of(tmp_path, deals=DEALS)
    with pytest.raises(WrongUsage, match=r"limits\.stale"):
        check(replace(settings, limits=replace(settings.limits, stale="ignore")))
