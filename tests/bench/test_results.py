"""bench/results.py: sections of one file, each written by its own bench."""

import results


def test_a_section_takes_the_place_of_the_one_of_the_same_title_and_leaves_the_others(tmp_path):
    path = tmp_path / "RESULTS.md"
    results.put("Import", "first figures", path)
    results.put("Report", "two", path)
    results.put("Import", results.table(["what", "s"], [["read", 3]]), path)
    text = path.read_text(encoding="utf-8")
    sections = text.split("\n## ")
    assert [section.split("\n")[0] for section in sections[1:]] == ["Import", "Report"]
    assert "first figures" not in text
    assert "| read | 3 |" in sections[1]
    assert sections[2].rstrip().endswith("two")
    again = text
    results.put("Report", "two", path)
    assert path.read_text(encoding="utf-8") == again
