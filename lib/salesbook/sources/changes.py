"""Steps that make the changes of deals of what CRMs keep of them: a history of fields, or whole versions."""

from salesbook import zones
from salesbook.sources.form import literal, matches
from salesbook.sources.staged import Staged
from salesbook.sources.units import ZERO

# What CRMs call a field whose changes are kept, in small letters without underscores.
FIELDS = {
    "amount": ("amount", "value"),
    "expected_close": ("closedate", "expectedclosedate"),
    "owner": ("hubspotownerid", "ownerid", "owner", "userid"),
    "category": ("hsmanualforecastcategory", "forecastcategory", "forecastcategoryname"),
}
CATEGORIES = {
    "omit": "omitted", "omitted": "omitted", "pipeline": "pipeline", "bestcase": "best_case", "mostlikely": "best_case",
    "commit": "commit", "forecast": "commit", "closed": "closed", "closedwon": "closed",
}  # fmt: skip
NAMES = ", ".join(literal(name) for names in FIELDS.values() for name in names)
VERSIONED = {"amount": "amount", "expected_close": "expected_close", "owner": "owner_id", "category": "category"}
INSTANT, MILLISECONDS = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", r"\d{13}"
MIDNIGHT = r"\d{4}-\d{2}-\d{2}[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:?00)?"


def bare(column: str) -> str:
    """SQL of a name in small letters without signs between its words."""
    return f"regexp_replace(lower({column}), '[^a-z]', '', 'g')"


def changes_of_deals(staged: Staged) -> None:
    """Changes of a deal's owner, amount, expected close and category: of a history of fields (HubSpot, Pipedrive,
    Salesforce's OpportunityFieldHistory), or of versions that differ (Salesforce's OpportunityHistory).

    The first value that a history without old ones tells was set from none; a first version is no change.
    """
    if staged.has("deal_history"):
        add_of_history(staged)
    if staged.has("deal_versions"):
        for field, column in VERSIONED.items():
            add_of_versions(staged, field, column)


def zero_amounts_are_missing(staged: Staged) -> None:
    """A deal's amount of 0 in a history is none: what `zero_amount_is_missing` says of the deal as it stands."""
    is_amount = f"{bare('t.field')} in ({', '.join(map(literal, FIELDS['amount']))})"
    staged.change("deal_history", {
        column: f"case when not ({is_amount} and coalesce({matches(f't.{column}', ZERO)}, false)) then t.{column} end"
        for column in ("old_value", "value")
    })  # fmt: skip


def add_of_history(staged: Staged) -> None:
    """Add the changes that a history of fields tells. Salesforce writes that of an owner twice: by name, and by id."""
    fields = " ".join(f"when kind in ({', '.join(map(literal, names))}) then '{field}'"
                      for field, names in FIELDS.items())  # fmt: skip
    staged.add("deal_changes", "changes_of_deals", f"""
        with kept as (
            select *, {bare('field')} as kind, {moment('old_value')} as old_value_at, {moment('value')} as value_at
            from good_deal_history
            where {bare('field')} in ({NAMES})
                and (lower(field) <> 'owner' or starts_with(coalesce(value, old_value), '005'))),
        told as (
            select deal_id, case {fields} end as field, {canonical('old_value', staged.zone)} as old_value,
                {canonical('value', staged.zone)} as new_value, changed_at, changed_at_is_date, in_file, at_row
            from kept),
        followed as (
            select *, lag(new_value) over (partition by deal_id, field order by changed_at, in_file, at_row) as before
            from told)
        select deal_id, field, coalesce(old_value, before) as old_value, new_value, changed_at, changed_at_is_date,
            in_file, at_row
        from followed where coalesce(old_value, before) is distinct from new_value""")  # fmt: skip


def moment(value: str) -> str:
    """SQL of the instant that a history's text says, in milliseconds or as ISO has it; null where it says none."""
    since_1970 = f"timestamp '1970-01-01' + to_seconds(try_cast(left({value}, 10) as bigint))"
    return f"""case when {matches(value, MILLISECONDS)} then {since_1970}
        when {matches(value, INSTANT)} then try_cast(left({value}, 19) as timestamp) end"""


def canonical(value: str, zone: str) -> str:
    """SQL of a history's text as the table of changes has it; what has no known form stays, and is rejected there.

    It reads what the text says from `kind` and `..._at`: the local time asks for the instant many times.
    """
    dates, categories = (", ".join(map(literal, FIELDS[field])) for field in ("expected_close", "category"))
    words = " ".join(f"when '{word}' then '{canonical}'" for word, canonical in CATEGORIES.items())
    return f"""case
        when kind in ({dates}) and {matches(value, MIDNIGHT)} then left({value}, 10)
        when kind in ({dates}) and {value}_at is not null
            then left(cast({zones.local(f"{value}_at", zone)} as varchar), 10)
        when kind in ({categories}) then case {bare(value)} {words} else {value} end
        else {value} end"""


def add_of_versions(staged: Staged, field: str, column: str) -> None:
    """Add the changes of one field that a deal's versions tell; a version may change several, each a row of its own."""
    sources = {feed.source: staged.new_source(feed.source) for feed in staged.feeds["deal_versions"]}
    renumbered = " ".join(f"when {old} then {new}" for old, new in sources.items())
    order = "partition by deal_id order by changed_at, in_file, at_row"
    staged.add("deal_changes", "changes_of_deals", f"""
        with told as (
            select deal_id, cast({column} as varchar) as new_value, changed_at, changed_at_is_date, in_file, at_row,
                lag(cast({column} as varchar)) over ({order}) as old_value, row_number() over ({order}) as place
            from good_deal_versions)
        select deal_id, '{field}' as field, old_value, new_value, changed_at, changed_at_is_date,
            case in_file {renumbered} end as in_file, at_row
        from told where place > 1 and old_value is distinct from new_value""")  # fmt: skip
