"""Projection heads, and all heads as plain data."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from jointspace.errors import ConfigError, SpaceError
from jointspace.nn.heads import Part, ProjectionHead, linear
from jointspace.nn.pooling import AttentionPooling
from jointspace.nn.registry import from_config, register, to_config

TOKENS = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(0))

HEADS = [
    nn.Identity(),
    nn.Linear(8, 3),
    nn.Linear(8, 3, bias=False),
    nn.Sequential(nn.Linear(8, 5), nn.GELU(), nn.LayerNorm(5, eps=1e-6), nn.Dropout(0.2), nn.Linear(5, 2, bias=False)),
    nn.LayerNorm(8, bias=False),
    nn.RMSNorm(8),
    nn.BatchNorm1d(8, affine=False),
    nn.Sequential(nn.ReLU(), nn.SiLU(), nn.Tanh()),
    ProjectionHead(8, 4, 16, layers=3, activation="relu", norm="batch", last_norm=True, bias=False),
    AttentionPooling(8, heads=2, latents=2, query_from="tokens", activation="geglu", feed_forward=12),
]


@pytest.mark.parametrize("module", HEADS, ids=lambda m: type(m).__name__)
def test_heads_come_back_from_json(module):
    config = to_config(module)
    again = from_config(json.loads(json.dumps(config)))
    assert type(again) is type(module) and to_config(again) == config
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    assert {name: tensor.shape for name, tensor in again.state_dict().items()} == shapes
    again.load_state_dict(module.state_dict())
    x = TOKENS if isinstance(module, AttentionPooling) else TOKENS[:, 0]
    assert torch.equal(module.eval()(x), again.eval()(x))


def test_unknown_heads_are_refused_until_registered():
    class Twice(nn.Module):
        def __init__(self, factor: float):
            super().__init__()
            self.factor = factor

        def forward(self, x):
            return self.factor * x

        def config(self):
            return {"factor": self.factor}

    with pytest.raises(SpaceError, match="cannot save a head of type Twice"):
        to_config(Twice(2.0))
    register(Twice)
    assert from_config(to_config(Twice(2.0))).factor == 2.0
    with pytest.raises(SpaceError, match="did you mean Linear"):
        from_config({"type": "Linaer"})
    with pytest.raises(SpaceError, match="head Linear: .*unexpected keyword"):
        from_config({"type": "Linear", "in_features": 2, "out_features": 2, "hue": 1})


def test_projection_head_shapes_and_errors():
    assert isinstance(linear(4, None), nn.Identity) and isinstance(linear(4, 4), nn.Identity)
    assert linear(4, 2)(torch.zeros(3, 4)).shape == (3, 2)
    head = ProjectionHead(8, 4, layers=1)
    torch.testing.assert_close(head(TOKENS[:, 0]), head.net[0](TOKENS[:, 0]))
    with pytest.raises(ConfigError, match="did you mean layer"):
        ProjectionHead(8, 4, norm="layre")
    with pytest.raises(ConfigError, match="last_norm needs a norm"):
        ProjectionHead(8, 4, last_norm=True)


def test_part_takes_entries_and_says_where_they_compare():
    part = Part(2, 5, comparable="graph")
    x = torch.arange(12.0).reshape(2, 6)
    assert torch.equal(part(x), x[:, 2:5]) and part.dim == 3
    again = from_config(to_config(part))
    assert torch.equal(again(x), part(x)) and again.comparable == "graph"
    with pytest.raises(ConfigError, match="hold no entry"):
        Part(3, 3)
