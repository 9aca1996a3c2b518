"""The published pages in Chromium: seen by axe, held to the HTML standard, asked for what they ask for."""

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from salesbook.report.pdf import print_page

MOST_BYTES = 600_000
MOST_PRINTED = 500_000

BAD = """<!doctype html><html><head><title>x</title></head><body><h1>Bad</h1><img src="http://192.0.2.1/x.png">
<script>window.fired = 'yes'</script><b onclick="x()" style="color:#eee;display:block;width:2000px">pale</b></div>"""


def views(looked: dict) -> Iterator[tuple[str, dict]]:
    """Each view of each page."""
    for file, seen in looked.items():
        for view in seen["views"]:
            yield f"{file.rpartition('/')[2]} {view['width']} {view['colorScheme']}", view


def faults(looked: dict) -> dict[str, dict]:
    """What is wrong with pages, by view."""
    wrong = {}
    for name, view in views(looked):
        found = {key: view[key] for key in ("violations", "outside", "forbidden", "handlers", "fired") if view[key]}
        if view["scroll"] > view["width"]:
            found["scroll"] = view["scroll"]
        if found or not view["heading"]:
            wrong[name] = found
    return wrong | {file: {"errors": seen["errors"]} for file, seen in looked.items() if seen["errors"]}


@pytest.fixture(scope="module")
def looked(pages, drive) -> dict:
    """The sample company's pages, looked at."""
    return drive("look.mjs", *pages)


@pytest.fixture(scope="module")
def hostile_looked(hostile_pages, drive) -> dict:
    """The hostile company's pages, looked at."""
    return drive("look.mjs", *hostile_pages)


def test_the_look_finds_what_is_wrong_with_a_bad_page(drive, tmp_path):
    (tmp_path / "bad.html").write_text(BAD)
    looked = drive("look.mjs", tmp_path / "bad.html")
    wrong = faults(looked)
    assert wrong["bad.html 390 dark"].keys() >= {"violations", "outside", "forbidden", "handlers", "fired", "scroll"}
    assert any("errors" in found for found in wrong.values())


def test_every_page_is_seen_whole_by_axe_and_the_validator_and_asks_nothing_of_anywhere(looked, pages):
    assert len(looked) == len(pages) > 4
    assert faults(looked) == {}
    assert sum(view["figures"] > 5 for _, view in views(looked)) > 4


def test_no_page_is_larger_than_a_mail_can_take(pages, hostile_pages):
    sizes = {page.name: page.stat().st_size for page in [*pages, *hostile_pages]}
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


def test_hostile_data_fires_nothing_and_breaks_no_page(hostile_looked, hostile_pages):
    assert "window.fired=&#39;script&#39;" in hostile_pages[1].read_text().replace("&#x27;", "&#39;")
    assert faults(hostile_looked) == {}
    assert sum(view["figures"] > 5 for _, view in views(hostile_looked)) > 4


def test_printed_pages_are_numbered_and_small(pages, hostile_pages, chromium, tmp_path):
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not here: apt install poppler-utils")
    for page in (pages[2], hostile_pages[2]):
        printed = tmp_path / f"{page.stem}.pdf"
        print_page(page, printed)
        text = subprocess.run(["pdftotext", "-layout", printed, "-"], capture_output=True, text=True, check=True).stdout
        sheets = text.rstrip("\f").split("\f")
        assert len(sheets) > 2
        numbers = [re.search(r"(\d+) ?/ ?(\d+)$", sheet.rstrip()).groups() for sheet in sheets]
        assert numbers == [(str(spot), str(len(sheets))) for spot in range(1, len(sheets) + 1)]
        assert printed.stat().st_size < MOST_PRINTED
