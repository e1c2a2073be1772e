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


def _flush(writer: pq.ParquetWriter | None, block: list[dict[str, Any]], names: list[str], path: Path) -> Any:
    columns = {}
    for k, name in enumerate(names):
        kind = writer.schema.field(k).type if writer is not None else None
        if kind is None and modality_of_field(name) in ("image", "audio"):
            kind = STRUCT
        columns[name] = pa.array([row[name] for row in block], type=kind)
    table = pa.table(columns)
    if writer is None:
        writer = pq.ParquetWriter(path, table.schema, compression="zstd")
    writer.write_table(table)
    return writer


def storable(name: str, value: Any) -> Any:
    """A value in the form it has in parquet."""
    modality = modality_of_field(name)
    if modality == "image" and value is not None and not isinstance(value, list):
        return {"bytes": value if isinstance(value, bytes) else _png(value), "path": None}
    if modality == "audio" and value is not None:
        return {"bytes": value if isinstance(value, bytes) else _flac(value), "path": None}
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


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
) -> list[str]:
    """Write `jointspace.world.make(name, n=, seed=, **controls)` to a parquet file; returns its columns.

    Raises ConfigError for a name that is not of the world, an existing file without `force`, or an unknown control.
    """
    if not name.startswith("world/"):
        raise ConfigError(f"{name}: only sets of the synthetic world can be made, e.g. world/scenes")
    if out.exists() and not force:
        raise ConfigError(f"{out}: exists already; --force overwrites it")
    if n < 1:
        raise ConfigError(f"--n {n}: at least one row")
    world = importlib.import_module("jointspace.world")  # by name: the world builds on this room
    rows = world.make(name.removeprefix("world/"), n=n, seed=seed, **dict(controls or {}))
    known = list(rows.fields)
    for field in fields or ():
        if field not in known:
            raise ConfigError(f"--fields: {name} has no field {field!r}{nearest(field, known)}")
    return write_parquet((rows[i] for i in range(len(rows))), out, list(fields) if fields else None)
