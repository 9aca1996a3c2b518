"""Columns that say that records are archived or deleted: proved lost, asked about, or left out."""

import pytest

HEAD = "Deal ID,Stage,Amount,Currency,Status,Created"
ODOO = "External ID,Opportunity,Customer,Salesperson,Stage,Expected Revenue,Currency,Probability,Active,Lost Reason,"
ODOO += "Created on,Expected Closing,Closed Date\n" + "".join(
    f"L{n},Deal {n},K{n % 3},Ada,{stage},500.0,EUR,{chance},{active},{reason},2026-01-05,2026-03-31,{closed}\n"
    for n, (stage, chance, active, reason, closed) in enumerate((
        ("New", 10, "TRUE", "", ""), ("Won", 100, "TRUE", "", "2026-02-20"),
        ("Won", 100, "FALSE", "", "2026-02-20"), ("Proposition", 0, "FALSE", "Too expensive", "2026-02-21"),
        ("New", 0, "FALSE", "No budget", "2026-02-22"), ("Qualified", 0, "FALSE", "No budget", "2026-02-23"),
    ))
)  # fmt: skip


def test_archived_deals_are_lost_where_the_reasons_for_losing_stand_at_them(mapped, answered, rows):
    made = mapped({"crm.lead.csv": ODOO})
    assert made.questions == []
    imported = answered(made)
    told = rows(imported, "deals", "status, closed_at::date::varchar")
    assert told == [("open", None), ("won", "2026-02-19"), ("won", "2026-02-19"), ("lost", "2026-02-20"),
                    ("lost", "2026-02-21"), ("lost", "2026-02-22")]  # fmt: skip
    assert imported.rejected == imported.flagged == {}


@pytest.mark.parametrize(
    ("name", "yes", "no", "answer", "left"),
    [
        ("Actief", "nee", "ja", 'is_active = "Actief"', ["open", "won", "lost", "lost"]),
        ("Actief", "nee", "ja", 'is_active = ""', ["open", "won", "open", "lost"]),
        ("Arkiveret", "1", "0", 'is_archived = "Arkiveret"', ["open", "won", "lost", "lost"]),
        ("Arkiveret", "1", "0", 'is_deleted = "Arkiveret"', ["open", "lost"]),
    ],
)
def test_archived_deals_are_asked_about_where_nothing_proves_them_lost(
    mapped, answered, rows, name, yes, no, answer, left
):
    deals = f"{HEAD},{name}\nD1,Demo,5,EUR,open,2026-01-05,{no}\nD2,Demo,5,EUR,won,2026-01-05,{yes}\n"
    made = mapped({"x.csv": deals + f"D3,Demo,5,EUR,open,2026-01-05,{yes}\nD4,Demo,5,EUR,lost,2026-01-05,{no}\n"})
    assert [question.section for question in made.questions] == ["columns.deals"]
    assert f"'{name}' says that 2 of 4 deals are archived" in made.questions[0].ask
    assert [status for (status,) in rows(answered(made, answer, limit=1.0), "deals", "status")] == left


def test_reasons_at_deals_that_are_not_archived_prove_nothing_of_the_archived(mapped):
    made = mapped({"crm.lead.csv": ODOO.replace("TRUE,,", "TRUE,Too late,")})
    assert any("4 of 6 deals are archived" in question.ask for question in made.questions)


def test_a_reason_at_few_of_the_archived_deals_does_not_prove_the_others_lost(mapped):
    made = mapped({"crm.lead.csv": ODOO.replace("Too expensive", "").replace("FALSE,No budget", "FALSE,", 1)})
    assert any("4 of 6 deals are archived" in question.ask for question in made.questions)


def test_an_export_without_archived_deals_is_asked_whether_it_lacks_the_lost(mapped):
    made = mapped({"crm.lead.csv": ODOO.replace("FALSE", "TRUE")})
    assert any("0 of 6 deals" in question.ask and "export the archived" in question.ask for question in made.questions)


def test_deleted_deals_are_left_out_of_any_export(mapped, answered, rows):
    made = mapped({"x.csv": f"{HEAD},Slettet\nD1,Demo,5,EUR,open,2026-01-05,nej\nD2,Demo,5,EUR,open,2026-01-05,ja\n"})
    assert made.questions == []
    assert rows(answered(made, limit=1.0), "deals", "deal_id") == [("D1",)]


@pytest.mark.parametrize(
    ("name", "head", "first"),
    [("x.csv", HEAD, "D1"), ("deals.csv", "deal_id,pipeline,stage,amount,currency,status,created_at", "D1,Sales")],
)
def test_a_column_that_tells_in_other_words_what_is_archived_is_asked_about(mapped, name, head, first):
    made = mapped({name: f"{head},Active\n{first},Demo,5,EUR,open,2026-01-05,put away\n"})
    assert [question.lines for question in made.questions] == [('is_active = ""', 'is_active = "Active"')]


def test_an_empty_column_for_what_is_archived_says_nothing(mapped):
    made = mapped({"x.csv": f"{HEAD},Archived\nD1,Demo,5,EUR,open,2026-01-05,\n"})
    assert (made.questions, made.steps) == ([], {})


def test_what_the_warehouse_no_longer_found_is_left_out_beside_what_the_crm_says_is_deleted(mapped, answered, rows):
    deals = f"{HEAD},Is deleted,_fivetran_deleted\nD1,Demo,5,EUR,open,2026-01-05,false,false\n"
    deals += "D2,Demo,5,EUR,open,2026-01-05,false,true\nD3,Demo,5,EUR,open,2026-01-05,true,false\n"
    imported = answered(mapped({"x.csv": deals}))
    assert (rows(imported, "deals", "deal_id"), imported.rejected) == ([("D1",)], {"deals": {"deleted": 2}})


@pytest.mark.parametrize(
    ("closed", "asked"), [(("", "2026-02-01", "2026-02-02"), 0), (("", "2026-02-01", ""), 1), (("2026-02-01",) * 3, 1)]
)
def test_a_flag_that_says_no_more_than_that_deals_are_closed_is_no_question(mapped, closed, asked):
    deals = f"{HEAD},Closed,Active\n"
    for (status, active), day in zip((("open", "yes"), ("won", "no"), ("lost", "no")), closed, strict=True):
        deals += f"{status},Demo,5,EUR,{status},2026-01-05,{day},{active}\n"
    assert len(mapped({"x.csv": deals}).questions) == asked
