"""How the team is: eNPS and the pulse. Never of fewer than five answers."""

from dataclasses import replace

import pandas as pd

from salesbook.kpi import kpi, mean
from salesbook.query import Measure

LEAST = 5


def of_people(measure: Measure) -> Measure:
    """A measure that gives no value, and nothing it could be worked out from, of fewer than five answers.

    Rule: where the groups left out have fewer than five answers together, the smallest group shown of the same period
    is left out too, so that no total tells.
    """

    def finish(rows: pd.DataFrame) -> pd.DataFrame:
        rows = measure.finish(rows).drop(columns="numerator")
        periods = rows["period"] if "period" in rows else pd.Series(0, index=rows.index)
        hidden = rows["n"] < LEAST
        for _, part in rows.groupby(periods):
            shown = part.loc[~hidden[part.index]].sort_values("n")
            if len(shown) and 0 < part.loc[hidden[part.index], "n"].sum() < LEAST:
                hidden[shown.index[0]] = True
        rows.loc[hidden, ["value", "low", "high"]] = float("nan")
        return rows

    return replace(measure, finish=finish)


@kpi("index", better="higher")
def enps():
    """How many more would recommend working here (9 or 10) than would not (6 or lower), of 100 answers.

    Rule: share of promoters − share of detractors, × 100, on the declared scale of 0 or 1 to 10; the question is
    told by a word of it (team.enps_question). Ask it by team_group: never of fewer than five answers.
    Returns: n (answers), value (−100 to 100), low, high (t interval).
    Source: kpis.md K44, G11, G19.
    """
    measure = mean("survey_answers", "enps_points", among="is_enps", on="answered_on", empty="fewer than five answers")
    return of_people(measure)


@kpi("share", better="higher")
def pulse():
    """How high answers to the other questions lie on their scale, on average, from 0 (lowest) to 1 (highest).

    Rule: (answer − lowest) ÷ (highest − lowest). Ask it by question or team_group: never of fewer than five answers.
    Returns: n (answers), value, low, high (t interval).
    Source: kpis.md K44, G11, G19.
    """
    empty = "fewer than five answers"
    return of_people(
        mean("survey_answers", "pulse_points", among="is_pulse", on="answered_on", per=10_000, empty=empty)
    )
