"""Batches by source: mixed in stated shares, all of one source, or sources in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jointspace.data import draws
from jointspace.data.samplers.base import BatchSpec, Plan, codes
from jointspace.errors import ConfigError, nearest

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


def _members(group: np.ndarray) -> list[np.ndarray]:
    """Rows of each group 0 .. K - 1."""
    order = np.argsort(group, kind="stable")
    return np.split(order, np.cumsum(np.bincount(group))[:-1])


def _names(data: Dataset, by: str, members: list[np.ndarray]) -> list[str]:
    """Names of the groups, for messages and patterns."""
    first = [int(rows[0]) for rows in members]
    if by == "source":
        return [data.source_names[data.source[i]] for i in first]
    return [str((data.values(by, i) or [None])[0]) for i in first]


def _shares(data: Dataset, members: list[np.ndarray], by: str, exponent: float) -> np.ndarray:
    """Share of each group: weight x size^exponent, summing to 1. Weights belong to sources."""
    weight = np.ones(len(members))
    if by == "source" and data.weights is not None:
        weight = np.array([data.weights[data.source[rows[0]]] for rows in members], dtype=np.float64)
    if (weight < 0).any() or weight.sum() <= 0:
        raise ConfigError(f"sources: weights must not be negative and not all 0, got {weight.tolist()}")
    share = weight * np.array([len(rows) for rows in members], dtype=np.float64) ** exponent
    return share / share.sum()


def _quota(share: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers that sum to `total` in these shares (largest remainder)."""
    exact = share * total
    quota = np.floor(exact).astype(np.int64)
    rest = np.argsort(-(exact - quota), kind="stable")[: total - int(quota.sum())]
    quota[rest] += 1
    return quota


def _stream(rows: np.ndarray, key: np.uint64, start: int, count: int, apart: int) -> np.ndarray:
    """Places start .. start + count - 1 of an endless sequence of shuffles of `rows`.

    `apart`: a row that ends one shuffle does not come among the first `apart` of the next (rows >= 3 x apart), so that
    a batch that spans two shuffles holds no row twice.
    """
    n = len(rows)
    first, last = start // n, (start + count - 1) // n
    shuffles = []
    for cycle in range(first, last + 1):
        order = draws.permutation(draws.key(key, cycle), n)
        if cycle and n >= 3 * apart:
            tail = draws.permutation(draws.key(key, cycle - 1), n)[n - apart :]
            head = order[: 2 * apart]
            recent = np.isin(head, tail)
            order[: 2 * apart] = np.concatenate([head[~recent], head[recent]])
        shuffles.append(order)
    return rows[np.concatenate(shuffles)[start - first * n : start - first * n + count]]


@dataclass(frozen=True)
class BalancedSources(BatchSpec):
    """Mixed batches; each source's share is weight x size^exponent, held in every batch to within a row or so.

    exponent: 1 = in proportion to size, 0 = weights alone, between = the usual tempering (1 / temperature). A source
    is walked through without replacement, shuffled anew each time round; small ones repeat, large ones are not
    finished in an epoch. by: `source` or any column.
    """

    exponent: float = 1.0
    by: str = "source"

    name = "balanced"

    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        members = _members(codes(data, self.by))
        steps = len(data) // batch_size
        quota = _quota(_shares(data, members, self.by, self.exponent), steps * batch_size)
        # Even spread: the j-th of a source's q places comes at (j + u) / q of the epoch.
        source = np.repeat(np.arange(len(members)), quota)
        place = np.concatenate([np.arange(q) for q in quota])
        apart = -(-quota // steps) + 1

        def plan(seed: int, epoch: int, _: np.ndarray | None) -> np.ndarray:
            keys = draws.key(seed, "source", np.arange(len(members)))
            rows = [
                _stream(m, k, epoch * int(q), int(q), int(a))
                for m, k, q, a in zip(members, keys, quota, apart, strict=True)
                if q
            ]
            shift = draws.uniform(draws.key(seed, "shift", epoch), len(members))
            when = (place + shift[source]) / quota[source]
            grid = np.concatenate(rows)[np.argsort(when, kind="stable")].reshape(steps, batch_size)
            within = draws.permutation(draws.key(seed, "within", epoch, np.arange(steps)), batch_size)
            grid = np.take_along_axis(grid, within, axis=1)
            return grid[draws.permutation(draws.key(seed, "batches", epoch), steps)]

        return steps, plan


@dataclass(frozen=True)
class Homogeneous(BatchSpec):
    """All rows of a batch (or of each `chunk` consecutive rows of it) come from one source, or share one value of `by`.

    exponent None: every source gives each of its rows at most once an epoch, in random order of batches; sources
    smaller than a batch are refused. With an exponent (1, 0.5, 0 ...) or weights, batches are dealt out in shares of
    weight x size^exponent; small sources repeat.
    """

    by: str = "source"
    chunk: int | None = None
    exponent: float | None = None

    name = "homogeneous"

    def satisfies(self, wanted: BatchSpec | None) -> bool:
        if isinstance(wanted, Homogeneous):
            return wanted.by == self.by and (self.chunk is None or wanted.chunk == self.chunk)
        return wanted is None

    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        size = self.chunk or batch_size
        if size < 1 or batch_size % size:
            raise ConfigError(f"batch_size: {batch_size} does not divide into chunks of {size}")
        members = _members(codes(data, self.by))
        usable = np.array([len(rows) // size for rows in members])
        if not usable.all():
            small = int(np.argmin(usable))
            raise ConfigError(
                f"batch_size: {self.by} {_names(data, self.by, members)[small]!r} has only {len(members[small])} rows, "
                f"fewer than one batch of {size} from a single {self.by}"
            )
        chunks_a_batch = batch_size // size
        total = int(usable.sum()) // chunks_a_batch * chunks_a_batch
        exponent = self.exponent
        if exponent is None and self.by == "source" and data.weights is not None:
            exponent = 1.0
        quota = usable if exponent is None else _quota(_shares(data, members, self.by, exponent), total)

        def plan(seed: int, epoch: int, _: np.ndarray | None) -> np.ndarray:
            keys = draws.key(seed, "source", np.arange(len(members)))
            chunks = [_chunks(m, k, epoch, int(q), size) for m, k, q in zip(members, keys, quota, strict=True) if q]
            order = draws.permutation(draws.key(seed, "batches", epoch), int(quota.sum()))[:total]
            return np.concatenate(chunks)[order].reshape(-1, batch_size)

        return total // chunks_a_batch, plan


@dataclass(frozen=True)
class Alternate(BatchSpec):
    """Batches of one source each, the sources in turn: step t takes the t-th of `pattern`, round and round.

    pattern: names of sources (values of `by`) in order, repeats allowed; empty = each once, in order. Small sources
    repeat; an epoch has as many batches as the data has rows for.
    """

    by: str = "source"
    pattern: tuple[str, ...] = ()

    name = "alternate"

    def satisfies(self, wanted: BatchSpec | None) -> bool:
        if isinstance(wanted, Homogeneous):
            return wanted.by == self.by
        return super().satisfies(wanted)

    def prepare(self, data: Dataset, batch_size: int) -> tuple[int, Plan]:
        members = _members(codes(data, self.by))
        names = _names(data, self.by, members)
        for name in self.pattern:
            if name not in names:
                raise ConfigError(f"batches: pattern names no {self.by} {name!r}{nearest(name, names)}")
        turns = np.array([names.index(name) for name in self.pattern] or range(len(names)))
        for group in np.unique(turns):
            if len(members[group]) < batch_size:
                raise ConfigError(
                    f"batch_size: {self.by} {names[group]!r} has only {len(members[group])} rows, fewer than a batch"
                    f" of {batch_size}"
                )
        steps = max(len(turns), len(data) // batch_size // len(turns) * len(turns))  # whole rounds
        group = np.tile(turns, steps // len(turns))
        quota = np.bincount(group, minlength=len(members))

        def plan(seed: int, epoch: int, _: np.ndarray | None) -> np.ndarray:
            keys = draws.key(seed, "source", np.arange(len(members)))
            grid = np.empty((steps, batch_size), dtype=np.int64)
            for g in np.unique(turns):
                grid[group == g] = _chunks(members[g], keys[g], epoch, int(quota[g]), batch_size)
            return grid

        return steps, plan


def _chunks(rows: np.ndarray, key: np.uint64, epoch: int, count: int, size: int) -> np.ndarray:
    """`count` batches of a source for this epoch, (count, size): the next ones of an endless sequence of shuffles.

    Each shuffle is cut into whole batches, so that no batch holds a row twice; the rows it leaves over change.
    """
    a_cycle = len(rows) // size
    number = epoch * count + np.arange(count)
    cycles = {
        int(c): rows[draws.permutation(draws.key(key, int(c)), len(rows))[: a_cycle * size]].reshape(a_cycle, size)
        for c in np.unique(number // a_cycle)
    }
    return np.concatenate([cycles[int(c)][number[number // a_cycle == c] % a_cycle] for c in sorted(cycles)])
