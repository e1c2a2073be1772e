"""Log-sum-exp over any differentiable score, one tile at a time; backward computes each tile again under autograd."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from jointspace.objectives._door import no_autocast, wide
from jointspace.objectives.contrastive.ignoring import hidden
from jointspace.objectives.contrastive.tiles import EMPTY, Maxima, Statistics, Sums, spans

if TYPE_CHECKING:
    from jointspace.objectives.contrastive.block import Block


class _ScoredStatistics(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, block: Block, sizes: tuple[int, int], pick: Tensor | None, sums: bool, size: int, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        scale, n_rows, n_columns = tensors[0], len(tensors[1]), len(tensors[1 + sizes[0]])
        totals = Sums.zeros(scale, n_rows, n_columns) if sums else None
        picked = None if pick is None else scale.new_zeros(pick.shape)

        rows = Maxima(scale, n_rows)
        for r in spans(n_rows, size):
            for c in spans(n_columns, size):
                logits = _logits(block, sizes, tensors, r, c)
                out = hidden(block.ignore, block.protect, r, c, scale.device)
                if totals is not None:
                    totals.add(logits, out, r, c)
                if pick is not None and picked is not None:
                    inside, place = _inside(pick[r], c)
                    picked[r] = torch.where(inside, logits.gather(1, place), picked[r])
                rows.take(logits if out is None else out.fill(logits.clone(), -torch.inf), r, 1)
        base, total = rows.base(), rows.total
        log = torch.where(total == 0, torch.full_like(total, EMPTY), total.log() + base)
        ctx.block, ctx.sizes, ctx.size, ctx.pick = block, sizes, size, pick
        ctx.save_for_backward(base, total, *tensors)
        if totals is None:
            return log, None, None, picked
        ctx.mark_non_differentiable(totals.row_count)
        return log, totals.row, totals.row_count, picked

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        g_row, g_sum, _, g_picked = grads
        block, sizes, pick = ctx.block, ctx.sizes, ctx.pick
        base, sums, *tensors = ctx.saved_tensors
        share = None if g_row is None else torch.where(sums == 0, torch.zeros_like(sums), g_row / sums)
        n_rows, n_columns = len(tensors[1]), len(tensors[1 + sizes[0]])
        wanted = [i for i, need in enumerate(ctx.needs_input_grad[5:]) if need]
        total = {i: torch.zeros_like(tensors[i]) for i in wanted}
        with no_autocast(base.device):
            for r in spans(n_rows, ctx.size):
                for c in spans(n_columns, ctx.size):
                    with torch.enable_grad():
                        leaves = [
                            _cut(t, _side(i, sizes), r, c).detach().requires_grad_(i in total)
                            for i, t in enumerate(tensors)
                        ]
                        logits = block.score(*leaves[1:]) * leaves[0]
                    out = hidden(block.ignore, block.protect, r, c, base.device)
                    grad = torch.zeros_like(logits)
                    if share is not None:
                        grad = (logits.detach() - base[r, None]).exp() * share[r, None]
                    if g_sum is not None:
                        grad = grad + g_sum[r, None]
                    if out is not None:
                        grad = out.fill(grad.clone(), 0)
                    if pick is not None and g_picked is not None:
                        inside, place = _inside(pick[r], c)
                        grad.scatter_add_(1, place, g_picked[r] * inside)
                    parts = torch.autograd.grad(logits, [leaves[i] for i in wanted], grad, allow_unused=True)
                    for i, part in zip(wanted, parts, strict=True):
                        if part is not None:
                            _cut(total[i], _side(i, sizes), r, c).add_(part)
        return (None,) * 5 + tuple(total.get(i) for i in range(len(tensors)))


def _side(i: int, sizes: tuple[int, int]) -> str:
    """Tensors are (scale, anchor parts, candidate parts, shared): which of them tensor i is."""
    return "rows" if 1 <= i <= sizes[0] else "columns" if sizes[0] < i <= sum(sizes) else "whole"


def _cut(x: Tensor, side: str, rows: slice, columns: slice) -> Tensor:
    return x[rows] if side == "rows" else x[columns] if side == "columns" else x


def _logits(block: Block, sizes: tuple[int, int], tensors: tuple[Tensor, ...], rows: slice, columns: slice) -> Tensor:
    parts = [_cut(t, _side(i, sizes), rows, columns) for i, t in enumerate(tensors)]
    return block.score(*parts[1:]) * parts[0]  # type: ignore[misc]


def _inside(pick: Tensor, columns: slice) -> tuple[Tensor, Tensor]:
    """Which of the picked indices lie in this tile, and where."""
    inside = (pick >= columns.start) & (pick < columns.stop)
    return inside, (pick - columns.start).where(inside, torch.zeros_like(pick))


def scored_statistics(block: Block, scale: Tensor | float, *, sums: bool, pick: Tensor | None, size: int) -> Statistics:
    """Row statistics under `block.score`. Floating parts are computed in at least float32."""

    def parts(side: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
        return [wide(x) if x.is_floating_point() else x for x in ((side,) if isinstance(side, Tensor) else side)]

    anchors, candidates, shared = parts(block.anchors), parts(block.candidates), parts(block.shared)
    dtypes = [x.dtype for x in (*anchors, *candidates, *shared) if x.is_floating_point()]
    dtype = torch.float64 if torch.float64 in dtypes else torch.float32
    scale = torch.as_tensor(scale, dtype=dtype, device=anchors[0].device).reshape(())
    light = replace(block, anchors=(), candidates=(), shared=())  # the graph holds each tensor once
    row, row_sum, row_count, picked = _ScoredStatistics.apply(
        light, (len(anchors), len(candidates)), pick, sums, size, scale, *anchors, *candidates, *shared
    )
    return Statistics(row, row_sum=row_sum, row_count=row_count, picked=picked)
