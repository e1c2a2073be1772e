"""Items and payload -> rows of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from jointspace.errors import DataError, nearest
from jointspace.space import Space

OWN = ("key", "item", "part", "vector", "space")


@dataclass
class VectorRows:
    """Vectors (M, D) of N items: row m belongs to item `owner[m]` and is its part `part[m]`."""

    vectors: np.ndarray
    owner: np.ndarray
    part: np.ndarray
    ids: list[str]
    fingerprint: str


def vector_rows(
    space: Space,
    items: Sequence[Any],
    *,
    ids: Sequence[str] | None = None,
    first: int = 0,
    modality: str | None = None,
    vectors: np.ndarray | None = None,
    output: str = "dense",
    batch_size: int = 64,
) -> VectorRows:
    """Encode items (an entry that is a list has several vectors). DataError where lengths differ or ids repeat."""
    given = len(vectors) if vectors is not None and not len(items) else len(items)
    names = [str(i) for i in ids] if ids is not None else [str(first + i) for i in range(given)]
    if len(names) != given:
        raise DataError(f"{given} items, but {len(names)} ids")
    if len(set(names)) < len(names):
        twice = next(n for i, n in enumerate(names) if n in set(names[:i]))
        raise DataError(f"id {twice!r} is given twice")
    if vectors is not None:
        matrix = np.ascontiguousarray(vectors, dtype=np.float32)
        want = space.tower(modality or space.accepts[0]).outputs()[output].dim
        if matrix.ndim != 2 or matrix.shape != (given, want):
            raise DataError(f"vectors have shape {matrix.shape}, expected ({given}, {want})")
        if not np.isfinite(matrix).all():
            raise DataError(f"vector {int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])} is not finite")
        owner, part = np.arange(given), np.zeros(given, dtype=np.int32)
    else:
        counts = [len(x) if isinstance(x, list | tuple) else 1 for x in items]
        if 0 in counts:
            raise DataError(f"item {counts.index(0)} is an empty list")
        flat = [y for x in items for y in (x if isinstance(x, list | tuple) else [x])]
        owner = np.repeat(np.arange(given), counts)
        part = (np.arange(len(flat)) - np.repeat(np.cumsum([0, *counts[:-1]]), counts)).astype(np.int32)
        matrix = space.encode(flat, modality=modality, role="document", output=output, batch_size=batch_size)
        if not len(flat):
            matrix = np.zeros((0, space.tower(modality or space.accepts[0]).outputs()[output].dim), dtype=np.float32)
    return VectorRows(matrix, owner, part, names, space.fingerprint())


def payload_table(
    rows: VectorRows,
    payload: Any,
    *,
    like: pa.Schema | None = None,
    places: tuple[str, str] = ("vector", "space"),
) -> pa.Table:
    """Arrow table of a store: own columns and the payload's. DataError for a reserved or unknown column.

    places: names of the columns for the vector and for the fingerprint of its Space.
    """
    n, dim = len(rows.ids), rows.vectors.shape[1]
    table = _as_table(payload, n)
    if (table.num_columns or payload is not None) and table.num_rows != n:
        raise DataError(f"payload has {table.num_rows} rows for {n} items")
    for name in table.column_names:
        if name in OWN or name.startswith("_"):
            raise DataError(f"payload column {name!r} is reserved; rename it")
    names = np.array(rows.ids, dtype=object)[rows.owner] if n else np.array([], dtype=object)
    columns: dict[str, Any] = {
        "key": pa.array([f"{name}#{part}" for name, part in zip(names, rows.part, strict=True)], pa.string()),
        "item": pa.array(names, pa.string()),
        "part": pa.array(rows.part, pa.int32()),
        places[0]: pa.FixedSizeListArray.from_arrays(pa.array(rows.vectors.reshape(-1), pa.float32()), dim),
        places[1]: pa.array([rows.fingerprint] * len(names), pa.string()),
    }
    taken = table.take(pa.array(rows.owner, pa.int64())) if table.num_columns else table
    for name in taken.column_names:
        columns[name] = taken.column(name)
    if like is None:
        return pa.table(columns)
    for name in taken.column_names:
        if name not in like.names:
            raise DataError(f"payload column {name!r} is not in the store{nearest(name, [c for c in like.names])}")
    arrays = []
    for field in like:
        column = columns.get(field.name)
        try:
            arrays.append(pa.nulls(len(names), field.type) if column is None else column.cast(field.type))
        except pa.ArrowInvalid as error:
            raise DataError(f"payload column {field.name!r}: {str(error).splitlines()[0]}") from None
    return pa.table(arrays, schema=like)


def _as_table(payload: Any, n: int) -> pa.Table:
    try:
        if payload is None:
            return pa.table({})
        if isinstance(payload, pa.Table):
            return payload
        if isinstance(payload, Mapping):
            return pa.table({k: pa.array(list(v)) for k, v in payload.items()})
        return pa.Table.from_pylist([dict(row) for row in payload]) if len(payload) else pa.table({})
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
        raise DataError(f"payload: {str(error).splitlines()[0]}") from None
