"""Values in another unit: what is one is turned, what is none is left to be rejected."""

from functools import partial

import duckdb
import pytest

from salesbook.sources import units
from salesbook.sources.form import Form

EUROS, KRONER = (partial(units.without_sign, signs=units.MONEY_SIGNS[name]) for name in ("euros", "kroner"))
POINT, COMMA = Form(), Form(decimal=",", thousands=".")
DEALS = "Id,AccountId,StageName,Amount,CreatedDate,CloseDate,IsWon,IsClosed\n"
DEAL = '{id},{account},Proposal,"{amount}",2026-01-06T09:00:00.000Z,2026-06-30,false,false\n'
SHAPES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"  # the sign that says which of five signs are capitals, by that number


@pytest.mark.parametrize(
    ("unit", "form", "text", "expected"),
    [
        (units.percent, POINT, "65", "0.650000"),
        (units.percent, POINT, "65 %", "0.650000"),
        (units.percent, POINT, "0.5", "0.005000"),
        (units.percent, COMMA, "12,5", "0,125000"),
        (units.percent, POINT, "high", "high"),
        (units.percent, POINT, None, None),
        (units.months_by_name, POINT, "12-Jan-2024", "2024-01-12"),
        (units.months_by_name, POINT, "5. maj 2024", "2024-05-05"),
        (units.months_by_name, POINT, "5 mei 2024 14:30", "2024-05-05 14:30"),
        (units.months_by_name, POINT, "31 mrt. 2024", "2024-03-31"),
        (units.months_by_name, POINT, "1 augustus 2024", "2024-08-01"),
        (units.months_by_name, POINT, "10. oktober 2024", "2024-10-10"),
        (units.months_by_name, POINT, "Sept 3, 2024", "2024-09-03"),
        (units.months_by_name, POINT, "MARCH 03, 2024", "2024-03-03"),
        (units.months_by_name, POINT, "12-Jan-24", "12-Jan-24"),
        (units.months_by_name, POINT, "12 Januar", "12 Januar"),
        (units.months_by_name, POINT, "12-Foo-2024", "12-Foo-2024"),
        (units.months_by_name, POINT, "2024-01-012", "2024-01-012"),
        (units.months_by_name, POINT, "2024-01-05T09:00:00Z", "2024-01-05T09:00:00Z"),
        (units.months_by_name, POINT, None, None),
        (units.times_since_1970, POINT, "1767603600", "2026-01-05 09:00:00Z"),
        (units.times_since_1970, POINT, "1767603600999", "2026-01-05 09:00:00Z"),
        (units.times_since_1970, POINT, "0000000000", "1970-01-01 00:00:00Z"),
        (units.times_since_1970, POINT, "17676036001", "17676036001"),
        (units.times_since_1970, POINT, "1767603600.5", "1767603600.5"),
        (units.times_since_1970, POINT, "2026-01-05", "2026-01-05"),
        (units.times_since_1970, POINT, None, None),
        (units.days_of_sheets, POINT, "46027", "2026-01-05"),
        (units.days_of_sheets, POINT, "46027.395833333336", "2026-01-05 09:30:00"),
        (units.days_of_sheets, COMMA, "46027,5", "2026-01-05 12:00:00"),
        (units.days_of_sheets, POINT, "4602", "4602"),
        (units.days_of_sheets, POINT, "2026-01-05", "2026-01-05"),
        (units.days_of_sheets, POINT, None, None),
        (units.days_in_eight_figures, POINT, "20260105", "2026-01-05"),
        (units.days_in_eight_figures, POINT, "20261305", "20261305"),
        (units.days_in_eight_figures, POINT, "202601051", "202601051"),
        (units.days_in_eight_figures, POINT, None, None),
        (units.cents, POINT, "123456", "1234.56"),
        (units.cents, COMMA, "-5", "-0,05"),
        (units.cents, POINT, "12.34", "12.34 are no cents"),
        (units.cents, POINT, None, None),
        (units.milliseconds, POINT, "90000", "90"),
        (units.milliseconds, COMMA, "1.500.000", "1500"),
        (units.minutes, POINT, "15", "900"),
        (units.minutes, COMMA, "1,5", "90"),
        (units.hours_and_minutes, POINT, "01:30", "5400"),
        (units.hours_and_minutes, POINT, "00:00:45", "45"),
        (units.hours_and_minutes, POINT, "90", "90 is no HH:MM"),
        (units.hours_and_minutes, POINT, None, None),
        (units.zero_is_missing, POINT, "0.00", None),
        (units.zero_is_missing, COMMA, "0,00", None),
        (units.zero_is_missing, POINT, "0.50", "0.50"),
        (units.first_of_several, POINT, "12;13", "12"),
        (units.first_of_several, POINT, "12", "12"),
        (units.midnight_is_date, POINT, "2018-12-18 00:00:00", "2018-12-18"),
        (units.midnight_is_date, POINT, "2018-12-18T00:00:00.000Z", "2018-12-18"),
        (units.midnight_is_date, POINT, "2018-12-18 00:00:01", "2018-12-18 00:00:01"),
        (EUROS, COMMA, "€ 1.234,50", "1.234,50"),
        (EUROS, COMMA, "-€\u00a05,00", "-5,00"),
        (EUROS, COMMA, "1.234,50 EUR", "1.234,50"),
        (EUROS, COMMA, "$ 5", "$ 5"),
        (KRONER, COMMA, "kr. 5,00", "5,00"),
        (KRONER, COMMA, "5,00 kr", "5,00"),
        (KRONER, COMMA, None, None),
        (units.padded, POINT, "1234.5000", "1234.50"),
        (units.padded, POINT, "1234.5600", "1234.56"),
        (units.padded, POINT, "1234.5670", "1234.5670"),
        (units.padded, POINT, "1.000", "1.000"),
        (units.padded, COMMA, "1234,5000", "1234,50"),
        # The pair that Salesforce's own documents and tools give: 15 signs, and the same record with 18.
        (units.salesforce_id, POINT, "001A0000006Vm9r", "001A0000006Vm9rIAC"),
        (units.salesforce_id, POINT, "001A0000006Vm9rIAC", "001A0000006Vm9rIAC"),
        (units.salesforce_id, POINT, "Sales", "Sales"),
    ],
)
def test_a_text_of_another_unit_becomes_the_canonical_text(unit, form, text, expected):
    query = f"select {unit('value', form)} from (select ?::varchar as value)"
    assert duckdb.execute(query, [text]).fetchall() == [(expected,)]


@pytest.mark.parametrize(
    ("form", "signs", "minor"),
    [
        (
            'decimal = ","\nthousands = "."\n',
            ("euros", "kroner"),
            {"€ 1.234,50": 123_450, "-€1.234,50": -123_450, "1.234,50 kr.": 123_450, "kr\u00a01.234,50": 123_450,
             "1.234,50\u00a0€": 123_450, "€\u202f5": 500, "1234,5000": 123_450, "EUR 5,6000": 560, "DKK7,00": 700,
             "1.234": 123_400, "1234,5670": None, "$ 5": None, "5 kroner": None, "€": None, "kr. ": None},
        ),
        (
            'thousands = ","\n',
            ("dollars", "pounds"),
            {"US$1,234.50": 123_450, "-$1,234.50": -123_450, "$ 5": 500, "1,234.50\u00a0USD": 123_450,
             "£\u202f1234.5000": 123_450, "5 GBP": 500, "1234.5000": 123_450, "1.0000": 100, "XX$5": None,
             "5.00$$": None},
        ),
    ],
)  # fmt: skip
def test_amounts_lose_their_sign_and_the_zeros_behind_their_cents(read_crm, rows, form, signs, minor):
    deals = DEALS + "".join(DEAL.format(id=f"D{n:02}", account="", amount=text) for n, text in enumerate(minor))
    asked = [f"amount_in_{sign}" for sign in signs] + ["zeros_behind_cents", "one_pipeline", "status_from_flags"]
    imported = read_crm("salesforce", {"Opportunity.csv": deals}, f"[steps]\ndeals = {asked}\n", form)
    kept = [(f"D{n:02}", amount) for n, amount in enumerate(minor.values()) if amount is not None]
    assert rows(imported, "deals", "deal_id, amount_minor") == kept


def test_ids_of_15_signs_find_those_of_18_whatever_their_capitals(read_crm, rows):
    groups = ["".join(sign.upper() if n >> at & 1 else sign for at, sign in enumerate("aczmt")) for n in range(32)]
    short = ["".join(groups[(n + step) % 32] for step in (0, 11, 22)) for n in range(32)]
    long = [text + "".join(SHAPES[(n + step) % 32] for step in (0, 11, 22)) for n, text in enumerate(short)]
    others = ["Sales", "12345678901234", "0123456789012345"]
    deals = "".join(DEAL.format(id=one, account=one, amount=1) for one in short + others)
    accounts = "".join(f"{one},Acme {at}\n" for at, one in enumerate(long + others))
    asked = '"ids_of_18_signs", "one_pipeline", "status_from_flags"'
    steps = f'[steps]\ndeals = [{asked}]\naccounts = ["ids_of_18_signs"]\n'
    files = {"Opportunity.csv": DEALS + deals, "Account.csv": f"Id,Name\n{accounts}"}
    imported = read_crm("salesforce", files, steps)
    assert rows(imported, "deals", "deal_id, account_id") == [(one, one) for one in sorted(long + others)]
    assert rows(imported, "accounts", "account_id") == [(one,) for one in sorted(long + others)]


def test_times_that_a_program_counts_are_read_where_the_map_says_so_alone(read_crm, rows):
    times = ["1767603600000", "1767603600", "176760360", "05-01-2026 10:00", "9999999999999", "2026-01-05T09:00:00Z"]
    deal = DEAL.replace("2026-01-06T09:00:00.000Z", "{amount}").replace('"{amount}"', "1")
    files = {
        "Opportunity.csv": DEALS + "".join(deal.format(id=f"D{n}", account="", amount=t) for n, t in enumerate(times))
    }
    for asked, read in (("", [5]), (', "times_since_1970"', [0, 1, 5])):
        steps = f'[steps]\ndeals = ["one_pipeline", "status_from_flags"{asked}]\n'
        imported = read_crm("salesforce", files, steps)
        found = rows(imported, "deals", "deal_id, created_at::varchar")
        assert found == [(f"D{n}", "2026-01-05 09:00:00") for n in read]
        assert imported.rejected["deals"] == {"created_at_unreadable": len(times) - len(read)}
