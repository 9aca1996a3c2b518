"""What is done, what comes of it, calls and mail, and how work and time are shared out."""

import numpy as np
import pandas as pd

from salesbook import sellers, stats
from salesbook.book import Book
from salesbook.findings import ALPHA, Candidate, Finding
from salesbook.headlines import asked, compared, figure, finding, repeating, sides
from salesbook.headlines.team.figures import TINY, YEAR, YEARS, beside, by_seller
from salesbook.kpi import reason_of
from salesbook.kpis import team as kpis
from salesbook.sellers import SHOWN

THIRD = 1 / 3
VISIBLE = 0.005  # a difference that whole per cents show
TYPES = ("call", "email", "meeting")


def load(book: Book) -> list[Finding]:
    """Where most and least work is open per full-time equivalent: counted, not inferred."""
    whole, rows = kpis.workload(book), load_rows(book)
    if reason_of(whole):
        return []
    values = {"whole": whole["value"].iloc[0], "n": int(whole["n"].iloc[0]), "open": whole["numerator"].iloc[0]}
    if reason_of(rows) or len(rows) < 2:
        return [finding(book, "say.load", **values)]
    most, least = rows.iloc[0], rows.iloc[-1]
    ends = {"most": most["territory"], "high": most["value"], "least": least["territory"], "low": least["value"]}
    return [finding(book, "say.load_by_territory", **values, **ends)]


def opened(book: Book) -> Finding:
    """How many new deals were opened and closed in a year, beside the year before: counted, not inferred."""
    parts = {"opened": kpis.opportunities_created, "closed": kpis.deals_closed}
    values = {name: kpi(book, last=YEAR)["value"].iloc[0] for name, kpi in parts.items()}
    values |= {f"{name}_before": kpi(book, last=YEAR, ago=YEAR)["value"].iloc[0] for name, kpi in parts.items()}
    return finding(book, "say.opened", **values, months=YEAR)


def mail_alone(book: Book) -> Candidate | None:
    """Whether deals worked by mail alone are lost late more often."""
    rows = kpis.email_only_losses(book, last=YEARS)
    return compared(book, "mail", rows, mail_values, lambda told: told["change"], weight=4)


def mail_values(row: pd.Series) -> dict:
    """The numbers that sentences on mail alone use."""
    told = sides(row, mail="email", other="other")
    return told | {"change": told.pop("size"), "months": YEARS}


@asked
def by_type(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Activities by month, each type by its name."""
    rows = rows.assign(type=pd.Categorical(rows["type"], TYPES)).sort_values(["type", "period"])
    return rows.assign(type=[book.words.say(f"activity.{name}") for name in rows["type"]]).reset_index(drop=True)


@asked
def types(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of activities by type: what was done this month, against the twelve before."""
    by_month = rows.groupby("period")["value"].sum()
    before = by_month.iloc[-1 - YEAR : -1]
    planned, late = (kpi(book)["value"].iloc[0] for kpi in (kpis.planned_activities, kpis.overdue_activities))
    values = {"now": by_month.iloc[-1], "usual": before.mean(), "planned": planned, "late": late}
    return figure(book, "figures.types", **values, months=len(by_month))


def done_rows(book: Book) -> pd.DataFrame:
    """What each seller did in twelve months."""
    rows = beside(
        book,
        {
            "calls": kpis.calls_made,
            "emails": kpis.emails_sent,
            "meetings": kpis.meetings_held,
            "booked": kpis.meetings_booked,
            "opportunities": kpis.opportunities_created,
            "quotes": kpis.quotes_sent,
            "closed": kpis.deals_closed,
            "planned": kpis.planned_activities,
        },
        stocks=("planned",),
    )
    names = rows.columns.drop("seller", errors="ignore")
    return rows if reason_of(rows) else rows.assign(**rows[names].fillna(0))


DONE_UNITS = dict.fromkeys(
    ("calls", "emails", "meetings", "booked", "opportunities", "quotes", "closed", "planned"), "count"
)


def pay_rows(book: Book) -> pd.DataFrame:
    """Efficiency beside effectiveness: what each seller does an hour, and what comes of it."""
    return beside(
        book,
        {
            "attempts": (kpis.contact_effectiveness, "denominator"),
            "per_hour": kpis.attempts_per_hour,
            "talk_share": kpis.contact_effectiveness,
            "talks_per_hour": kpis.results_per_hour,
            "qualified": (kpis.lead_effectiveness, "numerator"),
            "per_lead": kpis.cost_per_result,
        },
    )


PAY_UNITS = {"attempts": "count", "per_hour": "ratio", "talk_share": "share", "talks_per_hour": "ratio"}
PAY_UNITS |= {"qualified": "count", "per_lead": "money"}


@asked
def talks(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of talks per attempt by seller: how far they lie apart once chance is allowed for."""
    values = {"low": rows["estimate"].min(), "high": rows["estimate"].max(), "k": len(rows), "months": YEAR}
    k, n = rows["numerator"], rows["denominator"]
    effect = stats.design_effect(k, n, rows["low"], rows["high"])
    p = stats.shares_alike(k / effect, n / effect)
    is_apart = bool(p <= ALPHA and values["high"] - values["low"] >= VISIBLE)
    key = "headline" if is_apart else "alike"
    return figure(book, "figures.talks", key, is_apart, **values, whole=k.sum() / n.sum(), n=int(n.sum()))


@asked
def balance(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of the balance of calls and mail by seller."""
    meetings = kpis.meeting_share(book, last=YEAR).iloc[0]
    values = {"low": rows["value"].min(), "high": rows["value"].max(), "k": len(rows), "meetings": meetings["value"]}
    whole = rows["numerator"].sum() / rows["denominator"].sum()
    return figure(book, "figures.balance", **values, whole=whole, n=int(rows["denominator"].sum()), months=YEAR)


@asked
def late_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Late losses by kind of contact, named in words."""
    return rows.assign(contact=[book.words.say(f"contact.{name.replace(' ', '_')}") for name in rows["contact"]])


@asked
def late(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of late losses: whether mail alone loses more, and whether this quarter's losses are an alarm."""
    found = kpis.email_only_losses(book, last=YEARS)
    alarm = kpis.late_loss_alarm(book, last=3).iloc[0]
    is_tiny = alarm["value"] < TINY
    chance = book.words.say("tiny", share=TINY) if is_tiny else book.words.percent(alarm["value"])
    now = {"k": int(alarm["numerator"]), "n": int(alarm["denominator"]), "chance": chance}
    if reason_of(found):
        return figure(book, "figures.late", "unknown", mail=np.nan, other=np.nan, months=YEARS, **now)
    values = mail_values(found.iloc[0])
    shown = {name: values[name] for name in ("mail", "other", "months")}
    return repeating(book, "figures.late", values["change"], values["p"], **shown, **now)


def load_rows(book: Book) -> pd.DataFrame:
    """Open work per full-time equivalent by territory, the most first."""
    by = sellers.territory(book)
    rows = sellers.named(book, kpis.workload(book, by=by), by).rename(columns={"seller": "territory"})
    if reason_of(rows):
        return rows
    rows = rows.dropna(subset=["value"]).rename(columns={"numerator": "open_work", "denominator": "fte"})
    return rows.sort_values("value", ascending=False, ignore_index=True, kind="stable")


LOAD_UNITS = {"open_work": "count", "fte": "number"}


@asked
def loads(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of workload: whether work is spread more unevenly than chance, and what the target needs."""
    spread = kpis.workload_spread(book).iloc[0]
    values = {"whole": rows["open_work"].sum() / rows["fte"].sum(), "cv": spread["value"], "n": int(spread["n"])}
    values |= {"most": rows["territory"].iloc[0], "high": rows["value"].iloc[0], "k": len(rows)}
    left = kpis.work_left_behind(book)["value"].iloc[0]
    is_uneven = bool(spread["p"] <= ALPHA)
    return figure(book, "figures.load", "uneven" if is_uneven else "even", is_uneven, **values, left=left)


def needed(book: Book) -> str:
    """How many sellers this year's target needs, as a remark; nothing where it cannot be said."""
    rows = kpis.sellers_needed(book)
    if reason_of(rows):
        return ""
    row = rows.iloc[0]
    names = {"value": "needed", "low": "low", "high": "high", "present": "present", "won_per_fte": "won"}
    return book.words.say("figures.load.needed", **{name: row[column] for column, name in names.items()})


@asked
def selling(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of selling time: the share of all, and how many sellers are under a third."""
    whole = kpis.selling_time(book, last=YEAR).iloc[0]
    unknown = kpis.unknown_durations(book, last=YEAR).iloc[0]
    values = {"share": whole["value"], "low": whole["low"], "high": whole["high"], "hours": whole["denominator"]}
    values |= {"below": int((rows["value"] < THIRD).sum()), "k": len(rows), "unknown": unknown["value"], "months": YEAR}
    return figure(book, "figures.selling", **values)


def selling_rows(book: Book) -> pd.DataFrame:
    """Selling time by seller, the highest first."""
    rows = by_seller(book, kpis.selling_time(book, by=SHOWN, last=YEAR))
    return rows.rename(columns={"numerator": "with_customers", "denominator": "worked"})


SELLING_UNITS = {"with_customers": "number", "worked": "number"}
