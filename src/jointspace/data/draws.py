"""Counter-based random numbers: every draw is a pure function of integers, equal on every platform.

A *key* is 64 bits mixed from (seed, epoch, index, ...). From a key come as many numbers as wanted, without state, so
that a resumed run, another number of workers or other neighbours in the batch never change what a row gets.

Mixing is splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) on NumPy
uint64 arrays: a few nanoseconds a number, no Python loop over rows.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_STREAM = np.uint64(1 << 32)  # distance between two streams of one key


def _mix(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # wrapping round at 2^64 is the arithmetic wanted
        x = x + _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * _MIX_1
        x = (x ^ (x >> np.uint64(27))) * _MIX_2
        return x ^ (x >> np.uint64(31))


def _bits(part: Any) -> Any:
    if isinstance(part, str):
        return np.uint64(int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest(), "little"))
    if isinstance(part, int | np.integer):
        return np.uint64(int(part) & 0xFFFFFFFFFFFFFFFF)
    array = np.asarray(part)
    if array.dtype.kind not in "iu":
        raise TypeError(f"a part of a key must be an integer, an integer array or a string, not {array.dtype}")
    return array if array.dtype == np.uint64 else array.astype(np.int64).view(np.uint64)


def key(seed: Any, *parts: Any) -> Any:
    """One 64-bit key from a seed and more parts (integers, integer arrays, strings); array parts broadcast.

    `key(7, "augment", 3, rows)` -> uint64 (B,); all parts scalar -> a NumPy uint64 scalar. The order of parts matters.
    Raises TypeError for floats.
    """
    state = _mix(np.asarray(_bits(seed)))
    for part in parts:
        with np.errstate(over="ignore"):
            state = _mix(state * _MIX_2 ^ _mix(np.asarray(_bits(part))))
    return state[()] if isinstance(state, np.ndarray) and state.ndim == 0 else state


def bits(keys: Any, n: int, stream: int = 0) -> np.ndarray:
    """n random 64-bit words for each key: uint64 (B, n), or (n,) for a scalar key. `stream` tells uses apart."""
    keys = np.asarray(keys, dtype=np.uint64)
    with np.errstate(over="ignore"):
        counter = np.arange(n, dtype=np.uint64) + np.uint64(stream) * _STREAM
        return _mix(keys[..., None] + counter * _GOLDEN)


def uniform(keys: Any, n: int, stream: int = 0) -> np.ndarray:
    """n numbers of [0, 1) for each key: float64 (B, n), or (n,) for a scalar key; 53 random bits each."""
    return (bits(keys, n, stream) >> np.uint64(11)) * 2.0**-53


def normal(keys: Any, n: int, stream: int = 0) -> np.ndarray:
    """n standard normal numbers for each key (Box-Muller): float64 (B, n); equal to the last digits of log and cos."""
    u = uniform(keys, 2 * n, stream)
    return np.sqrt(-2 * np.log1p(-u[..., :n])) * np.cos(2 * np.pi * u[..., n:])


def integers(keys: Any, high: Any, n: int = 1, stream: int = 0) -> np.ndarray:
    """n integers of 0 .. high - 1 for each key: int64 (B, n). `high` is a number or (B,), one limit a key; >= 1."""
    high = np.asarray(high)
    if (high < 1).any():
        raise ValueError(f"integers: high must be at least 1, got {high.min()}")
    limit = high[..., None] if high.ndim else high
    return np.minimum((uniform(keys, n, stream) * limit).astype(np.int64), limit - 1)


def permutation(key: Any, n: int, stream: int = 0) -> np.ndarray:
    """0 .. n - 1 in random order: int64 (n,); for keys (B,) one order a key, (B, n)."""
    return np.argsort(bits(key, n, stream), axis=-1, kind="stable")
