"""What contents tell of deals where names do not: their id, and the dates on which they came into stages."""

import pytest

HEAD = "Deal ID,Stage,Amount,Currency,Status,Created"


def test_titles_that_are_all_different_are_ids_and_said_to_be_titles(mapped):
    made = mapped({"x.csv": "Project,Stage,Amount,Currency,Status,Created\nPump 1,Demo,5,EUR,open,2026-01-05\n"})
    (how,) = (match.how for match in made.fed[0].matches if match.column == "deal_id")
    assert how == "titles that are all different, for want of an id"


def test_dates_whose_names_say_stages_are_visits_to_them(mapped, answered, rows):
    deals = f"{HEAD},Qualified on,Proposal sent on\n"
    deals += "D1,Proposal,5,EUR,open,2026-01-05,2026-01-07,2026-01-09\n"
    deals += "D2,Qualification,5,EUR,open,2026-01-05,2026-01-08,\n"
    made = mapped({"x.csv": deals})
    assert made.questions == []
    assert made.entered == {"Qualification": "Qualified on", "Proposal": "Proposal sent on"}
    told = rows(answered(made), "stage_history", "deal_id, stage, (entered_at + interval 2 hour)::date::varchar")
    assert told == [
        ("D1", "Qualification", "2026-01-07"), ("D1", "Proposal", "2026-01-09"), ("D2", "Qualification", "2026-01-08"),
    ]  # fmt: skip


AT = "2026-01-07 14:30:00"


@pytest.mark.parametrize(
    ("first", "second", "answers", "entered"),
    [
        ("2026-01-07 14:30", "2026-01-09 09:00", ['zone = "UTC"'], AT),
        ("07-01-2026 14:30", "25-01-2026 09:00", ['zone = "UTC"'], AT),
        ("7 jan 2026 14:30", "9 jan 2026 09:00", ['zone = "UTC"'], AT),
        ("1767796200", "1767949200", [], AT),
        ("07/01/2026", "25/01/2026", [], "2026-01-06 23:00:00"),
    ],
)
def test_visits_are_read_in_whatever_form_their_dates_are(mapped, answered, rows, first, second, answers, entered):
    deals = f"{HEAD},Qualified on,Proposal sent on\nD1,Proposal,5,EUR,open,,{first},{second}\n"
    imported = answered(mapped({"x.csv": deals + f"D2,Qualification,5,EUR,open,,{first},\n"}), *answers)
    assert imported.rejected == {}
    told = rows(imported, "stage_history", "deal_id, stage, entered_at::varchar")
    assert told[::2] == [("D1", "Qualification", entered), ("D2", "Qualification", entered)]


@pytest.mark.parametrize(
    ("names", "is_told"),
    [
        ("Offer sent on,Offer signed on", True),
        ("Demo on,Visited on", False),
        ("Last offer date,Next demo date", False),
        ("Demo on,Demo done on", True),
    ],
)
def test_dates_that_do_not_say_one_stage_each_are_not_read_and_that_is_said(mapped, names, is_told):
    deals = f"{HEAD},{names}\nD1,Offer,5,EUR,open,2026-01-05,2026-01-07,2026-01-09\n"
    made = mapped({"x.csv": deals + "D2,Demo,5,EUR,open,2026-01-05,2026-01-08,\n"})
    assert (made.entered, bool(made.not_read)) == ({}, is_told)


def test_a_column_of_a_stage_that_is_not_there_is_refused(mapped, answered):
    from salesbook.errors import BadData

    made = mapped({"x.csv": f"{HEAD}\nD1,Demo,5,EUR,open,2026-01-05\n"})
    made.entered = {"Demo": "Demo on"}
    made.do("stage_history", "visits_from_dates_entered")
    with pytest.raises(BadData, match="no column 'Demo on'"):
        answered(made)


@pytest.mark.parametrize(("name", "value", "code"), [("Valuta", "Euro", "EUR"), ("Currency", "Danish Krone", "DKK"),
                                                     ("Valuta", "Deense kroon", "DKK")])  # fmt: skip
def test_currencies_that_are_written_by_name_are_known(mapped, answered, rows, name, value, code):
    made = mapped({"x.csv": f"Deal ID,Stage,Amount,{name},Status,Created\nD1,Demo,5,{value},open,2026-01-05\n"})
    assert made.questions == []
    assert made.report["currency"][0] == code
    assert rows(answered(made), "deals", "currency, amount_minor") == [(code, 500)]


def test_a_deal_without_a_stage_is_in_one_of_its_status(mapped, answered, rows):
    deals = f"{HEAD},Closed\nD1,Demo,5,EUR,open,2026-01-05,\nD2,,5,EUR,won,2026-01-05,2026-02-05\n"
    made = mapped({"x.csv": deals + "D3,Offer,5,EUR,lost,2026-01-05,2026-02-05\n"})
    assert made.questions == []
    assert rows(answered(made), "deals", "stage, status") == [("Demo", "open"), ("won", "won"), ("Offer", "lost")]


def test_deals_without_a_pipeline_are_offered_the_only_one(mapped):
    deals = f"{HEAD},Pipeline\nD1,Demo,5,EUR,open,2026-01-05,Main\nD2,Demo,5,EUR,won,2026-01-05,\n"
    (question,) = mapped({"x.csv": deals}).questions
    assert question.lines == ('pipeline = "Main"',)
