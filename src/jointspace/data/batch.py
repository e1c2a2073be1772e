"""Batches: plain dicts of tensors, and the few things one does with them.

Axis 0 of every field is the row (B); `row` is the stable index of the data; ragged fields are padded and come with
`<field>_mask` (True = real). What the whole batch shares (class texts, a label list, a graph) is named `shared_*` and
is neither sliced nor gathered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Batch = dict[str, Any]


def is_shared(name: str) -> bool:
    """True for fields that belong to the batch as a whole."""
    return name.startswith("shared_")


def batch_size(batch: Mapping[str, Any]) -> int:
    """Number of rows B. Raises ValueError where fields disagree (names both) or none has rows."""
    first: tuple[str, int] | None = None
    for name, value in batch.items():
        if is_shared(name) or not isinstance(value, Tensor):
            continue
        if first is None:
            first = (name, len(value))
        elif len(value) != first[1]:
            raise ValueError(f"batch: {name} has {len(value)} rows, {first[0]} has {first[1]}")
    if first is None:
        raise ValueError("batch: no field has rows")
    return first[1]


def take(batch: Mapping[str, Any], rows: slice | Tensor) -> Batch:
    """The batch of some rows (slice, index tensor or bool mask); shared fields stay whole."""
    return {
        name: value if is_shared(name) or not isinstance(value, Tensor) else value[rows]
        for name, value in batch.items()
    }


def split(batch: Mapping[str, Any], size: int) -> Iterator[Batch]:
    """Micro-batches of at most `size` consecutive rows, in order."""
    total = batch_size(batch)
    return (take(batch, slice(start, start + size)) for start in range(0, total, size))


def to_device(batch: Mapping[str, Any], device: torch.device | str | None) -> Batch:
    """All tensors on `device` (None = where they are); copies from pinned memory do not block."""
    if device is None:
        return dict(batch)
    return {k: v.to(device, non_blocking=True) if isinstance(v, Tensor) else v for k, v in batch.items()}


def joined(batch: Mapping[str, Any], fields: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Fields (B, L_f, ...) that share an encoder as one batch of rows: (F * B, L, ...), padded with 0, mask (F * B, L).

    `vectors.chunk(len(fields))` takes the answer apart again.
    """
    width = max(batch[field].shape[1] for field in fields)
    rooms = [width - batch[field].shape[1] for field in fields]
    parts = [(batch[field], batch[f"{field}_mask"]) for field in fields]
    x = [F.pad(x, (0, 0) * (x.ndim - 2) + (0, room)) for (x, _), room in zip(parts, rooms, strict=True)]
    mask = [F.pad(m, (0, room)) for (_, m), room in zip(parts, rooms, strict=True)]
    return torch.cat(x), torch.cat(mask)


def pad(rows: Sequence[np.ndarray], value: float = 0) -> tuple[Tensor, Tensor]:
    """Arrays (L_i, ...) of one width -> tensor (B, L, ...) filled up with `value`, and mask (B, L), True = real.

    L is the longest length, at least 1, so that attention always has a column to look at.
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    longest = max(1, int(lengths.max(initial=0)))
    shape = (len(rows), longest, *(rows[0].shape[1:] if len(rows) else ()))
    out = np.full(shape, value, dtype=rows[0].dtype if len(rows) else np.float32)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    mask = np.arange(longest) < lengths[:, None]
    return torch.from_numpy(out), torch.from_numpy(mask)
