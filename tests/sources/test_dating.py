"""Dates in figures alone: the steps that turn them are proposed where the whole column and its name say so."""

import pytest

HEAD = "Deal ID,Stage,Amount,Currency,Status,Created"


@pytest.mark.parametrize(("unit", "is_proposed"), [("000", True), ("", True), ("0", False)])
def test_times_that_a_program_counts_are_proposed_under_a_name_that_says_time(
    mapped, answered, rows, unit, is_proposed
):
    made = mapped({"x.csv": f"{HEAD}\n1767603600,Demo,5,EUR,open,1767603600{unit}\n1767603601,Demo,5,EUR,open,\n"})
    assert (made.steps == {"deals": ["times_since_1970"]}) == is_proposed
    if is_proposed:
        assert not any("zone" in question.lines[0] for question in made.questions)
        found = rows(answered(made), "deals", "deal_id, created_at::varchar")
        assert found == [("1767603600", "2026-01-05 09:00:00"), ("1767603601", None)]


@pytest.mark.parametrize(
    ("name", "day", "time"),
    [
        ("Created date", "46027", "2026-01-04 23:00:00"),
        ("Created", "46027.39583", "2026-01-05 09:30:00"),
        ("Created date", "36525", ""),
    ],
)
def test_dates_that_a_spreadsheet_counts_are_proposed_where_the_name_or_parts_of_a_day_say_so(
    mapped, answered, rows, name, day, time
):
    head = HEAD.replace("Created", name)
    made = mapped({"x.csv": f"{head}\n46027,Demo,46027,EUR,open,{day}\n46028,Demo,46028,EUR,open,{day}\n"})
    assert made.steps == ({"deals": ["days_of_sheets"]} if time else {})
    if time:
        found = rows(answered(made, *['zone = "UTC"'] * ("." in day)), "deals", "amount_minor, created_at::varchar")
        assert found == [(4_602_700, time), (4_602_800, time)]


@pytest.mark.parametrize(
    ("name", "days", "is_proposed"),
    [
        ("DTCRE", ("20260105", "20260106"), True),
        ("Created", ("20260105", "20260105"), True),
        ("Created", ("20260105", "20261305"), False),
        ("Made", ("20260105", "20260106"), False),
    ],
)
def test_dates_of_eight_figures_are_proposed_where_the_name_says_time_or_some_come_again(
    mapped, answered, rows, name, days, is_proposed
):
    head = HEAD.replace("Created", name)
    made = mapped({"x.csv": f"{head}\nD1,Demo,5,EUR,open,{days[0]}\nD2,Demo,5,EUR,open,{days[1]}\n"})
    assert ("days_in_eight_figures" in made.steps.get("deals", [])) == is_proposed
    if is_proposed:
        found = rows(answered(made, *[f'created_at = "{name}"'] * (name == "DTCRE")), "deals", "created_at::varchar")
        assert found[0] == ("2026-01-04 23:00:00",)
