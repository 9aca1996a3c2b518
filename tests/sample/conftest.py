"""The stored company, and two large ones in which the noise is small against the effects."""

import pytest

from salesbook import sample


@pytest.fixture(scope="package")
def rows():
    return sample.company()


@pytest.fixture(scope="package")
def large():
    """With effects and without."""
    return {effects: sample.company(leads=15_000, seed=23, effects=effects) for effects in (True, False)}
