"""Text becomes a value by its declared form or its row is rejected: nothing is guessed."""

from datetime import date, datetime

import pytest

from salesbook.errors import BadData

HEADER = "deal_id,pipeline,stage,status,currency"


def column_of(read, rows, quarantined, name: str, texts: list[str], stored: str = "", **settings) -> list:
    """What became of texts in a column of deals, in order: the loaded value, or the rule that rejected the row."""
    lines = [f'D{at:04},Sales,Demo,open,EUR,"{text}"' for at, text in enumerate(texts)]
    imported = read({"deals.csv": "\n".join([f"{HEADER},{name}", *lines]) + "\n"}, **settings)
    loaded = dict(rows(imported, "deals", f"deal_id, {stored or name}"))
    rejected = {original[:5]: rule for _, rule, original in quarantined(imported)}
    assert len(loaded) + len(rejected) == len(texts)
    return [rejected[f"D{at:04}"] if f"D{at:04}" in rejected else loaded[f"D{at:04}"] for at in range(len(texts))]


@pytest.fixture
def become(read, rows, quarantined):
    """What becomes of texts in a column."""

    def ask(name, texts, stored="", **settings):
        return column_of(read, rows, quarantined, name, texts, stored, **settings)

    return ask


NO = "amount_unreadable"
AMOUNTS = {
    (".", ""): {
        "100": 10_000, "100.5": 10_050, "100.50": 10_050, "-3.10": -310, "0": 0, "": None, " 7 ": 700,
        "9999999999999999.99": 999_999_999_999_999_999, "12345678901234567": NO,
        "1.234": NO, "1,234": NO, "1,5": NO, "1E5": NO, "NaN": NO, "inf": NO, "€ 5": NO, "5 EUR": NO, "5%": NO,
        "(5)": NO, "+5": NO, "5-": NO, "1 000": NO, "1_000": NO, ".5": NO, "5.": NO, "0x10": NO, "--5": NO,
        "１２": NO, "-": NO, "N/A": NO, "null": NO, "None": NO, "TRUE": NO,
    },
    (",", "."): {
        "1.234": 123_400, "1.234,5": 123_450, "1.234.567,89": 123_456_789, "1234,50": 123_450, "12,3": 1_230,
        "1.23": NO, "1.2345": NO, "12.34,5": NO, "1,234": NO, "1,234.50": NO, "1..234": NO, ".234": NO,
        "0.123": NO, "-0.500": NO, "012.345": NO,
    },
    (",", ""): {"1,5": 150, "1.5": NO, "1.234": NO, "1.234,50": NO},
    (".", ","): {"1,234": 123_400, "1,234.50": 123_450, "1,23": NO, "1234": 123_400, "1,2345": NO},
    (",", " "): {"1 234,50": 123_450, "1\u00a0234,50": 123_450, "1\u202f234": 123_400, "1\u2009234": 123_400,
               "12 34": NO},
    (".", "'"): {"1'234.50": 123_450, "1’234.50": 123_450, "1'23": NO, "1`234": NO},
}  # fmt: skip


@pytest.mark.parametrize("signs", AMOUNTS, ids=str)
def test_amounts_have_the_declared_signs_or_are_rejected(become, signs):
    cases = AMOUNTS[signs]
    found = become("amount", list(cases), "amount_minor", decimal=signs[0], thousands=signs[1])
    assert dict(zip(cases, found, strict=True)) == cases


OTHERS = {
    "discount": {"0": 0, "0.25": 0.25, "1": 1, "1.000": 1, "1.01": "discount_out_of_range",
                 "-0.1": "discount_out_of_range", "25": "discount_out_of_range",
                 "25%": "discount_unreadable"},
    "is_test": {"true": True, "FALSE": False, "1": True, "0": False, "Yes": True, "no": False, "Ja": True, "nee": False,
                "NEJ": False, "WAHR": True, "Falsch": False, "": None, "Y": True, "n": False, "t": True, "F": False,
                "maybe": "is_test_unreadable",
                "2": "is_test_unreadable"},
    "type": {"new": "new", "Renewal": "renewal", " EXISTING ": "existing", "": None, "other": "type_not_a_word"},
    "product": {" Pipe ": "Pipe", "": None, "NULL": "NULL", "=1+1": "=1+1", "#N/A": "product_spoiled", "#1": "#1",
                "#GETAL!": "product_spoiled", "#BEZUG!": "product_spoiled", "#REFERENCE!": "product_spoiled",
                "#####": "product_spoiled", "##": "##", "#WIN!": "#WIN!"},
    "account_id": {"007": "007", " 7": " 7", "1E5": "1E5", "1.23E+12": "account_id_spoiled",
                   "1,2E+05": "account_id_spoiled",
                   "#REF!": "account_id_spoiled", '=""007""': "007", "=1+1": "=1+1", '=""""': None,
                   "a\u200bb": "account_id_invisible", "\ufeffa": "account_id_invisible",
                   "a\u2060b": "account_id_invisible", "a\u202ab": "account_id_invisible",
                   "a\tb": "account_id_invisible", "Ærø": "Ærø", "a\nb": "account_id_invisible", "": None},
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_columns_have_their_form_or_are_rejected(become, name):
    cases = OTHERS[name]
    assert dict(zip(cases, become(name, list(cases)), strict=True)) == cases


def test_a_needed_id_of_spaces_alone_is_empty(read, quarantined, deals_of):
    imported = read({"deals.csv": deals_of('"  ",Sales,Demo,open,,EUR,,,,', good=1)})
    assert [rule for _, rule, _ in quarantined(imported)] == ["deal_id_empty"]


UNREADABLE, UNCLEAR, NO_ZONE = "created_at_unreadable", "created_at_hour_unclear", "created_at_zone_unknown"
NEVER = dict.fromkeys(
    ("11-02-24", "24:00:00", "2026-01-01 24:00:00", "2026-13-01", "2026-02-30", "31-31-2026", "20260105", "1767600000",
     "2026-01-05 10:61", "2026-01-05 10:00:60", "2026-1", "Jan 5, 2026", "5 januari 2026", "0001-01-01", "1899-12-30",
     "9999-12-31", "2026-01-05T10:00:00+15:00", "2026-01-05T10:00:00 Europe/Amsterdam", "46027", "46027.5", "now",
     "today", "infinity", "2026-01-05 10", "2026-01-05T", "T10:00:00", "2026-01-05 13:00 PM", "5/2026", "12026-01-05"),
    UNREADABLE,
)  # fmt: skip
INSTANTS = {
    "ymd": NEVER | {
        "2026-01-05T10:00:00Z": datetime(2026, 1, 5, 10),
        "2026-01-05T10:00:00.987Z": datetime(2026, 1, 5, 10),
        "2026-01-05T10:00:00+02:00": datetime(2026, 1, 5, 8),
        "2026-01-05 10:00:00-0530": datetime(2026, 1, 5, 15, 30),
        "2026-01-05T10:00:00+01": datetime(2026, 1, 5, 9),
        "2026-10-25T02:30:00+02:00": datetime(2026, 10, 25, 0, 30),
        "2026-01-05 10:00:00": datetime(2026, 1, 5, 9),
        "2026-07-05 10:00": datetime(2026, 7, 5, 8),
        "2026/1/5 9:05": datetime(2026, 1, 5, 8, 5),
        "2026.01.05": datetime(2026, 1, 4, 23),
        "2026-01-05": datetime(2026, 1, 4, 23),
        "2026-07-05": datetime(2026, 7, 4, 22),
        "2026-03-29 02:30:00": UNCLEAR,
        "2026-10-25 02:30:00": UNCLEAR,
        "2026-10-25 03:00:00": datetime(2026, 10, 25, 2),
        "2026-10-25": datetime(2026, 10, 24, 22),
        "2026-01-05 10:00:00 UTC": datetime(2026, 1, 5, 10), "2026-07-05 10:00:00.123456 GMT": datetime(2026, 7, 5, 10),
        "2026-01-05 10:00:00 +0200": datetime(2026, 1, 5, 8), "2026-07-05 10:00:00 -05": datetime(2026, 7, 5, 15),
        "2026-07-05 10:00:00 CEST": UNREADABLE, "2026-01-05 UTC": UNREADABLE, "2026-01-05T 10:00:00Z": UNREADABLE,
        "2026-01-05 14.30": datetime(2026, 1, 5, 13, 30),
        "04/01/2024": UNREADABLE, "1/5/2026": UNREADABLE, "13-01-2026": UNREADABLE, "2026-01/05": UNREADABLE, "": None,
    },
    "dmy": NEVER | {
        "04/01/2024": datetime(2024, 1, 3, 23), "4-1-2024": datetime(2024, 1, 3, 23),
        "04.01.2024": datetime(2024, 1, 3, 23),
        "31-12-2026 9:05": datetime(2026, 12, 31, 8, 5), "31-12-2026 09:05:59": datetime(2026, 12, 31, 8, 5, 59),
        "04/13/2024": UNREADABLE, "2026-01-05": UNREADABLE, "4-1/2024": UNREADABLE,
        "31.12.2026 14.30": datetime(2026, 12, 31, 13, 30), "31.12.2026 9.05.59": datetime(2026, 12, 31, 8, 5, 59),
        "31-12-2026 14.30.59": datetime(2026, 12, 31, 13, 30, 59), "1.2.2026 kl. 9.05": datetime(2026, 2, 1, 8, 5),
        "31-12-2026 kl 14:30": datetime(2026, 12, 31, 13, 30), "1-2-2026 om 9:05 uur": datetime(2026, 2, 1, 8, 5),
        "31.12.2026, 14:30:59": datetime(2026, 12, 31, 13, 30, 59), "1.2.2026 9:05 Uhr": datetime(2026, 2, 1, 8, 5),
        "31.12.2026 00.00": datetime(2026, 12, 30, 23), "25.10.2026 02.30": UNCLEAR, "29.03.2026 kl. 02.30": UNCLEAR,
        "31.12.2026 24.00": UNREADABLE, "31.12.2026 14.60": UNREADABLE, "31.12.2026 14.3": UNREADABLE,
        "31.12.2026 14.30:59": UNREADABLE, "31.12.2026 14": UNREADABLE, "31.12.2026 kl.": UNREADABLE,
        "31.12.2026T14.30": UNREADABLE, "31.12.2026  14.30": UNREADABLE, "31.12.2026, 2.30 PM": UNREADABLE,
    },
    "mdy": NEVER | {
        "04/01/2024": datetime(2024, 3, 31, 22), "12/31/2026 3:45 PM": datetime(2026, 12, 31, 14, 45),
        "12/31/2026 12:00 AM": datetime(2026, 12, 30, 23), "12/31/2026, 3:45:10 AM": datetime(2026, 12, 31, 2, 45, 10),
        "12/31/2026 15:45": datetime(2026, 12, 31, 14, 45),
        "12/31/2026 3:45:10 AM": datetime(2026, 12, 31, 2, 45, 10), "12/31/2026 0:45 AM": UNREADABLE,
        "12/31/2026 3:45 pm": datetime(2026, 12, 31, 14, 45),
        "12/31/2026 12:45:59 am": datetime(2026, 12, 30, 23, 45, 59),
        "12/31/2026, 3:45:10\u202fPM": datetime(2026, 12, 31, 14, 45, 10), "12/31/2026 3:45 P": UNREADABLE,
        "12/31/2026 3:45 p.m.": datetime(2026, 12, 31, 14, 45),
        "12/31/2026 3:45:10PM": datetime(2026, 12, 31, 14, 45, 10),
        "12/31/2026 3:45  pm": UNREADABLE, "12/31/2026 15:45 pm": UNREADABLE, "12/31/2026 3:45 p.m": UNREADABLE,
        "13/01/2024": UNREADABLE, "2026-01-05": UNREADABLE,
    },
}  # fmt: skip


@pytest.mark.parametrize("order", INSTANTS)
def test_instants_have_the_declared_form_and_one_meaning_or_are_rejected(become, order):
    cases = INSTANTS[order]
    found = become("created_at", list(cases), date_form=order, zone="Europe/Amsterdam")
    assert dict(zip(cases, found, strict=True)) == cases


def test_a_time_without_a_zone_is_rejected_where_none_is_declared(become):
    cases = {"2026-01-05 10:00:00": NO_ZONE, "2026-01-05 10:00:00Z": datetime(2026, 1, 5, 10)}
    cases["2026-01-05"] = datetime(2026, 1, 4, 23)
    assert dict(zip(cases, become("created_at", list(cases)), strict=True)) == cases


def test_a_date_alone_is_flagged_and_stays_that_day_in_the_report(become):
    texts = ["2026-01-05", "2026-01-05T00:00:00Z", ""]
    assert become("created_at", texts, "created_at_is_date") == [True, False, False]
    assert become("created_at", texts[:1], zone="Asia/Tokyo") == [datetime(2026, 1, 4, 23)]


def test_a_column_of_dates_in_another_form_throughout_is_read(become):
    found = become("created_at", ["2026-01-05", "2026-12-31T10:00:00Z"], date_form="dmy")
    assert found == [datetime(2026, 1, 4, 23), datetime(2026, 12, 31, 10)]


def test_dates_are_days_and_of_an_instant_the_local_day(become):
    cases = {
        "2026-01-05": date(2026, 1, 5), "2026-01-05 23:30:00": date(2026, 1, 5), "": None,
        "2026-01-05T23:30:00Z": date(2026, 1, 6), "2026-02-30": "expected_close_unreadable",
    }  # fmt: skip
    assert dict(zip(cases, become("expected_close", list(cases)), strict=True)) == cases


def test_a_currency_is_one_that_there_is(read, rows, quarantined):
    codes = ["EUR", "DKK", "ZZZ", "XXX", "eur", "€"]
    lines = [f"D{n},Sales,Demo,open,{code}" for n, code in enumerate(codes)]
    imported = read({"deals.csv": "\n".join([HEADER, *lines])})
    assert rows(imported, "deals", "currency") == [("EUR",), ("DKK",)]
    assert [(line, rule) for line, rule, _ in quarantined(imported)] == [
        (line, "currency_unreadable") for line in (4, 5, 6, 7)
    ]


def test_only_declared_texts_are_null(become):
    found = become("amount", ["-", "n/a", "", "0"], "amount_minor", nulls=("-", "n/a"))
    assert found == [None, None, None, 0]


def test_a_word_means_the_same_with_its_accents_as_signs_of_their_own(become):
    words = {"deals": {"type": {"Re\u0301serve": "new", "\u00e5bent": "existing", "*": "renewal"}}}
    written = ["R\u00e9serve", "Re\u0301serve", "a\u030abent", "\u00e5bent", "abent"]
    assert become("type", written, words=words) == ["new", "new", "existing", "existing", "renewal"]


def test_words_are_translated_and_others_rejected(become):
    words = {"deals": {"type": {"Nieuw": "new", "-": "", "ja": "existing"}}}
    assert become("type", ["Nieuw", "-", "ja", "Renewal", "nieuws"], words=words) == [
        "new", None, "existing", "renewal", "type_not_a_word",
    ]  # fmt: skip


def test_a_map_to_a_word_that_does_not_exist_is_refused(read, deals_of):
    with pytest.raises(BadData, match=r"words\.deals\.status.*'Won' = 'wonn'.*'won'"):
        read({"deals.csv": deals_of(good=1)}, words={"deals": {"status": {"Won": "wonn"}}})


def test_hostile_text_is_only_text(become):
    texts = ["'; drop table cast_deals_0; --", "{{7*7}}", "<script>alert(1)</script>", "\\'", "${HOME}", "'' or 1=1"]
    assert become("product", texts) == texts
    assert become("product", texts[:1], words={"deals": {"product": {texts[0]: "o'k"}}}) == ["o'k"]


def test_a_number_that_may_be_a_thousand_is_not_guessed(read, rows, quarantined):
    accounts = "account_id,name,revenue\nA1,a,1.234\nA2,b,1.25\nA3,c,0.125\nA4,d,1234.5678\n"
    deals = f"{HEADER}\nD1,Sales,Demo,open,EUR\n"
    imported = read({"deals.csv": deals, "accounts.csv": accounts})
    assert [rule for _, rule, _ in quarantined(imported, "accounts")] == ["revenue_unreadable"]
    assert len(rows(imported, "accounts")) == 3


def test_the_header_once_more_is_no_row(read, quarantined, deals_of):
    lines = deals_of(good=2).splitlines()
    imported = read({"deals.csv": "\n".join([*lines, lines[0], "\ufeff" + lines[0]])})
    assert [rule for _, rule, _ in quarantined(imported)] == ["header_again", "header_again"]


LONG = [f"1234567890123{at}000" for at in (45, 46, 99)]


@pytest.mark.parametrize(
    ("ids", "is_rounded"),
    [(LONG, True), ([*LONG, "7"], True), ([*LONG, "123456789012345678"], False), (["1234567890123450"] * 3, False)],
    ids=["all of them", "all that are long", "not all of them", "one id alone"],
)
def test_ids_that_a_spreadsheet_has_rounded_are_rejected_where_all_of_a_column_are(become, ids, is_rounded):
    long = "account_id_spoiled" if is_rounded else None
    assert become("account_id", ids) == [long if long and len(one) > 15 else one for one in ids]
