"""A data set as a store: one field becomes vectors, the others the payload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from jointspace.data.dataset import Dataset
from jointspace.data.modality import modality_of_field
from jointspace.errors import DataError, nearest
from jointspace.search.index import Index
from jointspace.search.rows import OWN
from jointspace.space import Space


def index_dataset(
    store: str | Path, space: Space, data: Dataset, *, field: str | None = None, overwrite: bool = False
) -> Index:
    """Index one field of a data set; ids are its row ids. DataError where the Space accepts no field of it."""
    fitting = [f for f in data.fields if modality_of_field(f) in space.accepts]
    if field is None and not fitting:
        raise DataError(f"{data.name}: the Space accepts {', '.join(space.accepts)}; fields: {', '.join(data.fields)}")
    chosen = field or ("image" if "image" in fitting else fitting[0])
    if chosen not in fitting:
        raise DataError(f"{data.name}: field {chosen!r} cannot be encoded by this Space{nearest(chosen, fitting)}")
    items = data.column(chosen)
    missing = [i for i, item in enumerate(items) if item is None or item == []]
    if missing:
        raise DataError(f"{data.name}: row {missing[0]} has no {chosen}")
    payload = {_free(f): [_storable(v) for v in data.column(f)] for f in data.fields if f not in ("id", *_bulky(data))}
    if modality_of_field(chosen) == "image":
        payload["image"] = [_storable(v) for v in data.column(chosen)]
    if items and isinstance(items[0], dict) and modality_of_field(chosen) == "table":  # a row's cells are its payload
        payload |= {_free(name): [_storable(item.get(name)) for item in items] for name in items[0]}
    return Index.create(
        store, space, items, payload, ids=data.ids, modality=modality_of_field(chosen), overwrite=overwrite
    )


def _bulky(data: Dataset) -> list[str]:
    return [f for f in data.fields if modality_of_field(f) not in (None, "text")]


def _free(name: str) -> str:
    return f"{name}_" if name in OWN or name.startswith("_") else name


def _storable(value: Any) -> Any:
    """Arrow cannot hold paths and PIL pictures: a path as text, a list of texts joined, a picture as PNG bytes."""
    if isinstance(value, list):
        return " | ".join(str(v) for v in value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "save") and hasattr(value, "getbands"):
        import io

        buffer = io.BytesIO()
        value.save(buffer, format="PNG")
        return buffer.getvalue()
    if isinstance(value, dict | bytes | str | int | float | bool) or value is None:
        return value
    try:
        pa.scalar(value)
        return value
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return str(value)
