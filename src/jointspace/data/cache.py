"""What a frozen part or an outside function says about items, computed once and kept as columns.

`cache(data, {"guide_text": (space, "text", "dense")})` gives the data with a column more. An entry is found by content
hash (of the item) x fingerprint (of what computed it) x output, so equal items are computed once, other data sets
reuse them, and a run that was stopped goes on where it was. Arrays lie in memory-mapped shards (`mapped`).

Augmented fields are no business of a cache: the collator refuses a cached column whose field is augmented.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from jointspace.data import draws
from jointspace.data.columns import FieldSpec
from jointspace.data.dataset import Dataset
from jointspace.data.mapped import MappedColumn, Shards
from jointspace.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from jointspace.data.columns import Part

SHARD_BYTES = 32 << 20  # a shard is written, and safe, when so much has been computed


def cache(
    data: Dataset,
    columns: Mapping[str, tuple[Any, ...]],
    folder: str | Path | None = None,
    *,
    batch_size: int = 64,
    progress: bool = False,
) -> Dataset:
    """The data with further columns: `{name: (source, field)}` or `{name: (source, field, output)}`.

    source: a Space, or any object with `encode(items, output=...)` and `fingerprint()`; or a function items -> (n, ...)
    array, or list of (L_i, ...) arrays (tokens; they reach the batch padded, with `<name>_mask`). A function that
    depends on more than its own code says which version it is by an attribute `fingerprint` (a string).
    field: whose items it sees, raw as the data has them. Of several values a row each is computed, and the batch gets
    the one that belongs to the value drawn (and `<name>_view_2` beside `<field>_view_2`).
    folder: where shards lie (default: JOINTSPACE_CACHE, else ~/.cache/jointspace/features); batch_size: items a call.

    Raises ConfigError: unknown field, a name that is taken, a function without identity; DataError: an answer of the
    wrong number, or not finite (names the row).
    """
    root = Path(folder) if folder is not None else _default_folder()
    for name, given in columns.items():
        if not isinstance(given, tuple | list) or not 2 <= len(given) <= 3:
            raise ConfigError(f"cache: {name!r} must be (source, field) or (source, field, output), got {given!r}")
        source, field, output = (*given, "dense")[:3]
        if field not in data.fields:
            raise ConfigError(
                f"cache: {name!r} is made from {field!r}, which the data lacks{nearest(field, data.fields)}"
            )
        if name in data.fields:
            raise ConfigError(f"cache: the data has a field {name!r} already")
        modality = data.modality(field)
        key = re.sub(r"[^\w.-]", "-", f"{fingerprint(source)}-{modality or field}-{output}")
        shards = Shards(root / key)
        _complete(data, field, _caller(source, modality, output), shards, name, batch_size, progress)
        data = _with_column(data, name, field, shards, key)
    return data


def fingerprint(source: Any) -> str:
    """What tells one source from another: its own `fingerprint`, or for a plain function a hash of its code.

    Raises ConfigError where neither tells what it will answer (a closure, an object, a partial).
    """
    own = getattr(source, "fingerprint", None)
    if own is not None:
        return str(own() if callable(own) else own)
    if isinstance(source, FunctionType) and not source.__closure__ and not source.__defaults__:
        digest = hashlib.blake2b(_code(source.__code__).encode(), digest_size=8).hexdigest()
        return f"{source.__name__.strip('<>')}-{digest}"
    raise ConfigError(
        f"cache: {getattr(source, '__name__', type(source).__name__)} depends on more than its code; say which version "
        "it is by an attribute: source.fingerprint = 'name-1'"
    )


def _code(code: CodeType) -> str:
    constants = [_code(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code, constants, code.co_names))


def _default_folder() -> Path:
    chosen = os.environ.get("JOINTSPACE_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "jointspace" / "features"


def _caller(source: Any, modality: str | None, output: str) -> Callable[[list[Any]], Any]:
    if not hasattr(source, "encode"):
        return source
    takes = inspect.signature(source.encode).parameters.values()
    told = any(p.name == "modality" or p.kind is inspect.Parameter.VAR_KEYWORD for p in takes)
    more = {"modality": modality} if told else {}
    return lambda items: source.encode(items, output=output, **more)


def _complete(data: Dataset, field: str, call: Any, shards: Shards, name: str, batch_size: int, progress: bool) -> None:
    """Compute what the shards lack of the field's values; every full shard is on disk before the next begins."""
    flat, offsets = data.hashes(field)
    keys, first = np.unique(flat, return_index=True)
    wanted = np.sort(first[~np.isin(keys, shards.keys())])  # one value of each content, in the order of the data
    rows = np.searchsorted(offsets, wanted, side="right") - 1
    choices = wanted - offsets[rows]
    shards.folder.mkdir(parents=True, exist_ok=True)
    done: list[np.ndarray] = []
    done_keys: list[int] = []
    ragged = False
    for start in _steps(len(wanted), batch_size, f"cache {name}" if progress else ""):
        part = slice(start, start + batch_size)
        items = [data.values(field, int(r))[int(c)] for r, c in zip(rows[part], choices[part], strict=True)]
        answer = call(items)
        ragged = ragged or isinstance(answer, list | tuple)
        arrays = [_array(entry) for entry in answer]
        if len(arrays) != len(items):
            raise DataError(f"cache: {name!r} got {len(arrays)} answers for {len(items)} items of {field!r}")
        for row, array in zip(rows[part], arrays, strict=True):
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise DataError(f"{data.where(int(row))}: cache {name!r}: the answer for {field!r} is not finite")
        done += arrays
        done_keys += flat[wanted[part]].tolist()
        if sum(array.nbytes for array in done) >= SHARD_BYTES:
            _write(shards, done, done_keys, ragged)
            done, done_keys = [], []
    if done:
        _write(shards, done, done_keys, ragged)


def _steps(total: int, size: int, title: str) -> Iterator[int]:
    steps = range(0, total, size)
    if not title:
        return iter(steps)
    from tqdm import tqdm

    return iter(tqdm(steps, desc=title, disable=None, leave=False))


def _array(entry: Any) -> np.ndarray:
    array = entry.detach().cpu().numpy() if hasattr(entry, "detach") else np.asarray(entry)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _write(shards: Shards, arrays: Sequence[np.ndarray], keys: Sequence[int], ragged: bool) -> None:
    """One more shard. Its keys come last and by renaming: a shard is whole or it is not there."""
    names = shards.names()
    name = f"shard-{int(names[-1].split('-')[1]) + 1 if names else 0:05d}"
    np.save(shards.folder / f"{name}.npy", np.concatenate(arrays) if ragged else np.stack(arrays))
    lengths = shards.folder / f"{name}.lengths.npy"
    lengths.unlink(missing_ok=True)  # of a shard that was never finished
    if ragged:
        np.save(lengths, np.array([len(a) for a in arrays], dtype=np.int64))
    beside = shards.folder / f"{name}.keys.tmp.npy"
    np.save(beside, np.array(keys, dtype=np.int64))
    beside.rename(shards.folder / f"{name}.keys.npy")


def _with_column(data: Dataset, name: str, field: str, shards: Shards, key: str) -> Dataset:
    shards.open()
    entries = shards.keys()
    order = np.argsort(entries, kind="stable")
    multi = data.is_multi(field)

    def extended(part: Part) -> Part:
        if field not in part.fields:
            return part
        flat, offsets = part.hashes(field)
        at = np.minimum(np.searchsorted(entries[order], flat), max(len(order) - 1, 0))
        place = np.where(entries[order][at] == flat, order[at], -1) if len(order) else np.full(len(flat), -1)
        column = MappedColumn(shards, field, place, offsets, multi)
        hashes = draws.key(flat, key).view(np.int64) if len(flat) else flat
        return dataclasses.replace(
            part,
            columns={**part.columns, name: column},
            fields={**part.fields, name: FieldSpec(name, (name,), multi=multi, kind="")},
            _hashes={**part._hashes, name: (hashes, offsets)},
        )

    return Dataset([extended(part) for part in data.parts], data.source, data.rows, data.name, data.skipped)
