"""A PostgreSQL database as a source: the same rows as from files, typed values exactly, and no word of its address."""

import dataclasses
import json
import traceback
import tracemalloc
import uuid

import duckdb
import psycopg
import pytest

from postgres import fill
from salesbook import build
from salesbook.cli import main
from salesbook.errors import BadData, MissingTool, SalesbookError, WrongUsage
from salesbook.settings import load as settings_of
from salesbook.sources import site
from salesbook.sources.database import Database

CANARY = "canary-4c1d77"
VARIABLE = "SALESBOOK_TEST_DATABASE"


@pytest.fixture
def schema(postgres, monkeypatch):
    """A new schema's name, gone after the test; the environment holds the address."""
    name = f"s_{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv(VARIABLE, postgres)
    yield name
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"drop schema if exists {name} cascade")


@pytest.fixture
def read(postgres, schema, tmp_path):
    """Runs statements in a new schema and reads it as a source."""

    def run(statements: str, source: str = "", more: str = ""):
        with psycopg.connect(postgres, autocommit=True) as server:
            server.execute(f"create schema {schema}; set search_path to {schema}; {statements}".encode())
        head = f'[source]\npath = "env:{VARIABLE}"\nschema = "{schema}"\n{source}\n[limits]\nrejected_share = 1.0\n'
        (tmp_path / "salesbook.toml").write_text(head + more, encoding="utf-8")
        with site.opened(settings_of(tmp_path)) as opened:
            return opened.imported

    return run


def rows(imported, table: str, columns: str) -> list[tuple]:
    """Rows of a loaded table, in the order of its key."""
    return duckdb.execute(f"select {columns} from read_parquet(?)", [str(imported.table(table))]).fetchall()


def rejected(imported, table: str) -> list[tuple]:
    """File, line, key and rule of the rejected rows."""
    path = imported.quarantine(table).with_suffix(".parquet")
    query = "select file, line, key, rule, original from read_parquet(?) order by key, rule"
    return duckdb.execute(query, [str(path)]).fetchall()


DEALS = """
create table deals (deal_id bigint, pipeline text, stage varchar(20), amount {amount}, currency char(3),
  created_at {instant}, status text, probability real);
"""


def test_the_sample_company_in_postgresql_gives_the_same_facts_and_nothing_holds_the_address(
    sample_settings, sample_book, postgres, schema, monkeypatch, tmp_path
):
    fill(postgres, sample_settings.source_path, schema)
    monkeypatch.setenv(VARIABLE, postgres.replace("salesbook@", f"salesbook:{CANARY}@"))
    source = dataclasses.replace(sample_settings.source, path=f"env:{VARIABLE}", schema=schema)
    there = dataclasses.replace(sample_settings, home=tmp_path, source=source)
    made = build.run_of(there, "2026-10")
    for name in build.FACTS:
        fact = f"facts/{name}.parquet"
        assert (made / fact).read_bytes() == (sample_book.folder / fact).read_bytes(), name
    told, ours = json.loads((made / "run.json").read_text()), dict(sample_book.run)
    counts = [{entry["table"]: entry["rows_loaded"] for entry in run.pop("inputs")} for run in (told, ours)]
    assert counts[0] == counts[1]
    assert told == ours
    with pytest.raises(BadData, match="There is no data in 2030-01"):
        build.run_of(there, "2030-01")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []


def test_numbers_of_every_type_are_exact_in_the_sign_that_the_settings_declare(read):
    statements = (
        DEALS.format(amount="numeric(24, 6)", instant="timestamptz")
        + """
    insert into deals values (9007199254740993, 'Sales', 'New', 1234567890123456.780000, 'EUR', now(), 'open', 0.1);
    insert into deals values (2, 'Sales', 'New', 1.005, 'EUR', now(), 'open', 0.25);
    insert into deals values (3, 'Sales', 'New', 'NaN', 'EUR', now(), 'open', 'infinity');
    create table reps (owner_id int, display_name text, team text, capacity_fte double precision);
    insert into reps values (1, 'A', 'T', 0.1::float8 + 0.2::float8), (2, 'B', 'T', 1.234);
    """
    )
    imported = read(statements, 'decimal = ","\nthousands = "."\n')
    assert rows(imported, "deals", "deal_id, amount_minor, probability::varchar") == [
        ("9007199254740993", 123456789012345678, "0.100000")
    ]
    assert [entry[2:4] for entry in rejected(imported, "deals")] == [
        ("2", "amount_unreadable"), ("3", "amount_unreadable")
    ]  # fmt: skip
    assert rows(imported, "reps", "owner_id, capacity_fte::varchar") == [("1", "0.3000"), ("2", "1.2340")]


def test_times_with_a_zone_become_utc_and_times_without_one_follow_the_declared_zone(read):
    statements = """
    create table deals (deal_id text, pipeline text, stage text, amount money, currency text, status text,
      created_at timestamp, closed_at timestamptz, expected_close date, is_test boolean);
    insert into deals values
      ('A', 'Sales', 'Won', '12.30', 'EUR', 'won', '2026-07-01 09:00:00.75', '2026-07-02 09:00+02', '2026-07-31', true),
      ('B', 'Sales', 'Won', null, 'EUR', 'won', '2026-10-25 02:30:00', '2026-10-26 09:00+00', null, false),
      ('C', 'Sales', 'Won', null, 'EUR', 'won', '2026-10-01 02:30:00', 'infinity', null, false);
    """
    imported = read(statements, 'zone = "Europe/Amsterdam"\n')
    found = rows(imported, "deals", "deal_id, amount_minor, created_at::varchar, closed_at::varchar, "
                 "expected_close::varchar, is_test, created_at_is_date")  # fmt: skip
    assert found == [("A", 1230, "2026-07-01 07:00:00", "2026-07-02 07:00:00", "2026-07-31", True, False)]
    assert [entry[2:4] for entry in rejected(imported, "deals")] == [
        ("B", "created_at_hour_unclear"), ("C", "closed_at_unreadable")
    ]  # fmt: skip


def test_a_rejected_row_is_known_by_its_key_and_counted(read):
    statements = (
        DEALS.format(amount="text", instant="timestamptz")
        + """
    insert into deals values (7, 'Sales', 'New', '1,234', 'EUR', now(), 'open', 0.5);
    insert into deals values (8, 'Sales', E'a\\r\\nb "c", d', '5', 'EUR', now(), 'open', 0.5);
    """
    )
    imported = read(statements)
    assert [entry[:4] for entry in rejected(imported, "deals")] == [("deals", None, "7", "amount_unreadable")]
    assert "1,234" in rejected(imported, "deals")[0][4]
    assert rows(imported, "deals", "deal_id, stage") == [("8", 'a\r\nb "c", d')]
    (file,) = [file for file in imported.files if file["table"] == "deals"]
    assert (file["name"], file["rows_read"], file["rows_loaded"], file["rows_rejected"]) == ("deals", 2, 1, 1)


def test_a_replica_is_read_with_the_map_that_ships_and_what_it_does_not_name_stays_there(read, postgres):
    statements = """
    create table opportunity (id text, stage_name text, amount numeric, close_date date, created_date timestamptz,
      is_won boolean, is_closed boolean, probability numeric, secret_note text, last_modified_date timestamptz);
    insert into opportunity values ('006A', 'Closed Won', 100.5, '2026-02-01', '2026-01-05 09:00+00', true, true, 100,
      'not asked for', '2026-03-01 09:00+00');
    """
    imported = read(statements, 'extends = "salesforce"\ncurrency = "EUR"\n')
    assert rows(imported, "deals", "deal_id, amount_minor, status, probability::varchar") == [
        ("006A", 10050, "won", "1.000000")
    ]
    (file,) = imported.files
    assert file["unknown_columns"] == ["secret_note"]
    assert "not asked for" not in "".join(map(str, imported.folder.rglob("*")))


def test_the_same_content_is_the_same_import_and_a_change_is_another(read, postgres, schema, tmp_path):
    deal = "insert into deals values (1, 'Sales', 'New', 5, 'EUR', '2026-01-01 09:00+00', 'open', 0.5);"
    first = read(DEALS.format(amount="numeric", instant="timestamptz") + deal)
    with site.opened(settings_of(tmp_path)) as again:
        assert again.imported.folder == first.folder
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"update {schema}.deals set amount = 6".encode())
    with site.opened(settings_of(tmp_path)) as changed:
        assert changed.imported.folder != first.folder


def test_all_tables_are_read_as_they_stood_at_one_instant(postgres, schema, monkeypatch, tmp_path):
    from salesbook.sources.postgres import Tables

    with psycopg.connect(postgres, autocommit=True) as server:
        make = DEALS.format(amount="numeric", instant="timestamptz")
        deal = "insert into deals values ({}, 'Sales', 'New', 5, 'EUR', '2026-01-01 09:00+00', 'open', 0.5);"
        owner = "create table reps (owner_id text, display_name text, team text);"
        server.execute(f"create schema {schema}; set search_path to {schema}; {make}{owner}{deal.format(1)}".encode())
        copy = Tables.copied

        def and_then_write(self, file, target):
            done = copy(self, file, target)
            server.execute(f"insert into reps values ('R{file.name}', 'A', 'T')".encode())
            return done

        monkeypatch.setattr(Tables, "copied", and_then_write)
        (tmp_path / "salesbook.toml").write_text(f'[source]\npath = "env:{VARIABLE}"\nschema = "{schema}"\n')
        with site.opened(settings_of(tmp_path)) as opened:
            assert opened.imported.rows_read("reps") == 0


@pytest.mark.parametrize(
    ("source", "sign"),
    [
        ("", "no table of deals"),
        ('[files]\ndeals = "pipedrive_deals"\n', "no table 'pipedrive_deals'"),
        ('[files]\ndeals = "other"\n', "other has no columns"),
    ],
)
def test_a_missing_table_or_column_is_named_with_what_there_is(read, source, sign):
    with pytest.raises(BadData, match=sign) as refused:
        read("create table other (a text, b text)", more=source)
    assert "'a', 'b'" in refused.value.found or "'other'" in refused.value.found


def test_a_right_that_lacks_is_told_with_the_table(postgres, schema, monkeypatch, tmp_path):
    user = f"u_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"create schema {schema}; create table {schema}.deals (deal_id text);"
                       f"create role {user} login; grant usage on schema {schema} to {user}".encode())  # fmt: skip
    monkeypatch.setenv(VARIABLE, postgres.replace("salesbook@", f"{user}:{CANARY}@"))
    (tmp_path / "salesbook.toml").write_text(f'[source]\npath = "env:{VARIABLE}"\nschema = "{schema}"\n')
    with pytest.raises(BadData, match="does not allow reading the table 'deals'"), site.opened(settings_of(tmp_path)):
        pass


def test_what_is_refused_writes_nothing_in_the_database(read, postgres, schema):
    read(DEALS.format(amount="numeric", instant="timestamptz") + "insert into deals (deal_id) values (1);")
    with psycopg.connect(postgres) as server:
        query = "select relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = %s"
        assert server.execute(query, (schema,)).fetchall() == [("deals",)]


REFUSED = {
    "postgresql://sales:{canary}@127.0.0.1:1/crm": (MissingTool, "nothing answers"),
    "postgresql://sales:{canary}@no-such-host.invalid/crm": (MissingTool, "host is not known"),
    "postgresql://sales:{canary}@127.0.0.1:{canary}/crm": (SalesbookError, VARIABLE),
    "postgresql://sales:{canary}@[127.0.0.1/crm": (WrongUsage, "no address that can be read"),
    "postgresql://sales:{canary}@127.0.0.1/crm?{canary}=1": (WrongUsage, "no address that can be read"),
    "mysql://sales:{canary}@127.0.0.1/crm": (WrongUsage, "no known kind"),
    "{canary}://": (WrongUsage, "no known kind"),
}


@pytest.mark.parametrize(("address", "kind", "sign"), [(key, *value) for key, value in REFUSED.items()])
def test_no_error_on_the_way_to_a_server_holds_its_address(tmp_path, monkeypatch, address, kind, sign):
    monkeypatch.setenv(VARIABLE, address.format(canary=CANARY))
    (tmp_path / "salesbook.toml").write_text(f'[source]\npath = "env:{VARIABLE}"\n')
    with pytest.raises(kind, match=sign) as refused, site.opened(settings_of(tmp_path)):
        pass
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_a_wrong_password_or_database_is_told_without_showing_it(postgres, tmp_path, monkeypatch):
    (tmp_path / "salesbook.toml").write_text(f'[source]\npath = "env:{VARIABLE}"\n')
    for address, sign in {
        postgres.replace("/postgres", f"/{CANARY}"): "does not have its database",
        postgres.replace("salesbook@", f"{CANARY}@"): "does not know its user",
    }.items():
        monkeypatch.setenv(VARIABLE, address)
        with pytest.raises(MissingTool, match=sign) as refused, site.opened(settings_of(tmp_path)):
            pass
        assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_a_command_ends_with_the_exit_code_and_three_parts_that_hold_no_address(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, f"postgresql://sales:{CANARY}@127.0.0.1:1/{CANARY}")
    (tmp_path / "salesbook.toml").write_text("[source]\npath = 'export'\n")
    for command in ("check", "snapshot"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--settings", str(tmp_path), "--source", f"env:{VARIABLE}"], standalone_mode=False)
        said = capsys.readouterr()
        assert ended.value.code == 4
        assert [line.split(":")[0].strip() for line in said.err.splitlines()] == ["Error", "Found", "To do"]
        assert CANARY not in said.out + said.err
    assert [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []


def test_a_table_is_copied_out_row_by_row(read, monkeypatch):
    copied_out, most = Database.copied_out, []

    def measured(*asked):
        tracemalloc.start()
        try:
            yield from copied_out(*asked)
            most.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()

    monkeypatch.setattr(Database, "copied_out", measured)
    imported = read(DEALS.format(amount="integer", instant="date") + """
        insert into deals select n, repeat('Sales', 20), 'Demo', 5, 'EUR', '2026-01-05', 'open'
        from generate_series(1, 50000) n;""")  # fmt: skip
    assert imported.rows_loaded("deals") == 50_000
    assert most[0] < 1_000_000 < imported.files[0]["bytes"]
