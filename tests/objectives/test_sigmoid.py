"""Pairwise sigmoid against its definition, the paper's first loss, and transformers' SigLIP."""

import math

import pytest
import torch
import torch.nn.functional as F
from dense_info_nce import assert_same, vectors

from jointspace.errors import JointspaceError
from jointspace.objectives import pairwise_sigmoid, sigmoid

N, D = 9, 4
LABELS = torch.tensor([0, 1, 0, 2, 2, 2, 3, 4, 5])


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    whole = sigmoid.Tiles
    monkeypatch.setattr(sigmoid, "Tiles", lambda q, k, scale, size: whole(q, k, scale, 4))


def slow(q, k, t, b, positive=None, out=None, weights=None):
    positive = torch.eye(len(q), len(k), dtype=torch.bool) if positive is None else positive
    cost = -F.logsigmoid(torch.where(positive, 1.0, -1.0) * (q @ k.T / t + b))
    if out is not None:
        cost = cost.masked_fill(out & ~positive, 0)
    weights = torch.ones(len(q), dtype=q.dtype) if weights is None else weights
    return (cost.sum(1) * weights).sum() / weights.sum()


@pytest.mark.parametrize("form", ["pairs", "labels", "mask", "more keys", "ids", "ignore", "weights"])
def test_value_and_gradients_follow_the_definition(form):
    q, k = vectors(N, D), vectors(N + 3 * (form == "more keys"), D, seed=1)
    t, b = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.4, -2.0))
    same = LABELS[:, None] == LABELS
    out = torch.rand(N, N, generator=torch.Generator().manual_seed(0)) < 0.4
    mask = torch.rand(N, N, generator=torch.Generator().manual_seed(1)) < 0.3
    weights = torch.linspace(0, 1, N, dtype=torch.float64)
    ours, reference = {
        "pairs": ({}, {}),
        "more keys": ({}, {}),
        "labels": ({"positives": (LABELS, LABELS)}, {"positive": same}),
        "mask": ({"positives": mask}, {"positive": mask}),
        "ids": ({"query_ids": LABELS}, {"out": same}),
        "ignore": ({"ignore": out}, {"out": out}),
        "weights": ({"weights": weights}, {"weights": weights}),
    }[form]
    assert_same(pairwise_sigmoid(q, k, temperature=t, bias=b, **ours), slow(q, k, t, b, **reference), [q, k, t, b])


def test_gradcheck():
    t, b = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.4, -2.0))
    assert torch.autograd.gradcheck(
        lambda q, k, t, b: pairwise_sigmoid(q, k, temperature=t, bias=b), (vectors(5, 3), vectors(5, 3, seed=1), t, b)
    )


def test_orthogonal_vectors_cost_the_closed_form():
    """All similarities 0 at b = -10: softplus(10) for the positive, softplus(-10) for each of n - 1 others."""
    x, y = torch.eye(8, dtype=torch.float64)[:4], torch.eye(8, dtype=torch.float64)[4:]
    want = math.log1p(math.exp(10)) + 3 * math.log1p(math.exp(-10))
    assert pairwise_sigmoid(x, y).item() == pytest.approx(want, rel=1e-12)


def test_large_logits_are_finite():
    q = vectors(4, 3, unit=True, dtype=torch.float32)
    loss = pairwise_sigmoid(q, q, temperature=1e-3, bias=0.0)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(q.grad).all()


@pytest.mark.slow
def test_equals_siglip_of_transformers():
    transformers = pytest.importorskip("transformers")
    tiny = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    config = transformers.SiglipConfig(
        text_config=tiny | {"vocab_size": 20, "max_position_embeddings": 8, "projection_size": 16},
        vision_config=tiny | {"image_size": 8, "patch_size": 4},
    )
    torch.manual_seed(0)
    model = transformers.SiglipModel(config).eval()
    model.logit_bias.data.fill_(-3.0)
    model.logit_scale.data.fill_(1.2)
    with torch.no_grad():
        out = model(
            input_ids=torch.randint(0, 20, (5, 8)), pixel_values=torch.randn(5, 3, 8, 8), return_loss=True
        )  # fmt: skip
        ours = pairwise_sigmoid(out.text_embeds, out.image_embeds, temperature=math.exp(-1.2), bias=-3.0)
    assert ours.item() == pytest.approx(out.loss.item(), rel=1e-5)


def test_soft_targets_are_refused():
    with pytest.raises(JointspaceError, match="positives: the sigmoid loss takes no soft targets"):
        pairwise_sigmoid(torch.ones(2, 3), torch.ones(2, 3), positives=torch.ones(2, 2))
