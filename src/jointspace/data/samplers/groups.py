"""Batches made of groups of rows: adjacent rows that belong together, or a row and its neighbours from a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jointspace.data import draws
from jointspace.data.samplers.base import BatchSpec, Plan
from jointspace.errors import ConfigError

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


@dataclass(frozen=True)
class Groups(BatchSpec):
    """Rows 0 .. n-1, n .. 2n-1, ... of the data stay together, in order, in one batch (pairs, triplets, slices)."""

    n: int = 2

    name = "groups"

    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        groups = _groups_a_batch(batch_size, self.n)
        if len(data) % self.n:
            raise ConfigError(f"batches: {len(data)} rows of {data.name} do not divide into groups of {self.n}")
        total = len(data) // self.n
        steps = total // groups

        def plan(seed: int, epoch: int, table: np.ndarray | None) -> np.ndarray:
            order = draws.permutation(draws.key(seed, "order", epoch), total)[: steps * groups]
            return (order[:, None] * self.n + np.arange(self.n)).reshape(steps, batch_size)

        return steps, plan


@dataclass(frozen=True)
class Neighbours(BatchSpec):
    """Groups of a seed row and n - 1 rows drawn without replacement from its line of a table (its hard negatives).

    The table (N, K), K >= n - 1, comes from a hook (`sampler.set_table`) and is part of the checkpoint; until then the
    n - 1 rows are random ones. Two groups of a batch may share a row: objectives never take one for its own negative.
    """

    n: int = 4

    name = "neighbours"
    table = True

    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        groups = _groups_a_batch(batch_size, self.n)
        rows = len(data)
        steps = rows // batch_size
        rest = self.n - 1

        def plan(seed: int, epoch: int, table: np.ndarray | None) -> np.ndarray:
            order = draws.permutation(draws.key(seed, "order", epoch), rows)
            if table is None:
                return order[: steps * batch_size].reshape(steps, batch_size)
            if table.shape[1] < rest:
                raise ConfigError(f"batches: groups of {self.n} need {rest} neighbours a row, got {table.shape[1]}")
            seeds = order[: steps * groups]
            drawn = draws.permutation(draws.key(seed, "neighbours", epoch, seeds), table.shape[1])[:, :rest]
            lines = np.take_along_axis(table[seeds], drawn, axis=1)
            return np.concatenate([seeds[:, None], lines], axis=1).reshape(steps, batch_size)

        return steps, plan


def _groups_a_batch(batch_size: int, n: int) -> int:
    if n < 1 or batch_size % n:
        raise ConfigError(f"batch_size: {batch_size} does not divide into groups of {n}")
    return batch_size // n
