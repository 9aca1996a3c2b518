"""The KPIs by topic. Importing this package fills the registry; topics never import one another."""

from pathlib import Path

from salesbook.kpi import KPIS
from salesbook.kpis import (
    data_quality,
    elsewhere,
    follow_up,
    forecast_accuracy,
    funnel,
    pipeline,
    scorecard,
    team,
    unit_economics,
)

TOPICS = (scorecard, funnel, follow_up, forecast_accuracy, pipeline, unit_economics, team, data_quality)

DEFINED_ELSEWHERE = elsewhere  # imported for what it registers: the KPIs as others define them


def overview() -> str:
    """Question, page and KPIs of every topic, as the README's table.

    Returns: Markdown; a topic's question is the first line of its module's docstring.
    """
    notebooks = Path(__file__).resolve().parents[3] / "notebooks"
    lines = ["| question | page | KPIs |", "|---|---|---|"]
    for topic in TOPICS:
        name = topic.__name__.rsplit(".", 1)[-1]
        page = f"[{name}](notebooks/{name}.ipynb)" if (notebooks / f"{name}.ipynb").is_file() else name
        names = ", ".join(f"`{made.name}`" for made in KPIS.values() if made.topic == name)
        lines.append(f"| {topic.__doc__.splitlines()[0]} | {page} | {names} |")
    return "\n".join(lines)
