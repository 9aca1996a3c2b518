"""Later exports that overlap earlier ones: the newest version of a record wins, and the others are counted."""

import pytest

from salesbook.errors import BadData

HEADER = "deal_id,pipeline,stage,status,amount,currency,changed\n"
JANUARY = HEADER + "D1,Sales,Demo,open,100,EUR,2026-01-10T00:00:00Z\nD2,Sales,Demo,open,5,EUR,2026-01-10T00:00:00Z\n"
FEBRUARY = HEADER + "D1,Sales,Offer,open,200,EUR,2026-02-10T00:00:00Z\nD2,Sales,Demo,open,5,EUR,2026-02-10T00:00:00Z\n"
FILES = {"e-1.csv": JANUARY, "e-2.csv": FEBRUARY}
MAP = {"files": {"deals": "e-*.csv"}}
COLUMNS = "deal_id, stage, amount_minor"


def test_without_a_word_about_it_differing_versions_are_rejected(read, rows):
    imported = read(FILES, **MAP)
    assert imported.rejected == {"deals": {"key_conflict": 2, "repeated": 1}}
    assert rows(imported, "deals", COLUMNS) == [("D2", "Demo", 500)]


def test_the_newest_by_the_declared_column_wins_and_the_older_is_superseded(read, rows, quarantined):
    imported = read(FILES, newest={"deals": "changed"}, limit=0.0, **MAP)
    assert rows(imported, "deals", COLUMNS) == [("D1", "Offer", 20_000), ("D2", "Demo", 500)]
    assert imported.rejected == {"deals": {"superseded": 1, "repeated": 1}}
    assert quarantined(imported, "deals", "file, line, rule")[0] == ("e-1.csv", 2, "superseded")


def test_no_pattern_means_the_files_that_a_system_puts_beside_the_others(read):
    aside = {".e-3.csv": "", "~$e-1.csv": "x", "._e-1.csv": "\0"}
    imported = read({**FILES, **aside}, files={"deals": "*e-*.csv"}, newest={"deals": "changed"}, limit=0.0)
    assert [file["name"] for file in imported.files] == ["e-1.csv", "e-2.csv"]


def test_the_newest_wins_whatever_the_order_of_the_files(read, rows):
    imported = read({"e-1.csv": FEBRUARY, "e-2.csv": JANUARY}, newest={"deals": ["Modified", "changed"]}, **MAP)
    assert rows(imported, "deals", COLUMNS)[0] == ("D1", "Offer", 20_000)


def test_the_later_file_wins_only_where_the_map_says_so(read, rows):
    imported = read(FILES, overlap="later file wins", limit=0.0, **MAP)
    assert rows(imported, "deals", COLUMNS)[0] == ("D1", "Offer", 20_000)
    assert imported.rejected == {"deals": {"superseded": 1, "repeated": 1}}


def test_the_tenth_file_is_later_than_the_ninth(read, rows):
    files = {"e-9.csv": JANUARY, "e-10.csv": FEBRUARY}
    imported = read(files, overlap="later file wins", limit=0.0, **MAP)
    assert rows(imported, "deals", COLUMNS)[0] == ("D1", "Offer", 20_000)


def test_two_versions_of_one_moment_are_told_by_the_later_file_or_not_at_all(read, rows):
    files = {"e-1.csv": JANUARY, "e-2.csv": FEBRUARY.replace("2026-02-10", "2026-01-10")}
    both = read(files, newest={"deals": "changed"}, overlap="later file wins", **MAP)
    assert rows(both, "deals", COLUMNS)[0] == ("D1", "Offer", 20_000)
    alone = read(files, newest={"deals": "changed"}, **MAP)
    assert alone.rejected["deals"]["key_conflict"] == 2


def test_rows_of_one_file_that_differ_are_no_versions_of_each_other(read):
    twice = JANUARY + "D2,Sales,Demo,open,7,EUR,2026-01-10T00:00:00Z\n"
    imported = read({"e-1.csv": twice}, overlap="later file wins", **MAP)
    assert imported.rejected == {"deals": {"key_conflict": 2}}


def test_a_third_equal_version_is_counted_as_repeated(read):
    imported = read(FILES | {"e-3.csv": FEBRUARY}, newest={"deals": "changed"}, **MAP)
    assert imported.rejected == {"deals": {"superseded": 1, "repeated": 3}}


def test_the_column_of_versions_must_be_there(read):
    with pytest.raises(BadData, match=r"no column 'modified'.*Mend deals under \[newest\]"):
        read(FILES, newest={"deals": "modified"}, **MAP)


def test_a_version_that_cannot_be_read_is_told_by_the_name_of_its_column(read, quarantined):
    files = FILES | {"e-1.csv": JANUARY.replace("2026-01-10T00:00:00Z", "10 January")}
    imported = read(files, newest={"deals": "changed"}, **MAP)
    assert set(quarantined(imported, "deals", "file, rule, reason")) == {
        ("e-1.csv", "version_at_unreadable", "changed is not a date or time of the form 2026-12-31"),
    }  # fmt: skip


def test_an_older_version_that_says_the_same_is_superseded_and_no_fault(read, rows):
    again = "".join(f"D1,Sales,Demo,open,100,EUR,2026-0{month}-10T00:00:00Z\n" for month in (3, 1, 2))
    imported = read({"e-1.csv": HEADER + again}, newest={"deals": "changed"}, limit=0.0, **MAP)
    assert (imported.rejected, rows(imported, "deals", COLUMNS)) == (
        {"deals": {"superseded": 2}}, [("D1", "Demo", 10_000)],
    )  # fmt: skip
