"""k-nearest-neighbour classification by vote; ties at the k-th neighbour and between classes are shared, not broken."""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.metrics.neighbours import top_k
from jointspace.metrics.ranking import BLOCK_BYTES, Scorer, _column_blocks, _prepared, _row_blocks, _scores


def knn_votes(
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray | None = None,
    *,
    k: int = 20,
    temperature: float | None = None,
    scorer: Scorer = "cosine",
    block_bytes: int = BLOCK_BYTES,
) -> tuple[np.ndarray, np.ndarray]:
    """Votes (Q, C) that sum to 1 a row, and the classes (C,), sorted.

    train (N, D) with labels (N,); test (Q, D), or None: each train row is judged by the others (leave one out).
    temperature: None = every neighbour counts 1; T = exp(score / T) as in Wu et al., arXiv 1805.01978 (T = .07).
    Where several candidates tie for the last of the k places, they share what is left of them.
    """
    train, labels = np.asarray(train), np.asarray(labels)
    if len(train) != len(labels):
        raise ValueError(f"knn: {len(train)} vectors but {len(labels)} labels")
    alone = test is None
    if len(train) < 1 + alone:
        raise ValueError(f"knn: {len(train)} labelled vectors are too few")
    queries = train if alone else np.asarray(test)
    classes, label = np.unique(labels, return_inverse=True)
    n_classes, available = len(classes), len(train) - alone
    k = min(k, available)
    how: dict[str, Any] = dict(scorer=scorer, block_bytes=block_bytes)
    score, index = top_k(queries, train, min(k + 1, available), exclude_self=alone, **how)
    last = score[:, k - 1]
    slack = np.finfo(score.dtype).eps * max(4.0, np.sqrt(train.shape[1]) / 2)
    if scorer != "cosine":
        longest = max(float(np.square(x, dtype=np.float64).sum(axis=1).max()) for x in (train, queries))
        slack *= longest * 2
    sure = score[:, :k] > last[:, None] + slack
    tied = score[:, k] >= last - slack if score.shape[1] > k else np.zeros(len(queries), dtype=bool)
    sure |= ~tied[:, None]
    top = score[:, :1]
    weight = np.ones((len(queries), k)) if temperature is None else np.exp((score[:, :k] - top) / temperature)
    cell = np.arange(len(queries))[:, None] * n_classes + label[index[:, :k]]
    votes = np.bincount(cell.ravel(), (weight * sure).ravel(), minlength=len(queries) * n_classes)
    votes = votes.reshape(len(queries), n_classes)
    rows = np.flatnonzero(tied)
    if len(rows):
        share = _tied_classes(queries, train, label, n_classes, rows, last[rows], slack, alone, scorer, block_bytes)
        at_last = 1.0 if temperature is None else np.exp((last[rows] - top[rows, 0]) / temperature)
        votes[rows] += share * ((k - sure[rows].sum(axis=1)) * at_last)[:, None]
    return votes / votes.sum(axis=1, keepdims=True), classes


def _tied_classes(
    queries: np.ndarray,
    train: np.ndarray,
    label: np.ndarray,
    n_classes: int,
    rows: np.ndarray,
    last: np.ndarray,
    slack: float,
    alone: bool,
    scorer: Scorer,
    block_bytes: int,
) -> np.ndarray:
    """Class shares (R, C) of all candidates whose score equals `last`, for the queries `rows`."""
    wide = last.dtype.type
    share = np.zeros((len(rows), n_classes))
    if scorer == "euclidean":
        last = last + np.square(queries[rows].astype(wide)).sum(axis=1) / 2
    for part in _row_blocks(np.arange(len(rows)), len(train), block_bytes, last.dtype.itemsize):
        q = _prepared(queries[rows[part]], wide, scorer, "queries", rows[part])
        width = q.shape[1]
        for start, stop in _column_blocks(len(part), len(train), width, block_bytes, last.dtype.itemsize):
            scores = _scores(q, _prepared(train[start:stop], wide, scorer, "train", part), scorer)
            equal = np.abs(scores - last[part, None]) <= slack
            if alone:
                own = (rows[part] >= start) & (rows[part] < stop)
                equal[own, rows[part][own] - start] = False
            who, which = np.nonzero(equal)
            cells = np.bincount(who * n_classes + label[start:stop][which], minlength=len(part) * n_classes)
            share[part] += cells.reshape(len(part), n_classes)
    return share / share.sum(axis=1, keepdims=True)


def share_right(votes: np.ndarray, target: np.ndarray, tolerance: float = 1e-9) -> np.ndarray:
    """1 where the target has the most votes alone, 1 / m where m classes tie with it, else 0: (Q,).

    votes (Q, C); target (Q,) class index, -1 for a class that has no column.
    """
    target = np.asarray(target)
    best = votes >= votes.max(axis=1, keepdims=True) - tolerance
    mine = best[np.arange(len(votes)), np.maximum(target, 0)] & (target >= 0)
    return mine / best.sum(axis=1)


def knn_right(
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray | None = None,
    test_labels: np.ndarray | None = None,
    **options: Any,
) -> np.ndarray:
    """Share of being right of each test item (Q,), leave one out where there is no test set. Options of `knn_votes`."""
    votes, classes = knn_votes(train, labels, test, **options)
    truth = np.asarray(labels if test is None else test_labels)
    if len(truth) != len(votes):
        raise ValueError(f"knn: {len(votes)} vectors but {len(truth)} labels")
    place = np.minimum(np.searchsorted(classes, truth), len(classes) - 1)
    return share_right(votes, np.where(classes[place] == truth, place, -1))


def knn_accuracy(
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray | None = None,
    test_labels: np.ndarray | None = None,
    **options: Any,
) -> float:
    """Accuracy of a k-nearest-neighbour vote. Options of `knn_votes`: k=20, temperature, scorer."""
    return float(knn_right(train, labels, test, test_labels, **options).mean())
