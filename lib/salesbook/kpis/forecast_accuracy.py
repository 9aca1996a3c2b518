"""How far can the forecast be trusted, and what will the quarter come to?"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from salesbook import clock, stats
from salesbook.backtests import backtest, day_of, histories, months_left, submitted
from salesbook.calibration import calibration
from salesbook.errors import WrongUsage
from salesbook.forecasting import mase
from salesbook.forecasts import METHODS, Forecast, number
from salesbook.kpi import Ask, divided, kpi, total
from salesbook.query import Unanswerable
from salesbook.shrinkage import Shrunken, shrink_means

SETTLED = 0.9
SEED = 20261121
LEAST_PAIRS = 3
PER = 100


@kpi("money", better="higher")
def weighted_forecast(ask: Ask):
    """What this quarter and the next will come to: won so far, open deals by their chance, and deals to come.

    Rule: the quarter that holds the run's instant and the one after. A deal's chance is [F(age + h) − F(age)] ÷
    S(age), Aalen-Johansen of its product (renewals apart) over the deals created since the data begin; past the last
    age at which twenty deals were open, the daily rates seen past half that age. A deal without an amount is taken at
    the mean win of its product in the year before (of the company where it had none), and the spread of those wins is
    in the interval. Deals to come: as many as came in the
    last 91 days, won at the pace and worth of past ones, a term of their own. The interval is that of the sum of
    independent deals; with eight past quarters or more they share a common shock, else `shock` is empty: there is none.
    Returns: by, quarter (first day), n (open deals), n_without_amount (of them, taken so), from_won, from_open,
    from_new, shock, value, low, high, in the report currency.
    Raises: WrongUsage where a period is asked for.
    Source: kpis.md K25, G1; Aalen and Johansen 1978; house decisions of 2026-11-21.
    """
    rows = []
    for keys, history in histories(ask):
        on = number(ask.book.period.end)
        for place in (-2, -1):
            known = history.known(on, len(history.quarters) + place)
            made = METHODS["cycle"](known)
            counts = {"n": len(known.open["deal"]), "n_without_amount": int(known.open["is_taken"].sum())}
            rows.append(keys | {"quarter": day_of(known.start)} | counts | parts_of(made))
    return pd.DataFrame(rows)


@kpi("money", better="higher")
def method_forecasts(ask: Ask):
    """What every forecast method says this quarter and the next will come to.

    Rule: the methods of `salesbook.forecasts`: naive (the last quarter again), last_year (the same quarter of the year
    before), run_rate (won so far and the pace of three months), crm_weighted (won so far and amount × the CRM's chance
    of deals with an amount expected to close in the quarter), category and stage (open deals by what became of their
    kind at the same distance in past quarters), cycle (as `weighted_forecast`). The last three take a deal without an
    amount as `weighted_forecast` does. The first three have the spread of their own past errors, none under three of
    them.
    Returns: by, method, quarter (first day), value, low, high, in the report currency.
    Raises: WrongUsage where a period is asked for.
    Source: kpis.md K25, K26; house decisions of 2026-11-21.
    """
    on, rows = number(ask.book.period.end), []
    for keys, history in histories(ask):
        for place in (-2, -1):
            known = history.known(on, len(history.quarters) + place)
            for name, method in METHODS.items():
                figures = {key: parts_of(method(known))[key] for key in ("value", "low", "high", "reason")}
                rows.append(keys | {"method": name, "quarter": day_of(known.start)} | figures)
    return pd.DataFrame(rows)


@kpi("money", better="higher")
def crm_weighted_pipeline():
    """Open deals by the CRM's own chance: the sum of amount × probability.

    Rule: every deal open at the run's instant, whenever it may close; the probability is that of the last snapshot of
    at most a week before, else of the deal's stage. It is what many CRMs call the forecast; it knows no time.
    Returns: n (deals with an amount and a chance), value in the report currency.
    Source: kpis.md K25, G15.
    """
    return total("open_deals", "weighted_minor", among="is_now", per=PER, unknown="no probabilities")


@kpi("money")
def past_forecasts(ask: Ask):
    """What was forecast of past quarters, beside what came, by method and months before the quarter's end.

    Rule: the pairs that `forecast_bias` adds up; the value is the forecast, with its 95 % interval where it had one.
    Returns: by, method, horizon, quarter (first day), value, low, high, actual, in the report currency.
    Source: kpis.md K26, G1.
    """
    pairs = backtest(ask).drop(columns="repeated").rename(columns={"forecast": "value"})
    columns = ["value", "low", "high", "actual"]
    return pairs.assign(**{name: pairs[name].astype(float) / PER for name in columns})


@kpi("share", better="lower")
def forecast_bias(ask: Ask):
    """Forecast less what came, ÷ what came, by method and months before the quarter's end; above 0 promises too much.

    Rule: Σ(forecast − actual) ÷ Σ actual over the last eight whole quarters that were over. Each method is asked at the
    first day of a month with only what was known then: saved snapshots of at most a week before, else what the history
    of the deals tells. `rep` and `model` are numbers that were submitted, all that were saved, the last one at each
    distance, for years, quarters, months or ISO weeks; what came is what those sellers won. Distances are never
    averaged.
    Returns: by, method, horizon (months to the end), n (quarters), numerator, denominator, value, low, high (t interval
    of a ratio, by quarter).
    Source: kpis.md K26, G1, G19; Davydenko and Fildes 2013; Cochran 1977.
    """
    pairs = backtest(ask)
    return judged(ask, pairs, pairs["forecast"] - pairs["actual"])


@kpi("share", better="lower")
def forecast_error(ask: Ask):
    """How far forecasts were off, for each unit that came (WAPE), by method and months before the quarter's end.

    Rule: Σ|forecast − actual| ÷ Σ actual, as `forecast_bias`. Beside it `mase`, the error against that of repeating the
    quarter before over all quarters, and `value_added`, how much lower it is than that of `naive` over the quarters
    that both forecast; for submitted numbers, than repeating what the same sellers won in the last period over by then.
    Returns: by, method, horizon, n, numerator, denominator, value, low, high, mase, value_added.
    Source: kpis.md K26; Kolassa and Schütz 2007; Hyndman and Koehler 2006; Gilliland 2010.
    """
    pairs = backtest(ask)
    found = judged(ask, pairs, (pairs["forecast"] - pairs["actual"]).abs())
    keys = [*ask.question.by, "method", "horizon"]
    more = pd.DataFrame([dict(zip(keys, name, strict=True)) | against_naive(rows)
                         for name, rows in pairs.groupby(keys, dropna=False, sort=False)])  # fmt: skip
    return found.merge(more, on=keys, how="left") if len(found) else found.assign(mase=np.nan, value_added=np.nan)


@kpi("share", better="higher")
def forecast_coverage(ask: Ask):
    """Quarters that came within the forecast's 95 % interval, of those that had one, by method and distance.

    Rule: as `forecast_bias`; methods without an interval are out.
    Returns: by, method, horizon, numerator, denominator, value, low and high of the Wilson interval.
    Source: kpis.md K26; Wilson 1927.
    """
    pairs = backtest(ask).dropna(subset=["low", "high"])
    held = (pairs["low"] <= pairs["actual"]) & (pairs["actual"] <= pairs["high"])
    keys = [*ask.question.by, "method", "horizon"]
    rows = pairs.assign(held=held).groupby(keys, dropna=False, sort=False)["held"].agg(["sum", "size"]).reset_index()
    if rows.empty:
        raise Unanswerable("too few")
    rows = rows.rename(columns={"sum": "numerator", "size": "denominator"})
    low, high = stats.wilson(rows["numerator"].to_numpy(), rows["denominator"].to_numpy())
    return rows.assign(value=divided(rows["numerator"], rows["denominator"]), low=low, high=high, reason="")


@kpi("share", better="lower")
def seller_forecast_bias(ask: Ask):
    """Numbers that a seller submitted less what they won, ÷ what they won, drawn towards all sellers.

    Rule: as `forecast_bias` by seller, for submitted numbers. `raw` is the seller's own figure; the value is shrunk as
    far as chance explains the differences (empirical Bayes), with the interval of its rank, 1 for the lowest. A
    seller with fewer than three quarters, or who won nothing, is out. `p` is that of a t test of no bias (jackknife).
    Returns: owner_id, method, horizon, n, numerator, denominator, raw, p, value, low, high, rank_low, rank_high.
    Raises: WrongUsage where groups are asked for.
    Source: kpis.md K26, G19; Efron and Morris 1975.
    """
    if ask.question.by:
        raise WrongUsage("This is by seller already.", f"Found by={ask.question.by}.", "Ask forecast_bias instead.")
    if missing := ask.book.missing("snapshot_facts"):
        raise Unanswerable(f"needs {', '.join(missing)}")
    pairs = submitted(Ask(ask.book, with_by(ask, ("owner_id",)))).dropna(subset=["forecast"])
    rows = [
        shrunken(rows).assign(method=method, horizon=horizon)
        for (method, horizon), rows in pairs.groupby(["method", "horizon"], sort=True)
    ]
    rows = [part for part in rows if len(part)]
    if not rows:
        raise Unanswerable("too few")
    first = ["owner_id", "method", "horizon"]
    found = pd.concat(rows, ignore_index=True)
    return found[[*first, *(name for name in found if name not in first)]].sort_values(first, ignore_index=True)


@kpi("score", better="lower")
def brier_score(ask: Ask):
    """The mean squared distance of the CRM's chance of a deal and what became of it, by months to the quarter's end.

    Rule: one row per deal and distance, the first; snapshots of a month count once nine in ten of their deals are won
    or lost, the others are then left out. Saved snapshots where there are any, else the first days of months as the
    stage history tells them. Above it stands a forecast that knows the share won: `skill` = 1 − score ÷ its score.
    Returns: by, method, horizon, n, base_rate, skill, error (mean distance between said and seen), value, low, high.
    Raises: WrongUsage for a probability outside 0 and 1, which is no probability.
    Source: kpis.md K27, G15; Brier 1950.
    """
    rows = []
    for keys, part in settled(ask):
        found = calibration(part["probability"], part["is_won"])
        squares = [Fraction(distance) ** 2 for distance in part["probability"] - part["is_won"]]
        low, high = stats.mean_interval(len(part), sum(squares), sum(square**2 for square in squares))
        figures = {"n": found.n, "base_rate": found.base_rate, "skill": found.skill, "error": found.error}
        rows.append(keys | figures | {"value": found.brier, "low": max(float(low), 0.0), "high": float(high)})
    return pd.DataFrame(rows).assign(reason="")


@kpi("share")
def reliability(ask: Ask):
    """Deals won, of those to which the CRM gave about the same chance, by months to the quarter's end.

    Rule: as `brier_score`; ten groups of equal width.
    Returns: by, method, horizon, from_p, to_p, n, forecast (mean chance said), numerator, denominator, value, low and
    high of the Wilson interval.
    Source: kpis.md K27; Wilson 1927.
    """
    rows = []
    for keys, part in settled(ask):
        bins = calibration(part["probability"], part["is_won"]).bins
        rows.append(bins.assign(**keys)[[*keys, *bins.columns]])
    found = pd.concat(rows, ignore_index=True)
    found.insert(found.columns.get_loc("value"), "denominator", found["n"])
    return found.assign(reason=np.where(found["value"].isna(), "no rows", ""))


@kpi("share")
def stage_calibration(ask: Ask):
    """Deals won, of those that stood in a stage on the first day of a month, beside the chance the CRM gave them.

    Rule: a deal counts on every such day, as in a forecast, and the interval counts it by its cluster: a deal that
    stays long says no more than one. Days of a month count once nine in ten of their deals are won or lost; those still
    open (`n_open`) are then left out. The value is the recalibrated chance. `p` is that of the CRM's chance being right
    (score test over deals), however the deals still open may end.
    Returns: by, pipeline, position, stage, said (mean chance given), n (deals), n_open, numerator and denominator
    (deals × days), p, value, low and high of the clustered Wilson interval.
    Source: kpis.md K27, G19; Korn and Graubard 1998; days, not visits: house decision of 2026-11-21.
    """
    columns = ("deal_id", "seen_on", "pipeline", "position", "stage", "probability", "is_won", "is_resolved")
    rows = ask.rows("open_deals", columns, among=("is_counted",), period=None, last=None)
    rows = rows.rename(columns={"seen_on": "snapshot_on"}).dropna(subset=["probability"])
    if rows.empty:
        raise Unanswerable("no probabilities")
    rows = rows[is_old_enough(rows)]
    if rows.empty:
        raise Unanswerable("cohort too young")
    keys = [*ask.question.by, "pipeline", "position", "stage"]
    found = [
        dict(zip(keys, name, strict=True)) | stage_figures(part) for name, part in rows.groupby(keys, dropna=False)
    ]
    return pd.DataFrame(found)


def stage_figures(rows: pd.DataFrame) -> dict:
    """The figures of the deals that stood in one stage."""
    closed = rows["is_resolved"].astype(bool)
    won = rows["is_won"].astype(bool) & closed
    deals = pd.DataFrame({"k": won, "n": closed}).groupby(rows["deal_id"]).sum()
    deals = deals[deals["n"] > 0].astype("int64")
    (k, n), count = deals.sum().astype(int), len(deals)
    products = [int((deals[one] * deals[other]).sum()) for one, other in (("k", "k"), ("n", "n"), ("k", "n"))]
    low, high = stats.clustered_share(count, k, n, *products)
    said, value = float(rows["probability"].astype(float).mean()), k / n if n else np.nan
    left = len(rows) - n
    apart = max(k / len(rows) - said, said - (k + left) / len(rows), 0.0)
    p = chance_of(apart, said, n, products[1])
    figures = {"said": said, "n": count, "n_open": int(rows.loc[~closed, "deal_id"].nunique())}
    figures |= {"numerator": k, "denominator": n, "p": p, "value": value, "low": float(low), "high": float(high)}
    return figures | {"reason": "" if n else "nothing closed"}


def chance_of(apart: float, said: float, n: int, squares: int) -> float:
    """How likely deals are won so far from the chance said, or farther, if it is right.

    Rule: the score test: a deal's days share its fate, so Σ days² ÷ (Σ days)² stands for one over the number of deals;
    half a deal is taken off, as few deals are steps and not a curve. Nothing to judge: NaN.
    Source: Wilson 1927; Yates 1934.
    """
    share = squares / n**2 if n else 0.0
    error = np.sqrt(said * (1 - said) * share)
    return 2 * norm.sf(max(apart - share / 2, 0.0) / error) if error > 0 else np.nan


# What was forecast and what came


def parts_of(made: Forecast) -> dict:
    """A forecast as columns, in units of the report currency."""
    low, high = made.interval
    parts = {"from_won": made.from_won, "from_open": made.from_open, "from_new": made.from_new}
    parts = {name: value / PER for name, value in parts.items()} | {"shock": made.shock}
    return parts | {"value": made.value / PER, "low": low / PER, "high": high / PER, "reason": made.reason}


def with_by(ask: Ask, by: tuple[str, ...]):
    """The same question by other groups."""
    return replace(ask.question, by=by)


def judged(ask: Ask, pairs: pd.DataFrame, errors: pd.Series) -> pd.DataFrame:
    """Σ errors ÷ Σ actual by group, method and distance, with the interval of that ratio over quarters."""
    keys = [*ask.question.by, "method", "horizon"]
    rows = []
    for name, part in pairs.assign(error=errors).groupby(keys, dropna=False, sort=False):
        have = part.dropna(subset=["forecast"])
        x, y = (have[column].round().astype("int64").to_numpy(object) for column in ("error", "actual"))
        sums = [int(v) for v in (x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum())]
        low, high = stats.ratio_interval(len(have), *sums)
        reason = "nothing won" if len(have) else part["reason"].iloc[-1]
        figures = {"n": len(have), "numerator": sums[0] / PER, "denominator": sums[1] / PER}
        value = sums[0] / sums[1] if sums[1] else np.nan
        ends = {"value": value, "low": float(low), "high": float(high), "reason": "" if sums[1] else reason}
        rows.append(dict(zip(keys, name, strict=True)) | figures | ends)
    return pd.DataFrame(rows)


def against_naive(pairs: pd.DataFrame) -> dict[str, float]:
    """The error of a method at one distance against that of repeating the last period, for the same sellers."""
    have = pairs.dropna(subset=["forecast"])
    both = have.dropna(subset=["repeated"])
    came = both["actual"].sum()
    gained = (both["repeated"] - both["actual"]).abs().sum() - (both["forecast"] - both["actual"]).abs().sum()
    history = pairs.dropna(subset=["actual"]).sort_values("quarter")["actual"]
    scaled = mase(have["forecast"], have["actual"], history) if len(history) > 1 else np.nan
    return {"mase": scaled, "value_added": gained / came if came else np.nan}


def shrunken(pairs: pd.DataFrame) -> pd.DataFrame:
    """Sellers' bias at one distance, drawn towards that of all; errors are in units of the seller's mean quarter."""
    pairs = pairs.assign(error=pairs["forecast"] - pairs["actual"])
    sums = {"n": ("error", "size"), "numerator": ("error", "sum"), "denominator": ("actual", "sum")}
    found = pairs.groupby("owner_id").agg(**sums)
    found = found[(found["n"] >= LEAST_PAIRS) & (found["denominator"] > 0)]
    if len(found) < 2:
        return pd.DataFrame()
    pairs = pairs[pairs["owner_id"].isin(found.index)]
    scaled = pairs["error"] / pairs["owner_id"].map(found["denominator"] / found["n"])
    sums = pd.DataFrame({"x": scaled, "xx": scaled**2}).groupby(pairs["owner_id"]).sum().to_numpy()
    drawn: Shrunken = shrink_means(found["n"], sums[:, 0], sums[:, 1], SEED, higher_is_better=False)
    found = found.assign(numerator=found["numerator"] / PER, denominator=found["denominator"] / PER, raw=drawn.raw)
    found["p"] = no_bias(pairs, found)
    found = found.assign(value=drawn.value, low=np.minimum(drawn.low, drawn.value))
    found = found.assign(high=np.maximum(drawn.high, drawn.value), rank_low=drawn.rank_low, rank_high=drawn.rank_high)
    return found.assign(reason="").reset_index()


def no_bias(pairs: pd.DataFrame, found: pd.DataFrame) -> pd.Series:
    """The chance of errors as one-sided as these, were a seller's numbers right on average.

    Rule: t test of Σ errors ÷ Σ actual with its jackknife error over the quarters that say something: one large quarter
    proves little. NaN under three of them.
    """
    told = pairs[(pairs["error"] != 0) | (pairs["actual"] != 0)]
    owner = told["owner_id"]
    others = {name: told.groupby("owner_id")[name].transform("sum") - told[name] for name in ("error", "actual")}
    without = others["error"] / others["actual"].where(others["actual"] > 0)
    count = without.groupby(owner).transform("size")
    spread = ((without - without.groupby(owner).transform("mean")) ** 2 * (count - 1) / count).groupby(owner).sum()
    is_whole = without.notna().groupby(owner).all() & (owner.groupby(owner).size() >= LEAST_PAIRS)
    error = np.sqrt(spread).where(is_whole & (spread > 0)).reindex(found.index)
    degrees = owner.groupby(owner).size().reindex(found.index) - 1
    return 2 * pd.Series(student.sf(found["raw"].abs() / error, degrees), found.index)


# What was said of each deal, and what became of it


def settled(ask: Ask) -> list[tuple[dict, pd.DataFrame]]:
    """The chances that can be judged, by group, method and months to the quarter's end: one row per deal.

    Raises: Unanswerable where no deal has a chance, or no snapshot is old enough.
    """
    rows = chances_said(ask)
    rows = rows[is_old_enough(rows)]
    rows = rows[rows["is_resolved"].astype(bool)]
    if rows.empty:
        raise Unanswerable("cohort too young")
    starts = ask.book.run["fiscal_year_starts"]
    mornings = pd.to_datetime(rows["snapshot_on"]) + pd.Timedelta(days=1)
    ends = {day: pd.Timestamp(clock.period_of(day.date(), "quarter", starts).end) for day in mornings.unique()}
    rows = rows.assign(horizon=months_left(rows["snapshot_on"], mornings.map(ends)))
    rows = rows.assign(probability=rows["probability"].astype(float), is_won=rows["is_won"].astype(float))
    keys = [*ask.question.by, "method", "horizon"]
    rows = rows.sort_values(["snapshot_on"], kind="stable").drop_duplicates([*keys, "deal_id"])
    return [(dict(zip(keys, name, strict=True)), part) for name, part in rows.groupby(keys, dropna=False)]


def chances_said(ask: Ask) -> pd.DataFrame:
    """Deals with the chance the CRM gave them: saved snapshots, else first days of months as history tells them."""
    changes = {"period": None, "last": None}
    columns = ("deal_id", "snapshot_on", "method", "probability", "is_resolved", "is_won")
    if not ask.book.missing("snapshot_facts"):
        among = ("is_deal", "has_probability", "is_judged")
        rows = ask.rows("snapshot_facts", columns, among=among, **changes)
        if len(rows):
            return rows
    columns = ("deal_id", "seen_on", "probability", "is_resolved", "is_won")
    rows = ask.rows("open_deals", columns, among=("is_counted",), **changes)
    evenings = pd.to_datetime(rows.pop("seen_on")) - pd.Timedelta(days=1)
    rows = rows.assign(snapshot_on=evenings, method="crm").dropna(subset=["probability"])
    if rows.empty:
        raise Unanswerable("no probabilities")
    return rows


def is_old_enough(rows: pd.DataFrame) -> pd.Series:
    """Whether nine in ten of the deals seen in the row's month are won or lost by now."""
    month = pd.to_datetime(rows["snapshot_on"]).dt.to_period("M")
    once = rows.assign(month=month).drop_duplicates(["month", "deal_id"])
    share = once["is_resolved"].astype(float).groupby(once["month"]).mean()
    return month.map(share) >= SETTLED
