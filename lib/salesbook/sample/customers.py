"""What customers bring after the deal: contracts with a monthly price, and repeat purchases."""

import numpy as np

from salesbook.sample import effects
from salesbook.sample.noordzee import LIST_PRICE, UNITS_PER_EURO
from salesbook.sample.plan import EMPTY, Columns, Plan, day_number, first_day, known, only
from salesbook.sample.worktime import WORKING_DAY, WorkTime

# Part of the list price that a contract costs a month, and how many customers take one, by product.
MONTHLY_PART = np.array([0.022, 0.010, 0.008])
TAKES_CONTRACT = np.array([0.85, 0.80, 0.60])
YEARLY = 0.25
MONTHLY_PLAN, YEARLY_PLAN = range(2)
# Chances a month that a contract becomes dearer or cheaper, and that a lost customer comes back.
GROWS, SHRINKS, RETURNS = 0.02, 0.008, 0.025
DAYS_A_MONTH = 365.25 / 12
SPANS = ("account_id", "plan", "mrr", "currency", "started_on", "ended_on")


def contracts(plan: Plan, time: WorkTime, month: int, won: Columns) -> Columns:
    """The rows of `subscriptions` but for their id: spans of one price, of customers whose first deal was won.

    Rule: months go by on their first day: a contract ends, changes its price (the new span begins that day), or comes
    back after a month or more. Yearly ones move only at the end of a year, with the chances of twelve months.
    """
    rng = plan.stream("contracts", month)
    starts, today = started(rng, time, won), day_number(first_day(plan.last + 1))
    own = only(won | starts, starts["takes"] & (starts["started_on"] < today))
    state = own | {"ended_month": np.full(len(own["mrr"]), EMPTY), "since": own["started_on"].copy()}
    spans = []
    first = int(state["month"].min(initial=plan.last))
    for now in range(first + 1, plan.last + 1):
        spans += one_month(rng, plan, state, now)
    spans.append(span(state, np.flatnonzero(state["ended_month"] < 0), EMPTY))
    rows = {name: np.concatenate([part[name] for part in spans]) for name in SPANS}
    return only(rows, np.lexsort((rows["started_on"], rows["account_id"])))


def started(rng, time: WorkTime, won: Columns) -> Columns:
    """Whether, when and at what price contracts start; `month` is the month they start in."""
    n, product = len(won["account_id"]), won["product"]
    day = time.local_day(won["country"], won["true_close"]) + rng.integers(1, 15, n)
    dates = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    kind = np.where(rng.random(n) < YEARLY, YEARLY_PLAN, MONTHLY_PLAN)
    units = UNITS_PER_EURO[won["currency"]]
    price = LIST_PRICE[product] * MONTHLY_PART[product] * units * np.exp(0.3 * rng.standard_normal(n))
    return {
        "takes": rng.random(n) < TAKES_CONTRACT[product],
        "plan": kind,
        "mrr": priced(price, kind),
        "started_on": day,
        "month": dates + 1970 * 12,
    }


def priced(price: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Prices a month in hundredths: whole ones, and a twelfth of whole ones a year."""
    return np.where(kind == YEARLY_PLAN, np.rint(np.rint(price * 1.2) * 10 * 100 / 12), np.rint(price) * 100).astype(
        int
    )


def one_month(rng, plan: Plan, state: Columns, now: int) -> list[Columns]:
    """What changes on the first day of a month; the spans that end there."""
    today, n = day_number(first_day(now)), len(state["mrr"])
    age = now - state["month"]
    is_yearly, runs = state["plan"] == YEARLY_PLAN, (state["ended_month"] < 0) & (age > 0)
    is_due = runs & (~is_yearly | (age % 12 == 0))
    months = np.where(is_yearly, 12, 1)
    case, size = rng.random((2, n)), rng.random(n)
    leaves = is_due & (case[0] < 1 - (1 - effects.churn(plan, state["month"])) ** months)
    grows = is_due & ~leaves & (case[1] < GROWS * months)
    shrinks = is_due & ~leaves & (case[1] > 1 - SHRINKS * months)
    returns = (state["ended_month"] >= 0) & (now - state["ended_month"] >= 1) & (case[0] < RETURNS)
    factor = np.select([grows, shrinks], [1.08 + 0.5 * size, 0.9 - 0.4 * size], 1.0)
    price = np.where(grows | shrinks, priced(state["mrr"] / 100 * factor, state["plan"]), state["mrr"])
    moves = price != state["mrr"]
    ended = span(state, np.flatnonzero(leaves | moves), today)
    state["mrr"] = price
    state["since"] = np.where(moves | returns, today, state["since"])
    state["ended_month"] = np.where(leaves, now, np.where(returns, EMPTY, state["ended_month"]))
    return [ended]


def span(state: Columns, who: np.ndarray, ended_on: int) -> Columns:
    """Spans of these customers, up to a day."""
    rows = {name: state[name][who] for name in ("account_id", "plan", "mrr", "currency")}
    return rows | {"started_on": state["since"][who], "ended_on": np.full(len(who), ended_on)}


def orders(plan: Plan, time: WorkTime, month: int, won: Columns) -> Columns:
    """The rows of `orders` but for their id: consumables and parts that customers buy again and again (BG/NBD).

    Rule: the first purchase comes soon after the first deal was won; then gaps are exponential at the customer's own
    rate, and after each further one the customer may be gone for good. What deals bring is not repeated here.
    """
    rng, n = plan.stream("orders", month), len(won["account_id"])
    rate = rng.gamma(effects.BUYING["r"], 1 / effects.BUYING["alpha"], n)
    gone = rng.beta(effects.BUYING["a"], effects.BUYING["b"], n)
    level = rng.gamma(effects.SPENDING["q"], 1 / effects.SPENDING["v"], n)
    at = won["true_close"] + (86_400 * (1 + 20 * rng.random(n))).astype(np.int64)
    who, parts = np.arange(n), []
    while len(who):
        is_seen = at < plan.end
        who, at = who[is_seen], at[is_seen]
        parts.append((who, at))
        stays = (rng.random(len(who)) >= gone[who]) | (len(parts) == 1)
        gap = np.minimum(rng.exponential(1.0, len(who)) / rate[who], 10_000) * DAYS_A_MONTH * 86_400
        who, at = who[stays], (at + gap.astype(np.int64))[stays]
    who, at = (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else (np.empty(0, int),) * 2
    return order_rows(rng, plan, time, won, who, at, level)


def order_rows(rng, plan: Plan, time: WorkTime, won: Columns, who, at, level) -> Columns:
    """Purchases as rows: at working hours, with amount and cost in the customer's currency."""
    country = won["country"][who]
    at = known(
        time.instant(country, time.worked(country, at) + (0.9 * rng.random(len(at)) * WORKING_DAY) // 1), plan.end
    )
    shape, units = effects.SPENDING["p"], UNITS_PER_EURO[won["currency"][who]]
    amount = np.rint(rng.gamma(shape, 1.0, len(who)) / level[who] * 100 * units).astype(np.int64) * 100
    margin = effects.GROSS_MARGIN + 0.05 * rng.standard_normal(len(who))
    rows = {
        "account_id": won["account_id"][who],
        "ordered_at": at,
        "amount": np.maximum(amount, 1000),
        "currency": won["currency"][who],
        "cost": np.rint(np.maximum(amount, 1000) * (1 - margin)).astype(np.int64),
        "product": won["product"][who],
        "quantity": 1.0 + np.floor(5 * rng.random(len(who))),
    }
    rows = only(rows, at >= 0)
    return only(rows, np.lexsort((rows["account_id"], rows["ordered_at"])))
