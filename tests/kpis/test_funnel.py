from datetime import date

import pandas as pd
import pytest

from plain import Plain, local, within
from salesbook.kpis import funnel
from worked import SETTINGS, book_of

LEADS = """
lead_id,created_at,source,account_id,status,qualified_at,converted_at,deal_id,disqualified_at,merged_into,is_test
L1,2026-10-01,web,A1,converted,2026-10-02,2026-10-03,D1,,,
L2,2026-10-01,web,A2,qualified,2026-10-02,,,,,
L3,2026-10-01,fair,A2,new,,,,,,
L4,2026-09-30,fair,A3,qualified,2026-10-09,,,,,
L5,2026-10-05,fair,,disqualified,,,,2026-10-07,,
L6,2026-10-05,fair,,new,,,,,L5,
L7,2026-10-05,fair,,new,,,,,,true
"""
ACCOUNTS = """
account_id,name,org_number,country,domain,created_at
A1,Alfa,1234.5678,NL,,2026-10-01
A2,Beta,12345678,NL,beta.nl,2026-10-01
A3,Gamma,,NL,gamma.nl,2026-09-01
"""
DEALS = """
deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
D1,Sales,Won,100.00,EUR,2026-10-03,2026-10-20,won
"""
ACTIVITIES = """
activity_id,type,direction,occurred_at,lead_id
1,call,outbound,2026-10-01T12:00:00Z,L1
2,call,outbound,2026-10-06T12:00:00Z,L6
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("funnel")
    return book_of(folder, deals=DEALS, leads=LEADS, accounts=ACCOUNTS, activities=ACTIVITIES)


def test_new_leads_leave_out_merged_and_test_records(book):
    assert funnel.new_leads(book).iloc[0]["value"] == 4


def test_two_accounts_with_one_number_are_one_organisation(book):
    assert funnel.new_organisations(book).iloc[0]["value"] == 1


def test_qualified_leads_count_by_the_day_they_were_first_qualified(book):
    assert funnel.qualified_leads(book).iloc[0]["value"] == 3
    by_source = funnel.qualified_leads(book, by="source")
    assert by_source[["source", "value"]].to_numpy().tolist() == [["fair", 1], ["web", 2]]


def test_a_step_counts_those_that_skipped_it(book):
    steps = funnel.lead_step_rate(book, by=["position", "step"])
    assert steps["step"].tolist() == ["lead", "contacted", "qualified", "deal"]
    # L1 got to won, L2 to qualified (so through contacted), L5 was tried on its merged twin, L3 stayed a lead.
    assert steps["denominator"].tolist() == [4, 3, 2, 1]
    assert steps["numerator"].tolist() == [3, 2, 1, 1]


def history(*visits: str) -> str:
    return "deal_id,stage,entered_at\n" + "\n".join(visits)


def deals(*names: str) -> str:
    lines = [f"{name},Sales,Qualification,1.00,EUR,2026-06-01" for name in names]
    return "deal_id,pipeline,stage,amount,currency,created_at\n" + "\n".join(lines)


def test_a_skipped_stage_counts_as_reached_and_an_optional_one_is_no_step(tmp_path):
    visits = history(
        "A,Qualification,2026-06-01", "A,Demo,2026-06-03", "A,Proposal,2026-06-05", "A,Won,2026-06-09",
        "B,Qualification,2026-06-01", "B,Won,2026-06-09",
        "C,Qualification,2026-06-01", "C,Lost,2026-06-09",
    )  # fmt: skip
    book = book_of(tmp_path, deals=deals("A", "B", "C"), stage_history=visits)
    steps = funnel.stage_conversion(book, by=["position", "stage"], last=12)
    assert steps["stage"].tolist() == ["Qualification", "Proposal"]
    assert steps["denominator"].tolist() == [3, 2]
    rows = book.rows("select deal_id, stage, is_skipped from deal_steps where is_skipped")
    assert rows.to_numpy().tolist() == [["B", "Proposal", True]]


def test_a_deal_that_has_not_had_the_time_is_in_no_conversion(tmp_path):
    old = [f"O{number}" for number in range(9)]
    visits = [f"{name},Qualification,2026-06-01\n{name},Proposal,2026-07-01" for name in old]
    visits += ["Y,Qualification,2026-10-20"]
    book = book_of(tmp_path, deals=deals(*old, "Y"), stage_history=history(*visits))
    step = funnel.stage_conversion(book, by="stage", last=12).iloc[0]
    assert (step["stage"], step["denominator"]) == ("Proposal", 0) or step["denominator"] == 9


def test_moving_back_does_not_lower_what_was_reached(tmp_path):
    visits = history("A,Qualification,2026-06-01", "A,Proposal,2026-06-05", "A,Qualification,2026-06-09")
    book = book_of(tmp_path, deals=deals("A"), stage_history=visits)
    rows = book.rows("select stage, is_next_reached from deal_steps order by position")
    assert rows.to_numpy().tolist() == [["Qualification", True], ["Proposal", False]]


# From calls to sales, rival outcomes, organisations


def test_ten_calls_a_lead_five_leads_a_meeting_two_meetings_a_sale(tmp_path):
    # 100 calls on 10 leads, of which two met and one was won: the golden chain of the catalogue.
    names = [f"L{number}" for number in range(10)]
    converted = {"L0": "2026-10-05,D0", "L1": "2026-10-05,D1"}
    leads = "lead_id,created_at,source,status,converted_at,deal_id\n" + "\n".join(
        f"{name},2026-10-01,web,working,{converted.get(name, ',')}" for name in names
    )
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    D0,Sales,Won,1.00,EUR,2026-10-05,2026-10-20,won
    D1,Sales,Proposal,1.00,EUR,2026-10-05,,open
    """
    calls = [f"C{n},call,outbound,2026-10-02T{8 + n // 20:02d}:{n % 20:02d}:00Z,{names[n % 10]},," for n in range(100)]
    more = ["M1,meeting,outbound,2026-10-08T09:00:00Z,,D1,held", "M2,meeting,outbound,2026-10-08T09:00:00Z,L5,,no_show"]
    more += ["I1,call,inbound,2026-10-08T09:00:00Z,L5,,"]
    acts = "activity_id,type,direction,occurred_at,lead_id,deal_id,outcome\n" + "\n".join([*calls, *more])
    book = book_of(tmp_path, leads=leads, deals=deals, activities=acts)
    rows = funnel.call_to_sale(book)
    assert rows["step"].tolist() == ["call", "lead", "meeting", "sale"]
    # D1 met on the deal; D0 was won, and so went through a meeting.
    assert rows["numerator"].tolist() == [100, 10, 2, 1]
    assert rows["value"].tolist() == [1, 10 / 100, 2 / 10, 1 / 2]
    assert rows["needed"].tolist() == [100, 10, 2, 1]
    assert rows["low"].tolist()[1] == pytest.approx(0.0552, abs=5e-5)


def test_a_thousand_calls_give_the_published_shares():
    calls, prospects, chances = funnel.steps_of([1000, 350, 30, 30])[:3]
    assert (prospects["value"], round(chances["value"], 3), chances["of_calls"]) == (0.35, 0.086, 0.03)
    assert (round(prospects["low"], 4), round(prospects["high"], 4)) == (0.3211, 0.3801)
    assert calls["value"] == 1


TEN = ["W10", "L20", "L20", "W30", "C40", "L50", "W60", "C70", "L80", "C90"]


def test_rival_outcomes_of_ten_deals_give_the_published_shares(tmp_path):
    # Local midnights: the month ends on 1 November, so a deal watched for d days was opened d days before.
    rows = []
    for number, (kind, days) in enumerate((case[0], int(case[1:])) for case in TEN):
        opened = pd.Timestamp("2026-11-01") - pd.Timedelta(days=days if kind == "C" else 95)
        closed = "" if kind == "C" else (opened + pd.Timedelta(days=days)).date()
        status, stage = {"W": ("won", "Won"), "L": ("lost", "Lost"), "C": ("open", "Proposal")}[kind]
        rows.append(f"D{number},Sales,{stage},1.00,EUR,{opened.date()},{closed},{status}")
    deals = "deal_id,pipeline,stage,amount,currency,created_at,closed_at,status\n" + "\n".join(rows)
    settings = SETTINGS.replace('zone = "UTC"', 'zone = "Europe/Amsterdam"')
    book = book_of(tmp_path, settings=settings, deals=deals)
    found = funnel.cohort_win_rate(book, last=4).set_index("age_days").loc[90]
    assert (round(found["value"], 3), round(found["lost_share"], 3), round(found["open_share"], 3)) == (0.32, 0.5, 0.18)
    assert found["n"] == 10
    assert funnel.cohort_win_rate(book, last=4).set_index("age_days").loc[180, "reason"] == "cohort too young"
    curves = funnel.outcome_curves(book, last=4)
    assert curves[curves["outcome"] == "won"]["value"].iloc[-1] == pytest.approx(found["value"])


def test_a_creation_after_the_end_is_none_and_within_the_day_a_deal_took_no_time(tmp_path):
    # B was moved here from another system: its history is older than its record. A ended on a date alone.
    deals = """
        deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
        A,Sales,Won,100.00,EUR,2026-10-05T14:00:00Z,2026-10-05,won
        B,Sales,Won,100.00,EUR,2026-10-05T14:00:00Z,2026-10-06,won
        C,Sales,Lost,100.00,EUR,2026-10-05,2026-10-20,lost
    """
    visits = """
        deal_id,stage,entered_at,exited_at
        A,Demo,2026-09-01,2026-10-05
        A,Won,2026-10-05,
        B,Demo,2026-08-01,2026-09-01
        B,Won,2026-09-01,
        C,Lost,2026-10-20,
    """
    book = book_of(tmp_path, deals=deals, stage_history=visits)
    found = book.rows("select deal_id, has_created, created_on, cycle_seconds, cycle_months from deal_facts")
    assert found["has_created"].tolist() == [True, False, True]
    assert found.loc[0, ["cycle_seconds", "cycle_months"]].tolist() == [0, 0]
    assert found.loc[1, ["created_on", "cycle_seconds", "cycle_months"]].isna().all()
    curves = funnel.outcome_curves(book, last=24)
    assert curves[curves["t"] == 14][["outcome", "n", "value"]].values.tolist() == [["won", 2, 0.5], ["lost", 2, 0.0]]


def test_an_organisation_counts_once_and_a_month_too_young_not_at_all(tmp_path):
    leads = """
    lead_id,created_at,source,account_id,status,qualified_at
    L1,2026-05-01,web,A1,qualified,2026-05-02
    L2,2026-05-01,web,A2,qualified,2026-05-03
    L3,2026-05-01,web,A3,qualified,2026-05-04
    L4,2026-10-20,web,A4,qualified,2026-10-21
    """
    accounts = "account_id,name,org_number,country\nA1,Alfa,1,NL\nA2,Alfa B,1,NL\nA3,Gamma,3,NL\nA4,Delta,4,NL"
    deals = """
    deal_id,account_id,pipeline,stage,amount,currency,created_at,closed_at,status,type
    D1,A2,Sales,Won,1.00,EUR,2026-05-05,2026-06-02,won,new
    D2,A3,Sales,Won,1.00,EUR,2026-03-05,2026-04-02,won,new
    D3,A3,Sales,Won,1.00,EUR,2026-03-05,2026-06-02,won,renewal
    """
    book = book_of(tmp_path, leads=leads, accounts=accounts, deals=deals)
    months = funnel.sql_to_customer(book, period="month", last=6).set_index(funnel.sql_to_customer(
        book, period="month", last=6)["period"].dt.strftime("%m"))  # fmt: skip
    # Alfa and Alfa B are one, won after its first qualified lead; Gamma won before it, and a renewal since.
    assert months.loc["05", ["numerator", "denominator"]].tolist() == [1, 2]
    assert months.loc["10", "reason"] == "cohort too young"


def test_the_hit_rate_may_pass_one_and_names_the_persons_a_sale_takes(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    D1,Sales,Won,1.00,EUR,2026-10-01,2026-10-20,won
    D2,Sales,Won,1.00,EUR,2026-10-01,2026-10-21,won
    """
    acts = """
    activity_id,type,direction,occurred_at,contact_id
    1,call,outbound,2026-10-02T09:00:00Z,P1
    2,call,outbound,2026-10-03T09:00:00Z,P1
    3,call,inbound,2026-10-03T09:00:00Z,P2
    """
    contacts = "contact_id,job_title\nP1,x\nP2,y"
    book = book_of(tmp_path, deals=deals, activities=acts, contacts=contacts)
    row = funnel.hit_rate(book).iloc[0]
    assert (row["numerator"], row["denominator"], row["value"], row["needed"]) == (2, 1, 2.0, 0.5)
    empty = funnel.hit_rate(book, period="month", last=2).iloc[0]
    assert (empty["reason"], empty["denominator"]) == ("nobody contacted", 0)


# The sample company, by plain loops


@pytest.fixture(scope="module")
def plain(project):
    return Plain(project / "data" / "sample")


def test_from_call_to_sale_of_the_sample(sample_book):
    rows = sample_book.rows("""select prospect_id, is_prospect_met, is_prospect_won from touches
        where is_call and has_prospect and is_new_business and touched_on >= date '2025-11-01'""")  # fmt: skip
    called, met, won = set(), set(), set()
    for row in rows.to_dict("records"):
        called.add(row["prospect_id"])
        met |= {row["prospect_id"]} if row["is_prospect_met"] else set()
        won |= {row["prospect_id"]} if row["is_prospect_won"] else set()
    counted = funnel.call_to_sale(sample_book, last=12)["numerator"].tolist()
    assert counted == [len(rows), len(called), len(met), len(won)]
    assert won <= met <= called


def test_calls_of_the_sample_are_those_of_its_files(sample_book, plain):
    calls = plain.contacts[(plain.contacts["type"] == "call") & (plain.contacts["direction"] == "outbound")]
    day = date(2025, 11, 1)
    ours = calls[within(pd.Series([local(at).date() for at in calls["occurred_at"]]), day)]
    activities = plain.read("activities")
    on_leads = set(activities.loc[activities["lead_id"] != "", "activity_id"])
    told = sample_book.rows("select activity_id from touches where is_call and touched_on >= ?", [day])["activity_id"]
    assert set(told) & on_leads == set(ours["activity_id"])


def test_rival_outcomes_of_the_sample_by_a_loop(sample_book):
    rows = sample_book.rows("""select cycle_seconds / 86400.0 as age, is_won, is_lost from deal_facts
        where has_created and is_new_business and created_on >= date '2025-11-01' and created_on < date '2026-02-01'""")
    risk, still, won, lost = len(rows), 1.0, 0.0, 0.0
    for row in rows.sort_values("age").to_dict("records"):
        if row["age"] > 90:
            break
        # One at a time: ties by day do not matter for the sums, censored ones stand after them.
        won += still / risk * row["is_won"]
        lost += still / risk * row["is_lost"]
        still *= 1 - (row["is_won"] or row["is_lost"]) / risk
        risk -= 1
    found = funnel.cohort_win_rate(sample_book, last=3, ago=9).set_index("age_days").loc[90]
    assert found["n"] == len(rows)
    assert (found["value"], found["lost_share"]) == (pytest.approx(won), pytest.approx(lost))


def test_sql_to_customer_and_hit_rate_of_the_sample(sample_book):
    leads = sample_book.rows("select organisation_key, qualified_on from lead_facts where is_qualified")
    first = leads.dropna().groupby("organisation_key")["qualified_on"].min()
    wins = sample_book.rows("""select a.organisation_key, d.closed_on from deal_facts d
        join account_facts a on a.account_id = d.account_id where d.is_won and d.is_new_business""")  # fmt: skip
    year = first[(first >= "2025-01-01") & (first < "2026-01-01")]
    won = sum((wins["closed_on"][wins["organisation_key"] == key] >= day).any() for key, day in year.items())
    found = funnel.sql_to_customer(sample_book, last=12, ago=10).iloc[0]
    assert (found["numerator"], found["denominator"]) == (won, len(year))
    persons = sample_book.rows("select distinct contact_id from touches where is_outbound and has_contact "
                               "and touched_on >= date '2025-11-01'")  # fmt: skip
    deals = sample_book.rows(
        "select 1 from deal_facts where is_won and is_new_business and closed_on >= date '2025-11-01'"
    )
    rate = funnel.hit_rate(sample_book, last=12).iloc[0]
    assert rate["value"] == len(deals) / len(persons)
    assert rate["needed"] == len(persons) / len(deals)
