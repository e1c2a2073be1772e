"""Rows of numbers as they are: what a linear map learnt elsewhere is put on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from jointspace.data.processor import Augmentation, Processor
from jointspace.encoders.base import Encoder, Encoding
from jointspace.errors import ConfigError, DataError


class NumberProcessor(Processor):
    """Items: rows `{column: number}`, or vectors in the order of the columns, which it learns where none are given."""

    modality: ClassVar[str] = "table"
    learns = True

    def __init__(self, columns: Sequence[str] | None = None):
        self.columns = list(columns) if columns else None

    @property
    def fitted(self) -> bool:  # type: ignore[override]
        return self.columns is not None

    def fit(self, items: Iterable[Any]) -> None:
        first = next(iter(items), None)
        if first is None:
            raise DataError("table: no rows to learn the columns from")
        names = list(first) if isinstance(first, Mapping) else [str(i) for i in range(len(first))]
        self.columns = names

    def __call__(
        self, items: Sequence[Any], *, augment: Augmentation | None = None, keys: np.ndarray | None = None
    ) -> dict[str, Tensor]:
        """B rows -> "" (B, C) float32. DataError for a value that is missing or no finite number."""
        if augment is not None:
            raise ConfigError("augment: rows of numbers have no augmentation")
        return {"": torch.from_numpy(numbers(items, self.columns or ()).astype(np.float32))}

    def config(self) -> dict[str, Any]:
        return {"columns": self.columns}

    def load(self, folder: Path) -> None:
        """Nothing beside the configuration."""


def numbers(items: Sequence[Any], columns: Sequence[str]) -> np.ndarray:
    """Rows -> float64 (N, C). DataError names the column, or the width that does not fit."""
    if items and isinstance(items[0], Mapping):
        rows = [[item.get(name) for name in columns] for item in items]
    else:
        rows = [list(item) for item in items]
    for row in rows:
        if len(row) != len(columns):
            raise DataError(f"table: a row of {len(row)} numbers, the columns are {len(columns)}")
    try:
        out = np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))
    except (TypeError, ValueError):
        out = np.array([[_number(v) for v in row] for row in rows], dtype=np.float64)
    bad = ~np.isfinite(out)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(f"column {columns[column]!r}: {rows[row][column]!r} is not a finite number")
    return out


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


class NumberEncoder(Encoder):
    """x (B, C) -> tokens (B, 1, C) and pooled (B, C), unchanged."""

    kind: ClassVar[str] = "numbers"
    modality: ClassVar[str] = "table"

    def __init__(self, processor: NumberProcessor):
        super().__init__()
        self.processor: NumberProcessor = processor
        self.after_fit()

    def after_fit(self) -> None:
        self.dim = len(self.processor.columns or ())

    def forward(self, x: Tensor, mask: Tensor | None = None, *, layers: bool = False) -> Encoding:
        return Encoding(tokens=x[:, None], pooled=x, layers=[x[:, None]] if layers else None)

    def options(self) -> dict[str, Any]:
        return {"columns": self.processor.columns}


def build(*, columns: Sequence[str] | None) -> NumberEncoder:
    """Rows of these columns; None: those of the training rows."""
    return NumberEncoder(NumberProcessor(columns))
