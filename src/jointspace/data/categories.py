"""Rows of categorical columns -> 64-bit ids, one a cell; whole data sets column by column."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from jointspace.data.processor import Augmentation, Processor
from jointspace.errors import ConfigError, DataError, nearest
from jointspace.nn.hashing import MISSING, hash_values

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset

_FILE = "categories.json"


class CategoryProcessor(Processor):
    """Items are rows `{column: value}`: strings, whole numbers, None. A column an item lacks counts as missing.

    columns: which, in order; None: those of the training rows. numeric: columns whose numbers are cut into categories
    first, v above 2 to floor(ln(v)^2), others to floor(v) (the usual preparation of click logs). Learns the columns and
    how many different values each has (`sizes`); `vocabulary` holds the values' hashes until the tables are built.
    """

    modality: ClassVar[str] = "table"
    learns = True

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        numeric: Sequence[str] = (),
        sizes: Mapping[str, int] | None = None,
    ):
        self.columns = list(columns) if columns else None
        self.numeric = tuple(numeric)
        self.sizes = dict(sizes) if sizes else None
        self.vocabulary: dict[str, np.ndarray] | None = None

    @property
    def fitted(self) -> bool:  # type: ignore[override]
        return self.sizes is not None

    def fit(self, items: Iterable[Any]) -> None:
        rows = list(items)
        if not rows or not isinstance(rows[0], Mapping):
            raise DataError("table: rows are needed, each {column: value}")
        names = self.columns or list(dict.fromkeys(name for row in rows for name in row))
        self._learn({name: self._hash(name, [row.get(name) for row in rows]) for name in names})

    def fit_columns(self, data: Dataset, field: str) -> None:
        """The same from a data set's whole columns: no Python row is made."""
        self._learn(self._of_columns(data, field, self.columns))

    def _learn(self, hashes: dict[str, np.ndarray]) -> None:
        for name in self.numeric:
            if name not in hashes:
                raise ConfigError(f"numeric: no column {name!r}{nearest(name, hashes)}")
        self.columns = list(hashes)
        self.vocabulary = {name: np.unique(h) for name, h in hashes.items()}
        self.sizes = {name: len(v) for name, v in self.vocabulary.items()}

    def __call__(
        self, items: Sequence[Any], *, augment: Augmentation | None = None, keys: np.ndarray | None = None
    ) -> dict[str, Tensor]:
        """B rows -> "" (B, F) int64. DataError for a row of another kind or a value that is no category."""
        if augment is not None:
            raise ConfigError("augment: rows of categories have no augmentation")
        for item in items:
            if not isinstance(item, Mapping):
                raise DataError(f"table: a row is {{column: value}}, got {type(item).__name__}")
            if not any(name in item for name in self.columns or ()):
                raise DataError(f"table: the row has none of the columns {', '.join(self.columns or ())}")
        ids = [self._hash(name, [item.get(name) for item in items]) for name in self.columns or ()]
        return {"": torch.from_numpy(np.stack(ids, axis=1) if ids else np.zeros((len(items), 0), dtype=np.int64))}

    def whole(self, data: Dataset, field: str) -> dict[str, Tensor]:
        """What `__call__` gives for every row of a data set, (N, F), by whole columns."""
        ids = self._of_columns(data, field, self.columns)
        return {"": torch.from_numpy(np.stack(list(ids.values()), axis=1))}

    def _of_columns(self, data: Dataset, field: str, names: Sequence[str] | None) -> dict[str, np.ndarray]:
        """Column -> hashes of all rows (N,); each distinct value is hashed once."""
        columns = data.row_columns(field)
        out = {}
        for name in names or list(columns):
            if name not in columns:
                raise DataError(f"{data.name}: no column {name!r} in the field {field!r}{nearest(name, columns)}")
            out[name] = self._hash_arrow(name, columns[name])
        return out

    def _hash_arrow(self, name: str, column: Any) -> np.ndarray:
        if not isinstance(column, pa.Array | pa.ChunkedArray):
            return self._hash(name, column)
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        table = self._hash(name, coded.dictionary.to_pylist())
        index = coded.indices.fill_null(len(table)).to_numpy(zero_copy_only=False)
        return np.append(table, MISSING)[index]

    def _hash(self, name: str, values: Sequence[Any]) -> np.ndarray:
        try:
            return hash_values([_level(v) for v in values] if name in self.numeric else values)
        except (DataError, TypeError, ValueError) as error:
            raise DataError(f"column {name!r}: {error}") from None

    def config(self) -> dict[str, Any]:
        return {"columns": self.columns, "numeric": list(self.numeric), "sizes": self.sizes}

    def save(self, folder: Path) -> None:
        (folder / _FILE).write_text(json.dumps(self.config(), ensure_ascii=False) + "\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        said = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        self.columns, self.numeric, self.sizes = said["columns"], tuple(said["numeric"]), said["sizes"]


def _level(value: Any) -> int | None:
    """Category of a number; None and NaN stay missing."""
    if value is None or value != value:
        return None
    return math.floor(math.log(value) ** 2) if value > 2 else math.floor(value)
