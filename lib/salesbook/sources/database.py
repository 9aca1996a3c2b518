"""A PostgreSQL server as we talk to it: one connection, a few questions, and errors that never show its address."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from psycopg import sql as q

from salesbook.errors import BadData, MissingTool, SalesbookError, WrongUsage
from salesbook.sources.connection import Connection

WAIT_SECONDS = 15
# What the driver says where no connection was made, and what we say for it: its own words may hold the address.
REFUSALS = {
    "connection refused": ("nothing answers at its host and port", "Start the server, or mend host and port in it."),
    "resolve host": ("its host is not known", "Mend the host in it, or the network."),
    "translate host": ("its host is not known", "Mend the host in it, or the network."),
    "timeout": ("the server did not answer in time", "Check the network, the firewall and the host in it."),
    "authentication failed": ("the server does not take its user and password", "Mend user and password in it."),
    "no password supplied": ("the server asks for a password and it has none", "Add the password to it."),
    "role": ("the server does not know its user", "Mend the user in it."),
    "pg_hba": ("the server lets nobody in from here", "Ask for access from this machine, or add ?sslmode=require."),
    "ssl": ("an encrypted connection could not be agreed on", "Set sslmode in it as the server asks."),
    "does not exist": ("the server does not have its database", "Mend the database's name in it."),
    "too many": ("the server has no connection left", "Try again later, or raise its limit."),
}

# How the codes of errors begin that are nobody's data: the server goes away; it lacks memory, disk or a turn.
LOST = ("08", "57P0")
SHORT_OF = ("40", "53", "55", "58")


class Database:
    """A connection to a server."""

    def __init__(self, connection: Connection):
        self.variable = connection.variable
        self.connection = connected(connection)

    def close(self) -> None:
        """Let go of the server."""
        self.connection.close()

    def at_one_instant(self) -> None:
        """Read one state of the database until the next commit."""
        self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.connection.autocommit = False

    def read_only(self) -> None:
        """Read one state of the database from now on, and write nothing."""
        self.connection.read_only = True
        self.at_one_instant()

    def plainly(self) -> None:
        """Have values written plainly whatever the server's settings are, and rows given in the order they lie in."""
        for name, value in {
            "timezone": "UTC",
            "datestyle": "ISO, YMD",
            "intervalstyle": "postgres",
            "extra_float_digits": "1",
            "synchronize_seqscans": "off",
            "search_path": "pg_catalog",
        }.items():
            self.rows("select set_config(%s, %s, false)", (name, value))

    def rows(self, query: str | q.Composable, values: tuple = ()) -> list[tuple]:
        """The rows of a query."""
        with self.telling("a query"):
            text = query if isinstance(query, q.Composable) else q.SQL(query)
            return self.connection.execute(text, values or None).fetchall()

    def run(self, statement: q.Composable) -> None:
        """Run a statement that gives no rows."""
        with self.telling("what is built in it"):
            self.connection.execute(statement)

    def copied_out(self, query: q.Composable, what: str) -> Iterator[memoryview]:
        """What `copy (query) to stdout` sends, piece by piece."""
        statement = q.SQL("copy ({}) to stdout (format csv, force_quote *)").format(query)
        with self.telling(what), self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            yield from copy

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Tell the server's errors in our words."""
        try:
            yield
        except psycopg.Error as error:
            raise told(error, what, self.variable) from None


def connected(connection: Connection) -> psycopg.Connection:
    """A connection to the server.

    Raises: MissingTool where it does not let us in; WrongUsage where its address cannot be read. No error holds it.
    """
    try:
        given = psycopg.conninfo.conninfo_to_dict(connection.text)
        given = {"connect_timeout": WAIT_SECONDS, "application_name": "salesbook"} | given
        return psycopg.connect(**given, autocommit=True)
    except psycopg.ProgrammingError:
        found = f"The environment variable {connection.variable!r} holds no address that can be read."
        todo = "Write it as postgresql://user:password@host:5432/database, with % codes for signs in the password."
        raise WrongUsage("The address of the database cannot be read.", found, todo) from None
    except psycopg.OperationalError as error:
        said = str(error).lower()
        default = ("the server did not let us in", "Try the same address with psql on this machine.")
        reason, todo = next((why for sign, why in REFUSALS.items() if sign in said), default)
        found = f"The environment variable {connection.variable!r} holds its address: {reason}."
        raise MissingTool("The database cannot be reached.", found, todo) from None


def told(error: psycopg.Error, what: str, variable: str) -> SalesbookError:
    """An error of the server in our words; of its own words only names of things, never values."""
    names = [name for name in (error.diag.schema_name, error.diag.table_name, error.diag.column_name) if name]
    state, code = error.sqlstate or "", f"Its code is {error.sqlstate or 'unknown'}"
    if isinstance(error, errors.InsufficientPrivilege):
        todo = "Grant the right that docs/sources.md names, to the user of the connection."
        return BadData(f"The database does not allow reading {what}.", "Its user lacks a right.", todo)
    if isinstance(error, errors.ReadOnlySqlTransaction):
        todo = "Connect to the main server as a user that may write, or leave build_in under [source] out."
        return BadData(f"The database does not allow writing {what}.", "It may only be read.", todo)
    if (isinstance(error, psycopg.OperationalError) and not state) or state.startswith(LOST):
        found = f"The server that {variable!r} names ended it before {what} was done."
        return MissingTool("The connection to the database was lost.", found, "Start the server, and try again.")
    if isinstance(error, errors.QueryCanceled | errors.LockNotAvailable):
        todo = "Try again; if its limit of time is too short for that, raise statement_timeout or lock_timeout for it."
        return MissingTool(f"The database ended {what} before it was done.", f"{code}.", todo)
    if state.startswith(SHORT_OF):
        todo = "Try again, and look the code up in the server's log if that does not help."
        return MissingTool(f"The database could not give {what} now.", f"{code}.", todo)
    about = f", about {'.'.join(names)}" if names else ""
    todo = "Look it up in the server's log, and mend the map."
    return BadData(f"The database could not give {what}.", f"{code}{about}.", todo)
