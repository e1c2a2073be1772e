"""InfoNCE itself: closed forms, the written-out definition, limits, types, bad input."""

import math
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from dense_info_nce import assert_same, vectors

import jointspace as js
from jointspace.errors import JointspaceError
from jointspace.objectives.contrastive import block, info_nce, info_nce_two_way, pool


def unit(n, seed=0):
    return vectors(n, 6, seed=seed, unit=True).detach()


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("symmetric", [False, True])
def test_equal_embeddings_cost_log_n(n, smoothing, symmetric):
    x = unit(1).expand(n, -1)
    loss = info_nce(x, x, temperature=0.3, label_smoothing=smoothing, symmetric=symmetric)
    assert loss.item() == pytest.approx(math.log(n), abs=1e-12)


def test_agrees_with_the_definition_written_out():
    x, y, t = unit(5), unit(5, seed=1), 0.2
    want = 0.0
    for i in range(5):
        total = sum(math.exp(x[i] @ y[j] / t) for j in range(5))
        want -= math.log(math.exp(x[i] @ y[i] / t) / total) / 5
    assert info_nce(x, y, temperature=t).item() == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("tile", [3, None])
@pytest.mark.parametrize("symmetric", [False, True])
def test_value_and_gradients_are_the_full_matrix_cross_entropy(n, tile, symmetric):
    q, k = vectors(n, 5), vectors(n, 5, seed=1)  # not unit length
    t = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    logits, target = q @ k.T / t, torch.arange(n)
    want = F.cross_entropy(logits, target)
    if symmetric:
        want = (want + F.cross_entropy(logits.T, target)) / 2
    assert_same(info_nce(q, k, temperature=t, symmetric=symmetric, tile=tile), want, [q, k, t])


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("keep", [True, False])
def test_gradcheck(symmetric, keep, monkeypatch):
    monkeypatch.setattr(block, "KEEP_BYTES", block.KEEP_BYTES if keep else 0)
    t = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)

    def loss(q, k, h, t):
        ids = torch.tensor([0, 1, 0, 2])
        return info_nce(q, k, temperature=t, symmetric=symmetric, negatives=h, label_smoothing=0.1, key_ids=ids, tile=3)

    assert torch.autograd.gradcheck(loss, (vectors(4, 3), vectors(4, 3, seed=1), vectors(4, 2, 3, seed=2), t))


def test_one_row_costs_nothing_and_has_a_gradient():
    q, k = vectors(1, 4), vectors(1, 4, seed=1)
    loss = info_nce(q, k, temperature=0.1, symmetric=True)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert q.grad.abs().max() < 1e-12 and k.grad.abs().max() < 1e-12


def test_kept_and_recomputed_tiles_agree(monkeypatch):
    q, k = vectors(50, 8, unit=True), vectors(50, 8, seed=1, unit=True)
    how = dict(temperature=0.1, symmetric=True, tile=16)
    kept = torch.autograd.grad(info_nce(q, k, **how), (q, k))
    monkeypatch.setattr(block, "KEEP_BYTES", 0)
    again = torch.autograd.grad(info_nce(q, k, **how), (q, k))
    assert all(torch.equal(a, b) for a, b in zip(kept, again))


def test_kept_tiles_are_used_again_and_never_too_early(monkeypatch):
    monkeypatch.setattr(pool, "_free", [])
    q, k = vectors(20, 4), vectors(20, 4, seed=1)
    other = vectors(20, 4, seed=2)
    want = torch.autograd.grad(info_nce(q, k, tile=8), (q, k))
    assert len(pool._free) == 9  # given back
    first = info_nce(q, k, tile=8)
    assert not pool._free
    torch.autograd.grad(first, (q, k), retain_graph=True)  # first still owns its tiles
    assert not pool._free
    torch.autograd.grad(info_nce(other, k, tile=8), k)
    assert len(pool._free) == 9
    info_nce(other, k, tile=8)  # a graph that is never run gives nothing back
    assert not pool._free
    assert all(torch.equal(a, b) for a, b in zip(torch.autograd.grad(first, (q, k)), want))
    monkeypatch.setattr(pool, "POOL_BYTES", 3 * 64 * 8)
    pool._free.clear()
    torch.autograd.grad(info_nce(q, k, tile=8), (q, k))
    assert len(pool._free) == 3


def test_backward_twice_over_one_graph_gives_the_same_gradient():
    q, k = vectors(9, 4), vectors(9, 4, seed=1)
    loss = info_nce(q, k, symmetric=True, tile=4)
    first = torch.autograd.grad(loss, (q, k), retain_graph=True)
    assert all(torch.equal(a, b) for a, b in zip(first, torch.autograd.grad(loss, (q, k))))


@pytest.mark.parametrize("temperature", [0.02, 0.01, 0.001])
@pytest.mark.parametrize("symmetric", [False, True])
def test_large_scales_do_not_underflow(temperature, symmetric):
    """Opposite vectors at T = 0.001: every logit but one is 2,000 below the bound; a fixed shift alone gives log 0."""
    q = vectors(6, 8, unit=True, dtype=torch.float32)
    k = (-q.detach() + 0.3 * vectors(6, 8, seed=1, unit=True, dtype=torch.float32).detach()).requires_grad_()
    logits = (q.double() @ k.double().T) / temperature
    want = F.cross_entropy(logits, torch.arange(6))
    if symmetric:
        want = (want + F.cross_entropy(logits.T, torch.arange(6))) / 2
    assert_same(info_nce(q, k, temperature=temperature, symmetric=symmetric), want, [q, k], rel=2e-5)


@pytest.mark.parametrize("factor", [1.0, 1e-20, 0.0, -3.0])
def test_trained_vectors_at_a_small_temperature(factor):
    """Gradients of logits near the smallest normal number are computed larger and brought back exactly."""
    q = vectors(40, 16, unit=True, dtype=torch.float32)
    k = F.normalize(q.detach() + 0.05 * vectors(40, 16, seed=1, dtype=torch.float32).detach(), dim=1).requires_grad_()
    logits = q.double() @ k.double().T / 0.01
    want = torch.autograd.grad(F.cross_entropy(logits, torch.arange(40)) * factor, (q, k))
    got = torch.autograd.grad(info_nce(q, k, temperature=0.01) * factor, (q, k))
    for a, b in zip(got, want):
        assert (a - b).abs().max() <= 1e-4 * b.abs().max() + 1e-11 * abs(factor)


@pytest.mark.parametrize("temperature", [0.07, 0.01])
@pytest.mark.parametrize("n", [1, 4])
def test_no_rounding_where_the_loss_is_near_zero(n, temperature):
    """The own logit is subtracted inside: 0 (and never less) in float32, where log Z - s would be off by 1e-5."""
    for seed in range(20):
        q = vectors(n, 64, seed=seed, unit=True, dtype=torch.float32)
        loss = info_nce(q, q, temperature=temperature, symmetric=True)
        logits = (q.double() @ q.double().T) / temperature
        want = F.cross_entropy(logits, torch.arange(n))
        assert loss.item() >= 0 and abs(loss.item() - want.item()) <= 1e-5 * want.item() + 1e-7


def test_the_row_maximum_fallback_is_what_saves_large_scales(monkeypatch):
    from jointspace.objectives.contrastive import dot

    q = vectors(6, 8, unit=True, dtype=torch.float32)
    k = (-q.detach()).requires_grad_()
    right = info_nce(q, k, temperature=0.001)
    fixed = dot.fixed_shift
    monkeypatch.setattr(dot, "fixed_shift", lambda tiles, plan, shift, least: fixed(tiles, plan, shift, 0.0))
    wrong = info_nce(q, k, temperature=0.001)
    assert torch.isfinite(right) and right > 100
    assert wrong < -1e20  # log of an empty sum: the case the check exists for


def test_long_vectors_and_one_outlier():
    q, k = vectors(20, 6), vectors(20, 6, seed=1)
    q = (q * torch.where(torch.arange(20) == 3, 400.0, 1.0)[:, None]).detach().requires_grad_()
    want = F.cross_entropy(q @ k.T, torch.arange(20))
    assert_same(info_nce(q, k, tile=7), want, [q, k])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_inputs_are_widened(dtype):
    q, k = (vectors(16, 8, seed=s, unit=True).detach().to(dtype).requires_grad_() for s in (0, 1))
    want = F.cross_entropy(q.float() @ k.float().T / 0.05, torch.arange(16))
    loss = info_nce(q, k, temperature=0.05)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(want.item(), rel=1e-5)
    loss.backward()
    assert q.grad.dtype == dtype and torch.isfinite(q.grad).all()


@pytest.mark.parametrize("options", [{}, {"in_batch": False}, {"denominator": "negatives"}])
def test_autocast_changes_nothing(options):
    q, k, h = (vectors(*s, unit=True, dtype=torch.float32) for s in ((16, 8), (16, 8), (16, 2, 8)))
    loss = info_nce(q, k, temperature=0.05, negatives=h, **options)
    want = torch.autograd.grad(loss, (q, k, h))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = info_nce(q, k, temperature=0.05, negatives=h, **options)
        got = torch.autograd.grad(inside, (q, k, h))
    assert inside.dtype == torch.float32 and torch.equal(inside, loss)
    assert all(torch.equal(a, b) for a, b in zip(want, got))


def test_nan_reaches_the_loss():
    q = vectors(4, 3).detach()
    q[2, 1] = math.nan
    assert torch.isnan(info_nce(q, q, temperature=0.1))


def test_two_terms_apart_are_the_symmetric_form():
    q, k = vectors(8, 4), vectors(8, 4, seed=1)
    forward, back = info_nce_two_way(q, k, temperature=0.5)
    assert forward.item() == pytest.approx(info_nce(q, k, temperature=0.5).item(), rel=1e-14)
    assert back.item() == pytest.approx(info_nce(k, q, temperature=0.5).item(), rel=1e-12)
    both = info_nce(q, k, temperature=0.5, symmetric=True)
    assert both.item() == pytest.approx((forward.item() + back.item()) / 2, rel=1e-14)


def test_permuting_rows_changes_nothing():
    q, k = vectors(12, 4), vectors(12, 4, seed=1)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    assert info_nce(q[order], k[order]).item() == pytest.approx(info_nce(q, k).item(), rel=1e-12)


def test_no_gradient_wanted_none_computed():
    q = vectors(8, 4).detach()
    with torch.no_grad():
        assert not info_nce(q, q).requires_grad
    t = torch.tensor(0.5, requires_grad=True)
    info_nce(q, q, temperature=t).backward()
    assert t.grad is not None and t.grad.dtype == torch.float32


@pytest.mark.parametrize(
    "change, words",
    [
        ({"keys": torch.ones(4, 5)}, "keys: axis D is 5"),
        ({"keys": torch.ones(2, 3)}, "keys: 2 rows for 4 queries"),
        ({"queries": torch.ones(4, 3, 1)}, "queries: expected axes B D"),
        ({"queries": torch.ones(0, 3)}, "queries: an empty batch"),
        ({"temperature": 0.0}, "temperature: must be > 0"),
        ({"temperature": torch.ones(2)}, "temperature: expected one element"),
        ({"label_smoothing": 1.0}, r"label_smoothing: must lie in \[0, 1\)"),
        ({"denominator": "some"}, "denominator: 'some'"),
        ({"denominator": "negatives", "label_smoothing": 0.1}, "label_smoothing: has no meaning"),
        ({"weights": torch.ones(3)}, r"weights: expected shape \(4,\)"),
        ({"key_ids": torch.ones(3)}, r"key_ids: expected shape \(4,\)"),
        ({"negative_ids": torch.ones(4, 2)}, "negative_ids: there are no negatives"),
        ({"in_batch": False}, "negatives: in_batch=False"),
        ({"ignore": torch.zeros(4, 3, dtype=torch.bool)}, r"ignore: expected bool of shape \(4, 4\)"),
        (
            {"positives": torch.ones(4, 3, dtype=torch.bool)},
            "positives: a matrix must have a column for each of 4 keys",
        ),
        ({"positives": torch.tensor([[9], [0], [1], [2]])}, "positives: index 9 but there are only 4 keys"),
        ({"positives": (torch.ones(4), torch.ones(3))}, "positives: two id vectors"),
        ({"positives": -torch.ones(4, 4)}, "positives: soft targets must be >= 0"),
    ],
)
def test_bad_input_names_the_argument(change, words):
    arguments = {"queries": torch.ones(4, 3), "keys": torch.ones(4, 3)} | change
    with pytest.raises(JointspaceError, match=words):
        info_nce(**arguments)


def test_lazy_names():
    assert js.objectives.info_nce is info_nce
    assert set(js.objectives.__all__) <= set(dir(js.objectives))
    for name in js.objectives.__all__:
        assert callable(getattr(js.objectives, name))
    assert js.objectives.ranking.triplet is js.objectives.triplet
    with pytest.raises(AttributeError, match="no attribute 'info_nse'"):
        _ = js.objectives.info_nse
    code = "import jointspace.objectives, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
