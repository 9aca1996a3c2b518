"""Building in place: the same rows as here, in a schema of its own, and nothing but facts comes out."""

import dataclasses
import shutil
import uuid
from datetime import datetime

import duckdb
import psycopg
import pytest

from postgres import fill
from salesbook import build
from salesbook.errors import BadData, MissingTool, WrongUsage
from salesbook.settings import load as settings_of
from salesbook.snapshot import take
from salesbook.sources import site
from salesbook.sources.placed_rules import AtOnce
from salesbook.sources.placed_schema import Schema
from salesbook.tables import TABLES
from test_snapshot import NOW

VARIABLE = "SALESBOOK_TEST_DATABASE"
RELATIONS = """select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema' order by 1, 2"""


@pytest.fixture
def names(postgres, monkeypatch):
    """The names of a schema of data and of one to build in, both gone after the test."""
    monkeypatch.setenv(VARIABLE, postgres)
    data = f"s_{uuid.uuid4().hex[:8]}"
    yield data, f"{data}_ours"
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"drop schema if exists {data} cascade; drop schema if exists {data}_ours cascade".encode())


@pytest.fixture
def company(postgres, names, tmp_path):
    """Runs statements in a schema and gives settings that copy out of it, and others that build in place."""

    def make(statements: str, source: str = "", more: str = ""):
        with psycopg.connect(postgres, autocommit=True) as server:
            server.execute(f"create schema {names[0]}; set search_path to {names[0]}; {statements}".encode())
        head = f'[source]\npath = "env:{VARIABLE}"\nschema = "{names[0]}"\n{source}\n[limits]\nrejected_share = 1.0\n'
        (tmp_path / "salesbook.toml").write_text(head + more, encoding="utf-8")
        here = settings_of(tmp_path)
        return here, dataclasses.replace(here, source=dataclasses.replace(here.source, build_in=names[1]))

    return make


def read(settings):
    """A source's import, and the rows of every canonical table in the order of all columns."""
    with site.opened(settings) as source, duckdb.connect() as local:
        if settings.source.build_in:
            engine = source.engine(settings.home)
            rows = {name: engine.rows(f"select {columns(name)} from loaded_{name}") for name in TABLES}
        else:
            path = source.imported.table
            rows = {
                name: local.execute(f"select {columns(name)} from read_parquet(?)", [str(path(name))]).fetchall()
                for name in TABLES
            }
        return source.imported, {name: sorted(found, key=repr) for name, found in rows.items()}


def columns(name: str) -> str:
    """The stored columns of a table."""
    return ", ".join(f'"{column}"' for column in TABLES[name].stored)


TOLD = ("name", "table", "rows_read", "rows_loaded", "rows_rejected", "unknown_columns")


def told(imported) -> dict:
    """What an import tells of its rows, whatever it was read from."""
    files = [{name: file[name] for name in TOLD} for file in imported.files]
    return {"files": files} | {name: getattr(imported, name) for name in ("rejected", "flagged", "present", "newest")}


def test_the_sample_company_built_in_place_gives_the_same_facts_row_by_row(
    sample_settings, sample_book, postgres, names, tmp_path
):
    fill(postgres, sample_settings.source_path, names[0])
    source = dataclasses.replace(sample_settings.source, path=f"env:{VARIABLE}", schema=names[0], build_in=names[1])
    with psycopg.connect(postgres, autocommit=True) as server:
        before = server.execute(RELATIONS).fetchall()
        made = build.run_of(dataclasses.replace(sample_settings, home=tmp_path, source=source), "2026-10")
        after = server.execute(RELATIONS).fetchall()
    for name in build.FACTS:
        files = [str(run / "facts" / f"{name}.parquet") for run in (sample_book.folder, made)]
        for query in ("from read_parquet(?)", "describe from read_parquet(?)"):
            ours, theirs = (duckdb.execute(query, [file]).fetchall() for file in files)
            assert ours == theirs, name
    assert {schema for schema, _ in set(after) - set(before)} == {names[1]}
    assert {path.name for path in (tmp_path / ".salesbook" / "imports").rglob("*") if path.is_file()} == {"import.json"}
    assert {path.suffix for path in made.rglob("*") if path.is_file()} == {".json", ".parquet"}


TEXTS = """
create table deals (deal_id text, pipeline text, stage text, status text, amount text, currency text, created_at text,
  closed_at text, expected_close text, owner_id text, account_id text, probability text, is_test text, discount text);
insert into deals select * from (values
  ('D1', 'Sales', 'New', 'open', '1.234,50', 'EUR', '01-07-2026 09:00', null, '31-12-2026', 'R1', 'A1', '0,5', 'ja', ''),
  (' D2', 'Sales', 'New', 'OPEN', '1234,5', 'EUR', '25-10-2026 02:30', null, '2026-12-31', 'R9', 'A9', '1,5', 'nee', ''),
  ('D3', 'Sales', 'Won', 'won', '-5', 'eur', '2026-07-01T09:00:00Z', '1-7-2026', null, '', '', '', 'x', ''),
  ('D4', 'Sales', 'Won', 'won', '12.5', 'EUR', '30-02-2026', '3-7-2026', null, '', '', '', '', ''),
  ('D5', 'Sales', 'Won', 'won', '12,555', 'EUR', '1-7-2026', '30-6-2026', null, '', '', '', '', '0,05'),
  ('D6', 'Sales', 'Won', 'won', '12', 'EUR', '2-7-2026', '1-7-2026', null, '', '', '', '', ''),
  ('D7', 'Sales', 'Nowhere', 'open', '12', 'EUR', '2-7-2026', null, null, '', '', '', '', ''),
  ('D8', 'Sales', 'New', null, '12', 'EUR', '2-7-2026', null, null, '', '', '', '', ''),
  ('D8', 'Sales', 'New', null, '12', 'EUR', '2-7-2026', null, null, '', '', '', '', ''),
  ('D9', 'Sales', 'New', null, '12', 'EUR', '2-7-2026', null, null, '', '', '', '', ''),
  ('D9', 'Sales', 'New', null, '13', 'EUR', '2-7-2026', null, null, '', '', '', '', ''),
  ('1E+5', 'Sales', 'New', 'open', '1', 'EUR', '2-7-2026 9:05:07 pm', null, null, '', '', '', '', ''),
  (E'D\\u200bX', 'Sales', 'New', 'open', '1', 'EUR', null, null, null, '', '', '', '', ''),
  ('D10', E' Sales\\u00a0', E'\\tNew ', 'Gewonnen?', '1', 'EUR', null, null, null, '', '', '', '', ''),
  ('D11', 'Sales', 'Lost', 'lost', '#N/A', 'EUR', null, null, null, '', '', '', '', ''),
  ('D12', 'Sales', 'Lost', 'lost', '1', 'EUR', '2-7-2026 10:00+02:00', '2026-07-03 10:00:00.75Z', null, '', '', '', '', ''),
  ('', 'Sales', 'New', 'open', '1', 'EUR', null, null, null, '', '', '', '', ''),
  ('D13', 'Sales', 'New', 'open', '1', 'EUR', '29-03-2026 02:30', null, null, '', '', '', '', ''),
  ('D14', 'Sales', 'Won', 'open', '99999999999999999', 'EUR', null, null, null, '', '', '', '', ''),
  (' D20', 'Sales', 'New', null, '-5', 'EUR', '1-7-2026 9:00', null, '31.12.2026', 'R9', 'A9', '0,25', 'NEJ', ''),
  ('D21', 'Sales', 'Won', 'lost', '5', 'EUR', '1-7-2026 9:00', null, '31/12/2026', 'R2', 'A9', '', '', ''),
  ('D22', 'Sales', 'New', 'open', '5', 'EUR', '1-7-2026 9:00', null, null, 'R2', 'A9', '1.234.567', '', ''),
  ('D23', 'Sales', 'New', 'open', '1.234.567.890.123.456.789', 'EUR', '1-7-2026 9:00', null, null, '', '', '', '', ''),
  ('deal_id', 'pipeline', 'stage', 'status', 'amount', 'currency', 'created_at', 'closed_at', 'expected_close',
    'owner_id', 'account_id', 'probability', 'is_test', 'discount')) x;
alter table deals add merged_into text;
insert into deals (deal_id, pipeline, stage, status, amount, currency, merged_into) select name, 'Sales', 'New', 'open',
  '1', 'EUR', other from (values ('M1', 'M2'), ('M2', 'M1'), ('M3', 'M4'), ('M4', 'M5'), ('M5', '')) m (name, other);
insert into deals (deal_id, pipeline, stage, status, amount, currency, merged_into) select name, 'Sales', 'New', 'open',
  '1', 'EUR', other from (select 'C' || n, 'C' || (n % 60 + 1) from generate_series(1, 60) n
  union all values ('T1', 'T2'), ('T2', 'T3'), ('T3', 'C7')) m (name, other);
insert into deals (deal_id, pipeline, stage, status, amount, currency, created_at) values
  ('W1', 'Sales', 'Nowhere', 'open', 'x', 'EUR', null),
  ('H1', 'Sales', 'New', 'open', '1', 'EUR', '2-7-2026 9:05:07 PM'), ('H2', 'Sales', 'New', 'open', '1', 'EUR', '2-7-2026 9:05 AM'),
  ('H3', 'Sales', 'New', 'open', '1', 'EUR', '2-7-2026 10:00+02:00'), ('H4', 'Sales', 'New', 'open', '1', 'EUR', '2-7-2026 10:00-05:30');
create table stages (pipeline text, stage text, position int, is_won boolean, is_lost boolean);
insert into stages values ('Sales', 'New', 1, false, false), ('Sales', 'Won', 2, true, false),
  ('Sales', 'Lost', 3, false, true), ('Sales', 'Both', 4, true, true);
create view stage_history as select d.deal_id, 'New' as stage, timestamptz '2026-07-01 09:00+00' as entered_at,
  null::timestamptz as exited_at from deals d union all select 'gone', 'New', timestamptz '2026-08-01 09:00+00', null;
create table reps (owner_id text, display_name text, team text, capacity_fte numeric);
insert into reps values ('R1', 'A', 'T', 0.8), ('R2', 'B', 'T', 3), ('R3', 'C', 'T', 1.234);
create table costs (period date, type text, amount numeric, currency text, acquisition_share float8);
insert into costs values ('2026-01-01', 'media', 10.10, 'EUR', 1), ('2026-01-01', 'media', 10.10, 'EUR', 1),
  ('2026-01-01', 'bribes', 1, 'EUR', 0.5);
"""  # noqa: E501
FORM = 'date_form = "dmy"\ndecimal = ","\nthousands = "."\nzone = "Europe/Amsterdam"\nnulls = ["-"]\n'


def test_whatever_is_wrong_with_a_row_is_found_in_place_as_it_is_here(company):
    (here, rows), (there, placed) = map(read, company(TEXTS, FORM))
    assert told(there) == told(here)
    assert placed == rows
    assert len(here.rejected["deals"]) > 9
    assert {"deals", "reps", "stage_history", "stages", "costs"} <= here.rejected.keys()
    assert here.flagged["deals"].keys() == {
        "deal_id_has_space", "owner_id_unknown", "amount_not_negative", "closed_has_a_date", "status_not_of_stage",
        "merged_onward", "merged_into_unknown", "created_at_empty",
    }  # fmt: skip
    assert here.rejected["deals"]["merged_in_circle"] == 2 + 60
    assert {"T1", "T2", "T3", "M3"} < {row[0] for row in rows["deals"]}
    assert len(rows["deals"]) == 14


def test_conditions_asked_at_once_reject_and_flag_what_they_do_one_after_another(company, monkeypatch):
    (_, one_by_one) = company(TEXTS, FORM)
    (there, rows) = read(one_by_one)
    monkeypatch.setattr(Schema, "checks", AtOnce)
    shutil.rmtree(one_by_one.home / ".salesbook")  # what is there of the same content would be told once more
    (at_once, same) = read(one_by_one)
    assert told(at_once) == told(there)
    assert same == rows


def test_words_constants_rows_of_the_settings_and_newest_versions_do_the_same_in_place(company):
    statements = """
    create table "Kansen" (id int, fase text, bedrag numeric, uitkomst text, gewijzigd timestamp);
    insert into "Kansen" values (1, 'Klaar', 5, 'Gewonnen', '2026-01-01'), (1, 'Klaar', 6, 'Gewonnen', '2026-02-01'),
      (2, 'Bezig', 7, 'Geen idee', '2026-01-01'), (3, 'Bezig', 7, null, '2026-01-01'), (3, 'Bezig', 8, null, '2026-01-01');
    """  # noqa: E501
    more = """
    [files]
    deals = "Kansen"
    [columns.deals]
    deal_id = "id"
    stage = "fase"
    amount = "bedrag"
    status = "uitkomst"
    [constants.deals]
    pipeline = "Verkoop"
    [words.deals.status]
    Gewonnen = "won"
    "*" = ""
    [newest]
    deals = "gewijzigd"
    [[rows.stages]]
    pipeline = "Verkoop"
    stage = "Klaar"
    position = 2
    is_won = true
    is_lost = false
    [[rows.stages]]
    pipeline = "Verkoop"
    stage = "Bezig"
    position = 1
    is_won = false
    is_lost = false
    """
    (here, rows), (there, placed) = map(read, company(statements, 'zone = "UTC"\ncurrency = "EUR"', more))
    assert told(there) == told(here)
    assert placed == rows
    assert here.rejected == {"deals": {"key_conflict": 2, "superseded": 1}}
    assert here.flagged["deals"]["status_other"] == 1
    assert len(rows["deals"]) == 2


def test_stages_that_nobody_keeps_are_made_of_the_deals_and_kept_snapshots_are_read_in_place(company):
    statements = """
    create table deals (deal_id text, pipeline text, stage text, status text, amount numeric, currency text,
      created_at timestamptz, closed_at timestamptz);
    insert into deals values ('A', 'Sales', 'Demo', 'open', 5, 'EUR', '2026-09-01 08:00+00', null),
      ('B', 'Sales', 'Won', 'won', 5, 'EUR', '2026-09-01 08:00+00', '2026-10-01 08:00+00');
    create table stage_history as select 'A' as deal_id, 'First' as stage, timestamptz '2026-09-01 08:00+00' as entered_at;
    """  # noqa: E501
    settings = company(statements)
    taken = take(settings[1], NOW)
    assert taken.file.is_file()
    (here, rows), (there, placed) = map(read, settings)
    assert told(there) == told(here)
    assert placed == rows
    assert len(rows["forecast_snapshots"]) == 1
    assert [row[1] for row in rows["stages"]] == ["Demo", "First", "Won"]
    assert here.rows_read("forecast_snapshots") == 1


def test_rejected_rows_stay_in_the_database_with_key_rule_and_reason(company, postgres, names, tmp_path):
    canary = "canary-90ab12"
    statements = f"""
    create table deals (deal_id text, pipeline text, stage text, status text, amount text, currency text);
    insert into deals values ('A', 'Sales', 'Demo', 'open', '{canary}', 'EUR'), ('B', 'Sales', 'Demo', 'open', '1', 'EUR');
    """  # noqa: E501
    _, settings = company(statements)
    read(settings)
    with psycopg.connect(postgres) as server:
        found = server.execute(f"select source, key, column_name, rule from {names[1]}.quarantine".encode()).fetchall()
    assert found == [("deals", "A", "amount", "amount_unreadable")]
    assert [path for path in tmp_path.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()] == []
    strict = dataclasses.replace(settings, limits=dataclasses.replace(settings.limits, rejected_share=0.1))
    with pytest.raises(BadData, match=rf"Look at the table {names[1]}.quarantine of the database"):
        read(strict)


DEALS = "create table deals (deal_id text, pipeline text, stage text, status text, amount int, currency text);"
DEAL = "insert into deals values ('A', 'S', 'N', 'open', 1, 'EUR')"


def test_a_schema_that_holds_what_is_not_ours_is_left_alone(company, postgres, names):
    _, settings = company(DEALS)
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"create schema {names[1]}; create table {names[1]}.deals as select 1 as precious".encode())
        with pytest.raises(WrongUsage, match=r"holds what is not salesbook's.*'deals'"):
            read(settings)
        assert server.execute(f"select precious from {names[1]}.deals".encode()).fetchall() == [(1,)]
    mixed = dataclasses.replace(settings, source=dataclasses.replace(settings.source, build_in=names[0]))
    with pytest.raises(WrongUsage, match="holds what is not salesbook's"):
        read(mixed)


def test_a_run_that_fails_leaves_the_schema_fit_for_the_next(company, postgres, names):
    _, settings = company("create table other (a text)")
    for _ in range(2):
        with pytest.raises(BadData, match="no table of deals"):
            read(settings)
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"set search_path to {names[0]}; {DEALS} {DEAL}".encode())
    assert len(read(settings)[1]["deals"]) == len(read(settings)[1]["deals"]) == 1


def test_the_rights_of_the_documents_are_enough(company, postgres, names, monkeypatch):
    _, settings = company(f"{DEALS} {DEAL}")
    user = f"u_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(
            f"""create role {user} login; grant usage on schema {names[0]} to {user};
            grant select on {names[0]}.deals to {user}; create schema {names[1]};
            grant usage, create on schema {names[1]} to {user}""".encode()
        )
        monkeypatch.setenv(VARIABLE, postgres.replace("salesbook@", f"{user}@"))
        assert len(read(settings)[1]["deals"]) == 1
        assert len(read(settings)[1]["deals"]) == 1
        server.execute(f"revoke create on schema {names[1]} from {user}".encode())
        with pytest.raises(BadData, match="does not allow"):
            read(settings)
        server.execute(f"drop owned by {user} cascade; drop role {user}".encode())


ONE = "select 'A' as deal_id, 'S' as pipeline, 'N' as stage, 'open' as status, 1 as amount, 'EUR' as currency"
FAULTS = {
    "the server goes away": (
        f"create view deals as {ONE}, pg_terminate_backend(pg_backend_pid())::text as product", "",
        MissingTool, "connection to the database was lost.*before .* was done",
    ),
    "it takes too long": (
        f"create view deals as {ONE}, pg_sleep(5)::text as product", "statement_timeout%3D200",
        MissingTool, "ended .* before it was done.*57014.*statement_timeout",
    ),
    "there is no disk": (
        """create function full_disk() returns text language plpgsql as
          $$ begin raise exception using errcode = 'disk_full', message = 'canary-90ab12'; end $$;
        create view deals as """ + f"{ONE}, full_disk() as product", "",
        MissingTool, "could not give .* now.*53100",
    ),
    "no deals": (DEALS, "", BadData, "There are no deals"),
    "a list": (f"create table deals as {ONE}, array['a'] as product", "", BadData, "'product' holds lists"),
    "a structure": (
        f"create type pair as (a int, b int); create table deals as {ONE}, row(1, 2)::pair as product", "",
        BadData, "'product' holds lists, structures",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_read_is_told_alike_both_ways_and_leaves_nothing(
    company, postgres, names, monkeypatch, tmp_path, fault
):
    statements, option, kind, sign = FAULTS[fault]
    ways = company(statements)
    monkeypatch.setenv(VARIABLE, f"{postgres}?options=-c%20{option}" if option else postgres)
    for settings in ways:
        with pytest.raises(kind, match=sign) as refused:
            read(settings)
        assert "canary" not in str(refused.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "salesbook.toml"]
    with psycopg.connect(postgres) as server:
        left = server.execute("select tablename from pg_tables where schemaname = %s", (names[1],)).fetchall()
    assert left == [("salesbook_made",)]


def test_a_database_that_may_only_be_read_is_copied_out_of_and_not_built_in(company, postgres, names, monkeypatch):
    here, there = company(f"{DEALS} {DEAL}")
    monkeypatch.setenv(VARIABLE, f"{postgres}?options=-c%20default_transaction_read_only%3Don")
    assert len(read(here)[1]["deals"]) == 1
    with pytest.raises(BadData, match=r"does not allow writing.*may only be read.*leave build_in"):
        read(there)


def test_values_of_odd_types_are_read_or_rejected_alike_both_ways(company):
    statements = """create type outcome as enum ('open', 'won'); create domain price as numeric;
    create table deals (deal_id uuid, pipeline varchar, stage char(5), status outcome, amount price, currency text,
      created_at timestamp, closed_at date, probability real);
    insert into deals select format('0000000%s-9c0b-4ef8-bb6d-6bb9bd380a11', n)::uuid, 'S', 'N', status::outcome,
      amount, 'EUR', created_at::timestamp, closed_at::date, 0.3 from (values
      (1, 'open', 1.50, 'infinity', null), (2, 'open', 'NaN'::numeric, '2026-01-01 10:00', null),
      (3, 'won', 2, '2026-01-01 10:00', '-infinity'), (4, 'won', 2, '0044-03-15 10:00 BC', '2026-01-02'),
      (5, 'won', 2, '12026-03-15 10:00', '2026-01-02'), (6, 'won', 2.50, '2026-07-15 10:00:00.9', '2026-08-02')
      ) x (n, status, amount, created_at, closed_at);
    """
    (here, rows), (there, placed) = map(read, company(statements, 'zone = "Europe/Amsterdam"\n'))
    assert told(there) == told(here)
    assert placed == rows
    assert here.rejected["deals"] == {"created_at_unreadable": 3, "amount_unreadable": 1, "closed_at_unreadable": 1}
    ((deal,),) = [rows["deals"]]
    kept = dict(zip(TABLES["deals"].stored, deal, strict=True))
    assert kept["deal_id"] == "00000006-9c0b-4ef8-bb6d-6bb9bd380a11"
    assert (kept["stage"], kept["status"], kept["amount_minor"], kept["currency"]) == ("N", "won", 250, "EUR")
    assert kept["created_at"] == datetime(2026, 7, 15, 8)
