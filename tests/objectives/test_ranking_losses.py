"""Losses on scores against loops, torch and sentence-transformers."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from dense_info_nce import assert_same, vectors

from jointspace.errors import JointspaceError
from jointspace.objectives import angle_score, batch_triplet, cosent, pair_ranking, triplet


def test_triplet_is_torchs_on_negative_distances():
    a, p, n = (vectors(6, 4, seed=s) for s in range(3))
    want = F.triplet_margin_loss(a, p, n, margin=0.7, eps=0)
    ours = triplet(-(a - p).norm(dim=1), -(a - n).norm(dim=1), margin=0.7)
    assert_same(ours, want, [a, p, n])


POSITIVE = torch.tensor([1.0, 1.0, 1.0, 1.0], dtype=torch.float64)
NEGATIVE = torch.tensor([[0.9, 0.2, 1.5], [1.2, 1.4, 1.1], [0.1, 0.2, 0.3], [9.0, 9.0, 9.0]], dtype=torch.float64)
NONE = torch.tensor([[False] * 3] * 3 + [[True] * 3])


@pytest.mark.parametrize(
    "mining, rows",
    [
        ("mean", [(0.4 + 0.0 + 1.0) / 3, (0.7 + 0.9 + 0.6) / 3, 0.0, 0.0]),  # margin 0.5
        ("hardest", [1.0, 0.9, 0.0, 0.0]),
        ("semi_hard", [0.4, 0.6, 0.0, 0.0]),  # row 1 has none below its positive: the easiest, 1.1
    ],
)
def test_mining_by_hand(mining, rows):
    p, n = POSITIVE.clone().requires_grad_(), NEGATIVE.clone().requires_grad_()
    loss = triplet(p, n, margin=0.5, mining=mining, ignore=NONE)
    assert loss.item() == pytest.approx(sum(rows) / 4, rel=1e-12)
    loss.backward()
    assert torch.isfinite(p.grad).all() and n.grad[3].abs().sum() == 0
    weighted = triplet(p, n, margin=0.5, mining=mining, ignore=NONE, weights=torch.tensor([0.0, 1, 0, 0]))
    assert weighted.item() == pytest.approx(rows[1], rel=1e-12)


LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 2, 0])


def by_labels(scores, mining):
    same = LABELS[:, None] == LABELS
    me = torch.eye(len(LABELS), dtype=torch.bool)
    return batch_triplet(scores, margin=5.0, mining=mining, positives=same & ~me, ignore=me)


@pytest.mark.slow
@pytest.mark.parametrize("mining", ["hardest", "semi_hard"])
def test_batch_mining_is_that_of_sentence_transformers(mining):
    losses = pytest.importorskip("sentence_transformers.losses")
    x = vectors(8, 4, unit=True, dtype=torch.float32).detach()
    name = {"hardest": "BatchHardTripletLoss", "semi_hard": "BatchSemiHardTripletLoss"}[mining]
    theirs = getattr(losses, name)(None, distance_metric=losses.BatchHardTripletLossDistanceFunction.cosine_distance)
    theirs.triplet_margin = theirs.margin = 5.0
    method = {"hardest": "batch_hard_triplet_loss", "semi_hard": "batch_semi_hard_triplet_loss"}[mining]
    want = getattr(theirs, method)(LABELS, x)
    ours = by_labels(x @ x.T - 1, mining)
    if mining == "semi_hard":  # theirs averages over pairs, ours over anchors: undo it by hand
        scores, total, pairs = x @ x.T, 0.0, 0
        for i, j in itertools.product(range(8), range(8)):
            if i != j and LABELS[i] == LABELS[j]:
                rest = scores[i][LABELS != LABELS[i]]
                below = rest[rest < scores[i, j]]
                chosen = below.max() if len(below) else rest.min()
                total += max(0.0, 5.0 + (chosen - scores[i, j]).item())
                pairs += 1
        assert want.item() == pytest.approx(total / pairs, rel=1e-5)
        counts = (LABELS[:, None] == LABELS).sum(1) - 1
        assert set(counts.tolist()) == {1, 2}
    else:
        assert ours.item() == pytest.approx(want.item(), rel=1e-5)


@pytest.mark.parametrize("mining", ["mean", "semi_hard"])
def test_batch_triplets_by_loops(mining):
    scores = vectors(8, 8)
    anchors = []
    for i in range(8):
        costs = []
        for j in range(8):
            if i != j and LABELS[i] == LABELS[j]:
                rest = scores[i][LABELS != LABELS[i]]
                below = rest[rest < scores[i, j]]
                chosen = below.max() if len(below) else rest.min()
                rest = chosen if mining == "semi_hard" else rest
                costs.append(F.relu(5.0 + rest - scores[i, j]).mean())
        anchors.append(sum(costs) / len(costs))
    assert_same(by_labels(scores, mining), sum(anchors) / 8, [scores])


def test_diagonal_triplets_both_ways():
    s = vectors(5, 5)
    off = torch.eye(5, dtype=torch.bool)
    rows = F.relu(0.2 + s.masked_fill(off, -1e9).max(1).values - s.diagonal()).mean()
    columns = F.relu(0.2 + s.masked_fill(off, -1e9).max(0).values - s.diagonal()).mean()
    assert_same(batch_triplet(s, margin=0.2, symmetric=True), (rows + columns) / 2, [s])
    assert batch_triplet(s[:1, :1], margin=0.2).item() == 0


def test_pair_ranking_is_the_logistic_loss():
    a, b = vectors(7), vectors(7, seed=1)
    assert_same(pair_ranking(a, b), F.softplus(b - a).mean(), [a, b])
    assert pair_ranking(a, a).item() == pytest.approx(math.log(2), rel=1e-12)


@pytest.mark.parametrize("labels", [[0.0, 1, 2, 3, 4], [1.0, 0, 1, 0, 1], [0.5, 0.5, 0.2, 0.9, 0.2]])
def test_cosent_by_loops(labels):
    s, labels = vectors(5), torch.tensor(labels)
    total = 1 + sum(
        torch.exp(20 * (s[j] - s[i])) for i in range(5) for j in range(5) if labels[i] > labels[j]
    )  # fmt: skip
    assert_same(cosent(s, labels), torch.log(total), [s])
    assert torch.autograd.gradcheck(lambda s: cosent(s, labels, temperature=0.7), (s,))


def test_cosent_without_an_ordered_pair_is_zero_with_a_gradient():
    s = vectors(4)
    loss = cosent(s, torch.ones(4))
    loss.backward()
    assert loss.item() == 0 and torch.equal(s.grad, torch.zeros_like(s))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["CoSENTLoss", "AnglELoss"])
def test_cosent_and_angle_are_those_of_sentence_transformers(name):
    losses = pytest.importorskip("sentence_transformers.losses")
    x, y = (vectors(12, 6, seed=s, dtype=torch.float32).detach() for s in (0, 1))
    labels = torch.rand(12, generator=torch.Generator().manual_seed(0)).round(decimals=1)
    want = getattr(losses, name)(None).compute_loss_from_embeddings([x, y], labels)
    scores = F.cosine_similarity(x, y) if name == "CoSENTLoss" else angle_score(x, y)
    assert cosent(scores, labels).item() == pytest.approx(want.item(), rel=1e-5)


def test_bad_input():
    with pytest.raises(JointspaceError, match="mining: 'hard' is none of"):
        triplet(torch.ones(2), torch.ones(2), margin=1, mining="hard")
    with pytest.raises(JointspaceError, match="negative: axis B is 3"):
        triplet(torch.ones(2), torch.ones(3), margin=1)
    with pytest.raises(JointspaceError, match="x: complex halves need an even width, got 3"):
        angle_score(torch.ones(2, 3), torch.ones(2, 3))
    with pytest.raises(JointspaceError, match="scores: an empty batch"):
        cosent(torch.ones(0), torch.ones(0))
