"""Random choices one after the other, from counter-based numbers: texts need an unknown number of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from jointspace.data.draws import bits, key

T = TypeVar("T")
CHUNK = 64


class Dice:
    """Choices of one row: a pure function of its key and of how many were made before."""

    def __init__(self, key: Any, numbers: list[int]):
        self._key, self._numbers, self._at, self._stream = key, numbers, 0, 0

    def number(self, n: int) -> int:
        """0 .. n - 1, equally likely."""
        if self._at == len(self._numbers):
            self._stream += 1
            self._numbers, self._at = (bits(self._key, CHUNK, self._stream) >> np.uint64(11)).tolist(), 0
        self._at += 1
        return int(self._numbers[self._at - 1]) % n

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, equally likely."""
        return options[self.number(len(options))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.number(1 << 53) < probability * (1 << 53)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in random order."""
        left = list(items)
        for j in range(len(left) - 1, 0, -1):
            other = self.number(j + 1)
            left[j], left[other] = left[other], left[j]
        return left


def dice(seed: int, keys: Any, purpose: str, variant: int = 0) -> list[Dice]:
    """One `Dice` for each of the keys (B,) uint64; another purpose or variant rolls other numbers."""
    own = np.atleast_1d(key(seed, np.asarray(keys), purpose, variant))
    numbers = (bits(own, CHUNK) >> np.uint64(11)).tolist()
    return [Dice(k, row) for k, row in zip(own, numbers, strict=True)]
