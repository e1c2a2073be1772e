"""What both kinds of block share: spans of a side, the statistics a pass gathers, a pass with running maxima."""

from __future__ import annotations

from collections.abc import Callable
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


def raise_maxima(best: Tensor, total: Tensor, logits: Tensor, axis: int) -> None:
    """Take a tile into running (maximum, sum of exp(logit - maximum)), in place. Logits may be -inf."""
    top = torch.maximum(best, logits.amax(axis))
    base = top.clamp_min(EMPTY)  # all -inf so far: subtract a finite number
    total.mul_((best.clamp_min(EMPTY) - base).exp()).add_((logits - base.unsqueeze(axis)).exp().sum(axis))
    best.copy_(top)


def log_of(best: Tensor, total: Tensor) -> Tensor:
    """Running maximum and sum -> log-sum-exp; EMPTY where nothing was counted."""
    return torch.where(total > 0, total.log() + best, torch.full_like(best, EMPTY)).where(~torch.isnan(total), total)


def running_log_sums(
    tile: Callable[[slice, slice], Tensor], like: Tensor, rows: list[slice], columns: list[slice], by_column: bool
) -> tuple[Tensor, Tensor | None]:
    """Log-sum-exp of rows (and columns) with running maxima: right at every scale, an exponential more a direction."""
    n_rows, n_columns = rows[-1].stop, columns[-1].stop
    best, total = like.new_full((n_rows,), -torch.inf), like.new_zeros(n_rows)
    best_c, total_c = like.new_full((n_columns,), -torch.inf), like.new_zeros(n_columns)
    for r in rows:
        for c in columns:
            logits = tile(r, c)
            raise_maxima(best[r], total[r], logits, 1)
            if by_column:
                raise_maxima(best_c[c], total_c[c], logits, 0)
    return log_of(best, total), log_of(best_c, total_c) if by_column else None
