"""Log-sum-exp over inner products, rows and columns at once, without the (B, N) matrix.

One exponential a logit serves both directions: with E = exp(logit - shift) for one fixed shift, row sums and column
sums of E are the two partitions, and d loss / d logit_ij = E_ij (g_i / R_i + h_j / C_j). A fixed shift underflows
where the logits spread over more than the exponent of the number format (scale above about 64 in float32 for unit
vectors, see HEAD and TAIL); the sums are checked, and where one is too small the whole call is done again with
running row and column maxima, which is slower and right at every scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from jointspace.objectives._door import no_autocast
from jointspace.objectives.contrastive.ignoring import Hidden, Rule, hidden
from jointspace.objectives.contrastive.pool import give, graph_is_freed, take
from jointspace.objectives.contrastive.tiles import EMPTY, Statistics, Sums, running_log_sums, spans

# exp(HEAD) summed over any batch does not overflow; sums of at least exp(-TAIL) have lost nothing to underflow.
HEAD = {torch.float32: 60.0, torch.float64: 600.0}
TAIL = {torch.float32: 69.0, torch.float64: 660.0}
# Gradients of logits are computed exp(LIFT) times as large: a trained model at T = 0.01 has them near the smallest normal
# number, and matrix products of denormal numbers are 50 times as slow.
LIFT = {torch.float32: 40.0, torch.float64: 400.0}


@dataclass(frozen=True)
class Plan:
    """What a call computes; no tensors that need gradients."""

    ignore: tuple[Rule, ...]
    protect: Rule | None
    by_column: bool
    sums: bool
    size: int
    keep: bool

    def out(self, rows: slice, columns: slice, device: torch.device) -> Hidden | None:
        return hidden(self.ignore, self.protect, rows, columns, device) if self.ignore else None


class Tiles:
    """Logits of one tile at a time in a buffer that is used again."""

    def __init__(self, anchors: Tensor, candidates: Tensor, scale: Tensor, size: int):
        self.anchors, self.candidates, self.scale = anchors, candidates, scale
        self.rows, self.columns = spans(len(anchors), size), spans(len(candidates), size)
        self.side = min(size, len(anchors)), min(size, len(candidates))
        self.buffers: dict[str, Tensor] = {}

    def buffer(self, name: str, rows: slice, columns: slice) -> Tensor:
        if name not in self.buffers:
            self.buffers[name] = self.anchors.new_empty(self.side[0] * self.side[1])
        return shaped(self.buffers[name], rows, columns)

    def strips(self) -> Iterator[tuple[slice, Tensor]]:
        """Anchors times scale, a strip at a time."""
        for rows in self.rows:
            yield rows, self.anchors[rows] * self.scale

    def fresh(self) -> Tensor:
        return take(self.anchors, self.side[0] * self.side[1])

    def logits(self, strip: Tensor, rows: slice, columns: slice, into: Tensor | None = None) -> Tensor:
        into = self.buffer("logits", rows, columns) if into is None else shaped(into, rows, columns)
        return torch.mm(strip, self.candidates[columns].T, out=into)


def shaped(flat: Tensor, rows: slice, columns: slice) -> Tensor:
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return flat[: height * width].view(height, width)


def exponentials(logits: Tensor, shift: float, out: Hidden | None) -> Tensor:
    """exp(logit - shift) in place, 0 where ignored."""
    if shift:
        logits.sub_(shift)
    logits.exp_()
    return logits if out is None else out.fill(logits, 0)


def fixed_shift(
    tiles: Tiles, plan: Plan, shift: float, least: float
) -> tuple[Tensor, Tensor, Sums | None, list[Tensor]] | None:
    """Row sums, column sums, sums of logits and kept tiles with one shift; None where a sum is below `least`."""
    like = tiles.anchors
    row, column = like.new_zeros(len(like)), like.new_zeros(len(tiles.candidates))
    sums = Sums.zeros(like, len(row), len(column)) if plan.sums else None
    kept: list[Tensor] = []
    for r, strip in tiles.strips():
        for c in tiles.columns:
            if plan.keep:
                kept.append(tiles.fresh())
            logits = tiles.logits(strip, r, c, kept[-1] if plan.keep else None)
            out = plan.out(r, c, like.device)
            if sums is not None:
                sums.add(logits, out, r, c)
            tile = exponentials(logits, shift, out)
            row[r] += tile.sum(1)
            if plan.by_column:
                column[c] += tile.sum(0)
        if least and not bool((row[r] >= least).all()):
            return None
    if least and plan.by_column and not bool((column >= least).all()):
        return None
    return row, column, sums, kept


class _DotStatistics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchors: Tensor, candidates: Tensor, scale: Tensor, plan: Plan) -> tuple[Tensor | None, ...]:
        tiles = Tiles(anchors, candidates, scale, plan.size)
        largest = anchors.norm(dim=1).max() * candidates.norm(dim=1).max() * scale.abs()
        bound = float(largest)  # no logit lies outside +-bound
        head, tail = HEAD[anchors.dtype], TAIL[anchors.dtype]
        shift = max(0.0, bound - head)
        # Where even the lowest possible logit survives, a sum of 0 means that all was ignored, and nothing is checked.
        least = 0.0 if bound + shift <= tail else torch.exp(torch.tensor(-tail, dtype=anchors.dtype)).item()
        done = fixed_shift(tiles, plan, shift, least) if bound < torch.inf else None
        ctx.plan, ctx.shift, ctx.fixed, ctx.kept = plan, shift, done is not None, []
        sums: Sums | None
        if done is not None:
            row, column, sums, ctx.kept = done
            ctx.save_for_backward(anchors, candidates, scale, row, column)
            row_log = torch.where(row > 0, row.log() + shift, torch.full_like(row, EMPTY))
            column_log = torch.where(column > 0, column.log() + shift, torch.full_like(column, EMPTY))
        else:
            row_log, column_log, sums = running(tiles, plan)
            ctx.save_for_backward(anchors, candidates, scale, row_log, column_log)
        if sums is None:
            return row_log, column_log if plan.by_column else None, None, None, None, None
        ctx.mark_non_differentiable(sums.row_count, sums.column_count)
        return row_log, column_log if plan.by_column else None, sums.row, sums.row_count, sums.column, sums.column_count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        g_row, g_column, g_row_sum, _, g_column_sum, _ = grads
        plan: Plan = ctx.plan
        anchors, candidates, scale, row, column = ctx.saved_tensors
        kept: list[Tensor] = ctx.kept
        tiles = Tiles(anchors, candidates, scale, plan.size)
        lift = lift_of([g for g in (g_row, g_column, g_row_sum, g_column_sum) if g is not None])
        g_row = torch.zeros_like(row) if g_row is None else g_row * lift
        g_column = torch.zeros_like(column) if g_column is None else g_column * lift
        g_row_sum = None if g_row_sum is None else g_row_sum * lift
        g_column_sum = None if g_column_sum is None else g_column_sum * lift
        if ctx.fixed:
            g_row = torch.where(row > 0, g_row / row, torch.zeros_like(row))
            g_column = torch.where(column > 0, g_column / column, torch.zeros_like(column))
        need_anchors, need_candidates, need_scale, _ = ctx.needs_input_grad
        d_anchors = torch.zeros_like(anchors) if need_anchors or need_scale else None
        d_candidates = torch.zeros_like(candidates) if need_candidates else None
        waiting = iter(kept)
        with no_autocast(anchors.device):
            for r, strip in tiles.strips():
                for c in tiles.columns:
                    out = plan.out(r, c, anchors.device) if plan.sums or not kept else None
                    grad = tiles.buffer("grad", r, c)
                    if ctx.fixed:
                        tile = (
                            shaped(next(waiting), r, c)
                            if kept
                            else exponentials(tiles.logits(strip, r, c), ctx.shift, out)
                        )
                        if plan.by_column:
                            torch.add(g_row[r, None], g_column[None, c], out=grad).mul_(tile)
                        else:
                            torch.mul(tile, g_row[r, None], out=grad)
                    else:
                        logits = tiles.logits(strip, r, c)
                        torch.sub(logits, row[r, None], out=grad).exp_().mul_(g_row[r, None])
                        if plan.by_column:
                            grad.addcmul_(logits.sub_(column[None, c]).exp_(), g_column[None, c].expand_as(logits))
                        if out is not None:
                            out.fill(grad, 0)
                    if plan.sums:
                        add_sums(grad, g_row_sum, g_column_sum, out, r, c)
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


def lift_of(grads: list[Tensor]) -> Tensor:
    """A power of two that brings the largest of these gradients to about exp(LIFT)."""
    top = torch.stack([g.abs().max() for g in grads]).max()
    power = (LIFT[top.dtype] / math.log(2) - torch.log2(top)).floor()
    return torch.exp2(power).where(torch.isfinite(power), torch.ones_like(power))  # all zero, or not finite


def add_sums(grad: Tensor, row: Tensor | None, column: Tensor | None, out: Hidden | None, r: slice, c: slice) -> None:
    """Gradient of the plain sums of logits, added to a tile's gradient."""
    if row is None and column is None:
        return
    extra = torch.zeros_like(grad)
    if row is not None:
        extra += row[r, None]
    if column is not None:
        extra += column[None, c]
    grad += extra if out is None else out.fill(extra, 0)


def running(tiles: Tiles, plan: Plan) -> tuple[Tensor, Tensor, Sums | None]:
    """Log-sum-exp of rows and columns with running maxima (and the sums of logits)."""
    like = tiles.anchors
    sums = Sums.zeros(like, len(like), len(tiles.candidates)) if plan.sums else None

    def tile(r: slice, c: slice) -> Tensor:
        logits = tiles.logits(tiles.anchors[r] * tiles.scale, r, c)
        out = plan.out(r, c, like.device)
        if sums is not None:
            sums.add(logits, out, r, c)
        return logits if out is None else out.fill(logits, -torch.inf)

    row, column = running_log_sums(tile, like, tiles.rows, tiles.columns, plan.by_column)
    return row, like.new_zeros(len(tiles.candidates)) if column is None else column, sums


def dot_statistics(
    anchors: Tensor,
    candidates: Tensor,
    scale: Tensor,
    *,
    ignore: tuple[Rule, ...],
    protect: Rule | None,
    by_column: bool,
    sums: bool,
    size: int,
    keep: bool,
) -> Statistics:
    """Statistics of anchors (B, D) . candidates (N, D) * scale; inputs of one dtype, float32 or float64."""
    learns = torch.is_grad_enabled() and any(x.requires_grad for x in (anchors, candidates, scale))
    in_tiles = sums and bool(ignore)  # sums over all pairs need no tile: the sum of scores is the score of the sum
    plan = Plan(ignore, protect, by_column, in_tiles, size, keep and learns)
    found = Statistics(*_DotStatistics.apply(anchors, candidates, scale, plan))
    if not sums or in_tiles:
        return found
    row_sum = (anchors * candidates.sum(0)).sum(1) * scale
    row_count = torch.full_like(found.row.detach(), len(candidates))
    found = found._replace(row_sum=row_sum, row_count=row_count)
    if not by_column:
        return found
    column_sum = (candidates * anchors.sum(0)).sum(1) * scale
    return found._replace(column_sum=column_sum, column_count=torch.full_like(column_sum.detach(), len(anchors)))
