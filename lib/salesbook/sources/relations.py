"""The tables and views of a server: which of them feed which canonical tables, and which of their columns are read."""

from fnmatch import fnmatchcase
from pathlib import Path

from salesbook.errors import BadData
from salesbook.settings import Settings
from salesbook.sources import plan, steps
from salesbook.sources.files import SourceFile, is_called, listed, located_by
from salesbook.sources.reader import name_key


class Relations:
    """The tables and views of one place on a server: `place`, such as "The schema 'crm'"."""

    def __init__(self, settings: Settings, names: list[str], place: str):
        self.settings, self.names, self.place = settings, names, place

    def located(self) -> list[SourceFile]:
        """The relations that feed tables, in order of their names."""
        if not self.names:
            found = f"{self.place} has none, or its user may not see them."
            todo = 'Set schema = "..." under [source] in salesbook.toml, or grant its use.'
            raise BadData("The source has no tables.", found, todo)
        fed = located_by(self.settings.source, self.by_map, self.by_offer, self.by_name)
        if not any(table.partition("-")[0] == "deals" for tables in fed.values() for table in tables):
            todo = 'Name your table: deals = "your table" under [files] in salesbook.toml.'
            found = f"{self.place} has {listed(self.names)}."
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
            raise BadData(f"Two tables of the source may be the table {table}.", f"There are {listed(found)}.", todo)
        return found

    def by_map(self, table: str, named: str | list[str]) -> list[str]:
        """The relations that the map names for a table; an empty name means none.

        Raises: BadData where there is none of a name.
        """
        found = []
        for name in filter(None, [named] if isinstance(named, str) else named):
            there = [one for one in self.names if one == name or fnmatchcase(one, name)]
            if not there:
                what = f"The source has no table {name!r} for the table {table}."
                todo = f"Mend {table} under [files] in salesbook.toml, or schema under [source]."
                raise BadData(what, f"{self.place} has {listed(self.names)}.", todo)
            found += there
        return list(dict.fromkeys(found))

    def columns(self, name: str) -> list[str]:
        """The columns of a relation, in order."""
        raise NotImplementedError

    def wanted(self, file: SourceFile, names: list[str]) -> list[str]:
        """The columns that the map names, or that a step reads by their form."""
        source = self.settings.source
        asked = set().union(*(plan.wanted_names(table, source) for table in file.tables))
        dated = {column for columns in steps.dated_stages([tuple(names)], source).values() for column in columns}
        return [name for name in names if name_key(name) in asked or name in dated]
