"""What the people in the teams say: the rows of `surveys`, a round a quarter."""

import numpy as np

from salesbook.sample import effects
from salesbook.sample.noordzee import TEAMS
from salesbook.sample.plan import Columns, Plan, pick

PEOPLE_PER_TEAM = 6
ANSWERS = 0.92
RECOMMEND, WORKLOAD = range(2)
SCALES = np.array([[0, 10], [1, 5]])
NAMES = ("survey_id", "respondent_hash", "team", "answered_at", "question", "score", "scale_min", "scale_max")


def survey_rows(plan: Plan) -> Columns:
    """The answers of each quarter's second month: whether one would recommend to work here, and the workload.

    Rule: sellers and those who work with them answer, so that a team has more answers than sellers.
    """
    rng = plan.stream("surveys")
    rounds = np.array([month for month in range(plan.first, plan.last + 1) if month % 3 == 1], int)
    which, team, person = (
        axis.reshape(-1) for axis in np.indices((len(rounds), len(TEAMS), PEOPLE_PER_TEAM), dtype=np.int64)
    )
    answered = np.flatnonzero(rng.random(len(which)) < ANSWERS)
    which, team, person = which[answered], team[answered], person[answered]
    first = plan.month_starts[rounds[which] - plan.simulated.start]
    at = first + 9 * 86_400 + rng.integers(8 * 3600, 17 * 3600, len(which))
    edges = np.cumsum(effects.recommends(plan), axis=1)[team]
    recommend = (rng.random(len(team))[:, None] >= edges).sum(axis=1).clip(0, SCALES[RECOMMEND, 1])
    workload = 1 + pick(rng, len(team), effects.WORKLOADS)
    answers = {
        "survey_id": rounds[which] // 12 * 10 + rounds[which] % 12 // 3 + 1,
        "respondent_hash": hashed(plan, team * PEOPLE_PER_TEAM + person),
        "team": team,
        "answered_at": at,
    }
    both = {name: np.repeat(values, 2) for name, values in answers.items()}
    both["question"] = np.tile((RECOMMEND, WORKLOAD), len(team))
    both["score"] = np.stack([recommend, workload], axis=1).reshape(-1)
    both["scale_min"], both["scale_max"] = SCALES[both["question"]].T
    return both


def hashed(plan: Plan, person: np.ndarray) -> np.ndarray:
    """Numbers that are the same for a person in every round and do not tell who it is."""
    return (person + 1) * 2_654_435_761 % 999_983 + plan.seed
