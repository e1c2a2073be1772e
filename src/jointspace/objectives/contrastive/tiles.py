"""What both kinds of block share: spans of a side, the statistics a pass gathers, a pass with running maxima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from jointspace.objectives.contrastive.ignoring import Hidden

EMPTY = -1e30  # log of an empty sum: finite, so that exp gives 0 and no gradient turns to NaN


class Statistics(NamedTuple):
    """Per row (B,) and, where asked, per column (N,) of the logits that are not ignored.

    row, column: log-sum-exp; *_sum, *_count: sum and number; picked: logits (B, P) at the indices asked for.
    """

    row: Tensor
    column: Tensor | None = None
    row_sum: Tensor | None = None
    row_count: Tensor | None = None
    column_sum: Tensor | None = None
    column_count: Tensor | None = None
    picked: Tensor | None = None


@dataclass
class Sums:
    """Sum and count of logits that are not ignored, by row and by column."""

    row: Tensor
    row_count: Tensor
    column: Tensor
    column_count: Tensor

    @classmethod
    def zeros(cls, like: Tensor, rows: int, columns: int) -> Sums:
        return cls(like.new_zeros(rows), like.new_zeros(rows), like.new_zeros(columns), like.new_zeros(columns))

    def add(self, logits: Tensor, out: Hidden | None, rows: slice, columns: slice) -> None:
        if out is not None:
            mask = out.dense(logits)
            logits = logits.masked_fill(mask, 0)
            self.row_count[rows] -= mask.sum(1)
            self.column_count[columns] -= mask.sum(0)
        self.row_count[rows] += logits.shape[1]
        self.column_count[columns] += logits.shape[0]
        self.row[rows] += logits.sum(1)
        self.column[columns] += logits.sum(0)


def spans(length: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


class Maxima:
    """Running largest logit and sum of exp(logit - largest), of each row (or column) of a matrix seen in tiles."""

    def __init__(self, like: Tensor, length: int):
        self.best, self.total = like.new_full((length,), -torch.inf), like.new_zeros(length)

    def take(self, logits: Tensor, places: slice, axis: int) -> None:
        """Logits may be -inf: ignored."""
        best, total = self.best[places], self.total[places]
        top = torch.maximum(best, logits.amax(axis))
        base = top.clamp_min(EMPTY)  # all -inf so far: subtract a finite number
        total.mul_((best.clamp_min(EMPTY) - base).exp()).add_((logits - base.unsqueeze(axis)).exp().sum(axis))
        best.copy_(top)

    def base(self) -> Tensor:
        return self.best.clamp_min(EMPTY)
