"""Columns of arrays that stay on disk: memory-mapped `.npy` shards and, for each row, where its array lies."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jointspace.data.columns import Column

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


class MappedColumn(Column):
    """Row -> array of a folder of shards (`jointspace.data.cache` writes them). Pickles as a path.

    folder: holds `shard-00000.npy` ... and, where items have different lengths, `shard-00000.lengths.npy`.
    place (N,): number of the entry, counted over the shards, that belongs to each row; -1 = none.
    """

    def __init__(self, folder: Path, place: np.ndarray):
        self.folder, self.place = Path(folder), np.asarray(place, dtype=np.int64)

    @cached_property
    def _shards(self) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Arrays and, for ragged ones, where each entry starts."""
        shards = []
        for path in sorted(self.folder.glob("shard-?????.npy")):
            lengths = path.with_suffix(".lengths.npy")
            starts = np.concatenate([[0], np.cumsum(np.load(lengths))]) if lengths.exists() else None
            shards.append((np.load(path, mmap_mode="r"), starts))
        return shards

    @cached_property
    def _first(self) -> np.ndarray:
        """Number of the first entry of each shard, and the total."""
        counts = [len(array) if starts is None else len(starts) - 1 for array, starts in self._shards]
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @property
    def ragged(self) -> bool:
        """True where entries are (L_i, ...) of different lengths."""
        return any(starts is not None for _, starts in self._shards)

    @property
    def type(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, row: int) -> np.ndarray | None:
        entry = int(self.place[row])
        if entry < 0:
            return None
        shard = int(np.searchsorted(self._first, entry, side="right")) - 1
        array, starts = self._shards[shard]
        at = entry - int(self._first[shard])
        return np.array(array[at]) if starts is None else np.array(array[starts[at] : starts[at + 1]])

    def take(self, rows: np.ndarray) -> list[Any]:
        return [self[int(row)] for row in rows]

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "place": self.place}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.folder, self.place = state["folder"], state["place"]


def mapped_columns(data: Dataset, field: str) -> list[MappedColumn]:
    """The mapped columns a field is read from; [] where it is an ordinary field."""
    columns = [part.columns[c] for part in data.parts if field in part.fields for c in part.fields[field].columns]
    mapped = [column for column in columns if isinstance(column, MappedColumn)]
    return mapped if len(mapped) == len(columns) else []
