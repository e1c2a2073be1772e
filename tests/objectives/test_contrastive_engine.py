"""Blocks, partitions and other scores than the inner product, against dense matrices."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from dense_info_nce import assert_same, dense, vectors

from jointspace.errors import JointspaceError
from jointspace.objectives.contrastive import EMPTY, Block, Itself, Masked, info_nce, partition, statistics

N, D = 10, 4


@pytest.mark.parametrize("tile", [3, 64])
@pytest.mark.parametrize("scored", [False, True])
def test_four_blocks_with_a_guide_are_the_dense_loss(tile, scored):
    """GIST: q-p, q-n, q-q from q_i and p-p from p_i under one partition; the guide's threshold is a rule per tile."""
    q, p, n = (vectors(N, D, seed=s, unit=True) for s in range(3))
    gq, gp, gn = (vectors(N, 3, seed=s, unit=True).detach() for s in (5, 6, 7))
    own = (gq * gp).sum(1)
    t = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)

    def above(a, b):
        return lambda rows, columns: a[rows] @ b[columns].T > own[rows, None] + 1e-12

    score = (lambda x, y: x @ y.T) if scored else None
    blocks = [
        Block(q, p, score, ignore=(above(gq, gp),), tile=tile),
        Block(q, n, score, ignore=(above(gq, gn),), tile=tile),
        Block(q, q, score, ignore=(above(gq, gq), Itself()), tile=tile),
        Block(p, p, score, ignore=(above(gp, gp), Itself()), tile=tile),
    ]
    ours = (partition(blocks, 1 / t) - (q * p).sum(1) / t).mean()
    student = torch.cat([q @ p.T, q @ n.T, q @ q.T, p @ p.T], 1)
    guide = torch.cat([gq @ gp.T, gq @ gn.T, gq @ gq.T, gp @ gp.T], 1)
    drop = guide > own[:, None] + 1e-12
    assert drop[:, :N].any() and drop[:, N : 2 * N].any() and not drop[:, :N].diagonal().any()
    want = F.cross_entropy((student / t).masked_fill(drop, -torch.inf), torch.arange(N))
    assert_same(ours, want, [q, p, n, t])


def max_sim(q, q_mask, k, k_mask):
    """(B, L, D), (B, L), (N, M, D), (N, M) -> (B, N): mean over real query tokens of the best real key token."""
    s = torch.einsum("bld,nmd->bnlm", q, k).masked_fill(~k_mask[None, :, None, :], -1e4).amax(3)
    return (s * q_mask[:, None]).sum(2) / q_mask.sum(1)[:, None]


def gated(z, gate, k, w):
    """Cosine after multiplying both sides with the anchor's gate; two matrix products instead of (B, N, D)."""
    g = (gate * w) ** 2
    norm = (z**2 * g).sum(1).sqrt()[:, None] * (g @ (k**2).T).sqrt()
    return (z * g) @ k.T / norm


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_max_sim_in_tiles(smoothing):
    q, k = vectors(N, 3, D), vectors(N, 5, D, seed=1)
    q_mask, k_mask = torch.rand(N, 3) > 0.3, torch.rand(N, 5) > 0.3
    q_mask[:, 0] = k_mask[:, 0] = True
    t = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    ours = info_nce(
        (q, q_mask), (k, k_mask), temperature=t, score=max_sim, label_smoothing=smoothing, tile=4
    )  # fmt: skip
    scores = max_sim(q, q_mask, k, k_mask)
    want = F.cross_entropy(scores / t, torch.arange(N), label_smoothing=smoothing)
    assert_same(ours, want, [q, k, t])


def test_gated_scores_with_several_positives_negatives_and_learnt_weights():
    """Hydra: the anchor's gate on both sides, positives of another class, each against the negatives alone."""
    z, gate, k = vectors(N, D), vectors(N, D, seed=1), vectors(N, D, seed=2)
    w = vectors(D, seed=3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 3])
    pair = labels[torch.randperm(N, generator=torch.Generator().manual_seed(1))]
    mask = pair[:, None] == labels
    own_class = labels[:, None] == labels
    how = dict(temperature=0.1, positives=mask, ignore=own_class, score=gated, shared=(w,), tile=4)
    explicit = torch.einsum("bd,nbd->bn", F.normalize(z * gate * w, dim=1), F.normalize(k[:, None] * gate * w, dim=2))
    assert (gated(z, gate, k, w) - explicit).abs().max() < 1e-14
    one = torch.eye(N, dtype=torch.float64)
    target = mask.double() / mask.sum(1, keepdim=True)
    for denominator in ("negatives", "all"):
        ours = info_nce((z, gate), k, denominator=denominator, **how)
        # dense() takes vectors; a matrix of scores enters as scores . identity
        want = dense(explicit, one, temperature=0.1, target=target, out=own_class, denominator=denominator)
        assert_same(ours, want, [z, gate, k, w])


def test_an_empty_row_adds_nothing_and_breaks_no_gradient():
    q, k = vectors(N, D), vectors(N, D, seed=1)
    nothing = Masked(torch.ones(N, N, dtype=torch.bool))
    full = partition([Block(q, k)], 2.0)
    for score in (None, lambda x, y: x @ y.T):
        empty = Block(q, k, score, ignore=(nothing,))
        assert (partition([empty]) == EMPTY).all()
        assert_same(partition([Block(q, k), empty], 2.0).sum(), full.sum(), [q, k])


def test_scores_refuse_what_they_cannot_do():
    q = vectors(N, D)
    with pytest.raises(JointspaceError, match="score: one direction"):
        info_nce(q, q, score=lambda a, b: a @ b.T, symmetric=True)
    with pytest.raises(JointspaceError, match="queries: 2 tensors, but the inner product takes one"):
        info_nce((q, q), q)
    with pytest.raises(JointspaceError, match="blocks: one partition needs row-aligned anchors"):
        partition([Block(q, q), Block(q[:3], q)])
    with pytest.raises(JointspaceError, match="score: a score has one direction"):
        statistics(Block(q, q, lambda a, b: a @ b.T), 1.0, by_column=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_is_linear_in_the_batch():
    """12,000 rows: the matrix alone would take 576 MB; the gradients of both sides take 6 MB."""
    code = """
import torch
from jointspace.objectives.contrastive import block, info_nce
torch.set_num_threads(1)
q, k = torch.nn.functional.normalize(torch.randn(2, 12_000, 64), dim=-1).requires_grad_().unbind()
ids = torch.arange(12_000) // 2
how = dict(temperature=0.07, symmetric=True, query_ids=ids, positives=(ids, ids), label_smoothing=0.1)
block.KEEP_BYTES = 0  # as for a batch whose tiles do not fit
info_nce(q[:64], k[:64], temperature=0.07, symmetric=True).backward()
def peak():  # kB; ru_maxrss would start from the parent's peak
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
before = peak()
info_nce(q, k, **how).backward()
print((peak() - before) / 2**10)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 100  # MB
