"""Counter-based draws: pinned values (equal on all platforms), purity, uniformity."""

import numpy as np
import pytest

from jointspace.data import draws


def test_first_mix_is_the_published_splitmix64_value():
    assert draws.key(0) == 0xE220A8397B1DCDAF  # first output of splitmix64 from state 0


def test_values_are_pinned():
    assert draws.key(7, "augment", 3, np.arange(3)).tolist() == [
        6870554330903122320,
        14206050647691156795,
        6044107483471692417,
    ]
    assert draws.permutation(draws.key(0), 5).tolist() == [2, 0, 3, 1, 4]
    assert draws.uniform(draws.key(0), 2).tolist() == pytest.approx([0.6524484863740322, 0.7012121095215252], abs=1e-15)


def test_a_key_depends_on_each_part_and_their_order():
    keys = [draws.key(*parts) for parts in ((1, 2), (2, 1), (1, 2, 0), (1,), (-1,), (1, "2"), (1, "a"), (1, "b"))]
    assert len(set(map(int, keys))) == len(keys)
    assert draws.key(5, np.array([1, 2])).tolist() == [int(draws.key(5, 1)), int(draws.key(5, 2))]
    with pytest.raises(TypeError, match="float64"):
        draws.key(1, 0.5)


def test_a_row_gets_the_same_numbers_whatever_stands_beside_it_and_however_many_are_asked_for():
    keys = draws.key(3, np.arange(50))
    whole = draws.uniform(keys, 8)
    assert np.array_equal(whole[17], draws.uniform(keys[17], 8))
    assert np.array_equal(whole[:, :3], draws.uniform(keys, 3))
    assert not np.intersect1d(whole, draws.uniform(keys, 8, stream=1)).size


def test_moments_and_independence():
    u = draws.uniform(draws.key(1, np.arange(100_000)), 2)
    assert u.mean(axis=0) == pytest.approx([0.5, 0.5], abs=4 * 12**-0.5 / 316)
    assert u.var(axis=0) == pytest.approx([1 / 12, 1 / 12], abs=1e-3)
    assert abs(np.corrcoef(u[:, 0], u[:, 1])[0, 1]) < 0.015
    assert abs(np.corrcoef(u[:-1, 0], u[1:, 0])[0, 1]) < 0.015
    z = draws.normal(draws.key(2), 100_000)
    assert (z.mean(), z.std()) == pytest.approx((0, 1), abs=0.015)


def test_integers_stay_below_each_limit():
    keys = draws.key(4, np.arange(3000))
    high = np.tile([1, 2, 7], 1000)
    drawn = draws.integers(keys, high, 5)
    assert drawn.min() == 0 and (drawn < high[:, None]).all()
    assert np.bincount(drawn[2::3].ravel(), minlength=7).min() > 600  # 5000 draws over 7 values
    with pytest.raises(ValueError, match="at least 1"):
        draws.integers(keys, 0)


def test_permutations_are_permutations_and_uniform():
    orders = draws.permutation(draws.key(0, np.arange(6000)), 3)
    assert (np.sort(orders, axis=1) == np.arange(3)).all()
    counts = np.unique(orders @ [9, 3, 1], return_counts=True)[1]
    assert len(counts) == 6 and counts.min() > 900
