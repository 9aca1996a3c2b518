"""What the forecast methods say of a quarter, worked out from the raw rows deal by deal, with statistics of its own."""

from bisect import bisect_right
from datetime import date, timedelta
from functools import cached_property
from math import exp, isnan, log, nan, sqrt

import numpy as np
from scipy import optimize, stats

from plain_company import CHANCE, Company, day_of, instant, months_on, standing

DAY, LEAST, RECENT, YEAR, CELLS = timedelta(days=1), 20, 91, 365, 1 << 12
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(25)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
TURNS = np.exp(-2j * np.pi * np.arange(CELLS) / CELLS)


class Fates:
    """When deals of one kind are won or lost by days since creation: Aalen-Johansen age by age."""

    def __init__(self, cases: list[tuple[int, str]]):
        """`cases`: age in days at the end of watching, and what came of it: Won, Lost or open."""
        self.ages, self.won, self.left, still, share, self.oldest = [], [], [], 1.0, 0.0, 0
        for age in sorted({age for age, _ in cases}):
            risk = sum(other >= age for other, _ in cases)
            here = [fate for other, fate in cases if other == age]
            share += still * here.count("Won") / risk
            still *= 1 - (here.count("Won") + here.count("Lost")) / risk
            self.oldest = age if risk >= LEAST else self.oldest
            self.ages.append(age)
            self.won.append(share)
            self.left.append(still)
        late = [(age - self.oldest / 2, fate) for age, fate in cases if age > self.oldest / 2]
        watched = sum(days for days, _ in late)
        self.a_day = [sum(fate == end for _, fate in late) / watched if watched else 0.0 for end in ("Won", "Lost")]

    def at(self, steps: list[float], age: float, start: float) -> float:
        """A curve at an age."""
        place = bisect_right(self.ages, age)
        return steps[place - 1] if place else start

    def won_by(self, age: float) -> float:
        """The share of new deals won by an age; nothing past the oldest watched, nothing before it exists."""
        return self.at(self.won, min(age, self.oldest), 0.0) if age >= 0 else 0.0

    def within(self, age: int, days: int) -> float:
        """The chance of a deal open at an age to be won within so many days."""
        chance, left = 0.0, 1.0
        if age < self.oldest:
            until, open_now = min(age + days, self.oldest), self.at(self.left, age, 1.0)
            chance = (self.won_by(until) - self.won_by(age)) / open_now
            left = self.at(self.left, self.oldest, 1.0) / open_now
        beyond, (won, lost) = age + days - max(age, self.oldest), self.a_day
        if beyond > 0 and won + lost:
            chance += left * won / (won + lost) * (1 - exp(-(won + lost) * beyond))
        return chance


class Past:
    """What was known of the company on a morning, and what each method made of it."""

    def __init__(self, company: Company):
        self.company = company
        self.told = [(row, company.states(row)) for row in company.all_deals if row["is_test"] != "true"]
        self.ends = [
            (deal, day_of(known), day_of(until), stage, day_of(entered))
            for deal, states in self.told
            for known, entered, stage, until in states
            if stage in ("Won", "Lost") and (until is None or day_of(until) > day_of(known))
        ]
        self.begins = min(day for _, _, until, _, day in self.ends if until is None)
        running = date(company.end.year, (company.end.month - 1) // 3 * 3 + 1, 1)
        self.quarters = [months_on(running, 3 * place) for place in range(-20, 2)]
        self.mornings: dict[date, tuple[list[dict], list[dict]]] = {}
        self.learned: dict[date, dict[str, Fates]] = {}

    def morning(self, on: date) -> tuple[list[dict], list[dict]]:
        """The deals known to stand open on a morning, and those known to have ended."""
        if on not in self.mornings:
            ended = [
                {"deal": deal["deal_id"], "cycle": deal["cycle"], "made": deal["made"], "fate": stage, "day": day,
                 "cents": self.company.euro(deal["amount"], deal["currency"], day) or 0}
                for deal, known, until, stage, day in self.ends
                if known < on and (until is None or until >= on)
            ]  # fmt: skip
            self.mornings[on] = self.standing(on), ended
        return self.mornings[on]

    def standing(self, on: date) -> list[dict]:
        """The deals open on a morning, as they were told then."""
        at, found, company = instant(on), [], self.company
        for deal, states in self.told:
            stage = standing(states, at)[2]
            if stage in CHANCE:
                due = company.told(deal, "expected_close", at)
                cents = company.euro(company.told(deal, "amount", at), deal["currency"], on - DAY) or 0
                found.append({"deal": deal["deal_id"], "cycle": deal["cycle"], "made": deal["made"], "stage": stage,
                              "category": company.told(deal, "forecast_category", at), "cents": cents,
                              "said": CHANCE[stage], "due": date.fromisoformat(due) if due else None})  # fmt: skip
        return found

    def won(self, on: date, first: date, last: date) -> int:
        """Cents won from a day up to another, as known on a morning."""
        return sum(row["cents"] for row in self.morning(on)[1] if row["fate"] == "Won" and first <= row["day"] < last)

    def whole(self, on: date) -> list[date]:
        """The quarters that were over on a morning and wholly known."""
        return [day for day in self.quarters if months_on(day, 3) <= on and day + 7 * DAY > self.begins]

    def before(self, on: date, first: date) -> list[tuple[date, date]]:
        """Earlier whole quarters, each with the morning that lay as many months before its end."""
        until = months_on(first, 3)
        months = (until.year - on.year) * 12 + until.month - on.month
        pairs = [(months_on(day, 3 - months), day) for day in self.whole(on) if day < first]
        return [(morning, day) for morning, day in pairs if morning > self.begins]

    def fates(self, on: date) -> dict[str, Fates]:
        """Chances by cycle and of all together, from the deals created since the history begins."""
        if on not in self.learned:
            still, ended = self.morning(on)
            cases: dict[str, list] = {"": []}
            for row in [*ended, *still]:
                age = (row.get("day", on - DAY) - row["made"]).days if row["made"] else -1
                if age >= 0 and row["made"] >= self.begins:
                    for name in ("", row["cycle"]):
                        cases.setdefault(name, []).append((age, row.get("fate", "open")))
            enough = {name: part for name, part in cases.items() if sum(fate != "open" for _, fate in part) >= LEAST}
            self.learned[on] = {name: Fates(part) for name, part in enough.items()}
        return self.learned[on]

    def chances(self, on: date, first: date) -> list[float]:
        """The chance of each deal open on a morning to be won in a quarter."""
        last, fates = months_on(first, 3), self.fates(on)
        until, from_now = (last - on).days, max((first - on).days, 0)
        found = []
        for row in self.morning(on)[0]:
            own = fates.get(row["cycle"], fates[""])
            age = (on - DAY - row["made"]).days if row["made"] else own.oldest  # of unknown age: as the oldest
            found.append(own.within(age, until) - own.within(age, from_now))
        return found

    def to_come(self, on: date, first: date) -> list[tuple[float, list[int]]]:
        """Wins expected of deals that are not there yet, by cycle, and the amounts such wins had in the year before."""
        still, ended = self.morning(on)
        last, fates = months_on(first, 3), self.fates(on)
        days = max(min(RECENT, (on - self.begins).days), 1)
        made = [row["cycle"] for row in [*still, *ended] if row["made"] and on - days * DAY <= row["made"] < on]
        found = []
        for name in sorted(set(made)):
            own, wins = fates.get(name, fates[""]), 0.0
            for birth in range((last - on).days):
                ages = ((day - on).days - birth - 1 for day in (last, first))
                wins += own.won_by(next(ages)) - own.won_by(next(ages))
            found.append((made.count(name) / days * wins, self.worth(on, name)))
        return found

    def worth(self, on: date, cycle: str) -> list[int]:
        """Cents of the wins of a cycle in the year before a morning; of all cycles where it had none."""
        wins = [row for row in self.morning(on)[1] if row["fate"] == "Won" and row["day"] >= on - YEAR * DAY]
        return [row["cents"] for row in wins if row["cycle"] == cycle] or [row["cents"] for row in wins]

    def priced(self, on: date) -> list[tuple[float, list[int]]]:
        """What each deal open on a morning may bring: its cents, or those of past wins, and their mean."""
        rows = self.morning(on)[0]
        wins = {name: self.worth(on, name) for name in {row["cycle"] for row in rows if not row["cents"]}}
        may = [[row["cents"]] if row["cents"] else wins[row["cycle"]] for row in rows]
        return [(float(np.mean(worth)), worth) for worth in may]

    def won_in_time(self, on: date, morning: date, first: date) -> list[bool]:
        """Of each deal open on an earlier morning: known by now to be won within its quarter."""
        last = months_on(first, 3)
        wins = {row["deal"] for row in self.morning(on)[1] if row["fate"] == "Won" and first <= row["day"] < last}
        return [row["deal"] in wins for row in self.morning(morning)[0]]

    def said(self, method: str, on: date, first: date) -> dict:
        """What a method said of a quarter on a morning: `value`, and `errors` of its past or the `deals` it adds up."""
        if method not in ("naive", "last_year", "run_rate"):
            return self.of_open_deals(method, on, first)
        say = getattr(self, method)
        came = {day: self.won(on, day, months_on(day, 3)) for day in self.whole(on)}
        errors = [came[day] - say(morning, day) for morning, day in self.before(on, first)]
        return {"value": say(on, first), "errors": [error for error in errors if not isnan(error)]}

    def naive(self, on: date, _: date) -> float:
        """The last quarter that was over, again."""
        over = self.whole(on)
        return self.won(on, over[-1], months_on(over[-1], 3)) if over else nan

    def last_year(self, on: date, first: date) -> float:
        """The same quarter of the year before, again."""
        day = months_on(first, -12)
        return self.won(on, day, months_on(day, 3)) if day in self.whole(on) else nan

    def run_rate(self, on: date, first: date) -> float:
        """Won so far, and the pace of ninety-one days for the days left."""
        last = months_on(first, 3)
        pace = self.won(on, on - RECENT * DAY, on) / RECENT * (last - max(on, first)).days
        return self.won(on, first, last) + pace if (on - self.begins).days >= RECENT else nan

    def of_open_deals(self, method: str, on: date, first: date) -> dict:
        """What a method that looks at the open deals said."""
        if method == "crm_weighted":
            rows = [row for row in self.morning(on)[0] if row["due"] and row["due"] < months_on(first, 3)]
            due = [(row["cents"], row["said"]) for row in rows if row["due"] >= first or first <= on]
            return self.made(on, first, due, [[cents] for cents, _ in due], [], None)
        if "" not in self.fates(on):
            return {"value": nan}
        found = self.chances(on, first) if method == "cycle" else self.by_kind(on, first, method)
        if len(found) != len(self.morning(on)[0]):
            return {"value": nan}
        shock = self.shock(on, first) if method == "cycle" else None
        priced = self.priced(on)
        deals = [(cents, chance) for (cents, _), chance in zip(priced, found, strict=True)]
        return self.made(on, first, deals, [worth for _, worth in priced], self.to_come(on, first), shock)

    def by_kind(self, on: date, first: date, kind: str) -> list[float]:
        """For each deal open on a morning the share of its kind that was won in time in past quarters."""
        seen: dict[str, list[bool]] = {}
        for morning, day in self.before(on, first):
            for row, in_time in zip(self.morning(morning)[0], self.won_in_time(on, morning, day), strict=True):
                seen.setdefault(row[kind], []).append(in_time)
        every = [one for part in seen.values() for one in part]
        rows = self.morning(on)[0] if len(every) >= LEAST else []
        return [float(np.mean(seen.get(row[kind], every))) for row in rows]

    def made(self, on: date, first: date, deals: list, may: list, new: list, shock: float | None) -> dict:
        """A forecast in parts, from each deal's cents and chance, what it may bring, and the wins of deals to come."""
        parts = {
            "from_won": self.won(on, first, months_on(first, 3)),
            "from_open": sum(cents * chance for cents, chance in deals),
            "from_new": sum(wins * float(np.mean(worth)) for wins, worth in new if wins),
        }
        return parts | {"value": sum(parts.values()), "deals": deals, "may": may, "new": new, "shock": shock}

    @cached_property
    def said_before(self) -> dict[tuple[date, date], list[tuple[float, bool]]]:
        """Chances said on a morning of a quarter, with the deals they were said of."""
        return {}

    def shock(self, on: date, first: date) -> float | None:
        """The spread of the fate that all deals of a quarter share, most likely by eight past quarters or more."""
        groups = []
        for morning, day in self.before(on, first):
            if "" in self.fates(morning) and self.morning(morning)[0]:
                key = morning, day
                self.said_before.setdefault(key, self.chances(morning, day))
                p, won = np.array(self.said_before[key]), np.array(self.won_in_time(on, morning, day))
                groups.append((p[(p > 0) & (p < 1)], won[(p > 0) & (p < 1)]))
        return shared(groups) if len(groups) >= 8 else None


def moved(p: np.ndarray, size: float) -> np.ndarray:
    """Chances under each node of a shared normal fate: a row per node; their mean over fates stays what was said."""

    def chance(centre: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(centre + size * NODES[:, None])))

    low, high = np.full(len(p), -60.0), np.full(len(p), 60.0)
    for _ in range(60):
        middle = (low + high) / 2
        is_high = WEIGHTS @ chance(middle) > p
        low, high = np.where(is_high, low, middle), np.where(is_high, middle, high)
    return chance(low)


def shared(groups: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """The most likely spread of shared fates, each group (quarter) having one."""

    def unlikely(size: float) -> float:
        total = 0.0
        for p, won in groups:
            under = moved(p, size)
            likely = np.log(np.where(won, under, 1 - under)).sum(axis=1)
            total -= log(float(WEIGHTS @ np.exp(likely - likely.max()))) + likely.max()
        return total

    return float(optimize.minimize_scalar(unlikely, bounds=(0, 3), method="bounded").x)


def interval(made: dict) -> tuple[float, float]:
    """The 95 % interval of what a method said."""
    if "errors" in made:
        return ends_of_past(made["value"], made["errors"])
    return ends_of_sum(made) if "deals" in made else (nan, nan)


def ends_of_past(value: float, errors: list[float]) -> tuple[float, float]:
    """The interval around a value that past errors suggest; none of fewer than three, nothing below 0."""
    if len(errors) < 3:
        return nan, nan
    reach = sqrt(np.mean(np.square(errors))) * stats.t.isf(0.025, len(errors))
    return max(value - reach, 0.0), value + reach


def ends_of_sum(made: dict) -> tuple[float, float]:
    """Ends of a sum of deals won or not: its characteristic function, new wins as Poisson."""
    cents, p = (np.array(column, float) for column in zip(*made["deals"], strict=True))
    unit = (cents.sum() + sum(max(worth, default=0) * (3 * wins + 5) for wins, worth in made["new"])) / CELLS

    def turned(amount: float) -> np.ndarray:
        return TURNS[np.arange(CELLS) * round(amount / unit) % CELLS]

    new = np.ones(CELLS, complex)
    for wins, worth in made["new"]:
        new *= np.exp(wins * (np.mean([turned(one) for one in worth], axis=0) - 1)) if wins else 1
    sizes = (WEIGHTS, moved(np.clip(p, 1e-12, 1 - 1e-12), made["shock"])) if made["shock"] else ([1.0], [p])
    spectra = [np.ones(CELLS, complex) for _ in sizes[0]]
    seen: dict[tuple, np.ndarray] = {}
    for place, worth in enumerate(map(tuple, made["may"])):
        if worth not in seen:
            seen[worth] = np.mean([turned(one) for one in worth], axis=0)
        turn = seen[worth] - 1
        for spectrum, chances in zip(spectra, sizes[1], strict=True):
            spectrum *= 1 + chances[place] * turn
    mixed = sum(weight * spectrum for weight, spectrum in zip(sizes[0], spectra, strict=True)) * new
    reached = np.fft.ifft(mixed).real.cumsum()
    low, high = (int(np.searchsorted(reached, share)) * unit for share in (0.025, 0.975))
    return made["from_won"] + low, made["from_won"] + high
