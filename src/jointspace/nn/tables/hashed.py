"""Hashed tables. `multiplexed`: all columns look into one space of rows, each under its own salts; else a space each.

With the salts of its own a column never reads the rows that another reads for an equal value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.errors import ConfigError
from jointspace.nn.hashing import bucket, salt, salted, signs
from jointspace.nn.tables.base import Tables, mixed, uniform


def spaces(
    rows: int | Sequence[int], columns: Sequence[str], multiplexed: bool, what: str
) -> tuple[list[int], list[int], int]:
    """(where each column's space starts, its size, size of all): one space for all, or one a column."""
    if multiplexed:
        if not isinstance(rows, int):
            raise ConfigError(f"{what}: multiplexed tables have one size, got {rows}")
        sizes, total = [rows] * len(columns), rows
        starts = [0] * len(columns)
    else:
        if isinstance(rows, int) or len(rows) != len(columns):
            raise ConfigError(f"{what}: separate tables need one size a column, {len(columns)} in all, got {rows}")
        sizes = [int(n) for n in rows]
        total = sum(sizes)
        starts = [sum(sizes[:t]) for t in range(len(sizes))]
    if min(sizes) < 1:
        raise ConfigError(f"{what}: every size must be at least 1, got {rows}")
    return starts, sizes, total


class HashTables(Tables):
    """The hash trick: row h(x) of M. lookups 1; more: the sum of so many independent rows (multi-hash).

    rows: M, or one a column where not multiplexed.
    """

    family: ClassVar[str] = "hash"
    salts: Tensor
    starts: Tensor
    sizes: Tensor

    def __init__(
        self,
        columns: Sequence[str],
        width: int,
        rows: int | Sequence[int],
        *,
        multiplexed: bool = True,
        lookups: int = 1,
        combiners: Sequence[str] | None = None,
        sparse: bool = False,
    ):
        super().__init__(columns, [width] * len(columns), combiners)
        starts, sizes, total = spaces(rows, columns, multiplexed, "rows")
        self.given = dict(width=width, rows=rows, multiplexed=multiplexed, lookups=lookups, sparse=sparse)
        self.sparse, self.lookups = sparse, lookups
        salts = [[salt("row", t, k) for k in range(lookups)] for t in range(len(columns))]
        self.register_buffer("salts", torch.tensor(salts), persistent=False)  # (F, K)
        self.register_buffer("starts", torch.tensor(starts), persistent=False)
        self.register_buffer("sizes", torch.tensor(sizes), persistent=False)
        self.weight = uniform(total, width)

    def rows(self, ids: Tensor, t: int | slice = slice(None)) -> Tensor:
        """ids (..., F) or of one column (...) -> rows (..., F, K) or (..., K)."""
        start, size = self.starts[t].unsqueeze(-1), self.sizes[t].unsqueeze(-1)
        return start + bucket(salted(mixed(ids).unsqueeze(-1), self.salts[t]), size)

    def forward(self, ids: Tensor) -> Tensor:
        return self._vectors(self.rows(ids)).flatten(1)

    def lookup(self, column: int | str, ids: Tensor) -> Tensor:
        return self._vectors(self.rows(ids, self.index(column)))

    def codes(self, column: int | str, ids: Tensor) -> Tensor:
        return self.rows(ids, self.index(column))

    def spaces(self, column: int | str) -> list[int]:
        return [int(self.sizes[self.index(column)])] * self.lookups

    def _vectors(self, rows: Tensor) -> Tensor:
        if self.lookups == 1:
            return F.embedding(rows.squeeze(-1), self.weight, sparse=self.sparse)
        return F.embedding(rows, self.weight, sparse=self.sparse).sum(-2)

    def options(self) -> dict[str, Any]:
        return dict(columns=self.columns, combiners=self.combiners, **self.given)


class QuotientRemainderTables(Tables):
    """e = Q[h div m] * R[h mod m] of the salted id h in 0 .. q m - 1 (elementwise product); q + m rows.

    rows: quotients and remainders together, or one such number a column; halves, the quotients get the odd one.
    """

    family: ClassVar[str] = "qr"
    salts: Tensor
    places: Tensor

    def __init__(
        self,
        columns: Sequence[str],
        width: int,
        rows: int | Sequence[int],
        *,
        multiplexed: bool = True,
        combiners: Sequence[str] | None = None,
        sparse: bool = False,
    ):
        super().__init__(columns, [width] * len(columns), combiners)
        starts, sizes, total = spaces(rows, columns, multiplexed, "rows")
        if min(sizes) < 2:
            raise ConfigError("rows: quotients and remainders need at least two rows a space")
        self.given = dict(width=width, rows=rows, multiplexed=multiplexed, sparse=sparse)
        self.sparse = sparse
        self.register_buffer("salts", torch.tensor([salt("row", t, 0) for t in range(len(columns))]), persistent=False)
        places = torch.tensor([[start, size - size // 2, size // 2] for start, size in zip(starts, sizes, strict=True)])
        self.register_buffer("places", places, persistent=False)  # (F, 3): start, quotients q, remainders m
        self.weight = uniform(total, width, 0.05**0.5)  # products then lie within the same .05 as single rows

    def forward(self, ids: Tensor) -> Tensor:
        return self._vectors(ids, slice(None)).flatten(1)

    def lookup(self, column: int | str, ids: Tensor) -> Tensor:
        return self._vectors(ids, self.index(column))

    def codes(self, column: int | str, ids: Tensor) -> Tensor:
        return self._rows(ids, self.index(column))

    def spaces(self, column: int | str) -> list[int]:
        return self.places[self.index(column), 1:].tolist()

    def _rows(self, ids: Tensor, t: int | slice) -> Tensor:
        start, q, m = self.places[t].unbind(-1)
        h = bucket(salted(mixed(ids), self.salts[t]), q * m)
        return torch.stack([start + h // m, start + q + h % m], dim=-1)

    def _vectors(self, ids: Tensor, t: int | slice) -> Tensor:
        return F.embedding(self._rows(ids, t), self.weight, sparse=self.sparse).prod(-2)

    def options(self) -> dict[str, Any]:
        return dict(columns=self.columns, combiners=self.combiners, **self.given)


class FlatTables(Tables):
    """Vectors drawn from a flat array: blocks of `block` consecutive weights (circular) at hashed places, with signs.

    block 1: HashedNet (every entry a draw of its own); larger: ROBE-Z. size: weights, or one number a column.
    """

    family: ClassVar[str] = "flat"
    salts: Tensor
    starts: Tensor
    sizes: Tensor

    def __init__(
        self,
        columns: Sequence[str],
        width: int,
        size: int | Sequence[int],
        *,
        block: int = 1,
        multiplexed: bool = True,
        combiners: Sequence[str] | None = None,
    ):
        super().__init__(columns, [width] * len(columns), combiners)
        if block < 1 or width % block:
            raise ConfigError(f"block: must divide the width {width}, got {block}")
        starts, sizes, total = spaces(size, columns, multiplexed, "size")
        self.given = dict(width=width, size=size, block=block, multiplexed=multiplexed)
        self.block = block
        salts = [[salt("row", t, k) for k in range(width // block)] for t in range(len(columns))]
        self.register_buffer("salts", torch.tensor(salts), persistent=False)  # (F, blocks)
        self.register_buffer("starts", torch.tensor(starts), persistent=False)
        self.register_buffer("sizes", torch.tensor(sizes), persistent=False)
        self.weight = uniform(total, 1)

    def forward(self, ids: Tensor) -> Tensor:
        return self._vectors(ids, slice(None)).flatten(1)

    def lookup(self, column: int | str, ids: Tensor) -> Tensor:
        return self._vectors(ids, self.index(column))

    def codes(self, column: int | str, ids: Tensor) -> Tensor:
        """Where each block starts."""
        t = self.index(column)
        return self.starts[t] + bucket(salted(mixed(ids).unsqueeze(-1), self.salts[t]), self.sizes[t])

    def spaces(self, column: int | str) -> list[int]:
        return [int(self.sizes[self.index(column)])] * self.salts.shape[1]

    def _vectors(self, ids: Tensor, t: int | slice) -> Tensor:
        start, size = self.starts[t][..., None, None], self.sizes[t][..., None, None]
        h = salted(mixed(ids).unsqueeze(-1), self.salts[t]).unsqueeze(-1)  # (..., blocks, 1)
        step = torch.arange(self.block, device=ids.device)
        place = start + (bucket(h, size) + step) % size
        sign = signs(h >> step % 32)  # the upper 32 bits chose the place
        return (F.embedding(place, self.weight).squeeze(-1) * sign.to(self.weight)).flatten(-2)

    def options(self) -> dict[str, Any]:
        return dict(columns=self.columns, combiners=self.combiners, **self.given)
