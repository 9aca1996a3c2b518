"""What the forecast page says."""

import numpy as np
import pandas as pd

from salesbook.book import Book
from salesbook.findings import HELD, LEAST, Candidate, Finding, chosen
from salesbook.forecasts import METHODS
from salesbook.headlines import asked, direction, figure, finding
from salesbook.kpi import reason_of
from salesbook.kpis import forecast_accuracy as kpis
from salesbook.sellers import SHOWN
from salesbook.sellers import named as named_sellers

START, LATE = 3, 1  # months before a quarter's end: its first day, and the day on which sellers are compared
OWN = "cycle"  # the method whose figure the page stands by
ENOUGH = 25  # deals under which a group is not spoken of
MATERIAL_BIAS, MATERIAL_CHANCE = 0.10, 0.05  # differences smaller than these are not worth a headline
SIDE = ["method", "value", "low", "high", "n", "bias", "error", "value_added", "held", "of_quarters"]
PARTS = ("from_won", "from_open", "from_new")
UNITS = {
    **dict.fromkeys(("bias", "error", "said", "raw", "estimate", "from_p", "to_p", "forecast"), "share"),
    **dict.fromkeys(("held", "of_quarters", "n_open", "rank_low", "rank_high"), "count"),
    **dict.fromkeys(PARTS, "money"),
    **{f"months_{months}": "share" for months in range(1, 7)},
    "value_added": "points",
    "mase": "ratio",
}


def this_month(book: Book) -> list[Finding]:
    """The month in short: what the quarter comes to, whether the CRM's chances hold, whether a seller errs one way."""
    sellers = kpis.seller_forecast_bias(book)
    candidates = [stage_off(book, kpis.stage_calibration(book)), seller_off(book, sellers)]
    return [outlook(book), *chosen(candidates, most=2)]


def outlook(book: Book) -> Finding:
    """What the quarter comes to, and how such intervals did in the past: worked out and counted, not tested."""
    parts = kpis.weighted_forecast(book)
    if reason := reason_of(parts):
        return finding(book, "say.no_outlook", reason=book.words.reason(reason))
    row, held = parts.iloc[0], past_coverage(book, months_left(book, parts))
    values = {name: row[name] for name in ("value", "low", "high", "from_won", "from_open", "from_new", "n")}
    return finding(book, "say.outlook", quarter=book.words.quarter(row["quarter"]), **values, **held)


def past_coverage(book: Book, months: int) -> dict[str, int]:
    """How many of the past intervals of the page's own method held what came."""
    rows = kpis.forecast_coverage(book)
    rows = rows if reason_of(rows) else rows[(rows["method"] == OWN) & (rows["horizon"] == months)]
    return {"held": int(rows.get("numerator", pd.Series()).sum()), "k": int(rows.get("denominator", pd.Series()).sum())}


def months_left(book: Book, parts: pd.DataFrame) -> int:
    """Months from the run's instant to the end of the quarter that holds it."""
    start = parts["quarter"].iloc[0]
    return 3 - (book.period.end.year - start.year) * 12 - (book.period.end.month - start.month)


def method_name(book: Book, method: str) -> str:
    """A method in words; one the catalogue does not know keeps its name."""
    key = f"method.{method}"
    return book.words.say(key) if book.words.has(key) else method


def units(rows: pd.DataFrame) -> dict[str, str]:
    """The units of the columns that are not those of every answer."""
    return {name: unit for name, unit in UNITS.items() if name in rows}


# Claims


def stage_off(book: Book, rows: pd.DataFrame) -> Candidate:
    """Whether deals of a stage are won as often as the CRM says; the stage is picked after looking, so it pays for all.

    Rule: of stages with twenty deals that lie five points or more off, the clearest.
    """
    if reason := reason_of(rows):
        return unknown(book, "stages", reason)
    neutral = finding(book, "say.stages_hold")
    matters = (rows["n"] >= LEAST) & ((rows["value"] - rows["said"]).abs() >= MATERIAL_CHANCE)
    tested = rows[matters].dropna(subset=["p"])
    if tested.empty:
        return Candidate("stage", np.nan, neutral, neutral)
    first = tested.loc[tested["p"].idxmin()]
    values = {"stage": first["stage"], "said": first["said"], "share": first["value"], "n": int(first["n"])}
    claim = finding(book, f"say.stage_{direction(first['value'] - first['said'])}", True, **values,
                    low=first["low"], high=first["high"])  # fmt: skip
    return Candidate("stage", min(1.0, first["p"] * len(rows)), claim, neutral, weight=2)


def seller_off(book: Book, rows: pd.DataFrame) -> Candidate:
    """Whether a seller's numbers err one way; picked after looking at all, so its test pays for all.

    Rule: of shrunk biases of ten per cent and more whose interval lies to one side, the clearest by its own quarters.
    """
    late = rows if reason_of(rows) else rows[rows["horizon"] == LATE]
    reason = reason_of(late) or ("" if book.run["names_of_sellers"] else "sellers are not named")
    if reason:
        return unknown(book, "sellers", reason)
    neutral = finding(book, "say.sellers_alike")
    first = most_off(late)
    if first is None:
        return Candidate("seller", np.nan, neutral, neutral)
    name = seller_names(book).get(first["owner_id"], first["owner_id"])
    values = {"seller": name, "bias": abs(first["value"]), "low": first["low"], "high": first["high"]}
    key = f"say.seller_{direction(first['value'])}"
    claim = finding(book, key, True, n=int(first["n"]), months=LATE, **values)
    return Candidate("seller", min(1.0, first["p"] * len(late)), claim, neutral, weight=1)


def most_off(late: pd.DataFrame) -> pd.Series | None:
    """The seller whose numbers err one way most clearly, of those whose bias is material."""
    is_clear = (late["value"].abs() >= MATERIAL_BIAS) & ((late["low"] > 0) | (late["high"] < 0))
    tested = late[is_clear].dropna(subset=["p"])
    return tested.loc[tested["p"].idxmin()] if len(tested) else None


def unknown(book: Book, what: str, reason: str) -> Candidate:
    """What is said where nothing can be judged: that, and why."""
    neutral = finding(book, f"say.{what}_unknown", reason=book.words.reason(reason))
    return Candidate(what, np.nan, neutral, neutral)


def seller_names(book: Book) -> dict[str, str]:
    """The names of sellers by id."""
    rows = book.rows("select owner_id, name from seller_facts order by owner_id")
    return dict(zip(rows["owner_id"], rows["name"], strict=True))


# The quarters


def side_by_side(book: Book, now: pd.DataFrame) -> pd.DataFrame:
    """What each method says of the quarter, beside how it did at the same distance from past quarters' ends."""
    if reason_of(now):
        return now
    start = now["quarter"].iloc[0]
    months = months_left(book, now)
    rows = now[now["quarter"] == start].drop(columns="quarter").set_index("method")
    past = at_distance(kpis.forecast_bias(book), months).rename(columns={"value": "bias"})[["n", "bias"]]
    errors = at_distance(kpis.forecast_error(book), months).rename(columns={"value": "error"})[["error", "value_added"]]
    names = {"numerator": "held", "denominator": "of_quarters"}
    held = at_distance(kpis.forecast_coverage(book), months).rename(columns=names).reindex(columns=list(names.values()))
    rows = rows.join(past).join(errors).join(held).reset_index()
    rows = named(book, rows[rows["value"].notna()])
    return rows.fillna({"n": 0, "held": 0, "of_quarters": 0})[[*SIDE, "reason"]]


def named(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with their methods in words."""
    return rows.assign(method=[method_name(book, name) for name in rows["method"]])


def at_distance(rows: pd.DataFrame, months: int) -> pd.DataFrame:
    """The rows of one distance, by method; none where there is no answer."""
    if "method" not in rows:
        return pd.DataFrame(columns=["n", "value", "value_added", "numerator", "denominator"], dtype=float)
    return rows[rows["horizon"] == months].set_index("method")


@asked
def methods(book: Book, rows: pd.DataFrame, parts: pd.DataFrame) -> dict[str, str]:
    """The words of what the methods say of the quarter."""
    values = {"low": rows["value"].min(), "high": rows["value"].max(), "k": len(rows), "n": int(rows["n"].max())}
    values |= {"quarter": book.words.quarter(parts["quarter"].iloc[0]), "months": months_left(book, parts)}
    said = rows.set_index("method")["value"]
    own, crm = (said.get(method_name(book, name), np.nan) for name in (OWN, "crm_weighted"))
    key = "headline" if own == own and crm == crm else "range"
    return figure(book, "figures.forecast.methods", key, own=own, crm=crm, **values)


@asked
def parts_rows(book: Book, parts: pd.DataFrame) -> pd.DataFrame:
    """The parts of the quarter's forecast as a bridge: won so far, open deals, deals to come, all together."""
    row, say = parts.iloc[0], book.words.say
    steps = [(name, row[name], name == "from_won") for name in PARTS] + [("total", row["value"], True)]
    named = [(say(f"figures.forecast.parts.{name}"), value, is_total) for name, value, is_total in steps]
    return pd.DataFrame(named, columns=["step", "value", "is_total"])


@asked
def parts(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the parts of the quarter's forecast."""
    row = rows.iloc[0]
    values = {name: row[name] for name in ("value", "low", "high", "from_won", "from_open", "from_new", "n")}
    key = "without_shock" if pd.isna(row["shock"]) else "with_shock"
    words = figure(book, "figures.forecast.parts", quarter=book.words.quarter(row["quarter"]), **values)
    crm = kpis.crm_weighted_pipeline(book)["value"].iloc[0]
    plain = book.words.say("figures.forecast.parts.crm", crm=crm) if np.isfinite(crm) else ""
    notes = [book.words.say(f"figures.forecast.parts.{key}"), taken(book, row), plain]
    return words | {"note": " ".join(note for note in notes if note)}


def taken(book: Book, row: pd.Series) -> str:
    """How many open deals have no amount and what they are taken at; nothing where all have one."""
    n, of = int(row["n_without_amount"]), int(row["n"])
    return book.words.say("figures.forecast.parts.taken", n=n, of=of) if n else ""


@asked
def quarters_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Both quarters as a table, named in words."""
    rows = rows.assign(quarter=[book.words.quarter(start) for start in rows["quarter"]])
    return rows[["quarter", *PARTS, "value", "low", "high", "reason"]]


def quarters_title(book: Book) -> str:
    """The title of the table of both quarters."""
    return book.words.say("figures.forecast.parts.table")


# What was forecast and what came


@asked
def came_rows(book: Book, past: pd.DataFrame) -> pd.DataFrame:
    """Forecast at the quarter's start and what came, as two lines over quarters."""
    rows = past[(past["method"] == OWN) & (past["horizon"] == START)].dropna(subset=["value"])
    said = rows.assign(kind=book.words.say("figures.forecast.came.said"), period=rows["quarter"])
    came = rows.assign(kind=book.words.say("figures.forecast.came.came"), period=rows["quarter"], value=rows["actual"])
    lines = pd.concat([came.assign(low=came["value"], high=came["value"]), said])
    return lines[["kind", "period", "value", "low", "high"]].reset_index(drop=True)


@asked
def came(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of forecast and outcome by quarter."""
    came, said = (part.set_index("period") for _, part in rows.groupby("kind", sort=False))
    held = ((said["low"] <= came["value"]) & (came["value"] <= said["high"])).sum()
    return figure(
        book, "figures.forecast.came", n=len(came), held=int(held), over=int((said["value"] > came["value"]).sum())
    )


@asked
def bias_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The bias of every method at the quarter's start, the largest first."""
    rows = rows[(rows["horizon"] == START) & rows["value"].notna()]
    rows = named(book, rows).sort_values("value", ascending=False, kind="stable")
    return rows[["method", "value", "low", "high", "n", "reason"]]


def no_bias(book: Book) -> str:
    """The name of the line at no bias."""
    return book.words.say("figures.forecast.bias.none")


@asked
def bias(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of bias by method: counted over the quarters that were over, not tested."""
    worst = rows.loc[rows["value"].abs().idxmax()]
    values = {"method": worst["method"], "bias": abs(worst["value"]), "n": int(worst["n"]), "k": len(rows)}
    return figure(book, "figures.forecast.bias", direction(worst["value"]), months=START, **values)


def by_distance(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """A figure by method and months before the quarter's end: methods down, months across, the most first."""
    if reason_of(rows):
        return rows
    order = [name for name in METHODS if name in set(rows["method"])]
    order += [name for name in rows["method"].unique() if name not in METHODS]
    wide = rows.pivot_table(index="method", columns="horizon", values="value").reindex(order).dropna(how="all")
    wide = wide[[months for months in sorted(wide.columns, reverse=True) if months > 0]]
    wide.columns = [f"months_{months}" for months in wide.columns]
    return named(book, wide.reset_index())


def bias_title(book: Book) -> str:
    """The title of the table of bias."""
    return book.words.say("figures.forecast.bias.table")


@asked
def error_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The error of every method at the quarter's start, the smallest first."""
    rows = rows[(rows["horizon"] == START) & rows["value"].notna()]
    kept = ["method", "value", "low", "high", "n", "mase", "value_added", "reason"]
    return named(book, rows).sort_values("value", kind="stable")[kept].assign(low=np.nan, high=np.nan)


@asked
def error(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of errors: which method was nearest, and how that compares with repeating the last quarter."""
    best, simple = rows.iloc[0], naive_error(book, rows)
    key = "nearest" if best["value"] < simple else "none"
    values = {"method": best["method"], "error": best["value"], "simple": simple, "n": int(best["n"]), "k": len(rows)}
    return figure(book, "figures.forecast.error", key, months=START, **values)


def error_title(book: Book) -> str:
    """The title of the table of errors."""
    return book.words.say("figures.forecast.error.table")


def naive_error(book: Book, rows: pd.DataFrame) -> float | None:
    """The error of repeating the last quarter, to compare with."""
    if reason_of(rows):
        return None
    found = rows.loc[rows["method"] == method_name(book, "naive"), "value"]
    return float(found.iloc[0]) if len(found) else None


def simple_name(book: Book) -> str:
    """The name of the simplest method, beside its line."""
    return method_name(book, "naive")


# Sellers


def seller_rows(book: Book) -> pd.DataFrame:
    """Bias of the numbers that sellers submitted a month before the quarter's end; by group where names are off."""
    if not book.run["names_of_sellers"]:
        rows = kpis.forecast_bias(book, by=SHOWN)
        rows = rows if reason_of(rows) else rows[(rows["method"] == "rep") & (rows["horizon"] == LATE)]
        return named_sellers(book, rows.drop(columns=["method", "horizon"], errors="ignore"))
    rows = kpis.seller_forecast_bias(book)
    if reason_of(rows):
        return rows
    rows = rows[(rows["horizon"] == LATE) & (rows["method"] == "rep")]
    names = seller_names(book)
    rows = rows.assign(seller=[names.get(owner, owner) for owner in rows["owner_id"]], estimate=rows["value"])
    rows = rows.assign(value=rows["raw"]).sort_values("estimate", ascending=False, kind="stable")
    return rows[["seller", "n", "value", "low", "high", "estimate", "rank_low", "rank_high", "reason"]]


@asked
def sellers(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of bias by seller: the one the page's finding is about, where that holds by itself."""
    drawn = rows.get("estimate", rows["value"])
    clear = (drawn.abs() >= MATERIAL_BIAS) & ((rows["low"] > 0) | (rows["high"] < 0))
    values = {"k": len(rows), "n": int(rows["n"].sum()), "months": LATE, "clear": int(clear.sum())}
    told = kpis.seller_forecast_bias(book)
    if not seller_off(book, told).p <= HELD:
        return figure(book, "figures.forecast.sellers", "alike", False, seller="", bias=np.nan, **values)
    first = most_off(told[told["horizon"] == LATE])
    named = {"seller": seller_names(book).get(first["owner_id"], first["owner_id"]), "bias": abs(first["value"])}
    return figure(book, "figures.forecast.sellers", direction(first["value"]), True, **named, **values)


# Chances


@asked
def reliability_rows(book: Book, bins: pd.DataFrame) -> pd.DataFrame:
    """The bins of the CRM's chances at the distance at which most deals were seen."""
    return bins[(bins["method"] == bins["method"].iloc[0]) & (bins["horizon"] == fullest(bins)) & (bins["n"] > 0)]


def fullest(rows: pd.DataFrame) -> int:
    """The distance at which most deals were seen."""
    return int(rows.groupby("horizon")["n"].sum().idxmax())


@asked
def reliability(book: Book, bins: pd.DataFrame) -> dict[str, str]:
    """The words of the CRM's chances: what became of the deals it was surest of."""
    high = bins[bins["n"] >= ENOUGH].tail(1)
    key = "headline" if len(high) else "few"
    said, seen = (float(high[name].iloc[0]) if len(high) else np.nan for name in ("forecast", "value"))
    scores = kpis.brier_score(book)
    score = scores[scores["horizon"] == bins["horizon"].iloc[0]].iloc[0]
    values = {"said": said, "seen": seen, "n": int(bins["n"].sum()), "months": int(bins["horizon"].iloc[0])}
    words = figure(book, "figures.forecast.reliability", key, **values)
    key = "skill" if score["skill"] > 0 else "no_skill"
    return words | {"note": book.words.say(f"figures.forecast.reliability.{key}", skill=score["skill"])}


def stage_title(book: Book) -> str:
    """The title of the table of stages."""
    return book.words.say("figures.forecast.reliability.table")


STAGES = ["stage", "said", "value", "low", "high", "n", "n_open"]


def stage_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Stages: what the CRM says, what came, and so the chance to say instead."""
    return rows if reason_of(rows) else rows[STAGES]


# As others define it


def lens_rows(book: Book) -> pd.DataFrame:
    """The numbers that sellers submitted, as HubSpot judges them and as this page does, period by period."""
    theirs = kpis.forecast_error.others["hubspot"](book)
    if reason_of(theirs):
        return theirs
    theirs = theirs[theirs["method"] == "rep"].rename(columns={"value": "accuracy", "forecast": "mean_submitted"})
    past = kpis.past_forecasts(book)
    ours = past[(past["method"] == "rep") & (past["horizon"] == LATE)].dropna(subset=["value"])
    error = ((ours["value"] - ours["actual"]) / ours["actual"].where(ours["actual"] > 0)).set_axis(ours["quarter"])
    rows = theirs.assign(signed_error=error.reindex(theirs["quarter"]).to_numpy()).tail(YEARS)
    names = [book.words.quarter(start) for start in rows["quarter"]]
    return rows.assign(period_name=names)[["period_name", *LENS_UNITS]]


LENS_UNITS = {"actual": "money", "n": "count", "mean_submitted": "money", "accuracy": "share", "signed_error": "share"}
YEARS = 8


def lens_title(book: Book) -> str:
    """The title of the table of accuracy as HubSpot has it."""
    return book.words.say("lens.forecast_error.table", months=LATE)


def lens_note(book: Book) -> str:
    """Why the two differ."""
    return book.words.say("lens.forecast_error.hubspot.why")
