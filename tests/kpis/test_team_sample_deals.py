"""What becomes of the team's work, on the sample at two months: each KPI against plain loops over the raw rows."""

import math
from collections import Counter, defaultdict
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from by_hand import Z, counted, differing, ends_of, mean, per_counted, poisson, rate, share
from plain import days_of
from salesbook.kpis import team


@pytest.fixture(scope="module")
def deals(seen) -> pd.DataFrame:
    """Deals that count, with their local days and the team of their seller."""
    rows = seen.plain.deals
    teams = [seen.team(owner) for owner in rows["owner_id"]]
    return rows.assign(created=days_of(rows["created_at"]), closed=days_of(rows["ended"]), team=teams)


def closed(seen, rows, months: int = 12) -> pd.DataFrame:
    """New deals won or lost in the last so many months."""
    return rows[(rows["outcome"] != "open") & (rows["type"] != "renewal") & seen.inside(rows["closed"], months)]


def by_group(rows, column: str) -> dict:
    """Rows by a column; None where it is empty."""
    return {key or None: part for key, part in rows.groupby(column)}


def won(rows) -> dict[str, float]:
    """The share of deals that were won."""
    return share(rows["outcome"] == "won")


def test_deals_opened_quoted_and_closed(seen, deals):
    opened = deals[(deals["type"] != "renewal") & seen.inside(deals["created"])]
    assert (
        differing(
            team.opportunities_created(seen.book, by="owner_id", last=12), counted(opened["owner_id"]), "owner_id"
        )
        == {}
    )
    over = closed(seen, deals)
    assert differing(team.deals_closed(seen.book, by="owner_id", last=12), counted(over["owner_id"]), "owner_id") == {}
    into = seen.plain.survivors("deals")
    owners = []
    quotes = seen.plain.read("quotes").dropna(subset=["sent_at"])
    for quote, day in zip(quotes["deal_id"], days_of(quotes["sent_at"]), strict=True):
        deal = into.get(quote, quote)
        if deal in deals.index and deals.loc[deal, "type"] != "renewal" and seen.inside([day])[0]:
            owners.append(deals.loc[deal, "owner_id"])
    assert differing(team.quotes_sent(seen.book, by="owner_id", last=12), counted(owners), "owner_id") == {}


def test_hunters_and_farmers(seen, deals):
    over = deals[(deals["outcome"] != "open") & seen.inside(deals["closed"])]
    known = over[over["type"].isin(["new", "existing"])]
    parts = {
        team.new_customer_share: (known[known["outcome"] == "won"], lambda rows: share(rows["type"] == "new")),
        team.new_customer_win_rate: (over[over["type"] == "new"], won),
        team.existing_customer_win_rate: (over[over["type"] == "existing"], won),
    }
    for kpi, (rows, figures) in parts.items():
        assert differing(kpi(seen.book, last=12), {(): figures(rows)}) == {}
        expected = {name: figures(part) for name, part in by_group(rows, "team").items()}
        assert differing(kpi(seen.book, by="owner.team", last=12), expected, "owner.team") == {}


# Late losses


@pytest.fixture(scope="module")
def late(seen, deals) -> pd.DataFrame:
    """New deals that came to one of the last two open stages and closed, over 36 months, with the contact since."""
    leads, lead_into, deal_into = seen.plain.leads, seen.plain.survivors("leads"), seen.plain.survivors("deals")
    became = {lead: deal for lead, deal in leads.loc[leads["converted_at"].notna(), "deal_id"].items() if deal}
    talks = defaultdict(list)
    done = seen.human[seen.human["type"].isin(["call", "email", "meeting"]) & seen.human["occurred_at"].notna()]
    for row in done.itertuples():
        lead, deal = lead_into.get(row.lead_id, row.lead_id), deal_into.get(row.deal_id, row.deal_id)
        if not lead or lead in leads.index:
            talks[deal or became.get(lead)].append((row.occurred_at, row.type))
    stages = pd.read_csv(seen.plain.folder / "stages.csv")
    last_two = set(stages.loc[~stages["is_won"] & ~stages["is_lost"]].sort_values("position")["stage"].tail(2))
    came: dict[str, pd.Timestamp] = {}
    for row in seen.plain.read("stage_history").dropna(subset=["entered_at"]).itertuples():
        if row.stage in last_two:
            came[row.deal_id] = min(came.get(row.deal_id, row.entered_at), row.entered_at)
    rows = closed(seen, deals, 36)
    rows = rows[rows.index.isin(came.keys())]
    kinds = []
    for deal, ended in rows["ended"].items():
        how = {what for at, what in talks[deal] if came[deal] <= at <= ended}
        kinds.append("met" if "meeting" in how else "called" if "call" in how else "email only" if how else "none")
    return rows.assign(contact=kinds)


def lost(rows) -> dict[str, float]:
    """The share of deals that were lost."""
    return share(rows["outcome"] == "lost")


def test_late_losses(seen, late):
    rows = late[(late["contact"] != "none") & seen.inside(late["closed"])]
    for by, column in (("contact", "contact"), ("owner.team", "team")):
        expected = {name: lost(part) for name, part in by_group(rows, column).items()}
        assert differing(team.late_loss_rate(seen.book, by=by, last=12), expected, by) == {}
    before = late[(late["contact"] != "none") & seen.inside(late["closed"], 24) & ~seen.inside(late["closed"])]
    usual = lost(before)["value"]
    expected = {}
    for name, part in by_group(rows, "team").items():
        k, n = lost(part)["numerator"], len(part)
        chance = sum(math.comb(n, j) * usual**j * (1 - usual) ** (n - j) for j in range(k, n + 1))
        expected[name] = {"numerator": k, "denominator": n, "expected": usual, "value": chance}
    assert differing(team.late_loss_alarm(seen.book, by="owner.team", last=12), expected, "owner.team") == {}


def test_losses_where_all_contact_was_by_mail(seen, late):
    rows = late[(late["contact"] != "none") & seen.inside(late["closed"], 24)]
    mail, other = (rows[(rows["contact"] == "email only") == is_mail] for is_mail in (True, False))
    k1, n1, k0, n0 = lost(mail)["numerator"], len(mail), lost(other)["numerator"], len(other)
    p1, p0 = k1 / n1, k0 / n0
    (low1, high1), (low0, high0) = ends_of(p1, n1), ends_of(p0, n0)
    low, high = p1 - p0 - math.hypot(p1 - low1, high0 - p0), p1 - p0 + math.hypot(high1 - p1, p0 - low0)
    # Fisher: all tables with these margins that are as unlikely as the one seen, or more.
    chances = [math.comb(n1, k) * math.comb(n0, k1 + k0 - k) for k in range(min(n1, k1 + k0) + 1)]
    p = sum(one for one in chances if one <= chances[k1]) / math.comb(n1 + n0, k1 + k0)
    expected = {"n": n1 + n0, "email_k": k1, "email_n": n1, "other_k": k0, "other_n": n0, "value": p1 - p0}
    assert (
        differing(team.email_only_losses(seen.book, last=24), {(): expected | {"low": low, "high": high, "p": p}}) == {}
    )


# How work is shared out


@pytest.fixture(scope="module")
def loads(seen, deals) -> pd.DataFrame:
    """Sellers with what is open with them, whether they are away, and their capacity."""
    leads = seen.plain.leads
    is_open = leads["qualified_at"].notna() & leads["converted_at"].isna() & leads["disqualified_at"].isna()
    work = Counter(deals.loc[deals["outcome"] == "open", "owner_id"]) + Counter(leads.loc[is_open, "owner_id"])
    rows, after = seen.reps, seen.last + timedelta(days=1)
    has_left = [(started and started >= after) or (ended and ended < after)
                for started, ended in zip(rows["started_on"], rows["ended_on"], strict=True)]  # fmt: skip
    on_leave = [begins and begins < after and (not ends or ends >= after)
                for begins, ends in zip(rows["leave_starts_on"], rows["leave_ends_on"], strict=True)]  # fmt: skip
    away = [bool(left or leave) for left, leave in zip(has_left, on_leave, strict=True)]
    fte = [float(fte or 0) for fte in rows["capacity_fte"]]
    return rows.assign(open=[work[owner] for owner in rows.index], away=away, fte=fte)


def loaded(rows) -> dict[str, float]:
    """Open work per full-time equivalent, with the interval of the count."""
    work, fte = rows["open"].sum(), rows["fte"].sum()
    low, high = poisson(work)
    return {"n": len(rows), "numerator": work, "denominator": fte, "value": work / fte, "low": low / fte,
            "high": high / fte}  # fmt: skip


def test_work_per_full_time_equivalent(seen, loads):
    there = loads[~loads["away"] & (loads["fte"] > 0)]
    assert differing(team.workload(seen.book), {(): loaded(there)}) == {}
    expected = {name: loaded(part) for name, part in by_group(there, "territory_id").items()}
    assert differing(team.workload(seen.book, by="owner.territory_id"), expected, "owner.territory_id") == {}
    expected = {key: loaded(part) for key, part in there.groupby("owner_id")}
    assert differing(team.workload(seen.book, by="owner_id"), expected, "owner_id") == {}
    left = loads[loads["away"]]
    assert differing(team.work_left_behind(seen.book), {(): {"n": len(left), "value": left["open"].sum()}}) == {}


def test_how_unevenly_work_is_spread(seen, loads):
    there = loads[~loads["away"] & (loads["fte"] > 0)]
    each = there["open"] / there["fte"]
    n, value = len(each), stats.variation(each, ddof=1)
    half = stats.t.isf(0.025, n - 1) * value * math.sqrt((0.5 + value**2) / n)
    fair = there["open"].sum() * there["fte"] / there["fte"].sum()
    expected = {"n": n, "mean": each.mean(), "value": value, "low": max(value - half, 0), "high": value + half}
    expected["p"] = stats.chisquare(there["open"], fair).pvalue
    assert differing(team.workload_spread(seen.book), {(): expected}) == {}


def test_sellers_needed_for_the_target(seen, deals):
    targets = seen.plain.read("targets")
    targets = targets[(targets["kpi"] == "won") & (targets["level"] == "organisation")]
    target = targets.loc[targets["starts_on"].str.startswith("2026"), "value"].astype(float).sum()
    pairs = []
    for back in range(12, 0, -1):
        first = seen.first(back)
        end = seen.first(back - 1) if back > 1 else seen.last + timedelta(days=1)
        days = [first + timedelta(days=n) for n in range((end - first).days)]
        capacity = 0
        for rep in seen.reps[seen.reps["capacity_fte"] != ""].itertuples():
            there = sum(rep.started_on <= day <= (rep.ended_on or date.max) for day in days)
            capacity += math.floor(float(rep.capacity_fte) * 100 * there / len(days) + 0.5)
        amounts = [
            seen.euros(row.amount, row.currency, row.closed)
            for row in deals[deals["outcome"] == "won"].itertuples()
            if row.amount and first <= row.closed < end
        ]
        pairs.append((float(sum(amount for amount in amounts if amount > 0)), capacity / 100))
    found = rate(pairs)
    expected = {"n": 12, "target": target, "won_per_fte": 12 * found["value"], "present": pairs[-1][1]}
    expected |= {"value": target / 12 / found["value"], "low": target / 12 / found["high"]}
    assert differing(team.sellers_needed(seen.book), {(): expected | {"high": target / 12 / found["low"]}}) == {}


# Fields, material, qualification, surveys


def test_fields_that_deals_should_have(seen, deals):
    rows = deals[seen.inside(deals["created"])]
    amount = [bool(text) and float(text) > 0 for text in rows["amount"]]
    filled = np.sum([amount, *(rows[name] != "" for name in ("expected_close", "product", "contact_id"))], axis=0)
    pairs = pd.Series([(n, 4) for n in filled], index=rows.index)
    expected = {name: rate(list(pairs[part.index])) for name, part in by_group(rows, "team").items()}
    assert differing(team.fields_filled(seen.book, by="owner.team", last=12), expected, "owner.team") == {}


@pytest.fixture(scope="module")
def uses(seen) -> pd.DataFrame:
    """Every use of material, with its local day."""
    rows = seen.plain.read("collateral_usage").dropna(subset=["used_at"])
    return rows.assign(day=days_of(rows["used_at"]))


def test_uses_of_material_and_what_they_cost(seen, uses):
    year = uses[seen.inside(uses["day"])]
    assert (
        differing(team.collateral_uses(seen.book, by="asset_id", last=12), counted(year["asset_id"]), "asset_id") == {}
    )
    there = {owner for owner, rep in seen.reps.iterrows()
             if rep["started_on"] <= seen.last and (rep["ended_on"] or date.max) > seen.last}  # fmt: skip
    users = set(year["owner_id"])
    assert differing(team.collateral_reach(seen.book, last=12), {(): share(owner in users for owner in there)}) == {}
    costs = seen.dated("costs", "period")
    costs = costs[costs["type"] == "collateral"]
    spent = {first: sum(costs.loc[costs["period"] == str(first), "amount"].astype(float))
             for first in (seen.first(back) for back in range(12, 0, -1))}  # fmt: skip
    months = Counter(day.replace(day=1) for day in year["day"])
    expected = {pd.Timestamp(first): per_counted(cost, months[first]) for first, cost in spent.items()}
    assert differing(team.collateral_cost_per_use(seen.book, period="month", last=12), expected, "period") == {}


def test_winning_with_material_and_without(seen, deals, uses):
    into = seen.plain.survivors("deals")
    used, noted = defaultdict(list), defaultdict(list)
    for row in uses.itertuples():
        used[into.get(row.deal_id, row.deal_id)].append(row.used_at)
        noted[row.owner_id].append(row.used_at)
    table, unknown = defaultdict(lambda: np.zeros((2, 2))), 0
    for deal, row in closed(seen, deals, 24).iterrows():
        is_used = any(at < row["ended"] for at in used[deal])
        if is_used or any(row["created_at"] <= at < row["ended"] for at in noted[row["owner_id"]]):
            table[row["product"]][0 if is_used else 1, 0 if row["outcome"] == "won" else 1] += 1
        else:
            unknown += 1
    tells = [cells for cells in table.values() if cells.sum(0).all() and cells.sum(1).all()]
    agreeing = np.array([cells[0, 0] * cells[1, 1] / cells.sum() for cells in tells])
    against = np.array([cells[0, 1] * cells[1, 0] / cells.sum() for cells in tells])
    ratio, share_of = agreeing.sum() / against.sum(), [np.trace(cells) / cells.sum() for cells in tells]
    # Robins, Breslow and Greenland: the three parts of the variance of the log.
    p, r, s = np.array(share_of), agreeing, against
    variance = (p * r).sum() / r.sum() ** 2 + (p * s + (1 - p) * r).sum() / (r.sum() * s.sum())
    width = math.exp(Z * math.sqrt((variance + ((1 - p) * s).sum() / s.sum() ** 2) / 2))
    moments = [stats.hypergeom(cells.sum(), cells[0].sum(), cells[:, 0].sum()).stats("mv") for cells in tells]
    score = sum(cells[0, 0] for cells in tells) - sum(mean for mean, _ in moments)
    chance = 2 * stats.norm.sf(abs(score) / math.sqrt(sum(variance for _, variance in moments)))
    whole = sum(table.values())
    expected = {"n": whole.sum(), "used_k": whole[0, 0], "used_n": whole[0].sum(), "other_k": whole[1, 0]}
    expected |= {"other_n": whole[1].sum(), "unknown": unknown, "value": ratio, "p": chance}
    assert (
        differing(
            team.collateral_odds(seen.book, last=24), {(): expected | {"low": ratio / width, "high": ratio * width}}
        )
        == {}
    )


def test_qualification_and_what_became_of_it(seen, deals):
    leads = seen.plain.leads
    leads = leads.assign(day=days_of(leads["qualified_at"].fillna(leads["converted_at"])))
    leads = leads.assign(n_filled=(leads[["budget", "authority", "need", "timing"]] == "true").sum(axis=1))
    year = leads[seen.inside(leads["day"])]
    pairs = pd.Series([(n, 4) for n in year["n_filled"]], index=year.index)
    expected = {
        name or None: rate(list(pairs[part.index]))
        for name, part in year.groupby([seen.team(owner) for owner in year["owner_id"]])
    }
    assert differing(team.qualification_filled(seen.book, by="owner.team", last=12), expected, "owner.team") == {}
    into, fates = seen.plain.survivors("deals"), defaultdict(list)
    for row in leads[seen.inside(leads["day"], 24)].itertuples():
        deal = into.get(row.deal_id, row.deal_id) if pd.notna(row.converted_at) else ""
        outcome = deals["outcome"].get(deal, "gone" if pd.notna(row.converted_at) else "none")
        if outcome in ("won", "lost", "gone") or (outcome == "none" and pd.notna(row.disqualified_at)):
            fates[row.n_filled].append(outcome == "won")
    expected = {n: share(found) for n, found in fates.items()}
    assert differing(team.qualification_win_rate(seen.book, by="n_filled", last=24), expected, "n_filled") == {}


def teams_apart(sizes: Counter) -> list[str]:
    """Teams with five answers or more to every question of every survey they answered; so must the others together."""
    least, whole = {}, Counter()
    for (*_, name), n in sizes.items():
        least[name] = min(least.get(name, n), n)
        whole[name] += n
    alone = sorted((name for name in least if least[name] >= 5), key=lambda name: (least[name], whole[name], name))
    for apart in (alone, alone[1:]):
        rest = Counter()
        for (survey, question, name), n in sizes.items():
            rest[survey, question] += n if name not in apart else 0
        if all(n >= 5 for n in rest.values() if n):
            return apart
    return []


def test_enps_and_pulse_never_of_fewer_than_five(seen):
    rows = seen.plain.read("surveys").dropna(subset=["answered_at"])
    rows = rows.assign(day=days_of(rows["answered_at"]), **rows[["score", "scale_min", "scale_max"]].astype(float))
    alone = teams_apart(Counter(zip(rows["survey_id"], rows["question"], rows["team"], strict=True)))
    rows = rows.assign(group=[name if name in alone else "other" for name in rows["team"]])
    year = rows[seen.inside(rows["day"])]
    asked = year["question"].str.contains("recommend")
    points = 100 * ((year["score"] >= 9).astype(int) - (year["score"] <= 6).astype(int))
    place = (year["score"] - year["scale_min"]) / (year["scale_max"] - year["scale_min"])
    assert differing(team.enps(seen.book, last=12), {(): mean(points[asked])}) == {}
    expected = {name: mean(points[part.index]) for name, part in year[asked].groupby("group")}
    assert differing(team.enps(seen.book, by="team_group", last=12), expected, "team_group") == {}
    expected = {name: mean(place[part.index]) for name, part in year[~asked].groupby("question")}
    assert differing(team.pulse(seen.book, by="question", last=12), expected, "question") == {}
