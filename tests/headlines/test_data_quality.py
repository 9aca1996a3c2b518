"""What the page on data quality claims: planted effects are found, and hardly anything where nothing is planted."""

import numpy as np
import pandas as pd
import pytest

from companies import books
from salesbook.headlines import data_quality as say
from salesbook.kpi import reason_of
from salesbook.kpis import data_quality as kpis
from salesbook.sellers import SHOWN, TOO_FEW
from salesbook.words import Words
from worked import SETTINGS, book_of

NAMED = SETTINGS.replace("[report]", "[report]\nnames_of_sellers = true")
ENTERED = "activity_id,type,direction,occurred_at,owner_id,recorded_at\n"
REPS = "owner_id,display_name,team\nS1,Seller 01,North\nS2,Seller 02,North\nS3,Seller 03,South\n"
DEALS = "deal_id,pipeline,stage,amount,currency,created_at,owner_id,status\nD,Sales,Proposal,5,EUR,2026-10-01,S1,open\n"


def claims(book) -> list[str]:
    return [found.headline for found in say.this_month(book) if found.is_claim]


def entries(late: dict[str, float]) -> str:
    """Two contacts a seller and day of September and October, of which a share is entered three days late."""
    random, lines = np.random.default_rng(7), [ENTERED]
    for day in pd.date_range("2026-09-01", "2026-10-25", freq="D"):
        for owner, share in late.items():
            wait = 3 if random.random() < share else 0
            for hour in (9, 10):
                at = day + pd.Timedelta(hours=hour)
                entered = at + pd.Timedelta(days=wait, minutes=5)
                lines.append(f"{owner}{at:%m%d%H},call,outbound,{at:%FT%TZ},{owner},{entered:%FT%TZ}\n")
    return "".join(lines)


def test_a_seller_who_enters_late_is_found_and_named(tmp_path):
    activities = entries({"S1": 0.1, "S2": 0.7, "S3": 0.1})
    book = book_of(tmp_path, deals=DEALS, activities=activities, reps=REPS, settings=NAMED)
    assert any("Seller 02 enters contacts late" in headline for headline in claims(book))
    league = say.league(book, say.late_rows(book))
    assert "Seller 02" in say.sellers(book, league, "late")["headline"]
    assert league["seller"].iloc[0] == "Seller 02"


def test_sellers_who_enter_alike_are_not_told_apart(tmp_path):
    activities = entries(dict.fromkeys(("S1", "S2", "S3"), 0.2))
    book = book_of(tmp_path, deals=DEALS, activities=activities, reps=REPS, settings=NAMED)
    assert not claims(book)
    assert "about equally" in say.sellers(book, say.league(book, say.late_rows(book)), "late")["headline"]


def test_weeks_entered_at_once_are_late_once_each(tmp_path):
    lines = [ENTERED]
    for number, day in enumerate(pd.date_range("2026-03-02", "2026-10-23", freq="B")):
        friday = day + pd.Timedelta(days=4 - day.weekday())
        for owner in ("S1", "S2", "S3"):
            is_saved_up = owner == "S2" and number % 50 < 5
            entered = (friday if is_saved_up else day) + pd.Timedelta(hours=16)
            for hour in range(8, 14):
                at = day + pd.Timedelta(hours=hour)
                lines.append(f"{owner}{at:%m%d%H},call,outbound,{at:%FT%TZ},{owner},{entered:%FT%TZ}\n")
    book = book_of(tmp_path, deals=DEALS, activities="".join(lines), reps=REPS, settings=NAMED)
    rows = say.late_rows(book).set_index("seller")
    assert rows["numerator"].to_dict() == {"Seller 01": 0, "Seller 02": 4, "Seller 03": 0}
    assert not claims(book)


def test_where_nothing_is_planted_hardly_anything_is_claimed(tmp_path):
    made = [
        book
        for seed in range(2)
        for book in books(tmp_path / str(seed), ["2026-10"], leads=300, seed=500 + seed, effects=False)
    ]
    claimed = [headline for book in made for headline in claims(book)]
    # Two pages at 5 % each; `make prove` does it large.
    assert not claimed, claimed


def test_what_is_suspect_is_counted_and_claims_nothing(sample_book):
    first = say.this_month(sample_book)[0]
    row = kpis.suspect_deals(sample_book).iloc[0]
    assert first.headline.startswith(f"{row['numerator']:.0f} of {row['denominator']:.0f} open deals are suspect")
    assert not first.is_claim


def test_every_check_has_its_words_in_every_language(sample_book):
    for language in ("en", "nl", "da"):
        for rule in kpis.RULES:
            assert Words(language, "EUR").say(f"checks.{rule}.name")
            assert Words(language, "EUR").say(f"checks.{rule}.todo", days=30)


def test_every_page_is_told_what_is_weak_in_it(sample_book, project):
    rows = say.trust_rows(sample_book)
    assert len(rows) == len(say.PAGES)
    pages = {path.stem for path in (project / "notebooks").glob("[!_]*.ipynb")} - {"data_quality"}
    assert pages <= set(say.PAGES)


def test_a_missing_table_is_named_among_what_is_weak(tmp_path):
    rows = say.trust_rows(book_of(tmp_path, deals=DEALS))
    assert rows["missing"].str.contains("stage_history").any()
    assert rows["missing"].str.contains("leads").any()


def test_the_table_by_seller_holds_what_is_suspect_of_all_sellers_and_none_where_groups_are_too_small(
    sample_book, unnamed
):
    rows = say.owner_rows(sample_book, kpis.suspect_deals(sample_book, by=SHOWN))
    whole, nobody = kpis.suspect_deals(sample_book), kpis.suspect_deals(sample_book, where={SHOWN: None})
    assert rows["n_suspect"].sum() == whole["numerator"].iloc[0] - nobody["numerator"].iloc[0]
    amounts = [kpis.suspect_pipeline(sample_book, where=where)["value"].iloc[0] for where in ({}, {SHOWN: None})]
    assert rows["at_stake"].sum() == pytest.approx(amounts[0] - amounts[1])
    assert reason_of(say.owner_rows(unnamed, kpis.suspect_deals(unnamed, by=SHOWN))) == TOO_FEW


def test_an_answer_without_value_has_no_words(sample_book):
    nothing = pd.DataFrame({"value": [np.nan], "reason": ["needs stage_history"]})
    assert say.checks(sample_book, nothing)["headline"] == ""
    assert say.forecast(sample_book, nothing)["headline"] == ""
    for words in (say.stages, say.amounts):
        assert words(sample_book, nothing, 12)["headline"] == ""
    for rows in (say.failing, say.stage_rows, say.forecast_rows, say.mend_rows, say.league):
        assert rows(sample_book, nothing) is nothing
