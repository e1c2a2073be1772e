"""What every set of the world is: rows by index, made when asked for, the same in every process."""

from __future__ import annotations

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from jointspace.errors import ConfigError, nearest

Columns = dict[str, Any]  # field -> one value a row: an array (B, ...) or a list of B values


class WorldSet(Sequence[dict[str, Any]], ABC):
    """n rows of a set of the world. Row i depends on (seed, i) and the controls alone, never on n or its neighbours.

    A subclass names itself, its `FIELDS` (field -> what it holds, one line) and its `Controls` (a frozen dataclass
    that checks itself), and makes columns for any indices in `block`. `fields` limits what is made. Pictures are
    (H, W, 3) uint8, sounds `(float32 samples, rate)`, points (N, 3 or 6) float32, masks bool or integers.

    Raises ConfigError for n < 1 or an unknown field.
    """

    name: ClassVar[str]
    FIELDS: ClassVar[Mapping[str, str]]
    Controls: ClassVar[type]
    DEFAULT: ClassVar[Sequence[str] | None] = None  # fields made where none are named; None = all
    BLOCK: ClassVar[int] = 64  # rows made at once when single rows are read

    def __init__(self, n: int = 1000, seed: int = 0, controls: Any = None, fields: Sequence[str] | None = None):
        if n < 1:
            raise ConfigError(f"world/{self.name}: n must be at least 1, got {n}")
        self.n, self.seed = int(n), int(seed)
        self.controls = self.Controls() if controls is None else controls
        self.fields = self._known((self.DEFAULT or self.FIELDS) if fields is None else fields)
        self._last: tuple[int, list[dict[str, Any]]] | None = None

    @abstractmethod
    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        """Columns `fields` (at least these) of the rows `indices` (int64, any order)."""

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.n))]
        i = range(self.n)[index]
        start = i - i % self.BLOCK
        if self._last is None or self._last[0] != start:
            self._last = (start, self._rows(np.arange(start, min(start + self.BLOCK, self.n))))
        return self._last[1][i - start]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(self.n))

    def columns(self, *fields: str) -> Columns:
        """Whole columns: equal-shaped arrays joined to (n, ...), anything else as a list of n."""
        names = self._known(fields or self.fields)
        parts = [self.block(np.arange(s, min(s + self.BLOCK, self.n)), names) for s in range(0, self.n, self.BLOCK)]
        return {name: _join([part[name] for part in parts]) for name in names}

    def column(self, field: str) -> Any:
        """One whole column, see `columns`."""
        return self.columns(field)[field]

    def tables(self) -> dict[str, WorldSet]:
        """The tables that the set is written as: itself alone, unless it says otherwise (nodes and edges)."""
        return {self.name: self}

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        """A picture (H, W, 3) uint8 that shows the row on a contact sheet."""
        return np.asarray(row["image"])

    def words(self, row: Mapping[str, Any]) -> str:
        """The words below the picture on a contact sheet."""
        return str(next((row[name] for name in ("caption", "text", "name", "label") if name in row), ""))

    def digest(self, rows: int = 8) -> str:
        """16 hex digits over the first rows, floats quantised to 1/256: two machines that agree see the same world."""
        state = hashlib.sha256()
        for i in range(min(rows, self.n)):
            for name in self.fields:
                state.update(name.encode())
                _update(state, self[i][name])
        return state.hexdigest()[:16]

    def _rows(self, indices: np.ndarray) -> list[dict[str, Any]]:
        made = self.block(indices, self.fields)
        return [{name: made[name][j] for name in self.fields} for j in range(len(indices))]

    def _known(self, fields: Any) -> tuple[str, ...]:
        for field in fields:
            if field not in self.FIELDS:
                raise ConfigError(f"world/{self.name}: no field {field!r}{nearest(field, self.FIELDS)}")
        return tuple(fields)


def read_controls(kind: type, controls: Mapping[str, Any], what: str) -> Any:
    """Plain values (from YAML or `key=value`) -> the dataclass `kind`. ConfigError names an unknown control."""
    fields = {f.name for f in dataclasses.fields(kind)}
    for name in controls:
        if name not in fields:
            raise ConfigError(f"world/{what}: no control {name!r}{nearest(name, fields)}")
    try:
        return kind(**{name: _frozen(value) for name, value in controls.items()})
    except TypeError as error:  # a text where a number belongs
        raise ConfigError(f"world/{what}: controls {dict(controls)}: {error}") from error


def check_range(what: str, name: str, value: Any, low: float, high: float) -> None:
    """ConfigError unless low <= value <= high."""
    if not isinstance(value, int | float) or not low <= value <= high:
        raise ConfigError(f"world/{what}: {name} must be in {low} to {high}, got {value!r}")


def check_names(what: str, name: str, values: Any, known: Any) -> None:
    """ConfigError unless every one of `values` is known."""
    for value in (values,) if isinstance(values, str) else values:
        if value not in known:
            raise ConfigError(f"world/{what}: {name}: no {value!r}{nearest(str(value), known)}")


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list | tuple) else value


def _join(parts: list[Any]) -> Any:
    if all(isinstance(p, np.ndarray) and p.shape[1:] == parts[0].shape[1:] for p in parts):
        return np.concatenate(parts)
    return [value for part in parts for value in part]


def _update(state: Any, value: Any) -> None:
    if isinstance(value, Mapping):
        for name in sorted(value):
            state.update(str(name).encode())
            _update(state, value[name])
    elif isinstance(value, float | np.ndarray | np.floating) and np.asarray(value).dtype.kind == "f":
        array = np.nan_to_num(np.asarray(value, dtype=np.float64), nan=-1e6)
        state.update(np.round(array * 256).astype(np.int64).tobytes())
    elif isinstance(value, np.ndarray):
        state.update(value.astype(np.int64).tobytes() if value.dtype.kind in "iub" else repr(value.tolist()).encode())
    elif isinstance(value, list | tuple):
        for part in value:
            _update(state, part)
    else:
        state.update(repr(value.item() if isinstance(value, np.generic) else value).encode() + b";")
