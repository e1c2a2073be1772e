"""How well a partition or an embedding fits a graph: modularity, normalised cut, link prediction."""

from __future__ import annotations

from typing import Any

import numpy as np


def modularity(adjacency: Any, labels: np.ndarray) -> float:
    """Newman's Q = sum over groups of e_g / m - (d_g / 2 m)^2, in [-1/2, 1). adjacency: scipy sparse (N, N), symmetric;
    labels (N,). e_g: edges inside group g, d_g: its sum of degrees, m: all edges. 0 for a graph without edges."""
    inside, degrees, total = _groups(adjacency, labels)
    return float((inside / total - (degrees / total) ** 2).sum()) if total else 0.0


def normalised_cut(adjacency: Any, labels: np.ndarray) -> float:
    """NCut = sum over groups of (edges that leave g) / (sum of degrees of g); a group without edges counts 0."""
    inside, degrees, _ = _groups(adjacency, labels)
    return float(np.divide(degrees - inside, degrees, out=np.zeros_like(degrees), where=degrees > 0).sum())


def _groups(adjacency: Any, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    matrix = adjacency.tocoo()
    _, group = np.unique(labels, return_inverse=True)
    same = group[matrix.row] == group[matrix.col]
    groups = int(group.max(initial=-1)) + 1
    inside = np.bincount(group[matrix.row][same], matrix.data[same], groups).astype(float)
    degrees = np.bincount(group[matrix.row], matrix.data, groups).astype(float)
    return inside, degrees, float(matrix.data.sum())


def link_prediction(x: np.ndarray, train: np.ndarray, test: np.ndarray, *, seed: int = 0) -> float:
    """ROC AUC of logistic regression on Hadamard products x_u * x_v (Grover and Leskovec, "node2vec", KDD 2016).

    x (N, D); train, test (M, 2) node pairs that are linked; against them stand as many random ones that are in neither.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    n, rng = len(x), np.random.default_rng(seed)
    known = np.concatenate([train, test])
    known = np.unique(np.minimum(*known.T) * n + np.maximum(*known.T))
    pairs = rng.integers(0, n, (4 * (len(train) + len(test)) + 100, 2))
    keep = (pairs[:, 0] != pairs[:, 1]) & ~np.isin(pairs.min(axis=1) * n + pairs.max(axis=1), known)
    free = pairs[keep]
    if len(free) < len(train) + len(test):
        raise ValueError(f"link prediction: the graph is too dense for {len(train) + len(test)} pairs without a link")
    features, truth = [], []
    for linked, apart in ((train, free[: len(train)]), (test, free[len(train) : len(train) + len(test)])):
        both = np.concatenate([linked, apart])
        features.append(x[both[:, 0]].astype(np.float64) * x[both[:, 1]])
        truth.append(np.arange(len(both)) < len(linked))
    scale = features[0].std(axis=0) + 1e-12
    model = LogisticRegression(max_iter=500).fit(features[0] / scale, truth[0])
    return float(roc_auc_score(truth[1], model.decision_function(features[1] / scale)))
