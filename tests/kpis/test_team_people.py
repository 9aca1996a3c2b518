"""What the team fills in, uses and wins, and how it feels: worked by hand on tiny companies."""

import pytest

from salesbook.errors import WrongUsage
from salesbook.kpis import team
from team_tables import DEAL, REPS, book_of, lines
from worked import SETTINGS, only

FIELDS = """
deal_id,pipeline,stage,currency,created_at,amount,product,status,expected_close,contact_id
D1,Sales,Demo,EUR,2026-10-05T09:00:00Z,5.00,P,open,,
D2,Sales,Demo,EUR,2026-10-05T09:00:00Z,0.00,,open,2026-12-01,
"""
ASKED = """
[team]
required = ["product"]
qualification = ["goals", "plans", "challenges", "timing"]
"""
LEADS = """
lead_id,created_at,source,owner_id,status,qualified_at,disqualified_at,budget,authority,need,timing,goals
L1,2026-10-01T00:00:00Z,web,S1,qualified,2026-10-02T00:00:00Z,2026-10-20T00:00:00Z,true,true,true,true,
L2,2026-10-01T00:00:00Z,web,S1,qualified,2026-10-02T00:00:00Z,2026-10-20T00:00:00Z,true,false,,,true
L3,2026-10-01T00:00:00Z,web,S1,new,,,true,true,,,
"""


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return book_of(tmp_path_factory.mktemp("usual"), reps=REPS, deals=FIELDS, leads=LEADS)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The same, with other fields asked for."""
    return book_of(tmp_path_factory.mktemp("asked"), settings=SETTINGS + ASKED, reps=REPS, deals=FIELDS, leads=LEADS)


def test_required_fields_are_those_of_the_settings(usual, asked):
    # Amount, expected close, product and contact: two of four, and one of four.
    assert only(team.fields_filled(usual))["value"] == 3 / 8
    assert only(team.fields_filled(asked))["value"] == 1 / 2


def test_not_knowing_is_not_not_using(tmp_path):
    deals = [
        {"deal_id": f"D{n}", "owner_id": owner, "pipeline": "Sales", "stage": stage, "product": "P", "currency": "EUR",
         "created_at": "2026-10-01T09:00:00Z", "closed_at": "2026-10-20T09:00:00Z", "status": stage.lower()}
        for n, (owner, stage) in enumerate([("S1", "Won"), ("S1", "Lost")] * 2 + [("S2", "Won")])
    ]  # fmt: skip
    use = """
    asset_id,owner_id,deal_id,used_at,action
    A,S1,D0,2026-10-05T09:00:00Z,sent
    A,S1,D1,2026-10-06T09:00:00Z,sent
    B,S1,D2,2026-10-25T09:00:00Z,sent
    B,S2,,2026-10-06T09:00:00Z,viewed
    """
    costs = """
    period,type,amount,currency,acquisition_share
    2026-10-01,collateral,100.00,EUR,1
    """
    book = book_of(tmp_path, reps=REPS, deals=lines(DEAL, deals), collateral_usage=use, costs=costs)
    found = only(team.collateral_odds(book))
    # Used before the close: D0 (won), D1 (lost). Known not to be: D2 (won; used afterwards), D3 (lost). D4: not known.
    assert (found["used_k"], found["used_n"], found["other_k"], found["other_n"]) == (1, 2, 1, 2)
    assert found["unknown"] == 1
    assert found["value"] == pytest.approx(1)
    reach = only(team.collateral_reach(book))
    # Ann, Bo and Cas are employed; Dee has left.
    assert (reach["numerator"], reach["denominator"]) == (2, 3)
    assert only(team.collateral_cost_per_use(book))["value"] == 100 / 4
    assert team.collateral_uses(book, by="asset_id")["value"].tolist() == [2, 2]


def test_without_uses_of_material_its_cost_per_use_says_what_it_needs(tmp_path):
    costs = "period,type,amount,currency,acquisition_share\n2026-10-01,collateral,100.00,EUR,1"
    book = book_of(tmp_path, costs=costs)
    for asked in ({}, {"period": "month", "last": 12}):
        assert team.collateral_cost_per_use(book, **asked)["reason"].tolist() == ["needs collateral_usage"]


# Customers, qualification


def test_hunters_win_new_customers_and_farmers_existing_ones(tmp_path):
    kinds = [("new", "Won"), ("new", "Lost"), ("new", "Lost"), ("existing", "Won"), ("renewal", "Won"), ("", "Won")]
    deals = [
        {"deal_id": f"D{n}", "owner_id": "S1", "pipeline": "Sales", "stage": stage, "type": kind, "currency": "EUR",
         "created_at": "2026-10-01T09:00:00Z", "closed_at": "2026-10-20T09:00:00Z", "status": stage.lower()}
        for n, (kind, stage) in enumerate(kinds)
    ]  # fmt: skip
    book = book_of(tmp_path, reps=REPS, deals=lines(DEAL, deals))
    share = only(team.new_customer_share(book))
    assert (share["numerator"], share["denominator"]) == (1, 2)
    assert only(team.new_customer_win_rate(book))["value"] == 1 / 3
    assert only(team.existing_customer_win_rate(book))["value"] == 1


def test_qualification_is_what_is_known_of_what_should_be(usual, asked):
    filled = only(team.qualification_filled(usual))
    # Four of four, and one of four: a field that says no is not known.
    assert (filled["n"], filled["value"]) == (2, 5 / 8)
    assert only(team.qualification_filled(asked))["value"] == 2 / 8
    rates = team.qualification_win_rate(asked, by="n_filled").set_index("n_filled")
    assert rates["denominator"].to_dict() == {1: 2}


def test_a_lead_whose_deal_was_merged_is_won_with_the_deal_that_stayed(tmp_path):
    deals = """
    deal_id,pipeline,stage,currency,created_at,closed_at,status,merged_into,merged_at
    A,Sales,Demo,EUR,2026-10-03T09:00:00Z,,open,B,2026-10-10T09:00:00Z
    B,Sales,Won,EUR,2026-10-04T09:00:00Z,2026-10-20T09:00:00Z,won,,
    """
    leads = """
    lead_id,created_at,source,status,qualified_at,converted_at,deal_id,budget
    L1,2026-10-01T00:00:00Z,web,converted,2026-10-02T00:00:00Z,2026-10-03T09:00:00Z,A,true
    """
    won = only(team.qualification_win_rate(book_of(tmp_path, reps=REPS, deals=deals, leads=leads)))
    assert (won["numerator"], won["denominator"]) == (1, 1)


def test_a_field_that_no_lead_can_have_is_refused(tmp_path):
    with pytest.raises(WrongUsage, match="'bugdet'"):
        book_of(tmp_path, settings=SETTINGS + '[team]\nqualification = ["bugdet"]\n', leads=LEADS)


# People


def answers(groups: dict[str, list[int]], survey: str = "Q3", question: str = "eNPS", on: str = "10-10") -> list[dict]:
    return [
        {
            "survey_id": survey,
            "respondent_hash": f"{team_name}{n}",
            "team": team_name,
            "question": question,
            "score": score,
        }
        | {"answered_at": f"2026-{on}T09:00:00Z", "scale_min": 0, "scale_max": 10}
        for team_name, scores in groups.items()
        for n, score in enumerate(scores)
    ]


SURVEY = "survey_id,respondent_hash,team,answered_at,question,score,scale_min,scale_max"


def enps_of(folder, rows: list[dict]) -> dict:
    book = book_of(folder, reps=REPS, surveys=lines(SURVEY, rows))
    found = team.enps(book, by="team_group")
    return {group: (n, value) for group, n, value in found[["team_group", "n", "value"]].itertuples(index=False)}


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory):
    """Eight answers of October and four of September on recommending, six of July on another question."""
    rows = answers({"North": [10, 9, 9, 8, 7, 6, 0, 9]}) + answers({"North": [10, 9, 9, 1]}, "Q2", on="09-10")
    rows += answers({"North": [1, 3, 3, 5, 5, 7]}, "Q1", question="I have what I need", on="07-10")
    return book_of(tmp_path_factory.mktemp("surveyed"), reps=REPS, surveys=lines(SURVEY, rows))


def test_enps_is_promoters_less_detractors_of_a_hundred(surveyed):
    found = only(team.enps(surveyed))
    # Four of eight promote (9, 10), two detract (6 and lower).
    assert (found["n"], found["value"]) == (8, 100 * (4 - 2) / 8)
    assert found["low"] < 25 < found["high"]


def test_under_five_answers_nothing_is_said(surveyed):
    found = only(team.enps(surveyed, ago=1))
    assert found["reason"] == "fewer than five answers"
    assert found[["value", "low", "high"]].isna().all()


def test_small_teams_go_together_and_take_another_along_where_their_total_would_tell(tmp_path):
    whole = {"A": [9] * 6, "B": [5] * 7, "C": [9] * 3, "D": [9] * 2}
    assert enps_of(tmp_path / "five", answers(whole)) == {"A": (6, 100), "B": (7, -100), "other": (5, 100)}
    fewer = {"A": [9] * 6, "B": [5] * 7, "C": [9] * 3}
    # C's three could be had from the total less A and B: the smallest of these goes with them.
    assert enps_of(tmp_path / "three", answers(fewer)) == {"B": (7, -100), "other": (9, 100)}
    assert enps_of(tmp_path / "two", answers({"A": [9] * 6, "C": [9] * 3})) == {"other": (9, 100)}


def test_groups_are_made_once_for_all_surveys(tmp_path):
    first = {"A": [9] * 6, "B": [5] * 7, "C": [5] * 8}
    rows = answers(first, "Q2") + answers({"A": [9] * 4, "B": [5] * 7, "C": [5] * 8}, "Q3")
    # A has four answers in the second: it stands alone in neither, and takes B along.
    assert enps_of(tmp_path, rows) == {"C": (16, -100), "other": (24, pytest.approx(100 * (10 - 14) / 24))}


def test_the_pulse_is_where_answers_lie_on_their_scale(surveyed):
    assert only(team.pulse(surveyed, ago=3))["value"] == pytest.approx(24 / 6 / 10)
    assert only(team.enps(surveyed, ago=3))["reason"] == "fewer than five answers"
