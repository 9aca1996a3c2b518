"""Sellers are shown by name only where the settings allow it, else in groups of five or more."""

import dataclasses

import pytest

from salesbook import sellers
from salesbook.book import Book
from salesbook.build import build
from salesbook.headlines import forecast_accuracy as forecasts
from salesbook.headlines import team as say
from salesbook.kpis import follow_up
from salesbook.kpis import team as kpis
from worked import SETTINGS, book_of

DEAL = """
deal_id,pipeline,stage,currency,created_at,closed_at,status
OLD,Sales,Lost,EUR,2024-01-01T09:00:00Z,2024-02-01T09:00:00Z,lost
"""


def shown(folder, teams: dict[str, int], ended: str = "", settings: str = SETTINGS) -> dict[str, int]:
    """How many sellers are shown as what, for so many sellers a team; the teams in `ended` have left."""
    rows = [
        f"{team}{n},{team} {n},{team},{'2026-01-31' if team in ended else ''}"
        for team, size in teams.items()
        for n in range(size)
    ]
    reps = "\n".join(["owner_id,display_name,team,ended_on", *rows])
    book = book_of(folder, settings=settings, deals=DEAL, reps=reps)
    found = book.rows("select shown_as, count(*) as n from seller_facts group by shown_as order by shown_as")
    return dict(zip(found["shown_as"], found["n"], strict=True))


def test_small_teams_go_together(tmp_path):
    assert shown(tmp_path, {"A": 5, "B": 6, "C": 3, "D": 2}) == {"A": 5, "B": 6, "other": 5}


def test_the_smallest_large_team_joins_where_the_rest_could_be_had_from_the_total(tmp_path):
    assert shown(tmp_path, {"A": 5, "B": 6, "C": 3}) == {"B": 6, "other": 8}


def test_who_has_left_does_not_make_a_team_large(tmp_path):
    # The four who left are shown too, and are too few to stand alone: A joins them.
    assert shown(tmp_path, {"A": 5, "B": 6, "L": 4}, ended="L") == {"B": 6, "other": 9}


def test_teams_that_are_all_large_stand_alone(tmp_path):
    assert shown(tmp_path, {"A": 5, "B": 5}) == {"A": 5, "B": 5}


def test_two_sellers_of_one_name_stay_two(tmp_path):
    names = SETTINGS.replace("[report]", "[report]\nnames_of_sellers = true")
    reps = "owner_id,display_name,team\nS1,Ann,A\nS2,Ann,B\nS3,,B"
    book = book_of(tmp_path, settings=names, deals=DEAL, reps=reps)
    assert book.rows("select shown_as from seller_facts order by owner_id")["shown_as"].tolist() == [
        "Ann (S1)", "Ann (S2)", "S3"
    ]  # fmt: skip


@pytest.fixture(scope="module")
def unnamed(sample_settings, tmp_path_factory) -> Book:
    settings = dataclasses.replace(sample_settings, names_of_sellers=False)
    return Book(build(settings, "2026-10", tmp_path_factory.mktemp("unnamed")))


def test_no_page_names_a_seller_where_names_are_off(unnamed):
    answers = [
        sellers.league(unnamed, follow_up.attempt_hazard(unnamed, by=sellers.SHOWN, last=24)),
        forecasts.seller_rows(unnamed),
        say.done_rows(unnamed),
        say.compared_rows(unnamed, kpis.active_day_rate),
        say.hunter_rows(unnamed),
        say.reluctant_rows(unnamed),
        say.load_rows(unnamed),
    ]
    told = " ".join(str(value) for rows in answers for value in rows.iloc[:, 0])
    assert "Seller" not in told
    assert "Inside sales" in told
    # Its teams have four sellers and fewer: they are shown together.
    assert "Jylland" not in told


def test_an_answer_of_one_group_says_that_groups_are_too_small(sample_book, unnamed):
    where = {sellers.SHOWN: "other"}
    rows = sellers.named(unnamed, kpis.calls_made(unnamed, by=sellers.SHOWN, where=where))
    assert rows["reason"].tolist() == [sellers.TOO_FEW]
    assert "Seller 01" in set(sellers.named(sample_book, kpis.calls_made(sample_book, by=sellers.SHOWN))["seller"])
