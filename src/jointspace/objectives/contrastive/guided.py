"""A guide tells which candidates are no negatives: rules for `Block.ignore`, and a cost that stays exact beside them.

Solatorio, "GISTEmbed", 2024, arXiv 2402.16829: a candidate is left out where a frozen model finds it more similar to
the anchor than the anchor's own positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jointspace.objectives._door import no_autocast, wide
from jointspace.objectives.contrastive import block as engine
from jointspace.objectives.contrastive.block import Block, join


@dataclass(frozen=True)
class MoreSimilarThan:
    """A rule: pairs whose inner product exceeds the limit of the anchor; those that equal it stay.

    anchors (B, D), candidates (N, D): a guide's vectors, no gradient. limit (B,). A difference that rounding alone may
    make (8 units in the last place) counts as equal.
    """

    anchors: Tensor
    candidates: Tensor
    limit: Tensor

    def __call__(self, rows: slice, columns: slice) -> Tensor:
        return self.similarity(rows, columns) > slack(self.limit)[rows, None]

    def similarity(self, rows: slice = slice(None), columns: slice = slice(None)) -> Tensor:
        """(r, c) of a tile, in at least float32."""
        with no_autocast(self.anchors.device):
            return wide(self.anchors.detach()[rows]) @ wide(self.candidates.detach()[columns]).T


@dataclass(frozen=True)
class AtMostAsSimilarAs(MoreSimilarThan):
    """A rule: pairs whose inner product is the anchor's limit or less (what the anchor tells apart already)."""

    def __call__(self, rows: slice, columns: slice) -> Tensor:
        return ~super().__call__(rows, columns)


def own_similarity(x: Tensor, y: Tensor) -> Tensor:
    """(B, D), (B, D) -> (B,): inner products row by row, in at least float32."""
    return (wide(x) * wide(y)).sum(1)


def slack(limit: Tensor) -> Tensor:
    """The limit moved up by what rounding may add to a similarity of unit vectors."""
    return wide(limit) + 8 * torch.finfo(wide(limit).dtype).eps


def own_cost(blocks: Sequence[Block], own: Tensor, temperature: float | Tensor, offset: int = 0) -> Tensor:
    """(B,): log of the partition of all blocks less the logit of the row's own candidate, -log p_i.

    The first block holds the own candidates: i + offset for anchor i (its `protect` must spare them). own (B,): their
    similarities. Exact also where only the own candidate is left (0, not the rounding of two large numbers).
    """
    scale = 1 / torch.as_tensor(temperature, dtype=wide(own).dtype, device=own.device)
    keep = engine.kept_bytes(blocks) <= engine.KEEP_BYTES
    first, *others = blocks
    parts = [engine.statistics(first, scale, own=offset, keep=keep).row]
    parts += [engine.statistics(block, scale, keep=keep).row - wide(own) * scale for block in others]
    return join(parts)
