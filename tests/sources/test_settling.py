"""Forms, steps and lacking columns of a proposed map: settled where columns prove them, asked for where none does."""

import pytest

DAY = "(created_at + interval 2 hour)::date::varchar"


def asked(made) -> list[str]:
    """The sections that have a question."""
    return [question.section for question in made.questions]


@pytest.mark.parametrize(
    ("amounts", "decided"),
    [
        (("1.234", "5.678"), None),
        (("1.234", "5.67"), "."),
        (("1.234", "5,6"), ","),
        (("1234", "5"), "."),
        (("1,234.50", "7"), "."),
        (("1.234.567", "7"), ","),
    ],
)
def test_the_decimal_sign_is_decided_only_where_the_column_proves_it(mapped, amounts, decided):
    lines = "".join(f"D{n};Demo;{amount};open;2026-01-0{n + 1}\n" for n, amount in enumerate(amounts))
    made = mapped({"x.csv": "Deal ID;Stage;Amount;Status;Created\n" + lines})
    assert made.forms.get("decimal", (None,))[0] == decided
    assert any("decimal" in line for question in made.questions for line in question.lines) == (decided is None)


def test_a_zone_is_asked_for_only_where_times_bear_none(mapped):
    head = "Deal ID,Stage,Amount,Status,Created\n"
    for value, is_asked in (("2026-01-05 09:00", True), ("2026-01-05T09:00:00Z", False), ("2026-01-05", False)):
        made = mapped({"x.csv": f"{head}D1,Demo,5,open,{value}\n"})
        assert any("zone" in question.ask for question in made.questions) == is_asked, value


def test_an_amount_that_no_name_tells_is_asked_for(mapped, answered, rows):
    deals = "Deal ID,Stage,Ticket,Currency,Status,Created\nD1,Demo,5.50,EUR,open,2026-01-05\n"
    made = mapped({"x.csv": deals})
    assert asked(made) == ["columns.deals"]
    assert rows(answered(made, 'amount = "Ticket"'), "deals", "amount_minor") == [(550,)]


@pytest.mark.parametrize(
    ("values", "answer", "form", "column", "loaded"),
    [
        (("$1,234.50", "$99.00"), 'amount = "Ticket"', ("thousands", ","), "amount_minor", [123_450, 9900]),
        (("1234,5000", "99,0000"), 'amount = "Ticket"', ("decimal", ","), "amount_minor", [123_450, 9900]),
        (
            ("31-12-2025", "01-02-2026"),
            'created_at = "Ticket"',
            ("date_form", "dmy"),
            DAY,
            ["2025-12-31", "2026-02-01"],
        ),
        (
            ("31 dec 2025", "1 feb 2026"),
            'created_at = "Ticket"',
            ("date_form", "ymd"),
            DAY,
            ["2025-12-31", "2026-02-01"],
        ),
    ],
)
def test_a_column_that_is_only_asked_about_is_read_once_it_is_picked_and_does_no_harm_where_it_is_not(
    mapped, answered, rows, tmp_path, values, answer, form, column, loaded
):
    head, value = ("Created", "2026-01-05") if "amount" in answer else ("Amount", "5")
    lines = "".join(f'D{n},Demo,"{one}",EUR,open,{value}\n' for n, one in enumerate(values))
    made = mapped({"x.csv": f"Deal ID,Stage,Ticket,Currency,Status,{head}\n{lines}"})
    assert set(asked(made)) == {"columns.deals"}
    assert made.forms[form[0]][0] == form[1]
    untouched = answered(made)
    assert (untouched.rejected, untouched.rows_loaded("deals")) == ({}, 2)
    (tmp_path / "salesbook.toml").unlink()
    picked = answered(made, answer)
    assert (picked.rejected, [one for (one,) in rows(picked, "deals", column)]) == ({}, loaded)


def test_columns_that_are_asked_about_do_not_change_how_others_are_read(mapped):
    deals = 'Deal ID,Stage,Probability,Ticket,Currency,Status,Created\nD1,Demo,"0,5","$1,234.50",EUR,open,2026-01-05\n'
    made = mapped({"x.csv": deals})
    assert (asked(made), made.forms["decimal"][0]) == (["columns.deals"], ",")


@pytest.mark.parametrize(("sign", "currencies"), [("€ {}", []), ("{} kr.", ["source"]), ("£{}", [])])
def test_the_sign_of_a_currency_beside_amounts_is_read_and_one_of_several_currencies_asked(
    mapped, answered, rows, sign, currencies
):
    deals = "Offertenummer;Klant;Status;Offertebedrag;Offertedatum\n"
    deals += "".join(f"{n};A;Open;{sign.format(f'1.23{n},50')};25-01-2026\n" for n in range(3))
    made = mapped({"x.csv": deals})
    assert asked(made) == currencies
    imported = answered(made, *('currency = "DKK"',) * len(currencies))
    assert rows(imported, "deals", "amount_minor") == [(123_050,), (123_150,), (123_250,)]
