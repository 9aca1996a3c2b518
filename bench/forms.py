"""The forms in which the bench of imports writes its files: how each value is written, and how a good user reads it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from salesbook import zones
from salesbook.schema import Column
from salesbook.tables import TABLES

ZULU = "strftime({}::timestamp, '%Y-%m-%dT%H:%M:%S.%gZ')"
DUTCH = {
    "type": {"call": "gesprek", "email": "e-mail", "meeting": "afspraak", "note": "notitie", "task": "taak"},
    "direction": {"outbound": "uitgaand", "inbound": "inkomend"},
    "status": {"won": "gewonnen", "lost": "verloren"},
}
DANISH = {
    "type": {"call": "opkald", "email": "e-mail", "meeting": "møde", "note": "notat", "task": "opgave"},
    "direction": {"outbound": "udgående", "inbound": "indgående"},
    "status": {"won": "vundet", "lost": "tabt", "open": "åben"},
}
CASED = {
    "type": {"call": "Call", "email": "Email", "meeting": "Task", "note": "Task", "task": "Task"},
    "direction": {"outbound": "Outbound", "inbound": "Inbound"},
}


@dataclass(frozen=True)
class Form:
    """How files are written: by type of column an expression that writes a value, and one that reads it as a good user
    of DuckDB would, `{}` for the column.

    `source`: what the settings say of it; `words`: by column, a word and how it is written; `files`: of a CRM its own
    files, each as (table, its columns with the expressions that write them and the columns they are).
    """

    delimiter: str = ","
    write: dict[str, str] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)
    source: dict = field(default_factory=dict)
    words: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, tuple[str, dict[str, tuple[str, str]]]] = field(default_factory=dict)

    @property
    def settings(self) -> dict:
        """What the settings say of the source, with its words."""
        told = {"currency": "EUR", **self.source}
        if not self.words or self.files:
            return told
        table_of = {"type": "activities", "direction": "activities", "status": "deals"}
        words: dict[str, dict] = {}
        for column, known in self.words.items():
            words.setdefault(table_of[column], {})[column] = {new: old for old, new in known.items()}
        return told | {"words": words}


def local(zone: str, pattern: str) -> str:
    """SQL that writes an instant in the local time of a zone."""
    return f"strftime({zones.local('{}::timestamp', zone)}, '{pattern}')"


def spreadsheet(zone: str, date: str, clock: str, words: dict, signs: str, flags: tuple[str, str]) -> Form:
    """A file as a spreadsheet writes it: `signs` between thousands and before decimals; `flags`, yes and no."""
    (thousands, decimal), (yes, no) = signs, flags
    amount = f"translate(format('{{:,.2f}}', {{}}::double), ',.', '{signs}')"
    plain = f"replace({{}}, '.', '{decimal}')"
    number = f"replace(replace({{}}, '{thousands}', ''), '{decimal}', '.')"
    day_first = date.startswith("%d")
    padded = {"%-m": "%m", "%-d": "%d", "%-I": "%I"}
    write = {"instant": local(zone, f"{date} {clock}"), "date": f"strftime({{}}::date, '{date}')", "money": amount,
             "boolean": f"case {{}} when 'true' then '{yes}' when 'false' then '{no}' end",
             **dict.fromkeys(("number", "rate", "share"), plain)}  # fmt: skip
    for loose, strict in padded.items():
        date, clock = date.replace(loose, strict), clock.replace(loose, strict)
    read = {"instant": f"try_strptime({{}}, '{date} {clock}')", "date": f"try_strptime({{}}, '{date}')::date",
            "money": f"cast(try_cast({number} as decimal(18, 2)) * 100 as bigint)",
            "boolean": f"{{}} = '{yes}'",
            **dict.fromkeys(("number", "rate", "share"), f"try_cast({number} as decimal(18, 6))")}  # fmt: skip
    source = {"zone": zone, "decimal": decimal, "thousands": thousands, "date_form": "dmy" if day_first else "mdy"}
    return Form(";" if decimal == "," else ",", write, read, source, words)


def salesforce() -> Form:
    """Salesforce's Data Loader: tasks and opportunities, times in UTC with milliseconds."""
    tasks = {
        "Id": ("activity_id", "activity_id"), "TaskSubtype": ("type", "type"), "CallType": ("direction", "direction"),
        "CompletedDateTime": ("occurred_at", "occurred_at"), "ActivityDate": ("left(planned_at, 10)", "day"),
        "OwnerId": ("owner_id", "owner_id"), "WhoId": ("'00Q' || lead_id", "lead_id"),
        "WhatId": ("'006' || deal_id", "deal_id"), "AccountId": ("'001' || account_id", "account_id"),
        "CallDurationInSeconds": ("duration_seconds", "duration_seconds"),
        "CreatedDate": ("recorded_at", "recorded_at"), "IsDeleted": ("'false'", "is_automatic"),
    }  # fmt: skip
    opportunities = {
        "Id": ("'006' || deal_id", "deal_id"), "AccountId": ("'001' || account_id", "account_id"),
        "OwnerId": ("owner_id", "owner_id"), "StageName": ("stage", "stage"), "Amount": ("amount", "amount"),
        "CreatedDate": ("created_at", "created_at"),
        "CloseDate": ("left(coalesce(expected_close, closed_at), 10)", "day"),
        "IsWon": ("(status = 'won')::varchar", "is_test"), "IsClosed": ("(status <> 'open')::varchar", "is_test"),
        "Probability": ("(probability::double * 100)::bigint::varchar", "probability"),
        "LastModifiedDate": ("recorded_at", "recorded_at"),
    }  # fmt: skip
    files = {"task": ("activities", tasks), "opportunity": ("deals", opportunities)}
    return Form(",", {"instant": ZULU}, {"day": "try_cast({} as date)"}, {"extends": "salesforce", "zone": "UTC"},
                CASED, files)  # fmt: skip


def hubspot() -> Form:
    """HubSpot's own CSV: calls and deals, times in the zone of the account without seconds."""
    calls = {
        "Record ID": ("activity_id", "activity_id"), "Activity date": ("occurred_at", "occurred_at"),
        "Create date": ("recorded_at", "recorded_at"), "Call direction": ("upper(direction)", "direction"),
        "Call outcome": ("'Connected'", "direction"), "Activity assigned to": ("owner_id", "owner_id"),
        "Call duration": ("duration_seconds || '417'", "milliseconds"),
        "Associated Deal IDs": ("deal_id", "deal_id"), "Associated Contact IDs": ("contact_id", "contact_id"),
        "Associated Company IDs": ("account_id", "account_id"),
    }  # fmt: skip
    deals = {
        "Record ID": ("deal_id", "deal_id"), "Deal owner": ("owner_id", "owner_id"),
        "Pipeline": ("pipeline", "pipeline"),
        "Deal Stage": ("stage", "stage"), "Amount": ("amount", "amount"), "Currency": ("currency", "currency"),
        "Create Date": ("created_at", "created_at"),
        "Close Date": ("coalesce(closed_at, expected_close)", "closed_at"),
        "Is Closed Won": ("(status = 'won')::varchar", "is_test"),
        "Is Closed Lost": ("(status = 'lost')::varchar", "is_test"), "Deal probability": ("probability", "probability"),
    }  # fmt: skip
    files = {"hubspot-crm-exports-all-calls": ("activities", calls), "hubspot-crm-exports-all-deals": ("deals", deals)}
    read = {"instant": "try_strptime({}, '%Y-%m-%d %H:%M')", "milliseconds": "try_cast({} as bigint) // 1000"}
    return Form(",", {"instant": local("Europe/Amsterdam", "%Y-%m-%d %H:%M")}, read,
                {"extends": "hubspot", "zone": "Europe/Amsterdam"}, {}, files)  # fmt: skip


OFFSET = Form(
    write={"instant": f"{local('Europe/Amsterdam', '%Y-%m-%dT%H:%M:%S')} || '.123456+02:00'"},
    read={"instant": "try_cast({} as timestamptz)::timestamp"},
    source={"zone": "UTC"},
)
# Of every 100,000 activities one is in the future of the calendar, one is not a time, and one has a clock of its own.
ODD = """case hash({}) % 100000 when 7 then '2026-02-30T09:00:00Z' when 8 then 'unknown'
    when 9 then replace(left({}, 16), 'T', ' ') || ' UTC' else {} end"""
FORMS: dict[str, Callable[[], Form]] = {
    "iso": lambda: Form(source={"zone": "UTC"}),
    "dutch": lambda: spreadsheet("Europe/Amsterdam", "%d-%m-%Y", "%H:%M", DUTCH, ".,", ("ja", "nee")),
    "danish": lambda: spreadsheet("Europe/Copenhagen", "%d-%m-%Y", "%H.%M", DANISH, ".,", ("ja", "nej")),
    "american": lambda: spreadsheet("America/New_York", "%-m/%-d/%Y", "%-I:%M %p", {}, ",.", ("TRUE", "FALSE")),
    "offset": lambda: OFFSET,
    "odd": lambda: Form(write={"instant": ODD}, source={"zone": "UTC"}),
    "salesforce": salesforce,
    "hubspot": hubspot,
}


def tables_of(form: Form) -> dict[str, tuple[str, dict[str, tuple[str, str]]]]:
    """The files of a form: name to the table and its columns; without files of its own the canonical ones."""
    own = {name: (name, {c.name: (c.name, c.name) for c in TABLES[name].columns}) for name in ("activities", "deals")}
    stages = {c.name: (c.name, c.name) for c in TABLES["stages"].columns}
    return form.files or own | {"stages": ("stages", stages)}


def rewrite(source: Path, folder: Path, form: Form) -> None:
    """Write the canonical files of a folder in a form."""
    folder.mkdir()
    with duckdb.connect() as con:
        for file, (table, columns) in tables_of(form).items():
            values = [f'{written(sql, column, table, form)} as "{head}"' for head, (sql, column) in columns.items()]
            rows = f"read_csv('{source / table}.csv', all_varchar = true, header = true)"
            target = f"'{folder / file}.csv' (header, delimiter '{form.delimiter}')"
            con.execute(f"copy (select {', '.join(values)} from {rows}) to {target}")


def column_of(name: str, table: str) -> Column | None:
    """The column of a table that a name of the bench means."""
    return next((column for column in TABLES[table].columns if column.name == name), None)


def written(sql: str, name: str, table: str, form: Form) -> str:
    """SQL that writes a column's value."""
    column = column_of(name, table)
    if name in form.words:
        cases = " ".join(f"when '{old}' then '{new}'" for old, new in form.words[name].items())
        return f"case {sql} {cases} else {sql} end"
    return form.write.get(column.type if column else "", "{}").replace("{}", sql)


def reading(file: str, form: Form) -> str:
    """SQL that reads a file's columns as a good user would."""
    table, columns = tables_of(form)[file]
    return ", ".join(cast(head, name, table, form) for head, (_, name) in columns.items())


def cast(head: str, name: str, table: str, form: Form) -> str:
    """The cast that a column's type asks for, without a look at its form."""
    column = column_of(name, table)
    (stored, kind), *_ = column.stored.items() if column else ((name, "VARCHAR"),)
    text = f'"{head}"'
    if name in form.words:
        cases = " ".join(f"when '{new}' then '{old}'" for old, new in form.words[name].items())
        sql = f"case {text} {cases} else lower({text}) end"
    elif name in form.read or (column and column.type in form.read):
        sql = form.read[name if name in form.read else column.type].replace("{}", text)
    elif column.type == "money":
        sql = f"cast(try_cast({text} as decimal(18, 2)) * 100 as bigint)"
    else:
        sql = f"lower({text})" if column.type == "word" else f"try_cast({text} as {kind})"
    return f'{sql} as "{head}"' if form.files else f"{sql} as {stored}"
