"""Columns that are no items of a modality (labels, scores, weights, vectors, lists of tags) as batch tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from jointspace.data.batch import pad
from jointspace.errors import DataError

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


class PlainColumn:
    """One plain field of a data set: numbers -> float32 / int64 / bool, strings -> class indices of `data.classes`,
    vectors of one length -> (B, D), lists of different lengths -> padded (B, L) with a mask.

    Which of these holds is decided once for the whole data set, so that a batch never changes shape by its rows.
    """

    def __init__(self, data: Dataset, field: str):
        self.data, self.field = data, field
        self.values: np.ndarray | None = None  # (N, ...) where every row has the same shape
        column = data.column(field)
        self.missing = np.array([v is None for v in column])
        present = [v for v in column if v is not None]
        if _is_text(present):
            index = {name: k for k, name in enumerate(data.classes(field))}
            present = [index[str(v)] if not isinstance(v, list) else [index[str(w)] for w in v] for v in present]
        arrays = [_array(v) for v in present]
        kind = np.result_type(*{a.dtype for a in arrays if a.size}) if any(a.size for a in arrays) else np.int64
        if np.dtype(kind).kind not in "biuf":
            raise DataError(f"{data.name}: field {field!r} holds {kind} values, which no tensor can")
        self.dtype = _tensor_dtype(np.dtype(kind))
        rows = iter(arrays)
        every = [np.zeros(0, self.dtype) if gone else next(rows).astype(self.dtype) for gone in self.missing]
        shapes = {a.shape for a in arrays}
        if len(shapes) <= 1 and not data.is_multi(field):
            shape = next(iter(shapes), ())
            self.values = np.stack([np.zeros(shape, self.dtype) if g else a for a, g in zip(every, self.missing)])
        else:
            self.ragged = every

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        """`{"": tensor}`, with `"mask"` where rows differ in length. Raises DataError naming a row without a value."""
        missing = indices[self.missing[indices]]
        if len(missing):
            raise DataError(f"{self.data.where(int(missing[0]))}: field {self.field!r} has no value")
        if self.values is not None:
            return {"": torch.from_numpy(self.values[indices])}
        tensor, mask = pad([self.ragged[i] for i in indices])
        return {"": tensor, "mask": mask}


def _is_text(values: list[Any]) -> bool:
    flat = (w for v in values for w in (v if isinstance(v, list) else [v]))
    return any(isinstance(w, str) for w in flat)


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def _tensor_dtype(kind: np.dtype) -> np.dtype:
    return np.dtype({"b": np.bool_, "f": np.float32}.get(kind.kind, np.int64))
