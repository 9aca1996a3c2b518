"""Hunters and farmers, qualification, and the pulse."""

import numpy as np
import pandas as pd

from salesbook import sellers, stats
from salesbook.book import Book
from salesbook.findings import HELD, Candidate
from salesbook.headlines import asked, direction, figure, finding, repeating
from salesbook.headlines.team.figures import FEWEST, YEAR, YEARS, against_others
from salesbook.kpi import reason_of
from salesbook.kpis import team as kpis
from salesbook.sellers import SHOWN


def qualification(book: Book) -> Candidate | None:
    """Whether leads of which more is known are won more often."""
    rows = kpis.qualification_win_rate(book, by="n_filled", last=YEARS)
    if reason_of(rows):
        return None
    score, p, values = filled_values(rows)
    claim = finding(book, f"say.filled_{direction(score)}", True, **values)
    return Candidate("filled", p, claim, finding(book, "say.filled_alike", **values), weight=2)


def filled_values(rows: pd.DataFrame) -> tuple[float, float, dict]:
    """The trend of winning with the fields filled, its p (none under 20 leads), and the numbers its sentences use."""
    k, n, x = (rows[name].to_numpy(float) for name in ("numerator", "denominator", "n_filled"))
    score, p = stats.trend_of_shares(k, n, x)
    is_most = x == x.max()
    most, fewer = ((k[part].sum(), n[part].sum()) for part in (is_most, ~is_most))
    values = {"most": most[0] / max(most[1], 1), "fewer": fewer[0] / max(fewer[1], 1), "fields": int(x.max())}
    values |= {"n_most": int(most[1]), "n_fewer": int(fewer[1]), "months": YEARS}
    return score, p if min(most[1], fewer[1]) >= FEWEST else np.nan, values


def hunter_rows(book: Book) -> pd.DataFrame:
    """Hunters and farmers: the share of new customers, and the win rate in each, drawn towards the whole."""
    parts = {"new_share": kpis.new_customer_share, "new_won": kpis.new_customer_win_rate}
    parts |= {"existing_won": kpis.existing_customer_win_rate}
    found = None
    for name, kpi in parts.items():
        rows = sellers.league(book, kpi(book, by=SHOWN, last=YEARS))
        if reason_of(rows):
            return rows
        names = {"estimate": name, "denominator": f"n_{name}", "rank": f"rank_{name}"}
        part = rows[["seller", *names]].rename(columns=names)
        found = part if found is None else found.merge(part, on="seller", how="outer")
    return found.sort_values(["new_share", "seller"], ascending=[False, True], ignore_index=True).drop(
        columns="rank_new_share"
    )


HUNTER_UNITS = {"new_share": "share", "new_won": "share", "existing_won": "share"}
HUNTER_UNITS |= dict.fromkeys(("n_new_share", "n_new_won", "n_existing_won"), "count")


@asked
def filled_rows(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Leads won by the number of fields filled, in words."""
    return rows.assign(n_filled=[book.words.say("fields", n=int(n)) for n in rows["n_filled"]])


@asked
def filled(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of qualification: whether leads of which more is known are won more often."""
    score, p, values = filled_values(rows)
    whole = kpis.qualification_filled(book, last=YEARS)["value"].iloc[0]
    return repeating(book, "figures.filled", score, p, **values, filled=whole)


def pulse_rows(book: Book) -> pd.DataFrame:
    """eNPS by group of the last twelve months against all others together, the highest first."""
    rows = kpis.enps(book, by="team_group", last=YEAR)
    if reason_of(rows):
        return rows
    rows = rows[rows["value"].notna()].drop(columns="reason")
    rows = against_others(book, kpis.enps, rows, "team_group").rename(columns={"team_group": "team"})
    names = [book.words.say("seller.together") if name == sellers.OTHER else name for name in rows["team"]]
    return rows.assign(team=names).sort_values("value", ascending=False, ignore_index=True)


PULSE_UNITS = {"rest": "index", "p": "score", "adjusted": "score"}


def lowest_mood(book: Book) -> Candidate | None:
    """Whether a group's eNPS lies apart from the others'; picked after looking at all."""
    rows = pulse_rows(book)
    if reason_of(rows) or rows["p"].notna().sum() < 2:
        return None
    first = rows.loc[rows["p"].idxmin()]
    values = {"team": first["team"], "value": first["value"], "rest": first["rest"], "n": int(first["n"])}
    values |= {"low": first["low"], "high": first["high"], "months": YEAR}
    claim = finding(book, f"say.mood_{direction(first['value'] - first['rest'])}", True, **values)
    neutral = finding(book, "say.mood_alike", **mood_values(book))
    return Candidate("mood", min(1.0, first["p"] * len(rows)), claim, neutral, weight=2.5)


def mood_values(book: Book) -> dict:
    """The eNPS of all, as sentences use it."""
    whole = kpis.enps(book, last=YEAR).iloc[0]
    ends = {"value": whole["value"], "low": whole["low"], "high": whole["high"]}
    return ends | {"n": int(whole["n"]), "months": YEAR}


@asked
def mood(book: Book, rows: pd.DataFrame) -> dict[str, str]:
    """The words of eNPS: a group that lies apart from the others, else its value of all."""
    values = mood_values(book) | {"k": len(rows), "team": "", "rest": np.nan}
    clear = rows[rows["p"] * len(rows) <= HELD]
    if clear.empty:
        return figure(book, "figures.mood", "alike", False, **values, theirs=np.nan)
    first = clear.loc[clear["p"].idxmin()]
    values |= {"team": first["team"], "theirs": first["value"], "rest": first["rest"]}
    return figure(book, "figures.mood", direction(first["value"] - first["rest"]), True, **values)


def question_rows(book: Book) -> pd.DataFrame:
    """The other questions of the pulse, the lowest first."""
    rows = kpis.pulse(book, by="question", last=YEAR)
    return rows if reason_of(rows) else rows.sort_values("value", ignore_index=True)
