"""Vectors kept from earlier batches: a first-in-first-out queue, and a bank with one row for each item of the data.

Both are detached from the graph and live in buffers, so that checkpoints hold them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from jointspace.nn.shapes import check


class Queue(nn.Module):
    """The last `size` vectors of width D with their ids (MoCo, arXiv 1911.05722)."""

    values_buffer: Tensor
    ids_buffer: Tensor
    count: Tensor

    def __init__(self, size: int, dim: int):
        super().__init__()
        self.size = size
        self.register_buffer("values_buffer", torch.zeros(size, dim))
        self.register_buffer("ids_buffer", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))  # of all vectors ever pushed

    @torch.no_grad()
    def push(self, x: Tensor, ids: Tensor | None = None) -> None:
        """Append x (B, D) and ids (B,) int64 (0 without); the oldest make room. Of a batch beyond `size`, its end."""
        check("x: B D, values: N D", x=x, values=self.values_buffer)
        kept = min(len(x), self.size)
        place = (self.count + torch.arange(len(x) - kept, len(x), device=self.count.device)) % self.size
        self.values_buffer[place] = x[-kept:].to(self.values_buffer.dtype)
        self.ids_buffer[place] = 0 if ids is None else ids[-kept:]
        self.count += len(x)

    def __len__(self) -> int:
        return min(int(self.count), self.size)

    def values(self) -> Tensor:
        """(n, D), oldest first; n = how many are there."""
        return self.values_buffer[self._order()]

    def ids(self) -> Tensor:
        """(n,) int64, in the order of `values`."""
        return self.ids_buffer[self._order()]

    def _order(self) -> Tensor:
        n = len(self)
        return (self.count - n + torch.arange(n, device=self.count.device)) % self.size


class Bank(nn.Module):
    """One vector a row of the data, as it was when the row was last seen. momentum m: new = m old + (1 - m) x."""

    values: Tensor
    seen: Tensor

    def __init__(self, rows: int, dim: int, momentum: float = 0.0):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("values", torch.zeros(rows, dim))
        self.register_buffer("seen", torch.zeros(rows, dtype=torch.bool))

    @torch.no_grad()
    def update(self, row: Tensor, x: Tensor) -> None:
        """row (B,) int64 index into the data, x (B, D). A row seen for the first time is taken as it is."""
        check("row: B, x: B D", row=row, x=x)
        x = x.to(self.values.dtype)
        m = self.momentum * self.seen[row].to(x.dtype).unsqueeze(-1)
        self.values[row] = m * self.values[row] + (1.0 - m) * x
        self.seen[row] = True

    def forward(self, row: Tensor) -> Tensor:
        """row (B,) -> (B, D); 0 where a row was never seen."""
        return self.values[row]
