"""Vectors of a whole data set to parquet, beside and renamed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jointspace.data.dataset import Dataset
from jointspace.data.modality import modality_of_field
from jointspace.errors import DataError
from jointspace.space.space import Space


def encode_dataset(
    space: Space,
    data: Dataset,
    out: Path,
    *,
    output: str = "dense",
    role: str | None = None,
    batch_size: int = 64,
    block: int = 4096,
) -> dict[str, Any]:
    """Encode every field the Space accepts, block by block (bounded memory), into one parquet file.

    Columns: id (str), field (str), value (int32, which of several values of the row), vector (list<float32>[D]); the
    file's metadata holds the Space's fingerprint. Returns {items, dim, fields, fingerprint}. Raises DataError where the
    Space accepts none of the fields; then nothing is written.
    """
    fields = [f for f in data.fields if modality_of_field(f) in space.accepts]
    if not fields:
        raise DataError(
            f"{data.name}: the Space accepts {', '.join(space.accepts)}, the data has {', '.join(data.fields)}"
        )
    dim = space.tower(str(modality_of_field(fields[0])), role).outputs()[output].dim
    schema = pa.schema(
        [("id", pa.string()), ("field", pa.string()), ("value", pa.int32()), ("vector", pa.list_(pa.float32(), dim))],
        metadata={"jointspace.fingerprint": space.fingerprint(), "jointspace.output": output},
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    items, ids = 0, data.ids
    try:
        with pq.ParquetWriter(beside, schema) as writer:
            for field in fields:
                for start in range(0, len(data), block):
                    rows = range(start, min(start + block, len(data)))
                    owners, numbers, values = [], [], []
                    for i in rows:
                        for k, value in enumerate(data.values(field, i)):
                            owners.append(ids[i])
                            numbers.append(k)
                            values.append(value)
                    if not values:
                        continue
                    vectors = space.encode(
                        values, modality=modality_of_field(field), role=role, output=output, batch_size=batch_size
                    )
                    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
                    column = pa.FixedSizeListArray.from_arrays(flat, dim)
                    writer.write_table(
                        pa.table([owners, [field] * len(owners), pa.array(numbers, pa.int32()), column], schema=schema)
                    )
                    items += len(owners)
        os.replace(beside, out)
    finally:
        beside.unlink(missing_ok=True)
    return {"items": items, "dim": dim, "fields": fields, "fingerprint": space.fingerprint()}
