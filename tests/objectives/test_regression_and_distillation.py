"""Cosine regression, KL of logits, KL of similarity matrices, nested widths."""

import math

import pytest
import torch
import torch.nn.functional as F
from dense_info_nce import assert_same, vectors

from jointspace.errors import JointspaceError
from jointspace.objectives import (
    cosine_regression,
    distillation,
    grid_loss,
    info_nce,
    kl_logits,
    kl_similarities,
    nested_mask,
)


def test_cosine_regression():
    x, y, target = vectors(6, 4), vectors(6, 4, seed=1), torch.linspace(-1, 1, 6, dtype=torch.float64)
    want = sum((x[i] @ y[i] / x[i].norm() / y[i].norm() - target[i]) ** 2 for i in range(6)) / 6
    assert_same(cosine_regression(x, y, target), want, [x, y])
    assert cosine_regression(x, 3 * x, torch.ones(6)).item() == pytest.approx(0, abs=1e-12)
    only = torch.tensor([0.0, 0, 1, 0, 0, 0])
    assert cosine_regression(x, -x, torch.ones(6), weights=only).item() == pytest.approx(4)


@pytest.mark.slow
def test_cosine_regression_is_that_of_sentence_transformers():
    losses = pytest.importorskip("sentence_transformers.losses")
    x, y = (vectors(12, 6, seed=s, dtype=torch.float32).detach() for s in (0, 1))
    labels = torch.rand(12, generator=torch.Generator().manual_seed(0))
    want = losses.CosineSimilarityLoss(None).compute_loss_from_embeddings([x, y], labels)
    assert cosine_regression(x, y, labels).item() == pytest.approx(want.item(), rel=1e-5)


def test_kl_logits_is_torchs_batch_mean():
    s, t = vectors(5, 7), vectors(5, 7, seed=1)
    want = F.kl_div(F.log_softmax(s / 2, 1), F.log_softmax(t.detach() / 2, 1), reduction="batchmean", log_target=True)
    assert_same(kl_logits(s, t, temperature=2.0), want, [s])
    assert torch.autograd.grad(kl_logits(s, t), t, allow_unused=True)[0] is None
    assert torch.autograd.grad(kl_logits(s, t, detach=False), t)[0].abs().sum() > 0
    assert kl_logits(t, t).item() == pytest.approx(0, abs=1e-14)


def test_kl_logits_by_hand():
    """Teacher (1/2, 1/2, 0), student uniform over 3: log 3 - log 2."""
    teacher = torch.tensor([[0.0, 0.0, -math.inf]], dtype=torch.float64)
    student = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    loss = kl_logits(student, teacher)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(1.5), rel=1e-12)
    assert student.grad[0].tolist() == pytest.approx([-1 / 6, -1 / 6, 1 / 3])


def test_top_k_sees_the_teachers_classes_alone():
    s, t = vectors(5, 7), vectors(5, 7, seed=1)
    want = 0
    for i in range(5):
        keep = t[i].topk(3).indices
        p, q = t[i][keep].detach().softmax(0), s[i][keep].softmax(0)
        want = want + (p * (p / q).log()).sum() / 5
    assert_same(kl_logits(s, t, top_k=3), want, [s])
    assert kl_logits(s, t, top_k=7).item() == pytest.approx(kl_logits(s, t).item(), rel=1e-12)
    with pytest.raises(JointspaceError, match=r"top_k: must lie in 1\.\.7, got 8"):
        kl_logits(s, t, top_k=8)


@pytest.mark.parametrize("strip", [distillation.STRIP, 18])
@pytest.mark.parametrize("same_side", [False, True])
def test_kl_of_similarity_matrices(strip, same_side, monkeypatch):
    monkeypatch.setattr(distillation, "STRIP", strip)
    q, k = vectors(9, 4), vectors(9, 4, seed=1)
    tq, tk = vectors(9, 6, seed=2), vectors(9, 6, seed=3)
    t = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    student, teacher = q @ k.T / t, tq.detach() @ tk.detach().T / 0.2
    if same_side:
        student, teacher = (x.masked_fill(torch.eye(9, dtype=torch.bool), -1e5) for x in (student, teacher))
    want = F.kl_div(student.log_softmax(1), teacher.log_softmax(1), reduction="batchmean", log_target=True)
    ours = kl_similarities(q, k, tq, tk, temperature=t, teacher_temperature=0.2, same_side=same_side)
    assert_same(ours, want, [q, k, t])


def test_same_side_needs_two_items():
    x = torch.ones(1, 3)
    with pytest.raises(JointspaceError, match="same_side: needs B = N >= 2"):
        kl_similarities(x, x, x, x, same_side=True)


def test_grid_of_layers_and_widths():
    layers = {2: {"queries": vectors(5, 8), "keys": vectors(5, 8, seed=1)}, 1: {"queries": vectors(5, 8, seed=2)}}
    layers[1]["keys"] = vectors(5, 8, seed=3)
    terms = grid_loss(info_nce, layers, [(2, 8, 1.0), (2, 4, 0.5), (1, 4, 0.25)])
    cut = {name: F.normalize(x[:, :4], dim=1) for name, x in layers[1].items()}
    assert list(terms) == ["layer_2_dim_8", "layer_2_dim_4", "layer_1_dim_4"]
    assert terms["layer_1_dim_4"].item() == pytest.approx(0.25 * info_nce(**cut).item(), rel=1e-12)

    def alignment(cut, first):
        return kl_similarities(cut["queries"], cut["keys"], first["queries"], first["keys"])

    aligned = grid_loss(info_nce, layers, [(2, 8, 1.0), (2, 4, 0.5)], alignment=alignment)
    assert aligned["layer_2_dim_8"].item() == terms["layer_2_dim_8"].item()
    assert aligned["layer_2_dim_4"] > terms["layer_2_dim_4"]
    with pytest.raises(JointspaceError, match="grid: layer 3"):
        grid_loss(info_nce, layers, [(3, 8, 1.0)])
    with pytest.raises(JointspaceError, match="grid: dim 9 of queries, which is 8 wide"):
        grid_loss(info_nce, layers, [(2, 9, 1.0)])


def test_nested_mask():
    assert nested_mask([1, 3], 4).tolist() == [[True, False, False, False], [True, True, True, False]]
