"""A PostgreSQL server of Debian's package for the tests, started on loopback in a temporary folder."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg import sql as q

from salesbook.tables import TABLES

INSTALL = "PostgreSQL is not installed here: apt-get install postgresql"


def binaries() -> Path:
    """The folder of the newest server's programs; skips the test where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip(INSTALL)
    return found[-1].parent


def as_postgres(command: list, user: str | None) -> list:
    """A command run as the server's user: the server refuses to run as root."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *map(str, command)] if user else command


@pytest.fixture(scope="session")
def postgres():
    """The connection string of a fresh server."""
    bin_folder = binaries()
    folder = Path(tempfile.mkdtemp(prefix="salesbook-postgres-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    init = [bin_folder / "initdb", "-D", data, "-U", "salesbook", "-A", "trust", "--locale=C", "-E", "UTF8"]
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    subprocess.run(as_postgres(init, user), **quiet)
    options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
    control = [bin_folder / "pg_ctl", "-D", data, "-l", folder / "log", "-w"]
    subprocess.run(as_postgres([*control, "-o", options, "start"], user), **quiet)
    try:
        yield f"postgresql://salesbook@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run(as_postgres([*control, "-m", "fast", "stop"], user), **quiet)
        shutil.rmtree(folder)


TYPES = {
    "instant": "timestamptz",
    "date": "date",
    "money": "numeric(18, 2)",
    "rate": "numeric(18, 8)",
    "number": "numeric(18, 4)",
    "share": "double precision",
    "integer": "bigint",
    "boolean": "boolean",
}


def fill(connection: str, folder: Path, schema: str) -> None:
    """Load a folder of canonical CSV files into tables of a new schema, each column of its own type."""
    with psycopg.connect(connection, autocommit=True) as server:
        server.execute(q.SQL("create schema {}").format(q.Identifier(schema)))
        for file in sorted(folder.glob("*.csv")):
            header = file.read_text(encoding="utf-8").partition("\n")[0].split(",")
            kinds = {column.name: TYPES.get(column.type, "text") for column in TABLES[file.stem].columns}
            columns = [q.SQL("{} {}").format(q.Identifier(name), q.SQL(kinds[name])) for name in header]
            table = q.Identifier(schema, file.stem)
            server.execute(q.SQL("create table {} ({})").format(table, q.SQL(", ").join(columns)))
            with server.cursor().copy(q.SQL("copy {} from stdin (format csv, header)").format(table)) as copy:
                copy.write(file.read_bytes())
