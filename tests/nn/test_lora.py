"""Adapters: off is the base, merged is the sum, the delta is enough."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from jointspace.errors import ConfigError, SpaceError
from jointspace.nn.lora import LoRALinear, add_lora, load_lora_state_dict, lora_off, lora_state_dict, merge


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key = nn.Linear(6, 6), nn.Linear(6, 6, bias=False)
        self.out = nn.Sequential(nn.Linear(6, 4))

    def forward(self, x):
        return self.out(torch.tanh(self.query(x)) * self.key(x))


def adapted(seed=0):
    torch.manual_seed(seed)
    model = Small().double()
    base = copy.deepcopy(model)
    names = add_lora(model, r"^(query|out\.0)$", rank=2, alpha=3.0)
    for module in model.modules():
        if isinstance(module, LoRALinear):
            nn.init.normal_(module.lora_b)
    return model, base, names


def test_lora_starts_as_the_base_and_is_bitwise_the_base_when_off():
    torch.manual_seed(0)
    base = Small()
    fresh = copy.deepcopy(base)
    add_lora(fresh, "query|key")
    x = torch.randn(5, 6)
    assert torch.equal(fresh(x), base(x))
    model, base, names = adapted()
    assert names == ["query", "out.0"]
    x = x.double()
    assert not torch.allclose(model(x), base(x))
    with lora_off(model):
        assert torch.equal(model(x), base(x))
    assert not torch.allclose(model(x), base(x))


def test_lora_is_the_formula_and_merges_exactly():
    model, base, _ = adapted()
    x = torch.randn(5, 6, dtype=torch.float64)
    layer = model.query
    want = x @ (base.query.weight + 3.0 / 2 * layer.lora_b @ layer.lora_a).T + base.query.bias
    torch.testing.assert_close(layer(x), want, rtol=0, atol=1e-12)
    before, keys = model(x), list(base.state_dict())
    assert merge(model) == 2
    torch.testing.assert_close(model(x), before, rtol=0, atol=1e-12)
    assert list(model.state_dict()) == keys and type(model.query) is nn.Linear


def test_only_adapters_learn_and_the_weights_of_the_base_stay():
    model, base, _ = adapted()
    learnt = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learnt == {"query.lora_a", "query.lora_b", "out.0.lora_a", "out.0.lora_b"}
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1, weight_decay=0.1)
    model(torch.randn(5, 6, dtype=torch.float64)).square().sum().backward()
    optimiser.step()
    own = model.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in base.state_dict().items())


def test_lora_delta_alone_restores_the_model():
    model, base, _ = adapted()
    delta = lora_state_dict(model)
    assert set(delta) == {"query.lora_a", "query.lora_b", "out.0.lora_a", "out.0.lora_b"}
    other = copy.deepcopy(base)
    add_lora(other, r"^(query|out\.0)$", rank=2, alpha=3.0)
    load_lora_state_dict(other, delta)
    x = torch.randn(5, 6, dtype=torch.float64)
    assert torch.equal(other(x), model(x))
    with pytest.raises(SpaceError, match="names differ"):
        load_lora_state_dict(other, {"query.lora_a": delta["query.lora_a"]})
    with pytest.raises(SpaceError, match=r"query.lora_a is \(3, 6\), not \(2, 6\)"):
        load_lora_state_dict(other, delta | {"query.lora_a": torch.zeros(3, 6)})


def test_lora_refuses_patterns_that_fit_nothing():
    with pytest.raises(ConfigError, match="matches no linear layer of Small .has: query, key, out.0"):
        add_lora(Small(), "value")
    with pytest.raises(ConfigError, match="no regular expression"):
        add_lora(Small(), "(")
    with pytest.raises(ConfigError, match="rank of at least 1"):
        add_lora(Small(), "query", rank=0)
