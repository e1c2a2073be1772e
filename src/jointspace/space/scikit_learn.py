"""A Space as a scikit-learn transformer: rows of a table in, vectors out, anywhere in a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from jointspace.errors import SpaceError
from jointspace.space.space import Space


class SpaceTransformer(TransformerMixin, BaseEstimator):
    """`transform(rows)` -> float32 (N, D): the vectors of a learnt Space; `fit` learns nothing.

    space: a Space or its folder. output: one of its outputs (`features` by default: what probes read). modality: of the
    items; rows may be a data frame or a list of `{column: value}`. Works in pipelines, grid searches and `clone`.
    """

    def __init__(self, space: Any, output: str = "features", modality: str = "table", batch_size: int = 256):
        self.space, self.output, self.modality, self.batch_size = space, output, modality, batch_size

    def fit(self, rows: Any, y: Any = None) -> SpaceTransformer:
        """Open the Space. SpaceError where it has no such output."""
        self.space_ = self.space if isinstance(self.space, Space) else Space.from_pretrained(self.space)
        outputs = self.space_.tower(self.modality).outputs()
        if self.output not in outputs or outputs[self.output].ragged:
            raise SpaceError(f"SpaceTransformer: output {self.output!r} is no vector an item of this Space")
        self.width_ = outputs[self.output].dim
        return self

    def transform(self, rows: Any) -> np.ndarray:
        how: dict[str, Any] = dict(modality=self.modality, output=self.output, batch_size=self.batch_size)
        return self.opened().encode(items_of(rows), **how)

    def opened(self) -> Space:
        """The Space that `fit` opened."""
        if not hasattr(self, "space_"):
            self.fit(None)
        return self.space_

    def get_feature_names_out(self, names: Any = None) -> np.ndarray:
        self.opened()
        return np.array([f"{self.output}_{i}" for i in range(self.width_)], dtype=object)

    def __sklearn_clone__(self) -> SpaceTransformer:
        """The Space is shared, never copied: it learns nothing here."""
        return SpaceTransformer(self.space, self.output, self.modality, self.batch_size)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def items_of(rows: Any) -> list[Any]:
    """A data frame as a list of rows; any other sequence as it is."""
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        return rows.to_dict(orient="records")
    return [dict(row) if isinstance(row, Mapping) else row for row in rows]
