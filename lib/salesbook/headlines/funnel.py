"""What the funnel page says."""

import numpy as np
import pandas as pd

from salesbook.book import Book
from salesbook.compare import BEFORE, NOW, Leak, against_the_rest, leak
from salesbook.findings import HELD, LEAST, Candidate, Finding, chosen
from salesbook.headlines import NO_WORDS, asked, direction, figure, finding, rate_moved, standing_out
from salesbook.kpi import reason_of
from salesbook.kpis.funnel import hit_rate, qualified_in_time
from salesbook.kpis.scorecard import average_deal_size, target, won

YOUNG = 2  # months whose leads are too young to count as qualified or not


def this_month(book: Book) -> list[Finding]:
    """The month in short: the leak, whether qualification moved, and whether a channel stands out."""
    qualified = rate_moved(book, "qualification", qualified_in_time, weight=2, ago=YOUNG)
    found = [leaked(book, leak(book)), qualified, channel(book)]
    return chosen([candidate for candidate in found if candidate])


def leaked(book: Book, found: Leak) -> Candidate | None:
    """Whether a stage passes fewer deals than it did; the step is picked after looking, so its test pays for all."""
    if found.reason:
        return None
    neutral = finding(book, "say.no_leak", months=NOW, months_before=BEFORE)
    if found.worst is None:
        return Candidate("leak", np.nan, neutral, neutral)
    worst = found.worst
    p = min(1.0, worst["p"] * len(found.steps)) if np.isfinite(worst["p"]) else np.nan
    keys = {"change": "change", "low": "change_low", "high": "change_high", "now": "value", "before": "before"}
    values = {key: float(worst[column]) for key, column in keys.items()}
    values |= {
        "stage": worst["stage"],
        "next": stage_name(book, worst),
        "lost": float(worst["lost"]),
        "n": int(worst["n"]),
    }
    claim = finding(book, "say.leak", True, months=NOW, months_before=BEFORE, **values)
    return Candidate("leak", p, claim, neutral, weight=3)


def stage_name(book: Book, row) -> str:
    """The stage that follows, or the word for won."""
    return book.words.say("steps.won") if row["next_stage"] == "Won" else row["next_stage"]


def channel(book: Book) -> Candidate | None:
    """Whether one channel's leads are qualified more or less often than the others': picked after looking at all."""
    rows = qualified_in_time(book, by="source", last=BEFORE, ago=YOUNG)
    if reason_of(rows):
        return None
    rows = against_the_rest(rows)
    neutral = finding(book, "say.channels_alike", months=BEFORE, n=int(rows["denominator"].sum()), k=len(rows))
    tested = rows.dropna(subset=["p"])
    if tested.empty:
        return Candidate("channel", np.nan, neutral, neutral)
    first = tested.loc[tested["p"].idxmin()]
    values = {"channel": first["source"], "share": first["value"], "rest": first["rest"], "months": BEFORE}
    values |= {"change": first["change"], "low": first["change_low"], "high": first["change_high"]}
    claim = finding(book, f"say.channel_{direction(first['change'])}", True, n=int(first["denominator"]), **values)
    return Candidate("channel", min(1.0, first["p"] * len(tested)), claim, neutral, weight=1)


@asked
def steps(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of the funnel of leads."""
    shown = rows.set_index("step_key")["n"]
    n, last = int(shown.iloc[0]), int(shown.iloc[-1])
    return figure(book, "figures.lead_steps", n=n, won=last, months=months, share=last / n if n else np.nan)


@asked
def step_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The steps as bars: how many reached each, the share of the step before, whether some may still advance."""
    say = book.words.say
    # After the last step of the rates there is one more: what it led to.
    won = [(float(rows["numerator"].iloc[-1]), "won")] if len(rows) and rows["step"].iloc[-1] == "deal" else []
    reached = [*rows["denominator"].astype(float), *(n for n, _ in won)]
    keys = [*rows["step"], *(key for _, key in won)]
    shares = [[np.nan] * 3, *rows[["value", "low", "high"]].astype(float).to_numpy().tolist()][: len(keys)]
    return pd.DataFrame(shares, columns=["value", "low", "high"]).assign(
        step=[say(f"steps.{key}") for key in keys], step_key=keys, n=reached, is_open=[key == "won" for key in keys]
    )


@asked
def segments(book: Book, rows: pd.DataFrame, by: str, months: int) -> dict[str, str]:
    """The words of qualification by group."""
    return standing_out(book, "figures.segments", rows, by, months)


@asked
def cohorts(book: Book, cells: pd.DataFrame) -> dict[str, str]:
    """The words of the cohorts: how many won of the settled ones."""
    settled = cells[~cells["is_young"]]
    sized = int(cells.groupby("period")["denominator"].max().sum())
    values = {"n": sized, "months": cells["period"].nunique()}
    if settled.empty:
        return figure(book, "figures.cohorts", "young", age=0, low=np.nan, high=np.nan, **values)
    age = int(settled.groupby("age")["period"].nunique().loc[lambda count: count >= 3].index.max() or 1)
    shares = settled.loc[(settled["age"] == age) & (settled["denominator"] >= LEAST), "value"]
    if shares.empty:
        return figure(book, "figures.cohorts", "few", age=age, low=np.nan, high=np.nan, **values)
    return figure(book, "figures.cohorts", age=age, low=shares.min(), high=shares.max(), **values)


@asked
def leads_by_month(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the leads of twenty-four months."""
    values = {"low": rows["value"].min(), "high": rows["value"].max(), "now": rows["value"].iloc[-1]}
    values |= {"n": int(rows["n"].sum()), "month": book.last_month.start}
    return figure(book, "figures.leads", months=len(rows), **values)


LEAK_UNITS = {"n": "count", "before_n": "count", "before": "share", "change": "points", "lost": "money"}


def is_leaking(book: Book, found: Leak) -> bool:
    """Whether a step loses more than chance would have it, all steps compared."""
    return found.worst is not None and bool(leaked(book, found).p <= HELD)


def leaking(book: Book, found: Leak) -> str:
    """The stage that leaks; empty where none does."""
    return found.worst["stage"] if is_leaking(book, found) else ""


def leak_bars(book: Book, found: Leak) -> pd.DataFrame:
    """The stages now: the share that went on in time."""
    if found.reason:
        return found.steps
    columns = ["stage", "numerator", "n", "value", "low", "high"]
    return found.steps.reindex(columns=columns).assign(denominator=found.steps.get("n"))[[*columns, "denominator"]]


def leak_rows(found: Leak) -> pd.DataFrame:
    """The stages now against before, and what the change cost."""
    if found.reason:
        return found.steps
    return found.steps.reindex(columns=["stage", "n", "value", "low", "high", "before_n", "before", "change", "lost"])


def leak_title(book: Book) -> str:
    """The title of the table of stages."""
    return book.words.say("figures.leak.table", months=NOW, months_before=BEFORE)


def leak_steps(book: Book, found: Leak) -> dict[str, str]:
    """The words of the stages now against before."""
    if found.reason:
        return NO_WORDS
    values = {"months": NOW, "months_before": BEFORE, "n": int(found.steps["n"].sum())}
    if not is_leaking(book, found):
        return figure(book, "figures.leak", "none", False, **values)
    worst = found.worst
    values |= {"stage": worst["stage"], "next": stage_name(book, worst)}
    return figure(book, "figures.leak", is_claim=True, now=worst["value"], before=worst["before"], **values)


@asked
def call_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """From calls to sales as bars: how many are at each step, and the share of the step before."""
    names = [book.words.say(f"call_steps.{step}") for step in rows["step"]]
    shown = rows[["value", "low", "high"]].mask(rows["position"] == 1)
    return shown.assign(step=names, n=rows["numerator"], is_open=rows["step"] == "sale")


@asked
def calls(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of from call to sale: what one sale takes."""
    at, needed = rows.set_index("step")["numerator"], rows.set_index("step")["needed"]
    values = {"calls": at["call"], "sales": at["sale"], "months": months, "n": int(at["call"])}
    key = "headline" if at["sale"] else "none"
    return figure(book, "figures.calls", key, needed=needed["call"], leads=needed["lead"], **values)


def needed_rows(book: Book, rows: pd.DataFrame, months: int) -> pd.DataFrame:
    """What one sale takes at each step, and what the month's target would: target ÷ mean deal is the sales it needs."""
    if reason_of(rows):
        return rows
    persons = hit_rate(book, last=months).iloc[0]
    names = [book.words.say(f"call_steps.{step}") for step in rows["step"]]
    extra = {"step": book.words.say("call_steps.person"), "a_month": persons["denominator"] / months}
    shown = pd.DataFrame({"step": names, "a_month": rows["numerator"] / months, "needed": rows["needed"]})
    shown = pd.concat([shown, pd.DataFrame([extra | {"needed": persons["needed"]}])], ignore_index=True)
    return shown.assign(for_target=shown["needed"] * sales_for_target(book, months))


def sales_for_target(book: Book, months: int) -> float:
    """The sales that the month's target for won amounts takes, at the mean amount of the new deals won."""
    goal, size = target(book, won), average_deal_size(book, last=months)["value"].iloc[0]
    return goal / size if goal and size == size else np.nan


NEEDED_UNITS = {"a_month": "number", "needed": "number", "for_target": "count"}


def needed_title(book: Book, months: int) -> str:
    """The title of the table of what a sale takes."""
    sales = sales_for_target(book, months)
    key = "with_target" if np.isfinite(sales) else "table"
    return book.words.say(f"figures.needed.{key}", months=months, n=sales)


@asked
def outcome_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The curves of won and lost, named in words."""
    return rows.assign(outcome=[book.words.say(f"outcomes.{outcome}") for outcome in rows["outcome"]])


@asked
def outcomes(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of won and lost over time: what both came to within half a year."""
    curves = {name: part.set_index("t")["value"] for name, part in rows.groupby("outcome", sort=False)}
    day = min(HALF_A_YEAR, *(int(curve.index.max()) for curve in curves.values()))
    won_by, lost_by = (float(curve[curve.index <= day].iloc[-1]) for curve in curves.values())
    values = {"days": day, "won": won_by, "lost": lost_by, "open": 1 - won_by - lost_by}
    return figure(book, "figures.outcomes", **values, n=int(rows["n"].iloc[0]), months=months)


HALF_A_YEAR = 180


def quarter_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Cohorts by quarter: the share won within half a year, of those that can be told."""
    rows = rows[rows["age_days"] == HALF_A_YEAR] if "age_days" in rows else rows
    return named_quarters(book, rows)


def named_quarters(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a value, named by their quarter; all of them where none has one."""
    if reason_of(rows) or "period" not in rows:
        return rows
    known = rows.dropna(subset=["value"])
    names = [book.words.quarter(day) for day in known["period"]]
    return known.drop(columns="period").assign(quarter=names)


@asked
def quarters(book: Book, rows: pd.DataFrame, key: str) -> dict[str, str]:
    """The words of cohorts by quarter: between what their shares lie."""
    counted = rows["denominator"] if "denominator" in rows else rows["n"]
    told = rows.loc[counted >= LEAST, "value"]
    values = {"low": told.min(), "high": told.max(), "n": int(counted.sum()), "k": len(rows), "days": HALF_A_YEAR}
    return figure(book, f"figures.{key}", "headline" if len(told) > 1 else "few", **values)
