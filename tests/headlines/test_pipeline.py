"""What the pipeline page claims: planted effects are found, and hardly anything where nothing is planted."""

import numpy as np
import pandas as pd

from salesbook.compare import against_the_rest
from salesbook.headlines import pipeline as say
from salesbook.kpis import pipeline


def claims(book) -> list[str]:
    return [found.headline for found in say.this_month(book) if found.is_claim]


def test_the_planted_stalled_deals_are_found(sample_book):
    assert any(headline.startswith("Analyser: more deals are stuck") for headline in claims(sample_book))
    rows = say.stuck_bars(sample_book)
    assert say.stuck_words(sample_book, rows)["headline"].startswith("Analyser stands out")


def stuck(*cells: tuple[str, str, int, int]) -> tuple[pd.DataFrame, pd.Series]:
    """Stuck and open deals by product and stage, and product A against the others as a whole."""
    rows = pd.DataFrame(cells, columns=["product", "stage", "numerator", "denominator"])
    whole = rows.groupby("product", as_index=False)[["numerator", "denominator"]].sum()
    return rows, against_the_rest(whole).iloc[0]


def test_a_product_is_not_named_for_the_stage_that_its_deals_are_in():
    # About half of all in the early stage are stuck, a tenth of all in the late one; A's deals are early.
    cells, whole = stuck(("A", "early", 21, 40), ("B", "early", 5, 10), ("A", "late", 1, 10), ("B", "late", 4, 40))
    assert whole["p"] < 0.02
    assert not say.stands_out_within(cells, "product", ["stage"], whole)


def test_a_product_that_is_stuck_in_each_stage_is_found():
    cells, whole = stuck(("A", "early", 28, 40), ("B", "early", 3, 10), ("A", "late", 5, 10), ("B", "late", 4, 40))
    assert say.stands_out_within(cells, "product", ["stage"], whole)


def test_a_product_that_stands_out_the_other_way_stage_by_stage_is_not_named():
    cells, whole = stuck(("A", "early", 20, 40), ("B", "early", 9, 10), ("A", "late", 0, 10), ("B", "late", 6, 40))
    assert whole["change"] > 0
    assert not say.stands_out_within(cells, "product", ["stage"], whole)


def test_coverage_is_counted_and_claims_nothing(sample_book):
    first = say.this_month(sample_book)[0]
    assert "Q4 2026" in first.headline
    assert not first.is_claim


def test_the_steps_of_the_bridge_lead_from_its_start_to_its_end(sample_book):
    rows = say.waterfall_rows(sample_book, pipeline.pipeline_waterfall(sample_book))
    assert rows["is_total"].tolist() == [True, *[False] * (len(rows) - 2), True]
    assert round(rows["value"].iloc[:-1].sum(), 2) == rows["value"].iloc[-1]


def test_a_stage_is_slower_only_where_its_visits_of_the_same_product_are():
    quick, slow = np.arange(1, 41.0), np.arange(1, 41.0) * 3
    days = {"X": quick, "Y": slow}
    # Before mostly the slow product, now mostly the quick one: each as it was.
    parts = [("X", 30, True), ("Y", 10, True), ("X", 10, False), ("Y", 30, False)]
    rows = pd.concat([pd.DataFrame({"cycle": cycle, "stage_seconds": days[cycle][:: 40 // n][:n], "is_over": True,
                                    "is_now": now}) for cycle, n, now in parts])  # fmt: skip
    assert say.slowed(rows)[1] > 0.05
    missing, p = say.slowed(rows.assign(stage_seconds=rows["stage_seconds"] * np.where(rows["is_now"], 4, 1)))
    assert missing > 0
    assert p < 0.001
    assert np.isnan(say.slowed(rows[rows["is_now"]])[1])


def test_the_share_pushed_is_compared_product_by_product(sample_book):
    change, p = say.pushed_change(sample_book)
    assert -1 < change < 1
    assert 0 <= p <= 1


def test_every_open_qualified_lead_is_in_the_table_by_seller(sample_book, unnamed):
    for book in (sample_book, unnamed):
        assert say.lead_rows(book)["n"].sum() == pipeline.open_qualified_leads(book)["n"].iloc[0]


def test_an_answer_without_value_has_no_words(sample_book):
    nothing = pd.DataFrame({"value": [np.nan], "reason": ["needs stage_history"]})
    for words in (say.waterfall_words, say.stuck_words, say.stage_words, say.pushed_words):
        assert words(sample_book, nothing)["headline"] == ""
