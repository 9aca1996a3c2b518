"""Stages that deals name by id: their names, order and outcomes are those of the file of stages."""

import pytest

DEALS = "Deal ID,Stage ID,Amount,Currency,Created,Closed\n" + "".join(
    f"D{n},{stage},5,EUR,2026-01-05,{day}\n"
    for n, (stage, day) in enumerate((("1", ""), ("2", ""), ("8", "2026-02-05"), ("9", "2026-02-06")))
)
STAGES = "id,name,order\n1,Intake,1\n2,Offer,2\n8,Won,3\n9,Lost,4\n"


@pytest.mark.parametrize("name", ["stages.csv", "pipeline_stages.csv", "Salgstrin.csv", "Fases.csv"])
def test_deals_have_the_names_and_outcomes_of_the_stages_that_they_name_by_id(mapped, answered, rows, name):
    made = mapped({"deals.csv": DEALS, name: STAGES})
    assert made.questions == made.not_read == []
    imported = answered(made)
    assert rows(imported, "deals", "stage, status") == [
        ("Intake", "open"), ("Offer", "open"), ("Won", "won"), ("Lost", "lost"),
    ]  # fmt: skip
    assert rows(imported, "stages", "stage, position, is_won, is_lost") == [
        ("Intake", 1, False, False), ("Lost", 4, False, True), ("Offer", 2, False, False), ("Won", 3, True, False),
    ]  # fmt: skip


def test_where_deals_say_themselves_what_became_of_them_stages_need_not(mapped, answered, rows):
    head, *lines = DEALS.splitlines()
    deals = "\n".join(
        [f"{head},Status", *(f"{line},{s}" for line, s in zip(lines, ("open", "open", "won", "lost"), strict=True)), ""]
    )
    stages = STAGES.replace("Won", "Talks").replace("Lost", "Terms")
    made = mapped({"deals.csv": deals, "stages.csv": stages})
    assert made.questions == []
    told = rows(answered(made), "deals", "stage, status")
    assert told == [("Intake", "open"), ("Offer", "open"), ("Talks", "won"), ("Terms", "lost")]


def test_a_table_of_stages_with_pipelines_and_chances_gives_the_names_too(mapped, answered, rows):
    stages = "Stage ID,Stage,Order,Probability,Pipeline\n1,Intake,1,10,Sales\n2,Offer,2,50,Sales\n"
    stages += "8,Won,3,100,Sales\n9,Lost,4,0,Sales\n"
    made = mapped({"deals.csv": DEALS, "stages.csv": stages})
    assert made.questions == []
    assert rows(answered(made), "stages", "stage, probability::double")[1] == ("Lost", 0.0)


def test_stages_of_several_pipelines_give_names_where_deals_say_their_pipeline(mapped, answered, rows):
    deals = "Deal ID,Stage ID,Pipeline,Amount,Currency,Created,Closed,Status\n"
    deals += "D1,1,A,5,EUR,2026-01-05,,open\nD2,9,B,5,EUR,2026-01-05,2026-02-05,won\n"
    stages = "id,name,order,pipeline\n1,New,1,A\n2,Offer,2,A\n8,New,1,B\n9,Offer,2,B\n"
    made = mapped({"deals.csv": deals, "stages.csv": stages})
    assert made.questions == []
    assert rows(answered(made), "deals", "pipeline, stage, status") == [("A", "New", "open"), ("B", "Offer", "won")]
    made = mapped({"deals.csv": deals.replace("Pipeline", "Remark"), "stages.csv": stages})
    assert [fed.name for fed in made.fed] == ["deals"]
    told = "its stages are of 2 pipelines, and no column of deals says which is theirs"
    assert made.not_read == [("stages.csv", told)]


def test_which_stages_are_won_is_asked_by_their_names_where_nothing_says_it(mapped, answered, rows):
    made = mapped({"deals.csv": DEALS, "stages.csv": STAGES.replace("Won", "Talks").replace("Lost", "Terms")})
    assert [question.section for question in made.questions] == ["words.stages.is_won", "words.stages.is_lost"]
    for question, name in zip(made.questions, ("Talks", "Terms"), strict=True):
        made.words.setdefault("stages", {})[question.section.rpartition(".")[2]] = {
            one: "yes" if one == name else "no" for one in ("Intake", "Offer", "Talks", "Terms")
        }
    told = rows(answered(made), "deals", "stage, status")
    assert told == [("Intake", "open"), ("Offer", "open"), ("Talks", "won"), ("Terms", "lost")]


@pytest.mark.parametrize(
    ("name", "stages"), [("accounts.csv", STAGES), ("stages.csv", STAGES.replace("9,Lost,4\n", ""))]
)
def test_a_file_of_something_else_or_without_some_of_the_ids_gives_no_names(mapped, name, stages):
    made = mapped({"deals.csv": DEALS, name: stages})
    assert [question.section for question in made.questions] == ["words.deals.status"]
    assert [file for file, _ in made.not_read] == [name]
