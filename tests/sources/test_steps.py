"""Steps a map asks for: small exports in the shape of each CRM, and what each step makes of them."""

from datetime import date, datetime

import pytest

from salesbook.errors import BadData

HUBSPOT_STAGES = """pipeline_id,stage_id,label,display_order,probability,closed_won,is_closed
p1,new,Nieuw,0,0.2,false,false
p1,offer,Offerte,1,0.6,false,false
p1,won,Gewonnen,2,1.0,true,true
p1,lost,Verloren,3,0.0,false,true
"""
HUBSPOT_PIPELINES = "pipeline_id,label\np1,Verkoop\n"
HUBSPOT_DEALS = """deal_id,deal_pipeline_id,deal_pipeline_stage_id,owner_id,property_amount,property_closedate,property_createdate,is_deleted,_fivetran_synced,property_hs_deal_stage_probability
D1,p1,won,O1,1000,2026-03-31 10:00:00,2026-01-05 09:00:00,false,2026-05-01 00:00:00,1.0
D2,p1,offer,O1,500,2026-06-30 10:00:00,2026-02-05 09:00:00,false,2026-05-01 00:00:00,0.6
D3,p1,lost,O2,,2026-03-01 10:00:00,2026-02-06 09:00:00,true,2026-04-02 03:00:00,0
"""  # noqa: E501
HUBSPOT = {
    "deal.csv": HUBSPOT_DEALS,
    "deal_pipeline.csv": HUBSPOT_PIPELINES,
    "deal_pipeline_stage.csv": HUBSPOT_STAGES,
}
HISTORY = """deal_id,name,value,timestamp
D1,dealstage,new,2026-01-05 9:00:00
D1,dealstage,offer,2026-01-05 10:00:00
D1,amount,1000,2026-01-06 10:00:00
D1,dealname,Pumps,2026-01-06 10:00:00
D1,dealstage,offer,2026-01-07 10:00:00
D1,dealstage,won,2026-02-20 11:00:00
D2,dealstage,new,2026-02-05 09:00:00
D2,dealstage,offer,2026-02-09 09:00:00
"""


def test_history_of_properties_becomes_stage_visits_each_ending_where_the_next_begins(read_crm, rows):
    imported = read_crm("hubspot", HUBSPOT | {"deal_property_history.csv": HISTORY})
    assert rows(imported, "stage_history", "deal_id, stage, entered_at, exited_at") == [
        ("D1", "Nieuw", datetime(2026, 1, 5, 9), datetime(2026, 1, 5, 10)),
        ("D1", "Offerte", datetime(2026, 1, 5, 10), datetime(2026, 2, 20, 11)),
        ("D1", "Gewonnen", datetime(2026, 2, 20, 11), None),
        ("D2", "Nieuw", datetime(2026, 2, 5, 9), datetime(2026, 2, 9, 9)),
        ("D2", "Offerte", datetime(2026, 2, 9, 9), None),
    ]


def test_rows_that_steps_made_and_did_not_need_are_counted(read_crm):
    imported = read_crm("hubspot", HUBSPOT | {"deal_property_history.csv": HISTORY})
    history = next(file for file in imported.files if file["table"] == "deal_history")
    assert (history["rows_read"], history["rows_loaded"], history["rows_rejected"]) == (8, 8, 0)
    assert imported.left_out == {"deal_history": {"other_field": 1}}
    assert imported.made == {"stage_history": {"visits_from_history": 6}, "deal_changes": {"changes_of_deals": 1}}
    assert imported.rejected["stage_history"] == {"same_stage": 1}
    assert "stage_history" in imported.present


def test_a_made_row_that_breaks_a_rule_is_quarantined_with_the_line_it_was_made_of(read_crm, quarantined):
    history = HISTORY + "D9,dealstage,new,2026-02-05 09:00:00\n"
    imported = read_crm("hubspot", HUBSPOT | {"deal_property_history.csv": history})
    found = quarantined(imported, "stage_history", "file, line, rule, original")
    assert found[-1] == (
        "deal_property_history.csv", 10, "deal_id_unknown", "D9,dealstage,new,2026-02-05 09:00:00",
    )  # fmt: skip


@pytest.mark.parametrize("lacking", ["", "is_closed"])
def test_pipelines_and_stages_have_their_names_outcomes_and_places_from_one(read_crm, rows, lacking):
    cut = -1 if lacking else None  # older replicas do not say which stages are closed
    stages = "".join(",".join(line.split(",")[:cut]) + "\n" for line in HUBSPOT_STAGES.splitlines())
    imported = read_crm("hubspot", HUBSPOT | {"deal_pipeline_stage.csv": stages})
    assert rows(imported, "stages", "pipeline, stage, position, is_won, is_lost, probability::float") == [
        ("Verkoop", "Gewonnen", 3, True, False, 1.0),
        ("Verkoop", "Nieuw", 1, False, False, pytest.approx(0.2)),
        ("Verkoop", "Offerte", 2, False, False, pytest.approx(0.6)),
        ("Verkoop", "Verloren", 4, False, True, 0.0),
    ]
    assert rows(imported, "deals", "pipeline, stage, status") == [
        ("Verkoop", "Gewonnen", "won"), ("Verkoop", "Offerte", "open"), ("Verkoop", "Verloren", "lost"),
    ]  # fmt: skip


def test_the_closing_is_the_change_of_stage_and_without_history_the_rewritten_close_date(read_crm, rows):
    columns = "deal_id, closed_at, expected_close"
    without = read_crm("hubspot", HUBSPOT)
    assert rows(without, "deals", columns) == [
        ("D1", datetime(2026, 3, 31, 10), None),
        ("D2", None, date(2026, 6, 30)),
        ("D3", datetime(2026, 3, 1, 10), None),
    ]
    imported = read_crm("hubspot", HUBSPOT | {"deal_property_history.csv": HISTORY})
    assert rows(imported, "deals", columns)[0] == ("D1", datetime(2026, 2, 20, 11), None)


def test_a_fraction_stays_a_fraction_and_a_percent_becomes_one(read_crm, rows):
    hubspot = read_crm("hubspot", HUBSPOT)
    assert rows(hubspot, "deals", "probability::float")[1] == (pytest.approx(0.6),)
    salesforce = read_crm("salesforce", {"Opportunity.csv": OPPORTUNITY})
    assert rows(salesforce, "deals", "probability::float")[1] == (pytest.approx(0.65),)


def test_fractions_that_the_map_takes_for_percents_are_refused(read_crm, rows):
    fractions = OPPORTUNITY.replace(",65.0,", ",0.65,").replace(",100.0,", ",1.0,").replace(",65,", ",0.65,")
    fractions = fractions.replace(",100,", ",1,")
    assert fractions != OPPORTUNITY
    with pytest.raises(BadData, match=r"no percents.*The highest in 'Opportunity\.csv' is 1, as if all were fractions"):
        read_crm("salesforce", {"Opportunity.csv": fractions})
    own = '[steps]\ndeals = ["midnight_is_date", "one_pipeline", "status_from_flags", "closed_at_from_history"]\n'
    imported = read_crm("salesforce", {"Opportunity.csv": fractions}, own)
    assert max(float(chance) for (chance,) in rows(imported, "deals", "probability")) == 1


def test_a_deleted_deal_is_gone_from_when_it_was_last_written(read_crm, rows):
    imported = read_crm("hubspot", HUBSPOT)
    assert rows(imported, "deals", "deal_id, deleted_at") == [
        ("D1", None), ("D2", None), ("D3", datetime(2026, 4, 2, 3)),
    ]  # fmt: skip


def test_a_record_that_the_warehouse_no_longer_found_is_deleted_whatever_the_crm_says_of_it(read_crm, rows):
    head = "id,is_deleted,_fivetran_deleted,stage_name,amount,close_date,is_won,is_closed,created_date,system_modstamp"
    deals = "".join(
        f"{name},{deleted},{gone},Demo,5,2026-03-31,false,false,2026-01-05T09:00:00Z,2026-04-02T03:00:00Z\n"
        for name, deleted, gone in (("D1", "false", "false"), ("D2", "false", "true"), ("D3", "true", "false"))
    )
    imported = read_crm("salesforce", {"opportunity.csv": f"{head}\n{deals}"})
    gone = datetime(2026, 4, 2, 3)
    assert rows(imported, "deals", "deal_id, deleted_at") == [("D1", None), ("D2", gone), ("D3", gone)]


def test_merged_deals_say_into_which_and_what_was_about_them_is_about_that_one(read_crm, rows):
    files = HUBSPOT | {
        "merged_deal.csv": "deal_id,merged_deal_id\nD2,D3\nD1,D2\n",
        "calls.csv": "id,hs_timestamp,hs_call_direction\nA1,2026-02-07 10:00:00,OUTBOUND\n",
        "engagement_deal.csv": "engagement_id,deal_id\nA1,D3\n",
    }
    imported = read_crm("hubspot", files)
    assert rows(imported, "deals", "deal_id, merged_into") == [("D1", None), ("D2", "D1"), ("D3", "D1")]
    assert rows(imported, "activities", "deal_id") == [("D1",)]


def test_the_way_of_a_merged_deal_that_is_no_more_there_is_left_out(read_crm):
    history = "deal_id,name,value,timestamp\nD8,dealstage,new,2026-01-05 09:00:00\n"
    deals = HUBSPOT_DEALS.replace("probability\n", "probability,property_hs_merged_object_ids\n")
    deals = deals.replace("1.0\n", '1.0,"D7;D8"\n').replace("0.6\n", "0.6,\n").replace(",0\n", ",0,\n")
    imported = read_crm("hubspot", HUBSPOT | {"deal.csv": deals, "deal_property_history.csv": history})
    assert imported.rejected["stage_history"] == {"merged": 1}


def test_stage_dates_in_columns_become_visits(read_crm, rows):
    deals = (
        "Record ID,Pipeline,Deal Stage,Amount,Create Date,Close Date,Is Closed Won,Is Closed Lost,"
        '"Date entered ""Offerte (Verkoop)""","Date entered ""Nieuw (Verkoop)"""\n'
        "D1,Verkoop,Offerte,5,2026-01-05 09:00,2026-06-30 10:00,false,false,2026-01-08 12:00,2026-01-05 09:00\n"
        "D2,Verkoop,Nieuw,5,2026-01-06 09:00,2026-06-30 10:00,false,false,,2026-01-06 09:00\n"
    )
    imported = read_crm("hubspot", {"hubspot-crm-exports-all-deals-2026-05-01.csv": deals})
    assert rows(imported, "stage_history", "deal_id, stage, entered_at, exited_at") == [
        ("D1", "Nieuw", datetime(2026, 1, 5, 9), datetime(2026, 1, 8, 12)),
        ("D1", "Offerte", datetime(2026, 1, 8, 12), None),
        ("D2", "Nieuw", datetime(2026, 1, 6, 9), None),
    ]
    assert imported.made == {"stage_history": {"visits_from_dates_entered": 3}}


def test_stage_dates_of_ids_find_their_stage(read_crm, rows):
    deals = HUBSPOT_DEALS.replace("probability\n", "probability,property_hs_v2_date_entered_offer\n")
    deals = deals.replace("1.0\n", "1.0,\n").replace("0.6\n", "0.6,2026-02-09 09:00:00\n").replace(",0\n", ",0,\n")
    imported = read_crm("hubspot", HUBSPOT | {"deal.csv": deals})
    assert rows(imported, "stage_history", "deal_id, stage") == [("D2", "Offerte")]


def test_an_engagement_and_its_detail_are_one_activity(read_crm, rows):
    files = HUBSPOT | {
        "engagement.csv": "id,type,timestamp,owner_id\n"
        "A1,CALL,2026-02-07 10:00:00,O1\nA2,MEETING,2026-02-08 10:00:00,O1\nA3,NOTE,2026-02-09 10:00:00,O1\n",
        "engagement_call.csv": "engagement_id,property_hs_call_direction,property_hs_call_duration,"
        "property_hs_call_disposition\nA1,INBOUND,90000,f240bbac-87c9-4f6e-bf70-924b57d47db7\n",
        "engagement_meeting.csv": "engagement_id,start_time,meeting_outcome\nA2,2026-02-08 14:00:00,COMPLETED\n",
    }
    imported = read_crm("hubspot", files)
    columns = "activity_id, type, direction, occurred_at, owner_id, duration_seconds, outcome"
    assert rows(imported, "activities", columns) == [
        ("A1", "call", "inbound", datetime(2026, 2, 7, 10), "O1", 90, "connected"),
        ("A2", "meeting", "outbound", datetime(2026, 2, 8, 10), "O1", None, "held"),
        ("A3", "note", None, datetime(2026, 2, 9, 10), "O1", None, None),
    ]
    assert imported.rejected["activities"] == {"joined": 2}


def test_owners_and_teams_become_sellers(read_crm, rows):
    files = HUBSPOT | {
        "owner.csv": "owner_id,first_name,last_name\nO1,Ada,Bos\nO2,,\n",
        "owner_team.csv": "owner_id,team_id,is_team_primary\nO1,T1,false\nO1,T2,true\n",
        "team.csv": "id,name\nT1,Noord\nT2,Zuid\n",
    }
    imported = read_crm("hubspot", files)
    assert rows(imported, "reps", "owner_id, display_name, team") == [("O1", "Ada Bos", "Zuid"), ("O2", "O2", None)]


def test_persons_are_leads_and_their_activities_are_the_leads(read_crm, rows):
    files = HUBSPOT | {
        "contact.csv": "id,property_createdate,property_hs_lead_status,property_hs_analytics_source\n"
        "C1,2026-01-02 10:00:00,IN_PROGRESS,ORGANIC_SEARCH\nC2,2026-01-03 10:00:00,Own word,PAID\n",
        "calls.csv": "id,hs_timestamp,hs_call_direction\nA1,2026-02-07 10:00:00,OUTBOUND\n",
        "engagement_contact.csv": "engagement_id,contact_id\nA1,C1\n",
    }
    imported = read_crm("hubspot", files)
    assert rows(imported, "leads", "lead_id, status") == [("C1", "working"), ("C2", None)]
    assert imported.flagged["leads"]["status_other"] == 1
    assert rows(imported, "activities", "lead_id, contact_id") == [("C1", "C1")]


def test_stages_in_the_settings_tell_what_became_of_deals(read_crm, rows):
    deals = "Record ID,Pipeline,Deal Stage,Amount,Create Date,Close Date\n"
    deals += "D1,S,Klaar,5,2026-01-05 09:00,2026-02-01 09:00\nD2,S,Demo,5,2026-01-05 09:00,2026-07-01 09:00\n"
    stages = "".join(
        f'[[rows.stages]]\npipeline = "S"\nstage = "{stage}"\nposition = {place}\nis_won = {won}\nis_lost = false\n'
        for place, (stage, won) in enumerate((("Demo", "false"), ("Klaar", "true")), 1)
    )
    imported = read_crm("hubspot", {"deals.csv": deals}, stages)
    assert rows(imported, "deals", "status, closed_at, expected_close") == [
        ("won", datetime(2026, 2, 1, 9), None), ("open", None, date(2026, 7, 1)),
    ]  # fmt: skip


def test_the_amount_is_that_of_the_deals_own_currency(read_crm, rows):
    deals = "Record ID,Pipeline,Deal Stage,Amount,Amount in company currency,Currency,Create Date,Is Closed Won\n"
    imported = read_crm("hubspot", {"deals.csv": deals + "D1,S,Demo,746,100,DKK,2026-01-05 09:00,false\n"})
    assert rows(imported, "deals", "amount_minor, currency") == [(74_600, "DKK")]


def test_a_deal_without_status_and_stages_is_refused_not_taken_for_open(read_crm):
    deals = "Record ID,Pipeline,Deal Stage,Amount,Create Date,Close Date\nD1,S,Gewonnen,5,2026-01-05,2026-02-01\n"
    with pytest.raises(BadData, match="does not tell which deals are won"):
        read_crm("hubspot", {"deals.csv": deals})


OPPORTUNITY = """Id,AccountId,OwnerId,RecordTypeId,StageName,Amount,CreatedDate,CloseDate,IsWon,IsClosed,Probability,IsDeleted
006A,001A,005A,,Closed Won,1000,2026-01-05T09:00:00.000Z,2026-03-31 00:00:00,true,true,100,false
006B,001A,005A,012B,Proposal,500,2026-01-06T09:00:00.000Z,2026-06-30 00:00:00,false,false,65,false
006C,001A,005A,,Closed Lost,,2026-01-07T09:00:00.000Z,2026-01-07 00:00:00,false,true,0,false
"""  # noqa: E501
OPPORTUNITY_HISTORY = """Id,OpportunityId,StageName,Amount,CloseDate,Probability,ForecastCategory,CreatedDate
H1,006A,Prospecting,900,2026-03-31,10,Pipeline,2026-01-05T09:00:00.000Z
H2,006A,Prospecting,1000,2026-03-31,10,Pipeline,2026-01-09T09:00:00.000Z
H3,006A,Closed Won,1000,2026-03-31,100,Closed,2026-02-20T09:00:00.000Z
H4,006A,Closed Won,1000,2026-03-01,100,Closed,2026-02-25T09:00:00.000Z
"""


def test_rows_written_for_another_change_than_the_stage_are_no_visits(read_crm, rows):
    imported = read_crm("salesforce", {"Opportunity.csv": OPPORTUNITY, "OpportunityHistory.csv": OPPORTUNITY_HISTORY})
    assert rows(imported, "stage_history", "stage, entered_at, exited_at") == [
        ("Prospecting", datetime(2026, 1, 5, 9), datetime(2026, 2, 20, 9)),
        ("Closed Won", datetime(2026, 2, 20, 9), None),
    ]
    assert imported.rejected["stage_history"] == {"same_stage": 2}
    assert rows(imported, "deals", "closed_at")[0] == (datetime(2026, 2, 20, 9),)


def test_a_close_date_written_as_midnight_is_a_date_not_before_the_hour_of_creation(read_crm, rows):
    imported = read_crm("salesforce", {"Opportunity.csv": OPPORTUNITY})
    assert rows(imported, "deals", "deal_id, closed_at_is_date, expected_close") == [
        ("006A", True, None), ("006B", False, date(2026, 6, 30)), ("006C", True, None),
    ]  # fmt: skip
    assert imported.rejected == {}


def test_deals_without_a_record_type_are_in_one_pipeline_and_stages_are_those_of_each(read_crm, rows):
    stages = """MasterLabel,SortOrder,DefaultProbability,IsWon,IsClosed
Proposal,20,65,false,false
Closed Won,30,100,true,true
Closed Lost,40,0,false,true
"""
    imported = read_crm("salesforce", {"Opportunity.csv": OPPORTUNITY, "OpportunityStage.csv": stages})
    assert rows(imported, "deals", "pipeline, status") == [("Sales", "won"), ("012B", "open"), ("Sales", "lost")]
    found = rows(imported, "stages", "pipeline, stage, position, is_lost")
    assert found == sorted(
        (pipeline, stage, place, stage == "Closed Lost")
        for pipeline in ("012B", "Sales")
        for place, stage in enumerate(("Proposal", "Closed Won", "Closed Lost"), 1)
    )


def test_tasks_and_events_are_activities_whose_ids_tell_what_they_are_about(read_crm, rows):
    files = {
        "Opportunity.csv": OPPORTUNITY,
        "Task.csv": "Id,WhoId,WhatId,TaskSubtype,CallType,CompletedDateTime,ActivityDate,CallDurationInSeconds\n"
        "T1,00QA,,Call,Outbound,2026-01-08T10:00:00Z,2026-01-08,60\nT2,003A,006A,Task,,,2026-01-09,\n",
        "Event.csv": "Id,WhoId,WhatId,StartDateTime,DurationInMinutes\nE1,003A,001A,2026-01-10T10:00:00Z,30\n",
    }
    imported = read_crm("salesforce", files)
    columns = "activity_id, type, direction, lead_id, contact_id, deal_id, account_id, occurred_at, duration_seconds"
    assert rows(imported, "activities", columns) == [
        ("E1", "meeting", "outbound", None, "003A", None, "001A", datetime(2026, 1, 10, 10), 1800),
        ("T1", "call", "outbound", "00QA", None, None, None, datetime(2026, 1, 8, 10), 60),
        ("T2", "task", None, None, "003A", "006A", None, None, None),
    ]


def test_a_converted_date_without_time_is_a_date(read_crm, rows):
    leads = "Id,CreatedDate,LeadSource,Status,ConvertedDate,ConvertedOpportunityId\n"
    leads += "00QA,2026-01-02T10:00:00Z,Web,Closed - Converted,2026-01-02,006A\n"
    imported = read_crm("salesforce", {"Opportunity.csv": OPPORTUNITY, "Lead.csv": leads})
    assert rows(imported, "leads", "status, converted_at_is_date, deal_id") == [("converted", True, "006A")]


PIPEDRIVE = {
    "deals.csv": "id,pipeline_id,stage_id,status,value,currency,add_time,won_time,lost_time,close_time,probability,"
    "expected_close_date\n"
    "1,1,11,won,0,EUR,2026-01-05 09:00:00,2026-02-20 09:00:00,,2026-02-20 09:00:00,,\n"
    "2,1,10,open,500,EUR,2026-01-06 09:00:00,,,,65,2026-06-30\n"
    "3,1,11,lost,500,EUR,2026-01-07 09:00:00,,2026-01-20 09:00:00,,,\n",
    "pipelines.csv": "id,name\n1,Salg\n",
    "stages.csv": "id,pipeline_id,name,order_nr,deal_probability\n10,1,Kontakt,1,20\n11,1,Tilbud,2,60\n",
    "deal_flow.csv": "deal_id,field_key,old_value,new_value,log_time,is_bulk_update_flag\n"
    "1,stage_id,10,11,2026-01-15 09:00:00,\n1,value,0,5,2026-01-16 09:00:00,\n"
    "3,stage_id,10,11,2026-01-10 09:00:00,true\n",
}


def test_a_deal_that_never_moved_visits_its_stage_from_its_creation(read_crm, rows):
    imported = read_crm("pipedrive", PIPEDRIVE)
    assert rows(imported, "stage_history", "deal_id, stage, entered_at, exited_at, coalesce(is_bulk, false)") == [
        ("1", "Kontakt", datetime(2026, 1, 5, 9), datetime(2026, 1, 15, 9), False),
        ("1", "Tilbud", datetime(2026, 1, 15, 9), None, False),
        ("2", "Kontakt", datetime(2026, 1, 6, 9), None, False),
        ("3", "Kontakt", datetime(2026, 1, 7, 9), datetime(2026, 1, 10, 9), False),
        ("3", "Tilbud", datetime(2026, 1, 10, 9), None, True),
    ]
    assert imported.made["stage_history"] == {"visits_from_history": 2, "first_visit": 3}


def test_a_missing_amount_written_as_zero_is_none_and_deals_close_where_they_stand(read_crm, rows):
    imported = read_crm("pipedrive", PIPEDRIVE)
    assert rows(imported, "deals", "deal_id, amount_minor, closed_at, probability::float") == [
        ("1", None, datetime(2026, 2, 20, 9), None),
        ("2", 50_000, None, pytest.approx(0.65)),
        ("3", 50_000, datetime(2026, 1, 20, 9), None),
    ]
    assert rows(imported, "stages", "stage, position, is_won, is_lost") == [
        ("Kontakt", 1, False, False), ("Lost", 4, False, True), ("Tilbud", 2, False, False), ("Won", 3, True, False),
    ]  # fmt: skip


def test_the_due_date_is_the_plan_and_marking_as_done_the_act(read_crm, rows):
    activities = "id,type,due_date,marked_as_done_time,duration,deal_id\n"
    activities += "1,call,2026-01-08,2026-01-09 10:00:00,00:30,1\n2,lunch,2026-01-10,,,2\n3,call,2026-01-10,,90,2\n"
    imported = read_crm("pipedrive", PIPEDRIVE | {"activities.csv": activities})
    assert rows(imported, "activities", "type, occurred_at, planned_at_is_date, duration_seconds") == [
        ("call", datetime(2026, 1, 9, 10), True, 1800), ("meeting", None, True, None),
    ]  # fmt: skip
    assert imported.rejected["activities"] == {"duration_seconds_unreadable": 1}


def test_the_flow_of_pipedrive_tells_what_changed_and_an_amount_of_zero_was_none(read_crm, rows):
    flow = PIPEDRIVE["deal_flow.csv"] + (
        "2,value,0,0.00,2026-01-16 10:00:00,\n"
        "2,value,0,400,2026-01-17 09:00:00,\n"
        "2,value,400,500,2026-01-17 10:00:00,true\n"
        "2,user_id,7,8,2026-01-18 09:00:00,\n"
        "2,expected_close_date,,2026-05-31,2026-01-19 09:00:00,\n"
        "2,expected_close_date,2026-05-31,2026-06-30,2026-01-20 09:00:00,\n"
        "2,title,A,B,2026-01-21 09:00:00,\n"
        "3,value,500,0,2026-01-21 09:00:00,\n"
        "3,value,0,500,2026-01-22 09:00:00,\n"
    )
    imported = read_crm("pipedrive", PIPEDRIVE | {"deal_flow.csv": flow})
    assert [row[:4] for row in rows(imported, "deal_changes", "deal_id, field, old_value, new_value")] == [
        ("1", "amount", None, "5"),
        ("2", "amount", None, "400"), ("2", "amount", "400", "500"),
        ("2", "expected_close", None, "2026-05-31"), ("2", "expected_close", "2026-05-31", "2026-06-30"),
        ("2", "owner", "7", "8"),
        ("3", "amount", "500", None), ("3", "amount", None, "500"),
    ]  # fmt: skip
    assert imported.made["deal_changes"] == {"changes_of_deals": 8}
    assert imported.left_out == {"deal_history": {"other_field": 1}}
    assert imported.rejected == {}


def test_products_of_pipedrives_won_deals_are_orders_of_their_organisation(read_crm, rows):
    deals = PIPEDRIVE["deals.csv"].replace("id,pipeline", "org_id,id,pipeline").replace("\n1,", "\n77,1,")
    deals = deals.replace("\n2,", "\n77,2,").replace("\n3,", "\n,3,")
    lines = "id,deal_id,name,quantity,sum,currency\n"
    lines += "5,1,Pump,2,600,EUR\n6,1,Valve,0.5,40.5,DKK\n7,2,Pump,1,300,EUR\n8,3,Pump,1,300,EUR\n9,4,Pump,1,1,EUR\n"
    imported = read_crm("pipedrive", PIPEDRIVE | {"deals.csv": deals, "deal_products.csv": lines})
    columns = "order_id, account_id, ordered_at, amount_minor, currency, cost_minor, product, quantity::double"
    closed = datetime(2026, 2, 20, 9)
    assert rows(imported, "orders", columns) == [
        ("5", "77", closed, 60_000, "EUR", None, "Pump", 2), ("6", "77", closed, 4_050, "DKK", None, "Valve", 0.5),
    ]  # fmt: skip
    assert imported.left_out["deal_lines"] == {"deleted": 0, "not_sold": 3}
    assert imported.made["orders"] == {"orders_of_won_deals": 2}


def test_a_pipedrive_export_is_read_by_its_headers(read_crm, rows):
    deals = "Deal - ID,Deal - Title,Deal - Value,Deal - Currency,Deal - Stage,Deal - Pipeline,Deal - Status,"
    deals += "Deal - Owner,Deal - Deal created,Deal - Won time,Deal - Lost time\n"
    deals += "1,A,100,EUR,Tilbud,Salg,Won,Ada,2026-01-05 09:00:00,2026-02-20 09:00:00,\n"
    imported = read_crm("pipedrive", {"deals-123-45.csv": deals})
    assert rows(imported, "deals", "status, closed_at, owner_id") == [("won", datetime(2026, 2, 20, 9), "Ada")]


def test_lime_tells_outcome_and_kind_of_its_history(read_crm, rows):
    files = {
        "deal.csv": "iddeal,company,coworker,dealstatus,value,createdtime,wondate\n"
        "1,C1,R1,agreement,100,2026-01-05 09:00:00,2026-02-01\n2,C1,R1,Contact,100,2026-01-06 09:00:00,\n",
        "history.csv": "idhistory,type,date,coworker,deal\n1,TriedToReach,2026-01-07 10:00:00,R1,1\n"
        "2,ClientVisit,2026-01-08 10:00:00,R1,1\n",
        "coworker.csv": "idcoworker,firstname,lastname,department\nR1,Ada,Berg,Nord\n",
    }
    imported = read_crm("lime", files)
    assert rows(imported, "deals", "status, pipeline, stage") == [
        ("won", "Sales", "agreement"), ("open", "Sales", "Contact"),
    ]  # fmt: skip
    assert rows(imported, "activities", "type, outcome") == [("call", "no_answer"), ("meeting", "held")]
    assert rows(imported, "reps", "display_name, team") == [("Ada Berg", "Nord")]


def test_efficy_takes_the_names_an_installation_gives(read_crm, rows):
    deals = "K_OPPO,K_COMPANY,Fase,Waarde,D_CREATE,Resultaat\n1,7,Offerte,100,2026-01-05 09:00:00,Gewonnen\n"
    more = '[columns.deals]\nstage = "Fase"\namount = "Waarde"\nstatus = "Resultaat"\n'
    imported = read_crm("efficy", {"oppo.csv": deals}, more)
    assert rows(imported, "deals", "deal_id, account_id, stage, amount_minor, status") == [
        ("1", "7", "Offerte", 10_000, "won"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [
        "Record ID,Deal Name,Deal owner,Create Date,Close Date,Pipeline,Deal Stage,Amount,Currency,Is Closed Won",
        "Record-ID,Dealnaam,Dealeigenaar,Aanmaakdatum,Sluitingsdatum,Pipeline,Dealfase,Bedrag,Valuta,"
        "Is gesloten gewonnen",
        "Post-ID,Dealnavn,Aftaleejer,Oprettelsesdato,Lukningsdato,Pipeline,Aftalefase,Beløb,Valuta,Er lukket og vundet",
        "id,properties_dealname,properties_hubspot_owner_id,properties_createdate,properties_closedate,"
        "properties_pipeline,properties_dealstage,properties_amount,properties_deal_currency_code,"
        "properties_hs_is_closed_won",
        "hs_object_id,dealname,hubspot_owner_id,createdate,closedate,pipeline,dealstage,amount,deal_currency_code,"
        "hs_is_closed_won",
    ],
    ids=["English", "Dutch", "Danish", "Airbyte", "dlt"],
)
def test_hubspot_is_read_in_every_language_and_replica(read_crm, rows, header):
    row = "D1,A,Ada,2026-01-05 09:00,2026-02-20 10:00,Sales,Gewonnen,5,DKK,true\n"
    imported = read_crm("hubspot", {"deals.csv": f"{header}\n{row}"})
    columns = "deal_id, owner_id, created_at, closed_at, pipeline, stage, amount_minor, currency, status"
    assert rows(imported, "deals", columns) == [
        ("D1", "Ada", datetime(2026, 1, 5, 9), datetime(2026, 2, 20, 10), "Sales", "Gewonnen", 500, "DKK", "won"),
    ]  # fmt: skip


def test_two_alternatives_in_one_file_are_refused_with_both_names(read_crm, rows):
    files = {"deals.csv": HUBSPOT_DEALS.replace("owner_id", "Deal owner").replace("property_amount", "Amount,Bedrag", 1)
             .replace(",1000,", ",1000,1000,").replace(",500,", ",500,500,").replace("O2,,", "O2,,,")}  # fmt: skip
    with pytest.raises(BadData, match=r"two columns for deals\.amount.*'Amount', 'Bedrag'.*amount = 'Amount'"):
        read_crm("hubspot", files | {k: v for k, v in HUBSPOT.items() if k != "deal.csv"})
    chosen = read_crm("hubspot", {}, '[columns.deals]\namount = "Bedrag"\n')
    assert rows(chosen, "deals", "amount_minor")[0] == (100_000,)


def test_two_files_that_a_map_knows_are_refused_until_one_is_named(read_crm):
    with pytest.raises(BadData, match=r"Two files may be the table deals.*'deal\.csv', 'deals\.csv'"):
        read_crm("hubspot", HUBSPOT | {"deals.csv": HUBSPOT_DEALS})
    assert read_crm("hubspot", {}, '[files]\ndeals = "deal.csv"\n').rows_loaded("deals") == 3


def test_with_a_map_underneath_only_the_columns_it_names_are_read(read_crm, rows):
    deals = OPPORTUNITY.replace("IsDeleted", "Type").replace("false\n", "Whatever\n")
    imported = read_crm("salesforce", {"Opportunity.csv": deals})
    assert rows(imported, "deals", "distinct type") == [(None,)]
    assert imported.rejected == {}


REPLICAS = {"hubspot": 20, "salesforce": 12}


@pytest.mark.parametrize("name", REPLICAS)
def test_the_replicas_are_read_and_every_row_is_accounted_for(read_crm, real_data, read, name):
    folder = real_data / "replicas" / name
    if not folder.is_dir():
        pytest.skip("the replicas are not there")
    imported = read_crm(name, {file.name: file.read_bytes() for file in folder.glob("*.csv")})
    assert len(imported.files) == REPLICAS[name]
    for file in imported.files:
        assert file["rows_read"] == file["rows_loaded"] + file["rows_rejected"] > 0
    if name == "salesforce":
        assert imported.rows_loaded("deals") == 8
        assert imported.rejected["deals"] == {"closed_at_not_before_created_at": 1, "probability_out_of_range": 1}
    else:
        # Its deals have no pipeline at all; everything else loads.
        assert imported.rejected["deals"] == {"pipeline_empty": 44}
        assert imported.rows_loaded("stages") == 71
        assert imported.rows_loaded("activities") == 102
