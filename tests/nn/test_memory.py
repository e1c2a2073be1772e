"""Queue and bank."""

from __future__ import annotations

import pytest
import torch

from jointspace.nn.memory import Bank, Queue


def test_queue_is_first_in_first_out():
    queue, plain = Queue(5, 2), []
    for start, n in ((0, 2), (2, 2), (4, 3), (7, 1), (8, 12)):
        x = torch.arange(start, start + n, dtype=torch.float32)[:, None].expand(-1, 2).clone().requires_grad_()
        queue.push(x, torch.arange(start, start + n))
        plain = (plain + list(range(start, start + n)))[-5:]
        assert queue.ids().tolist() == plain and len(queue) == len(plain)
        assert queue.values()[:, 0].tolist() == plain and not queue.values().requires_grad
    other = Queue(5, 2)
    other.load_state_dict(queue.state_dict())
    assert torch.equal(other.values(), queue.values()) and len(other) == 5
    with pytest.raises(ValueError, match="axis D"):
        queue.push(torch.zeros(1, 3))


def test_bank_is_indexed_by_row():
    bank = Bank(4, 2, momentum=0.75)
    bank.update(torch.tensor([2, 0]), torch.tensor([[1.0, 1.0], [2.0, 2.0]], requires_grad=True))
    assert bank(torch.tensor([0, 1, 2])).tolist() == [[2.0, 2.0], [0.0, 0.0], [1.0, 1.0]]
    bank.update(torch.tensor([2]), torch.tensor([[5.0, 5.0]]))
    assert bank(torch.tensor([2])).tolist() == [[2.0, 2.0]]  # .75 * 1 + .25 * 5
    assert bank.seen.tolist() == [True, False, True, False] and not bank.values.requires_grad
    assert set(bank.state_dict()) == {"values", "seen"}
