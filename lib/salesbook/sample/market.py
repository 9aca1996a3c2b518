"""The organisations and persons that turn up, and those known so far."""

import numpy as np

from salesbook.sample.noordzee import COUNTRY_OF
from salesbook.sample.plan import EMPTY, Columns, only, pick

PLAIN, DUPLICATE, BRANCH = range(3)
KIND_WEIGHTS = (0.94, 0.03, 0.03)
N_INDUSTRIES = 8
N_TITLES = 8
DECIDES = np.array([True, True, True, False, False, False, True, False])


class Market:
    """What is known so far: an account is a row here, its entity is the organisation behind it.

    A duplicate is a second account of the same entity; a branch has the entity's name and points to its account.
    """

    def __init__(self):
        self.n_accounts = self.n_contacts = self.n_entities = 0
        nobody = np.empty(0, int)
        self.accounts: Columns = dict.fromkeys(("account_id", "entity", "territory", "contact_id"), nobody)
        self.won: Columns = dict.fromkeys(("account_id", "territory", "contact_id", "closed_at"), nobody)

    def known_in(self, territory: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """Places of known accounts drawn in the territories asked for; empty where there is none yet."""
        return drawn_in(self.accounts["territory"], territory, draw)

    def customers(self, before: int) -> Columns:
        """The accounts that were won before an instant."""
        return only(self.won, self.won["closed_at"] < before)

    def add(self, rows: Columns) -> None:
        """Remember new accounts, each with the first person met there."""
        self.accounts = {name: np.concatenate([old, rows[name]]) for name, old in self.accounts.items()}

    def add_won(self, rows: Columns) -> None:
        """Remember won deals, so that their accounts can buy again."""
        self.won = {name: np.concatenate([old, rows[name]]) for name, old in self.won.items()}

    def forget_all_but(self, account_ids: np.ndarray) -> None:
        """Forget the accounts that nothing told refers to."""
        self.accounts = only(self.accounts, np.isin(self.accounts["account_id"], account_ids))
        self.won = only(self.won, np.isin(self.won["account_id"], account_ids))


def drawn_in(held: np.ndarray, territory: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """For each territory asked for, the place of one of those that `held` has, by a number from 0 to 1."""
    by_territory = np.argsort(held, kind="stable")
    starts = np.searchsorted(held[by_territory], np.arange(len(COUNTRY_OF) + 1))
    first, size = starts[territory], np.diff(starts)[territory]
    found = np.full(len(territory), EMPTY)
    some = size > 0
    found[some] = by_territory[(first + draw * size).astype(int)[some]]
    return found


def meet(rng, market: Market, territory, met_at, *, again: float, nobody: float) -> tuple[Columns, Columns, Columns]:
    """Who enquires: a new organisation, a known one, or a person without one.

    Parameters: `again` and `nobody`, the shares of known organisations and of persons without one.
    Returns: account_id and contact_id of each enquiry, new rows of accounts, new rows of contacts.
    """
    n = len(territory)
    case, draw, same_person = rng.random(n), rng.random(n), rng.random(n) < 0.5
    place = np.where(case < again, market.known_in(territory, draw), EMPTY)
    is_known, is_nobody = place >= 0, (case >= 1 - nobody)
    is_new = ~is_known & ~is_nobody
    accounts = new_accounts(rng, market, territory[is_new], met_at[is_new])
    who = {"account_id": np.full(n, EMPTY), "contact_id": np.full(n, EMPTY)}
    who["account_id"][is_new] = accounts["account_id"]
    who["account_id"][is_known] = market.accounts["account_id"][place[is_known]]
    is_same = is_known & same_person
    who["contact_id"][is_same] = market.accounts["contact_id"][place[is_same]]
    n_people = int((~is_same).sum())
    who["contact_id"][~is_same] = market.n_contacts + 1 + np.arange(n_people)
    market.n_contacts += n_people
    contacts = new_contacts(rng, who["contact_id"][~is_same], who["account_id"][~is_same], met_at[~is_same])
    market.add(accounts | {"contact_id": who["contact_id"][is_new]})
    return who, accounts, contacts


def new_accounts(rng, market: Market, territory: np.ndarray, met_at: np.ndarray) -> Columns:
    """New accounts; some are duplicates or branches of a known one in the same territory."""
    n = len(territory)
    kind, place = pick(rng, n, KIND_WEIGHTS), market.known_in(territory, rng.random(n))
    kind = np.where(place >= 0, kind, PLAIN)
    entity = market.n_entities + np.cumsum(kind == PLAIN)
    market.n_entities += int((kind == PLAIN).sum())
    account_id = market.n_accounts + 1 + np.arange(n)
    market.n_accounts += n
    other = kind != PLAIN
    entity[other] = market.accounts["entity"][place[other]]
    parent = np.full(n, EMPTY)
    is_branch = kind == BRANCH
    parent[is_branch] = market.accounts["account_id"][place[is_branch]]
    unknown = rng.random((4, n))
    return {
        "account_id": account_id,
        "entity": entity,
        "kind": kind,
        "parent_id": parent,
        "territory": territory,
        "has_number": (unknown[0] < 0.88) & ~is_branch,
        "has_domain": unknown[1] < 0.85,
        "industry": np.where(unknown[2] < 0.85, rng.integers(0, N_INDUSTRIES, n), EMPTY),
        "employees": np.where(unknown[3] < 0.75, np.exp(3.8 + 1.2 * rng.standard_normal(n)).astype(int) + 2, EMPTY),
        "created_at": met_at,
    }


def new_contacts(rng, contact_id: np.ndarray, account_id: np.ndarray, met_at: np.ndarray) -> Columns:
    """New persons."""
    n = len(contact_id)
    title = np.where(rng.random(n) < 0.9, rng.integers(0, N_TITLES, n), EMPTY)
    return {
        "contact_id": contact_id,
        "account_id": account_id,
        "job_title": title,
        "is_decision_maker": np.where(title >= 0, DECIDES[title], EMPTY),
        "created_at": met_at,
    }
