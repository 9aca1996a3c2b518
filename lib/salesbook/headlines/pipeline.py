"""What the pipeline page says."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from salesbook import sellers, survival
from salesbook.book import Book
from salesbook.compare import BEFORE, NOW, against_the_rest
from salesbook.findings import HELD, LEAST, Candidate, Finding, chosen
from salesbook.headlines import asked, direction, figure, finding
from salesbook.kpi import Ask, counts, reason_of
from salesbook.kpis import pipeline as kpis
from salesbook.query import Question
from salesbook.sellers import SHOWN
from salesbook.stats import Z
from salesbook.strata import counts_compared

YEARS = 24
DAY = 86_400
STAGE = ["position", "stage"]
# What the lists of deals are of.
PUSHED = counts("expected_deals", among="is_pushed", on="month")
EXPECTED = counts("expected_deals", on="month")
MOVED = counts("pipeline_moves", among="has_come_or_gone", on="month")
ALWAYS = ("start", "new", "won", "lost", "end")  # steps that are drawn even where nothing happened
FATES = ("won", "lost", "pushed", "overdue", "gone")
UNITS = {"n": "count", "amount": "money", "median_age": "days", "p90_days": "days", "before_n": "count",
         "before": "days", "this_quarter": "money", "next_quarter": "money", "expected_amount": "money",
         "target": "money", "won_amount": "money", "coverage": "ratio", "coverage_needed": "ratio",
         "past_share": "share", "past_low": "share", "past_high": "share", "days_in_phase": "days", "standing": "count",
         "win_rate": "share", "mean_won": "money", "days_to_win": "days", "a_day": "money"}  # fmt: skip


def this_month(book: Book) -> list[Finding]:
    """The month in short: coverage, then what is stuck and where, and whether stages or pushing have changed."""
    found = [stuck(book), pushing(book), slower(book)]
    return [*covered(book), *chosen([candidate for candidate in found if candidate], most=2)]


def units(rows: pd.DataFrame) -> dict[str, str]:
    """The units of a table's columns."""
    return {name: unit for name, unit in UNITS.items() if name in rows}


# What moved


@asked
def waterfall_rows(book: Book, steps: pd.DataFrame) -> pd.DataFrame:
    """The steps of the waterfall, named; those that no deal took are left out."""
    shown = steps[(steps["n"] > 0) | steps["step"].isin(ALWAYS)]
    names = [book.words.say(f"waterfall.{step}") for step in shown["step"]]
    return pd.DataFrame({"step": names, "n": shown["n"], "value": shown["value"],
                         "is_total": shown["step"].isin(["start", "end"])})  # fmt: skip


@asked
def waterfall_words(book: Book, steps: pd.DataFrame) -> dict[str, str]:
    """The words of the waterfall: from what to what, and whether amounts have a history."""
    at, n = steps.set_index("step")["value"], steps.set_index("step")["n"]
    values = {"start": at["start"], "end": at["end"], "change": abs(at["end"] - at["start"]), "n": int(n["end"])}
    values |= {"month": book.run["month"], "new": at["new"], "won": -at["won"], "lost": -at["lost"]}
    key = direction(at["end"] - at["start"]) if at["end"] != at["start"] else "level"
    return figure(book, "figures.waterfall", key, **values)


def waterfall_note(book: Book) -> str:
    """What cannot be seen: without a history of deals their amounts and sellers are those of the extract."""
    has_history = {"deal_changes", "forecast_snapshots"} & set(book.run["tables"])
    return "" if has_history else book.words.say("figures.waterfall.no_history")


@asked
def expected_rows(book: Book, steps: pd.DataFrame) -> pd.DataFrame:
    """The waterfalls of the deals expected in this quarter and the next, side by side."""
    wide = steps.pivot(index=["position", "step"], columns="quarter", values="value").reset_index()
    wide.columns = ["position", "step", "this_quarter", "next_quarter"]
    told = (wide[["this_quarter", "next_quarter"]] != 0).any(axis=1) | wide["step"].isin(ALWAYS)
    names = [book.words.say(f"waterfall.{step}") for step in wide["step"]]
    return wide.assign(step=names)[told].drop(columns="position")


def expected_title(book: Book) -> str:
    """The title of the table of the two quarters."""
    this, following = kpis.quarters_of(book)
    names = {"this": book.words.quarter(this.start), "next": book.words.quarter(following.start)}
    return book.words.say("figures.waterfall.table", **names)


# What is covered


def covered(book: Book) -> list[Finding]:
    """How far the open pipeline covers what is left of the quarter's target: counted, not inferred."""
    row = kpis.pipeline_coverage(book).iloc[0]
    if "quarter" not in row:
        return []
    return [finding(book, f"say.coverage_{coverage_key(row)}", **coverage_values(book, row))]


def coverage_key(row: pd.Series) -> str:
    """Which of the sentences on coverage holds."""
    reasons = {"": "ratio", "target met": "met"}
    return reasons.get(row["reason"], "none")


def coverage_values(book: Book, row: pd.Series) -> dict:
    """The numbers that sentences on coverage use."""
    values = {"quarter": book.words.quarter(row["quarter"]), "n": int(row["n"]), "amount": row["numerator"]}
    return values | {"left": row["denominator"], "target": row["target"], "won": row["won"], "ratio": row["value"]}


def coverage_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Coverage of the whole, or of each team, by quarter; what is expected is told where there is no target too.

    Rule: teams have no column for the interval of what was won of it: there is no room. A remark is told where the
    lack of a target does not say it.
    """
    if "quarter" not in rows or not rows["n"].any():
        return rows
    if sellers.TEAM in rows:
        rows = sellers.told_teams(book, rows)
        if "quarter" not in rows:
            return rows
    names = [book.words.quarter(day) for day in rows["quarter"]]
    shown = {"quarter": names, "n": rows["n"], "expected_amount": rows["numerator"], "target": rows["target"]}
    shown |= {"won_amount": rows["won"], "coverage": rows["value"], "coverage_needed": rows["needed"]}
    past = ("past_share",) if sellers.TEAM in rows else ("past_share", "past_low", "past_high")
    shown |= {name: rows[name] for name in past}
    if rows.loc[rows["target"].notna(), "reason"].astype(bool).any():
        shown |= {"remark": [book.words.reason(reason) for reason in rows["reason"]]}
    groups = {name: rows[name] for name in rows if name.startswith("owner.")}
    return pd.DataFrame(groups | shown)


def coverage_title(book: Book, by_team: bool = False) -> str:
    """The title of a table of coverage."""
    return book.words.say(f"figures.coverage.{'teams' if by_team else 'table'}")


# What is pushed


def pushing(book: Book) -> Candidate | None:
    """Whether more or fewer of the deals expected in a month are pushed; a deal pushed again and again counts once."""
    month = kpis.pushed_deals(book)
    if "denominator" not in month or reason_of(month):
        return None
    values = {"n": int(month["numerator"].iloc[0]), "total": int(month["denominator"].iloc[0])}
    values |= {"share": month["value"].iloc[0], "month": book.run["month"], "months": NOW, "months_before": BEFORE}
    neutral = finding(book, "say.pushed", **values)
    now, before = pushed_spans(book)
    change, p = pushed_change(book)
    values |= {"now": now["value"], "before": before["value"], "change": change}
    values |= {"n_now": int(now["denominator"]), "n_before": int(before["denominator"])}
    claim = finding(book, f"say.pushed_{direction(values['change'])}", True, **values)
    return Candidate("pushed", p, claim, neutral, weight=1)


def pushed_spans(book: Book) -> list[pd.Series]:
    """The share of deals pushed now and before."""
    return [kpis.pushed_deals(book, last=last, ago=ago).iloc[0] for last, ago in ((NOW, 0), (BEFORE, NOW))]


def pushed_change(book: Book) -> tuple[float, float]:
    """By how much the share of deals pushed has changed, each product against itself, and the chance of as much.

    Rule: the differences of the products, weighted by n × n ÷ (n + n); their errors are those of clustered shares. A
    product with under 20 deals in either span says nothing.
    """
    now, before = (kpis.pushed_deals(book, by="product", last=n, ago=ago) for n, ago in ((NOW, 0), (BEFORE, NOW)))
    if "product" not in now or "product" not in before:
        return np.nan, np.nan
    rows = now.merge(before, on="product", suffixes=("", "_before"))
    rows = rows[(rows["clusters"] >= LEAST) & (rows["clusters_before"] >= LEAST)]
    weight = rows["denominator"] * rows["denominator_before"] / (rows["denominator"] + rows["denominator_before"])
    half = np.hypot(rows["high"] - rows["low"], rows["high_before"] - rows["low_before"]) / 2 / Z
    error = np.sqrt((weight**2 * half**2).sum())
    if not error > 0:
        return np.nan, np.nan
    moved = (weight * (rows["value"] - rows["value_before"])).sum()
    return float(moved / weight.sum()), float(2 * norm.sf(abs(moved) / error))


@asked
def pushed_words(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of pushed deals by month."""
    last, (change, p) = rows.iloc[-1], pushed_change(book)
    known = rows["value"].dropna()
    values = {"n": int(last["numerator"]), "total": int(last["denominator"]), "month": book.last_month.start}
    values |= {"months": len(rows), "low": known.min(), "high": known.max(), "all": int(rows["denominator"].sum())}
    key = "headline" if last["denominator"] else "none"
    if p <= HELD:
        key = direction(change)
    return figure(book, "figures.pushed", key, bool(p <= HELD), **values)


@asked
def fate_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """What became of the deals expected in the month."""
    counted = rows.set_index("expected_fate")["n"].reindex(FATES, fill_value=0)
    names = [book.words.say(f"fates.{fate}") for fate in FATES]
    return pd.DataFrame({"expected_fate": names, "n": counted.to_numpy()})


def fate_title(book: Book) -> str:
    """The title of the table of what became of them, with how far deals were pushed."""
    length = kpis.push_length(book, last=BEFORE).iloc[0]
    key = "table" if np.isfinite(length["value"]) else "table_alone"
    values = {"month": book.run["month"], "days": length["value"] * DAY, "months": BEFORE}
    return book.words.say(f"figures.pushed.{key}", **values)


# Which qualified leads wait


def lead_rows(book: Book) -> pd.DataFrame:
    """The open qualified leads by phase and seller: how many, and how long they have been there."""
    by = ["phase", SHOWN]
    counted = kpis.open_qualified_leads(book, by=by)
    if reason_of(counted) or counted.empty:
        return counted
    ages = kpis.qualified_lead_days(book, by=by)[[*by, "value"]].rename(columns={"value": "days_in_phase"})
    rows = counted[[*by, "n"]].merge(ages, on=by).sort_values(["phase", "n"], ascending=[True, False])
    phases = [book.words.say(f"phase.{phase}") if isinstance(phase, str) else None for phase in rows["phase"]]
    return rows.assign(phase=phases, **{SHOWN: sellers.called(book, rows[SHOWN])}).rename(columns={SHOWN: "seller"})


def lead_title(book: Book) -> str:
    """The title of the table of open qualified leads."""
    n, days = kpis.open_qualified_leads(book)["value"].iloc[0], kpis.qualified_lead_days(book)["value"].iloc[0]
    if np.isnan(n):
        return book.words.say("figures.open_leads.none")
    return book.words.say(f"figures.open_leads.{'table' if np.isfinite(days) else 'few'}", n=int(n), days=days * DAY)


# What the pace earns


@asked
def velocity_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Velocity and what it is made of, by product."""
    shown = rows.rename(columns={"n": "standing", "value": "a_day", "deal_size": "mean_won", "days": "days_to_win"})
    return shown[["product", "standing", "win_rate", "mean_won", "days_to_win", "a_day", "low", "high"]]


def velocity_title(book: Book) -> str:
    """The title of the table of velocity."""
    whole = kpis.pipeline_velocity(book).iloc[0]
    key = "table" if np.isfinite(whole["value"]) else "none"
    return book.words.say(f"figures.velocity.{key}", **{name: whole[name] for name in ("value", "low", "high")})


# What is open


def open_rows(book: Book) -> pd.DataFrame:
    """The open deals by stage: how many, what they are worth, how old they are."""
    counted = kpis.open_deals(book, by=STAGE)
    if reason_of(counted):
        return counted
    amounts = kpis.open_pipeline(book, by=STAGE)[[*STAGE, "value"]].rename(columns={"value": "amount"})
    ages = kpis.open_deal_age(book, by=STAGE)[[*STAGE, "value", "p90"]]
    ages = ages.rename(columns={"value": "median_age", "p90": "p90_days"})
    rows = counted[[*STAGE, "n"]].merge(amounts, on=STAGE, how="left").merge(ages, on=STAGE, how="left")
    return rows.drop(columns="position")


def open_title(book: Book) -> str:
    """The title of the table of open deals."""
    counted, amount = (kpi(book)["value"].iloc[0] for kpi in (kpis.open_deals, kpis.open_pipeline))
    return book.words.say("figures.open.table", n=0 if np.isnan(counted) else int(counted), amount=amount)


# What is stuck


def stuck(book: Book) -> Candidate | None:
    """How many deals stand too long, and whether one product or team holds more of them than the others."""
    rows = kpis.stalled_share(book)
    if reason_of(rows):
        return None
    values = stuck_values(book, rows.iloc[0])
    neutral = finding(book, "say.stuck" if values["n"] else "say.none_stuck", **values)
    first, n_tests = most_stuck(book)
    if first is None:
        return Candidate("stuck", np.nan, neutral, neutral)
    values |= {"group": first["group"], "share": first["value"], "rest": first["rest"], "n": int(first["denominator"])}
    values |= {"change": first["change"], "low": first["change_low"], "high": first["change_high"]}
    claim = finding(book, f"say.stuck_{direction(first['change'])}", True, **values)
    return Candidate("stuck", min(1.0, first["p"] * n_tests), claim, neutral, weight=3)


def stuck_values(book: Book, row: pd.Series) -> dict:
    """The numbers that sentences on stalled deals use."""
    amount = kpis.stalled_amount(book)["value"].iloc[0]
    return {"n": int(row["numerator"]), "total": int(row["denominator"]), "amount": amount, "share": row["value"]}


def most_stuck(book: Book) -> tuple[pd.Series | None, int]:
    """The group that differs most from the others, of all products and teams, and how many were looked at.

    Rule: a group has a test where it also stands out among deals of the same stage, a team among those of the same
    product too: in some stages more deals stand long, and no group is named for the stages its deals happen to be in.
    """
    parts = []
    for by, strata in (("product", ["stage"]), (sellers.team(book), ["stage", "product"])):
        rows = kpis.stalled_share(book, by=by)
        if not reason_of(rows) and rows[by].notna().any():
            groups = sellers.called(book, rows[by]) if by == SHOWN else rows[by]
            rows = against_the_rest(rows).assign(group=groups)
            cells = kpis.stalled_share(book, by=[by, *strata])
            told = [stands_out_within(cells, by, strata, row) for row in rows.to_dict("records")]
            parts.append(rows[told].dropna(subset=["group", "p"]))
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return (rows.loc[rows["p"].idxmin()], len(rows)) if len(rows) else (None, 0)


def stands_out_within(cells: pd.DataFrame, by: str, strata: list[str], row: dict) -> bool:
    """Whether a group differs from the others within strata, and as it does as a whole."""
    found = counts_compared(cells.assign(is_group=cells[by] == row[by]), "is_group", strata)
    return found.p <= 0.05 and direction(found.value - 1) == direction(row["change"])


def stuck_bars(book: Book) -> pd.DataFrame:
    """The share of open deals that stand too long, by product."""
    return kpis.stalled_share(book, by="product")


@asked
def stuck_words(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of what is stuck: how many and how much, and the group that stands out where one does."""
    candidate = stuck(book)
    values = stuck_values(book, kpis.stalled_share(book).iloc[0]) | {"k": len(rows)}
    if not candidate.p <= HELD:
        key = "headline" if values["n"] else "none"
        return figure(book, "figures.stuck", key, False, group="", rest=np.nan, **values)
    first, _ = most_stuck(book)
    values |= {"group": first["group"], "share": first["value"], "rest": first["rest"]}
    return figure(book, "figures.stuck", direction(first["change"]), True, **values)


# How long deals stand in a stage


def slower(book: Book) -> Candidate | None:
    """Whether deals stay longer in a stage than they did: products apart, the stage picked after looking at all."""
    stages = stage_changes(book)
    if stages is None:
        return None
    tested = stages.dropna(subset=["p"])
    values = {"months": NOW, "months_before": BEFORE, "n": int(stages["n"].sum())}
    neutral = finding(book, "say.stage_level" if len(tested) else "say.stage_unknown", **values)
    if tested.empty:
        return Candidate("slower", np.nan, neutral, neutral)
    first = tested.loc[tested["p"].idxmin()]
    values |= {"stage": first["stage"], "n": int(first["n"])}
    values |= {"now": first["value"] * DAY, "before": first["before"] * DAY, "missing": abs(first["missing"])}
    key = "say.stage_slower" if first["missing"] > 0 else "say.stage_faster"
    return Candidate("slower", min(1.0, first["p"] * len(tested)), finding(book, key, True, **values), neutral, 2)


def stage_changes(book: Book) -> pd.DataFrame | None:
    """Each stage now against before: medians, and the log-rank test of visits with products held still.

    Returns: position, stage, n, value, low, high, before_n, before (days), missing, p (NaN under 20 visits in either);
    None where there is nothing to tell.
    """
    now = kpis.time_in_stage(book, by=STAGE, last=NOW)
    before = kpis.time_in_stage(book, by=STAGE, last=BEFORE, ago=NOW)
    if "n" not in now or now["n"].sum() == 0 or reason_of(now).startswith(("needs", "not by")):
        return None
    earlier = before[[*STAGE, "n", "value"]].rename(columns={"n": "before_n", "value": "before"})
    rows = now[[*STAGE, "n", "value", "low", "high"]].merge(earlier, on=STAGE, how="left")
    tests = pd.DataFrame(pace(book), columns=["stage", "missing", "p"])
    return rows.merge(tests, on="stage", how="left")


def pace(book: Book) -> list[tuple[str, float, float]]:
    """By stage: how many visits fewer have ended than by the pace of before, and the chance of as many.

    Rule: visits since the first deal ended: of those before it only the slow are known. NaN under 20 in either span.
    """
    columns, spans = ("stage", "cycle", "entered_on", "stage_seconds", "is_over"), ((NOW, 0), (BEFORE, NOW))
    visits = []
    for last, ago in spans:
        ask = Ask(book, Question(last=last, ago=ago))
        visits.append(ask.rows("stage_times", columns, among="is_timed", on="entered_on").assign(is_now=ago == 0))
    begins = book.rows("select min(known_on) as day from deal_states where is_closed")["day"].iloc[0]
    rows = pd.concat(visits)
    rows = rows[pd.to_datetime(rows["entered_on"]) >= begins]
    return [(stage, *slowed(part)) for stage, part in rows.groupby("stage")]


def slowed(rows: pd.DataFrame) -> tuple[float, float]:
    """Visits missing among those over, and p, of one stage, products held still."""
    if min(rows["is_now"].sum(), (~rows["is_now"]).sum()) < LEAST:
        return np.nan, np.nan
    parts = [rows[rows["cycle"] == cycle] for cycle in rows["cycle"].unique()]
    return survival.stratified_log_rank((part["stage_seconds"], part["is_over"], part["is_now"]) for part in parts)


def stage_bars(book: Book) -> pd.DataFrame:
    """How long deals stand in each stage."""
    rows = kpis.time_in_stage(book, by=STAGE, last=YEARS)
    return rows if reason_of(rows) else rows.drop(columns="position")


@asked
def stage_words(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the time in stage: the longest, or the stage that has slowed."""
    longest = rows.loc[rows["value"].idxmax()]
    values = {"stage": longest["stage"], "days": longest["value"] * DAY, "n": int(rows["n"].sum()), "k": len(rows)}
    return figure(book, "figures.stage_time", months=YEARS, **values)


def change_rows(book: Book) -> pd.DataFrame:
    """The stages now against before, each product by itself: a change of mix is no change of pace."""
    by = [*STAGE, "product"]
    now, before = (kpis.time_in_stage(book, by=by, last=last, ago=ago) for last, ago in ((NOW, 0), (BEFORE, NOW)))
    if reason_of(now):
        return now
    earlier = before.reindex(columns=[*by, "n", "value"]).rename(columns={"n": "before_n", "value": "before"})
    rows = now[[*by, "n", "value", "low", "high"]].merge(earlier, on=by, how="left")
    return rows.drop(columns="position").fillna({"before_n": 0})


def change_title(book: Book) -> str:
    """The title of the table of stages now against before."""
    return book.words.say("figures.stage_time.table", months=NOW, months_before=BEFORE)


def lens_title(book: Book) -> str:
    """The title of the table of coverage as others define it."""
    return book.words.say("lens.pipeline_coverage.table")
