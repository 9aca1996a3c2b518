"""What the page of unit economics says."""

import numpy as np
import pandas as pd
from scipy.stats import binom, t

from salesbook.book import Book
from salesbook.compare import BEFORE, NOW
from salesbook.findings import ALPHA, HELD, LEAST, Candidate, Finding, chosen
from salesbook.headlines import asked, direction, figure, finding
from salesbook.kpi import Ask, reason_of
from salesbook.kpis import unit_economics as of
from salesbook.query import Question, Unanswerable
from salesbook.stats import benjamini_hochberg, difference_of_shares
from salesbook.survival import kaplan_meier, log_rank

YEAR = 12
DAYS_A_YEAR = 365.25
SOUND = 3.0
PRICE_MONTHS = 24
BANDS = ("none", "to_5", "to_10", "to_15", "to_20", "over_20")
VARIANTS = {
    "simple": of.lifetime_value_simple,
    "margin": of.lifetime_value_margin,
    "subscription": of.lifetime_value_subscription,
    "discounted": of.lifetime_value_discounted,
    "contracts": of.lifetime_value_contracts,
    "orders": of.lifetime_value_orders,
}
LIFETIME_VALUES = tuple(VARIANTS.values())


def this_month(book: Book) -> list[Finding]:
    """The month in short: recurring revenue as counted; whether newer customers leave sooner, whether discounts go with
    winning, whether a customer costs more."""
    return [revenue(book), *chosen([newer_leave(book), discounts(book), cost_moved(book)], most=2)]


def revenue(book: Book) -> Finding:
    """What recurs a month, and how much of a year ago is left: counted, not inferred."""
    moves, kept = of.mrr_movement(book), of.net_revenue_retention(book)
    if reason := reason_of(moves):
        return finding(book, "say.mrr_none", reason=book.words.reason(reason))
    row, left = moves.iloc[0], kept.iloc[0]
    values = {"mrr": row["value"], "start": row["start"], "n": int(of.mrr(book)["n"].iloc[0])}
    values |= {"month": book.run["month"]}
    if reason_of(kept) or left["n"] < LEAST:
        return finding(book, "say.mrr_young", **values)
    values |= {"kept": left["value"], "low": left["low"], "high": left["high"], "n_then": int(left["n"])}
    return finding(book, "say.mrr", **values)


def newer_leave(book: Book) -> Candidate:
    """Whether the customers of the last year leave sooner than those before, at the same ages."""
    unknown = finding(book, "say.churn_unknown", months=YEAR)
    newer, earlier = newer_and_earlier(book)
    if min(len(newer), len(earlier)) < LEAST:
        return Candidate("churn", np.nan, unknown, unknown)
    (k1, n1), (k0, n0) = ((part["has_left"].sum(), part["months"].sum()) for part in (newer, earlier))
    moved = difference_of_shares(k1, n1, k0, n0)
    values = {"now": k1 / n1 if n1 else np.nan, "before": k0 / n0 if n0 else np.nan, "change": float(moved.value)}
    values |= {"low": float(moved.low), "high": float(moved.high), "n": len(newer), "n_before": len(earlier)}
    claim = finding(book, f"say.churn_{direction(values['change'])}", True, months=YEAR, **values)
    level = finding(book, "say.churn_level", months=YEAR, **values)
    return Candidate("churn", leave_alike(newer, earlier), claim, level, weight=3)


def newer_and_earlier(book: Book) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The stays of the customers of the last year and of those before, watched for a year each."""
    try:
        stays = of.stays(Ask(book, Question()))
    except Unanswerable:
        stays = pd.DataFrame({"first_month": [], "has_left": [], "months": []})
        stays = stays.astype({"first_month": "datetime64[us]", "has_left": bool, "months": int})
    stays = stays.assign(has_left=stays["has_left"] & (stays["months"] < YEAR), months=stays["months"].clip(upper=YEAR))
    since = pd.Timestamp(book.period.end) - pd.DateOffset(months=YEAR)
    return stays[stays["first_month"] >= since], stays[stays["first_month"] < since]


def leave_alike(newer: pd.DataFrame, earlier: pd.DataFrame) -> float:
    """The chance of two groups that leave so differently, were they alike."""
    return log_rank(newer["months"], newer["has_left"], earlier["months"], earlier["has_left"])


def discounts(book: Book) -> Candidate:
    """Whether deals of one product are won more or less often with a deep discount."""
    row = of.deep_discount_odds(book, last=PRICE_MONTHS).iloc[0]
    if row["reason"]:
        unknown = finding(book, "say.price_unknown", reason=book.words.reason(row["reason"]))
        return Candidate("price", np.nan, unknown, unknown)
    values = {"ratio": row["value"], "low": row["low"], "high": row["high"], "n": int(row["n"])}
    values["months"] = PRICE_MONTHS
    claim = finding(book, f"say.price_{direction(row['value'] - 1)}", True, **values)
    p = float(row["p"]) if values["n"] >= LEAST else np.nan
    return Candidate("price", p, claim, finding(book, "say.price_level", **values), weight=2)


def cost_moved(book: Book) -> Candidate:
    """Whether a new customer costs more in the last months than before: customers for the money, as counts."""
    year, worth = of.cac(book, last=YEAR), of.ltv_to_cac(book)
    if reason := reason_of(year):
        unknown = finding(book, "say.cost_unknown", reason=book.words.reason(reason))
        return Candidate("cost", np.nan, unknown, unknown)
    row, ratio = year.iloc[0], worth.iloc[0]
    values = {"now": row["value"], "low": row["low"], "high": row["high"], "n": int(row["denominator"])}
    values |= {"ratio": ratio["value"], "ratio_low": ratio["low"], "ratio_high": ratio["high"], "months": YEAR}
    neutral = finding(book, "say.cost_alone" if reason_of(worth) else "say.cost_level", **values)
    p = customers_for_money(of.cac(book, period="month", last=NOW + BEFORE), NOW)
    if np.isnan(p):
        return Candidate("cost", np.nan, neutral, neutral)
    now, before = of.cac(book, last=NOW).iloc[0], of.cac(book, last=BEFORE, ago=NOW).iloc[0]
    values = {"now": now["value"], "low": now["low"], "high": now["high"], "n": int(now["denominator"])}
    values |= {"before": before["value"], "n_before": int(before["denominator"]), "months": NOW}
    key = f"say.cost_{direction(values['now'] - values['before'])}"
    return Candidate("cost", p, finding(book, key, True, months_before=BEFORE, **values), neutral, weight=1)


def customers_for_money(months: pd.DataFrame, now: int) -> float:
    """The chance of customers for the money that differ so between the last months and those before.

    Rule: counts of a month with its cost as exposure; where months scatter more than counts by chance do, the error
    grows with them (quasi-Poisson). A month without cost, or under 20 customers on a side, gives no test (NaN).
    """
    spent, gained = months["numerator"].to_numpy(float), months["denominator"].to_numpy(float)
    is_now = np.arange(len(months)) >= len(months) - now
    counts, costs = ([part[~is_now].sum(), part[is_now].sum()] for part in (gained, spent))
    if not (spent > 0).all() or min(counts) < LEAST:
        return np.nan
    expected = spent * np.where(is_now, counts[1] / costs[1], counts[0] / costs[0])
    freedom = len(months) - 2
    scatter = max(1.0, float(((gained - expected) ** 2 / expected).sum() / freedom))
    distance = np.log(costs[1] / counts[1]) - np.log(costs[0] / counts[0])
    return float(2 * t.sf(abs(distance) / np.sqrt(scatter * (1 / counts[0] + 1 / counts[1])), freedom))


# Recurring revenue


@asked
def bridge_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The month's MRR as steps of a bridge; a movement of nothing is left out."""
    row, say = rows.iloc[0], book.words.say
    steps = [("new", 1), ("expansion", 1), ("contraction", -1), ("churn", -1), ("reactivation", 1), ("currency", 1)]
    moved = [(say(f"movements.{name}"), sign * row[name], False) for name, sign in steps if row[name]]
    found = [(say("movements.start"), row["start"], True), *moved, (say("movements.end"), row["value"], True)]
    return pd.DataFrame(found, columns=["step", "value", "is_total"])


@asked
def bridge(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the month's bridge."""
    row = rows.iloc[0]
    values = {"start": row["start"], "end": row["value"], "n": int(row["n"]), "month": book.run["month"]}
    gained = row["new"] + row["reactivation"] + row["expansion"]
    values |= {"new": round(gained, 2), "lost": round(row["churn"] + row["contraction"], 2)}
    change = round(row["value"] - row["start"], 2)
    key = "level" if not change else direction(change)
    return figure(book, "figures.mrr_bridge", key, change=abs(change), **values)


MOVEMENTS = ("new", "expansion", "contraction", "churn", "reactivation", "currency")
MOVEMENT_UNITS = dict.fromkeys((*MOVEMENTS, "end"), "money")


@asked
def movements(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The movements by month as a table."""
    return rows.rename(columns={"value": "end"})[["period", *MOVEMENTS, "end"]]


@asked
def mrr_trend(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of MRR by month: where it stands, and against a year before."""
    now, low, high = rows["value"].iloc[-1], rows["value"].min(), rows["value"].max()
    values = {"now": now, "low": low, "high": high, "months": len(rows), "n": int(rows["n"].iloc[-1])}
    before = rows["value"].iloc[-1 - YEAR] if len(rows) > YEAR else 0
    if not before:
        return figure(book, "figures.mrr_trend", "young", change=np.nan, **values)
    return figure(book, "figures.mrr_trend", "year", change=now / before - 1, **values)


@asked
def retention(book: Book, cells: pd.DataFrame) -> dict[str, str]:
    """The words of the cohorts of customers: how many of the older ones are still there."""
    ages = cells.groupby("age")["period"].nunique()
    age = int(ages[ages >= min(3, ages.max())].index.max())
    shares = cells.loc[(cells["age"] == age) & (cells["denominator"] >= book.words.counts_below), "value"]
    values = {"n": int(cells.groupby("period")["denominator"].max().sum()), "k": cells["period"].nunique()}
    if shares.empty or age < 2:
        return figure(book, "figures.customer_retention", "few", age=age, low=np.nan, high=np.nan, **values)
    key = "one" if len(shares) == 1 else "headline"
    return figure(book, "figures.customer_retention", key, age=age, low=shares.min(), high=shares.max(), **values)


def leaving(book: Book) -> pd.DataFrame:
    """The share that left by days since the start: newer customers beside earlier ones."""
    parts = dict(zip(("newer", "earlier"), newer_and_earlier(book), strict=True))
    if min(map(len, parts.values())) < LEAST:
        reason = "needs subscriptions" if book.missing("customer_months") else "too few"
        return pd.DataFrame({"value": [np.nan], "reason": [reason]})
    curves = []
    for name, stays in parts.items():
        months = np.arange(watched_for(stays, book.words.counts_below) + 1)
        gone = kaplan_meier(stays["months"], stays["has_left"]).incidence
        low, high = gone.interval(months)
        group = book.words.say(f"figures.leaving.{name}", months=YEAR)
        days = np.rint(months * DAYS_A_YEAR / YEAR).astype(int)
        curves.append(pd.DataFrame({"group": group, "t": days, "value": gone.at(months), "low": low, "high": high}))
    return pd.concat(curves, ignore_index=True)


def watched_for(stays: pd.DataFrame, least: int) -> int:
    """The months for which at least so many customers were watched."""
    return int(stays["months"].sort_values(ascending=False).iloc[min(least, len(stays)) - 1])


@asked
def left(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of who left: newer against earlier customers, only where they differ more than chance would."""
    newer, earlier = newer_and_earlier(book)
    shares = [part.set_index("t")["value"] for _, part in rows.groupby("group", sort=False)]
    age = min(part.index.max() for part in shares)
    values = {"months": YEAR, "n": len(newer), "n_before": len(earlier), "age": round(age * YEAR / DAYS_A_YEAR)}
    values |= {"now": shares[0][age], "before": shares[1][age]}
    is_clear = leave_alike(newer, earlier) <= HELD
    return figure(book, "figures.leaving", "apart" if is_clear else "level", is_clear, **values)


# Cost and worth


@asked
def cost(book: Book, rows: pd.DataFrame, whole: pd.DataFrame) -> dict[str, str]:
    """The words of CAC by channel: the channel that stands out after all were compared, or that none does."""
    total = whole.iloc[0]
    values = {"all": total["value"], "low": total["low"], "high": total["high"], "n": int(total["denominator"])}
    values |= {"months": YEAR, "k": len(rows)}
    first = apart(rows)
    if first is None:
        return figure(book, "figures.cac", "alike", False, channel="", cost=np.nan, **values)
    key = "dear" if first["value"] > total["value"] else "cheap"
    return figure(book, "figures.cac", key, True, channel=first["channel"], cost=first["value"], **values)


def apart(rows: pd.DataFrame) -> pd.Series | None:
    """The channel whose customers for the money differ most from the others', if that is more than chance."""
    known = rows.dropna(subset=["value", "channel"])
    if len(known) < 2:
        return None
    gained, spent = known["denominator"].astype(int), known["numerator"] / known["numerator"].sum()
    n = int(gained.sum())
    p = [2 * min(binom.cdf(k, n, share), binom.sf(k - 1, n, share)) for k, share in zip(gained, spent, strict=True)]
    adjusted = benjamini_hochberg(np.minimum(p, 1))
    return known.iloc[int(adjusted.argmin())] if adjusted.min() < ALPHA and n >= LEAST else None


def whole_of(rows: pd.DataFrame) -> float | None:
    """The value of all together, as a line in a chart; none where there is none."""
    value = rows["value"].iloc[0]
    return None if pd.isna(value) else float(value)


@asked
def cost_bars(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """CAC by channel as a chart takes it, the dearest first."""
    named = rows.rename(columns={"numerator": "spent", "denominator": "n"})
    return named.sort_values("value", ascending=False, ignore_index=True)


@asked
def costs(book: Book, loaded: pd.DataFrame, media: pd.DataFrame) -> pd.DataFrame:
    """CAC by channel as a table: all costs, and media alone."""
    alone = media[["channel", "value"]].rename(columns={"value": "media_cac"})
    names = {"numerator": "spent", "denominator": "gained", "value": "cac", "low": "cac_low", "high": "cac_high"}
    table = remarked(book, loaded.rename(columns=names).merge(alone, on="channel", how="left"))
    return table[["channel", "gained", "spent", "cac", "cac_low", "cac_high", "media_cac", *remarks(table)]]


def remarked(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Reasons as remarks in words, for a table without a column of values; without any there is no such column."""
    said = rows.pop("reason").map(book.words.reason)
    return rows.assign(remark=said) if (said != "").any() else rows


def remarks(table: pd.DataFrame) -> list[str]:
    """The column of remarks, where there is one."""
    return [name for name in table if name == "remark"]


BAR_UNITS = {"spent": "money"}
COST_UNITS = {"gained": "count"} | dict.fromkeys(("spent", "cac", "cac_low", "cac_high", "media_cac"), "money")


def worths(book: Book) -> pd.DataFrame:
    """The lifetime value in each of its variants, by name."""
    found = []
    for name, kpi in VARIANTS.items():
        row = kpi(book).iloc[0]
        figures = {key: row.get(key, np.nan) for key in ("n", "value", "low", "high", "reason")}
        found.append({"variant": book.words.say(f"variants.{name}")} | figures)
    return pd.DataFrame(found)


@asked
def worth(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of lifetime value in its variants."""
    known = rows["value"].dropna()
    values = {"low": known.min(), "high": known.max(), "k": len(known)}
    return figure(book, "figures.worth", "one" if len(known) == 1 else "headline", **values)


def unvalued(book: Book, rows: pd.DataFrame) -> str:
    """Which variants have no value, and why."""
    empty = rows[rows["value"].isna()]
    return " ".join(f"{row.variant}: {book.words.reason(row.reason)}." for row in empty.itertuples())


@asked
def times(book: Book, rows: pd.DataFrame, whole: pd.DataFrame) -> dict[str, str]:
    """The words of lifetime value to CAC: below, above or not to be told from three."""
    row = whole.iloc[0]
    values = {"ratio": row["value"], "low": row["low"], "high": row["high"], "months": YEAR, "k": len(rows)}
    if pd.isna(row["low"]) or pd.isna(row["high"]):
        return figure(book, "figures.ltv_to_cac", "unsure", **values)
    key = "below" if row["high"] < SOUND else "above" if row["low"] > SOUND else "unsure"
    return figure(book, "figures.ltv_to_cac", key, **values)


@asked
def affordable(book: Book, ratio: pd.DataFrame, payback: pd.DataFrame, most: pd.DataFrame) -> pd.DataFrame:
    """What a customer costs, may cost, and how soon it earns that back, by channel."""
    table = ratio.rename(columns={"value": "times"})
    for name, rows in (("highest_cac", most), ("payback", payback)):
        table = table.merge(rows[["channel", "value"]].rename(columns={"value": name}), on="channel", how="left")
    table = remarked(book, table.assign(over=table["cac"] - table["highest_cac"]))
    return table[["channel", "cac", "highest_cac", "over", "payback", "lifetime_value", "times", *remarks(table)]]


@asked
def ratios(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Lifetime value to CAC as a chart takes it: the channels that have one, the best first."""
    known = rows.dropna(subset=["value"]).sort_values("value", ascending=False, ignore_index=True)
    return known[["channel", "n", "lifetime_value", "cac", "value", "low", "high"]]


def sound(book: Book) -> dict:
    """The line from which lifetime value to CAC is sound."""
    return {"label": "channel", "whole": SOUND, "whole_label": book.words.say("figures.ltv_to_cac.sound")}


def unchanged(book: Book) -> dict:
    """The line of no change."""
    return {"label": "lever", "whole": 0.0, "whole_label": book.words.say("figures.what_if.none")}


RATIO_UNITS = dict.fromkeys(("lifetime_value", "cac"), "money")
CHANGE_UNITS = {"year": "money"}
AFFORDABLE_UNITS = dict.fromkeys(("cac", "highest_cac", "over", "lifetime_value"), "money") | {"times": "ratio"}


# Price


@asked
def prices(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Win rate by band of discount, adjusted, as a chart takes it: bands by name, the lowest first."""
    say = book.words.say
    names = [say("bands.unknown" if pd.isna(band) else f"bands.{BANDS[int(band)]}") for band in rows["discount_band"]]
    return rows.assign(band=names)[["band", "numerator", "denominator", "raw", "value", "low", "high", "reason"]]


@asked
def price(book: Book, rows: pd.DataFrame, odds: pd.DataFrame) -> dict[str, str]:
    """The words of win rate by discount: a difference only where the odds within products bear it."""
    row = odds.iloc[0]
    values = {"ratio": row["value"], "n": int(rows["denominator"].sum()), "k": len(rows), "months": PRICE_MONTHS}
    is_clear = bool(pd.notna(row["value"]) and row["p"] <= HELD)
    return figure(book, "figures.price", "clear" if is_clear else "level", is_clear, **values)


@asked
def price_table(book: Book, rows: pd.DataFrame, worth: pd.DataFrame) -> pd.DataFrame:
    """Raw and adjusted win rate and what a deal brings, by band."""
    names = {"value": "adjusted", "denominator": "n"}
    table = prices(book, rows).drop(columns=["numerator", "low", "high"]).rename(columns=names)
    amounts = {"value": "brings", "low": "brings_low", "high": "brings_high"}
    table = remarked(book, table.join(worth[[*amounts]].rename(columns=amounts)))
    return table[["band", "n", "raw", "adjusted", "brings", "brings_low", "brings_high", *remarks(table)]]


def observed(book: Book) -> str:
    """The remark below what prices do."""
    return book.words.say("figures.price.note")


RAW = {"raw": "share"}
PRICE_UNITS = {"raw": "share", "adjusted": "share"} | dict.fromkeys(("brings", "brings_low", "brings_high"), "money")


@asked
def changes(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """What-ifs as a chart takes them: what each brings more a year, with its interval."""
    say = book.words.say
    names = [say(f"levers.{lever}", change=change) for lever, change in rows[["lever", "change"]].to_numpy()]
    gains = {"value": rows["gain"], "low": rows["gain_low"], "high": rows["gain_high"]}
    return pd.DataFrame({"lever": names, "n": rows["n"], **gains, "year": rows["value"], "reason": rows["reason"]})


@asked
def what_if(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the what-ifs: a better win rate beside a higher price."""
    gains = rows.set_index("lever")
    conversion, price = gains.loc["conversion"], gains.loc["price"]
    values = {"change": conversion["change"], "gain": conversion["gain"], "n": int(conversion["n"])}
    values |= {"low": conversion["gain_low"], "high": conversion["gain_high"], "months": YEAR}
    if price["gain"] != price["gain"]:
        return figure(book, "figures.what_if", "without_price", **values)
    price_values = {"price": price["gain"], "price_low": price["gain_low"], "price_high": price["gain_high"]}
    key = "unsure" if price["gain_low"] <= 0 <= price["gain_high"] else "sure"
    return figure(book, "figures.what_if", key, **values, **price_values)


def title(book: Book, key: str, months: int = YEAR) -> str:
    """The title of a table."""
    return book.words.say(f"figures.{key}.table", months=months)
