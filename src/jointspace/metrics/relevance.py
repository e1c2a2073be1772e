"""Which candidates are right for which query: ragged pairs from keys, labels or judgements, without Python loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def ragged(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The numbers start, start + 1, ... (count of them) of every row, one after the other: (sum of counts,) int64."""
    counts = np.asarray(counts, dtype=np.int64)
    ends = np.cumsum(counts)
    shift = np.repeat(np.asarray(starts, dtype=np.int64) - (ends - counts), counts)
    return np.arange(ends[-1] if len(ends) else 0, dtype=np.int64) + shift


def pairs_with_equal_keys(queries: Any, candidates: Any) -> tuple[np.ndarray, np.ndarray]:
    """All (query, candidate) whose keys are equal: two (M,) int64, sorted by query, then candidate.

    queries: keys (Q,), candidates: keys (N,): content hashes, labels, ids (numbers or strings).
    """
    a, b = np.asarray(queries), np.asarray(candidates)
    order = np.argsort(b, kind="stable")
    ordered = b[order]
    first = np.searchsorted(ordered, a, side="left")
    counts = np.searchsorted(ordered, a, side="right") - first
    return np.repeat(np.arange(len(a), dtype=np.int64), counts), order[ragged(first, counts)]


def spread(query: np.ndarray, row: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (query, row of candidates) -> pairs (query, candidate), where row r owns offsets[r]:offsets[r + 1]."""
    counts = offsets[row + 1] - offsets[row]
    return np.repeat(query, counts), ragged(offsets[row], counts)


def unique_pairs(
    query: np.ndarray, item: np.ndarray, gain: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs sorted by (query, item), each once, with its largest gain (1 by default): three (M,) arrays."""
    query, item = np.asarray(query, dtype=np.int64), np.asarray(item, dtype=np.int64)
    gain = np.ones(len(query)) if gain is None else np.asarray(gain, dtype=np.float64)
    order = np.lexsort((-gain, item, query))
    query, item, gain = query[order], item[order], gain[order]
    new = np.ones(len(query), dtype=bool)
    new[1:] = (query[1:] != query[:-1]) | (item[1:] != item[:-1])
    return query[new], item[new], gain[new]


def indices_of(keys: Sequence[Any] | np.ndarray, known: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Where each key stands in `known` (which has each once): (len(keys),) int64, -1 where it is missing."""
    keys, known = np.asarray(keys), np.asarray(known)
    if len(known) == 0:
        return np.full(len(keys), -1, dtype=np.int64)
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known[order], keys), len(known) - 1)
    found = order[place]
    return np.where(known[found] == keys, found, -1)
