"""page.py: what a notebook's calls leave is plain data, and a person in JupyterLab sees something good."""

import json

import numpy as np
import pandas as pd
import pytest

from fake_book import FakeBook, FakeFinding, FakeKpi, answer, steps
from salesbook import page
from salesbook.errors import WrongUsage

ALT = "Bars by step: leads 1,275, qualified 431, won 96 so far"


@pytest.fixture
def left(monkeypatch):
    """The bundles that calls leave, in order."""
    bundles = []
    monkeypatch.setattr(page, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


@pytest.fixture
def book():
    return FakeBook()


def data(bundle: dict, kind: str) -> dict:
    """The data of a bundle, having gone through JSON and back unchanged."""
    content = bundle[f"application/vnd.salesbook.{kind}+json"]
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    return content


def show_figure(book, **more):
    options = {"headline": "Qualified is the leak", "subtitle": "Leads of October", "alt": ALT} | more
    page.figure(book, "funnel", steps(), **options)


def test_a_figure_leaves_a_picture_for_a_person_and_no_drawing_for_a_page(left, book, monkeypatch):
    monkeypatch.delenv(page.MARK, raising=False)
    show_figure(book)
    assert left[0]["image/png"].startswith("iVBOR")
    assert "wide" not in data(left[0], "figure")


def test_a_figure_leaves_two_drawings_in_a_report_run_and_no_picture(left, book, monkeypatch):
    monkeypatch.setenv(page.MARK, "mark")
    show_figure(book)
    figure = data(left[0], "figure")
    assert "image/png" not in left[0]
    assert 'viewBox="0 0 720 ' in figure["wide"]
    assert 'viewBox="0 0 360 ' in figure["narrow"]


@pytest.mark.parametrize(("is_claim", "is_plain"), [(True, False), (False, True), (None, False)])
def test_a_forest_is_plain_where_its_headline_is_the_neutral_twin(left, book, monkeypatch, is_claim, is_plain):
    asked = []
    monkeypatch.setattr(
        page.charts, "png", lambda *shown, **options: asked.append(options.get("is_plain", False)) or b"1"
    )
    rows = answer(3).assign(team=["a", "b", "c"])
    page.figure(
        book,
        "forest",
        rows,
        headline="h",
        subtitle="s",
        alt="Three teams beside the share of all of them",
        is_claim=is_claim,
    )
    assert asked == [is_plain]
    assert data(left[0], "figure")["is_claim"] is is_claim


def test_a_figure_carries_its_numbers_with_their_units(left, book, monkeypatch):
    monkeypatch.setenv(page.MARK, "mark")
    show_figure(book)
    columns = {column["name"]: column["unit"] for column in data(left[0], "figure")["table"]["columns"]}
    assert columns == {
        "step": "text",
        "n": "count",
        "value": "share",
        "low": "share",
        "high": "share",
        "is_open": "flag",
    }


def test_a_figure_names_its_source_without_the_folder(left, book, monkeypatch):
    monkeypatch.setenv(page.MARK, "mark")
    show_figure(book)
    assert data(left[0], "figure")["source"] == "Source: deals.csv (8,798 rows)."


def test_a_short_alternative_text_is_refused(left, book):
    with pytest.raises(WrongUsage, match="40 characters"):
        show_figure(book, alt="A funnel")


def test_an_option_that_the_chart_lacks_is_refused(left, book):
    with pytest.raises(WrongUsage, match="colour"):
        show_figure(book, colour="red")


def test_more_than_three_findings_are_refused(left, book):
    with pytest.raises(WrongUsage, match="Found 4"):
        page.findings(book, [FakeFinding()] * 4)


def test_findings_are_escaped_for_jupyterlab(left, book, monkeypatch):
    monkeypatch.delenv(page.MARK, raising=False)
    page.findings(book, [FakeFinding("<script>alert(1)</script>")])
    assert "<script>" not in left[0]["text/html"]
    assert data(left[0], "findings")["findings"][0]["headline"] == "<script>alert(1)</script>"


def test_a_table_is_escaped_for_jupyterlab_in_head_body_and_title(left, book, monkeypatch):
    monkeypatch.delenv(page.MARK, raising=False)
    page.table(book, pd.DataFrame({"<b>": ["<i>"]}), title="<u>")
    assert not {"<b></th>", "<i>", "<u>"} & set(left[0]["text/html"].replace("><", ">|<").split("|"))
    assert "&lt;i&gt;" in left[0]["text/html"]


def test_numpy_scalars_nan_and_dates_become_plain():
    given = [np.int64(3), np.float64("nan"), np.bool_(True), pd.Timestamp("2026-10-01"), pd.NaT, float("inf"), None]
    assert page.plain(given) == [3, None, True, "2026-10-01", None, None, None]
    assert type(page.plain(np.int64(3))) is int


def test_a_share_of_fewer_than_five_is_shown_as_counts_without_interval(book):
    frame = pd.DataFrame(
        {"team": ["A"], "numerator": [3], "denominator": [4], "value": [0.75], "low": [0.3], "high": [0.9]}
    )
    content = page.table_data(frame, page.column_units(frame, "share"), book.words)
    assert [cell["text"] for cell in page.shown(content, book.words)[0]] == ["A", "3", "4", "3 of 4", "", ""]


def test_a_share_of_fewer_than_twenty_is_grey(book):
    frame = answer(1, total=19)
    content = page.table_data(frame, page.column_units(frame, "share"), book.words)
    assert [cell["is_grey"] for cell in page.shown(content, book.words)[0]] == [False, False, False, True, True, True]


def test_a_unit_for_no_column_is_refused(book):
    with pytest.raises(WrongUsage, match="valeu"):
        page.table(book, answer(2), title="T", units={"valeu": "share"})


def test_a_reason_is_told_in_words(left, book, monkeypatch):
    monkeypatch.setenv(page.MARK, "mark")
    frame = answer(2)
    frame.loc[frame.index[1], ["value", "reason"]] = [np.nan, "nothing closed"]
    page.table(FakeBook(book.run | {"language": "da"}), frame, title="T")
    content = data(left[0], "table")["table"]
    assert page.shown(content, FakeBook(book.run | {"language": "da"}).words)[1][-1]["text"] == "intet lukket"


def test_what_has_no_value_at_all_shows_its_reason_in_the_place_of_the_figure(left, book, monkeypatch):
    monkeypatch.setenv(page.MARK, "mark")
    frame = answer(1).assign(value=np.nan, reason="needs leads, activities")
    page.figure(FakeBook(book.run | {"language": "nl"}), "bars", frame, headline="", subtitle="", alt="")
    assert data(left[0], "gap")["reason"] == "Hier is geen cijfer: de export mist leads, activities."


@pytest.mark.parametrize(
    ("value", "better", "stands"),
    [(0.6, "higher", "met"), (0.4, "higher", "behind"), (0.4, "lower", "met"), (0.6, "lower", "behind"),
     (0.5, "higher", "met"), (0.5, "", ""), (None, "higher", "")],
)  # fmt: skip
def test_a_card_stands_to_its_target_in_the_direction_that_is_better(value, better, stands):
    assert page.state(value, 0.5, better) == stands


def test_a_card_holds_this_month_the_month_before_and_twelve_months(left, book):
    page.scorecard(book, [page.Card(FakeKpi(), answer(14), 0.5)])
    card = data(left[0], "scorecard")["cards"][0]
    assert (card["period"], card["before_period"], len(card["series"])) == ("2026-10-01", "2026-09-01", 12)
    assert card["value"] == card["series"][-1][1]
    assert card["before"] == card["series"][-2][1]


def test_an_empty_text_is_empty_and_a_group_without_a_name_says_so(book):
    frame = pd.DataFrame({"team": ["A", None], "remark": ["", "few deals"]})
    content = page.table_data(frame, page.column_units(frame, "share"), book.words)
    rows = [[cell["text"] for cell in row] for row in page.shown(content, book.words)]
    assert rows == [["A", ""], ["not known", "few deals"]]


def test_provenance_holds_no_machine_path(left, book):
    page.provenance(book)
    assert "/home" not in json.dumps(left[0])
    assert data(left[0], "provenance")["inputs"][0]["rows_rejected"] == 2


def test_done_hands_back_the_mark_of_the_run(left, book, monkeypatch):
    monkeypatch.setenv(page.MARK, "mark of this run")
    page.done(book)
    assert data(left[0], "done")["mark"] == "mark of this run"
