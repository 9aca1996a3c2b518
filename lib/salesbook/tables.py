"""The canonical tables: every KPI reads these and nothing else.

This file is the one truth about them. The reader casts and checks by it, the as-of views are made from it, the sample
company is written in its form, and `data/sample/README.md` is printed from it.
"""

from salesbook.schema import Column, Rule, Table, not_before

ACTIVITY_TYPES = ("call", "email", "meeting", "note", "task")
OUTCOMES = ("connected", "no_answer", "voicemail", "replied", "bounced", "held", "no_show", "rejected")
LEAD_STATUSES = ("new", "working", "qualified", "disqualified", "converted")
CHANGED_FIELDS = ("owner", "amount", "expected_close", "category")
METHODS = ("crm", "rep", "model")
COST_TYPES = ("salary", "tools", "media", "meeting_booking", "event", "collateral", "other")
FORECAST_CATEGORIES = ("pipeline", "best_case", "commit", "closed", "omitted")

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
        Column("timing", "boolean", "timing known (BANT, GPCT)"),
        Column("goals", "boolean", "goals known (GPCT)"),
        Column("plans", "boolean", "plans known (GPCT)"),
        Column("challenges", "boolean", "challenges known (GPCT)"),
        Column("merged_into", "id", "the lead it was merged into", parent="leads", follows="merged_at"),
        Column("merged_at", "instant", "when it was merged", later=True),
        Column("deleted_at", "instant", "when it was deleted", later=True),
        Column("is_test", "boolean", "a test record, not a lead", is_false_if_empty=True),
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
        Column("is_automatic", "boolean", "sent by a system: no human act", is_false_if_empty=True),
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
        Column("is_test", "boolean", "a test record, not a deal", is_false_if_empty=True),
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
        Rule(
            "open_has_no_close",
            "status <> 'open' or closed_at is null",
            "an open deal has no closing date; it counts as open",
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
        Column("is_bulk", "boolean", "moved with many others at once: kept out of timing", is_false_if_empty=True),
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
        Column("leave_starts_on", "date", "first day of a long leave"),
        Column("leave_ends_on", "date", "its last day; empty while it is not known"),
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

DEAL_CHANGES = Table(
    "deal_changes",
    "one row per change of a deal's owner, amount, expected close or category",
    ("deal_id", "field", "changed_at"),
    known=("changed_at", "recorded_at"),
    columns=(
        Column("deal_id", "id", "the deal", filled=True, parent="deals"),
        Column("field", "word", "what changed", filled=True, words=CHANGED_FIELDS),
        Column("old_value", "text", "value before, in canonical form"),
        Column("new_value", "text", "value after, in canonical form"),
        Column("changed_at", "instant", "when", filled=True),
        RECORDED_AT,
    ),
)

LEAD_STATUS_HISTORY = Table(
    "lead_status_history",
    "one row per visit of a lead to a status",
    ("lead_id", "entered_at", "status"),
    known=("entered_at",),
    columns=(
        Column("lead_id", "id", "the lead", filled=True, parent="leads"),
        Column("status", "word", "status it came into", filled=True, words=LEAD_STATUSES),
        Column("entered_at", "instant", "when it came in", filled=True),
        Column("exited_at", "instant", "when it left; empty while it is there", later=True),
    ),
    rules=(not_before("exited_at", "entered_at"),),
)

QUOTES = Table(
    "quotes",
    "one row per quote sent",
    ("quote_id",),
    known=("sent_at",),
    columns=(
        Column("quote_id", "id", "the quote", filled=True),
        Column("deal_id", "id", "the deal", filled=True, parent="deals"),
        Column("sent_at", "instant", "when it was sent", filled=True),
        money("amount", "amount offered"),
        AMOUNT_CURRENCY,
    ),
)

FORECAST_SNAPSHOTS = Table(
    "forecast_snapshots",
    "one row per open deal and day, as it stood; or a seller's submitted number",
    ("snapshot_at", "method", "owner_id", "deal_id", "period"),
    known=("snapshot_at",),
    columns=(
        Column("snapshot_at", "instant", "when it stood so", filled=True),
        Column("method", "word", "who says so: the CRM's record, the seller, a model", filled=True, words=METHODS),
        Column("deal_id", "id", "the deal; empty for a submitted number", parent="deals"),
        Column("owner_id", "id", "seller", parent="reps"),
        Column("period", "date", "first day of the period a submitted number is for"),
        Column("pipeline", "text", "pipeline"),
        Column("stage", "text", "stage"),
        Column("category", "word", "the seller's judgement", words=FORECAST_CATEGORIES),
        money("amount", "amount"),
        AMOUNT_CURRENCY,
        Column("probability", "share", "chance to be won, as the CRM said", low=0, high=1),
        Column("expected_close", "date", "expected close"),
        Column("is_rebuilt", "boolean", "rebuilt from history, not saved on the day", is_false_if_empty=True),
    ),
)

ORDERS = Table(
    "orders",
    "one row per invoice or order line",
    ("order_id",),
    known=("ordered_at",),
    columns=(
        Column("order_id", "id", "the line", filled=True),
        Column("account_id", "id", "organisation", filled=True, parent="accounts"),
        Column("ordered_at", "instant", "when", filled=True),
        money("amount", "amount, without tax", filled=True),
        AMOUNT_CURRENCY,
        money("cost", "cost of what was sold"),
        Column("product", "text", "product"),
        Column("quantity", "number", "quantity", low=0),
    ),
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    "one row per contract span of one price",
    ("subscription_id",),
    known=("started_on",),
    columns=(
        Column("subscription_id", "id", "the span", filled=True),
        Column("account_id", "id", "organisation", filled=True, parent="accounts"),
        Column("plan", "text", "plan"),
        money("mrr", "recurring amount a month; a yearly one ÷ 12", filled=True, low=0),
        AMOUNT_CURRENCY,
        Column("started_on", "date", "first day", filled=True),
        Column("ended_on", "date", "first day without; empty while it runs"),
    ),
    rules=(Rule("ended_after_start", "ended_on >= started_on", "a span ends on or after the day it starts"),),
)

COSTS = Table(
    "costs",
    "one row per cost booking",
    (),
    known=("period",),
    columns=(
        Column("period", "date", "first day of the month it is for", filled=True),
        Column("type", "word", "what for", filled=True, words=COST_TYPES),
        money("amount", "amount", filled=True),
        AMOUNT_CURRENCY,
        Column("channel", "text", "channel it was spent on; empty for all"),
        Column("owner_id", "id", "seller", parent="reps"),
        Column("acquisition_share", "share", "part spent on winning new customers", filled=True, low=0, high=1),
    ),
)

COLLATERAL_USAGE = Table(
    "collateral_usage",
    "one row per use of a piece of material",
    ("asset_id", "owner_id", "deal_id", "used_at", "action"),
    known=("used_at",),
    columns=(
        Column("asset_id", "id", "the piece: a brochure, a case, a price list", filled=True),
        Column("owner_id", "id", "seller", filled=True, parent="reps"),
        Column("deal_id", "id", "deal it was used for", parent="deals"),
        Column("used_at", "instant", "when", filled=True),
        Column("action", "text", "what was done with it: sent, shown, viewed, downloaded", filled=True),
    ),
)

CRM_USAGE = Table(
    "crm_usage",
    "one row per seller, day and feature of the CRM",
    ("owner_id", "used_on", "feature"),
    known=("used_on",),
    columns=(
        Column("owner_id", "id", "the seller", filled=True, parent="reps"),
        Column("used_on", "date", "day", filled=True),
        Column("feature", "text", "what of the CRM was used", filled=True),
        Column("events", "integer", "how often", filled=True, low=0),
    ),
)

SELF_REPORTS = Table(
    "self_reports",
    "one row per number that a seller reports of a day",
    ("owner_id", "reported_on", "kpi"),
    known=("reported_on",),
    columns=(
        Column("owner_id", "id", "the seller", filled=True, parent="reps"),
        Column("reported_on", "date", "day it is about", filled=True),
        Column("kpi", "text", "what is counted: calls, emails, meetings, or a KPI as in the glossary", filled=True),
        Column("value", "number", "how many they say", filled=True, low=0),
    ),
)

WORKING_HOURS = Table(
    "working_hours",
    "one row per seller and day",
    ("owner_id", "worked_on"),
    known=("worked_on",),
    columns=(
        Column("owner_id", "id", "the seller", filled=True, parent="reps"),
        Column("worked_on", "date", "day", filled=True),
        Column("hours", "number", "hours worked; 0 on a day off", unit="hours", filled=True, low=0, high=24),
    ),
)

SURVEYS = Table(
    "surveys",
    "one row per answer to a question",
    ("survey_id", "respondent_hash", "question"),
    known=("answered_at",),
    columns=(
        Column("survey_id", "id", "the survey, one round of it", filled=True),
        Column("respondent_hash", "id", "who answered, in a form that does not tell who", filled=True),
        Column("team", "text", "team of who answered", filled=True),
        Column("answered_at", "instant", "when", filled=True),
        Column("question", "text", "the question", filled=True),
        Column("score", "number", "the answer", filled=True),
        Column("scale_min", "number", "lowest answer that could be given", filled=True),
        Column("scale_max", "number", "highest answer that could be given", filled=True),
    ),
    rules=(
        Rule("scale_is_one", "scale_max > scale_min", "a scale runs from a lower to a higher number"),
        Rule("score_within_scale", "score between scale_min and scale_max", "an answer lies on its scale"),
    ),
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
        DEAL_CHANGES,
        LEAD_STATUS_HISTORY,
        QUOTES,
        FORECAST_SNAPSHOTS,
        ORDERS,
        SUBSCRIPTIONS,
        COSTS,
        COLLATERAL_USAGE,
        CRM_USAGE,
        SELF_REPORTS,
        WORKING_HOURS,
        SURVEYS,
    )
}
