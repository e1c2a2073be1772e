"""What all tables share: ids in, vectors out, bags of several values, an honest count of floats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from jointspace.errors import ConfigError, nearest
from jointspace.nn.hashing import mix

COMBINERS = ("mean", "sum", "sqrtn")


class Tables(nn.Module):
    """Vectors of F categorical columns. Ids are the 64-bit hashes of the values (`nn.hashing.hash_values`), int64.

    columns: names, in the order of the ids. widths[t]: entries of column t's vector; dim = their sum. combiners: how
    several values of one cell become one vector. A subclass defines `lookup`, may speed up `forward`, and says by
    `options()` what builds an equal one.
    """

    family: ClassVar[str]

    def __init__(self, columns: Sequence[str], widths: Sequence[int], combiners: Sequence[str] | None = None):
        super().__init__()
        self.columns, self.widths, self.dim = list(columns), list(widths), sum(widths)
        self.combiners = list(combiners or ["mean"] * len(self.columns))
        check(self.columns, self.combiners)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, F) -> (B, dim): the columns' vectors side by side."""
        return torch.cat([self.lookup(t, ids[:, t]) for t in range(len(self.columns))], dim=-1)

    def lookup(self, column: int | str, ids: Tensor) -> Tensor:
        """ids of one column, any shape (...) -> (..., width); several values a row, dense: (B, L) -> (B, L, D)."""
        raise TypeError(f"{type(self).__name__} defines no lookup")

    def codes(self, column: int | str, ids: Tensor) -> Tensor:
        """ids (...) -> (..., K) int64: what is read for each id. Two ids with equal codes cannot be told apart."""
        raise TypeError(f"{type(self).__name__} defines no codes")

    def spaces(self, column: int | str) -> list[int]:
        """Sizes of the K spaces that the codes of a column are drawn from; 0 where nothing collides."""
        raise TypeError(f"{type(self).__name__} defines no spaces")

    def bag(self, column: int | str, ids: Tensor, offsets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Several values a row: ids (V,), row b owns ids[offsets[b]:offsets[b + 1]] (the last one the rest).

        -> (B, width) by the column's combiner: the mean, sum, or sum / sqrt(sum of squared weights). weights (V,): of
        the values, 1 each by default. An empty bag is 0.
        """
        t = self.index(column)
        ends = torch.cat([offsets[1:], offsets.new_tensor([len(ids)])])
        row = torch.repeat_interleave(torch.arange(len(offsets), device=ids.device), ends - offsets)
        vectors = self.lookup(t, ids)
        w = vectors.new_ones(len(ids)) if weights is None else weights.to(vectors)
        total = vectors.new_zeros(len(offsets), self.widths[t]).index_add(0, row, vectors * w[:, None])
        combiner = self.combiners[t]
        if combiner == "sum":
            return total
        size = vectors.new_zeros(len(offsets)).index_add(0, row, w if combiner == "mean" else w**2)
        size = size if combiner == "mean" else size.sqrt()
        return total / torch.where(size == 0, torch.ones_like(size), size)[:, None]

    def index(self, column: int | str) -> int:
        """Number of a column. ConfigError with the nearest name."""
        if isinstance(column, int):
            return column
        if column not in self.columns:
            raise ConfigError(f"no column {column!r}{nearest(column, self.columns)}")
        return self.columns.index(column)

    def floats(self) -> int:
        """Learnt numbers: what a budget counts."""
        return sum(p.numel() for p in self.parameters())

    def options(self) -> dict[str, Any]:
        """JSON-able keyword arguments that build equal tables (weights and vocabularies apart)."""
        raise TypeError(f"{type(self).__name__} defines no options")


def check(columns: Sequence[str], combiners: Sequence[str]) -> None:
    """ConfigError for a repeated column or an unknown combiner."""
    if len(set(columns)) < len(columns) or not columns:
        raise ConfigError(f"tables: column names must be distinct, got {', '.join(columns) or 'none'}")
    for combiner in combiners:
        if combiner not in COMBINERS:
            raise ConfigError(f"combiner: {combiner!r}{nearest(combiner, COMBINERS)}")


def mixed(ids: Tensor) -> Tensor:
    """The bits of ids, mixed once for all salts."""
    return mix(ids)


def uniform(rows: int, width: int, reach: float = 0.05) -> nn.Parameter:
    """(rows, width) of U(-reach, reach), Keras' default for embeddings (the official layer's)."""
    return nn.Parameter(torch.empty(rows, width).uniform_(-reach, reach))
