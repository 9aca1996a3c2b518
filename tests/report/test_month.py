"""month.py and site.py: a month from notebooks to published pages, its index, and the way from month to month."""

import json
import os
import re

import nbformat
import pytest

from fake_book import LIGHT as OPENED
from fake_book import LIGHT_DONE as DONE
from fake_book import FakeFinding, notebook, run_folder, whole_notebook
from salesbook import KPIS
from salesbook.errors import PageFailed, WrongUsage
from salesbook.report.edition import Edition, told
from salesbook.report.month import chosen, make_month
from salesbook.report.run import Failure
from salesbook.report.site import month_index, months_index, refresh, way
from salesbook.words import Words

ENGLISH = Words("en", "EUR")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two months of a whole page and a short one, the second month made twice."""
    place = tmp_path_factory.mktemp("site")
    paths = [place / "scorecard.ipynb", place / "funnel.ipynb"]
    nbformat.write(whole_notebook(title="# The month"), paths[0])
    nbformat.write(notebook(OPENED, DONE), paths[1])
    make_month(run_folder(place / "run09", month="2026-09"), paths, place / "reports")
    run = run_folder(place / "run10")
    first = make_month(run, paths, place / "reports")
    before = {path.name: path.read_bytes() for path in sorted((place / "reports" / "2026-10").iterdir())}
    make_month(run, paths, place / "reports")
    return place, paths, run, first, before


def test_the_pages_of_a_month_are_published_with_an_index_and_a_manifest(made):
    place, _, _, first, _ = made
    assert first.index.read_text().count("The month") >= 1
    names = sorted(path.name for path in (place / "reports" / "2026-10").iterdir())
    pages, numbers = ["funnel.html", "index.html", "scorecard.html"], ["kpis.csv", "kpis.parquet"]
    assert names == sorted([*pages, *numbers, "manifest.json", "month.json", "run.json"])


def test_the_same_run_gives_the_same_bytes(made):
    place, _, _, _, before = made
    assert {path.name: path.read_bytes() for path in sorted((place / "reports" / "2026-10").iterdir())} == before


def test_the_site_lists_the_newest_month_first_with_three_figures(made):
    index = (made[0] / "reports" / "index.html").read_text()
    assert index.index("October 2026") < index.index("September 2026")
    assert index.count("<dt>Win rate</dt><dd>41.7%</dd>") == 6


def test_earlier_and_later_lead_to_the_months_around_and_else_to_all(made):
    ways = made[0] / "reports" / "months"
    assert "../2026-09/index.html" in (ways / "2026-10-earlier.html").read_text()
    assert "../2026-10/index.html" in (ways / "2026-09-later.html").read_text()
    assert "url=../index.html" in (ways / "2026-10-later.html").read_text()


def test_every_link_of_the_site_leads_to_a_file(made):
    reports = made[0] / "reports"
    pages = [path for path in reports.rglob("*.html") if ".versions" not in path.parts]
    pages += list((reports / "2026-10").glob("*.html"))
    links = {(page, link) for page in pages for link in re.findall(r'href="([^"#]+)"', page.read_text())}
    assert len(links) > 10
    # A browser takes ".." away before it looks at the disk, where the month is a link.
    assert [link for page, link in links if not os.path.exists(os.path.normpath(page.parent / link))] == []


def test_a_failed_page_stops_the_publication_and_is_named(made, tmp_path):
    place, paths, run, _, before = made
    bad = tmp_path / "broken.ipynb"
    nbformat.write(notebook(OPENED, "1 / 0", DONE), bad)
    with pytest.raises(PageFailed, match=r"1 of 2 pages.*broken cell 4 line 1 `1 / 0`: ZeroDivisionError"):
        make_month(run, [paths[1], bad], place / "reports")
    assert (place / "reports" / "2026-10" / "scorecard.html").read_bytes() == before["scorecard.html"]


def test_a_failed_page_shows_its_failure_in_its_place_where_asked(made, tmp_path):
    _, paths, run, _, _ = made
    bad = tmp_path / "broken.ipynb"
    nbformat.write(notebook(OPENED, "raise ValueError('a secret of the data')", DONE, title="# Broken page"), bad)
    result = make_month(run, [paths[1], bad], tmp_path / "reports", publish_failed=True)
    html = result.pages[1].read_text()
    assert [failure.notebook for failure in result.failures] == ["broken"]
    assert "ValueError was raised" in html
    assert "a secret" not in html
    assert "Traceback" not in html
    assert "could not be made" in result.index.read_text()


def test_a_failure_is_told_without_what_the_data_held():
    failure = Failure("funnel", "error", 4, 2, "x = deals['Jansen']", "KeyError", "'Jansen'")
    assert told(failure, ENGLISH) == [
        ("Notebook", "funnel"), ("Cell", "4"), ("Line", "2"), ("Error", "KeyError was raised")
    ]  # fmt: skip


def test_pages_come_in_the_order_of_the_report_and_a_users_own_after(tmp_path):
    for name in ("zebra", "funnel", "scorecard", "_template", "apple"):
        (tmp_path / f"{name}.ipynb").write_text("{}")
    assert [path.stem for path in chosen(tmp_path, ())] == ["scorecard", "funnel", "apple", "zebra"]
    assert [path.stem for path in chosen(tmp_path, ("funnel",))] == ["funnel"]
    with pytest.raises(WrongUsage, match="funel"):
        chosen(tmp_path, ("funel",))


def test_no_notebook_at_all_is_an_error(tmp_path):
    with pytest.raises(WrongUsage, match="no notebook"):
        chosen(tmp_path, ())


def test_a_month_of_some_pages_names_the_others_and_is_told_with_versions_and_seeds(made):
    place, paths, run, _, _ = made
    some = make_month(run, paths[:1], place / "some", Edition(left_out=(paths[1],)))
    assert "Not asked for in this draft, and not made: Funnel." in some.index.read_text()
    said = json.loads((some.index.parent / "run.json").read_text())
    assert said["kpis"]["win_rate"] == KPIS["win_rate"].version
    assert said["seeds"]["kpis.forecast_accuracy"]


def test_quarters_stand_after_the_months_and_lead_to_one_another(made, tmp_path):
    place, paths, _, _, _ = made
    reports = tmp_path / "reports"
    days = {"2026-Q2": ("2026-04-01", "2026-07-01"), "2026-Q3": ("2026-07-01", "2026-10-01")}
    for name, (start, end) in days.items():
        run = run_folder(tmp_path / name, month=name, period={"start": start, "end": end})
        make_month(run, paths[1:], reports)
    make_month(place / "run10", paths[1:], reports)
    index = (reports / "index.html").read_text()
    places = [index.index(name) for name in ("October 2026", ">Quarters<", "Third quarter of 2026", "Second quarter")]
    assert places == sorted(places)
    assert "../2026-Q2/index.html" in (reports / "months" / "2026-Q3-earlier.html").read_text()
    for name in ("2026-10-earlier", "2026-10-later", "2026-Q2-earlier", "2026-Q3-later"):
        assert "url=../index.html" in (reports / "months" / f"{name}.html").read_text()
    assert [os.readlink(reports / name) for name in ("latest", "latest-quarter")] == ["2026-10", "2026-Q3"]
    page = (reports / "2026-Q3" / "funnel.html").read_text()
    assert all(text in page for text in ("Third quarter of 2026", "Earlier quarter", "Later quarter"))


def test_the_ledger_says_how_many_deals_and_how_much_money_more_were_won():
    changes = [{"reason": "late_entry", "n": 2, "deals": 1, "effect_minor": 100_000}]
    facts = {"month": "2026-Q3", "status": "draft", "version": 2, "company": "", "cards": [], "pages": [], "forms": {},
             "left_out": [], "changes": changes}  # fmt: skip
    index = month_index(Words("en", "EUR", kind="quarter"), facts)
    assert all(f'<td class="number">{text}</td>' in index for text in ("2", "+1", "€1,000.00"))
    assert "Sales report: Third quarter of 2026" in index


def test_the_index_tells_the_first_finding_of_each_page(made):
    month = made[0] / "reports" / "2026-10"
    found = [page["found"] for page in json.loads((month / "month.json").read_text())["pages"]]
    assert found == [FakeFinding.headline, ""]
    assert FakeFinding.headline in (month / "index.html").read_text()


def test_an_index_of_no_month_says_so(tmp_path):
    assert "No month has been published yet" in months_index(ENGLISH, [])
    assert refresh(tmp_path, ENGLISH).read_text() == months_index(ENGLISH, [])


def test_a_folder_that_is_no_month_is_not_listed(tmp_path):
    (tmp_path / "2026-10-copy").mkdir()
    (tmp_path / "2026-10-copy" / "month.json").write_text(json.dumps({}))
    assert "2026-10-copy" not in refresh(tmp_path, ENGLISH).read_text()


def test_hostile_names_in_the_indexes_stay_text():
    evil = "<script>x</script>"
    month = {"month": "2026-10", "status": "draft", "company": evil, "version": 1,
             "cards": [{"label": evil, "value": evil}],
             "forms": {}, "left_out": [], "pages": [{"file": "a.html", "title": evil, "failed": False}]}  # fmt: skip
    assert "<script" not in months_index(ENGLISH, [month])
    assert "<script" not in way(ENGLISH, "../index.html", evil)
