"""What the page on data quality says."""

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from salesbook import stats
from salesbook.book import Book
from salesbook.compare import against_the_rest
from salesbook.findings import ALPHA, Candidate, Finding, chosen
from salesbook.headlines import asked, figure, finding
from salesbook.kpi import reason_of
from salesbook.kpis import data_quality as kpis
from salesbook.sellers import SHOWN, called, named
from salesbook.shrinkage import shrink_shares

YEAR = 12
SEED = 45
MOST = 20  # deals to mend that are shown
WEAK = 0.05  # a check that this share of deals fails is named among what is weak
MATERIAL = 0.05  # sellers who differ less than this are not named
NAMING = 3  # a seller is named on three times the evidence: to name one falsely does harm
ROUNDING = 1e-9
CHECK_UNITS = {"n_failed": "count", "checked": "count", "share_failed": "share", "at_stake": "money"}
OWNER_UNITS = {"open_deals": "count", "n_suspect": "count", "at_stake": "money", "share_skipped": "share",
               "share_in_a_day": "share", "delay": "duration"}  # fmt: skip
LEFT_OUT_UNITS = {"amount": "money", "crm": "money"}
IMPORT_UNITS = {"rows_read": "count", "n_rejected": "count", "share_rejected": "share", "n_flagged": "count"}
TRUST_UNITS = {"rows_read": "count", "n_rejected": "count", "n_flagged": "count"}
MEND_UNITS = {"amount": "money", "expected_close_on": "date"}

# What each page rests on, and the checks that bear on it.
AMOUNTS = ("missing_amount", "zero_amount")
OUTLOOK = ("past_due", "stale", "month_end_date", "missing_date", *AMOUNTS)
LATE = "late_entry"  # of contacts, not of deals
PATHS = ("skipped_stage", "at_once", "backfilled", "bulk_edit")
PAGES = {
    "scorecard": (("deals", "stage_history", "targets", "reps"), (*AMOUNTS, "missing_owner")),
    "funnel": (("leads", "activities", "deals", "stages", "stage_history", "accounts"), (*PATHS, LATE)),
    "follow_up": (("leads", "activities", "deals", "reps"), ("missing_owner", LATE)),
    "forecast_accuracy": (("deals", "stage_history", "deal_changes", "forecast_snapshots"), OUTLOOK),
    "pipeline": (("deals", "stage_history", "deal_changes", "targets", "lead_status_history"), (*OUTLOOK, *PATHS)),
    "team": (("activities", "deals", "leads", "reps"), ("missing_owner", "owner_left", LATE)),
    "unit_economics": (("accounts", "costs", "deals", "orders", "subscriptions"), AMOUNTS),
}


def this_month(book: Book) -> list[Finding]:
    """The month in short: what is suspect and what it would cost, then whether a seller enters late or skips stages."""
    found = [stands_out(book, "late", late_rows(book)), stands_out(book, "skips", skip_rows(book))]
    return [*suspects(book), *chosen([candidate for candidate in found if candidate], most=2)]


def suspects(book: Book) -> list[Finding]:
    """How many open deals failed a check, and what the quarter comes to without them: counted, not tested."""
    rows = kpis.suspect_deals(book)
    if reason_of(rows):
        return []
    row, amount = rows.iloc[0], kpis.suspect_pipeline(book)["value"].iloc[0]
    values = {"n": int(row["numerator"]), "total": int(row["denominator"]), "amount": amount, "share": row["value"]}
    if not values["n"]:
        return [finding(book, "say.no_suspects", **values)]
    quarter = kpis.forecast_without_suspects(book)
    if reason_of(quarter):
        return [finding(book, "say.suspects", **values)]
    whole, without = quarter.set_index("left_out")["value"].reindex(["none", "suspect"])
    return [finding(book, "say.suspects_forecast", **values, whole=whole, without=without)]


def late_rows(book: Book) -> pd.DataFrame:
    """Days on which a seller entered contacts, and those on which most were more than a day old, by seller.

    Rule: by day of entry, for what is entered together is late together: a week entered at once is late once.
    """
    days = kpis.registered_within_day(book, by=(SHOWN, "owner_id", "entered_on"), last=YEAR)
    if reason_of(days):
        return days
    late = (days["value"] < 0.5).groupby(days[SHOWN]).agg(["sum", "size"]).reset_index()
    rows = late.rename(columns={"sum": "numerator", "size": "denominator"})
    return grouped(book, rows.assign(value=rows["numerator"] / rows["denominator"]))


def skip_rows(book: Book) -> pd.DataFrame:
    """Deals in which a mandatory stage was skipped, by seller."""
    if reason_of(kpis.skipped_stages(book, last=YEAR)):
        return kpis.skipped_stages(book, last=YEAR)
    rows = kpis.data_quality(book, by=SHOWN, where={"rule": "skipped_stage"})
    return grouped(book, rows.assign(numerator=rows["denominator"] - rows["numerator"], value=1 - rows["value"]))


def grouped(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of known sellers, under one name of the column."""
    known = rows.dropna(subset=[SHOWN, "value"])
    return named(book, known) if len(known) else NOBODY


NOBODY = pd.DataFrame({"value": [np.nan], "reason": ["sellers are not known"]})


def beside_the_rest(rows: pd.DataFrame) -> pd.DataFrame:
    """Each seller's share beside that of all others, with the chance of one as high were all alike.

    Rule: Fisher's exact test, one-sided: only worse is ever claimed, and small shares of few days are too skewed for an
    approximation. Under twenty days or deals, the seller's or the others', there is none.
    """
    tested = against_the_rest(rows)
    own, n = tested["numerator"].to_numpy(float), tested["denominator"].to_numpy()
    k, others = np.floor(own + ROUNDING), np.ceil(own.sum() - own - ROUNDING)
    p = hypergeom.sf(k - 1, n.sum(), k + others, n)
    return tested.assign(p=np.where(tested["p"].notna(), p, np.nan))


def stands_out(book: Book, key: str, rows: pd.DataFrame) -> Candidate | None:
    """The seller who does worse than the others; picked after looking at all, so the test pays for all."""
    if reason_of(rows):
        return None
    tested = beside_the_rest(rows)
    values = {"k": len(tested), "months": YEAR}
    neutral = finding(book, f"say.{key}_alike", **values)
    worse = tested[(tested["change"] > MATERIAL) & tested["p"].notna()]
    if worse.empty:
        return Candidate(key, np.nan, neutral, neutral)
    first = worse.loc[worse["p"].idxmin()]
    values |= {
        "seller": first["seller"],
        "share": first["value"],
        "rest": first["rest"],
        "n": int(first["denominator"]),
    }
    values |= {"low": first["change_low"], "high": first["change_high"]}
    claim = finding(book, f"say.{key}_worse", True, **values)
    p = min(1.0, float(first["p"]) * len(tested) * NAMING)
    return Candidate(key, p, claim, neutral, weight=float(first["change"]))


# What is wrong


def rule_name(book: Book, rule: str) -> str:
    """A check in words."""
    return book.words.say(f"checks.{rule}.name")


@asked
def failing(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The checks by the share of deals that failed each, the most first; those that all passed are left out."""
    k, n = (rows["denominator"] - rows["numerator"]).to_numpy(), rows["denominator"].to_numpy()
    low, high = stats.wilson(k, n)
    shown = {"rule": [rule_name(book, rule) for rule in rows["rule"]], "numerator": k, "denominator": n}
    found = pd.DataFrame(shown | {"value": k / n, "low": low, "high": high})
    kept = found[found["numerator"] > 0] if k.any() else found.head(1)
    return kept.sort_values("value", ascending=False, ignore_index=True)


@asked
def checks(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of what is wrong: the check that most fail, and how many deals were checked."""
    failed = rows["denominator"] - rows["numerator"]
    values = {"n": int(rows["denominator"].sum()), "k": len(rows), "failed": int(failed.sum())}
    if not values["failed"]:
        return figure(book, "figures.quality.checks", "none", rule="", share=0.0, **values)
    worst = rows.loc[(failed / rows["denominator"]).idxmax()]
    return figure(
        book, "figures.quality.checks", rule=rule_name(book, worst["rule"]), share=1 - worst["value"], **values
    )


@asked
def check_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Every check: how many failed, what is at stake, what it means and what to do."""
    stake = kpis.amount_at_stake(book, by="rule").set_index("rule")["value"]
    rows = rows.set_index("rule").reindex([rule for rule in kpis.RULES if rule in set(rows["rule"])])
    say, k = book.words.say, rows["denominator"] - rows["numerator"]
    return pd.DataFrame(
        {
            "rule": [rule_name(book, rule) for rule in rows.index],
            "n_failed": k.to_numpy(),
            "checked": rows["denominator"].to_numpy(),
            "share_failed": (k / rows["denominator"]).to_numpy(),
            "at_stake": stake.reindex(rows.index).fillna(0).to_numpy(),
            "todo": [say(f"checks.{rule}.todo", days=quiet_days(book)) for rule in rows.index],
        }
    )


def quiet_days(book: Book) -> int:
    """After how many days without a sign of life a deal is stale."""
    return int(book.run["follow_up"]["quiet_days"])


def title(book: Book, key: str, **values) -> str:
    """The title of a table of this page."""
    return book.words.say(f"figures.quality.{key}.table", months=YEAR, **values)


@asked
def owner_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """What each seller has to mend: suspect open deals and their amount, stages skipped, entries late."""
    n_open = rows.set_index(SHOWN)
    stake = kpis.suspect_pipeline(book, by=SHOWN)
    skipped, entered = (kpi(book, by=SHOWN, last=YEAR) for kpi in (kpis.skipped_stages, kpis.registered_within_day))
    delay = kpis.registration_delay(book, by=SHOWN, last=YEAR)
    sides = {"at_stake": stake, "share_skipped": skipped, "share_in_a_day": entered, "delay": delay}
    known = {name: side.set_index(SHOWN)["value"].dropna() for name, side in sides.items() if SHOWN in side}
    names = sorted({*n_open.index.dropna(), *(name for side in known.values() for name in side.index.dropna())})
    if not names:
        return NOBODY
    found = pd.DataFrame(index=pd.Index(names, name=SHOWN))
    found["open_deals"] = n_open["denominator"].reindex(names).fillna(0).astype(int)
    found["n_suspect"] = n_open["numerator"].reindex(names).fillna(0).astype(int)
    for name in sides:
        found[name] = known.get(name, pd.Series(dtype=float)).reindex(names)
    found["at_stake"] = found["at_stake"].fillna(0)
    found["delay"] *= kpis.HOUR
    return named(book, found.sort_values(["at_stake", "n_suspect"], ascending=False).reset_index())


def owner_title(book: Book) -> str:
    """The title of the table by seller."""
    return title(book, "owners")


# The forecast


@asked
def forecast_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The quarter with all open deals and without the suspect ones."""
    rows = rows[rows["left_out"].isin(["none", "suspect"])]
    names = [book.words.say(f"left_out.{name}") for name in rows["left_out"]]
    n = rows["n"].max() if len(rows) else 0
    total = len_open(book)
    return rows.assign(deals=names, n=[total, total - n])[["deals", "n", "value", "low", "high"]]


def len_open(book: Book) -> int:
    """How many deals are open."""
    return int(kpis.suspect_deals(book)["denominator"].iloc[0])


@asked
def forecast(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the forecast with and without suspect deals."""
    both = rows.set_index("left_out")
    whole, without = both.loc["none"], both.loc["suspect"]
    values = {"whole": whole["value"], "without": without["value"], "n": int(without["n"]), "amount": without["amount"]}
    key = "headline" if without["n"] else "none"
    return figure(book, "figures.quality.without", key, quarter=whole["quarter"], total=len_open(book), **values)


@asked
def left_out_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The quarter without the deals that failed each check."""
    say = book.words.say
    is_rule = ~rows["left_out"].isin(["none", "suspect"])
    names = [rule_name(book, name) if rule else say(f"left_out.{name}")
             for name, rule in zip(rows["left_out"], is_rule, strict=True)]  # fmt: skip
    return rows.assign(left_out=names)[["left_out", "n", "amount", "value", "crm"]]


@asked
def mend_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The largest deals to mend, with what to mend in words."""
    rows = rows.head(MOST)
    wrong = ["; ".join(rule_name(book, rule) for rule in rules) for rules in rows["rules"]]
    shown = {"deal_id": rows["deal_id"], "rule": wrong, "seller": called(book, rows["seller"]), "stage": rows["stage"]}
    return pd.DataFrame(shown | {"expected_close_on": rows["expected_close_on"], "amount": rows["value"]})


def mend_title(book: Book, rows: pd.DataFrame) -> str:
    """The title of the table of deals to mend: how many there are in all."""
    return title(book, "mend", n=0 if reason_of(rows) and "deal_id" not in rows else len(rows), shown=MOST)


# Stages


@asked
def stage_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The stages by how many won deals never entered them; named with their pipeline where there are several."""
    several = rows["pipeline"].nunique() > 1
    names = rows["pipeline"] + ": " + rows["stage"] if several else rows["stage"]
    kept = ["numerator", "denominator", "value", "low", "high", "is_mandatory", "is_optional"]
    kinds = {name: rows[name].astype(bool) for name in kept[-2:]}
    return rows.assign(stage=names, **kinds)[["stage", *kept]]


@asked
def stages(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of skipped stages: the one that is optional in practice, or the mandatory one most skipped."""
    mandatory = rows[rows["is_mandatory"].astype(bool)]
    optional = mandatory[mandatory["is_optional"].astype(bool)]
    worst = (mandatory if len(mandatory) else rows).sort_values("value").iloc[-1]
    values = {"stage": worst["stage"], "share": worst["value"], "n": int(rows["denominator"].max()), "months": months}
    if len(optional):
        first = optional.loc[optional["value"].idxmax()]
        return figure(
            book, "figures.quality.stages", "optional", **values | {"stage": first["stage"], "share": first["value"]}
        )
    return figure(book, "figures.quality.stages", "headline" if worst["numerator"] else "none", **values)


@asked
def league(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Sellers by their share, drawn towards the whole as far as chance explains the differences."""
    k, n = rows["numerator"].to_numpy(float), rows["denominator"].to_numpy(float)
    drawn = shrink_shares(k, n, SEED, higher_is_better=False)
    ends = zip(drawn.rank_low, drawn.rank_high, strict=True)
    shown = {"seller": rows["seller"], "numerator": k.round().astype(int), "denominator": n.round().astype(int)}
    shown |= {"value": drawn.raw, "low": np.minimum(drawn.low, drawn.raw), "high": np.maximum(drawn.high, drawn.raw)}
    shown |= {"estimate": drawn.value, "rank": [book.words.say("rank", low=low, high=high) for low, high in ends]}
    return pd.DataFrame(shown).sort_values("estimate", ascending=False, ignore_index=True)


def whole(rows: pd.DataFrame) -> float | None:
    """The share of all sellers together, for the line in the figure."""
    return None if reason_of(rows) else float(rows["numerator"].sum() / rows["denominator"].sum())


@asked
def sellers(book: Book, rows: pd.DataFrame, key: str) -> dict[str, str]:
    """The words of sellers side by side: the one that stands out after correction, or that none does."""
    tested = beside_the_rest(rows)
    adjusted = pd.Series(stats.benjamini_hochberg(tested["p"].to_numpy(float)), index=tested.index)
    clear = tested[(adjusted < ALPHA) & (tested["change"] > MATERIAL)]
    values = {"k": len(rows), "n": int(rows["denominator"].sum()), "months": YEAR}
    if clear.empty:
        return figure(book, f"figures.quality.{key}", "alike", False, seller="", share=np.nan, rest=np.nan, **values)
    first = clear.loc[clear["p"].idxmin()]
    named = {"seller": first["seller"], "share": first["value"], "rest": first["rest"]}
    return figure(book, f"figures.quality.{key}", "worse", True, **named, **values)


@asked
def amounts(book: Book, rows: pd.DataFrame, months: int) -> dict[str, str]:
    """The words of how soon deals have an amount: at once, and after a month."""
    by_day = rows.set_index("t")["value"]
    later = by_day[by_day.index <= MONTH]
    values = {"first": float(by_day.iloc[0]), "later": float(later.iloc[-1]), "days": int(later.index[-1])}
    return figure(book, "figures.quality.amounts", **values, n=int(rows["n"].iloc[0]), months=months)


MONTH = 30


# The import, and how far each page can be trusted


@asked
def import_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The tables of the export: rows read, rejected, flagged."""
    shown = {"table": rows["table"], "rows_read": rows["denominator"], "n_rejected": rows["numerator"]}
    return pd.DataFrame(shown | {"share_rejected": rows["value"], "n_flagged": rows["flagged"]})


def import_title(book: Book, rows: pd.DataFrame) -> str:
    """The title of the table of the export: how much of it was read."""
    read, rejected = (0, 0) if reason_of(rows) else (int(rows["denominator"].sum()), int(rows["numerator"].sum()))
    return title(book, "import", n=read, rejected=rejected)


def import_note(book: Book) -> str:
    """Which rules struck how many rows."""
    say, remarks = book.words.say, kpis.import_remarks(book)
    told = [
        say("figures.quality.import.rule", table=row["table"], rule=book.words.remark(row["rule"]), n=int(row["value"]))
        for row in remarks.to_dict("records")
    ]
    return say("figures.quality.import.rules", rules="; ".join(told)) if told else ""


def fresh_note(book: Book) -> str:
    """Whether the data reaches the month it tells of: the stamp that stands on every page."""
    warnings = [book.words.say(f"warning.{one['code']}", **one["values"]) for one in book.run["warnings"]]
    return " ".join(warnings) or book.words.say("figures.quality.import.fresh")


def trust_rows(book: Book) -> pd.DataFrame:
    """Each page and what is weak in what it rests on: tables that are missing, rows rejected, checks that many fail."""
    rejected = kpis.rejected_rows(book).set_index("table")
    found = kpis.data_quality(book, by="rule")
    failed = {} if reason_of(found) else dict(zip(found["rule"], 1 - found["value"], strict=True))
    failed["late_entry"] = 1 - kpis.registered_within_day(book)["value"].iloc[0]
    rows = []
    for page, (tables, rules) in PAGES.items():
        there = rejected.reindex([name for name in tables if name in rejected.index]).sum(numeric_only=True)
        missing = [name for name in tables if name not in book.run["tables"]]
        rows.append(
            {
                "page": book.words.say(f"page_names.{page}"),
                "missing": ", ".join(missing) or book.words.say("nothing_missing"),
                "rows_read": int(there["denominator"]),
                "n_rejected": int(there["numerator"]),
                "n_flagged": int(there["flagged"]),
                "weak": weak(book, {rule: failed[rule] for rule in rules if rule in failed}),
            }
        )
    return pd.DataFrame(rows)


def weak(book: Book, failed: dict[str, float]) -> str:
    """The checks that too many deals fail, the most first."""
    named = sorted(((share, rule) for rule, share in failed.items() if share >= WEAK), reverse=True)
    told = [f"{rule_name(book, rule)} {book.words.percent(share)}" for share, rule in named]
    return "; ".join(told) or book.words.say("nothing_weak")


def trust_title(book: Book) -> str:
    """The title of the table of pages."""
    return title(book, "trust", share=WEAK)


def units(rows: pd.DataFrame, known: dict[str, str]) -> dict[str, str]:
    """The units of the columns that are there."""
    return {name: unit for name, unit in known.items() if name in rows}
