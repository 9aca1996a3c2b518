"""Steps that make stage visits, and what follows from them, of what CRMs keep of a deal's way."""

import re

from salesbook import zones
from salesbook.sources.changes import NAMES, bare
from salesbook.sources.staged import Staged

STAGE_FIELDS = "('dealstage', 'stageid', 'stage', 'stagename')"
ENTERED = (
    re.compile(r"(?:propert(?:y|ies)_)?hs_v2_date_entered_(?P<stage>.+)", re.IGNORECASE),
    re.compile(r"(?:propert(?:y|ies)_)?hs_date_entered_(?P<stage>.+)", re.IGNORECASE),
    re.compile(r'Date entered "(?P<stage>.+) \(.+\)"', re.IGNORECASE),
)
OUTCOMES = """(select pipeline, stage, bool_or(is_won) as won, bool_or(is_lost) as lost from good_stages
    where stage is not null group by pipeline, stage)"""
STATUS = (
    "coalesce(t.status, case when o.won then 'won' when o.lost then 'lost' when o.stage is not null then 'open' end)"
)


def dated_stages(header: tuple[str, ...]) -> dict[str, str]:
    """The columns of a header that say when a deal came into a stage: stage to column; the newer kind is taken."""
    found: dict[str, str] = {}
    for pattern in ENTERED:
        for name in header:
            if match := pattern.fullmatch(name):
                found.setdefault(match["stage"], name)
    return found


def visits_from_dates_entered(staged: Staged) -> None:
    """Stage visits of the dates on which deals came into each stage: HubSpot's hs_v2_date_entered_STAGE.

    The column's name has the stage's id in small letters, with _ in place of other signs.
    """
    for at, stage in enumerate(staged.dated):
        sources = {feed.source: staged.new_source(feed.source) for feed in staged.feeds.get("deals", [])}
        renumbered = " ".join(f"when {old} then {new}" for old, new in sources.items())
        key = re.sub(r"[^a-z0-9]", "_", stage.lower())
        known = f"""(select min(coalesce(stage_id, stage)) from good_stages
            where regexp_replace(lower(coalesce(stage_id, stage)), '[^a-z0-9]', '_', 'g') = '{key}')"""
        name = stage.replace("'", "''")
        staged.add("stage_history", "visits_from_dates_entered", f"""
            select deal_id, coalesce({known}, '{name}') as stage, entered_{at} as entered_at,
                entered_{at}_is_date as entered_at_is_date, case in_file {renumbered} end as in_file, at_row
            from good_deals where entered_{at} is not null""")  # fmt: skip


def visits_from_history(staged: Staged) -> None:
    """Stage visits of changes: of a history of fields (HubSpot, Pipedrive), or of rows that some other change wrote too
    (Salesforce's OpportunityHistory is written when amount, probability, stage or close date changes).

    A change to the stage the deal is in already is none; a visit ends where the next begins.
    """
    if staged.has("deal_history"):
        is_stage = f"{bare('{0}.field')} in {STAGE_FIELDS} and {{0}}.value is not null"
        is_kept = f"{is_stage.format('t')} or {bare('t.field')} in ({NAMES})"
        staged.leave_out("deal_history", "other_field", f"({is_kept}) is not true")
        staged.add("stage_history", "visits_from_history", f"""
            select deal_id, value as stage, changed_at as entered_at, changed_at_is_date as entered_at_is_date,
                changed_by, is_bulk, in_file, at_row
            from good_deal_history h where {is_stage.format('h')}""")  # fmt: skip
    order = "partition by deal_id order by entered_at nulls last, in_file, at_row"
    staged.con.execute(f"""
        create or replace table changes as
        select in_file, at_row, lag(stage) over ({order}) as before, stage from good_stage_history""")
    staged.leave_out("stage_history", "same_stage", """exists (select 1 from changes c
        where c.in_file = t.in_file and c.at_row = t.at_row and c.before = c.stage)""")  # fmt: skip
    staged.con.execute(f"""
        create or replace table changes as
        select in_file, at_row, lead(entered_at) over ({order}) as next_at,
            lead(entered_at_is_date) over ({order}) as next_is_date from good_stage_history""")
    staged.change(
        "stage_history",
        {
            "exited_at": "coalesce(t.exited_at, n.next_at)",
            "exited_at_is_date": "coalesce(case when t.exited_at is null then n.next_is_date end, t.exited_at_is_date)",
        },
        "left join changes n using (in_file, at_row)",
    )


def first_visit(staged: Staged) -> None:
    """The first visit of every deal, from the day it was opened: Pipedrive's flow has changes only.

    A deal that never moved is in its own stage since then, unless that is a won or lost one; one that moved was before
    its first change in the stage it moved from.
    """
    left = "null" if not staged.has("deal_history") else """(select max(h.old_value) from good_deal_history h
        where h.in_file = first.in_file and h.at_row = first.at_row)"""  # fmt: skip
    is_end = "(select 1 from good_stages s where coalesce(s.stage_id, s.stage) = d.stage and (s.is_won or s.is_lost))"
    staged.add("stage_history", "first_visit", f"""
        with first as (
            select * from (
                select *,
                    row_number() over (partition by deal_id order by entered_at nulls last, in_file, at_row) as place
                from good_stage_history) visited
            where place = 1)
        select d.deal_id, case when first.deal_id is null then d.stage else {left} end as stage,
            d.created_at as entered_at, d.created_at_is_date as entered_at_is_date,
            first.entered_at as exited_at, coalesce(first.entered_at_is_date, false) as exited_at_is_date,
            d.in_file, d.at_row
        from good_deals d left join first on first.deal_id = d.deal_id
        where d.created_at is not null and (first.entered_at is null or first.entered_at > d.created_at)
            and case when first.deal_id is null then not exists {is_end} else {left} is not null end""")  # fmt: skip


def closed_at_from_won_and_lost(staged: Staged) -> None:
    """The closing of a deal is when it was won, or when it was lost: Pipedrive has a column of each."""
    won = "t.closed_at is null and t.status = 'won'"
    lost = "t.closed_at is null and t.status = 'lost'"
    staged.change("deals", {
        "closed_at": f"case when {won} then t.won_at when {lost} then t.lost_at else t.closed_at end",
        "closed_at_is_date": f"""coalesce(case when {won} then t.won_at_is_date when {lost} then t.lost_at_is_date
            else t.closed_at_is_date end, false)""",
    })  # fmt: skip


def closed_at_from_history(staged: Staged) -> None:
    """The closing of a closed deal is when it last came into the stage it is in; without such a change its close date.

    The close date of an open deal is its expected close; that of a closed one was rewritten at closing (HubSpot) or
    edited (Salesforce), and says no more what was expected.
    """
    staged.con.execute("""
        create or replace table closings as
        with visited as (
            select *, row_number() over (partition by deal_id order by entered_at nulls last, in_file, at_row) as place
            from good_stage_history),
        entered as (
            select h.deal_id, h.entered_at as moment, h.entered_at_is_date as moment_is_date, row_number() over (
                partition by h.deal_id order by h.entered_at desc, h.at_row desc, h.in_file) as last_place
            from visited h join good_deals d on d.deal_id = h.deal_id and d.stage = h.stage where h.place > 1)
        select deal_id, moment, moment_is_date from entered where last_place = 1""")
    closed = f"{STATUS} in ('won', 'lost')"
    staged.change("deals", {
        "closed_at": f"case when {closed} then coalesce(c.moment, t.closed_at, t.close_date) end",
        "closed_at_is_date": f"""coalesce(case when {closed} then case when c.moment is not null then c.moment_is_date
            when t.closed_at is not null then t.closed_at_is_date else t.close_date_is_date end end, false)""",
        "expected_close": f"""coalesce(t.expected_close, case when not coalesce({closed}, false)
            then cast({zones.local('t.close_date', staged.zone)} as date) end)""",
    }, f"""left join {OUTCOMES} o on o.pipeline = t.pipeline and o.stage = t.stage
        left join closings c on c.deal_id = t.deal_id""")  # fmt: skip
