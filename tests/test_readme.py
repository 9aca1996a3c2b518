"""The README says what the project does: its table is the registry's, its links lead somewhere."""

import re

from salesbook.kpis import overview


def test_the_table_of_pages_and_kpis_is_the_registry_s(project):
    text = (project / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- table:.*?-->\n(.*?)\n<!-- end of table -->", text, re.DOTALL)
    assert table[1] == overview(), "print it with: salesbook kpis --table"


def test_every_link_leads_to_a_file(project):
    for page in ("README.md", "CONTRIBUTING.md", "docs/sources.md", "docs/schedule.md"):
        text = (project / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert ((project / page).parent / target).exists(), f"{page}: {target}"


def test_a_picture_stands_before_any_prose(project):
    lines = [line for line in (project / "README.md").read_text(encoding="utf-8").splitlines() if line]
    assert lines[1].startswith("![")
