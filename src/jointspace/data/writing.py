"""Rows to parquet: pictures and sounds as `{bytes, path}` structs, the form every reader of ours and others knows."""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jointspace.data.modality import modality_of_field
from jointspace.errors import ConfigError, DataError, nearest

BLOCK = 1024  # rows a row group
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_parquet(rows: Iterable[Mapping[str, Any]], out: Path, fields: Sequence[str] | None = None) -> list[str]:
    """Stream rows to a parquet file, written beside and renamed. Returns the columns. Raises DataError.

    A field named after `image` holds PIL or uint8 pictures (stored as PNG) or encoded bytes; after `audio` float
    waveforms with `(array, rate)` (stored as 16-bit FLAC) or bytes. Arrays of other fields become lists.
    """
    part = out.with_name(out.name + ".part")
    out.parent.mkdir(parents=True, exist_ok=True)
    writer: pq.ParquetWriter | None = None
    names: list[str] = []
    block: list[dict[str, Any]] = []
    try:
        for number, row in enumerate(rows):
            if not names:
                names = list(fields or row)
            for name in names:
                if name not in row:
                    raise DataError(f"row {number}: no field {name!r}{nearest(name, row)}")
            block.append({name: storable(name, row[name]) for name in names})
            if len(block) == BLOCK:
                writer = _flush(writer, block, names, part)
                block = []
        if block:
            writer = _flush(writer, block, names, part)
        if writer is None:
            raise DataError(f"{out}: nothing to write, the data set is empty")
        writer.close()
        os.replace(part, out)
    finally:
        if writer is not None:
            writer.close()
        part.unlink(missing_ok=True)
    return names


def to_arrow(rows: Iterable[Mapping[str, Any]], fields: Sequence[str] | None = None) -> pa.Table:
    """Rows as a table in memory, values as `write_parquet` stores them. Raises DataError where there is no row."""
    made = list(rows)
    if not made:
        raise DataError("nothing to convert, the data set is empty")
    names = list(fields or made[0])
    return _table([{name: storable(name, row[name]) for name in names} for row in made], names)


def _flush(writer: pq.ParquetWriter | None, block: list[dict[str, Any]], names: list[str], path: Path) -> Any:
    table = _table(block, names, None if writer is None else writer.schema)
    if writer is None:
        writer = pq.ParquetWriter(path, table.schema, compression="zstd")
    writer.write_table(table)
    return writer


def _table(block: list[dict[str, Any]], names: list[str], schema: pa.Schema | None = None) -> pa.Table:
    columns = {}
    for name in names:
        values = [row[name] for row in block]
        kind = None if schema is None else schema.field(name).type
        if kind is None and any(isinstance(v, dict) and v.keys() == {"bytes", "path"} for v in values):
            kind = STRUCT
        columns[name] = _packed(values) if kind is None and _alike(values) else _column(values, kind)
    return pa.table(columns)


def _column(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    if kind is not None and _alike(values):
        return _packed(values).cast(kind)
    return pa.array([v.tolist() if isinstance(v, np.ndarray) else v for v in values], type=kind)


def _alike(values: list[Any]) -> bool:
    """Arrays of one type that differ at most in their first length."""
    first = values[0]
    return (
        isinstance(first, np.ndarray)
        and first.ndim > 0
        and first.dtype.kind in "biuf"
        and all(isinstance(v, np.ndarray) and v.dtype == first.dtype for v in values)
        and all(v.shape[1:] == first.shape[1:] for v in values)
        and 0 not in first.shape[1:]
    )


def _packed(values: list[np.ndarray]) -> pa.Array:
    """Arrays (L_i, ...) as a list column over flat buffers: no Python number is ever made."""
    inner = pa.array(np.concatenate(values).reshape(-1))
    for size in reversed(values[0].shape[1:]):
        inner = pa.FixedSizeListArray.from_arrays(inner, size)
    offsets = np.concatenate([[0], np.cumsum([len(v) for v in values])])
    return pa.ListArray.from_arrays(pa.array(offsets, type=pa.int32()), inner)


def storable(name: str, value: Any) -> Any:
    """A value in the form it has in parquet."""
    modality = modality_of_field(name)
    if value is None:
        return None
    if modality == "image" and not isinstance(value, list):
        return {"bytes": value if isinstance(value, bytes) else _png(value), "path": None}
    if modality == "audio":
        if isinstance(value, list):  # several sounds, such as the sources of a mixture
            return [storable(name, sound) for sound in value]
        return {"bytes": value if isinstance(value, bytes) else _flac(value), "path": None}
    if _frames(value):
        return [_png(frame) for frame in value]
    return value.item() if isinstance(value, np.generic) else value


def _frames(value: Any) -> bool:
    """A clip or several pictures: (T, H, W, 3) uint8."""
    return isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 4 and value.shape[3] == 3


def _png(value: Any) -> bytes:
    from jointspace.data.decode import decode_image

    stream = io.BytesIO()
    decode_image(value).save(stream, format="PNG")
    return stream.getvalue()


def _flac(value: Any) -> bytes:
    import soundfile

    samples, rate = value if isinstance(value, tuple) else (value, 16000)
    stream = io.BytesIO()
    soundfile.write(stream, np.asarray(samples, dtype=np.float32), int(rate), format="FLAC")
    return stream.getvalue()


def make_world(
    name: str,
    out: Path,
    *,
    n: int,
    seed: int,
    fields: Sequence[str] | None = None,
    controls: Mapping[str, Any] | None = None,
    force: bool = False,
) -> dict[Path, list[str]]:
    """Write `jointspace.world.make(name, n=, seed=, **controls)`; returns the columns of each file written.

    out: a folder, which gets one parquet file a table (`scenes.parquet`; `nodes.parquet` and `edges.parquet`), or a
    `.parquet` file for a set of one table. `fields` are of the first table. Raises ConfigError for a name that is not
    of the world, an existing file or a folder that is not empty without `force`, an unknown control or field.
    """
    if not name.startswith("world/"):
        raise ConfigError(f"{name}: only sets of the synthetic world can be made, e.g. world/scenes")
    if not force and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise ConfigError(f"{out}: exists already; --force overwrites it")
    if n < 1:
        raise ConfigError(f"--n {n}: at least one row")
    world = importlib.import_module("jointspace.world")  # by name: the world builds on this room
    tables = world.make(name.removeprefix("world/"), n=n, seed=seed, fields=fields, **dict(controls or {})).tables()
    if out.suffix == ".parquet":
        if len(tables) > 1:
            raise ConfigError(f"{out}: {name} has the tables {', '.join(tables)}; give a folder")
        return {out: write_parquet(next(iter(tables.values())), out)}
    if out.is_file():
        raise ConfigError(f"{out}: is a file; give a folder or a name that ends in .parquet")
    return {out / f"{table}.parquet": write_parquet(rows, out / f"{table}.parquet") for table, rows in tables.items()}
