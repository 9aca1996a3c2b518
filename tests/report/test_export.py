"""export.py and parts.py: a page is self-contained, says everything in words, and data in it is never code."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise

import nbformat
import numpy as np
import pandas as pd
import pytest

from fake_book import RUN, FakeBook, FakeFinding, FakeKpi, answer, notebook, steps
from salesbook import page
from salesbook.errors import PageFailed
from salesbook.listing import Listing
from salesbook.report.export import Link, Navigation, css_text, page_html, prose
from salesbook.report.parts import LONGEST, MOST_LISTED, card, drawing, is_stacked
from salesbook.words import Words, of_run

EVIL = """<script>alert(1)</script><img src=x onerror=alert(1)>"'--></style> $x$ {{ 7 * 7 }} \u202e"""


class Parsed(HTMLParser):
    """A page as a parser sees it: tags with their attributes, and all text."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.texts, self.skipping = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.skipping = tag if tag in ("style", "script") else ""

    def handle_endtag(self, tag):
        self.skipping = ""

    def handle_data(self, data):
        if not self.skipping:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def having(self, tag: str, **attributes) -> list[dict]:
        return [found for name, found in self.tags if name == tag and attributes.items() <= found.items()]


@pytest.fixture
def shown(monkeypatch):
    """Makes a page of what some calls on a book leave, one call a cell."""
    monkeypatch.setenv(page.MARK, "mark")

    def make(
        *calls, language: str = "en", run: dict = RUN, prose: str = "", title: str = "# Funnel\n\nWho decides.", **more
    ):
        book = FakeBook(run | {"language": language})
        made = notebook(title=title)
        for call in calls:
            bundles = []
            monkeypatch.setattr(page, "display", lambda bundle, raw, kept=bundles: kept.append(bundle))
            call(book)
            outputs = [nbformat.v4.new_output("display_data", data=bundle) for bundle in bundles]
            made.cells.append(nbformat.v4.new_code_cell("secret_code()", outputs=outputs))
        if prose:
            made.cells.append(nbformat.v4.new_markdown_cell(prose))
        return page_html(made, book.words, book.run, name="funnel", **more)

    return make


def figure(book, **more):
    options = {"headline": "Qualified is the leak", "subtitle": "Leads of October"} | more
    page.figure(book, "funnel", steps(), alt="Bars by step: leads 1,275, qualified 431, won 96", **options)


def one_of_each(book_words: str = ""):
    """Calls that show one of everything, with a text in every place that takes one."""
    text = book_words or "Text"
    kpi = FakeKpi(meaning=text)
    rows = answer(3).assign(team=text)[["team", "period", "numerator", "denominator", "value", "low", "high", "reason"]]
    return [
        lambda book: page.findings(book, [FakeFinding(text, text)]),
        lambda book: page.scorecard(book, [page.Card(kpi, answer(), 0.5)]),
        lambda book: figure(book, headline=text, subtitle=text, note=text),
        lambda book: page.table(book, rows.assign(reason=text), title=text, note=text),
        lambda book: page.glossary(book, [kpi]),
        page.provenance,
        page.done,
    ]


def test_the_policy_comes_first_and_allows_nothing_from_outside(shown):
    parsed = Parsed(shown(*one_of_each()))
    inside = [tag for tag in parsed.tags if tag[0] not in ("html", "head")]
    assert inside[0][1]["http-equiv"] == "Content-Security-Policy"
    allowed = ["default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", "font-src data:", "base-uri 'none'"]
    assert inside[0][1]["content"].split("; ") == [*allowed, "form-action 'none'"]


def test_hostile_text_in_every_place_stays_text(shown):
    run = RUN | {"company": EVIL, "zone": "Europe/Amsterdam", "inputs": [RUN["inputs"][0] | {"file": EVIL}]}
    parsed = Parsed(shown(*one_of_each(EVIL), run=run, prose=f"## {EVIL}\n\n{EVIL}", title=f"# {EVIL}"))
    assert parsed.having("script") == []
    assert parsed.having("img") == []
    assert [name for _, attrs in parsed.tags for name in attrs if name.startswith("on")] == []
    assert parsed.text.count("<script>alert(1)</script>") >= 12
    assert "49" not in re.sub(r"\d*\.\d+|rows|\d{3,}", "", parsed.text).split()


def test_nothing_is_fetched_from_anywhere(shown):
    html = shown(*one_of_each(), prose="![a picture](http://example.org/x.png) [go](javascript:alert(1))")
    parsed = Parsed(html)
    fetched = [attrs[name] for _, attrs in parsed.tags for name in ("src", "srcset", "data", "poster") if name in attrs]
    assert fetched == []
    assert parsed.having("link") == []
    assert "@import" not in html
    assert re.findall(r"url\((?!data:|#)", html) == []
    assert "javascript:" not in " ".join(attrs.get("href") or "" for _, attrs in parsed.tags)


@pytest.mark.parametrize(("language", "tag"), [("en", "en-GB"), ("nl", "nl-NL"), ("da", "da-DK")])
def test_the_page_names_its_language(shown, language, tag):
    assert Parsed(shown(page.provenance, language=language)).having("html") == [{"lang": tag}]


def test_findings_and_scorecard_come_first_and_provenance_last_wherever_they_were_made(shown):
    calls = [page.provenance, figure, lambda book: page.findings(book, [FakeFinding("Short")])]
    html = shown(*calls)
    assert html.index("Short") < html.index("Qualified is the leak") < html.index("Rows read")


def test_code_is_absent_unless_asked_for(shown):
    assert "secret_code" not in shown(figure)
    folded = shown(figure, with_code=True)
    assert "secret_code" in folded
    assert "Show the code" in folded


def test_a_figure_has_headline_subtitle_two_described_drawings_source_and_numbers(shown):
    html = shown(figure)
    drawings = Parsed(html).having("svg", role="img")
    assert [found["viewbox"].split()[2] for found in drawings] == ["720", "360"]
    assert all(len(found["aria-label"]) >= 40 for found in drawings)
    for text in (
        "Qualified is the leak",
        "Leads of October",
        "Source: deals.csv",
        "95%\u00a0intervals",
        "Show the numbers",
    ):
        assert text in html


def test_a_figure_without_intervals_speaks_of_none(shown):
    counts = pd.DataFrame(
        {"channel": ["Email", "Event"], "n": [3, 4], "value": [3.0, 4.0], "low": np.nan, "high": np.nan}
    )
    told = {"headline": "Two channels", "subtitle": "Leads", "alt": "Bars by channel: email 3 leads, event 4 leads"}
    assert "intervals" not in shown(lambda book: page.figure(book, "bars", counts, unit="count", **told))


def test_a_short_text_stays_on_one_line_and_many_columns_stand_closer(shown):
    wide = pd.DataFrame({f"column_{k}": ["Analyser"] for k in range(8)})
    html = shown(lambda book: page.table(book, wide, title="Wide"))
    assert html.count('class="short"') == 8
    assert '<table class="stacked dense">' in html


def test_every_table_has_a_caption_scopes_and_a_region_that_takes_the_focus(shown):
    parsed = Parsed(shown(*one_of_each()))
    tables = len(parsed.having("table"))
    assert tables == len(parsed.having("caption")) == len(parsed.having("section", tabindex="0")) == 3
    assert all("scope" in attrs for attrs in parsed.having("th"))


def test_every_region_has_a_name_that_no_other_has(shown):
    twice = [lambda book: figure(book, headline="The same"), lambda book: figure(book, headline="The same")]
    names = [attrs["aria-label"] for attrs in Parsed(shown(*twice, with_code=True)).having("section", tabindex="0")]
    assert len(names) == 5
    assert len(set(names)) == 5


def test_every_id_is_there_once_and_every_inner_link_finds_its_goal(shown):
    parsed = Parsed(shown(*one_of_each(), prose="## One\n\ntext"))
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"][1:] for attrs in parsed.having("a") if attrs["href"].startswith("#")]
    assert len(links) > 5
    assert set(links) <= set(ids)


def test_headings_go_down_one_level_at_a_time(shown):
    levels = [
        int(tag[1])
        for tag, _ in Parsed(shown(*one_of_each(), prose="## One\n\n### Two")).tags
        if re.fullmatch("h[1-6]", tag)
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_rejected_rows_are_told_at_the_head_of_the_page(shown):
    assert "2 rows of the input could not be read" in Parsed(shown(figure)).text
    clean = RUN | {"inputs": [RUN["inputs"][0] | {"rows_rejected": 0}]}
    assert "could not be read" not in Parsed(shown(figure, run=clean)).text


def test_provenance_tells_the_last_day_and_the_instant_in_the_zone(shown):
    text = Parsed(shown(page.provenance)).text
    assert "1 October 2026 to 31 October 2026" in text
    assert "1 November 2026, 00:00" in text
    assert "/home" not in text


def test_a_failed_page_says_what_failed_and_where_and_shows_no_content(shown):
    html = shown(figure, page.provenance, failure=[("Notebook", "funnel"), ("Cell", "4")])
    parsed = Parsed(html)
    assert "This page could not be made" in parsed.text
    assert "Qualified is the leak" not in parsed.text


def test_a_page_links_to_the_others_and_marks_itself(shown):
    links = Navigation((Link("a.html", "A"), Link("funnel.html", "Funnel", True)), (Link("../index.html", "All"),))
    parsed = Parsed(shown(figure, navigation=links))
    marked = parsed.having("a", **{"aria-current": "page"})  # once beside the title, once folded for phones
    assert marked == 2 * [{"href": "funnel.html", "aria-current": "page"}]
    assert parsed.having("a", href="../index.html")


def test_prose_is_translated_by_its_cell_and_english_where_the_translation_is_stale(monkeypatch):
    from salesbook import words

    known = {"notebook.funnel.title.of": words.hash_of("# Funnel\n"), "notebook.funnel.title.text": "# Trechter"}
    assert Words("nl", "EUR").prose("funnel", "title", "# Funnel\n") == "# Funnel\n"
    monkeypatch.setattr(words, "catalogue", lambda language: known)
    assert Words("nl", "EUR").prose("funnel", "title", "# Funnel\n") == "# Trechter"
    assert Words("nl", "EUR").prose("funnel", "title", "# Changed\n") == "# Changed\n"


def test_the_same_notebook_gives_the_same_bytes_whatever_papermill_added(shown):
    assert shown(*one_of_each()) == shown(*one_of_each())


def test_markdown_keeps_its_emphasis_and_shows_tags_as_text():
    assert prose("Some *prose* with <b>tags</b>.") == "<p>Some <em>prose</em> with &lt;b&gt;tags&lt;/b&gt;.</p>"


def test_a_text_for_css_cannot_end_its_string():
    assert css_text('Q3 "x"; } <') == "Q3 \\22 x\\22 \\3b  \\7d  \\3c "


@pytest.mark.parametrize(
    "inside", ["<script>x</script>", '<g onclick="x"></g>', '<use href="http://x"></use>', "<image/>"]
)
def test_a_drawing_that_holds_more_than_shapes_and_text_is_refused(inside):
    with pytest.raises(PageFailed, match="no chart draws"):
        drawing(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>', "label")


def test_a_drawing_is_one_to_a_browser_in_a_process_that_has_drawn_nothing():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><g /></svg>'
    told = f"from salesbook.report.parts import drawing; print(drawing({svg!r}, 'label'))"
    shown = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.strip()
    assert shown == '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="label"><g /></svg>'


# Cards


def card_of(trend, unit: str = "share", target=None, language: str = "en") -> dict:
    words = of_run(RUN | {"language": language})
    return card(page.card_data(page.Card(FakeKpi(unit=unit), trend, target), words), words)


def test_a_card_tells_value_change_range_target_and_state_in_words():
    told = card_of(answer(13, total=200), target=0.5)
    expected = {"value": "42.0%", "arrow": "▲", "change": "+1.0\u00a0pp", "before": "on Sept", "state": "behind target"}
    assert {key: told[key] for key in expected} == expected
    assert told["target"] == "50.0%"
    assert told["range"] == "31.0% to 42.0%, 12 months"
    assert "84 of 200" in told["basis"]


def test_a_card_of_very_few_gives_counts_and_neither_change_nor_state():
    told = card_of(answer(13, total=4), target=0.5)
    assert (told["value"], told["change"], told["arrow"], told["state"]) == ("1 of 4", "", "", "")
    assert told["is_grey"]


def test_a_card_without_a_value_says_why():
    trend = answer(3).assign(reason=[None, None, "nothing closed"])
    trend.loc[2, ["value", "low", "high"]] = None
    told = card_of(trend)
    assert (told["value"], told["before"]) == ("–", "nothing closed")


def test_a_card_without_any_month_shows_no_line_and_no_range():
    told = card_of(answer(3).assign(value=None, low=None, high=None, reason="nothing closed"))
    assert (told["spark"], told["range"], told["basis"]) == ("", "", "")


def test_a_ratio_is_told_as_a_division_and_a_share_as_so_many_of_so_many():
    trend = answer(2).assign(numerator=300, denominator=120, value=2.5, low=2.0, high=3.0)
    assert "300 ÷ 120." in card_of(trend, unit="ratio")["basis"]
    assert "of 120" in card_of(answer(2))["basis"]


def test_a_share_of_amounts_and_money_per_case_say_how_many_cases_they_rest_on():
    retained = answer(2).assign(numerator=26_461.0, denominator=32_519.0, n=7)
    told = card_of(retained)
    assert told["basis"].startswith("n\u00a0=\u00a07.")
    assert (told["value"], told["is_grey"]) == (card_of(answer(2))["value"], True)
    spent = answer(2).assign(numerator=9_000.0, denominator=12, value=750.0, low=500.0, high=1_100.0)
    assert card_of(spent, unit="money")["basis"].startswith("n\u00a0=\u00a012.")


def test_a_card_of_money_changes_in_per_cent():
    trend = answer(2).drop(columns=["numerator", "denominator", "low", "high"]).assign(value=[1_000_000, 880_000], n=9)
    told = card_of(trend, unit="money", language="da")
    assert (told["value"], told["change"], told["arrow"]) == ("880.000\u00a0€", "−12\u00a0%", "▼")


def test_a_card_that_did_not_change_says_so():
    trend = answer(2).assign(value=[0.5, 0.5])
    assert card_of(trend)["change"] == "unchanged"


def test_a_card_after_a_month_of_nothing_gives_no_relative_change():
    trend = answer(2).drop(columns=["numerator", "denominator"]).assign(value=[0, 5], n=5)
    assert card_of(trend, unit="count")["change"] == ""


def listed(links: list, n: int) -> Listing:
    rows = pd.DataFrame({"record": [f"D{spot}" for spot in range(len(links))], "amount": 13.0, "record_url": links})
    return Listing("deals", n, rows)


def test_the_deals_behind_a_figure_are_folded_below_it_with_their_way_back(shown):
    links = ["https://crm.example/D0?a=1&b=2", None, "javascript:alert(1)", 'https://x"onclick="y']
    html = shown(lambda book: figure(book, rows=listed(links, 4)))
    parsed = Parsed(html)
    assert "Show the 4 deals" in parsed.text
    assert "€13" in parsed.text
    assert [found["href"] for found in parsed.having("a", rel="noreferrer")] == [links[0]]
    assert "javascript:" not in html


def test_a_page_shows_so_many_deals_and_says_where_the_others_are(shown):
    parsed = Parsed(shown(lambda book: page.table(book, steps(), title="T", rows=listed([None] * 60, 9000))))
    assert len([text for text in parsed.texts if re.fullmatch(r"D\d+", text)]) == MOST_LISTED
    assert f"The first {MOST_LISTED}; the workbook has 60." in parsed.text


def test_a_list_cuts_a_text_longer_than_a_line(shown):
    rows = pd.DataFrame({"record": ["D0"], "organisation": ["word " * 40], "record_url": [None]})
    parsed = Parsed(shown(lambda book: page.table(book, steps(), title="T", rows=Listing("deals", 1, rows))))
    (cut,) = [text for text in parsed.texts if text.startswith("word")]
    assert len(cut) == LONGEST
    assert cut.endswith("…")


def test_a_figure_without_deals_behind_it_offers_none(shown):
    parsed = Parsed(shown(lambda book: figure(book, rows=Listing("deals", 0, pd.DataFrame()))))
    assert len(parsed.having("details", **{"class": "numbers"})) == 1


def test_a_process_that_draws_nothing_itself_writes_drawings_that_a_browser_draws():
    code = """from salesbook.report.parts import drawing
print(drawing('<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>', "A drawing"))"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert made.startswith("<svg ")


@pytest.mark.parametrize(
    ("across", "down", "text", "is_so"),
    [
        (2, 3, "1,234", False),
        (8, 3, "1,234", True),
        (8, 30, "1,234", False),
        (3, 30, "a remark of several words", True),
    ],
)
def test_a_phone_shows_a_short_table_or_one_of_sentences_row_under_row_where_it_is_too_wide(across, down, text, is_so):
    columns = [{"label": "Column", "is_number": text[0].isdigit()} for _ in range(across)]
    assert is_stacked(columns, [[{"text": text}] * across] * down) == is_so
