"""Shrinkage against its own limits, by property and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesbook.errors import WrongUsage
from salesbook.shrinkage import shrink_means, shrink_shares


def sums_by_group(values):
    return [len(v) for v in values], [sum(v) for v in values], [sum(x * x for x in v) for v in values]


class TestShares:
    def test_groups_that_are_alike_are_given_the_whole(self):
        found = shrink_shares([30, 31, 29, 3], [100, 100, 100, 10], seed=1)
        assert found.between_sd == 0
        assert found.value.tolist() == [found.overall] * 4
        assert found.rank_low.tolist() == [1] * 4
        assert found.rank_high.tolist() == [4] * 4

    def test_large_groups_far_apart_keep_their_own(self):
        found = shrink_shares([1000, 5000, 9000], [10_000] * 3, seed=1)
        assert found.value.tolist() == pytest.approx([0.1, 0.5, 0.9], abs=0.002)
        assert found.rank_low.tolist() == found.rank_high.tolist() == [3, 2, 1]
        assert 0.2 < found.between_sd < 0.5

    def test_two_of_two_is_no_champion(self):
        found = shrink_shares([2, 60, 25, 45, 15], [2, 100, 100, 100, 100], seed=1)
        assert found.value[0] < found.value[1]
        assert found.rank_high[0] > found.rank_high[1]

    def test_a_group_without_rows_gets_the_whole(self):
        found = shrink_shares([0, 20, 60], [0, 100, 100], seed=1)
        assert np.isnan(found.raw[0])
        assert found.value[0] == found.overall
        assert found.low[0] < found.low[1]

    def test_where_less_is_better_the_ranks_turn(self):
        found = shrink_shares([1000, 9000], [10_000] * 2, seed=1, higher_is_better=False)
        assert found.rank_low.tolist() == [1, 2]

    def test_the_same_seed_gives_the_same_and_another_hardly_moves_it(self):
        one, same, other = (shrink_shares([3, 9, 12], [20, 30, 25], seed=seed) for seed in (1, 1, 2))
        assert one.low.tolist() == same.low.tolist()
        assert one.low.tolist() == pytest.approx(other.low.tolist(), abs=0.02)

    def test_it_refuses_a_league_without_rows(self):
        with pytest.raises(WrongUsage, match="nothing to draw together"):
            shrink_shares([0, 0], [0, 0], seed=1)

    @given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=8))
    def test_a_value_lies_between_its_own_share_and_the_whole(self, groups):
        k, lost = np.array(groups).T
        if (k + lost).sum():
            found = shrink_shares(k, k + lost, seed=1)
            raw = np.where(k + lost > 0, found.raw, found.overall)
            assert (found.value >= np.minimum(raw, found.overall) - 1e-9).all()
            assert (found.value <= np.maximum(raw, found.overall) + 1e-9).all()
            assert ((found.low >= 0) & (found.low < found.high) & (found.high <= 1)).all()

    @pytest.mark.parametrize(("groups", "between"), [(10, 0.03), (10, 0.1), (30, 0.0), (30, 0.06)])
    def test_its_intervals_and_ranks_cover(self, groups, between):
        rng = np.random.default_rng(groups)
        strength = 0.3 * 0.7 / between**2 - 1 if between else 0
        covered, ranked, nearer = [], [], []
        for seed in range(150):
            truth = rng.beta(0.3 * strength, 0.7 * strength, groups) if between else np.full(groups, 0.3)
            n = rng.integers(5, 80, groups)
            found = shrink_shares(rng.binomial(n, truth), n, seed)
            covered.append(((found.low <= truth) & (truth <= found.high)).mean())
            rank = (-truth).argsort().argsort() + 1
            ranked.append(((found.rank_low <= rank) & (rank <= found.rank_high)).mean())
            nearer.append(((found.value - truth) ** 2).mean() < ((found.raw - truth) ** 2).mean())
        assert np.mean(covered) >= 0.93
        assert np.mean(ranked) >= 0.93
        assert np.mean(nearer) > 0.75


class TestMeans:
    def test_groups_that_are_alike_are_given_the_whole(self):
        found = shrink_means(*sums_by_group([[9, 11, 10], [8, 12, 10], [10, 12, 8]]), seed=1)
        assert found.between_sd == 0
        assert found.value.tolist() == [10] * 3

    def test_large_groups_far_apart_keep_their_own(self):
        found = shrink_means(*sums_by_group([[9, 11] * 500, [49, 51] * 500, [99, 101] * 500]), seed=1)
        assert found.value.tolist() == pytest.approx([10, 50, 100], rel=1e-3)
        assert found.rank_high.tolist() == [3, 2, 1]

    def test_a_group_without_rows_gets_the_whole(self):
        found = shrink_means([0, 3, 3], [None, 30, 60], [None, 302, 1202], seed=1)
        assert np.isnan(found.raw[0])
        assert found.value[0] == found.overall

    def test_it_refuses_a_league_without_a_variance(self):
        with pytest.raises(WrongUsage, match="need a variance"):
            shrink_means([1, 1], [3, 4], [9, 16], seed=1)

    @pytest.mark.parametrize(("groups", "between"), [(10, 5.0), (30, 0.0), (30, 10.0)])
    def test_its_intervals_cover(self, groups, between):
        rng = np.random.default_rng(groups)
        covered = []
        for seed in range(150):
            truth, n = rng.normal(50, between, groups), rng.integers(5, 60, groups)
            values = [rng.normal(mean, 30, size) for mean, size in zip(truth, n, strict=True)]
            found = shrink_means(*sums_by_group(values), seed=seed)
            covered.append(((found.low <= truth) & (truth <= found.high)).mean())
        assert np.mean(covered) >= 0.93
