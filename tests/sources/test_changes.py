"""Changes of deals, of a history of fields and of versions."""

from datetime import datetime

from sources.test_steps import HISTORY, HUBSPOT, OPPORTUNITY, OPPORTUNITY_HISTORY

CHANGES = "field, old_value, new_value, changed_at"


def test_changes_of_amount_owner_close_and_category_come_from_a_history_of_fields(read_crm, rows, quarantined):
    history = (
        HISTORY
        + """D1,amount,1250.5,2026-01-08 10:00:00
D1,amount,1250.5,2026-01-09 10:00:00
D1,hubspot_owner_id,O2,2026-01-08 10:00:00
D1,closedate,1782770400000,2026-01-08 10:00:00
D1,closedate,2026-07-31T22:30:00Z,2026-01-09 10:00:00
D1,hs_manual_forecast_category,BEST_CASE,2026-01-08 10:00:00
D1,amount,,2026-01-10 10:00:00
D2,amount,about 5,2026-02-06 10:00:00
"""
    )
    imported = read_crm("hubspot", HUBSPOT | {"deal_property_history.csv": history})
    day = datetime(2026, 1, 8, 10)
    assert rows(imported, "deal_changes", CHANGES) == [
        ("amount", None, "1000", datetime(2026, 1, 6, 10)), ("amount", "1000", "1250.5", day),
        ("amount", "1250.5", None, datetime(2026, 1, 10, 10)), ("category", None, "best_case", day),
        ("expected_close", None, "2026-06-30", day),
        ("expected_close", "2026-06-30", "2026-08-01", datetime(2026, 1, 9, 10)), ("owner", None, "O2", day),
    ]  # fmt: skip
    assert imported.rejected["deal_changes"] == {"new_value_unreadable": 1}
    assert imported.left_out == {"deal_history": {"other_field": 1}}


def test_versions_of_a_deal_that_differ_are_changes_and_the_first_is_none(read_crm, rows):
    imported = read_crm("salesforce", {"Opportunity.csv": OPPORTUNITY, "OpportunityHistory.csv": OPPORTUNITY_HISTORY})
    assert rows(imported, "deal_changes", CHANGES) == [
        ("amount", "900.0000", "1000.0000", datetime(2026, 1, 9, 9)),
        ("category", "pipeline", "closed", datetime(2026, 2, 20, 9)),
        ("expected_close", "2026-03-31", "2026-03-01", datetime(2026, 2, 25, 9)),
    ]
    assert imported.made["deal_changes"] == {"changes_of_deals": 3}


def test_a_close_date_written_as_midnight_is_that_day_west_of_greenwich_too(read_crm, rows):
    history = """Id,OpportunityId,Field,OldValue,NewValue,CreatedDate,CreatedById
F1,006B,CloseDate,2026-05-31 00:00:00,2026-06-30T00:00:00Z,2026-01-09T09:00:00.000Z,005A
"""
    files = {"Opportunity.csv": OPPORTUNITY, "OpportunityFieldHistory.csv": history}
    imported = read_crm("salesforce", files, '[report]\nzone = "America/New_York"\n')
    assert rows(imported, "deal_changes", "old_value, new_value") == [("2026-05-31", "2026-06-30")]


def test_a_field_history_has_the_value_before_and_owners_by_id(read_crm, rows):
    history = """Id,OpportunityId,Field,OldValue,NewValue,CreatedDate,CreatedById
F1,006B,Amount,400.0,500.0,2026-01-07T09:00:00.000Z,005A
F2,006B,Owner,Ann,Bob,2026-01-08T09:00:00.000Z,005A
F3,006B,Owner,005AAAAAAAAAAAA,005BBBBBBBBBBBB,2026-01-08T09:00:00.000Z,005A
F4,006B,CloseDate,2026-05-31 00:00:00,2026-06-30 00:00:00,2026-01-09T09:00:00.000Z,005A
F5,006B,ForecastCategoryName,Pipeline,Best Case,2026-01-10T09:00:00.000Z,005A
F6,006B,StageName,Prospecting,Proposal,2026-01-11T09:00:00.000Z,005A
F7,006B,created,,,2026-01-06T09:00:00.000Z,005A
F8,006B,Amount,about 500,600.0,2026-01-12T09:00:00.000Z,005A
"""
    files = {"Opportunity.csv": OPPORTUNITY, "OpportunityFieldHistory.csv": history}
    imported = read_crm("salesforce", files)
    assert [row[:3] for row in rows(imported, "deal_changes", CHANGES)] == [
        ("amount", "400.0", "500.0"), ("category", "pipeline", "best_case"),
        ("expected_close", "2026-05-31", "2026-06-30"), ("owner", "005AAAAAAAAAAAA", "005BBBBBBBBBBBB"),
    ]  # fmt: skip
    assert imported.rejected["deal_changes"] == {"old_value_unreadable": 1}
    assert rows(imported, "stage_history", "stage, entered_at") == [("Proposal", datetime(2026, 1, 11, 9))]
    assert imported.left_out == {"deal_history": {"other_field": 1}}
