"""What does a new customer cost, what is it worth, and how long does it stay?"""

from salesbook.kpis.unit_economics.acquisition import acquisition_cost, cac, media_cac, media_cost, new_customers
from salesbook.kpis.unit_economics.models import (
    lifetime_value_contracts,
    lifetime_value_orders,
    purchase_histories,
    stays,
)
from salesbook.kpis.unit_economics.prices import (
    adjusted_win_rate,
    deep_discount_odds,
    discount_effect,
    price_win_rate,
    value_per_deal,
    what_if,
)
from salesbook.kpis.unit_economics.ratios import highest_cac, ltv_to_cac, payback_months
from salesbook.kpis.unit_economics.recurring import (
    arr,
    customer_retention,
    gross_revenue_retention,
    mrr,
    mrr_movement,
    net_revenue_retention,
)
from salesbook.kpis.unit_economics.worth import (
    arpa,
    customer_churn,
    gross_margin,
    lifetime_value_discounted,
    lifetime_value_margin,
    lifetime_value_simple,
    lifetime_value_subscription,
    products_per_customer,
)

__all__ = [
    "acquisition_cost",
    "adjusted_win_rate",
    "arpa",
    "arr",
    "cac",
    "customer_churn",
    "customer_retention",
    "deep_discount_odds",
    "discount_effect",
    "gross_margin",
    "gross_revenue_retention",
    "highest_cac",
    "lifetime_value_contracts",
    "lifetime_value_discounted",
    "lifetime_value_margin",
    "lifetime_value_orders",
    "lifetime_value_simple",
    "lifetime_value_subscription",
    "ltv_to_cac",
    "media_cac",
    "media_cost",
    "mrr",
    "mrr_movement",
    "net_revenue_retention",
    "new_customers",
    "payback_months",
    "price_win_rate",
    "products_per_customer",
    "purchase_histories",
    "stays",
    "value_per_deal",
    "what_if",
]
