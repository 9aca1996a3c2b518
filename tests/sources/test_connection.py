"""A connection string is taken from the environment and never shown."""

import pytest

from salesbook.errors import WrongUsage
from salesbook.sources.connection import connection_of

CANARY = "canary-5e3fb1"


def test_a_connection_string_is_not_part_of_how_a_connection_is_shown(monkeypatch):
    monkeypatch.setenv("CRM_DATABASE", f"PostgreSQL://sales:{CANARY}@host/crm")
    connection = connection_of("env:CRM_DATABASE")
    assert (connection.variable, connection.scheme) == ("CRM_DATABASE", "postgresql")
    assert CANARY in connection.text
    assert CANARY not in repr(connection)


@pytest.mark.parametrize("content", ["", CANARY])
def test_a_variable_without_an_address_is_refused_without_showing_what_it_holds(monkeypatch, content):
    monkeypatch.setenv("CRM_DATABASE", content)
    with pytest.raises(WrongUsage, match="CRM_DATABASE") as refused:
        connection_of("env:CRM_DATABASE")
    assert CANARY not in str(refused.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("CRM_DATABASE", raising=False)
    with pytest.raises(WrongUsage, match="'CRM_DATABASE' is not set"):
        connection_of("env:CRM_DATABASE")
