"""Columns as they lie in a file or in memory, and the fields that are read from them."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jointspace.data.identity import combine, content_hash, hash_array
from jointspace.data.modality import modality_of_field
from jointspace.errors import DataError, nearest

SPILL_BYTES = 4 << 20  # larger columns reach worker processes as a memory-mapped file, not through the pipe
ROW_ITEM = frozenset({"table"})  # several columns named for a field are one item: {column: value}
ONE_ITEM = frozenset({"video", "points", "volume", "table", "record", "graph"})  # here a list is one item, no choice


class Column:
    """One column: an Arrow array (files, plain values) or a Python list (pictures, arrays). Values stay raw."""

    def __init__(self, values: Any):
        if isinstance(values, pa.ChunkedArray):
            if pa.types.is_dictionary(values.type):
                values = values.cast(values.type.value_type)
            small = values.nbytes < 1 << 30  # 32-bit offsets would overflow beyond 2 GiB
            values = values.combine_chunks() if small else values
            if isinstance(values, pa.ChunkedArray) and values.num_chunks == 1:
                values = values.chunk(0)
        self.values: pa.Array | pa.ChunkedArray | list[Any] = values
        self._file: str | None = None

    @classmethod
    def of(cls, values: Sequence[Any]) -> Column:
        """From Python values: Arrow where all are plain (text, bytes, numbers, lists of text), else as they are."""
        values = values if isinstance(values, list) else list(values)
        kinds = {type(v) for v in values if v is not None}
        plain = kinds <= {int, float} or kinds in ({str}, {bytes}, {bool}) or kinds == {list}
        if kinds == {list}:
            plain = {type(w) for v in values if v is not None for w in v} <= {str}
        if plain:
            try:
                return cls(pa.array(values))
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
                pass
        return cls(values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, row: int) -> Any:
        value = self.values[row]
        return value.as_py() if isinstance(value, pa.Scalar) else value

    @property
    def type(self) -> pa.DataType | None:
        return None if isinstance(self.values, list) else self.values.type

    def take(self, rows: np.ndarray) -> list[Any]:
        """Python values of some rows."""
        if isinstance(self.values, list):
            return [self.values[i] for i in rows]
        return self.values.take(pa.array(rows)).to_pylist()

    def hashes(self) -> np.ndarray:
        """Content hash of every entry: (N,) int64."""
        if isinstance(self.values, list):
            return np.fromiter((content_hash(v) for v in self.values), dtype=np.int64, count=len(self.values))
        chunks = self.values.chunks if isinstance(self.values, pa.ChunkedArray) else [self.values]
        return np.concatenate([hash_array(c) for c in chunks] or [np.zeros(0, dtype=np.int64)])

    def valid(self) -> np.ndarray:
        """Where a value is there: (N,) bool."""
        if isinstance(self.values, list):
            return np.array([v is not None for v in self.values], dtype=bool)
        if not self.values.null_count:
            return np.ones(len(self.values), dtype=bool)
        return np.asarray(self.values.is_valid())

    def __getstate__(self) -> dict[str, Any]:
        from multiprocessing.context import get_spawning_popen

        large = not isinstance(self.values, list) and self.values.nbytes > SPILL_BYTES
        if large and get_spawning_popen() is not None:
            if self._file is None:
                self._file = _spill(self.values)
                weakref.finalize(self, _remove, self._file)
            return {"file": self._file}
        return {"values": self.values}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._file = None
        if "file" in state:
            table = pa.ipc.open_file(pa.memory_map(state["file"])).read_all()
            self.values = Column(table.column(0)).values
        else:
            self.values = state["values"]


def _spill(values: pa.Array | pa.ChunkedArray) -> str:
    handle, path = tempfile.mkstemp(prefix="jointspace-", suffix=".arrow")
    os.close(handle)
    table = pa.table({"values": values})
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return path


def _remove(path: str) -> None:
    Path(path).unlink(missing_ok=True)


@dataclass(frozen=True)
class FieldSpec:
    """Where a field's values come from: `columns`, or one `literal` for every row."""

    name: str
    columns: tuple[str, ...] = ()
    literal: Any = None
    multi: bool = False  # several values a row (choices)
    kind: str | None = None  # modality, where the name does not tell it; "" = a plain column
    row: bool = False  # one value a row: a dict of its columns, missing ones None

    @property
    def modality(self) -> str | None:
        return modality_of_field(self.name) if self.kind is None else self.kind or None


def resolve_fields(
    wanted: Mapping[str, Any] | None,
    columns: Mapping[str, Column],
    where: str,
    kinds: Mapping[str, str] | None = None,
) -> dict[str, FieldSpec]:
    """Field specs from `columns={field: column | [columns] | literal}`; None = every column under its own name.

    A literal is a number, a bool or `{"value": anything}`. kinds: modality of fields whose name does not tell it.
    A field `table` made of a list of columns, or of "*" (all that no other field names), has one value a row, a dict.
    Raises DataError that names an unknown column and the nearest one there is.
    """
    if wanted is None:
        wanted = {name: name for name in columns}
    specs: dict[str, FieldSpec] = {}
    for name, source in wanted.items():
        if isinstance(source, Mapping) and set(source) == {"value"}:
            specs[name] = FieldSpec(name, literal=source["value"])
            continue
        if isinstance(source, bool | int | float):
            specs[name] = FieldSpec(name, literal=source)
            continue
        row = modality_of_field(name) in ROW_ITEM and (source == "*" or isinstance(source, list | tuple))
        if row and source == "*":
            source = _others(wanted, columns)
        listed = isinstance(source, list | tuple)
        names = tuple(source) if listed else (source,)
        for column in names:
            if not isinstance(column, str):
                raise DataError(f"columns: field {name!r} wants column names, got {column!r}")
            if column not in columns:
                raise DataError(f"{where}: no column {column!r} for the field {name!r}{nearest(column, columns)}")
        if not names:
            raise DataError(f"columns: field {name!r} names no column")
        kind = (kinds or {}).get(name)
        modality = FieldSpec(name, kind=kind).modality
        multi = not row and (
            (listed and len(names) > 1)
            or (modality not in ONE_ITEM and any(_is_list(columns[c], modality) for c in names))
        )
        specs[name] = FieldSpec(name, names, multi=multi, kind=kind, row=row)
    return specs


def _others(wanted: Mapping[str, Any], columns: Mapping[str, Column]) -> list[str]:
    """Every column but `id` and those that some field names."""
    named = {"id"}
    for source in wanted.values():
        named.update(source if isinstance(source, list | tuple) else [source] if isinstance(source, str) else [])
    return [column for column in columns if column not in named]


def _is_list(column: Column, modality: str | None) -> bool:
    """True where each entry of a column is a list of items (not a vector of numbers, which is one value)."""
    if column.type is not None:
        kind = column.type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
            return False
        inner = kind.value_type
        return not (pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_boolean(inner))
    first = next((v for v in column.values if v is not None), None)
    if not isinstance(first, list) or not first:
        return False
    return not isinstance(first[0], bool | int | float | list)


@dataclass
class Part:
    """The rows of one source: its columns, which fields are read from them, and where relative paths start."""

    name: str
    columns: dict[str, Column]
    fields: dict[str, FieldSpec]
    rows: int
    base: Path | None = None
    where: str = ""
    id_column: str | None = None
    weight: float | None = None
    prompt: Any = None
    _hashes: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)
    _distinct: dict[str, bool] = field(default_factory=dict, repr=False)  # fields whose choices are the column's lists

    def raw(self, name: str, row: int) -> list[Any]:
        """Values of one row as a list: choices flattened, nulls dropped, paths resolved. [] where there is none."""
        spec = self.fields.get(name)
        if spec is None:
            return []
        if not spec.columns:
            return [] if spec.literal is None else [spec.literal]
        if spec.row:
            return [{c: self.columns[c][row] for c in spec.columns}]
        return self._clean(spec, [self.columns[c][row] for c in spec.columns])

    def one(self, name: str, row: int, choice: int) -> Any:
        """`raw(name, row)[choice]`, without making the other values of a long list of choices."""
        spec = self.fields[name]
        column = self.columns[spec.columns[0]] if len(spec.columns) == 1 else None
        if column is None or not spec.multi or spec.modality != "text" or not isinstance(column.values, pa.Array):
            return self.raw(name, row)[choice]
        if name not in self._distinct:
            flat, offsets = self.hashes(name)
            self._distinct[name] = pa.types.is_list(column.values.type) and len(flat) == len(column.values.flatten())
        if not self._distinct[name]:  # duplicates, blanks or nulls were dropped: numbers are not those of the list
            return self.raw(name, row)[choice]
        start = column.values.offsets[row].as_py()
        return column.values.values[start + choice].as_py()

    def batch(self, name: str, rows: np.ndarray) -> Iterator[list[Any]]:
        """`raw` of many rows, read from Arrow in blocks."""
        spec = self.fields.get(name)
        if spec is None or not spec.columns:
            for _ in rows:
                yield [] if spec is None or spec.literal is None else [spec.literal]
            return
        for start in range(0, len(rows), 4096):
            block = [self.columns[c].take(rows[start : start + 4096]) for c in spec.columns]
            for values in zip(*block, strict=True):
                yield [dict(zip(spec.columns, values, strict=True))] if spec.row else self._clean(spec, list(values))

    def _clean(self, spec: FieldSpec, values: list[Any]) -> list[Any]:
        modality = spec.modality
        if spec.multi:
            flat: list[Any] = []
            for value in values:
                if isinstance(value, list):
                    flat.extend(value)
                else:
                    flat.append(value)
            values = flat
        values = [v for v in values if v is not None]
        if modality == "text":
            values = [v if isinstance(v, str) else str(v) for v in values]
            return [v for v in dict.fromkeys(values) if v.strip()] if spec.multi else values
        if modality in ("image", "audio"):
            return [w for w in (self._medium(v) for v in values) if w is not None]
        return values

    def _medium(self, value: Any) -> Any:
        """A picture or sound as bytes, Path, (array, rate) or object: the struct and string forms of files undone."""
        if isinstance(value, dict):
            if value.get("array") is not None:
                return (np.asarray(value["array"], dtype=np.float32), int(value.get("sampling_rate") or 0))
            if value.get("bytes") is not None:
                return value["bytes"]
            value = value.get("path")
        if isinstance(value, str | Path):
            path = Path(value)
            return self.base / path if self.base is not None and not path.is_absolute() else path
        return value

    def hashes(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Content hashes of all values of a field, flat (M,) int64, and where each row's start: offsets (rows + 1,)."""
        if name not in self._hashes:
            self._hashes[name] = self._hash(name)
        return self._hashes[name]

    def _hash(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        spec = self.fields.get(name)
        if spec is not None and spec.row:  # `content_hash` of each dict, by whole columns
            parts = [(content_hash(c), self.columns[c].hashes()) for c in sorted(spec.columns)]
            pairs = np.stack([part for key, h in parts for part in (np.full(self.rows, key), h)], axis=1)
            return np.fromiter((combine(p) for p in pairs), dtype=np.int64, count=self.rows), np.arange(self.rows + 1)
        array = self.plain(name)
        if array is not None:
            flat = array.hashes()
            here = array.valid()
            return flat[here], np.concatenate([[0], np.cumsum(here)])
        hashes: list[int] = []
        offsets = np.zeros(self.rows + 1, dtype=np.int64)
        known: dict[str, int] = {}
        for i, values in enumerate(self.batch(name, np.arange(self.rows))):
            for value in values:
                if isinstance(value, str):
                    if value not in known:
                        known[value] = content_hash(value)
                    hashes.append(known[value])
                else:
                    hashes.append(content_hash(value))
            offsets[i + 1] = len(hashes)
        return np.asarray(hashes, dtype=np.int64), offsets

    def plain(self, name: str) -> Column | None:
        """The Arrow column whose entries are the field's values as they lie: no choices, paths or conversions."""
        spec = self.fields.get(name)
        if spec is None or len(spec.columns) != 1 or spec.multi or spec.row:
            return None
        column = self.columns[spec.columns[0]]
        kind, modality = column.type, spec.modality
        if kind is None:
            return None
        if modality in ("image", "audio"):
            if pa.types.is_struct(kind) and isinstance(column.values, pa.Array) and not column.values.null_count:
                names = [kind.field(i).name for i in range(kind.num_fields)]
                data = column.values.field("bytes") if "bytes" in names else None
                return Column(data) if data is not None and not data.null_count else None
            return column if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) else None
        textual = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if modality == "text":
            return column if textual else None
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        return column if textual or number else None

    def row_hash(self, name: str) -> np.ndarray:
        """One content hash a row: (rows,) int64; of several values the hash of the list, of none 0."""
        flat, offsets = self.hashes(name)
        spec = self.fields.get(name)
        multi = spec is not None and spec.multi
        out = np.zeros(self.rows, dtype=np.int64)
        if not multi:
            some = offsets[1:] > offsets[:-1]
            out[some] = flat[offsets[:-1][some]]
            return out
        for i, (a, b) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
            if b > a:
                out[i] = combine(flat[a:b].tolist())
        return out
