"""What sellers report, how they use the CRM, and material."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from salesbook import stats
from salesbook.book import Book
from salesbook.findings import ALPHA, Candidate, Finding
from salesbook.headlines import asked, compared, direction, figure, finding, repeating, sides
from salesbook.headlines.team.figures import REPORTED, YEAR, YEARS, beside
from salesbook.kpi import reason_of
from salesbook.kpis import team as kpis


def material(book: Book) -> Candidate | None:
    """Whether deals with material are won more often."""
    rows = kpis.collateral_odds(book, last=YEARS)
    return compared(book, "material", rows, material_values, lambda told: told["odds"] - 1, weight=1)


def material_values(row: pd.Series) -> dict:
    """The numbers that sentences on material use."""
    told = sides(row, used="used", other="other")
    return told | {"odds": told.pop("size"), "unknown": row["unknown"], "months": YEARS}


def fields(book: Book) -> list[Finding]:
    """How many of the fields that deals should have are filled: counted, not inferred."""
    row = kpis.fields_filled(book, last=YEAR).iloc[0]
    if row["reason"]:
        return []
    return [finding(book, "say.fields", share=row["value"], n=int(row["n"]), months=YEAR)]


def report_rows(book: Book) -> pd.DataFrame:
    """What was reported and logged, by what."""
    rows = kpis.self_report_ratio(book, by="what", last=YEAR)
    if reason_of(rows):
        return rows
    gaps = kpis.self_report_gap(book, by="what", last=YEAR)[["what", "value"]].rename(columns={"value": "gap"})
    rows = rows.merge(gaps, on="what").assign(what=[book.words.say(f"reported.{what}") for what in rows["what"]])
    return rows.rename(columns=REPORTED)


REPORT_UNITS = dict.fromkeys(("gap", "reported", "logged"), "count")


@asked
def reports(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of self-reports: how far reports and the CRM lie apart."""
    whole = kpis.self_report_ratio(book, last=YEAR).iloc[0]
    values = {"ratio": whole["value"], "reported": whole["numerator"], "logged": whole["denominator"]}
    values |= {"low": whole["low"], "high": whole["high"], "n": int(whole["n"]), "months": YEAR}
    error = (whole["high"] - whole["low"]) / (2 * stats.Z)
    p = 2 * norm.sf(abs(whole["value"] - 1) / error) if error > 0 else np.nan
    is_apart = bool(p <= ALPHA)
    return figure(book, "figures.reports", direction(whole["value"] - 1) if is_apart else "alike", is_apart, **values)


def adoption_rows(book: Book) -> pd.DataFrame:
    """How each seller uses the CRM: four figures, not blended; times in seconds."""
    columns = {"active": kpis.active_day_rate, "features": kpis.used_features, "delay": kpis.entry_delay}
    columns |= {"late_delay": (kpis.entry_delay, "p90"), "fields_filled": kpis.fields_filled}
    rows = beside(book, columns)
    if reason_of(rows):
        return rows
    return rows.assign(**{name: rows[name] * DAY for name in ("delay", "late_delay")})


DAY = 86_400
ADOPTION_UNITS = {"active": "share", "features": "count", "fields_filled": "share"}
ADOPTION_UNITS |= dict.fromkeys(("delay", "late_delay"), "duration")


def material_rows(book: Book) -> pd.DataFrame:
    """Uses by piece, the most used first."""
    rows = kpis.collateral_uses(book, by="asset_id", last=YEAR)
    if reason_of(rows):
        return rows
    return rows.sort_values("value", ascending=False, ignore_index=True, kind="stable")[["asset_id", "value", "reason"]]


def material_title(book: Book) -> str:
    """The title of the uses of material: who uses it, and what a use costs."""
    reach, cost = (kpi(book, last=YEAR).iloc[0] for kpi in (kpis.collateral_reach, kpis.collateral_cost_per_use))
    if reach["value"] != reach["value"]:
        return ""
    values = {"k": int(reach["numerator"]), "n": int(reach["denominator"]), "months": YEAR}
    key = "uses" if cost["value"] == cost["value"] else "uses_only"
    return book.words.say(f"figures.material.{key}", cost=cost["value"], **values)


@asked
def won_with(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Deals won with material, and without."""
    row = rows.iloc[0]
    k, n = np.array([row["used_k"], row["other_k"]], int), np.array([row["used_n"], row["other_n"]], int)
    low, high = stats.wilson(k, n)
    names = [book.words.say(f"material.{name}") for name in ("used", "other")]
    shares = np.divide(k, n, out=np.full(2, np.nan), where=n > 0)
    shown = {"material": names, "numerator": k, "denominator": n, "value": shares, "low": low, "high": high}
    return pd.DataFrame(shown)


@asked
def with_material(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of winning with material."""
    values = material_values(rows.iloc[0])
    return repeating(book, "figures.material", values["odds"] - 1, **values)
