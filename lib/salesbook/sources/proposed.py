"""What `salesbook map` proposes: tables with their columns, forms, words, and what is asked."""

from dataclasses import dataclass, field

from salesbook import maps
from salesbook.schema import Column
from salesbook.sources.survey import Profile


@dataclass(frozen=True)
class Match:
    """A canonical column, the file's column it is taken from, and how sure that is."""

    column: str
    named: str
    how: str


@dataclass(frozen=True)
class Question:
    """What the export does not tell: in which section of the settings, what to know, and the lines to choose from."""

    section: str
    ask: str
    lines: tuple[str, ...]


@dataclass
class Fed:
    """A table of the proposal: its name or part, its files, its columns, and those that are not read.

    `asked`: of these the ones that the answer to a question would take; `is_asked`: whether it is a question, too, that
    its files hold the table; `partial`: columns that not every file has; `headers`: those that each of several has.
    """

    name: str
    files: list[str]
    matches: list[Match]
    unused: list[str]
    profiles: dict[str, Profile]
    is_offered: bool = False
    asked: list[Match] = field(default_factory=list)
    partial: set[str] = field(default_factory=set)
    headers: dict[str, set[str]] = field(default_factory=dict)
    is_asked: bool = False

    def source_of(self, column: str) -> Profile | None:
        """The profile of the file's column that a canonical one is taken from."""
        return next((self.profiles[match.named] for match in self.matches if match.column == column), None)

    def written(self, name: str) -> str:
        """A column of the file as the settings name it: one that not every file has is named in a list."""
        return f"[{quoted(name)}]" if name in self.partial else quoted(name)

    def sources_of(self, column: str) -> list[Profile]:
        """The same, and those of the columns that an answer would take it from."""
        return [self.profiles[match.named] for match in (*self.matches, *self.asked) if match.column == column]


@dataclass
class Proposal:
    """A proposed map: `extends`, a map that ships, or ""; tables; forms; what the report is made in; constants and
    words; stages with what became of deals in them, whose order nothing tells; the first column of each table's header
    that stands below titles, the columns that say when deals came into stages, and what stands below the last rows of
    reports; what is asked; and files that are not read, with why."""

    extends: str = ""
    fed: list[Fed] = field(default_factory=list)
    forms: dict[str, tuple[str, str]] = field(default_factory=dict)
    report: dict[str, tuple[str, str]] = field(default_factory=dict)
    constants: dict[str, dict[str, str | dict[str, str]]] = field(default_factory=dict)
    words: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    steps: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    entered: dict[str, str] = field(default_factory=dict)
    closing: list[str] = field(default_factory=list)
    stages: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    not_read: list[tuple[str, str]] = field(default_factory=list)

    def do(self, table: str, step: str) -> None:
        """Ask for a step on a table, beside those of the map that it extends; one that is asked for stays once."""
        told = maps.shipped(self.extends).get("steps", {}) if self.extends else {}
        asked = self.steps.get(table, told.get(table, []))
        if step not in asked:
            self.steps[table] = [*asked, step]

    def ask(self, section: str, ask: str, *lines: str) -> None:
        """Write down what the export does not tell."""
        self.questions.append(Question(section, ask, lines))

    def ask_which(self, fed: Fed, column: str, ask: str, names: list[str], other: dict[str, str] | None = None) -> None:
        """Ask which of a file's columns is a canonical one; the forms and steps that they need are proposed, too.

        Parameters: `other`, names of the file's columns to other canonical ones that they would be.
        """
        columns = {name: (other or {}).get(name, column) for name in names}
        self.ask(f"columns.{fed.name}", ask, *(f"{one} = {fed.written(name)}" for name, one in columns.items()))
        fed.asked += [Match(one, name, "asked") for name, one in columns.items()]


def column_of(fed: Fed, name: str) -> Column:
    """A canonical column of a table of the proposal."""
    return maps.table(fed.name).column(name)


def value_of(constant: str | dict[str, str]) -> str:
    """A constant as TOML has it: one value, or one for each of several files."""
    if isinstance(constant, str):
        return quoted(constant)
    return f"{{ {', '.join(f'{quoted(file)} = {quoted(value)}' for file, value in constant.items())} }}"


def quoted(text: str) -> str:
    """A text as TOML has it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
