"""Rules within a row, between rows and between tables: each rejects or flags, as `tables.py` says.

Every table has a view `all_TABLE` (the stored columns, `in_file`, `at_row`, `problem`) and a view `good_TABLE` of the
rows that nothing has rejected so far. `rejected` and `flagged` hold (table_name, in_file, at_row, problem's number).
"""

from collections.abc import Set

import duckdb

from salesbook.errors import BadData
from salesbook.schema import Column, Table
from salesbook.sources.cast import Problems
from salesbook.sources.form import DAY, MONTH, SPACES, YEAR, literal, matches
from salesbook.sources.plan import Feed
from salesbook.sources.staged import LEFT_OUT
from salesbook.tables import FORECAST_CATEGORIES, TABLES

DATE = f"{YEAR}-{MONTH}-{DAY}"
STAGE_ORDER = ("stages", "accounts", "contacts", "leads", "activities", "deals", "stage_history")
# What programs write for a date that is not there: the first day that they, or a spreadsheet, can count.
NO_DAYS = {
    "instant": "t.{0} < timestamp '1970-01-02'",
    "date": "t.{0} in (date '1970-01-01', date '1900-01-01')",
}
ROWS_OF_SHEET = 1 << 20  # no spreadsheet has more
ORDER = (*STAGE_ORDER, *(name for name in TABLES if name not in STAGE_ORDER))


# The form of a change's values by what changed; an empty one is none.
CHANGED = {
    "amount": "coalesce(" + matches("{0}", r"-?\d{{1,14}}(?:\.\d{{1,4}})?") + ", true)",
    "expected_close": "({0} is null or " + matches("{0}", DATE) + " and try_cast({0} as timestamp) is not null)",
    "category": f"coalesce({{0}} in ({', '.join(map(literal, FORECAST_CATEGORIES))}), true)",
}

OUTCOME = "case when o.won then 'won' when o.lost then 'lost' when o.stage is not null then 'open' end"
STATUS = {
    "status": f"""coalesce(t.status, (
    select {OUTCOME} from stage_outcomes o where o.pipeline = t.pipeline and o.stage = t.stage))"""
}  # of a deal `t`
STAGE_COLUMNS = ("pipeline", "stage", "position", "is_won", "is_lost")
# A stage is the won one where all its deals are won and most of the pipeline's won deals stand there: elsewhere deals
# are won in the stage they stand in, as in Pipedrive, and a stage whose few deals are all won is none.
DERIVED_STAGES = """
with visited as (
    select pipeline, stage, coalesce(status, 'open') as status from all_deals where problem = 0
    union all
    select d.pipeline, h.stage, 'open' from all_stage_history h join all_deals d on d.deal_id = h.deal_id
    where h.problem = 0 and d.problem = 0 and not exists (
        select 1 from all_deals e where e.problem = 0 and e.pipeline = d.pipeline and e.stage = h.stage)),
counted as (
    select pipeline, stage, count(*) as n, count(case when status = 'won' then 1 end) as n_won,
        count(case when status = 'lost' then 1 end) as n_lost
    from visited group by pipeline, stage),
summed as (select *, sum(n_won) over (partition by pipeline) as all_won,
    sum(case when n_won = n then n_won else 0 end) over (partition by pipeline) as in_won,
    sum(n_lost) over (partition by pipeline) as all_lost,
    sum(case when n_lost = n then n_lost else 0 end) over (partition by pipeline) as in_lost from counted)
select pipeline, stage, cast(null as bigint) as position, n_won = n and 2 * in_won >= all_won as is_won,
    n_lost = n and 2 * in_lost >= all_lost as is_lost
from summed"""
END_STAGES = """
with ways as (
    select pipeline, max(position) as last, bool_or(is_won) as has_won, bool_or(is_lost) as has_lost
    from told_stages group by pipeline),
ends as (
    select distinct d.pipeline, d.status, case when d.status = 'won' then 'Won' else 'Lost' end as stage, w.last
    from all_deals d join ways w on w.pipeline = d.pipeline
    where d.problem = 0 and (d.status = 'won' and not w.has_won or d.status = 'lost' and not w.has_lost))
select e.pipeline, case when exists (select 1 from told_stages s where s.pipeline = e.pipeline and s.stage = e.stage)
        then e.stage || ' (status)' else e.stage end as stage,
    e.last + case when e.status = 'won' then 1 else 2 end as position, e.status = 'won' as is_won,
    e.status = 'lost' as is_lost
from ends e"""


class Checks:
    """The checks of one import, on a connection that holds the cast rows.

    `tables`: those that have rows; `provided`: columns of theirs that steps have filled; `later_file_wins`: of two
    versions of a record that in the later file is taken; `unique`: tables of which no key can stand there twice;
    `fills_status`: whether a deal has no status but that of its stage.
    """

    fills_status = False

    def __init__(self, con: duckdb.DuckDBPyConnection, feeds: dict[str, list[Feed]], problems: Problems,
                 provided: dict[str, set[str]] | None = None, later_file_wins: bool = False,
                 unique: Set[str] = frozenset()):  # fmt: skip
        self.con, self.feeds, self.problems = con, feeds, problems
        self.provided, self.later_file_wins, self.unique = provided or {}, later_file_wins, unique
        self.told = {
            name: {column.name for feed in some for column in feed.table.columns} for name, some in feeds.items()
        }
        self.tables = [name for name in TABLES if name in feeds or name in self.provided]

    def run(self) -> None:
        """Check all tables: first what rejects rows, parents before children, then what flags them."""
        for name in ORDER:
            if name == "stages":
                self.derive_stages()
            if name == "deals":
                self.derive_status()
            if name in self.tables:
                self.reject_rows(TABLES[name])
        for name in self.tables:
            self.flag_rows(TABLES[name])

    def reject_rows(self, table: Table) -> None:
        """Reject the rows that could not be cast, break a rule, lack a parent they need, or repeat a key."""
        self.reject_unread(table)
        self.reject_rounded_ids(table)
        for rule in table.rules:
            if rule.rejects:
                self.record("rejected", table, f"({rule.holds}) is false", "", rule.name, f"broken: {rule.meaning}")
        for column in table.columns:
            if column.parent and column.filled and self.has_rows(column.parent):
                self.record("rejected", table, orphan(column), column.name, *unknown_parent(column))
        if table.name in ("deals", "stage_history") and self.has_rows("stages"):
            self.reject_unknown_stages(table)
        if table.name == "deal_changes":
            self.reject_unreadable_changes(table)
        if table.key and table.name not in self.unique:
            self.reject_repeated_keys(table)
        if self.has_merges(table):
            self.record("rejected", table, self.in_circle(table), "merged_into", "merged_in_circle",
                        "merged_into leads back to the record itself: none of them would stay")  # fmt: skip

    def in_circle(self, table: Table) -> str:
        """SQL: the row's merges lead back to it."""
        return in_circle(table)

    def flag_rows(self, table: Table) -> None:
        """Flag the rows that break a rule that only flags, or point to a parent that is not there."""
        self.flag_other_words(table)
        for rule in table.rules:
            if not rule.rejects:
                self.record("flagged", table, f"({rule.holds}) is false", "", rule.name, f"broken: {rule.meaning}")
        self.flag_spaces(table)
        for column in table.columns:
            if column.name not in self.provided.get(table.name, ()) and not self.is_in_file(table, column):
                continue
            if column.type in NO_DAYS:
                reason = f"{column.name} is a day that programs write where there is no date"
                no_day = NO_DAYS[column.type].format(column.name)
                self.record("flagged", table, no_day, column.name, f"{column.name}_is_no_day", reason)
            if column.parent and not column.filled and self.has_rows(column.parent):
                self.record("flagged", table, orphan(column), column.name, *unknown_parent(column))
        if self.has_merges(table):
            (key,) = table.key
            onward = f"t.merged_into in (select m.{key} from good_{table.name} m where m.merged_into is not null)"
            reason = "merged_into is a record that was merged itself: what belongs to this one is counted with neither"
            self.record("flagged", table, onward, "merged_into", "merged_onward", reason)
        if table.name == "deals":
            self.flag_other_status(table)
            self.flag_undated(table)

    def flag_undated(self, table: Table) -> None:
        """Flag the deals without the day they were opened, where the source tells it of others."""
        provided = "created_at" in self.provided.get(table.name, ())
        if provided or self.is_in_file(table, table.column("created_at")):
            reason = "created_at is empty: the deal is in no cohort and no duration"
            self.record("flagged", table, "t.created_at is null", "created_at", "created_at_empty", reason)

    def reject_unread(self, table: Table) -> None:
        """Reject the rows that could not be cast."""
        self.con.execute(
            f"insert into rejected select '{table.name}', in_file, at_row, problem "
            f"from all_{table.name} where problem > 0"
        )

    def flag_other_words(self, table: Table) -> None:
        """Flag the rows with a word that the map counts as another."""
        self.con.execute(
            f"insert into flagged select '{table.name}', in_file, at_row, other_word from good_{table.name} "
            "where other_word > 0"
        )

    def has_merges(self, table: Table) -> bool:
        """Whether the rows of a table may say into which other they were merged."""
        names = {column.name for column in table.columns if self.is_in_file(table, column)}
        return "merged_into" in names | self.provided.get(table.name, set())

    def flag_spaces(self, table: Table) -> None:
        """Flag ids with a space before or after them, at one look; none where no text has such fields."""
        if self.is_trim(table):
            return
        if found := self.spaced(table):
            numbers = ", ".join(f"case when {spaced} then {number} end" for number, spaced in found.items())
            self.con.execute(
                f"insert into flagged select * from (select '{table.name}', in_file, at_row, unnest([{numbers}]) as n "
                f"from good_{table.name} where {' or '.join(found.values())}) spaced where n is not null"
            )

    def spaced(self, table: Table) -> dict[int, str]:
        """SQL that is true for an id with a space before or after it, by the problem's number."""
        found = {}
        for column in table.columns:
            if column.type == "id":
                reason = f"{column.name} has a space before or after it"
                number = self.problems.number(column.name, f"{column.name}_has_space", reason)
                edges = [f"{way}_with({column.name}, '{space}')" for space in SPACES for way in ("starts", "ends")]
                found[number] = f"({' or '.join(edges)})"
        return found

    def is_trim(self, table: Table) -> bool:
        """Whether no text of which a table is made has a space around it: where steps fill it, no text of any file."""
        feeds = self.feeds.get(table.name, [])
        if table.name in self.provided:
            feeds = [feed for some in self.feeds.values() for feed in some]
        given = [value for feed in feeds for value in feed.constants.values()]
        are_trim = all(feed.text.traits.is_trim for feed in feeds) and all(one == one.strip(SPACES) for one in given)
        return bool(feeds) and are_trim

    def is_in_file(self, table: Table, column: Column) -> bool:
        """Whether a file of the table has the column."""
        return any(column.name in feed.positions for feed in self.feeds.get(table.name, []))

    def record(self, where: str, table: Table, condition: str, column: str, rule: str, reason: str) -> None:
        """Write down the good rows for which a condition is true."""
        number = self.problems.number(column, rule, reason)
        self.con.execute(
            f"insert into {where} select '{table.name}', in_file, at_row, {number} "
            f"from good_{table.name} t where {condition}"
        )

    def reject_rounded_ids(self, table: Table) -> None:
        """Reject the ids of a file that a spreadsheet has rounded: it keeps 15 digits of a number and writes zeros for
        the others. Those of a column decide together: where each has zeros there, by chance in one of 1000 files."""
        small = [f.source for f in self.feeds.get(table.name, []) if not f.is_placed and f.text.n_good < ROWS_OF_SHEET]
        ids = [c.name for c in table.columns if small and c.type == "id" and self.is_in_file(table, c)]
        for name in self.long_ones(table, ids):
            rounded = self.con.execute(f"""
                select in_file from (select distinct in_file, {name} as id from good_{table.name}
                    where length({name}) > 15 and {matches(name, "[0-9]+")}) ids
                where in_file in ({", ".join(map(str, small))}) group by in_file
                having bool_and({matches("id", "[0-9]{15}0+")}) and sum(length(id) - 15) >= 3""").fetchall()
            if rounded:
                files = ", ".join(str(number) for (number,) in rounded)
                of_them = f"t.in_file in ({files}) and length(t.{name}) > 15 and {matches(f't.{name}', '[0-9]+')}"
                reason = f"{name} is not an id any more: a spreadsheet has rounded it to 15 digits"
                self.record("rejected", table, of_them, name, f"{name}_spoiled", reason)

    def long_ones(self, table: Table, ids: list[str]) -> list[str]:
        """The columns of ids with one that is longer than a spreadsheet can keep, found at one look."""
        if not ids:
            return []
        longest = ", ".join(f"max(strlen({name}))" for name in ids)
        lengths = self.con.execute(f"select {longest} from all_{table.name}").fetchone()
        return [name for name, length in zip(ids, lengths, strict=True) if (length or 0) > 15]

    def has_rows(self, table: str) -> bool:
        """Whether a table has a good row."""
        if table not in self.tables and table != "stages":
            return False
        return self.con.execute(f"select 1 from good_{table} limit 1").fetchone() is not None

    def reject_unknown_stages(self, table: Table) -> None:
        """Reject what stands in a stage that its pipeline does not have."""
        pipeline = "t.pipeline"
        if table.name == "stage_history":
            pipeline = "(select d.pipeline from good_deals d where d.deal_id = t.deal_id)"
        stages = "(select (s.pipeline, s.stage) from good_stages s)"
        condition = f"({pipeline}, t.stage) not in {stages}"
        reason = "stage is not one of its pipeline's stages"
        self.record("rejected", table, condition, "stage", "stage_unknown", reason)

    def reject_unreadable_changes(self, table: Table) -> None:
        """Reject changes of which a value has not the form of what changed: it is text, and read as that later."""
        for column in ("new_value", "old_value"):
            tests = [f"t.field = '{field}' and not {fits.format(f't.{column}')}" for field, fits in CHANGED.items()]
            reason = f"{column} is not of the form of what changed: 1234.50, 2026-12-31 or a forecast category"
            self.record("rejected", table, " or ".join(tests), column, f"{column}_unreadable", reason)

    def reject_repeated_keys(self, table: Table) -> None:
        """Reject all but one of equal rows. Of rows that have one key but differ the newest version is taken, where the
        map says how it is told, and the others are superseded; else every one of them is rejected."""
        key = ", ".join(table.key)
        again = self.problems.number(key, "duplicate", f"another row is the same in all columns (key {key})")
        copy = self.problems.number(key, "repeated", f"{LEFT_OUT['repeated']} (key {key})")
        older = self.problems.number(key, "superseded", f"{LEFT_OUT['superseded']} (key {key})")
        clash = self.problems.number(key, "key_conflict", f"rows of one key ({key}) differ: none of them is taken")
        shared = [feed.source for feed in self.feeds.get(table.name, []) if feed.is_shared]
        self.con.execute(f"""
            insert into rejected {self.ranked(table)}
            select '{table.name}', in_file, at_row,
                case when best <> last_best then {clash}
                    when content <> best then {older}
                    when version_at is distinct from taken_version and in_file = taken_file then {older}
                    when in_file <> taken_file or in_file in ({", ".join(map(str, shared)) or "-1"}) then {copy}
                    else {again} end
            from found where best <> last_best or place <> taken""")

    def ranked(self, table: Table) -> str:
        """SQL of the rows that share a key: `best` and `last_best`, what the newest versions say, and `taken`."""
        key, (version, order) = ", ".join(table.key), self.version_of(table)
        return f"""
            with twice as (select hash({key}) as h from good_{table.name} group by 1 having count(*) > 1),
            alike as (
                select in_file, at_row, {key}, hash({", ".join(table.stored)}) as content, {version} as version_at
                from good_{table.name} where hash({key}) in (select h from twice)),
            standing as (
                select *, count(distinct content) over same as contents,
                    row_number() over (same order by in_file, at_row) as place,
                    rank() over (same order by {order}) as standing
                from alike window same as (partition by {key})),
            ranked as (
                select *, min(content) filter (standing = 1) over same as best,
                    max(content) filter (standing = 1) over same as last_best,
                    min(place) filter (standing = 1 or contents = 1) over same as taken
                from standing window same as (partition by {key})),
            found as (
                select *, min(in_file) filter (place = taken) over (partition by {key}) as taken_file,
                    min(version_at) filter (place = taken) over (partition by {key}) as taken_version from ranked)"""

    def version_of(self, table: Table) -> tuple[str, str]:
        """SQL of a row's version, and the order that puts the newest first; rows of one standing are no newer."""
        is_told = "version_at" in self.told.get(table.name, ())
        orders = ["version_at desc nulls last"] if is_told else []
        orders += ["in_file desc"] if self.later_file_wins else []
        return ("version_at" if is_told else "null"), ", ".join(orders) or "1"

    def derive_stages(self) -> None:
        """Make the stages from the deals and their history where no source has them, without an order; with a won and
        a lost stage for each pipeline whose deals are won or lost in none."""
        if "stages" in self.tables and self.has_rows("stages"):
            self.refuse_lacking_ends()
            return
        self.refuse_unknown_outcomes()
        self.con.execute(f"create or replace table told_stages as {DERIVED_STAGES}")
        self.con.execute(f"""create or replace table derived_stages as
            select * from told_stages union all select * from ({END_STAGES}) ends""")
        self.add_stages("derived_stages")

    def refuse_lacking_ends(self) -> None:
        """Refuse stages of which none is the won one of deals that are won: they would count as open; lost ones too."""
        self.con.execute("""create or replace table told_stages as
            select pipeline, stage, position, is_won, is_lost from all_stages where problem = 0""")
        lacking = self.con.execute(f"select pipeline, is_won from ({END_STAGES}) ends order by 1, 2").fetchall()
        for pipeline, is_won in lacking:
            end = "won" if is_won else "lost"
            todo = f"Say is_{end} = true for the stage that ends them, or add one, in the file or rows of stages."
            found = f"Deals of the pipeline {pipeline!r} are {end}."
            raise BadData(f"The stages have none for {end} deals.", found, todo)

    def add_stages(self, made: str) -> None:
        """Put the stages of a table beside those that are there."""
        self.con.execute("alter view all_stages rename to stages_before")
        columns = [name for name in TABLES["stages"].stored if name not in STAGE_COLUMNS]
        others = ", ".join(f'null::{TABLES["stages"].stored[name]} as "{name}"' for name in columns)
        self.con.execute(
            f"create view all_stages as from stages_before union all by name "
            f"select *, {others}, 0 as problem, -1 as in_file, row_number() over (order by pipeline, stage) as at_row "
            f"from {made}"
        )

    def refuse_unknown_outcomes(self) -> None:
        """Refuse deals of which neither a status nor a stage tells whether they are won."""
        lacking = [f for f in self.feeds.get("deals", []) if "status" not in {*f.positions, *f.constants}]
        if lacking and "status" not in self.provided.get("deals", ()):
            name = lacking[0].text.name
            todo = "Map status under [columns.deals], or write the stages as [[rows.stages]] with is_won and is_lost."
            raise BadData(
                f"{name} does not tell which deals are won.", "It has no status, and there are no stages.", todo
            )

    def derive_status(self) -> None:
        """Fill in the status that a deal's source does not tell from the stage the deal stands in."""
        self.con.execute("""
            create or replace table stage_outcomes as
            select pipeline, stage, bool_or(is_won) as won, bool_or(is_lost) as lost from good_stages group by all""")
        without = "select 1 from all_deals where problem = 0 and status is null limit 1"
        self.fills_status = self.con.execute(without).fetchone() is not None
        if not self.fills_status:
            return
        self.con.execute("alter view all_deals rename to told_deals")
        self.con.execute(f"""
            create view all_deals as
            select d.* replace (coalesce(d.status, {OUTCOME}) as status)
            from told_deals d left join stage_outcomes o on o.pipeline = d.pipeline and o.stage = d.stage""")

    def flag_other_status(self, table: Table) -> None:
        """Flag deals whose status is not what their stage says."""
        other = """exists (select 1 from stage_outcomes o where o.pipeline = t.pipeline and o.stage = t.stage
            and (o.won and t.status <> 'won' or o.lost and t.status <> 'lost'))"""
        reason = "status is not the outcome of the stage"
        self.record("flagged", table, other, "status", "status_not_of_stage", reason)


def in_circle(table: Table) -> str:
    """SQL: the record was merged into one that leads back to it."""
    (key,) = table.key
    return f"""t.{key} in (
        with recursive way as (
            select {key} as origin, merged_into as reached from good_{table.name} where merged_into is not null
            union select w.origin, n.merged_into from way w join good_{table.name} n on n.{key} = w.reached
            where n.merged_into is not null)
        select origin from way where origin = reached)"""


def orphan(column: Column) -> str:
    """SQL: the value points to no row of the parent table."""
    key = TABLES[column.parent].key[0]
    there = f"(select 1 from good_{column.parent} p where p.{key} = t.{column.name})"
    return f"t.{column.name} is not null and not exists {there}"


def unknown_parent(column: Column) -> tuple[str, str]:
    """Rule and reason of a value that points to no row."""
    return f"{column.name}_unknown", f"{column.name} is not in {column.parent}"
