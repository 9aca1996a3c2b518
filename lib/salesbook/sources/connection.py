"""The connection string of a source on a server: it stands in an environment variable, and is shown nowhere."""

import os
from dataclasses import dataclass, field

from salesbook.errors import WrongUsage

PREFIX = "env:"


@dataclass(frozen=True)
class Connection:
    """A connection string: `variable`, the name of the environment variable, is all of it that may be shown."""

    variable: str
    text: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """What stands before ://, in small letters."""
        return self.text.partition("://")[0].lower()


def is_connection(path: str) -> bool:
    """Whether a source is the name of an environment variable rather than a folder.

    Examples:
    >>> is_connection("env:CRM_DATABASE"), is_connection("data/sample")
    (True, False)
    """
    return path.startswith(PREFIX)


def connection_of(path: str) -> Connection:
    """The connection string that a source such as env:CRM_DATABASE stands for.

    Raises: WrongUsage where the variable is not set, or holds no address; its content is not shown.
    """
    variable = path.removeprefix(PREFIX)
    text = os.environ.get(variable, "").strip()
    if not text:
        found = f"The environment variable {variable!r} is {'empty' if variable in os.environ else 'not set'}."
        todo = f"Put a connection string there, such as postgresql://user:password@host/database, as {variable}."
        raise WrongUsage("The source is not known.", found, todo)
    if "://" not in text:
        found = f"The environment variable {variable!r} holds no address (its content is not shown)."
        raise WrongUsage("The source is not known.", found, "Write it as postgresql://user:password@host/database.")
    return Connection(variable, text)
