"""Leads and deals in one file: each is read as what it is."""

HEAD = "ID,Stage,Expected revenue,Currency,Created on,Closed on,Type,Salesperson,Source"
ROWS = (
    "7,Demo,500,EUR,2026-01-05,,Opportunity,Ada,Web",
    "8,New,,EUR,2026-01-06,,Lead,Ada,Web",
    "9,Won,300,EUR,2026-01-07,2026-02-07,Opportunity,Bo,Fair",
    "10,Lost,100,EUR,2026-01-08,2026-02-08,Opportunity,Bo,Web",
)


def asked(made) -> list[str]:
    """The sections that have a question."""
    return [question.section for question in made.questions]


def test_leads_beside_deals_are_leads_and_so_are_deals_that_were_leads_before(mapped, answered, rows):
    dates = ("2026-01-20", "", "", "2026-01-21")
    lines = "".join(f"{row},{day}\n" for row, day in zip(ROWS, dates, strict=True))
    made = mapped({"crm.lead.csv": f"{HEAD},Conversion date\n{lines}"})
    assert asked(made) == ["constants.leads"]
    imported = answered(made, 'status = "new"')
    assert rows(imported, "deals", "deal_id, status") == [("10", "lost"), ("7", "open"), ("9", "won")]
    assert rows(imported, "leads", "lead_id, status, deal_id, source") == [
        ("10", "converted", "10", "Web"), ("7", "converted", "7", "Web"), ("8", "new", None, "Web"),
    ]  # fmt: skip
    assert imported.rejected == {"deals": {"lead": 1}, "leads": {"deal": 1}}


def test_where_nothing_says_which_deals_were_leads_it_is_asked_whether_the_others_are_read(mapped, answered, rows):
    made = mapped({"crm.lead.csv": "\n".join([HEAD, *ROWS, ""])})
    assert asked(made) == ["files", "constants.leads"]
    imported = answered(made, 'leads = "crm.lead.csv"', 'status = ""')
    assert rows(imported, "leads", "lead_id, status, owner_id") == [("8", None, "Ada")]
    assert rows(imported, "deals", "count(*)") == [(3,)]


def test_such_leads_do_no_harm_where_they_are_not_asked_for(mapped, answered, rows):
    imported = answered(mapped({"crm.lead.csv": "\n".join([HEAD, *ROWS, ""])}))
    assert (rows(imported, "leads"), rows(imported, "deals", "count(*)")) == ([], [(3,)])


def test_where_another_file_has_the_leads_those_among_deals_are_left_out(mapped):
    made = mapped(
        {
            "crm.csv": "\n".join([HEAD, *ROWS, ""]),
            "leads.csv": "Lead ID,Created,Source,Status\n1,2026-01-05,Web,New\n",
        }
    )
    assert [(fed.name, fed.files) for fed in made.fed] == [("deals", ["crm.csv"]), ("leads", ["leads.csv"])]
    assert made.steps == {"deals": ["leads_left_out"]}
