"""What a new customer costs."""

from dataclasses import replace

import numpy as np
import pandas as pd

from salesbook import economics
from salesbook.book import Book
from salesbook.errors import WrongUsage
from salesbook.kpi import Ask, counts, divided, kpi, total
from salesbook.kpis.unit_economics.grouping import assumed
from salesbook.query import Kept

BUYERS = Kept("new_customers", "deal_facts.is_won", "no customers known")


@kpi("count", better="higher")
def new_customers():
    """Organisations that bought for the first time, by that day.

    Rule: first of a won deal, an order or a subscription; one organisation is one legal entity. Not counted are those
    whose first purchase was business with an existing customer, and deals without an account; where deals are won and
    none of all purchases has an account, customers are not known and there is no value.
    Returns: n, value.
    Source: kpis.md K33, G13.
    """
    return replace(counts("new_customers", among="is_acquired", on="customer_on"), kept=BUYERS)


@kpi("money", better="lower")
def acquisition_cost():
    """Cost of winning new customers, by the month it is booked on.

    Rule: of each booking (salary, tools, media, meetings, events) the part spent on winning new customers.
    Returns: n (bookings), value in the report currency.
    Source: kpis.md K33, G9.
    """
    return total("cost_facts", "acquisition_minor", on="cost_on", per=100)


@kpi("money", better="lower")
def media_cost():
    """Media bought to win new customers, by the month it is booked on.

    Rule: as `acquisition_cost`, of bookings of type media.
    Returns: n (bookings), value in the report currency.
    Source: kpis.md K33.
    """
    return total("cost_facts", "media_minor", on="cost_on", per=100)


@kpi("money", better="lower")
def cac(ask: Ask):
    """Cost of winning new customers ÷ new customers: what one costs, all in.

    Rule: costs of the months that lie the lag (a setting) before; by channel, a channel's own cost and, for each of
    its customers, an equal part of what is spent on no channel. The interval is that of the count of customers.
    Parameters: trends by month only.
    Returns: numerator (cost), denominator (new customers), value, low, high.
    Raises: WrongUsage for a trend by other periods.
    Source: kpis.md K33; Garwood 1936; the shared cost: house decision of 2026-11-21.
    """
    own = cost_and_customers(ask, acquisition_cost)
    return per_customer(with_shared(ask, own) if by_channel(ask) else own)


@kpi("money", better="lower")
def media_cac(ask: Ask):
    """Media bought ÷ new customers: what one costs in media alone.

    Rule: as `cac`, media only and without any shared cost; a channel without media has none.
    Source: kpis.md K33.
    """
    return per_customer(cost_and_customers(ask, media_cost))


def lagged(ask: Ask) -> int:
    """How many periods ago the money was spent that won the customers asked for."""
    lag = assumed(ask, "lag_months")
    if lag and ask.question.period not in (None, "month"):
        raise WrongUsage(
            "The cost of a customer has no such trend.", f"Found {ask.question.period!r}.", "Ask by month."
        )
    return ask.question.ago + lag


def by_channel(ask: Ask) -> bool:
    """Whether the question tells channels apart."""
    return "channel" in ask.question.by or "channel" in ask.question.where or "channel" in ask.book.slice


def whole_company(ask: Ask) -> Ask:
    """The same question of all channels together."""
    kept = {name: value for name, value in ask.book.slice.items() if name != "channel"}
    where = {name: value for name, value in ask.question.where.items() if name != "channel"}
    return Ask(Book(ask.book.folder, kept), replace(ask.question, by=(), where=where))


def with_shared(ask: Ask, own: pd.DataFrame) -> pd.DataFrame:
    """The cost of channels with their part of what is spent on none: as much for every new customer."""
    asked = whole_company(ask.in_months)
    shared = asked(
        total("cost_facts", "acquisition_minor", among="is_shared", on="cost_on", per=100), ago=lagged(asked)
    )
    each = divided(shared["value"], asked(new_customers)["value"]).fillna(0).to_numpy()
    # Groups have every month of the trend, in the same order.
    part = np.tile(each, len(own) // len(each)) * own["denominator"]
    is_shared = own["channel"].isna() if "channel" in own else pd.Series(False, index=own.index)
    spread = own.assign(numerator=own["numerator"].mask(is_shared, 0) + part)
    return spread[~is_shared | (spread["denominator"] > 0)].reset_index(drop=True)


def cost_and_customers(ask: Ask, cost) -> pd.DataFrame:
    """Cost (numerator) and the customers it won (denominator) by group and month."""
    ask = ask.in_months
    spent, gained = ask(cost.measure, ago=lagged(ask)), ask(new_customers.measure)
    keys = [*ask.question.by]
    if ask.question.period:
        spent["period"] += pd.DateOffset(months=assumed(ask, "lag_months"))
        keys.append("period")
    spent, gained = (rows[[*keys, "value"]] for rows in (spent, gained))
    if not keys:
        return pd.DataFrame({"numerator": spent["value"], "denominator": gained["value"]})
    joined = spent.merge(gained, on=keys, how="outer", suffixes=("_cost", "_gained"))
    joined = joined.rename(columns={"value_cost": "numerator", "value_gained": "denominator"})
    return joined.fillna({"numerator": 0.0, "denominator": 0.0}).sort_values(keys, ignore_index=True)


def per_customer(rows: pd.DataFrame) -> pd.DataFrame:
    """Cost ÷ customers with its interval, or why there is none."""
    cost, gained = rows["numerator"], rows["denominator"]
    is_known = (cost > 0) & (gained > 0)
    few, many = economics.count_interval(gained)
    reason = np.select([gained <= 0, cost <= 0], ["no new customers", "no costs booked"], "")
    value, low, high = (divided(cost, count).where(is_known) for count in (gained, many, few))
    return rows.assign(value=value, low=low, high=high, reason=reason)
