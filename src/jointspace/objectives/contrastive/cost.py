"""From partitions and the positives' scores to one cost an anchor, and to the mean over anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jointspace.objectives._door import row_mean
from jointspace.objectives.contrastive import block as engine
from jointspace.objectives.contrastive.block import Block, Score, join
from jointspace.objectives.contrastive.gather import global_mean, sum_over_processes, world
from jointspace.objectives.contrastive.ignoring import Rule
from jointspace.objectives.contrastive.positives import Diagonal, Positives
from jointspace.objectives.contrastive.tiles import EMPTY, Statistics

Parts = tuple[Tensor, ...]


def own_scores(anchors: Tensor, own: Tensor) -> Tensor:
    """(B, D), (B, P, D) -> (B, P): inner products of each anchor with its own candidates."""
    return (anchors[:, None] * own).sum(2)  # not a matrix product: backward under autocast would narrow it


def positive_scores(anchors: Tensor, candidates: Tensor, pairs: Positives, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B, P) of each anchor's positives, and their target (B, P), which sums to 1 (or 0: no positive)."""
    index, target = pairs.padded()
    return own_scores(anchors, candidates[index]) * scale, target.to(anchors.dtype)


def cross_entropy(found: list[Statistics], own: Tensor, smoothing: float, relative: bool = False) -> Tensor:
    """(B,): log Z less the target-weighted score; `own` (B,) is the mean score of the positives.

    relative: `found` has log Z less `own` already.
    """
    cost = join([f.row for f in found])
    if not relative:
        cost = cost - own
    if not smoothing:
        return cost
    total = sum(f.row_sum for f in found if f.row_sum is not None)
    count = sum(f.row_count for f in found if f.row_count is not None)
    return cost + smoothing * (own - total / torch.as_tensor(count).clamp_min(1))


def decoupled(log_negatives: Tensor, own: Tensor, target: Tensor) -> Tensor:
    """(B,): each positive against the negatives alone, log(1 + exp(log_negatives - s)), averaged by `target` (B, P)."""
    margin = log_negatives[:, None] - own
    return (target * torch.logaddexp(margin, torch.zeros_like(margin))).sum(1)


def among_own(
    positive: Tensor, target: Tensor, negative: Tensor, ignored: Tensor | None, smoothing: float, negatives_only: bool
) -> Tensor:
    """(B,) cost where an anchor's candidates are its positives (B, P) and its own negatives (B, H) alone."""
    valid = torch.ones_like(negative, dtype=torch.bool) if ignored is None else ~ignored
    if negatives_only:
        return decoupled(torch.logsumexp(negative.masked_fill(~valid, EMPTY), 1), positive, target)
    scores, valid = torch.cat([positive, negative], 1), torch.cat([target > 0, valid], 1)
    found = Statistics(
        torch.logsumexp(scores.masked_fill(~valid, EMPTY), 1),
        row_sum=(scores * valid).sum(1),
        row_count=valid.sum(1),
    )
    return cross_entropy([found], (target * positive).sum(1), smoothing)


@dataclass(frozen=True)
class Costs:
    """How one call scores pairs and what an anchor costs; the same in both directions."""

    scale: Tensor
    smoothing: float
    negatives_only: bool
    score: Score | None
    shared: Parts
    tile: int | None

    def block(self, anchors: Parts, candidates: Parts, rules: Sequence[Rule], own: Positives | None = None) -> Block:
        """`own`: which candidates are positives; never ignored, or (denominator="negatives") all ignored."""
        protect = None if own is None or self.negatives_only else own.tile
        rules = (*rules, own.tile) if own is not None and self.negatives_only else tuple(rules)
        if self.score is None:
            return Block(anchors[0], candidates[0], ignore=rules, protect=protect, tile=self.tile)
        return Block(anchors, candidates, self.score, self.shared, rules, protect, self.tile)

    def statistics(self, blocks: list[Block], own: Positives, by_column: bool = False) -> list[Statistics]:
        """Of each block; the first one holds the positives."""
        keep = engine.kept_bytes(blocks) <= engine.KEEP_BYTES
        pick = None if self.score is None else own.padded()[0]
        sums = self.smoothing > 0
        first = engine.statistics(
            blocks[0], self.scale, by_column=by_column, sums=sums, pick=pick, own=self.single(own), keep=keep
        )  # fmt: skip
        return [first, *(engine.statistics(b, self.scale, sums=sums, keep=keep) for b in blocks[1:])]

    def single(self, own: Positives) -> int | None:
        """The offset of the one positive each anchor has, where costs are computed relative to its logit."""
        return own.offset if isinstance(own, Diagonal) and self.score is None and not self.negatives_only else None

    def of(self, anchors: Parts, candidates: Parts, own: Positives, found: list[Statistics]) -> Tensor:
        """(B,) cost of each anchor."""
        if self.score is None and not self.negatives_only:
            first, *others = found
            relative = self.single(own) is not None
            if relative and not others and not self.smoothing:
                return first.row
            mean = (anchors[0] * own.mean(candidates[0])).sum(1) * self.scale
            if relative:
                found = [first, *(f._replace(row=f.row - mean) for f in others)]
            return cross_entropy(found, mean, self.smoothing, relative)
        picked = found[0].picked
        if picked is None:
            picked, target = positive_scores(anchors[0], candidates[0], own, self.scale)
        else:
            target = own.padded()[1].to(picked.dtype)
        if self.negatives_only:
            return decoupled(join([f.row for f in found]), picked, target)
        return cross_entropy(found, (picked * target).sum(1), self.smoothing)


def by_columns(found: Statistics) -> Statistics:
    """The statistics of the other direction, as its rows."""
    assert found.column is not None
    return Statistics(found.column, row_sum=found.column_sum, row_count=found.column_count)


def average(cost: Tensor, weights: Tensor | None, pairs: Positives, gather: bool) -> Tensor:
    """Mean over anchors that have a positive, weighted; over all processes as `gather.py` says."""
    present = pairs.present()
    if present is not None and (gather or weights is not None or not bool(present.all())):
        weights = present.to(cost.dtype) if weights is None else weights.to(cost.dtype) * present
    if not gather:
        return row_mean(cost, weights)
    if weights is None:
        return global_mean(cost.mean())
    weights = weights.detach().to(cost.dtype)
    share = sum_over_processes(weights.sum()).clamp_min(torch.finfo(cost.dtype).tiny) / world()[1]
    return global_mean((weights * cost).sum() / share)
