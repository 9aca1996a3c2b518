"""The other forms of a month: Excel, numbers, mail. Data is never code in any of them, and bytes are equal."""

import email
import zipfile
from datetime import timedelta
from email.policy import default

import pandas as pd
import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from salesbook.report import mail, numbers, workbook
from salesbook.report.left import Left
from salesbook.words import Words

HOSTILE = [
    '=HYPERLINK("http://x")',
    "+1",
    "@SUM(A1)",
    "<script>alert(1)</script>",
    "$x^2$",
    "a" * 40_000,
    "\u202eright",
]
RUN = {"month": "2026-10", "company": "Acme\r\nBcc: x@y", "currency": "EUR", "as_of": "2026-10-31T23:00:00Z",
       "period": {"start": "2026-10-01", "end": "2026-11-01"}}  # fmt: skip
WORDS = Words("en", "EUR")


def figure(names: list[str]) -> dict:
    columns = [("group", "text"), ("period", "month"), ("n", "count"), ("value", "share"), ("amount", "money")]
    rows = [[name, "2026-10-01", 4, 0.25, 1234.5] for name in names]
    return {
        "headline": "A headline: [with] signs?",
        "subtitle": "What is drawn",
        "source": "Source: deals.csv",
        "table": {"columns": [{"name": n, "label": n, "unit": u} for n, u in columns], "rows": rows},
    }


@pytest.fixture
def pages() -> list[Left]:
    findings = {"findings": [{"headline": "Won", "detail": "<b>15</b> deals", "is_claim": False}]}
    return [
        Left("funnel", "The funnel", [("findings", findings), ("figure", figure(HOSTILE)), ("figure", figure(["a"]))])
    ]


def test_the_workbook_holds_real_numbers_dates_and_text(pages, tmp_path):
    workbook.write(tmp_path / "month.xlsx", pages, WORDS, RUN, "draft")
    book = CalamineWorkbook.from_path(tmp_path / "month.xlsx")
    assert book.sheet_names[0] == "Summary"
    assert len(book.sheet_names) == 1 + 2
    rows = book.get_sheet_by_index(1).to_python()
    assert rows[4][0] == HOSTILE[0]
    assert [str(rows[4][1])[:10], *rows[4][2:]] == ["2026-10-01", 4, 0.25, 1234.5]


def test_a_duration_is_a_time_that_excel_adds_up(tmp_path):
    table = {"columns": [{"name": "wait", "label": "Wait", "unit": "duration"}], "rows": [[90_000]]}
    told = figure(["a"]) | {"table": table}
    workbook.write(tmp_path / "month.xlsx", [Left("funnel", "The funnel", [("figure", told)])], WORDS, RUN, "draft")
    (value,) = CalamineWorkbook.from_path(tmp_path / "month.xlsx").get_sheet_by_index(1).to_python()[4]
    assert value == timedelta(hours=25)


def test_no_text_becomes_a_formula_or_a_link_in_the_workbook(pages, tmp_path):
    workbook.write(tmp_path / "month.xlsx", pages, WORDS, RUN, "draft")
    with zipfile.ZipFile(tmp_path / "month.xlsx") as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name]
    assert sheets
    assert not any("<f>" in sheet for sheet in sheets)
    assert not any("http://x" in sheet for sheet in sheets)


def test_names_of_sheets_are_short_and_differ(tmp_path):
    many = [Left("long", "a very long title of a page that goes on and on", [("figure", figure(["a"]))] * 12)]
    workbook.write(tmp_path / "month.xlsx", many, WORDS, RUN, "draft")
    names = CalamineWorkbook.from_path(tmp_path / "month.xlsx").sheet_names
    assert len({name.casefold() for name in names}) == len(names) == 13
    assert max(map(len, names)) <= 31


def test_every_number_is_in_the_long_table(pages, tmp_path):
    numbers.write(tmp_path, pages, "2026-10")
    table = pq.read_table(tmp_path / "kpis.parquet").to_pandas()
    assert len(table) == (len(HOSTILE) + 1) * 3
    assert set(table["measure"]) == {"n", "value", "amount"}
    assert table.loc[table["measure"] == "amount", "value"].eq(1234.5).all()


def test_a_text_that_looks_like_a_formula_is_quoted_in_the_csv(pages, tmp_path):
    numbers.write(tmp_path, pages, "2026-10")
    groups = pd.read_csv(tmp_path / "kpis.csv")["group"]
    assert not groups.str.startswith(("=", "+", "-", "@")).any()
    assert groups.str.startswith("'=HYPERLINK").any()


def test_a_line_break_in_a_name_adds_no_header_to_the_mail(pages):
    message = email.message_from_bytes(mail.draft(pages, WORDS, RUN, []), policy=default)
    assert message["Bcc"] is None
    assert message["Subject"] == "Acme Bcc: x@y: sales report October 2026"


def test_the_mail_escapes_what_data_says_and_carries_its_files(pages, tmp_path):
    workbook.write(tmp_path / "month.xlsx", pages, WORDS, RUN, "draft")
    message = email.message_from_bytes(mail.draft(pages, WORDS, RUN, [tmp_path / "month.xlsx"]), policy=default)
    assert "&lt;b&gt;15" in message.get_body(("html",)).get_content()
    assert "<b>15</b> deals" in message.get_body(("plain",)).get_content()
    assert [part.get_filename() for part in message.iter_attachments()] == ["month.xlsx"]


def test_the_mail_tells_the_first_page_in_full_and_the_others_by_their_headlines(pages):
    more = {"findings": [{"headline": "Slower", "detail": "By two days", "is_claim": True}]}
    message = email.message_from_bytes(
        mail.draft([*pages, Left("pipeline", "The pipeline", [("findings", more)])], WORDS, RUN, []), policy=default
    )
    for form in ("plain", "html"):
        text = message.get_body((form,)).get_content()
        places = [text.index(part) for part in ("The funnel", "Won", "15", "The pipeline", "Slower")]
        assert places == sorted(places)
        assert "By two days" not in text


def test_every_form_is_the_same_to_the_byte_when_made_again(pages, tmp_path):
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        workbook.write(folder / "month.xlsx", pages, WORDS, RUN, "draft")
        numbers.write(folder, pages, "2026-10")
        (folder / "month.eml").write_bytes(mail.draft(pages, WORDS, RUN, [folder / "month.xlsx"]))
        made.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert made[0] == made[1]
    assert len(made[0]) == 4


def test_the_deals_behind_a_figure_have_a_sheet_with_links_that_a_browser_may_open(tmp_path):
    links = ["https://crm.example/D1", "javascript:alert(1)", "https://crm.example/" + "x" * 3000, None]
    table = figure(["D1", "D2", "D3", "D4"])["table"]
    listing = {"kind": "deals", "n": 9000, "links": links, "table": table}
    pages = [Left("funnel", "The funnel", [("figure", figure(["a"]) | {"listing": listing})])]
    workbook.write(tmp_path / "month.xlsx", pages, WORDS, RUN, "draft")
    book = CalamineWorkbook.from_path(tmp_path / "month.xlsx")
    assert len(book.sheet_names) == 1 + 2
    rows = book.get_sheet_by_index(2).to_python()
    assert rows[0][0].endswith("· 4 of 9,000 deals")
    assert [row[0] for row in rows[4:8]] == ["D1", "D2", "D3", "D4"]
    with zipfile.ZipFile(tmp_path / "month.xlsx") as file:
        targets = file.read("xl/worksheets/_rels/sheet3.xml.rels").decode()
    assert "https://crm.example/D1" in targets
    assert "javascript" not in targets
    assert "xxx" not in targets
