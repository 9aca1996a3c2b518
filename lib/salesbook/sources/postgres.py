"""Tables of a PostgreSQL database as a source: what the map names of them is copied out, and read like files."""

import hashlib
from itertools import chain
from pathlib import Path

from psycopg import sql as q

from salesbook.errors import BadData
from salesbook.settings import Settings
from salesbook.sources import intake
from salesbook.sources.connection import Connection
from salesbook.sources.copies import Copy
from salesbook.sources.database import Database
from salesbook.sources.files import SourceFile
from salesbook.sources.relations import Relations
from salesbook.sources.sheets import not_plain
from salesbook.sources.site import Local, Site

RELATIONS = """select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f') order by c.relname"""
COLUMNS = """select a.attname,
        case t.typtype when 'c' then 'record' else format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), null) end
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
    """The source: its canonical columns copied out and read here, or all built in a schema that the settings name."""
    intake.check_map(settings)
    database = Database(connection)
    try:
        database.plainly()
        if settings.source.build_in:
            return in_schema(settings, database, store)
        database.read_only()
        site = Local(intake.load(settings, store, Tables(settings, database)), settings.memory)
    except BaseException:
        database.close()
        raise
    database.close()
    return site


def in_schema(settings: Settings, database: Database, store: Path) -> Site:
    """The source built in the schema that the settings name, all of it in one transaction."""
    from salesbook.sources.placed import placed
    from salesbook.sources.placed_schema import Schema

    schema = Schema(database, settings.source.build_in, settings.memory)
    schema.prepare()
    database.at_one_instant()
    return placed(settings, schema, Tables(settings, database), store)


class Tables(Relations):
    """The tables and views of one schema, all read as they stood at one instant."""

    def __init__(self, settings: Settings, database: Database):
        self.database, self.schema = database, settings.source.schema
        names = [name for (name,) in database.rows(RELATIONS, (self.schema,))]
        super().__init__(settings, names, f"The schema {self.schema!r}")

    def columns(self, name: str) -> list[str]:
        """The columns of a relation, in order."""
        return [column for column, _ in self.database.rows(COLUMNS, (self.schema, name))]

    def copied(self, file: SourceFile, target: Path) -> Copy:
        """The columns of a relation that the map names, as CSV, hashed while they are written."""
        columns = dict(self.database.rows(COLUMNS, (self.schema, file.name)))
        kept = self.wanted(file, list(columns)) or list(columns)[:1]
        refuse_nested(file.name, {name: columns[name] for name in kept})
        values = [written(name, columns[name], self.settings.source.decimal) for name in kept]
        query = q.SQL("select {} from {}").format(q.SQL(", ").join(values), q.Identifier(self.schema, file.name))
        digest, size = hashlib.sha256(), 0
        header = ",".join('"' + name.replace('"', '""') + '"' for name in kept) + "\n"
        with target.open("xb") as copy:
            for block in chain([header.encode()], self.database.copied_out(query, f"the table {file.name!r}")):
                digest.update(block)
                size += copy.write(block)
        others = tuple(name for name in columns if name not in kept)
        return Copy(file, target, digest.hexdigest(), size, is_table=True, others=others)


def refuse_nested(table: str, kinds: dict[str, str]) -> None:
    """Refuse a column that the map names and that holds lists or structures: the text of one is no value.

    Raises: BadData.
    """
    for column, kind in kinds.items():
        if kind.endswith("[]") or kind == "record":
            raise BadData(*not_plain(table, column))


def written(name: str, kind: str, decimal: str) -> q.Composable:
    """SQL of a column's value as a file would have it."""
    value = q.Identifier(name)
    if kind in AS_NUMERIC:
        value, kind = q.SQL("(" + AS_NUMERIC[kind] + ")").format(value), "numeric"
    return q.SQL(WRITTEN.get(kind, "{0}")).format(value, q.Literal(decimal))
