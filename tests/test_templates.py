import pytest

from salesbook import sources, templates
from salesbook.book import Book
from salesbook.build import build
from salesbook.errors import WrongUsage
from salesbook.kpis.scorecard import attainment
from salesbook.tables import TABLES
from worked import settings_of

DEALS = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
A,Sales,Won,100.00,EUR,2026-09-01,2026-10-05,won
"""


def test_a_template_that_was_filled_in_is_read_as_its_table(tmp_path):
    settings = settings_of(tmp_path, deals=DEALS)
    values = {"target_id": "T1", "kpi": "won", "level": "organisation", "value": 400, "currency": "EUR"}
    values |= {"starts_on": "2026-10-01", "ends_on": "2026-10-31"}
    row = tuple(values.get(column.name) for column in TABLES["targets"].columns)
    templates.write_table(settings.source_path / "targets.xlsx", TABLES["targets"], [row])
    book = Book(build(settings, "2026-10", tmp_path / "run"))
    assert attainment(book).iloc[0]["value"] == 100 / 400


def test_an_empty_template_is_an_empty_table(tmp_path):
    settings = settings_of(tmp_path, deals=DEALS)
    files = templates.write(settings.source_path)
    assert [file.stem for file in files] == list(templates.KEPT_BY_HAND)
    imported = sources.load(settings, tmp_path / "store")
    assert {imported.rows_read(file.stem) for file in files} == {0}


def test_what_was_filled_in_is_never_written_over(tmp_path):
    templates.write(tmp_path, ["targets"])
    with pytest.raises(WrongUsage, match=r"targets\.xlsx is there"):
        templates.write(tmp_path)
