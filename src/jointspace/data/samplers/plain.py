"""Batches without demands: every row once an epoch, in random order; by length as an option."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jointspace.data import draws
from jointspace.data.samplers.base import BatchSpec, Plan
from jointspace.errors import ConfigError, nearest

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


@dataclass(frozen=True)
class RandomBatches(BatchSpec):
    """Rows without replacement, a new order each epoch; the last incomplete batch is dropped."""

    name = "random"

    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        rows = len(data)
        steps = rows // batch_size

        def plan(seed: int, epoch: int, table: np.ndarray | None) -> np.ndarray:
            order = draws.permutation(draws.key(seed, "order", epoch), rows)
            return order[: steps * batch_size].reshape(steps, batch_size)

        return steps, plan


@dataclass(frozen=True)
class ByLength(BatchSpec):
    """Rows of similar length share a batch, so that little is padded: random order, sorted by length within pools.

    field: a text or list field, or a numeric column of lengths; pool: batches a pool, larger = less padding and less
    random. Of several values a row the longest counts.
    """

    field: str = "text"
    pool: int = 50

    name = "by_length"

    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        if self.pool < 1:
            raise ConfigError(f"batches: pool must be at least 1, got {self.pool}")
        if self.field not in data.fields:
            raise ConfigError(f"batches: the data has no field {self.field!r}{nearest(self.field, data.fields)}")
        multi = data.is_multi(self.field)
        lengths = np.array([_length(v, multi) for v in data.column(self.field)], dtype=np.float64)
        rows = len(data)
        steps = rows // batch_size

        def plan(seed: int, epoch: int, table: np.ndarray | None) -> np.ndarray:
            order = draws.permutation(draws.key(seed, "order", epoch), rows)[: steps * batch_size]
            pools = np.arange(len(order)) // (self.pool * batch_size)
            order = order[np.lexsort((lengths[order], pools))].reshape(steps, batch_size)
            return order[draws.permutation(draws.key(seed, "batches", epoch), steps)]

        return steps, plan


def _length(value: object, multi: bool) -> float:
    if isinstance(value, int | float):
        return float(value)
    if multi and isinstance(value, list):
        return max((_length(v, False) for v in value), default=0.0)
    return float(len(value)) if hasattr(value, "__len__") else 0.0
