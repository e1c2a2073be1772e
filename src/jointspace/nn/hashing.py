"""Stable 64-bit hashes of categorical values, salted, equal in every process, on every platform, in NumPy and torch.

A raw value becomes 64 bits once (`hash_values`); what a table needs of it, one number per (column, chunk), is mixed
from those bits and a salt on whatever device they lie (`salted`). Mixing is that of `jointspace.data.draws.key`, so
that the NumPy form of `salted(h, salt)` is `key(salt, h)`. Python's own `hash` differs between runs and is never used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jointspace.data.draws import key
from jointspace.errors import DataError

NAME = "splitmix64-blake2b"  # goes into saved Spaces: another hash would read the rows of other values
_VALUE = key(0x76616C7565, "category")
MISSING = int(np.asarray(key(0x76616C7565, "missing")).view(np.int64))  # a value that is not there has its own id
_GOLDEN, _MIX_1, _MIX_2 = (
    int(np.uint64(c).view(np.int64)) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
_cache: dict[str, int] = {}
_CACHED = 1 << 20  # strings that are remembered


def hash_values(values: Iterable[Any] | np.ndarray) -> np.ndarray:
    """Raw values -> int64 (N,), unsalted. Integers by value whatever their width, `5.0` as 5, booleans as 0 and 1,
    strings by their UTF-8 bytes (so "5" is not 5), None and NaN as `MISSING`. DataError for anything else.
    """
    if isinstance(values, np.ndarray):
        if values.dtype.kind in "iub":
            return np.asarray(key(_VALUE, values.astype(np.int64)), dtype=np.uint64).view(np.int64)
        values = values.tolist()
    return np.array([_one(value) for value in values], dtype=np.int64)


def _one(value: Any) -> int:
    if isinstance(value, str):
        if value not in _cache:
            if len(_cache) >= _CACHED:
                _cache.clear()
            _cache[value] = int(np.uint64(key(_VALUE, value)).view(np.int64))
        return _cache[value]
    if value is None or value != value:
        return MISSING
    if isinstance(value, int | np.integer | bool) or (isinstance(value, float | np.floating) and value == int(value)):
        return int(np.uint64(key(_VALUE, int(value))).view(np.int64))
    raise DataError(f"a category is a string or a whole number, got {value!r}; name fractions in `numeric`")


def salt(*parts: int | str) -> int:
    """A signed 64-bit salt from integers and strings; their order matters."""
    return int(np.uint64(key(0x73616C74, *parts)).view(np.int64))


def mix(x: Tensor) -> Tensor:
    """One splitmix64 step of int64 bits, any shape; wraps round at 2^64."""
    x = x + _GOLDEN  # the only copy of x itself
    x = x.bitwise_xor_(_shift(x, 30)).mul_(_MIX_1)
    x = x.bitwise_xor_(_shift(x, 27)).mul_(_MIX_2)
    return x.bitwise_xor_(_shift(x, 31))


def salted(mixed: Tensor, salts: Tensor) -> Tensor:
    """`mix(h)` and salts, int64 of shapes that broadcast -> int64: the hash of h under each salt.

    mixed: `mix` of the value's bits, taken once however many salts follow.
    """
    return mix(mix(salts) * _MIX_2 ^ mixed)


def bucket(hashes: Tensor, rows: Tensor | int) -> Tensor:
    """int64 hashes -> rows 0 .. rows - 1 (below 2^31), by their upper 32 bits: no modulo, no bias to speak of."""
    return (_shift(hashes, 32) * rows).bitwise_right_shift_(32)  # below 2^63: no sign to mind


def signs(hashes: Tensor) -> Tensor:
    """int64 hashes -> -1.0 or 1.0, by their lowest bit."""
    return (hashes & 1).to(torch.get_default_dtype()) * 2 - 1


def _shift(x: Tensor, by: int) -> Tensor:
    """Logical shift to the right: the sign bit is not drawn in."""
    return (x >> by).bitwise_and_((1 << (64 - by)) - 1)
