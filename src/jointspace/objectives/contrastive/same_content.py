"""The same content is never its own negative: pairs with equal ids, as a list where they are few, else by
comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from jointspace.objectives.contrastive.positives import Positives

FEW = 8  # pairs are listed up to this many for each row and column


@dataclass(frozen=True)
class SamePairs:
    """A rule that lists its pairs (none of them a positive); `start` bounds the pairs of each row."""

    row: Tensor
    column: Tensor
    start: Tensor
    offset: int = 0  # of our row 0 in the list

    @classmethod
    def of(cls, row: Tensor, column: Tensor, rows: int) -> SamePairs:
        row, order = torch.sort(row, stable=True)
        start = torch.searchsorted(row, torch.arange(rows + 1, device=row.device))
        return cls(row, column[order], start)

    def places(self, rows: slice, columns: slice) -> tuple[Tensor, Tensor] | None:
        """Row and column, within the tile, of its pairs."""
        first, last = rows.start + self.offset, rows.stop + self.offset
        here = slice(int(self.start[first]), int(self.start[last]))
        column = self.column[here]
        inside = ((column >= columns.start) & (column < columns.stop)).nonzero()[:, 0]
        if not len(inside):
            return None
        return self.row[here][inside] - first, column[inside] - columns.start

    def __call__(self, rows: slice, columns: slice) -> Tensor | None:
        found = self.places(rows, columns)
        if found is None:
            return None
        hit = torch.zeros(rows.stop - rows.start, columns.stop - columns.start, dtype=torch.bool)
        hit = hit.to(self.row.device)
        hit[found] = True
        return hit

    def moved(self, rows: int) -> SamePairs:
        return replace(self, offset=self.offset + rows)

    def swapped(self, columns: int) -> SamePairs:
        return SamePairs.of(self.column, self.row, columns)


@dataclass(frozen=True)
class SameIds:
    """A rule that compares ids tile by tile: for labels and other ids that many items share."""

    row_ids: Tensor
    column_ids: Tensor

    def __call__(self, rows: slice, columns: slice) -> Tensor | None:
        column = self.column_ids[columns]
        same = self.row_ids[rows, None] == column
        beyond = columns.stop - columns.start - len(column)  # columns past the last that has an id
        return torch.nn.functional.pad(same, (0, beyond)) if beyond else same


def matches(row_ids: Tensor, column_ids: Tensor) -> tuple[Tensor, Tensor] | None:
    """(row, column) of all pairs with equal ids; None where there are more than FEW a row and column."""
    ranked, order = torch.sort(column_ids)
    first, last = torch.searchsorted(ranked, row_ids), torch.searchsorted(ranked, row_ids, right=True)
    count = last - first
    total = int(count.sum())
    if total > FEW * (len(row_ids) + len(column_ids)):
        return None
    row = torch.repeat_interleave(torch.arange(len(row_ids), device=row_ids.device), count)
    step = torch.arange(total, device=row_ids.device) - (count.cumsum(0) - count)[row]
    return row, order[first[row] + step]


def same_content(
    relations: Sequence[tuple[Tensor, Tensor]], rows: int, columns: int, positives: Positives | None
) -> list[SamePairs | SameIds]:
    """Rules for several relations (ids of rows, ids of columns) at once; listed pairs come without the positives."""
    rules: list[SamePairs | SameIds] = []
    listed = []
    for row_ids, column_ids in relations:
        found = matches(row_ids, column_ids)
        if found is None:
            rules.append(SameIds(row_ids, column_ids))
        else:
            listed.append(found[0] * columns + found[1])
    if listed:
        pair = torch.unique(torch.cat(listed))
        row, column = pair // columns, pair % columns
        if positives is not None and len(pair):
            other = ~positives.holds(row, column)
            row, column = row[other], column[other]
        if len(row):
            rules.append(SamePairs.of(row, column, rows))
    return rules
