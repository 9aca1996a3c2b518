"""What is open, how old is it, and what is stuck?"""

from salesbook.kpis.pipeline.covering import pipeline_coverage, quarters_of
from salesbook.kpis.pipeline.cycle import (
    closing_cycle,
    pipeline_velocity,
    sales_cycle,
    sales_cycle_from_contact,
    time_to_outcome,
)
from salesbook.kpis.pipeline.moving import (
    expected_deals,
    expected_waterfall,
    pipeline_waterfall,
    push_length,
    pushed_deals,
)
from salesbook.kpis.pipeline.standing import (
    open_deal_age,
    open_deals,
    open_pipeline,
    open_qualified_leads,
    qualified_lead_days,
    stalled_amount,
    stalled_deals,
    stalled_share,
    time_in_stage,
)

__all__ = [
    "closing_cycle",
    "expected_deals",
    "expected_waterfall",
    "open_deal_age",
    "open_deals",
    "open_pipeline",
    "open_qualified_leads",
    "pipeline_coverage",
    "pipeline_velocity",
    "pipeline_waterfall",
    "push_length",
    "pushed_deals",
    "qualified_lead_days",
    "quarters_of",
    "sales_cycle",
    "sales_cycle_from_contact",
    "stalled_amount",
    "stalled_deals",
    "stalled_share",
    "time_in_stage",
    "time_to_outcome",
]
