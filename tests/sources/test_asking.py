"""Columns that no name tells: what is asked of them, by their contents."""

import pytest

from salesbook.errors import BadData

CODED = "DOCNR;DEBNR;VERTNR;STATCODE;RESCODE;DTCRE;DTCLS;NETBEDR\n" + "".join(
    f"{70000 + n};{400 + n % 4};{n % 3 + 11};{n % 5 * 10};{('O open', 'W won', 'L lost')[n % 3]};2026-01-{n + 1:02};"
    f"{f'2026-02-{n + 1:02}' if n % 3 else ''};{n * 3},50\n"
    for n in range(20)
)
NEEDED = ('stage = "STATCODE"', 'status = "RESCODE"', '"O open" = "open"', '"W won" = "won"', '"L lost" = "lost"')
WANTED = ('amount = "NETBEDR"', 'created_at = "DTCRE"', 'closed_at = "DTCLS"', 'owner_id = "VERTNR"',
          'account_id = "DEBNR"', 'currency = "EUR"')  # fmt: skip


def lines_for(made, column: str) -> list[str]:
    """The columns that a question offers for a canonical one."""
    lines = [line for question in made.questions if question.section.startswith("columns") for line in question.lines]
    return [line.split('"')[1] for line in lines if line.startswith(f"{column} = ")]


def test_a_file_of_codes_is_read_once_it_is_said_that_it_holds_deals_and_which_column_is_which(mapped, answered, rows):
    made = mapped({"VERKDOC.csv": CODED})
    imported = answered(made, 'deals = "VERKDOC.csv"', *NEEDED, *WANTED)
    assert imported.rejected == {}
    told = rows(imported, "deals", "deal_id, stage, status, owner_id, account_id, amount_minor, closed_at is null")
    assert told[:3] == [
        ("70000", "0", "open", "11", "400", 50, True),
        ("70001", "10", "won", "12", "401", 350, False),
        ("70002", "20", "lost", "13", "402", 650, False),
    ]


def test_only_columns_whose_contents_can_be_it_are_offered(mapped):
    made = mapped({"VERKDOC.csv": CODED})
    assert [match.named for match in made.fed[0].matches if match.column == "deal_id"] == ["DOCNR"]
    assert lines_for(made, "created_at") == ["DTCRE", "DTCLS"]
    assert (lines_for(made, "closed_at"), lines_for(made, "close_date")) == (["DTCLS"], ["DTCRE"])
    assert lines_for(made, "amount")[0] == "NETBEDR"
    assert lines_for(made, "stage") == ["DEBNR", "VERTNR", "STATCODE", "RESCODE"]
    assert lines_for(made, "status")[0] in ("VERTNR", "RESCODE")
    assert not {"DTCRE", "DTCLS", "NETBEDR", "DOCNR"} & set(lines_for(made, "stage"))


def test_a_file_of_codes_is_not_read_before_it_is_said_that_it_holds_deals(mapped, answered):
    with pytest.raises(BadData, match="no file of deals"):
        answered(mapped({"VERKDOC.csv": CODED}))


def test_a_file_that_may_hold_deals_does_no_harm_where_it_is_said_that_there_are_none(mapped, answered, rows):
    made = mapped({"x.csv": "Lead ID,Created,Source,Status\n1,2026-01-05,Web,New\n", "VERKDOC.csv": CODED})
    assert rows(answered(made, 'deals = ""'), "leads", "lead_id, status") == [("1", "new")]


@pytest.mark.parametrize("lacking", ["DOCNR", "DTCRE;DTCLS", "NETBEDR"])
def test_a_file_without_what_deals_have_is_asked_no_columns_of(mapped, lacking):
    head, *lines = CODED.splitlines()
    kept = [at for at, name in enumerate(head.split(";")) if name not in lacking.split(";")]
    text = "\n".join(";".join(line.split(";")[at] for at in kept) for line in (head, *lines))
    made = mapped({"x.csv": f"{text}\n"})
    assert [question.section for question in made.questions] == ["files"]


def test_only_few_words_that_no_other_column_has_are_offered_for_the_direction(mapped):
    deals = "Deal ID,Stage,Amount,Currency,Status,Created\nD1,Demo,5,EUR,open,2026-01-05\n"
    acts = "Activity ID,Type,Date,Deal ID,Subject,Length,Where to,Call kind\n" + "".join(
        f"{n},Call,2026-01-05,D1,x,00:0{n},{('Out', 'In')[n % 2]},{('Email', 'Visit')[n % 2]}\n" for n in range(4)
    )
    made = mapped({"x.csv": deals, "y.csv": acts})
    assert lines_for(made, "direction") == ["Where to"]


HEAD = "Deal ID,Amount,Currency,Status,Created"


def test_the_stage_is_asked_for_where_another_column_than_the_status_may_be_it(mapped, answered, rows):
    lines = "".join(f"D{n},5,EUR,{('open', 'won')[n % 2]},2026-01-05,{('Demo', 'Offer')[n // 2]}\n" for n in range(4))
    made = mapped({"x.csv": f"{HEAD},Hoe ver\n{lines}"})
    assert lines_for(made, "stage") == ["Hoe ver", "Status"]
    assert [one for (one,) in rows(answered(made, 'stage = "Hoe ver"'), "deals", "stage")] == [
        "Demo", "Demo", "Offer", "Offer",
    ]  # fmt: skip


@pytest.mark.parametrize("values", [("", "Price", "", "Price"), ("a", "b", "c", "d"), ("1", "2", "1", "2")])
def test_the_stage_is_the_status_where_no_other_column_may_be_it(mapped, values):
    lines = "".join(f"D{n},5,EUR,{('open', 'won')[n % 2]},2026-01-05,{one}\n" for n, one in enumerate(values))
    made = mapped({"x.csv": f"{HEAD},Remark\n{lines}"})
    assert lines_for(made, "stage") == []
    assert made.fed[0].source_of("stage").name == "Status"


def test_a_lead_status_that_was_renamed_in_a_known_crm_is_asked_for_and_none_until_then(mapped, answered, rows):
    deals = "Record ID,Deal owner,Create Date,Close Date,Pipeline,Deal Stage,Amount,Currency,Deal probability\n"
    contacts = "Record ID,Contact owner,Lead Status,Create Date,Original Traffic Source\n"
    contacts += "1,Ada,New,2026-01-05,Web\n2,Ada,Warm lead (qualified),2026-01-05,Web\n"
    made = mapped({
        "hubspot-crm-exports-deals.csv": deals + "1,Ada,2026-01-05,2026-02-20,Sales,Closed won,5,EUR,1\n",
        "hubspot-crm-exports-contacts.csv": contacts,
    })  # fmt: skip
    assert [question.section for question in made.questions] == ["words.leads-contacts.status"]
    answer = '"Warm lead (qualified)" = "qualified"'
    assert rows(answered(made, answer), "leads", "status") == [("new",), ("qualified",)]


def test_rows_without_any_value_of_their_own_are_refused_and_it_is_said_that_an_id_lacks(mapped, answered):
    made = mapped({"x.csv": "Deal,Stage,Amount,Currency,Status,Created\n" + "A,Demo,5,EUR,open,2026-01-05\n" * 2})
    assert made.questions[0].ask.startswith("No column may be deal_id")
    with pytest.raises(BadData, match="no column 'deal_id'"):
        answered(made)


def test_the_day_on_which_an_activity_was_entered_is_offered_where_no_column_says_when_it_was(mapped, answered, rows):
    leads = "id,status,source,date_created\n" + "".join(f"lead_{n},New,Web,2026-01-0{n}\n" for n in range(1, 5))
    acts = "id,_type,lead_id,user_id,direction,date_created\n"
    acts += "".join(f"acti_{n},Call,lead_{n},user_{n % 2},outbound,2026-02-0{n}\n" for n in range(1, 5))
    made = mapped({"leads.csv": leads, "activities.csv": acts})
    assert lines_for(made, "occurred_at") == ["date_created"]
    imported = answered(made, 'occurred_at = "date_created"', 'deals = ""')
    told = rows(imported, "activities", "activity_id, occurred_at = recorded_at")
    assert told == [(f"acti_{n}", True) for n in range(1, 5)]


def test_a_date_that_open_deals_have_too_is_offered_as_the_closing_of_the_closed_alone(mapped, answered, rows):
    deals = "Deal ID,Stage,Amount,Currency,Status,Created,Changed on\nD1,Demo,5,EUR,won,2026-01-05,2026-02-05\n"
    made = mapped({"x.csv": deals + "D2,Demo,5,EUR,open,2026-01-05,2026-02-06\n"})
    assert lines_for(made, "close_date") == ["Changed on"]
    imported = answered(made, 'close_date = "Changed on"')
    assert imported.flagged == {}
    assert rows(imported, "deals", "closed_at::date::varchar") == [("2026-02-04",), (None,)]
