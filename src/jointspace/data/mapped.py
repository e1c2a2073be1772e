"""Columns of arrays that stay on disk: memory-mapped `.npy` shards and, for each row, where its arrays lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jointspace.data.columns import Column

if TYPE_CHECKING:
    from jointspace.data.dataset import Dataset


class Shards:
    """Entries of a folder, opened when first read: `shard-00000.npy` ... each (n, ...), or, where entries have
    different lengths, their rows one after the other beside `shard-00000.lengths.npy`; `shard-00000.keys.npy` (n,)
    int64 are the content hashes. A shard without keys is unfinished and not read. Pickles as a path."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.arrays: list[np.ndarray] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "arrays": None}

    def names(self) -> list[str]:
        """Finished shards, in order."""
        return sorted(path.name.split(".")[0] for path in self.folder.glob("shard-*.keys.npy"))

    def keys(self) -> np.ndarray:
        """Content hash of every entry, in order: int64 (M,)."""
        return np.concatenate([np.zeros(0, np.int64)] + [np.load(self.folder / f"{n}.keys.npy") for n in self.names()])

    def open(self) -> None:
        """Map the arrays of all finished shards."""
        self.arrays, self.starts, counts = [], [], [0]
        for name in self.names():
            array = np.load(self.folder / f"{name}.npy", mmap_mode="r")
            lengths = self.folder / f"{name}.lengths.npy"
            starts = np.concatenate([[0], np.cumsum(np.load(lengths))]) if lengths.exists() else None
            self.arrays.append(array)
            self.starts.append(starts)
            counts.append(len(array) if starts is None else len(starts) - 1)
        self.first = np.cumsum(counts)

    @property
    def ragged(self) -> bool:
        """True where entries are (L_i, ...) of different lengths."""
        if self.arrays is None:
            self.open()
        return any(starts is not None for starts in self.starts)

    def __getitem__(self, entry: int) -> np.ndarray:
        if self.arrays is None:
            self.open()
        assert self.arrays is not None
        shard = int(np.searchsorted(self.first, entry, side="right")) - 1
        array, starts, at = self.arrays[shard], self.starts[shard], entry - int(self.first[shard])
        return np.array(array[at]) if starts is None else np.array(array[starts[at] : starts[at + 1]])


class MappedColumn(Column):
    """A column of cached arrays. A row has as many as the field they were computed from has values.

    origin: that field. place (M,): entry of the shards for each value, -1 = none; offsets (N + 1,): row i owns
    place[offsets[i]:offsets[i + 1]]. A row reads as one array, or as a list where `multi`.
    """

    def __init__(self, shards: Shards, origin: str, place: np.ndarray, offsets: np.ndarray, multi: bool):
        self.shards, self.origin, self.place, self.offsets, self.multi = shards, origin, place, offsets, multi

    @property
    def type(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> Any:
        places = self.place[self.offsets[row] : self.offsets[row + 1]].tolist()
        entries = [self.shards[place] for place in places if place >= 0]
        return entries if self.multi else (entries[0] if entries else None)

    def take(self, rows: np.ndarray) -> list[Any]:
        return [self[int(row)] for row in rows]

    def valid(self) -> np.ndarray:
        return np.diff(self.offsets) > 0

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def mapped_columns(data: Dataset, field: str) -> list[MappedColumn]:
    """The mapped columns a field is read from; [] where it is an ordinary field."""
    columns = [part.columns[c] for part in data.parts if field in part.fields for c in part.fields[field].columns]
    mapped = [column for column in columns if isinstance(column, MappedColumn)]
    return mapped if len(mapped) == len(columns) else []
