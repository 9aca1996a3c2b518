"""Values in another unit: what is one is turned, what is none is left to be rejected."""

from functools import partial

import duckdb
import pytest

from salesbook.sources import units
from salesbook.sources.form import Form

EUROS, KRONER = (partial(units.without_sign, signs=units.MONEY_SIGNS[name]) for name in ("euros", "kroner"))
POINT, COMMA = Form(), Form(decimal=",", thousands=".")


@pytest.mark.parametrize(
    ("unit", "form", "text", "expected"),
    [
        (units.percent, POINT, "65", "0.650000"),
        (units.percent, POINT, "65 %", "0.650000"),
        (units.percent, POINT, "0.5", "0.005000"),
        (units.percent, COMMA, "12,5", "0,125000"),
        (units.percent, POINT, "high", "high"),
        (units.percent, POINT, None, None),
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
