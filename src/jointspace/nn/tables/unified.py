"""Unified Embedding: all columns share a few equal tables; a column makes several lookups, and so chooses its width.

Coleman, Kang et al., "Unified Embedding", NeurIPS 2023, arXiv 2305.12102. Layer of tensorflow/recommenders: a counter
hands chunk after chunk to tables 0, 1, .., and carries on from column to column. Ours sorts chunks by number; the
official layer sorts their names as text, so that with ten and more chunks 10 comes before 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from jointspace.errors import ConfigError
from jointspace.nn.hashing import bucket, salt, salted
from jointspace.nn.tables.base import Tables, check, mixed, uniform


class UnifiedEmbedding(Tables):
    """`tables` tables of `buckets` rows and width `chunk_width`; column t makes chunks[t] lookups, side by side.

    Width of column t: chunks[t] * chunk_width. Columns may be added one by one with `add_feature`, before training.
    The tables are the stretches of one parameter, so that all lookups of a batch are one gather. sparse: gradients name
    the rows looked up; `rowwise_adam` then keeps a state per row.
    """

    family: ClassVar[str] = "unified"
    salts: Tensor
    starts: Tensor
    owner: Tensor

    def __init__(
        self,
        columns: Sequence[str] = (),
        *,
        chunk_width: int,
        buckets: int,
        tables: int = 1,
        chunks: Sequence[int] | int = 1,
        combiners: Sequence[str] | None = None,
        sparse: bool = False,
    ):
        torch.nn.Module.__init__(self)
        if min(chunk_width, buckets, tables) < 1:
            raise ConfigError(f"unified: sizes must be at least 1, got {tables} x {buckets} x {chunk_width}")
        self.chunk_width, self.buckets, self.tables, self.sparse = chunk_width, buckets, tables, sparse
        self.columns, self.combiners, self.widths, self.dim = [], [], [], 0
        self.chunks: list[int] = []  # lookups of each column
        self.assignment: list[tuple[int, ...]] = []  # tables that each column's chunks look into
        for name in ("salts", "starts", "owner"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.int64), persistent=False)
        self.weight = uniform(tables * buckets, chunk_width)
        each = [chunks] * len(columns) if isinstance(chunks, int) else list(chunks)
        if len(each) != len(columns):
            raise ConfigError(f"chunks: {len(each)} numbers for {len(columns)} columns")
        for t, name in enumerate(columns):
            self.add_feature(name, each[t], combiners[t] if combiners else "mean")

    def add_feature(self, name: str, num_chunks: int = 1, combiner: str = "mean") -> UnifiedEmbedding:
        """One more column. ConfigError for a name that is there, or less than one chunk."""
        if num_chunks < 1:
            raise ConfigError(f"num_chunks: column {name!r} needs at least one, got {num_chunks}")
        t, first = len(self.columns), sum(self.chunks)
        tables = tuple((first + k) % self.tables for k in range(num_chunks))
        check([*self.columns, name], [combiner])
        self.columns.append(name)
        self.combiners.append(combiner)
        self.chunks.append(num_chunks)
        self.widths.append(num_chunks * self.chunk_width)
        self.dim += self.widths[-1]
        self.assignment.append(tables)
        new = dict(
            salts=[salt("row", t, k) for k in range(num_chunks)],
            starts=[table * self.buckets for table in tables],
            owner=[t] * num_chunks,
        )
        for buffer, values in new.items():
            old = getattr(self, buffer)
            setattr(self, buffer, torch.cat([old, torch.tensor(values, device=old.device)]))
        return self

    def rows(self, ids: Tensor) -> Tensor:
        """ids (B, F) -> rows (B, C) of `weight`, one a chunk, in the order of columns and chunks."""
        return self.starts + bucket(salted(mixed(ids)[:, self.owner], self.salts), self.buckets)

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(self.rows(ids), self.weight, sparse=self.sparse).flatten(1)

    def codes(self, column: int | str, ids: Tensor) -> Tensor:
        mine = self.owner == self.index(column)
        return self.starts[mine] + bucket(salted(mixed(ids).unsqueeze(-1), self.salts[mine]), self.buckets)

    def spaces(self, column: int | str) -> list[int]:
        return [self.buckets] * self.chunks[self.index(column)]

    def lookup(self, column: int | str, ids: Tensor) -> Tensor:
        return F.embedding(self.codes(column, ids), self.weight, sparse=self.sparse).flatten(-2)

    def options(self) -> dict[str, Any]:
        return dict(
            columns=self.columns, chunk_width=self.chunk_width, buckets=self.buckets, tables=self.tables,
            chunks=self.chunks, combiners=self.combiners, sparse=self.sparse,
        )  # fmt: skip
