"""Average hash: 64 bits of a picture that survive resizing and recompression; near-duplicates by Hamming distance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from jointspace.data.decode import decode_image


def average_hash(pictures: Iterable[Any], side: int = 8) -> np.ndarray:
    """(N, side * side) bool: each picture as grey side x side, above its own mean. Raises DataError (undecodable).

    A picture of one colour hashes to all False, so that all of them are near-duplicates of each other.
    """
    from PIL import Image

    rows = []
    for k, picture in enumerate(pictures):
        grey = decode_image(picture, f"picture {k}").convert("L").resize((side, side), Image.Resampling.BOX)
        values = np.asarray(grey, dtype=np.float64)
        rows.append((values > values.mean() + 1e-9).ravel())
    return np.array(rows, dtype=bool).reshape(-1, side * side)


def near_duplicates(hashes: np.ndarray, others: np.ndarray, distance: int = 2, block: int = 4096) -> np.ndarray:
    """(N,) bool: which of `hashes` (N, bits) differ in at most `distance` bits from some row of `others` (M, bits)."""
    found = np.zeros(len(hashes), dtype=bool)
    if len(others) == 0:
        return found
    right = others.astype(np.float32)
    ones = right.sum(1)
    for start in range(0, len(hashes), block):
        left = hashes[start : start + block].astype(np.float32)
        for at in range(0, len(right), block):
            # Hamming distance = |a| + |b| - 2 a.b for bits
            far = left.sum(1)[:, None] + ones[None, at : at + block] - 2 * left @ right[at : at + block].T
            found[start : start + block] |= (far <= distance + 0.5).any(1)
    return found
