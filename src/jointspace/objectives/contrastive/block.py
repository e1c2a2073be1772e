"""A block: anchors against candidates under one score. Blocks share a partition when their anchors are row-aligned.

    Z_i = sum over blocks b, over candidates j of b that are not ignored for i, of exp(score_b(i, j) * scale)

`partition(blocks, scale)` gives log Z (B,). The blocks of one partition may start from different anchors (GIST: q-p,
q-n and q-q start from q_i, p-p from p_i). A loss is log Z_i less the score of the positive, which costs O(B D) outside:

    apart = (Itself(),)
    log_z = partition([Block(q, p), Block(q, n), Block(q, q, ignore=apart), Block(p, p, ignore=apart)], 1 / t)
    loss = (log_z - (q * p).sum(1) / t).mean()

Memory is linear in rows: logits exist one tile at a time and are computed again in backward (or kept, where all tiles
of the call fit `KEEP_BYTES`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jointspace.objectives._door import ObjectiveError, no_autocast, wide
from jointspace.objectives.contrastive.dot import dot_statistics
from jointspace.objectives.contrastive.dot_tiles import Plan
from jointspace.objectives.contrastive.ignoring import Rule
from jointspace.objectives.contrastive.scored import scored_statistics
from jointspace.objectives.contrastive.tiles import EMPTY, Statistics

KEEP_BYTES = 1_200_000_000  # exponentials are kept for backward up to this size a call, computed again beyond it

Score = Callable[..., Tensor]


@dataclass(frozen=True)
class Block:
    """Anchors (B, D) against candidates (N, D), or tuples of row-aligned tensors where a score needs more than vectors.

    score: None = inner product (the fast path); else `score(*anchor_parts, *candidate_parts, *shared) -> (b, n)`,
        called on tiles and differentiated by autograd; it must be deterministic. Examples: MaxSim of tokens and masks;
        a gate per anchor, `score(z, gate, k)`.
    shared: tensors that every tile of the score uses and that receive gradients (learnt weights).
    ignore: rules (see `ignoring.py`); protect: a rule that tells what is never ignored (the positives' `tile`).
    tile: side of a tile; None = 1,024 on a CPU, 4,096 elsewhere. A score with large intermediate tensors wants less.
    """

    anchors: Tensor | tuple[Tensor, ...]
    candidates: Tensor | tuple[Tensor, ...]
    score: Score | None = None
    shared: tuple[Tensor, ...] = ()
    ignore: tuple[Rule, ...] = ()
    protect: Rule | None = None
    tile: int | None = None

    @property
    def rows(self) -> int:
        return len(self.anchors if isinstance(self.anchors, Tensor) else self.anchors[0])

    @property
    def columns(self) -> int:
        return len(self.candidates if isinstance(self.candidates, Tensor) else self.candidates[0])


def statistics(
    block: Block,
    scale: Tensor | float,
    *,
    by_column: bool = False,
    sums: bool = False,
    pick: Tensor | None = None,
    own: int | None = None,
    keep: bool = True,
) -> Statistics:
    """Row statistics of a block's logits (score * scale) over pairs that are not ignored; differentiable.

    by_column: also the log-sum-exp (and sums) of columns, from the same exponentials (inner product only).
    sums: also the sum and the count of the logits that are not ignored (label smoothing).
    pick: (B, P) candidate indices whose logits are returned (a score's positives; not for the inner product, whose
        positives cost O(B D) outside). keep: allow tiles to be kept for backward.
    own: each row i has a candidate of its own, i + own, and log-sum-exps are given relative to its logit: the cost of a
        single positive, free of the rounding of two large numbers (inner product only).
    Raises ObjectiveError where the block's form does not offer what is asked.
    """
    device = (block.anchors if isinstance(block.anchors, Tensor) else block.anchors[0]).device
    size = block.tile or (1024 if device.type == "cpu" else 4096)
    with no_autocast(device):
        if block.score is not None:
            if by_column or own is not None:
                raise ObjectiveError("score: a score has one direction; call once for each, with the direction's score")
            return scored_statistics(block, scale, sums=sums, pick=pick, size=size)
        if pick is not None or not isinstance(block.anchors, Tensor) or not isinstance(block.candidates, Tensor):
            raise ObjectiveError("score: the inner product takes one tensor of vectors a side and picks nothing")
        anchors, candidates = wide(block.anchors), wide(block.candidates)
        if anchors.dtype != candidates.dtype:
            anchors, candidates = anchors.double(), candidates.double()
        scale = torch.as_tensor(scale, dtype=anchors.dtype, device=device).reshape(())
        learns = torch.is_grad_enabled() and any(x.requires_grad for x in (anchors, candidates, scale))
        plan = Plan(block.ignore, block.protect, by_column, sums, own, size, keep and learns)
        return dot_statistics(anchors, candidates, scale, plan)


def kept_bytes(blocks: Sequence[Block]) -> int:
    """Bytes of the tiles that backward could use again, over the inner-product blocks of one call."""
    return sum(
        b.rows * b.columns * wide(b.anchors[:0]).element_size()
        for b in blocks
        if b.score is None and isinstance(b.anchors, Tensor)
    )


def join(parts: Sequence[Tensor]) -> Tensor:
    """Log of the sum of partitions given by their logs; a part without any candidate (EMPTY) adds nothing."""
    return parts[0] if len(parts) == 1 else torch.logsumexp(torch.stack(list(parts)), 0)


def partition(blocks: Sequence[Block], scale: Tensor | float = 1.0) -> Tensor:
    """log Z (B,) of the blocks together, in at least float32; EMPTY (-1e30) where every candidate is ignored.

    scale = 1 / temperature, a float or a tensor that receives its gradient. Raises ObjectiveError where the blocks'
    anchors are not row-aligned.
    """
    if len({b.rows for b in blocks}) != 1:
        raise ObjectiveError(f"blocks: one partition needs row-aligned anchors, got {[b.rows for b in blocks]} rows")
    keep = kept_bytes(blocks) <= KEEP_BYTES
    return join([statistics(b, scale, keep=keep).row for b in blocks])


__all__ = ["EMPTY", "KEEP_BYTES", "Block", "Statistics", "join", "kept_bytes", "partition", "statistics"]
