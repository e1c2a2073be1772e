"""A set of the world for other libraries: a torch data set, a Hugging Face `datasets` object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jointspace.world.base import WorldSet


def to_torch(rows: WorldSet, transform: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """A map-style `torch.utils.data.Dataset`: row i made when asked for, in whichever worker asks.

    Arrays come as tensors (pictures stay (H, W, 3) uint8), sounds as (tensor, rate), the rest as it is;
    `transform(row)` may make of a row what it likes.
    """
    import numpy as np
    import torch

    def tensors(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return torch.from_numpy(np.ascontiguousarray(value))
        return tuple(tensors(v) for v in value) if isinstance(value, tuple) else value

    class Rows(torch.utils.data.Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, index: int) -> Any:
            row = {name: tensors(value) for name, value in rows[index].items()}
            return row if transform is None else transform(row)

    return Rows()


def to_huggingface(rows: WorldSet, fields: Sequence[str] | None = None) -> Any:
    """A `datasets.Dataset` in memory: pictures as `datasets.Image`, sounds as undecoded `datasets.Audio`."""
    import datasets

    from jointspace.data.modality import modality_of_field
    from jointspace.data.writing import to_arrow

    data = datasets.Dataset(to_arrow(rows, fields or rows.fields))
    for name in data.column_names:
        modality = modality_of_field(name)
        struct = isinstance(data.features[name], dict) and "bytes" in data.features[name]
        if modality == "image" and struct:
            data = data.cast_column(name, datasets.Image())
        elif modality == "audio" and struct:
            data = data.cast_column(name, datasets.Audio(decode=False))
    return data
