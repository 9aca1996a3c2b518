"""Every step that a map may ask for, done by the workers of a cluster: the same rows come of it as here."""

import csv
import dataclasses
import io
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salesbook.engines import spark as engine
from salesbook.errors import BadData, MissingTool
from salesbook.settings import load as settings_of
from salesbook.sources import load, placed_folder, site, steps
from salesbook.sources import spark as source
from salesbook.sources.placed_folder import Folder
from sources.test_joins import LINES
from sources.test_placed_steps import unlike
from sources.test_steps import HISTORY, HUBSPOT, OPPORTUNITY, OPPORTUNITY_HISTORY, PIPEDRIVE
from spark import SMALL

CLUSTER = "SALESBOOK_TEST_CLUSTER"
HUBSPOT_EXPORT = HUBSPOT | {
    "deal.csv": """deal_id,deal_pipeline_id,deal_pipeline_stage_id,owner_id,property_amount,property_closedate,property_createdate,is_deleted,_fivetran_synced,property_hs_deal_stage_probability,property_hs_merged_object_ids,property_hs_v2_date_entered_offer
D1,p1,won,O1,1000,2026-03-31 10:00:00,2026-01-05 09:00:00,false,2026-05-01 00:00:00,1.0,"D7;D8",
D2,p1,offer,O1,500,2026-06-30 10:00:00,2026-02-05 09:00:00,false,2026-05-01 00:00:00,0.6,,2026-02-09 09:00:00
D3,p1,lost,O2,,2026-03-01 10:00:00,2026-02-06 09:00:00,true,2026-04-02 03:00:00,0,,
D4,p1,new,O2,7,2026-03-01 10:00:00,2026-02-06 09:00:00,false,2026-04-02 03:00:00,0.2,,
""",  # noqa: E501
    "deal_property_history.csv": HISTORY
    + """D1,amount,1250.5,2026-01-08 10:00:00
D1,hubspot_owner_id,O2,2026-01-08 10:00:00
D1,closedate,1782770400000,2026-01-08 10:00:00
D1,closedate,2026-07-31T22:30:00Z,2026-01-09 10:00:00
D1,closedate,2026-13-31T22:30:00Z,2026-01-10 10:00:00
D1,hs_manual_forecast_category,BEST_CASE,2026-01-08 10:00:00
D1,amount,,2026-01-10 10:00:00
D2,amount,about 5,2026-02-06 10:00:00
D8,dealstage,new,2026-01-05 09:00:00
D9,dealstage,new,2026-02-05 09:00:00
""",
    "merged_deal.csv": "deal_id,merged_deal_id\nD3,D4\nD1,D3\n",
    "deal_company.csv": "deal_id,company_id\nD1,C2\nD1,C1\n",
    "company.csv": "id,property_name,is_deleted\nC1,Acme,false\nC2,Bolt,true\nC3,Core,\n",
    "contact.csv": "id,property_createdate,property_hs_lead_status,property_hs_analytics_source,is_deleted\n"
    "P1,2026-01-02 10:00:00,IN_PROGRESS,ORGANIC_SEARCH,false\nP2,2026-01-03 10:00:00,Own word,PAID,true\n",
    "engagement.csv": "id,type,timestamp,owner_id\n"
    "A1,CALL,2026-02-07 10:00:00,O1\nA2,MEETING,2026-02-08 10:00:00,O1\nA3,NOTE,2026-02-09 10:00:00,O1\n",
    "engagement_call.csv": "engagement_id,property_hs_call_direction,property_hs_call_duration,"
    "property_hs_call_disposition\nA1,INBOUND,90000,f240bbac-87c9-4f6e-bf70-924b57d47db7\n",
    "engagement_meeting.csv": "engagement_id,start_time,meeting_outcome\nA2,2026-02-08 14:00:00,COMPLETED\n",
    "engagement_deal.csv": "engagement_id,deal_id\nA1,D3\nA2,D2\nA2,D1\n",
    "engagement_contact.csv": "engagement_id,contact_id\nA1,P1\nA3,P9\n",
    "owner.csv": "owner_id,first_name,last_name\nO1,Ada,Bos\nO2,,\n",
    "owner_team.csv": "owner_id,team_id,is_team_primary\nO1,T1,false\nO1,T2,true\nO2,T2,\nO2,T1,\n",
    "team.csv": "id,name\nT1,Noord\nT2,Zuid\n",
    "line_item.csv": "id,property_name,property_quantity,property_amount,property_hs_cost_of_goods_sold\n"
    "7,Pump,3,900,200\n8,Pump,0.5,30,3\n",
    "line_item_deal.csv": "line_item_id,deal_id\n7,D1\n8,D2\n",
}
SALESFORCE_EXPORT = {
    "Opportunity.csv": OPPORTUNITY
    + "006D,001A0000006Vm9r,005A,,Proposal,1,2026-01-08T09:00:00.000Z,2026-01-09,false,false,5,true\n"
    "006E,001A,005A,,Proposal,1,5 Mei 2031 14:30,7 MÄRZ 2032,false,false,5,false\n"
    "006F,001A,005A,,Proposal,1,1767603600999,1767603600,false,false,5,false\n"
    "006G,001A,005A,,Proposal,1,17676036001,2026-01-09,false,false,5,false\n",
    "OpportunityHistory.csv": OPPORTUNITY_HISTORY,
    "OpportunityFieldHistory.csv": """Id,OpportunityId,Field,OldValue,NewValue,CreatedDate,CreatedById
F2,006B,Owner,Ann,Bob,2026-01-08T09:00:00.000Z,005A
F3,006B,Owner,005AAAAAAAAAAAA,005BBBBBBBBBBBB,2026-01-08T09:00:00.000Z,005A
F4,006B,CloseDate,2026-05-31 00:00:00,2026-06-30T00:00:00Z,2026-01-09T09:00:00.000Z,005A
F5,006B,ForecastCategoryName,Pipeline,Best Case,2026-01-10T09:00:00.000Z,005A
F8,006B,Amount,about 500,600.0,2026-01-12T09:00:00.000Z,005A
""",
    "OpportunityStage.csv": "MasterLabel,SortOrder,DefaultProbability,IsWon,IsClosed\n"
    "Prospecting,10,5,false,false\nProposal,20,65,false,false\nClosed Won,30,100,true,true\n"
    "Closed Lost,40,0,false,true\n",
    "OpportunityLineItem.csv": LINES,
    "Account.csv": "Id,Name,IsDeleted\n001A,Acme,false\n001A0000006Vm9r,Bolt,false\n001C,Gone,true\n",
    "Task.csv": "Id,WhoId,WhatId,TaskSubtype,CallType,CompletedDateTime,ActivityDate,CallDurationInSeconds\n"
    "T1,00QA,,Call,Outbound,2026-01-08T10:00:00Z,2026-01-08,60\nT2,003A,006A,Task,,,2026-01-09,\n",
    "Event.csv": "Id,WhoId,WhatId,StartDateTime,DurationInMinutes\nE1,003A,001A,2026-01-10T10:00:00Z,30\n",
    "Lead.csv": "Id,CreatedDate,LeadSource,Status,ConvertedDate,ConvertedOpportunityId,IsDeleted\n"
    "00QA,2026-01-02T10:00:00Z,Web,Closed - Converted,2026-01-02,006A,false\n"
    "00QB,2026-01-02T10:00:00Z,Web,Open,,,true\n",
}
PIPEDRIVE_EXPORT = PIPEDRIVE | {
    "deals.csv": "org_id,id,pipeline_id,stage_id,status,value,currency,add_time,won_time,lost_time,close_time,"
    "probability,expected_close_date,archived,kind\n"
    "77,1,1,11,won,€ 0.00,EUR,2026-01-05 09:00:00,2026-02-20 09:00:00,,2026-02-20 09:00:00,,,false,Opportunity\n"
    "77,2,1,10,open,US$500.5000,EUR,2026-01-06 09:00:00,,,,65,2026-06-30,false,Opportunity\n"
    ",3,1,11,lost,kr. 500,EUR,2026-01-07 09:00:00,,2026-01-20 09:00:00,,,,false,Opportunity\n"
    ",4,1,10,open,£ 5,EUR,2026-01-07 09:00:00,,,,,,true,Opportunity\n"
    ",5,1,10,open,£ 5,EUR,2026-01-07 09:00:00,,,,,,false,Lead\n",
    "deal_flow.csv": PIPEDRIVE["deal_flow.csv"]
    + "2,value,0,0.00,2026-01-16 10:00:00,\n2,value,0,400,2026-01-17 09:00:00,\n3,value,500,0,2026-01-21 09:00:00,\n"
    "2,title,A,B,2026-01-21 09:00:00,\n",
    "activities.csv": "id,type,due_date,marked_as_done_time,duration,deal_id\n"
    "1,call,2026-01-08,2026-01-09 10:00:00,00:30,1\n2,lunch,2026-01-10,,,2\n3,call,2026-01-10,,90,2\n",
    "deal_products.csv": "id,deal_id,name,quantity,sum,currency\n5,1,Pump,2,600,EUR\n6,1,Valve,0.5,40.5,DKK\n"
    "7,2,Pump,1,300,EUR\n8,3,Pump,1,300,EUR\n",
}
EXPORTS = {
    "hubspot": (HUBSPOT_EXPORT, '[steps]\ndeal_lines = ["amount_in_cents"]\n'),
    "salesforce": (
        SALESFORCE_EXPORT,
        """
    [steps]
    accounts = ["deleted_accounts", "ids_of_18_signs"]
    deals = ["probability_from_percent", "midnight_is_date", "deleted_deals", "one_pipeline", "status_from_flags",
      "closed_at_from_history", "ids_of_18_signs", "months_by_name",
      "times_since_1970", "days_of_sheets", "days_in_eight_figures"]
    """,
    ),
    "pipedrive": (
        PIPEDRIVE_EXPORT,
        """
    [columns.deals]
    is_archived = "archived"
    is_lead = "kind"
    title = "kind"
    [words.deals.is_lead]
    Lead = "yes"
    Opportunity = "no"
    [steps]
    deals = ["amount_in_euros", "amount_in_dollars", "amount_in_pounds", "amount_in_kroner", "zeros_behind_cents",
      "zero_amount_is_missing", "probability_from_percent", "deleted_deals", "closed_at_from_won_and_lost",
      "lost_when_archived", "leads_left_out", "deals_by_title", "accounts_of_deals",
      "stage_of_status"]
    leads = ["accounts_of_leads", "deals_left_out"]
    activities = ["duration_from_hours_and_minutes", "accounts_of_activities"]
    contacts = ["accounts_of_contacts"]
    orders = ["orders_of_won_deals", "accounts_of_orders"]
    subscriptions = ["accounts_of_subscriptions"]
    """,
    ),
}

IN_FILES = ("pipedrive",)  # its rows are kept in files between the steps, as those of a source of many rows


@pytest.fixture(scope="module")
def asked(cluster):
    """One session for every export, that ends with the last."""
    session = engine.connect(cluster.address, SMALL)
    stop = session.stop
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "connect", lambda address, conf: session)
        patch.setattr(type(session), "stop", lambda self: None)
        patch.setattr(engine, "PROBES", 2)
        patch.setenv(CLUSTER, f"{cluster.address}?path=crm")
        yield
    stop()


def write(folder: Path, files: dict[str, str]) -> None:
    """Write an export twice: as it is, and as tables of text of a cluster."""
    for name in ("source", "crm"):
        (folder / name).mkdir()
    for name, text in files.items():
        (folder / "source" / name).write_text(text, encoding="utf-8")
        header, *rows = csv.reader(io.StringIO(text))
        columns = {column: pa.array([row[at] or None for row in rows], pa.string()) for at, column in enumerate(header)}
        pq.write_table(pa.table(columns), folder / "crm" / f"{name.removesuffix('.csv')}.parquet")


@pytest.mark.parametrize("name", EXPORTS)
def test_the_steps_of_a_map_give_the_same_rows_on_a_cluster(name, asked, tmp_path, monkeypatch):
    if name in IN_FILES:
        monkeypatch.setattr(placed_folder, "FEW", 0)
    files, more = EXPORTS[name]
    write(tmp_path, files)
    head = (
        f'[source]\npath = "source"\nextends = "{name}"\nzone = "UTC"\ncurrency = "EUR"\n[limits]\nrejected_share = 1\n'
    )
    (tmp_path / "salesbook.toml").write_text(head + more, encoding="utf-8")
    settings = settings_of(tmp_path)
    here = load(settings, tmp_path / "store")
    there = dataclasses.replace(settings.source, path=f"env:{CLUSTER}", build_in="shared")
    assert unlike(here, dataclasses.replace(settings, source=there)) == []


def test_no_step_is_left_out_of_them(tmp_path):
    done = set()
    for name, (_, more) in EXPORTS.items():
        (tmp_path / "salesbook.toml").write_text(f'[source]\nextends = "{name}"\n{more}', encoding="utf-8")
        done |= {step for asked in settings_of(tmp_path).source.steps.values() for step in asked}
    assert steps.UNITS.keys() | steps.STEPS.keys() == done


def test_a_table_that_is_no_parquet_and_a_folder_nobody_may_write_to_are_told(asked, tmp_path):
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "deals.parquet").write_text("deal_id,amount")
    (tmp_path / "full").write_text("a file")
    (tmp_path / "salesbook.toml").write_text("[source]\n")
    settings = settings_of(tmp_path)
    signs = {"": "cannot read the table 'deals'.*FAILED_READ_FILE", "full": "cannot be written to.*full: File exists"}
    for place, sign in signs.items():
        there = dataclasses.replace(settings.source, path=f"env:{CLUSTER}", build_in=place)
        with pytest.raises(BadData, match=sign), site.opened(dataclasses.replace(settings, source=there)):
            pass
    left = {path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".crc"}
    assert left == {tmp_path / name for name in ("crm/deals.parquet", "full", "salesbook.toml")}


def test_a_cluster_that_is_too_old_is_told_before_it_fails():
    old, older, new = (SimpleNamespace(version=version) for version in ("4.0.1", "3.5.9", "4.10.0-preview1"))
    for asked in ((old, (4, 0)), (new, (4, 1))):
        engine.check_version(*asked, "for its facts", "")
    with pytest.raises(MissingTool, match=r"too old: salesbook needs version 4\.0 for its facts.*It runs 3\.5\.9"):
        engine.check_version(older, (4, 0), "for its facts", "")
    place = Folder.__new__(Folder)
    place.session = old
    with pytest.raises(MissingTool, match=r"4\.1 to follow merged records.*It runs 4\.0\.1.*leave build_in") as refused:
        place.execute("create or replace table merges as with recursive chain as (select 1) select * from chain")
    assert refused.value.exit_code == 4
