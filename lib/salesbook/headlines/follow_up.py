"""What the follow-up page says."""

import numpy as np
import pandas as pd
from scipy.special import logit
from scipy.stats import norm

from salesbook import stats
from salesbook.book import Book
from salesbook.compare import BEFORE
from salesbook.findings import ALPHA, Candidate, Finding, chosen
from salesbook.headlines import asked, compared, direction, figure, finding, rate_moved, repeating, sides, standing_out
from salesbook.kpi import reason_of
from salesbook.kpis import follow_up as kpis
from salesbook.sellers import called

YEARS = 24
FEWEST = 20
SHOWN_WORK = 15


def this_month(book: Book) -> list[Finding]:
    """The month in short: leads nobody tried, then whether quick answers, spacing and the pace of answering matter."""
    answered = rate_moved(book, "answered", kpis.answered_within_hour, weight=1)
    found = [quick_answers(book), spacing(book), answered]
    return [*untried(book), *chosen([candidate for candidate in found if candidate], most=2)]


def untried(book: Book) -> list[Finding]:
    """How many inbound leads nobody tried, and what they would be worth: counted, not inferred."""
    left = kpis.never_contacted_rate(book, last=BEFORE)
    if reason_of(left):
        return []
    worth, row = kpis.unfollowed_value(book, last=BEFORE).iloc[0], left.iloc[0]
    values = {"n": int(row["numerator"]), "total": int(row["denominator"]), "share": row["value"], "months": BEFORE}
    if not values["n"]:
        return [finding(book, "say.none_untried", **values)]
    if reason_of(pd.DataFrame([worth])):
        return [finding(book, "say.untried", **values)]
    worths = {name: worth[column] for name, column in (("worth", "value"), ("low", "low"), ("high", "high"))}
    return [finding(book, "say.untried_worth", **values, **worths)]


def quick_answers(book: Book) -> Candidate | None:
    """Whether leads tried within the hour are reached more often, like with like."""
    rows = kpis.quick_answer_odds(book, last=YEARS)
    return compared(book, "quick", rows, quick_values, lambda told: told["odds"] - 1, weight=3)


def quick_values(row: pd.Series) -> dict:
    """The numbers that sentences on quick answers use."""
    told = sides(row, quick="quick", later="later")
    return told | {"odds": told.pop("size"), "n": row["n"], "months": YEARS}


def spacing(book: Book) -> Candidate | None:
    """Whether one distance between attempts reaches more or fewer: picked after looking at all."""
    return stands_out(book, kpis.attempt_odds(book, by="gap_from_days", last=YEARS), "gap_from_days", weight=2)


def stands_out(book: Book, rows: pd.DataFrame, by: str, weight: float) -> Candidate | None:
    """The group whose attempts differ most from the others', its test paying for all that were looked at."""
    if reason_of(rows):
        return None
    values = {"months": YEARS, "n": int(rows["denominator"].sum())}
    neutral = finding(book, f"say.{by}_alike", **values)
    tested = rows.dropna(subset=["p"])
    if tested.empty:
        return Candidate(by, np.nan, neutral, neutral)
    first = telling(tested, tested["p"] * len(tested))
    values |= {"group": group_name(book, by, first[by]), "share": first["share"], "n": int(first["denominator"])}
    values |= {"odds": first["value"], "low": first["low"], "high": first["high"]}
    claim = finding(book, f"say.{by}_{direction(first['value'] - 1)}", True, **values)
    return Candidate(by, min(1.0, first["p"] * len(tested)), claim, neutral, weight=weight)


def telling(rows: pd.DataFrame, adjusted: pd.Series) -> pd.Series:
    """The group to name: of those that do better beyond chance the clearest, else the clearest of all.

    `adjusted` is each group's p, paid for all groups looked at, so that choosing among them costs nothing more.
    """
    better = rows[(adjusted <= ALPHA) & (rows["value"] > 1)]
    kept = better if len(better) else rows
    return kept.loc[kept["p"].idxmin()]


def group_name(book: Book, by: str, value) -> str:
    """A group in words: a distance, an hour, a day of the week, a channel; others are their own name."""
    if by == "hour":
        return f"{int(value):02d}:00"
    key = f"{by}.{value if isinstance(value, str) else int(value)}"
    return book.words.say(key) if book.words.has(key) else str(value)


def headed(text: str) -> str:
    """A group's name as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


@asked
def waiting(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The curves of waiting, by the name of their clock."""
    return rows.assign(clock=[book.words.say(f"clock.{clock}") for clock in rows["clock"]])


@asked
def waits(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of how long leads wait: the median by both clocks, and how many were never tried."""
    elapsed, opening = (kpi(book, last=months).iloc[0] for kpi in (kpis.response_time, kpis.response_time_open))
    values = {"n": int(elapsed["n"]), "left": int(elapsed["n"] - elapsed["numerator"]), "months": months}
    ends = {"elapsed": elapsed["value"] * 3600, "open": opening["value"] * 3600}
    key = "headline" if np.isfinite(ends["elapsed"]) else "few"
    return figure(book, "figures.waits", key, **values, **ends)


def part_rows(book: Book, months: int) -> pd.DataFrame:
    """The medians of assigning, of reacting and of both, by both clocks, in seconds."""
    six = (
        (kpis.assigning_time, kpis.reacting_time, kpis.response_time),
        (kpis.assigning_time_open, kpis.reacting_time_open, kpis.response_time_open),
    )
    found = [kpi(book, last=months).assign(part=book.words.label(kpi.name)) for clock in six for kpi in clock]
    rows = pd.concat(found, ignore_index=True)
    seconds = {name: rows[name] * 3600 for name in ("value", "low", "high")}
    return rows[["part", "n", "reason"]].assign(**seconds)[["part", "n", "value", "low", "high", "reason"]]


PART_UNITS = dict.fromkeys(("value", "low", "high"), "duration")


def parts_title(book: Book, rows: pd.DataFrame, months: int) -> str:
    """The title of the parts of the wait: what each takes by the clock."""
    by_part = rows.set_index("part")["value"]
    takes = {name: by_part[book.words.label(f"{name}_time")] for name in ("assigning", "reacting")}
    return book.words.say("figures.parts.table", months=months, **takes)


@asked
def trend(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the share answered within the hour by month."""
    told, values = rows[rows["denominator"] >= FEWEST], {"n": int(rows["denominator"].sum()), "months": len(rows)}
    if told.empty:
        share = rows["numerator"].sum() / rows["denominator"].sum()
        return figure(book, "figures.answered", "few", now=share, low=share, high=share, **values)
    ends = {"now": told["value"].iloc[-1], "low": told["value"].min(), "high": told["value"].max()}
    return figure(book, "figures.answered", **ends, **values)


@asked
def answered_groups(book: Book, rows: pd.DataFrame, by: str, months: int) -> dict[str, str]:
    """The words of the share answered by group."""
    return standing_out(book, "figures.answered_groups", rows, by, months)


@asked
def quick_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Leads tried within the hour and later: the share reached within 14 days."""
    row = rows.iloc[0]
    k, n = np.array([row["quick_k"], row["later_k"]], int), np.array([row["quick_n"], row["later_n"]], int)
    low, high = stats.wilson(k, n)
    names = [book.words.say(f"answered.{name}") for name in ("quick", "later")]
    shares = np.divide(k, n, out=np.full(2, np.nan), where=n > 0)
    return pd.DataFrame(
        {"answered": names, "numerator": k, "denominator": n, "value": shares, "low": low, "high": high}
    )


@asked
def quick(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of quick answers: the odds where they differ, else that they do not clearly."""
    values = quick_values(rows.iloc[0])
    return repeating(book, "figures.quick", values["odds"] - 1, **values)


@asked
def attempt_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The chance by attempt, those that 20 leads or more got."""
    rows = rows[rows["denominator"] >= FEWEST]
    return rows.assign(attempt=[book.words.number(n) for n in rows["attempt"]]).drop(columns=["clusters"])


@asked
def hazard(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of the chance by attempt: whether it falls or rises from attempt to attempt."""
    k, n, attempt = (rows[name].to_numpy(float) for name in ("numerator", "denominator", "attempt"))
    slope, p = stats.trend_of_shares(k, n, attempt)
    values = {"first": k[0] / n[0], "later": k[1:].sum() / max(n[1:].sum(), 1), "n": int(n[0]), "k": int(attempt.max())}
    key = ("rising" if slope > 0 else "falling") if p < ALPHA else "level"
    return figure(book, "figures.hazard", key, key != "level", months=months, **values)


@asked
def sale_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Sales by number of contacts before, ten or more together."""
    joined = rows.assign(touch=np.minimum(rows["touch"], MANY))
    joined = joined.groupby("touch", as_index=False).agg(
        numerator=("numerator", "sum"), denominator=("denominator", "max")
    )
    low, high = stats.wilson(joined["numerator"].to_numpy(), joined["denominator"].to_numpy())
    names = [book.words.say("many", k=n) if n == MANY else book.words.number(n) for n in joined["touch"]]
    share = joined["numerator"] / joined["denominator"]
    return joined.assign(touch=names, value=share, low=low, high=high)


MANY = 10


@asked
def sales(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of sales by contact: how many came at the first, how many at the fifth or later."""
    n, counted = int(rows["denominator"].max()), rows.set_index("touch")["numerator"]
    values = {"first": counted[counted.index <= 1].sum() / n, "later": counted[counted.index >= 5].sum() / n}
    return figure(book, "figures.sales", **values, n=n, months=months)


@asked
def chance_rows(book: Book, rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """The chance per attempt by group, named in words."""
    names = {"share": "value", "share_low": "low", "share_high": "high", "value": "odds"}
    kept = rows.drop(columns=["low", "high"]).rename(columns=names)
    kept = kept.assign(**{by: [headed(group_name(book, by, value)) for value in kept[by]]})
    return kept[[by, "numerator", "denominator", "value", "low", "high", "odds"]]


@asked
def chances(book: Book, rows: pd.DataFrame, by: str, months: int) -> dict[str, str]:
    """The words of the chance per attempt by group: the group that stands out after correction, or that none does."""
    adjusted = pd.Series(stats.benjamini_hochberg(rows["p"].to_numpy(float)), index=rows.index)
    clear = rows[adjusted < ALPHA]
    values = {"by": book.words.column(by), "months": months, "n": int(rows["denominator"].sum()), "k": len(rows)}
    if clear.empty:
        return figure(book, "figures.chances", "alike", False, group="", share=np.nan, odds=np.nan, **values)
    first = telling(clear, adjusted[clear.index])
    values |= {"group": headed(group_name(book, by, first[by])), "share": first["share"], "odds": first["value"]}
    return figure(book, "figures.chances", direction(first["value"] - 1), True, **values)


@asked
def sellers(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of the chance by seller: whether they differ more than chance would have it."""
    k, n = rows["numerator"].to_numpy(float), rows["denominator"].to_numpy(float)
    p = stats.shares_alike(k, n)
    values = {"k": len(rows), "n": int(n.sum()), "months": months}
    values |= {"low": rows["estimate"].min(), "high": rows["estimate"].max()}
    return figure(book, "figures.sellers", "differ" if p < ALPHA else "alike", bool(p < ALPHA), **values)


@asked
def stop_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """What one more reached lead costs by attempt; without a known cost, how many attempts it takes."""
    rows = rows[rows["denominator"] >= FEWEST]
    names = [book.words.number(n) for n in rows["attempt"]]
    shown = {
        "attempt": names,
        "n": rows["denominator"],
        "value": rows["value"],
        "low": rows["low"],
        "high": rows["high"],
    }
    if rows["cost"].notna().any():
        shown |= {"value": rows["cost"], "low": rows["cost_low"], "high": rows["cost_high"]}
    more = {name: rows[name] for name in ("reached_share", "attempts_per_lead", "mean_cost")}
    return pd.DataFrame(shown | more)


def stop_unit(rows: pd.DataFrame) -> str:
    """Money where the cost of an attempt is known, else attempts."""
    return "money" if "cost" in rows and rows["cost"].notna().any() else "ratio"


STOP_UNITS = {"n": "count", "reached_share": "share", "attempts_per_lead": "ratio", "mean_cost": "money"}


@asked
def stopping(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of when to stop: what one more reached lead takes at the first attempt and at the last shown."""
    kept = rows[rows["denominator"] >= FEWEST]
    kept = kept if len(kept) else rows
    first, last = kept.iloc[0], kept.iloc[-1]
    values = {"k": int(last["attempt"]), "reached": last["reached_share"], "n": int(first["denominator"])}
    if stop_unit(rows) == "money":
        values |= {"first": book.words.money(first["cost"]), "last": book.words.money(last["cost"])}
    else:
        values |= {"first": book.words.number(first["value"], 1), "last": book.words.number(last["value"], 1)}
    (n1, n0), (k1, k0) = ((row["denominator"] for row in (last, first)), (reached(row) for row in (last, first)))
    is_clear = bool(stats.fisher(k1, n1, k0, n0) <= ALPHA)
    key = ("rising" if last["value"] > first["value"] else "falling") if is_clear else "level"
    return figure(book, f"figures.stopping_{stop_unit(rows)}", key, is_clear, months=months, **values)


def reached(row: pd.Series) -> int:
    """How many leads an attempt reached: its leads ÷ the attempts that one takes."""
    return round(row["denominator"] / row["value"]) if row["value"] == row["value"] else 0


@asked
def fates(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """What became of the inflow: each fate's share of it."""
    n, whole = rows["denominator"].to_numpy(), np.full(len(rows), rows["denominator"].sum())
    low, high = stats.wilson(n, whole)
    names = [book.words.say(f"fate.{fate.replace(' ', '_')}") for fate in rows["fate"]]
    shown = {"fate": names, "numerator": n, "denominator": whole, "value": n / whole, "low": low, "high": high}
    order = rows["fate"].map({fate: place for place, fate in enumerate(FATES)})
    return pd.DataFrame(shown).iloc[np.argsort(order.to_numpy())].reset_index(drop=True)


FATES = ("assigned", "rejected", "unassigned", "never contacted", "dropped")


@asked
def leaking(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of the inflow: how much of it leaked, and where most."""
    lost, n = rows[rows["numerator"] > 0], int(rows["denominator"].sum())
    if lost.empty:
        return figure(book, "figures.leaking", "none", n=n, months=months, leaked=0, share=0.0, fate="")
    worst = lost.loc[lost["numerator"].idxmax(), "fate"]
    values = {"leaked": int(lost["numerator"].sum()), "fate": book.words.say(f"fate.{worst.replace(' ', '_')}")}
    return figure(book, "figures.leaking", n=n, months=months, share=values["leaked"] / n, **values)


CHANCE_UNITS = {"odds": "ratio"}
UNTRIED_UNITS = {"n": "count", "share": "share", "deal_size": "money"}


def untried_title(book: Book) -> str:
    """The title of the table of leads nobody tried."""
    return book.words.say("figures.untried.table", months=BEFORE)


def untried_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Leads nobody tried by channel, the most first."""
    return rows.sort_values("n", ascending=False, ignore_index=True) if not reason_of(rows) else rows


@asked
def work(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The head of the day's order of work, in words."""
    rows = rows.head(SHOWN_WORK)
    say = book.words.say
    why = [
        say(f"why.{why.replace(' ', '_')}", n=int(n)) for why, n in zip(rows["why"], rows["n_attempts"], strict=True)
    ]
    shown = {"place": rows["place"], "kind": [say(f"kind.{kind}") for kind in rows["kind"]], "id": rows["id"]}
    shown |= {"seller": called(book, rows["seller"]), "product": rows["product"], "why": why}
    shown |= {"day": rows["day"], "amount": rows["amount"]}
    return pd.DataFrame(shown | {"chance": rows["value"]})


WORK_UNITS = {"place": "count", "day": "day", "amount": "money", "chance": "share"}


def work_title(book: Book, rows: pd.DataFrame) -> str:
    """The title of the order of work: how many deals and leads there are in all."""
    kinds = rows["kind"].value_counts() if "kind" in rows else {}
    return book.words.say("figures.work.table", deals=int(kinds.get("deal", 0)), leads=int(kinds.get("lead", 0)))


@asked
def score_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The fifths of the score, named in words."""
    names = [book.words.say("fifth", n=int(group)) for group in rows["group"]]
    return rows.assign(group=names)[["group", "numerator", "denominator", "value", "low", "high", "lift", "captured"]]


SCORE_UNITS = {"lift": "ratio", "captured": "share"}


@asked
def score(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the lead score: whether it tells the won from the others better than a coin."""
    found = kpis.lead_score(book).iloc[0]
    values = {"auc": found["value"], "low": found["low"], "high": found["high"], "n": int(found["n"])}
    # From the interval back to the test: on the logit scale it is the value and so many standard errors.
    error = (logit(found["high"]) - logit(found["low"])) / (2 * stats.Z)
    p = 2 * norm.sf(abs(logit(found["value"])) / error) if error > 0 else np.nan
    key = ("tells" if found["value"] > 0.5 else "misleads") if p <= ALPHA else "coin"
    return figure(book, "figures.score", key, key != "coin", won=int(found["numerator"]), **values)
