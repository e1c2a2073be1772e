"""Which columns of a row are seen and which are predicted."""

from math import comb

import numpy as np
import pytest

from jointspace.data.draws import key
from jointspace.data.masking import context_and_target_sizes, context_and_targets

KEYS = key(0, np.arange(64))


@pytest.mark.parametrize("total,context,target,sets", [(6, 2, 2, 4), (4, 2, 1, 4), (5, 3, 2, 3), (36, 9, 12, 4)])
def test_sets_are_outside_the_context_and_as_different_as_can_be(total, context, target, sets):
    seen, hidden = context_and_targets(KEYS, total, context, target, sets)
    assert seen.shape == (64, context) and hidden.shape == (64, sets, target)
    for c, row in zip(seen.tolist(), hidden.tolist(), strict=True):
        assert not set(c) & {place for one in row for place in one}
        assert len({tuple(one) for one in row}) == min(sets, comb(total - context, target))
        assert all(len(set(one)) == target for one in [*row]) and len(set(c)) == context


def test_rows_stand_alone_and_every_column_is_as_likely():
    seen, hidden = context_and_targets(KEYS, 8, 3, 2, 4)
    few = context_and_targets(KEYS[[5, 9]], 8, 3, 2, 4)
    assert np.array_equal(few[0], seen[[5, 9]]) and np.array_equal(few[1], hidden[[5, 9]])
    many = context_and_targets(key(1, np.arange(4000)), 8, 3, 2, 4)
    for places, share in zip(many, (3 / 8, 1), strict=True):
        counts = np.bincount(places.ravel(), minlength=8) / 4000
        assert counts == pytest.approx(np.full(8, 3 / 8 if share < 1 else 1), abs=0.06)


def test_sizes_fit_and_reach_their_ends():
    drawn = {context_and_target_sizes(key(0, step), 14, (0.2, 0.4), (0.2, 0.6)) for step in range(300)}
    assert {c for c, _ in drawn} == {3, 4, 5, 6} and {t for _, t in drawn} == set(range(3, 9))
    assert all(c + t <= 14 for c, t in drawn)
    assert context_and_target_sizes(0, 3, (0.1, 0.2), (0.1, 0.2)) == (1, 1)  # shares that round to none: one each
    with pytest.raises(ValueError, match="do not hold"):
        context_and_target_sizes(0, 1, (0.2, 0.4), (0.2, 0.4))
    with pytest.raises(ValueError, match="4 \\+ 3 of 6"):
        context_and_targets(KEYS, 6, 4, 3)
