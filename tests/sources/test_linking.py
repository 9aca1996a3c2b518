"""What activities are about: told by values that are those of deals, or asked."""

import pytest

DEALS = "Deal ID,Title,Stage,Amount,Currency,Status,Created\n" + "".join(
    f"D{n},Deal {n},Demo,5,EUR,open,2026-01-05\n" for n in range(1, 13)
)
ACTS = "Activity ID,Type,Direction,Date"


def acts(more: str, *values: str) -> str:
    """A file of activities with more columns."""
    return f"{ACTS},{more}\n" + "".join(f"A{n},call,outbound,2026-01-07,{one}\n" for n, one in enumerate(values))


def taken(made) -> tuple[str, str] | None:
    """The column that activities' deals are taken from, and how that is known."""
    (fed,) = (fed for fed in made.fed if fed.name == "activities")
    return next(((match.named, match.how) for match in fed.matches if match.column == "deal_id"), None)


def lines_of(made) -> list[str]:
    """The answers to choose from."""
    return [line for question in made.questions for line in question.lines]


def test_a_column_whose_values_are_those_of_the_deals_ids_tells_what_activities_are_about(mapped, answered, rows):
    made = mapped({"x.csv": DEALS, "y.csv": acts("Zaak", "D1", "D2", "D2", "")})
    assert (made.questions, taken(made)) == ([], ("Zaak", "values of deals"))
    assert [deal for (deal,) in rows(answered(made), "activities", "deal_id")] == ["D1", "D2", "D2", None]


@pytest.mark.parametrize("name", ["Over", "Deal"])
def test_a_column_of_titles_of_deals_tells_it_where_no_title_is_that_of_two(mapped, answered, rows, name):
    made = mapped({"x.csv": DEALS, "y.csv": acts(name, "Deal 1", "Deal 2", "Deal 2")})
    assert (made.questions, made.steps) == ([], {"deals": ["deals_by_title"]})
    assert [deal for (deal,) in rows(answered(made), "activities", "deal_id")] == ["D1", "D2", "D2"]


def test_titles_that_two_deals_bear_tell_nothing(mapped):
    made = mapped({"x.csv": DEALS.replace("Deal 2,", "Deal 1,"), "y.csv": acts("Over", "Deal 1", "Deal 3")})
    assert (made.steps, taken(made)) == ({}, None)


def test_of_two_columns_with_ids_of_deals_it_is_asked_which_is_meant(mapped):
    made = mapped({"x.csv": DEALS, "y.csv": acts("Zaak,Vorige", "D1,D2", "D2,D3", "D2,D3")})
    assert (taken(made), lines_of(made)) == (None, ['deal_id = "Zaak"', 'deal_id = "Vorige"'])


def test_few_numbers_that_are_ids_of_deals_by_chance_are_asked_about_and_others_are_not(mapped):
    deals = DEALS.replace("\nD", "\n")
    made = mapped({"x.csv": deals, "y.csv": acts("Minuten,Kamer", "5,50", "10,60", "5,70")})
    assert (taken(made), lines_of(made)) == (None, ['deal_id = "Minuten"'])


def test_a_day_of_activities_that_no_name_tells_is_asked_for(mapped, answered, rows):
    made = mapped({"x.csv": DEALS, "y.csv": acts("Zaak", "D1", "D2").replace("Date", "Wanneer")})
    assert lines_of(made) == ['occurred_at = "Wanneer"']
    day = "occurred_at::date::varchar"
    assert rows(answered(made, 'occurred_at = "Wanneer"'), "activities", day)[0] == ("2026-01-06",)


COMPANIES = "Account ID,Account Name,Country\nA1,Acme,NL\nA2,Byg,DK\n"
OWNED = "Deal ID,Stage,Amount,Currency,Status,Created,Company Name\n"


def test_deals_that_name_their_organisation_belong_to_the_one_of_that_name(mapped, answered, rows):
    deals = OWNED + "D1,Demo,5,EUR,open,2026-01-05,Byg\nD2,Demo,5,EUR,open,2026-01-05,Acme\n"
    made = mapped({"x.csv": deals, "y.csv": COMPANIES})
    assert made.questions == []
    imported = answered(made)
    assert rows(imported, "accounts", "account_id, country") == [("Acme", "NL"), ("Byg", "DK")]
    assert rows(imported, "deals", "account_id") == [("Byg",), ("Acme",)]


@pytest.mark.parametrize("named", ["A1", "Other"])
def test_organisations_have_their_ids_where_deals_name_these_or_none_of_them(mapped, named):
    made = mapped({"x.csv": f"{OWNED}D1,Demo,5,EUR,open,2026-01-05,{named}\n", "y.csv": COMPANIES})
    (accounts,) = (fed for fed in made.fed if fed.name == "accounts")
    assert accounts.source_of("account_id").name == "Account ID"


LEADS = "Lead ID,Created,Source,Status,Company\n"


def test_leads_that_name_their_organisation_where_deals_have_its_id_belong_to_the_one_of_that_name(
    mapped, answered, rows
):
    deals = OWNED + "D1,Demo,5,EUR,open,2026-01-05,A2\nD2,Demo,5,EUR,open,2026-01-05,A1\n"
    leads = LEADS + "L1,2026-01-05,Web,New,Byg\nL2,2026-01-05,Web,New,Not yet a customer\n"
    made = mapped({"x.csv": deals, "y.csv": COMPANIES, "z.csv": leads})
    assert (made.questions, made.steps) == ([], {"leads": ["accounts_of_leads"]})
    imported = answered(made)
    assert imported.flagged == {}
    assert rows(imported, "leads", "account_id") == [("A2",), (None,)]
    assert rows(imported, "deals", "account_id") == [("A2",), ("A1",)]


def test_deals_that_name_their_organisation_where_others_have_its_id_and_a_name_that_is_none_s_is_flagged(
    mapped, answered, rows
):
    deals = OWNED + "D1,Demo,5,EUR,open,2026-01-05,Byg\nD2,Demo,5,EUR,open,2026-01-05,Elsewhere\n"
    contacts = "Contact ID,Account ID,Job title\nC1,A1,Boss\n"
    imported = answered(mapped({"x.csv": deals, "y.csv": COMPANIES, "z.csv": contacts}))
    assert rows(imported, "deals", "account_id") == [("A2",), ("Elsewhere",)]
    assert imported.flagged == {"deals": {"account_id_unknown": 1}}


def test_names_of_organisations_of_which_none_is_among_those_with_ids_are_left_out_and_that_is_said(mapped, answered):
    deals = OWNED + "D1,Demo,5,EUR,open,2026-01-05,A2\nD2,Demo,5,EUR,open,2026-01-05,A1\n"
    made = mapped({"x.csv": deals, "y.csv": COMPANIES, "z.csv": LEADS + "L1,2026-01-05,Web,New,Nobody\n"})
    assert made.not_read == [("z.csv", "'Company' has no organisation of y.csv, neither by id nor by name")]
    assert answered(made).flagged == {}


def test_organisations_are_known_by_the_number_that_deals_have_whatever_else_is_their_id(mapped, answered, rows):
    accounts = "ID,Account Name,Country,Debiteur\n1,Acme,NL,DEB-1\n2,Byg,DK,DEB-2\n"
    deals = OWNED.replace("Company Name", "Debiteur") + "D1,Demo,5,EUR,open,2026-01-05,DEB-2\n"
    imported = answered(mapped({"x.csv": deals, "y.csv": accounts}))
    assert rows(imported, "accounts", "account_id, name") == [("DEB-1", "Acme"), ("DEB-2", "Byg")]
    assert imported.flagged == {}
