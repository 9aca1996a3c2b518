"""Names of columns: the ones that fit are taken, files of several kinds of acts are told apart."""

import pytest

from salesbook.errors import BadData

HEAD = "Deal ID,Stage,Amount,Currency,Status,Created"
DEALS = f"{HEAD}\nD1,Demo,5,EUR,open,2026-01-05\n"


def test_of_two_known_names_the_one_is_taken_whose_values_fit(mapped, answered, rows):
    acts = "Activity ID,Type,Direction,Tijdstip,Utført,Deal ID\nA1,call,outbound,09:15,2026-01-07,D1\n"
    made = mapped({"x.csv": DEALS, "y.csv": acts})
    assert made.questions == []
    assert rows(answered(made), "activities", "occurred_at_is_date") == [(True,)]


def test_of_two_known_names_the_one_is_taken_that_has_values(mapped, answered, rows):
    made = mapped({"x.csv": f"{HEAD},Lost reason,Reason for loss\nD1,Demo,5,EUR,lost,2026-01-05,,Price\n"})
    assert rows(answered(made), "deals", "lost_reason") == [("Price",)]


def test_dates_of_winning_and_losing_beside_one_of_closing_are_no_question(mapped):
    deals = f"{HEAD},Deal closed on,Won time,Lost time\n"
    deals += "D1,Demo,5,EUR,won,2026-01-05,2026-02-01,2026-02-01,\n"
    deals += "D2,Demo,5,EUR,lost,2026-01-05,2026-02-01,,2026-02-01\nD3,Demo,5,EUR,open,2026-01-05,,,\n"
    assert mapped({"x.csv": deals}).questions == []


def test_a_name_that_tells_nothing_is_not_taken_for_one_whose_core_it_is(mapped):
    deals = "Name,Stage,Amount,Currency,Status,Created,Datum\nVisit Ada,Demo,5,EUR,open,2026-01-05,2026-03-01\n"
    (fed,) = mapped({"x.csv": deals + "Visit Bo,Demo,6,EUR,open,2026-01-06,2026-03-02\n"}).fed
    assert {match.column: match.named for match in fed.matches if match.named in ("Name", "Datum")} == {
        "deal_id": "Name"
    }


def test_a_date_of_winning_goes_before_a_closing_date_that_open_deals_have_too(mapped, answered, rows):
    deals = f"{HEAD},Close Date,Won Date\nD1,Demo,5,EUR,won,2026-01-05,2026-03-09,2026-02-01\n"
    deals += "D2,Demo,5,EUR,lost,2026-01-05,2026-02-10,\nD3,Demo,5,EUR,open,2026-01-05,2026-05-09,\n"
    closed = rows(answered(mapped({"x.csv": deals})), "deals", "closed_at::varchar, expected_close::varchar")
    assert closed == [("2026-01-31 23:00:00", None), ("2026-02-09 23:00:00", None), (None, "2026-05-09")]


def test_files_of_acts_with_different_headers_are_all_read(mapped, answered, rows):
    calls = "Record ID,Call Owner,Call Type,Call Start Time,Call Duration (in seconds),Related To.id\n"
    calls += "1,Ada,Outbound,2026-01-07,60,D1\n"
    meetings = "Record ID,Host,Title,From,Related To.id\n2,Ada,Visit,2026-01-08,D1\n"
    made = mapped({"x.csv": DEALS, "Calls_2026.csv": calls, "Meetings_2026.csv": meetings})
    assert {fed.name for fed in made.fed} == {"deals", "activities-calls2026", "activities-meetings2026"}
    imported = answered(made, 'type = "call"', 'type = "meeting"')
    assert rows(imported, "activities", "type, direction, deal_id") == [
        ("call", "outbound", "D1"), ("meeting", None, "D1"),
    ]  # fmt: skip


def test_a_file_beside_another_of_its_table_says_whose_place_it_would_take(mapped):
    made = mapped({"x.csv": DEALS, "y.csv": "Deal ID,Phase,Amount,Created\nD2,Demo,5,2026-01-05\n"})
    assert made.not_read == [("y.csv", "the table deals is taken from x.csv, and this file has other columns")]


LABELLED = f"{HEAD},Label\nD1,Demo,5,EUR,open,2026-01-05,Opportunity\nD2,Demo,5,EUR,open,2026-01-05,Lead\n"
LABELLED += "D3,Demo,5,EUR,open,2026-01-05,Customer\n"


@pytest.mark.parametrize("kind", ["Opportunity", "Verkoopkans", "Mulighed"])
def test_leads_in_a_file_of_deals_are_left_out_and_counted(mapped, answered, rows, kind):
    made = mapped({"x.csv": f"{HEAD},Type\nD1,Demo,5,EUR,open,2026-01-05,{kind}\nD2,Demo,,EUR,open,2026-01-05,Lead\n"})
    assert made.questions == []
    imported = answered(made)
    assert rows(imported, "deals", "deal_id") == [("D1",)]
    assert imported.rejected == {"deals": {"lead": 1}}


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        (['"Customer" = "no"', '"Lead" = "yes"', '"Opportunity" = "no"'], ["D1", "D3"]),
        (['"Customer" = "no"', '"Lead" = "no"', '"Opportunity" = "no"'], ["D1", "D2", "D3"]),
    ],
)
def test_words_that_may_be_other_than_kinds_of_rows_are_asked_about(mapped, answered, rows, answers, left):
    made = mapped({"x.csv": LABELLED})
    assert [question.section for question in made.questions] == ["words.deals.is_lead"]
    assert [deal for (deal,) in rows(answered(made, *answers), "deals", "deal_id")] == left


def test_before_it_is_told_which_rows_are_leads_none_is_read(mapped, answered):
    with pytest.raises(BadData, match="3 of 3, more than 0%"):
        answered(mapped({"x.csv": LABELLED}))


def test_stages_that_are_called_lead_and_opportunity_are_no_leads(mapped):
    deals = f"{HEAD}\nD1,Lead,5,EUR,open,2026-01-05\nD2,Opportunity,5,EUR,open,2026-01-05\n"
    made = mapped({"x.csv": deals})
    assert (made.questions, made.steps) == ([], {})


def test_no_word_of_contact_makes_not_contacted_a_lead_in_work(mapped, answered, rows):
    leads = (
        "Lead ID,Created,Source,Lead Status\n1,2026-01-05,Web,Not Contacted\n2,2026-01-05,Web,Attempted to Contact\n"
    )
    made = mapped({"x.csv": DEALS, "y.csv": leads})
    assert rows(answered(made), "leads", "status") == [("new",), ("working",)]


def test_names_of_any_export_do_not_take_a_dutch_one_of_hubspot_from_its_own_map(mapped):
    head = "Record-id,Dealnaam,Dealfase,Sluitingsdatum,Dealeigenaar,Bedrag,Pipeline,Aanmaakdatum,Valuta,Dealtype,"
    head += "Reden van gesloten en verloren,Associated Company IDs,Associated Company"
    deal = "1,Pomp,Demo,2026-02-20 10:00,Ada,5,Verkoop,2026-01-05 10:00,EUR,,,7,Acme"
    assert mapped({"alle-deals.csv": f"{head}\n{deal}\n"}).extends == "hubspot"


def test_an_id_of_deals_that_stands_in_several_rows_is_not_another_column_that_is_unique(mapped, answered):
    made = mapped(
        {"x.csv": f"{HEAD},Activity ID\n" + "".join(f"D1,Demo,5,EUR,open,2026-01-05,A{n}\n" for n in range(3))}
    )
    assert [match.named for match in made.fed[0].matches if match.column == "deal_id"] == ["Deal ID"]
    with pytest.raises(BadData, match="Too many rows of deals"):
        answered(made)


def test_of_several_columns_without_repetition_the_one_without_points_and_commas_is_the_id(mapped, answered, rows):
    deals = "Title,Sign,Stage,Amount,Currency,Status,Created\nA B.V.,X1,Demo,5,EUR,open,2026-01-05\n"
    made = mapped({"x.csv": deals + "C, D & Co,X2,Demo,5,EUR,open,2026-01-05\n".replace("C, D & Co", '"C, D"')})
    assert rows(answered(made), "deals", "deal_id") == [("X1",), ("X2",)]


def test_titles_with_points_are_ids_where_nothing_else_is_unique(mapped, answered, rows):
    made = mapped({"x.csv": "Project,Stage,Amount,Currency,Status,Created\nA B.V. 1,Demo,5,EUR,open,2026-01-05\n"})
    assert rows(answered(made), "deals", "deal_id") == [("A B.V. 1",)]


def test_files_of_one_header_prove_together_what_their_columns_hold(mapped, answered, rows):
    deals = "Deal ID,Stage,Amount,Currency,Created,Closed\n"
    made = mapped({
        "jan.csv": deals + 'D1,Won,"1.000,50",EUR,01/02/2026,02/02/2026\n',
        "feb.csv": deals + "D2,Lost,5,EUR,13/02/2026,14/02/2026\nD3,Demo,6,EUR,01/02/2026,\n",
    })  # fmt: skip
    assert made.questions == []
    assert rows(answered(made), "deals", "deal_id, status, amount_minor") == [
        ("D1", "won", 100_050), ("D2", "lost", 500), ("D3", "open", 600),
    ]  # fmt: skip


NAMED = {
    "amount": ("deal amount (EUR)", "Amount*", "dealAmount", "Salgsbeløb"),
    "stage": ("currentStage", "Affärsfas", "Sales Stage ↑", "Lead stage"),
    "created_at": ("createdDateTime", "Created UTC", "Registration date", "Dato oprettet"),
    "deal_id": ("Opportunity ref", "opportunityNumber", "Deal GUID"),
}


@pytest.mark.parametrize(("column", "name"), [(column, name) for column, names in NAMED.items() for name in names])
def test_a_name_is_known_whatever_stands_around_its_core(mapped, column, name):
    names = {"deal_id": "Deal ID", "stage": "Stage", "amount": "Amount", "created_at": "Created"} | {column: name}
    head = ",".join([*names.values(), "Currency", "Status", "Klant"])
    made = mapped({"x.csv": f"{head}\nD1,Demo,5,2026-01-05,EUR,open,A\nD2,Demo,5,2026-01-05,EUR,open,B\n"})
    assert [match.named for match in made.fed[0].matches if match.column == column] == [name]
    assert made.questions == []


@pytest.mark.parametrize(("name", "value"), [("State", "Utrecht"), ("Current date", "2026-01-05"), ("Sales team", "A")])
def test_a_name_of_something_else_is_not_taken_for_a_known_one(mapped, name, value):
    made = mapped({"x.csv": f"{HEAD.replace('Status', name)}\nD1,Won,5,EUR,{value},2026-01-05\n"})
    assert [match for match in made.fed[0].matches if match.named == name] == []


STAGED = "Deal ID,Stage,Amount,Currency,Created,Closed"


def test_a_column_of_another_name_that_says_won_and_lost_is_the_status(mapped, answered, rows):
    deals = f"{STAGED},Phase of life\nD1,Demo,5,EUR,2026-01-05,2026-01-06,Gewonnen\n"
    deals += "D2,Demo,5,EUR,2026-01-05,2026-01-06,Verloren\nD3,Demo,5,EUR,2026-01-05,,\n"
    made = mapped({"x.csv": deals})
    assert made.questions == []
    assert rows(answered(made), "deals", "deal_id, status") == [("D1", "won"), ("D2", "lost"), ("D3", "open")]


def test_columns_of_yes_and_no_for_won_and_lost_are_the_status(mapped, answered, rows):
    deals = f"{STAGED},Vundet?,Tabt\nD1,Demo,5,EUR,2026-01-05,2026-01-06,ja,nej\n"
    deals += "D2,Demo,5,EUR,2026-01-05,2026-01-06,nej,ja\nD3,Demo,5,EUR,2026-01-05,,nej,nej\n"
    made = mapped({"x.csv": deals})
    assert made.questions == []
    assert rows(answered(made), "deals", "deal_id, status") == [("D1", "won"), ("D2", "lost"), ("D3", "open")]


def test_a_status_for_want_of_a_stage_says_open_of_what_is_neither_won_nor_lost(mapped, answered, rows):
    deals = "Deal ID,Affärsstatus,Amount,Currency,Created,Closed\nD1,Vunnen,5,EUR,2026-01-05,2026-01-06\n"
    made = mapped({"x.csv": deals + "D2,Förlorad,5,EUR,2026-01-05,2026-01-06\nD3,Offert,5,EUR,2026-01-05,\n"})
    assert made.questions == []
    assert rows(answered(made), "deals", "stage, status") == [
        ("Vunnen", "won"),
        ("Förlorad", "lost"),
        ("Offert", "open"),
    ]


def test_a_date_of_winning_is_not_the_closing_of_all_where_one_of_losing_stands_beside_it(mapped, answered, rows):
    deals = f"{HEAD},Won date,Lost date\nD1,Demo,5,EUR,won,2026-01-05,2026-02-01,\n"
    made = mapped({"x.csv": deals + "D2,Demo,5,EUR,lost,2026-01-05,,2026-02-02\nD3,Demo,5,EUR,open,2026-01-05,,\n"})
    assert made.questions == []
    closed = rows(answered(made), "deals", "closed_at::date::varchar")
    assert closed == [("2026-01-31",), ("2026-02-01",), (None,)]


@pytest.mark.parametrize(
    "name", ["Amount (k€)", "Bedrag (x 1.000)", "Beløb (t.kr.)", "Value (EUR m)", "Amount in thousands"]
)
def test_amounts_in_thousands_are_not_taken_for_whole_ones(mapped, name):
    made = mapped({"x.csv": f"{HEAD.replace('Amount', name)}\nD1,Demo,5,EUR,open,2026-01-05\n"})
    assert [question.lines for question in made.questions] == [('amount = ""',)]


def test_a_name_like_that_of_an_id_is_none_where_its_values_repeat(mapped):
    made = mapped(
        {"x.csv": "Angebotssumme,Sign,Status,Angebotsdatum,Kunde\n5,X1,Open,2026-01-05,A\n5,X2,Open,2026-01-05,A\n"}
    )
    assert {match.column: match.named for match in made.fed[0].matches if match.column in ("deal_id", "amount")} == {
        "deal_id": "Sign", "amount": "Angebotssumme",
    }  # fmt: skip


ROWS = "7,Ada,Demo,5,2026-01-05\n8,Bo,Gewonnen,6,2026-01-06\n9,Ada,Verloren,7,2026-01-07\n"


@pytest.mark.parametrize(
    "head",
    [
        "Verkaufschancen-ID,Kundenbetreuer,Deal-Phase,Geschätzter Umsatz,Erstelldatum",
        "Sales project ID,Account executive,Sales process stage,Total value,Opened on",
        "Tilbudsnr,Salgskonsulent,Salgstrinn,Tilbudssum,Oprettelsestid",
    ],
)
def test_headers_of_real_systems_need_no_question_but_the_currency(mapped, answered, rows, head):
    made = mapped({"x.csv": f"{head}\n{ROWS}"})
    imported = answered(made, 'currency = "EUR"')
    found = rows(imported, "deals", "deal_id, owner_id, status, amount_minor")
    assert found == [("7", "Ada", "open", 500), ("8", "Bo", "won", 600), ("9", "Ada", "lost", 700)]


def test_a_column_called_closed_that_says_yes_and_no_is_no_closing_date(mapped, answered, rows):
    deals = "Deal ID,Stage,Amount,Currency,Created,Lukkedato,Lukket,Vundet\n"
    deals += "1,Demo,5,DKK,2026-01-05,2026-09-05,0,0\n2,Demo,6,DKK,2026-01-05,2026-02-05,1,1\n"
    made = mapped({"x.csv": deals + "3,Demo,6,DKK,2026-01-05,2026-02-05,1,0\n"})
    assert made.questions == []
    assert rows(answered(made), "deals", "status") == [("open",), ("won",), ("lost",)]


def test_a_date_of_winning_alone_is_asked_about_as_the_closing(mapped):
    deals = f"{HEAD},Datum akkoord\nD1,Demo,5,EUR,won,2026-01-05,2026-02-01\nD2,Demo,5,EUR,lost,2026-01-05,2026-02-02\n"
    made = mapped({"x.csv": deals + "D3,Demo,5,EUR,open,2026-01-05,\n"})
    assert [question.lines for question in made.questions] == [('closed_at = "Datum akkoord"',)]


@pytest.mark.parametrize("more", ["", ",currency"])
def test_amounts_whose_name_ends_with_a_currency_are_in_it_whatever_else_is_said(mapped, answered, rows, more):
    deals = f"deal_id,stage,amount_eur,created_at_utc,status{more}\nD1,Demo,5,2026-01-05,open{',DKK' if more else ''}\n"
    made = mapped({"x.csv": deals})
    assert made.questions == []
    assert rows(answered(made), "deals", "amount_minor, currency") == [(500, "EUR")]


def test_a_column_of_codes_of_currencies_is_known_whatever_its_name(mapped, answered, rows):
    made = mapped({"x.csv": DEALS.replace("Currency", "VALCD")})
    assert made.questions == []
    assert rows(answered(made), "deals", "currency") == [("EUR",)]
    assert mapped({"x.csv": DEALS.replace("Currency", "Land").replace("EUR", "NLD")}).questions != []


def test_deals_that_say_won_and_lost_by_yes_and_no_are_deals_though_their_stage_is_asked(mapped, answered, rows):
    deals = "Sag,Kunde,Hvor langt,Beløb DKK,Oprettet,Vundet?,Tabt?\nS1,A,Demo,5,2026-01-05,ja,nej\n"
    made = mapped({"x.csv": deals + "S2,B,Demo,6,2026-01-05,nej,ja\nS3,C,Tilbud,7,2026-01-05,nej,nej\n"})
    told = rows(answered(made, 'stage = "Hvor langt"'), "deals", "deal_id, status, amount_minor, currency")
    assert told == [("S1", "won", 500, "DKK"), ("S2", "lost", 600, "DKK"), ("S3", "open", 700, "DKK")]


def test_a_flag_is_no_organisation_though_its_name_is_like_it(mapped):
    people = "Contact ID,Is organization,Job title,Created\nC1,true,Boss,2026-01-05\n"
    fed = mapped({"x.csv": DEALS, "y.csv": people}).fed
    assert fed[0].name == "contacts"
    assert fed[0].source_of("account_id") is None
