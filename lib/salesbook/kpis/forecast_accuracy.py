"""How far can the forecast be trusted, and what will the quarter come to?"""

from dataclasses import replace
from itertools import product
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from salesbook import clock, stats
from salesbook.book import Book
from salesbook.calibration import calibration
from salesbook.errors import WrongUsage
from salesbook.forecasting import mase
from salesbook.forecasts import METHODS, MOST_QUARTERS, Forecast, History, months_before, number
from salesbook.kpi import Ask, Unanswerable, divided, kpi, total
from salesbook.shrinkage import Shrunken, shrink_means

OPEN = ("seen_on", "deal_id", "cycle", "stage", "category", "created_on", "amount_minor", "probability",
        "expected_close_on")  # fmt: skip
ENDS = ("deal_id", "cycle", "is_won", "created_on", "entered_on", "known_on", "until_on", "amount_minor")
ENDED = ("is_closed", "is_known")
NUMBERS = ("snapshot_at", "snapshot_on", "method", "owner_id", "period", "amount_minor")
HORIZONS = (6, 5, 4, 3, 2, 1)
MONTH_DAYS = 365.25 / 12
SETTLED = 0.9
SEED = 20261121
LEAST_PAIRS = 3
PER = 100
# An opened run never changes: what was made of it for one KPI serves the next.
REMEMBERED: WeakKeyDictionary[Book, dict[str, list]] = WeakKeyDictionary()


@kpi("money", better="higher")
def weighted_forecast(ask: Ask):
    """What this quarter and the next will come to: won so far, open deals by their chance, and deals to come.

    Rule: the quarter that holds the run's instant and the one after. A deal's chance is [F(age + h) − F(age)] ÷
    S(age), Aalen-Johansen of its product (renewals apart) over the deals created since the data begin; past the last
    age at which twenty deals were open, the daily rates seen past half that age. Deals to come: as many as came in the
    last 91 days, won at the pace and worth of past ones, a term of their own. The interval is that of the sum of
    independent deals; with eight past quarters or more they share a common shock, else `shock` is empty: there is none.
    Returns: by, quarter (first day), n (open deals), from_won, from_open, from_new, shock, value, low, high, in the
    report currency.
    Raises: WrongUsage where a period is asked for.
    Source: kpis.md K25, G1; Aalen and Johansen 1978; house decisions of 2026-11-21.
    """
    rows = []
    for keys, history in histories(ask):
        on = number(ask.book.period.end)
        for place in (-2, -1):
            known = history.known(on, len(history.quarters) + place)
            made = METHODS["cycle"](known)
            rows.append(keys | {"quarter": day_of(known.start), "n": len(known.open["deal"])} | parts_of(made))
    return pd.DataFrame(rows)


@kpi("money", better="higher")
def method_forecasts(ask: Ask):
    """What every forecast method says this quarter and the next will come to.

    Rule: the methods of `salesbook.forecasts`: naive (the last quarter again), last_year (the same quarter of the year
    before), run_rate (won so far and the pace of three months), crm_weighted (won so far and amount × the CRM's chance
    of deals expected to close in the quarter), category and stage (open deals by what became of their kind at the same
    distance in past quarters), cycle (as `weighted_forecast`). The first three have the spread of their own past
    errors, none under three of them.
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
    Returns: n (deals with an amount), value in the report currency.
    Source: kpis.md K25, G15.
    """
    return total("open_deals", "weighted_minor", among="is_now", per=PER)


@kpi("share", better="lower")
def forecast_bias(ask: Ask):
    """Forecast less what came, ÷ what came, by method and months before the quarter's end; above 0 promises too much.

    Rule: Σ(forecast − actual) ÷ Σ actual over the last eight whole quarters that were over. Each method is asked at the
    first day of a month with only what was known then: saved snapshots of at most a week before, else what the history
    of the deals tells. `rep` and `model` are numbers that were submitted, all that were saved, the last one at each
    distance; what came is what those sellers won. Distances are never averaged.
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
    last quarter over all quarters, and `value_added`, how much lower it is than that of `naive` over the quarters that
    both forecast.
    Returns: by, method, horizon, n, numerator, denominator, value, low, high, mase, value_added.
    Source: kpis.md K26; Kolassa and Schütz 2007; Hyndman and Koehler 2006; Gilliland 2010.
    """
    pairs = backtest(ask)
    found = judged(ask, pairs, (pairs["forecast"] - pairs["actual"]).abs())
    keys = [*ask.question.by, "method", "horizon"]
    more = pd.DataFrame([dict(zip(keys, name, strict=True)) | against_naive(pairs, rows)
                         for name, rows in pairs.groupby(keys, dropna=False, sort=False)])  # fmt: skip
    return found.merge(more, on=keys, how="left") if len(found) else found.assign(mase=np.nan, value_added=np.nan)


@kpi("share", better="higher")
def forecast_coverage(ask: Ask):
    """Quarters that came within the forecast's 95 % interval, of those that had one, by method and distance.

    Rule: as `forecast_bias`; methods without an interval are out.
    Returns: by, method, horizon, numerator, denominator, value, low and high of the Wilson interval.
    Source: kpis.md K26; Wilson 1927.
    """
    pairs = backtest(ask, has_intervals=True).dropna(subset=["low", "high"])
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
    seller with fewer than three quarters, or who won nothing, is out.
    Returns: owner_id, method, horizon, n, numerator, denominator, raw, value, low, high, rank_low, rank_high.
    Raises: WrongUsage where groups are asked for.
    Source: kpis.md K26, G19; Efron and Morris 1975.
    """
    if ask.question.by:
        raise WrongUsage("This is by seller already.", f"Found by={ask.question.by}.", "Ask forecast_bias instead.")
    pairs = submitted(Ask(ask.book, with_by(ask, ("owner_id",))))
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
        squares = (part["probability"] - part["is_won"]) ** 2
        low, high = stats.mean_interval(len(part), float(squares.sum()), float((squares**2).sum()))
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
    """Deals won, of those that came into a stage, beside the chance that the CRM gives that stage.

    Rule: a deal counts once per stage, from its first visit; visits begun in a month count once nine in ten of that
    month's are won or lost, those still open (`n_open`) are then left out. The value is the recalibrated chance.
    Returns: by, pipeline, position, stage, said, numerator, denominator, n_open, value, low and high of the Wilson
    interval.
    Source: kpis.md K27; Wilson 1927.
    """
    columns = ("deal_id", "pipeline", "position", "stage", "probability", "known_on", "deal.is_won", "deal.is_closed")
    rows = ask.rows("deal_states", columns, among=("is_open",), period=None, last=None)
    rows = rows.rename(columns={"deal.is_won": "is_won", "deal.is_closed": "is_resolved", "known_on": "snapshot_on"})
    rows = rows.dropna(subset=["is_resolved", "probability"]).drop_duplicates(["deal_id", "stage"])
    rows = rows[is_old_enough(rows)]
    if rows.empty:
        raise Unanswerable("cohort too young")
    closed = rows["is_resolved"].astype(bool)
    rows = rows.assign(won=rows["is_won"].astype(bool) & closed, closed=closed, still=~closed)
    keys = [*ask.question.by, "pipeline", "position", "stage"]
    sums = {"said": ("probability", "first"), "numerator": ("won", "sum"), "denominator": ("closed", "sum"),
            "n_open": ("still", "sum")}  # fmt: skip
    found = rows.groupby(keys, dropna=False).agg(**sums).reset_index()
    low, high = stats.wilson(found["numerator"].to_numpy(), found["denominator"].to_numpy())
    value = divided(found["numerator"], found["denominator"])
    return found.assign(said=found["said"].astype(float), value=value, low=low, high=high,
                        reason=np.where(value.isna(), "nothing closed", ""))  # fmt: skip


# What was forecast and what came


def histories(ask: Ask) -> list[tuple[dict, History]]:
    """A history per group asked for; chances are learned from all deals of the book's slice.

    Raises: WrongUsage where a period is asked for; Unanswerable where no deal has ended.
    """
    question = ask.question
    if question.period or question.last or question.ago or question.years_ago:
        found = f"Found period={question.period}, last={question.last}, ago={question.ago}."
        raise WrongUsage("Forecasts take no period: they are of the run's instant.", found, "Leave it out.")
    made = REMEMBERED.setdefault(ask.book, {})
    key = repr((question.by, sorted(question.where.items())))
    if key not in made:
        made[key] = made_of(ask)
    return made[key]


def made_of(ask: Ask) -> list[tuple[dict, History]]:
    """The histories of a question."""
    by, where = ask.question.by, ask.question.where
    open_deals, ends = deals_of(ask, by, where)
    everything = deals_of(ask, (), {}) if by or where else (open_deals, ends)
    if everything[1].empty:
        raise Unanswerable("nothing closed")
    starts = ask.book.run["fiscal_year_starts"]
    last = clock.period_of(ask.book.period.end, "quarter", starts)
    pool = History(*everything, last, fiscal_year_starts=starts)
    if not by:
        return [({}, History(open_deals, ends, last, pool, starts) if where else pool)]
    groups = pd.concat([open_deals[list(by)], ends[list(by)]]).drop_duplicates().sort_values(list(by))
    named = [dict(zip(by, values, strict=True)) for values in groups.itertuples(index=False, name=None)]
    parts = [(keys, of_group(open_deals, keys), of_group(ends, keys)) for keys in named]
    return [(keys, History(some_open, some_ends, last, pool, starts)) for keys, some_open, some_ends in parts]


def deals_of(ask: Ask, by: tuple[str, ...], where: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The deals that stood open, and those that ended, with their groups."""
    changes = {"by": by, "where": where, "period": None, "last": None}
    return ask.rows("open_deals", OPEN, **changes), ask.rows("deal_states", ENDS, among=ENDED, **changes)


def of_group(rows: pd.DataFrame, keys: dict) -> pd.DataFrame:
    """The rows of one group; nothing equals nothing."""
    mask = np.ones(len(rows), dtype=bool)
    for name, value in keys.items():
        mask &= (rows[name].isna() if pd.isna(value) else rows[name] == value).to_numpy()
    return rows[mask].reset_index(drop=True)


def parts_of(made: Forecast) -> dict:
    """A forecast as columns, in units of the report currency."""
    low, high = made.interval
    parts = {"from_won": made.from_won, "from_open": made.from_open, "from_new": made.from_new}
    parts = {name: value / PER for name, value in parts.items()} | {"shock": made.shock}
    return parts | {"value": made.value / PER, "low": low / PER, "high": high / PER, "reason": made.reason}


def backtest(ask: Ask, has_intervals: bool = False) -> pd.DataFrame:
    """Every method at every distance from the end of the last eight whole quarters, beside what came.

    Returns: by, method, horizon, quarter, forecast, low, high (NaN unless asked for), actual, reason; minor units.
    """
    rows = []
    today = number(ask.book.period.end)
    for keys, history in histories(ask):
        actual = history.known(today, len(history.quarters) - 2, deep=False).totals
        places = {start: place for place, (start, _) in enumerate(history.quarters)}
        for start, horizon in product(list(actual)[-MOST_QUARTERS:], HORIZONS):
            on = months_before(history.quarters[places[start]][1], horizon)
            if on > history.begins:
                known = history.known(on, places[start])
                quarter = {"horizon": horizon, "quarter": day_of(start), "actual": actual[start]}
                rows += [keys | quarter | said(name, method(known), has_intervals) for name, method in METHODS.items()]
    rows = pd.concat([pd.DataFrame(rows), submitted(ask)], ignore_index=True)
    if rows.empty:
        raise Unanswerable("too few")
    order = [*ask.question.by, "method", "horizon", "quarter", "forecast", "low", "high", "actual", "reason"]
    known = [*METHODS, *sorted(set(rows["method"]) - set(METHODS))]
    rank = rows["method"].map({name: place for place, name in enumerate(known)})
    keys = [*ask.question.by, "rank", "horizon", "quarter"]
    return rows.assign(rank=rank).sort_values(keys, ignore_index=True, kind="stable")[order]


def said(name: str, made: Forecast, has_intervals: bool) -> dict:
    """A forecast as a row."""
    low, high = made.interval if has_intervals else (np.nan, np.nan)
    return {"method": name, "forecast": made.value, "low": low, "high": high, "reason": made.reason}


def submitted(ask: Ask) -> pd.DataFrame:
    """Numbers submitted for periods that are over, beside what came: the last number at each distance.

    Rule: a period is a quarter, or a month where any number's period does not begin a quarter; the distance is the time
    left in whole months. What came is what the sellers who submitted won; without a seller, what all won.
    Returns: as `backtest`; no rows where nothing was saved or the question is not about sellers.
    """
    by, where = ask.question.by, ask.question.where
    names = ["method", "horizon", "quarter", "forecast", "low", "high", "actual", "reason"]
    nothing = pd.DataFrame(columns=[*by, *names])
    is_of_sellers = all(path == "owner_id" or path.startswith("owner.") for path in (*by, *where))
    if ask.book.missing("snapshot_facts") or not is_of_sellers:
        return nothing
    columns = tuple(name for name in NUMBERS if name not in by)
    numbers = ask.rows("snapshot_facts", columns, among=("is_number",), period=None, last=None)
    if numbers.empty:
        return nothing
    numbers = with_ends(numbers, ask)
    keys = ["method", "period", "owner_id", "horizon"]
    numbers = numbers.drop_duplicates(keys, keep="last")
    won = won_by_period(ask, numbers)
    numbers = numbers.merge(won, on=["period", "owner_id"], how="left")
    groups = [*by, "method", "horizon", "period"]
    sums = {"forecast": ("amount_minor", "sum"), "actual": ("won_minor", "sum")}
    found = numbers.groupby(groups, dropna=False).agg(**sums).reset_index().rename(columns={"period": "quarter"})
    return found.assign(low=np.nan, high=np.nan, reason="")[[*by, *names]] if len(found) else nothing


def with_ends(numbers: pd.DataFrame, ask: Ask) -> pd.DataFrame:
    """Numbers of periods that are over, with the end of the period and the months that were left."""
    starts = ask.book.run["fiscal_year_starts"]
    days = pd.to_datetime(numbers["period"])
    begun = {day: clock.period_of(day.date(), "quarter", starts) for day in days.unique()}
    kind = "quarter" if all(period.start == day.date() for day, period in begun.items()) else "month"
    ends = {day: pd.Timestamp(clock.period_of(day.date(), kind, starts).end) for day in begun}
    numbers = numbers.assign(period=days, ends=days.map(ends), amount_minor=numbers["amount_minor"].astype(float))
    numbers = numbers.assign(horizon=months_left(numbers["snapshot_on"], numbers["ends"]))
    is_in_time = numbers["ends"] > pd.to_datetime(numbers["snapshot_on"])
    return numbers[(numbers["ends"] <= pd.Timestamp(ask.book.period.end)) & is_in_time]


def months_left(saved: pd.Series, ends: pd.Series) -> pd.Series:
    """Whole months from the morning after something was saved to the end of a period."""
    days = (pd.to_datetime(ends) - pd.to_datetime(saved)).dt.days - 1
    return np.maximum(np.round(days / MONTH_DAYS), 0).astype(int)


def won_by_period(ask: Ask, numbers: pd.DataFrame) -> pd.DataFrame:
    """What each seller, and all together, won in each period."""
    ends = ask.rows("deal_facts", ("owner_id", "closed_on", "amount_minor"), among=("is_won",), by=(), period=None,
                    last=None)  # fmt: skip
    closed, amounts = pd.to_datetime(ends["closed_on"]), ends["amount_minor"].fillna(0).astype(float)
    rows = []
    for period, until, owner in numbers[["period", "ends", "owner_id"]].drop_duplicates().itertuples(index=False):
        mask = (closed >= period) & (closed < until) & (pd.isna(owner) | (ends["owner_id"] == owner))
        rows.append((period, owner, float(amounts[mask].sum())))
    return pd.DataFrame(rows, columns=["period", "owner_id", "won_minor"])


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


def against_naive(pairs: pd.DataFrame, rows: pd.DataFrame) -> dict[str, float]:
    """The error of a method against that of repeating the last quarter."""
    have = rows.dropna(subset=["forecast"])
    same = pairs[(pairs["method"] == "naive") & (pairs["horizon"] == rows["horizon"].iloc[0])]
    for name in pairs.columns[: pairs.columns.get_loc("method")]:
        value = rows[name].iloc[0]
        same = same[same[name].isna() if pd.isna(value) else same[name] == value]
    both = have.merge(same[["quarter", "forecast"]].dropna(), on="quarter", suffixes=("", "_naive"))
    came = both["actual"].sum()
    gained = (both["forecast_naive"] - both["actual"]).abs().sum() - (both["forecast"] - both["actual"]).abs().sum()
    history = same.sort_values("quarter")["actual"]
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
    found = found.assign(value=drawn.value, low=np.minimum(drawn.low, drawn.value))
    found = found.assign(high=np.maximum(drawn.high, drawn.value), rank_low=drawn.rank_low, rank_high=drawn.rank_high)
    return found.assign(reason="").reset_index()


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


def day_of(day: int) -> pd.Timestamp:
    """A day number as a date."""
    return pd.Timestamp("1970-01-01") + pd.Timedelta(days=int(day))
