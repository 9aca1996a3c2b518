"""Orders of the products of won deals."""

from datetime import datetime

from sources.test_steps import HISTORY, HUBSPOT, OPPORTUNITY

LINES = """Id,OpportunityId,Name,Quantity,TotalPrice,IsDeleted
L1,006A,Pump,2,600.00,false
L2,006A,Valve,1,400.00,false
L3,006A,Pipe,1,50.00,true
L4,006B,Pump,1,300.00,false
"""


def test_products_of_won_deals_are_orders_where_no_orders_are_kept(read_crm, rows):
    files = {"Opportunity.csv": OPPORTUNITY, "OpportunityLineItem.csv": LINES}
    imported = read_crm("salesforce", files)
    columns = "order_id, account_id, ordered_at, ordered_at_is_date, amount_minor, currency, product, quantity::int"
    day = datetime(2026, 3, 30, 22)
    assert rows(imported, "orders", columns) == [
        ("L1", "001A", day, True, 60_000, "EUR", "Pump", 2), ("L2", "001A", day, True, 40_000, "EUR", "Valve", 1),
    ]  # fmt: skip
    assert imported.left_out == {"deal_lines": {"deleted": 1, "not_sold": 1}}
    own = "Id,AccountId,EffectiveDate,TotalAmount,CurrencyIsoCode\nO1,001A,2026-04-01,1000,EUR\n"
    assert [key for (key,) in rows(read_crm("salesforce", files | {"Order.csv": own}), "orders", "order_id")] == ["O1"]


def test_lines_of_hubspot_find_their_deal_by_a_link_and_bear_their_cost(read_crm, rows):
    lines = "id,property_name,property_quantity,property_amount,property_hs_cost_of_goods_sold\n7,Pump,3,900,200\n"
    links = "line_item_id,deal_id\n7,D1\n"
    companies = "deal_id,company_id\nD1,C1\n"
    files = HUBSPOT | {"line_item.csv": lines, "line_item_deal.csv": links, "deal_company.csv": companies}
    imported = read_crm("hubspot", files | {"deal_property_history.csv": HISTORY})
    columns = "order_id, account_id, ordered_at, amount_minor, cost_minor"
    assert rows(imported, "orders", columns) == [("7", "C1", datetime(2026, 2, 20, 11), 90_000, 60_000)]
