"""Masks by hand."""

from __future__ import annotations

import torch

from jointspace.nn import masks

RIGHT = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]]).bool()
LEFT = RIGHT.flip(1)


def test_masks():
    assert torch.equal(masks.from_lengths(torch.tensor([4, 2, 1])), RIGHT)
    assert masks.first_real(LEFT).tolist() == [0, 2, 3] and masks.last_real(RIGHT).tolist() == [3, 1, 0]
    scores = torch.tensor([[1.0, 2.0, float("inf")], [5.0, 5.0, 5.0]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    got = masks.masked_softmax(scores, mask)
    torch.testing.assert_close(got[0, :2], torch.tensor([1.0, 2.0]).softmax(0))
    assert not got[1].any() and got[0, 2] == 0
