"""All pages of slices, quarters and odd companies: what a page may lack is told in its place, and no page fails."""

import shutil

import odd_company
from salesbook.build import run_of
from salesbook.report.edition import Edition
from salesbook.report.month import chosen, make_month
from salesbook.settings import load


def test_every_page_of_a_quarter_of_one_team_and_channel_is_made(project, tmp_path):
    shutil.copyfile(project / "salesbook.toml", tmp_path / "salesbook.toml")
    shutil.copytree(project / "data" / "sample", tmp_path / "data" / "sample")
    pages = chosen(project / "notebooks", ())
    edition = Edition(narrowed={"team": "Randstad", "channel": "Website form"})
    made = make_month(run_of(load(tmp_path), "2026-Q3"), pages, tmp_path / "reports", edition)
    assert made.failures == []
    assert sorted(page.name for page in made.pages) == sorted(f"{path.stem}.html" for path in pages)
    told = {page.stem: page.read_text(encoding="utf-8") for page in made.pages}
    assert [name for name, text in told.items() if "Randstad" not in text or "Third quarter of 2026" not in text] == []


def test_every_page_of_a_company_of_odd_rows_is_made(project, tmp_path):
    straight, _ = odd_company.write(1, tmp_path)
    pages = chosen(project / "notebooks", ())
    made = make_month(run_of(straight, "2026-10"), pages, tmp_path / "reports")
    assert made.failures == []
    assert sorted(page.name for page in made.pages) == sorted(f"{path.stem}.html" for path in pages)
