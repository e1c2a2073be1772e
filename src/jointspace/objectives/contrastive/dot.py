"""Log-sum-exp over inner products, rows and columns at once, without the (B, N) matrix.

One exponential a logit serves both directions: with E = exp(logit - shift) for one fixed shift, row sums and column
sums of E are the two partitions, and d loss / d logit_ij = E_ij (g_i / R_i + h_j / C_j). A fixed shift underflows where
the logits spread over more than the exponent of the number format (scale above about 64 in float32 for unit vectors,
see HEAD and TAIL); the sums are checked, and where one is too small the whole call is done again with running row and
column maxima, which is slower and right at every scale.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from jointspace.objectives._door import no_autocast
from jointspace.objectives.contrastive.dot_tiles import Plan, Tiles, fixed_shift, own_places, running_maxima, shaped
from jointspace.objectives.contrastive.ignoring import Hidden
from jointspace.objectives.contrastive.pool import give, graph_is_freed
from jointspace.objectives.contrastive.tiles import Statistics

# exp(HEAD) summed over any batch does not overflow; sums of at least exp(-TAIL) have lost nothing to underflow.
HEAD = {torch.float32: 60.0, torch.float64: 600.0}
TAIL = {torch.float32: 69.0, torch.float64: 660.0}
# Gradients of logits are computed up to exp(LIFT) times as large: a trained model at T = 0.01 has them near the
# smallest normal number, and matrix products of denormal numbers are 50 times as slow. No factor exceeds exp(MOST).
LIFT = {torch.float32: 40.0, torch.float64: 400.0}
MOST = {torch.float32: 80.0, torch.float64: 690.0}


class _DotStatistics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchors: Tensor, candidates: Tensor, scale: Tensor, plan: Plan) -> tuple[Tensor | None, ...]:
        tiles = Tiles(anchors, candidates, scale, plan.size)
        largest = anchors.norm(dim=1).max() * candidates.norm(dim=1).max() * scale.abs()
        bound = float(largest)  # no logit lies outside +-bound
        shift = max(0.0, bound - HEAD[anchors.dtype])
        # Where even the lowest possible logit survives, a sum of 0 means that all was ignored, and nothing is checked.
        least = 0.0 if bound + shift <= TAIL[anchors.dtype] else math.exp(-TAIL[anchors.dtype])
        found = fixed_shift(tiles, plan, shift, least) if bound < math.inf else None
        ctx.plan, ctx.shift = plan, None if found is None else shift
        found = running_maxima(tiles, plan) if found is None else found
        ctx.kept = found.kept
        row, column = found.logs(relative=plan.own is not None)
        ctx.save_for_backward(
            anchors, candidates, scale, found.row_base, found.row, row, found.column_base, found.column, column
        )  # fmt: skip
        sums = found.sums
        if sums is None:
            return row, column if plan.by_column else None, None, None, None, None
        ctx.mark_non_differentiable(sums.row_count, sums.column_count)
        return row, column if plan.by_column else None, sums.row, sums.row_count, sums.column, sums.column_count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        g_row, g_column, g_row_sum, _, g_column_sum, _ = grads
        plan: Plan = ctx.plan
        anchors, candidates, scale, row_base, row, row_log, column_base, column, column_log = ctx.saved_tensors
        kept: list[Tensor] = ctx.kept
        tiles = Tiles(anchors, candidates, scale, plan.size)
        g_row = torch.zeros_like(row) if g_row is None else g_row
        g_column = torch.zeros_like(column) if g_column is None else g_column
        sums = [torch.zeros_like(a) if g is None else g for g, a in ((g_row_sum, row), (g_column_sum, column))]
        a, b = share(g_row, row), share(g_column, column)  # d loss / d exponential
        lift = lift_of([g_row, g_column, *sums], [a, b])
        a, b, g_row, g_column, *sums = (x * lift for x in (a, b, g_row, g_column, *sums))
        if plan.own is not None:  # P - 1 of the own candidate, as exact as its cost log(1 / P)
            own = g_row * torch.expm1(-row_log), g_column * (torch.expm1(-column_log) if plan.by_column else 0)
        need_anchors, need_candidates, need_scale, _ = ctx.needs_input_grad
        d_anchors = torch.zeros_like(anchors) if need_anchors or need_scale else None
        d_candidates = torch.zeros_like(candidates) if need_candidates else None
        waiting = iter(kept)
        with no_autocast(anchors.device):
            for r, strip in tiles.strips():
                for c in tiles.columns:
                    out = plan.out(r, c, anchors.device) if plan.sums or not kept else None
                    grad = tiles.buffer("grad", r, c)
                    if kept:
                        weigh(shaped(next(waiting), r, c), a[r], b[c] if plan.by_column else None, grad)
                    elif ctx.shift is not None:
                        tile = tiles.logits(strip, r, c)
                        tile = (tile.sub_(ctx.shift) if ctx.shift else tile).exp_()
                        weigh(tile, a[r], b[c] if plan.by_column else None, grad)
                    else:
                        tile = tiles.logits(strip, r, c)
                        torch.sub(tile, row_base[r, None], out=grad).exp_().mul_(a[r, None])
                        if plan.by_column:
                            grad.addcmul_(tile.sub_(column_base[c]).exp_(), b[c].expand_as(tile))
                    if out is not None and not kept:
                        out.fill(grad, 0)
                    if plan.own is not None:
                        set_own(plan.own, grad, r, c, *own)
                    if plan.sums:
                        add_sums(grad, sums[0][r], sums[1][c], out)
                    if d_anchors is not None:
                        d_anchors[r].addmm_(grad, candidates[c])
                    if d_candidates is not None:
                        d_candidates[c].addmm_(grad.T, strip)
        if kept and graph_is_freed():
            give(kept)
            ctx.kept = []
        d_scale = None
        if d_anchors is not None:
            if need_scale:
                d_scale = torch.stack([(d_anchors[r] * anchors[r]).sum() for r in tiles.rows]).sum() / lift
            d_anchors.mul_(scale / lift)
        if d_candidates is not None:
            d_candidates.div_(lift)
        return d_anchors if need_anchors else None, d_candidates, d_scale, None


def share(grad: Tensor, total: Tensor) -> Tensor:
    return torch.where(total == 0, torch.zeros_like(total), grad / total)


def lift_of(grads: list[Tensor], factors: list[Tensor]) -> Tensor:
    """A power of two that brings the largest gradient to about exp(LIFT), and no factor beyond exp(MOST)."""
    dtype = grads[0].dtype
    tops = [torch.stack([x.abs().max() for x in xs]).max().log2() for xs in (grads, factors)]
    power = torch.minimum(LIFT[dtype] / math.log(2) - tops[0], MOST[dtype] / math.log(2) - tops[1])
    power = power.floor().clamp(-100, 100)
    return torch.exp2(power).where(torch.isfinite(tops[0] + tops[1]), torch.ones_like(power))  # all zero, or broken


def weigh(tile: Tensor, a: Tensor, b: Tensor | None, into: Tensor) -> None:
    """Exponentials times (a_i + b_j)."""
    if b is None:
        torch.mul(tile, a[:, None], out=into)
    else:
        torch.add(a[:, None], b, out=into).mul_(tile)


def add_sums(grad: Tensor, row: Tensor, column: Tensor, out: Hidden | None) -> None:
    """Gradient of the plain sums of logits, added to a tile's gradient."""
    extra = row[:, None] + column
    grad += extra if out is None else out.fill(extra, 0)


def set_own(offset: int, grad: Tensor, rows: slice, columns: slice, row: Tensor, column: Tensor) -> None:
    """The gradient at each row's own candidate, where it lies in this tile."""
    places = own_places(offset, rows, columns)
    if places is not None:
        r, c, diagonal = places
        grad.diagonal(diagonal).copy_(row[r] + column[c])


def dot_statistics(anchors: Tensor, candidates: Tensor, scale: Tensor, plan: Plan) -> Statistics:
    """Statistics of anchors (B, D) . candidates (N, D) * scale; inputs of one dtype, float32 or float64."""
    if not plan.sums or plan.ignore:
        return Statistics(*_DotStatistics.apply(anchors, candidates, scale, plan))
    # Sums over all pairs need no tile: the sum of scores is the score of the sum.
    found = Statistics(*_DotStatistics.apply(anchors, candidates, scale, replace(plan, sums=False)))
    row_sum = (anchors * candidates.sum(0)).sum(1) * scale
    found = found._replace(row_sum=row_sum, row_count=torch.full_like(row_sum.detach(), len(candidates)))
    if not plan.by_column:
        return found
    column_sum = (candidates * anchors.sum(0)).sum(1) * scale
    return found._replace(column_sum=column_sum, column_count=torch.full_like(column_sum.detach(), len(anchors)))
