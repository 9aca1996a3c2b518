"""Steps that put together what a CRM keeps in several tables, and take apart what it keeps in one column."""

from salesbook.maps import EXTRA
from salesbook.sources.staged import Staged
from salesbook.sources.visits import OUTCOMES, STATUS
from salesbook.tables import TABLES

PIPELINE = "Sales"
OF_DEALS = ("activities", "leads", "quotes", "deal_changes", "forecast_snapshots", "deal_links", "activity_links")


def names_of_reps(staged: Staged) -> None:
    """A seller's name of the first and last name, where there is no whole one."""
    whole = "nullif(trim(concat_ws(' ', t.first_name, t.last_name)), '')"
    staged.change("reps", {"display_name": f"coalesce(t.display_name, {whole}, t.owner_id)"})


def teams_of_reps(staged: Staged) -> None:
    """A seller's team by name: of the team's id, or of the tables of teams and their members, the main team first."""
    if not staged.has("teams"):
        return
    member = "select null::varchar as owner_id, null::varchar as team_id where false"
    if staged.has("owner_teams"):
        member = """select owner_id,
                (array_agg(team_id order by not coalesce(is_primary, false), team_id))[1] as team_id
            from good_owner_teams group by owner_id"""
    staged.change(
        "reps",
        {"team": "coalesce(n.name, t.team)"},
        f"""left join ({member}) m on m.owner_id = t.owner_id
            left join (select team_id, min(name) as name from good_teams group by 1) n
                on n.team_id = coalesce(t.team_id, m.team_id)""",
    )


def parts_joined(staged: Staged) -> None:
    """An activity that stands in a table of all and in one of its kind (HubSpot's engagements) as one.

    Each value is taken from the first part of the map that has it. Two rows of one part stay two.
    """
    order = list(dict.fromkeys(feed.name for feed in staged.feeds["activities"]))
    if len(order) == 1:
        return
    places = " ".join(f"when {f.source} then {order.index(f.name)}" for f in staged.feeds["activities"])
    staged.con.execute(f"""
        create or replace table parts as
        with parted as (
            select in_file, at_row, activity_id, case in_file {places} end as place from good_activities),
        counted as (select *, count(*) over (partition by activity_id, place) as of_part from parted),
        several as (
            select *, count(*) over same as n, max(of_part) over same as most from counted
            window same as (partition by activity_id))
        select in_file, at_row, activity_id, place from several where n > 1 and most = 1""")
    table = (*TABLES["activities"].columns, *EXTRA["activities"])
    names = [name for column in table for name in column.stored if name != "activity_id"]
    values = ", ".join(
        f"(array_agg({name} order by place) filter (where {name.removesuffix('_is_date')} is not null))[1] as {name}"
        for name in names
    )
    staged.con.execute(f"""
        create or replace table whole as
        select activity_id, {values} from good_activities join parts using (in_file, at_row, activity_id) group by 1""")
    first = "(select activity_id, min(place) as place from parts group by 1) lowest"
    staged.con.execute(f"""
        create or replace table firsts as
        select in_file, at_row, activity_id from parts join {first} using (activity_id, place)""")
    staged.leave_out("activities", "joined", """exists (select 1 from parts p where p.in_file = t.in_file
        and p.at_row = t.at_row) and not exists (select 1 from firsts f where f.in_file = t.in_file
        and f.at_row = t.at_row)""")  # fmt: skip
    columns = {name: f"case when f.activity_id is null then t.{name} else w.{name} end" for name in names}
    columns |= {name: f"coalesce({sql}, false)" for name, sql in columns.items() if name.endswith("_is_date")}
    staged.change("activities", columns, """left join firsts f using (in_file, at_row)
        left join whole w on w.activity_id = f.activity_id""")  # fmt: skip


def ids_by_prefix(staged: Staged) -> None:
    """Person or lead, deal or organisation, told by how a Salesforce id begins."""

    def begins(column: str, prefix: str) -> str:
        return f"case when starts_with(t.{column}, '{prefix}') then t.{column} end"

    staged.derive("activities", {
        "lead_id": f"coalesce(t.lead_id, {begins('who_id', '00Q')})",
        "contact_id": f"coalesce(t.contact_id, {begins('who_id', '003')})",
        "deal_id": f"coalesce(t.deal_id, {begins('what_id', '006')})",
        "account_id": f"coalesce(t.account_id, {begins('what_id', '001')})",
    })  # fmt: skip


def deleted(staged: Staged, table: str) -> None:
    """Deleted records: a deal or lead is known to be gone from when it was last written; other rows are left out."""
    is_deleted = "(coalesce(t.is_deleted, false) or coalesce(t.is_gone, false))"
    if table in ("deals", "leads"):
        gone = f"case when t.deleted_at is null and {is_deleted} then t.{{0}} else t.{{1}} end"
        staged.derive(table, {
            "deleted_at": gone.format("seen_at", "deleted_at"),
            "deleted_at_is_date": f"coalesce({gone.format('seen_at_is_date', 'deleted_at_is_date')}, false)",
        })  # fmt: skip
        staged.leave_out(table, "deleted", f"{is_deleted} and t.deleted_at is null")
        return
    staged.leave_out(table, "deleted", is_deleted)


def merged_deals(staged: Staged) -> None:
    """Deals that were merged: the one that went into another says into which, and what was about it is about that one.

    A merge into a deal that was merged itself ends at the last. The way of a deal that is no more there is left out.
    """
    pairs = "select deal_id, merged_id from good_merged_deals union all " if staged.has("merged_deals") else ""
    staged.con.execute(f"""
        create or replace table merges as
        with recursive pairs as (
            select merged_id, min(deal_id) as deal_id from ({pairs}
                select deal_id, trim(merged_id) as merged_id from (
                    select deal_id, unnest(regexp_split_to_array(merged_ids, '[;,]')) as merged_id
                    from good_deals) each_one) named
            where merged_id <> '' and merged_id <> deal_id group by 1),
        chain as (
            select merged_id, deal_id, 1 as step from pairs
            union all
            select c.merged_id, p.deal_id, c.step + 1 from chain c join pairs p on p.merged_id = c.deal_id
            where c.step < 20)
        select merged_id, (array_agg(deal_id order by -step))[1] as deal_id from chain group by 1""")
    if not staged.con.execute("select 1 from merges limit 1").fetchall():
        return
    staged.change("deals", {"merged_into": "coalesce(t.merged_into, m.deal_id)"},
                  "left join merges m on m.merged_id = t.deal_id")  # fmt: skip
    staged.leave_out("stage_history", "merged", """t.deal_id in (select merged_id from merges)
        and t.deal_id not in (select deal_id from good_deals)""")  # fmt: skip
    for table in OF_DEALS:
        if staged.has(table):
            staged.change(table, {"deal_id": "coalesce(m.deal_id, t.deal_id)"},
                          "left join merges m on m.merged_id = t.deal_id")  # fmt: skip


def links_of_deals(staged: Staged) -> None:
    """A deal's organisation and person from a table of links: the main one, else the one with the lowest id."""
    if not staged.has("deal_links"):
        return
    names = ("account_id", "contact_id")
    order = "not coalesce(is_primary, false)"
    first = f"(array_agg({{0}} order by {order}, {{0}}) filter (where {{0}} is not null))[1] as {{0}}"
    picked = ", ".join(first.format(name) for name in names)
    staged.change(
        "deals",
        {name: f"coalesce(t.{name}, l.{name})" for name in names},
        f"left join (select deal_id, {picked} from good_deal_links group by 1) l on l.deal_id = t.deal_id",
    )


def links_of_activities(staged: Staged) -> None:
    """What an activity was about, from tables of links; of several the one with the lowest id."""
    if not staged.has("activity_links"):
        return
    names = ("deal_id", "lead_id", "contact_id", "account_id")
    picked = ", ".join(f"min({name}) as {name}" for name in names)
    staged.change(
        "activities",
        {name: f"coalesce(t.{name}, l.{name})" for name in names},
        f"left join (select activity_id, {picked} from good_activity_links group by 1) l "
        "on l.activity_id = t.activity_id",
    )


def deals_by_title(staged: Staged) -> None:
    """Activities that name their deal by its title are about the deal of that title, if it is of one alone."""
    if staged.has("activities"):
        titled = """(select title, min(deal_id) as deal_id from good_deals where title is not null
            group by title having count(*) = 1) d"""
        found = {"deal_id": "coalesce(d.deal_id, t.deal_id)"}
        staged.change("activities", found, f"left join {titled} on d.title = t.deal_id")


def accounts_by_name(staged: Staged, table: str) -> None:
    """Rows that name their organisation belong to the one of that name, if one alone bears it; a lead whose company
    is no organisation yet belongs to none."""
    if not staged.has("accounts"):
        return
    named = """(select name, min(account_id) as account_id from good_accounts where name is not null
        group by name having count(*) = 1) n"""
    known = "(select distinct account_id from good_accounts) a"
    otherwise = "null" if table == "leads" else "t.account_id"
    staged.change(
        table,
        {"account_id": f"coalesce(a.account_id, n.account_id, {otherwise})"},
        f"left join {known} on a.account_id = t.account_id left join {named} on n.name = t.account_id",
    )


def leads_of_contacts(staged: Staged) -> None:
    """The lead of an activity is its person, where a CRM keeps leads as persons (HubSpot)."""
    if staged.has("leads"):
        lead = "(select min(d.lead_id) from good_leads d where d.lead_id = t.contact_id)"
        staged.change("activities", {"lead_id": f"coalesce(t.lead_id, {lead})"})


def one_pipeline(staged: Staged) -> None:
    """A deal without a pipeline is in the one there is, where a CRM has only record types (Salesforce)."""
    staged.derive("deals", {"pipeline": f"coalesce(t.pipeline, '{PIPELINE}')"})


def stage_of_status(staged: Staged) -> None:
    """A deal without a stage is in one that bears the name of its status: some CRMs keep no stage of closed deals."""
    staged.derive("deals", {"stage": "coalesce(t.stage, t.status)"})


def stages_of_every_pipeline(staged: Staged) -> None:
    """Stages that a CRM keeps once for all pipelines (Salesforce) are those of each."""
    staged.con.execute("create or replace table ways as select distinct pipeline from good_deals")
    staged.change("stages", {"pipeline": "coalesce(t.pipeline, (select min(pipeline) from ways))"})
    columns = ", ".join([name for name in TABLES["stages"].stored if name != "pipeline"] + ["stage_id", "is_closed"])
    for at, (pipeline,) in enumerate(staged.con.execute("select pipeline from ways order by 1").fetchall()):
        if at == 0:
            continue
        sources = {feed.source: staged.new_source(feed.source) for feed in staged.feeds.get("stages", [])}
        renumbered = " ".join(f"when {old} then {new}" for old, new in sources.items())
        name = pipeline.replace("'", "''")
        staged.add("stages", "stages_of_every_pipeline", f"""
            select '{name}' as pipeline, {columns}, case in_file {renumbered} end as in_file, at_row
            from good_stages where pipeline = (select min(pipeline) from ways)""")  # fmt: skip


def outcomes_of_stages(staged: Staged) -> None:
    """Which stages are won and lost, of whether they are closed; and their places, from 1, in the order they have.

    Older replicas of HubSpot tell which stages are won and not which are closed: a stage that is not won is lost where
    its probability is 0.
    """
    is_won = "coalesce(t.is_won, t.is_closed and t.probability = 1)"
    is_closed = "coalesce(t.is_closed, case when t.is_won is not null then t.is_won or t.probability = 0 end)"
    place = "row_number() over (partition by t.problem > 0, t.pipeline order by t.position nulls last, t.stage)"
    staged.change("stages", {
        "is_won": is_won,
        "is_lost": f"coalesce(t.is_lost, {is_closed} and not {is_won})",
        "position": place,
    })  # fmt: skip


def status_from_flags(staged: Staged) -> None:
    """A deal's status of the columns that say whether it is won, lost or closed."""
    staged.derive("deals", {"status": """coalesce(t.status, case when t.is_won then 'won'
        when t.is_lost or t.is_closed then 'lost' when t.is_won is not null then 'open' end)"""})  # fmt: skip


def lost_when_archived(staged: Staged) -> None:
    """A deal that was put away and is not won is lost, where a CRM archives its lost deals (Odoo)."""
    is_lost = f"coalesce(t.is_archived, not t.is_active, false) and coalesce({STATUS}, 'open') <> 'won'"
    staged.change("deals", {"status": f"case when {is_lost} then 'lost' else t.status end"},
                  f"left join {OUTCOMES} o on o.pipeline = t.pipeline and o.stage = t.stage")  # fmt: skip


def leads_left_out(staged: Staged) -> None:
    """Leads that stand in one file with the deals are left out (Odoo)."""
    staged.leave_out("deals", "lead", "t.is_lead")


def deals_left_out(staged: Staged) -> None:
    """Deals that stand in one file with the leads are left out; one that was a lead before is that lead, converted into
    itself (Odoo)."""
    became = "(t.is_lead is false and t.converted_at is not null)"
    staged.derive("leads", {
        "status": f"case when {became} then 'converted' else t.status end",
        "deal_id": f"case when {became} then t.lead_id else t.deal_id end",
    })  # fmt: skip
    staged.leave_out("leads", "deal", "t.is_lead is false and t.converted_at is null")


def labels_of_stages(staged: Staged) -> None:
    """Pipelines and stages by their names, where deals and their history have ids."""
    if staged.has("pipelines"):
        staged.con.execute("""create or replace table pipeline_names as
            select pipeline_id, min(label) as label from good_pipelines group by 1""")
    else:
        staged.con.execute("create or replace table pipeline_names (pipeline_id varchar, label varchar)")
    staged.con.execute("""create or replace table stage_names as
        select pipeline, stage_id, min(stage) as stage from good_stages where stage_id is not null
        group by pipeline, stage_id""")
    staged.con.execute("""create or replace table stage_anywhere as
        select stage_id, min(stage) as stage from stage_names group by 1 having count(distinct stage) = 1""")
    staged.con.execute("""create or replace table ways as
        select deal_id, min(pipeline) as pipeline from good_deals group by 1""")
    found = "coalesce(s.stage, a.stage, t.stage)"
    anywhere = "left join stage_anywhere a on a.stage_id = t.stage"
    staged.change("stage_history", {"stage": found}, f"""left join ways w on w.deal_id = t.deal_id
        left join stage_names s on s.stage_id = t.stage and s.pipeline = w.pipeline {anywhere}""")  # fmt: skip
    name = "left join pipeline_names n on n.pipeline_id = t.pipeline"
    staged.change("deals", {"stage": found, "pipeline": "coalesce(n.label, t.pipeline)"}, f"""{name}
        left join stage_names s on s.stage_id = t.stage and s.pipeline = t.pipeline {anywhere}""")  # fmt: skip
    staged.change("stages", {"pipeline": "coalesce(n.label, t.pipeline)"}, name)


def won_and_lost_stages(staged: Staged) -> None:
    """A won and a lost stage at the end of each pipeline that has none: Pipedrive's deals are won where they stand."""
    staged.add("stages", "won_and_lost_stages", """
        with ends as (
            select pipeline, max(position) as last, bool_or(is_won or is_lost) as has_end from good_stages group by 1),
        added as (select 'Won' as stage, 1 as place union all select 'Lost', 2)
        select pipeline, stage, last + place as position, 2.0 - place as probability,
            place = 1 as is_won, place = 2 as is_lost, -2 as in_file,
            row_number() over (order by pipeline, place) as at_row
        from ends, added where not has_end""")  # fmt: skip


def orders_of_won_deals(staged: Staged) -> None:
    """Orders of the products of won deals, on the day of the closing, where the CRM keeps no orders of its own.

    The cost is that of one times the quantity. A line of a deal without organisation or closing is left out.
    """
    if not staged.has("deal_lines") or "orders" in staged.feeds:
        return
    staged.con.execute("create or replace table line_deals (line_id varchar, deal_id varchar)")
    if staged.has("line_links"):
        staged.con.execute("insert into line_deals select line_id, min(deal_id) from good_line_links group by 1")
    staged.con.execute(f"""
        create or replace table sold as
        select t.deal_id, t.account_id, t.closed_at, t.closed_at_is_date, t.currency
        from good_deals t left join {OUTCOMES} o on o.pipeline = t.pipeline and o.stage = t.stage
        where {STATUS} = 'won' and t.account_id is not null and t.closed_at is not null""")
    staged.change("deal_lines", {"deal_id": "coalesce(t.deal_id, l.deal_id)"},
                  "left join line_deals l on l.line_id = t.line_id")  # fmt: skip
    staged.leave_out("deal_lines", "deleted", "t.is_deleted")
    staged.leave_out("deal_lines", "not_sold", """t.amount_minor is null
        or not exists (select 1 from sold s where s.deal_id = t.deal_id)""")  # fmt: skip
    staged.add("orders", "orders_of_won_deals", """
        select l.line_id as order_id, s.account_id, s.closed_at as ordered_at,
            s.closed_at_is_date as ordered_at_is_date, l.amount_minor, coalesce(l.currency, s.currency) as currency,
            cast(round(l.unit_cost_minor * coalesce(l.quantity, 1), 0) as bigint) as cost_minor, l.product, l.quantity,
            l.in_file, l.at_row
        from good_deal_lines l join sold s on s.deal_id = l.deal_id""")  # fmt: skip
