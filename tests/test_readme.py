"""The README says what the project does: its table is the registry's, its links lead somewhere."""

import json
import re

from salesbook.kpis import overview


def test_the_table_of_pages_and_kpis_is_the_registry_s(project):
    text = (project / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- table:.*?-->\n(.*?)\n<!-- end of table -->", text, re.DOTALL)
    assert table[1] == overview(), "print it with: salesbook kpis --table"


def test_every_link_leads_to_a_file(project):
    for page in [project / "README.md", project / "CONTRIBUTING.md", *(project / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_section_that_a_guide_names_stands_on_a_page(project):
    books = [json.loads(page.read_text(encoding="utf-8")) for page in (project / "notebooks").glob("*.ipynb")]
    prose = ["".join(cell["source"]) for book in books for cell in book["cells"] if cell["cell_type"] == "markdown"]
    headings = {line.lstrip("# ") for text in prose for line in text.splitlines() if line.startswith("#")}
    for guide in (project / "docs" / "guide").glob("*.md"):
        asked = re.findall(r"(?<!\*)\*([A-Z][^*]+\?)\*(?!\*)", guide.read_text(encoding="utf-8"))
        assert {" ".join(question.split()) for question in asked} <= headings, guide.name


def test_a_picture_stands_before_any_prose(project):
    lines = [line for line in (project / "README.md").read_text(encoding="utf-8").splitlines() if line]
    assert lines[1].startswith("![")
