"""XBT: losses of both stages are those pinned; the tiny reproduction runs every arm."""

import pytest
import torch
from torch import nn

import jointspace as js
from jointspace.operations.upgrading import xbt
from jointspace.reproductions.harness import load
from jointspace.space import Space, Tower

PINNED = [11.41805, 7.8737, 9.39806, 8.66389, 9.23594]


def unit(n, d, seed):
    return nn.functional.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_pinned_losses_of_stage_1():
    losses = []

    class Watched(xbt.TextProjection):
        def losses(self, batch):
            terms = super().losses(batch)
            losses.append(float(sum(terms.values()).detach()))
            return terms

    from jointspace.encoders.registry import build

    torch.manual_seed(0)
    phi = xbt.Phi(12, 8)
    rows = {"new_text": list(unit(32, 12, 1).numpy()), "old_text": list(unit(32, 8, 2).numpy())}
    encoder = build("static", "text", width=12, vocab_size=300)
    encoder.prepare(["a word"])
    method = Watched(xbt.Config(), Space(text=Tower(encoder, pooling="mean")), phi)
    training = xbt.stage_1_training(steps=5, batch_size=16, torch_threads=1)
    js.fit(method, js.load_data(rows), training, progress=False)
    assert losses == pytest.approx(PINNED, abs=2e-4)


@pytest.mark.slow
def test_tiny_reproduction():
    reproduction = load("xbt")
    result = reproduction.execute(seeds=[1], scale="tiny")
    scores = result["arms"]
    assert set(scores) == set(reproduction.arms)
    assert {"image to text", "text to image", "image to text unseen", "text to image unseen"} <= set(scores["XBT"])
    for direction in ("image to text", "text to image"):
        gained = scores["XBT"][f"positive flips, {direction}"][0] - scores["XBT"][f"negative flips, {direction}"][0]
        change = scores["XBT"][direction][0] - scores["old/old"][direction][0]
        assert gained == pytest.approx(change * reproduction.settings["tiny"]["gallery"], abs=1e-6)
        assert scores["XBT"][f"mixed {direction}, lowest gain"][0] <= change + 1e-9, "nothing replaced is on the curve"
