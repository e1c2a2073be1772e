"""Collisionless tables: every value seen in training has its own row, all others share one that is never trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.nn.tables.base import Tables, uniform


class FullTables(Tables):
    """One table a column: sizes[t] rows and a last one, 0 at the start, for unseen values. Not counted in a budget.

    vocabulary: column -> hashes of its values, int64 (n,); None: filled when a saved table is read.
    """

    family: ClassVar[str] = "full"
    known: Tensor

    def __init__(
        self,
        columns: Sequence[str],
        width: int,
        sizes: Sequence[int],
        *,
        vocabulary: Mapping[str, Any] | None = None,
        combiners: Sequence[str] | None = None,
        sparse: bool = False,
    ):
        super().__init__(columns, [width] * len(columns), combiners)
        self.width, self.sizes, self.sparse = width, [int(n) for n in sizes], sparse
        starts = torch.tensor([0, *self.sizes]).cumsum(0)
        self.starts = starts.tolist()
        self.register_buffer("known", torch.zeros(self.starts[-1], dtype=torch.int64))
        if vocabulary is not None:
            hashes = [torch.as_tensor(vocabulary[name], dtype=torch.int64).sort().values for name in self.columns]
            self.known.copy_(torch.cat(hashes))
        self.weight = uniform(self.starts[-1] + len(self.columns), width)
        with torch.no_grad():
            self.weight[self.starts[-1] :] = 0

    def rows(self, t: int, ids: Tensor) -> Tensor:
        """Row of each id in `weight`."""
        known = self.known[self.starts[t] : self.starts[t + 1]]
        unseen = self.starts[-1] + t
        if not len(known):
            return torch.full_like(ids, unseen)
        place = torch.searchsorted(known, ids).clamp_(max=len(known) - 1)
        return torch.where(known[place] == ids, place + self.starts[t], unseen)

    def forward(self, ids: Tensor) -> Tensor:
        rows = torch.stack([self.rows(t, ids[:, t].contiguous()) for t in range(len(self.columns))], dim=1)
        return F.embedding(rows, self.weight, sparse=self.sparse).flatten(1)

    def lookup(self, column: int | str, ids: Tensor) -> Tensor:
        return F.embedding(self.rows(self.index(column), ids.contiguous()), self.weight, sparse=self.sparse)

    def codes(self, column: int | str, ids: Tensor) -> Tensor:
        return self.rows(self.index(column), ids.contiguous()).unsqueeze(-1)

    def spaces(self, column: int | str) -> list[int]:
        return [0]

    def floats(self) -> int:
        return self.starts[-1] * self.width

    def options(self) -> dict[str, Any]:
        return dict(
            columns=self.columns, width=self.width, sizes=self.sizes, combiners=self.combiners, sparse=self.sparse
        )
