"""Headlines with guards: a sentence claims something only where the data bears it, else its neutral twin stands.

A page puts together what it might say: each candidate has a test, the sentence that claims and the one that does not.
All tests of a page are judged together (Holm), so that a page of a month in which nothing happened claims something
in at most one month of twenty.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesbook import stats

# Findings and figures together may claim falsely on one page of twenty: 3 % for the findings, the rest for the figures.
PAGE_ALPHA = 0.03
HELD = PAGE_ALPHA / 3  # for a figure that repeats the test of a finding: no further chance of a false claim
ALPHA = 0.003  # for a figure with a test of its own
LEAST = 20


@dataclass(frozen=True)
class Finding:
    """What the reader sees: a headline, a sentence of detail, and whether they claim something."""

    headline: str
    detail: str
    is_claim: bool


@dataclass(frozen=True)
class Candidate:
    """What a page might say.

    `p`: the chance of data as far from "nothing happened" as this; NaN where too little is known to test.
    `claim` and `neutral`: the two Findings to choose from. `weight` orders claims: the larger matters more.
    """

    name: str
    p: float
    claim: Finding
    neutral: Finding
    weight: float = 0.0


def chosen(candidates: list[Candidate], most: int = 3) -> list[Finding]:
    """The findings of a page: claims that hold, the weightiest first, then neutral ones in the order given.

    Rule: Holm's step-down over all candidates with a test keeps the chance of any false claim on the page under
    PAGE_ALPHA; a candidate without a test never claims.
    Parameters: `most`, findings shown.
    Returns: Findings.
    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    held = holm(np.array([candidate.p for candidate in candidates], dtype=float), PAGE_ALPHA)
    claims = [one for one, holds in zip(candidates, held, strict=True) if holds]
    claims.sort(key=lambda one: -one.weight)
    rest = [one.neutral for one, holds in zip(candidates, held, strict=True) if not holds]
    return [*(one.claim for one in claims), *rest][:most]


def holm(p: np.ndarray, alpha: float) -> np.ndarray:
    """Which of several tests hold together; NaN never does.

    >>> holm(np.array([0.01, 0.04, 0.03, np.nan]), 0.05).tolist()
    [True, False, False, False]
    """
    order = np.argsort(p, kind="stable")
    count = int(np.isfinite(p).sum())
    held = np.zeros(len(p), dtype=bool)
    for place, index in enumerate(order[:count]):
        if p[index] > alpha / (count - place):
            break
        held[index] = True
    return held


def moved(now: pd.DataFrame, before: pd.DataFrame, swing: float = 1.0) -> stats.Difference:
    """How a share moved between two spans.

    Rule: Newcombe's interval and a test of equal shares, on counts divided by `swing`; under 20 in either span there
    is no test (p is NaN).
    Parameters: `now` and `before`, answers of one KPI, counted together; `swing`, as `swing_of`.
    Returns: value, low, high in shares (0.05 is five points), p.
    """
    counts = [(rows["numerator"].sum(), rows["denominator"].sum()) for rows in (now, before)]
    (k1, n1), (k0, n0) = np.array(counts, dtype=float) / swing
    found = stats.difference_of_shares(k1, n1, k0, n0)
    return found if min(n0, n1) * swing >= LEAST else replace(found, p=np.nan)


def swing_of(*spans: pd.DataFrame, by: list[str] | None = None) -> float:
    """How much further a share swings from month to month than chance alone makes it: what a move must be judged by.

    Rule: the chi-square of the months of each span, and of each group apart, over its degrees of freedom; never
    under 1.
    Parameters: `spans`, answers by month; `by`, their groups.
    Source: McCullagh and Nelder (1989), Generalized Linear Models, 4.5 (overdispersion).
    """
    parts = [part for span in spans for _, part in (span.groupby(by) if by else [("", span)])]
    counts = [part[["numerator", "denominator"]].fillna(0).to_numpy(float).T for part in parts]
    swings, free = np.sum([stats.swing(k, n) for k, n in counts], axis=0)
    return max(1.0, swings / max(free, 1))
