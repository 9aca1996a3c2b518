"""The KPIs by topic. Importing this package fills the registry; topics never import one another."""

from salesbook.kpis import funnel, pipeline, scorecard

TOPICS = (scorecard, funnel, pipeline)
