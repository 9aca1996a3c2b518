"""Files of one table: those of one kind are read together, whatever the order of their columns."""

import pytest

HEAD = "Deal ID,Stage,Amount,Currency,Status,Created"


def test_files_of_a_table_are_read_together_in_whatever_order_their_columns_are(mapped, answered, rows):
    made = mapped(
        {
            "2026-01.csv": f"{HEAD}\nD1,Demo,5,EUR,open,2026-01-05\n",
            "2026-02.csv": "Amount,Currency,Created,Status,Deal ID,Stage\n6,EUR,2026-02-05,won,D2,Demo\n",
        }
    )
    assert made.not_read == made.questions == []
    assert rows(answered(made), "deals", "deal_id, amount_minor, status") == [("D1", 500, "open"), ("D2", 600, "won")]


def test_a_file_with_a_column_more_is_read_with_those_before_it(mapped, answered, rows):
    later = f"{HEAD},Owner,Remark\nD2,Demo,6,EUR,won,2026-02-05,Ada,x\n"
    made = mapped({"2026-01.csv": f"{HEAD}\nD1,Demo,5,EUR,open,2026-01-05\n", "2026-02.csv": later})
    assert made.not_read == []
    assert rows(answered(made), "deals", "deal_id, owner_id") == [("D1", None), ("D2", "Ada")]


@pytest.mark.parametrize(
    "other",
    [f"{HEAD},Owner\nD1,Demo,5,EUR,open,2026-01-05,Ada\n", "Deal ID,Amount,Status,Created\nD2,5,open,2026-01-05\n"],
)
def test_a_file_with_a_record_of_another_or_without_what_every_row_must_have_is_not_read_with_it(mapped, other):
    made = mapped({"x.csv": f"{HEAD}\nD1,Demo,5,EUR,open,2026-01-05\n", "y.csv": other})
    assert len(made.fed[0].files) == len(made.not_read) == 1


DEALS = f"{HEAD}\nD1,Demo,5,EUR,open,2026-01-05\n"


def test_leads_are_known_by_names_that_deals_have_and_by_the_word_for_their_record(mapped, answered, rows):
    leads = "Datensatz-ID,Lead-Besitzer,Firma,Lead-Quelle,Lead-Status,Erstellungszeit\n"
    made = mapped({"x.csv": DEALS, "y.csv": leads + "7,Ada,Van Dam,Web,Qualifiziert,2026-01-05\n"})
    assert made.questions == []
    found = rows(answered(made), "leads", "lead_id, owner_id, account_id, source, status, created_at is not null")
    assert found == [("7", "Ada", "Van Dam", "Web", "qualified", True)]


def test_activities_without_a_known_name_of_their_id_have_the_only_column_of_different_values(mapped, answered, rows):
    acts = "Subject,Way,TypeName,Direction,Activity date,Opportunity\nHello,x,call,inbound,2026-01-07,D1\n"
    acts += "Hello,x,call,outbound,2026-01-08,D1\n"
    assert [fed.name for fed in mapped({"x.csv": DEALS, "y.csv": acts}).fed] == ["deals"]
    made = mapped({"x.csv": DEALS, "y.csv": acts.replace(",x,", ",W1,", 1)})
    assert made.questions == []
    assert rows(answered(made), "activities", "activity_id, deal_id") == [("W1", "D1"), ("x", "D1")]


def test_users_with_an_id_an_owner_and_a_day_are_no_leads_unless_their_file_says_so(mapped):
    users = "ID,Owner,Created,Email\n7,Ada,2026-01-05,a@x.nl\n"
    assert [fed.name for fed in mapped({"x.csv": DEALS, "users.csv": users}).fed] == ["deals"]


@pytest.mark.parametrize(("file", "table"), [("Leads.csv", "leads"), ("Opportunities.csv", "deals")])
def test_the_name_of_a_file_decides_between_tables_that_its_columns_may_be_alike(mapped, file, table):
    (fed,) = mapped({file: "Record ID,Owner,Company,Status,Created,Source\n7,Ada,Van Dam,new,2026-01-05,Web\n"}).fed
    assert fed.name == table


@pytest.mark.parametrize("name", ["amount_cents", "Value in cents", "Beløb (øre)"])
def test_amounts_in_cents_are_never_read_a_hundredfold(mapped, answered, rows, name):
    made = mapped({"x.csv": DEALS.replace("Amount", name).replace(",5,", ",512,")})
    assert made.questions == []
    assert rows(answered(made), "deals", "amount_minor") == [(512,)]


def test_a_column_called_pipeline_beside_a_status_alone_is_asked_about_as_the_stage(mapped, answered, rows):
    head = "Deal ID,Sales process,Amount,Currency,Status,Created"
    lines = "".join(
        f"D{n},{('Demo', 'Offer')[n % 2]},5,EUR,{('won', 'lost', 'open')[n % 3]},2026-01-05\n" for n in range(6)
    )
    made = mapped({"x.csv": f"{head}\n{lines}"})
    assert made.questions[0].lines == ('stage = "Sales process"', 'stage = "Status"')
    found = rows(answered(made, 'stage = "Sales process"'), "deals", "pipeline, stage")
    assert found == [("Sales", "Demo"), ("Sales", "Offer")] * 3


def test_an_id_may_be_called_by_its_record_and_a_number_sign(mapped):
    leads = "Lead #,Handled by,Channel,Lead state,Came in on\n7,Ada,Web,New,2026-01-05\n"
    fed = mapped({"x.csv": DEALS, "y.csv": leads}).fed
    assert [one.name for one in fed] == ["deals", "leads"]
    assert fed[1].source_of("lead_id").name == "Lead #"


def test_a_file_whose_table_another_file_is_is_the_one_that_its_name_speaks_of(mapped, answered, rows):
    leads = "ID,Status,Created on,Source,Owner,Company,Total,Currency\n1,New,2026-01-05,Web,Ada,Acme,,EUR\n"
    made = mapped({"x.csv": f"{HEAD},Owner,Company\nD1,Demo,5,EUR,open,2026-01-05,Ada,Acme\n", "LEAD_7.csv": leads})
    assert made.not_read == made.questions == []
    assert rows(answered(made), "leads", "lead_id, status, owner_id") == [("1", "new", "Ada")]


def test_a_file_of_users_gives_the_names_of_sellers(mapped, answered, rows):
    deals = f"{HEAD},Owner\nD1,Demo,5,EUR,open,2026-01-05,11\n"
    made = mapped({"x.csv": deals, "users.csv": "id,name,email\n11,Ada,a@x.nl\n"})
    assert made.not_read == made.questions == []
    assert rows(answered(made), "reps", "owner_id, display_name") == [("11", "Ada")]
