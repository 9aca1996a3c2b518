"""A build holds what it promises: nothing known later is used, row order does not matter, every engine agrees."""

import dataclasses
import json
import re
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

import odd_company
from salesbook.build import FACTS, build, build_on, fact
from salesbook.engines.postgres import Postgres
from salesbook.errors import BadData
from salesbook.sources import site
from salesbook.tables import TABLES
from worked import SETTINGS, book_of, settings_of

DEAL = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
A,Sales,Won,100.00,EUR,2026-09-01,2026-10-05,won
"""


def copied(settings, folder: Path, change) -> object:
    """The sample with every file passed through `change(name, rows of text)`."""
    target = folder / "export"
    target.mkdir()
    for file in sorted(Path(settings.source.path).glob("*.csv")):
        rows = pd.read_csv(file, dtype=str, keep_default_na=False)
        change(file.stem, rows).to_csv(target / file.name, index=False)
    return dataclasses.replace(settings, home=folder, source=dataclasses.replace(settings.source, path=str(target)))


def fact_bytes(folder: Path) -> dict[str, bytes]:
    return {name: (folder / "facts" / f"{name}.parquet").read_bytes() for name in FACTS}


def fact_columns(folder: Path) -> dict[str, list]:
    """Every fact's columns: names, order, types, values. Its bytes also tell where a planner saw that none is empty."""
    tables = {name: pq.read_table(folder / "facts" / f"{name}.parquet") for name in FACTS}
    return {name: list(zip(table.column_names, table.columns, strict=True)) for name, table in tables.items()}


def cut(name: str, rows: pd.DataFrame, as_of: str) -> pd.DataFrame:
    """What an export made at an instant would have held, worked out apart from the project's own views."""
    table = TABLES[name]
    for column in table.known:
        if column in rows:
            rows = rows[(rows[column] == "") | (rows[column] < as_of)]
    then = rows.copy()
    for column in table.columns:
        instant = column.follows or (column.name if column.later else "")
        if instant and column.name in rows:
            then[column.name] = rows[column.name].mask(rows[instant] >= as_of, "")
    if "ended_on" in then and name == "subscriptions":
        then["ended_on"] = rows["ended_on"].mask(rows["ended_on"] > as_of[:10], "")
    day = {"fx_rates": "rate_on", "subscriptions": "started_on", "costs": "period"}.get(name)
    return then[then[day] <= as_of[:10]] if day else then


def without_later_changes(deals: pd.DataFrame, folder: Path, as_of: str) -> pd.DataFrame:
    """The deals with what their changes undid: amount, owner, expected close and category as known at an instant."""
    changes = pd.read_csv(folder / "deal_changes.csv", dtype=str, keep_default_na=False).sort_values("changed_at")
    names = {"owner": "owner_id", "category": "forecast_category"}
    deals = deals.set_index("deal_id", drop=False)
    for (deal, field), told in changes.groupby(["deal_id", "field"]):
        rows = told.to_dict("records")
        # From the newest back: each that was not known then gives way to what stood before it.
        while rows and max(rows[-1]["changed_at"], rows[-1]["recorded_at"]) >= as_of:
            deals.loc[deal, names.get(field, field)] = rows.pop()["old_value"]
    return deals.reset_index(drop=True)


def closings_entered_late(settings, as_of: str) -> set[str]:
    """The deals that had ended at an instant without anybody having entered it yet."""
    visits = pd.read_csv(Path(settings.source.path) / "stage_history.csv", dtype=str, keep_default_na=False)
    is_end = visits["stage"].isin(["Won", "Lost"]) & (visits["exited_at"] == "")
    return set(visits["deal_id"][is_end & (visits["entered_at"] < as_of) & (visits["recorded_at"] >= as_of)])


def test_a_month_made_from_all_data_equals_the_one_made_from_data_cut_at_its_end(sample_settings, june_book, tmp_path):
    # The end of June 2026 in Amsterdam is 22:00 UTC; later instants go, and with them what became known then.
    as_of = "2026-06-30T22:00:00Z"
    late = closings_entered_late(sample_settings, as_of)

    def then(name: str, rows: pd.DataFrame) -> pd.DataFrame:
        if name == "deals":
            rows["closed_at"] = rows["closed_at"].mask(rows["deal_id"].isin(late), as_of)
            rows = without_later_changes(rows, Path(sample_settings.source.path), as_of)
        return cut(name, rows, as_of)

    (tmp_path / "cut").mkdir()
    early = copied(sample_settings, tmp_path / "cut", then)
    whole = fact_columns(june_book.folder)
    shortened = fact_columns(build(early, "2026-06", tmp_path / "early"))
    assert [name for name in FACTS if shortened[name] != whole[name]] == []


def test_the_order_of_rows_changes_nothing(sample_settings, tmp_path):
    (tmp_path / "mixed").mkdir()
    mixed = copied(sample_settings, tmp_path / "mixed", lambda name, rows: rows.sample(frac=1, random_state=3))
    straight = fact_bytes(build(sample_settings, "2026-10", tmp_path / "straight"))
    assert fact_bytes(build(mixed, "2026-10", tmp_path / "run")) == straight


def in_postgres(settings, postgres: str, folder: Path) -> None:
    """Build the facts of October in a database."""
    with site.opened(settings) as source:
        source.engine = lambda folder: source.known_to(Postgres(postgres))
        build_on(source, settings, "2026-10", folder)


@pytest.mark.parametrize("seed", [1, 2])
def test_odd_companies_give_the_same_facts_in_any_order_and_in_a_database(seed, tmp_path, postgres):
    straight, mixed = odd_company.write(seed, tmp_path)
    expected = fact_columns(build(straight, "2026-10", tmp_path / "run"))
    assert fact_columns(build(mixed, "2026-10", tmp_path / "again")) == expected
    in_postgres(straight, postgres, tmp_path / "postgres")
    theirs = fact_columns(tmp_path / "postgres")
    assert [name for name in FACTS if theirs[name] != expected[name]] == []
    assert sum(len(columns[0][1]) for columns in expected.values()) > 500


def test_postgresql_builds_the_same_facts_row_by_row(sample_settings, tmp_path, postgres):
    build(sample_settings, "2026-10", tmp_path / "duckdb")
    in_postgres(sample_settings, postgres, tmp_path / "postgres")
    con = duckdb.connect()
    for name in FACTS:
        ours, theirs = (f"'{tmp_path / engine / 'facts' / name}.parquet'" for engine in ("duckdb", "postgres"))
        assert (
            con.execute(f"describe select * from {ours}").fetchall()
            == con.execute(f"describe select * from {theirs}").fetchall()
        )
        for one, other in ((ours, theirs), (theirs, ours)):
            assert con.execute(f"select * from {one} except all select * from {other}").fetchall() == []
        assert con.execute(f"select count(*) from {ours}").fetchall()[0][0] > 0


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_says_what_a_row_is_and_ends_in_the_order_of_its_key(name):
    declared = fact(name)
    assert declared.meaning.startswith("One row per ")
    assert declared.key
    last = declared.sql.rsplit("order by", 1)[1].split()
    assert [word.strip(",").split(".")[-1] for word in last] == list(declared.key)
    assert set(declared.needs) <= set(TABLES)
    assert all(target in FACTS for target, _ in declared.follows.values())


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_uses_only_words_that_every_engine_knows(name):
    told = re.sub(r"--.*", "", fact(name).sql)
    foreign = r"double precision|\blower\(|\bqualify\b|//|::|\bextract\(epoch|\bilike\b|\bany_value\b|\\"
    assert re.findall(foreign, told) == []


def test_the_run_s_folder_says_what_it_was_made_of(sample_book):
    run = json.loads((sample_book.folder / "run.json").read_text())
    assert run["as_of"] == "2026-10-31T23:00:00Z"
    assert {entry["table"] for entry in run["inputs"]} >= {"deals", "leads", "activities"}
    assert all(entry["rows_read"] == entry["rows_loaded"] + entry["rows_rejected"] for entry in run["inputs"])


def test_a_month_without_data_is_refused_and_the_newest_named(tmp_path):
    with pytest.raises(BadData, match=r"no data in 2026-12.*2026-10-15.*--month 2026-10"):
        book_of(tmp_path, "2026-12", deals=DEAL)


def test_an_amount_without_a_rate_is_refused(tmp_path):
    with pytest.raises(BadData, match=r"no currency rate.*DKK: 1 rows, the first for 20"):
        book_of(tmp_path, deals=DEAL.replace("EUR", "DKK"))


def test_a_deal_closed_after_the_month_is_open_in_it(tmp_path):
    book = book_of(tmp_path, "2026-09", deals=DEAL, activities=NOTE_OF_SEPTEMBER)
    row = book.rows("select status, closed_on from deal_facts").iloc[0]
    assert row["status"] == "open"
    assert pd.isna(row["closed_on"])


NOTE_OF_SEPTEMBER = """
activity_id,type,direction,occurred_at
N,note,outbound,2026-09-15T12:00:00Z
"""


def test_what_was_recorded_after_the_month_is_not_in_it(tmp_path):
    late = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status,recorded_at
    A,Sales,Won,100.00,EUR,2026-09-01,2026-10-05,won,2026-11-02
    """
    assert book_of(tmp_path, deals=late).rows("select * from deal_facts").empty


def test_a_deal_entered_after_the_month_takes_visits_of_the_month_with_it(tmp_path):
    deals = """
        deal_id,pipeline,stage,amount,currency,created_at,closed_at,status,recorded_at
        A,Sales,Demo,100.00,EUR,2026-09-01,,open,2026-09-01T12:00:00Z
        B,Sales,Demo,100.00,EUR,2026-09-01,,open,2026-11-02T12:00:00Z
    """
    visits = "deal_id,stage,entered_at\nA,Demo,2026-10-02T12:00:00Z\nB,Demo,2026-10-02T12:00:00Z"
    book = book_of(tmp_path, deals=deals, stage_history=visits)
    assert book.rows("select deal_id, stage from stage_visits")["deal_id"].tolist() == ["A"]


def test_a_deal_whose_history_lacks_its_end_gets_it_from_its_own_closing(tmp_path):
    history = """
    deal_id,stage,entered_at
    A,Qualification,2026-09-01
    """
    book = book_of(tmp_path, deals=DEAL, stage_history=history)
    assert book.rows("select status, is_assumed from deal_facts").iloc[0].tolist() == ["won", True]


def test_a_deal_closed_by_date_alone_on_the_day_it_was_made_is_closed(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    A,Sales,Lost,100.00,EUR,2026-10-05T09:30:00Z,2026-10-05,lost
    B,Sales,Won,100.00,EUR,2026-10-05T09:30:00Z,2026-10-05,won
    """
    book = book_of(tmp_path, deals=deals)
    rows = book.rows("select status, cycle_seconds, cast(closed_on as varchar) as day from deal_facts order by deal_id")
    assert rows.to_numpy().tolist() == [["lost", 0, "2026-10-05"], ["won", 0, "2026-10-05"]]


def test_a_calendar_that_the_settings_do_not_have_is_refused(tmp_path):
    reps = """
    owner_id,display_name,team,calendar
    S1,Seller 01,North,moon
    """
    with pytest.raises(BadData, match=r"'moon' for 'S1'; there are office"):
        book_of(tmp_path, deals=DEAL, reps=reps)


def test_a_path_with_spaces_and_quotes_is_a_path(tmp_path):
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    assert book_of(folder, deals=DEAL).rows("select count(*) as n from deal_facts")["n"].iloc[0] == 1


def test_a_setting_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(Exception, match=r"'zoone'.*'zone'"):
        settings_of(tmp_path, SETTINGS.replace('zone = "UTC"', 'zoone = "UTC"'), deals=DEAL)


def test_what_follows_within_minutes_on_one_channel_belongs_to_the_attempt_before_it(tmp_path):
    leads = """
    lead_id,source,created_at,status,is_inbound
    L,Website,2026-10-01T08:00:00Z,new,true
    """
    activities = """
    activity_id,type,direction,occurred_at,lead_id,owner_id,reached_decision_maker
    N,note,outbound,2026-10-15T12:00:00Z,,,
    A1,call,outbound,2026-10-01T10:00:00Z,L,S1,
    A2,call,outbound,2026-10-01T10:03:00Z,L,S2,true
    A3,call,outbound,2026-10-01T10:04:00Z,L,S2,
    A4,email,outbound,2026-10-01T10:04:00Z,L,S1,
    A5,email,outbound,2026-10-01T10:09:00Z,L,S1,false
    A6,email,outbound,2026-10-01T10:14:01Z,L,S1,
    A7,call,inbound,2026-10-02T10:00:00Z,L,S1,true
    A8,email,outbound,2026-10-20,L,S1,
    A9,email,outbound,2026-10-19T22:04:00Z,L,S1,
    """
    book = book_of(tmp_path, leads=leads, activities=activities, deals=DEAL)
    columns = "attempt, channel, owner_id, gap_seconds, is_talk, is_outcome_unknown, is_reached, is_timed"
    found = book.rows(f"select {columns} from attempts order by attempt").astype(object)
    assert [
        [None if value is pd.NA or value != value else value for value in row] for row in found.values.tolist()
    ] == [
        [1, "call", "S1", None, True, False, True, True],
        [2, "email", "S1", 240, False, False, False, True],
        [3, "email", "S1", 601, False, True, False, True],
        [4, "email", "S1", 18 * 86_400 + 42_359, False, True, False, False],
    ]


def test_contacts_are_summed_by_the_lead_and_the_deal_that_they_were_logged_on(tmp_path):
    activities = """
    activity_id,type,direction,occurred_at,lead_id,deal_id,outcome,reached_decision_maker,is_automatic
    A1,call,inbound,2026-10-01T10:00:00Z,L,,,,
    A2,call,outbound,2026-10-02T10:00:00Z,L,,,,
    A3,meeting,outbound,2026-10-03T10:00:00Z,L,,no_show,true,
    A4,meeting,outbound,2026-10-04T10:00:00Z,L,A,held,,
    A5,email,outbound,2026-10-05T10:00:00Z,,A,,,
    A6,email,outbound,2026-10-06T10:00:00Z,L,,,,true
    A7,note,outbound,2026-10-07T10:00:00Z,L,,,,
    A8,email,outbound,2026-10-08T10:00:00Z,,,,,
    """
    book = book_of(tmp_path, activities=activities, deals=DEAL)
    instants = ("first_contact_at", "last_contact_at", "first_attempt_at", "first_talk_at")
    days = ", ".join(f"cast(day({column}) as integer)" for column in instants)
    asked = f"select coalesce(lead_id, ''), coalesce(deal_id, ''), {days}, n_attempts, is_met from prospect_contacts"
    assert book.connection.execute(asked).fetchall() == [
        ("L", "A", 4, 4, 4, None, 1, True),
        ("L", "", 1, 3, 2, 3, 2, False),
        ("", "A", 5, 5, 5, None, 1, False),
    ]


def test_organisations_known_by_name_alone_are_told_apart_by_every_letter(tmp_path):
    accounts = "account_id,name\nA1,Ø A/S\nA2,Å A/S\nA3,ø a/s.\nA4,株式会社\nA5,有限会社\n"
    book = book_of(tmp_path, deals=DEAL, accounts=accounts)
    keys = dict(book.rows("select account_id, organisation_key from account_facts").itertuples(index=False))
    assert keys["A1"] == keys["A3"]
    assert len(set(keys.values())) == 4
