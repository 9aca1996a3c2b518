"""What the team page says: what is planted is found and named; where nothing is, hardly anything is claimed."""

import numpy as np
import pandas as pd

from salesbook.headlines import team as say
from salesbook.kpis import team as kpis
from worked import book_of


def claims(book) -> list[str]:
    return [found.headline for found in say.this_month(book) if found.is_claim]


def test_reluctance_and_mail_alone_are_found(sample_book):
    told = " ".join(claims(sample_book))
    assert "two rejections in a row sellers call slower" in told or "three or more in a row sellers call slower" in told
    assert "mail alone are lost late more often" in told


def test_the_reluctant_sellers_are_named_and_no_other(sample_book):
    # Planted: sellers 18, 20 and 21 of the five who call in shifts.
    rows = say.reluctant_rows(sample_book)
    headline = say.reluctant(sample_book, rows)["headline"]
    assert all(f"Seller {number}" in headline for number in (18, 20, 21))
    assert not any(f"Seller {number}" in headline for number in (17, 19))


def test_who_reports_more_and_who_uses_the_crm_less_are_named(sample_book):
    reports = say.compared_rows(sample_book, kpis.self_report_ratio)
    assert "Seller 07 (" in say.apart(sample_book, reports, "gaps", True)["headline"]
    use = say.compared_rows(sample_book, kpis.active_day_rate)
    assert "Seller 12 (" in say.apart(sample_book, use, "active", False)["headline"]


def test_the_team_that_feels_worse_is_named(sample_book):
    assert say.mood(sample_book, say.pulse_rows(sample_book))["headline"].startswith("Jylland would recommend")


def test_material_goes_with_winning_and_qualification_does_not(sample_book):
    odds = kpis.collateral_odds(sample_book, last=24)
    assert say.with_material(sample_book, odds)["headline"].startswith("Deals with material are won more often")
    leads = kpis.qualification_win_rate(sample_book, by="n_filled", last=24)
    assert "it can be chance" in say.filled(sample_book, leads)["headline"]


def test_a_rejected_call_that_is_followed_sooner_is_no_claim(sample_book, monkeypatch):
    rows = kpis.call_reluctance(sample_book, last=24).assign(value=1.5, low=1.3, high=1.8, p=1e-6)
    monkeypatch.setattr(kpis, "call_reluctance", lambda *args, **more: rows)
    assert np.isnan(say.reluctance(sample_book).p)


def test_a_trend_of_winning_pays_for_few_leads(sample_book):
    rows = pd.DataFrame({"n_filled": [1, 4], "numerator": [0, 5], "denominator": [50, 5]})
    _, p, values = say.filled_values(rows.assign(value=1.0))
    assert np.isnan(p)
    assert (values["most"], values["fewer"]) == (1.0, 0.0)


def test_a_company_of_deals_alone_is_told_what_its_deals_tell(tmp_path):
    deals = "\n".join(
        ["deal_id,pipeline,stage,product,amount,currency,created_at,closed_at,status"]
        + [f"D{n},Sales,Won,P,100.00,EUR,2026-0{n}-03T09:00:00Z,2026-10-1{n}T09:00:00Z,won" for n in range(1, 7)]
        + ["D9,Sales,Demo,,,EUR,2026-10-05T09:00:00Z,,open"]
    )
    book = book_of(tmp_path, deals=deals)
    opened, filled = say.this_month(book)
    assert opened.headline == "New deals in 12 months: 7 opened, 6 closed"
    assert opened.detail == "The 12 months before: 0 opened, 0 closed."
    # Six deals have an amount and a product, of four fields; the seventh none: 12 of 28.
    assert filled.headline.startswith("43% of the fields")
    assert filled.detail.startswith("Deals opened in the last 12 months: 7.")
    assert not opened.is_claim
    assert not filled.is_claim
