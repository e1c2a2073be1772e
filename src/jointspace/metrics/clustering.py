"""Clusters of vectors and how well they agree with labels."""

from __future__ import annotations

import numpy as np


def cluster(
    vectors: np.ndarray, k: int, *, seed: int = 0, restarts: int = 4, batch_size: int | None = None
) -> np.ndarray:
    """scikit-learn's k-means (mini-batch with `batch_size`): cluster index of each of (N, D), (N,) int64."""
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if not 1 <= k <= len(vectors):
        raise ValueError(f"cluster: k must be from 1 to {len(vectors)}, got {k}")
    if batch_size is None:
        model = KMeans(k, n_init=restarts, random_state=seed)
    else:
        model = MiniBatchKMeans(k, n_init=restarts, random_state=seed, batch_size=batch_size)
    return model.fit_predict(np.asarray(vectors)).astype(np.int64)


def contingency(labels: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """How many items have each (label, cluster): (K, C) float64."""
    _, label = np.unique(labels, return_inverse=True)
    _, cluster_ = np.unique(clusters, return_inverse=True)
    shape = (int(label.max()) + 1, int(cluster_.max()) + 1)
    return np.bincount(label * shape[1] + cluster_, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def v_measure(table: np.ndarray) -> np.ndarray:
    """Harmonic mean of homogeneity and completeness (Rosenberg and Hirschberg, 2007) of tables (..., K, C): (...)."""
    total = table.sum(axis=(-2, -1))
    p = table / total[..., None, None]
    rows, columns = p.sum(axis=-1), p.sum(axis=-2)
    both, by_row, by_column = _entropy(p.reshape(*p.shape[:-2], -1)), _entropy(rows), _entropy(columns)
    mutual = np.maximum(by_row + by_column - both, 0)
    homogeneity = np.where(by_row > 1e-12, mutual / np.maximum(by_row, 1e-12), 1.0)
    completeness = np.where(by_column > 1e-12, mutual / np.maximum(by_column, 1e-12), 1.0)
    return 2 * homogeneity * completeness / np.maximum(homogeneity + completeness, 1e-12)


def _entropy(p: np.ndarray) -> np.ndarray:
    return -np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0).sum(axis=-1)


def right_by_assignment(labels: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """1 where an item's cluster is the one assigned to its label, (N,); their mean is clustering accuracy (ACC).

    The assignment (each label at most one cluster and the reverse) is the best there is: scipy's Hungarian method.
    """
    from scipy.optimize import linear_sum_assignment

    _, label = np.unique(labels, return_inverse=True)
    _, cluster_ = np.unique(clusters, return_inverse=True)
    rows, columns = linear_sum_assignment(contingency(labels, clusters), maximize=True)
    assigned = np.full(int(cluster_.max()) + 1, -1)
    assigned[columns] = rows
    return (assigned[cluster_] == label).astype(np.float64)
