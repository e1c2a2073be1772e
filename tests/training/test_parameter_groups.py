import pytest
import torch
from torch import nn
from toys import pairs, toy

import jointspace as js
from jointspace.encoders.base import Encoder
from jointspace.errors import ConfigError
from jointspace.training.groups import layer_factors, parameter_groups, set_trainable
from jointspace.training.method import Method


class Stack(Encoder):
    modality = "text"
    dim = 2

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(3, 2)
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)) for _ in range(3))
        self.norm = nn.LayerNorm(2)


class Holder(Method):
    def __init__(self):
        super().__init__(None)
        self.text_encoder = Stack()
        self.head = nn.Linear(2, 2)


def test_layer_decay_counts_from_the_top():
    factors = layer_factors(Holder(), 0.5)
    assert factors["text_encoder.embedding.weight"] == 0.5**4
    assert [factors[f"text_encoder.layers.{i}.1.bias"] for i in range(3)] == [0.5**3, 0.5**2, 0.5]
    assert factors["text_encoder.norm.weight"] == 1.0 and "head.weight" not in factors


def test_groups_by_name_and_no_decay_below_two_dimensions():
    config = js.TrainingConfig(
        weight_decay=0.1,
        layer_lr_decay=0.5,
        parameter_groups=[
            {"params": "head", "lr_factor": 10, "weight_decay": 0.3},
            {"params": "embedding", "freeze_until": 0.5},
        ],
    )
    by_name = {n: g for g in parameter_groups(Holder(), config) for n in g["names"]}
    assert set(by_name) == {n for n, _ in Holder().named_parameters()}
    head, embedding = by_name["head.weight"], by_name["text_encoder.embedding.weight"]
    assert (head["lr_factor"], head["weight_decay"], by_name["head.bias"]["weight_decay"]) == (10, 0.3, 0.0)
    assert (embedding["freeze_until"], embedding["weight_decay"]) == (0.5, 0.1)
    assert embedding["lr_factor"] == pytest.approx(0.5**4)
    assert by_name["text_encoder.layers.2.0.weight"]["lr_factor"] == 0.5


def test_a_group_that_matches_nothing_is_refused_unless_optional():
    config = js.TrainingConfig(steps=1, batch_size=8, parameter_groups=[{"params": "encoder.layer"}])
    with pytest.raises(ConfigError, match="parameter_groups: 'encoder.layer' matches no parameter"):
        js.fit(toy(), pairs(), config, progress=False)
    config = js.TrainingConfig(steps=1, batch_size=8, parameter_groups=[{"params": "encoder.layer", "optional": True}])
    assert js.fit(toy(), pairs(), config, progress=False).steps == 1


def moved(method, before):
    return {n for n, p in method.named_parameters() if not torch.equal(p, before[n])}


def trained(**fields):
    method = toy()
    before = {n: p.detach().clone() for n, p in method.named_parameters()}
    config = js.TrainingConfig(**{**dict(steps=6, batch_size=8, learning_rate=1e-2), **fields})
    js.fit(method, pairs(), config, progress=False)
    return method, moved(method, before)


def test_trainable_chooses_what_moves():
    every = trained()[1]
    assert every == {n for n, _ in toy().named_parameters()}
    method, head = trained(trainable="head")
    assert head == {n for n in every if not n.startswith("text_encoder.")}
    assert all(p.requires_grad for p in method.parameters()), "what fit froze is free again afterwards"
    assert trained(trainable=r"projection\.bias")[1] == {"projection.bias"}
    with pytest.raises(ConfigError, match="leaves no parameter to learn"):
        trained(trainable="nothing")


def test_a_rate_of_zero_keeps_a_parameter_in_place():
    moving = trained(weight_decay=0.5, parameter_groups=[{"params": "projection", "lr_factor": 0}])[1]
    assert moving and not any(name.startswith("projection") for name in moving)


def test_freeze_until_holds_decay_and_momentum_too():
    seen = []

    class Watch(js.training.Callback):
        def on_step(self, run, terms):
            seen.append(run.method.projection.weight.detach().clone())

    config = js.TrainingConfig(
        steps=6, batch_size=8, weight_decay=0.5, parameter_groups=[{"params": "projection", "freeze_until": 0.5}]
    )
    js.fit(toy(), pairs(), config, callbacks=[Watch()], progress=False)
    assert all(torch.equal(seen[0], w) for w in seen[:3]) and not torch.equal(seen[2], seen[3])


def test_frozen_encoders_stay_in_eval_mode():
    method = toy()
    assert set_trainable(method, js.TrainingConfig(trainable="head")) == ["text_encoder"]
    assert set_trainable(toy(), js.TrainingConfig()) == []
