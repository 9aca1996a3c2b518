"""Tables of a PostgreSQL database as a source: what the map names of them is copied out, and read like files."""

import hashlib
from fnmatch import fnmatchcase
from pathlib import Path

from psycopg import sql as q

from salesbook.errors import BadData
from salesbook.settings import Settings
from salesbook.sources import intake, plan, steps
from salesbook.sources.connection import Connection
from salesbook.sources.database import Database
from salesbook.sources.files import Copy, SourceFile, is_called, listed, located_by
from salesbook.sources.reader import name_key
from salesbook.sources.site import Local, Site

RELATIONS = """select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f') order by c.relname"""
COLUMNS = """select a.attname, format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), null)
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_type t on t.oid = a.atttypid
    where n.nspname = %s and c.relname = %s and a.attnum > 0 and not a.attisdropped order by a.attnum"""
# How a value is written, where the server's own way is not one that a file may have. Binary fractions have the digits
# that are sure; a number with three decimals gets a fourth, for nobody then takes 1.234 for a thousand.
WRITTEN = {
    "boolean": "{0}::text",
    "character": "{0}::text",
    "timestamp with time zone": "({0} at time zone 'UTC')::text || 'Z'",
    "numeric": "replace(trim_scale({0})::text || case when scale(trim_scale({0})) = 3 then '0' else '' end, '.', {1})",
}
AS_NUMERIC = {
    "numeric": "{0}",
    "money": "{0}::numeric",
    "double precision": "case when abs({0}) < 'infinity' then {0}::numeric when {0} is not null then 'NaN' end",
    "real": "case when abs({0}) < 'infinity' then {0}::text::numeric when {0} is not null then 'NaN' end",
}


def opened(settings: Settings, connection: Connection, store: Path) -> Site:
    """The source, its canonical columns copied out and read here."""
    database = Database(connection)
    try:
        database.plainly()
        database.read_only()
        return Local(intake.load(settings, store, Tables(settings, database)), settings.memory)
    finally:
        database.close()


class Tables:
    """The tables and views of one schema, all read as they stood at one instant."""

    def __init__(self, settings: Settings, database: Database):
        self.settings, self.database, self.schema = settings, database, settings.source.schema
        self.names = [name for (name,) in database.rows(RELATIONS, (self.schema,))]

    def located(self) -> list[SourceFile]:
        """The relations that feed tables, in order of their names."""
        if not self.names:
            found = f"The schema {self.schema!r} has none, or its user may not see them."
            todo = 'Set schema = "..." under [source] in salesbook.toml, or grant its use.'
            raise BadData("The source has no tables.", found, todo)
        fed = located_by(self.settings.source, self.by_map, self.by_offer, self.by_name)
        if not any(table.partition("-")[0] == "deals" for tables in fed.values() for table in tables):
            todo = 'Name your table: deals = "your table" under [files] in salesbook.toml.'
            found = f"The schema {self.schema!r} has {listed(self.names)}."
            if not self.settings.source.rows.get("deals"):
                raise BadData("The source has no table of deals.", found, todo)
        return sorted((SourceFile(name, Path(), "", tuple(tables)) for name, tables in fed.items()),
                      key=lambda file: file.name)  # fmt: skip

    def by_name(self, table: str) -> list[str]:
        """The relation that bears a table's name."""
        return [name for name in self.names if name == table]

    def by_offer(self, table: str, offered: list[str]) -> list[str]:
        """The relation that bears a name which the map underneath knows for a table.

        Raises: BadData where two do.
        """
        found = [name for name in self.names if any(is_called(name.lower(), offer) for offer in offered)]
        if len(found) > 1:
            todo = f"Name the one to read: {table} = ... under [files] in salesbook.toml."
            raise BadData(f"Two tables of the database may be the table {table}.", f"There are {listed(found)}.", todo)
        return found

    def by_map(self, table: str, named: str | list[str]) -> list[str]:
        """The relations that the map names for a table; an empty name means none.

        Raises: BadData where there is none of a name.
        """
        found = []
        for name in filter(None, [named] if isinstance(named, str) else named):
            there = [one for one in self.names if one == name or fnmatchcase(one, name)]
            if not there:
                what = f"The database has no table {name!r} for the table {table}."
                todo = f"Mend {table} under [files] in salesbook.toml, or schema under [source]."
                raise BadData(what, f"The schema {self.schema!r} has {listed(self.names)}.", todo)
            found += there
        return list(dict.fromkeys(found))

    def copied(self, file: SourceFile, target: Path) -> Copy:
        """The columns of a relation that the map names, as CSV, hashed while they are written."""
        columns = dict(self.database.rows(COLUMNS, (self.schema, file.name)))
        kept = self.wanted(file, list(columns)) or list(columns)[:1]
        values = [written(name, columns[name], self.settings.source.decimal) for name in kept]
        query = q.SQL("select {} from {}").format(q.SQL(", ").join(values), q.Identifier(self.schema, file.name))
        digest, size = hashlib.sha256(), 0
        header = ",".join('"' + name.replace('"', '""') + '"' for name in kept) + "\n"
        with target.open("xb") as copy:
            for block in (header.encode(), *self.database.copied_out(query, f"the table {file.name!r}")):
                digest.update(block)
                size += copy.write(block)
        others = tuple(name for name in columns if name not in kept)
        return Copy(file, target, digest.hexdigest(), size, is_table=True, others=others)

    def wanted(self, file: SourceFile, names: list[str]) -> list[str]:
        """The columns that the map names, or that a step reads by their form."""
        source = self.settings.source
        asked = set().union(*(plan.wanted_names(table, source) for table in file.tables))
        dated = {column for columns in steps.dated_stages([tuple(names)], source).values() for column in columns}
        return [name for name in names if name_key(name) in asked or name in dated]


def written(name: str, kind: str, decimal: str) -> q.Composable:
    """SQL of a column's value as a file would have it."""
    value = q.Identifier(name)
    if kind in AS_NUMERIC:
        value, kind = q.SQL("(" + AS_NUMERIC[kind] + ")").format(value), "numeric"
    return q.SQL(WRITTEN.get(kind, "{0}")).format(value, q.Literal(decimal))
