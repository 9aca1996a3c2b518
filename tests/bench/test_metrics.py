"""bench/metrics.py: three ways to work out the same, held against one another."""

import pytest

from metrics import METRICS
from salesbook import sources


@pytest.fixture(scope="module")
def tables(sample_settings):
    """The folder of the sample company's canonical tables."""
    return sources.load(sample_settings, sample_settings.home / ".salesbook" / "imports").folder / "tables"


@pytest.mark.parametrize("name", METRICS)
def test_the_facts_answer_as_pandas_and_polars_do_from_the_tables(name, sample_book, tables):
    metric = METRICS[name]
    found = metric.facts(sample_book)
    assert len(found) > 3
    assert found == metric.pandas(tables)
    assert found == metric.polars(tables)
