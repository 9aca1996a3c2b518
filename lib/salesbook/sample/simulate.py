"""The company's life, month by month: each month draws from its own streams and is handed on before the next."""

from collections.abc import Iterator

import numpy as np

from salesbook.sample import (
    activities,
    callers,
    changes,
    costs,
    customers,
    deals,
    effects,
    forecasts,
    leads,
    material,
    noordzee,
    surveys,
    targets,
    workdays,
)  # fmt: skip
from salesbook.sample.market import Market
from salesbook.sample.plan import EMPTY, Columns, Plan, last_day, only, stack
from salesbook.sample.worktime import WorkTime, work_time

Block = dict[str, Columns]


class State:
    """The state that goes from month to month: who is known, and how many numbers have been given out."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.time: WorkTime = work_time(plan.simulated.start, last_day(plan.last), plan.effects)
        self.market = Market()
        self.given = dict.fromkeys(("leads", "deals", "activities", "quotes", "orders", "subscriptions"), 0)
        self.won = np.zeros((len(noordzee.SELLERS), plan.months))
        self.customers = np.empty(0, int)
        self.logged = workdays.Logged(plan)

    def number(self, table: str, n: int) -> np.ndarray:
        """The next `n` numbers of a table."""
        self.given[table] += n
        return self.given[table] - n + 1 + np.arange(n)


def simulate(plan: Plan) -> Iterator[Block]:
    """The rows of the sample company in blocks: what does not move, what the warm-up left, then month by month."""
    state = State(plan)
    told = warm_up(state)
    yield {
        "stages": noordzee.stage_rows(effects.crm_probability(plan)),
        "reps": stack([noordzee.rep_rows(), *([noordzee.caller_rows()] if plan.effects else [])], noordzee.rep_rows()),
        "fx_rates": targets.rate_rows(plan),
        "targets": targets.target_rows(plan, told["accounts"]["account_id"]),
        "costs": costs.cost_rows(plan),
        "working_hours": workdays.hour_rows(plan, state.time),
        "crm_usage": workdays.crm_rows(plan, state.time),
        "surveys": surveys.survey_rows(plan),
    } | told
    for month in range(plan.first, plan.last + 1):
        yield one_month(state, month)
    yield {
        "forecast_snapshots": stack([forecasts.submissions(plan, state.won)], forecasts.NAMES),
        "self_reports": workdays.report_rows(plan, state.time, state.logged),
    }


def warm_up(state: State) -> Block:
    """The deals that are still open when the told months begin, with all that belongs to them."""
    months = [one_month(state, month) for month in range(state.plan.simulated.start, state.plan.first)]
    names = [name for name in months[0] if name != "leads"]
    block = {name: stack([month[name] for month in months], months[0][name]) for name in names}
    used = block["deals"]["account_id"]
    accounts = block["accounts"]
    for _ in range(3):  # a branch of a branch of a branch
        used = np.union1d(used, accounts["parent_id"][np.isin(accounts["account_id"], used)])
    block["accounts"] = only(accounts, np.isin(accounts["account_id"], used))
    people = block["contacts"]
    is_met = np.isin(people["contact_id"], block["deals"]["contact_id"])
    is_at_account = np.isin(people["account_id"], used) & (people["account_id"] >= 0)
    block["contacts"] = only(people, is_met | is_at_account)
    state.market.forget_all_but(used)
    return block


def one_month(state: State, month: int) -> Block:
    """The rows that begin in one month; in the warm-up, only deals that live on, and no leads."""
    plan, time, market = state.plan, state.time, state.market
    is_told = month >= plan.first
    enquiries, accounts, contacts = leads.arrivals(plan, time, market, month)
    enquiries |= leads.attempts(plan, time, month, enquiries)
    enquiries |= leads.fates(plan, time, month, enquiries, enquiries)
    begun, more_accounts, more_contacts = deals.begun(plan, time, market, month, enquiries)
    begun |= deals.ways(plan, time, month, begun)
    begun["owner_then"] = begun["owner_id"]
    begun |= {"began_at": begun["created_at"]} | deals.standing(plan, month, begun)
    begun |= changes.paths(plan, time, month, begun)
    begun["deal_id"] = state.number("deals", len(begun["stage"]))
    begun["merged_into"] = parent_ids(begun["deal_id"], begun["twin"])
    remember_won(market, begun)
    if not is_told:
        begun = only(begun, lives_on(plan, begun))
    begun["way_recorded"] = deals.recorded_visits(plan, month, begun)
    block = {
        "accounts": stack([accounts, more_accounts], accounts),
        "contacts": stack([contacts, more_contacts], contacts),
        "deals": begun,
    }
    return block | told_deals(state, month, begun) | told_leads(state, month, enquiries, begun, is_told)


def told_deals(state: State, month: int, begun: Columns) -> Block:
    """What goes with the deals that began in a month: their history, quotes and forecasts, and the customers' trade."""
    plan, time = state.plan, state.time
    state.won += forecasts.won_by_seller(plan, begun)
    won = new_customers(state, begun)
    block = {
        "stage_history": deals.visits(plan, month, begun),
        "deal_changes": changes.change_rows(plan, begun),
        "forecast_snapshots": forecasts.snapshots(plan, begun),
        "quotes": deals.quotes(plan, time, month, begun),
        "orders": customers.orders(plan, time, month, won),
        "subscriptions": customers.contracts(plan, time, month, won),
        "collateral_usage": material.uses(plan, time, month, begun),
    }
    for name, key in (("quotes", "quote_id"), ("orders", "order_id"), ("subscriptions", "subscription_id")):
        block[name][key] = state.number(name, len(block[name]["currency"]))
    return block


def new_customers(state: State, begun: Columns) -> Columns:
    """The won deals that count and are the first ones, in this order, of their account."""
    counts = (begun["twin"] < 0) & (begun["stop"] == state.plan.end) & ~begun["is_test"] & (begun["account_id"] >= 0)
    won = only(begun, counts & (begun["status"] == deals.IS_WON) & ~np.isin(begun["account_id"], state.customers))
    won = only(won, np.sort(np.unique(won["account_id"], return_index=True)[1]))
    state.customers = np.concatenate([state.customers, won["account_id"]])
    return won


def told_leads(state: State, month: int, enquiries: Columns, begun: Columns, is_told: bool) -> Block:
    """The leads of a told month, and the activities of leads and deals."""
    parts = []
    block = {}
    if is_told:
        enquiries["lead_id"] = state.number("leads", len(enquiries["created_at"]))
        enquiries["merged_into"] = parent_ids(enquiries["lead_id"], enquiries["twin"])
        enquiries["deal_id"] = np.full(len(enquiries["lead_id"]), EMPTY)
        converted = begun["lead"] >= 0
        enquiries["deal_id"][begun["lead"][converted]] = begun["deal_id"][converted]
        parts.append(activities.lead_activities(state.plan, state.time, month, enquiries))
        block |= {"leads": enquiries, "lead_status_history": leads.status_visits(enquiries)}
        parts.append(callers.calls(state.plan, state.time, month))
    parts.append(activities.deal_activities(state.plan, state.time, month, begun))
    rows = stack(parts, activities.NAMES)
    rows["recorded_at"] = activities.entered_late(state.plan, month, rows)
    state.logged.add(state.time, rows)
    rows["activity_id"] = state.number("activities", len(rows["type"]))
    return block | {"activities": rows}


def parent_ids(ids: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """The id of the record that each was merged into, or empty."""
    return np.where(twin >= 0, ids[twin], EMPTY)


def lives_on(plan: Plan, begun: Columns) -> np.ndarray:
    """The deals of the warm-up that are still open when the told months begin."""
    is_open = (begun["true_close"] < 0) | (begun["true_close"] >= plan.start)
    return is_open & (begun["stop"] == plan.end)


def remember_won(market: Market, begun: Columns) -> None:
    """Accounts of won deals can buy again."""
    won = only(begun, (begun["status"] == deals.IS_WON) & (begun["account_id"] >= 0))
    market.add_won(won | {"closed_at": won["true_close"]})
