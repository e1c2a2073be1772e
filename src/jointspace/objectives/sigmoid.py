"""Pairwise sigmoid: every pair of the batch is its own yes-no question; no softmax, no normaliser.

Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023, arXiv 2303.15343.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from jointspace.objectives._door import ObjectiveError, check, no_autocast, wide
from jointspace.objectives.contrastive.dot_tiles import Tiles
from jointspace.objectives.contrastive.gather import gather_rows, global_mean, sum_over_processes, world
from jointspace.objectives.contrastive.ignoring import Ids, Rule, hidden, moved, rules_of
from jointspace.objectives.contrastive.positives import Listed, SameGroup, read_positives


def pairwise_sigmoid(
    queries: Tensor,
    keys: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    bias: float | Tensor = -10.0,
    positives: Tensor | tuple[Tensor, Tensor] | None = None,
    weights: Tensor | None = None,
    query_ids: Tensor | None = None,
    key_ids: Tensor | None = None,
    ignore: Tensor | Rule | None = None,
    gather: bool = False,
) -> Tensor:
    """loss = -1/B sum_i sum_j log sigmoid(z_ij (q_i . k_j / T + b)), z = +1 for positives, -1 for every other pair.

    queries (B, D), keys (N, D): any real vectors, not normalised; at least float32 inside. T and b: floats or tensors
    of one element that receive gradients (the paper starts at T = 0.1, b = -10). positives, weights (B,), ids, ignore,
    gather: as in `info_nce` (a matrix of soft targets is refused: a pair is positive or not). Ignored pairs are left
    out of the sum. The sum over pairs is divided by the number of rows (by the sum of weights), as in the paper.

    Memory O((B + N) D) and one tile; the gradient is found in the forward pass, so nothing is computed twice. Raises
    ObjectiveError naming the argument that does not fit.
    """
    sizes = check(
        "queries: B D, keys: N D, weights: B, query_ids: B, key_ids: N",
        queries=queries, keys=keys, weights=weights, query_ids=query_ids, key_ids=key_ids,
    )  # fmt: skip
    n = sizes["B"]
    if not n:
        raise ObjectiveError("queries: an empty batch has no loss")
    if isinstance(positives, Tensor) and positives.is_floating_point():
        raise ObjectiveError("positives: the sigmoid loss takes no soft targets; use a bool matrix, indices or labels")
    rank, processes = world() if gather else (0, 1)
    if processes > 1 and sizes["N"] != n:
        raise ObjectiveError(f"gather: needs as many keys as queries, got {sizes['N']} and {n}")

    def spread(x: Any) -> Any:
        return gather_rows(x) if processes > 1 and isinstance(x, Tensor) else x

    with no_autocast(queries.device):
        q, k = wide(queries), spread(wide(keys))
        dtype = torch.promote_types(q.dtype, k.dtype)
        q, k = q.to(dtype), k.to(dtype)
        everyone = read_positives(positives, n * processes, len(k), q.device, spread)
        pairs = everyone.part(slice(rank * n, rank * n + n))
        ids = Ids(spread(query_ids), spread(key_ids))
        rules, _ = rules_of(ids, spread(ignore), n * processes, len(k), 0, everyone)
        rules = tuple(moved(rule, rows=rank * n) for rule in rules)
        scale, shift = (torch.as_tensor(x, dtype=dtype, device=q.device).reshape(()) for x in (temperature, bias))
        scale = 1 / scale
        row = q.new_ones(n) if weights is None else weights.detach().to(dtype)
        share = row.sum() if processes == 1 else sum_over_processes(row.sum()) / processes
        # -log sigmoid(x) = softplus(x) - x and -log sigmoid(-x) = softplus(x): tiles need softplus alone.
        pushed = _SoftplusSum.apply(q, k, scale, shift, row, rules, pairs.tile)
        count = _counts(pairs, dtype)
        pulled = (row * count * ((q * pairs.mean(k)).sum(1) * scale + shift)).sum()
        loss = (pushed - pulled) / share.clamp_min(torch.finfo(dtype).tiny)
        return global_mean(loss) if processes > 1 else loss


def _counts(pairs: Any, dtype: torch.dtype) -> Tensor:
    """(B,): number of positives of each query."""
    if isinstance(pairs, Listed):
        return (pairs.start[1:] - pairs.start[:-1]).to(dtype)
    if isinstance(pairs, SameGroup):
        ids, place, at, there = pairs.places()
        return torch.bincount(place, minlength=len(ids))[at].to(dtype) * there
    present = pairs.present()
    return torch.ones(pairs.rows, dtype=dtype, device=pairs.device) if present is None else present.to(dtype)


class _SoftplusSum(torch.autograd.Function):
    """sum_ij w_i softplus(scale q_i . k_j + bias) over pairs that are not ignored; gradients found on the way."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, scale: Tensor, bias: Tensor, row: Tensor, rules: tuple[Rule, ...], protect: Rule
    ) -> Tensor:
        tiles = Tiles(q, k, scale, 1024 if q.device.type == "cpu" else 4096)
        need_q, need_k, need_scale, need_bias = ctx.needs_input_grad[:4]
        d_q = torch.zeros_like(q) if need_q or need_scale else None
        d_k = torch.zeros_like(k) if need_k else None
        total, d_bias = q.new_zeros(()), q.new_zeros(())
        for r, strip in tiles.strips():
            for c in tiles.columns:
                logits = tiles.logits(strip, r, c).add_(bias)
                out = hidden(rules, protect, r, c, q.device) if rules else None
                cost = F.logsigmoid(logits.neg())
                if out is not None:
                    out.fill(cost, 0)
                total -= row[r] @ cost.sum(1)
                if d_q is None and d_k is None and not need_bias:
                    continue
                grad = logits.sigmoid_().mul_(row[r, None])
                if out is not None:
                    out.fill(grad, 0)
                d_bias += grad.sum()
                if d_q is not None:
                    d_q[r].addmm_(grad, k[c])
                if d_k is not None:
                    d_k[c].addmm_(grad.T, strip)
        d_scale = None
        if d_q is not None:
            d_scale = torch.stack([(d_q[r] * q[r]).sum() for r in tiles.rows]).sum() if need_scale else None
            d_q.mul_(scale)
        ctx.save_for_backward(d_q if need_q else None, d_k, d_scale, d_bias if need_bias else None)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (*(None if x is None else grad * x for x in ctx.saved_tensors), None, None, None)
