"""Sellers are shown by name only where the settings allow it, else in groups of five or more."""

import dataclasses

import pandas as pd
import pytest

from salesbook import open_book, sellers
from salesbook.book import Book
from salesbook.errors import WrongUsage
from salesbook.headlines import data_quality as quality
from salesbook.headlines import follow_up as work
from salesbook.headlines import forecast_accuracy as forecasts
from salesbook.headlines import pipeline as pipes
from salesbook.headlines import team as say
from salesbook.kpis import data_quality, follow_up, pipeline, scorecard
from salesbook.kpis import team as kpis
from salesbook.listing import listing
from salesbook.report import month
from salesbook.words import of_run
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


def answers_by_seller(book: Book) -> list[pd.DataFrame]:
    """What the pages show by seller or team, and the list of deals that a workbook has."""
    coverage = pipeline.pipeline_coverage(book, by=sellers.TEAM)
    return [
        sellers.league(book, follow_up.attempt_hazard(book, by=sellers.SHOWN, last=24)),
        work.work(book, follow_up.order_of_work(book)),
        forecasts.seller_rows(book),
        say.done_rows(book),
        say.compared_rows(book, kpis.active_day_rate),
        say.hunter_rows(book),
        say.reluctant_rows(book),
        say.load_rows(book),
        quality.owner_rows(book, data_quality.suspect_deals(book, by=sellers.SHOWN)),
        quality.mend_rows(book, data_quality.deals_to_mend(book)),
        quality.late_rows(book),
        quality.skip_rows(book),
        pipes.lead_rows(book),
        pipes.coverage_rows(book, coverage),
        listing(book, scorecard.deals_won).rows,
        listing(book, pipeline.open_qualified_leads).rows,
    ]


def told(answers: list[pd.DataFrame]) -> str:
    """All that is told of sellers."""
    columns = ("seller", "team", sellers.TEAM, "territory")
    return " ".join(str(who) for rows in answers for name in columns if name in rows for who in rows[name])


SMALL = ("Randstad", "Oost-Nederland", "Sjælland", "Jylland", "United Kingdom")


def test_no_page_names_a_seller_or_a_team_of_fewer_than_five_where_names_are_off(unnamed):
    answers = answers_by_seller(unnamed)
    text = told(answers)
    assert "Seller" not in text
    assert "Inside sales" in text
    for name in SMALL:
        assert name not in text
    records = [rows for rows in answers if {"id", "deal_id", "record"} & set(rows)]
    assert len(records) == 4
    assert all(unnamed.words.say("seller.together") in set(rows["seller"]) for rows in records)


def test_where_names_are_on_sellers_and_teams_are_told(sample_book):
    rows = work.work(sample_book, follow_up.order_of_work(sample_book))
    assert rows["seller"].dropna().str.startswith("Seller ").all()
    teams = pipes.coverage_rows(sample_book, pipeline.pipeline_coverage(sample_book, by=sellers.TEAM))
    assert set(teams[sellers.TEAM].dropna()) >= set(SMALL)


# Slices


def sliced(book: Book, **slice) -> Book:
    return open_book(book.folder, **slice)


@pytest.mark.parametrize("slice", [{"team": "Jylland"}, {"territory": "DK-West"}])
def test_a_report_of_fewer_than_five_sellers_is_refused_where_names_are_off(unnamed, sample_book, slice):
    with pytest.raises(WrongUsage, match=r"names are off\. At work in .*: [0-4]; .*names_of_sellers"):
        sliced(unnamed, **slice)
    assert sliced(sample_book, **slice).slice == slice


def test_a_team_of_five_is_told_of_where_the_others_are_five_too(tmp_path):
    teams = {"A": 5, "B": 6, "C": 3}
    assert shown(tmp_path / "three", teams) == {"B": 6, "other": 8}
    run = tmp_path / "three" / "run"
    assert open_book(run, team="B").slice == {"team": "B"}
    for team in ("A", "C"):  # the whole less B and A is C
        with pytest.raises(WrongUsage, match="single sellers"):
            open_book(run, team=team)


def test_a_slice_that_knows_nothing_of_sellers_is_not_refused(unnamed):
    assert sliced(unnamed, product="Sensor").slice == {"product": "Sensor"}
    assert sliced(unnamed, team="Nowhere").slice == {"team": "Nowhere"}


def test_a_command_for_a_small_team_ends_before_any_page_is_made(project, sample_settings):
    settings = dataclasses.replace(sample_settings, names_of_sellers=False, folder="reports")
    with pytest.raises(WrongUsage, match="single sellers"):
        month.make(settings, "2026-10", ("team",), narrowed={"team": "Jylland"})
    assert not (settings.home / "reports").exists()


FEW = """
deal_id,pipeline,stage,currency,product,owner_id,created_at,closed_at,status
D1,Sales,Won,EUR,P,A0,2026-10-01T09:00:00Z,2026-10-05T09:00:00Z,won
D2,Sales,Won,EUR,P,B0,2026-10-01T09:00:00Z,2026-10-05T09:00:00Z,won
D8,Sales,Won,EUR,P,A1,2026-10-01T09:00:00Z,2026-10-05T09:00:00Z,won
D9,Sales,Won,EUR,P,B1,2026-10-01T09:00:00Z,2026-10-05T09:00:00Z,won
D3,Sales,Won,EUR,Q,A0,2026-10-01T09:00:00Z,2026-10-05T09:00:00Z,won
D4,Sales,Won,EUR,Q,A1,2026-10-01T09:00:00Z,2026-10-05T09:00:00Z,won
D5,Sales,Won,EUR,Q,A2,2026-10-01T09:00:00Z,2026-10-05T09:00:00Z,won
D6,Sales,Won,EUR,Q,B3,2026-10-01T09:00:00Z,2026-10-05T09:00:00Z,won
D7,Sales,Won,EUR,Q,B4,2026-10-01T09:00:00Z,2026-10-05T09:00:00Z,won
"""


def test_figures_by_seller_of_a_slice_of_four_say_that_they_are_too_few(tmp_path):
    reps = "\n".join(["owner_id,display_name,team", *(f"{t}{n},{t} {n},{t}" for t in "AB" for n in range(5))])
    book = book_of(tmp_path, deals=FEW, reps=reps)
    found = {}
    for product in ("P", "Q"):
        part = open_book(book.folder, product=product)
        rows = sellers.named(part, kpis.deals_closed(part, by=sellers.SHOWN))
        found[product] = (rows["seller"].tolist(), rows["reason"].iloc[0])
    assert found == {"P": ([""], sellers.FEW_IN_SLICE), "Q": (["A", "B"], "")}
    for language in ("en", "nl", "da"):
        assert of_run(book.run, language).reason(sellers.FEW_IN_SLICE) != sellers.FEW_IN_SLICE


def test_an_answer_of_one_group_says_that_groups_are_too_small(sample_book, unnamed):
    where = {sellers.SHOWN: "other"}
    rows = sellers.named(unnamed, kpis.calls_made(unnamed, by=sellers.SHOWN, where=where))
    assert rows["reason"].tolist() == [sellers.TOO_FEW]
    assert "Seller 01" in set(sellers.named(sample_book, kpis.calls_made(sample_book, by=sellers.SHOWN))["seller"])
