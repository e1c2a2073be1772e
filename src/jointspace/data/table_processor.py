"""Rows of mixed columns -> numbers: a learnt schema of scales and categories, which can be read backwards."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from jointspace.data.processor import Augmentation, Processor
from jointspace.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset

_FILE = "table.json"
SCALINGS = ("min_max", "standard")
FLAG = " is missing"  # name of the column that says where a numeric one had no value


class TableProcessor(Processor):
    """Items are rows `{column: value}`; numbers are numeric columns, strings and booleans categories, None is missing.

    columns: which, in order; None: those of the training rows. categorical: columns of numbers that are codes.
    scaling: "min_max" to [0, 1] or "standard" (mean 0, deviation 1), by the training rows; constant columns give 0.

    What it learns is `schema`, a list of features, numeric ones first: `{name, kind: numeric, shift, scale, mean}` and
    `{name, kind: categorical, values}`. Code 0 of a categorical feature is a value never met in training, code i + 1 is
    `values[i]`; missing is a value of its own (None) where training rows lack it. A missing number becomes the column's
    mean, and where training rows lack some the column gets a categorical companion "NAME is missing" (False, True).
    """

    modality: ClassVar[str] = "table"
    learns = True

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        categorical: Sequence[str] = (),
        scaling: str = "min_max",
        schema: Sequence[Mapping[str, Any]] | None = None,
    ):
        if scaling not in SCALINGS:
            raise ConfigError(f"scaling: no scaling is called {scaling!r}{nearest(scaling, SCALINGS)}")
        self.columns = list(columns) if columns else None
        self.categorical, self.scaling = tuple(categorical), scaling
        self.schema = [dict(feature) for feature in schema] if schema else None

    @property
    def fitted(self) -> bool:  # type: ignore[override]
        return self.schema is not None

    @property
    def features(self) -> list[str]:
        """Names of the features, in the order of the numbers."""
        return [feature["name"] for feature in self.schema or ()]

    @property
    def sizes(self) -> list[int]:
        """Codes of each categorical feature, the one for values never met with them."""
        return [1 + len(feature["values"]) for feature in self.schema or () if feature["kind"] == "categorical"]

    @property
    def numeric(self) -> int:
        """How many features are numeric; they come first."""
        return sum(feature["kind"] == "numeric" for feature in self.schema or ())

    # Learning ---------------------------------------------------------------------------------------------------------

    def fit(self, items: Iterable[Any]) -> None:
        rows = list(items)
        if not rows or not isinstance(rows[0], Mapping):
            raise DataError("table: rows are needed, each {column: value}")
        names = self.columns or list(dict.fromkeys(name for row in rows for name in row))
        self._learn({name: [row.get(name) for row in rows] for name in names})

    def fit_columns(self, data: Dataset, field: str) -> None:
        """The same from a data set's whole columns."""
        self._learn(_whole(data, field, self.columns))

    def _learn(self, columns: Mapping[str, Sequence[Any]]) -> None:
        for name in self.categorical:
            if name not in columns:
                raise ConfigError(f"categorical: no column {name!r}{nearest(name, columns)}")
        numeric, flags, categories = [], [], []
        for name, values in columns.items():
            known = [value for value in values if not _missing(value)]
            if name in self.categorical or not known or not all(_is_number(value) for value in known):
                categories.append(_categories(name, values))
                continue
            numeric.append(self._scale(name, np.asarray(known, dtype=np.float64)))
            if len(known) < len(values):
                flags.append({"name": name + FLAG, "kind": "categorical", "values": [False, True], "of": name})
        self.columns, self.schema = list(columns), [*numeric, *flags, *categories]

    def _scale(self, name: str, known: np.ndarray) -> dict[str, Any]:
        if not np.isfinite(known).all():
            raise DataError(f"column {name!r}: {known[~np.isfinite(known)][0]} is no finite number")
        mean = float(known.mean())
        shift, scale = (float(known.min()), float(np.ptp(known)))
        if self.scaling == "standard":
            shift, scale = mean, float(known.std())
        return {"name": name, "kind": "numeric", "shift": shift, "scale": scale or 1.0, "mean": mean}

    # Reading ----------------------------------------------------------------------------------------------------------

    def __call__(
        self, items: Sequence[Any], *, augment: Augmentation | None = None, keys: np.ndarray | None = None
    ) -> dict[str, Tensor]:
        """B rows -> "" (B, d) float32: scaled numbers, then codes. DataError names the column of a value of the wrong
        kind, and a row that has none of the columns."""
        if augment is not None:
            raise ConfigError("augment: rows of a table have no augmentation")
        for item in items:
            if not isinstance(item, Mapping):
                raise DataError(f"table: a row is {{column: value}}, got {type(item).__name__}")
            if not any(name in item for name in self.columns or ()):
                raise DataError(f"table: the row has none of the columns {', '.join(self.columns or ())}")
        return {"": self._numbers({name: [item.get(name) for item in items] for name in self.columns or ()})}

    def whole(self, data: Dataset, field: str) -> dict[str, Tensor]:
        """What `__call__` gives for every row of a data set, (N, d), by whole columns."""
        return {"": self._numbers(_whole(data, field, self.columns))}

    def _numbers(self, columns: Mapping[str, Sequence[Any]]) -> Tensor:
        features = [_read(feature, columns[feature.get("of", feature["name"])]) for feature in self.schema or ()]
        return torch.from_numpy(np.stack(features, axis=1).astype(np.float32))

    def inverse(self, x: Any) -> list[dict[str, Any]]:
        """(B, d) as `__call__` gives it -> rows: numbers unscaled (up to float32), categories by name; a value never
        met and a missing number are None."""
        table = np.asarray(x, dtype=np.float64)
        rows: list[dict[str, Any]] = [{} for _ in table]
        for feature, column in zip(self.schema or (), table.T, strict=True):
            for row, value in zip(rows, column, strict=True):
                if feature["kind"] == "numeric":
                    row[feature["name"]] = value * feature["scale"] + feature["shift"]
                elif "of" not in feature:
                    row[feature["name"]] = feature["values"][int(value) - 1] if value else None
                elif value == 2:
                    row[feature["of"]] = None
        return [{name: row[name] for name in self.columns or ()} for row in rows]

    def config(self) -> dict[str, Any]:
        return {
            "columns": self.columns, "categorical": list(self.categorical), "scaling": self.scaling,
            "schema": self.schema,
        }  # fmt: skip

    def save(self, folder: Path) -> None:
        (folder / _FILE).write_text(json.dumps(self.config(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        said = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        self.columns, self.categorical = said["columns"], tuple(said["categorical"])
        self.scaling, self.schema = said["scaling"], said["schema"]


def _whole(data: Dataset, field: str, names: Sequence[str] | None) -> dict[str, list[Any]]:
    columns = data.row_columns(field)
    for name in names or ():
        if name not in columns:
            raise DataError(f"{data.name}: no column {name!r} in the field {field!r}{nearest(name, columns)}")
    found = {name: columns[name] for name in names or columns}
    return {name: values if isinstance(values, list) else values.to_pylist() for name, values in found.items()}


def _categories(name: str, values: Sequence[Any]) -> dict[str, Any]:
    plain = [_plain(value) for value in values if not _missing(value)]
    for value in plain:
        if not isinstance(value, str | bool | int | float):
            raise DataError(f"column {name!r}: a {type(value).__name__} is neither a number nor a category")
    ordered: list[Any] = sorted(set(plain), key=lambda value: (isinstance(value, str), value))
    if any(_missing(value) for value in values):
        ordered.append(None)
    return {"name": name, "kind": "categorical", "values": ordered}


def _read(feature: Mapping[str, Any], values: Sequence[Any]) -> np.ndarray:
    """Values of the column a feature is made from -> its numbers (B,)."""
    if "of" in feature:
        return np.array([2 if _missing(value) else 1 for value in values], dtype=np.float64)
    if feature["kind"] == "categorical":
        code = {value: i for i, value in enumerate(feature["values"], start=1)}
        return np.array([code.get(None if _missing(v) else _plain(v), 0) for v in values], dtype=np.float64)
    for value in values:
        if not _missing(value) and not _is_number(value):
            raise DataError(f"column {feature['name']!r}: {value!r} is not a number, as in the training rows")
    numbers = np.array([feature["mean"] if _missing(value) else value for value in values], dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise DataError(f"column {feature['name']!r}: {numbers[~np.isfinite(numbers)][0]} is no finite number")
    return (numbers - feature["shift"]) / feature["scale"]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def _plain(value: Any) -> Any:
    """A NumPy scalar as the Python value that JSON holds."""
    return value.item() if isinstance(value, np.generic) else value
