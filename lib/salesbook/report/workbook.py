"""The month as an Excel workbook: a summary with links, a sheet a figure and table, real numbers with formats."""

import re
from datetime import date, datetime
from pathlib import Path

import xlsxwriter

from salesbook.report.left import Left
from salesbook.report.parts import is_web_address
from salesbook.words import Words

LONGEST_NAME, LONGEST_TEXT, LONGEST_LINK, WIDEST = 31, 32_767, 2_079, 48
FORMATS = {
    "share": "0.0%",
    "points": '+0.0" pp";-0.0" pp"',
    "count": "#,##0",
    "days": "0.0",
    "hours": "0.0",
    "duration": "[h]:mm:ss",
    "ratio": "0.00",
    "score": "0.000",
    "number": "#,##0.00",
    "month": "mmm yyyy",
    "date": "d mmm yyyy",
    "day": "d mmm",
}
DATES = ("month", "date", "day")
SCALES = {"points": 100, "duration": 1 / 86_400}  # Excel tells a time of day as a part of the day
# Text is text: nothing that data says becomes a formula, a link or a number.
OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_date_format": "d mmm yyyy",
}


class Sheets:
    """A workbook being written: its formats, and names that no two sheets share."""

    def __init__(self, path: Path, words: Words, run: dict):
        self.words, self.run = words, run
        self.book = xlsxwriter.Workbook(path, OPTIONS)
        made = datetime.fromisoformat(run["as_of"].removesuffix("Z"))
        self.book.set_properties({"title": words.heading(run["month"]), "company": run["company"], "created": made})
        self.styles: dict[str, xlsxwriter.format.Format] = {}
        self.names: set[str] = set()

    def style(self, key: str, **properties):
        """A format, made once."""
        if key not in self.styles:
            self.styles[key] = self.book.add_format(properties)
        return self.styles[key]

    def number(self, unit: str):
        """The format of a unit."""
        pattern = f'#,##0.00 "{self.run["currency"]}"' if unit == "money" else FORMATS.get(unit, "General")
        return self.style(unit, num_format=pattern)

    def name(self, wanted: str) -> str:
        """A sheet's name: short, without signs that Excel refuses, and its own."""
        base = re.sub(r"[\[\]:*?/\\'\x00-\x1f]", " ", wanted).strip()[:LONGEST_NAME] or "-"
        name, count = base, 1
        while name.casefold() in self.names:
            count += 1
            name = f"{base[: LONGEST_NAME - len(str(count)) - 1]} {count}"
        self.names.add(name.casefold())
        return name

    def write(self, sheet, row: int, column: int, value, unit: str) -> None:
        """A cell with its real value: a number, a date or text."""
        if value is None:
            sheet.write_blank(row, column, None)
        elif unit in DATES and isinstance(value, str):
            sheet.write_datetime(row, column, datetime.fromisoformat(value[:10]), self.number(unit))
        elif isinstance(value, bool):
            sheet.write_string(row, column, self.words.say("flag.yes" if value else "flag.no"))
        elif isinstance(value, (int, float)):
            sheet.write_number(row, column, value * SCALES.get(unit, 1), self.number(unit))
        else:
            sheet.write_string(row, column, str(value)[:LONGEST_TEXT])


def write(path: Path, pages: list[Left], words: Words, run: dict, status: str) -> None:
    """Write the workbook of a month.

    Rule: the first sheet has the key figures and a link to every other; each figure and table has a sheet of its own
    with the numbers behind it, and one with the deals or leads that it counts.
    Parameters: `path`, the file; `pages`, what the notebooks left; `run`, what run.json says; `status`, draft or final.
    """
    sheets = Sheets(path, words, run)
    summary = sheets.book.add_worksheet(sheets.name(words.say("workbook.summary")))
    links = []
    for page in pages:
        for title, data in page.tables:
            told = (
                words.say(f"listing.{data['kind']}_sheet", n=data["n"], kept=len(data["links"]))
                if "links" in data
                else ""
            )
            title = f"{title} · {told}" if told else title
            links.append((page.title, title, table_sheet(sheets, page, title, data)))
    summary_sheet(sheets, summary, pages, links, status)
    sheets.book.close()


def table_sheet(sheets: Sheets, page: Left, title: str, data: dict) -> str:
    """A sheet with the numbers of a figure or table; gives its name."""
    number = str(len(sheets.names))
    name = sheets.name(f"{page.title[: LONGEST_NAME - len(number) - 1].strip()} {number}")
    sheet = sheets.book.add_worksheet(name)
    sheet.write_string(0, 0, title, sheets.style("title", bold=True, font_size=14))
    sheet.write_string(
        1, 0, data.get("subtitle") or data.get("note") or "", sheets.style("muted", font_color="#5A6472")
    )
    columns, rows = data["table"]["columns"], data["table"]["rows"]
    for place, column in enumerate(columns):
        sheet.write_string(3, place, column["label"], sheets.style("head", bold=True, bottom=1, text_wrap=True))
        texts = [str(row[place]) for row in rows if isinstance(row[place], str)]
        sheet.set_column(place, place, min(max([len(column["label"]), *map(len, texts), 11]) + 2, WIDEST))
    for down, row in enumerate(rows):
        for place, column in enumerate(columns):
            sheets.write(sheet, 4 + down, place, row[place], column["unit"])
    write_links(sheets, sheet, data)
    sheet.freeze_panes(4, 0)
    sheet.write_string(5 + len(rows), 0, data.get("source", ""), sheets.style("muted"))
    back = sheets.book.worksheets()[0].get_name()
    sheet.write_url(2, 0, f"internal:'{back}'!A1", sheets.style("link", font_color="#0A5CAD", underline=1), f"← {back}")
    return name


def write_links(sheets: Sheets, sheet, data: dict) -> None:
    """The way back into the CRM, on the name of each deal or lead that has one; a longer address Excel refuses."""
    link = sheets.style("link", font_color="#0A5CAD", underline=1)
    for down, (row, address) in enumerate(zip(data["table"]["rows"], data.get("links", []), strict=False)):
        if is_web_address(address) and len(address) <= LONGEST_LINK:
            sheet.write_url(4 + down, 0, address, link, str(row[0])[:LONGEST_TEXT])


def summary_sheet(sheets: Sheets, sheet, pages: list[Left], links: list[tuple[str, str, str]], status: str) -> None:
    """The key figures, and where everything is."""
    words, run = sheets.words, sheets.run
    sheet.write_string(0, 0, f"{run['company']} · {words.heading(run['month'])} · {words.say(f'page.{status}')}",
                       sheets.style("title", bold=True, font_size=14))  # fmt: skip
    sheet.write_string(1, 0, words.say("page.as_of", day=date.fromisoformat(run["period"]["end"])),
                       sheets.style("muted", font_color="#5A6472"))  # fmt: skip
    heads = ("figure", "value", "before", "target", "low", "high", "n")
    for place, head in enumerate(heads):
        sheet.write_string(3, place, words.say(f"workbook.{head}"), sheets.style("head", bold=True, bottom=1))
    row = 4
    for card in [card for page in pages for part in page.of("scorecard") for card in part["cards"]]:
        sheet.write_string(row, 0, card["label"])
        for place, key in enumerate(("value", "before", "target", "low", "high"), 1):
            sheets.write(sheet, row, place, card[key], card["unit"])
        sheets.write(sheet, row, 6, card["denominator"] if card["n"] is None else card["n"], "count")
        row += 1
    link = sheets.style("link", font_color="#0A5CAD", underline=1)
    for place, (page, title, name) in enumerate(links, row + 1):
        sheet.write_string(place, 0, page)
        sheet.write_url(place, 1, f"internal:'{name}'!A1", link, title[:LONGEST_TEXT] or name)
    sheet.set_column(0, 0, WIDEST)
    sheet.set_column(1, 6, 16)
    sheet.freeze_panes(4, 0)
