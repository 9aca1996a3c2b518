"""Seven reference metrics, each asked from the facts and worked out from the canonical tables with pandas and Polars.

Every function gives sorted rows of plain values, so that the three can be held against one another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from salesbook import kpi
from salesbook.book import Book

ZONE, AS_OF = "Europe/Amsterdam", datetime(2026, 10, 31, 23)
HUMAN, SAME_ATTEMPT, MOST_ATTEMPTS = ["call", "email", "meeting"], 300, 8


@dataclass(frozen=True)
class Metric:
    """A metric in three ways, and the columns that a bare scan of it has to read."""

    name: str
    columns: dict[str, tuple[str, ...]]
    facts: Callable[[Book], list[tuple]]
    pandas: Callable[[Path], list[tuple]]
    polars: Callable[[Path], list[tuple]]


def rows_of(frame: pd.DataFrame) -> list[tuple]:
    """The rows of a frame as plain values, sorted; numbers as floats, days as text."""
    return sorted(tuple(plain(value) for value in row) for row in frame.itertuples(index=False))


def plain(value):
    """A value that compares: text, or a float to nine digits."""
    if isinstance(value, (pd.Timestamp, datetime)) or hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    return value if isinstance(value, str) else float(f"{float(value):.9g}")


def read(tables: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Columns of a table for pandas."""
    return pd.read_parquet(tables / f"{name}.parquet", columns=list(columns))


def scan(tables: Path, name: str) -> pl.LazyFrame:
    """A table for Polars."""
    return pl.scan_parquet(tables / f"{name}.parquet")


def local_day(times: pd.Series) -> pd.Series:
    """The local day of instants in UTC, for pandas."""
    return times.dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()


def day(column: str) -> pl.Expr:
    """The local day of an instant in UTC, for Polars."""
    return pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE).dt.date()


LEADS = ("lead_id", "source", "is_inbound", "created_at", "merged_into", "deleted_at", "is_test")
ACTIVITIES = ("activity_id", "type", "direction", "occurred_at", "lead_id", "is_automatic")


def touches(tables: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The leads that count, and the outbound contacts of people about them; for pandas."""
    leads = read(tables, "leads", (*LEADS, "qualified_at", "converted_at"))
    acts = read(tables, "activities", ACTIVITIES)
    acts = acts[acts["type"].isin(HUMAN) & (acts["direction"] == "outbound") & ~acts["is_automatic"].fillna(False)]
    acts = acts[acts["occurred_at"].notna()].merge(leads[["lead_id", "merged_into"]], on="lead_id")
    acts["lead_id"] = acts["merged_into"].fillna(acts["lead_id"])
    counts = leads["merged_into"].isna() & leads["deleted_at"].isna() & ~leads["is_test"].fillna(False)
    return leads[counts], acts.drop(columns="merged_into")


def lazy_touches(tables: Path) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The same for Polars."""
    leads, acts = scan(tables, "leads"), scan(tables, "activities")
    acts = acts.filter(
        pl.col("type").is_in(HUMAN)
        & (pl.col("direction") == "outbound")
        & ~pl.col("is_automatic").fill_null(False)
        & pl.col("occurred_at").is_not_null()
    ).select(ACTIVITIES)
    acts = acts.join(leads.select("lead_id", "merged_into"), on="lead_id")
    acts = acts.with_columns(lead_id=pl.coalesce("merged_into", "lead_id")).drop("merged_into")
    counts = pl.col("merged_into").is_null() & pl.col("deleted_at").is_null() & ~pl.col("is_test").fill_null(False)
    return leads.filter(counts), acts


def response_facts(book: Book) -> list[tuple]:
    """Seconds from an inbound lead to the first attempt: how many, median and p90, by source."""
    asked = kpi.median("lead_responses", "waited_seconds", among=("is_answered", "is_clocked"))
    return rows_of(kpi.answer(book, asked, kpi.Question(by=("source",)))[["source", "n", "value", "p90"]])


def response_pandas(tables: Path) -> list[tuple]:
    leads, acts = touches(tables)
    first = acts.groupby("lead_id")["occurred_at"].min().rename("first")
    leads = leads[leads["is_inbound"].fillna(False)].join(first, on="lead_id", how="inner")
    leads = leads.assign(wait=(leads["first"] - leads["created_at"]).dt.total_seconds())
    wait = leads[leads["wait"] >= 0].groupby("source")["wait"]
    found = pd.DataFrame({"n": wait.count(), "median": wait.median(), "p90": wait.quantile(0.9)})
    return rows_of(found.reset_index())


def response_polars(tables: Path) -> list[tuple]:
    leads, acts = lazy_touches(tables)
    first = acts.group_by("lead_id").agg(first=pl.col("occurred_at").min())
    wait = (pl.col("first") - pl.col("created_at")).dt.total_seconds()
    found = (
        leads.filter(pl.col("is_inbound").fill_null(False))
        .join(first, on="lead_id")
        .with_columns(wait=wait)
        .filter(pl.col("wait") >= 0)
        .group_by("source")
        .agg(n=pl.len(), median=pl.col("wait").median(), p90=pl.col("wait").quantile(0.9, "linear"))
    )
    return rows_of(found.collect().to_pandas())


def attempts_facts(book: Book) -> list[tuple]:
    """Attempts by number: how many, and the seconds since the one before, added up."""
    return rows_of(
        book.rows(f"""select attempt, count(*), coalesce(sum(gap_seconds), 0) from attempts
        where attempt <= {MOST_ATTEMPTS} group by attempt""")
    )


def attempts_pandas(tables: Path) -> list[tuple]:
    leads, acts = touches(tables)
    acts = acts[acts["lead_id"].isin(leads["lead_id"])].sort_values(["lead_id", "occurred_at", "activity_id"])
    before = acts.groupby("lead_id")[["type", "occurred_at"]].shift()
    gap = (acts["occurred_at"] - before["occurred_at"]).dt.total_seconds()
    acts = acts[~((before["type"] == acts["type"]) & (gap <= SAME_ATTEMPT))]
    by_lead = acts.groupby("lead_id")["occurred_at"]
    acts = acts.assign(attempt=by_lead.cumcount() + 1, gap=by_lead.diff().dt.total_seconds())
    found = acts[acts["attempt"] <= MOST_ATTEMPTS].groupby("attempt")["gap"].agg(["size", "sum"])
    return rows_of(found.reset_index())


def attempts_polars(tables: Path) -> list[tuple]:
    leads, acts = lazy_touches(tables)
    at, lead = pl.col("occurred_at"), "lead_id"
    is_same = (pl.col("type") == pl.col("type").shift().over(lead)) & (
        (at - at.shift().over(lead)).dt.total_seconds() <= SAME_ATTEMPT
    )
    found = (
        acts.join(leads.select(lead), on=lead, how="semi")
        .sort(lead, "occurred_at", "activity_id")
        .filter(~is_same.fill_null(False))
        .with_columns(attempt=pl.int_range(pl.len()).over(lead) + 1, gap=(at - at.shift().over(lead)))
        .filter(pl.col("attempt") <= MOST_ATTEMPTS)
        .group_by("attempt")
        .agg(n=pl.len(), gap=pl.col("gap").dt.total_seconds().sum())
    )
    return rows_of(found.collect().to_pandas())


def funnel_facts(book: Book) -> list[tuple]:
    """Leads by month and source: how many were tried, then qualified, then converted, within 30 days."""
    return rows_of(
        book.rows("""
        with marked as (
          select cast(date_trunc('month', created_on) as date) as month, source,
            first_attempt_on >= created_on and first_attempt_on <= created_on + 30 as is_tried,
            qualified_on >= first_attempt_on and qualified_on <= created_on + 30 as is_qualified,
            converted_on >= qualified_on and converted_on <= created_on + 30 as is_converted
          from lead_facts)
        select month, source, count(*), count(*) filter (is_tried), count(*) filter (is_tried and is_qualified),
          count(*) filter (is_tried and is_qualified and is_converted) from marked group by month, source""")
    )


def funnel_pandas(tables: Path) -> list[tuple]:
    leads, acts = touches(tables)
    leads = leads.join(acts.groupby("lead_id")["occurred_at"].min().rename("first"), on="lead_id")
    leads["qualified_at"] = leads["qualified_at"].fillna(leads["converted_at"])
    created, first, qualified, converted = (
        local_day(leads[name]) for name in ("created_at", "first", "qualified_at", "converted_at")
    )
    until = created + pd.Timedelta(days=30)
    tried = (first >= created) & (first <= until)
    sql = tried & (qualified >= first) & (qualified <= until)
    won = sql & (converted >= qualified) & (converted <= until)
    marked = pd.DataFrame({"source": leads["source"], "n": 1, "tried": tried, "sql": sql, "won": won})
    found = marked.groupby([created.dt.to_period("M").dt.start_time, "source"]).sum()
    return rows_of(found.reset_index())


def funnel_polars(tables: Path) -> list[tuple]:
    leads, acts = lazy_touches(tables)
    leads = leads.join(acts.group_by("lead_id").agg(first=pl.col("occurred_at").min()), on="lead_id", how="left")
    leads = leads.with_columns(qualified_at=pl.coalesce("qualified_at", "converted_at"))
    created, first, qualified, converted = map(day, ("created_at", "first", "qualified_at", "converted_at"))
    until = created + pl.duration(days=30)
    tried = ((first >= created) & (first <= until)).fill_null(False)
    sql = tried & ((qualified >= first) & (qualified <= until)).fill_null(False)
    won = sql & ((converted >= qualified) & (converted <= until)).fill_null(False)
    found = (
        leads.select("source", month=created.dt.month_start(), tried=tried, sql=sql, won=won)
        .group_by("month", "source")
        .agg(pl.len(), pl.col("tried").sum(), pl.col("sql").sum(), pl.col("won").sum())
    )
    return rows_of(found.collect().to_pandas())


def stages_facts(book: Book) -> list[tuple]:
    """Visits of stages: how many, how many are not over, and the seconds they took so far, added up."""
    until = f"coalesce(exited_at, timestamp '{AS_OF}')"
    return rows_of(
        book.rows(f"""select stage, count(*), count(*) filter (exited_at is null),
        sum(date_diff('second', entered_at, {until})) from stage_visits
        where is_working and not is_assumed group by stage""")
    )


def stages_pandas(tables: Path) -> list[tuple]:
    stages = read(tables, "stages", ("stage", "is_won", "is_lost"))
    visits = read(tables, "stage_history", ("stage", "entered_at", "exited_at"))
    visits = visits[~visits["stage"].isin(stages["stage"][stages["is_won"] | stages["is_lost"]])]
    seconds = (visits["exited_at"].fillna(AS_OF) - visits["entered_at"]).dt.total_seconds()
    visits = visits.assign(n=1, is_open=visits["exited_at"].isna(), seconds=seconds)
    return rows_of(visits.groupby("stage")[["n", "is_open", "seconds"]].sum().reset_index())


def stages_polars(tables: Path) -> list[tuple]:
    ends = scan(tables, "stages").filter(pl.col("is_won") | pl.col("is_lost")).select("stage")
    seconds = (pl.col("exited_at").fill_null(AS_OF) - pl.col("entered_at")).dt.total_seconds()
    found = (
        scan(tables, "stage_history")
        .join(ends, on="stage", how="anti")
        .group_by("stage")
        .agg(pl.len(), is_open=pl.col("exited_at").is_null().sum(), seconds=seconds.sum())
    )
    return rows_of(found.collect().to_pandas())


def forecast_facts(book: Book) -> list[tuple]:
    """Squared distance of the CRM's chance and what became of the deal, by months from the day to the closing."""
    return rows_of(
        book.rows("""
        select date_diff('day', snapshot_on, closed_on) // 30 as months, count(*),
          avg((cast(probability as double) - cast(is_won as integer)) ** 2) from snapshot_facts
        where method = 'crm' and is_judged and is_resolved and has_probability group by months""")
    )


def forecast_pandas(tables: Path) -> list[tuple]:
    stages = read(tables, "stages", ("stage", "position", "is_won", "is_lost"))
    history = read(tables, "stage_history", ("deal_id", "stage", "entered_at")).merge(stages, on="stage")
    history["is_end"] = history["is_won"] | history["is_lost"]
    history = history.sort_values(["entered_at", "is_end", "position"])
    last = history.drop_duplicates("deal_id", keep="last")
    deals = read(tables, "deals", ("deal_id", "merged_into", "deleted_at", "is_test"))
    deals = deals[deals["merged_into"].isna() & deals["deleted_at"].isna() & ~deals["is_test"].fillna(False)]
    last = last[last["is_end"]].merge(deals["deal_id"])
    saved = read(tables, "forecast_snapshots", ("deal_id", "method", "snapshot_at", "probability"))
    saved = saved[(saved["method"] == "crm") & saved["probability"].notna()].merge(last, on="deal_id")
    saved = saved[saved["entered_at"] > saved["snapshot_at"]]
    months = (local_day(saved["entered_at"]) - local_day(saved["snapshot_at"])).dt.days // 30
    error = (saved["probability"].astype(float) - saved["is_won"]) ** 2
    return rows_of(error.groupby(months.rename("months")).agg(["size", "mean"]).reset_index())


def forecast_polars(tables: Path) -> list[tuple]:
    stages = scan(tables, "stages").select("stage", "position", "is_won", "is_lost")
    history = scan(tables, "stage_history").select("deal_id", "stage", "entered_at").join(stages, on="stage")
    history = history.with_columns(is_end=pl.col("is_won") | pl.col("is_lost"))
    last = history.group_by("deal_id").agg(
        pl.col("entered_at", "is_end", "is_won").sort_by("entered_at", "is_end", "position").last()
    )
    counts = pl.col("merged_into").is_null() & pl.col("deleted_at").is_null() & ~pl.col("is_test").fill_null(False)
    deals = scan(tables, "deals").filter(counts).select("deal_id")
    saved = scan(tables, "forecast_snapshots").filter((pl.col("method") == "crm") & pl.col("probability").is_not_null())
    months = (day("entered_at") - day("snapshot_at")).dt.total_days() // 30
    found = (
        saved.join(last.filter(pl.col("is_end")).join(deals, on="deal_id", how="semi"), on="deal_id")
        .filter(pl.col("entered_at") > pl.col("snapshot_at"))
        .select(months=months, error=(pl.col("probability").cast(float) - pl.col("is_won").cast(float)) ** 2)
        .group_by("months")
        .agg(pl.len(), pl.col("error").mean())
    )
    return rows_of(found.collect().to_pandas())


def movement_facts(book: Book) -> list[tuple]:
    """Recurring revenue in euros, month by month: new, grown, shrunk, lost, won back, and what it came to."""
    parts = ("new", "expansion", "contraction", "churn", "reactivation")
    sums = ", ".join(f"sum({part}_minor)" for part in parts)
    return rows_of(
        book.rows(f"select month, {sums}, sum(mrr_minor) from customer_months where currency = 'EUR' group by month")
    )


def month_ends() -> pd.DatetimeIndex:
    """The last days of the months that the sample company tells."""
    return pd.date_range(end="2026-10-31", periods=48, freq="ME")


def held(tables: Path, currency: str = "") -> pd.DataFrame:
    """What every account pays (rows) on the last day of every month (columns), for pandas."""
    spans = read(tables, "subscriptions", ("account_id", "mrr_minor", "currency", "started_on", "ended_on"))
    spans = spans[(spans["mrr_minor"] > 0) & (spans["currency"].eq(currency) | (currency == ""))]
    start, end = pd.to_datetime(spans["started_on"]), pd.to_datetime(spans["ended_on"])
    runs = {at: (start <= at) & (end.isna() | (end > at)) for at in month_ends()}
    paid = {at: spans[now].groupby("account_id")["mrr_minor"].sum() for at, now in runs.items()}
    return pd.concat(paid, axis=1).fillna(0)


def movement_pandas(tables: Path) -> list[tuple]:
    paid = held(tables, "EUR")
    values = paid.to_numpy()
    before = np.hstack([np.zeros((len(values), 1)), values[:, :-1]])
    was_ever = np.maximum.accumulate(before, axis=1) > 0
    change, has, had = values - before, values > 0, before > 0
    parts = [
        np.where(has & ~had & ~was_ever, change, 0),
        np.where(has & had, change.clip(min=0), 0),
        np.where(has & had, -change.clip(max=0), 0),
        np.where(had & ~has, -change, 0),
        np.where(has & ~had & was_ever, change, 0),
        values,
    ]
    found = pd.DataFrame([part.sum(axis=0) for part in parts]).T
    found.insert(0, "month", [at.replace(day=1) for at in paid.columns])
    return rows_of(found[(has | had).any(axis=0)])


def lazy_held(tables: Path, currency: str = "") -> pl.LazyFrame:
    """What every account that pays does at the ends of months: account, place of the month, amount; for Polars."""
    ends = pl.LazyFrame({"at": [at.date() for at in month_ends()]}).with_row_index("place")
    spans = scan(tables, "subscriptions").filter(
        (pl.col("mrr_minor") > 0) & ((pl.col("currency") == currency) | (currency == ""))
    )
    runs = (pl.col("started_on") <= pl.col("at")) & (pl.col("ended_on").is_null() | (pl.col("ended_on") > pl.col("at")))
    return spans.join(ends, how="cross").filter(runs).group_by("account_id", "place").agg(pl.col("mrr_minor").sum())


def movement_polars(tables: Path) -> list[tuple]:
    paid = lazy_held(tables, "EUR").with_columns(place=pl.col("place").cast(pl.Int64))
    after = paid.select("account_id", pl.col("place") + 1, before="mrr_minor")
    firsts = paid.group_by("account_id").agg(first=pl.col("place").min())
    both = paid.join(after, on=["account_id", "place"], how="full", coalesce=True).join(firsts, on="account_id")
    now, before = pl.col("mrr_minor").fill_null(0), pl.col("before").fill_null(0)
    change, has, had = now - before, now > 0, before > 0
    is_first = pl.col("place") == pl.col("first")
    parts = {
        "new": pl.when(has & ~had & is_first).then(change),
        "expansion": pl.when(has & had).then(change.clip(lower_bound=0)),
        "contraction": pl.when(has & had).then(-change.clip(upper_bound=0)),
        "churn": pl.when(had & ~has).then(-change),
        "reactivation": pl.when(has & ~had & ~is_first).then(change),
        "held": now,
    }
    months = pl.LazyFrame({"month": [at.date().replace(day=1) for at in month_ends()]}).with_row_index("place")
    found = (
        both.group_by("place")
        .agg(**{name: part.sum() for name, part in parts.items()})
        .join(months.with_columns(pl.col("place").cast(pl.Int64)), on="place")
        .select("month", *parts)
    )
    return rows_of(found.collect().to_pandas())


def retention_facts(book: Book) -> list[tuple]:
    """Customers that still pay, by the month of their first subscription and the months since."""
    return rows_of(
        book.rows("""select first_month, age_months, count(*) from customer_months where is_customer
        group by first_month, age_months""")
    )


def retention_pandas(tables: Path) -> list[tuple]:
    paid = held(tables)
    has = paid.to_numpy() > 0
    first = has.argmax(axis=1)
    account, place = np.nonzero(has)
    found = pd.DataFrame({"first": first[account], "age": place - first[account]}).value_counts().reset_index()
    found["first"] = [paid.columns[at].replace(day=1) for at in found["first"]]
    return rows_of(found)


def retention_polars(tables: Path) -> list[tuple]:
    paid = lazy_held(tables)
    months = pl.LazyFrame({"month": [at.date().replace(day=1) for at in month_ends()]}).with_row_index("first")
    found = (
        paid.with_columns(first=pl.col("place").min().over("account_id"))
        .group_by("first", age=pl.col("place") - pl.col("first"))
        .agg(pl.len())
        .join(months, on="first")
        .select("month", "age", "len")
    )
    return rows_of(found.collect().to_pandas())


SPANS = ("account_id", "mrr_minor", "currency", "started_on", "ended_on")
METRICS = {
    metric.name: metric
    for metric in (
        Metric("response time, median and p90 by source", {"leads": LEADS, "activities": ACTIVITIES[1:]},
               response_facts, response_pandas, response_polars),
        Metric("attempts to connect, gaps", {"leads": LEADS[:1] + LEADS[4:], "activities": ACTIVITIES},
               attempts_facts, attempts_pandas, attempts_polars),
        Metric("ordered funnel in 30 days by month, source",
               {"leads": (*LEADS, "qualified_at", "converted_at"), "activities": ACTIVITIES[1:]},
               funnel_facts, funnel_pandas, funnel_polars),
        Metric("time in stage, open visits", {"stage_history": ("stage", "entered_at", "exited_at")},
               stages_facts, stages_pandas, stages_polars),
        Metric("forecast error by horizon",
               {"stage_history": ("deal_id", "stage", "entered_at"), "deals": ("deal_id", "merged_into", "deleted_at"),
                "forecast_snapshots": ("deal_id", "method", "snapshot_at", "probability")},
               forecast_facts, forecast_pandas, forecast_polars),
        Metric("MRR movement", {"subscriptions": SPANS}, movement_facts, movement_pandas, movement_polars),
        Metric("cohort retention", {"subscriptions": SPANS[:1] + SPANS[3:]},
               retention_facts, retention_pandas, retention_polars),
    )
}  # fmt: skip
