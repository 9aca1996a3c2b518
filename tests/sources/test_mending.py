"""Every rule says what to do about it, and too many rejected rows stop a run with the first of them."""

from pathlib import Path

import pytest

from salesbook.errors import BadData
from salesbook.sources.mending import BY_KIND, to_mend
from salesbook.sources.quarantine import BROKEN
from salesbook.sources.staged import LEFT_OUT
from salesbook.tables import TABLES


def test_too_many_rejected_rows_are_refused_with_the_reason_the_first_line_and_what_to_mend(read, deals_of):
    bad = ("D1,Sales,Demo,open,SECRET,EUR,,,,", "D2,Sales,Demo,open,1.234,EUR,,,,", "D3,Sales")
    with pytest.raises(BadData) as refused:
        read({"deals.csv": deals_of(*bad, good=17)}, limit=0.1)
    assert refused.value.wrong == "Too many rows of deals cannot be loaded: 3 of 20, more than 10%."
    assert refused.value.found == (
        "Most often: amount is not a number of the form 1234.50 (2, first in deals.csv, line 2) and "
        "the row has fewer fields than the header (1, first in deals.csv, line 4)."
    )
    assert refused.value.todo.startswith("Correct amount, or declare its form under [source] in salesbook.toml. Look")
    path = next(word.rstrip(",") for word in refused.value.todo.split() if word.endswith("deals.csv,"))
    assert len(Path(path).read_text().splitlines()) == 4


def test_of_two_tables_the_one_most_of_whose_rows_are_rejected_is_told(read, deals_of):
    stages = "pipeline,stage,position,probability,is_won,is_lost\nSales,Demo,x,0.5,false,false\n"
    with pytest.raises(BadData, match="Too many rows of stages cannot be loaded: 1 of 1"):
        read({"deals.csv": deals_of("D1,Sales", good=9), "stages.csv": stages}, limit=0.05)


def test_rows_that_tell_of_nothing_do_not_count_as_too_many(read, deals_of, quarantined):
    header, *rest = deals_of(good=2).splitlines()
    nothing = [header.count(",") * ",", header, header.count(",") * '"",' + '" "']
    imported = read({"deals.csv": "\n".join([header, *rest, *nothing])}, limit=0.05)
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [
        (4, "row_empty"), (5, "header_again"), (6, "row_empty"),
    ]  # fmt: skip
    with pytest.raises(BadData, match="deal_id is empty"):
        read({"deals.csv": "\n".join([header, *rest, header.count(",") * "," + "x"])}, limit=0.05)


def test_fewer_rejected_rows_than_the_settings_allow_are_no_refusal(read, deals_of):
    assert read({"deals.csv": deals_of("D3,Sales", good=9)}, limit=0.1).rows_loaded("deals") == 9


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_rule_of_every_table_says_what_to_mend(table):
    rules = [rule.name for rule in table.rules]
    rules += [f"{column.name}{kind}" for column in table.columns for kind in BY_KIND]
    rules += [*BROKEN, *LEFT_OUT, "duplicate", "key_conflict", "stage_unknown", "status_not_of_stage"]
    assert [rule for rule in rules if not to_mend(table.name, rule)] == []
