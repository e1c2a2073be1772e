"""Row identity: 64-bit content hashes, equal on every machine, of values and of whole columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jointspace.errors import DataError


def hash_bytes(data: Any) -> int:
    """Signed 64-bit blake2b of a bytes-like object."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little", signed=True)


def content_hash(value: Any) -> int:
    """Signed 64-bit hash of what a value contains, the same in every process and on every machine.

    `str` hashes its UTF-8 bytes; `bytes` itself; a `Path` the bytes of its file; `{"bytes", "path"}` its bytes, else
    the file; a PIL picture mode, size and pixels; an array or tensor dtype, shape and data; numbers their decimal form;
    lists and dicts their parts in order (keys sorted). `None` is 0. Raises DataError where a file cannot be read.
    """
    if value is None:
        return 0
    if isinstance(value, str):
        return hash_bytes(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes | bytearray | memoryview):
        return hash_bytes(value)
    if isinstance(value, Path):
        try:
            return hash_bytes(value.read_bytes())
        except OSError as error:
            raise DataError(f"{value}: cannot be read ({error.strerror})") from error
    if isinstance(value, bool | int | float | np.generic) and np.ndim(value) == 0:
        return hash_bytes(repr(value.item() if isinstance(value, np.generic) else value).encode())
    if isinstance(value, Mapping):
        if set(value) <= {"bytes", "path"}:
            return content_hash(value["bytes"] if value.get("bytes") is not None else Path(value["path"]))
        return combine(hash_ for key in sorted(value) for hash_ in (content_hash(str(key)), content_hash(value[key])))
    if isinstance(value, list | tuple):
        return combine(content_hash(item) for item in value)
    if hasattr(value, "tobytes") and hasattr(value, "mode"):  # PIL, without importing it
        return hash_bytes(f"{value.mode}{value.size}".encode() + value.tobytes())
    if hasattr(value, "detach"):  # a tensor, without importing torch
        value = value.detach().cpu().numpy()
    if hasattr(value, "dtype"):
        array = np.ascontiguousarray(value)
        return hash_bytes(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return hash_bytes(repr(value).encode())


def combine(hashes: Iterable[int]) -> int:
    """Hash of a sequence of hashes: depends on their number and order."""
    return hash_bytes(np.fromiter(hashes, dtype=np.int64).tobytes())


def hash_array(array: pa.Array) -> np.ndarray:
    """`content_hash` of every entry of an Arrow array, (N,) int64; null is 0. Strings and bytes are hashed in place."""
    if pa.types.is_string(array.type) or pa.types.is_binary(array.type):
        offset_type: Any = np.int32
    elif pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type):
        offset_type = np.int64
    elif pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type):
        return _hash_numbers(array)
    else:
        return np.fromiter((content_hash(v) for v in array.to_pylist()), dtype=np.int64, count=len(array))
    if len(array) == 0:
        return np.zeros(0, dtype=np.int64)
    _, offset_buffer, data = array.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=offset_type)[array.offset : array.offset + len(array) + 1].tolist()
    view = memoryview(data) if data is not None else memoryview(b"")
    starts, ends = offsets[:-1], offsets[1:]
    out = np.fromiter(
        (hash_bytes(view[a:b]) for a, b in zip(starts, ends, strict=True)), dtype=np.int64, count=len(array)
    )
    if array.null_count:
        out[array.is_null().to_numpy(zero_copy_only=False)] = 0
    return out


def _hash_numbers(array: pa.Array) -> np.ndarray:
    """Each distinct number is hashed once."""
    coded = array.dictionary_encode()
    table = np.fromiter((content_hash(v) for v in coded.dictionary.to_pylist()), dtype=np.int64)
    if len(table) == 0:
        return np.zeros(len(array), dtype=np.int64)
    out = table[coded.indices.fill_null(0).to_numpy(zero_copy_only=False)]
    if array.null_count:
        out[array.is_null().to_numpy(zero_copy_only=False)] = 0
    return out


def unique_ids(hashes: np.ndarray) -> list[str]:
    """Row ids from content hashes (N,): 16 hex digits; equal rows get a running suffix, so that ids stay unique."""
    seen: dict[int, int] = {}
    ids = []
    for value in hashes.tolist():
        count = seen.get(value, 0)
        seen[value] = count + 1
        text = f"{value & 0xFFFFFFFFFFFFFFFF:016x}"
        ids.append(text if count == 0 else f"{text}-{count}")
    return ids
