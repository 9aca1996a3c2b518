"""The canonical tables: every KPI reads these and nothing else.

This file is the one truth about them. The reader casts and checks by it, the as-of views are made from it, the sample
company is written in its form, and `data/sample/README.md` is printed from it.
"""

from dataclasses import dataclass

ACTIVITY_TYPES = ("call", "email", "meeting", "note", "task")
OUTCOMES = ("connected", "no_answer", "voicemail", "replied", "bounced", "held", "no_show", "rejected")
LEAD_STATUSES = ("new", "working", "qualified", "disqualified", "converted")
FORECAST_CATEGORIES = ("pipeline", "best_case", "commit", "closed", "omitted")

# What a column of each type looks like in a canonical file, and what it is once loaded.
TYPES = {
    "id": ("exact text", "VARCHAR"),
    "text": ("text", "VARCHAR"),
    "word": ("one of the words listed", "VARCHAR"),
    "currency": ("ISO 4217 code, three capitals", "VARCHAR"),
    "instant": ("2026-10-25T08:30:00Z, or a date alone", "TIMESTAMP"),
    "date": ("2026-10-25", "DATE"),
    "money": ("1234.50", "BIGINT"),
    "rate": ("0.13401234", "DECIMAL(18,8)"),
    "number": ("12.5", "DECIMAL(18,4)"),
    "share": ("0 to 1", "DECIMAL(9,6)"),
    "integer": ("42", "BIGINT"),
    "boolean": ("true or false", "BOOLEAN"),
}


@dataclass(frozen=True)
class Column:
    """A column of a canonical table.

    `needed`: the source must have it. `filled`: every row must have a value (a filled column is needed).
    `parent`: the table whose key it points to. `words`: the only values allowed. `low`, `high`: bounds, included.
    `later`: an instant that becomes NULL where it is not before the run's as-of. `follows`: the instant that this
    value became known with; it becomes NULL together with it.
    """

    name: str
    type: str
    meaning: str
    unit: str = ""
    needed: bool = False
    filled: bool = False
    parent: str = ""
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    later: bool = False
    follows: str = ""

    @property
    def stored(self) -> dict[str, str]:
        """The columns it becomes once loaded, with their SQL types: instants are UTC in whole seconds with a flag for
        a source that gave the date alone; money is whole hundredths of the currency's unit."""
        sql_type = TYPES[self.type][1]
        if self.type == "money":
            return {f"{self.name}_minor": sql_type}
        if self.type == "instant":
            return {self.name: sql_type, f"{self.name}_is_date": "BOOLEAN"}
        return {self.name: sql_type}


@dataclass(frozen=True)
class Rule:
    """A rule on one row: `holds` is SQL over the loaded columns; where it is false the row is rejected or flagged."""

    name: str
    holds: str
    meaning: str
    rejects: bool = True


@dataclass(frozen=True)
class Table:
    """A canonical table: `grain` says what a row is, `key` what makes it one, `known` when it became known."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    known: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def stored(self) -> dict[str, str]:
        """The loaded columns in order, with their SQL types."""
        return {name: kind for column in self.columns for name, kind in column.stored.items()}

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


def not_before(later: str, earlier: str, *, rejects: bool = True) -> Rule:
    """One instant is never before another; where one of them is a date alone, the day may be the same."""
    same_day = f"({later}_is_date or {earlier}_is_date) and {later} > {earlier} - interval '1' day"
    words = f"{later.removesuffix('_at')} not before {earlier.removesuffix('_at')}"
    return Rule(f"{later}_not_before_{earlier}", f"{later} >= {earlier} or ({same_day})", words, rejects)


RECORD_URL = Column("record_url", "text", "the way back to the record in the CRM")
RECORDED_AT = Column("recorded_at", "instant", "when it was entered in the CRM; without it lateness is unknown")
AMOUNT_CURRENCY = Column("currency", "currency", "currency of the amount", filled=True)


def money(name: str, meaning: str, **more) -> Column:
    """A column of money, in the row's own currency."""
    return Column(name, "money", meaning, unit="currency", **more)


ACCOUNTS = Table(
    "accounts",
    "one row per organisation",
    ("account_id",),
    known=("created_at",),
    columns=(
        Column("account_id", "id", "the organisation", filled=True),
        Column("name", "text", "its name", needed=True),
        Column("org_number", "text", "its number in the national register (KvK, CVR, Companies House)"),
        Column("country", "text", "country, ISO 3166 code of two letters"),
        Column("domain", "text", "its web domain"),
        Column("industry", "text", "industry"),
        Column("employees", "integer", "people employed", unit="people", low=0),
        Column("revenue", "number", "yearly revenue, in the unit of the source", unit="currency"),
        Column("parent_id", "id", "the legal entity it is a branch of", parent="accounts"),
        Column("territory_id", "id", "sales territory"),
        Column("created_at", "instant", "when the record was made"),
        RECORD_URL,
    ),
)

CONTACTS = Table(
    "contacts",
    "one row per person",
    ("contact_id",),
    known=("created_at",),
    columns=(
        Column("contact_id", "id", "the person", filled=True),
        Column("account_id", "id", "the organisation they work for", parent="accounts"),
        Column("job_title", "text", "job title"),
        Column("is_decision_maker", "boolean", "whether they can decide to buy"),
        Column("created_at", "instant", "when the record was made"),
        RECORD_URL,
    ),
)

LEADS = Table(
    "leads",
    "one row per enquiry or prospect",
    ("lead_id",),
    known=("created_at", "recorded_at"),
    columns=(
        Column("lead_id", "id", "the lead", filled=True),
        Column("created_at", "instant", "when it came in", filled=True),
        Column("source", "text", "channel it came through", needed=True),
        Column("account_id", "id", "organisation", parent="accounts"),
        Column("contact_id", "id", "person", parent="contacts"),
        Column("owner_id", "id", "seller", parent="reps"),
        Column("assigned_at", "instant", "when a seller got it", later=True),
        Column("status", "word", "where it stands in the extract", needed=True, words=LEAD_STATUSES),
        Column("qualified_at", "instant", "when it was first found worth a seller's time", later=True),
        Column("disqualified_at", "instant", "when it was given up", later=True),
        Column("converted_at", "instant", "when it became a deal", later=True),
        Column("deal_id", "id", "the deal it became", parent="deals", follows="converted_at"),
        Column("score", "number", "score the CRM gave it"),
        Column("is_inbound", "boolean", "whether they came to us"),
        Column("product", "text", "product asked for"),
        Column("budget", "boolean", "budget known (BANT)"),
        Column("authority", "boolean", "decision maker known (BANT)"),
        Column("need", "boolean", "need known (BANT)"),
        Column("timing", "boolean", "timing known (BANT)"),
        Column("merged_into", "id", "the lead it was merged into", parent="leads", follows="merged_at"),
        Column("merged_at", "instant", "when it was merged", later=True),
        Column("deleted_at", "instant", "when it was deleted", later=True),
        Column("is_test", "boolean", "a test record, not a lead"),
        RECORDED_AT,
        RECORD_URL,
    ),
    rules=(
        not_before("assigned_at", "created_at", rejects=False),
        not_before("qualified_at", "created_at"),
        not_before("converted_at", "created_at"),
        not_before("disqualified_at", "created_at"),
    ),
)

ACTIVITIES = Table(
    "activities",
    "one row per call, email, meeting, note or task",
    ("activity_id",),
    known=("occurred_at", "recorded_at"),
    columns=(
        Column("activity_id", "id", "the activity", filled=True),
        Column("type", "word", "what it was", filled=True, words=ACTIVITY_TYPES),
        Column("direction", "word", "who began: outbound is us", needed=True, words=("outbound", "inbound")),
        Column("occurred_at", "instant", "when it was done; empty while only planned"),
        Column("owner_id", "id", "seller", parent="reps"),
        Column("lead_id", "id", "lead it was about", parent="leads"),
        Column("deal_id", "id", "deal it was about", parent="deals"),
        Column("contact_id", "id", "person", parent="contacts"),
        Column("account_id", "id", "organisation", parent="accounts"),
        Column("outcome", "word", "what came of it", words=OUTCOMES),
        Column("reached_decision_maker", "boolean", "a worthwhile talk with someone who can decide"),
        Column("duration_seconds", "integer", "how long", unit="seconds", low=0, high=86_400),
        Column("is_automatic", "boolean", "sent by a system: no human act"),
        Column("planned_at", "instant", "when it was planned for"),
        RECORDED_AT,
        RECORD_URL,
    ),
)

DEALS = Table(
    "deals",
    "one row per opportunity",
    ("deal_id",),
    known=("created_at", "recorded_at"),
    columns=(
        Column("deal_id", "id", "the deal", filled=True),
        Column("account_id", "id", "organisation", parent="accounts"),
        Column("contact_id", "id", "person", parent="contacts"),
        Column("owner_id", "id", "seller", parent="reps"),
        Column("pipeline", "text", "pipeline, whose stages it goes through", filled=True),
        Column("stage", "text", "stage it stands in, in the extract", filled=True),
        Column("product", "text", "product"),
        Column("type", "word", "business with whom", words=("new", "existing", "renewal")),
        Column("source", "text", "channel it came through"),
        money("amount", "what it is worth"),
        AMOUNT_CURRENCY,
        money("list_price", "price before discount"),
        Column("discount", "share", "discount on the list price", low=0, high=1),
        Column("created_at", "instant", "when it was opened"),
        Column("expected_close", "date", "when the seller expects it to close"),
        Column("closed_at", "instant", "when it was won or lost", later=True),
        Column(
            "status", "word", "open, won or lost, in the extract", words=("open", "won", "lost"), follows="closed_at"
        ),
        Column("probability", "share", "chance to be won, as the CRM says", low=0, high=1),
        Column("forecast_category", "word", "the seller's judgement", words=FORECAST_CATEGORIES),
        Column("lost_reason", "text", "why it was lost", follows="closed_at"),
        Column("merged_into", "id", "the deal it was merged into", parent="deals", follows="merged_at"),
        Column("merged_at", "instant", "when it was merged", later=True),
        Column("deleted_at", "instant", "when it was deleted", later=True),
        Column("is_test", "boolean", "a test record, not a deal"),
        RECORDED_AT,
        RECORD_URL,
    ),
    rules=(
        not_before("closed_at", "created_at"),
        Rule(
            "closed_has_a_date",
            "status = 'open' or status is null or closed_at is not null",
            "won or lost has a closing date; without history it counts as open",
            rejects=False,
        ),
        Rule("amount_not_negative", "amount_minor >= 0", "an amount below zero counts as none", rejects=False),
    ),
)

STAGE_HISTORY = Table(
    "stage_history",
    "one row per visit of a deal to a stage",
    ("deal_id", "entered_at", "stage"),
    known=("entered_at", "recorded_at"),
    columns=(
        Column("deal_id", "id", "the deal", filled=True, parent="deals"),
        Column("stage", "text", "stage it came into", filled=True),
        Column("entered_at", "instant", "when it came in", filled=True),
        Column("exited_at", "instant", "when it left; empty while it is there", later=True),
        Column("changed_by", "id", "who moved it"),
        Column("is_bulk", "boolean", "moved with many others at once: kept out of timing"),
        RECORDED_AT,
    ),
    rules=(not_before("exited_at", "entered_at"),),
)

STAGES = Table(
    "stages",
    "one row per stage of a pipeline",
    ("pipeline", "stage"),
    columns=(
        Column("pipeline", "text", "the pipeline", filled=True),
        Column("stage", "text", "the stage", filled=True),
        Column("position", "integer", "its place in the order, from 1", filled=True, low=0),
        Column("probability", "share", "chance to be won from here, as the CRM says", low=0, high=1),
        Column("is_mandatory", "boolean", "every won deal goes through it; false for a stage that may be left out"),
        Column("is_won", "boolean", "deals in it are won", filled=True),
        Column("is_lost", "boolean", "deals in it are lost", filled=True),
    ),
    rules=(Rule("one_outcome", "not (is_won and is_lost)", "a stage is not both won and lost"),),
)

TARGETS = Table(
    "targets",
    "one row per target",
    ("target_id",),
    columns=(
        Column("target_id", "id", "the target", filled=True),
        Column("kpi", "text", "name of the KPI, as in the glossary", filled=True),
        Column("level", "word", "whose it is", filled=True, words=("organisation", "team", "rep", "account")),
        Column("level_id", "id", "which team, seller or account; empty for the organisation"),
        Column("starts_on", "date", "first day", filled=True),
        Column("ends_on", "date", "last day", filled=True),
        Column("value", "number", "value to reach, in the unit of the KPI", filled=True),
        Column("baseline_value", "number", "value it starts from"),
        Column("currency", "currency", "currency, where the KPI is money"),
        Column("accepted_by", "text", "who accepted it"),
        Column("note", "text", "note"),
    ),
    rules=(Rule("ends_not_before_start", "ends_on >= starts_on", "a target ends on or after the day it starts"),),
)

REPS = Table(
    "reps",
    "one row per seller",
    ("owner_id",),
    columns=(
        Column("owner_id", "id", "the seller", filled=True),
        Column("display_name", "text", "name shown where the settings allow names", needed=True),
        Column("team", "text", "team", needed=True),
        Column("territory_id", "id", "sales territory"),
        Column("capacity_fte", "number", "capacity in full-time equivalents", unit="FTE", low=0, high=2),
        Column("started_on", "date", "first day"),
        Column("ended_on", "date", "last day"),
        Column("time_zone", "text", "time zone, where it is not the report's"),
        Column("calendar", "text", "name of the calendar of opening hours and holidays"),
    ),
)

FX_RATES = Table(
    "fx_rates",
    "one row per currency and day",
    ("currency", "rate_on"),
    known=(),
    columns=(
        Column("currency", "currency", "currency", filled=True),
        Column("rate_on", "date", "day", filled=True),
        Column("rate", "rate", "report currency for one unit of this currency", filled=True, low=0),
    ),
    rules=(Rule("rate_above_zero", "rate > 0", "a rate is above zero"),),
)

TABLES = {
    table.name: table
    for table in (
        ACCOUNTS,
        CONTACTS,
        LEADS,
        ACTIVITIES,
        DEALS,
        STAGE_HISTORY,
        STAGES,
        TARGETS,
        REPS,
        FX_RATES,
    )
}


def readme(row_counts: dict[str, int] | None = None) -> str:
    """The tables as Markdown, as it stands in `data/sample/README.md`.

    Parameters: `row_counts`, rows per table, printed beside the grain where given.
    Returns: Markdown text.
    """
    parts = [
        "# The tables",
        "Printed from `lib/salesbook/tables.py` by `salesbook sample`. One CSV file a table, UTF-8, comma, header.",
        "`filled`: every row has a value. `needed`: the column is there. Instants are UTC; money has a point.",
    ]
    for table in TABLES.values():
        rows = f" {row_counts[table.name]:,} rows." if row_counts and table.name in row_counts else ""
        known = f" Known from {' and '.join(table.known)}." if table.known else ""
        parts.append(f"## {table.name}\n\n{table.grain.capitalize()}. Key: {', '.join(table.key)}.{known}{rows}")
        lines = ["| column | type | unit | | points to | meaning |", "|---|---|---|---|---|---|"]
        for column in table.columns:
            demand = "filled" if column.filled else "needed" if column.needed else ""
            words = f" ({', '.join(column.words)})" if column.words else ""
            lines.append(
                f"| {column.name} | {column.type} | {column.unit} | {demand} | {column.parent} "
                f"| {column.meaning}{words} |"
            )
        parts.append("\n".join(lines))
        if table.rules:
            rules = [f"- {rule.meaning} ({'rejected' if rule.rejects else 'flagged'})" for rule in table.rules]
            parts.append("\n".join(rules))
    return "\n\n".join(parts) + "\n"
