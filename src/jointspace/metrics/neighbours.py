"""The k nearest candidates of every query, in blocks."""

from __future__ import annotations

import numpy as np

from jointspace.metrics.ranking import BLOCK_BYTES, SCORERS, Scorer, _column_blocks, _prepared, _row_blocks, _scores


def top_k(
    queries: np.ndarray,
    candidates: np.ndarray,
    k: int,
    *,
    scorer: Scorer = "cosine",
    exclude_self: bool = False,
    block_bytes: int = BLOCK_BYTES,
) -> tuple[np.ndarray, np.ndarray]:
    """Best first: scores (Q, k) and indices (Q, k) int64 of candidates (N, D) for queries (Q, D).

    scorer: dot, cosine, or euclidean (the score is then minus half the squared distance). exclude_self: query i is
    candidate i and does not find itself. Fewer than k candidates give fewer columns. ValueError for unlike widths, an
    unknown scorer, or k < 1.
    """
    queries, candidates = np.asarray(queries), np.asarray(candidates)
    if queries.ndim != 2 or candidates.ndim != 2 or queries.shape[1] != candidates.shape[1]:
        raise ValueError(f"top_k: expected (Q, D) and (N, D), got {queries.shape} and {candidates.shape}")
    if scorer not in SCORERS:
        raise ValueError(f"top_k: scorer {scorer!r} is none of {', '.join(SCORERS)}")
    if k < 1:
        raise ValueError(f"top_k: k must be at least 1, got {k}")
    n = len(candidates)
    k = min(k, n - 1 if exclude_self else n)
    wide = np.float64 if np.float64 in (queries.dtype, candidates.dtype) else np.float32
    size = np.dtype(wide).itemsize
    best, index = np.empty((len(queries), k), dtype=wide), np.empty((len(queries), k), dtype=np.int64)
    for rows in _row_blocks(np.arange(len(queries)), n, block_bytes, size):
        q = _prepared(queries[rows], wide, scorer, "queries", rows)
        top = np.empty((len(rows), 0), dtype=wide)
        where = np.empty((len(rows), 0), dtype=np.int64)
        for start, stop in _column_blocks(len(rows), n, q.shape[1], block_bytes, size):
            scores = _scores(q, _prepared(candidates[start:stop], wide, scorer, "candidates", rows), scorer)
            if exclude_self:
                own = (rows >= start) & (rows < stop)
                scores[own, rows[own] - start] = -np.inf
            keep = min(k, stop - start)
            chosen = np.argpartition(-scores, keep - 1, axis=1)[:, :keep] if keep < stop - start else None
            found = scores if chosen is None else np.take_along_axis(scores, chosen, axis=1)
            place = np.broadcast_to(np.arange(stop - start), scores.shape) if chosen is None else chosen
            top, where = np.concatenate([top, found], axis=1), np.concatenate([where, place + start], axis=1)
            if top.shape[1] > k:
                chosen = np.argpartition(-top, k - 1, axis=1)[:, :k]
                top, where = (np.take_along_axis(x, chosen, axis=1) for x in (top, where))
        order = np.lexsort((where, -top), axis=1)[:, :k]
        best[rows], index[rows] = (np.take_along_axis(x, order, axis=1) for x in (top, where))
    if scorer == "euclidean":
        best -= np.square(queries.astype(wide)).sum(axis=1, keepdims=True) / 2
    return best, index
