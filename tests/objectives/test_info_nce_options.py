"""Positives, ignored pairs, smoothing, weights, negatives: each against the dense definition, tile by tile."""

import itertools

import pytest
import torch
from dense_info_nce import assert_same, dense, vectors

from jointspace.objectives.contrastive import info_nce, info_nce_two_way, same_content

N, D = 11, 4
LABELS = torch.tensor([0, 1, 0, 2, 2, 2, 3, 4, 5, 5, 0])
T = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def qk():
    return vectors(N, D), vectors(N, D, seed=1)


def same(labels, others=None):
    return labels[:, None] == (labels if others is None else others)[None, :]


def target_of(mask):
    mask = mask.double()
    return mask / mask.sum(1, keepdim=True).clamp_min(1e-30)


def both(q, k, target, out=None, **how):
    """The two directions of the dense definition."""
    forward = dense(q, k, target=target_of(target), out=out, **how)
    return forward, dense(k, q, target=target_of(target.T), out=None if out is None else out.T, **how)


def check_both(q, k, want, **options):
    got = info_nce_two_way(q, k, temperature=T, tile=4, **options)
    for ours, dense_value in zip(got, want):
        assert_same(ours, dense_value, [q, k, T])


SPARSE = torch.zeros(N, N, dtype=torch.bool).index_put_((torch.arange(N), torch.arange(N).roll(3)), torch.tensor(True))
SPARSE[0, [1, 2, 3]] = True
SPARSE[5] = False  # a query without a positive
SPARSE[:, 7] = False  # a key without one


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", ["labels", "label_mask", "mask", "indices"])
def test_several_positives(qk, form, smoothing, weighted):
    q, k = qk
    mask = SPARSE if form in ("mask", "indices") else same(LABELS)
    indices = torch.full((N, 5), -1)
    for i in range(N):
        places = SPARSE[i].nonzero()[:, 0]
        indices[i, 1 : 1 + len(places)] = places
    told = {"labels": (LABELS, LABELS), "label_mask": mask, "mask": mask, "indices": indices}[form]
    weights = torch.linspace(0.1, 2, N, dtype=torch.float64) if weighted else None
    want = both(q, k, mask, temperature=T, smoothing=smoothing, weights=weights)
    check_both(q, k, want, positives=told, label_smoothing=smoothing, weights=weights)


def test_soft_targets(qk):
    q, k = qk
    soft = torch.rand(N, N, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * SPARSE
    want = (
        dense(q, k, target=soft / soft.sum(1, keepdim=True).clamp_min(1e-30), temperature=T),
        dense(k, q, target=soft.T / soft.T.sum(1, keepdim=True).clamp_min(1e-30), temperature=T),
    )
    check_both(q, k, want, positives=soft)


def test_mean_of_positives_stands_outside_the_log(qk):
    q, k = qk
    pairs = [[i, j] for i, j in itertools.product(range(N), range(N)) if LABELS[i] == LABELS[j]]
    log_p = torch.log_softmax(q @ k.T, 1)
    want = 0
    for i in range(N):
        own = [j for a, j in pairs if a == i]
        want = want - sum(log_p[i, j] for j in own) / len(own) / N
    assert info_nce(q, k, positives=(LABELS, LABELS)).item() == pytest.approx(want.item(), rel=1e-12)


def test_no_positive_anywhere_costs_nothing_with_a_gradient(qk):
    q, k = qk
    loss = info_nce(q, k, positives=torch.zeros(N, N, dtype=torch.bool), symmetric=True)
    loss.backward()
    assert loss.item() == 0 and torch.equal(q.grad, torch.zeros_like(q))


@pytest.mark.parametrize("few", [0, 8])  # compared tile by tile, or listed
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("which", ["query", "key", "both", "crossed"])
def test_same_content_is_no_negative(qk, which, smoothing, few, monkeypatch):
    monkeypatch.setattr(same_content, "FEW", few)
    q, k = qk
    query_ids = LABELS.clone() if which != "key" else None
    key_ids = None if which == "query" else LABELS + (100 if which == "both" else 0)
    if which == "crossed":
        key_ids = torch.arange(N) + 1000
        key_ids[4] = LABELS[7]  # key 4 is the text of query 7
    out = torch.zeros(N, N, dtype=torch.bool)
    if query_ids is not None:
        out |= same(query_ids)
    if key_ids is not None:
        out |= same(key_ids)
    if query_ids is not None and key_ids is not None:
        out |= same(query_ids, key_ids)
    assert out.sum() > N
    want = both(q, k, torch.eye(N, dtype=torch.bool), out, temperature=T, smoothing=smoothing)
    check_both(q, k, want, query_ids=query_ids, key_ids=key_ids, label_smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("rule", ["mask", "callable"])
def test_ignored_pairs_leave_the_denominator(qk, rule, smoothing):
    q, k = qk
    out = torch.rand(N, N, generator=torch.Generator().manual_seed(5)) < 0.4
    out[2] = True  # only its positive is left
    ignore = out if rule == "mask" else lambda rows, columns: out[rows, columns]
    want = both(q, k, SPARSE, out, temperature=T, smoothing=smoothing)
    check_both(q, k, want, ignore=ignore, positives=SPARSE, label_smoothing=smoothing)


@pytest.mark.parametrize("few", [0, 8])
@pytest.mark.parametrize("scale", [1.0, 200.0])  # the second takes the way of running maxima
def test_ids_masks_and_positives_elsewhere_together(qk, few, scale, monkeypatch):
    """Key i is not a positive of query i here: by its ids it is then no negative either."""
    monkeypatch.setattr(same_content, "FEW", few)
    q, k = ((x * scale**0.5).detach().requires_grad_() for x in qk)
    out = torch.rand(N, N, generator=torch.Generator().manual_seed(5)) < 0.3
    positives = torch.eye(N, dtype=torch.bool).roll(1, 1) | SPARSE
    want = both(q, k, positives, out | same(LABELS), temperature=T)
    check_both(q, k, want, ignore=out, query_ids=LABELS, positives=positives)


def test_ignoring_all_but_the_positive_costs_nothing(qk):
    q, k = qk
    loss = info_nce(q, k, ignore=torch.ones(N, N, dtype=torch.bool), symmetric=True, label_smoothing=0.1)
    assert loss.item() == pytest.approx(0, abs=1e-12)


def test_smoothing_identity(qk):
    q, k = qk
    log_p = torch.log_softmax(q @ k.T, 1)
    want = 0.9 * info_nce(q, k) + 0.1 * -log_p.mean()
    assert info_nce(q, k, label_smoothing=0.1).item() == pytest.approx(want.item(), rel=1e-12)
    theirs = torch.nn.functional.cross_entropy(q @ k.T, torch.arange(N), label_smoothing=0.1)
    assert info_nce(q, k, label_smoothing=0.1).item() == pytest.approx(theirs.item(), rel=1e-12)


def test_weights_are_a_weighted_mean(qk):
    q, k = qk
    weights = torch.zeros(N).index_fill_(0, torch.tensor([3]), 5.0)
    alone = torch.logsumexp(q[3] @ k.T, 0) - q[3] @ k[3]
    assert info_nce(q, k, weights=weights).item() == pytest.approx(alone.item(), rel=1e-12)
    assert info_nce(q, k, weights=torch.full((N,), 7.0)).item() == pytest.approx(info_nce(q, k).item(), rel=1e-12)
    loss = info_nce(q, k, weights=torch.zeros(N))
    loss.backward()
    assert loss.item() == 0 and q.grad is not None


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("in_batch", [True, False])
def test_hard_negatives(qk, in_batch, smoothing):
    (q, k), h = qk, vectors(N, 3, D, seed=2)
    key_ids = torch.arange(N)
    negative_ids = torch.arange(100, 100 + 3 * N).view(N, 3)
    negative_ids[2, 1] = 5  # a negative of row 2 is the positive of row 5
    negative_ids[4, 0] = 4  # a negative of row 4 is its own positive
    out = torch.cat([torch.zeros(N, N, dtype=torch.bool), same(key_ids, negative_ids.flatten())], 1)
    want = dense(q, k, temperature=T, smoothing=smoothing, negatives=h, out=out, own=not in_batch)
    how = dict(temperature=T, negatives=h, label_smoothing=smoothing, in_batch=in_batch)
    ours = info_nce(q, k, key_ids=key_ids, negative_ids=negative_ids, **how)
    assert_same(ours, want, [q, k, h, T])
    if in_batch:  # the same told as a mask over keys and negatives, and as a rule
        for ignore in (out, lambda rows, columns: out[rows, columns]):
            assert_same(info_nce(q, k, ignore=ignore, tile=4, **how), want, [q, k, h, T])


def test_own_negatives_touch_no_other_row(qk):
    (q, k), h = qk, vectors(N, 3, D, seed=2)
    weights = torch.zeros(N).index_fill_(0, torch.tensor([2]), 1.0)
    info_nce(q, k, negatives=h, in_batch=False, weights=weights).backward()
    touched = (
        (k.grad.abs().sum(1) > 0).nonzero()[:, 0].tolist(),
        (h.grad.abs().sum((1, 2)) > 0).nonzero()[:, 0].tolist(),
    )
    assert touched == ([2], [2])


def test_the_order_of_negatives_is_private(qk):
    (q, k), h = qk, vectors(N, 3, D, seed=2)
    order = torch.tensor([2, 0, 1])
    assert info_nce(q, k, negatives=h[:, order]).item() == pytest.approx(info_nce(q, k, negatives=h).item(), rel=1e-12)


def test_further_keys_are_negatives(qk):
    (q, _), k = qk, vectors(N + 5, D, seed=3)
    assert_same(info_nce(q, k, temperature=T, tile=4), dense(q, k, temperature=T), [q, k, T])
    ids = torch.arange(N)
    ids[3] = 0
    out = torch.zeros(N, N + 5, dtype=torch.bool)
    out[:, :N] = same(ids)
    assert_same(info_nce(q, k, query_ids=ids, tile=4), dense(q, k, out=out), [q, k])
    back = dense(k, q, target=torch.eye(N + 5, N, dtype=torch.float64))
    assert_same(info_nce_two_way(q, k, tile=4)[1], back, [q, k])


@pytest.mark.parametrize("with_negatives, in_batch", [(False, True), (True, True), (True, False)])
def test_each_positive_against_the_negatives_alone(qk, with_negatives, in_batch):
    (q, k), h = qk, vectors(N, 3, D, seed=2) if with_negatives else None
    mask = same(LABELS)
    want = dense(q, k, temperature=T, target=target_of(mask), negatives=h, own=not in_batch, denominator="negatives")
    how = dict(temperature=T, negatives=h, in_batch=in_batch, denominator="negatives")
    inputs = [q, k, T] + ([h] if with_negatives else [])
    ours = info_nce(q, k, positives=(LABELS, LABELS), **how, **({"tile": 4} if in_batch else {}))
    assert_same(ours, want, inputs)
    assert_same(info_nce(q, k, positives=mask, **how), want, inputs)


def test_decoupled_closed_form():
    """All similarities equal, n negatives: log(1 + n) a positive; no negative at all: 0."""
    x = torch.ones(6, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    loss = info_nce(x, x, positives=(labels, labels), denominator="negatives")
    assert loss.item() == pytest.approx(torch.log(torch.tensor(4.0)).item(), rel=1e-7)
    loss = info_nce(x, x, positives=(labels * 0, labels * 0), denominator="negatives", symmetric=True)
    loss.backward()
    assert loss.item() == 0 and torch.isfinite(x.grad).all()


def test_one_positive_decoupled_is_the_plain_loss(qk):
    q, k = qk
    assert info_nce(q, k, denominator="negatives").item() == pytest.approx(info_nce(q, k).item(), rel=1e-12)
