"""Masking: exact counts, whole words, nested rates, 80/10/10, blocks; nothing hangs on neighbours or padding."""

import numpy as np
import pytest
import torch

from jointspace.data import draws
from jointspace.data.masking import corrupt, hide, hide_blocks, hide_each, hide_words, tubes, word_table

KEYS = draws.key(0, np.arange(400))


def test_exact_counts_of_what_is_allowed():
    allowed = torch.arange(20) < torch.arange(400)[:, None] % 21
    hidden = hide(KEYS, allowed, 7)
    assert torch.equal(hidden.sum(dim=1), allowed.sum(dim=1).clamp(max=7))
    assert not (hidden & ~allowed).any()
    counts = np.arange(400) % 5
    assert np.array_equal(hide(KEYS, np.ones((400, 20)), counts).sum(dim=1), counts)
    share = hide(KEYS, np.ones((400, 8)), 2).float().mean(dim=0)
    assert share.numpy() == pytest.approx(np.full(8, 0.25), abs=0.08)


def test_what_comes_first_is_hidden_before_the_rest():
    first = torch.zeros(400, 16, dtype=torch.bool)
    first[:, 3:7] = True
    hidden = hide(KEYS, torch.ones(400, 16), 6, first=first)
    assert hidden[:, 3:7].all() and (hidden.sum(dim=1) == 6).all()
    assert (hide(KEYS, torch.ones(400, 16), 2, first=first) & ~first).sum() == 0


def test_a_row_hangs_on_its_key_alone():
    words = torch.arange(12).expand(400, 12) // 2
    wide = torch.cat([words, torch.full((400, 5), -1)], dim=1)  # padded further
    for one, many in zip(
        hide_words(KEYS[7:9], words[7:9], [0.2, 0.5]), hide_words(KEYS, wide, [0.2, 0.5]), strict=True
    ):
        assert torch.equal(one, many[7:9, :12])
    assert torch.equal(hide(KEYS[5:6], torch.ones(1, 9), 3), hide(KEYS, torch.ones(400, 9), 3)[5:6])
    blocks = hide_blocks(KEYS, (6, 6), 14)
    assert torch.equal(hide_blocks(KEYS[[3]], (6, 6), 14)[0], blocks[3])


def test_whole_words_within_a_word_of_the_budget_and_specials_never():
    rng = np.random.default_rng(0)
    words = np.full((400, 62), -1)
    for row in words:
        row[1:51] = np.repeat(np.arange(50), rng.integers(1, 4, 50))[:50]
    (hidden,) = hide_words(KEYS, words, 0.15)
    hidden = hidden.numpy()
    assert not hidden[words < 0].any()
    for row, taken in zip(words, hidden, strict=True):
        for word in np.unique(row[row >= 0]):
            assert taken[row == word].all() or not taken[row == word].any()
    budget = round(0.15 * 50 + 0.01)
    assert (hidden.sum(axis=1) >= budget).all() and (hidden.sum(axis=1) <= budget + 2).all()


def test_nested_rates_share_the_shuffle_and_caps_hold():
    words = np.arange(40)[None].repeat(400, axis=0) // 2
    small, large, none = hide_words(KEYS, words, [0.2, 0.4, 0.0])
    assert not (small & ~large).any()
    assert (small.sum(dim=1) == 8).all() and (large.sum(dim=1) == 16).all()
    assert (none.sum(dim=1) == 2).all()  # at least one word
    assert (hide_words(KEYS, words, 0.0, at_least=0)[0].sum(dim=1) == 0).all()
    assert (hide_words(KEYS, words, 0.9, at_most=7)[0].sum(dim=1) == 6).all()
    assert (hide_words(KEYS, words, 0.5, budget="words")[0].sum(dim=1) == 20).all()
    assert not hide_words(KEYS[:1], np.full((1, 4), -1), 0.5)[0].any()  # nothing may be hidden
    with pytest.raises(ValueError, match="budget must be tokens or words"):
        hide_words(KEYS, words, 0.1, budget="pieces")


def test_each_by_itself():
    hidden = hide_each(KEYS, torch.ones(400, 50), 0.15)
    assert hidden.float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert hide_each(KEYS, torch.ones(400, 5), 0.0, at_least=1).sum(dim=1).tolist() == [1] * 400


def test_corruption_is_80_10_10_and_apart_from_the_choice():
    ids = torch.randint(10, 1000, (400, 100), generator=torch.Generator().manual_seed(0))
    hidden = hide(KEYS, torch.ones(400, 100), 40)
    out = corrupt(ids, hidden, KEYS, mask_id=1, vocabulary=range(1000, 2000))
    assert torch.equal(out[~hidden], ids[~hidden])
    kinds = torch.stack([out == 1, out >= 1000, out == ids])[:, hidden].float().mean(dim=1)
    assert kinds.tolist() == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    again = corrupt(ids, hidden, draws.key(1, KEYS), mask_id=1, vocabulary=2000)
    both = ((out == 1) & (again == 1))[hidden].float().mean().item()
    assert both == pytest.approx(0.64, abs=0.01)  # independent for another input
    assert torch.equal(corrupt(ids, hidden, KEYS, mask_id=1, vocabulary=9, shares=(0, 0)), ids)


@pytest.mark.parametrize("grid,count", [((8, 8), 26), ((14, 14), 75), ((3, 2), 6), ((4, 4), 0), ((1, 9), 5)])
def test_blocks_have_exact_counts(grid, count):
    hidden = hide_blocks(KEYS, grid, count)
    assert hidden.shape == (400, grid[0] * grid[1]) and (hidden.sum(dim=1) == count).all()


def test_blocks_hang_together():
    def neighbours(hidden):
        cells = hidden.view(-1, 14, 14)
        return (cells[:, 1:] & cells[:, :-1]).sum() + (cells[:, :, 1:] & cells[:, :, :-1]).sum()

    blocks, scattered = hide_blocks(KEYS, (14, 14), 75), hide(KEYS, np.ones((400, 196)), 75)
    assert neighbours(blocks) > 1.6 * neighbours(scattered)
    assert blocks.float().mean(dim=0).min() > 0.02  # corners lie in few rectangles, but they have their turn
    with pytest.raises(ValueError, match="count 10 of 3 x 3"):
        hide_blocks(KEYS, (3, 3), 10)


def test_tubes_and_word_numbers():
    hidden = torch.tensor([[True, False]])
    assert tubes(hidden, 3).tolist() == [[True, False] * 3]
    assert word_table([[None, 0, 0, 1, None], [None, 0, None]]).tolist() == [[-1, 0, 0, 1, -1], [-1, 0, -1, -1, -1]]
    assert word_table([[0, 1, 2]], 2).tolist() == [[0, 1]]
