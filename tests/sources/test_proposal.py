"""`salesbook map`: what the export proves is written, what it does not prove is asked; answered, it can be read."""

import pytest
from click.testing import CliRunner

from salesbook import maps
from salesbook.cli import main
from salesbook.sources import known, naming, plan, proposal, proposed
from salesbook.sources.reader import name_key
from salesbook.sources.survey import survey
from salesbook.tables import TABLES


def asked(made) -> list[str]:
    """The sections that have a question."""
    return [question.section for question in made.questions]


DUTCH = "Dealnummer;Klant;Verkoper;Fase;Bedrag;Aangemaakt op;Gesloten op;Testdeal\r\n" + "".join(
    f"D{n};Café {n};Ada;{('Demo', 'Gewonnen', 'Verloren')[n % 3]};{'1.234,50' if n % 2 else '99,95'};"
    f"{n + 5:02}-01-2026;{'31-12-2026' if n % 3 else ''};{'ja' if n == 4 else 'nee'}\r\n"
    for n in range(20)
)
DANISH = "Sagsnr;Kunde;Sælger;Trin;Beløb;Valuta;Oprettet den;Lukkedato;Test\r\n" + "".join(
    f"D{n};Kunde {n};Søren;{('Demo', 'Vundet', 'Tabt')[n % 3]};{1000 + n},50;DKK;"
    f"{n % 12 + 1:02}-01-2026;{'11-12-2026' if n % 3 else ''};{'ja' if n == 4 else 'nej'}\r\n"
    for n in range(20)
)


def test_a_dutch_export_from_excel_is_read_once_its_currency_is_told(mapped, answered, rows):
    made = mapped({"Verkoopkansen.csv": DUTCH.encode("cp1252")})
    assert {name: value for name, (value, _) in made.forms.items()} == {
        "date_form": "dmy", "decimal": ",", "thousands": ".", "encoding": "cp1252",
    }  # fmt: skip
    assert asked(made) == ["source"]
    imported = answered(made, 'currency = "EUR"')
    assert imported.rejected == imported.flagged == {}
    assert rows(imported, "deals", "deal_id, account_id, status, amount_minor, is_test")[:2] == [
        ("D0", "Café 0", "open", 9995, False), ("D1", "Café 1", "won", 123_450, False),
    ]  # fmt: skip


def test_a_danish_export_whose_dates_can_be_swapped_is_asked_about(mapped, answered, rows):
    made = mapped({"salg.csv": DANISH.encode("cp1252")})
    assert "date_form" not in made.forms
    assert [question.lines for question in made.questions] == [('date_form = "dmy"', 'date_form = "mdy"')]
    imported = answered(made, 'date_form = "dmy"')
    assert imported.rejected == {}
    assert rows(imported, "deals", "owner_id, currency, created_at::date::varchar")[0] == ("Søren", "DKK", "2025-12-31")


def test_a_hubspot_export_is_known_by_its_headers_whatever_its_file_is_called(mapped, answered, rows):
    deals = "Record ID,Deal Name,Deal owner,Create Date,Close Date,Pipeline,Deal Stage,Amount,Currency,Is Closed Won\n"
    deals += "1,A,Ada,2026-01-05 09:00,2026-02-20 10:00,Sales,Closed won,5,EUR,true\n"
    made = mapped({"my download.csv": deals})
    assert made.extends == "hubspot"
    assert made.fed[0].unused == ["Deal Name"]
    imported = answered(made, 'zone = "UTC"')
    assert rows(imported, "deals", "deal_id, status") == [("1", "won")]


def test_unknown_words_are_asked_for_and_known_ones_translated(mapped, answered, rows):
    deals = "Deal ID,Stage,Amount,Currency,Status,Created\nD1,Demo,5,EUR,Gewonnen,2026-01-05\n"
    deals += "D2,Demo,5,EUR,Geparkeerd,2026-01-06\n"
    made = mapped({"x.csv": deals})
    assert made.words == {"deals": {"status": {"Gewonnen": "won"}}}
    assert asked(made) == ["words.deals.status"]
    assert rows(answered(made, '"Geparkeerd" = "open"'), "deals", "status") == [("won",), ("open",)]


def test_what_a_table_must_have_and_the_file_has_not_is_asked_for(mapped, answered, rows):
    activities = "Activity ID,Type,Date,Deal ID\nA1,call,2026-01-05,D1\n"
    mapped({"x.csv": "Deal ID,Stage,Amount,Currency,Status,Created\nD1,Demo,5,EUR,open,2026-01-05\n"})
    made = mapped({"y.csv": activities.replace(",Deal ID", ",Deal ID,Began,Empty").replace(",D1", ",D1,us,")})
    assert asked(made) == ["columns.activities", "constants.activities", "words.activities.direction"]
    assert made.questions[0].lines == ('direction = "Began"',)


def test_two_columns_that_may_be_one_are_asked_about(mapped, answered, rows):
    deals = "Record ID,Deal owner,Create Date,Close Date,Pipeline,Deal Stage,Amount,Bedrag,Currency,Is Closed Won\n"
    made = mapped({"deals.csv": deals + "1,Ada,2026-01-05,2026-02-20,Sales,Won,5,6,EUR,true\n"})
    assert asked(made) == ["columns.deals"]
    assert rows(answered(made, 'amount = "Bedrag"'), "deals", "amount_minor") == [(600,)]


def test_monthly_files_of_one_header_are_one_table(mapped, answered):
    head = "Deal ID,Stage,Amount,Currency,Status,Created\n"
    made = mapped({f"e-{n}.csv": f"{head}D{n},Demo,5,EUR,open,2026-01-0{n}\n" for n in (1, 2, 3)})
    assert [fed.files for fed in made.fed] == [["e-1.csv", "e-2.csv", "e-3.csv"]]
    assert answered(made).rows_loaded("deals") == 3


def test_canonical_tables_need_no_map(mapped, answered, deals_of):
    made = mapped({"deals.csv": deals_of(good=3)})
    assert (made.extends, made.constants, made.questions) == ("", {}, [])
    assert answered(made).rows_loaded("deals") == 3


def test_files_that_cannot_be_read_or_fit_no_table_are_named_with_why(mapped):
    made = mapped({"x.csv": "Deal ID,Stage,Amount,Currency,Status,Created\nD1,Demo,5,EUR,open,2026-01-05\n",
                   "empty.csv": "", "colours.csv": "Colour\nred\n"})  # fmt: skip
    assert [name for name, _ in made.not_read] == ["colours.csv", "empty.csv"]
    assert "is empty" in made.not_read[1][1]


def test_an_export_without_deals_asks_which_file_holds_them(mapped):
    made = mapped({"colours.csv": "Colour\nred\n"})
    assert [question.lines for question in made.questions] == [('deals = "colours.csv"',)]


def test_values_of_a_hostile_export_do_not_leave_their_quotes(mapped, answered, rows):
    status = 'De"mo\\ \n[limits]\n# x'
    deals = 'Deal ID,Stage,Amount,Currency,Status,Created\nD1,Demo,5,EUR,"{}",2026-01-05\n'
    made = mapped({"x.csv": deals.format(status.replace('"', '""'))})
    answer = next(line for question in made.questions for line in question.lines)
    assert "\n" not in answer
    assert rows(answered(made, answer), "deals", "status") == [("open",)]


def test_a_table_of_common_names_is_of_no_crm(mapped):
    made = mapped({"deals.csv": "id,stage,value,currency,status,probability\nD1,Demo,5,EUR,open,0.5\n"})
    assert made.extends == ""


@pytest.mark.parametrize(("folder", "form"), [(".", "ymd"), ("excel-resaved", "mdy")])
def test_the_real_export_is_mapped_to_its_known_numbers(answered, real_data, rows, folder, form):
    export = real_data / "crm-sales-opportunities" / folder
    if not export.is_dir():
        pytest.skip("the export is not there")
    made = proposal.propose(survey(export, proposal.all_names()))
    assert made.forms["date_form"][0] == form
    assert asked(made) == ["source"]
    made.questions[0] = proposed.Question("source", "Which currency?", ('currency = "USD"',))
    imported = answered(made, 'currency = "USD"', folder=export)
    won = "count(*), count(*) filter (status = 'won'), sum(amount_minor) filter (status = 'won')"
    assert rows(imported, "deals", won) == [(8800, 4238, 1_000_553_400)]
    undated = rows(imported, "deals", "count(*) filter (created_at is null)")
    assert (imported.rejected, imported.flagged) == ({}, {"deals": {"created_at_empty": 500}})
    assert undated == [(500,)]


@pytest.mark.parametrize(
    ("name", "answers", "loaded"),
    [
        ("salesforce", (), 8),
        ("hubspot", ('stages = ""', 'stage_history = ""', 'pipeline = "..."', 'stage = "..."', 'status = "open"'), 44),
    ],
)
def test_the_replicas_are_recognised_and_read_once_the_questions_are_answered(
    answered, real_data, name, answers, loaded
):
    export = real_data / "replicas" / name
    if not export.is_dir():
        pytest.skip("the replicas are not there")
    made = proposal.propose(survey(export, proposal.all_names()))
    assert made.extends == name
    imported = answered(made, 'zone = "UTC"', 'currency = "EUR"', *answers, folder=export, limit=1.0)
    assert imported.rows_loaded("deals") == loaded


def test_the_command_writes_a_new_file_and_never_over_one(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "salg.csv").write_bytes(DANISH.encode("cp1252"))
    target = tmp_path / "salesbook.toml"
    result = CliRunner().invoke(main, ["map", str(tmp_path / "export"), "--out", str(target)])
    assert result.exit_code == 0, result.output
    assert all(word in result.stdout for word in ("Sagsnr", "deal_id", "known name", "cp1252", "day or the month"))
    before = target.read_bytes()
    again = CliRunner().invoke(main, ["map", str(tmp_path / "export"), "--out", str(target)])
    assert (again.exit_code, again.stdout) == (2, "")
    assert "is there already" in again.stderr
    assert target.read_bytes() == before


def test_an_export_that_is_not_there_is_bad_data(tmp_path):
    result = CliRunner().invoke(main, ["map", str(tmp_path / "nowhere"), "--out", str(tmp_path / "s.toml")])
    assert result.exit_code == 3
    assert "Error: " in result.stderr


def test_a_sheet_of_hours_and_one_of_answers_are_told_apart(mapped):
    hours = "Medewerker;Datum;Gewerkte uren\n" + "".join(f"S{n};2026-10-{n + 10};7,5\n" for n in range(9))
    answers = "Survey;Respondent;Team;Answered at;Question;Answer;Lowest;Highest\n" + "".join(
        f"Q4;r{n};Noord;2026-10-{n + 10};Recommend;{n};0;10\n" for n in range(9)
    )
    made = mapped({"verkoopkansen.csv": DUTCH, "uren.csv": hours, "pulse.csv": answers})
    fed = {one.files[0]: one.name for one in made.fed}
    assert fed == {"verkoopkansen.csv": "deals", "uren.csv": "working_hours", "pulse.csv": "surveys"}
    assert {match.column for one in made.fed if one.name == "surveys" for match in one.matches} == {
        "survey_id", "respondent_hash", "team", "answered_at", "question", "score", "scale_min", "scale_max",
    }  # fmt: skip


FOREIGN = {
    "German": "Angebotsnummer;Kundennummer;Verkäufer;Phase;Betrag;Währung;Erstellt am;Abgeschlossen am;Status\n"
    "1;K1;Jan;Angebot;1.234,50;EUR;31.01.2026, 14:30;;Offen\n"
    "2;K2;Ida;Ende;99,50;EUR;05.02.2026, 09:00;28.02.2026, 10:00;Gewonnen\n",
    "Swedish": "Affärsnummer;Företag;Säljare;Fas;Värde;Valuta;Skapad;Stängd;Status\n"
    "1;K1;Jan;Offert;1 234,50;EUR;2026-01-31 14:30;;Öppen\n"
    "2;K2;Ida;Slut;99,50;EUR;2026-02-05 09:00;2026-02-28 10:00;Vunnen\n",
    "Danish, with the record's kind before each name": "Aftale - ID;Aftale - Organisation;Aftale - Ejer;Aftale - Fase;"
    "Aftale - Værdi;Aftale - Valuta;Aftale - Aftale oprettet;Aftale - Lukkedato;Aftale - Status\n"
    "1;K1;Jan;Tilbud;1.234,50;EUR;31.01.2026 kl. 14.30;;Åben\n"
    "2;K2;Ida;Slut;99,50;EUR;05.02.2026 kl. 09.00;28.02.2026 kl. 10.00;Vundet\n",
}


@pytest.mark.parametrize("export", FOREIGN.values(), ids=FOREIGN)
def test_exports_in_other_languages_and_habits_are_read_once_their_zone_is_told(mapped, answered, rows, export):
    made = mapped({"export.csv": export.encode("cp1252")})
    assert asked(made) == ["source"]
    imported = answered(made, 'zone = "Europe/Copenhagen"')
    found = rows(imported, "deals", "deal_id, account_id, owner_id, status, amount_minor, created_at::varchar")
    assert found == [
        ("1", "K1", "Jan", "open", 123_450, "2026-01-31 13:30:00"),
        ("2", "K2", "Ida", "won", 9_950, "2026-02-05 08:00:00"),
    ]
    assert imported.rejected == imported.flagged == {}


HEAD = "Deal ID,Stage,Amount,Currency,Status,Created"


@pytest.mark.parametrize(
    ("name", "chances", "decimals"),
    [
        ("Probability (%)", "10 100", [0.1, 1]),
        ("Kans", "10% 100%", [0.1, 1]),
        ("Probability", "0.1 1", [0.1, 1]),
        ("Probability", "1 0", [1, 0]),
    ],
)
def test_a_chance_in_percent_is_made_a_fraction_and_a_fraction_is_not(mapped, answered, rows, name, chances, decimals):
    lines = "".join(f"D{n},Demo,5,EUR,open,2026-01-05,{chance}\n" for n, chance in enumerate(chances.split()))
    made = mapped({"x.csv": f"{HEAD},{name}\n{lines}"})
    assert [float(value) for (value,) in rows(answered(made), "deals", "probability")] == decimals


def test_a_column_of_a_canonical_name_with_other_values_is_asked_about_not_passed_over(mapped, answered, rows):
    deals = f"{HEAD.replace('Created', 'Aangemaakt op')},Type\n"
    deals += "D1,Demo,ca. 5,EUR,open,05-01-26,Proefklant\nD2,Demo,ca. 6,EUR,open,06-01-26,\n"
    made = mapped({"x.csv": deals})
    assert asked(made) == ["columns.deals", "columns.deals", "words.deals.type"]
    assert all(value in made.questions[0].ask for value in ("'Amount'", "'ca. 5'"))
    imported = answered(made, 'amount = ""', 'created_at = ""', '"Proefklant" = "new"')
    assert rows(imported, "deals", "amount_minor, created_at, type") == [(None, None, "new"), (None, None, None)]
    assert imported.rejected == {}


def test_the_currency_in_the_name_of_the_amounts_is_theirs(mapped, answered, rows):
    deals = "Dealnummer;Fase;Bedrag (DKK);Bedrag;Status;Aangemaakt op;Kans (%)\n1;Demo;5;7;open;2026-01-05;10\n"
    made = mapped({"x.csv": deals})
    assert made.fed[0].source_of("amount").name == "Bedrag"
    made = mapped({"x.csv": deals.replace(";Bedrag;", ";Notitie;")})
    assert asked(made) == []
    imported = answered(made)
    assert rows(imported, "deals", "amount_minor, currency, probability::double") == [(500, "DKK", 0.1)]
    made = mapped({"x.csv": deals.replace(";Bedrag;", ";Bedrag (EUR);")})
    assert made.questions[0].lines == ('amount = "Bedrag (DKK)"', 'amount = "Bedrag (EUR)"')
    assert asked(made) == ["columns.deals", "source"]


@pytest.mark.parametrize("answer", ['decimal = "."\nthousands = ","', 'decimal = ","'])
def test_each_answer_about_the_decimal_sign_reads_all_numbers(mapped, answer):
    made = mapped({"x.csv": f"{HEAD}\n" + 'D1,Demo,"1,234",EUR,open,2026-01-05\n'})
    assert answer in next(question.lines for question in made.questions)


HUBSPOT = "Record ID,Deal owner,Create Date,Close Date,Pipeline,Deal Stage,Amount,Currency,Deal probability\n"


def test_a_hubspot_export_without_a_column_for_won_is_read_by_its_closed_stages(mapped, answered, rows):
    deals = "1,Ada,2026-01-05,2026-02-20,Sales,Gesloten-gewonnen,5,EUR,1\n"
    deals += "2,Ada,2026-01-05,2026-02-21,Sales,Lukket som tabt,6,EUR,0\n3,Ada,2026-01-05,,Sales,Demo,6,EUR,0.5\n"
    made = mapped({"x.csv": HUBSPOT + deals})
    assert (made.extends, asked(made), made.steps) == ("hubspot", [], {})
    assert rows(answered(made), "deals", "status") == [("won",), ("lost",), ("open",)]


def test_stages_whose_outcome_no_known_word_tells_are_asked_for_with_a_hint(mapped, answered, rows):
    deals = "1,Ada,2026-01-05,2026-02-20,Sales,Won! (2026),5,EUR,1\n2,Ada,2026-01-05,,Sales,Demo,6,EUR,0.5\n"
    made = mapped({"x.csv": HUBSPOT + deals})
    assert asked(made) == ["words.deals.status"]
    imported = answered(made, '"Demo" = "open"', '"Won! (2026)" = "won"')
    assert rows(imported, "deals", "status") == [("won",), ("open",)]


@pytest.mark.parametrize(("export", "chances"), [("hubspot", "100 0 50"), ("lime", "1 0 0.5")])
def test_chances_other_than_a_crm_has_them_are_read_as_they_are(mapped, answered, rows, export, chances):
    head = {"hubspot": HUBSPOT, "lime": "id,coworker,createdtime,wondate,name,dealstatus,value,currency,probability\n"}
    stages = ("Closed won", "Closed lost", "Demo") if export == "hubspot" else ("agreement", "rejection", "contact")
    lines = [f"{n},Ada,2026-01-05,2026-02-20,Sales,{stage},5,EUR,{chance}\n"
             for n, (stage, chance) in enumerate(zip(stages, chances.split(), strict=True))]  # fmt: skip
    made = mapped({"deal.csv": head[export] + "".join(lines)})
    assert made.extends == export
    imported = answered(made)
    assert rows(imported, "deals", "probability::double") == [(1.0,), (0.0,), (0.5,)]


def test_flags_and_dates_of_winning_and_losing_tell_what_became_of_deals(mapped, answered, rows):
    deals = "deal_number,client,stage,amount,currency,created,is_won,is_closed,won_on,lost_on\n"
    deals += "1,A,Offer,5,EUR,2026-01-05,true,true,2026-02-20,\n2,A,Offer,5,EUR,2026-01-05,false,true,,2026-02-21\n"
    made = mapped({"x.csv": deals + "3,A,Offer,5,EUR,2026-01-05,false,false,,\n"})
    assert asked(made) == []
    told = rows(answered(made), "deals", "status, closed_at::varchar")
    assert told == [("won", "2026-02-19 23:00:00"), ("lost", "2026-02-20 23:00:00"), ("open", None)]


def test_one_closing_date_for_open_and_closed_deals_is_the_expected_one_of_the_open(mapped, answered, rows):
    deals = "Salgs-ID;Firma;Stadium;Beløp;Valuta;Status;Registrert dato;Salgsdato\n"
    deals += "1;A;Solgt;5;NOK;Solgt;05.01.2026;20.02.2026\n2;A;Tilbud;5;NOK;Åpen;05.01.2026;21.02.2026\n"
    imported = answered(mapped({"Salg.csv": deals}))
    told = rows(imported, "deals", "status, closed_at::varchar, expected_close::varchar")
    assert told == [("won", "2026-02-19 23:00:00", None), ("open", None, "2026-02-21")]


def test_kinds_of_deals_that_no_known_word_tells_are_none_until_they_are_told(mapped, answered, rows):
    made = mapped({"x.csv": f"{HEAD},Type\nD1,Demo,5,EUR,open,2026-01-05,Proefklant\n"})
    assert asked(made) == ["words.deals.type"]
    assert rows(answered(made), "deals", "type") == [(None,)]


def test_the_report_is_made_in_the_only_currency_of_the_deals_and_of_several_is_asked(mapped, answered):
    deals = f"{HEAD}\nD1,Demo,5,DKK,open,2026-01-05\n"
    made = mapped({"x.csv": deals})
    answered(made)
    assert (made.report["currency"][0], asked(made)) == ("DKK", [])
    made = mapped({"x.csv": deals + "D2,Demo,5,EUR,open,2026-01-05\n"})
    assert (asked(made), made.questions[0].lines) == (["report"], ('currency = "DKK"', 'currency = "EUR"'))


def test_amounts_with_signs_of_two_currencies_are_not_read_as_of_one(mapped):
    made = mapped({"x.csv": f"{HEAD}\nD1,Demo,€ 5,EUR,open,2026-01-05\nD2,Demo,$ 6,EUR,open,2026-01-05\n"})
    assert (asked(made), made.fed[0].source_of("amount")) == (["columns.deals"], None)


def test_salesforce_ids_of_15_and_18_signs_are_of_one_record(mapped, answered, rows):
    head = "Id,AccountId,StageName,Amount,CloseDate,IsWon,IsClosed,CreatedDate,CurrencyIsoCode,OwnerId\n"
    deals = head + "006A0000006Vm9r,001A0000006Vm9r,Demo,5.0,2026-03-01,false,false,2026-01-05T09:00:00Z,EUR,\n"
    made = mapped({"Opportunity.csv": deals, "Account.csv": "Id,Name\n001A0000006Vm9rIAC,Acme\n"})
    assert rows(answered(made), "deals", "deal_id, account_id") == [("006A0000006Vm9rIAC", "001A0000006Vm9rIAC")]
    made = mapped({"Account.csv": "Id,Name\n001A0000006Vm9r,Acme\n"})
    assert made.steps == {}


MARKED = {
    "hubspot": "Record ID,Deal Name,Deal Stage,Close Date,Deal owner,Amount,Pipeline,Create Date,Currency",
    "hubspot-nl": "Record-id,Dealnaam,Dealfase,Sluitingsdatum,Dealeigenaar,Bedrag,Pipeline,Aanmaakdatum,Valuta",
    "hubspot-da": "Post-id,Navn,Aftalefase,Lukkedato,Aftaleejer,Beløb,Pipeline,Oprettelsesdato,Valuta",
    "salesforce": "Id,Name,StageName,CloseDate,OwnerId,Amount,RecordTypeId,CreatedDate,CurrencyIsoCode",
    "pipedrive": "id,title,stage_id,won_time,user_id,value,pipeline_id,add_time,currency,status,org_id",
}
VALUES = {"amount": "5", "currency": "EUR", "created_at": "2026-01-05", "close_date": "2026-02-20", "status": "open"}


@pytest.mark.parametrize(("head", "row"), [
    (HUBSPOT, "1,Ada,2026-01-05,2026-02-20,Sales,Closed won,5,EUR,1"),
    (MARKED["hubspot"], "1,A,Closed won,2026-02-20,Ada,5,Sales,2026-01-05,EUR"),
], ids=["many names", "few names"])  # fmt: skip
def test_a_history_of_properties_that_hubspot_exports_gives_the_visits_to_stages(mapped, answered, rows, head, row):
    history = "Record ID,Property,Value,Date of change\n1,Deal Stage,Demo,2026-01-05 09:00\n"
    history += "1,Amount,5,2026-01-06 09:00\n1,Deal Stage,Closed won,2026-02-20 09:00\n"
    made = mapped({"deals.csv": f"{head.strip()}\n{row}\n", "deal-property-history.csv": history})
    imported = answered(made, 'zone = "UTC"')
    assert rows(imported, "stage_history", "stage, entered_at::varchar") == [
        ("Demo", "2026-01-05 09:00:00"), ("Closed won", "2026-02-20 09:00:00"),
    ]  # fmt: skip


def test_words_of_a_status_in_dutch_and_danish_are_known_to_the_map_and_other_known_words_are_added(
    mapped, answered, rows
):
    contacts = "Record-id,Eigenaar contactpersoon,Leadstatus,Aanmaakdatum,Oorspronkelijke bron\n"
    words = ("Nieuw", "Bezig", "Open deal", "Ongekwalificeerd", "Åben deal", "Dårlig timing", "Junk lead", "Anders")
    contacts += "".join(f"{n},Ada,{word},2026-01-05,Organisch\n" for n, word in enumerate(words))
    deals = HUBSPOT + "1,Ada,2026-01-05,2026-02-20,Sales,Closed won,5,EUR,1\n"
    made = mapped({"hubspot-crm-exports-deals.csv": deals, "hubspot-crm-exports-contacts.csv": contacts})
    assert made.words["leads-contacts"] == {"status": {"Junk lead": "disqualified"}}
    assert rows(answered(made), "leads", "status, owner_id") == [
        (status, "Ada") for status in
        ("new", "working", "converted", "disqualified", "converted", "disqualified", "disqualified", None)
    ]  # fmt: skip


@pytest.mark.parametrize("export", MARKED)
def test_a_crm_is_known_by_its_own_headers_even_if_all_are_names_of_any_export(mapped, monkeypatch, export):
    head, (crm, *_) = MARKED[export].split(","), export.split("-")
    of = {name_key(one): column for column, named in maps.shipped(crm)["columns"]["deals"].items()
          for same in plan.alternatives(named) for one in same}  # fmt: skip
    told = known.synonyms()
    general = {column: list(names) for column, names in told["deals"].items()}
    others = [column.name for column in TABLES["deals"].columns if column.name not in of.values()]
    for name in head:
        general.setdefault(of.get(name_key(name)) or others.pop(), []).append(name)
    monkeypatch.setattr(naming, "synonyms", lambda: told | {"deals": general})
    row = ",".join(VALUES.get(of.get(name_key(name)), "Demo") for name in head)
    made = mapped({"my download.csv": f"{','.join(head)}\n{row}\n"})
    assert made.extends == crm


def test_deals_of_another_crm_with_some_names_of_hubspot_are_not_its(mapped):
    deals = "Record ID,Deal name,Deal stage,Deal owner,Amount,Currency,Close date,Deal type,Company,Created at\n"
    assert mapped({"x.csv": deals + "1,A,Demo,Ada,5,EUR,2026-02-20,New,Acme,2026-01-05\n"}).extends == ""


def test_meetings_that_hubspot_exports_are_of_their_deal(mapped, answered, rows):
    meetings = "Record ID,Meeting start time,Activity assigned to,Meeting outcome,Associated Deal IDs\n"
    made = mapped({"hubspot-crm-exports-deals.csv": HUBSPOT + "1,Ada,2026-01-05,,Sales,Closed won,5,EUR,1\n",
                   "hubspot-crm-exports-meetings.csv": meetings + "7,2026-01-06 09:00,Ada,Completed,1\n"})  # fmt: skip
    imported = answered(made, 'zone = "UTC"')
    assert rows(imported, "activities", "type, deal_id, outcome") == [("meeting", "1", "held")]


@pytest.mark.parametrize("head", [HEAD, "Id,StageName,Amount,CurrencyIsoCode,Is_Won,CreatedDate,Is_Closed,CloseDate"])
def test_zeros_that_a_database_writes_behind_cents_are_no_decimals(mapped, answered, rows, head):
    status = "open" if head == HEAD else "false"
    more = "" if head == HEAD else ",false,2026-03-01"
    made = mapped({"opportunity.csv": f"{head}\nD1,Demo,1234.5000,EUR,{status},2026-01-05{more}\n"})
    assert rows(answered(made), "deals", "amount_minor") == [(123_450,)]


def test_a_closing_of_closed_deals_alone_goes_before_a_closing_date_that_all_have(mapped, answered, rows):
    deals = "Record Id,Stage,Amount,Currency,Created Time,Closing Date,Closed Time\n"
    deals += (
        "1,Closed Won,5,EUR,2026-01-05,2026-03-31,2026-02-20\n2,Closed Lost,5,EUR,2026-01-05,2026-03-31,2026-02-21\n"
    )
    made = mapped({"x.csv": deals + "3,Demo,5,EUR,2026-01-05,2026-03-31,\n"})
    assert asked(made) == []
    told = rows(answered(made), "deals", "closed_at::varchar, expected_close::varchar")
    assert told == [("2026-02-19 23:00:00", None), ("2026-02-20 23:00:00", None), (None, "2026-03-31")]


def test_months_that_are_words_are_read_in_three_languages_and_with_a_short_year_asked_about(mapped, answered, rows):
    dates = ("12-Jan-2026", "12 januari 2026", "5. maj 2026 14:30", "May 5, 2026")
    lines = "".join(f'D{n},Demo,5,EUR,open,"{date}"\n' for n, date in enumerate(dates))
    made = mapped({"x.csv": f"{HEAD}\n{lines}"})
    assert made.steps == {"deals": ["months_by_name"]}
    assert [question.lines[0] for question in made.questions] == ['zone = "UTC"']
    days = rows(answered(made, 'zone = "UTC"'), "deals", "(created_at + interval 2 hour)::date::varchar")
    assert [day for (day,) in days] == ["2026-01-12", "2026-01-12", "2026-05-05", "2026-05-05"]
    made = mapped({"x.csv": f"{HEAD}\nD1,Demo,5,EUR,open,12-Jan-26\n"})
    assert "'12-Jan-26'" in made.questions[0].ask


def test_leads_alone_are_read_once_it_is_said_that_there_are_no_deals(mapped, answered, rows):
    made = mapped({"x.csv": "Lead ID,Created,Source,Status\n1,2026-01-05,Web,New\n"})
    assert made.questions[-1].lines == ('deals = "x.csv"', 'deals = ""')
    assert rows(answered(made, 'deals = ""'), "leads", "lead_id, status") == [("1", "new")]


def test_names_that_a_program_put_together_of_the_parts_of_a_record_are_those_of_the_crm(mapped, answered, rows):
    head = "id,user_id.id,user_id.name,org_id.value,org_id.name,stage_id,title,value,currency,add_time,status,"
    head += "pipeline_id,won_time,lost_time\n"
    deals = "1,11,Ada,31,Acme,1,A,5,EUR,2026-01-05,won,1,2026-02-05,\n2,12,Bo,32,Byg,1,B,5,EUR,2026-01-05,open,1,,\n"
    made = mapped({"deals.csv": head + deals})
    assert (made.extends, made.questions) == ("pipedrive", [])
    assert rows(answered(made), "deals", "owner_id, account_id") == [("11", "31"), ("12", "32")]


def test_lines_of_groups_and_sums_do_not_make_a_closing_date_of_all_deals_that_of_the_closed(mapped, answered, rows):
    deals = "Item ID,Stage,Deal value,Currency,Close date\n1,Demo,5,EUR,2026-05-01\n2,Won,6,EUR,2026-02-01\n,,11,,\n"
    imported = answered(mapped({"x.csv": deals + "3,Lost,7,EUR,2026-03-01\n"}), limit=1.0)
    told = rows(imported, "deals", "closed_at is null, expected_close::varchar")
    assert told == [(True, "2026-05-01"), (False, None), (False, None)]
