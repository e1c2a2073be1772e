"""The moving average: closed form, schedule, what it copies."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from jointspace.nn.ema import EMA


@dataclass
class At:
    step: int
    steps: int = 11

    @property
    def fraction(self) -> float:
        return self.step / (self.steps - 1)


def test_ema_closed_form():
    source, m = nn.Linear(3, 2).double(), 0.9
    ema = EMA(source, m)
    start, moves = source.weight.detach().clone(), []
    for step in range(5):
        with torch.no_grad():
            source.weight += torch.randn(2, 3, dtype=torch.float64)
        moves.append(source.weight.detach().clone())
        ema.update(source, At(step))
    want = m**5 * start + sum((1 - m) * m ** (4 - i) * w for i, w in enumerate(moves))
    torch.testing.assert_close(ema.module.weight, want, rtol=0, atol=1e-12)


def test_ema_momentum_of_the_fraction_every_start_until():
    source = nn.Linear(1, 1, bias=False).double()
    seen = []
    ema = EMA(source, lambda fraction: seen.append(fraction) or 1.0, every=2, start=4, until=8)
    history = []
    for step in range(11):
        with torch.no_grad():
            source.weight.fill_(float(step))
        ema.update(source, At(step))
        history.append(ema.module.weight.item())
    # steps 0 and 2 copy (before start), 4 and 6 have momentum 1, 8 and 10 come after the end
    assert history[0] == 0.0 and history[2:] == [2.0] * 9
    assert seen == [0.0, 0.2, 0.4, 0.6]


def test_ema_copies_buffers_stays_in_eval_mode_and_shares_nothing():
    source = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5)).train()
    ema = EMA(source, 0.5)
    ema.train()
    assert not any(m.training for m in ema.modules()) and not any(p.requires_grad for p in ema.parameters())
    source(torch.randn(8, 2))
    ema.update(source, At(0))
    assert torch.equal(ema.module[1].running_mean, source[1].running_mean)
    assert ema.module[1].num_batches_tracked == 1
    assert not {p.data_ptr() for p in ema.parameters()} & {p.data_ptr() for p in source.parameters()}
    assert not ema(torch.randn(4, 2)).requires_grad
    twin = EMA(copy.deepcopy(source), 0.5)
    twin.load_state_dict(ema.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(twin.state_dict().values(), ema.state_dict().values(), strict=True))
    with pytest.raises(ValueError, match="2 parameters|parameters, the module"):
        ema.update(nn.Linear(2, 2), At(1))
