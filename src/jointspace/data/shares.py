"""What a sampler made of several sources: each one's share of the draws, its repeats, its rows never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jointspace.data.dataset import Dataset
from jointspace.errors import DataError


@dataclass(frozen=True)
class SourceShare:
    """One source: its rows, draws, `share` of all draws, draws beyond a row's first (`repeats`), rows never drawn."""

    name: str
    rows: int
    draws: int
    share: float
    repeats: int
    unseen: int

    def __str__(self) -> str:
        times = f"{self.draws / self.rows:.2f}x" if self.rows else "-"
        return (
            f"{self.name}: {self.rows:,} rows, {100 * self.share:.1f} % of the draws ({self.draws:,}, {times}), "
            f"{self.repeats:,} repeats, {self.unseen:,} rows never seen"
        )


def shares(
    data: Dataset, indices: Sequence[int] | np.ndarray | None = None, *, counts: np.ndarray | None = None
) -> list[SourceShare]:
    """Report per source, in order.

    indices: rows in the order they were drawn; or counts (N,): how often each row was. Neither: every row once (the
    union without replacement). Raises DataError where the shapes do not fit.
    """
    if counts is None:
        if indices is None:
            counts = np.ones(len(data), dtype=np.int64)
        else:
            drawn = np.asarray(indices, dtype=np.int64).ravel()
            if len(drawn) and (drawn.min() < 0 or drawn.max() >= len(data)):
                raise DataError(f"shares: row {int(drawn.max())} was drawn of {len(data)} rows")
            counts = np.bincount(drawn, minlength=len(data))
    counts = np.asarray(counts, dtype=np.int64)
    if counts.shape != (len(data),):
        raise DataError(f"shares: counts have shape {counts.shape}, the data set has {len(data)} rows")
    total = max(1, int(counts.sum()))
    out = []
    for k, name in enumerate(data.source_names):
        mine = counts[data.source == k]
        draws, seen = int(mine.sum()), int((mine > 0).sum())
        out.append(SourceShare(name, len(mine), draws, draws / total, draws - seen, len(mine) - seen))
    return out
