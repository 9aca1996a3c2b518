"""Measures that no plain sum can tell: waits with open ends, rival outcomes, shares of clustered rows.

They are stated as those of `kpi` and take the same questions: groups, periods, slices.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from salesbook import stats, survival
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, divided, said
from salesbook.query import Kept, Measure, as_tuple

TOTAL = "cast(coalesce(sum({}), 0) as bigint)"  # of counts; of nothing 0
PRODUCTS = "cast(sum({} * {}) filter (where cluster is not null) as double)"  # over clusters


def clustered(
    fact: str, counts: str, cluster: str, among=None, on: str | None = None, empty: str = "no rows"
) -> Measure:
    """Rows where `counts` holds ÷ rows `among`, where rows come in clusters: the attempts of one lead.

    Rule: the value is that of `ratio`; the interval counts clusters, not rows (`stats.clustered_share`).
    Returns: numerator, denominator, clusters, value, low, high.
    """
    sums = {
        "numerator": TOTAL.format("k"),
        "denominator": TOTAL.format("n"),
        "clusters": "count(cluster)",
        "nn": PRODUCTS.format("n", "n"),
        "kk": PRODUCTS.format("k", "k"),
        "nk": PRODUCTS.format("n", "k"),
    }
    each = {"n": "count(*)", "k": f"count(*) filter (where {{{counts}}})"}
    says = f"{counts} ÷ {said(among)}"
    return Measure(fact, sums, of_clusters, as_tuple(among), on, empty, (counts, cluster), says, within=(cluster, each))


def of_clusters(rows: pd.DataFrame) -> pd.DataFrame:
    """From sums over clusters to a share with its interval."""
    nn, kk, nk = (rows[name].fillna(0).to_numpy(float) for name in ("nn", "kk", "nk"))
    k, n = rows["numerator"].to_numpy(float), rows["denominator"].to_numpy(float)
    low, high = stats.clustered_share(rows["clusters"].to_numpy(), k, n, kk, nn, nk)
    low, high = np.where(rows["clusters"] == 1, np.nan, low), np.where(rows["clusters"] == 1, np.nan, high)
    value = divided(rows["numerator"], rows["denominator"])
    return rows.drop(columns=["nn", "kk", "nk"]).assign(value=value, low=low, high=high)


def wait(fact: str, seconds: str, ended: str, among=None, on: str | None = None, per: int = 1, empty="no rows"):
    """How long it takes: the median of a wait of which some have not ended (Kaplan-Meier).

    Rule: a wait that has not `ended` counts as long as it was watched; where fewer than half ended there is no median.
    Parameters: `seconds`, the wait, or how long it was watched; `ended`, whether it ended.
    Returns: n, numerator (ended), value (median), low, high (by the interval of the curve; empty where not reached),
    p90, in units of `per`.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        found = [median_wait(cases, per) for cases in rows.pop("cases")]
        return rows.assign(**pd.DataFrame(found, columns=["value", "low", "high", "p90"], index=rows.index))

    sums = {
        "n": f"count({{{seconds}}})",
        "numerator": f"count({{{seconds}}}) filter (where {{{ended}}})",
        "cases": f"list({{{seconds}}} * 2 + cast({{{ended}}} as integer)) filter (where {{{seconds}}} is not null)",
    }
    says = f"median of {seconds} until {ended} {said(among)}"
    return Measure(fact, sums, finish, as_tuple(among), on, empty, (seconds, ended), says)


def median_wait(cases, per: int) -> tuple[float, float, float, float]:
    """Median, its interval and p90 of waits coded as seconds × 2 + ended."""
    coded = whole(cases)
    if not len(coded):
        return (np.nan,) * 4
    waits = survival.kaplan_meier(coded // 2, coded % 2 == 1)
    low, high = waits.quantile_interval()
    return tuple(value / per for value in (waits.quantile(), low, high, waits.quantile(0.9)))


def outcomes(fact: str, seconds: str, causes: str | tuple[str, ...], among=None, on: str | None = None) -> Measure:
    """Ages at which one of rival outcomes came, or up to which cases were watched.

    Parameters: `seconds`, the age; `causes`, columns of which one at most holds; none holds for what is still open.
    Returns: n, cases (a `survival.Incidence` of them by group and period, None without rows); value stays empty.
    """
    causes = as_tuple(causes)
    codes = 1 + len(causes)

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        found = [incidence_of(cases, codes) for cases in rows.pop("cases")]
        return rows.assign(cases=found, value=np.nan, low=np.nan, high=np.nan)

    whens = " ".join(f"when {{{name}}} then {code}" for code, name in enumerate(causes, start=1))
    coded = f"{{{seconds}}} * {codes} + case {whens} else 0 end"
    sums = {
        "n": f"count({{{seconds}}})",
        "cases": f"list({coded}) filter (where {{{seconds}}} is not null)",
    }
    says = f"{' or '.join(causes)} {said(among)}"
    return Measure(fact, sums, finish, as_tuple(among), on, "", (seconds, *causes), says)


def incidence_of(cases, codes: int) -> survival.Incidence | None:
    """Rival outcomes of cases coded as seconds × codes + cause; None without cases."""
    coded = whole(cases)
    return survival.aalen_johansen(coded // codes, coded % codes, n_causes=codes - 1) if len(coded) else None


def whole(cases) -> np.ndarray:
    """A list from SQL as whole numbers; an empty group has none."""
    return np.asarray(cases if isinstance(cases, list | np.ndarray) else [], dtype=np.int64)


def rate(
    fact: str, counts: str, over: str, among=None, on: str | None = None, per: int = 1, of: int = 1, empty="no rows"
) -> Measure:
    """The sum of one column ÷ the sum of another over the same rows, with the interval of a ratio of sums.

    Rule: as `kpi.per`; both vary from row to row, so the interval is that of `stats.ratio_interval`, cut off at 0.
    Parameters: `counts` and `over`, columns of whole numbers from 0; rows in which one of them is empty are left out;
    `of` and `per`, how many of `counts` and of `over` make one (3600: of seconds, hours).
    Returns: n (rows), numerator, denominator, value, low, high.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        n, sums = rows["n"].to_numpy(), [[int(x) for x in rows.pop(name).fillna("0")] for name in products]
        rows = rows.assign(numerator=np.array(sums[0], float) / of, denominator=np.array(sums[1], float) / per)
        low, high = stats.ratio_interval(n, *map(np.array, sums)) if len(rows) else (n, n)
        value = divided(rows["numerator"], rows["denominator"])
        return rows.assign(value=value, low=np.maximum(low, 0) * per / of, high=high * per / of)

    both = f"{{{counts}}} is not null and {{{over}}} is not null"
    products = {"x": (counts,), "y": (over,), "xx": (counts, counts), "yy": (over, over), "xy": (counts, over)}
    sums = {"n": f"count(*) filter (where {both})"}
    for name, factors in products.items():
        product = " * ".join(f"cast({{{factor}}} as hugeint)" for factor in factors)
        sums[name] = f"cast(sum({product}) filter (where {both}) as varchar)"
    says = f"sum of {counts} ÷ sum of {over} {said(among)}"
    return Measure(fact, sums, finish, as_tuple(among), on, empty, (counts, over), says)


def distinct(fact: str, column: str, among=None, on: str | None = None) -> Measure:
    """How many different values a column has over rows `among`.

    Returns: n, value.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(value=rows["n"].astype(float), low=np.nan, high=np.nan)

    sums = {"n": f"count(distinct {{{column}}})"}
    return Measure(fact, sums, finish, as_tuple(among), on, "", (column,), f"different {column} {said(among)}")


def won_and_lost(measure: Measure) -> Measure:
    """A measure that takes deals won against deals lost: where deals are won and none was ever lost it has no answer.

    Rule: the whole of the data is looked at. Such a company keeps no lost deals, or is too young to have lost one:
    either way a share of all won says nothing.
    """
    return replace(measure, kept=Kept("deal_facts.is_lost", "deal_facts.is_won", "no lost deals"))


def by_row(rows: pd.DataFrame, keys: list[str]) -> Iterator[tuple[dict, dict]]:
    """The rows of an answer, each as its keys and all of it."""
    for row in rows.to_dict("records"):
        yield {key: row[key] for key in keys}, row


def single(ask: Ask, name: str) -> None:
    """Refuse groups and trends where one figure is all there is."""
    if ask.question.by or ask.question.period:
        found = f"Found by={ask.question.by}, period={ask.question.period!r}."
        raise WrongUsage(f"{name} takes no groups and no trend.", found, "Ask a slice with where.")
