"""Which candidates are an anchor's positives: told by position, by a list or matrix, or by equal ids.

Each form answers the same questions, so the loss never asks which one it holds:
    tile(rows, columns)  bool (r, c), or None where the tile holds no positive
    mean(vectors)        (N, D) -> (B, D): the target-weighted mean of each anchor's positives (0 where it has none)
    holds(row, column)   bool, for pairs one by one
    present()            bool (B,), or None where every anchor has a positive
    padded()             (index (B, P), target (B, P)): positives by column, padded with column 0 and target 0
    part(rows), swapped  some of the anchors; the other direction
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.objectives._door import ObjectiveError


@dataclass(frozen=True)
class Diagonal:
    """The positive of anchor i is candidate i + offset, where there is one."""

    rows: int
    columns: int
    device: torch.device
    offset: int = 0

    def tile(self, rows: slice, columns: slice) -> Tensor | None:
        first, last = max(rows.start + self.offset, columns.start), min(rows.stop + self.offset, columns.stop)
        if first >= last:
            return None
        hit = torch.zeros(rows.stop - rows.start, columns.stop - columns.start, dtype=torch.bool, device=self.device)
        hit.diagonal(rows.start + self.offset - columns.start).fill_(True)
        return hit

    def holds(self, row: Tensor, column: Tensor) -> Tensor:
        return row + self.offset == column

    def _span(self) -> tuple[int, int]:
        """First and last + 1 of the anchors that have a positive."""
        return max(0, -self.offset), min(self.rows, self.columns - self.offset)

    def mean(self, vectors: Tensor) -> Tensor:
        first, last = self._span()
        own = vectors[first + self.offset : last + self.offset]
        return own if last - first == self.rows else F.pad(own, (0, 0, first, self.rows - last))

    def present(self) -> Tensor | None:
        first, last = self._span()
        if last - first == self.rows:
            return None
        here = torch.arange(self.rows, device=self.device)
        return (here >= first) & (here < last)

    def padded(self) -> tuple[Tensor, Tensor]:
        index = torch.arange(self.rows, device=self.device)[:, None] + self.offset
        inside = (index >= 0) & (index < self.columns)
        return index.where(inside, torch.zeros_like(index)), inside.float()

    def part(self, rows: slice) -> Diagonal:
        return Diagonal(rows.stop - rows.start, self.columns, self.device, self.offset + rows.start)

    @property
    def swapped(self) -> Diagonal:
        return Diagonal(self.columns, self.rows, self.device, -self.offset)


@dataclass(frozen=True)
class Listed:
    """Pairs one by one: anchor `row` (sorted), candidate `column`, `weight` > 0; `start` (rows + 1,) bounds them."""

    row: Tensor
    column: Tensor
    weight: Tensor
    start: Tensor
    rows: int
    columns: int

    @classmethod
    def of(cls, row: Tensor, column: Tensor, weight: Tensor, rows: int, columns: int) -> Listed:
        order = torch.argsort(row, stable=True)
        row = row[order].contiguous()
        start = torch.searchsorted(row, torch.arange(rows + 1, device=row.device))
        return cls(row, column[order].contiguous(), weight[order].contiguous(), start, rows, columns)

    def holds(self, row: Tensor, column: Tensor) -> Tensor:
        return torch.isin(row * self.columns + column, self.row * self.columns + self.column)

    def target(self, dtype: torch.dtype) -> Tensor:
        """The weights, made to sum to 1 for each anchor."""
        weight = self.weight.to(dtype)
        total = weight.new_zeros(self.rows).index_add_(0, self.row, weight)
        return weight / total[self.row]

    def tile(self, rows: slice, columns: slice) -> Tensor | None:
        here = slice(int(self.start[rows.start]), int(self.start[rows.stop]))
        column = self.column[here]
        inside = (column >= columns.start) & (column < columns.stop)
        if not inside.any():
            return None
        hit = torch.zeros(
            rows.stop - rows.start, columns.stop - columns.start, dtype=torch.bool, device=self.row.device
        )
        hit[self.row[here][inside] - rows.start, column[inside] - columns.start] = True
        return hit

    def mean(self, vectors: Tensor) -> Tensor:
        if not len(self.row):
            return vectors.new_zeros(self.rows, vectors.shape[1]) + 0 * vectors.sum()
        target = self.target(vectors.dtype)
        return F.embedding_bag(self.column, vectors, self.start[:-1], mode="sum", per_sample_weights=target)

    def present(self) -> Tensor | None:
        return self.start[1:] > self.start[:-1]

    def padded(self) -> tuple[Tensor, Tensor]:
        most = max(1, int((self.start[1:] - self.start[:-1]).max()))
        index = torch.zeros(self.rows, most, dtype=torch.long, device=self.row.device)
        target = torch.zeros(self.rows, most, dtype=torch.float64, device=self.row.device)
        place = torch.arange(len(self.row), device=self.row.device) - self.start[self.row]
        index[self.row, place] = self.column
        target[self.row, place] = self.target(torch.float64)
        return index, target

    def part(self, rows: slice) -> Listed:
        here = slice(int(self.start[rows.start]), int(self.start[rows.stop]))
        start = self.start[rows.start : rows.stop + 1] - here.start
        row = self.row[here] - rows.start
        return Listed(row, self.column[here], self.weight[here], start, rows.stop - rows.start, self.columns)

    @property
    def swapped(self) -> Listed:
        return Listed.of(self.column, self.row, self.weight, self.columns, self.rows)


@dataclass(frozen=True)
class SameGroup:
    """Every candidate whose id equals the anchor's is a positive (labels, identities): linear in the batch."""

    row_ids: Tensor
    column_ids: Tensor

    def tile(self, rows: slice, columns: slice) -> Tensor | None:
        return self.row_ids[rows, None] == self.column_ids[None, columns]

    def holds(self, row: Tensor, column: Tensor) -> Tensor:
        return self.row_ids[row] == self.column_ids[column]

    def places(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Distinct ids, each candidate's place among them, each anchor's place, whether the anchor's id is there."""
        ids, place = torch.unique(self.column_ids, return_inverse=True)
        at = torch.searchsorted(ids, self.row_ids).clamp_max(len(ids) - 1)
        return ids, place, at, ids[at] == self.row_ids

    def mean(self, vectors: Tensor) -> Tensor:
        ids, place, at, there = self.places()
        count = torch.bincount(place, minlength=len(ids)).to(vectors.dtype)
        means = vectors.new_zeros(len(ids), vectors.shape[1]).index_add(0, place, vectors) / count[:, None]
        return means[at] * there[:, None]

    def present(self) -> Tensor | None:
        return self.places()[3]

    def padded(self) -> tuple[Tensor, Tensor]:
        ids, place, at, there = self.places()
        count = torch.bincount(place, minlength=len(ids))
        order, start = torch.argsort(place, stable=True), count.cumsum(0) - count
        step = torch.arange(int(count.max()), device=place.device)
        inside = (step < count[at][:, None]) & there[:, None]
        index = order[(start[at][:, None] + step).clamp_max(len(order) - 1)]
        return index.where(inside, torch.zeros_like(index)), inside / count[at][:, None].double()

    def part(self, rows: slice) -> SameGroup:
        return SameGroup(self.row_ids[rows], self.column_ids)

    @property
    def swapped(self) -> SameGroup:
        return SameGroup(self.column_ids, self.row_ids)


Positives = Diagonal | Listed | SameGroup


def read_positives(
    told: Tensor | tuple[Tensor, Tensor] | None,
    rows: int,
    columns: int,
    device: torch.device,
    spread: Callable[[Tensor], Tensor] = lambda x: x,
) -> Positives:
    """The form a caller's `positives` stands for (see `info_nce`). Raises ObjectiveError on another shape or type.

    rows, columns: of the whole batch; `spread` makes rows of the whole batch from a process's own.
    """
    if told is None:
        if columns < rows:
            raise ObjectiveError(
                f"keys: {columns} rows for {rows} queries; without positives= key i is the positive of query i"
            )
        return Diagonal(rows, columns, device)
    if isinstance(told, (tuple, list)):
        ids = [spread(part.to(device)) for part in told]
        if len(ids) != 2 or ids[0].shape != (rows,) or ids[1].shape != (columns,):
            shapes = [tuple(part.shape) for part in ids]
            raise ObjectiveError(f"positives: two id vectors must have shapes ({rows},) and ({columns},), got {shapes}")
        return SameGroup(ids[0], ids[1])
    told = spread(told.to(device))
    if told.ndim != 2 or len(told) != rows:
        raise ObjectiveError(f"positives: expected {rows} rows and two axes, got shape {tuple(told.shape)}")
    if told.dtype == torch.bool or told.is_floating_point():
        if told.shape[1] != columns:
            raise ObjectiveError(
                f"positives: a matrix must have a column for each of {columns} keys, got {told.shape[1]}"
            )
        if told.is_floating_point() and bool((told < 0).any()):
            raise ObjectiveError("positives: soft targets must be >= 0")
        row, column = told.nonzero(as_tuple=True)
        return Listed.of(row, column, told[row, column].detach().double(), rows, columns)
    if bool((told >= columns).any()):
        raise ObjectiveError(f"positives: index {int(told.max())} but there are only {columns} keys")
    row, place = (told >= 0).nonzero(as_tuple=True)
    pair = torch.unique(row * columns + told[row, place])  # a column told twice counts once
    row, column = pair // columns, pair % columns
    return Listed.of(row, column, torch.ones_like(row, dtype=torch.float64), rows, columns)
