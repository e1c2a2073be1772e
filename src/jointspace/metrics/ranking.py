"""Where the right candidates stand among all candidates, in blocks: scores are never held for all pairs at once.

Q queries, N candidates, D width, M pairs (query, right candidate). The answer, `Positions`, is all that the retrieval
metrics (`jointspace.metrics.retrieval`) need: how many candidates score better than each right one, how many as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from jointspace.metrics.relevance import unique_pairs

Scorer = Literal["dot", "cosine", "euclidean"]
SCORERS = ("dot", "cosine", "euclidean")
BLOCK_BYTES = 48 << 20  # of scores; a run holds about twice that beyond the vectors
SLOTS = 6  # up to so many right candidates a query are counted by comparison, more by sorting


@dataclass(frozen=True)
class Positions:
    """Right candidates, sorted by query. All (M,), but `candidates` (Q,).

    query, item: int64. better: candidates that score more than this one; equal: others that score the same (to the
    rounding of the arithmetic). gain: graded relevance > 0. candidates: how many each query had to choose from.
    """

    query: np.ndarray
    item: np.ndarray
    better: np.ndarray
    equal: np.ndarray
    gain: np.ndarray
    candidates: np.ndarray

    @property
    def queries(self) -> np.ndarray:
        """Queries that have something to find, ascending: (Q',). Metrics give one value for each of these."""
        return np.unique(self.query)

    @property
    def ranks(self) -> np.ndarray:
        """1 + better + half of the equals: (M,) float64."""
        return 1 + self.better + self.equal / 2

    def constant(self) -> Positions:
        """The same task for a scorer that gives every candidate the same score: every metric of it is chance."""
        equal = self.candidates[self.query] - 1
        return replace(self, better=np.zeros_like(self.better), equal=equal)


def rank(
    queries: np.ndarray,
    candidates: np.ndarray,
    query: np.ndarray,
    item: np.ndarray,
    gain: np.ndarray | None = None,
    *,
    exclude: tuple[np.ndarray, np.ndarray] | None = None,
    scorer: Scorer = "dot",
    block_bytes: int = BLOCK_BYTES,
) -> Positions:
    """Positions of the pairs (query[m], item[m]) among all candidates of each query.

    queries (Q, D), candidates (N, D): any float type, read in blocks (a memory map will do); float64 stays float64,
    all else is computed in float32. gain: relevance of each pair (1 by default); pairs of gain <= 0 are not right.
    exclude: two arrays, pairs that do not take part (a query itself, same camera). scorer: larger is better;
    `euclidean` ranks by negative distance.

    Scores closer than float rounding count as equal, so that equal vectors tie wherever they lie in a block.
    Raises ValueError for unlike widths, indices out of range, vectors that are not finite, or when nothing is right.
    """
    queries, candidates = np.asarray(queries), np.asarray(candidates)
    if queries.ndim != 2 or candidates.ndim != 2 or queries.shape[1] != candidates.shape[1]:
        raise ValueError(f"rank: expected (Q, D) and (N, D), got {queries.shape} and {candidates.shape}")
    if scorer not in SCORERS:
        raise ValueError(f"rank: scorer {scorer!r} is none of {', '.join(SCORERS)}")
    n_queries, n = len(queries), len(candidates)
    query, item, gain = unique_pairs(query, item, gain)
    keep = gain > 0
    out_q, out_c = (np.zeros(0, dtype=np.int64),) * 2
    if exclude is not None:
        out_q, out_c, _ = unique_pairs(*exclude)
        _in_range("exclude", out_q, n_queries, out_c, n)
        keep &= ~np.isin(query * n + item, out_q * n + out_c)
    query, item, gain = query[keep], item[keep], gain[keep]
    if len(query) == 0:
        raise ValueError("rank: no query has a right candidate")
    _in_range("pairs", query, n_queries, item, n)
    wide = np.float64 if np.float64 in (queries.dtype, candidates.dtype) else np.float32
    better, equal = (np.zeros(len(query), dtype=np.int64) for _ in range(2))
    used = np.unique(query)
    for rows in _row_blocks(used, n, block_bytes, np.dtype(wide).itemsize):
        pairs = slice(*np.searchsorted(query, [rows[0], rows[-1] + 1]))
        outside = slice(*np.searchsorted(out_q, [rows[0], rows[-1] + 1]))
        local = np.searchsorted(rows, query[pairs])
        q = _prepared(queries[rows], wide, scorer, "queries", rows)
        size = np.linalg.norm(q, axis=1)
        own, tolerance = _own_scores(q, size, candidates, local, item[pairs], scorer, wide)
        high, low = own + tolerance, own - tolerance
        excluded = _Excluded(rows, out_q[outside], out_c[outside])
        more, at_least = _count(q, candidates, local, high, low, excluded, scorer, wide, block_bytes)
        better[pairs], equal[pairs] = more, np.maximum(at_least - more - 1, 0)
    count = n - np.bincount(out_q, minlength=n_queries)
    return Positions(query, item, better, equal, gain, count)


def rank_scores(
    scores: np.ndarray,
    query: np.ndarray,
    item: np.ndarray,
    gain: np.ndarray | None = None,
    *,
    exclude: tuple[np.ndarray, np.ndarray] | None = None,
) -> Positions:
    """`rank` for scores that exist already, (Q, N), larger is better; exact ties only."""
    scores = np.asarray(scores)
    n_queries, n = scores.shape
    query, item, gain = unique_pairs(query, item, gain)
    keep = gain > 0
    drop = np.zeros((n_queries, n), dtype=bool)
    if exclude is not None:
        drop[exclude] = True
        keep &= ~drop[query, item]
    query, item, gain = query[keep], item[keep], gain[keep]
    if len(query) == 0:
        raise ValueError("rank_scores: no query has a right candidate")
    ordered = np.sort(np.where(drop, -np.inf, scores.astype(np.float64)), axis=1)
    own = scores[query, item].astype(np.float64)
    better = n - _bisect(ordered, query, own, right=True)
    at_least = n - _bisect(ordered, query, own, right=False)
    return Positions(query, item, better, at_least - better - 1, gain, n - drop.sum(axis=1))


def rank_groups(
    scores: np.ndarray, group: np.ndarray, gain: np.ndarray, *, tolerance: float | np.ndarray = 0.0
) -> Positions:
    """Positions where every query has its own few candidates (reranking).

    scores, gain, group (C,): candidate c belongs to query group[c] (0 .. Q-1) and is right where gain > 0. Scores that
    differ by at most `tolerance` from a right one's tie with it.
    """
    scores, gain = np.asarray(scores, dtype=np.float64), np.asarray(gain, dtype=np.float64)
    group = np.asarray(group, dtype=np.int64)
    item = np.flatnonzero(gain > 0)
    if len(item) == 0:
        raise ValueError("rank_groups: no query has a right candidate")
    item = item[np.argsort(group[item], kind="stable")]
    order = np.lexsort((scores, group))
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    ordered, query = scores[order], group[item]
    own = scores[item]
    end = starts[query] + sizes[query]
    better = end - _bisect_flat(ordered, starts[query], end, own + tolerance, right=True)
    at_least = end - _bisect_flat(ordered, starts[query], end, own - tolerance, right=False)
    return Positions(query, item, better, np.maximum(at_least - better - 1, 0), gain[item], sizes)


# One block -----------------------------------------------------------------------------------------------------------


class _Excluded:
    """Pairs of a block of queries that do not take part; sets their scores to -inf."""

    def __init__(self, rows: np.ndarray, query: np.ndarray, item: np.ndarray):
        used = np.isin(query, rows)
        self.row, self.item = np.searchsorted(rows, query[used]), item[used]

    def mask(self, scores: np.ndarray, start: int, stop: int) -> None:
        if len(self.row):
            here = (self.item >= start) & (self.item < stop)
            scores[self.row[here], self.item[here] - start] = -np.inf


def _row_blocks(used: np.ndarray, n: int, block_bytes: int, itemsize: int) -> Iterator[np.ndarray]:
    rows = int(np.clip(block_bytes // (itemsize * max(1, min(n, 8192))), 1, 4096))
    for start in range(0, len(used), rows):
        yield used[start : start + rows]


def _column_blocks(rows: int, n: int, width: int, block_bytes: int, itemsize: int) -> Iterator[tuple[int, int]]:
    size = min(block_bytes // (itemsize * rows), block_bytes // (itemsize * max(1, width)))
    size = max(128, size // 128 * 128)  # whole groups of 128, see _row_counts
    for start in range(0, n, size):
        yield start, min(start + size, n)


def _prepared(block: np.ndarray, wide: Any, scorer: Scorer, name: str, rows: np.ndarray) -> np.ndarray:
    """A block in the working type, unit length for cosine. ValueError names the first row that is not finite."""
    block = np.ascontiguousarray(block, dtype=wide)
    finite = np.isfinite(block.sum(axis=1))
    if not finite.all():
        bad = int(np.flatnonzero(~finite)[0])
        if not np.isfinite(block[bad]).all():
            raise ValueError(f"rank: {name} row {int(rows[bad])} is not finite")
    if scorer == "cosine":
        norm = np.linalg.norm(block, axis=1, keepdims=True)
        block = block / np.maximum(norm, 1e-12)
    return block


def _own_scores(
    q: np.ndarray,
    size: np.ndarray,
    candidates: np.ndarray,
    local: np.ndarray,
    item: np.ndarray,
    scorer: Scorer,
    wide: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the right pairs and how far rounding may move them: two (m,)."""
    own, tolerance = (np.empty(len(item), dtype=wide) for _ in range(2))
    width = q.shape[1]
    slack = np.finfo(wide).eps * max(4.0, np.sqrt(width) / 2)
    step = max(1, (8 << 20) // (width * np.dtype(wide).itemsize))
    for start in range(0, len(item), step):
        part = slice(start, start + step)
        c = _prepared(candidates[item[part]], wide, scorer, "candidates", item[part])
        norm = np.linalg.norm(c, axis=1)
        value = np.einsum("md,md->m", q[local[part]], c)
        reach = size[local[part]] * norm
        if scorer == "cosine":
            reach = np.ones_like(reach)  # a zero vector scores 0, but what is orthogonal only nearly so
        elif scorer == "euclidean":
            value, reach = value - norm**2 / 2, reach + norm**2 / 2
        own[part], tolerance[part] = value, slack * reach
    return own, tolerance


def _scores(q: np.ndarray, block: np.ndarray, scorer: Scorer) -> np.ndarray:
    scores = q @ block.T
    if scorer == "euclidean":  # |q - c|^2 = |q|^2 - 2 (q.c - |c|^2 / 2), and |q| is the same for all candidates
        scores -= np.einsum("nd,nd->n", block, block) / 2
    return scores


def _count(
    q: np.ndarray,
    candidates: np.ndarray,
    local: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    excluded: _Excluded,
    scorer: Scorer,
    wide: Any,
    block_bytes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """How many candidates score above `high` and at least `low`, for each pair: two (m,) int64."""
    more, at_least = (np.zeros(len(local), dtype=np.int64) for _ in range(2))
    rows = len(q)
    per_row = np.bincount(local, minlength=rows)
    slots = int(per_row.max())
    slot = np.arange(len(local)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
    padded = np.full((2, rows, slots if slots <= SLOTS else 0), np.inf, dtype=high.dtype)
    if slots <= SLOTS:
        padded[0, local, slot], padded[1, local, slot] = high, low
    tally = np.zeros(padded.shape, dtype=np.int64)
    for start, stop in _column_blocks(rows, len(candidates), q.shape[1], block_bytes, np.dtype(wide).itemsize):
        block = _prepared(candidates[start:stop], wide, scorer, "candidates", np.arange(start, stop))
        scores = _scores(q, block, scorer)
        del block
        excluded.mask(scores, start, stop)
        if slots <= SLOTS:
            hits = np.empty(scores.shape, dtype=bool)
            for j in range(slots):
                tally[0, :, j] += _row_counts(np.greater(scores, padded[0, :, j, None], out=hits))
                tally[1, :, j] += _row_counts(np.greater_equal(scores, padded[1, :, j, None], out=hits))
        else:
            scores.sort(axis=1)
            more += (stop - start) - _bisect(scores, local, high, right=True)
            at_least += (stop - start) - _bisect(scores, local, low, right=False)
        del scores
    if slots <= SLOTS:
        more, at_least = tally[0, local, slot], tally[1, local, slot]
    return more, at_least


def _row_counts(hits: np.ndarray) -> np.ndarray:
    """True entries of each row (R, C): (R,) int64; groups of 128 are summed in bytes, four times as fast."""
    rows, columns = hits.shape
    if columns % 128:
        return np.count_nonzero(hits, axis=1)
    groups = hits.view(np.uint8).reshape(rows, -1, 128).sum(axis=2, dtype=np.uint8)
    return groups.sum(axis=1, dtype=np.int64)


def _bisect(ordered: np.ndarray, row: np.ndarray, value: np.ndarray, *, right: bool) -> np.ndarray:
    """`np.searchsorted(ordered[row[m]], value[m])` for all m at once; ordered (R, C) ascending in each row."""
    columns = ordered.shape[1]
    start = row.astype(np.int64) * columns
    return _bisect_flat(ordered.reshape(-1), start, start + columns, value, right=right) - start


def _bisect_flat(
    ordered: np.ndarray, start: np.ndarray, stop: np.ndarray, value: np.ndarray, *, right: bool
) -> np.ndarray:
    """Insertion point of value[m] in the ascending stretch ordered[start[m]:stop[m]]: (m,) int64."""
    low, high = start.astype(np.int64).copy(), stop.astype(np.int64).copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        found = ordered[np.minimum(middle, len(ordered) - 1)]
        before = open_ & ((found <= value) if right else (found < value))
        low = np.where(before, middle + 1, low)
        high = np.where(open_ & ~before, middle, high)
    return low


def _in_range(name: str, query: np.ndarray, n_queries: int, item: np.ndarray, n: int) -> None:
    for what, index, size in (("query", query, n_queries), ("candidate", item, n)):
        if len(index) and not (0 <= index.min() and index.max() < size):
            raise ValueError(f"rank: {name}: {what} {int(index.max())} is out of range, there are {size}")
