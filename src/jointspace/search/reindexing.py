"""A store moves to a new Space without a gap: a second vector column is filled while the first one answers.

    begin   store.json names the column to come; the new Space is kept beside the old one
    fill    rows whose new vector is missing are encoded, a batch a version of the table; may stop and go on at any time
    cut     `cut_over` renames the pointer in store.json: queries go to the new column from then on
    back    `roll_back` renames it back: the old vectors were never touched

What happens between two steps leaves the store as it was before or after one of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from jointspace.errors import DataError, SpaceError, nearest
from jointspace.search.index import Index
from jointspace.space import Space

Items = Callable[[Sequence[str]], Sequence[Any]] | Mapping[str, Any]
POINTER = ("fingerprint", "output", "scorer", "dim", "column", "space_column", "space_folder")


def pending(index: Index) -> int:
    """Rows whose vector of the coming Space is still to be made; DataError where no reindexing has begun."""
    return index.table.count_rows(f"{_coming(index)['column']} IS NULL")


def reindex(
    index: Index,
    space: Space,
    *,
    items: Items | None = None,
    column: str | None = None,
    batch_size: int = 256,
    limit: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> int:
    """Make the missing vectors of `space`; queries go on with the old ones. Returns how many rows are still missing.

    items: what the vectors are made of, a mapping from id to item or a function of ids; or column: a payload column
    that holds it (texts, or pictures as stored by `index_dataset`). limit: stop after so many rows. Calling it again
    goes on where it stopped, and takes in what was added meanwhile. DataError where an item is missing.
    """
    if items is None and column is None:
        column = "image" if "image" in index.columns and "image" in space.accepts else None
        if column is None:
            raise DataError(f"{index.store}: reindex needs items=, or column=: which of {', '.join(index.columns)}?")
    if column is not None and column not in index.columns:
        raise DataError(f"{index.store}: no payload column {column!r}{nearest(column, index.columns)}")
    coming = _begin(index, space)
    done = 0
    while limit is None or done < limit:
        take = batch_size if limit is None else min(batch_size, limit - done)
        names = ["key", "item", "part", *([column] if column else [])]
        asked = index.table.search().where(f"{coming['column']} IS NULL").select(names).limit(take)
        rows = asked.to_arrow()
        if not rows.num_rows:
            break
        if max(rows["part"].to_pylist()) > 0:
            raise DataError(f"{index.store}: items with several vectors cannot be reindexed; make the store anew")
        ids = rows["item"].to_pylist()
        given = _items(index, items, ids) if items is not None else rows[str(column)].to_pylist()
        vectors = space.encode(
            [_decoded(item) for item in given], modality=index.about.get("modality"), role="document",
            output=coming["output"], batch_size=batch_size,
        )  # fmt: skip
        _write(index, coming, rows["key"], np.ascontiguousarray(vectors, dtype=np.float32))
        done += rows.num_rows
        say(f"{done:,} rows made, {pending(index):,} to go")
    return pending(index)


def cut_over(index: Index) -> None:
    """From now on queries and new items go by the new Space. DataError while vectors are missing."""
    coming = _coming(index)
    left = pending(index)
    if left:
        raise DataError(f"{index.store}: {left:,} rows have no new vector yet; reindex goes on where it stopped")
    _switch(index, coming, _pointer(index.about))


def roll_back(index: Index) -> None:
    """Queries go by the Space before again. DataError where items came since that have no old vector."""
    before = index.about.get("before")
    if before is None:
        raise DataError(f"{index.store}: there is no earlier Space to go back to")
    left = index.table.count_rows(f"{before['column']} IS NULL")
    if left:
        raise DataError(f"{index.store}: {left:,} items came since the cut; delete them first, or stay")
    _switch(index, before, None)


def _begin(index: Index, space: Space) -> dict[str, Any]:
    """The coming column, made where it is not there yet."""
    fingerprint = space.fingerprint()
    coming = index.about.get("next")
    if coming is not None and coming["fingerprint"] == fingerprint:
        return coming
    if fingerprint == index.about["fingerprint"]:
        raise SpaceError(f"{index.store}: is of this Space already")
    output = index.about["output"]
    tower = space.tower(index.about.get("modality") or space.accepts[0])
    if output not in tower.outputs():
        raise SpaceError(f"{index.store}: the new Space has no output {output!r}{nearest(output, tower.outputs())}")
    spec = tower.outputs()[output]
    coming = {
        "fingerprint": fingerprint, "output": output, "scorer": spec.scorer, "dim": spec.dim,
        "column": f"_vector_{fingerprint}", "space_column": f"_space_{fingerprint}",
        "space_folder": f"space_{fingerprint}",
    }  # fmt: skip
    if coming["column"] not in index.table.schema.names:
        vector, maker = pa.list_(pa.float32(), spec.dim), pa.string()
        fields = [pa.field(coming["column"], vector), pa.field(coming["space_column"], maker)]
        index.table.add_columns(pa.schema(fields))
    if not (index.store / coming["space_folder"]).exists():
        space.save_pretrained(index.store / coming["space_folder"])
    _save(index, {**index.about, "next": coming})
    return coming


def _coming(index: Index) -> dict[str, Any]:
    if index.about.get("next") is None:
        raise DataError(f"{index.store}: no reindexing has begun")
    return index.about["next"]


def _items(index: Index, items: Items, ids: Sequence[str]) -> Sequence[Any]:
    if callable(items):
        given = items(ids)
        if len(given) != len(ids):
            raise DataError(f"{index.store}: items() gave {len(given)} items for {len(ids)} ids")
        return given
    for name in ids:
        if name not in items:
            raise DataError(f"{index.store}: item {name!r} is not among the items given")
    return [items[name] for name in ids]


def _decoded(value: Any) -> Any:
    """A payload value as an item: pictures are stored as {bytes, path} or bytes."""
    return value["bytes"] if isinstance(value, dict) and "bytes" in value else value


def _write(index: Index, coming: dict[str, Any], keys: pa.ChunkedArray, vectors: np.ndarray) -> None:
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), coming["dim"])
    made = pa.array([coming["fingerprint"]] * len(vectors), pa.string())
    names = ["key", coming["column"], coming["space_column"]]
    index.table.merge_insert("key").when_matched_update_all().execute(pa.table([keys, values, made], names=names))


def _pointer(about: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"column": "vector", "space_column": "space", "space_folder": "space"}
    return {name: about.get(name, defaults.get(name)) for name in POINTER}


def _switch(index: Index, pointer: Mapping[str, Any], before: dict[str, Any] | None) -> None:
    about = {**index.about, **{name: pointer[name] for name in POINTER}, "before": before}
    about["next"] = None if before is not None else _pointer(index.about)  # after going back, it can come again
    _save(index, about)
    index._space = None


def _save(index: Index, about: dict[str, Any]) -> None:
    """store.json, written beside and renamed: a reader sees the old pointer or the new one."""
    beside = index.store / f".store.json.{os.getpid()}"
    beside.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    os.replace(beside, index.store / "store.json")
    index.about = about
