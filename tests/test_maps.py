"""Maps that ship: each is data that the settings accept, and the settings' own lines go before it."""

import dataclasses
import json
import re

import pytest

from salesbook import maps
from salesbook.errors import BadData, WrongUsage
from salesbook.settings import Source, load
from salesbook.sources import plan, steps
from salesbook.tables import TABLES


def settings_of(tmp_path, text: str):
    """Settings of a text."""
    (tmp_path / "salesbook.toml").write_text(text, encoding="utf-8")
    return load(tmp_path)


IN_SOURCE = [one for one in dataclasses.fields(Source) if one.name not in (*maps.SECTIONS, "offered")]


@pytest.mark.parametrize("name", [one.name for one in IN_SOURCE])
def test_everything_that_is_told_of_a_source_can_be_told_in_the_settings(tmp_path, name):
    known = {
        "date_form": "dmy",
        "decimal": ",",
        "thousands": ",",
        "zone": "Europe/Copenhagen",
        "currency": "DKK",
        "extends": "lime",
    }
    default = getattr(Source(), name)
    value = [*default, "x"] if isinstance(default, tuple) else known.get(name, "later file wins")
    said = getattr(settings_of(tmp_path, f"[source]\n{name} = {json.dumps(value)}\n").source, name)
    assert said == (tuple(value) if isinstance(default, tuple) else value) != default


@pytest.mark.parametrize("name", maps.KNOWN)
def test_every_map_that_ships_is_one_that_settings_accept(tmp_path, name):
    source = settings_of(tmp_path, f'[source]\nextends = "{name}"\n').source
    steps.check(source)
    plan.check_words(source)
    assert {"deals", "accounts", "contacts", "activities", "reps"} <= set(source.offered)
    assert set(source.offered) == set(source.columns)
    assert {"deal_id", "owner_id", "amount", "currency", "created_at"} <= set(source.columns["deals"])


@pytest.mark.parametrize("name", maps.KNOWN)
def test_no_map_that_ships_declares_a_zone_a_currency_or_a_form(tmp_path, name):
    assert "source" not in maps.shipped(name)


@pytest.mark.parametrize("name", maps.KNOWN)
def test_no_two_names_of_a_column_are_the_same_name(tmp_path, name):
    for table, columns in maps.shipped(name)["columns"].items():
        for column, named in columns.items():
            keys = [plan.name_key(one) for same in plan.alternatives(named) for one in same]
            assert len(keys) == len(set(keys)), (table, column)


def test_own_lines_replace_those_of_the_map_and_add_to_them(tmp_path):
    source = settings_of(tmp_path, """
        [source]
        extends = "salesforce"
        [files]
        deals = "won.csv"
        [columns.deals]
        amount = "Amount_EUR__c"
        product = "Product__c"
        [words.leads.status]
        Contacted = "qualified"
        Zombie = "disqualified"
        [steps]
        orders = []
    """).source  # fmt: skip
    assert source.files == {"deals": "won.csv"}
    assert "deals" not in source.offered
    assert source.columns["deals"]["amount"] == "Amount_EUR__c"
    assert source.columns["deals"]["product"] == "Product__c"
    assert source.columns["deals"]["stage"] == ["StageName", "Stage"]
    words = source.words["leads"]["status"]
    assert (words["Contacted"], words["Zombie"], words["New"]) == ("qualified", "disqualified", "new")
    assert source.steps["orders"] == []
    assert "one_pipeline" in source.steps["deals"]


def test_the_currency_that_the_source_declares_is_the_report_s_where_that_names_none(tmp_path):
    assert settings_of(tmp_path, '[source]\ncurrency = "DKK"\n').currency == "DKK"
    assert settings_of(tmp_path, '[source]\ncurrency = "DKK"\n[report]\ncurrency = "USD"\n').currency == "USD"
    assert settings_of(tmp_path, "").currency == "EUR"


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ("[files]\nleads = 3", r"[files] leads"),
        ('[files.leads]\nname = "x"', r"[files] leads"),
        ("[columns]\nleads = 3", r"[columns] leads"),
        ("[columns.leads]\nsource = [[1]]", r"[columns.leads] source"),
        ("[constants.stages]\nis_won = false", r"[constants.stages] is_won"),
        ('[words.leads]\nstatus = ["new"]', r"[words.leads] status"),
        ('[rows]\nstages = ["New"]', r"[rows] stages"),
        ('[steps]\ndeals = "one"', r"[steps] deals"),
        ("[newest]\ndeals = 3", r"[newest] deals"),
    ],
)
@pytest.mark.parametrize("extends", ["", '[source]\nextends = "hubspot"\n'])
def test_a_map_of_other_than_names_and_words_is_refused_with_the_place(tmp_path, extends, lines, place):
    with pytest.raises(WrongUsage, match=f"^{re.escape(place)} is of the wrong kind.*An example: "):
        settings_of(tmp_path, extends + lines)


def test_a_list_of_other_than_texts_is_refused_with_its_name(tmp_path):
    with pytest.raises(WrongUsage, match=r"^\[source\] nulls is of the wrong kind.*Found \[0\]"):
        settings_of(tmp_path, "[source]\nnulls = [0]\n")


def test_a_map_that_does_not_exist_is_refused_with_those_that_do(tmp_path):
    with pytest.raises(WrongUsage, match=r"'hubspt'.*hubspot, salesforce"):
        settings_of(tmp_path, '[source]\nextends = "hubspt"\n')


def test_a_step_that_does_not_exist_is_refused_with_the_nearest(tmp_path):
    source = settings_of(tmp_path, '[steps]\ndeals = ["zero_amount_is_mising"]\n').source
    with pytest.raises(BadData, match=r"step.*'zero_amount_is_mising'.*'zero_amount_is_missing'"):
        steps.check(source)
    source = settings_of(tmp_path, '[steps]\nreps = ["zero_amount_is_missing"]\n').source
    with pytest.raises(BadData, match=r"\[steps.reps\].*names_of_reps"):
        steps.check(source)


def test_tables_for_steps_and_parts_may_be_mapped_and_others_not(tmp_path):
    assert settings_of(tmp_path, '[columns.deal_history]\nvalue = "new"\n[files]\nactivities-calls = "c.csv"\n')
    with pytest.raises(BadData, match=r"table.*'deal_histry'.*'deal_history'"):
        settings_of(tmp_path, '[columns.deal_histry]\nvalue = "new"\n')
    with pytest.raises(BadData, match=r"'deal_history' in \[rows\]"):
        settings_of(tmp_path, '[[rows.deal_history]]\nvalue = "new"\n')


def test_tables_for_steps_do_not_bear_the_names_of_canonical_ones():
    assert not set(maps.RAW) & set(TABLES)
    for name, columns in maps.EXTRA.items():
        assert not {column.name for column in columns} & {column.name for column in TABLES[name].columns}
