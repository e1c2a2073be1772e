"""The slow definition of every form of the loss: one dense matrix, one row at a time."""

import torch
import torch.nn.functional as F


def vectors(*shape, seed=0, unit=False, dtype=torch.float64):
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (F.normalize(x, dim=-1) if unit else x).to(dtype).requires_grad_()


def dense(q, k, *, temperature=1.0, target=None, smoothing=0.0, weights=None, out=None, negatives=None, own=False,
          denominator="all"):  # fmt: skip
    """One direction. target (B, N): rows sum to 1 (or 0, and do not count); out (B, N + M) bool, True = ignored."""
    n, n_keys = len(q), len(k)
    target = torch.eye(n, n_keys, dtype=q.dtype) if target is None else target.to(q.dtype)
    logits = q @ k.T / temperature
    if negatives is not None:
        flat = negatives.flatten(0, 1)
        logits = torch.cat([logits, q @ flat.T / temperature], 1)
        target = F.pad(target, (0, len(flat)))
    hidden = torch.zeros(logits.shape, dtype=torch.bool)
    if out is not None:
        hidden[:, : out.shape[1]] |= out
    if own:
        each = negatives.shape[1]
        for i in range(n):
            hidden[i] = True
            hidden[i, n_keys + i * each : n_keys + (i + 1) * each] = False
            if out is not None:
                hidden[i, : out.shape[1]] |= out[i]
    hidden &= ~(target > 0)
    costs, counts = [], []
    for i in range(n):
        if not bool(target[i].any()):
            continue
        kept = logits[i][~hidden[i]]
        if denominator == "negatives":
            rest = logits[i][~hidden[i] & ~(target[i] > 0)]
            cost = sum(
                target[i, j] * (torch.logsumexp(torch.cat([logits[i, j : j + 1], rest]), 0) - logits[i, j])
                for j in target[i].nonzero()[:, 0].tolist()
            )
        else:
            log_z = torch.logsumexp(kept, 0)
            positive = target[i] > 0
            plain = (target[i][positive] * (log_z - logits[i][positive])).sum()
            cost = (1 - smoothing) * plain + smoothing * (log_z - kept).mean()
        costs.append(cost)
        counts.append(1.0 if weights is None else weights[i])
    if not costs:
        return (q.sum() + k.sum()) * 0
    counts = torch.as_tensor(counts, dtype=q.dtype)
    return (torch.stack(costs) * counts).sum() / counts.sum()


def assert_same(ours, want, inputs, rel=1e-9):
    """Value and every gradient agree to `rel` of the largest entry."""
    assert torch.isfinite(ours)
    assert abs(ours.item() - want.item()) <= rel * max(1.0, abs(want.item())), (ours.item(), want.item())
    got = torch.autograd.grad(ours, inputs, allow_unused=True, retain_graph=True)
    wanted = torch.autograd.grad(want, inputs, allow_unused=True, retain_graph=True)
    for i, (a, b) in enumerate(zip(got, wanted)):
        a, b = (torch.zeros_like(inputs[i]) if g is None else g for g in (a, b))
        assert torch.isfinite(a).all()
        assert (a - b).abs().max() <= rel * max(1e-3, b.abs().max().item()), f"gradient {i}"
